"""`UpsEventReceiver`, the server that a worklist manager reports events to."""

from __future__ import annotations

import hashlib
import logging
import os
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TypeVar

from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from leaddicom.contexts import UNCOMPRESSED, VERIFICATION
from leaddicom.dataset import LDicomDS
from leaddicom.decoding import encode_data_set
from leaddicom.enums import IpType, SecureMode, Status
from leaddicom.errors import DataSetError
from leaddicom.limits import Limits
from leaddicom.net import LDicomNet
from leaddicom.tls.credentials import Password
from leaddicom.tls.settings import TlsSettings
from leaddicom.tls.trust import Paths
from leaddicom.upper_layer.negotiation import SupportedContext
from leaddicom.ups.client.views import UpsEvent
from leaddicom.ups.core.terms import EventType, SopClass
from leaddicom.values import is_uid

__all__ = ["UpsEventReceiver"]

logger = logging.getLogger(__name__)

#: Events that wait to be read, and bytes of their information; the manager keeps those that come
#: beyond, and tries again.
_WAITING, _WAITING_LENGTH = 10_000, 64 << 20

#: Of an Event Information, which is a few attributes: bytes, and elements and items.
_INFORMATION_LENGTH, _ELEMENTS = 1 << 20, 10_000

#: What looks the same may have happened twice: the manager was killed and has started again, or
#: somebody has asked again.  To hear of it once too often does less harm than not to hear of it.
_HAPPENS_AGAIN = frozenset({EventType.SCP_STATUS_CHANGE, EventType.CANCEL_REQUESTED})

#: Workitems, or rather kinds of events of workitems, whose last event is remembered.
_REMEMBERED = 10_000

_EXPLICIT = str(ExplicitVRLittleEndian)

_Self = TypeVar("_Self", bound="UpsEventReceiver")


