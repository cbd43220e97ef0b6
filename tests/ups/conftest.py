"""What several tests of the worklist manager need: databases of both kinds, and a site."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timezone
from pathlib import Path
from typing import Any

import pytest
from nets import Nets

from leaddicom.contexts import VERIFICATION
from leaddicom.ups.settings.entities import ApplicationEntity
from leaddicom.ups.store import Store
from ups.databases import Databases, SqliteDatabases
from ups.desk import Desk, opened
from ups.mail import Mail
from ups.sites import ALL, Client, Site


@pytest.fixture
def site(nets: Nets, tmp_path: Path) -> Iterator[Site]:
    made = Site(nets, tmp_path)
    yield made
    made.close()


@pytest.fixture
def scu(site: Site) -> Iterator[Client]:
    """A client with an association that offers all SOP classes of UPS."""
    site.start(entities=[ApplicationEntity("WATCHER", "127.0.0.1", 104)])
    with site.client() as client:
        client.associate((*VERIFICATION, *ALL))
        yield client


@pytest.fixture
def desk(sqlite_databases: SqliteDatabases) -> Iterator[Desk]:
    """A worklist service without a network."""
    with opened(sqlite_databases.with_schema()) as made:
        yield made


# -- databases ---------------------------------------------------------------------------------


@pytest.fixture(params=["sqlite", "postgresql"])
def databases(request: pytest.FixtureRequest) -> Databases:
    """Makes databases; a test that uses it is run for each kind of database."""
    made: Databases = request.getfixturevalue(f"{request.param}_databases")
    return made


@pytest.fixture
def new_store(databases: Databases) -> Iterator[Callable[..., Store]]:
    """Opens stores, on the same new database unless another `url` is given, and closes them."""
    made: list[Store] = []
    urls: list[str] = []

    def open_store(url: str = "", **settings: Any) -> Store:
        if not url and not urls:
            urls.append(databases.with_schema())
        store = Store(url or urls[0], **{"zone": timezone.utc, **settings})
        made.append(store)
        store.open()
        return store

    yield open_store
    for store in made:
        store.close()
    for url in urls:
        databases.give_back(url)


@pytest.fixture
def store(new_store: Callable[..., Store]) -> Store:
    """An open store, in which there is nothing."""
    return new_store()


# -- events ------------------------------------------------------------------------------------


@pytest.fixture
def url(sqlite_databases: SqliteDatabases) -> str:
    """Of the database of `mail`; a class of tests may derive from `OnEachDatabase`."""
    return sqlite_databases.with_schema()


@pytest.fixture
def mail(nets: Nets, url: str) -> Iterator[Mail]:
    """A store with events, and dispatchers that are stopped after the test."""
    made = Mail(nets, url)
    yield made
    made.close()
