"""Certificates, and a folder in which the examples of the pages are run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.examples import Examples
from leaddicom.pki import init_development_pki


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A development PKI that nobody changes."""
    folder = tmp_path_factory.mktemp("documentation")
    init_development_pki(folder / "certs")
    return folder / "certs"


@pytest.fixture
def examples(tmp_path: Path, certificates: Path) -> Iterator[Examples]:
    (tmp_path / "certs").symlink_to(certificates)
    made = Examples(tmp_path)
    yield made
    made.close()
