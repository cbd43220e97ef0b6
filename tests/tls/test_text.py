"""Text from certificates in log lines."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from leaddicom.testing.certificates import ThrowAwayPki
from leaddicom.tls import describe, printable
from leaddicom.tls.text import certificate_text

from .certificates import NOW, issue


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ü", "plain ü"),
        ("a\nb\x00\x1b[31m", "a\\nb\\x00\\x1b[31m"),
        ("\u202egnp", "\\u202egnp"),
        ("\ud800", "\\ud800"),
        ("", ""),
    ],
)
def test_printable(text, shown):
    assert printable(text) == shown


def test_describe():
    text = describe(issue("pacs", begin=NOW, end=NOW.replace(year=NOW.year + 2)).certificate)
    assert text.startswith(f"subject CN=pacs, issuer CN=pacs, valid {NOW:%Y-%m-%d %H:%M:%S} to ")
    assert text.endswith(" UTC")


def test_describe_is_one_line_of_bounded_length():
    issued = issue("x\ny" * 21)
    text = describe(issued.certificate)
    assert "\n" not in text
    assert len(text) < 700
    assert "..." not in text


def test_describe_shortens_long_names(monkeypatch):
    monkeypatch.setattr("leaddicom.tls.text._LONGEST", 10)
    assert "subject CN=pacs..., issuer" in describe(issue("pacs.example").certificate)


class _Garbled:
    @property
    def subject(self):
        raise ValueError("bad\nname")


def test_describe_never_raises():
    assert describe(_Garbled()) == "a certificate that cannot be decoded (bad\\nname)"


def test_certificate_text_of_a_device(tmp_path):
    pki = ThrowAwayPki(tmp_path)
    issued = pki.issue("pacs", eku=[ExtendedKeyUsageOID.SERVER_AUTH])
    lines = certificate_text(issued.certificate).splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "Subject",
        "Issuer",
        "Valid",
        "Serial number",
        "SHA-256",
        "Basic constraints",
        "Purposes",
    ]
    assert "pacs" in lines[0]
    assert lines[3] == f"Serial number: {issued.certificate.serial_number:X}"
    assert lines[5:] == ["Basic constraints: no CA", "Purposes: TLS server"]


@pytest.mark.parametrize(
    ("path_length", "shown"), [(None, "a CA"), (0, "a CA with at most 0 CAs below it")]
)
def test_certificate_text_of_a_ca(path_length, shown):
    certificate = certificate_with(x509.BasicConstraints(ca=True, path_length=path_length))
    *_, basic, purposes = certificate_text(certificate).splitlines()
    assert basic == f"Basic constraints: {shown}"
    assert "TLS client CA, TLS server CA" in purposes


def test_certificate_text_without_extensions_forbids_nothing():
    *_, basic, purposes = certificate_text(certificate_with()).splitlines()
    assert basic == "Basic constraints: no CA"
    assert purposes == (
        "Purposes: TLS client, TLS server, S/MIME, CRL signing, OCSP helper, time stamp"
    )


def test_certificate_text_of_any_purpose(tmp_path):
    issued = ThrowAwayPki(tmp_path).variant("any_eku")
    purposes = certificate_text(issued.certificate).splitlines()[-1]
    assert purposes.startswith("Purposes: TLS client, TLS server, ")
    assert purposes.endswith(", any")


def test_certificate_text_is_printable_and_never_raises():
    text = certificate_text(issue("x\ny").certificate)
    assert len(text.splitlines()) == 7
    assert certificate_text(_Garbled()) == "The certificate cannot be decoded (bad\\nname)."


def certificate_with(*extensions):
    """A certificate with no other extensions."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bare")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name)
    builder = builder.public_key(key.public_key()).serial_number(7)
    builder = builder.not_valid_before(NOW).not_valid_after(NOW.replace(year=NOW.year + 1))
    for extension in extensions:
        builder = builder.add_extension(extension, critical=True)
    return builder.sign(key, hashes.SHA256())
