"""User identity and SOP class common extended negotiation (PS3.7 Annexes D.3.3.6 and D.3.3.7).

An association keeps them as `UserItem`, in the bytes in which they travel; what these functions
give and take is the same for Python.  So an item that is damaged is carried like any other, and
only whoever wants to know what it says is told that it says nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from struct import Struct
from typing import NoReturn

from leaddicom.enums import AbortReason
from leaddicom.errors import DicomErrorCode, ParameterError, ProtocolError
from leaddicom.upper_layer.association import UserItem
from leaddicom.upper_layer.items import ItemType
from leaddicom.values import is_uid

__all__ = [
    "CommonExtendedNegotiation",
    "UserIdentity",
    "UserIdentityType",
    "decode_common_extended_negotiation",
    "decode_user_identity",
    "decode_user_identity_response",
    "encode_common_extended_negotiation",
    "encode_user_identity",
    "encode_user_identity_response",
]

_LENGTH = Struct(">H")

#: Type and positive response requested.
_IDENTITY_HEAD = Struct(">BB")

_MAXIMUM_ITEM_LENGTH = 0xFFFF


class UserIdentityType(IntEnum):
    """What a user shows to be somebody (PS3.7 Table D.3-14)."""

    USERNAME = 1
    USERNAME_AND_PASSCODE = 2
    KERBEROS = 3
    SAML = 4
    JWT = 5


@dataclass(frozen=True, slots=True)
class UserIdentity:
    """Who asks for an association (PS3.7 Annex D.3.3.7).

    What it shows may be a secret, so neither its text nor an error holds any of it.  It travels
    in clear: without TLS, anybody on the way can use it.

    Attributes
    ----------
    identity_type : int
        `UserIdentityType`.
    primary : bytes
        User name in UTF-8, Kerberos service ticket, SAML assertion or JSON Web Token.
    secondary : bytes
        Passcode in UTF-8, of `USERNAME_AND_PASSCODE` only.  Compare it with
        `hmac.compare_digest`.
    response_requested : bool
        Whether the acceptor is to confirm; silence then means that it did not check.

    Raises
    ------
    ParameterError
        The type is not one of PS3.7's, a secondary field does not go with it, or there is more
        than fits into a sub-item.
    """

    identity_type: int
    primary: bytes = field(repr=False)
    secondary: bytes = field(default=b"", repr=False)
    response_requested: bool = False

    def __post_init__(self) -> None:
        if self.identity_type not in list(UserIdentityType):
            raise ParameterError(
                f"The user identity has the type {self.identity_type!r}, but PS3.7 Table D.3-14 "
                "has 1 to 5.",
                DicomErrorCode.RANGE,
            )
        if self.secondary and self.identity_type != UserIdentityType.USERNAME_AND_PASSCODE:
            raise ParameterError(
                f"A user identity of type {self.identity_type} has a secondary field, which PS3.7 "
                "Table D.3-14 gives to type 2, user name and passcode, only."
            )
        _check_length(_IDENTITY_HEAD.size + 4 + len(self.primary) + len(self.secondary))

    @classmethod
    def of_user(
        cls, username: str, passcode: str | None = None, *, response_requested: bool = False
    ) -> UserIdentity:
        """Make the identity of a user with a name and, if there is one, a passcode."""
        name = username.encode()
        if passcode is None:
            return cls(UserIdentityType.USERNAME, name, b"", response_requested)
        kind = UserIdentityType.USERNAME_AND_PASSCODE
        return cls(kind, name, passcode.encode(), response_requested)

    @property
    def username(self) -> str | None:
        """User name; `None` for the types that have none.

        Raises
        ------
        ProtocolError
            It is not in UTF-8; `primary` has its bytes.
        """
        if self.identity_type <= UserIdentityType.USERNAME_AND_PASSCODE:
            return _text(self.primary, "user name")
        return None

    @property
    def passcode(self) -> str | None:
        """Passcode; `None` for the types that have none.

        Raises
        ------
        ProtocolError
            It is not in UTF-8; `secondary` has its bytes.
        """
        if self.identity_type == UserIdentityType.USERNAME_AND_PASSCODE:
            return _text(self.secondary, "passcode")
        return None


@dataclass(frozen=True, slots=True)
class CommonExtendedNegotiation:
    """What a SOP class that the acceptor may not know is akin to (PS3.7 Annex D.3.3.6).

    A requestor says it of SOP classes that it offers; an acceptor does not answer.

    Attributes
    ----------
    sop_class_uid : str
        The SOP class.
    service_class_uid : str
        Its service class, such as 1.2.840.10008.4.2 for storage.
    related_general_sop_classes : tuple of str
        SOP classes that the acceptor may take it for.

    Raises
    ------
    ParameterError
        One of them is not a UID, or there are more than fit into a sub-item.
    """

    sop_class_uid: str
    service_class_uid: str
    related_general_sop_classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        uids = (self.sop_class_uid, self.service_class_uid, *self.related_general_sop_classes)
        for uid in uids:
            if not is_uid(uid):
                raise ParameterError(
                    f"A common extended negotiation names {uid!a:.80}, which is not a UID (PS3.5 "
                    "section 9.1)."
                )
        _check_length(_LENGTH.size * (len(uids) + 1) + sum(map(len, uids)))


# -- encoding ----------------------------------------------------------------------------------


def encode_user_identity(identity: UserIdentity) -> UserItem:
    """Give the sub-item of an A-ASSOCIATE-RQ (PS3.7 Table D.3-14)."""
    head = _IDENTITY_HEAD.pack(identity.identity_type, bool(identity.response_requested))
    fields = _counted(identity.primary) + _counted(identity.secondary)
    return UserItem(ItemType.USER_IDENTITY_RQ, head + fields)


def encode_user_identity_response(response: bytes) -> UserItem:
    """Give the sub-item of an A-ASSOCIATE-AC (PS3.7 Table D.3-15).

    Raises
    ------
    ParameterError
        There is more than fits into it.
    """
    _check_length(_LENGTH.size + len(response))
    return UserItem(ItemType.USER_IDENTITY_AC, _counted(response))


def encode_common_extended_negotiation(
    negotiations: Iterable[CommonExtendedNegotiation],
) -> list[UserItem]:
    """Give the sub-items of an A-ASSOCIATE-RQ (PS3.7 Table D.3-12).

    Raises
    ------
    ParameterError
        A SOP class is there twice.
    """
    known = list(negotiations)
    repeated = _repeated(known)
    if repeated:
        raise ParameterError(f"There are two common extended negotiations of {repeated}.")
    return [_encode_common(each) for each in known]


def _encode_common(negotiation: CommonExtendedNegotiation) -> UserItem:
    related = b"".join(_counted(uid.encode()) for uid in negotiation.related_general_sop_classes)
    classes = (negotiation.sop_class_uid, negotiation.service_class_uid)
    data = b"".join(_counted(uid.encode()) for uid in classes) + _counted(related)
    return UserItem(ItemType.COMMON_EXTENDED_NEGOTIATION, data)


def _counted(data: bytes) -> bytes:
    return _LENGTH.pack(len(data)) + data


def _check_length(length: int) -> None:
    if length > _MAXIMUM_ITEM_LENGTH:
        raise ParameterError(
            f"It takes {length} bytes, but a sub-item has room for {_MAXIMUM_ITEM_LENGTH} only.",
            DicomErrorCode.RANGE,
        )


# -- decoding ----------------------------------------------------------------------------------


def decode_user_identity(items: Iterable[UserItem]) -> UserIdentity | None:
    """Find the user identity among the raw sub-items of an A-ASSOCIATE-RQ.

    Raises
    ------
    ProtocolError
        It is damaged, or there are two.
    """
    fields = _single(items, ItemType.USER_IDENTITY_RQ, "user identity")
    if fields is None:
        return None
    identity_type, response_requested = _IDENTITY_HEAD.unpack(fields.take(_IDENTITY_HEAD.size))
    primary, secondary = fields.counted(), fields.counted()
    fields.end()
    if response_requested > 1:
        fields.fail(f"says {response_requested} where 1 requests a response and 0 does not")
    try:
        return UserIdentity(identity_type, primary, secondary, bool(response_requested))
    except ParameterError as error:
        raise _malformed(error.message) from None


def decode_user_identity_response(items: Iterable[UserItem]) -> bytes | None:
    """Find the answer to a user identity among the raw sub-items of an A-ASSOCIATE-AC.

    Raises
    ------
    ProtocolError
        It is damaged, or there are two.
    """
    fields = _single(items, ItemType.USER_IDENTITY_AC, "user identity response")
    if fields is None:
        return None
    response = fields.counted()
    fields.end()
    return response


def decode_common_extended_negotiation(
    items: Iterable[UserItem],
) -> tuple[CommonExtendedNegotiation, ...]:
    """Find the common extended negotiations among the raw sub-items of an A-ASSOCIATE-RQ.

    Raises
    ------
    ProtocolError
        One is damaged, or there are two of a SOP class.
    """
    kind = ItemType.COMMON_EXTENDED_NEGOTIATION
    found = tuple(_decode_common(item.data) for item in items if item.item_type == kind)
    repeated = _repeated(found)
    if repeated:
        raise _malformed(f"There are two common extended negotiations of {repeated}.")
    return found


def _decode_common(data: bytes) -> CommonExtendedNegotiation:
    fields = _Fields(data, "common extended negotiation")
    sop_class, service_class = fields.uid(), fields.uid()
    # Some leave the last field out when there are no related classes.
    related = _Fields(fields.counted() if fields.left else b"", fields.name)
    fields.end()
    uids = []
    while related.left:
        uids.append(related.uid())
    try:
        return CommonExtendedNegotiation(sop_class, service_class, tuple(uids))
    except ParameterError as error:
        raise _malformed(error.message) from None


class _Fields:
    """The fields of a sub-item, of which no more can be taken than there are.

    Its errors name lengths and never contents, which may be secret.
    """

    def __init__(self, data: bytes, name: str) -> None:
        self._data = data
        self._position = 0
        self.name = name

    @property
    def left(self) -> int:
        return len(self._data) - self._position

    def take(self, length: int) -> bytes:
        if length > self.left:
            self.fail(f"needs {length} bytes for a field and has {self.left} left")
        begin, self._position = self._position, self._position + length
        return self._data[begin : self._position]

    def counted(self) -> bytes:
        return self.take(_LENGTH.unpack(self.take(_LENGTH.size))[0])

    def uid(self) -> str:
        # PS3.8 Annex F has no padding; peers pad all the same, as in data sets.
        return self.counted().rstrip(b"\0 ").decode("latin-1")

    def end(self) -> None:
        if self.left:
            self.fail(f"has {self.left} bytes behind its last field")

    def fail(self, what: str) -> NoReturn:
        raise _malformed(f"The {self.name} sub-item {what}.")


def _single(items: Iterable[UserItem], item_type: int, name: str) -> _Fields | None:
    found = [item.data for item in items if item.item_type == item_type]
    if len(found) > 1:
        raise _malformed(f"There are {len(found)} {name} sub-items; there may be one.")
    return _Fields(found[0], name) if found else None


def _repeated(negotiations: Iterable[CommonExtendedNegotiation]) -> str:
    counts = Counter(each.sop_class_uid for each in negotiations)
    return next((uid for uid, count in counts.items() if count > 1), "")


def _text(data: bytes, name: str) -> str:
    text = data.decode(errors="replace")
    if text.encode() != data:
        # Not from Python's own error, which holds all of it.
        raise _malformed(f"The {name} of the user identity is not in UTF-8 (PS3.7 D.3.3.7).")
    return text


def _malformed(message: str) -> ProtocolError:
    return ProtocolError(message, AbortReason.INVALID_PDU_PARAMETER_VALUE)
