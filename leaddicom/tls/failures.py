"""Why a TLS connection failed: one error that names the cause and what to do about it.

OpenSSL's error queue, the alerts, the certificate checks and the first bytes of the peer each
know a part.  The most telling one wins: our own refusal of a certificate, then the alert that
the peer sent, then what the peer speaks instead of TLS, then OpenSSL's reason.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass

from OpenSSL import SSL

from leaddicom.error_codes import errno_code
from leaddicom.errors import DicomErrorCode, NetworkError, TlsError
from leaddicom.tls.alerts import alert_by_number
from leaddicom.tls.openssl import lacks_extended_master_secret
from leaddicom.tls.profiles import profile
from leaddicom.tls.text import describe, printable
from leaddicom.tls.verification import Role, Verification, VerifyFailure
from leaddicom.tls.verify_codes import certificate_check

__all__ = [
    "REASONS",
    "foreign_protocol",
    "handshake_failure",
    "tls_on_plain_port",
    "transfer_failure",
    "weak_link",
]


@dataclass(frozen=True, slots=True)
class _Reason:
    code: DicomErrorCode
    cause: str
    advice: str


_C = DicomErrorCode

_VERSIONS = _Reason(
    _C.TLS_PROTOCOL_VERSION,
    "both sides have no TLS version in common (TLS 1.2 or 1.3 is required)",
    "Enable TLS 1.2 or 1.3 at the peer.",
)
_SUITES = _Reason(
    _C.TLS_HANDSHAKE_FAILURE,
    "both sides have no cipher suite in common that fits the server's certificate",
    "Compare the cipher suites of both sides, and whether the server has an RSA or an EC "
    "certificate.",
)
_GROUPS = _Reason(
    _C.TLS_HANDSHAKE_FAILURE,
    "both sides have no key exchange group or signature algorithm in common",
    "Enable P-256 or X25519, and signatures with SHA-256, at the peer.",
)
_DAMAGED = _Reason(
    _C.TLS_BAD_RECORD_MAC,
    "a record arrived damaged",
    "Look for a device between the two that alters traffic.",
)
_ALPN = _Reason(
    _C.TLS_HANDSHAKE_FAILURE,
    "the client asks for another application protocol (ALPN) than 'dicom'",
    "Check which program connects here; a DICOM client offers 'dicom' or nothing.",
)
_NAME = _Reason(
    _C.TLS_HANDSHAKE_FAILURE,
    "the client asks for a server name (SNI) that is none of ours",
    "Have it connect under a name of this server, or add the name to server_names.",
)
_NO_CERTIFICATE = _Reason(
    _C.TLS_CERTIFICATE_VERIFY_FAILED,
    "it showed no certificate, and one is required",
    "Give the client a certificate and its private key.",
)
_VERIFY = _Reason(
    _C.TLS_CERTIFICATE_VERIFY_FAILED,
    "its certificate was refused",
    "Have a certificate issued for the peer by a trusted CA.",
)

#: OpenSSL's reasons (in its error queue) that have a sentence of their own.
REASONS = {
    "certificate verify failed": _VERIFY,
    "peer did not return a certificate": _NO_CERTIFICATE,
    "no shared cipher": _SUITES,
    "no ciphers available": _SUITES,
    "wrong cipher returned": _SUITES,
    "unsupported protocol": _VERSIONS,
    "version too low": _VERSIONS,
    "no protocols available": _VERSIONS,
    "wrong ssl version": _VERSIONS,
    "inappropriate fallback": _VERSIONS,
    "no suitable key share": _GROUPS,
    "no suitable groups": _GROUPS,
    "no shared groups": _GROUPS,
    "no suitable signature algorithm": _GROUPS,
    "no shared signature algorithms": _GROUPS,
    "no application protocol": _ALPN,
    "bad record mac": _DAMAGED,
    "decryption failed or bad record mac": _DAMAGED,
}

# What peers speak instead of TLS, by their first bytes; DICOM's PDUs begin with type and 00H
# (PS3.8 section 9.3).
_FOREIGN = (
    (b"\x01\x00", "a DICOM association request"),
    (b"\x03\x00", "a DICOM association rejection"),
    (b"\x07\x00", "a DICOM abort"),
    (b"GET ", "HTTP"),
    (b"POST", "HTTP"),
    (b"HEAD", "HTTP"),
    (b"PUT ", "HTTP"),
    (b"OPTI", "HTTP"),
    (b"CONN", "HTTP"),
    (b"HTTP", "HTTP"),
    (b"SSH-", "SSH"),
)

# What OpenSSL says of it, if it took the first bytes before we could look at them.
_NOT_TLS = {
    "wrong version number": "something else, perhaps DICOM without TLS",
    "http request": "HTTP",
    "https proxy request": "HTTP",
}

_TLS_RECORDS = {0x14: "record", 0x15: "alert", 0x16: "handshake", 0x17: "record"}

_TURN_TLS_ON = {
    Role.SERVER: "Turn TLS on at the client, or point it to a port without TLS.",
    Role.CLIENT: "Ask for the server's TLS port (usually 2762), or connect without TLS if the "
    "site allows that.",
}


def foreign_protocol(first_bytes: bytes) -> str | None:
    """Return what a peer speaks that should speak TLS, or `None` if it may be TLS.

    Parameters
    ----------
    first_bytes : bytes
        The first bytes that it sent; four or more are enough.
    """
    if not first_bytes:
        return None
    for prefix, protocol in _FOREIGN:
        if first_bytes.startswith(prefix):
            return protocol
    if first_bytes[0] in _TLS_RECORDS and first_bytes[1:2] in (b"", b"\x03"):
        return None
    return f"bytes that are not TLS ({first_bytes[:4].hex(' ')})"


def tls_on_plain_port(first_bytes: bytes, *, role: Role, peer: str) -> TlsError | None:
    """Return the error for a peer that speaks TLS on a connection without, or `None`.

    Parameters
    ----------
    first_bytes : bytes
        The first bytes that the peer sent; two are enough.
    role : Role
        Which end of the TCP connection we are.
    peer : str
        ``"host:port"`` of the peer.
    """
    if first_bytes[1:2] != b"\x03" or first_bytes[0] not in _TLS_RECORDS:
        return None
    what = _TLS_RECORDS[first_bytes[0]]
    advice = (
        "Turn TLS off at the client, or have it connect to a TLS port."
        if role is Role.SERVER
        else "Turn TLS on here, or connect to a port without TLS."
    )
    return TlsError(
        _C.BAD_SECURE_MODE,
        f"The {role.peer.value} {printable(peer)} speaks TLS (it sent a TLS {what}), but this "
        f"connection is without TLS. {advice}",
    )


def handshake_failure(
    error: BaseException,
    *,
    role: Role,
    peer: str,
    verification: Verification | None,
    first_bytes: bytes,
) -> TlsError:
    """Return the error that explains why a handshake failed.

    Parameters
    ----------
    error : BaseException
        What pyOpenSSL or the socket raised.
    role : Role
        Which end we are.
    peer : str
        ``"host:port"`` of the peer.
    verification : Verification or None
        The connection's record (see `prepare`).
    first_bytes : bytes
        The first bytes that the peer sent, as far as they are known.
    """
    found = _handshake_failure(error, role, peer, verification or Verification(), first_bytes)
    found.peer = printable(peer)
    return found


def _handshake_failure(
    error: BaseException, role: Role, peer: str, record: Verification, first_bytes: bytes
) -> TlsError:
    reasons = _openssl_reasons(error)
    who = f"TLS handshake with the {role.peer.value} {printable(peer)} failed"
    if record.failure is not None and "certificate verify failed" in reasons:
        return _refused(who, record.failure, record)
    if record.alert_received is not None:
        return _alert(who, record.alert_received, record, "handshake")
    protocol = foreign_protocol(first_bytes)
    if not first_bytes:
        protocol = next((_NOT_TLS[each] for each in reasons if each in _NOT_TLS), None)
    if protocol is not None:
        return TlsError(
            _C.BAD_SECURE_MODE,
            f"{who}: the {role.peer.value} does not speak TLS; it sent {protocol}. "
            f"{_TURN_TLS_ON[role]}",
            alert=record.alert_sent,
            advice=_TURN_TLS_ON[role],
        )
    if reasons:
        return _openssl(who, reasons, record, "handshake")
    return _closed(who, error, role)


def transfer_failure(
    error: BaseException,
    *,
    role: Role,
    peer: str,
    verification: Verification | None,
    data_received: bool = True,
) -> TlsError | NetworkError:
    """Return the error that explains why an established connection failed.

    With TLS 1.3 a client has finished before the server judges its certificate, and learns of a
    refusal at its first read (RFC 8446 section 4.4.2.4); that is reported with the stage
    ``"handshake"``.

    Parameters
    ----------
    error : BaseException
        What pyOpenSSL or the socket raised.
    role, peer, verification
        As for `handshake_failure`.
    data_received : bool
        Whether the peer has sent any application data: until then every alert to a client
        belongs to the handshake.

    Returns
    -------
    TlsError or NetworkError
        The latter if the connection broke below TLS.
    """
    record = verification or Verification()
    found = _transfer_failure(error, role, peer, record, data_received)
    if isinstance(found, TlsError):
        found.peer = printable(peer)
    return found


def _transfer_failure(
    error: BaseException, role: Role, peer: str, record: Verification, data_received: bool
) -> TlsError | NetworkError:
    other = f"{role.peer.value} {printable(peer)}"
    number = record.alert_received
    if number is not None:
        late = role is Role.CLIENT and (
            alert_by_number(number).about_certificate or not data_received
        )
        if late:
            return _alert(f"TLS handshake with the {other} failed", number, record, "handshake")
        return _alert(f"TLS connection with the {other} failed", number, record, "transfer")
    reasons = _openssl_reasons(error)
    if reasons:
        return _openssl(f"TLS connection with the {other} failed", reasons, record, "transfer")
    return _broken(error, other, role, data_received)


_UPDATE = "Update the peer's TLS library, or enable TLS 1.3 there."


def weak_link(
    connection: SSL.Connection, profile_name: str, *, role: Role, peer: str
) -> TlsError | None:
    """Return the error for a complete handshake that OpenSSL allows and the profile does not.

    Without extended_master_secret two connections of TLS 1.2 can be made to share their keys
    (RFC 7627 section 1); RFC 9325 section 3.5 requires it, and OpenSSL cannot be told to.

    Parameters
    ----------
    connection : OpenSSL.SSL.Connection
        Its handshake is complete.
    profile_name : str
        Name of the TLS profile.
    role, peer
        As for `handshake_failure`.
    """
    chosen = profile(profile_name)
    if not (chosen.needs_extended_master_secret and lacks_extended_master_secret(connection)):
        return None
    return TlsError(
        _C.TLS_HANDSHAKE_FAILURE,
        f"TLS handshake with the {role.peer.value} {printable(peer)} failed: the peer's TLS 1.2 is "
        f"without extended_master_secret (RFC 7627), which the profile {chosen.name!r} requires. "
        f"{_UPDATE}",
        peer=printable(peer),
        advice=_UPDATE,
    )


# ------------------------------------------------------------------------ sentences


def _openssl_reasons(error: BaseException) -> list[str]:
    """Return the reasons in an `SSL.Error`'s queue; a broken connection has none."""
    if not isinstance(error, SSL.Error) or isinstance(error, SSL.SysCallError):
        return []
    queue = error.args[0] if error.args and isinstance(error.args[0], list) else []
    # The system's errors come without a text: OpenSSL has none for what broke below TLS.
    return [text for entry in queue if (text := str(entry[-1]))]


