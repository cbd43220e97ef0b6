"""N-SET, row by row of what the standard and the decisions of the service ask for."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.config import IGNORE
from pydicom.datadict import dictionary_has_tag, dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag, Tag

from leaddicom import Limits
from leaddicom.decoding import decode_data_set, encode_data_set
from leaddicom.ups.core import modification
from leaddicom.ups.core.attributes import ATTRIBUTES
from leaddicom.ups.core.creation import create
from leaddicom.ups.core.findings import Finding
from leaddicom.ups.core.modification import modify
from leaddicom.ups.core.rules import Rules
from leaddicom.ups.core.terms import EventType, State, UpsStatus
from leaddicom.ups.core.workitem import Outcome, Workitem

from .. import workitems
from ..workitems import code, data_set

UID, LOCK, OTHER = "1.2.826.0.1.3680043.8.498.77", "1.2.3.4", "1.2.3.5"
CREATED = datetime(2030, 4, 1, 10, 0, tzinfo=timezone.utc)
NOW = CREATED + timedelta(minutes=20)
NOW_DT = "20300401102000.000000+0000"
EXPLICIT = "1.2.840.10008.1.2.1"

NOT_ALLOWED = (
    "ProcedureStepState",
    "SOPClassUID",
    "SOPInstanceUID",
    "PatientName",
    "PatientID",
    "IssuerOfPatientID",
    "IssuerOfPatientIDQualifiersSequence",
    "PatientBirthDate",
    "PatientSex",
    "AdmissionID",
    "IssuerOfAdmissionIDSequence",
    "AdmittingDiagnosesDescription",
    "AdmittingDiagnosesCodeSequence",
    "ReferencedRequestSequence",
    "ReplacedProcedureStepSequence",
    "GenderIdentitySequence",
    "SexParametersForClinicalUseCategorySequence",
    "PersonNamesToUseSequence",
    "ThirdPersonPronounsSequence",
)
ALWAYS_WITH_VALUE = (
    "ScheduledProcedureStepPriority",
    "ProcedureStepLabel",
    "WorklistLabel",
    "ScheduledProcedureStepStartDateTime",
    "InputReadinessState",
)
EMPTIABLE = (
    "ScheduledProcessingParametersSequence",
    "ScheduledStationNameCodeSequence",
    "ScheduledStationClassCodeSequence",
    "ScheduledStationGeographicLocationCodeSequence",
    "ScheduledHumanPerformersSequence",
    "ExpectedCompletionDateTime",
    "ScheduledProcedureStepExpirationDateTime",
    "OutputDestinationSequence",
    "ScheduledWorkitemCodeSequence",
    "CommentsOnTheScheduledProcedureStep",
    "InputInformationSequence",
    "StudyInstanceUID",
    "OtherPatientIDsSequence",
    "ReferencedPatientPhotoSequence",
    "MedicalAlerts",
    "SpecialNeeds",
    "ProcedureStepProgressInformationSequence",
    "UnifiedProcedureStepPerformedProcedureSequence",
)


def scheduled(**attributes: Any) -> Workitem:
    dataset = workitems.workitem(**attributes)
    outcome = create(UID, dataset, calling_ae="TMS", rules=Rules(), now=CREATED)
    assert outcome.workitem is not None, outcome.comment
    return outcome.workitem


def in_state(state: str, **attributes: Any) -> Workitem:
    workitem = scheduled(**attributes)
    if state == "SCHEDULED":
        return workitem
    dataset = workitem.copy_dataset()
    dataset.ProcedureStepState = state
    return replace(workitem, dataset=dataset, transaction_uid=LOCK, performer_ae="TDD", version=3)


def changed(workitem: Workitem | None, rules: Rules | None = None, /, **elements: Any) -> Outcome:
    return modify(workitem, data_set(**elements), rules=rules or Rules(), now=NOW)


def result(outcome: Outcome) -> Dataset:
    assert outcome.workitem is not None, outcome.comment
    return outcome.workitem.dataset


def empty(keyword: str) -> DataElement:
    vr = dictionary_VR(keyword)
    return DataElement(Tag(keyword), vr, [] if vr == "SQ" else None)


def item_of(keyword: str) -> Any:
    """A value that the representation of an attribute has."""
    return {"SQ": [Dataset()], "UI": "1.2.3", "DA": "19700101", "CS": "X"}.get(
        dictionary_VR(keyword), "Text"
    )


def assert_refused(outcome: Outcome, status: UpsStatus, named: str = "") -> None:
    assert (outcome.status, outcome.workitem, outcome.events) == (status, None, ())
    assert outcome.comment.isascii()
    assert 0 < len(outcome.comment) <= 64
    assert named in outcome.comment


class TestWhoMayChange:
    """By state, and whether the Transaction UID is absent, the lock, or another."""

    @pytest.mark.parametrize(
        ("state", "absent", "equal", "different"),
        [
            ("SCHEDULED", 0x0000, 0xC310, 0xC310),
            ("IN PROGRESS", 0xC301, 0x0000, 0xC301),
            ("COMPLETED", 0xC300, 0xC300, 0xC300),
            ("CANCELED", 0xC300, 0xC300, 0xC300),
        ],
    )
    def test_a_workitem(self, state: str, absent: int, equal: int, different: int) -> None:
        workitem = in_state(state)
        for sent, expected in (({}, absent), ({"TransactionUID": LOCK}, equal),
                               ({"TransactionUID": OTHER}, different)):  # fmt: skip
            outcome = changed(workitem, ProcedureStepLabel="New", **sent)
            assert outcome.status == expected
            assert (outcome.workitem is None) == (expected != 0)

    @pytest.mark.parametrize("sent", [{}, {"TransactionUID": LOCK}])
    def test_an_unknown_one(self, sent: dict[str, str]) -> None:
        assert_refused(changed(None, **sent), UpsStatus.NO_SUCH_WORKITEM)

    @pytest.mark.parametrize("sent", ["", f"{LOCK}\\{LOCK}", "x", f"{LOCK} 1"])
    def test_what_is_no_lock_is_none(self, sent: str) -> None:
        modifications = Dataset()
        modifications[Tag("TransactionUID")] = RawDataElement(
            Tag("TransactionUID"), "UI", len(sent), sent.encode(), 0, False, True
        )
        outcome = modify(in_state("IN PROGRESS"), modifications, rules=Rules(), now=NOW)
        assert_refused(outcome, UpsStatus.TRANSACTION_UID_WRONG)

    def test_an_empty_lock_is_as_good_as_none(self) -> None:
        assert changed(in_state("SCHEDULED"), TransactionUID="").status is UpsStatus.SUCCESS

    def test_a_workitem_without_a_lock_is_not_opened_by_an_empty_one(self) -> None:
        workitem = replace(in_state("IN PROGRESS"), transaction_uid="")
        outcome = changed(workitem, TransactionUID="")
        assert_refused(outcome, UpsStatus.TRANSACTION_UID_WRONG)

    @pytest.mark.parametrize(
        ("state", "sent", "status"),
        [
            ("COMPLETED", {"TransactionUID": OTHER}, UpsStatus.NO_LONGER_UPDATABLE),
            ("IN PROGRESS", {}, UpsStatus.TRANSACTION_UID_WRONG),
            ("SCHEDULED", {"TransactionUID": OTHER}, UpsStatus.NOT_YET_IN_PROGRESS),
            ("SCHEDULED", {}, UpsStatus.INVALID_ATTRIBUTE_VALUE),
        ],
    )
    def test_the_content_is_judged_last(
        self, state: str, sent: dict[str, str], status: UpsStatus
    ) -> None:
        assert_refused(changed(in_state(state), PatientName="X", **sent), status)


class TestWhatMayBeSent:
    @pytest.mark.parametrize("keyword", NOT_ALLOWED)
    @pytest.mark.parametrize("is_empty", [False, True])
    def test_what_is_not_allowed_refuses_all(self, keyword: str, is_empty: bool) -> None:
        modifications = data_set(ProcedureStepLabel="New")
        if is_empty:
            modifications.add(empty(keyword))
        else:
            modifications.add(DataElement(keyword, dictionary_VR(keyword), item_of(keyword)))
        workitem = scheduled()
        before = copy.deepcopy(workitem.dataset)
        outcome = modify(workitem, modifications, rules=Rules(), now=NOW)
        assert_refused(outcome, UpsStatus.INVALID_ATTRIBUTE_VALUE, keyword)
        assert workitem.dataset == before

    @pytest.mark.parametrize("keyword", ["PatientName", "PatientID", "PatientBirthDate"])
    def test_nor_is_it_in_an_item_that_has_no_place_for_it(self, keyword: str) -> None:
        item = data_set(HumanPerformerCodeSequence=[code("p")], **{keyword: item_of(keyword)})
        outcome = changed(scheduled(), ScheduledHumanPerformersSequence=[item])
        assert_refused(outcome, UpsStatus.INVALID_ATTRIBUTE_VALUE, keyword)

    def test_other_ids_come_with_their_issuers(self) -> None:
        other = data_set(PatientID="7", IssuerOfPatientID="Elsewhere", TypeOfPatientID="TEXT")
        outcome = changed(scheduled(), OtherPatientIDsSequence=[other])
        assert outcome.status is UpsStatus.SUCCESS
        assert result(outcome).OtherPatientIDsSequence[0].IssuerOfPatientID == "Elsewhere"

    @pytest.mark.parametrize("keyword", ALWAYS_WITH_VALUE)
    def test_what_always_has_a_value_is_not_emptied(self, keyword: str) -> None:
        modifications = Dataset()
        modifications.add(empty(keyword))
        outcome = modify(scheduled(), modifications, rules=Rules(), now=NOW)
        assert_refused(outcome, UpsStatus.MISSING_ATTRIBUTE_VALUE, keyword)

    @pytest.mark.parametrize("keyword", EMPTIABLE)
    def test_others_are(self, keyword: str) -> None:
        modifications = Dataset()
        modifications.add(empty(keyword))
        outcome = modify(scheduled(), modifications, rules=Rules(), now=NOW)
        assert outcome.status is UpsStatus.SUCCESS, outcome.comment
        assert result(outcome)[keyword].is_empty

    @pytest.mark.parametrize("keyword", ["CodeValue", "CodeMeaning", "CodingSchemeDesignator"])
    def test_a_code_has_content(self, keyword: str) -> None:
        bad = code("1")
        bad[keyword].value = ""
        outcome = changed(scheduled(), ScheduledStationNameCodeSequence=[code("0"), bad])
        assert_refused(outcome, UpsStatus.MISSING_ATTRIBUTE_VALUE, keyword)

    @pytest.mark.parametrize(
        ("keyword", "value"),
        [
            ("ScheduledProcedureStepPriority", "URGENT"),
            ("InputReadinessState", "ALMOST"),
            ("ScheduledProcedureStepStartDateTime", "20301301"),
            ("ExpectedCompletionDateTime", "soon"),
            ("StudyInstanceUID", "1.02"),
            ("TimezoneOffsetFromUTC", "2"),
        ],
    )
    def test_values_have_their_form(self, keyword: str, value: str) -> None:
        modifications = Dataset()
        modifications.add(
            DataElement(keyword, dictionary_VR(keyword), value, validation_mode=IGNORE)
        )
        outcome = modify(scheduled(), modifications, rules=Rules(), now=NOW)
        assert_refused(outcome, UpsStatus.INVALID_ATTRIBUTE_VALUE, keyword)

    def test_command_elements_are_overlooked(self) -> None:
        modifications = data_set(ProcedureStepLabel="New")
        modifications.add(DataElement(0x00001001, "UI", "1.2.3"))
        outcome = modify(scheduled(), modifications, rules=Rules(), now=NOW)
        assert outcome.status is UpsStatus.SUCCESS
        assert 0x00001001 not in result(outcome)


class TestTheResult:
    def test_has_what_was_sent_and_what_was_there(self) -> None:
        workitem = scheduled()
        outcome = changed(workitem, ProcedureStepLabel="New", MedicalAlerts="Pacemaker")
        assert (outcome.status, outcome.comment) == (UpsStatus.SUCCESS, "")
        expected = workitem.copy_dataset()
        expected.ProcedureStepLabel = "New"
        expected.MedicalAlerts = "Pacemaker"
        expected.ScheduledProcedureStepModificationDateTime = NOW_DT
        assert result(outcome) == expected

    def test_is_another_workitem(self) -> None:
        workitem = in_state("IN PROGRESS")
        before = copy.deepcopy(workitem.dataset)
        outcome = changed(workitem, TransactionUID=LOCK, ProcedureStepLabel="New")
        assert workitem.dataset == before
        assert outcome.workitem is not None
        assert replace(outcome.workitem, dataset=before) == replace(workitem, dataset=before)

    def test_has_the_time_of_the_change_whatever_was_sent(self) -> None:
        outcome = changed(scheduled(), ScheduledProcedureStepModificationDateTime="19990101")
        assert outcome.status is UpsStatus.SUCCESS
        assert result(outcome).ScheduledProcedureStepModificationDateTime == NOW_DT

    def test_shares_nothing_with_the_request(self) -> None:
        modifications = data_set(ScheduledStationNameCodeSequence=[code("A")])
        outcome = modify(scheduled(), modifications, rules=Rules(), now=NOW)
        modifications.ScheduledStationNameCodeSequence[0].CodeValue = "B"
        assert result(outcome).ScheduledStationNameCodeSequence[0].CodeValue == "A"

    def test_has_no_transaction_uid(self) -> None:
        item = data_set(ProcedureStepProgress="1", TransactionUID=LOCK)
        outcome = changed(
            in_state("IN PROGRESS"),
            TransactionUID=LOCK,
            ProcedureStepProgressInformationSequence=[item],
        )
        assert "1.2.3.4" not in str(result(outcome))
        assert outcome.workitem is not None
        assert outcome.workitem.transaction_uid == LOCK

    def test_nothing_but_the_lock_is_a_change_of_nothing(self) -> None:
        outcome = changed(in_state("IN PROGRESS"), TransactionUID=LOCK)
        assert (outcome.status, outcome.events) == (UpsStatus.SUCCESS, ())

    def test_a_sequence_replaces_the_whole_sequence(self) -> None:
        workitem = scheduled(ScheduledStationNameCodeSequence=[code("A"), code("B")])
        outcome = changed(workitem, ScheduledStationNameCodeSequence=[code("C")])
        codes = [each.CodeValue for each in result(outcome).ScheduledStationNameCodeSequence]
        assert codes == ["C"]

    def test_an_item_replaces_the_whole_item(self) -> None:
        workitem = in_state("IN PROGRESS")
        first = data_set(ProcedureStepProgress="10", ProcedureStepProgressDescription="Beam 1")
        workitem = changed(
            workitem, TransactionUID=LOCK, ProcedureStepProgressInformationSequence=[first]
        ).workitem  # type: ignore[assignment]
        second = data_set(ProcedureStepProgress="20")
        outcome = changed(
            workitem, TransactionUID=LOCK, ProcedureStepProgressInformationSequence=[second]
        )
        (item,) = result(outcome).ProcedureStepProgressInformationSequence
        assert [each.keyword for each in item] == ["ProcedureStepProgress"]

    def test_output_information_is_not_made_up(self) -> None:
        """Its presence is what the final state asks for."""
        performed = data_set(PerformedProcedureStepStartDateTime="20300401100000")
        outcome = changed(
            in_state("IN PROGRESS"),
            TransactionUID=LOCK,
            UnifiedProcedureStepPerformedProcedureSequence=[performed],
        )
        (item,) = result(outcome).UnifiedProcedureStepPerformedProcedureSequence
        assert "OutputInformationSequence" not in item

    @pytest.mark.parametrize("state", ["SCHEDULED", "IN PROGRESS"])
    def test_sent_again_it_is_the_same_and_nobody_hears_of_it(self, state: str) -> None:
        sent: dict[str, Any] = {
            "InputReadinessState": "INCOMPLETE",
            "ScheduledStationNameCodeSequence": [code("A")],
            "ProcedureStepProgressInformationSequence": [data_set(ProcedureStepProgress="5")],
            "ProcedureStepLabel": "Ж",
            "SpecificCharacterSet": "ISO_IR 144",
            "ScheduledProcedureStepStartDateTime": "20300401",
            "TimezoneOffsetFromUTC": "-0500",
        }
        if state == "IN PROGRESS":
            sent["TransactionUID"] = LOCK
        modifications = data_set(**sent)
        modifications.private_block(0x0011, "ACME", create=True).add_new(1, "LO", "x")
        first = modify(in_state(state), modifications, rules=Rules(), now=NOW)
        again = modify(first.workitem, modifications, rules=Rules(), now=NOW)
        assert [event.type for event in first.events] == [1, 3, 5]
        assert (again.status, again.events) == (UpsStatus.SUCCESS, ())
        assert result(again) == result(first)

    def test_is_not_larger_than_what_can_be_created(self, monkeypatch: pytest.MonkeyPatch) -> None:
        before = scheduled()
        size = len(before.dataset) + 4  # of the only item that is there
        monkeypatch.setattr(modification, "MOST_ELEMENTS", size + 4)
        assert changed(before, ScheduledStationNameCodeSequence=[code("1")]).status == 0
        outcome = changed(before, ScheduledStationNameCodeSequence=[code("1"), code("2")])
        assert_refused(outcome, UpsStatus.RESOURCE_LIMITATION, "too many attributes")


class TestPrivateAttributes:
    def test_of_a_known_creator_go_to_its_block(self) -> None:
        dataset = workitems.workitem()
        dataset.private_block(0x0011, "OTHER", create=True).add_new(1, "LO", "theirs")
        dataset.private_block(0x0011, "ACME", create=True).add_new(1, "LO", "mine")
        workitem = create(UID, dataset, calling_ae="A", rules=Rules(), now=CREATED).workitem
        modifications = Dataset()
        block = modifications.private_block(0x0011, "ACME", create=True)
        block.add_new(1, "LO", "new")
        block.add_new(2, "SQ", [code("1")])
        kept = result(modify(workitem, modifications, rules=Rules(), now=NOW))
        assert kept.private_block(0x0011, "OTHER")[1].value == "theirs"
        assert kept.private_block(0x0011, "ACME")[1].value == "new"
        assert kept.private_block(0x0011, "ACME")[2].value[0].CodeValue == "1"

    def test_of_a_new_creator_get_a_block(self) -> None:
        modifications = Dataset()
        modifications.private_block(0x0011, "ACME", create=True).add_new(1, "LO", "new")
        kept = result(modify(scheduled(), modifications, rules=Rules(), now=NOW))
        assert kept.private_block(0x0011, "ACME")[1].value == "new"

    def test_without_a_creator_stay_where_they_are(self) -> None:
        modifications = Dataset()
        modifications.add(DataElement(0x00111001, "LO", "new"))
        kept = result(modify(scheduled(), modifications, rules=Rules(), now=NOW))
        assert kept[0x00111001].value == "new"


class TestCharacterSet:
    @pytest.mark.parametrize(
        ("stored", "sent", "text", "expected"),
        [
            (None, None, "Plain", None),
            (None, "ISO_IR 100", "Plain", None),
            (None, "ISO_IR 100", "Größe", "ISO_IR 100"),
            ("ISO_IR 100", "ISO_IR 192", "Größe", "ISO_IR 100"),
            ("ISO_IR 100", None, "Plain", "ISO_IR 100"),
            ("ISO_IR 100", "ISO_IR 144", "Ж", "ISO_IR 192"),
            ("ISO_IR 192", "ISO_IR 144", "Ж", "ISO_IR 192"),
        ],
    )
    def test_has_the_characters_of_what_stays_and_what_comes(
        self, stored: str | None, sent: str | None, text: str, expected: str | None
    ) -> None:
        name = "Müller" if stored else "Miller"
        workitem = scheduled(SpecificCharacterSet=stored, PatientName=name)
        elements = {"SpecificCharacterSet": sent} if sent else {}
        modifications = data_set(ProcedureStepLabel=text, **elements)
        received = decode_data_set(encode_data_set(modifications, EXPLICIT), EXPLICIT, Limits())
        outcome = modify(workitem, received, rules=Rules(), now=NOW)
        assert outcome.status is UpsStatus.SUCCESS
        assert result(outcome).get("SpecificCharacterSet") == expected
        again = decode_data_set(encode_data_set(result(outcome), EXPLICIT), EXPLICIT, Limits())
        assert (again.PatientName, again.ProcedureStepLabel) == (name, text)

    def test_text_beyond_the_declared_one_is_a_corrected_value(self) -> None:
        outcome = changed(scheduled(), ProcedureStepLabel="Größe")
        assert outcome.status is UpsStatus.VALUES_COERCED
        assert "SpecificCharacterSet" in outcome.comment
        assert result(outcome).SpecificCharacterSet == "ISO_IR 192"


class TestTimeZone:
    def test_that_of_the_workitem_stays_and_values_say_theirs(self) -> None:
        workitem = scheduled(
            TimezoneOffsetFromUTC="+0100", ExpectedCompletionDateTime="20300401110000"
        )
        item = data_set(PerformedProcedureStepStartDateTime="20300401050000")
        outcome = changed(
            workitem,
            TimezoneOffsetFromUTC="-0500",
            ScheduledProcedureStepStartDateTime="20300401040000",
            ScheduledProcedureStepExpirationDateTime="20300402+0000",
            UnifiedProcedureStepPerformedProcedureSequence=[item],
        )
        dataset = result(outcome)
        (item,) = dataset.UnifiedProcedureStepPerformedProcedureSequence
        assert dataset.TimezoneOffsetFromUTC == "+0100"
        assert dataset.ExpectedCompletionDateTime == "20300401110000"
        assert dataset.ScheduledProcedureStepStartDateTime == "20300401040000-0500"
        assert dataset.ScheduledProcedureStepExpirationDateTime == "20300402+0000"
        assert item.PerformedProcedureStepStartDateTime == "20300401050000-0500"

    def test_the_same_one_changes_nothing(self) -> None:
        outcome = changed(
            scheduled(TimezoneOffsetFromUTC="+0100"),
            TimezoneOffsetFromUTC="+0100",
            ScheduledProcedureStepStartDateTime="20300401040000",
            ExpectedCompletionDateTime="",
        )
        assert result(outcome).ScheduledProcedureStepStartDateTime == "20300401040000"
        assert result(outcome)["ExpectedCompletionDateTime"].is_empty

    def test_what_has_no_value_gets_no_offset(self) -> None:
        outcome = changed(scheduled(), TimezoneOffsetFromUTC="+0100", ExpectedCompletionDateTime="")
        assert result(outcome)["ExpectedCompletionDateTime"].is_empty


class TestEvents:
    @pytest.mark.parametrize(
        ("elements", "types"),
        [
            ({"ProcedureStepLabel": "New"}, []),
            ({"InputReadinessState": "INCOMPLETE"}, [EventType.STATE_REPORT]),
            ({"InputReadinessState": "READY"}, []),
            (
                {"ProcedureStepProgressInformationSequence": [data_set(ProcedureStepProgress="1")]},
                [EventType.PROGRESS_REPORT],
            ),
            ({"ScheduledStationNameCodeSequence": [code("A")]}, [EventType.ASSIGNED]),
        ],
    )
    def test_tell_of_what_has_changed(
        self, elements: dict[str, Any], types: list[EventType]
    ) -> None:
        assert [event.type for event in changed(scheduled(), **elements).events] == types


class Pedant:
    """A profile that wants no labels."""

    name = "pedant"

    def check_creation(self, dataset: Dataset) -> list[Finding]:
        return []

    def check_modification(self, modifications: Dataset) -> list[Finding]:
        if "ProcedureStepLabel" in modifications:
            return [Finding(UpsStatus.INVALID_ATTRIBUTE_VALUE, 0x00741204, "No labels here")]
        return []

    def check_final(self, dataset: Dataset, target: State) -> list[Finding]:
        return []


def test_a_profile_may_refuse_what_the_standard_allows() -> None:
    rules = Rules(profiles=(Pedant(),))
    assert changed(scheduled(), rules, WorklistLabel="x").status is UpsStatus.SUCCESS
    outcome = changed(scheduled(), rules, ProcedureStepLabel="x")
    assert_refused(outcome, UpsStatus.INVALID_ATTRIBUTE_VALUE, "No labels here")


TAGS = st.sampled_from(
    [each.tag for each in ATTRIBUTES] + [0x00101010, 0x00091001, 0x00090010]
).map(BaseTag)
VALUES = st.one_of(st.binary(max_size=12), st.sampled_from([b"", b"1.2.3\0", b"12", b"20300401"]))


@settings(deadline=None)
@given(elements=st.dictionaries(TAGS, VALUES, max_size=4), state=st.sampled_from(list(State)))
def test_whatever_is_sent_is_answered(elements: dict[BaseTag, bytes], state: State) -> None:
    """Nothing raises, nothing forbidden changes, and what is stored can be written."""
    received: dict[BaseTag, DataElement | RawDataElement] = {}
    for tag, value in elements.items():
        vr = dictionary_VR(tag) if dictionary_has_tag(tag) else "LO"
        received[tag] = RawDataElement(tag, vr, len(value), value, 0, False, True)
    workitem = in_state(str(state))
    outcome = modify(workitem, Dataset(received), rules=Rules(), now=NOW)
    assert outcome.comment.isascii()
    assert len(outcome.comment) <= 64
    if outcome.workitem is None:
        assert outcome.status >= 0x0100
        return
    encode_data_set(result(outcome), EXPLICIT)
    for keyword in NOT_ALLOWED:
        tag = Tag(tag_for_keyword(keyword))  # type: ignore[arg-type]
        assert result(outcome).get(tag) == workitem.dataset.get(tag)
