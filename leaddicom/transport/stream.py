"""One interface over a plain socket and over TLS on a socket.

Both are non-blocking.  `WantRead` and `WantWrite` say what to wait for before the same call is
made again; with TLS a read may want to write and a write may want to read.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from functools import partial
from typing import Any, Protocol

from OpenSSL import SSL

from leaddicom.errors import NetworkError, TlsError
from leaddicom.tls.failures import (
    foreign_protocol,
    handshake_failure,
    tls_on_plain_port,
    transfer_failure,
    weak_link,
)
from leaddicom.tls.identity import (
    LinkFacts,
    PeerIdentity,
    check_host_name,
    link_facts,
    peer_identity,
    trusted_by_peer,
)
from leaddicom.tls.sessions import sessions_of
from leaddicom.tls.settings import TlsSettings
from leaddicom.tls.verification import OnVerify, Role, prepare, verify_again

__all__ = [
    "PlainStream",
    "Stream",
    "TlsStream",
    "WantRead",
    "WantWrite",
    "address_text",
    "host_and_port",
]

#: Most that one read of a TLS record gives (RFC 8446 section 5.1).
RECORD_LENGTH = 16_384
_FIRST_BYTES = 16
#: A fatal alert without protection: this is TLS, and no version of it was understood.
_PROTOCOL_VERSION = b"\x15\x03\x03\x00\x02\x02\x46"


class WantRead(Exception):
    """Wait until the socket is readable, then repeat the call."""


class WantWrite(Exception):
    """Wait until the socket is writable, then repeat the call."""


def address_text(address: tuple[object, ...] | str) -> str:
    """Give ``host:port`` of a socket address, with brackets around an IPv6 host."""
    if isinstance(address, str) or len(address) < 2:
        return str(address) or "unknown"
    host = str(address[0])
    return f"[{host}]:{address[1]}" if ":" in host else f"{host}:{address[1]}"


def host_and_port(address: tuple[Any, ...]) -> tuple[str, int]:
    """Give host and port of a socket address.

    An IPv4 peer of a socket that serves both families has its own address, without the prefix
    under which IPv6 shows it (RFC 4291 section 2.5.5.2).
    """
    host = str(address[0])
    plain = host.removeprefix("::ffff:")
    return (plain if "." in plain else host, int(address[1]))


class Stream(Protocol):
    """What the connection's network thread needs of a transport."""

    def handshake(self) -> None:
        """Go on with the handshake; returns when it is complete."""

    def recv_into(self, buffer: memoryview) -> int:
        """Read into `buffer`; 0 is the end of the stream."""

    def send(self, data: memoryview) -> int:
        """Write some of `data` and tell how much."""

    def pending(self) -> int:
        """Tell how many bytes can be read although the socket is not readable."""

    def shutdown(self) -> None:
        """Say goodbye as far as that is possible without waiting."""


