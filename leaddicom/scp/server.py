"""`QueryRetrieveScp`, the server side of C-FIND, C-GET and C-MOVE."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable
from typing import cast

from pydicom.dataset import Dataset

from leaddicom.dataset import LDicomDS
from leaddicom.dimse.message import Message
from leaddicom.enums import SecureMode
from leaddicom.net import LDicomNet
from leaddicom.scp.finding import Find
from leaddicom.scp.operation import Operation, Request, Workers
from leaddicom.scp.query import Destination, Query, not_supported
from leaddicom.scp.retrieving import Get, Move
from leaddicom.scu.exchange import Response

__all__ = ["QueryRetrieveScp"]

_MESSAGE_IDS = 0xFFFF


class QueryRetrieveScp(LDicomNet):
    """An SCP that answers C-FIND, C-GET and C-MOVE; a subclass says what there is.

    A subclass overrides the hooks `find`, `retrieve` and `destination` as far as it offers them,
    and sets `supported_contexts` with the help of `find_contexts` and `retrieve_contexts`.  Hooks
    run in a thread of their own for each operation, and may take their time: the association
    goes on meanwhile, and a C-CANCEL is heard.

    Parameters
    ----------
    path, mode, reserved
        As for `LDicomNet`.

    Attributes
    ----------
    maximum_operations : int
        Operations that may be under way at a time, on all connections of a listener together;
        what comes beyond is refused for want of resources.

    Notes
    -----
    * Every operation gets one final response.  A hook chooses it by raising `OperationRefused`;
      any other exception is logged and answered with C000H.
    * A C-CANCEL, a release, an abort and `Close` end an operation: `Query.cancelled` is set, and
      a generator is closed as soon as it yields.  Only a hook that neither yields nor looks at
      `Query.cancelled` goes on; nobody waits for it, but it counts as an operation.
    * `CreateClient` copies the object for each connection, so hooks of several operations run at
      the same time on the same attributes.
    * Overrides of `OnClose`, `OnReceiveReleaseRequest`, `OnReceiveCCancelRequest` and
      `OnReceiveCStoreResponse` have to call their originals.

    Examples
    --------
    >>> class Worklist(QueryRetrieveScp):
    ...     supported_contexts = (*VERIFICATION, *find_contexts(MODALITY_WORKLIST))
    ...
    ...     def find(self, query):
    ...         for entry in self.entries:
    ...             if matches(query.identifier, entry):
    ...                 yield requested(query.identifier, entry)
    """

    maximum_operations: int = 32

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        mode: int = SecureMode.TLS,
        reserved: bool | None = None,
    ) -> None:
        super().__init__(path, mode, reserved)
        self._workers = Workers()
        self._forget_all()

    # -- hooks ---------------------------------------------------------------------------------

    def find(self, query: Query) -> Iterable[Dataset]:
        """Give the matches of a C-FIND; override it, as a rule as a generator.

        Parameters
        ----------
        query : Query
            Who asks for what.

        Returns
        -------
        iterable of pydicom.dataset.Dataset
            The identifiers of the responses, see `requested`.  Each leaves when it is given;
            the next one is asked for when there is room in the queue of what is to be sent.
        """
        raise not_supported()

    def retrieve(self, query: Query) -> Iterable[str | os.PathLike[str] | LDicomDS]:
        """Give the instances that a C-GET or C-MOVE names; override it.

        Parameters
        ----------
        query : Query
            Who asks for what.  In the models of Query/Retrieve its level is one of the model,
            and the unique key of this level has a value.

        Returns
        -------
        iterable of path-like or LDicomDS
            DICOM files, and data sets.  All of them are asked for before the first is sent,
            because responses tell how many remain.
        """
        raise not_supported()

    def destination(self, ae_title: str) -> Destination | None:
        """Say where the AE is that a C-MOVE names; the default knows none.

        Parameters
        ----------
        ae_title : str
            What the C-MOVE names.

        Returns
        -------
        Destination or None
            `None` is answered with A801H (move destination unknown).
        """
        return None

    # -- events --------------------------------------------------------------------------------

    def OnReceiveCFindRequest(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        priority: int,
        dataset: LDicomDS,
    ) -> None:
        """Begin an operation that calls `find`."""
        request = Request(presentation_id, message_id, sop_class_uid, priority, dataset)
        self._begin(Find(self, request))

    def OnReceiveCGetRequest(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        priority: int,
        dataset: LDicomDS,
    ) -> None:
        """Begin an operation that calls `retrieve`."""
        request = Request(presentation_id, message_id, sop_class_uid, priority, dataset)
        self._begin(Get(self, request))

    def OnReceiveCMoveRequest(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        priority: int,
        move_ae: str,
        dataset: LDicomDS,
    ) -> None:
        """Begin an operation that calls `destination` and `retrieve`."""
        request = Request(presentation_id, message_id, sop_class_uid, priority, dataset, move_ae)
        self._begin(Move(self, request))

    def OnReceiveCCancelRequest(self, presentation_id: int, message_id: int) -> None:
        """Cancel the operation; one that is over already is left alone (PS3.7 9.3.2.3)."""
        operation = self._operations.get(message_id)
        if operation is not None:
            operation.cancel()

    def OnReceiveCStoreResponse(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        sop_instance_uid: str,
        status: int,
    ) -> None:
        """A sub-operation of a C-GET has ended."""
        response = Response(cast("Message", self.message), None)
        for operation in list(self._operations.values()):
            operation.stored(response)

    def OnReceiveReleaseRequest(self) -> None:
        """Give up what is under way, and answer."""
        self._abandon_all()
        super().OnReceiveReleaseRequest()

    def OnClose(self, error: int, net: LDicomNet) -> None:
        """Give up what is under way on this connection."""
        if net is self:
            self._abandon_all()
        super().OnClose(error, net)

    def CreateClient(self) -> LDicomNet:  # noqa: N802 - LEADTOOLS-like
        """Make the object for a caller, as `LDicomNet` does."""
        client = cast("QueryRetrieveScp", super().CreateClient())
        client._forget_all()
        return client

    # -- for the operations --------------------------------------------------------------------

    def forget(self, operation: Operation) -> None:
        """An operation is over."""
        self._operations.pop(operation.request.message_id, None)

    def next_message_id(self) -> int:
        """Give a message ID for a sub-operation of a C-GET."""
        return next(self._message_ids)

    def _begin(self, operation: Operation) -> None:
        self._operations[operation.request.message_id] = operation
        if not self._workers.start(operation.run, f"DICOM {operation}", self.maximum_operations):
            operation.refuse()

    def _abandon_all(self) -> None:
        for operation in list(self._operations.values()):
            operation.abandon()

    def _forget_all(self) -> None:
        self._operations: dict[int, Operation] = {}
        self._message_ids = itertools.cycle(range(1, _MESSAGE_IDS + 1))
