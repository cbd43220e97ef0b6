"""Eight processes claim 400 workitems over mutual TLS, from managers that are processes, too."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from datetime import timezone
from itertools import cycle, islice
from typing import Any

import pytest

from leaddicom.ups.core.terms import State
from leaddicom.ups.store import Store
from ups.receivers import PATIENCE
from ups.wire.claimers import claim_all
from ups.wire.services import Serve, Services, fill

CLAIMERS, WORKITEMS = 8, 400

#: Seconds that all of it may take on a computer that has much else to do.
LONG = 6 * PATIENCE


@pytest.fixture(params=["SQLite, two workers", "PostgreSQL, two managers"])
def managers(request: pytest.FixtureRequest) -> tuple[str, list[Serve]]:
    """A database, and who serves it."""
    if request.param.startswith("PostgreSQL"):
        found: tuple[str, list[Serve]] = request.getfixturevalue("pair")
        return found
    started: Services = request.getfixturevalue("started")
    database = request.getfixturevalue("sqlite_databases").with_schema()
    return database, started.start("--workers", "2", database=database)


def test_each_workitem_is_granted_once(managers: tuple[str, list[Serve]]) -> None:
    """With read-then-update it was 415 with SQLite, and 775 with PostgreSQL."""
    database, serves = managers
    uids = fill(database, WORKITEMS)
    spawn: Any = multiprocessing.get_context("spawn")
    together, results = spawn.Barrier(CLAIMERS), spawn.Queue()
    processes = [
        spawn.Process(
            target=claim_all, args=(each.port, each.tls, uids, together, results, PATIENCE)
        )
        for each in islice(cycle(serves), CLAIMERS)
    ]
    for process in processes:
        process.start()
    try:
        told = [results.get(timeout=LONG) for _ in processes]
    finally:
        for process in processes:
            process.join(PATIENCE)
            process.kill()
    granted = [uid for claims, _ in told for uid in claims]
    assert sorted(granted) == sorted(uids)
    statuses = sum((each for _, each in told), Counter[int]())
    assert statuses == {0x0000: WORKITEMS, 0xC301: WORKITEMS * (CLAIMERS - 1)}
    locks = {uid: lock for claims, _ in told for uid, lock in claims.items()}
    assert stored(database, uids) == locks


def stored(database: str, uids: list[str]) -> dict[str, str]:
    """The Transaction UIDs of claimed workitems, as they are in a database."""
    store = Store(database, zone=timezone.utc)
    store.open()
    with store.reading() as reader:
        found = [reader.workitem(uid) for uid in uids]
    store.close()
    return {
        each.uid: each.transaction_uid or ""
        for each in found
        if each is not None and each.state is State.IN_PROGRESS
    }
