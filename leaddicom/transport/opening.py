"""Sockets: connecting one, and opening those of a listener."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from dataclasses import dataclass

from leaddicom.enums import IpType
from leaddicom.errors import DicomErrorCode, NetworkError, ParameterError
from leaddicom.transport.failures import network_error
from leaddicom.transport.stream import address_text

__all__ = [
    "ANY_ADDRESS",
    "SocketOptions",
    "check_listening",
    "connect_socket",
    "end_point",
    "ip_type",
    "listening_socket",
]

#: LEADTOOLS' spelling of "every address of this computer".
ANY_ADDRESS = "*"

# What a kernel says whose IPv6 is switched off.
_NO_IPV6 = (DicomErrorCode.NET_ADDRESS_NOT_SUPPORTED, DicomErrorCode.NET_ADDRESS_NOT_AVAILABLE)

_FAMILIES = {
    IpType.NONE: socket.AF_UNSPEC,
    IpType.IPV4: socket.AF_INET,
    IpType.IPV6: socket.AF_INET6,
    IpType.IPV4_OR_IPV6: socket.AF_UNSPEC,
}

_Address = tuple[str, int]
_Found = list[tuple[int, int, int, str, tuple[object, ...]]]


@dataclass(frozen=True, slots=True)
class SocketOptions:
    """Options of a connection's TCP socket (LEADTOOLS' ``DICOMSOCKETOPTIONS``).

    Attributes
    ----------
    send_buffer, receive_buffer : int
        Buffers of the system in bytes; 0, the default, leaves them as they are: a new socket's
        belong to the system, which adapts them to the path.
    no_delay : bool
        Whether small packets leave at once (TCP_NODELAY).  Without it a request can wait 40 ms
        for the peer's acknowledgment of the packet before it.

    Raises
    ------
    ParameterError
        A buffer is negative or beyond 31 bits.
    """

    send_buffer: int = 0
    receive_buffer: int = 0
    no_delay: bool = True

    def __post_init__(self) -> None:
        for size in (self.send_buffer, self.receive_buffer):
            if not 0 <= size <= 0x7FFFFFFF:
                raise ParameterError(
                    f"A socket's buffer of {size} bytes cannot be; it is at least 0 (the "
                    "system's own choice) and below 2 GiB."
                )

    def apply(self, sock: socket.socket) -> None:
        """Set them on a socket."""
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, self.no_delay)
        if self.send_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self.send_buffer)
        if self.receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.receive_buffer)


def end_point(address: str | None, port: int) -> tuple[str, int]:
    """Give address and port of one end as they are used here.

    Raises
    ------
    ParameterError
        The port is none.  The system would silently use its low 16 bits.
    """
    if not 0 <= port <= 0xFFFF:
        raise ParameterError(f"A port lies between 0 and 65535; {port} does not.")
    return address or "", port


def ip_type(value: int) -> IpType:
    """Give the `IpType` that a number stands for.

    Raises
    ------
    ParameterError
        There is none.
    """
    try:
        return IpType(value)
    except ValueError:
        raise ParameterError(f"{value} is no IpType, which are 0 to 3.") from None


def connect_socket(
    peer: _Address,
    host: _Address,
    ip_type: IpType,
    wait: Callable[[socket.socket, int], None],
) -> socket.socket:
    """Connect to the first address of the peer that answers.

    Parameters
    ----------
    peer : tuple of str and int
        Host name or address, and port, of the remote end.
    host : tuple of str and int
        Address and port of the local end; empty and 0 for any.
    ip_type : IpType
        Address families to use.
    wait : Callable[[socket.socket, int], None]
        Waits until a connecting socket is writable.  It is told how many addresses are left,
        this one included; it raises `OSError` to go on to the next, anything else to give up.

    Returns
    -------
    socket.socket
        Connected and non-blocking.

    Raises
    ------
    NetworkError
        No address answered; the code is that of the last attempt.
    ParameterError
        The addresses are not of the family asked for, or not of one family (code 307).
    """
    doing = f"Connecting to {address_text(peer)}"
    candidates = _resolve(peer, ip_type, doing)
    local: dict[int, tuple[object, ...]] = {}
    if host != ("", 0):
        own = _resolve(host, ip_type, doing, socket.AI_PASSIVE)
        local = {family: address for family, *_, address in reversed(own)}
        candidates = [each for each in candidates if each[0] in local]
        if not candidates:
            raise _conflict(f"{doing} failed: {host[0]} is an address of the other family.")
    failure: NetworkError | None = None
    for number, (family, kind, protocol, _, address) in enumerate(candidates):
        left = len(candidates) - number
        try:
            return _connect_one(family, kind, protocol, address, local.get(family), wait, left)
        except OSError as error:
            failure = network_error(error, doing)
    raise failure or NetworkError(
        DicomErrorCode.NET_HOST_NOT_FOUND, f"{doing} failed: the host has no address."
    )


def _resolve(end: _Address, ip_type: IpType, doing: str, flags: int = 0) -> _Found:
    """Find the addresses of a host that are of the family asked for."""
    try:
        found = socket.getaddrinfo(end[0] or None, end[1], 0, socket.SOCK_STREAM, 0, flags)
    except OSError as error:
        raise network_error(error, doing) from error
    except UnicodeError:
        raise NetworkError(
            DicomErrorCode.NET_HOST_NOT_FOUND,
            f"{doing} failed: this is no host name. Check the host name.",
        ) from None
    family = _FAMILIES[ip_type]
    fitting: _Found = [each for each in found if family in (socket.AF_UNSPEC, each[0])]
    if found and not fitting:
        raise _conflict(f"{doing} failed: {end[0]} has no address of the family {ip_type.name}.")
    return fitting


def _conflict(message: str) -> ParameterError:
    return ParameterError(message, DicomErrorCode.IPV4_IPV6_CONFLICT)


def _connect_one(
    family: int,
    kind: int,
    protocol: int,
    address: tuple[object, ...],
    local: tuple[object, ...] | None,
    wait: Callable[[socket.socket, int], None],
    left: int,
) -> socket.socket:
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setblocking(False)
        if local is not None:
            sock.bind(local)
        result = sock.connect_ex(address)
        if result in (errno.EINPROGRESS, errno.EWOULDBLOCK):
            wait(sock, left)
            result = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if result:
            raise OSError(result, errno.errorcode.get(result, str(result)))
    except BaseException:
        sock.close()
        raise
    return sock


def listening_socket(address: str, port: int, backlog: int, ip_type: IpType) -> socket.socket:
    """Open the socket of a listener.

    Parameters
    ----------
    address : str
        Local address or host name; ``""`` and ``"*"`` are every address of this computer.
    port : int
        Port; 0 takes a free one.
    backlog : int
        Connections that the system keeps for us.
    ip_type : IpType
        Address family; for every address of both, one socket serves both.

    Raises
    ------
    NetworkError
        The port cannot be opened.
    ParameterError
        The address is not of the family asked for (code 307).
    """
    where = f"[{address}]:{port}" if ":" in address else f"{address or '*'}:{port}"
    doing = f"Listening on {where}"
    if address in ("", ANY_ADDRESS):
        return _listen_everywhere(port, backlog, ip_type, doing)
    found = _resolve((address, port), ip_type, doing)
    return _bind(found[0][0], found[0][4], backlog, False, doing)


def check_listening(sock: socket.socket) -> None:
    """Refuse a socket of which nobody could accept TCP connections.

    Raises
    ------
    ParameterError
        It is of another kind, closed, or does not listen.
    """
    try:
        listens = (
            sock.family in (socket.AF_INET, socket.AF_INET6)
            and sock.type == socket.SOCK_STREAM
            and sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        )
    except OSError:
        listens = False
    if not listens:
        raise ParameterError(
            f"This is no TCP socket that listens: {sock}. Bind it, and call its method listen."
        )


def _listen_everywhere(port: int, backlog: int, ip_type: IpType, doing: str) -> socket.socket:
    if ip_type is IpType.IPV6:
        return _bind(socket.AF_INET6, ("::", port), backlog, False, doing)
    if ip_type is not IpType.IPV4 and socket.has_dualstack_ipv6():
        try:
            return _bind(socket.AF_INET6, ("::", port), backlog, True, doing)
        except NetworkError as error:
            if error.code not in _NO_IPV6:
                raise
    return _bind(socket.AF_INET, ("", port), backlog, False, doing)


def _bind(
    family: int, address: tuple[object, ...], backlog: int, both: bool, doing: str
) -> socket.socket:
    try:
        sock = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:  # out of descriptors, or no such family
        raise network_error(error, doing) from error
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not both)
        sock.setblocking(False)
        sock.bind(address)
        sock.listen(backlog)
    except OSError as error:
        sock.close()
        raise network_error(error, doing) from error
    return sock
