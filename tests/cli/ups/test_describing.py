from __future__ import annotations

import pytest
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag
from ups.workitems import code, data_set

from leaddicom.cli.ups.describing import dicom_json, facts_of, lines_of, patient_text, tree_of
from leaddicom.ups.client.views import WorkitemView

DATASET = data_set(
    PatientName="Doe^\x1bJane",
    ScheduledWorkitemCodeSequence=[code("1", "DCM", "One"), code("2", "DCM", "Two")],
    ReferencedRequestSequence=[data_set(AccessionNumber="A"), data_set(AccessionNumber="B")],
    InputInformationSequence=[],
    WorklistLabel="",
)


def test_lines_name_every_attribute_as_keys_are_written() -> None:
    assert list(lines_of(DATASET)) == [
        r"PatientName=Doe^\x1bJane",
        "ScheduledWorkitemCodeSequence[0].CodeValue=1",
        "ScheduledWorkitemCodeSequence[0].CodingSchemeDesignator=DCM",
        "ScheduledWorkitemCodeSequence[0].CodeMeaning=One",
        "ScheduledWorkitemCodeSequence[1].CodeValue=2",
        "ScheduledWorkitemCodeSequence[1].CodingSchemeDesignator=DCM",
        "ScheduledWorkitemCodeSequence[1].CodeMeaning=Two",
        "InputInformationSequence=",
        "ReferencedRequestSequence[0].AccessionNumber=A",
        "ReferencedRequestSequence[1].AccessionNumber=B",
        "WorklistLabel=",
    ]


def test_the_tree_has_names_and_codes_in_words_and_nothing_without_value() -> None:
    assert list(tree_of(DATASET)) == [
        r"Patient's Name: Doe^\x1bJane",
        "Scheduled Workitem Code Sequence: One (1, DCM); Two (2, DCM)",
        "Referenced Request Sequence 1:",
        "  Accession Number: A",
        "Referenced Request Sequence 2:",
        "  Accession Number: B",
    ]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("203004011030", "2030-04-01 10:30"),
        ("20300401103015.000000", "2030-04-01 10:30"),
        ("20300401", "20300401"),
        ("203013011030", "203013011030"),
    ],
)
def test_the_tree_has_points_in_time_as_tables_have_them(value: str, shown: str) -> None:
    dataset = data_set(ScheduledProcedureStepStartDateTime=value)
    assert list(tree_of(dataset)) == [f"Scheduled Procedure Step Start DateTime: {shown}"]


def test_what_pydicom_cannot_read_is_said_to_be_so() -> None:
    dataset = data_set(PatientID="1")
    raw = RawDataElement(Tag(0x00280010), "US", 3, b"abc", 0, False, True)
    dataset._dict[raw.tag] = raw
    assert list(lines_of(dataset)) == ["PatientID=1", "Rows=(cannot be read)"]


def test_private_and_binary_elements_are_shown_without_their_content() -> None:
    dataset = data_set()
    dataset.add_new(0x00091001, "OB", b"1234")
    assert list(lines_of(dataset)) == ["0009,1001=(4 bytes)"]
    assert list(tree_of(dataset)) == ["0009,1001: (4 bytes)"]


def test_json_is_the_dicom_json_model() -> None:
    assert dicom_json(data_set(PatientID="1")) == {"00100020": {"vr": "LO", "Value": ["1"]}}


def test_facts_are_none_or_empty_where_there_are_none() -> None:
    facts = facts_of(WorkitemView(data_set()))
    assert not any(facts.values())


def test_a_patient_has_a_name_an_id_or_both() -> None:
    texts = [
        patient_text(WorkitemView(data_set(**each)))
        for each in (
            {"PatientName": "Doe", "PatientID": "1"},
            {"PatientName": "Doe"},
            {"PatientID": "1"},
            {},
        )
    ]
    assert texts == ["Doe (1)", "Doe", "1", ""]
