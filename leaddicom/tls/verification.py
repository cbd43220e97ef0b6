"""What OpenSSL tells during a handshake, kept with the connection it concerns.

pyOpenSSL stores an exception of a callback on the *context* and raises it from whichever
connection fails next.  So the callbacks here never raise: they answer, and they write down the
reason in the `Verification` that `prepare` attached to the connection.
"""

from __future__ import annotations

import contextlib
import ipaddress
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from weakref import WeakKeyDictionary

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from OpenSSL import SSL, crypto

from leaddicom.errors import TlsError
from leaddicom.tls.openssl import refuse_server_names, set_verify
from leaddicom.tls.profiles import Profile, weak_key, weak_signature
from leaddicom.tls.verify_codes import (
    APPLICATION_VERIFICATION,
    CA_KEY_TOO_SMALL,
    CA_MD_TOO_WEAK,
    EE_KEY_TOO_SMALL,
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
    "require_server_names",
    "verify_again",
    "verify_peer",
]

_log = logging.getLogger(__name__)

#: ALPN identifier that IANA registered for DICOM (RFC 9325 section 3.8 asks for ALPN).
DICOM_PROTOCOL = b"dicom"

#: ``on_verify(ok, certificate, verify_code, cause) -> bool``: decides whether the handshake goes
#: on.  It is asked once for every certificate of the chain that is well, and for every failure,
#: with LEADTOOLS' code and what is wrong.
OnVerify = Callable[[bool, x509.Certificate, int, str], bool]

_Callback = Callable[[SSL.Connection, crypto.X509, int, int, int], bool]

#: Mode and callback of the checks of a connection.
Checks = tuple[int, _Callback]

# The checks of a context, from `verify_peer` to `prepare`.
_CHECKS: WeakKeyDictionary[SSL.Context, Checks] = WeakKeyDictionary()

#: Raises `TlsError` if a certificate is not that of whom we want to speak with.
CheckIdentity = Callable[[x509.Certificate], None]

