"""Who is subscribed to what (PS3.4 section CC.2.3)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from pydicom.dataset import Dataset
from sqlalchemy import ColumnElement, Row, Select, and_, delete, exists, func, literal, select

from leaddicom.ups.core.subscriptions import GlobalState, SubscriptionState
from leaddicom.ups.core.terms import EventType
from leaddicom.ups.store import schema
from leaddicom.ups.store.database import insert, inserted
from leaddicom.ups.store.encoding import decoded, encoded
from leaddicom.ups.store.outbox import PENDING, EventWriter, add_receivers
from leaddicom.ups.store.transaction import Transaction

__all__ = ["GlobalSubscription", "Subscription", "SubscriptionReader", "SubscriptionWriter"]

_ups, _subscription, _global = schema.ups, schema.subscription, schema.global_subscription

#: Workitems that one statement names at most.
_CHUNK = 500

_STATES = {True: SubscriptionState.WITH_LOCK, False: SubscriptionState.WITHOUT_LOCK}


@dataclass(frozen=True, slots=True)
class Subscription:
    """An AE is subscribed to a workitem."""

    ae: str
    uid: str
    state: SubscriptionState


@dataclass(frozen=True, slots=True)
class GlobalSubscription:
    """An AE is subscribed to the workitems that are still to be created.

    Attributes
    ----------
    ae : str
        Receiving AE.
    deletion_lock : bool
        Whether the workitems are to be kept for it.
    keys : pydicom.dataset.Dataset or None
        Matching keys; `None` is every workitem.
    """

    ae: str
    deletion_lock: bool
    keys: Dataset | None = None


class SubscriptionReader(Transaction):
    """Reads subscriptions."""

    def subscription(self, ae: str, uid: str) -> SubscriptionState:
        """Tell how an AE is subscribed to a workitem."""
        found = self._connection.execute(
            _joined().where(_subscription.c.ae == ae, _ups.c.uid == uid)
        ).one_or_none()
        return SubscriptionState.NOT_SUBSCRIBED if found is None else _STATES[found.deletion_lock]

    def subscriptions(self, ae: str | None = None, uid: str | None = None) -> list[Subscription]:
        """List who is subscribed to which workitem.

        Parameters
        ----------
        ae : str, optional
            Of this AE only.
        uid : str, optional
            To this workitem only.
        """
        statement = _joined().order_by(_ups.c.id, _subscription.c.ae)
        if ae is not None:
            statement = statement.where(_subscription.c.ae == ae)
        if uid is not None:
            statement = statement.where(_ups.c.uid == uid)
        return [
            Subscription(row.ae, row.uid, _STATES[row.deletion_lock])
            for row in self._connection.execute(statement)
        ]

    def global_subscription(self, ae: str) -> GlobalSubscription | None:
        """Give the global or filtered subscription of an AE, if it has one."""
        found = self._connection.execute(select(_global).where(_global.c.ae == ae)).one_or_none()
        return None if found is None else _of_all(found)

    def global_subscriptions(self) -> list[GlobalSubscription]:
        """List the global and filtered subscriptions."""
        rows = self._connection.execute(select(_global).order_by(_global.c.ae))
        return [_of_all(row) for row in rows]

    def subscribers(self) -> list[str]:
        """List the AEs that have a subscription of any kind."""
        either = select(_global.c.ae).union(select(_subscription.c.ae))
        return sorted(self._connection.scalars(either))


class SubscriptionWriter(SubscriptionReader, EventWriter):
    """Writes subscriptions."""

    def set_subscription(self, ae: str, uid: str, state: SubscriptionState) -> None:
        """Subscribe an AE to a workitem, or unsubscribe it; nothing happens to unknown ones."""
        if state is SubscriptionState.NOT_SUBSCRIBED:
            ids = select(_ups.c.id).where(_ups.c.uid == uid).scalar_subquery()
            self._connection.execute(
                delete(_subscription).where(_subscription.c.ups_id == ids, _subscription.c.ae == ae)
            )
            return
        lock = state is SubscriptionState.WITH_LOCK
        new = insert(self._connection, _subscription).from_select(
            ["ups_id", "ae", "deletion_lock"],
            select(_ups.c.id, literal(ae), literal(lock)).where(_ups.c.uid == uid),
        )
        self._connection.execute(
            new.on_conflict_do_update(
                index_elements=["ups_id", "ae"], set_={"deletion_lock": new.excluded.deletion_lock}
            )
        )

    def subscribe_missing(
        self,
        ae: str,
        state: SubscriptionState,
        uids: Iterable[str] | None = None,
        *,
        initial_event: bool,
    ) -> int:
        """Subscribe an AE to the workitems to which it is not subscribed yet.

        Those to which it is keep their deletion lock, or their lack of one (PS3.4 Table
        CC.2.3-2).

        Parameters
        ----------
        ae : str
            Receiving AE.
        state : SubscriptionState
            With or without lock.
        uids : iterable of str, optional
            Only to these workitems; unless given, to all.
        initial_event : bool
            Whether it gets a state report of each.

        Returns
        -------
        int
            How many they were.
        """
        lock = state is SubscriptionState.WITH_LOCK
        if uids is None:
            return self._subscribe(ae, lock, literal(True), initial_event)
        return sum(
            self._subscribe(ae, lock, _ups.c.uid.in_(chunk), initial_event)
            for chunk in _chunks(uids)
        )

    def set_global_subscription(
        self, ae: str, state: GlobalState, keys: Dataset | None = None
    ) -> None:
        """Subscribe an AE to workitems to come; it replaces its former such subscription.

        Parameters
        ----------
        ae : str
            Receiving AE.
        state : GlobalState
            With or without lock; `GlobalState.NONE` ends the subscription.
        keys : pydicom.dataset.Dataset, optional
            Matching keys of a filtered subscription.
        """
        if state is GlobalState.NONE:
            self.clear_global(ae, and_workitems=False)
            return
        values = {
            "deletion_lock": state is GlobalState.WITH_LOCK,
            "keys": None if keys is None else encoded(keys),
        }
        self._connection.execute(
            insert(self._connection, _global)
            .values(ae=ae, **values)
            .on_conflict_do_update(index_elements=["ae"], set_=values)
        )

    def clear_global(self, ae: str, *, and_workitems: bool) -> None:
        """End the global or filtered subscription of an AE.

        Parameters
        ----------
        ae : str
            Receiving AE.
        and_workitems : bool
            Unsubscribe it from every workitem, too; if not, the subscription is only suspended.
        """
        self._connection.execute(delete(_global).where(_global.c.ae == ae))
        if and_workitems:
            self._connection.execute(delete(_subscription).where(_subscription.c.ae == ae))

    def _subscribe(
        self, ae: str, lock: bool, which: ColumnElement[bool], initial_event: bool
    ) -> int:
        """Subscribe to all workitems of a kind in a few statements, however many there are."""
        own = and_(_subscription.c.ups_id == _ups.c.id, _subscription.c.ae == ae)
        missing = and_(which, ~exists().where(own))
        if initial_event:
            self._report_initially(ae, missing)
        new = _subscription.insert().from_select(
            ["ups_id", "ae", "deletion_lock"],
            select(_ups.c.id, literal(ae), literal(lock)).where(missing),
        )
        return inserted(self._connection, new)

    def _report_initially(self, ae: str, which: ColumnElement[bool]) -> None:
        event, delivery = schema.event, schema.delivery
        # This is the only transaction that publishes: whatever comes after is of it.
        last = self._connection.scalar(select(func.coalesce(func.max(event.c.seq), 0)))
        reports = select(
            _ups.c.uid,
            literal(int(EventType.STATE_REPORT)),
            literal(self._micros(), schema.event.c.created_at.type),
            _ups.c.state,
            _ups.c.readiness,
        )
        columns = ["ups_uid", "event_type", "created_at", "state", "readiness"]
        ordered = reports.where(which).order_by(_ups.c.id)
        if not inserted(self._connection, event.insert().from_select(columns, ordered)):
            return
        due = select(event.c.seq, literal(ae), literal(PENDING)).where(event.c.seq > last)
        self._connection.execute(delivery.insert().from_select(["seq", "ae", "progress"], due))
        add_receivers(self._connection, [ae])
        self.published = True


def _joined() -> Select[tuple[str, str, bool]]:
    columns = select(_subscription.c.ae, _ups.c.uid, _subscription.c.deletion_lock)
    return columns.join(_ups, _ups.c.id == _subscription.c.ups_id)


def _of_all(row: Row[tuple[str, bool, bytes | None]]) -> GlobalSubscription:
    keys = None if row.keys is None else decoded(row.keys)
    return GlobalSubscription(row.ae, row.deletion_lock, keys)


def _chunks(uids: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(uids)
    while chunk := list(islice(rest, _CHUNK)):
        yield chunk
