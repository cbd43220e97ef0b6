"""A worklist manager of ours between a client and a receiver of pynetdicom's."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

from nets import Nets
from pydicom.dataset import Dataset
from ups import workitems
from ups.receivers import Inbox, Received
from ups.workitems import new_uid, state

from interop.ups.theirs import Answer, Client, Found, Receiver
from leaddicom.ups.core.rules import Rules
from leaddicom.ups.manager import UpsManager
from leaddicom.ups.manager.gate import Operation
from leaddicom.ups.settings.entities import ApplicationEntity
from leaddicom.ups.store import Store

#: The Transaction UID of those who perform here, and one that is nobody's.
LOCK, OTHER = "1.2.3.4", "1.2.3.5"

_numbers = count(1)


def new_title() -> str:
    """The AE title of a receiver that nobody has used yet."""
    return f"WATCHER{next(_numbers)}"


class Wire:
    """Managers on one database, and associations of pynetdicom's with them.

    Tests share it, so each of them has workitems and watchers of its own.
    """

    def __init__(
        self, nets: Nets, database: str, link: str, security: ssl.SSLContext, receiver: Receiver
    ) -> None:
        self.nets, self.database, self.link = nets, database, link
        self.security, self.receiver = security, receiver
        self.entities: Sequence[ApplicationEntity] | None = None
        self._managers: dict[Rules, UpsManager] = {}
        self._clients: dict[Rules, Client] = {}

    def manager(self, **rules: Any) -> UpsManager:
        """The manager that follows these rules."""
        chosen = Rules(**rules)
        if chosen not in self._managers:

            def made(folder: Path | None, mode: int, reserved: bool) -> UpsManager:
                store = Store(self.database, zone=chosen.zone)
                return UpsManager(store, chosen, path=folder, mode=mode)

            manager: UpsManager = self.nets.make(made, link=self.link)  # type: ignore[arg-type]
            manager.entities = self.entities
            manager.start("127.0.0.1", 0)
            self._managers[chosen] = manager
        return self._managers[chosen]

    def client(self, **rules: Any) -> Client:
        """The association with the manager that follows these rules."""
        chosen = Rules(**rules)
        there = self._clients.get(chosen)
        if there is None or not there.association.is_established:  # as a test that fails leaves it
            self._clients[chosen] = self.new_client(**rules)
        return self._clients[chosen]

    def new_client(self, title: str = "CLIENT", **rules: Any) -> Client:
        """An association of a test's own, which closes it."""
        return Client(self.manager(**rules).GetHostInfo()[1], self.security, title)

    def close(self) -> None:
        for client in self._clients.values():
            client.close()
        for manager in self._managers.values():
            manager.stop(2.0)

    # -- workitems -----------------------------------------------------------------------------

    def create(self, **changes: Any) -> str:
        uid = new_uid()
        self.done(self.client().create(uid, workitems.workitem(**changes)))
        return uid

    def claim(self, uid: str) -> str:
        self.done(self.client().act(uid, Operation.CHANGE_STATE, state("IN PROGRESS", LOCK)))
        return uid

    def claimed(self, **changes: Any) -> str:
        return self.claim(self.create(**changes))

    def performed(self) -> str:
        """A claimed workitem that has all that a final state needs."""
        uid = self.claimed()
        self.done(self.client().modify(uid, workitems.performed(LOCK)))
        return uid

    def final(self, name: str) -> str:
        uid = self.performed()
        self.done(self.client().act(uid, Operation.CHANGE_STATE, state(name, LOCK)))
        return uid

    def in_state(self, name: str) -> str:
        """A new workitem in a state; "absent" is one that is not there."""
        if name == "absent":
            return new_uid()
        if name == "SCHEDULED":
            return self.create()
        return self.performed() if name == "IN PROGRESS" else self.final(name)

    def attributes(self, uid: str) -> Dataset:
        """All attributes of a workitem."""
        answer = self.client().get(uid)
        self.done(answer)
        assert answer.dataset is not None
        return answer.dataset

    def find(self, **keys: Any) -> Found:
        keys = {"SOPInstanceUID": ""} | keys
        return self.client().find(workitems.data_set(**keys))

    @staticmethod
    def done(answer: Answer) -> None:
        assert answer.status == 0x0000, answer

    # -- watchers ------------------------------------------------------------------------------

    def watcher(self, **more: Any) -> Watcher:
        """A receiving AE that nobody has used yet."""
        watcher = Watcher(self, new_title())
        where = {"title": watcher.title, "host": "127.0.0.1", "port": self.receiver.port}
        with self.manager().store.writing() as writer:
            writer.put_entity(ApplicationEntity(**where | more))
        return watcher


@dataclass
class Watcher:
    """A receiving AE: what it subscribes to, and what it is told."""

    wire: Wire
    title: str

    @cached_property
    def inbox(self) -> Inbox:
        return self.wire.receiver.inboxes[self.title]

    def act(self, uid: str, operation: Operation, lock: str | None = None, **keys: Any) -> Answer:
        information = workitems.subscription(self.title, lock, **keys)
        return self.wire.client().act(uid, operation, information)

    def subscribe(self, uid: str, lock: str = "FALSE", **keys: Any) -> None:
        self.wire.done(self.act(uid, Operation.SUBSCRIBE, lock, **keys))

    def leave(self) -> None:
        """End what is global: other tests' workitems are none of its business."""
        self.wire.done(self.act(workitems.GLOBAL, Operation.UNSUBSCRIBE))

    def reports(self, *uids: str) -> list[Received]:
        """All that it is told of workitems because of what has been answered until now.

        Events come in the order of the changes.  So one more is caused, of a new workitem: what
        has not come before that does not come.
        """
        last = self.wire.create()
        self.subscribe(last)
        received = self.wait_until(lambda reports: last in [each.uid for each in reports])
        return [each for each in received if each.uid in uids]

    def wait_until(self, is_enough: Callable[[list[Received]], bool]) -> list[Received]:
        """Wait for reports, and give those that have come."""
        received = self.inbox.received
        while not is_enough(received):
            received = self.inbox.wait_for(len(received) + 1)
        return received

    def told(self, *uids: str) -> list[tuple[int, str]]:
        """Types of the events, and the states that they tell."""
        return told(self.reports(*uids))


def told(reports: Sequence[Received]) -> list[tuple[int, str]]:
    return [(int(each.type), state_in(each.information)) for each in reports]


def state_in(information: Dataset | None) -> str:
    return str((information or Dataset()).get("ProcedureStepState", ""))
