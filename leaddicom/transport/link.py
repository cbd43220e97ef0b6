"""The socket of a connection, and everything that its thread may wait for."""

from __future__ import annotations

import contextlib
import selectors
import socket

from leaddicom.transport.deadlines import Deadlines
from leaddicom.transport.opening import SocketOptions
from leaddicom.transport.stream import RECORD_LENGTH, Stream, WantRead, WantWrite
from leaddicom.transport.waker import Waker

__all__ = ["Link"]

_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
_RECEIVE_LENGTH = 16 * RECORD_LENGTH


def _make_selector() -> selectors.BaseSelector:
    # poll() needs no descriptor of its own, has no limit of 1,024, and two descriptors are few.
    if hasattr(selectors, "PollSelector"):
        return selectors.PollSelector()
    return selectors.DefaultSelector()


class Link:
    """Bytes in and out of one non-blocking stream; one thread uses it, any may wake it.

    Parameters
    ----------
    deadlines : Deadlines
        The nearest of them bounds every wait.

    Attributes
    ----------
    ended : bool
        Whether the peer has closed its side.
    """

    def __init__(self, deadlines: Deadlines) -> None:
        self.ended = False
        self._deadlines = deadlines
        self._waker = Waker()
        self._selector = _make_selector()
        self._selector.register(self._waker, _READ)
        self._socket: socket.socket | None = None
        self._stream: Stream | None = None
        self._deferred: Exception | None = None
        self._interest = 0
        self._read_wants, self._write_wants = _READ, _WRITE
        self._buffer = memoryview(bytearray())

    def wake(self) -> None:
        """Make a waiting `wait` return; from any thread."""
        self._waker.wake()

    def attach(self, sock: socket.socket, options: SocketOptions) -> None:
        """Take over a connected socket."""
        sock.setblocking(False)
        with contextlib.suppress(OSError):  # no TCP socket, no such option
            # A peer that vanished while the application took its time is noticed in the end.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            options.apply(sock)
        self._socket = sock

    def open(self, stream: Stream) -> None:
        """Use `stream`, which lies on the attached socket."""
        self._stream = stream
        self._buffer = memoryview(bytearray(_RECEIVE_LENGTH))

    def wait_writable(self, sock: socket.socket) -> bool:
        """Wait for a socket that connects; `False` if woken or past a deadline."""
        self._selector.register(sock, _WRITE)
        try:
            return any(key.fileobj is sock for key, _ in self._select())
        finally:
            self._selector.unregister(sock)

    def handshake(self, stream: Stream) -> bool:
        """Take one step of a handshake; `True` when it is complete."""
        try:
            stream.handshake()
        except WantRead:
            self._wait(_READ)
        except WantWrite:
            self._wait(_WRITE)
        else:
            return True
        return False

    def wait(self, *, to_read: bool, to_write: bool) -> tuple[bool, bool]:
        """Wait until there is something to read or to write, as far as that is asked for.

        Returns
        -------
        tuple of bool and bool
            Whether to call `read`, and whether to call `write`.  Neither, if the wait ended
            because of `wake` or a deadline.
        """
        reads = self._read_wants if to_read else 0
        writes = self._write_wants if to_write else 0
        # OpenSSL may hold decrypted bytes, of which the socket knows nothing.
        held = self._deferred is not None or bool(self._stream and self._stream.pending())
        at_once = to_read and held
        ready = self._wait(reads | writes, 0.0 if at_once else None)
        return at_once or bool(ready & reads), bool(ready & writes)

    def read(self) -> memoryview:
        """Read what has come, at most a buffer full.

        Returns
        -------
        memoryview
            Valid until the next call; empty if nothing has come or the stream has `ended`.

        Raises
        ------
        OSError, TlsError
            The stream failed and nothing had come before.
        """
        if self._deferred is not None:
            failure, self._deferred = self._deferred, None
            raise failure
        return self._buffer[: self._fill()]

    def _fill(self) -> int:
        stream, filled = self._stream, 0
        self._read_wants = _READ
        while stream is not None and filled < _RECEIVE_LENGTH:
            try:
                count = stream.recv_into(self._buffer[filled:])
            except WantRead:
                return filled
            except WantWrite:
                self._read_wants = _WRITE
                return filled
            except Exception as failure:
                if filled:  # first what came before it; it would not be raised a second time
                    self._deferred = failure
                    return filled
                raise
            filled += count
            if count == 0:
                self.ended = True
                return filled
            # A record that is not full is the last one for now; asking costs a system call.
            if count < RECORD_LENGTH and not stream.pending():
                return filled
        return filled

    def write(self, data: memoryview) -> memoryview:
        """Write as much of `data` as the stream takes now; give the rest.

        The rest has to be given to the next call, unchanged: OpenSSL insists.
        """
        if self._stream is None:
            return data
        self._write_wants = _WRITE
        try:
            while data:
                data = data[self._stream.send(data) :]
        except WantWrite:
            pass
        except WantRead:
            self._write_wants = _READ
        return data

    def shutdown(self) -> None:
        """Say goodbye on our side of the stream."""
        if self._stream is not None:
            self._stream.shutdown()

    def drain(self) -> bool:
        """Throw away what comes; `False` once the peer has closed.

        Closing a socket with unread input resets the connection, which would destroy our last
        bytes, an A-ABORT or a TLS alert, on their way.
        """
        if self._socket is None:
            return False
        try:
            return self._socket.recv_into(self._buffer or bytearray(RECORD_LENGTH)) > 0
        except BlockingIOError:
            self._wait(_READ)
            return True
        except OSError:
            return False

    def close(self) -> None:
        """Give all descriptors and the buffer back."""
        self._buffer = memoryview(b"")  # not when the garbage collector comes by
        self._selector.close()
        self._waker.close()
        if self._socket is not None:
            self._socket.close()

    def _wait(self, wants: int, at_most: float | None = None) -> int:
        if self._socket is not None and wants != self._interest:
            if self._interest:
                self._selector.modify(self._socket, wants)
            else:
                self._selector.register(self._socket, wants)
            self._interest = wants
        ready = self._select(at_most)
        return sum(events for key, events in ready if key.fileobj is self._socket)

    def _select(self, at_most: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._selector.select(self._deadlines.timeout() if at_most is None else at_most)
        for key, _ in ready:
            if key.fileobj is self._waker:
                self._waker.clear()
        return ready
