"""leaddicom.testing.recorder: what tests of applications see of their events."""

from __future__ import annotations

import threading

import pytest
from nets import ECHO_CLASS, Nets, associate_request

from leaddicom import LDicomDS, LDicomNet, Status
from leaddicom.testing.recorder import EVENTS, Recorder

QUIET = 0.05  # seconds to wait for what shall not come


def test_every_event_of_ldicomnet_can_be_recorded() -> None:
    named = [name for name in dir(LDicomNet) if name.startswith("On")]
    assert sorted(EVENTS) == sorted(named)
    assert {"OnConnect", "OnClose", "OnReceiveCStoreRequest", "OnSecureLinkReady"} < set(EVENTS)


class Server(LDicomNet):
    def OnReceiveCEchoRequest(self, presentation_id: int, message_id: int, uid: str) -> None:
        self.seen = message_id
        self.SendCEchoResponse(presentation_id, message_id, uid, Status.WARNING)


class TestWatching:
    def test_tells_what_was_called_with_what_in_which_order(self, nets: Nets) -> None:
        accepted, client = nets.pair()
        client.SendCEchoRequest(1, 7, ECHO_CLASS)
        assert nets.wait_for("OnReceiveCEchoResponse") == (1, 7, ECHO_CLASS, 0)
        assert nets.wait_for("OnReceiveCEchoRequest", net=accepted) == (1, 7, ECHO_CLASS)
        client.Close()
        assert nets.recorder.names(client) == [
            "OnConnect",
            "OnReceiveAssociateAccept",
            "OnReceiveCEchoResponse",
            "OnClose",
        ]

    def test_follows_the_connections_that_a_listener_accepts(self, nets: Nets) -> None:
        server = nets.server()
        first, second = nets.client(server), nets.client(server)
        for client in (first, second):
            nets.associated(client)
        requests = [e for e in nets.recorder.events if e.name == "OnReceiveAssociateRequest"]
        assert {event.net for event in requests} == {server.GetClient(0), server.GetClient(1)}
        assert server not in {event.net for event in requests}
        assert nets.recorder.names(server) == ["OnAccept", "OnAccept"]

    def test_follows_connections_made_by_hand(self, nets: Nets) -> None:
        class Listener(LDicomNet):
            def OnAccept(self, error: int) -> None:
                self.by_hand = nets.make(Server)
                self.Accept(self.by_hand)

        server = nets.server(Listener)
        nets.associated(nets.client(server))
        assert nets.recorder.names(server.by_hand) == ["OnReceiveAssociateRequest"]

    def test_the_events_of_the_class_still_run(self, nets: Nets) -> None:
        accepted, client = nets.pair(Server)
        client.SendCEchoRequest(1, 9, ECHO_CLASS)
        assert nets.wait_for("OnReceiveCEchoResponse")[3] == Status.WARNING
        assert accepted.seen == 9

    def test_events_set_on_the_object_still_run(self, nets: Nets) -> None:
        server = nets.make()
        requested: list[tuple[int, ...]] = []
        server.OnReceiveCEchoRequest = lambda *arguments: requested.append(arguments)
        server.Listen("127.0.0.1", 0)
        client = nets.associated(nets.client(server))
        client.SendCEchoRequest(1, 3, ECHO_CLASS)
        assert nets.wait_for("OnReceiveCEchoRequest") == (1, 3, ECHO_CLASS)
        assert requested == [(1, 3, ECHO_CLASS)]
        del server.OnReceiveCEchoRequest
        assert "OnReceiveCEchoRequest" not in vars(server)

    def test_what_an_event_returns_is_returned(self, nets: Nets) -> None:
        class WithPassword(LDicomNet):
            def OnPrivateKeyPassword(self, encryption: bool) -> str:
                return "secret"

        net = nets.recorder.watch(WithPassword())
        assert net.OnPrivateKeyPassword(False) == "secret"
        assert nets.wait_for("OnPrivateKeyPassword", net=net) == (False,)

    def test_the_object_looks_as_before(self) -> None:
        net = Recorder().watch(Server())
        assert isinstance(net, Server)
        assert type(net).__name__ == "Server"
        assert type(net).__module__ == Server.__module__
        assert Server.OnClose is LDicomNet.OnClose
        assert type(net).OnClose is LDicomNet.OnClose

    def test_others_of_the_same_class_are_left_alone(self) -> None:
        recorder = Recorder()
        recorder.watch(Server())
        Server().OnConnect(0)
        assert recorder.events == []

    def test_two_recorders_record_side_by_side(self) -> None:
        first, second = Recorder(), Recorder()
        net = second.watch(first.watch(LDicomNet()))
        net.OnConnect(4)
        assert first.wait_for("OnConnect") == second.wait_for("OnConnect") == (4,)

    def test_watching_twice_records_once(self, nets: Nets) -> None:
        server = nets.server()
        client = nets.recorder.watch(nets.make())
        nets.connect(client, server)
        nets.associated(client)
        assert nets.recorder.names(client) == ["OnConnect", "OnReceiveAssociateAccept"]


