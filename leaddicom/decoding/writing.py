"""From pydicom's data sets to encoded ones."""

from __future__ import annotations

import array
import re
import struct
import zlib
from collections.abc import Iterator
from typing import cast

from pydicom.charset import default_encoding
from pydicom.datadict import dictionary_VR, private_dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import correct_ambiguous_vr, write_dataset
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag
from pydicom.uid import UID
from pydicom.valuerep import EXPLICIT_VR_LENGTH_16

from leaddicom.decoding.scanner import tag_text
from leaddicom.decoding.syntaxes import (
    NATIVE,
    Encoding,
    check_conversion,
    encoding_of,
    syntax_text,
)
from leaddicom.errors import DataSetError, DicomErrorCode

__all__ = ["dataset_syntax", "dataset_uid", "encode_data_set", "uid_text"]

_PIXEL_DATA = 0x7FE00010
_UNDEFINED = 0xFFFFFFFF
_ITEM = b"\xfe\xff\x00\xe0"

#: Bytes of the words of which the values of a VR consist (PS3.5 section 7.3).
_WORDS = {
    "AT": 2, "OW": 2, "SS": 2, "US": 2,
    "FL": 4, "OF": 4, "OL": 4, "SL": 4, "UL": 4,
    "FD": 8, "OD": 8, "OV": 8, "SV": 8, "UV": 8,
}  # fmt: skip
_ARRAYS = {2: "H", 4: "I", 8: "Q"}

_Element = DataElement | RawDataElement


def encode_data_set(
    dataset: Dataset, transfer_syntax_uid: str, *, group_lengths: bool = False
) -> bytes:
    """Encode a data set.

    May be called from any thread, but not while another uses `dataset`: pydicom converts
    values in place.

    Parameters
    ----------
    dataset : pydicom.dataset.Dataset
        The data set.  Elements of groups 0000 and 0002 are left out.  Values that nobody has
        looked at since they were read are copied, not interpreted.  Bytes of the VRs OW, OL,
        OF, OD and OV are in the order in which the data set was read, else little endian.
    transfer_syntax_uid : str
        How to encode it.  Pixel data are not compressed or decompressed: for a compressed
        transfer syntax they must be encapsulated already.
    group_lengths : bool
        Whether to put a Group Length (gggg,0000) before every group of standard elements, for
        peers that are older than its retirement (PS3.5 section 7.2).

    Returns
    -------
    bytes
        The encoded data set.

    Raises
    ------
    DataSetError
        If it cannot be encoded; the message has the reason.
    """
    encoding = encoding_of(transfer_syntax_uid)
    source_uid = dataset_syntax(dataset)
    if source_uid is not None:
        check_conversion(source_uid, transfer_syntax_uid)
    little = source_uid is None or encoding_of(source_uid).little
    try:
        encoded = _write(dataset, encoding, little, transfer_syntax_uid, group_lengths)
    except DataSetError:
        raise
    except Exception as exc:  # noqa: BLE001 - pydicom may raise anything
        # pydicom's text may hold values, and a chained exception would be logged with it.
        raise _not_encoded(transfer_syntax_uid, f"pydicom raised {_reason(exc)}") from None
    if not encoding.deflated:
        return encoded
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    deflated = deflater.compress(encoded) + deflater.flush()
    return deflated + bytes(len(deflated) & 1)


def dataset_syntax(dataset: Dataset) -> str | None:
    """Return the transfer syntax that a pydicom data set says it has, if it says so."""
    meta = getattr(dataset, "file_meta", None)
    uid = meta.get("TransferSyntaxUID") if meta is not None else None
    return str(uid) if uid else None


def dataset_uid(dataset: Dataset, tag: int) -> str:
    """Return a UID of a pydicom data set, or "", without converting and validating it."""
    value = getattr(dataset.get_item(tag), "value", None) or ""
    return uid_text(value) if isinstance(value, bytes) else str(value)


def uid_text(value: bytes) -> str:
    """Return an encoded UID without its padding; writers pad with spaces too."""
    return value.rstrip(b"\0 ").decode("latin-1")


def _not_encoded(transfer_syntax_uid: str, reason: str) -> DataSetError:
    return DataSetError(
        DicomErrorCode.WRITE,
        f"The data set cannot be encoded in {syntax_text(transfer_syntax_uid)}: {reason}.",
    )


