"""Messages: arguments of events, and what PS3.7 misses in them."""

from __future__ import annotations

import pytest

from leaddicom.dimse import messages
from leaddicom.dimse.command import Value
from leaddicom.dimse.message import Message, message_id_element
from leaddicom.dimse.messages import MESSAGE_TYPES, DataSetPresence, MessageType
from leaddicom.dimse.sink import ReceivedDataSet

EXAMPLES: dict[str, Value] = {"UI": "1.2.3", "AE": "TITLE", "US": 7, "AT": (0x00100010,)}

each_type = pytest.mark.parametrize(
    "message_type", MESSAGE_TYPES.values(), ids=lambda message_type: message_type.name
)


def data_set() -> ReceivedDataSet:
    return ReceivedDataSet("1.2.840.10008.1.2", "1.2", "1.2.3", data=bytearray())


def complete(message_type: MessageType) -> Message:
    """A message with all its parameters, and a data set if it has to have one."""
    command = {p.element.element: EXAMPLES[p.element.vr] for p in message_type.parameters}
    command[0x0100] = message_type.command_field
    required = message_type.dataset is DataSetPresence.REQUIRED
    return Message(1, command, message_type, data_set() if required else None)


def test_the_arguments_of_a_store_request_are_in_the_order_of_its_event() -> None:
    command: dict[int, Value] = {
        0x1031: 9, 0x1030: "MOVER", 0x1000: "1.2.3", 0x0700: 2, 0x0110: 7, 0x0002: "1.2",
    }  # fmt: skip
    message = Message(1, command, messages.C_STORE_RQ, None)
    assert message.arguments() == [7, "1.2", "1.2.3", 2, "MOVER", 9]


@pytest.mark.parametrize(
    ("command", "expected"),
    [({0x0002: "1.2"}, "1.2"), ({0x0003: "1.3"}, "1.3"), ({0x0002: "1.2", 0x0003: "1.3"}, "1.2"),
     ({0x0002: "", 0x0003: "1.3"}, "1.3"), ({}, "")],
)  # fmt: skip
def test_the_sop_class_is_the_affected_or_the_requested_one(
    command: dict[int, Value], expected: str
) -> None:
    assert Message(1, command, None, None).sop_class_uid == expected


@pytest.mark.parametrize(
    ("command", "expected"),
    [({0x1000: "1.2"}, "1.2"), ({0x1001: "1.3"}, "1.3"), ({0x1000: "1.2", 0x1001: "1.3"}, "1.2"),
     ({0x1000: "", 0x1001: "1.3"}, "1.3"), ({}, "")],
)  # fmt: skip
def test_the_sop_instance_is_the_affected_or_the_requested_one(
    command: dict[int, Value], expected: str
) -> None:
    assert Message(1, command, None, None).sop_instance_uid == expected


def test_absent_arguments_are_none() -> None:
    message = Message(1, {0x0110: 7}, messages.C_STORE_RQ, None)
    assert message.arguments() == [7, None, None, None, None, None]


def test_values_are_got_by_element() -> None:
    message = Message(1, {0x0110: 7}, messages.C_ECHO_RQ, None)
    assert message.get(0x0110) == 7
    assert message.get(0x0902) is None
    assert message.get(0x0902, "nothing") == "nothing"


@each_type
def test_the_message_id_is_that_of_the_first_argument(message_type: MessageType) -> None:
    command: dict[int, Value] = {0x0100: message_type.command_field, 0x0110: 1, 0x0120: 2}
    message = Message(1, command, message_type, None)
    assert message.message_id == message.arguments()[0]


@pytest.mark.parametrize(
    ("command_field", "expected"), [(0x0001, 0x0110), (0x8001, 0x0120), (0x0FFF, 0x0120),
                                    (0x7777, 0x0110), (0xF777, 0x0120), (0x8FFF, 0x0120)]
)  # fmt: skip
def test_messages_of_any_type_have_a_message_id(command_field: int, expected: int) -> None:
    assert message_id_element(command_field) == expected


@each_type
def test_a_complete_message_has_no_problem(message_type: MessageType) -> None:
    assert complete(message_type).problem() is None


@each_type
def test_each_mandatory_parameter_is_missed(message_type: MessageType) -> None:
    for parameter in message_type.parameters:
        message = complete(message_type)
        del message.command[parameter.element.element]
        problem = message.problem()
        if parameter.required:
            assert problem is not None
            assert message_type.name in problem
            assert parameter.element.keyword in problem
        else:
            assert problem is None


@each_type
def test_a_data_set_is_missed_where_it_is_required(message_type: MessageType) -> None:
    message = complete(message_type)
    message.dataset = None
    required = message_type.dataset is DataSetPresence.REQUIRED
    assert (message.problem() is not None) == required


@each_type
def test_a_data_set_is_noticed_where_there_is_none(message_type: MessageType) -> None:
    message = complete(message_type)
    message.dataset = data_set()
    absent = message_type.dataset is DataSetPresence.ABSENT
    assert (message.problem() is not None) == absent


def test_a_message_of_unknown_type_has_neither_arguments_nor_problems() -> None:
    message = Message(1, {0x0100: 0x7777, 0x0110: 3}, None, None)
    assert message.arguments() == []
    assert message.problem() is None
    assert message.message_id == 3
