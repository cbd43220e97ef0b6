"""Ending a connection: from every event, from other threads, in every state, and twice."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from nets import ECHO_CLASS, TLS_LINKS, Nets, associate_request, raw_listener, short

from leaddicom import DicomErrorCode, LDicomAssociate, LDicomNet, NetworkError

ENDS: dict[str, Callable[[LDicomNet], None]] = {
    "Close": LDicomNet.Close,
    "CloseForced": lambda net: net.CloseForced(True),
    "SendAbort": LDicomNet.SendAbort,
}

CLIENT_EVENTS = [
    "OnConnect",
    "OnSecureLinkReady",
    "OnReceiveAssociateAccept",
    "OnReceiveCEchoResponse",
    "OnReceiveReleaseResponse",
    "OnClose",
]
SERVER_EVENTS = [
    "OnSecureLinkReady",
    "OnReceiveAssociateRequest",
    "OnReceiveCEchoRequest",
    "OnReceiveReleaseRequest",
    "OnClose",
]

BOUND = 3.0  # seconds; twice the abort time-out and some more


class Ending(LDicomNet):
    """Does all that a client does, and something else in one of its events."""

    in_event = ""
    end: Callable[[LDicomNet], None]
    first = True

    def OnReceiveAssociateAccept(self, associate: LDicomAssociate) -> None:
        if self.connection is not None and self.IsAssociated():
            self.SendCEchoRequest(1, 1, ECHO_CLASS)

    def OnReceiveCEchoResponse(self, p: int, m: int, uid: str, status: int) -> None:
        if self.IsAssociated():
            self.SendReleaseRequest()


def _ending(name: str) -> Callable[..., Any]:
    own = getattr(Ending, name)

    def event(self: Ending, *arguments: Any) -> None:
        about_another = name == "OnClose" and arguments[1] is not self
        if name == self.in_event and self.first and not about_another:
            self.first = False
            type(self).end(self)
            type(self).end(self)
            if type(self).end is not LDicomNet.SendAbort:
                return
        own(self, *arguments)

    return event


for _name in {*CLIENT_EVENTS, *SERVER_EVENTS}:
    setattr(Ending, _name, _ending(_name))


def kind(event: str, end: str) -> type[Ending]:
    return type("Ending", (Ending,), {"in_event": event, "end": staticmethod(ENDS[end])})


class TestInsideEvents:
    """Twice in the same event; OnClose comes once all the same, and soon."""

    @pytest.mark.parametrize("end", ENDS)
    @pytest.mark.parametrize("event", CLIENT_EVENTS)
    def test_of_the_client(
        self, nets: Nets, caplog: pytest.LogCaptureFixture, event: str, end: str
    ) -> None:
        server = nets.server(link="TLS 1.3")
        client = nets.client(server, kind(event, end), link="TLS 1.3")
        try:
            client.SendAssociateRequest(associate_request())
        except NetworkError:  # the event was faster
            assert event in ("OnConnect", "OnSecureLinkReady")
        self.check(nets, client, server, event)
        nets.associated(nets.connect(client, server))  # it can be used again

    @pytest.mark.parametrize("end", ENDS)
    @pytest.mark.parametrize("event", SERVER_EVENTS)
    def test_of_the_accepted_object(
        self, nets: Nets, caplog: pytest.LogCaptureFixture, event: str, end: str
    ) -> None:
        server = nets.server(kind(event, end), link="TLS 1.3")
        client = nets.client(server, kind("", end), link="TLS 1.3")
        try:
            client.SendAssociateRequest(associate_request())
        except NetworkError:  # OnSecureLinkReady was faster
            assert event == "OnSecureLinkReady"
        self.check(nets, client, server, event)

    def check(self, nets: Nets, client: LDicomNet, server: LDicomNet, event: str) -> None:
        begun = time.monotonic()
        nets.wait_for("OnClose", net=client)
        _, accepted = nets.wait_for("OnClose", net=server)
        assert time.monotonic() - begun < BOUND
        for net in (client, accepted):
            assert net.connection.wait_closed(BOUND)
            assert nets.recorder.names(net).count("OnClose") == 1
            assert nets.recorder.names(net)[-1] == "OnClose"
            assert not net.IsConnected()
        assert nets.recorder.names(server).count("OnClose") == 1
        assert nets.recorder.exceptions == []

    def test_of_the_listener(self, nets: Nets) -> None:
        class Server(LDicomNet):
            def OnAccept(self, error: int) -> None:
                super().OnAccept(error)
                self.Close()

        server = nets.server(Server)
        client = nets.client(server)
        for net in (client, server):
            nets.wait_for("OnClose", net=net)
        assert not server.IsActivated()
        assert server.GetClientCount() == 0

    def test_a_client_may_close_its_server(self, nets: Nets) -> None:
        class Server(LDicomNet):
            def OnReceiveCEchoRequest(self, p: int, m: int, uid: str) -> None:
                server = self.GetServer()
                server.Close()

        _, client = nets.pair(Server)
        bystander = nets.associated(nets.client(nets.made[0]))
        client.SendCEchoRequest(1, 1, ECHO_CLASS)
        for net in (client, bystander):
            nets.wait_for("OnClose", net=net)
        assert not nets.made[0].IsActivated()

    def test_two_that_close_each_other(self, nets: Nets) -> None:
        """Each waits for the other's end inside its own event; the wait is bounded."""

        class Client(LDicomNet):
            other: LDicomNet
            both: threading.Barrier

            def OnReceiveCEchoResponse(self, *_: Any) -> None:
                self.both.wait(5)
                self.other.Close()

        limits = short(abort_timeout=0.05)
        server = nets.server()
        clients = [nets.client(server, Client, limits=limits) for _ in range(2)]
        barrier = threading.Barrier(2)
        for client, other in zip(clients, reversed(clients), strict=True):
            client.both, client.other = barrier, other
            nets.associated(client)
        begun = time.monotonic()
        for client in clients:
            client.SendCEchoRequest(1, 1, ECHO_CLASS)
        for client in clients:
            nets.wait_for("OnClose", net=client)
        assert time.monotonic() - begun < BOUND


