"""The dispatcher: brings event reports from the store to the systems that have subscribed.

Every event stands in the store, with whom it is for, since the transaction of the change that it
reports.  The dispatcher holds nothing that must not be lost: whatever happens to it, it or another
one goes on where the store says.  So each event arrives at least once, and the events of one
receiver arrive in the order of their commits, whoever sends them: a receiver is leased, not an
event.
"""

from __future__ import annotations

import logging
import threading
import time

from leaddicom.ups.manager.reporting import BackOff, Reporter, Sender
from leaddicom.ups.store import Store

__all__ = ["BackOff", "Dispatcher", "Sender"]

_log = logging.getLogger(__name__)

_BACK_OFF = BackOff()

#: Seconds to the next look at least: what is due may find no thread free.
_SOONEST = 0.1


class Dispatcher:
    """Delivers what is in the outbox of a store.

    One thread waits until something is due, and every receiver that something is due for gets a
    thread and an association for as long as there is more.  So a receiver that is dead holds up
    nobody else.  Any number of processes may have one on the same database.

    Parameters
    ----------
    store : Store
        Where the events are.
    sender : Callable[[ApplicationEntity], EventAssociation]
        Makes the association with a receiver, see `event_sender`.
    owner : str
        Name of this process in the leases, which no other one has.
    back_off : BackOff
        How long a receiver that has failed is left alone.
    lease : float
        Seconds that a receiver stays this process's after its last sign of life.  It has to be
        longer than one report may take.
    concurrency : int
        Receivers that are served at a time.
    poll : float
        Seconds after which it looks what another process has left, if nothing wakes it before.

    Notes
    -----
    `wake` is to be called after each commit that has published events.  How old an event may grow
    is up to `Housekeeping`.
    """

    def __init__(
        self,
        store: Store,
        sender: Sender,
        *,
        owner: str,
        back_off: BackOff = _BACK_OFF,
        lease: float = 60.0,
        concurrency: int = 64,
        poll: float = 5.0,
    ) -> None:
        self._store = store
        self._reporter = Reporter(store, sender, owner, back_off, lease)
        self._owner = owner
        self._lease = lease
        self._concurrency = concurrency
        self._poll = poll
        self._changed = threading.Condition()
        self._scheduler: threading.Thread | None = None
        self._woken = self._looking = self._stopping = False
        self._active: set[str] = set()
        self._store_is_down = False

    # -- life ----------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to deliver, also what has been waiting since before."""
        self._woken = True
        self._scheduler = threading.Thread(
            target=self._schedule, name="DICOM UPS dispatcher", daemon=True
        )
        self._scheduler.start()

    def wake(self) -> None:
        """Look at once whether something is due; from any thread, without waiting."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def drain(self, timeout: float) -> bool:
        """Wait until everything that is due was tried; tell whether that was so in time.

        Receivers that are left alone for a while after a failure are not due.

        Parameters
        ----------
        timeout : float
            Seconds to wait at most.
        """
        self.wake()
        with self._changed:
            return self._changed.wait_for(self._is_idle, timeout)

    def stop(self, timeout: float = 10.0) -> bool:
        """End; what is not delivered stays in the store.

        Reports that are under way may be answered for half of the time; then their associations
        are dropped, and they will be repeated.

        Parameters
        ----------
        timeout : float
            Seconds to wait at most.

        Returns
        -------
        bool
            Whether all threads have ended in time.
        """
        end = time.monotonic() + timeout
        self._reporter.stop()
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
            ended = self._changed.wait_for(lambda: not self._active, timeout / 2)
        if not ended:
            self._reporter.break_off()
            with self._changed:
                ended = self._changed.wait_for(lambda: not self._active, end - time.monotonic())
        if self._scheduler is not None:
            self._scheduler.join(max(0.0, end - time.monotonic()))
            ended = ended and not self._scheduler.is_alive()
        return ended

    def _is_idle(self) -> bool:
        return not (self._woken or self._looking or self._active)

    # -- who is due ----------------------------------------------------------------------------

    def _schedule(self) -> None:
        while True:
            with self._changed:
                if self._stopping:
                    return
                self._woken, self._looking = False, True
            seconds = self._look()
            with self._changed:
                self._looking = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._woken or self._stopping, seconds)

    def _look(self) -> float:
        """Begin to serve who is due, and give the seconds until the next look."""
        try:
            for title in self._store.due_receivers():
                self._begin(title)
            seconds = self._seconds_to_next()
        except Exception as error:  # noqa: BLE001 - whatever the store has, it may pass
            level = logging.DEBUG if self._store_is_down else logging.ERROR
            _log.log(level, "Event reports cannot be dispatched, which is tried again: %s", error)
            self._store_is_down = True
            return self._poll
        self._store_is_down = False
        return seconds

    def _seconds_to_next(self) -> float:
        due = self._store.next_due()
        if due is None:
            return self._poll
        with self._store.reading() as reader:
            seconds = (due - reader.now()).total_seconds()
        return min(self._poll, max(_SOONEST, seconds))

    def _begin(self, title: str) -> None:
        with self._changed:
            if self._stopping or title in self._active or len(self._active) >= self._concurrency:
                return
            self._active.add(title)
        is_begun = False
        try:
            if self._store.lease(title, self._owner, self._lease):
                name = f"DICOM UPS events to {title}"
                threading.Thread(target=self._serve, args=(title,), name=name, daemon=True).start()
                is_begun = True
        finally:
            if not is_begun:
                self._end(title, look_again=False)

    def _end(self, title: str, *, look_again: bool) -> None:
        with self._changed:
            self._active.remove(title)
            self._woken = self._woken or look_again
            self._changed.notify_all()

    def _serve(self, title: str) -> None:
        is_released = False
        try:
            try:
                self._reporter.serve(title)
            finally:
                self._store.release(title, self._owner)
            is_released = True
        except Exception as error:  # noqa: BLE001 - the store has failed; it is tried again later
            _log.error("The outbox of %s cannot be kept: %s", title, error)
        finally:
            # Who has committed meanwhile has found the lease taken.
            self._end(title, look_again=is_released)
