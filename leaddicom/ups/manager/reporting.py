"""What happens with a receiver of events while it is this process's turn to serve it."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from leaddicom.errors import DataSetError, DicomError, ParameterError
from leaddicom.scu.results import answer_text, is_warning
from leaddicom.ups.core.terms import UpsStatus
from leaddicom.ups.core.workitem import Event
from leaddicom.ups.manager.delivery import EventAssociation
from leaddicom.ups.manager.service import log_fault
from leaddicom.ups.settings.entities import ApplicationEntity
from leaddicom.ups.store import Delivery, Store, StoreError

__all__ = ["BackOff", "Reporter", "Sender"]

_log = logging.getLogger(__name__)

#: Makes the association with a receiver, see `event_sender`.
Sender = Callable[[ApplicationEntity], EventAssociation]

#: Answers of a receiver that could take the event another time (PS3.7 Annex C): it has failed
#: over it, has confused it with another request, or has too much to do.  With every other answer
#: it has got the event, and would say the same again.
_NOT_NOW = frozenset({UpsStatus.PROCESSING_FAILURE, 0x0210, UpsStatus.RESOURCE_LIMITATION})

#: How often an event is tried on a receiver that answers so; then the next ones have their turn.
_REFUSALS = 10

#: Events whose answers are noted in one transaction, for the sake of the others that write; a
#: crash repeats so many at most.
_BATCH = 20


@dataclass(frozen=True, slots=True)
class BackOff:
    """How long a receiver that has failed is left alone.

    Attributes
    ----------
    first, longest : float
        Seconds after the first failure; each further one doubles them, up to the longest.
    jitter : float
        The part of it that chance may take away, so that not all come back at the same moment.
    """

    first: float = 1.0
    longest: float = 300.0
    jitter: float = 0.2

    def delay(self, failures: int) -> timedelta:
        """Give how long to wait after so many failures, at least one, one after the other."""
        doublings = min(failures - 1, 64)  # more would leave the range of numbers
        seconds = min(self.longest, self.first * 2.0**doublings)
        chance = random.random()  # noqa: S311 - nobody gains by guessing it
        return timedelta(seconds=seconds * (1.0 - self.jitter * chance))


class Reporter:
    """Reports to one receiver after the other, on the threads that call it.

    Parameters
    ----------
    store : Store
        Where the events are.
    sender : Callable[[ApplicationEntity], EventAssociation]
        Makes the association with a receiver.
    owner : str
        Who has the leases.
    back_off : BackOff
        How long a receiver that has failed is left alone.
    lease : float
        Seconds that a lease lasts.
    """

    def __init__(
        self, store: Store, sender: Sender, owner: str, back_off: BackOff, lease: float
    ) -> None:
        self._store = store
        self._sender = sender
        self._owner = owner
        self._back_off = back_off
        self._lease = lease
        self._is_stopping = False
        self._lock = threading.Lock()
        self._associations: dict[str, EventAssociation] = {}
        # By AE title: who was put off last, and how often it has answered that it cannot now.
        self._outages: dict[str, int] = {}

    def stop(self) -> None:
        """Begin no further report; from any thread."""
        self._is_stopping = True

    def break_off(self) -> None:
        """Drop the associations on which an answer is still awaited; from any thread."""
        with self._lock:
            associations = list(self._associations.values())
        for association in associations:
            association.CloseForced(True)

    def serve(self, title: str) -> None:
        """Report what is pending for a receiver that is leased, and note what keeps it from that.

        Parameters
        ----------
        title : str
            Its AE title.

        Raises
        ------
        StoreError
            The store has failed.
        """
        try:
            with self._association(title) as association:
                refusal = self._report_all(association, title)
            if refusal is not None:
                self._put_off(title, refusal, refusals=1)
        except StoreError:
            raise
        except DicomError as error:
            self._put_off(title, str(error))
        except Exception as error:  # noqa: BLE001 - it must not happen again at once, without end
            log_fault(f"Reporting events to {title}", error)
            self._put_off(title, f"a fault in this program: {type(error).__name__}")
        finally:
            with self._lock:
                self._associations.pop(title, None)

    def _association(self, title: str) -> EventAssociation:
        with self._store.reading() as reader:
            entity = reader.entity(title)
        if entity is None or not entity.event_scu:
            why = "is not there" if entity is None else "takes no event reports"
            raise ParameterError(f"By the table of AEs {title} {why}. Correct the table.")
        association = self._sender(entity)
        with self._lock:
            self._associations[title] = association
        return association

    def _report_all(self, association: EventAssociation, title: str) -> str | None:
        """Report until nothing is pending; say why, if the receiver can take no more now."""
        leased = time.monotonic()
        while deliveries := self._store.pending(title, _BATCH):
            now = time.monotonic()
            if now - leased > self._lease / 3:
                if not self._store.renew(title, self._owner, self._lease):
                    break  # it is another's, who begins with these same events
                leased = now
            refusal = self._report_some(association, deliveries, leased + self._lease / 3)
            if refusal is not None or self._is_stopping:
                return refusal
        return None

    def _report_some(
        self, association: EventAssociation, deliveries: Sequence[Delivery], until: float
    ) -> str | None:
        """Report events until a moment, at least one, and note together what was answered."""
        title, statuses = deliveries[0].ae, dict[int, int]()
        try:
            for delivery in deliveries:
                if self._is_stopping:
                    break
                status, said = self._report(association, delivery.event)
                what = f"{delivery.event.type.name} of {delivery.event.uid}"
                if status in _NOT_NOW and self._outages.get(title, 0) + 1 < _REFUSALS:
                    return f"{title} has answered {what} with {said}."
                statuses[delivery.seq] = status
                is_taken = status == UpsStatus.SUCCESS or is_warning(status)
                level = logging.DEBUG if is_taken else logging.WARNING
                _log.log(level, "%s was reported to %s: %s", what, title, said)
                if self._outages.pop(title, None) is not None:
                    _log.info("%s takes event reports again.", title)
                if time.monotonic() >= until:
                    break
        finally:
            if statuses:
                self._store.delivered(title, statuses)
        return None

    def _report(self, association: EventAssociation, event: Event) -> tuple[int, str]:
        """Report an event; give the status of the answer, and what it says."""
        try:
            result = association.report(event)
        except DataSetError as error:
            # It would be the same next time, and nothing behind it would ever be sent.
            return UpsStatus.INVALID_ATTRIBUTE_VALUE, str(error)
        return result.status, answer_text(result.status, result.meaning, result.comment)

    def _put_off(self, title: str, reason: str, refusals: int = 0) -> None:
        """Leave a receiver alone for a while."""
        head = self._store.pending(title, 1)
        if not head or self._is_stopping:
            return
        self._store.failed(title, self._back_off.delay(head[0].attempts + 1), reason)
        level = logging.DEBUG if title in self._outages else logging.WARNING
        self._outages[title] = self._outages.get(title, 0) + refusals
        _log.log(level, "Event reports to %s wait, and are tried again: %s", title, reason)
