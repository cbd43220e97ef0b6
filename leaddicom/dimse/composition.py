"""Command sets of messages to send, made from parameters or from the request they answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from leaddicom.dimse.command import Value
from leaddicom.dimse.message import Message
from leaddicom.dimse.messages import (
    AFFECTED_SOP_CLASS_UID,
    AFFECTED_SOP_INSTANCE_UID,
    COMMAND_DATA_SET_TYPE,
    COMMAND_FIELD,
    DATA_SET_ABSENT,
    DATA_SET_PRESENT,
    ERROR_COMMENT,
    MESSAGE_ID_BEING_RESPONDED_TO,
    MESSAGE_TYPES,
    RESPONSE,
    STATUS,
    DataSetPresence,
    MessageType,
)
from leaddicom.enums import Status
from leaddicom.errors import ParameterError

__all__ = ["answer", "compose", "is_final"]

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


def answer(request: Message, status: int, comment: str = "") -> dict[int, Value]:
    """Give the command set of the response without data set to `request`.

    It works for requests that PS3.7 does not define, too.

    Parameters
    ----------
    request : Message
        What is answered.
    status : int
        Status (0000,0900).
    comment : str
        Error Comment (0000,0902); empty for none.
    """
    response = cast("int", request.command[COMMAND_FIELD.element]) | RESPONSE
    command: dict[int, Value] = {
        COMMAND_FIELD.element: response,
        MESSAGE_ID_BEING_RESPONDED_TO.element: request.message_id,
        COMMAND_DATA_SET_TYPE.element: DATA_SET_ABSENT,
        STATUS.element: status,
    }
    known = MESSAGE_TYPES.get(response)
    allowed = {parameter.element for parameter in known.parameters} if known else set()
    # A requested SOP class or instance comes back as the affected one (PS3.7 section 10.3).
    for element, uid in (
        (AFFECTED_SOP_CLASS_UID, request.sop_class_uid),
        (AFFECTED_SOP_INSTANCE_UID, request.sop_instance_uid),
    ):
        if uid and element in allowed:
            command[element.element] = uid
    if comment:
        command[ERROR_COMMENT.element] = comment
    return command


def is_final(command: dict[int, Value]) -> bool:
    """Tell whether a response is the last one, that is, not pending (PS3.7 Annex C)."""
    return command.get(STATUS.element) not in _PENDING
