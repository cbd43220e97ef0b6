"""Somebody between a client and a server who alters what the client sends."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType


class Tamperer:
    """Passes one connection on to a port of this computer.

    Parameters
    ----------
    target : int
        The server's port.

    Attributes
    ----------
    port : int
        Where the client connects to.
    """

    def __init__(self, target: int) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._target = target
        self._damage = threading.Event()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def damage(self) -> None:
        """Alter the last byte of what the client sends next."""
        self._damage.set()

    def __enter__(self) -> Tamperer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._listening.close()
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        client, _ = self._listening.accept()
        server = socket.create_connection(("127.0.0.1", self._target), 5)
        back = threading.Thread(target=self._pass, args=(server, client))
        self._threads.append(back)
        back.start()
        self._pass(client, server, self._damage)
        back.join(5)
        client.close()
        server.close()

    def _pass(
        self, source: socket.socket, target: socket.socket, damage: threading.Event | None = None
    ) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if damage is not None and damage.is_set():
                    damage.clear()
                    data = data[:-1] + bytes([data[-1] ^ 1])
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)
