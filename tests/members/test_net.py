"""The life and the connection of an `LDicomNet`, member by member."""

from __future__ import annotations

import gc
import socket
import threading
import weakref
from pathlib import Path
from typing import Any

import pytest
from nets import ECHO_CLASS, Mute, Nets

from leaddicom import (
    DICOM_SECURE_ISCL,
    DICOM_SECURE_NONE,
    DICOM_SECURE_TLS,
    DicomError,
    DicomErrorCode,
    IpType,
    LDicomNet,
    NetworkError,
    ParameterError,
    SocketOptions,
    TlsSettings,
)
from leaddicom.pulse import PULSE


def options_of(net: LDicomNet) -> tuple[bool, int, int]:
    """What the system says of a connected object's socket: no-delay, send and receive buffer."""
    sock = net.connection._socket
    return (
        bool(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)),
        sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF),
        sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF),
    )


# -- lifecycle ---------------------------------------------------------------------------------


def test_StartUp() -> None:
    assert LDicomNet.StartUp() is None
    assert LDicomNet.StartUp() is None  # repeated, and before anything else


def test_ShutDown(nets: Nets) -> None:
    server = nets.server()
    client = nets.client(server)
    nets.wait_for("OnConnect")
    LDicomNet.ShutDown()
    assert not server.IsActivated()
    assert not client.IsConnected()
    nets.wait_for("OnClose", net=client)


def test_LDicomNet(tmp_path: Path) -> None:
    assert LDicomNet().GetSecureMode() == DICOM_SECURE_TLS
    assert LDicomNet(None, DICOM_SECURE_NONE).GetSecureMode() == DICOM_SECURE_NONE
    assert LDicomNet(tmp_path, DICOM_SECURE_NONE)._path == str(tmp_path)
    with pytest.raises(DicomError) as caught:
        LDicomNet(None, DICOM_SECURE_ISCL)
    assert caught.value.code == DicomErrorCode.BAD_SECURE_MODE
    two_steps = LDicomNet(None, DICOM_SECURE_NONE, False)
    with pytest.raises(NetworkError) as caught:
        two_steps.Connect(None, 0, "localhost", 1)
    assert caught.value.code == DicomErrorCode.NET_NOT_INITIALISED


def test_Initialize(nets: Nets, tmp_path: Path) -> None:
    net = LDicomNet(None, DICOM_SECURE_TLS, False)
    settings = TlsSettings(ca_file=str(nets.pki.ca_file), verify_depth=3)
    net.Initialize(tmp_path, DICOM_SECURE_TLS, settings)
    assert net.security.settings is settings
    assert net._path == str(tmp_path)
    net.Initialize(None, DICOM_SECURE_NONE)
    assert net.GetSecureMode() == DICOM_SECURE_NONE
    assert net.security.settings is settings  # what is not given stays
    for busy in (nets.server(), nets.client(nets.server())):  # also while it is connecting
        with pytest.raises(NetworkError) as caught:
            busy.Initialize(None, DICOM_SECURE_NONE)
        assert caught.value.code == DicomErrorCode.NET_IS_CONNECTED


def test_EnableReferenceCounting(nets: Nets) -> None:
    """A connection keeps its object, and an object that is over goes, whatever is asked for."""
    server = nets.server()
    closed = threading.Event()

    class Forgotten(LDicomNet):
        def OnClose(self, error: int, net: LDicomNet) -> None:
            closed.set()

    net = Forgotten(None, DICOM_SECURE_NONE)
    net.EnableReferenceCounting(True)
    net.Connect(None, 0, *server.GetHostInfo())
    nets.wait_for("OnAccept")
    reference, connection = weakref.ref(net), net.connection
    del net
    gc.collect()
    assert reference() is not None
    server.CloseForced(True)
    assert closed.wait(5)
    assert connection.wait_closed(5)
    del connection
    gc.collect()
    assert reference() is None


class TestBreathe:
    def test_Breathe(self, nets: Nets, monkeypatch: pytest.MonkeyPatch) -> None:
        """It waits for an event, and not for its time to be over."""
        monkeypatch.setattr("leaddicom.net._BREATH", 60.0)
        while PULSE.wait(0.2):  # what others have left behind
            pass
        server = nets.server()
        client = nets.client(server)
        while "OnConnect" not in nets.recorder.names(client):
            LDicomNet.Breathe()

    def test_comes_back_although_nothing_happens(self) -> None:
        LDicomNet.Breathe()
        LDicomNet.Breathe()


# -- connection --------------------------------------------------------------------------------


def test_Connect(nets: Nets) -> None:
    server = nets.server()
    client = nets.make()
    client.Connect(None, 0, "127.0.0.1", server.GetHostInfo()[1], IpType.IPV4)
    assert nets.wait_for("OnConnect", net=client) == (0,)
    with pytest.raises(NetworkError) as caught:
        client.Connect(None, 0, "127.0.0.1", 1)
    assert caught.value.code == DicomErrorCode.NET_IS_CONNECTED
    with pytest.raises(ParameterError, match="port"):
        nets.make().Connect(None, 0, "127.0.0.1", 65_536)


