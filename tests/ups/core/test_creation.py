"""N-CREATE, row by row of what the standard and the decisions of the service ask for."""

from __future__ import annotations

import copy
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
from leaddicom.ups.core.attributes import ATTRIBUTES
from leaddicom.ups.core.creation import create
from leaddicom.ups.core.findings import Finding
from leaddicom.ups.core.rules import Rules
from leaddicom.ups.core.terms import EventType, State, UpsStatus
from leaddicom.ups.core.workitem import Outcome

from ..workitems import FILTERED, GLOBAL, code, data_set, workitem

UID = "1.2.826.0.1.3680043.8.498.77"
NOW = datetime(2030, 4, 1, 12, 30, 15, 250, tzinfo=timezone(timedelta(hours=2)))
NOW_DT = "20300401103015.000250+0000"
LENIENT, STRICT = Rules(), Rules(strict_create=True)
BOTH = [pytest.param(LENIENT, id="lenient"), pytest.param(STRICT, id="strict")]

TYPE_1 = (
    "ProcedureStepState",
    "InputReadinessState",
    "ScheduledProcedureStepPriority",
    "ProcedureStepLabel",
    "ScheduledProcedureStepStartDateTime",
)
TYPE_2 = (
    "TransactionUID",
    "WorklistLabel",
    "ScheduledProcessingParametersSequence",
    "ScheduledStationNameCodeSequence",
    "ScheduledStationClassCodeSequence",
    "ScheduledStationGeographicLocationCodeSequence",
    "ScheduledWorkitemCodeSequence",
    "CommentsOnTheScheduledProcedureStep",
    "InputInformationSequence",
    "PatientName",
    "IssuerOfPatientID",
    "IssuerOfPatientIDQualifiersSequence",
    "OtherPatientIDsSequence",
    "PatientBirthDate",
    "PatientSex",
    "AdmissionID",
    "IssuerOfAdmissionIDSequence",
    "AdmittingDiagnosesDescription",
    "AdmittingDiagnosesCodeSequence",
    "ReferencedRequestSequence",
    "ProcedureStepProgressInformationSequence",
    "UnifiedProcedureStepPerformedProcedureSequence",
)
CONDITIONAL = (
    "PatientID",
    "StudyInstanceUID",
    "ScheduledHumanPerformersSequence",
    "ReplacedProcedureStepSequence",
    "SpecificCharacterSet",
)


def made(dataset: Dataset, rules: Rules = LENIENT, uid: str = UID) -> Outcome:
    return create(uid, dataset, calling_ae="TMS", rules=rules, now=NOW)


def stored(dataset: Dataset, rules: Rules = LENIENT) -> Dataset:
    outcome = made(dataset, rules)
    assert outcome.workitem is not None, outcome.comment
    return outcome.workitem.dataset


def without(keyword: str) -> Dataset:
    dataset = workitem()
    if keyword in dataset:
        del dataset[keyword]
    return dataset


def emptied(keyword: str) -> Dataset:
    dataset = workitem()
    tag = tag_for_keyword(keyword)
    assert tag is not None
    vr = dictionary_VR(tag)
    dataset.add(DataElement(tag, vr, [] if vr == "SQ" else None))
    return dataset


def odd(keyword: str, value: Any) -> Dataset:
    """A data set with a value that pydicom would warn about."""
    dataset = workitem()
    tag = tag_for_keyword(keyword)
    assert tag is not None
    dataset.add(DataElement(tag, dictionary_VR(tag), value, validation_mode=IGNORE))
    return dataset


def assert_refused(outcome: Outcome, status: UpsStatus, named: str = "") -> None:
    assert (outcome.status, outcome.workitem, outcome.events) == (status, None, ())
    assert outcome.comment.isascii()
    assert 0 < len(outcome.comment) <= 64
    assert named in outcome.comment


