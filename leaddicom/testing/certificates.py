"""Throw-away certificates for tests, good ones and every kind of bad one.

::

    with ThrowAwayPki() as pki:
        server = pki.issue("server")
        client = pki.variant("expired")
        listen(pki.ca_file, server.certificate_file, server.key_file)

Keys are elliptic (P-256) unless asked otherwise: an RSA key of 2048 bits takes a hundred
times as long to make.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Literal

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from leaddicom.errors import ParameterError
from leaddicom.pki.authority import CLIENT_AND_SERVER
from leaddicom.pki.certificates import (
    PrivateKey,
    certificate_pem,
    new_private_key,
    now,
    private_key_pem,
    sign_certificate,
    subject_name,
)
from leaddicom.pki.files import write_file

__all__ = ["LOCAL_NAMES", "PASSWORD", "VARIANTS", "IssuedCertificate", "ThrowAwayPki"]

#: What a test's server is reached by.
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")

#: Of the key of ``variant("encrypted_key")``.
PASSWORD = "throw-away"  # noqa: S105

#: Certificates are valid from one day ago for thirty days; the root for longer on both sides,
#: so that an expired leaf lies within it and only the leaf is wrong.
_DAY = timedelta(days=1)
_ROOT_MARGIN = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class IssuedCertificate:
    """A certificate with its key, in memory and as files.

    Attributes
    ----------
    certificate_file : Path
        PEM: the certificate, then those of the intermediate CAs above it.
    key_file : Path
        PKCS#8 PEM, encrypted if there is a password.
    subject : str
        The subject as one line (RFC 4514).
    certificate : x509.Certificate
        The certificate alone.
    private_key : PrivateKey
        Its key.
    password : str or None
        Of the key file.
    chain : tuple of x509.Certificate
        The intermediate CAs above it, without the root.
    """

    certificate_file: Path
    key_file: Path
    subject: str
    certificate: x509.Certificate
    private_key: PrivateKey
    password: str | None
    chain: tuple[x509.Certificate, ...]


class ThrowAwayPki:
    """A root CA that lives as long as a test.

    Parameters
    ----------
    folder : Path, optional
        Where the files go, for example pytest's ``tmp_path``.  Without it they go to a
        temporary folder, removed by :meth:`close`, at the end of a ``with`` block, or when
        the object is collected.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or Path(tempfile.mkdtemp(prefix="leaddicom-pki-"))
        self._remove = weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        if folder is not None:
            self._remove.detach()
        #: The root CA.
        self.root = self.issue(
            "root",
            ca=True,
            self_signed=True,
            not_before=now() - _ROOT_MARGIN,
            not_after=now() + _ROOT_MARGIN,
        )

    @property
    def ca_file(self) -> Path:
        """The root's certificate as PEM: what peers have to trust."""
        return self.root.certificate_file

    def issue(
        self,
        name: str,
        *,
        not_before: datetime | None = None,
        not_after: datetime | None = None,
        san: Iterable[str] = LOCAL_NAMES,
        eku: Sequence[x509.ObjectIdentifier] = CLIENT_AND_SERVER,
        key: Literal["ec", "rsa"] = "ec",
        key_size: int | None = None,
        password: str | None = None,
        issuer: IssuedCertificate | None = None,
        self_signed: bool = False,
        ca: bool = False,
    ) -> IssuedCertificate:
        """Issue a certificate and write its files.

        Parameters
        ----------
        name : str
            Common name, and stem of the files' names; a second one of the same name gets
            files of its own.
        not_before, not_after : datetime, optional
            Validity, with a time zone; from yesterday for thirty days unless given.
        san : iterable of str
            Host names and IP addresses; those of this computer's loopback unless given.
        eku : sequence of ObjectIdentifier
            Purposes; TLS server and client unless given.
        key : {"ec", "rsa"}
            Kind of the key.
        key_size : int, optional
            Bits; 256 (EC) or 2048 (RSA) unless given.
        password : str, optional
            Encrypts the key file.
        issuer : IssuedCertificate, optional
            The CA that signs it; the root unless given.
        self_signed : bool
            Whether it signs itself.
        ca : bool
            Whether it is a CA itself, to be an `issuer`; `san` and `eku` are then left out.

        Raises
        ------
        ParameterError
            If `name` cannot be a file's name, or the key, a host name or the validity cannot
            be.
        """
        if Path(name).name != name:
            raise ParameterError(f"{name!r} cannot be the stem of a file's name.")
        private_key = new_private_key(key, key_size)
        signer = None if self_signed else issuer or self.root
        certificate = sign_certificate(
            subject_name(name, "leaddicom throw-away PKI"),
            private_key.public_key(),
            private_key if signer is None else signer.private_key,
            issuer=None if signer is None else signer.certificate,
            not_before=not_before or now() - _DAY,
            not_after=not_after or now() + 30 * _DAY,
            ca=ca,
            san=() if ca else san,
            eku=() if ca else eku,
        )
        chain = _chain(signer)
        certificate_file, key_file = self._free_files(name)
        write_file(key_file, private_key_pem(private_key, password), private=True)
        write_file(certificate_file, b"".join(map(certificate_pem, (certificate, *chain))))
        subject = certificate.subject.rfc4514_string()
        return IssuedCertificate(
            certificate_file, key_file, subject, certificate, private_key, password, chain
        )

    def variant(self, name: str) -> IssuedCertificate:
        """Issue a certificate that is special in one way; all else about it is right.

        Parameters
        ----------
        name : str
            One of :data:`VARIANTS`, which also tells what is special.

        Raises
        ------
        ParameterError
            If there is no such variant.
        """
        if name not in _TABLE:
            known = ", ".join(_TABLE)
            raise ParameterError(f"There is no variant {name!r}: take one of {known}.")
        _, make = _TABLE[name]
        return make(self)

    def close(self) -> None:
        """Remove the files, if they are in a temporary folder of this object's own."""
        self._remove()

    def __enter__(self) -> ThrowAwayPki:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _free_files(self, name: str) -> tuple[Path, Path]:
        stem, number = name, 1
        while (self.folder / f"{stem}.pem").exists():
            number += 1
            stem = f"{name}-{number}"
        return self.folder / f"{stem}.pem", self.folder / f"{stem}.key"