def _reason(exc: Exception) -> str:
    """Name an exception of pydicom and the element concerned, without the value."""
    tag = re.search(r"\([0-9A-Fa-f]{4},[0-9A-Fa-f]{4}\)", str(exc))
    return type(exc).__name__ + (f" at {tag[0]}" if tag else "")


def _write(
    dataset: Dataset,
    encoding: Encoding,
    little: bool,
    transfer_syntax_uid: str,
    group_lengths: bool,
) -> bytes:
    """Have pydicom write a copy of the data set that is fit for the encoding."""
    kept = (each for each in _elements(dataset) if each.tag.group not in (0, 2) and each.tag.elem)
    body = Dataset({element.tag: element for element in kept})
    implicit, original = dataset.original_encoding
    body.set_original_encoding(implicit, original, dataset.original_character_set)
    little = little if original is None else original
    if _PIXEL_DATA in body:
        _place_pixel_data(body, transfer_syntax_uid)
        if little != encoding.little:
            _check_word_order(body, transfer_syntax_uid)
    try:
        # pydicom would do it with the byte order that is to be written.
        correct_ambiguous_vr(body, little)
    except AttributeError:
        # What it depends on is missing, which does not matter where VRs are not written.
        if not encoding.implicit:
            raise
    recoded = _Recoder(encoding).recoded(body, little, False)
    return _with_lengths(recoded, encoding) if group_lengths else _encode(recoded, encoding)


def _encode(
    dataset: Dataset, encoding: Encoding, character_set: str | list[str] = default_encoding
) -> bytes:
    out = DicomBytesIO()
    out.is_implicit_VR = encoding.implicit
    out.is_little_endian = encoding.little
    write_dataset(out, dataset, character_set)
    return out.getvalue()


def _with_lengths(dataset: Dataset, encoding: Encoding) -> bytes:
    """Encode group by group, as pydicom writes no Group Length; items get none."""
    character_set = dataset.get("SpecificCharacterSet", default_encoding)
    parts = []
    order = "<" if encoding.little else ">"
    for group in sorted({tag.group for tag in dataset.keys()}):  # noqa: SIM118
        part = _encode(dataset.group_dataset(group), encoding, character_set)
        if group % 2 == 0:
            kind = (b"", "I") if encoding.implicit else (b"UL", "H")
            parts.append(struct.pack(f"{order}HH", group, 0) + kind[0])
            parts.append(struct.pack(f"{order}{kind[1]}I", 4, len(part)))
        parts.append(part)
    return b"".join(parts)


def _place_pixel_data(body: Dataset, transfer_syntax_uid: str) -> None:
    """See that the pixel data are native or encapsulated as the transfer syntax wants it."""
    element = cast("_Element", body.get_item(_PIXEL_DATA))
    value = element.value
    if not value or not UID(transfer_syntax_uid).is_transfer_syntax:
        return
    if isinstance(element, RawDataElement):
        undefined = element.length == _UNDEFINED
    else:
        undefined = element.is_undefined_length
    if transfer_syntax_uid in NATIVE:
        if undefined:
            raise _not_encoded(
                transfer_syntax_uid,
                "its pixel data are compressed; negotiate the transfer syntax that they have, "
                "or decompress them first (pydicom's Dataset.decompress)",
            )
    elif bytes(value[:4]) != _ITEM:
        raise _not_encoded(
            transfer_syntax_uid,
            "its pixel data are not encapsulated; negotiate an uncompressed transfer syntax, "
            "or compress them first (pydicom's Dataset.compress)",
        )
    elif not undefined:
        body[_PIXEL_DATA] = DataElement(_PIXEL_DATA, "OB", value, is_undefined_length=True)


def _check_word_order(body: Dataset, transfer_syntax_uid: str) -> None:
    """Refuse pixels of several words, which toolkits put into big endian in different orders."""
    element = cast("_Element", body.get_item(_PIXEL_DATA))
    bits = body.get("BitsAllocated")
    if isinstance(bits, int) and bits > 16 and element.VR != "OB":
        raise _not_encoded(
            transfer_syntax_uid,
            f"its pixels have {bits} bits, and toolkits disagree about the order of their words "
            "in big endian; negotiate a transfer syntax of its own byte order",
        )


