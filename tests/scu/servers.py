"""Servers that answer queries, retrievals and normalized services as a test wants them to."""

from __future__ import annotations

from collections import deque
from typing import Any

from pydicom.dataset import Dataset
from storage import CT, MR, ROOT

from leaddicom import (
    MODALITY_WORKLIST,
    PATIENT_ROOT,
    STUDY_ROOT,
    TRANSFER_SYNTAXES,
    VERIFICATION,
    LDicomNet,
    Status,
    SupportedContext,
    supported,
)
from leaddicom.dimse.command import encode_command
from leaddicom.dimse.composition import compose
from leaddicom.dimse.fragmentation import BytesSource, OutgoingMessage
from leaddicom.dimse.messages import ERROR_COMMENT, MessageType
from leaddicom.transport.outbox import QueuedMessage

QUERIES = supported(
    [
        *(STUDY_ROOT.find, STUDY_ROOT.move, STUDY_ROOT.get),
        *(PATIENT_ROOT.find, PATIENT_ROOT.move, PATIENT_ROOT.get),
        MODALITY_WORKLIST.find,
    ]
)
TO_REQUESTOR = tuple(SupportedContext(uid, TRANSFER_SYNTAXES, True, True) for uid in (CT, MR))


def instance(number: int, **elements: Any) -> Dataset:
    """An instance that an archive can file; `None` removes an attribute."""
    dataset = Dataset()
    dataset.SOPClassUID = CT
    dataset.SOPInstanceUID = f"{ROOT}.{number}"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = f"{ROOT}.1.1", f"{ROOT}.1.2"
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def respond(
    net: LDicomNet,
    context_id: int,
    message_type: MessageType,
    *arguments: Any,
    comment: str = "",
    data: bytes | None = None,
) -> None:
    """Send a response with an Error Comment, or with any bytes as its data set."""
    command = compose(message_type, arguments, data is not None)
    source = None if data is None else BytesSource(data)
    if comment:
        command[ERROR_COMMENT.element] = comment
    message = OutgoingMessage(context_id, encode_command(command), source)
    assert net.connection is not None
    is_final = command[0x0900] not in (Status.PENDING, Status.PENDING_WARNING)
    net.connection.put(QueuedMessage(message, int(arguments[0]), False, is_final))


class Server(LDicomNet):
    """What its connections remember, they share with the listener (`CreateClient` copies)."""

    supported_contexts = (*VERIFICATION, *QUERIES, *TO_REQUESTOR)

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.requests: list[tuple[Any, ...]] = []
        self.cancelled: list[int] = []
        self.open: list[tuple[int, int, str]] = []


class FindScp(Server):
    """Gives `count` matches and the `final` status; what is not final yet ends with a cancel."""

    count = 3
    final: int | None = Status.SUCCESS

    def OnReceiveCFindRequest(self, *arguments: Any) -> None:
        context_id, message_id, uid, _, identifier = arguments
        self.requests.append((*arguments[:-1], identifier.to_pydicom()))
        self.open.append((context_id, message_id, uid))
        for number in range(1, self.count + 1):
            self.match(number)
        if self.final is not None:
            self.end(self.final)

    def match(self, number: int) -> None:
        match = Dataset()
        match.PatientID = str(number)
        self.SendCFindResponse(*self.open[-1], Status.PENDING, match)

    def end(self, status: int) -> None:
        self.SendCFindResponse(*self.open.pop(), status)

    def OnReceiveCCancelRequest(self, presentation_id: int, message_id: int) -> None:
        self.cancelled.append(message_id)
        if self.open and self.open[-1][:2] == (presentation_id, message_id):
            self.end(Status.CANCEL)


class GetScp(Server):
    """Sends `instances` over the association, one after the other, and then the final response."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.instances = [instance(number) for number in range(1, 5)]
        self.statuses: list[int] = []
        self.waiting: deque[Dataset] = deque()
        self.tells = True
        self.list: Dataset | bytes | None = None

    def OnReceiveCGetRequest(self, *arguments: Any) -> None:
        context_id, message_id, uid, _, identifier = arguments
        self.requests.append((*arguments[:-1], identifier.to_pydicom()))
        self.open.append((context_id, message_id, uid))
        self.waiting.clear()
        self.statuses.clear()
        self.waiting.extend(self.instances)
        self.next()

    def next(self) -> None:
        if not self.waiting or self.cancelled:
            self.end()
            return
        dataset = self.waiting.popleft()
        associate = self.GetAssociate()
        assert associate is not None
        context_id = associate.FindAbstract(dataset.SOPClassUID)
        names = (dataset.SOPClassUID, dataset.SOPInstanceUID)
        self.SendCStoreRequest(context_id, 100 + len(self.statuses), *names, 0, "", 0, dataset)

    def counts(self) -> tuple[int, int, int, int]:
        failed = sum(1 for status in self.statuses if status)
        return len(self.waiting), len(self.statuses) - failed, failed, 0

    def end(self) -> None:
        failed = any(self.statuses)
        status = Status.CANCEL if self.cancelled else Status.WARNING if failed else 0
        counts = self.counts() if self.cancelled else (0, *self.counts()[1:])
        self.SendCGetResponse(*self.open.pop(), status, *counts, self.list)

    def OnReceiveCStoreResponse(self, *arguments: Any) -> None:
        self.statuses.append(arguments[-1])
        if self.tells:
            self.SendCGetResponse(*self.open[-1], Status.PENDING, *self.counts())
        self.next()

    def OnReceiveCCancelRequest(self, presentation_id: int, message_id: int) -> None:
        self.cancelled.append(message_id)  # it ends with the answer that is due next
