"""The protocol machine with peers that do not behave, and ends that come as a surprise."""

from __future__ import annotations

import pytest

from leaddicom.enums import AbortReason
from leaddicom.errors import DicomErrorCode, ProtocolError
from leaddicom.limits import MINIMUM_PDU_LENGTH
from leaddicom.upper_layer.pdu import PdvPiece
from leaddicom.upper_layer.protocol import (
    ProviderAbort,
    ReleaseRequested,
    Role,
)
from leaddicom.upper_layer.state_machine import State

from . import associate_pdus
from .cores import (
    ABORT,
    ACCEPTOR,
    PLACES,
    REJECT,
    RELEASE_REQUEST,
    RELEASE_RESPONSE,
    REQUESTOR,
    abort_pdu,
    core_in,
    established,
    meaning,
    p_data,
    sole_error,
)

FLOOR = MINIMUM_PDU_LENGTH
UNKNOWN_PDU = b"\x08\0\0\0\0\4\0\0\0\0"
both_roles = pytest.mark.parametrize("role", [REQUESTOR, ACCEPTOR], ids=lambda role: role.value)


class TestPeersThatMisbehave:
    def test_bytes_before_an_association_was_requested_are_not_answered(self) -> None:
        core = core_in(State.STA1, REQUESTOR)
        error = sole_error(core.hear(RELEASE_REQUEST))
        assert "05H (RELEASE_REQUEST) before an association was requested" in error.message
        assert core.close_transport
        assert not core.has_data_to_send

    def test_data_before_the_association_is_aborted_and_not_handed_out(self) -> None:
        core = core_in(State.STA2)
        error = sole_error(core.hear(p_data(b"early")))
        assert error.reason == AbortReason.UNEXPECTED_PDU
        assert "04H (DATA_TRANSFER) in state STA2" in error.message
        assert core.data_to_send() == abort_pdu(0, 0)

    @both_roles
    def test_a_second_request_in_mid_association_is_aborted(self, role: Role) -> None:
        core = established(role)
        error = sole_error(core.hear(associate_pdus.request()))
        assert "01H (ASSOCIATE_REQUEST) in state STA6" in error.message
        assert core.data_to_send() == abort_pdu(2, 2)
        assert core.artim.is_running

    def test_a_pdu_out_of_place_is_refused_by_its_header(self) -> None:
        core = core_in(State.STA6)
        sole_error(core.hear(associate_pdus.request()[:6]))
        assert core.data_to_send() == abort_pdu(2, 2)
        assert meaning(core.hear(associate_pdus.request()[6:])) == []
        assert core.data_to_send() == b""

    @pytest.mark.parametrize(
        "junk",
        [p_data(b"x"), RELEASE_REQUEST, RELEASE_RESPONSE, REJECT, associate_pdus.accept()],
        ids=["P-DATA-TF", "A-RELEASE-RQ", "A-RELEASE-RP", "A-ASSOCIATE-RJ", "A-ASSOCIATE-AC"],
    )
    def test_what_comes_after_our_abort_or_release_is_ignored(self, junk: bytes) -> None:
        aborted, released = established(REQUESTOR), core_in(State.STA8, ACCEPTOR)
        aborted.abort()
        released.release_response()
        for core in (aborted.forget(), released.forget()):
            assert meaning(core.hear(junk * 3)) == []
            assert core.data_to_send() == b""
            assert core.artim.calls == []
            assert not core.close_transport
            assert meaning(core.hear(ABORT)) == []
            assert core.close_transport

    def test_requests_after_our_abort_are_answered_once(self) -> None:
        core = core_in(State.STA13, REQUESTOR)
        assert core.hear(associate_pdus.request() * 3) == []
        assert core.data_to_send() == abort_pdu(2, 2)
        assert core.hear(associate_pdus.request() + p_data(b"x")) == []
        assert core.hear(UNKNOWN_PDU) == []
        assert core.data_to_send() == b""
        assert not core.in_pdu
        assert not core.close_transport
        core.artim_expired()
        assert core.close_transport

    @pytest.mark.parametrize("junk", [p_data(b"x"), UNKNOWN_PDU, ABORT, RELEASE_REQUEST])
    def test_nothing_is_heard_once_the_transport_is_to_be_closed(self, junk: bytes) -> None:
        for last in (RELEASE_RESPONSE, ABORT):
            core = core_in(State.STA7)
            told = core.hear(last + junk)
            assert told == core_in(State.STA7).hear(last)
            assert core.hear(junk) == []
            assert core.close_transport
            assert core.data_to_send() == b""

    @pytest.mark.parametrize(
        ("state", "role"), [place for place in PLACES if place[0] not in (State.STA1, State.STA4)]
    )
    def test_invalid_framing_makes_deaf_after_one_abort(self, state: State, role: Role) -> None:
        core = core_in(state, role)
        told = core.hear(UNKNOWN_PDU * 3)
        assert len(told) == (state is not State.STA13)
        by_user = state is State.STA2
        assert core.data_to_send() == (abort_pdu(0, 0) if by_user else abort_pdu(2, 1))
        assert core.aborted
        assert core.hear(p_data(b"x") + ABORT + associate_pdus.request() + UNKNOWN_PDU) == []
        assert core.data_to_send() == b""
        assert core.state is State.STA13
        assert not core.in_pdu
        assert not core.close_transport

    def test_what_a_value_held_may_be_a_failure_too(self) -> None:
        core = established(ACCEPTOR)
        stream = core.receive_data(memoryview(p_data(b"bad", b"good")))
        assert isinstance(next(stream), PdvPiece)
        error = ProtocolError("No.", AbortReason.UNEXPECTED_PDU_PARAMETER)
        assert list(core.fail(error)) == [ProviderAbort(error)]
        assert core.data_to_send() == abort_pdu(2, 5)
        assert core.artim.is_running
        assert core.hear(ABORT) == []
        assert not core.in_pdu
        assert not core.has_data_to_send

    def test_input_can_be_ignored_from_now_on(self) -> None:
        core = established(ACCEPTOR)
        core.hear(RELEASE_REQUEST[:5])
        core.ignore_input()
        assert core.hear(RELEASE_REQUEST[5:] + UNKNOWN_PDU + ABORT) == []
        assert core.state is State.STA6
        assert not core.in_pdu
        assert not core.has_data_to_send


