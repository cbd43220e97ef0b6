"""A listening port: who is accepted, who is refused, and who gives way."""

from __future__ import annotations

import errno
import os
import queue
import resource
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from nets import needs_ipv6

from leaddicom.enums import IpType
from leaddicom.errors import DicomError, DicomErrorCode, NetworkError, ParameterError
from leaddicom.limits import Limits
from leaddicom.transport import listener as module
from leaddicom.transport.listener import Listener
from leaddicom.transport.stream import host_and_port

from .ends import BOTH, PATIENCE, Served, read_all

Code = DicomErrorCode
MANY = {"associations": 100, "associations_per_address": 100, "half_open": 100}

pytestmark = pytest.mark.usefixtures("no_threads_left")


class Port:
    """A listener, what it tells, and what a test wants to be done then."""

    def __init__(self, address: str = "127.0.0.1", **limits: float) -> None:
        self.told: queue.Queue[DicomError | None] = queue.Queue()
        self.callers: queue.Queue[tuple[socket.socket, Any]] = queue.Queue()
        self.failures: list[BaseException] = []
        self.takes = True
        self.limits = Limits(**{"abort_timeout": 0.01, **MANY, **limits})  # type: ignore[arg-type]
        self.listener = Listener(self.on_accept, self.limits)
        self.address = address
        self.opened: list[socket.socket] = []

    def open(self) -> Port:
        self.listener.open(self.address, 0, 5, BOTH)
        return self

    def on_accept(self, error: DicomError | None) -> None:
        self.told.put(error)
        if error is None and self.takes:
            if self.failures:
                raise self.failures.pop(0)
            self.callers.put(self.listener.take())

    def next(self) -> DicomError | None:
        """What is told next."""
        return self.told.get(timeout=PATIENCE)

    def call(self, host: str = "") -> socket.socket:
        """Call it."""
        port = self.listener.address[1]
        caller = socket.create_connection((host or self.address, port), PATIENCE)
        self.opened.append(caller)
        return caller

    def accepted(self) -> tuple[str, int]:
        """The address of the next caller, who was accepted."""
        assert self.next() is None
        sock, address = self.callers.get(timeout=PATIENCE)
        self.opened.append(sock)
        return host_and_port(address)

    def close(self) -> None:
        self.listener.close()
        while not self.callers.empty():
            self.opened.append(self.callers.get()[0])
        for each in self.opened:
            each.close()


@pytest.fixture
def make() -> Iterator[Any]:
    made: list[Port] = []

    def make(address: str = "127.0.0.1", **limits: float) -> Port:
        made.append(Port(address, **limits))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def port(make: Any) -> Port:
    return make().open()


# -- opening and closing -----------------------------------------------------------------------


class TestOpening:
    def test_it_knows_its_address(self, make: Any) -> None:
        port = make()
        assert port.listener.address == ("", 0)
        assert not port.listener.is_open
        port.open()
        assert port.listener.is_open
        host, number = port.listener.address
        assert host == "127.0.0.1"
        assert number > 0
        assert f"DICOM on 127.0.0.1:{number}" in [each.name for each in threading.enumerate()]

    @pytest.mark.parametrize("address", ["192.0.2.1", "::1"])
    def test_a_failure_leaves_nothing_open(self, address: str) -> None:
        before = os.listdir("/dev/fd")
        for _ in range(3):
            listener = Listener(lambda _: None, Limits())
            with pytest.raises((NetworkError, ParameterError)):
                listener.open(address, 0, 5, IpType.IPV4)
            assert not listener.is_open
        assert os.listdir("/dev/fd") == before

    def test_closing(self, port: Port) -> None:
        port.listener.close()
        assert not port.listener.is_open
        with pytest.raises(ConnectionRefusedError):
            port.call()
        port.listener.close()

    def test_closing_inside_the_event(self, make: Any) -> None:
        port = make()
        port.on_accept = lambda error: port.told.put(error) or port.listener.close()
        port.listener = Listener(port.on_accept, port.limits)
        port.open()
        caller = port.call()
        assert port.next() is None
        assert read_all(caller) == b""
        assert not port.listener.is_open

    def test_an_event_that_does_not_return_does_not_keep_who_closes(self, make: Any) -> None:
        port, inside, go_on = make(), threading.Event(), threading.Event()
        let_go: queue.Queue[bool] = queue.Queue()

        def stay(_: DicomError | None) -> None:
            inside.set()
            let_go.put(go_on.wait(PATIENCE))

        port.listener = Listener(stay, port.limits)
        port.open().call()
        assert inside.wait(PATIENCE)
        port.listener.close()
        go_on.set()
        assert let_go.get(timeout=PATIENCE)  # so closing came back before it did

    def test_connections_that_were_accepted_go_on(self, port: Port) -> None:
        caller = port.call()
        port.accepted()
        port.listener.close()
        port.opened[-1].sendall(b"still here")
        assert caller.recv(100) == b"still here"


