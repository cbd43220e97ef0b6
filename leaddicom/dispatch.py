"""From what a connection tells to the ``On...`` events of its `LDicomNet`.

There is one way from the wire to an event: PDUs by the table below, DIMSE messages by the table
of message types.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cryptography import x509

from leaddicom.associate import LDicomAssociate
from leaddicom.dataset import LDicomDS
from leaddicom.dimse.command import Value
from leaddicom.dimse.message import Message
from leaddicom.dimse.messages import (
    N_GET_RQ,
    DataSetPresence,
    MessageType,
)
from leaddicom.errors import DicomError, DicomErrorCode, code_of
from leaddicom.net_dimse import DebugInfoOnSend
from leaddicom.pulse import PULSE
from leaddicom.tls.text import certificate_text
from leaddicom.transport.connection import Connection
from leaddicom.upper_layer.pdu import PduEnd
from leaddicom.upper_layer.protocol import (
    Abort,
    AssociateAccepted,
    AssociateRejected,
    AssociateRequested,
    Indication,
    ReleaseConfirmed,
    ReleaseRequested,
)

if TYPE_CHECKING:
    from leaddicom.net import LDicomNet

__all__ = ["EventSource"]

# What an event gets for a parameter that is not in the command set.
_ABSENT: dict[str, Value] = {"UI": "", "AE": "", "LO": "", "US": 0, "UL": 0, "AT": ()}

_INDICATIONS: dict[type[Any], Callable[[LDicomNet, Any], None]] = {
    # A copy: what was offered is asked again when the answer is checked.
    AssociateRequested: lambda net, it: net.OnReceiveAssociateRequest(
        LDicomAssociate.from_parameters(it.request).Clone()
    ),
    AssociateAccepted: lambda net, it: net.OnReceiveAssociateAccept(
        LDicomAssociate.from_parameters(it.accept, it.request)
    ),
    AssociateRejected: lambda net, it: net.OnReceiveAssociateReject(
        it.result, it.source, it.reason
    ),
    ReleaseRequested: lambda net, it: net.OnReceiveReleaseRequest(),
    ReleaseConfirmed: lambda net, it: net.OnReceiveReleaseResponse(),
    Abort: lambda net, it: net.OnReceiveAbort(it.source, it.reason),
}


class EventSource:
    """Tells an `LDicomNet` what its connection tells (``transport.connection.ConnectionOwner``).

    Parameters
    ----------
    net : LDicomNet
        Whose events are called.
    server : LDicomNet or None
        The listener that accepted the connection, which is told about its end.

    Attributes
    ----------
    connection : Connection or None
        The connection, set by whoever made it for this.
    """

    def __init__(self, net: LDicomNet, server: LDicomNet | None) -> None:
        self.connection: Connection | None = None
        self._net = net
        self._server = server
        self._wants_data = net.overrides("OnReceiveData")
        self._changes_responses = net.overrides("OnBeforeSendCommandSet")

    def on_connect(self, error: DicomError | None) -> None:
        """Call `OnConnect`."""
        self._net.error = error
        self._fire(self._net.OnConnect, code_of(error))

    def on_verify(self, ok: bool, certificate: x509.Certificate, code: int, cause: str) -> bool:
        """Call `OnVerify`."""
        return bool(self._net.OnVerify(int(ok), certificate_text(certificate), code, cause))

    def on_secure_link_ready(self, error: DicomError | None) -> None:
        """Call `OnSecureLinkReady`."""
        self._net.error = error
        self._fire(self._net.OnSecureLinkReady, code_of(error))

    def on_close(self, error: DicomError | None) -> None:
        """Call `OnClose` of the connection and of its listener."""
        if self.connection is not None:
            self._fire(self._net.closed, self.connection, error, self._server)

    def on_received(self, pdu: PduEnd) -> None:
        """Call `OnReceive`."""
        success = DicomErrorCode.SUCCESS
        self._fire(self._net.OnReceive, success, pdu.pdu_type, pdu.data, pdu.length)

    def on_sent(self, pdu: memoryview) -> None:
        """Call `OnSend` and, in debug mode, `OnSendExt`."""
        success, pdu_type, length = DicomErrorCode.SUCCESS, pdu[0], len(pdu)
        self._fire(self._net.OnSend, success, pdu_type, length)
        if self._net.sends_debug_information:
            info = DebugInfoOnSend(success, pdu_type, length, bytes(pdu))
            self._fire(self._net.OnSendExt, info)

    def on_response(self, command: dict[int, Value]) -> dict[int, Value]:
        """Call `OnBeforeSendCommandSet`."""
        return self._net.changed_by_application(command) if self._changes_responses else command

    def on_indication(self, indication: Indication) -> None:
        """Call the event of an association, release or abort PDU."""
        call = _INDICATIONS.get(type(indication))
        if call is not None:
            self._fire(call, self._net, indication)

    def on_message(self, message: Message) -> None:
        """Call `OnReceiveData`, and then the event of the message."""
        net, received = self._net, message.dataset
        dataset = (
            LDicomDS.from_received(received, limits=net.limits) if received is not None else None
        )
        net.message = message
        try:
            if self._wants_data:
                net.OnReceiveData(message.context_id, net.GetCommandSet(), dataset)
            if message.type is None:
                net.OnReceiveUnknown(message.context_id, net.GetCommandSet(), dataset)
            else:
                event = getattr(net, message.type.event)
                event(message.context_id, *_arguments(message, message.type, dataset))
        finally:
            net.message = None
            PULSE.beat()

    @staticmethod
    def _fire(event: Callable[..., None], *arguments: object) -> None:
        """Call an event, and let `LDicomNet.Breathe` know."""
        try:
            event(*arguments)
        finally:
            PULSE.beat()


def _arguments(
    message: Message, message_type: MessageType, dataset: LDicomDS | None
) -> list[object]:
    """Give what an event gets behind the presentation context's identifier."""
    arguments: list[object] = [
        _ABSENT[parameter.element.vr] if value is None else value
        for parameter, value in zip(message_type.parameters, message.arguments(), strict=True)
    ]
    if message_type is N_GET_RQ:
        attributes = arguments[-1]
        arguments.append(len(attributes) if isinstance(attributes, tuple) else 0)
    if message_type.dataset is not DataSetPresence.ABSENT:
        arguments.append(dataset)
    return arguments
