"""Giving one's own certificates to OpenSSL: one for each kind of key, none too weak."""

from __future__ import annotations

import tempfile
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL, crypto

from leaddicom.errors import DicomErrorCode, TlsError
from leaddicom.tls.credentials import Credentials, check_strength
from leaddicom.tls.profiles import Profile
from leaddicom.tls.text import describe, printable
from leaddicom.tls.verification import Role

__all__ = ["key_kind", "set_credentials"]


def key_kind(credentials: Credentials) -> str:
    """Return which kind of key a certificate has; OpenSSL shows the one that fits the suite."""
    key = credentials.private_key
    if isinstance(key, rsa.RSAPrivateKey):
        return "RSA"
    return "EC" if isinstance(key, ec.EllipticCurvePrivateKey) else "EdDSA"


def set_credentials(
    context: SSL.Context, profile: Profile, credentials: tuple[Credentials, ...], role: Role
) -> None:
    """Have `context` show certificates of its own.

    Parameters
    ----------
    context : OpenSSL.SSL.Context
        Not used yet.
    profile : Profile
        What they must be good enough for.
    credentials : tuple of Credentials
        At most one for each kind of key.  The one that fits the suite and the peer is shown; but
        an OpenSSL client in TLS 1.2 knows only the first one.
    role : Role
        Which end it is: a server must be able to serve what the profile asks for.

    Raises
    ------
    TlsError
        With code CERTIFICATE_LOAD_FAILED: one is missing, too weak, or refused by OpenSSL.
    """
    if role is Role.SERVER:
        _require_kinds(profile, {key_kind(each) for each in credentials})
    for each in reversed(credentials):  # what is set last is what OpenSSL calls the current one
        check_strength(each, profile.name)
        _use(context, each)


def _require_kinds(profile: Profile, kinds: set[str]) -> None:
    if not kinds:
        reason = "A TLS server needs a certificate, and none is set."
        advice = "Set a certificate and its private key before listening."
    elif profile.needs_both_kinds and not kinds >= {"RSA", "EC"}:
        have, lack = ("EC", "RSA") if "EC" in kinds else ("RSA", "EC")
        if have not in kinds:
            have, lack = "EdDSA", "RSA and EC"
        reason = (
            f"A TLS server under the profile {profile.name!r} ({profile.section}) must serve "
            f"suites with RSA and with ECDSA, and its only certificate has an {have} key."
        )
        advice = f"Add one with an {lack} key (add_certificate); a client needs only one."
    else:
        return
    raise TlsError(
        DicomErrorCode.CERTIFICATE_LOAD_FAILED, f"{reason} {advice}", stage="certificate"
    )


def _use(context: SSL.Context, credentials: Credentials) -> None:
    try:
        _use_chain(context, credentials)
        context.use_privatekey(credentials.private_key)
        context.check_privatekey()
    except (SSL.Error, crypto.Error) as error:
        raise TlsError(
            DicomErrorCode.CERTIFICATE_LOAD_FAILED,
            f"OpenSSL refuses the certificate of {printable(credentials.certificate_path)}: "
            f"{error}. Have one issued that the TLS profile allows.",
            stage="certificate",
            certificate=describe(credentials.certificate),
        ) from error


def _use_chain(context: SSL.Context, credentials: Credentials) -> None:
    """Set a certificate with its chain.

    Only from a file does pyOpenSSL take a chain of one certificate; what it takes otherwise is
    sent along with every one.
    """
    chain = (credentials.certificate, *credentials.chain)
    with tempfile.TemporaryDirectory(prefix="leaddicom-") as folder:
        path = Path(folder, "chain.pem")
        path.write_bytes(b"".join(each.public_bytes(Encoding.PEM) for each in chain))
        context.use_certificate_chain_file(str(path))
