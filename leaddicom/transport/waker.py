"""Waking a thread that waits in a selector."""

from __future__ import annotations

import contextlib
import os
import socket
import threading

__all__ = ["Waker"]


class Waker:
    """A descriptor that becomes readable when another thread calls `wake`.

    On Linux it is one eventfd, elsewhere a socket pair, since Windows' selectors take sockets
    only.  Waking is cheap and may be repeated; one `clear` takes all of it back.
    """

    __slots__ = ("_closed", "_lock", "_receive", "_send")

    def __init__(self) -> None:
        self._closed = False
        # Without it `wake` could write to a descriptor that was closed, and is another's by now.
        self._lock = threading.Lock()
        self._send: socket.socket | None = None
        self._receive: socket.socket | int
        if hasattr(os, "eventfd"):
            self._receive = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        else:
            receive, self._send = socket.socketpair()
            receive.setblocking(False)
            self._send.setblocking(False)
            self._receive = receive

    def fileno(self) -> int:
        """Give the descriptor to wait for."""
        return self._receive if isinstance(self._receive, int) else self._receive.fileno()

    def wake(self) -> None:
        """Make the descriptor readable; from any thread, also after `close`."""
        # A full buffer means that the thread has been woken already.
        with self._lock, contextlib.suppress(BlockingIOError):
            if self._closed:
                return
            if self._send is not None:
                self._send.send(b"\0")
            else:
                os.eventfd_write(self.fileno(), 1)

    def clear(self) -> None:
        """Make the descriptor unreadable again."""
        with contextlib.suppress(BlockingIOError):
            if isinstance(self._receive, int):
                os.eventfd_read(self._receive)
            else:
                while self._receive.recv(4096):
                    pass

    def close(self) -> None:
        """Give the descriptor back."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            if isinstance(self._receive, int):
                os.close(self._receive)
            else:
                self._receive.close()
            if self._send is not None:
                self._send.close()
