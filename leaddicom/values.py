"""Which texts the standard lets UIDs, AE titles and version names be."""

from __future__ import annotations

import re

from leaddicom.errors import ParameterError

__all__ = ["check_ae_title", "is_ae_title", "is_uid", "is_version_name"]

_UID = re.compile(r"(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))*")

# ISO 646 without control characters.  The backslash separates values (PS3.5 Table 6.2-1),
# so an AE title that had one could not be written into a data set or a command set.
_PRINTABLE = re.compile(r"[ -\[\]-~]{1,16}")


def is_uid(text: str) -> bool:
    """Is `text` a UID (PS3.5 section 9.1, PS3.8 Annex F)?"""
    return len(text) <= 64 and _UID.fullmatch(text) is not None


def is_ae_title(text: str) -> bool:
    """Is `text` an AE title (PS3.8 Table 9-11): up to 16 characters, not only spaces?"""
    return _PRINTABLE.fullmatch(text) is not None and not text.isspace()


def check_ae_title(text: str) -> None:
    """Refuse what cannot be an AE title.

    Raises
    ------
    ParameterError
        It is none (PS3.8 Table 9-11).
    """
    if not is_ae_title(text):
        raise ParameterError(
            f"{text!a} is no AE title: 1 to 16 printable ASCII characters without backslash, not "
            "only spaces."
        )


def is_version_name(text: str) -> bool:
    """Is `text` an implementation version name (PS3.7 D.3.3.2.3): 1 to 16 characters?"""
    return _PRINTABLE.fullmatch(text) is not None
