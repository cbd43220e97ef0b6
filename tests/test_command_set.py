"""Command sets as pydicom's data sets, and back."""

from __future__ import annotations

from typing import Any

import pytest
from pydicom.dataset import Dataset

from leaddicom import ParameterError
from leaddicom.command_set import command_data_set, command_values
from leaddicom.dimse.messages import COMMAND_ELEMENTS, COMMAND_GROUP_LENGTH

VALUES = {"US": 3, "UL": 4, "UI": "1.2.3", "AE": "AE", "LO": "text", "AT": (0x00100010,)}
ELEMENTS = [each for each in COMMAND_ELEMENTS.values() if each is not COMMAND_GROUP_LENGTH]


@pytest.mark.parametrize("element", ELEMENTS, ids=lambda each: each.keyword)
def test_every_element_is_shown_and_comes_back(element: Any) -> None:
    value = VALUES[element.vr]
    shown = command_data_set({element.element: value})
    assert element.vr == shown[element.keyword].VR
    assert shown[element.keyword].value == (value[0] if element.vr == "AT" else value)
    assert command_values(shown) == {element.element: value}


def test_lists_are_shown_and_come_back() -> None:
    tags = (0x00100010, 0x00100020)
    shown = command_data_set({0x1005: tags})
    assert list(shown.AttributeIdentifierList) == list(tags)
    assert command_values(shown) == {0x1005: tags}


def test_the_group_length_is_left_out_both_ways() -> None:
    assert len(command_data_set({0x0000: 42})) == 0
    given = Dataset()
    given.CommandGroupLength = 42
    assert command_values(given) == {}


def test_what_nobody_knows_is_not_shown() -> None:
    assert len(command_data_set({0x0777: "x"})) == 0


def test_an_empty_element_says_nothing() -> None:
    given = Dataset()
    given.MessageID = None
    given.ErrorComment = ""
    assert command_values(given) == {}


def test_a_comment_may_have_backslashes() -> None:
    given = Dataset()
    given.ErrorComment = "C:\\data\\x"  # which pydicom takes for three values
    assert command_values(given) == {0x0902: "C:\\data\\x"}


@pytest.mark.filterwarnings("error")
def test_the_peers_values_are_not_judged() -> None:
    """A warning would hold them."""
    shown = command_data_set({0x0002: "no uid", 0x0902: "x" * 5000})
    assert shown.AffectedSOPClassUID == "no uid"
    assert len(shown.ErrorComment) == 5000


@pytest.mark.parametrize(
    ("tag", "vr", "value"),
    [(0x0002, "UI", ["1.2", "1.3"]), (0x0600, "AE", ["A", "B"])],
)
def test_what_has_no_place_in_one_value_is_refused(tag: int, vr: str, value: Any) -> None:
    given = Dataset()
    given.add_new(tag, vr, value)
    with pytest.raises(ParameterError, match="is no value for"):
        command_values(given)


def test_an_element_of_a_data_set_is_refused_by_name() -> None:
    given = Dataset()
    given.PatientID = "4711"
    with pytest.raises(ParameterError, match=r"\(0010,0020\) is no element of a command set"):
        command_values(given)


def test_an_unknown_element_of_group_0000_is_refused() -> None:
    given = Dataset()
    given.add_new(0x00000777, "US", 1)
    with pytest.raises(ParameterError, match=r"\(0000,0777\) is no element of a command set"):
        command_values(given)


def test_a_value_of_another_type_is_refused() -> None:
    given = Dataset()
    given.add_new(0x00000110, "US", [1, 2])
    with pytest.raises(ParameterError, match=r"is no value for MessageID \(0000,0110\) of VR US"):
        command_values(given)
