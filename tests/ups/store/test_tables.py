"""The table of application entities, the register of servers, the audit trail, the statistics."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from leaddicom.ups.core.events import state_report
from leaddicom.ups.core.subscriptions import GlobalState, SubscriptionState
from leaddicom.ups.core.terms import State
from leaddicom.ups.settings.entities import ApplicationEntity
from leaddicom.ups.store import AuditEntry, ReceiverStatistics, Store
from leaddicom.ups.store.servers import SILENCE, Server
from ups.databases import register, unregister

from .samples import in_state, new, uid


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2030, 1, 1, tzinfo=timezone.utc)

    def __call__(self) -> datetime:
        return self.now


class TestEntities:
    def test_one_comes_back_as_it_was_put_in(self, store: Store) -> None:
        full = ApplicationEntity(
            "WATCHER",
            "watcher.example",
            2763,
            ca_file="/etc/ca.pem",
            fingerprint="ab" * 32,
            event_scu=False,
            fallback_list=True,
            origin="file",
        )
        plain = ApplicationEntity("OTHER", "::1", 104, tls=False)
        with store.writing() as writer:
            writer.put_entity(full)
            writer.put_entity(plain)
        with store.reading() as reader:
            assert reader.entity("WATCHER") == full
            assert reader.entity("watcher") is None
            assert reader.entities() == [plain, full]

    def test_another_of_the_same_title_replaces_it(self, store: Store) -> None:
        with store.writing() as writer:
            writer.put_entity(ApplicationEntity("A", "old", 104, fallback_list=True))
            writer.put_entity(ApplicationEntity("A", "new", 105))
            assert writer.entities() == [ApplicationEntity("A", "new", 105)]

    def test_it_can_be_removed(self, store: Store) -> None:
        with store.writing() as writer:
            writer.put_entity(ApplicationEntity("A", "a", 104))
            assert writer.remove_entity("A")
            assert not writer.remove_entity("A")
            assert writer.entities() == []

    def test_a_file_replaces_what_came_from_a_file(self, store: Store) -> None:
        file = [ApplicationEntity(title, "file", 104, origin="file") for title in "ABC"]
        admin = ApplicationEntity("B", "admin", 104)
        with store.writing() as writer:
            writer.replace_file_entities(file[:1])
            writer.put_entity(admin)
            writer.replace_file_entities(file[1:])
            assert writer.entities() == [admin, file[2]]
            writer.replace_file_entities([])
            assert writer.entities() == [admin]


class TestServers:
    """The service is down when no process of it runs."""

    @pytest.fixture
    def clock(self) -> Clock:
        return Clock()

    @pytest.fixture
    def store(self, new_store: Callable[..., Store], clock: Clock) -> Store:
        return new_store(clock=clock)

    def test_the_first_begins_it_and_the_last_ends_it(self, store: Store) -> None:
        assert register(store, "one", "host1", 1)
        assert not register(store, "two", "host2", 1)
        assert not unregister(store, "one")
        assert unregister(store, "two")
        assert register(store, "three", "host1", 1)

    def test_a_silent_one_is_dead(self, store: Store, clock: Clock) -> None:
        register(store, "one", "host1", 1)
        clock.now += SILENCE - timedelta(microseconds=1)
        assert not register(store, "two", "host2", 1)
        store.heartbeat("two")
        clock.now += timedelta(microseconds=1)
        assert unregister(store, "two")
        assert register(store, "three", "host3", 1)

    def test_a_heartbeat_keeps_it_alive(self, store: Store, clock: Clock) -> None:
        register(store, "one", "host1", 1)
        clock.now += SILENCE * 0.9
        store.heartbeat("one")
        clock.now += SILENCE * 0.9
        assert not register(store, "two", "host2", 1)

    def test_one_that_was_taken_for_dead_comes_back(self, store: Store, clock: Clock) -> None:
        register(store, "one", "host1", 1)
        clock.now += SILENCE
        assert register(store, "two", "host2", 1)
        store.heartbeat("one")
        assert not unregister(store, "two")

    def test_one_that_was_killed_on_this_host_is_dead(self, store: Store) -> None:
        host = socket.gethostname()
        with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
            register(store, "one", host, process.pid)
            assert not register(store, "two", host, os.getpid())
            unregister(store, "two")
            process.kill()
            process.wait(10)
        assert register(store, "three", host, os.getpid())

    def test_one_of_another_user_lives(self, store: Store) -> None:
        """The first process of the system is always there, and root's."""
        register(store, "one", socket.gethostname(), 1)
        assert not register(store, "two", socket.gethostname(), os.getpid())

    def test_one_of_the_same_number_has_gone_before(self, store: Store) -> None:
        """In a container every run has the number 1."""
        register(store, "one", "container", 1)
        assert register(store, "two", "container", 1)

    def test_one_may_register_again(self, store: Store) -> None:
        assert register(store, "one", "host1", 1)
        assert register(store, "one", "host1", 1)

    @pytest.mark.parametrize(
        ("what_happens", "had_ended"),
        [("", True), ("heartbeat", False), ("farewell", False), ("found dead by another", False)],
    )
    def test_whether_those_on_other_hosts_had_ended_comes_out(
        self, store: Store, clock: Clock, what_happens: str, had_ended: bool
    ) -> None:
        with store.writing() as writer:
            writer.register("one", "host1", 1)
            others = writer.register("two", "host2", 1)
            assert others == {"one"}
            assert writer.had_ended(others, "two") is None
        clock.now += timedelta(seconds=1)
        if what_happens == "heartbeat":
            store.heartbeat("one")
        elif what_happens == "farewell":
            unregister(store, "one")
        clock.now += SILENCE
        store.heartbeat("two")
        if what_happens == "found dead by another":
            register(store, "three", "host3", 1)
        with store.writing() as writer:
            assert writer.had_ended(others, "two") is had_ended
            assert writer.had_ended(others, "two") is False

    def test_they_are_listed_with_their_signs_of_life(self, store: Store, clock: Clock) -> None:
        begin = clock.now
        register(store, "one", "host1", 1)
        clock.now += SILENCE
        store.heartbeat("two")
        with store.reading() as reader:
            one, two = reader.servers()
        assert one == Server("one", "host1", 1, begin, begin, is_silent=True)
        assert (two.instance, two.pid, two.is_silent) == ("two", os.getpid(), False)


