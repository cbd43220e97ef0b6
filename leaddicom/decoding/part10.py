"""The header of a DICOM file: preamble and File Meta Information (PS3.10 section 7.1)."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from io import BufferedReader

from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from leaddicom.decoding.scanner import LONG_VRS, SHORT_VRS, tag_text
from leaddicom.errors import DataSetError, DicomErrorCode

__all__ = ["FileHeader", "read_header"]

_PREAMBLE = 128
_PREFIX = b"DICM"
_SOP_CLASS, _SOP_INSTANCE, _TRANSFER_SYNTAX = 0x00020002, 0x00020003, 0x00020010
_WANTED = (_SOP_CLASS, _SOP_INSTANCE, _TRANSFER_SYNTAX)

#: PS3.10 Table 7.1-1 defines about 20 elements; a crafted file could have millions.
_ELEMENTS = 256
_UID_LENGTH = 64

_NUMBER_AND_LENGTH = struct.Struct("<HL")


@dataclass(frozen=True, slots=True)
class FileHeader:
    """What a DICOM file says of its data set, and where that is.

    Attributes
    ----------
    transfer_syntax_uid : str
        From the File Meta Information, or guessed from the first element without it.
    sop_class_uid, sop_instance_uid : str
        From the File Meta Information; empty without it.
    data_offset, size : int
        Where the data set begins, and its length in bytes.
    """

    transfer_syntax_uid: str
    sop_class_uid: str
    sop_instance_uid: str
    data_offset: int
    size: int


def read_header(path: str | os.PathLike[str]) -> FileHeader:
    """Read the header of a DICOM file, and nothing else of it.

    Files without preamble, without File Meta Information, or with one that lacks elements are
    accepted as pydicom accepts them with ``force=True``.

    Raises
    ------
    DataSetError
        If the file cannot be read, is no DICOM file, or has a damaged header.
    """
    name = os.fspath(path)
    try:
        with open(path, "rb") as file:
            return _Reader(file, name).read()
    except OSError as exc:
        raise DataSetError(
            DicomErrorCode.OPEN, f"The file {name!r} cannot be read: {exc.strerror}."
        ) from exc


class _Reader:
    """Reads one header."""

    def __init__(self, file: BufferedReader, name: str) -> None:
        self._file = file
        self._name = name
        self._size = os.fstat(file.fileno()).st_size

    def read(self) -> FileHeader:
        prefix = self._at(_PREAMBLE, len(_PREFIX))
        position = _PREAMBLE + len(_PREFIX) if prefix == _PREFIX else 0
        uids: dict[int, str] = {}
        for _ in range(_ELEMENTS):
            head = self._at(position, 12)
            if len(head) < 8 or head[:2] != b"\x02\x00":
                break
            position = self._element(head, position, uids)
        else:
            raise self._damaged(f"its File Meta Information has more than {_ELEMENTS} elements")
        return FileHeader(
            uids.get(_TRANSFER_SYNTAX) or self._guess(position, bool(position)),
            uids.get(_SOP_CLASS, ""),
            uids.get(_SOP_INSTANCE, ""),
            position,
            self._size - position,
        )

    def _element(self, head: bytes, position: int, uids: dict[int, str]) -> int:
        """Take one element of group 0002; return where the next one begins."""
        number, length = _NUMBER_AND_LENGTH.unpack_from(head, 2)
        tag = 0x00020000 | number
        position += 8
        vr = head[4:6]
        if vr in LONG_VRS:
            length = int.from_bytes(head[8:12], "little")
            position += 4
        elif vr in SHORT_VRS:
            length = int.from_bytes(head[6:8], "little")
        # Otherwise it is in implicit VR, against PS3.10 section 7.1; such files exist.
        if length > self._size - position:
            raise self._damaged(
                f"{tag_text(tag)} announces {length} bytes, but the file ends after "
                f"{max(0, self._size - position)}"
            )
        if tag in _WANTED:
            uids[tag] = self._uid(tag, position, length)
        return position + int(length)

    def _uid(self, tag: int, position: int, length: int) -> str:
        value = self._at(position, min(length, _UID_LENGTH + 1)).rstrip(b"\0 ")
        if length > _UID_LENGTH + 1 or not (value.isascii() and value.decode().isprintable()):
            raise self._damaged(f"{tag_text(tag)} holds no UID")
        return value.decode("ascii")

    def _guess(self, position: int, is_dicom: bool) -> str:
        """Guess the transfer syntax from the first element, as pydicom does."""
        head = self._at(position, 8)
        if head[4:6] in LONG_VRS | SHORT_VRS:
            # In little endian, no data set begins with a group above 03FF.
            big = int.from_bytes(head[:2], "little") >= 0x0400
            return str(ExplicitVRBigEndian if big else ExplicitVRLittleEndian)
        length = int.from_bytes(head[4:8], "little")
        if not is_dicom and (len(head) < 8 or length > self._size - 8):
            raise self._damaged("it neither has a DICOM header nor begins with a DICOM element")
        return str(ImplicitVRLittleEndian)

    def _at(self, position: int, length: int) -> bytes:
        self._file.seek(position)
        return self._file.read(length)

    def _damaged(self, what: str) -> DataSetError:
        return DataSetError(
            DicomErrorCode.READ,
            f"{self._name!r} is no DICOM file, or a damaged one: {what}.",
        )
