"""Signs of life, ageing, and the news that the service starts or stops."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from pydicom.dataset import Dataset

from leaddicom.ups.core.events import state_report
from leaddicom.ups.core.subscriptions import GlobalState, SubscriptionState
from leaddicom.ups.core.terms import GLOBAL_SUBSCRIPTION, EventType, ScpStatus, SopClass, State
from leaddicom.ups.core.workitem import Workitem
from leaddicom.ups.manager.housekeeping import Housekeeping, announce
from leaddicom.ups.settings.entities import ApplicationEntity
from leaddicom.ups.store import Store, StoreError
from leaddicom.ups.store.servers import SILENCE
from ups.databases import SqliteDatabases, register, unregister
from ups.receivers import PATIENCE

ROOT = "1.2.826.0.1.3680043.8.498"
LOG = "leaddicom.ups.manager.housekeeping"
START = datetime(2030, 1, 1, tzinfo=timezone.utc)


class Clock:
    now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(new_store: Callable[..., Store], clock: Clock) -> Store:
    return new_store(clock=clock)


def workitem(number: int, state: State = State.SCHEDULED) -> Workitem:
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = SopClass.PUSH.value, f"{ROOT}.{number}"
    dataset.ProcedureStepState, dataset.InputReadinessState = state.value, "READY"
    dataset.ScheduledProcedureStepStartDateTime = "20300101120000+0000"
    final_at = START if state.is_final else None
    return Workitem(f"{ROOT}.{number}", dataset, final_at=final_at)


def insert(store: Store, *workitems: Workitem) -> None:
    with store.writing() as writer:
        for each in workitems:
            writer.insert(each)


def left(store: Store, *numbers: int) -> list[int]:
    with store.reading() as reader:
        return [each for each in numbers if reader.workitem(f"{ROOT}.{each}") is not None]


class TestAnnounce:
    @pytest.fixture
    def systems(self, store: Store) -> None:
        """Systems with every reason to be told, some of them with several."""
        insert(store, workitem(1), workitem(2))
        with store.writing() as writer:
            for title in ("FALLBACK", "MUTE", "ALL", "BOTH"):
                fallback = title != "ALL"
                writer.put_entity(
                    ApplicationEntity(
                        title, "localhost", 1, fallback_list=fallback, event_scu=title != "MUTE"
                    )
                )
            writer.put_entity(ApplicationEntity("NOBODY", "localhost", 1))
            writer.set_global_subscription("ALL", GlobalState.WITHOUT_LOCK)
            writer.set_global_subscription("BOTH", GlobalState.WITH_LOCK)
            writer.set_subscription("BOTH", f"{ROOT}.1", SubscriptionState.WITH_LOCK)
            writer.set_subscription("ONE", f"{ROOT}.1", SubscriptionState.WITHOUT_LOCK)
            writer.set_subscription("ONE", f"{ROOT}.2", SubscriptionState.WITHOUT_LOCK)

    @pytest.mark.usefixtures("systems")
    def test_tells_everybody_whom_it_concerns_once(self, store: Store) -> None:
        # PS3.4 section CC.2.4.3
        with store.writing() as writer:
            assert announce(writer, ScpStatus.RESTARTED) == 4
        for title in ("FALLBACK", "ALL", "BOTH", "ONE"):
            (delivery,) = store.pending(title, 10)
            assert delivery.event.type is EventType.SCP_STATUS_CHANGE
            assert delivery.event.uid == GLOBAL_SUBSCRIPTION
        assert store.pending("NOBODY", 10) == store.pending("MUTE", 10) == []

    @pytest.mark.usefixtures("systems")
    @pytest.mark.parametrize(
        ("status", "cold", "start"),
        [
            (ScpStatus.RESTARTED, False, "WARM START"),
            (ScpStatus.RESTARTED, True, "COLD START"),
            (ScpStatus.GOING_DOWN, False, "WARM START"),
        ],
    )
    def test_tells_what_is_left(
        self, store: Store, status: ScpStatus, cold: bool, start: str
    ) -> None:
        with store.writing() as writer:
            announce(writer, status, cold=cold)
        information = store.pending("ALL", 1)[0].event.information
        assert information.SCPStatus == status
        assert information.SubscriptionListStatus == start
        assert information.UnifiedProcedureStepListStatus == start

    def test_tells_nobody_where_nobody_is(self, store: Store) -> None:
        with store.writing() as writer:
            assert announce(writer, ScpStatus.GOING_DOWN) == 0


class TestPurge:
    def test_deletes_what_is_final_for_long_enough(
        self, store: Store, clock: Clock, caplog: pytest.LogCaptureFixture
    ) -> None:
        insert(store, workitem(1), workitem(2, State.COMPLETED), workitem(3, State.CANCELED))
        keeping = {State.COMPLETED: timedelta(days=30), State.CANCELED: timedelta(days=1)}
        housekeeping = Housekeeping(store, "process", retention=keeping)
        clock.now += timedelta(days=1)
        housekeeping.purge()
        assert left(store, 1, 2, 3) == [1, 2, 3]
        clock.now += timedelta(seconds=1)
        with caplog.at_level(logging.INFO, LOG):
            housekeeping.purge()
            housekeeping.purge()
        assert left(store, 1, 2, 3) == [1, 2]
        assert [each.getMessage() for each in caplog.records] == [
            "1 final workitems were deleted, as their time was over."
        ]
        clock.now += timedelta(days=29)
        housekeeping.purge()
        assert left(store, 1, 2, 3) == [1]

    def test_deletes_nothing_that_is_locked(self, store: Store, clock: Clock) -> None:
        insert(store, workitem(1, State.COMPLETED), workitem(2, State.COMPLETED))
        with store.writing() as writer:
            writer.set_subscription("WATCHER", f"{ROOT}.1", SubscriptionState.WITH_LOCK)
            writer.set_subscription("WATCHER", f"{ROOT}.2", SubscriptionState.WITHOUT_LOCK)
        clock.now += timedelta(days=1000)
        Housekeeping(store, "process").purge()
        assert left(store, 1, 2) == [1]

    def test_keeps_states_that_are_not_named_for_ever(self, store: Store, clock: Clock) -> None:
        insert(store, workitem(1, State.COMPLETED), workitem(2, State.CANCELED))
        clock.now += timedelta(days=10_000)
        Housekeeping(store, "process", retention={State.CANCELED: timedelta(0)}).purge()
        assert left(store, 1, 2) == [1]


class TestThread:
    @pytest.mark.parametrize("seldom", [0.001, 3600.0])
    def test_does_everything_at_once_and_then_in_its_time(
        self, store: Store, seldom: float
    ) -> None:
        done: list[str] = []
        beaten = threading.Semaphore(0)

        class Noting(Housekeeping):
            def beat(self) -> None:
                super().beat()
                done.append("beat")
                beaten.release()

            def purge(self) -> None:
                super().purge()
                done.append("purge")

            def expire(self) -> None:
                super().expire()
                done.append("expire")

        housekeeping = Noting(store, "process", heartbeat=0.001, interval=seldom)
        housekeeping.start()
        for _ in range(10):
            assert beaten.acquire(timeout=PATIENCE)
        assert housekeeping.stop(PATIENCE)
        assert done[:3] == ["beat", "purge", "expire"]
        assert (done.count("purge") > 1, done.count("expire") > 1) == (seldom < 1, seldom < 1)

    def test_shows_others_that_the_process_lives(self, store: Store, clock: Clock) -> None:
        assert register(store, "process", "another host", 1)
        clock.now += timedelta(hours=1)
        Housekeeping(store, "process").beat()
        assert not register(store, "late", "this host", 2)
        assert not unregister(store, "late")

    def test_tells_of_a_restart_that_came_out_later(self, store: Store, clock: Clock) -> None:
        """A process on another host took over from one of which nobody knew that it was dead."""
        with store.writing() as writer:
            writer.put_entity(ApplicationEntity("WATCHER", "localhost", 104, fallback_list=True))
            writer.register("killed", "host 1", 1)
            others = writer.register("next", "host 2", 1)
        housekeeping = Housekeeping(store, "next")
        housekeeping.others = others
        housekeeping.beat()
        assert store.pending("WATCHER", 10) == []
        clock.now += SILENCE
        housekeeping.beat()
        (delivery,) = store.pending("WATCHER", 10)
        assert delivery.event.information.SCPStatus == "RESTARTED"
        assert housekeeping.others == frozenset()
        assert unregister(store, "next")

    def test_survives_a_store_that_fails(
        self, sqlite_databases: SqliteDatabases, caplog: pytest.LogCaptureFixture
    ) -> None:
        beats = threading.Semaphore(0)

        class Shaky(Store):
            failures = 3

            def heartbeat(self, *arguments: Any) -> None:
                if self.failures:
                    self.failures -= 1
                    raise StoreError("The database is away.")
                super().heartbeat(*arguments)
                beats.release()

        shaky = Shaky(sqlite_databases.with_schema(), zone=timezone.utc)
        shaky.open()
        housekeeping = Housekeeping(shaky, "process", heartbeat=0.001)
        with caplog.at_level(logging.INFO, LOG):
            housekeeping.start()
            for _ in range(2):
                assert beats.acquire(timeout=PATIENCE)
            assert housekeeping.stop(PATIENCE)
        shaky.close()
        assert [(each.levelno, each.getMessage()) for each in caplog.records] == [
            (logging.ERROR, "The sign of life fails, and is tried again: The database is away."),
            (logging.INFO, "The sign of life works again."),
        ]

    def test_that_never_began_has_ended(self, store: Store) -> None:
        assert Housekeeping(store, "process").stop(0.0)

    def test_expires_old_events(
        self, store: Store, clock: Clock, caplog: pytest.LogCaptureFixture
    ) -> None:
        item = workitem(1)
        with store.writing() as writer:
            writer.publish(state_report(item.uid, item.dataset), ["WATCHER"])
        housekeeping = Housekeeping(store, "process", give_up_after=timedelta(hours=2))
        clock.now += timedelta(hours=2)
        housekeeping.expire()
        assert len(store.pending("WATCHER", 10)) == 1
        clock.now += timedelta(seconds=1)
        housekeeping.expire()
        assert store.pending("WATCHER", 10) == []
        assert "given up: nobody has taken them for 2:00:00" in caplog.text
