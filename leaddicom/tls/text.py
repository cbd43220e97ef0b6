"""Text from certificates, made fit for a log line."""

from __future__ import annotations

from cryptography import x509

__all__ = ["describe", "name_text", "printable"]

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


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def describe(certificate: x509.Certificate) -> str:
    """Return subject, issuer and validity of a certificate on one printable line.

    Whatever cannot be decoded is named as such; nothing is raised.
    """
    try:
        subject = _shortened(name_text(certificate.subject)) or "(empty)"
        issuer = _shortened(name_text(certificate.issuer)) or "(empty)"
        begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    except (ValueError, TypeError, OverflowError) as error:
        return f"a certificate that cannot be decoded ({printable(str(error))})"
    dates = f"{begin:%Y-%m-%d %H:%M:%S} to {end:%Y-%m-%d %H:%M:%S} UTC"
    return f"subject {subject}, issuer {issuer}, valid {dates}"
