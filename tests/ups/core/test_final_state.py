"""What a final state needs."""

from __future__ import annotations

import copy
from datetime import datetime, timezone
from typing import Any

import pytest
from pydicom.dataset import Dataset

from leaddicom.ups.core.creation import create
from leaddicom.ups.core.final_state import filled_for_cancel, final_state_findings
from leaddicom.ups.core.rules import Rules
from leaddicom.ups.core.terms import State, UpsStatus

from .. import workitems
from ..workitems import code, data_set

NOW = datetime(2030, 4, 1, 10, 20, 30, 456, tzinfo=timezone.utc)
NOW_DT = "20300401102030.000456+0000"
PROGRESS = "ProcedureStepProgressInformationSequence"
PERFORMED = "UnifiedProcedureStepPerformedProcedureSequence"
DATE, REASON = "ProcedureStepCancellationDateTime", "ProcedureStepDiscontinuationReasonCodeSequence"

SINCE_CREATION = (
    "SOPClassUID",
    "SOPInstanceUID",
    "ScheduledProcedureStepPriority",
    "ScheduledProcedureStepStartDateTime",
    "ScheduledProcedureStepModificationDateTime",
    "InputReadinessState",
    "ProcedureStepState",
)


def performed(**changes: Any) -> Dataset:
    """A procedure as COMPLETED needs it."""
    return data_set(
        **{
            "PerformedStationNameCodeSequence": [code("LINAC1")],
            "PerformedProcedureStepStartDateTime": "20300401100000",
            "PerformedWorkitemCodeSequence": [code("121726", "DCM")],
            "PerformedProcedureStepEndDateTime": "20300401101500",
            "OutputInformationSequence": [],
        }
        | changes
    )


def canceled(**changes: Any) -> Dataset:
    """Progress information as CANCELED needs it."""
    return data_set(**{DATE: "20300401", REASON: [code("110501", "DCM")]} | changes)


def without(item: Dataset, keyword: str) -> Dataset:
    del item[keyword]
    return item


def claimed(**attributes: Any) -> Dataset:
    outcome = create(
        "1.2.3", workitems.workitem(), calling_ae="TMS", rules=Rules(), now=NOW
    )  # fmt: skip
    assert outcome.workitem is not None
    dataset = outcome.workitem.copy_dataset()
    dataset.ProcedureStepState = "IN PROGRESS"
    dataset.update(data_set(**attributes))
    return dataset


def lacks(dataset: Dataset, target: State) -> list[str]:
    """The attributes that are asked for; each with C304."""
    findings = final_state_findings(dataset, target)
    assert {each.status for each in findings} <= {UpsStatus.FINAL_STATE_NOT_MET}
    for each in findings:
        assert each.text.isascii()
        assert len(each.text) <= 64
    return [each.text.split()[0] for each in findings]


class TestCompleted:
    def test_needs_what_was_performed(self) -> None:
        assert lacks(claimed(), State.COMPLETED) == [PERFORMED]
        assert lacks(without(claimed(), PERFORMED), State.COMPLETED) == [PERFORMED]
        assert lacks(claimed(**{PERFORMED: [performed()]}), State.COMPLETED) == []

    @pytest.mark.parametrize(
        "keyword",
        [
            "PerformedStationNameCodeSequence",
            "PerformedProcedureStepStartDateTime",
            "PerformedWorkitemCodeSequence",
            "PerformedProcedureStepEndDateTime",
        ],
    )
    def test_each_item_needs_a_value(self, keyword: str) -> None:
        absent = claimed(**{PERFORMED: [performed(), without(performed(), keyword)]})
        assert lacks(absent, State.COMPLETED) == [keyword]
        nothing: Any = [] if keyword.endswith("Sequence") else ""
        empty = claimed(**{PERFORMED: [performed(**{keyword: nothing})]})
        assert lacks(empty, State.COMPLETED) == [keyword]

    def test_output_information_is_there_perhaps_without_items(self) -> None:
        keyword = "OutputInformationSequence"
        dataset = claimed(**{PERFORMED: [without(performed(), keyword)]})
        assert lacks(dataset, State.COMPLETED) == [keyword]
        assert lacks(claimed(**{PERFORMED: [performed()]}), State.COMPLETED) == []

    def test_does_not_need_what_a_cancellation_needs(self) -> None:
        dataset = claimed(**{PERFORMED: [performed()], PROGRESS: []})
        assert lacks(dataset, State.COMPLETED) == []


class TestCanceled:
    def test_needs_a_date_and_a_reason(self) -> None:
        assert lacks(claimed(), State.CANCELED) == [PROGRESS]
        assert lacks(claimed(**{PROGRESS: [canceled()]}), State.CANCELED) == []

    @pytest.mark.parametrize("keyword", [DATE, REASON])
    def test_both_of_them(self, keyword: str) -> None:
        dataset = claimed(**{PROGRESS: [without(canceled(), keyword)]})
        assert lacks(dataset, State.CANCELED) == [keyword]

    def test_in_one_item(self) -> None:
        halves = [without(canceled(), DATE), without(canceled(), REASON)]
        assert lacks(claimed(**{PROGRESS: halves}), State.CANCELED) == [DATE, REASON]
        some = [data_set(ProcedureStepProgress="9"), canceled()]
        assert lacks(claimed(**{PROGRESS: some}), State.CANCELED) == []

    def test_does_not_need_what_was_performed(self) -> None:
        dataset = claimed(**{PROGRESS: [canceled()]})
        assert lacks(without(dataset, PERFORMED), State.CANCELED) == []


