"""Data sets made of Python values, and checked against the attribute table and the profile."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import UID, RTBeamsDeliveryInstructionStorage, RTPlanStorage
from pydicom.valuerep import PersonName

from leaddicom import ParameterError
from leaddicom.ups.client.attribute_lists import creation_list
from leaddicom.ups.client.builders import (
    ContentValue,
    canceled_item,
    code_item,
    content_item,
    human_performer,
    instances,
    moment_text,
    performed_procedure,
    progress_item,
    requested_procedure,
    workitem,
)
from leaddicom.ups.client.treatments import TREATMENT, beam_number, treatment
from leaddicom.ups.core.attributes import ATTRIBUTES
from leaddicom.ups.core.creation import create
from leaddicom.ups.core.rules import Rules
from leaddicom.ups.core.terms import State, UpsStatus
from leaddicom.ups.profiles import PROFILES

AT = datetime(2030, 1, 31, 9, 30, tzinfo=timezone(timedelta(hours=-5)))
NAME = ("1", "99TEST", "A parameter")
STATION, REVIEW = ("WS1", "99TEST", "Workstation 1"), ("R1", "99TEST", "Plan review")
STRICT = Rules(strict_create=True, strict_final_state=True)


def keywords(dataset: Dataset) -> list[str]:
    return sorted(each.keyword for each in dataset)


class TestCodeItem:
    @pytest.mark.parametrize(
        ("value", "keyword"),
        [
            ("1" * 16, "CodeValue"),
            ("1" * 17, "LongCodeValue"),
            ("urn:oid:1.2", "URNCodeValue"),
            ("https://example.org/code", "URNCodeValue"),
        ],
    )
    def test_has_its_value_where_it_fits(self, value: str, keyword: str) -> None:
        item = code_item((value, "99TEST", "Meaning"))
        assert item[keyword].value == value
        assert keywords(item) == sorted([keyword, "CodingSchemeDesignator", "CodeMeaning"])

    def test_is_made_of_pydicoms_codes(self) -> None:
        item = code_item(codes.DCM.DiscontinuedForUnspecifiedReason)
        assert (item.CodeValue, item.CodingSchemeDesignator) == ("110513", "DCM")

    def test_may_have_a_version(self) -> None:
        assert code_item(Code("1", "99TEST", "One", "2.0")).CodingSchemeVersion == "2.0"

    @pytest.mark.parametrize("code", [("", "99TEST", "x"), ("1", "", "x"), ("1", "99TEST", "")])
    def test_has_all_three(self, code: tuple[str, str, str]) -> None:
        with pytest.raises(ParameterError, match="is no code"):
            code_item(code)


class TestContentItem:
    @pytest.mark.parametrize(
        ("value", "value_type", "keyword", "written"),
        [
            ("text", "TEXT", "TextValue", "text"),
            (2, "NUMERIC", "NumericValue", "2"),
            (0.5, "NUMERIC", "NumericValue", "0.5"),
            (Decimal("1.25"), "NUMERIC", "NumericValue", "1.25"),
            (1 / 3, "NUMERIC", "NumericValue", "0.33333333333333"),
            (AT, "DATETIME", "DateTime", "20300131093000.000000-0500"),
            (date(2030, 1, 31), "DATE", "Date", "20300131"),
            (time(9, 30), "TIME", "Time", "093000.000000"),
            (PersonName("Doe^Jane"), "PNAME", "PersonName", "Doe^Jane"),
            (UID("1.2.3"), "UIDREF", "UID", "1.2.3"),
        ],
    )
    def test_has_the_type_of_its_value(
        self, value: ContentValue, value_type: str, keyword: str, written: str
    ) -> None:
        item = content_item(NAME, value)
        assert item.ValueType == value_type
        assert str(item[keyword].value) == written
        assert item.ConceptNameCodeSequence[0].CodeMeaning == "A parameter"
        assert ("MeasurementUnitsCodeSequence" in item) == (value_type == "NUMERIC")

    @pytest.mark.parametrize("value", [codes.DCM.RTTreatmentRecord, NAME])
    def test_of_a_code(self, value: Any) -> None:
        item = content_item(NAME, value)
        assert item.ValueType == "CODE"
        assert item.ConceptCodeSequence[0] == code_item(value)

    def test_of_a_number_has_units(self) -> None:
        assert content_item(NAME, 1).MeasurementUnitsCodeSequence[0].CodeValue == "1"
        centimetres = content_item(NAME, 1, units=("cm", "UCUM", "cm"))
        assert centimetres.MeasurementUnitsCodeSequence[0].CodeValue == "cm"

    @pytest.mark.parametrize("value", [True, None, b"bytes", [1]])
    def test_of_anything_else_is_refused(self, value: Any) -> None:
        with pytest.raises(ParameterError, match="cannot hold a"):
            content_item(NAME, value)

    @pytest.mark.parametrize("value", [float("nan"), float("inf")])
    def test_of_no_number_is_refused(self, value: float) -> None:
        with pytest.raises(ParameterError, match="no number"):
            content_item(NAME, value)


class TestMoment:
    def test_has_its_time_zone(self) -> None:
        assert moment_text(AT) == "20300131093000.000000-0500"

    def test_without_one_is_local(self) -> None:
        local = datetime(2030, 1, 31, 9, 30)  # noqa: DTZ001 - that is the point
        assert moment_text(local) == moment_text(local.astimezone())

    def test_as_text_stays_as_it_is(self) -> None:
        assert moment_text("203001") == "203001"


class TestInstances:
    def test_say_where_they_are(self) -> None:
        item = instances("1.2", "1.3", [("1.4", "1.5"), ("1.4", "1.6")], retrieve_ae="OST")
        assert item.TypeOfInstances == "DICOM"
        assert [each.ReferencedSOPInstanceUID for each in item.ReferencedSOPSequence] == [
            "1.5",
            "1.6",
        ]
        assert item.DICOMRetrievalSequence[0].RetrieveAETitle == "OST"
        assert "WADORSRetrievalSequence" not in item

    def test_may_be_on_the_web(self) -> None:
        item = instances("1.2", "1.3", [("1.4", "1.5")], retrieve_url="https://example.org/")
        assert item.WADORSRetrievalSequence[0].RetrieveURL == "https://example.org/"
        assert "DICOMRetrievalSequence" not in item

    def test_are_somewhere(self) -> None:
        with pytest.raises(ParameterError, match="need a place"):
            instances("1.2", "1.3", [("1.4", "1.5")])

    def test_are_some(self) -> None:
        with pytest.raises(ParameterError, match="no instance"):
            instances("1.2", "1.3", [], retrieve_ae="OST")

    def test_are_at_an_ae_title(self) -> None:
        with pytest.raises(ParameterError, match="no AE title"):
            instances("1.2", "1.3", [("1.4", "1.5")], retrieve_ae="X" * 17)


class TestWorkitem:
    def test_has_every_attribute_of_types_1_and_2(self) -> None:
        made = workitem("Plan review", AT)
        wanted = {each.keyword for each in ATTRIBUTES if each.n_create[:2] in ("1/", "2/")}
        assert set(keywords(made)) == wanted

    def test_is_taken_as_it_is_by_the_strictest_manager(self) -> None:
        made = workitem(
            "Plan review",
            AT,
            priority="HIGH",
            worklist_label="PLANNING",
            patient_id="SYN-1",
            patient_name="Example^Anna",
            issuer_of_patient_id="EXAMPLE",
            birth_date="19700101",
            sex="F",
            admission_id="ADM1",
            study_uid="1.2.3",
            stations=[STATION],
            station_classes=[STATION],
            locations=[STATION],
            codes=[REVIEW],
            performers=[human_performer(("JD", "99TEST", "Jane"), "Doe^Jane", "Clinic")],
            parameters=[content_item(NAME, "x")],
            inputs=[instances("1.2", "1.3", [("1.4", "1.5")], retrieve_ae="OST")],
            requests=[
                requested_procedure(
                    "1.2.4",
                    accession_number="ACC1",
                    requested_procedure_id="RP1",
                    description="Review",
                    codes=[REVIEW],
                    requesting_service="RT",
                )
            ],
            expected_completion=AT,
            expiration="2031",
            comments="None",
        )
        now = datetime(2030, 1, 1, tzinfo=timezone.utc)
        outcome = create("1.2.3.4", creation_list(made), calling_ae="ME", rules=STRICT, now=now)
        assert (outcome.status, outcome.comment) == (UpsStatus.SUCCESS, "")

    def test_has_no_performer_without_an_organization(self) -> None:
        """It is of Type 1, and a strict manager would refuse it."""
        nobodys = human_performer(("JD", "99TEST", "Jane"), "Doe^Jane", "")
        with pytest.raises(ParameterError, match="needs a HumanPerformerOrganization"):
            workitem("Plan review", AT, performers=[nobodys])

    @pytest.mark.parametrize("wrong", [{"priority": "URGENT"}, {"readiness": "DONE"}])
    def test_of_an_unknown_term_is_refused(self, wrong: dict[str, str]) -> None:
        with pytest.raises(ValueError, match=r"URGENT|DONE"):
            workitem("Plan review", AT, **wrong)  # type: ignore[arg-type]


class TestProgress:
    def test_keeps_what_is_not_named(self) -> None:
        contact = {"contact_uri": "tel:1", "contact_name": "Room 2"}
        first = progress_item(percent=10, description="Beam 1", **contact)  # type: ignore[arg-type]
        second = progress_item(first, percent=20)
        assert (second.ProcedureStepProgress, second.ProcedureStepProgressDescription) == (
            20,
            "Beam 1",
        )
        assert second.ProcedureStepCommunicationsURISequence[0].ContactDisplayName == "Room 2"
        assert first.ProcedureStepProgress == 10

    @pytest.mark.parametrize("percent", [-0.1, 100.1])
    def test_is_a_percentage(self, percent: float) -> None:
        with pytest.raises(ParameterError, match="0 to 100"):
            progress_item(percent=percent)

    @pytest.mark.parametrize("percent", [0, 100])
    def test_has_ends(self, percent: int) -> None:
        assert str(progress_item(percent=percent)["ProcedureStepProgress"].value) == str(percent)

    def test_of_a_cancellation_has_date_and_reason(self) -> None:
        item = canceled_item(progress_item(percent=10), AT)
        assert keywords(item) == [
            "ProcedureStepCancellationDateTime",
            "ProcedureStepDiscontinuationReasonCodeSequence",
            "ProcedureStepProgress",
        ]
        reason = item.ProcedureStepDiscontinuationReasonCodeSequence[0]
        assert (reason.CodeValue, reason.CodingSchemeDesignator) == ("110513", "DCM")


class TestPerformedProcedure:
    def test_under_way_has_output_but_no_end(self) -> None:
        item = performed_procedure(stations=[STATION], codes=[REVIEW], start=AT)
        assert keywords(item) == [
            "OutputInformationSequence",
            "PerformedProcedureStepStartDateTime",
            "PerformedStationNameCodeSequence",
            "PerformedWorkitemCodeSequence",
        ]

    def test_that_has_ended_has_all_of_it(self) -> None:
        item = performed_procedure(
            stations=[STATION],
            codes=[REVIEW],
            start=AT,
            end=AT,
            performers=[human_performer(("JD", "99TEST", "Jane"), "Doe^Jane", "")],
            parameters=[content_item(NAME, 1)],
            description="All of it",
        )
        assert item.PerformedProcedureStepEndDateTime == moment_text(AT)
        assert item.ActualHumanPerformersSequence[0].HumanPerformerName == "Doe^Jane"
        assert "HumanPerformerOrganization" not in item.ActualHumanPerformersSequence[0]
        assert item.PerformedProcessingParametersSequence[0].NumericValue == 1
        assert item.PerformedProcedureStepDescription == "All of it"


class TestTreatment:
    PLAN = instances("1.2", "1.3", [(RTPlanStorage, "1.5")], retrieve_ae="OST")
    INSTRUCTION = instances(
        "1.2", "1.3", [(RTBeamsDeliveryInstructionStorage, "1.6")], retrieve_ae="TMS"
    )
    RECORD = instances("1.2", "1.3", [("1.2.840.10008.5.1.4.1.1.481.4", "1.7")], retrieve_ae="OST")

    def made(self, **more: Any) -> Dataset:
        return treatment(
            AT,
            machine=("LINAC1", "99TEST", "Linac 1"),
            patient_id="SYN-1",
            patient_name="Example^Anna",
            study_uid="1.2.9",
            plan=self.PLAN,
            instruction=self.INSTRUCTION,
            plan_label="PLAN",
            fraction=3,
            fractions=30,
            **more,
        )

    def test_fits_the_profile(self) -> None:
        profile = PROFILES["tdw-ii"]
        assert profile.check_creation(self.made()) == []
        assert profile.check_creation(self.made(records=[self.RECORD])) == []

    @pytest.mark.parametrize(("count", "kind"), [(0, "TREATMENT"), (1, "CONTINUATION")])
    def test_that_goes_on_is_a_continuation(self, count: int, kind: str) -> None:
        made = self.made(records=[self.RECORD] * count)
        assert made.ScheduledProcessingParametersSequence[0].TextValue == kind
        assert len(made.InputInformationSequence) == 2 + count

    def test_takes_what_workitems_take(self) -> None:
        assert self.made(worklist_label="TREATMENTS").WorklistLabel == "TREATMENTS"

    def test_makes_progress_by_beams(self) -> None:
        changes = Dataset()
        item = progress_item(percent=25, parameters=[beam_number(1)])
        changes.ProcedureStepProgressInformationSequence = [item]
        assert PROFILES["tdw-ii"].check_modification(changes) == []

    def test_ends_with_a_record(self) -> None:
        done = self.made()
        done.UnifiedProcedureStepPerformedProcedureSequence = [
            performed_procedure(
                stations=[STATION], codes=[TREATMENT], start=AT, end=AT, outputs=[self.RECORD]
            )
        ]
        assert PROFILES["tdw-ii"].check_final(done, State.COMPLETED) == []