def _refused(who: str, failure: VerifyFailure, record: Verification) -> TlsError:
    if failure.error is not None:
        failure.error.alert = record.alert_sent
        return failure.error
    check = certificate_check(failure.code)
    text = None if failure.certificate is None else describe(failure.certificate)
    whose = "its certificate" if failure.depth == 0 else "a CA certificate of its chain"
    shown = f" Certificate: {text}." if text is not None else ""
    return TlsError(
        check.code,
        f"{who}: {whose} was refused, because {failure.cause}.{shown} {check.advice}",
        alert=record.alert_sent,
        verify_code=check.verify_code,
        certificate=text,
        advice=check.advice,
    )


def _alert(who: str, number: int, record: Verification, stage: str) -> TlsError:
    alert = alert_by_number(number)
    text, shown = None, ""
    if alert.about_certificate:
        own = record.own_certificate
        text = None if own is None else describe(own)
        shown = " We showed no certificate." if text is None else f" Our certificate: {text}."
        if record.trusted_by_peer:
            shown += f" It trusts: {'; '.join(record.trusted_by_peer)}."
    return TlsError(
        alert.code,
        f"{who}: {alert.meaning} (alert {number} {alert.name}).{shown} {alert.advice}",
        stage=stage,
        alert=number,
        certificate=text,
        advice=alert.advice,
    )


