"""RSA keys take long to make and to load: what is not about them uses elliptic ones."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from leaddicom.pki import CertificateAuthority, PkiFolder, PrivateKey, init_development_pki
from leaddicom.pki import authority as authority_module
from leaddicom.pki.certificates import new_private_key
from pki.openssl import NOW


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A development PKI that nobody changes."""
    folder = tmp_path_factory.mktemp("pki") / "certs"
    init_development_pki(folder)
    return folder


def make_elliptic_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the authority use keys that take a hundredth of the time to make and to load."""
    monkeypatch.setattr(authority_module, "new_private_key", lambda *_: new_private_key("ec"))


@pytest.fixture(scope="session")
def elliptic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `pristine`, with elliptic keys."""
    folder = tmp_path_factory.mktemp("pki") / "certs"
    with pytest.MonkeyPatch.context() as monkeypatch:
        make_elliptic_keys(monkeypatch)
        init_development_pki(folder)
    return folder


@pytest.fixture
def certs(elliptic: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A development PKI of the test's own, with elliptic keys, also those yet to be made."""
    make_elliptic_keys(monkeypatch)
    return shutil.copytree(elliptic, tmp_path / "certs")


@pytest.fixture(scope="session")
def ec_key() -> PrivateKey:
    return new_private_key("ec")


@pytest.fixture(scope="session")
def authority(ec_key: PrivateKey) -> CertificateAuthority:
    return CertificateAuthority.create("Test CA", "Test", private_key=ec_key)


@pytest.fixture(scope="session")
def root(ec_key: PrivateKey) -> CertificateAuthority:
    """An authority that was made when the tests take place."""
    return CertificateAuthority.create("Test CA", "Test", private_key=ec_key, at=NOW)


@pytest.fixture
def pki(root: CertificateAuthority, tmp_path: Path) -> PkiFolder:
    """Its folder, in which nothing else is."""
    folder = PkiFolder(tmp_path / "pki")
    root.pair.save(folder.ca_certificate_file, folder.ca_key_file)
    return folder
