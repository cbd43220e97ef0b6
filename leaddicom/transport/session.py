"""What a connection says and understands, between bytes and the owner's events.

`Session` puts the upper layer, the reassembly of messages, the outbox and the deadlines together.
It has neither socket nor thread: it is given what arrived, it gives what shall leave, and it is
told which deadline has passed.  One thread owns it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Protocol

from leaddicom.dimse.command import Value, encode_command
from leaddicom.dimse.composition import answer
from leaddicom.dimse.fragmentation import OutgoingMessage
from leaddicom.dimse.message import Message
from leaddicom.dimse.messages import C_CANCEL_RQ
from leaddicom.dimse.reassembly import MessageAssembler
from leaddicom.enums import AbortReason, AbortSource, Status
from leaddicom.errors import (
    AssociationError,
    DicomError,
    DicomErrorCode,
    ParameterError,
    ProtocolError,
)
from leaddicom.limits import Limits
from leaddicom.transport.admission import Refusal, refusal_of
from leaddicom.transport.deadlines import Deadline, Deadlines, timed_out
from leaddicom.transport.endings import failure_of, rejection_text
from leaddicom.transport.operations import Operations
from leaddicom.transport.outbox import Outbox, QueuedMessage, QueuedPrimitive
from leaddicom.upper_layer.association import Associate
from leaddicom.upper_layer.negotiation import AcceptedContext, accepted_contexts
from leaddicom.upper_layer.pdu import HEADER_LENGTH, PduEnd, PdvPiece, encode_abort
from leaddicom.upper_layer.protocol import Indication, ReleaseConfirmed, Role, UpperLayer
from leaddicom.upper_layer.state_machine import State

__all__ = ["Session", "SessionOwner"]

logger = logging.getLogger(__name__)

# States in which the peer owes us a PDU, and by when (PS3.8 leaves both to the implementation).
_STATE_DEADLINES = {
    State.STA5: Deadline.ASSOCIATE,
    State.STA7: Deadline.RELEASE,
    State.STA10: Deadline.RELEASE,
    State.STA11: Deadline.RELEASE,
}
_NOTHING = memoryview(b"")
_FAULT = "The application failed; its log tells more."


class SessionOwner(Protocol):
    """Who is told what happens on a session, in order, on the thread that owns it."""

    def on_indication(self, indication: Indication) -> None:
        """The peer asked for, or answered, something about the association."""

    def on_message(self, message: Message) -> None:
        """A DIMSE message has arrived whole."""

    def on_received(self, pdu: PduEnd) -> None:
        """A PDU has arrived whole."""

    def on_sent(self, pdu: memoryview) -> None:
        """A PDU has been handed to the network; the view is valid only now."""

    def on_response(self, command: dict[int, Value]) -> dict[int, Value]:
        """A response is about to be queued; give the command set to send, from any thread."""


class Session:
    """Association and messages of one connection.

    Parameters
    ----------
    owner : SessionOwner
        Who is told.
    role : Role
        Requestor or acceptor.
    limits : Limits
        Deadlines and limits.
    deadlines : Deadlines
        Where deadlines are started and stopped.
    outbox : Outbox
        What waits to be sent.
    directory : str or None
        Folder for temporary files.
    trace_received, trace_sent : bool
        Whether the owner listens to `on_received` and `on_sent`; if not, no time is spent.

    Attributes
    ----------
    upper_layer : UpperLayer
        The protocol machine.
    peer : str
        Address of the peer, for messages.
    error : DicomError or None
        What ended the session, if it was a failure.
    is_released : bool
        Whether the peer has confirmed our release, after which it has nothing to say.
    rejection_is_told : bool
        Whether who rejects an association has logged the reason, which then is not said twice.
    one_pdu_at_a_time : bool
        Whether every PDU is handed to the network alone, rather than with others that wait.
    """

    def __init__(
        self,
        owner: SessionOwner,
        role: Role,
        limits: Limits,
        deadlines: Deadlines,
        outbox: Outbox,
        *,
        directory: str | None = None,
        trace_received: bool = False,
        trace_sent: bool = False,
    ) -> None:
        self.upper_layer = UpperLayer(role, limits, self, keep_data=trace_received)
        self.peer = "the peer"
        self.error: DicomError | None = None
        self.is_released = False
        self.rejection_is_told = False
        self.one_pdu_at_a_time = False
        self._owner = owner
        self._role = role
        self._limits = limits
        self._deadlines = deadlines
        self._outbox = outbox
        self._directory = directory
        self._trace_received, self._trace_sent = trace_received, trace_sent
        self._assembler: MessageAssembler | None = None
        self._received: list[Message] = []
        self._operations = Operations()
        self._postponed: QueuedPrimitive | None = None
        self._current: QueuedMessage | None = None
        self._leaving = 0  # items whose last byte is in what `next_bytes` gave
        self._abort: tuple[int, int] | None = None
        self._buffer = _NOTHING
        self._sending = _NOTHING
        self._timed_pdu = 0
        self._timed_state = State.STA1

    # -- ARTIM, as the upper layer wants it (upper_layer.protocol.ArtimTimer) ------------------

    def start(self) -> None:
        """Start ARTIM, or start it again; after an abort it is short."""
        seconds = self._limits.artim_timeout
        if self.upper_layer.aborted:
            seconds = self._limits.abort_timeout
            self._deadlines.start(Deadline.ABORT, seconds)
        self._deadlines.start(Deadline.ARTIM, seconds)

    def stop(self) -> None:
        """Stop ARTIM."""
        self._deadlines.stop(Deadline.ARTIM)

    # -- life ----------------------------------------------------------------------------------

    def begin(self) -> None:
        """The transport is up, TLS included."""
        self._buffer = memoryview(bytearray(HEADER_LENGTH + self._limits.maximum_pdu_length))
        if self._role is Role.ACCEPTOR:
            self.upper_layer.transport_connected()
        self.watch()

    @property
    def is_over(self) -> bool:
        """Whether the transport has to be closed, once what is to be sent has left."""
        return self.upper_layer.close_transport

    @property
    def is_aborting(self) -> bool:
        """Whether an abort was asked for that has not begun."""
        return self._abort is not None

    @property
    def is_settled(self) -> bool:
        """Whether the peer owes nothing, so that it may end the connection in any way."""
        return self.is_released or self.upper_layer.state in (State.STA2, State.STA13)

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits to be sent."""
        return self._current is None and not self._outbox and self._abort is None

    def abort(self, source: int, reason: int) -> None:
        """Abort ahead of all that waits; takes effect at the next `next_bytes`.

        Raises
        ------
        ParameterError
            A number has no room in its byte.
        """
        encode_abort(source, reason)  # refuses here what could not be sent later
        self._abort = (source, reason)

    def end_of_stream(self) -> None:
        """The peer has closed the transport."""
        state = self.upper_layer.state
        indication = self.upper_layer.transport_closed()
        failure = None if indication is None else failure_of(indication, self.peer)
        if failure is not None:
            self._fail(failure)
        elif state is State.STA1 and not self.is_over and self._role is Role.REQUESTOR:
            self._fail(
                AssociationError(
                    DicomErrorCode.NET_CONNECTION_ABORTED,
                    f"{self.peer} closed the connection before an association was requested.",
                )
            )
        self.upper_layer.close_transport = True

    def close(self) -> None:
        """Let go of files and of everything that waits."""
        self._outbox.close()
        self._drop()
        self._buffer = self._sending = _NOTHING
        if self._assembler is not None:
            self._assembler.discard()

    # -- bytes in ------------------------------------------------------------------------------

    def receive(self, data: memoryview) -> None:
        """Act on bytes that have arrived; while an abort waits to leave, on none."""
        if self.is_aborting:
            return
        for indication in self._indications(data):
            if type(indication) is PduEnd:
                self._on_pdu_end(indication)
            else:
                self._on_indication(indication)
            if self._abort is not None:
                # What is left of the bytes is not acted on, so no later ones can be, either.
                self.upper_layer.ignore_input()
                break
        self._deadlines.start(Deadline.IDLE, self._limits.idle_timeout)

    def _indications(self, data: memoryview) -> Iterator[Indication]:
        """Give what the bytes mean; pieces of P-DATA end here, in the assembler."""
        for indication in self.upper_layer.receive_data(data):
            if type(indication) is not PdvPiece:
                yield indication
                continue
            try:
                self._feed(indication)
            except ProtocolError as error:
                yield from self.upper_layer.fail(error)
                return

    def _feed(self, piece: PdvPiece) -> None:
        if self._assembler is None:
            contexts = self.upper_layer.contexts.values()
            self._assembler = MessageAssembler(
                {context.context_id: context.transfer_syntax for context in contexts},
                self._limits,
                self._directory,
            )
        message = self._assembler.feed(piece.context_id, piece.control, piece.data, piece.end)
        if message is not None:
            self._received.append(message)

    def _on_pdu_end(self, pdu: PduEnd) -> None:
        if self._trace_received:
            self.tell(self._owner.on_received, pdu)
        if self._deadlines.is_running(Deadline.RESPONSE):
            # The sub-operations of a C-GET (PS3.4 section C.4.3) are a sign of life as well.
            self._deadlines.start(Deadline.RESPONSE, self._limits.response_timeout)
        if self._received:
            # Events come after the end of the PDU that completed their message.
            messages, self._received = self._received, []
            for message in messages:
                if self._abort is not None:
                    break
                self._deliver(message)

    def _on_indication(self, indication: Indication) -> None:
        failure = failure_of(indication, self.peer)
        if failure is not None:
            self._fail(failure)
        elif isinstance(indication, ReleaseConfirmed):
            self.is_released = True
            if self._postponed is not None:
                self._outbox.put(self._postponed, may_wait=False)
        self.tell(self._owner.on_indication, indication)

    # -- messages ------------------------------------------------------------------------------

    def _deliver(self, message: Message) -> None:
        abstract_syntax = self.upper_layer.contexts[message.context_id].abstract_syntax
        refusal = refusal_of(message, abstract_syntax, self._operations, self.peer)
        if refusal is not None:
            self._refuse(message, refusal)
            return
        if not message.is_response:
            self._operations.owe(message)
        elif not self._settle(message):
            return
        self._deadlines.pause()
        try:
            self._owner.on_message(message)
        except BaseException as error:
            logger.exception("The event for a message from %s raised", self.peer)
            if message.is_response:
                self.on_fault(error)
            elif self._operations.owes(message):
                self.answer(message, Status.PROCESSING_FAILURE, _FAULT)
        finally:
            self._deadlines.resume()

    def _refuse(self, message: Message, refusal: Refusal) -> None:
        logger.warning("%s", refusal.error)
        if message.is_response:  # there is no answer to it, and no use in going on
            self._fail(refusal.error)
            self.abort(AbortSource.SERVICE_USER, AbortReason.NOT_SPECIFIED)
        else:
            self._respond(message, refusal.status, refusal.comment)

    def context(self, context_id: int) -> AcceptedContext:
        """Give an accepted presentation context.

        Raises
        ------
        AssociationError
            There is no association.
        ParameterError
            The context was not accepted.
        """
        contexts = self.upper_layer.contexts
        if not self.upper_layer.is_established:
            raise AssociationError(
                DicomErrorCode.NET_NOT_CONNECTED, f"There is no association with {self.peer}."
            )
        if context_id not in contexts:
            raise ParameterError(
                f"Presentation context {context_id} was not accepted by {self.peer}; "
                f"accepted are {sorted(contexts) or 'none'}."
            )
        return contexts[context_id]

    def check_accept(self, reply: Associate) -> None:
        """Refuse an A-ASSOCIATE-AC that does not fit the request: the peer would wait in vain.

        Raises
        ------
        ParameterError
            It accepts what was not offered.
        """
        request = self.upper_layer.request
        try:
            accepted_contexts(request or Associate(is_request=True), reply)
        except ProtocolError as error:
            raise ParameterError(error.message, DicomErrorCode.PDU_ID) from None

    def answer(self, request: Message, status: Status, comment: str = "") -> None:
        """Answer a request in the application's place, if it is one that has an answer."""
        self._respond(request, status, comment)
        self.answered(request.message_id)

    def _respond(self, request: Message, status: Status, comment: str) -> None:
        if request.is_response or request.type is C_CANCEL_RQ:
            return
        try:
            command = encode_command(self._owner.on_response(answer(request, status, comment)))
        except BaseException as error:
            logger.exception("The event for a response to %s raised", self.peer)
            self.on_fault(error)
            return
        self._outbox.put(
            QueuedMessage(
                OutgoingMessage(request.context_id, command, None),
                request.message_id,
                is_operation=False,
                is_final=True,
            ),
            may_wait=False,
        )

    def answered(self, message_id: int) -> bool:
        """The final response to a request is queued; from any thread.

        Returns
        -------
        bool
            Whether one was owed.
        """
        return self._operations.answered(message_id)

    def not_answered(self, message_id: int) -> None:
        """The final response could not be queued after all."""
        self._operations.not_answered(message_id)

    def _settle(self, response: Message) -> bool:
        """Match a response with its request; `False`, and the end, if there is none."""
        try:
            self._operations.settle(response)
        except ProtocolError as error:
            for indication in self.upper_layer.fail(error):
                self._on_indication(indication)
            return False
        if self._operations.are_awaited:
            self._deadlines.start(Deadline.RESPONSE, self._limits.response_timeout)
        else:
            self._deadlines.stop(Deadline.RESPONSE)
        return True

    # -- bytes out -----------------------------------------------------------------------------

    def next_bytes(self) -> memoryview:
        """Give the next bytes to send; empty if there are none now.

        They are whole PDUs, and the view stays as it is until `sent` is called.
        """
        if self._abort is not None:
            self._do_abort(*self._abort)
        if not self._sending:
            # Last, what filling has brought about: an A-ABORT if a data set cannot be read.
            self._sending = self._control() or self._fill_buffer() or self._control()
        return self._sending

    def _control(self) -> memoryview:
        return memoryview(self.upper_layer.data_to_send())

    def sent(self) -> None:
        """What `next_bytes` gave has left."""
        data, self._sending = self._sending, _NOTHING
        if self._leaving:
            self._outbox.sent(self._leaving)
            self._leaving = 0
        self._deadlines.start(Deadline.IDLE, self._limits.idle_timeout)
        if self.upper_layer.aborted and not self.upper_layer.has_data_to_send:
            self._deadlines.stop(Deadline.ABORT)
        if self._trace_sent:
            position = 0
            while position < len(data):
                length = HEADER_LENGTH + int.from_bytes(data[position + 2 : position + 6], "big")
                self.tell(self._owner.on_sent, data[position : position + length])
                position += length

    def _fill_buffer(self) -> memoryview:
        """Put as many waiting PDUs as fit into the buffer, so that they leave together."""
        if self.is_over or self.upper_layer.state is State.STA13:
            self._drop()  # nothing may follow a reject, a release response or an abort
        used, limit = 0, self.upper_layer.maximum_length_to_send
        while True:
            if self._current is None:
                item = self._outbox.take(self._may_start_operation())
                if isinstance(item, QueuedMessage) and item.is_operation:
                    self._operations.start(item)
                if item is None:
                    break
                if isinstance(item, QueuedPrimitive):
                    self._perform(item)
                    control = self.upper_layer.data_to_send()
                    if control:
                        self._leaving += 1
                        return memoryview(bytes(self._buffer[:used]) + control)
                    self._outbox.sent(1)
                    continue
                self._current = item
            message = self._current
            used += self._fill_from(message, self._buffer[used:], limit)
            if not message.outgoing.done or (used and self.one_pdu_at_a_time):
                break
        return self._buffer[:used]

    def _fill_from(self, item: QueuedMessage, room: memoryview, limit: int) -> int:
        """Continue the current message; it is no longer current when all of it is out."""
        outgoing = item.outgoing
        try:
            self.upper_layer.p_data()
            count = outgoing.fill(room, limit, only_one=self.one_pdu_at_a_time)
        except AssociationError as error:
            # The state has changed since the caller asked: a release is under way.
            logger.warning("Not sent to %s: %s", self.peer, error)
            outgoing.close()
            self._current = None
            self._outbox.sent(1)
            return 0
        except DicomError as error:
            logger.error("A message to %s cannot be sent: %s", self.peer, error)
            self._fail(error)
            self._do_abort(AbortSource.SERVICE_USER, AbortReason.NOT_SPECIFIED)
            return 0
        if outgoing.done:
            self._current = None
            self._leaving += 1
            if item.is_operation and self._operations.are_awaited:
                self._deadlines.start(Deadline.RESPONSE, self._limits.response_timeout)
        return count

    def _may_start_operation(self) -> bool:
        item, window = self._outbox.next_operation, self.upper_layer.operations_window
        return item is not None and self._operations.may_start(item, window)

    def _perform(self, item: QueuedPrimitive) -> None:
        if item.answers_release and self.upper_layer.state is State.STA10:
            # When both ends release, the acceptor answers second (PS3.8 section 7.2.2.7).
            self._postponed = item
            return
        try:
            item.perform(self.upper_layer)
        except DicomError as error:
            # The state has changed since the caller asked, an abort for example.
            logger.warning("Not sent to %s: %s", self.peer, error)

    def _do_abort(self, source: int, reason: int) -> None:
        self._abort = None
        self._drop()
        self._deadlines.start(Deadline.ABORT, self._limits.abort_timeout)
        try:
            self.upper_layer.abort(source, reason)
        except AssociationError:
            self.upper_layer.close_transport = True  # there is no association to abort

    def _drop(self) -> None:
        """Drop everything that waits to be sent."""
        self._outbox.clear()
        if self._current is not None:
            self._current.outgoing.close()
            self._current = None
            self._outbox.sent(1)

    # -- deadlines -----------------------------------------------------------------------------

    def watch(self) -> None:
        """Start and stop the deadlines that follow from the state; after every step."""
        upper_layer = self.upper_layer
        if self._abort is not None and not self._deadlines.is_running(Deadline.ABORT):
            self._deadlines.start(Deadline.ABORT, self._limits.abort_timeout)
        if upper_layer.in_pdu:
            is_timed = self._deadlines.is_running(Deadline.PDU)
            if upper_layer.pdus_begun != self._timed_pdu or not is_timed:
                self._timed_pdu = upper_layer.pdus_begun
                self._deadlines.start(Deadline.PDU, self._limits.pdu_timeout)
        else:
            self._deadlines.stop(Deadline.PDU)
        if upper_layer.state is not self._timed_state:
            self._timed_state = upper_layer.state
            text = rejection_text(upper_layer)
            if text is not None:  # the connection ends in good order
                level = logging.INFO if self.rejection_is_told else logging.WARNING
                logger.log(level, "%s %s", self.peer, text)
            self._deadlines.stop(Deadline.ASSOCIATE)
            self._deadlines.stop(Deadline.RELEASE)
            self._deadlines.start(Deadline.IDLE, self._limits.idle_timeout)
            deadline = _STATE_DEADLINES.get(upper_layer.state)
            if deadline is not None:
                self._deadlines.start(deadline, self._seconds(deadline))

    def expire(self, deadline: Deadline) -> None:
        """A deadline has passed: end what it watched over."""
        if deadline is Deadline.IDLE and (self._operations.are_under_way or not self.is_idle):
            self._deadlines.start(Deadline.IDLE, self._limits.idle_timeout)
            return
        error = timed_out(deadline, self._seconds(deadline), self.peer)
        if deadline is Deadline.ARTIM:
            if self.upper_layer.state is State.STA2:
                self._fail(error)
            self.upper_layer.artim_expired()
        elif deadline in (Deadline.ABORT, Deadline.WRITE):
            # Nothing more can be said to a peer that does not listen.
            raise error
        else:
            self._fail(error)
            self.abort(AbortSource.SERVICE_USER, AbortReason.NOT_SPECIFIED)

    def _seconds(self, deadline: Deadline) -> float:
        seconds: float = getattr(self._limits, f"{deadline.name.lower()}_timeout")
        return seconds

    # -- errors --------------------------------------------------------------------------------

    def _fail(self, error: DicomError) -> None:
        self.error = self.error or error

    def tell(self, event: Callable[..., None], *arguments: object) -> None:
        """Call an event of the owner; its time is not the peer's, its faults end no thread."""
        self._deadlines.pause()
        try:
            event(*arguments)
        except BaseException as error:
            logger.exception("An event of the connection with %s raised", self.peer)
            self.on_fault(error)
        finally:
            self._deadlines.resume()

    def on_fault(self, error: BaseException) -> None:
        """An event has raised that cannot be answered in any other way."""
        # Not what it says: that may be about a patient.
        text = f"A fault in this program: an event of the connection with {self.peer} raised"
        self._fail(DicomError(DicomErrorCode.NET_FAILURE, f"{text} {type(error).__name__}."))
        self.abort(AbortSource.SERVICE_USER, AbortReason.NOT_SPECIFIED)
