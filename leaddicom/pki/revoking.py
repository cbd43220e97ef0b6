"""Revoking certificates, and publishing which ones are revoked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from leaddicom.errors import ParameterError
from leaddicom.pki.certificates import issued_by, load_certificate, now, purposes
from leaddicom.pki.files import is_file_name
from leaddicom.pki.folder import CRL_LIFETIME, PkiFolder
from leaddicom.pki.records import Record, with_name
from leaddicom.pki.revocation import Revocation

__all__ = ["RevokedCertificate", "revoke", "update_crl"]


@dataclass(frozen=True, slots=True)
class RevokedCertificate:
    """A certificate that is revoked.

    Attributes
    ----------
    record : Record
        The certificate, with date and reason.
    revocation : Revocation
        Date and reason.
    new : bool
        Whether it was not revoked before.
    """

    record: Record
    revocation: Revocation
    new: bool


def revoke(
    pki: PkiFolder,
    what: str,
    *,
    reason: x509.ReasonFlags = x509.ReasonFlags.unspecified,
    lifetime: timedelta = CRL_LIFETIME,
    ca_password: str | None = None,
    at: datetime | None = None,
) -> list[RevokedCertificate]:
    """Revoke certificates, and make a new revocation list.

    What is revoked already stays so, with its date and reason.

    Parameters
    ----------
    pki : PkiFolder
        Where the authority is.
    what : str
        Name of a program, for all its certificates that have not expired, as a renewed one may
        have the same key; or a serial number in hexadecimal digits, or a certificate's file,
        for one certificate.
    reason : x509.ReasonFlags
        Why.
    lifetime : timedelta
        How long the new list counts.
    ca_password : str, optional
        Of the authority's key.
    at : datetime, optional
        When; now unless given.

    Raises
    ------
    ParameterError
        If there is no such certificate, or it is not this authority's.
    TlsError
        If the authority or the file cannot be used.
    DicomError
        If files cannot be written.
    """
    pki.require()
    time = at or now()
    with pki.changing():
        authority = pki.authority(ca_password, at)
        records = pki.records(authority.certificate)
        done = []
        for record in _chosen(records, what, authority.certificate, time):
            revocation = record.revocation or Revocation(record.serial, time, reason)
            revoked = replace(record, revocation=revocation)
            done.append(RevokedCertificate(revoked, revocation, record.revocation is None))
            if record in records:
                records[records.index(record)] = revoked
            else:
                records.insert(0, revoked)  # whatever its program has now, it is another one
        pki.save(authority.certificate, records)
        pki.write_crl(authority, records, lifetime=lifetime, at=time)
        return done


def _chosen(
    records: Sequence[Record], what: str, ca: x509.Certificate, time: datetime
) -> list[Record]:
    if named := [record for record in records if record.name == what]:
        return [record for record in named if record.not_after > time] or named[-1:]
    serial = _serial(what)
    if found := [record for record in records if record.serial == serial]:
        return found
    if Path(what).is_file():
        return [_from_file(records, Path(what), ca)]
    return with_name(records, what)  # which tells the names there are


def _serial(text: str) -> int | None:
    """Read a serial number as OpenSSL and viewers write it: 4a3f, 0x4A3F, 4A:3F."""
    try:
        return int(text.replace(":", ""), 16)
    except ValueError:
        return None


def _from_file(records: Sequence[Record], file: Path, ca: x509.Certificate) -> Record:
    certificate = load_certificate(file)
    for record in records:
        if record.certificate == certificate:
            return record
    if certificate == ca:
        raise ParameterError(
            f"{file} is the CA's own certificate, which no list of its own can revoke: have "
            "every peer stop trusting it, and make another CA."
        )
    if not issued_by(certificate, ca):
        raise ParameterError(
            f"{file} was issued by another CA, {certificate.issuer.rfc4514_string()}: only "
            "that one can revoke it."
        )
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    name = str(names[0].value) if names else ""
    only_client = purposes(certificate) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    role = "client" if only_client else "server"
    return Record(name if is_file_name(name) else "unnamed", role, certificate)


def update_crl(
    pki: PkiFolder,
    *,
    lifetime: timedelta = CRL_LIFETIME,
    ca_password: str | None = None,
    at: datetime | None = None,
) -> x509.CertificateRevocationList:
    """Make a new revocation list, before the former one gets stale.

    Parameters
    ----------
    pki : PkiFolder
        Where the authority is.
    lifetime : timedelta
        How long the new list counts.
    ca_password : str, optional
        Of the authority's key.
    at : datetime, optional
        From when on; now unless given.

    Raises
    ------
    ParameterError
        If there is no authority.
    TlsError
        If it cannot be used.
    DicomError
        If files cannot be written.
    """
    pki.require()
    with pki.changing():
        authority = pki.authority(ca_password, at)
        records = pki.records(authority.certificate)
        pki.save(authority.certificate, records)
        return pki.write_crl(authority, records, lifetime=lifetime, at=at)
