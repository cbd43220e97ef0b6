"""A connection: one socket and the one thread that touches it.

Other threads put what they want to send into the outbox and wake the network thread.  Events of
the owner run on the network thread, in order; what they queue leaves when they return, in as few
system calls as it fits into.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

from cryptography import x509
from OpenSSL import SSL

from leaddicom.dimse.command import Value, encode_command
from leaddicom.dimse.composition import compose, is_final
from leaddicom.dimse.fragmentation import DataSetSource, OutgoingMessage
from leaddicom.dimse.message import message_id_element
from leaddicom.dimse.messages import C_CANCEL_RQ, COMMAND_FIELD, RESPONSE, MessageType
from leaddicom.enums import AbortReason, IpType
from leaddicom.errors import DicomError, DicomErrorCode, NetworkError, ProtocolError, TlsError
from leaddicom.limits import Limits
from leaddicom.tls.identity import LinkFacts, PeerIdentity
from leaddicom.tls.settings import TlsSettings
from leaddicom.tls.verification import OnVerify
from leaddicom.tls.verification import Role as TlsRole
from leaddicom.transport.deadlines import Clock, Deadline, Deadlines, timed_out
from leaddicom.transport.failures import network_error
from leaddicom.transport.link import Link
from leaddicom.transport.opening import SocketOptions, connect_socket
from leaddicom.transport.outbox import Outbox, QueuedMessage, QueuedPrimitive
from leaddicom.transport.session import Session, SessionOwner
from leaddicom.transport.stream import PlainStream, TlsStream, address_text, host_and_port
from leaddicom.upper_layer.protocol import Role

__all__ = ["Connection", "ConnectionOwner", "SecureEnd", "wait_all_closed"]

logger = logging.getLogger(__name__)

_NOTHING = memoryview(b"")
_UNRECOGNIZED = AbortReason.UNRECOGNIZED_PDU

_DROPPED = (DicomErrorCode.NET_CONNECTION_ABORTED, DicomErrorCode.NET_CONNECTION_RESET)

#: What Python's sockets give as address: host, port and, for IPv6, more.
SocketAddress = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class SecureEnd:
    """What it takes to speak TLS: a context, and the settings that it was built from."""

    context: SSL.Context
    settings: TlsSettings


class ConnectionOwner(SessionOwner, Protocol):
    """Who is told what happens on a connection, always on its network thread."""

    def on_connect(self, error: DicomError | None) -> None:
        """TCP is up, or could not be brought up."""

    def on_secure_link_ready(self, error: DicomError | None) -> None:
        """The TLS handshake has ended, well or not."""

    def on_close(self, error: DicomError | None) -> None:
        """The connection is over; nothing follows."""


class _Stopped(Exception):
    """This end wants the connection to end."""


class Connection:
    """One connection and its network thread.

    Parameters
    ----------
    owner : ConnectionOwner
        Who is told what happens.
    role : Role
        Requestor (connects) or acceptor (is connected to).
    limits : Limits
        Deadlines and limits.
    secure : SecureEnd or None
        TLS, or none.
    directory : str or None
        Folder for temporary files; `None` is the system's.
    clock : Callable[[], float]
        Seconds that never go back.
    trace_received, trace_sent : bool
        Whether the owner listens to `on_received` and `on_sent`; if not, no time is spent.
    on_verify : OnVerify, optional
        The application's say about each certificate of the peer, on the network thread.
    options : SocketOptions, optional
        Of the socket.

    Attributes
    ----------
    session : Session
        Association and messages; of the network thread, but for what it says of any thread.
    peer : str
        Address and port of the peer, for messages.
    peer_address, host_address : tuple of str and int
        Remote and local address and port, once connected.
    is_connected : bool
        Whether TCP is up.
    is_closed : bool
        Whether it is over, or never came to be.
    error : DicomError or None
        What ended the connection, if it was a failure.
    link : LinkFacts or None
        What TLS negotiated; `None` without TLS and before its handshake has ended.
    identity : PeerIdentity or None
        Who the peer is by its certificate, if it showed one.
    is_quiet : bool
        Whether a failure is logged at DEBUG only.
    """

    def __init__(
        self,
        owner: ConnectionOwner,
        role: Role,
        limits: Limits,
        secure: SecureEnd | None,
        *,
        directory: str | None = None,
        clock: Clock = time.monotonic,
        trace_received: bool = False,
        trace_sent: bool = False,
        on_verify: OnVerify | None = None,
        options: SocketOptions | None = None,
    ) -> None:
        self.peer = "the peer"
        self.peer_address: tuple[str, int] = ("", 0)
        self.host_address: tuple[str, int] = ("", 0)
        self.is_connected = False
        self.is_closed = False
        self.error: DicomError | None = None
        self.link: LinkFacts | None = None
        self.identity: PeerIdentity | None = None
        self._owner = owner
        self._clock = clock
        self._connect_end: float | None = None
        self._role = role
        self._limits = limits
        self._secure = secure
        self._on_verify = on_verify
        self._options = options or SocketOptions()
        self._socket: socket.socket | None = None
        self._deadlines = Deadlines(clock)
        self._wire = Link(self._deadlines)
        self._outbox = Outbox(limits)
        self.session = Session(
            owner,
            role,
            limits,
            self._deadlines,
            self._outbox,
            directory=directory,
            trace_received=trace_received,
            trace_sent=trace_sent,
        )
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()
        self._closing = False
        self._close_timed = False
        self.is_quiet = False
        self._forced = False

    # -- from any thread -----------------------------------------------------------------------

    def connect(self, peer: tuple[str, int], host: tuple[str, int], ip_type: IpType) -> None:
        """Connect to `peer` from `host`; the outcome comes with `on_connect`."""
        self.peer = address_text(peer)
        self._start(lambda: self._open_as_client(peer, host, ip_type), f"DICOM to {self.peer}")

    def adopt(self, sock: socket.socket, peer: SocketAddress) -> None:
        """Serve a socket that a listener has accepted from `peer`."""
        self._attach(sock, peer)
        self._start(lambda: self._handshake(sock, TlsRole.SERVER, ""), f"DICOM from {self.peer}")

    @property
    def in_network_thread(self) -> bool:
        """Whether the caller runs on the network thread, that is, inside an event."""
        return self._thread is threading.current_thread()

    def set_socket_options(self, options: SocketOptions) -> None:
        """Change the options of the socket, now if there is one."""
        self._options = options
        if self._socket is not None:
            with contextlib.suppress(OSError):  # it has just been closed
                options.apply(self._socket)

    @property
    def queued(self) -> int:
        """How many messages and primitives the network has not got whole; from any thread."""
        return self._outbox.unsent

    @property
    def context(self) -> SSL.Context | None:
        """The TLS context; `None` without TLS."""
        return None if self._secure is None else self._secure.context

    @property
    def is_requestor(self) -> bool:
        """Whether this end has connected, rather than been connected to."""
        return self._role is Role.REQUESTOR

    @property
    def is_secure(self) -> bool:
        """Whether it speaks TLS, or will."""
        return self._secure is not None

    @property
    def is_associated(self) -> bool:
        """Whether an association is up; it is over with the connection that carries it."""
        return self.is_connected and self.session.upper_layer.is_established

    def send(
        self,
        message_type: MessageType,
        context_id: int,
        arguments: Sequence[Value | None],
        source: DataSetSource | None,
    ) -> None:
        """Queue a DIMSE message; `arguments` are in the order of ``message_type.parameters``.

        Raises
        ------
        ParameterError
            An argument cannot be encoded, or the message must or must not have a data set.
        NetworkError
            The connection is closed.
        """
        self.send_command(context_id, compose(message_type, arguments, source is not None), source)

    def send_command(
        self, context_id: int, command: dict[int, Value], source: DataSetSource | None
    ) -> None:
        """Queue a DIMSE message whose command set is complete; see `send`."""
        field = cast("int", command[COMMAND_FIELD.element])
        is_response = bool(field & RESPONSE)
        if is_response:
            command = self._owner.on_response(command)
        self.put(
            QueuedMessage(
                OutgoingMessage(context_id, encode_command(command), source),
                cast("int", command[message_id_element(field)]),
                is_operation=not is_response and field != C_CANCEL_RQ.command_field,
                is_final=is_response and is_final(command),
                command_field=field,
            )
        )

    def put(self, item: QueuedMessage | QueuedPrimitive) -> None:
        """Queue something to send.

        Outside of events the caller waits while the queue is above its high-water mark.

        Raises
        ------
        NetworkError
            The connection is closed.
        """
        inside = self.in_network_thread
        # Before it is queued: once it has left, the peer may use its message ID again.
        answer = item if isinstance(item, QueuedMessage) and item.is_final else None
        was_owed = answer is not None and self.session.answered(answer.message_id)
        try:
            self._outbox.put(item, may_wait=not inside)
        except NetworkError as closed:
            if answer is not None and was_owed:
                self.session.not_answered(answer.message_id)
            why = "" if self.error is None else f" {self.error}"
            raise NetworkError(closed.code, f"{closed}{why}") from None
        if not inside:
            self._wire.wake()

    def abort(self, source: int, reason: int) -> None:
        """Abort the association ahead of everything that waits to be sent."""
        self.session.abort(source, reason)
        self._wire.wake()

    def expel(self, error: DicomError) -> None:
        """Drop the connection at once for the reason `error`, without waiting for its end."""
        self.error = self.error or error
        self.close(forced=True, wait=False)

    def close(self, *, forced: bool = False, wait: bool = True) -> None:
        """End the connection; it may be called from any thread, in any state, repeatedly.

        Parameters
        ----------
        forced : bool
            Drop the connection at once.  Otherwise what is queued leaves first, within
            `Limits.abort_timeout`.
        wait : bool
            Whether to call `wait_closed`.
        """
        if forced:
            self._forced = True
        self._closing = True
        self._outbox.refuse()  # from here, because the network thread may not come to it
        self._wire.wake()
        if wait:
            self.wait_closed()

    def wait_closed(self, timeout: float | None = None) -> bool:
        """Wait until the connection is over, its last event included; not inside events.

        Parameters
        ----------
        timeout : float, optional
            Seconds; by default what an orderly end may take.

        Returns
        -------
        bool
            Whether it is over.
        """
        if self._thread is None or self.in_network_thread:
            return False
        return self._ended.wait(self.closing_time if timeout is None else timeout)

    @property
    def closing_time(self) -> float:
        """Seconds that an orderly end may take."""
        # What is queued, the A-ABORT and the peer's end of TCP may take as long each.
        return 3 * self._limits.abort_timeout + 1.0

    # -- opening -------------------------------------------------------------------------------

    def _start(self, open_: Callable[[], None], name: str) -> None:
        self._thread = threading.Thread(target=self._run, args=(open_,), name=name, daemon=True)
        try:
            self._thread.start()
        except RuntimeError as failure:
            error = NetworkError(
                DicomErrorCode.NET_NO_BUFFERS,
                f"There is no thread for the connection with {self.peer}: {failure}. Raise the "
                "system's limit (ulimit -u), or lower Limits.associations.",
            )
            self._thread, self._forced, was_connected = None, True, self.is_connected
            self._end(error)
            if not was_connected:  # nobody was told
                raise error from failure

    def _run(self, open_: Callable[[], None]) -> None:
        error: DicomError | None = None
        try:
            open_()
            self._serve()
        except _Stopped:
            pass
        except (DicomError, OSError) as failure:
            error = _as_dicom_error(failure, f"The connection with {self.peer}")
            if self.session.is_settled and error.code is DicomErrorCode.NET_CONNECTION_RESET:
                error = None  # a health check, or a peer in a hurry after the release
        except BaseException as failure:
            logger.exception("A fault in this program ends the connection with %s", self.peer)
            fault = type(failure).__name__
            error = DicomError(DicomErrorCode.NET_FAILURE, f"A fault in this program: {fault}.")
        finally:
            self._end(error)

    def _open_as_client(
        self, peer: tuple[str, int], host: tuple[str, int], ip_type: IpType
    ) -> None:
        try:
            sock = connect_socket(peer, host, ip_type, self._wait_for_connect)
            self._attach(sock, sock.getpeername())
        except (DicomError, OSError) as failure:
            error = _as_dicom_error(failure, f"Connecting to {self.peer}")
            self.error = self.error or error
            self.is_closed = True
            logger.log(logging.DEBUG if self.is_quiet else logging.WARNING, "%s", self.error)
            self.session.tell(self._owner.on_connect, error)
            raise _Stopped from None
        self.session.tell(self._owner.on_connect, None)
        self._handshake(sock, TlsRole.CLIENT, peer[0])

    def _wait_for_connect(self, sock: socket.socket, left: int) -> None:
        # Every address that is left gets its share: the first may be of a network that is broken.
        now = self._clock()
        if self._connect_end is None:
            self._connect_end = now + self._limits.connect_timeout
        share = max(0.0, self._connect_end - now) / left
        self._deadlines.start(Deadline.CONNECT, share)
        while not self._wire.wait_writable(sock):
            if self._closing or self.session.is_aborting:
                raise NetworkError(
                    DicomErrorCode.CANCELED,
                    f"Connecting to {self.peer} was given up, because this end was closed.",
                )
            if self._deadlines.expired() is not None:
                raise OSError(errno.ETIMEDOUT, f"no answer within {share:.2g} s")
        self._deadlines.stop(Deadline.CONNECT)

    def _attach(self, sock: socket.socket, peer: SocketAddress) -> None:
        self._wire.attach(sock, self._options)
        self.peer_address = host_and_port(peer)
        self.host_address = host_and_port(sock.getsockname())
        self.peer = self.session.peer = address_text(self.peer_address)
        self.is_connected = True
        self._socket = sock

    def _handshake(self, sock: socket.socket, role: TlsRole, host: str) -> None:
        if self._secure is None:
            self._wire.open(PlainStream(sock, role, self.peer))
            return
        on_verify = None if self._on_verify is None else self._ask
        context, settings = self._secure.context, self._secure.settings
        stream = TlsStream(sock, context, settings, role, host, self.peer, on_verify)
        self._wire.open(stream)
        self._deadlines.start(Deadline.HANDSHAKE, self._limits.handshake_timeout)
        try:
            while not self._wire.handshake(stream):
                self._check_closing()
                if self._deadlines.expired() is not None:
                    raise timed_out(Deadline.HANDSHAKE, self._limits.handshake_timeout, self.peer)
            self._check_closing()
            self.link, self.identity = stream.facts, stream.identity
        except (DicomError, OSError) as failure:
            error = _as_dicom_error(failure, f"The TLS handshake with {self.peer}")
            # Health checks connect and go again: not a word was said, so none is logged.
            self.is_quiet = self.is_quiet or (
                role is TlsRole.SERVER and stream.is_silent and isinstance(failure, TlsError)
            )
            self.session.tell(self._owner.on_secure_link_ready, error)
            raise error from None
        self._deadlines.stop(Deadline.HANDSHAKE)
        self.session.tell(self._owner.on_secure_link_ready, None)

    def _ask(self, ok: bool, certificate: x509.Certificate, code: int, cause: str) -> bool:
        """Have the application judge a certificate; its time is not the peer's."""
        self._deadlines.pause()
        try:
            return self._on_verify is not None and self._on_verify(ok, certificate, code, cause)
        finally:
            self._deadlines.resume()

    def _check_closing(self) -> None:
        if self._closing or self.session.is_aborting:
            raise self.error or _Stopped

    # -- serving -------------------------------------------------------------------------------

    def _serve(self) -> None:
        session, wire = self.session, self._wire
        unsent = _NOTHING
        readable, writable = False, True
        session.begin()
        while True:
            unsent = self._write(unsent, writable)
            if self._is_over(unsent):
                return
            session.watch()  # what was sent may oblige the peer to answer
            # A peer that asks and does not listen to the answers is not listened to either.
            deaf = bool(unsent) and self._outbox.is_full
            if deaf:
                self._deadlines.stop(Deadline.PDU)
            readable, writable = wire.wait(to_read=not deaf, to_write=bool(unsent))
            writable = writable or not unsent
            if readable:
                data = self._read()
                if data:
                    session.receive(data)
                if wire.ended:
                    session.end_of_stream()
                    return
            session.watch()
            expired = self._deadlines.expired()
            if expired is not None:
                session.expire(expired)

    def _read(self) -> memoryview:
        try:
            return self._wire.read()
        except TlsError as error:
            if self._secure is not None:
                raise
            # PS3.8 answers what is no PDU with an A-ABORT; a TLS client then sees what we speak.
            self.error = self.error or error
            list(self.session.upper_layer.fail(ProtocolError(error.message, _UNRECOGNIZED)))
            return _NOTHING

    def _write(self, unsent: memoryview, writable: bool) -> memoryview:
        """Send what waits; give what the network has not taken, over which WRITE runs."""
        progress = False
        unsent = unsent or self.session.next_bytes()
        if unsent and writable:
            before = len(unsent)
            unsent = self._send(unsent)
            progress = len(unsent) < before
            if not unsent:
                self.session.sent()
                unsent = self.session.next_bytes()
        if not unsent:
            self._deadlines.stop(Deadline.WRITE)
        elif progress or not self._deadlines.is_running(Deadline.WRITE):
            self._deadlines.start(Deadline.WRITE, self._limits.write_timeout)
        return unsent

    def _send(self, data: memoryview) -> memoryview:
        try:
            return self._wire.write(data)
        except OSError:
            # The peer is gone, but it may have said why: an alert, an A-ABORT.
            with contextlib.suppress(NetworkError, OSError):
                while said := self._wire.read():
                    self.session.receive(said)
            raise

    def _is_over(self, unsent: memoryview) -> bool:
        if self._forced:
            return True
        if self._closing and not self._close_timed:
            self._close_timed = True
            self._outbox.drop_operations()  # they wait for answers that nobody awaits any more
            self._deadlines.start(Deadline.ABORT, self._limits.abort_timeout)
        if unsent:
            return False
        if not self._closing or not self.session.is_idle:
            return self.session.is_over
        if not self.session.upper_layer.is_established:
            return True
        self.abort(0, 0)  # an association that was not released is aborted
        return False

    # -- the end -------------------------------------------------------------------------------

    def _end(self, error: DicomError | None) -> None:
        self.error = error = self.error or self.session.error or error
        if error is not None:
            error.__traceback__ = None  # it would keep buffers and data sets alive
            self._hint_at_tls(error)
        was_connected, self.is_connected = self.is_connected, False
        self.session.close()
        if was_connected and not self._forced:
            with contextlib.suppress(Exception):
                self._linger()
        self._wire.close()
        self.is_closed = True
        if was_connected:
            if error is not None:
                level = logging.DEBUG if self.is_quiet else logging.WARNING
                named = self.peer in error.message
                prefix = "" if named else f"The connection with {self.peer} ended: "
                logger.log(level, "%s%s", prefix, error)
            self.session.tell(self._owner.on_close, error)
        self._ended.set()

    def _hint_at_tls(self, error: DicomError) -> None:
        """Say what is likely: a TLS server has no words for plain DICOM, and closes."""
        upper_layer = self.session.upper_layer
        unanswered = upper_layer.request is not None and not upper_layer.pdus_begun
        is_plain = self._secure is None and self._role is Role.REQUESTOR
        if is_plain and unanswered and error.code in _DROPPED:
            error.message += (
                " It may expect TLS: turn TLS on here, or ask for its port without TLS."
            )

    def _linger(self) -> None:
        """Say goodbye, and give the last bytes time to arrive."""
        self._wire.shutdown()
        if self._wire.ended or self.session.is_released:
            return
        self._deadlines.stop_all()
        self._deadlines.start(Deadline.ABORT, self._limits.abort_timeout)
        while not self._forced and self._wire.drain():
            if self._deadlines.expired() is not None:
                return


def wait_all_closed(connections: Sequence[Connection]) -> None:
    """Wait until connections are over, for no longer in all than one of them may take."""
    end = time.monotonic() + max((each.closing_time for each in connections), default=0.0)
    for each in connections:
        each.wait_closed(max(0.0, end - time.monotonic()))


def _as_dicom_error(failure: DicomError | OSError, doing: str) -> DicomError:
    return failure if isinstance(failure, DicomError) else network_error(failure, doing)
