"""The worklist manager: requests, events and duties of one process."""

from leaddicom.ups.manager.server import UpsManager

__all__ = ["UpsManager"]
