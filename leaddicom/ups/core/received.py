"""Data sets as peers send them, made fit to be checked and kept.

pydicom converts and validates a value when it is asked for, and its warnings quote it.  What a
peer sends may be about a patient, so texts are converted here, without a word.
"""

from __future__ import annotations

import copy
from typing import Any

from pydicom.charset import decode_bytes, default_encoding
from pydicom.config import IGNORE
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag
from pydicom.valuerep import CUSTOMIZABLE_CHARSET_VR, PN_DELIMS, TEXT_VR_DELIMS

from leaddicom.ups.core.findings import Finding
from leaddicom.ups.core.terms import UpsStatus
from leaddicom.ups.core.text import about, name_of

__all__ = ["clean_copy"]

_TRANSACTION_UID, _CHARACTER_SET = 0x00081195, 0x00080005

#: Command and file meta elements, which belong to no data set (PS3.5 section 7.1).
_NOT_OF_DATA_SETS = frozenset({0x0000, 0x0002})

#: Padding on both sides means nothing in these (PS3.5 Table 6.2-1).
_CODES = frozenset({"AE", "AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI"})
_TEXTS = frozenset(CUSTOMIZABLE_CHARSET_VR) | {"UR"}
_STRINGS = _CODES | _TEXTS

#: A backslash is a character of these.
_ONE_VALUED = frozenset({"LT", "ST", "UT"})

#: Characters of an element at most, unless its VR has lengths of 32 bits: with four bytes for each
#: they can still be written.  Much longer texts would also take long to be compared.
_MOST_CODES, _MOST_TEXT = 0xFFFE, 0x3FFF
_UNLIMITED = frozenset({"UC", "UR", "UT"})

#: What is left where bytes are no character of one of several sets: pydicom replaces them, or
#: takes them for Latin letters with an escape sequence among them.
_LEFTOVERS = ("\ufffd", "\x1b")

#: Designates GB 2312 as G1 (PS3.5 section K.2); pydicom 3.0 decodes what follows, and leaves it.
_GB_2312 = "\x1b$)A"


def clean_copy(dataset: Dataset) -> tuple[Dataset, list[Finding]]:
    """Copy a data set with all its values converted.

    Left out are command elements, file meta elements and group lengths, and in items the
    Transaction UID, which is nobody's to read, and the Specific Character Set: text in memory is
    of one kind.

    Parameters
    ----------
    dataset : pydicom.dataset.Dataset
        Of a peer.

    Returns
    -------
    pydicom.dataset.Dataset
        The copy, which shares nothing with `dataset`, with the VRs of the data dictionary.
    list of Finding
        The attributes that cannot be converted, and so are not in the copy, and those that are
        too long to be written in every transfer syntax, which are empty there.
    """
    return _copied(dataset, frozenset())


def _copied(dataset: Dataset, left_out: frozenset[int]) -> tuple[Dataset, list[Finding]]:
    copied, findings = Dataset(), []
    for tag in sorted(dataset.keys()):
        if tag.group in _NOT_OF_DATA_SETS or tag.element == 0 or tag in left_out:
            continue
        try:
            element, inner = _converted(dataset, tag)
        except Exception:  # noqa: BLE001 - pydicom may raise anything, and quotes the value
            text = about(name_of(tag), "cannot be read")
            findings.append(Finding(UpsStatus.INVALID_ATTRIBUTE_VALUE, tag, text))
        else:
            copied.add(element)
            findings += inner
    return copied, findings


def _converted(dataset: Dataset, tag: BaseTag) -> tuple[DataElement, list[Finding]]:
    raw: Any = dataset.get_item(tag)
    vr = _vr(tag, raw.VR)
    if vr in _STRINGS:
        text = _text(dataset, raw, vr)
        if _is_too_long(text, vr):
            why = about(name_of(tag), "is too long")
            return DataElement(tag, vr, None), [
                Finding(UpsStatus.INVALID_ATTRIBUTE_VALUE, tag, why)
            ]
        return DataElement(tag, vr, text, validation_mode=IGNORE), []
    if vr == "UN" and isinstance(raw, RawDataElement) and not tag.is_private:
        return DataElement(tag, vr, raw.value), []  # newer than the dictionary
    element = dataset[tag]
    if element.VR != "SQ":
        return copy.deepcopy(element), []
    pairs = [_copied(item, frozenset({_TRANSACTION_UID, _CHARACTER_SET})) for item in element.value]
    items = [item for item, _ in pairs]
    return DataElement(tag, "SQ", items), [each for _, found in pairs for each in found]


def _vr(tag: BaseTag, sent: str | None) -> str:
    """Give the VR of an element: the dictionary's, if what was sent can be read as that.

    Clients write codes as short strings and the like.
    """
    if not dictionary_has_tag(tag):
        return sent or "UN"
    known = dictionary_VR(tag)
    return known if sent in (None, "UN") or {sent, known} <= _STRINGS else str(sent)


def _text(dataset: Dataset, raw: DataElement | RawDataElement, vr: str) -> str | list[str]:
    """Give the text or texts of an element, without their padding."""
    if isinstance(raw, RawDataElement) and isinstance(raw.value, bytes):
        codecs: Any = dataset.original_character_set or default_encoding
        text = _decoded(raw.value, vr, [codecs] if isinstance(codecs, str) else codecs)
        texts = [text] if vr in _ONE_VALUED else text.split("\\")
    else:
        texts = _texts(dataset[raw.tag].value)
    stripped = [text.strip(" \0") if vr in _CODES else text.rstrip(" \0") for text in texts]
    return stripped if len(stripped) > 1 else "".join(stripped)


def _is_too_long(text: str | list[str], vr: str) -> bool:
    if vr in _UNLIMITED:
        return False
    length = len(text) if isinstance(text, str) else sum(len(each) + 1 for each in text) - 1
    return length > (_MOST_CODES if vr in _CODES else _MOST_TEXT)


def _decoded(value: bytes, vr: str, codecs: list[str]) -> str:
    """Decode the bytes of an element; a UnicodeError or another if they are no such text."""
    if vr not in CUSTOMIZABLE_CHARSET_VR:
        return value.decode("latin-1")
    if len(codecs) == 1:
        return value.decode(codecs[0])
    text = decode_bytes(value, codecs, PN_DELIMS if vr == "PN" else TEXT_VR_DELIMS)
    text = text.replace(_GB_2312, "")
    if any(each in text for each in _LEFTOVERS):
        raise UnicodeError
    return text


def _texts(value: Any) -> list[str]:
    values = value if isinstance(value, (list, MultiValue)) else [value]
    return ["" if each is None else str(each) for each in values]