class TestIdentity:
    """What is said by the command set."""

    @pytest.mark.parametrize("uid", ["", "1.2.", "1.02", "a", "../1", "1" * 65, "1.2\\1.3"])
    def test_a_malformed_uid_is_no_instance(self, uid: str) -> None:
        assert_refused(made(workitem(), uid=uid), UpsStatus.INVALID_INSTANCE)

    @pytest.mark.parametrize("uid", [GLOBAL, FILTERED])
    def test_the_instances_of_subscriptions_exist_already(self, uid: str) -> None:
        assert_refused(made(workitem(), uid=uid), UpsStatus.DUPLICATE_INSTANCE)

    def test_a_complete_request_succeeds(self) -> None:
        outcome = made(workitem())
        assert (outcome.status, outcome.comment) == (UpsStatus.SUCCESS, "")
        assert outcome.workitem is not None
        assert outcome.workitem.uid == UID
        assert outcome.workitem.state is State.SCHEDULED
        assert outcome.workitem.creator_ae == "TMS"
        assert outcome.workitem.transaction_uid == ""
        assert outcome.workitem.version == 0

    def test_it_succeeds_where_the_manager_is_strict(self) -> None:
        assert made(workitem(), STRICT).status is UpsStatus.SUCCESS

    def test_the_manager_sets_what_is_its_own(self) -> None:
        dataset = stored(odd("ScheduledProcedureStepModificationDateTime", "some day"))
        assert dataset.SOPClassUID == "1.2.840.10008.5.1.4.34.6.1"
        assert dataset.SOPInstanceUID == UID
        assert dataset.ScheduledProcedureStepModificationDateTime == NOW_DT

    @pytest.mark.parametrize("keyword", ["SOPClassUID", "SOPInstanceUID"])
    def test_uids_in_the_data_set_are_never_used(self, keyword: str) -> None:
        dataset = workitem(**{keyword: "1.2.3"})
        outcome = made(dataset)
        assert outcome.status is UpsStatus.CREATED_WITH_MODIFICATIONS
        assert keyword in outcome.comment
        assert stored(dataset)[keyword].value != "1.2.3"
        assert_refused(made(dataset, STRICT), UpsStatus.INVALID_ATTRIBUTE_VALUE, keyword)

    def test_the_request_is_not_changed(self) -> None:
        dataset = data_set(
            ProcedureStepState="SCHEDULED", ScheduledWorkitemCodeSequence=[code("1")]
        )
        before = copy.deepcopy(dataset)
        made(dataset)
        assert dataset == before


class TestState:
    @pytest.mark.parametrize("rules", BOTH)
    @pytest.mark.parametrize("state", ["IN PROGRESS", "COMPLETED", "CANCELED", "FOO", "scheduled"])
    def test_only_scheduled_ones_are_created(self, state: str, rules: Rules) -> None:
        dataset = odd("ProcedureStepState", state)
        assert_refused(made(dataset, rules), UpsStatus.NOT_SCHEDULED_AT_CREATION)

    def test_two_states_are_none(self) -> None:
        dataset = workitem(ProcedureStepState=["SCHEDULED", "SCHEDULED"])
        assert_refused(made(dataset), UpsStatus.NOT_SCHEDULED_AT_CREATION)

    def test_padding_is_no_part_of_it(self) -> None:
        assert stored(odd("ProcedureStepState", "SCHEDULED ")).ProcedureStepState == "SCHEDULED"

    def test_it_is_judged_before_anything_else_that_is_missing(self) -> None:
        outcome = made(data_set(ProcedureStepState="COMPLETED"))
        assert_refused(outcome, UpsStatus.NOT_SCHEDULED_AT_CREATION)


@pytest.mark.parametrize("rules", BOTH)
@pytest.mark.parametrize("keyword", TYPE_1)
class TestType1:
    def test_has_to_be_there(self, keyword: str, rules: Rules) -> None:
        assert_refused(made(without(keyword), rules), UpsStatus.MISSING_ATTRIBUTE, keyword)

    def test_has_to_have_a_value(self, keyword: str, rules: Rules) -> None:
        assert_refused(made(emptied(keyword), rules), UpsStatus.MISSING_ATTRIBUTE_VALUE, keyword)

    def test_spaces_are_no_value(self, keyword: str, rules: Rules) -> None:
        outcome = made(odd(keyword, "  "), rules)
        assert_refused(outcome, UpsStatus.MISSING_ATTRIBUTE_VALUE, keyword)


