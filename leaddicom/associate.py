"""`LDicomAssociate`: LEADTOOLS' face of the A-ASSOCIATE-RQ and -AC."""

from __future__ import annotations

from collections.abc import MutableSequence
from copy import deepcopy
from typing import TypeVar

from leaddicom.errors import DicomErrorCode, ParameterError
from leaddicom.implementation import (
    IMPLEMENTATION_CLASS_UID,
    IMPLEMENTATION_VERSION_NAME,
)
from leaddicom.limits import MAXIMUM_PDU_LENGTH
from leaddicom.upper_layer.association import (
    IMPLICIT_VR_LITTLE_ENDIAN,
    RAW_USER_ITEMS,
    Associate,
    PresentationContext,
    UserItem,
)
from leaddicom.upper_layer.items import ItemType
from leaddicom.values import is_ae_title, is_uid, is_version_name

__all__ = ["LDicomAssociate"]

_VERIFICATION = "1.2.840.10008.1.1"
_EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"

#: LEADTOOLS takes no smaller maximum length.
_SMALLEST_MAXIMUM_LENGTH = 8

#: Raw items that `AddUserInfo` refuses although they may be received raw, see `UserItem`.
_NAMED_USER_ITEMS = {ItemType.IMPLEMENTATION_CLASS_UID, ItemType.IMPLEMENTATION_VERSION_NAME}

_T = TypeVar("_T")


