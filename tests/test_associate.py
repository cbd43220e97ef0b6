"""`LDicomAssociate`: what holds across its members, and the names that are not LEADTOOLS'."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from nets import ECHO_CLASS, Nets, associate_request

from leaddicom import (
    CommonExtendedNegotiation,
    LDicomAssociate,
    Limits,
    ParameterError,
    ProtocolError,
    UserIdentity,
    UserIdentityType,
)
from leaddicom.upper_layer.association import (
    Associate,
    PresentationContext,
    UserItem,
    decode_associate,
    encode_associate,
)

CT, MR = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4"
STORAGE = "1.2.840.10008.4.2"
EXPLICIT = "1.2.840.10008.1.2.1"


@pytest.fixture
def pdu() -> LDicomAssociate:
    """A request with contexts 1 (CT), 3 (MR) and 5 (CT again)."""
    associate = LDicomAssociate(True)
    associate.SetCalled("SCP")
    associate.SetCalling("SCU")
    for presentation_id, uid in ((1, CT), (3, MR), (5, CT)):
        associate.AddPresentation(presentation_id, 0, uid)
        associate.AddTransfer(presentation_id, EXPLICIT)
    return associate


def sent(associate: LDicomAssociate) -> LDicomAssociate:
    """What the peer gets."""
    pdu = encode_associate(associate.parameters)
    return LDicomAssociate.from_parameters(decode_associate(pdu, Limits()))


def test_what_is_set_is_what_is_sent(pdu: LDicomAssociate) -> None:
    pdu.SetMaxLength(True, 46726)
    pdu.SetImplementClass(True, "1.2.3")
    pdu.SetImplementVersion(True, "VERSION")
    pdu.SetAsyncOperations(True, 5, 2)
    pdu.SetRoleSelect(1, True, 0, 1)
    pdu.SetExtended(3, b"\1\2")
    pdu.AddUserInfo(0x58, b"\1\0\0\4user\0\0")
    assert sent(pdu).parameters == pdu.parameters


def test_a_received_answer_learns_its_abstract_syntaxes_from_the_request(
    pdu: LDicomAssociate,
) -> None:
    received = Associate(
        is_request=False,
        presentation_contexts=[PresentationContext(1), PresentationContext(99)],
        roles={CT: (False, True)},
    )
    alone = LDicomAssociate.from_parameters(received)
    assert alone.parameters is received
    assert alone.GetAbstract(1) == ""
    assert not alone.IsRoleSelect(1)

    answer = LDicomAssociate.from_parameters(received, pdu.parameters)
    assert not answer.IsRequest()
    assert (answer.GetAbstract(1), answer.GetAbstract(99)) == (CT, "")
    assert (answer.GetUserRole(1), answer.GetProviderRole(1)) == (0, 1)


@pytest.mark.parametrize("uid", ["", "1.02", "1.2.", "1." + "2" * 63, "Verification"])
def test_what_is_no_uid_is_refused_wherever_it_is_given(pdu: LDicomAssociate, uid: str) -> None:
    setters: list[Callable[[], None]] = [
        lambda: pdu.SetApplication(uid),
        lambda: pdu.AddPresentation(7, 0, uid),
        lambda: pdu.SetAbstract(1, uid),
        lambda: pdu.AddTransfer(1, uid),
        lambda: pdu.SetTransfer(1, 0, uid),
        lambda: pdu.SetImplementClass(True, uid),
    ]
    before = pdu.Clone().parameters
    for setter in setters:
        with pytest.raises(ParameterError, match="not a UID"):
            setter()
    assert pdu.parameters == before


def test_what_is_negotiated_by_sop_class_needs_an_abstract_syntax() -> None:
    answer = LDicomAssociate.from_parameters(
        Associate(is_request=False, presentation_contexts=[PresentationContext(1)])
    )
    with pytest.raises(ParameterError, match="SetAbstract"):
        answer.SetRoleSelect(1, True, 1, 1)
    with pytest.raises(ParameterError, match="SetAbstract"):
        answer.SetExtended(1, b"\1")


# -- user identity -----------------------------------------------------------------------------


def test_a_user_identity_is_a_raw_item_under_another_name(pdu: LDicomAssociate) -> None:
    assert pdu.user_identity is None
    pdu.AddUserInfo(0x58, b"\2\1" + b"\0\4user" + b"\0\4pass")
    assert pdu.user_identity == UserIdentity.of_user("user", "pass", response_requested=True)
    pdu.SetUserInfo(0, 0x58, b"\5\0" + b"\0\3e30" + b"\0\0")
    assert pdu.user_identity == UserIdentity(UserIdentityType.JWT, b"e30")


def test_setting_the_user_identity_replaces_its_raw_item_only(pdu: LDicomAssociate) -> None:
    pdu.AddUserInfo(0x58, b"damaged")
    pdu.AddUserInfo(0xFF, b"unknown")
    pdu.user_identity = UserIdentity.of_user("user")
    kinds = [pdu.GetTypeUserInfo(index) for index in range(pdu.GetUserInfoCount())]
    assert sorted(kinds) == [0x58, 0xFF]
    assert sent(pdu).user_identity == UserIdentity.of_user("user")
    pdu.user_identity = None
    assert pdu.parameters.user_items == [UserItem(0xFF, b"unknown")]


def test_an_answer_to_a_user_identity(pdu: LDicomAssociate) -> None:
    pdu.SetRequest(False)
    assert pdu.user_identity_response is None
    for response in (b"", b"ticket"):
        pdu.user_identity_response = response
        assert sent(pdu).user_identity_response == response
        assert (pdu.GetUserInfoCount(), pdu.GetTypeUserInfo(0)) == (1, 0x59)
    pdu.user_identity_response = None
    assert pdu.GetUserInfoCount() == 0


def test_no_text_of_an_associate_shows_a_secret(pdu: LDicomAssociate) -> None:
    pdu.user_identity = UserIdentity.of_user("user", "secret")
    assert "secret" not in repr(pdu) + str(pdu) + repr(pdu.parameters) + repr(pdu.user_identity)


# -- common extended negotiation ---------------------------------------------------------------


def test_common_extended_negotiations_are_raw_items_under_another_name(
    pdu: LDicomAssociate,
) -> None:
    assert pdu.common_extended_negotiation == ()
    known = tuple(CommonExtendedNegotiation(uid, STORAGE, ("1.2.3",)) for uid in (CT, MR))
    pdu.AddUserInfo(0xFF, b"unknown")
    pdu.common_extended_negotiation = known
    assert sent(pdu).common_extended_negotiation == known
    assert pdu.GetUserInfoCount() == 3
    pdu.DelUserInfo(1)
    assert pdu.common_extended_negotiation == known[1:]
    pdu.common_extended_negotiation = ()
    assert pdu.parameters.user_items == [UserItem(0xFF, b"unknown")]


# -- damaged items -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("item_type", "name"),
    [
        (0x57, "common_extended_negotiation"),
        (0x58, "user_identity"),
        (0x59, "user_identity_response"),
    ],
)
def test_a_damaged_item_arrives_and_only_its_typed_name_refuses_it(
    pdu: LDicomAssociate, item_type: int, name: str
) -> None:
    pdu.AddUserInfo(item_type, b"\1")
    received = sent(pdu)
    assert received.GetDataUserInfo(0) == b"\1"
    assert received.GetPresentationCount() == 3
    with pytest.raises(ProtocolError, match="needs 2 bytes for a field and has 1 left"):
        getattr(received, name)


def test_a_damaged_item_ends_no_association(nets: Nets) -> None:
    request = associate_request()
    request.AddUserInfo(0x58, b"\1")
    _, client = nets.pair(request=request)
    client.SendCEchoRequest(1, 1, ECHO_CLASS)
    assert nets.wait_for("OnReceiveCEchoResponse", net=client)[-1] == 0
