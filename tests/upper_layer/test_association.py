"""A-ASSOCIATE-RQ and -AC: PS3.8 sections 9.3.2 and 9.3.3, PS3.7 Annex D.3.3."""

from __future__ import annotations

import logging
import subprocess
import sys
from dataclasses import replace
from struct import pack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pynetdicom import pdu as codecs
from pynetdicom import pdu_primitives as primitives
from pynetdicom.presentation import PresentationContext as Negotiable

import leaddicom
from leaddicom.enums import AbortReason
from leaddicom.errors import ParameterError, ProtocolError
from leaddicom.implementation import (
    IMPLEMENTATION_CLASS_UID,
    IMPLEMENTATION_VERSION_NAME,
)
from leaddicom.upper_layer.association import (
    Associate,
    PresentationContext,
    UserItem,
    decode_associate,
    encode_associate,
)
from leaddicom.values import is_uid, is_version_name

from .associate_pdus import (
    APPLICATION,
    APPLICATION_ITEM,
    BAD_UIDS,
    CT_STORAGE,
    EXPLICIT,
    GOOD,
    IMPLICIT,
    LIMITS,
    MAXIMUM,
    SYNTAX,
    UID_FIELDS,
    USER,
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

# -- round trips --------------------------------------------------------------------------------

uids = st.lists(st.integers(0, 99_999), min_size=2, max_size=10).map(
    lambda numbers: ".".join(map(str, numbers))
)
printable = st.characters(min_codepoint=0x20, max_codepoint=0x7E, exclude_characters="\\")
titles = st.text(printable, min_size=1, max_size=16).map(lambda text: text.strip(" ")).filter(bool)
uint16 = st.integers(0, 0xFFFF)
ids = st.integers(0, 127).map(lambda number: 2 * number + 1)
field16 = st.binary(max_size=40).map(counted)


@st.composite
def user_items(draw: st.DrawFn) -> UserItem:
    kind = draw(st.sampled_from((0x57, 0x58, 0x59, 0x00, 0x5A, 0xFF)))
    if kind == 0x57:
        related = b"".join(draw(st.lists(field16, max_size=3)))
        return UserItem(kind, draw(field16) + draw(field16) + counted(related))
    if kind == 0x58:
        head = bytes(draw(st.tuples(st.integers(1, 5), st.integers(0, 1))))
        return UserItem(kind, head + draw(field16) + draw(field16))
    return UserItem(kind, draw(field16 if kind == 0x59 else st.binary(max_size=40)))


def contexts(is_request: bool) -> st.SearchStrategy[PresentationContext]:
    if is_request:
        syntaxes = st.lists(uids, min_size=1, max_size=4)
        return st.builds(PresentationContext, ids, uids, syntaxes)
    accepted = st.builds(
        PresentationContext, ids, transfer_syntaxes=st.lists(uids, min_size=1, max_size=1)
    )
    return accepted | st.builds(PresentationContext, ids, result=st.integers(1, 4))


@st.composite
def associates(draw: st.DrawFn) -> Associate:
    is_request = draw(st.booleans())
    return Associate(
        is_request,
        draw(uint16),
        draw(titles if is_request else titles | st.just("")),
        draw(titles if is_request else titles | st.just("")),
        draw(uids),
        draw(
            st.lists(contexts(is_request), min_size=1, max_size=6, unique_by=lambda x: x.context_id)
        ),
        draw(st.none() | st.integers(0, 0xFFFFFFFF)),
        draw(st.none() | uids),
        draw(st.none() | st.text(printable, min_size=1, max_size=16).filter(lambda x: x[-1] > " ")),
        draw(st.none() | st.tuples(uint16, uint16)),
        draw(st.dictionaries(uids, st.tuples(st.booleans(), st.booleans()), max_size=3)),
        draw(st.dictionaries(uids, st.binary(max_size=20), max_size=3)),
        draw(
            st.lists(
                user_items(),
                max_size=4,
                unique_by=lambda x: x.item_type if x.item_type in (0x58, 0x59) else id(x),
            )
        ),
    )


@settings(max_examples=150, deadline=None)
@given(associates())
def test_what_was_encoded_is_decoded(associate: Associate) -> None:
    assert decode_associate(encode_associate(associate), LIMITS) == associate


def test_decoded_text_is_plain_str_and_not_a_pydicom_type() -> None:
    associate = decode_associate(pdu(APPLICATION_ITEM, offer(), USER), LIMITS)
    context = associate.presentation_contexts[0]
    texts = (
        associate.application_context,
        associate.implementation_class_uid,
        context.abstract_syntax,
        context.transfer_syntaxes[0],
    )
    assert {type(text) for text in texts} == {str}


def test_every_field_of_a_request() -> None:
    associate = decode_associate(
        pdu(
            APPLICATION_ITEM,
            offer(3, item(0x30, CT_STORAGE), item(0x40, EXPLICIT), item(0x40, IMPLICIT)),
            item(
                0x50,
                MAXIMUM,
                item(0x52, b"1.2.3"),
                item(0x53, pack(">HH", 5, 0)),
                item(0x54, counted(CT_STORAGE), b"\0\1"),
                item(0x55, b"VERSION"),
                item(0x56, counted(CT_STORAGE), b"\1\2\3"),
                item(0x58, b"\1\0", counted(b"user"), counted(b"")),
                item(0x7F, b"?"),
            ),
            called=b" ARCHIVE",
            version=3,
        ),
        LIMITS,
    )
    assert associate == Associate(
        is_request=True,
        protocol_version=3,
        called_ae_title="ARCHIVE",
        calling_ae_title="SCU",
        presentation_contexts=[
            PresentationContext(3, CT_STORAGE.decode(), [EXPLICIT.decode(), IMPLICIT.decode()])
        ],
        maximum_length=16384,
        implementation_class_uid="1.2.3",
        implementation_version_name="VERSION",
        asynchronous_operations=(5, 0),
        roles={CT_STORAGE.decode(): (False, True)},
        extended_negotiation={CT_STORAGE.decode(): b"\1\2\3"},
        user_items=[UserItem(0x58, b"\1\0\0\4user\0\0"), UserItem(0x7F, b"?")],
    )


def test_context_finds_by_id() -> None:
    associate = decode_associate(request(contexts=offer(1) + offer(255)), LIMITS)
    found = associate.context(255)
    assert found is associate.presentation_contexts[1]
    assert associate.context(3) is None


# -- against pynetdicom -------------------------------------------------------------------------


def user_primitives(is_request: bool) -> list[object]:
    maximum = primitives.MaximumLengthNotification()
    maximum.maximum_length_received = 16384
    implementation = primitives.ImplementationClassUIDNotification()
    implementation.implementation_class_uid = "1.2.3"
    window = primitives.AsynchronousOperationsWindowNegotiation()
    window.maximum_number_operations_invoked = 5
    window.maximum_number_operations_performed = 2
    role = primitives.SCP_SCU_RoleSelectionNegotiation()
    role.sop_class_uid, role.scu_role, role.scp_role = CT_STORAGE.decode(), False, True
    version = primitives.ImplementationVersionNameNotification()
    version.implementation_version_name = "VERSION"
    extension = primitives.SOPClassExtendedNegotiation()
    extension.sop_class_uid = CT_STORAGE.decode()
    extension.service_class_application_information = b"\1\2\3"
    identity = primitives.UserIdentityNegotiation()
    if is_request:
        identity.user_identity_type = 2
        identity.primary_field, identity.secondary_field = b"user", b"secret"
    else:
        identity.server_response = b"token"
    return [maximum, implementation, window, role, version, extension, identity]


def common_extension() -> primitives.SOPClassCommonExtendedNegotiation:
    common = primitives.SOPClassCommonExtendedNegotiation()
    common.sop_class_uid = CT_STORAGE.decode()
    common.service_class_uid = "1.2.840.10008.4.2"
    common.related_general_sop_class_identification = ["1.2.840.10008.5.1.4.1.1.88.22"]
    return common


def pynetdicoms_pdu(is_request: bool) -> bytes:
    primitive = primitives.A_ASSOCIATE()
    primitive.application_context_name = APPLICATION.decode()
    primitive.called_ae_title, primitive.calling_ae_title = "SCP", "SCU"
    context = Negotiable()
    context.context_id = 1
    context.abstract_syntax = CT_STORAGE.decode()
    context.transfer_syntax = [EXPLICIT.decode()]
    if is_request:
        context.add_transfer_syntax(IMPLICIT.decode())
        primitive.presentation_context_definition_list = [context]
    else:
        context.result = 0
        primitive.result, primitive.result_source, primitive.diagnostic = 0, 1, None
        primitive.presentation_context_definition_results_list = [context]
    primitive.user_information = user_primitives(is_request)
    if is_request:
        primitive.user_information.append(common_extension())
    codec = codecs.A_ASSOCIATE_RQ if is_request else codecs.A_ASSOCIATE_AC
    return bytes(codec(primitive).encode())


def the_same(is_request: bool) -> Associate:
    uid = CT_STORAGE.decode()
    if is_request:
        offered = PresentationContext(1, uid, [EXPLICIT.decode(), IMPLICIT.decode()])
        identity = UserItem(0x58, b"\2\0" + counted(b"user") + counted(b"secret"))
        related = counted(counted(b"1.2.840.10008.5.1.4.1.1.88.22"))
        common = counted(CT_STORAGE) + counted(b"1.2.840.10008.4.2") + related
        raw = [identity, UserItem(0x57, common)]
    else:
        offered = PresentationContext(1, "", [EXPLICIT.decode()])
        raw = [UserItem(0x59, counted(b"token"))]
    return Associate(
        is_request,
        called_ae_title="SCP",
        calling_ae_title="SCU",
        presentation_contexts=[offered],
        maximum_length=16384,
        implementation_class_uid="1.2.3",
        implementation_version_name="VERSION",
        asynchronous_operations=(5, 2),
        roles={uid: (False, True)},
        extended_negotiation={uid: b"\1\2\3"},
        user_items=raw,
    )


@pytest.mark.parametrize("is_request", [True, False], ids=["RQ", "AC"])
def test_pynetdicom_makes_the_same_bytes(is_request: bool) -> None:
    expected = pynetdicoms_pdu(is_request)
    assert encode_associate(the_same(is_request)) == expected
    assert decode_associate(expected, LIMITS) == the_same(is_request)


# -- pynetdicom is contained --------------------------------------------------------------------


def test_whatever_pynetdicom_raises_is_a_protocol_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(self: object, data: bytes) -> None:
        raise AttributeError("deep inside")

    monkeypatch.setattr(codecs.A_ASSOCIATE_RQ, "decode", explode)
    assert "deep inside" in refused(request(), INVALID)


def test_whatever_pynetdicom_raises_is_a_parameter_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(self: object) -> bytes:
        raise AttributeError("deep inside")

    monkeypatch.setattr(codecs.A_ASSOCIATE_RQ, "encode", explode)
    with pytest.raises(ParameterError, match="deep inside"):
        encode_associate(decode_associate(request(), LIMITS))


def test_nothing_is_logged_and_nothing_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    decode_associate(request(item(0x52, b"1.02"), item(0x55, b"\xff")), LIMITS)
    decode_associate(accept(answer(1, 3, item(0x40, b"\xff")), called=b"\xff"), LIMITS)
    for uid in BAD_UIDS.values():
        refused(UID_FIELDS["abstract syntax"](uid), INVALID)
    assert not caplog.records


SEEDS = [
    request(),
    accept(answer(1, 0, SYNTAX), answer(3, 4)),
    request(*(field for name, field in GOOD.items() if field[0] > 0x51)),
]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(data) - 1))
        match draw(st.sampled_from(["set", "insert", "delete", "copy"])):
            case "set":
                data[place] = draw(st.sampled_from((0, 1, 4, 0x40, 0x50, 0xFF)) | uint8)
            case "insert":
                data[place:place] = draw(st.binary(min_size=1, max_size=8))
            case "delete":
                del data[place : place + draw(st.integers(1, 8))]
            case "copy":
                data += data[place : place + 40]
    # Most mutants get past the header.
    return bytes(data[:2]) + pack(">L", max(0, len(data) - 6)) + bytes(data[6:])


