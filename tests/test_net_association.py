"""LDicomNet: connecting, the association from its request to its end, and what may go wrong."""

from __future__ import annotations

import errno
import socket
import struct
import threading
from typing import Any

import pytest
from nets import (
    ECHO_CLASS,
    LIMITS,
    Nets,
    associate_request,
    free_port,
    raw_listener,
    short,
    warnings_of,
)

from leaddicom import (
    AssociationError,
    DicomError,
    DicomErrorCode,
    LDicomAssociate,
    LDicomNet,
    NetworkError,
    ParameterError,
    PduType,
    ProtocolError,
)

Code = DicomErrorCode


# ------------------------------------------------------------------------------- connecting


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


# -------------------------------------------------------------- order of events, one association


class TestOrder:
    def test_of_one_association(self, nets: Nets) -> None:
        accepted, client = nets.pair()
        client.SendCEchoRequest(1, 1, ECHO_CLASS)
        nets.wait_for("OnReceiveCEchoResponse")
        client.SendReleaseRequest()
        assert nets.wait_for("OnClose", net=client) == (0, client)
        server = accepted.GetServer()
        assert nets.wait_for("OnClose", net=accepted) == (0, accepted)
        assert nets.wait_for("OnClose", net=server) == (0, accepted)
        assert nets.recorder.names(client) == [
            "OnConnect",
            "OnReceiveAssociateAccept",
            "OnReceiveCEchoResponse",
            "OnReceiveReleaseResponse",
            "OnClose",
        ]
        assert nets.recorder.names(accepted) == [
            "OnReceiveAssociateRequest",
            "OnReceiveCEchoRequest",
            "OnReceiveReleaseRequest",
            "OnClose",
        ]
        assert nets.recorder.names(server) == ["OnAccept", "OnClose"]
        assert client.error is accepted.error is None

    def test_events_run_on_the_threads_that_the_documentation_names(self, nets: Nets) -> None:
        accepted, client = nets.pair()
        client.Close()
        server = accepted.GetServer()
        nets.wait_for("OnClose", net=server)
        threads = {
            net: {e.thread for e in nets.recorder.events if e.net is net and e.name != "OnClose"}
            for net in (server, accepted, client)
        }
        port, caller = server.GetHostInfo()[1], client.GetHostInfo()[1]
        assert threads == {
            server: {f"DICOM on 127.0.0.1:{port}"},
            accepted: {f"DICOM from 127.0.0.1:{caller}"},
            client: {f"DICOM to 127.0.0.1:{port}"},
        }

    def test_what_is_sent_at_once_leaves_in_order(self, nets: Nets) -> None:
        """The request for the association waits for the connection, what follows for its turn."""

        class Client(LDicomNet):
            def OnReceiveAssociateAccept(self, associate: LDicomAssociate) -> None:
                for number in range(5):
                    self.SendCEchoRequest(1, number, ECHO_CLASS)
                self.SendReleaseRequest()

        server = nets.server()
        client = nets.client(server, Client)
        client.SendAssociateRequest(associate_request())
        assert nets.wait_for("OnClose", net=client)[0] == 0
        names = nets.recorder.names(client)
        assert names[1:] == [
            "OnReceiveAssociateAccept",
            *["OnReceiveCEchoResponse"] * 5,
            "OnReceiveReleaseResponse",
            "OnClose",
        ]

    def test_the_server_may_release(self, nets: Nets) -> None:
        accepted, client = nets.pair()
        accepted.SendReleaseRequest()
        assert nets.wait_for("OnClose", net=accepted)[0] == 0
        assert nets.wait_for("OnClose", net=client)[0] == 0
        assert "OnReceiveReleaseRequest" in nets.recorder.names(client)
        assert "OnReceiveReleaseResponse" in nets.recorder.names(accepted)

    def test_both_release_at_once(self, nets: Nets) -> None:
        """A release collision (PS3.8 section 7.2.2.7)."""
        inside, sent = threading.Event(), threading.Event()

        class Server(LDicomNet):
            def OnSend(self, error: int, pdu_type: int, length: int) -> None:
                if pdu_type == PduType.RELEASE_REQUEST:
                    sent.set()

        class Client(LDicomNet):
            def OnReceiveCEchoRequest(
                self, presentation_id: int, message_id: int, uid: str
            ) -> None:
                inside.set()
                sent.wait(5)
                self.SendReleaseRequest()

        accepted, client = nets.pair(Server, Client)
        accepted.SendCEchoRequest(1, 1, ECHO_CLASS)
        assert inside.wait(5)
        accepted.SendReleaseRequest()
        for net in (accepted, client):
            assert nets.wait_for("OnClose", net=net)[0] == 0
            release = {"OnReceiveReleaseRequest", "OnReceiveReleaseResponse"}
            assert release < set(nets.recorder.names(net))


