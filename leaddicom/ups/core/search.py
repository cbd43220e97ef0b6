"""What a database can narrow of a C-FIND, and what it keeps of a workitem for that.

A store writes the `IndexEntry` of each workitem into columns, and makes an SQL condition of
`SearchKeys`.  The condition only narrows: it lets through whatever `leaddicom.ups.core.matching`
matches, and some more.  `admits` says in Python what it has to say in SQL.

An entry depends on the time zone that it was made with, if date times in the workitem say
nothing about theirs: entries have to be made anew when another is configured.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from itertools import chain

from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from leaddicom.scp.matching import found_in, moment_of, name_groups, period_of, values_of
from leaddicom.ups.core.datetimes import (
    MAXIMUM_INSTANT,
    MINIMUM_INSTANT,
    Instants,
    key_instants,
    value_instants,
    zone_of,
)
from leaddicom.ups.core.matching import SINGLE_VALUES, Identifier
from leaddicom.ups.core.workitem import Workitem

__all__ = [
    "MAXIMUM_INSTANT",
    "MINIMUM_INSTANT",
    "SEVERAL",
    "CodeEntry",
    "CodeKey",
    "Cursor",
    "IndexEntry",
    "RequestEntry",
    "SearchKeys",
    "TextKey",
    "admits",
    "index_entry",
    "search_keys",
]

#: Stands for a text that has several values or another VR than it should: it may match any key,
#: so each key admits it.  No single value can be so, as a backslash separates values.
SEVERAL = "\\"

#: Characters of a text that are kept; a database's index takes only short ones.
_WIDTH = 64

#: Columns and the attributes in them.
_TEXTS = {
    "priority": "ScheduledProcedureStepPriority",
    "readiness": "InputReadinessState",
    "label": "ProcedureStepLabel",
    "worklist_label": "WorklistLabel",
    "study_uid": "StudyInstanceUID",
    "patient_name": "PatientName",
    "patient_id": "PatientID",
    "issuer": "IssuerOfPatientID",
    "birth_date": "PatientBirthDate",
    "sex": "PatientSex",
    "admission_id": "AdmissionID",
}
_REQUEST = {
    "accession": "AccessionNumber",
    "requested_procedure_id": "RequestedProcedureID",
    "requesting_service": "RequestingService",
    "study_uid": "StudyInstanceUID",
}
_PERIODS = {
    "start": "ScheduledProcedureStepStartDateTime",
    "expected": "ExpectedCompletionDateTime",
    "expiration": "ScheduledProcedureStepExpirationDateTime",
}
_CODES = {
    "station": ("ScheduledStationNameCodeSequence",),
    "class": ("ScheduledStationClassCodeSequence",),
    "location": ("ScheduledStationGeographicLocationCodeSequence",),
    "workitem": ("ScheduledWorkitemCodeSequence",),
    "performer": ("ScheduledHumanPerformersSequence", "HumanPerformerCodeSequence"),
}
_CODE_VALUES = ("CodeValue", "LongCodeValue", "URNCodeValue")
_REPLACED = ("ReplacedProcedureStepSequence",)

_WILDCARD = re.compile(r"[*?]")

#: Patterns of one key that are worth a condition.  Each is an OR of its own in SQL, where SQLite
#: takes a thousand at most.
_PATTERNS = 100

#: More than there are years, and yet no longer than 64 bits can say.
_AT_ANY_TIME = Instants(-(2**60), 2**60)


@dataclass(frozen=True, slots=True)
class CodeEntry:
    """A row of codes: one for each value of an item of a code sequence.

    Attributes
    ----------
    kind : str
        Which sequence: "station", "class", "location", "workitem" or "performer".
    value : str
        Code Value, Long Code Value or URN Code Value; "" if there is none.
    designator : str
        Coding Scheme Designator; "" if there is none.
    """

    kind: str
    value: str
    designator: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestEntry:
    """A row of requests: one for each item of Referenced Request Sequence."""

    accession: str = ""
    requested_procedure_id: str = ""
    requesting_service: str = ""
    study_uid: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexEntry:
    """The columns of a workitem.

    Texts are at most 64 characters (names 200), without NUL, "" where they are unknown.
    Instants are microseconds of UTC since 1970.  A date time of little precision is a period, so
    each has the instant that it begins with and, in ``..._end``, the one that it ends with;
    both are None where it is unknown.

    Attributes
    ----------
    patient_name : str
        In lower case, each component group behind a "=".
    birth_date : str
        YYYYMMDD.
    start, start_end : int
        Of Scheduled Procedure Step Start DateTime.  An unknown one begins with
        `MAXIMUM_INSTANT` and ends with `MINIMUM_INSTANT`: it comes last, and no range meets it.
    codes, requests : tuple
        Rows of tables of their own, each row once.
    """

    uid: str
    state: str
    priority: str
    readiness: str
    label: str
    worklist_label: str
    study_uid: str
    patient_name: str
    patient_id: str
    issuer: str
    birth_date: str
    sex: str
    admission_id: str
    replaced_uid: str
    start: int
    start_end: int
    expected: int | None
    expected_end: int | None
    expiration: int | None
    expiration_end: int | None
    codes: tuple[CodeEntry, ...]
    requests: tuple[RequestEntry, ...]


@dataclass(frozen=True, slots=True)
class TextKey:
    """A condition for a text column: one of these has to be true.

    Attributes
    ----------
    values : tuple of str
        The column is equal to one of them.
    prefixes : tuple of str
        The column begins with one of them.
    parts : tuple of str
        The column has one of them in it; only for ``patient_name``.
    """

    values: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CodeKey:
    """There is a row of codes of this kind that fulfils both, where they are given."""

    kind: str
    value: TextKey | None = None
    designator: TextKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchKeys:
    """A condition for workitems: all of it has to be true.

    Attributes
    ----------
    texts : mapping of str to TextKey
        By the name of the column in `IndexEntry`.
    periods : mapping of str to Instants
        ``{"start": (first, last)}``: ``start <= last AND start_end >= first``; likewise for
        "expected" and "expiration".
    codes : tuple of CodeKey
        For each there is a row of codes.
    request : mapping of str to TextKey
        Unless it is empty, there is one row of requests that fulfils all of it; by the names of
        the columns in `RequestEntry`.
    """

    texts: Mapping[str, TextKey] = field(default_factory=dict)
    periods: Mapping[str, Instants] = field(default_factory=dict)
    codes: tuple[CodeKey, ...] = ()
    request: Mapping[str, TextKey] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page of workitems, which are ordered by start and id, has ended."""

    start: int
    id: int


