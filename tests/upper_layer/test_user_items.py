"""User identity and common extended negotiation: the sub-items, and pynetdicom's of the same."""

from __future__ import annotations

import contextlib
import io
import logging
import traceback
from collections.abc import Callable
from struct import pack
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pynetdicom import pdu_items, pdu_primitives

from leaddicom.enums import AbortReason
from leaddicom.errors import DicomErrorCode, ParameterError, ProtocolError
from leaddicom.upper_layer.association import Associate, UserItem
from leaddicom.upper_layer.user_items import (
    CommonExtendedNegotiation,
    UserIdentity,
    UserIdentityType,
    decode_common_extended_negotiation,
    decode_user_identity,
    decode_user_identity_response,
    encode_common_extended_negotiation,
    encode_user_identity,
    encode_user_identity_response,
)

from .associate_pdus import BAD_UIDS, counted

CT, STORAGE = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.4.2"
ENHANCED_SR = "1.2.840.10008.5.1.4.1.1.88.22"
SECRET = "correct horse"

IDENTITIES = {
    "user name": UserIdentity.of_user("Jörg"),
    "passcode": UserIdentity.of_user("user", SECRET, response_requested=True),
    "empty passcode": UserIdentity.of_user("user", ""),
    "Kerberos": UserIdentity(UserIdentityType.KERBEROS, bytes(range(256))),
    "SAML": UserIdentity(UserIdentityType.SAML, b"<Assertion/>", response_requested=True),
    "JWT": UserIdentity(UserIdentityType.JWT, b"e30.e30."),
}
COMMON = CommonExtendedNegotiation(CT, STORAGE, (ENHANCED_SR, "1.2.3"))

printable = st.text(max_size=40)
identities = st.builds(
    UserIdentity.of_user, printable, st.none() | printable, response_requested=st.booleans()
) | st.builds(
    UserIdentity,
    st.sampled_from((UserIdentityType.KERBEROS, UserIdentityType.SAML, UserIdentityType.JWT)),
    st.binary(max_size=300),
    response_requested=st.booleans(),
)
uids = st.lists(st.integers(0, 9_999), min_size=1, max_size=8).map(
    lambda numbers: ".".join(map(str, numbers))
)
negotiations = st.builds(
    CommonExtendedNegotiation, uids, uids, st.lists(uids, max_size=4).map(tuple)
)


def on_the_wire(item: UserItem) -> bytes:
    return pack(">BxH", item.item_type, len(item.data)) + item.data


def theirs(made: Any, primitive: Any) -> bytes:
    made.from_primitive(primitive)
    return bytes(made.encode())


def read_by_them(made: Any, item: UserItem) -> Any:
    made.decode(on_the_wire(item))
    return made


def refused(decode: Callable[[list[UserItem]], object], *items: UserItem) -> str:
    """Check that an item is refused with an A-ABORT's reason, and give the sentence."""
    with pytest.raises(ProtocolError) as caught:
        decode(list(items))
    assert caught.value.reason == AbortReason.INVALID_PDU_PARAMETER_VALUE
    return caught.value.message


# -- user identity -----------------------------------------------------------------------------


def test_the_types_are_those_of_table_d_3_14() -> None:
    assert [(each.value, each.name) for each in UserIdentityType] == [
        (1, "USERNAME"),
        (2, "USERNAME_AND_PASSCODE"),
        (3, "KERBEROS"),
        (4, "SAML"),
        (5, "JWT"),
    ]


def test_the_bytes_of_a_user_identity() -> None:
    item = encode_user_identity(UserIdentity.of_user("me", "pass", response_requested=True))
    assert item == UserItem(0x58, b"\2\1" + b"\0\2me" + b"\0\4pass")
    assert encode_user_identity(UserIdentity.of_user("me")).data == b"\1\0" + b"\0\2me" + b"\0\0"


