"""What the hooks of a query/retrieve SCP get and give."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from pydicom.dataset import Dataset

from leaddicom.contexts import QueryModel
from leaddicom.enums import Status
from leaddicom.net_tls import Security
from leaddicom.scp.models import LEVELS, UNIQUE_KEYS, model_of
from leaddicom.tls.identity import PeerIdentity

__all__ = ["Destination", "OperationRefused", "Query", "check_level", "check_unique_key"]

_LEVEL = 0x00080052

#: "Error: Data Set does not match SOP Class" of PS3.4 Tables C.4-1 to C.4-3.
_DOES_NOT_MATCH_SOP_CLASS = 0xA900


class OperationRefused(Exception):
    """A hook's way to end an operation with a status of its own.

    Parameters
    ----------
    status : int
        Of the final response: a `Status`, or another failure of PS3.4 or PS3.7 Annex C.
    comment : str
        Error Comment (0000,0902) for the peer: up to 64 characters, the rest is cut off, and
        nothing about patients.
    """

    def __init__(self, status: int, comment: str = "") -> None:
        super().__init__(status, comment)
        self.status = status
        self.comment = comment

    def __str__(self) -> str:
        return f"{self.status:04X}H {self.comment}".rstrip()


@dataclass(slots=True, eq=False)
class Query:
    """A C-FIND, C-GET or C-MOVE request.

    Attributes
    ----------
    sop_class_uid : str
        The SOP class, and by it the information model.
    identifier : pydicom.dataset.Dataset
        The keys.
    calling_ae_title, called_ae_title : str
        Who asks, and whom.  The first is what the peer says of itself.
    peer_identity : PeerIdentity or None
        Who asks, by the certificate; `None` if none was shown.
    priority : int
        A `Priority`.
    move_destination : str
        AE title to which a C-MOVE shall send; "" for C-FIND and C-GET.
    cancelled : threading.Event
        Set when nobody wants the answer any more: the peer has cancelled, the association is
        over.  A hook that computes for long, or waits for something, ends early by it.
    has_unsupported_keys : bool
        To be set by `find` before its first match if it ignores an optional key; the matches
        then leave with FF01H rather than FF00H (PS3.4 Table C.4-1).
    """

    sop_class_uid: str
    identifier: Dataset
    calling_ae_title: str = ""
    called_ae_title: str = ""
    peer_identity: PeerIdentity | None = None
    priority: int = 0
    move_destination: str = ""
    cancelled: threading.Event = field(default_factory=threading.Event)
    has_unsupported_keys: bool = False

    @property
    def model(self) -> QueryModel | None:
        """The information model, for example `STUDY_ROOT`; `None` if it is none we know."""
        return model_of(self.sop_class_uid)

    @property
    def levels(self) -> tuple[str, ...]:
        """The levels of the model, the highest first; none of worklists and the like."""
        return () if self.model is None else LEVELS.get(self.model, ())

    @property
    def level(self) -> str:
        """Query/Retrieve Level (0008,0052), such as ``"STUDY"``; "" if there is none."""
        value = self.identifier[_LEVEL].value if _LEVEL in self.identifier else None
        return "" if value is None else str(value).strip()


@dataclass(frozen=True, slots=True)
class Destination:
    """Where the instances of a C-MOVE go.

    Attributes
    ----------
    host : str
        Name or address.  With TLS its certificate has to have it.
    port : int
        Port.
    ae_title : str
        The AE title to call; "" is the one that the C-MOVE names.
    security : Security or None
        How the second association is protected.  `None` is as the first one, with the same
        certificate and the same trusted CAs; ``Security(DICOM_SECURE_NONE)`` is plain DICOM.
    window : int
        C-STORE requests that may be outstanding at a time, see `Scu.store`.
    """

    host: str
    port: int
    ae_title: str = ""
    security: Security | None = None
    window: int = 1


def check_level(query: Query) -> None:
    """Refuse an identifier whose level the information model does not have.

    Raises
    ------
    OperationRefused
        A900H.
    """
    if query.levels and query.level not in query.levels:
        comment = "Query/Retrieve Level (0008,0052) is none of the model."
        if not query.level:
            comment = "Query/Retrieve Level (0008,0052) is missing."
        raise OperationRefused(_DOES_NOT_MATCH_SOP_CLASS, comment)


def check_unique_key(query: Query) -> None:
    """Refuse a retrieval without the unique key of its level: it would be one of everything.

    Raises
    ------
    OperationRefused
        A900H (PS3.4 section C.4.2.2.1).
    """
    key = UNIQUE_KEYS.get(query.level) if query.levels else None
    if key is not None and (key not in query.identifier or query.identifier[key].is_empty):
        comment = f"The unique key of the {query.level} level is missing."
        raise OperationRefused(_DOES_NOT_MATCH_SOP_CLASS, comment)


def not_supported() -> OperationRefused:
    """Give the refusal of a hook that is not overridden."""
    return OperationRefused(Status.CLASS_NOT_SUPPORTED, "This operation is not supported.")
