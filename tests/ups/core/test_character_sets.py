"""Which texts a Specific Character Set has the characters of."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from leaddicom import Limits
from leaddicom.decoding import decode_data_set, encode_data_set
from leaddicom.ups.core.character_sets import character_set, is_sufficient, settle

from ..workitems import code, data_set

EXPLICIT = "1.2.840.10008.1.2.1"


@pytest.mark.parametrize(
    ("terms", "text", "expected"),
    [
        ((), "Plain~", True),
        ((), "ü", False),
        (("ISO_IR 6",), "ü", False),
        (("ISO_IR 100",), "ü", True),
        (("ISO_IR 100",), "Ж", False),
        (("ISO_IR 101",), "Ł", True),
        (("ISO_IR 144",), "Ж", True),
        (("ISO_IR 126",), "Ω", True),
        (("ISO_IR 13",), "ﾔﾏﾀﾞ", True),
        (("ISO_IR 13",), "山", False),
        (("", "ISO 2022 IR 87"), "山田", True),
        (("", "ISO 2022 IR 87"), "ü", False),
        (("ISO 2022 IR 13", "ISO 2022 IR 87"), "ﾔ山", True),
        (("", "ISO 2022 IR 149"), "김희중", True),
        (("", "ISO 2022 IR 58"), "Zhang", True),
        (("", "ISO 2022 IR 58"), "张", False),  # pydicom leaves the escape sequences out
        (("ISO 2022 IR 100", "ISO 2022 IR 144"), "üЖ", True),
        (("GB18030",), "张ü山", True),
        (("GBK",), "张", True),
        (("ISO_IR 192",), "张ü山🙂", True),
        (("NONSENSE",), "Plain", False),
        (("utf-8",), "Plain", False),
    ],
)
def test_has_the_characters(terms: tuple[str, ...], text: str, expected: bool) -> None:
    assert is_sufficient(data_set(ProcedureStepLabel=text), terms) is expected
    assert is_sufficient(data_set(PatientName=f"A^{text}"), terms) is expected
    within = data_set(ScheduledWorkitemCodeSequence=[code("1"), code("2", meaning=text)])
    assert is_sufficient(within, terms) is expected
    several = data_set(MedicalAlerts=["plain", text])
    assert is_sufficient(several, terms) is expected


@pytest.mark.parametrize(
    ("value", "terms"),
    [
        (None, ()),
        ("", ()),
        ("ISO_IR 100", ("ISO_IR 100",)),
        (["", "ISO 2022 IR 87"], ("", "ISO 2022 IR 87")),
    ],
)
def test_is_read_from_a_data_set(value: str | list[str] | None, terms: tuple[str, ...]) -> None:
    dataset = Dataset()
    if value is not None:
        dataset.SpecificCharacterSet = value
    assert character_set(dataset) == terms


@pytest.mark.parametrize(
    ("candidates", "chosen", "expected"),
    [
        ([("ISO_IR 100",)], True, "ISO_IR 100"),
        ([(), ("ISO_IR 100",)], True, "ISO_IR 100"),
        ([("ISO_IR 144",), ("ISO_IR 100",)], True, "ISO_IR 100"),
        ([("ISO 2022 IR 6", "ISO 2022 IR 100")], True, ["ISO 2022 IR 6", "ISO 2022 IR 100"]),
        ([("ISO_IR 144",)], False, "ISO_IR 192"),
        ([], False, "ISO_IR 192"),
    ],
)
def test_the_first_sufficient_one_is_declared(
    candidates: list[tuple[str, ...]], chosen: bool, expected: str | list[str]
) -> None:
    dataset = data_set(PatientName="Müller", SpecificCharacterSet="GBK")
    assert settle(dataset, *candidates) is chosen
    assert dataset.SpecificCharacterSet == expected


def test_the_default_repertoire_is_not_declared() -> None:
    dataset = data_set(PatientName="Miller", SpecificCharacterSet="GBK")
    assert settle(dataset, ())
    assert "SpecificCharacterSet" not in dataset


SETS = [
    (),
    ("ISO_IR 100",),
    ("ISO_IR 144",),
    ("", "ISO 2022 IR 87"),
    ("", "ISO 2022 IR 58"),
    ("ISO_IR 192",),
]
NAMES = st.text("aü Жя山田张ﾔ", min_size=1, max_size=8).map(lambda text: f"x{text}x")


@settings(deadline=None)
@given(text=NAMES, candidates=st.lists(st.sampled_from(SETS), max_size=3))
def test_what_is_declared_can_be_written_and_read(
    text: str, candidates: list[tuple[str, ...]]
) -> None:
    dataset = data_set(PatientName=text, ScheduledWorkitemCodeSequence=[code("1", meaning=text)])
    settle(dataset, *candidates)
    again = decode_data_set(encode_data_set(dataset, EXPLICIT), EXPLICIT, Limits())
    assert again.PatientName == text
    assert again.ScheduledWorkitemCodeSequence[0].CodeMeaning == text
