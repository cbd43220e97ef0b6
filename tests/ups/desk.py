"""A worklist service, and who asks it without a network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from pydicom.dataset import Dataset

from leaddicom import LDicomDS
from leaddicom.ups.core.rules import Rules
from leaddicom.ups.core.terms import SopClass
from leaddicom.ups.core.workitem import Outcome, Workitem
from leaddicom.ups.manager.gate import SOP_CLASSES, Operation
from leaddicom.ups.manager.request import Caller, Request
from leaddicom.ups.manager.service import WorklistService
from leaddicom.ups.settings.entities import ApplicationEntity
from leaddicom.ups.store import Store
from ups import workitems
from ups.databases import Databases
from ups.workitems import new_uid

#: Whose subscriptions the tests look at; the manager knows them.
WATCHERS = ("WATCHER", "SECOND", "DEAF")


@dataclass
class Desk:
    """Asks for operations on the context where they belong, as `caller`, and tells what became."""

    store: Store
    service: WorklistService
    caller: str = "CLIENT"

    def ask(
        self,
        operation: Operation,
        uid: str,
        dataset: Dataset | LDicomDS | None = None,
        *,
        context: SopClass | str | None = None,
        named: str = SopClass.PUSH.value,
        tags: tuple[int, ...] = (),
    ) -> Outcome:
        if context is None:
            context = sorted(SOP_CLASSES[operation])[-1]
        if isinstance(dataset, Dataset):
            dataset = LDicomDS(dataset)
        caller = Caller(self.caller, sop_class=str(context))
        return self.service.perform(Request(caller, operation, uid, named, dataset, tags))

    def under(self, **rules: Any) -> Desk:
        """The same desk under other rules."""
        return Desk(self.store, WorklistService(self.store, Rules(**rules)), self.caller)

    def create(self, uid: str | None = None, **changes: Any) -> str:
        """Have a workitem created, and give its UID."""
        uid = uid or new_uid()
        outcome = self.ask(Operation.CREATE, uid, workitems.workitem(**changes))
        assert outcome.status == 0, outcome
        return uid

    def claim(self, uid: str, transaction_uid: str = "1.2.3") -> str:
        """Have a workitem claimed, and give the Transaction UID."""
        self.change(uid, "IN PROGRESS", transaction_uid, status=0)
        return transaction_uid

    def change(self, uid: str, state: str, transaction_uid: str | None, status: int) -> Outcome:
        information = workitems.state(state, transaction_uid)
        outcome = self.ask(Operation.CHANGE_STATE, uid, information)
        assert outcome.status == status, outcome
        return outcome

    def complete(self, uid: str, transaction_uid: str = "1.2.3") -> None:
        """Have a claimed workitem completed."""
        performed = workitems.performed(transaction_uid)
        assert self.ask(Operation.MODIFY, uid, performed).status == 0
        self.change(uid, "COMPLETED", transaction_uid, status=0)

    def subscribe(
        self, uid: str, ae: str = "WATCHER", lock: str | None = "FALSE", **keys: Any
    ) -> Outcome:
        information = workitems.subscription(ae, lock, **keys)
        return self.ask(Operation.SUBSCRIBE, uid, information)

    # -- what the store has ----------------------------------------------------------------------

    def stored(self, uid: str) -> Workitem | None:
        with self.store.reading() as reader:
            return reader.workitem(uid)

    def workitem(self, uid: str) -> Workitem:
        found = self.stored(uid)
        assert found is not None
        return found

    def subscriptions(self, ae: str = "WATCHER") -> dict[str, str]:
        """The workitems that an AE is subscribed to, and how."""
        with self.store.reading() as reader:
            return {each.uid: each.state.name for each in reader.subscriptions(ae=ae)}

    def events(self, ae: str = "WATCHER") -> list[tuple[int, str]]:
        """Types and workitems of what waits for an AE."""
        return [(int(each.event.type), each.event.uid) for each in self.deliveries(ae)]

    def deliveries(self, ae: str = "WATCHER") -> list[Any]:
        return self.store.pending(ae, 1000)

    def forget_events(self) -> None:
        """Have everything delivered that waits."""
        for ae in WATCHERS:
            for delivery in self.deliveries(ae):
                self.store.delivered(delivery.ae, {delivery.seq: 0x0000})

    def everything(self) -> Any:
        """All that a request may have changed."""
        with self.store.reading() as reader:
            found = reader.subscriptions(), reader.global_subscriptions(), reader.audit(limit=1000)
            uids = {entry.uid for entry in found[-1]}
            workitems = [reader.workitem(uid) for uid in sorted(uids)]
        return repr((workitems, found, [self.deliveries(ae) for ae in WATCHERS]))


@contextmanager
def opened(url: str, rules: Rules | None = None) -> Iterator[Desk]:
    """A desk with a new store, in whose table are the `WATCHERS`; one takes no events."""
    store = Store(url, zone=(rules or Rules()).zone)
    store.open()
    try:
        with store.writing() as writer:
            for title in WATCHERS:
                writer.put_entity(
                    ApplicationEntity(title, "127.0.0.1", 104, event_scu=title != "DEAF")
                )
        yield Desk(store, WorklistService(store, rules))
    finally:
        store.close()


class OnEveryDatabase:
    """Tests of what a database has a part in."""

    @pytest.fixture
    def desk(self, databases: Databases) -> Iterator[Desk]:
        with opened(databases.with_schema()) as made:
            yield made
