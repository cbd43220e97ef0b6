"""Attribute matching of C-FIND (PS3.4 section C.2.2.2).

Both functions are pure: a key identifier and the attributes of one entity go in, and nothing is
changed.  What the standard leaves to the implementation is decided so:

* Person names match without regard to case.  A key with one component group matches any group
  of the name, one with several is compared group by group; an empty group matches all.
* A key with several values matches what one of them matches, of whatever VR it is.
* A date and time that is less precise than it could be stands for the whole period: the key
  ``2026`` matches every moment of that year, and ``-202606`` everything up to the end of June.
* Scheduled Procedure Step Start Date and Time are one range if both keys are ranges (PS3.4
  section K.2.2.1.1, Table K.6-1); all other dates and times are matched each by itself.
* An attribute of the entity whose value cannot be converted to its VR is unknown.

A service class that compares some attributes in a way of its own says so by a `Comparison`.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import zip_longest
from typing import Any, NamedTuple

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from leaddicom.errors import DataSetError, DicomErrorCode

__all__ = [
    "Comparison",
    "Moment",
    "Period",
    "found_in",
    "matches",
    "moment_of",
    "name_groups",
    "period_of",
    "requested",
    "values_of",
]

_CHARACTER_SET, _TIMEZONE = 0x00080005, 0x00080201
_START_DATE, _START_TIME = 0x00400002, 0x00400003

#: What says how a query is meant: Query/Retrieve Level and View, which a response repeats.
_QUERY = frozenset({0x00080052, 0x00080053})
_NOT_KEYS = _QUERY | {_CHARACTER_SET, _TIMEZONE}

#: PS3.4 section C.2.2.2.4; in other VRs "*" and "?" are nothing special.
_WILDCARDS = frozenset({"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})
_NUMBERS = frozenset({"DS", "FD", "FL", "IS", "SL", "SS", "SV", "UL", "US", "UV"})

#: Leading spaces mean something in these (PS3.5 Table 6.2-1).
_TEXTS = frozenset({"LT", "ST", "UC", "UR", "UT"})

#: An offset is told from the year of a range by its limits, -1200 to +1400 (PS3.5 Table 6.2-1).
_TEMPORAL = {
    "DA": re.compile(r"(?a)(\d{4})\.?(\d\d)\.?(\d\d)"),
    "TM": re.compile(r"(?a)(\d\d)(?::?(\d\d)(?::?(\d\d)(?:\.(\d{1,6}))?)?)?"),
    "DT": re.compile(
        r"(?a)(\d{4})(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:\.(\d{1,6}))?)?)?)?)?)?"
        r"([+-](?:0\d|1[0-4])[0-5]\d)?"
    ),
}

#: Characters of the longest range, two date times with fractions and offsets; more is none.
_LONGEST_RANGE = 64

#: Digits of a date time, year to microsecond.
_DIGITS = 20

#: Digits, and the offset from UTC if it has one.
Moment = tuple[str, str]

#: Its first and last moment; `None` where it is open.
Period = tuple[Moment | None, Moment | None]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a service class compares in a way of its own.

    Attributes
    ----------
    single_values : frozenset of int
        Tags of attributes, at any depth, in whose keys "*" and "?" are nothing special.
    date_times : callable or None
        Tells whether a date time (VR DT) matches a key, given the text of the key, which may be
        a range, and that of the entity.
    """

    single_values: frozenset[int] = frozenset()
    date_times: Callable[[str, str], bool] | None = None


class _Context(NamedTuple):
    """What a comparison depends on besides both values."""

    zones: tuple[str, str]  # of the identifier, of the entity
    own: Comparison


_AS_THE_STANDARD = Comparison()


