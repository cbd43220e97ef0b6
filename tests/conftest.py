"""What every test needs.  Fixtures of one part stand beside that part's tests."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from nets import Nets

from leaddicom.testing.certificates import ThrowAwayPki


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
