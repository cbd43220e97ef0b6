from __future__ import annotations

import shutil
import stat
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from OpenSSL import crypto

from leaddicom.errors import DicomErrorCode, ParameterError, TlsError
from leaddicom.pki import CLIENT_AND_SERVER, CertificateAuthority, IssuedPair, PrivateKey
from leaddicom.pki.certificates import new_private_key, now, sign_certificate, subject_name

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def lifetime(certificate: x509.Certificate) -> timedelta:
    return certificate.not_valid_after_utc - certificate.not_valid_before_utc


class TestCreatedAuthority:
    def test_is_a_self_signed_root_for_leaves_only(self, authority: CertificateAuthority) -> None:
        certificate = authority.certificate
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        assert certificate.subject == certificate.issuer
        assert certificate.subject.rfc4514_string() == "CN=Test CA,O=Test"
        assert constraints == x509.BasicConstraints(ca=True, path_length=0)
        certificate.verify_directly_issued_by(certificate)

    def test_is_valid_for_ten_years_from_an_hour_ago(self, authority: CertificateAuthority) -> None:
        assert lifetime(authority.certificate) == 3652 * DAY + HOUR
        assert authority.certificate.not_valid_before_utc <= now() - HOUR

    def test_has_an_rsa_key_of_3072_bits_unless_given_one(self) -> None:
        key = CertificateAuthority.create("CA", "Test").certificate.public_key()
        assert isinstance(key, rsa.RSAPublicKey)
        assert key.key_size == 3072


class TestIssuedCertificate:
    def test_inherits_the_organization(
        self, authority: CertificateAuthority, ec_key: PrivateKey
    ) -> None:
        pair = authority.issue("archive", private_key=ec_key)
        assert pair.certificate.subject.rfc4514_string() == "CN=archive,O=Test"

    def test_has_no_organization_if_the_authority_has_none(self, ec_key: PrivateKey) -> None:
        root = sign_certificate(
            subject_name("CA", None), ec_key.public_key(), ec_key,
            issuer=None, ca=True, not_before=now(), not_after=now() + DAY,
        )  # fmt: skip
        pair = CertificateAuthority(IssuedPair(root, ec_key)).issue("leaf", private_key=ec_key)
        assert pair.certificate.subject.rfc4514_string() == "CN=leaf"

    def test_is_for_clients_and_servers_unless_told_otherwise(
        self, authority: CertificateAuthority, ec_key: PrivateKey
    ) -> None:
        def purposes(pair: IssuedPair) -> list[x509.ObjectIdentifier]:
            extensions = pair.certificate.extensions
            return list(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)

        client = [ExtendedKeyUsageOID.CLIENT_AUTH]
        assert purposes(authority.issue("x", private_key=ec_key)) == list(CLIENT_AND_SERVER)
        assert purposes(authority.issue("x", private_key=ec_key, eku=client)) == client

    def test_lives_no_longer_than_scanners_allow(
        self, authority: CertificateAuthority, ec_key: PrivateKey
    ) -> None:
        certificate = authority.issue("x", private_key=ec_key).certificate
        assert lifetime(certificate) == 365 * DAY + HOUR < 366 * DAY
        assert certificate.not_valid_before_utc <= now() - HOUR

    def test_does_not_outlive_the_authority(self, ec_key: PrivateKey) -> None:
        authority = CertificateAuthority.create("CA", "T", private_key=ec_key, lifetime=10 * DAY)
        certificate = authority.issue("x", private_key=ec_key).certificate
        assert certificate.not_valid_after_utc == authority.certificate.not_valid_after_utc

    def test_has_an_rsa_key_of_2048_bits_of_its_own_unless_given_one(
        self, authority: CertificateAuthority
    ) -> None:
        pair = authority.issue("x")
        assert isinstance(pair.private_key, rsa.RSAPrivateKey)
        assert pair.private_key.key_size == 2048
        assert pair.certificate.public_key() == pair.private_key.public_key()

    @pytest.mark.parametrize("name", ["", "x" * 65])
    def test_needs_a_name_that_fits(self, authority: CertificateAuthority, name: str) -> None:
        with pytest.raises(ParameterError, match="1 to 64"):
            authority.issue(name)


class TestSavedPair:
    def test_has_a_key_for_its_owner_only(
        self, authority: CertificateAuthority, ec_key: PrivateKey, tmp_path: Path
    ) -> None:
        authority.issue("x", private_key=ec_key).save(tmp_path / "x.pem", tmp_path / "x.key")
        assert stat.S_IMODE((tmp_path / "x.key").stat().st_mode) == 0o600
        assert (tmp_path / "x.pem").read_bytes().count(b"BEGIN CERTIFICATE") == 1

    def test_may_have_a_password(self, authority: CertificateAuthority, tmp_path: Path) -> None:
        files = tmp_path / "ca.pem", tmp_path / "ca.key"
        authority.pair.save(*files, password="secret")
        assert CertificateAuthority.load(*files, "secret").certificate == authority.certificate
        with pytest.raises(TlsError, match=r"ca\.key cannot be read"):
            CertificateAuthority.load(*files)


