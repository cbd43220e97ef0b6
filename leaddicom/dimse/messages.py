"""The table of DIMSE messages (PS3.7 sections 9.3, 10.3 and Annex E).

Each message is declared once; the codec, the check of required parameters and the dispatch of
events follow from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

__all__ = [
    "AFFECTED_SOP_CLASS_UID",
    "AFFECTED_SOP_INSTANCE_UID",
    "COMMAND_DATA_SET_TYPE",
    "COMMAND_ELEMENTS",
    "COMMAND_FIELD",
    "COMMAND_GROUP_LENGTH",
    "C_CANCEL_RQ",
    "C_ECHO_RQ",
    "C_ECHO_RSP",
    "C_FIND_RQ",
    "C_FIND_RSP",
    "C_GET_RQ",
    "C_GET_RSP",
    "C_MOVE_RQ",
    "C_MOVE_RSP",
    "C_STORE_RQ",
    "C_STORE_RSP",
    "DATA_SET_ABSENT",
    "DATA_SET_PRESENT",
    "ERROR_COMMENT",
    "ERROR_ID",
    "MESSAGE_ID",
    "MESSAGE_ID_BEING_RESPONDED_TO",
    "MESSAGE_TYPES",
    "N_ACTION_RQ",
    "N_ACTION_RSP",
    "N_CREATE_RQ",
    "N_CREATE_RSP",
    "N_DELETE_RQ",
    "N_DELETE_RSP",
    "N_EVENT_REPORT_RQ",
    "N_EVENT_REPORT_RSP",
    "N_GET_RQ",
    "N_GET_RSP",
    "N_SET_RQ",
    "N_SET_RSP",
    "OFFENDING_ELEMENT",
    "REQUESTED_SOP_CLASS_UID",
    "REQUESTED_SOP_INSTANCE_UID",
    "RESPONSE",
    "STATUS",
    "CommandElement",
    "DataSetPresence",
    "MessageType",
    "Parameter",
]

#: Bit of the command field that turns a request into its response (PS3.7 section E.1).
RESPONSE = 0x8000

#: Values of Command Data Set Type (0000,0800): only 0101H means that none follows (PS3.7
#: section E.1), every other value announces one.
DATA_SET_ABSENT = 0x0101
DATA_SET_PRESENT = 0x0001


@dataclass(frozen=True, slots=True)
class CommandElement:
    """An element of the command group (PS3.7 Table E.1-1).

    Attributes
    ----------
    element : int
        Low 16 bits of the tag; the group is always 0000H.
    keyword : str
        The standard's keyword, for example ``"MessageID"``.
    vr : str
        Value representation: AE, AT, LO, UI, UL or US.
    """

    element: int
    keyword: str
    vr: str


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a message as applications see it.

    Attributes
    ----------
    name : str
        Name in ``Send...`` methods and ``OnReceive...`` events.
    element : CommandElement
        Where it is encoded.
    required : bool
        Whether the service's table in PS3.7 marks it M (mandatory).
    """

    name: str
    element: CommandElement
    required: bool


class DataSetPresence(Enum):
    """Whether a data set accompanies the command set of a message."""

    REQUIRED = "required"
    OPTIONAL = "optional"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class MessageType:
    """One row of the table.

    Attributes
    ----------
    name : str
        PS3.7's name, for example ``"C-STORE-RQ"``.
    command_field : int
        Value of (0000,0100).
    parameters : tuple of Parameter
        In the order of LDicomNet's methods, without presentation ID and data set.  The first
        is always the message ID.
    dataset : DataSetPresence
        Whether a data set follows.
    event : str
        The ``OnReceive...`` event of LDicomNet.
    """

    name: str
    command_field: int
    parameters: tuple[Parameter, ...]
    dataset: DataSetPresence
    event: str

    @property
    def is_response(self) -> bool:
        """Whether the message answers a request."""
        return bool(self.command_field & RESPONSE)

    @property
    def is_request(self) -> bool:
        """Whether the message is a request; C-CANCEL-RQ is one."""
        return not self.is_response

    @property
    def response(self) -> MessageType | None:
        """The message that answers this one; `None` for responses and C-CANCEL-RQ."""
        if self.is_response:
            return None
        return MESSAGE_TYPES.get(self.command_field | RESPONSE)


_ELEMENTS: dict[int, CommandElement] = {}


def _element(element: int, keyword: str, vr: str) -> CommandElement:
    _ELEMENTS[element] = CommandElement(element, keyword, vr)
    return _ELEMENTS[element]


