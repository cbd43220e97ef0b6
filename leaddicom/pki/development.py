"""The development PKI: the folder of certificates that the samples use."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path

from leaddicom.errors import DicomErrorCode, TlsError
from leaddicom.pki.authority import CertificateAuthority
from leaddicom.pki.certificates import (
    PrivateKey,
    certificate_pem,
    is_encrypted,
    load_certificate,
    load_private_key,
    now,
    private_key_pem,
    validity_flaw,
)
from leaddicom.pki.files import make_folder, write_file
from leaddicom.pki.folder import LOCK_TIMEOUT, PkiFolder
from leaddicom.pki.records import Record
from leaddicom.pki.revocation import crl_flaw

__all__ = ["CertificateState", "PkiEntry", "init_development_pki", "local_names"]

ORGANIZATION = "leaddicom development PKI - not for production"
CA_COMMON_NAME = "leaddicom development root CA"

SERVERS = ("worklistmanager", "archive")
CLIENTS = ("workitemcreator", "workitemperformer", "workitemwatcher", "modality")


class CertificateState(Enum):
    """What :func:`init_development_pki` did with a certificate."""

    MADE = "made"
    KEPT = "kept"
    RENEWED = "renewed"


@dataclass(frozen=True, slots=True)
class PkiEntry:
    """One certificate of the development PKI.

    Attributes
    ----------
    name : str
        Common name of a leaf, ``"rootCA"`` for the root.
    role : str
        ``"CA"``, ``"server"`` or ``"client"``: where it lies and what it is meant for.
    certificate_file, key_file : Path
        The two PEM files.
    state : CertificateState
        What was done with it.
    reason : str
        Why it was made again or renewed, or what is to be done; else empty.
    not_after : datetime
        When it expires.
    """

    name: str
    role: str
    certificate_file: Path
    key_file: Path
    state: CertificateState
    reason: str
    not_after: datetime


def init_development_pki(
    folder: Path, *, ca_password: str | None = None, lock_timeout: float = LOCK_TIMEOUT
) -> list[PkiEntry]:
    """Make the development PKI, or what is missing or no longer valid of it.

    What is there and valid is kept as it is.  A leaf that expired, that another CA issued, or
    whose key cannot be used is renewed; its files are kept beside the new ones with the
    ending ``.old``.  The root is made once and never replaced.  The revocation list is made
    when there is none or it is stale.

    Parameters
    ----------
    folder : Path
        Where ``rootCA/``, ``servers/`` and ``clients/`` lie or are to lie.
    ca_password : str, optional
        Of the root's key: encrypts it if it is new or not encrypted yet.
    lock_timeout : float
        Seconds to wait for another process that does the same.

    Returns
    -------
    list of PkiEntry
        The root, the servers and the clients.

    Raises
    ------
    TlsError
        If the root expired, has lost its key, or cannot be read.
    DicomError
        If another process held the lock too long, or files cannot be written.
    """
    pki = PkiFolder(folder, lock_timeout=lock_timeout)
    with pki.writing():
        make_folder(folder)
    with pki.changing():
        authority, root = _root(pki, ca_password)
        records = pki.records(authority.certificate)
        leaves = [("server", name) for name in SERVERS] + [("client", name) for name in CLIENTS]
        san = local_names()
        entries = [_leaf(pki, authority, records, role, name, san) for role, name in leaves]
        pki.save(authority.certificate, records)
        revoked = [each.serial for each in records if each.revocation]
        if crl_flaw(pki.crl(authority.certificate), revoked, now()):
            pki.write_crl(authority, records)
        return [root, *entries]


def _root(pki: PkiFolder, password: str | None) -> tuple[CertificateAuthority, PkiEntry]:
    certificate_file, key_file = pki.ca_certificate_file, pki.ca_key_file
    state, reason = CertificateState.MADE, ""
    try:
        if certificate_file.exists():
            state, reason = CertificateState.KEPT, pki.advice(key_file)
            encrypted = is_encrypted(key_file)
            authority = pki.authority(password if encrypted else None)
            if password is not None and not encrypted:
                write_file(
                    key_file, private_key_pem(authority.pair.private_key, password), private=True
                )
                reason = "its key was encrypted"
        elif key_file.exists():
            # The same key and name give a root that what was issued before still chains to.
            reason = f"{certificate_file.name} was missing and was made again from its key"
            encrypted = is_encrypted(key_file)
            authority = _new_root(load_private_key(key_file, password if encrypted else None))
            write_file(certificate_file, certificate_pem(authority.certificate))
        else:
            authority = _new_root()
            authority.pair.save(certificate_file, key_file, password)
    except TlsError as error:
        if is_encrypted(key_file) and error.code == DicomErrorCode.PRIVATE_KEY_LOAD_FAILED:
            raise  # it lacks no more than its password
        remedy = (
            f"To start anew, delete {pki.folder / 'rootCA'} and run `leaddicom pki init` again: it "
            f"makes a new CA, which every peer then has to trust, and renews its certificates."
        )
        raise TlsError(error.code, f"{error.message} {remedy}", stage=error.stage) from error
    expiry = authority.certificate.not_valid_after_utc
    return authority, PkiEntry("rootCA", "CA", certificate_file, key_file, state, reason, expiry)


def _new_root(key: PrivateKey | None = None) -> CertificateAuthority:
    return CertificateAuthority.create(CA_COMMON_NAME, ORGANIZATION, private_key=key)


def _leaf(
    pki: PkiFolder,
    authority: CertificateAuthority,
    records: list[Record],
    role: str,
    name: str,
    san: list[str],
) -> PkiEntry:
    certificate_file, key_file = pki.files(role, name)
    missing = [path for path in (certificate_file, key_file) if not path.exists()]
    if missing:
        state = CertificateState.MADE
        reason = f"{missing[0].name} was missing" if len(missing) == 1 else ""
    else:
        flaw = _leaf_flaw(authority, certificate_file, key_file)
        state = CertificateState.KEPT if flaw is None else CertificateState.RENEWED
        reason = pki.advice(key_file) if flaw is None else flaw
    if state is CertificateState.KEPT:
        certificate = load_certificate(certificate_file)
        reason = _revoked(records, certificate.serial_number) or reason
    else:
        pair = authority.issue(name, san=san)
        records.append(Record(name, role, pair.certificate))
        pki.save(authority.certificate, records)
        pki.keep(certificate_file, key_file)
        pair.save(certificate_file, key_file)
        certificate = pair.certificate
    expiry = certificate.not_valid_after_utc
    return PkiEntry(name, role, certificate_file, key_file, state, reason, expiry)


def _revoked(records: list[Record], serial: int) -> str:
    # Somebody wanted that: to issue a new one is theirs, too.
    for record in records:
        if record.serial == serial and record.revocation is not None:
            return (
                f"it was revoked on {record.revocation.date:%Y-%m-%d}; for a new one run: "
                f"leaddicom pki renew {record.name} --new-key"
            )
    return ""


def _leaf_flaw(
    authority: CertificateAuthority, certificate_file: Path, key_file: Path
) -> str | None:
    try:
        certificate = load_certificate(certificate_file)
        # Its password is its owner's; whether it fits cannot be seen.
        key = None if is_encrypted(key_file) else load_private_key(key_file)
    except TlsError as error:
        if isinstance(error.__cause__, OSError):
            raise  # to be told, not to be replaced
        return error.message.rstrip(".")
    if key is not None and certificate.public_key() != key.public_key():
        return "its key did not fit"
    if not authority.issued(certificate):
        return "it was issued by another CA"
    flaw = validity_flaw(certificate)
    return None if flaw is None else f"it {flaw}"


def local_names() -> list[str]:
    """Return this computer's names and addresses as far as its own programs use them."""
    names = ["localhost", "127.0.0.1", "::1"]
    try:
        host = socket.gethostname().encode("idna").decode("ascii")
    except UnicodeError:  # no host name that a certificate could carry
        host = ""
    return names if host in {"", *names} else [*names, host]