class TestChain:
    def test_satisfies_strict_openssl(
        self, authority: CertificateAuthority, ec_key: PrivateKey, tmp_path: Path
    ) -> None:
        openssl = shutil.which("openssl")
        if openssl is None:
            pytest.skip("openssl is not on the PATH")
        authority.pair.save(tmp_path / "ca.pem", tmp_path / "ca.key")
        pair = authority.issue("x", san=["localhost", "::1"], private_key=ec_key)
        pair.save(tmp_path / "x.pem", tmp_path / "x.key")
        for purpose in ("sslserver", "sslclient"):
            subprocess.run(
                [openssl, "verify", "-x509_strict", "-purpose", purpose, "-verify_hostname",
                 "localhost", "-CAfile", tmp_path / "ca.pem", tmp_path / "x.pem"],
                check=True, capture_output=True,
            )  # fmt: skip

    def test_satisfies_strict_pyopenssl(
        self, authority: CertificateAuthority, ec_key: PrivateKey
    ) -> None:
        store = crypto.X509Store()
        store.set_flags(crypto.X509StoreFlags.X509_STRICT)
        store.add_cert(crypto.X509.from_cryptography(authority.certificate))
        leaf = authority.issue("x", private_key=ec_key).certificate
        crypto.X509StoreContext(store, crypto.X509.from_cryptography(leaf)).verify_certificate()

    def test_is_recognized_by_name_and_signature(
        self, authority: CertificateAuthority, ec_key: PrivateKey
    ) -> None:
        same_name = CertificateAuthority.create(
            "Test CA", "Test", private_key=new_private_key("ec")
        )
        same_key = CertificateAuthority.create("Other CA", "Test", private_key=ec_key)
        rsa_key = new_private_key("rsa", 1024)
        other_kind = CertificateAuthority.create("Test CA", "Test", private_key=rsa_key)
        leaf = authority.issue("x", private_key=ec_key).certificate
        assert authority.issued(leaf)
        assert not same_name.issued(leaf)
        assert not same_key.issued(leaf)
        assert not other_kind.issued(leaf)


class TestLoading:
    def test_gives_back_the_authority(
        self, authority: CertificateAuthority, ec_key: PrivateKey, tmp_path: Path
    ) -> None:
        files = tmp_path / "ca.pem", tmp_path / "ca.key"
        authority.pair.save(*files)
        again = CertificateAuthority.load(*files)
        assert again.certificate == authority.certificate
        assert authority.issued(again.issue("x", private_key=ec_key).certificate)

    def test_refuses_a_key_that_does_not_fit(
        self, authority: CertificateAuthority, tmp_path: Path
    ) -> None:
        files = tmp_path / "ca.pem", tmp_path / "ca.key"
        IssuedPair(authority.certificate, new_private_key("ec")).save(*files)
        with pytest.raises(TlsError, match=r"ca\.key is not the key of .*ca\.pem") as caught:
            CertificateAuthority.load(*files)
        assert caught.value.code == DicomErrorCode.KEYS_MISMATCH

    @pytest.mark.parametrize(
        ("begin", "end", "flaw"),
        [(-2, -1, "expired on"), (1, 2, "is not valid before")],
    )
    def test_refuses_one_out_of_its_validity(
        self, ec_key: PrivateKey, tmp_path: Path, begin: int, end: int, flaw: str
    ) -> None:
        root = sign_certificate(
            subject_name("CA", "Test"), ec_key.public_key(), ec_key, issuer=None, ca=True,
            not_before=now() + begin * DAY, not_after=now() + end * DAY,
        )  # fmt: skip
        files = tmp_path / "ca.pem", tmp_path / "ca.key"
        IssuedPair(root, ec_key).save(*files)
        with pytest.raises(TlsError, match=rf"ca\.pem {flaw} .*; nothing can be issued"):
            CertificateAuthority.load(*files)

    def test_refuses_a_leaf(
        self, authority: CertificateAuthority, ec_key: PrivateKey, tmp_path: Path
    ) -> None:
        files = tmp_path / "x.pem", tmp_path / "x.key"
        authority.issue("x", private_key=ec_key).save(*files)
        with pytest.raises(TlsError, match="is not a CA's"):
            CertificateAuthority.load(*files)

    def test_refuses_a_root_that_a_leaf_cannot_point_to(
        self, ec_key: PrivateKey, tmp_path: Path
    ) -> None:
        name = subject_name("CA", "Test")
        bare = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(ec_key.public_key())
            .serial_number(1)
            .not_valid_before(now() - DAY)
            .not_valid_after(now() + DAY)
            .sign(ec_key, hashes.SHA256())
        )
        files = tmp_path / "ca.pem", tmp_path / "ca.key"
        IssuedPair(bare, ec_key).save(*files)
        with pytest.raises(TlsError, match="has no SubjectKeyIdentifier"):
            CertificateAuthority.load(*files)
