"""Time zones, for date times that come without an offset (PS3.5 section 6.2)."""

from __future__ import annotations

import re
import time
from datetime import datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from leaddicom.errors import ParameterError

__all__ = ["LOCAL", "zone"]


class _Local(tzinfo):
    """The zone of this computer, with its summer time."""

    def utcoffset(self, when: datetime | None) -> timedelta | None:
        try:
            if when is None:
                return timedelta(seconds=time.localtime().tm_gmtoff)
            return when.replace(tzinfo=None).astimezone().utcoffset()
        except (OverflowError, ValueError, OSError):  # years 1 and 9999, whose UTC is beyond them
            return timedelta(seconds=-time.timezone)

    def dst(self, when: datetime | None) -> None:
        return None  # nobody asks

    def tzname(self, when: datetime | None) -> str:
        return "local"

    def fromutc(self, when: datetime) -> datetime:
        return when.replace(tzinfo=timezone.utc).astimezone().replace(tzinfo=self)

    def __reduce__(self) -> str:
        return "LOCAL"

    def __repr__(self) -> str:
        # Two computers' local zones are not the same, though both are local.
        return f"local ({'/'.join(time.tzname)})"


LOCAL = _Local()


def zone(name: str) -> tzinfo:
    """Give a time zone by its name.

    Parameters
    ----------
    name : str
        ``local`` for this computer's, an offset such as ``+01:00``, or a name such as
        ``Europe/Berlin``.

    Raises
    ------
    ParameterError
        There is none of that name; the message is the rest of a sentence.
    """
    if name.lower() == "local":
        return LOCAL
    found = re.fullmatch("([+-])([01][0-9]):?([0-5][0-9])", name)
    if found:
        offset = timedelta(hours=int(found[2]), minutes=int(found[3]))
        # 14 hours are the most that PS3.5 section 6.2 has.
        if offset <= timedelta(hours=14):
            return timezone(offset if found[1] == "+" else -offset)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ParameterError(
            f"is {name!a}, which this computer does not know. Write local, an offset such as "
            "+01:00, or a name such as Europe/Berlin, which Windows knows once the package tzdata "
            "is installed."
        ) from None
