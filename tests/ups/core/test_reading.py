"""What an N-GET returns (PS3.4 section CC.2.7)."""

from __future__ import annotations

import copy

import pytest
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset

from leaddicom.ups.core.reading import get
from leaddicom.ups.core.terms import UpsStatus
from leaddicom.ups.core.workitem import Outcome, Workitem

from .. import workitems
from ..workitems import code, data_set

UID = "1.2.826.0.1.3680043.8.498.77"
PUSH = "1.2.840.10008.5.1.4.34.6.1"


def stored(**changes: object) -> Workitem:
    dataset = workitems.workitem(
        TransactionUID=None, SOPClassUID=PUSH, SOPInstanceUID=UID, **changes
    )
    return Workitem(UID, dataset, transaction_uid="1.2.3.4")


def tags(*keywords: str) -> list[int]:
    found = [tag_for_keyword(keyword) for keyword in keywords]
    return [tag for tag in found if tag is not None]


def answer(outcome: Outcome) -> Dataset:
    assert (outcome.workitem, outcome.events) == (None, ())
    assert outcome.dataset is not None
    return outcome.dataset


def test_an_unknown_workitem() -> None:
    outcome = get(None, [])
    assert outcome == Outcome(UpsStatus.NO_SUCH_WORKITEM, "There is no such workitem")


class TestAll:
    def test_attributes_but_the_uids(self) -> None:
        workitem = stored()
        expected = workitem.copy_dataset()
        del expected.SOPClassUID, expected.SOPInstanceUID
        outcome = get(workitem, [])
        assert outcome.status is UpsStatus.SUCCESS
        assert outcome.comment == ""
        assert answer(outcome) == expected

    def test_private_ones_too(self) -> None:
        workitem = stored()
        block = workitem.dataset.private_block(0x0099, "LINAC MAKER", create=True)
        block.add_new(1, "LO", "A value")
        assert answer(get(workitem, []))[0x00991001].value == "A value"


class TestSome:
    def test_are_exactly_those_that_are_asked_for(self) -> None:
        asked = tags("ProcedureStepState", "PatientName")
        outcome = get(stored(), asked)
        assert outcome.status is UpsStatus.SUCCESS
        assert answer(outcome) == data_set(ProcedureStepState="SCHEDULED", PatientName="Doe^Jane")

    def test_sequences_come_whole(self) -> None:
        item = data_set(ProcedureStepProgress="50", ReasonForCancellation="Machine down")
        workitem = stored(ProcedureStepProgressInformationSequence=[item])
        outcome = get(workitem, tags("ProcedureStepProgressInformationSequence"))
        assert list(answer(outcome).ProcedureStepProgressInformationSequence) == [item]

    def test_without_value_come_empty(self) -> None:
        asked = tags("AdmissionID", "ScheduledStationNameCodeSequence")
        received = answer(get(stored(), asked))
        assert [element.tag for element in received] == sorted(asked)
        assert all(element.is_empty for element in received)

    @pytest.mark.parametrize(
        "keyword", ["PatientID", "StudyInstanceUID", "ScheduledStationNameCodeSequence"]
    )
    def test_of_type_2_come_empty_though_they_are_absent(self, keyword: str) -> None:
        workitem = stored()
        del workitem.dataset[keyword]
        outcome = get(workitem, tags(keyword))
        assert outcome.status is UpsStatus.SUCCESS
        assert [element.keyword for element in answer(outcome)] == [keyword]
        assert answer(outcome)[keyword].is_empty

    @pytest.mark.parametrize("keyword", ["ExpectedCompletionDateTime", "OutputDestinationSequence"])
    def test_others_are_left_out_if_they_are_absent(self, keyword: str) -> None:
        outcome = get(stored(), tags(keyword))
        assert outcome.status is UpsStatus.SUCCESS
        assert answer(outcome) == Dataset()

    def test_may_be_asked_for_twice(self) -> None:
        asked = tags("ProcedureStepState", "ProcedureStepState")
        assert answer(get(stored(), asked)) == data_set(ProcedureStepState="SCHEDULED")