@pytest.mark.parametrize("target", [State.COMPLETED, State.CANCELED])
class TestBoth:
    @pytest.mark.parametrize("keyword", SINCE_CREATION)
    def test_need_what_was_there_since_the_creation(self, keyword: str, target: State) -> None:
        dataset = claimed(**{PERFORMED: [performed()], PROGRESS: [canceled()]})
        assert lacks(dataset, target) == []
        del dataset[keyword]
        assert lacks(dataset, target) == [keyword]

    def test_need_a_character_set_for_extended_characters(self, target: State) -> None:
        dataset = claimed(**{PERFORMED: [performed()], PROGRESS: [canceled()]})
        dataset.PatientName = "Müller"
        assert lacks(dataset, target) == ["SpecificCharacterSet"]
        dataset.SpecificCharacterSet = "ISO_IR 100"
        assert lacks(dataset, target) == []


@pytest.mark.parametrize("target", [State.SCHEDULED, State.IN_PROGRESS])
def test_other_states_need_nothing(target: State) -> None:
    assert final_state_findings(Dataset(), target) == []


class TestFilling:
    """What the manager adds to a workitem that is canceled."""

    def item(self, dataset: Dataset, reason: Dataset | None = None, **switch: bool) -> Dataset:
        before = copy.deepcopy(dataset)
        filled = filled_for_cancel(dataset, NOW, reason, **switch)
        assert dataset == before
        (item,) = filled[PROGRESS].value
        assert isinstance(item, Dataset)
        if switch.get("fill_reason", True):
            assert lacks(filled, State.CANCELED) == []
        return item

    @pytest.mark.parametrize("progress", [None, [], [Dataset()]])
    def test_a_date_and_an_unspecified_reason(self, progress: list[Dataset] | None) -> None:
        dataset = claimed(**{PROGRESS: progress or []})
        item = self.item(without(dataset, PROGRESS) if progress is None else dataset)
        assert item[DATE].value == NOW_DT
        (reason,) = item[REASON].value
        assert (reason.CodeValue, reason.CodingSchemeDesignator, reason.CodeMeaning) == (
            "110513",
            "DCM",
            "Discontinued for unspecified reason",
        )

    def test_only_a_date_where_a_reason_is_asked_for(self) -> None:
        item = self.item(claimed(), fill_reason=False)
        assert [each.keyword for each in item] == [DATE]
        filled = filled_for_cancel(claimed(), NOW, fill_reason=False)
        assert lacks(filled, State.CANCELED) == [REASON]

    def test_what_is_there_stays(self) -> None:
        item = canceled(ProcedureStepProgress="40")
        assert self.item(claimed(**{PROGRESS: [item]})) == item

    @pytest.mark.parametrize("keyword", [DATE, REASON])
    def test_what_is_not_is_added(self, keyword: str) -> None:
        item = without(canceled(ProcedureStepProgress="40"), keyword)
        filled = self.item(claimed(**{PROGRESS: [item]}))
        assert filled.ProcedureStepProgress == "40"
        assert not filled[keyword].is_empty

    def test_the_date_goes_to_the_reason(self) -> None:
        items = [data_set(ProcedureStepProgress="40"), without(canceled(), DATE)]
        filled = filled_for_cancel(claimed(**{PROGRESS: items}), NOW)
        assert [DATE in each for each in filled[PROGRESS].value] == [False, True]
        assert lacks(filled, State.CANCELED) == []

    def test_the_reason_and_the_contact_of_who_asks(self) -> None:
        item = self.item(claimed(), workitems.reason("Machine down"))
        assert item.ReasonForCancellation == "Machine down"
        assert item[REASON].value[0].CodeValue == "110501"
        (contact,) = item.ProcedureStepCommunicationsURISequence
        assert (contact.ContactURI, contact.ContactDisplayName) == ("tel:4711", "The desk")

    def test_a_contact_needs_no_name_but_an_address(self) -> None:
        item = self.item(claimed(), data_set(ContactURI="tel:1"))
        assert [each.keyword for each in item.ProcedureStepCommunicationsURISequence[0]] == [
            "ContactURI"
        ]
        item = self.item(claimed(), data_set(ContactDisplayName="Nobody"))
        assert "ProcedureStepCommunicationsURISequence" not in item

    def test_a_reason_without_a_code_is_none(self) -> None:
        useless = data_set(CodeMeaning="Because")
        item = self.item(claimed(), data_set(**{REASON: [useless]}))
        assert item[REASON].value[0].CodeValue == "110513"

    def test_the_character_set_has_the_characters_of_the_reason(self) -> None:
        reason = data_set(SpecificCharacterSet="ISO_IR 100", ReasonForCancellation="Gerät gestört")
        filled = filled_for_cancel(claimed(), NOW, reason)
        assert filled.SpecificCharacterSet == "ISO_IR 100"
        assert lacks(filled, State.CANCELED) == []
