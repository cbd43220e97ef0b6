"""Opening sockets: their options, whom they connect to, and what they listen on."""

from __future__ import annotations

import errno
import select
import socket
from collections.abc import Iterator

import pytest
from nets import needs_ipv6

from leaddicom.enums import IpType
from leaddicom.errors import DicomErrorCode, NetworkError, ParameterError
from leaddicom.transport.opening import (
    SocketOptions,
    connect_socket,
    end_point,
    ip_type,
    listening_socket,
)
from leaddicom.transport.stream import host_and_port

from .ends import ANY, BOTH, PATIENCE

Code = DicomErrorCode


# -- options -----------------------------------------------------------------------------------


class TestSocketOptions:
    @pytest.mark.parametrize("no_delay", [True, False])
    def test_packets_leave_at_once_or_not(self, no_delay: bool) -> None:
        with socket.socket() as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, not no_delay)
            SocketOptions(no_delay=no_delay).apply(sock)
            assert bool(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)) is no_delay

    def test_at_once_by_default(self) -> None:
        assert SocketOptions() == SocketOptions(0, 0, True)

    @pytest.mark.parametrize("option", ["SO_SNDBUF", "SO_RCVBUF"])
    def test_each_buffer_has_a_size_of_its_own(self, option: str) -> None:
        number, other = (getattr(socket, each) for each in (option, _OTHER[option]))
        with socket.socket() as sock:
            theirs = sock.getsockopt(socket.SOL_SOCKET, other)
            sizes = {"SO_SNDBUF": "send_buffer", "SO_RCVBUF": "receive_buffer"}
            SocketOptions(**{sizes[option]: 20_000}).apply(sock)
            # Linux doubles what it is asked for.
            assert sock.getsockopt(socket.SOL_SOCKET, number) in (20_000, 40_000)
            assert sock.getsockopt(socket.SOL_SOCKET, other) == theirs

    def test_0_leaves_the_buffers_to_the_system(self) -> None:
        with socket.socket() as sock, socket.socket() as untouched:
            SocketOptions().apply(sock)
            for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
                ours, systems = (
                    each.getsockopt(socket.SOL_SOCKET, option) for each in (sock, untouched)
                )
                assert ours == systems

    def test_2_gib_less_1_is_the_most(self) -> None:
        assert SocketOptions(0x7FFFFFFF, 0x7FFFFFFF).send_buffer == 0x7FFFFFFF


_OTHER = {"SO_SNDBUF": "SO_RCVBUF", "SO_RCVBUF": "SO_SNDBUF"}


# -- arguments ---------------------------------------------------------------------------------


@pytest.mark.parametrize("port", [0, 1, 65_535])
def test_an_end_point(port: int) -> None:
    assert end_point("pacs.example", port) == ("pacs.example", port)
    assert end_point(None, port) == ("", port)


@pytest.mark.parametrize("port", [-1, 65_536])
def test_a_port_that_is_none(port: int) -> None:
    """The system would silently use its low 16 bits."""
    with pytest.raises(ParameterError, match=f"between 0 and 65535; {port} does not"):
        end_point("pacs.example", port)


def test_ip_types() -> None:
    assert [ip_type(number) for number in range(4)] == list(IpType)
    for number in (-1, 4):
        with pytest.raises(ParameterError, match=f"{number} is no IpType"):
            ip_type(number)


# -- connecting --------------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[tuple[str, int]]:
    """The address of a port that is listening."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()


@pytest.fixture
def closed() -> int:
    """A port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def wait(sock: socket.socket, left: int) -> None:
    assert select.select([], [sock], [], PATIENCE)[1]


