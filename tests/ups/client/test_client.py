"""`UpsScu`: the association, creating, finding, and asking for a cancellation."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from nets import free_port
from pydicom.dataset import Dataset

from leaddicom import DicomError, LDicomDS, NetworkError, ParameterError, StatusError
from leaddicom.ups.client import UpsScu
from leaddicom.ups.client.builders import workitem
from leaddicom.ups.client.repeating import Retry
from leaddicom.ups.client.results import Category
from leaddicom.ups.core.attributes import ATTRIBUTES
from leaddicom.ups.core.findings import Finding
from leaddicom.ups.core.terms import SopClass, State, UpsStatus
from leaddicom.ups.profiles import TdwII
from ups.client.conftest import MakeUps
from ups.client.peers import LOSSES, UPS_CLASSES, Answer, ScriptedManager

PUSH, PULL, WATCH, QUERY = (str(each) for each in UPS_CLASSES)
UID = "1.2.826.0.1.3680043.8.498.7"
START = datetime(2030, 1, 31, 9, 30, tzinfo=timezone.utc)


def step(**more: Any) -> Dataset:
    return workitem("Plan review", START, **{"patient_id": "SYN-1", **more})


class TestAssociation:
    def test_is_one_for_all_verbs(self, manager: ScriptedManager, ups: UpsScu) -> None:
        ups.echo()
        ups.create(step(), UID)
        ups.claim(UID)
        ups.subscribe(UID)
        assert list(ups.find(find_on=SopClass.QUERY)) == []
        assert manager.associations == 1
        assert [each.context for each in manager.asked] == [PUSH, PULL, WATCH, QUERY]

    def test_ends_with_the_block(self, manager: ScriptedManager, make_ups: MakeUps) -> None:
        with make_ups(manager.port) as ups:
            ups.echo()
            assert ups.net.IsAssociated()
        assert not ups.net.IsConnected()

    def test_is_aborted_by_what_the_block_raises(
        self, manager: ScriptedManager, make_ups: MakeUps
    ) -> None:
        ups = make_ups(manager.port)
        ups.echo()
        with pytest.raises(RuntimeError, match="of the block"), ups:
            raise RuntimeError("of the block")
        assert not ups.net.IsConnected()

    def test_to_nobody_is_not_waited_for(self, make_ups: MakeUps) -> None:
        # A delay that no test would survive: address or port are wrong, time mends neither.
        ups = make_ups(free_port(), retry=Retry(delay=1000.0, longest_delay=1000.0, deadline=1e6))
        with pytest.raises(NetworkError, match="Nothing listens there"):
            ups.get(UID)


class TestCreate:
    def test_is_sent_on_push(self, manager: ScriptedManager, ups: UpsScu) -> None:
        result = ups.create(step(), UID).check()
        (asked,) = manager.asked
        assert (asked.service, asked.context, asked.sop_class) == ("N-CREATE", PUSH, PUSH)
        assert asked.uid == result.uid == UID
        assert asked.dataset is not None
        assert asked.dataset.ProcedureStepState == "SCHEDULED"

    def test_has_all_of_types_1_and_2_and_no_uids(
        self, manager: ScriptedManager, ups: UpsScu
    ) -> None:
        bare = Dataset()
        bare.SOPClassUID, bare.SOPInstanceUID = PUSH, UID
        bare.ProcedureStepLabel, bare.InputReadinessState = "Plan review", "READY"
        bare.ScheduledProcedureStepPriority = "LOW"
        bare.ScheduledProcedureStepStartDateTime = "20300131"
        ups.create(bare).check()
        sent = manager.asked[0].dataset
        assert sent is not None
        wanted = {each.tag for each in ATTRIBUTES if each.n_create[:2] in ("1/", "2/")}
        assert wanted <= set(map(int, sent.keys()))
        assert "SOPClassUID" not in sent
        assert "SOPInstanceUID" not in sent
        assert manager.asked[0].uid == UID

    def test_makes_a_uid_where_there_is_none(self, manager: ScriptedManager, ups: UpsScu) -> None:
        uids = {ups.create(step()).check().uid for _ in range(2)}
        assert len(uids) == 2
        assert uids == {each.uid for each in manager.asked}

    def test_takes_a_file(self, manager: ScriptedManager, ups: UpsScu, tmp_path: Path) -> None:
        dataset = step()
        dataset.SOPClassUID, dataset.SOPInstanceUID = PUSH, UID
        dataset.file_meta = Dataset()  # type: ignore[assignment]
        dataset.save_as(tmp_path / "step.dcm", implicit_vr=False, little_endian=True)
        ups.create(tmp_path / "step.dcm").check()
        assert manager.asked[0].uid == UID

    def test_takes_a_data_set_of_ours(self, manager: ScriptedManager, ups: UpsScu) -> None:
        ups.create(LDicomDS(step()), UID).check()
        assert manager.asked[0].uid == UID

    @pytest.mark.parametrize(
        ("change", "says"),
        [
            ({"ProcedureStepState": "IN PROGRESS"}, "created as SCHEDULED"),
            ({"TransactionUID": "1.2.3"}, "TransactionUID must be empty"),
            ({"UnifiedProcedureStepPerformedProcedureSequence": [Dataset()]}, "must be empty"),
            ({"ProcedureStepLabel": ""}, "needs a value of ProcedureStepLabel"),
        ],
    )
    def test_of_what_cannot_be_is_not_sent(
        self, manager: ScriptedManager, ups: UpsScu, change: dict[str, Any], says: str
    ) -> None:
        dataset = step()
        for keyword, value in change.items():
            setattr(dataset, keyword, value)
        with pytest.raises(ParameterError, match=says):
            ups.create(dataset, UID)
        assert manager.asked == []

    def test_under_no_uid_is_not_sent(self, manager: ScriptedManager, ups: UpsScu) -> None:
        with pytest.raises(ParameterError, match="no UID"):
            ups.create(step(), "../escaped")
        assert manager.asked == []

    def test_that_fails_says_what_to_do(self, manager: ScriptedManager, ups: UpsScu) -> None:
        manager.will_answer(Answer(0x0111, comment="It is there"))
        result = ups.create(step(), UID)
        assert (result.category, result.comment) == (Category.FAILURE, "It is there")
        with pytest.raises(StatusError, match=r"0111H, .*'It is there'\. Leave the UID out"):
            result.check()

    def test_with_modifications_is_a_warning(self, manager: ScriptedManager, ups: UpsScu) -> None:
        manager.will_answer(0xB300)
        result = ups.create(step(), UID).check()
        assert (result.category, result.is_success) == (Category.WARNING, False)

    def test_keeps_to_a_profile(self, manager: ScriptedManager, make_ups: MakeUps) -> None:
        ups = make_ups(manager.port, profiles=["tdw-ii"])
        with pytest.raises(ParameterError, match=r"tdw-ii objects: .*\(121726, DCM\)"):
            ups.create(step(patient_name="Syn^One", codes=[("1", "99TEST", "Another")]), UID)
        assert manager.asked == []

    def test_keeps_to_a_profile_of_ones_own(
        self, manager: ScriptedManager, make_ups: MakeUps
    ) -> None:
        class House(TdwII):
            name = "house"

            def check_creation(self, dataset: Dataset) -> list[Finding]:
                return [Finding(UpsStatus.MISSING_ATTRIBUTE, 0x00400400, "Say why")]

        with pytest.raises(ParameterError, match="house objects: Say why"):
            make_ups(manager.port, profiles=[House()]).create(step(), UID)

    def test_of_an_unknown_profile_is_refused(self, make_ups: MakeUps) -> None:
        with pytest.raises(ParameterError, match=r"no profile 'tdw', but: .*tdw-ii"):
            make_ups(1, profiles=["tdw"])


class TestCreateWhoseAnswerWasLost:
    @pytest.mark.parametrize("loss", LOSSES)
    def test_is_done_if_the_uid_is_taken_now(
        self, manager: ScriptedManager, ups: UpsScu, loss: str
    ) -> None:
        manager.will_answer(Answer(loss=loss), 0x0111)
        result = ups.create(step()).check()
        assert (result.status, result.attempts) == (0x0111, 2)
        assert (result.is_confirmation, result.category) == (True, Category.SUCCESS)
        assert manager.services == ["N-CREATE"] * 2
        assert manager.asked[0] == manager.asked[1]

    def test_is_done_if_what_is_there_is_of_the_same_patient(
        self, manager: ScriptedManager, ups: UpsScu
    ) -> None:
        there = Dataset()
        there.PatientID = "SYN-1"
        manager.will_answer(Answer(loss="abort"), 0x0111, Answer(dataset=there))
        assert ups.create(step(), UID).is_success
        assert manager.services == ["N-CREATE", "N-CREATE", "N-GET"]
        assert manager.asked[2].context == PUSH

    def test_has_failed_if_what_is_there_is_of_another_patient(
        self, manager: ScriptedManager, ups: UpsScu
    ) -> None:
        there = Dataset()
        there.PatientID = "SYN-2"
        manager.will_answer(Answer(loss="abort"), 0x0111, Answer(dataset=there))
        assert ups.create(step(), UID).category is Category.FAILURE

    def test_is_done_if_nothing_speaks_against_it(
        self, manager: ScriptedManager, ups: UpsScu
    ) -> None:
        manager.will_answer(Answer(loss="abort"), 0x0111, 0x0124)
        assert ups.create(step(), UID).is_success

    def test_is_done_if_there_is_nothing_to_compare(
        self, manager: ScriptedManager, ups: UpsScu
    ) -> None:
        manager.will_answer(Answer(loss="abort"), 0x0111)
        assert ups.create(workitem("Of nobody", START), UID).is_success
        assert manager.services == ["N-CREATE"] * 2

    def test_has_failed_if_the_answer_is_another_one(
        self, manager: ScriptedManager, ups: UpsScu
    ) -> None:
        manager.will_answer(Answer(loss="abort"), 0x0110)
        result = ups.create(step(), UID)
        assert (result.is_failure, result.attempts) == (True, 2)


class TestFind:
    @pytest.mark.parametrize("sop_class", [SopClass.PULL, SopClass.WATCH, SopClass.QUERY])
    def test_names_the_class_that_it_asks_on(
        self, manager: ScriptedManager, make_ups: MakeUps, sop_class: SopClass
    ) -> None:
        ups = make_ups(manager.port, find_on=sop_class)
        assert list(ups.find(state="SCHEDULED")) == []
        (asked,) = manager.asked
        assert (asked.context, asked.sop_class) == (sop_class.value, sop_class.value)
        assert asked.dataset is not None
        assert asked.dataset.ProcedureStepState == "SCHEDULED"

    def test_gives_matches_by_name(self, manager: ScriptedManager, ups: UpsScu) -> None:
        match = step()
        match.SOPInstanceUID = UID
        manager.will_answer(Answer(0xFF00, match), Answer(0xFF01, match))
        found = list(ups.find())
        assert [each.uid for each in found] == [UID, UID]
        assert (found[0].state, found[0].label, found[0].patient_id) == (
            State.SCHEDULED,
            "Plan review",
            "SYN-1",
        )
        assert found[0].start == START

    def test_stops_early(self, manager: ScriptedManager, ups: UpsScu) -> None:
        match = step()
        match.SOPInstanceUID = UID
        manager.will_answer(*[Answer(0xFF00, match)] * 50)
        assert len(list(ups.find(limit=1))) == 1
        assert ups.get(UID).is_success
        assert manager.associations == 1

    def test_sends_an_identifier_as_it_is(self, manager: ScriptedManager, ups: UpsScu) -> None:
        identifier = Dataset()
        identifier.WorklistLabel = "Übersicht"
        list(ups.find(identifier))
        sent = manager.asked[0].dataset
        assert sent is not None
        assert (sent.WorklistLabel, sent.SpecificCharacterSet) == ("Übersicht", "ISO_IR 192")

    def test_takes_an_identifier_or_keys(self, ups: UpsScu) -> None:
        with pytest.raises(ParameterError, match="not both"):
            ups.find(Dataset(), state="SCHEDULED")

    def test_that_fails(self, manager: ScriptedManager, ups: UpsScu) -> None:
        manager.will_answer(0xA900)
        with pytest.raises(StatusError, match="A900H"):
            list(ups.find())

    def test_begins_anew_before_the_first_match(
        self, manager: ScriptedManager, ups: UpsScu
    ) -> None:
        match = step()
        match.SOPInstanceUID = UID
        manager.will_answer(Answer(loss="abort"), Answer(0xFF00, match))
        assert [each.uid for each in ups.find()] == [UID]

    def test_does_not_give_matches_twice(self, manager: ScriptedManager, ups: UpsScu) -> None:
        match = step()
        match.SOPInstanceUID = UID
        manager.will_answer(Answer(0xFF00, match), Answer(loss="abort"))
        found = ups.find()
        assert next(found).uid == UID
        with pytest.raises(DicomError):
            next(found)
        assert manager.associations == 1


class TestRequestCancel:
    @pytest.mark.parametrize("sop_class", [SopClass.PUSH, SopClass.WATCH])
    def test_is_an_action_on_push(
        self, manager: ScriptedManager, ups: UpsScu, sop_class: SopClass
    ) -> None:
        ups.request_cancel(
            UID,
            "The machine is down",
            reason=("110501", "DCM", "Equipment failure"),
            contact_uri="tel:+1-555-0100",
            contact_name="Desk",
            sop_class=sop_class,
        ).check()
        (asked,) = manager.asked
        assert (asked.context, asked.sop_class, asked.argument) == (sop_class.value, PUSH, 2)
        sent = asked.dataset
        assert sent is not None
        assert (sent.ReasonForCancellation, sent.ContactURI) == (
            "The machine is down",
            "tel:+1-555-0100",
        )
        assert sent.ContactDisplayName == "Desk"
        assert sent.ProcedureStepDiscontinuationReasonCodeSequence[0].CodeValue == "110501"

    def test_needs_no_reason(self, manager: ScriptedManager, ups: UpsScu) -> None:
        ups.request_cancel(UID).check()
        assert not manager.asked[0].dataset

    def test_whose_answer_was_lost_is_done_if_it_is_canceled_now(
        self, manager: ScriptedManager, ups: UpsScu
    ) -> None:
        manager.will_answer(Answer(loss="abort"), 0xB304)
        assert ups.request_cancel(UID).category is Category.SUCCESS
