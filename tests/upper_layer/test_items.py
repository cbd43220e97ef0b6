"""The flat pass: every bad A-ASSOCIATE-RQ and -AC, and what PS3.8 says of it."""

from __future__ import annotations

from collections.abc import Callable
from struct import pack

import pytest

from leaddicom.enums import AbortReason
from leaddicom.errors import ProtocolError
from leaddicom.limits import Limits
from leaddicom.upper_layer.association import PresentationContext, UserItem, decode_associate
from leaddicom.upper_layer.items import ItemType
from leaddicom.values import is_ae_title, is_uid, is_version_name

from .associate_pdus import (
    APPLICATION_ITEM,
    BAD_UIDS,
    CT_STORAGE,
    GOOD,
    IMPLICIT,
    LIMITS,
    MAXIMUM,
    SYNTAX,
    UID_FIELDS,
    USER,
    VERIFICATION,
    accept,
    answer,
    counted,
    item,
    offer,
    pdu,
    refused,
    request,
)

INVALID = AbortReason.INVALID_PDU_PARAMETER_VALUE
UNEXPECTED = AbortReason.UNEXPECTED_PDU_PARAMETER

# -- the header and the fixed fields ------------------------------------------------------------


@pytest.mark.parametrize("data", [b"", b"\1\0\0\0\0", b"\3\0\0\0\0\4\0\0\0\0", b"GET / HTTP/1.1"])
def test_other_pdus_are_unrecognized(data: bytes) -> None:
    refused(data, AbortReason.UNRECOGNIZED_PDU)


@pytest.mark.parametrize("change", [-1, 1, 0xFFFFFF00])
def test_a_length_field_that_lies_is_invalid(change: int) -> None:
    good = request()
    refused(good[:2] + pack(">L", len(good) - 6 + change) + good[6:], INVALID)


@pytest.mark.parametrize("length", [0, 67])
def test_a_pdu_shorter_than_its_fixed_fields_is_invalid(length: int) -> None:
    refused(pack(">BxL", 1, length) + bytes(length), INVALID)


def test_the_pdu_may_be_as_long_as_the_limit_and_no_longer() -> None:
    data = request()
    decode_associate(data, Limits(associate_pdu_length=len(data) - 6))
    refused(data, AbortReason.NOT_SPECIFIED, Limits(associate_pdu_length=len(data) - 7))


@pytest.mark.parametrize("version", [0, 1, 2, 0xFFFF])
def test_the_protocol_version_is_left_to_the_caller_who_may_reject_it(version: int) -> None:
    data = pdu(APPLICATION_ITEM, offer(), USER, version=version)
    assert decode_associate(data, LIMITS).protocol_version == version


def test_reserved_fields_are_not_tested() -> None:
    good = request()
    odd = good[:1] + b"\xff" + good[2:8] + b"\xff\xff" + good[10:42] + b"\xff" * 32 + good[74:]
    assert decode_associate(odd, LIMITS) == decode_associate(good, LIMITS)


@pytest.mark.parametrize("title", [b"A", b" A", b"A B", b"ABCDEFGHIJKLMNOP", b"../../etc/passwd"])
def test_ae_titles_lose_their_padding_spaces_only(title: bytes) -> None:
    associate = decode_associate(pdu(APPLICATION_ITEM, offer(), USER, called=title), LIMITS)
    assert associate.called_ae_title == title.decode().strip()


BAD_TITLES = {
    "empty": b"",
    "NUL": b"A\0",
    "control": b"A\nB",
    "DEL": b"A\x7f",
    "8-bit": b"\xc4RCHIV",
    "backslash": b"A\\B",
    "all FF": b"\xff" * 16,
}


@pytest.mark.parametrize("title", BAD_TITLES.values(), ids=BAD_TITLES)
@pytest.mark.parametrize("field", ["called", "calling"])
def test_ae_titles_of_a_request_must_be_iso_646_and_not_empty(field: str, title: bytes) -> None:
    message = refused(pdu(APPLICATION_ITEM, offer(), USER, **{field: title}), INVALID)
    assert message.isprintable()


@pytest.mark.parametrize("title", BAD_TITLES.values(), ids=BAD_TITLES)
@pytest.mark.parametrize("field", ["called", "calling"])
def test_ae_titles_of_an_answer_shall_not_be_tested(field: str, title: bytes) -> None:
    associate = decode_associate(accept(**{field: title}), LIMITS)
    assert getattr(associate, f"{field}_ae_title") == ""


