"""The lists of presentation contexts that applications are offered."""

from __future__ import annotations

import pytest
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom.presentation import AllStoragePresentationContexts

from leaddicom import (
    COMMON_STORAGE,
    MODALITY_WORKLIST,
    PATIENT_ROOT,
    STORAGE,
    STUDY_ROOT,
    TRANSFER_SYNTAXES,
    UNCOMPRESSED,
    VERIFICATION,
    LDicomNet,
    QueryModel,
    SupportedContext,
    supported,
)

EVERYTHING = (*STORAGE, *VERIFICATION)


def test_uncompressed_ends_with_the_mandatory_one() -> None:
    """PS3.5 section 10.1; what comes first is preferred."""
    assert (ExplicitVRLittleEndian, ImplicitVRLittleEndian) == UNCOMPRESSED


def test_transfer_syntaxes_are_what_the_standard_says_they_are() -> None:
    assert TRANSFER_SYNTAXES[:2] == UNCOMPRESSED
    assert len(set(TRANSFER_SYNTAXES)) == len(TRANSFER_SYNTAXES)
    for uid in TRANSFER_SYNTAXES:
        assert UID(uid).is_transfer_syntax


def test_verification() -> None:
    assert (SupportedContext("1.2.840.10008.1.1", UNCOMPRESSED),) == VERIFICATION


def test_storage_has_every_storage_class_in_every_transfer_syntax() -> None:
    classes = {context.abstract_syntax for context in STORAGE}
    assert classes == {str(each.abstract_syntax) for each in AllStoragePresentationContexts}
    assert len(STORAGE) == len(classes) > 150
    assert {context.transfer_syntaxes for context in STORAGE} == {TRANSFER_SYNTAXES}
    assert "1.2.840.10008.5.1.4.1.1.2" in classes  # CT Image Storage


def test_common_storage_is_as_much_as_a_retrieval_can_offer_twice() -> None:
    classes = {context.abstract_syntax for context in STORAGE}
    assert len(set(COMMON_STORAGE)) == len(COMMON_STORAGE) == (128 - 3) // 2
    assert classes.issuperset(COMMON_STORAGE)


@pytest.mark.parametrize(
    ("model", "uids"),
    [
        (PATIENT_ROOT, [f"1.2.840.10008.5.1.4.1.2.1.{number}" for number in (1, 2, 3)]),
        (STUDY_ROOT, [f"1.2.840.10008.5.1.4.1.2.2.{number}" for number in (1, 2, 3)]),
        (MODALITY_WORKLIST, ["1.2.840.10008.5.1.4.31", "", ""]),
    ],
)
def test_query_models(model: QueryModel, uids: list[str]) -> None:
    """PS3.4 sections C.6 and K.6."""
    assert [model.find, model.move, model.get] == uids
    assert {type(uid) for uid in (model.find, model.move, model.get)} == {str}


@pytest.mark.parametrize("uids", [["1.2", "1.3"], (UID("1.2"), UID("1.3")), iter(["1.2", "1.3"])])
def test_supported_takes_any_iterable(uids: object) -> None:
    made = supported(uids, iter([ImplicitVRLittleEndian]))
    assert made == (
        SupportedContext("1.2", (str(ImplicitVRLittleEndian),)),
        SupportedContext("1.3", (str(ImplicitVRLittleEndian),)),
    )


def test_supported_is_uncompressed_unless_told_otherwise() -> None:
    assert supported(["1.2"])[0].transfer_syntaxes == UNCOMPRESSED


def test_all_uids_are_plain_text() -> None:
    for context in EVERYTHING:
        assert type(context.abstract_syntax) is str
        assert {type(uid) for uid in context.transfer_syntaxes} == {str}


def test_a_server_supports_verification_by_default() -> None:
    assert LDicomNet.supported_contexts is VERIFICATION
