"""Operations under way: whom a response answers, and what is owed."""

from __future__ import annotations

import pytest

from leaddicom.dimse import messages as dimse
from leaddicom.dimse.message import Message
from leaddicom.dimse.messages import MessageType
from leaddicom.enums import AbortReason, Status
from leaddicom.errors import ProtocolError
from leaddicom.transport.operations import Operations

from .sessions import outgoing


def started(*message_ids: int) -> Operations:
    operations = Operations()
    for message_id in message_ids:
        operations.start(outgoing(dimse.C_ECHO_RQ, message_id, "1.2"))
    return operations


def message(message_type: MessageType, message_id: int, status: int = 0) -> Message:
    element = 0x0120 if message_type.is_response or message_type is dimse.C_CANCEL_RQ else 0x0110
    command = {0x0100: message_type.command_field, element: message_id, 0x0900: status}
    return Message(1, {**command}, message_type, None)


class TestRequestsOfOurs:
    @pytest.mark.parametrize(
        ("under_way", "window", "may_start"),
        [([], 1, True), ([7], 1, False), ([7], 2, True), ([7, 8], 2, False), ([7, 8], 0, True)],
    )
    def test_start_while_the_window_has_room(
        self, under_way: list[int], window: int, may_start: bool
    ) -> None:
        item = outgoing(dimse.C_ECHO_RQ, 1, "1.2")
        assert started(*under_way).may_start(item, window) is may_start

    @pytest.mark.parametrize("window", [2, 0])
    def test_wait_while_another_has_their_message_id(self, window: int) -> None:
        operations, item = started(7), outgoing(dimse.C_ECHO_RQ, 7, "1.2")
        assert not operations.may_start(item, window)
        operations.settle(message(dimse.C_ECHO_RSP, 7))
        assert operations.may_start(item, window)

    def test_are_awaited_until_the_final_response(self) -> None:
        operations = Operations()
        assert not operations.are_awaited
        operations.start(outgoing(dimse.C_FIND_RQ, 1, "1.2", 0, data=b"keys"))
        for status in (Status.PENDING, Status.PENDING_WARNING):
            operations.settle(message(dimse.C_FIND_RSP, 1, status))
            assert operations.are_awaited
        operations.settle(message(dimse.C_FIND_RSP, 1, Status.CANCEL))
        assert not operations.are_awaited

    @pytest.mark.parametrize(
        ("response", "text"),
        [
            (message(dimse.C_ECHO_RSP, 2), "a C-ECHO-RSP to message 2"),
            (message(dimse.C_STORE_RSP, 1), "a C-STORE-RSP to message 1"),
            (Message(1, {0x0100: 0x8777, 0x0120: 1}, None, None), "a response to message 1"),
        ],
    )
    def test_are_answered_by_their_own_response_only(self, response: Message, text: str) -> None:
        operations = started(1)
        with pytest.raises(ProtocolError, match=text) as caught:
            operations.settle(response)
        assert caught.value.reason == AbortReason.NOT_SPECIFIED
        assert operations.are_awaited


class TestRequestsOfThePeers:
    def test_are_owed_a_response_until_it_was_given(self) -> None:
        operations, request = Operations(), message(dimse.C_ECHO_RQ, 5)
        assert not operations.owes(request)
        operations.owe(request)
        assert operations.owes(request)
        assert operations.are_under_way
        assert not operations.are_awaited
        operations.answered(6)
        assert operations.owes(request)
        operations.answered(5)
        assert not operations.owes(request)
        assert not operations.are_under_way
        operations.answered(5)

    def test_a_cancel_is_owed_none(self) -> None:
        operations = Operations()
        operations.owe(message(dimse.C_CANCEL_RQ, 5))
        assert not operations.are_under_way


def test_both_directions_have_message_ids_of_their_own() -> None:
    operations, request = started(5), message(dimse.C_ECHO_RQ, 5)
    assert not operations.owes(request)
    operations.owe(request)
    operations.settle(message(dimse.C_ECHO_RSP, 5))
    assert operations.owes(request)
    assert not operations.are_awaited
