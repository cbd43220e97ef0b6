"""The protocol machine beyond its table: contents, limits, release."""

from __future__ import annotations

from struct import pack

import pytest

from leaddicom.enums import AbortReason, AbortSource, PduType
from leaddicom.errors import DicomErrorCode, ParameterError, ProtocolError
from leaddicom.limits import MINIMUM_PDU_LENGTH, Limits
from leaddicom.testing import JoinedCores, JoinedEnd
from leaddicom.upper_layer.association import decode_associate
from leaddicom.upper_layer.negotiation import AcceptedContext
from leaddicom.upper_layer.pdu import PduEnd, PdvPiece
from leaddicom.upper_layer.protocol import (
    Abort,
    AssociateAccepted,
    AssociateRejected,
    AssociateRequested,
    ReleaseConfirmed,
    ReleaseRequested,
    Role,
)
from leaddicom.upper_layer.state_machine import State

from . import associate_pdus
from .associate_pdus import APPLICATION_ITEM, SYNTAX, answer, item, offer, pdu
from .cores import (
    ABORT,
    ACCEPTOR,
    CT_STORAGE,
    IMPLICIT,
    REJECT,
    RELEASE_REQUEST,
    REQUESTOR,
    VERIFICATION,
    Core,
    abort_pdu,
    core_in,
    established,
    joined,
    meaning,
    p_data,
    reject_pdu,
    reply,
    request,
    sole_error,
)

FLOOR = MINIMUM_PDU_LENGTH
UNKNOWN_PDU = b"\x08\0\0\0\0\4\0\0\0\0"
both_roles = pytest.mark.parametrize("role", [REQUESTOR, ACCEPTOR], ids=lambda role: role.value)


def requesting(version: int = 1, maximum_length: int | None = 16384) -> bytes:
    maximum = [] if maximum_length is None else [item(0x51, pack(">L", maximum_length))]
    return pdu(APPLICATION_ITEM, offer(), item(0x50, *maximum), version=version)


def accepting(maximum_length: int | None) -> bytes:
    maximum = [] if maximum_length is None else [item(0x51, pack(">L", maximum_length))]
    return pdu(APPLICATION_ITEM, answer(1, 0, SYNTAX), item(0x50, *maximum), pdu_type=2)


