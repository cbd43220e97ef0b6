"""Who the peer is, and whether its certificate fits the host."""

from __future__ import annotations

import ipaddress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from leaddicom.errors import DicomErrorCode, TlsError
from leaddicom.tls import check_host_name, peer_identity
from leaddicom.tls.identity import identify

from .certificates import issue


def with_extension(extension, common_name="pacs.example"):
    """A certificate with an extension that no tool would make."""
    model = issue(common_name)
    return (
        x509.CertificateBuilder()
        .subject_name(model.certificate.subject)
        .issuer_name(model.certificate.issuer)
        .public_key(model.key.public_key())
        .serial_number(5)
        .not_valid_before(model.certificate.not_valid_before_utc)
        .not_valid_after(model.certificate.not_valid_after_utc)
        .add_extension(extension, critical=False)
        .sign(model.key, hashes.SHA256())
    )


def names(*texts):
    found = []
    for text in texts:
        try:
            found.append(x509.IPAddress(ipaddress.ip_address(text)))
        except ValueError:
            kind = x509.UniformResourceIdentifier if text.startswith("urn:") else x509.DNSName
            found.append(kind(text))
    return x509.SubjectAlternativeName(found)


def certificate(*sans, common_name="pacs.example"):
    if not sans:
        return issue(common_name, sans=()).certificate
    return with_extension(names(*sans), common_name)


@pytest.mark.parametrize(
    ("sans", "host"),
    [
        (("pacs.example",), "pacs.example"),
        (("pacs.example",), "PACS.Example"),
        (("PACS.example",), "pacs.example."),
        (("other.example", "pacs.example"), "pacs.example"),
        (("*.clinic.example",), "pacs.clinic.example"),
        (("pacs_1.example",), "pacs_1.example"),
        (("xn--bcher-kva.example",), "bücher.example"),
        (("192.0.2.7",), "192.0.2.7"),
        (("2001:db8::7",), "2001:db8:0::7"),
        (("fe80::7",), "fe80::7%eth0"),
        (("urn:oid:1.2.3", "pacs.example"), "pacs.example"),
    ],
)
def test_it_fits(sans, host):
    check_host_name(certificate(*sans), host)


@pytest.mark.parametrize(
    ("sans", "host", "code", "words"),
    [
        (("other.example",), "pacs.example", 62, "pacs.example, but for DNS name other.example."),
        ((), "pacs.example", 62, "no host at all"),
        (("urn:oid:1.2.3",), "pacs.example", 62, "no host at all"),
        (("*.clinic.example",), "clinic.example", 62, r"DNS name *.clinic.example"),
        (("*.clinic.example",), "a.b.clinic.example", 62, "a.b.clinic.example"),
        (("192.0.2.8",), "192.0.2.7", 64, "but for IP address 192.0.2.8"),
        (("2001:db8::8",), "2001:db8::7", 64, "IP address 2001:db8::8"),
        (("pacs.example",), "192.0.2.7", 64, "with the IP address 192.0.2.7 as subject"),
        (("192.0.2.7",), "pacs.example", 62, "with the DNS name pacs.example as subject"),
        (("pacs.example",), "", 62, "set server_name"),
        (("pacs.example",), "a..b", 62, "a..b"),
        (("pacs.example",), "12345", 62, "12345"),
        (("pacs.example",), "pacs.example\nforged line", 62, r"pacs.example\nforged line"),
    ],
)
def test_it_does_not_fit(sans, host, code, words):
    with pytest.raises(TlsError) as caught:
        check_host_name(certificate(*sans), host)
    error = caught.value
    assert error.stage == "host name"
    assert error.code == DicomErrorCode.TLS_CERTIFICATE_VERIFY_FAILED
    assert error.verify_code == code
    assert words in error.message
    assert "CN=pacs.example" in error.certificate
    assert "\n" not in error.message


def test_the_common_name_counts_for_nothing():
    with pytest.raises(TlsError, match="no host at all"):
        check_host_name(certificate(common_name="pacs.example"), "pacs.example")


def test_an_ip_address_disguised_as_a_dns_name_does_not_spoil_the_others():
    disguised = x509.DNSName("192.0.2.7")
    found = with_extension(
        x509.SubjectAlternativeName([disguised, *names("192.0.2.7", "pacs.example")])
    )
    check_host_name(found, "192.0.2.7")
    check_host_name(found, "pacs.example")


def test_an_ip_address_disguised_as_a_dns_name_is_no_ip_address():
    found = with_extension(x509.SubjectAlternativeName([x509.DNSName("192.0.2.7")]))
    with pytest.raises(TlsError, match=r"DNS name 192\.0\.2\.7"):
        check_host_name(found, "192.0.2.7")


def test_a_network_is_no_address():
    network = x509.IPAddress(ipaddress.ip_network("192.0.2.0/24"))
    with pytest.raises(TlsError):
        check_host_name(with_extension(x509.SubjectAlternativeName([network])), "192.0.2.7")


def test_a_garbled_extension_fits_nothing():
    garbled = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.17"), b"\x00")
    with pytest.raises(TlsError, match="nothing readable") as caught:
        check_host_name(with_extension(garbled), "pacs.example")
    assert caught.value.verify_code == 62


def test_many_names_are_cut_short():
    with pytest.raises(TlsError, match="and 92 more"):
        check_host_name(certificate(*(f"host{n}.example" for n in range(100))), "pacs.example")


def test_identity():
    found = certificate("pacs.example", "192.0.2.7", "urn:oid:1.2.3")
    identity = identify(found)
    assert identity.subject == identity.issuer == "CN=pacs.example"
    assert identity.dns_names == ("pacs.example",)
    assert identity.ip_addresses == ("192.0.2.7",)
    assert identity.uris == ("urn:oid:1.2.3",)
    assert identity.fingerprint == found.fingerprint(hashes.SHA256()).hex()
    assert identity.not_before == found.not_valid_before_utc
    assert identity.not_after == found.not_valid_after_utc
    assert identity.serial_number == found.serial_number
    assert identity.chain == (found,)


def test_identity_without_alternative_names():
    assert identify(certificate()).dns_names == ()


def test_text_of_certificates_is_printable():
    found = identify(certificate("a\r\nb", common_name="Dr\n2026 INFO forged\u202e"))
    assert found.subject == "CN=Dr\\n2026 INFO forged\\u202e"
    assert found.dns_names == ("a\\r\\nb",)


class _Connection:
    def get_peer_certificate(self, *, as_cryptography):
        raise ValueError("invalid version")


def test_an_undecodable_certificate():
    with pytest.raises(TlsError, match="cannot be decoded: invalid version") as caught:
        peer_identity(_Connection())
    assert caught.value.code == DicomErrorCode.CERTIFICATE_READ_FAILED
