"""Events that wait to be sent, and whose turn it is to send them.

Events are written by the transaction that brings them about.  A dispatcher takes a lease on a
receiver, sends what is pending for it in the order of the commits, and notes what became of it:
an event is sent at least once, and never by two at a time.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydicom.dataset import Dataset
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    bindparam,
    delete,
    exists,
    func,
    literal_column,
    or_,
    select,
    update,
)

from leaddicom.ups.core.events import state_report
from leaddicom.ups.core.terms import EventType
from leaddicom.ups.core.workitem import Event
from leaddicom.ups.store import schema
from leaddicom.ups.store.database import insert
from leaddicom.ups.store.encoding import decoded, encoded
from leaddicom.ups.store.moments import moment
from leaddicom.ups.store.transaction import Transaction

__all__ = ["PENDING", "Delivery", "EventWriter", "Outbox", "Transactions", "add_receivers"]

_event, _delivery, _receiver = schema.event, schema.delivery, schema.receiver

PENDING, _SENT, _EXPIRED = "pending", "sent", "expired"

#: How long the admin can look at what became of events, and have them sent after all.
_KEPT = timedelta(days=7)

#: Events that are forgotten at a time at most, so that nobody waits for long.
_FORGOTTEN = 10_000

_ERROR_LENGTH = 1000
_MICROSECOND = timedelta(microseconds=1)

#: Written out, as the index of what is pending is used for a literal only.
_is_pending = _delivery.c.progress == literal_column(f"'{PENDING}'")


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event that is to be sent to a receiver.

    Attributes
    ----------
    seq : int
        Number of the event; they rise in the order of the commits.
    ae : str
        Receiving AE.
    event : Event
        What is to be sent.
    created_at : datetime
        When it was published, in UTC.
    attempts : int
        How often in a row the receiver could not be reached.
    """

    seq: int
    ae: str
    event: Event
    created_at: datetime
    attempts: int


class EventWriter(Transaction):
    """Publishes events.

    Attributes
    ----------
    published : bool
        Whether this transaction has.
    """

    published = False

    def publish(self, event: Event, receivers: Iterable[str] | None = None) -> int:
        """Put an event into the outbox.

        A progress report replaces those of the same workitem that a receiver has not got yet;
        all other events are kept.

        Parameters
        ----------
        event : Event
            What happened.
        receivers : iterable of str, optional
            AE titles; unless given, those that are subscribed to the workitem now.

        Returns
        -------
        int
            How many receivers it has.
        """
        titles = self._subscribed(event.uid) if receivers is None else sorted(set(receivers))
        if not titles:
            return 0
        if event.type is EventType.PROGRESS_REPORT:
            self._drop_progress(event.uid, titles)
        values = {
            "ups_uid": event.uid,
            "event_type": int(event.type),
            "created_at": self._micros(),
            "information": encoded(event.information),
        }
        result = self._connection.execute(_event.insert().values(values))
        key = result.inserted_primary_key
        seq = None if key is None else key[0]
        self._connection.execute(
            _delivery.insert(),
            [{"seq": seq, "ae": title, "progress": PENDING} for title in titles],
        )
        add_receivers(self._connection, titles)
        self.published = True
        return len(titles)

    def _subscribed(self, uid: str) -> list[str]:
        subscription, ups = schema.subscription, schema.ups
        joined = select(subscription.c.ae).join(ups, ups.c.id == subscription.c.ups_id)
        return sorted(self._connection.scalars(joined.where(ups.c.uid == uid)))

    def _drop_progress(self, uid: str, titles: list[str]) -> None:
        older = select(_event.c.seq).where(
            _event.c.ups_uid == uid, _event.c.event_type == int(EventType.PROGRESS_REPORT)
        )
        self._connection.execute(
            delete(_delivery).where(
                _is_pending, _delivery.c.ae.in_(titles), _delivery.c.seq.in_(older)
            )
        )


