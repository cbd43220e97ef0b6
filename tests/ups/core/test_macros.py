"""What the items of sequences have to have, by the macro that they follow."""

from __future__ import annotations

import copy
from datetime import datetime, timezone
from typing import Any

import pytest
from pydicom.dataset import Dataset

from leaddicom.ups.core.creation import create
from leaddicom.ups.core.modification import modify
from leaddicom.ups.core.rules import Rules
from leaddicom.ups.core.workitem import Outcome

from ..workitems import code, data_set, workitem

NOW = datetime(2030, 4, 1, tzinfo=timezone.utc)
MISSING, EMPTY, INVALID, DONE = 0x0120, 0x0121, 0x0106, 0x0000


def created(strict: bool, **elements: Any) -> Outcome:
    rules = Rules(strict_create=strict)
    return create("1.2.3", workitem(**elements), calling_ae="A", rules=rules, now=NOW)


def assert_judged(
    sequence: str, item: Dataset, lenient: int, strict: int, named: str, *, n_set: bool = True
) -> None:
    """Ask N-CREATE in both modes and N-SET, which is as lenient."""
    outcomes = [
        (created(False, **{sequence: [item]}), lenient),
        (created(True, **{sequence: [item]}), strict),
    ]
    if n_set:
        existing = created(False).workitem
        modifications = data_set(**{sequence: [item]})
        outcomes.append((modify(existing, modifications, rules=Rules(), now=NOW), lenient))
    for outcome, expected in outcomes:
        assert outcome.status == expected, outcome.comment
        if expected:
            assert outcome.comment.split()[0] == named
            assert len(outcome.comment) <= 64


def changed(item: Dataset, **changes: Any) -> Dataset:
    """A copy; `None` takes an attribute away."""
    other = copy.deepcopy(item)
    for keyword, value in changes.items():
        if value is None:
            del other[keyword]
        else:
            other.update(data_set(**{keyword: value}))
    return other


class TestCode:
    SEQUENCES = (
        "ScheduledStationNameCodeSequence",
        "ScheduledStationClassCodeSequence",
        "ScheduledStationGeographicLocationCodeSequence",
        "ScheduledWorkitemCodeSequence",
    )

    @pytest.mark.parametrize("sequence", SEQUENCES)
    def test_has_one_of_three_values(self, sequence: str) -> None:
        for keyword, value in (
            ("CodeValue", "1"),
            ("LongCodeValue", "1" * 20),
            ("URNCodeValue", "urn:oid:1.2.3"),
        ):
            item = data_set(CodingSchemeDesignator="DCM", CodeMeaning="One", **{keyword: value})
            assert_judged(sequence, item, DONE, DONE, "")
            assert_judged(sequence, changed(item, **{keyword: ""}), EMPTY, EMPTY, keyword)
            assert_judged(sequence, changed(item, **{keyword: None}), MISSING, MISSING, "CodeValue")

    @pytest.mark.parametrize("sequence", SEQUENCES)
    def test_an_item_without_anything_is_none(self, sequence: str) -> None:
        assert_judged(sequence, Dataset(), MISSING, MISSING, "CodeValue")

    def test_the_second_item_counts_as_well(self) -> None:
        items = [code("1"), changed(code("1"), CodeValue=None)]
        outcome = created(False, ScheduledWorkitemCodeSequence=items)
        assert outcome.status == MISSING
        assert outcome.comment == "CodeValue is missing in ScheduledWorkitemCodeSequence"

    @pytest.mark.parametrize("keyword", ["CodingSchemeDesignator", "CodeMeaning"])
    def test_a_scheme_and_a_meaning_are_missed_by_strict_managers(self, keyword: str) -> None:
        sequence = "ScheduledStationNameCodeSequence"
        assert_judged(sequence, changed(code("1"), **{keyword: None}), DONE, MISSING, keyword)
        assert_judged(sequence, changed(code("1"), **{keyword: ""}), EMPTY, EMPTY, keyword)

    def test_an_urn_needs_no_scheme(self) -> None:
        item = data_set(URNCodeValue="urn:oid:1.2.3", CodeMeaning="One")
        assert_judged("ScheduledStationNameCodeSequence", item, DONE, DONE, "")

    def test_the_name_of_a_long_sequence_is_left_out(self) -> None:
        performer = data_set(
            HumanPerformerCodeSequence=[Dataset()],
            HumanPerformerName="A",
            HumanPerformerOrganization="B",
        )
        outcome = created(False, ScheduledHumanPerformersSequence=[performer])
        assert outcome.comment == "CodeValue is missing in HumanPerformerCodeSequence"


def content(value_type: str, **value: Any) -> Dataset:
    concept = [code("121740", "DCM")]
    return data_set(ValueType=value_type, ConceptNameCodeSequence=concept, **value)


