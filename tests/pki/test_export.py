from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import pkcs12

from leaddicom.errors import DicomError, DicomErrorCode, ParameterError, TlsError
from leaddicom.pki import (
    CertificateAuthority,
    CertificateRequest,
    IssuedFiles,
    PkiFolder,
    PrivateKey,
    export_pkcs12,
    issue,
    load_private_key,
)
from leaddicom.pki.certificates import private_key_pem
from pki.openssl import NOW


def secret() -> str:
    return "secret"


def nobody_asks() -> str:
    raise AssertionError("there was nothing to ask for")


@pytest.fixture
def issued(pki: PkiFolder) -> IssuedFiles:
    return issue(pki, CertificateRequest("ct", "client", key_type="ec"), at=NOW)


def run(*command: str | Path) -> str:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not on the PATH")
    environment = {**os.environ, "LC_ALL": "C"}
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


class TestFile:
    def test_has_key_certificate_and_ca(
        self, pki: PkiFolder, root: CertificateAuthority, issued: IssuedFiles, tmp_path: Path
    ) -> None:
        file = tmp_path / "new" / "x.p12"
        export_pkcs12(pki, "ct", file, secret, key_password=nobody_asks)
        held = pkcs12.load_pkcs12(file.read_bytes(), b"secret")
        assert held.key
        assert held.key.public_key() == issued.record.certificate.public_key()
        assert held.cert
        assert held.cert.certificate == issued.record.certificate
        assert held.cert.friendly_name == b"ct"
        assert [each.certificate for each in held.additional_certs] == [root.certificate]
        assert stat.S_IMODE(file.stat().st_mode) == 0o600

    def test_is_read_by_openssl(self, pki: PkiFolder, issued: IssuedFiles, tmp_path: Path) -> None:
        file = tmp_path / "x.p12"
        export_pkcs12(pki, "ct", file, secret)
        text = run("openssl", "pkcs12", "-in", file, "-passin", "pass:secret", "-nodes", "-info")
        assert text.count("-----BEGIN CERTIFICATE-----") == 2
        assert text.count("-----BEGIN PRIVATE KEY-----") == 1
        assert "AES-256-CBC" in text
        assert "RC2" not in text

    def test_is_read_by_java(self, pki: PkiFolder, issued: IssuedFiles, tmp_path: Path) -> None:
        file = tmp_path / "x.p12"
        export_pkcs12(pki, "ct", file, secret)
        text = run("keytool", "-list", "-v", "-keystore", file, "-storepass", "secret")
        assert "Alias name: ct\n" in text
        assert "Entry type: PrivateKeyEntry" in text
        assert "Certificate chain length: 2" in text

    def test_has_the_key_of_an_encrypted_key_file(
        self, pki: PkiFolder, issued: IssuedFiles, tmp_path: Path
    ) -> None:
        key = load_private_key(issued.key_file)
        issued.key_file.write_bytes(private_key_pem(key, "mine"))
        file = tmp_path / "x.p12"
        with pytest.raises(TlsError, match=r"ct\.key .* encrypted and no password was given"):
            export_pkcs12(pki, "ct", file, nobody_asks)
        export_pkcs12(pki, "ct", file, secret, key_password=lambda: "mine")
        held = pkcs12.load_pkcs12(file.read_bytes(), b"secret")
        assert held.key
        assert held.key.public_key() == key.public_key()

    def test_is_not_replaced_unless_that_is_wanted(
        self, pki: PkiFolder, issued: IssuedFiles, tmp_path: Path
    ) -> None:
        file = tmp_path / "x.p12"
        file.write_bytes(b"mine")
        with pytest.raises(ParameterError, match=r"x\.p12 is there already.*--force"):
            export_pkcs12(pki, "ct", file, nobody_asks)
        assert file.read_bytes() == b"mine"
        export_pkcs12(pki, "ct", file, secret, force=True)
        assert pkcs12.load_pkcs12(file.read_bytes(), b"secret").key

    @pytest.mark.parametrize("password", ["", None])
    def test_needs_a_password(
        self, pki: PkiFolder, issued: IssuedFiles, tmp_path: Path, password: str | None
    ) -> None:
        with pytest.raises(ParameterError, match=r"x\.p12 needs a password"):
            export_pkcs12(pki, "ct", tmp_path / "x.p12", lambda: password)

    def test_needs_a_folder_that_can_be_written(
        self, pki: PkiFolder, issued: IssuedFiles, tmp_path: Path
    ) -> None:
        (tmp_path / "file").write_bytes(b"")
        with pytest.raises(DicomError, match="File exists") as caught:
            export_pkcs12(pki, "ct", tmp_path / "file" / "x.p12", secret)
        assert caught.value.code == DicomErrorCode.WRITE


class TestProgram:
    def test_has_to_be_known(self, pki: PkiFolder, issued: IssuedFiles, tmp_path: Path) -> None:
        with pytest.raises(ParameterError, match=r"'mr'.*issued: ct\."):
            export_pkcs12(pki, "mr", tmp_path / "x.p12", nobody_asks)

    def test_has_to_have_its_key(
        self, pki: PkiFolder, issued: IssuedFiles, ec_key: PrivateKey, tmp_path: Path
    ) -> None:
        issued.key_file.write_bytes(private_key_pem(ec_key))
        with pytest.raises(TlsError, match=r"ct\.key is not the key of .*renew ct --new") as caught:
            export_pkcs12(pki, "ct", tmp_path / "x.p12", nobody_asks)
        assert caught.value.code == DicomErrorCode.KEYS_MISMATCH
