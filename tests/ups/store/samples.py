"""Workitems to store."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pydicom.dataset import Dataset

from leaddicom.ups.core.terms import SopClass, State
from leaddicom.ups.core.workitem import Workitem
from ups.workitems import code, workitem

__all__ = ["claimed", "code", "in_state", "new", "uid"]

ROOT = "1.2.826.0.1.3680043.8.498"


def uid(number: int) -> str:
    return f"{ROOT}.{number}"


def new(number: int = 1, **changes: Any) -> Workitem:
    """A workitem as its creation makes it; `changes` replace attributes."""
    dataset = workitem(**changes)
    dataset.pop("TransactionUID", None)
    dataset.SOPClassUID = SopClass.PUSH.value
    dataset.SOPInstanceUID = uid(number)
    return Workitem(uid(number), dataset, creator_ae="CREATOR")


def in_state(workitem: Workitem, state: State, **changes: Any) -> Workitem:
    dataset: Dataset = workitem.copy_dataset()
    dataset.ProcedureStepState = state.value
    return replace(workitem, dataset=dataset, **changes)


def claimed(workitem: Workitem, transaction_uid: str = "1.2.3") -> Workitem:
    changes = {"transaction_uid": transaction_uid, "performer_ae": "PERFORMER"}
    return in_state(workitem, State.IN_PROGRESS, **changes)
