"""The worklist service without a network: what a request is answered, and what it leaves behind."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from pydicom.dataset import Dataset

from leaddicom import LDicomDS
from leaddicom.decoding import encode_data_set
from leaddicom.dimse.sink import ReceivedDataSet
from leaddicom.ups.core.rules import Rules
from leaddicom.ups.core.terms import SopClass, State
from leaddicom.ups.manager.gate import Operation
from leaddicom.ups.manager.request import Caller
from leaddicom.ups.manager.service import WorklistService
from leaddicom.ups.store import StaleWorkitem, StoreError, Writer
from ups import workitems
from ups.databases import Databases
from ups.desk import Desk, OnEveryDatabase, opened
from ups.workitems import FILTERED, GLOBAL, code, new_uid, state, subscription, workitem

TUID, OTHER_TUID = "1.2.3", "1.2.4"
CANCELED, COMPLETED, IN_PROGRESS = "CANCELED", "COMPLETED", "IN PROGRESS"
IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"

STATE_REPORT, CANCEL_REQUESTED, PROGRESS, ASSIGNED = 1, 2, 3, 5

#: Operations on a workitem that has to be there.
ON_WORKITEMS = {
    Operation.GET: None,
    Operation.MODIFY: workitems.data_set(ProcedureStepLabel="Other"),
    Operation.CHANGE_STATE: state(IN_PROGRESS, TUID),
    Operation.REQUEST_CANCEL: workitems.reason(),
    Operation.SUBSCRIBE: subscription("WATCHER", "TRUE"),
    Operation.UNSUBSCRIBE: subscription("WATCHER"),
}

#: One good request for each operation; the instance is the one of a test unless it is named.
GOOD: dict[Operation, tuple[str | None, Dataset | None]] = {
    Operation.CREATE: (None, workitem()),
    **{operation: (None, dataset) for operation, dataset in ON_WORKITEMS.items()},
    Operation.SUSPEND_GLOBAL: (GLOBAL, subscription("WATCHER")),
}


class TestOrder:
    """A request is judged by its operation, its class, who asks, its arguments, in this order."""

    def ask(
        self, desk: Desk, *, context: str, named: str, dataset: Any = None, uid: str = "../x"
    ) -> int:
        return desk.ask(Operation.MODIFY, uid, dataset, context=context, named=named).status

    @pytest.fixture
    def strict(self, desk: Desk) -> Desk:
        service = WorklistService(
            desk.store, Rules(strict_sop_class=True), authorizes=lambda *asked: False
        )
        return Desk(desk.store, service)

    def test_first_the_operation(self, strict: Desk) -> None:
        status = self.ask(strict, context=SopClass.WATCH.value, named=SopClass.PULL.value)
        assert status == 0x0211

    def test_then_the_sop_class(self, strict: Desk) -> None:
        status = self.ask(strict, context=SopClass.PULL.value, named=SopClass.PULL.value)
        assert status == 0x0118

    def test_then_who_asks(self, strict: Desk) -> None:
        status = self.ask(strict, context=SopClass.PULL.value, named=SopClass.PUSH.value)
        assert status == 0x0124

    def test_then_the_instance(self, desk: Desk) -> None:
        status = self.ask(desk, context=SopClass.PULL.value, named=SopClass.PUSH.value)
        assert status == 0x0117

    def test_then_the_data_set(self, desk: Desk) -> None:
        ask = {"context": SopClass.PULL.value, "named": SopClass.PUSH.value}
        assert self.ask(desk, **ask, dataset=damaged(), uid=new_uid()) == 0x0110
        assert self.ask(desk, **ask, dataset=Dataset(), uid=new_uid()) == 0xC307


class TestSopClass:
    @pytest.mark.parametrize("operation", [each for each in GOOD if each is not Operation.CREATE])
    @pytest.mark.parametrize("named", [SopClass.PULL.value, SopClass.WATCH.value, ""])
    def test_another_than_push_is_tolerated(
        self, desk: Desk, operation: Operation, named: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        uid, dataset = GOOD[operation]
        outcome = desk.ask(operation, uid or desk.create(), dataset, named=named)
        assert outcome.status == 0x0000
        assert f"names the SOP class {named!a} rather than UPS Push" in caplog.text

    @pytest.mark.parametrize("operation", GOOD)
    def test_another_than_push_is_refused_strictly(self, desk: Desk, operation: Operation) -> None:
        uid, dataset = GOOD[operation]
        strict = desk.under(strict_sop_class=True)
        outcome = strict.ask(operation, uid or new_uid(), dataset, named=SopClass.PULL.value)
        assert outcome.status == 0x0118

    def test_another_than_push_cannot_be_created(self, desk: Desk) -> None:
        uid = new_uid()
        outcome = desk.ask(Operation.CREATE, uid, workitem(), named=SopClass.PULL.value)
        assert outcome.status == 0x0118
        assert desk.stored(uid) is None


class TestAuthorization:
    @pytest.mark.parametrize("operation", GOOD)
    def test_that_is_refused_changes_nothing(self, desk: Desk, operation: Operation) -> None:
        asked: list[tuple[str, Operation, str]] = []

        def authorizes(caller: Caller, wanted: Operation, uid: str) -> bool:
            asked.append((caller.ae_title, wanted, uid))
            return False

        target, dataset = GOOD[operation]
        uid = target or desk.create()
        before = desk.everything()
        closed = Desk(desk.store, WorklistService(desk.store, authorizes=authorizes))
        outcome = closed.ask(operation, uid, dataset)
        assert outcome.status == 0x0124
        assert outcome.comment
        assert asked == [("CLIENT", operation, uid)]
        assert desk.everything() == before


class TestInstance:
    @pytest.mark.parametrize("operation", GOOD)
    @pytest.mark.parametrize("uid", ["", "../escaped", "1.2.", "1.02", "1." * 40 + "1", "1.2\n3"])
    def test_that_is_no_uid(self, desk: Desk, operation: Operation, uid: str) -> None:
        assert desk.ask(operation, uid, GOOD[operation][1]).status == 0x0117

    @pytest.mark.parametrize("operation", ON_WORKITEMS)
    def test_that_is_not_there(self, desk: Desk, operation: Operation) -> None:
        outcome = desk.ask(operation, new_uid(), ON_WORKITEMS[operation])
        assert outcome.status == 0xC307
        assert outcome.comment


class TestDataSet:
    @pytest.mark.parametrize(
        "operation", [each for each, (_, dataset) in GOOD.items() if dataset is not None]
    )
    def test_that_cannot_be_decoded(self, desk: Desk, operation: Operation) -> None:
        outcome = desk.ask(operation, new_uid(), damaged())
        assert outcome.status == 0x0110
        assert outcome.comment == "The data set cannot be decoded"

    def test_of_a_creation_that_is_absent(self, desk: Desk) -> None:
        assert desk.ask(Operation.CREATE, new_uid()).status == 0x0120

    @pytest.mark.parametrize(
        "operation",
        [each for each in GOOD if each.is_action and each is not Operation.REQUEST_CANCEL],
    )
    def test_of_an_action_that_is_absent(self, desk: Desk, operation: Operation) -> None:
        uid = GOOD[operation][0] or desk.create()
        assert desk.ask(operation, uid).status == 0x0115

    @pytest.mark.parametrize("operation", [each for each in GOOD if each.is_action])
    def test_of_an_action_that_has_an_impossible_value(
        self, desk: Desk, operation: Operation
    ) -> None:
        outcome = desk.ask(operation, GOOD[operation][0] or desk.create(), impossible())
        assert outcome.status == 0x0115
        assert "ReasonForCancellation" in outcome.comment


class TestCreation:
    def test(self, desk: Desk) -> None:
        uid = desk.create(PatientID="0815")
        found = desk.workitem(uid)
        assert (found.uid, found.dataset.PatientID) == (uid, "0815")
        assert (found.state, found.creator_ae, found.transaction_uid) == ("SCHEDULED", "CLIENT", "")

    def test_of_what_is_there_changes_nothing(self, desk: Desk) -> None:
        uid = desk.create(PatientID="0815")
        outcome = desk.ask(Operation.CREATE, uid, workitem(PatientID="4711"))
        assert outcome.status == 0x0111
        assert desk.workitem(uid).dataset.PatientID == "0815"

    @pytest.mark.parametrize("uid", [GLOBAL, FILTERED])
    def test_of_an_instance_that_stands_for_all(self, desk: Desk, uid: str) -> None:
        assert desk.ask(Operation.CREATE, uid, workitem()).status == 0x0111

    def test_goes_by_the_uid_of_the_command(self, desk: Desk) -> None:
        uid, other = new_uid(), new_uid()
        outcome = desk.ask(Operation.CREATE, uid, workitem(SOPInstanceUID=other))
        assert outcome.status == 0xB300
        assert desk.workitem(uid).dataset.SOPInstanceUID == uid
        assert desk.stored(other) is None

    def test_that_is_refused_leaves_nothing(self, desk: Desk) -> None:
        desk.subscribe(GLOBAL)
        uid = new_uid()
        outcome = desk.ask(Operation.CREATE, uid, workitem(ProcedureStepLabel=None))
        assert (outcome.status, desk.stored(uid)) == (0x0120, None)
        assert (desk.events(), desk.subscriptions()) == ([], {})

    def test_is_reported_to_nobody_by_default(self, desk: Desk) -> None:
        desk.create()
        assert desk.events() == []


class TestState(OnEveryDatabase):
    def test_from_the_beginning_to_the_end(self, desk: Desk) -> None:
        uid = desk.create()
        desk.subscribe(uid)
        desk.claim(uid)
        assert (desk.workitem(uid).state, desk.workitem(uid).performer_ae) == (
            IN_PROGRESS,
            "CLIENT",
        )
        outcome = desk.ask(Operation.MODIFY, uid, workitems.progress(TUID))
        assert outcome.status == 0x0000
        desk.change(uid, COMPLETED, TUID, status=0xC304)
        desk.complete(uid)
        assert desk.workitem(uid).state == COMPLETED
        assert desk.events() == [
            (STATE_REPORT, uid),
            (STATE_REPORT, uid),
            (PROGRESS, uid),
            (STATE_REPORT, uid),
        ]
        states = [each.event.information.get("ProcedureStepState") for each in desk.deliveries()]
        assert states == ["SCHEDULED", IN_PROGRESS, None, COMPLETED]

    def test_of_what_somebody_else_has_claimed(self, desk: Desk) -> None:
        uid = desk.create()
        desk.claim(uid)
        desk.change(uid, IN_PROGRESS, OTHER_TUID, status=0xC301)
        desk.change(uid, IN_PROGRESS, TUID, status=0xC302)
        assert desk.workitem(uid).transaction_uid == TUID

    def test_that_is_refused_is_reported_to_nobody(self, desk: Desk) -> None:
        uid = desk.create()
        desk.subscribe(uid)
        desk.forget_events()
        desk.change(uid, "SCHEDULED", TUID, status=0xC303)
        desk.change(uid, COMPLETED, TUID, status=0xC310)
        desk.change(uid, "FOO", TUID, status=0x0115)
        desk.change(uid, IN_PROGRESS, None, status=0xC301)
        assert desk.events() == []

    def test_that_is_final_already_is_a_warning_and_no_event(self, desk: Desk) -> None:
        uid = desk.create()
        desk.claim(uid)
        desk.change(uid, CANCELED, TUID, status=0x0000)
        desk.subscribe(uid)
        desk.forget_events()
        version = desk.workitem(uid).version
        desk.change(uid, CANCELED, TUID, status=0xB304)
        assert (desk.events(), desk.workitem(uid).version) == ([], version)

    def test_is_asked_to_be_canceled_before_anybody_has_claimed_it(self, desk: Desk) -> None:
        uid = desk.create()
        desk.subscribe(uid)
        desk.forget_events()
        outcome = desk.ask(Operation.REQUEST_CANCEL, uid, workitems.reason())
        assert (outcome.status, desk.workitem(uid).state) == (0x0000, CANCELED)
        assert [number for number, _ in desk.events()] == [
            CANCEL_REQUESTED,
            STATE_REPORT,
            STATE_REPORT,
        ]
        told = desk.deliveries()[0].event.information
        assert (told.RequestingAE, told.ReasonForCancellation) == ("CLIENT", "Machine down")
        desk.change(uid, IN_PROGRESS, TUID, status=0xC301)

    def test_is_asked_to_be_canceled_of_the_performer(self, desk: Desk) -> None:
        uid = desk.create()
        desk.subscribe(uid)
        desk.claim(uid)
        desk.forget_events()
        outcome = desk.ask(Operation.REQUEST_CANCEL, uid)
        assert (outcome.status, desk.workitem(uid).state) == (0x0000, IN_PROGRESS)
        assert desk.events() == [(CANCEL_REQUESTED, uid)]

    def test_is_asked_to_be_canceled_too_late(self, desk: Desk) -> None:
        uid = desk.create()
        desk.claim(uid)
        desk.complete(uid)
        assert desk.ask(Operation.REQUEST_CANCEL, uid).status == 0xC311


class TestForcedState:
    """An admin's doing, for example when a performer has died."""

    def test_of_what_nobody_has_claimed(self, desk: Desk) -> None:
        uid = desk.create()
        desk.subscribe(uid)
        desk.forget_events()
        outcome = desk.service.force_state(uid, State.CANCELED, by="admin")
        assert (outcome.status, desk.workitem(uid).state) == (0x0000, CANCELED)
        assert desk.events() == [(STATE_REPORT, uid), (STATE_REPORT, uid)]

    def test_of_what_a_performer_has_claimed(self, desk: Desk) -> None:
        uid = desk.create()
        desk.claim(uid)
        outcome = desk.service.force_state(
            uid, State.CANCELED, by="admin", reason=workitems.reason()
        )
        assert (outcome.status, desk.workitem(uid).state) == (0x0000, CANCELED)
        desk.change(uid, COMPLETED, TUID, status=0xC300)

    def test_is_on_record(self, desk: Desk) -> None:
        uid = desk.create()
        assert desk.service.force_state(uid, State.COMPLETED, by="admin").status == 0xC304
        with desk.store.reading() as reader:
            entry = reader.audit(uid=uid, limit=1)[0]
        assert (entry.operation, entry.identity) == ("forced to COMPLETED", "admin")
        assert entry.status == 0xC304
        assert desk.workitem(uid).state == "SCHEDULED"


