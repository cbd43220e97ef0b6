"""A worklist manager for each module: on SQLite with TLS 1.3, on PostgreSQL with TLS 1.2."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from nets import Nets
from ups.databases import Databases

from interop.ups.theirs import Client, Receiver
from interop.ups.wire import Watcher, Wire
from leaddicom.testing.certificates import ThrowAwayPki

LINKS = {"sqlite": "TLS 1.3", "postgresql": "TLS 1.2"}


@pytest.fixture(scope="session")
def receiver(context: Callable[[str, ssl.Purpose], Any]) -> Iterator[Receiver]:
    """One for all tests: it takes half a second to end."""
    both = context("TLS 1.2", ssl.Purpose.CLIENT_AUTH)
    both.maximum_version = ssl.TLSVersion.TLSv1_3
    made = Receiver(both)
    yield made
    made.close()


@pytest.fixture(scope="module", params=LINKS)
def wire(
    request: pytest.FixtureRequest,
    pki: ThrowAwayPki,
    receiver: Receiver,
    context: Callable[[str, ssl.Purpose], Any],
) -> Iterator[Wire]:
    databases: Databases = request.getfixturevalue(f"{request.param}_databases")
    link, nets, url = LINKS[request.param], Nets(pki), databases.with_schema()
    made = Wire(nets, url, link, context(link, ssl.Purpose.SERVER_AUTH), receiver)
    yield made
    made.close()
    nets.close()
    databases.give_back(url)


@pytest.fixture
def client(wire: Wire) -> Client:
    """The association that all tests of the module share; so each leaves it usable."""
    return wire.client()


@pytest.fixture
def watcher(wire: Wire) -> Iterator[Watcher]:
    """A receiving AE of the test's own."""
    made = wire.watcher()
    yield made
    made.leave()
