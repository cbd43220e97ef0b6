"""The operations of the SOP classes, cell by cell as PS3.4 Annex CC.3 has them."""

from __future__ import annotations

import pytest

from leaddicom.ups.core.terms import SopClass, UpsStatus
from leaddicom.ups.manager.gate import Operation, admission

PUSH, PULL, WATCH, EVENT, QUERY = (
    SopClass.PUSH,
    SopClass.PULL,
    SopClass.WATCH,
    SopClass.EVENT,
    SopClass.QUERY,
)
VERIFICATION = "1.2.840.10008.1.1"

#: "yes", the action is another class's, or the service is.
TABLE = """
                 PUSH  PULL  WATCH  EVENT  QUERY
CREATE           yes   0211  0211   0211   0211
GET              yes   yes   yes    0211   0211
FIND             0211  yes   yes    0211   yes
MODIFY           0211  yes   0211   0211   0211
CHANGE_STATE     0123  yes   0123   0211   0211
REQUEST_CANCEL   yes   0123  yes    0211   0211
SUBSCRIBE        0123  0123  yes    0211   0211
UNSUBSCRIBE      0123  0123  yes    0211   0211
SUSPEND_GLOBAL   0123  0123  yes    0211   0211
UNKNOWN_ACTION   0123  0123  0123   0211   0211
NONE             0211  0211  0211   0211   0211
"""


def cells() -> list[tuple[Operation, SopClass, str]]:
    heading, *rows = TABLE.strip().splitlines()
    classes = [SopClass[name] for name in heading.split()]
    return [
        (Operation[name], sop_class, answer)
        for name, *answers in map(str.split, rows)
        for sop_class, answer in zip(classes, answers, strict=True)
    ]


def test_the_table_has_every_operation_and_class() -> None:
    assert len(cells()) == len(Operation) * len(SopClass)


@pytest.mark.parametrize(
    ("operation", "sop_class", "answer"),
    cells(),
    ids=[f"{operation.name} on {sop_class.name}" for operation, sop_class, _ in cells()],
)
def test_cell(operation: Operation, sop_class: SopClass, answer: str) -> None:
    refusal = admission(operation, sop_class.value)
    assert (refusal is None) is (answer == "yes")
    if refusal is not None:
        assert refusal.status == int(answer, 16)


@pytest.mark.parametrize("operation", Operation)
def test_nothing_belongs_on_the_context_of_another_service(operation: Operation) -> None:
    refusal = admission(operation, VERIFICATION)
    assert refusal is not None
    assert refusal.status is UpsStatus.UNRECOGNIZED_OPERATION


def test_a_refusal_says_why_and_fits_into_an_error_comment() -> None:
    for operation, sop_class, answer in cells():
        if answer != "yes":
            refusal = admission(operation, sop_class.value)
            assert refusal is not None
            assert 0 < len(refusal.comment) <= 64


@pytest.mark.parametrize("number", range(1, 6))
def test_action_types_and_operations_are_the_same(number: int) -> None:
    operation = Operation.of_action(number)
    assert operation.is_action
    assert operation.action_type == number


@pytest.mark.parametrize("number", [0, 6, 0xFFFF])
def test_other_action_types_are_unknown(number: int) -> None:
    operation = Operation.of_action(number)
    assert operation is Operation.UNKNOWN_ACTION
    assert operation.action_type is None


def test_what_is_no_action_has_no_action_type() -> None:
    assert Operation.GET.action_type is None
    assert not Operation.GET.is_action
