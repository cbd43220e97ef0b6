"""Encoded data sets: real ones, and such as only a peer that lies would send."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pydicom.data
from pydicom.dataset import Dataset

from leaddicom.decoding import decode_data_set, read_header
from leaddicom.limits import Limits

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
JPEG = "1.2.840.10008.1.2.4.50"
JPEG_2000 = "1.2.840.10008.1.2.4.90"
UIDS = frozenset((0x00080016, 0x00080018, 0x0020000D, 0x0020000E))
UNCOMPRESSED = (IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED)

LIMITS = Limits()
FILES = Path(pydicom.data.__file__).parent / "test_files"

#: What pydicom itself does not read to the end, and where it is broken.
BROKEN = {
    "MR_truncated.dcm": r"\(7FE0,0010\) announces 8192 bytes, but 8130 are left \(byte 1154 of",
    "rtplan_truncated.dcm": r"\(300A,00B0\) announces 976 bytes, but 711 are left \(byte 1110 of",
    "no_meta.dcm": "neither has a DICOM header nor begins with a DICOM element",
}


def shipped() -> list[Path]:
    """Every DICOM file in pydicom's package."""
    folders = (FILES, FILES.parent / "charset_files", FILES / "dicomdirtests")
    return sorted(path for folder in folders for path in folder.rglob("*.dcm"))


WHOLE = [path for path in shipped() if path.name not in BROKEN]


def name(path: Path) -> str:
    return path.name


def data_of(path: Path) -> tuple[bytes, str]:
    """Encoded data set and transfer syntax of a file."""
    header = read_header(path)
    return path.read_bytes()[header.data_offset :], header.transfer_syntax_uid


def decoded(path: Path) -> Dataset:
    data, syntax = data_of(path)
    return decode_data_set(data, syntax, LIMITS)


def element(tag: int, value: bytes, length: int | None = None) -> bytes:
    """Encode in Implicit VR Little Endian."""
    size = len(value) if length is None else length
    return struct.pack("<HHL", tag >> 16, tag & 0xFFFF, size) + value


def explicit(tag: int, vr: bytes, value: bytes, order: str = "<") -> bytes:
    """Encode in explicit VR."""
    long = vr in (b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"SQ", b"UN", b"UT")
    layout = "HH2sHL" if long else "HH2sH"
    fields = (0, len(value)) if long else (len(value),)
    return struct.pack(order + layout, tag >> 16, tag & 0xFFFF, vr, *fields) + value


UNDEFINED = 0xFFFFFFFF
ITEM = b"\xfe\xff\x00\xe0"
ITEM_END = b"\xfe\xff\x0d\xe0\0\0\0\0"
SEQUENCE_END = b"\xfe\xff\xdd\xe0\0\0\0\0"
SEQUENCE = 0x00081140
PATIENT = element(0x00100010, b"Doe^Jane")


def nested(depth: int, defined: bool) -> bytes:
    """Encode sequences inside one another."""
    if not defined:
        begin = element(SEQUENCE, ITEM + b"\xff" * 4, UNDEFINED)
        return begin * depth + (ITEM_END + SEQUENCE_END) * depth
    sizes = range(16 * depth - 8, 0, -16)
    heads = (element(SEQUENCE, ITEM + struct.pack("<L", size - 8), size) for size in sizes)
    return b"".join(heads)


def deflate(data: bytes, level: int = -1) -> bytes:
    """Deflate as PS3.5 section A.5 has it, without a zlib header."""
    deflater = zlib.compressobj(level, wbits=-15)
    return deflater.compress(data) + deflater.flush()