class Holding(Ending):
    """Stays inside an event until it is let go."""

    held = ""

    def hold(self, name: str) -> None:
        if name == self.held and self.GetServer() is None:
            self.inside.set()
            self.go_on.wait(5)


def _holding(name: str) -> Callable[..., None]:
    def event(self: Holding, *arguments: Any) -> None:
        self.hold(name)
        getattr(super(Holding, self), name)(*arguments)

    return event


for _name in CLIENT_EVENTS:
    setattr(Holding, _name, _holding(_name))


class TestFromOtherThreads:
    @pytest.mark.parametrize("end", ENDS)
    @pytest.mark.parametrize("link", ["plain", "TLS 1.3"])
    def test_outside_of_events(self, nets: Nets, link: str, end: str) -> None:
        accepted, client = nets.pair(link=link)
        ENDS[end](client)
        ENDS[end](client)
        if end != "SendAbort":  # the others wait for the end themselves
            assert nets.recorder.names(client).count("OnClose") == 1
        nets.wait_for("OnClose", net=client)
        nets.wait_for("OnClose", net=accepted)
        for net in (accepted, client):
            assert nets.recorder.names(net).count("OnClose") == 1

    @pytest.mark.parametrize("end", ENDS)
    @pytest.mark.parametrize("event", CLIENT_EVENTS)
    def test_while_an_event_runs(self, nets: Nets, event: str, end: str) -> None:
        server, client = nets.server(link="TLS 1.3"), nets.make(Holding, link="TLS 1.3")
        client.held = event
        client.inside, client.go_on = threading.Event(), threading.Event()
        nets.connect(client, server)
        client.SendAssociateRequest(associate_request())
        assert client.inside.wait(5)
        enders = [threading.Thread(target=ENDS[end], args=(client,)) for _ in range(3)]
        for thread in enders:
            thread.start()
        client.go_on.set()
        for thread in enders:
            thread.join(BOUND)
            assert not thread.is_alive()
        nets.wait_for("OnClose", net=client)
        assert client.connection.wait_closed(BOUND)
        assert nets.recorder.names(client).count("OnClose") == 1

    @pytest.mark.parametrize("end", ENDS)
    def test_in_the_middle_of_a_handshake(self, nets: Nets, end: str) -> None:
        with raw_listener() as (listening, port):
            limits = short(handshake_timeout=1, abort_timeout=0.05)
            client = nets.make(link="TLS 1.3", limits=limits)
            client.Connect(None, 0, "127.0.0.1", port)
            caller, _ = listening.accept()
            caller.settimeout(5)
            assert caller.recv(1) == b"\x16"  # the ClientHello is there
            ENDS[end](client)
            nets.wait_for("OnClose", net=client)
            caller.close()
        assert nets.recorder.names(client).count("OnClose") == 1

    @pytest.mark.parametrize("end", ["Close", "CloseForced"])
    def test_while_the_peer_does_not_read(self, nets: Nets, end: str) -> None:
        """What is queued can never leave: the end comes all the same."""
        with raw_listener() as (listening, port):
            client = nets.make(limits=short(abort_timeout=0.1))
            client.Connect(None, 0, "127.0.0.1", port)
            nets.wait_for("OnConnect")
            client.SendAssociateRequest(associate_request())
            begun = time.monotonic()
            ENDS[end](client)
            assert time.monotonic() - begun < BOUND
            assert nets.recorder.names(client)[-1] == "OnClose"
            listening.accept()[0].close()

    @pytest.mark.parametrize("link", TLS_LINKS)
    def test_what_is_queued_leaves_first(self, nets: Nets, link: str) -> None:
        accepted, client = nets.pair(link=link, request=associate_request(window=0))
        for number in range(20):
            client.SendCEchoRequest(1, number, ECHO_CLASS)
        client.Close()
        nets.wait_for("OnClose", net=accepted)
        assert nets.recorder.names(accepted).count("OnReceiveCEchoRequest") == 20
        assert nets.recorder.names(accepted)[-2:] == ["OnReceiveAbort", "OnClose"]

    def test_many_at_once(self, nets: Nets) -> None:
        server = nets.server(limits=short(associations_per_address=100))
        clients = [nets.associated(nets.client(server)) for _ in range(20)]
        threads = [
            threading.Thread(target=end, args=(net,))
            for net, end in zip(
                [*clients, server, server], itertools.cycle(ENDS.values()), strict=False
            )
            if net is not server or end is not LDicomNet.SendAbort
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(BOUND)
            assert not thread.is_alive()
        server.Close()
        for client in clients:
            nets.wait_for("OnClose", net=client)
            assert nets.recorder.names(client).count("OnClose") == 1
        assert nets.recorder.names(server).count("OnClose") == 20


class TestUnconnected:
    @pytest.mark.parametrize("end", ["Close", "CloseForced"])
    def test_nothing_to_close(self, end: str) -> None:
        net = LDicomNet()
        ENDS[end](net)
        net.ServerClose()
        assert not net.IsActivated()

    def test_a_closed_listener(self, nets: Nets) -> None:
        server = nets.server()
        server.Close()
        server.Close()
        server.ServerClose()
        assert not server.IsActivated()

    def test_after_a_refused_connection(self, nets: Nets) -> None:
        client = nets.make()
        with raw_listener() as (_, port):
            pass
        client.Connect(None, 0, "127.0.0.1", port)
        assert nets.wait_for("OnConnect") == (DicomErrorCode.NET_CONNECTION_REFUSED,)
        for end in ENDS.values():
            end(client)
        assert nets.recorder.names(client) == ["OnConnect"]
