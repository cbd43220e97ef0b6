"""A blocking client: verify, store, query and retrieve, and the normalized services."""

from leaddicom.scu.client import Scu
from leaddicom.scu.results import (
    NormalizedResult,
    Outcome,
    RetrieveProgress,
    RetrieveResult,
    StoreIssue,
    StoreProgress,
    StoreResult,
)

__all__ = [
    "NormalizedResult",
    "Outcome",
    "RetrieveProgress",
    "RetrieveResult",
    "Scu",
    "StoreIssue",
    "StoreProgress",
    "StoreResult",
]
