"""The upper layer protocol machine of one connection, without I/O (PS3.8 section 9).

`UpperLayer` knows neither socket nor clock.  What arrives is given to `receive_data`, which
answers with indications; what shall leave is fetched with `data_to_send`; `close_transport` says
that the connection has to be closed once that has left.  The driver does the rest.

The peer's faults never raise: PS3.8 answers them with an A-ABORT and an indication, and so does
this class.  What raises is local misuse, a primitive in a state that has no use for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from leaddicom.enums import (
    AbortReason,
    AbortSource,
    PduType,
    RejectReason,
    RejectResult,
    RejectSource,
)
from leaddicom.errors import AssociationError, DicomErrorCode, ProtocolError
from leaddicom.limits import Limits
from leaddicom.upper_layer.association import (
    APPLICATION_CONTEXT,
    Associate,
    decode_associate,
    encode_associate,
)
from leaddicom.upper_layer.negotiation import AcceptedContext, accepted_contexts
from leaddicom.upper_layer.pdu import (
    PduBegin,
    PduEnd,
    PduReader,
    PdvPiece,
    encode_abort,
    encode_reject,
    encode_release_request,
    encode_release_response,
)
from leaddicom.upper_layer.state_machine import LOCAL_EVENTS, TRANSITIONS, Action, Event, State

__all__ = [
    "Abort",
    "ArtimTimer",
    "AssociateAccepted",
    "AssociateRejected",
    "AssociateRequested",
    "Indication",
    "ProviderAbort",
    "ReleaseConfirmed",
    "ReleaseRequested",
    "Role",
    "UpperLayer",
]

_UNLIMITED = 0xFFFFFFFF

_PDU_EVENTS = {
    PduType.ASSOCIATE_REQUEST: Event.ASSOCIATE_RQ_PDU,
    PduType.ASSOCIATE_ACCEPT: Event.ASSOCIATE_AC_PDU,
    PduType.ASSOCIATE_REJECT: Event.ASSOCIATE_RJ_PDU,
    PduType.DATA_TRANSFER: Event.P_DATA_PDU,
    PduType.RELEASE_REQUEST: Event.RELEASE_RQ_PDU,
    PduType.RELEASE_RESPONSE: Event.RELEASE_RP_PDU,
    PduType.ABORT: Event.ABORT_PDU,
}

# Actions on a PDU that is out of place: they need nothing but its header.
_REFUSALS = frozenset({Action.AA_1, Action.AA_6, Action.AA_7, Action.AA_8})


class Role(Enum):
    """Which end of the association this is (PS3.8 section 7.1)."""

    REQUESTOR = "requestor"
    ACCEPTOR = "acceptor"


class ArtimTimer(Protocol):
    """The association request/reject/release timer (PS3.8 section 9.1.5), kept by the driver."""

    def start(self) -> None:
        """Start the timer, or start it again."""

    def stop(self) -> None:
        """Stop the timer if it runs."""


@dataclass(frozen=True, slots=True)
class AssociateRequested:
    """A-ASSOCIATE indication; answer with `accept` or `reject`."""

    request: Associate


@dataclass(frozen=True, slots=True)
class AssociateAccepted:
    """A-ASSOCIATE confirmation, accepted: the reply, and the request that it answers."""

    accept: Associate
    request: Associate


@dataclass(frozen=True, slots=True)
class AssociateRejected:
    """A-ASSOCIATE confirmation, rejected (PS3.8 Table 9-21)."""

    result: int
    source: int
    reason: int


@dataclass(frozen=True, slots=True)
class ReleaseRequested:
    """A-RELEASE indication; answer with `release_response`."""


@dataclass(frozen=True, slots=True)
class ReleaseConfirmed:
    """A-RELEASE confirmation."""


@dataclass(frozen=True, slots=True)
class Abort:
    """The peer sent an A-ABORT (A-ABORT or A-P-ABORT indication, PS3.8 Table 9-26)."""

    source: int
    reason: int


@dataclass(frozen=True, slots=True)
class ProviderAbort:
    """This end gave up because of what the peer sent (A-P-ABORT indication).

    Attributes
    ----------
    error : ProtocolError
        What was wrong; `reason` went out in the A-ABORT.
    """

    error: ProtocolError


Indication = (
    AssociateRequested
    | AssociateAccepted
    | AssociateRejected
    | ReleaseRequested
    | ReleaseConfirmed
    | Abort
    | ProviderAbort
    | PdvPiece
    | PduEnd
)


class UpperLayer:
    """Protocol machine of one transport connection.

    Not thread-safe: one thread owns it.

    Parameters
    ----------
    role : Role
        Requestor or acceptor of the association.
    limits : Limits
        Lengths and counts that are accepted from the peer.
    artim : ArtimTimer
        Timer of the driver; when it runs out the driver calls `artim_expired`.
    keep_data : bool
        Whether `PduEnd` carries the bytes of P-DATA-TF PDUs too.

    Attributes
    ----------
    state : State
        State of the protocol machine.
    request, accept_reply : Associate or None
        The A-ASSOCIATE-RQ and -AC of this association, once there.
    contexts : dict of int to AcceptedContext
        The accepted presentation contexts by their identifier.
    rejection : tuple of int or None
        Result, source and reason of the A-ASSOCIATE-RJ that this end has sent.
    aborted : bool
        Whether this end has sent an A-ABORT.
    close_transport : bool
        Whether the transport has to be closed when `data_to_send` has left.
    """

    def __init__(
        self, role: Role, limits: Limits, artim: ArtimTimer, *, keep_data: bool = False
    ) -> None:
        self.role = role
        self.state = State.STA1
        self.request: Associate | None = None
        self.accept_reply: Associate | None = None
        self.contexts: dict[int, AcceptedContext] = {}
        self.rejection: tuple[int, int, int] | None = None
        self.aborted = False
        self.close_transport = False
        self._limits = limits
        self._artim = artim
        self._reader = PduReader(limits, keep_data)
        self._out = bytearray()
        self._ignoring = False
        self._deaf = False

    # -- what the driver asks ------------------------------------------------------------------

    @property
    def is_established(self) -> bool:
        """Whether the association is up, or up and being released."""
        return self.accept_reply is not None and State.STA6 <= self.state <= State.STA12

    @property
    def in_pdu(self) -> bool:
        """Whether a PDU has begun to arrive and is not complete."""
        return self._reader.in_pdu and not self._deaf

    @property
    def pdus_begun(self) -> int:
        """Number of PDUs that have begun to arrive; it tells one from the next."""
        return self._reader.begun

    @property
    def maximum_length_to_send(self) -> int:
        """Longest P-DATA-TF, without its header, that the peer and our own limit allow."""
        peer = self.accept_reply if self.role is Role.REQUESTOR else self.request
        announced = peer.maximum_length if peer is not None else None
        return min(announced or _UNLIMITED, self._limits.maximum_pdu_length)

    @property
    def operations_window(self) -> int:
        """How many requests may be outstanding (PS3.7 Annex D.3.3.3); 0 is unlimited."""
        offered = self.request and self.request.asynchronous_operations
        granted = self.accept_reply and self.accept_reply.asynchronous_operations
        if not offered or not granted:
            return 1
        ours = 0 if self.role is Role.REQUESTOR else 1
        # An acceptor may not grant more than was offered; if it does, the offer counts.
        return min((window[ours] for window in (offered, granted) if window[ours]), default=0)

    @property
    def has_data_to_send(self) -> bool:
        """Whether `data_to_send` has anything to give."""
        return bool(self._out)

    def data_to_send(self) -> bytes:
        """Take the PDUs that have to leave, in order."""
        data = bytes(self._out)
        self._out.clear()
        return data

    # -- local primitives ----------------------------------------------------------------------

    def transport_connected(self) -> None:
        """Tell an acceptor that its transport is up; ARTIM starts."""
        self._do(Event.TRANSPORT_INDICATION)

    def associate(self, request: Associate) -> None:
        """Request an association over the transport, which is up already (AE-1, AE-2).

        Raises
        ------
        AssociationError
            There is one already, or the transport is to be closed.
        """
        self._check(Event.ASSOCIATE_REQUEST)
        if self.close_transport:
            raise AssociationError(
                DicomErrorCode.NET_NOT_CONNECTED,
                "No association can be requested any more: the transport is to be closed.",
            )
        data = encode_associate(request)
        self._do(Event.ASSOCIATE_REQUEST)
        self.request = request
        self._reader.maximum_length = request.maximum_length or _UNLIMITED
        self._do(Event.TRANSPORT_CONFIRMED)
        self._out += data

    def accept(self, reply: Associate) -> None:
        """Accept the association that was requested (AE-7).

        Raises
        ------
        AssociationError
            None was requested.
        ParameterError, ProtocolError
            The reply cannot be encoded, or does not answer the request.
        """
        self._check(Event.ASSOCIATE_ACCEPT)
        data = encode_associate(reply)
        contexts = accepted_contexts(self._requested, reply)
        self._do(Event.ASSOCIATE_ACCEPT)
        self.accept_reply, self.contexts = reply, contexts
        self._reader.maximum_length = reply.maximum_length or _UNLIMITED
        self._out += data

    def reject(self, result: int, source: int, reason: int) -> None:
        """Reject the association that was requested (AE-8; PS3.8 Table 9-21)."""
        data = encode_reject(result, source, reason)
        self._do(Event.ASSOCIATE_REJECT)
        self.rejection = (result, source, reason)
        self._out += data

    def p_data(self) -> None:
        """Ask leave to send a P-DATA-TF now (DT-1, AR-7); the driver writes it itself."""
        self._do(Event.P_DATA_REQUEST)

    def release(self) -> None:
        """Request the release of the association (AR-1)."""
        self._do(Event.RELEASE_REQUEST)
        self._out += encode_release_request()

    def release_response(self) -> None:
        """Answer the peer's release request (AR-4, AR-9)."""
        self._do(Event.RELEASE_RESPONSE)
        self._out += encode_release_response()

    def abort(
        self,
        source: int = AbortSource.SERVICE_USER,
        reason: int = AbortReason.NOT_SPECIFIED,
    ) -> None:
        """Abort the association (AA-1, AA-2; PS3.8 Table 9-26)."""
        data = encode_abort(source, reason)
        if self._do(Event.ABORT_REQUEST) is Action.AA_1:
            self._out += data

    # -- the transport and the timer -----------------------------------------------------------

    def transport_closed(self) -> Indication | None:
        """Tell that the transport has closed; gives an indication when that was a surprise."""
        action = self._do(Event.TRANSPORT_CLOSED)
        if action is not Action.AA_4:
            return None
        text = (
            "closed the connection without releasing the association"
            if self.accept_reply is not None
            else "closed the connection while the association was being established"
        )
        return ProviderAbort(
            ProtocolError(f"The peer {text}.", code=DicomErrorCode.NET_CONNECTION_ABORTED)
        )

    def artim_expired(self) -> None:
        """Tell that the ARTIM timer has run out (AA-2)."""
        self._do(Event.ARTIM_EXPIRED)

    def receive_data(self, data: memoryview) -> Iterator[Indication]:
        """Give the indications that `data` causes, in order.

        Parameters
        ----------
        data : memoryview
            Received bytes.  The views inside `PdvPiece` are parts of it.

        Yields
        ------
        Indication
            `PdvPiece` for P-DATA, `PduEnd` at the end of every PDU, then what the PDU means.
        """
        try:
            for event in () if self._hears_nothing else self._reader.feed(data):
                yield from self._on_reader_event(event)
                if self._hears_nothing:
                    return
        except ProtocolError as error:
            # Where the next PDU begins is unknown from here on, so nothing more is read.
            self._deaf = True
            yield from self._invalid(error)

    def ignore_input(self) -> None:
        """Take no notice of anything that arrives from here on."""
        self._deaf = True

    def fail(self, error: ProtocolError) -> Iterator[Indication]:
        """Give up because of what a P-DATA value held (event 19, AA-8)."""
        self._deaf = True
        yield from self._invalid(error)

    # -- inside --------------------------------------------------------------------------------

    def _on_reader_event(self, event: PduBegin | PdvPiece | PduEnd) -> Iterator[Indication]:
        if isinstance(event, PdvPiece):
            if not self._ignoring and self.state in (State.STA6, State.STA7):
                yield event
        elif isinstance(event, PduBegin):
            yield from self._on_header(event)
        else:
            yield event
            if not self._ignoring and event.pdu_type is not PduType.DATA_TRANSFER:
                yield from self._on_pdu(event)
            self._ignoring = False

    def _on_header(self, begin: PduBegin) -> Iterator[Indication]:
        event = _PDU_EVENTS[begin.pdu_type]
        action = self._action(event)
        if action is None:
            # Bytes before this end has asked for an association: nobody to answer.
            self.close_transport = True
            error = ProtocolError(
                f"The peer sent a PDU of type {begin.pdu_type.value:02X}H "
                f"({begin.pdu_type.name}) before an association was requested.",
                AbortReason.UNEXPECTED_PDU,
            )
            yield ProviderAbort(error)
        elif action in _REFUSALS:
            self._ignoring = True
            error = ProtocolError(
                f"The peer sent a PDU of type {begin.pdu_type.value:02X}H "
                f"({begin.pdu_type.name}) in state {self.state.name}, where it has no place.",
                AbortReason.UNEXPECTED_PDU,
            )
            yield from self._refuse(event, error)

    def _on_pdu(self, pdu: PduEnd) -> Iterator[Indication]:
        # The state may be another than at the PDU's header: this end may have aborted since.
        event = _PDU_EVENTS[pdu.pdu_type]
        action = self._action(event)
        if action is Action.AE_6:
            yield from self._on_associate_request(pdu.data)
        elif action is Action.AE_3:
            yield from self._on_associate_accept(pdu.data)
        else:
            self._do(event)
            first, second, third = pdu.data[7:10]
            if action is Action.AE_4:
                yield AssociateRejected(first, second, third)
            elif action in (Action.AR_2, Action.AR_8):
                yield ReleaseRequested()
            elif action in (Action.AR_3, Action.AR_10):
                yield ReleaseConfirmed()
            elif action is Action.AA_3:
                yield Abort(second, third)

    def _on_associate_request(self, data: bytes) -> Iterator[Indication]:
        try:
            request = decode_associate(data, self._limits)
        except ProtocolError as error:
            yield from self._invalid(error)
            return
        self.request = request
        self._do(Event.ASSOCIATE_RQ_PDU)
        refusal = self._refusal_of(request)
        if refusal is None:
            yield AssociateRequested(request)
        else:
            self._reject_as_provider(*refusal)

    def _refusal_of(self, request: Associate) -> tuple[int, int, int] | None:
        if not request.protocol_version & 1:
            return (
                RejectResult.PERMANENT,
                RejectSource.SERVICE_PROVIDER_ACSE,
                RejectReason.PROTOCOL_VERSION_NOT_SUPPORTED,
            )
        if request.application_context != APPLICATION_CONTEXT:
            return (
                RejectResult.PERMANENT,
                RejectSource.SERVICE_USER,
                RejectReason.APPLICATION_CONTEXT_NOT_SUPPORTED,
            )
        if not self._is_workable(request.maximum_length):
            return (
                RejectResult.PERMANENT,
                RejectSource.SERVICE_PROVIDER_PRESENTATION,
                RejectReason.LOCAL_LIMIT_EXCEEDED,
            )
        return None

    def _reject_as_provider(self, result: int, source: int, reason: int) -> None:
        # The second branch of AE-6: the user hears nothing of it.
        self.state = State.STA13
        self.rejection = (result, source, reason)
        self._out += encode_reject(result, source, reason)
        self._artim.start()

    def _is_workable(self, maximum_length: int | None) -> bool:
        return not maximum_length or maximum_length >= self._limits.minimum_pdu_length

    def _on_associate_accept(self, data: bytes) -> Iterator[Indication]:
        try:
            reply = decode_associate(data, self._limits)
            if not self._is_workable(reply.maximum_length):
                raise ProtocolError(
                    f"The peer's maximum length of {reply.maximum_length} bytes is below "
                    f"the {self._limits.minimum_pdu_length} that are workable.",
                    AbortReason.INVALID_PDU_PARAMETER_VALUE,
                )
            contexts = accepted_contexts(self._requested, reply)
        except ProtocolError as error:
            yield from self._invalid(error)
            return
        self.accept_reply, self.contexts = reply, contexts
        self._do(Event.ASSOCIATE_AC_PDU)
        yield AssociateAccepted(reply, self._requested)

    def _invalid(self, error: ProtocolError) -> Iterator[Indication]:
        yield from self._refuse(Event.INVALID_PDU, error)

    def _refuse(self, event: Event, error: ProtocolError) -> Iterator[Indication]:
        action = self._do(event)
        if action is None:
            self.close_transport = True
        elif action is Action.AA_1:
            self._out += encode_abort(AbortSource.SERVICE_USER, AbortReason.NOT_SPECIFIED)
        elif action is not Action.AA_6:
            self._out += encode_abort(AbortSource.SERVICE_PROVIDER, error.reason)
        if action is Action.AA_7:
            # Who goes on after an abort shall not be answered again and again.
            self._deaf = True
        elif action is not Action.AA_6:
            yield ProviderAbort(error)

    def _action(self, event: Event) -> Action | None:
        """Give what PS3.8 Table 9-10 has for an event now; `None` is a blank cell."""
        transition = TRANSITIONS.get((event, self.state))
        return None if transition is None else transition[0]

    @property
    def _requested(self) -> Associate:
        # Sta3 and Sta5 imply that there is one.
        return self.request or Associate(is_request=True)

    @property
    def _hears_nothing(self) -> bool:
        return self._deaf or self.close_transport

    def _check(self, event: Event) -> None:
        if event in LOCAL_EVENTS and (event, self.state) not in TRANSITIONS:
            raise AssociationError(
                DicomErrorCode.NET_NOT_CONNECTED
                if self.state in (State.STA1, State.STA13)
                else DicomErrorCode.NET_INVALID,
                f"{event.name} is not possible in state {self.state.name} of the "
                f"{self.role.value} (PS3.8 Table 9-10).",
            )

    def _do(self, event: Event) -> Action | None:
        """Take the transition and do what its action does to timer and transport."""
        self._check(event)
        transition = TRANSITIONS.get((event, self.state))
        if transition is None:
            return None
        action, self.state = transition
        if action is Action.AR_8 and self.role is Role.ACCEPTOR:
            self.state = State.STA10
        if action in _ABORTS:
            self.aborted = True
        if action in _STARTS_ARTIM:
            self._artim.start()
        elif action in _STOPS_ARTIM:
            self._artim.stop()
        if action in _CLOSES_TRANSPORT:
            self.close_transport = True
        return action


_ABORTS = frozenset({Action.AA_1, Action.AA_7, Action.AA_8})
_STARTS_ARTIM = frozenset({Action.AE_5, Action.AE_8, Action.AR_4, Action.AA_1, Action.AA_8})
_STOPS_ARTIM = frozenset({Action.AE_6, Action.AR_5, Action.AA_2, Action.AA_5})
_CLOSES_TRANSPORT = frozenset({Action.AE_4, Action.AR_3, Action.AA_2, Action.AA_3})
