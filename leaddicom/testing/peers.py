"""Scripted peers: the other end of a connection, which does exactly what a test wants.

A peer runs a *behaviour*, a function of a `Wire`, on a thread of its own.  `Script` makes
behaviours out of steps, and `leaddicom.testing.bugs` has whole SCUs and SCPs that misbehave on
demand::

    script = Script().expect(PduType.ASSOCIATE_REQUEST).stall()
    with ScriptedPeer(script) as peer:
        net.Connect(None, 0, *peer.listen())
        ...                                # the A-ASSOCIATE-RQ is never answered
        peer.let_go()

Sockets block here, TLS is Python's own `ssl`, and nothing of `leaddicom.transport` is used: what
a test compares with the standard is not compared with itself.  Every wait is bounded.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from types import TracebackType
from typing import NamedTuple

from leaddicom.enums import PduType

__all__ = [
    "Behaviour",
    "ConnectionOver",
    "PeerError",
    "ReceivedPdu",
    "Script",
    "ScriptedPeer",
    "Wire",
    "client_hello",
    "tls_context",
]

_HEADER = struct.Struct(">BxL")
_LINGER_ZERO = struct.pack("ii", 1, 0)
_PIECE = 65_536
_TIMEOUT = 10.0


class PeerError(AssertionError):
    """The program under test did not do what the peer's script expects."""


class ConnectionOver(PeerError):
    """The connection ended while the peer expected more."""


class ReceivedPdu(NamedTuple):
    """A PDU that a peer has received: its type, and all of its bytes."""

    type: int
    data: bytes


class Wire:
    """A peer's end of the connection, as behaviours see it.

    Parameters
    ----------
    sock : socket.socket
        Connected.
    is_server : bool
        Which end this is.
    tls : ssl.SSLContext or None
        What `secure` uses.
    timeout : float
        Seconds that any step may take.

    Attributes
    ----------
    received : list of ReceivedPdu
        Every PDU that was received.
    piece_length : int or None
        If set, what is sent leaves in pieces of so many bytes.
    stalled : threading.Event
        Set while the peer stalls.
    """

    def __init__(
        self,
        sock: socket.socket,
        is_server: bool,
        tls: ssl.SSLContext | None = None,
        timeout: float = _TIMEOUT,
    ) -> None:
        self.received: list[ReceivedPdu] = []
        self.piece_length: int | None = None
        self.stalled = threading.Event()
        self._let_go = threading.Event()
        self._ahead = b""
        self._is_server = is_server
        self._tls = tls
        self._timeout = timeout
        self._socket = sock
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(timeout)

    @classmethod
    def connect(
        cls,
        address: tuple[str, int],
        tls: ssl.SSLContext | None = None,
        timeout: float = _TIMEOUT,
    ) -> Wire:
        """Connect; for tests that need no thread for their peer."""
        return cls(socket.create_connection(address, timeout), False, tls, timeout)

    @property
    def address(self) -> tuple[str, int]:
        """Address and port of this end."""
        name = self._socket.getsockname()
        return name[0], name[1]

    def secure(self) -> None:
        """Do the TLS handshake; nothing without a context."""
        if self._tls is None:
            return
        name = None if self._is_server else "localhost"
        self._socket = stream = self._tls.wrap_socket(
            self._socket,
            server_side=self._is_server,
            server_hostname=name,
            do_handshake_on_connect=False,
        )
        stream.do_handshake()

    def send(self, data: bytes) -> None:
        """Send all of `data`.

        Raises
        ------
        ConnectionOver
            The other end has closed or reset the connection.
        """
        step = self.piece_length or max(len(data), 1)
        try:
            for position in range(0, len(data), step):
                self._socket.sendall(data[position : position + step])
        except TimeoutError as error:
            raise PeerError(f"Nobody took {len(data)} bytes in {self._timeout:g} s") from error
        except OSError as error:
            raise ConnectionOver(f"The connection ended while sending: {error}") from error

    def receive(self, size: int) -> bytes:
        """Receive exactly `size` bytes.

        Raises
        ------
        ConnectionOver
            The connection ended before.
        """
        data = bytearray()
        while len(data) < size:
            piece = self._receive_some(size - len(data))
            if not piece:
                raise ConnectionOver(
                    f"The connection ended after {len(data)} of {size} bytes: {bytes(data)!r:.80}"
                )
            data += piece
        return bytes(data)

    def receive_pdu(self) -> ReceivedPdu:
        """Receive one PDU."""
        header = self.receive(_HEADER.size)
        pdu_type, length = _HEADER.unpack(header)
        pdu = ReceivedPdu(pdu_type, header + self.receive(length))
        self.received.append(pdu)
        return pdu

    def expect(self, pdu_type: PduType) -> ReceivedPdu:
        """Receive one PDU, which has to be of this type."""
        pdu = self.receive_pdu()
        if pdu.type != pdu_type:
            raise PeerError(f"Expected {pdu_type.name}, received {pdu.data!r:.80}")
        return pdu

    def receive_to_end(self) -> None:
        """Receive PDUs until the other end closes or resets the connection."""
        with contextlib.suppress(ConnectionOver):
            while True:
                self.receive_pdu()

    def raw_to_end(self) -> bytes:
        """Receive bytes, whatever they mean, until the other end closes or resets."""
        data = bytearray()
        with contextlib.suppress(ConnectionOver):
            while piece := self._receive_some(_PIECE):
                data += piece
        return bytes(data)

    def stall(self) -> None:
        """Do nothing until `let_go` is called."""
        self.stalled.set()
        if not self._let_go.wait(self._timeout):
            raise PeerError(f"Stalled for {self._timeout:g} s, and nobody called let_go")
        self.stalled.clear()

    def let_go(self) -> None:
        """End this stall, or the next one; from any thread."""
        self._let_go.set()

    def hears_within(self, seconds: float) -> bool:
        """Wait until the other end says something or ends the connection."""
        # A readable TLS socket need not have anything for us, so that one has to try.
        self._socket.settimeout(seconds)
        try:
            self._ahead += self._socket.recv(1)
        except TimeoutError:
            return False
        except OSError:
            return True
        finally:
            self._socket.settimeout(self._timeout)
        return True

    def half_close(self) -> None:
        """Close the sending side of TCP; over TLS without close_notify."""
        socket.socket.shutdown(self._socket, socket.SHUT_WR)

    def reset(self) -> None:
        """End the connection with a TCP RST."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
        self._socket.close()

    def close(self) -> None:
        """Close the socket; over TLS without close_notify."""
        self._socket.close()

    def break_off(self) -> None:
        """Make whatever the peer's thread waits for fail; from any thread."""
        self.let_go()
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def _receive_some(self, size: int) -> bytes:
        if self._ahead:
            data, self._ahead = self._ahead[:size], self._ahead[size:]
            return data
        try:
            return self._socket.recv(size)
        except TimeoutError as error:
            raise PeerError(f"Nothing came in {self._timeout:g} s") from error
        except OSError as error:
            raise ConnectionOver(f"The connection ended: {error}") from error


