"""The ISCL members of an `LDicomNet`: known, and refused."""

from __future__ import annotations

import inspect

import pytest

from leaddicom import DicomError, DicomErrorCode, LDicomNet
from leaddicom.net_iscl import Iscl
from members.inventory import INVENTORY

MEMBERS = [each.name for each in INVENTORY if each.group == "ISCL"]
EVENTS = [name for name in MEMBERS if name.startswith("On")]
REFUSED = [name for name in MEMBERS if name not in EVENTS]


@pytest.mark.parametrize("name", REFUSED)
def test_refuses_with_code_51(name: str) -> None:
    member = getattr(LDicomNet(), name)
    with pytest.raises(DicomError, match=f"{name} belongs to ISCL") as caught:
        member(*[0] * len(inspect.signature(member).parameters))
    assert caught.value.code == DicomErrorCode.NET_OPERATION_NOT_SUPPORTED == 51


@pytest.mark.parametrize("name", EVENTS)
def test_the_event_does_nothing(name: str) -> None:
    event = getattr(LDicomNet(), name)
    assert event(*[0] * len(inspect.signature(event).parameters)) is None


def test_there_are_no_others() -> None:
    assert sorted(name for name in vars(Iscl) if name[0].isupper() or "ISCL" in name) == sorted(
        MEMBERS
    )
