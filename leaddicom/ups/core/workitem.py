"""A workitem, and what a request makes of it."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from datetime import datetime

from pydicom.dataset import Dataset

from leaddicom.ups.core.terms import EventType, State, UpsStatus

__all__ = ["Event", "Outcome", "Workitem", "success"]


@dataclass(frozen=True, slots=True)
class Workitem:
    """A Unified Procedure Step as the worklist manager keeps it.

    Nobody changes the data set of a workitem: a change makes another workitem, with a copy.

    Attributes
    ----------
    uid : str
        SOP Instance UID.
    dataset : pydicom.dataset.Dataset
        All attributes, among them SOP Class UID, SOP Instance UID and Procedure Step State;
        never the Transaction UID, which is nobody's to read.
    transaction_uid : str
        What the performer has locked it with; "" until it is claimed.  It stays when the
        workitem is final: some answers depend on it (PS3.4 Table CC.1.1-2).
    creator_ae, performer_ae : str
        AE titles that have created and claimed it, for the audit trail and the admin.
    version : int
        Of the stored row; 0 while it is not stored.  A change is written only over the version
        that it was made from.
    created_at, modified_at : datetime or None
        In UTC; the store sets them.
    final_at : datetime or None
        When it became final, in UTC.
    """

    uid: str
    dataset: Dataset
    transaction_uid: str = ""
    creator_ae: str = ""
    performer_ae: str = ""
    version: int = 0
    created_at: datetime | None = None
    modified_at: datetime | None = None
    final_at: datetime | None = None

    @property
    def state(self) -> State:
        """Procedure Step State."""
        return State(self.dataset.ProcedureStepState)

    def copy_dataset(self) -> Dataset:
        """Give a copy of the data set to change."""
        return copy.deepcopy(self.dataset)


@dataclass(frozen=True, slots=True)
class Event:
    """An event that subscribers are to hear of (PS3.4 section CC.2.4).

    Attributes
    ----------
    type : EventType
        Event Type ID.
    uid : str
        Affected SOP Instance UID.
    information : pydicom.dataset.Dataset
        Event Information.
    """

    type: EventType
    uid: str
    information: Dataset


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer to a request, and what it changes.

    Attributes
    ----------
    status : UpsStatus
        Of the response.
    comment : str
        Error Comment (0000,0902): at most 64 characters of ASCII, and nothing about patients.
    workitem : Workitem or None
        What to store; `None` if nothing changes.
    events : tuple of Event
        For the subscribers, in their order.
    dataset : pydicom.dataset.Dataset or None
        Of the response.
    """

    status: UpsStatus
    comment: str = ""
    workitem: Workitem | None = None
    events: tuple[Event, ...] = field(default=())
    dataset: Dataset | None = None


def success(workitem: Workitem | None = None, *events: Event) -> Outcome:
    """Give the outcome of a request that was done as it was asked."""
    return Outcome(UpsStatus.SUCCESS, "", workitem, events)
