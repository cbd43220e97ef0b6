"""Loading one's own certificate, its chain and its private key."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from leaddicom.enums import CertificateType
from leaddicom.errors import DicomErrorCode, TlsError
from leaddicom.tls.files import (
    PEM,
    REEXPORT,
    certificate_error,
    found_instead,
    is_pkcs12,
    key_error,
    parse_certificates,
    read,
)
from leaddicom.tls.profiles import profile, weakness
from leaddicom.tls.text import describe, printable

__all__ = ["Credentials", "Password", "PrivateKey", "check_strength", "load_credentials"]

_log = logging.getLogger(__name__)

PrivateKey = (
    rsa.RSAPrivateKey
    | ec.EllipticCurvePrivateKey
    | ed25519.Ed25519PrivateKey
    | ed448.Ed448PrivateKey
)

#: Gives the password of a file; `None` refuses.
Password = Callable[[], str | bytes | None]

_PEM_KEY = re.compile(rb"-----BEGIN ((?:[A-Z]+ )?PRIVATE KEY)-----.+?-----END \1-----", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What one end of a connection shows of itself.

    Attributes
    ----------
    certificate : cryptography.x509.Certificate
        One's own.
    chain : tuple of cryptography.x509.Certificate
        The intermediate certificates that are sent with it, from its issuer up; without the
        root, which the peer has or does not trust (RFC 8446 section 4.4.2).
    private_key : PrivateKey
        The key of `certificate`.
    certificate_path, key_path : str
        Where they came from.
    certificate_type : CertificateType
        As what the certificate's file was announced.
    """

    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...]
    private_key: PrivateKey = field(repr=False)
    certificate_path: str
    key_path: str
    certificate_type: CertificateType = CertificateType.PEM

    @property
    def key_bits(self) -> int:
        """Length of the key in bits; 256 for Ed25519 and 456 for Ed448 (RFC 8032 section 5)."""
        key = self.private_key
        if isinstance(key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey)):
            return key.key_size
        return 8 * len(key.public_key().public_bytes_raw())

    def reloaded(self, password: Password) -> Credentials:
        """Load the same files again; raises as `load_credentials` does."""
        return load_credentials(
            self.certificate_path, self.certificate_type, self.key_path, password
        )


def load_credentials(
    certificate_path: str,
    certificate_type: CertificateType,
    key_path: str | None,
    password: Password,
) -> Credentials:
    """Load a certificate and its private key; whether they are strong enough the profile says.

    Parameters
    ----------
    certificate_path : str
        PEM file with the certificate, its chain in any order and perhaps the key; DER file with
        the certificate alone; or PKCS#12 file with all of them.
    certificate_type : CertificateType
        Encoding of that file; PKCS#12 is recognised by its content with either.  The key file's
        encoding is seen from its content.
    key_path : str or None
        File with the private key (PKCS#8, the older forms or PKCS#12); `None` if it is in the
        certificate file.
    password : callable
        Is asked once for each encrypted file, and not otherwise.  `None` refuses.

    Raises
    ------
    TlsError
        With code CERTIFICATE_LOAD_FAILED, PRIVATE_KEY_LOAD_FAILED or KEYS_MISMATCH.
    """
    certificates, key = _load_files(certificate_path, certificate_type, key_path, password)
    key_path = certificate_path if key_path is None else key_path
    private_key = _usable(key_path, key)
    own = _certificate_of(private_key, key_path, certificates, certificate_path)
    chain = _chain(own, certificates, certificate_path)
    credentials = Credentials(own, chain, private_key, certificate_path, key_path, certificate_type)
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
            raise certificate_error(
                credentials.certificate_path,
                f"a certificate is too weak for the profile {wanted.name!r}: {reason}",
                "Have one issued with RSA of at least "
                f"{wanted.minimum_rsa_bits} bits or EC P-256, signed with SHA-256.",
                certificate,
            )


# --------------------------------------------------------------------- certificates


def _load_files(
    path: str, kind: CertificateType, key_path: str | None, password: Password
) -> tuple[list[x509.Certificate], object | None]:
    data = read(path, certificate_error)
    key: object | None = None
    is_bundle = is_pkcs12(data)
    if is_bundle:
        key, certificates = _open_pkcs12(path, data, password)
        if not certificates:
            raise certificate_error(path, "it is PKCS#12 without a certificate", REEXPORT)
    else:
        certificates = parse_certificates(path, data)
        _check_announced(path, data, kind)
    if key_path is not None and key_path != path:
        key = _load_key(key_path, read(key_path, key_error), password)
    elif PEM in data:
        key = _load_key(path, data, password)
    elif not is_bundle:
        reason = "a DER file holds the certificate alone"
        raise key_error(path, reason, "Name the file of the key.")
    return certificates, key


