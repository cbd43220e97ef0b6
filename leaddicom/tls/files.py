"""What the files of certificates, keys and revocation lists hold, and the errors about them."""

from __future__ import annotations

from collections.abc import Callable

from cryptography import x509

from leaddicom.errors import DicomErrorCode, TlsError
from leaddicom.tls.text import describe, printable

__all__ = [
    "PEM",
    "REEXPORT",
    "certificate_error",
    "found_instead",
    "is_pkcs12",
    "key_error",
    "parse_certificates",
    "read",
]

#: How every block of a PEM file begins (RFC 7468 section 2).
PEM = b"-----BEGIN "

REEXPORT = "Export it anew from where it was issued."

#: The version that every PKCS#12 file begins with (RFC 7292 section 4), as an ASN.1 integer.
#: Certificates and lists begin with a sequence there, keys with version 0 or 1.
_PKCS12_VERSION = b"\x02\x01\x03"

# Last part of a PEM label, and what such a block is.
_PEM_KINDS = (
    (b"CERTIFICATE-----", "a certificate in PEM"),
    (b"PRIVATE KEY-----", "a private key in PEM"),
    (b"X509 CRL-----", "a revocation list in PEM"),
    (b"CERTIFICATE REQUEST-----", "a certificate request, to which a CA has yet to answer"),
    (b"PUBLIC KEY-----", "a public key in PEM"),
)


def read(path: str, failure: Callable[[str, str, str], TlsError]) -> bytes:
    """Read a file; `failure` makes the error from path, reason and advice."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise failure(path, reason, "Check the path and the rights on the file.") from error


def is_pkcs12(data: bytes) -> bool:
    """Tell whether `data` begins as a PKCS#12 file does, in DER or BER (X.690 section 8.1.3)."""
    if data[:1] != b"\x30":
        return False
    length = data[1:2] or b"\0"
    octets = length[0] & 0x7F if length[0] & 0x80 else 0
    return data[2 + octets :].startswith(_PKCS12_VERSION)


def found_instead(data: bytes) -> str:
    """Say what a file holds that does not hold what was looked for."""
    if not data.strip():
        return "nothing: it is empty"
    if is_pkcs12(data):
        return "PKCS#12"
    found = [kind for label, kind in _PEM_KINDS if PEM + label in data or b" " + label in data]
    if found:
        return found[0]
    loaders: tuple[tuple[Callable[[bytes], object], str], ...] = (
        (x509.load_der_x509_certificate, "a certificate in DER (ASN1)"),
        (x509.load_der_x509_crl, "a revocation list in DER (ASN1)"),
    )
    for load, kind in loaders:
        try:
            load(data)
            return kind
        except Exception:  # noqa: BLE001, S112 - cryptography's parsers raise many kinds
            continue
    return "neither PEM nor DER nor PKCS#12"


def parse_certificates(path: str, data: bytes) -> list[x509.Certificate]:
    """Parse the certificates of a PEM file, one or more, or the one of a DER file.

    Raises
    ------
    TlsError
        With code CERTIFICATE_LOAD_FAILED, if there is none, or one is damaged.
    """
    is_pem = b"-----BEGIN CERTIFICATE-----" in data
    try:
        if is_pem:
            return x509.load_pem_x509_certificates(data)
        return [x509.load_der_x509_certificate(data)]
    except Exception as error:  # cryptography's parsers raise many kinds
        if is_pem:
            reason = f"a certificate in it is damaged ({printable(str(error))})"
            raise certificate_error(path, reason, REEXPORT) from error
        reason = f"it holds no certificate, but {found_instead(data)}"
        raise certificate_error(path, reason, "Check that it is the right file.") from error


def certificate_error(
    path: str, reason: str, advice: str, certificate: x509.Certificate | None = None
) -> TlsError:
    """Make the error about a file of certificates."""
    text = None if certificate is None else describe(certificate)
    where = "" if text is None else f" Certificate: {text}."
    return TlsError(
        DicomErrorCode.CERTIFICATE_LOAD_FAILED,
        f"The certificate file {printable(path)} cannot be used: {reason}.{where} {advice}",
        stage="certificate",
        certificate=text,
    )


def key_error(path: str, reason: str, advice: str) -> TlsError:
    """Make the error about a file of a private key."""
    return TlsError(
        DicomErrorCode.PRIVATE_KEY_LOAD_FAILED,
        f"The private key in {printable(path)} cannot be loaded: {reason}. {advice}",
        stage="private key",
    )
