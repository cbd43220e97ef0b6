"""`LDicomNet`, the class that applications subclass."""

from __future__ import annotations

import copy
import os
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import ClassVar

from leaddicom.associate import LDicomAssociate
from leaddicom.contexts import VERIFICATION
from leaddicom.dataset import LDicomDS
from leaddicom.dimse.message import Message
from leaddicom.dispatch import EventSource, command_data_set
from leaddicom.enums import (
    AbortReason,
    AbortSource,
    IpType,
    RejectReason,
    RejectResult,
    RejectSource,
    SecureMode,
    Status,
)
from leaddicom.errors import (
    DicomError,
    DicomErrorCode,
    NetworkError,
    ParameterError,
    code_of,
)
from leaddicom.implementation import (
    IMPLEMENTATION_CLASS_UID,
    IMPLEMENTATION_VERSION_NAME,
)
from leaddicom.limits import Limits
from leaddicom.net_dimse_c import CompositeServices
from leaddicom.net_dimse_n import NormalizedServices
from leaddicom.net_tls import SecureLink, Security, checked_mode
from leaddicom.tls.settings import TlsSettings
from leaddicom.tls.verification import Role as TlsRole
from leaddicom.transport.connection import Connection, SecureEnd, wait_all_closed
from leaddicom.transport.listener import Listener
from leaddicom.transport.opening import end_point
from leaddicom.transport.opening import ip_type as checked_ip_type
from leaddicom.transport.outbox import QueuedPrimitive
from leaddicom.upper_layer.association import Associate, encode_associate
from leaddicom.upper_layer.negotiation import SupportedContext, accept_contexts
from leaddicom.upper_layer.pdu import encode_reject
from leaddicom.upper_layer.protocol import Role, UpperLayer
from leaddicom.values import check_ae_title

__all__ = ["LDicomNet"]


