"""Several processes use one database at the same time."""

from __future__ import annotations

import signal
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

import pytest

from leaddicom.ups.core.terms import State
from leaddicom.ups.store import Store
from ups.databases import Databases

from . import processes
from .processes import PATIENCE, answer, crew, together
from .samples import claimed, new, uid

PROCESSES = 8


@pytest.fixture
def url(databases: Databases) -> str:
    return databases.with_schema()


def test_all_of_them_may_open_a_new_database(databases: Databases) -> None:
    for _ in range(3):
        are_new = together(processes.open_new, databases.empty(), PROCESSES)
        assert sorted(are_new) == [False] * (PROCESSES - 1) + [True]


def test_a_workitem_is_claimed_once(new_store: Callable[..., Store], url: str) -> None:
    """Read, look at the state, update: 8 processes on the same 400 workitems."""
    count = 400
    store = new_store(url)
    with store.writing() as writer:
        for number in range(count):
            writer.insert(new(number))
    granted = together(processes.claim, url, PROCESSES, count)
    assert sum(granted) == count
    with store.reading() as reader:
        found = [reader.workitem(uid(number)) for number in range(count)]
    holders = Counter(each.transaction_uid for each in found if each is not None)
    assert holders == {f"1.{n}": granted[n] for n in range(PROCESSES) if granted[n]}
    assert {each.version for each in found if each is not None} == {2}


def test_a_uid_is_created_once(new_store: Callable[..., Store], url: str) -> None:
    count = 25
    created = together(processes.create, url, PROCESSES, count)
    assert sorted(index for each in created for index in each) == list(range(count))
    with new_store(url).reading() as reader:
        for number, indices in enumerate(created):
            for index in indices:
                workitem = reader.workitem(uid(index))
                assert workitem is not None
                assert workitem.dataset.ProcedureStepLabel == f"by {number}"


def test_a_global_subscription_neither_misses_nor_doubles_what_is_created_meanwhile(
    new_store: Callable[..., Store], url: str
) -> None:
    count = 30
    together(processes.create_and_subscribe, url, 4, count)
    store = new_store(url)
    with store.reading() as reader:
        subscribed = [each.uid for each in reader.subscriptions("WATCHER")]
    expected = {uid(1000 * number + index) for number in range(4) for index in range(count)}
    reported = Counter(each.event.uid for each in store.pending("WATCHER", 1000))
    assert set(subscribed) == expected
    assert reported == dict.fromkeys(expected, 1)


def test_events_are_in_the_order_of_the_commits(new_store: Callable[..., Store], url: str) -> None:
    store = new_store(url)
    with store.writing() as writer:
        writer.insert(new(0))
    commits = together(processes.publish, url, 4, 25)
    expected = [uid(version) for version in range(2, 102)]
    assert sorted(uid(version) for each in commits for version in each) == sorted(expected)
    for ae in ("A", "B"):
        assert [each.event.uid for each in store.pending(ae, 1000)] == expected


def test_dispatchers_send_each_event_once_and_in_order(
    new_store: Callable[..., Store], url: str
) -> None:
    store = new_store(url)
    titles = ["A", "B", "C", "D", "E"]
    with store.writing() as writer:
        writer.insert(new(0))
        for _ in range(20):
            writer.publish(processes.state_report(uid(0), new(0).dataset), titles)
    expected = [each.seq for each in store.pending("A", 1000)]
    sent = together(processes.deliver, url, 4, 7)
    for title in titles:
        # One that has left off is continued by another, which sends only what is later.
        of_title = [[seq for ae, seq in each if ae == title] for each in sent]
        assert all(numbers == sorted(numbers) for numbers in of_title)
        assert sorted(chain(*of_title)) == expected


def test_a_process_that_is_killed_in_a_transaction_leaves_nothing_of_it(
    new_store: Callable[..., Store], url: str
) -> None:
    store = new_store(url)
    with store.writing() as writer:
        before = writer.insert(new(1))
    with crew(processes.hang_while_writing, url, 1) as [(process, connection)]:
        assert answer(connection) == "in the transaction"
        process.kill()
        process.join(PATIENCE)
        assert process.exitcode == -signal.SIGKILL
    with store.writing() as writer:
        assert writer.workitem(uid(1)) == before
        assert writer.workitem(uid(2)) is None
        writer.update(claimed(before))
    assert store.pending("A", 1) == []
    with store.reading() as reader:
        after = reader.workitem(uid(1))
    assert after is not None
    assert after.state is State.IN_PROGRESS


def test_a_snapshot_does_not_change(new_store: Callable[..., Store], url: str) -> None:
    store = new_store(url)
    with store.reading() as reader:
        assert reader.workitem(uid(1)) is None
        with store.writing() as writer:
            writer.insert(new(1))
        assert reader.workitem(uid(1)) is None
    with store.reading() as reader:
        assert reader.workitem(uid(1)) is not None


def test_threads_of_one_store_wait_for_another(new_store: Callable[..., Store], url: str) -> None:
    store = new_store(url)
    with store.writing() as writer:
        writer.insert(new(0))
    inside = threading.Semaphore(1)

    def change(_number: int) -> int:
        with store.writing() as writer:
            assert inside.acquire(blocking=False)
            workitem = writer.workitem(uid(0))
            assert workitem is not None
            version = writer.update(workitem).version
            inside.release()
        return version

    with ThreadPoolExecutor(16) as pool:
        versions = sorted(pool.map(change, range(64)))
    assert versions == list(range(2, 66))
