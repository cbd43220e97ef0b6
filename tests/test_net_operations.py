"""Several DIMSE operations at a time: windows, queues, cancelling, threads."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from nets import ECHO_CLASS, Mute, Nets, associate_request, short, some_dataset

from leaddicom import (
    DicomErrorCode,
    LDicomNet,
    NetworkError,
    Status,
)


class Counting(Mute):
    """Keeps requests until it is told to answer."""

    def OnReceiveCEchoRequest(self, presentation_id: int, message_id: int, uid: str) -> None:
        vars(self).setdefault("waiting", []).append(message_id)


def sync(nets: Nets, client: LDicomNet) -> None:
    """Wait until the server has had everything that could be sent: a cancel waits for nothing."""
    client.SendCCancelRequest(1, 0)
    nets.wait_for("OnReceiveCCancelRequest")


class TestOutstandingRequests:
    def test_one_at_a_time_without_a_window(self, nets: Nets) -> None:
        accepted, client = nets.pair(Counting)
        for number in range(5):
            client.SendCEchoRequest(1, number, ECHO_CLASS)
        for number in range(5):
            sync(nets, client)
            assert accepted.waiting == [number]
            accepted.SendCEchoResponse(1, accepted.waiting.pop(), "", 0)
            assert nets.wait_for("OnReceiveCEchoResponse")[1] == number

    def test_as_many_as_the_window_allows(self, nets: Nets) -> None:
        accepted, client = nets.pair(Counting, request=associate_request(window=3))
        for number in range(8):
            client.SendCEchoRequest(1, number, ECHO_CLASS)
        sync(nets, client)
        assert accepted.waiting == [0, 1, 2]
        accepted.SendCEchoResponse(1, 1, "", 0)
        nets.wait_for("OnReceiveCEchoResponse")
        sync(nets, client)
        assert accepted.waiting == [0, 1, 2, 3]
        for number in (3, 0, 2):
            accepted.SendCEchoResponse(1, number, "", 0)
        answered = [nets.wait_for("OnReceiveCEchoResponse")[1] for _ in range(3)]
        assert answered == [3, 0, 2]
        sync(nets, client)
        assert accepted.waiting == [0, 1, 2, 3, 4, 5, 6]

    def test_the_window_granted_counts_not_the_one_asked_for(self, nets: Nets) -> None:
        class Modest(Counting):
            limits = short(operations=2)

        server = nets.server(Modest, limits=Modest.limits)
        client = nets.associated(nets.client(server), associate_request(window=50))
        for number in range(5):
            client.SendCEchoRequest(1, number, ECHO_CLASS)
        sync(nets, client)
        assert server.GetClient(0).waiting == [0, 1]

    def test_a_pending_answer_keeps_its_place(self, nets: Nets) -> None:
        accepted, client = nets.pair(Counting)
        client.SendCFindRequest(1, 1, ECHO_CLASS, 0, some_dataset())
        client.SendCEchoRequest(1, 2, ECHO_CLASS)
        nets.wait_for("OnReceiveCFindRequest")
        accepted.SendCFindResponse(1, 1, ECHO_CLASS, Status.PENDING, some_dataset())
        nets.wait_for("OnReceiveCFindResponse")
        sync(nets, client)
        assert "OnReceiveCEchoRequest" not in nets.recorder.names(accepted)
        accepted.SendCFindResponse(1, 1, ECHO_CLASS, Status.SUCCESS)
        nets.wait_for("OnReceiveCEchoRequest", net=accepted)

    def test_a_response_overtakes_requests_that_wait(self, nets: Nets) -> None:
        """Both ends ask at once; each answers though its own request is outstanding."""
        accepted, client = nets.pair(Counting, Counting)
        for net in (accepted, client):
            for number in (1, 2):
                net.SendCEchoRequest(1, number, ECHO_CLASS)
        for net, other in ((accepted, client), (client, accepted)):
            nets.wait_for("OnReceiveCEchoRequest", net=net)
            net.SendCEchoResponse(1, 1, "", 0)
            assert nets.wait_for("OnReceiveCEchoResponse", net=other)[1] == 1

    def test_c_cancel(self, nets: Nets) -> None:
        class Server(LDicomNet):
            def OnReceiveCFindRequest(self, p: int, m: int, uid: str, *_: Any) -> None:
                self.running = (p, m, uid)
                self.SendCFindResponse(p, m, uid, Status.PENDING, some_dataset())

            def OnReceiveCCancelRequest(self, presentation_id: int, message_id: int) -> None:
                if message_id == self.running[1]:
                    self.SendCFindResponse(*self.running, Status.CANCEL)

        _, client = nets.pair(Server)
        client.SendCFindRequest(1, 4, ECHO_CLASS, 0, some_dataset())
        assert nets.wait_for("OnReceiveCFindResponse")[3] == Status.PENDING
        client.SendCCancelRequest(1, 4)
        assert nets.wait_for("OnReceiveCFindResponse") == (1, 4, ECHO_CLASS, Status.CANCEL, None)

    def test_c_cancel_of_a_request_that_waits_still(self, nets: Nets) -> None:
        accepted, client = nets.pair(Mute)
        client.SendCEchoRequest(1, 3, ECHO_CLASS)
        client.SendCFindRequest(1, 4, ECHO_CLASS, 0, some_dataset())
        client.SendCCancelRequest(1, 4)
        nets.wait_for("OnReceiveCEchoRequest")
        accepted.SendCEchoResponse(1, 3, ECHO_CLASS, 0)
        assert nets.wait_for("OnReceiveCCancelRequest") == (1, 4)
        received = [name for name in nets.recorder.names(accepted) if "Request" in name]
        assert received[-2:] == ["OnReceiveCFindRequest", "OnReceiveCCancelRequest"]

    def test_the_release_leaves_behind_requests_that_wait(self, nets: Nets) -> None:
        _, client = nets.pair()
        for number in range(10):
            client.SendCEchoRequest(1, number, ECHO_CLASS)
        client.SendReleaseRequest()
        nets.wait_for("OnClose", net=client)
        assert nets.recorder.names(client).count("OnReceiveCEchoResponse") == 10

    @pytest.mark.parametrize("window", [None, 4])
    def test_sent_from_several_threads_at_once(self, nets: Nets, window: int | None) -> None:
        _, client = nets.pair(request=associate_request(window=window))
        count, threads = 50, 4

        def send(first: int) -> None:
            for number in range(first, first + count):
                client.SendCEchoRequest(1, number, ECHO_CLASS)

        senders = [threading.Thread(target=send, args=(count * n,)) for n in range(threads)]
        for sender in senders:
            sender.start()
        answered = {nets.wait_for("OnReceiveCEchoResponse")[1] for _ in range(count * threads)}
        for sender in senders:
            sender.join()
        assert answered == set(range(count * threads))

    def test_sent_from_inside_events(self, nets: Nets) -> None:
        class Client(LDicomNet):
            def OnReceiveAssociateAccept(self, associate: Any) -> None:
                self.SendCEchoRequest(1, 0, ECHO_CLASS)

            def OnReceiveCEchoResponse(self, p: int, m: int, uid: str, status: int) -> None:
                if m < 20:
                    self.SendCEchoRequest(p, m + 1, uid)
                else:
                    self.SendReleaseRequest()

        _, client = nets.pair(client_kind=Client)
        assert nets.wait_for("OnClose", net=client)[0] == 0
        assert nets.recorder.names(client).count("OnReceiveCEchoResponse") == 21

    def test_who_sends_too_much_waits(self, nets: Nets) -> None:
        """The queue is bounded: callers outside of events are held, and go on later."""
        server = nets.server(Counting)
        client = nets.associated(nets.client(server, limits=short(queued_messages=4)))
        done = threading.Event()

        def send() -> None:
            for number in range(12):
                client.SendCEchoRequest(1, number, ECHO_CLASS)
            done.set()

        thread = threading.Thread(target=send)
        thread.start()
        nets.wait_for("OnReceiveCEchoRequest")
        assert not done.is_set()
        accepted = server.GetClient(0)
        for number in range(12):
            if number:
                nets.wait_for("OnReceiveCEchoRequest")
            accepted.SendCEchoResponse(1, number, "", 0)
            nets.wait_for("OnReceiveCEchoResponse")
        assert done.wait(5)
        thread.join()

    def test_who_waits_is_let_go_when_the_connection_ends(self, nets: Nets) -> None:
        server = nets.server(Counting)
        client = nets.associated(
            nets.client(server, limits=short(queued_messages=2, abort_timeout=0.05))
        )
        errors: list[NetworkError] = []

        def send() -> None:
            try:
                while True:
                    client.SendCEchoRequest(1, 1, ECHO_CLASS)
            except NetworkError as error:
                errors.append(error)

        thread = threading.Thread(target=send)
        thread.start()
        nets.wait_for("OnReceiveCEchoRequest")
        client.Close()
        thread.join(5)
        assert not thread.is_alive()
        (error,) = errors
        assert error.code == DicomErrorCode.NET_NOT_CONNECTED