# -- lengths of items ---------------------------------------------------------------------------

LEVELS: dict[str, Callable[[bytes], bytes]] = {
    "application context": lambda field: pdu(field, offer(), USER),
    "presentation context": lambda field: pdu(APPLICATION_ITEM, field, USER),
    "user information": lambda field: pdu(APPLICATION_ITEM, offer(), field),
    "accepted context": lambda field: accept(field),
    "abstract syntax": lambda field: request(contexts=offer(1, field, SYNTAX)),
    "transfer syntax": lambda field: request(contexts=offer(1, item(0x30, VERIFICATION), field)),
    "accepted transfer syntax": lambda field: accept(answer(1, 0, field)),
    "maximum length": lambda field: pdu(APPLICATION_ITEM, offer(), item(0x50, field)),
    "implementation class UID": request,
    "asynchronous operations": request,
    "role selection": request,
    "implementation version name": request,
    "extended negotiation": request,
    "common extended negotiation": request,
    "user identity": request,
    "user identity response": request,
    "unknown user item": request,
    "unknown item": lambda field: pdu(APPLICATION_ITEM, offer(), USER, field),
    "unknown context sub-item": lambda field: request(
        contexts=offer(1, item(0x30, VERIFICATION), SYNTAX, field)
    ),
}
MAY_BE_EMPTY = {
    "user information",  # PS3.7 asks for sub-items; without them nothing is negotiated
    "implementation class UID",  # informs only
    "implementation version name",
    "common extended negotiation",  # nobody looks into it unasked, nor into the next two
    "user identity",
    "user identity response",
    "unknown user item",
    "unknown item",
    "unknown context sub-item",
}


def with_length(field: bytes, length: int) -> bytes:
    return field[:2] + pack(">H", length) + field[4:]


@pytest.mark.parametrize("name", GOOD)
def test_every_item_is_taken_with_its_true_length(name: str) -> None:
    decode_associate(LEVELS[name](GOOD[name]), LIMITS)


@pytest.mark.parametrize("name", GOOD)
def test_an_item_one_longer_than_what_is_left_is_invalid(name: str) -> None:
    # Where another item follows, its first byte is swallowed and the rest makes no sense.
    refused(LEVELS[name](with_length(GOOD[name], len(GOOD[name]) - 4 + 1)), INVALID)


@pytest.mark.parametrize("name", GOOD)
def test_an_item_of_length_ffff_is_invalid(name: str) -> None:
    message = refused(LEVELS[name](with_length(GOOD[name], 0xFFFF)), INVALID)
    assert "FFFF" in message or "65535" in message


@pytest.mark.parametrize("name", sorted(GOOD.keys() - MAY_BE_EMPTY))
def test_an_item_that_is_empty_but_must_not_be_is_invalid(name: str) -> None:
    refused(LEVELS[name](GOOD[name][:2] + b"\0\0"), INVALID)


@pytest.mark.parametrize("name", sorted(MAY_BE_EMPTY))
def test_an_item_that_is_empty_and_may_be_is_taken(name: str) -> None:
    decode_associate(LEVELS[name](GOOD[name][:2] + b"\0\0"), LIMITS)


@pytest.mark.parametrize("name", GOOD)
def test_an_item_whose_length_was_set_to_0_with_its_value_left_behind_is_refused(
    name: str,
) -> None:
    with pytest.raises(ProtocolError):
        decode_associate(LEVELS[name](with_length(GOOD[name], 0)), LIMITS)


@pytest.mark.parametrize("stray", [1, 2, 3])
@pytest.mark.parametrize(
    "build",
    [
        lambda stray: pdu(APPLICATION_ITEM, offer(), USER, stray),
        lambda stray: request(stray),
        lambda stray: request(contexts=offer(1, item(0x30, VERIFICATION), SYNTAX, stray)),
    ],
    ids=["PDU", "user information", "presentation context"],
)
def test_less_than_an_item_header_at_an_end_is_invalid(
    build: Callable[[bytes], bytes], stray: int
) -> None:
    refused(build(b"\x7f" * stray), INVALID)


@pytest.mark.parametrize("length", [0, 1, 3, 5])
@pytest.mark.parametrize("item_type", [0x51, 0x53])
def test_maximum_length_and_operations_window_have_4_bytes(item_type: int, length: int) -> None:
    field = item(item_type, bytes(length))
    refused(pdu(APPLICATION_ITEM, offer(), item(0x50, field)), INVALID)


