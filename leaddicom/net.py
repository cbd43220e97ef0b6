"""`LDicomNet`, the class that applications subclass."""

from __future__ import annotations

import copy
import os
import socket
import threading
import weakref
from collections.abc import Callable
from typing import ClassVar

from leaddicom.dimse.message import Message
from leaddicom.dispatch import EventSource
from leaddicom.enums import IpType, SecureMode
from leaddicom.errors import DicomError, DicomErrorCode, NetworkError, ParameterError, code_of
from leaddicom.limits import Limits
from leaddicom.mirror import differs
from leaddicom.net_association import AssociationServices
from leaddicom.net_dimse_c import CompositeServices
from leaddicom.net_dimse_n import NormalizedServices
from leaddicom.net_iscl import Iscl
from leaddicom.net_tls import SecureLink, Security, checked_mode
from leaddicom.pulse import PULSE
from leaddicom.ssl_context import L_SSL_CTX_CREATE
from leaddicom.tls.settings import TlsSettings
from leaddicom.tls.verification import Role as TlsRole
from leaddicom.transport.connection import Connection, SecureEnd, wait_all_closed
from leaddicom.transport.listener import Listener
from leaddicom.transport.opening import SocketOptions, check_listening, end_point
from leaddicom.transport.opening import ip_type as checked_ip_type
from leaddicom.upper_layer.protocol import Role
from leaddicom.values import check_ae_title

__all__ = ["LDicomNet"]

# Seconds that `LDicomNet.Breathe` waits: longer than an event takes, shorter than a user notices.
_BREATH = 0.1


