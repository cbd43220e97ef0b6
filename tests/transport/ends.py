"""Both ends of TCP connections in one test: real sockets on the loopback, and who is told."""

from __future__ import annotations

import contextlib
import queue
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from upper_layer.cores import ACCEPTOR, REQUESTOR, reply, request

from leaddicom.dimse import messages as dimse
from leaddicom.enums import IpType, PduType
from leaddicom.errors import DicomError
from leaddicom.limits import Limits
from leaddicom.testing.certificates import ThrowAwayPki
from leaddicom.testing.peers import Wire
from leaddicom.tls import Ciphersuite, Credentials, OnVerify, Role, TlsSettings, build_context
from leaddicom.transport.connection import Connection, SecureEnd
from leaddicom.transport.deadlines import Clock
from leaddicom.transport.outbox import QueuedPrimitive
from leaddicom.transport.stream import TlsStream, WantRead, WantWrite

from .sessions import ECHO_CLASS, Owner, Run, associate_request, echo_request

#: Seconds that any wait may take; only a failure takes so long.
PATIENCE = 10.0

ANY = ("", 0)
BOTH = IpType.IPV4_OR_IPV6
PEER = "192.0.2.1:104"
TLS12 = (Ciphersuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,)
TLS13 = (Ciphersuite.TLS_AES_128_GCM_SHA256,)


def tcp_pair(*, buffer: int = 0) -> tuple[socket.socket, socket.socket]:
    """The two ends of a TCP connection; `buffer` makes both ends' buffers small."""
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.socket() as ours:
        for each in (listening, ours) if buffer else ():
            each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
            each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
        ours.settimeout(PATIENCE)
        ours.connect(listening.getsockname())
        theirs, _ = listening.accept()
        theirs.settimeout(PATIENCE)
        return socket.socket(fileno=ours.detach()), theirs


def reset(sock: socket.socket) -> None:
    """End a connection with a TCP RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def is_reset(sock: socket.socket, within: float = PATIENCE) -> bool:
    """Wait for the other end's RST, whatever came before it."""
    poll = select.poll()
    poll.register(sock, 0)  # errors are told unasked
    return bool(poll.poll(within * 1000))


def read_all(sock: socket.socket) -> bytes:
    """Read to the end, which has to be an orderly one."""
    data = b""
    while piece := sock.recv(65_536):
        data += piece
    return data


@contextlib.contextmanager
def full_socket() -> Iterator[socket.socket]:
    """A socket that is not writable, as one that connects, for nobody reads what it sends."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                ours.send(bytes(65_536))
        yield ours


def is_readable(sock: socket.socket) -> bool:
    return bool(select.select([sock], [], [], PATIENCE)[0])


def attempt(action: Callable[..., Any], *arguments: Any) -> Any:
    """What a method of a stream gives, or which exception says what it wants to wait for."""
    try:
        return action(*arguments)
    except (WantRead, WantWrite) as wants:
        return type(wants)


class Recorded(Owner):
    """Writes down what a connection tells, in order, and lets a test wait for it."""

    def __init__(self) -> None:
        super().__init__()
        self.told: queue.Queue[tuple[str, Any]] = queue.Queue()
        self.threads: set[threading.Thread] = set()
        self.at: dict[str, Callable[[Any], None]] = {}

    def _tell(self, name: str, argument: Any) -> None:
        self.threads.add(threading.current_thread())
        self.told.put((name, argument))
        self.at.get(name, lambda _: None)(argument)

    def on_connect(self, error: DicomError | None) -> None:
        self._tell("on_connect", error)

    def on_secure_link_ready(self, error: DicomError | None) -> None:
        self._tell("on_secure_link_ready", error)

    def on_close(self, error: DicomError | None) -> None:
        self._tell("on_close", error)

    def on_indication(self, indication: Any) -> None:
        self._tell(type(indication).__name__, indication)

    def on_message(self, message: Any) -> None:
        self._tell("on_message", message)

    def next(self, name: str) -> Any:
        """What comes next, which has to be this."""
        told, argument = self.told.get(timeout=PATIENCE)
        assert told == name, argument
        return argument

    def wait_for(self, name: str) -> Any:
        """Wait for something, whatever comes before it."""
        while True:
            told, argument = self.told.get(timeout=PATIENCE)
            if told == name:
                return argument

    @property
    def rest(self) -> list[str]:
        """What else has been told."""
        return [self.told.get_nowait()[0] for _ in range(self.told.qsize())]


class Served:
    """An accepted connection, its owner, and the peer's end, which does what a test wants.

    The limits are those of a test that needs no deadline but the ones that it names.
    """

    def __init__(
        self,
        *,
        secure: SecureEnd | None = None,
        buffer: int = 0,
        peer: tuple[str, int] | None = None,
        adopt: bool = True,
        clock: Clock = time.monotonic,
        **limits: float,
    ) -> None:
        self.owner = Recorded()
        patient = Limits(
            **{"abort_timeout": 0.2, "artim_timeout": PATIENCE, **limits}  # type: ignore[arg-type]
        )
        self.connection = Connection(self.owner, ACCEPTOR, patient, secure, clock=clock)
        self.ours, self.theirs = tcp_pair(buffer=buffer)
        self.address = self.theirs.getsockname()
        self.wire = Wire(self.theirs, False, timeout=PATIENCE)
        self.owner.at["AssociateRequested"] = lambda _: self.accept()
        if adopt:
            self.connection.adopt(self.ours, peer or self.address)

    def accept(self) -> None:
        """Answer the request for an association."""
        answer = reply(request())
        self.connection.put(QueuedPrimitive(lambda upper_layer: upper_layer.accept(answer)))

    def associated(self) -> Served:
        """Have the peer ask for an association, and get it."""
        self.wire.send(associate_request())
        self.wire.expect(PduType.ASSOCIATE_ACCEPT)
        self.owner.wait_for("AssociateRequested")
        return self

    def end(self) -> None:
        """End it, however it is."""
        self.connection.close(forced=True, wait=False)
        self.wire.close()
        self.ours.close()
        self.connection.wait_closed(PATIENCE)


class Client:
    """A connection that connects to a port that does by itself nothing."""

    def __init__(self, secure: SecureEnd | None = None, **limits: float) -> None:
        self.owner = Recorded()
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.listening.settimeout(PATIENCE)
        patient = {"abort_timeout": 0.2, **limits}
        self.connection = Connection(
            self.owner,
            REQUESTOR,
            Limits(**patient),  # type: ignore[arg-type]
            secure,
        )
        self.wires: list[Wire] = []
        self.accepted: list[socket.socket] = []

    def connect(self, host: str = "127.0.0.1") -> Wire:
        """Connect, and give the peer's end."""
        self.connection.connect((host, self.listening.getsockname()[1]), ANY, BOTH)
        sock, _ = self.listening.accept()
        self.accepted.append(sock)
        self.wires.append(Wire(sock, True, timeout=PATIENCE))
        return self.wires[-1]

    def associate(self) -> None:
        """Ask for an association."""
        self.connection.put(QueuedPrimitive(lambda upper_layer: upper_layer.associate(request())))

    def end(self) -> None:
        self.connection.close(forced=True, wait=False)
        self.listening.close()
        for each in self.wires:
            each.close()
        self.connection.wait_closed(PATIENCE)


