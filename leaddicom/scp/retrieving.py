"""C-GET and C-MOVE (PS3.4 sections C.4.2 and C.4.3): their C-STORE sub-operations."""

from __future__ import annotations

import contextlib
import re
import threading
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pydicom.config import IGNORE
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from leaddicom.associate import LDicomAssociate
from leaddicom.dataset import LDicomDS
from leaddicom.dimse.messages import C_GET_RQ, C_GET_RSP, C_MOVE_RQ, C_MOVE_RSP
from leaddicom.enums import ContextResult, Status
from leaddicom.errors import DicomError
from leaddicom.scp.operation import Operation, Over, close_iterator, logger
from leaddicom.scp.query import Destination, OperationRefused, check_unique_key
from leaddicom.scu import Scu, StoreProgress, StoreResult
from leaddicom.scu.exchange import Response
from leaddicom.scu.instances import Instance, Path, batches, find_instances
from leaddicom.scu.results import is_warning
from leaddicom.scu.transfer import Report, Transfer

__all__ = ["Get", "Move"]

#: What a data element of 16-bit length holds (PS3.5 section 7.1.2).
_LONGEST_LIST = 0xFFFE

_FAILED_INSTANCES = 0x00080058

_UID = re.compile(r"[0-9.]{1,64}")


class Retrieval(Operation):
    """A C-GET or C-MOVE under way.

    Attributes
    ----------
    completed, failed, warning : int
        C-STORE sub-operations that have ended.
    total : int
        Sub-operations in all, once they are known.
    """

    out_of_resources = Status.REFUSED_UNABLE_CALCULATE_MATCHES

    _sources: Iterator[Path | LDicomDS] | None = None

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.completed = self.failed = self.warning = self.total = 0
        self._stop: Callable[[], None] = lambda: None
        self._uids: dict[str, str] = {}
        self._failed_uids: list[str] = []

    def perform(self) -> None:
        """Find out what to send, send it, and tell how it went."""
        check_unique_key(self.query)
        self.prepare()
        instances = self._find_instances()
        self.check_cancelled()
        if instances:
            self.store(instances)
        self.check_cancelled()
        # What was not reported, for example because there was no association at all:
        left = self.total - self.completed - self.failed - self.warning
        self.failed += left
        self._failed_uids += self._uids.values()
        self.finish(self._status())

    def prepare(self) -> None:
        """Find out what has to be known before the instances."""

    @abstractmethod
    def store(self, instances: Sequence[Instance]) -> None:
        """Have the instances stored, and `progress` called for each of them."""

    def clean_up(self) -> None:
        """Close the iterator of the instances."""
        close_iterator(self._sources)

    def finish(self, status: int, comment: str = "", dataset: Dataset | None = None) -> None:
        """Send the final response, with the instances that have failed (PS3.4 C.4.2.1.4.2)."""
        if self._failed_uids:
            room = _LONGEST_LIST
            listed = [
                uid
                for uid in self._failed_uids
                if _UID.fullmatch(uid) and (room := room - len(uid) - 1) >= 0
            ]
            dataset = Dataset()
            # Unlike an assignment, this lets pass what is not quite a UID, but was one here.
            dataset.add(DataElement(_FAILED_INSTANCES, "UI", listed, validation_mode=IGNORE))
        super().finish(status, comment, dataset)

    def complete(self, command: Dataset) -> None:
        """Add the numbers of sub-operations (PS3.7 sections 9.3.3.2 and 9.3.4.2)."""
        if not self.total and command.Status != Status.SUCCESS:
            return
        if command.Status == Status.CANCEL:
            command.NumberOfRemainingSuboperations = self._remaining
        command.NumberOfCompletedSuboperations = self.completed
        command.NumberOfFailedSuboperations = self.failed
        command.NumberOfWarningSuboperations = self.warning

    def progress(self, progress: StoreProgress) -> None:
        """A sub-operation has ended, or will never begin; on whatever thread stores."""
        issue, status = progress.issue, None if progress.issue is None else progress.issue.status
        cancelled = self.query.cancelled.is_set()
        if issue is None:
            self.completed += 1
        elif status is not None and is_warning(status):
            self.warning += 1
        elif status is None and cancelled:
            return  # not even tried
        else:
            self.failed += 1
            self._failed_uids.append(self._uids[progress.path])
        del self._uids[progress.path]
        if cancelled:
            self._stop()
        elif self._remaining and (issue is None or status is not None):
            self.send(self._send_pending)

    @property
    def _remaining(self) -> int:
        return self.total - self.completed - self.failed - self.warning

    def _status(self) -> int:
        if self.failed and self.failed == self.total:
            return Status.REFUSED_UNABLE_PERFORM_SUB_OPS
        return Status.WARNING if self.failed or self.warning else Status.SUCCESS

    def _find_instances(self) -> list[Instance]:
        """Run through what `retrieve` yields; what cannot be read has failed."""
        self._sources = self.ask(lambda: iter(self.scp.retrieve(self.query)))
        unreadable = StoreResult()
        found = find_instances(self._sources, self.scp.limits, unreadable)
        instances: dict[str, Instance] = {}
        while (instance := self.ask(lambda: next(found, None))) is not None:
            instances[instance.path] = instance
        for issue in unreadable.failed:
            logger.warning("%s: an instance cannot be read: %s", self, issue)
        self._uids = {path: instance.sop_instance_uid for path, instance in instances.items()}
        self.failed = len(unreadable.failed)
        self.total = len(instances) + self.failed
        return list(instances.values())

    @abstractmethod
    def _send_pending(self) -> None:
        """Send a pending response with the numbers so far."""


