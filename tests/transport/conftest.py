"""Connections for the tests of this folder, all of them ended after the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from .ends import Client, Served


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    """Makes accepted connections."""
    made: list[Served] = []

    def serve(**options: Any) -> Served:
        made.append(Served(**options))
        return made[-1]

    yield serve
    for each in made:
        each.end()


@pytest.fixture
def served(serve: Callable[..., Served]) -> Served:
    """An accepted connection with an association."""
    return serve().associated()


@pytest.fixture
def client_of() -> Iterator[Callable[..., Client]]:
    made: list[Client] = []

    def client_of(**options: Any) -> Client:
        made.append(Client(**options))
        return made[-1]

    yield client_of
    for each in made:
        each.end()
