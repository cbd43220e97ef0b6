"""LDicomNet: connecting, and what may go wrong with it."""

from __future__ import annotations

import errno
import socket
import threading
from typing import Any

import pytest
from nets import ECHO_CLASS, Nets, free_port, raw_listener, short, warnings_of

from leaddicom import DicomErrorCode, LDicomNet, NetworkError, ParameterError

Code = DicomErrorCode


class TestConnect:
    def test_nobody_listens(self, nets: Nets, caplog: pytest.LogCaptureFixture) -> None:
        port, client = free_port(), nets.make()
        client.Connect(None, 0, "127.0.0.1", port)
        assert nets.wait_for("OnConnect") == (Code.NET_CONNECTION_REFUSED,)
        text = str(client.error)
        assert text.startswith(f"Connecting to 127.0.0.1:{port} failed")
        assert "Nothing listens there" in text
        assert warnings_of(caplog, "to") == [text]
        assert not client.IsActivated()

    @pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 64 + ".example", "a..b"])
    def test_the_host_does_not_exist(self, nets: Nets, host: str) -> None:
        client = nets.make()
        client.Connect(None, 0, host, 104)
        (error,) = nets.wait_for("OnConnect", 20)
        assert error in (Code.NET_HOST_NOT_FOUND, Code.NET_TRY_AGAIN)
        assert f"Connecting to {host}:104 failed" in str(client.error)
        assert "Check the host name" in str(client.error)

    def test_nothing_follows_a_failure(self, nets: Nets) -> None:
        client = nets.make()
        client.Connect(None, 0, "127.0.0.1", free_port())
        nets.wait_for("OnConnect")
        client.Close()
        assert nets.recorder.names(client) == ["OnConnect"]

    @pytest.mark.parametrize("port", [-1, 65_536, 70_000])
    def test_a_port_that_is_none(self, nets: Nets, port: int) -> None:
        client = nets.make()
        with pytest.raises(ParameterError, match=f"port.*{port}"):
            client.Connect(None, 0, "127.0.0.1", port)
        with pytest.raises(ParameterError, match=f"port.*{port}"):
            client.Connect(None, port, "127.0.0.1", 104)
        nets.associated(nets.connect(client, nets.server()))

    def test_an_ip_type_that_is_none(self, nets: Nets) -> None:
        client = nets.make()
        with pytest.raises(ParameterError, match="9 is no IpType"):
            client.Connect(None, 0, "127.0.0.1", 104, 9)
        nets.associated(nets.connect(client, nets.server()))

    def test_time_out(self, nets: Nets) -> None:
        """A listener whose queue is full lets the next caller wait."""
        with socket.socket() as listening:
            listening.bind(("127.0.0.1", 0))
            listening.listen(0)
            address = listening.getsockname()
            waiting = []
            for _ in range(4):
                sock = socket.socket()
                sock.setblocking(False)
                waiting.append(sock)
                if sock.connect_ex(address) not in (0, errno.EINPROGRESS):
                    pytest.skip("this system refuses callers when the queue is full")
            client = nets.make(limits=short(connect_timeout=0.1))
            client.Connect(None, 0, *address)
            (error,) = nets.wait_for("OnConnect")
            for sock in waiting:
                sock.close()
            if error == 0:
                pytest.skip("this system accepts callers beyond the queue's length")
            assert error == Code.NET_TIME_OUT
            assert f"Connecting to 127.0.0.1:{address[1]} failed: no answer" in str(client.error)
            assert "Check the address, the route and the firewalls" in str(client.error)

    def test_close_while_connecting_is_told(self, nets: Nets) -> None:
        """Every Connect that returns ends in OnConnect, so that nobody waits in vain."""
        with raw_listener() as (listening, port):
            listening.close()
            begun, go_on = threading.Event(), threading.Event()
            lookup = socket.getaddrinfo

            def slow(*arguments: Any, **more: Any) -> Any:
                begun.set()
                go_on.wait(5)
                return lookup(*arguments, **more)

            client = nets.make()
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(socket, "getaddrinfo", slow)
                client.Connect(None, 0, "127.0.0.1", port)
                assert begun.wait(5)
                closer = threading.Thread(target=client.Close)
                closer.start()
                while not client.connection._closing:
                    pass
                go_on.set()
                closer.join(5)
            (error,) = nets.wait_for("OnConnect")
            assert error in (
                Code.NET_CONNECTION_REFUSED,  # the system was faster
                Code.CANCELED,
            )

    def test_twice_is_refused(self, nets: Nets) -> None:
        _, client = nets.pair()
        with pytest.raises(NetworkError, match="connected, connecting or listening") as caught:
            client.Connect(None, 0, "127.0.0.1", 104)
        assert caught.value.code == Code.NET_IS_CONNECTED

    @pytest.mark.parametrize("end", ["Close", "refused"])
    def test_may_be_called_again(self, nets: Nets, end: str) -> None:
        server, client = nets.server(), nets.make()
        if end == "Close":
            nets.associated(nets.connect(client, server)).Close()
        else:
            client.Connect(None, 0, "127.0.0.1", free_port())
            nets.wait_for("OnConnect")
            client.Close()
        nets.associated(nets.connect(client, server))
        assert client.error is None
        client.SendCEchoRequest(1, 5, ECHO_CLASS)
        assert nets.wait_for("OnReceiveCEchoResponse")[1] == 5

    @pytest.mark.parametrize("event", ["OnConnect", "OnClose"])
    def test_may_be_called_again_inside_the_last_event(self, nets: Nets, event: str) -> None:
        server = nets.server()

        class Persistent(LDicomNet):
            tries = 0

            def again(self) -> None:
                self.tries += 1
                if self.tries == 1:
                    self.Connect(None, 0, "127.0.0.1", server.GetHostInfo()[1])

            def OnConnect(self, error: int) -> None:
                if error:
                    self.again()

            def OnClose(self, error: int, net: LDicomNet) -> None:
                self.again()

        client = nets.make(Persistent)
        if event == "OnConnect":
            client.Connect(None, 0, "127.0.0.1", free_port())
        else:
            nets.associated(nets.connect(client, server)).Close()
        errors = {nets.wait_for("OnConnect", net=client)[0] for _ in range(2)}
        assert errors == ({0, Code.NET_CONNECTION_REFUSED} if event == "OnConnect" else {0})
        nets.associated(client)
