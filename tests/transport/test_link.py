"""A connection's socket and all that its thread waits for."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from leaddicom.testing import MovableClock
from leaddicom.testing.certificates import ThrowAwayPki
from leaddicom.tls import Role
from leaddicom.transport.deadlines import Deadline, Deadlines
from leaddicom.transport.link import Link
from leaddicom.transport.opening import SocketOptions
from leaddicom.transport.stream import RECORD_LENGTH, PlainStream, Stream, WantRead, WantWrite

from .ends import (
    PATIENCE,
    TLS12,
    TlsEnds,
    full_socket,
    is_readable,
    is_reset,
    read_all,
    reset,
    tcp_pair,
)

BUFFER = 16 * RECORD_LENGTH
ALL = {"to_read": True, "to_write": True}
READ, WRITE = {"to_read": True, "to_write": False}, {"to_read": False, "to_write": True}


class Ends:
    """A link, its deadlines, and the peer's end."""

    def __init__(self, *, buffer: int = 0) -> None:
        self.clock = MovableClock()
        self.deadlines = Deadlines(self.clock)
        self.link = Link(self.deadlines)
        self.ours, self.theirs = tcp_pair(buffer=buffer)
        self.link.attach(self.ours, SocketOptions())

    def open(self, stream: Stream | None = None) -> Ends:
        self.link.open(stream or PlainStream(self.ours, Role.SERVER, "the peer"))
        return self

    def patiently(self) -> Ends:
        """Have waits that should not last fail the test in the end, rather than hang."""
        self.deadlines.start(Deadline.IDLE, PATIENCE)
        return self


@pytest.fixture
def make() -> Iterator[Any]:
    made: list[Ends] = []

    def make(**options: Any) -> Ends:
        made.append(Ends(**options))
        return made[-1]

    yield make
    for each in made:
        each.link.close()
        each.theirs.close()


@pytest.fixture
def ends(make: Any) -> Ends:
    return make().open().patiently()


