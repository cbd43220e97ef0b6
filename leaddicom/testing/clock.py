"""A clock that tests move."""

from __future__ import annotations

import threading

from leaddicom.errors import ParameterError

__all__ = ["MovableClock"]


class MovableClock:
    """Seconds that pass only when a test says so; from any thread.

    It stands in for `time.monotonic` wherever a clock may be given, for example
    ``transport.deadlines.Deadlines``.  A thread that waits in a selector has computed its
    time-out already: it notices a move when something wakes it.

    Parameters
    ----------
    seconds : float
        What the clock shows at first.
    """

    def __init__(self, seconds: float = 0.0) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()

    def __call__(self) -> float:
        """Give the seconds that the clock shows."""
        return self._seconds

    def advance(self, seconds: float) -> None:
        """Move the clock on.

        Raises
        ------
        ParameterError
            The move is backwards, which no monotonic clock makes.
        """
        if seconds < 0:
            raise ParameterError(f"The clock cannot go back by {-seconds:g} s.")
        with self._lock:
            self._seconds += seconds
