"""Streams, plain and with TLS: what they give, what they want, and how they end."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from leaddicom.errors import DicomErrorCode, TlsError
from leaddicom.testing.certificates import ThrowAwayPki
from leaddicom.testing.peers import client_hello
from leaddicom.tls import Role
from leaddicom.transport.stream import (
    RECORD_LENGTH,
    PlainStream,
    Stream,
    TlsStream,
    WantRead,
    WantWrite,
    address_text,
    host_and_port,
)

from .ends import (
    PEER,
    TLS12,
    TLS13,
    TlsEnds,
    attempt,
    is_readable,
    is_reset,
    read_all,
    reset,
    tcp_pair,
)

Code = DicomErrorCode


# -- addresses ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "text"),
    [
        (("192.0.2.1", 104), "192.0.2.1:104"),
        (("pacs.example", 104), "pacs.example:104"),
        (("2001:db8::1", 104, 0, 0), "[2001:db8::1]:104"),
        (("fe80::1%eth0", 104), "[fe80::1%eth0]:104"),
        ("/run/socket", "/run/socket"),
        ("", "unknown"),
        ((), "()"),
    ],
)
def test_an_address_in_words(address: Any, text: str) -> None:
    assert address_text(address) == text


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (("192.0.2.1", 104), ("192.0.2.1", 104)),
        (("::ffff:192.0.2.1", 104, 0, 0), ("192.0.2.1", 104)),
        (("2001:db8::1", 104, 0, 0), ("2001:db8::1", 104)),
        (("::ffff:7", 104, 0, 0), ("::ffff:7", 104)),  # the prefix, but no IPv4 address behind it
        (("::1", 104, 0, 0), ("::1", 104)),
    ],
)
def test_an_ipv4_address_is_shown_as_one(address: Any, expected: tuple[str, int]) -> None:
    assert host_and_port(address) == expected


# -- plain -------------------------------------------------------------------------------------


@pytest.fixture
def wire() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Our end, which does not block, and the peer's, which does."""
    ours, theirs = tcp_pair(buffer=4096)
    ours.setblocking(False)
    with ours, theirs:
        yield ours, theirs


Wire = tuple[socket.socket, socket.socket]


def received(stream: Stream, size: int = 65_536) -> bytes:
    buffer = memoryview(bytearray(size))
    return bytes(buffer[: stream.recv_into(buffer)])


def receive(stream: TlsStream, sock: socket.socket, size: int = 65_536) -> bytes:
    """Wait for data; a socket may be readable because of what is none, a session ticket."""
    while True:
        assert stream.pending() or is_readable(sock)
        found = attempt(received, stream, size)
        if found is not WantRead:
            return bytes(found)


def sent_until_full(stream: Stream, data: memoryview) -> int:
    """Send until the stream wants to wait, and give how much it took."""
    position = 0
    while True:
        took = attempt(stream.send, data[position:])
        if took is WantWrite:
            return position
        position += took
        assert position < len(data)


class TestPlain:
    def test_has_no_handshake(self, wire: Wire) -> None:
        stream = PlainStream(wire[0], Role.SERVER, PEER)
        assert stream.handshake() is None
        assert not stream.pending()

    def test_what_comes_is_read(self, wire: Wire) -> None:
        stream = PlainStream(wire[0], Role.SERVER, PEER)
        with pytest.raises(WantRead):
            received(stream)
        for data in (b"some", b"more"):
            wire[1].sendall(data)
            assert is_readable(wire[0])
            assert received(stream) == data
        with pytest.raises(WantRead):
            received(stream)

    def test_no_more_is_read_than_there_is_room_for(self, wire: Wire) -> None:
        stream = PlainStream(wire[0], Role.SERVER, PEER)
        wire[1].sendall(b"123456789")
        assert is_readable(wire[0])
        assert [received(stream, 4), received(stream, 4), received(stream, 4)] == [
            b"1234",
            b"5678",
            b"9",
        ]

    def test_as_much_is_sent_as_the_system_takes(self, wire: Wire) -> None:
        stream = PlainStream(wire[0], Role.SERVER, PEER)
        data = memoryview(bytes(range(256)) * 8192)
        taken = sent_until_full(stream, data)
        assert 0 < taken < len(data)
        wire[1].setblocking(True)
        assert wire[1].recv(taken, socket.MSG_WAITALL) == data[:taken]
        assert sent_until_full(stream, data[taken:]) > 0  # there is room again

    def test_the_end_is_0_bytes(self, wire: Wire) -> None:
        stream = PlainStream(wire[0], Role.SERVER, PEER)
        wire[1].sendall(b"last")
        wire[1].shutdown(socket.SHUT_WR)
        assert is_readable(wire[0])
        assert received(stream) == b"last"
        assert is_readable(wire[0])
        assert received(stream) == b""
        assert stream.send(memoryview(b"an answer")) == 9  # the other way is open still
        assert wire[1].recv(100) == b"an answer"

    def test_shutdown_closes_our_side_only(self, wire: Wire) -> None:
        stream = PlainStream(wire[0], Role.SERVER, PEER)
        stream.send(memoryview(b"last"))
        stream.shutdown()
        assert read_all(wire[1]) == b"last"
        wire[1].sendall(b"an answer")
        assert is_readable(wire[0])
        assert received(stream) == b"an answer"

    def test_shutdown_of_what_is_over_does_nothing(self, wire: Wire) -> None:
        reset(wire[1])
        assert is_reset(wire[0])
        PlainStream(wire[0], Role.SERVER, PEER).shutdown()

    def test_a_reset_is_an_error(self, wire: Wire) -> None:
        reset(wire[1])
        assert is_reset(wire[0])
        with pytest.raises(ConnectionResetError):
            received(PlainStream(wire[0], Role.SERVER, PEER))

    @pytest.mark.parametrize(
        ("role", "said", "words"),
        [
            (Role.SERVER, client_hello(), "Turn TLS off at the client"),
            (Role.CLIENT, b"\x15\x03\x03\x00\x02\x02\x46", "Turn TLS on here"),
        ],
    )
    def test_a_peer_that_speaks_tls_is_told_apart(
        self, wire: Wire, role: Role, said: bytes, words: str
    ) -> None:
        wire[1].sendall(said)
        assert is_readable(wire[0])
        with pytest.raises(TlsError, match=words) as caught:
            received(PlainStream(wire[0], role, PEER))
        assert caught.value.code == Code.BAD_SECURE_MODE
        assert PEER in str(caught.value)

    def test_only_by_its_first_bytes(self, wire: Wire) -> None:
        stream = PlainStream(wire[0], Role.SERVER, PEER)
        for said in (b"\x04", client_hello()):
            wire[1].sendall(said)
            assert is_readable(wire[0])
            assert received(stream) == said


