"""Command sets to send: all messages of PS3.7, and the answers to them."""

from __future__ import annotations

import pytest

from leaddicom.dimse.command import Value, decode_command, encode_command
from leaddicom.dimse.composition import answer, compose, is_final
from leaddicom.dimse.message import Message
from leaddicom.dimse.messages import (
    C_CANCEL_RQ,
    C_ECHO_RQ,
    C_FIND_RSP,
    C_STORE_RQ,
    DATA_SET_ABSENT,
    DATA_SET_PRESENT,
    MESSAGE_TYPES,
    N_CREATE_RQ,
    N_GET_RQ,
    STATUS,
    DataSetPresence,
    MessageType,
)
from leaddicom.enums import Status
from leaddicom.errors import ParameterError

EXAMPLES: dict[str, Value] = {"UI": "1.2.3", "AE": "TITLE", "US": 7, "AT": (0x00100010,)}
ANSWERED = [each for each in MESSAGE_TYPES.values() if each.response is not None]

each_type = pytest.mark.parametrize("message_type", MESSAGE_TYPES.values(), ids=lambda it: it.name)
each_answered = pytest.mark.parametrize("message_type", ANSWERED, ids=lambda it: it.name)


def arguments(message_type: MessageType) -> list[Value | None]:
    return [EXAMPLES[parameter.element.vr] for parameter in message_type.parameters]


def message(message_type: MessageType, has_data_set: bool) -> Message:
    """The message as the peer gets it."""
    data = encode_command(compose(message_type, arguments(message_type), has_data_set))
    return Message(1, decode_command(data), message_type, None)


def allowed(message_type: MessageType) -> list[bool]:
    """Whether the message may have, and may lack, a data set."""
    return {
        DataSetPresence.REQUIRED: [True],
        DataSetPresence.ABSENT: [False],
        DataSetPresence.OPTIONAL: [True, False],
    }[message_type.dataset]


class TestCompose:
    @each_type
    def test_what_is_composed_arrives(self, message_type: MessageType) -> None:
        for has_data_set in allowed(message_type):
            arrived = message(message_type, has_data_set)
            assert arrived.arguments() == arguments(message_type)
            assert arrived.get(0x0100) == message_type.command_field
            announced = DATA_SET_PRESENT if has_data_set else DATA_SET_ABSENT
            assert arrived.get(0x0800) == announced
            assert len(arrived.command) == len(message_type.parameters) + 2

    @each_type
    def test_a_data_set_is_needed_or_refused(self, message_type: MessageType) -> None:
        for has_data_set in {True, False} - {*allowed(message_type)}:
            given = "has no data set, but one is given"
            missing = "needs a data set, but none is given"
            with pytest.raises(ParameterError, match=given if has_data_set else missing) as caught:
                compose(message_type, arguments(message_type), has_data_set)
            assert message_type.name in caught.value.message

    @each_type
    def test_none_is_left_out(self, message_type: MessageType) -> None:
        nothing = [None] * len(message_type.parameters)
        assert compose(message_type, nothing, allowed(message_type)[0]).keys() == {0x0100, 0x0800}

    def test_empty_is_left_out_where_that_is_allowed(self) -> None:
        assert 0x1000 not in compose(N_CREATE_RQ, [1, "1.2.3", ""], False)
        assert 0x1005 not in compose(N_GET_RQ, [1, "1.2", "1.2.3", ()], False)
        command = compose(C_STORE_RQ, [1, "1.2", "1.2.3", 0, "", 0], True)
        assert 0x1030 not in command
        assert command[0x1031] == 0
        assert command[0x0700] == 0

    def test_empty_is_not_left_out_where_it_is_mandatory(self) -> None:
        assert compose(C_ECHO_RQ, [1, ""], False)[0x0002] == ""

    def test_the_number_of_arguments_is_that_of_the_parameters(self) -> None:
        with pytest.raises(ValueError, match="argument"):
            compose(C_ECHO_RQ, [1], False)


