"""What Treatment Delivery Workflow-II asks of workitems beyond the standard."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydicom.datadict import keyword_for_tag
from pydicom.dataset import Dataset

from leaddicom.ups.core.findings import Finding
from leaddicom.ups.core.profile import Profile
from leaddicom.ups.core.terms import State, UpsStatus
from leaddicom.ups.profiles import PROFILES, TdwII

from ..workitems import code, data_set, workitem

PROFILE: Profile = TdwII()

RT_PLAN = "1.2.840.10008.5.1.4.1.1.481.5"
RT_ION_PLAN = "1.2.840.10008.5.1.4.1.1.481.8"
RT_BEAMS_RECORD = "1.2.840.10008.5.1.4.1.1.481.4"
RT_ION_BEAMS_RECORD = "1.2.840.10008.5.1.4.1.1.481.9"
INSTRUCTION = "1.2.840.10008.5.1.4.34.7"
CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"

WORK = code("121726", "DCM", "RT Treatment with Internal Verification")
PROCESSING = "ScheduledProcessingParametersSequence"
BEAM = "ProcedureStepProgressParametersSequence"


def text_item(value: str, designator: str, text: str) -> Dataset:
    return data_set(
        ValueType="TEXT", ConceptNameCodeSequence=[code(value, designator)], TextValue=text
    )


def number_item(value: str, number: str) -> Dataset:
    return data_set(
        ValueType="NUMERIC",
        ConceptNameCodeSequence=[code(value, "99IHERO2018")],
        NumericValue=number,
        MeasurementUnitsCodeSequence=[code("1", "UCUM", "no units")],
    )


def processing(delivery_type: str = "TREATMENT") -> list[Dataset]:
    return [
        text_item("121740", "DCM", delivery_type),
        text_item("2018001", "99IHERO2018", "Prostate"),
        number_item("2018002", "3"),
        number_item("2018003", "30"),
    ]


def instances(sop_class: str) -> Dataset:
    return data_set(
        TypeOfInstances="DICOM",
        ReferencedSOPSequence=[
            data_set(ReferencedSOPClassUID=sop_class, ReferencedSOPInstanceUID="1.2.3")
        ],
        DICOMRetrievalSequence=[data_set(RetrieveAETitle="OST")],
    )


def treatment(**changes: Any) -> Dataset:
    elements: dict[str, Any] = {
        "ScheduledStationNameCodeSequence": [code("LINAC1")],
        "InputInformationSequence": [instances(RT_PLAN), instances(INSTRUCTION)],
        PROCESSING: processing(),
    }
    return workitem(**(elements | changes))


def progress(**changes: Any) -> Dataset:
    """The Modification List of a progress update."""
    elements = {"ProcedureStepProgress": "0", BEAM: [number_item("2018004", "1")]} | changes
    item = data_set(**{each: value for each, value in elements.items() if value is not None})
    return data_set(ProcedureStepProgressInformationSequence=[item])


def performed(**changes: Any) -> Dataset:
    elements: dict[str, Any] = {
        "PerformedWorkitemCodeSequence": [WORK],
        "OutputInformationSequence": [instances(RT_BEAMS_RECORD)],
    }
    item = data_set(**(elements | changes))
    return data_set(UnifiedProcedureStepPerformedProcedureSequence=[item])


def told(findings: list[Finding]) -> list[tuple[UpsStatus, str]]:
    """Statuses and attributes of findings, all of them fit for an Error Comment."""
    for finding in findings:
        assert 0 < len(finding.text) <= 64
        assert finding.text.isascii()
    return [(finding.status, keyword_for_tag(finding.tag)) for finding in findings]


INVALID, MISSING, EMPTY, NOT_MET = (
    UpsStatus.INVALID_ATTRIBUTE_VALUE,
    UpsStatus.MISSING_ATTRIBUTE,
    UpsStatus.MISSING_ATTRIBUTE_VALUE,
    UpsStatus.FINAL_STATE_NOT_MET,
)


def test_is_known_by_its_name() -> None:
    assert PROFILES["tdw-ii"].name == PROFILE.name == "tdw-ii"


class TestCreation:
    def test_of_a_treatment(self) -> None:
        assert PROFILE.check_creation(treatment()) == []

    @pytest.mark.parametrize(
        "keyword", ["ScheduledWorkitemCodeSequence", "PatientName", "PatientID"]
    )
    def test_needs_more_than_the_standard_does(self, keyword: str) -> None:
        assert told(PROFILE.check_creation(treatment(**{keyword: None}))) == [(MISSING, keyword)]
        empty: Any = [] if keyword.endswith("Sequence") else ""
        assert told(PROFILE.check_creation(treatment(**{keyword: empty}))) == [(EMPTY, keyword)]

    def test_needs_a_study_though_it_may_be_empty(self) -> None:
        findings = PROFILE.check_creation(treatment(StudyInstanceUID=None))
        assert told(findings) == [(MISSING, "StudyInstanceUID")]
        assert PROFILE.check_creation(treatment(StudyInstanceUID="")) == []

    @pytest.mark.parametrize("work", [code("121726"), code("110005", "DCM"), Dataset()])
    def test_is_of_treatments_only(self, work: Dataset) -> None:
        findings = PROFILE.check_creation(treatment(ScheduledWorkitemCodeSequence=[work]))
        assert told(findings) == [(INVALID, "ScheduledWorkitemCodeSequence")]

    @pytest.mark.parametrize(
        "keyword",
        ["ScheduledStationNameCodeSequence", "InputInformationSequence", PROCESSING],
    )
    def test_what_may_be_empty(self, keyword: str) -> None:
        assert PROFILE.check_creation(treatment(**{keyword: []})) == []


class TestInput:
    @pytest.mark.parametrize("plan", [RT_PLAN, RT_ION_PLAN])
    def test_is_a_plan_and_an_instruction(self, plan: str) -> None:
        inputs = [instances(plan), instances(INSTRUCTION), instances(CT_IMAGE)]
        assert PROFILE.check_creation(treatment(InputInformationSequence=inputs)) == []

    @pytest.mark.parametrize(
        ("classes", "lacks"),
        [
            ([CT_IMAGE], ["plan", "beams delivery instruction"]),
            ([RT_PLAN], ["beams delivery instruction"]),
            ([INSTRUCTION], ["plan"]),
        ],
    )
    def test_that_lacks_something(self, classes: list[str], lacks: list[str]) -> None:
        inputs = [instances(each) for each in classes]
        findings = PROFILE.check_creation(treatment(InputInformationSequence=inputs))
        assert told(findings) == [(INVALID, "InputInformationSequence")] * len(lacks)
        assert [finding.text.split(" has no ")[1] for finding in findings] == lacks

    @pytest.mark.parametrize("record", [RT_BEAMS_RECORD, RT_ION_BEAMS_RECORD])
    def test_of_a_continuation_has_the_earlier_record(self, record: str) -> None:
        continued = treatment(**{PROCESSING: processing("CONTINUATION")})
        (finding,) = PROFILE.check_creation(continued)
        assert finding.text == "InputInformationSequence has no treatment record"
        continued.InputInformationSequence.append(instances(record))
        assert PROFILE.check_creation(continued) == []

    def test_can_be_retrieved(self) -> None:
        inputs = [instances(RT_PLAN), instances(INSTRUCTION)]
        del inputs[1].DICOMRetrievalSequence
        findings = PROFILE.check_creation(treatment(InputInformationSequence=inputs))
        assert told(findings) == [(MISSING, "DICOMRetrievalSequence")]


def change(items: list[Dataset], index: int, **changes: Any) -> list[Dataset]:
    for keyword, value in changes.items():
        setattr(items[index], keyword, value)
    return items


class TestProcessingParameters:
    @pytest.mark.parametrize("delivery_type", ["TREATMENT", "CONTINUATION"])
    def test_are_four_in_any_order(self, delivery_type: str) -> None:
        items = processing(delivery_type)[::-1]
        updated = data_set(**{PROCESSING: items})
        assert PROFILE.check_modification(updated) == []

    @pytest.mark.parametrize(
        ("spoil", "text"),
        [
            (lambda items: items[:3], "Number of Fractions Planned (2018003) has to be there once"),
            (lambda items: [*items, items[1]], "Plan Label (2018001) has to be there once"),
            (
                lambda items: [*items, number_item("2018004", "1")],
                "ScheduledProcessingParametersSequence has too many items",
            ),
            (
                lambda items: change(items, 1, ConceptNameCodeSequence=[]),
                "Plan Label (2018001) has to be there once",
            ),
            (
                lambda items: change(items, 2, ValueType="NUM"),
                "Current Fraction Number (2018002) is not of type NUMERIC",
            ),
            (
                lambda items: change(items, 0, TextValue="BOOST"),
                "Treatment Delivery Type (121740) has another value",
            ),
            (lambda items: change(items, 1, TextValue=""), "Plan Label (2018001) has no value"),
            (
                lambda items: change(items, 3, NumericValue=None),
                "Number of Fractions Planned (2018003) has no value",
            ),
            (
                lambda items: change(items, 2, MeasurementUnitsCodeSequence=[]),
                "Current Fraction Number (2018002) needs units (1, UCUM)",
            ),
            (
                lambda items: change(items, 2, MeasurementUnitsCodeSequence=[code("Gy", "UCUM")]),
                "Current Fraction Number (2018002) needs units (1, UCUM)",
            ),
        ],
    )
    def test_one_of_them_is_wrong(
        self, spoil: Callable[[list[Dataset]], list[Dataset]], text: str
    ) -> None:
        findings = PROFILE.check_creation(treatment(**{PROCESSING: spoil(processing())}))
        assert text in [finding.text for finding in findings]
        assert set(told(findings)) == {(INVALID, PROCESSING)}

    def test_a_value_of_zero_is_one(self) -> None:
        items = change(processing(), 2, NumericValue="0")
        assert PROFILE.check_creation(treatment(**{PROCESSING: items})) == []


class TestModification:
    def test_of_something_else(self) -> None:
        assert PROFILE.check_modification(data_set(ProcedureStepLabel="Another")) == []

    def test_holds_the_schedule_to_its_rules(self) -> None:
        modifications = data_set(
            ScheduledWorkitemCodeSequence=[code("1")],
            InputInformationSequence=[instances(RT_PLAN)],
        )
        assert told(PROFILE.check_modification(modifications)) == [
            (INVALID, "ScheduledWorkitemCodeSequence"),
            (INVALID, "InputInformationSequence"),
        ]

    @pytest.mark.parametrize("percent", ["0", "100"])
    def test_of_the_progress_names_the_beam(self, percent: str) -> None:
        assert PROFILE.check_modification(progress(ProcedureStepProgress=percent)) == []

    @pytest.mark.parametrize("keyword", ["ProcedureStepProgress", BEAM])
    def test_of_the_progress_lacks_something(self, keyword: str) -> None:
        findings = PROFILE.check_modification(progress(**{keyword: None}))
        assert told(findings) == [(MISSING, keyword)]

    def test_of_the_progress_between_beams(self) -> None:
        assert PROFILE.check_modification(progress(**{BEAM: []})) == []

    @pytest.mark.parametrize(
        "items",
        [
            [number_item("201804", "1")],
            [number_item("2018004", "1"), number_item("2018004", "2")],
            change([number_item("2018004", "1")], 0, ValueType="NUM"),
        ],
    )
    def test_of_the_progress_names_the_beam_wrongly(self, items: list[Dataset]) -> None:
        findings = PROFILE.check_modification(progress(**{BEAM: items}))
        assert set(told(findings)) == {(INVALID, BEAM)}

    def test_that_only_tells_why_the_treatment_stops(self) -> None:
        item = data_set(ProcedureStepDiscontinuationReasonCodeSequence=[code("110501", "DCM")])
        modifications = data_set(ProcedureStepProgressInformationSequence=[item])
        assert PROFILE.check_modification(modifications) == []

    def test_with_the_beam_beside_the_progress(self) -> None:
        modifications = data_set(**{BEAM: [number_item("2018004", "1")]})
        findings = PROFILE.check_modification(modifications)
        assert told(findings) == [(INVALID, BEAM)]
        assert findings[0].text == f"{BEAM} is at the top level"

    def test_of_what_was_performed(self) -> None:
        assert PROFILE.check_modification(performed()) == []
        findings = PROFILE.check_modification(
            performed(OutputInformationSequence=[instances(CT_IMAGE)])
        )
        assert told(findings) == [(INVALID, "OutputInformationSequence")]


@pytest.mark.parametrize("target", [State.COMPLETED, State.CANCELED])
class TestFinalState:
    @pytest.mark.parametrize("record", [RT_BEAMS_RECORD, RT_ION_BEAMS_RECORD])
    def test_with_a_record(self, record: str, target: State) -> None:
        outputs = [instances(CT_IMAGE), instances(record)]
        dataset = performed(OutputInformationSequence=outputs)
        assert PROFILE.check_final(dataset, target) == []

    def test_without_output_no_dose_may_have_been_delivered(self, target: State) -> None:
        assert PROFILE.check_final(performed(OutputInformationSequence=[]), target) == []

    def test_with_output_but_no_record(self, target: State) -> None:
        dataset = performed(OutputInformationSequence=[instances(CT_IMAGE)])
        findings = PROFILE.check_final(dataset, target)
        assert told(findings) == [(NOT_MET, "OutputInformationSequence")]

    def test_of_other_work(self, target: State) -> None:
        dataset = performed(PerformedWorkitemCodeSequence=[code("1")])
        findings = PROFILE.check_final(dataset, target)
        assert told(findings) == [(NOT_MET, "PerformedWorkitemCodeSequence")]

    def test_of_nothing_is_for_the_standard_to_judge(self, target: State) -> None:
        assert PROFILE.check_final(workitem(), target) == []