class LDicomNet(SecureLink, CompositeServices, NormalizedServices):
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

    Notes
    -----
    Events run on the connection's own network thread, one after the other, in the order of what
    happened.  `OnAccept` runs on the listener's thread.  Methods may be called from any thread
    and from inside events.
    """

    limits: Limits = Limits()
    supported_contexts: Sequence[SupportedContext] = VERIFICATION
    ae_title: str = ""

    _alive: ClassVar[weakref.WeakSet[LDicomNet]] = weakref.WeakSet()
    _alive_lock: ClassVar[threading.Lock] = threading.Lock()

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

    # -- lifecycle -----------------------------------------------------------------------------

    @staticmethod
    def StartUp() -> None:
        """Begin to use the network.

        LEADTOOLS insists on it; here nothing has to be prepared, and it may be left out.
        """

    @staticmethod
    def ShutDown() -> None:
        """Close every connection and every listener of this program."""
        with LDicomNet._alive_lock:
            alive = list(LDicomNet._alive)
        for net in alive:
            net.CloseForced(True)

    def Initialize(
        self,
        path: str | os.PathLike[str] | None = None,
        mode: int = SecureMode.TLS,
        ctx: TlsSettings | None = None,
    ) -> None:
        """Set the security options; the second step of the construction with `reserved`.

        Parameters
        ----------
        path, mode
            As for the constructor.
        ctx : TlsSettings, optional
            Trusted CAs, verification, profile.

        Raises
        ------
        DicomError
            Code 69 for a mode that is not supported, 42 while connected or listening.
        """
        if self.IsActivated():
            raise NetworkError(
                DicomErrorCode.NET_IS_CONNECTED,
                "Initialize has to come before Connect, Listen and Accept.",
            )
        self._path = self._path if path is None else os.fspath(path)
        self.security.mode = checked_mode(mode)
        if ctx is not None:
            self.security.settings = ctx
        self.security.changed()
        self._initialized = True

    # -- connection ----------------------------------------------------------------------------

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
        secure = self.security.end(TlsRole.CLIENT)
        self.connection = connection = self._make_connection(Role.REQUESTOR, secure)
        self._server = None
        self._keep()
        connection.connect(peer, host, family)

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
        self._require_free()
        if self.ae_title:
            check_ae_title(self.ae_title)
        self.security.end(TlsRole.SERVER)  # what is missing is said now, not at the first caller
        address, port = end_point(host_address, host_port)
        family = checked_ip_type(ip_type)
        listener = Listener(lambda error: self.OnAccept(code_of(error)), self.limits)
        listener.open(address, port, nb_peers or self.limits.backlog, family)
        self._listener = listener
        self._keep()

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
        secure = client.security.end(TlsRole.SERVER)
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
            self.security.end(TlsRole.SERVER)  # built once, for all clients
        client.security = self.security.copy()
        client.connection = client._listener = client._server = None
        client.error = client.message = None
        client._clients, client._clients_lock = [], threading.Lock()
        return client

    def Close(self) -> None:
        """Close the connection, or stop listening and close all clients.

        What is queued leaves first, within `Limits.abort_timeout`; an association that was not
        released is aborted.  It may be called from any thread, inside events, and repeatedly.
        """
        self.CloseForced(False)

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

    def GetHostInfo(self) -> tuple[str, int]:
        """Give address and port of the local end; ``("", 0)`` if there is none."""
        if self._listener is not None:
            return self._listener.address
        return ("", 0) if self.connection is None else self.connection.host_address

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

    # -- association ---------------------------------------------------------------------------

    def SendAssociateRequest(self, associate: LDicomAssociate) -> None:
        """Request an association (PS3.8 section 7.1); before the link is ready it waits.

        Parameters
        ----------
        associate : LDicomAssociate
            Of request kind.  Implementation and maximum length are filled in if absent; a
            maximum length above that of `limits`, or 0, becomes that of `limits`.
        """
        parameters = self._checked(associate, request=True)
        self._primitive(lambda upper_layer: upper_layer.associate(parameters))

    def SendAssociateAccept(self, associate: LDicomAssociate) -> None:
        """Accept the association; inside `OnReceiveAssociateRequest` or later.

        Parameters
        ----------
        associate : LDicomAssociate
            Of accept kind.  Implementation and maximum length are filled in if absent; a
            maximum length above that of `limits`, or 0, becomes that of `limits`.

        Raises
        ------
        ParameterError
            It accepts what was not offered, or cannot be encoded.
        """
        parameters = self._checked(associate, request=False)
        self._connected().session.check_accept(parameters)
        self._primitive(lambda upper_layer: upper_layer.accept(parameters))

    def SendAssociateReject(self, result: int, source: int, reason: int) -> None:
        """Reject the association (PS3.8 Table 9-21)."""
        encode_reject(result, source, reason)  # refuses here what could not be sent later
        self._primitive(lambda upper_layer: upper_layer.reject(result, source, reason))

    def SendReleaseRequest(self) -> None:
        """Request the release, after all requests that wait (PS3.8 section 7.2)."""
        self._primitive(lambda upper_layer: upper_layer.release(), waits=True)

    def SendReleaseResponse(self) -> None:
        """Answer a release request."""
        self._primitive(lambda upper_layer: upper_layer.release_response(), answers_release=True)

    def SendAbort(
        self,
        source: int = AbortSource.SERVICE_USER,
        reason: int = AbortReason.NOT_SPECIFIED,
    ) -> None:
        """Abort the association ahead of all that waits (PS3.8 Table 9-26)."""
        self._connected().abort(source, reason)

    def GetAssociate(self) -> LDicomAssociate | None:
        """Give the negotiated association; before that, what was requested."""
        if self.connection is None:
            return None
        upper_layer = self.connection.session.upper_layer
        request, reply = upper_layer.request, upper_layer.accept_reply
        if reply is not None:
            return LDicomAssociate.from_parameters(reply, request)
        return None if request is None else LDicomAssociate.from_parameters(request)

    def GetCommandSet(self) -> LDicomDS | None:
        """Give the command set of the message whose event runs."""
        return None if self.message is None else LDicomDS(command_data_set(self.message.command))

    # -- events --------------------------------------------------------------------------------

    def OnConnect(self, error: int) -> None:
        """TCP is up (0) or could not be brought up; with TLS wait for `OnSecureLinkReady`."""

    def OnAccept(self, error: int) -> None:
        """A caller waits; the default serves it with `CreateClient`."""
        if error == DicomErrorCode.SUCCESS:
            self.Accept(self.CreateClient())

    def OnClose(self, error: int, net: LDicomNet) -> None:
        """The connection is over: 0 in good order, else why; the words are in ``net.error``.

        Called once for the connection and then, with it as `net`, for its listener.
        """

    def OnSend(self, error: int, pdu_type: int, length: int) -> None:
        """A PDU of `length` bytes has left.  Not called unless overridden."""

    def OnReceive(self, error: int, pdu_type: int, buffer: bytes, length: int) -> None:
        """A PDU of `length` bytes has arrived.  Not called unless overridden."""

    def OnReceiveData(
        self, presentation_id: int, command_set: LDicomDS | None, dataset: LDicomDS | None
    ) -> None:
        """A DIMSE message has arrived; its own event follows.  Not called unless overridden."""

    def OnReceiveUnknown(
        self, presentation_id: int, command_set: LDicomDS | None, dataset: LDicomDS | None
    ) -> None:
        """A message with an unknown command has arrived; the default answers 0211H."""
        if self.message is not None:
            self._connected().session.answer(self.message, Status.UNRECOGNIZED_OPERATION)

    def OnReceiveAssociateRequest(self, associate: LDicomAssociate) -> None:
        """An association is requested; answer with `SendAssociateAccept` or `...Reject`.

        The default accepts `supported_contexts`, and rejects called AE titles other than
        `ae_title` if that is set.
        """
        if self.ae_title and associate.GetCalled() != self.ae_title:
            self.SendAssociateReject(
                RejectResult.PERMANENT,
                RejectSource.SERVICE_USER,
                RejectReason.CALLED_AE_TITLE_NOT_RECOGNIZED,
            )
            return
        request = associate.parameters
        reply = accept_contexts(request, self.supported_contexts)
        if request.asynchronous_operations is not None:
            granted = (
                min(asked or self.limits.operations, self.limits.operations)
                for asked in request.asynchronous_operations
            )
            reply.asynchronous_operations = (next(granted), next(granted))
        self.SendAssociateAccept(LDicomAssociate.from_parameters(reply))

    def OnReceiveAssociateAccept(self, associate: LDicomAssociate) -> None:
        """The association is accepted; DIMSE may begin."""

    def OnReceiveAssociateReject(self, result: int, source: int, reason: int) -> None:
        """The association is rejected (PS3.8 Table 9-21); `OnClose` follows."""

    def OnReceiveReleaseRequest(self) -> None:
        """The peer wants to release; the default answers."""
        self.SendReleaseResponse()

    def OnReceiveReleaseResponse(self) -> None:
        """The association is released; `OnClose` follows."""

    def OnReceiveAbort(self, source: int, reason: int) -> None:
        """The peer has aborted the association (PS3.8 Table 9-26); `OnClose` follows."""

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
            trace_sent=self.overrides("OnSend"),
        )
        return connection

    def _connected(self) -> Connection:
        if self.connection is None:
            raise NetworkError(
                DicomErrorCode.NET_NOT_CONNECTED, "There is no connection; call Connect first."
            )
        return self.connection

    def _primitive(
        self,
        perform: Callable[[UpperLayer], None],
        *,
        waits: bool = False,
        answers_release: bool = False,
    ) -> None:
        self._connected().put(QueuedPrimitive(perform, waits, answers_release))

    def _checked(self, associate: LDicomAssociate, request: bool) -> Associate:
        """Give a copy of the parameters that can be sent, with what must be there filled in."""
        if associate.IsRequest() is not request:
            raise ParameterError(
                "An LDicomAssociate of "
                + ("request kind is needed here." if request else "accept kind is needed here."),
                DicomErrorCode.PDU_TYPE,
            )
        parameters = associate.Clone().parameters
        # What is announced is what is accepted, and no more than the limit is.
        limit = self.limits.maximum_pdu_length
        parameters.maximum_length = min(parameters.maximum_length or limit, limit)
        if parameters.implementation_class_uid is None:
            parameters.implementation_class_uid = IMPLEMENTATION_CLASS_UID
            parameters.implementation_version_name = IMPLEMENTATION_VERSION_NAME
        encode_associate(parameters)  # refuses here what could not be sent later
        return parameters

    def _require_free(self) -> None:
        if not self._initialized:
            raise NetworkError(
                DicomErrorCode.NET_NOT_INITIALISED,
                "The object was constructed with `reserved`: call Initialize first.",
            )
        if self._is_listening() or (self.connection and not self.connection.is_closed):
            raise NetworkError(
                DicomErrorCode.NET_IS_CONNECTED,
                "The object is connected, connecting or listening already.",
            )

    def _is_listening(self) -> bool:
        return self._listener is not None and self._listener.is_open

    def _client_list(self) -> list[LDicomNet]:
        with self._clients_lock:
            return list(self._clients)
