"""The database behind a URL: what SQLite and PostgreSQL do differently."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from sqlalchemy import Connection, Engine, Insert, Table
from sqlalchemy.dialects.postgresql import Insert as PostgresqlInsert
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from leaddicom.errors import DicomErrorCode
from leaddicom.ups.store.errors import StoreError

__all__ = ["LOCK_TIMEOUT", "POOL_SIZE", "Database", "database_of", "insert", "inserted"]

#: Seconds that a transaction waits for another: shorter than the half minute after which most
#: peers give up a request, so that they still get an answer.
LOCK_TIMEOUT = 10.0

#: Connections of one process.  Those that want to write wait before they take one.
POOL_SIZE = 20


class Database(ABC):
    """A database of one kind.

    Attributes
    ----------
    place : str
        Names it in messages, without a password.
    reading, writing : sqlalchemy.Engine
        For transactions that only read, each of which sees one moment of the database, and for
        those that write.  Both use the same connections.
    """

    place: str
    reading: Engine
    writing: Engine

    def prepare(self) -> None:  # noqa: B027 - not every kind has to be
        """Make the database ready to be connected to for the first time."""

    def find(self) -> None:  # noqa: B027 - who connects to a server finds out by that
        """See whether there is a database, and make none."""

    @abstractmethod
    def lock(self, connection: Connection) -> None:
        """Wait until this transaction is the only one that writes."""

    @abstractmethod
    def check(self, connection: Connection) -> None:
        """See whether the database can hold what it has to; before it gets a schema."""

    @abstractmethod
    def now(self, connection: Connection) -> int:
        """Give the database's time, in microseconds since 1970 in UTC."""

    @abstractmethod
    def explain(self, connection: Connection, statement: Any) -> str:
        """Give the database's plan for a query."""

    def close(self) -> None:
        """Close all connections that nobody uses."""
        self.writing.dispose()


def database_of(url: str) -> Database:
    """Give the database of a path or URL.

    Parameters
    ----------
    url : str
        Path of an SQLite file, or an URL as of SQLAlchemy: ``sqlite:///worklist.sqlite``,
        ``postgresql://user:password@host/database``.

    Raises
    ------
    StoreError
        It is neither, or what it needs is not installed.
    """
    # Each kind imports this module.
    from leaddicom.ups.store.postgresql import Postgresql
    from leaddicom.ups.store.sqlite import Sqlite

    if "://" not in url:
        return Sqlite(url)
    parsed = _parsed(url)
    kind = parsed.get_backend_name()
    if kind == "sqlite":
        return Sqlite(parsed.database or "")
    if kind in ("postgresql", "postgres"):
        return Postgresql(parsed)
    raise StoreError(
        f"Databases of the kind {kind!a} are not supported. Give the path of an SQLite file, or "
        "an URL postgresql://user@host/database.",
        DicomErrorCode.PARAMETER,
    )


def _parsed(url: str) -> URL:
    try:
        return make_url(url)
    except (ArgumentError, ValueError):
        # The text of the error may hold a part of the password.
        raise StoreError(
            "The URL of the database cannot be understood. It has the form "
            "postgresql://user:password@host:port/database, with special characters of the "
            "password as %XX.",
            DicomErrorCode.PARAMETER,
        ) from None


def insert(connection: Connection, table: Table) -> SqliteInsert | PostgresqlInsert:
    """Give an INSERT that knows ON CONFLICT, which both databases have alike."""
    if connection.dialect.name == "sqlite":
        return sqlite_insert(table)
    return postgresql_insert(table)


def inserted(connection: Connection, statement: Insert) -> int:
    """Execute an INSERT and give the number of rows that it has added."""
    return connection.execute(statement, execution_options={"preserve_rowcount": True}).rowcount
