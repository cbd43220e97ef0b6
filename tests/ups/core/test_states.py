"""The states of a workitem, cell by cell (PS3.4 Table CC.1.1-2)."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import pytest
from pydicom.config import IGNORE
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from leaddicom.ups.core.findings import Finding
from leaddicom.ups.core.rules import Rules
from leaddicom.ups.core.states import (
    TRANSITIONS,
    Request,
    change_state,
    force_state,
    request_cancel,
)
from leaddicom.ups.core.terms import EventType, State, UpsStatus
from leaddicom.ups.core.workitem import Outcome, Workitem

from .. import workitems

UID = "1.2.826.0.1.3680043.8.498.77"
LOCK, OTHER, MANAGERS = "1.2.3.4", "1.2.3.5", "1.2.3.6"
NOW = datetime(2030, 4, 1, 10, 20, 30, 456, tzinfo=timezone.utc)
NOW_DT = "20300401102030.000456+0000"
STATES = ("SCHEDULED", "IN PROGRESS", "COMPLETED", "CANCELED")

#: Status of each request in each state; "absent" is no such workitem.  Written from the standard.
TABLE = """
request                    absent  SCHEDULED  IN PROGRESS  COMPLETED  CANCELED
IN PROGRESS, lock           C307     0000        C302        C300       C300
IN PROGRESS, other          C307     0000        C301        C301       C301
IN PROGRESS, missing        C307     C301        C301        C301       C301
IN PROGRESS, empty          C307     C301        C301        C301       C301
IN PROGRESS, malformed      C307     C301        C301        C301       C301
IN PROGRESS, two            C307     C301        C301        C301       C301
COMPLETED, lock             C307     C310        0000        B306       C300
COMPLETED, other            C307     C310        C301        C301       C301
COMPLETED, missing          C307     C301        C301        C301       C301
COMPLETED, empty            C307     C301        C301        C301       C301
COMPLETED, malformed        C307     C301        C301        C301       C301
COMPLETED, two              C307     C301        C301        C301       C301
CANCELED, lock              C307     C310        0000        C300       B304
CANCELED, other             C307     C310        C301        C301       C301
CANCELED, missing           C307     C301        C301        C301       C301
CANCELED, empty             C307     C301        C301        C301       C301
CANCELED, malformed         C307     C301        C301        C301       C301
CANCELED, two               C307     C301        C301        C301       C301
SCHEDULED, lock             C307     C303        C303        C303       C303
SCHEDULED, other            C307     C303        C303        C303       C303
SCHEDULED, missing          C307     C303        C303        C303       C303
SCHEDULED, empty            C307     C303        C303        C303       C303
SCHEDULED, malformed        C307     C303        C303        C303       C303
SCHEDULED, two              C307     C303        C303        C303       C303
DONE, lock                  0115     0115        0115        0115       0115
DONE, missing               0115     0115        0115        0115       0115
-, lock                     0115     0115        0115        0115       0115
-, missing                  0115     0115        0115        0115       0115
request cancel              C307     0000        0000        C311       B304
"""

CELLS = [
    pytest.param(row[:27].strip(), state, int(status, 16), id=f"{row[:27].strip()}, {state}")
    for row in TABLE.strip().splitlines()[1:]
    for state, status in zip(("absent", *STATES), row[27:].split(), strict=True)
]

TRANSACTION_UIDS: dict[str, Any] = {
    "lock": LOCK,
    "other": OTHER,
    "empty": "",
    "malformed": "1.2.03",
    "two": [LOCK, OTHER],
}


def a_workitem(state: str, **changes: Any) -> Workitem:
    """A workitem in a state, that has what every final state needs."""
    item = workitems.performed(LOCK).UnifiedProcedureStepPerformedProcedureSequence[0]
    dataset = workitems.workitem(
        TransactionUID=None,
        SOPClassUID="1.2.840.10008.5.1.4.34.6.1",
        SOPInstanceUID=UID,
        ScheduledProcedureStepModificationDateTime="20300401090000",
        ProcedureStepState=state,
        **{"UnifiedProcedureStepPerformedProcedureSequence": [item], **changes},
    )
    claimed = {} if state == "SCHEDULED" else {"transaction_uid": LOCK, "performer_ae": "LINAC"}
    final_at = NOW if state in ("COMPLETED", "CANCELED") else None
    return Workitem(UID, dataset, version=3, creator_ae="TMS", final_at=final_at, **claimed)


def information(target: str, transaction_uid: str) -> Dataset:
    dataset = Dataset() if target == "-" else workitems.state(target)
    if transaction_uid != "missing":
        dataset.update(unchecked("TransactionUID", TRANSACTION_UIDS[transaction_uid]))
    return dataset


def unchecked(keyword: str, value: Any, vr: str = "LO") -> Dataset:
    """A data set of one element, whatever the value is."""
    dataset = Dataset()
    dataset.add(DataElement(keyword, vr, value, validation_mode=IGNORE))
    return dataset


def change(workitem: Workitem | None, action_information: Dataset | None, **rules: Any) -> Outcome:
    return change_state(
        workitem, action_information, calling_ae="LINAC2", rules=Rules(**rules), now=NOW
    )


def cancel(workitem: Workitem | None, action_information: Dataset | None = None) -> Outcome:
    return request_cancel(
        workitem,
        action_information,
        requesting_ae="HIS",
        new_transaction_uid=MANAGERS,
        now=NOW,
    )


def force(workitem: Workitem | None, target: str, **more: Any) -> Outcome:
    return force_state(
        workitem,
        State(target),
        new_transaction_uid=MANAGERS,
        now=NOW,
        **{"rules": Rules(), **more},
    )


def reported(outcome: Outcome) -> list[tuple[int, str | None]]:
    """Types and states of the events."""
    return [(each.type, each.information.get("ProcedureStepState")) for each in outcome.events]


def progress(outcome: Outcome) -> Dataset:
    """The progress information of the new workitem."""
    assert outcome.workitem is not None
    (item,) = outcome.workitem.dataset.ProcedureStepProgressInformationSequence
    assert isinstance(item, Dataset)
    return item


@pytest.mark.parametrize(("request_", "state", "status"), CELLS)
def test_each_request_in_each_state(request_: str, state: str, status: int) -> None:
    workitem = None if state == "absent" else a_workitem(state)
    before = copy.deepcopy(workitem)
    if request_ == "request cancel":
        outcome = cancel(workitem, workitems.reason())
    else:
        outcome = change(workitem, information(*request_.split(", ")))
    assert f"{outcome.status:04X}" == f"{status:04X}"
    assert workitem == before
    assert outcome.dataset is None
    if status != 0:
        assert (outcome.workitem, outcome.events) == (None, ())
        assert 0 < len(outcome.comment) <= 64
        assert outcome.comment.isascii()
    else:
        assert outcome.comment == ""


def test_the_table_has_a_cell_for_each_request_in_each_state() -> None:
    assert set(TRANSITIONS) == {(request, state) for request in Request for state in (None, *State)}


def test_the_table_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        del TRANSITIONS[Request.CLAIM, None]  # type: ignore[attr-defined]


class TestClaim:
    def test_records_the_lock_and_who_performs(self) -> None:
        scheduled = a_workitem("SCHEDULED")
        claimed = change(scheduled, workitems.state("IN PROGRESS", OTHER)).workitem
        assert claimed is not None
        assert (claimed.transaction_uid, claimed.performer_ae) == (OTHER, "LINAC2")
        assert (claimed.state, claimed.final_at) == (State.IN_PROGRESS, None)
        assert (claimed.uid, claimed.version, claimed.creator_ae) == (UID, 3, "TMS")

    def test_changes_nothing_else(self) -> None:
        scheduled = a_workitem("SCHEDULED")
        claimed = change(scheduled, workitems.state("IN PROGRESS", OTHER)).workitem
        assert claimed is not None
        expected = scheduled.copy_dataset()
        expected.ProcedureStepState = "IN PROGRESS"
        assert claimed.dataset == expected
        assert claimed.dataset is not scheduled.dataset

    def test_is_reported(self) -> None:
        outcome = change(a_workitem("SCHEDULED"), workitems.state("IN PROGRESS", OTHER))
        (event,) = outcome.events
        assert (event.type, event.uid) == (EventType.STATE_REPORT, UID)
        assert event.information == workitems.data_set(
            ProcedureStepState="IN PROGRESS", InputReadinessState="READY"
        )

    def test_takes_a_uid_of_64_characters_and_none_of_65(self) -> None:
        longest = "1." * 31 + "11"
        for uid, status in ((longest, 0x0000), (longest + "1", 0xC301)):
            action_information = workitems.state("IN PROGRESS")
            action_information.update(unchecked("TransactionUID", uid))
            outcome = change(a_workitem("SCHEDULED"), action_information)
            assert outcome.status == status

    def test_ignores_padding(self) -> None:
        outcome = change(a_workitem("SCHEDULED"), workitems.state(" IN PROGRESS ", OTHER))
        assert outcome.status is UpsStatus.SUCCESS

    def test_of_what_the_manager_has_canceled_is_refused(self) -> None:
        canceled = cancel(a_workitem("SCHEDULED")).workitem
        outcome = change(canceled, workitems.state("IN PROGRESS", OTHER))
        assert outcome.status is UpsStatus.TRANSACTION_UID_WRONG

    def test_needs_nothing_that_a_final_state_needs(self) -> None:
        bare = a_workitem("SCHEDULED", UnifiedProcedureStepPerformedProcedureSequence=[])
        outcome = change(bare, workitems.state("IN PROGRESS", OTHER), profiles=(Never(),))
        assert outcome.status is UpsStatus.SUCCESS


class TestWhatIsWrongFirstIsAnswered:
    """Arguments, workitem, return to SCHEDULED, lock, state, final state: in this order."""

    def test_a_wrong_state_name_before_an_unknown_workitem(self) -> None:
        assert change(None, workitems.state("FOO")).status is UpsStatus.INVALID_ARGUMENT_VALUE

    def test_no_information_before_an_unknown_workitem(self) -> None:
        assert change(None, None).status is UpsStatus.INVALID_ARGUMENT_VALUE

    @pytest.mark.parametrize(
        "value", ["", "in progress", "DISCONTINUED", ["IN PROGRESS", "COMPLETED"]]
    )
    def test_only_the_four_states_are_some(self, value: str | list[str]) -> None:
        dataset = workitems.state("COMPLETED", LOCK)
        dataset.update(unchecked("ProcedureStepState", value))
        outcome = change(a_workitem("IN PROGRESS"), dataset)
        assert outcome.status is UpsStatus.INVALID_ARGUMENT_VALUE

    def test_a_state_that_is_no_text(self) -> None:
        dataset = unchecked("ProcedureStepState", 1, "US")
        assert change(None, dataset).status is UpsStatus.INVALID_ARGUMENT_VALUE

    def test_an_unknown_workitem_before_a_return_to_scheduled(self) -> None:
        assert change(None, workitems.state("SCHEDULED")).status is UpsStatus.NO_SUCH_WORKITEM

    def test_an_unknown_workitem_before_a_missing_lock(self) -> None:
        assert change(None, workitems.state("IN PROGRESS")).status is UpsStatus.NO_SUCH_WORKITEM

    def test_a_return_to_scheduled_before_a_missing_lock(self) -> None:
        outcome = change(a_workitem("IN PROGRESS"), workitems.state("SCHEDULED"))
        assert outcome.status is UpsStatus.SCHEDULED_ONLY_BY_CREATE

    @pytest.mark.parametrize("target", ["IN PROGRESS", "COMPLETED", "CANCELED"])
    @pytest.mark.parametrize("state", ["IN PROGRESS", "COMPLETED", "CANCELED"])
    def test_a_wrong_lock_before_the_state(self, state: str, target: str) -> None:
        outcome = change(a_workitem(state), workitems.state(target, OTHER))
        assert outcome.status is UpsStatus.TRANSACTION_UID_WRONG

    def test_a_wrong_lock_before_what_a_final_state_needs(self) -> None:
        bare = a_workitem("IN PROGRESS", UnifiedProcedureStepPerformedProcedureSequence=[])
        outcome = change(bare, workitems.state("COMPLETED", OTHER))
        assert outcome.status is UpsStatus.TRANSACTION_UID_WRONG

    def test_the_state_before_what_a_final_state_needs(self) -> None:
        bare = a_workitem("SCHEDULED", UnifiedProcedureStepPerformedProcedureSequence=[])
        outcome = change(bare, workitems.state("COMPLETED", OTHER))
        assert outcome.status is UpsStatus.NOT_YET_IN_PROGRESS

    def test_arguments_of_a_request_to_cancel_before_an_unknown_workitem(self) -> None:
        assert cancel(None, unreadable_reason()).status is UpsStatus.INVALID_ARGUMENT_VALUE


def unreadable_reason() -> Dataset:
    """Action Information with three bytes where a number has eight."""
    tag = Tag("ContactURI")
    return Dataset({tag: RawDataElement(tag, "FD", 3, b"abc", 0, False, True)})


class TestTransactionUid:
    """What is wrong with it is said, so that an integrator need not guess."""

    @pytest.mark.parametrize(
        ("transaction_uid", "comment"),
        [
            ("missing", "TransactionUID is missing or has no single value"),
            ("empty", "TransactionUID is missing or has no single value"),
            ("two", "TransactionUID is missing or has no single value"),
            ("malformed", "TransactionUID is no valid UID"),
            ("other", "TransactionUID is not the one that claimed the workitem"),
        ],
    )
    def test_comment(self, transaction_uid: str, comment: str) -> None:
        outcome = change(a_workitem("IN PROGRESS"), information("COMPLETED", transaction_uid))
        assert outcome.comment == comment

    def test_never_appears_in_a_comment_or_an_event(self) -> None:
        for state in STATES:
            for target in STATES:
                outcome = change(a_workitem(state), workitems.state(target, LOCK))
                assert LOCK not in outcome.comment
                assert not any("TransactionUID" in each.information for each in outcome.events)
                assert not outcome.workitem or "TransactionUID" not in outcome.workitem.dataset

    def test_decides_whoever_sends_it(self) -> None:
        """The AE title of the performer is recorded, and nothing else (PS3.4 CC.1.1)."""
        completed = change(a_workitem("IN PROGRESS"), workitems.state("COMPLETED", LOCK)).workitem
        assert completed is not None
        assert completed.performer_ae == "LINAC"

    @pytest.mark.parametrize("target", ["COMPLETED", "CANCELED"])
    def test_stays_recorded_in_a_final_state(self, target: str) -> None:
        final = change(a_workitem("IN PROGRESS"), workitems.state(target, LOCK)).workitem
        assert final is not None
        assert final.transaction_uid == LOCK
        again = change(final, workitems.state(target, LOCK)).status
        assert again == {"COMPLETED": 0xB306, "CANCELED": 0xB304}[target]


class TestCompleted:
    def test_says_since_when(self) -> None:
        outcome = change(a_workitem("IN PROGRESS"), workitems.state("COMPLETED", LOCK))
        assert outcome.workitem is not None
        assert (outcome.workitem.state, outcome.workitem.final_at) == (State.COMPLETED, NOW)
        assert reported(outcome) == [(1, "COMPLETED")]

    def test_needs_what_was_performed(self) -> None:
        bare = a_workitem("IN PROGRESS", UnifiedProcedureStepPerformedProcedureSequence=[])
        outcome = change(bare, workitems.state("COMPLETED", LOCK))
        assert outcome.status is UpsStatus.FINAL_STATE_NOT_MET
        assert (outcome.workitem, outcome.events) == (None, ())
        assert "UnifiedProcedureStepPerformedProcedureSequence" in outcome.comment

    def test_needs_what_a_profile_needs(self) -> None:
        outcome = change(
            a_workitem("IN PROGRESS"), workitems.state("COMPLETED", LOCK), profiles=(Never(),)
        )
        assert outcome.status is UpsStatus.FINAL_STATE_NOT_MET
        assert outcome.comment == "StudyInstanceUID is never good enough for COMPLETED"
        assert (outcome.workitem, outcome.events) == (None, ())

    def test_tells_as_much_of_a_profile_as_fits(self) -> None:
        never = Never("for the whole of its life, whatever is done about it, and not for ")
        outcome = change(
            a_workitem("IN PROGRESS"), workitems.state("COMPLETED", LOCK), profiles=(never,)
        )
        assert outcome.comment.startswith("StudyInstanceUID is never good enough for the whole")
        assert len(outcome.comment) == 64


class Never:
    """A profile that no workitem fits."""

    name = "never"

    def __init__(self, when: str = "for ") -> None:
        self.when = when

    def check_creation(self, dataset: Dataset) -> list[Finding]:
        return []

    def check_modification(self, modifications: Dataset) -> list[Finding]:
        return []

    def check_final(self, dataset: Dataset, target: State) -> list[Finding]:
        text = f"StudyInstanceUID is never good enough {self.when}{target}"
        return [Finding(UpsStatus.FINAL_STATE_NOT_MET, 0x0020000D, text)]


class TestCanceledByThePerformer:
    def test_gets_date_and_reason_if_it_has_none(self) -> None:
        outcome = change(a_workitem("IN PROGRESS"), workitems.state("CANCELED", LOCK))
        assert outcome.workitem is not None
        assert (outcome.workitem.state, outcome.workitem.final_at) == (State.CANCELED, NOW)
        item = progress(outcome)
        assert item.ProcedureStepCancellationDateTime == NOW_DT
        (reason,) = item.ProcedureStepDiscontinuationReasonCodeSequence
        assert (reason.CodeValue, reason.CodingSchemeDesignator) == ("110513", "DCM")
        assert reason.CodeMeaning == "Discontinued for unspecified reason"

    def test_keeps_the_reason_that_it_has(self) -> None:
        outcome = change(with_reason(), workitems.state("CANCELED", LOCK))
        item = progress(outcome)
        assert item.ProcedureStepDiscontinuationReasonCodeSequence[0].CodeValue == "110501"
        assert item.ProcedureStepCancellationDateTime == NOW_DT

    def test_is_reported_with_the_reason(self) -> None:
        outcome = change(with_reason(), workitems.state("CANCELED", LOCK))
        (event,) = outcome.events
        assert event.information == workitems.data_set(
            ProcedureStepState="CANCELED",
            InputReadinessState="READY",
            ReasonForCancellation="Machine down",
            ProcedureStepDiscontinuationReasonCodeSequence=[
                workitems.code("110501", "DCM", "Equipment failure")
            ],
        )

    def test_has_to_have_a_reason_under_strict_rules(self) -> None:
        outcome = change(
            a_workitem("IN PROGRESS"), workitems.state("CANCELED", LOCK), strict_final_state=True
        )
        assert outcome.status is UpsStatus.FINAL_STATE_NOT_MET
        assert "ProcedureStepDiscontinuationReasonCodeSequence" in outcome.comment
        assert len(outcome.comment) <= 64
        assert (outcome.workitem, outcome.events) == (None, ())

    def test_still_gets_its_date_under_strict_rules(self) -> None:
        outcome = change(with_reason(), workitems.state("CANCELED", LOCK), strict_final_state=True)
        assert outcome.status is UpsStatus.SUCCESS
        assert progress(outcome).ProcedureStepCancellationDateTime == NOW_DT

    def test_needs_nothing_performed(self) -> None:
        bare = a_workitem("IN PROGRESS", UnifiedProcedureStepPerformedProcedureSequence=[])
        outcome = change(bare, workitems.state("CANCELED", LOCK))
        assert outcome.status is UpsStatus.SUCCESS


def with_reason() -> Workitem:
    """A workitem in progress of which the performer has said why it stops."""
    item = workitems.reason()
    del item.ContactURI, item.ContactDisplayName
    return a_workitem("IN PROGRESS", ProcedureStepProgressInformationSequence=[item])


class TestRequestCancelOfScheduled:
    """The worklist manager cancels it, as if it were the performer (PS3.4 section CC.2.2.3)."""

    def test_is_reported_as_request_claim_and_cancellation(self) -> None:
        outcome = cancel(a_workitem("SCHEDULED"), workitems.reason())
        assert reported(outcome) == [(2, None), (1, "IN PROGRESS"), (1, "CANCELED")]
        assert {event.uid for event in outcome.events} == {UID}

    def test_events_say_why_as_soon_as_it_is_canceled(self) -> None:
        requested, claimed, canceled = cancel(a_workitem("SCHEDULED"), workitems.reason()).events
        assert requested.information.RequestingAE == "HIS"
        assert requested.information.ContactURI == "tel:4711"
        assert "ReasonForCancellation" not in claimed.information
        assert canceled.information.ReasonForCancellation == "Machine down"

    def test_fills_date_reason_and_contact(self) -> None:
        item = progress(cancel(a_workitem("SCHEDULED"), workitems.reason()))
        assert item.ProcedureStepCancellationDateTime == NOW_DT
        assert item.ReasonForCancellation == "Machine down"
        assert item.ProcedureStepDiscontinuationReasonCodeSequence[0].CodeValue == "110501"
        (contact,) = item.ProcedureStepCommunicationsURISequence
        assert (contact.ContactURI, contact.ContactDisplayName) == ("tel:4711", "The desk")

    @pytest.mark.parametrize("action_information", [None, Dataset()])
    def test_needs_no_arguments(self, action_information: Dataset | None) -> None:
        outcome = cancel(a_workitem("SCHEDULED"), action_information)
        item = progress(outcome)
        assert item.ProcedureStepCancellationDateTime == NOW_DT
        assert item.ProcedureStepDiscontinuationReasonCodeSequence[0].CodeValue == "110513"
        assert "ProcedureStepCommunicationsURISequence" not in item
        assert outcome.events[0].information == workitems.data_set(RequestingAE="HIS")

    def test_records_a_lock_of_the_manager(self) -> None:
        canceled = cancel(a_workitem("SCHEDULED")).workitem
        assert canceled is not None
        assert (canceled.transaction_uid, canceled.performer_ae) == (MANAGERS, "")
        assert (canceled.state, canceled.final_at) == (State.CANCELED, NOW)

    def test_has_no_need_of_what_was_performed(self) -> None:
        bare = a_workitem("SCHEDULED", UnifiedProcedureStepPerformedProcedureSequence=[])
        assert cancel(bare).status is UpsStatus.SUCCESS


class TestRequestCancelOfInProgress:
    def test_is_only_told(self) -> None:
        """It is the performer who decides."""
        outcome = cancel(a_workitem("IN PROGRESS"), workitems.reason())
        assert outcome.workitem is None
        (event,) = outcome.events
        assert (event.type, event.uid) == (EventType.CANCEL_REQUESTED, UID)
        expected = workitems.reason()
        expected.RequestingAE = "HIS"
        assert event.information == expected


class TestForce:
    """The worklist manager changes a state by itself."""

    @pytest.mark.parametrize(
        ("state", "target", "states"),
        [
            ("SCHEDULED", "IN PROGRESS", ["IN PROGRESS"]),
            ("SCHEDULED", "COMPLETED", ["IN PROGRESS", "COMPLETED"]),
            ("SCHEDULED", "CANCELED", ["IN PROGRESS", "CANCELED"]),
            ("IN PROGRESS", "COMPLETED", ["COMPLETED"]),
            ("IN PROGRESS", "CANCELED", ["CANCELED"]),
        ],
    )
    def test_each_state_on_the_way_is_reported(
        self, state: str, target: str, states: list[str]
    ) -> None:
        outcome = force(a_workitem(state), target)
        assert outcome.status is UpsStatus.SUCCESS
        assert reported(outcome) == [(1, each) for each in states]
        assert outcome.workitem is not None
        assert outcome.workitem.state == target
        assert outcome.workitem.final_at == (NOW if target != "IN PROGRESS" else None)

    @pytest.mark.parametrize(
        ("state", "target", "status"),
        [
            (None, "CANCELED", 0xC307),
            ("SCHEDULED", "SCHEDULED", 0xC303),
            ("IN PROGRESS", "SCHEDULED", 0xC303),
            ("IN PROGRESS", "IN PROGRESS", 0xC302),
            ("COMPLETED", "SCHEDULED", 0xC303),
            ("COMPLETED", "IN PROGRESS", 0xC300),
            ("COMPLETED", "COMPLETED", 0xB306),
            ("COMPLETED", "CANCELED", 0xC300),
            ("CANCELED", "SCHEDULED", 0xC303),
            ("CANCELED", "IN PROGRESS", 0xC300),
            ("CANCELED", "COMPLETED", 0xC300),
            ("CANCELED", "CANCELED", 0xB304),
        ],
    )
    def test_final_is_final(self, state: str | None, target: str, status: int) -> None:
        workitem = a_workitem(state) if state else None
        before = copy.deepcopy(workitem)
        outcome = force(workitem, target)
        assert (outcome.status, outcome.workitem, outcome.events) == (status, None, ())
        assert workitem == before

    def test_locks_what_nobody_had_claimed(self) -> None:
        claimed = force(a_workitem("SCHEDULED"), "IN PROGRESS").workitem
        assert claimed is not None
        assert claimed.transaction_uid == MANAGERS

    def test_leaves_the_performers_lock(self) -> None:
        """So that the performer learns, when it comes back, that it is too late."""
        canceled = force(a_workitem("IN PROGRESS"), "CANCELED").workitem
        assert canceled is not None
        assert canceled.transaction_uid == LOCK
        outcome = change(canceled, workitems.state("COMPLETED", LOCK))
        assert outcome.status is UpsStatus.NO_LONGER_UPDATABLE

    def test_takes_the_reason_of_a_cancellation(self) -> None:
        outcome = force(a_workitem("IN PROGRESS"), "CANCELED", reason=workitems.reason())
        assert progress(outcome).ReasonForCancellation == "Machine down"

    def test_fills_the_reason_even_under_strict_rules(self) -> None:
        """They are for performers, who know why."""
        rules = Rules(strict_final_state=True)
        outcome = force(a_workitem("IN PROGRESS"), "CANCELED", rules=rules)
        assert outcome.status is UpsStatus.SUCCESS

    @pytest.mark.parametrize("state", ["SCHEDULED", "IN PROGRESS"])
    def test_completes_nothing_that_was_not_performed(self, state: str) -> None:
        bare = a_workitem(state, UnifiedProcedureStepPerformedProcedureSequence=[])
        outcome = force(bare, "COMPLETED")
        assert outcome.status is UpsStatus.FINAL_STATE_NOT_MET
        assert (outcome.workitem, outcome.events) == (None, ())


def test_events_are_not_changed_by_what_becomes_of_the_workitem() -> None:
    outcome = change(with_reason(), workitems.state("CANCELED", LOCK))
    before = copy.deepcopy(outcome.events)
    item = progress(outcome)
    item.ReasonForCancellation = "Another"
    item.ProcedureStepDiscontinuationReasonCodeSequence[0].CodeValue = "0"
    assert outcome.events == before


def test_the_lock_is_of_the_workitem_not_of_its_state() -> None:
    """While it is SCHEDULED any UID will do, even if one is recorded by mistake."""
    scheduled = replace(a_workitem("SCHEDULED"), transaction_uid=LOCK)
    outcome = change(scheduled, workitems.state("IN PROGRESS", OTHER))
    assert outcome.workitem is not None
    assert outcome.workitem.transaction_uid == OTHER


def test_names_are_those_of_the_standard() -> None:
    assert str(Request.REQUEST_CANCEL) == "Request Cancel"
