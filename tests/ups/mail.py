"""Stores with events for real receivers, and the dispatchers that deliver them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from nets import Nets, short
from pydicom.dataset import Dataset

from leaddicom.ups.core.terms import EventType
from leaddicom.ups.core.workitem import Event
from leaddicom.ups.manager.delivery import EventAssociation, event_sender
from leaddicom.ups.manager.dispatcher import Dispatcher
from leaddicom.ups.settings.entities import ApplicationEntity
from leaddicom.ups.store import Store
from ups.databases import Databases
from ups.receivers import PATIENCE, EventReceiver, entity

ROOT = "1.2.826.0.1.3680043.8.498"


def event(number: int = 1, type_: EventType = EventType.STATE_REPORT, **elements: Any) -> Event:
    information = Dataset()
    for keyword, value in (elements or {"ProcedureStepState": "SCHEDULED"}).items():
        setattr(information, keyword, value)
    return Event(type_, f"{ROOT}.{number}", information)


def progress(number: int, percent: int) -> Event:
    item = Dataset()
    item.ProcedureStepProgress = str(percent)
    return event(number, EventType.PROGRESS_REPORT, ProcedureStepProgressInformationSequence=[item])


def uids(*numbers: int) -> list[str]:
    return [f"{ROOT}.{number}" for number in numbers]


class Clock:
    """The time of the store, which only a test moves."""

    def __init__(self) -> None:
        self.now = datetime(2030, 1, 1, tzinfo=timezone.utc)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **step: float) -> None:
        self.now += timedelta(**step)


class Tries:
    """Makes associations, and counts with whom."""

    def __init__(self, sender: Callable[[ApplicationEntity], EventAssociation]) -> None:
        self._sender = sender
        self._changed = threading.Condition()
        self.titles: list[str] = []

    def __call__(self, receiver: ApplicationEntity) -> EventAssociation:
        with self._changed:
            self.titles.append(receiver.title)
            self._changed.notify_all()
        return self._sender(receiver)

    def wait_for(self, title: str, count: int = 1) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.titles.count(title) >= count, PATIENCE)


class Mail:
    """A worklist manager without its listener: a store, and dispatchers that are stopped."""

    def __init__(self, nets: Nets, url: str) -> None:
        self.nets = nets
        self.url = url
        self.clock = Clock()
        self.stores: list[Store] = []
        self.dispatchers: list[Dispatcher] = []
        self.tries = self.sender()
        self.store = self.open()

    def open(self, kind: type[Store] = Store) -> Store:
        """Open the database, as one more process does."""
        store = kind(self.url, zone=timezone.utc, clock=self.clock)
        store.open()
        self.stores.append(store)
        return store

    def sender(self, **limits: float) -> Tries:
        manager = self.nets.make(link="TLS 1.3", limits=short(**limits))
        return Tries(event_sender(manager, "MANAGER"))

    def dispatcher(self, store: Store | None = None, **options: Any) -> Dispatcher:
        """Start a dispatcher; what it is given by default never waits for real time."""
        settings = {"owner": f"process {len(self.dispatchers)}", "sender": self.tries}
        made = Dispatcher(store or self.store, **{**settings, "poll": PATIENCE, **options})
        (store or self.store).on_commit = made.wake
        self.dispatchers.append(made)
        made.start()
        return made

    def know(self, *entities: ApplicationEntity) -> None:
        with self.store.writing() as writer:
            for each in entities:
                writer.put_entity(each)

    def receiver(self, title: str = "WATCHER", **more: Any) -> EventReceiver:
        """Make a receiver over mutual TLS that the table of AEs has."""
        made = self.nets.server(EventReceiver, link="TLS 1.3")
        self.know(entity(made, title, **more))
        return made

    def publish(self, *events: Event, to: tuple[str, ...] = ("WATCHER",)) -> None:
        """Commit events, one transaction for each."""
        for each in events:
            with self.store.writing() as writer:
                writer.publish(each, to)

    def pending(self, title: str = "WATCHER") -> list[str]:
        return [each.event.uid for each in self.store.pending(title, 1000)]

    def close(self) -> None:
        for dispatcher in self.dispatchers:
            assert dispatcher.stop(PATIENCE)
        for store in self.stores:
            store.close()


class OnEachDatabase:
    """Runs the tests of a class for each kind of database."""

    @pytest.fixture
    def url(self, databases: Databases) -> str:
        return databases.with_schema()