def index_entry(workitem: Workitem, zone: tzinfo) -> IndexEntry:
    """Give the columns of a workitem.

    Parameters
    ----------
    workitem : Workitem
        What is to be found.
    zone : tzinfo
        Of its date times without offset, unless it has Timezone Offset From UTC.
    """
    dataset = workitem.dataset
    zone = zone_of(dataset, zone)
    start = _period(dataset, "start", zone) or Instants(MAXIMUM_INSTANT, MINIMUM_INSTANT)
    expected = _period(dataset, "expected", zone) or (None, None)
    expiration = _period(dataset, "expiration", zone) or (None, None)
    replaced = {_text(item, "ReferencedSOPInstanceUID") for item in _items(dataset, _REPLACED)}
    replaced.discard("")
    return IndexEntry(
        uid=_cut(workitem.uid),
        state=workitem.state.value,
        **{column: _text(dataset, keyword) for column, keyword in _TEXTS.items()},
        replaced_uid=SEVERAL if len(replaced) > 1 else "".join(replaced),
        start=start[0],
        start_end=start[1],
        expected=expected[0],
        expected_end=expected[1],
        expiration=expiration[0],
        expiration_end=expiration[1],
        codes=tuple(dict.fromkeys(_code_entries(dataset))),
        requests=tuple(dict.fromkeys(_request_entries(dataset))),
    )


