"""What OpenSSL tells during a handshake, kept with the connection it concerns.

pyOpenSSL stores an exception of a callback on the *context* and raises it from whichever
connection fails next.  So the callbacks here never raise: they answer, and they write down the
reason in the `Verification` that `prepare` attached to the connection.
"""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from OpenSSL import SSL, crypto

from leaddicom.errors import TlsError
from leaddicom.tls.verify_codes import (
    APPLICATION_VERIFICATION,
    INVALID_PURPOSE,
    UNSPECIFIED,
    certificate_check,
)

__all__ = [
    "DICOM_PROTOCOL",
    "CheckIdentity",
    "OnVerify",
    "Role",
    "Verification",
    "VerifyFailure",
    "host_name",
    "observe",
    "prepare",
    "require_protocol",
    "verify_peer",
]

_log = logging.getLogger(__name__)

#: ALPN identifier that IANA registered for DICOM (RFC 9325 section 3.8 asks for ALPN).
DICOM_PROTOCOL = b"dicom"

#: ``on_verify(ok, certificate, verify_code, cause) -> bool``: decides whether the handshake goes
#: on.  It is asked once for every certificate of the chain that is well, and for every failure,
#: with LEADTOOLS' code and what is wrong.
OnVerify = Callable[[bool, x509.Certificate, int, str], bool]

#: Raises `TlsError` if a certificate is not that of whom we want to speak with.
CheckIdentity = Callable[[x509.Certificate], None]


class Role(Enum):
    """Which end of the TLS connection we are; either may be an SCU or an SCP."""

    CLIENT = "client"
    SERVER = "server"

    @property
    def peer(self) -> Role:
        """The other end."""
        return Role.SERVER if self is Role.CLIENT else Role.CLIENT


_PURPOSES = {
    Role.CLIENT: ("clientAuth", ExtendedKeyUsageOID.CLIENT_AUTH),
    Role.SERVER: ("serverAuth", ExtendedKeyUsageOID.SERVER_AUTH),
}


@dataclass(frozen=True, slots=True)
class VerifyFailure:
    """Why a certificate of the peer was refused.

    Attributes
    ----------
    code : int
        OpenSSL's number of the check (see `certificate_check`).
    name : str
        OpenSSL's name of the check.
    depth : int
        Place in the chain; 0 is the peer's own certificate.
    certificate : cryptography.x509.Certificate or None
        The certificate; `None` if it cannot be decoded.
    cause : str
        What is wrong with it.
    error : TlsError or None
        The whole story, if whoever found it has told it already.
    """

    code: int
    name: str
    depth: int
    certificate: x509.Certificate | None
    cause: str
    error: TlsError | None = None


@dataclass(slots=True)
class Verification:
    """What is known about the handshake of one connection.

    Attributes
    ----------
    own_certificate : cryptography.x509.Certificate or None
        What we present.
    failure : VerifyFailure or None
        Why the peer's certificate was refused.
    checked : bool
        Whether a certificate of the peer was checked; not so when a session was resumed.
    alert_received, alert_sent : int or None
        Number of the first TLS alert (RFC 8446 section 6) other than close_notify.
    protocols_refused : tuple of bytes
        The client's ALPN list, when ``dicom`` was not in it.
    overruled : set of int
        Depths of certificates of which the application has allowed a failure.
    on_verify : OnVerify or None
        The application's say about each certificate.
    check_identity : CheckIdentity or None
        What is asked of the peer's own certificate besides.
    """

    own_certificate: x509.Certificate | None = None
    failure: VerifyFailure | None = None
    checked: bool = False
    alert_received: int | None = None
    alert_sent: int | None = None
    protocols_refused: tuple[bytes, ...] = ()
    overruled: set[int] = field(default_factory=set)
    on_verify: OnVerify | None = field(default=None, repr=False)
    check_identity: CheckIdentity | None = field(default=None, repr=False)


def host_name(host: str) -> str | None:
    """Return `host` as DNS writes it (lower case, A-labels), or `None` if it is no DNS name."""
    try:
        ipaddress.ip_address(host.partition("%")[0])
        return None
    except ValueError:
        pass
    try:
        return host.rstrip(".").encode("idna").decode("ascii").lower() or None
    except UnicodeError:
        return None


