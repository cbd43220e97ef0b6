"""What a worklist manager does by itself: it ages, and it tells when it starts and stops."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType

from leaddicom.ups.core.events import scp_status
from leaddicom.ups.core.terms import ScpStatus, State
from leaddicom.ups.store import Store, Writer

__all__ = ["GIVE_UP_AFTER", "RETENTION", "Housekeeping", "announce"]

_log = logging.getLogger(__name__)

#: How long workitems stay when they are final (PS3.4 section CC.4.2 leaves it to the SCP).
RETENTION: Mapping[State, timedelta] = MappingProxyType(
    {State.COMPLETED: timedelta(days=30), State.CANCELED: timedelta(days=30)}
)

#: How long an event report is tried.
GIVE_UP_AFTER = timedelta(hours=24)


def announce(writer: Writer, status: ScpStatus, *, cold: bool = False) -> int:
    """Tell everybody whom it concerns that the worklist manager starts or stops.

    These are the systems on the fallback list, which the standard demands, and all that have
    subscribed, globally or to single workitems (PS3.4 section CC.2.4.3); each hears it once.

    Parameters
    ----------
    writer : Writer
        The transaction that it belongs to.
    status : ScpStatus
        `ScpStatus.RESTARTED`, once the whole service was down, or `ScpStatus.GOING_DOWN`, once
        the whole service goes.
    cold : bool
        Whether workitems and subscriptions have not survived.

    Returns
    -------
    int
        How many systems are told.
    """
    start = ScpStatus.COLD_START if cold else ScpStatus.WARM_START
    fallback = {each.title for each in writer.entities() if each.fallback_list and each.event_scu}
    event = scp_status(status, subscriptions=start, worklist=start)
    return writer.publish(event, fallback.union(writer.subscribers()))


@dataclass(slots=True)
class _Job:
    """Something to do again and again; what keeps it from it is said once."""

    name: str
    interval: float
    do: Callable[[], None]
    due: float = 0.0
    is_failing: bool = field(default=False)

    def run(self) -> None:
        try:
            self.do()
        except Exception as error:  # noqa: BLE001 - a database that is away must not end the thread
            level = logging.DEBUG if self.is_failing else logging.ERROR
            _log.log(level, "The %s fails, and is tried again: %s", self.name, error)
            self.is_failing = True
        else:
            if self.is_failing:
                _log.info("The %s works again.", self.name)
            self.is_failing = False


class Housekeeping:
    """The regular duties of one server process, on a thread of their own.

    It shows the other processes that this one lives, deletes workitems that are final for long
    enough, and gives up event reports that nobody takes.  All processes of a service may do so at
    the same time.

    Parameters
    ----------
    store : Store
        What it keeps in order.
    instance : str
        Name of this process, under which the store has registered it.
    retention : mapping of State to datetime.timedelta
        How long workitems in a final state stay; those in a state that is not named stay for ever.
    give_up_after : datetime.timedelta
        Age at which an event report that was not delivered is given up.
    heartbeat, interval : float
        Seconds between two signs of life, and between two rounds of the rest.

    Attributes
    ----------
    others : frozenset of str
        Processes of which it is not known whether they ran when this one began.  Once it is known
        that none did, the restart of the service is told.
    """

    def __init__(
        self,
        store: Store,
        instance: str,
        *,
        retention: Mapping[State, timedelta] = RETENTION,
        give_up_after: timedelta = GIVE_UP_AFTER,
        heartbeat: float = 10.0,
        interval: float = 60.0,
    ) -> None:
        self.others: frozenset[str] = frozenset()
        self._store = store
        self._instance = instance
        self._retention = dict(retention)
        self._give_up_after = give_up_after
        self._jobs = (
            _Job("sign of life", heartbeat, self.beat),
            _Job("purge of final workitems", interval, self.purge),
            _Job("expiry of event reports", interval, self.expire),
        )
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin; everything is done once right away."""
        self._thread = threading.Thread(
            target=self._run, name="DICOM UPS housekeeping", daemon=True
        )
        self._thread.start()

    def stop(self, timeout: float = 10.0) -> bool:
        """End; tell whether the thread has ended in time (it hangs if the database does)."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout)
        return self._thread is None or not self._thread.is_alive()

    def beat(self) -> None:
        """Give a sign of life, and look for that of others."""
        self._store.heartbeat(self._instance)
        if not self.others:
            return
        with self._store.writing() as writer:
            was_down = writer.had_ended(self.others, self._instance)
            if was_down:
                announce(writer, ScpStatus.RESTARTED)
        if was_down is not None:
            self.others = frozenset()

    def purge(self) -> None:
        """Delete the workitems whose time is over, unless somebody holds a deletion lock."""
        with self._store.writing() as writer:
            now = writer.now()
            final_before = {state: now - kept for state, kept in self._retention.items()}
            count = writer.purge(final_before)
        if count:
            _log.info("%d final workitems were deleted, as their time was over.", count)

    def expire(self) -> None:
        """Give up event reports that are too old; subscriptions stay as they are."""
        count = self._store.expire(self._give_up_after)
        if count:
            _log.warning(
                "%d event reports were given up: nobody has taken them for %s.",
                count,
                self._give_up_after,
            )

    def _run(self) -> None:
        while not self._stopping.is_set():
            for job in self._jobs:
                if job.due <= time.monotonic():
                    job.run()
                    job.due = time.monotonic() + job.interval
            self._stopping.wait(max(0.0, min(job.due for job in self._jobs) - time.monotonic()))
