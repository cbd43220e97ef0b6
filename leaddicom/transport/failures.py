"""Errors of the operating system as ours."""

from __future__ import annotations

import errno
import socket

from leaddicom.errors import DicomErrorCode, NetworkError

__all__ = ["network_error"]

# errno to LEADTOOLS' code and to what one can do about it.
_ERRNO: dict[int, tuple[DicomErrorCode, str]] = {
    errno.EACCES: (
        DicomErrorCode.NET_ACCESS,
        "Ports below 1024 need a privilege; use another port or grant it.",
    ),
    errno.EPERM: (DicomErrorCode.NET_ACCESS, "A firewall or the system forbids it."),
    errno.EADDRINUSE: (
        DicomErrorCode.NET_ADDRESS_IN_USE,
        "Another program listens there; stop it or use another port.",
    ),
    errno.EADDRNOTAVAIL: (
        DicomErrorCode.NET_ADDRESS_NOT_AVAILABLE,
        "The address does not belong to this computer.",
    ),
    errno.EAFNOSUPPORT: (
        DicomErrorCode.NET_ADDRESS_NOT_SUPPORTED,
        "This computer has no network of that address family.",
    ),
    errno.ECONNABORTED: (DicomErrorCode.NET_CONNECTION_ABORTED, "Try again."),
    errno.ECONNREFUSED: (
        DicomErrorCode.NET_CONNECTION_REFUSED,
        "Nothing listens there; check host and port and that the peer runs.",
    ),
    errno.ECONNRESET: (
        DicomErrorCode.NET_CONNECTION_RESET,
        "The peer dropped the connection; its log may say why.",
    ),
    errno.EPIPE: (
        DicomErrorCode.NET_CONNECTION_RESET,
        "The peer dropped the connection; its log may say why.",
    ),
    errno.EHOSTUNREACH: (
        DicomErrorCode.NET_HOST_UN_REACH,
        "Check the address, the route and the firewalls between.",
    ),
    errno.ENETUNREACH: (
        DicomErrorCode.NET_UN_REACH,
        "Check the network connection of this computer.",
    ),
    errno.ENETDOWN: (DicomErrorCode.NET_DOWN, "Check the network connection of this computer."),
    errno.ENOBUFS: (DicomErrorCode.NET_NO_BUFFERS, "The system is short of memory."),
    errno.EMFILE: (
        DicomErrorCode.NET_NO_BUFFERS,
        "Too many open files; raise the limit (ulimit -n).",
    ),
    errno.ETIMEDOUT: (
        DicomErrorCode.NET_TIME_OUT,
        "Check the address, the route and the firewalls between.",
    ),
}

_LOOKUP: dict[int, DicomErrorCode] = {
    socket.EAI_AGAIN: DicomErrorCode.NET_TRY_AGAIN,
    socket.EAI_FAIL: DicomErrorCode.NET_NO_RECOVERY,
}


def network_error(error: OSError, doing: str) -> NetworkError:
    """Translate an error of the operating system.

    Parameters
    ----------
    error : OSError
        What the system said.
    doing : str
        What was being done, and with whom, as the beginning of a sentence.

    Returns
    -------
    NetworkError
        With LEADTOOLS' code and a sentence that says what to do.
    """
    if isinstance(error, socket.gaierror):
        code = _LOOKUP.get(error.errno or 0, DicomErrorCode.NET_HOST_NOT_FOUND)
        return NetworkError(
            code, f"{doing} failed: {error.strerror}. Check the host name and the name server."
        )
    code, advice = _ERRNO.get(error.errno or 0, (DicomErrorCode.NET_FAILURE, ""))
    return NetworkError(code, f"{doing} failed: {error.strerror or error}. {advice}".rstrip())