# ------------------------------------------------------------------------------- association


class TestAssociation:
    def test_what_was_negotiated(self, nets: Nets) -> None:
        accepted, client = nets.pair()
        for net in (accepted, client):
            associate = net.GetAssociate()
            assert not associate.IsRequest()
            assert (associate.GetCalled(), associate.GetCalling()) == ("SERVER", "CLIENT")
            assert associate.GetAbstract(1) == ECHO_CLASS
            assert associate.GetMaxLength() == LIMITS.maximum_pdu_length
            assert net.IsAssociated()

    def test_what_was_requested(self, nets: Nets) -> None:
        class Slow(LDicomNet):
            def OnReceiveAssociateRequest(self, associate: LDicomAssociate) -> None:
                """Answer later."""

        server = nets.server(Slow)
        client = nets.client(server)
        client.SendAssociateRequest(associate_request())
        (received,) = nets.wait_for("OnReceiveAssociateRequest")
        accepted = server.GetClient(0)
        for net in (client, accepted):
            associate = net.GetAssociate()
            assert associate.IsRequest()
            assert associate.GetAbstract(1) == ECHO_CLASS
            assert not net.IsAssociated()
        assert received.GetCalling() == "CLIENT"
        accepted.SendAssociateReject(2, 3, 1)
        assert nets.wait_for("OnReceiveAssociateReject") == (2, 3, 1)

    def test_what_is_missing_is_filled_in(self, nets: Nets) -> None:
        nets.pair()
        (request,) = nets.wait_for("OnReceiveAssociateRequest")
        assert request.GetImplementClass().startswith("2.25.")
        assert request.GetMaxLength() == LIMITS.maximum_pdu_length

    def test_the_callers_object_is_not_changed(self, nets: Nets) -> None:
        request = associate_request()
        nets.pair(request=request)
        assert not request.IsMaxLength()
        assert not request.IsImplementClass()

    def test_the_wrong_kind_is_refused(self, nets: Nets) -> None:
        accepted, client = nets.pair()
        with pytest.raises(ParameterError, match="request kind is needed") as caught:
            client.SendAssociateRequest(LDicomAssociate(False))
        assert caught.value.code == Code.PDU_TYPE
        with pytest.raises(ParameterError, match="accept kind is needed"):
            accepted.SendAssociateAccept(LDicomAssociate(True))

    def test_what_cannot_be_encoded_is_refused_at_the_call(self, nets: Nets) -> None:
        _, client = nets.pair()
        request = associate_request()
        request.parameters.called_ae_title = "x" * 17
        with pytest.raises(ParameterError, match="xxxxxxxxxxxxxxxxx"):
            client.SendAssociateRequest(request)

    @pytest.mark.parametrize(
        ("spoil", "reason"),
        [
            (lambda accept: accept.AddPresentation(5, 0, ECHO_CLASS), "5"),
            (lambda accept: accept.SetTransfer(1, 0, "1.2.3"), "1.2.3"),
        ],
        ids=["not offered", "transfer syntax not offered"],
    )
    def test_an_answer_that_does_not_fit_is_refused_at_the_call(
        self, nets: Nets, spoil: Any, reason: str
    ) -> None:
        """Sent, it would be refused by the peer; dropped, the peer would wait for ever."""

        class Careless(LDicomNet):
            def OnReceiveAssociateRequest(self, associate: LDicomAssociate) -> None:
                accept = LDicomAssociate(False)
                accept.SetCalled(associate.GetCalled())
                accept.SetCalling(associate.GetCalling())
                accept.AddPresentation(1, 0, ECHO_CLASS)
                accept.AddTransfer(1, associate.GetTransfer(1, 0))
                spoil(accept)
                if accept.GetPresentationCount() == 2:
                    accept.AddTransfer(5, associate.GetTransfer(1, 0))
                try:
                    self.SendAssociateAccept(accept)
                except DicomError as error:
                    self.SendAssociateReject(1, 1, 1)
                    self.refused = error

        server = nets.server(Careless)
        client = nets.client(server)
        client.SendAssociateRequest(associate_request())
        assert nets.wait_for("OnReceiveAssociateReject") == (1, 1, 1)
        refused = nets.recorder.events[-1]
        assert refused is not None
        (accepted,) = {e.net for e in nets.recorder.events if e.name == "OnReceiveAssociateRequest"}
        assert isinstance(accepted.refused, ParameterError)
        assert reason in str(accepted.refused)

    @pytest.mark.parametrize(
        ("refusal", "words"),
        [
            ((1, 1, 1), "permanently: no reason given"),
            ((1, 1, 2), "application context name not supported"),
            ((1, 1, 3), "calling AE title not recognized"),
            ((1, 1, 7), "called AE title not recognized"),
            ((1, 2, 2), "protocol version not supported"),
            ((2, 3, 1), "for now: temporary congestion"),
            ((2, 3, 2), "local limit exceeded"),
        ],
    )
    def test_rejections(self, nets: Nets, refusal: tuple[int, int, int], words: str) -> None:
        class Rejecting(LDicomNet):
            def OnReceiveAssociateRequest(self, associate: LDicomAssociate) -> None:
                self.SendAssociateReject(*refusal)

        client = nets.client(nets.server(Rejecting))
        client.SendAssociateRequest(associate_request())
        assert nets.wait_for("OnReceiveAssociateReject") == refusal
        assert nets.wait_for("OnClose", net=client)[0] == Code.NET_CONNECTION_REFUSED
        error = client.error
        assert isinstance(error, AssociationError)
        assert (error.result, error.source, error.reason) == refusal
        assert words in str(error)
        assert nets.recorder.names(client)[-2:] == ["OnReceiveAssociateReject", "OnClose"]

    @pytest.mark.parametrize(("called", "accepted"), [("ARCHIVE", True), ("archive", False)])
    def test_called_ae_title(self, nets: Nets, called: str, accepted: bool) -> None:
        class Named(LDicomNet):
            ae_title = "ARCHIVE"

        client = nets.client(nets.server(Named))
        client.SendAssociateRequest(associate_request(called=called))
        if accepted:
            nets.wait_for("OnReceiveAssociateAccept")
        else:
            assert nets.wait_for("OnReceiveAssociateReject") == (1, 1, 7)
            nets.wait_for("OnClose", net=client)
            assert "Check the called AE title" in str(client.error)

    def test_the_server_tells_whom_it_rejected(
        self, nets: Nets, caplog: pytest.LogCaptureFixture
    ) -> None:
        class Named(LDicomNet):
            ae_title = "ARCHIVE"

        client = nets.client(nets.server(Named))
        client.SendAssociateRequest(associate_request(called="WRONG"))
        nets.wait_for("OnClose", net=client)
        nets.made[0].Close()
        (text,) = warnings_of(caplog, "from")
        assert f"127.0.0.1:{client.GetHostInfo()[1]}" in text
        assert "called AE title not recognized" in text

    def test_contexts_that_are_not_supported(self, nets: Nets) -> None:
        _, client = nets.pair(request=associate_request("1.2.3", ECHO_CLASS))
        associate = client.GetAssociate()
        assert associate.GetResult(1) == 3
        assert associate.GetResult(3) == 0
        with pytest.raises(ParameterError, match=r"context 1 was not accepted.*are \[3\]"):
            client.SendCEchoRequest(1, 1, ECHO_CLASS)
        client.SendCEchoRequest(3, 1, ECHO_CLASS)
        nets.wait_for("OnReceiveCEchoResponse")

    @pytest.mark.parametrize(
        ("asked", "granted"), [(1, 1), (4, 4), (0, LIMITS.operations), (500, LIMITS.operations)]
    )
    def test_an_operations_window_is_granted_up_to_the_limit(
        self, nets: Nets, asked: int, granted: int
    ) -> None:
        _, client = nets.pair(request=associate_request(window=asked))
        associate = client.GetAssociate()
        assert associate.GetInvokedOperations() == granted
        assert associate.GetPerformedOperations() == granted

    def test_none_is_granted_unasked(self, nets: Nets) -> None:
        _, client = nets.pair()
        associate = client.GetAssociate()
        assert not associate.IsAsyncOperations()

    def test_requested_twice(self, nets: Nets, caplog: pytest.LogCaptureFixture) -> None:
        """The second one has no place any more: it is not sent, and the log says so."""
        _, client = nets.pair()
        client.SendAssociateRequest(associate_request())
        client.SendReleaseRequest()
        assert nets.wait_for("OnClose", net=client)[0] == 0
        assert any("ASSOCIATE_REQUEST is not possible" in it for it in warnings_of(caplog, "to"))


# ------------------------------------------------------------- an association that ends badly


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

    def test_a_port_scan_leaves_no_warning(
        self, nets: Nets, caplog: pytest.LogCaptureFixture
    ) -> None:
        server = nets.server()
        socket.create_connection(server.GetHostInfo()).close()
        assert nets.wait_for("OnClose", net=server)[0] == 0
        assert warnings_of(caplog, "from") == []

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


# ---------------------------------------------------------------------- exceptions in events


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
