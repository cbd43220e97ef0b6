"""Where the worklist manager keeps workitems, subscriptions and undelivered events."""

from leaddicom.ups.store.auditing import AuditEntry
from leaddicom.ups.store.errors import DuplicateWorkitem, StaleWorkitem, StoreBusy, StoreError
from leaddicom.ups.store.outbox import Delivery
from leaddicom.ups.store.servers import Server
from leaddicom.ups.store.statistics import ReceiverStatistics, Statistics
from leaddicom.ups.store.store import Reader, Store, Writer
from leaddicom.ups.store.subscriptions import GlobalSubscription, Subscription
from leaddicom.ups.store.workitems import Candidate

__all__ = [
    "AuditEntry",
    "Candidate",
    "Delivery",
    "DuplicateWorkitem",
    "GlobalSubscription",
    "Reader",
    "ReceiverStatistics",
    "Server",
    "StaleWorkitem",
    "Statistics",
    "Store",
    "StoreBusy",
    "StoreError",
    "Subscription",
    "Writer",
]
