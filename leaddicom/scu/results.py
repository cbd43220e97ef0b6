"""What the operations of `Scu` tell."""

from __future__ import annotations

from dataclasses import dataclass, field

from pydicom.dataset import Dataset
from pynetdicom.sop_class import uid_to_service_class
from pynetdicom.status import (
    QR_FIND_SERVICE_CLASS_STATUS,
    QR_GET_SERVICE_CLASS_STATUS,
    QR_MOVE_SERVICE_CLASS_STATUS,
    STORAGE_SERVICE_CLASS_STATUS,
    code_to_category,
)

from leaddicom.enums import Status
from leaddicom.errors import DicomError, StatusError

__all__ = [
    "NormalizedResult",
    "Outcome",
    "RetrieveProgress",
    "RetrieveResult",
    "StoreIssue",
    "StoreProgress",
    "StoreResult",
    "answer_text",
    "is_warning",
    "status_meaning",
]

# What a status means depends on the operation; of normalized services, on the SOP class.
_STATUSES = {
    "C-STORE": STORAGE_SERVICE_CLASS_STATUS,
    "C-FIND": QR_FIND_SERVICE_CLASS_STATUS,
    "C-GET": QR_GET_SERVICE_CLASS_STATUS,
    "C-MOVE": QR_MOVE_SERVICE_CLASS_STATUS,
}
_WARNINGS = (0x0001, Status.ATTRIBUTE_LIST_ERROR, Status.ATTRIBUTE_OUT_OF_RANGE)


def is_warning(status: int) -> bool:
    """Tell whether a status says that it was done, but not quite (PS3.7 Annex C.3)."""
    return status >> 12 == 0xB or status in _WARNINGS


def status_meaning(operation: str, status: int, sop_class_uid: str = "") -> str:
    """Say what a status means (PS3.7 Annex C, and the service's section of PS3.4).

    Parameters
    ----------
    operation : str
        As PS3.7 names it, for example ``"C-STORE"``.
    status : int
        From the response.
    sop_class_uid : str
        Of a normalized service.
    """
    statuses = _STATUSES.get(operation) or uid_to_service_class(sop_class_uid).statuses
    category, meaning = statuses.get(status, (code_to_category(status), ""))
    unknown = category == "Unknown"
    return meaning or ("a status that the standard does not define" if unknown else category)


def answer_text(status: int, meaning: str, comment: str) -> str:
    """Put into words what the peer has answered; its comment is shown with escapes."""
    said = f", and said {comment!a}" if comment else ""
    return f"{status:04X}H, {meaning}{said}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a request was answered.

    Attributes
    ----------
    operation : str
        As PS3.7 names it, for example ``"C-MOVE"``.
    peer : str
        Host and port of who has answered.
    status : int
        The status of the final response.
    meaning : str
        What that means, in the standard's words.
    comment : str
        The peer's Error Comment (0000,0902); "" if it has sent none.
    """

    operation: str
    peer: str
    status: int
    meaning: str
    comment: str

    @property
    def is_success(self) -> bool:
        """Whether all was done, without a warning."""
        return self.status == Status.SUCCESS

    @property
    def is_failure(self) -> bool:
        """Whether it failed: no success, no warning, and not cancelled."""
        done = (Status.SUCCESS, Status.CANCEL)
        return self.status not in done and not is_warning(self.status)

    def check(self) -> None:
        """Raise what a failure is.

        Raises
        ------
        StatusError
            It is one.
        """
        if self.is_failure:
            said = answer_text(self.status, self.meaning, self.comment)
            text = f"{self.peer} answered the {self.operation} with {said}."
            raise StatusError(text, self.status, self.comment)


@dataclass(frozen=True, slots=True)
class NormalizedResult(Outcome):
    """How a request of a normalized service was answered.

    Attributes
    ----------
    sop_class_uid, sop_instance_uid : str
        The Affected SOP Class and Instance UIDs; where the response has none, which PS3.7
        allows, those of the request.
    type_id : int or None
        Event Type ID or Action Type ID, where the response has one.
    dataset : pydicom.dataset.Dataset or None
        Attribute list, event reply or action reply; `None` if there is none.
    """

    sop_class_uid: str = ""
    sop_instance_uid: str = ""
    type_id: int | None = None
    dataset: Dataset | None = None


@dataclass(frozen=True, slots=True)
class RetrieveProgress:
    """How far a C-GET or C-MOVE has come, as the peer tells it now and then.

    Attributes
    ----------
    remaining, completed, failed, warning : int
        Numbers of sub-operations; 0 where the peer has told none.
    """

    remaining: int
    completed: int
    failed: int
    warning: int


@dataclass(frozen=True, slots=True)
class RetrieveResult(Outcome):
    """What became of a C-GET or C-MOVE.

    Attributes
    ----------
    remaining, completed, failed, warning : int
        Numbers of sub-operations in the final response; `remaining` is 0 unless it was
        cancelled.
    failed_instances : tuple of str
        Failed SOP Instance UID List (0008,0058).
    seconds : float
        From connecting, or from the request on an association that was up already, to the
        final response.
    """

    remaining: int = 0
    completed: int = 0
    failed: int = 0
    warning: int = 0
    failed_instances: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class StoreIssue:
    """A file of which there is something to say.

    Attributes
    ----------
    path : str
        The file.
    reason : str
        What happened, in words.
    status : int or None
        The peer's DIMSE status; `None` if the peer has not answered.
    """

    path: str
    reason: str
    status: int | None = None

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


@dataclass(frozen=True, slots=True)
class StoreProgress:
    """How far a transfer has come; there is one for every instance, in order of the answers.

    Attributes
    ----------
    path : str
        The instance that was stored or has failed.
    issue : StoreIssue or None
        Why it failed, or what the peer has warned of; `None` if all went well.
    done, total : int
        Instances that were stored or have failed, and instances of the whole transfer.
    bytes : int
        Bytes of the data sets that were stored so far.
    """

    path: str
    issue: StoreIssue | None
    done: int
    total: int
    bytes: int


@dataclass(slots=True)
class StoreResult:
    """What became of the files that were to be stored.

    Attributes
    ----------
    sent : int
        Instances that the peer has stored, those with warnings included.
    failed : list of StoreIssue
        Instances that it has not stored, and named files that cannot be read.
    warnings : list of StoreIssue
        Instances that were stored with a warning (status BxxxH, PS3.4 Table B.2-1).
    skipped : list of StoreIssue
        Files in folders that are no instances, and DICOMDIRs.
    bytes : int
        Bytes of the data sets that were stored.
    seconds : float
        From connecting, or from the first request on an association that was up already, to
        the last answer.
    error : DicomError or None
        Why the association broke, if it did; the instances left over have failed then.
    """

    sent: int = 0
    failed: list[StoreIssue] = field(default_factory=list)
    warnings: list[StoreIssue] = field(default_factory=list)
    skipped: list[StoreIssue] = field(default_factory=list)
    bytes: int = 0
    seconds: float = 0.0
    error: DicomError | None = None
