"""Every event in every state, carried out: 13 x 19 cells of PS3.8 Table 9-10.

Which action belongs into which cell comes from the table in `state_machine`, which has its own
test; here stands what each action does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest

from leaddicom.errors import AssociationError, DicomErrorCode
from leaddicom.upper_layer.pdu import PduEnd, PdvPiece
from leaddicom.upper_layer.protocol import (
    Abort,
    AssociateAccepted,
    AssociateRejected,
    AssociateRequested,
    Indication,
    ProviderAbort,
    ReleaseConfirmed,
    ReleaseRequested,
    Role,
    UpperLayer,
)
from leaddicom.upper_layer.state_machine import (
    LOCAL_EVENTS,
    NEXT_STATE,
    TRANSITIONS,
    Action,
    Event,
    State,
)

from . import associate_pdus
from .cores import (
    ABORT,
    ACCEPTOR,
    PLACES,
    REJECT,
    RELEASE_REQUEST,
    RELEASE_RESPONSE,
    Core,
    core_in,
    p_data,
    reply,
    request,
)

USER_ABORT = bytes.fromhex("07 00 00000004 00000000")
UNEXPECTED = bytes.fromhex("07 00 00000004 00000202")
UNRECOGNIZED = bytes.fromhex("07 00 00000004 00000201")
REFUSAL = bytes.fromhex("03 00 00000004 00020301")


@dataclass
class Effect:
    """What an action does: bytes that leave, indications, calls of ARTIM, end of transport."""

    sends: bytes | int = b""  # an int is the type of one PDU
    indicates: Sequence[type] = ()
    artim: Sequence[str] = ()
    closes: bool = False


NOTHING = Effect()
EFFECTS: dict[Action, Effect] = {
    # The transport is up already, so that AE-1 and AE-2 are one step.
    Action.AE_1: Effect(sends=1),
    Action.AE_2: NOTHING,
    Action.AE_3: Effect(indicates=[AssociateAccepted]),
    Action.AE_4: Effect(indicates=[AssociateRejected], closes=True),
    Action.AE_5: Effect(artim=["start"]),
    Action.AE_6: Effect(indicates=[AssociateRequested], artim=["stop"]),
    Action.AE_7: Effect(sends=2),
    Action.AE_8: Effect(sends=REFUSAL, artim=["start"]),
    # The driver writes P-DATA-TF itself, once it has leave.
    Action.DT_1: NOTHING,
    Action.DT_2: Effect(indicates=[PdvPiece]),
    Action.AR_1: Effect(sends=RELEASE_REQUEST),
    Action.AR_2: Effect(indicates=[ReleaseRequested]),
    Action.AR_3: Effect(indicates=[ReleaseConfirmed], closes=True),
    Action.AR_4: Effect(sends=RELEASE_RESPONSE, artim=["start"]),
    Action.AR_5: Effect(artim=["stop"]),
    Action.AR_6: Effect(indicates=[PdvPiece]),
    Action.AR_7: NOTHING,
    Action.AR_8: Effect(indicates=[ReleaseRequested]),
    Action.AR_9: Effect(sends=RELEASE_RESPONSE),
    Action.AR_10: Effect(indicates=[ReleaseConfirmed]),
    Action.AA_1: Effect(sends=USER_ABORT, artim=["start"]),
    Action.AA_2: Effect(artim=["stop"], closes=True),
    Action.AA_3: Effect(indicates=[Abort], closes=True),
    Action.AA_4: Effect(indicates=[ProviderAbort]),
    Action.AA_5: Effect(artim=["stop"]),
    Action.AA_6: NOTHING,
    Action.AA_7: Effect(sends=UNEXPECTED),
    Action.AA_8: Effect(sends=UNEXPECTED, indicates=[ProviderAbort], artim=["start"]),
}


def hears(data: bytes) -> Callable[[Core], list[Indication]]:
    return lambda core: core.hear(data)


def does(primitive: Callable[[Core], None]) -> Callable[[Core], list[Indication]]:
    def fire(core: Core) -> list[Indication]:
        primitive(core)
        return []

    return fire


def loses_transport(core: Core) -> list[Indication]:
    indication = core.transport_closed()
    return [] if indication is None else [indication]


FIRE: dict[Event, Callable[[Core], list[Indication]]] = {
    Event.ASSOCIATE_REQUEST: does(lambda core: core.associate(request())),
    # Part of `associate`: no method brings it about alone.
    Event.TRANSPORT_CONFIRMED: does(lambda core: void(core._do(Event.TRANSPORT_CONFIRMED))),
    Event.ASSOCIATE_AC_PDU: hears(associate_pdus.accept()),
    Event.ASSOCIATE_RJ_PDU: hears(REJECT),
    Event.TRANSPORT_INDICATION: does(UpperLayer.transport_connected),
    Event.ASSOCIATE_RQ_PDU: hears(associate_pdus.request()),
    Event.ASSOCIATE_ACCEPT: does(lambda core: core.accept(reply(request()))),
    Event.ASSOCIATE_REJECT: does(lambda core: core.reject(2, 3, 1)),
    Event.P_DATA_REQUEST: does(UpperLayer.p_data),
    Event.P_DATA_PDU: hears(p_data(b"value")),
    Event.RELEASE_REQUEST: does(UpperLayer.release),
    Event.RELEASE_RQ_PDU: hears(RELEASE_REQUEST),
    Event.RELEASE_RP_PDU: hears(RELEASE_RESPONSE),
    Event.RELEASE_RESPONSE: does(UpperLayer.release_response),
    Event.ABORT_REQUEST: does(UpperLayer.abort),
    Event.ABORT_PDU: hears(ABORT),
    Event.TRANSPORT_CLOSED: loses_transport,
    Event.ARTIM_EXPIRED: does(UpperLayer.artim_expired),
    Event.INVALID_PDU: hears(b"\x08\0\0\0\0\4\0\0\0\0"),
}
FROM_THE_PEER = {event for event in Event if event.name.endswith("_PDU")}


def void(_: object) -> None:
    """Lets a call with a result be a primitive."""


def expected(event: Event, state: State, action: Action | None) -> Effect:
    if action is None:
        # Bytes where there is no association, nor one asked for: hang up.
        from_the_peer = event in FROM_THE_PEER
        return Effect(indicates=[ProviderAbort] * from_the_peer, closes=from_the_peer)
    effect = EFFECTS[action]
    sends, indicates = effect.sends, effect.indicates
    if action is Action.AA_1 and event is not Event.ABORT_REQUEST:
        indicates = [ProviderAbort]  # not in PS3.8: the user learns why there is no association
    if event is Event.INVALID_PDU and sends == UNEXPECTED:
        sends = UNRECOGNIZED
    return Effect(sends, indicates, effect.artim, effect.closes)


def next_state(state: State, role: Role, action: Action | None) -> State:
    if action is None:
        return state
    if action is Action.AE_1:
        return State.STA5
    if action is Action.AR_8 and role is ACCEPTOR:
        return State.STA10
    return NEXT_STATE[action]


CELLS = [
    pytest.param(state, role, event, id=f"{state.name}-{role.value}-{event.name}")
    for state, role in PLACES
    for event in Event
]


def test_all_247_cells_are_here() -> None:
    assert len({(state, event) for state, _ in PLACES for event in Event}) == 13 * 19
    assert set(EFFECTS) == set(Action)


@pytest.mark.parametrize(("state", "role", "event"), CELLS)
def test_a_cell(state: State, role: Role, event: Event) -> None:
    core = core_in(state, role)
    action, _ = TRANSITIONS.get((event, state), (None, None))
    before = (core.request, core.accept_reply, core.contexts, core.aborted)
    if action is None and event in LOCAL_EVENTS:
        with pytest.raises(AssociationError, match=r"PS3\.8 Table 9-10") as caught:
            FIRE[event](core)
        disconnected = state in (State.STA1, State.STA13)
        code = DicomErrorCode.NET_NOT_CONNECTED if disconnected else DicomErrorCode.NET_INVALID
        assert caught.value.code is code
        text = f"{event.name} is not possible in state {state.name} of the {role.value}"
        assert text in str(caught.value)
        effect, indications = NOTHING, []
    else:
        effect = expected(event, state, action)
        indications = FIRE[event](core)
    assert core.state is next_state(state, role, action)
    told = [type(it) for it in indications if not isinstance(it, PduEnd)]
    assert told == [*effect.indicates]
    assert core.artim.calls == [*effect.artim]
    assert core.close_transport is effect.closes
    assert core.has_data_to_send is bool(effect.sends)
    sent = core.data_to_send()
    if isinstance(effect.sends, int):
        assert sent[0] == effect.sends
        assert len(sent) == 6 + int.from_bytes(sent[2:6], "big")
    else:
        assert sent == effect.sends
    if action is None:
        assert before == (core.request, core.accept_reply, core.contexts, core.aborted)
    else:
        assert core.aborted is (before[3] or action in (Action.AA_1, Action.AA_7, Action.AA_8))
