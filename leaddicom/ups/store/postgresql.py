"""PostgreSQL: for several hosts."""

from __future__ import annotations

import math
from typing import Any

from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.engine import URL

from leaddicom.errors import DicomErrorCode
from leaddicom.ups.store.database import LOCK_TIMEOUT, POOL_SIZE, Database
from leaddicom.ups.store.errors import StoreError

__all__ = ["Postgresql"]

#: The advisory lock of those who write; a number that nobody else is likely to use.
_LOCK_KEY = 0x5550_5357_4F52_4B00

#: Of each connection: the milliseconds after which the server gives up to wait for a lock, a
#: statement, and a transaction whose client does nothing and may keep the lock; and that tables
#: are read by indices.  The planner takes the keys of a search for independent of another, which
#: state, day and station are not, and its statistics are those of an hour ago: it expects
#: thousands of rows where there are a few, and none where thousands are being written.
_SETTINGS = {
    "lock_timeout": math.ceil(LOCK_TIMEOUT * 1000),
    "statement_timeout": 30_000,
    "idle_in_transaction_session_timeout": 60_000,
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "max_parallel_workers_per_gather": 0,
    "jit": "off",
}


class Postgresql(Database):
    """A database of a PostgreSQL server.

    Parameters
    ----------
    url : sqlalchemy.engine.URL
        Where it is.

    Raises
    ------
    StoreError
        The driver is not installed.
    """

    def __init__(self, url: URL) -> None:
        self.place = _place(url)
        arguments = {"connect_timeout": 10, "application_name": "leaddicom"}
        try:
            engine = create_engine(
                url.set(drivername="postgresql+psycopg"),
                hide_parameters=True,
                isolation_level="READ COMMITTED",
                pool_pre_ping=True,
                pool_size=POOL_SIZE,
                max_overflow=0,
                pool_timeout=LOCK_TIMEOUT,
                connect_args={
                    **{key: value for key, value in arguments.items() if key not in url.query},
                    "client_encoding": "UTF8",
                },
            )
        except ImportError as error:
            raise StoreError(
                f"{self.place} cannot be used, as PostgreSQL's driver is not installed. Run: "
                "pip install 'leaddicom[postgresql]'",
                DicomErrorCode.OPEN,
            ) from error
        event.listen(engine, "connect", _configure)
        self.writing = engine
        self.reading = engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )

    def lock(self, connection: Connection) -> None:
        """Take the lock of those who write; it ends with the transaction.

        Statements after it see what the one before has committed: a transaction that is READ
        COMMITTED looks anew for each.
        """
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})

    def check(self, connection: Connection) -> None:
        """See whether the database takes all characters."""
        encoding = connection.execute(text("SHOW server_encoding")).scalar_one()
        if encoding != "UTF8":
            raise StoreError(
                f"{self.place} has the encoding {encoding}, in which not every name can be "
                "written. Make one with CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0.",
                DicomErrorCode.OPEN,
            )

    def now(self, connection: Connection) -> int:
        """Give the server's time: the transaction may have begun long before it got the lock."""
        statement = text("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint")
        return int(connection.execute(statement).scalar_one())

    def explain(self, connection: Connection, statement: Any) -> str:
        """Give the answer to EXPLAIN."""
        compiled = statement.compile(connection, compile_kwargs={"render_postcompile": True})
        rows = connection.exec_driver_sql(f"EXPLAIN {compiled}", compiled.params)
        return "\n".join(row[0] for row in rows)


def _place(url: URL) -> str:
    # A host may also stand in the query.
    host = url.host or url.query.get("host") or "localhost"
    where = host if isinstance(host, str) else ", ".join(host)
    port = f":{url.port}" if url.port else ""
    return f"The PostgreSQL database {url.database or ''!r} on {where}{port}"


def _configure(connection: Any, _record: Any) -> None:
    """Set up a new connection."""
    with connection.cursor() as cursor:
        for name, value in _SETTINGS.items():
            cursor.execute(f"SET {name} = {value}")
    connection.commit()
