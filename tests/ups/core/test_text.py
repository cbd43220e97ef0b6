"""The texts of answers."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from leaddicom.ups.core.text import FORMS, about, dt, name_of


@pytest.mark.parametrize(
    ("offset", "expected"),
    [(0, "20300401120000.000007+0000"), (2, "20300401100000.000007+0000")],
)
def test_a_moment_is_written_in_utc(offset: int, expected: str) -> None:
    zone = timezone(timedelta(hours=offset))
    assert dt(datetime(2030, 4, 1, 12, 0, 0, 7, tzinfo=zone)) == expected


def test_an_attribute_is_named_by_its_keyword_or_else_its_tag() -> None:
    assert name_of(0x00100010) == "PatientName"
    assert name_of(0x00091001) == "(0009,1001)"


def test_what_is_said_fits_an_error_comment() -> None:
    assert about("CodeValue", "is missing") == "CodeValue is missing"
    assert about("A" * 20, "is missing", "B" * 29) == f"{'A' * 20} is missing in {'B' * 29}"
    assert about("A" * 20, "is missing", "B" * 30) == f"{'A' * 20} is missing"
    assert about("A" * 60, "is missing") == f"{'A' * 60} is "


@pytest.mark.parametrize(
    ("vr", "good", "bad"),
    [
        ("AE", ["LINAC 1"], [" ", "A\\B", "Ü", "x" * 17]),
        ("CS", ["IN PROGRESS", "ISO_IR 192", "A1"], ["a", "A-B", "x" * 17, "Ä"]),
        ("DA", ["20300401", "20280229"], ["2030", "20300431", "203004011", "20300229"]),
        ("TM", ["12", "1230", "123015", "235960.123456"], ["1", "24", "1260", "123061", "12:30"]),
        ("UI", ["1.2.3", "0.1"], ["1..2", "1.02", "x", "1" * 65]),
    ],
)
def test_values_have_a_form(vr: str, good: list[str], bad: list[str]) -> None:
    assert all(FORMS[vr](text) for text in good)
    assert not any(FORMS[vr](text) for text in bad)