class TestType2:
    @pytest.mark.parametrize("keyword", TYPE_2)
    def test_is_added_with_a_warning(self, keyword: str) -> None:
        outcome = made(without(keyword))
        assert outcome.status is UpsStatus.CREATED_WITH_MODIFICATIONS
        assert outcome.comment == f"Set: {keyword}"
        if keyword == "TransactionUID":
            assert keyword not in stored(without(keyword))
        elif keyword == "WorklistLabel":
            assert stored(without(keyword)).WorklistLabel == "WORKLIST"
        else:
            assert stored(without(keyword))[keyword].is_empty

    @pytest.mark.parametrize("keyword", TYPE_2)
    def test_is_missed_by_a_strict_manager(self, keyword: str) -> None:
        assert_refused(made(without(keyword), STRICT), UpsStatus.MISSING_ATTRIBUTE, keyword)

    @pytest.mark.parametrize("rules", BOTH)
    @pytest.mark.parametrize("keyword", TYPE_2)
    def test_may_be_empty(self, keyword: str, rules: Rules) -> None:
        assert made(emptied(keyword), rules).status is UpsStatus.SUCCESS

    @pytest.mark.parametrize("rules", BOTH)
    @pytest.mark.parametrize("keyword", CONDITIONAL)
    def test_under_a_condition_it_may_be_missing(self, keyword: str, rules: Rules) -> None:
        assert made(without(keyword), rules).status is UpsStatus.SUCCESS

    def test_all_that_a_hasty_client_leaves_out_is_added(self) -> None:
        outcome = made(data_set(**{each: workitem()[each].value for each in TYPE_1}))
        assert outcome.status is UpsStatus.CREATED_WITH_MODIFICATIONS
        assert outcome.comment == "Set: TransactionUID and 21 more"
        assert outcome.workitem is not None
        for keyword in set(TYPE_2) - {"TransactionUID"}:
            assert keyword in outcome.workitem.dataset

    def test_in_items_it_is_added_as_well(self) -> None:
        request = data_set(StudyInstanceUID="1.2.3", AccessionNumber="7")
        dataset = workitem(ReferencedRequestSequence=[request])
        outcome = made(dataset)
        assert outcome.status is UpsStatus.CREATED_WITH_MODIFICATIONS
        item = stored(dataset).ReferencedRequestSequence[0]
        assert (item.AccessionNumber, item["RequestedProcedureID"].is_empty) == ("7", True)
        assert_refused(made(dataset, STRICT), UpsStatus.MISSING_ATTRIBUTE)

    def test_a_worklist_label_without_value_gets_the_default(self) -> None:
        rules = Rules(worklist_label="Linacs")
        outcome = made(emptied("WorklistLabel"), rules)
        assert outcome.status is UpsStatus.SUCCESS
        assert stored(emptied("WorklistLabel"), rules).WorklistLabel == "Linacs"
        assert stored(workitem(WorklistLabel="Mine"), rules).WorklistLabel == "Mine"


class TestWhatHasToBeEmpty:
    FILLED = (
        ("TransactionUID", "1.2.3"),
        ("ProcedureStepProgressInformationSequence", [data_set(ProcedureStepProgress="10")]),
        ("UnifiedProcedureStepPerformedProcedureSequence", [data_set()]),
    )

    @pytest.mark.parametrize(("keyword", "value"), FILLED)
    def test_is_emptied_with_a_warning(self, keyword: str, value: Any) -> None:
        outcome = made(workitem(**{keyword: value}))
        assert outcome.status is UpsStatus.CREATED_WITH_MODIFICATIONS
        assert outcome.comment == f"Set: {keyword}"
        assert outcome.workitem is not None
        assert not outcome.workitem.dataset.get(keyword)

    @pytest.mark.parametrize(("keyword", "value"), FILLED)
    def test_is_not_allowed_by_a_strict_manager(self, keyword: str, value: Any) -> None:
        outcome = made(workitem(**{keyword: value}), STRICT)
        assert_refused(outcome, UpsStatus.INVALID_ATTRIBUTE_VALUE, keyword)

    def test_the_transaction_uid_is_nowhere_in_what_is_stored(self) -> None:
        secret = data_set(TransactionUID="1.2.3", CodeValue="1", CodeMeaning="m")
        dataset = stored(workitem(TransactionUID="1.2.3", ScheduledWorkitemCodeSequence=[secret]))
        assert "TransactionUID" not in dataset
        assert "TransactionUID" not in dataset.ScheduledWorkitemCodeSequence[0]


