"""Private keys and certificates: made, signed, encoded and read.

Every certificate of this package is signed by :func:`sign_certificate`, which writes the
extensions that strict verifiers ask for (RFC 5280 section 4.2; OpenSSL's ``X509_STRICT``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from ipaddress import ip_address
from pathlib import Path
from typing import Literal

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from leaddicom.errors import DicomErrorCode, ParameterError, TlsError

__all__ = [
    "PrivateKey",
    "PublicKey",
    "alternative_names",
    "certificate_pem",
    "is_encrypted",
    "issued_by",
    "key_text",
    "load_certificate",
    "load_private_key",
    "new_private_key",
    "now",
    "one_line",
    "private_key_pem",
    "purpose_names",
    "purposes",
    "serial_text",
    "sign_certificate",
    "subject_name",
    "validity_flaw",
]

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

_CURVES: dict[int, type[ec.EllipticCurve]] = {
    256: ec.SECP256R1,
    384: ec.SECP384R1,
    521: ec.SECP521R1,
}


def new_private_key(kind: Literal["rsa", "ec"] = "rsa", size: int | None = None) -> PrivateKey:
    """Make a private key.

    Parameters
    ----------
    kind : {"rsa", "ec"}
        The algorithm; ``"ec"`` uses the NIST curves.
    size : int, optional
        Bits: 2048 for RSA and 256 for EC unless given.

    Raises
    ------
    ParameterError
        If there is no such algorithm or curve.
    """
    if kind == "rsa" and (size is None or size >= 1024):
        return rsa.generate_private_key(public_exponent=65537, key_size=size or 2048)
    curve = _CURVES.get(size or 256)
    if kind != "ec" or curve is None:
        raise ParameterError(
            f"There is no key of kind {kind!r} with {size} bits: use 'rsa' with 1024 bits or "
            f"more, or 'ec' with {', '.join(map(str, _CURVES))} bits."
        )
    return ec.generate_private_key(curve())


def subject_name(common_name: str, organization: str | None) -> x509.Name:
    """Return the distinguished name ``O=organization, CN=common_name``, or ``CN=`` alone.

    Raises
    ------
    ParameterError
        If `common_name` is not 1 to 64 characters long (RFC 5280 appendix A.1,
        ub-common-name).
    """
    if not 1 <= len(common_name) <= 64:
        raise ParameterError(f"A certificate's name has 1 to 64 characters, not {common_name!r}.")
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if organization is not None:
        attributes.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    return x509.Name(attributes)


def sign_certificate(
    subject: x509.Name,
    public_key: PublicKey,
    signing_key: PrivateKey,
    *,
    issuer: x509.Certificate | None,
    not_before: datetime,
    not_after: datetime,
    ca: bool = False,
    path_length: int | None = None,
    san: Iterable[str] = (),
    eku: Sequence[x509.ObjectIdentifier] = (),
) -> x509.Certificate:
    """Sign a certificate with SHA-256 and a random serial number.

    Parameters
    ----------
    subject : x509.Name
        Who the certificate is for.
    public_key : PublicKey
        The subject's key.
    signing_key : PrivateKey
        The issuer's key; the subject's own for a self-signed certificate.
    issuer : x509.Certificate or None
        The issuer's certificate; None makes a self-signed one.
    not_before, not_after : datetime
        Validity, with a time zone.
    ca : bool
        Whether it may sign certificates and revocation lists.
    path_length : int, optional
        How many CAs may follow below it; unlimited unless given.
    san : iterable of str
        Host names and IP addresses of the SubjectAlternativeName; none: no extension.
    eku : sequence of ObjectIdentifier
        Purposes of the ExtendedKeyUsage; none: no extension.
    """
    own_id = x509.SubjectKeyIdentifier.from_public_key(public_key)
    issuer_id = own_id
    if issuer is not None:
        issuer_id = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.subject)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.BasicConstraints(ca, path_length), critical=True)
        .add_extension(_key_usage(public_key, ca), critical=True)
        .add_extension(own_id, critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_id),
            critical=False,
        )
    )
    if names := [_general_name(text) for text in san]:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    if eku:
        builder = builder.add_extension(x509.ExtendedKeyUsage(eku), critical=False)
    return builder.sign(signing_key, hashes.SHA256())


def _key_usage(public_key: PublicKey, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=False,
        # Only for RSA: RFC 8813 section 3 forbids keyEncipherment for elliptic curves.
        key_encipherment=not ca and isinstance(public_key, rsa.RSAPublicKey),
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(text))
    except ValueError:
        pass
    try:
        return x509.DNSName(text)
    except ValueError as error:
        raise ParameterError(
            f"{text!r} cannot stand in a certificate: give a host name in its ASCII form (IDNA), "
            "or an IP address."
        ) from error


def certificate_pem(certificate: x509.Certificate) -> bytes:
    """Encode a certificate as PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def private_key_pem(key: PrivateKey, password: str | None = None) -> bytes:
    """Encode a private key as PKCS#8 PEM, encrypted if a password is given."""
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password is not None:
        encryption = serialization.BestAvailableEncryption(password.encode())
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    )


