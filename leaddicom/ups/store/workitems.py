"""Workitems, and the columns by which they are found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, delete, exists, func, select, update

from leaddicom.ups.core.search import Cursor, IndexEntry, SearchKeys, index_entry
from leaddicom.ups.core.terms import State
from leaddicom.ups.core.workitem import Workitem
from leaddicom.ups.store import schema, searching
from leaddicom.ups.store.database import insert, inserted
from leaddicom.ups.store.encoding import decoded, encoded
from leaddicom.ups.store.errors import DuplicateWorkitem, StaleWorkitem
from leaddicom.ups.store.moments import micros, moment
from leaddicom.ups.store.transaction import Transaction

__all__ = ["Candidate", "WorkitemReader", "WorkitemWriter", "index_columns", "replace_rows"]

_ups, _code, _request = schema.ups, schema.code, schema.request

_STORED = (
    _ups.c.id,
    _ups.c.start,
    _ups.c.uid,
    _ups.c.dataset,
    _ups.c.transaction_uid,
    _ups.c.creator_ae,
    _ups.c.performer_ae,
    _ups.c.version,
    _ups.c.created_at,
    _ups.c.modified_at,
    _ups.c.final_at,
)

#: Workitems that one purge deletes at most, so that nobody waits for long.
_PURGED = 1000


@dataclass(frozen=True, slots=True)
class Candidate(Workitem):
    """A workitem that a search has read.

    Attributes
    ----------
    cursor : Cursor
        Where a page that ends with it is continued.
    """

    cursor: Cursor = field(default=Cursor(0, 0))


class WorkitemReader(Transaction):
    """Reads workitems."""

    def workitem(self, uid: str) -> Workitem | None:
        """Give a workitem, if it is there."""
        statement = select(*_STORED).where(_ups.c.uid == uid)
        row = self._connection.execute(statement).one_or_none()
        return None if row is None else Workitem(**_fields(row))

    def candidates(
        self, keys: SearchKeys, after: Cursor | None = None, limit: int = 200
    ) -> list[Candidate]:
        """Read the workitems among which those are that a C-FIND is looking for.

        Parameters
        ----------
        keys : SearchKeys
            What all of them fulfil.
        after : Cursor, optional
            The `Candidate.cursor` of the last one of the page before.
        limit : int
            How many at most; fewer than that are the last ones.

        Returns
        -------
        list of Candidate
            Ordered by their start.
        """
        found = self._page(keys, after, limit).subquery()
        statement = select(*_STORED).join(found, found.c.id == _ups.c.id)
        rows = self._connection.execute(statement.order_by(found.c.start, found.c.id))
        return [Candidate(**_fields(row), cursor=Cursor(row.start, row.id)) for row in rows]

    def versions(self, keys: SearchKeys) -> list[tuple[str, int]]:
        """List UID and version of what `candidates` would give in all its pages, by creation."""
        found = self._page(keys, None, None).order_by(None).subquery()
        statement = select(_ups.c.uid, _ups.c.version).join(found, found.c.id == _ups.c.id)
        rows = self._connection.execute(statement.order_by(_ups.c.id))
        return [(row.uid, row.version) for row in rows]

    def count(self, keys: SearchKeys) -> int:
        """Count what `candidates` would give in all its pages."""
        found = self._page(keys, None, None).order_by(None).subquery()
        return self._connection.scalar(select(func.count()).select_from(found)) or 0

    def explain(self, keys: SearchKeys) -> str:
        """Give the database's plan for `candidates`.  It may quote the keys."""
        return self._settings.database.explain(self._connection, self._page(keys, None, 200))

    def _page(
        self, keys: SearchKeys, after: Cursor | None, limit: int | None
    ) -> Select[tuple[int, int]]:
        longest = searching.longest_start(self._connection)
        return searching.page(keys, after, limit, longest)