@pytest.mark.parametrize("identity", IDENTITIES.values(), ids=IDENTITIES)
def test_a_user_identity_is_what_pynetdicom_makes_of_it(identity: UserIdentity) -> None:
    primitive = pdu_primitives.UserIdentityNegotiation()
    primitive.user_identity_type = int(identity.identity_type)
    primitive.positive_response_requested = identity.response_requested
    primitive.primary_field, primitive.secondary_field = identity.primary, identity.secondary
    item = encode_user_identity(identity)
    if identity.secondary or identity.identity_type != UserIdentityType.USERNAME_AND_PASSCODE:
        assert on_the_wire(item) == theirs(pdu_items.UserIdentitySubItemRQ(), primitive)
    read = read_by_them(pdu_items.UserIdentitySubItemRQ(), item)
    assert (read.id_type, read.response_requested) == (
        identity.identity_type,
        identity.response_requested,
    )
    assert (read.primary, read.secondary) == (identity.primary, identity.secondary)


@settings(deadline=None)
@given(identities)
def test_a_user_identity_is_decoded_as_it_was_encoded(identity: UserIdentity) -> None:
    other = UserItem(0x7F, b"?")
    assert decode_user_identity([other, encode_user_identity(identity), other]) == identity


def test_there_need_be_no_user_identity() -> None:
    assert decode_user_identity([UserItem(0x59, b""), UserItem(0x7F, b"")]) is None


def test_name_and_passcode_are_text() -> None:
    named, with_passcode = IDENTITIES["user name"], IDENTITIES["passcode"]
    assert (named.username, named.passcode) == ("Jörg", None)
    assert (with_passcode.username, with_passcode.passcode) == ("user", SECRET)
    assert IDENTITIES["empty passcode"].passcode == ""
    assert (IDENTITIES["SAML"].username, IDENTITIES["SAML"].passcode) == (None, None)


def test_name_and_passcode_that_are_not_utf_8_are_there_as_bytes() -> None:
    identity = UserIdentity(2, b"J\xf6rg", b"\xe4")
    with pytest.raises(ProtocolError, match="user name of the user identity is not in UTF-8"):
        _ = identity.username
    with pytest.raises(ProtocolError, match="passcode of the user identity is not in UTF-8"):
        _ = identity.passcode
    assert decode_user_identity([encode_user_identity(identity)]) == identity


@pytest.mark.parametrize("identity_type", [-1, 0, 6, 255])
def test_types_that_the_standard_does_not_have_are_refused(identity_type: int) -> None:
    with pytest.raises(ParameterError, match="has 1 to 5") as caught:
        UserIdentity(identity_type, b"")
    assert caught.value.code == DicomErrorCode.RANGE
    if identity_type >= 0:
        item = UserItem(0x58, bytes((identity_type, 0, 0, 0, 0, 0)))
        assert "has 1 to 5" in refused(decode_user_identity, item)


@pytest.mark.parametrize("identity_type", [1, 3, 4, 5])
def test_only_a_user_name_has_a_passcode(identity_type: int) -> None:
    with pytest.raises(ParameterError, match="secondary field"):
        UserIdentity(identity_type, b"", b"x")
    item = UserItem(0x58, bytes((identity_type, 0, 0, 0, 0, 1)) + b"x")
    assert "secondary field" in refused(decode_user_identity, item)


@pytest.mark.parametrize("value", [2, 255])
def test_a_positive_response_is_requested_with_1_and_not_with_0(value: int) -> None:
    item = UserItem(0x58, bytes((1, value, 0, 0, 0, 0)))
    assert f"says {value}" in refused(decode_user_identity, item)


def test_a_user_identity_fits_into_its_sub_item() -> None:
    longest = UserIdentity(2, bytes(30_000), bytes(0xFFFF - 6 - 30_000))
    assert decode_user_identity([encode_user_identity(longest)]) == longest
    with pytest.raises(ParameterError, match="65536 bytes") as caught:
        UserIdentity(2, bytes(30_000), bytes(0xFFFF - 5 - 30_000))
    assert caught.value.code == DicomErrorCode.RANGE


def test_there_is_one_user_identity() -> None:
    item = encode_user_identity(IDENTITIES["JWT"])
    assert "2 user identity sub-items" in refused(decode_user_identity, item, item)


