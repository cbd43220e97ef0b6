"""Storing the instances of one association, inside the events of its connection."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from typing import Protocol

from leaddicom.dataset import LDicomDS
from leaddicom.decoding import uid_name
from leaddicom.enums import Priority
from leaddicom.errors import AssociationError, DataSetError, NetworkError, ParameterError
from leaddicom.scu.exchange import Accepted, Exchange, Response
from leaddicom.scu.instances import Batch, Instance
from leaddicom.scu.results import (
    StoreIssue,
    StoreProgress,
    StoreResult,
    answer_text,
    is_warning,
    status_meaning,
)

__all__ = ["Report", "StoreSender", "Transfer"]


class StoreSender(Protocol):
    """The part of a client, or of a server that answers a C-GET, that a transfer needs."""

    def next_message_id(self) -> int:
        """Give a message ID that no outstanding request has."""

    def SendCStoreRequest(  # noqa: N802 - LEADTOOLS' name
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
        """Queue a C-STORE request."""


class Report:
    """Collects what became of the instances, and tells it as it happens.

    Parameters
    ----------
    result : StoreResult
        Where it is collected.
    total : int
        Instances of the whole transfer.
    progress : Callable[[StoreProgress], None] or None
        Who is told.

    Attributes
    ----------
    done : int
        Instances that were stored or have failed.
    """

    def __init__(
        self,
        result: StoreResult,
        total: int,
        progress: Callable[[StoreProgress], None] | None,
    ) -> None:
        self.result = result
        self._total = total
        self._progress = progress
        self.done = 0

    def answered(self, instance: Instance, status: int, comment: str) -> None:
        """The peer has answered; what is neither success nor a warning is a failure."""
        if status == 0:
            self._stored(instance, None)
            return
        said = answer_text(status, status_meaning("C-STORE", status), comment)
        issue = StoreIssue(instance.path, f"the peer answered {said}", status)
        if is_warning(status):
            self.result.warnings.append(issue)
            self._stored(instance, issue)
        else:
            self._failed(issue)

    def failed(self, instance: Instance, reason: str) -> None:
        """The instance was not sent, or the peer will not answer any more."""
        self._failed(StoreIssue(instance.path, reason))

    def _stored(self, instance: Instance, issue: StoreIssue | None) -> None:
        self.result.sent += 1
        self.result.bytes += instance.dataset.size or 0
        self._tell(instance.path, issue)

    def _failed(self, issue: StoreIssue) -> None:
        self.result.failed.append(issue)
        self._tell(issue.path, issue)

    def _tell(self, path: str, issue: StoreIssue | None) -> None:
        self.done += 1
        if self._progress is not None:
            self._progress(StoreProgress(path, issue, self.done, self._total, self.result.bytes))


class Transfer(Exchange):
    """A batch on its way.

    Parameters
    ----------
    net : StoreSender
        What sends them.
    batch : Batch
        The instances.
    window : int
        How many requests to keep outstanding or queued; the connection holds back what the
        peer has not granted.
    report : Report
        Who is told the outcome.
    move_originator : tuple of str and int or None
        AE title and message ID of the C-MOVE that the instances are sub-operations of.

    Attributes
    ----------
    report : Report
        Who is told the outcome.
    """

    def __init__(
        self,
        net: StoreSender,
        batch: Batch,
        window: int,
        report: Report,
        move_originator: tuple[str, int] | None = None,
    ) -> None:
        super().__init__(batch.contexts(), window)
        self.report = report
        self._net = net
        self._origin = move_originator or ("", 0)
        self._accepted: Accepted = {}
        self._waiting = deque(batch.instances)
        self._outstanding: dict[int, Instance] = {}
        self._is_cancelled = False

    def bind(self, accepted: Accepted) -> None:
        """Note what the peer takes; whether an instance is among it is seen at its turn."""
        self._accepted = accepted

    def begin(self) -> None:
        """Send the first instance that can be sent."""
        self._send_next()
        self._see_whether_done()

    def answered(self, response: Response) -> None:
        """Note the answer, and send what fits into the window."""
        instance = self._outstanding.pop(response.message.message_id)
        status = response.status
        self.report.answered(instance, status, response.comment if status else "")
        while len(self._outstanding) < self.window and self._send_next():
            pass
        self._see_whether_done()

    def cancel(self) -> None:
        """Send no more: the rest is neither stored nor failed; from any thread."""
        self._is_cancelled = True

    def awaits(self, message_id: int) -> bool:
        """Tell whether the request with this message ID is one of its own."""
        return message_id in self._outstanding

    def give_up(self, reason: str) -> None:
        """The association is over: what was not answered has failed."""
        for instance in (*self._outstanding.values(), *self._waiting):
            self.report.failed(instance, reason)
        self._outstanding.clear()
        self._waiting.clear()

    def _see_whether_done(self) -> None:
        self.done = not (self._outstanding or self._waiting)

    def _send_next(self) -> bool:
        """Send the next instance that can be sent; `False` if there is none left."""
        if self._is_cancelled:
            self._waiting.clear()
        while self._waiting:
            instance = self._waiting.popleft()
            message_id = self._net.next_message_id()
            self._outstanding[message_id] = instance
            try:
                self._send(message_id, instance)
            except (DataSetError, ParameterError) as error:
                del self._outstanding[message_id]
                self.report.failed(instance, str(error))
            except (AssociationError, NetworkError):
                return False  # the end of the association comes, and the reason with it
            else:
                return True
        return False

    def _send(self, message_id: int, instance: Instance) -> None:
        path = instance.dataset.path
        if path is not None and not os.access(path, os.R_OK):
            raise ParameterError("the file was removed before its turn came, or may not be read")
        self._net.SendCStoreRequest(
            self._context_for(instance),
            message_id,
            instance.sop_class_uid,
            instance.sop_instance_uid,
            Priority.MEDIUM,
            *self._origin,
            instance.dataset,
        )

    def _context_for(self, instance: Instance) -> int:
        accepted = self._accepted.get(instance.sop_class_uid, {})
        for syntax in instance.syntaxes():
            if syntax in accepted:
                return accepted[syntax]
        sop_class = uid_name(instance.sop_class_uid)
        syntax = uid_name(instance.dataset.transfer_syntax_uid)
        taken = ", ".join(map(uid_name, accepted))
        raise ParameterError(
            f"the peer takes {sop_class} in {taken}, but not in {syntax}, and compressed pixel "
            "data are not decompressed here"
            if taken
            else f"the peer does not take {sop_class}"
        )
