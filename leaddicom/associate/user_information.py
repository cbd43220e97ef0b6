"""The user information of an `LDicomAssociate` (PS3.7 Annex D.3.3)."""

from __future__ import annotations

from collections.abc import Iterable

from leaddicom.associate.checks import (
    LENGTH_LEFT_OUT,
    NOT_A_UID,
    checked_index,
    checked_uid,
    checked_uint16,
    checked_user_item,
)
from leaddicom.errors import DicomErrorCode, ParameterError
from leaddicom.mirror import differs
from leaddicom.upper_layer.association import Associate, UserItem
from leaddicom.upper_layer.items import ItemType
from leaddicom.upper_layer.user_items import (
    CommonExtendedNegotiation,
    UserIdentity,
    decode_common_extended_negotiation,
    decode_user_identity,
    decode_user_identity_response,
    encode_common_extended_negotiation,
    encode_user_identity,
    encode_user_identity_response,
)
from leaddicom.values import is_version_name

__all__ = ["UserInformation"]

#: LEADTOOLS takes no smaller maximum length.
_SMALLEST_MAXIMUM_LENGTH = 8

_TYPES = (
    "Refuses the types 51H to 56H, which have members of their own, and those of items that are "
    "not user information."
)


class UserInformation:
    """Members for the user information, and for its raw items under typed names."""

    parameters: Associate

    def IsMaxLength(self) -> bool:
        """Is the maximum length there?"""
        return self.parameters.maximum_length is not None

    def GetMaxLength(self) -> int:
        """Return the longest P-DATA-TF that the sender takes, in bytes; 0 is unlimited."""
        return self.parameters.maximum_length or 0

    @differs(
        "Takes 0, which is unlimited, as well.  `LDicomNet` announces no more than "
        "`Limits.maximum_pdu_length`."
    )
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

    @differs(NOT_A_UID)
    def SetImplementClass(self, enabled: bool, uid: str) -> None:
        """Set the implementation class UID, or take it away."""
        self.parameters.implementation_class_uid = checked_uid(uid) if enabled else None

    def IsImplementVersion(self) -> bool:
        """Is the implementation version name there?"""
        return self.parameters.implementation_version_name is not None

    def GetImplementVersion(self) -> str:
        """Return the implementation version name, or an empty text."""
        return self.parameters.implementation_version_name or ""

    @differs("Refuses all but 1 to 16 printable ASCII characters without backslash.")
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
                checked_uint16(invoked, "number of invoked operations"),
                checked_uint16(performed, "number of performed operations"),
            )
        self.parameters.asynchronous_operations = window

    # -- raw user items ------------------------------------------------------------------------

    @differs(
        "Counts what no other member stands for; 51H to 56H, which have members, are not there."
    )
    def GetUserInfoCount(self) -> int:
        """Return the number of raw items: all that no other method stands for.

        Among them are user identity (58H, 59H) and common extended negotiation (57H), which
        `user_identity`, `user_identity_response` and `common_extended_negotiation` take apart.
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

    @differs(f"{_TYPES}  {LENGTH_LEFT_OUT}")
    def SetUserInfo(
        self, index: int, item_type: int, data: bytes, length: int | None = None
    ) -> None:
        """Replace a raw item; for the parameters see `AddUserInfo`."""
        items = self.parameters.user_items
        items[checked_index(items, index, "user item")] = checked_user_item(item_type, data, length)

    @differs(f"{_TYPES}  {LENGTH_LEFT_OUT}")
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
        self.parameters.user_items.append(checked_user_item(item_type, data, length))

    def DelUserInfo(self, index: int) -> None:
        """Delete a raw item."""
        items = self.parameters.user_items
        del items[checked_index(items, index, "user item")]

    # -- raw user items under typed names ------------------------------------------------------

    @property
    def user_identity(self) -> UserIdentity | None:
        """Who asks for the association (58H); setting it replaces the raw item.

        Raises
        ------
        ProtocolError
            The raw item is damaged, or there are two.
        """
        return decode_user_identity(self.parameters.user_items)

    @user_identity.setter
    def user_identity(self, identity: UserIdentity | None) -> None:
        new = [] if identity is None else [encode_user_identity(identity)]
        self._replace(ItemType.USER_IDENTITY_RQ, new)

    @property
    def user_identity_response(self) -> bytes | None:
        """Acceptor's answer to a user identity (59H); setting it replaces the raw item.

        Empty for a user name, with or without passcode; otherwise a Kerberos server ticket, a
        SAML response or a JSON Web Token (PS3.7 Table D.3-15).  An answer says that the identity
        was checked and is good; an acceptor that finds it bad rejects the association.

        Raises
        ------
        ProtocolError
            The raw item is damaged, or there are two.
        """
        return decode_user_identity_response(self.parameters.user_items)

    @user_identity_response.setter
    def user_identity_response(self, response: bytes | None) -> None:
        new = [] if response is None else [encode_user_identity_response(response)]
        self._replace(ItemType.USER_IDENTITY_AC, new)

    @property
    def common_extended_negotiation(self) -> tuple[CommonExtendedNegotiation, ...]:
        """What SOP classes are akin to (57H); setting it replaces the raw items.

        Raises
        ------
        ProtocolError
            A raw item is damaged, or there are two of a SOP class.
        """
        return decode_common_extended_negotiation(self.parameters.user_items)

    @common_extended_negotiation.setter
    def common_extended_negotiation(
        self, negotiations: Iterable[CommonExtendedNegotiation]
    ) -> None:
        new = encode_common_extended_negotiation(negotiations)
        self._replace(ItemType.COMMON_EXTENDED_NEGOTIATION, new)

    def _replace(self, item_type: int, new: list[UserItem]) -> None:
        items = self.parameters.user_items
        items[:] = [item for item in items if item.item_type != item_type] + new

    def _user_item(self, index: int) -> UserItem:
        items = self.parameters.user_items
        return items[checked_index(items, index, "user item")]