# -- the secret --------------------------------------------------------------------------------


def test_no_text_of_a_user_identity_shows_it(caplog: pytest.LogCaptureFixture) -> None:
    identity = UserIdentity.of_user(SECRET, SECRET)
    associate = Associate(True, user_items=[encode_user_identity(identity)])
    caplog.set_level(logging.DEBUG)
    logging.getLogger(__name__).debug("%r %s %r", identity, identity, associate)
    texts = (repr(identity), str(identity), repr(associate), caplog.text)
    assert not [text for text in texts if SECRET in text]
    assert repr(associate.user_items) == "[UserItem(0x58, <32 bytes>)]"


@pytest.mark.parametrize("damage", [b"\1\0", b"\1\2", b"\7\0", b"\2\0"], ids=repr)
def test_no_error_about_a_user_identity_shows_it(damage: bytes) -> None:
    secret = SECRET.encode()
    tail = b"!" if damage == b"\2\0" else b""
    item = UserItem(0x58, damage + counted(secret) + counted(secret) + tail)
    with pytest.raises(ProtocolError) as caught:
        decode_user_identity([item])
    text = io.StringIO()
    traceback.print_exception(caught.value, file=text)
    assert SECRET not in text.getvalue()


# -- the answer --------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_a_response_is_decoded_as_it_was_encoded(response: bytes) -> None:
    item = encode_user_identity_response(response)
    assert item == UserItem(0x59, counted(response))
    assert decode_user_identity_response([UserItem(0x7F, b""), item]) == response


def test_a_response_is_what_pynetdicom_makes_of_it() -> None:
    primitive = pdu_primitives.UserIdentityNegotiation()
    primitive.server_response = b"ticket"
    item = encode_user_identity_response(b"ticket")
    assert on_the_wire(item) == theirs(pdu_items.UserIdentitySubItemAC(), primitive)
    assert read_by_them(pdu_items.UserIdentitySubItemAC(), item).response == b"ticket"


def test_no_response_is_not_an_empty_one() -> None:
    assert decode_user_identity_response([]) is None
    assert decode_user_identity_response([UserItem(0x59, b"\0\0")]) == b""


def test_a_response_fits_into_its_sub_item() -> None:
    encode_user_identity_response(bytes(0xFFFF - 2))
    with pytest.raises(ParameterError, match="65536 bytes"):
        encode_user_identity_response(bytes(0xFFFF - 1))


def test_there_is_one_response() -> None:
    item = encode_user_identity_response(b"")
    assert "2 user identity response" in refused(decode_user_identity_response, item, item)


# -- common extended negotiation ---------------------------------------------------------------


def test_the_bytes_of_a_common_extended_negotiation() -> None:
    [item] = encode_common_extended_negotiation([CommonExtendedNegotiation("1.2", "1.3", ("1",))])
    assert item == UserItem(0x57, b"\0\x031.2" + b"\0\x031.3" + b"\0\3" + b"\0\x011")


@pytest.mark.parametrize("related", [(), (ENHANCED_SR,), (ENHANCED_SR, "1.2.3")])
def test_a_common_extended_negotiation_is_what_pynetdicom_makes_of_it(
    related: tuple[str, ...],
) -> None:
    primitive = pdu_primitives.SOPClassCommonExtendedNegotiation()
    primitive.sop_class_uid, primitive.service_class_uid = CT, STORAGE
    primitive.related_general_sop_class_identification = list(related)
    [item] = encode_common_extended_negotiation([CommonExtendedNegotiation(CT, STORAGE, related)])
    made = pdu_items.SOPClassCommonExtendedNegotiationSubItem()
    assert on_the_wire(item) == theirs(made, primitive)
    read = read_by_them(pdu_items.SOPClassCommonExtendedNegotiationSubItem(), item)
    assert (read.sop_class_uid, read.service_class_uid) == (CT, STORAGE)
    assert tuple(read.related_general_sop_class_identification) == related