# -- callers -----------------------------------------------------------------------------------


class TestCallers:
    def test_one_after_the_other(self, port: Port) -> None:
        for _ in range(3):
            caller = port.call()
            assert port.accepted() == caller.getsockname()

    def test_one_that_the_owner_does_not_want(self, port: Port) -> None:
        port.takes = False
        caller = port.call()
        assert port.next() is None
        assert read_all(caller) == b""
        port.takes = True
        port.call()
        port.accepted()

    def test_none_can_be_taken_outside_of_the_event(self, port: Port) -> None:
        port.call()
        port.accepted()
        with pytest.raises(NetworkError, match="No caller waits: Accept belongs into") as caught:
            port.listener.take()
        assert caught.value.code == Code.NET_INVALID

    def test_none_can_be_taken_behind_close(self, make: Any) -> None:
        port, refused = make(), queue.Queue()

        def on_accept(_: DicomError | None) -> None:
            port.listener.close()
            with pytest.raises(NetworkError, match="No caller waits"):
                port.listener.take()
            refused.put(True)

        port.listener = Listener(on_accept, port.limits)
        port.open().call()
        assert refused.get(timeout=PATIENCE)

    def test_an_event_that_raises(self, port: Port, caplog: pytest.LogCaptureFixture) -> None:
        port.failures = [ZeroDivisionError("deliberate"), OSError(errno.EIO, "deliberate")]
        for _ in range(2):
            caller = port.call()
            assert port.next() is None
            assert read_all(caller) == b""  # nobody serves it
        assert caplog.text.count("OnAccept raised") == 2
        port.call()
        port.accepted()

    @pytest.mark.parametrize("number", [errno.ECONNABORTED, errno.EAGAIN])
    def test_one_that_has_gone_again_is_none(
        self, port: Port, monkeypatch: pytest.MonkeyPatch, number: int
    ) -> None:
        failures, accept = [OSError(number, "gone")] * 2, socket.socket.accept

        def flaky(self: socket.socket) -> Any:
            if failures:
                raise failures.pop()
            return accept(self)

        monkeypatch.setattr(socket.socket, "accept", flaky)
        port.call()
        port.accepted()
        assert not failures
        assert port.told.empty()

    @needs_ipv6
    def test_an_ipv4_caller_of_both_families(self, make: Any) -> None:
        port = make("*").open()
        caller = port.call("127.0.0.1")
        assert port.accepted() == caller.getsockname()


# -- a system that has no more -----------------------------------------------------------------


