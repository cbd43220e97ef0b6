"""LDicomNet.listen_on: a listening socket that somebody else has opened."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
from nets import LINKS, Nets, associate_request, short
from programs import PATIENCE

from leaddicom import DicomErrorCode, LDicomNet, NetworkError, ParameterError, TlsError
from leaddicom.transport.listener import Listener

Code = DicomErrorCode

#: What another process does with the socket whose descriptor it is told: it serves one caller.
_CHILD = """
import socket, sys, threading
from leaddicom import DICOM_SECURE_NONE, LDicomNet

class Server(LDicomNet):
    over = threading.Event()
    def OnReceiveReleaseRequest(self):
        super().OnReceiveReleaseRequest()
        self.over.set()

server = Server(None, DICOM_SECURE_NONE)
server.listen_on(socket.socket(fileno=int(sys.argv[1])))
server.over.wait(30)
server.Close()
"""


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock


@pytest.mark.parametrize("link", LINKS)
def test_serves_its_callers(nets: Nets, listening: socket.socket, link: str) -> None:
    server = nets.make(link=link)
    server.listen_on(listening)
    assert server.GetHostInfo() == listening.getsockname()
    assert server.IsActivated()
    client = nets.associated(nets.client(server, link=link))
    client.SendCEchoRequest(1, 1, "1.2.840.10008.1.1")
    assert nets.wait_for("OnReceiveCEchoResponse", net=client)


def test_serves_who_called_before(nets: Nets, listening: socket.socket) -> None:
    server, client = nets.make(), nets.make()
    client.Connect(None, 0, *listening.getsockname())
    nets.wait_for("OnConnect", net=client)  # by the system, which keeps the caller
    server.listen_on(listening)
    assert nets.associated(client).IsAssociated()


def test_serves_who_called_before_the_method_returns(
    nets: Nets, listening: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, client = nets.make(), nets.make()
    adopt = Listener.adopt

    def adopt_and_wait(listener: Listener, sock: socket.socket) -> None:
        adopt(listener, sock)
        nets.wait_for("OnAccept", net=server)

    monkeypatch.setattr(Listener, "adopt", adopt_and_wait)
    client.Connect(None, 0, *listening.getsockname())
    nets.wait_for("OnConnect", net=client)
    server.listen_on(listening)
    assert nets.associated(client).IsAssociated()


def test_callers_outlive_one_of_two_that_share_it(nets: Nets, listening: socket.socket) -> None:
    first, second = nets.make(), nets.make()
    first.listen_on(listening)
    second.listen_on(listening.dup())
    first.Close()
    assert nets.associated(nets.client(second)).IsAssociated()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pass_fds")
def test_another_process_serves_it(nets: Nets, listening: socket.socket) -> None:
    number = listening.fileno()
    command = [sys.executable, "-c", _CHILD, str(number)]
    with subprocess.Popen(command, pass_fds=[number]) as child:
        client = nets.make(limits=short(associate_timeout=PATIENCE))
        client.Connect(None, 0, *listening.getsockname())
        nets.wait_for("OnConnect", net=client)
        client.SendAssociateRequest(associate_request())
        nets.wait_for("OnReceiveAssociateAccept", PATIENCE, net=client)
        client.SendReleaseRequest()
        assert child.wait(PATIENCE) == 0


def test_closing_closes_it(nets: Nets, listening: socket.socket) -> None:
    server = nets.make()
    server.listen_on(listening)
    server.Close()
    assert listening.fileno() == -1


class TestRefuses:
    def refuses(self, nets: Nets, sock: socket.socket) -> None:
        net = nets.make()
        with pytest.raises(ParameterError, match="no TCP socket that listens"):
            net.listen_on(sock)
        assert not net.IsActivated()

    def test_a_socket_that_does_not_listen(self, nets: Nets) -> None:
        with socket.socket() as sock:
            self.refuses(nets, sock)
            assert sock.fileno() != -1

    def test_a_socket_that_is_closed(self, nets: Nets, listening: socket.socket) -> None:
        listening.close()
        self.refuses(nets, listening)

    def test_a_socket_of_another_kind(self, nets: Nets) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            self.refuses(nets, sock)

    def test_an_object_in_use(self, nets: Nets, listening: socket.socket) -> None:
        server = nets.server()
        with pytest.raises(NetworkError) as caught:
            server.listen_on(listening)
        assert caught.value.code == Code.NET_IS_CONNECTED
        assert listening.fileno() != -1

    def test_a_server_without_a_certificate(self, nets: Nets, listening: socket.socket) -> None:
        net = nets.make(link="TLS 1.3", certificate=None)
        with pytest.raises(TlsError):
            net.listen_on(listening)
        assert listening.fileno() != -1

    def test_an_impossible_ae_title(self, nets: Nets, listening: socket.socket) -> None:
        net = nets.make()
        net.ae_title = "A" * 17
        with pytest.raises(ParameterError, match="is no AE title"):
            net.listen_on(listening)


def test_listens_again_on_another_one(nets: Nets, listening: socket.socket) -> None:
    server = nets.make(LDicomNet)
    server.listen_on(listening)
    server.Close()
    server.listen_on(socket.create_server(("127.0.0.1", 0)))
    assert nets.associated(nets.client(server)).IsAssociated()
