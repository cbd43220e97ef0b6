"""Connections over real sockets: deadlines, and every way to end."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest
from upper_layer.cores import ABORT, CT_STORAGE, RELEASE_REQUEST

from leaddicom.dimse import messages as dimse
from leaddicom.dimse.fragmentation import BytesSource
from leaddicom.enums import PduType
from leaddicom.errors import AssociationError, DicomErrorCode, NetworkError, ParameterError
from leaddicom.testing.peers import client_hello
from leaddicom.transport.connection import wait_all_closed
from leaddicom.upper_layer.pdu import PduEnd
from leaddicom.upper_layer.protocol import Abort

from .ends import ANY, BOTH, PATIENCE, Client, Served, answer, echo, is_readable, is_reset, read_all
from .sessions import ECHO_CLASS, USER_ABORT, Run, echo_request, ids

Code = DicomErrorCode

pytestmark = pytest.mark.usefixtures("no_threads_left")


class TestDeadlines:
    def test_for_a_request(self, serve: Callable[..., Served]) -> None:
        served = serve(artim_timeout=0.05)
        error = served.owner.next("on_close")
        assert error.code == Code.NET_TIME_OUT
        assert f"{served.connection.peer} did not send an A-ASSOCIATE-RQ" in str(error)

    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("pdu_timeout", "did not send the rest of a PDU that had begun within 0.05 s"),
            ("idle_timeout", "did not use the association within 0.05 s"),
        ],
    )
    def test_for_what_is_due(self, serve: Callable[..., Served], name: str, words: str) -> None:
        served = serve(**{name: 0.05}).associated()
        if name == "pdu_timeout":
            served.wire.send(RELEASE_REQUEST[:-1])
        assert served.wire.raw_to_end() == USER_ABORT
        served.wire.close()
        error = served.owner.next("on_close")
        assert error.code == Code.NET_TIME_OUT
        assert words in str(error)

    def test_for_an_answer(self, serve: Callable[..., Served]) -> None:
        served = serve(response_timeout=0.05).associated()
        served.connection.send(dimse.C_ECHO_RQ, 1, (1, ECHO_CLASS), None)
        assert served.wire.raw_to_end().endswith(USER_ABORT)
        served.wire.close()
        error = served.owner.next("on_close")
        assert "did not answer a DIMSE request within 0.05 s" in str(error)

    def test_for_taking_what_is_sent(self, serve: Callable[..., Served]) -> None:
        served = serve(buffer=4096, write_timeout=0.05).associated()
        arguments = (1, CT_STORAGE, "1.2.3", 0, None, None)
        served.connection.send(dimse.C_STORE_RQ, 3, arguments, BytesSource(bytes(1 << 22)))
        error = served.owner.next("on_close")
        assert error.code == Code.NET_TIME_OUT
        assert "did not take any of what was sent within 0.05 s" in str(error)

    def test_the_application_may_take_its_time(self, serve: Callable[..., Served]) -> None:
        """The peer is not to blame for what takes long here."""
        served = serve(pdu_timeout=0.05).associated()

        def slow(message: Any) -> None:
            deadlines = served.connection._deadlines
            clock = deadlines._clock
            deadlines._clock = lambda: clock() + PATIENCE
            answer(served, message)

        served.owner.at["on_message"] = slow
        two = Run.message_bytes(echo_request(7)) + Run.message_bytes(echo_request(8))
        served.wire.send(two[:-1])  # the second one has begun while the first one is served
        served.wire.receive_pdu()
        served.wire.send(two[-1:])
        served.wire.receive_pdu()
        assert served.connection.is_associated


class TestClosing:
    def test_what_is_queued_leaves_first(self, served: Served) -> None:
        echo(served, 7)
        answer(served, served.owner.next("on_message"))
        served.connection.close(wait=False)
        assert ids(served.wire.receive_pdu().data) == [7]
        assert served.wire.raw_to_end() == USER_ABORT  # it was not released
        served.wire.close()
        assert served.owner.next("on_close") is None
        assert served.connection.wait_closed(PATIENCE)

    def test_requests_that_wait_for_others_do_not(self, served: Served) -> None:
        for number in (1, 2, 3):
            served.connection.send(dimse.C_ECHO_RQ, 1, (number, ECHO_CLASS), None)
        assert ids(served.wire.receive_pdu().data) == [1]
        served.connection.close(wait=False)
        assert served.wire.raw_to_end() == USER_ABORT

    def test_without_an_association_there_is_nothing_to_abort(
        self, serve: Callable[..., Served]
    ) -> None:
        served = serve()
        served.connection.close(wait=False)
        assert served.wire.raw_to_end() == b""
        served.wire.close()
        assert served.owner.next("on_close") is None

    def test_what_the_peer_does_not_take_is_given_up(self, serve: Callable[..., Served]) -> None:
        served = serve(buffer=4096, abort_timeout=0.05).associated()
        arguments = (1, CT_STORAGE, "1.2.3", 0, None, None)
        served.connection.send(dimse.C_STORE_RQ, 3, arguments, BytesSource(bytes(1 << 22)))
        served.connection.close()
        assert served.owner.next("on_close").code == Code.NET_TIME_OUT
        assert served.connection.is_closed

    def test_by_force(self, served: Served) -> None:
        served.connection.close(forced=True)
        assert served.wire.raw_to_end() == b""
        assert served.owner.next("on_close") is None
        assert served.connection.is_closed

    @pytest.mark.parametrize("forced", [True, False])
    def test_repeatedly_from_anywhere(self, served: Served, forced: bool) -> None:
        def close(_: Any) -> None:
            served.connection.close(forced=forced)
            assert not served.connection.wait_closed()  # it would wait for itself
            served.connection.close(forced=forced)

        served.owner.at["on_message"] = close
        echo(served, 7)
        served.owner.next("on_message")
        threads = [
            threading.Thread(target=served.connection.close, kwargs={"forced": forced})
            for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        served.wire.raw_to_end()
        served.wire.close()
        for thread in threads:
            thread.join(PATIENCE)
            assert not thread.is_alive()
        served.owner.next("on_close")
        assert served.owner.rest == []

    def test_is_orderly_although_not_all_was_read(self, client_of: Callable[..., Client]) -> None:
        """To close a socket with unread input resets the connection."""
        client, go_on = client_of(abort_timeout=PATIENCE), threading.Event()
        client.owner.at["on_connect"] = lambda _: go_on.wait(PATIENCE)
        client.connect().send(bytes(1000))
        client.owner.next("on_connect")
        assert is_readable(client.connection._socket)
        client.connection.close(wait=False)
        go_on.set()
        peer = client.accepted[-1]
        assert read_all(peer) == b""
        assert not is_reset(peer, within=0.1)  # a reset would come at once
        peer.shutdown(socket.SHUT_WR)
        assert client.owner.next("on_close") is None

    def test_of_one_that_never_began(self, client_of: Callable[..., Client]) -> None:
        client = client_of()
        client.connection.close()
        assert not client.connection.wait_closed()
        assert client.owner.rest == []

    def test_of_many_takes_as_long_as_of_one(self, serve: Callable[..., Served]) -> None:
        several = [serve().associated() for _ in range(3)]
        for each in several:
            each.connection.close(wait=False)
            each.wire.close()
        wait_all_closed([each.connection for each in several])
        assert all(each.connection.is_closed for each in several)
        wait_all_closed([])


class TestAborting:
    def test_ahead_of_all_that_waits(self, served: Served) -> None:
        """And it may be done from any thread."""
        for number in (1, 2, 3):
            served.connection.send(dimse.C_ECHO_RQ, 1, (number, ECHO_CLASS), None)
        served.wire.receive_pdu()
        served.connection.abort(2, 6)
        assert served.wire.raw_to_end() == bytes.fromhex("07 00 00000004 00000206")
        served.wire.close()
        assert served.owner.next("on_close") is None

    def test_with_numbers_that_have_no_room(self, served: Served) -> None:
        with pytest.raises(ParameterError):
            served.connection.abort(2, 256)
        assert served.connection.is_associated

    def test_what_else_the_peer_sends_is_thrown_away(self, serve: Callable[..., Served]) -> None:
        """PS3.8 table 9-10, AA-6; and the abort arrives, for nothing is left unread."""
        served = serve(abort_timeout=PATIENCE).associated()
        served.wire.send(b"\xff" * (1 << 22))  # no PDU, and more than all buffers hold
        assert served.wire.receive(10) == bytes.fromhex("07 00 00000004 00000201")

    def test_what_the_peer_has_said_is_heard_when_it_does_not_listen(self, served: Served) -> None:
        """Its abort explains more than that writing to it fails."""

        def answer_too_late(message: Any) -> None:
            served.wire.send(ABORT)
            served.wire.reset()
            assert is_reset(served.ours)
            answer(served, message)

        served.owner.at["on_message"] = answer_too_late
        echo(served, 7)
        assert served.owner.wait_for("Abort") == Abort(2, 3)
        error = served.owner.next("on_close")
        assert isinstance(error, AssociationError)
        assert (error.source, error.reason) == (2, 3)


def test_expelling_drops_it_at_once_for_a_reason(served: Served) -> None:
    reason = NetworkError(Code.NET_CONNECTION_ABORTED, "It gave way to a new one.")
    served.connection.expel(reason)
    assert served.wire.raw_to_end() == b""
    assert served.owner.next("on_close") is reason
    assert served.connection.error is reason


class TestBrokenConnections:
    def test_a_reset_in_the_middle(self, served: Served, caplog: pytest.LogCaptureFixture) -> None:
        served.wire.reset()
        error = served.owner.next("on_close")
        assert error.code == Code.NET_CONNECTION_RESET
        assert f"The connection with {served.connection.peer} failed" in str(error)
        assert served.connection.wait_closed(PATIENCE)
        assert caplog.messages == [str(error)]

    def test_tls_on_a_plain_port_is_answered_with_an_abort(
        self, serve: Callable[..., Served]
    ) -> None:
        """PS3.8 answers so what is no PDU; a TLS client then sees what is spoken here."""
        served = serve()
        served.wire.send(client_hello())
        assert served.wire.raw_to_end() == USER_ABORT
        served.wire.close()
        assert served.owner.next("on_close").code == Code.BAD_SECURE_MODE

    @pytest.mark.parametrize("leaves", ["close", "reset"])
    def test_a_server_that_leaves_without_a_word_may_expect_tls(
        self, client_of: Callable[..., Client], leaves: str
    ) -> None:
        client = client_of()
        wire = client.connect()
        client.associate()
        wire.expect(PduType.ASSOCIATE_REQUEST)
        getattr(wire, leaves)()
        error = client.owner.wait_for("on_close")
        assert "It may expect TLS: turn TLS on here" in str(error)

    def test_one_that_had_said_something_does_not(self, client_of: Callable[..., Client]) -> None:
        client = client_of()
        wire = client.connect()
        client.associate()
        wire.expect(PduType.ASSOCIATE_REQUEST)
        wire.send(b"\x02")
        wire.close()
        assert "TLS" not in str(client.owner.wait_for("on_close"))

    def test_an_event_that_raises_ends_the_association_and_no_thread(
        self, served: Served, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fail(_: PduEnd) -> None:
            raise ZeroDivisionError("about a patient")

        served.owner.at["ReleaseRequested"] = fail
        served.wire.send(RELEASE_REQUEST)
        assert served.wire.raw_to_end() == USER_ABORT
        served.wire.close()
        error = served.owner.wait_for("on_close")
        assert error.code == Code.NET_FAILURE
        assert "raised ZeroDivisionError" in str(error)
        assert "about a patient" not in str(error)

    def test_a_fault_of_our_own_ends_the_connection(
        self, served: Served, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fail(_: memoryview) -> None:
            raise ZeroDivisionError

        served.connection.session.receive = fail
        served.wire.send(RELEASE_REQUEST)
        error = served.owner.wait_for("on_close")
        assert error.code == Code.NET_FAILURE
        assert str(error) == "A fault in this program: ZeroDivisionError."
        assert "Traceback" in caplog.text


class TestASystemWithoutThreads:
    """Their number is limited, and all of them are in use."""

    @pytest.fixture(autouse=True)
    def no_thread_starts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def start(_: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr(threading.Thread, "start", start)

    def test_an_accepted_connection_ends(self, serve: Callable[..., Served]) -> None:
        served = serve()
        error = served.owner.next("on_close")
        assert error.code == Code.NET_NO_BUFFERS
        assert "ulimit -u" in str(error)
        assert served.connection.is_closed
        assert served.wire.raw_to_end() == b""

    def test_connecting_is_refused_at_the_call(self, client_of: Callable[..., Client]) -> None:
        client = client_of()
        with pytest.raises(NetworkError, match="ulimit -u") as caught:
            client.connection.connect(client.listening.getsockname(), ANY, BOTH)
        assert caught.value.code == Code.NET_NO_BUFFERS
        assert client.connection.is_closed
        assert client.owner.rest == []
