from __future__ import annotations

import gc
import re
import shutil
import stat
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from OpenSSL import SSL, crypto

from leaddicom.errors import ParameterError, TlsError
from leaddicom.pki import load_certificate, load_private_key
from leaddicom.pki.certificates import now
from leaddicom.testing.certificates import (
    PASSWORD,
    VARIANTS,
    IssuedCertificate,
    ThrowAwayPki,
)

DAY = timedelta(days=1)


@pytest.fixture
def pki(tmp_path: Path) -> ThrowAwayPki:
    return ThrowAwayPki(tmp_path)


def verify(pki: ThrowAwayPki, issued: IssuedCertificate) -> None:
    """What a peer's OpenSSL makes of it: raises X509StoreContextError."""
    store = crypto.X509Store()
    store.set_flags(crypto.X509StoreFlags.X509_STRICT)
    store.add_cert(crypto.X509.from_cryptography(pki.root.certificate))
    chain = [crypto.X509.from_cryptography(certificate) for certificate in issued.chain]
    leaf = crypto.X509.from_cryptography(issued.certificate)
    crypto.X509StoreContext(store, leaf, chain).verify_certificate()


def openssl_verify(pki: ThrowAwayPki, issued: IssuedCertificate, purpose: str) -> str:
    """The command's complaints; empty if there are none."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not on the PATH")
    result = subprocess.run(
        [openssl, "verify", "-x509_strict", "-auth_level", "2", "-purpose", purpose,
         "-verify_hostname", "localhost", "-CAfile", pki.ca_file,
         "-untrusted", issued.certificate_file, issued.certificate_file],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return "" if result.returncode == 0 else result.stderr


def extension(issued: IssuedCertificate, kind: type[x509.ExtensionType]) -> Any:
    try:
        return issued.certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


class TestIssuedCertificate:
    def test_is_good_by_default(self, pki: ThrowAwayPki) -> None:
        issued = pki.issue("server")
        verify(pki, issued)
        assert openssl_verify(pki, issued, "sslserver") == ""
        assert openssl_verify(pki, issued, "sslclient") == ""
        assert isinstance(issued.private_key, ec.EllipticCurvePrivateKey)

    def test_is_on_disk_as_in_memory(self, pki: ThrowAwayPki, tmp_path: Path) -> None:
        issued = pki.issue("server")
        assert issued.certificate_file == tmp_path / "server.pem"
        assert issued.key_file == tmp_path / "server.key"
        assert issued.subject == "CN=server,O=leaddicom throw-away PKI"
        assert load_certificate(issued.certificate_file) == issued.certificate
        key = load_private_key(issued.key_file)
        assert key.public_key() == issued.private_key.public_key()
        assert key.public_key() == issued.certificate.public_key()
        assert stat.S_IMODE(issued.key_file.stat().st_mode) == 0o600

    def test_does_not_overwrite_another_of_the_same_name(self, pki: ThrowAwayPki) -> None:
        issued = [pki.issue("server") for _ in range(3)]
        names = [one.certificate_file.name for one in issued]
        assert names == ["server.pem", "server-2.pem", "server-3.pem"]
        assert [load_certificate(one.certificate_file) for one in issued] == [
            one.certificate for one in issued
        ]

    def test_takes_what_it_is_given(self, pki: ThrowAwayPki) -> None:
        begin, end = now() - 3 * DAY, now() + 7 * DAY
        issued = pki.issue(
            "x",
            not_before=begin,
            not_after=end,
            san=["pacs.example"],
            eku=[ExtendedKeyUsageOID.SERVER_AUTH],
            key="rsa",
            key_size=1024,
            password="p",
        )
        assert issued.certificate.not_valid_before_utc == begin
        assert issued.certificate.not_valid_after_utc == end
        assert list(extension(issued, x509.SubjectAlternativeName)) == [
            x509.DNSName("pacs.example")
        ]
        assert list(extension(issued, x509.ExtendedKeyUsage)) == [ExtendedKeyUsageOID.SERVER_AUTH]
        assert isinstance(issued.private_key, rsa.RSAPrivateKey)
        assert issued.private_key.key_size == 1024
        assert load_private_key(issued.key_file, "p").public_key() == (
            issued.private_key.public_key()
        )

    @pytest.mark.parametrize("name", ["a/b", "../x", "", "x" * 65])
    def test_needs_a_name_that_a_file_and_a_certificate_can_have(
        self, pki: ThrowAwayPki, name: str
    ) -> None:
        with pytest.raises(ParameterError):
            pki.issue(name)

    def test_can_be_an_intermediate_whose_leaves_carry_the_chain(self, pki: ThrowAwayPki) -> None:
        upper = pki.issue("upper", ca=True)
        lower = pki.issue("lower", ca=True, issuer=upper)
        leaf = pki.issue("leaf", issuer=lower)
        assert leaf.chain == (lower.certificate, upper.certificate)
        assert leaf.certificate_file.read_bytes().count(b"BEGIN CERTIFICATE") == 3
        verify(pki, leaf)
        assert openssl_verify(pki, leaf, "sslserver") == ""

    def test_goes_into_pyopenssl_from_memory_and_from_files(self, pki: ThrowAwayPki) -> None:
        issued = pki.issue("server")
        from_memory = SSL.Context(SSL.TLS_METHOD)
        from_memory.use_certificate(issued.certificate)
        from_memory.use_privatekey(issued.private_key)
        from_memory.check_privatekey()
        from_files = SSL.Context(SSL.TLS_METHOD)
        from_files.use_certificate_chain_file(str(issued.certificate_file))
        from_files.use_privatekey_file(str(issued.key_file))
        from_files.check_privatekey()


class TestVariant:
    def test_has_one_thing_wrong_and_the_rest_right(self, pki: ThrowAwayPki) -> None:
        complaints = {
            "expired": "certificate has expired",
            "not_yet_valid": "not yet valid",
            "other_ca": "unable to get local issuer",
            "self_signed": "self-signed certificate",
            "wrong_host": "hostname mismatch",
            "any_eku": "unsuitable certificate purpose",
            "client_only": "unsuitable certificate purpose",
            "rsa_1024": "EE certificate key too weak",
        }
        for name in VARIANTS:
            complaint = openssl_verify(pki, pki.variant(name), "sslserver")
            lines = [line for line in complaint.splitlines() if re.match(r"error \d+ at", line)]
            if name not in complaints:
                assert lines == [], name
            else:
                assert lines, name
                assert all(complaints[name].lower() in line.lower() for line in lines), lines

    def test_for_one_role_is_refused_in_the_other(self, pki: ThrowAwayPki) -> None:
        server, client = pki.variant("server_only"), pki.variant("client_only")
        assert openssl_verify(pki, server, "sslserver") == ""
        assert openssl_verify(pki, client, "sslclient") == ""
        assert "purpose" in openssl_verify(pki, server, "sslclient")

    @pytest.mark.parametrize("name", ["expired", "not_yet_valid", "other_ca", "self_signed"])
    def test_is_refused_by_pyopenssl(self, pki: ThrowAwayPki, name: str) -> None:
        with pytest.raises(crypto.X509StoreContextError):
            verify(pki, pki.variant(name))

    @pytest.mark.parametrize("name", ["no_eku", "no_san"])
    def test_without_an_extension_has_all_others(self, pki: ThrowAwayPki, name: str) -> None:
        good, variant = pki.issue("good"), pki.variant(name)
        kinds: dict[str, type[x509.ExtensionType]] = {
            "no_eku": x509.ExtendedKeyUsage,
            "no_san": x509.SubjectAlternativeName,
        }
        assert extension(variant, kinds[name]) is None
        assert len(variant.certificate.extensions) == len(good.certificate.extensions) - 1
        verify(pki, variant)

    def test_without_a_host_name_has_it_in_its_common_name(self, pki: ThrowAwayPki) -> None:
        assert pki.variant("no_san").subject.startswith("CN=localhost,")

    def test_with_an_encrypted_key_needs_the_password(self, pki: ThrowAwayPki) -> None:
        issued = pki.variant("encrypted_key")
        assert issued.password == PASSWORD
        load_private_key(issued.key_file, PASSWORD)
        with pytest.raises(TlsError):
            load_private_key(issued.key_file)

    def test_that_is_unknown_is_refused_with_those_that_are_not(self, pki: ThrowAwayPki) -> None:
        with pytest.raises(ParameterError, match=r"no variant 'x'.*expired.*encrypted_key"):
            pki.variant("x")


class TestFolder:
    def test_given_is_not_removed(self, tmp_path: Path) -> None:
        with ThrowAwayPki(tmp_path / "pki") as pki:
            pki.issue("server")
        assert {path.name for path in (tmp_path / "pki").iterdir()} == {
            "root.pem", "root.key", "server.pem", "server.key",
        }  # fmt: skip

    def test_of_its_own_goes_with_the_block(self) -> None:
        with ThrowAwayPki() as pki:
            assert pki.ca_file.is_file()
        assert not pki.folder.exists()
        pki.close()

    def test_of_its_own_goes_with_the_object(self) -> None:
        pki = ThrowAwayPki()
        folder = pki.folder
        del pki
        gc.collect()
        assert not folder.exists()


def test_two_pkis_do_not_trust_each_other(tmp_path: Path) -> None:
    one, other = ThrowAwayPki(tmp_path / "one"), ThrowAwayPki(tmp_path / "other")
    with pytest.raises(crypto.X509StoreContextError):
        verify(one, other.issue("server"))
