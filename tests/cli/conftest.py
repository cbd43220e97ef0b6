"""RSA keys take long to make: the commands' tests share one development PKI."""

from __future__ import annotations

from pathlib import Path

import pytest

from leaddicom.pki import init_development_pki


@pytest.fixture(scope="session")
def certs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A development PKI that nobody changes."""
    folder = tmp_path_factory.mktemp("cli") / "certs"
    init_development_pki(folder)
    return folder