def test_a_maximum_length_item_of_length_ffff_is_invalid() -> None:
    field = with_length(MAXIMUM, 0xFFFF)
    refused(pdu(APPLICATION_ITEM, offer(), item(0x50, field)), INVALID)
    refused(pdu(APPLICATION_ITEM, offer(), item(0x50, item(0x51, bytes(0xFFF0)))), INVALID)


@pytest.mark.parametrize("length", [0, 3])
def test_a_presentation_context_has_4_bytes_before_its_syntaxes(length: int) -> None:
    refused(request(contexts=item(0x20, b"\1\0\0\0"[:length])), INVALID)


INNER = {
    "role UID": lambda n: item(0x54, pack(">H", len(CT_STORAGE) + n), CT_STORAGE, b"\1\1"),
    "extension UID": lambda n: item(0x56, pack(">H", len(CT_STORAGE) + n), CT_STORAGE),
}


@pytest.mark.parametrize("name", INNER)
def test_fields_inside_user_items_are_taken_with_their_true_length(name: str) -> None:
    decode_associate(request(INNER[name](0)), LIMITS)


@pytest.mark.parametrize("change", [1, -1, 0xFF00])
@pytest.mark.parametrize("name", INNER)
def test_fields_inside_user_items_with_a_false_length_are_invalid(name: str, change: int) -> None:
    refused(request(INNER[name](change)), INVALID)


@pytest.mark.parametrize("item_type", [0x57, 0x58, 0x59])
def test_raw_user_information_is_kept_unread_and_damages_no_association(item_type: int) -> None:
    for data in (b"", b"\1", b"\xff" * 9):
        associate = decode_associate(request(item(item_type, data)), LIMITS)
        assert associate.user_items == [UserItem(item_type, data)]


# -- what must be there, and how often ----------------------------------------------------------


@pytest.mark.parametrize("missing", range(3))
def test_application_context_contexts_and_user_information_are_mandatory(missing: int) -> None:
    items = [APPLICATION_ITEM, offer(), USER]
    del items[missing]
    refused(pdu(*items), INVALID)


def test_an_answer_without_contexts_is_invalid() -> None:
    refused(pdu(APPLICATION_ITEM, USER, pdu_type=2), INVALID)


@pytest.mark.parametrize("twice", [APPLICATION_ITEM, USER])
def test_application_context_and_user_information_are_there_once(twice: bytes) -> None:
    refused(pdu(APPLICATION_ITEM, offer(), USER, twice), UNEXPECTED)


@pytest.mark.parametrize(
    "twice",
    [
        GOOD["implementation class UID"],
        GOOD["asynchronous operations"],
        GOOD["implementation version name"],
        GOOD["user identity"],
        GOOD["extended negotiation"],
    ],
)
def test_user_information_that_stands_for_itself_is_there_once(twice: bytes) -> None:
    refused(request(twice, twice), UNEXPECTED)


def test_a_role_selection_may_be_repeated_but_not_contradicted() -> None:
    # DCMTK answers it once for each presentation context of the SOP class.
    said, contrary = GOOD["role selection"], item(0x54, counted(CT_STORAGE), b"\0\1")
    assert decode_associate(request(said, said), LIMITS).roles == {
        CT_STORAGE.decode(): (True, True)
    }
    refused(request(said, contrary), UNEXPECTED)


def test_the_order_of_items_is_free() -> None:
    assert decode_associate(pdu(USER, offer(), APPLICATION_ITEM), LIMITS) == decode_associate(
        pdu(APPLICATION_ITEM, offer(), USER), LIMITS
    )


def test_unknown_items_are_skipped() -> None:
    unknown = item(0x7F, b"x" * 300)
    data = pdu(unknown, APPLICATION_ITEM, unknown, offer(1, item(0x30, VERIFICATION), SYNTAX), USER)
    assert decode_associate(data, LIMITS) == decode_associate(
        pdu(APPLICATION_ITEM, offer(), USER), LIMITS
    )


def test_unknown_user_information_is_kept() -> None:
    associate = decode_associate(request(item(0x00, b"0"), item(0xFF, b"")), LIMITS)
    assert associate.user_items == [UserItem(0x00, b"0"), UserItem(0xFF, b"")]


@pytest.mark.parametrize("misplaced", [0x10, 0x20, 0x21, 0x30, 0x40, 0x50])
def test_a_known_item_such_as_a_transfer_syntax_in_user_information_is_unexpected(
    misplaced: int,
) -> None:
    refused(request(item(misplaced, IMPLICIT)), UNEXPECTED)