uint8 = st.integers(0, 0xFF)


@settings(max_examples=600, deadline=None)
@given(mutated() | st.binary(max_size=200))
def test_only_protocol_errors_escape(data: bytes) -> None:
    try:
        associate = decode_associate(data, LIMITS)
    except ProtocolError:
        pass
    else:
        # What was understood can be said again, in other words or the same; only results and
        # raw items that we would not send stand in the way.
        associate = replace(associate, user_items=[])
        for context in associate.presentation_contexts:
            context.result = min(context.result, 4)
        assert decode_associate(encode_associate(associate), LIMITS) == associate


UNDER_O = """
import random, sys, time
from leaddicom.errors import ProtocolError
from leaddicom.limits import Limits
from leaddicom.upper_layer.association import decode_associate
assert False, "asserts are on"
chance, limits, seeds = random.Random(8), Limits(), [bytes.fromhex(x) for x in sys.argv[1:]]
refused = 0
for number in range(4000):
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.randint(1, 3)):
        data[chance.randrange(6, len(data))] = chance.choice((0, 1, 4, 64, 80, 255))
    try:
        decode_associate(bytes(data), limits)
    except ProtocolError:
        refused += 1
print(refused)
"""


def test_only_protocol_errors_escape_without_asserts() -> None:
    result = subprocess.run(
        [sys.executable, "-O", "-W", "error", "-c", UNDER_O, *(seed.hex() for seed in SEEDS)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    assert int(result.stdout) > 1000


# -- what cannot be encoded ---------------------------------------------------------------------


def sendable(is_request: bool = True) -> Associate:
    return replace(the_same(is_request), user_items=[], roles={}, extended_negotiation={})


UNSENDABLE = {
    "no contexts": {"presentation_contexts": []},
    "even id": {"presentation_contexts": [PresentationContext(2, "1.2", ["1.2"])]},
    "id 257": {"presentation_contexts": [PresentationContext(257, "1.2", ["1.2"])]},
    "repeated id": {"presentation_contexts": [PresentationContext(1, "1.2", ["1.2"])] * 2},
    "no abstract syntax": {"presentation_contexts": [PresentationContext(1, "", ["1.2"])]},
    "no transfer syntax": {"presentation_contexts": [PresentationContext(1, "1.2")]},
    "bad transfer syntax": {"presentation_contexts": [PresentationContext(1, "1.2", ["x"])]},
    "bad application context": {"application_context": "1.02"},
    "empty called AE title": {"called_ae_title": ""},
    "17 characters": {"calling_ae_title": "SEVENTEEN_LETTERS"},
    "umlaut": {"calling_ae_title": "\u00c4RZTE"},
    "version of 17 bits": {"protocol_version": 0x10000},
    "maximum length of 33 bits": {"maximum_length": 1 << 32},
    "window of 17 bits": {"asynchronous_operations": (0x10000, 1)},
    "bad class UID": {"implementation_class_uid": "LEADDICOM"},
    "empty version name": {"implementation_version_name": ""},
    "long version name": {"implementation_version_name": "SEVENTEEN_LETTERS"},
    "role of no class": {"roles": {"": (True, True)}},
    "extension of no class": {"extended_negotiation": {"": b""}},
    "extension too long": {"extended_negotiation": {"1.2": bytes(0xFFFF)}},
    "raw item that has a field": {"user_items": [UserItem(0x51, bytes(4))]},
    "raw item of 9 bits": {"user_items": [UserItem(0x158, b"")]},
    "raw item too long": {"user_items": [UserItem(0x58, bytes(0x10000))]},
    "user information too long": {"user_items": [UserItem(0x7F, bytes(0xFFFF))]},
}


@pytest.mark.parametrize("change", UNSENDABLE.values(), ids=UNSENDABLE)
def test_what_ps3_8_has_no_room_for_is_a_parameter_error(change: dict[str, object]) -> None:
    with pytest.raises(ParameterError):
        encode_associate(replace(sendable(), **change))


@pytest.mark.parametrize(
    "context",
    [
        PresentationContext(1, "", []),
        PresentationContext(1, "", ["1.2", "1.3"]),
        PresentationContext(1, "", ["1.2"], result=5),
        PresentationContext(1, "", ["1.2"], result=-1),
    ],
)
def test_an_answer_that_makes_no_sense_is_a_parameter_error(context: PresentationContext) -> None:
    with pytest.raises(ParameterError):
        encode_associate(replace(sendable(False), presentation_contexts=[context]))


def test_a_rejected_context_is_sent_with_some_transfer_syntax() -> None:
    context = PresentationContext(1, result=3)
    data = encode_associate(replace(sendable(False), presentation_contexts=[context]))
    assert answer(1, 3, SYNTAX) in data


def test_an_answer_may_return_an_ae_title_that_was_none() -> None:
    data = encode_associate(replace(sendable(False), called_ae_title="", calling_ae_title=""))
    assert data[10:42] == b" " * 32


# -- the smaller parts --------------------------------------------------------------------------


def test_the_implementation_fits_its_fields_and_follows_the_version() -> None:
    assert is_uid(IMPLEMENTATION_CLASS_UID)
    assert is_version_name(IMPLEMENTATION_VERSION_NAME)
    assert "LEADDICOM_" + leaddicom.__version__.replace(".", "_") == IMPLEMENTATION_VERSION_NAME
