"""Text from certificates, made fit for a log line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID as Usage

__all__ = ["certificate_text", "describe", "name_text", "printable", "shortened"]

# Purposes of a certificate: extended key usage (RFC 5280 section 4.2.1.12), key usages of which
# one is needed (section 4.2.1.3).
_PURPOSES = (
    ("TLS client", Usage.CLIENT_AUTH, ("digital_signature", "key_agreement")),
    ("TLS server", Usage.SERVER_AUTH, ("digital_signature", "key_encipherment", "key_agreement")),
    ("S/MIME", Usage.EMAIL_PROTECTION, ("digital_signature", "key_encipherment")),
    ("CRL signing", None, ("crl_sign",)),
    ("OCSP helper", Usage.OCSP_SIGNING, ("digital_signature",)),
    ("time stamp", Usage.TIME_STAMPING, ("digital_signature",)),
)

# A distinguished name in a message; certificates may carry names of many kilobytes.
_LONGEST = 256


def printable(text: str) -> str:
    """Return `text` with everything that is not printable as a backslash escape.

    Newlines, control characters and marks that change the direction of writing could otherwise
    forge log lines.
    """
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode("ascii")
        for each in text
    )


def name_text(name: x509.Name) -> str:
    """Return a distinguished name as RFC 4514 writes it, printable."""
    return printable(name.rfc4514_string())


def shortened(text: str) -> str:
    """Return the beginning of a text, if all of it is too long for a message."""
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def _parties(certificate: x509.Certificate) -> tuple[str, str, str]:
    """Return subject, issuer and validity; raises what decoding raises."""
    subject = shortened(name_text(certificate.subject)) or "(empty)"
    issuer = shortened(name_text(certificate.issuer)) or "(empty)"
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return subject, issuer, f"{begin:%Y-%m-%d %H:%M:%S} to {end:%Y-%m-%d %H:%M:%S} UTC"


def _undecodable(error: Exception) -> str:
    return f"cannot be decoded ({printable(str(error))})"


def describe(certificate: x509.Certificate) -> str:
    """Return subject, issuer and validity of a certificate on one printable line.

    Whatever cannot be decoded is named as such; nothing is raised.
    """
    try:
        subject, issuer, dates = _parties(certificate)
    except (ValueError, TypeError, OverflowError) as error:
        return f"a certificate that {_undecodable(error)}"
    return f"subject {subject}, issuer {issuer}, valid {dates}"


def certificate_text(certificate: x509.Certificate) -> str:
    """Return what a person wants to know of a certificate, printable, a line for each.

    Subject, issuer, validity, serial number, fingerprint, basic constraints, and the purposes
    that its key usage and extended key usage allow.  Whatever cannot be decoded is named as
    such; nothing is raised.
    """
    try:
        subject, issuer, dates = _parties(certificate)
        basic = _basic_constraints(certificate)
        purposes = ", ".join(_purposes(certificate)) or "none"
    except Exception as error:  # noqa: BLE001 - the certificate is the peer's
        return f"The certificate {_undecodable(error)}."
    return (
        f"Subject: {subject}\nIssuer: {issuer}\nValid: {dates}\n"
        f"Serial number: {certificate.serial_number:X}\n"
        f"SHA-256: {certificate.fingerprint(hashes.SHA256()).hex()}\n"
        f"Basic constraints: {basic}\nPurposes: {purposes}"
    )


_Extension = TypeVar("_Extension", bound=x509.ExtensionType)


def _extension(certificate: x509.Certificate, kind: type[_Extension]) -> _Extension | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _basic_constraints(certificate: x509.Certificate) -> str:
    basic = _extension(certificate, x509.BasicConstraints)
    if basic is None or not basic.ca:
        return "no CA"
    if basic.path_length is None:
        return "a CA"
    return f"a CA with at most {basic.path_length} CAs below it"


def _purposes(certificate: x509.Certificate) -> Iterator[str]:
    """Yield the purposes; an extension that is absent forbids nothing (RFC 5280)."""
    basic = _extension(certificate, x509.BasicConstraints)
    suffix = " CA" if basic is not None and basic.ca else ""
    usage = _extension(certificate, x509.KeyUsage)
    extended = _extension(certificate, x509.ExtendedKeyUsage)
    for name, oid, bits in _PURPOSES:
        needed = ("key_cert_sign",) if suffix else bits
        fits = (
            extended is None
            or oid is None
            or oid in extended
            or Usage.ANY_EXTENDED_KEY_USAGE in extended
        )
        if fits and (usage is None or any(getattr(usage, bit) for bit in needed)):
            yield name + suffix
    if extended is not None and Usage.ANY_EXTENDED_KEY_USAGE in extended:
        yield "any"
