"""The development PKI: the folder of certificates that the samples use."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path

from leaddicom.errors import DicomError, DicomErrorCode, TlsError
from leaddicom.pki.authority import CertificateAuthority
from leaddicom.pki.certificates import (
    PrivateKey,
    certificate_pem,
    load_certificate,
    load_private_key,
    one_line,
    validity_flaw,
)
from leaddicom.pki.files import locked, make_folder, write_file

__all__ = ["CertificateState", "PkiEntry", "init_development_pki"]

#: Seconds that a second ``init`` waits for the first, which makes seven RSA keys.
LOCK_TIMEOUT = 120.0

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


def init_development_pki(folder: Path, *, lock_timeout: float = LOCK_TIMEOUT) -> list[PkiEntry]:
    """Make the development PKI, or what is missing or no longer valid of it.

    What is there and valid is kept as it is.  A leaf that expired, that another CA issued, or
    whose key cannot be used is renewed; its files are kept beside the new ones with the
    ending ``.old``.  The root is made once and never replaced.

    Parameters
    ----------
    folder : Path
        Where ``rootCA/``, ``servers/`` and ``clients/`` lie or are to lie.
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
    try:
        make_folder(folder)
        with locked(folder, lock_timeout):
            authority, root = _root(folder)
            leaves = [("server", name) for name in SERVERS] + [("client", name) for name in CLIENTS]
            san = _local_names()
            return [root, *(_leaf(folder, authority, role, name, san) for role, name in leaves)]
    except OSError as error:
        raise DicomError(
            DicomErrorCode.WRITE,
            f"The development PKI in {folder} cannot be made: {one_line(error)} "
            f"({error.filename or folder}). Name a folder that you may write to.",
        ) from error


def _root(folder: Path) -> tuple[CertificateAuthority, PkiEntry]:
    certificate_file, key_file = _pair_of_files(folder / "rootCA" / "rootCA")
    state, reason = CertificateState.MADE, ""
    try:
        if certificate_file.exists():
            authority = _load_root(certificate_file, key_file)
            state, reason = CertificateState.KEPT, _key_advice(key_file)
        elif key_file.exists():
            # The same key and name give a root that what was issued before still chains to.
            reason = f"{certificate_file.name} was missing and was made again from its key"
            authority = _new_root(load_private_key(key_file))
            write_file(certificate_file, certificate_pem(authority.certificate))
        else:
            authority = _new_root()
            authority.pair.save(certificate_file, key_file)
    except TlsError as error:
        remedy = (
            f"To start anew, delete {folder / 'rootCA'} and run `leaddicom pki init` again: it "
            f"makes a new CA, which every peer then has to trust, and renews its certificates."
        )
        raise TlsError(error.code, f"{error.message} {remedy}", stage=error.stage) from error
    expiry = authority.certificate.not_valid_after_utc
    return authority, PkiEntry("rootCA", "CA", certificate_file, key_file, state, reason, expiry)


def _new_root(key: PrivateKey | None = None) -> CertificateAuthority:
    return CertificateAuthority.create(CA_COMMON_NAME, ORGANIZATION, private_key=key)


def _load_root(certificate_file: Path, key_file: Path) -> CertificateAuthority:
    if not key_file.exists():
        raise TlsError(
            DicomErrorCode.PRIVATE_KEY_LOAD_FAILED,
            f"The CA certificate {certificate_file} is there but its key {key_file} is missing; "
            "nothing can be issued with it. Put the key back if you have it.",
            stage="private key",
        )
    return CertificateAuthority.load(certificate_file, key_file)


def _leaf(
    folder: Path, authority: CertificateAuthority, role: str, name: str, san: list[str]
) -> PkiEntry:
    certificate_file, key_file = _pair_of_files(folder / f"{role}s" / name / name)
    missing = [path for path in (certificate_file, key_file) if not path.exists()]
    if missing:
        state = CertificateState.MADE
        reason = f"{missing[0].name} was missing" if len(missing) == 1 else ""
    else:
        flaw = _leaf_flaw(authority, certificate_file, key_file)
        state = CertificateState.KEPT if flaw is None else CertificateState.RENEWED
        reason = _key_advice(key_file) if flaw is None else flaw
    if state is CertificateState.KEPT:
        certificate = load_certificate(certificate_file)
    else:
        pair = authority.issue(name, san=san)
        _set_aside(certificate_file, key_file)
        pair.save(certificate_file, key_file)
        certificate = pair.certificate
    expiry = certificate.not_valid_after_utc
    return PkiEntry(name, role, certificate_file, key_file, state, reason, expiry)


def _leaf_flaw(
    authority: CertificateAuthority, certificate_file: Path, key_file: Path
) -> str | None:
    try:
        certificate = load_certificate(certificate_file)
        key = load_private_key(key_file)
    except TlsError as error:
        if isinstance(error.__cause__, OSError):
            raise  # to be told, not to be replaced
        return error.message.rstrip(".")
    if certificate.public_key() != key.public_key():
        return "its key did not fit"
    if not authority.issued(certificate):
        return "it was issued by another CA"
    flaw = validity_flaw(certificate)
    return None if flaw is None else f"it {flaw}"


def _pair_of_files(stem: Path) -> tuple[Path, Path]:
    return stem.with_name(f"{stem.name}.pem"), stem.with_name(f"{stem.name}.key")


def _set_aside(*paths: Path) -> None:
    # What is renewed may be somebody's own key, put here by hand.
    for path in paths:
        if path.exists():
            path.replace(path.with_name(f"{path.name}.old"))


def _key_advice(key_file: Path) -> str:
    if os.name == "posix" and key_file.exists() and key_file.stat().st_mode & 0o077:
        return f"others may read its key; run: chmod 600 {key_file}"
    return ""


def _local_names() -> list[str]:
    names = ["localhost", "127.0.0.1", "::1"]
    try:
        host = socket.gethostname().encode("idna").decode("ascii")
    except UnicodeError:  # no host name that a certificate could carry
        host = ""
    return names if host in {"", *names} else [*names, host]
