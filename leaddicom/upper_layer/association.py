"""A-ASSOCIATE-RQ and -AC: their contents, and both ways between contents and bytes.

pynetdicom encodes and decodes; the flat pass of `items` goes first, because pynetdicom
trusts every length, and whatever else it may raise ends here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pynetdicom import pdu as codecs
from pynetdicom import pdu_items

from leaddicom.enums import AbortReason
from leaddicom.errors import ParameterError, ProtocolError
from leaddicom.limits import Limits
from leaddicom.upper_layer.items import ItemType, check_associate
from leaddicom.values import is_ae_title, is_uid, is_version_name

__all__ = [
    "APPLICATION_CONTEXT",
    "IMPLICIT_VR_LITTLE_ENDIAN",
    "RAW_USER_ITEMS",
    "Associate",
    "PresentationContext",
    "UserItem",
    "decode_associate",
    "encode_associate",
]

#: The one application context of DICOM (PS3.7 Annex A.2.1).
APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"

#: The transfer syntax that every implementation has (PS3.5 section 10.1).
IMPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2"

#: User information that has no field of its own and travels as `UserItem`.  A class UID or a
#: version name that is not a valid one is kept in this way too.
RAW_USER_ITEMS = frozenset(range(0x100)) - {
    ItemType.APPLICATION_CONTEXT,
    ItemType.PRESENTATION_CONTEXT_RQ,
    ItemType.PRESENTATION_CONTEXT_AC,
    ItemType.ABSTRACT_SYNTAX,
    ItemType.TRANSFER_SYNTAX,
    ItemType.USER_INFORMATION,
    ItemType.MAXIMUM_LENGTH,
    ItemType.ASYNCHRONOUS_OPERATIONS,
    ItemType.ROLE_SELECTION,
    ItemType.EXTENDED_NEGOTIATION,
}

_MAXIMUM_ITEM_LENGTH = 0xFFFF


@dataclass(slots=True)
class PresentationContext:
    """A presentation context (PS3.8 sections 9.3.2.2 and 9.3.3.2).

    Attributes
    ----------
    context_id : int
        Odd, 1 to 255.
    abstract_syntax : str
        Empty in a received A-ASSOCIATE-AC, which does not carry it.
    transfer_syntaxes : list of str
        In the order of the requestor's preference.  In an A-ASSOCIATE-AC the accepted one;
        none is decoded if the context was rejected.
    result : int
        `leaddicom.enums.ContextResult`; of an A-ASSOCIATE-AC only.
    """

    context_id: int
    abstract_syntax: str = ""
    transfer_syntaxes: list[str] = field(default_factory=list)
    result: int = 0


@dataclass(slots=True)
class UserItem:
    """A user information sub-item as bytes (PS3.7 Annex D.3.3).

    Attributes
    ----------
    item_type : int
        58H for user identity, 57H for common extended negotiation ...
    data : bytes
        What follows the 4-byte header.  Its text holds the length only, because a user
        identity is a secret.
    """

    item_type: int
    data: bytes

    def __repr__(self) -> str:
        return f"UserItem({self.item_type:#04x}, <{len(self.data)} bytes>)"


@dataclass(slots=True)
class Associate:
    """Contents of an A-ASSOCIATE-RQ or -AC.

    Attributes
    ----------
    is_request : bool
        A-ASSOCIATE-RQ or -AC.
    protocol_version : int
        One bit for each version; bit 0 is version 1, the only one (PS3.8 Table 9-11).
    called_ae_title, calling_ae_title : str
        Without padding spaces.  An A-ASSOCIATE-AC echoes them, and nobody may test them there.
    application_context : str
        UID; DICOM has one only.
    presentation_contexts : list of PresentationContext
        In the order of the PDU.
    maximum_length : int or None
        Longest P-DATA-TF that the sender takes; 0 is unlimited, `None` that it says nothing.
    implementation_class_uid, implementation_version_name : str or None
        Who the sender is.
    asynchronous_operations : tuple of int and int, or None
        Operations that the sender may invoke and perform at a time; 0 is unlimited, `None`
        one of each (PS3.7 D.3.3.3).
    roles : dict
        SOP class UID to the requestor's roles (SCU, SCP): proposed in a request, accepted in
        the answer.  What is not mentioned is (True, False) (PS3.7 D.3.3.4).
    extended_negotiation : dict
        SOP class UID to the service class application information (PS3.7 D.3.3.5).
    user_items : list of UserItem
        Every other sub-item of the user information.
    """

    is_request: bool
    protocol_version: int = 1
    called_ae_title: str = ""
    calling_ae_title: str = ""
    application_context: str = APPLICATION_CONTEXT
    presentation_contexts: list[PresentationContext] = field(default_factory=list)
    maximum_length: int | None = None
    implementation_class_uid: str | None = None
    implementation_version_name: str | None = None
    asynchronous_operations: tuple[int, int] | None = None
    roles: dict[str, tuple[bool, bool]] = field(default_factory=dict)
    extended_negotiation: dict[str, bytes] = field(default_factory=dict)
    user_items: list[UserItem] = field(default_factory=list)

    def context(self, context_id: int) -> PresentationContext | None:
        """Return the presentation context with this id, if there is one."""
        for context in self.presentation_contexts:
            if context.context_id == context_id:
                return context
        return None


# -- decoding ----------------------------------------------------------------------------------


def decode_associate(pdu: bytes, limits: Limits) -> Associate:
    """Decode an A-ASSOCIATE-RQ or -AC (PS3.8 sections 9.3.2 and 9.3.3).

    Parameters
    ----------
    pdu : bytes
        The whole PDU with its 6-byte header.
    limits : Limits
        Bounds the length of the PDU and the number of its items.

    Raises
    ------
    ProtocolError
        Whatever the bytes are, nothing else; with the reason of the A-ABORT to answer.
    """
    checked = check_associate(pdu, limits)
    try:
        associate = _decode_checked(checked.pdu, checked.is_request)
    except Exception as error:
        raise ProtocolError(
            f"The A-ASSOCIATE PDU cannot be decoded: {type(error).__name__}: {error!s:.200}",
            AbortReason.INVALID_PDU_PARAMETER_VALUE,
        ) from error
    associate.called_ae_title = checked.called_ae_title
    associate.calling_ae_title = checked.calling_ae_title
    associate.user_items = [UserItem(*item) for item in checked.user_items]
    return associate


def _decode_checked(pdu: bytes, is_request: bool) -> Associate:
    codec = codecs.A_ASSOCIATE_RQ() if is_request else codecs.A_ASSOCIATE_AC()
    codec.decode(pdu)
    associate = Associate(
        is_request,
        codec.protocol_version,
        application_context=str(codec.application_context_name),
        presentation_contexts=[_decode_context(item) for item in codec.presentation_context],
    )
    _decode_user_information(codec.user_information, associate)
    return associate


def _decode_context(item: Any) -> PresentationContext:
    if isinstance(item, pdu_items.PresentationContextItemRQ):
        return PresentationContext(
            item.presentation_context_id or 0,
            str(item.abstract_syntax),
            [str(uid) for uid in item.transfer_syntax],
        )
    return PresentationContext(
        item.presentation_context_id,
        transfer_syntaxes=[str(item.transfer_syntax)] if item.transfer_syntax else [],
        result=item.result,
    )


def _decode_user_information(information: Any, associate: Associate) -> None:
    associate.maximum_length = information.maximum_length
    if information.implementation_class_uid is not None:
        associate.implementation_class_uid = str(information.implementation_class_uid)
    associate.implementation_version_name = information.implementation_version_name
    if (window := information.async_ops_window) is not None:
        associate.asynchronous_operations = (
            window.max_operations_invoked,
            window.max_operations_performed,
        )
    for uid, role in information.role_selection.items():
        associate.roles[str(uid)] = (bool(role.scu_role), bool(role.scp_role))
    for item in information.ext_neg:
        associate.extended_negotiation[str(item.uid)] = item.app_info


# -- encoding ----------------------------------------------------------------------------------


def encode_associate(associate: Associate) -> bytes:
    """Encode an A-ASSOCIATE-RQ or -AC, header included.

    Raises
    ------
    ParameterError
        The contents break PS3.8 or do not fit into the PDU; says which.
    """
    try:
        return _encode(associate)
    except ParameterError:
        raise
    except Exception as error:
        raise ParameterError(
            f"The A-ASSOCIATE PDU cannot be encoded: {error}.  Check that every number fits "
            "its field: 16 bits for the version and the operations window, 32 for the "
            "maximum length."
        ) from error


def _encode(associate: Associate) -> bytes:
    called, calling = associate.called_ae_title, associate.calling_ae_title
    for title, name in ((called, "called"), (calling, "calling")):
        # An acceptor returns what it received, and that need not have been an AE title.
        if not is_ae_title(title) and (title or associate.is_request):
            raise ParameterError(
                f"The {name} AE title is {title!r}, but must have 1 to 16 ASCII characters, "
                "not only spaces, no control characters and no backslash (PS3.8 Table 9-11)."
            )
    codec: Any
    if associate.is_request:
        codec = codecs.A_ASSOCIATE_RQ()
        codec.called_ae_title, codec.calling_ae_title = called, calling
    else:
        codec = codecs.A_ASSOCIATE_AC()
        codec.reserved_aet, codec.reserved_aec = called, calling
    codec.protocol_version = associate.protocol_version
    application_context = pdu_items.ApplicationContextItem()
    application_context.application_context_name = _uid(
        associate.application_context, "application context"
    )
    codec.variable_items = [
        application_context,
        *_encode_contexts(associate),
        _encode_user_information(associate),
    ]
    for item in codec.variable_items:
        _check_length(item.item_length, type(item).__name__)
    return bytes(codec.encode())


def _encode_contexts(associate: Associate) -> list[Any]:
    ids = [context.context_id for context in associate.presentation_contexts]
    if not ids:
        raise ParameterError("An association needs at least one presentation context.")
    if len(set(ids)) < len(ids) or not all(i in range(1, 256, 2) for i in ids):
        raise ParameterError(
            f"The presentation context ids are {ids}, but must be odd, 1 to 255, and "
            "different (PS3.8 section 9.3.2.2)."
        )
    encode = _encode_offer if associate.is_request else _encode_answer
    return [encode(context) for context in associate.presentation_contexts]


def _encode_offer(context: PresentationContext) -> pdu_items.PresentationContextItemRQ:
    if not context.transfer_syntaxes:
        raise ParameterError(
            f"Presentation context {context.context_id} offers no transfer syntax; add one."
        )
    abstract_syntax = pdu_items.AbstractSyntaxSubItem()
    abstract_syntax.abstract_syntax_name = _uid(
        context.abstract_syntax, f"abstract syntax of context {context.context_id}"
    )
    item = pdu_items.PresentationContextItemRQ()
    item.presentation_context_id = context.context_id
    item.abstract_transfer_syntax_sub_items = [
        abstract_syntax,
        *(_encode_transfer_syntax(context, uid) for uid in context.transfer_syntaxes),
    ]
    return item


def _encode_answer(context: PresentationContext) -> pdu_items.PresentationContextItemAC:
    syntaxes = context.transfer_syntaxes
    if context.result not in range(5):
        raise ParameterError(
            f"Presentation context {context.context_id} has the result {context.result}, but "
            "PS3.8 Table 9-18 has 0 to 4."
        )
    if context.result != 0 and not syntaxes:
        # The sub-item must be there though it means nothing (PS3.8 section 9.3.3.2).
        syntaxes = [IMPLICIT_VR_LITTLE_ENDIAN]
    if len(syntaxes) != 1:
        raise ParameterError(
            f"Presentation context {context.context_id} answers with {len(syntaxes)} transfer "
            "syntaxes, but must name the one that was accepted."
        )
    item = pdu_items.PresentationContextItemAC()
    item.presentation_context_id = context.context_id
    item.result_reason = context.result
    item.transfer_syntax_sub_item = [_encode_transfer_syntax(context, syntaxes[0])]
    return item


def _encode_transfer_syntax(context: PresentationContext, uid: str) -> Any:
    item = pdu_items.TransferSyntaxSubItem()
    item.transfer_syntax_name = _uid(uid, f"transfer syntax of context {context.context_id}")
    return item


def _encode_user_information(associate: Associate) -> Any:
    items: list[Any] = []
    if associate.maximum_length is not None:
        items.append(pdu_items.MaximumLengthSubItem())
        items[-1].maximum_length_received = associate.maximum_length
    if associate.implementation_class_uid is not None:
        items.append(pdu_items.ImplementationClassUIDSubItem())
        items[-1].implementation_class_uid = _uid(
            associate.implementation_class_uid, "implementation class"
        )
    if associate.asynchronous_operations is not None:
        invoked, performed = associate.asynchronous_operations
        items.append(pdu_items.AsynchronousOperationsWindowSubItem())
        items[-1].maximum_number_operations_invoked = invoked
        items[-1].maximum_number_operations_performed = performed
    items += (_encode_role(uid, *roles) for uid, roles in associate.roles.items())
    if (name := associate.implementation_version_name) is not None:
        if not is_version_name(name):
            raise ParameterError(
                f"The implementation version name is {name!r}, but must have 1 to 16 ASCII "
                "characters without control characters (PS3.7 D.3.3.2.3)."
            )
        items.append(pdu_items.ImplementationVersionNameSubItem())
        items[-1].implementation_version_name = name
    items += (_encode_extension(*pair) for pair in associate.extended_negotiation.items())
    items += (_RawItem(item) for item in associate.user_items)
    information = pdu_items.UserInformationItem()
    information.user_data = items
    return information


def _encode_role(uid: str, scu: bool, scp: bool) -> pdu_items.SCP_SCU_RoleSelectionSubItem:
    item = pdu_items.SCP_SCU_RoleSelectionSubItem()
    item.sop_class_uid = _uid(uid, "SOP class of a role selection")
    item.scu_role, item.scp_role = int(scu), int(scp)
    return item


def _encode_extension(uid: str, data: bytes) -> pdu_items.SOPClassExtendedNegotiationSubItem:
    item = pdu_items.SOPClassExtendedNegotiationSubItem()
    item.sop_class_uid = _uid(uid, "SOP class of an extended negotiation")
    item.service_class_application_information = data
    _check_length(item.item_length, "extended negotiation of " + uid)
    return item


class _RawItem(pdu_items.PDUItem):
    """Lets pynetdicom encode a `UserItem` as it is."""

    def __init__(self, item: UserItem) -> None:
        if item.item_type not in RAW_USER_ITEMS:
            raise ParameterError(
                f"A raw user item cannot have the type {item.item_type:02X}H; use the field "
                "that the association has for it."
            )
        _check_length(len(item.data), f"user item {item.item_type:02X}H")
        self._item = item

    @property
    def item_length(self) -> int:
        return len(self._item.data)

    def encode(self) -> bytes:
        item = self._item
        return bytes((item.item_type, 0)) + len(item.data).to_bytes(2, "big") + item.data


def _uid(text: str, name: str) -> Any:
    if not is_uid(text):
        raise ParameterError(f"The UID of the {name} is {text!r}, which PS3.5 section 9.1 forbids.")
    return text


def _check_length(length: int, name: str) -> None:
    if length > _MAXIMUM_ITEM_LENGTH:
        raise ParameterError(
            f"The {name} takes {length} bytes, but an item of an A-ASSOCIATE PDU has room for "
            f"{_MAXIMUM_ITEM_LENGTH} only."
        )
