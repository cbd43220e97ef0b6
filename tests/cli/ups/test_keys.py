from __future__ import annotations

import argparse

import pytest

from leaddicom.cli.ups.describing import lines_of
from leaddicom.cli.ups.keys import data_set_of, read_code, read_key, read_keyword
from leaddicom.errors import ParameterError


def lines(*keys: str) -> list[str]:
    return list(lines_of(data_set_of(map(read_key, keys))))


class TestKey:
    @pytest.mark.parametrize(
        ("key", "line"),
        [
            ("PatientID=4711", "PatientID=4711"),
            ("PatientID", "PatientID="),
            ("PatientID=", "PatientID="),
            ("0010,0020=a=b", "PatientID=a=b"),
            ("(0010,0020)=1", "PatientID=1"),
            ("PatientName=Doe^J*", "PatientName=Doe^J*"),
            ("ProcedureStepProgress=50", "ProcedureStepProgress=50"),
            ("SOPInstanceUID=1.2\\1.3", "SOPInstanceUID=1.2\\1.3"),
            ("ReasonForCancellation=a\\b", "ReasonForCancellation=a\\b"),
            ("ScheduledProcedureStepStartDateTime=20300401-20300402",
             "ScheduledProcedureStepStartDateTime=20300401-20300402"),
            ("Rows=512", "Rows=512"),
            ("ReferencedRequestSequence", "ReferencedRequestSequence="),
            ("ReferencedRequestSequence.AccessionNumber=A",
             "ReferencedRequestSequence[0].AccessionNumber=A"),
            ("0040,A370[0].AccessionNumber=A", "ReferencedRequestSequence[0].AccessionNumber=A"),
        ],
    )  # fmt: skip
    def test_is_an_attribute_and_its_value(self, key: str, line: str) -> None:
        assert lines(key) == [line]

    def test_may_be_in_any_item(self) -> None:
        path = "ReferencedRequestSequence[{}].AccessionNumber={}"
        assert lines(path.format(0, "A"), path.format(1, "B")) == [
            path.format(0, "A"),
            path.format(1, "B"),
        ]

    def test_of_a_code_sequence_is_a_code_in_an_item_of_its_own(self) -> None:
        found = lines(
            "ScheduledWorkitemCodeSequence=121726,DCM,RT Treatment, as usual",
            "ScheduledWorkitemCodeSequence=aVeryLongCodeValue,99X,Long",
        )
        where = "ScheduledWorkitemCodeSequence"
        assert found == [
            f"{where}[0].CodeValue=121726",
            f"{where}[0].CodingSchemeDesignator=DCM",
            f"{where}[0].CodeMeaning=RT Treatment, as usual",
            f"{where}[1].CodingSchemeDesignator=99X",
            f"{where}[1].CodeMeaning=Long",
            f"{where}[1].LongCodeValue=aVeryLongCodeValue",
        ]
        assert lines(f"{where}=LINAC1") == [f"{where}[0].CodeValue=LINAC1"]

    def test_leaves_no_item_out(self) -> None:
        with pytest.raises(ParameterError, match="has no item 1, so it can have no item 2"):
            lines("ReferencedRequestSequence[2].AccessionNumber=A")

    @pytest.mark.parametrize(
        ("key", "said"),
        [
            ("", "KEYWORD=VALUE"),
            ("=1", "KEYWORD=VALUE"),
            ("Patient ID=1", "KEYWORD=VALUE"),
            ("ReferencedRequestSequence[x].AccessionNumber", "KEYWORD=VALUE"),
            ("ReferencedRequestSequence.", "KEYWORD=VALUE"),
            ("PatientId=1", "no attribute PatientId; did you mean PatientID"),
            ("0011,0001=1", "no attribute 0011,0001"),
            ("PatientID.CodeValue=1", "PatientID is no sequence"),
            ("ReferencedRequestSequence=1", "ReferencedRequestSequence.KEYWORD=VALUE"),
            ("PixelData=1", "PixelData is binary"),
            ("Rows=many", "Rows: 'many' is no number"),
            ("ProcedureStepProgress=half", "ProcedureStepProgress cannot have this value"),
        ],
    )
    def test_that_cannot_be_is_refused(self, key: str, said: str) -> None:
        with pytest.raises(argparse.ArgumentTypeError, match=said.replace("[", r"\[")):
            read_key(key)


class TestKeyword:
    def test_is_one_or_a_tag(self) -> None:
        assert read_keyword("PatientID") == read_keyword("0010,0020") == 0x00100020

    @pytest.mark.parametrize("text", ["", "PatientID=1", "Patient", "ReferencedRequestSequence[0]"])
    def test_that_is_none_is_refused(self, text: str) -> None:
        with pytest.raises(argparse.ArgumentTypeError):
            read_keyword(text)


class TestCode:
    def test_has_three_parts(self) -> None:
        assert read_code("1, DCM, One, two") == ("1", "DCM", "One, two")

    @pytest.mark.parametrize("text", ["", "1", "1,DCM", "1,,One", "1,DCM, "])
    def test_with_fewer_is_refused(self, text: str) -> None:
        with pytest.raises(argparse.ArgumentTypeError, match="VALUE,DESIGNATOR,MEANING"):
            read_code(text)
