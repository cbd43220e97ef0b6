"""`LDicomAssociate`, member by member; what holds across members is in ``test_associate`` above."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from leaddicom import DicomErrorCode, LDicomAssociate, ParameterError
from leaddicom.implementation import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from leaddicom.limits import MAXIMUM_PDU_LENGTH
from leaddicom.upper_layer.association import Associate, PresentationContext

VERIFICATION = "1.2.840.10008.1.1"
CT, MR = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4"
IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"


@pytest.fixture
def pdu() -> LDicomAssociate:
    """A request with the contexts 1 (CT), 3 (MR) and 5 (CT again)."""
    associate = LDicomAssociate(True)
    for presentation_id, uid in ((1, CT), (3, MR), (5, CT)):
        associate.AddPresentation(presentation_id, 0, uid)
        associate.AddTransfer(presentation_id, EXPLICIT)
    return associate


def refused(code: DicomErrorCode, match: str) -> pytest.RaisesExc[ParameterError]:
    """Expect a call to be refused with that code and sentence."""
    return pytest.raises(ParameterError, match=match, check=lambda error: error.code == code)


def no_context() -> pytest.RaisesExc[ParameterError]:
    return refused(DicomErrorCode.PDU_ID, r"no presentation context 7; there are \[1, 3, 5\]")


def no_index(name: str) -> pytest.RaisesExc[ParameterError]:
    return refused(DicomErrorCode.RANGE, f"no {name} at index")


NOT_A_UID = "not a UID"


# -- life --------------------------------------------------------------------------------------


@pytest.mark.parametrize("request_", [True, False])
def test_LDicomAssociate(request_: bool) -> None:
    associate = LDicomAssociate(request_)
    assert associate.parameters == Associate(
        request_, protocol_version=1, application_context="1.2.840.10008.3.1.1.1"
    )


def test_Reset(pdu: LDicomAssociate) -> None:
    pdu.AddUserInfo(0x58, b"")
    pdu.Reset(False)
    assert pdu.parameters == Associate(is_request=False)


@pytest.mark.parametrize("request_", [True, False])
def test_Default(pdu: LDicomAssociate, request_: bool) -> None:
    pdu.SetRequest(request_)
    pdu.Default()
    offer = PresentationContext(1, VERIFICATION, [IMPLICIT, EXPLICIT])
    assert pdu.parameters == Associate(
        is_request=request_,
        presentation_contexts=[offer] if request_ else [],
        maximum_length=MAXIMUM_PDU_LENGTH,
        implementation_class_uid=IMPLEMENTATION_CLASS_UID,
        implementation_version_name=IMPLEMENTATION_VERSION_NAME,
    )


def test_IsRequest() -> None:
    assert LDicomAssociate(True).IsRequest() is True
    assert LDicomAssociate(False).IsRequest() is False


def test_SetRequest(pdu: LDicomAssociate) -> None:
    pdu.SetRequest(False)
    assert not pdu.IsRequest()
    assert pdu.GetPresentationCount() == 3


def test_Clone(pdu: LDicomAssociate) -> None:
    pdu.SetRoleSelect(1, True, 1, 1)
    pdu.AddUserInfo(0x58, b"?")
    clone = pdu.Clone()
    assert clone.parameters == pdu.parameters
    clone.AddTransfer(1, IMPLICIT)
    clone.SetRoleSelect(1, False, 0, 0)
    clone.DelUserInfo(0)
    assert pdu.GetTransferCount(1) == 1
    assert pdu.IsRoleSelect(1)
    assert pdu.GetUserInfoCount() == 1


# -- header ------------------------------------------------------------------------------------


def test_GetVersion(pdu: LDicomAssociate) -> None:
    assert pdu.GetVersion() == 1


@pytest.mark.parametrize("version", [0, 1, 0xFFFF])
def test_SetVersion(pdu: LDicomAssociate, version: int) -> None:
    pdu.SetVersion(version)
    assert pdu.GetVersion() == version
    for wrong in (-1, 0x10000):
        with refused(DicomErrorCode.RANGE, "16 bits"):
            pdu.SetVersion(wrong)


def test_GetCalled(pdu: LDicomAssociate) -> None:
    assert pdu.GetCalled() == ""


def check_titles(set_title: Callable[[str], None], get_title: Callable[[], str]) -> None:
    for title in ("A", " SCP ", "SIXTEEN_LETTERS_"):
        set_title(title)
        assert get_title() == title.strip()
    for wrong in ("", "  ", "SEVENTEEN_LETTERS", "A\\B", "A\n", "\u00c4"):
        with refused(DicomErrorCode.PARAMETER, "no AE title"):
            set_title(wrong)
    assert get_title() == "SIXTEEN_LETTERS_"


def test_SetCalled(pdu: LDicomAssociate) -> None:
    check_titles(pdu.SetCalled, pdu.GetCalled)


def test_GetCalling(pdu: LDicomAssociate) -> None:
    assert pdu.GetCalling() == ""
    pdu.SetCalled("SCP")
    assert pdu.GetCalling() == ""


def test_SetCalling(pdu: LDicomAssociate) -> None:
    check_titles(pdu.SetCalling, pdu.GetCalling)


def test_GetApplication(pdu: LDicomAssociate) -> None:
    assert pdu.GetApplication() == "1.2.840.10008.3.1.1.1"


def test_SetApplication(pdu: LDicomAssociate) -> None:
    pdu.SetApplication("1.2.3")
    assert pdu.GetApplication() == "1.2.3"
    with refused(DicomErrorCode.PARAMETER, NOT_A_UID):
        pdu.SetApplication("DICOM")


# -- presentation contexts ---------------------------------------------------------------------


def test_GetPresentationCount(pdu: LDicomAssociate) -> None:
    assert LDicomAssociate(True).GetPresentationCount() == 0
    assert pdu.GetPresentationCount() == 3


def test_GetPresentation(pdu: LDicomAssociate) -> None:
    assert [pdu.GetPresentation(index) for index in range(3)] == [1, 3, 5]
    for index in (-1, 3):
        with no_index("presentation context"):
            pdu.GetPresentation(index)


def test_SetPresentation(pdu: LDicomAssociate) -> None:
    pdu.SetPresentation(1, 255)
    pdu.SetPresentation(2, 5)
    assert [pdu.GetPresentation(index) for index in range(3)] == [1, 255, 5]
    assert pdu.GetAbstract(255) == MR
    for wrong in (-1, 0, 2, 5, 257):
        with refused(DicomErrorCode.PDU_ID, "odd"):
            pdu.SetPresentation(0, wrong)
    for index in (-1, 3):
        with no_index("presentation context"):
            pdu.SetPresentation(index, 7)


def test_AddPresentation(pdu: LDicomAssociate) -> None:
    pdu.AddPresentation(255, 4, VERIFICATION)
    assert pdu.GetPresentation(3) == 255
    assert (pdu.GetAbstract(255), pdu.GetResult(255)) == (VERIFICATION, 4)
    assert pdu.GetTransferCount(255) == 0
    for wrong in (-1, 0, 2, 3, 257):
        with refused(DicomErrorCode.PDU_ID, "odd"):
            pdu.AddPresentation(wrong, 0, CT)
    for wrong in (-1, 5):
        with refused(DicomErrorCode.RANGE, "0 to 4"):
            pdu.AddPresentation(7, wrong, CT)
    with refused(DicomErrorCode.PARAMETER, NOT_A_UID):
        pdu.AddPresentation(7, 0, "CT")
    assert pdu.GetPresentationCount() == 4


def test_DelPresentation(pdu: LDicomAssociate) -> None:
    pdu.SetRoleSelect(1, True, 1, 1)
    pdu.SetExtended(1, b"\1")
    pdu.DelPresentation(1)
    assert [pdu.GetPresentation(index) for index in range(2)] == [3, 5]
    assert pdu.IsRoleSelect(5)
    pdu.DelPresentation(5)
    assert (pdu.parameters.roles, pdu.parameters.extended_negotiation) == ({}, {})
    with refused(DicomErrorCode.PDU_ID, r"no presentation context 5; there are \[3\]"):
        pdu.DelPresentation(5)


def test_GetResult(pdu: LDicomAssociate) -> None:
    assert pdu.GetResult(1) == 0
    with no_context():
        pdu.GetResult(7)


def test_SetResult(pdu: LDicomAssociate) -> None:
    for result in range(5):
        pdu.SetResult(1, result)
        assert (pdu.GetResult(1), pdu.GetResult(5)) == (result, 0)
    for wrong in (-1, 5):
        with refused(DicomErrorCode.RANGE, "0 to 4"):
            pdu.SetResult(1, wrong)
    with no_context():
        pdu.SetResult(7, 0)


# -- abstract syntax ---------------------------------------------------------------------------


def test_GetAbstract(pdu: LDicomAssociate) -> None:
    assert pdu.GetAbstract(3) == MR
    with no_context():
        pdu.GetAbstract(7)


def test_SetAbstract(pdu: LDicomAssociate) -> None:
    pdu.SetRoleSelect(3, True, 1, 1)
    pdu.SetAbstract(3, VERIFICATION)
    assert pdu.GetAbstract(3) == VERIFICATION
    assert pdu.parameters.roles == {}
    with refused(DicomErrorCode.PARAMETER, NOT_A_UID):
        pdu.SetAbstract(3, "1.02")
    assert pdu.GetAbstract(3) == VERIFICATION
    with no_context():
        pdu.SetAbstract(7, CT)


def test_FindAbstract(pdu: LDicomAssociate) -> None:
    assert (pdu.FindAbstract(CT), pdu.FindAbstract(MR), pdu.FindAbstract(VERIFICATION)) == (1, 3, 0)
    pdu.SetPresentation(0, 9)
    assert pdu.FindAbstract(CT) == 9, "by the order of the contexts, not of their ids"


def test_FindNextAbstract(pdu: LDicomAssociate) -> None:
    assert [pdu.FindNextAbstract(after, CT) for after in (1, 3, 5)] == [5, 5, 0]
    assert pdu.FindNextAbstract(3, MR) == 0
    pdu.SetPresentation(0, 9)
    assert pdu.FindNextAbstract(9, CT) == 5, "by the order of the contexts, not of their ids"
    with refused(DicomErrorCode.PDU_ID, "no presentation context 1"):
        pdu.FindNextAbstract(1, CT)


def test_GetAbstractCount(pdu: LDicomAssociate) -> None:
    assert [pdu.GetAbstractCount(uid) for uid in (CT, MR, VERIFICATION)] == [2, 1, 0]


# -- transfer syntax ---------------------------------------------------------------------------


def test_GetTransferCount(pdu: LDicomAssociate) -> None:
    assert pdu.GetTransferCount(1) == 1
    with no_context():
        pdu.GetTransferCount(7)


def test_GetTransfer(pdu: LDicomAssociate) -> None:
    assert pdu.GetTransfer(1, 0) == EXPLICIT
    for index in (-1, 1):
        with no_index("transfer syntax"):
            pdu.GetTransfer(1, index)
    with no_context():
        pdu.GetTransfer(7, 0)


def test_SetTransfer(pdu: LDicomAssociate) -> None:
    pdu.SetTransfer(1, 0, IMPLICIT)
    assert (pdu.GetTransfer(1, 0), pdu.GetTransfer(5, 0)) == (IMPLICIT, EXPLICIT)
    for index in (-1, 1):
        with no_index("transfer syntax"):
            pdu.SetTransfer(1, index, EXPLICIT)
    with refused(DicomErrorCode.PARAMETER, NOT_A_UID):
        pdu.SetTransfer(1, 0, "implicit")
    assert pdu.GetTransfer(1, 0) == IMPLICIT


def test_AddTransfer(pdu: LDicomAssociate) -> None:
    pdu.AddTransfer(1, IMPLICIT)
    assert [pdu.GetTransfer(1, index) for index in range(2)] == [EXPLICIT, IMPLICIT]
    with refused(DicomErrorCode.PARAMETER, NOT_A_UID):
        pdu.AddTransfer(1, "")
    with no_context():
        pdu.AddTransfer(7, IMPLICIT)


def test_DelTransfer(pdu: LDicomAssociate) -> None:
    pdu.AddTransfer(1, IMPLICIT)
    pdu.DelTransfer(1, 0)
    assert pdu.GetTransfer(1, 0) == IMPLICIT
    for index in (-1, 1):
        with no_index("transfer syntax"):
            pdu.DelTransfer(1, index)


# -- role selection ----------------------------------------------------------------------------


def test_IsRoleSelect(pdu: LDicomAssociate) -> None:
    assert not pdu.IsRoleSelect(1)
    pdu.SetRoleSelect(1, True, 1, 0)
    assert [pdu.IsRoleSelect(each) for each in (1, 3, 5)] == [True, False, True]
    with no_context():
        pdu.IsRoleSelect(7)


def test_GetUserRole(pdu: LDicomAssociate) -> None:
    assert pdu.GetUserRole(1) == 1
    pdu.SetRoleSelect(1, True, 0, 1)
    assert [pdu.GetUserRole(each) for each in (1, 3, 5)] == [0, 1, 0]
    with no_context():
        pdu.GetUserRole(7)


def test_GetProviderRole(pdu: LDicomAssociate) -> None:
    assert pdu.GetProviderRole(1) == 0
    pdu.SetRoleSelect(1, True, 0, 1)
    assert [pdu.GetProviderRole(each) for each in (1, 3, 5)] == [1, 0, 1]
    with no_context():
        pdu.GetProviderRole(7)


@pytest.mark.parametrize("roles", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_SetRoleSelect(pdu: LDicomAssociate, roles: tuple[int, int]) -> None:
    pdu.SetRoleSelect(1, True, *roles)
    assert (pdu.GetUserRole(5), pdu.GetProviderRole(5)) == roles
    for wrong in ((2, 0), (0, -1)):
        with refused(DicomErrorCode.PARAMETER, "must be 0 or 1"):
            pdu.SetRoleSelect(1, True, *wrong)
    assert (pdu.GetUserRole(5), pdu.GetProviderRole(5)) == roles
    for _ in range(2):
        pdu.SetRoleSelect(5, False, -1, -1)
        assert not pdu.IsRoleSelect(1)
    with no_context():
        pdu.SetRoleSelect(7, True, *roles)


# -- SOP class extended negotiation ------------------------------------------------------------


def test_GetLengthExtended(pdu: LDicomAssociate) -> None:
    assert pdu.GetLengthExtended(1) == 0
    pdu.SetExtended(1, b"\1\2\3")
    assert pdu.GetLengthExtended(5) == 3
    with no_context():
        pdu.GetLengthExtended(7)


def test_GetExtended(pdu: LDicomAssociate) -> None:
    assert pdu.GetExtended(1) == b""
    pdu.SetExtended(1, b"\1\2\3")
    assert [pdu.GetExtended(each) for each in (1, 3, 5)] == [b"\1\2\3", b"", b"\1\2\3"]
    with no_context():
        pdu.GetExtended(7)


def test_SetExtended(pdu: LDicomAssociate) -> None:
    pdu.SetExtended(5, b"\1\2\3", 2)
    assert pdu.GetExtended(1) == b"\1\2"
    for length in (-1, 4):
        with refused(DicomErrorCode.RANGE, "there are 3 bytes"):
            pdu.SetExtended(1, b"\1\2\3", length)
    pdu.SetExtended(1, b"\1\2\3", 0)
    assert pdu.parameters.extended_negotiation == {}
    with no_context():
        pdu.SetExtended(7, b"")


# -- maximum length ----------------------------------------------------------------------------


def test_IsMaxLength(pdu: LDicomAssociate) -> None:
    assert not pdu.IsMaxLength()
    pdu.SetMaxLength(True, 0)
    assert pdu.IsMaxLength()


def test_GetMaxLength(pdu: LDicomAssociate) -> None:
    assert pdu.GetMaxLength() == 0
    pdu.SetMaxLength(True, 46_726)
    assert pdu.GetMaxLength() == 46_726


@pytest.mark.parametrize("length", [0, 8, 0xFFFFFFFF])
def test_SetMaxLength(pdu: LDicomAssociate, length: int) -> None:
    pdu.SetMaxLength(True, length)
    assert pdu.GetMaxLength() == length
    for wrong in (-1, 1, 7, 1 << 32):
        with refused(DicomErrorCode.RANGE, "maximum length"):
            pdu.SetMaxLength(True, wrong)
    assert pdu.GetMaxLength() == length
    pdu.SetMaxLength(False, 7)
    assert not pdu.IsMaxLength()


# -- implementation ----------------------------------------------------------------------------


def test_IsImplementClass(pdu: LDicomAssociate) -> None:
    assert not pdu.IsImplementClass()
    pdu.SetImplementClass(True, "1.2.3")
    assert pdu.IsImplementClass()


def test_GetImplementClass(pdu: LDicomAssociate) -> None:
    assert pdu.GetImplementClass() == ""


def test_SetImplementClass(pdu: LDicomAssociate) -> None:
    pdu.SetImplementClass(True, "1.2.3")
    assert pdu.GetImplementClass() == "1.2.3"
    with refused(DicomErrorCode.PARAMETER, NOT_A_UID):
        pdu.SetImplementClass(True, "")
    pdu.SetImplementClass(False, "")
    assert not pdu.IsImplementClass()


def test_IsImplementVersion(pdu: LDicomAssociate) -> None:
    assert not pdu.IsImplementVersion()
    pdu.SetImplementVersion(True, "V")
    assert pdu.IsImplementVersion()


def test_GetImplementVersion(pdu: LDicomAssociate) -> None:
    assert pdu.GetImplementVersion() == ""


@pytest.mark.parametrize("version", ["V", "SIXTEEN_LETTERS_"])
def test_SetImplementVersion(pdu: LDicomAssociate, version: str) -> None:
    pdu.SetImplementVersion(True, version)
    assert pdu.GetImplementVersion() == version
    for wrong in ("", "SEVENTEEN_LETTERS", "A\n", "\u00c4"):
        with refused(DicomErrorCode.PARAMETER, "version name"):
            pdu.SetImplementVersion(True, wrong)
    pdu.SetImplementVersion(False, "")
    assert not pdu.IsImplementVersion()


# -- asynchronous operations -------------------------------------------------------------------


def test_IsAsyncOperations(pdu: LDicomAssociate) -> None:
    assert not pdu.IsAsyncOperations()
    pdu.SetAsyncOperations(True, 1, 1)
    assert pdu.IsAsyncOperations()


def test_GetInvokedOperations(pdu: LDicomAssociate) -> None:
    assert pdu.GetInvokedOperations() == 1
    pdu.SetAsyncOperations(True, 5, 2)
    assert pdu.GetInvokedOperations() == 5


def test_GetPerformedOperations(pdu: LDicomAssociate) -> None:
    assert pdu.GetPerformedOperations() == 1
    pdu.SetAsyncOperations(True, 5, 2)
    assert pdu.GetPerformedOperations() == 2


@pytest.mark.parametrize("window", [(0, 0xFFFF), (0xFFFF, 0)])
def test_SetAsyncOperations(pdu: LDicomAssociate, window: tuple[int, int]) -> None:
    pdu.SetAsyncOperations(True, *window)
    assert (pdu.GetInvokedOperations(), pdu.GetPerformedOperations()) == window
    for wrong in ((-1, 1), (1, 0x10000)):
        with refused(DicomErrorCode.RANGE, "16 bits"):
            pdu.SetAsyncOperations(True, *wrong)
    pdu.SetAsyncOperations(False, -1, -1)
    assert not pdu.IsAsyncOperations()


# -- raw user items ----------------------------------------------------------------------------


def test_GetUserInfoCount(pdu: LDicomAssociate) -> None:
    pdu.SetMaxLength(True, 0)
    assert pdu.GetUserInfoCount() == 0
    pdu.AddUserInfo(0x58, b"")
    assert pdu.GetUserInfoCount() == 1


@pytest.fixture
def raw(pdu: LDicomAssociate) -> LDicomAssociate:
    """The request with a raw user identity and an item of no known type."""
    pdu.AddUserInfo(0x58, b"identity")
    pdu.AddUserInfo(0xFF, b"unknown")
    return pdu


def test_GetTypeUserInfo(raw: LDicomAssociate) -> None:
    assert [raw.GetTypeUserInfo(index) for index in range(2)] == [0x58, 0xFF]
    for index in (-1, 2):
        with no_index("user item"):
            raw.GetTypeUserInfo(index)


def test_GetLengthUserInfo(raw: LDicomAssociate) -> None:
    assert [raw.GetLengthUserInfo(index) for index in range(2)] == [8, 7]
    with no_index("user item"):
        raw.GetLengthUserInfo(2)


def test_GetDataUserInfo(raw: LDicomAssociate) -> None:
    assert [raw.GetDataUserInfo(index) for index in range(2)] == [b"identity", b"unknown"]
    with no_index("user item"):
        raw.GetDataUserInfo(2)


def test_SetUserInfo(raw: LDicomAssociate) -> None:
    raw.SetUserInfo(1, 0x59, b"response", 3)
    assert (raw.GetTypeUserInfo(1), raw.GetDataUserInfo(1)) == (0x59, b"res")
    with no_index("user item"):
        raw.SetUserInfo(2, 0x59, b"")
    with refused(DicomErrorCode.PARAMETER, "use the method of the item"):
        raw.SetUserInfo(1, 0x51, bytes(4))
    assert raw.GetTypeUserInfo(1) == 0x59


def test_AddUserInfo(raw: LDicomAssociate) -> None:
    raw.AddUserInfo(0x57, b"common", 3)
    raw.AddUserInfo(0x00, bytes(0xFFFF))
    assert (raw.GetTypeUserInfo(2), raw.GetDataUserInfo(2)) == (0x57, b"com")
    assert (raw.GetTypeUserInfo(3), raw.GetLengthUserInfo(3)) == (0x00, 0xFFFF)
    for data, length in ((b"123", -1), (b"123", 4), (bytes(0x10000), None)):
        with refused(DicomErrorCode.RANGE, f"there are {len(data)} bytes"):
            raw.AddUserInfo(0x57, data, length)
    for item_type in (-1, 0x10, 0x40, *range(0x50, 0x57), 0x100):
        with refused(DicomErrorCode.PARAMETER, "cannot have the type"):
            raw.AddUserInfo(item_type, b"")
    assert raw.GetUserInfoCount() == 4


def test_DelUserInfo(raw: LDicomAssociate) -> None:
    raw.DelUserInfo(0)
    assert (raw.GetUserInfoCount(), raw.GetTypeUserInfo(0)) == (1, 0xFF)
    for index in (-1, 1):
        with no_index("user item"):
            raw.DelUserInfo(index)