class TestExhaustion:
    def test_it_is_told_once_and_the_callers_wait(
        self, port: Port, caplog: pytest.LogCaptureFixture
    ) -> None:
        """For some connection to give a descriptor back."""
        port.call()
        port.accepted()  # so it has what it needs itself
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        with socket.socket() as caller:
            with socket.socket() as probe:
                lowest = probe.fileno()
            resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
            try:
                caller.connect(port.listener.address)  # the system answers in its place
                error = port.next()
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            assert error is not None
            assert error.code == Code.NET_NO_MORE_FILE
            assert "raise the limit (ulimit -n)" in str(error)
            assert port.accepted() == caller.getsockname()
        assert port.told.empty()
        assert caplog.text.count("Accepting a connection failed") == 1

    @pytest.mark.parametrize("left", [0, 1, 2])
    def test_at_the_beginning_opens_nothing(self, left: int) -> None:
        """A listener needs a socket, a waker and a selector."""
        listener = Listener(lambda error: None, Limits())
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        with socket.socket() as probe:
            lowest = probe.fileno()
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + left, hard))
        try:
            with pytest.raises(NetworkError, match="raise the limit") as caught:
                listener.open("127.0.0.1", 0, 5, IpType.IPV4)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert caught.value.code == Code.NET_NO_MORE_FILE
        assert not listener.is_open
        listener.close()
        with socket.socket() as probe:
            assert probe.fileno() == lowest  # nothing was left behind

    def test_of_who_serves_them_counts_as_well(
        self, port: Port, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(module, "_PAUSE", 0.001)
        port.failures = [OSError(errno.EMFILE, "deliberate") for _ in range(3)]
        for _ in range(3):
            assert read_all(port.call()) == b""
        assert port.next() is None
        told = port.next()
        assert told is not None
        assert told.code == Code.NET_NO_MORE_FILE
        assert [port.next(), port.next()] == [None, None]  # and not once more
        port.call()
        port.accepted()
        port.failures = [OSError(errno.ENFILE, "deliberate")]
        port.call()
        assert port.next() is None
        assert port.next() is not None  # it could serve in between, so this is news
        assert caplog.text.count("Accepting a connection failed") == 2


# -- limits ------------------------------------------------------------------------------------


@pytest.fixture
def connections() -> Iterator[Any]:
    """Connections as a listener has them: `peer` is where they seem to come from."""
    made: list[Served] = []

    def connect(port: Port, peer: str = "192.0.2.1", *, associated: bool = False) -> Served:
        made.append(Served(peer=(peer, 104)))
        if associated:
            made[-1].associated()
        port.listener.add(made[-1].connection)
        return made[-1]

    yield connect
    for each in made:
        each.end()


def refused(port: Port, caller: socket.socket, caplog: pytest.LogCaptureFixture) -> str:
    """The reason for which a caller was refused."""
    assert read_all(caller) == b""
    assert port.told.empty()
    (text,) = [each for each in caplog.messages if each.startswith("Refused the connection")]
    assert f"from 127.0.0.1:{caller.getsockname()[1]}: " in text
    return text


class TestTheLimitOfConnections:
    def test_is_kept_by_refusing(
        self, make: Any, connections: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        port = make(associations=2).open()
        first = connections(port, associated=True)
        port.call()
        port.accepted()  # n - 1
        connections(port, associated=True)
        assert "the limit of 2 connections is reached" in refused(port, port.call(), caplog)
        port.listener.remove(first.connection)
        port.listener.remove(first.connection)
        port.call()
        port.accepted()

    def test_half_open_ones_give_way(self, make: Any, connections: Any) -> None:
        port = make(associations=2).open()
        established = connections(port, associated=True)
        half_open = connections(port)
        port.call()
        port.accepted()
        error = half_open.owner.wait_for("on_close")
        assert error.code == Code.NET_CONNECTION_ABORTED
        assert "gave way to a new one" in str(error)
        assert "the limit of 2 connections is reached" in str(error)
        assert established.connection.is_associated


class TestTheLimitOfHalfOpenOnes:
    def test_the_oldest_gives_way(self, make: Any, connections: Any) -> None:
        port = make(half_open=2).open()
        first = connections(port)
        port.call()
        port.accepted()  # n - 1
        second = connections(port)
        assert not first.connection.is_closed
        port.call()
        port.accepted()
        assert "limit of 2 half-open connections" in str(first.owner.wait_for("on_close"))
        port.listener.add(third := connections(port).connection)
        port.call()
        port.accepted()
        assert "limit of 2 half-open connections" in str(second.owner.wait_for("on_close"))
        assert not third.is_closed

    def test_associations_do_not_count(self, make: Any, connections: Any) -> None:
        port = make(half_open=1).open()
        both = [connections(port, associated=True) for _ in range(2)]
        port.call()
        port.accepted()
        assert all(each.connection.is_associated for each in both)


class TestTheLimitOfOneAddress:
    def test_is_kept_by_refusing(
        self, make: Any, connections: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        port = make(associations_per_address=2).open()
        connections(port, "127.0.0.1", associated=True)
        connections(port, "192.0.2.1", associated=True)
        connections(port, "127.0.0.2", associated=True)
        port.call()
        port.accepted()  # n - 1, others do not count
        connections(port, "127.0.0.1", associated=True)
        limit = "the limit of 2 connections from one address is reached"
        assert limit in refused(port, port.call(), caplog)

    def test_only_its_own_half_open_ones_give_way(self, make: Any, connections: Any) -> None:
        port = make(associations_per_address=1).open()
        other = connections(port, "192.0.2.1")
        own = connections(port, "127.0.0.1")
        port.call()
        port.accepted()
        assert "from one address" in str(own.owner.wait_for("on_close"))
        assert not other.connection.is_closed

    @needs_ipv6
    @pytest.mark.parametrize(
        ("other", "counts"),
        [
            ("::2", True),
            ("::ffff:ffff:ffff:ffff", True),
            ("0:0:0:1::1", False),
            ("127.0.0.1", False),
            ("::2%lo", True),
        ],
    )
    def test_an_ipv6_host_commands_a_64(
        self, make: Any, connections: Any, other: str, counts: bool
    ) -> None:
        port = make("::1", associations_per_address=1).open()
        served = connections(port, other)
        port.call()
        port.accepted()
        if counts:
            assert "from one address" in str(served.owner.wait_for("on_close"))
        else:
            assert not served.connection.is_closed

    @needs_ipv6
    def test_an_ipv4_caller_of_both_families_counts_as_one(
        self, make: Any, connections: Any
    ) -> None:
        port = make("*", associations_per_address=1).open()
        own = connections(port, "127.0.0.1")
        port.call("127.0.0.1")
        port.accepted()
        assert "from one address" in str(own.owner.wait_for("on_close"))

    def test_an_address_that_is_none_is_itself(self, make: Any, connections: Any) -> None:
        port = make(associations_per_address=1).open()
        odd = connections(port, "no address")
        port.call()
        port.accepted()
        assert not odd.connection.is_closed
