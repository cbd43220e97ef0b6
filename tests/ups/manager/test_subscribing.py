"""Subscriptions: PS3.4 Table CC.2.3-2 as the store carries it out."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from leaddicom.ups.core.matching import matches
from leaddicom.ups.core.subscriptions import GlobalState
from leaddicom.ups.manager import finding, service
from leaddicom.ups.manager.gate import Operation
from ups import workitems
from ups.desk import Desk, OnEveryDatabase
from ups.workitems import FILTERED, GLOBAL, code, subscription

STATE_REPORT, ASSIGNED = 1, 5


class TestSubscription(OnEveryDatabase):
    @pytest.mark.parametrize(
        ("before", "lock", "after"),
        [
            (None, "TRUE", "WITH_LOCK"),
            (None, "FALSE", "WITHOUT_LOCK"),
            ("TRUE", "TRUE", "WITH_LOCK"),
            ("TRUE", "FALSE", "WITHOUT_LOCK"),
            ("FALSE", "TRUE", "WITH_LOCK"),
            ("FALSE", "FALSE", "WITHOUT_LOCK"),
        ],
    )
    def test_to_one(self, desk: Desk, before: str | None, lock: str, after: str) -> None:
        uid, other = desk.create(), desk.create()
        if before is not None:
            desk.subscribe(uid, lock=before)
            desk.forget_events()
        assert desk.subscribe(uid, lock=lock).status == 0x0000
        assert desk.subscriptions() == {uid: after}
        assert desk.events() == [(STATE_REPORT, uid)]
        assert other not in desk.subscriptions()
        assert desk.subscriptions("SECOND") == {}

    @pytest.mark.parametrize("lock", ["TRUE", "FALSE", None])
    def test_to_one_ends(self, desk: Desk, lock: str | None) -> None:
        uid = desk.create()
        if lock is not None:
            desk.subscribe(uid, lock=lock)
            desk.subscribe(uid, "SECOND", lock=lock)
        desk.forget_events()
        outcome = desk.ask(Operation.UNSUBSCRIBE, uid, subscription("WATCHER"))
        assert outcome.status == 0x0000
        assert desk.subscriptions() == {}
        assert (uid in desk.subscriptions("SECOND")) is (lock is not None)
        assert desk.events() == []

    def test_to_all_with_lock_reports_what_is_new_to_the_subscriber(self, desk: Desk) -> None:
        locked, free, missing = desk.create(), desk.create(), desk.create()
        desk.subscribe(locked, lock="TRUE")
        desk.subscribe(free, lock="FALSE")
        desk.forget_events()
        assert desk.subscribe(GLOBAL, lock="TRUE").status == 0x0000
        assert desk.subscriptions() == {
            locked: "WITH_LOCK",
            free: "WITHOUT_LOCK",
            missing: "WITH_LOCK",
        }
        assert desk.events() == [(STATE_REPORT, missing)]
        later = desk.create()
        assert desk.subscriptions()[later] == "WITH_LOCK"
        assert desk.events()[1:] == [(STATE_REPORT, later)]

    def test_to_all_without_lock_reports_nothing_of_what_is_there(self, desk: Desk) -> None:
        locked, missing = desk.create(), desk.create()
        desk.subscribe(locked, lock="TRUE")
        desk.forget_events()
        assert desk.subscribe(GLOBAL, lock="FALSE").status == 0x0000
        assert desk.subscriptions() == {locked: "WITH_LOCK", missing: "WITHOUT_LOCK"}
        assert desk.events() == []
        later = desk.create()
        assert desk.subscriptions()[later] == "WITHOUT_LOCK"
        assert desk.events() == [(STATE_REPORT, later)]

    def test_to_all_ends(self, desk: Desk) -> None:
        uid = desk.create()
        desk.subscribe(GLOBAL, lock="TRUE")
        desk.subscribe(GLOBAL, "SECOND")
        outcome = desk.ask(Operation.UNSUBSCRIBE, GLOBAL, subscription("WATCHER"))
        assert outcome.status == 0x0000
        assert desk.subscriptions() == {}
        desk.create()
        assert desk.subscriptions() == {}
        assert uid in desk.subscriptions("SECOND")

    def test_to_all_is_suspended(self, desk: Desk) -> None:
        uid = desk.create()
        desk.subscribe(GLOBAL, lock="TRUE")
        desk.forget_events()
        outcome = desk.ask(Operation.SUSPEND_GLOBAL, GLOBAL, subscription("WATCHER"))
        assert outcome.status == 0x0000
        assert desk.subscriptions() == {uid: "WITH_LOCK"}
        desk.create()
        assert desk.subscriptions() == {uid: "WITH_LOCK"}
        desk.claim(uid)
        assert desk.events() == [(STATE_REPORT, uid)]

    @pytest.mark.parametrize("operation", [Operation.UNSUBSCRIBE, Operation.SUSPEND_GLOBAL])
    def test_that_there_is_none_of_ends_well(self, desk: Desk, operation: Operation) -> None:
        assert desk.ask(operation, GLOBAL, subscription("WATCHER")).status == 0x0000

    def test_to_all_hears_of_a_creation_first_and_then_of_the_assignment(self, desk: Desk) -> None:
        desk.subscribe(GLOBAL)
        uid = desk.create(ScheduledStationNameCodeSequence=[code("LINAC1")])
        assert desk.events() == [(STATE_REPORT, uid), (ASSIGNED, uid)]
        report = desk.deliveries()[0].event.information
        assert (report.ProcedureStepState, report.InputReadinessState) == ("SCHEDULED", "READY")

    def test_is_whose_the_receiving_ae_says(self, desk: Desk) -> None:
        uid = desk.create()
        desk.caller = "SECOND"
        desk.subscribe(uid, "WATCHER")
        assert uid in desk.subscriptions("WATCHER")
        assert desk.subscriptions("SECOND") == {}

    @pytest.mark.parametrize("ae", [" WATCHER", "WATCHER ", "WATCHER"])
    def test_trims_the_receiving_ae(self, desk: Desk, ae: str) -> None:
        uid = desk.create()
        assert desk.subscribe(uid, ae).status == 0x0000
        assert uid in desk.subscriptions()

    @pytest.mark.parametrize("uid", [GLOBAL, FILTERED, None])
    def test_of_an_unknown_ae(self, desk: Desk, uid: str | None) -> None:
        for ae in ("STRANGER", "watcher"):
            keys = {"WorklistLabel": "Linac"} if uid == FILTERED else {}
            outcome = desk.subscribe(uid or desk.create(), ae, **keys)
            assert outcome.status == 0xC308
            assert ae not in outcome.comment

    @pytest.mark.parametrize("operation", [Operation.UNSUBSCRIBE, Operation.SUSPEND_GLOBAL])
    def test_of_an_unknown_ae_cannot_end(self, desk: Desk, operation: Operation) -> None:
        assert desk.ask(operation, GLOBAL, subscription("STRANGER")).status == 0xC308

    def test_of_an_ae_that_is_unknown_by_now_can_end(self, desk: Desk) -> None:
        uid = desk.create()
        for each in (GLOBAL, uid):
            assert desk.subscribe(each).status == 0x0000
        with desk.store.writing() as writer:
            assert writer.remove_entity("WATCHER")
        assert desk.subscribe(uid).status == 0xC308
        for operation, each in (
            (Operation.SUSPEND_GLOBAL, GLOBAL),
            (Operation.UNSUBSCRIBE, uid),
        ):
            assert desk.ask(operation, each, subscription("WATCHER")).status == 0x0000
        assert desk.subscriptions() == {}
        assert desk.ask(Operation.UNSUBSCRIBE, GLOBAL, subscription("WATCHER")).status == 0xC308

    def test_of_an_ae_that_takes_no_events(self, desk: Desk) -> None:
        assert desk.subscribe(GLOBAL, "DEAF").status == 0xC315
        assert desk.ask(Operation.UNSUBSCRIBE, GLOBAL, subscription("DEAF")).status == 0x0000

    def test_lacks_an_argument(self, desk: Desk) -> None:
        assert desk.subscribe(GLOBAL, lock=None).status == 0x0115
        assert desk.subscribe(GLOBAL, "").status == 0x0115
        assert desk.subscribe(FILTERED).status == 0x0115

    @pytest.mark.parametrize(
        ("operation", "uid"),
        [
            (Operation.UNSUBSCRIBE, FILTERED),
            (Operation.SUSPEND_GLOBAL, FILTERED),
            (Operation.SUSPEND_GLOBAL, "1.2.3"),
        ],
    )
    def test_action_that_is_not_for_the_instance(
        self, desk: Desk, operation: Operation, uid: str
    ) -> None:
        assert desk.ask(operation, uid, subscription("WATCHER")).status == 0xC314

    def test_survives_a_restart(self, desk: Desk) -> None:
        desk.subscribe(GLOBAL, lock="TRUE")
        desk.store.close()
        desk.store.open()
        uid = desk.create()
        assert desk.subscriptions() == {uid: "WITH_LOCK"}


KEYS = {"WorklistLabel": "Linac*", "ScheduledProcedureStepStartDateTime": "2030"}


class TestFilter(OnEveryDatabase):
    def test_subscribes_to_what_matches_now_and_later(self, desk: Desk) -> None:
        matching = desk.create(WorklistLabel="Linac 1")
        desk.create(WorklistLabel="CT")
        desk.create(ScheduledProcedureStepStartDateTime="20310101")
        assert desk.subscribe(FILTERED, lock="TRUE", **KEYS).status == 0x0000
        assert desk.subscriptions() == {matching: "WITH_LOCK"}
        later = desk.create(WorklistLabel="Linac 2")
        desk.create(WorklistLabel="MR")
        assert desk.subscriptions() == {matching: "WITH_LOCK", later: "WITH_LOCK"}
        assert desk.events() == [(STATE_REPORT, matching), (STATE_REPORT, later)]

    def test_without_lock_has_no_initial_events(self, desk: Desk) -> None:
        uid = desk.create()
        desk.subscribe(FILTERED, **KEYS)
        assert desk.subscriptions() == {uid: "WITHOUT_LOCK"}
        assert desk.events() == []

    def test_of_sequences(self, desk: Desk) -> None:
        here = [code("LINAC1")]
        uid = desk.create(ScheduledStationNameCodeSequence=here)
        desk.create(ScheduledStationNameCodeSequence=[code("LINAC2")])
        key = workitems.data_set(CodeValue="LINAC1", CodingSchemeDesignator="99TEST")
        desk.subscribe(FILTERED, ScheduledStationNameCodeSequence=[key])
        assert list(desk.subscriptions()) == [uid]

    def test_is_not_asked_again_when_a_workitem_changes(self, desk: Desk) -> None:
        desk.subscribe(FILTERED, WorklistLabel="Linac")
        uid = desk.create(WorklistLabel="CT")
        change = workitems.data_set(WorklistLabel="Linac")
        assert desk.ask(Operation.MODIFY, uid, change).status == 0x0000
        assert desk.subscriptions() == {}

    def test_counts_what_has_changed_while_it_was_applied(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        leaves, comes = desk.create(), desk.create(ProcedureStepLabel="Other")
        later: list[str] = []
        judge_filter = service.judge_filter

        def slowly(*arguments: Any) -> Any:
            verdicts = judge_filter(*arguments)
            for uid, label in ((leaves, "Other"), (comes, "Treatment")):
                desk.ask(Operation.MODIFY, uid, workitems.data_set(ProcedureStepLabel=label))
            later.append(desk.create())
            return verdicts

        monkeypatch.setattr(service, "judge_filter", slowly)
        assert desk.subscribe(FILTERED, ProcedureStepLabel="Treatment").status == 0x0000
        assert desk.subscriptions() == dict.fromkeys((comes, *later), "WITHOUT_LOCK")

    def test_keeps_nobody_waiting_while_it_is_applied(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        desk.create()
        statuses: list[int] = []

        def create() -> None:
            outcome = desk.ask(Operation.CREATE, workitems.new_uid(), workitems.workitem())
            statuses.append(outcome.status)

        def slowly(*arguments: Any) -> bool:
            if not statuses:  # what is created meanwhile is looked at with nobody else about
                other = threading.Thread(target=create)
                other.start()
                other.join()
            return matches(*arguments)

        monkeypatch.setattr(finding, "matches", slowly)
        desk.subscribe(FILTERED, ProcedureStepLabel="Treatment")
        assert statuses == [0x0000]
        assert len(desk.subscriptions()) == 2

    def test_replaces_the_one_before(self, desk: Desk) -> None:
        desk.subscribe(FILTERED, WorklistLabel="CT")
        desk.subscribe(FILTERED, WorklistLabel="MR")
        desk.create(WorklistLabel="CT")
        uid = desk.create(WorklistLabel="MR")
        assert list(desk.subscriptions()) == [uid]
        desk.subscribe(GLOBAL)
        assert len(desk.subscriptions()) == 2
        desk.create(WorklistLabel="XA")
        assert len(desk.subscriptions()) == 3

    def test_ends_and_is_suspended_as_a_global_one(self, desk: Desk) -> None:
        desk.subscribe(FILTERED, WorklistLabel="Linac")
        uid = desk.create()
        desk.ask(Operation.SUSPEND_GLOBAL, GLOBAL, subscription("WATCHER"))
        desk.create()
        assert list(desk.subscriptions()) == [uid]
        desk.ask(Operation.UNSUBSCRIBE, GLOBAL, subscription("WATCHER"))
        assert desk.subscriptions() == {}

    def test_that_is_not_understood_any_more_keeps_nobody_from_creating(
        self, desk: Desk, caplog: pytest.LogCaptureFixture
    ) -> None:
        """An older version may have let it through."""
        keys = workitems.data_set(ScheduledProcedureStepStartDateTime="tomorrow")
        with desk.store.writing() as writer:
            writer.set_global_subscription("WATCHER", GlobalState.WITH_LOCK, keys)
        desk.create()
        assert desk.subscriptions() == {}
        assert "The filter of WATCHER cannot be applied any more" in caplog.text

    def test_that_cannot_be(self, desk: Desk) -> None:
        outcome = desk.subscribe(FILTERED, ScheduledProcedureStepStartDateTime="tomorrow")
        assert outcome.status == 0x0115
        desk.create()
        assert desk.subscriptions() == {}


class TestRules:
    def test_deletion_locks_are_not_granted(self, desk: Desk) -> None:
        frugal, uid = desk.under(deletion_locks=False), desk.create()
        assert frugal.subscribe(uid, lock="TRUE").status == 0xB301
        assert frugal.subscribe(uid, "SECOND", lock="FALSE").status == 0x0000
        assert frugal.subscriptions() == {uid: "WITHOUT_LOCK"}
        assert frugal.subscribe(GLOBAL, lock="TRUE").status == 0xB301
        later = frugal.create()
        assert frugal.subscriptions()[later] == "WITHOUT_LOCK"

    def test_an_ae_subscribes_itself_only(self, desk: Desk) -> None:
        private = desk.under(own_subscriptions_only=True)
        assert private.subscribe(GLOBAL, "WATCHER").status == 0x0124
        private.caller = "WATCHER"
        assert private.subscribe(GLOBAL, "WATCHER").status == 0x0000
