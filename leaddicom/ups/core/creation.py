"""N-CREATE: the workitem that a request makes (PS3.4 section CC.2.5)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from leaddicom.ups.core.attributes import ATTRIBUTES, Attribute, attribute
from leaddicom.ups.core.character_sets import character_set, settle
from leaddicom.ups.core.events import assigned, state_report
from leaddicom.ups.core.findings import Finding
from leaddicom.ups.core.received import clean_copy
from leaddicom.ups.core.rules import Rules
from leaddicom.ups.core.terms import SUBSCRIPTION_INSTANCES, SopClass, State, UpsStatus
from leaddicom.ups.core.text import COMMENT_LENGTH, about, dt, name_of
from leaddicom.ups.core.validation import Operation, findings, has_value, not_allowed
from leaddicom.ups.core.workitem import Outcome, Workitem
from leaddicom.values import is_uid

__all__ = ["create"]

_TRANSACTION_UID, _PROGRESS, _PERFORMED = 0x00081195, 0x00741002, 0x00741216
_CHARACTER_SET, _MODIFIED = 0x00080005, 0x00404010

#: What the message says about the instance, and not the data set.
_OF_THE_MESSAGE = (0x00080016, 0x00080018)


def create(uid: str, dataset: Dataset, *, calling_ae: str, rules: Rules, now: datetime) -> Outcome:
    """Make a workitem of the Attribute List of an N-CREATE.

    Parameters
    ----------
    uid : str
        Affected SOP Instance UID.  Whether a workitem has it already is the store's to say.
    dataset : pydicom.dataset.Dataset
        Attribute List, which is not changed.
    calling_ae : str
        AE title of the peer.
    rules : Rules
        ``strict_create``, ``worklist_label`` and ``profiles`` count.
    now : datetime.datetime
        With a time zone.

    Returns
    -------
    Outcome
        With the workitem and its events; with a refusal, with neither.
    """
    if not is_uid(uid):
        return _refused(UpsStatus.INVALID_INSTANCE, "Affected SOP Instance UID is not a UID")
    if uid in SUBSCRIPTION_INSTANCES:
        text = "Affected SOP Instance UID is that of all workitems"
        return _refused(UpsStatus.DUPLICATE_INSTANCE, text)
    created, wrong = clean_copy(dataset)
    created.pop(_MODIFIED, None)  # the manager's to set
    wrong += _wrong_state(created)
    changed = _cleared(created)
    if rules.strict_create:
        wrong += [not_allowed(tag) for tag in changed]
    wrong += findings(created, Operation.CREATE, strict=rules.strict_create)
    if wrong:
        return _refused(wrong[0].status, wrong[0].text)
    changed += _completed(created, uid, rules, now)
    for profile in rules.profiles:
        for finding in profile.check_creation(created):
            return _refused(finding.status, finding.text)
    workitem = Workitem(uid, created, creator_ae=calling_ae)
    events = (state_report(uid, created), *assigned(uid, created))
    if not changed:
        return Outcome(UpsStatus.SUCCESS, "", workitem, events)
    return Outcome(UpsStatus.CREATED_WITH_MODIFICATIONS, _changes(changed), workitem, events)


def _refused(status: UpsStatus, text: str) -> Outcome:
    return Outcome(status, text[:COMMENT_LENGTH])


def _wrong_state(created: Dataset) -> list[Finding]:
    """Look for another state than SCHEDULED; one that is not there is a missing attribute."""
    if not has_value(created, "ProcedureStepState"):
        return []
    element = created["ProcedureStepState"]
    if element.value == State.SCHEDULED:
        return []
    text = about(element.keyword, "has to be SCHEDULED")
    return [Finding(UpsStatus.NOT_SCHEDULED_AT_CREATION, element.tag, text)]


def _cleared(created: Dataset) -> list[int]:
    """Take away what a new workitem cannot have, and give the tags."""
    changed = [tag for tag in _OF_THE_MESSAGE if created.pop(tag, None) is not None]
    for tag in (_TRANSACTION_UID, _PROGRESS, _PERFORMED):
        row = attribute(tag)
        if row is not None and has_value(created, row.keyword):
            created.add(_empty(row))
            changed.append(tag)
    return changed


def _completed(created: Dataset, uid: str, rules: Rules, now: datetime) -> list[int]:
    """Add what the manager owes, and give the tags of what the requestor owed."""
    changed = list(_filled(created, ATTRIBUTES))
    del created.TransactionUID  # it was only ever empty, and is never stored
    if not has_value(created, "WorklistLabel"):
        created.WorklistLabel = rules.worklist_label
    created.SOPClassUID = str(SopClass.PUSH)
    created.SOPInstanceUID = uid
    created.ScheduledProcedureStepModificationDateTime = dt(now)
    if not settle(created, character_set(created)):
        changed.append(_CHARACTER_SET)
    return changed


def _filled(dataset: Dataset, rows: tuple[Attribute, ...]) -> Iterator[int]:
    """Add the Type 2 attributes that are not there, empty, and give their tags."""
    for row in rows:
        if row.tag not in dataset:
            if row.n_create.startswith("2/"):
                dataset.add(_empty(row))
                yield row.tag
        elif row.vr == "SQ":
            for item in dataset[row.tag].value:
                yield from _filled(item, row.items)


def _empty(row: Attribute) -> DataElement:
    return DataElement(row.tag, row.vr, Sequence() if row.vr == "SQ" else None)


def _changes(tags: list[int]) -> str:
    others = f" and {len(tags) - 1} more" if len(tags) > 1 else ""
    return f"Set: {name_of(tags[0])}{others}"[:COMMENT_LENGTH]