class TestContentItem:
    SEQUENCE = "ScheduledProcessingParametersSequence"
    UNITS = (code("1", "UCUM", "no units"),)
    VALUES = (
        ("DATETIME", "DateTime", "20300401"),
        ("DATE", "Date", "20300401"),
        ("TIME", "Time", "1200"),
        ("PNAME", "PersonName", "A^B"),
        ("UIDREF", "UID", "1.2.3"),
        ("TEXT", "TextValue", "TREATMENT"),
        ("CODE", "ConceptCodeSequence", [code("1")]),
    )

    @pytest.mark.parametrize(("value_type", "keyword", "value"), VALUES)
    def test_has_the_value_of_its_type(self, value_type: str, keyword: str, value: Any) -> None:
        item = content(value_type, **{keyword: value})
        assert_judged(self.SEQUENCE, item, DONE, DONE, "")
        assert_judged(self.SEQUENCE, changed(item, **{keyword: None}), MISSING, MISSING, keyword)
        nothing: Any = [] if isinstance(value, list) else ""
        assert_judged(self.SEQUENCE, changed(item, **{keyword: nothing}), EMPTY, EMPTY, keyword)

    def test_a_number_has_units(self) -> None:
        item = content("NUMERIC", NumericValue="3", MeasurementUnitsCodeSequence=list(self.UNITS))
        units = "MeasurementUnitsCodeSequence"
        assert_judged(self.SEQUENCE, item, DONE, DONE, "")
        assert_judged(self.SEQUENCE, changed(item, **{units: None}), MISSING, MISSING, units)
        assert_judged(self.SEQUENCE, changed(item, **{units: []}), EMPTY, EMPTY, units)
        assert_judged(
            self.SEQUENCE, changed(item, NumericValue=None), MISSING, MISSING, "NumericValue"
        )

    @pytest.mark.parametrize("value_type", ["NUM", "IMAGE", "text", "CONTAINER"])
    def test_there_are_no_other_types(self, value_type: str) -> None:
        item = changed(content("TEXT", TextValue="x"))
        item["ValueType"].value = value_type if value_type.isupper() else "TEXT1"
        assert_judged(self.SEQUENCE, item, INVALID, INVALID, "ValueType")

    @pytest.mark.parametrize("keyword", ["ValueType", "ConceptNameCodeSequence"])
    def test_has_a_type_and_a_concept(self, keyword: str) -> None:
        item = changed(content("TEXT", TextValue="x"), **{keyword: None})
        assert_judged(self.SEQUENCE, item, MISSING, MISSING, keyword)

    def test_in_progress_information_too(self) -> None:
        parameter = content("TEXT", TextValue="x", ContentItemModifierSequence=[content("TEXT")])
        progress = data_set(ProcedureStepProgressParametersSequence=[parameter])
        outcome = modify(
            created(False).workitem,
            data_set(ProcedureStepProgressInformationSequence=[progress]),
            rules=Rules(),
            now=NOW,
        )
        assert outcome.status == MISSING
        assert outcome.comment == "TextValue is missing in ContentItemModifierSequence"


class TestReferencedInstances:
    SEQUENCE = "InputInformationSequence"
    REFERENCE = data_set(ReferencedSOPClassUID="1.2.3", ReferencedSOPInstanceUID="1.2.4")
    WHOLE = data_set(
        TypeOfInstances="DICOM",
        StudyInstanceUID="1.2.5",
        SeriesInstanceUID="1.2.6",
        ReferencedSOPSequence=[REFERENCE],
        DICOMRetrievalSequence=[data_set(RetrieveAETitle="OST")],
    )

    def test_are_complete(self) -> None:
        assert_judged(self.SEQUENCE, self.WHOLE, DONE, DONE, "")

    @pytest.mark.parametrize(
        ("keyword", "retrieval"),
        [
            (
                "DICOMMediaRetrievalSequence",
                data_set(StorageMediaFileSetID="", StorageMediaFileSetUID="1.2"),
            ),
            ("WADORetrievalSequence", data_set(RetrieveURI="http://a")),
            ("WADORSRetrievalSequence", data_set(RetrieveURL="http://a")),
            ("XDSRetrievalSequence", data_set(RepositoryUniqueID="1.2")),
        ],
    )
    def test_are_retrieved_in_one_way_at_least(self, keyword: str, retrieval: Dataset) -> None:
        item = changed(self.WHOLE, DICOMRetrievalSequence=None, **{keyword: [retrieval]})
        assert_judged(self.SEQUENCE, item, DONE, DONE, "")

    def test_name_instances(self) -> None:
        keyword = "ReferencedSOPSequence"
        item = changed(self.WHOLE, **{keyword: None})
        assert_judged(self.SEQUENCE, item, MISSING, MISSING, keyword)
        assert_judged(self.SEQUENCE, changed(item, **{keyword: []}), EMPTY, EMPTY, keyword)

    @pytest.mark.parametrize("keyword", ["ReferencedSOPClassUID", "ReferencedSOPInstanceUID"])
    def test_by_both_uids(self, keyword: str) -> None:
        for value, expected in ((None, MISSING), ("", EMPTY), ("1.x", INVALID)):
            reference = changed(self.REFERENCE, **{keyword: value or ""})
            if value is None:
                del reference[keyword]
            elif value:
                reference[keyword]._value = value
            item = changed(self.WHOLE, ReferencedSOPSequence=[reference])
            assert_judged(self.SEQUENCE, item, expected, expected, keyword)

    @pytest.mark.parametrize(
        ("keyword", "named"),
        [
            ("TypeOfInstances", "TypeOfInstances"),
            ("StudyInstanceUID", "StudyInstanceUID"),
            ("SeriesInstanceUID", "SeriesInstanceUID"),
            ("DICOMRetrievalSequence", "DICOMRetrievalSequence"),
        ],
    )
    def test_the_rest_is_missed_by_strict_managers(self, keyword: str, named: str) -> None:
        item = changed(self.WHOLE, **{keyword: None})
        assert_judged(self.SEQUENCE, item, DONE, MISSING, named)


