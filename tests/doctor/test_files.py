"""What is said about files of certificates and keys."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    pkcs12,
)
from tls.certificates import CLIENT_AUTH, SERVER_AUTH, Issued, issue

from doctor.observations import of, only, troubles
from leaddicom.doctor import Report, Severity, diagnose_files, observe_files
from leaddicom.errors import TlsError

NOW = datetime.now(timezone.utc)
YEAR = timedelta(days=365)
SECRET = "secret"


@pytest.fixture(scope="module")
def root() -> Issued:
    return issue("Root", ca=True, begin=NOW - YEAR, end=NOW + 9 * YEAR)


@pytest.fixture(scope="module")
def middle(root: Issued) -> Issued:
    return issue("Middle", root, ca=True, end=NOW + 5 * YEAR)


@pytest.fixture(scope="module")
def own(middle: Issued) -> Issued:
    return issue("me", middle, end=NOW + YEAR)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    """Writes a file of several parts, and gives its path."""

    def write(name: str, *parts: bytes) -> str:
        (tmp_path / name).write_bytes(b"".join(parts))
        return str(tmp_path / name)

    return write


Write = Callable[..., str]


def examine(
    path: str, key: str | None = None, ca: str | None = None, secret: str | None = None
) -> Report:
    return diagnose_files(observe_files(path, key, ca, lambda: secret), NOW)


@pytest.fixture
def ca_file(write: Write, root: Issued) -> str:
    return write("ca.pem", root.pem)


class TestAGoodOne:
    @pytest.fixture
    def report(self, write: Write, own: Issued, middle: Issued, ca_file: str) -> Report:
        path = write("me.pem", own.pem, middle.pem)
        return examine(path, write("me.key", own.key_pem()), ca_file)

    def test_can_be_used(self, report: Report) -> None:
        assert report.usable
        assert report.verdict == "The certificate can be used."
        assert troubles(report.findings) == []
        assert [each.conforms for each in report.judgements] == [True, True]

    def test_is_described(self, report: Report) -> None:
        assert only("file", report.findings).what.endswith("me.pem is PEM with 2 certificates.")
        assert "CN=me, issued by CN=Middle" in only("certificate", report.findings).what
        assert only("certificate-names", report.findings).what == "It is for localhost."
        assert only("chain-order", report.findings).severity is Severity.OK
        assert only("certificate-chain", report.findings).severity is Severity.OK
        assert only("key", report.findings).what == "The private key belongs to the certificate."
        both = of("certificate-purpose", report.findings)
        assert [each.severity for each in both] == [Severity.OK] * 2


class TestKinds:
    def test_der(self, write: Write, own: Issued) -> None:
        key = write("me.key", own.key_bytes(Encoding.DER))
        report = examine(write("me.cer", own.der), key)
        assert report.usable
        assert "is DER with 1 certificate." in only("file", report.findings).what

    @pytest.mark.parametrize("secret", [None, SECRET])
    def test_pkcs12(self, write: Write, own: Issued, middle: Issued, secret: str | None) -> None:
        how = BestAvailableEncryption(secret.encode()) if secret else NoEncryption()
        data = pkcs12.serialize_key_and_certificates(
            b"me", own.key, own.certificate, [middle.certificate], how
        )
        report = examine(write("me.p12", data), secret=secret)
        assert report.usable
        assert "is PKCS#12 with 2 certificates." in only("file", report.findings).what
        assert only("key", report.findings).severity is Severity.OK

    def test_pkcs12_without_its_password(self, write: Write, own: Issued) -> None:
        how = BestAvailableEncryption(b"secret")
        data = pkcs12.serialize_key_and_certificates(None, own.key, own.certificate, None, how)
        report = examine(write("me.p12", data))
        assert not report.usable
        assert "the password is missing or wrong" in report.verdict

    def test_key_and_certificate_in_one_file(self, write: Write, own: Issued) -> None:
        report = examine(write("me.pem", own.key_pem(), own.pem))
        assert report.usable
        assert "with 1 private key, 1 certificate" in only("file", report.findings).what
        assert only("key", report.findings).severity is Severity.OK

    @pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
    def test_a_request_waits_for_its_ca(
        self, write: Write, own: Issued, encoding: Encoding
    ) -> None:
        builder = x509.CertificateSigningRequestBuilder().subject_name(own.certificate.subject)
        request = builder.sign(own.key, hashes.SHA256()).public_bytes(encoding)
        report = examine(write("me.csr", request))
        found = only("file", report.findings)
        assert not report.usable
        assert "with 1 certificate request, but no certificate" in found.what
        assert "Have a CA answer the request" in found.advice

    @pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
    @pytest.mark.parametrize("secret", [None, b"secret"])
    def test_a_key_is_no_certificate(
        self, write: Write, own: Issued, encoding: Encoding, secret: bytes | None
    ) -> None:
        report = examine(write("me.key", own.key_bytes(encoding, secret)))
        found = only("file", report.findings)
        assert not report.usable
        assert "with 1 private key, but no certificate" in found.what
        assert found.advice == "Name the certificate's file with -cert, and this one with -key."

    def test_other_blocks_are_named(self, write: Write) -> None:
        block = b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"
        report = examine(write("x.pem", block, block.replace(b"PUBLIC KEY", b"STRANGE THING")))
        assert "with 1 public key, 1 block 'STRANGE THING', but no" in report.verdict
        assert only("file", report.findings).advice == "Name the file of the certificate."

    @pytest.mark.parametrize("data", [b"", b"hello", b"\x30\x03\x02\x01\x05"])
    def test_anything_else_is_refused(self, write: Write, data: bytes) -> None:
        report = examine(write("x", data))
        assert not report.usable
        assert "holds neither PEM nor DER nor PKCS#12" in report.verdict

    def test_a_damaged_certificate_is_refused(self, write: Write, own: Issued) -> None:
        report = examine(write("me.pem", own.pem[:200], own.pem[300:]))
        assert not report.usable
        assert "a certificate in it is damaged" in report.verdict

    def test_a_certificate_that_cannot_be_decoded_is_refused(
        self, write: Write, own: Issued
    ) -> None:
        report = examine(write("me.cer", own.der.replace(b"Middle", b"Midd\xff\xff")))
        assert not report.usable
        assert "a certificate in it cannot be decoded" in report.verdict

    def test_a_file_that_is_not_there_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(TlsError, match="No such file"):
            examine(str(tmp_path / "none.pem"))


class TestKeys:
    def test_of_another_certificate_is_a_problem(
        self, write: Write, own: Issued, root: Issued
    ) -> None:
        report = examine(write("me.pem", own.pem), write("root.key", root.key_pem()))
        assert not report.usable
        assert "does not belong to the certificate" in only("key", report.findings).what

    @pytest.mark.parametrize(
        ("secret", "usable"), [(SECRET, True), ("wrong", False), (None, False)]
    )
    def test_with_a_password(
        self, write: Write, own: Issued, secret: str | None, usable: bool
    ) -> None:
        key = write("me.key", own.key_pem(SECRET.encode()))
        report = examine(write("me.pem", own.pem), key, secret=secret)
        assert report.usable is usable
        assert "password" in report.verdict or usable

    def test_that_is_not_given_is_a_note(self, write: Write, own: Issued) -> None:
        report = examine(write("me.pem", own.pem))
        assert report.usable
        assert only("key", report.findings).severity is Severity.NOTE


class TestChains:
    def test_without_a_ca_is_not_verified(self, write: Write, own: Issued) -> None:
        report = examine(write("me.pem", own.pem))
        assert only("certificate-chain", report.findings).severity is Severity.NOTE

    def test_that_lack_an_intermediate_are_a_problem(
        self, write: Write, own: Issued, ca_file: str
    ) -> None:
        report = examine(write("me.pem", own.pem), ca=ca_file)
        found = only("certificate-chain", report.findings)
        assert found.severity is Severity.PROBLEM
        assert "intermediate certificates" in found.advice

    def test_of_another_ca_are_a_problem(self, write: Write, own: Issued, middle: Issued) -> None:
        other = write("other.pem", issue("Other", ca=True).pem)
        report = examine(write("me.pem", own.pem, middle.pem), ca=other)
        assert only("certificate-chain", report.findings).severity is Severity.PROBLEM

    def test_out_of_order_are_a_warning(self, write: Write, own: Issued, middle: Issued) -> None:
        report = examine(write("me.pem", middle.pem, own.pem))
        assert report.usable
        assert "CN=me" in only("certificate", report.findings).what
        assert troubles(report.findings) == [("chain-order", "warning")]

    def test_with_strangers_are_a_warning(self, write: Write, own: Issued) -> None:
        report = examine(write("me.pem", own.pem, issue("Stranger", ca=True).pem))
        assert "CN=Stranger" in only("chain-order", report.findings).what
        assert troubles(report.findings) == [("chain-order", "warning")]

    def test_with_the_root_are_in_order(
        self, write: Write, own: Issued, middle: Issued, root: Issued
    ) -> None:
        report = examine(write("me.pem", own.pem, middle.pem, root.pem))
        assert only("chain-order", report.findings).severity is Severity.OK


class TestPurposes:
    @pytest.mark.parametrize(
        ("usages", "severities"),
        [
            ((SERVER_AUTH,), {"client": "note", "server": "ok"}),
            ((CLIENT_AUTH,), {"client": "ok", "server": "note"}),
            ((), {"client": "problem", "server": "problem"}),
        ],
    )
    def test_of_one_role_are_enough(
        self, write: Write, root: Issued, usages: tuple[object], severities: dict[str, str]
    ) -> None:
        report = examine(write("me.pem", issue("me", root, usages=usages).pem))
        for role, severity in severities.items():
            (found,) = (
                each
                for each in of("certificate-purpose", report.findings)
                if f"a TLS {role}" in each.what
            )
            assert found.severity.value == severity
        assert report.usable is ("problem" not in severities.values())

    def test_a_ca_is_not_for_oneself(self, write: Write, root: Issued) -> None:
        report = examine(write("ca.pem", root.pem))
        assert troubles(report.findings) == [("certificate-purpose", "warning")]

    def test_without_names_it_is_for_clients(self, write: Write, root: Issued) -> None:
        report = examine(write("me.pem", issue("me", root, sans=()).pem))
        assert only("certificate-names", report.findings).severity is Severity.NOTE


def test_an_expired_one_cannot_be_used(write: Write, root: Issued) -> None:
    old = issue("me", root, begin=NOW - YEAR, end=NOW - timedelta(days=2))
    report = examine(write("me.pem", old.pem))
    assert not report.usable
    assert "has expired on" in report.verdict


def test_pkcs12_has_no_order(write: Write, own: Issued, middle: Issued, root: Issued) -> None:
    others = [root.certificate, middle.certificate]
    data = pkcs12.serialize_key_and_certificates(
        None, own.key, own.certificate, others, NoEncryption()
    )
    assert only("chain-order", examine(write("me.p12", data)).findings).severity is Severity.OK
