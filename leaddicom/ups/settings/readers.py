"""Readers of settings: from a text, as files, variables and command lines have it, to a value.

What cannot be is refused with a `ParameterError` whose message is the rest of a sentence that
begins with the setting's name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import timedelta, tzinfo
from urllib.parse import urlsplit

from leaddicom.errors import ParameterError
from leaddicom.limits import MAXIMUM_PDU_LENGTH, MINIMUM_PDU_LENGTH
from leaddicom.tls.profiles import profile
from leaddicom.ups.settings.zones import zone
from leaddicom.values import check_ae_title

__all__ = [
    "Reader",
    "ae_title",
    "ae_titles",
    "choice",
    "choices",
    "database",
    "is_url",
    "number",
    "pdu_length",
    "retention",
    "seconds",
    "span",
    "switch",
    "text",
    "time_zone",
    "tls_profile",
]

Reader = Callable[[str], object]

_SWITCHES = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LONGEST = timedelta(days=36525)


def number(low: int, high: int) -> Callable[[str], int]:
    """Make a reader of whole numbers between two bounds."""

    def read(value: str) -> int:
        if re.fullmatch("[0-9]{1,12}", value) is None or not low <= int(value) <= high:
            raise ParameterError(f"is {value!a}, but must be a number from {low} to {high}.")
        return int(value)

    return read


def pdu_length(value: str) -> int:
    """Read the longest PDU; 0, which is no limit to others, is the longest that makes sense."""
    return number(MINIMUM_PDU_LENGTH, 1 << 30)(value) if value != "0" else MAXIMUM_PDU_LENGTH


def seconds(value: str) -> float:
    """Read a number of seconds, above 0 and up to a day."""
    found = re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", value)
    if found is None or not 0 < float(value) <= 86400:
        raise ParameterError(f"is {value!a}, but must be seconds, above 0 and up to 86400.")
    return float(value)


def span(value: str) -> timedelta:
    """Read a time span such as ``1s``, ``5m``, ``24h``, ``30d`` or ``2w``."""
    found = re.fullmatch("([0-9]{1,9}) ?([smhdw])", value)
    length = timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else timedelta()
    if not timedelta() < length <= _LONGEST:
        raise ParameterError(
            f"is {value!a}, but must be a time span above 0: write for example 1s, 5m, 24h or 30d."
        )
    return length


def retention(value: str) -> timedelta | None:
    """Read a time span, or ``never``, which is `None`."""
    if value.lower() == "never":
        return None
    try:
        return span(value)
    except ParameterError as error:
        raise ParameterError(f"{error.message[:-1]}; or never, to delete nothing.") from None


def switch(value: str) -> bool:
    """Read ``true`` or ``false``, or another way to say so."""
    try:
        return _SWITCHES[value.lower()]
    except KeyError:
        raise ParameterError(f"is {value!a}, but must be true or false.") from None


def choice(known: Iterable[str]) -> Reader:
    """Make a reader of one of some words, in upper or lower case."""
    words = tuple(known)

    def read(value: str) -> str:
        if value.lower() not in words:
            raise ParameterError(f"is {value!a}, but must be one of {', '.join(words)}.")
        return value.lower()

    return read


def choices(known: Iterable[str]) -> Reader:
    """Make a reader of any of some words, separated by commas or spaces."""
    words = tuple(known)
    by_folded = {each.casefold(): each for each in words}

    def read(value: str) -> tuple[str, ...]:
        names = [each.casefold() for each in _items(value)]
        for name in names:
            if name not in by_folded:
                raise ParameterError(f"has {name!a}, but there are only {', '.join(words)}.")
        return tuple(dict.fromkeys(by_folded[name] for name in names))

    return read


def ae_title(value: str) -> str:
    """Read an AE title; spaces around it do not count (PS3.5 section 6.2)."""
    title = value.strip(" ")
    try:
        check_ae_title(title)
    except ParameterError:
        raise ParameterError(
            f"is {value!a}, but must be an AE title: 1 to 16 printable ASCII characters without "
            "backslash."
        ) from None
    return title


def ae_titles(value: str) -> tuple[str, ...]:
    """Read AE titles that commas separate; they may have spaces inside."""
    return tuple(dict.fromkeys(ae_title(each) for each in value.split(",") if each.strip()))


def text(longest: int) -> Reader:
    """Make a reader of printable texts."""

    def read(value: str) -> str:
        if not value.isprintable() or not 1 <= len(value) <= longest or "\\" in value:
            raise ParameterError(
                f"is {value!a}, but must be 1 to {longest} printable characters without backslash."
            )
        return value

    return read


def time_zone(value: str) -> tzinfo:
    """Read a time zone: ``local``, a name such as ``Europe/Berlin``, or an offset ``+01:00``."""
    return zone(value)


def tls_profile(value: str) -> str:
    """Read the name of a TLS profile (PS3.15 Annex B), or its short name."""
    try:
        return profile(value).name
    except ParameterError as error:
        raise ParameterError(f"is {value!a}. {error.message}") from None


def database(value: str) -> str:
    """Read where the database is: a file, or a URL.  It is not repeated: it may have a password."""
    try:
        found = urlsplit(value)
        usable = bool(found.scheme) and (found.port is None or found.port > 0)
    except ValueError:
        usable = False
    if not value or not value.isprintable() or (is_url(value) and not usable):
        raise ParameterError(
            "cannot be. Give a file, or a URL such as postgresql://user@host/database."
        )
    # SQLAlchemy's way to write a file: one rule for all paths is enough.
    return value.removeprefix("sqlite:///") if "?" not in value else value


def is_url(value: str) -> bool:
    """Tell a database's URL from a file."""
    return "://" in value


def _items(value: str) -> list[str]:
    return value.replace(",", " ").split()
