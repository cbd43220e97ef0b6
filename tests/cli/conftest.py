"""RSA keys take long to make: the commands' tests share one development PKI."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from logs import log_of_its_own

from leaddicom.pki import init_development_pki


@pytest.fixture(autouse=True)
def restored_log() -> Iterator[None]:
    """Commands set a log up."""
    with log_of_its_own():
        yield


@pytest.fixture(scope="session")
def certs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A development PKI that nobody changes."""
    folder = tmp_path_factory.mktemp("cli") / "certs"
    init_development_pki(folder)
    return folder