def matches(
    identifier: Dataset, entity: Dataset, comparison: Comparison = _AS_THE_STANDARD
) -> bool:
    """Tell whether an entity matches the keys of a C-FIND request.

    Parameters
    ----------
    identifier : pydicom.dataset.Dataset
        The request's identifier.  Specific Character Set, Timezone Offset From UTC and
        Query/Retrieve Level and View in it are no keys.
    entity : pydicom.dataset.Dataset
        The attributes of a patient, study, worklist item or the like.  One that is absent is
        unknown, as is an empty one: it matches a universal key only (PS3.4 C.2.2.1.2).
    comparison : Comparison
        What is compared otherwise than PS3.4 section C.2.2.2 says.

    Raises
    ------
    DataSetError
        A sequence among the keys has more than one item (PS3.4 section C.2.2.2.6).
    """
    return _all_match(identifier, entity, _context(identifier, entity, comparison))


def requested(
    identifier: Dataset, entity: Dataset, comparison: Comparison = _AS_THE_STANDARD
) -> Dataset:
    """Give the identifier of the C-FIND response for an entity that matches.

    Parameters
    ----------
    identifier : pydicom.dataset.Dataset
        The request's identifier.
    entity : pydicom.dataset.Dataset
        All attributes of the entity.
    comparison : Comparison
        As for `matches`.

    Returns
    -------
    pydicom.dataset.Dataset
        The attributes that the request names, empty where they are unknown, of sequences the
        items that match; and, where the entity has them, Specific Character Set and Timezone
        Offset From UTC (PS3.4 section C.4.1.1.3.2).  Retrieve AE Title and the like are the
        application's to add.

    Raises
    ------
    DataSetError
        As `matches`.
    """
    response = _requested(identifier, entity, _context(identifier, entity, comparison))
    for tag in (_CHARACTER_SET, _TIMEZONE):
        response.pop(tag, None)
        if tag in entity:
            response[tag] = entity[tag]
    return response


def _context(identifier: Dataset, entity: Dataset, comparison: Comparison) -> _Context:
    return _Context((_timezone(identifier), _timezone(entity)), comparison)


def _requested(keys: Dataset, entity: Dataset, context: _Context) -> Dataset:
    response = Dataset()
    for key in _elements(keys):
        found = found_in(entity, key.tag)
        if key.tag in _QUERY:
            response[key.tag] = key
        elif found is None:
            response.add(DataElement(key.tag, key.VR, [] if key.VR == "SQ" else None))
        elif found.VR != "SQ":
            response[key.tag] = found
        else:
            response.add(_requested_items(key, found, context))
    return response


def _requested_items(key: DataElement, found: DataElement, context: _Context) -> DataElement:
    keys = _item(key)
    if not keys:
        return copy.deepcopy(found)  # an item of a sequence knows its data set, and has one only
    matching = (item for item in found.value if _all_match(keys, item, context))
    items = [_requested(keys, item, context) for item in matching]
    return DataElement(found.tag, "SQ", items)


def _all_match(keys: Dataset, entity: Dataset, context: _Context) -> bool:
    combined = _start_ranges(keys)
    if combined is not None and not _starts_within(combined, entity):
        return False
    done = _NOT_KEYS if combined is None else _NOT_KEYS | {_START_DATE, _START_TIME}
    return all(
        _matches(key, found_in(entity, key.tag), context)
        for key in _elements(keys)
        if key.tag not in done and not key.tag.is_private_creator
    )


def _elements(keys: Dataset) -> Iterator[DataElement]:
    """Give the elements of an identifier; group lengths, which are retired, are none."""
    return (key for key in keys if key.tag.element != 0)


def found_in(entity: Dataset, tag: int) -> DataElement | None:
    """Give an attribute of an entity; `None` if it is absent or cannot be converted."""
    try:
        return entity.get(tag)
    except Exception:  # noqa: BLE001 - pydicom may raise anything where a value does not fit the VR
        return None


def _item(key: DataElement) -> Dataset | None:
    """Give the item of a sequence that is a key; none, and one without keys, matches all."""
    items = key.value if key.VR == "SQ" else []
    if len(items) > 1:
        raise DataSetError(
            DicomErrorCode.PARAMETER,
            f"The key {key.tag} is a sequence of {len(items)} items, but may have one "
            "(PS3.4 section C.2.2.2.6).",
        )
    return items[0] if items else None


