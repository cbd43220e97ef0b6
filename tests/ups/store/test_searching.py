"""What the database reads for a C-FIND: all that can match, in order, and little more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from leaddicom.ups.core.datetimes import Instants
from leaddicom.ups.core.matching import Identifier, check_identifier
from leaddicom.ups.core.search import (
    SEVERAL,
    CodeKey,
    IndexEntry,
    SearchKeys,
    TextKey,
    admits,
    index_entry,
    search_keys,
)
from leaddicom.ups.core.terms import State
from leaddicom.ups.core.workitem import Workitem
from leaddicom.ups.store import Reader, Store, searching
from ups.databases import PostgresqlDatabases, SqliteDatabases
from ups.workitems import data_set

from .samples import code, in_state, new, uid

UTC = timezone.utc


def keys_of(**keys: Any) -> SearchKeys:
    identifier = check_identifier(data_set(**keys))
    assert isinstance(identifier, Identifier)
    return search_keys(identifier, UTC)


def station(value: str) -> list[Dataset]:
    return [data_set(CodeValue=value)]


def fill(store: Store, *workitems: Workitem) -> None:
    with store.writing() as writer:
        for workitem in workitems:
            writer.insert(workitem)


def found(store: Store, keys: SearchKeys) -> list[str]:
    with store.reading() as reader:
        return [each.uid for each in reader.candidates(keys)]


def paged(reader: Reader, keys: SearchKeys, size: int) -> Iterator[str]:
    cursor = None
    while page := reader.candidates(keys, cursor, size):
        assert len(page) <= size
        yield from (each.uid for each in page)
        cursor = page[-1].cursor


def test_an_empty_store_has_no_candidates(store: Store) -> None:
    assert found(store, SearchKeys()) == []


def test_they_are_ordered_by_start_and_then_as_they_came(store: Store) -> None:
    starts = ("20300402", "20300401", "20300403", "20300401")
    for number, start in enumerate(starts):
        fill(store, new(number, ScheduledProcedureStepStartDateTime=start))
    assert found(store, SearchKeys()) == [uid(1), uid(3), uid(0), uid(2)]


def test_offsets_count_in_the_order(store: Store) -> None:
    for number, start in enumerate(("20300401120000-0500", "20300401120000+0500")):
        fill(store, new(number, ScheduledProcedureStepStartDateTime=start))
    assert found(store, SearchKeys()) == [uid(1), uid(0)]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9])
@pytest.mark.parametrize(
    "keys",
    [
        keys_of(ProcedureStepState="", PatientID=""),
        keys_of(ProcedureStepState="SCHEDULED"),
        keys_of(ScheduledStationNameCodeSequence=station("LINAC1")),
        keys_of(PatientID="4711"),
    ],
    ids=["all", "state", "station", "patient"],
)
def test_pages_give_each_once(store: Store, keys: SearchKeys, size: int) -> None:
    for number in range(8):
        names = [code("LINAC1"), code("LINAC1", "99OTHER")]
        start = f"2030040{1 + number % 3}"
        changes = {"ScheduledStationNameCodeSequence": names}
        fill(store, new(number, ScheduledProcedureStepStartDateTime=start, **changes))
    with store.reading() as reader:
        uids = list(paged(reader, keys, size))
        assert reader.count(keys) == 8
    assert uids == [uid(number) for number in (0, 3, 6, 1, 4, 7, 2, 5)]


def test_a_code_is_found_by_value_and_designator_of_one_item(store: Store) -> None:
    fill(
        store,
        new(1, ScheduledStationNameCodeSequence=[code("A", "99ONE"), code("B", "99TWO")]),
        new(2, ScheduledStationNameCodeSequence=[code("B", "99ONE")]),
        new(3, ScheduledStationClassCodeSequence=[code("B", "99ONE")]),
        new(4),
    )
    for given_, expected in (
        (code("B", "99ONE"), [2]),
        (code("B", "99TWO"), [1]),
        (data_set(CodeValue="B"), [1, 2]),
        (data_set(CodingSchemeDesignator="99ONE"), [1, 2]),
    ):
        keys = keys_of(ScheduledStationNameCodeSequence=[given_])
        assert found(store, keys) == [uid(number) for number in expected]


def test_a_month_is_found_by_each_of_its_days(store: Store) -> None:
    """A start of little precision may be whenever within it."""
    fill(
        store,
        new(1, ScheduledProcedureStepStartDateTime="203004"),
        new(2, ScheduledProcedureStepStartDateTime="20300401"),
    )
    for key, expected in (
        ("20300331", []),
        ("20300401", [1, 2]),
        ("20300430", [1]),
        ("20300501", []),
        ("20300415-", [1]),
        ("-20300402", [1, 2]),
    ):
        for more in ({}, {"ProcedureStepState": "SCHEDULED"}, {"PatientID": "4711"}):
            keys = keys_of(ScheduledProcedureStepStartDateTime=key, **more)
            assert found(store, keys) == [uid(number) for number in expected], (key, more)


def test_a_change_of_state_or_start_is_found_by_the_station(store: Store) -> None:
    with store.writing() as writer:
        stored = writer.insert(new(ScheduledStationNameCodeSequence=[code("LINAC1")]))
        changed = in_state(stored, State.IN_PROGRESS)
        changed.dataset.ScheduledProcedureStepStartDateTime = "20310101"
        writer.update(changed)
    for state, start, expected in (
        ("SCHEDULED", "", []),
        ("IN PROGRESS", "2030", []),
        ("IN PROGRESS", "2031", [uid(1)]),
    ):
        keys = keys_of(
            ScheduledStationNameCodeSequence=station("LINAC1"),
            ProcedureStepState=state,
            ScheduledProcedureStepStartDateTime=start,
        )
        assert found(store, keys) == expected


def test_wild_cards_of_sql_are_none_here(store: Store) -> None:
    fill(store, new(1, PatientName="100%_A"), new(2, PatientName="100XXA"))
    assert found(store, keys_of(PatientName="100%_*")) == [uid(1)]
    assert found(store, keys_of(ProcedureStepLabel="%")) == []


def test_quotes_stay_in_their_values(store: Store) -> None:
    hostile = "x' OR '1'='1"
    fill(store, new(1), new(2, PatientID=hostile))
    assert found(store, keys_of(PatientID=hostile)) == [uid(2)]


@pytest.mark.parametrize(
    ("prefix", "end"),
    [
        ("a", "b"),
        ("ab", "ac"),
        ("a\U0010ffff", "b"),
        ("a\ud7ff", "a\ue000"),
        ("\U0010ffff", None),
    ],
)
def test_the_end_of_a_prefix(prefix: str, end: str | None) -> None:
    assert searching.prefix_end(prefix) == end


def test_the_plan_can_be_looked_at(store: Store) -> None:
    with store.reading() as reader:
        plan = reader.explain(keys_of(ScheduledStationNameCodeSequence=station("LINAC1")))
    assert "ups_code" in plan


# -- SQL and its twin in Python ----------------------------------------------------------------

NAMES = ("", "a", "A", "ab", "b", "a%", "a_", "\u00e4", "ab" * 40, "\\")
COLUMNS = {
    "patient_id": "PatientID",
    "issuer": "IssuerOfPatientID",
    "label": "ProcedureStepLabel",
    "worklist_label": "WorklistLabel",
    "admission_id": "AdmissionID",
}
CODES = {
    "station": "ScheduledStationNameCodeSequence",
    "workitem": "ScheduledWorkitemCodeSequence",
}
STARTS = ("", "2030", "203004", "20300401", "2030040112", "20300401120000", "20310101")
REQUESTS = {"accession": "AccessionNumber", "requested_procedure_id": "RequestedProcedureID"}


def population() -> list[Workitem]:
    """Workitems with few different values, so that most keys find some of them."""
    random = Random(1)
    made = []
    for number in range(80):
        changes: dict[str, Any] = {
            keyword: random.choice(NAMES).replace("\\", "") for keyword in COLUMNS.values()
        }
        changes |= {
            keyword: [
                code(random.choice("ABC"), random.choice(("99ONE", "99TWO")))
                for _ in range(random.randrange(3))
            ]
            for keyword in CODES.values()
        }
        changes["ReferencedRequestSequence"] = [
            data_set(**{keyword: random.choice(("", "1", "2")) for keyword in REQUESTS.values()})
            for _ in range(random.randrange(3))
        ]
        changes["PatientName"] = random.choice(("", "Ab^C", "B^A", "\u00c4^B=a^b"))
        changes["ScheduledProcedureStepStartDateTime"] = random.choice(STARTS)
        changes["ExpectedCompletionDateTime"] = random.choice(STARTS)
        item = new(number, SpecificCharacterSet="ISO_IR 192", **changes)
        if number % 7 == 0:
            item.dataset.PatientID = ["a", "b"]  # such a value may match anything
        made.append(in_state(item, random.choice(list(State))))
    return made


def text_keys(values: tuple[str, ...], *, parts: bool = False) -> st.SearchStrategy[TextKey]:
    some = st.lists(st.sampled_from(values), max_size=2).map(tuple)
    exact = st.lists(st.sampled_from((SEVERAL, *values)), max_size=len(values)).map(tuple)
    beginnings = some.map(lambda each: tuple(value[:1] for value in each if value))
    return st.builds(TextKey, exact, beginnings, beginnings if parts else st.just(()))


def some_of(strategies: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=strategies)


INSTANTS = st.integers(-400, 800).map(
    lambda days: int((datetime(2030, 1, 1, tzinfo=UTC) + timedelta(days)).timestamp() * 1_000_000)
)
CODE_KEYS = st.builds(
    CodeKey,
    st.sampled_from(tuple(CODES)),
    st.none() | text_keys(tuple("ABCDEFGHIJ")),
    st.none() | text_keys(("99ONE", "99TWO")),
)
KEYS = st.builds(
    SearchKeys,
    texts=some_of(
        {
            **{column: text_keys(NAMES) for column in COLUMNS},
            "patient_name": text_keys(("=ab", "=b", "^b", "=\u00e4"), parts=True),
            "state": st.sampled_from(list(State)).map(lambda state: TextKey((state.value,))),
            "uid": st.just(TextKey(tuple(uid(number) for number in range(40)))),
        }
    ),
    periods=some_of(
        {
            column: st.tuples(INSTANTS, INSTANTS).map(sorted).map(lambda ends: Instants(*ends))
            for column in ("start", "expected")
        }
    ),
    codes=st.lists(CODE_KEYS, max_size=2, unique_by=lambda key: key.kind).map(tuple),
    request=some_of({column: text_keys(("", "1", "2")) for column in REQUESTS}),
)


@pytest.fixture(scope="module")
def populated(
    request: pytest.FixtureRequest,
    sqlite_databases: SqliteDatabases,
) -> Iterator[dict[str, Store]]:
    """The same workitems in a database of each kind."""
    stores = {"sqlite": Store(sqlite_databases.with_schema(), zone=UTC)}
    try:
        postgresql: PostgresqlDatabases = request.getfixturevalue("postgresql_databases")
        stores["postgresql"] = Store(postgresql.with_schema(), zone=UTC)
    except pytest.skip.Exception:
        pass  # the tests of PostgreSQL say so
    for store in stores.values():
        store.open()
        fill(store, *population())
    yield stores
    for store in stores.values():
        store.close()


@pytest.fixture(scope="module")
def entries() -> list[IndexEntry]:
    return [index_entry(workitem, UTC) for workitem in population()]


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(keys=KEYS)
def test_sql_admits_what_its_twin_admits(
    populated: dict[str, Store], entries: list[IndexEntry], keys: SearchKeys
) -> None:
    expected = {entry.uid for entry in entries if admits(keys, entry)}
    for kind, store in populated.items():
        with store.reading() as reader:
            got = set(paged(reader, keys, 33))
        assert expected <= got, kind
        # SQLite's LIKE finds "B" for "b".
        assert kind == "sqlite" or got == expected, kind
