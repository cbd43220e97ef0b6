"""Subscriptions: PS3.4 Table CC.2.3-2 as data, and the arguments of the actions on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from pydicom.dataset import Dataset

from leaddicom.ups.core.excerpts import text_value
from leaddicom.ups.core.received import clean_copy
from leaddicom.ups.core.terms import (
    FILTERED_GLOBAL_SUBSCRIPTION,
    GLOBAL_SUBSCRIPTION,
    SUBSCRIPTION_INSTANCES,
    ActionType,
    UpsStatus,
)
from leaddicom.ups.core.workitem import Outcome
from leaddicom.values import is_ae_title

__all__ = [
    "GLOBAL_STATES",
    "ON_CREATION",
    "TRANSITIONS",
    "GlobalState",
    "SubscriptionAction",
    "SubscriptionRequest",
    "SubscriptionState",
    "Transition",
    "parse_subscription",
]


class SubscriptionState(str, Enum):
    """How an AE is subscribed to a workitem."""

    NOT_SUBSCRIBED = "Not Subscribed"
    WITH_LOCK = "Subscribed with Lock"
    WITHOUT_LOCK = "Subscribed w/o Lock"

    def __str__(self) -> str:
        return self.value


class GlobalState(str, Enum):
    """How an AE is subscribed to the workitems that are still to be created.

    That of a filtered subscription is the same, for those that match its keys.
    """

    NONE = "None"
    WITH_LOCK = "Global with Lock"
    WITHOUT_LOCK = "Global w/o Lock"

    def __str__(self) -> str:
        return self.value


class SubscriptionAction(str, Enum):
    """What changes how an AE is subscribed: the rows of the table."""

    CREATED_WHILE_NONE = "UPS created while global state is None"
    CREATED_WHILE_WITH_LOCK = "UPS created while global state is with Lock"
    CREATED_WHILE_WITHOUT_LOCK = "UPS created while global state is w/o Lock"
    SUBSCRIBE_GLOBALLY_WITH_LOCK = "Subscribe globally with Lock"
    SUBSCRIBE_GLOBALLY_WITHOUT_LOCK = "Subscribe globally w/o Lock"
    SUBSCRIBE_WITH_LOCK = "Subscribe to specific UPS with Lock"
    SUBSCRIBE_WITHOUT_LOCK = "Subscribe to specific UPS w/o Lock"
    UNSUBSCRIBE = "Unsubscribe from specific UPS"
    UNSUBSCRIBE_GLOBALLY = "Unsubscribe globally"
    SUSPEND_GLOBALLY = "Suspend global subscription"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class Transition:
    """A cell of the table.

    Attributes
    ----------
    state : SubscriptionState
        In which the AE is with the workitem afterwards.
    initial_event : bool
        Whether it gets a state report of the workitem.
    """

    state: SubscriptionState
    initial_event: bool = False


_NOT = Transition(SubscriptionState.NOT_SUBSCRIBED)
_LOCK = Transition(SubscriptionState.WITH_LOCK)
_FREE = Transition(SubscriptionState.WITHOUT_LOCK)
_LOCK_AND_EVENT = Transition(SubscriptionState.WITH_LOCK, initial_event=True)
_FREE_AND_EVENT = Transition(SubscriptionState.WITHOUT_LOCK, initial_event=True)

#: A row has a cell for each state: Not Subscribed, with Lock, w/o Lock.  Nobody is subscribed to
#: a workitem that is only now created.
_ROWS = {
    SubscriptionAction.CREATED_WHILE_NONE: (_NOT,),
    SubscriptionAction.CREATED_WHILE_WITH_LOCK: (_LOCK_AND_EVENT,),
    SubscriptionAction.CREATED_WHILE_WITHOUT_LOCK: (_FREE_AND_EVENT,),
    SubscriptionAction.SUBSCRIBE_GLOBALLY_WITH_LOCK: (_LOCK_AND_EVENT, _LOCK, _FREE),
    SubscriptionAction.SUBSCRIBE_GLOBALLY_WITHOUT_LOCK: (_FREE, _LOCK, _FREE),
    SubscriptionAction.SUBSCRIBE_WITH_LOCK: (_LOCK_AND_EVENT,) * 3,
    SubscriptionAction.SUBSCRIBE_WITHOUT_LOCK: (_FREE_AND_EVENT,) * 3,
    SubscriptionAction.UNSUBSCRIBE: (_NOT,) * 3,
    SubscriptionAction.UNSUBSCRIBE_GLOBALLY: (_NOT,) * 3,
    SubscriptionAction.SUSPEND_GLOBALLY: (_NOT, _LOCK, _FREE),
}

#: PS3.4 Table CC.2.3-2: what an action makes of each state of an AE with a workitem.
TRANSITIONS: Mapping[tuple[SubscriptionAction, SubscriptionState], Transition] = MappingProxyType(
    {
        (action, state): cell
        for action, row in _ROWS.items()
        for state, cell in zip(SubscriptionState, row, strict=False)
    }
)

#: The same of the global state; an action that is not here leaves it as it is.
GLOBAL_STATES: Mapping[SubscriptionAction, GlobalState] = MappingProxyType(
    {
        SubscriptionAction.SUBSCRIBE_GLOBALLY_WITH_LOCK: GlobalState.WITH_LOCK,
        SubscriptionAction.SUBSCRIBE_GLOBALLY_WITHOUT_LOCK: GlobalState.WITHOUT_LOCK,
        SubscriptionAction.UNSUBSCRIBE_GLOBALLY: GlobalState.NONE,
        SubscriptionAction.SUSPEND_GLOBALLY: GlobalState.NONE,
    }
)

#: Which row of the table the creation of a workitem is for an AE.
ON_CREATION: Mapping[GlobalState, SubscriptionAction] = MappingProxyType(
    {
        GlobalState.NONE: SubscriptionAction.CREATED_WHILE_NONE,
        GlobalState.WITH_LOCK: SubscriptionAction.CREATED_WHILE_WITH_LOCK,
        GlobalState.WITHOUT_LOCK: SubscriptionAction.CREATED_WHILE_WITHOUT_LOCK,
    }
)

_ALL, _MATCHING = GLOBAL_SUBSCRIPTION, FILTERED_GLOBAL_SUBSCRIPTION

#: Which row a request is, by its action type, the instance that stands for many workitems if it
#: names one, and the deletion lock that it asks for.  What is not here is asked of the wrong
#: instance: a filtered subscription ends through the global one.
_REQUESTS: Mapping[tuple[ActionType, str | None, bool | None], SubscriptionAction] = {
    (ActionType.SUBSCRIBE, None, True): SubscriptionAction.SUBSCRIBE_WITH_LOCK,
    (ActionType.SUBSCRIBE, None, False): SubscriptionAction.SUBSCRIBE_WITHOUT_LOCK,
    (ActionType.SUBSCRIBE, _ALL, True): SubscriptionAction.SUBSCRIBE_GLOBALLY_WITH_LOCK,
    (ActionType.SUBSCRIBE, _ALL, False): SubscriptionAction.SUBSCRIBE_GLOBALLY_WITHOUT_LOCK,
    (ActionType.SUBSCRIBE, _MATCHING, True): SubscriptionAction.SUBSCRIBE_GLOBALLY_WITH_LOCK,
    (ActionType.SUBSCRIBE, _MATCHING, False): SubscriptionAction.SUBSCRIBE_GLOBALLY_WITHOUT_LOCK,
    (ActionType.UNSUBSCRIBE, None, None): SubscriptionAction.UNSUBSCRIBE,
    (ActionType.UNSUBSCRIBE, _ALL, None): SubscriptionAction.UNSUBSCRIBE_GLOBALLY,
    (ActionType.SUSPEND_GLOBAL, _ALL, None): SubscriptionAction.SUSPEND_GLOBALLY,
}

_DELETION_LOCK = {"TRUE": True, "FALSE": False}

#: What says how the matching keys of a filtered subscription are to be read.
_NOT_KEYS = frozenset({"SpecificCharacterSet", "TimezoneOffsetFromUTC"})


@dataclass(frozen=True, slots=True)
class SubscriptionRequest:
    """What an action on subscriptions asks for.

    Attributes
    ----------
    action : SubscriptionAction
        Which row of Table CC.2.3-2 it is.
    receiving_ae : str
        Whose subscription it is; that need not be who asks.
    deletion_lock : bool or None
        Whether workitems shall be kept for it; `None` for the actions that do not say.
    keys : pydicom.dataset.Dataset or None
        Matching keys of a filtered global subscription, with what they need to be read:
        Specific Character Set and Timezone Offset From UTC.
    """

    action: SubscriptionAction
    receiving_ae: str
    deletion_lock: bool | None = None
    keys: Dataset | None = None


def parse_subscription(
    action: ActionType, instance_uid: str, information: Dataset | None
) -> SubscriptionRequest | Outcome:
    """Read the arguments of Subscribe, Unsubscribe and Suspend Global Subscription.

    Parameters
    ----------
    action : ActionType
        One of these three.
    instance_uid : str
        Requested SOP Instance UID: of a workitem, or one of the two that stand for many.
    information : pydicom.dataset.Dataset or None
        Action Information (PS3.4 Table CC.2.3-1).

    Returns
    -------
    SubscriptionRequest or Outcome
        The request; or the refusal: 0115H if an argument is missing or not valid, C314H if the
        action is not for the instance.
    """
    arguments, findings = clean_copy(information or Dataset())
    receiving_ae = text_value(arguments, "ReceivingAE")
    if not is_ae_title(receiving_ae):
        return _invalid("ReceivingAE (0074,1234) is missing or no AE title")
    lock: bool | None = None
    keys: Dataset | None = None
    if action is ActionType.SUBSCRIBE:
        lock = _DELETION_LOCK.get(text_value(arguments, "DeletionLock"))
        if lock is None:
            return _invalid("DeletionLock (0074,1230) is missing or not TRUE or FALSE")
        if instance_uid == _MATCHING:
            if findings:
                return _invalid(findings[0].text)
            del arguments["ReceivingAE"], arguments["DeletionLock"]
            keys = arguments
            if all(element.keyword in _NOT_KEYS for element in keys):
                return _invalid("A filtered subscription needs a matching key")
    of_many = instance_uid if instance_uid in SUBSCRIPTION_INSTANCES else None
    row = _REQUESTS.get((action, of_many, lock))
    if row is None:
        return Outcome(UpsStatus.ACTION_NOT_FOR_INSTANCE, f"Not for this instance; use {_ALL}")
    return SubscriptionRequest(row, receiving_ae, lock, keys)


def _invalid(text: str) -> Outcome:
    return Outcome(UpsStatus.INVALID_ARGUMENT_VALUE, text)
