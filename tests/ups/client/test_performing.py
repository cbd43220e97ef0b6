"""`UpsScu`: claiming, telling how it goes, and ending, with Transaction UIDs on disk."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest
from nets import free_port
from pydicom.dataset import Dataset

from leaddicom import DicomError, NetworkError, ParameterError
from leaddicom.ups.client import UpsScu
from leaddicom.ups.client.builders import content_item, instances, performed_procedure, workitem
from leaddicom.ups.client.repeating import Retry
from leaddicom.ups.client.results import Category, UpsResult
from leaddicom.values import is_uid
from ups.client.conftest import AT_ONCE, MakeUps
from ups.client.peers import LOSSES, UPS_CLASSES, Answer, ScriptedManager

PUSH, PULL, *_ = (str(each) for each in UPS_CLASSES)
UID = "1.2.826.0.1.3680043.8.498.7"
LOCK = "1.2.826.0.1.3680043.8.498.99"
STATION, REVIEW = ("WS1", "99TEST", "Workstation 1"), ("R1", "99TEST", "Plan review")
AT = datetime(2030, 1, 31, 9, 30, tzinfo=timezone.utc)
PROGRESS = "ProcedureStepProgressInformationSequence"
PERFORMED = "UnifiedProcedureStepPerformedProcedureSequence"


def kept(ups: UpsScu) -> list[tuple[str, bool]]:
    """What is on disk of the workitem: Transaction UIDs, and whether they were granted."""
    held = ups.transaction_uids.held(ups.manager, UID)
    return [(each.transaction_uid, each.is_confirmed) for each in held]


def reading(keyword: str, *items: Dataset) -> Answer:
    """The answer to an N-GET of a sequence."""
    dataset = Dataset()
    setattr(dataset, keyword, list(items))
    return Answer(dataset=dataset)


def last_item(manager: ScriptedManager, keyword: str) -> Dataset:
    dataset = manager.asked[-1].dataset
    assert dataset is not None
    return dataset[keyword].value[-1]


@pytest.fixture
def claimed(manager: ScriptedManager, ups: UpsScu) -> UpsScu:
    """A client that has claimed the workitem."""
    ups.claim(UID, transaction_uid=LOCK).check()
    manager.reset()
    return ups


class TestClaim:
    def test_is_an_action_on_push_over_pull(self, manager: ScriptedManager, ups: UpsScu) -> None:
        result = ups.claim(UID).check()
        (asked,) = manager.asked
        assert (asked.service, asked.context, asked.sop_class) == ("N-ACTION", PULL, PUSH)
        assert (asked.uid, asked.argument) == (UID, 1)
        assert asked.dataset is not None
        assert sorted(each.keyword for each in asked.dataset) == [
            "ProcedureStepState",
            "TransactionUID",
        ]
        assert asked.dataset["ProcedureStepState"].VR == "CS"
        assert asked.dataset.ProcedureStepState == "IN PROGRESS"
        assert asked.dataset.TransactionUID == result.transaction_uid
        assert is_uid(result.transaction_uid)

    def test_is_on_disk_when_it_arrives(
        self, manager: ScriptedManager, ups: UpsScu, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen: list[list[tuple[str, bool]]] = []
        answer_to = manager.answer_to

        def look(event: Any, asked: Any) -> Any:
            seen.append(kept(ups))
            return answer_to(event, asked)

        monkeypatch.setattr(manager, "answer_to", look)
        result = ups.claim(UID)
        assert seen == [[(result.transaction_uid, False)]]
        assert kept(ups) == [(result.transaction_uid, True)]

    def test_has_another_transaction_uid_each_time(
        self, manager: ScriptedManager, ups: UpsScu
    ) -> None:
        manager.will_answer(0xC301, 0xC301)
        assert ups.claim(UID).transaction_uid != ups.claim(UID).transaction_uid

    @pytest.mark.parametrize("status", [0xC300, 0xC301, 0xC307, 0x0124])
    def test_that_is_refused_leaves_nothing(
        self, manager: ScriptedManager, ups: UpsScu, status: int
    ) -> None:
        manager.will_answer(status)
        assert ups.claim(UID).is_failure
        assert kept(ups) == []

    def test_after_which_the_manager_has_failed_is_kept(
        self, manager: ScriptedManager, ups: UpsScu
    ) -> None:
        """It may have been granted nevertheless."""
        manager.will_answer(0x0110)
        assert ups.claim(UID, transaction_uid=LOCK).is_failure
        assert kept(ups) == [(LOCK, False)]

    @pytest.mark.parametrize("loss", LOSSES)
    def test_whose_answer_was_lost_is_ours_if_it_is_in_progress_with_it(
        self, manager: ScriptedManager, ups: UpsScu, loss: str
    ) -> None:
        manager.will_answer(Answer(loss=loss), 0xC302)
        result = ups.claim(UID).check()
        assert (result.status, result.category) == (0xC302, Category.SUCCESS)
        assert manager.asked[0] == manager.asked[1]
        assert kept(ups) == [(result.transaction_uid, True)]

    def test_answered_at_once_with_in_progress_is_not_ours(
        self, manager: ScriptedManager, ups: UpsScu
    ) -> None:
        manager.will_answer(0xC302)
        assert ups.claim(UID, transaction_uid=LOCK).is_failure

    def test_lost_to_somebody_else_leaves_nothing(
        self, manager: ScriptedManager, ups: UpsScu
    ) -> None:
        manager.will_answer(Answer(loss="abort"), 0xC301)
        assert ups.claim(UID).is_failure
        assert kept(ups) == []

    def test_without_any_answer_is_kept(self, manager: ScriptedManager, make_ups: MakeUps) -> None:
        ups = make_ups(manager.port, retry=Retry(attempts=2, delay=0.0))
        manager.will_answer(*[Answer(loss="break")] * 2)
        with pytest.raises(DicomError):
            ups.claim(UID, transaction_uid=LOCK)
        assert manager.services == ["N-ACTION"] * 2
        assert kept(ups) == [(LOCK, False)]

    def test_that_never_left_is_not_kept(self, make_ups: MakeUps) -> None:
        ups = make_ups(free_port())
        with pytest.raises(NetworkError):
            ups.claim(UID)
        assert kept(ups) == []

    def test_does_not_forget_what_was_kept_before(
        self, manager: ScriptedManager, claimed: UpsScu
    ) -> None:
        manager.will_answer(0xC301)
        assert claimed.claim(UID).is_failure
        assert kept(claimed) == [(LOCK, True)]

    @pytest.mark.usefixtures("homeless")
    def test_needs_a_place_for_its_transaction_uid(
        self, manager: ScriptedManager, make_ups: MakeUps
    ) -> None:
        """Whoever claims nothing needs none."""
        ups = make_ups(manager.port, transaction_uids=None)
        ups.create(workitem("Plan review", AT)).check()
        list(ups.find())
        with pytest.raises(DicomError, match="Name a file for them with transaction_uids"):
            ups.claim(UID)
        assert manager.services == ["N-CREATE", "C-FIND"]

    def test_under_no_uid_is_refused(self, ups: UpsScu) -> None:
        with pytest.raises(ParameterError, match="no UID"):
            ups.claim(UID, transaction_uid="x")


class TestResume:
    def test_finds_that_the_lost_claim_was_granted(
        self, manager: ScriptedManager, make_ups: MakeUps
    ) -> None:
        before = make_ups(manager.port, retry=Retry(attempts=1))
        manager.will_answer(Answer(loss="abort"))
        with pytest.raises(DicomError):
            before.claim(UID, transaction_uid=LOCK)
        after = make_ups(manager.port)  # as the program is after a crash
        assert [each.uid for each in after.held()] == [UID]
        manager.will_answer(0xC302)
        result = after.resume(UID).check()
        assert (result.transaction_uid, result.is_confirmation) == (LOCK, True)
        assert kept(after) == [(LOCK, True)]

    def test_claims_what_the_lost_claim_did_not(
        self, manager: ScriptedManager, make_ups: MakeUps
    ) -> None:
        before = make_ups(manager.port, retry=Retry(attempts=1))
        manager.will_answer(Answer(loss="break"), 0x0000)
        with pytest.raises(DicomError):
            before.claim(UID, transaction_uid=LOCK)
        assert make_ups(manager.port).resume(UID).check().status == 0x0000

    @pytest.mark.parametrize(
        ("status", "left"), [(0x0000, [(LOCK, True)]), (0xC302, [(LOCK, True)]), (0xC301, [])]
    )
    def test_finds_out_what_has_become_of_a_claim_that_failed(
        self,
        manager: ScriptedManager,
        ups: UpsScu,
        status: int,
        left: list[tuple[str, bool]],
    ) -> None:
        manager.will_answer(0x0110, 0x0110, status)
        ups.claim(UID, transaction_uid=LOCK)
        assert ups.resume(UID).is_failure
        assert kept(ups) == [(LOCK, False)]
        assert ups.resume(UID).is_success == bool(left)
        assert kept(ups) == left

    def test_finds_the_right_one_of_two_claims(
        self, manager: ScriptedManager, make_ups: MakeUps
    ) -> None:
        ups = make_ups(manager.port, retry=Retry(attempts=1))
        manager.will_answer(*[Answer(loss="abort")] * 2, 0xC301, 0xC302)
        for lock in (f"{LOCK}.1", f"{LOCK}.2"):
            with pytest.raises(DicomError):
                ups.claim(UID, transaction_uid=lock)
        assert ups.resume(UID).transaction_uid == f"{LOCK}.2"
        assert kept(ups) == [(f"{LOCK}.2", True)]

    def test_forgets_what_has_ended(self, manager: ScriptedManager, claimed: UpsScu) -> None:
        manager.will_answer(0xC300)
        assert claimed.resume(UID).is_failure
        assert kept(claimed) == []

    def test_of_what_was_not_claimed_is_refused(self, ups: UpsScu) -> None:
        with pytest.raises(ParameterError, match="was not claimed here"):
            ups.resume(UID)


class TestModify:
    def test_is_sent_on_push_over_pull(self, manager: ScriptedManager, ups: UpsScu) -> None:
        changes = Dataset()
        changes.ProcedureStepLabel = "Plan check"
        ups.modify(UID, changes).check()
        (asked,) = manager.asked
        assert (asked.service, asked.context, asked.sop_class) == ("N-SET", PULL, PUSH)
        assert asked.dataset == changes
        assert "TransactionUID" not in asked.dataset

    @pytest.mark.parametrize(
        ("given", "sent"), [(None, LOCK), ("1.2.3", "1.2.3"), ("", None)], ids=str
    )
    def test_has_the_transaction_uid_of_the_claim_unless_told_otherwise(
        self, manager: ScriptedManager, claimed: UpsScu, given: str | None, sent: str | None
    ) -> None:
        claimed.modify(UID, Dataset(), transaction_uid=given)
        dataset = manager.asked[0].dataset or Dataset()
        assert dataset.get("TransactionUID") == sent

    @pytest.mark.parametrize(
        ("keyword", "value"),
        [
            ("ProcedureStepState", "COMPLETED"),
            ("PatientID", "SYN-2"),
            ("ReferencedRequestSequence", []),
            ("SOPInstanceUID", "1.2"),
            ("SOPClassUID", PUSH),
            ("ScheduledProcedureStepModificationDateTime", "2030"),
        ],
    )
    def test_of_what_cannot_be_modified_is_not_sent(
        self, manager: ScriptedManager, ups: UpsScu, keyword: str, value: Any
    ) -> None:
        changes = Dataset()
        setattr(changes, keyword, value)
        with pytest.raises(ParameterError, match=f"{keyword} cannot be modified"):
            ups.modify(UID, changes)
        assert manager.asked == []

    def test_of_command_elements_leaves_them_out(
        self, manager: ScriptedManager, ups: UpsScu
    ) -> None:
        changes = Dataset()
        changes.ProcedureStepLabel, changes.RequestedSOPClassUID = "Plan check", PUSH
        ups.modify(UID, changes).check()
        assert manager.asked[0].dataset is not None
        assert [each.keyword for each in manager.asked[0].dataset] == ["ProcedureStepLabel"]

    def test_in_a_wrong_vr_is_sent_in_the_right_one(
        self, manager: ScriptedManager, ups: UpsScu
    ) -> None:
        changes, item = Dataset(), Dataset()
        item.add_new("CodeValue", "LO", "1")
        changes.ScheduledWorkitemCodeSequence = [item]
        ups.modify(UID, changes).check()
        assert manager.asked[0].dataset is not None
        (sent,) = manager.asked[0].dataset.ScheduledWorkitemCodeSequence
        assert sent["CodeValue"].VR == "SH"

    @pytest.mark.parametrize("loss", LOSSES)
    def test_whose_answer_was_lost_is_sent_again(
        self, manager: ScriptedManager, claimed: UpsScu, loss: str
    ) -> None:
        changes = Dataset()
        changes.ProcedureStepLabel = "Plan check"
        manager.will_answer(Answer(loss=loss), Answer(loss=loss), 0x0000)
        result = claimed.modify(UID, changes).check()
        assert (result.status, result.attempts) == (0x0000, 3)
        assert manager.asked[0] == manager.asked[2]

    def test_that_was_answered_is_never_sent_again(
        self, manager: ScriptedManager, claimed: UpsScu
    ) -> None:
        manager.will_answer(0x0213)
        assert claimed.modify(UID, Dataset()).is_failure
        assert manager.services == ["N-SET"]

    @pytest.mark.parametrize("status", [0xFF00, 0xFF01])
    def test_pending_is_no_answer_and_no_success(
        self, manager: ScriptedManager, claimed: UpsScu, status: int
    ) -> None:
        manager.will_answer(status)
        with pytest.raises(DicomError, match="pending"):
            claimed.modify(UID, Dataset())
        assert manager.services == ["N-SET"]

    def test_keeps_to_a_profile(self, manager: ScriptedManager, make_ups: MakeUps) -> None:
        ups = make_ups(manager.port, profiles=["tdw-ii"])
        changes, item = Dataset(), Dataset()
        item.ProcedureStepProgress = "50"
        changes.ProcedureStepProgressInformationSequence = [item]
        with pytest.raises(ParameterError, match="tdw-ii objects"):
            ups.modify(UID, changes)


class TestGet:
    def test_gives_the_workitem_by_name(self, manager: ScriptedManager, ups: UpsScu) -> None:
        dataset = Dataset()
        dataset.ProcedureStepState = "IN PROGRESS"
        manager.will_answer(Answer(dataset=dataset))
        result = ups.get(UID, ["ProcedureStepState", 0x00741204]).check()
        assert (result.workitem.uid, result.workitem.state) == (UID, "IN PROGRESS")
        (asked,) = manager.asked
        assert (asked.service, asked.context, asked.sop_class) == ("N-GET", PULL, PUSH)
        assert asked.argument == (0x00741000, 0x00741204)

    def test_that_fails_gives_nothing(self, manager: ScriptedManager, ups: UpsScu) -> None:
        manager.will_answer(0xC307)
        result = ups.get(UID)
        assert (result.is_failure, result.workitem.state, result.workitem.uid) == (True, None, UID)


class TestProgress:
    def test_sends_the_whole_item(self, manager: ScriptedManager, claimed: UpsScu) -> None:
        there = Dataset()
        there.ProcedureStepProgress, there.ProcedureStepProgressDescription = "10", "Beam 1"
        manager.will_answer(reading(PROGRESS, there))
        beam = content_item(("2018004", "99IHERO2018", "Referenced Beam Number"), 2)
        result = claimed.progress(UID, 50, parameters=[beam], contact_uri="tel:1").check()
        assert (result.verb, result.operation) == ("progress", "N-SET")
        assert manager.services == ["N-GET", "N-SET"]
        item = last_item(manager, PROGRESS)
        assert (item.ProcedureStepProgress, item.ProcedureStepProgressDescription) == (50, "Beam 1")
        assert item.ProcedureStepProgressParametersSequence[0] == beam
        assert item.ProcedureStepCommunicationsURISequence[0].ContactURI == "tel:1"

    def test_keeps_texts_of_another_character_set(
        self, manager: ScriptedManager, claimed: UpsScu
    ) -> None:
        there = Dataset()
        there.ProcedureStepProgressDescription = "Rücken"
        answer = reading(PROGRESS, there)
        assert answer.dataset is not None
        answer.dataset.SpecificCharacterSet = "ISO_IR 100"
        manager.will_answer(answer)
        claimed.progress(UID, contact_uri="tel:1", contact_name="花子").check()
        item = last_item(manager, PROGRESS)
        assert item.ProcedureStepProgressDescription == "Rücken"
        assert item.ProcedureStepCommunicationsURISequence[0].ContactDisplayName == "花子"

    def test_of_an_unknown_workitem_is_not_sent(
        self, manager: ScriptedManager, claimed: UpsScu
    ) -> None:
        manager.will_answer(0xC307)
        result = claimed.progress(UID, 50)
        assert (result.verb, result.operation, result.is_failure) == ("progress", "N-GET", True)
        assert manager.services == ["N-GET"]

    def test_after_a_crash_has_the_transaction_uid(
        self, manager: ScriptedManager, claimed: UpsScu, make_ups: MakeUps
    ) -> None:
        make_ups(manager.port).progress(UID, 1).check()
        assert manager.asked[-1].dataset is not None
        assert manager.asked[-1].dataset.TransactionUID == LOCK


class TestProcedures:
    def test_start(self, manager: ScriptedManager, claimed: UpsScu) -> None:
        claimed.start_procedure(UID, stations=[STATION], codes=[REVIEW], start=AT).check()
        item = last_item(manager, PERFORMED)
        assert item == performed_procedure(stations=[STATION], codes=[REVIEW], start=AT)

    def test_end_keeps_the_start_and_those_before(
        self, manager: ScriptedManager, claimed: UpsScu
    ) -> None:
        first = performed_procedure(stations=[STATION], codes=[REVIEW], start="2029", end="2029")
        second = performed_procedure(stations=[STATION], codes=[REVIEW], start=AT)
        manager.will_answer(reading(PERFORMED, first, second))
        made = instances("1.2", "1.3", [("1.4", "1.5")], retrieve_ae="OST")
        claimed.end_procedure(UID, outputs=[made], end="2031").check()
        assert manager.asked[-1].dataset is not None
        sent = manager.asked[-1].dataset[PERFORMED].value
        whole = performed_procedure(
            stations=[STATION], codes=[REVIEW], start=AT, end="2031", outputs=[made]
        )
        assert list(sent) == [first, whole]

    def test_output_is_added(self, manager: ScriptedManager, claimed: UpsScu) -> None:
        made = [instances("1.2", "1.3", [("1.4", f"1.5.{n}")], retrieve_ae="OST") for n in (1, 2)]
        there = performed_procedure(stations=[STATION], codes=[REVIEW], start=AT, outputs=made[:1])
        manager.will_answer(reading(PERFORMED, there))
        claimed.add_output(UID, made[1]).check()
        assert list(last_item(manager, PERFORMED).OutputInformationSequence) == made

    @pytest.mark.parametrize(
        "call",
        [
            lambda ups: ups.end_procedure(UID),
            lambda ups: ups.add_output(UID, Dataset()),
        ],
    )
    def test_that_has_not_started_has_no_end_and_no_output(
        self, manager: ScriptedManager, claimed: UpsScu, call: Callable[[UpsScu], UpsResult]
    ) -> None:
        with pytest.raises(ParameterError, match="No procedure"):
            call(claimed)
        assert manager.services == ["N-GET"]

    def test_does_not_start_before_the_last_one_has_ended(
        self, manager: ScriptedManager, claimed: UpsScu
    ) -> None:
        open_one = performed_procedure(stations=[STATION], codes=[REVIEW], start=AT)
        for told in ({"codes": [STATION]}, {"codes": [REVIEW], "start": "2031"}):
            manager.will_answer(reading(PERFORMED, open_one))
            with pytest.raises(ParameterError, match="has started already"):
                claimed.start_procedure(UID, stations=[STATION], **told)
        assert set(manager.services) == {"N-GET"}

    def test_may_be_told_again(self, manager: ScriptedManager, claimed: UpsScu) -> None:
        """Of what has ended in an error nobody knows whether it was done."""
        made = instances("1.2", "1.3", [("1.4", "1.5")], retrieve_ae="OST")
        told: dict[str, Any] = {"stations": [STATION], "codes": [REVIEW]}
        begun = performed_procedure(**told, start=AT)
        ended = performed_procedure(**told, start=AT, end="2031", outputs=[made])
        calls: list[tuple[Callable[[], UpsResult], Dataset]] = [
            (lambda: claimed.start_procedure(UID, **told), begun),
            (lambda: claimed.start_procedure(UID, **told, start=AT), begun),
            (lambda: claimed.end_procedure(UID, outputs=[made]), ended),
            (lambda: claimed.end_procedure(UID, outputs=[made], end="2031"), ended),
            (lambda: claimed.add_output(UID, made), ended),
        ]
        for call, there in calls:
            manager.will_answer(reading(PERFORMED, there))
            assert call().check().is_success
            assert last_item(manager, PERFORMED) == there

    @pytest.mark.parametrize("more", [{"end": "2032"}, {"outputs": [Dataset()]}])
    def test_does_not_end_twice_with_another_result(
        self, manager: ScriptedManager, claimed: UpsScu, more: dict[str, Any]
    ) -> None:
        ended = performed_procedure(stations=[STATION], codes=[REVIEW], start=AT, end="2031")
        manager.will_answer(reading(PERFORMED, ended))
        with pytest.raises(ParameterError, match="No procedure"):
            claimed.end_procedure(UID, **more)
        assert manager.services == ["N-GET"]


class TestComplete:
    def test_has_the_transaction_uid_and_forgets_it(
        self, manager: ScriptedManager, claimed: UpsScu
    ) -> None:
        claimed.complete(UID).check()
        (asked,) = manager.asked
        assert (asked.context, asked.sop_class, asked.argument) == (PULL, PUSH, 1)
        assert asked.dataset is not None
        assert (asked.dataset.ProcedureStepState, asked.dataset.TransactionUID) == (
            "COMPLETED",
            LOCK,
        )
        assert kept(claimed) == []

    @pytest.mark.parametrize("status", [0xC304, 0xC301, 0x0110])
    def test_that_fails_keeps_it(
        self, manager: ScriptedManager, claimed: UpsScu, status: int
    ) -> None:
        manager.will_answer(status)
        assert claimed.complete(UID).is_failure
        assert kept(claimed) == [(LOCK, True)]

    def test_of_what_was_canceled_forgets_it(
        self, manager: ScriptedManager, claimed: UpsScu
    ) -> None:
        manager.will_answer(0xC300)
        assert claimed.complete(UID).is_failure
        assert kept(claimed) == []

    @pytest.mark.parametrize("loss", LOSSES)
    def test_whose_answer_was_lost_is_done_if_it_is_completed_now(
        self, manager: ScriptedManager, claimed: UpsScu, loss: str
    ) -> None:
        manager.will_answer(Answer(loss=loss), 0xB306)
        result = claimed.complete(UID).check()
        assert (result.status, result.category) == (0xB306, Category.SUCCESS)
        assert kept(claimed) == []

    def test_of_what_was_completed_before_is_a_warning(
        self, manager: ScriptedManager, claimed: UpsScu
    ) -> None:
        manager.will_answer(0xB306)
        assert claimed.complete(UID).category is Category.WARNING
        assert kept(claimed) == []

    def test_without_any_answer_keeps_it(self, manager: ScriptedManager, claimed: UpsScu) -> None:
        manager.will_answer(*[Answer(loss="break")] * AT_ONCE.attempts)
        with pytest.raises(DicomError):
            claimed.complete(UID)
        assert len(manager.asked) == AT_ONCE.attempts
        assert kept(claimed) == [(LOCK, True)]

    @pytest.mark.parametrize("call", [lambda ups: ups.complete(UID), lambda ups: ups.cancel(UID)])
    def test_of_what_was_not_claimed_is_not_sent(
        self, manager: ScriptedManager, ups: UpsScu, call: Callable[[UpsScu], UpsResult]
    ) -> None:
        with pytest.raises(ParameterError, match="was not claimed here"):
            call(ups)
        assert manager.asked == []

    def test_with_a_transaction_uid_from_elsewhere(
        self, manager: ScriptedManager, ups: UpsScu
    ) -> None:
        ups.complete(UID, transaction_uid=LOCK).check()
        assert manager.asked[0].dataset is not None
        assert manager.asked[0].dataset.TransactionUID == LOCK

    def test_keeps_to_a_profile(self, manager: ScriptedManager, make_ups: MakeUps) -> None:
        ups = make_ups(manager.port, profiles=["tdw-ii"])
        done = performed_procedure(stations=[STATION], codes=[REVIEW], start=AT, end=AT)
        manager.will_answer(reading(PERFORMED, done))
        with pytest.raises(ParameterError, match=r"tdw-ii objects: .*\(121726, DCM\)"):
            ups.complete(UID, transaction_uid=LOCK)
        assert manager.services == ["N-GET"]


class TestCancel:
    def test_tells_why_before(self, manager: ScriptedManager, claimed: UpsScu) -> None:
        there = Dataset()
        there.ProcedureStepProgress = "10"
        manager.will_answer(reading(PROGRESS, there))
        claimed.cancel(UID, ("110501", "DCM", "Equipment failure"), "It burns", at=AT).check()
        assert manager.services == ["N-GET", "N-SET", "N-ACTION"]
        assert manager.asked[1].dataset is not None
        item = manager.asked[1].dataset[PROGRESS].value[0]
        assert (item.ProcedureStepProgress, item.ReasonForCancellation) == (10, "It burns")
        assert item.ProcedureStepCancellationDateTime == "20300131093000.000000+0000"
        assert item.ProcedureStepDiscontinuationReasonCodeSequence[0].CodeValue == "110501"
        assert manager.asked[2].dataset is not None
        assert manager.asked[2].dataset.ProcedureStepState == "CANCELED"
        assert kept(claimed) == []

    def test_without_a_reason_is_for_an_unspecified_one(
        self, manager: ScriptedManager, claimed: UpsScu
    ) -> None:
        claimed.cancel(UID).check()
        assert manager.asked[1].dataset is not None
        item = manager.asked[1].dataset[PROGRESS].value[0]
        assert item.ProcedureStepDiscontinuationReasonCodeSequence[0].CodeValue == "110513"
        assert "ReasonForCancellation" not in item

    def test_of_what_is_canceled_already(self, manager: ScriptedManager, claimed: UpsScu) -> None:
        manager.will_answer(0x0000, 0xC300, 0xB304)
        result = claimed.cancel(UID).check()
        assert (result.status, result.category) == (0xB304, Category.WARNING)
        assert kept(claimed) == []

    def test_ends_where_something_fails(self, manager: ScriptedManager, claimed: UpsScu) -> None:
        manager.will_answer(0x0000, 0xC301)
        result = claimed.cancel(UID)
        assert (result.verb, result.operation, result.status) == ("cancel", "N-SET", 0xC301)
        assert manager.services == ["N-GET", "N-SET"]

    def test_whose_answer_was_lost_is_done_if_it_is_canceled_now(
        self, manager: ScriptedManager, claimed: UpsScu
    ) -> None:
        manager.will_answer(0x0000, 0x0000, Answer(loss="break"), 0xB304)
        assert claimed.cancel(UID).category is Category.SUCCESS
        assert kept(claimed) == []
