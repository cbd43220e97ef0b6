from __future__ import annotations

import argparse
import re
from datetime import datetime

import pytest

from leaddicom.cli.ups.moments import read_moment


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2030-04-01", "20300401"),
        ("20300401", "20300401"),
        ("2030-04-01T10:30", "203004011030"),
        ("2030-04-01 10:30:15", "20300401103015"),
        ("203004011030", "203004011030"),
        ("2030-04-01T10:30+02:00", "203004011030+0200"),
        ("203004011030-0500", "203004011030-0500"),
        ("2030-04-01T10:30Z", "203004011030+0000"),
    ],
)
def test_is_written_as_people_or_dicom_do(text: str, moment: str) -> None:
    assert read_moment(text) == moment


def test_may_be_a_word() -> None:
    before = datetime.now().astimezone()
    assert re.fullmatch(r"\d{14}[+-]\d{4}", read_moment("now"))
    days = [read_moment(each) for each in ("yesterday", "Today", "tomorrow")]
    assert days == sorted(set(days))
    assert all(re.fullmatch(r"\d{8}", each) for each in days)
    assert read_moment("now") >= f"{before:%Y%m%d%H%M%S%z}"


@pytest.mark.parametrize(
    "text", ["", "soon", "2030", "2030-04", "2030-13-01", "2030-04-31", "2030-04-01T25:00", "1+1"]
)
def test_is_refused_if_it_is_none(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is no point in time"):
        read_moment(text)
