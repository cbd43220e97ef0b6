"""Whether the Specific Character Set of a data set has the characters of its texts.

A data set in memory has text; its Specific Character Set says how that is written to the wire,
and has to suffice for what a change has put there (PS3.4 section CC.2.6.3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pydicom.charset import custom_encoders, python_encoding
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.valuerep import CUSTOMIZABLE_CHARSET_VR

__all__ = ["UNICODE", "character_set", "is_sufficient", "settle"]

#: UTF-8, which has every character (PS3.3 Table C.12-5).
UNICODE = "ISO_IR 192"

#: ISO 646, which has nothing beyond ASCII, and GB 2312, which pydicom 3.0 writes without the escape
#: sequences that PS3.5 section K.2 wants, so that nobody could read it.
_WITHOUT_ENCODER = frozenset({"", "ISO_IR 6", "ISO 2022 IR 6", "ISO 2022 IR 58"})


def character_set(dataset: Dataset) -> tuple[str, ...]:
    """Give the values of Specific Character Set; none for the default repertoire."""
    value = dataset.get("SpecificCharacterSet")
    values = value if isinstance(value, (list, MultiValue)) else [value or ""]
    terms = tuple(str(each or "").strip() for each in values)
    return terms if any(terms) else ()


def is_sufficient(dataset: Dataset, terms: tuple[str, ...]) -> bool:
    """Tell whether all texts can be written in a character set.

    Parameters
    ----------
    dataset : pydicom.dataset.Dataset
        Whose texts, those of its sequences among them, are to be written.
    terms : tuple of str
        Values of Specific Character Set.
    """
    if not all(term in python_encoding for term in terms):
        return False
    encoders = [_encoder(term) for term in terms if term not in _WITHOUT_ENCODER]
    characters = {char for text in _texts(dataset) if not text.isascii() for char in text}
    return all(
        any(encodes(char) for encodes in encoders) for char in characters if not char.isascii()
    )


def settle(dataset: Dataset, *candidates: tuple[str, ...]) -> bool:
    """Declare the first sufficient character set, and if none of them is, Unicode.

    Parameters
    ----------
    dataset : pydicom.dataset.Dataset
        Whose Specific Character Set is set; it is removed for the default repertoire.
    *candidates : tuple of str
        Values of Specific Character Set, the preferred first.

    Returns
    -------
    bool
        Whether one of the candidates did.
    """
    chosen = next((terms for terms in candidates if is_sufficient(dataset, terms)), None)
    terms = (UNICODE,) if chosen is None else chosen
    dataset.pop("SpecificCharacterSet", None)
    if terms:
        dataset.SpecificCharacterSet = terms[0] if len(terms) == 1 else list(terms)
    return chosen is not None


def _encoder(term: str) -> Callable[[str], bool]:
    codec = python_encoding[term]
    custom = custom_encoders.get(codec)

    def encodes(char: str) -> bool:
        try:
            return bool(custom(char) if custom else char.encode(codec))
        except UnicodeError:
            return False

    return encodes


def _texts(dataset: Dataset) -> Iterator[str]:
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                yield from _texts(item)
        elif element.VR in CUSTOMIZABLE_CHARSET_VR:
            value = element.value
            yield from map(str, value if isinstance(value, (list, MultiValue)) else [value])