# -- TLS ---------------------------------------------------------------------------------------


@pytest.fixture
def make(pki: ThrowAwayPki) -> Iterator[Any]:
    made: list[TlsEnds] = []

    def make(**options: Any) -> TlsEnds:
        made.append(TlsEnds(pki, **options))
        return made[-1]

    yield make
    for ends in made:
        for sock in ends.sockets:
            sock.close()


@pytest.fixture(params=[TLS12, TLS13], ids=["TLS 1.2", "TLS 1.3"])
def ends(make: Any, request: pytest.FixtureRequest) -> TlsEnds:
    """Both ends of a link that is ready."""
    return make(suites=request.param).shaken()


class TestHandshake:
    def test_the_server_waits_for_the_first_byte(self, make: Any) -> None:
        ends = make()
        assert ends.step(ends.server) is WantRead
        assert ends.server.is_silent
        assert ends.step(ends.client) is WantRead  # its hello is on its way
        assert is_readable(ends.sockets[1])
        assert ends.step(ends.server) is WantRead
        assert not ends.server.is_silent

    def test_a_client_that_comes_and_goes_was_silent(self, make: Any) -> None:
        ends = make()
        ends.sockets[0].close()
        assert is_readable(ends.sockets[1])
        with pytest.raises(TlsError, match="closed the connection without a word"):
            ends.server.handshake()
        assert ends.server.is_silent

    def test_both_ends_know_what_was_negotiated_and_with_whom(self, ends: TlsEnds) -> None:
        assert ends.client.facts == ends.server.facts
        assert ends.client.facts.tls_version in ("TLSv1.2", "TLSv1.3")
        assert ends.client.facts.alpn == "dicom"
        for stream in (ends.client, ends.server):
            assert stream.identity is not None
            assert "CN=good" in stream.identity.subject

    def test_a_client_without_a_certificate_is_nobody(self, pki: ThrowAwayPki, make: Any) -> None:
        with pytest.raises(TlsError, match="it showed no certificate, and one is required"):
            make(client=None).shaken()

    def test_the_certificate_is_for_the_host_that_was_asked_for(self, make: Any) -> None:
        with pytest.raises(TlsError, match=r"other\.example") as caught:
            make(host="other.example").shaken()
        assert caught.value.stage == "host name"

    def test_or_for_the_one_that_the_settings_name(self, make: Any) -> None:
        make(host="192.0.2.1", server_name="localhost").shaken()
        with pytest.raises(TlsError, match=r"other\.example"):
            make(host="localhost", server_name="other.example").shaken()

    def test_or_for_any_if_they_say_so(self, make: Any) -> None:
        ends = make(host="other.example", check_host_name=False).shaken()
        assert ends.client.identity is not None

    def test_the_application_has_a_say(self, make: Any) -> None:
        asked: list[bool] = []

        def allow(ok: bool, *_: Any) -> bool:
            asked.append(ok)
            return True

        make(server="expired", on_verify=allow).shaken()
        assert asked == [True, False]

    def test_http_is_told_apart_and_answered_with_an_alert(self, make: Any) -> None:
        ends = make()
        ends.sockets[0].send(b"GET / HTTP/1.0\r\n\r\n")
        assert is_readable(ends.sockets[1])
        with pytest.raises(TlsError, match="it sent HTTP") as caught:
            ends.server.handshake()
        assert caught.value.code == Code.BAD_SECURE_MODE
        ends.sockets[0].setblocking(True)
        assert read_all(ends.sockets[0])[:7] == bytes.fromhex("15 0303 0002 02 46")

    def test_a_refused_server_hears_why_before_the_end(self, make: Any) -> None:
        """The alert is not overtaken by a reset."""
        ends = make(server="expired")
        with pytest.raises(TlsError, match="it has expired"):
            ends.shaken()
        ends.sockets[1].setblocking(True)
        with pytest.raises(TlsError, match="as expired") as caught:
            ends.server.handshake()
        assert caught.value.alert == 45


