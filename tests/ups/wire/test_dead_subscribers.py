"""Receivers that do not receive: nobody else waits for them, neither callers nor receivers."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from nets import free_port, raw_listener

from leaddicom import LDicomAssociate
from leaddicom.ups.manager.gate import Operation
from ups.receivers import PATIENCE, EventReceiver, entity
from ups.sites import ALL, PULL, WATCH, Client, Site, ask, create
from ups.workitems import GLOBAL, progress, state, subscription

TUID = "1.2.3"


class Sleeper(EventReceiver):
    """Answers no association request until it is woken."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)
        self.called, self.woken = threading.Event(), threading.Event()

    def OnReceiveAssociateRequest(self, associate: LDicomAssociate) -> None:
        self.called.set()
        assert self.woken.wait(PATIENCE)
        super().OnReceiveAssociateRequest(associate)


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with raw_listener() as (_, port):
        yield port


@pytest.fixture
def sleeper(site: Site) -> Iterator[Sleeper]:
    made = site.nets.server(Sleeper)
    yield made
    made.woken.set()


def lives(client: Client, count: int) -> list[tuple[int, str]]:
    """Have workitems created, claimed and progressed; give the events that are due."""
    due = []
    for _ in range(count):
        uid = create(client)
        claim = ask(client, Operation.CHANGE_STATE, uid, state("IN PROGRESS", TUID), PULL)
        report = ask(client, Operation.MODIFY, uid, progress(TUID), PULL)
        assert (claim.status, report.status) == (0x0000, 0x0000)
        due += [(1, uid), (1, uid), (3, uid)]
    return due


def test_keep_nobody_waiting(site: Site, database: str, sleeper: Sleeper, silent: int) -> None:
    """Everything is answered and reported to the others before the one that sleeps wakes."""
    site.database = database
    alive = [site.nets.server(EventReceiver) for _ in range(2)]
    dead = [silent, free_port(), sleeper]
    titles = [f"WATCHER{number}" for number in range(len(alive) + len(dead))]
    table = [
        entity(each, title, tls=False) for title, each in zip(titles, [*dead, *alive], strict=True)
    ]
    site.start(entities=table)
    with site.client() as client:
        client.associate(ALL)
        for title in titles:
            asked = subscription(title, "FALSE")
            assert ask(client, Operation.SUBSCRIBE, GLOBAL, asked, WATCH).status == 0x0000
        due = lives(client, 1)
        assert sleeper.called.wait(PATIENCE)
        due += lives(client, 4)
    for each in alive:
        assert [report.key for report in each.inbox.wait_for(len(due))] == due
    assert sleeper.inbox.received == []
    sleeper.woken.set()
    # Progress that it has missed was reported once for each workitem, as it was to the others.
    assert [report.key for report in sleeper.inbox.wait_for(len(due))] == due


def test_keep_no_manager_from_its_end(site: Site, silent: int) -> None:
    site.start(entities=[entity(silent, tls=False), entity(free_port(), "GONE", tls=False)])
    with site.client() as client:
        client.associate(ALL)
        for title in ("WATCHER", "GONE"):
            asked = subscription(title, "FALSE")
            assert ask(client, Operation.SUBSCRIBE, GLOBAL, asked, WATCH).status == 0x0000
        lives(client, 1)
    site.manager.stop(1.0)
    assert not site.manager.IsActivated()
