"""Subscriptions, as PS3.4 Table CC.2.3-2 needs them."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from leaddicom.ups.core.events import state_report
from leaddicom.ups.core.subscriptions import GlobalState, SubscriptionState
from leaddicom.ups.core.terms import EventType, State
from leaddicom.ups.store import GlobalSubscription, Store, Subscription, subscriptions
from ups.workitems import data_set

from .samples import in_state, new, uid

WITH, WITHOUT = SubscriptionState.WITH_LOCK, SubscriptionState.WITHOUT_LOCK
NOT = SubscriptionState.NOT_SUBSCRIBED


def fill(store: Store, numbers: Iterable[int]) -> None:
    with store.writing() as writer:
        for number in numbers:
            writer.insert(new(number))


def test_nobody_is_subscribed_at_first(store: Store) -> None:
    fill(store, [1])
    with store.reading() as reader:
        assert reader.subscription("A", uid(1)) is NOT
        assert reader.subscription("A", uid(2)) is NOT
        assert reader.subscriptions() == reader.global_subscriptions() == []
        assert reader.subscribers() == []


@pytest.mark.parametrize("state", [WITH, WITHOUT, NOT])
@pytest.mark.parametrize("before", [WITH, WITHOUT, NOT])
def test_a_subscription_replaces_the_one_before(
    store: Store, before: SubscriptionState, state: SubscriptionState
) -> None:
    fill(store, [1, 2])
    with store.writing() as writer:
        for title in ("A", "B"):
            writer.set_subscription(title, uid(1), before)
            writer.set_subscription(title, uid(2), before)
        writer.set_subscription("A", uid(1), state)
    with store.reading() as reader:
        assert reader.subscription("A", uid(1)) is state
        others = (("A", uid(2)), ("B", uid(1)), ("B", uid(2)))
        assert all(reader.subscription(*other) is before for other in others)


def test_they_are_listed_by_workitem_and_ae(store: Store) -> None:
    fill(store, [1, 2])
    with store.writing() as writer:
        writer.set_subscription("B", uid(1), WITH)
        writer.set_subscription("A", uid(1), WITHOUT)
        writer.set_subscription("A", uid(2), WITH)
        writer.set_subscription("A", uid(9), WITH)
    a1, b1 = Subscription("A", uid(1), WITHOUT), Subscription("B", uid(1), WITH)
    a2 = Subscription("A", uid(2), WITH)
    with store.reading() as reader:
        assert reader.subscriptions() == [a1, b1, a2]
        assert reader.subscriptions(ae="A") == [a1, a2]
        assert reader.subscriptions(uid=uid(1)) == [a1, b1]
        assert reader.subscriptions("B", uid(2)) == []


def test_titles_differ_by_case(store: Store) -> None:
    fill(store, [1])
    with store.writing() as writer:
        writer.set_subscription("a", uid(1), WITH)
        assert writer.subscription("A", uid(1)) is NOT


class TestGlobal:
    def test_the_last_one_wins(self, store: Store) -> None:
        keys = data_set(SpecificCharacterSet="ISO_IR 192", PatientName="M\u00fc*")
        with store.writing() as writer:
            writer.set_global_subscription("A", GlobalState.WITHOUT_LOCK)
            assert writer.global_subscription("A") == GlobalSubscription("A", False)
            writer.set_global_subscription("A", GlobalState.WITH_LOCK, keys)
            writer.set_global_subscription("B", GlobalState.WITH_LOCK)
        expected = GlobalSubscription("A", True, keys)
        with store.reading() as reader:
            assert reader.global_subscription("A") == expected
            assert reader.global_subscription("C") is None
            assert reader.global_subscriptions() == [expected, GlobalSubscription("B", True)]

    def test_suspending_leaves_the_workitems(self, store: Store) -> None:
        fill(store, [1])
        with store.writing() as writer:
            writer.set_subscription("A", uid(1), WITH)
            writer.set_global_subscription("A", GlobalState.WITH_LOCK)
            writer.clear_global("A", and_workitems=False)
            writer.clear_global("A", and_workitems=False)
            assert writer.global_subscription("A") is None
            assert writer.subscription("A", uid(1)) is WITH
            writer.set_global_subscription("A", GlobalState.WITH_LOCK)
            writer.set_global_subscription("A", GlobalState.NONE)
            assert writer.subscribers() == ["A"]

    def test_unsubscribing_does_not(self, store: Store) -> None:
        fill(store, [1])
        with store.writing() as writer:
            for title in ("A", "B"):
                writer.set_subscription(title, uid(1), WITH)
                writer.set_global_subscription(title, GlobalState.WITH_LOCK)
            writer.clear_global("A", and_workitems=True)
            assert writer.subscription("A", uid(1)) is NOT
            assert writer.subscription("B", uid(1)) is WITH
            assert writer.subscribers() == ["B"]

    def test_subscribers_of_any_kind_are_named_once(self, store: Store) -> None:
        fill(store, [1])
        with store.writing() as writer:
            writer.set_subscription("ONE", uid(1), WITH)
            writer.set_subscription("BOTH", uid(1), WITH)
            for title in ("ALL", "BOTH"):
                writer.set_global_subscription(title, GlobalState.WITH_LOCK)
            assert writer.subscribers() == ["ALL", "BOTH", "ONE"]


class TestSubscribeMissing:
    def test_locks_that_are_there_stay(self, store: Store) -> None:
        fill(store, range(3))
        with store.writing() as writer:
            writer.set_subscription("A", uid(0), WITH)
            writer.set_subscription("A", uid(1), WITHOUT)
            writer.set_subscription("B", uid(2), WITH)
            assert writer.subscribe_missing("A", WITHOUT, initial_event=True) == 1
            states = [writer.subscription("A", uid(number)) for number in range(3)]
            assert states == [WITH, WITHOUT, WITHOUT]
        assert [each.event.uid for each in store.pending("A", 9)] == [uid(2)]

    @pytest.mark.parametrize("count", [0, 1, 4, 5, 6])
    def test_only_those_that_are_named(
        self, store: Store, count: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(subscriptions, "_CHUNK", 5)
        fill(store, range(7))
        uids = (uid(number) for number in range(count))
        with store.writing() as writer:
            assert writer.subscribe_missing("A", WITH, uids, initial_event=True) == count
            assert len(writer.subscriptions("A")) == count
        assert len(store.pending("A", 9)) == count

    def test_unknown_and_repeated_uids_do_not_count(self, store: Store) -> None:
        fill(store, [1])
        with store.writing() as writer:
            uids = [uid(1), uid(1), uid(2)]
            assert writer.subscribe_missing("A", WITH, uids, initial_event=True) == 1

    def test_the_initial_event_is_the_state_report(self, store: Store) -> None:
        with store.writing() as writer:
            progressing = in_state(new(1, InputReadinessState="INCOMPLETE"), State.IN_PROGRESS)
            writer.insert(progressing)
            writer.subscribe_missing("A", WITH, initial_event=True)
        (delivery,) = store.pending("A", 9)
        assert delivery.event == state_report(uid(1), progressing.dataset)
        assert delivery.event.type is EventType.STATE_REPORT

    def test_there_need_not_be_one(self, store: Store) -> None:
        fill(store, [1])
        with store.writing() as writer:
            assert writer.subscribe_missing("A", WITH, initial_event=False) == 1
            assert not writer.published
        assert store.pending("A", 9) == []

    def test_nothing_is_published_for_nothing(self, store: Store) -> None:
        with store.writing() as writer:
            assert writer.subscribe_missing("A", WITH, initial_event=True) == 0
            assert not writer.published
        assert store.due_receivers() == []

    def test_initial_events_come_after_those_before(self, store: Store) -> None:
        fill(store, [1, 2])
        with store.writing() as writer:
            first = state_report(uid(2), new(2).dataset)
            writer.publish(first, ["A", "B"])
            writer.subscribe_missing("A", WITH, initial_event=True)
            writer.publish(first, ["A"])
        assert [each.event.uid[-1] for each in store.pending("A", 9)] == ["2", "1", "2", "2"]
        assert len(store.pending("B", 9)) == 1