#: What a peer does with its end of the connection.
Behaviour = Callable[[Wire], None]


class Script:
    """Steps, one after the other; when they are over the connection is closed.

    Every method adds a step and returns the script.

    Parameters
    ----------
    secure : bool
        Whether the TLS handshake of a peer with TLS goes first; otherwise the steps work on
        the bare TCP connection, until `secure`.
    """

    def __init__(self, secure: bool = True) -> None:
        self._steps: list[Behaviour] = []
        if secure:
            self.secure()

    def __call__(self, wire: Wire) -> None:
        """Do the steps."""
        for step in self._steps:
            step(wire)

    def do(self, behaviour: Behaviour) -> Script:
        """Call a function of the wire."""
        self._steps.append(behaviour)
        return self

    def secure(self) -> Script:
        """Do the TLS handshake, if the peer has TLS."""
        return self.do(Wire.secure)

    def send(self, data: bytes) -> Script:
        """Send bytes."""
        return self.do(lambda wire: wire.send(data))

    def receive(self) -> Script:
        """Receive a PDU."""
        return self.do(lambda wire: _ignore(wire.receive_pdu()))

    def expect(self, pdu_type: PduType) -> Script:
        """Receive a PDU of this type; anything else is an error of the script."""
        return self.do(lambda wire: _ignore(wire.expect(pdu_type)))

    def until_end(self) -> Script:
        """Receive PDUs until the other end closes or resets."""
        return self.do(Wire.receive_to_end)

    def stall(self) -> Script:
        """Do nothing until `ScriptedPeer.let_go`."""
        return self.do(Wire.stall)

    def reset(self) -> Script:
        """End the connection with a TCP RST."""
        return self.do(Wire.reset)

    def close(self) -> Script:
        """Close the connection."""
        return self.do(Wire.close)

    def half_close(self) -> Script:
        """Close the sending side of TCP."""
        return self.do(Wire.half_close)


def _ignore(_: ReceivedPdu) -> None:
    return None


