"""Who is subscribed to what: PS3.4 Table CC.2.3-2 carried out in the store."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from types import MappingProxyType

from leaddicom.ups.core.events import state_report
from leaddicom.ups.core.matching import Identifier, check_identifier, matches
from leaddicom.ups.core.rules import Rules
from leaddicom.ups.core.subscriptions import (
    GLOBAL_STATES,
    ON_CREATION,
    TRANSITIONS,
    GlobalState,
    SubscriptionAction,
    SubscriptionRequest,
    SubscriptionState,
)
from leaddicom.ups.core.terms import UpsStatus
from leaddicom.ups.core.workitem import Outcome, Workitem, success
from leaddicom.ups.manager.finding import Verdicts, judge, uids_of_matches
from leaddicom.ups.store import Reader, Writer

__all__ = ["judge_filter", "perform_subscription", "subscribe_to_created"]

logger = logging.getLogger(__name__)

#: What an action becomes if the deletion lock that it asks for is not granted.
_WITHOUT_LOCK: Mapping[SubscriptionAction, SubscriptionAction] = MappingProxyType(
    {
        SubscriptionAction.SUBSCRIBE_WITH_LOCK: SubscriptionAction.SUBSCRIBE_WITHOUT_LOCK,
        SubscriptionAction.SUBSCRIBE_GLOBALLY_WITH_LOCK: (
            SubscriptionAction.SUBSCRIBE_GLOBALLY_WITHOUT_LOCK
        ),
    }
)


def subscribe_to_created(writer: Writer, workitem: Workitem, rules: Rules) -> None:
    """Subscribe those who are subscribed globally to a workitem that is being created.

    Their initial event is the state report of the creation, which the caller publishes.

    Parameters
    ----------
    writer : Writer
        The transaction in which the workitem was inserted.
    workitem : Workitem
        The workitem.
    rules : Rules
        For the time zone.
    """
    for subscription in writer.global_subscriptions():
        if subscription.keys is not None:
            identifier = check_identifier(subscription.keys)
            if not isinstance(identifier, Identifier):
                logger.error("The filter of %s cannot be applied any more", subscription.ae)
                continue
            if not matches(identifier, workitem.dataset, rules.zone):
                continue
        state = GlobalState.WITH_LOCK if subscription.deletion_lock else GlobalState.WITHOUT_LOCK
        transition = TRANSITIONS[ON_CREATION[state], SubscriptionState.NOT_SUBSCRIBED]
        writer.set_subscription(subscription.ae, workitem.uid, transition.state)


def judge_filter(
    reading: Callable[[], AbstractContextManager[Reader]], asked: SubscriptionRequest, rules: Rules
) -> Verdicts:
    """Find out which workitems match a filtered subscription, before others have to wait for it.

    Parameters
    ----------
    reading : Callable[[], AbstractContextManager[Reader]]
        Opens a snapshot of the store.
    asked : SubscriptionRequest
        Who is to be subscribed to what; it may be of any kind.
    rules : Rules
        For the time zone.
    """
    identifier = None if asked.keys is None else check_identifier(asked.keys)
    if not isinstance(identifier, Identifier):
        return {}
    with reading() as reader:
        is_known = reader.entity(asked.receiving_ae) is not None
    return judge(reading, identifier, rules.zone) if is_known else {}


def perform_subscription(
    writer: Writer, uid: str, asked: SubscriptionRequest, rules: Rules, verdicts: Verdicts
) -> Outcome:
    """Subscribe an AE, unsubscribe it, or suspend its global subscription.

    Parameters
    ----------
    writer : Writer
        The transaction.
    uid : str
        What it is about: a workitem, or one of the instances that stand for many.
    asked : SubscriptionRequest
        Who is to be subscribed to it, and how.
    rules : Rules
        What is decided where the standard leaves it open.
    verdicts : Verdicts
        What `judge_filter` has given.

    Returns
    -------
    Outcome
        The answer; initial events are published already.
    """
    workitem = None if asked.action in GLOBAL_STATES else writer.workitem(uid)
    if workitem is None and asked.action not in GLOBAL_STATES:
        return Outcome(UpsStatus.NO_SUCH_WORKITEM, "There is no such workitem")
    refusal = _receiver_refusal(writer, asked)
    if refusal is not None:
        return refusal
    action = asked.action if rules.deletion_locks else _WITHOUT_LOCK.get(asked.action, asked.action)
    if workitem is not None:
        _perform_on_one(writer, workitem, asked.receiving_ae, action)
    elif action is SubscriptionAction.UNSUBSCRIBE_GLOBALLY:
        writer.clear_global(asked.receiving_ae, and_workitems=True)
    elif action is SubscriptionAction.SUSPEND_GLOBALLY:
        writer.clear_global(asked.receiving_ae, and_workitems=False)
    else:
        refusal = _subscribe_globally(writer, asked, action, rules, verdicts)
    if refusal is None and action is not asked.action:
        comment = "Subscribed, but deletion locks are not granted"
        return Outcome(UpsStatus.DELETION_LOCK_NOT_GRANTED, comment)
    return refusal or success()


def _receiver_refusal(writer: Writer, asked: SubscriptionRequest) -> Outcome | None:
    entity = writer.entity(asked.receiving_ae)
    is_end = asked.deletion_lock is None
    if entity is None:
        # Who was taken from the table of AEs has still to be able to end what it has begun.
        if is_end and asked.receiving_ae in writer.subscribers():
            return None
        return Outcome(UpsStatus.RECEIVING_AE_UNKNOWN, "The Receiving AE is unknown here")
    if not is_end and not entity.event_scu:
        comment = "No events are reported to this Receiving AE"
        return Outcome(UpsStatus.NO_EVENT_REPORTS, comment)
    return None


def _perform_on_one(
    writer: Writer, workitem: Workitem, ae: str, action: SubscriptionAction
) -> None:
    transition = TRANSITIONS[action, writer.subscription(ae, workitem.uid)]
    writer.set_subscription(ae, workitem.uid, transition.state)
    if transition.initial_event:
        writer.publish(state_report(workitem.uid, workitem.dataset), [ae])


def _subscribe_globally(
    writer: Writer,
    asked: SubscriptionRequest,
    action: SubscriptionAction,
    rules: Rules,
    verdicts: Verdicts,
) -> Outcome | None:
    """Subscribe to what is there and to what will come; who is subscribed already stays so."""
    uids = None
    if asked.keys is not None:
        identifier = check_identifier(asked.keys)
        if not isinstance(identifier, Identifier):
            return Outcome(UpsStatus.INVALID_ARGUMENT_VALUE, identifier.text)
        uids = uids_of_matches(writer, identifier, rules.zone, verdicts)
    missing = TRANSITIONS[action, SubscriptionState.NOT_SUBSCRIBED]
    ae = asked.receiving_ae
    writer.subscribe_missing(ae, missing.state, uids, initial_event=missing.initial_event)
    writer.set_global_subscription(ae, GLOBAL_STATES[action], asked.keys)
    return None
