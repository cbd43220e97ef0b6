"""An SCU and an SCP that speak DICOM correctly, except for the bugs that are switched on.

The idea is BoGo's, BoringSSL's test peer: a second implementation that misbehaves on demand::

    peer = ScriptedPeer(BuggyScu(Bugs(never_last=True)))
    peer.connect(server.GetHostInfo())

Both do one C-STORE: the SCU requests an association, stores one instance and releases; the SCP
accepts everything and answers with success.  They use the codecs of `leaddicom.upper_layer` and
`leaddicom.dimse`, and neither its state machine nor its transport.
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from enum import Enum

from leaddicom.dimse.command import Value, decode_command, encode_command
from leaddicom.dimse.composition import answer, compose
from leaddicom.dimse.message import Message
from leaddicom.dimse.messages import (
    C_ECHO_RQ,
    C_STORE_RQ,
    COMMAND_DATA_SET_TYPE,
    COMMAND_FIELD,
    DATA_SET_ABSENT,
    DATA_SET_PRESENT,
)
from leaddicom.dimse.reassembly import COMMAND, LAST
from leaddicom.enums import PduType
from leaddicom.limits import MAXIMUM_PDU_LENGTH, Limits
from leaddicom.testing.peers import ConnectionOver, PeerError, ReceivedPdu, Wire
from leaddicom.upper_layer.association import (
    Associate,
    PresentationContext,
    decode_associate,
    encode_associate,
)
from leaddicom.upper_layer.pdu import (
    encode_abort,
    encode_release_request,
    encode_release_response,
)

__all__ = [
    "SOP_CLASS",
    "SOP_INSTANCE",
    "VERIFICATION",
    "BuggyScp",
    "BuggyScu",
    "Bugs",
    "Step",
]

#: What is stored: an instance of CT Image Storage.
SOP_CLASS = "1.2.840.10008.5.1.4.1.1.2"
SOP_INSTANCE = "1.2.826.0.1.3680043.10.1543.99.1"

#: The Verification SOP class, which is offered too.
VERIFICATION = "1.2.840.10008.1.1"

_SYNTAXES = ("1.2.840.10008.1.2.1", "1.2.840.10008.1.2")
_BIG_ENDIAN = "1.2.840.10008.1.2.2"
_CONTEXT, _OTHER_CONTEXT, _NO_CONTEXT = 1, 3, 5
_PDU_LENGTH = 16_378
# Of a P-DATA-TF: its header, where context id, control header and value of the first PDV are,
# and what the PDU length counts beside the value.
_HEADER, _ID, _CONTROL, _VALUE, _PDV_OVERHEAD = 6, 10, 11, 12, 6
_RESPONDED_TO = 0x0120
_JUNK = b"\xde\xad\xbe\xef" * 4
_PACE = 0.05
# (7FE0,0010) OB in Explicit VR Little Endian; three PDUs long.
_PIXELS = 40_000
_DATA_SET = b"\xe0\x7f\x10\x00OB\0\0" + _PIXELS.to_bytes(4, "little") + bytes(_PIXELS)


class Step(Enum):
    """How far a conversation has come; an SCU has sent what an SCP has received."""

    CONNECTED = "TCP is up"
    SECURED = "the TLS handshake is over, if there is one"
    ASSOCIATED = "the association is accepted"
    COMMAND = "the command set of the request is over"
    DATA_SET = "the first part of the data set is over, the rest is not"
    MESSAGE = "the request is over, its response is not"
    RELEASE = "the release is requested"
    RELEASED = "the release is answered; TCP is still up"


@dataclass(frozen=True, slots=True)
class Bugs:
    """What a peer does wrong; as it stands, nothing.

    Attributes
    ----------
    split_at : int or None
        Sends in pieces of so many bytes, each a TLS record or a TCP segment of its own.  PS3.8
        allows it.
    stall_after, reset_after, close_after, half_close_after : Step or None
        After this step it does nothing any more (until let go), resets the connection, closes
        it, or closes its sending side only.
    stops_reading : bool
        Once associated it reads nothing any more, and the SCU asks again and again.
    trickle : bool
        The SCU begins a PDU of P-DATA and never ends it, yet sends a byte of it now and then.
    huge_length : bool
        The first PDU announces 4 GiB.
    over_maximum : bool
        Sends a P-DATA-TF of one byte more than was announced to it.
    short_length, long_length : bool
        The first PDU of the data set announces 4 bytes less, or 1,000 more, than it has; the
        long one is the last that is sent.
    no_pdv : bool
        Sends a P-DATA-TF without any presentation data value.
    unknown_type : bool
        Sends a PDU of type AAH once associated.
    second_request : bool
        Sends an A-ASSOCIATE-RQ once associated.
    junk_after_abort, junk_after_release : bool
        Aborts once associated, or releases, and sends garbage behind that.
    http : bool
        Speaks HTTP instead of DICOM.
    maximum_length : int or None
        Announces this maximum length.
    wrong_context_id : bool
        Sends on a presentation context that was never accepted.
    context_changes : bool
        Sends the data set on another presentation context than its command set.
    never_last_command, never_last : bool
        Fragments of the command set, or of the data set, without end.
    data_set_first : bool
        A fragment of a data set comes where a command set is due.
    command_in_data_set : bool
        A fragment of a command set comes where a data set is due.
    damaged_command : bool
        An element of the command set is longer than what is left.
    no_command_field : bool
        The command set has no Command Field.
    wrong_message_id : bool
        The SCP answers a request that was never made.
    unoffered_context : bool
        The SCP accepts a presentation context that was not offered.
    wrong_transfer_syntax : bool
        The SCP accepts a transfer syntax that was not offered.
    """

    split_at: int | None = None
    stall_after: Step | None = None
    reset_after: Step | None = None
    close_after: Step | None = None
    half_close_after: Step | None = None
    stops_reading: bool = False
    trickle: bool = False
    huge_length: bool = False
    over_maximum: bool = False
    short_length: bool = False
    long_length: bool = False
    no_pdv: bool = False
    unknown_type: bool = False
    second_request: bool = False
    junk_after_abort: bool = False
    junk_after_release: bool = False
    http: bool = False
    maximum_length: int | None = None
    wrong_context_id: bool = False
    context_changes: bool = False
    never_last_command: bool = False
    never_last: bool = False
    data_set_first: bool = False
    command_in_data_set: bool = False
    damaged_command: bool = False
    no_command_field: bool = False
    wrong_message_id: bool = False
    unoffered_context: bool = False
    wrong_transfer_syntax: bool = False


class _Buggy(ABC):
    """What both ends have in common."""

    def __init__(self, bugs: Bugs | None = None, data_set: bytes = _DATA_SET) -> None:
        self._bugs = bugs or Bugs()
        self._data_set = data_set
        self._maximum_length = _PDU_LENGTH
        self._context = _NO_CONTEXT if self._bugs.wrong_context_id else _CONTEXT

    def __call__(self, wire: Wire) -> None:
        """Hold the conversation, as far as the other end goes along."""
        with contextlib.suppress(ConnectionOver):
            self._reach(wire, Step.CONNECTED)
            wire.secure()
            wire.piece_length = self._bugs.split_at
            self._reach(wire, Step.SECURED)
            if self._bugs.http:
                wire.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            if self._bugs.huge_length:
                wire.send(b"\x01\x00\xff\xff\xff\xff" + bytes(1000))
            self._converse(wire)
        wire.receive_to_end()

    @abstractmethod
    def _converse(self, wire: Wire) -> None:
        """Speak, as the one end or the other does."""

    def _reach(self, wire: Wire, step: Step) -> None:
        """Do what shall happen after a step."""
        bugs = self._bugs
        for bug, act in (
            (bugs.stall_after, wire.stall),
            (bugs.reset_after, wire.reset),
            (bugs.close_after, wire.close),
            (bugs.half_close_after, wire.half_close),
        ):
            if step is bug:
                act()
                raise ConnectionOver
        if step is Step.ASSOCIATED:
            self._after_association(wire)

    def _after_association(self, wire: Wire) -> None:
        bugs = self._bugs
        for bug, data in (
            (bugs.unknown_type, b"\xaa\x00\x00\x00\x00\x04" + bytes(4)),
            (bugs.second_request, encode_associate(self.request())),
            (bugs.no_pdv, b"\x04\x00\x00\x00\x00\x00"),
            (bugs.data_set_first, _pdv(_CONTEXT, LAST, _JUNK)),
            (bugs.junk_after_abort, encode_abort(0, 0) + _JUNK),
        ):
            if bug:
                wire.send(data)
                raise ConnectionOver
        if bugs.trickle:
            wire.send(_pdv(_CONTEXT, COMMAND, bytes(8_000))[:20])
            while not wire.hears_within(_PACE):
                wire.send(b"\0")

    def request(self) -> Associate:
        """Give the A-ASSOCIATE-RQ of the SCU."""
        return Associate(
            True,
            called_ae_title="ANY-SCP",
            calling_ae_title="BUGGY-SCU",
            presentation_contexts=[
                PresentationContext(_CONTEXT, SOP_CLASS, list(_SYNTAXES)),
                PresentationContext(_OTHER_CONTEXT, VERIFICATION, list(_SYNTAXES)),
            ],
            maximum_length=self._announced,
            implementation_class_uid="1.2.826.0.1.3680043.10.1543.99",
        )

    @property
    def _announced(self) -> int:
        chosen = self._bugs.maximum_length
        return _PDU_LENGTH if chosen is None else chosen

    def _learn(self, associate: Associate) -> None:
        self._maximum_length = associate.maximum_length or MAXIMUM_PDU_LENGTH

    def _encoded(self, command: dict[int, Value]) -> bytes:
        """Encode a command set, with what is to be wrong in it."""
        if self._bugs.no_command_field:
            del command[COMMAND_FIELD.element]
        encoded = encode_command(command)
        if self._bugs.damaged_command:
            # The length of the element behind the group length (PS3.7 section 6.3.1).
            return encoded[:16] + (0x7FFFFFF0).to_bytes(4, "little") + encoded[20:]
        return encoded

    def _pdus(self, context: int, data: bytes, control: int) -> list[bytes]:
        """Cut a command set or a data set into PDUs."""
        size = (self._maximum_length - _PDV_OVERHEAD) & ~1
        fragments = [data[start : start + size] for start in range(0, len(data), size)]
        last = len(fragments) - 1
        return [
            _pdv(context, control | (LAST if index == last else 0), fragment)
            for index, fragment in enumerate(fragments)
        ]

    def _send_endless(self, wire: Wire, control: int) -> None:
        """Send fragments that are never the last one, until the other end has enough."""
        while True:
            wire.send(_pdv(self._context, control, bytes(_PDU_LENGTH - _PDV_OVERHEAD)))

    def _send_spoilt(self, wire: Wire, pdu: bytes) -> None:
        """Send a PDU with the header that it shall have."""
        bugs, length = self._bugs, len(pdu) - _HEADER
        if bugs.over_maximum:
            too_much = bytes(self._maximum_length + 1 - _PDV_OVERHEAD)
            pdu = _pdv(pdu[_ID], pdu[_CONTROL] & ~LAST, too_much)
        elif bugs.short_length:
            pdu = pdu[:2] + _long(length - 4) + pdu[6:]
        elif bugs.long_length:
            pdu = pdu[:2] + _long(length + 1000) + _long(length + 996) + pdu[10:]
        wire.send(pdu)
        if bugs.long_length:
            raise ConnectionOver


class BuggyScu(_Buggy):
    """Associates, stores one instance and releases.

    Parameters
    ----------
    bugs : Bugs, optional
        What it does wrong.
    data_set : bytes
        What it stores, encoded in Explicit VR Little Endian.
    """

    def _converse(self, wire: Wire) -> None:
        wire.send(encode_associate(self.request()))
        self._learn(decode_associate(_expect(wire, PduType.ASSOCIATE_ACCEPT).data, Limits()))
        self._reach(wire, Step.ASSOCIATED)
        if self._bugs.stops_reading:
            self._ask_without_end(wire)
        self._store(wire)
        _expect(wire, PduType.DATA_TRANSFER)
        wire.send(encode_release_request())
        self._reach(wire, Step.RELEASE)
        _expect(wire, PduType.RELEASE_RESPONSE)
        if self._bugs.junk_after_release:
            wire.send(_JUNK)
        self._reach(wire, Step.RELEASED)
        wire.close()

    def _ask_without_end(self, wire: Wire) -> None:
        echo = encode_command(compose(C_ECHO_RQ, (1, VERIFICATION), False))
        while True:
            wire.send(_pdv(_OTHER_CONTEXT, COMMAND | LAST, echo) * 100)

    def _store(self, wire: Wire) -> None:
        bugs = self._bugs
        command = compose(C_STORE_RQ, (1, SOP_CLASS, SOP_INSTANCE, 0, None, None), True)
        if bugs.never_last_command:
            self._send_endless(wire, COMMAND)
        wire.send(b"".join(self._pdus(self._context, self._encoded(command), COMMAND)))
        self._reach(wire, Step.COMMAND)
        if bugs.never_last:
            self._send_endless(wire, 0)
        if bugs.command_in_data_set:
            wire.send(_pdv(_CONTEXT, COMMAND, _JUNK))
        context = _OTHER_CONTEXT if bugs.context_changes else self._context
        first, *rest = self._pdus(context, self._data_set, 0)
        self._send_spoilt(wire, first)
        self._reach(wire, Step.DATA_SET)
        wire.send(b"".join(rest))
        self._reach(wire, Step.MESSAGE)


class BuggyScp(_Buggy):
    """Accepts an association, answers every request with success, and releases.

    Parameters
    ----------
    bugs : Bugs, optional
        What it does wrong.
    """

    def __init__(self, bugs: Bugs | None = None) -> None:
        super().__init__(bugs)

    def _converse(self, wire: Wire) -> None:
        request = decode_associate(_expect(wire, PduType.ASSOCIATE_REQUEST).data, Limits())
        self._learn(request)
        wire.send(encode_associate(self._reply(request)))
        self._reach(wire, Step.ASSOCIATED)
        if self._bugs.stops_reading:
            wire.stall()
        while (pdu := wire.receive_pdu()).type == PduType.DATA_TRANSFER:
            self._respond(wire, self._rest_of_message(wire, pdu))
        if pdu.type != PduType.RELEASE_REQUEST:
            return
        self._reach(wire, Step.RELEASE)
        wire.send(encode_release_response())
        if self._bugs.junk_after_release:
            wire.send(_JUNK)
        self._reach(wire, Step.RELEASED)

    def _reply(self, request: Associate) -> Associate:
        contexts = [
            PresentationContext(each.context_id, "", each.transfer_syntaxes[:1])
            for each in request.presentation_contexts
        ]
        if self._bugs.unoffered_context:
            contexts.append(PresentationContext(201, "", [_SYNTAXES[0]]))
        if self._bugs.wrong_transfer_syntax:
            contexts[0].transfer_syntaxes = [_BIG_ENDIAN]
        return replace(
            request,
            is_request=False,
            presentation_contexts=contexts,
            maximum_length=self._announced,
        )

    def _rest_of_message(self, wire: Wire, pdu: ReceivedPdu) -> Message:
        """Receive what follows the command set; the other end sends one PDV in each PDU."""
        command = decode_command(pdu.data[_VALUE:])
        self._reach(wire, Step.COMMAND)
        last = command[COMMAND_DATA_SET_TYPE.element] == DATA_SET_ABSENT
        while not last:
            last = bool(_expect(wire, PduType.DATA_TRANSFER).data[_CONTROL] & LAST)
            self._reach(wire, Step.DATA_SET)
        self._reach(wire, Step.MESSAGE)
        return Message(pdu.data[_ID], command, None, None)

    def _respond(self, wire: Wire, request: Message) -> None:
        bugs = self._bugs
        command = answer(request, 0)
        if bugs.wrong_message_id:
            command[_RESPONDED_TO] = request.message_id ^ 0x4000
        if bugs.never_last_command:
            self._send_endless(wire, COMMAND)
        if bugs.never_last or bugs.context_changes or bugs.command_in_data_set:
            command[COMMAND_DATA_SET_TYPE.element] = DATA_SET_PRESENT
        for pdu in self._pdus(self._context, self._encoded(command), COMMAND):
            self._send_spoilt(wire, pdu)
        if bugs.never_last:
            self._send_endless(wire, 0)
        if bugs.command_in_data_set:
            wire.send(_pdv(_CONTEXT, COMMAND, _JUNK))
        if bugs.context_changes:
            wire.send(_pdv(_OTHER_CONTEXT, LAST, _JUNK))


def _expect(wire: Wire, pdu_type: PduType) -> ReceivedPdu:
    """Receive a PDU of this type; a refusal ends the conversation (AE-4, AA-3)."""
    pdu = wire.receive_pdu()
    if pdu.type in (PduType.ABORT, PduType.ASSOCIATE_REJECT):
        wire.close()
        raise ConnectionOver
    if pdu.type != pdu_type:
        raise PeerError(f"Expected {pdu_type.name}, received {pdu.data!r:.80}")
    return pdu


def _long(value: int) -> bytes:
    return value.to_bytes(4, "big")


def _pdv(context: int, control: int, value: bytes) -> bytes:
    """Give a P-DATA-TF with one presentation data value (PS3.8 section 9.3.5)."""
    length = len(value) + 2
    return b"\x04\x00" + _long(length + 4) + _long(length) + bytes((context, control)) + value