@pytest.mark.parametrize("misplaced", [0x21, 0x30, 0x40, 0x51, 0x58])
def test_a_known_item_that_does_not_belong_into_a_request_is_unexpected(misplaced: int) -> None:
    refused(pdu(APPLICATION_ITEM, offer(), USER, item(misplaced, IMPLICIT)), UNEXPECTED)


def test_an_offered_context_in_an_answer_is_unexpected() -> None:
    refused(accept(offer()), UNEXPECTED)


@pytest.mark.parametrize("misplaced", [0x10, 0x20, 0x50, 0x51])
def test_a_known_item_that_does_not_belong_into_a_context_is_unexpected(misplaced: int) -> None:
    refused(request(contexts=offer(1, item(misplaced, IMPLICIT))), UNEXPECTED)


# -- presentation contexts ----------------------------------------------------------------------


@pytest.mark.parametrize("context_id", [0, 2, 254])
def test_even_presentation_context_ids_are_invalid(context_id: int) -> None:
    refused(request(contexts=offer(context_id)), INVALID)
    refused(accept(answer(context_id, 0, SYNTAX)), INVALID)


def test_repeated_presentation_context_ids_are_unexpected() -> None:
    refused(request(contexts=offer(1) + offer(1)), UNEXPECTED)
    refused(accept(answer(1, 0, SYNTAX), answer(1, 3)), UNEXPECTED)


def test_a_request_without_abstract_syntax_is_invalid() -> None:
    refused(request(contexts=offer(1, SYNTAX)), INVALID)


def test_a_request_with_two_abstract_syntaxes_is_unexpected() -> None:
    abstract = item(0x30, VERIFICATION)
    refused(request(contexts=offer(1, abstract, abstract, SYNTAX)), UNEXPECTED)


def test_a_request_without_transfer_syntax_is_invalid() -> None:
    refused(request(contexts=offer(1, item(0x30, VERIFICATION))), INVALID)


def test_an_accepted_context_without_transfer_syntax_is_invalid() -> None:
    refused(accept(answer(1, 0)), INVALID)


def test_an_accepted_context_with_two_transfer_syntaxes_is_unexpected() -> None:
    refused(accept(answer(1, 0, SYNTAX, SYNTAX)), UNEXPECTED)


def test_unknown_sub_items_of_an_accepted_context_are_skipped() -> None:
    associate = decode_associate(accept(answer(1, 0, item(0x7F, b"?"), SYNTAX)), LIMITS)
    assert associate.presentation_contexts[0].transfer_syntaxes == [IMPLICIT.decode()]


@pytest.mark.parametrize("result", [1, 2, 3, 4, 0xFF])
@pytest.mark.parametrize(
    "junk",
    [b"", item(0x40), item(0x40, b"\xff\0"), SYNTAX + SYNTAX, b"\x40\0\xff\xff", b"\x40"],
    ids=["nothing", "empty", "8-bit", "two", "length FFFF", "cut short"],
)
def test_the_transfer_syntax_of_a_rejected_context_shall_not_be_tested(
    result: int, junk: bytes
) -> None:
    associate = decode_associate(accept(answer(1, result, junk)), LIMITS)
    assert associate.presentation_contexts == [PresentationContext(1, result=result)]


# -- UIDs and texts -----------------------------------------------------------------------------
@pytest.mark.parametrize("uid", BAD_UIDS.values(), ids=BAD_UIDS)
@pytest.mark.parametrize("name", UID_FIELDS)
def test_what_is_not_a_uid_is_invalid(name: str, uid: bytes) -> None:
    message = refused(UID_FIELDS[name](uid), INVALID)
    assert message.isprintable()
    assert len(message) < 500


@pytest.mark.parametrize("name", UID_FIELDS)
def test_a_uid_of_64_characters_is_taken(name: str) -> None:
    decode_associate(UID_FIELDS[name](b"1." + b"2" * 62), LIMITS)


@pytest.mark.parametrize("padding", [b"\0", b" ", b"\0\0"])
@pytest.mark.parametrize("name", UID_FIELDS)
def test_padding_of_uids_is_forgiven(name: str, padding: bytes) -> None:
    build = UID_FIELDS[name]
    assert decode_associate(build(b"1.2.3" + padding), LIMITS) == decode_associate(
        build(b"1.2.3"), LIMITS
    )