class Unusual(PlainStream):
    """Wants what a TLS stream may want in the middle of a transfer (a key update, for example)."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock, Role.SERVER, "the peer")
        self.read_wants: list[Exception] = []
        self.write_wants: list[Exception] = []
        self.handshake_wants: list[Exception] = []

    def handshake(self) -> None:
        if self.handshake_wants:
            raise self.handshake_wants.pop(0)

    def recv_into(self, buffer: memoryview) -> int:
        if self.read_wants:
            raise self.read_wants.pop(0)
        return super().recv_into(buffer)

    def send(self, data: memoryview) -> int:
        if self.write_wants:
            raise self.write_wants.pop(0)
        return super().send(data)


def is_woken(link: Link) -> bool:
    return bool(select.select([link._waker], [], [], 0)[0])


# -- the socket --------------------------------------------------------------------------------


class TestAttaching:
    def test_the_socket_does_not_block_and_is_watched(self, make: Any) -> None:
        sock = make().ours
        assert not sock.getblocking()
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)

    def test_with_the_options_that_are_given(self, make: Any) -> None:
        ends = make()
        ends.link.attach(ends.ours, SocketOptions(no_delay=False))
        assert not ends.ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

    def test_what_is_no_tcp_socket_has_no_such_options(self) -> None:
        link = Link(Deadlines(MovableClock()))
        ours, theirs = socket.socketpair()
        with theirs:
            link.attach(ours, SocketOptions(1024, 1024))
            link.open(PlainStream(ours, Role.SERVER, "the peer"))
            theirs.sendall(b"data")
            assert bytes(link.read()) == b"data"
            link.close()

    def test_before_that_nothing_is_read_or_written(self) -> None:
        link = Link(Deadlines(MovableClock()))
        assert bytes(link.read()) == b""
        assert bytes(link.write(memoryview(b"data"))) == b"data"
        assert not link.ended
        assert not link.drain()
        link.shutdown()
        link.close()


def test_closing_gives_every_descriptor_back() -> None:
    before = os.listdir("/dev/fd")
    for _ in range(3):
        ends = Ends().open()
        ends.link.wait(**WRITE)
        ends.link.close()
        ends.theirs.close()
        ends.link.wake()  # too late, and no harm
    assert os.listdir("/dev/fd") == before


# -- waiting -----------------------------------------------------------------------------------


class TestWaiting:
    def test_for_what_can_be_done(self, ends: Ends) -> None:
        assert ends.link.wait(**ALL) == (False, True)
        ends.theirs.sendall(b"data")
        assert is_readable(ends.ours)
        assert ends.link.wait(**ALL) == (True, True)
        assert ends.link.wait(**READ) == (True, False)
        assert ends.link.wait(**WRITE) == (False, True)

    def test_what_is_not_asked_for_ends_no_wait(self, ends: Ends) -> None:
        ends.theirs.sendall(b"data")
        assert is_readable(ends.ours)
        ends.deadlines.start(Deadline.WRITE, 0)
        assert ends.link.wait(to_read=False, to_write=False) == (False, False)

    def test_until_a_deadline(self, ends: Ends) -> None:
        ends.deadlines.start(Deadline.PDU, 5)
        ends.clock.advance(5)
        assert ends.link.wait(**READ) == (False, False)
        assert ends.deadlines.expired() is Deadline.PDU

    def test_until_woken(self, ends: Ends) -> None:
        for _ in range(2):
            ends.link.wake()
            ends.link.wake()
            assert ends.link.wait(**READ) == (False, False)
            assert not is_woken(ends.link)

    def test_until_woken_while_there_is_something_to_read(self, ends: Ends) -> None:
        ends.theirs.sendall(b"data")
        assert is_readable(ends.ours)
        ends.link.wake()
        assert ends.link.wait(**READ) == (True, False)

    def test_the_peers_end_is_something_to_read(self, ends: Ends) -> None:
        ends.theirs.shutdown(socket.SHUT_WR)
        assert ends.link.wait(**READ) == (True, False)


class TestWaitingForAConnection:
    def test_until_it_is_there(self, make: Any) -> None:
        link = make().patiently().link
        with socket.create_server(("127.0.0.1", 0)) as listening, socket.socket() as sock:
            sock.setblocking(False)
            assert sock.connect_ex(listening.getsockname()) in (0, errno.EINPROGRESS)
            assert link.wait_writable(sock)
            assert sock.getpeername() == listening.getsockname()
            assert link.wait_writable(sock)  # it may be asked again

    @pytest.mark.parametrize("end", ["woken", "deadline"])
    def test_until_something_else_happens(self, make: Any, end: str) -> None:
        ends = make()
        with full_socket() as ours:
            if end == "woken":
                ends.patiently().link.wake()
            else:
                ends.deadlines.start(Deadline.CONNECT, 0)
            assert not ends.link.wait_writable(ours)


# -- handshakes --------------------------------------------------------------------------------


class TestHandshake:
    def test_that_is_complete(self, ends: Ends) -> None:
        assert ends.link.handshake(PlainStream(ends.ours, Role.SERVER, "the peer"))

    def test_that_wants_to_read(self, ends: Ends) -> None:
        stream = Unusual(ends.ours)
        stream.handshake_wants = [WantRead(), WantRead()]
        ends.deadlines.start(Deadline.HANDSHAKE, 0)
        assert not ends.link.handshake(stream)  # nothing has come
        assert ends.deadlines.expired() is Deadline.HANDSHAKE
        ends.theirs.sendall(b"data")
        assert not ends.link.handshake(stream)
        assert ends.link.handshake(stream)

    def test_that_wants_to_write(self, ends: Ends) -> None:
        stream = Unusual(ends.ours)
        stream.handshake_wants = [WantWrite()]
        ends.link.wake()
        assert not ends.link.handshake(stream)
        assert not is_woken(ends.link)  # so it has waited
        assert ends.link.handshake(stream)


# -- bytes in ----------------------------------------------------------------------------------


class TestReading:
    def test_what_has_come(self, ends: Ends) -> None:
        assert bytes(ends.link.read()) == b""
        ends.theirs.sendall(b"data")
        assert is_readable(ends.ours)
        assert bytes(ends.link.read()) == b"data"
        assert bytes(ends.link.read()) == b""
        assert not ends.link.ended

    def test_at_most_a_buffer_full(self, ends: Ends) -> None:
        data = os.urandom(3 * BUFFER // 2)
        ends.ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2 * BUFFER)
        found, sizes = b"", []
        position = 0
        ends.theirs.setblocking(False)
        while len(found) < len(data):
            with contextlib.suppress(BlockingIOError):
                position += ends.theirs.send(data[position:])
            assert is_readable(ends.ours)
            piece = bytes(ends.link.read())
            sizes.append(len(piece))
            found += piece
        assert found == data
        assert max(sizes) <= BUFFER

    def test_the_end(self, ends: Ends) -> None:
        ends.theirs.sendall(b"last")
        ends.theirs.shutdown(socket.SHUT_WR)
        found = b""
        while not ends.link.ended:
            assert is_readable(ends.ours)
            found += bytes(ends.link.read())
        assert found == b"last"

    def test_what_came_before_a_failure_comes_first(self, ends: Ends) -> None:
        data = os.urandom(2 * RECORD_LENGTH)
        ends.theirs.sendall(data)
        reset(ends.theirs)
        assert is_reset(ends.ours)
        assert bytes(ends.link.read()) == data
        assert ends.link.wait(**READ) == (True, False)  # at once: the failure is here already
        with pytest.raises(ConnectionResetError):
            ends.link.read()
        assert not ends.link.ended

    def test_a_failure_before_which_nothing_came(self, ends: Ends) -> None:
        reset(ends.theirs)
        assert is_reset(ends.ours)
        with pytest.raises(ConnectionResetError):
            ends.link.read()

    def test_a_read_that_wants_to_write(self, make: Any) -> None:
        """It is repeated when the socket is writable, whatever has come."""
        ends = make()
        stream = Unusual(ends.ours)
        stream.read_wants = [WantWrite()]
        ends.open(stream).patiently()
        assert bytes(ends.link.read()) == b""
        assert ends.link.wait(**READ) == (True, False)  # though nothing has come
        assert bytes(ends.link.read()) == b""
        ends.deadlines.start(Deadline.PDU, 0)
        assert ends.link.wait(**READ) == (False, False)  # as usual again


def test_what_openssl_holds_is_read_although_nothing_comes(pki: ThrowAwayPki) -> None:
    """A client looks for its server's verdict before it writes, and may find data."""
    tls, deadlines = TlsEnds(pki, suites=TLS12).shaken(), Deadlines()
    with contextlib.closing(Link(deadlines)) as link, tls.sockets[1]:
        link.attach(tls.sockets[0], SocketOptions())
        link.open(tls.client)
        tls.server.send(memoryview(b"data"))
        assert is_readable(tls.sockets[0])
        assert len(link.write(memoryview(b"a request"))) == 0
        with pytest.raises(BlockingIOError):
            tls.sockets[0].recv(1)
        deadlines.start(Deadline.IDLE, PATIENCE)
        assert link.wait(**READ) == (True, False)
        assert bytes(link.read()) == b"data"