def search_keys(identifier: Identifier, zone: tzinfo) -> SearchKeys:
    """Give the condition that all workitems fulfil which an identifier matches.

    Parameters
    ----------
    identifier : Identifier
        What is looked for.  One without keys, which matches nothing, gives no condition.
    zone : tzinfo
        Of its date times without offset, unless it has Timezone Offset From UTC.
    """
    keys = identifier.keys
    zone = zone_of(keys, zone)
    texts = _text_keys(keys, _TEXTS)
    texts.update(_text_keys(_item(keys, _REPLACED), {"replaced_uid": "ReferencedSOPInstanceUID"}))
    # These are what they are in every workitem, and so need not admit `SEVERAL`.
    for column, exact in (("uid", "SOPInstanceUID"), ("state", "ProcedureStepState")):
        if key := _text_key(keys, exact):
            texts[column] = TextKey(tuple(value for value in key.values if value != SEVERAL))
    periods = {column: _key_period(keys, column, zone) for column in _PERIODS}
    return SearchKeys(
        texts=texts,
        periods={column: period for column, period in periods.items() if period is not None},
        codes=tuple(_code_keys(keys)),
        request=_text_keys(_item(keys, ("ReferencedRequestSequence",)), _REQUEST),
    )


def admits(keys: SearchKeys, entry: IndexEntry) -> bool:
    """Tell whether a workitem is among those that a search reads.

    Parameters
    ----------
    keys : SearchKeys
        The condition.
    entry : IndexEntry
        The workitem's columns.
    """
    return (
        all(_admits_text(key, getattr(entry, column)) for column, key in keys.texts.items())
        and all(_meets(period, entry, column) for column, period in keys.periods.items())
        and all(any(_admits_code(key, row) for row in entry.codes) for key in keys.codes)
        and (
            not keys.request
            or any(
                all(_admits_text(key, getattr(row, column)) for column, key in keys.request.items())
                for row in entry.requests
            )
        )
    )


def _admits_text(key: TextKey | None, text: str) -> bool:
    return (
        key is None
        or text in key.values
        or text.startswith(key.prefixes)
        or any(part in text for part in key.parts)
    )


def _admits_code(key: CodeKey, row: CodeEntry) -> bool:
    return (
        key.kind == row.kind
        and _admits_text(key.value, row.value)
        and _admits_text(key.designator, row.designator)
    )


def _meets(period: Instants, entry: IndexEntry, column: str) -> bool:
    first, last = getattr(entry, column), getattr(entry, f"{column}_end")
    return first is not None and first <= period.last and last >= period.first


# -- what is kept ------------------------------------------------------------------------------


def _element(dataset: Dataset, keyword: str) -> tuple[DataElement | None, str]:
    """Give an attribute and the VR that it should have."""
    tag = Tag(keyword)
    return found_in(dataset, tag), dictionary_VR(tag)


def _items(dataset: Dataset, path: tuple[str, ...]) -> Iterator[Dataset]:
    """Give the items of a sequence, or of a sequence in the items of a sequence."""
    found, _ = _element(dataset, path[0])
    items = found.value if found is not None and found.VR == "SQ" else ()
    for item in items:
        if len(path) == 1:
            yield item
        else:
            yield from _items(item, path[1:])


def _text(dataset: Dataset, keyword: str) -> str:
    """Give the column of a text."""
    element, vr = _element(dataset, keyword)
    if element is None:
        return ""
    if vr != element.VR:
        return "" if element.is_empty else SEVERAL
    values = values_of(element, vr)
    if len(values) != 1:
        return SEVERAL if values else ""
    if vr == "PN":
        groups = name_groups(values[0])
        return SEVERAL if len(groups) > 3 else "".join("=" + _cut(group) for group in groups)
    if vr == "DA":
        moment = moment_of("DA", values[0])
        return SEVERAL if moment is None else moment[0]
    return _cut(values[0])


def _cut(text: str) -> str:
    """Make a text fit for a column: PostgreSQL has no NUL, and neither has UTF-8 surrogates.

    Texts that are equal stay so, and so does the beginning of a text.
    """
    return text[:_WIDTH].replace("\0", "?").encode("utf-8", "replace").decode("utf-8")


def _period(dataset: Dataset, column: str, zone: tzinfo) -> Instants | None:
    """Give the period from the first to the last of the values of a date time."""
    element, vr = _element(dataset, _PERIODS[column])
    if element is None:
        return None
    if vr != element.VR:
        return None if element.is_empty else _AT_ANY_TIME
    return _hull(value_instants(value, zone) for value in values_of(element, vr))