def test_Listen(nets: Nets) -> None:
    server = nets.make()
    server.Listen("127.0.0.1", 0, 5, IpType.IPV4)
    address, port = server.GetHostInfo()
    assert (address, port > 0) == ("127.0.0.1", True)
    with pytest.raises(NetworkError) as caught:
        nets.make().Listen("127.0.0.1", port)
    assert caught.value.code == DicomErrorCode.NET_ADDRESS_IN_USE


def test_Accept(nets: Nets) -> None:
    class Server(LDicomNet):
        def OnAccept(self, error: int) -> None:
            self.hand_made = LDicomNet(None, DICOM_SECURE_NONE)
            self.Accept(self.hand_made)

    server = nets.server(Server)
    nets.client(server)
    nets.wait_for("OnAccept")
    assert server.GetClient(0) is server.hand_made
    with pytest.raises(NetworkError) as caught:
        server.Accept(LDicomNet(None, DICOM_SECURE_NONE))
    assert caught.value.code == DicomErrorCode.NET_INVALID


def test_Close(nets: Nets) -> None:
    accepted, client = nets.pair()
    client.Close()
    assert not client.IsActivated()
    nets.wait_for("OnReceiveAbort", net=accepted)  # it was not released
    client.Close()


@pytest.mark.parametrize("forced", [True, False])
def test_CloseForced(nets: Nets, forced: bool) -> None:
    accepted, client = nets.pair()
    client.CloseForced(forced)
    assert not client.IsConnected()
    nets.wait_for("OnClose", net=accepted)
    assert ("OnReceiveAbort" in nets.recorder.names(accepted)) is not forced


def test_ServerClose(nets: Nets) -> None:
    server = nets.server()
    client = nets.client(server)
    nets.wait_for("OnConnect")
    nets.wait_for("OnAccept")
    server.ServerClose()
    assert not server.IsActivated()
    assert client.IsConnected()
    server.ServerClose()


def test_IsActivated(nets: Nets) -> None:
    assert not nets.make().IsActivated()
    server = nets.server()
    assert server.IsActivated()
    client = nets.client(server)
    nets.wait_for("OnConnect")
    assert client.IsActivated()


def test_IsConnected(nets: Nets) -> None:
    server = nets.server()
    assert not server.IsConnected()
    client = nets.client(server)
    nets.wait_for("OnConnect")
    assert client.IsConnected()


def test_IsAssociated(nets: Nets) -> None:
    server = nets.server()
    client = nets.client(server)
    nets.wait_for("OnConnect")
    assert not client.IsAssociated()
    nets.associated(client)
    assert client.IsAssociated()


def test_GetHostInfo(nets: Nets) -> None:
    assert nets.make().GetHostInfo() == ("", 0)
    server = nets.server()
    client = nets.client(server)
    nets.wait_for("OnConnect")
    nets.wait_for("OnAccept")
    assert client.GetHostInfo() == server.GetClient(0).GetPeerInfo()


def test_GetHostInfo_of_a_connection_after_listening(nets: Nets) -> None:
    other = nets.server()
    net = nets.server()
    listened = net.GetHostInfo()
    net.ServerClose()
    assert net.GetHostInfo() == listened
    nets.connect(net, other)
    nets.wait_for("OnConnect", net=net)
    assert net.GetHostInfo() != listened


def test_GetPeerInfo(nets: Nets) -> None:
    assert nets.make().GetPeerInfo() == ("", 0)
    server = nets.server()
    assert server.GetPeerInfo() == ("", 0)
    client = nets.client(server)
    nets.wait_for("OnConnect")
    assert client.GetPeerInfo() == server.GetHostInfo()


def test_GetServer(nets: Nets) -> None:
    accepted, client = nets.pair()
    assert accepted.GetServer().GetClient(0) is accepted
    assert client.GetServer() is None


def test_GetClientCount(nets: Nets) -> None:
    server = nets.server()
    assert server.GetClientCount() == 0
    clients = [nets.client(server) for _ in range(2)]
    for _ in clients:
        nets.wait_for("OnAccept")
    assert server.GetClientCount() == 2
    clients[0].CloseForced(True)
    nets.wait_for("OnClose", net=server)
    assert server.GetClientCount() == 1


def test_GetClient(nets: Nets) -> None:
    accepted, _ = nets.pair()
    server = accepted.GetServer()
    assert server.GetClient(0) is accepted
    for index in (-1, 1):
        with pytest.raises(ParameterError) as caught:
            server.GetClient(index)
        assert caught.value.code == DicomErrorCode.RANGE


