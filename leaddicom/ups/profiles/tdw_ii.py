"""IHE-RO Treatment Delivery Workflow-II: workitems of radiotherapy treatments.

The rules are second-hand: they were gathered from transcriptions of the trial implementation
supplement and from public sample code, not from the supplement itself.  No conformance to the
profile is claimed; compare them with the supplement before relying on them.

Where the supplement lets an attribute be empty, only what it has is checked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.uid import (
    RTBeamsDeliveryInstructionStorage,
    RTBeamsTreatmentRecordStorage,
    RTIonBeamsTreatmentRecordStorage,
    RTIonPlanStorage,
    RTPlanStorage,
)

from leaddicom.ups.core.findings import Finding
from leaddicom.ups.core.terms import State, UpsStatus

__all__ = ["TdwII"]

_PLANS = frozenset({RTPlanStorage, RTIonPlanStorage})
_INSTRUCTIONS = frozenset({RTBeamsDeliveryInstructionStorage})
_RECORDS = frozenset({RTBeamsTreatmentRecordStorage, RTIonBeamsTreatmentRecordStorage})

#: Code Value and Coding Scheme Designator.
_Code = tuple[str, str]

#: "RT Treatment with Internal Verification".
_TREATMENT: _Code = ("121726", "DCM")

#: "no units".
_NO_UNITS: _Code = ("1", "UCUM")


@dataclass(frozen=True, slots=True)
class _Parameter:
    """A content item that has to be in a sequence of parameters."""

    meaning: str
    value_type: str
    values: frozenset[str] = frozenset()


_DELIVERY_TYPE: _Code = ("121740", "DCM")
_CONTINUATION = "CONTINUATION"

_PROCESSING_PARAMETERS = {
    _DELIVERY_TYPE: _Parameter(
        "Treatment Delivery Type", "TEXT", frozenset({"TREATMENT", _CONTINUATION})
    ),
    ("2018001", "99IHERO2018"): _Parameter("Plan Label", "TEXT"),
    ("2018002", "99IHERO2018"): _Parameter("Current Fraction Number", "NUMERIC"),
    ("2018003", "99IHERO2018"): _Parameter("Number of Fractions Planned", "NUMERIC"),
}

_PROGRESS_PARAMETERS = {
    ("2018004", "99IHERO2018"): _Parameter("Referenced Beam Number", "NUMERIC"),
}

#: Where the value of a content item is.
_VALUES = {"TEXT": "TextValue", "NUMERIC": "NumericValue"}


class TdwII:
    """What the profile asks of workitems beyond PS3.4 Annex CC."""

    name = "tdw-ii"

    def check_creation(self, dataset: Dataset) -> list[Finding]:
        """Check the attributes of a treatment that is to be scheduled."""
        findings = []
        for keyword in ("ScheduledWorkitemCodeSequence", "PatientName", "PatientID"):
            if keyword not in dataset:
                findings.append(_missing(keyword))
            elif not dataset[keyword].value:
                text = f"{keyword} needs a value"
                findings.append(_finding(UpsStatus.MISSING_ATTRIBUTE_VALUE, keyword, text))
        if "StudyInstanceUID" not in dataset:
            findings.append(_missing("StudyInstanceUID"))
        return findings + _schedule(dataset)

    def check_modification(self, modifications: Dataset) -> list[Finding]:
        """Check an update of the schedule, of the progress, or of what was performed."""
        findings = _schedule(modifications)
        parameters = "ProcedureStepProgressParametersSequence"
        if parameters in modifications:
            findings.append(_invalid(parameters, f"{parameters} is at the top level"))
        for item in _items(modifications, "ProcedureStepProgressInformationSequence"):
            findings.extend(_progress(item))
        return findings + _performed(modifications, UpsStatus.INVALID_ATTRIBUTE_VALUE)

    def check_final(self, dataset: Dataset, target: State) -> list[Finding]:
        """Check what was performed of a treatment that has ended; a canceled one, too."""
        return _performed(dataset, UpsStatus.FINAL_STATE_NOT_MET)


def _schedule(dataset: Dataset) -> list[Finding]:
    """Check those attributes of the schedule that have values."""
    findings = _work(dataset, "ScheduledWorkitemCodeSequence", UpsStatus.INVALID_ATTRIBUTE_VALUE)
    keyword = "ScheduledProcessingParametersSequence"
    parameters = _items(dataset, keyword)
    if parameters:
        findings += _parameters(keyword, parameters, _PROCESSING_PARAMETERS)
    return findings + _inputs(dataset)


def _work(dataset: Dataset, keyword: str, status: UpsStatus) -> list[Finding]:
    """Check that the work is a treatment, if it is said what it is."""
    if all(_code(item) == _TREATMENT for item in _items(dataset, keyword)):
        return []
    return [_finding(status, keyword, f"{keyword} has to be (121726, DCM)")]


def _inputs(dataset: Dataset) -> list[Finding]:
    """Check that what the machine needs is named, and where to retrieve it."""
    keyword = "InputInformationSequence"
    inputs = _items(dataset, keyword)
    if not inputs:
        return []
    needed = {"plan": _PLANS, "beams delivery instruction": _INSTRUCTIONS}
    types = [
        item.get("TextValue")
        for item in _items(dataset, "ScheduledProcessingParametersSequence")
        if _concept(item) == _DELIVERY_TYPE
    ]
    if _CONTINUATION in types:
        needed["treatment record"] = _RECORDS
    findings = [
        _invalid(keyword, f"{keyword} has no {what}")
        for what, classes in needed.items()
        if classes.isdisjoint(_referenced_classes(inputs))
    ]
    if not all(_items(item, "DICOMRetrievalSequence") for item in inputs):
        findings.append(_missing("DICOMRetrievalSequence"))
    return findings


def _progress(item: Dataset) -> list[Finding]:
    """Check a progress update; an item that tells why the treatment was discontinued is none."""
    if _items(item, "ProcedureStepDiscontinuationReasonCodeSequence"):
        return []
    keyword = "ProcedureStepProgressParametersSequence"
    findings = [_missing(each) for each in ("ProcedureStepProgress", keyword) if each not in item]
    parameters = _items(item, keyword)
    if parameters:
        findings += _parameters(keyword, parameters, _PROGRESS_PARAMETERS)
    return findings


def _performed(dataset: Dataset, status: UpsStatus) -> list[Finding]:
    """Check what was performed.

    A treatment record is due if any dose was delivered, which nobody can see here: if there is
    output, a record has to be among it.
    """
    findings = []
    for item in _items(dataset, "UnifiedProcedureStepPerformedProcedureSequence"):
        findings += _work(item, "PerformedWorkitemCodeSequence", status)
        keyword = "OutputInformationSequence"
        outputs = _items(item, keyword)
        if outputs and _RECORDS.isdisjoint(_referenced_classes(outputs)):
            findings.append(_finding(status, keyword, f"{keyword} has no treatment record"))
    return findings


def _parameters(
    keyword: str, items: Sequence[Dataset], expected: Mapping[_Code, _Parameter]
) -> list[Finding]:
    """Check a sequence of parameters against its template: each once, and no other."""
    concepts = [_concept(item) for item in items]
    findings = []
    for code, parameter in expected.items():
        name = f"{parameter.meaning} ({code[0]})"
        if concepts.count(code) != 1:
            findings.append(_invalid(keyword, f"{name} has to be there once"))
            continue
        fault = _fault(items[concepts.index(code)], parameter)
        if fault:
            findings.append(_invalid(keyword, f"{name} {fault}"))
    if len(items) > len(expected):
        findings.append(_invalid(keyword, f"{keyword} has too many items"))
    return findings


def _fault(item: Dataset, parameter: _Parameter) -> str:
    """Tell what is wrong with a parameter; "" if nothing is."""
    if item.get("ValueType") != parameter.value_type:
        return f"is not of type {parameter.value_type}"
    value = item.get(_VALUES[parameter.value_type])
    if value is None or value == "":
        return "has no value"
    if parameter.values and str(value) not in parameter.values:
        return "has another value"
    units = [_code(unit) for unit in _items(item, "MeasurementUnitsCodeSequence")]
    if parameter.value_type == "NUMERIC" and units != [_NO_UNITS]:
        return "needs units (1, UCUM)"
    return ""


def _referenced_classes(items: Sequence[Dataset]) -> set[str]:
    return {
        str(reference.get("ReferencedSOPClassUID", ""))
        for item in items
        for reference in _items(item, "ReferencedSOPSequence")
    }


def _concept(item: Dataset) -> _Code | None:
    """Give the concept name of a content item."""
    names = _items(item, "ConceptNameCodeSequence")
    return _code(names[0]) if names else None


def _code(item: Dataset) -> _Code:
    return item.get("CodeValue", ""), item.get("CodingSchemeDesignator", "")


def _items(dataset: Dataset, keyword: str) -> list[Dataset]:
    return list(dataset.get(keyword) or ())


def _missing(keyword: str) -> Finding:
    return _finding(UpsStatus.MISSING_ATTRIBUTE, keyword, f"{keyword} is missing")


def _invalid(keyword: str, text: str) -> Finding:
    return _finding(UpsStatus.INVALID_ATTRIBUTE_VALUE, keyword, text)


def _finding(status: UpsStatus, keyword: str, text: str) -> Finding:
    return Finding(status, tag_for_keyword(keyword) or 0, text)