class ScriptedPeer:
    """A peer and its thread, for one connection.

    Parameters
    ----------
    behaviour : Script or callable
        What it does, see `Wire`.
    tls : ssl.SSLContext, optional
        Speaks TLS, see `tls_context`.
    timeout : float
        Seconds that any step of the behaviour may take.
    receive_buffer : int, optional
        Size of the system's receive buffer (SO_RCVBUF), so that a peer that does not read is
        noticed sooner.
    """

    def __init__(
        self,
        behaviour: Behaviour,
        tls: ssl.SSLContext | None = None,
        timeout: float = _TIMEOUT,
        receive_buffer: int | None = None,
    ) -> None:
        self._behaviour = behaviour
        self._tls = tls
        self._timeout = timeout
        self._receive_buffer = receive_buffer
        self._listening: socket.socket | None = None
        self._wire: Wire | None = None
        self._started = threading.Event()
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None

    def connect(self, address: tuple[str, int]) -> None:
        """Connect to the program under test and begin."""
        sock = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
        self._prepare(sock)
        sock.settimeout(self._timeout)
        try:
            sock.connect(address)
        except OSError:
            sock.close()
            raise
        self._start(lambda: self._talk(sock, is_server=False))

    def listen(self) -> tuple[str, int]:
        """Wait for the program under test on a free port of 127.0.0.1; give the address."""
        self._listening = sock = socket.socket()
        self._prepare(sock)
        sock.bind(("127.0.0.1", 0))
        sock.listen(1)
        sock.settimeout(self._timeout)
        self._start(self._accept)
        name = sock.getsockname()
        return name[0], name[1]

    @property
    def wire(self) -> Wire:
        """The connection, once there is one."""
        if not self._started.wait(self._timeout) or self._wire is None:
            raise PeerError(f"There was no connection within {self._timeout:g} s")
        return self._wire

    @property
    def received(self) -> list[ReceivedPdu]:
        """Every PDU that was received."""
        return self.wire.received

    def wait_stalled(self) -> None:
        """Wait until the peer stalls."""
        if not self.wire.stalled.wait(self._timeout):
            raise PeerError("The peer has not come to its stall") from self._error

    def let_go(self) -> None:
        """End a stall."""
        self.wire.let_go()

    def wait(self) -> list[ReceivedPdu]:
        """Wait until the behaviour is over.

        Returns
        -------
        list of ReceivedPdu
            What was received.

        Raises
        ------
        PeerError
            The program under test did not do what the behaviour expects.
        """
        if self._thread is None:
            raise PeerError("The peer was never started")
        self._thread.join(2 * self._timeout)
        if self._thread.is_alive():
            raise PeerError(f"The peer is not over after {2 * self._timeout:g} s")
        if self._error is not None:
            raise self._error
        return self.received

    def close(self) -> None:
        """End the peer, whatever it does."""
        if self._wire is not None:
            self._wire.break_off()
        if self._listening is not None:
            with contextlib.suppress(OSError):
                self._listening.shutdown(socket.SHUT_RDWR)
        if self._thread is not None:
            self._thread.join(self._timeout)

    def __enter__(self) -> ScriptedPeer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _prepare(self, sock: socket.socket) -> None:
        if self._receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._receive_buffer)

    def _start(self, target: Callable[[], None]) -> None:
        self._thread = threading.Thread(target=self._run, args=(target,), name="peer", daemon=True)
        self._thread.start()

    def _run(self, target: Callable[[], None]) -> None:
        try:
            target()
        except (PeerError, OSError) as error:
            self._error = error
        finally:
            self._started.set()

    def _accept(self) -> None:
        with self._listening or socket.socket() as listening:
            sock, _ = listening.accept()
        self._talk(sock, is_server=True)

    def _talk(self, sock: socket.socket, is_server: bool) -> None:
        self._wire = Wire(sock, is_server, self._tls, self._timeout)
        self._started.set()
        try:
            self._behaviour(self._wire)
        finally:
            self._wire.close()


def tls_context(
    *,
    server: bool,
    ca_file: str | os.PathLike[str] | None = None,
    certificate_file: str | os.PathLike[str] | None = None,
    key_file: str | os.PathLike[str] | None = None,
) -> ssl.SSLContext:
    """Make the TLS context of a peer, which may then be spoilt at will.

    Parameters
    ----------
    server : bool
        Which end the peer is.
    ca_file : path-like, optional
        Trusted CAs; without it the other end's certificate is not looked at.
    certificate_file, key_file : path-like, optional
        What the peer shows of itself.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED if ca_file else ssl.CERT_NONE
    if ca_file:
        context.load_verify_locations(ca_file)
    if certificate_file:
        context.load_cert_chain(certificate_file, key_file)
    context.set_alpn_protocols(["dicom"])
    return context


def client_hello() -> bytes:
    """Give the bytes of a TLS ClientHello, for peers that stop in the middle of one."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    stream = tls_context(server=False).wrap_bio(incoming, outgoing, server_hostname="localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        stream.do_handshake()
    return outgoing.read()
