"""How much the database reads for a search does not depend on how much there is.

No time is measured: SQLite counts the steps of its virtual machine, and PostgreSQL the rows and
the pages that it has touched.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

import pytest
from sqlalchemy import text

from leaddicom.ups.core.search import SearchKeys
from leaddicom.ups.store import Reader, Store, searching
from leaddicom.ups.store.encoding import encoded
from ups.databases import Databases, PostgresqlDatabases, SqliteDatabases
from ups.workitems import data_set

from .samples import new, uid
from .test_searching import keys_of, station

FEW, MANY = 10_000, 100_000

#: Workitems that each search is looking for, however many others there are.
SOUGHT = 25

#: Every third of the others is like those that are sought but for its state, its day or its
#: station.  After those that are sought by station come those that are sought by other keys.
_FILL = """
    INSERT INTO ups (
        uid, state, patient_id, study_uid, start, start_end, start_span, dataset,
        transaction_uid, creator_ae, performer_ae, version, created_at, modified_at, priority,
        readiness, label, worklist_label, patient_name, issuer, birth_date, sex, admission_id,
        replaced_uid)
    WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < :last),
    starts(n, is_special, start) AS (
        SELECT n, n >= :sought AND n < 2 * :sought,
               :today + CASE WHEN n % 3 = 1 AND n >= 2 * :sought THEN :day * (1 + n / 9) ELSE n END
        FROM numbers)
    SELECT
        :root || n,
        CASE WHEN is_special THEN 'IN PROGRESS'
             WHEN n % 3 = 0 AND n >= 2 * :sought THEN 'COMPLETED' ELSE 'SCHEDULED' END,
        CASE WHEN is_special THEN 'special' ELSE 'P' || n % 99 END,
        CASE WHEN is_special THEN '1.2.3' ELSE '' END,
        start, start, 0, :dataset,
        '', '', '', 1, 0, 0, 'HIGH', 'READY', 'Treatment', 'Linac', '', '', '', '', '', ''
    FROM starts ORDER BY n"""
_FILL_CODES = """
    INSERT INTO ups_code (ups_id, kind, value, designator, state, start)
    SELECT id, 'station',
           CASE WHEN id % 3 = 0 AND id > 2 * :sought THEN 'OTHER' ELSE 'LINAC' END,
           '99TEST', state, start
    FROM ups WHERE state <> 'IN PROGRESS'"""
_FILL_REQUESTS = """
    INSERT INTO ups_request (ups_id, accession, requested_procedure_id, requesting_service,
                             study_uid)
    SELECT id, CASE WHEN state = 'IN PROGRESS' THEN 'special' ELSE 'A' || id % 99 END, '', '', ''
    FROM ups"""

LINAC = station("LINAC")
SEARCHES = {
    "station, day and state": keys_of(
        ScheduledStationNameCodeSequence=LINAC,
        ProcedureStepState="SCHEDULED",
        ScheduledProcedureStepStartDateTime="20300401",
    ),
    "state and day": keys_of(
        ProcedureStepState="IN PROGRESS", ScheduledProcedureStepStartDateTime="20300401"
    ),
    "state": keys_of(ProcedureStepState="IN PROGRESS"),
    "patient and state": keys_of(PatientID="special", ProcedureStepState="IN PROGRESS"),
    "study": keys_of(StudyInstanceUID="1.2.3"),
    "accession number and day": keys_of(
        ReferencedRequestSequence=[data_set(AccessionNumber="special")],
        ScheduledProcedureStepStartDateTime="20300401",
    ),
    "UIDs": keys_of(SOPInstanceUID=[uid(number) for number in range(SOUGHT)]),
}


def filled(databases: Databases, count: int) -> Store:
    """A store with so many workitems, made by the database itself."""
    store = Store(databases.with_schema(), zone=timezone.utc)
    store.open()
    day = 86_400_000_000
    today = int(datetime(2030, 4, 1, tzinfo=timezone.utc).timestamp()) * 1_000_000
    parameters = {
        "last": count - 1,
        "sought": SOUGHT,
        "root": uid(0)[:-1],
        "today": today,
        "day": day,
        "dataset": encoded(new().dataset),
    }
    with store.writing() as writer:
        writer._connection.execute(text(_FILL), parameters)
        writer._connection.execute(text(_FILL_CODES), {"sought": SOUGHT})
        writer._connection.execute(text(_FILL_REQUESTS))
        if isinstance(databases, PostgresqlDatabases):
            writer._connection.execute(text("ANALYZE"))
    return store


def fill(databases: Databases) -> Iterator[tuple[Store, Store]]:
    stores = filled(databases, FEW), filled(databases, MANY)
    yield stores
    for store in stores:
        store.close()


@pytest.fixture(scope="module")
def sqlite_stores(sqlite_databases: SqliteDatabases) -> Iterator[tuple[Store, Store]]:
    yield from fill(sqlite_databases)


@pytest.fixture(scope="module")
def postgresql_stores(postgresql_databases: PostgresqlDatabases) -> Iterator[tuple[Store, Store]]:
    yield from fill(postgresql_databases)


def check_found(reader: Reader, keys: SearchKeys) -> None:
    first = reader.candidates(keys, None, 10)
    second = reader.candidates(keys, first[-1].cursor, 200)
    assert len({each.uid for each in (*first, *second)}) == SOUGHT


@pytest.mark.parametrize("keys", SEARCHES.values(), ids=SEARCHES.keys())
def test_sqlite_makes_as_many_steps(sqlite_stores: tuple[Store, Store], keys: SearchKeys) -> None:
    few, many = (steps(store, keys) for store in sqlite_stores)
    assert many <= few * 1.1
    assert many < 20_000


def steps(store: Store, keys: SearchKeys) -> int:
    """The steps of SQLite's virtual machine that a search takes, in tens."""
    counted = 0

    def count() -> None:
        nonlocal counted
        counted += 1

    with store.reading() as reader:
        connection: Any = reader._connection.connection.driver_connection
        connection.set_progress_handler(count, 10)
        try:
            check_found(reader, keys)
        finally:
            connection.set_progress_handler(None, 0)
    return counted * 10


@pytest.mark.parametrize("keys", SEARCHES.values(), ids=SEARCHES.keys())
def test_postgresql_touches_as_much(
    postgresql_stores: tuple[Store, Store], keys: SearchKeys
) -> None:
    few, many = (touched(store, keys) for store in postgresql_stores)
    assert many["rows"] <= few["rows"] * 1.1
    # An index of more entries may have one more level.
    assert many["pages"] <= few["pages"] * 2
    assert many["rows"] < SOUGHT * 10


def touched(store: Store, keys: SearchKeys) -> dict[str, float]:
    """The rows that all steps of the plan have read or thrown away, and the pages."""
    with store.reading() as reader:
        check_found(reader, keys)
        connection = reader._connection
        statement = searching.page(keys, None, 200, searching.longest_start(connection))
        compiled: Any = statement.compile(connection, compile_kwargs={"render_postcompile": True})
        explain = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {compiled}"
        answer = connection.exec_driver_sql(explain, compiled.params).scalar_one()
    plan = (json.loads(answer) if isinstance(answer, str) else answer)[0]["Plan"]
    nodes = list(walk(plan))
    rows = sum(
        node["Actual Loops"] * (node["Actual Rows"] + node.get("Rows Removed by Filter", 0))
        for node in nodes
    )
    return {"rows": rows, "pages": plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]}


def walk(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for inner in node.get("Plans", ()):
        yield from walk(inner)
