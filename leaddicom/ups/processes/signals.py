"""Signals, as something to wait for."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterable
from types import FrameType, TracebackType
from typing import Any

__all__ = ["RELOAD", "STOP", "Signals"]

#: Those that end a server.
STOP = frozenset({signal.SIGINT, signal.SIGTERM})

#: Those upon which it reads its files anew; Windows has none.
RELOAD = frozenset({signal.SIGHUP}) if hasattr(signal, "SIGHUP") else frozenset()


class Signals:
    """Catches signals in the main thread while the ``with`` block lasts.

    A handler that runs in the middle of anything could do nothing useful; here a signal becomes
    readable on a socket, and is dealt with between two other things.

    Parameters
    ----------
    caught : iterable of signal.Signals
        What to catch.
    ignored : iterable of signal.Signals
        What is to have no effect.

    Attributes
    ----------
    reader : socket.socket
        Becomes readable when one has come.
    """

    def __init__(
        self, caught: Iterable[signal.Signals], ignored: Iterable[signal.Signals] = ()
    ) -> None:
        self._handlers: dict[signal.Signals, Any] = dict.fromkeys(caught, _nothing)
        self._handlers |= dict.fromkeys(ignored, signal.SIG_IGN)
        self._before: dict[signal.Signals, Any] = {}
        self.reader, self._writer = socket.socketpair()
        self._wakeup = -1

    def take(self) -> frozenset[signal.Signals]:
        """Take the signals that have come; waits for one if there is none."""
        return frozenset(map(signal.Signals, self.reader.recv(64)))

    def __enter__(self) -> Signals:
        self._writer.setblocking(False)
        self._wakeup = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        self._before = {each: signal.signal(each, how) for each, how in self._handlers.items()}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for each, how in self._before.items():
            signal.signal(each, how)
        signal.set_wakeup_fd(self._wakeup)
        self.reader.close()
        self._writer.close()


def _nothing(number: int, frame: FrameType | None) -> None:
    """Let the signal have no effect but to be written to the socket."""
