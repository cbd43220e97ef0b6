"""What a worklist manager does beside answering: it is registered, reports events, keeps house."""

from __future__ import annotations

import logging
import os
import socket
import time
import uuid
from collections.abc import Mapping
from datetime import timedelta

from leaddicom.errors import DicomError
from leaddicom.ups.core.terms import ScpStatus, State
from leaddicom.ups.manager.dispatcher import BackOff, Dispatcher, Sender
from leaddicom.ups.manager.housekeeping import Housekeeping, announce
from leaddicom.ups.store import Store

__all__ = ["Background"]

logger = logging.getLogger(__name__)


class Background:
    """The part of a manager's process that has nothing to do with its listener.

    Parameters
    ----------
    store : Store
        The store, open.
    sender : Callable[[ApplicationEntity], EventAssociation]
        Makes associations for events.
    retention, give_up_after, back_off
        As for `Housekeeping` and `Dispatcher`.

    Attributes
    ----------
    instance : str
        Name of this process in the store, and owner of what it has leased.
    """

    def __init__(
        self,
        store: Store,
        sender: Sender,
        *,
        retention: Mapping[State, timedelta],
        give_up_after: timedelta,
        back_off: BackOff,
    ) -> None:
        self._store = store
        self.instance = uuid.uuid4().hex
        self._is_registered = False
        self._dispatcher = Dispatcher(store, sender, owner=self.instance, back_off=back_off)
        self._housekeeping = Housekeeping(
            store, self.instance, retention=retention, give_up_after=give_up_after
        )

    def start(self) -> None:
        """Begin; whom it concerns is told that the service is there again, if it was not."""
        # In one transaction: if this process dies now, the next one tells it.
        with self._store.writing() as writer:
            others = writer.register(self.instance, socket.gethostname(), os.getpid())
            if not others:
                announce(writer, ScpStatus.RESTARTED, cold=self._store.is_new)
        self._housekeeping.others = others
        self._is_registered = True
        self._store.on_commit = self._dispatcher.wake
        self._dispatcher.start()
        self._housekeeping.start()

    def stop(self, timeout: float) -> None:
        """End; the last process of the service tells that it goes down.

        Parameters
        ----------
        timeout : float
            Seconds that it may take; half of them are for events that wait.
        """
        end = time.monotonic() + timeout
        self._housekeeping.stop(timeout / 4)
        try:
            if self._is_registered:
                with self._store.writing() as writer:
                    if writer.unregister(self.instance):
                        announce(writer, ScpStatus.GOING_DOWN)
        except DicomError as error:
            logger.warning("That the worklist manager goes down cannot be told: %s", error)
        if self._is_registered:
            self._dispatcher.drain(timeout / 2)
        self._dispatcher.stop(max(0.0, end - time.monotonic()))