class TestModification:
    def test_needs_the_transaction_uid_once_it_is_claimed(self, desk: Desk) -> None:
        uid = desk.create()
        relabel = workitems.data_set(ProcedureStepLabel="Other")
        assert desk.ask(Operation.MODIFY, uid, relabel).status == 0x0000
        desk.claim(uid)
        assert desk.ask(Operation.MODIFY, uid, relabel).status == 0xC301
        relabel.TransactionUID = TUID
        assert desk.ask(Operation.MODIFY, uid, relabel).status == 0x0000

    def test_with_a_forbidden_attribute_changes_nothing(self, desk: Desk) -> None:
        uid = desk.create()
        change = workitems.data_set(ProcedureStepLabel="Other", PatientBirthDate="20000101")
        outcome = desk.ask(Operation.MODIFY, uid, change)
        assert outcome.status == 0x0106
        assert "PatientBirthDate" in outcome.comment
        assert desk.workitem(uid).dataset.ProcedureStepLabel == "Treatment"

    def test_of_the_station_is_reported_as_an_assignment(self, desk: Desk) -> None:
        uid = desk.create()
        desk.subscribe(uid)
        desk.forget_events()
        change = workitems.data_set(ScheduledStationNameCodeSequence=[code("LINAC2")])
        assert desk.ask(Operation.MODIFY, uid, change).status == 0x0000
        assert desk.events() == [(ASSIGNED, uid)]