class TestWaiting:
    def test_gives_each_event_once(self, nets: Nets) -> None:
        _, client = nets.pair()
        client.SendCEchoRequest(1, 1, ECHO_CLASS)
        client.SendCEchoRequest(1, 2, ECHO_CLASS)
        answered = [nets.wait_for("OnReceiveCEchoResponse")[1] for _ in range(2)]
        assert answered == [1, 2]
        with pytest.raises(TimeoutError):
            nets.wait_for("OnReceiveCEchoResponse", QUIET)

    def test_of_one_object_leaves_those_of_others(self, nets: Nets) -> None:
        recorder = Recorder()
        one, other = recorder.watch(LDicomNet()), recorder.watch(LDicomNet())
        one.OnConnect(1)
        other.OnConnect(2)
        assert recorder.wait_for("OnConnect", net=other) == (2,)
        assert recorder.wait_for("OnConnect") == (1,)

    def test_until_the_event_has_returned(self) -> None:
        recorder = Recorder()
        go_on, inside = threading.Event(), threading.Event()

        class Slow(LDicomNet):
            done = False

            def OnConnect(self, error: int) -> None:
                inside.set()
                go_on.wait(5)
                self.done = True

        net = recorder.watch(Slow())
        thread = threading.Thread(target=net.OnConnect, args=(0,))
        thread.start()
        assert inside.wait(5)
        with pytest.raises(TimeoutError, match=r"OnConnect\(0\) of Slow .*, still running"):
            recorder.wait_for("OnConnect", QUIET)
        go_on.set()
        recorder.wait_for("OnConnect")
        assert net.done
        thread.join()

    def test_a_time_out_lists_what_came_instead(self, nets: Nets) -> None:
        _, client = nets.pair()
        with pytest.raises(TimeoutError) as caught:
            nets.wait_for("OnReceiveAbort", QUIET, net=client)
        text = str(caught.value)
        assert text.startswith("OnReceiveAbort of LDicomNet with 127.0.0.1:")
        assert "did not come within 0.05 s. Recorded so far:" in text
        assert "\n  OnConnect(" in text
        assert "\n  OnReceiveAssociateAccept(" in text

    def test_a_time_out_with_nothing_recorded(self) -> None:
        with pytest.raises(TimeoutError, match="so far: nothing"):
            Recorder().wait_for("OnConnect", 0)

    def test_refuses_a_name_that_no_event_has(self) -> None:
        with pytest.raises(ValueError, match="no event 'OnConnected'"):
            Recorder().wait_for("OnConnected", 0)


class TestExceptions:
    def test_are_kept_and_still_answered(
        self, nets: Nets, caplog: pytest.LogCaptureFixture
    ) -> None:
        class Asserting(LDicomNet):
            def OnReceiveCEchoRequest(
                self, presentation_id: int, message_id: int, uid: str
            ) -> None:
                raise AssertionError("not what the test expects")

        _, client = nets.pair(Asserting)
        client.SendCEchoRequest(1, 1, ECHO_CLASS)
        assert nets.wait_for("OnReceiveCEchoResponse")[3] == Status.PROCESSING_FAILURE
        (exception,) = nets.recorder.exceptions
        assert isinstance(exception, AssertionError)
        with pytest.raises(TimeoutError, match="raised AssertionError"):
            nets.wait_for("OnClose", QUIET)


class TestPdus:
    """`LDicomNet` calls three events only if somebody wants them."""

    COSTLY = ("OnSend", "OnReceive", "OnReceiveData")

    @pytest.mark.parametrize("event", COSTLY)
    def test_are_not_asked_for_by_default(self, event: str) -> None:
        assert not Recorder().watch(LDicomNet()).overrides(event)

    @pytest.mark.parametrize("event", COSTLY)
    def test_are_asked_for_on_request(self, event: str) -> None:
        assert Recorder(pdus=True).watch(LDicomNet()).overrides(event)

    def test_are_recorded_where_the_class_overrides_them(self, nets: Nets) -> None:
        class Tracing(LDicomNet):
            def OnReceiveData(
                self, presentation_id: int, command_set: LDicomDS | None, dataset: LDicomDS | None
            ) -> None:
                """Wanted."""

        accepted, client = nets.pair(Tracing)
        client.SendCEchoRequest(1, 1, ECHO_CLASS)
        nets.wait_for("OnReceiveCEchoResponse")
        assert nets.recorder.names(accepted)[-2:] == ["OnReceiveData", "OnReceiveCEchoRequest"]
        assert "OnReceiveData" not in nets.recorder.names(client)

    def test_are_recorded_where_the_object_overrides_them(self) -> None:
        net = Recorder().watch(LDicomNet())
        net.OnSend = lambda *_: None
        assert net.overrides("OnSend")

    def test_recorded(self, nets: Nets) -> None:
        recorder = Recorder(pdus=True)
        server = nets.server()
        client = recorder.watch(nets.make())
        nets.connect(client, server)
        client.SendAssociateRequest(associate_request())
        error, pdu_type, length = recorder.wait_for("OnSend")
        assert (error, pdu_type) == (0, 1)
        assert recorder.wait_for("OnReceive")[:2] == (0, 2)
        assert length > 70


def test_is_safe_from_many_threads() -> None:
    recorder = Recorder()
    net = recorder.watch(LDicomNet())
    count, threads = 200, 4

    def call() -> None:
        for number in range(count):
            net.OnConnect(number)

    running = [threading.Thread(target=call) for _ in range(threads)]
    for thread in running:
        thread.start()
    taken = sorted(recorder.wait_for("OnConnect")[0] for _ in range(count * threads))
    for thread in running:
        thread.join()
    assert taken == sorted(list(range(count)) * threads)
