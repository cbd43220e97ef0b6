"""Revocation lists for tests, good and bad."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from .certificates import DAY, NOW, Issued


def revoke(
    issuer: Issued,
    *revoked: Issued,
    begin: datetime = NOW - DAY,
    end: datetime = NOW + 30 * DAY,
    reason: x509.ReasonFlags | None = x509.ReasonFlags.key_compromise,
    signer: Issued | None = None,
    extensions: Iterable[tuple[x509.ExtensionType, bool]] = (),
) -> x509.CertificateRevocationList:
    """Sign a list in the issuer's name; another `signer` makes its signature wrong."""
    signer = signer or issuer
    key_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())
    builder = x509.CertificateRevocationListBuilder(
        issuer_name=issuer.certificate.subject, last_update=begin, next_update=end
    )
    for value, critical in ((key_id, False), (x509.CRLNumber(1), False), *extensions):
        builder = builder.add_extension(value, critical)
    for each in revoked:
        entry = x509.RevokedCertificateBuilder(each.certificate.serial_number, NOW - DAY)
        if reason is not None:
            entry = entry.add_extension(x509.CRLReason(reason), False)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(signer.key, hashes.SHA256())


def write_lists(path: Path, *lists: x509.CertificateRevocationList) -> str:
    """Write lists into one PEM file, and give its path."""
    path.write_bytes(b"".join(each.public_bytes(Encoding.PEM) for each in lists))
    return str(path)