class TestReading:
    def test_never_gives_the_transaction_uid(self, desk: Desk) -> None:
        uid = desk.create()
        desk.claim(uid)
        for tags in ((), (0x00081195, 0x00741000)):
            outcome = desk.ask(Operation.GET, uid, tags=tags)
            assert outcome.dataset is not None
            assert outcome.dataset.ProcedureStepState == IN_PROGRESS
            assert "TransactionUID" not in outcome.dataset
            assert TUID not in str(outcome.dataset)

    def test_is_on_no_record(self, desk: Desk) -> None:
        uid = desk.create()
        before = desk.everything()
        assert desk.ask(Operation.GET, uid).status == 0x0000
        assert desk.everything() == before


@pytest.mark.parametrize("operation", [each for each in GOOD if each is not Operation.GET])
def test_no_answer_but_that_of_n_get_has_a_data_set(desk: Desk, operation: Operation) -> None:
    """PS3.4 section CC.2.1 to CC.2.3: there is no Action Reply, least of all with the lock."""
    uid, dataset = GOOD[operation]
    fresh = new_uid() if operation is Operation.CREATE else desk.create()
    outcome = desk.ask(operation, uid or fresh, dataset)
    assert outcome.status == 0x0000
    assert outcome.dataset is None


class TestRecord:
    def test_of_every_change_and_of_what_was_refused(self, desk: Desk) -> None:
        uid = desk.create()
        desk.claim(uid)
        desk.change(uid, IN_PROGRESS, OTHER_TUID, status=0xC301)
        with desk.store.reading() as reader:
            entries = reader.audit(uid=uid, limit=10)
        found = sorted((each.operation, each.calling_ae, each.status) for each in entries)
        change = str(Operation.CHANGE_STATE)
        assert found == [
            (change, "CLIENT", 0x0000),
            (change, "CLIENT", 0xC301),
            (str(Operation.CREATE), "CLIENT", 0x0000),
        ]


