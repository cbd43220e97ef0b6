"""A proxy that loses answers: the request arrives, and the connection breaks before its answer."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_PIECE = 1 << 16


class LossyProxy:
    """Forwards connections to a port of the loopback.

    Attributes
    ----------
    port : int
        Where it listens.
    losses : int
        How many answers it has lost.
    """

    def __init__(self, listening: socket.socket, target: int) -> None:
        self.port = int(listening.getsockname()[1])
        self.losses = 0
        self._listening = listening
        self._target = target
        self._to_lose = 0

    def lose(self, answers: int = 1) -> None:
        """Break the connection instead of forwarding what the server sends next, so often."""
        self._to_lose = answers

    def run(self) -> None:
        """Forward one connection after the other, until the listening socket is closed."""
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                with client, socket.create_connection(("127.0.0.1", self._target)) as server:
                    self._forward(client, server)

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        with selectors.DefaultSelector() as selector, contextlib.suppress(ConnectionError):
            selector.register(client, selectors.EVENT_READ, server)
            selector.register(server, selectors.EVENT_READ, client)
            while True:
                for key, _ in selector.select():
                    source: socket.socket = key.fileobj  # type: ignore[assignment]
                    data = source.recv(_PIECE)
                    if source is server and data and self._to_lose:
                        self._to_lose -= 1
                        self.losses += 1
                        return
                    if not data:
                        return
                    key.data.sendall(data)


@contextmanager
def lossy_proxy(target: int) -> Iterator[LossyProxy]:
    """Run one for a port of the loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        proxy = LossyProxy(listening, target)
        thread = threading.Thread(target=proxy.run)
        thread.start()
        try:
            yield proxy
        finally:
            listening.shutdown(socket.SHUT_RDWR)  # wakes accept()
            thread.join(10)
            assert not thread.is_alive()