class Get(Retrieval):
    """A C-GET under way: it stores over the association on which it came."""

    request_type, response_type = C_GET_RQ, C_GET_RSP

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._settled = threading.Event()
        self._transfer: Transfer | None = None

    def store(self, instances: Sequence[Instance]) -> None:
        """Send C-STORE requests, as many at a time as the peer has granted."""
        report = Report(StoreResult(), len(instances), self.progress)
        for batch in batches(instances):
            transfer = Transfer(self.scp, batch, self._window(), report)
            transfer.bind(_accepted(self.associate))
            self._transfer, self._stop = transfer, transfer.cancel
            self.send(transfer.begin)
            while not (transfer.done or self._is_over):
                self._settled.wait()
                self._settled.clear()
            self.check_cancelled()

    def stored(self, response: Response) -> None:
        """Note the answer to a C-STORE request of this, and send the next one."""
        transfer = self._transfer
        if transfer is not None and transfer.awaits(response.message.message_id):
            with contextlib.suppress(Over):
                self.send(lambda: transfer.answered(response))
            self._settled.set()

    def abandon(self) -> None:
        """The association is over, and nobody will answer what was sent."""
        super().abandon()
        self._settled.set()

    def _window(self) -> int:
        """Give how many operations we may have outstanding (PS3.7 Annex D.3.3.3)."""
        limit = self.scp.limits.operations
        return min(self.associate.GetPerformedOperations() or limit, limit)

    def _send_pending(self) -> None:
        self.scp.SendCGetResponse(
            self.request.presentation_id,
            self.request.message_id,
            self.request.sop_class_uid,
            Status.PENDING,
            self._remaining,
            self.completed,
            self.failed,
            self.warning,
        )


class Move(Retrieval):
    """A C-MOVE under way: it stores over an association of its own."""

    request_type, response_type = C_MOVE_RQ, C_MOVE_RSP

    _scu: Scu | None = None
    _destination: Destination

    def prepare(self) -> None:
        """Ask where the destination is."""
        title = self.request.move_destination
        destination = self.ask(lambda: self.scp.destination(title))
        if destination is None:
            raise OperationRefused(
                Status.REFUSED_MOVE_DESTINATION_UNKNOWN, "The move destination is unknown."
            )
        self._destination = destination

    def store(self, instances: Sequence[Instance]) -> None:
        """Associate with the destination, and store there."""
        where, query = self._destination, self.query
        self._scu = scu = Scu.like(
            self.scp,
            where.host,
            where.port,
            called_ae_title=where.ae_title or self.request.move_destination,
            calling_ae_title=query.called_ae_title,
        )
        if where.security is not None:
            scu.security = where.security.copy()
        self._stop = scu.cancel
        origin = (query.calling_ae_title, self.request.message_id)
        with scu:
            try:
                self.check_cancelled()
                scu.store(
                    instances, progress=self.progress, window=where.window, move_originator=origin
                )
            except DicomError as error:
                logger.warning(
                    "%s cannot be stored at %s:%d: %s", self, where.host, where.port, error
                )

    def cancel(self) -> None:
        """Send no more, and do not wait for a destination that says nothing."""
        super().cancel()
        if self._scu is not None and not self._scu.IsAssociated():
            self._give_up()

    def abandon(self) -> None:
        """Do not wait for the destination."""
        super().abandon()
        self._give_up()

    def _give_up(self) -> None:
        if self._scu is not None:
            with contextlib.suppress(DicomError):  # there is no connection yet
                self._scu.SendAbort()

    def _send_pending(self) -> None:
        self.scp.SendCMoveResponse(
            self.request.presentation_id,
            self.request.message_id,
            self.request.sop_class_uid,
            Status.PENDING,
            self._remaining,
            self.completed,
            self.failed,
            self.warning,
        )


def _accepted(associate: LDicomAssociate) -> dict[str, dict[str, int]]:
    """Give the contexts in which the requestor wants to be the SCP (PS3.7 Annex D.3.3.4)."""
    accepted: dict[str, dict[str, int]] = {}
    for index in range(associate.GetPresentationCount()):
        identifier = associate.GetPresentation(index)
        usable = associate.GetResult(identifier) == ContextResult.ACCEPTANCE
        if usable and associate.GetProviderRole(identifier):
            syntaxes = accepted.setdefault(associate.GetAbstract(identifier), {})
            syntaxes.setdefault(associate.GetTransfer(identifier, 0), identifier)
    return accepted