class TestConcurrency(OnEveryDatabase):
    """Somebody else may be faster at any moment."""

    def test_one_of_many_claims_wins(self, desk: Desk) -> None:
        uid, statuses, start = desk.create(), list[int](), threading.Barrier(8)

        def claim(number: int) -> None:
            start.wait(10)
            outcome = desk.ask(Operation.CHANGE_STATE, uid, state(IN_PROGRESS, f"1.2.3.{number}"))
            statuses.append(outcome.status)

        run_all([lambda number=number: claim(number) for number in range(8)])
        assert sorted(statuses) == [0x0000] + [0xC301] * 7

    def test_one_of_many_creations_wins(self, desk: Desk) -> None:
        uid, statuses, start = new_uid(), list[int](), threading.Barrier(6)

        def create() -> None:
            start.wait(10)
            statuses.append(desk.ask(Operation.CREATE, uid, workitem()).status)

        run_all([create] * 6)
        assert sorted(statuses) == [0x0000] + [0x0111] * 5

    def test_whoever_subscribes_to_all_misses_no_creation(self, desk: Desk) -> None:
        uids, start = list[str](), threading.Barrier(5)

        def create() -> None:
            start.wait(10)
            uids.extend([desk.create() for _ in range(5)])

        def subscribe() -> None:
            start.wait(10)
            desk.subscribe(GLOBAL, lock="TRUE")

        run_all([create] * 4 + [subscribe])
        assert len(uids) == 20
        assert sorted(desk.subscriptions()) == sorted(uids)
        assert sorted(desk.events()) == sorted((STATE_REPORT, uid) for uid in uids)

    @pytest.mark.parametrize(("times", "status"), [(1, 0x0000), (2, 0x0110)])
    def test_a_change_in_between_is_tried_once_more(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch, times: int, status: int
    ) -> None:
        uid, left, update = desk.create(), [None] * times, Writer.update

        def stale(writer: Writer, changed: Any) -> None:
            if left:
                left.pop()
                raise StaleWorkitem("It was changed.")
            update(writer, changed)

        monkeypatch.setattr(Writer, "update", stale)
        outcome = desk.ask(Operation.CHANGE_STATE, uid, state(IN_PROGRESS, TUID))
        assert (outcome.status, left) == (status, [])
        assert desk.workitem(uid).state == ("SCHEDULED" if status else IN_PROGRESS)