def load_certificate(path: Path) -> x509.Certificate:
    """Read the first certificate of a PEM file.

    Raises
    ------
    TlsError
        If there is none, or the file cannot be read.
    """
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        # Both are decoded at first use only; what is damaged in them shows here.
        certificate.public_key()
        list(certificate.extensions)
    except (OSError, ValueError, UnsupportedAlgorithm, x509.DuplicateExtension) as error:
        raise TlsError(
            DicomErrorCode.CERTIFICATE_READ_FAILED,
            f"{path} cannot be read as a PEM certificate: {one_line(error)}.",
            stage="certificate",
        ) from error
    return certificate


def load_private_key(path: Path, password: str | None = None) -> PrivateKey:
    """Read an RSA or EC private key from a PEM file.

    Raises
    ------
    TlsError
        If there is none, the password is missing, wrong or superfluous, or the file cannot be
        read.
    """
    encoded = None if password is None else password.encode()
    try:
        if encoded is None and is_encrypted(path):
            raise TypeError("it is encrypted and no password was given")
        key = serialization.load_pem_private_key(path.read_bytes(), encoded)
        if not isinstance(key, PrivateKey):
            raise TypeError("it is neither an RSA nor an EC key")
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        advice = " Give its password." if is_encrypted(path) else ""
        raise TlsError(
            DicomErrorCode.PRIVATE_KEY_LOAD_FAILED,
            f"{path} cannot be read as a PEM private key: {one_line(error)}.{advice}",
            stage="private key",
        ) from error
    return key


def is_encrypted(key_file: Path) -> bool:
    """Whether a PEM file, as far as it can be read, holds a key that asks for a password."""
    try:
        data = key_file.read_bytes()
    except OSError:
        return False
    # PKCS#8 (RFC 7468 section 11), and the older forms with their header (RFC 1421).
    return b"-----BEGIN ENCRYPTED PRIVATE KEY-----" in data or b"Proc-Type: 4,ENCRYPTED" in data


def issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether the name and the key of `issuer` signed `certificate`."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return True


def alternative_names(certificate: x509.Certificate) -> list[str]:
    """Return the host names and IP addresses that a certificate is for."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [str(name.value) for name in names if isinstance(name, (x509.DNSName, x509.IPAddress))]


def purposes(certificate: x509.Certificate) -> list[x509.ObjectIdentifier]:
    """Return whether a certificate is for TLS servers, clients or both."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return []
    return [each for each in _TLS_PURPOSES if each in usage]


_TLS_PURPOSES = {
    ExtendedKeyUsageOID.SERVER_AUTH: "server",
    ExtendedKeyUsageOID.CLIENT_AUTH: "client",
}


def purpose_names(certificate: x509.Certificate) -> list[str]:
    """Return :func:`purposes` in words: ``"server"``, ``"client"``; ``"CA"`` for a CA."""
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        if constraints.ca:
            return ["CA"]
    except x509.ExtensionNotFound:
        pass
    return [_TLS_PURPOSES[each] for each in purposes(certificate)]


def key_text(certificate: x509.Certificate) -> str:
    """Return kind and bits of a certificate's key."""
    key = certificate.public_key()
    if not isinstance(key, PublicKey):
        return "other"
    return f"{'RSA' if isinstance(key, rsa.RSAPublicKey) else 'EC'} {key.key_size}"


def serial_text(serial: int) -> str:
    """Return a serial number as OpenSSL writes it: hexadecimal, whole octets."""
    text = f"{serial:X}"
    return text.zfill(len(text) + len(text) % 2)


def one_line(error: Exception) -> str:
    """Return an error's text for use inside a sentence."""
    text = (isinstance(error, OSError) and error.strerror) or str(error)
    return " ".join(text.split()).rstrip(".")


def now() -> datetime:
    """Return the time as certificates tell it: UTC, whole seconds."""
    return datetime.now(timezone.utc).replace(microsecond=0)


def validity_flaw(certificate: x509.Certificate, at: datetime | None = None) -> str | None:
    """Return why a certificate is not valid, as ``"expired on ..."``, or None.

    Parameters
    ----------
    certificate : x509.Certificate
        The certificate.
    at : datetime, optional
        When; now unless given.
    """
    time = at or now()
    if time > certificate.not_valid_after_utc:
        return f"expired on {certificate.not_valid_after_utc:%Y-%m-%d}"
    if time < certificate.not_valid_before_utc:
        return f"is not valid before {certificate.not_valid_before_utc:%Y-%m-%d}"
    return None
