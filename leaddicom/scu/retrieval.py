"""C-FIND, C-GET and C-MOVE as they happen inside the events of the connection."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from leaddicom.archive import Archive
from leaddicom.contexts import TRANSFER_SYNTAXES, UNCOMPRESSED
from leaddicom.dataset import LDicomDS
from leaddicom.dimse.command import Value
from leaddicom.enums import Status
from leaddicom.errors import DataSetError, DicomErrorCode, ParameterError
from leaddicom.scu.exchange import CancellableRequest, Response, as_scp
from leaddicom.scu.instances import CONTEXTS
from leaddicom.scu.results import RetrieveProgress
from leaddicom.upper_layer.negotiation import SupportedContext

if TYPE_CHECKING:
    from leaddicom.scu.requestor import Requestor

__all__ = ["Query", "Retrieval", "Store", "counts", "storage_contexts"]

logger = logging.getLogger(__name__)

#: Where instances go that a C-GET brings: an archive, or a function that gives the status.
Store = Archive | Callable[[LDicomDS], int]

#: Matches that wait to be read, beyond which the peer has to wait.
_HELD = 16

_COMPRESSED = tuple(each for each in TRANSFER_SYNTAXES if each not in UNCOMPRESSED)

# Statuses of C-STORE (PS3.4 Table B.2-1): out of resources, data set does not match SOP class.
_STATUSES = {DicomErrorCode.WRITE: 0xA700, DicomErrorCode.PARAMETER: 0xA900}
_CANNOT_UNDERSTAND = 0xC000


class Query(CancellableRequest):
    """A C-FIND, whose matches wait in here until they are read.

    When many wait, the event of the next one does not return: the peer is held back through TCP,
    and memory stays bounded.

    Parameters
    ----------
    net, abstract_syntax, contexts, send
        As for `Request`.
    changed : threading.Condition
        What the reader waits on.
    """

    def __init__(
        self,
        net: Requestor,
        abstract_syntax: str,
        contexts: Sequence[SupportedContext],
        send: Callable[[int, int], None],
        changed: threading.Condition,
    ) -> None:
        super().__init__(net, abstract_syntax, contexts, send)
        self._changed = changed
        self._matches: deque[LDicomDS] = deque()

    @property
    def is_readable(self) -> bool:
        """Whether a match waits, or none will come any more."""
        return bool(self._matches) or self.done or self.is_abandoned

    def pending(self, response: Response) -> None:
        """Keep a match until it is read; without an Identifier it is none."""
        if response.dataset is None:
            return
        with self._changed:
            self._changed.wait_for(lambda: self.is_abandoned or len(self._matches) < _HELD)
            self._matches.append(response.dataset)
            if self.is_abandoned:
                self._drop()
            self._changed.notify_all()

    def take(self) -> LDicomDS | None:
        """Give the next match; `None` if none waits."""
        with self._changed:
            self._changed.notify_all()
            return self._matches.popleft() if self._matches else None

    def abandon(self) -> None:
        """Drop the matches that wait, and all that come."""
        with self._changed:
            super().abandon()
            self._drop()
            self._changed.notify_all()

    def _drop(self) -> None:
        for match in self._matches:
            match.close()
        self._matches.clear()


class Retrieval(CancellableRequest):
    """A C-GET or C-MOVE.

    Parameters
    ----------
    net, abstract_syntax, contexts, send
        As for `Request`.
    progress : Callable[[RetrieveProgress], None] or None
        Who is told the counts.
    store : Archive or Callable[[LDicomDS], int] or None
        Of a C-GET: where the instances go.
    """

    def __init__(
        self,
        net: Requestor,
        abstract_syntax: str,
        contexts: Sequence[SupportedContext],
        send: Callable[[int, int], None],
        progress: Callable[[RetrieveProgress], None] | None,
        store: Store | None = None,
    ) -> None:
        super().__init__(net, abstract_syntax, contexts, send)
        self.store = store
        self._progress = progress

    def pending(self, response: Response) -> None:
        """Tell the counts."""
        if self._progress is not None:
            self._progress(RetrieveProgress(*counts(response.values())))

    def stored(self, dataset: LDicomDS) -> int:
        """Store an instance; give the status to answer."""
        store = self.store
        try:
            if isinstance(store, Archive):
                store.store(dataset)
                return Status.SUCCESS
            return Status.CLASS_NOT_SUPPORTED if store is None else store(dataset)
        except DataSetError as error:
            status = _STATUSES.get(error.code, _CANNOT_UNDERSTAND)
            instance = dataset.sop_instance_uid
            logger.warning("Answered %04XH for instance %a: %s", status, instance, error)
            return status


def counts(values: dict[str, Value]) -> tuple[int, int, int, int]:
    """Give the numbers of sub-operations in a response, 0 for what is not there."""
    remaining, completed, failed, warning = (
        value if isinstance(value := values.get(name), int) else 0
        for name in ("remaining", "completed", "failed", "warning")
    )
    return remaining, completed, failed, warning


def storage_contexts(sop_classes: Iterable[str], room: int = CONTEXTS) -> list[SupportedContext]:
    """Give the presentation contexts on which a C-GET can bring instances.

    On each the requestor asks to be the SCP (PS3.7 section D.3.3.4).  One per SOP class is for
    what is not compressed.  Since the acceptor takes one transfer syntax of a context, whatever
    an instance is kept in, the compressed ones get a context each where there is room for that,
    else one together, else none.

    Parameters
    ----------
    sop_classes : iterable of str
        UIDs.
    room : int
        How many contexts may be offered.

    Raises
    ------
    ParameterError
        There are more SOP classes than that.
    """
    uids = tuple(dict.fromkeys(map(str, sop_classes)))
    if len(uids) > room:
        raise ParameterError(
            f"There are {len(uids)} SOP classes to retrieve, but an association has room for "
            f"{room} (PS3.8 section 9.3.2.2); name those that matter."
        )
    compressed: tuple[tuple[str, ...], ...] = tuple((each,) for each in _COMPRESSED)
    if len(uids) * (1 + len(compressed)) > room:
        compressed = (_COMPRESSED,) if 2 * len(uids) <= room else ()
    return [
        as_scp(SupportedContext(uid, syntaxes))
        for uid in uids
        for syntaxes in (UNCOMPRESSED, *compressed)
    ]
