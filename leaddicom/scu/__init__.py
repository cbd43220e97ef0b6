"""A blocking client: C-ECHO, and C-STORE of files and folders."""

from leaddicom.scu.client import Scu
from leaddicom.scu.results import StoreIssue, StoreProgress, StoreResult

__all__ = ["Scu", "StoreIssue", "StoreProgress", "StoreResult"]
