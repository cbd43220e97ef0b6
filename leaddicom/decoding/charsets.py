"""Specific Character Set (PS3.3 section C.12.1.1.2), put right before pydicom sees it.

pydicom mends or drops terms that the standard does not define, and warns and logs what it
found there.  Here the same is done without a word, in the same number of bytes.
"""

from __future__ import annotations

import codecs
import re

from pydicom.charset import STAND_ALONE_ENCODINGS, python_encoding

__all__ = ["MAXIMUM_LENGTH", "NotACharacterSet", "mended"]

#: Each term has 16 bytes at most (PS3.5 Table 6.2-1), and there are fewer than 40.
MAXIMUM_LENGTH = 1_024

#: pydicom takes the name of any Python codec for a character set.  These are none: the first two
#: need quadratic time, the others turn text into something else.
_NOT_CHARACTER_SETS = frozenset(
    {"idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined"}
)


class NotACharacterSet(ValueError):
    """The name of a codec that is no character set."""


def mended(value: bytes) -> bytes:
    """Return an encoded Specific Character Set with nothing in it that pydicom warns about.

    Raises
    ------
    NotACharacterSet
        If it names a codec that is no character set.
    """
    terms = [term.strip() for term in value.decode("latin-1").rstrip("\0 ").split("\\")]
    known = [_mended_term(term) for term in terms]
    if known[0] in STAND_ALONE_ENCODINGS:
        known = known[:1]
    known = known[:1] + [term for term in known[1:] if term not in STAND_ALONE_ENCODINGS]
    return "\\".join(known).encode("latin-1").ljust(len(value))


def _mended_term(term: str) -> str:
    """Return a defined term or a codec's name, or "" for what is neither."""
    if term in python_encoding:
        return term
    guess = re.sub(r"^ISO[^_]IR", "ISO_IR", term)
    guess = re.sub(r"^ISO.2022.IR.", "ISO 2022 IR ", guess)
    if guess in python_encoding:
        return guess
    try:
        name = codecs.lookup(term).name
    except (LookupError, ValueError):
        return ""
    if name in _NOT_CHARACTER_SETS:
        raise NotACharacterSet(name)
    return term
