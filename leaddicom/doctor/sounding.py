"""Connections that ask a peer one thing, each with its own deadline, one after the other."""

from __future__ import annotations

import contextlib
import errno
import select
import socket
import time
from dataclasses import dataclass

from leaddicom.doctor.hello import (
    GOODBYE,
    LONGEST_ANSWER,
    Answer,
    AnswerKind,
    Hello,
    read_answer,
)
from leaddicom.enums import IpType
from leaddicom.transport.opening import connect_socket

__all__ = ["Line"]

_PIECE = 65_536
_FAREWELL = 0.25


@dataclass(slots=True)
class Line:
    """The way to a peer.

    Attributes
    ----------
    host, port : str and int
        The peer.
    timeout : float
        Seconds to connect, and then again to get an answer.
    is_awaited : bool
        Whether the end of each connection is awaited, for a short time.
    connections : int
        How many there have been.
    """

    host: str
    port: int
    timeout: float
    is_awaited: bool = True
    connections: int = 0

    def connect(self) -> socket.socket:
        """Connect; the socket has the deadline for each of its calls.

        Raises
        ------
        NetworkError
            There is no connection.
        """
        self.connections += 1
        deadline = time.monotonic() + self.timeout

        def wait(sock: socket.socket, left: int) -> None:
            seconds = max(deadline - time.monotonic(), 0.0) / left
            if not select.select([], [sock], [], seconds)[1]:
                raise TimeoutError(errno.ETIMEDOUT, f"no answer within {self.timeout:g} s")

        sock = connect_socket((self.host, self.port), ("", 0), IpType.IPV4_OR_IPV6, wait)
        sock.settimeout(self.timeout)
        return sock

    def ask(self, hello: Hello) -> Answer:
        """Send a ClientHello, and give what comes back.

        Raises
        ------
        NetworkError
            There is no connection.
        """
        with self.connect() as sock:
            with contextlib.suppress(OSError):  # it may have said why
                sock.sendall(hello.encode())
            answer = self._read(sock)
            with contextlib.suppress(OSError):
                if answer.kind is AnswerKind.HELLO:
                    sock.sendall(GOODBYE)
            self.leave(sock)
            return answer

    def leave(self, sock: socket.socket) -> None:
        """Close a connection in good order.

        A peer that serves few connections at a time gets the time to be done with this one; but
        not once more if it does not use it.
        """
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_WR)
            deadline = time.monotonic() + _FAREWELL
            try:
                while self.is_awaited and deadline > time.monotonic():
                    sock.settimeout(_FAREWELL)
                    if not sock.recv(_PIECE):
                        return
                self.is_awaited = False
            except TimeoutError:
                self.is_awaited = False

    def _read(self, sock: socket.socket) -> Answer:
        deadline = time.monotonic() + self.timeout
        data = b""
        while len(data) < LONGEST_ANSWER:
            try:
                sock.settimeout(max(deadline - time.monotonic(), 0.001))
                piece = sock.recv(_PIECE)
            except TimeoutError:
                if not data:
                    return Answer(AnswerKind.SILENT)
                break
            except OSError:
                break
            data += piece
            answer = read_answer(data)
            if answer is not None:
                return answer
            if not piece:
                break
        return read_answer(data, is_all=True) or Answer(AnswerKind.CLOSED)
