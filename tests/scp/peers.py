"""A PACS whose hooks the test writes, and a client that sends what it is told to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from nets import IMPLICIT, Nets
from pydicom.dataset import Dataset
from storage import CT, EXPLICIT, MR, StorageScp

from leaddicom import (
    MODALITY_WORKLIST,
    PATIENT_ROOT,
    STUDY_ROOT,
    VERIFICATION,
    LDicomAssociate,
    LDicomDS,
    LDicomNet,
)
from leaddicom.scp import (
    Destination,
    Query,
    QueryRetrieveScp,
    find_contexts,
    retrieve_contexts,
)

#: Presentation contexts of `Client`.
FIND, MOVE, GET, WORKLIST, ECHO = 1, 3, 5, 7, 9
CT_CONTEXT, MR_CONTEXT = 11, 13
SOP_CLASSES = {
    FIND: STUDY_ROOT.find,
    MOVE: STUDY_ROOT.move,
    GET: STUDY_ROOT.get,
    WORKLIST: MODALITY_WORKLIST.find,
    ECHO: "1.2.840.10008.1.1",
    CT_CONTEXT: CT,
    MR_CONTEXT: MR,
}
CLIENT = "CLIENT"

#: Seconds that anything may take.
PATIENCE = 10.0


class Pacs(QueryRetrieveScp):
    """Its hooks are attributes; the test sets them before it listens."""

    supported_contexts = (
        *VERIFICATION,
        *find_contexts(PATIENT_ROOT, STUDY_ROOT, MODALITY_WORKLIST),
        *retrieve_contexts(PATIENT_ROOT, STUDY_ROOT),
    )

    on_find: Callable[[Query], Iterable[Dataset]]
    on_retrieve: Callable[[Query], Iterable[Any]]

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.destinations: dict[str, Destination] = {}

    def find(self, query: Query) -> Iterable[Dataset]:
        return self.on_find(query)

    def retrieve(self, query: Query) -> Iterable[Any]:
        return self.on_retrieve(query)

    def destination(self, ae_title: str) -> Destination | None:
        return self.destinations.get(ae_title)


class Client(LDicomNet):
    """Answers the sub-operations of a C-GET with the statuses of `statuses`, or `None`: not."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.stored: list[tuple[str, bytes]] = []
        self.statuses: dict[str, int | None] = {}
        self.outstanding: list[tuple[Any, ...]] = []
        self.commands: list[dict[int, Any]] = []

    def _note(self, *arguments: Any) -> None:
        assert self.message is not None
        self.commands.append(self.message.command)

    OnReceiveCFindResponse = OnReceiveCGetResponse = OnReceiveCMoveResponse = _note

    def OnReceiveCStoreRequest(self, *arguments: Any) -> None:
        presentation_id, message_id, sop_class, instance, _, move_ae, move_id, dataset = arguments
        assert (move_ae, move_id) == ("", 0)
        self.stored.append((instance, encoded(dataset)))
        status = self.statuses.get(instance, 0)
        self.outstanding.append((presentation_id, message_id, sop_class, instance))
        if status is not None:
            self.SendCStoreResponse(*self.outstanding.pop(), status)


