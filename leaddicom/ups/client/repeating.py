"""Repeating a request whose answer was lost."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from leaddicom.errors import (
    AssociationError,
    DicomError,
    DicomErrorCode,
    NetworkError,
    StatusError,
    TlsError,
)

__all__ = ["Repeater", "Retry", "is_loss"]

logger = logging.getLogger(__name__)

_Answer = TypeVar("_Answer")

#: Result of an A-ASSOCIATE-RJ: rejected for good (PS3.8 Table 9-21).
_REJECTED_PERMANENT = 1

#: The peer has gone without a word: of whichever class the error is, as each layer tells it.
_LOSSES = (DicomErrorCode.NET_CONNECTION_ABORTED, DicomErrorCode.NET_CONNECTION_RESET)

#: What no repetition changes: the SOP class is not accepted, somebody has given up.
_LASTING = (DicomErrorCode.CLASS_NOT_SUPPORTED, DicomErrorCode.CANCELED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How long to go on when the connection is lost before the answer has come.

    Attributes
    ----------
    attempts : int
        How often to send a request at most; 1 never repeats it.
    delay : float
        Seconds before the second attempt; twice as many before each one that follows.
    longest_delay : float
        Seconds between two attempts at most.
    deadline : float
        Seconds from the first loss, after which no attempt begins.
    """

    attempts: int = 6
    delay: float = 0.5
    longest_delay: float = 10.0
    deadline: float = 60.0


def is_loss(error: DicomError) -> bool:
    """Tell whether a connection was lost, rather than that the peer has answered or refused.

    Parameters
    ----------
    error : DicomError
        What a request has ended with.
    """
    if isinstance(error, NetworkError) or error.code in _LOSSES:
        return True
    if isinstance(error, TlsError):
        return error.stage == "transfer"
    if isinstance(error, AssociationError) and not isinstance(error, StatusError):
        return error.result != _REJECTED_PERMANENT and error.code not in _LASTING
    return False


class Repeater:
    """Sends requests, and sends them again while answers are lost.

    A peer that was never reached is no loss: address, port or certificate are wrong, and waiting
    mends none of them.

    Parameters
    ----------
    retry : Retry
        How long.
    connect : Callable[[], None]
        Has an association.

    Attributes
    ----------
    attempts : int
        How often the last request was sent, or tried to be.
    was_sent : bool
        Whether it may have reached the peer.
    """

    def __init__(self, retry: Retry, connect: Callable[[], None]) -> None:
        self._retry = retry
        self._connect = connect
        self._was_connected = False
        self._given_up = threading.Event()
        self.attempts, self.was_sent = 0, False

    def give_up(self) -> None:
        """Repeat nothing any more that is under way; from any thread."""
        self._given_up.set()

    def call(self, send: Callable[[], _Answer]) -> tuple[_Answer, bool]:
        """Send a request until it is answered.

        Parameters
        ----------
        send : Callable[[], _Answer]
            Sends it, and waits for the answer; to do it twice has to be harmless.

        Returns
        -------
        answer
            The answer.
        is_repetition : bool
            Whether it answers a repetition: an earlier request may have been carried out.

        Raises
        ------
        DicomError
            The last loss, or what was no loss.
        """
        self._given_up.clear()
        self.attempts, self.was_sent, ends = 0, False, math.inf
        while True:
            self.attempts += 1
            is_repetition = self.was_sent
            try:
                self._connect()
                self.was_sent = self._was_connected = True
                return send(), is_repetition
            except DicomError as error:
                ends = min(ends, time.monotonic() + self._retry.deadline)
                if not (is_loss(error) and self._was_connected and self._wait(ends, error)):
                    raise

    def _wait(self, ends: float, error: DicomError) -> bool:
        """Wait before the next attempt; `False` if there is to be none."""
        done = self.attempts
        delay = min(self._retry.delay * 2 ** (done - 1), self._retry.longest_delay)
        is_last = done >= self._retry.attempts or time.monotonic() + delay > ends
        if is_last or self._given_up.is_set():
            return False
        logger.warning(
            "Attempt %d was lost, the next one follows in %.1f s: %s", done, delay, error
        )
        return not self._given_up.wait(delay)
