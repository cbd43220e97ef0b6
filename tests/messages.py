"""Every DIMSE message with LEADTOOLS' parameters and a value for each of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from members.inventory import INVENTORY
from nets import ECHO_CLASS, Nets, some_dataset

from leaddicom import LDicomNet
from leaddicom.dimse.messages import MESSAGE_TYPES, RESPONSE, DataSetPresence, MessageType

# Parameters of LEADTOOLS' methods behind presentation_id, in its order; the methods that send
# and the events that receive have the same.  N-REPORT is LEADTOOLS' name of N-EVENT-REPORT.
SIGNATURES = {
    member.name.removeprefix("Send"): member.parameters[1:]
    for member in INVENTORY
    if member.group == "Messages: sending" and member.name != "SendData"
}

VALUES: dict[str, Any] = {
    "message_id": 0xFFFE,
    "sop_class_uid": ECHO_CLASS,  # the one that the context was negotiated for
    "sop_instance_uid": "1.2.3.4.5",
    "priority": 2,
    "status": 0xB123,
    "move_ae": "DESTINATION",
    "move_message_id": 77,
    "remaining": 4,
    "completed": 3,
    "failed": 2,
    "warning": 1,
    "event": 5,
    "action": 6,
    "attributes": (0x00100010, 0x7FE00010),
    "count": 2,
}

MESSAGES = list(MESSAGE_TYPES.values())
REQUESTS = [each for each in MESSAGES if each.is_request]


def name_of(message_type: MessageType) -> str:
    return message_type.event.removeprefix("OnReceive")


def method(net: LDicomNet, message_type: MessageType) -> Callable[..., None]:
    return getattr(net, f"Send{name_of(message_type)}")


def ask(net: LDicomNet, message_type: MessageType) -> None:
    """Send a request, with a data set if it may have one."""
    arguments = arguments_of(message_type)
    if message_type.dataset is not DataSetPresence.ABSENT:
        arguments.append(some_dataset())
    method(net, message_type)(*arguments)


def ask_for(nets: Nets, client: LDicomNet, response_type: MessageType) -> None:
    """Have the request arrive that a response answers: what nobody asked for is refused."""
    if response_type.is_response:
        request_type = MESSAGE_TYPES[response_type.command_field & ~RESPONSE]
        ask(client, request_type)
        nets.wait_for(request_type.event)


def arguments_of(message_type: MessageType) -> list[Any]:
    """Presentation context 1 and a value for every parameter but the data set."""
    names = SIGNATURES[name_of(message_type)]
    return [1, *(VALUES[name] for name in names if name != "dataset")]
