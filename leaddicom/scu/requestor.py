"""The association of a blocking client, and the wait for what its operations are answered."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Any, TypeVar

from leaddicom.associate import LDicomAssociate
from leaddicom.dataset import LDicomDS
from leaddicom.enums import ContextResult, SecureMode
from leaddicom.errors import (
    AssociationError,
    DicomError,
    DicomErrorCode,
    NetworkError,
    ParameterError,
)
from leaddicom.limits import Limits
from leaddicom.net import LDicomNet
from leaddicom.scu.exchange import Accepted, Exchange, Request, Response
from leaddicom.scu.instances import CONTEXTS
from leaddicom.scu.results import Outcome, status_meaning
from leaddicom.tls.credentials import Password
from leaddicom.tls.settings import TlsSettings
from leaddicom.tls.trust import Paths
from leaddicom.upper_layer.negotiation import SupportedContext
from leaddicom.values import check_ae_title

__all__ = ["Requestor"]

_MESSAGE_IDS = 0xFFFF

_Self = TypeVar("_Self", bound="Requestor")
_Outcome = TypeVar("_Outcome", bound=Outcome)


class Requestor(LDicomNet):
    """What the operations of `Scu` stand on; its parameters are explained there.

    There is one way to carry out an operation: `_start` has an association and sends the first
    request, events give the responses to the operation's `Exchange`, and `_finish` waits until
    that is done or the connection is over.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        called_ae_title: str = "ANY-SCP",
        calling_ae_title: str = "LEADDICOM",
        ca_file: Paths | None = None,
        certificate: str | None = None,
        key: str | None = None,
        mode: int = SecureMode.TLS,
        limits: Limits | None = None,
        password: str | bytes | Password | None = None,
    ) -> None:
        super().__init__(None, mode)
        for title in (called_ae_title, calling_ae_title):
            check_ae_title(title)
        self.host, self.port = host, port
        self.called_ae_title, self.calling_ae_title = called_ae_title, calling_ae_title
        if limits is not None:
            self.limits = limits
        self._password = password
        self._changed = threading.Condition()
        self._ended = self.connection
        self._offered: Sequence[SupportedContext] = ()
        self._window = 1
        self._accepted: Accepted | None = None
        self._message_ids = itertools.cycle(range(1, _MESSAGE_IDS + 1))
        self._exchange: Exchange | None = None
        self._fault: BaseException | None = None
        if ca_file is not None:
            self.Initialize(None, mode, TlsSettings(ca_file=ca_file))
        if certificate is not None:
            self.SetClientCertificateTLS(certificate, key_path=key)

    @classmethod
    def like(
        cls: type[_Self],
        net: LDicomNet,
        host: str,
        port: int,
        *,
        called_ae_title: str,
        calling_ae_title: str,
        limits: Limits | None = None,
    ) -> _Self:
        """Make a client with the security of another object.

        So a server opens the associations that it owes to somebody: with the destination of a
        C-MOVE (PS3.4 section C.4.2.2), or with who has asked for storage commitment.

        Parameters
        ----------
        net : LDicomNet
            Whose mode, settings, certificate, suites and folder for temporary files it gets.
        host, port, called_ae_title, calling_ae_title
            As for the constructor.
        limits : Limits, optional
            By default those of `net`.

        Raises
        ------
        ParameterError
            An AE title is none (PS3.5 section 6.2).
        """
        made = cls(
            host,
            port,
            called_ae_title=called_ae_title,
            calling_ae_title=calling_ae_title,
            mode=net.security.mode,
            limits=net.limits if limits is None else limits,
        )
        made.security, made._path = net.security.copy(), net._path
        return made

    # -- the association -----------------------------------------------------------------------

    def associate(self, contexts: Iterable[SupportedContext]) -> None:
        """Have an association that offers at least these presentation contexts.

        Operations associate by themselves.  This is for who wants several of different SOP
        classes on one association: they use it if it offers what they need.

        Parameters
        ----------
        contexts : iterable of SupportedContext
            At most 128; with `scp` true the role of the SCP is asked for.

        Raises
        ------
        ParameterError
            There are none, or too many.
        DicomError
            What went wrong, as a rule a `TlsError`, `NetworkError` or `AssociationError`.
        """
        self._refuse_in_event()
        wanted = tuple(contexts)
        if not 1 <= len(wanted) <= CONTEXTS:
            raise ParameterError(
                f"There are {len(wanted)} presentation contexts to offer, but an association has "
                f"1 to {CONTEXTS} (PS3.8 section 9.3.2.2)."
            )
        self._associate(wanted, 1)

    def cancel(self) -> None:
        """Cancel what is under way; from any thread, also from events.

        For a query or retrieval the peer is sent a C-CANCEL (PS3.7 section 9.3.2.3), and the
        operation ends when the peer has answered that; it need not stop at once.  `Scu.store`
        sends no further instance.  Other operations are not affected.
        """
        exchange = self._exchange
        if exchange is not None:
            exchange.cancel()

    def release(self) -> None:
        """Release the association, if there is one, and close the connection.

        A query that is under way is cancelled before, since nobody will read its matches.

        Raises
        ------
        DicomError
            The peer has not confirmed the release; what it has answered before still holds.
        """
        self._refuse_in_event()
        exchange = self._exchange
        if exchange is not None:
            exchange.abandon()
            exchange.cancel()
            self._wait(lambda: exchange.done)
        self._leave()

    def close(self) -> None:
        """Do what `release` does, but leave it at a log line if that fails."""
        with contextlib.suppress(DicomError):
            self.release()
        self.Close()

    def abort(self) -> None:
        """Abort the association, if there is one, and close the connection."""
        if self._is_up():
            self.SendAbort()
        self.Close()

    def CloseForced(self, forced: bool) -> None:  # noqa: N802 - LEADTOOLS' name
        """Close; a query whose matches nobody reads does not hold that up."""
        exchange = self._exchange
        if exchange is not None:
            exchange.abandon()
        super().CloseForced(forced)

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if exc is None:
            self.close()
        else:
            self.abort()

    # -- for exchanges -------------------------------------------------------------------------

    def next_message_id(self) -> int:
        """Give a message ID that no outstanding request has."""
        return next(self._message_ids)

    @property
    def peer_text(self) -> str:
        """Host and port of the peer, for messages."""
        return f"{self.host}:{self.port}"

    # -- events --------------------------------------------------------------------------------

    def OnPrivateKeyPassword(self, encryption: bool) -> str | bytes | None:
        """Give the password that the constructor got."""
        return self._password() if callable(self._password) else self._password

    def OnConnect(self, error: int) -> None:
        """Request the association, or let the caller know that there is no connection."""
        if error:
            self._end()
        else:
            self.SendAssociateRequest(self._associate_request())

    def OnReceiveAssociateAccept(self, associate: LDicomAssociate) -> None:
        """Note what was accepted."""
        accepted: dict[str, dict[str, int]] = {}
        for index in range(associate.GetPresentationCount()):
            identifier = associate.GetPresentation(index)
            if associate.GetResult(identifier) == ContextResult.ACCEPTANCE:
                by_syntax = accepted.setdefault(associate.GetAbstract(identifier), {})
                by_syntax.setdefault(associate.GetTransfer(identifier, 0), identifier)
        self._accepted = accepted
        self._notify()

    def OnClose(self, error: int, net: LDicomNet) -> None:
        """Let the caller know that nothing more will come."""
        self._end()

    def _on_response(self, *arguments: Any, **_: Any) -> None:
        """Hand the response to the operation that waits for it."""
        exchange, message = self._exchange, self.message
        if exchange and message and exchange.awaits(message.message_id):
            dataset = arguments[-1] if isinstance(arguments[-1], LDicomDS) else None
            self._handle(lambda: exchange.answered(Response(message, dataset)))
            if exchange.done:
                self._notify()

    OnReceiveCEchoResponse = _on_response
    OnReceiveCStoreResponse = _on_response
    OnReceiveCFindResponse = _on_response
    OnReceiveCGetResponse = _on_response
    OnReceiveCMoveResponse = _on_response
    OnReceiveNReportResponse = _on_response
    OnReceiveNGetResponse = _on_response
    OnReceiveNSetResponse = _on_response
    OnReceiveNActionResponse = _on_response
    OnReceiveNCreateResponse = _on_response
    OnReceiveNDeleteResponse = _on_response

    def _handle(self, act: Callable[[], None]) -> None:
        """Do what an event asks for; what goes wrong is raised in the thread that waits."""
        try:
            act()
        except BaseException as fault:  # noqa: BLE001 - it goes to the thread that waits
            self._fault = fault
            self.SendAbort()

    # -- operations ----------------------------------------------------------------------------

    def _call(self, request: Request) -> Response:
        """Carry out a request; give its final response."""
        self._start(request)
        error = self._finish(request)
        if error is not None:
            raise error
        return request.final

    def _outcome(
        self, kind: type[_Outcome], operation: str, final: Response, **more: Any
    ) -> _Outcome:
        """Say how a request was answered."""
        meaning = status_meaning(operation, final.status, more.get("sop_class_uid", ""))
        return kind(operation, self.peer_text, final.status, meaning, final.comment, **more)

    def _start(self, exchange: Exchange) -> None:
        """Have an association that fits an exchange, and begin it."""
        self._refuse_in_event()
        with self._changed:
            if self._exchange is not None and not self._exchange.is_abandoned:
                raise ParameterError(
                    "Another operation of this Scu is under way: read all matches of a query "
                    "first, or close its iterator, or take another Scu."
                )
            self._exchange = exchange
        try:
            exchange.bind(self._associate(exchange.contexts, exchange.window))
            exchange.begin()
        except BaseException:
            self._exchange = None
            raise

    def _finish(self, exchange: Exchange) -> DicomError | None:
        """Wait until an exchange is done; give what ended the association before, if it did."""
        try:
            self._wait(lambda: exchange.done)
        except BaseException:  # Ctrl-C: nobody would understand the responses that still come
            self.abort()
            raise
        finally:
            if self._exchange is exchange:
                self._exchange = None
            fault, self._fault = self._fault, None
        if fault is not None:
            raise fault
        return None if exchange.done else self._reason()

    def _associate(self, contexts: Sequence[SupportedContext], window: int) -> Accepted:
        """Have an association that offers the contexts, and give the accepted ones."""
        fits = window <= self._window and set(contexts) <= set(self._offered)
        if not (self._is_up() and fits):
            with contextlib.suppress(DicomError):
                self._leave()
            super().CloseForced(False)
            self._offered, self._window, self._accepted = contexts, window, None
            self.Connect(None, 0, self.host, self.port)
            self._wait(lambda: self._accepted is not None)
        if self._accepted is None:
            raise self._reason()
        return self._accepted

    def _associate_request(self) -> LDicomAssociate:
        request = LDicomAssociate(True)
        request.SetCalled(self.called_ae_title)
        request.SetCalling(self.calling_ae_title)
        for number, context in enumerate(self._offered):
            identifier = 2 * number + 1
            request.AddPresentation(identifier, ContextResult.ACCEPTANCE, context.abstract_syntax)
            for syntax in context.transfer_syntaxes:
                request.AddTransfer(identifier, syntax)
            if context.scp:
                request.SetRoleSelect(identifier, True, context.scu is not False, True)
        if self._window > 1:
            request.SetAsyncOperations(True, self._window, 1)
        return request

    def _is_up(self) -> bool:
        return self.connection is not self._ended and self.IsAssociated()

    def _leave(self) -> None:
        if self._is_up():
            with contextlib.suppress(AssociationError, NetworkError):
                self.SendReleaseRequest()
            self._wait(lambda: False)
            if self.error is not None:
                raise self.error
        super().CloseForced(False)

    # -- waiting -------------------------------------------------------------------------------

    def _wait(self, is_reached: Callable[[], bool]) -> None:
        # It takes no time-out: every step of a connection has a deadline, and so an end.
        self._refuse_in_event()
        with self._changed:
            self._changed.wait_for(lambda: self.connection is self._ended or is_reached())

    def _refuse_in_event(self) -> None:
        if self.connection is not None and self.connection.in_network_thread:
            raise ParameterError("An operation of Scu waits, which an event must not do.")

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _end(self) -> None:
        self._ended = self.connection
        self._notify()

    def _reason(self) -> DicomError:
        return self.error or AssociationError(
            DicomErrorCode.NET_CONNECTION_ABORTED,
            f"The association with {self.peer_text} ended before all was answered, without an "
            "error: the peer released it, or this program closed it.",
        )