def _matches(key: DataElement, found: DataElement | None, context: _Context) -> bool:
    if key.VR == "SQ":
        keys, items = _item(key), found.value if found is not None and found.VR == "SQ" else []
        # An entity without items has every attribute of an item unknown.
        return not keys or any(_all_match(keys, item, context) for item in items or [Dataset()])
    vr = key.VR if found is None else found.VR
    wanted = values_of(key, vr)
    wild = vr in _WILDCARDS and key.tag not in context.own.single_values
    if not wanted or (wild and "*" in wanted):
        return True  # universal (PS3.4 sections C.2.2.2.3 and C.2.2.2.4)
    known = [] if found is None or vr == "SQ" else values_of(found, vr)
    pairs = ((one, other) for one in wanted for other in known)
    if vr in _WILDCARDS and not wild:
        return any(one == other for one, other in pairs)
    return any(_value_matches(vr, one, other, context) for one, other in pairs)


def values_of(element: DataElement, vr: str) -> list[Any]:
    """Give the values that are not empty; texts without the spaces that mean nothing."""
    value = element.value
    values = list(value) if isinstance(value, (list, MultiValue)) else [value]
    if vr in _NUMBERS:
        return [each for each in values if each is not None and each != ""]
    if not any(isinstance(each, bytes) for each in values):
        texts = ("" if each is None else str(each) for each in values)
        values = [each.rstrip(" \0") if vr in _TEXTS else each.strip(" \0") for each in texts]
    return [each for each in values if each]


def _value_matches(vr: str, key: Any, found: Any, context: _Context) -> bool:
    if vr == "DT" and context.own.date_times is not None:
        return context.own.date_times(key, found)
    elif vr in _TEMPORAL:
        period, moment = period_of(vr, key), moment_of(vr, found)
        if period is not None and moment is not None:
            return _within(moment, period, context.zones)
    elif vr == "PN":
        return _name_matches(key, found)
    elif vr in _WILDCARDS and isinstance(key, str) and isinstance(found, str):
        return _wildcard_matches(key, found)
    elif vr in _NUMBERS:
        try:
            return Decimal(str(key)) == Decimal(str(found))
        except ArithmeticError:  # one of them is no number
            return str(key) == str(found)
    return bool(key == found)


def _wildcard_matches(pattern: str, text: str) -> bool:
    """Match "*" and "?".

    Each part between two "*" is looked for once, behind the one before: a regular expression made
    of all of a hostile pattern can take for ever.
    """
    first, *others = pattern.split("*")
    if not others:
        return len(first) == len(text) and _part(first, text, 0, len(text)) == 0
    *parts, last = others
    position, end = len(first), len(text) - len(last)
    if position > end or _part(first, text, 0, position) or _part(last, text, end, len(text)) < 0:
        return False
    for part in parts:
        found = _part(part, text, position, end)
        if found < 0:
            return False
        position = found + len(part)
    return True


def _part(part: str, text: str, start: int, end: int) -> int:
    """Find a part of a pattern, in which "?" is any character; -1 if it is not there."""
    if "?" not in part:
        return text.find(part, start, end)
    expression = ".".join(map(re.escape, part.split("?")))
    found = re.compile(expression, re.DOTALL).search(text, start, end)
    return -1 if found is None else found.start()


def _name_matches(key: str, found: str) -> bool:
    """Match a person name (PS3.5 section 6.2.1): groups parted by "=", components by "^"."""
    keys, groups = name_groups(key), name_groups(found)
    if len(keys) == 1:
        return any(_group_matches(keys[0], group) for group in groups if group)
    pairs = zip_longest(keys, groups, fillvalue="")
    return all(_group_matches(one, group) for one, group in pairs if one)


def name_groups(name: str) -> list[str]:
    """Give the component groups of a person name as they are compared: in lower case, tidied."""
    groups = name.casefold().split("=")
    return ["^".join(part.strip() for part in group.split("^")).rstrip("^") for group in groups]


