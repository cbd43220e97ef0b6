"""Storing the instances of one association, inside the events of its connection."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Mapping
from typing import Protocol

from leaddicom.dataset import LDicomDS
from leaddicom.decoding import uid_name
from leaddicom.enums import Priority
from leaddicom.errors import DataSetError, ParameterError
from leaddicom.scu.instances import Batch, Instance
from leaddicom.scu.results import StoreIssue, StoreProgress, StoreResult, status_text

__all__ = ["Report", "Transfer"]

_MESSAGE_IDS = 0xFFFF


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
        issue = StoreIssue(instance.path, status_text(status, comment), status)
        if status >> 12 == 0xB:
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


class StoreSender(Protocol):
    """The part of `LDicomNet` that a transfer needs."""

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


class Transfer:
    """A batch on its way.

    The caller's thread begins with the first request only; everything after that happens on
    the network thread, in the event of a response.  So no two threads are ever in here.

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

    Attributes
    ----------
    contexts : list of Context
        The presentation contexts to offer.
    accepted : mapping of str to mapping of str to int
        Identifiers of those that were accepted by SOP class and transfer syntax; to be set
        before it begins.
    done : bool
        Whether all was answered.
    """

    def __init__(self, net: StoreSender, batch: Batch, window: int, report: Report) -> None:
        self.contexts = batch.contexts()
        self.accepted: Mapping[str, Mapping[str, int]] = {}
        self.window = window
        self.report = report
        self.done = False
        self._net = net
        self._waiting = deque(batch.instances)
        self._outstanding: dict[int, Instance] = {}
        self._message_id = 0

    def begin(self) -> None:
        """Send the first instance that can be sent.

        Raises
        ------
        AssociationError, NetworkError
            The association is over.
        """
        if not self._send_next():
            self.done = True

    def answered(self, message_id: int, status: int, comment: str) -> None:
        """A response has arrived: note it, and send what fits into the window.

        Raises
        ------
        AssociationError, NetworkError
            The association is over.
        """
        instance = self._outstanding.pop(message_id)
        self.report.answered(instance, status, comment)
        while len(self._outstanding) < self.window and self._send_next():
            pass
        self.done = not (self._outstanding or self._waiting)

    def give_up(self, reason: str) -> None:
        """The association is over: what was not answered has failed."""
        for instance in (*self._outstanding.values(), *self._waiting):
            self.report.failed(instance, reason)
        self._outstanding.clear()
        self._waiting.clear()

    def _send_next(self) -> bool:
        """Send the next instance that can be sent; `False` if there is none left."""
        while self._waiting:
            instance = self._waiting.popleft()
            self._message_id = self._message_id % _MESSAGE_IDS + 1
            self._outstanding[self._message_id] = instance
            try:
                self._send(instance)
            except (DataSetError, ParameterError) as error:
                del self._outstanding[self._message_id]
                self.report.failed(instance, str(error))
            else:
                return True
        return False

    def _send(self, instance: Instance) -> None:
        if not os.access(instance.path, os.R_OK):
            raise ParameterError("the file was removed before its turn came, or may not be read")
        self._net.SendCStoreRequest(
            self._context_for(instance),
            self._message_id,
            instance.sop_class_uid,
            instance.sop_instance_uid,
            Priority.MEDIUM,
            "",
            0,
            instance.dataset,
        )

    def _context_for(self, instance: Instance) -> int:
        accepted = self.accepted.get(instance.sop_class_uid, {})
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
