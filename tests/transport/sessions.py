"""Sessions without sockets: what arrives is put in, what leaves is taken out, time is moved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from upper_layer.cores import (
    ACCEPTOR,
    CT_STORAGE,
    IMPLICIT,
    REQUESTOR,
    Core,
    joined,
    reply,
    request,
)

from leaddicom.dimse import messages as dimse
from leaddicom.dimse.command import Value, encode_command
from leaddicom.dimse.composition import compose, is_final
from leaddicom.dimse.fragmentation import BytesSource, DataSetSource, OutgoingMessage
from leaddicom.dimse.message import Message
from leaddicom.dimse.messages import MessageType
from leaddicom.dimse.reassembly import MessageAssembler
from leaddicom.enums import PduType
from leaddicom.limits import Limits
from leaddicom.testing import MovableClock
from leaddicom.transport.deadlines import Deadline, Deadlines
from leaddicom.transport.outbox import Outbox, QueuedMessage, QueuedPrimitive
from leaddicom.transport.session import Session
from leaddicom.upper_layer.association import Associate
from leaddicom.upper_layer.pdu import PduEnd, PduReader, PdvPiece
from leaddicom.upper_layer.protocol import AssociateRequested, Indication, Role, UpperLayer

CONTEXTS = {1: IMPLICIT, 3: IMPLICIT}
ECHO_CLASS = "1.2.840.10008.1.1"
P_DATA, RELEASE_RP, ABORT_PDU = PduType.DATA_TRANSFER, PduType.RELEASE_RESPONSE, PduType.ABORT
USER_ABORT = bytes.fromhex("07 00 00000004 00000000")


def outgoing(
    message_type: MessageType,
    *arguments: Value | None,
    data: bytes | None = None,
    source: DataSetSource | None = None,
    context_id: int = 1,
) -> QueuedMessage:
    """A message to queue; the first argument is its message id."""
    source = source or (None if data is None else BytesSource(data))
    command = compose(message_type, arguments, source is not None)
    return QueuedMessage(
        OutgoingMessage(context_id, encode_command(command), source),
        int(arguments[0] or 0),  # type: ignore[arg-type]
        is_operation=message_type.response is not None,
        is_final=message_type.is_response and is_final(command),
        command_field=message_type.command_field,
    )


def pdus_in(data: bytes) -> list[PduType]:
    reader = PduReader(Limits())
    return [it.pdu_type for it in reader.feed(memoryview(data)) if isinstance(it, PduEnd)]


def messages_in(data: bytes) -> list[Message]:
    """The messages of a stream of PDUs; it has to end with the end of one."""
    assembler = MessageAssembler(CONTEXTS, Limits(), None)
    found = []
    for event in PduReader(Limits()).feed(memoryview(data)):
        if isinstance(event, PdvPiece):
            message = assembler.feed(event.context_id, event.control, event.data, event.end)
            if message is not None:
                found.append(message)
    assert not assembler.in_progress
    return found


def echo_request(message_id: int) -> QueuedMessage:
    return outgoing(dimse.C_ECHO_RQ, message_id, ECHO_CLASS)


def echo_response(message_id: int, status: int = 0) -> QueuedMessage:
    return outgoing(dimse.C_ECHO_RSP, message_id, ECHO_CLASS, status)


def store_request(message_id: int, data: bytes = b"data") -> QueuedMessage:
    arguments = (message_id, CT_STORAGE, "1.2.3", 0, None, None)
    return outgoing(dimse.C_STORE_RQ, *arguments, data=data, context_id=3)


def store_response(message_id: int, status: int = 0) -> QueuedMessage:
    return outgoing(dimse.C_STORE_RSP, message_id, CT_STORAGE, "1.2.3", status, context_id=3)


def find_response(message_id: int, status: int, data: bytes | None = None) -> QueuedMessage:
    return outgoing(dimse.C_FIND_RSP, message_id, CT_STORAGE, status, data=data)


def raw(command: dict[int, Any], data: bytes | None = None) -> QueuedMessage:
    """A message whose command set is as it is."""
    command = {0x0800: 0x0101 if data is None else 1, **command}
    source = None if data is None else BytesSource(data)
    return QueuedMessage(OutgoingMessage(1, encode_command(command), source), 0, False, False)


def ids(data: bytes) -> list[int]:
    return [message.message_id for message in messages_in(data)]


def associate_request() -> bytes:
    """The A-ASSOCIATE-RQ of a peer."""
    core = Core(REQUESTOR)
    core.associate(request())
    return core.data_to_send()


def fail(*_: object) -> None:
    raise RuntimeError("deliberate")


class Owner:
    """Writes down what it is told, and does what the test wants then."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self.indications: list[Indication] = []
        self.messages: list[Message] = []
        self.received: list[PduEnd] = []
        self.sent: list[tuple[int, int]] = []
        self.order: list[str] = []
        self.at_indication: Callable[[Indication], None] = lambda indication: None
        self.at_message: Callable[[Message], None] = lambda message: None
        self.at_received: Callable[[PduEnd], None] = lambda pdu: None
        self.at_sent: Callable[[int, int], None] = lambda pdu_type, length: None

    def on_indication(self, indication: Indication) -> None:
        self.indications.append(indication)
        self.order.append(type(indication).__name__)
        self.at_indication(indication)

    def on_message(self, message: Message) -> None:
        self.messages.append(message)
        self.order.append(message.type.name if message.type else "unknown")
        self.at_message(message)

    def on_received(self, pdu: PduEnd) -> None:
        self.received.append(pdu)
        self.order.append(pdu.pdu_type.name)
        self.at_received(pdu)

    def on_response(self, command: dict[int, Value]) -> dict[int, Value]:
        return command

    def on_sent(self, pdu: memoryview) -> None:
        self.sent.append((pdu[0], len(pdu)))
        self.at_sent(pdu[0], len(pdu))


