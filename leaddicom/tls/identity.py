"""Who the peer is, and what was negotiated with it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from OpenSSL import SSL, crypto
from service_identity import CertificateError, VerificationError, hazmat

from leaddicom.error_codes import VerifyCode, verify_error
from leaddicom.errors import DicomErrorCode, TlsError
from leaddicom.tls.openssl import is_resumed
from leaddicom.tls.suites import CipherSuite, suite_by_openssl_name
from leaddicom.tls.text import describe, name_text, printable, shortened
from leaddicom.tls.verification import Verification, host_name

__all__ = [
    "LinkFacts",
    "PeerIdentity",
    "check_host_name",
    "identify",
    "link_facts",
    "peer_identity",
    "trusted_by_peer",
]


@dataclass(frozen=True, slots=True)
class PeerIdentity:
    """The peer, as its certificate tells.

    All text is printable: what a certificate holds beside that is shown as backslash escapes.

    Attributes
    ----------
    subject, issuer : str
        Distinguished names as RFC 4514 writes them.
    dns_names, ip_addresses, uris : tuple of str
        The subject alternative names (RFC 5280 section 4.2.1.6).
    fingerprint : str
        SHA-256 of the certificate, in lower case hexadecimal digits.
    not_before, not_after : datetime.datetime
        Validity, in UTC.
    serial_number : int
        As its issuer gave it.
    chain : tuple of cryptography.x509.Certificate
        The peer's certificate first, then what it was verified with up to the root, as far as
        that is known.
    verified : bool
        Whether the certificate has passed every check; not so if it was not checked, or if
        `LDicomNet.OnVerify` has overruled a failure.  What an unverified certificate says of
        its holder is worth nothing, but the fingerprint tells which certificate it is.
    """

    subject: str
    issuer: str
    dns_names: tuple[str, ...]
    ip_addresses: tuple[str, ...]
    uris: tuple[str, ...]
    fingerprint: str
    not_before: datetime
    not_after: datetime
    serial_number: int
    chain: tuple[x509.Certificate, ...]
    verified: bool = False


@dataclass(frozen=True, slots=True)
class LinkFacts:
    """What the handshake ended with.

    Attributes
    ----------
    tls_version : str
        ``"TLSv1.2"`` or ``"TLSv1.3"``.
    suite : CipherSuite or None
        The cipher suite; `None` if it is none of ours.
    cipher_name : str
        OpenSSL's name of the suite.
    group : str or None
        Group of the key exchange.
    session_reused : bool
        Whether an earlier session was resumed; the peer's certificate was checked anew then.
    alpn : str or None
        The application protocol that both sides agreed on.
    """

    tls_version: str
    suite: CipherSuite | None
    cipher_name: str
    group: str | None
    session_reused: bool
    alpn: str | None


def link_facts(connection: SSL.Connection) -> LinkFacts:
    """Return what was negotiated on a connection whose handshake is complete."""
    cipher_name = connection.get_cipher_name() or ""
    alpn = connection.get_alpn_proto_negotiated()
    return LinkFacts(
        tls_version=connection.get_protocol_version_name(),
        suite=suite_by_openssl_name(cipher_name),
        cipher_name=cipher_name,
        group=connection.get_group_name(),
        session_reused=is_resumed(connection),
        alpn=printable(alpn.decode("latin-1")) if alpn else None,
    )


def peer_identity(connection: SSL.Connection) -> PeerIdentity | None:
    """Return who the peer of a connection is, or `None` if it showed no certificate.

    Raises
    ------
    TlsError
        If its certificate cannot be decoded, which only an unverified peer can have
        (code CERTIFICATE_READ_FAILED).
    """
    try:
        certificate = connection.get_peer_certificate(as_cryptography=True)
        if certificate is None:
            return None
        chain = connection.get_verified_chain(as_cryptography=True) or _chain_of(connection)
        return replace(identify(certificate, tuple(chain or ())), verified=_is_verified(connection))
    except (ValueError, x509.DuplicateExtension, x509.InvalidVersion) as error:
        raise TlsError(
            DicomErrorCode.CERTIFICATE_READ_FAILED,
            f"The peer's certificate cannot be decoded: {printable(str(error))}. "
            "Have a correct certificate issued for the peer.",
            stage="certificate",
        ) from error


def _chain_of(connection: SSL.Connection) -> tuple[x509.Certificate, ...]:
    record = connection.get_app_data()
    return record.chain if isinstance(record, Verification) else ()


def _is_verified(connection: SSL.Connection) -> bool:
    record = connection.get_app_data()
    return (
        isinstance(record, Verification)
        and record.checked
        and record.failure is None
        and not record.overruled
    )


def identify(
    certificate: x509.Certificate, chain: tuple[x509.Certificate, ...] = ()
) -> PeerIdentity:
    """Return what `certificate` says about its holder; raises ValueError if it is garbled."""
    names = list(_alternative_names(certificate))
    return PeerIdentity(
        subject=name_text(certificate.subject),
        issuer=name_text(certificate.issuer),
        dns_names=_texts(names, x509.DNSName),
        ip_addresses=_texts(names, x509.IPAddress),
        uris=_texts(names, x509.UniformResourceIdentifier),
        fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        serial_number=certificate.serial_number,
        chain=chain or (certificate,),
    )


def _alternative_names(certificate: x509.Certificate) -> Iterator[x509.GeneralName]:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return
    yield from extension.value


def _texts(names: list[x509.GeneralName], kind: type[x509.GeneralName]) -> tuple[str, ...]:
    return tuple(printable(str(name.value)) for name in names if isinstance(name, kind))


# ------------------------------------------------------------------------ host name


def check_host_name(certificate: x509.Certificate, host: str) -> None:
    """Check that `certificate` was issued for `host` (RFC 6125, RFC 9525).

    A DNS name is compared with the DNS names of the certificate, wildcards included, an IP
    address with its IP addresses; the common name counts for nothing.

    Parameters
    ----------
    certificate : cryptography.x509.Certificate
        The server's, verified.
    host : str
        DNS name, IPv4 or IPv6 address that was connected to, or that was set to be checked.

    Raises
    ------
    TlsError
        With stage ``"host name"`` and verify code 62 (DNS name) or 64 (IP address).
    """
    try:
        address = ipaddress.ip_address(host.partition("%")[0])  # fe80::1%eth0
    except ValueError:
        address = None
    try:
        names = list(_alternative_names(certificate))
    except Exception as error:  # a garbled extension fails in many ways
        raise _mismatch(certificate, host, address is not None, "nothing readable") from error
    try:
        wanted = (
            hazmat.IPAddress_ID(str(address))
            if address is not None
            else hazmat.DNS_ID(host_name(host) or "")
        )
        hazmat.verify_service_identity(
            cert_patterns=list(_patterns(names)), obligatory_ids=[wanted], optional_ids=[]
        )
    except (VerificationError, CertificateError, ValueError) as error:
        raise _mismatch(certificate, host, address is not None, _valid_for(names)) from error


def _patterns(names: list[x509.GeneralName]) -> Iterator[hazmat.CertificatePattern]:
    """Yield what can be compared.

    service_identity's own extraction gives up on a certificate that also holds a URI like
    ``urn:oid:1.2.3`` or an IP address disguised as a DNS name; both are seen in hospitals.
    """
    for name in names:
        if isinstance(name, x509.IPAddress):
            if isinstance(name.value, (ipaddress.IPv4Address, ipaddress.IPv6Address)):
                yield hazmat.IPAddressPattern(name.value)
        elif isinstance(name, x509.DNSName):
            try:
                yield hazmat.DNSPattern.from_bytes(name.value.encode("utf-8"))
            except CertificateError:
                continue


def _valid_for(names: list[x509.GeneralName]) -> str:
    kinds = ((x509.DNSName, "DNS name"), (x509.IPAddress, "IP address"))
    found = [f"{label} {text}" for kind, label in kinds for text in _texts(names, kind)]
    shown = ", ".join(found[:8]) + (f" and {len(found) - 8} more" if len(found) > 8 else "")
    return shown[:512] or "no host at all (it has no subject alternative names)"


def _mismatch(
    certificate: x509.Certificate, host: str, is_address: bool, valid_for: str
) -> TlsError:
    kind = "IP address" if is_address else "DNS name"
    check = VerifyCode.IP_ADDRESS_MISMATCH if is_address else VerifyCode.HOSTNAME_MISMATCH
    advice = (
        "Connect under a name that it holds, set server_name to one, or have it issued anew with "
        f"the {kind} {printable(host)} as subject alternative name."
    )
    return TlsError(
        verify_error(check),
        f"The server's certificate was not issued for {printable(host)}, but for {valid_for}. "
        f"Certificate: {describe(certificate)}. {advice}",
        stage="host name",
        verify_code=check,
        certificate=describe(certificate),
        advice=advice,
    )


def trusted_by_peer(connection: SSL.Connection) -> tuple[str, ...]:
    """Give the CAs that a server says it trusts (RFC 8446 section 4.2.4); most say nothing."""
    return tuple(_ca_name(each) for each in connection.get_client_ca_list())


def _ca_name(name: crypto.X509Name) -> str:
    try:
        return shortened(name_text(x509.Name.from_bytes(name.der())))
    except Exception:  # noqa: BLE001 - the name is the peer's
        return "a name that cannot be decoded"
