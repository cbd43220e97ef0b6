"""From what a connection tells to the ``On...`` events of its `LDicomNet`.

There is one way from the wire to an event: PDUs by the table below, DIMSE messages by the table
of message types.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from leaddicom.associate import LDicomAssociate
from leaddicom.dataset import LDicomDS
from leaddicom.dimse.command import Value
from leaddicom.dimse.message import Message
from leaddicom.dimse.messages import (
    COMMAND_ELEMENTS,
    COMMAND_GROUP_LENGTH,
    N_GET_RQ,
    DataSetPresence,
    MessageType,
)
from leaddicom.errors import DicomError, DicomErrorCode, code_of
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

__all__ = ["EventSource", "command_data_set"]

# What an event gets for a parameter that is not in the command set.
_ABSENT: dict[str, Value] = {"UI": "", "AE": "", "LO": "", "US": 0, "UL": 0, "AT": ()}

_INDICATIONS: dict[type[Any], Callable[[LDicomNet, Any], None]] = {
    AssociateRequested: lambda net, it: net.OnReceiveAssociateRequest(
        LDicomAssociate.from_parameters(it.request)
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


def command_data_set(command: dict[int, Value]) -> Dataset:
    """Give a command set as pydicom shows it, group length left out (PS3.7 Annex E)."""
    dataset = Dataset()
    for element, value in command.items():
        known = COMMAND_ELEMENTS.get(element)
        if known is not None and known is not COMMAND_GROUP_LENGTH:
            shown = list(value) if isinstance(value, tuple) else value
            dataset.add(DataElement(Tag(0x0000, element), known.vr, shown))
    return dataset


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

    def on_connect(self, error: DicomError | None) -> None:
        """Call `OnConnect`."""
        self._net.error = error
        self._net.OnConnect(code_of(error))

    def on_secure_link_ready(self, error: DicomError | None) -> None:
        """Call `OnSecureLinkReady`."""
        self._net.error = error
        self._net.OnSecureLinkReady(code_of(error))

    def on_close(self, error: DicomError | None) -> None:
        """Call `OnClose` of the connection and of its listener."""
        if self.connection is not None:
            self._net.closed(self.connection, error, self._server)

    def on_received(self, pdu: PduEnd) -> None:
        """Call `OnReceive`."""
        self._net.OnReceive(DicomErrorCode.SUCCESS, pdu.pdu_type, pdu.data, pdu.length)

    def on_sent(self, pdu_type: int, length: int) -> None:
        """Call `OnSend`."""
        self._net.OnSend(DicomErrorCode.SUCCESS, pdu_type, length)

    def on_indication(self, indication: Indication) -> None:
        """Call the event of an association, release or abort PDU."""
        call = _INDICATIONS.get(type(indication))
        if call is not None:
            call(self._net, indication)

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
