"""Errors of the operating system as ours."""

from __future__ import annotations

import errno
import socket

from leaddicom.error_codes import errno_code, resolver_code
from leaddicom.errors import NetworkError

__all__ = ["network_error"]

_DROPPED = "The peer dropped the connection; its log may say why."
_OFFLINE = "Check the network connection of this computer."
_TOO_MANY_FILES = "Too many open files; raise the limit (ulimit -n)."
_UNREACHABLE = "Check the address, the route and the firewalls between."

# What one can do about it.
_ADVICE = {
    errno.EACCES: "Ports below 1024 need a privilege; use another port or grant it.",
    errno.EPERM: "A firewall or the system forbids it.",
    errno.EADDRINUSE: "Another program listens there; stop it or use another port.",
    errno.EADDRNOTAVAIL: "The address does not belong to this computer.",
    errno.EAFNOSUPPORT: "This computer has no network of that address family.",
    errno.ECONNABORTED: "Try again.",
    errno.ECONNREFUSED: "Nothing listens there; check host and port and that the peer runs.",
    errno.ECONNRESET: _DROPPED,
    errno.EPIPE: _DROPPED,
    errno.EINVAL: "Check the address; a link-local one needs its interface (fe80::1%eth0).",
    errno.EMFILE: _TOO_MANY_FILES,
    errno.ENFILE: _TOO_MANY_FILES,
    errno.ENETDOWN: _OFFLINE,
    errno.ENETUNREACH: _OFFLINE,
    errno.EHOSTDOWN: _UNREACHABLE,
    errno.EHOSTUNREACH: _UNREACHABLE,
    errno.ENOBUFS: "The system is short of memory.",
    errno.ENOMEM: "The system is short of memory.",
    errno.EPROTONOSUPPORT: "This computer has no TCP of that address family.",
    errno.ETIMEDOUT: _UNREACHABLE,
}

_RESOLVER_NAMES = {number: name for name, number in vars(socket).items() if name.startswith("EAI_")}


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
        return NetworkError(
            resolver_code(_RESOLVER_NAMES.get(error.errno or 0, "")),
            f"{doing} failed: {error.strerror}. Check the host name and the name server.",
        )
    advice = _ADVICE.get(error.errno or 0, "")
    text = f"{doing} failed: {error.strerror or error}. {advice}".rstrip()
    return NetworkError(errno_code(error.errno), text)