class Run:
    """A session, its surroundings, and the protocol machine of its peer."""

    def __init__(
        self,
        role: Role = ACCEPTOR,
        limits: Limits | None = None,
        *,
        directory: str | None = None,
        trace: bool = False,
    ) -> None:
        self.limits = limits or Limits()
        self.clock = MovableClock()
        self.deadlines = Deadlines(self.clock)
        self.outbox = Outbox(self.limits)
        self.owner = Owner()
        self.session = Session(
            self.owner,
            role,
            self.limits,
            self.deadlines,
            self.outbox,
            directory=directory,
            trace_received=trace,
            trace_sent=trace,
        )
        self.session.peer = "the peer"
        self.session.begin()
        self.role = role
        self.peer: Core = joined(REQUESTOR if role is ACCEPTOR else ACCEPTOR)

    def establish(
        self, *, maximum_length: int = 16384, window: tuple[int, int] | None = None
    ) -> Run:
        """Associate; `maximum_length` is the peer's, `window` the operations window."""
        asked = request(maximum_length if self.role is ACCEPTOR else 16384)
        asked.asynchronous_operations = window
        answer = reply(asked, 16384 if self.role is ACCEPTOR else maximum_length)
        answer.asynchronous_operations = window
        if self.role is ACCEPTOR:
            self.peer.associate(asked)
            self.owner.at_indication = self._accept(answer)
            self.hear(self.peer.data_to_send())
            self.peer.hear(self.flush())
        else:
            self.primitive(lambda upper_layer: upper_layer.associate(asked))
            self.peer.hear(self.flush())
            self.peer.accept(answer)
            self.hear(self.peer.data_to_send())
        assert self.session.upper_layer.is_established
        self.owner.forget()
        return self

    def _accept(self, answer: Associate) -> Callable[[Indication], None]:
        def accept(indication: Indication) -> None:
            assert isinstance(indication, AssociateRequested)
            self.primitive(lambda upper_layer: upper_layer.accept(answer))

        return accept

    def primitive(self, perform: Callable[[UpperLayer], None], *, waits: bool = False) -> None:
        self.outbox.put(QueuedPrimitive(perform, waits), may_wait=False)

    def put(self, *items: QueuedMessage) -> None:
        for item in items:
            self.outbox.put(item, may_wait=False)
            if item.is_final:
                self.session.answered(item.message_id)

    def hear(self, *pdus: bytes) -> None:
        """Bytes arrive, as the network thread has it."""
        for data in pdus:
            self.session.receive(memoryview(data))
        self.session.watch()

    def hear_message(self, item: QueuedMessage, maximum_length: int = 16384) -> None:
        self.hear(self.message_bytes(item, maximum_length))

    @staticmethod
    def message_bytes(item: QueuedMessage, maximum_length: int = 16384) -> bytes:
        buffer, data = memoryview(bytearray(maximum_length + 6)), b""
        while not item.outgoing.done:
            used = item.outgoing.fill(buffer, maximum_length)
            data += bytes(buffer[:used])
        return data

    def batches(self) -> list[bytes]:
        """All that leaves now, as it is handed to the network."""
        found = []
        while data := self.session.next_bytes():
            found.append(bytes(data))
            self.session.sent()
        self.session.watch()
        return found

    def flush(self) -> bytes:
        return b"".join(self.batches())

    def pass_time(self, seconds: float) -> Deadline | None:
        """Move the clock, and act on the deadline that has passed, if one has."""
        self.clock.advance(seconds)
        expired = self.deadlines.expired()
        if expired is not None:
            self.session.expire(expired)
        return expired

    def sequence(self, items: Sequence[QueuedMessage]) -> bytes:
        return b"".join(self.message_bytes(item) for item in items)