class Destinations(StorageScp):
    """A storage SCP that notes who has moved what to it."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.origins: list[tuple[str, int]] = []
        self.titles: list[tuple[str, str]] = []

    def OnReceiveAssociateRequest(self, associate: LDicomAssociate) -> None:
        self.titles.append((associate.GetCalling(), associate.GetCalled()))
        super().OnReceiveAssociateRequest(associate)

    def OnReceiveCStoreRequest(self, *arguments: Any) -> None:
        self.origins.append(arguments[5:7])
        super().OnReceiveCStoreRequest(*arguments)


class Gate:
    """Where a hook waits until the test lets it go on."""

    def __init__(self) -> None:
        self.reached, self.opened = threading.Event(), threading.Event()

    def wait(self) -> None:
        self.reached.set()
        assert self.opened.wait(PATIENCE)


class Closing:
    """A generator of matches that tells when it was closed."""

    def __init__(self, matches: Iterable[Any]) -> None:
        self.closed = threading.Event()
        self.given = 0
        self._matches = matches

    def __call__(self, query: Query) -> Iterator[Any]:
        try:
            for match in self._matches:
                self.given += 1
                yield match
        finally:
            self.closed.set()


def encoded(dataset: LDicomDS) -> bytes:
    source = dataset.source(dataset.transfer_syntax_uid)
    data = bytearray(source.size)
    source.readinto(memoryview(data))
    source.close()
    return bytes(data)


def study(number: int = 0, **elements: Any) -> Dataset:
    dataset = Dataset()
    dataset.QueryRetrieveLevel = "STUDY"
    dataset.StudyInstanceUID = f"1.2.3.{number}"
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def request(*, window: int | None = None, roles: bool = True) -> LDicomAssociate:
    associate = LDicomAssociate(True)
    associate.SetCalled("PACS")
    associate.SetCalling(CLIENT)
    for identifier, sop_class in SOP_CLASSES.items():
        associate.AddPresentation(identifier, 0, sop_class)
        stores = identifier in (CT_CONTEXT, MR_CONTEXT)
        associate.AddTransfer(identifier, EXPLICIT if stores else IMPLICIT)
        if stores and roles:
            associate.SetRoleSelect(identifier, True, 0, 1)
    if window is not None:
        associate.SetAsyncOperations(True, window, window)
    return associate


class Peers:
    """A server and a client of these kinds, associated, and what the client is answered."""

    def __init__(self, nets: Nets) -> None:
        self.nets = nets

    def start(
        self, *, link: str = "plain", kind: type[Pacs] = Pacs, server: Any = None, **options: Any
    ) -> Peers:
        """Have them connected; `server` are attributes of the server."""
        limits = {"limits": options.pop("limits")} if "limits" in options else {}
        self.server = self.nets.make(kind, link=link, **limits)
        vars(self.server).update(server or {})
        self.server.Listen("127.0.0.1", 0)
        self.client = self.nets.client(self.server, Client, link=link)
        self.nets.associated(self.client, options.pop("request", None) or request(**options))
        return self

    def ask(self, context: int, number: int = 1, identifier: Dataset | None = None) -> None:
        keys = study() if identifier is None else identifier
        sop_class, send = SOP_CLASSES[context], self.client.SendCFindRequest
        if context == MOVE:
            self.client.SendCMoveRequest(context, number, sop_class, 0, "DEST", keys)
            return
        if context == GET:
            send = self.client.SendCGetRequest
        send(context, number, sop_class, 0, keys)

    def arrived(self, count: int = 1, name: str = "CFind") -> None:
        """Wait until requests have come; a C-CANCEL that is sent then comes after them."""
        for _ in range(count):
            self.nets.wait_for(f"OnReceive{name}Request", PATIENCE)

    def answer(self, name: str = "CFind") -> tuple[Any, ...]:
        """The next response: message ID, status, and what follows."""
        _, number, _, *rest = self.nets.wait_for(
            f"OnReceive{name}Response", PATIENCE, net=self.client
        )
        return (number, *rest)

    def answers(self, name: str = "CFind") -> list[tuple[Any, ...]]:
        """The responses up to the final one."""
        found = [self.answer(name)]
        while found[-1][1] in (0xFF00, 0xFF01):
            found.append(self.answer(name))
        return found

    def statuses(self, name: str = "CFind") -> list[int]:
        return [each[1] for each in self.answers(name)]

    @property
    def comment(self) -> str:
        """The Error Comment (0000,0902) of the last response."""
        return str(self.client.commands[-1].get(0x0902, ""))

    def echo(self) -> None:
        """Have the association proved to be in order, and all that was sent before it read."""
        self.client.SendCEchoRequest(ECHO, 999, SOP_CLASSES[ECHO])
        assert self.nets.wait_for("OnReceiveCEchoResponse", PATIENCE, net=self.client)[-1] == 0
