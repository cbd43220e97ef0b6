"""From the fragments in PDVs to messages (PS3.7 section 6.3, PS3.8 Annex E)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from leaddicom.dimse.command import Value, decode_command
from leaddicom.dimse.message import Message, message_id_element
from leaddicom.dimse.messages import (
    COMMAND_DATA_SET_TYPE,
    COMMAND_ELEMENTS,
    COMMAND_FIELD,
    DATA_SET_ABSENT,
    MESSAGE_TYPES,
)
from leaddicom.dimse.sink import DataSetSink
from leaddicom.enums import AbortReason
from leaddicom.errors import ProtocolError
from leaddicom.limits import Limits

__all__ = ["COMMAND", "LAST", "MessageAssembler"]

#: Bits of the message control header (PS3.8 section E.2).
COMMAND = 0x01
LAST = 0x02


class MessageAssembler:
    """Puts the messages of one association together.

    It takes PDV values in pieces of any size as they come from the network, so that a data
    set is copied once: from the network's buffer to memory or to its file.

    Parameters
    ----------
    contexts : mapping of int to str
        Accepted presentation contexts: transfer syntax UID by presentation context ID.
    limits : Limits
        `command_set_length`, `data_set_length` and `spool_threshold` apply.
    directory : str or None
        Folder for temporary files; `None` is the system's.
    """

    __slots__ = ("_arriving", "_command", "_context_id", "_contexts", "_directory", "_limits")

    def __init__(self, contexts: Mapping[int, str], limits: Limits, directory: str | None) -> None:
        self._contexts = contexts
        self._limits = limits
        self._directory = directory
        self._context_id: int | None = None
        self._command = bytearray()
        # From the end of a command set that announces a data set to the end of the data set.
        self._arriving: tuple[Message, DataSetSink] | None = None

    @property
    def in_progress(self) -> bool:
        """Whether a message has begun and not ended."""
        return self._context_id is not None

    def feed(
        self, context_id: int, control: int, data: memoryview, end_of_pdv: bool
    ) -> Message | None:
        """Take a piece of a PDV value.

        Parameters
        ----------
        context_id : int
            Presentation context ID of the PDV.
        control : int
            Message control header of the PDV.
        data : memoryview
            The piece, without the message control header; not used after the call.
        end_of_pdv : bool
            Whether the PDV ends with this piece.

        Returns
        -------
        Message or None
            The message, if it is now complete.

        Raises
        ------
        ProtocolError
            If the peer breaks PS3.7 or a limit.  What had arrived of the message is discarded
            and the association is beyond repair.
        """
        try:
            self._check_context(context_id)
            # Bits 2 to 7 are never checked by the receiver (PS3.8 section E.2).
            last = end_of_pdv and bool(control & LAST)
            if control & COMMAND:
                return self._feed_command(data, last)
            return self._feed_data(data, last)
        except ProtocolError:
            self.discard()
            raise

    def discard(self) -> None:
        """Drop an unfinished message, and its temporary file with it."""
        if self._arriving is not None:
            self._arriving[1].discard()
        self._reset()

    def _reset(self) -> None:
        self._context_id = self._arriving = None
        self._command = bytearray()

    def _check_context(self, context_id: int) -> None:
        if context_id == self._context_id:
            return
        if self._context_id is not None:
            raise ProtocolError(
                f"A fragment on presentation context {context_id} came amid a message on "
                f"presentation context {self._context_id}.",
                AbortReason.UNEXPECTED_PDU_PARAMETER,
            )
        if context_id not in self._contexts:
            raise ProtocolError(
                f"A PDV came on presentation context {context_id}, which was not accepted.",
                AbortReason.INVALID_PDU_PARAMETER_VALUE,
            )
        self._context_id = context_id

    def _feed_command(self, data: memoryview, last: bool) -> Message | None:
        if self._arriving is not None:
            raise ProtocolError(
                "A command fragment came where the data set of the message was due.",
                AbortReason.UNEXPECTED_PDU_PARAMETER,
            )
        if len(self._command) + len(data) > self._limits.command_set_length:
            raise ProtocolError(
                f"A command set is longer than {self._limits.command_set_length} bytes, the "
                "limit set by Limits.command_set_length."
            )
        self._command += data
        return self._begin(decode_command(self._command)) if last else None

    def _begin(self, command: dict[int, Value]) -> Message | None:
        """Open the message of a complete command set; return it if no data set follows."""
        message = _message(cast("int", self._context_id), command)
        if command[COMMAND_DATA_SET_TYPE.element] == DATA_SET_ABSENT:
            self._reset()
            return message
        sink = DataSetSink(
            self._contexts[message.context_id],
            message.sop_class_uid,
            message.sop_instance_uid,
            self._limits.spool_threshold,
            self._directory,
        )
        self._arriving = message, sink
        return None

    def _feed_data(self, data: memoryview, last: bool) -> Message | None:
        if self._arriving is None:
            raise ProtocolError(
                "A data set fragment came where a command set was due.",
                AbortReason.UNEXPECTED_PDU_PARAMETER,
            )
        message, sink = self._arriving
        limit = self._limits.data_set_length
        if limit is not None and sink.size + len(data) > limit:
            raise ProtocolError(
                f"A data set is longer than {limit} bytes, the limit set by Limits.data_set_length."
            )
        sink.write(data)
        if not last:
            return None
        message.dataset = sink.finish()
        self._reset()
        return message


def _message(context_id: int, command: dict[int, Value]) -> Message:
    """Return the message of a command set that can at least be answered."""
    for element in (COMMAND_FIELD, COMMAND_DATA_SET_TYPE):
        if element.element not in command:
            raise ProtocolError(
                f"A command set lacks {element.keyword} (0000,{element.element:04X})."
            )
    command_field = cast("int", command[COMMAND_FIELD.element])
    identifier = message_id_element(command_field)
    if identifier not in command:
        raise ProtocolError(
            f"A command set with command field {command_field:04X}H lacks "
            f"{COMMAND_ELEMENTS[identifier].keyword} (0000,{identifier:04X})."
        )
    return Message(context_id, command, MESSAGE_TYPES.get(command_field), None)
