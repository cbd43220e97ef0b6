"""The terms of Unified Procedure Step (PS3.4 Annex CC), from SOP classes to statuses."""

from __future__ import annotations

from enum import Enum, IntEnum

__all__ = [
    "FILTERED_GLOBAL_SUBSCRIPTION",
    "GLOBAL_SUBSCRIPTION",
    "SUBSCRIPTION_INSTANCES",
    "ActionType",
    "EventType",
    "InputReadiness",
    "Priority",
    "ScpStatus",
    "SopClass",
    "State",
    "UpsStatus",
]

#: Well-known instance that stands for all workitems (PS3.4 section CC.2.3).
GLOBAL_SUBSCRIPTION = "1.2.840.10008.5.1.4.34.5"

#: Well-known instance that stands for all workitems that match keys.
FILTERED_GLOBAL_SUBSCRIPTION = "1.2.840.10008.5.1.4.34.5.1"

SUBSCRIPTION_INSTANCES = frozenset({GLOBAL_SUBSCRIPTION, FILTERED_GLOBAL_SUBSCRIPTION})


class SopClass(str, Enum):
    """The UPS SOP classes (PS3.4 section CC.3).

    `PUSH` is also the SOP class of every workitem: the class of a message is mostly `PUSH`,
    whichever class was negotiated for its presentation context.
    """

    PUSH = "1.2.840.10008.5.1.4.34.6.1"
    WATCH = "1.2.840.10008.5.1.4.34.6.2"
    PULL = "1.2.840.10008.5.1.4.34.6.3"
    EVENT = "1.2.840.10008.5.1.4.34.6.4"
    QUERY = "1.2.840.10008.5.1.4.34.6.5"

    def __str__(self) -> str:
        return self.value


class State(str, Enum):
    """Procedure Step State (0074,1000), PS3.4 Table CC.1.1-1."""

    SCHEDULED = "SCHEDULED"
    IN_PROGRESS = "IN PROGRESS"
    COMPLETED = "COMPLETED"
    CANCELED = "CANCELED"

    def __str__(self) -> str:
        return self.value

    @property
    def is_final(self) -> bool:
        """Whether it is irrevocable."""
        return self in (State.COMPLETED, State.CANCELED)


class Priority(str, Enum):
    """Scheduled Procedure Step Priority (0074,1200)."""

    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"

    def __str__(self) -> str:
        return self.value


class InputReadiness(str, Enum):
    """Input Readiness State (0040,4041)."""

    INCOMPLETE = "INCOMPLETE"
    UNAVAILABLE = "UNAVAILABLE"
    READY = "READY"

    def __str__(self) -> str:
        return self.value


class ScpStatus(str, Enum):
    """What the event SCP Status Change tells (PS3.4 section CC.2.4.1)."""

    RESTARTED = "RESTARTED"
    GOING_DOWN = "GOING DOWN"
    WARM_START = "WARM START"
    COLD_START = "COLD START"

    def __str__(self) -> str:
        return self.value


class ActionType(IntEnum):
    """Action Type IDs (PS3.4 sections CC.2.1 to CC.2.3)."""

    CHANGE_STATE = 1
    REQUEST_CANCEL = 2
    SUBSCRIBE = 3
    UNSUBSCRIBE = 4
    SUSPEND_GLOBAL = 5


class EventType(IntEnum):
    """Event Type IDs (PS3.4 section CC.2.4)."""

    STATE_REPORT = 1
    CANCEL_REQUESTED = 2
    PROGRESS_REPORT = 3
    SCP_STATUS_CHANGE = 4
    ASSIGNED = 5


class UpsStatus(IntEnum):
    """The statuses that a worklist manager answers with.

    Those above ``0x8000`` are the service's own (PS3.4 sections CC.2.1 to CC.2.8), the others
    are PS3.7 Annex C's.
    """

    SUCCESS = 0x0000
    OPTIONAL_ATTRIBUTES_UNSUPPORTED = 0x0001
    NO_SUCH_ATTRIBUTE = 0x0105
    INVALID_ATTRIBUTE_VALUE = 0x0106
    PROCESSING_FAILURE = 0x0110
    DUPLICATE_INSTANCE = 0x0111
    INVALID_ARGUMENT_VALUE = 0x0115
    INVALID_INSTANCE = 0x0117
    NO_SUCH_SOP_CLASS = 0x0118
    MISSING_ATTRIBUTE = 0x0120
    MISSING_ATTRIBUTE_VALUE = 0x0121
    SOP_CLASS_NOT_SUPPORTED = 0x0122
    NO_SUCH_ACTION = 0x0123
    NOT_AUTHORIZED = 0x0124
    UNRECOGNIZED_OPERATION = 0x0211
    RESOURCE_LIMITATION = 0x0213
    OUT_OF_RESOURCES = 0xA700
    IDENTIFIER_DOES_NOT_MATCH = 0xA900
    CREATED_WITH_MODIFICATIONS = 0xB300
    DELETION_LOCK_NOT_GRANTED = 0xB301
    ALREADY_CANCELED = 0xB304
    VALUES_COERCED = 0xB305
    ALREADY_COMPLETED = 0xB306
    NO_LONGER_UPDATABLE = 0xC300
    TRANSACTION_UID_WRONG = 0xC301
    ALREADY_IN_PROGRESS = 0xC302
    SCHEDULED_ONLY_BY_CREATE = 0xC303
    FINAL_STATE_NOT_MET = 0xC304
    NO_SUCH_WORKITEM = 0xC307
    RECEIVING_AE_UNKNOWN = 0xC308
    NOT_SCHEDULED_AT_CREATION = 0xC309
    NOT_YET_IN_PROGRESS = 0xC310
    CANCEL_OF_COMPLETED = 0xC311
    PERFORMER_UNREACHABLE = 0xC312
    PERFORMER_DECLINES = 0xC313
    ACTION_NOT_FOR_INSTANCE = 0xC314
    NO_EVENT_REPORTS = 0xC315
