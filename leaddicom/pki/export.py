"""A key with its certificates as one PKCS#12 file, for Java, Windows and browsers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from leaddicom.errors import DicomErrorCode, ParameterError, TlsError
from leaddicom.pki.certificates import is_encrypted, load_certificate, load_private_key
from leaddicom.pki.files import write_file
from leaddicom.pki.folder import PkiFolder
from leaddicom.pki.records import with_name

__all__ = ["export_pkcs12"]


def export_pkcs12(
    pki: PkiFolder,
    name: str,
    file: Path,
    password: Callable[[], str | None],
    *,
    key_password: Callable[[], str | None] = lambda: None,
    force: bool = False,
) -> None:
    """Write the key of a program, its certificate and the CA's into a PKCS#12 file.

    It is encrypted with AES-256 and protected with SHA-256, as OpenSSL 3 does; Java reads
    that since 8u301 and 11.0.12.

    Parameters
    ----------
    pki : PkiFolder
        Where they are.
    name : str
        Whose; also the entry's alias in the file.
    file : Path
        Where to; only its owner can read it.
    password : callable
        Gives the password of the new file; is called when all else is known to be right.
    key_password : callable, optional
        Gives that of the key file; is called only if that is encrypted.
    force : bool
        Whether a file that is there is replaced.

    Raises
    ------
    ParameterError
        If there is no such program, there is such a file, or no password.
    TlsError
        If key or certificate cannot be used.
    DicomError
        If the file cannot be written.
    """
    ca = pki.ca_certificate()
    record = with_name(pki.records(ca), name)[-1]
    certificate_file, key_file = pki.files(record.role, name)
    if file.exists() and not force:
        raise ParameterError(f"{file} is there already. Name another file, or use --force.")
    certificate = load_certificate(certificate_file)
    key = load_private_key(key_file, key_password() if is_encrypted(key_file) else None)
    if key.public_key() != certificate.public_key():
        raise TlsError(
            DicomErrorCode.KEYS_MISMATCH,
            f"{key_file} is not the key of {certificate_file}. Put the right key back, or make "
            f"a new pair with `leaddicom pki renew {name} --new-key`.",
            stage="private key",
        )
    secret = password()
    if not secret:
        raise ParameterError(f"{file} needs a password: it would give the key to anybody.")
    data = pkcs12.serialize_key_and_certificates(
        name.encode(), key, certificate, [ca], BestAvailableEncryption(secret.encode())
    )
    with pki.writing():
        write_file(file, data, private=True)