def _group_matches(key: str, group: str) -> bool:
    # Empty components at the end are left out in names, but a key may ask for any of them.
    missing = key.count("^") - group.count("^")
    return _wildcard_matches(key, group + "^" * missing)


# -- dates and times ---------------------------------------------------------------------------


def _timezone(dataset: Dataset) -> str:
    """Give the offset from UTC of date times that have none themselves; "" if it is unknown."""
    element = found_in(dataset, _TIMEZONE)
    value = "" if element is None else str(element.value or "").strip()
    return value if re.fullmatch(r"[+-][0-9]{4}", value) else ""


def moment_of(vr: str, text: str) -> Moment | None:
    """Take a date, time or date time apart; `None` if it is malformed."""
    found = _TEMPORAL[vr].fullmatch(text)
    if found is None:
        return None
    parts = [part or "" for part in found.groups()]
    offset = parts.pop() if vr == "DT" else ""
    return "".join(parts), offset


def period_of(vr: str, text: str) -> Period | None:
    """Take a key apart (PS3.4 section C.2.2.2.5); a single value is a period, too."""
    single = moment_of(vr, text)
    if single is not None:
        return single, single
    if len(text) > _LONGEST_RANGE:
        return None
    for hyphen in re.finditer("-", text):
        first, last = text[: hyphen.start()].strip(), text[hyphen.end() :].strip()
        begin, end = moment_of(vr, first), moment_of(vr, last)
        if (begin or not first) and (end or not last) and (begin or end):
            return begin, end
    return None


def _within(moment: Moment, period: Period, zones: tuple[str, str]) -> bool:
    begin, end = period
    return (begin is None or _digits(moment, begin, zones) >= begin[0].ljust(_DIGITS, "0")) and (
        end is None or _digits(moment, end, zones) <= end[0].ljust(_DIGITS, "9")
    )


def _digits(moment: Moment, limit: Moment, zones: tuple[str, str]) -> str:
    """Give all digits of an entity's moment, in the time zone of the key's limit."""
    digits = moment[0].ljust(_DIGITS, "0")
    ours, theirs = moment[1] or zones[1], limit[1] or zones[0]
    if not (ours and theirs) or ours == theirs:
        return digits
    date = digits[:4] + "".join(max(part, "01") for part in (digits[4:6], digits[6:8]))
    try:
        local = datetime.strptime(date + digits[8:], "%Y%m%d%H%M%S%f")  # noqa: DTZ007 - see zones
        moved = local + _offset(theirs) - _offset(ours)
        return re.sub(r"\D", "", moved.isoformat(timespec="microseconds"))
    except (ValueError, OverflowError):
        return digits  # no such day; it is compared as it stands


def _offset(text: str) -> timedelta:
    size = timedelta(hours=int(text[1:3]), minutes=int(text[3:5]))
    return -size if text[0] == "-" else size


def _start_ranges(keys: Dataset) -> tuple[Period, Period] | None:
    """Give the ranges of Scheduled Procedure Step Start Date and Time, if both are ranges."""
    periods = []
    for tag, vr in ((_START_DATE, "DA"), (_START_TIME, "TM")):
        text = str(keys[tag].value or "") if tag in keys else ""
        period = period_of(vr, text.strip()) if "-" in text else None
        if period is None:
            return None
        periods.append(period)
    return periods[0], periods[1]


def _starts_within(ranges: tuple[Period, Period], entity: Dataset) -> bool:
    (first_day, last_day), (begin, end) = ranges
    texts = [
        str(entity[tag].value or "") if tag in entity else "" for tag in (_START_DATE, _START_TIME)
    ]
    day, time = moment_of("DA", texts[0].strip()), moment_of("TM", texts[1].strip())
    if day is None or time is None:
        return False
    limits = (
        None if first_day is None else (first_day[0] + (begin or ("", ""))[0], ""),
        None if last_day is None else (last_day[0] + (end or ("", ""))[0], ""),
    )
    return _within((day[0] + time[0], ""), limits, ("", ""))
