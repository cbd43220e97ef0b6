"""What the tests of several processes run in each of them.

The processes are forked from a server that has imported the store and nothing else, so that they
begin quickly, and all at once.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timezone
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from leaddicom.ups.core.events import state_report
from leaddicom.ups.core.subscriptions import GlobalState, SubscriptionState
from leaddicom.ups.core.terms import State
from leaddicom.ups.store import DuplicateWorkitem, Store

from .samples import claimed, new, uid

#: Seconds for anything at all.
PATIENCE = 100.0

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["leaddicom.ups.store", "alembic.command", "psycopg"])

#: What a process does: with an open store, its own number, and what the test gives to all.
Task = Callable[..., Any]


def together(task: Task, url: str, processes: int, *arguments: Any) -> list[Any]:
    """Have several processes do something at the same time, and give what each has returned."""
    with crew(task, url, processes, *arguments) as members:
        return [answer(connection) for _, connection in members]


@contextmanager
def crew(
    task: Task, url: str, processes: int, *arguments: Any
) -> Iterator[list[tuple[BaseProcess, Connection]]]:
    """Begin several processes; whoever is left at the end is killed."""
    barrier = _context.Barrier(processes)
    members = []
    try:
        for number in range(processes):
            ours, theirs = _context.Pipe()
            process = _context.Process(
                target=_run, args=(theirs, barrier, task, url, number, *arguments)
            )
            process.start()
            theirs.close()
            members.append((process, ours))
        yield members
    finally:
        for process, connection in members:
            connection.close()
            process.join(0 if process.exitcode is None else PATIENCE)
            process.kill()
            process.join(PATIENCE)
            process.close()


def answer(connection: Connection) -> Any:
    """What a process sends or returns; what it raises is raised here."""
    assert connection.poll(PATIENCE)
    value = connection.recv()
    if isinstance(value, BaseException):
        raise value
    return value


def _run(
    connection: Connection, barrier: Any, task: Task, url: str, number: int, *rest: Any
) -> None:
    try:
        if task is open_new:
            connection.send(task(url, barrier))
            return
        store = Store(url, zone=timezone.utc)
        store.open()
        barrier.wait(PATIENCE)
        connection.send(task(store, number, *rest, connection=connection))
        store.close()
    except BaseException as error:
        connection.send(error)
        raise


# -- tasks -------------------------------------------------------------------------------------


def open_new(url: str, barrier: Any) -> bool:
    store = Store(url, zone=timezone.utc)
    barrier.wait(PATIENCE)
    store.open()
    store.close()
    return store.is_new


def claim(store: Store, number: int, count: int, **_: Any) -> int:
    """Try to claim every workitem, each process in another order; give how many it got."""
    granted = 0
    for index in range(count):
        with store.writing() as writer:
            workitem = writer.workitem(uid((index * 7 + number * 50) % count))
            assert workitem is not None
            if workitem.state is State.SCHEDULED:
                writer.update(claimed(workitem, f"1.{number}"))
                granted += 1
    return granted


def create(store: Store, number: int, count: int, **_: Any) -> list[int]:
    """Try to create the same workitems as all the others; give those that it did create."""
    created = []
    for index in range(count):
        try:
            with store.writing() as writer:
                writer.insert(new(index, ProcedureStepLabel=f"by {number}"))
        except DuplicateWorkitem:
            continue
        created.append(index)
    return created


def create_and_subscribe(store: Store, number: int, count: int, **_: Any) -> None:
    """Create workitems of its own, as the service does, or, if it is the last, subscribe to all."""
    for index in range(count):
        if number == 0 and index == count // 2:
            with store.writing() as writer:
                state = SubscriptionState.WITH_LOCK
                writer.subscribe_missing("WATCHER", state, initial_event=True)
                writer.set_global_subscription("WATCHER", GlobalState.WITH_LOCK)
        workitem = new(1000 * number + index)
        with store.writing() as writer:
            writer.insert(workitem)
            for each in writer.global_subscriptions():
                writer.set_subscription(each.ae, workitem.uid, SubscriptionState.WITH_LOCK)
            writer.publish(state_report(workitem.uid, workitem.dataset))


def publish(store: Store, number: int, count: int, **_: Any) -> list[int]:
    """Publish events; the number of a commit is that of the version that it made."""
    commits = []
    for _index in range(count):
        with store.writing() as writer:
            workitem = writer.workitem(uid(0))
            assert workitem is not None
            updated = writer.update(workitem)
            report = state_report(uid(updated.version), workitem.dataset)
            writer.publish(report, ["A", "B"])
        commits.append(updated.version)
    return commits


def deliver(store: Store, number: int, count: int, **_: Any) -> list[tuple[str, int]]:
    """Do what a dispatcher does, until nothing is pending; give what it has sent, in order."""
    sent = []
    owner = f"process {number}"
    while store.next_due() is not None:
        for ae in store.due_receivers():
            if not store.lease(ae, owner, PATIENCE):
                continue
            for delivery in store.pending(ae, count):
                sent.append((ae, delivery.seq))
                store.delivered(ae, {delivery.seq: 0})
            store.release(ae, owner)
    return sent


def hang_while_writing(store: Store, number: int, *, connection: Connection) -> None:
    """Change something, and wait for ever before the commit."""
    with store.writing() as writer:
        workitem = writer.workitem(uid(1))
        assert workitem is not None
        writer.update(claimed(workitem))
        writer.insert(new(2))
        writer.publish(state_report(uid(1), workitem.dataset), ["A"])
        connection.send("in the transaction")
        connection.recv()
