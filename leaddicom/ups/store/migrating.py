"""Bringing a database to the newest schema, whoever else is doing the same."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection

from leaddicom.errors import DicomErrorCode
from leaddicom.ups.store.errors import StoreError, no_worklist

__all__ = ["VERSION_TABLE", "check_schema", "migrate"]

#: Where Alembic keeps the version; a name of our own, as others may have tables there, too.
VERSION_TABLE = "ups_schema_version"


def migrate(connection: Connection, place: str) -> bool:
    """Create the schema or bring it up to date.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction that is the only one that writes.
    place : str
        Names the database in messages.

    Returns
    -------
    bool
        Whether there was no schema before.

    Raises
    ------
    StoreError
        The schema is of a newer version of this package.
    """
    config, scripts = _migrations()
    config.attributes["connection"] = connection
    current = _current(connection)
    if current == scripts.get_current_head():
        return False
    try:
        if current is not None:
            scripts.get_revision(current)
    except CommandError:
        raise StoreError(
            f"{place} has the schema {current}, which this version of leaddicom does not know. "
            "A newer version has written it; install that one.",
            DicomErrorCode.OPEN,
        ) from None
    command.upgrade(config, "head")
    return current is None


def check_schema(connection: Connection, place: str) -> None:
    """See whether the schema is the newest one, and change nothing.

    Raises
    ------
    StoreError
        There is none, or another one.
    """
    current = _current(connection)
    if current is None:
        raise no_worklist(place)
    if current != _migrations()[1].get_current_head():
        raise StoreError(
            f"{place} has the schema {current}, which is of another version of leaddicom than "
            "this one. Use the version of its manager.",
            DicomErrorCode.OPEN,
        )


def _migrations() -> tuple[Config, ScriptDirectory]:
    config = Config()
    config.set_main_option("script_location", "leaddicom.ups.store:migrations")
    return config, ScriptDirectory.from_config(config)


def _current(connection: Connection) -> str | None:
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    return context.get_current_revision()
