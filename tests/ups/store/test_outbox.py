"""Events leave in the order of the commits, at least once, and never by two at a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest
from sqlalchemy import select

from leaddicom.ups.core.events import cancel_requested, progress_report, state_report
from leaddicom.ups.core.subscriptions import SubscriptionState
from leaddicom.ups.core.workitem import Event
from leaddicom.ups.store import Store, outbox, schema
from ups.databases import register
from ups.workitems import data_set

from .samples import new, uid

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2030, 1, 1, tzinfo=timezone.utc)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(new_store: Callable[..., Store], clock: Clock) -> Store:
    return new_store(clock=clock)


def report(number: int = 1) -> Event:
    return state_report(uid(number), new(number).dataset)


def progress(number: int, percent: int) -> Event:
    item = data_set(ProcedureStepProgress=str(percent))
    return progress_report(uid(number), data_set(ProcedureStepProgressInformationSequence=[item]))


def publish(store: Store, *events: Event, to: tuple[str, ...] = ("A",)) -> None:
    with store.writing() as writer:
        for event in events:
            writer.publish(event, to)


def pending(store: Store, ae: str = "A") -> list[Event]:
    return [delivery.event for delivery in store.pending(ae, 100)]


class TestPublishing:
    def test_an_event_comes_back_as_it_was(self, store: Store, clock: Clock) -> None:
        request = data_set(SpecificCharacterSet="ISO_IR 192", ReasonForCancellation="M\u00fcde")
        event = cancel_requested(uid(1), "B", request)
        publish(store, event)
        (delivery,) = store.pending("A", 1)
        assert (delivery.ae, delivery.event, delivery.attempts) == ("A", event, 0)
        assert delivery.created_at == clock.now

    def test_subscribers_get_it_unless_others_are_named(self, store: Store) -> None:
        with store.writing() as writer:
            writer.insert(new(1))
            writer.insert(new(2))
            writer.set_subscription("A", uid(1), SubscriptionState.WITH_LOCK)
            writer.set_subscription("B", uid(1), SubscriptionState.WITHOUT_LOCK)
            writer.set_subscription("C", uid(2), SubscriptionState.WITH_LOCK)
            assert writer.publish(report()) == 2
            assert writer.publish(report(), ["C", "D", "C"]) == 2
        assert [len(pending(store, ae)) for ae in "ABCD"] == [1, 1, 1, 1]

    def test_nobody_may_be_subscribed(self, store: Store) -> None:
        with store.writing() as writer:
            assert writer.publish(report()) == 0
            assert writer.publish(report(), []) == 0
            assert not writer.published
        with store.reading() as reader:
            assert reader._connection.execute(select(schema.event)).all() == []

    def test_who_unsubscribes_later_gets_it_still(self, store: Store) -> None:
        with store.writing() as writer:
            writer.insert(new())
            writer.set_subscription("A", uid(1), SubscriptionState.WITH_LOCK)
            writer.publish(report())
        with store.writing() as writer:
            writer.set_subscription("A", uid(1), SubscriptionState.NOT_SUBSCRIBED)
            writer.delete(uid(1))
        assert pending(store) == [report()]

    def test_they_are_numbered_as_they_were_committed(self, store: Store) -> None:
        for number in (3, 1, 2):
            publish(store, report(number))
        numbers = [each.seq for each in store.pending("A", 9)]
        assert numbers == sorted(set(numbers))
        assert pending(store) == [report(3), report(1), report(2)]
        assert [each.event for each in store.pending("A", 2)] == [report(3), report(1)]

    def test_newer_progress_replaces_what_was_not_sent(self, store: Store) -> None:
        publish(store, progress(1, 10), report(1), progress(2, 10), to=("A", "B"))
        publish(store, progress(1, 20), progress(1, 30))
        assert pending(store) == [report(1), progress(2, 10), progress(1, 30)]
        assert pending(store, "B") == [progress(1, 10), report(1), progress(2, 10)]

    def test_state_reports_are_never_replaced(self, store: Store) -> None:
        publish(store, report(), report())
        assert pending(store) == [report(), report()]

    def test_numbers_are_not_used_twice(self, store: Store, clock: Clock) -> None:
        publish(store, report())
        (first,) = store.pending("A", 1)
        store.delivered("A", {first.seq: 0})
        clock.now += 30 * DAY
        store.expire(DAY)
        publish(store, report())
        assert store.pending("A", 1)[0].seq > first.seq

    def test_the_commit_is_told(self, store: Store) -> None:
        seen: list[int] = []
        store.on_commit = lambda: seen.append(len(store.pending("A", 9)))
        with store.writing() as writer:
            writer.publish(report(), ["A"])
            assert seen == []
        assert seen == [1]
        with store.writing() as writer:
            writer.insert(new())
        with pytest.raises(ZeroDivisionError), store.writing() as writer:
            fail_after_publishing(writer.publish)
        assert seen == [1]
        assert len(pending(store)) == 1


def fail_after_publishing(publish: Callable[..., int]) -> None:
    publish(report(), ["A"])
    raise ZeroDivisionError


class TestLeases:
    """One dispatcher at a time sends to an AE."""

    def test_only_one_gets_it(self, store: Store) -> None:
        publish(store, report(), to=("A", "B"))
        assert store.due_receivers() == ["A", "B"]
        assert store.lease("A", "one", 60.0)
        assert not store.lease("A", "two", 60.0)
        assert not store.lease("A", "one", 60.0)
        assert store.due_receivers() == ["B"]

    def test_nobody_gets_one_on_an_unknown_ae(self, store: Store) -> None:
        assert not store.lease("A", "one", 60.0)

    def test_it_ends_in_time(self, store: Store, clock: Clock) -> None:
        publish(store, report())
        store.lease("A", "one", 60.0)
        clock.now += MINUTE - timedelta(microseconds=1)
        assert not store.lease("A", "two", 60.0)
        assert store.due_receivers() == []
        clock.now += timedelta(microseconds=1)
        assert store.due_receivers() == ["A"]
        assert not store.renew("A", "one", 60.0)
        assert store.lease("A", "two", 60.0)
        assert not store.renew("A", "one", 60.0)

    def test_it_can_be_renewed(self, store: Store, clock: Clock) -> None:
        publish(store, report())
        store.lease("A", "one", 60.0)
        clock.now += MINUTE / 2
        assert store.renew("A", "one", 60.0)
        assert not store.renew("A", "two", 60.0)
        clock.now += MINUTE * 0.9
        assert not store.lease("A", "two", 60.0)

    def test_it_can_be_given_back(self, store: Store) -> None:
        publish(store, report())
        store.lease("A", "one", 60.0)
        store.release("A", "two")
        assert store.due_receivers() == []
        store.release("A", "one")
        assert store.lease("A", "two", 60.0)

    def test_those_of_a_process_that_was_killed_end_with_the_next_one(self, store: Store) -> None:
        register(store, "killed", "container", 1)
        register(store, "elsewhere", "another host", 1)
        publish(store, report(), to=("A", "B"))
        store.lease("A", "killed", 60.0)
        store.lease("B", "elsewhere", 60.0)
        register(store, "next", "container", 1)
        assert store.due_receivers() == ["A"]


class TestDelivering:
    def test_what_was_answered_is_not_pending(self, store: Store) -> None:
        publish(store, report(1), report(2), report(3), to=("A", "B"))
        first, second, _ = store.pending("A", 9)
        store.delivered("A", {second.seq: 0x0110, first.seq: 0})
        assert pending(store) == [report(3)]
        assert len(pending(store, "B")) == 3
        store.delivered("A", {})

    def test_who_has_got_all_is_not_due(self, store: Store) -> None:
        publish(store, report())
        (delivery,) = store.pending("A", 9)
        store.delivered("A", {delivery.seq: 0})
        assert store.due_receivers() == []
        assert store.next_due() is None

    def test_one_that_cannot_be_reached_waits(self, store: Store, clock: Clock) -> None:
        publish(store, report(), to=("A", "B"))
        store.failed("A", MINUTE, "refused")
        store.failed("A", 2 * MINUTE, "refused again")
        assert store.due_receivers() == ["B"]
        assert store.pending("A", 1)[0].attempts == 2
        clock.now += 2 * MINUTE
        assert store.due_receivers() == ["B", "A"]

    def test_who_has_not_failed_comes_before_who_waits_for_longest(
        self, store: Store, clock: Clock
    ) -> None:
        publish(store, report(), to=("A", "B", "C", "D"))
        for ae, minutes in (("A", 3), ("B", 2), ("C", 1)):
            store.failed(ae, minutes * MINUTE, "refused")
        clock.now += 3 * MINUTE
        assert store.due_receivers() == ["D", "C", "B", "A"]

    def test_an_answer_ends_the_waiting(self, store: Store) -> None:
        publish(store, report(1), report(2))
        store.failed("A", MINUTE, "refused")
        store.delivered("A", {store.pending("A", 1)[0].seq: 0})
        assert store.pending("A", 1)[0].attempts == 0
        assert store.due_receivers() == ["A"]

    def test_when_the_next_is_due(self, store: Store, clock: Clock) -> None:
        assert store.next_due() is None
        publish(store, report(), to=("A", "B"))
        assert store.next_due() == clock.now
        store.failed("A", 2 * MINUTE, "refused")
        store.lease("B", "one", 60.0)
        assert store.next_due() == clock.now + MINUTE
        store.lease("A", "one", 240.0)
        store.delivered("B", {store.pending("B", 1)[0].seq: 0})
        assert store.next_due() == clock.now + 4 * MINUTE


class TestExpiry:
    """What cannot be sent is given up; subscriptions stay."""

    def test_what_is_older_is_given_up(self, store: Store, clock: Clock) -> None:
        publish(store, report(1), to=("A", "B"))
        clock.now += timedelta(microseconds=1)
        publish(store, report(2))
        clock.now += DAY
        assert store.expire(DAY) == 2
        assert store.expire(DAY) == 0
        assert pending(store) == [report(2)]
        assert pending(store, "B") == []

    def test_it_can_be_taken_up_again(self, store: Store, clock: Clock) -> None:
        publish(store, report(1), to=("A", "B"))
        store.failed("A", 10 * DAY, "refused")
        clock.now += 2 * DAY
        store.expire(DAY)
        assert store.retry("A") == 1
        assert store.retry("A") == 0
        assert store.due_receivers() == ["A"]
        assert pending(store) == [report(1)]
        assert pending(store, "B") == []

    def test_a_late_answer_changes_nothing(self, store: Store, clock: Clock) -> None:
        publish(store, report())
        (delivery,) = store.pending("A", 1)
        clock.now += 2 * DAY
        store.expire(DAY)
        store.delivered("A", {delivery.seq: 0})
        assert store.retry("A") == 1

    def test_after_a_week_it_is_forgotten(self, store: Store, clock: Clock) -> None:
        publish(store, report(1), to=("A", "B"))
        publish(store, report(2), to=("B",))
        store.delivered("A", {store.pending("A", 1)[0].seq: 0})
        clock.now += 8 * DAY
        store.expire(30 * DAY)
        assert self.events(store) == 2
        store.expire(DAY)
        assert self.events(store) == 2
        clock.now += timedelta(microseconds=1)
        store.expire(DAY)
        assert self.events(store) == 0
        assert store.retry("B") == 0

    def test_not_all_of_it_is_forgotten_at_once(
        self, store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(outbox, "_FORGOTTEN", 2)
        for number in range(3):
            publish(store, report(number))
        store.delivered("A", dict.fromkeys((each.seq for each in store.pending("A", 9)), 0))
        clock.now += 9 * DAY
        left = []
        for _ in range(2):
            store.expire(DAY)
            left.append(self.events(store))
        assert left == [1, 0]

    def events(self, store: Store) -> int:
        with store.reading() as reader:
            return len(reader._connection.execute(select(schema.event)).all())


def test_all_of_it_outlives_the_store(new_store: Callable[..., Store], clock: Clock) -> None:
    store = new_store(clock=clock)
    publish(store, report(1), report(2), to=("A", "B"))
    store.lease("A", "one", 60.0)
    store.failed("B", MINUTE, "refused")
    store.close()
    again = new_store(clock=clock)
    assert pending(again) == [report(1), report(2)]
    assert again.due_receivers() == []
    clock.now += MINUTE
    assert again.due_receivers() == ["A", "B"]
