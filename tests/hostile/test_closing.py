"""N4 and N16: an end that is always bounded, whatever the peer is stuck in."""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from leaddicom import DicomErrorCode, LDicomNet, NetworkError, Status
from leaddicom.enums import PduType
from leaddicom.testing.bugs import BuggyScp, BuggyScu, Bugs, Step
from leaddicom.testing.peers import ScriptedPeer

from .nets import LONG, Client, Links, Server, write_instance

#: What an end may take with `abort_timeout` 0.2: three times that and a second, and what a busy
#: computer adds.  Every other deadline is `LONG`.
BOUND = 6.0
assert BOUND < LONG

ACTIONS: dict[str, Callable[[LDicomNet], None]] = {
    "Close": lambda net: net.Close(),
    "CloseForced": lambda net: net.CloseForced(True),
    "SendAbort": lambda net: net.SendAbort(),
}


class StoringClient(Client):
    instance: Path

    def OnReceiveAssociateAccept(self, associate):
        self.store(self.instance)
        self.associated.put(self)


class ReleasingClient(Client):
    def OnReceiveAssociateAccept(self, associate):
        self.SendReleaseRequest()


@pytest.fixture(scope="session")
def large(tmp_path_factory) -> Path:
    return write_instance(tmp_path_factory.mktemp("large") / "large.dcm", 32 << 20)


@pytest.fixture(params=["thread", "event"])
def run(request, plain: Links) -> Callable[[Callable[[], None]], float]:
    """Run something, in this thread or inside an event of another connection; give the time."""

    def timed(action: Callable[[], None]) -> float:
        begin = time.monotonic()
        action()
        return time.monotonic() - begin

    if request.param == "thread":
        return timed

    def inside_event(action: Callable[[], None]) -> float:
        times: queue.Queue[float] = queue.Queue()

        class Acting(Server):
            def OnReceiveCEchoRequest(self, presentation_id, message_id, sop_class):
                times.put(timed(action))
                super().OnReceiveCEchoRequest(presentation_id, message_id, sop_class)

        plain.good_association(plain.server(kind=Acting))
        return times.get_nowait()

    return inside_event


def check_end(net: LDicomNet, action: str, run: Callable[[Callable[[], None]], float]) -> None:
    """Act on a connection whose peer is stuck; it is over within the bound."""
    begin = time.monotonic()
    assert run(lambda: ACTIONS[action](net)) < BOUND
    net.end()
    assert time.monotonic() - begin < BOUND
    assert net.connection.wait_closed(BOUND)
    assert not net.IsConnected()


class TestAStuckServer:
    """Our client, and a peer that stops at every step."""

    @pytest.mark.parametrize("action", ACTIONS)
    @pytest.mark.parametrize(
        "step", [Step.CONNECTED, Step.SECURED, Step.ASSOCIATED, Step.MESSAGE, Step.RELEASE]
    )
    def test_ends_at_every_step(self, tls: Links, step: Step, action: str, run) -> None:
        scp = BuggyScp(Bugs(stall_after=step))
        kind = ReleasingClient if step is Step.RELEASE else Client
        with ScriptedPeer(scp, tls.peer_tls(server=True), LONG) as peer:
            client = tls.client(kind=kind)
            client.Connect(None, 0, *peer.listen())
            client.associate()
            assert client.connected.get(timeout=LONG) == 0
            if step is Step.MESSAGE:
                client.associated.get(timeout=LONG)
                client.SendCEchoRequest(3, 1, "1.2.840.10008.1.1")
            peer.wait_stalled()
            check_end(client, action, run)
            peer.let_go()

    @pytest.mark.parametrize("action", ACTIONS)
    def test_ends_in_mid_transfer(self, links: Links, large: Path, action: str, run) -> None:
        """The socket's buffers are full, and the peer takes nothing."""
        scp = BuggyScp(Bugs(stops_reading=True))
        with ScriptedPeer(scp, links.peer_tls(server=True), LONG, 16_384) as peer:
            client = links.client(kind=StoringClient)
            client.instance = large
            client.Connect(None, 0, *peer.listen())
            client.associate()
            client.associated.get(timeout=LONG)
            check_end(client, action, run)
            peer.let_go()

    @pytest.mark.parametrize("action", ACTIONS)
    def test_ends_while_connecting(self, plain: Links, action: str) -> None:
        """TCP itself is stuck: the backlog of the port is full."""
        with socket.socket() as port:
            port.bind(("127.0.0.1", 0))
            port.listen(0)
            fillers = [socket.socket() for _ in range(4)]
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(port.getsockname())
            client = plain.client()
            client.Connect(None, 0, *port.getsockname())
            begin = time.monotonic()
            ACTIONS[action](client)
            assert client.connected.get(timeout=BOUND) == DicomErrorCode.CANCELED
            assert client.connection.wait_closed(BOUND)
            assert time.monotonic() - begin < BOUND
            for filler in fillers:
                filler.close()