class LDicomNet(SecureLink, Iscl, AssociationServices, CompositeServices, NormalizedServices):
    """A DICOM connection or listener; applications subclass it and override its events.

    It mirrors LEADTOOLS' class of that name.  Methods keep its names and the order of its
    parameters, but raise `DicomError` where LEADTOOLS returns a code other than 0.

    Parameters
    ----------
    path : str or path-like, optional
        Folder for temporary files: a received data set above `Limits.spool_threshold` is written
        there while it arrives.  `None` is the system's.
    mode : int
        `DICOM_SECURE_TLS` (the default) or `DICOM_SECURE_NONE`.  LEADTOOLS' third mode, ISCL, is
        refused with code 69, and so is an unknown one.
    reserved : bool, optional
        Given, `Initialize` has to follow, as in LEADTOOLS' two-step construction.

    Attributes
    ----------
    limits : Limits
        Deadlines and limits; a subclass or an object may set its own before connecting.
    supported_contexts : sequence of SupportedContext
        What the default `OnReceiveAssociateRequest` accepts; the Verification SOP class.
    ae_title : str
        If not empty, the default `OnReceiveAssociateRequest` rejects other called AE titles.
    error : DicomError or None
        What went wrong last on this connection, in words.
    message : Message or None
        The message whose event runs, with its whole command set.
    connection : Connection or None
        What carries the bytes, once there is one; also when it is over.
    security : Security
        What the TLS methods have set.
    logs_failures : bool
        Whether failed connections are logged at WARNING; where the program says itself what has
        failed, they need not be, and are at DEBUG.

    Notes
    -----
    Events run on the connection's own network thread, one after the other, in the order of what
    happened.  `OnAccept` runs on the listener's thread, and the listener's `OnClose` on those of
    its clients.  `OnPrivateKeyPassword`, `OnCreateCTX` and `OnBeforeSendCommandSet` run inside
    the calls that cause them.  Methods may be called from any thread and from inside events.

    Examples
    --------
    A storage server over mutual TLS:

    >>> class Server(LDicomNet):
    ...     supported_contexts = (*VERIFICATION, *STORAGE)
    ...     archive = Archive("received")
    ...
    ...     def OnReceiveCStoreRequest(self, presentation_id, message_id, sop_class_uid, *more):
    ...         sop_instance_uid, *_, dataset = more
    ...         self.archive.store(dataset)
    ...         self.SendCStoreResponse(
    ...             presentation_id, message_id, sop_class_uid, sop_instance_uid, Status.SUCCESS
    ...         )
    >>> server = Server()
    >>> server.Initialize(ctx=TlsSettings(ca_file="ca.pem"))
    >>> server.SetServerCertificateTLS("server.pem", key_path="server.key")
    >>> server.Listen("*", 2762)
    """

    limits: Limits = Limits()
    logs_failures: bool = True

    _alive: ClassVar[weakref.WeakSet[LDicomNet]] = weakref.WeakSet()
    _alive_lock: ClassVar[threading.Lock] = threading.Lock()

    @differs("Without arguments it is TLS.  Modes other than TLS and NONE are refused (code 69).")
    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        mode: int = SecureMode.TLS,
        reserved: bool | None = None,
    ) -> None:
        self.security = Security(checked_mode(mode))
        self.connection: Connection | None = None
        self.error: DicomError | None = None
        self.message: Message | None = None
        self._path = None if path is None else os.fspath(path)
        self._initialized = reserved is None
        self._listener: Listener | None = None
        self._server: LDicomNet | None = None
        self._clients: list[LDicomNet] = []
        self._clients_lock = threading.Lock()
        self._socket_options = SocketOptions()

    # -- lifecycle -----------------------------------------------------------------------------

    @staticmethod
    @differs("May be left out: nothing has to be prepared.")
    def StartUp() -> None:
        """Begin to use the network."""

    @staticmethod
    @differs("Closes what is still open.")
    def ShutDown() -> None:
        """Close every connection and every listener of this program."""
        with LDicomNet._alive_lock:
            alive = list(LDicomNet._alive)
        for net in alive:
            net.CloseForced(True)

    @differs(
        "Also takes `TlsSettings`.  Without `ctx` the peer is verified, and a CA file is needed."
    )
    def Initialize(
        self,
        path: str | os.PathLike[str] | None = None,
        mode: int = SecureMode.TLS,
        ctx: TlsSettings | L_SSL_CTX_CREATE | None = None,
    ) -> None:
        """Set the security options; the second step of the construction with `reserved`.

        Parameters
        ----------
        path, mode
            As for the constructor.
        ctx : TlsSettings or L_SSL_CTX_CREATE, optional
            Trusted CAs, verification, profile: our settings, or LEADTOOLS' structure.

        Raises
        ------
        DicomError
            Code 69 for a mode that is not supported, 42 while connected or listening, 192 to
            196 for a structure that cannot be (also in its ``success``).
        """
        if self._is_in_use():
            raise NetworkError(
                DicomErrorCode.NET_IS_CONNECTED,
                "Initialize has to come before Connect, Listen and Accept.",
            )
        wanted = checked_mode(mode)
        with self.security.changing():
            settings = self.security.settings if ctx is None else ctx
            if isinstance(settings, L_SSL_CTX_CREATE):
                settings = settings.applied_to(self.security.settings)
            self.security.mode, self.security.settings = wanted, settings
        self._path = self._path if path is None else os.fspath(path)
        self._initialized = True

    @staticmethod
    @differs(
        "There is no message pump; it waits until an event has happened since this thread called "
        "it last, at most 0.1 s."
    )
    def Breathe() -> None:
        """Wait for the next event of any connection, in a loop that has nothing else to do."""
        PULSE.wait(_BREATH)

    @differs("Accepted and without effect: Python counts, and a connection keeps its object alive.")
    def EnableReferenceCounting(self, enable: bool) -> None:
        """Have the object live as long as it is needed, which it does anyway."""

    # -- connection ----------------------------------------------------------------------------

    @differs("Raises at once what can be known at once, such as a missing certificate.")
    def Connect(
        self,
        host_address: str | None,
        host_port: int,
        peer_address: str,
        peer_port: int,
        ip_type: int = IpType.IPV4_OR_IPV6,
    ) -> None:
        """Begin to connect; the outcome comes with `OnConnect`, then `OnSecureLinkReady`.

        Parameters
        ----------
        host_address, host_port
            Local end; `None` and 0 for any.
        peer_address, peer_port
            Host name or address, and port, of the peer.
        ip_type : int
            An `IpType`.

        Raises
        ------
        NetworkError
            Already connected (code 42).
        TlsError
            What TLS needs is missing or unusable.
        """
        self._require_free()
        peer, host = end_point(peer_address, peer_port), end_point(host_address, host_port)
        family = checked_ip_type(ip_type)
        secure = self._secure_end(TlsRole.CLIENT)
        self.connection = connection = self._make_connection(Role.REQUESTOR, secure)
        self._server = None
        self._keep()
        connection.connect(peer, host, family)

    @differs("0 as `nb_peers` is `Limits.backlog`.  `Limits` bounds the number of clients.")
    def Listen(
        self,
        host_address: str | None,
        host_port: int,
        nb_peers: int = 0,
        ip_type: int = IpType.IPV4_OR_IPV6,
    ) -> None:
        """Listen for callers; each fires `OnAccept`.

        Parameters
        ----------
        host_address : str or None
            Local address; `None`, ``""`` and ``"*"`` are all addresses of this computer.
        host_port : int
            Port; 0 takes a free one, which `GetHostInfo` tells.
        nb_peers : int
            Backlog of the socket, no limit on clients; 0 is `Limits.backlog`.
        ip_type : int
            An `IpType`.

        Raises
        ------
        NetworkError
            The port cannot be opened, or the object is in use already (code 42).
        TlsError
            What a TLS server needs is missing or unusable.
        """
        self._require_server()
        address, port = end_point(host_address, host_port)
        family = checked_ip_type(ip_type)
        backlog = nb_peers or self.limits.backlog
        self._listen(lambda listener: listener.open(address, port, backlog, family))

    def listen_on(self, sock: socket.socket) -> None:
        """Listen for callers on a socket that listens already; each fires `OnAccept`.

        The socket may have been inherited from the process that has opened it, or from a service
        manager.  Several processes that listen on the same one share the callers; while one of
        them is replaced, the system keeps callers waiting for the others.

        Parameters
        ----------
        sock : socket.socket
            A TCP socket on which ``listen`` was called.  It becomes non-blocking, and from now
            on it is this object's to close.

        Raises
        ------
        ParameterError
            It is no TCP socket, or does not listen.
        NetworkError
            The object is in use already (code 42), or the system has no room; the socket stays
            the caller's.
        TlsError
            What a TLS server needs is missing or unusable; the socket stays the caller's.
        """
        self._require_server()
        check_listening(sock)
        self._listen(lambda listener: listener.adopt(sock))

    @differs("`OnAccept` accepts by itself unless it is overridden.")
    def Accept(self, client: LDicomNet) -> None:
        """Let `client` serve the caller that waits; only inside `OnAccept`.

        Parameters
        ----------
        client : LDicomNet
            A new object; its certificate, suites and settings must have been set.
        """
        if self._listener is None:
            raise NetworkError(DicomErrorCode.NET_INVALID, "Accept needs a listening object.")
        client._require_free()
        secure = client._secure_end(TlsRole.SERVER)
        sock, peer = self._listener.take()
        try:
            connection = client._make_connection(Role.ACCEPTOR, secure, self)
        except BaseException:
            sock.close()
            raise
        client.connection, client._server = connection, self
        with self._clients_lock:
            self._clients.append(client)
        self._listener.add(connection)
        connection.adopt(sock, peer)

    def CreateClient(self) -> LDicomNet:
        """Make the object for a caller; the default `OnAccept` uses it.

        The default makes a shallow copy of this object without its connection: it is of the same
        class, and has the same settings and whatever attributes the subclass has given it.
        """
        client = copy.copy(self)
        if self._is_listening():
            self._secure_end(TlsRole.SERVER)  # built once, for all clients
        client.security = self.security.copy()
        client.connection = client._listener = client._server = None
        client.error = client.message = None
        client._clients, client._clients_lock = [], threading.Lock()
        return client

    @differs(
        "Aborts an association that was not released, and closes a listener with all its clients."
    )
    def Close(self) -> None:
        """Close the connection, or stop listening and close all clients.

        What is queued leaves first, within `Limits.abort_timeout`; an association that was not
        released is aborted.  It may be called from any thread, inside events, and repeatedly.
        """
        self.CloseForced(False)

    @differs("Safe from any thread, inside any event, and repeatedly.")
    def CloseForced(self, forced: bool) -> None:
        """Close; if `forced`, drop the connection at once.

        Outside of events it returns when the connection is over, after `OnClose`.
        """
        self.ServerClose()
        everyone = [each.connection for each in (*self._client_list(), self)]
        connections = [each for each in everyone if each is not None]
        for connection in connections:
            connection.close(forced=forced, wait=False)
        wait_all_closed(connections)

    @differs("Stops listening only; clients that were accepted go on.")
    def ServerClose(self) -> None:
        """Stop listening; clients that were accepted go on."""
        listener = self._listener
        if listener is not None:
            listener.close()

    def IsActivated(self) -> bool:
        """Tell whether the object listens or is connected."""
        return self._is_listening() or self.IsConnected()

    def IsConnected(self) -> bool:
        """Tell whether TCP is up."""
        return self.connection is not None and self.connection.is_connected

    def IsAssociated(self) -> bool:
        """Tell whether an association is up."""
        return self.connection is not None and self.connection.is_associated

    @differs("Returns address and port; also those of a listener.")
    def GetHostInfo(self) -> tuple[str, int]:
        """Give address and port of the local end; ``("", 0)`` if there is none."""
        if self._listener is not None and (self._is_listening() or self.connection is None):
            return self._listener.address
        return ("", 0) if self.connection is None else self.connection.host_address

    @differs("Returns address and port.")
    def GetPeerInfo(self) -> tuple[str, int]:
        """Give address and port of the remote end; ``("", 0)`` if there is none."""
        return ("", 0) if self.connection is None else self.connection.peer_address

    def GetServer(self) -> LDicomNet | None:
        """Give the listener that accepted this connection."""
        return self._server

    def GetClientCount(self) -> int:
        """Give the number of clients of a listener."""
        return len(self._client_list())

    def GetClient(self, index: int) -> LDicomNet:
        """Give a client of a listener, oldest first.

        Raises
        ------
        ParameterError
            There is none of that index (code 14).
        """
        clients = self._client_list()
        if not 0 <= index < len(clients):
            raise ParameterError(
                f"There is no client {index}; there are {len(clients)}.", DicomErrorCode.RANGE
            )
        return clients[index]

    # -- socket options ------------------------------------------------------------------------

    def GetSocketOptions(self) -> SocketOptions:
        """Give the options of this object's socket."""
        return self._socket_options

    @differs("Holds for the sockets to come, too: a listener's clients inherit it.")
    def SetSocketOptions(self, options: SocketOptions) -> None:
        """Set the options of this object's socket, now if there is one."""
        self._socket_options = options
        if self.connection is not None:
            self.connection.set_socket_options(options)

    @staticmethod
    def GetDefaultSocketOptions() -> SocketOptions:
        """Give the options that a new object has."""
        return SocketOptions()

    # -- events --------------------------------------------------------------------------------

    def OnConnect(self, error: int) -> None:
        """TCP is up (0) or could not be brought up; with TLS wait for `OnSecureLinkReady`."""

    @differs("The default accepts the caller with `CreateClient`; on the listener's thread.")
    def OnAccept(self, error: int) -> None:
        """A caller waits; the default serves it with `CreateClient`."""
        if error == DicomErrorCode.SUCCESS:
            self.Accept(self.CreateClient())

    @differs("Fires on the connection itself, and then on its listener; `net` is the connection.")
    def OnClose(self, error: int, net: LDicomNet) -> None:
        """The connection is over: 0 in good order, else why; the words are in ``net.error``.

        Called once for the connection and then, with it as `net`, for its listener.
        """

    # -- for the modules around ----------------------------------------------------------------

    def overrides(self, event: str) -> bool:
        """Tell whether a subclass, or this object, overrides an event."""
        return event in vars(self) or getattr(type(self), event) is not getattr(LDicomNet, event)

    def closed(
        self, connection: Connection, error: DicomError | None, server: LDicomNet | None
    ) -> None:
        """Tell the end of a connection to this object and to the listener that accepted it."""
        self.error = error
        if server is not None:
            if server._listener is not None:
                server._listener.remove(connection)
            with server._clients_lock:
                server._clients = [each for each in server._clients if each is not self]
        code = code_of(error)
        try:
            self.OnClose(code, self)
        finally:
            if server is not None:
                server.OnClose(code, self)

    def _on_accept(self, error: DicomError | None) -> None:
        self.OnAccept(code_of(error))
        PULSE.beat()

    def _require_server(self) -> None:
        """Say what is missing now, not at the first caller."""
        self._require_free()
        if self.ae_title:
            check_ae_title(self.ae_title)
        self._secure_end(TlsRole.SERVER)

    def _listen(self, begin: Callable[[Listener], None]) -> None:
        """Have a listener of this object; a caller may wait for it already."""
        before, self._listener = self._listener, Listener(self._on_accept, self.limits)
        try:
            begin(self._listener)
        except BaseException:
            self._listener = before
            raise
        self._keep()

    def _keep(self) -> None:
        """Have `ShutDown` find this object."""
        with LDicomNet._alive_lock:
            LDicomNet._alive.add(self)

    def _make_connection(
        self, role: Role, secure: SecureEnd | None, server: LDicomNet | None = None
    ) -> Connection:
        self.error = None
        events = EventSource(self, server)
        events.connection = connection = Connection(
            events,
            role,
            self.limits,
            secure,
            directory=self._path,
            trace_received=self.overrides("OnReceive"),
            trace_sent=self.overrides("OnSend") or self.overrides("OnSendExt"),
            on_verify=events.on_verify if self.overrides("OnVerify") else None,
            options=self._socket_options,
        )
        connection.session.one_pdu_at_a_time = not self._sends_together
        connection.is_quiet = not self.logs_failures
        return connection

    def _require_free(self) -> None:
        if not self._initialized:
            raise NetworkError(
                DicomErrorCode.NET_NOT_INITIALISED,
                "The object was constructed with `reserved`: call Initialize first.",
            )
        if self._is_in_use():
            raise NetworkError(
                DicomErrorCode.NET_IS_CONNECTED,
                "The object is connected, connecting or listening already.",
            )

    def _is_in_use(self) -> bool:
        connecting = self.connection is not None and not self.connection.is_closed
        return connecting or self._is_listening()

    def _is_listening(self) -> bool:
        return self._listener is not None and self._listener.is_open

    def _client_list(self) -> list[LDicomNet]:
        with self._clients_lock:
            return list(self._clients)
