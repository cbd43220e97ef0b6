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
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import zip_longest
from typing import Any

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from leaddicom.errors import DataSetError, DicomErrorCode

__all__ = ["matches", "requested"]

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
    "DA": re.compile(r"(\d{4})\.?(\d\d)\.?(\d\d)"),
    "TM": re.compile(r"(\d\d)(?::?(\d\d)(?::?(\d\d)(?:\.(\d{1,6}))?)?)?"),
    "DT": re.compile(
        r"(\d{4})(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:\.(\d{1,6}))?)?)?)?)?)?"
        r"([+-](?:0\d|1[0-4])[0-5]\d)?"
    ),
}

#: Characters of the longest range, two date times with fractions and offsets; more is none.
_LONGEST_RANGE = 64

#: Digits of a date time, year to microsecond.
_DIGITS = 20

#: Digits, and the offset from UTC if it has one.
_Moment = tuple[str, str]
_Period = tuple[_Moment | None, _Moment | None]


def matches(identifier: Dataset, entity: Dataset) -> bool:
    """Tell whether an entity matches the keys of a C-FIND request.

    Parameters
    ----------
    identifier : pydicom.dataset.Dataset
        The request's identifier.  Specific Character Set, Timezone Offset From UTC and
        Query/Retrieve Level and View in it are no keys.
    entity : pydicom.dataset.Dataset
        The attributes of a patient, study, worklist item or the like.  One that is absent is
        unknown, as is an empty one: it matches a universal key only (PS3.4 C.2.2.1.2).

    Raises
    ------
    DataSetError
        A sequence among the keys has more than one item (PS3.4 section C.2.2.2.6).
    """
    return _all_match(identifier, entity, (_timezone(identifier), _timezone(entity)))


def requested(identifier: Dataset, entity: Dataset) -> Dataset:
    """Give the identifier of the C-FIND response for an entity that matches.

    Parameters
    ----------
    identifier : pydicom.dataset.Dataset
        The request's identifier.
    entity : pydicom.dataset.Dataset
        All attributes of the entity.

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
    zones = _timezone(identifier), _timezone(entity)
    response = _requested(identifier, entity, zones)
    for tag in (_CHARACTER_SET, _TIMEZONE):
        response.pop(tag, None)
        if tag in entity:
            response[tag] = entity[tag]
    return response


def _requested(keys: Dataset, entity: Dataset, zones: tuple[str, str]) -> Dataset:
    response = Dataset()
    for key in _elements(keys):
        if key.tag in _QUERY:
            response[key.tag] = key
        elif key.tag not in entity:
            response.add(DataElement(key.tag, key.VR, [] if key.VR == "SQ" else None))
        elif entity[key.tag].VR != "SQ":
            response[key.tag] = entity[key.tag]
        else:
            response.add(_requested_items(key, entity[key.tag], zones))
    return response


def _requested_items(key: DataElement, found: DataElement, zones: tuple[str, str]) -> DataElement:
    keys = _item(key)
    if not keys:
        return copy.deepcopy(found)  # an item of a sequence knows its data set, and has one only
    items = [_requested(keys, item, zones) for item in found.value if _all_match(keys, item, zones)]
    return DataElement(found.tag, "SQ", items)


def _all_match(keys: Dataset, entity: Dataset, zones: tuple[str, str]) -> bool:
    combined = _start_ranges(keys)
    if combined is not None and not _starts_within(combined, entity):
        return False
    done = _NOT_KEYS if combined is None else _NOT_KEYS | {_START_DATE, _START_TIME}
    return all(
        _matches(key, entity.get(key.tag), zones)
        for key in _elements(keys)
        if key.tag not in done and not key.tag.is_private_creator
    )


def _elements(keys: Dataset) -> Iterator[DataElement]:
    """Give the elements of an identifier; group lengths, which are retired, are none."""
    return (key for key in keys if key.tag.element != 0)


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


def _matches(key: DataElement, found: DataElement | None, zones: tuple[str, str]) -> bool:
    if key.VR == "SQ":
        keys, items = _item(key), found.value if found is not None and found.VR == "SQ" else []
        # An entity without items has every attribute of an item unknown.
        return not keys or any(_all_match(keys, item, zones) for item in items or [Dataset()])
    vr = key.VR if found is None else found.VR
    wanted = _values(key, vr)
    if not wanted or (vr in _WILDCARDS and "*" in wanted):
        return True  # universal (PS3.4 sections C.2.2.2.3 and C.2.2.2.4)
    known = [] if found is None or vr == "SQ" else _values(found, vr)
    return any(_value_matches(vr, one, other, zones) for one in wanted for other in known)


def _values(element: DataElement, vr: str) -> list[Any]:
    """Give the values that are not empty; texts without the spaces that mean nothing."""
    value = element.value
    values = list(value) if isinstance(value, (list, MultiValue)) else [value]
    if vr in _NUMBERS:
        return [each for each in values if each is not None and each != ""]
    if not any(isinstance(each, bytes) for each in values):
        texts = ("" if each is None else str(each) for each in values)
        values = [each.rstrip(" \0") if vr in _TEXTS else each.strip(" \0") for each in texts]
    return [each for each in values if each]


def _value_matches(vr: str, key: Any, found: Any, zones: tuple[str, str]) -> bool:
    if vr in _TEMPORAL:
        period, moment = _period(vr, key), _moment(vr, found)
        if period is not None and moment is not None:
            return _within(moment, period, zones)
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

    It needs no more than the product of both lengths, whereas a regular expression made of a
    hostile pattern can take for ever.
    """
    at = position = 0
    star, resume = -1, 0
    while position < len(text):
        if at < len(pattern) and pattern[at] == "*":
            star, resume = at, position
            at += 1
        elif at < len(pattern) and pattern[at] in ("?", text[position]):
            at, position = at + 1, position + 1
        elif star >= 0:
            resume += 1
            at, position = star + 1, resume
        else:
            return False
    return not pattern[at:].strip("*")


