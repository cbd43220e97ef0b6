"""What every test needs.  Fixtures of one part stand beside that part's tests."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from nets import Nets

from leaddicom.testing.certificates import ThrowAwayPki

if TYPE_CHECKING:
    from ups.databases import PostgresqlDatabases, PostgresqlServer, SqliteDatabases


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> ThrowAwayPki:
    """A CA that every test may have certificates issued by."""
    return ThrowAwayPki(tmp_path_factory.mktemp("throw-away-pki"))


@pytest.fixture
def no_threads_left() -> Iterator[None]:
    """Check that the test leaves no network thread behind."""
    before = set(threading.enumerate())
    yield
    left = {
        thread
        for thread in threading.enumerate()
        if thread.name.startswith("DICOM ") and thread not in before
    }
    for thread in left:
        thread.join(3.0)
    assert not [thread.name for thread in left if thread.is_alive()]


@pytest.fixture
def nets(pki: ThrowAwayPki, no_threads_left: None) -> Iterator[Nets]:
    """Servers and clients, closed after the test."""
    made = Nets(pki)
    yield made
    made.close()


# -- databases; tests that need none do without the library of it ------------------------------


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresqlServer]:
    """A PostgreSQL server, started for the first test that needs it."""
    from ups.databases import PostgresqlServer, postgresql_programs

    programs = postgresql_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (Debian package postgresql)")
    with PostgresqlServer(programs) as server:
        yield server


@pytest.fixture(scope="session")
def sqlite_databases(tmp_path_factory: pytest.TempPathFactory) -> SqliteDatabases:
    from ups.databases import SqliteDatabases

    return SqliteDatabases(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def postgresql_databases(postgresql_server: PostgresqlServer) -> PostgresqlDatabases:
    from ups.databases import PostgresqlDatabases

    return PostgresqlDatabases(postgresql_server)
