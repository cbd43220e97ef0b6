"""LDicomNet: associations that end badly, and exceptions in events."""

from __future__ import annotations

import socket
import struct

import pytest
from nets import ECHO_CLASS, Nets, associate_request, short, warnings_of

from leaddicom import (
    AssociationError,
    DicomErrorCode,
    LDicomAssociate,
    LDicomNet,
    NetworkError,
    ProtocolError,
)

Code = DicomErrorCode


class TestBadEnds:
    @pytest.mark.parametrize("abort", [(0, 0), (2, 0), (2, 2), (2, 6)])
    def test_the_peer_aborts(
        self, nets: Nets, caplog: pytest.LogCaptureFixture, abort: tuple[int, int]
    ) -> None:
        accepted, client = nets.pair()
        client.SendAbort(*abort)
        assert nets.wait_for("OnReceiveAbort", net=accepted) == abort
        error, _ = nets.wait_for("OnClose", net=accepted)
        assert error == Code.NET_CONNECTION_ABORTED
        assert isinstance(accepted.error, AssociationError)
        assert (accepted.error.source, accepted.error.reason) == abort
        (text,) = warnings_of(caplog, "from")
        assert f"127.0.0.1:{client.GetHostInfo()[1]} aborted the association" in text

    def test_an_own_abort_is_no_failure(self, nets: Nets, caplog: pytest.LogCaptureFixture) -> None:
        accepted, client = nets.pair()
        client.SendAbort()
        assert nets.wait_for("OnClose", net=client) == (0, client)
        assert client.error is None
        assert warnings_of(caplog, "to") == []
        assert nets.wait_for("OnReceiveAbort", net=accepted) == (0, 0)

    @pytest.mark.parametrize("end", ["server", "client"])
    def test_the_peer_vanishes(
        self, nets: Nets, caplog: pytest.LogCaptureFixture, end: str
    ) -> None:
        accepted, client = nets.pair()
        gone, left = (accepted, client) if end == "client" else (client, accepted)
        reset_after_close(gone)
        error, _ = nets.wait_for("OnClose", net=left)
        assert error == Code.NET_CONNECTION_RESET
        assert left.connection.peer in str(left.error)
        assert "The peer dropped the connection" in str(left.error)
        (text,) = warnings_of(caplog, "to" if left is client else "from")
        assert left.connection.peer in text

    def test_the_peer_closes_without_a_word(
        self, nets: Nets, caplog: pytest.LogCaptureFixture
    ) -> None:
        server = nets.server()
        client = nets.associated(nets.client(server))
        accepted = server.GetClient(0)
        client.connection._socket.shutdown(socket.SHUT_WR)
        error, _ = nets.wait_for("OnClose", net=accepted)
        assert error == Code.NET_CONNECTION_ABORTED
        assert "closed the connection without releasing the association" in str(accepted.error)
        (text,) = warnings_of(caplog, "from")
        assert f"127.0.0.1:{client.GetHostInfo()[1]}" in text

    def test_nobody_says_anything(self, nets: Nets, caplog: pytest.LogCaptureFixture) -> None:
        server = nets.server(limits=short(artim_timeout=0.05, abort_timeout=0.05))
        with socket.create_connection(server.GetHostInfo()) as caller:
            _, accepted = nets.wait_for("OnClose", net=server)
            port = caller.getsockname()[1]
        assert accepted.error.code == Code.NET_TIME_OUT
        (text,) = warnings_of(caplog, "from")
        assert f"127.0.0.1:{port} did not send an A-ASSOCIATE-RQ" in text

    @pytest.mark.parametrize(
        ("limits", "what"),
        [
            ({"associate_timeout": 0.05}, "answer the A-ASSOCIATE-RQ within 0.05 s"),
            ({"idle_timeout": 0.05}, "use the association within 0.05 s"),
        ],
    )
    def test_the_server_does_not_answer(
        self, nets: Nets, limits: dict[str, float], what: str
    ) -> None:
        class Silent(LDicomNet):
            def OnReceiveAssociateRequest(self, associate: LDicomAssociate) -> None:
                if "idle_timeout" in limits:
                    super().OnReceiveAssociateRequest(associate)

        server = nets.server(Silent)
        client = nets.client(server, limits=short(**limits))
        client.SendAssociateRequest(associate_request())
        assert nets.wait_for("OnClose", net=client)[0] == Code.NET_TIME_OUT
        assert what in str(client.error)
        assert nets.wait_for("OnReceiveAbort") == (0, 0)

    def test_a_request_is_not_answered(self, nets: Nets) -> None:
        class Silent(LDicomNet):
            def OnReceiveCEchoRequest(
                self, presentation_id: int, message_id: int, uid: str
            ) -> None:
                """Do not answer."""

        server = nets.server(Silent)
        client = nets.associated(nets.client(server, limits=short(response_timeout=0.05)))
        client.SendCEchoRequest(1, 1, ECHO_CLASS)
        assert nets.wait_for("OnClose", net=client)[0] == Code.NET_TIME_OUT
        assert "did not answer a DIMSE request within 0.05 s" in str(client.error)

    def test_a_release_is_not_answered(self, nets: Nets) -> None:
        class Silent(LDicomNet):
            def OnReceiveReleaseRequest(self) -> None:
                """Do not answer."""

        server = nets.server(Silent)
        client = nets.associated(nets.client(server, limits=short(release_timeout=0.05)))
        client.SendReleaseRequest()
        assert nets.wait_for("OnClose", net=client)[0] == Code.NET_TIME_OUT
        assert "did not answer the A-RELEASE-RQ" in str(client.error)

    def test_the_peer_speaks_nonsense(self, nets: Nets, caplog: pytest.LogCaptureFixture) -> None:
        server = nets.server()
        with socket.create_connection(server.GetHostInfo()) as caller:
            caller.settimeout(5)
            caller.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert caller.recv(100)[:1] == b"\x07"
            port = caller.getsockname()[1]
        _, accepted = nets.wait_for("OnClose", net=server)
        assert isinstance(accepted.error, ProtocolError)
        (text,) = warnings_of(caplog, "from")
        assert f"127.0.0.1:{port}" in text

    def test_nothing_can_be_sent_any_more(self, nets: Nets) -> None:
        _, client = nets.pair()
        client.Close()
        with pytest.raises(NetworkError) as caught:
            client.SendReleaseRequest()
        assert caught.value.code == Code.NET_NOT_CONNECTED
        with pytest.raises(AssociationError, match=r"no association with 127\.0\.0\.1") as refused:
            client.SendCEchoRequest(1, 1, ECHO_CLASS)
        assert refused.value.code == Code.NET_NOT_CONNECTED
        client.SendAbort()


