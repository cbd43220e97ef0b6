"""The store: transactions on a database that outlives the process."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, tzinfo

from sqlalchemy import Connection, Engine, delete

from leaddicom.errors import DicomErrorCode
from leaddicom.ups.store import schema
from leaddicom.ups.store.auditing import AuditReader, AuditWriter
from leaddicom.ups.store.database import LOCK_TIMEOUT, Database, database_of
from leaddicom.ups.store.entities import EntityReader, EntityWriter
from leaddicom.ups.store.errors import StoreBusy, StoreError, translated
from leaddicom.ups.store.migrating import check_schema, migrate
from leaddicom.ups.store.outbox import Outbox
from leaddicom.ups.store.projecting import check_projection, project
from leaddicom.ups.store.servers import ServerReader, Servers, ServerWriter
from leaddicom.ups.store.statistics import StatisticsReader
from leaddicom.ups.store.subscriptions import SubscriptionReader, SubscriptionWriter
from leaddicom.ups.store.transaction import Settings, Transaction
from leaddicom.ups.store.workitems import WorkitemReader, WorkitemWriter

__all__ = ["Reader", "Store", "Writer"]


class Reader(
    WorkitemReader,
    SubscriptionReader,
    EntityReader,
    AuditReader,
    StatisticsReader,
    ServerReader,
):
    """A transaction that reads: all of it sees the database as it was at one moment."""


class Writer(Reader, WorkitemWriter, SubscriptionWriter, EntityWriter, AuditWriter, ServerWriter):
    """A transaction that writes: no other does so at the same time, in whatever process."""

    def clear(self) -> int:
        """Delete all workitems, subscriptions and events; tell how many workitems there were.

        The table of application entities and the audit trail stay.
        """
        for table in (schema.global_subscription, schema.event, schema.receiver):
            self._connection.execute(delete(table))
        return self._connection.execute(delete(schema.ups)).rowcount


class Store(Outbox, Servers):
    """Where the worklist manager keeps everything.

    A process has one, and all its threads use it.  It must not be used in a process that was
    forked off after `open`.

    Parameters
    ----------
    url : str
        Path of an SQLite file, or an URL ``postgresql://user:password@host/database``.
    zone : tzinfo
        Of date times that say nothing about it (PS3.5 section 6.2).  If it is another than that
        of the last time, `open` makes the search columns anew.
    clock : callable, optional
        Gives the time, for tests; unless given, it is the database's.

    Attributes
    ----------
    is_new : bool
        Whether `open` has made the schema: there was no worklist before.
    on_commit : callable or None
        Called, in the thread that has committed, after a transaction that has published events.
    """

    def __init__(
        self, url: str, *, zone: tzinfo, clock: Callable[[], datetime] | None = None
    ) -> None:
        self.is_new = False
        self.on_commit: Callable[[], None] | None = None
        self._database: Database = database_of(url)
        self._settings = Settings(self._database, zone, clock)
        self._process: int | None = None
        # Who waits for another thread needs no connection for that.
        self._writing = threading.Lock()

    def __str__(self) -> str:
        return self._database.place

    def open(self) -> None:
        """Make the database ready; any number of processes may do so at the same time.

        Raises
        ------
        StoreError
            It cannot be reached, is on a network share, or has a newer schema.
        """
        database = self._database
        with translated(database.place):
            database.prepare()
            self._process = os.getpid()
            try:
                with self._begun(database.writing) as connection:
                    database.lock(connection)
                    database.check(connection)
                    self.is_new = migrate(connection, database.place)
                    project(connection, self._settings.zone)
            except BaseException:
                self.close()
                raise

    def open_existing(self) -> None:
        """Open a database as its manager has left it, as a tool beside that does.

        Raises
        ------
        StoreError
            There is none, or its manager is of another version or has another time zone.
        """
        database = self._database
        with translated(database.place):
            database.find()
            self._process = os.getpid()
            try:
                with self._begun(database.reading) as connection:
                    check_schema(connection, database.place)
                    check_projection(connection, self._settings.zone, database.place)
            except BaseException:
                self.close()
                raise

    def close(self) -> None:
        """Close the connections; the store can be opened again."""
        self._process = None
        self._database.close()

    @contextmanager
    def reading(self) -> Iterator[Reader]:
        """Begin a transaction that reads.  It should be short: what it sees cannot be tidied up.

        Raises
        ------
        StoreBusy, StoreError
            The database fails.
        """
        with translated(str(self)), self._begun(self._database.reading) as connection:
            yield Reader(connection, self._settings)

    @contextmanager
    def writing(self) -> Iterator[Writer]:
        """Begin a transaction that writes, once it is the only one.

        It is committed at the end of the block, or rolled back if that raises.  Within it, the
        thread must not begin another one that writes.

        Raises
        ------
        StoreBusy
            Others are writing for too long.
        StoreError
            The database fails.
        """
        with (
            translated(str(self)),
            self._only_one_here(),
            self._begun(self._database.writing) as connection,
        ):
            self._database.lock(connection)
            writer = Writer(connection, self._settings)
            yield writer
        if writer.published and self.on_commit is not None:
            self.on_commit()

    @contextmanager
    def _short(self, *, writes: bool) -> Iterator[Transaction]:
        engine = self._database.writing if writes else self._database.reading
        with translated(str(self)), self._begun(engine) as connection:
            yield Transaction(connection, self._settings)

    @contextmanager
    def _only_one_here(self) -> Iterator[None]:
        if not self._writing.acquire(timeout=LOCK_TIMEOUT):
            raise StoreBusy(f"{self} is busy: too many requests are waiting. Try again.")
        try:
            yield
        finally:
            self._writing.release()

    @contextmanager
    def _begun(self, engine: Engine) -> Iterator[Connection]:
        if self._process != os.getpid():
            why = "not open" if self._process is None else "open in the process that has forked"
            raise StoreError(
                f"{self} is {why}. Each process has to open a store of its own.",
                DicomErrorCode.OPEN,
            )
        with engine.connect() as connection, connection.begin():
            yield connection
