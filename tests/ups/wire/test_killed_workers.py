"""Workers of a manager are killed at random while it works (kill -9)."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from nets import Nets
from pydicom.dataset import Dataset

from leaddicom.ups.client import UpsScu
from ups import workitems
from ups.receivers import PATIENCE, EventReceiver, Received
from ups.wire.services import Serve, Services
from ups.workitems import GLOBAL

CLIENTS, KILLS = 3, 3

CREATED, CLAIMED, PROGRESS, COMPLETED = (
    (1, "SCHEDULED"),
    (1, "IN PROGRESS"),
    (3, ""),
    (1, "COMPLETED"),
)
STATIONS, CODES = [("LINAC1", "99TEST", "A machine")], [("121726", "DCM", "RT Treatment")]

Change = tuple[str, tuple[int, str]]


@dataclass
class Ledger:
    """What a client was told was done, in that order."""

    changes: list[Change] = field(default_factory=list)


class Workers:
    """Creates, claims, progresses and completes workitems, in a thread for each client."""

    def __init__(self, serve: Serve, folder: Path) -> None:
        self.ledgers = [Ledger() for _ in range(CLIENTS)]
        self.stopping = threading.Event()
        self.failures: list[BaseException] = []
        self._changed = threading.Condition()
        self._threads = [
            threading.Thread(target=self._run, args=(serve.ups(folder, f"PERFORMER{number}"), each))
            for number, each in enumerate(self.ledgers)
        ]

    def __enter__(self) -> Workers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        for thread in self._threads:
            thread.join(3 * PATIENCE)
            assert not thread.is_alive()

    def wait_for_changes(self, count: int) -> None:
        """Wait until each client has had so many more changes acknowledged."""
        before = [len(each.changes) for each in self.ledgers]

        def is_done() -> bool:
            now = [len(each.changes) for each in self.ledgers]
            more = (new - old >= count for new, old in zip(now, before, strict=True))
            return bool(self.failures) or all(more)

        with self._changed:
            assert self._changed.wait_for(is_done, 2 * PATIENCE), before
        if self.failures:
            raise self.failures[0]

    def _run(self, ups: UpsScu, ledger: Ledger) -> None:
        try:
            with ups:
                while not self.stopping.is_set():
                    for change in self._life_of_one(ups, ledger):
                        with self._changed:
                            ledger.changes.append(change)
                            self._changed.notify_all()
        except BaseException as error:  # noqa: BLE001 - it is raised in the other thread
            self.failures.append(error)
            with self._changed:
                self._changed.notify_all()

    def _life_of_one(self, ups: UpsScu, ledger: Ledger) -> Iterator[Change]:
        result = ups.create(workitems.workitem())
        uid = result.check().uid
        yield uid, CREATED
        for act, change in (
            (lambda: ups.claim(uid), CLAIMED),
            (lambda: ups.progress(uid, 50), PROGRESS),
            (lambda: ups.start_procedure(uid, stations=STATIONS, codes=CODES), None),
            (lambda: ups.end_procedure(uid), None),
            (lambda: ups.complete(uid), COMPLETED),
        ):
            result = act()
            result.check()
            if change is not None:
                yield uid, change


def told(reports: list[Received]) -> list[Change]:
    """The events of workitems by their first arrival: after a crash some may be repeated."""
    found: dict[Change, None] = {}
    for each in reports:
        if each.uid != GLOBAL:  # once nobody was left, the manager says that it has restarted
            information = each.information or Dataset()
            state = information.get("ProcedureStepState", "")
            found[each.uid, (int(each.type), state)] = None
    return list(found)


@pytest.fixture
def watcher(nets: Nets) -> EventReceiver:
    return nets.server(EventReceiver, link="TLS 1.3")


@pytest.fixture
def serve(started: Services, watcher: EventReceiver, database: str) -> Serve:
    table = started.table(WATCHER=watcher)
    [made] = started.start("--workers", "3", "--ae-table", table, database=database)
    return made


def test_nothing_that_was_acknowledged_is_lost(
    serve: Serve, watcher: EventReceiver, tmp_path: Path
) -> None:
    subscription = workitems.subscription("WATCHER", "FALSE")
    with serve.scu() as scu:
        push, watch = "1.2.840.10008.5.1.4.34.6.1", "1.2.840.10008.5.1.4.34.6.2"
        answer = scu.n_action(push, GLOBAL, 3, subscription, abstract_syntax=watch)
        assert answer.status == 0x0000
    alive = dict(enumerate(serve.workers))
    with Workers(serve, tmp_path) as performers:
        performers.wait_for_changes(2)
        for number in random.sample(sorted(alive), KILLS):  # each of them once, in any order
            os.kill(alive[number], signal.SIGKILL)
            serve.program.wait_for(rf"process {alive[number]}, has ended: .*SIGKILL")
            performers.wait_for_changes(1)
        performers.wait_for_changes(4)
    assert not performers.failures
    due = [change for ledger in performers.ledgers for change in ledger.changes]
    received: list[Received] = []
    while not set(due) <= set(told(received)):
        received = watcher.inbox.wait_for(len(received) + 1, 2 * PATIENCE)
    first_arrivals = told(received)
    assert sorted(first_arrivals) == sorted(due)
    for ledger in performers.ledgers:
        expected, own = ledger.changes, set(ledger.changes)
        assert [each for each in first_arrivals if each in own] == expected
    with serve.ups(tmp_path, "READER") as reader:
        states = {each.uid: each.state for each in reader.find()}
        assert states == {uid: "COMPLETED" for uid, _ in due}