class TestEstablishing:
    def test_both_ends_know_what_was_agreed(self) -> None:
        pair = JoinedCores()
        requestor, acceptor = pair.requestor.core, pair.acceptor.core
        requestor.associate(request())
        pair.run()
        asked = acceptor.request
        assert asked is not None
        assert meaning(pair.acceptor.seen) == [AssociateRequested(asked)]
        assert asked.called_ae_title == "SCP"
        assert not acceptor.is_established
        acceptor.accept(reply(asked))
        pair.run()
        accepted = requestor.accept_reply
        assert accepted is not None
        assert requestor.request is not None
        assert meaning(pair.requestor.seen) == [AssociateAccepted(accepted, requestor.request)]
        assert requestor.is_established
        assert acceptor.is_established
        assert requestor.contexts == acceptor.contexts
        assert requestor.contexts == {
            1: AcceptedContext(1, VERIFICATION, IMPLICIT, True, False),
            3: AcceptedContext(3, CT_STORAGE, IMPLICIT, True, False),
        }

    def test_what_the_requestor_sends_is_what_was_requested(self) -> None:
        core = joined(REQUESTOR)
        core.associate(request())
        sent = decode_associate(core.data_to_send(), Limits())
        assert sent.presentation_contexts == request().presentation_contexts
        assert core.data_to_send() == b""

    def test_a_rejection_is_passed_on(self) -> None:
        core = core_in(State.STA5)
        assert meaning(core.hear(REJECT)) == [AssociateRejected(1, 1, 7)]
        assert not core.is_established

    def test_a_request_that_cannot_be_encoded_changes_nothing(self) -> None:
        core, unusable = joined(REQUESTOR), request()
        unusable.called_ae_title = ""
        with pytest.raises(ParameterError, match="called AE title"):
            core.associate(unusable)
        assert core.state is State.STA1
        assert core.request is None
        assert core.data_to_send() == b""

    def test_a_reply_that_cannot_be_encoded_changes_nothing(self) -> None:
        core, unusable = core_in(State.STA3), reply(request())
        unusable.application_context = "x"
        with pytest.raises(ParameterError, match="application context"):
            core.accept(unusable)
        assert (core.state, core.accept_reply, core.contexts) == (State.STA3, None, {})
        assert core.data_to_send() == b""

    def test_a_reply_to_what_was_not_offered_changes_nothing(self) -> None:
        core, wrong = core_in(State.STA3), reply(request())
        wrong.presentation_contexts[0].context_id = 5
        with pytest.raises(ProtocolError, match="presentation context 5, which was not offered"):
            core.accept(wrong)
        assert (core.state, core.accept_reply, core.contexts) == (State.STA3, None, {})
        assert core.data_to_send() == b""

    @pytest.mark.parametrize("number", [-1, 256])
    def test_numbers_that_do_not_fit_their_byte_change_nothing(self, number: int) -> None:
        core = core_in(State.STA3)
        for triple in [(number, 1, 1), (1, number, 1), (1, 1, number)]:
            with pytest.raises(ParameterError, match="0 to 255"):
                core.reject(*triple)
        for pair in [(number, 0), (0, number)]:
            with pytest.raises(ParameterError, match="0 to 255"):
                core.abort(*pair)
        assert core.state is State.STA3
        assert core.data_to_send() == b""

    def test_numbers_that_fit_their_byte_leave_as_they_are(self) -> None:
        core = core_in(State.STA3)
        core.reject(0, 255, 7)
        assert core.data_to_send() == reject_pdu(0, 255, 7)
        core = core_in(State.STA3)
        core.abort(AbortSource.SERVICE_PROVIDER, 255)
        assert core.data_to_send() == abort_pdu(2, 255)

    def test_a_request_that_cannot_be_understood_is_aborted(self) -> None:
        core = core_in(State.STA2)
        error = sole_error(core.hear(associate_pdus.pdu(APPLICATION_ITEM)))
        assert error.reason == AbortReason.INVALID_PDU_PARAMETER_VALUE
        assert core.data_to_send() == abort_pdu(0, 0)  # AA-1 knows no reason
        assert core.state is State.STA13
        assert core.request is None

    def test_an_acceptance_that_cannot_be_understood_is_aborted(self) -> None:
        core = core_in(State.STA5)
        error = sole_error(core.hear(associate_pdus.pdu(APPLICATION_ITEM, pdu_type=2)))
        assert error.reason == AbortReason.INVALID_PDU_PARAMETER_VALUE
        assert core.data_to_send() == abort_pdu(2, 6)
        assert core.accept_reply is None
        assert not core.is_established

    def test_an_acceptance_of_what_was_not_offered_is_aborted(self) -> None:
        core = core_in(State.STA5)
        error = sole_error(core.hear(associate_pdus.accept(answer(5, 0, SYNTAX))))
        assert "presentation context 5, which was not offered" in error.message
        assert core.data_to_send() == abort_pdu(2, 5)
        assert core.contexts == {}


class TestRejectionByTheProvider:
    """The second branch of AE-6: the user hears nothing of the request."""

    def refused(self, data: bytes, limits: Limits | None = None) -> bytes:
        core = joined(ACCEPTOR, limits).forget()
        assert meaning(core.hear(data)) == []
        assert core.state is State.STA13
        assert core.artim.calls == ["stop", "start"]
        assert not core.close_transport
        assert not core.aborted
        return core.data_to_send()

    @pytest.mark.parametrize("version", [0, 2, 0xFFFE])
    def test_without_version_1(self, version: int) -> None:
        assert self.refused(requesting(version)) == reject_pdu(1, 2, 2)

    @pytest.mark.parametrize("version", [1, 3, 0xFFFF])
    def test_other_versions_beside_version_1_do_not_matter(self, version: int) -> None:
        core = core_in(State.STA2)
        (told,) = meaning(core.hear(requesting(version)))
        assert isinstance(told, AssociateRequested)

    def test_with_another_application_context(self) -> None:
        other = item(0x10, b"1.2.840.10008.3.1.1.2")
        data = pdu(other, offer(), associate_pdus.USER)
        assert self.refused(data) == reject_pdu(1, 1, 2)

    @pytest.mark.parametrize("length", [1, 6, FLOOR - 1])
    def test_with_a_maximum_length_that_is_not_workable(self, length: int) -> None:
        assert self.refused(requesting(maximum_length=length)) == reject_pdu(1, 3, 2)

    @pytest.mark.parametrize("length", [None, 0, FLOOR, FLOOR + 1, 0xFFFFFFFF])
    def test_any_other_maximum_length_is_workable(self, length: int | None) -> None:
        core = core_in(State.STA2)
        (told,) = meaning(core.hear(requesting(maximum_length=length)))
        assert isinstance(told, AssociateRequested)

    def test_the_floor_is_a_limit(self) -> None:
        data = requesting(maximum_length=4999)
        assert self.refused(data, Limits(minimum_pdu_length=5000)) == reject_pdu(1, 3, 2)

    @pytest.mark.parametrize("length", [1, FLOOR - 1])
    def test_a_requestor_aborts_for_it(self, length: int) -> None:
        core = core_in(State.STA5)
        error = sole_error(core.hear(accepting(length)))
        assert f"maximum length of {length} bytes" in error.message
        assert core.data_to_send() == abort_pdu(2, 6)
        assert core.accept_reply is None

    @pytest.mark.parametrize("length", [None, 0, FLOOR])
    def test_a_requestor_works_with_the_rest(self, length: int | None) -> None:
        core = core_in(State.STA5)
        (told,) = meaning(core.hear(accepting(length)))
        assert isinstance(told, AssociateAccepted)