def _chain(signer: IssuedCertificate | None) -> tuple[x509.Certificate, ...]:
    if signer is None or signer.certificate.issuer == signer.certificate.subject:
        return ()
    return (signer.certificate, *signer.chain)


def _other_ca(pki: ThrowAwayPki) -> IssuedCertificate:
    issuer = pki.issue("other-root", ca=True, self_signed=True)
    return pki.issue("other_ca", issuer=issuer)


_TABLE: Mapping[str, tuple[str, Callable[[ThrowAwayPki], IssuedCertificate]]] = {
    "expired": (
        "its validity ended yesterday",
        lambda pki: pki.issue("expired", not_before=now() - 30 * _DAY, not_after=now() - _DAY),
    ),
    "not_yet_valid": (
        "its validity begins tomorrow",
        lambda pki: pki.issue("not_yet_valid", not_before=now() + _DAY),
    ),
    "other_ca": ("a CA that nobody trusts issued it", _other_ca),
    "self_signed": (
        "it signed itself",
        lambda pki: pki.issue("self_signed", self_signed=True),
    ),
    "wrong_host": (
        "its SubjectAlternativeName has wrong.example only",
        lambda pki: pki.issue("wrong_host", san=["wrong.example"]),
    ),
    "no_san": (
        "it has no SubjectAlternativeName; the common name is localhost",
        lambda pki: pki.issue("localhost", san=[]),
    ),
    "no_eku": (
        "it has no ExtendedKeyUsage",
        lambda pki: pki.issue("no_eku", eku=[]),
    ),
    "any_eku": (
        "its ExtendedKeyUsage has anyExtendedKeyUsage only",
        lambda pki: pki.issue("any_eku", eku=[ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]),
    ),
    "server_only": (
        "its ExtendedKeyUsage has serverAuth only",
        lambda pki: pki.issue("server_only", eku=[ExtendedKeyUsageOID.SERVER_AUTH]),
    ),
    "client_only": (
        "its ExtendedKeyUsage has clientAuth only",
        lambda pki: pki.issue("client_only", eku=[ExtendedKeyUsageOID.CLIENT_AUTH]),
    ),
    "rsa_1024": (
        "its key is RSA with 1024 bits",
        lambda pki: pki.issue("rsa_1024", key="rsa", key_size=1024),
    ),
    "encrypted_key": (
        "its key file is encrypted with PASSWORD",
        lambda pki: pki.issue("encrypted_key", password=PASSWORD),
    ),
}

#: Name of each variant, and what is special about it.
VARIANTS: Mapping[str, str] = {name: text for name, (text, _) in _TABLE.items()}
