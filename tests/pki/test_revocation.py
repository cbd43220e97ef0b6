from __future__ import annotations

import shutil
import subprocess
from datetime import datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from leaddicom.errors import TlsError
from leaddicom.pki import CertificateAuthority, PrivateKey
from leaddicom.pki.certificates import certificate_pem
from leaddicom.pki.revocation import (
    REASONS,
    Revocation,
    crl_flaw,
    crl_number,
    load_crl,
    revocations,
    sign_crl,
)
from pki.openssl import DAY, HOUR, NOW, SECOND, complaint

STOLEN = x509.ReasonFlags.key_compromise


@pytest.fixture(scope="module")
def leaf(root: CertificateAuthority, ec_key: PrivateKey) -> x509.Certificate:
    return root.issue("leaf", san=["localhost"], private_key=ec_key, at=NOW).certificate


def sign(
    root: CertificateAuthority, *revoked: Revocation, end: datetime = NOW + DAY
) -> x509.CertificateRevocationList:
    return sign_crl(root, revoked, number=7, at=NOW, next_update=end)


class TestList:
    def test_is_the_authoritys(self, root: CertificateAuthority) -> None:
        crl = sign(root)
        above = crl.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
        own = root.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        assert crl.issuer == root.certificate.subject
        assert above.key_identifier == own.digest
        assert crl.is_signature_valid(root.certificate.public_key())  # type: ignore[arg-type]
        assert crl.signature_hash_algorithm
        assert crl.signature_hash_algorithm.name == "sha256"

    def test_has_number_and_dates_and_is_valid_an_hour_early(
        self, root: CertificateAuthority
    ) -> None:
        crl = sign(root)
        assert crl_number(crl) == 7
        assert (crl.last_update_utc, crl.next_update_utc) == (NOW - HOUR, NOW + DAY)

    def test_names_what_is_revoked_oldest_first(self, root: CertificateAuthority) -> None:
        new = Revocation(3, NOW, STOLEN)
        old = Revocation(9, NOW - DAY)
        assert revocations(sign(root, new, old)) == [old, new]

    @pytest.mark.parametrize("reason", REASONS.values(), ids=list(REASONS))
    def test_tells_why_unless_that_is_unspecified(
        self, root: CertificateAuthority, reason: x509.ReasonFlags
    ) -> None:
        crl = sign(root, Revocation(3, NOW, reason))
        assert revocations(crl) == [Revocation(3, NOW, reason)]
        extensions = [each.value for entry in crl for each in entry.extensions]
        unspecified = reason is x509.ReasonFlags.unspecified
        assert extensions == ([] if unspecified else [x509.CRLReason(reason)])


class TestOpenSsl:
    """A verifier with X509_STRICT that checks the lists of the whole chain."""

    def test_takes_what_is_not_revoked(
        self, root: CertificateAuthority, leaf: x509.Certificate
    ) -> None:
        other = Revocation(leaf.serial_number + 1, NOW)
        assert complaint(leaf, root.certificate, sign(root, other)) == ""

    def test_refuses_what_is_revoked(
        self, root: CertificateAuthority, leaf: x509.Certificate
    ) -> None:
        crl = sign(root, Revocation(leaf.serial_number, NOW, STOLEN))
        assert complaint(leaf, root.certificate, crl) == "certificate revoked"

    @pytest.mark.parametrize(
        ("at", "said"),
        [
            (NOW - HOUR, ""),
            (NOW - HOUR - SECOND, "CRL is not yet valid"),
            (NOW + DAY - SECOND, ""),
            (NOW + DAY + SECOND, "CRL has expired"),
        ],
    )
    def test_refuses_everybody_by_a_list_out_of_its_time(
        self, root: CertificateAuthority, ec_key: PrivateKey, at: datetime, said: str
    ) -> None:
        old = CertificateAuthority.create("CA", "T", private_key=ec_key, at=NOW - DAY)
        leaf = old.issue("leaf", private_key=ec_key, at=NOW - DAY).certificate
        assert complaint(leaf, old.certificate, sign(old), at) == said

    def test_refuses_everybody_by_anothers_list(
        self, root: CertificateAuthority, leaf: x509.Certificate, ec_key: PrivateKey
    ) -> None:
        other = CertificateAuthority.create("Other", "Test", private_key=ec_key, at=NOW)
        assert complaint(leaf, root.certificate, sign(other)) == "unable to get certificate CRL"

    def test_as_a_program_agrees(
        self, root: CertificateAuthority, leaf: x509.Certificate, tmp_path: Path
    ) -> None:
        openssl = shutil.which("openssl")
        if openssl is None:
            pytest.skip("openssl is not on the PATH")
        (tmp_path / "ca.pem").write_bytes(certificate_pem(root.certificate))
        (tmp_path / "leaf.pem").write_bytes(certificate_pem(leaf))
        outputs = []
        for serial in (1, leaf.serial_number):
            crl = sign(root, Revocation(serial, NOW, STOLEN))
            (tmp_path / "ca.crl").write_bytes(crl.public_bytes(Encoding.PEM))
            ended = subprocess.run(
                [openssl, "verify", "-x509_strict", "-crl_check_all", "-CAfile", "ca.pem",
                 "-CRLfile", "ca.crl", "-attime", f"{NOW.timestamp():.0f}", "leaf.pem"],
                cwd=tmp_path, capture_output=True, text=True, check=False,
            )  # fmt: skip
            outputs.append((ended.returncode, "certificate revoked" in ended.stderr))
        assert outputs == [(0, False), (2, True)]


class TestReading:
    def test_gives_back_what_was_written(self, root: CertificateAuthority, tmp_path: Path) -> None:
        crl = sign(root, Revocation(3, NOW, STOLEN))
        (tmp_path / "x.crl").write_bytes(crl.public_bytes(Encoding.PEM))
        assert load_crl(tmp_path / "x.crl") == crl

    @pytest.mark.parametrize("data", [b"", b"\0\xff", b"-----BEGIN X509 CRL-----\nAAAA"])
    def test_of_anything_else_fails(self, data: bytes, tmp_path: Path) -> None:
        (tmp_path / "x.crl").write_bytes(data)
        with pytest.raises(TlsError, match=r"x\.crl cannot be read as a PEM revocation list: "):
            load_crl(tmp_path / "x.crl")

    def test_knows_lists_without_a_number(self, root: CertificateAuthority) -> None:
        crl = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(root.certificate.subject)
            .last_update(NOW)
            .next_update(NOW + DAY)
            .sign(root.pair.private_key, hashes.SHA256())
        )
        assert crl_number(crl) == 0


class TestFlaw:
    def test_is_none_until_it_is_stale(self, root: CertificateAuthority) -> None:
        crl = sign(root)
        assert crl_flaw(crl, [], NOW + DAY - SECOND) == ""
        assert crl_flaw(crl, [], NOW + DAY) == "it is stale since 2031-03-05 05:06 UTC"

    def test_is_what_is_missing(self, root: CertificateAuthority) -> None:
        crl = sign(root, Revocation(3, NOW))
        assert crl_flaw(crl, [3], NOW) == ""
        assert crl_flaw(crl, [3, 4], NOW) == "it lacks 1 revoked certificate"
        assert crl_flaw(crl, [3, 4, 5], NOW) == "it lacks 2 revoked certificates"
        assert crl_flaw(None, [], NOW) == "there is none of this CA"
