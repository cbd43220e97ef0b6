"""Certificate revocation lists (CRLs, RFC 5280 section 5)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes

from leaddicom.errors import DicomErrorCode, TlsError
from leaddicom.pki.authority import BACKDATE, CertificateAuthority
from leaddicom.pki.certificates import one_line

__all__ = ["REASONS", "Revocation", "crl_flaw", "crl_number", "load_crl", "revocations", "sign_crl"]

_UNSPECIFIED = x509.ReasonFlags.unspecified

#: Why a program's certificate may be revoked, under RFC 5280's names (section 5.3.1).  Holds
#: are left out, as they would have to be lifted, and so are the reasons for CAs.
REASONS = {
    flag.value: flag
    for flag in (
        _UNSPECIFIED,
        x509.ReasonFlags.key_compromise,
        x509.ReasonFlags.affiliation_changed,
        x509.ReasonFlags.superseded,
        x509.ReasonFlags.cessation_of_operation,
        x509.ReasonFlags.privilege_withdrawn,
    )
}


@dataclass(frozen=True, slots=True)
class Revocation:
    """That a certificate is not to be trusted any more.

    Attributes
    ----------
    serial : int
        Serial number of the certificate.
    date : datetime
        Since when.
    reason : x509.ReasonFlags
        Why.
    """

    serial: int
    date: datetime
    reason: x509.ReasonFlags = _UNSPECIFIED


def sign_crl(
    authority: CertificateAuthority,
    revoked: Iterable[Revocation],
    *,
    number: int,
    at: datetime,
    next_update: datetime,
) -> x509.CertificateRevocationList:
    """Sign a complete revocation list.

    Parameters
    ----------
    authority : CertificateAuthority
        Whose certificates it is about.
    revoked : iterable of Revocation
        Every certificate that is revoked.
    number : int
        CRL number, higher than that of every list before.
    at : datetime
        When it is made.  Like a certificate it begins a little earlier, so that a peer whose
        clock is late takes it at once.
    next_update : datetime
        Until when it counts; from then on peers that ask for a list refuse everybody.
    """
    issuer = authority.certificate
    own_id = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.subject)
        .last_update(at - BACKDATE)
        .next_update(next_update)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own_id), critical=False
        )
        .add_extension(x509.CRLNumber(number), critical=False)
    )
    for each in sorted(revoked, key=lambda each: (each.date, each.serial)):
        builder = builder.add_revoked_certificate(_entry(each))
    return builder.sign(authority.pair.private_key, hashes.SHA256())


def _entry(revocation: Revocation) -> x509.RevokedCertificate:
    builder = (
        x509.RevokedCertificateBuilder()
        .serial_number(revocation.serial)
        .revocation_date(revocation.date)
    )
    # An unspecified reason is told by silence (RFC 5280 section 5.3.1).
    if revocation.reason is not _UNSPECIFIED:
        builder = builder.add_extension(x509.CRLReason(revocation.reason), critical=False)
    return builder.build()


def load_crl(path: Path) -> x509.CertificateRevocationList:
    """Read a revocation list from a PEM file.

    Raises
    ------
    TlsError
        If there is none, or the file cannot be read.
    """
    try:
        crl = x509.load_pem_x509_crl(path.read_bytes())
        # Decoded at first use only; what is damaged shows here.
        list(crl.extensions)
        revocations(crl)
    except (OSError, ValueError, UnsupportedAlgorithm, x509.DuplicateExtension) as error:
        raise TlsError(
            DicomErrorCode.CERTIFICATE_READ_FAILED,
            f"{path} cannot be read as a PEM revocation list: {one_line(error)}.",
            stage="certificate",
        ) from error
    return crl


def revocations(crl: x509.CertificateRevocationList) -> list[Revocation]:
    """Return what a list says, in its order."""
    return [_revocation(each) for each in crl]


def _revocation(entry: x509.RevokedCertificate) -> Revocation:
    try:
        reason = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
    except x509.ExtensionNotFound:
        reason = _UNSPECIFIED
    return Revocation(entry.serial_number, entry.revocation_date_utc, reason)


def crl_number(crl: x509.CertificateRevocationList) -> int:
    """Return the number of a list, 0 if it has none."""
    try:
        return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    except x509.ExtensionNotFound:
        return 0


def crl_flaw(
    crl: x509.CertificateRevocationList | None, revoked: Iterable[int], at: datetime
) -> str:
    """Return why a list does not do, empty if it does.

    Parameters
    ----------
    crl : x509.CertificateRevocationList or None
        The list, if there is one.
    revoked : iterable of int
        Serial numbers of the certificates that are revoked.
    at : datetime
        When it is judged.
    """
    if crl is None:
        return "there is none of this CA"
    if crl.next_update_utc is not None and crl.next_update_utc <= at:
        return f"it is stale since {crl.next_update_utc:%Y-%m-%d %H:%M} UTC"
    listed = {each.serial for each in revocations(crl)}
    if missing := set(revoked) - listed:
        return f"it lacks {len(missing)} revoked certificate{'s' * (len(missing) > 1)}"
    return ""
