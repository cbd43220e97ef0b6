"""LDicomNet: construction, life, listening, addresses, and who may connect; without TLS."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from nets import ECHO_CLASS, Nets, associate_request, free_port, needs_ipv6, short

from leaddicom import (
    DICOM_SECURE_ISCL,
    DICOM_SECURE_NONE,
    DICOM_SECURE_TLS,
    DicomError,
    DicomErrorCode,
    LDicomAssociate,
    LDicomNet,
    NetworkError,
    ParameterError,
    SecureMode,
    supported,
)

Code = DicomErrorCode


# ------------------------------------------------------------------------------ construction


class TestConstruction:
    @pytest.mark.parametrize(
        ("mode", "reason"),
        [
            (DICOM_SECURE_ISCL, "ISCL knows only DES and MD5"),
            (0, "0x0 is no mode"),
            (0xABCD0003, "0xabcd0003 is no mode"),
        ],
    )
    def test_refuses_other_modes(self, mode: int, reason: str) -> None:
        for act in (lambda: LDicomNet(None, mode), lambda: LDicomNet().Initialize(None, mode)):
            with pytest.raises(DicomError, match=reason) as caught:
                act()
            assert caught.value.code == Code.BAD_SECURE_MODE
            assert "use DICOM_SECURE_TLS" in str(caught.value)

    @pytest.mark.parametrize("reserved", [False, True])
    def test_with_three_arguments_initialize_has_to_follow(self, reserved: bool) -> None:
        net = LDicomNet(None, DICOM_SECURE_NONE, reserved)
        for act in (
            lambda: net.Listen("127.0.0.1", 0),
            lambda: net.Connect(None, 0, "127.0.0.1", 104),
        ):
            with pytest.raises(NetworkError, match="call Initialize first") as caught:
                act()
            assert caught.value.code == Code.NET_NOT_INITIALISED

    def test_with_two_arguments_it_may(self, nets: Nets) -> None:
        net = LDicomNet(None, DICOM_SECURE_NONE)
        nets.made.append(net)
        net.Listen("127.0.0.1", 0)
        assert net.IsActivated()

    def test_initialize_is_refused_while_connected(self, nets: Nets) -> None:
        _, client = nets.pair()
        with pytest.raises(NetworkError, match="before Connect, Listen and Accept") as caught:
            client.Initialize(None, DICOM_SECURE_TLS)
        assert caught.value.code == Code.NET_IS_CONNECTED
        assert client.GetSecureMode() is SecureMode.NONE

    def test_what_needs_a_connection_says_so(self) -> None:
        net = LDicomNet()
        for act in (
            lambda: net.SendAssociateRequest(associate_request()),
            net.SendReleaseRequest,
            net.SendReleaseResponse,
            net.SendAbort,
            lambda: net.SendAssociateReject(1, 1, 1),
            lambda: net.SendCEchoRequest(1, 1, ECHO_CLASS),
        ):
            with pytest.raises(NetworkError, match=r"no connection.*[Cc]all Connect") as caught:
                act()
            assert caught.value.code == Code.NET_NOT_CONNECTED

    def test_a_new_object_is_nothing_yet(self) -> None:
        net = LDicomNet()
        assert not net.IsActivated()
        assert not net.IsConnected()
        assert not net.IsAssociated()
        assert net.GetHostInfo() == net.GetPeerInfo() == ("", 0)
        assert net.GetServer() is None
        assert net.GetClientCount() == 0
        assert net.GetAssociate() is None
        assert net.GetCommandSet() is None
        assert net.error is None


# ---------------------------------------------------------------------------- start, shut down


class TestStartUpAndShutDown:
    def test_shut_down_closes_listeners_and_connections(self, nets: Nets) -> None:
        LDicomNet.StartUp()
        accepted, client = nets.pair()
        server = accepted.GetServer()
        LDicomNet.ShutDown()
        for net in (server, accepted, client):
            assert not net.IsActivated()
        for net in (accepted, client):
            nets.wait_for("OnClose", net=net)
        LDicomNet.ShutDown()

    def test_both_may_be_repeated(self, nets: Nets) -> None:
        LDicomNet.StartUp()
        LDicomNet.StartUp()
        LDicomNet.ShutDown()
        accepted, client = nets.pair()
        assert client.IsAssociated()
        assert accepted.IsConnected()

    def test_shut_down_while_others_connect(self, nets: Nets) -> None:
        server = nets.server()
        clients = [nets.make() for _ in range(60)]

        def connect() -> None:
            for client in clients:
                client.Connect(None, 0, "127.0.0.1", server.GetHostInfo()[1])

        thread = threading.Thread(target=connect)
        thread.start()
        while thread.is_alive():
            LDicomNet.ShutDown()
        thread.join()
        LDicomNet.ShutDown()
        assert not any(client.IsConnected() for client in clients)


# -------------------------------------------------------------------------------- listening


class TestListen:
    def test_may_be_tried_again_after_a_failure(self, nets: Nets) -> None:
        port, server = nets.server().GetHostInfo()[1], nets.make()
        with pytest.raises(NetworkError):
            server.Listen("127.0.0.1", port)
        assert not server.IsActivated()
        server.Listen("127.0.0.1", 0)
        assert server.IsActivated()

    @pytest.mark.parametrize("port", [-1, 65_536])
    def test_refuses_a_port_that_is_none(self, nets: Nets, port: int) -> None:
        with pytest.raises(ParameterError, match=f"port.*{port}"):
            nets.make().Listen("127.0.0.1", port)

    def test_refuses_an_ip_type_that_is_none(self, nets: Nets) -> None:
        with pytest.raises(ParameterError, match="7 is no IpType"):
            nets.make().Listen("127.0.0.1", 0, 0, 7)

    def test_twice_is_refused(self, nets: Nets) -> None:
        server = nets.server()
        with pytest.raises(NetworkError, match="listening already") as caught:
            server.Listen("127.0.0.1", 0)
        assert caught.value.code == Code.NET_IS_CONNECTED

    def test_a_listener_does_not_connect(self, nets: Nets) -> None:
        server = nets.server()
        with pytest.raises(NetworkError) as caught:
            server.Connect(None, 0, "127.0.0.1", 104)
        assert caught.value.code == Code.NET_IS_CONNECTED

    def test_server_close_leaves_the_clients(self, nets: Nets) -> None:
        accepted, client = nets.pair()
        server = accepted.GetServer()
        server.ServerClose()
        assert not server.IsActivated()
        client.SendCEchoRequest(1, 1, ECHO_CLASS)
        assert nets.wait_for("OnReceiveCEchoResponse")[3] == 0
        refused = nets.client(server)
        assert nets.wait_for("OnConnect", net=refused) == (Code.NET_CONNECTION_REFUSED,)

    def test_may_listen_again(self, nets: Nets) -> None:
        server = nets.server()
        server.Close()
        server.Listen("127.0.0.1", 0)
        nets.associated(nets.client(server))

    def test_close_closes_the_clients(self, nets: Nets) -> None:
        accepted, client = nets.pair()
        server = accepted.GetServer()
        server.Close()
        assert not accepted.IsConnected()
        assert server.GetClientCount() == 0
        assert nets.wait_for("OnReceiveAbort", net=client) == (0, 0)
        assert nets.wait_for("OnClose", net=client)[0] == Code.NET_CONNECTION_ABORTED


class TestAddresses:
    def test_are_known_to_the_last_event(self, nets: Nets) -> None:
        class Client(LDicomNet):
            def OnClose(self, error: int, net: LDicomNet) -> None:
                self.at_the_end = net.GetPeerInfo()

        server = nets.server()
        client = nets.client(server, Client)
        nets.wait_for("OnAccept")
        client.Close()
        assert client.at_the_end == server.GetHostInfo()

    def test_the_local_end_may_be_chosen(self, nets: Nets) -> None:
        server, port, client = nets.server(), free_port(), nets.make()
        client.Connect("127.0.0.1", port, "127.0.0.1", server.GetHostInfo()[1])
        nets.wait_for("OnConnect")
        assert client.GetHostInfo() == ("127.0.0.1", port)

    def test_an_ipv4_client_of_every_address_shows_its_ipv4_address(self, nets: Nets) -> None:
        server = nets.server(address="*")
        nets.associated(nets.client(server))
        accepted = server.GetClient(0)
        assert accepted.GetPeerInfo()[0] == "127.0.0.1"
        assert accepted.GetHostInfo() == ("127.0.0.1", server.GetHostInfo()[1])

    @needs_ipv6
    @pytest.mark.parametrize("address", ["*", "", None])
    def test_every_address_is_of_both_families(self, nets: Nets, address: str | None) -> None:
        server = nets.make()
        server.Listen(address, 0)
        for host in ("127.0.0.1", "::1"):
            client = nets.connect(nets.make(), server, host)
            assert nets.wait_for("OnConnect", net=client) == (0,)
            assert client.GetPeerInfo() == (host, server.GetHostInfo()[1])

    @needs_ipv6
    def test_ipv6(self, nets: Nets) -> None:
        server = nets.server(address="::1")
        client = nets.associated(nets.connect(nets.make(), server, "::1"))
        assert client.GetPeerInfo() == ("::1", server.GetHostInfo()[1])
        assert client.GetHostInfo() == server.GetClient(0).GetPeerInfo()
        assert server.GetClient(0).connection is not None

    def test_the_other_family_is_tried(self, nets: Nets) -> None:
        """localhost has both addresses, and the server only one of them."""
        client = nets.connect(nets.make(), nets.server(), "localhost")
        assert nets.wait_for("OnConnect", net=client) == (0,)
        assert client.GetPeerInfo()[0] == "127.0.0.1"


# ------------------------------------------------------------------------- who may connect


class TestAccept:
    def test_a_class_that_overrides_one_event_is_a_server(self, nets: Nets) -> None:
        class Server(LDicomNet):
            def OnReceiveCEchoRequest(
                self, presentation_id: int, message_id: int, uid: str
            ) -> None:
                self.SendCEchoResponse(presentation_id, message_id, uid, 0xB000)

        _, client = nets.pair(Server)
        client.SendCEchoRequest(1, 1, ECHO_CLASS)
        assert nets.wait_for("OnReceiveCEchoResponse") == (1, 1, ECHO_CLASS, 0xB000)

    def test_a_client_of_a_listener_is_like_it(self, nets: Nets) -> None:
        class Server(LDicomNet):
            supported_contexts = supported(["1.2.3"])

            def __init__(self, *arguments: Any) -> None:
                super().__init__(*arguments)
                self.archive: list[str] = []

        server = nets.server(Server, limits=short(idle_timeout=77))
        nets.associated(nets.client(server), associate_request("1.2.3"))
        accepted = server.GetClient(0)
        assert isinstance(accepted, Server)
        assert accepted.archive is server.archive
        assert accepted.limits.idle_timeout == 77
        assert accepted.GetServer() is server
        assert accepted.GetClientCount() == 0
        assert server.GetAssociate() is None

    def test_hand_made_clients(self, nets: Nets) -> None:
        """The flow of LEADTOOLS' samples: a plain listener, and a class of its own."""

        class Served(LDicomNet):
            def OnReceiveAssociateRequest(self, associate: LDicomAssociate) -> None:
                accept = LDicomAssociate(False)
                accept.SetVersion(1)
                accept.SetCalled(associate.GetCalled())
                accept.SetCalling(associate.GetCalling())
                accept.SetApplication(associate.GetApplication())
                for index in range(associate.GetPresentationCount()):
                    context = associate.GetPresentation(index)
                    accept.AddPresentation(context, 0, associate.GetAbstract(context))
                    accept.AddTransfer(context, associate.GetTransfer(context, 0))
                self.SendAssociateAccept(accept)

        class Listener(LDicomNet):
            def OnAccept(self, error: int) -> None:
                self.Accept(nets.make(Served))

        server = nets.server(Listener)
        client = nets.associated(nets.client(server))
        assert isinstance(server.GetClient(0), Served)
        client.SendCEchoRequest(1, 1, ECHO_CLASS)
        assert nets.wait_for("OnReceiveCEchoResponse")[3] == 0
        client.Close()
        left = nets.wait_for("OnClose", net=server)[1]
        assert isinstance(left, Served)
        assert left.GetServer() is server

    @pytest.mark.parametrize("error", [0, 60])
    def test_on_accept_ignores_errors(self, nets: Nets, error: int) -> None:
        server = nets.server()
        if error:
            server.OnAccept(error)
        else:
            with pytest.raises(NetworkError, match="No caller waits"):
                server.OnAccept(error)

    def test_accept_needs_a_listener(self, nets: Nets) -> None:
        with pytest.raises(NetworkError, match="needs a listening object") as caught:
            nets.make().Accept(nets.make())
        assert caught.value.code == Code.NET_INVALID

    def test_accept_takes_one_caller_for_each_event(
        self, nets: Nets, caplog: pytest.LogCaptureFixture
    ) -> None:
        class Listener(LDicomNet):
            def OnAccept(self, error: int) -> None:
                self.Accept(self.CreateClient())
                self.Accept(self.CreateClient())

        server = nets.server(Listener)
        nets.associated(nets.client(server))
        nets.wait_for("OnAccept")
        (exception,) = nets.recorder.exceptions
        assert "No caller waits" in str(exception)
        assert server.GetClientCount() == 1

    def test_accept_refuses_an_object_that_is_not_initialized(
        self, nets: Nets, caplog: pytest.LogCaptureFixture
    ) -> None:
        class Listener(LDicomNet):
            def OnAccept(self, error: int) -> None:
                self.Accept(LDicomNet(None, DICOM_SECURE_NONE, False))

        nets.client(nets.server(Listener))
        nets.wait_for("OnClose")
        (exception,) = nets.recorder.exceptions
        assert isinstance(exception, NetworkError)
        assert exception.code == Code.NET_NOT_INITIALISED

    def test_accept_refuses_an_object_that_is_in_use(
        self, nets: Nets, caplog: pytest.LogCaptureFixture
    ) -> None:
        class Listener(LDicomNet):
            only: LDicomNet

            def OnAccept(self, error: int) -> None:
                self.Accept(self.only)

        server = nets.make(Listener)
        server.only = nets.make()
        server.Listen("127.0.0.1", 0)
        first = nets.associated(nets.client(server))
        second = nets.client(server)
        nets.wait_for("OnClose", net=second)
        (exception,) = nets.recorder.exceptions
        assert isinstance(exception, NetworkError)
        assert exception.code == Code.NET_IS_CONNECTED
        assert first.IsAssociated()
        assert server.GetClientCount() == 1

    def test_a_caller_that_is_not_accepted_is_closed(self, nets: Nets) -> None:
        class Choosy(LDicomNet):
            def OnAccept(self, error: int) -> None:
                """Accept nobody."""

        client = nets.client(nets.server(Choosy))
        error = nets.wait_for("OnClose", net=client)[0]
        assert error == Code.NET_CONNECTION_ABORTED
        assert "closed the connection before an association was requested" in str(client.error)

    def test_an_exception_in_on_accept_closes_the_caller_only(
        self, nets: Nets, caplog: pytest.LogCaptureFixture
    ) -> None:
        class Moody(LDicomNet):
            calls = 0

            def OnAccept(self, error: int) -> None:
                self.calls += 1
                if self.calls == 1:
                    raise ZeroDivisionError
                super().OnAccept(error)

        server = nets.server(Moody)
        first = nets.client(server)
        nets.wait_for("OnClose", net=first)
        nets.associated(nets.client(server))
        assert "OnAccept raised" in caplog.text
        assert "ZeroDivisionError" in caplog.text

    def test_clients_are_counted_oldest_first(self, nets: Nets) -> None:
        server = nets.server()
        clients = [nets.associated(nets.client(server)) for _ in range(3)]
        assert server.GetClientCount() == 3
        peers = [server.GetClient(index).GetPeerInfo() for index in range(3)]
        assert peers == [client.GetHostInfo() for client in clients]
        clients[1].Close()
        nets.wait_for("OnClose", net=server)
        assert server.GetClientCount() == 2
        assert server.GetClient(1).GetPeerInfo() == peers[2]

    @pytest.mark.parametrize("index", [-1, 1])
    def test_an_index_without_a_client(self, nets: Nets, index: int) -> None:
        accepted, _ = nets.pair()
        server = accepted.GetServer()
        with pytest.raises(ParameterError, match=f"no client {index}; there are 1") as caught:
            server.GetClient(index)
        assert caught.value.code == Code.RANGE
