"""What `Scu.store` tells."""

from __future__ import annotations

from dataclasses import dataclass, field

from pynetdicom.status import STORAGE_SERVICE_CLASS_STATUS

from leaddicom.errors import DicomError

__all__ = ["StoreIssue", "StoreProgress", "StoreResult", "status_text"]


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


def status_text(status: int, comment: str = "") -> str:
    """Say what a C-STORE status means (PS3.4 Table B.2-1, PS3.7 Annex C).

    Parameters
    ----------
    status : int
        From the response.
    comment : str
        Its Error Comment (0000,0902), shown with escapes.
    """
    category, meaning = STORAGE_SERVICE_CLASS_STATUS.get(status, ("", ""))
    words = meaning or category or "a status that PS3.4 does not define"
    said = f", and said {comment!a}" if comment else ""
    return f"the peer answered {status:04X}H, {words}{said}"
