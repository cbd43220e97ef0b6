"""Which operation belongs to which SOP class (PS3.4 sections CC.2 and CC.3)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType

from leaddicom.ups.core.terms import ActionType, SopClass, UpsStatus
from leaddicom.ups.core.workitem import Outcome

__all__ = ["SOP_CLASSES", "Operation", "admission"]


class Operation(str, Enum):
    """What a client may ask of a worklist manager; the actions are told apart."""

    CREATE = "N-CREATE"
    GET = "N-GET"
    FIND = "C-FIND"
    MODIFY = "N-SET"
    CHANGE_STATE = "N-ACTION Change UPS State"
    REQUEST_CANCEL = "N-ACTION Request UPS Cancel"
    SUBSCRIBE = "N-ACTION Subscribe"
    UNSUBSCRIBE = "N-ACTION Unsubscribe"
    SUSPEND_GLOBAL = "N-ACTION Suspend Global Subscription"
    UNKNOWN_ACTION = "N-ACTION of unknown type"
    NONE = "another operation"

    def __str__(self) -> str:
        return self.value

    @classmethod
    def of_action(cls, action_type: int) -> Operation:
        """Give the operation that an Action Type ID stands for."""
        return _ACTIONS.get(action_type, cls.UNKNOWN_ACTION)

    @property
    def action_type(self) -> ActionType | None:
        """Action Type ID; `None` if it is no action, or an unknown one."""
        return _TYPES.get(self)

    @property
    def is_action(self) -> bool:
        """Whether it is an N-ACTION."""
        return self in _TYPES or self is Operation.UNKNOWN_ACTION


_ACTIONS: Mapping[int, Operation] = MappingProxyType(
    {
        ActionType.CHANGE_STATE: Operation.CHANGE_STATE,
        ActionType.REQUEST_CANCEL: Operation.REQUEST_CANCEL,
        ActionType.SUBSCRIBE: Operation.SUBSCRIBE,
        ActionType.UNSUBSCRIBE: Operation.UNSUBSCRIBE,
        ActionType.SUSPEND_GLOBAL: Operation.SUSPEND_GLOBAL,
    }
)
_TYPES = {operation: ActionType(number) for number, operation in _ACTIONS.items()}

#: The SOP classes on whose presentation contexts an operation may come.  UPS Event is the
#: manager's own to speak on: there it reports, and is asked nothing.
SOP_CLASSES: Mapping[Operation, frozenset[SopClass]] = MappingProxyType(
    {
        Operation.CREATE: frozenset({SopClass.PUSH}),
        Operation.GET: frozenset({SopClass.PUSH, SopClass.PULL, SopClass.WATCH}),
        Operation.FIND: frozenset({SopClass.PULL, SopClass.WATCH, SopClass.QUERY}),
        Operation.MODIFY: frozenset({SopClass.PULL}),
        Operation.CHANGE_STATE: frozenset({SopClass.PULL}),
        Operation.REQUEST_CANCEL: frozenset({SopClass.PUSH, SopClass.WATCH}),
        Operation.SUBSCRIBE: frozenset({SopClass.WATCH}),
        Operation.UNSUBSCRIBE: frozenset({SopClass.WATCH}),
        Operation.SUSPEND_GLOBAL: frozenset({SopClass.WATCH}),
        Operation.UNKNOWN_ACTION: frozenset(),
        Operation.NONE: frozenset(),
    }
)

_WITH_ACTIONS = frozenset[SopClass]().union(*(SOP_CLASSES[each] for each in _TYPES))


def admission(operation: Operation, abstract_syntax: str) -> Outcome | None:
    """Refuse what does not belong on a presentation context.

    Parameters
    ----------
    operation : Operation
        What is asked.
    abstract_syntax : str
        SOP class that was negotiated for the context; what the message itself names is another
        thing (PS3.4 section CC.3.1.1).

    Returns
    -------
    Outcome or None
        0211H for a DIMSE service that the SOP class does not have, 0123H for an action that is
        another SOP class's; `None` if there is nothing to say against it.
    """
    if abstract_syntax in SOP_CLASSES[operation]:
        return None
    if operation.is_action and abstract_syntax in _WITH_ACTIONS:
        comment = "The SOP class of the context has no such action"
        return Outcome(UpsStatus.NO_SUCH_ACTION, comment)
    comment = "The SOP class of the context has no such operation"
    return Outcome(UpsStatus.UNRECOGNIZED_OPERATION, comment)
