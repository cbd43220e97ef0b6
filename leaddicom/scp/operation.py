"""An operation under way: a request that was received and has no final response yet.

Application code runs in a thread of its own for each operation, so that the network thread stays
free to hear a C-CANCEL.  Between the two stands one lock, the turn: the worker has it while it
runs our code, and gives it away while it runs the application's.  Whoever has the turn may send
the final response, so that there is exactly one, and a C-CANCEL is answered at once even if the
application computes on.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from pydicom.dataset import Dataset

from leaddicom.associate import LDicomAssociate
from leaddicom.dataset import LDicomDS
from leaddicom.dimse.messages import MessageType
from leaddicom.enums import Status
from leaddicom.errors import AssociationError, DataSetError, DicomError, NetworkError
from leaddicom.scp.query import OperationRefused, Query, check_level
from leaddicom.scu.exchange import Response

if TYPE_CHECKING:
    from leaddicom.scp.server import QueryRetrieveScp

__all__ = ["Operation", "Request", "Workers"]

logger = logging.getLogger(__name__)

_T = TypeVar("_T")

#: "Failed: Unable to Process" of PS3.4 Tables C.4-1 to C.4-3, C000H to CFFFH.
_UNABLE_TO_PROCESS = 0xC000

#: Error Comment (0000,0902) is a long string (PS3.7 Annex C).
_COMMENT_LENGTH = 64


class Over(Exception):
    """The final response was sent, or there is nobody any more to send it to."""


class Workers:
    """Counts the threads in which operations run; all connections of a listener share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0

    def start(self, run: Callable[[], None], name: str, limit: int) -> bool:
        """Start a thread; `False` if there are enough of them, or the system has no more."""
        with self._lock:
            if self._count >= limit:
                return False
            self._count += 1
        try:
            threading.Thread(target=self._run, args=(run,), name=name, daemon=True).start()
        except RuntimeError:
            self._ended()
            return False
        return True

    def _run(self, run: Callable[[], None]) -> None:
        try:
            run()
        finally:
            self._ended()

    def _ended(self) -> None:
        with self._lock:
            self._count -= 1


@dataclass(frozen=True, slots=True)
class Request:
    """What all three requests have (PS3.7 sections 9.1.2 to 9.1.4).

    Attributes
    ----------
    presentation_id, message_id : int
        Presentation context and message ID.
    sop_class_uid : str
        Affected SOP class.
    priority : int
        A `Priority`.
    identifier : LDicomDS
        The keys, not decoded.
    move_destination : str
        AE title, "" except in a C-MOVE.
    """

    presentation_id: int
    message_id: int
    sop_class_uid: str
    priority: int
    identifier: LDicomDS
    move_destination: str = ""


