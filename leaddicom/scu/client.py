"""`Scu`, the blocking client."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType

from leaddicom.associate import LDicomAssociate
from leaddicom.contexts import UNCOMPRESSED, VERIFICATION
from leaddicom.dimse.messages import ERROR_COMMENT
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
from leaddicom.scu.instances import Context, Paths, batches, find_instances
from leaddicom.scu.results import StoreProgress, StoreResult
from leaddicom.scu.transfer import Report, Transfer
from leaddicom.tls.settings import TlsSettings
from leaddicom.values import check_ae_title

__all__ = ["Scu"]

_VERIFICATION = VERIFICATION[0].abstract_syntax


class Scu(LDicomNet):
    """A client whose methods return when the peer has answered.

    It associates when an operation needs it, and keeps the association for the next operation
    that its presentation contexts fit.  At the end of a ``with`` block it releases the
    association, or aborts it if the block has raised.

    Parameters
    ----------
    host : str
        Name or address of the peer.  With TLS its certificate has to have it.
    port : int
        Port of the peer.
    called_ae_title, calling_ae_title : str
        AE title of the peer, and the own one.
    ca_file : str, optional
        PEM file of the CAs that are trusted to have issued the peer's certificate.
    certificate, key : str, optional
        PEM files of the own certificate and its key; a key that is not given is in the
        certificate's file.
    mode : int
        `DICOM_SECURE_TLS` (the default) or `DICOM_SECURE_NONE`.
    limits : Limits, optional
        Deadlines and limits.
    password : str or bytes, optional
        Of the key; for a prompt override `OnPrivateKeyPassword`.

    Raises
    ------
    TlsError
        Certificate or key cannot be used.
    ParameterError
        An AE title is none (PS3.5 section 6.2).

    Notes
    -----
    It is an `LDicomNet`: `link_facts` and `peer_identity` tell about the connection, also when
    it is over; and `Initialize` sets TLS options before the first operation.  Of the events,
    overrides of `OnConnect`, `OnClose`, `OnReceiveAssociateAccept` and of the responses have to
    call their originals.  One thread at a time may call the operations; not one inside events.

    Examples
    --------
    >>> with Scu("pacs", 2762, ca_file="ca.pem", certificate="me.pem", key="me.key") as scu:
    ...     scu.echo()
    ...     result = scu.store("images/", window=16)
    >>> print(result.sent, result.failed)
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        called_ae_title: str = "ANY-SCP",
        calling_ae_title: str = "LEADDICOM",
        ca_file: str | None = None,
        certificate: str | None = None,
        key: str | None = None,
        mode: int = SecureMode.TLS,
        limits: Limits | None = None,
        password: str | bytes | None = None,
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
        self._offered: Sequence[Context] = ()
        self._window = 1
        self._accepted: dict[str, dict[str, int]] | None = None
        self._transfer: Transfer | None = None
        self._echo_status: int | None = None
        self._fault: BaseException | None = None
        if ca_file is not None:
            self.Initialize(None, mode, TlsSettings(ca_file=ca_file))
        if certificate is not None:
            self.SetClientCertificateTLS(certificate, key_path=key)

    # -- operations ----------------------------------------------------------------------------

    def echo(self) -> float:
        """Verify that the peer answers (PS3.4 Annex A).

        Returns
        -------
        float
            Seconds from the request to the response.

        Raises
        ------
        DicomError
            What went wrong, as a rule a `TlsError`, `NetworkError` or `AssociationError`.
        """
        accepted = self._associate([(_VERIFICATION, UNCOMPRESSED)])
        identifiers = accepted.get(_VERIFICATION)
        if not identifiers:
            raise AssociationError(
                DicomErrorCode.CLASS_NOT_SUPPORTED,
                f"{self._peer()} does not accept the Verification SOP class.",
            )
        context_id = next(iter(identifiers.values()))
        began = time.perf_counter()
        status = self._status_of_echo(context_id)
        seconds = time.perf_counter() - began
        if status is None:
            raise self._reason()
        if status:
            raise AssociationError(
                DicomErrorCode.NET_FAILURE,
                f"{self._peer()} answered the C-ECHO with status {status:04X}H "
                "(PS3.7 section 9.1.5.1.4).",
            )
        return seconds

    def store(
        self,
        paths: Paths,
        *,
        progress: Callable[[StoreProgress], None] | None = None,
        window: int = 1,
    ) -> StoreResult:
        """Store instances (PS3.4 Annex B).

        Every instance is sent as it is, if the peer takes its transfer syntax.  One that is not
        compressed is otherwise re-encoded in Explicit or Implicit VR Little Endian.

        Parameters
        ----------
        paths : path-like or iterable of path-like
            Files, and folders, which are walked in alphabetical order.
        progress : Callable[[StoreProgress], None], optional
            Called for every instance, as a rule on the network thread, which waits for it.
            What it raises aborts the association and is raised by this method.
        window : int
            Requests that may be outstanding at a time.  Above 1 an asynchronous operations
            window is offered (PS3.7 Annex D.3.3.3), and used as far as the peer grants it.

        Returns
        -------
        StoreResult
            What became of the files.  If the association breaks once something was sent or
            refused, the rest has failed with the reason; nothing is sent a second time.

        Raises
        ------
        DicomError
            As a rule a `TlsError`, `NetworkError` or `AssociationError`: there was no
            association at all.
        ParameterError
            The window is not in 1 to 65535, or an AE title is none.
        """
        if not 1 <= window <= 0xFFFF:
            raise ParameterError(f"The window is {window}, but must lie between 1 and 65535.")
        result = StoreResult()
        instances = list(find_instances(paths, self.limits, result))
        report = Report(result, len(instances), progress)
        began = time.perf_counter()
        for batch in batches(instances):
            transfer = Transfer(self, batch, window, report)
            if result.error is None:
                result.error = self._run(transfer)
            if result.error is not None:
                transfer.give_up(str(result.error))
            result.seconds = time.perf_counter() - began
        return result

    def release(self) -> None:
        """Release the association, if there is one, and close the connection.

        Raises
        ------
        DicomError
            The peer has not confirmed the release; what it has answered before still holds.
        """
        if self._is_up():
            self._ask(self.SendReleaseRequest, lambda: False)
            if self.error is not None:
                raise self.error
        self.Close()

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

    def __enter__(self) -> Scu:
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

    # -- events --------------------------------------------------------------------------------

    def OnPrivateKeyPassword(self, encryption: bool) -> str | bytes | None:
        """Give the password that the constructor got."""
        return self._password

    def OnConnect(self, error: int) -> None:
        """Request the association, or let the caller know that there is no connection."""
        if error:
            self._end()
        else:
            self.SendAssociateRequest(self._request())

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

    def OnReceiveCEchoResponse(
        self, presentation_id: int, message_id: int, sop_class_uid: str, status: int
    ) -> None:
        """Note the answer."""
        self._echo_status = status
        self._notify()

    def OnReceiveCStoreResponse(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        sop_instance_uid: str,
        status: int,
    ) -> None:
        """Note the answer, and send the next instances."""
        transfer = self._transfer
        if transfer is None:
            return
        try:
            transfer.answered(message_id, status, self._comment() if status else "")
        except (AssociationError, NetworkError):
            return  # `OnClose` comes, and the reason with it
        except BaseException as fault:  # noqa: BLE001 - it goes to the thread that waits
            self._fault = fault
            self.SendAbort()
            return
        if transfer.done:
            self._notify()

    def OnClose(self, error: int, net: LDicomNet) -> None:
        """Let the caller know that nothing more will come."""
        self._end()

    # -- waiting -------------------------------------------------------------------------------

    def _is_up(self) -> bool:
        return self.connection is not self._ended and self.IsAssociated()

    def _associate(self, contexts: Sequence[Context], window: int = 1) -> dict[str, dict[str, int]]:
        """Have an association that offers the contexts, and give the accepted ones."""
        if self.connection is not None and self.connection.in_network_thread:
            raise ParameterError("An operation of Scu waits, which an event must not do.")
        fits = window <= self._window and set(contexts) <= set(self._offered)
        if not (self._is_up() and fits):
            self.close()
            self._offered, self._window, self._accepted = contexts, window, None
            self.Connect(None, 0, self.host, self.port)
            self._wait(lambda: self._accepted is not None)
        if self._accepted is None:
            raise self._reason()
        return self._accepted

    def _request(self) -> LDicomAssociate:
        request = LDicomAssociate(True)
        request.SetCalled(self.called_ae_title)
        request.SetCalling(self.calling_ae_title)
        for number, (abstract, syntaxes) in enumerate(self._offered):
            identifier = 2 * number + 1
            request.AddPresentation(identifier, ContextResult.ACCEPTANCE, abstract)
            for syntax in syntaxes:
                request.AddTransfer(identifier, syntax)
        if self._window > 1:
            request.SetAsyncOperations(True, self._window, 1)
        return request

    def _run(self, transfer: Transfer) -> DicomError | None:
        """Bring a batch to its end; give what broke the association, if it broke."""
        try:
            transfer.accepted = self._associate(transfer.contexts, transfer.window)
        except DicomError as error:
            if transfer.report.done:
                return error
            raise
        self._transfer = transfer
        self._ask(transfer.begin, lambda: transfer.done)
        self._transfer = None
        fault = self._take_fault()
        if fault is not None:
            raise fault
        return None if transfer.done else self._reason()

    def _take_fault(self) -> BaseException | None:
        fault, self._fault = self._fault, None
        return fault

    def _status_of_echo(self, context_id: int) -> int | None:
        self._echo_status = None
        self._ask(
            lambda: self.SendCEchoRequest(context_id, 1, _VERIFICATION),
            lambda: self._echo_status is not None,
        )
        return self._echo_status

    def _ask(self, send: Callable[[], None], is_answered: Callable[[], bool]) -> None:
        """Send, and wait until it is answered or the connection is over."""
        try:
            send()
        except (AssociationError, NetworkError):
            self._wait(lambda: False)  # it ended in between, and its end tells why
        else:
            self._wait(is_answered)

    def _wait(self, is_reached: Callable[[], bool]) -> None:
        # It takes no time-out: every step of a connection has a deadline, and so an end.
        with self._changed:
            self._changed.wait_for(lambda: self.connection is self._ended or is_reached())

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _end(self) -> None:
        self._ended = self.connection
        self._notify()

    def _reason(self) -> DicomError:
        return self.error or AssociationError(
            DicomErrorCode.NET_CONNECTION_ABORTED,
            f"The association with {self._peer()} ended before all was answered, without an "
            "error: the peer released it, or this program closed it.",
        )

    def _peer(self) -> str:
        return f"{self.host}:{self.port}"

    def _comment(self) -> str:
        return "" if self.message is None else str(self.message.get(ERROR_COMMENT.element, ""))
