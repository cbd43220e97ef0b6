"""Clients of a worklist manager: who creates, performs and follows workitems."""

from leaddicom.ups.client.receiver import UpsEventReceiver
from leaddicom.ups.client.repeating import Retry
from leaddicom.ups.client.results import UpsResult
from leaddicom.ups.client.scu import UpsScu
from leaddicom.ups.client.transaction_uids import HeldWorkitem, TransactionUids
from leaddicom.ups.client.views import UpsEvent, WorkitemView

__all__ = [
    "HeldWorkitem",
    "Retry",
    "TransactionUids",
    "UpsEvent",
    "UpsEventReceiver",
    "UpsResult",
    "UpsScu",
    "WorkitemView",
]
