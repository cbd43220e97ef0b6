"""Texts that a worklist manager writes, and the forms of those that it reads."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timezone
from types import MappingProxyType

from pydicom.datadict import keyword_for_tag
from pydicom.tag import Tag

from leaddicom.values import is_ae_title, is_uid

__all__ = ["COMMENT_LENGTH", "FORMS", "about", "dt", "is_offset", "name_of"]

#: Characters of an Error Comment (0000,0902), which is of VR LO.
COMMENT_LENGTH = 64

#: PS3.5 Table 6.2-1; 60 is a leap second.
_TIME = r"(?:[01]\d|2[0-3])(?:[0-5]\d(?:(?:[0-5]\d|60)(?:\.\d{1,6})?)?)?"
_OFFSET = r"(?:-(?:0\d|1[0-2])[0-5]\d|\+(?:0\d|1[0-4])[0-5]\d)"

_DT = re.compile(rf"(\d{{4}})(?:(\d\d)(?:(\d\d)(?:{_TIME})?)?)?{_OFFSET}?", re.ASCII)
_DA = re.compile(r"(\d{4})(\d\d)(\d\d)", re.ASCII)
_TM = re.compile(_TIME, re.ASCII)
_CS = re.compile(r"[A-Z0-9 _]{1,16}", re.ASCII)


def dt(now: datetime) -> str:
    """Write a moment as a DT value, in UTC.

    Parameters
    ----------
    now : datetime.datetime
        With a time zone.

    Returns
    -------
    str
        Such as ``20260131120000.000000+0000``.
    """
    return now.astimezone(timezone.utc).strftime("%Y%m%d%H%M%S.%f+0000")


def name_of(tag: int) -> str:
    """Give the keyword of an attribute, or its tag if the dictionary does not have it."""
    return keyword_for_tag(tag) or str(Tag(tag))


def about(name: str, what: str, within: str = "") -> str:
    """Say what is wrong with an attribute, in the 64 characters of an Error Comment.

    Parameters
    ----------
    name : str
        Of the attribute.
    what : str
        The rest of the sentence.
    within : str
        Sequence that has the attribute; left out where there is no room for it.
    """
    text = f"{name} {what}"
    whole = f"{text} in {within}" if within else text
    return (whole if len(whole) <= COMMENT_LENGTH else text)[:COMMENT_LENGTH]


def is_offset(text: str) -> bool:
    """Is `text` an offset from UTC (PS3.3 section C.12.1.1.8)?"""
    return re.fullmatch(_OFFSET, text, re.ASCII) is not None


def _is_date(text: str) -> bool:
    found = _DA.fullmatch(text)
    return found is not None and _in_calendar(found)


def _is_date_time(text: str) -> bool:
    found = _DT.fullmatch(text)
    return found is not None and _in_calendar(found)


def _in_calendar(found: re.Match[str]) -> bool:
    year, month, day = found.group(1, 2, 3)
    try:
        date(int(year), int(month or 1), int(day or 1))
    except ValueError:
        return False
    return True


#: Whether a value has the form of its VR (PS3.5 Table 6.2-1); VRs that may be any text are not
#: here.
FORMS: Mapping[str, Callable[[str], bool]] = MappingProxyType(
    {
        "AE": is_ae_title,
        "CS": lambda text: _CS.fullmatch(text) is not None,
        "DA": _is_date,
        "DT": _is_date_time,
        "TM": lambda text: _TM.fullmatch(text) is not None,
        "UI": is_uid,
    }
)
