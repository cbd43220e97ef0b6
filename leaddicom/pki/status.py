"""What a certificate authority has issued, and what is due."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path

from cryptography import x509

from leaddicom.errors import TlsError
from leaddicom.pki.certificates import load_certificate, now, serial_text
from leaddicom.pki.folder import PkiFolder
from leaddicom.pki.records import Record, current
from leaddicom.pki.revocation import Revocation, crl_flaw, crl_number, revocations

__all__ = ["CertificateStatus", "Condition", "CrlStatus", "PkiStatus", "pki_status"]


class Condition(Enum):
    """How it stands with a certificate."""

    VALID = "valid"
    EXPIRING = "expiring"
    EXPIRED = "expired"
    REVOKED = "revoked"
    #: Valid, but its program was given another one since.
    REPLACED = "replaced"


@dataclass(frozen=True, slots=True)
class CertificateStatus:
    """How it stands with one certificate.

    Attributes
    ----------
    name : str
        Common name of a program's; ``"rootCA"`` for the authority's own.
    role : str
        ``"CA"``, ``"server"`` or ``"client"``.
    condition : Condition
        How it stands.
    certificate : x509.Certificate
        The certificate.
    days_left : int
        Whole days until it expires, negative if it has.
    revocation : Revocation or None
        That it is revoked.
    certificate_file, key_file : Path
        Where they are, or were.
    note : str
        What else there is to say, and to do; else empty.
    """

    name: str
    role: str
    condition: Condition
    certificate: x509.Certificate
    days_left: int
    revocation: Revocation | None
    certificate_file: Path
    key_file: Path
    note: str


@dataclass(frozen=True, slots=True)
class CrlStatus:
    """How it stands with the revocation list.

    Attributes
    ----------
    file : Path
        Where it is, or should be.
    flaw : str
        Why it does not do; else empty.
    number : int or None
        Its number; None if there is none.
    next_update : datetime or None
        When it gets stale.
    days_left : int or None
        Whole days until then.
    revoked : int
        How many certificates it lists.
    """

    file: Path
    flaw: str
    number: int | None = None
    next_update: datetime | None = None
    days_left: int | None = None
    revoked: int = 0


@dataclass(frozen=True, slots=True)
class PkiStatus:
    """How it stands with an authority.

    Attributes
    ----------
    certificates : list of CertificateStatus
        The authority's own, then the others, oldest first; without those that are replaced or
        revoked and have expired, too.
    crl : CrlStatus
        The revocation list.
    """

    certificates: list[CertificateStatus]
    crl: CrlStatus

    @property
    def due(self) -> bool:
        """Whether there is something to do."""
        alarms = (Condition.EXPIRING, Condition.EXPIRED)
        return bool(self.crl.flaw) or any(each.condition in alarms for each in self.certificates)


def pki_status(
    pki: PkiFolder, *, within: timedelta = timedelta(days=30), at: datetime | None = None
) -> PkiStatus:
    """Look at an authority's certificates and its revocation list; nothing is changed.

    Parameters
    ----------
    pki : PkiFolder
        Where the authority is.
    within : timedelta
        How long before it expires a certificate is due.
    at : datetime, optional
        When it is judged; now unless given.

    Raises
    ------
    ParameterError
        If there is no authority.
    TlsError
        If its certificate or its list cannot be read.
    DicomError
        If the index of issued certificates cannot be read.
    """
    time = at or now()
    ca = pki.ca_certificate()
    records = pki.records(ca)
    latest = {record.serial for record in current(records)}
    files = (pki.ca_certificate_file, pki.ca_key_file)
    certificates = [
        CertificateStatus(
            "rootCA", "CA", _condition(ca, None, True, within, time), ca, _days(ca, time), None,
            *files, pki.advice(files[1]),
        )
    ]  # fmt: skip
    for record in records:
        is_latest = record.serial in latest
        over = record.not_after <= time and (record.revocation is not None or not is_latest)
        if not over:
            certificates.append(_status(pki, record, is_latest, within, time))
    return PkiStatus(certificates, _crl_status(pki, ca, records, time))


def _status(
    pki: PkiFolder, record: Record, is_latest: bool, within: timedelta, time: datetime
) -> CertificateStatus:
    certificate, files = record.certificate, pki.files(record.role, record.name)
    return CertificateStatus(
        record.name,
        record.role,
        _condition(certificate, record.revocation, is_latest, within, time),
        certificate,
        _days(certificate, time),
        record.revocation,
        *files,
        _note(pki, record, is_latest, *files),
    )


def _condition(
    certificate: x509.Certificate,
    revocation: Revocation | None,
    is_latest: bool,
    within: timedelta,
    time: datetime,
) -> Condition:
    left = certificate.not_valid_after_utc - time
    if revocation is not None:
        return Condition.REVOKED
    if not is_latest:
        return Condition.REPLACED
    if left <= timedelta():
        return Condition.EXPIRED
    return Condition.EXPIRING if left <= within else Condition.VALID


def _days(certificate: x509.Certificate, time: datetime) -> int:
    return (certificate.not_valid_after_utc - time).days


def _note(
    pki: PkiFolder, record: Record, is_latest: bool, certificate_file: Path, key_file: Path
) -> str:
    if record.revocation is not None:
        date, reason = record.revocation.date, record.revocation.reason.value
        return f"since {date:%Y-%m-%d}, {reason}"
    if not is_latest:
        return f"peers still trust it; to end that, revoke {serial_text(record.serial)}"
    if not certificate_file.exists():
        return "its file is not here"
    try:
        in_place = load_certificate(certificate_file) == record.certificate
    except TlsError:
        return "its file cannot be read"
    return pki.advice(key_file) if in_place else "its file holds another certificate"


def _crl_status(
    pki: PkiFolder, ca: x509.Certificate, records: Iterable[Record], time: datetime
) -> CrlStatus:
    crl = pki.crl(ca)
    flaw = crl_flaw(crl, (each.serial for each in records if each.revocation), time)
    if crl is None:
        return CrlStatus(pki.crl_file, flaw)
    end = crl.next_update_utc
    left = None if end is None else (end - time).days
    return CrlStatus(pki.crl_file, flaw, crl_number(crl), end, left, len(revocations(crl)))