class TestNotForReading:
    @pytest.mark.parametrize("keyword", ["TransactionUID", "SOPClassUID", "SOPInstanceUID"])
    def test_the_uids_are_not_returned(self, keyword: str) -> None:
        outcome = get(stored(), tags(keyword, "ProcedureStepState"))
        assert outcome.status is UpsStatus.OPTIONAL_ATTRIBUTES_UNSUPPORTED
        assert answer(outcome) == data_set(ProcedureStepState="SCHEDULED")

    def test_not_even_one_that_was_stored_by_mistake(self) -> None:
        workitem = stored()
        workitem.dataset.TransactionUID = "1.2.3.4"
        for asked in ([], tags("TransactionUID")):
            assert "TransactionUID" not in answer(get(workitem, asked))

    def test_nor_is_the_lock_of_the_workitem(self) -> None:
        for asked in ([], tags("TransactionUID")):
            outcome = get(stored(), asked)
            assert "1.2.3.4" not in str(outcome.dataset) + outcome.comment

    def test_command_elements_are_not_returned(self) -> None:
        workitem = stored()
        workitem.dataset.add_new(0x00000902, "LO", "A comment")
        assert 0x00000902 not in answer(get(workitem, []))
        outcome = get(workitem, [0x00000902])
        assert outcome.status is UpsStatus.OPTIONAL_ATTRIBUTES_UNSUPPORTED
        assert answer(outcome) == Dataset()

    @pytest.mark.parametrize("tag", [0x00280010, 0x00991001, 0x00090010])
    def test_what_is_neither_stored_nor_of_workitems_is_unsupported(self, tag: int) -> None:
        outcome = get(stored(), [tag, *tags("PatientSex")])
        assert outcome.status is UpsStatus.OPTIONAL_ATTRIBUTES_UNSUPPORTED
        assert outcome.comment == f"Not supported: ({tag >> 16:04X},{tag & 0xFFFF:04X})"
        assert answer(outcome) == data_set(PatientSex="F")

    def test_no_more_are_named_than_there_is_room_for(self) -> None:
        outcome = get(stored(), [0x00280010, 0x00280011, 0x00280100, 0x00280101])
        assert outcome.comment == "Not supported: (0028,0010), (0028,0011), (0028,0100)"
        assert len(outcome.comment) <= 64


class TestContext:
    def test_the_character_set_comes_along_with_what_needs_it(self) -> None:
        workitem = stored(SpecificCharacterSet="ISO_IR 100", PatientName="Müller^Jörg")
        received = answer(get(workitem, tags("PatientName")))
        assert received.SpecificCharacterSet == "ISO_IR 100"
        received = answer(get(workitem, tags("ProcedureStepLabel")))
        assert "SpecificCharacterSet" not in received

    def test_the_character_set_is_returned_to_who_asks_for_it(self) -> None:
        workitem = stored(SpecificCharacterSet="ISO_IR 100")
        for asked in ([], tags("SpecificCharacterSet")):
            assert answer(get(workitem, asked)).SpecificCharacterSet == "ISO_IR 100"

    def test_the_time_zone_comes_along_with_times(self) -> None:
        workitem = stored(TimezoneOffsetFromUTC="+0100")
        received = answer(get(workitem, tags("ScheduledProcedureStepStartDateTime")))
        assert received.TimezoneOffsetFromUTC == "+0100"
        assert "TimezoneOffsetFromUTC" not in answer(get(workitem, tags("ProcedureStepLabel")))


def test_the_answer_is_a_copy() -> None:
    workitem = stored(ScheduledStationNameCodeSequence=[code("LINAC1")])
    before = copy.deepcopy(workitem.dataset)
    received = answer(get(workitem, []))
    received.PatientName = "Another"
    received.ScheduledStationNameCodeSequence[0].CodeValue = "LINAC2"
    assert workitem.dataset == before