class TestValues:
    @pytest.mark.parametrize(
        ("keyword", "values"),
        [
            ("ScheduledProcedureStepPriority", ("HIGH", "MEDIUM", "LOW")),
            ("InputReadinessState", ("INCOMPLETE", "UNAVAILABLE", "READY")),
        ],
    )
    def test_enumerated_ones_are_one_of_three(self, keyword: str, values: tuple[str, ...]) -> None:
        for value in values:
            assert made(workitem(**{keyword: value})).status is UpsStatus.SUCCESS
        for value in ("URGENT", "high", "Ready", f"{values[0]}X"):
            outcome = made(odd(keyword, value))
            assert_refused(outcome, UpsStatus.INVALID_ATTRIBUTE_VALUE, keyword)
        several = made(workitem(**{keyword: list(values[:2])}))
        assert_refused(several, UpsStatus.INVALID_ATTRIBUTE_VALUE, keyword)

    @pytest.mark.parametrize(
        "value",
        [
            "2030", "203004", "20300401", "2030040110", "203004011030", "20300401103015",
            "20300401103015.5", "20300401103015.123456", "20300401103060",
            "20300401103015+0200", "2030-0500", "20300401-1200", "20300401+1400", "20280229",
        ],
    )  # fmt: skip
    def test_a_date_time_may_have_any_precision_and_an_offset(self, value: str) -> None:
        assert made(workitem(ScheduledProcedureStepStartDateTime=value)).status is UpsStatus.SUCCESS

    @pytest.mark.parametrize(
        "value",
        [
            "203", "20301", "20301301", "20300230", "20300229", "2030040124", "203004011060",
            "20300401103061", "20300401103015.", "20300401103015.1234567", "2030-04-01",
            "20300401+1500", "20300401-1300", "20300401+02", "20300401-20300402", "tomorrow",
            "0000", "٢٠٣٠", ["20300401", "20300402"],
        ],
    )  # fmt: skip
    def test_what_is_no_date_time_is_refused(self, value: Any) -> None:
        keyword = "ScheduledProcedureStepStartDateTime"
        dataset = odd(keyword, value)
        assert_refused(made(dataset), UpsStatus.INVALID_ATTRIBUTE_VALUE, keyword)

    @pytest.mark.parametrize(
        ("keyword", "value"),
        [
            ("PatientBirthDate", "19701301"),
            ("PatientBirthDate", "1970-01-01"),
            ("PatientSex", "male"),
            ("StudyInstanceUID", "1.2.x"),
            ("PregnancyStatus", b"12"),
            ("TimezoneOffsetFromUTC", "CET"),
        ],
    )
    def test_others_have_the_form_of_their_representation(self, keyword: str, value: Any) -> None:
        dataset = workitem()
        vr = "OB" if isinstance(value, bytes) else dictionary_VR(keyword)
        tag = tag_for_keyword(keyword)
        assert tag is not None
        dataset.add(DataElement(tag, vr, value, validation_mode=IGNORE))
        outcome = made(dataset)
        assert_refused(outcome, UpsStatus.INVALID_ATTRIBUTE_VALUE, keyword)
        assert str(value) not in outcome.comment

    def test_a_long_text_is_kept(self) -> None:
        assert stored(odd("ProcedureStepLabel", "x" * 100)).ProcedureStepLabel == "x" * 100

    @pytest.mark.parametrize(
        ("keyword", "longest"),
        [("ProcedureStepLabel", 0x3FFF), ("CommentsOnTheScheduledProcedureStep", 0x3FFF)],
    )
    def test_a_text_has_to_fit_into_every_transfer_syntax(self, keyword: str, longest: int) -> None:
        assert stored(odd(keyword, "x" * longest))[keyword].value == "x" * longest
        outcome = made(odd(keyword, "x" * (longest + 1)))
        assert_refused(outcome, UpsStatus.INVALID_ATTRIBUTE_VALUE, keyword)

    def test_stations_and_performers_are_not_too_many(self) -> None:
        """Each performer is reported by an event of its own, with all stations."""
        performer = Dataset()
        performer.HumanPerformerCodeSequence = [code("1")]
        for keyword, item in (
            ("ScheduledStationNameCodeSequence", code("1")),
            ("ScheduledHumanPerformersSequence", performer),
        ):
            dataset = workitem()
            setattr(dataset, keyword, [item] * 64)
            assert len(stored(dataset)[keyword].value) == 64
            setattr(dataset, keyword, [item] * 65)
            assert_refused(made(dataset), UpsStatus.RESOURCE_LIMITATION, "has too many items")

    def test_a_representation_of_another_kind_of_text_is_put_right(self) -> None:
        dataset = workitem()
        dataset.add(DataElement("ProcedureStepState", "SH", "SCHEDULED"))
        assert stored(dataset)["ProcedureStepState"].VR == "CS"