@pytest.mark.parametrize("uid", BAD_UIDS.values(), ids=BAD_UIDS)
def test_a_bad_implementation_class_uid_only_stays_raw_because_it_only_informs(uid: bytes) -> None:
    associate = decode_associate(request(item(0x52, uid)), LIMITS)
    assert associate.implementation_class_uid is None
    assert associate.user_items == [UserItem(0x52, uid)]


@pytest.mark.parametrize("name", [b"", b"VERSION\0", b"SEVENTEEN_LETTERS", b"\xff", b"A\nB"])
def test_a_bad_version_name_only_stays_raw_because_it_only_informs(name: bytes) -> None:
    associate = decode_associate(request(item(0x55, name)), LIMITS)
    if name == b"VERSION\0":
        assert associate.implementation_version_name == "VERSION"
    else:
        assert associate.implementation_version_name is None
        assert associate.user_items == [UserItem(0x55, name)]


@pytest.mark.parametrize("roles", [b"", b"\1", b"\1\1\1", b"\2\0", b"\0\xff"])
def test_roles_are_two_bytes_of_0_or_1(roles: bytes) -> None:
    refused(request(item(0x54, counted(CT_STORAGE), roles)), INVALID)


# -- limits -------------------------------------------------------------------------------------


def test_as_many_presentation_contexts_as_the_limit_and_no_more() -> None:
    offers = [offer(number) for number in range(1, 10, 2)]
    limits = Limits(presentation_contexts=4)
    decode_associate(request(contexts=b"".join(offers[:4])), limits)
    refused(request(contexts=b"".join(offers)), AbortReason.NOT_SPECIFIED, limits)


def test_all_128_presentation_contexts() -> None:
    offers = b"".join(offer(number) for number in range(1, 256, 2))
    assert len(decode_associate(request(contexts=offers), LIMITS).presentation_contexts) == 128


def test_as_many_transfer_syntaxes_as_the_limit_and_no_more() -> None:
    abstract, limits = item(0x30, VERIFICATION), Limits(transfer_syntaxes=4)
    decode_associate(request(contexts=offer(1, abstract, *[SYNTAX] * 4)), limits)
    refused(request(contexts=offer(1, abstract, *[SYNTAX] * 5)), AbortReason.NOT_SPECIFIED, limits)


def test_as_many_items_as_the_limit_and_no_more() -> None:
    # application context, context with two syntaxes, user information with maximum length
    spare = 10
    limits = Limits(associate_items=6 + spare)
    decode_associate(request(*[item(0x7F)] * spare), limits)
    refused(request(*[item(0x7F)] * (spare + 1)), AbortReason.NOT_SPECIFIED, limits)


def test_the_longest_legal_request_is_within_the_limits() -> None:
    transfer = [item(0x40, b"1.2.840.10008.1.2.4.%d" % number) for number in range(1, 30)]
    offers = [offer(number, item(0x30, CT_STORAGE), *transfer) for number in range(1, 256, 2)]
    associate = decode_associate(request(contexts=b"".join(offers)), LIMITS)
    assert {len(context.transfer_syntaxes) for context in associate.presentation_contexts} == {29}


def test_sixteen_times_thirteen_thousand_transfer_syntaxes_are_refused_while_they_are_counted() -> (
    None
):
    tiny = item(0x40, b"1")
    offers = [offer(2 * number + 1, item(0x30, b"1"), tiny * 13_000) for number in range(16)]
    data = request(contexts=b"".join(offers))
    refused(data, AbortReason.NOT_SPECIFIED, Limits(associate_pdu_length=len(data)))
    flat = Limits(associate_pdu_length=len(data), transfer_syntaxes=100_000)
    assert "items" in refused(data, AbortReason.NOT_SPECIFIED, flat)


# -- the smaller parts ---------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "expected"),
    [("0", True), ("1.0.2", True), ("1.2.", False), (".1", False), ("", False), ("1.2\n", False)],
)
def test_uids(text: str, expected: bool) -> None:
    assert is_uid(text) is expected


def test_texts_have_16_characters_at_most() -> None:
    for check in (is_ae_title, is_version_name):
        assert check("A" * 16)
        assert not check("A" * 17)
    assert not is_ae_title(" ")


def test_known_items_are_those_of_the_standard() -> None:
    assert [int(known) for known in ItemType] == [
        *(0x10, 0x20, 0x21, 0x30, 0x40),
        *range(0x50, 0x5A),
    ]