def _check_announced(path: str, data: bytes, kind: CertificateType) -> None:
    if (PEM in data) == (kind is CertificateType.PEM):
        return
    announced, other = ("PEM", "ASN1 (DER)") if PEM not in data else ("ASN1 (DER)", "PEM")
    raise certificate_error(
        path,
        f"it was announced as {announced}, but holds {found_instead(data)}",
        f"Load it as {other}.",
    )


def _certificate_of(
    key: PrivateKey, key_path: str, certificates: Sequence[x509.Certificate], path: str
) -> x509.Certificate:
    """Find the certificate of a key: one's own, wherever it stands in the file."""
    public = key.public_key()
    for certificate in certificates:
        try:
            found: object = certificate.public_key()
        except (ValueError, UnsupportedAlgorithm) as error:
            reason = f"the certificate's key cannot be used ({printable(str(error))})"
            raise certificate_error(path, reason, REEXPORT, certificate) from error
        if found == public:
            return certificate
    first = describe(certificates[0])
    which = "the certificate" if len(certificates) == 1 else f"any of {len(certificates)}"
    raise TlsError(
        DicomErrorCode.KEYS_MISMATCH,
        f"The private key in {printable(key_path)} does not belong to {which} in "
        f"{printable(path)} ({first}). Name the key that the certificate was requested with.",
        stage="private key",
        certificate=first,
    )


def _chain(
    own: x509.Certificate, certificates: Sequence[x509.Certificate], path: str
) -> tuple[x509.Certificate, ...]:
    """Give the CAs above one's own certificate, lowest first, and name what is none of them."""
    # A root that is also there cross-signed is sent in that form: only it leads further up.
    rest = sorted((each for each in certificates if each != own), key=_is_self_issued)
    line = [own]
    while True:
        above = next((each for each in rest if _has_issued(each, line[-1])), None)
        if above is None or above in line or _is_self_issued(above):
            break
        line.append(above)
    strangers = {
        describe(each): None
        for each in rest
        if each not in line and not any(_has_issued(each, lower) for lower in line)
    }
    if strangers:
        _log.warning(
            "%s also holds certificates that are not of the chain of %s; they are not sent: %s",
            printable(path),
            describe(own),
            "; ".join(strangers),
        )
    return tuple(line[1:])


def _is_self_issued(certificate: x509.Certificate) -> bool:
    return certificate.subject == certificate.issuer


def _has_issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return True


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


def _open_pkcs12(
    path: str, data: bytes, password: Password
) -> tuple[object | None, list[x509.Certificate]]:
    """Give the key and the certificates of a PKCS#12 file (RFC 7292)."""
    try:
        bundle = pkcs12.load_pkcs12(data, None)
    except Exception:  # noqa: BLE001 - encrypted or damaged: no telling which
        secret = _ask(path, password)
        try:
            bundle = pkcs12.load_pkcs12(data, secret)
        except Exception:  # noqa: BLE001 - nor what a wrong password decrypts to
            raise key_error(
                path,
                "the password is wrong, or the PKCS#12 file is damaged",
                "Provide the right password.",
            ) from None
    holders = (*([] if bundle.cert is None else [bundle.cert]), *bundle.additional_certs)
    return bundle.key, [each.certificate for each in holders]


def _load_key(path: str, data: bytes, password: Password) -> object | None:
    if is_pkcs12(data):
        return _open_pkcs12(path, data, password)[0]
    if PEM in data:
        block = _PEM_KEY.search(data)
        if block is None:
            raise key_error(
                path, f"it holds no private key, but {found_instead(data)}", "Name the key's file."
            )
        data = block.group()
    key = _decode_key(path, data, None)
    return _decode_key(path, data, _ask(path, password)) if key is None else key


def _ask(path: str, password: Password) -> bytes:
    secret = password()
    if secret is None:
        raise key_error(path, "it is encrypted and no password was given", "Provide its password.")
    return secret.encode() if isinstance(secret, str) else secret


def _usable(path: str, key: object | None) -> PrivateKey:
    if key is None:
        raise key_error(path, "the file holds no private key", "Name the file of the key.")
    if not isinstance(key, PrivateKey):
        raise key_error(
            path, "it is neither an RSA nor an EC nor an EdDSA key", "Use a key of such a kind."
        )
    return key


def _decode_key(path: str, data: bytes, password: bytes | None) -> object | None:
    """Return the key, or `None` if it is encrypted and no password was given.

    The message of an error never holds what cryptography says about a wrong password.
    """
    load = (
        serialization.load_pem_private_key
        if data.startswith(PEM)
        else serialization.load_der_private_key
    )
    try:
        return load(data, password)
    except TypeError as error:
        if password is None:
            return None
        raise key_error(path, "the password is empty", "Provide its password.") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        if password is not None:
            raise key_error(
                path, "the password is wrong, or the key is damaged", "Provide the right password."
            ) from None
        raise key_error(
            path, f"it holds no readable private key ({printable(str(error))})", REEXPORT
        ) from error