def _openssl(who: str, reasons: list[str], record: Verification, stage: str) -> TlsError:
    known = next((REASONS[each] for each in reasons if each in REASONS), None)
    if record.name_refused is not None:
        known = _NAME
    sent = record.alert_sent
    if known is None:
        code = _C.TLS if sent is None else alert_by_number(sent).code
        known = _Reason(
            code,
            f"OpenSSL reports: {printable('; '.join(reasons))}",
            "Compare the TLS settings of both sides.",
        )
    offered = b", ".join(record.protocols_refused)[:200].decode("latin-1")
    extra = f" (it offers {printable(offered)})" if offered and known is _ALPN else ""
    if known is _NAME:
        extra = f" (it asks for {printable(str(record.name_refused))})"
    return TlsError(
        known.code,
        f"{who}: {known.cause}{extra}. {known.advice}",
        stage=stage,
        alert=sent,
        advice=known.advice,
    )


def _system_error(error: BaseException) -> tuple[DicomErrorCode, str]:
    """Return code and text of an error below TLS."""
    if isinstance(error, SSL.ZeroReturnError):
        return _C.TLS_CLOSE_NOTIFY, "it closed the connection in order"
    number: object = None
    if isinstance(error, (SSL.SysCallError, OSError)) and error.args:
        number = error.args[0]
    if isinstance(number, int) and number in errno.errorcode:
        return errno_code(number), f"the connection broke ({errno.errorcode[number]})"
    if isinstance(error, SSL.SysCallError):
        return _C.NET_CONNECTION_ABORTED, "it closed the connection without a word"
    if isinstance(error, SSL.Error):
        return _C.NET_CONNECTION_RESET, "the connection broke"
    return _C.NET_FAILURE, f"the connection broke ({printable(repr(error))})"


_SILENT = {
    Role.SERVER: "The client may not trust this server's certificate: see its log.",
    Role.CLIENT: "Either this port does not speak TLS (plain DICOM), or the server refused us: "
    "see its log.",
}


def _closed(who: str, error: BaseException, role: Role) -> TlsError:
    code, text = _system_error(error)
    advice = _SILENT[role]
    return TlsError(code, f"{who}: {text} in the middle of it. {advice}", advice=advice)


def _broken(
    error: BaseException, other: str, role: Role, data_received: bool
) -> TlsError | NetworkError:
    code, text = _system_error(error)
    if code is _C.TLS_CLOSE_NOTIFY:
        return TlsError(
            code,
            f"TLS connection with the {other} ended: {text}. {_SEE_LOG}",
            stage="transfer",
            advice=_SEE_LOG,
        )
    advice = _SEE_LOG
    if role is Role.CLIENT and not data_received:
        advice = "The server may have refused our certificate: see its log."
    elif code is _C.NET_CONNECTION_ABORTED:
        text += ", without TLS's close_notify, so that data may be missing"
    return NetworkError(code, f"TLS connection with the {other} failed: {text}. {advice}")


_SEE_LOG = "See the peer's log for the reason."