def echo(served: Served, message_id: int) -> None:
    """The peer sends a C-ECHO request."""
    served.wire.send(Run.message_bytes(echo_request(message_id)))


def answer(served: Served, message: Any) -> None:
    arguments = (message.message_id, ECHO_CLASS, 0)
    served.connection.send(dimse.C_ECHO_RSP, message.context_id, arguments, None)


class TlsEnds:
    """A client's and a server's stream over one connection."""

    def __init__(
        self,
        pki: ThrowAwayPki,
        *,
        host: str = "localhost",
        suites: tuple[Ciphersuite, ...] = TLS13,
        client: str | None = "good",
        server: str = "good",
        on_verify: OnVerify | None = None,
        buffer: int = 4096,
        **settings: Any,
    ) -> None:
        self.sockets = tcp_pair(buffer=buffer)
        for sock in self.sockets:
            sock.setblocking(False)
        own = {Role.CLIENT: client, Role.SERVER: server}
        shared = TlsSettings(ca_file=str(pki.ca_file), cipher_suites=suites)
        of_client = TlsSettings(ca_file=str(pki.ca_file), cipher_suites=suites, **settings)
        self.client, self.server = (
            TlsStream(
                sock,
                build_context(used, certificate_of(pki, own[role]), role),
                used,
                role,
                host,
                PEER,
                on_verify if role is Role.CLIENT else None,
            )
            for sock, used, role in zip(
                self.sockets, (of_client, shared), (Role.CLIENT, Role.SERVER), strict=True
            )
        )

    def step(self, stream: TlsStream) -> Any:
        """Take a step of the handshake: nothing if it is complete, else what it wants."""
        return attempt(stream.handshake)

    def shaken(self) -> TlsEnds:
        """Take steps until both are complete, or one of them raises."""
        waiting = dict(zip(self.sockets, (self.client, self.server), strict=True))
        ready = [self.sockets[0]]
        while waiting:
            assert ready
            for sock in ready:
                if self.step(waiting[sock]) is None:
                    del waiting[sock]
            ready = select.select(list(waiting), [], [], PATIENCE if waiting else 0)[0]
        return self


_CREDENTIALS: dict[tuple[ThrowAwayPki, str], Credentials] = {}


def certificate_of(pki: ThrowAwayPki, name: str | None) -> tuple[Credentials, ...]:
    if name is None:
        return ()
    if (pki, name) not in _CREDENTIALS:
        issued = pki.issue("good") if name == "good" else pki.variant(name)
        files = (str(issued.certificate_file), str(issued.key_file))
        _CREDENTIALS[pki, name] = Credentials(
            issued.certificate, issued.chain, issued.private_key, *files
        )
    return (_CREDENTIALS[pki, name],)