@settings(deadline=None)
@given(st.lists(negotiations, max_size=3, unique_by=lambda each: each.sop_class_uid))
def test_common_extended_negotiations_are_decoded_as_they_were_encoded(
    known: list[CommonExtendedNegotiation],
) -> None:
    items = [UserItem(0x58, b""), *encode_common_extended_negotiation(known)]
    assert decode_common_extended_negotiation(items) == tuple(known)


def test_the_related_classes_may_be_left_out() -> None:
    item = UserItem(0x57, counted(b"1.2") + counted(b"1.3"))
    assert decode_common_extended_negotiation([item]) == (CommonExtendedNegotiation("1.2", "1.3"),)


@pytest.mark.parametrize("padding", [b"\0", b" ", b"\0\0"])
def test_padding_of_uids_is_forgiven(padding: bytes) -> None:
    uid = counted(b"1.2" + padding)
    item = UserItem(0x57, uid + uid + counted(uid))
    assert decode_common_extended_negotiation([item]) == (
        CommonExtendedNegotiation("1.2", "1.2", ("1.2",)),
    )


@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("uid", BAD_UIDS.values(), ids=BAD_UIDS)
def test_what_is_not_a_uid_is_refused(place: int, uid: bytes) -> None:
    values = [b"1.2"] * 3
    values[place] = uid
    first, second, third = map(counted, values)
    message = refused(
        decode_common_extended_negotiation, UserItem(0x57, first + second + counted(third))
    )
    assert "is not a UID" in message
    assert message.isprintable()
    assert len(message) < 200
    sop_class, service, related = (value.decode("latin-1") for value in values)
    with pytest.raises(ParameterError, match="is not a UID"):
        CommonExtendedNegotiation(sop_class, service, (related,) if place == 2 else ())


def test_a_common_extended_negotiation_fits_into_its_sub_item() -> None:
    uid = "1." + "2" * 62
    related = (uid,) * ((0xFFFF - 6 - 2 * 64) // 66)
    longest = CommonExtendedNegotiation(uid, uid, related)
    assert decode_common_extended_negotiation(encode_common_extended_negotiation([longest])) == (
        longest,
    )
    with pytest.raises(ParameterError, match="room for 65535"):
        CommonExtendedNegotiation(uid, uid, (*related, uid))


def test_there_is_one_for_each_sop_class() -> None:
    with pytest.raises(ParameterError, match=f"two common extended negotiations of {CT}"):
        encode_common_extended_negotiation([COMMON, CommonExtendedNegotiation(CT, "1.2")])
    items = encode_common_extended_negotiation([COMMON]) * 2
    assert f"two common extended negotiations of {CT}" in refused(
        decode_common_extended_negotiation, *items
    )


# -- whatever a peer sends ---------------------------------------------------------------------

GOOD = {
    "user identity": (decode_user_identity, encode_user_identity(IDENTITIES["passcode"])),
    "response": (decode_user_identity_response, encode_user_identity_response(b"ticket")),
    "common": (
        decode_common_extended_negotiation,
        encode_common_extended_negotiation([COMMON])[0],
    ),
}
#: Where the last, optional field of a common extended negotiation begins.
WITHOUT_RELATED = 4 + len(CT) + len(STORAGE)


@pytest.mark.parametrize("name", GOOD)
def test_every_truncation_is_refused(name: str) -> None:
    decode, item = GOOD[name]
    for length in range(len(item.data)):
        if name == "common" and length == WITHOUT_RELATED:
            continue
        message = refused(decode, UserItem(item.item_type, item.data[:length]))
        assert "needs" in message, length


@pytest.mark.parametrize("name", GOOD)
def test_bytes_behind_the_last_field_are_refused(name: str) -> None:
    decode, item = GOOD[name]
    longer = UserItem(item.item_type, item.data + b"\0")
    assert "1 bytes behind its last field" in refused(decode, longer)


@pytest.mark.parametrize("name", GOOD)
@settings(deadline=None)
@given(data=st.binary(max_size=60))
def test_any_bytes_are_decoded_or_refused(name: str, data: bytes) -> None:
    decode, item = GOOD[name]
    with contextlib.suppress(ProtocolError):
        decode([UserItem(item.item_type, data)])