class Operation(ABC):
    """One operation; `run` is the worker's, `cancel` and `abandon` are the network thread's.

    Parameters
    ----------
    scp : QueryRetrieveScp
        The connection, and whose hooks are called.
    request : Request
        What was asked.
    """

    #: The request, and the response that answers it.
    request_type: MessageType
    response_type: MessageType

    #: What a request is answered with when there is no worker for it.
    out_of_resources: int

    def __init__(self, scp: QueryRetrieveScp, request: Request) -> None:
        self.scp = scp
        self.associate = scp.GetAssociate() or LDicomAssociate(False)
        self.request = request
        self.query = Query(
            request.sop_class_uid,
            Dataset(),
            self.associate.GetCalling(),
            self.associate.GetCalled(),
            scp.peer_identity,
            request.priority,
            request.move_destination,
        )
        self._turn = threading.Lock()
        self._is_over = False
        self._peer = "{!a} at {}:{}".format(self.associate.GetCalling(), *scp.GetPeerInfo())

    def __str__(self) -> str:
        name = self.request_type.name.removesuffix("-RQ")
        return f"{name} {self.request.message_id} of {self._peer}"

    # -- the worker ----------------------------------------------------------------------------

    def run(self) -> None:
        """Perform the operation and send its final response."""
        with self._turn:
            try:
                self._respond_to_request()
            except Over:
                pass
            except BaseException:
                logger.exception("%s failed", self)
                self.finish(_UNABLE_TO_PROCESS, "The application failed; its log tells more.")
        self.clean_up()

    def _respond_to_request(self) -> None:
        try:
            self._decode()
            self.perform()
        except OperationRefused as refusal:
            logger.warning("%s was refused: %s", self, refusal)
            self.finish(refusal.status, refusal.comment)

    def _decode(self) -> None:
        try:
            self.query.identifier = self.request.identifier.to_pydicom()
        except DataSetError as error:
            logger.warning("The identifier of %s cannot be decoded: %s", self, error)
            comment = "The identifier cannot be decoded."
            raise OperationRefused(_UNABLE_TO_PROCESS, comment) from None
        check_level(self.query)

    @abstractmethod
    def perform(self) -> None:
        """Do what was asked, and call `finish`."""

    @abstractmethod
    def clean_up(self) -> None:
        """Close what is open; the final response has been sent."""

    def ask(self, hook: Callable[[], _T]) -> _T:
        """Run code of the application, during which a C-CANCEL is answered at once.

        Raises
        ------
        Over
            Nobody wants the answer any more.
        """
        self._turn.release()
        try:
            # Behind the release: whoever sets it and does not get the turn is seen here.
            wanted = not self.query.cancelled.is_set()
            answer = hook() if wanted else None
        finally:
            self._turn.acquire()
        self.check_cancelled()
        return answer  # type: ignore[return-value] # it is wanted, or the line above has raised

    def check_cancelled(self) -> None:
        """Answer a C-CANCEL that has come.

        Raises
        ------
        Over
            It has come, or the association is over.
        """
        if self.query.cancelled.is_set():
            self.finish(Status.CANCEL)
            raise Over

    def send(self, send: Callable[[], None]) -> None:
        """Send a response.

        Raises
        ------
        Over
            It cannot be sent, and neither can anything after it.
        """
        try:
            send()
        except (AssociationError, NetworkError) as error:
            self._is_over = True
            self.query.cancelled.set()
            logger.info("%s cannot be answered: %s", self, error)
            if self.scp.IsAssociated():
                self._abort()
            raise Over from None

    # -- both ----------------------------------------------------------------------------------

    def finish(self, status: int, comment: str = "", dataset: Dataset | None = None) -> None:
        """Send the final response, if it was not sent; whoever calls it has the turn."""
        if self._is_over:
            return
        self._is_over = True
        # Before it is sent: from then on the peer may use the message ID again.
        self.scp.forget(self)
        logger.info("%s ends with %04XH%s", self, status, self.summary())
        command = Dataset()
        command.AffectedSOPClassUID = self.request.sop_class_uid
        command.CommandField = self.response_type.command_field
        command.MessageIDBeingRespondedTo = self.request.message_id
        command.Status = status
        if comment:
            text = comment.encode("ascii", "replace").decode("ascii")
            command.ErrorComment = text[:_COMMENT_LENGTH]
        self.complete(command)
        try:
            with contextlib.suppress(Over):
                context = self.request.presentation_id
                self.send(lambda: self.scp.SendData(context, command, dataset))
        except BaseException:
            logger.exception("%s cannot be answered", self)
            self._abort()

    def _abort(self) -> None:
        """Abort the association, on which the peer would wait for a response for ever."""
        with contextlib.suppress(DicomError):
            self.scp.SendAbort()

    def complete(self, command: Dataset) -> None:  # noqa: B027 - a C-FIND response has no more
        """Add to the command set of the final response."""

    def summary(self) -> str:
        """What the log says of it in the end, beside the status."""
        return ""

    def stored(self, response: Response) -> None:  # noqa: B027 - a C-FIND stores nothing
        """A C-STORE request was answered, which may be a sub-operation of this."""

    # -- the network thread --------------------------------------------------------------------

    def refuse(self) -> None:
        """Answer that there is no worker."""
        with self._turn:
            self.finish(self.out_of_resources, "Too many operations are under way.")

    def cancel(self) -> None:
        """The peer has sent a C-CANCEL."""
        self.query.cancelled.set()
        if self._turn.acquire(blocking=False):
            try:
                self.finish(Status.CANCEL)
            finally:
                self._turn.release()

    def abandon(self) -> None:
        """The association is over."""
        self._is_over = True
        self.query.cancelled.set()


def close_iterator(iterator: Iterator[object] | None) -> None:
    """Close a generator that was not exhausted, which runs its ``finally`` clauses."""
    close = getattr(iterator, "close", None)
    if close is not None:
        try:
            close()
        except BaseException:
            logger.exception("Closing an iterator raised")