class TestAnswer:
    @each_answered
    def test_is_the_response_to_the_request(self, message_type: MessageType) -> None:
        asked = message(message_type, allowed(message_type)[0])
        answered = decode_command(encode_command(answer(asked, Status.PROCESSING_FAILURE)))
        response = message_type.response
        assert response is not None
        reply = Message(1, answered, response, None)
        assert reply.get(0x0100) == response.command_field
        assert reply.message_id == asked.message_id == 7
        assert reply.get(STATUS.element) == 0x0110
        assert reply.get(0x0800) == DATA_SET_ABSENT

    @each_answered
    def test_has_no_parameter_that_the_response_has_not(self, message_type: MessageType) -> None:
        response = message_type.response
        assert response is not None
        answered = answer(message(message_type, allowed(message_type)[0]), 0)
        elements = {parameter.element.element for parameter in response.parameters}
        assert answered.keys() <= elements | {0x0100, 0x0800}

    @each_answered
    def test_repeats_class_and_instance(self, message_type: MessageType) -> None:
        # What an N-service requests comes back as affected (PS3.7 sections 10.1 and 10.3).
        response = message_type.response
        assert response is not None
        answered = answer(message(message_type, allowed(message_type)[0]), 0)
        names = [parameter.name for parameter in message_type.parameters]
        has_instance = "sop_instance_uid" in [parameter.name for parameter in response.parameters]
        assert answered.get(0x0002) == "1.2.3"
        assert answered.get(0x1000) == (
            "1.2.3" if has_instance and "sop_instance_uid" in names else None
        )
        assert 0x0003 not in answered
        assert 0x1001 not in answered

    def test_an_n_get_tells_the_instance_it_was_asked_for(self) -> None:
        asked = Message(
            1, {0x0003: "1.1", 0x0100: 0x0110, 0x0110: 9, 0x0800: 0x0101, 0x1001: "1.2"}, N_GET_RQ,
            None,
        )  # fmt: skip
        assert answer(asked, Status.NO_SUCH_OBJECT_INSTANCE) == {
            0x0002: "1.1", 0x0100: 0x8110, 0x0120: 9, 0x0800: 0x0101, 0x0900: 0x0112, 0x1000: "1.2",
        }  # fmt: skip

    def test_repeats_nothing_that_was_not_there(self) -> None:
        asked = Message(1, {0x0100: 0x0140, 0x0110: 9, 0x0800: 0x0101}, N_CREATE_RQ, None)
        assert answer(asked, 0).keys() == {0x0100, 0x0120, 0x0800, 0x0900}

    def test_works_for_requests_that_nobody_knows(self) -> None:
        asked = Message(1, {0x0002: "1.2", 0x0100: 0x0777, 0x0110: 9, 0x0800: 0x0101}, None, None)
        assert answer(asked, Status.UNRECOGNIZED_OPERATION) == {
            0x0100: 0x8777, 0x0120: 9, 0x0800: 0x0101, 0x0900: 0x0211,
        }  # fmt: skip


class TestIsFinal:
    @pytest.mark.parametrize("status", [0xFF00, 0xFF01])
    def test_pending_is_not(self, status: int) -> None:
        assert not is_final({STATUS.element: status})

    @pytest.mark.parametrize("status", [0x0000, 0xFE00, 0xFF02, 0xFEFF, 0xA700, 0xB000, 0x0110])
    def test_everything_else_is(self, status: int) -> None:
        assert is_final(compose(C_FIND_RSP, [1, "", status], False))

    def test_a_response_without_status_is(self) -> None:
        assert is_final({})


class TestResponsesAreToldApart:
    @each_type
    def test_from_requests(self, message_type: MessageType) -> None:
        told = Message(1, {0x0100: message_type.command_field}, message_type, None)
        assert told.is_response is message_type.is_response

    @pytest.mark.parametrize(("command_field", "expected"), [(0x0777, False), (0x8777, True),
                                                             (0x8FFF, True)])  # fmt: skip
    def test_also_if_nobody_knows_them(self, command_field: int, expected: bool) -> None:
        assert Message(1, {0x0100: command_field}, None, None).is_response is expected

    def test_c_cancel_is_a_request_without_response(self) -> None:
        assert C_CANCEL_RQ.is_request
        assert C_CANCEL_RQ.response is None