def add_receivers(connection: Connection, titles: Iterable[str]) -> None:
    """See that each of these AEs has a row to be leased."""
    rows = [{"ae": title, "attempts": 0, "last_error": ""} for title in titles]
    connection.execute(insert(connection, _receiver).on_conflict_do_nothing(), rows)


class Transactions(ABC):
    """Begins transactions of its own."""

    @abstractmethod
    def _short(self, *, writes: bool) -> AbstractContextManager[Transaction]:
        """Begin one that need not wait for `Store.writing`, unless the database has it so."""


class Outbox(Transactions):
    """The dispatcher's side of the outbox; each method is a transaction of its own.

    Owners of leases are any texts that differ between dispatchers, in all processes and hosts.
    """

    def due_receivers(self) -> list[str]:
        """List the AEs that something can be sent to now, and that nobody has a lease on.

        Those come first that have not failed, then those that have waited for longest: not all
        may have their turn.
        """
        failed, since = _receiver.c.attempts > 0, func.coalesce(_receiver.c.next_try_at, 0)
        with self._short(writes=False) as transaction:
            now = transaction._micros()
            statement = select(_receiver.c.ae).where(_free(now), _tried_before(now), _has_pending())
            ordered = statement.order_by(failed, since, _receiver.c.ae)
            return list(transaction._connection.scalars(ordered))

    def next_due(self) -> datetime | None:
        """Tell when `due_receivers` will have somebody, as far as is known; `None`: it is not."""
        with self._short(writes=False) as transaction:
            rows = transaction._connection.execute(select(_receiver).where(_has_pending()))
            times = [max(row.lease_until or 0, row.next_try_at or 0) for row in rows]
            return moment(max(min(times), transaction._micros())) if times else None

    def lease(self, ae: str, owner: str, seconds: float) -> bool:
        """Take the right to send to an AE.

        Returns
        -------
        bool
            False if somebody has it, even if that is `owner`.
        """
        with self._short(writes=True) as transaction:
            now = transaction._micros()
            values = {"lease_owner": owner, "lease_until": _later(now, seconds)}
            return _changed(transaction, and_(_receiver.c.ae == ae, _free(now)), values)

    def renew(self, ae: str, owner: str, seconds: float) -> bool:
        """Keep the right to send to an AE for longer; False if it was lost."""
        with self._short(writes=True) as transaction:
            now = transaction._micros()
            held = and_(_owned(ae, owner), _receiver.c.lease_until > now)
            return _changed(transaction, held, {"lease_until": _later(now, seconds)})

    def release(self, ae: str, owner: str) -> None:
        """Give the right to send to an AE back."""
        with self._short(writes=True) as transaction:
            _changed(transaction, _owned(ae, owner), _NO_LEASE)

    def pending(self, ae: str, limit: int) -> list[Delivery]:
        """List what is to be sent to an AE, in this order."""
        statement = (
            select(_event, _receiver.c.attempts)
            .join(_delivery, _delivery.c.seq == _event.c.seq)
            .join(_receiver, _receiver.c.ae == _delivery.c.ae)
            .where(_delivery.c.ae == ae, _is_pending)
            .order_by(_delivery.c.seq)
            .limit(limit)
        )
        with self._short(writes=False) as transaction:
            rows = transaction._connection.execute(statement).all()
        return [
            Delivery(row.seq, ae, _event_of(row), moment(row.created_at), row.attempts)
            for row in rows
        ]

    def delivered(self, ae: str, statuses: Mapping[int, int]) -> None:
        """Note that a receiver has answered.

        Parameters
        ----------
        ae : str
            Receiving AE.
        statuses : mapping of int to int
            The status of the response by `Delivery.seq`.
        """
        sent = (
            update(_delivery)
            .where(_delivery.c.ae == ae, _delivery.c.seq == bindparam("event"), _is_pending)
            .values(progress=_SENT, status=bindparam("answer"))
        )
        rows = [{"event": seq, "answer": int(status)} for seq, status in sorted(statuses.items())]
        reached = {"attempts": 0, "next_try_at": None, "last_error": ""}
        with self._short(writes=True) as transaction:
            if rows:
                transaction._connection.execute(sent, rows)
            _changed(transaction, and_(_receiver.c.ae == ae, _receiver.c.attempts > 0), reached)

    def failed(self, ae: str, delay: timedelta, error: str) -> None:
        """Note that an AE could not be reached, and when it is tried again.

        Parameters
        ----------
        ae : str
            Receiving AE.
        delay : datetime.timedelta
            For so long `due_receivers` does not have it.
        error : str
            What went wrong, for the admin.
        """
        with self._short(writes=True) as transaction:
            values = {
                "attempts": _receiver.c.attempts + 1,
                "next_try_at": transaction._micros() + delay // _MICROSECOND,
                "last_error": error[:_ERROR_LENGTH],
            }
            _changed(transaction, _receiver.c.ae == ae, values)

    def expire(self, age: timedelta) -> int:
        """Give up what was published longer ago and could not be sent.

        What was sent or given up is forgotten a week later, not all of it at once.

        Returns
        -------
        int
            How many deliveries were given up.
        """
        with self._short(writes=True) as transaction:
            before = transaction._micros() - age // _MICROSECOND
            _forget(transaction._connection, before - _KEPT // _MICROSECOND)
            old = select(func.max(_event.c.seq)).where(_event.c.created_at < before)
            statement = update(_delivery).where(
                _is_pending, _delivery.c.seq <= old.scalar_subquery()
            )
            return transaction._connection.execute(statement.values(progress=_EXPIRED)).rowcount

    def retry(self, ae: str) -> int:
        """Send to an AE at once, and also what was given up and is not forgotten yet.

        Returns
        -------
        int
            How many deliveries were taken up again.
        """
        expired = and_(_delivery.c.ae == ae, _delivery.c.progress == _EXPIRED)
        with self._short(writes=True) as transaction:
            _changed(transaction, _receiver.c.ae == ae, {"next_try_at": None})
            statement = update(_delivery).where(expired).values(progress=PENDING)
            return transaction._connection.execute(statement).rowcount


_NO_LEASE = {"lease_owner": None, "lease_until": None}


def _free(now: int) -> ColumnElement[bool]:
    return or_(_receiver.c.lease_until.is_(None), _receiver.c.lease_until <= now)


def _tried_before(now: int) -> ColumnElement[bool]:
    return or_(_receiver.c.next_try_at.is_(None), _receiver.c.next_try_at <= now)


def _has_pending() -> ColumnElement[bool]:
    return exists().where(_delivery.c.ae == _receiver.c.ae, _is_pending)


def _owned(ae: str, owner: str) -> ColumnElement[bool]:
    return and_(_receiver.c.ae == ae, _receiver.c.lease_owner == owner)


def _later(now: int, seconds: float) -> int:
    return now + timedelta(seconds=seconds) // _MICROSECOND


def _forget(connection: Connection, before: int) -> None:
    """Delete some events that were published before a moment and that nobody waits for."""
    waits = exists().where(_delivery.c.seq == _event.c.seq, _is_pending)
    old = select(_event.c.seq).where(_event.c.created_at < before, ~waits)
    chosen = old.order_by(_event.c.created_at).limit(_FORGOTTEN)
    connection.execute(delete(_event).where(_event.c.seq.in_(chosen)))


def end_leases(transaction: Transaction, owners: Collection[str]) -> None:
    """Give back all that some owners have, who need not wait until their leases end."""
    _changed(transaction, _receiver.c.lease_owner.in_(owners), _NO_LEASE)


def _changed(
    transaction: Transaction, which: ColumnElement[bool], values: Mapping[str, object]
) -> bool:
    statement = update(_receiver).where(which).values(dict(values))
    return transaction._connection.execute(statement).rowcount > 0


def _event_of(row: Row[tuple[object, ...]]) -> Event:
    if row.information is not None:
        return Event(EventType(row.event_type), row.ups_uid, decoded(row.information))
    dataset = Dataset()
    dataset.ProcedureStepState = row.state
    dataset.InputReadinessState = row.readiness
    return state_report(row.ups_uid, dataset)
