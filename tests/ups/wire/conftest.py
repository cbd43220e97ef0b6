"""Managers as processes of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from leaddicom.testing.certificates import ThrowAwayPki
from ups.databases import Databases, PostgresqlDatabases
from ups.wire.services import Serve, Services, services


@pytest.fixture
def started(pki: ThrowAwayPki, tmp_path: Path) -> Iterator[Services]:
    """Starts managers for a test."""
    with services(pki, tmp_path) as made:
        yield made


@pytest.fixture
def database(databases: Databases) -> Iterator[str]:
    """A database without workitems."""
    url = databases.with_schema()
    yield url
    databases.give_back(url)


@pytest.fixture(scope="session")
def pair(
    pki: ThrowAwayPki,
    postgresql_databases: PostgresqlDatabases,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[str, list[Serve]]]:
    """Two managers on one PostgreSQL database, which is named first.

    They take seconds to start, so all tests share them, and each has workitems of its own.
    """
    database = postgresql_databases.with_schema()
    with services(pki, tmp_path_factory.mktemp("pair")) as made:
        yield database, made.start("--debug", count=2, database=database)
    postgresql_databases.give_back(database)
