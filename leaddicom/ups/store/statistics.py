"""What is in the store, in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Table, func, select

from leaddicom.ups.core.terms import State
from leaddicom.ups.store import schema
from leaddicom.ups.store.moments import moment
from leaddicom.ups.store.transaction import Transaction

__all__ = ["ReceiverStatistics", "Statistics", "StatisticsReader"]


@dataclass(frozen=True, slots=True)
class ReceiverStatistics:
    """What became of the events for an AE, as far as it is not forgotten.

    Attributes
    ----------
    pending, sent, expired : int
        How many wait, were answered, and were given up.
    attempts : int
        How often in a row it could not be reached.
    next_try_at : datetime or None
        When it is tried again, in UTC.
    last_error : str
        Why it could not be reached.
    """

    pending: int
    sent: int
    expired: int
    attempts: int
    next_try_at: datetime | None
    last_error: str


@dataclass(frozen=True, slots=True)
class Statistics:
    """What is in the store.

    Attributes
    ----------
    workitems : mapping of State to int
        How many there are in each state.
    subscriptions, global_subscriptions : int
        To single workitems, and to those to come.
    locked : int
        Final workitems that are kept because of a deletion lock.
    receivers : mapping of str to ReceiverStatistics
        By AE title.
    servers : int
        Processes of the worklist manager that are registered.
    """

    workitems: Mapping[State, int]
    subscriptions: int
    global_subscriptions: int
    locked: int
    receivers: Mapping[str, ReceiverStatistics]
    servers: int


class StatisticsReader(Transaction):
    """Counts."""

    def statistics(self) -> Statistics:
        """Count what is in the store."""
        ups, subscription = schema.ups, schema.subscription
        states = select(ups.c.state, func.count()).group_by(ups.c.state)
        found = {row[0]: row[1] for row in self._connection.execute(states)}
        locked = (
            select(func.count(ups.c.id.distinct()))
            .join(subscription, subscription.c.ups_id == ups.c.id)
            .where(ups.c.final_at.is_not(None), subscription.c.deletion_lock)
        )
        return Statistics(
            workitems={state: found.get(state.value, 0) for state in State},
            subscriptions=self._count(subscription),
            global_subscriptions=self._count(schema.global_subscription),
            locked=self._connection.scalar(locked) or 0,
            receivers=self._receivers(),
            servers=self._count(schema.server),
        )

    def _count(self, table: Table) -> int:
        return self._connection.scalar(select(func.count()).select_from(table)) or 0

    def _receivers(self) -> dict[str, ReceiverStatistics]:
        delivery, receiver = schema.delivery, schema.receiver
        counts = select(delivery.c.ae, delivery.c.progress, func.count()).group_by(
            delivery.c.ae, delivery.c.progress
        )
        found = {(ae, progress): count for ae, progress, count in self._connection.execute(counts)}
        rows = self._connection.execute(select(receiver).order_by(receiver.c.ae))
        return {
            row.ae: ReceiverStatistics(
                pending=found.get((row.ae, "pending"), 0),
                sent=found.get((row.ae, "sent"), 0),
                expired=found.get((row.ae, "expired"), 0),
                attempts=row.attempts,
                next_try_at=moment(row.next_try_at),
                last_error=row.last_error,
            )
            for row in rows
        }
