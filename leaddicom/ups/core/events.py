"""The events that a worklist manager reports (PS3.4 section CC.2.4), built from workitems.

An event carries copies: nothing that is done to a workitem afterwards changes what is sent.
"""

from __future__ import annotations

import copy

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from leaddicom.ups.core.excerpts import excerpt, with_context
from leaddicom.ups.core.terms import GLOBAL_SUBSCRIPTION, EventType, ScpStatus, State
from leaddicom.ups.core.workitem import Event

__all__ = [
    "CANCELLATION",
    "assigned",
    "cancel_requested",
    "events_of_modification",
    "progress_report",
    "scp_status",
    "state_report",
]

#: Why and by whom a cancellation is asked for: in the Action Information of Request Cancel and
#: in the event of it (PS3.4 Tables CC.2.2-1 and CC.2.4-1).
CANCELLATION = (
    "ReasonForCancellation",
    "ProcedureStepDiscontinuationReasonCodeSequence",
    "ContactURI",
    "ContactDisplayName",
)

#: What an item of the Procedure Step Progress Information Sequence tells in a progress report.
_PROGRESS = (
    "ProcedureStepProgress",
    "ProcedureStepProgressDescription",
    "ProcedureStepProgressParametersSequence",
    "ProcedureStepCommunicationsURISequence",
)


def state_report(uid: str, dataset: Dataset) -> Event:
    """Report the state and the readiness of a workitem; of a canceled one, the reason, too.

    Parameters
    ----------
    uid : str
        SOP Instance UID of the workitem.
    dataset : pydicom.dataset.Dataset
        Its attributes.

    Returns
    -------
    Event
        Of type UPS State Report.
    """
    information = excerpt(dataset, ("ProcedureStepState", "InputReadinessState"))
    if information.get("ProcedureStepState") == State.CANCELED:
        items = _items(dataset, "ProcedureStepProgressInformationSequence")
        reasons = (excerpt(item, CANCELLATION[:2]) for item in items)
        information.update(next(filter(None, reasons), Dataset()))
    return _event(EventType.STATE_REPORT, uid, information, dataset)


def cancel_requested(uid: str, requesting_ae: str, action_information: Dataset | None) -> Event:
    """Report that somebody asks for the cancellation of a workitem.

    Parameters
    ----------
    uid : str
        SOP Instance UID of the workitem.
    requesting_ae : str
        Calling AE title of the association that asks.
    action_information : pydicom.dataset.Dataset or None
        Of the request; its reason and its contact are repeated if they have values.

    Returns
    -------
    Event
        Of type UPS Cancel Requested.
    """
    source = Dataset() if action_information is None else action_information
    information = excerpt(source, CANCELLATION)
    information.RequestingAE = requesting_ae
    return _event(EventType.CANCEL_REQUESTED, uid, information, source)


def progress_report(uid: str, dataset: Dataset) -> Event:
    """Report the progress of a workitem.

    Parameters
    ----------
    uid : str
        SOP Instance UID of the workitem.
    dataset : pydicom.dataset.Dataset
        Its attributes.

    Returns
    -------
    Event
        Of type UPS Progress Report.
    """
    information = Dataset()
    information.ProcedureStepProgressInformationSequence = Sequence(_progress(dataset))
    return _event(EventType.PROGRESS_REPORT, uid, information, dataset)


def scp_status(
    status: ScpStatus,
    *,
    subscriptions: ScpStatus = ScpStatus.WARM_START,
    worklist: ScpStatus = ScpStatus.WARM_START,
) -> Event:
    """Report that the worklist manager starts or stops.

    Parameters
    ----------
    status : ScpStatus
        `ScpStatus.RESTARTED` or `ScpStatus.GOING_DOWN`.
    subscriptions, worklist : ScpStatus
        Whether the subscriptions and the workitems have outlived it, `ScpStatus.WARM_START`, or
        not, `ScpStatus.COLD_START`.  They mean nothing for one that goes down, but have to be
        there.

    Returns
    -------
    Event
        Of type SCP Status Change.  It is of no workitem, so it names the instance that stands
        for all of them.
    """
    information = Dataset()
    information.SCPStatus = str(status)
    information.SubscriptionListStatus = str(subscriptions)
    information.UnifiedProcedureStepListStatus = str(worklist)
    return Event(EventType.SCP_STATUS_CHANGE, GLOBAL_SUBSCRIPTION, information)


def assigned(uid: str, dataset: Dataset) -> list[Event]:
    """Report to which station and to whom a workitem is assigned.

    The event has room for one performer, so that there is one for each.

    Parameters
    ----------
    uid : str
        SOP Instance UID of the workitem.
    dataset : pydicom.dataset.Dataset
        Its attributes.

    Returns
    -------
    list of Event
        Of type UPS Assigned; none if neither a station nor a performer is named.
    """
    station = excerpt(dataset, ("ScheduledStationNameCodeSequence",))
    performers = [
        excerpt(item, ("HumanPerformerCodeSequence", "HumanPerformerOrganization"))
        for item in _items(dataset, "ScheduledHumanPerformersSequence")
    ]
    events = []
    for performer in performers or [Dataset()]:
        performer.update(copy.deepcopy(station))
        if performer:
            events.append(_event(EventType.ASSIGNED, uid, performer, dataset))
    return events


def events_of_modification(before: Dataset, after: Dataset, uid: str) -> tuple[Event, ...]:
    """Tell what subscribers are to hear of an N-SET.

    Parameters
    ----------
    before, after : pydicom.dataset.Dataset
        The attributes of the workitem.
    uid : str
        Its SOP Instance UID.

    Returns
    -------
    tuple of Event
        A state report if the readiness has changed, a progress report if what it reports has
        changed, and assignments if the station or the performers have changed.
    """
    events: list[Event] = []
    if before.get("InputReadinessState") != after.get("InputReadinessState"):
        events.append(state_report(uid, after))
    if _progress(before) != _progress(after):
        events.append(progress_report(uid, after))
    if any(
        _items(before, keyword) != _items(after, keyword)
        for keyword in ("ScheduledStationNameCodeSequence", "ScheduledHumanPerformersSequence")
    ):
        events.extend(assigned(uid, after))
    return tuple(events)


def _progress(dataset: Dataset) -> list[Dataset]:
    """Give the items of a progress report, at least one: the sequence is of Type 1."""
    items = _items(dataset, "ProcedureStepProgressInformationSequence")
    return [excerpt(item, _PROGRESS) for item in items] or [Dataset()]


def _items(dataset: Dataset, keyword: str) -> list[Dataset]:
    return list(dataset.get(keyword) or ())


def _event(type_: EventType, uid: str, information: Dataset, source: Dataset) -> Event:
    return Event(type_, uid, with_context(information, source))
