"""Clients of a worklist manager: who creates, performs and follows workitems."""

from leaddicom.ups.client.builders import (
    code_item,
    content_item,
    human_performer,
    instances,
    requested_procedure,
    workitem,
)
from leaddicom.ups.client.queries import query
from leaddicom.ups.client.receiver import UpsEventReceiver
from leaddicom.ups.client.repeating import Retry
from leaddicom.ups.client.results import Category, UpsResult
from leaddicom.ups.client.scu import UpsScu
from leaddicom.ups.client.transaction_uids import HeldWorkitem, TransactionUids
from leaddicom.ups.client.treatments import beam_number, treatment
from leaddicom.ups.client.views import InputView, UpsEvent, WorkitemView

__all__ = [
    "Category",
    "HeldWorkitem",
    "InputView",
    "Retry",
    "TransactionUids",
    "UpsEvent",
    "UpsEventReceiver",
    "UpsResult",
    "UpsScu",
    "WorkitemView",
    "beam_number",
    "code_item",
    "content_item",
    "human_performer",
    "instances",
    "query",
    "requested_procedure",
    "treatment",
    "workitem",
]