def test_a_store_that_is_busy(sqlite_databases: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leaddicom.ups.store.sqlite.LOCK_TIMEOUT", 0.05)
    path = sqlite_databases.with_schema()
    with opened(path) as desk, closing(sqlite3.connect(path)) as somebody:
        uid = new_uid()
        somebody.execute("BEGIN IMMEDIATE")
        outcome = desk.ask(Operation.CREATE, uid, workitem())
        assert (outcome.status, outcome.comment) == (0x0213, "The worklist is busy; try again")
        somebody.rollback()
        assert desk.ask(Operation.CREATE, uid, workitem()).status == 0x0000


#: What a request has the store write, and so what may fail in the middle of it.
FAULTS = {
    Operation.CREATE: ["insert", "set_subscription", "publish", "record"],
    Operation.MODIFY: ["update", "publish", "record"],
    Operation.CHANGE_STATE: ["update", "publish", "record"],
    Operation.REQUEST_CANCEL: ["update", "publish", "record"],
    Operation.SUBSCRIBE: ["set_subscription", "publish", "record"],
    Operation.UNSUBSCRIBE: ["set_subscription", "record"],
    Operation.SUSPEND_GLOBAL: ["clear_global", "record"],
}


class TestFault:
    """Whatever fails, and wherever: one answer, and nothing is left behind."""

    @pytest.mark.parametrize(
        ("operation", "method"),
        [(operation, method) for operation, methods in FAULTS.items() for method in methods],
        ids=lambda value: getattr(value, "name", value),
    )
    @pytest.mark.parametrize(("when", "error"), [("before", StoreError), ("after", RuntimeError)])
    def test_in_the_middle(
        self,
        desk: Desk,
        monkeypatch: pytest.MonkeyPatch,
        operation: Operation,
        method: str,
        when: str,
        error: type[Exception],
    ) -> None:
        desk.subscribe(GLOBAL)
        there = desk.create()
        desk.subscribe(there)
        before = desk.everything()
        original = getattr(Writer, method)

        def failing(*arguments: Any, **named: Any) -> None:
            if when == "after":
                original(*arguments, **named)
            raise error("Doe^Jane")

        uid, dataset = GOOD[operation]
        if operation is Operation.MODIFY:
            dataset = workitems.data_set(InputReadinessState="UNAVAILABLE")
        with monkeypatch.context() as patched:
            patched.setattr(Writer, method, failing)
            fresh = new_uid() if operation is Operation.CREATE else there
            outcome = desk.ask(operation, uid or fresh, dataset)
        assert outcome.status == 0x0110
        assert desk.everything() == before
        assert desk.stored(fresh) is None or fresh == there
        assert desk.ask(operation, uid or fresh, dataset).status == 0x0000

    def test_while_reading(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        uid = desk.create()
        monkeypatch.setattr("leaddicom.ups.manager.service.get", raises(RuntimeError("Doe^Jane")))
        assert desk.ask(Operation.GET, uid).status == 0x0110

    def test_in_the_authorization(self, desk: Desk) -> None:
        service = WorklistService(desk.store, authorizes=raises(RuntimeError("no")))
        uid = new_uid()
        outcome = Desk(desk.store, service).ask(Operation.CREATE, uid, workitem())
        assert outcome.status == 0x0110
        assert desk.stored(uid) is None

    def test_is_logged_without_what_it_says(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The text of an exception may quote what a peer has sent, a patient's name for one."""
        monkeypatch.setattr(Writer, "insert", raises(RuntimeError("Doe^Jane")))
        outcome = desk.ask(Operation.CREATE, new_uid(), workitem())
        assert "RuntimeError" in caplog.text
        assert "service.py" in caplog.text
        assert "Doe" not in caplog.text + outcome.comment

    def test_of_the_store_is_told_in_its_words(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        fail = raises(StoreError("The disk is full."))
        monkeypatch.setattr(Writer, "insert", fail)
        assert desk.ask(Operation.CREATE, new_uid(), workitems.workitem()).status == 0x0110
        (line,) = [each.getMessage() for each in caplog.records if each.levelname == "ERROR"]
        assert line.endswith("failed: The disk is full.")


def test_no_log_line_has_patient_data_or_is_forged(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    desk.caller = "EVIL\nINFO root"
    for operation, (uid, dataset) in GOOD.items():
        desk.ask(operation, uid or "1.2\n3", dataset)
        desk.ask(
            operation,
            uid or desk.create() if operation is not Operation.CREATE else new_uid(),
            dataset,
        )
    assert "Doe" not in caplog.text
    assert not [line for line in caplog.text.splitlines() if line.startswith("INFO root")]


def damaged() -> LDicomDS:
    """A data set that is cut short."""
    data = encode_data_set(workitem(), IMPLICIT)[:-3]
    return LDicomDS.from_received(ReceivedDataSet(IMPLICIT, "", "", len(data), data=data))


def impossible() -> LDicomDS:
    """A data set with half a number where a text should be."""
    data = b"\x74\x00\x38\x12FL\x02\x00ab"
    return LDicomDS.from_received(ReceivedDataSet(EXPLICIT, "", "", len(data), data=data))


def raises(error: Exception) -> Callable[..., Any]:
    def fail(*arguments: Any, **named: Any) -> Any:
        raise error

    return fail


def run_all(jobs: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=job, daemon=True) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