class TestAbortInTheMiddleOfAPdu:
    """The state changes between the header of a PDU and its end."""

    def test_an_acceptance_is_not_one_any_more(self) -> None:
        core, data = core_in(State.STA5), associate_pdus.accept()
        core.hear(data[:50])
        core.abort()
        assert meaning(core.hear(data[50:])) == []
        assert core.accept_reply is None
        assert core.contexts == {}
        assert core.data_to_send() == abort_pdu(0, 0)

    def test_data_is_not_handed_out_any_more(self) -> None:
        core, data = core_in(State.STA6), p_data(b"first", b"second")
        assert len(core.hear(data[:14])) == 1
        core.abort()
        assert meaning(core.hear(data[14:])) == []
        assert core.state is State.STA13

    def test_a_release_request_is_ignored(self) -> None:
        core = core_in(State.STA6)
        core.hear(RELEASE_REQUEST[:8])
        core.abort()
        assert meaning(core.hear(RELEASE_REQUEST[8:])) == []
        assert core.state is State.STA13

    def test_a_release_that_crosses_is_a_collision(self) -> None:
        core = core_in(State.STA6, ACCEPTOR)
        core.hear(RELEASE_REQUEST[:8])
        core.release()
        assert meaning(core.hear(RELEASE_REQUEST[8:])) == [ReleaseRequested()]
        assert core.state is State.STA10

    def test_a_request_is_not_one_after_artim(self) -> None:
        core, data = core_in(State.STA2), associate_pdus.request()
        core.hear(data[:50])
        core.artim_expired()
        assert core.hear(data[50:]) == []
        assert core.request is None


class TestTransport:
    @pytest.mark.parametrize(
        ("state", "text"),
        [
            (State.STA3, "closed the connection while the association was being established"),
            (State.STA5, "closed the connection while the association was being established"),
            (State.STA6, "closed the connection without releasing the association"),
            (State.STA7, "closed the connection without releasing the association"),
        ],
    )
    def test_its_end_is_a_surprise(self, state: State, text: str) -> None:
        told = core_in(state).transport_closed()
        assert isinstance(told, ProviderAbort)
        assert text in told.error.message
        assert told.error.code is DicomErrorCode.NET_CONNECTION_ABORTED

    @pytest.mark.parametrize("state", [State.STA1, State.STA2, State.STA13])
    def test_its_end_is_no_surprise(self, state: State) -> None:
        assert core_in(state).transport_closed() is None

    def test_nothing_is_heard_once_it_has_closed(self) -> None:
        core, data = core_in(State.STA5), associate_pdus.accept()
        core.hear(data[:50])
        core.transport_closed()
        assert meaning(core.hear(data[50:])) == []
        assert core.accept_reply is None
        assert core.state is State.STA1
