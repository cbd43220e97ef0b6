"""Issuing certificates, and issuing them anew before they expire."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from leaddicom.errors import DicomErrorCode, ParameterError, TlsError
from leaddicom.pki.authority import BACKDATE, CLIENT_AND_SERVER, CertificateAuthority, IssuedPair
from leaddicom.pki.certificates import (
    PrivateKey,
    PublicKey,
    alternative_names,
    certificate_pem,
    is_encrypted,
    load_private_key,
    new_private_key,
    now,
    purposes,
)
from leaddicom.pki.files import is_file_name, write_file
from leaddicom.pki.folder import PkiFolder
from leaddicom.pki.records import ROLES, Record, current, with_name

__all__ = ["CertificateRequest", "IssuedFiles", "issue", "renew"]

#: Fewer bits are refused by TLS libraries of today, more take minutes to make.
# Reasons that are about the key, and not only about one certificate of it.
_KEY_IS_LOST = (x509.ReasonFlags.key_compromise, x509.ReasonFlags.ca_compromise)

_RSA_BITS = range(2048, 8193)

_EKU = {
    "server": (ExtendedKeyUsageOID.SERVER_AUTH,),
    "client": (ExtendedKeyUsageOID.CLIENT_AUTH,),
    "both": CLIENT_AND_SERVER,
}

# Labels of letters, digits, '-' and '_'; a last one of digits alone would be an IP address.
_HOST_NAME = re.compile(r"(?!(?:.*\.)?\d+$)(?:\*\.)?\w[\w-]*(?:\.\w[\w-]*)*", re.ASCII)


@dataclass(frozen=True, slots=True)
class CertificateRequest:
    """What is to be issued.

    Attributes
    ----------
    name : str
        Common name, and name of the files.
    purpose : {"both", "server", "client"}
        For what; what is for both is kept with the servers.
    san : tuple of str
        Host names and IP addresses under which it is reached; a server needs one.
    key_type : {"rsa", "ec"}
        Kind of the new key.
    key_size : int, optional
        Its bits: 2048 (RSA) or 256 (EC) unless given.
    lifetime : timedelta
        How long it is valid.
    """

    name: str
    purpose: Literal["both", "server", "client"] = "both"
    san: tuple[str, ...] = ()
    key_type: Literal["rsa", "ec"] = "rsa"
    key_size: int | None = None
    lifetime: timedelta = timedelta(days=365)

    def __post_init__(self) -> None:
        if not is_file_name(self.name):
            raise ParameterError(
                f"{self.name!r} cannot name a certificate and its files: use ASCII letters, "
                "digits and '_', and between them also '.', '-' and spaces."
            )
        for name in self.san:
            if not _is_address(name) and _HOST_NAME.fullmatch(name) is None:
                raise ParameterError(
                    f"{name!r} is neither a host name in its ASCII form (IDNA) nor an IP "
                    "address: give for example pacs.example or 192.0.2.1, without a prefix."
                )
        if self.purpose != "client" and not self.san:
            raise ParameterError(
                f"The server {self.name!r} needs a host name or an IP address: clients compare "
                "the certificate with what they connect to (SubjectAlternativeName) and would "
                "refuse it. Name the host, or ask for a client's certificate."
            )
        if self.key_type == "rsa" and (self.key_size or 2048) not in _RSA_BITS:
            raise ParameterError(
                f"An RSA key for TLS has {_RSA_BITS[0]} to {_RSA_BITS[-1]} bits, not "
                f"{self.key_size}: fewer are too weak, more too slow."
            )

    @property
    def role(self) -> str:
        """Under which folder the files are."""
        return "client" if self.purpose == "client" else "server"


@dataclass(frozen=True, slots=True)
class IssuedFiles:
    """A certificate that was issued, or that a renewal has left as it is.

    Attributes
    ----------
    record : Record
        The certificate.
    certificate_file, key_file : Path
        Where it and its key are.
    new : bool
        Whether it is new.
    former : tuple of Record
        Certificates of the same name that stay valid beside it.
    """

    record: Record
    certificate_file: Path
    key_file: Path
    new: bool = True
    former: tuple[Record, ...] = ()


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


# ---------------------------------------------------------------------------------- issuing


def issue(
    pki: PkiFolder,
    request: CertificateRequest,
    *,
    password: str | None = None,
    ca_password: str | None = None,
    force: bool = False,
    at: datetime | None = None,
) -> IssuedFiles:
    """Issue a certificate with a key of its own.

    Parameters
    ----------
    pki : PkiFolder
        Where the authority is, and the files go.
    request : CertificateRequest
        What to issue.
    password : str, optional
        Encrypts the key.
    ca_password : str, optional
        Of the authority's key.
    force : bool
        Whether files that are there are replaced; copies of them end in ``.old``.
    at : datetime, optional
        When it is issued; now unless given.

    Raises
    ------
    ParameterError
        If the name is taken.
    TlsError
        If the authority cannot be used.
    DicomError
        If files cannot be written.
    """
    pki.require()
    with pki.changing():
        authority = pki.authority(ca_password, at)
        records = pki.records(authority.certificate)
        _refuse_taken_name(pki, request, force)
        pair = authority.issue(
            request.name,
            san=request.san,
            eku=_EKU[request.purpose],
            private_key=new_private_key(request.key_type, request.key_size),
            lifetime=request.lifetime,
            at=at,
        )
        record = Record(request.name, request.role, pair.certificate)
        return _hand_over(pki, authority, records, record, pair, password, at)


def _refuse_taken_name(pki: PkiFolder, request: CertificateRequest, force: bool) -> None:
    for role in ROLES:
        there = [file for file in pki.files(role, request.name) if file.exists()]
        if there and role != request.role:
            raise ParameterError(
                f"{request.name} is the name of a {role} already ({there[0]}), and one name for "
                "two certificates is confusing. Take another name, or delete those files."
            )
        if there and not force:
            raise ParameterError(
                f"{there[0]} is there already. Renew the certificate, take another name, or "
                "use --force to replace it; copies of the files will end in .old."
            )


def _hand_over(
    pki: PkiFolder,
    authority: CertificateAuthority,
    records: list[Record],
    record: Record,
    pair: IssuedPair | None,
    password: str | None,
    at: datetime | None,
) -> IssuedFiles:
    """Record a certificate, then write its file, and that of the key if it is new."""
    time = at or now()
    former = [
        each
        for each in records
        if each.name == record.name and each.revocation is None and each.not_after > time
    ]
    # First of all recorded: what exists can be revoked.
    records.append(record)
    pki.save(authority.certificate, records)
    certificate_file, key_file = pki.files(record.role, record.name)
    if pair is None:
        pki.keep(certificate_file)
        write_file(certificate_file, certificate_pem(record.certificate))
    else:
        pki.keep(certificate_file, key_file)
        pair.save(certificate_file, key_file, password)
    return IssuedFiles(record, certificate_file, key_file, former=tuple(former))


# --------------------------------------------------------------------------------- renewing


def renew(
    pki: PkiFolder,
    name: str | None,
    *,
    within: timedelta | None = None,
    lifetime: timedelta | None = None,
    new_key: bool = False,
    password: str | None = None,
    ca_password: str | None = None,
    at: datetime | None = None,
) -> list[IssuedFiles]:
    """Issue certificates anew, with the same names and purposes.

    Parameters
    ----------
    pki : PkiFolder
        Where the authority is, and the files are.
    name : str or None
        Whose certificate; None for everybody's that is not revoked.
    within : timedelta, optional
        Renew only what expires within this time.
    lifetime : timedelta, optional
        How long the new ones are valid; as long as the former ones unless given.
    new_key : bool
        Whether to make new keys, of the same kind and size; else the keys stay as they are,
        wherever they are.
    password : str, optional
        Encrypts the new keys.
    ca_password : str, optional
        Of the authority's key.
    at : datetime, optional
        When they are issued; now unless given.

    Raises
    ------
    ParameterError
        If there is no such certificate, it was revoked and is to keep its key, or a key that
        was encrypted would not be so any more.
    TlsError
        If the authority cannot be used.
    DicomError
        If files cannot be written.
    """
    pki.require()
    with pki.changing():
        authority = pki.authority(ca_password, at)
        records = pki.records(authority.certificate)
        chosen = _to_renew(records, name, within, at or now())
        for record, due in chosen:
            if due:
                _refuse_renewal(pki, record, records, new_key, password)
        done = []
        for record, due in chosen:
            if not due:
                files = pki.files(record.role, record.name)
                done.append(IssuedFiles(record, *files, new=False))
                continue
            renewed, pair = _renewed(authority, record, new_key, lifetime, at)
            done.append(_hand_over(pki, authority, records, renewed, pair, password, at))
        return done


def _to_renew(
    records: Sequence[Record], name: str | None, within: timedelta | None, time: datetime
) -> list[tuple[Record, bool]]:
    """Return the certificates asked for, and whether they are due."""
    if name is None:
        chosen = [record for record in current(records) if record.revocation is None]
    else:
        chosen = [with_name(records, name)[-1]]
    return [(record, within is None or record.not_after - time <= within) for record in chosen]


def _refuse_renewal(
    pki: PkiFolder,
    record: Record,
    records: Sequence[Record],
    new_key: bool,
    password: str | None,
) -> None:
    key = record.certificate.public_key()
    for each in records:
        lost = each.revocation is not None and each.revocation.reason in _KEY_IS_LOST
        if lost and not new_key and each.certificate.public_key() == key:
            raise ParameterError(
                f"The key of {record.name} was revoked as compromised, with its certificate "
                f"{each.certificate.serial_number:X}: use --new-key, and revoke the certificates "
                "that still have the old one (leaddicom pki revoke NAME)."
            )
    if record.revocation is not None and not new_key:
        raise ParameterError(
            f"The certificate of {record.name} was revoked on {record.revocation.date:%Y-%m-%d} "
            f"({record.revocation.reason.value}), and its key with it: use --new-key."
        )
    key_file = pki.files(record.role, record.name)[1]
    if new_key and password is None and is_encrypted(key_file):
        raise ParameterError(
            f"The key {key_file} is encrypted, and the new one would not be: give a password "
            "for it."
        )
    if new_key or is_encrypted(key_file) or not key_file.exists():
        return  # there is nothing to look at
    if load_private_key(key_file).public_key() != record.certificate.public_key():
        raise TlsError(
            DicomErrorCode.KEYS_MISMATCH,
            f"{key_file} is not the key of the certificate that {record.name} was given last. "
            "Put the right key back, or use --new-key.",
            stage="private key",
        )


def _renewed(
    authority: CertificateAuthority,
    record: Record,
    new_key: bool,
    lifetime: timedelta | None,
    at: datetime | None,
) -> tuple[Record, IssuedPair | None]:
    former = record.certificate
    if lifetime is None:
        lifetime = former.not_valid_after_utc - former.not_valid_before_utc - BACKDATE
    public_key = _public_key(record)
    private_key = _key_like(public_key) if new_key else None
    certificate = authority.certify(
        record.name,
        public_key if private_key is None else private_key.public_key(),
        san=alternative_names(former),
        eku=purposes(former) or CLIENT_AND_SERVER,
        lifetime=lifetime,
        at=at,
    )
    pair = None if private_key is None else IssuedPair(certificate, private_key)
    return Record(record.name, record.role, certificate), pair


def _public_key(record: Record) -> PublicKey:
    key = record.certificate.public_key()
    if isinstance(key, PublicKey):
        return key
    raise ParameterError(
        f"The key of {record.name} is neither an RSA nor an EC key; such a certificate cannot "
        "be renewed here. Issue a new one."
    )


def _key_like(key: PublicKey) -> PrivateKey:
    return new_private_key(
        "ec" if isinstance(key, ec.EllipticCurvePublicKey) else "rsa", key.key_size
    )
