"""Sessions: associating, releasing, aborting, and ends of all kinds."""

from __future__ import annotations

import logging

import pytest
from upper_layer.cores import (
    ABORT,
    CT_STORAGE,
    REJECT,
    RELEASE_REQUEST,
    RELEASE_RESPONSE,
    p_data,
    reply,
    request,
)

from leaddicom.enums import PduType
from leaddicom.errors import (
    AssociationError,
    DicomErrorCode,
    ParameterError,
    ProtocolError,
)
from leaddicom.transport.outbox import QueuedPrimitive
from leaddicom.upper_layer.protocol import (
    Abort,
    AssociateAccepted,
    AssociateRejected,
    AssociateRequested,
    ProviderAbort,
    ReleaseConfirmed,
    ReleaseRequested,
    Role,
)
from leaddicom.upper_layer.state_machine import State

from .sessions import (
    ACCEPTOR,
    ECHO_CLASS,
    REQUESTOR,
    USER_ABORT,
    Run,
    associate_request,
    echo_request,
    echo_response,
    ids,
    pdus_in,
    store_request,
)

both_roles = pytest.mark.parametrize("role", [REQUESTOR, ACCEPTOR], ids=lambda role: role.value)


class TestAssociation:
    def test_an_acceptor_is_asked_and_its_answer_leaves(self) -> None:
        run = Run(ACCEPTOR)
        run.peer.associate(request())
        run.hear(run.peer.data_to_send())
        (told,) = run.owner.indications
        assert isinstance(told, AssociateRequested)
        run.primitive(lambda upper_layer: upper_layer.accept(reply(told.request)))
        assert pdus_in(run.flush()) == [PduType.ASSOCIATE_ACCEPT]
        assert run.session.upper_layer.is_established

    def test_a_requestor_is_told_the_answer(self) -> None:
        run = Run(REQUESTOR)
        run.primitive(lambda upper_layer: upper_layer.associate(request()))
        run.peer.hear(run.flush())
        run.peer.accept(reply(request()))
        run.hear(run.peer.data_to_send())
        (told,) = run.owner.indications
        assert isinstance(told, AssociateAccepted)
        assert run.session.context(3).abstract_syntax == CT_STORAGE

    def test_a_rejection_is_an_error_with_its_numbers(self) -> None:
        run = Run(REQUESTOR)
        run.primitive(lambda upper_layer: upper_layer.associate(request()))
        run.flush()
        run.hear(REJECT)
        error = run.session.error
        assert isinstance(error, AssociationError)
        assert error.code is DicomErrorCode.NET_CONNECTION_REFUSED
        assert (error.result, error.source, error.reason) == (1, 1, 7)
        assert error.message.startswith("the peer rejected the association permanently: called AE")
        assert run.owner.indications == [AssociateRejected(1, 1, 7)]
        assert run.session.is_over

    @both_roles
    def test_an_abort_is_an_error_with_its_numbers(self, role: Role) -> None:
        run = Run(role).establish()
        run.hear(ABORT)
        error = run.session.error
        assert isinstance(error, AssociationError)
        assert error.code is DicomErrorCode.NET_CONNECTION_ABORTED
        assert (error.result, error.source, error.reason) == (None, 2, 3)
        assert "the peer aborted the association because of the protocol" in error.message
        assert run.owner.indications == [Abort(2, 3)]
        assert run.session.is_over

    @both_roles
    def test_a_broken_rule_is_an_error_and_an_abort(self, role: Role) -> None:
        run = Run(role).establish()
        run.hear(b"\x09\0\0\0\0\0")
        error = run.session.error
        assert isinstance(error, ProtocolError)
        assert error.code is DicomErrorCode.PDU_TYPE
        assert error.message.startswith("the peer sent a PDU of the unknown type 09H")
        assert run.flush() == bytes.fromhex("07 00 00000004 00000201")
        assert [type(it) for it in run.owner.indications] == [ProviderAbort]

    def test_a_release_of_ours(self) -> None:
        run = Run(REQUESTOR).establish()
        run.primitive(lambda upper_layer: upper_layer.release(), waits=True)
        assert run.flush() == RELEASE_REQUEST
        assert not run.session.is_released
        run.hear(RELEASE_RESPONSE)
        assert run.session.is_released
        assert run.session.is_over
        assert run.session.error is None
        assert run.owner.indications == [ReleaseConfirmed()]

    def test_a_release_of_the_peers(self) -> None:
        run = Run(ACCEPTOR).establish()
        run.hear(RELEASE_REQUEST)
        assert run.owner.indications == [ReleaseRequested()]
        run.primitive(lambda upper_layer: upper_layer.release_response())
        assert run.flush() == RELEASE_RESPONSE
        run.session.end_of_stream()
        assert run.session.error is None

    def test_contexts_are_those_of_the_association(self) -> None:
        run = Run(ACCEPTOR)
        with pytest.raises(AssociationError, match="There is no association with the peer") as none:
            run.session.context(1)
        assert none.value.code is DicomErrorCode.NET_NOT_CONNECTED
        run.establish()
        assert run.session.context(1).abstract_syntax == ECHO_CLASS
        with pytest.raises(ParameterError, match=r"context 5 was not accepted .* \[1, 3\]"):
            run.session.context(5)

    def test_a_reply_is_checked_before_it_is_queued(self) -> None:
        run, wrong = Run(ACCEPTOR), reply(request())
        run.hear(associate_request())
        run.session.check_accept(reply(request()))
        wrong.presentation_contexts[0].context_id = 5
        with pytest.raises(ParameterError, match="context 5, which was not offered") as caught:
            run.session.check_accept(wrong)
        assert caught.value.code is DicomErrorCode.PDU_ID

    @pytest.mark.parametrize(
        ("role", "settled"), [(REQUESTOR, [False, True]), (ACCEPTOR, [False, True])]
    )
    def test_the_peer_owes_nothing_after_the_release(self, role: Role, settled: list[bool]) -> None:
        run = Run(role).establish()
        before = run.session.is_settled
        if role is REQUESTOR:
            run.primitive(lambda upper_layer: upper_layer.release())
            run.flush()
            run.hear(RELEASE_RESPONSE)
        else:
            run.hear(RELEASE_REQUEST)
            run.primitive(lambda upper_layer: upper_layer.release_response())
            run.flush()
        assert [before, run.session.is_settled] == settled

    def test_a_rejection_of_ours_is_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        run = Run(ACCEPTOR)
        run.hear(associate_request())
        run.primitive(lambda upper_layer: upper_layer.reject(1, 1, 7))
        assert pdus_in(run.flush()) == [PduType.ASSOCIATE_REJECT]
        expected = "the peer ('SCU' calls 'SCP'): this end rejected the association permanently"
        assert expected in caplog.text
        assert run.session.error is None
        caplog.clear()
        run.pass_time(run.limits.artim_timeout)
        run.session.watch()
        assert run.session.is_over
        assert caplog.text == ""

    def test_a_primitive_that_comes_too_late_is_not_sent(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        run = Run(ACCEPTOR).establish()
        run.primitive(lambda upper_layer: upper_layer.release_response())
        run.put(echo_response(1))
        with caplog.at_level(logging.WARNING):
            assert ids(run.flush()) == [1]
        assert "Not sent to the peer: RELEASE_RESPONSE is not possible" in caplog.text
        assert run.session.error is None


class TestEndOfStream:
    @both_roles
    def test_with_an_association_is_an_error(self, role: Role) -> None:
        run = Run(role).establish()
        run.session.end_of_stream()
        error = run.session.error
        assert isinstance(error, ProtocolError)
        assert error.code is DicomErrorCode.NET_CONNECTION_ABORTED
        assert "the peer closed the connection without releasing" in error.message
        assert run.session.is_over

    def test_before_an_association_was_requested_is_an_error_of_the_server(self) -> None:
        run = Run(REQUESTOR)
        run.session.end_of_stream()
        error = run.session.error
        assert isinstance(error, AssociationError)
        assert error.message == (
            "the peer closed the connection before an association was requested."
        )

    def test_before_an_association_was_requested_is_no_error_of_a_client(self) -> None:
        run = Run(ACCEPTOR)
        run.session.end_of_stream()
        assert run.session.error is None
        assert run.session.is_over

    def test_after_the_release_is_none(self) -> None:
        run = Run(REQUESTOR).establish()
        run.primitive(lambda upper_layer: upper_layer.release())
        run.flush()
        run.hear(RELEASE_RESPONSE)
        run.session.end_of_stream()
        assert run.session.error is None

    def test_the_first_error_counts(self) -> None:
        run = Run(ACCEPTOR).establish()
        run.hear(ABORT)
        first = run.session.error
        run.session.end_of_stream()
        assert run.session.error is first


class TestAbort:
    @both_roles
    def test_it_jumps_the_queue(self, role: Role) -> None:
        run = Run(role).establish()
        run.put(echo_response(1), store_request(2, bytes(50_000)))
        run.session.abort(2, 5)
        assert not run.session.is_idle
        assert run.flush() == bytes.fromhex("07 00 00000004 00000205")
        assert run.session.is_idle
        assert run.session.error is None
        assert not run.session.is_over  # the peer closes, or ARTIM does

    def test_it_does_not_cut_a_pdu_in_two(self) -> None:
        run = Run(REQUESTOR).establish()
        run.put(store_request(2, bytes(300_000)))
        begun = bytes(run.session.next_bytes())
        run.session.abort(0, 0)
        assert bytes(run.session.next_bytes()) == begun
        run.session.sent()
        assert run.flush() == USER_ABORT

    @pytest.mark.parametrize("role", [REQUESTOR, ACCEPTOR])
    def test_without_an_association_it_hangs_up(self, role: Role) -> None:
        run = Run(role)
        run.session.abort(0, 0)
        assert run.flush() == b""
        assert run.session.is_over

    @pytest.mark.parametrize("pair", [(-1, 0), (0, 256)])
    def test_numbers_that_do_not_fit_are_refused_at_once(self, pair: tuple[int, int]) -> None:
        run = Run(ACCEPTOR).establish()
        with pytest.raises(ParameterError, match="0 to 255"):
            run.session.abort(*pair)
        assert run.session.is_idle

    def test_nothing_is_heard_while_it_waits_to_leave(self) -> None:
        run = Run(ACCEPTOR).establish()
        assert not run.session.is_aborting
        run.session.abort(0, 0)
        assert run.session.is_aborting
        run.hear_message(echo_request(1))
        assert run.owner.messages == []
        assert run.flush() == USER_ABORT
        assert not run.session.is_aborting

    def test_nothing_is_heard_after_it(self) -> None:
        run = Run(ACCEPTOR).establish()
        run.owner.at_message = lambda message: run.session.abort(0, 0)
        run.hear(run.sequence([echo_request(1), echo_request(2)]))
        assert [message.message_id for message in run.owner.messages] == [1]

    def test_nothing_is_heard_after_it_in_the_same_pdu_either(self) -> None:
        run = Run(ACCEPTOR).establish()
        run.owner.at_message = lambda message: run.session.abort(0, 0)
        first, second = (run.message_bytes(echo_request(n))[12:] for n in (1, 2))
        run.hear(p_data(first, second))
        assert [message.message_id for message in run.owner.messages] == [1]


def test_the_acceptor_answers_second_in_a_release_collision() -> None:
    # PS3.8 section 7.2.2.7; the application may well have answered at once.
    run = Run(ACCEPTOR).establish()
    run.primitive(lambda upper_layer: upper_layer.release(), waits=True)
    run.owner.at_indication = lambda told: run.outbox.put(
        QueuedPrimitive(lambda upper_layer: upper_layer.release_response(), answers_release=True),
        may_wait=False,
    )
    assert run.flush() == RELEASE_REQUEST
    run.hear(RELEASE_REQUEST)
    run.owner.at_indication = lambda told: None
    assert run.flush() == b""
    run.hear(RELEASE_RESPONSE)
    assert run.flush() == RELEASE_RESPONSE
    run.session.end_of_stream()
    assert run.session.error is None


def test_a_release_collision_with_an_answer_that_waits(caplog: pytest.LogCaptureFixture) -> None:
    run = Run(ACCEPTOR).establish()
    run.primitive(lambda upper_layer: upper_layer.release())
    assert run.flush() == RELEASE_REQUEST
    run.hear(RELEASE_REQUEST)
    assert run.session.upper_layer.state is State.STA10
    run.put(echo_response(1))
    assert run.flush() == b""
    run.hear(RELEASE_RESPONSE)
    run.primitive(lambda upper_layer: upper_layer.release_response())
    assert run.flush() == RELEASE_RESPONSE
    run.session.end_of_stream()
    assert run.session.error is None
    assert "P_DATA_REQUEST is not possible in state STA10" in caplog.text
