"""What the DIMSE methods of `LDicomNet` have in common."""

from __future__ import annotations

import os
from collections.abc import Sequence

from pydicom.dataset import Dataset

from leaddicom.dataset import LDicomDS
from leaddicom.dimse.command import Value
from leaddicom.dimse.messages import MessageType
from leaddicom.errors import DicomErrorCode, NetworkError
from leaddicom.limits import Limits
from leaddicom.transport.connection import Connection

__all__ = ["DataSet", "MessageSender"]

#: What ``Send...`` methods take as data set: ours, pydicom's, or the path of a DICOM file.
DataSet = LDicomDS | Dataset | str | os.PathLike[str]


class MessageSender:
    """What sends the DIMSE messages of an `LDicomNet`.

    Notes
    -----
    A ``Send...`` method queues the message and returns; what happened to it comes with
    `OnSend` and with the response.  It may be called from any thread; outside of events it waits
    while the queue is full.  The parameters are:

    presentation_id : int
        Identifier of an accepted presentation context.
    message_id : int
        0 to 65535, chosen by the application; in a response that of the request.
    sop_class_uid, sop_instance_uid : str
        SOP class and instance; in a response they may be empty.
    priority : int
        A `Priority`.
    status : int
        A `Status`, or any other status of PS3.7 Annex C or of the service class.
    dataset : LDicomDS, pydicom.dataset.Dataset, str or path-like
        A `Dataset` is encoded at the call, a file is read when its turn comes.

    They raise `ParameterError` for what cannot be sent on the presentation context,
    `DataSetError` for a data set that cannot be encoded or read, and `NetworkError` when there
    is no connection.

    A request whose ``OnReceive...Request`` raises is answered with 0110H (processing failure),
    unless it was answered before; after any other event that raises the association is aborted.
    """

    connection: Connection | None
    limits: Limits

    def _send(
        self,
        message_type: MessageType,
        presentation_id: int,
        arguments: Sequence[Value | None],
        dataset: DataSet | None = None,
    ) -> None:
        if self.connection is None:
            raise NetworkError(
                DicomErrorCode.NET_NOT_CONNECTED,
                f"{message_type.name} cannot be sent: there is no connection. Call Connect first.",
            )
        context = self.connection.session.context(presentation_id)
        source = None
        if dataset is not None:
            source = _wrap(dataset, self.limits).source(context.transfer_syntax)
        self.connection.send(message_type, presentation_id, arguments, source)


def _wrap(dataset: DataSet, limits: Limits) -> LDicomDS:
    if isinstance(dataset, LDicomDS):
        return dataset
    if isinstance(dataset, Dataset):
        return LDicomDS(dataset, limits=limits)
    return LDicomDS.from_file(dataset, limits=limits)
