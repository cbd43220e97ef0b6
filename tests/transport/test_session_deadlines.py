"""What a session does when time passes; the clock is moved by the tests."""

from __future__ import annotations

import logging

import pytest
from upper_layer import associate_pdus
from upper_layer.cores import CT_STORAGE, RELEASE_REQUEST, p_data, reply, request

from leaddicom.dimse import messages as dimse
from leaddicom.enums import Status
from leaddicom.errors import DicomErrorCode, NetworkError
from leaddicom.limits import Limits
from leaddicom.transport.deadlines import Deadline
from leaddicom.upper_layer.protocol import Role
from leaddicom.upper_layer.state_machine import State

from .sessions import ACCEPTOR, REQUESTOR, Run, outgoing, pdus_in

USER_ABORT = bytes.fromhex("07 00 00000004 00000000")
LIMITS = Limits(
    artim_timeout=1.5,
    associate_timeout=20,
    pdu_timeout=30,
    write_timeout=40,
    response_timeout=50,
    idle_timeout=600,
    release_timeout=70,
    abort_timeout=0.5,
)


def running(role: Role = REQUESTOR) -> Run:
    return Run(role, LIMITS).establish()


def timed_out(run: Run, deadline: Deadline, seconds: float, sentence: str) -> None:
    """Time runs out after `seconds`, not before, and the session ends for that reason."""
    assert run.pass_time(seconds - 0.25) is None
    assert run.session.error is None
    assert run.pass_time(0.25) is deadline
    error = run.session.error
    assert isinstance(error, NetworkError)
    assert error.code is DicomErrorCode.NET_TIME_OUT
    assert error.message == f"the peer did not {sentence} within {seconds:g} s."


class TestArtim:
    def test_an_acceptor_waits_for_the_request(self) -> None:
        run = Run(ACCEPTOR, LIMITS)
        sentence = "send an A-ASSOCIATE-RQ, or close the connection (ARTIM)"
        timed_out(run, Deadline.ARTIM, 1.5, sentence)
        assert run.session.is_over
        assert run.flush() == b""

    def test_bytes_without_end_do_not_move_it(self) -> None:
        run = Run(ACCEPTOR, LIMITS)
        for byte in associate_pdus.request()[:50]:
            run.hear(bytes([byte]))
            run.clock.advance(0.025)
        assert run.pass_time(0.5) is Deadline.ARTIM

    def test_a_request_stops_it(self) -> None:
        run = Run(ACCEPTOR, LIMITS)
        run.hear(associate_pdus.request())
        assert run.pass_time(20) is None

    def test_a_requestor_has_none(self) -> None:
        assert Run(REQUESTOR, LIMITS).pass_time(20) is None

    def test_after_a_reject_the_peer_has_to_close(self) -> None:
        run = Run(ACCEPTOR, LIMITS)
        run.hear(associate_pdus.request())
        run.primitive(lambda upper_layer: upper_layer.reject(1, 1, 7))
        run.flush()
        assert not run.session.is_over
        assert run.pass_time(1.25) is None
        assert run.pass_time(0.25) is Deadline.ARTIM
        assert run.session.is_over
        assert run.session.error is None  # it was said all there was to say

    def test_after_an_abort_it_is_short(self) -> None:
        run = running()
        run.session.abort(0, 0)
        run.flush()
        assert run.pass_time(0.25) is None
        assert run.pass_time(0.25) is Deadline.ARTIM
        assert run.session.is_over
        assert run.session.error is None


class TestAssociate:
    def test_a_requestor_waits_for_the_answer(self) -> None:
        run = Run(REQUESTOR, LIMITS)
        run.primitive(lambda upper_layer: upper_layer.associate(request()))
        run.flush()
        timed_out(run, Deadline.ASSOCIATE, 20, "answer the A-ASSOCIATE-RQ")
        assert run.flush() == USER_ABORT

    def test_the_instances_of_a_c_get_begin_it_anew(self) -> None:
        """With every PDU: one instance may take longer than the time-out."""
        run = Run(REQUESTOR, Limits(maximum_pdu_length=1018, response_timeout=50)).establish()
        run.put(outgoing(dimse.C_GET_RQ, 1, CT_STORAGE, 0, data=b"", context_id=3))
        run.flush()
        arguments = (1, CT_STORAGE, "1.2", 0, None, None)
        instance = outgoing(dimse.C_STORE_RQ, *arguments, data=bytes(3000), context_id=3)
        while pdu := instance.outgoing.fill(room := memoryview(bytearray(1024)), 1018):
            assert run.pass_time(40) is None
            run.hear(bytes(room[:pdu]))
        assert run.owner.messages[-1].type is dimse.C_STORE_RQ
        assert run.pass_time(49) is None
        assert run.pass_time(1) is Deadline.RESPONSE

    def test_the_answer_stops_it(self) -> None:
        run = Run(REQUESTOR, LIMITS)
        run.primitive(lambda upper_layer: upper_layer.associate(request()))
        run.peer.hear(run.flush())
        run.peer.accept(reply(request()))
        run.clock.advance(19)
        run.hear(run.peer.data_to_send())
        assert not run.deadlines.is_running(Deadline.ASSOCIATE)
        assert run.pass_time(20) is None


