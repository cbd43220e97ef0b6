"""What the setters of `LDicomAssociate` refuse."""

from __future__ import annotations

from collections.abc import Sequence

from leaddicom.errors import DicomErrorCode, ParameterError
from leaddicom.upper_layer.association import RAW_USER_ITEMS, UserItem
from leaddicom.upper_layer.items import ItemType
from leaddicom.values import check_ae_title, is_uid

__all__ = [
    "BY_SOP_CLASS",
    "LENGTH_LEFT_OUT",
    "NOT_A_UID",
    "checked_ae_title",
    "checked_index",
    "checked_result",
    "checked_uid",
    "checked_uint16",
    "checked_user_item",
    "cut",
]

#: Raw items that `AddUserInfo` refuses although they may be received raw, see `UserItem`.
_NAMED_USER_ITEMS = {ItemType.IMPLEMENTATION_CLASS_UID, ItemType.IMPLEMENTATION_VERSION_NAME}

# Notes for `leaddicom.mirror.differs`.
LENGTH_LEFT_OUT = "`length` may be left out."
NOT_A_UID = "Refuses what is not a UID (PS3.5 section 9.1)."
BY_SOP_CLASS = (
    "Holds for all presentation contexts of the SOP class, because DICOM negotiates it by SOP "
    "class; LEADTOOLS keeps it by presentation context."
)


def checked_index(items: Sequence[object], index: int, name: str) -> int:
    """Refuse an index at which there is nothing."""
    if not 0 <= index < len(items):
        raise ParameterError(
            f"There is no {name} at index {index}; there are {len(items)}.", DicomErrorCode.RANGE
        )
    return index


def checked_uint16(value: int, name: str) -> int:
    """Refuse what does not fit into 16 bits."""
    if value not in range(0x10000):
        raise ParameterError(
            f"The {name} is {value!r}, but must fit into 16 bits.", DicomErrorCode.RANGE
        )
    return value


def checked_uid(uid: str) -> str:
    """Refuse what is not a UID."""
    if not is_uid(uid):
        raise ParameterError(
            f"{uid!r} is not a UID: up to 64 characters, numbers without leading zeros joined "
            "by dots (PS3.5 section 9.1)."
        )
    return uid


def checked_ae_title(title: str) -> str:
    """Refuse what is not an AE title, and take its padding away."""
    stripped = title.strip(" ")
    check_ae_title(stripped)
    return stripped


def checked_result(result: int) -> int:
    """Refuse what is not the result of a presentation context."""
    if result not in range(5):
        raise ParameterError(
            f"The result of a presentation context is {result!r}, but PS3.8 Table 9-18 has 0 to 4.",
            DicomErrorCode.RANGE,
        )
    return result


def cut(data: bytes, length: int | None) -> bytes:
    """Give the first `length` bytes, or all; refuse what a sub-item has no room for."""
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


def checked_user_item(item_type: int, data: bytes, length: int | None) -> UserItem:
    """Make a raw item; refuse the types that have methods."""
    if item_type not in RAW_USER_ITEMS - _NAMED_USER_ITEMS:
        raise ParameterError(
            f"A raw user item cannot have the type {item_type!r}; for 51H to 56H use the method "
            "of the item, such as SetMaxLength or SetRoleSelect."
        )
    return UserItem(item_type, cut(data, length))