#: What is wrong, from OpenSSL's number of a check and the certificate; `None` if no more is known.
Explain = Callable[[int, x509.Certificate], str | None]


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
        Whether a certificate of the peer was checked.
    chain : tuple of cryptography.x509.Certificate
        Of a resumed session: the peer's certificate and those up to the root, checked anew.
    alert_received, alert_sent : int or None
        Number of the first TLS alert (RFC 8446 section 6) other than close_notify.
    protocols_refused : tuple of bytes
        The client's ALPN list, when ``dicom`` was not in it.
    name_refused : str or None
        The name that the client asked for, when it is none of ours.
    overruled : set of tuple of int and int
        Depth and check of the failures that the application has allowed.
    trusted_by_peer : tuple of str
        Names of the CAs that a server has said it trusts, once the handshake has failed.
    may_overrule : bool
        Whether the application may allow a failure; not so where the session can be resumed, by a
        connection whose application would not have allowed it.
    checks : tuple of int and callable, or None
        Mode and callback of the checks.
    on_verify : OnVerify or None
        The application's say about each certificate.
    check_identity : CheckIdentity or None
        What is asked of the peer's own certificate besides.
    """

    own_certificate: x509.Certificate | None = None
    failure: VerifyFailure | None = None
    checked: bool = False
    chain: tuple[x509.Certificate, ...] = ()
    alert_received: int | None = None
    alert_sent: int | None = None
    protocols_refused: tuple[bytes, ...] = ()
    name_refused: str | None = None
    overruled: set[tuple[int, int]] = field(default_factory=set)
    trusted_by_peer: tuple[str, ...] = ()
    may_overrule: bool = True
    checks: Checks | None = field(default=None, repr=False)
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
    verification.checks = _CHECKS.get(connection.get_context())
    resumed_later = connection.get_context().get_session_cache_mode() & SSL.SESS_CACHE_SERVER
    verification.may_overrule = not (role is Role.SERVER and resumed_later)
    if verification.checks is not None:
        mode, callback = verification.checks
        if on_verify is not None and role is Role.CLIENT:
            mode |= SSL.VERIFY_PEER  # or OpenSSL would not heed what the application says

        def check(certificate: crypto.X509, code: int, depth: int, ok: int) -> int:
            if callback(connection, certificate, code, depth, ok):
                return 0
            failure = verification.failure
            return UNSPECIFIED if failure is None else failure.code

        set_verify(connection, mode, check)
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


def verify_peer(
    context: SSL.Context,
    mode: int,
    role: Role,
    profile: Profile,
    explain: Explain | None = None,
) -> None:
    """Have `context` check certificates of the peer with our own rules on top of OpenSSL's.

    `prepare` sets them on every connection, so that they hold whatever an application has done
    to the context.
    `explain` may know more about a failure than its number tells.
    """
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
        if not ok:
            failure = _openssl_failure(code, depth, certificate, purpose[0], explain)
            return _decide(record, failure, certificate, depth)
        found: list[VerifyFailure | None] = [*_strength_failures(certificate, depth, profile)]
        if depth == 0:
            found.append(_purpose_failure(certificate, *purpose))
            found.append(_identity_failure(record.check_identity, certificate))
        # Each by itself: who allows one of them has not seen the others.
        failures = [each for each in found if each is not None]
        if not failures:
            return _decide(record, None, certificate, depth)
        return all(_decide(record, each, certificate, depth) for each in failures)

    context.set_verify(mode, callback)
    _CHECKS[context] = (mode, callback)


def verify_again(connection: SSL.Connection) -> None:
    """Check the peer's certificates after a handshake in which OpenSSL has not done so.

    In a resumed session the peer proves only that it was the other end of an earlier one.  So its
    certificates are put to everything that `verify_peer` checks, as of now; only the length of the
    chain, which cannot have changed, is not measured again.  OpenSSL offers no way
    to go on after a failure here, so an application cannot overrule one; and none to tell the
    peer by an alert.

    Parameters
    ----------
    connection : OpenSSL.SSL.Connection
        Its handshake is complete.

    Raises
    ------
    OpenSSL.SSL.Error
        A certificate is refused; the connection's record tells why.
    """
    record = _record(connection)
    if record.checks is None:
        return
    # Not those of the context that it has now, which an application may have put there.
    mode, callback = record.checks
    leaf, store = connection.get_peer_certificate(), connection.get_context().get_cert_store()
    if record.checked or leaf is None or store is None:
        return
    if not mode & SSL.VERIFY_PEER:
        return
    shown = connection.get_peer_cert_chain() or ()
    refusal = SSL.Error([("SSL routines", "", "certificate verify failed")])
    try:
        chain = crypto.X509StoreContext(store, leaf, shown).get_verified_chain()
    except crypto.X509StoreContextError as error:
        record.on_verify = None
        code, depth, _ = error.errors
        callback(connection, error.certificate, code, depth, 0)
        raise refusal from error
    for depth, each in reversed(list(enumerate(chain))):
        if not callback(connection, each, 0, depth, 1):
            raise refusal
    record.chain = tuple(each.to_cryptography() for each in chain)


def _openssl_failure(
    code: int,
    depth: int,
    certificate: x509.Certificate,
    purpose: str,
    explain: Explain | None,
) -> VerifyFailure:
    check = certificate_check(code)
    cause = _explained(explain, code, certificate) or check.cause
    if code == INVALID_PURPOSE and depth == 0:
        cause = f"its key usage or extended key usage does not allow {purpose}"
    return VerifyFailure(code, check.name, depth, certificate, cause)


def _explained(explain: Explain | None, code: int, certificate: x509.Certificate) -> str | None:
    try:
        return None if explain is None else explain(code, certificate)
    except Exception as error:  # noqa: BLE001 - nothing may escape into OpenSSL
        _log.debug("There is no telling more about a refused certificate: %r", error)
        return None


def _strength_failures(
    certificate: x509.Certificate, depth: int, profile: Profile
) -> Iterator[VerifyFailure]:
    """Bound keys and hashes as OpenSSL does, whose own bounds not every profile can have."""
    flaws = (
        (CA_KEY_TOO_SMALL if depth else EE_KEY_TOO_SMALL, weak_key(certificate, profile)),
        (CA_MD_TOO_WEAK, weak_signature(certificate, profile)),
    )
    for code, cause in flaws:
        if cause is not None:
            yield VerifyFailure(code, certificate_check(code).name, depth, certificate, cause)


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
        if failure is None:
            if any(depth == each for each, _ in record.overruled):
                return True  # OpenSSL's last word on a certificate that was shown already
        elif (depth, failure.code) in record.overruled:
            return True  # OpenSSL and we find the same
        if _allows(record.on_verify, failure, certificate):
            if failure is None:
                return True
            if record.may_overrule:
                record.overruled.add((depth, failure.code))
                return True
            _log.warning("OnVerify cannot allow a failure where sessions are resumed")
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
        check = certificate_check(failure.code)
        cause = failure.cause if failure.error is None else check.cause
        return bool(on_verify(False, certificate, check.verify_code, cause))
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
                # Of several certificates the handshake has chosen one by now.  It was decoded
                # before, but nothing may escape into OpenSSL.
                with contextlib.suppress(Exception):
                    record.own_certificate = connection.get_certificate(as_cryptography=True)
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


# ------------------------------------------------------------------------------ SNI


def require_server_names(context: SSL.Context, names: tuple[str, ...]) -> None:
    """Have a server's `context` refuse clients that ask for a name which is none of `names`.

    RFC 6066 section 3 has the alert unrecognized_name for it, and RFC 9325 section 3.7 wants
    the handshake to end.
    """
    known = {host_name(each) for each in names}

    def refuses(connection: SSL.Connection) -> bool:
        asked = connection.get_servername()
        if asked is None:
            return False
        name = asked.decode("latin-1")
        if host_name(name) in known:
            return False
        _record(connection).name_refused = name
        return True

    refuse_server_names(context, refuses)
