"""Workitems are kept as they are, each change over the version that it was made from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from pydicom.dataset import Dataset
from sqlalchemy import select

from leaddicom import DataSetError
from leaddicom.errors import DicomErrorCode
from leaddicom.ups.core.subscriptions import SubscriptionState
from leaddicom.ups.core.terms import State
from leaddicom.ups.store import DuplicateWorkitem, StaleWorkitem, Store, StoreError, Writer, schema
from leaddicom.ups.store.encoding import MAXIMUM_LENGTH, decoded, encoded

from .samples import claimed, code, in_state, new, uid

LONG_AGO = datetime(2030, 1, 1, tzinfo=timezone.utc)


class Clock:
    def __init__(self) -> None:
        self.now = LONG_AGO

    def __call__(self) -> datetime:
        return self.now


def rows(store: Store, table: schema.Table) -> int:
    with store.reading() as reader:
        return len(reader._connection.execute(select(table)).all())


def insert(writer: Writer, *numbers: int) -> None:
    for number in numbers:
        writer.insert(new(number))


def test_a_workitem_is_read_as_it_was_stored(store: Store) -> None:
    workitem = new(
        SpecificCharacterSet="ISO_IR 192",
        PatientName="M\u00fcller^J\u00f6rg=\u6771^\u4eac",
        ScheduledStationNameCodeSequence=[code("LINAC1"), code("LINAC2")],
    )
    with store.writing() as writer:
        stored = writer.insert(workitem)
    with store.reading() as reader:
        found = reader.workitem(uid(1))
    assert found is not None
    assert found.dataset == workitem.dataset
    assert (found.uid, found.state, found.version) == (uid(1), State.SCHEDULED, 1)
    assert (found.creator_ae, found.performer_ae, found.transaction_uid) == ("CREATOR", "", "")
    assert replace(found, dataset=workitem.dataset) == stored


def test_an_unknown_workitem_is_none(store: Store) -> None:
    with store.reading() as reader:
        assert reader.workitem(uid(1)) is None


def test_empty_values_are_stored_and_found(store: Store) -> None:
    """Type 2 attributes may be empty, PatientID among them."""
    empty = new(PatientID="", PatientName="", StudyInstanceUID="", ScheduledWorkitemCodeSequence=[])
    with store.writing() as writer:
        writer.insert(empty)
        found = writer.workitem(uid(1))
    assert found is not None
    assert found.dataset == empty.dataset


def test_the_same_uid_is_a_duplicate_and_the_transaction_goes_on(store: Store) -> None:
    with store.writing() as writer:
        first = writer.insert(new(ProcedureStepLabel="first"))
    with store.writing() as writer:
        with pytest.raises(DuplicateWorkitem, match=f"workitem {uid(1)} already"):
            writer.insert(new(ProcedureStepLabel="second"))
        writer.insert(new(2))
    with store.reading() as reader:
        assert reader.workitem(uid(1)) == first
        assert reader.workitem(uid(2)) is not None


def test_an_update_makes_the_next_version(new_store: Callable[..., Store]) -> None:
    clock = Clock()
    store = new_store(clock=clock)
    with store.writing() as writer:
        stored = writer.insert(new())
    clock.now += timedelta(minutes=1)
    with store.writing() as writer:
        updated = writer.update(claimed(stored))
    with store.reading() as reader:
        assert reader.workitem(uid(1)) == updated
    assert (updated.version, updated.transaction_uid) == (2, "1.2.3")
    assert (updated.created_at, updated.modified_at) == (LONG_AGO, clock.now)
    assert updated.final_at is None


def test_an_older_version_cannot_be_updated(store: Store) -> None:
    with store.writing() as writer:
        stored = writer.insert(new())
        writer.update(claimed(stored, "1.1"))
        with pytest.raises(StaleWorkitem, match="changed since it was read"):
            writer.update(claimed(stored, "2.2"))
    with store.reading() as reader:
        found = reader.workitem(uid(1))
    assert found is not None
    assert found.transaction_uid == "1.1"


def test_what_is_not_there_cannot_be_updated(store: Store) -> None:
    with store.writing() as writer, pytest.raises(StaleWorkitem):
        writer.update(replace(new(), version=1))


def test_when_it_became_final_stays(new_store: Callable[..., Store]) -> None:
    clock = Clock()
    store = new_store(clock=clock)
    with store.writing() as writer:
        final = writer.update(in_state(writer.insert(new()), State.COMPLETED))
    assert final.final_at == LONG_AGO
    clock.now += timedelta(days=1)
    with store.writing() as writer:
        assert writer.update(final).final_at == LONG_AGO


def test_what_is_inserted_final_is_final_at_once(store: Store) -> None:
    with store.writing() as writer:
        stored = writer.insert(in_state(new(), State.CANCELED))
        assert stored.final_at == stored.created_at == writer.now()


def test_nothing_is_kept_of_a_transaction_that_fails(store: Store) -> None:
    with store.writing() as writer:
        writer.insert(new(2))
    with pytest.raises(DuplicateWorkitem), store.writing() as writer:
        insert(writer, 1, 2)
    assert rows(store, schema.ups) == rows(store, schema.code) == 1


def test_an_update_replaces_the_codes_and_requests(store: Store) -> None:
    request = Dataset()
    request.AccessionNumber = "A1"
    request.StudyInstanceUID = uid(7)
    with store.writing() as writer:
        stored = writer.insert(
            new(
                ScheduledStationNameCodeSequence=[code("LINAC1"), code("LINAC2")],
                ReferencedRequestSequence=[request],
            )
        )
        dataset = stored.copy_dataset()
        dataset.ScheduledStationNameCodeSequence = [code("LINAC3")]
        dataset.ReferencedRequestSequence = []
        dataset.ProcedureStepState = "IN PROGRESS"
        writer.update(replace(stored, dataset=dataset))
    with store.reading() as reader:
        statement = select(schema.code.c.value, schema.code.c.state).order_by("value")
        found = [tuple(row) for row in reader._connection.execute(statement)]
    assert found == [("121726", "IN PROGRESS"), ("LINAC3", "IN PROGRESS")]
    assert rows(store, schema.request) == 0


def test_a_deleted_workitem_leaves_nothing(store: Store) -> None:
    with store.writing() as writer:
        writer.insert(new())
        writer.set_subscription("A", uid(1), SubscriptionState.WITH_LOCK)
        assert writer.delete(uid(1))
        assert not writer.delete(uid(1))
    for table in (schema.ups, schema.code, schema.request, schema.subscription):
        assert rows(store, table) == 0


class TestPurge:
    """Final workitems are deleted after some time, unless somebody holds a deletion lock."""

    def left(self, store: Store, before: dict[State, datetime]) -> set[int]:
        with store.writing() as writer:
            count = writer.purge(before)
            left = {number for number in range(1, 7) if writer.workitem(uid(number))}
        assert count == 6 - len(left)
        return left

    @pytest.fixture
    def aged(self, new_store: Callable[..., Store]) -> Store:
        clock = Clock()
        store = new_store(clock=clock)
        with store.writing() as writer:
            writer.insert(new(1))
            writer.insert(in_state(new(2), State.IN_PROGRESS))
            for number in (3, 4, 5):
                writer.insert(in_state(new(number), State.COMPLETED))
            writer.insert(in_state(new(6), State.CANCELED))
            writer.set_subscription("A", uid(4), SubscriptionState.WITHOUT_LOCK)
            writer.set_subscription("A", uid(5), SubscriptionState.WITHOUT_LOCK)
            writer.set_subscription("B", uid(5), SubscriptionState.WITH_LOCK)
        return store

    def test_those_that_became_final_before_go(self, aged: Store) -> None:
        later = LONG_AGO + timedelta(microseconds=1)
        assert self.left(aged, {State.COMPLETED: later, State.CANCELED: later}) == {1, 2, 5}

    def test_those_that_became_final_at_that_moment_stay(self, aged: Store) -> None:
        assert len(self.left(aged, {State.COMPLETED: LONG_AGO, State.CANCELED: LONG_AGO})) == 6

    def test_states_have_times_of_their_own(self, aged: Store) -> None:
        later = LONG_AGO + timedelta(days=1)
        assert self.left(aged, {State.CANCELED: later}) == {1, 2, 3, 4, 5}
        assert rows(aged, schema.subscription) == 3

    def test_it_goes_when_the_last_lock_does(self, aged: Store) -> None:
        with aged.writing() as writer:
            writer.set_subscription("B", uid(5), SubscriptionState.WITHOUT_LOCK)
        assert self.left(aged, {State.COMPLETED: LONG_AGO + timedelta(days=1)}) == {1, 2, 6}


class TestDataSets:
    """Data sets are blobs, and the Transaction UID is nowhere in them."""

    def test_a_transaction_uid_is_left_out(self) -> None:
        dataset = new().dataset
        dataset.TransactionUID = "1.2.3.4.5"
        blob = encoded(dataset)
        assert b"1.2.3.4.5" not in blob
        assert "TransactionUID" in dataset
        del dataset.TransactionUID
        assert decoded(blob) == dataset

    def test_it_is_in_no_blob_of_the_database(self, store: Store) -> None:
        with store.writing() as writer:
            stored = claimed(writer.insert(new()), "1.2.3.4.5")
            stored.dataset.TransactionUID = "1.2.3.4.5"
            writer.update(stored)
            found = writer.workitem(uid(1))
        assert found is not None
        assert found.transaction_uid == "1.2.3.4.5"
        assert "TransactionUID" not in found.dataset

    def test_too_long_ones_are_refused(self) -> None:
        dataset = Dataset()
        dataset.EncapsulatedDocument = bytes(MAXIMUM_LENGTH - 12)
        assert len(encoded(dataset)) == MAXIMUM_LENGTH
        dataset.EncapsulatedDocument = bytes(MAXIMUM_LENGTH - 10)
        with pytest.raises(StoreError, match="is the limit"):
            encoded(dataset)

    def test_what_cannot_be_encoded_is_refused(self, store: Store) -> None:
        workitem = new()
        workitem.dataset.add_new("Rows", "US", 1)
        workitem.dataset["Rows"]._value = "no number"
        with pytest.raises(DataSetError), store.writing() as writer:
            writer.insert(workitem)

    def test_damage_is_told(self) -> None:
        endless = bytes.fromhex("40002540 5351 0000 ffffffff")
        with pytest.raises(StoreError, match="damaged") as caught:
            decoded(endless)
        assert caught.value.code is DicomErrorCode.READ
