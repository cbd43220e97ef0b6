"""Command sets of messages to send, made from parameters or from the request they answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from leaddicom.dimse.command import Value
from leaddicom.dimse.message import Message
from leaddicom.dimse.messages import (
    C_ECHO_RSP,
    COMMAND_DATA_SET_TYPE,
    COMMAND_FIELD,
    DATA_SET_ABSENT,
    DATA_SET_PRESENT,
    MESSAGE_TYPES,
    RESPONSE,
    DataSetPresence,
    MessageType,
)
from leaddicom.enums import Status
from leaddicom.errors import ParameterError

__all__ = ["STATUS", "answer", "compose", "is_final"]

#: Element number of Status (0000,0900).
STATUS = next(p.element.element for p in C_ECHO_RSP.parameters if p.name == "status")

# What a response repeats from its request (PS3.7 sections 9.3 and 10.3): a requested SOP class
# or instance comes back as the affected one.
_ECHOED = {0x0002: 0x0002, 0x0003: 0x0002, 0x1000: 0x1000, 0x1001: 0x1000}
_PENDING = (Status.PENDING, Status.PENDING_WARNING)


def compose(
    message_type: MessageType, arguments: Sequence[Value | None], has_data_set: bool
) -> dict[int, Value]:
    """Give the command set of a message.

    Parameters
    ----------
    message_type : MessageType
        The message.
    arguments : sequence of int, str, tuple of int or None
        Values in the order of ``message_type.parameters``.  `None` and, for what PS3.7 leaves
        optional, the empty string are left out.
    has_data_set : bool
        Whether a data set follows.

    Returns
    -------
    dict of int to int, str or tuple of int
        By the low 16 bits of the tags.

    Raises
    ------
    ParameterError
        The message must, or must not, have a data set.
    """
    if has_data_set and message_type.dataset is DataSetPresence.ABSENT:
        raise ParameterError(f"{message_type.name} has no data set, but one is given.")
    if not has_data_set and message_type.dataset is DataSetPresence.REQUIRED:
        raise ParameterError(f"{message_type.name} needs a data set, but none is given.")
    command: dict[int, Value] = {
        COMMAND_FIELD.element: message_type.command_field,
        COMMAND_DATA_SET_TYPE.element: DATA_SET_PRESENT if has_data_set else DATA_SET_ABSENT,
    }
    for parameter, value in zip(message_type.parameters, arguments, strict=True):
        if value is not None and (parameter.required or value not in ("", ())):
            command[parameter.element.element] = value
    return command


def answer(request: Message, status: int) -> dict[int, Value]:
    """Give the command set of the response without data set to `request`.

    It works for requests that PS3.7 does not define, too.
    """
    response = cast("int", request.command[COMMAND_FIELD.element]) | RESPONSE
    command: dict[int, Value] = {
        COMMAND_FIELD.element: response,
        C_ECHO_RSP.parameters[0].element.element: request.message_id,
        COMMAND_DATA_SET_TYPE.element: DATA_SET_ABSENT,
        STATUS: status,
    }
    known = MESSAGE_TYPES.get(response)
    allowed = {p.element.element for p in known.parameters} if known else set()
    for source, target in _ECHOED.items():
        value = request.get(source)
        if value is not None and target in allowed:
            command[target] = value
    return command


def is_final(command: dict[int, Value]) -> bool:
    """Tell whether a response is the last one, that is, not pending (PS3.7 Annex C)."""
    return command.get(STATUS) not in _PENDING
