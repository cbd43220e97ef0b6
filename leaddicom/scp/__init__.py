"""Servers: what an SCP needs beyond one message and its answer."""

from leaddicom.net_tls import Security
from leaddicom.scp.matching import matches, requested
from leaddicom.scp.models import find_contexts, retrieve_contexts
from leaddicom.scp.query import Destination, OperationRefused, Query
from leaddicom.scp.server import QueryRetrieveScp

__all__ = [
    "Destination",
    "OperationRefused",
    "Query",
    "QueryRetrieveScp",
    "Security",
    "find_contexts",
    "matches",
    "requested",
    "retrieve_contexts",
]