class _Recoder:
    """Makes copies of data sets whose elements pydicom can write as they are.

    pydicom would convert every value to change between implicit and explicit VR, and so fail
    on, warn about or rewrite values that are no concern of the transfer; and it would leave the
    words of pixel data in the wrong byte order.

    Parameters
    ----------
    encoding : Encoding
        What is to be written.
    """

    def __init__(self, encoding: Encoding) -> None:
        self._encoding = encoding

    def recoded(self, dataset: Dataset, little: bool, renamed: bool) -> Dataset:
        """Copy a data set or item.

        Parameters
        ----------
        dataset : pydicom.dataset.Dataset
            What to copy.
        little : bool
            Byte order of its values, unless it was read and knows better.
        renamed : bool
            Whether a Specific Character Set around it was changed since it was read, so that
            text must be encoded anew.
        """
        implicit, original = dataset.original_encoding
        little = little if original is None else original
        renamed = renamed or dataset.original_character_set != dataset._character_set
        same = (implicit, little) == (self._encoding.implicit, self._encoding.little)
        elements: dict[BaseTag, _Element] = {}
        for element in _elements(dataset):
            tag = element.tag
            raw = None if renamed or not isinstance(element, RawDataElement) else element
            if raw is not None and same and (implicit or raw.VR is not None):
                elements[tag] = raw
            elif raw is not None and (vr := _vr(raw, dataset)) is not None:
                elements[tag] = self._raw(raw, vr, little)
            else:
                elements[tag] = self._converted(dataset[tag], little, renamed)
        result = Dataset(elements)
        result.is_undefined_length_sequence_item = dataset.is_undefined_length_sequence_item
        result.set_original_encoding(
            self._encoding.implicit, self._encoding.little, result._character_set
        )
        return result

    def _raw(self, raw: RawDataElement, vr: str, little: bool) -> RawDataElement:
        """Copy a value that was read and not looked at."""
        value = raw.value or b""
        if little != self._encoding.little and vr in _WORDS:
            value = _swapped(value, vr, raw.tag)
        if vr in EXPLICIT_VR_LENGTH_16 and len(value) > 0xFFFF:
            # It has no room in the length field (PS3.5 section 6.2.2).
            vr = "UN"
        return raw._replace(VR=vr, value=value)

    def _converted(self, element: DataElement, little: bool, renamed: bool) -> DataElement:
        """Copy an element that pydicom has converted, and whose value it encodes."""
        undefined = element.is_undefined_length
        if element.VR == "SQ":
            items = Sequence(self.recoded(item, little, renamed) for item in element.value)
            return DataElement(element.tag, "SQ", items, is_undefined_length=undefined)
        if little == self._encoding.little or not isinstance(element.value, bytes):
            return element
        if element.VR not in _WORDS:
            return element
        value = _swapped(element.value, element.VR, element.tag)
        return DataElement(element.tag, element.VR, value)


def _elements(dataset: Dataset) -> Iterator[_Element]:
    """Iterate without converting; values that were left in the file are read."""
    for tag in dataset.keys():  # noqa: SIM118 - a Dataset iterates over converted elements
        element = cast("_Element", dataset.get_item(tag, keep_deferred=True))
        if isinstance(element, RawDataElement) and element.value is None:
            # Left in the file, or empty, which pydicom would convert as well.
            element = dataset[tag] if element.length else element._replace(value=b"")
        yield element


def _vr(raw: RawDataElement, dataset: Dataset) -> str | None:
    """Return the VR to write for a value that can be copied, or `None` if it must be converted.

    Sequences must, to get at their items, and ambiguous VRs, which depend on other elements.
    What was sent as UN is left so: it is little endian in every transfer syntax (PS3.5
    section 6.2.2).
    """
    vr = raw.VR
    if vr is None:
        try:
            vr = _dictionary_vr(raw.tag, dataset)
        except KeyError:
            vr = "UN"
    return vr if len(vr) == 2 and vr != "SQ" else None


def _dictionary_vr(tag: BaseTag, dataset: Dataset) -> str:
    if not tag.is_private:
        return "UL" if tag.element == 0 else dictionary_VR(tag)
    if tag.is_private_creator:
        return "LO"
    creator = dataset_uid(dataset, tag.group << 16 | tag.element >> 8)
    return private_dictionary_VR(tag, creator)


def _swapped(value: bytes, vr: str, tag: int) -> bytes:
    """Return a value with the bytes of its words in the other order."""
    size = _WORDS[vr]
    if len(value) % size:
        raise DataSetError(
            DicomErrorCode.WRITE,
            f"The byte order of the data set cannot be changed: {tag_text(tag)} has VR {vr}, but "
            f"{len(value)} bytes, which is no multiple of {size}. Send it in the transfer syntax "
            "that it has.",
        )
    words = array.array(_ARRAYS[size], value)
    words.byteswap()
    return words.tobytes()
