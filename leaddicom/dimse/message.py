"""A DIMSE message: command set and, where there is one, data set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast, overload

from leaddicom.dimse.messages import (
    AFFECTED_SOP_CLASS_UID,
    AFFECTED_SOP_INSTANCE_UID,
    C_CANCEL_RQ,
    COMMAND_FIELD,
    MESSAGE_ID,
    MESSAGE_ID_BEING_RESPONDED_TO,
    REQUESTED_SOP_CLASS_UID,
    REQUESTED_SOP_INSTANCE_UID,
    RESPONSE,
    CommandElement,
    DataSetPresence,
    MessageType,
)

if TYPE_CHECKING:
    from leaddicom.dimse.command import Value
    from leaddicom.dimse.sink import ReceivedDataSet

__all__ = ["Message", "message_id_element"]


def message_id_element(command_field: int) -> int:
    """Where a message carries the ID by which it is told apart.

    Parameters
    ----------
    command_field : int
        Value of (0000,0100), also one that PS3.7 does not define.

    Returns
    -------
    int
        0110H (Message ID) for requests, 0120H (Message ID Being Responded To) for responses
        and C-CANCEL-RQ.
    """
    if command_field & RESPONSE or command_field == C_CANCEL_RQ.command_field:
        return MESSAGE_ID_BEING_RESPONDED_TO.element
    return MESSAGE_ID.element


@dataclass(slots=True)
class Message:
    """A received DIMSE message (PS3.7 section 6.3).

    Attributes
    ----------
    context_id : int
        Presentation context on which it came.
    command : dict of int to int, str or tuple of int
        The command set by the low 16 bits of the tags.
    type : MessageType or None
        `None` if the command field is none of PS3.7's.
    dataset : ReceivedDataSet or None
        The data set; `None` if the command set announced none.
    """

    context_id: int
    command: dict[int, Value]
    type: MessageType | None
    dataset: ReceivedDataSet | None

    @overload
    def get(self, element: int) -> Value | None: ...
    @overload
    def get(self, element: int, default: Value) -> Value: ...
    def get(self, element: int, default: Value | None = None) -> Value | None:
        """Return the value of a command element, or `default` if it is absent."""
        return self.command.get(element, default)

    @property
    def message_id(self) -> int:
        """Message ID, in responses and C-CANCEL-RQ that of the request they refer to."""
        command_field = cast("int", self.command[COMMAND_FIELD.element])
        return cast("int", self.command[message_id_element(command_field)])

    @property
    def is_response(self) -> bool:
        """Whether it answers a request, also one that PS3.7 does not define."""
        return bool(cast("int", self.command[COMMAND_FIELD.element]) & RESPONSE)

    @property
    def sop_class_uid(self) -> str:
        """Affected or, in requests of N-services, requested SOP class; "" if there is none."""
        return self._first(AFFECTED_SOP_CLASS_UID, REQUESTED_SOP_CLASS_UID)

    @property
    def sop_instance_uid(self) -> str:
        """Affected or, in requests of N-services, requested SOP instance; "" if there is none."""
        return self._first(AFFECTED_SOP_INSTANCE_UID, REQUESTED_SOP_INSTANCE_UID)

    def arguments(self) -> list[Value | None]:
        """Return the parameters in the order of LDicomNet's events.

        Presentation ID and data set are left out; a parameter that is absent is `None`.  A
        message of unknown type has no parameters.
        """
        if self.type is None:
            return []
        return [self.command.get(item.element.element) for item in self.type.parameters]

    def problem(self) -> str | None:
        """Say what PS3.7 misses in the message.

        Returns
        -------
        str or None
            A sentence about the first parameter that is mandatory and absent, or about a data
            set that is absent or present against the rules.  `None` if there is nothing to
            say, and for a message of unknown type, for which there are no rules.
        """
        if self.type is None:
            return None
        for parameter in self.type.parameters:
            element = parameter.element
            if parameter.required and element.element not in self.command:
                return f"{self.type.name} lacks {element.keyword} (0000,{element.element:04X})."
        if self.dataset is None and self.type.dataset is DataSetPresence.REQUIRED:
            return f"{self.type.name} comes without a data set."
        if self.dataset is not None and self.type.dataset is DataSetPresence.ABSENT:
            return f"{self.type.name} comes with a data set, but has none by PS3.7."
        return None

    def _first(self, *elements: CommandElement) -> str:
        found = (self.command.get(each.element) for each in elements)
        return str(next(filter(None, found), ""))
