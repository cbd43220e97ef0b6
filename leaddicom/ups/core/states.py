"""The states of a workitem: PS3.4 Table CC.1.1-2 as data, and the requests that follow it.

Everything here is a function of the workitem and the request.  The order in which a request is
judged is that of the standard: its arguments, whether there is such a workitem, what it asks for
in principle, the Transaction UID, the state, and last what a final state needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from types import MappingProxyType

from pydicom.dataset import Dataset

from leaddicom.ups.core.events import cancel_requested, state_report
from leaddicom.ups.core.excerpts import text_value
from leaddicom.ups.core.final_state import filled_for_cancel, final_state_findings
from leaddicom.ups.core.received import clean_copy
from leaddicom.ups.core.rules import Rules
from leaddicom.ups.core.terms import State, UpsStatus
from leaddicom.ups.core.text import COMMENT_LENGTH
from leaddicom.ups.core.workitem import Event, Outcome, Workitem, success
from leaddicom.values import is_uid

__all__ = [
    "TRANSITIONS",
    "Request",
    "Transition",
    "change_state",
    "force_state",
    "request_cancel",
]


class Request(str, Enum):
    """The rows of Table CC.1.1-2; that of N-CREATE is not among them, as it finds no workitem."""

    CLAIM = "to IN PROGRESS, with the correct Transaction UID"
    WITHOUT_LOCK = "to another state, without the correct Transaction UID"
    RESCHEDULE = "to SCHEDULED"
    COMPLETE = "to COMPLETED, with the correct Transaction UID"
    CANCEL = "to CANCELED, with the correct Transaction UID"
    REQUEST_CANCEL = "Request Cancel"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class Transition:
    """A cell of the table.

    Attributes
    ----------
    status : UpsStatus
        Of the response, if nothing else stands against the request.
    states : tuple of State
        Into which the workitem goes, one after the other; each is reported.
    """

    status: UpsStatus
    states: tuple[State, ...] = ()


def _to(*states: State) -> Transition:
    return Transition(UpsStatus.SUCCESS, states)


_ABSENT = Transition(UpsStatus.NO_SUCH_WORKITEM)
_LOCKED = Transition(UpsStatus.TRANSACTION_UID_WRONG)
_FINAL = Transition(UpsStatus.NO_LONGER_UPDATABLE)
_IN_PROGRESS = Transition(UpsStatus.ALREADY_IN_PROGRESS)
_SCHEDULED = Transition(UpsStatus.NOT_YET_IN_PROGRESS)
_BY_CREATE = Transition(UpsStatus.SCHEDULED_ONLY_BY_CREATE)
_COMPLETED_BEFORE = Transition(UpsStatus.ALREADY_COMPLETED)
_CANCELED_BEFORE = Transition(UpsStatus.ALREADY_CANCELED)
_TOO_LATE = Transition(UpsStatus.CANCEL_OF_COMPLETED)
_CLAIMED = _to(State.IN_PROGRESS)
_COMPLETED = _to(State.COMPLETED)
_CANCELED = _to(State.CANCELED)
# The manager becomes the performer for a moment (PS3.4 section CC.2.2.3).
_CANCELED_UNCLAIMED = _to(State.IN_PROGRESS, State.CANCELED)
# It is up to the performer; all that the manager does is to tell (PS3.4 section CC.2.2.3).
_TOLD = _to()

#: The columns of the table: no such workitem, and the states.
_COLUMNS = (None, State.SCHEDULED, State.IN_PROGRESS, State.COMPLETED, State.CANCELED)

_ROWS = {
    Request.CLAIM: (_ABSENT, _CLAIMED, _IN_PROGRESS, _FINAL, _FINAL),
    Request.WITHOUT_LOCK: (_ABSENT, _LOCKED, _LOCKED, _LOCKED, _LOCKED),
    Request.RESCHEDULE: (_ABSENT, _BY_CREATE, _BY_CREATE, _BY_CREATE, _BY_CREATE),
    Request.COMPLETE: (_ABSENT, _SCHEDULED, _COMPLETED, _COMPLETED_BEFORE, _FINAL),
    Request.CANCEL: (_ABSENT, _SCHEDULED, _CANCELED, _FINAL, _CANCELED_BEFORE),
    Request.REQUEST_CANCEL: (_ABSENT, _CANCELED_UNCLAIMED, _TOLD, _TOO_LATE, _CANCELED_BEFORE),
}

#: PS3.4 Table CC.1.1-2: what a request does with a workitem in a state; `None` is no workitem.
TRANSITIONS: Mapping[tuple[Request, State | None], Transition] = MappingProxyType(
    {
        (request, state): cell
        for request, row in _ROWS.items()
        for state, cell in zip(_COLUMNS, row, strict=True)
    }
)

#: Which row a change of state is if the Transaction UID is correct.
_REQUESTS = {
    State.SCHEDULED: Request.RESCHEDULE,
    State.IN_PROGRESS: Request.CLAIM,
    State.COMPLETED: Request.COMPLETE,
    State.CANCELED: Request.CANCEL,
}

#: What an integrator reads about the answer.
_COMMENTS = {
    UpsStatus.NO_SUCH_WORKITEM: "There is no such workitem",
    UpsStatus.TRANSACTION_UID_WRONG: "TransactionUID is not the one that claimed the workitem",
    UpsStatus.NO_LONGER_UPDATABLE: "The workitem is final: it changes no more",
    UpsStatus.ALREADY_IN_PROGRESS: "The workitem is IN PROGRESS already",
    UpsStatus.NOT_YET_IN_PROGRESS: "The workitem is SCHEDULED: claim it first",
    UpsStatus.SCHEDULED_ONLY_BY_CREATE: "No workitem returns to SCHEDULED; create another",
    UpsStatus.ALREADY_COMPLETED: "The workitem is COMPLETED already",
    UpsStatus.ALREADY_CANCELED: "The workitem is CANCELED already",
    UpsStatus.CANCEL_OF_COMPLETED: "The workitem is COMPLETED: too late to cancel it",
}


def change_state(
    workitem: Workitem | None,
    information: Dataset | None,
    *,
    calling_ae: str,
    rules: Rules,
    now: datetime,
) -> Outcome:
    """Carry out Change UPS State (PS3.4 section CC.2.1).

    Parameters
    ----------
    workitem : Workitem or None
        That the request is about; `None` if there is none.
    information : pydicom.dataset.Dataset or None
        Action Information.
    calling_ae : str
        AE title that asks; it is recorded as the performer's with a claim, and decides nothing.
    rules : Rules
        Of the worklist manager.
    now : datetime.datetime
        In UTC.

    Returns
    -------
    Outcome
        Of the request.
    """
    arguments, _ = clean_copy(information or Dataset())
    try:
        target = State(text_value(arguments, "ProcedureStepState"))
    except ValueError:
        text = "ProcedureStepState is missing or none of the four states"
        return Outcome(UpsStatus.INVALID_ARGUMENT_VALUE, text)
    transaction_uid = text_value(arguments, "TransactionUID")
    objection = _objection(workitem, transaction_uid)
    without_lock = bool(objection) and target is not State.SCHEDULED
    request = Request.WITHOUT_LOCK if without_lock else _REQUESTS[target]
    transition = _transition(request, workitem)
    if workitem is None or not transition.states:
        return _refused(transition.status, objection if without_lock else "")
    if target is State.IN_PROGRESS:
        workitem = replace(workitem, transaction_uid=transaction_uid, performer_ae=calling_ae)
    if target is State.CANCELED:
        workitem = _filled(workitem, now, fill_reason=not rules.strict_final_state)
    return _unfit(workitem, target, rules) or _moved(workitem, transition.states, now)


def request_cancel(
    workitem: Workitem | None,
    information: Dataset | None,
    *,
    requesting_ae: str,
    new_transaction_uid: str,
    now: datetime,
) -> Outcome:
    """Carry out Request UPS Cancel (PS3.4 section CC.2.2).

    A workitem that nobody has claimed is canceled by the worklist manager itself.  Of one that
    is IN PROGRESS the subscribers are told, the performer among them, who decides.

    Parameters
    ----------
    workitem : Workitem or None
        That the request is about; `None` if there is none.
    information : pydicom.dataset.Dataset or None
        Action Information: reason and contact, all of them optional.
    requesting_ae : str
        AE title that asks, which subscribers are told.
    new_transaction_uid : str
        With which the worklist manager claims the workitem if it has to.
    now : datetime.datetime
        In UTC.

    Returns
    -------
    Outcome
        Of the request.
    """
    arguments, findings = clean_copy(information or Dataset())
    if findings:
        return _refused(UpsStatus.INVALID_ARGUMENT_VALUE, findings[0].text)
    transition = _transition(Request.REQUEST_CANCEL, workitem)
    if workitem is None or transition.status is not UpsStatus.SUCCESS:
        return _refused(transition.status)
    request = cancel_requested(workitem.uid, requesting_ae, arguments)
    if not transition.states:
        return success(None, request)
    workitem = replace(_filled(workitem, now, arguments), transaction_uid=new_transaction_uid)
    return _moved(workitem, transition.states, now, request)


def force_state(
    workitem: Workitem | None,
    target: State,
    *,
    new_transaction_uid: str,
    rules: Rules,
    now: datetime,
    reason: Dataset | None = None,
) -> Outcome:
    """Change a state as the worklist manager itself, such as when a performer has failed.

    It needs no Transaction UID, and may take a workitem from SCHEDULED to a final state, which
    then passes IN PROGRESS.  All else is as if the performer had asked: subscribers are told, the
    rules for a final state hold, and no workitem leaves a final state.

    Parameters
    ----------
    workitem : Workitem or None
        To change; `None` if there is none.
    target : State
        Into which it shall go.
    new_transaction_uid : str
        With which the worklist manager claims the workitem if nobody has.
    rules : Rules
        Of the worklist manager.
    now : datetime.datetime
        In UTC.
    reason : pydicom.dataset.Dataset or None
        Of a cancellation, with the attributes of the Action Information of Request Cancel.

    Returns
    -------
    Outcome
        As of Change UPS State.
    """
    transition = _transition(_REQUESTS[target], workitem)
    if transition.status is UpsStatus.NOT_YET_IN_PROGRESS:
        transition = _to(State.IN_PROGRESS, target)
    if workitem is None or not transition.states:
        return _refused(transition.status)
    if workitem.state is State.SCHEDULED:
        workitem = replace(workitem, transaction_uid=new_transaction_uid)
    if target is State.CANCELED:
        workitem = _filled(workitem, now, reason)
    return _unfit(workitem, target, rules) or _moved(workitem, transition.states, now)


def _objection(workitem: Workitem | None, transaction_uid: str) -> str:
    """Tell why a Transaction UID is not correct; "" if it is.

    While nobody has claimed the workitem, every UID is.
    """
    if not transaction_uid:
        return "TransactionUID is missing or has no single value"
    if not is_uid(transaction_uid):
        return "TransactionUID is no valid UID"
    if workitem is None or workitem.state is State.SCHEDULED:
        return ""
    if transaction_uid == workitem.transaction_uid:
        return ""
    return _COMMENTS[UpsStatus.TRANSACTION_UID_WRONG]


def _transition(request: Request, workitem: Workitem | None) -> Transition:
    return TRANSITIONS[request, None if workitem is None else workitem.state]


def _refused(status: UpsStatus, comment: str = "") -> Outcome:
    return Outcome(status, comment or _COMMENTS[status])


def _filled(
    workitem: Workitem, now: datetime, reason: Dataset | None = None, *, fill_reason: bool = True
) -> Workitem:
    """Give a workitem that says when and why it was canceled."""
    dataset = filled_for_cancel(workitem.dataset, now, reason, fill_reason=fill_reason)
    return replace(workitem, dataset=dataset)


def _unfit(workitem: Workitem, target: State, rules: Rules) -> Outcome | None:
    """Give the refusal if a workitem lacks what its final state needs."""
    if not target.is_final:
        return None
    findings = final_state_findings(workitem.dataset, target)
    for profile in rules.profiles:
        findings.extend(profile.check_final(workitem.dataset, target))
    if not findings:
        return None
    return _refused(UpsStatus.FINAL_STATE_NOT_MET, findings[0].text[:COMMENT_LENGTH])


def _moved(workitem: Workitem, states: tuple[State, ...], now: datetime, *events: Event) -> Outcome:
    """Take a workitem through states, and report each after the events that came before."""
    reports = list(events)
    for state in states:
        dataset = workitem.copy_dataset()
        dataset.ProcedureStepState = str(state)
        final_at = now if state.is_final else None
        workitem = replace(workitem, dataset=dataset, final_at=final_at)
        reports.append(state_report(workitem.uid, dataset))
    return success(workitem, *reports)
