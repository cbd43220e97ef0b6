"""C-FIND of workitems (PS3.4 sections CC.2.8 and C.2.2.2).

What a key may be stands in Table CC.2.5-3, and how it is compared in `leaddicom.scp.matching`,
with what is particular to Unified Procedure Step:

* Unique, required and optional keys of the table are all matched.  Any other attribute is
  returned if the workitem has it, but its value selects nothing and the responses say so (FF01H).
  Code Meaning and Coding Scheme Version are no keys either, but usual beside a code: they
  select nothing, without a warning.
* Priority, state, readiness, code values and designators know no wild cards.
* Date times are compared as instants, see `leaddicom.ups.core.datetimes`.
* An identifier that has nothing to match with, not even a universal key, matches nothing.
* A date, time or date time that is none is refused, as is what pydicom cannot read; malformed
  values of other kinds are compared as they stand, and so match nothing that is well-formed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timezone, tzinfo
from typing import Any

from pydicom.config import IGNORE
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from leaddicom.scp import matching
from leaddicom.scp.matching import Comparison, period_of, values_of
from leaddicom.ups.core.attributes import ATTRIBUTES, Attribute, find
from leaddicom.ups.core.character_sets import character_set, settle
from leaddicom.ups.core.datetimes import key_instants, value_instants, zone_of
from leaddicom.ups.core.findings import Finding
from leaddicom.ups.core.received import clean_copy
from leaddicom.ups.core.terms import UpsStatus
from leaddicom.ups.core.text import about, name_of

__all__ = [
    "MAXIMUM_KEYS",
    "MAXIMUM_LENGTH",
    "SINGLE_VALUES",
    "Identifier",
    "check_identifier",
    "matches",
    "response",
]

#: Attributes and values that an identifier may have, and characters of a value: each is compared
#: with each workitem, and a database takes only so many parameters.
MAXIMUM_KEYS, MAXIMUM_LENGTH = 2_000, 1_024

#: Tags of the keys that know no wild cards, wherever they are.
SINGLE_VALUES = frozenset(
    Tag(keyword)
    for keyword in (
        "SOPInstanceUID",
        "ScheduledProcedureStepPriority",
        "InputReadinessState",
        "ProcedureStepState",
        "CodeValue",
        "LongCodeValue",
        "URNCodeValue",
        "CodingSchemeDesignator",
    )
)

_TRANSACTION_UID, _TIMEZONE = 0x00081195, 0x00080201

#: Say how the identifier is meant.
_CONTEXT = frozenset({0x00080005, _TIMEZONE})

#: Never come back: what locks a workitem, and Query/Retrieve Level and View, as a worklist has
#: neither.
_NOT_RETURNED = frozenset({_TRANSACTION_UID, 0x00080052, 0x00080053})

#: Code Meaning and Coding Scheme Version.
_BESIDE_CODES = frozenset({0x00080103, 0x00080104})


@dataclass(frozen=True, slots=True)
class Identifier:
    """The identifier of a C-FIND request that can be answered.

    Attributes
    ----------
    keys : pydicom.dataset.Dataset
        The attributes that were asked for, with the VRs of the data dictionary.  Only those that
        are keys have values.  Nobody changes it.
    has_keys : bool
        Whether one of the attributes is a key, be it universal; otherwise nothing matches.
    has_unsupported_keys : bool
        Whether something in the request is no key, so that the responses have to say FF01H
        rather than FF00H.
    """

    keys: Dataset
    has_keys: bool
    has_unsupported_keys: bool


class _Refused(Exception):
    def __init__(self, status: UpsStatus, tag: int, what: str) -> None:
        self.finding = Finding(status, tag, about(name_of(tag), what))


def check_identifier(identifier: Dataset) -> Identifier | Finding:
    """Check the identifier of a C-FIND request, or the keys of a filtered subscription.

    Parameters
    ----------
    identifier : pydicom.dataset.Dataset
        As a peer has sent it.

    Returns
    -------
    Identifier or Finding
        Or what is wrong with it: A900H if a value or a sequence cannot be a key, A700H if there
        are too many.
    """
    clean, findings = clean_copy(identifier)
    if findings:
        first = findings[0]
        return Finding(UpsStatus.IDENTIFIER_DOES_NOT_MATCH, first.tag, first.text)
    check = _Check()
    try:
        keys = check.keys(clean, ATTRIBUTES)
    except _Refused as refused:
        return refused.finding
    if _TIMEZONE in clean:
        keys[_TIMEZONE] = clean[_TIMEZONE]
    return Identifier(keys, check.has_keys, check.has_unsupported_keys)


def matches(identifier: Identifier, dataset: Dataset, zone: tzinfo) -> bool:
    """Tell whether a workitem matches.

    Parameters
    ----------
    identifier : Identifier
        What is looked for.
    dataset : pydicom.dataset.Dataset
        Of the workitem.
    zone : tzinfo
        Of date times in either that have no offset, unless Timezone Offset From UTC is there.
    """
    comparison = _comparison(identifier, dataset, zone)
    return identifier.has_keys and matching.matches(identifier.keys, dataset, comparison)


def response(identifier: Identifier, dataset: Dataset, zone: tzinfo) -> Dataset:
    """Give the response for a workitem that matches.

    Parameters
    ----------
    identifier : Identifier
        What was looked for.
    dataset : pydicom.dataset.Dataset
        Of the workitem.
    zone : tzinfo
        As for `matches`.

    Returns
    -------
    pydicom.dataset.Dataset
        What was asked for, empty where it is unknown, of sequences the items that match; Timezone
        Offset From UTC if the workitem has it; and Specific Character Set if texts need it.
    """
    found = matching.requested(identifier.keys, dataset, _comparison(identifier, dataset, zone))
    if _TIMEZONE in found and found[_TIMEZONE].is_empty:
        del found[_TIMEZONE]
    settle(found, (), character_set(dataset))
    return found


def _comparison(identifier: Identifier, dataset: Dataset, zone: tzinfo) -> Comparison:
    asked, kept = zone_of(identifier.keys, zone), zone_of(dataset, zone)

    def overlap(key: str, value: str) -> bool:
        period, known = key_instants(key, asked), value_instants(value, kept)
        return period is not None and known is not None and period.overlaps(known)

    return Comparison(SINGLE_VALUES, overlap)


class _Check:
    """Goes through an identifier, no deeper than the table does."""

    def __init__(self) -> None:
        self.has_keys = False
        self.has_unsupported_keys = False
        self._room = MAXIMUM_KEYS

    def keys(self, given: Dataset, rows: tuple[Attribute, ...]) -> Dataset:
        """Give the keys of an identifier or item, and what else it asks for without values."""
        keys = Dataset()
        for element in given:
            if element.tag in _CONTEXT:
                continue
            self._take(element.tag)
            row = None if element.tag in _NOT_RETURNED else find(rows, element.tag)
            if row is not None:
                keys.add(self._items(element, row) if row.vr == "SQ" else self._key(element, row))
                continue
            self.has_unsupported_keys = True
            if element.tag not in _NOT_RETURNED and not element.tag.is_private:
                vr = element.VR[:2]  # the first if there are several, such as "US or SS"
                keys.add(DataElement(element.tag, vr, [] if vr == "SQ" else None))
        return keys

    def _items(self, element: DataElement, row: Attribute) -> DataElement:
        self.has_keys |= row.is_key
        items = element.value if element.VR == "SQ" else []
        if element.VR != "SQ" and not element.is_empty:
            raise _Refused(UpsStatus.IDENTIFIER_DOES_NOT_MATCH, row.tag, "is a sequence")
        if len(items) > 1:  # PS3.4 section C.2.2.2.6
            raise _Refused(UpsStatus.IDENTIFIER_DOES_NOT_MATCH, row.tag, "has two items")
        return DataElement(row.tag, "SQ", [self.keys(item, row.items) for item in items])

    def _key(self, element: DataElement, row: Attribute) -> DataElement:
        if row.vr != element.VR and not element.is_empty:
            raise _Refused(UpsStatus.IDENTIFIER_DOES_NOT_MATCH, row.tag, f"is no {row.vr}")
        values = values_of(element, row.vr)
        if not row.is_key:
            if values not in ([], ["*"]) and row.tag not in _BESIDE_CODES:
                self.has_unsupported_keys = True
            return DataElement(row.tag, row.vr, None)
        self.has_keys = True
        for value in values:
            self._take(row.tag, len(value) if isinstance(value, (str, bytes)) else 0)
            if not _is_well_formed(row.vr, value):
                raise _Refused(UpsStatus.IDENTIFIER_DOES_NOT_MATCH, row.tag, "is malformed")
        value = values[0] if len(values) == 1 else values or None
        return DataElement(row.tag, row.vr, value, validation_mode=IGNORE)

    def _take(self, tag: int, length: int = 0) -> None:
        self._room -= 1
        if self._room < 0:
            raise _Refused(UpsStatus.OUT_OF_RESOURCES, tag, "is one too many")
        if length > MAXIMUM_LENGTH:
            raise _Refused(UpsStatus.OUT_OF_RESOURCES, tag, "is too long")


def _is_well_formed(vr: str, value: Any) -> bool:
    if vr == "DT":
        return key_instants(value, timezone.utc) is not None
    return vr not in {"DA", "TM"} or period_of(vr, value) is not None
