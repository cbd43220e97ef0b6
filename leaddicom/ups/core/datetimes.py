"""Date times (PS3.5 section 6.2, VR DT) as periods of UTC.

A date time is as precise as it is long: ``2026`` is a whole year.  So each is a period, from its
first microsecond to its last, and a key matches a value if their periods overlap (PS3.4
section C.2.2.2.5).

Where the clocks are changed, a local time that comes twice stands for both and for what is
between them, and one that does not come for what it would be before and after the change.
"""

from __future__ import annotations

import calendar
import re
from datetime import datetime, timedelta, timezone, tzinfo
from typing import NamedTuple

from pydicom.dataset import Dataset

from leaddicom.scp.matching import Moment, found_in, moment_of, period_of

__all__ = [
    "MAXIMUM_INSTANT",
    "MINIMUM_INSTANT",
    "Instants",
    "key_instants",
    "value_instants",
    "zone_of",
]

#: Ends of an open range; both fit into 64 bits with a sign, as do all instants.
MINIMUM_INSTANT, MAXIMUM_INSTANT = -(2**63), 2**63 - 1

_TIMEZONE_OFFSET = 0x00080201
_OFFSET = re.compile(r"(?a)([+-])(0\d|1[0-4])([0-5]\d)")
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)

#: The first moment of a year, to fill up what a date time leaves out.
_FIRST = "00000101000000000000"

#: How long the last part of a date time is, by the digits up to there; months and years vary.
_LENGTHS = {
    8: timedelta(days=1),
    10: timedelta(hours=1),
    12: timedelta(minutes=1),
    14: timedelta(seconds=1),
}


class Instants(NamedTuple):
    """A period, from its first to its last microsecond since 1970 in UTC, both included."""

    first: int
    last: int

    def overlaps(self, other: Instants) -> bool:
        """Tell whether they have an instant in common."""
        return self.first <= other.last and other.first <= self.last


def zone_of(dataset: Dataset, local: tzinfo) -> tzinfo:
    """Give the time zone of the date times in a data set that say nothing about it.

    Parameters
    ----------
    dataset : pydicom.dataset.Dataset
        A workitem or an identifier: Timezone Offset From UTC (0008,0201) decides.
    local : tzinfo
        If it is absent, or none.
    """
    element = found_in(dataset, _TIMEZONE_OFFSET)
    return _offset(str(element.value).strip()) or local if element is not None else local


def value_instants(text: str, zone: tzinfo) -> Instants | None:
    """Give the period of a date time.

    Parameters
    ----------
    text : str
        The date time, of any precision, with or without offset from UTC.
    zone : tzinfo
        Of a date time without offset.

    Returns
    -------
    Instants or None
        `None` if it is malformed or there is no such day.
    """
    moment = moment_of("DT", text)
    return None if moment is None else _instants(moment, zone)


def key_instants(text: str, zone: tzinfo) -> Instants | None:
    """Give the period of a key: of a date time or a range, which may be open at one end.

    Parameters
    ----------
    text : str
        ``"2026"``, ``"20260705-"``, ``"-20260705"``, ``"20260705120000+0100-202607051300"`` ...
    zone : tzinfo
        Of date times without offset.

    Returns
    -------
    Instants or None
        `None` if it is malformed.  A range that ends before it begins has no instant in common
        with any other.
    """
    period = period_of("DT", text)
    if period is None:
        return None
    first, last = (None if limit is None else _instants(limit, zone) for limit in period)
    if (first is None) != (period[0] is None) or (last is None) != (period[1] is None):
        return None
    return Instants(
        MINIMUM_INSTANT if first is None else first.first,
        MAXIMUM_INSTANT if last is None else last.last,
    )


def _instants(moment: Moment, zone: tzinfo) -> Instants | None:
    digits, offset = moment
    try:
        begin = _begin(digits)
        local = _offset(offset) or zone
        end = begin + (_length(digits, begin) - _MICROSECOND)
        # The earlier and the later reading of what the clocks show twice, or never (PEP 495).
        firsts = [_instant(begin, local, fold) for fold in (0, 1)]
        lasts = [_instant(end, local, fold) for fold in (0, 1)]
    except (ValueError, OverflowError):  # no such day
        return None
    return Instants(min(firsts), max(lasts))


def _begin(digits: str) -> datetime:
    filled = digits[:14] + _FIRST[len(digits[:14]) : 14] + digits[14:].ljust(6, "0")
    year, month, day = int(filled[:4]), int(filled[4:6]), int(filled[6:8])
    hour, minute, second = int(filled[8:10]), int(filled[10:12]), int(filled[12:14])
    leap = second == 60  # which UTC has now and then, but no clock that counts from 1970
    begin = datetime(  # noqa: DTZ001 - see _instant
        year, month, day, hour, minute, 59 if leap else second, int(filled[14:])
    )
    return begin + timedelta(seconds=leap)


def _length(digits: str, begin: datetime) -> timedelta:
    if len(digits) == 4:
        return timedelta(days=366 if calendar.isleap(begin.year) else 365)
    if len(digits) == 6:
        return timedelta(days=calendar.monthrange(begin.year, begin.month)[1])
    return _LENGTHS.get(len(digits)) or timedelta(microseconds=10 ** (20 - len(digits)))


def _instant(local: datetime, zone: tzinfo, fold: int) -> int:
    return (local.replace(tzinfo=zone, fold=fold) - _EPOCH) // _MICROSECOND


def _offset(text: str) -> timezone | None:
    found = _OFFSET.fullmatch(text)
    if found is None:
        return None
    size = timedelta(hours=int(found[2]), minutes=int(found[3]))
    return timezone(-size if found[1] == "-" else size)