class TestTransfer:
    def test_in_both_directions(self, ends: TlsEnds) -> None:
        for _ in range(2):
            assert ends.client.send(memoryview(b"a question")) == 10
            assert receive(ends.server, ends.sockets[1]) == b"a question"
            assert ends.server.send(memoryview(b"an answer")) == 9
            assert receive(ends.client, ends.sockets[0]) == b"an answer"

    def test_nothing_has_come(self, ends: TlsEnds) -> None:
        with pytest.raises(WantRead):
            received(ends.server)

    def test_one_record_at_a_time(self, ends: TlsEnds) -> None:
        for data in (b"one", b"two"):
            ends.client.send(memoryview(data))
        assert [receive(ends.server, ends.sockets[1]) for _ in range(2)] == [b"one", b"two"]

    def test_what_openssl_holds_can_be_read_without_the_socket(self, ends: TlsEnds) -> None:
        ends.client.send(memoryview(b"123456789"))
        assert ends.server.pending() == 0
        assert receive(ends.server, ends.sockets[1], 4) == b"1234"
        assert ends.server.pending() == 5
        assert received(ends.server) == b"56789"
        assert ends.server.pending() == 0

    def test_a_full_socket_wants_the_same_call_again(self, ends: TlsEnds) -> None:
        """And what had gone into OpenSSL is neither lost nor sent twice."""
        data = memoryview(bytes(range(256)) * 8192)
        position = sent_until_full(ends.client, data)
        found = b""
        while len(found) < len(data):
            assert is_readable(ends.sockets[1])
            piece = attempt(received, ends.server)
            if piece is not WantRead:
                assert len(piece) <= RECORD_LENGTH
                found += piece
            while position < len(data):
                took = attempt(ends.client.send, data[position:])
                if took is WantWrite:
                    break
                position += took
        assert found == data

    def test_damaged_records_are_an_error(self, ends: TlsEnds) -> None:
        ends.sockets[0].send(bytes.fromhex("17 0303 0020") + bytes(32))
        assert is_readable(ends.sockets[1])
        with pytest.raises(TlsError, match="a record arrived damaged") as caught:
            received(ends.server)
        assert PEER in str(caught.value)


class TestEnd:
    def test_close_notify_and_half_close(self, ends: TlsEnds) -> None:
        ends.client.send(memoryview(b"last"))
        ends.client.shutdown()
        assert is_readable(ends.sockets[1])
        assert received(ends.server) == b"last"
        assert is_readable(ends.sockets[1])
        assert ends.sockets[1].recv(100, socket.MSG_PEEK)  # close_notify
        assert received(ends.server) == b""
        ends.sockets[1].setblocking(True)
        assert read_all(ends.sockets[1]) == b""  # of TCP too

    def test_the_end_of_tcp_alone(self, ends: TlsEnds) -> None:
        """Whether it was due the upper layer knows."""
        ends.sockets[0].shutdown(socket.SHUT_WR)
        assert is_readable(ends.sockets[1])
        assert received(ends.server) == b""

    def test_a_reset_while_reading(self, ends: TlsEnds) -> None:
        reset(ends.sockets[0])
        assert is_reset(ends.sockets[1])
        with pytest.raises(Exception, match="ECONNRESET") as caught:
            received(ends.server)
        assert caught.value.code == Code.NET_CONNECTION_RESET  # type: ignore[attr-defined]

    def test_a_reset_while_writing(self, ends: TlsEnds) -> None:
        reset(ends.sockets[0])
        assert is_reset(ends.sockets[1])
        with pytest.raises(ConnectionResetError):
            ends.server.send(memoryview(b"data"))

    def test_shutdown_of_what_is_over_does_nothing(self, ends: TlsEnds) -> None:
        reset(ends.sockets[0])
        assert is_reset(ends.sockets[1])
        ends.server.shutdown()
        ends.server.shutdown()

    @pytest.mark.parametrize("writes_first", [True, False])
    def test_a_client_that_is_refused_late_hears_why(self, make: Any, writes_first: bool) -> None:
        """With TLS 1.3 the server judges when the client is through (RFC 8446 section 4.4.2.4)."""
        ends = make(client="expired")
        with pytest.raises(TlsError, match="it has expired"):
            ends.shaken()
        assert ends.client.identity is not None  # it is through
        assert is_readable(ends.sockets[0])
        with pytest.raises(TlsError, match="as expired") as caught:
            ends.client.send(memoryview(b"data")) if writes_first else received(ends.client)
        assert caught.value.alert == 45
        assert caught.value.code == Code.TLS_CERTIFICATE_EXPIRED