def test_all_records_that_are_there_are_read_at_once(pki: ThrowAwayPki) -> None:
    tls = TlsEnds(pki, suites=TLS12, buffer=1 << 18).shaken()
    with contextlib.closing(Link(Deadlines())) as link, tls.sockets[0]:
        link.attach(tls.sockets[1], SocketOptions())
        link.open(tls.server)
        data = os.urandom(2 * RECORD_LENGTH + 100)
        for start in range(0, len(data), RECORD_LENGTH):
            tls.client.send(memoryview(data[start : start + RECORD_LENGTH]))
        while len(tls.sockets[1].recv(1 << 18, socket.MSG_PEEK)) < len(data) + 3 * 29:
            pass  # on their way, each with its header, its nonce and its tag (RFC 5288)
        assert bytes(link.read()) == data


# -- bytes out ---------------------------------------------------------------------------------


class TestWriting:
    def test_all_of_it_if_there_is_room(self, ends: Ends) -> None:
        assert len(ends.link.write(memoryview(b"data"))) == 0
        assert ends.theirs.recv(100) == b"data"

    def test_the_rest_when_there_is_room_again(self, make: Any) -> None:
        ends = make(buffer=4096).open().patiently()
        data = os.urandom(1 << 20)
        rest = ends.link.write(memoryview(data))
        assert 0 < len(rest) < len(data)
        found = b""
        while rest:
            found += ends.theirs.recv(65_536)
            rest = ends.link.write(rest)
        ends.link.shutdown()
        assert found + read_all(ends.theirs) == data

    def test_a_write_that_wants_to_read(self, make: Any) -> None:
        """It is repeated when something has come, however much room there is."""
        ends = make()
        stream = Unusual(ends.ours)
        stream.write_wants = [WantRead()]
        ends.open(stream).patiently()
        rest = ends.link.write(memoryview(b"data"))
        assert bytes(rest) == b"data"
        ends.deadlines.start(Deadline.WRITE, 0)
        assert ends.link.wait(**WRITE) == (False, False)
        ends.deadlines.stop(Deadline.WRITE)
        ends.theirs.sendall(b"what it waits for")
        assert ends.link.wait(**WRITE) == (False, True)
        assert len(ends.link.write(rest)) == 0
        assert ends.theirs.recv(100) == b"data"
        assert bytes(ends.link.read()) == b"what it waits for"
        assert ends.link.wait(**WRITE) == (False, True)  # as usual again

    def test_to_a_peer_that_has_gone(self, ends: Ends) -> None:
        reset(ends.theirs)
        assert is_reset(ends.ours)
        with pytest.raises(ConnectionResetError):
            ends.link.write(memoryview(b"data"))


# -- the end -----------------------------------------------------------------------------------


class TestGoodbye:
    def test_our_side_is_closed_and_the_peers_heard_to_its_end(self, ends: Ends) -> None:
        ends.link.write(memoryview(b"last"))
        ends.link.shutdown()
        assert read_all(ends.theirs) == b"last"
        ends.theirs.sendall(bytes(100_000))
        ends.theirs.close()
        rounds = 0
        while ends.link.drain():
            rounds += 1
        assert rounds > 0

    def test_it_lasts_until_a_deadline(self, ends: Ends) -> None:
        ends.deadlines.start(Deadline.ABORT, 0)
        assert ends.link.drain()
        assert ends.deadlines.expired() is Deadline.ABORT

    def test_a_reset_is_an_end_too(self, ends: Ends) -> None:
        reset(ends.theirs)
        assert is_reset(ends.ours)
        assert not ends.link.drain()

    def test_what_is_drained_destroys_no_last_words(self, ends: Ends) -> None:
        """To close a socket with unread input resets the connection."""
        ends.theirs.sendall(bytes(1000))
        assert is_readable(ends.ours)
        ends.link.write(memoryview(b"last"))
        ends.link.shutdown()
        assert ends.link.drain()
        ends.link.close()
        assert read_all(ends.theirs) == b"last"
