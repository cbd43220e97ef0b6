"""`LDicomAssociate`: LEADTOOLS' members, and what they do to the contents."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from leaddicom.associate import LDicomAssociate
from leaddicom.errors import DicomErrorCode, ParameterError
from leaddicom.implementation import (
    IMPLEMENTATION_CLASS_UID,
    IMPLEMENTATION_VERSION_NAME,
)
from leaddicom.limits import MAXIMUM_PDU_LENGTH, Limits
from leaddicom.upper_layer.association import (
    Associate,
    PresentationContext,
    UserItem,
    decode_associate,
    encode_associate,
)

VERIFICATION = "1.2.840.10008.1.1"
CT, MR = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4"
IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"

MEMBERS = """
    Reset Default Clone IsRequest SetRequest
    GetVersion SetVersion GetCalled SetCalled GetCalling SetCalling GetApplication SetApplication
    GetPresentationCount GetPresentation SetPresentation AddPresentation DelPresentation
    GetResult SetResult GetAbstract SetAbstract FindAbstract FindNextAbstract GetAbstractCount
    GetTransferCount GetTransfer SetTransfer AddTransfer DelTransfer
    IsRoleSelect GetUserRole GetProviderRole SetRoleSelect
    GetLengthExtended GetExtended SetExtended
    IsMaxLength GetMaxLength SetMaxLength
    IsImplementClass GetImplementClass SetImplementClass
    IsImplementVersion GetImplementVersion SetImplementVersion
    IsAsyncOperations GetInvokedOperations GetPerformedOperations SetAsyncOperations
    GetUserInfoCount GetTypeUserInfo GetLengthUserInfo GetDataUserInfo
    SetUserInfo AddUserInfo DelUserInfo