def _name_matches(key: str, found: str) -> bool:
    """Match a person name (PS3.5 section 6.2.1): groups parted by "=", components by "^"."""
    keys, groups = _groups(key), _groups(found)
    if len(keys) == 1:
        return any(_group_matches(keys[0], group) for group in groups if group)
    pairs = zip_longest(keys, groups, fillvalue="")
    return all(_group_matches(one, group) for one, group in pairs if one)


def _groups(name: str) -> list[str]:
    groups = name.casefold().split("=")
    return ["^".join(part.strip() for part in group.split("^")).rstrip("^") for group in groups]


def _group_matches(key: str, group: str) -> bool:
    # Empty components at the end are left out in names, but a key may ask for any of them.
    missing = key.count("^") - group.count("^")
    return _wildcard_matches(key, group + "^" * missing)


# -- dates and times ---------------------------------------------------------------------------


def _timezone(dataset: Dataset) -> str:
    """Give the offset from UTC of date times that have none themselves; "" if it is unknown."""
    value = str(dataset.get(_TIMEZONE, DataElement(_TIMEZONE, "SH", "")).value or "").strip()
    return value if re.fullmatch(r"[+-]\d{4}", value) else ""


def _moment(vr: str, text: str) -> _Moment | None:
    """Take a date, time or date time apart; `None` if it is malformed."""
    found = _TEMPORAL[vr].fullmatch(text)
    if found is None:
        return None
    parts = [part or "" for part in found.groups()]
    offset = parts.pop() if vr == "DT" else ""
    return "".join(parts), offset


def _period(vr: str, text: str) -> _Period | None:
    """Take a key apart (PS3.4 section C.2.2.2.5); a single value is a period, too."""
    single = _moment(vr, text)
    if single is not None:
        return single, single
    if len(text) > _LONGEST_RANGE:
        return None
    for hyphen in re.finditer("-", text):
        first, last = text[: hyphen.start()].strip(), text[hyphen.end() :].strip()
        begin, end = _moment(vr, first), _moment(vr, last)
        if (begin or not first) and (end or not last) and (begin or end):
            return begin, end
    return None


def _within(moment: _Moment, period: _Period, zones: tuple[str, str]) -> bool:
    begin, end = period
    return (begin is None or _digits(moment, begin, zones) >= begin[0].ljust(_DIGITS, "0")) and (
        end is None or _digits(moment, end, zones) <= end[0].ljust(_DIGITS, "9")
    )


def _digits(moment: _Moment, limit: _Moment, zones: tuple[str, str]) -> str:
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


def _start_ranges(keys: Dataset) -> tuple[_Period, _Period] | None:
    """Give the ranges of Scheduled Procedure Step Start Date and Time, if both are ranges."""
    periods = []
    for tag, vr in ((_START_DATE, "DA"), (_START_TIME, "TM")):
        text = str(keys[tag].value or "") if tag in keys else ""
        period = _period(vr, text.strip()) if "-" in text else None
        if period is None:
            return None
        periods.append(period)
    return periods[0], periods[1]


def _starts_within(ranges: tuple[_Period, _Period], entity: Dataset) -> bool:
    (first_day, last_day), (begin, end) = ranges
    texts = [
        str(entity[tag].value or "") if tag in entity else "" for tag in (_START_DATE, _START_TIME)
    ]
    day, time = _moment("DA", texts[0].strip()), _moment("TM", texts[1].strip())
    if day is None or time is None:
        return False
    limits = (
        None if first_day is None else (first_day[0] + (begin or ("", ""))[0], ""),
        None if last_day is None else (last_day[0] + (end or ("", ""))[0], ""),
    )
    return _within((day[0] + time[0], ""), limits, ("", ""))