def test_a_replaced_step_is_named_by_both_uids() -> None:
    sequence = "ReplacedProcedureStepSequence"
    whole = TestReferencedInstances.REFERENCE
    assert_judged(sequence, whole, DONE, DONE, "", n_set=False)
    for keyword in ("ReferencedSOPClassUID", "ReferencedSOPInstanceUID"):
        item = changed(whole, **{keyword: None})
        assert_judged(sequence, item, MISSING, MISSING, keyword, n_set=False)


class TestIssuers:
    """Strict managers ask what an identifier is and whose it is."""

    def test_a_designator_has_one_name(self) -> None:
        sequence = "IssuerOfAdmissionIDSequence"
        local = data_set(LocalNamespaceEntityID="HIS")
        universal = data_set(UniversalEntityID="1.2.3", UniversalEntityIDType="ISO")
        for item in (local, universal):
            assert_judged(sequence, item, DONE, DONE, "", n_set=False)
        untyped = changed(universal, UniversalEntityIDType=None)
        named = "UniversalEntityIDType"
        assert_judged(sequence, untyped, DONE, MISSING, named, n_set=False)
        nameless = data_set(UniversalEntityIDType="ISO")
        assert_judged(sequence, nameless, DONE, MISSING, "LocalNamespaceEntityID", n_set=False)

    def test_an_issuer_that_is_universal_has_a_type(self) -> None:
        sequence = "IssuerOfPatientIDQualifiersSequence"
        item = data_set(UniversalEntityID="1.2.3")
        named = "UniversalEntityIDType"
        assert_judged(sequence, item, DONE, MISSING, named, n_set=False)
        typed = changed(item, UniversalEntityIDType="ISO")
        assert_judged(sequence, typed, DONE, DONE, "", n_set=False)

    def test_another_id_is_one(self) -> None:
        issuer = data_set(IssuerOfPatientID="X", IssuerOfPatientIDQualifiersSequence=[])
        sequence = "OtherPatientIDsSequence"
        assert_judged(sequence, changed(issuer, PatientID="7"), DONE, DONE, "")
        assert_judged(sequence, changed(issuer, PatientID=""), EMPTY, EMPTY, "PatientID")
        assert_judged(sequence, issuer, DONE, MISSING, "PatientID")


def test_a_destination_has_one_address_at_least() -> None:
    sequence = "OutputDestinationSequence"
    for keyword, address in (
        ("DICOMStorageSequence", data_set(DestinationAE="OST")),
        ("STOWRSStorageSequence", data_set(StorageURL="http://a")),
        ("XDSStorageSequence", data_set(RepositoryUniqueID="1.2")),
    ):
        assert_judged(sequence, data_set(**{keyword: [address]}), DONE, DONE, "")
    item = data_set(ReferencedSOPClassUID="1.2.3")
    assert_judged(sequence, item, DONE, MISSING, "DICOMStorageSequence")


def test_a_performer_is_coded_and_named() -> None:
    sequence = "ScheduledHumanPerformersSequence"
    whole = data_set(
        HumanPerformerCodeSequence=[code("p")],
        HumanPerformerName="A^B",
        HumanPerformerOrganization="Clinic",
    )
    assert_judged(sequence, whole, DONE, DONE, "")
    for keyword in ("HumanPerformerName", "HumanPerformerOrganization"):
        assert_judged(sequence, changed(whole, **{keyword: None}), DONE, MISSING, keyword)
        assert_judged(sequence, changed(whole, **{keyword: ""}), EMPTY, EMPTY, keyword)


def test_whom_to_call_has_an_address() -> None:
    contact = data_set(ContactURI="", ContactDisplayName="Desk")
    progress = data_set(ProcedureStepCommunicationsURISequence=[contact])
    modifications = data_set(ProcedureStepProgressInformationSequence=[progress])
    outcome = modify(created(False).workitem, modifications, rules=Rules(), now=NOW)
    assert outcome.status == EMPTY
    assert outcome.comment.split()[0] == "ContactURI"
