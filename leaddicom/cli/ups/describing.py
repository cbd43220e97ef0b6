"""Data sets in words: one attribute a line, or a tree for people."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from pydicom.datadict import dictionary_description, keyword_for_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.valuerep import DT

from leaddicom.cli.ups.text import local_text, shown

if TYPE_CHECKING:
    from leaddicom.ups.client.views import WorkitemView

__all__ = ["codes_text", "dicom_json", "facts_of", "lines_of", "patient_text", "tree_of"]

_CODE = frozenset(
    {
        "CodeValue",
        "LongCodeValue",
        "URNCodeValue",
        "CodingSchemeDesignator",
        "CodingSchemeVersion",
        "CodeMeaning",
    }
)


def lines_of(dataset: Dataset, path: str = "") -> Iterator[str]:
    """Give a line for each attribute with a value, as `leaddicom.cli.ups.keys` reads them."""
    for element in _elements(dataset):
        name = f"{path}{_keyword(element)}"
        if element.VR != "SQ":
            yield f"{name}={shown(_text(element))}"
        elif not element.value:
            yield f"{name}="
        for index, item in enumerate(element.value if element.VR == "SQ" else ()):
            yield from lines_of(item, f"{name}[{index}].")


def tree_of(dataset: Dataset, indent: str = "") -> Iterator[str]:
    """Give lines for people: names in words, what has no value left out, codes in one line."""
    for element in _elements(dataset):
        name = _name(element)
        if element.VR != "SQ":
            if not element.is_empty:
                yield f"{indent}{name}: {shown(_moment_text(element) or _text(element))}"
            continue
        items = list(element.value)
        codes = [_code_text(item) for item in items]
        if items and all(codes):
            yield f"{indent}{name}: {shown('; '.join(map(str, codes)))}"
            continue
        for number, item in enumerate(items, 1):
            yield f"{indent}{name}{f' {number}' if len(items) > 1 else ''}:"
            yield from tree_of(item, f"{indent}  ")


def dicom_json(dataset: Dataset) -> dict[str, object]:
    """Give a data set in the DICOM JSON Model (PS3.18 Annex F), as far as it can be written so."""
    made: dict[str, object] = dataset.to_json_dict(suppress_invalid_tags=True)
    return made


def facts_of(workitem: WorkitemView) -> dict[str, object]:
    """Give a workitem for JSON, its usual attributes by name."""
    codes = {
        "stations": workitem.stations,
        "codes": workitem.workitem_codes,
    }
    start = workitem.start
    return {
        "uid": workitem.uid,
        "state": workitem.state and workitem.state.value,
        "priority": workitem.priority and workitem.priority.value,
        "readiness": workitem.readiness and workitem.readiness.value,
        "label": workitem.label,
        "worklist": workitem.worklist_label,
        "start": start and start.isoformat(),
        "patient_id": workitem.patient_id,
        "patient_name": workitem.patient_name,
        "progress": workitem.progress,
        **{
            name: [
                {"value": each.value, "designator": each.scheme_designator, "meaning": each.meaning}
                for each in found
            ]
            for name, found in codes.items()
        },
    }


def codes_text(workitem: WorkitemView) -> str:
    """Give the stations of a workitem for a table."""
    return ", ".join(each.value or each.meaning for each in workitem.stations)


def patient_text(workitem: WorkitemView) -> str:
    """Give the patient of a workitem for a table."""
    name, id_ = workitem.patient_name, workitem.patient_id
    return f"{name} ({id_})" if name and id_ else name or id_


def _elements(dataset: Dataset) -> Iterator[DataElement]:
    for tag in sorted(dataset.keys()):
        # pydicom converts at the access, and what a peer sends as a value may be anything.
        try:
            yield dataset[tag]
        except Exception:  # noqa: BLE001 - pydicom raises whatever comes up where a value does not fit
            yield DataElement(tag, "LO", "(cannot be read)")


def _text(element: DataElement) -> str:
    value = element.value
    if isinstance(value, bytes):
        return f"({len(value)} bytes)"
    if isinstance(value, (list, MultiValue)):
        return "\\".join(map(str, value))
    return "" if value is None else str(value)


def _moment_text(element: DataElement) -> str:
    """Give a date time as tables show it; "" for all else, and where minutes are not told."""
    text = str(element.value)
    if element.VR != "DT" or not text[:12].isdigit() or len(text) < 12:
        return ""
    try:
        found = DT(text)
    except (ValueError, OverflowError):
        return ""
    return local_text(datetime.combine(found.date(), found.timetz()))


def _keyword(element: DataElement) -> str:
    return keyword_for_tag(element.tag) or f"{element.tag.group:04X},{element.tag.element:04X}"


def _name(element: DataElement) -> str:
    try:
        return dictionary_description(element.tag)
    except KeyError:
        return _keyword(element)


def _code_text(item: Dataset) -> str:
    """Give an item that is a code and nothing else; "" for others."""
    from leaddicom.ups.client.views import code_of

    if not {keyword_for_tag(tag) for tag in item.keys()} <= _CODE:  # noqa: SIM118 - of elements
        return ""
    code = code_of(item)
    where = f" ({code.value}, {code.scheme_designator})" if code.scheme_designator else ""
    return f"{code.meaning}{where}" if code.meaning else f"{code.value}{where}"