class TestAStuckClient:
    """Our server, and a peer that stops at every step."""

    @pytest.mark.parametrize("action", ACTIONS)
    @pytest.mark.parametrize("step", [Step.CONNECTED, Step.SECURED, Step.DATA_SET, Step.RELEASED])
    def test_ends_at_every_step(self, tls: Links, step: Step, action: str, run) -> None:
        server = tls.server()
        scu = BuggyScu(Bugs(stall_after=step))
        with ScriptedPeer(scu, tls.peer_tls(server=False), LONG) as peer:
            peer.connect(server.GetHostInfo())
            peer.wait_stalled()
            server.accepted.get(timeout=LONG)
            check_end(server.GetClient(0), action, run)
            peer.let_go()

    def test_closing_the_listener_closes_them_all(self, tls: Links, run) -> None:
        """The bound is one for all of them together."""
        server = tls.server()
        steps = [Step.CONNECTED, Step.SECURED, Step.ASSOCIATED, Step.COMMAND, Step.DATA_SET] * 4
        peers = [
            ScriptedPeer(BuggyScu(Bugs(stall_after=step)), tls.peer_tls(server=False), LONG)
            for step in steps
        ]
        for peer in peers:
            peer.connect(server.GetHostInfo())
        for peer in peers:
            peer.wait_stalled()
            server.accepted.get(timeout=LONG)
        assert run(server.Close) < BOUND
        for _ in peers:
            server.end()
        assert server.GetClientCount() == 0
        assert not server.IsActivated()
        for peer in peers:
            peer.let_go()
            peer.close()

    def test_events_that_do_not_return_do_not_add_up(self, plain: Links) -> None:
        free, inside = threading.Event(), threading.Semaphore(0)

        class Stuck(Server):
            def OnReceiveCEchoRequest(self, presentation_id, message_id, sop_class):
                inside.release()
                free.wait(LONG)

        server = plain.server(kind=Stuck)
        clients = [plain.client().associated_with(server.GetHostInfo()) for _ in range(8)]
        for client in clients:
            client.SendCEchoRequest(3, 1, "1.2.840.10008.1.1")
            assert inside.acquire(timeout=LONG)
        begin = time.monotonic()
        server.Close()
        assert time.monotonic() - begin < BOUND  # and not eight times the time of one
        free.set()
        for client in clients:
            client.end()

    def test_an_accept_event_that_does_not_return_does_not_keep_close(self, plain: Links) -> None:
        free, inside = threading.Event(), threading.Event()

        class Stuck(Server):
            def OnAccept(self, error):
                inside.set()
                free.wait(LONG)

        server = plain.server(kind=Stuck)
        with socket.create_connection(server.GetHostInfo()):
            assert inside.wait(LONG)
            begin = time.monotonic()
            server.Close()
            assert time.monotonic() - begin < BOUND
            free.set()


class TestInsideTheOwnEvent:
    """Close and the rest return at once; what they ask for happens when the event is over."""

    @pytest.mark.parametrize("action", ACTIONS)
    @pytest.mark.parametrize(
        "event", ["OnConnect", "OnSecureLinkReady", "OnReceiveAssociateAccept"]
    )
    def test_of_a_client(self, tls: Links, event: str, action: str) -> None:
        took: queue.Queue[float] = queue.Queue()

        def act(self, *arguments):
            begin = time.monotonic()
            ACTIONS[action](self)
            took.put(time.monotonic() - begin)

        kind = type("Acting", (Client,), {event: act})
        server, client = tls.server(), tls.client(kind=kind)
        client.Connect(None, 0, *server.GetHostInfo())
        with suppress(NetworkError):  # the event was faster
            client.associate()
        assert took.get(timeout=LONG) < BOUND
        client.end()
        assert client.connection.wait_closed(BOUND)

    @pytest.mark.parametrize("action", ACTIONS)
    def test_of_a_server(self, tls: Links, action: str) -> None:
        class Acting(Server):
            def OnReceiveCStoreRequest(self, *arguments):
                ACTIONS[action](self)

        server = tls.server(kind=Acting)
        with ScriptedPeer(BuggyScu(), tls.peer_tls(server=False)) as peer:
            peer.connect(server.GetHostInfo())
            server.end()
            received = [pdu.type for pdu in peer.wait()]
        assert received[0] == PduType.ASSOCIATE_ACCEPT
        if action != "CloseForced":
            assert received[1:] == [PduType.ABORT]


class TestTheRunningOperation:
    """N16: what is queued leaves before the connection is closed."""

    def test_its_answer_leaves_before_the_connection_is_closed(self, links: Links) -> None:
        running, go_on = threading.Event(), threading.Event()

        class Slow(Server):
            def OnReceiveCEchoRequest(self, presentation_id, message_id, sop_class):
                running.set()
                assert go_on.wait(LONG)
                super().OnReceiveCEchoRequest(presentation_id, message_id, sop_class)

        server = links.server(kind=Slow)
        client = links.client().associated_with(server.GetHostInfo())
        client.SendCEchoRequest(3, 5, "1.2.840.10008.1.1")
        assert running.wait(LONG)
        closer = threading.Thread(target=server.Close)
        closer.start()
        while server.IsActivated():  # Close has begun
            closer.join(0.01)
        go_on.set()
        assert client.answers.get(timeout=LONG) == (5, Status.SUCCESS)
        assert client.end().code == DicomErrorCode.NET_CONNECTION_ABORTED
        closer.join(LONG)
        assert not closer.is_alive()

    def test_what_was_queued_before_close_leaves(self, links: Links) -> None:
        server = links.server()
        client = links.client().associated_with(server.GetHostInfo())
        client.SendCEchoRequest(3, 6, "1.2.840.10008.1.1")
        client.Close()
        assert server.requests.get(timeout=LONG) == 6
        assert server.end().code == DicomErrorCode.NET_CONNECTION_ABORTED
        assert client.end().code == 0