# -- socket options ----------------------------------------------------------------------------


def test_GetDefaultSocketOptions(nets: Nets) -> None:
    assert LDicomNet.GetDefaultSocketOptions() == SocketOptions(0, 0, True)
    assert LDicomNet.GetDefaultSocketOptions() == nets.make().GetSocketOptions()
    _, client = nets.pair()
    assert options_of(client)[0]  # TCP_NODELAY


def test_GetSocketOptions(nets: Nets) -> None:
    net = nets.make()
    net.SetSocketOptions(SocketOptions(4096, 8192, False))
    assert net.GetSocketOptions() == SocketOptions(4096, 8192, False)


class TestSetSocketOptions:
    def test_SetSocketOptions(self, nets: Nets) -> None:
        """Before connecting they hold for the socket to come; later, at once."""
        client = nets.make()
        client.SetSocketOptions(SocketOptions(20_000, 30_000, False))
        nets.associated(nets.connect(client, nets.server()))
        assert not options_of(client)[0]
        small = options_of(client)[1:]
        assert all(size < 100_000 for size in small)  # the system doubles them
        client.SetSocketOptions(SocketOptions(60_000, 90_000))
        no_delay, *larger = options_of(client)
        assert no_delay
        assert all(now > before for now, before in zip(larger, small, strict=True))

    def test_clients_of_a_listener_inherit_them(self, nets: Nets) -> None:
        server = nets.make()
        server.SetSocketOptions(SocketOptions(no_delay=False))
        server.Listen("127.0.0.1", 0)
        nets.associated(nets.client(server))
        assert not options_of(server.GetClient(0))[0]

    def test_a_closed_connection_takes_no_harm(self, nets: Nets) -> None:
        _, client = nets.pair()
        client.CloseForced(True)
        client.SetSocketOptions(SocketOptions(4096, 4096))

    @pytest.mark.parametrize("size", [-1, 1 << 31])
    def test_an_impossible_buffer_is_refused(self, size: int) -> None:
        for sizes in ({"send_buffer": size}, {"receive_buffer": size}):
            with pytest.raises(ParameterError, match=f"{size} bytes cannot be"):
                SocketOptions(**sizes)


# -- events ------------------------------------------------------------------------------------


def test_OnConnect(nets: Nets) -> None:
    client = nets.client(nets.server())
    assert nets.wait_for("OnConnect", net=client) == (DicomErrorCode.SUCCESS,)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    refused = nets.make()
    refused.Connect(None, 0, "127.0.0.1", port)
    assert nets.wait_for("OnConnect", net=refused) == (DicomErrorCode.NET_CONNECTION_REFUSED,)


def test_OnAccept(nets: Nets) -> None:
    """The default serves the caller with an object of the listener's class."""
    server = nets.server(Mute)
    nets.client(server)
    assert nets.wait_for("OnAccept", net=server) == (DicomErrorCode.SUCCESS,)
    assert isinstance(server.GetClient(0), Mute)


def test_OnClose(nets: Nets) -> None:
    """It fires on the connection, and then on its listener."""
    accepted, client = nets.pair()
    server = accepted.GetServer()
    client.CloseForced(True)
    assert nets.wait_for("OnClose", net=client) == (DicomErrorCode.SUCCESS, client)
    code, net = nets.wait_for("OnClose", net=accepted)
    assert (code, net) == (DicomErrorCode.NET_CONNECTION_ABORTED, accepted)
    assert nets.wait_for("OnClose", net=server) == (code, accepted)


# -- the queue ---------------------------------------------------------------------------------


def test_GetQueueSend(nets: Nets) -> None:
    assert nets.make().GetQueueSend() == 0
    _, client = nets.pair(Mute)
    for message_id in (1, 2, 3):  # one is outstanding, for there is no window, and two wait
        client.SendCEchoRequest(1, message_id, ECHO_CLASS)
    nets.wait_for("OnReceiveCEchoRequest")
    while client.GetQueueSend() > 2:  # the peer may have it before this end counts it as gone
        LDicomNet.Breathe()
    assert client.GetQueueSend() == 2
    client.CloseForced(True)
    assert client.GetQueueSend() == 0


def test_GetCommandSet(nets: Nets) -> None:
    seen: list[Any] = []

    class Server(LDicomNet):
        def OnReceiveCEchoRequest(self, *arguments: Any) -> None:
            seen.append(self.GetCommandSet().to_pydicom())
            super().OnReceiveCEchoRequest(*arguments)

    accepted, client = nets.pair(Server)
    client.SendCEchoRequest(1, 77, ECHO_CLASS)
    nets.wait_for("OnReceiveCEchoResponse")
    assert (seen[0].CommandField, seen[0].MessageID) == (0x0030, 77)
    assert seen[0].AffectedSOPClassUID == ECHO_CLASS
    assert accepted.GetCommandSet() is None  # outside of events there is none