def _hull(periods: Iterable[Instants | None]) -> Instants | None:
    known = [period for period in periods if period is not None]
    if not known:
        return None
    return Instants(min(each.first for each in known), max(each.last for each in known))


def _code_entries(dataset: Dataset) -> Iterator[CodeEntry]:
    for kind, path in _CODES.items():
        for item in _items(dataset, path):
            designator = _text(item, "CodingSchemeDesignator")
            values = [value for keyword in _CODE_VALUES if (value := _text(item, keyword))]
            for value in values or [""]:
                yield CodeEntry(kind, value, designator)


def _request_entries(dataset: Dataset) -> Iterator[RequestEntry]:
    for item in _items(dataset, ("ReferencedRequestSequence",)):
        yield RequestEntry(**{column: _text(item, keyword) for column, keyword in _REQUEST.items()})


# -- what is looked for ------------------------------------------------------------------------


def _item(keys: Dataset, path: tuple[str, ...]) -> Dataset:
    """Give the keys in the only item of a sequence."""
    return next(_items(keys, path), Dataset())


def _text_keys(keys: Dataset, columns: Mapping[str, str]) -> dict[str, TextKey]:
    found = {column: _text_key(keys, keyword) for column, keyword in columns.items()}
    return {column: key for column, key in found.items() if key is not None}


def _text_key(keys: Dataset, keyword: str) -> TextKey | None:
    """Give the condition of a key; `None` if it admits all."""
    element, vr = _element(keys, keyword)
    if element is None:
        return None
    narrow = {"PN": _name_key, "DA": _date_key, "UI": _exact_key}.get(vr, _pattern_key)
    if element.tag in SINGLE_VALUES:
        narrow = _exact_key
    found = [narrow(value) for value in values_of(element, vr)]
    known = [key for key in found if key is not None]
    if not known or len(known) < len(found):
        return None
    values = tuple(dict.fromkeys(chain((SEVERAL,), *(key.values for key in known))))
    prefixes = tuple(dict.fromkeys(chain(*(key.prefixes for key in known))))
    parts = tuple(dict.fromkeys(chain(*(key.parts for key in known))))
    return TextKey(values, prefixes, parts) if len(prefixes + parts) <= _PATTERNS else None


def _exact_key(value: str) -> TextKey:
    return TextKey((_cut(value),))


def _pattern_key(value: str) -> TextKey | None:
    beginning = _WILDCARD.split(value, maxsplit=1)[0]
    if beginning == value:
        return _exact_key(value)
    return TextKey(prefixes=(_cut(beginning),)) if beginning else None


def _name_key(value: str) -> TextKey | None:
    """Narrow a person name by how one of its component groups begins."""
    group = next(filter(None, name_groups(value)), "")
    # A key may ask for more components than a name has, which are then empty.
    beginning = _WILDCARD.split(group, maxsplit=1)[0].rstrip("^")
    return TextKey(parts=("=" + _cut(beginning),)) if beginning else None


def _date_key(value: str) -> TextKey | None:
    """Narrow a range of dates by the digits that its ends have in common."""
    first, last = period_of("DA", value) or (None, None)
    if first is None or last is None:
        return None
    common = next(length for length in range(8, -1, -1) if first[0][:length] == last[0][:length])
    return TextKey(prefixes=(first[0][:common],)) if common else None


def _key_period(keys: Dataset, column: str, zone: tzinfo) -> Instants | None:
    element, vr = _element(keys, _PERIODS[column])
    if element is None:
        return None
    return _hull(key_instants(value, zone) for value in values_of(element, vr))


def _code_keys(keys: Dataset) -> Iterator[CodeKey]:
    for kind, path in _CODES.items():
        item = _item(keys, path)
        values = (_text_key(item, keyword) for keyword in _CODE_VALUES)
        value = next((key for key in values if key is not None), None)
        designator = _text_key(item, "CodingSchemeDesignator")
        if value or designator:
            yield CodeKey(kind, value, designator)
