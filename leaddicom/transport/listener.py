"""A listening port and its thread, which does nothing but accept.

Handshakes and associations happen in the threads of the connections.  Limits are applied here,
by counting, before a connection costs a thread.  When too many connections are half-open, the
oldest of them gives way to the new one: silent clients cannot keep others out.
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import logging
import selectors
import socket
import threading
import time
from collections.abc import Callable

from leaddicom.enums import IpType
from leaddicom.errors import DicomError, DicomErrorCode, NetworkError
from leaddicom.limits import Limits
from leaddicom.transport.connection import Connection, SocketAddress
from leaddicom.transport.deadlines import Deadline, Deadlines
from leaddicom.transport.failures import network_error
from leaddicom.transport.opening import listening_socket
from leaddicom.transport.stream import address_text, host_and_port
from leaddicom.transport.waker import Waker

__all__ = ["Listener"]

logger = logging.getLogger(__name__)

# After the system has run out of descriptors: until some connection has given one back.
_PAUSE = 0.1
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Listener:
    """A listening port.

    Parameters
    ----------
    on_accept : Callable[[DicomError | None], None]
        Called on the listener's thread when a caller waits in `take`, or accepting failed.
    limits : Limits
        How many connections there may be.

    Attributes
    ----------
    address : tuple of str and int
        Local address and port, once open.
    """

    def __init__(self, on_accept: Callable[[DicomError | None], None], limits: Limits) -> None:
        self.address: tuple[str, int] = ("", 0)
        self._on_accept = on_accept
        self._limits = limits
        self._lock = threading.Lock()
        self._connections: dict[Connection, None] = {}  # a set that keeps the order
        self._waiting: tuple[socket.socket, SocketAddress] | None = None
        self._waker: Waker | None = None
        self._closing = False
        self._is_short = False
        self._thread: threading.Thread | None = None

    def open(self, address: str, port: int, backlog: int, ip_type: IpType) -> None:
        """Listen; see `opening.listening_socket`."""
        sock = listening_socket(address, port, backlog, ip_type)
        try:
            self.adopt(sock)
        except BaseException:
            sock.close()
            raise

    def adopt(self, sock: socket.socket) -> None:
        """Listen on a socket that listens already, and close it in the end.

        Raises
        ------
        NetworkError
            The system has no descriptor or no thread left; the socket is still the caller's.
        """
        sock.setblocking(False)  # another process may be quicker to accept
        name = sock.getsockname()
        with contextlib.ExitStack() as opened:  # closes it all if a part cannot be had
            try:
                waker = opened.enter_context(contextlib.closing(Waker()))
                selector = opened.enter_context(selectors.DefaultSelector())
                selector.register(waker, selectors.EVENT_READ)
                selector.register(sock, selectors.EVENT_READ)
                self._waker, self.address = waker, (name[0], name[1])
                self._thread = threading.Thread(
                    target=self._run,
                    args=(sock, waker, selector),
                    name=f"DICOM on {address_text(name)}",
                    daemon=True,
                )
                self._thread.start()
            except (OSError, RuntimeError) as error:  # no descriptor, or no thread
                self._thread = None
                lack = error if isinstance(error, OSError) else OSError(errno.ENOMEM, str(error))
                raise network_error(lack, f"Listening on {address_text(name)}") from error
            opened.pop_all()

    @property
    def is_open(self) -> bool:
        """Whether the port is open."""
        return self._thread is not None and not self._closing

    def take(self) -> tuple[socket.socket, SocketAddress]:
        """Take the caller that waits, with its address; only inside `on_accept`.

        Raises
        ------
        NetworkError
            None waits.
        """
        if self._waiting is None or self._closing:
            raise NetworkError(
                DicomErrorCode.NET_INVALID,
                "No caller waits: Accept belongs into OnAccept, and not behind Close.",
            )
        caller, self._waiting = self._waiting, None
        return caller

    def add(self, connection: Connection) -> None:
        """Count a connection; it is half-open until its association is established."""
        with self._lock:
            self._connections[connection] = None

    def remove(self, connection: Connection) -> None:
        """Count a connection no longer."""
        with self._lock:
            self._connections.pop(connection, None)

    def close(self) -> None:
        """Stop listening; connections that were accepted go on."""
        self._closing = True
        if self._waker is not None:
            self._waker.wake()
        if self._thread is not None and self._thread is not threading.current_thread():
            # An OnAccept that does not return must not keep the caller.
            self._thread.join(self._limits.abort_timeout + 1.0)

    def _run(self, sock: socket.socket, waker: Waker, selector: selectors.BaseSelector) -> None:
        deadlines = Deadlines(time.monotonic)
        try:
            while not self._closing:
                ready = {key.fileobj for key, _ in selector.select(deadlines.timeout())}
                if deadlines.expired() is not None:
                    selector.register(sock, selectors.EVENT_READ)
                if sock in ready and not self._accept(sock):
                    selector.unregister(sock)
                    deadlines.start(Deadline.CONNECT, _PAUSE)
        finally:
            self._closing = True
            selector.close()
            sock.close()
            waker.close()

    def _accept(self, listening: socket.socket) -> bool:
        """Accept one caller; `False` if the system has no room for it now."""
        try:
            sock, address = listening.accept()
        except OSError as error:
            if error.errno not in _EXHAUSTED:
                return True  # the caller has gone again, or another process took it
            self._run_short(error)
            return False
        refusal = self._make_room(host_and_port(address)[0])
        if refusal is not None:
            caller = address_text(host_and_port(address))
            logger.warning("Refused the connection from %s: %s", caller, refusal)
            sock.close()
            return True
        self._waiting = (sock, address)
        has_room = self._tell(None)
        if self._waiting is not None:  # the owner did not want it
            sock.close()
            self._waiting = None
        return has_room

    def _run_short(self, error: OSError) -> None:
        """Say once, until callers can be served again, that the system has no more for them."""
        failure = network_error(error, "Accepting a connection")
        if not self._is_short:
            self._is_short = True
            logger.error("%s", failure)
            self._tell(failure)

    def _make_room(self, host: str) -> str | None:
        """Shed the oldest half-open connection if there are too many; say so if none is left."""
        limits = self._limits
        with self._lock:
            everyone, network = list(self._connections), _network(host)
            half_open = [one for one in everyone if not one.is_associated]
            from_host = [one for one in everyone if _network(one.peer_address[0]) == network]
            if len(from_host) >= limits.associations_per_address:
                candidates = [one for one in from_host if not one.is_associated]
                limit = f"{limits.associations_per_address} connections from one address"
            elif len(everyone) >= limits.associations:
                candidates, limit = half_open, f"{limits.associations} connections"
            elif len(half_open) >= limits.half_open:
                candidates, limit = half_open, f"{limits.half_open} half-open connections"
            else:
                return None
            if not candidates:
                return f"the limit of {limit} is reached."
            victim = candidates[0]
            del self._connections[victim]
        victim.expel(
            NetworkError(
                DicomErrorCode.NET_CONNECTION_ABORTED,
                f"It gave way to a new one before its association was established, because "
                f"the limit of {limit} is reached.",
            )
        )
        return None

    def _tell(self, error: DicomError | None) -> bool:
        """Call `on_accept`; `False` if the system had no room for what it did."""
        try:
            self._on_accept(error)
        except OSError as failure:
            if failure.errno not in _EXHAUSTED:
                logger.exception("OnAccept raised")
                return True
            self._run_short(failure)
            return False
        except BaseException:
            logger.exception("OnAccept raised")
        self._is_short = self._is_short and error is not None
        return True


def _network(host: str) -> str:
    """Give what counts as one address: an IPv6 host commands a /64 of them."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    return str(int(address) >> 64) if address.version == 6 else host
