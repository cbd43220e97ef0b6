"""What OpenSSL can do and pyOpenSSL does not offer, reached through pyOpenSSL's own bindings.

Nobody promises that a later release of them still has it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from OpenSSL import SSL, crypto
from OpenSSL._util import ffi, lib

from leaddicom.errors import DicomErrorCode, TlsError

__all__ = [
    "is_resumed",
    "lacks_extended_master_secret",
    "refuse_server_names",
    "set_signature_algorithms",
    "set_verify",
]

_log = logging.getLogger(__name__)

_FATAL_ALERT = 2  # SSL_TLSEXT_ERR_ALERT_FATAL


def set_signature_algorithms(context: SSL.Context, names: str) -> None:
    """Set which algorithms may sign handshakes, and certificates that are sent.

    Parameters
    ----------
    context : OpenSSL.SSL.Context
        Not used yet.
    names : str
        TLS's names, separated by colons.

    Raises
    ------
    TlsError
        They cannot be set.
    """
    choose = getattr(lib, "SSL_CTX_set1_sigalgs_list", None)
    if choose is None or choose(_native(context), names.encode("ascii")) != 1:
        lib.ERR_clear_error()
        raise TlsError(
            DicomErrorCode.TLS,
            f"The signature algorithms {names} cannot be set, as the TLS profile needs it. Install "
            "the releases of cryptography and pyOpenSSL that this package asks for.",
            stage="certificate",
        )


def refuse_server_names(context: SSL.Context, refuses: Callable[[SSL.Connection], bool]) -> None:
    """Have a server's `context` send unrecognized_name (112) where `refuses` says so.

    pyOpenSSL's own callback can refuse only by an exception, which it prints on the standard
    error.  OpenSSL fills the alert in (RFC 6066 section 3).

    Parameters
    ----------
    context : OpenSSL.SSL.Context
        Not used yet.
    refuses : callable
        Is shown each connection after its ClientHello, whether that names a server or not.  It
        must not raise; if it does, that is logged, and the connection refused.
    """

    def callback(native: Any, alert: Any, argument: Any) -> int:
        return _FATAL_ALERT if refuses(SSL.Connection._reverse_mapping[native]) else 0

    kept = ffi.callback(
        "int (*)(SSL *, int *, void *)", callback, error=_FATAL_ALERT, onerror=_log_error
    )
    lib.SSL_CTX_set_tlsext_servername_callback(_native(context), kept)
    # OpenSSL holds no reference; pyOpenSSL keeps the callback of its own in this attribute.
    context._tlsext_servername_callback = kept


def _log_error(kind: type[BaseException], error: BaseException, traceback: Any) -> None:
    _log.error("A server name was refused, since its check failed", exc_info=error)


def set_verify(
    connection: SSL.Connection, mode: int, check: Callable[[crypto.X509, int, int, int], int]
) -> None:
    """Have a connection's handshake ask `check` about the peer's certificates.

    pyOpenSSL's own callback cannot say why it refuses what OpenSSL has found in order, so that the
    peer would be sent an internal_error (80) instead of the alert that fits.

    Parameters
    ----------
    connection : OpenSSL.SSL.Connection
        Not used yet.
    mode : int
        ``SSL.VERIFY_...`` bits.
    check : callable
        Is given a certificate, the number of OpenSSL's failed check, the certificate's depth and
        whether OpenSSL found it in order; gives 0, or the number of the check that refuses it.
        It must not raise; if it does, that is logged, and the certificate refused.
    """

    def callback(ok: int, store: Any) -> int:
        raw = lib.X509_STORE_CTX_get_current_cert(store)
        if raw == ffi.NULL:  # OpenSSL had no memory, or the like
            return 0
        lib.X509_up_ref(raw)
        certificate = crypto.X509._from_raw_x509_ptr(raw)
        code = lib.X509_STORE_CTX_get_error(store)
        refusal = check(certificate, code, lib.X509_STORE_CTX_get_error_depth(store), ok)
        lib.X509_STORE_CTX_set_error(store, refusal)
        return 0 if refusal else 1

    kept = ffi.callback(
        "int (*)(int, X509_STORE_CTX *)", callback, error=0, onerror=_log_refused_certificate
    )
    lib.SSL_set_verify(connection._ssl, mode, kept)
    # OpenSSL holds no reference; pyOpenSSL keeps the callback of its own in this attribute.
    connection._verify_callback = kept


def _log_refused_certificate(
    kind: type[BaseException], error: BaseException, traceback: Any
) -> None:
    _log.error("A certificate was refused, since its check failed", exc_info=error)


def is_resumed(connection: SSL.Connection) -> bool:
    """Tell whether the handshake of a connection has resumed an earlier session."""
    return bool(lib.SSL_session_reused(connection._ssl))


def lacks_extended_master_secret(connection: SSL.Connection) -> bool:
    """Tell whether a connection is known to be without RFC 7627's master secret.

    TLS 1.3 always has what it is good for.

    Parameters
    ----------
    connection : OpenSSL.SSL.Connection
        Its handshake is complete.
    """
    tell = getattr(lib, "SSL_get_extms_support", None)
    if tell is None or connection.get_protocol_version() >= SSL.TLS1_3_VERSION:
        return False
    return bool(tell(connection._ssl) != 1)


def _native(context: SSL.Context) -> Any:
    return context._context