class WorkitemWriter(WorkitemReader):
    """Writes workitems."""

    def insert(self, workitem: Workitem) -> Workitem:
        """Store a new workitem.

        Returns
        -------
        Workitem
            As it is stored.

        Raises
        ------
        DuplicateWorkitem
            There is one with its UID.
        DataSetError
            Its data set cannot be encoded.
        """
        now = self._micros()
        entry = index_entry(workitem, self._settings.zone)
        values = {
            **self._columns(workitem, entry),
            "uid": workitem.uid,
            "version": 1,
            "created_at": now,
        }
        statement = insert(self._connection, _ups).values(values).on_conflict_do_nothing()
        if not inserted(self._connection, statement):
            raise DuplicateWorkitem(f"There is a workitem {workitem.uid} already.")
        self._index(workitem.uid, entry)
        final_at = moment(values["final_at"])
        return replace(
            workitem, version=1, created_at=moment(now), modified_at=moment(now), final_at=final_at
        )

    def update(self, workitem: Workitem) -> Workitem:
        """Store a workitem over the version that it was made from.

        Returns
        -------
        Workitem
            As it is stored.

        Raises
        ------
        StaleWorkitem
            It is not there any more, or in another version.
        DataSetError
            Its data set cannot be encoded.
        """
        entry = index_entry(workitem, self._settings.zone)
        values = self._columns(workitem, entry)
        statement = (
            update(_ups)
            .where(_ups.c.uid == workitem.uid, _ups.c.version == workitem.version)
            .values({**values, "version": workitem.version + 1})
        )
        if not self._connection.execute(statement).rowcount:
            raise StaleWorkitem(
                f"The workitem {workitem.uid} was changed since it was read. Read it again."
            )
        self._index(workitem.uid, entry)
        return replace(
            workitem,
            version=workitem.version + 1,
            modified_at=moment(values["modified_at"]),
            final_at=moment(values["final_at"]),
        )

    def delete(self, uid: str) -> bool:
        """Delete a workitem with its subscriptions, in whatever state; tell if it was there."""
        return self._connection.execute(delete(_ups).where(_ups.c.uid == uid)).rowcount > 0

    def purge(self, final_before: Mapping[State, datetime]) -> int:
        """Delete workitems that have been final for long, unless a deletion lock keeps them.

        Parameters
        ----------
        final_before : mapping of State to datetime
            Of the states that are named, those that became final before.

        Returns
        -------
        int
            How many; there may be more.
        """
        lock = schema.subscription
        kept = exists().where(lock.c.ups_id == _ups.c.id, lock.c.deletion_lock)
        count = 0
        for state, before in final_before.items():
            old = (
                select(_ups.c.id)
                .where(_ups.c.state == state.value, _ups.c.final_at < micros(before), ~kept)
                .order_by(_ups.c.final_at)
                .limit(_PURGED)
            )
            count += self._connection.execute(delete(_ups).where(_ups.c.id.in_(old))).rowcount
        return count

    def _columns(self, workitem: Workitem, entry: IndexEntry) -> dict[str, Any]:
        now = self._micros()
        final_at = None
        if workitem.state.is_final:
            final_at = now if workitem.final_at is None else micros(workitem.final_at)
        return {
            **index_columns(entry),
            "transaction_uid": workitem.transaction_uid,
            "creator_ae": workitem.creator_ae,
            "performer_ae": workitem.performer_ae,
            "modified_at": now,
            "final_at": final_at,
            "dataset": encoded(workitem.dataset),
        }

    def _index(self, uid: str, entry: IndexEntry) -> None:
        id_ = self._connection.execute(select(_ups.c.id).where(_ups.c.uid == uid)).scalar_one()
        replace_rows(self._connection, id_, entry)


def index_columns(entry: IndexEntry) -> dict[str, Any]:
    """Give the columns of an index entry, but for its UID and its rows in other tables."""
    columns = asdict(entry)
    for name in ("uid", "codes", "requests"):
        del columns[name]
    # An unknown start ends before it begins; one of the wrong VR may be whenever.
    columns["start_span"] = min(max(0, entry.start_end - entry.start), 1 << 62)
    return columns


def replace_rows(connection: Connection, id_: int, entry: IndexEntry) -> None:
    """Write the codes and the requests of a workitem."""
    own = {"ups_id": id_}
    place = {**own, "state": entry.state, "start": entry.start}
    for table, rows in (
        (_code, [{**asdict(each), **place} for each in entry.codes]),
        (_request, [{**asdict(each), **own} for each in entry.requests]),
    ):
        connection.execute(delete(table).where(table.c.ups_id == id_))
        if rows:
            connection.execute(table.insert(), rows)


def _fields(row: Any) -> dict[str, Any]:
    fields: dict[str, Any] = row._asdict()
    for name in ("id", "start"):
        del fields[name]
    for name in ("created_at", "modified_at", "final_at"):
        fields[name] = moment(fields[name])
    fields["dataset"] = decoded(fields["dataset"])
    return fields
