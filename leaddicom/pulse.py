"""Waiting for the next event of any connection, for `LDicomNet.Breathe`."""

from __future__ import annotations

import itertools
import threading

__all__ = ["PULSE", "Pulse"]


class Pulse:
    """Counts events, and lets threads wait for the next one.

    Every event of every connection beats; so a beat costs next to nothing while nobody waits.
    """

    def __init__(self) -> None:
        self._numbers = itertools.count(1)  # which no lock has to guard
        self._count = 0
        self._waiting = 0
        self._changed = threading.Condition()
        self._seen = threading.local()

    def beat(self) -> None:
        """An event has happened."""
        self._count = next(self._numbers)
        if self._waiting:
            with self._changed:
                self._changed.notify_all()

    def wait(self, seconds: float) -> bool:
        """Wait for a beat since this thread was here last, so that none is missed.

        Parameters
        ----------
        seconds : float
            The longest time to wait.

        Returns
        -------
        bool
            Whether there was one.
        """
        seen = getattr(self._seen, "count", 0)
        with self._changed:
            self._waiting += 1
            try:
                has_beaten = self._changed.wait_for(lambda: self._count != seen, seconds)
            finally:
                self._waiting -= 1
        self._seen.count = self._count
        return has_beaten


#: The one of this program.
PULSE = Pulse()