COMMAND_GROUP_LENGTH = _element(0x0000, "CommandGroupLength", "UL")
AFFECTED_SOP_CLASS_UID = _element(0x0002, "AffectedSOPClassUID", "UI")
REQUESTED_SOP_CLASS_UID = _element(0x0003, "RequestedSOPClassUID", "UI")
COMMAND_FIELD = _element(0x0100, "CommandField", "US")
MESSAGE_ID = _element(0x0110, "MessageID", "US")
MESSAGE_ID_BEING_RESPONDED_TO = _element(0x0120, "MessageIDBeingRespondedTo", "US")
_MOVE_DESTINATION = _element(0x0600, "MoveDestination", "AE")
_PRIORITY = _element(0x0700, "Priority", "US")
COMMAND_DATA_SET_TYPE = _element(0x0800, "CommandDataSetType", "US")
STATUS = _element(0x0900, "Status", "US")
OFFENDING_ELEMENT = _element(0x0901, "OffendingElement", "AT")
ERROR_COMMENT = _element(0x0902, "ErrorComment", "LO")
ERROR_ID = _element(0x0903, "ErrorID", "US")
AFFECTED_SOP_INSTANCE_UID = _element(0x1000, "AffectedSOPInstanceUID", "UI")
REQUESTED_SOP_INSTANCE_UID = _element(0x1001, "RequestedSOPInstanceUID", "UI")
_EVENT_TYPE = _element(0x1002, "EventTypeID", "US")
_ATTRIBUTE_LIST = _element(0x1005, "AttributeIdentifierList", "AT")
_ACTION_TYPE = _element(0x1008, "ActionTypeID", "US")
_REMAINING = _element(0x1020, "NumberOfRemainingSuboperations", "US")
_COMPLETED = _element(0x1021, "NumberOfCompletedSuboperations", "US")
_FAILED = _element(0x1022, "NumberOfFailedSuboperations", "US")
_WARNING = _element(0x1023, "NumberOfWarningSuboperations", "US")
_MOVE_ORIGINATOR = _element(0x1030, "MoveOriginatorApplicationEntityTitle", "AE")
_MOVE_MESSAGE_ID = _element(0x1031, "MoveOriginatorMessageID", "US")

#: Every element of the command group that is not retired, by the low 16 bits of its tag.
COMMAND_ELEMENTS: Mapping[int, CommandElement] = MappingProxyType(_ELEMENTS)


def _mandatory(name: str, element: CommandElement) -> Parameter:
    return Parameter(name, element, True)


def _optional(name: str, element: CommandElement) -> Parameter:
    return Parameter(name, element, False)


_TYPES: dict[int, MessageType] = {}


def _request(
    service: str,
    command_field: int,
    event: str,
    dataset: DataSetPresence,
    *parameters: Parameter,
    message_id: CommandElement = MESSAGE_ID,
) -> MessageType:
    message_type = MessageType(
        f"{service}-RQ",
        command_field,
        (_mandatory("message_id", message_id), *parameters),
        dataset,
        f"OnReceive{event}Request",
    )
    _TYPES[command_field] = message_type
    return message_type


def _response(
    request: MessageType, dataset: DataSetPresence, *parameters: Parameter
) -> MessageType:
    message_type = MessageType(
        request.name.removesuffix("RQ") + "RSP",
        request.command_field | RESPONSE,
        (_mandatory("message_id", MESSAGE_ID_BEING_RESPONDED_TO), *parameters),
        dataset,
        request.event.removesuffix("Request") + "Response",
    )
    _TYPES[message_type.command_field] = message_type
    return message_type


_CLASS = _mandatory("sop_class_uid", AFFECTED_SOP_CLASS_UID)
_INSTANCE = _mandatory("sop_instance_uid", AFFECTED_SOP_INSTANCE_UID)
# N-services name the instance they act on "requested", those they report on "affected".
_ON_CLASS = _mandatory("sop_class_uid", REQUESTED_SOP_CLASS_UID)
_ON_INSTANCE = _mandatory("sop_instance_uid", REQUESTED_SOP_INSTANCE_UID)
_WITH_PRIORITY = _mandatory("priority", _PRIORITY)
# In responses PS3.7 leaves class and instance to the performer (U).
_OF_CLASS = _optional("sop_class_uid", AFFECTED_SOP_CLASS_UID)
_OF_INSTANCE = _optional("sop_instance_uid", AFFECTED_SOP_INSTANCE_UID)
_WITH_STATUS = _mandatory("status", STATUS)
_SUB_OPERATIONS = (
    _optional("remaining", _REMAINING),
    _optional("completed", _COMPLETED),
    _optional("failed", _FAILED),
    _optional("warning", _WARNING),
)
_REQUIRED, _OPTIONAL, _ABSENT = DataSetPresence