class TestMaximumLength:
    @both_roles
    @pytest.mark.parametrize(
        ("announced", "expected"),
        [(None, 50_000), (0, 50_000), (FLOOR, FLOOR), (49_999, 49_999), (50_000, 50_000),
         (50_001, 50_000), (0xFFFFFFFF, 50_000)],
    )  # fmt: skip
    def test_to_send_is_the_peers_within_ours(
        self, role: Role, announced: int | None, expected: int
    ) -> None:
        core = established(role, theirs=announced, limits=Limits(maximum_pdu_length=50_000))
        assert core.maximum_length_to_send == expected

    @both_roles
    def test_to_send_is_ours_before_anybody_has_announced(self, role: Role) -> None:
        assert Core(role, Limits(maximum_pdu_length=50_000)).maximum_length_to_send == 50_000

    @both_roles
    def test_to_receive_is_what_was_announced(self, role: Role) -> None:
        core = established(role, ours=2000)
        (piece,) = meaning(core.hear(p_data(bytes(1994))))
        assert isinstance(piece, PdvPiece)
        error = sole_error(core.hear(p_data(bytes(1995))))
        assert error.code is DicomErrorCode.PDU_LENGTH
        assert "announces 2001 bytes; 6 to 2000 are allowed" in error.message
        assert core.data_to_send() == abort_pdu(2, 6)

    @both_roles
    @pytest.mark.parametrize("announced", [None, 0])
    def test_to_receive_is_unlimited_if_nothing_was_announced(
        self, role: Role, announced: int | None
    ) -> None:
        core = established(role, ours=announced)
        header = b"\4\0\xff\xff\xff\xff" + b"\xff\xff\xff\xfb" + b"\1\0"
        (piece,) = core.hear(header + b"value")
        assert isinstance(piece, PdvPiece)
        assert not piece.end


class TestOperationsWindow:
    @both_roles
    def test_is_one_before_the_association(self, role: Role) -> None:
        assert Core(role).operations_window == 1

    @pytest.mark.parametrize(
        ("offered", "granted", "of_requestor", "of_acceptor"),
        [
            (None, None, 1, 1),
            ((4, 2), None, 1, 1),
            (None, (4, 2), 1, 1),  # a grant without an offer
            ((4, 2), (4, 2), 4, 2),
            ((4, 2), (3, 1), 3, 1),
            ((4, 2), (5, 3), 4, 2),  # a grant beyond the offer
            ((4, 2), (0, 0), 4, 2),  # 0 is unlimited
            ((0, 0), (3, 1), 3, 1),
            ((0, 0), (0, 0), 0, 0),
        ],
    )
    def test_is_what_was_granted_within_what_was_offered(
        self,
        offered: tuple[int, int] | None,
        granted: tuple[int, int] | None,
        of_requestor: int,
        of_acceptor: int,
    ) -> None:
        pair = JoinedCores()
        asked = request()
        asked.asynchronous_operations = offered
        pair.requestor.core.associate(asked)
        pair.run()
        given = reply(asked)
        given.asynchronous_operations = granted
        pair.acceptor.core.accept(given)
        assert pair.requestor.core.operations_window == 1
        pair.run()
        assert pair.requestor.core.operations_window == of_requestor
        assert pair.acceptor.core.operations_window == of_acceptor


