"""The deadlines of one connection."""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import Enum

from leaddicom.errors import DicomErrorCode, NetworkError

__all__ = ["Clock", "Deadline", "Deadlines", "timed_out"]

#: Gives seconds that never go back.
Clock = Callable[[], float]


# Systems bound the time-out of a wait; to wake up once a day costs nothing.
_LONGEST_WAIT = 86_400.0


class Deadline(Enum):
    """What a connection may be waiting for, and how that reads in an error.

    A member is named like its field in `Limits`, without ``_timeout``.
    """

    CONNECT = "accept the connection"
    HANDSHAKE = "complete the TLS handshake"
    ARTIM = "send an A-ASSOCIATE-RQ, or close the connection (ARTIM)"
    ASSOCIATE = "answer the A-ASSOCIATE-RQ"
    PDU = "send the rest of a PDU that had begun"
    WRITE = "take any of what was sent"
    RESPONSE = "answer a DIMSE request"
    IDLE = "use the association"
    RELEASE = "answer the A-RELEASE-RQ"
    ABORT = "take the last bytes"


class Deadlines:
    """A set of running deadlines; one thread owns it.

    Parameters
    ----------
    clock : Callable[[], float]
        Seconds that never go back.
    """

    __slots__ = ("_busy", "_clock", "_due", "_since")

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._busy = 0.0
        self._since: float | None = None
        self._due: dict[Deadline, tuple[float, float]] = {}

    def pause(self) -> None:
        """Stop the time: an event of the application runs, and the peer is not to blame."""
        self._since = self._clock()

    def resume(self) -> None:
        """Let the time go on."""
        if self._since is not None:
            self._busy += self._clock() - self._since
            self._since = None

    def _now(self) -> float:
        return (self._clock() if self._since is None else self._since) - self._busy

    def start(self, deadline: Deadline, seconds: float) -> None:
        """Start a deadline, or start it again."""
        self._due[deadline] = (self._now() + seconds, seconds)

    def stop(self, deadline: Deadline) -> None:
        """Stop a deadline, whether it runs or not."""
        self._due.pop(deadline, None)

    def stop_all(self) -> None:
        """Stop every deadline."""
        self._due.clear()

    def is_running(self, deadline: Deadline) -> bool:
        """Tell whether a deadline runs."""
        return deadline in self._due

    def timeout(self) -> float | None:
        """Give the seconds until the nearest deadline, at least 0; `None` if none runs."""
        if not self._due:
            return None
        left = min(self._due.values())[0] - self._now()
        return min(max(0.0, left), _LONGEST_WAIT)

    def expired(self) -> Deadline | None:
        """Give the earliest deadline that has passed, and stop it."""
        if not self._due:
            return None
        deadline = min(self._due, key=self._due.__getitem__)
        if self._due[deadline][0] > self._now():
            return None
        del self._due[deadline]
        return deadline


def timed_out(deadline: Deadline, seconds: float, peer: str) -> NetworkError:
    """Give the error for a deadline that has passed."""
    return NetworkError(
        DicomErrorCode.NET_TIME_OUT,
        f"{peer} did not {deadline.value} within {seconds:g} s.",
    )
