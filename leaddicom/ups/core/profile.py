"""What a profile adds to the rules of the standard."""

from __future__ import annotations

from typing import Protocol

from pydicom.dataset import Dataset

from leaddicom.ups.core.findings import Finding
from leaddicom.ups.core.terms import State

__all__ = ["Profile"]


class Profile(Protocol):
    """A set of rules beyond PS3.4 Annex CC, as a domain agrees on them.

    Each check is asked after those of the standard, changes nothing, and gives what it objects to,
    worst first; one finding is enough for a refusal.
    """

    @property
    def name(self) -> str:
        """By which a configuration asks for it."""

    def check_creation(self, dataset: Dataset) -> list[Finding]:
        """Check the attributes of a workitem that is to be created."""

    def check_modification(self, modifications: Dataset) -> list[Finding]:
        """Check the Modification List of an N-SET, in which every sequence is whole."""

    def check_final(self, dataset: Dataset, target: State) -> list[Finding]:
        """Check the attributes of a workitem that is to become COMPLETED or CANCELED."""
