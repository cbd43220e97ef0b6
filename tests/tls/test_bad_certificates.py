"""Every kind of bad certificate, shown by either end, under both TLS versions."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from OpenSSL import SSL

from leaddicom.errors import DicomErrorCode as Code
from leaddicom.tls import Ciphersuite, Role, build_context

from .certificates import ANY, CLIENT_AUTH, DAY, NOW, SERVER_AUTH, issue, rsa_key, sign_with_sha1
from .pairs import careless_context, connect, credentials, end_of, run

SUITES = {
    "TLSv1.2": (
        SSL.TLS1_2_VERSION,
        (
            Ciphersuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
            Ciphersuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        ),
    ),
    "TLSv1.3": (SSL.TLS1_3_VERSION, (Ciphersuite.TLS_AES_128_GCM_SHA256,)),
}


@dataclass(frozen=True)
class Case:
    """What the refusing end reports, and the alert that the other one gets."""

    name: str
    code: Code
    verify_code: int | None
    cause: str
    alert: int
    alert_code: Code
    depth: int = 9


_FAILED = Code.TLS_CERTIFICATE_VERIFY_FAILED
_BAD = Code.TLS_BAD_CERTIFICATE
_CA = Code.TLS_UNKNOWN_CA
_OTHER_PURPOSE = Code.TLS_UNSUPPORTED_CERTIFICATE
_PURPOSE = Code.TLS_INVALID_PURPOSE
_REJECTED = Code.TLS_CERT_REJECTED

CASES = [
    Case("expired", Code.TLS_CERT_HAS_EXPIRED, 10, "expired", 45, Code.TLS_CERTIFICATE_EXPIRED),
    Case("not yet valid", Code.TLS_CERT_NOT_YET_VALID, 9, "not yet valid", 42, _BAD),
    Case(
        "unknown CA",
        Code.TLS_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
        20,
        "not among the trusted",
        48,
        _CA,
    ),
    Case("unknown root", Code.TLS_SELF_SIGNED_CERT_IN_CHAIN, 19, "root CA", 48, _CA),
    Case("self-signed", Code.TLS_DEPTH_ZERO_SELF_SIGNED_CERT, 18, "self-signed", 48, _CA),
    Case("wrong EKU", _PURPOSE, 26, "does not allow", 43, _OTHER_PURPOSE),
    Case("any EKU", _PURPOSE, 26, "does not allow", 43, _OTHER_PURPOSE),
    Case("no EKU", _PURPOSE, 26, "no extended key usage", 43, Code.TLS_UNSUPPORTED_CERTIFICATE),
    Case("RSA 1024", _REJECTED, 28, "key is too small", 42, _BAD),
    Case("SHA-1", _REJECTED, 28, "SHA-1", 42, _BAD),
    Case(
        "chain too deep",
        Code.TLS_CERT_CHAIN_TOO_LONG,
        22,
        "more intermediate CAs",
        48,
        _CA,
        depth=0,
    ),
]


@pytest.fixture(scope="module")
def bad(world, tmp_path_factory):
    other = issue("Other CA", ca=True)
    unknown_root = issue("unknown root", other)
    wrong = {Role.CLIENT: SERVER_AUTH, Role.SERVER: CLIENT_AUTH}
    same = {
        "expired": issue("expired", world.root, begin=NOW - 9 * DAY, end=NOW - DAY),
        "not yet valid": issue("early", world.root, begin=NOW + DAY, end=NOW + 9 * DAY),
        "unknown CA": issue("unknown", other),
        "unknown root": type(unknown_root)(
            unknown_root.certificate, unknown_root.key, (other.certificate,)
        ),
        "self-signed": issue("self-signed"),
        "any EKU": issue("any", world.root, usages=(ANY,)),
        "no EKU": issue("none", world.root, usages=()),
        "RSA 1024": issue("weak", world.root, key=rsa_key(1024)),
        "SHA-1": sign_with_sha1(tmp_path_factory.mktemp("sha1"), world.root),
        "chain too deep": issue("deep", world.intermediate),
    }
    return {(name, role): issued for name, issued in same.items() for role in Role} | {
        ("wrong EKU", role): issue("wrong", world.root, usages=(usage,))
        for role, usage in wrong.items()
    }


def refuse(world, role: Role, issued, version: str, depth: int = 9):
    """Let an end in `role` show `issued`; return it and the end that refuses it."""
    number, suites = SUITES[version]
    careless = careless_context(role, issued, number)
    own = world.client if role is Role.SERVER else world.server
    settings = world.settings(cipher_suites=suites, verify_depth=depth)
    careful = build_context(settings, credentials(own), role.peer)
    ends = (careless, careful) if role is Role.CLIENT else (careful, careless)
    client, server = connect(*ends)
    return (client, server) if role is Role.CLIENT else (server, client)


@pytest.mark.parametrize("version", SUITES)
@pytest.mark.parametrize("role", Role, ids=lambda role: role.value)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_it_is_refused_with_its_cause_and_told_by_an_alert(world, bad, case, role, version):
    issued = bad[case.name, role]
    offender, judge = refuse(world, role, issued, version, case.depth)

    assert not judge.ready
    failure = judge.failure
    assert failure.stage == "handshake"
    assert failure.code == case.code
    assert failure.verify_code == case.verify_code
    assert failure.alert == case.alert
    assert case.cause in failure.message
    assert f"with the {role.value} pacs.example:2762 failed" in failure.message
    assert failure.certificate in failure.message
    assert "issuer" in failure.certificate

    told = offender.failure
    assert told.stage == "handshake"
    assert told.alert == case.alert
    assert told.code == case.alert_code
    assert told.verify_code is None
    assert issued.certificate.subject.rfc4514_string() in told.certificate


@pytest.mark.parametrize(("version", "alert"), [("TLSv1.2", 40), ("TLSv1.3", 116)])
def test_a_client_without_certificate_is_refused(world, version, alert):
    offender, judge = refuse(world, Role.CLIENT, None, version)
    assert judge.failure.code == _FAILED
    assert judge.failure.stage == "handshake"
    assert judge.failure.verify_code is None
    assert judge.failure.alert == alert
    assert "showed no certificate" in judge.failure.message
    assert offender.ready is (version == "TLSv1.3")
    assert offender.failure.stage == "handshake"
    assert offender.failure.code == Code.TLS_HANDSHAKE_FAILURE
    assert offender.failure.alert == alert
    assert "We showed no certificate" in offender.failure.message


@pytest.mark.parametrize("role", Role, ids=lambda role: role.value)
def test_the_ca_certificate_is_named_when_it_is_the_bad_one(world, role):
    root = issue("Expired CA", world.root, ca=True, begin=NOW - 9 * DAY, end=NOW - DAY)
    _, judge = refuse(world, role, issue("leaf", root), "TLSv1.3")
    assert judge.failure.verify_code == 10
    assert "a CA certificate of its chain" in judge.failure.message
    assert "CN=Expired CA" in judge.failure.certificate


def test_a_ca_that_is_none(world):
    """OpenSSL calls this 79, LEADTOOLS 24."""
    _, judge = refuse(world, Role.CLIENT, issue("leaf", world.client), "TLSv1.3")
    assert judge.failure.verify_code == 24
    assert "may not act as a CA" in judge.failure.message


def test_a_missing_extension_is_named(world):
    """X509_STRICT: a CA certificate needs a subject key identifier."""
    old = world.intermediate.certificate
    bare = (
        x509.CertificateBuilder()
        .subject_name(old.subject)
        .issuer_name(old.issuer)
        .public_key(old.public_key())
        .serial_number(7)
        .not_valid_before(old.not_valid_before_utc)
        .not_valid_after(old.not_valid_after_utc)
        .add_extension(x509.BasicConstraints(True, None), critical=True)
        .add_extension(old.extensions.get_extension_for_class(x509.KeyUsage).value, critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(world.root.key.public_key()), False
        )
        .sign(world.root.key, hashes.SHA256())
    )
    leaf = issue("leaf", world.intermediate)
    _, judge = refuse(
        world, Role.CLIENT, type(leaf)(leaf.certificate, leaf.key, (bare,)), "TLSv1.3"
    )
    assert judge.failure.code == _FAILED
    assert judge.failure.verify_code == 41
    assert "missing subject key identifier" in judge.failure.message


def test_a_certificate_that_cannot_be_decoded_is_refused_without_an_exception(world, monkeypatch):
    def undecodable(certificate):
        raise ValueError("invalid version")

    client = end_of(world.context(Role.CLIENT), Role.CLIENT)
    server = end_of(world.context(Role.SERVER), Role.SERVER)
    monkeypatch.setattr("OpenSSL.crypto.X509.to_cryptography", undecodable)
    run(client, server)
    assert client.failure.code == _FAILED
    assert client.failure.verify_code == 1
    assert client.failure.certificate is None
    assert "it cannot be decoded" in client.failure.message


def test_extensions_that_cannot_be_decoded_are_refused(world):
    key = world.client.key
    name = world.client.certificate.subject
    root = world.root.certificate
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(root.subject)
        .public_key(key.public_key())
        .serial_number(8)
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + DAY)
        .add_extension(x509.BasicConstraints(False, None), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root.public_key()), False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .add_extension(x509.ExtendedKeyUsage([CLIENT_AUTH]), False)
        # TLS feature (RFC 7633), which OpenSSL does not look into, with a value that is no DER
        .add_extension(
            x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.5.5.7.1.24"), b"\x00"), False
        )
    )
    issued = type(world.client)(builder.sign(world.root.key, hashes.SHA256()), key)
    _, judge = refuse(world, Role.CLIENT, issued, "TLSv1.3")
    assert judge.failure.verify_code == 26
    assert "its extensions cannot be decoded" in judge.failure.message
