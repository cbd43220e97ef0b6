"""Receivers of event reports: one of ours, and one of pynetdicom's, both real servers."""

from __future__ import annotations

import contextlib
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from nets import Nets
from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.sop_class import (
    UnifiedProcedureStepEvent,
    UnifiedProcedureStepPull,
    UnifiedProcedureStepPush,
    UnifiedProcedureStepQuery,
    UnifiedProcedureStepWatch,
)

from leaddicom import LDicomAssociate, LDicomDS, LDicomNet, SupportedContext
from leaddicom.contexts import UNCOMPRESSED
from leaddicom.ups.core.terms import EventType, SopClass
from leaddicom.ups.settings.entities import ApplicationEntity

#: Seconds after which a test gives up.
PATIENCE = 20.0


@dataclass(frozen=True)
class Received:
    """An event report, as a receiver has got it."""

    type: EventType
    uid: str
    information: Dataset | None
    sop_class: str
    abstract_syntax: str
    calling: str

    @property
    def key(self) -> tuple[int, str]:
        """What most tests look at."""
        return int(self.type), self.uid


@dataclass
class Inbox:
    """What a receiver has got so far, in that order, and what it answers.

    Attributes
    ----------
    answer : Callable[[Received], int]
        Gives the status of a response; a test may replace it.
    """

    answer: Callable[[Received], int] = lambda _: 0x0000
    associations: list[LDicomAssociate] = field(default_factory=list)
    _received: list[Received] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def put(self, received: Received) -> int:
        status = self.answer(received)
        with self._changed:
            self._received.append(received)
            self._changed.notify_all()
        return status

    @property
    def received(self) -> list[Received]:
        with self._changed:
            return list(self._received)

    @property
    def keys(self) -> list[tuple[int, str]]:
        return [each.key for each in self.received]

    @property
    def uids(self) -> list[str]:
        return [each.uid for each in self.received]

    def wait_for(self, count: int, timeout: float = PATIENCE) -> list[Received]:
        """Wait until so many reports have come in all, and give them."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._received) >= count, timeout):
                raise TimeoutError(
                    f"{len(self._received)} event reports came instead of {count}: "
                    f"{[each.key for each in self._received]}"
                )
            return list(self._received)


class EventReceiver(LDicomNet):
    """A server that takes event reports; what it was accepted as plays no part.

    `Nets.server` makes one that listens: ``receiver = nets.server(EventReceiver, link="TLS 1.3")``.
    """

    supported_contexts = (SupportedContext(SopClass.EVENT.value, UNCOMPRESSED, True, True),)

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.inbox = Inbox()

    def OnReceiveAssociateRequest(self, associate: LDicomAssociate) -> None:
        self.inbox.associations.append(associate)
        super().OnReceiveAssociateRequest(associate)

    def OnReceiveNReportRequest(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        sop_instance_uid: str,
        event: int,
        dataset: LDicomDS | None,
    ) -> None:
        associate = self.GetAssociate()
        assert associate is not None
        status = self.inbox.put(
            Received(
                EventType(event),
                sop_instance_uid,
                None if dataset is None else dataset.to_pydicom(),
                sop_class_uid,
                associate.GetAbstract(presentation_id),
                associate.GetCalling(),
            )
        )
        names = (presentation_id, message_id, sop_class_uid, sop_instance_uid)
        self.SendNReportResponse(*names, status, event)


class PlainRoles(EventReceiver):
    """A receiver that knows nothing of role selection, and answers none (PS3.7 D.3.3.4)."""

    supported_contexts = (SupportedContext(SopClass.EVENT.value, UNCOMPRESSED),)


def entity(receiver: LDicomNet | int, title: str = "WATCHER", **more: Any) -> ApplicationEntity:
    """Give the application entity that a receiver is; a port of the loopback does, too."""
    port = receiver if isinstance(receiver, int) else receiver.GetHostInfo()[1]
    return ApplicationEntity(**{"title": title, "host": "127.0.0.1", "port": port, **more})


@contextmanager
def pynetdicom_receiver(nets: Nets, *, roles: bool = True) -> Iterator[tuple[int, Inbox]]:
    """Run a receiver of pynetdicom's over mutual TLS; give its port and what it receives.

    It accepts all five SOP classes of Unified Procedure Step.

    Parameters
    ----------
    nets : Nets
        Whose certificate and CA it has.
    roles : bool
        Whether it answers role selection.
    """
    inbox = Inbox()

    def take(event: evt.Event) -> tuple[int, None]:
        received = Received(
            EventType(event.event_type),
            event.request.AffectedSOPInstanceUID,
            event.event_information,
            event.request.AffectedSOPClassUID,
            str(event.context.abstract_syntax),
            event.assoc.requestor.ae_title,
        )
        return inbox.put(received), None

    ae = AE("PYNETDICOM")
    for sop_class in (
        UnifiedProcedureStepPush,
        UnifiedProcedureStepWatch,
        UnifiedProcedureStepPull,
        UnifiedProcedureStepEvent,
        UnifiedProcedureStepQuery,
    ):
        both = (True, True) if roles else (None, None)
        ae.add_supported_context(sop_class, list(UNCOMPRESSED), *both)
    handlers = [(evt.EVT_N_EVENT_REPORT, take)]
    server = ae.start_server(
        ("127.0.0.1", 0), block=False, ssl_context=_their_context(nets), evt_handlers=handlers
    )
    assert server is not None
    try:
        yield server.server_address[1], inbox
    finally:
        with contextlib.suppress(OSError):
            server.shutdown()


def _their_context(nets: Nets) -> ssl.SSLContext:
    good = nets.certificate("good")
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(nets.pki.ca_file))
    made.load_cert_chain(good.certificate_file, good.key_file)
    made.verify_mode = ssl.CERT_REQUIRED
    return made