"""


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


def test_it_has_leadtools_members_and_no_others_in_camel_case() -> None:
    members = {name for name in vars(LDicomAssociate) if name[0].isupper()}
    assert members == set(MEMBERS.split())


# -- life --------------------------------------------------------------------------------------


@pytest.mark.parametrize("request_", [True, False])
def test_a_new_one_is_empty_but_for_version_and_application_context(request_: bool) -> None:
    associate = LDicomAssociate(request_)
    assert associate.IsRequest() is request_
    assert associate.GetVersion() == 1
    assert associate.GetApplication() == "1.2.840.10008.3.1.1.1"
    assert associate.GetPresentationCount() == 0
    assert not associate.IsMaxLength()
    assert not associate.IsImplementClass()
    assert not associate.IsImplementVersion()
    assert not associate.IsAsyncOperations()
    assert associate.GetUserInfoCount() == 0


def test_reset_empties(pdu: LDicomAssociate) -> None:
    pdu.Reset(False)
    assert pdu.parameters == Associate(is_request=False)


def test_default_of_a_request_offers_verification(pdu: LDicomAssociate) -> None:
    pdu.Default()
    assert pdu.parameters == Associate(
        is_request=True,
        presentation_contexts=[PresentationContext(1, VERIFICATION, [IMPLICIT, EXPLICIT])],
        maximum_length=MAXIMUM_PDU_LENGTH,
        implementation_class_uid=IMPLEMENTATION_CLASS_UID,
        implementation_version_name=IMPLEMENTATION_VERSION_NAME,
    )


def test_default_of_an_answer_has_no_contexts() -> None:
    associate = LDicomAssociate(False)
    associate.Default()
    assert associate.GetPresentationCount() == 0
    assert associate.GetMaxLength() == MAXIMUM_PDU_LENGTH


def test_set_request_keeps_the_contents(pdu: LDicomAssociate) -> None:
    pdu.SetRequest(False)
    assert not pdu.IsRequest()
    assert pdu.GetPresentationCount() == 3


def test_a_clone_is_independent(pdu: LDicomAssociate) -> None:
    pdu.SetRoleSelect(1, True, 1, 1)
    clone = pdu.Clone()
    assert clone.parameters == pdu.parameters
    clone.AddTransfer(1, IMPLICIT)
    clone.SetRoleSelect(1, False, 0, 0)
    assert pdu.GetTransferCount(1) == 1
    assert pdu.IsRoleSelect(1)


def test_what_is_set_is_what_is_sent(pdu: LDicomAssociate) -> None:
    pdu.SetMaxLength(True, 46726)
    pdu.SetImplementClass(True, "1.2.3")
    pdu.SetImplementVersion(True, "VERSION")
    pdu.SetAsyncOperations(True, 5, 2)
    pdu.SetRoleSelect(1, True, 0, 1)
    pdu.SetExtended(3, b"\1\2")
    pdu.AddUserInfo(0x58, b"\1\0\0\4user\0\0")
    assert decode_associate(encode_associate(pdu.parameters), Limits()) == pdu.parameters


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


# -- header ------------------------------------------------------------------------------------


def test_header(pdu: LDicomAssociate) -> None:
    pdu.SetVersion(3)
    pdu.SetCalled(" CALLED ")
    pdu.SetCalling("SIXTEEN_LETTERS_")
    pdu.SetApplication("1.2.3")
    assert pdu.GetVersion() == 3
    assert pdu.GetCalled() == "CALLED"
    assert pdu.GetCalling() == "SIXTEEN_LETTERS_"
    assert pdu.GetApplication() == "1.2.3"


@pytest.mark.parametrize("version", [-1, 0x10000])
def test_a_version_has_16_bits(pdu: LDicomAssociate, version: int) -> None:
    with pytest.raises(ParameterError) as caught:
        pdu.SetVersion(version)
    assert caught.value.code == DicomErrorCode.RANGE


@pytest.mark.parametrize("title", ["", "  ", "SEVENTEEN_LETTERS", "A\\B", "A\n", "\u00c4"])
def test_what_is_no_ae_title_is_refused(pdu: LDicomAssociate, title: str) -> None:
    for setter in (pdu.SetCalled, pdu.SetCalling):
        with pytest.raises(ParameterError, match="not an AE title"):
            setter(title)


@pytest.mark.parametrize("uid", ["", "1.02", "1.2.", "1." + "2" * 63, "Verification"])
def test_what_is_no_uid_is_refused(pdu: LDicomAssociate, uid: str) -> None:
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


# -- presentation contexts ---------------------------------------------------------------------


def test_presentation_contexts_by_index(pdu: LDicomAssociate) -> None:
    assert [pdu.GetPresentation(index) for index in range(pdu.GetPresentationCount())] == [1, 3, 5]
    pdu.SetPresentation(1, 255)
    pdu.SetPresentation(2, 5)
    assert [pdu.GetPresentation(index) for index in range(3)] == [1, 255, 5]
    pdu.DelPresentation(255)
    assert pdu.GetPresentationCount() == 2


@pytest.mark.parametrize("index", [-1, 3])
def test_an_index_beyond_the_contexts_is_refused(pdu: LDicomAssociate, index: int) -> None:
    with pytest.raises(ParameterError, match="there are 3"):
        pdu.GetPresentation(index)
    with pytest.raises(ParameterError, match="there are 3"):
        pdu.SetPresentation(index, 7)


@pytest.mark.parametrize("presentation_id", [-1, 0, 2, 3, 257])
def test_ids_are_odd_and_different(pdu: LDicomAssociate, presentation_id: int) -> None:
    with pytest.raises(ParameterError) as caught:
        pdu.AddPresentation(presentation_id, 0, CT)
    assert caught.value.code == DicomErrorCode.PDU_ID
    with pytest.raises(ParameterError):
        pdu.SetPresentation(0, presentation_id)


@pytest.mark.parametrize("result", [-1, 5])
def test_results_are_0_to_4(pdu: LDicomAssociate, result: int) -> None:
    pdu.SetResult(1, 4)
    assert pdu.GetResult(1) == 4
    with pytest.raises(ParameterError):
        pdu.SetResult(1, result)
    with pytest.raises(ParameterError):
        pdu.AddPresentation(7, result, CT)


def test_abstract_syntaxes(pdu: LDicomAssociate) -> None:
    assert pdu.GetAbstract(3) == MR
    pdu.SetAbstract(3, CT)
    assert pdu.GetAbstract(3) == CT


def test_find_abstract_walks_through_the_contexts_of_a_class_and_ends_with_0(
    pdu: LDicomAssociate,
) -> None:
    assert pdu.FindAbstract(CT) == 1
    assert pdu.FindNextAbstract(1, CT) == 5
    assert pdu.FindNextAbstract(5, CT) == 0
    assert pdu.FindNextAbstract(3, CT) == 5
    assert pdu.FindNextAbstract(3, MR) == 0
    assert pdu.FindAbstract(VERIFICATION) == 0
    assert pdu.GetAbstractCount(CT) == 2
    assert pdu.GetAbstractCount(VERIFICATION) == 0


def test_find_abstract_follows_the_order_of_the_contexts_and_not_of_the_ids() -> None:
    associate = LDicomAssociate(True)
    for presentation_id in (5, 1, 3):
        associate.AddPresentation(presentation_id, 0, CT)
    assert associate.FindAbstract(CT) == 5
    assert associate.FindNextAbstract(5, CT) == 1
    assert associate.FindNextAbstract(1, CT) == 3


def test_transfer_syntaxes(pdu: LDicomAssociate) -> None:
    pdu.AddTransfer(1, IMPLICIT)
    assert pdu.GetTransferCount(1) == 2
    assert [pdu.GetTransfer(1, index) for index in range(2)] == [EXPLICIT, IMPLICIT]
    pdu.SetTransfer(1, 0, "1.2.3")
    assert pdu.GetTransfer(1, 0) == "1.2.3"
    pdu.DelTransfer(1, 0)
    assert pdu.GetTransfer(1, 0) == IMPLICIT
    for call in (pdu.GetTransfer, pdu.DelTransfer):
        with pytest.raises(ParameterError, match="no transfer syntax at index 1"):
            call(1, 1)


def test_a_context_that_is_not_there_is_named(pdu: LDicomAssociate) -> None:
    calls: list[Callable[[], object]] = [
        lambda: pdu.DelPresentation(7),
        lambda: pdu.GetResult(7),
        lambda: pdu.GetAbstract(7),
        lambda: pdu.FindNextAbstract(7, CT),
        lambda: pdu.GetTransferCount(7),
        lambda: pdu.IsRoleSelect(7),
        lambda: pdu.GetUserRole(7),
        lambda: pdu.SetRoleSelect(7, True, 1, 1),
        lambda: pdu.GetExtended(7),
        lambda: pdu.SetExtended(7, b""),
    ]
    for call in calls:
        with pytest.raises(ParameterError, match=r"no presentation context 7; .*\[1, 3, 5\]"):
            call()


# -- role selection and extended negotiation ---------------------------------------------------


def test_without_role_selection_the_requestor_is_the_scu(pdu: LDicomAssociate) -> None:
    assert not pdu.IsRoleSelect(1)
    assert (pdu.GetUserRole(1), pdu.GetProviderRole(1)) == (1, 0)


def test_role_selection_holds_for_all_contexts_of_the_class(pdu: LDicomAssociate) -> None:
    pdu.SetRoleSelect(1, True, 0, 1)
    assert pdu.IsRoleSelect(5)
    assert not pdu.IsRoleSelect(3)
    assert (pdu.GetUserRole(5), pdu.GetProviderRole(5)) == (0, 1)
    assert pdu.parameters.roles == {CT: (False, True)}
    pdu.SetRoleSelect(5, False, 1, 1)
    assert not pdu.IsRoleSelect(1)
    pdu.SetRoleSelect(5, False, 1, 1)


@pytest.mark.parametrize("roles", [(2, 0), (0, -1)])
def test_roles_are_0_or_1(pdu: LDicomAssociate, roles: tuple[int, int]) -> None:
    with pytest.raises(ParameterError, match="must be 0 or 1"):
        pdu.SetRoleSelect(1, True, *roles)


def test_extended_negotiation_holds_for_all_contexts_of_the_class(pdu: LDicomAssociate) -> None:
    assert (pdu.GetExtended(1), pdu.GetLengthExtended(1)) == (b"", 0)
    pdu.SetExtended(1, b"\1\2\3")
    assert (pdu.GetExtended(5), pdu.GetLengthExtended(5)) == (b"\1\2\3", 3)
    pdu.SetExtended(5, b"\1\2\3", 2)
    assert pdu.GetExtended(1) == b"\1\2"
    pdu.SetExtended(1, b"\1\2\3", 0)
    assert pdu.parameters.extended_negotiation == {}


@pytest.mark.parametrize("length", [-1, 4])
def test_the_length_of_data_is_within_it(pdu: LDicomAssociate, length: int) -> None:
    with pytest.raises(ParameterError, match="there are 3 bytes"):
        pdu.SetExtended(1, b"\1\2\3", length)
    with pytest.raises(ParameterError, match="there are 3 bytes"):
        pdu.AddUserInfo(0x58, b"\1\2\3", length)


def test_they_go_when_the_last_context_of_the_class_goes(pdu: LDicomAssociate) -> None:
    pdu.SetRoleSelect(1, True, 1, 1)
    pdu.SetExtended(1, b"\1")
    pdu.DelPresentation(1)
    assert pdu.IsRoleSelect(5)
    pdu.SetAbstract(5, MR)
    assert (pdu.parameters.roles, pdu.parameters.extended_negotiation) == ({}, {})


def test_they_need_an_abstract_syntax() -> None:
    answer = LDicomAssociate.from_parameters(
        Associate(is_request=False, presentation_contexts=[PresentationContext(1)])
    )
    with pytest.raises(ParameterError, match="SetAbstract"):
        answer.SetRoleSelect(1, True, 1, 1)
    with pytest.raises(ParameterError, match="SetAbstract"):
        answer.SetExtended(1, b"\1")


# -- user information --------------------------------------------------------------------------


@pytest.mark.parametrize("length", [0, 8, 0xFFFFFFFF])
def test_maximum_length(pdu: LDicomAssociate, length: int) -> None:
    assert pdu.GetMaxLength() == 0
    pdu.SetMaxLength(True, length)
    assert pdu.IsMaxLength()
    assert pdu.GetMaxLength() == length
    pdu.SetMaxLength(False, 7)
    assert not pdu.IsMaxLength()


@pytest.mark.parametrize("length", [-1, 1, 7, 1 << 32])
def test_a_maximum_length_is_unlimited_or_at_least_8(pdu: LDicomAssociate, length: int) -> None:
    with pytest.raises(ParameterError) as caught:
        pdu.SetMaxLength(True, length)
    assert caught.value.code == DicomErrorCode.RANGE


def test_implementation(pdu: LDicomAssociate) -> None:
    assert (pdu.GetImplementClass(), pdu.GetImplementVersion()) == ("", "")
    pdu.SetImplementClass(True, "1.2.3")
    pdu.SetImplementVersion(True, "SIXTEEN_LETTERS_")
    assert pdu.IsImplementClass()
    assert pdu.IsImplementVersion()
    assert (pdu.GetImplementClass(), pdu.GetImplementVersion()) == ("1.2.3", "SIXTEEN_LETTERS_")
    pdu.SetImplementClass(False, "")
    pdu.SetImplementVersion(False, "")
    assert not pdu.IsImplementClass()
    assert not pdu.IsImplementVersion()


@pytest.mark.parametrize("name", ["", "SEVENTEEN_LETTERS", "A\n", "\u00c4"])
def test_what_is_no_version_name_is_refused(pdu: LDicomAssociate, name: str) -> None:
    with pytest.raises(ParameterError, match="version name"):
        pdu.SetImplementVersion(True, name)


def test_asynchronous_operations(pdu: LDicomAssociate) -> None:
    assert (pdu.GetInvokedOperations(), pdu.GetPerformedOperations()) == (1, 1)
    pdu.SetAsyncOperations(True, 0, 0xFFFF)
    assert pdu.IsAsyncOperations()
    assert (pdu.GetInvokedOperations(), pdu.GetPerformedOperations()) == (0, 0xFFFF)
    pdu.SetAsyncOperations(False, -1, -1)
    assert not pdu.IsAsyncOperations()


@pytest.mark.parametrize("window", [(-1, 1), (1, 0x10000)])
def test_a_window_has_16_bits(pdu: LDicomAssociate, window: tuple[int, int]) -> None:
    with pytest.raises(ParameterError, match="16 bits"):
        pdu.SetAsyncOperations(True, *window)


def test_raw_items(pdu: LDicomAssociate) -> None:
    pdu.AddUserInfo(0x58, b"identity")
    pdu.AddUserInfo(0x57, b"common", 3)
    assert pdu.GetUserInfoCount() == 2
    assert (pdu.GetTypeUserInfo(0), pdu.GetLengthUserInfo(0)) == (0x58, 8)
    assert pdu.GetDataUserInfo(1) == b"com"
    pdu.SetUserInfo(1, 0x59, b"response")
    pdu.DelUserInfo(0)
    assert pdu.parameters.user_items == [UserItem(0x59, b"response")]


def test_an_index_beyond_the_raw_items_is_refused(pdu: LDicomAssociate) -> None:
    calls: list[Callable[[], object]] = [
        lambda: pdu.GetTypeUserInfo(0),
        lambda: pdu.GetLengthUserInfo(0),
        lambda: pdu.GetDataUserInfo(0),
        lambda: pdu.SetUserInfo(0, 0x58, b""),
        lambda: pdu.DelUserInfo(0),
    ]
    for call in calls:
        with pytest.raises(ParameterError, match="no user item at index 0"):
            call()


@pytest.mark.parametrize("item_type", [-1, 0x10, 0x40, *range(0x50, 0x57), 0x100])
def test_raw_items_do_not_stand_in_for_what_has_a_method(
    pdu: LDicomAssociate, item_type: int
) -> None:
    with pytest.raises(ParameterError, match="cannot have the type"):
        pdu.AddUserInfo(item_type, b"")


def test_a_raw_item_has_a_16_bit_length(pdu: LDicomAssociate) -> None:
    pdu.AddUserInfo(0x58, bytes(0xFFFF))
    with pytest.raises(ParameterError):
        pdu.AddUserInfo(0x58, bytes(0x10000))