class TestRelease:
    @both_roles
    def test_orderly(self, role: Role) -> None:
        pair = associated_pair()
        first, second = ends(pair, role)
        first.core.release()
        pair.run()
        assert meaning(second.seen) == [ReleaseRequested()]
        assert first.core.is_established
        assert second.core.is_established
        second.core.release_response()
        pair.run()
        assert meaning(first.seen) == [ReleaseConfirmed()]
        assert meaning(second.seen) == [ReleaseRequested()]
        assert (first.core.state, second.core.state) == (State.STA1, State.STA1)
        assert not first.artim.is_running
        assert not second.artim.is_running

    def test_collision(self) -> None:
        # PS3.8 section 7.2.2.7: the requestor answers first, then the acceptor.
        pair = associated_pair()
        requestor, acceptor = pair.requestor, pair.acceptor
        requestor.core.release()
        acceptor.core.release()
        pair.run()
        assert (requestor.core.state, acceptor.core.state) == (State.STA9, State.STA10)
        assert meaning(requestor.seen) == meaning(acceptor.seen) == [ReleaseRequested()]
        requestor.core.release_response()
        pair.run()
        assert (requestor.core.state, acceptor.core.state) == (State.STA11, State.STA12)
        acceptor.core.release_response()
        pair.run()
        for end in (requestor, acceptor):
            assert meaning(end.seen) == [ReleaseRequested(), ReleaseConfirmed()]
            assert end.core.state is State.STA1
            assert not end.core.aborted
            assert not end.artim.is_running

    @both_roles
    def test_data_may_come_until_the_peer_has_answered(self, role: Role) -> None:
        core = core_in(State.STA7, role)
        (piece,) = meaning(core.hear(p_data(b"late")))
        assert isinstance(piece, PdvPiece)
        assert piece.data == b"late"
        assert core.state is State.STA7

    @both_roles
    def test_data_may_leave_until_this_end_has_answered(self, role: Role) -> None:
        core = core_in(State.STA8, role)
        core.p_data()
        assert core.state is State.STA8
        assert core.is_established


def associated_pair() -> JoinedCores:
    pair = JoinedCores(seed=1)
    pair.requestor.core.associate(request())
    pair.run()
    pair.acceptor.core.accept(reply(request()))
    pair.run()
    for end in (pair.requestor, pair.acceptor):
        end.seen.clear()
    return pair


def ends(pair: JoinedCores, first: Role) -> tuple[JoinedEnd, JoinedEnd]:
    both = pair.requestor, pair.acceptor
    return both if first is REQUESTOR else both[::-1]


class TestWhatTheDriverAsks:
    def test_pdus_are_told_apart_while_they_arrive(self) -> None:
        core = core_in(State.STA6)
        begun = core.pdus_begun
        assert not core.in_pdu
        core.hear(RELEASE_REQUEST[:1])
        assert (core.in_pdu, core.pdus_begun) == (True, begun + 1)
        core.hear(RELEASE_REQUEST[1:9])
        assert (core.in_pdu, core.pdus_begun) == (True, begun + 1)
        core.hear(RELEASE_REQUEST[9:])
        assert (core.in_pdu, core.pdus_begun) == (False, begun + 1)

    def test_data_to_send_is_taken_once_and_in_order(self) -> None:
        core = established(REQUESTOR)
        core.release()
        core.abort()
        assert core.has_data_to_send
        assert core.data_to_send() == RELEASE_REQUEST + abort_pdu(0, 0)
        assert not core.has_data_to_send
        assert core.data_to_send() == b""

    @pytest.mark.parametrize("keep_data", [False, True])
    def test_pdus_are_shown_with_their_bytes_if_wanted(self, keep_data: bool) -> None:
        core, data = established(REQUESTOR, keep_data=keep_data), p_data(b"value")
        end = core.hear(data)[-1]
        assert end == PduEnd(PduType.DATA_TRANSFER, len(data), data if keep_data else b"")
        (end, told) = core.hear(RELEASE_REQUEST)
        assert end == PduEnd(PduType.RELEASE_REQUEST, 10, RELEASE_REQUEST)
        assert told == ReleaseRequested()

    def test_an_abort_of_the_peer_is_passed_on_with_its_numbers(self) -> None:
        core = established(ACCEPTOR)
        assert meaning(core.hear(ABORT)) == [Abort(2, 3)]
        assert core.close_transport
        assert not core.aborted
