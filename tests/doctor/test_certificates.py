"""What is said about certificates, a server's and one's own."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtensionOID as Oid
from cryptography.x509.oid import NameOID
from tls.certificates import ANY, CLIENT_AUTH, SERVER_AUTH, Issued, issue, sign_with_sha1

from doctor.observations import of, only, troubles
from leaddicom.doctor import Severity
from leaddicom.doctor.certificates import (
    SOON,
    alternative_names,
    chain_findings,
    description,
    is_ca,
    is_readable,
    lasting_findings,
    name_finding,
    purpose_names,
    role_finding,
    strength_findings,
)
from leaddicom.doctor.facts import Flaw
from leaddicom.doctor.files import own_findings
from leaddicom.tls import Role
from leaddicom.tls.verify_codes import CHECKS, INVALID_PURPOSE

IT = "The certificate"
NOW = datetime.now(timezone.utc)
YEAR = timedelta(days=365)


@pytest.fixture(scope="module")
def root() -> Issued:
    return issue("Root", ca=True, begin=NOW - 2 * YEAR, end=NOW + 2 * YEAR)


def ending(root: Issued, left: timedelta) -> Issued:
    return issue("it", root, begin=NOW - YEAR, end=NOW + left)


class TestDates:
    @pytest.mark.parametrize(
        ("left", "severity"),
        [
            (timedelta(days=SOON, minutes=1), Severity.OK),
            (timedelta(days=SOON, minutes=-1), Severity.WARNING),
            (timedelta(minutes=1), Severity.WARNING),
            (timedelta(minutes=-1), Severity.PROBLEM),
        ],
    )
    def test_get_worse_towards_the_end(
        self, root: Issued, left: timedelta, severity: Severity
    ) -> None:
        chain = (ending(root, left).certificate, root.certificate)
        assert only("dates", lasting_findings("dates", IT, chain, NOW)).severity is severity

    def test_an_expired_one_is_dated(self, root: Issued) -> None:
        old = ending(root, timedelta(days=-3)).certificate
        (found,) = lasting_findings("dates", IT, (old,), NOW)
        assert found.what == f"The certificate has expired on {old.not_valid_after_utc:%Y-%m-%d}."
        assert found.advice == "Have it renewed."

    def test_one_from_the_future_speaks_of_clocks(self, root: Issued) -> None:
        new = issue("it", root, begin=NOW + YEAR / 2, end=NOW + YEAR).certificate
        (found,) = lasting_findings("dates", IT, (new,), NOW)
        assert found.severity is Severity.PROBLEM
        assert "is not valid before" in found.what
        assert "clocks" in found.advice

    def test_of_a_ca_above_it_count_too(self, root: Issued) -> None:
        ca = issue("Old CA", root, ca=True, begin=NOW - YEAR, end=NOW - timedelta(days=1))
        leaf = issue("it", ca).certificate
        found = list(lasting_findings("dates", IT, (leaf, ca.certificate), NOW))
        assert "The CA CN=Old CA has expired" in found[-1].what


class TestStrength:
    def test_of_good_ones_is_told(self, root: Issued) -> None:
        chain = (issue("it", root).certificate, root.certificate)
        (found,) = strength_findings("strength", IT, chain)
        assert found.severity is Severity.OK
        assert found.what == (
            "The certificate has key EC 256 and hash SHA256, strong enough for B.12 and B.13."
        )

    def test_a_short_key_is_a_problem(self, root: Issued) -> None:
        weak = issue("it", root, key=rsa.generate_private_key(65537, 1024)).certificate
        (found,) = strength_findings("strength", IT, (weak,))
        assert found.severity is Severity.PROBLEM
        assert "its RSA key has 1024 bits, fewer than 2048" in found.what
        assert "RSA of 2048 bits or EC P-256" in found.advice

    def test_sha_1_is_a_problem(self, root: Issued, tmp_path: Path) -> None:
        weak = sign_with_sha1(tmp_path, root).certificate
        (found,) = strength_findings("strength", IT, (weak,))
        assert "it is signed with SHA1" in found.what

    def test_of_a_ca_counts_too(self, root: Issued) -> None:
        ca = issue("Weak CA", root, ca=True, key=ec.generate_private_key(ec.SECP224R1()))
        chain = (issue("it", ca).certificate, ca.certificate)
        (found,) = strength_findings("strength", IT, chain)
        assert found.what.startswith("The CA CN=Weak CA is too weak")


class TestPurpose:
    @pytest.mark.parametrize("role", Role)
    @pytest.mark.parametrize(
        ("usages", "fits"),
        [
            ((SERVER_AUTH, CLIENT_AUTH), {Role.SERVER, Role.CLIENT}),
            ((SERVER_AUTH,), {Role.SERVER}),
            ((CLIENT_AUTH,), {Role.CLIENT}),
            ((ANY,), set()),
            ((), set()),
        ],
    )
    def test_needs_the_usage_of_the_role(
        self, root: Issued, usages: tuple[object, ...], fits: set[Role], role: Role
    ) -> None:
        found = role_finding("purpose", IT, issue("it", root, usages=usages).certificate, role)
        assert found.severity is (Severity.OK if role in fits else Severity.PROBLEM)
        assert bool(found.advice) == (role not in fits)


class TestName:
    @pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
    def test_fits(self, root: Issued, name: str) -> None:
        certificate = issue("it", root, sans=("localhost", "127.0.0.1")).certificate
        assert name_finding("name", certificate, name).severity is Severity.OK

    def test_of_another_host_is_a_problem(self, root: Issued) -> None:
        found = name_finding("name", issue("it", root).certificate, "pacs.example")
        assert found.severity is Severity.PROBLEM
        assert found.what == (
            "The server's certificate was not issued for pacs.example, but for localhost."
        )
        assert "--server-name" in found.advice

    def test_the_common_name_counts_for_nothing(self, root: Issued) -> None:
        found = name_finding("name", issue("localhost", root, sans=()).certificate, "localhost")
        assert "but for no name at all" in found.what


class TestTrust:
    def test_is_there_if_openssl_finds_nothing(self, root: Issued) -> None:
        (found,) = chain_findings("chain", IT, (root.certificate,), ())
        assert (found.severity, found.advice) == (Severity.OK, "")

    @pytest.mark.parametrize("code", [18, 19, 20, 24, 79])
    def test_what_openssl_finds_is_told_with_advice(self, root: Issued, code: int) -> None:
        flaw = Flaw(code, 0, "CN=it")
        (found,) = chain_findings("chain", IT, (root.certificate,), (flaw,))
        assert found.severity is Severity.PROBLEM
        assert found.what == f"The certificate (CN=it) is not trusted: {CHECKS[code].cause}."
        assert found.advice == CHECKS[code].advice

    def test_what_has_a_check_of_its_own_is_not_told_twice(self, root: Issued) -> None:
        flaws = [Flaw(code, 0, "CN=it") for code in (9, 10, INVALID_PURPOSE)]
        (found,) = chain_findings("chain", IT, (root.certificate,), flaws)
        assert found.severity is Severity.OK

    def test_an_unknown_issuer_is_told_once(self, root: Issued) -> None:
        flaws = [Flaw(code, 0, "CN=it") for code in (20, 21)]
        assert len(list(chain_findings("chain", IT, (root.certificate,), flaws))) == 1

    def test_an_expired_ca_that_was_not_sent_is_told(self, root: Issued) -> None:
        (found,) = chain_findings("chain", IT, (root.certificate,), (Flaw(10, 1, "CN=Root"),))
        assert found.what.startswith("A CA certificate above it (CN=Root) is not trusted")


class TestText:
    def test_of_a_certificate_has_all_that_matters(self, root: Issued) -> None:
        text = description(ending(root, timedelta(days=50, hours=1)).certificate, NOW)
        assert text.startswith("CN=it, issued by CN=Root; key EC 256, hash SHA256; ")
        assert "names: localhost; purposes: clientAuth, serverAuth; valid until" in text
        assert text.endswith("(50 days left)")

    def test_has_no_control_characters_of_the_peer(self, root: Issued) -> None:
        evil = issue("a\x1b[2Jb\u202e", root, sans=()).certificate
        found = [
            *lasting_findings("dates", IT, (root.certificate, evil), NOW + 9 * YEAR),
            *chain_findings("chain", IT, (evil,), (Flaw(20, 0, "a\nb"),)),
        ]
        assert all(each.what.isprintable() for each in found)
        assert "\\x1b[2Jb\\u202e" in description(evil, NOW)


class TestGarbledExtensions:
    """Whoever sends them gets a report all the same."""

    @pytest.fixture
    def garbled(self) -> x509.Certificate:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "garbled")])
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(name)
        builder = builder.public_key(key.public_key()).serial_number(1)
        builder = builder.not_valid_before(NOW - YEAR).not_valid_after(NOW + YEAR)
        for oid in (Oid.SUBJECT_ALTERNATIVE_NAME, Oid.EXTENDED_KEY_USAGE, Oid.BASIC_CONSTRAINTS):
            builder = builder.add_extension(x509.UnrecognizedExtension(oid, b"\xff"), False)
        return builder.sign(key, hashes.SHA256())

    def test_count_as_empty(self, garbled: x509.Certificate) -> None:
        assert (alternative_names(garbled), purpose_names(garbled)) == ((), ())
        assert not is_ca(garbled)
        assert "names: none; purposes: none" in description(garbled, NOW)

    def test_fit_no_role_and_no_name(self, garbled: x509.Certificate) -> None:
        assert role_finding("purpose", IT, garbled, Role.SERVER).severity is Severity.PROBLEM
        assert name_finding("name", garbled, "localhost").severity is Severity.PROBLEM


def test_a_name_that_is_no_text_makes_it_unreadable(root: Issued) -> None:
    good = issue("damaged", root).der
    assert is_readable(x509.load_der_x509_certificate(good))
    bad = x509.load_der_x509_certificate(good.replace(b"damaged", b"damag\xff\xff"))
    assert not is_readable(bad)


def test_of_ones_own_only_what_is_wrong_is_told(root: Issued) -> None:
    good = issue("it", root, end=NOW + YEAR).certificate
    assert list(own_findings((good,), NOW)) == []
    bad = issue("it", root, usages=(SERVER_AUTH,), begin=NOW - YEAR, end=NOW - YEAR / 2)
    found = list(own_findings((bad.certificate,), NOW))
    assert troubles(found) == [("own-certificate", "problem"), ("own-certificate", "warning")]
    assert "clientAuth" in of("own-certificate", found)[1].advice
