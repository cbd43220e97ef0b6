"""LDicomNet: the association, from its request to its release."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from nets import ECHO_CLASS, LIMITS, Nets, associate_request, warnings_of

from leaddicom import (
    AssociationError,
    DicomError,
    DicomErrorCode,
    LDicomAssociate,
    LDicomNet,
    ParameterError,
    PduType,
)

Code = DicomErrorCode


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