class TestPdu:
    def test_a_pdu_that_had_begun_has_to_end(self) -> None:
        run = running()
        run.hear(p_data(bytes(100))[:50])
        timed_out(run, Deadline.PDU, 30, "send the rest of a PDU that had begun")
        assert run.flush() == USER_ABORT

    def test_the_first_pdu_of_all_has_to_end_too(self) -> None:
        run = Run(REQUESTOR, LIMITS)
        run.primitive(lambda upper_layer: upper_layer.associate(request()))
        run.flush()
        run.hear(associate_pdus.accept()[:50])
        assert run.deadlines.is_running(Deadline.PDU)

    def test_more_of_the_same_pdu_gives_no_more_time(self) -> None:
        run, data = running(), p_data(bytes(100))
        run.hear(data[:1])
        for byte in data[1:30]:
            assert run.pass_time(1) is None
            run.hear(bytes([byte]))
        assert run.pass_time(1) is Deadline.PDU

    def test_the_end_of_the_pdu_stops_it(self) -> None:
        run, data = running(), RELEASE_REQUEST
        run.hear(data[:5])
        run.clock.advance(29)
        run.hear(data[5:])
        assert run.pass_time(30) is None

    def test_the_next_pdu_has_its_own_time(self) -> None:
        run = running()
        first = outgoing(dimse.C_STORE_RQ, 1, CT_STORAGE, "1.2", 0, None, None, data=bytes(10))
        data = run.message_bytes(first)
        run.hear(data[:20])
        run.clock.advance(29)
        run.hear(data[20:-5])  # the end of one PDU, the beginning of the other
        assert run.pass_time(29) is None
        assert run.pass_time(1) is Deadline.PDU


class TestResponse:
    def test_a_request_has_to_be_answered(self) -> None:
        run = running()
        run.put(outgoing(dimse.C_ECHO_RQ, 1, "1.2"))
        run.flush()
        timed_out(run, Deadline.RESPONSE, 50, "answer a DIMSE request")
        assert run.flush() == USER_ABORT

    def test_time_begins_when_the_request_is_out(self) -> None:
        run = Run(REQUESTOR, Limits(maximum_pdu_length=1018, response_timeout=50)).establish()
        arguments = (1, CT_STORAGE, "1.2", 0, None, None)
        run.put(outgoing(dimse.C_STORE_RQ, *arguments, data=bytes(3000)))
        running = []
        while run.session.next_bytes():
            running.append(run.deadlines.is_running(Deadline.RESPONSE))
            run.session.sent()
            assert run.pass_time(40) is None
        assert running == [False, False, False, True]

    def test_the_answer_stops_it(self) -> None:
        run = running()
        run.put(outgoing(dimse.C_ECHO_RQ, 1, "1.2"))
        run.flush()
        run.hear_message(outgoing(dimse.C_ECHO_RSP, 1, "1.2", 0))
        assert run.pass_time(50) is None

    def test_a_pending_answer_gives_time_for_the_next(self) -> None:
        run = running()
        run.put(outgoing(dimse.C_FIND_RQ, 1, CT_STORAGE, 0, data=b"keys"))
        run.flush()
        for _ in range(3):
            assert run.pass_time(49) is None
            run.hear_message(outgoing(dimse.C_FIND_RSP, 1, "", Status.PENDING, data=b"match"))
        assert run.pass_time(49) is None
        assert run.pass_time(1) is Deadline.RESPONSE

    def test_responses_of_ours_are_not_answered(self) -> None:
        run = running(ACCEPTOR)
        run.put(outgoing(dimse.C_ECHO_RSP, 1, "1.2", 0))
        run.flush()
        assert run.pass_time(50) is None