def reset_after_close(net: LDicomNet) -> None:
    """Have the socket of an object closed with a TCP reset, behind its back."""
    sock = net.connection._socket
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    net.CloseForced(True)


class TestExceptionsInEvents:
    @pytest.mark.parametrize("event", ["OnConnect", "OnReceiveAssociateAccept"])
    def test_abort_the_association(
        self, nets: Nets, caplog: pytest.LogCaptureFixture, event: str
    ) -> None:
        def fail(*_: object) -> None:
            raise ZeroDivisionError("in the event")

        server, client = nets.server(), nets.make()
        setattr(client, event, fail)
        nets.connect(client, server)
        if event != "OnConnect":
            client.SendAssociateRequest(associate_request())
            assert nets.wait_for("OnReceiveAbort") == (0, 0)
        error, _ = nets.wait_for("OnClose", net=client)
        assert error == Code.NET_FAILURE
        assert "raised ZeroDivisionError." in str(client.error)
        assert "in the event" in caplog.text
        assert "Traceback" in caplog.text

    def test_in_the_last_event_change_nothing(
        self, nets: Nets, caplog: pytest.LogCaptureFixture
    ) -> None:
        class Server(LDicomNet):
            def OnClose(self, error: int, net: LDicomNet) -> None:
                raise ZeroDivisionError

        accepted, client = nets.pair(Server)
        client.Close()
        server = accepted.GetServer()
        nets.wait_for("OnClose", net=accepted)
        nets.wait_for("OnClose", net=server)
        assert server.GetClientCount() == 0
        nets.associated(nets.client(server))
