"""Which messages reach the application, and what the others are answered."""

from __future__ import annotations

from typing import NamedTuple

from leaddicom.dimse.message import Message
from leaddicom.dimse.messages import C_CANCEL_RQ, C_STORE_RQ
from leaddicom.dimse.sop_classes import belongs
from leaddicom.enums import Status
from leaddicom.errors import DataSetError, DicomError, DicomErrorCode, ProtocolError
from leaddicom.transport.operations import Operations

__all__ = ["Refusal", "refusal_of"]


class Refusal(NamedTuple):
    """Why a message does not reach the application.

    Attributes
    ----------
    status : Status
        What a request is answered with.
    comment : str
        The same for the peer, as Error Comment (0000,0902), which has room for 64 characters.
    error : DicomError
        The reason, for the log.
    """

    status: Status
    comment: str
    error: DicomError


def refusal_of(
    message: Message, abstract_syntax: str, operations: Operations, peer: str
) -> Refusal | None:
    """Say why a message cannot be handed to the application, if it cannot.

    Parameters
    ----------
    message : Message
        What has arrived.
    abstract_syntax : str
        That of its presentation context.
    operations : Operations
        What is under way.
    peer : str
        Who sent it, for the message.
    """
    problem = message.problem()
    if problem is not None:
        text = f"{peer} sent a malformed message: {problem}"
        return Refusal(Status.MISTYPED_ARGUMENT, problem, ProtocolError(text))
    if message.dataset is not None and message.dataset.error is not None:
        text = f"A data set from {peer} could not be kept: {message.dataset.error}"
        is_store = message.type is C_STORE_RQ
        status = Status.REFUSED_OUT_OF_RESOURCES if is_store else Status.RESOURCE_LIMITATION
        error = DataSetError(DicomErrorCode.WRITE, text)
        return Refusal(status, "There is no room to keep the data set.", error)
    if message.is_response or message.type is C_CANCEL_RQ:
        return None
    sop_class = message.sop_class_uid
    if sop_class and not belongs(sop_class, abstract_syntax):
        # What negotiation has refused must not come in by another presentation context.
        text = f"{peer} sent a request for {sop_class} on the context of {abstract_syntax}."
        comment = "The SOP class is not that of the presentation context."
        return Refusal(Status.CLASS_NOT_SUPPORTED, comment, ProtocolError(text))
    if operations.owes(message):
        text = f"{peer} sent a second request with message ID {message.message_id}."
        comment = "The message ID is that of an operation under way."
        return Refusal(Status.DUPLICATE_INVOCATION, comment, ProtocolError(text))
    return None