class TestIdle:
    @pytest.mark.parametrize("role", [REQUESTOR, ACCEPTOR])
    def test_an_association_has_to_be_used(self, role: Role) -> None:
        run = running(role)
        timed_out(run, Deadline.IDLE, 600, "use the association")
        assert run.flush() == USER_ABORT

    def test_what_arrives_is_use(self) -> None:
        run = running(ACCEPTOR)
        run.clock.advance(599)
        run.hear_message(outgoing(dimse.C_ECHO_RQ, 1, "1.2"))
        assert run.pass_time(599) is None
        assert run.pass_time(1) is Deadline.IDLE

    def test_an_outstanding_request_is_use(self) -> None:
        run = Run(REQUESTOR, Limits(idle_timeout=10, response_timeout=50)).establish()
        run.put(outgoing(dimse.C_ECHO_RQ, 1, "1.2"))
        run.flush()
        for _ in range(4):
            assert run.pass_time(10) is Deadline.IDLE
            assert run.session.error is None
        assert run.pass_time(10) in (Deadline.RESPONSE, Deadline.IDLE)

    def test_what_waits_to_be_sent_is_use(self) -> None:
        run = running()
        run.put(outgoing(dimse.C_ECHO_RSP, 1, "1.2", 0))
        assert run.pass_time(600) is Deadline.IDLE
        assert run.session.error is None
        run.flush()
        assert run.pass_time(600) is Deadline.IDLE
        assert run.session.error is not None


class TestRelease:
    @pytest.mark.parametrize("role", [REQUESTOR, ACCEPTOR])
    def test_it_has_to_be_answered(self, role: Role) -> None:
        run = running(role)
        run.primitive(lambda upper_layer: upper_layer.release())
        run.flush()
        timed_out(run, Deadline.RELEASE, 70, "answer the A-RELEASE-RQ")
        assert run.flush() == USER_ABORT

    def test_it_has_to_be_answered_in_a_collision_too(self) -> None:
        run = running(ACCEPTOR)
        run.primitive(lambda upper_layer: upper_layer.release())
        run.flush()
        run.clock.advance(69)
        run.hear(RELEASE_REQUEST)
        assert run.session.upper_layer.state is State.STA10
        assert run.pass_time(69) is None
        assert run.pass_time(1) is Deadline.RELEASE

    def test_it_is_this_end_that_owes_an_answer(self) -> None:
        run = running(REQUESTOR)
        run.primitive(lambda upper_layer: upper_layer.release())
        run.flush()
        run.hear(RELEASE_REQUEST)
        assert run.session.upper_layer.state is State.STA9
        assert not run.deadlines.is_running(Deadline.RELEASE)
        run.primitive(lambda upper_layer: upper_layer.release_response())
        run.flush()
        assert run.session.upper_layer.state is State.STA11
        assert run.deadlines.is_running(Deadline.RELEASE)


class TestAbort:
    """The A-ABORT has to leave, else the peer is left alone without it."""

    def unsent_abort(self, *, by_peers_fault: bool) -> Run:
        run = running()
        arguments = (1, CT_STORAGE, "1.2", 0, None, None)
        run.put(outgoing(dimse.C_STORE_RQ, *arguments, data=bytes(300_000)))
        assert run.session.next_bytes()
        if by_peers_fault:
            run.hear(b"\x09\0\0\0\0\0")
        else:
            run.session.abort(0, 0)
        run.session.next_bytes()
        return run

    @pytest.mark.parametrize("by_peers_fault", [False, True])
    def test_a_peer_that_takes_nothing_is_left(self, by_peers_fault: bool) -> None:
        run = self.unsent_abort(by_peers_fault=by_peers_fault)
        run.clock.advance(0.5)
        passed = [run.deadlines.expired(), run.deadlines.expired()]
        assert {*passed} == {Deadline.ARTIM, Deadline.ABORT}
        with pytest.raises(NetworkError, match=r"did not take the last bytes within 0\.5 s"):
            run.session.expire(Deadline.ABORT)

    @pytest.mark.parametrize("by_peers_fault", [False, True])
    def test_time_runs_until_the_abort_itself_has_left(self, by_peers_fault: bool) -> None:
        run = self.unsent_abort(by_peers_fault=by_peers_fault)
        run.session.sent()
        assert run.deadlines.is_running(Deadline.ABORT)
        assert pdus_in(bytes(run.session.next_bytes()))[0].name == "ABORT"
        run.session.sent()
        assert not run.deadlines.is_running(Deadline.ABORT)
        assert run.pass_time(0.5) is Deadline.ARTIM


class TestWrite:
    def test_nothing_is_said_to_a_peer_that_does_not_listen(self) -> None:
        run = running()
        run.deadlines.start(Deadline.WRITE, 40)
        run.clock.advance(40)
        with pytest.raises(NetworkError, match="did not take any of what was sent within 40 s"):
            run.session.expire(Deadline.WRITE)
        assert run.session.is_idle


@pytest.mark.parametrize("deadline", Deadline, ids=lambda deadline: deadline.name)
def test_every_deadline_has_its_limit(deadline: Deadline) -> None:
    assert getattr(Limits(), f"{deadline.name.lower()}_timeout") > 0


def test_a_quiet_end_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        run = Run(ACCEPTOR, LIMITS)
        run.session.end_of_stream()
    assert caplog.text == ""
