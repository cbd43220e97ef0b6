"""A worklist manager of pynetdicom's that answers what a test tells it to, or loses the answer."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.sop_class import (
    UnifiedProcedureStepPull,
    UnifiedProcedureStepPush,
    UnifiedProcedureStepQuery,
    UnifiedProcedureStepWatch,
    Verification,
)

UPS_CLASSES = (
    UnifiedProcedureStepPush,
    UnifiedProcedureStepPull,
    UnifiedProcedureStepWatch,
    UnifiedProcedureStepQuery,
)

#: Ways to lose an answer: an A-ABORT, and a connection that breaks.
LOSSES = ("abort", "break")


@dataclass(frozen=True)
class Asked:
    """A request, as the manager has got it.

    `context` is the abstract syntax of its presentation context, `sop_class` what the command
    says; `argument` is the Action Type ID or the Attribute Identifier List.
    """

    service: str
    context: str
    sop_class: str
    uid: str
    argument: Any
    dataset: Dataset | None


@dataclass(frozen=True)
class Answer:
    """What to answer; `loss` is how to lose it instead."""

    status: int = 0x0000
    dataset: Dataset | None = None
    comment: str = ""
    loss: str = ""


@dataclass
class ScriptedManager:
    """Notes requests, and gives the answers of a script; without one, success.

    Attributes
    ----------
    port : int
        Of the loopback.
    asked : list of Asked
        What has come.
    answers : deque of Answer
        What to answer next.
    associations : int
        How many were accepted.
    """

    port: int = 0
    asked: list[Asked] = field(default_factory=list)
    answers: deque[Answer] = field(default_factory=deque)
    associations: int = 0

    def reset(self) -> None:
        """Forget everything, for the next test."""
        self.asked.clear()
        self.answers.clear()
        self.associations = 0

    def will_answer(self, *answers: Answer | int) -> None:
        self.answers.extend(each if isinstance(each, Answer) else Answer(each) for each in answers)

    @property
    def services(self) -> list[str]:
        return [each.service for each in self.asked]

    def answer_to(self, event: evt.Event, asked: Asked) -> tuple[Dataset, Dataset | None]:
        self.asked.append(asked)
        answer = self.answers.popleft() if self.answers else Answer()
        if answer.loss == "abort":
            event.assoc.abort()
        elif answer.loss:
            event.assoc.dul.socket.close()
        status = Dataset()
        status.Status = answer.status
        if answer.comment:
            status.ErrorComment = answer.comment
        return status, answer.dataset

    def normalized(self, event: evt.Event) -> tuple[Dataset, Dataset | None]:
        request = event.request
        service = type(request).__name__.replace("_", "-")
        kind = "Affected" if service == "N-CREATE" else "Requested"
        sent = {
            "N-CREATE": "attribute_list",
            "N-SET": "modification_list",
            "N-ACTION": "action_information",
        }
        with contextlib.suppress(AttributeError):  # there may be no data set
            dataset = getattr(event, sent[service]) if service in sent else None
        argument = {
            "N-GET": lambda: tuple(map(int, event.attribute_identifiers)),
            "N-ACTION": lambda: event.action_type,
        }.get(service, lambda: None)()
        return self.answer_to(
            event,
            Asked(
                service,
                str(event.context.abstract_syntax),
                str(getattr(request, f"{kind}SOPClassUID")),
                str(getattr(request, f"{kind}SOPInstanceUID")),
                argument,
                dataset,
            ),
        )

    def find(self, event: evt.Event) -> Iterator[tuple[Dataset | int, Dataset | None]]:
        asked = Asked(
            "C-FIND",
            str(event.context.abstract_syntax),
            str(event.request.AffectedSOPClassUID),
            "",
            None,
            event.identifier,
        )
        more = True
        while more:
            if event.is_cancelled:
                self.answers.clear()
                yield 0xFE00, None
                return
            status, dataset = self.answer_to(event, asked)
            more = status.Status in (0xFF00, 0xFF01)
            yield status, dataset


@contextmanager
def scripted_manager() -> Iterator[ScriptedManager]:
    """Run one."""
    manager = ScriptedManager()
    lock = threading.Lock()

    def accepted(event: evt.Event) -> None:
        with lock:
            manager.associations += 1

    ae = AE("UPSSCP")
    for sop_class in (*UPS_CLASSES, Verification):
        ae.add_supported_context(sop_class)
    handlers: list[Any] = [(evt.EVT_ACCEPTED, accepted), (evt.EVT_C_FIND, manager.find)]
    for event in (evt.EVT_N_CREATE, evt.EVT_N_GET, evt.EVT_N_SET, evt.EVT_N_ACTION):
        handlers.append((event, manager.normalized))
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    assert server is not None
    manager.port = server.server_address[1]
    try:
        yield manager
    finally:
        with contextlib.suppress(OSError):
            server.shutdown()
