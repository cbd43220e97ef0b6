"""Data sets of peers, copied with all their values converted, and without a word about them."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from leaddicom import Limits
from leaddicom.decoding import decode_data_set, encode_data_set
from leaddicom.ups.core.received import clean_copy
from leaddicom.ups.core.terms import UpsStatus

from ..workitems import code, data_set

IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
BOTH = pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT])


def raw(dataset: Dataset, keyword: str | int, value: bytes, vr: str | None = None) -> Dataset:
    tag = Tag(keyword)
    dataset[tag] = RawDataElement(tag, vr, len(value), value, 0, vr is None, True)
    return dataset


def through(dataset: Dataset, syntax: str) -> Dataset:
    return decode_data_set(encode_data_set(dataset, syntax), syntax, Limits())


@BOTH
def test_a_copy_is_equal(syntax: str) -> None:
    dataset = data_set(
        SpecificCharacterSet="ISO_IR 192",
        PatientName=["Müller^Jürgen", "Ж^山"],
        PatientComments="a\\b",
        PatientSize="1.75",
        NumericValue=["1.5", "-2"],
        ReferencedSegmentNumber=[1, 2],
        FloatingPointValue=2.5,
        RetrieveURI="http://a/b?c=1",
        StudyInstanceUID="1.2.3",
        ScheduledWorkitemCodeSequence=[code("1", meaning="Größe")],
        OtherPatientIDsSequence=[],
        PatientID="",
    )
    received = through(dataset, syntax)
    copied, findings = clean_copy(received)
    assert findings == []
    assert list(copied) == list(through(dataset, syntax))
    assert copied is not received
    copied.ScheduledWorkitemCodeSequence[0].CodeValue = "2"
    assert received.ScheduledWorkitemCodeSequence[0].CodeValue == "1"


@BOTH
def test_items_with_a_character_set_of_their_own_lose_it(syntax: str) -> None:
    item = data_set(SpecificCharacterSet="ISO_IR 144", CodeMeaning="Ж")
    dataset = data_set(SpecificCharacterSet="ISO_IR 100", ScheduledWorkitemCodeSequence=[item])
    copied, findings = clean_copy(through(dataset, syntax))
    assert findings == []
    (item,) = copied.ScheduledWorkitemCodeSequence
    assert ("SpecificCharacterSet" in item, item.CodeMeaning) == (False, "Ж")


@pytest.mark.parametrize("vr", ["UN", "LO", "SH", None])
def test_a_known_attribute_gets_its_own_representation(vr: str | None) -> None:
    copied, _ = clean_copy(raw(Dataset(), "ProcedureStepState", b"SCHEDULED\0", vr))
    assert (copied["ProcedureStepState"].VR, copied.ProcedureStepState) == ("CS", "SCHEDULED")


def test_but_not_one_of_which_it_could_not_be_read() -> None:
    copied, findings = clean_copy(raw(Dataset(), "ProcedureStepState", b"SC", "OB"))
    assert (copied["ProcedureStepState"].VR, findings) == ("OB", [])


def test_one_that_no_dictionary_has_is_kept_as_bytes() -> None:
    copied, findings = clean_copy(raw(Dataset(), 0x00101FFE, b"new!"))
    assert (copied[0x00101FFE].value, findings) == (b"new!", [])


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("PatientWeight", b"heavy "),
        ("ReferencedFrameNumber", b"1.x "),
        ("ReferencedSegmentNumber", b"123"),
        ("ScheduledWorkitemCodeSequence", b"\xfe\xff\x00\xe0 "),
    ],
)
def test_what_cannot_be_converted_is_left_out_and_named(keyword: str, value: bytes) -> None:
    copied, (finding,) = clean_copy(raw(Dataset(), keyword, value))
    assert keyword not in copied
    assert finding.status is UpsStatus.INVALID_ATTRIBUTE_VALUE
    assert finding.tag == Tag(keyword)
    assert finding.text == f"{keyword} cannot be read"


def test_in_items_too() -> None:
    item = raw(Dataset(), "PatientWeight", b"heavy ")
    copied, (finding,) = clean_copy(data_set(OtherPatientIDsSequence=[item]))
    assert len(copied.OtherPatientIDsSequence) == 1
    assert finding.text == "PatientWeight cannot be read"


@pytest.mark.parametrize(
    ("terms", "name"),
    [
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동"),
        (["ISO 2022 IR 13", "ISO 2022 IR 87"], "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう"),
        (["ISO 2022 IR 100", "ISO 2022 IR 144"], "Müller^Жанна"),
        (["GB18030"], "Wang^XiaoDong=王^小东"),
    ],
)
def test_names_in_several_scripts_are_read(terms: list[str], name: str) -> None:
    dataset = data_set(SpecificCharacterSet=terms, PatientName=[name, "A^B"])
    copied, findings = clean_copy(through(dataset, EXPLICIT))
    assert (findings, [str(each) for each in copied.PatientName]) == ([], [name, "A^B"])


def test_chinese_with_code_extensions_is_read() -> None:
    """The example of PS3.5 section K.2, which pydicom leaves its escape sequences in."""
    dataset = data_set(SpecificCharacterSet=["", "ISO 2022 IR 58"])
    name = b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab"
    raw(dataset, "PatientName", name, "PN")
    raw(dataset, "PatientComments", b"first\r\n\x1b$)A\xd5\xc5 a", "LT")
    copied, findings = clean_copy(through(dataset, EXPLICIT))
    assert findings == []
    assert copied.PatientName == "Zhang^XiaoDong=张^小东"
    assert copied.PatientComments == "first\r\n张 a"


@pytest.mark.filterwarnings("ignore:Failed to decode")
@pytest.mark.parametrize("terms", ["ISO_IR 192", ["", "ISO 2022 IR 87"]])
def test_bytes_that_are_no_text_cannot_be_read(terms: str | list[str]) -> None:
    received = through(data_set(SpecificCharacterSet=terms, PatientID="1"), EXPLICIT)
    value = b"\xff\xfe" if terms == "ISO_IR 192" else b"\x1b$B\xff\xff\x1b(B"
    copied, findings = clean_copy(raw(received, "PatientName", value, "PN"))
    assert [each.text for each in findings] == ["PatientName cannot be read"]
    assert copied.PatientID == "1"


def test_a_replacement_character_that_was_sent_is_text() -> None:
    dataset = data_set(SpecificCharacterSet="ISO_IR 192", PatientName="A\ufffd")
    assert clean_copy(through(dataset, EXPLICIT))[0].PatientName == "A\ufffd"


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("PatientBirthDate", b"secret19"),
        ("PatientSex", b"secret"),
        ("PatientID", b"secret" * 20),
        ("PatientName", b"secret" * 20),
        ("AdmissionID", b"secret\x1bsecret "),
        ("StudyInstanceUID", b"1.secret"),
        ("PatientAge", b"secret"),
    ],
)
def test_odd_values_are_converted_in_silence(
    keyword: str, value: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """pydicom would warn, and quote them."""
    with caplog.at_level(logging.DEBUG):
        copied, findings = clean_copy(raw(Dataset(), keyword, value))
    assert (findings, caplog.text) == ([], "")
    assert "secret" in str(copied[keyword].value)


@pytest.mark.parametrize(
    ("keyword", "value", "expected"),
    [
        ("ProcedureStepState", " SCHEDULED ", "SCHEDULED"),
        ("ProcedureStepLabel", " Label ", " Label"),
        ("PatientComments", " Text ", " Text"),
        ("StudyInstanceUID", "1.2.3", "1.2.3"),
        ("MedicalAlerts", ["A ", "B"], ["A", "B"]),
        ("WorklistLabel", None, ""),
    ],
)
def test_padding_is_taken_off(keyword: str, value: Any, expected: Any) -> None:
    dataset = Dataset()
    vr = dataset_vr(keyword)
    dataset.add(DataElement(Tag(keyword), vr, value, validation_mode=0))
    assert clean_copy(dataset)[0][keyword].value == expected


def dataset_vr(keyword: str) -> str:
    return {"ProcedureStepState": "CS", "PatientComments": "LT", "StudyInstanceUID": "UI"}.get(
        keyword, "LO"
    )