class LDicomAssociate:
    """Contents of an A-ASSOCIATE-RQ or -AC, as LEADTOOLS' class of that name shows them.

    Methods keep LEADTOOLS' names and order of parameters.  They raise `ParameterError` where
    LEADTOOLS returns a code, and return text and bytes where it fills buffers.

    Parameters
    ----------
    request : bool
        True for an A-ASSOCIATE-RQ, false for an A-ASSOCIATE-AC.  Nothing is filled in but the
        version and the application context; see `Default`.

    Attributes
    ----------
    parameters : leaddicom.upper_layer.association.Associate
        The same contents for Python.

    Notes
    -----
    Role selection and SOP class extended negotiation are asked for by presentation context,
    as in LEADTOOLS, but DICOM negotiates them by SOP class (PS3.7 D.3.3.4 and D.3.3.5).  So
    set the abstract syntax first; what is set for one context holds for all contexts of its
    SOP class; and it goes when the last of them goes.

    An A-ASSOCIATE-AC does not carry abstract syntaxes.  `from_parameters` takes them from the
    request, and `LDicomNet` does so for every answer that it receives.
    """

    def __init__(self, request: bool) -> None:
        self.parameters = Associate(bool(request))

    @classmethod
    def from_parameters(
        cls, parameters: Associate, request: Associate | None = None
    ) -> LDicomAssociate:
        """Wrap what was received.

        Parameters
        ----------
        parameters : Associate
            Wrapped, not copied.
        request : Associate, optional
            The request that `parameters` answer; lends them its abstract syntaxes.
        """
        associate = cls(parameters.is_request)
        associate.parameters = parameters
        for context in parameters.presentation_contexts:
            offered = request.context(context.context_id) if request else None
            if offered is not None:
                context.abstract_syntax = offered.abstract_syntax
        return associate

    # -- life ----------------------------------------------------------------------------------

    def Reset(self, request: bool) -> None:
        """Empty it, as the constructor does."""
        self.parameters = Associate(bool(request))

    def Default(self) -> None:
        """Empty it and fill in our defaults.

        They are our maximum length and our implementation's class UID and version name.  A
        request also offers the Verification SOP class with Implicit and Explicit VR Little
        Endian; an answer cannot know what was offered.
        """
        self.Reset(self.parameters.is_request)
        self.parameters.maximum_length = MAXIMUM_PDU_LENGTH
        self.parameters.implementation_class_uid = IMPLEMENTATION_CLASS_UID
        self.parameters.implementation_version_name = IMPLEMENTATION_VERSION_NAME
        if self.parameters.is_request:
            self.AddPresentation(1, 0, _VERIFICATION)
            self.AddTransfer(1, IMPLICIT_VR_LITTLE_ENDIAN)
            self.AddTransfer(1, _EXPLICIT_VR_LITTLE_ENDIAN)

    def Clone(self) -> LDicomAssociate:
        """Return an independent copy."""
        return type(self).from_parameters(deepcopy(self.parameters))

    def IsRequest(self) -> bool:
        """Is it an A-ASSOCIATE-RQ?"""
        return self.parameters.is_request

    def SetRequest(self, request: bool) -> None:
        """Make it an A-ASSOCIATE-RQ or an A-ASSOCIATE-AC, and keep the contents."""
        self.parameters.is_request = bool(request)

    # -- header --------------------------------------------------------------------------------

    def GetVersion(self) -> int:
        """Return the protocol version, one bit for each (PS3.8 Table 9-11)."""
        return self.parameters.protocol_version

    def SetVersion(self, version: int) -> None:
        """Set the protocol version, 16 bits; DICOM has version 1 only."""
        self.parameters.protocol_version = _uint16(version, "protocol version")

    def GetCalled(self) -> str:
        """Return the called AE title."""
        return self.parameters.called_ae_title

    def SetCalled(self, called: str) -> None:
        """Set the called AE title: up to 16 characters."""
        self.parameters.called_ae_title = _ae_title(called)

    def GetCalling(self) -> str:
        """Return the calling AE title."""
        return self.parameters.calling_ae_title

    def SetCalling(self, calling: str) -> None:
        """Set the calling AE title: up to 16 characters."""
        self.parameters.calling_ae_title = _ae_title(calling)

    def GetApplication(self) -> str:
        """Return the application context UID."""
        return self.parameters.application_context

    def SetApplication(self, uid: str) -> None:
        """Set the application context UID."""
        self.parameters.application_context = _uid(uid)

    # -- presentation contexts -----------------------------------------------------------------

    def GetPresentationCount(self) -> int:
        """Return the number of presentation contexts."""
        return len(self.parameters.presentation_contexts)

    def GetPresentation(self, index: int) -> int:
        """Return the id of the context at `index`, counted from 0."""
        contexts = self.parameters.presentation_contexts
        return contexts[_index(contexts, index, "presentation context")].context_id

    def SetPresentation(self, index: int, presentation_id: int) -> None:
        """Give the context at `index` another id."""
        contexts = self.parameters.presentation_contexts
        context = contexts[_index(contexts, index, "presentation context")]
        if context.context_id != presentation_id:
            context.context_id = self._free_id(presentation_id)

    def AddPresentation(self, presentation_id: int, result: int, abstract_uid: str) -> None:
        """Add a presentation context, without transfer syntaxes.

        Parameters
        ----------
        presentation_id : int
            Odd, 1 to 255; LEADTOOLS leaves that to the caller, we check it.
        result : int
            `ContextResult`; of no meaning in a request.
        abstract_uid : str
            UID of the SOP class.
        """
        context = PresentationContext(
            self._free_id(presentation_id), _uid(abstract_uid), result=_result(result)
        )
        self.parameters.presentation_contexts.append(context)

    def DelPresentation(self, presentation_id: int) -> None:
        """Delete a presentation context."""
        context = self._context(presentation_id)
        self.parameters.presentation_contexts.remove(context)
        self._forget(context.abstract_syntax)

    def GetResult(self, presentation_id: int) -> int:
        """Return the result of a context (`ContextResult`)."""
        return self._context(presentation_id).result

    def SetResult(self, presentation_id: int, result: int) -> None:
        """Set the result of a context (`ContextResult`)."""
        self._context(presentation_id).result = _result(result)

    def GetAbstract(self, presentation_id: int) -> str:
        """Return the abstract syntax UID of a context."""
        return self._context(presentation_id).abstract_syntax

    def SetAbstract(self, presentation_id: int, uid: str) -> None:
        """Set the abstract syntax UID of a context."""
        context = self._context(presentation_id)
        previous, context.abstract_syntax = context.abstract_syntax, _uid(uid)
        self._forget(previous)

    def FindAbstract(self, uid: str) -> int:
        """Return the id of the first context with this abstract syntax, 0 if there is none."""
        return next(iter(self._ids_of(uid)), 0)

    def FindNextAbstract(self, presentation_id: int, uid: str) -> int:
        """Return the id of the next context with this abstract syntax, 0 if there is none.

        Parameters
        ----------
        presentation_id : int
            Where the search begins; this context itself is left out.
        uid : str
            The abstract syntax.
        """
        contexts = self.parameters.presentation_contexts
        start = contexts.index(self._context(presentation_id)) + 1
        later = {context.context_id for context in contexts[start:]}
        return next((found for found in self._ids_of(uid) if found in later), 0)

    def GetAbstractCount(self, uid: str) -> int:
        """Return the number of contexts with this abstract syntax."""
        return len(self._ids_of(uid))

    # -- transfer syntaxes ---------------------------------------------------------------------

    def GetTransferCount(self, presentation_id: int) -> int:
        """Return the number of transfer syntaxes of a context."""
        return len(self._context(presentation_id).transfer_syntaxes)

    def GetTransfer(self, presentation_id: int, index: int) -> str:
        """Return a transfer syntax UID of a context; `index` counts from 0."""
        syntaxes = self._context(presentation_id).transfer_syntaxes
        return syntaxes[_index(syntaxes, index, "transfer syntax")]

    def SetTransfer(self, presentation_id: int, index: int, uid: str) -> None:
        """Replace a transfer syntax UID of a context."""
        syntaxes = self._context(presentation_id).transfer_syntaxes
        syntaxes[_index(syntaxes, index, "transfer syntax")] = _uid(uid)

    def AddTransfer(self, presentation_id: int, uid: str) -> None:
        """Add a transfer syntax UID to a context; earlier ones are preferred.

        An answer names one only, the accepted one.
        """
        self._context(presentation_id).transfer_syntaxes.append(_uid(uid))

    def DelTransfer(self, presentation_id: int, index: int) -> None:
        """Delete a transfer syntax of a context."""
        syntaxes = self._context(presentation_id).transfer_syntaxes
        del syntaxes[_index(syntaxes, index, "transfer syntax")]

    # -- role selection and extended negotiation, see the notes on the class -------------------

    def IsRoleSelect(self, presentation_id: int) -> bool:
        """Is there a role selection for the SOP class of this context?"""
        return self._context(presentation_id).abstract_syntax in self.parameters.roles

    def GetUserRole(self, presentation_id: int) -> int:
        """Return 1 if the requestor may be the SCU, else 0.

        Without role selection it is 1, DICOM's default (PS3.7 D.3.3.4).
        """
        return int(self._roles(presentation_id)[0])

    def GetProviderRole(self, presentation_id: int) -> int:
        """Return 1 if the requestor may be the SCP, else 0; without role selection 0."""
        return int(self._roles(presentation_id)[1])

    def SetRoleSelect(self, presentation_id: int, enabled: bool, user: int, provider: int) -> None:
        """Ask for roles of the requestor, or answer what it asked for.

        Holds for *all* contexts of the SOP class of this one: the item that is sent names the
        SOP class.  An answer to what was not asked for has no effect.

        Parameters
        ----------
        presentation_id : int
            A context of the SOP class.
        enabled : bool
            False removes the role selection; the rest is of no meaning then.
        user, provider : int
            1 if the requestor is to be SCU, SCP; 0 if not.
        """
        uid = self._sop_class(presentation_id)
        if not enabled:
            self.parameters.roles.pop(uid, None)
        elif user in (0, 1) and provider in (0, 1):
            self.parameters.roles[uid] = (bool(user), bool(provider))
        else:
            raise ParameterError(f"The roles are {user!r} and {provider!r}, but must be 0 or 1.")

    def GetLengthExtended(self, presentation_id: int) -> int:
        """Return the length of the extended negotiation data of this SOP class, in bytes."""
        return len(self.GetExtended(presentation_id))

    def GetExtended(self, presentation_id: int) -> bytes:
        """Return the extended negotiation data of the SOP class of this context, or ``b""``."""
        uid = self._context(presentation_id).abstract_syntax
        return self.parameters.extended_negotiation.get(uid, b"")

    def SetExtended(self, presentation_id: int, data: bytes, length: int | None = None) -> None:
        """Set the extended negotiation data of the SOP class of this context.

        Parameters
        ----------
        presentation_id : int
            A context of the SOP class.
        data : bytes
            Service class application information; nothing removes the negotiation.
        length : int, optional
            How many bytes of `data` to take; all if left out.
        """
        uid = self._sop_class(presentation_id)
        value = _bytes(data, length)
        if value:
            self.parameters.extended_negotiation[uid] = value
        else:
            self.parameters.extended_negotiation.pop(uid, None)

    # -- user information ----------------------------------------------------------------------

    def IsMaxLength(self) -> bool:
        """Is the maximum length there?"""
        return self.parameters.maximum_length is not None

    def GetMaxLength(self) -> int:
        """Return the longest P-DATA-TF that the sender takes, in bytes; 0 is unlimited."""
        return self.parameters.maximum_length or 0

    def SetMaxLength(self, enabled: bool, max_length: int) -> None:
        """Set the maximum length in bytes: at least 8, or 0 for unlimited (PS3.8 D.1.1)."""
        if enabled and not (
            max_length == 0 or _SMALLEST_MAXIMUM_LENGTH <= max_length <= 0xFFFFFFFF
        ):
            raise ParameterError(
                f"The maximum length is {max_length}, but must be 0 (unlimited) or at least "
                f"{_SMALLEST_MAXIMUM_LENGTH} and fit into 32 bits.",
                DicomErrorCode.RANGE,
            )
        self.parameters.maximum_length = max_length if enabled else None

    def IsImplementClass(self) -> bool:
        """Is the implementation class UID there?"""
        return self.parameters.implementation_class_uid is not None

    def GetImplementClass(self) -> str:
        """Return the implementation class UID, or an empty text."""
        return self.parameters.implementation_class_uid or ""

    def SetImplementClass(self, enabled: bool, uid: str) -> None:
        """Set the implementation class UID, or take it away."""
        self.parameters.implementation_class_uid = _uid(uid) if enabled else None

    def IsImplementVersion(self) -> bool:
        """Is the implementation version name there?"""
        return self.parameters.implementation_version_name is not None

    def GetImplementVersion(self) -> str:
        """Return the implementation version name, or an empty text."""
        return self.parameters.implementation_version_name or ""

    def SetImplementVersion(self, enabled: bool, version: str) -> None:
        """Set the implementation version name, 1 to 16 characters, or take it away."""
        if enabled and not is_version_name(version):
            raise ParameterError(
                f"The implementation version name is {version!r}, but must have 1 to 16 ASCII "
                "characters, no control characters and no backslash."
            )
        self.parameters.implementation_version_name = version if enabled else None

    def IsAsyncOperations(self) -> bool:
        """Is an asynchronous operations window there?"""
        return self.parameters.asynchronous_operations is not None

    def GetInvokedOperations(self) -> int:
        """Return how many operations the sender may invoke at a time; 0 is unlimited.

        Without a window it is 1 (PS3.7 D.3.3.3).
        """
        return (self.parameters.asynchronous_operations or (1, 1))[0]

    def GetPerformedOperations(self) -> int:
        """Return how many operations the sender may perform at a time; 0 is unlimited."""
        return (self.parameters.asynchronous_operations or (1, 1))[1]

    def SetAsyncOperations(self, enabled: bool, invoked: int, performed: int) -> None:
        """Set the asynchronous operations window, or take it away; 0 is unlimited."""
        window = None
        if enabled:
            window = (
                _uint16(invoked, "number of invoked operations"),
                _uint16(performed, "number of performed operations"),
            )
        self.parameters.asynchronous_operations = window

    # -- raw user items ------------------------------------------------------------------------

    def GetUserInfoCount(self) -> int:
        """Return the number of raw items: all that no other method stands for.

        Among them are user identity (58H, 59H) and common extended negotiation (57H).
        """
        return len(self.parameters.user_items)

    def GetTypeUserInfo(self, index: int) -> int:
        """Return the type of a raw item; `index` counts from 0."""
        return self._user_item(index).item_type

    def GetLengthUserInfo(self, index: int) -> int:
        """Return the length of a raw item's data in bytes."""
        return len(self._user_item(index).data)

    def GetDataUserInfo(self, index: int) -> bytes:
        """Return the data of a raw item: what follows its 4-byte header."""
        return self._user_item(index).data

    def SetUserInfo(
        self, index: int, item_type: int, data: bytes, length: int | None = None
    ) -> None:
        """Replace a raw item; for the parameters see `AddUserInfo`."""
        items = self.parameters.user_items
        items[_index(items, index, "user item")] = _new_user_item(item_type, data, length)

    def AddUserInfo(self, item_type: int, data: bytes, length: int | None = None) -> None:
        """Add a raw item.

        Parameters
        ----------
        item_type : int
            57H to 59H, or one that the standard does not know.  The others have methods.
        data : bytes
            What follows the 4-byte header: at most 65,535 bytes.
        length : int, optional
            How many bytes of `data` to take; all if left out.
        """
        self.parameters.user_items.append(_new_user_item(item_type, data, length))

    def DelUserInfo(self, index: int) -> None:
        """Delete a raw item."""
        items = self.parameters.user_items
        del items[_index(items, index, "user item")]

    # -- what the methods share ----------------------------------------------------------------

    def _context(self, presentation_id: int) -> PresentationContext:
        context = self.parameters.context(presentation_id)
        if context is None:
            ids = [known.context_id for known in self.parameters.presentation_contexts]
            raise ParameterError(
                f"There is no presentation context {presentation_id!r}; there are {ids}.",
                DicomErrorCode.PDU_ID,
            )
        return context

    def _ids_of(self, uid: str) -> list[int]:
        contexts = self.parameters.presentation_contexts
        return [context.context_id for context in contexts if context.abstract_syntax == uid]

    def _free_id(self, presentation_id: int) -> int:
        if presentation_id not in range(1, 256, 2) or self.parameters.context(presentation_id):
            raise ParameterError(
                f"The presentation context id is {presentation_id!r}, but must be odd, 1 to "
                "255, and not in use (PS3.8 section 9.3.2.2).",
                DicomErrorCode.PDU_ID,
            )
        return presentation_id

    def _sop_class(self, presentation_id: int) -> str:
        uid = self._context(presentation_id).abstract_syntax
        if not uid:
            raise ParameterError(
                f"Presentation context {presentation_id} names no abstract syntax, and this is "
                "negotiated by SOP class; call SetAbstract first."
            )
        return uid

    def _roles(self, presentation_id: int) -> tuple[bool, bool]:
        uid = self._context(presentation_id).abstract_syntax
        return self.parameters.roles.get(uid, (True, False))

    def _forget(self, uid: str) -> None:
        """Drop what was negotiated for a SOP class that no context names any more."""
        if not self._ids_of(uid):
            self.parameters.roles.pop(uid, None)
            self.parameters.extended_negotiation.pop(uid, None)

    def _user_item(self, index: int) -> UserItem:
        items = self.parameters.user_items
        return items[_index(items, index, "user item")]