class TestAudit:
    ENTRY = AuditEntry(
        operation="N-CREATE",
        uid=uid(1),
        status=0xC307,
        calling_ae="PUSH",
        peer="10.0.0.1:4711",
        identity="CN=push",
        detail="PatientName (0010,0010)",
        at=datetime(2030, 1, 1, 12, 30, 15, 123456, timezone.utc),
    )

    def test_an_entry_comes_back_as_it_was(self, store: Store) -> None:
        with store.writing() as writer:
            writer.record(self.ENTRY)
        with store.reading() as reader:
            assert reader.audit() == [self.ENTRY]

    def test_it_gets_the_time_of_its_transaction(self, store: Store) -> None:
        with store.writing() as writer:
            writer.record(replace(self.ENTRY, at=None))
            assert writer.audit() == [replace(self.ENTRY, at=writer.now())]

    def test_the_newest_come_first(self, store: Store) -> None:
        with store.writing() as writer:
            for number in range(4):
                writer.record(replace(self.ENTRY, uid=uid(number % 2), status=number))
            assert [entry.status for entry in writer.audit()] == [3, 2, 1, 0]
            assert [entry.status for entry in writer.audit(uid(1))] == [3, 1]
            assert [entry.status for entry in writer.audit(limit=2)] == [3, 2]

    def test_what_a_peer_says_of_itself_is_stored_whatever_it_is(self, store: Store) -> None:
        with store.writing() as writer:
            writer.record(replace(self.ENTRY, calling_ae="A\0B\udc80'; --"))
            assert writer.audit()[0].calling_ae == "AB?'; --"


def test_statistics_count_what_is_there(new_store: Callable[..., Store]) -> None:
    clock = Clock()
    store = new_store(clock=clock)
    with store.reading() as reader:
        empty = reader.statistics()
    assert empty.workitems == dict.fromkeys(State, 0)
    assert (empty.subscriptions, empty.locked, empty.receivers, empty.servers) == (0, 0, {}, 0)
    with store.writing() as writer:
        writer.insert(new(1))
        writer.insert(in_state(new(2), State.COMPLETED))
        writer.insert(in_state(new(3), State.COMPLETED))
        writer.set_subscription("A", uid(1), SubscriptionState.WITH_LOCK)
        writer.set_subscription("A", uid(2), SubscriptionState.WITH_LOCK)
        writer.set_subscription("B", uid(2), SubscriptionState.WITH_LOCK)
        writer.set_subscription("A", uid(3), SubscriptionState.WITHOUT_LOCK)
        writer.set_global_subscription("A", GlobalState.WITH_LOCK)
        for number in (1, 2, 3):
            writer.publish(state_report(uid(number), new(number).dataset), ["A"])
    register(store, "one", "host", 1)
    store.delivered("A", {store.pending("A", 1)[0].seq: 0})
    store.failed("A", timedelta(minutes=1), "refused")
    with store.reading() as reader:
        full = reader.statistics()
    assert full.workitems == {**empty.workitems, State.SCHEDULED: 1, State.COMPLETED: 2}
    assert (full.subscriptions, full.global_subscriptions, full.locked, full.servers) == (
        4,
        1,
        1,
        1,
    )
    later = clock.now + timedelta(minutes=1)
    assert full.receivers == {"A": ReceiverStatistics(2, 1, 0, 1, later, "refused")}
