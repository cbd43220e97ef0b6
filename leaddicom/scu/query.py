"""The query and retrieve services, as SCU (PS3.4 Annexes C and K)."""

from __future__ import annotations

import contextlib
import itertools
import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator

from pydicom.dataset import Dataset

from leaddicom.contexts import COMMON_STORAGE, QueryModel, supported
from leaddicom.dataset import LDicomDS
from leaddicom.enums import Priority, Status
from leaddicom.errors import (
    AssociationError,
    DataSetError,
    DicomErrorCode,
    NetworkError,
    ParameterError,
)
from leaddicom.net_dimse import DataSet
from leaddicom.scu.exchange import Response
from leaddicom.scu.instances import CONTEXTS
from leaddicom.scu.requestor import Requestor
from leaddicom.scu.results import Outcome, RetrieveProgress, RetrieveResult
from leaddicom.scu.retrieval import Query, Retrieval, Store, counts, storage_contexts
from leaddicom.values import check_ae_title

__all__ = ["QueryRetrieveScu"]

logger = logging.getLogger(__name__)


class QueryRetrieveScu(Requestor):
    """Finds and retrieves what the peer has."""

    def find(
        self, model: QueryModel, identifier: DataSet, *, limit: int | None = None
    ) -> Iterator[Dataset]:
        """Find what matches (C-FIND), and give the matches as they arrive.

        The query is sent when the first match is asked for.  Who stops before the last one, by
        ``break`` or by closing the iterator, cancels the query; the association can be used
        again then.  While matches wait to be read, the peer has to wait too.

        Parameters
        ----------
        model : QueryModel
            `PATIENT_ROOT`, `STUDY_ROOT`, `MODALITY_WORKLIST` or another one.
        identifier : LDicomDS, pydicom.dataset.Dataset, str or path-like
            What to match and what to return (PS3.4 section C.4.1.1.3), with the Query/Retrieve
            Level (0008,0052) where the model has levels.
        limit : int, optional
            Cancel the query after so many matches.

        Yields
        ------
        pydicom.dataset.Dataset
            A match.

        Raises
        ------
        StatusError
            The peer has answered with a failure.
        DataSetError
            The identifier cannot be encoded, or a match is damaged.
        DicomError
            As a rule a `TlsError`, `NetworkError` or `AssociationError`: there is no
            association, or it has ended before the last match.

        Notes
        -----
        After `cancel` it ends like one that has found no more.  Until it has ended, no other
        operation can begin: to do something about each match, read them all first,
        ``list(scu.find(...))``.
        """
        if limit is not None and limit < 1:
            raise ParameterError(f"The limit is {limit}, but must be at least 1.")

        def send(context_id: int, message_id: int) -> None:
            self.SendCFindRequest(context_id, message_id, model.find, Priority.MEDIUM, identifier)

        contexts = supported(filter(None, (model.find, model.move)))
        return self._matches(Query(self, model.find, contexts, send, self._changed), limit)

    def get(
        self,
        model: QueryModel,
        identifier: DataSet,
        store: Store,
        *,
        sop_classes: Iterable[str] = COMMON_STORAGE,
        progress: Callable[[RetrieveProgress], None] | None = None,
    ) -> RetrieveResult:
        """Retrieve instances over this association (C-GET).

        Parameters
        ----------
        model : QueryModel
            `PATIENT_ROOT`, `STUDY_ROOT` or another one.
        identifier : LDicomDS, pydicom.dataset.Dataset, str or path-like
            Query/Retrieve Level (0008,0052) and unique keys (PS3.4 section C.4.3.1.3).
        store : Archive or Callable[[LDicomDS], int]
            Where the instances go.  A function is called on the network thread and gives the
            status of the C-STORE (PS3.4 Table B.2-1), 0 for success.  A `DataSetError` that it
            raises fails that instance; anything else aborts the association and is raised here.
        sop_classes : iterable of str
            UIDs of the storage SOP classes to offer; the peer cannot send instances of others.
            Up to 125; the fewer there are, the more transfer syntaxes are offered for each.
        progress : Callable[[RetrieveProgress], None], optional
            Called on the network thread with the counts that the peer sends.  What it raises
            aborts the association and is raised by this method; to end it well, it may call
            `cancel`.

        Returns
        -------
        RetrieveResult
            Status and counts, also if it failed or was cancelled.

        Raises
        ------
        DicomError
            As a rule a `TlsError`, `NetworkError` or `AssociationError`: there is no
            association, or it has ended before the final response.  What has arrived is stored.
        ParameterError
            The model has no C-GET, or there are too many SOP classes.
        """
        sop_class = _required(model.get, "C-GET")
        queries = supported(filter(None, (model.find, model.move, model.get)))
        contexts = (*queries, *storage_contexts(sop_classes, CONTEXTS - len(queries)))

        def send(context_id: int, message_id: int) -> None:
            self.SendCGetRequest(context_id, message_id, sop_class, Priority.MEDIUM, identifier)

        return self._retrieve("C-GET", Retrieval(self, sop_class, contexts, send, progress, store))

    def move(
        self,
        model: QueryModel,
        identifier: DataSet,
        destination: str,
        *,
        progress: Callable[[RetrieveProgress], None] | None = None,
    ) -> RetrieveResult:
        """Have the peer send instances to a destination (C-MOVE).

        Parameters
        ----------
        model : QueryModel
            `PATIENT_ROOT`, `STUDY_ROOT` or another one.
        identifier : LDicomDS, pydicom.dataset.Dataset, str or path-like
            Query/Retrieve Level (0008,0052) and unique keys (PS3.4 section C.4.2.1.4).
        destination : str
            AE title of a storage SCP that the peer knows.  Whether it is sent to over TLS is
            set at the peer.
        progress : Callable[[RetrieveProgress], None], optional
            As for `get`.

        Returns
        -------
        RetrieveResult
            Status and counts, also if it failed or was cancelled.

        Raises
        ------
        DicomError
            As for `get`.
        ParameterError
            The model has no C-MOVE, or the destination is no AE title.
        """
        sop_class = _required(model.move, "C-MOVE")
        check_ae_title(destination)

        def send(context_id: int, message_id: int) -> None:
            self.SendCMoveRequest(
                context_id, message_id, sop_class, Priority.MEDIUM, destination, identifier
            )

        contexts = supported(filter(None, (model.find, model.move)))
        return self._retrieve("C-MOVE", Retrieval(self, sop_class, contexts, send, progress))

    def OnReceiveCStoreRequest(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        sop_instance_uid: str,
        priority: int,
        move_ae: str,
        move_message_id: int,
        dataset: LDicomDS,
    ) -> None:
        """Store an instance that a C-GET brings; any other is refused."""
        exchange = self._exchange
        names = (presentation_id, message_id, sop_class_uid, sop_instance_uid)
        if not isinstance(exchange, Retrieval):
            self.SendCStoreResponse(*names, Status.CLASS_NOT_SUPPORTED)
            return

        def store() -> None:
            status = exchange.stored(dataset)
            with contextlib.suppress(AssociationError, NetworkError):  # its end tells the reason
                self.SendCStoreResponse(*names, status)

        self._handle(store)

    # -- how -----------------------------------------------------------------------------------

    def _matches(self, query: Query, limit: int | None) -> Iterator[Dataset]:
        self._start(query)
        try:
            left = itertools.count() if limit is None else range(limit)
            for _ in left:
                match = self._next_match(query)
                if match is None:
                    return
                yield match
        finally:
            # It was stopped early; at the end of the program there is nobody who could answer.
            if self._exchange is query and not sys.is_finalizing():
                query.abandon()
                query.cancel()
                self._finish(query)

    def _next_match(self, query: Query) -> Dataset | None:
        """Wait for a match; `None` if the query has ended well."""
        self._wait(lambda: query.is_readable)
        if query.is_abandoned:
            raise AssociationError(
                DicomErrorCode.CANCELED,
                f"The query at {self.peer_text} was given up, because the association was closed "
                "before its matches were read.",
            )
        match = query.take()
        if match is not None:
            with match:
                return match.to_pydicom()
        error = self._finish(query)
        if error is not None:
            raise error
        self._outcome(Outcome, "C-FIND", query.final).check()
        return None

    def _retrieve(self, operation: str, retrieval: Retrieval) -> RetrieveResult:
        began = time.perf_counter()
        final = self._call(retrieval)
        seconds = time.perf_counter() - began
        remaining, completed, failed, warning = counts(final.values())
        return self._outcome(
            RetrieveResult,
            operation,
            final,
            remaining=remaining,
            completed=completed,
            failed=failed,
            warning=warning,
            failed_instances=_failed_instances(final),
            seconds=seconds,
        )


def _required(sop_class: str, operation: str) -> str:
    if not sop_class:
        raise ParameterError(f"The query model has no SOP class for {operation}.")
    return sop_class


def _failed_instances(response: Response) -> tuple[str, ...]:
    """Read the Failed SOP Instance UID List (0008,0058) of a final response."""
    if response.dataset is None:
        return ()
    try:
        found = response.dataset.to_pydicom().get("FailedSOPInstanceUIDList") or ()
    except DataSetError as error:
        logger.warning("The list of failed instances cannot be read: %s", error)
        return ()
    return (str(found),) if isinstance(found, str) else tuple(map(str, found))
