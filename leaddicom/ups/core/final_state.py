"""What a workitem needs to become COMPLETED or CANCELED (PS3.4 Table CC.2.5-3, "Final State")."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import datetime

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from leaddicom.ups.core.attributes import ATTRIBUTES, Attribute
from leaddicom.ups.core.character_sets import character_set, is_sufficient, settle
from leaddicom.ups.core.findings import Finding
from leaddicom.ups.core.received import clean_copy
from leaddicom.ups.core.terms import State, UpsStatus
from leaddicom.ups.core.text import about, dt
from leaddicom.ups.core.validation import has_value

__all__ = ["filled_for_cancel", "final_state_findings"]

#: Marks of the column "Final State", and what they are needed for.
_MARKS = {State.COMPLETED: "P", State.CANCELED: "X"}

_PROGRESS = "ProcedureStepProgressInformationSequence"
_REASON_CODE = "ProcedureStepDiscontinuationReasonCodeSequence"


def final_state_findings(dataset: Dataset, target: State) -> list[Finding]:
    """Tell what a workitem lacks to go into a final state.

    Parameters
    ----------
    dataset : pydicom.dataset.Dataset
        The attributes of the workitem.
    target : State
        Nothing is asked for states that are not final.

    Returns
    -------
    list of Finding
        All with C304H.
    """
    if target not in _MARKS:
        return []
    return [*_present_since_creation(dataset), *_marked(dataset, _MARKS[target])]


def filled_for_cancel(
    dataset: Dataset, now: datetime, reason: Dataset | None = None, *, fill_reason: bool = True
) -> Dataset:
    """Fill in what a canceled workitem needs, as far as it is not there.

    Parameters
    ----------
    dataset : pydicom.dataset.Dataset
        The attributes of the workitem, which are not changed.
    now : datetime.datetime
        The time of the cancellation.
    reason : pydicom.dataset.Dataset or None
        Action Information of Request Cancel: its reason and its contact become the workitem's.
    fill_reason : bool
        Whether to fill in "Discontinued for unspecified reason" where no reason is known.  The
        time is always filled in (PS3.4 section CC.2.1.3).

    Returns
    -------
    pydicom.dataset.Dataset
        A changed copy.
    """
    filled = copy.deepcopy(dataset)
    if not has_value(filled, _PROGRESS):
        filled.ProcedureStepProgressInformationSequence = Sequence([Dataset()])
    items = filled.ProcedureStepProgressInformationSequence
    item = next((each for each in items if has_value(each, _REASON_CODE)), items[0])
    if reason is not None:
        received = clean_copy(reason)[0]
        _take_over(item, received)
        settle(filled, character_set(dataset), character_set(received))
    if not has_value(item, "ProcedureStepCancellationDateTime"):
        item.ProcedureStepCancellationDateTime = dt(now)
    if fill_reason and not has_value(item, _REASON_CODE):
        item.ProcedureStepDiscontinuationReasonCodeSequence = Sequence([_unspecified_reason()])
    return filled


def _take_over(item: Dataset, received: Dataset) -> None:
    """Put the reason and the contact of a Request Cancel into progress information.

    What could not be stored by an N-SET is left out: an optional reason is no reason to refuse.
    """
    if has_value(received, "ReasonForCancellation"):
        item.ReasonForCancellation = received.ReasonForCancellation
    if has_value(received, _REASON_CODE):
        codes = [each for each in received[_REASON_CODE].value if has_value(each, "CodeValue")]
        if codes:
            item.ProcedureStepDiscontinuationReasonCodeSequence = Sequence(codes)
    if has_value(received, "ContactURI"):
        contact = Dataset()
        contact.ContactURI = received.ContactURI
        if has_value(received, "ContactDisplayName"):
            contact.ContactDisplayName = received.ContactDisplayName
        item.ProcedureStepCommunicationsURISequence = Sequence([contact])


def _unspecified_reason() -> Dataset:
    """Give the code for it of PS3.16 context group 9300."""
    code = Dataset()
    code.CodeValue = "110513"
    code.CodingSchemeDesignator = "DCM"
    code.CodeMeaning = "Discontinued for unspecified reason"
    return code


def _present_since_creation(dataset: Dataset) -> Iterator[Finding]:
    yield from _lacking(dataset, "R", ATTRIBUTES)
    if not is_sufficient(dataset, character_set(dataset)):
        yield _needed(next(each for each in ATTRIBUTES if each.final == "RC"))


def _marked(dataset: Dataset, mark: str) -> Iterator[Finding]:
    """Look for what one final state needs, all of which is in items of sequences."""
    for sequence in (row for row in ATTRIBUTES if row.final == mark):
        if not has_value(dataset, sequence.keyword):
            yield _needed(sequence)
            continue
        lacks = [
            list(_lacking(item, mark, sequence.items, sequence.keyword))
            for item in dataset[sequence.tag].value
        ]
        if mark == "P" or all(lacks):  # each procedure performed, but only one cancellation
            yield from (each for of_item in lacks for each in of_item)


def _lacking(
    dataset: Dataset, mark: str, rows: tuple[Attribute, ...], within: str = ""
) -> Iterator[Finding]:
    for row in rows:
        may_be_empty = row.n_set.startswith("2")
        present = row.tag in dataset if may_be_empty else has_value(dataset, row.keyword)
        if row.final == mark and not present:
            yield _needed(row, within)


def _needed(row: Attribute, within: str = "") -> Finding:
    text = about(row.keyword, "is needed", within)
    return Finding(UpsStatus.FINAL_STATE_NOT_MET, row.tag, text)
