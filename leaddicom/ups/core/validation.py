"""Whether attributes are there, have values and may be sent, by Table CC.2.5-3.

How much is asked for:

* At the top level, what the table says.
* In items, a Type 1 attribute that is sent without a value is always refused.  One that is not
  sent is refused if the item would mean nothing without it: a code without a code value, a
  content item without its concept, its value or, if that is a number, its units, a reference
  without UIDs.  What else clients leave out is refused only by those who ask for strictness.
* Attributes that the table does not name may be there and may be anything.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum
from types import MappingProxyType
from typing import Any

from pydicom.datadict import dictionary_VM
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from leaddicom.ups.core.attributes import ATTRIBUTES, Attribute, find
from leaddicom.ups.core.findings import Finding
from leaddicom.ups.core.macros import Macro
from leaddicom.ups.core.terms import InputReadiness, Priority, UpsStatus
from leaddicom.ups.core.text import FORMS, about, is_offset, name_of

__all__ = [
    "Operation",
    "findings",
    "has_value",
    "invalid",
    "missing",
    "not_allowed",
    "without_value",
]


class Operation(Enum):
    """Which types of the table are asked for."""

    CREATE = "n_create"
    SET = "n_set"


_VALUES_OF_TYPES = MappingProxyType(
    {
        "DATETIME": "DateTime",
        "DATE": "Date",
        "TIME": "Time",
        "PNAME": "PersonName",
        "UIDREF": "UID",
        "TEXT": "TextValue",
        "CODE": "ConceptCodeSequence",
        "NUMERIC": "NumericValue",
    }
)

#: Attributes that have one of these values or none.
_ENUMERATED: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "ScheduledProcedureStepPriority": frozenset(map(str, Priority)),
        "InputReadinessState": frozenset(map(str, InputReadiness)),
        "ValueType": frozenset(_VALUES_OF_TYPES),
    }
)

#: Type 1 attributes of items without which these mean nothing.
_ESSENTIAL = frozenset(
    {
        "ConceptNameCodeSequence",
        "ReferencedSOPClassUID",
        "ReferencedSOPInstanceUID",
        "ReferencedSOPSequence",
        "ValueType",
    }
)

#: Items of a sequence at most: each performer is told in an event of its own, with all stations.
_MOST_ITEMS: Mapping[str, int] = MappingProxyType(
    dict.fromkeys(("ScheduledStationNameCodeSequence", "ScheduledHumanPerformersSequence"), 64)
)

#: Attributes whose values are put right rather than refused.
_MENDED = frozenset({"SpecificCharacterSet"})

_TIMEZONE = "TimezoneOffsetFromUTC"

_CODE_VALUES = ("CodeValue", "LongCodeValue", "URNCodeValue")
_RETRIEVALS = (
    "DICOMRetrievalSequence",
    "DICOMMediaRetrievalSequence",
    "WADORetrievalSequence",
    "XDSRetrievalSequence",
    "WADORSRetrievalSequence",
)
_STORAGES = ("DICOMStorageSequence", "STOWRSStorageSequence", "XDSStorageSequence")


def missing(row: Attribute, within: str = "") -> Finding:
    """Say that an attribute is not there."""
    return Finding(UpsStatus.MISSING_ATTRIBUTE, row.tag, about(row.keyword, "is missing", within))


def without_value(row: Attribute, within: str = "") -> Finding:
    """Say that an attribute has no value."""
    text = about(row.keyword, "has no value", within)
    return Finding(UpsStatus.MISSING_ATTRIBUTE_VALUE, row.tag, text)


def invalid(row: Attribute, within: str = "") -> Finding:
    """Say that an attribute has a value that it cannot have."""
    text = about(row.keyword, "is not valid", within)
    return Finding(UpsStatus.INVALID_ATTRIBUTE_VALUE, row.tag, text)


def too_many(row: Attribute) -> Finding:
    """Say that a sequence has more items than the manager takes."""
    return Finding(UpsStatus.RESOURCE_LIMITATION, row.tag, about(row.keyword, "has too many items"))


def not_allowed(tag: int, within: str = "") -> Finding:
    """Say that an attribute must not be sent."""
    text = about(name_of(tag), "is not allowed", within)
    return Finding(UpsStatus.INVALID_ATTRIBUTE_VALUE, tag, text)


def has_value(dataset: Dataset, keyword: str) -> bool:
    """Tell whether an attribute is there and has a value, or an item."""
    return keyword in dataset and not _is_empty(dataset[keyword])


def findings(dataset: Dataset, operation: Operation, *, strict: bool = False) -> list[Finding]:
    """Tell what is wrong with the attributes of an N-CREATE or N-SET.

    Parameters
    ----------
    dataset : pydicom.dataset.Dataset
        From `leaddicom.ups.core.received.clean_copy`.
    operation : Operation
        Whose types count.  Attributes that an N-SET must not have come first.
    strict : bool
        Whether to ask for Type 2 attributes and for all that items have to have.

    Returns
    -------
    list of Finding
        The request is answered with the status of the first.
    """
    forbidden = [] if operation is Operation.CREATE else list(_forbidden(dataset, ATTRIBUTES))
    wrong = forbidden + list(_level(dataset, ATTRIBUTES, operation, strict))
    if has_value(dataset, _TIMEZONE) and not is_offset(str(dataset[_TIMEZONE].value)):
        text = about(_TIMEZONE, "is not valid")
        wrong.append(Finding(UpsStatus.INVALID_ATTRIBUTE_VALUE, dataset[_TIMEZONE].tag, text))
    return wrong


#: What describes the patient, the request and the like: it must not come in by a back door.
_NOT_IN_SET = frozenset(row.tag for row in ATTRIBUTES if row.n_set == "NA")


def _forbidden(
    dataset: Dataset, rows: tuple[Attribute, ...], within: str = ""
) -> Iterator[Finding]:
    for element in dataset:
        row = find(rows, element.tag)
        if row.n_set == "NA" if row else element.tag in _NOT_IN_SET:
            yield not_allowed(element.tag, within)
        elif row is not None and element.VR == "SQ":
            for item in element.value:
                yield from _forbidden(item, row.items, row.keyword)


def _level(
    dataset: Dataset,
    rows: tuple[Attribute, ...],
    operation: Operation,
    strict: bool,
    within: str = "",
) -> Iterator[Finding]:
    for row in rows:
        type_ = str(getattr(row, operation.value)).partition("/")[0]
        if row.tag not in dataset:
            needed = type_ == "1" and (strict or not within or row.keyword in _ESSENTIAL)
            if needed or (type_ == "2" and strict):
                yield missing(row, within)
        elif _is_empty(dataset[row.tag]):
            # Priority, labels and the like have values since the creation, and keep them.
            keeps = operation is Operation.SET and not within and row.n_create in {"1/1", "2/1"}
            if type_ == "1" or (type_ == "1C" and strict) or keeps:
                yield without_value(row, within)
        elif not _is_valid(dataset[row.tag], row):
            yield invalid(row, within)
        elif row.vr == "SQ":
            if len(dataset[row.tag].value) > _MOST_ITEMS.get(row.keyword, sys.maxsize):
                yield too_many(row)
                continue
            for item in dataset[row.tag].value:
                if row.macro in _CONDITIONS:
                    yield from _CONDITIONS[row.macro](_Item(item, row), strict)
                yield from _level(item, row.items, operation, strict, row.keyword)


def _is_empty(element: DataElement) -> bool:
    if element.VR == "SQ":
        return not element.value
    return not any(str(each).strip(" \0") for each in _values(element))


def _values(element: DataElement) -> list[Any]:
    value = element.value
    values = list(value) if isinstance(value, (list, MultiValue)) else [value]
    return [each for each in values if each is not None]


def _is_valid(element: DataElement, row: Attribute) -> bool:
    """Tell whether a value that is there has the VR, the multiplicity and the form of its row."""
    if row.vr != element.VR:
        return False
    if row.vr == "SQ":
        return True
    values = _values(element)
    if len(values) > 1 and dictionary_VM(row.tag) == "1":
        return False
    fits = None if row.keyword in _MENDED else FORMS.get(row.vr)
    texts = [str(each) for each in values]
    enumerated = _ENUMERATED.get(row.keyword)
    return (fits is None or all(fits(text) for text in texts if text)) and (
        enumerated is None or enumerated.issuperset(texts)
    )


class _Item:
    """An item, and the row of the sequence that it is in."""

    def __init__(self, dataset: Dataset, sequence: Attribute) -> None:
        self._dataset = dataset
        self._sequence = sequence

    def has(self, *keywords: str) -> bool:
        """Whether one of the attributes has a value."""
        return any(has_value(self._dataset, keyword) for keyword in keywords)

    def text(self, keyword: str) -> str:
        return str(self._dataset.get(keyword, ""))

    def need(self, *keywords: str, if_absent: bool = True) -> Iterator[Finding]:
        """Ask for a value of one of the attributes; without `if_absent`, only if they are sent."""
        if self.has(*keywords):
            return
        rows = [row for row in self._sequence.items if row.keyword in keywords]
        empty = [row for row in rows if row.tag in self._dataset]
        if empty:
            yield without_value(empty[0], self._sequence.keyword)
        elif if_absent:
            yield missing(rows[0], self._sequence.keyword)


def _code(item: _Item, strict: bool) -> Iterator[Finding]:
    yield from item.need(*_CODE_VALUES)
    if item.has("CodeValue", "LongCodeValue"):
        yield from item.need("CodingSchemeDesignator", if_absent=strict)


def _content_item(item: _Item, _strict: bool) -> Iterator[Finding]:
    keyword = _VALUES_OF_TYPES.get(item.text("ValueType"))
    if keyword is not None:
        yield from item.need(keyword)
    if keyword == "NumericValue":
        yield from item.need("MeasurementUnitsCodeSequence")


def _instances(item: _Item, strict: bool) -> Iterator[Finding]:
    if item.text("TypeOfInstances") == "DICOM":
        yield from item.need("StudyInstanceUID", if_absent=strict)
        yield from item.need("SeriesInstanceUID", if_absent=strict)
    yield from item.need(*_RETRIEVALS, if_absent=strict)


def _designator(item: _Item, strict: bool) -> Iterator[Finding]:
    if strict:
        yield from item.need("LocalNamespaceEntityID", "UniversalEntityID")
        yield from _universal_type(item, strict)


def _universal_type(item: _Item, strict: bool) -> Iterator[Finding]:
    if strict and item.has("UniversalEntityID"):
        yield from item.need("UniversalEntityIDType")


def _storage(item: _Item, strict: bool) -> Iterator[Finding]:
    if strict:
        yield from item.need(*_STORAGES)


#: What macros ask for that depends on something.
_CONDITIONS: Mapping[Macro | None, Callable[[_Item, bool], Iterable[Finding]]] = MappingProxyType(
    {
        Macro.CODE: _code,
        Macro.CONTENT_ITEM: _content_item,
        Macro.INSTANCES: _instances,
        Macro.DESIGNATOR: _designator,
        Macro.ISSUER_QUALIFIERS: _universal_type,
        Macro.STORAGE: _storage,
    }
)