def prepare(
    connection: SSL.Connection,
    role: Role,
    *,
    host: str | None = None,
    on_verify: OnVerify | None = None,
    check_identity: CheckIdentity | None = None,
) -> Verification:
    """Make a new pyOpenSSL connection ready for its handshake.

    Parameters
    ----------
    connection : OpenSSL.SSL.Connection
        Made from a context of `build_context`, not used yet.
    role : Role
        Which end we are.
    host : str, optional
        For a client: the name that its server is to be known by, sent as SNI (RFC 6066 section
        3) unless it is an IP address.
    on_verify : OnVerify, optional
        The application's say about each certificate.
    check_identity : CheckIdentity, optional
        What is asked of the peer's own certificate besides, `identity.check_host_name` as a
        rule.  It is asked inside the handshake, so that a server that we do not want learns of
        it, and nothing of us.

    Returns
    -------
    Verification
        The record that the handshake fills, also attached as the connection's app data.
    """
    own = connection.get_certificate(as_cryptography=True)
    verification = Verification(own, on_verify=on_verify, check_identity=check_identity)
    connection.set_app_data(verification)
    if role is Role.SERVER:
        connection.set_accept_state()
        return verification
    connection.set_connect_state()
    name = host_name(host) if host is not None else None
    if name is not None:
        connection.set_tlsext_host_name(name.encode("ascii"))
    return verification


def _record(connection: SSL.Connection) -> Verification:
    """Return the connection's record; a throw-away one if `prepare` was forgotten."""
    found = connection.get_app_data()
    return found if isinstance(found, Verification) else Verification()


# --------------------------------------------------------------------- certificates


def verify_peer(context: SSL.Context, mode: int, role: Role) -> None:
    """Have `context` check certificates of the peer with our own rules on top of OpenSSL's."""
    purpose = _PURPOSES[role.peer]

    def callback(
        connection: SSL.Connection, raw: crypto.X509, code: int, depth: int, ok: int
    ) -> bool:
        record = _record(connection)
        record.checked = True
        try:
            certificate = raw.to_cryptography()
        except Exception as error:  # noqa: BLE001 - nothing may escape into OpenSSL
            _log.debug("A certificate of the peer cannot be decoded: %r", error)
            check = certificate_check(UNSPECIFIED if ok else code)
            cause = "it cannot be decoded" if ok else check.cause
            record.failure = VerifyFailure(check.openssl_code, check.name, depth, None, cause)
            return False
        failure = None if ok else _openssl_failure(code, depth, certificate, purpose[0])
        if ok and depth == 0:
            failure = _purpose_failure(certificate, *purpose) or _identity_failure(
                record.check_identity, certificate
            )
        return _decide(record, failure, certificate, depth)

    context.set_verify(mode, callback)


def _openssl_failure(
    code: int, depth: int, certificate: x509.Certificate, purpose: str
) -> VerifyFailure:
    check = certificate_check(code)
    cause = check.cause
    if code == INVALID_PURPOSE and depth == 0:
        cause = f"its key usage or extended key usage does not allow {purpose}"
    return VerifyFailure(code, check.name, depth, certificate, cause)


def _purpose_failure(
    certificate: x509.Certificate, name: str, oid: x509.ObjectIdentifier
) -> VerifyFailure | None:
    """Require the role's extended key usage (RFC 5280 section 4.2.1.12).

    OpenSSL takes a certificate without the extension for every purpose.
    """
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
        if oid in usage.value:
            return None
        cause = f"its extended key usage lacks {name}"
    except x509.ExtensionNotFound:
        cause = f"it has no extended key usage, and {name} is required"
    except Exception as error:  # noqa: BLE001 - nothing may escape into OpenSSL
        _log.debug("Extensions of a certificate cannot be decoded: %r", error)
        cause = "its extensions cannot be decoded"
    return VerifyFailure(INVALID_PURPOSE, "INVALID_PURPOSE", 0, certificate, cause)


