"""Emptying a database."""

from __future__ import annotations

from ups.databases import Databases
from ups.desk import opened
from ups.workitems import GLOBAL


def test_leaves_the_table_of_entities_and_the_audit_trail(databases: Databases) -> None:
    with opened(databases.with_schema()) as desk:
        desk.create()
        desk.subscribe(GLOBAL, lock="TRUE")
        uid = desk.create()
        assert desk.events()
        with desk.store.reading() as reader:
            before = reader.entities(), reader.audit(limit=100)
        with desk.store.writing() as writer:
            assert writer.clear() == 2
        with desk.store.reading() as reader:
            assert not reader.subscriptions()
            assert not reader.global_subscriptions()
            assert (reader.entities(), reader.audit(limit=100)) == before
        assert desk.stored(uid) is None
        assert not desk.events()
        assert not desk.store.due_receivers()
        desk.create(uid)
