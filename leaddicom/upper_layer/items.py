"""The flat pass over a received A-ASSOCIATE-RQ or -AC (PS3.8 sections 9.3.2 and 9.3.3).

It comes before any decoding, because the decoder trusts every length field and spends time
and memory on every item.  It checks all lengths and values and counts all items, and writes
the PDU anew without what need not be decoded:

* items and sub-items of unknown type, which PS3.8 section 9.3.1 bids us skip;
* user information that travels as raw bytes (it is handed out beside the PDU);
* what an acceptor "shall not test": the reserved AE titles of an A-ASSOCIATE-AC and the
  transfer syntax of a rejected context.

A known item in the wrong place, or once too often, is an unexpected parameter; one that is
missing or has a wrong length or value is an invalid one (PS3.8 Table 9-26).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from struct import Struct
from typing import NoReturn

from leaddicom.enums import AbortReason, PduType
from leaddicom.errors import DicomErrorCode, ProtocolError
from leaddicom.limits import Limits
from leaddicom.values import is_ae_title, is_uid, is_version_name

__all__ = ["CheckedAssociate", "ItemType", "check_associate"]


class ItemType(IntEnum):
    """Items and sub-items of A-ASSOCIATE PDUs (PS3.8 section 9.3, PS3.7 Annex D.3.3)."""

    APPLICATION_CONTEXT = 0x10
    PRESENTATION_CONTEXT_RQ = 0x20
    PRESENTATION_CONTEXT_AC = 0x21
    ABSTRACT_SYNTAX = 0x30
    TRANSFER_SYNTAX = 0x40
    USER_INFORMATION = 0x50
    MAXIMUM_LENGTH = 0x51
    IMPLEMENTATION_CLASS_UID = 0x52
    ASYNCHRONOUS_OPERATIONS = 0x53
    ROLE_SELECTION = 0x54
    IMPLEMENTATION_VERSION_NAME = 0x55
    EXTENDED_NEGOTIATION = 0x56
    COMMON_EXTENDED_NEGOTIATION = 0x57
    USER_IDENTITY_RQ = 0x58
    USER_IDENTITY_AC = 0x59


@dataclass(frozen=True, slots=True)
class CheckedAssociate:
    """A PDU that passed.

    Attributes
    ----------
    is_request : bool
        A-ASSOCIATE-RQ or -AC.
    pdu : bytes
        The PDU, written anew with what there is to decode.
    called_ae_title, calling_ae_title : str
        Without padding.  Empty in an A-ASSOCIATE-AC whose reserved fields hold no AE titles.
    user_items : list of tuple of int and bytes
        Type and value of the user information sub-items that were set aside.
    """

    is_request: bool
    pdu: bytes
    called_ae_title: str
    calling_ae_title: str
    user_items: list[tuple[int, bytes]]


_PDU_HEADER = Struct(">BxL")
_FIXED_FIELDS = Struct(">BxLH2x16s16s32x")
_ITEM_HEADER = Struct(">BxH")
_UINT16 = Struct(">H")

#: What an A-ASSOCIATE-AC's fields are blanked with, and AE titles padded.
_SPACES = b" " * 16

#: User information that may be there once at most (PS3.7 D.3.3.1 to D.3.3.3 and D.3.3.7).
_SINGLE_USER_ITEMS = frozenset(
    {
        ItemType.MAXIMUM_LENGTH,
        ItemType.IMPLEMENTATION_CLASS_UID,
        ItemType.ASYNCHRONOUS_OPERATIONS,
        ItemType.IMPLEMENTATION_VERSION_NAME,
        ItemType.USER_IDENTITY_RQ,
        ItemType.USER_IDENTITY_AC,
    }
)
_KNOWN_TYPES = frozenset(ItemType)
_USER_TYPES = frozenset(item for item in ItemType if item > ItemType.USER_INFORMATION)


def check_associate(pdu: bytes, limits: Limits) -> CheckedAssociate:
    """Check every length, count and value of an A-ASSOCIATE-RQ or -AC.

    Parameters
    ----------
    pdu : bytes
        The whole PDU with its 6-byte header.
    limits : Limits
        Bounds the length of the PDU and the number of its items.

    Raises
    ------
    ProtocolError
        With the reason of the A-ABORT that answers it.
    """
    is_request = _check_header(pdu, limits)
    _, _, version, called, calling = _FIXED_FIELDS.unpack_from(pdu)
    flat_pass = _FlatPass(is_request, limits)
    titles = flat_pass.ae_title(called, "called"), flat_pass.ae_title(calling, "calling")
    items = flat_pass.variable_items(pdu[_FIXED_FIELDS.size :])
    # What the reserved fields of an A-ASSOCIATE-AC hold "shall not be tested" (Table 9-17).
    fields = [title.encode("ascii").ljust(16) if is_request else _SPACES for title in titles]
    length = _FIXED_FIELDS.size - _PDU_HEADER.size + len(items)
    head = _FIXED_FIELDS.pack(pdu[0], length, version, *fields)
    return CheckedAssociate(is_request, head + items, *titles, flat_pass.user_items)


def _check_header(pdu: bytes, limits: Limits) -> bool:
    """Return whether it is a request."""
    if len(pdu) < _PDU_HEADER.size or pdu[0] not in (
        PduType.ASSOCIATE_REQUEST,
        PduType.ASSOCIATE_ACCEPT,
    ):
        raise ProtocolError(
            f"A PDU that begins with {pdu[:6]!r} is neither an A-ASSOCIATE-RQ nor an "
            "A-ASSOCIATE-AC.",
            AbortReason.UNRECOGNIZED_PDU,
        )
    pdu_type, length = _PDU_HEADER.unpack_from(pdu)
    if length != len(pdu) - _PDU_HEADER.size or len(pdu) < _FIXED_FIELDS.size:
        raise ProtocolError(
            f"The A-ASSOCIATE PDU announces {length} bytes and has {len(pdu) - 6}; its fixed "
            f"fields alone take {_FIXED_FIELDS.size - 6}.",
            AbortReason.INVALID_PDU_PARAMETER_VALUE,
            DicomErrorCode.PDU_LENGTH,
        )
    if length > limits.associate_pdu_length:
        raise ProtocolError(
            f"The A-ASSOCIATE PDU has {length} bytes; Limits.associate_pdu_length allows "
            f"{limits.associate_pdu_length}.",
            AbortReason.NOT_SPECIFIED,
            DicomErrorCode.PDU_LENGTH,
        )
    return bool(pdu_type == PduType.ASSOCIATE_REQUEST)


class _FlatPass:
    """One pass: what was seen so far, and one method per kind of item.

    The methods take the value of an item and return the item to decode, with its header.
    """

    def __init__(self, is_request: bool, limits: Limits) -> None:
        self.user_items: list[tuple[int, bytes]] = []
        self._name = "A-ASSOCIATE-RQ" if is_request else "A-ASSOCIATE-AC"
        self._is_request = is_request
        self._limits = limits
        self._items = 0
        self._context_ids: set[int] = set()
        self._seen: set[tuple[int, bytes]] = set()
        self._roles: dict[bytes, bytes] = {}

    # -- the three levels --------------------------------------------------------------------

    def variable_items(self, data: bytes) -> bytes:
        clean = bytearray()
        context_type = (
            ItemType.PRESENTATION_CONTEXT_RQ
            if self._is_request
            else ItemType.PRESENTATION_CONTEXT_AC
        )
        for item_type, value in self._split(data, "PDU"):
            if item_type == ItemType.APPLICATION_CONTEXT:
                self._once(item_type)
                clean += _item(item_type, self._uid(value, "application context name"))
            elif item_type == context_type:
                clean += _item(item_type, self._context(value))
            elif item_type == ItemType.USER_INFORMATION:
                self._once(item_type)
                clean += _item(item_type, self._user_information(value))
            else:
                self._skip_unknown(item_type, "the PDU")
        for item_type in (ItemType.APPLICATION_CONTEXT, ItemType.USER_INFORMATION):
            if (item_type, b"") not in self._seen:
                self._invalid(f"has no {_words(item_type)} item")
        if not self._context_ids:
            self._invalid("has no presentation context")
        return bytes(clean)

    def _context(self, value: bytes) -> bytes:
        if len(value) < 4:
            self._invalid(f"has a presentation context item of {len(value)} bytes")
        context_id, _, result, _ = value[:4]
        if len(self._context_ids) == self._limits.presentation_contexts:
            self._beyond("presentation contexts", self._limits.presentation_contexts)
        if context_id % 2 == 0:
            self._invalid(f"has a presentation context with the even id {context_id}")
        if context_id in self._context_ids:
            self._unexpected(f"repeats the presentation context id {context_id}")
        self._context_ids.add(context_id)
        if self._is_request:
            return value[:4] + self._offered_syntaxes(context_id, value[4:])
        if result != 0:
            # The transfer syntax "is not significant" then (PS3.8 section 9.3.3.2), and
            # acceptors put anything there, also nothing at all.
            return value[:4]
        return value[:4] + self._accepted_syntax(context_id, value[4:])

    def _user_information(self, data: bytes) -> bytes:
        clean = bytearray()
        for item_type, value in self._split(data, "user information item"):
            if item_type in _SINGLE_USER_ITEMS:
                self._once(item_type)
            if item_type in _USER_TYPES:
                clean += self._user_item(item_type, value)
            else:
                self._skip_unknown(item_type, "user information")
                self.user_items.append((item_type, value))
        return bytes(clean)

    # -- presentation contexts ---------------------------------------------------------------

    def _offered_syntaxes(self, context_id: int, data: bytes) -> bytes:
        abstract: bytes | None = None
        transfer: list[bytes] = []
        for item_type, value in self._split(data, "presentation context item"):
            if item_type == ItemType.ABSTRACT_SYNTAX:
                if abstract is not None:
                    self._unexpected(f"has two abstract syntaxes in context {context_id}")
                abstract = _item(item_type, self._uid(value, "abstract syntax"))
            elif item_type == ItemType.TRANSFER_SYNTAX:
                if len(transfer) == self._limits.transfer_syntaxes:
                    self._beyond(
                        f"transfer syntaxes in context {context_id}", self._limits.transfer_syntaxes
                    )
                transfer.append(_item(item_type, self._uid(value, "transfer syntax")))
            else:
                self._skip_unknown(item_type, "a presentation context")
        if abstract is None:
            self._invalid(f"has no abstract syntax in context {context_id}")
        if not transfer:
            self._invalid(f"has no transfer syntax in context {context_id}")
        return abstract + b"".join(transfer)

    def _accepted_syntax(self, context_id: int, data: bytes) -> bytes:
        transfer = b""
        for item_type, value in self._split(data, "presentation context item"):
            if item_type != ItemType.TRANSFER_SYNTAX:
                self._skip_unknown(item_type, "an accepted presentation context")
            elif transfer:
                self._unexpected(f"has two transfer syntaxes in accepted context {context_id}")
            else:
                transfer = _item(item_type, self._uid(value, "transfer syntax"))
        if not transfer:
            self._invalid(f"has no transfer syntax in accepted context {context_id}")
        return transfer

    # -- user information --------------------------------------------------------------------

    def _user_item(self, item_type: int, value: bytes) -> bytes:
        """Return the sub-item to decode, or nothing if it was set aside."""
        if item_type in (ItemType.MAXIMUM_LENGTH, ItemType.ASYNCHRONOUS_OPERATIONS):
            if len(value) != 4:
                self._invalid(f"has a {_words(item_type)} sub-item of {len(value)} bytes, not 4")
            return _item(item_type, value)
        if item_type == ItemType.ROLE_SELECTION:
            return self._role_selection(value)
        if item_type == ItemType.EXTENDED_NEGOTIATION:
            uid, information = self._leading_uid(item_type, value)
            self._once(item_type, uid)
            return _item(item_type, _UINT16.pack(len(uid)) + uid + information)
        if item_type in (
            ItemType.IMPLEMENTATION_CLASS_UID,
            ItemType.IMPLEMENTATION_VERSION_NAME,
        ):
            text = _unpadded(value)
            is_valid = is_uid if item_type == ItemType.IMPLEMENTATION_CLASS_UID else is_version_name
            if is_valid(text.decode("latin-1")):
                return _item(item_type, text)
            # They only inform; an association must not fail for a version name that is too
            # long or a UID with a leading zero, and both are out there.
        # What is left is looked into only if somebody asks what it says: see `user_items`.
        self.user_items.append((item_type, value))
        return b""

    def _role_selection(self, value: bytes) -> bytes:
        uid, roles = self._leading_uid(ItemType.ROLE_SELECTION, value)
        if len(roles) != 2 or max(roles) > 1:
            self._invalid(f"has the roles {roles[:8]!r} in a role selection sub-item")
        if self._roles.get(uid) == roles:
            return b""  # DCMTK answers once for each presentation context of a SOP class
        self._once(ItemType.ROLE_SELECTION, uid)
        self._roles[uid] = roles
        return _item(ItemType.ROLE_SELECTION, _UINT16.pack(len(uid)) + uid + roles)

    def _leading_uid(self, item_type: int, value: bytes) -> tuple[bytes, bytes]:
        """Split off the SOP class UID."""
        raw, rest = self._counted(item_type, value)
        return self._uid(raw, "SOP class UID"), rest

    # -- what all of them need ---------------------------------------------------------------

    def _split(self, data: bytes, parent: str) -> Iterator[tuple[int, bytes]]:
        offset = 0
        while offset < len(data):
            self._items += 1
            if self._items > self._limits.associate_items:
                self._beyond("items", self._limits.associate_items)
            left = len(data) - offset - _ITEM_HEADER.size
            if left < 0:
                self._invalid(f"has {left + 4} stray bytes at the end of a {parent}")
            item_type, length = _ITEM_HEADER.unpack_from(data, offset)
            if length > left:
                self._invalid(
                    f"has an item of type {item_type:02X}H and length {length} where the "
                    f"{parent} has {left} bytes left"
                )
            offset += _ITEM_HEADER.size
            yield item_type, data[offset : offset + length]
            offset += length

    def _counted(self, item_type: int, value: bytes) -> tuple[bytes, bytes]:
        """Split a field off that begins with its own 16-bit length."""
        end = 2 + _UINT16.unpack_from(value)[0] if len(value) >= 2 else 2
        if end > len(value):
            self._invalid(f"has a field that leaves its {_words(item_type)} sub-item")
        return value[2:end], value[end:]

    def ae_title(self, field: bytes, name: str) -> str:
        title = field.decode("latin-1").strip(" ")
        if is_ae_title(title):
            return title
        if self._is_request:
            self._invalid(f"has the {name} AE title {field!r}")
        return ""

    def _uid(self, value: bytes, name: str) -> bytes:
        uid = _unpadded(value)
        if not is_uid(uid.decode("latin-1")):
            self._invalid(f"has the {name} {value[:65]!r}, which is not a UID (PS3.5 section 9.1)")
        return uid

    def _once(self, item_type: int, key: bytes = b"") -> None:
        if (item_type, key) in self._seen:
            self._unexpected(f"repeats the {_words(item_type)} {key.decode('ascii')}".rstrip())
        self._seen.add((item_type, key))

    def _skip_unknown(self, item_type: int, place: str) -> None:
        if item_type in _KNOWN_TYPES:
            self._unexpected(f"has a {_words(item_type)} item in {place}")

    def _invalid(self, what: str) -> NoReturn:
        raise ProtocolError(f"The {self._name} {what}.", AbortReason.INVALID_PDU_PARAMETER_VALUE)

    def _unexpected(self, what: str) -> NoReturn:
        raise ProtocolError(f"The {self._name} {what}.", AbortReason.UNEXPECTED_PDU_PARAMETER)

    def _beyond(self, what: str, limit: int) -> NoReturn:
        raise ProtocolError(f"The {self._name} has more than {limit} {what}.")


def _item(item_type: int, value: bytes) -> bytes:
    return _ITEM_HEADER.pack(item_type, len(value)) + value


def _unpadded(value: bytes) -> bytes:
    # PS3.8 Annex F has no padding; peers pad all the same, as in data sets.
    return value.rstrip(b"\0 ")


def _words(item_type: int) -> str:
    return ItemType(item_type).name.lower().replace("_", " ")
