"""Framing: the byte stream cut into PDUs, and the small PDUs themselves (PS3.8 section 9.3).

`PduReader` checks the six bytes of a PDU header before it waits for, or keeps, anything that
follows.  A-ASSOCIATE PDUs are collected whole, because their codec needs them whole.  The values
of a P-DATA-TF pass through as views of what was fed, so that a received image is never copied
here.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from leaddicom.enums import AbortReason, PduType
from leaddicom.errors import DicomErrorCode, ParameterError, ProtocolError
from leaddicom.limits import Limits

__all__ = [
    "HEADER_LENGTH",
    "PduBegin",
    "PduEnd",
    "PduReader",
    "PdvPiece",
    "encode_abort",
    "encode_reject",
    "encode_release_request",
    "encode_release_response",
]

#: PDU type, a reserved byte and the PDU length.
HEADER_LENGTH = 6

_PDU_HEADER = struct.Struct(">BxL")
_PDV_HEADER = struct.Struct(">LBB")
_CONTROL_PDU = struct.Struct(">BxL4B")

# The lengths that PS3.8 fixes (Tables 9-21, 9-24 to 9-26).
_FIXED_LENGTH = {
    PduType.ASSOCIATE_REJECT: 4,
    PduType.RELEASE_REQUEST: 4,
    PduType.RELEASE_RESPONSE: 4,
    PduType.ABORT: 4,
}
# Protocol version, reserved field, two AE titles and 32 reserved bytes come before the items.
_SHORTEST_ASSOCIATE = 68
# Presentation context ID and message control header stand inside the PDV's length.
_SHORTEST_PDV = 2
# First letters of HTTP's methods; TLS is recognized by the transport, before it gets here.
_HTTP_LETTERS = frozenset(b"CDGHOPT")


@dataclass(slots=True)
class PduBegin:
    """A PDU header has arrived and its length is acceptable."""

    pdu_type: PduType
    length: int


@dataclass(slots=True)
class PdvPiece:
    """Part of the value of one presentation data value item (PS3.8 section 9.3.5.1).

    Attributes
    ----------
    context_id : int
        Presentation context ID.
    control : int
        Message control header (PS3.8 Annex E.2): bit 0 command, bit 1 last fragment.
    data : memoryview
        Bytes of the value; valid until the next piece is asked for.
    end : bool
        Whether this is the last piece of the item.
    """

    context_id: int
    control: int
    data: memoryview
    end: bool


@dataclass(slots=True)
class PduEnd:
    """A PDU is complete.

    Attributes
    ----------
    pdu_type : PduType
        Its type.
    length : int
        Its length on the wire, the header included.
    data : bytes
        The whole PDU; empty for a P-DATA-TF unless the reader keeps them.
    """

    pdu_type: PduType
    length: int
    data: bytes


class PduReader:
    """Cuts received bytes into PDUs.

    Parameters
    ----------
    limits : Limits
        `associate_pdu_length` and `maximum_pdu_length` bound what is read.
    keep_data : bool
        Whether `PduEnd.data` of a P-DATA-TF holds its bytes.  It costs a copy of everything.

    Attributes
    ----------
    maximum_length : int
        Longest P-DATA-TF that is accepted: what was announced to the peer.
    begun : int
        Number of PDUs of which at least one byte has arrived.
    in_pdu : bool
        Whether a PDU has begun and is not complete.
    """

    def __init__(self, limits: Limits, keep_data: bool = False) -> None:
        self.maximum_length = limits.maximum_pdu_length
        self._associate_length = limits.associate_pdu_length
        self._keep_data = keep_data
        self.begun = 0
        self.in_pdu = False
        self._header = bytearray()
        self._pdu_type = PduType.UNKNOWN
        self._length = 0
        self._remaining = 0
        self._body = bytearray()
        self._pdv_remaining = 0
        self._context_id = 0
        self._control = 0

    def feed(self, data: memoryview) -> Iterator[PduBegin | PdvPiece | PduEnd]:
        """Give the events that `data` completes, in order.

        The caller takes every event before `data` is changed.

        Raises
        ------
        ProtocolError
            A header that PS3.8 or a limit forbids.  The stream cannot be followed any further.
        """
        position, end = 0, len(data)
        while position < end:
            if self._remaining == 0:
                header, position = self._collect(data, position, HEADER_LENGTH)
                if header is None:
                    return
                yield self._begin_pdu(*_PDU_HEADER.unpack(header))
            elif self._pdu_type is not PduType.DATA_TRANSFER:
                taken = min(self._remaining, end - position)
                self._body += data[position : position + taken]
                position += taken
                self._remaining -= taken
            elif self._pdv_remaining == 0:
                before = position
                header, position = self._collect(data, position, _PDV_HEADER.size)
                self._remaining -= position - before
                if header is None:
                    return
                self._begin_pdv(*_PDV_HEADER.unpack(header))
                if self._pdv_remaining == 0:  # a PDV of no bytes still may be the last one
                    yield PdvPiece(self._context_id, self._control, data[:0], True)
            else:
                taken = min(self._pdv_remaining, end - position)
                piece = data[position : position + taken]
                position += taken
                self._pdv_remaining -= taken
                self._remaining -= taken
                if self._keep_data:
                    self._body += piece
                yield PdvPiece(self._context_id, self._control, piece, self._pdv_remaining == 0)
            if self._remaining == 0:
                yield self._end_pdu()

    def _collect(
        self, data: memoryview, position: int, size: int
    ) -> tuple[bytes | memoryview | None, int]:
        """Take a header of `size` bytes that may arrive in several calls."""
        if not self.in_pdu:
            self.in_pdu = True
            self.begun += 1
        if not self._header and len(data) - position >= size:
            return data[position : position + size], position + size
        taken = min(size - len(self._header), len(data) - position)
        self._header += data[position : position + taken]
        position += taken
        if len(self._header) < size:
            return None, position
        header = bytes(self._header)
        self._header.clear()
        return header, position

    def _begin_pdu(self, type_code: int, length: int) -> PduBegin:
        if not PduType.ASSOCIATE_REQUEST <= type_code <= PduType.ABORT:
            raise ProtocolError(
                f"The peer sent a PDU of the unknown type {type_code:02X}H."
                + (" It looks like HTTP; this is DICOM." if type_code in _HTTP_LETTERS else ""),
                AbortReason.UNRECOGNIZED_PDU,
            )
        pdu_type = PduType(type_code)
        self._check_length(pdu_type, length)
        self._pdu_type = pdu_type
        self._length = self._remaining = length
        if self._keep_data or pdu_type is not PduType.DATA_TRANSFER:
            self._body += _PDU_HEADER.pack(type_code, length)
        return PduBegin(pdu_type, length)

    def _check_length(self, pdu_type: PduType, length: int) -> None:
        fixed = _FIXED_LENGTH.get(pdu_type)
        if fixed is not None:
            shortest = longest = fixed
        elif pdu_type is PduType.DATA_TRANSFER:
            shortest = _PDV_HEADER.size
            longest = self.maximum_length
        else:
            shortest = _SHORTEST_ASSOCIATE
            longest = self._associate_length
        if not shortest <= length <= longest:
            raise ProtocolError(
                f"The peer sent a PDU of type {pdu_type.value:02X}H ({pdu_type.name}) that "
                f"announces {length} bytes; {shortest} to {longest} are allowed.",
                AbortReason.INVALID_PDU_PARAMETER_VALUE,
                DicomErrorCode.PDU_LENGTH,
            )

    def _begin_pdv(self, length: int, context_id: int, control: int) -> None:
        left = self._remaining + _SHORTEST_PDV
        if not _SHORTEST_PDV <= length <= left:
            raise ProtocolError(
                f"The peer sent a presentation data value that announces {length} bytes "
                f"where {left} are left in its PDU.",
                AbortReason.INVALID_PDU_PARAMETER_VALUE,
                DicomErrorCode.PDU_LENGTH,
            )
        self._pdv_remaining = length - _SHORTEST_PDV
        after = self._remaining - self._pdv_remaining
        if 0 < after < _PDV_HEADER.size:
            raise ProtocolError(
                f"The peer sent a P-DATA-TF with {after} bytes behind its last value.",
                AbortReason.INVALID_PDU_PARAMETER_VALUE,
                DicomErrorCode.PDU_LENGTH,
            )
        self._context_id, self._control = context_id, control
        if self._keep_data:
            self._body += _PDV_HEADER.pack(length, context_id, control)

    def _end_pdu(self) -> PduEnd:
        self.in_pdu = False
        data = bytes(self._body)
        self._body.clear()
        return PduEnd(self._pdu_type, HEADER_LENGTH + self._length, data)


def encode_reject(result: int, source: int, reason: int) -> bytes:
    """Encode an A-ASSOCIATE-RJ (PS3.8 section 9.3.4).

    Raises
    ------
    ParameterError
        A number has no room in its byte.
    """
    return _encode_control(PduType.ASSOCIATE_REJECT, result, source, reason)


def encode_release_request() -> bytes:
    """Encode an A-RELEASE-RQ (PS3.8 section 9.3.6)."""
    return _encode_control(PduType.RELEASE_REQUEST, 0, 0, 0)


def encode_release_response() -> bytes:
    """Encode an A-RELEASE-RP (PS3.8 section 9.3.7)."""
    return _encode_control(PduType.RELEASE_RESPONSE, 0, 0, 0)


def encode_abort(source: int, reason: int) -> bytes:
    """Encode an A-ABORT (PS3.8 section 9.3.8).

    Raises
    ------
    ParameterError
        A number has no room in its byte.
    """
    return _encode_control(PduType.ABORT, 0, source, reason)


def _encode_control(pdu_type: PduType, *fields: int) -> bytes:
    if not all(0 <= field <= 0xFF for field in fields):
        raise ParameterError(
            f"The fields {fields} of a PDU of type {pdu_type.value:02X}H ({pdu_type.name}) "
            "have to be 0 to 255 (PS3.8 section 9.3)."
        )
    return _CONTROL_PDU.pack(pdu_type, 4, 0, *fields)