class PlainStream:
    """DICOM without TLS.

    Parameters
    ----------
    sock : socket.socket
        A connected, non-blocking socket.
    role : Role
        Which end of the TCP connection this is.
    peer : str
        The peer's address for messages.
    """

    def __init__(self, sock: socket.socket, role: Role, peer: str) -> None:
        self._socket = sock
        self._role = role
        self._peer = peer
        self._first = True

    def handshake(self) -> None:
        """There is none."""

    def recv_into(self, buffer: memoryview) -> int:
        """Read into `buffer`; 0 is the end of the stream.

        Raises
        ------
        TlsError
            The peer speaks TLS.
        """
        try:
            count = self._socket.recv_into(buffer)
        except BlockingIOError:
            raise WantRead from None
        if self._first and count:
            self._first = False
            first_bytes = bytes(buffer[: min(count, _FIRST_BYTES)])
            mismatch = tls_on_plain_port(first_bytes, role=self._role, peer=self._peer)
            if mismatch is not None:
                raise mismatch
        return count

    def send(self, data: memoryview) -> int:
        """Write some of `data` and tell how much."""
        try:
            return self._socket.send(data)
        except BlockingIOError:
            raise WantWrite from None

    def pending(self) -> int:
        """There is nothing between the socket and us."""
        return 0

    def shutdown(self) -> None:
        """Half-close, so that what was sent arrives before the end does."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)


class TlsStream:
    """DICOM over TLS through a pyOpenSSL connection.

    Parameters
    ----------
    sock : socket.socket
        A connected, non-blocking socket.
    context : OpenSSL.SSL.Context
        From `tls.settings.build_context`.
    settings : TlsSettings
        Whether and which host name is checked.
    role : Role
        Who starts the handshake.
    host : str
        What the client connects to: a host name or an address.
    peer : str
        The peer's address for messages.
    on_verify : OnVerify, optional
        The application's say about each certificate of the peer.
    """

    def __init__(
        self,
        sock: socket.socket,
        context: SSL.Context,
        settings: TlsSettings,
        role: Role,
        host: str,
        peer: str,
        on_verify: OnVerify | None = None,
    ) -> None:
        self._socket = sock
        self._role = role
        self._peer = peer
        self._profile = settings.profile
        self._first_bytes = b""
        self._data_received = False
        self._is_ready = False
        self._connection = SSL.Connection(context, sock)
        name = settings.server_name or host
        checks = role is Role.CLIENT and settings.check_host_name
        self._verification = prepare(
            self._connection,
            role,
            host=name,
            on_verify=on_verify,
            check_identity=partial(check_host_name, host=name) if checks else None,
        )
        # An application that judges certificates itself wants to see them each time.
        resumes = role is Role.CLIENT and on_verify is None
        self._sessions = sessions_of(context) if resumes else None
        self._server = (name, peer)
        session = None if self._sessions is None else self._sessions.take(self._server)
        if session is not None:
            self._connection.set_session(session)

    def handshake(self) -> None:
        """Go on with the handshake; returns when it is complete.

        Raises
        ------
        TlsError
            It failed, or the server's certificate is not for the host that was asked for.
        """
        self._peek()
        try:
            self._connection.do_handshake()
            verify_again(self._connection)
        except SSL.WantReadError:
            raise WantRead from None
        except SSL.WantWriteError:
            raise WantWrite from None
        except (SSL.Error, OSError) as error:
            self._flush_alert()
            raise self._failure(error) from error
        weak = weak_link(self._connection, self._profile, role=self._role, peer=self._peer)
        if weak is not None:
            raise weak
        self._is_ready = True

    def recv_into(self, buffer: memoryview) -> int:
        """Read one record into `buffer`; 0 is the end of the stream."""
        try:
            count = self._connection.recv_into(buffer, RECORD_LENGTH)
            self._data_received = True
            return count
        except SSL.WantReadError:
            raise WantRead from None
        except SSL.WantWriteError:
            raise WantWrite from None
        except SSL.ZeroReturnError:
            return 0
        except SSL.SysCallError as error:
            # The end of TCP without close_notify: the upper layer knows whether it was due.
            if error.args[0] == -1 and self._verification.alert_received is None:
                return 0
            raise self._transfer_failure(error) from error
        except SSL.Error as error:
            raise self._transfer_failure(error) from error

    def send(self, data: memoryview) -> int:
        """Write one record of `data` and tell how much it took."""
        if self._role is Role.CLIENT and not self._data_received:
            self._hear_verdict()
        try:
            return self._connection.send(data)
        except SSL.WantReadError:
            raise WantRead from None
        except SSL.WantWriteError:
            raise WantWrite from None
        except SSL.ZeroReturnError:
            raise BrokenPipeError("the peer closed the TLS connection") from None
        except SSL.SysCallError as error:
            # Reading tells more than writing: an alert may be waiting.
            number = error.args[0] if error.args[0] > 0 else errno.EPIPE
            raise OSError(number, os.strerror(number)) from error
        except SSL.Error as error:
            raise self._transfer_failure(error) from error

    def pending(self) -> int:
        """Tell how many decrypted bytes wait inside OpenSSL."""
        return self._connection.pending()

    def shutdown(self) -> None:
        """Send close_notify and half-close, without waiting for the peer's."""
        if self._is_ready:  # without this OpenSSL forgets the session
            self._keep_session()
            with contextlib.suppress(SSL.Error, OSError):
                self._connection.shutdown()
        with contextlib.suppress(SSL.Error, OSError):
            self._socket.shutdown(socket.SHUT_WR)

    @property
    def is_silent(self) -> bool:
        """Whether the peer has not sent a single byte."""
        return not self._first_bytes

    @property
    def facts(self) -> LinkFacts:
        """What was negotiated."""
        return link_facts(self._connection)

    @property
    def identity(self) -> PeerIdentity | None:
        """Who the peer is, by its certificate."""
        return peer_identity(self._connection)

    def _keep_session(self) -> None:
        # With TLS 1.3 it comes after the handshake, with the first data at the latest.
        if self._sessions is not None and self._data_received:
            session = self._connection.get_session()
            if session is not None:
                self._sessions.keep(self._server, session)

    def _hear_verdict(self) -> None:
        """Read the alert of a server that has refused our certificate, if there is one.

        With TLS 1.3 it comes after the handshake (RFC 8446 section 4.4.2.4), and a failed write
        would keep OpenSSL from reading it.
        """
        try:
            self._connection.recv(1, socket.MSG_PEEK)
        except (SSL.WantReadError, SSL.WantWriteError, SSL.ZeroReturnError, SSL.SysCallError):
            return
        except SSL.Error as error:
            raise self._transfer_failure(error) from error

    def _peek(self) -> None:
        # OpenSSL eats the bytes that it cannot understand, and they tell best what went wrong.
        if self._first_bytes:
            return
        try:
            self._first_bytes = self._socket.recv(_FIRST_BYTES, socket.MSG_PEEK)
        except BlockingIOError:
            if self._role is Role.SERVER:  # what comes from now on shall not pass unseen
                raise WantRead from None
        except OSError:
            pass  # OpenSSL will find the same

    def _flush_alert(self) -> None:
        # The alert that says why has been written by OpenSSL; do not let a reset overtake it.
        with contextlib.suppress(OSError):
            if self._role is Role.SERVER and foreign_protocol(self._first_bytes) is not None:
                self._socket.send(_PROTOCOL_VERSION)  # for what is no TLS OpenSSL writes none
            self._socket.shutdown(socket.SHUT_WR)

    def _hear_whom_it_trusts(self) -> None:
        if self._role is Role.CLIENT:
            self._verification.trusted_by_peer = trusted_by_peer(self._connection)

    def _failure(self, error: BaseException) -> TlsError:
        self._hear_whom_it_trusts()
        return handshake_failure(
            error,
            role=self._role,
            peer=self._peer,
            verification=self._verification,
            first_bytes=self._first_bytes,
        )

    def _transfer_failure(self, error: BaseException) -> TlsError | NetworkError:
        self._hear_whom_it_trusts()
        return transfer_failure(
            error,
            role=self._role,
            peer=self._peer,
            verification=self._verification,
            data_received=self._data_received,
        )