class Waiting:
    """Notes how many addresses were left, and does what the test wants with the first one."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.left: list[int] = []
        self.sockets: list[socket.socket] = []
        self.failure = failure

    def __call__(self, sock: socket.socket, left: int) -> None:
        self.left.append(left)
        self.sockets.append(sock)
        if self.failure is not None and len(self.left) == 1:
            raise self.failure
        wait(sock, left)


def resolves_to(monkeypatch: pytest.MonkeyPatch, *addresses: tuple[str, int]) -> None:
    """Have the name server answer with these addresses for any name."""

    def answer(*_: object) -> list[tuple[object, ...]]:
        return [
            (
                socket.AF_INET6 if ":" in address[0] else socket.AF_INET,
                socket.SOCK_STREAM,
                socket.IPPROTO_TCP,
                "",
                address,
            )
            for address in addresses
        ]

    monkeypatch.setattr(socket, "getaddrinfo", answer)


class TestConnecting:
    @pytest.mark.parametrize("family", [IpType.NONE, IpType.IPV4, BOTH])
    def test_connected_and_not_blocking(self, server: tuple[str, int], family: IpType) -> None:
        with connect_socket(server, ANY, family, wait) as sock:
            assert sock.getpeername() == server
            assert not sock.getblocking()

    @needs_ipv6
    def test_to_an_ipv6_address(self) -> None:
        with (
            socket.create_server(("::1", 0), family=socket.AF_INET6) as listening,
            connect_socket(listening.getsockname()[:2], ANY, IpType.IPV6, wait) as sock,
        ):
            assert sock.getpeername() == listening.getsockname()

    def test_from_a_local_end_that_is_chosen(self, server: tuple[str, int], closed: int) -> None:
        with connect_socket(server, ("127.0.0.1", closed), BOTH, wait) as sock:
            assert sock.getsockname() == ("127.0.0.1", closed)

    def test_from_a_port_only(self, server: tuple[str, int], closed: int) -> None:
        with connect_socket(server, ("", closed), BOTH, wait) as sock:
            assert sock.getsockname() == ("127.0.0.1", closed)

    def test_from_a_local_end_that_is_in_use(self, server: tuple[str, int]) -> None:
        with pytest.raises(NetworkError, match="Another program listens there") as caught:
            connect_socket(server, server, BOTH, wait)
        assert caught.value.code == Code.NET_ADDRESS_IN_USE

    def test_nothing_listens(self, closed: int) -> None:
        with pytest.raises(NetworkError) as caught:
            connect_socket(("127.0.0.1", closed), ANY, BOTH, wait)
        assert caught.value.code == Code.NET_CONNECTION_REFUSED
        assert str(caught.value).startswith(f"Connecting to 127.0.0.1:{closed} failed: ")

    def test_the_next_address_is_tried(
        self, monkeypatch: pytest.MonkeyPatch, server: tuple[str, int], closed: int
    ) -> None:
        resolves_to(monkeypatch, ("127.0.0.1", closed), server, ("127.0.0.1", closed))
        waiting = Waiting()
        with connect_socket(("pacs.example", 104), ANY, BOTH, waiting) as sock:
            assert sock.getpeername() == server
        assert waiting.left == [3, 2]
        assert waiting.sockets[0].fileno() == -1  # which was not connected is closed

    def test_an_address_that_takes_too_long_gives_way_to_the_next(
        self, monkeypatch: pytest.MonkeyPatch, server: tuple[str, int]
    ) -> None:
        resolves_to(monkeypatch, server, server)
        waiting = Waiting(OSError(errno.ETIMEDOUT, "too long"))
        connect_socket(("pacs.example", 104), ANY, BOTH, waiting).close()
        assert waiting.left == [2, 1]

    def test_the_code_is_that_of_the_last_address(
        self, monkeypatch: pytest.MonkeyPatch, server: tuple[str, int], closed: int
    ) -> None:
        resolves_to(monkeypatch, server, ("127.0.0.1", closed))
        waiting = Waiting(OSError(errno.ETIMEDOUT, "too long"))
        with pytest.raises(NetworkError) as caught:
            connect_socket(("pacs.example", 104), ANY, BOTH, waiting)
        assert caught.value.code == Code.NET_CONNECTION_REFUSED

    def test_who_gives_up_tries_no_other(
        self, monkeypatch: pytest.MonkeyPatch, server: tuple[str, int]
    ) -> None:
        resolves_to(monkeypatch, server, server)
        given_up = NetworkError(Code.CANCELED, "This end was closed.")
        waiting = Waiting(given_up)
        with pytest.raises(NetworkError) as caught:
            connect_socket(("pacs.example", 104), ANY, BOTH, waiting)
        assert caught.value is given_up
        assert waiting.left == [2]
        assert waiting.sockets[0].fileno() == -1


class TestNames:
    def test_a_host_without_addresses(self, monkeypatch: pytest.MonkeyPatch) -> None:
        resolves_to(monkeypatch)
        with pytest.raises(
            NetworkError, match=r"pacs\.example:104 failed: the host has no addr"
        ) as c:
            connect_socket(("pacs.example", 104), ANY, BOTH, wait)
        assert c.value.code == Code.NET_HOST_NOT_FOUND

    @pytest.mark.parametrize("name", ["x" * 64, "a..b"])
    def test_what_is_no_host_name(self, name: str) -> None:
        for action in (
            lambda: connect_socket((name, 104), ANY, BOTH, wait),
            lambda: listening_socket(name, 0, 5, BOTH),
        ):
            with pytest.raises(NetworkError, match="this is no host name") as caught:
                action()
            assert caught.value.code == Code.NET_HOST_NOT_FOUND

    def test_a_host_that_nobody_knows(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def unknown(*_: object) -> None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        monkeypatch.setattr(socket, "getaddrinfo", unknown)
        with pytest.raises(NetworkError, match="Check the host name") as caught:
            connect_socket(("pacs.example", 104), ANY, BOTH, wait)
        assert caught.value.code == Code.NET_HOST_NOT_FOUND


class TestFamilies:
    @pytest.mark.parametrize(
        ("peer", "host", "family", "reason"),
        [
            ("127.0.0.1", "", IpType.IPV6, "127.0.0.1 has no address of the family IPV6"),
            ("::1", "", IpType.IPV4, "::1 has no address of the family IPV4"),
            ("127.0.0.1", "::1", BOTH, "::1 is an address of the other family"),
            ("::1", "127.0.0.1", BOTH, "127.0.0.1 is an address of the other family"),
        ],
    )
    def test_that_do_not_fit(self, peer: str, host: str, family: IpType, reason: str) -> None:
        with pytest.raises(ParameterError, match=reason) as caught:
            connect_socket((peer, 104), (host, 0), family, wait)
        assert caught.value.code == Code.IPV4_IPV6_CONFLICT

    def test_of_a_host_with_both_that_of_the_local_end_is_taken(
        self, monkeypatch: pytest.MonkeyPatch, server: tuple[str, int]
    ) -> None:
        resolve = socket.getaddrinfo

        def answer(host: str, *rest: object) -> list[tuple[object, ...]]:
            if host != "pacs.example":
                return resolve(host, *rest)  # type: ignore[arg-type, return-value]
            found = resolve(None, server[1], 0, socket.SOCK_STREAM)
            six = [each for each in found if each[0] == socket.AF_INET6]
            return [*six, *(each for each in found if each[0] == socket.AF_INET)]

        monkeypatch.setattr(socket, "getaddrinfo", answer)
        waiting = Waiting()
        with connect_socket(("pacs.example", 104), ("127.0.0.1", 0), BOTH, waiting) as sock:
            assert sock.family == socket.AF_INET
        assert waiting.left == [1]


# -- listening ---------------------------------------------------------------------------------


def v6_only(sock: socket.socket) -> bool:
    return bool(sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY))


class TestListening:
    def test_on_one_address(self) -> None:
        with listening_socket("127.0.0.1", 0, 5, BOTH) as sock:
            assert sock.family == socket.AF_INET
            assert sock.getsockname()[0] == "127.0.0.1"
            assert sock.getsockname()[1] != 0
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            assert not sock.getblocking()

    def test_on_a_host_name(self) -> None:
        with listening_socket("localhost", 0, 5, IpType.IPV4) as sock:
            assert sock.getsockname()[0] == "127.0.0.1"

    def test_on_a_port_that_was_in_use_until_now(self) -> None:
        """Connections that are over keep it for minutes (TIME_WAIT)."""
        with (
            listening_socket("127.0.0.1", 0, 5, BOTH) as first,
            socket.create_connection(first.getsockname(), PATIENCE) as client,
        ):
            wait_for_caller(first)
            accepted, _ = first.accept()
            accepted.close()  # first, so that this end is in TIME_WAIT
            assert client.recv(1) == b""
            port = first.getsockname()[1]
        listening_socket("127.0.0.1", port, 5, BOTH).close()

    def test_on_a_port_in_use(self) -> None:
        with listening_socket("127.0.0.1", 0, 5, BOTH) as first:
            port = first.getsockname()[1]
            with pytest.raises(NetworkError, match=f"on 127.0.0.1:{port} failed") as caught:
                listening_socket("127.0.0.1", port, 5, BOTH)
            assert caught.value.code == Code.NET_ADDRESS_IN_USE
            assert "Another program listens there" in str(caught.value)

    def test_on_another_computers_address(self) -> None:
        with pytest.raises(NetworkError, match="does not belong to this computer") as caught:
            listening_socket("192.0.2.1", 0, 5, BOTH)
        assert caught.value.code == Code.NET_ADDRESS_NOT_AVAILABLE

    @pytest.mark.parametrize(
        ("address", "family", "where"),
        [("127.0.0.1", IpType.IPV6, "127.0.0.1:11112"), ("::1", IpType.IPV4, r"\[::1\]:11112")],
    )
    def test_on_an_address_of_the_other_family(
        self, address: str, family: IpType, where: str
    ) -> None:
        with pytest.raises(ParameterError, match=f"on {where} failed: .* {family.name}") as caught:
            listening_socket(address, 11112, 5, family)
        assert caught.value.code == Code.IPV4_IPV6_CONFLICT


def wait_for_caller(listening: socket.socket) -> None:
    assert select.select([listening], [], [], PATIENCE)[0]


def call(listening: socket.socket, host: str) -> tuple[str, int]:
    """Call a listening socket, and give who the caller seems to be to it."""
    port = listening.getsockname()[1]
    with socket.create_connection((host, port), PATIENCE) as caller:
        wait_for_caller(listening)
        accepted, address = listening.accept()
        accepted.close()
        assert host_and_port(address)[1] == caller.getsockname()[1]
    return host_and_port(address)


EVERYWHERE = ["", "*"]


@pytest.mark.parametrize("address", EVERYWHERE)
class TestListeningEverywhere:
    @needs_ipv6
    @pytest.mark.parametrize("family", [IpType.NONE, BOTH])
    def test_one_socket_serves_both_families(self, address: str, family: IpType) -> None:
        with listening_socket(address, 0, 5, family) as sock:
            assert not v6_only(sock)
            assert call(sock, "127.0.0.1")[0] == "127.0.0.1"  # and not ::ffff:127.0.0.1
            assert call(sock, "::1")[0] == "::1"

    def test_of_ipv4(self, address: str) -> None:
        with listening_socket(address, 0, 5, IpType.IPV4) as sock:
            assert sock.family == socket.AF_INET
            assert sock.getsockname()[0] == "0.0.0.0"
            assert call(sock, "127.0.0.1")[0] == "127.0.0.1"

    @needs_ipv6
    def test_of_ipv6(self, address: str) -> None:
        with listening_socket(address, 0, 5, IpType.IPV6) as sock:
            assert v6_only(sock)
            assert call(sock, "::1")[0] == "::1"
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", sock.getsockname()[1]), PATIENCE)

    def test_without_dual_stack(self, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
        monkeypatch.setattr(socket, "has_dualstack_ipv6", lambda: False)
        with listening_socket(address, 0, 5, BOTH) as sock:
            assert sock.family == socket.AF_INET

    @pytest.mark.parametrize("number", [errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT])
    def test_where_the_kernels_ipv6_is_switched_off(
        self, monkeypatch: pytest.MonkeyPatch, address: str, number: int
    ) -> None:
        """Then binding fails, though sockets of that family can be made."""
        monkeypatch.setattr(socket, "has_dualstack_ipv6", lambda: True)
        monkeypatch.setattr(socket, "socket", switched_off(number))
        with listening_socket(address, 0, 5, BOTH) as sock:
            assert sock.family == socket.AF_INET

    @needs_ipv6
    def test_another_failure_does_not_lead_to_half_of_the_families(self, address: str) -> None:
        with listening_socket(address, 0, 5, IpType.IPV6) as first:
            port = first.getsockname()[1]
            with pytest.raises(NetworkError, match=rf"Listening on \*:{port} failed") as caught:
                listening_socket(address, port, 5, BOTH)
            assert caught.value.code == Code.NET_ADDRESS_IN_USE


def switched_off(number: int) -> type[socket.socket]:
    """A kernel without IPv6 addresses."""

    class Socket(socket.socket):
        def bind(self, address: object) -> None:
            if self.family == socket.AF_INET6:
                raise OSError(number, "switched off")
            super().bind(address)  # type: ignore[arg-type]

    return Socket
