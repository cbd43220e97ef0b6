"""What the verbs of `UpsScu` tell: statuses, with their meaning and with what to do about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Any

from pydicom.dataset import Dataset

from leaddicom.errors import StatusError
from leaddicom.scu.results import answer_text, is_warning, status_meaning
from leaddicom.ups.client.views import WorkitemView
from leaddicom.ups.core.terms import SopClass, UpsStatus

__all__ = ["REMEDIES", "Category", "UpsResult"]


class Category(str, Enum):
    """What a status amounts to (PS3.7 Annex C)."""

    SUCCESS = "success"
    WARNING = "warning"
    FAILURE = "failure"

    def __str__(self) -> str:
        return self.value


_HELD_HERE = (
    "It was claimed here already: go on with progress() or complete(); resume() tells whether the "
    "claim still holds."
)

#: What to do about a status, by its code.
REMEDIES: Mapping[int, str] = MappingProxyType(
    {
        UpsStatus.INVALID_ATTRIBUTE_VALUE: "Correct the attribute that the comment names.",
        UpsStatus.PROCESSING_FAILURE: "Try again; if it stays, look into the manager's log.",
        UpsStatus.DUPLICATE_INSTANCE: "Leave the UID out to get a new one, or change what is there "
        "with modify().",
        UpsStatus.INVALID_ARGUMENT_VALUE: "Correct what the comment names.",
        UpsStatus.INVALID_INSTANCE: "Correct the UID of the workitem.",
        UpsStatus.NO_SUCH_SOP_CLASS: "The peer knows no Unified Procedure Step: check that host, "
        "port and called AE title are the worklist manager's.",
        UpsStatus.MISSING_ATTRIBUTE: "Add the attribute that the comment names.",
        UpsStatus.MISSING_ATTRIBUTE_VALUE: "Give the attribute that the comment names a value.",
        UpsStatus.NO_SUCH_ACTION: "Choose another of the UPS SOP classes for it with `sop_class`.",
        UpsStatus.NOT_AUTHORIZED: "Have the manager allow it to this AE title and certificate.",
        UpsStatus.UNRECOGNIZED_OPERATION: "Choose another of the UPS SOP classes for it with "
        "`sop_class`.",
        UpsStatus.RESOURCE_LIMITATION: "Try again later.",
        UpsStatus.CREATED_WITH_MODIFICATIONS: "Read it with get() to see what was changed.",
        UpsStatus.DELETION_LOCK_NOT_GRANTED: "The subscription holds, but the workitem may be "
        "deleted soon after its end: read what you need at the final state report.",
        UpsStatus.ALREADY_CANCELED: "Nothing: it is as it was asked for.",
        UpsStatus.VALUES_COERCED: "Read it with get() to see what was changed.",
        UpsStatus.ALREADY_COMPLETED: "Nothing: it is as it was asked for.",
        UpsStatus.NO_LONGER_UPDATABLE: "It is COMPLETED or CANCELED for good: create another one.",
        UpsStatus.TRANSACTION_UID_WRONG: "Somebody else performs it: take another one, or ask for "
        "its end with request_cancel(). If it was claimed here before, resume() it.",
        UpsStatus.ALREADY_IN_PROGRESS: "It was claimed with this very Transaction UID before; if "
        "that was here, go on with it, else leave it alone.",
        UpsStatus.SCHEDULED_ONLY_BY_CREATE: "Nothing leads back to SCHEDULED: cancel it and create "
        "another one.",
        UpsStatus.FINAL_STATE_NOT_MET: "Before COMPLETED every performed procedure needs station, "
        "workitem code, start and end: start_procedure() and end_procedure(). Before CANCELED "
        "there has to be a reason, which cancel() gives.",
        UpsStatus.NO_SUCH_WORKITEM: "Check the UID: it is wrong, of another manager, or of a "
        "workitem that was deleted after its end.",
        UpsStatus.RECEIVING_AE_UNKNOWN: "Have the manager know host and port of the receiving AE: "
        "by 'leaddicom ups admin ae add', or by the file of its setting `ae_table`.",
        UpsStatus.NOT_SCHEDULED_AT_CREATION: "Create it as SCHEDULED, and claim() it then.",
        UpsStatus.NOT_YET_IN_PROGRESS: "claim() it first; to change the schedule, leave the "
        "Transaction UID out.",
        UpsStatus.CANCEL_OF_COMPLETED: "It is done, too late to cancel it.",
        UpsStatus.PERFORMER_UNREACHABLE: "Speak with whoever performs it.",
        UpsStatus.PERFORMER_DECLINES: "Speak with whoever performs it.",
        UpsStatus.ACTION_NOT_FOR_INSTANCE: "Only the subscription to all workitems can be "
        "suspended, and a filtered one is ended like one to all.",
        UpsStatus.NO_EVENT_REPORTS: "The manager reports no events: ask with find() from time to "
        "time.",
    }
)


@dataclass(frozen=True, slots=True)
class UpsResult:
    """How the worklist manager has answered.

    Attributes
    ----------
    verb : str
        What was asked for, as the method is called: ``"claim"``.
    operation : str
        By which service, as PS3.7 names it: ``"N-ACTION"``.
    peer : str
        Host and port of the manager.
    uid : str
        SOP Instance UID of the workitem.
    status : int
        Of the response.
    meaning : str
        What that means, in the standard's words.
    comment : str
        The manager's Error Comment (0000,0902); "" if it has sent none.
    dataset : pydicom.dataset.Dataset or None
        Of the response: the attributes that `UpsScu.get` asks for.
    transaction_uid : str
        What the workitem is locked with, of a claim; else "".
    attempts : int
        How often the request was sent until an answer came.
    is_confirmation : bool
        Whether the status answers a repetition, and tells that the first request, whose answer
        was lost, has done what was asked for.  Its category is success then.
    is_held_here : bool
        Whether a claim was refused that was granted before, and is on disk here.
    """

    verb: str
    operation: str
    peer: str
    uid: str
    status: int
    meaning: str
    comment: str = ""
    dataset: Dataset | None = None
    transaction_uid: str = ""
    attempts: int = 1
    is_confirmation: bool = False
    is_held_here: bool = False

    @classmethod
    def of(
        cls, verb: str, operation: str, peer: str, uid: str, status: int, **more: Any
    ) -> UpsResult:
        """Make a result, with the meaning of its status."""
        meaning = status_meaning(operation, status, SopClass.PUSH.value)
        return cls(verb, operation, peer, uid, status, meaning, **more)

    @property
    def category(self) -> Category:
        """Success, warning or failure; what is neither 0000H nor a warning is a failure."""
        if self.status == UpsStatus.SUCCESS or self.is_confirmation:
            return Category.SUCCESS
        return Category.WARNING if is_warning(self.status) else Category.FAILURE

    @property
    def is_success(self) -> bool:
        """Whether it was done, without a warning."""
        return self.category is Category.SUCCESS

    @property
    def is_failure(self) -> bool:
        """Whether it was not done."""
        return self.category is Category.FAILURE

    @property
    def remedy(self) -> str:
        """What to do about the status; "" if there is nothing to say."""
        if self.is_held_here:
            return _HELD_HERE
        return "" if self.is_success else REMEDIES.get(self.status, "")

    @property
    def workitem(self) -> WorkitemView:
        """The data set of the response, read by name."""
        return WorkitemView(Dataset() if self.dataset is None else self.dataset, self.uid)

    def check(self) -> UpsResult:
        """Raise what a failure is; give the result itself if it is none.

        Raises
        ------
        StatusError
            It is one; its message says what to do.

        Examples
        --------
        >>> from datetime import datetime
        >>> from leaddicom.ups.client import UpsScu, workitem
        >>> tls = {"ca_file": "ca.pem", "certificate": "me.pem", "key": "me.key"}
        >>> with UpsScu("manager", 2762, **tls) as ups:
        ...     uid = ups.create(workitem("Plan review", datetime.now())).check().uid
        """
        if self.is_failure:
            raise StatusError(str(self), self.status, self.comment)
        return self

    def __repr__(self) -> str:
        # Without data set and comment, in which there may be patient data, and without the key.
        state = self.workitem.state
        rest = f", {state}" if state else ""
        return f"UpsResult({self.verb!a}, {self.uid!a}, {self.status:04X}H{rest})"

    def __str__(self) -> str:
        said = answer_text(self.status, self.meaning, self.comment)
        of = f" of {self.uid}" if self.uid else ""
        told = f"{self.peer} answered {self.verb} ({self.operation}){of} with {said}."
        return f"{told} {self.remedy}".rstrip()
