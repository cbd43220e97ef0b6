"""The keys of connections in a file, with which Wireshark shows what was said.

The format is that of NSS, which Wireshark and most TLS libraries know.
"""

from __future__ import annotations

import errno
import logging
import os
import stat

from OpenSSL import SSL

from leaddicom.tls.text import printable

__all__ = ["VARIABLE", "log_keys"]

_log = logging.getLogger(__name__)

#: The environment variable with the file's name that browsers, curl and Python's ssl know.
VARIABLE = "SSLKEYLOGFILE"


def log_keys(context: SSL.Context, *, allowed: bool) -> None:
    """Have `context` append its connections' keys to the file of SSLKEYLOGFILE.

    A file that cannot be written leaves everything else as it is.

    Parameters
    ----------
    context : OpenSSL.SSL.Context
        Not used yet.
    allowed : bool
        Whether the settings allow it; if not, a variable that is set is only mentioned.
    """
    path = os.environ.get(VARIABLE)
    if not path:
        return
    if not allowed:
        _log.info("%s is set, but no keys are logged: the TLS settings do not allow it", VARIABLE)
        return
    try:
        _append(path, b"")
    except OSError as error:
        _log.warning("No keys are logged to %s (%s): %s", printable(path), VARIABLE, error)
        return
    _log.warning(
        "The keys of TLS connections are written to %s (%s): whoever reads that file can decrypt "
        "what was sent, also later. Remove it when the fault is found.",
        printable(path),
        VARIABLE,
    )
    context.set_keylog_callback(lambda _, line: _append_quietly(path, line + b"\n"))


def _append_quietly(path: str, line: bytes) -> None:
    try:
        _append(path, line)
    except OSError as error:  # nothing may escape into OpenSSL
        _log.warning("A key cannot be logged to %s: %s", printable(path), error)


def _append(path: str, line: bytes) -> None:
    """Append a line in one system call, so that those of other programs do not mix with it."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    # A FIFO must not hold up the connection.
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    descriptor = os.open(path, flags, 0o600)
    try:
        if os.name == "posix":
            _keep_private(descriptor)
        if line:
            os.write(descriptor, line)
    finally:
        os.close(descriptor)


def _keep_private(descriptor: int) -> None:
    """See that nobody else can read the file, which may have been there before."""
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        raise PermissionError(errno.EPERM, "it is no ordinary file")
    if found.st_uid != os.geteuid() or found.st_nlink != 1:
        raise PermissionError(errno.EPERM, "it is another user's, or has other names")
    if found.st_mode & 0o077:
        os.fchmod(descriptor, 0o600)
