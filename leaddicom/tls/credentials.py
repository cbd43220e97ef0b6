"""Loading one's own certificate, its chain and its private key."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

from leaddicom.enums import CertificateType
from leaddicom.errors import DicomErrorCode, TlsError
from leaddicom.tls.profiles import DEFAULT_PROFILE, profile, weakness
from leaddicom.tls.text import describe, printable

__all__ = ["Credentials", "PrivateKey", "check_strength", "load_credentials", "load_trusted"]

_log = logging.getLogger(__name__)

PrivateKey = (
    rsa.RSAPrivateKey
    | ec.EllipticCurvePrivateKey
    | ed25519.Ed25519PrivateKey
    | ed448.Ed448PrivateKey
)

_PEM = b"-----BEGIN "
_PEM_KEY = re.compile(rb"-----BEGIN ((?:[A-Z]+ )?PRIVATE KEY)-----.+?-----END \1-----", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What one end of a connection shows of itself.

    Attributes
    ----------
    certificate : cryptography.x509.Certificate
        One's own.
    chain : tuple of cryptography.x509.Certificate
        The intermediate certificates that are sent with it, in the file's order.
    private_key : PrivateKey
        The key of `certificate`.
    certificate_path, key_path : str
        Where they came from.
    """

    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...]
    private_key: PrivateKey = field(repr=False)
    certificate_path: str
    key_path: str

    @property
    def key_bits(self) -> int:
        """Length of the key in bits; 256 for Ed25519 and 456 for Ed448 (RFC 8032 section 5)."""
        key = self.private_key
        if isinstance(key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey)):
            return key.key_size
        return 8 * len(key.public_key().public_bytes_raw())


def load_credentials(
    certificate_path: str,
    certificate_type: CertificateType,
    key_path: str | None,
    password: Callable[[], str | bytes | None],
) -> Credentials:
    """Load a certificate and its private key, and refuse what no profile allows.

    Parameters
    ----------
    certificate_path : str
        File with the certificate; a PEM file may go on with intermediate certificates and may
        hold the key.
    certificate_type : CertificateType
        Encoding of that file.  The key file's encoding is seen from its content.
    key_path : str or None
        File with the private key (PKCS#8 or the older forms); `None` if it is in the certificate
        file.
    password : callable
        Is asked once if the key is encrypted, and not otherwise.  `None` refuses.

    Raises
    ------
    TlsError
        With code CERTIFICATE_LOAD_FAILED, PRIVATE_KEY_LOAD_FAILED or KEYS_MISMATCH.
    """
    certificate, *chain = _load_certificates(certificate_path, certificate_type)
    if key_path is None and certificate_type is not CertificateType.PEM:
        raise _key_error(
            certificate_path, "a DER file holds the certificate alone", "Name the file of the key."
        )
    key_path = certificate_path if key_path is None else key_path
    key = _load_key(key_path, password)
    credentials = Credentials(certificate, tuple(chain), key, certificate_path, key_path)
    _check_pair(credentials)
    check_strength(credentials, DEFAULT_PROFILE)
    _warn_of_dates(credentials)
    return credentials


def check_strength(credentials: Credentials, profile_name: str) -> None:
    """Refuse certificates that are too weak for a profile.

    Raises
    ------
    TlsError
        With code CERTIFICATE_LOAD_FAILED.
    """
    wanted = profile(profile_name)
    for certificate in (credentials.certificate, *credentials.chain):
        reason = weakness(certificate, wanted)
        if reason is not None:
            raise _certificate_error(
                credentials.certificate_path,
                f"a certificate is too weak for the profile {wanted.name!r}: {reason}",
                "Have one issued with RSA of at least "
                f"{wanted.minimum_rsa_bits} bits or EC P-256, signed with SHA-256.",
                certificate,
            )


def load_trusted(path: str) -> list[x509.Certificate]:
    """Load the CA certificates of a PEM file.

    Raises
    ------
    TlsError
        With code CERTIFICATE_LOAD_FAILED, also if the file holds none.
    """
    return _parse_pem(path, _read(path, _certificate_error))


# --------------------------------------------------------------------- certificates


def _load_certificates(path: str, kind: CertificateType) -> list[x509.Certificate]:
    data = _read(path, _certificate_error)
    if kind is CertificateType.PEM:
        return _parse_pem(path, data)
    if data.startswith(_PEM):
        raise _certificate_error(
            path, "it is a PEM file, but was announced as DER (ASN1)", "Load it as PEM."
        )
    try:
        return [x509.load_der_x509_certificate(data)]
    except Exception as error:  # cryptography's parsers raise many kinds
        raise _certificate_error(
            path, f"it holds no DER certificate ({printable(str(error))})", _REEXPORT
        ) from error


