"""Worklist managers and their clients, connected."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nets import Nets, short
from pydicom.dataset import Dataset

from leaddicom import DICOM_SECURE_NONE, DICOM_SECURE_TLS, LDicomDS, QueryModel, Scu
from leaddicom.contexts import supported
from leaddicom.scu.results import NormalizedResult
from leaddicom.ups.core.rules import Rules
from leaddicom.ups.core.terms import SopClass
from leaddicom.ups.manager import UpsManager
from leaddicom.ups.manager.gate import Operation
from leaddicom.ups.store import Store
from ups import workitems
from ups.workitems import data_set, new_uid

PUSH, PULL, WATCH, EVENT, QUERY = (
    SopClass.PUSH.value,
    SopClass.PULL.value,
    SopClass.WATCH.value,
    SopClass.EVENT.value,
    SopClass.QUERY.value,
)
ALL = supported([each.value for each in SopClass])
LINKS = ["plain", "TLS 1.2", "TLS 1.3"]


class Client(Scu):
    """Notes the statuses of C-FIND responses, and what they hold."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.statuses: list[int] = []

    def OnReceiveCFindResponse(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        status: int,
        dataset: LDicomDS | None,
    ) -> None:
        self.statuses.append(status)
        super().OnReceiveCFindResponse(presentation_id, message_id, sop_class_uid, status, dataset)


class Site:
    """Managers on one database, and clients of the first one."""

    def __init__(self, nets: Nets, folder: Path) -> None:
        self.nets = nets
        self.database = str(folder / "worklist.sqlite")
        self.link = "plain"
        self.manager: UpsManager = None  # type: ignore[assignment]
        self.managers: list[UpsManager] = []

    def make(
        self, rules: Rules | None = None, *, kind: type[UpsManager] = UpsManager, **settings: Any
    ) -> UpsManager:
        """Make a manager that is not started; `settings` are its attributes."""

        def made(folder: Path | None, mode: int, reserved: bool) -> UpsManager:
            store = Store(self.database, zone=(rules or Rules()).zone)
            return kind(store, rules, path=folder, mode=mode)

        manager: UpsManager = self.nets.make(made, link=self.link)  # type: ignore[arg-type]
        vars(manager).update(settings)
        self.managers.append(manager)
        return manager

    def start(self, rules: Rules | None = None, **settings: Any) -> UpsManager:
        """Start a manager, which clients then talk to."""
        self.manager = manager = self.make(rules, **settings)
        manager.start("127.0.0.1", 0)
        return manager

    def client(self, calling: str = "CLIENT", called: str = "UPSSCP") -> Client:
        good = self.nets.certificate("good")
        tls: dict[str, Any] = {
            "ca_file": str(self.nets.pki.ca_file),
            "certificate": str(good.certificate_file),
            "key": str(good.key_file),
        }
        plain = self.link == "plain"
        client = Client(
            "127.0.0.1",
            self.manager.GetHostInfo()[1],
            calling_ae_title=calling,
            called_ae_title=called,
            mode=DICOM_SECURE_NONE if plain else DICOM_SECURE_TLS,
            limits=short(),
            **({} if plain else tls),
        )
        self.nets.made.append(client)
        return client

    def close(self) -> None:
        for manager in self.managers:
            manager.stop(1.0)


def ask(
    client: Scu,
    operation: Operation,
    uid: str,
    dataset: Any = None,
    context: str = "",
    named: str = PUSH,
) -> NormalizedResult:
    where = {"abstract_syntax": context}
    if operation is Operation.CREATE:
        return client.n_create(named, uid, dataset, **where)
    if operation is Operation.GET:
        return client.n_get(named, uid, **where)
    if operation is Operation.MODIFY:
        return client.n_set(named, uid, dataset, **where)
    return client.n_action(named, uid, operation.action_type or 99, dataset, **where)


def create(client: Scu, uid: str | None = None, **changes: Any) -> str:
    uid = uid or new_uid()
    result = client.n_create(PUSH, uid, workitems.workitem(**changes))
    assert result.status == 0x0000, result
    return uid


def find(
    client: Scu, sop_class: str = PULL, limit: int | None = None, **keys: Any
) -> list[Dataset]:
    keys = {"SOPInstanceUID": ""} | keys
    return list(client.find(QueryModel(sop_class), data_set(**keys), limit=limit))


def uids(found: list[Dataset]) -> list[str]:
    return [each.SOPInstanceUID for each in found]
