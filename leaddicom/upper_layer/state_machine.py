"""The DICOM upper layer protocol machine as a table (PS3.8 section 9.2, Tables 9-1 to 9-10).

Two rules keep it readable: everything that is known about states stands in this file, and this
file does nothing.  It maps (event, state) to (action, next state); `protocol.UpperLayer`
carries actions out.  The test matrix and the diagram in the docs are derived from `TRANSITIONS`.

A blank cell of Table 9-10 is a missing key.  What a blank cell means depends on where the event
comes from: a local primitive is refused (the caller used it in the wrong state); an event of the
transport or the timer cannot happen there and is ignored.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum, IntEnum, unique

__all__ = ["LOCAL_EVENTS", "TRANSITIONS", "Action", "Event", "State"]


class State(IntEnum):
    """States of the protocol machine (PS3.8 Tables 9-1 to 9-5)."""

    STA1 = 1  # idle
    STA2 = 2  # transport open, awaiting A-ASSOCIATE-RQ
    STA3 = 3  # awaiting the local A-ASSOCIATE response primitive
    STA4 = 4  # awaiting the transport connection
    STA5 = 5  # awaiting A-ASSOCIATE-AC or -RJ
    STA6 = 6  # association established
    STA7 = 7  # awaiting A-RELEASE-RP
    STA8 = 8  # awaiting the local A-RELEASE response primitive
    STA9 = 9  # release collision, requestor: awaiting the local response primitive
    STA10 = 10  # release collision, acceptor: awaiting A-RELEASE-RP
    STA11 = 11  # release collision, requestor: awaiting A-RELEASE-RP
    STA12 = 12  # release collision, acceptor: awaiting the local response primitive
    STA13 = 13  # awaiting the transport to close


class Event(IntEnum):
    """Events of the protocol machine (PS3.8 Table 9-10, first column)."""

    ASSOCIATE_REQUEST = 1  # local primitive
    TRANSPORT_CONFIRMED = 2
    ASSOCIATE_AC_PDU = 3
    ASSOCIATE_RJ_PDU = 4
    TRANSPORT_INDICATION = 5
    ASSOCIATE_RQ_PDU = 6
    ASSOCIATE_ACCEPT = 7  # local primitive
    ASSOCIATE_REJECT = 8  # local primitive
    P_DATA_REQUEST = 9  # local primitive
    P_DATA_PDU = 10
    RELEASE_REQUEST = 11  # local primitive
    RELEASE_RQ_PDU = 12
    RELEASE_RP_PDU = 13
    RELEASE_RESPONSE = 14  # local primitive
    ABORT_REQUEST = 15  # local primitive
    ABORT_PDU = 16
    TRANSPORT_CLOSED = 17
    ARTIM_EXPIRED = 18
    INVALID_PDU = 19


@unique
class Action(Enum):
    """Actions of the protocol machine (PS3.8 Tables 9-6 to 9-9)."""

    AE_1 = "issue TRANSPORT CONNECT request"
    AE_2 = "send A-ASSOCIATE-RQ"
    AE_3 = "issue A-ASSOCIATE confirmation (accept)"
    AE_4 = "issue A-ASSOCIATE confirmation (reject), close transport"
    AE_5 = "issue TRANSPORT CONNECT response, start ARTIM"
    AE_6 = "stop ARTIM; issue A-ASSOCIATE indication, or send A-ASSOCIATE-RJ and start ARTIM"
    AE_7 = "send A-ASSOCIATE-AC"
    AE_8 = "send A-ASSOCIATE-RJ, start ARTIM"
    DT_1 = "send P-DATA-TF"
    DT_2 = "issue P-DATA indication"
    AR_1 = "send A-RELEASE-RQ"
    AR_2 = "issue A-RELEASE indication"
    AR_3 = "issue A-RELEASE confirmation, close transport"
    AR_4 = "send A-RELEASE-RP, start ARTIM"
    AR_5 = "stop ARTIM: the transport closed as expected"
    AR_6 = "issue P-DATA indication while the release is pending"
    AR_7 = "send P-DATA-TF while the release is pending"
    AR_8 = "issue A-RELEASE indication (release collision)"
    AR_9 = "send A-RELEASE-RP (release collision)"
    AR_10 = "issue A-RELEASE confirmation (release collision)"
    AA_1 = "send A-ABORT (service user), start or restart ARTIM"
    AA_2 = "stop ARTIM, close transport"
    AA_3 = "issue A-ABORT or A-P-ABORT indication, close transport"
    AA_4 = "issue A-P-ABORT indication"
    AA_5 = "stop ARTIM: the transport closed before an association"
    AA_6 = "ignore PDU"
    AA_7 = "send A-ABORT"
    AA_8 = "send A-ABORT (service provider), issue A-P-ABORT indication, start ARTIM"


#: Events that the local user causes; in a blank cell they are refused.
LOCAL_EVENTS = frozenset(
    {
        Event.ASSOCIATE_REQUEST,
        Event.ASSOCIATE_ACCEPT,
        Event.ASSOCIATE_REJECT,
        Event.P_DATA_REQUEST,
        Event.RELEASE_REQUEST,
        Event.RELEASE_RESPONSE,
        Event.ABORT_REQUEST,
    }
)

#: State after each action.  Two actions leave a choice, made where they are carried out: AE-6
#: goes to Sta13 when it rejects, AR-8 to Sta10 in the association acceptor.
NEXT_STATE: Mapping[Action, State] = {
    Action.AE_1: State.STA4,
    Action.AE_2: State.STA5,
    Action.AE_3: State.STA6,
    Action.AE_4: State.STA1,
    Action.AE_5: State.STA2,
    Action.AE_6: State.STA3,
    Action.AE_7: State.STA6,
    Action.AE_8: State.STA13,
    Action.DT_1: State.STA6,
    Action.DT_2: State.STA6,
    Action.AR_1: State.STA7,
    Action.AR_2: State.STA8,
    Action.AR_3: State.STA1,
    Action.AR_4: State.STA13,
    Action.AR_5: State.STA1,
    Action.AR_6: State.STA7,
    Action.AR_7: State.STA8,
    Action.AR_8: State.STA9,
    Action.AR_9: State.STA11,
    Action.AR_10: State.STA12,
    Action.AA_1: State.STA13,
    Action.AA_2: State.STA1,
    Action.AA_3: State.STA1,
    Action.AA_4: State.STA1,
    Action.AA_5: State.STA1,
    Action.AA_6: State.STA13,
    Action.AA_7: State.STA13,
    Action.AA_8: State.STA13,
}


def _states(*spans: int | tuple[int, int]) -> Iterator[State]:
    for span in spans:
        first, last = (span, span) if isinstance(span, int) else span
        yield from map(State, range(first, last + 1))


# Table 9-10, a row per event: which action in which states.
_ROWS: Mapping[Event, Iterable[tuple[Action, tuple[int | tuple[int, int], ...]]]] = {
    Event.ASSOCIATE_REQUEST: [(Action.AE_1, (1,))],
    Event.TRANSPORT_CONFIRMED: [(Action.AE_2, (4,))],
    Event.ASSOCIATE_AC_PDU: [
        (Action.AA_1, (2,)),
        (Action.AE_3, (5,)),
        (Action.AA_8, (3, (6, 12))),
        (Action.AA_6, (13,)),
    ],
    Event.ASSOCIATE_RJ_PDU: [
        (Action.AA_1, (2,)),
        (Action.AE_4, (5,)),
        (Action.AA_8, (3, (6, 12))),
        (Action.AA_6, (13,)),
    ],
    Event.TRANSPORT_INDICATION: [(Action.AE_5, (1,))],
    Event.ASSOCIATE_RQ_PDU: [
        (Action.AE_6, (2,)),
        (Action.AA_8, (3, (5, 12))),
        (Action.AA_7, (13,)),
    ],
    Event.ASSOCIATE_ACCEPT: [(Action.AE_7, (3,))],
    Event.ASSOCIATE_REJECT: [(Action.AE_8, (3,))],
    Event.P_DATA_REQUEST: [(Action.DT_1, (6,)), (Action.AR_7, (8,))],
    Event.P_DATA_PDU: [
        (Action.AA_1, (2,)),
        (Action.DT_2, (6,)),
        (Action.AR_6, (7,)),
        (Action.AA_8, (3, 5, (8, 12))),
        (Action.AA_6, (13,)),
    ],
    Event.RELEASE_REQUEST: [(Action.AR_1, (6,))],
    Event.RELEASE_RQ_PDU: [
        (Action.AA_1, (2,)),
        (Action.AR_2, (6,)),
        (Action.AR_8, (7,)),
        (Action.AA_8, (3, 5, (8, 12))),
        (Action.AA_6, (13,)),
    ],
    Event.RELEASE_RP_PDU: [
        (Action.AA_1, (2,)),
        (Action.AR_3, (7, 11)),
        (Action.AR_10, (10,)),
        (Action.AA_8, (3, 5, 6, 8, 9, 12)),
        (Action.AA_6, (13,)),
    ],
    Event.RELEASE_RESPONSE: [(Action.AR_4, (8, 12)), (Action.AR_9, (9,))],
    Event.ABORT_REQUEST: [(Action.AA_1, (3, (5, 12))), (Action.AA_2, (4,))],
    Event.ABORT_PDU: [(Action.AA_2, (2, 13)), (Action.AA_3, (3, (5, 12)))],
    Event.TRANSPORT_CLOSED: [
        (Action.AA_5, (2,)),
        (Action.AA_4, ((3, 12),)),
        (Action.AR_5, (13,)),
    ],
    Event.ARTIM_EXPIRED: [(Action.AA_2, (2, 13))],
    Event.INVALID_PDU: [
        (Action.AA_1, (2,)),
        (Action.AA_8, (3, (5, 12))),
        (Action.AA_7, (13,)),
    ],
}

#: PS3.8 Table 9-10: (event, state) to (action, next state).
TRANSITIONS: Mapping[tuple[Event, State], tuple[Action, State]] = {
    (event, state): (action, NEXT_STATE[action])
    for event, row in _ROWS.items()
    for action, spans in row
    for state in _states(*spans)
}