def _parse_pem(path: str, data: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(data)
    except Exception as error:  # cryptography's parsers raise many kinds
        if data.strip() == b"":
            reason, advice = "the file is empty", "Check how it was written."
        elif _PEM not in data:
            reason, advice = "it is no PEM file", "Load a DER file as such, or convert it."
        elif b"-----BEGIN CERTIFICATE-----" not in data:
            reason, advice = "it holds no certificate", "Check that it is the right file."
        else:
            reason = f"a certificate in it is damaged ({printable(str(error))})"
            advice = _REEXPORT
        raise _certificate_error(path, reason, advice) from error


_REEXPORT = "Export it anew from where it was issued."


def _warn_of_dates(credentials: Credentials) -> None:
    now = datetime.now(timezone.utc)
    for certificate in (credentials.certificate, *credentials.chain):
        state = None
        if now > certificate.not_valid_after_utc:
            state = "has expired"
        elif now < certificate.not_valid_before_utc:
            state = "is not yet valid"
        if state is not None:
            _log.warning(
                "A certificate in %s %s, and peers will refuse it: %s",
                printable(credentials.certificate_path),
                state,
                describe(certificate),
            )


# ------------------------------------------------------------------------------ key


def _load_key(path: str, password: Callable[[], str | bytes | None]) -> PrivateKey:
    data = _read(path, _key_error)
    if _PEM in data:
        block = _PEM_KEY.search(data)
        if block is None:
            raise _key_error(path, "it holds no private key", "Name the file of the key.")
        data = block.group()
    key = _decode_key(path, data, None)
    if key is None:
        secret = password()
        if secret is None:
            raise _key_error(
                path, "it is encrypted and no password was given", "Provide its password."
            )
        key = _decode_key(path, data, secret.encode() if isinstance(secret, str) else secret)
    if not isinstance(key, PrivateKey):
        raise _key_error(
            path, "it is neither an RSA nor an EC nor an EdDSA key", "Use a key of such a kind."
        )
    return key


def _decode_key(path: str, data: bytes, password: bytes | None) -> object | None:
    """Return the key, or `None` if it is encrypted and no password was given.

    The message of an error never holds what cryptography says about a wrong password.
    """
    load = (
        serialization.load_pem_private_key
        if data.startswith(_PEM)
        else serialization.load_der_private_key
    )
    try:
        return load(data, password)
    except TypeError as error:
        if password is None:
            return None
        raise _key_error(path, "the password is empty", "Provide its password.") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        if password is not None:
            raise _key_error(
                path, "the password is wrong, or the key is damaged", "Provide the right password."
            ) from None
        raise _key_error(
            path, f"it holds no readable private key ({printable(str(error))})", _REEXPORT
        ) from error


def _check_pair(credentials: Credentials) -> None:
    try:
        expected: object = credentials.certificate.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _certificate_error(
            credentials.certificate_path,
            f"the certificate's key cannot be used ({printable(str(error))})",
            _REEXPORT,
            credentials.certificate,
        ) from error
    if expected == credentials.private_key.public_key():
        return
    raise TlsError(
        DicomErrorCode.KEYS_MISMATCH,
        f"The private key in {printable(credentials.key_path)} does not belong to the "
        f"certificate in {printable(credentials.certificate_path)} "
        f"({describe(credentials.certificate)}). Name the key that the certificate was "
        "requested with; in a file with a chain, one's own certificate stands first.",
        stage="private key",
        certificate=describe(credentials.certificate),
    )


# --------------------------------------------------------------------------- common


def _read(path: str, failure: Callable[[str, str, str], TlsError]) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise failure(path, reason, "Check the path and the rights on the file.") from error


def _certificate_error(
    path: str, reason: str, advice: str, certificate: x509.Certificate | None = None
) -> TlsError:
    text = None if certificate is None else describe(certificate)
    where = "" if text is None else f" Certificate: {text}."
    return TlsError(
        DicomErrorCode.CERTIFICATE_LOAD_FAILED,
        f"The certificate file {printable(path)} cannot be used: {reason}.{where} {advice}",
        stage="certificate",
        certificate=text,
    )


def _key_error(path: str, reason: str, advice: str) -> TlsError:
    return TlsError(
        DicomErrorCode.PRIVATE_KEY_LOAD_FAILED,
        f"The private key in {printable(path)} cannot be loaded: {reason}. {advice}",
        stage="private key",
    )