class TestOtherAttributes:
    def test_are_kept(self) -> None:
        dataset = stored(workitem(PatientSize="1.80", PatientComments="a\\b", EthnicGroup="x"))
        assert dataset.PatientSize == 1.8
        assert dataset.PatientComments == "a\\b"

    def test_private_ones_too(self) -> None:
        dataset = workitem()
        block = dataset.private_block(0x0011, "ACME", create=True)
        block.add_new(1, "LO", "mine")
        block.add_new(2, "OB", b"\0\1")
        kept = stored(dataset).private_block(0x0011, "ACME")
        assert (kept[1].value, kept[2].value) == ("mine", b"\0\1")

    def test_command_and_file_meta_elements_and_group_lengths_are_not(self) -> None:
        dataset = workitem()
        for tag, vr, value in (
            (0x00000100, "US", 0x140),
            (0x00001000, "UI", "1.2.3"),
            (0x00020010, "UI", "1.2.840.10008.1.2"),
            (0x00080000, "UL", 12),
        ):
            dataset.add(DataElement(tag, vr, value))
        outcome = made(dataset)
        assert outcome.status is UpsStatus.SUCCESS
        assert outcome.workitem is not None
        assert not {element.tag.group for element in outcome.workitem.dataset} & {0, 2}
        assert 0x00080000 not in outcome.workitem.dataset


class TestCharacterSet:
    def test_one_that_has_all_characters_stays(self) -> None:
        dataset = workitem(SpecificCharacterSet="ISO_IR 100", PatientName="Müller^Jürgen")
        assert made(dataset).status is UpsStatus.SUCCESS
        assert stored(dataset).SpecificCharacterSet == "ISO_IR 100"

    @pytest.mark.parametrize("declared", [None, "", "ISO_IR 6", "ISO_IR 144", "latin1"])
    def test_one_that_has_not_becomes_unicode(self, declared: str | None) -> None:
        dataset = workitem(PatientName="Müller^Jürgen")
        if declared is not None:
            tag, value = Tag("SpecificCharacterSet"), declared.encode()
            dataset[tag] = RawDataElement(tag, "CS", len(value), value, 0, False, True)
        outcome = made(dataset)
        assert outcome.status is UpsStatus.CREATED_WITH_MODIFICATIONS
        assert outcome.comment == "Set: SpecificCharacterSet"
        assert outcome.workitem is not None
        assert outcome.workitem.dataset.SpecificCharacterSet == "ISO_IR 192"

    def test_what_is_stored_can_be_written_and_read(self) -> None:
        item = code("1", meaning="放射線治療")
        item.SpecificCharacterSet = "ISO_IR 192"
        dataset = workitem(
            SpecificCharacterSet=["", "ISO 2022 IR 87"],
            PatientName="Yamada^Tarou=山田^太郎=やまだ^たろう",
            ScheduledWorkitemCodeSequence=[item],
        )
        syntax = "1.2.840.10008.1.2.1"
        kept = stored(decode_data_set(encode_data_set(dataset, syntax), syntax, Limits()))
        assert kept.SpecificCharacterSet == ["", "ISO 2022 IR 87"]
        again = decode_data_set(encode_data_set(kept, syntax), syntax, Limits())
        assert again.PatientName == "Yamada^Tarou=山田^太郎=やまだ^たろう"
        assert again.ScheduledWorkitemCodeSequence[0].CodeMeaning == "放射線治療"

    def test_bytes_that_are_no_text_are_refused(self) -> None:
        syntax = "1.2.840.10008.1.2.1"
        encoded = encode_data_set(
            workitem(SpecificCharacterSet="ISO_IR 100", PatientName="Müller"), syntax
        )
        damaged = encoded.replace(b"ISO_IR 100", b"ISO_IR 192")
        outcome = made(decode_data_set(damaged, syntax, Limits()))
        assert_refused(outcome, UpsStatus.INVALID_ATTRIBUTE_VALUE, "PatientName")