# C-services: PS3.7 sections 9.1 (M, U and C of the parameters) and 9.3 (elements).
C_STORE_RQ = _request(
    "C-STORE", 0x0001, "CStore", _REQUIRED,
    _CLASS, _INSTANCE, _WITH_PRIORITY,
    _optional("move_ae", _MOVE_ORIGINATOR), _optional("move_message_id", _MOVE_MESSAGE_ID),
)  # fmt: skip
C_STORE_RSP = _response(C_STORE_RQ, _ABSENT, _OF_CLASS, _OF_INSTANCE, _WITH_STATUS)
C_GET_RQ = _request("C-GET", 0x0010, "CGet", _REQUIRED, _CLASS, _WITH_PRIORITY)
C_GET_RSP = _response(C_GET_RQ, _OPTIONAL, _OF_CLASS, _WITH_STATUS, *_SUB_OPERATIONS)
C_FIND_RQ = _request("C-FIND", 0x0020, "CFind", _REQUIRED, _CLASS, _WITH_PRIORITY)
C_FIND_RSP = _response(C_FIND_RQ, _OPTIONAL, _OF_CLASS, _WITH_STATUS)
C_MOVE_RQ = _request(
    "C-MOVE", 0x0021, "CMove", _REQUIRED,
    _CLASS, _WITH_PRIORITY, _mandatory("move_ae", _MOVE_DESTINATION),
)  # fmt: skip
C_MOVE_RSP = _response(C_MOVE_RQ, _OPTIONAL, _OF_CLASS, _WITH_STATUS, *_SUB_OPERATIONS)
C_ECHO_RQ = _request("C-ECHO", 0x0030, "CEcho", _ABSENT, _CLASS)
C_ECHO_RSP = _response(C_ECHO_RQ, _ABSENT, _OF_CLASS, _WITH_STATUS)
C_CANCEL_RQ = _request(
    "C-CANCEL", 0x0FFF, "CCancel", _ABSENT, message_id=MESSAGE_ID_BEING_RESPONDED_TO
)

# N-services: PS3.7 sections 10.1 and 10.3.
N_EVENT_REPORT_RQ = _request(
    "N-EVENT-REPORT", 0x0100, "NReport", _OPTIONAL,
    _CLASS, _INSTANCE, _mandatory("event", _EVENT_TYPE),
)  # fmt: skip
N_EVENT_REPORT_RSP = _response(
    N_EVENT_REPORT_RQ, _OPTIONAL,
    _OF_CLASS, _OF_INSTANCE, _WITH_STATUS, _optional("event", _EVENT_TYPE),
)  # fmt: skip
N_GET_RQ = _request(
    "N-GET", 0x0110, "NGet", _ABSENT,
    _ON_CLASS, _ON_INSTANCE, _optional("attributes", _ATTRIBUTE_LIST),
)  # fmt: skip
N_GET_RSP = _response(N_GET_RQ, _OPTIONAL, _OF_CLASS, _OF_INSTANCE, _WITH_STATUS)
N_SET_RQ = _request("N-SET", 0x0120, "NSet", _REQUIRED, _ON_CLASS, _ON_INSTANCE)
N_SET_RSP = _response(N_SET_RQ, _OPTIONAL, _OF_CLASS, _OF_INSTANCE, _WITH_STATUS)
N_ACTION_RQ = _request(
    "N-ACTION", 0x0130, "NAction", _OPTIONAL,
    _ON_CLASS, _ON_INSTANCE, _mandatory("action", _ACTION_TYPE),
)  # fmt: skip
N_ACTION_RSP = _response(
    N_ACTION_RQ, _OPTIONAL,
    _OF_CLASS, _OF_INSTANCE, _WITH_STATUS, _optional("action", _ACTION_TYPE),
)  # fmt: skip
# The performer may assign the instance UID (PS3.7 section 10.1.5).
N_CREATE_RQ = _request("N-CREATE", 0x0140, "NCreate", _OPTIONAL, _CLASS, _OF_INSTANCE)
N_CREATE_RSP = _response(N_CREATE_RQ, _OPTIONAL, _OF_CLASS, _OF_INSTANCE, _WITH_STATUS)
N_DELETE_RQ = _request("N-DELETE", 0x0150, "NDelete", _ABSENT, _ON_CLASS, _ON_INSTANCE)
N_DELETE_RSP = _response(N_DELETE_RQ, _ABSENT, _OF_CLASS, _OF_INSTANCE, _WITH_STATUS)

#: Every message of PS3.7, by command field.
MESSAGE_TYPES: Mapping[int, MessageType] = MappingProxyType(_TYPES)
