"""What the DIMSE methods of `LDicomNet` have in common: sending, and what goes with it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntFlag
from typing import TypeVar

from pydicom.dataset import Dataset

from leaddicom.command_set import command_data_set, command_values
from leaddicom.dataset import LDicomDS
from leaddicom.dimse.command import Value
from leaddicom.dimse.composition import is_final
from leaddicom.dimse.fragmentation import DataSetSource
from leaddicom.dimse.message import Message, message_id_element
from leaddicom.dimse.messages import (
    COMMAND_DATA_SET_TYPE,
    COMMAND_FIELD,
    DATA_SET_ABSENT,
    DATA_SET_PRESENT,
    MESSAGE_ID_BEING_RESPONDED_TO,
    STATUS,
    MessageType,
)
from leaddicom.enums import DebugMode, NetFlag, Status
from leaddicom.errors import DicomErrorCode, NetworkError, ParameterError
from leaddicom.limits import Limits
from leaddicom.mirror import differs
from leaddicom.transport.connection import Connection

__all__ = ["DataSet", "DebugInfoOnSend", "MessageSender"]

#: What ``Send...`` methods take as data set: ours, pydicom's, or the path of a DICOM file.
DataSet = LDicomDS | Dataset | str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class DebugInfoOnSend:
    """What `MessageSender.OnSendExt` tells (LEADTOOLS' ``DICOMNETDEBUGINFOONSEND``).

    Attributes
    ----------
    error : int
        A `DicomErrorCode`.
    pdu_type : int
        A `PduType`.
    length : int
        Bytes of the PDU.
    data : bytes
        The PDU itself.
    """

    error: int
    pdu_type: int
    length: int
    data: bytes


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
    message: Message | None
    limits: Limits
    _flags: NetFlag = NetFlag.NONE
    _debug_mode: DebugMode = DebugMode.NORMAL
    _sends_together: bool = True
    _optimizes_memory: bool = True

    # -- sending -------------------------------------------------------------------------------

    def SendData(
        self,
        presentation_id: int,
        command_set: LDicomDS | Dataset,
        dataset: DataSet | None = None,
    ) -> None:
        """Send a message with a command set of one's own.

        Parameters
        ----------
        presentation_id : int
            Identifier of an accepted presentation context.
        command_set : LDicomDS or pydicom.dataset.Dataset
            Elements of group 0000 (PS3.7 Table E.1-1), among them Command Field and, in a
            request, Message ID, in a response and in C-CANCEL-RQ Message ID Being Responded To.
            Command Group Length and Command Data Set Type are filled in.
        dataset : LDicomDS, pydicom.dataset.Dataset, str or path-like, optional
            The data set.

        Raises
        ------
        ParameterError
            One of these elements is missing, or an element does not belong there.
        """
        whole = command_set.to_pydicom() if isinstance(command_set, LDicomDS) else command_set
        command = command_values(whole)
        field = command.get(COMMAND_FIELD.element)
        if not isinstance(field, int) or message_id_element(field) not in command:
            raise ParameterError(
                "A command set needs a Command Field (0000,0100) and a Message ID (0000,0110), "
                "in a response and in C-CANCEL-RQ a Message ID Being Responded To (0000,0120)."
            )
        has_data_set = dataset is not None
        command[COMMAND_DATA_SET_TYPE.element] = (
            DATA_SET_PRESENT if has_data_set else DATA_SET_ABSENT
        )
        connection, source = self._prepared("The message", presentation_id, dataset)
        connection.send_command(presentation_id, command, source)

    def GetCommandSet(self) -> LDicomDS | None:
        """Give the command set of the message whose event runs."""
        return None if self.message is None else LDicomDS(command_data_set(self.message.command))

    @differs("Counts messages and association primitives, each until the network has all of it.")
    def GetQueueSend(self) -> int:
        """Give the number of messages that wait to be sent."""
        return 0 if self.connection is None else self.connection.queued

    # -- how it is sent ------------------------------------------------------------------------

    @differs("1 is the only flag, as in .NET; the number is ours.")
    def SetFlags(self, flags: int) -> None:
        """Set options of sending.

        Parameters
        ----------
        flags : int
            `NetFlag` bits.  With a flag set, every data set is encoded anew when its message is
            queued, a file in memory.
        """
        self._flags = _bits(NetFlag, flags)

    def GetFlags(self) -> NetFlag:
        """Give the options of sending, see `SetFlags`."""
        return self._flags

    @differs(
        "On from the beginning; off, every PDU is handed to the network alone, in a TLS record of "
        "its own, which helps against peers that lose what comes behind the first."
    )
    def EnableOptimizedSend(self, enable: bool) -> None:
        """Let PDUs that wait leave together, in as few packets as they fit into."""
        self._sends_together = bool(enable)
        if self.connection is not None:
            self.connection.session.one_pdu_at_a_time = not self._sends_together

    @differs(
        "Noted and without effect: a file is always read while it leaves, in pieces, and must stay "
        "as it is until then."
    )
    def EnableOptimizedMemorySend(self, enable: bool) -> None:
        """Let files be read while they are sent, which they are anyway."""
        self._optimizes_memory = bool(enable)

    @differs("On from the beginning.")
    def IsOptimizedMemorySendEnabled(self) -> bool:
        """Give what `EnableOptimizedMemorySend` was told."""
        return self._optimizes_memory

    @differs(
        "`OnSendExt` fires beside `OnSend`; flag 2 changes nothing: `OnReceive` has the bytes."
    )
    def SetDebugMode(self, flags: int) -> DebugMode:
        """Choose what `OnSendExt` tells.

        Parameters
        ----------
        flags : int
            `DebugMode` bits.

        Returns
        -------
        DebugMode
            The ones before.
        """
        before, self._debug_mode = self._debug_mode, _bits(DebugMode, flags)
        return before

    # -- events --------------------------------------------------------------------------------

    @differs("Not called unless overridden.")
    def OnSend(self, error: int, pdu_type: int, length: int) -> None:
        """A PDU of `length` bytes has left."""

    @differs("Fires beside `OnSend`, after `SetDebugMode` with 1.")
    def OnSendExt(self, info: DebugInfoOnSend) -> None:
        """A PDU has left; this event also has its bytes."""

    @differs("Not called unless overridden.")
    def OnReceive(self, error: int, pdu_type: int, buffer: bytes, length: int) -> None:
        """A PDU of `length` bytes has arrived."""

    @differs("Not called unless overridden.")
    def OnReceiveData(
        self, presentation_id: int, command_set: LDicomDS | None, dataset: LDicomDS | None
    ) -> None:
        """A DIMSE message has arrived; its own event follows."""

    def OnReceiveUnknown(
        self, presentation_id: int, command_set: LDicomDS | None, dataset: LDicomDS | None
    ) -> None:
        """A message with an unknown command has arrived; the default answers 0211H."""
        if self.message is not None:
            self._connected().session.answer(self.message, Status.UNRECOGNIZED_OPERATION)

    @differs(
        "Fires inside the ``Send...Response`` or `SendData` call, on the caller's thread, before "
        "queuing; and for responses that the library gives in the application's place."
    )
    def OnBeforeSendCommandSet(self, command_set: LDicomDS) -> None:
        """A response's command set is about to be queued; add status elements to it.

        Parameters
        ----------
        command_set : LDicomDS
            What is changed in ``command_set.to_pydicom()`` is sent: Status, Error Comment,
            Offending Element, Error ID and the like.  Which request it answers stays as it is,
            and a final response stays final.

        Examples
        --------
        >>> def OnBeforeSendCommandSet(self, command_set):
        ...     command_set.to_pydicom().ErrorComment = "No such patient."
        """

    # -- for the modules around ----------------------------------------------------------------

    @property
    def sends_debug_information(self) -> bool:
        """Whether `OnSendExt` fires."""
        return bool(self._debug_mode & DebugMode.SEND)

    def changed_by_application(self, command: dict[int, Value]) -> dict[int, Value]:
        """Give a response's command set as `OnBeforeSendCommandSet` leaves it.

        Raises
        ------
        ParameterError
            What it leaves cannot be sent.
        """
        shown = LDicomDS(command_data_set(command))
        self.OnBeforeSendCommandSet(shown)
        fixed = (COMMAND_FIELD, MESSAGE_ID_BEING_RESPONDED_TO, COMMAND_DATA_SET_TYPE)
        changed = command_values(shown.to_pydicom())
        changed |= {each.element: command[each.element] for each in fixed}
        if STATUS.element not in changed or (is_final(command) and not is_final(changed)):
            raise ParameterError(
                "OnBeforeSendCommandSet has to leave a status, and may not make a final response "
                "a pending one: the peer would wait for ever."
            )
        return changed

    def _send(
        self,
        message_type: MessageType,
        presentation_id: int,
        arguments: Sequence[Value | None],
        dataset: DataSet | None = None,
    ) -> None:
        connection, source = self._prepared(message_type.name, presentation_id, dataset)
        connection.send(message_type, presentation_id, arguments, source)

    def _prepared(
        self, what: str, presentation_id: int, dataset: DataSet | None
    ) -> tuple[Connection, DataSetSource | None]:
        """Give what a message is sent on and from, or refuse it."""
        if self.connection is None:
            raise NetworkError(
                DicomErrorCode.NET_NOT_CONNECTED,
                f"{what} cannot be sent: there is no connection. Call Connect first.",
            )
        context = self.connection.session.context(presentation_id)
        if dataset is None:
            return self.connection, None
        grouped = bool(self._flags & NetFlag.SEND_DATA_WITH_GROUP_LENGTH_STANDARD_DATA_ELEMENTS)
        source = _wrap(dataset, self.limits).source(context.transfer_syntax, group_lengths=grouped)
        return self.connection, source

    def _connected(self) -> Connection:
        if self.connection is None:
            raise NetworkError(
                DicomErrorCode.NET_NOT_CONNECTED, "There is no connection; call Connect first."
            )
        return self.connection


def _wrap(dataset: DataSet, limits: Limits) -> LDicomDS:
    if isinstance(dataset, LDicomDS):
        return dataset
    if isinstance(dataset, Dataset):
        return LDicomDS(dataset, limits=limits)
    return LDicomDS.from_file(dataset, limits=limits)


_Flags = TypeVar("_Flags", bound=IntFlag)


def _bits(kind: type[_Flags], value: int) -> _Flags:
    known = sum(kind)
    if value & ~known:
        raise ParameterError(f"{value:#x} has bits that {kind.__name__} does not: {known:#x}.")
    return kind(value)