class TestEvents:
    def test_the_state_is_reported(self) -> None:
        (event,) = made(workitem()).events
        assert (event.type, event.uid) == (EventType.STATE_REPORT, UID)
        assert event.information.ProcedureStepState == "SCHEDULED"
        assert event.information.InputReadinessState == "READY"

    def test_and_then_to_whom_it_is_assigned(self) -> None:
        performers = [
            data_set(
                HumanPerformerCodeSequence=[code(each)],
                HumanPerformerName="A^B",
                HumanPerformerOrganization="Clinic",
            )
            for each in ("p1", "p2")
        ]
        outcome = made(workitem(ScheduledHumanPerformersSequence=performers))
        assert [each.type for each in outcome.events] == [1, 5, 5]
        station = made(workitem(ScheduledStationNameCodeSequence=[code("LINAC1")]))
        assert [each.type for each in station.events] == [1, 5]


class Pedant:
    """A profile that wants everybody to have its name."""

    name = "pedant"

    def check_creation(self, dataset: Dataset) -> list[Finding]:
        assert dataset.SOPInstanceUID == UID
        if dataset.PatientName == "Pedant":
            return []
        return [Finding(UpsStatus.MISSING_ATTRIBUTE_VALUE, 0x00100010, "PatientName" + "!" * 80)]

    check_modification = check_creation

    def check_final(self, dataset: Dataset, target: State) -> list[Finding]:
        return []


def test_a_profile_may_refuse_what_the_standard_allows() -> None:
    outcome = made(workitem(), Rules(profiles=(Pedant(),)))
    assert_refused(outcome, UpsStatus.MISSING_ATTRIBUTE_VALUE, "PatientName!")
    outcome = made(workitem(PatientName="Pedant"), Rules(profiles=(Pedant(),)))
    assert outcome.status is UpsStatus.SUCCESS


TAGS = st.sampled_from(
    [each.tag for each in ATTRIBUTES] + [0x00100022, 0x00101010, 0x00280008, 0x00091001, 0x00090010]
).map(BaseTag)
VALUES = st.one_of(
    st.binary(max_size=12), st.sampled_from([b"", b"SCHEDULED ", b"1.2.3\0", b"12", b"ISO_IR 192"])
)


@settings(deadline=None)
@given(elements=st.dictionaries(TAGS, VALUES, max_size=6), explicit=st.booleans())
def test_whatever_is_sent_is_answered(elements: dict[BaseTag, bytes], explicit: bool) -> None:
    """Nothing raises, and what is stored can be written."""
    received = dict(workitem().items())
    for tag, value in elements.items():
        vr = (dictionary_VR(tag) if dictionary_has_tag(tag) else "LO") if explicit else None
        received[tag] = RawDataElement(tag, vr, len(value), value, 0, not explicit, True)
    outcome = made(Dataset(received))
    assert (outcome.workitem is None) == (outcome.status not in (0, 0xB300))
    assert outcome.comment.isascii()
    assert len(outcome.comment) <= 64
    if outcome.workitem is None:
        name = outcome.comment.split()[0]
        assert tag_for_keyword(name) or name.startswith("("), outcome.comment
    else:
        encode_data_set(outcome.workitem.dataset, "1.2.840.10008.1.2.1")
        assert outcome.workitem.dataset.SOPInstanceUID == UID
