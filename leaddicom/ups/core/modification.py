"""N-SET: what a request makes of a workitem (PS3.4 section CC.2.6)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from pydicom.config import IGNORE
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from leaddicom.decoding import dataset_uid
from leaddicom.ups.core.character_sets import character_set, is_sufficient, settle
from leaddicom.ups.core.events import events_of_modification
from leaddicom.ups.core.received import clean_copy
from leaddicom.ups.core.rules import Rules
from leaddicom.ups.core.terms import State, UpsStatus
from leaddicom.ups.core.text import COMMENT_LENGTH, dt
from leaddicom.ups.core.validation import Operation, findings
from leaddicom.ups.core.workitem import Outcome, Workitem

__all__ = ["MOST_ELEMENTS", "modify"]

#: Elements and items of a workitem at most: what is added to it bit by bit may not outgrow what a
#: request can bring, or each further request about it would take seconds.
MOST_ELEMENTS = 20_000

_TRANSACTION_UID, _MODIFIED = 0x00081195, 0x00404010
_CHARACTER_SET, _TIMEZONE = 0x00080005, 0x00080201

#: What says how values are to be read; merging it would change the meaning of those that stay.
_CONTEXT = frozenset({_CHARACTER_SET, _TIMEZONE})


def modify(
    workitem: Workitem | None, modifications: Dataset, *, rules: Rules, now: datetime
) -> Outcome:
    """Apply the Modification List of an N-SET.

    Parameters
    ----------
    workitem : Workitem or None
        `None` if there is none of this UID.
    modifications : pydicom.dataset.Dataset
        Modification List, which is not changed.  Its Transaction UID entitles to the change and
        is no change.  A sequence in it replaces that of the workitem.
    rules : Rules
        ``profiles`` counts.
    now : datetime.datetime
        With a time zone.

    Returns
    -------
    Outcome
        With the changed workitem and its events; with a refusal, with neither.
    """
    if workitem is None:
        return Outcome(UpsStatus.NO_SUCH_WORKITEM, "There is no such workitem")
    refusal = _not_entitled(workitem, modifications)
    if refusal is not None:
        return refusal
    changes, wrong = clean_copy(modifications)
    # The Transaction UID has done its work, and the other is the manager's to set.
    for tag in (_TRANSACTION_UID, _MODIFIED):
        changes.pop(tag, None)
    wrong += findings(changes, Operation.SET)
    for profile in rules.profiles if not wrong else ():
        wrong += profile.check_modification(changes)
    if wrong:
        return Outcome(wrong[0].status, wrong[0].text[:COMMENT_LENGTH])
    modified = workitem.copy_dataset()
    coerced = _merge(changes, modified)
    if _size(modified) > MOST_ELEMENTS:
        return Outcome(UpsStatus.RESOURCE_LIMITATION, "The workitem would have too many attributes")
    modified.ScheduledProcedureStepModificationDateTime = dt(now)
    events = events_of_modification(workitem.dataset, modified, workitem.uid)
    after = replace(workitem, dataset=modified)
    if coerced:
        text = "SpecificCharacterSet did not have all characters"
        return Outcome(UpsStatus.VALUES_COERCED, text, after, events)
    return Outcome(UpsStatus.SUCCESS, "", after, events)


def _not_entitled(workitem: Workitem, modifications: Dataset) -> Outcome | None:
    """Refuse by state and Transaction UID, in the order of PS3.4 section CC.2.6.3."""
    if workitem.state.is_final:
        text = f"The workitem is {workitem.state}: it stays as it is"
        return Outcome(UpsStatus.NO_LONGER_UPDATABLE, text)
    sent = dataset_uid(modifications, _TRANSACTION_UID)
    if workitem.state is State.SCHEDULED:
        if sent:
            text = "A workitem that is SCHEDULED is changed without TransactionUID"
            return Outcome(UpsStatus.NOT_YET_IN_PROGRESS, text)
    elif not sent or sent != workitem.transaction_uid:
        text = "TransactionUID is not the one that claimed the workitem"
        return Outcome(UpsStatus.TRANSACTION_UID_WRONG, text)
    return None


def _size(dataset: Dataset) -> int:
    """Count elements and items."""
    items = (item for element in dataset if element.VR == "SQ" for item in element.value)
    return len(dataset) + sum(1 + _size(item) for item in items)


def _merge(changes: Dataset, modified: Dataset) -> bool:
    """Put changes into a data set, and tell whether their text had to be corrected."""
    sent, kept = character_set(changes), character_set(modified)
    coerced = not is_sufficient(changes, sent)
    offset = str(changes.get("TimezoneOffsetFromUTC") or "")
    if offset and offset != modified.get("TimezoneOffsetFromUTC"):
        _put_offset(changes, offset)
    for element in changes:
        if element.tag not in _CONTEXT and not element.tag.is_private:
            modified.add(element)
    _merge_private(changes, modified)
    settle(modified, kept, sent)
    return coerced


def _merge_private(changes: Dataset, modified: Dataset) -> None:
    """Put private elements where their creator has its block (PS3.5 section 7.8.1)."""
    for element in changes:
        tag = element.tag
        if not tag.is_private or tag.is_private_creator:
            continue
        place = tag.private_creator
        creator = str(changes[place].value or "") if place in changes else ""
        if creator:
            block = modified.private_block(tag.group, creator, create=True)
            tag = block.get_tag(tag.element & 0xFF)
        modified.add(DataElement(tag, element.VR, element.value, validation_mode=IGNORE))


def _put_offset(dataset: Dataset, offset: str) -> None:
    """Write an offset from UTC into the date times that have none.

    The workitem keeps its own Timezone Offset From UTC, and with it the meaning of the values
    that stay.
    """
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                _put_offset(item, offset)
        elif element.VR == "DT":
            value = element.value
            values = list(value) if isinstance(value, MultiValue) else [value]
            element.value = [_with_offset(str(each or ""), offset) for each in values]


def _with_offset(text: str, offset: str) -> str:
    return text if not text or "+" in text or "-" in text else text + offset