class _Memory:
    """Remembers the last event of each kind of each workitem, of as many as are allowed.

    Only the last: a workitem may become ready, unready and ready again, and the third report
    is no repetition of the first.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: OrderedDict[tuple[str, EventType], bytes] = OrderedDict()
        self._being_taken: set[tuple[str, EventType, bytes]] = set()

    def admits(self, event: UpsEvent, content: bytes) -> Status | None:
        """Remember an event that is about to be taken.

        Returns
        -------
        Status or None
            If it is the same as the last of its kind, what to answer at once: that one may still
            be refused, and then this one has to come again.
        """
        if event.type in _HAPPENS_AGAIN:
            return None
        key = event.uid, event.type
        with self._lock:
            if self._last.get(key) == content:
                is_open = (*key, content) in self._being_taken
                return Status.RESOURCE_LIMITATION if is_open else Status.SUCCESS
            self._being_taken.add((*key, content))
            self._last[key] = content
            self._last.move_to_end(key)
            if len(self._last) > _REMEMBERED:
                self._last.popitem(last=False)
            return None

    def settle(self, event: UpsEvent, content: bytes, *, is_taken: bool) -> None:
        """Note whether an event was taken; if not, its repetition is welcome."""
        key = event.uid, event.type
        with self._lock:
            self._being_taken.discard((*key, content))
            if not is_taken and self._last.get(key) == content:
                del self._last[key]


class UpsEventReceiver(LDicomNet):
    """A server that takes event reports, and gives them to a function or to a loop.

    Parameters
    ----------
    path, mode, reserved
        As for `LDicomNet`.
    callback : Callable[[UpsEvent], None], optional
        Called for every event, on the thread of its connection, so that the manager waits for
        its return.  If it raises, the manager is answered 0110H and may try again.  Without it
        events wait for `events` or `next_event`.
    ae_title : str
        AE title that has to be called; "" for any.
    ca_file, certificate, key, password
        As for `Scu`; managers have to show a certificate of this CA.

    Notes
    -----
    The manager has to know the AE title, host and port of the receiver, and `UpsScu.subscribe`
    has to name that AE title.

    A report of what is known already, such as one that was delivered twice, is given once; but each
    Cancel Requested and each SCP Status Change is given.  Managers may be of either opinion on who
    is the SCU of an event report: both are accepted.

    Examples
    --------
    >>> from leaddicom.ups.client import UpsEventReceiver
    >>> tls = {"ca_file": "ca.pem", "certificate": "me.pem", "key": "me.key"}
    >>> with UpsEventReceiver(ae_title="WATCHER", **tls) as receiver:
    ...     receiver.Listen(None, 2763)
    ...     for event in receiver.events(timeout=600):
    ...         print(event.type.name, event.uid, event.state)
    """

    supported_contexts = (
        *VERIFICATION,
        SupportedContext(SopClass.EVENT.value, UNCOMPRESSED, scu=True, scp=True),
    )

    limits = Limits(data_set_length=_INFORMATION_LENGTH, data_set_elements=_ELEMENTS)

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        mode: int = SecureMode.TLS,
        reserved: bool | None = None,
        *,
        callback: Callable[[UpsEvent], None] | None = None,
        ae_title: str = "",
        ca_file: Paths | None = None,
        certificate: str | None = None,
        key: str | None = None,
        password: str | bytes | Password | None = None,
    ) -> None:
        super().__init__(path, mode, reserved)
        self.ae_title = ae_title
        self._password = password
        self._callback = callback
        # CreateClient copies the object: all connections share these.
        self._memory = _Memory()
        self._waiting: deque[tuple[UpsEvent, int]] = deque()
        self._changed = threading.Condition()
        self._is_over = False
        if ca_file is not None:
            self.Initialize(path, mode, TlsSettings(ca_file=ca_file))
        if certificate is not None:
            self.SetServerCertificateTLS(certificate, key_path=key)

    def next_event(self, timeout: float | None = None) -> UpsEvent | None:
        """Wait for an event, and give it; `None` if none has come.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait at most; by default until the receiver is closed.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_over, timeout)
            return self._waiting.popleft()[0] if self._waiting else None

    def events(self, timeout: float | None = None) -> Iterator[UpsEvent]:
        """Give the events as they come.

        Parameters
        ----------
        timeout : float, optional
            Seconds from the first call on; by default until the receiver is closed.
        """
        ends = None if timeout is None else time.monotonic() + timeout
        while True:
            left = None if ends is None else max(ends - time.monotonic(), 0.0)
            event = self.next_event(left)
            if event is None:
                return
            yield event

    def ServerClose(self) -> None:  # noqa: N802 - LEADTOOLS' name
        """Stop listening; who waits for events gets those that are there, and no more."""
        super().ServerClose()
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def Listen(  # noqa: N802 - LEADTOOLS' name
        self,
        host_address: str | None,
        host_port: int,
        nb_peers: int = 0,
        ip_type: int = IpType.IPV4_OR_IPV6,
    ) -> None:
        """Listen for managers; parameters as for `LDicomNet.Listen`."""
        self._is_over = False
        super().Listen(host_address, host_port, nb_peers, ip_type)

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.Close()

    # -- events of the connection --------------------------------------------------------------

    def OnPrivateKeyPassword(self, encryption: bool) -> str | bytes | None:
        """Give the password that the constructor got."""
        return self._password() if callable(self._password) else self._password

    def OnReceiveNReportRequest(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        sop_instance_uid: str,
        event: int,
        dataset: LDicomDS | None,
    ) -> None:
        """Take an event, and answer."""
        status = self._status(sop_class_uid, sop_instance_uid, event, dataset)
        names = (presentation_id, message_id, sop_class_uid, sop_instance_uid)
        self.SendNReportResponse(*names, status, event)

    # -- how -----------------------------------------------------------------------------------

    def _status(
        self, sop_class_uid: str, uid: str, event_type: int, dataset: LDicomDS | None
    ) -> Status:
        """Take an event; give what to answer, one of the statuses of PS3.7 section 10.1.1.1.8."""
        if sop_class_uid != SopClass.PUSH:
            return Status.NO_SUCH_CLASS  # PS3.4 section CC.3.1.1: every workitem is of UPS Push
        try:
            kind = EventType(event_type)
        except ValueError:
            return Status.NO_SUCH_EVENT_TYPE
        if not is_uid(uid):
            return Status.INVALID_OBJECT_INSTANCE
        try:
            information = Dataset() if dataset is None else dataset.to_pydicom()
            encoded = encode_data_set(information, _EXPLICIT)
        except DataSetError as error:
            logger.warning("An event of %s cannot be decoded: %s", uid, error)
            return Status.PROCESSING_FAILURE
        event = UpsEvent(kind, uid, information, self._manager())
        content = hashlib.sha256(encoded).digest()
        repeated = self._memory.admits(event, content)
        if repeated is not None:
            return repeated
        status = Status.PROCESSING_FAILURE
        try:
            status = self._taken(event, len(encoded))
        finally:
            self._memory.settle(event, content, is_taken=status == Status.SUCCESS)
        return status

    def _taken(self, event: UpsEvent, length: int) -> Status:
        if self._callback is None:
            with self._changed:
                waiting = sum(each for _, each in self._waiting)
                if len(self._waiting) >= _WAITING or waiting + length > _WAITING_LENGTH:
                    return Status.RESOURCE_LIMITATION
                self._waiting.append((event, length))
                self._changed.notify_all()
            return Status.SUCCESS
        try:
            self._callback(event)
        except Exception:
            logger.exception("The callback has failed for %s of %s", event.type.name, event.uid)
            return Status.PROCESSING_FAILURE
        return Status.SUCCESS

    def _manager(self) -> str:
        associate = self.GetAssociate()
        return "" if associate is None else associate.GetCalling()
