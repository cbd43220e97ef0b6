"""Helpers for tests of DICOM applications.

Throw-away certificates, scripted and misbehaving peers, a recorder of events, two protocol
machines joined back to back, and a clock that tests move.
"""

from leaddicom.testing.clock import MovableClock
from leaddicom.testing.joined import ArtimRecorder, JoinedCores, JoinedEnd

__all__ = ["ArtimRecorder", "JoinedCores", "JoinedEnd", "MovableClock"]