def _identity_failure(
    check: CheckIdentity | None, certificate: x509.Certificate
) -> VerifyFailure | None:
    if check is None:
        return None
    try:
        check(certificate)
    except TlsError as error:
        code = error.verify_code or APPLICATION_VERIFICATION
        name = certificate_check(code).name
        return VerifyFailure(code, name, 0, certificate, error.message, error)
    except Exception as error:  # noqa: BLE001 - nothing may escape into OpenSSL
        _log.debug("The identity in a certificate cannot be checked: %r", error)
        cause = "its subject alternative names cannot be decoded"
        return VerifyFailure(UNSPECIFIED, "UNSPECIFIED", 0, certificate, cause)
    return None


def _decide(
    record: Verification,
    failure: VerifyFailure | None,
    certificate: x509.Certificate,
    depth: int,
) -> bool:
    if record.on_verify is not None:
        if failure is None and depth in record.overruled:
            return True  # OpenSSL's last word on a certificate that was shown already
        if _allows(record.on_verify, failure, certificate):
            if failure is not None:
                record.overruled.add(depth)
            return True
        failure = failure or VerifyFailure(
            APPLICATION_VERIFICATION,
            "APPLICATION_VERIFICATION",
            depth,
            certificate,
            certificate_check(APPLICATION_VERIFICATION).cause,
        )
    if failure is not None and record.failure is None:
        record.failure = failure
    return failure is None


def _allows(
    on_verify: OnVerify, failure: VerifyFailure | None, certificate: x509.Certificate
) -> bool:
    try:
        if failure is None:
            return bool(on_verify(True, certificate, 0, ""))
        code = certificate_check(failure.code).verify_code
        return bool(on_verify(False, certificate, code, failure.cause))
    except BaseException:  # noqa: BLE001 - nothing may escape into OpenSSL
        _log.exception("OnVerify failed; the certificate is refused")
        return False


# --------------------------------------------------------------------------- alerts


def observe(context: SSL.Context, *, log_steps: bool = False) -> None:
    """Have `context` note the alerts of its connections: exceptions name them in prose only.

    Parameters
    ----------
    context : OpenSSL.SSL.Context
        Not used yet.
    log_steps : bool
        Whether to log every step of a handshake at DEBUG, too.
    """

    def callback(connection: SSL.Connection, where: int, value: int) -> None:
        if log_steps and where & (SSL.SSL_CB_LOOP | SSL.SSL_CB_ALERT):
            step = connection.get_state_string().decode("ascii", "replace")
            _log.debug("TLS handshake: %s%s", step, " (alert)" * bool(where & SSL.SSL_CB_ALERT))
        number = value & 0xFF  # the high byte is the level
        if not where & SSL.SSL_CB_ALERT or number == 0:
            return
        record = _record(connection)
        if where & SSL.SSL_CB_READ:
            if record.alert_received is None:
                record.alert_received = number
        elif record.alert_sent is None:
            record.alert_sent = number

    context.set_info_callback(callback)


# ----------------------------------------------------------------------------- ALPN


class _NothingKept(list[Exception]):
    """A list that stays empty."""

    def append(self, _: Exception) -> None:
        """Forget the exception."""


def require_protocol(context: SSL.Context) -> None:
    """Have a server's `context` refuse clients that offer protocols, but not ``dicom``.

    RFC 7301 section 3.2 wants a fatal no_application_protocol alert, for which pyOpenSSL's
    callback must raise.  pyOpenSSL would keep that exception on the context and might raise it
    from another client's connection; OpenSSL reports the same on the right one anyway, so the
    kept one is dropped.
    """

    def callback(connection: SSL.Connection, offered: list[bytes]) -> bytes:
        if DICOM_PROTOCOL in offered:
            return DICOM_PROTOCOL
        _record(connection).protocols_refused = tuple(offered)
        raise SSL.Error([("SSL routines", "", "no application protocol")])

    context.set_alpn_select_callback(callback)
    helper = getattr(context, "_alpn_select_helper", None)
    if helper is not None:
        helper._problems = _NothingKept()