def _index(items: MutableSequence[_T], index: int, name: str) -> int:
    if not 0 <= index < len(items):
        raise ParameterError(
            f"There is no {name} at index {index}; there are {len(items)}.", DicomErrorCode.RANGE
        )
    return index


def _uint16(value: int, name: str) -> int:
    if value not in range(0x10000):
        raise ParameterError(
            f"The {name} is {value!r}, but must fit into 16 bits.", DicomErrorCode.RANGE
        )
    return value


def _uid(uid: str) -> str:
    if not is_uid(uid):
        raise ParameterError(
            f"{uid!r} is not a UID: up to 64 characters, numbers without leading zeros joined "
            "by dots (PS3.5 section 9.1)."
        )
    return uid


def _ae_title(title: str) -> str:
    stripped = title.strip(" ")
    if not is_ae_title(stripped):
        raise ParameterError(
            f"{title!r} is not an AE title: 1 to 16 ASCII characters, not only spaces, no "
            "control characters and no backslash."
        )
    return stripped


def _result(result: int) -> int:
    if result not in range(5):
        raise ParameterError(
            f"The result of a presentation context is {result!r}, but PS3.8 Table 9-18 has 0 to 4.",
            DicomErrorCode.RANGE,
        )
    return result


def _bytes(data: bytes, length: int | None) -> bytes:
    value = bytes(data)
    if length is None:
        length = len(value)
    if not 0 <= length <= min(len(value), 0xFFFF):
        raise ParameterError(
            f"The length is {length}, but there are {len(value)} bytes and a sub-item has room "
            "for 65535.",
            DicomErrorCode.RANGE,
        )
    return value[:length]


def _new_user_item(item_type: int, data: bytes, length: int | None) -> UserItem:
    if item_type not in RAW_USER_ITEMS - _NAMED_USER_ITEMS:
        raise ParameterError(
            f"A raw user item cannot have the type {item_type!r}; for 51H to 56H use the method "
            "of the item, such as SetMaxLength or SetRoleSelect."
        )
    return UserItem(item_type, _bytes(data, length))
