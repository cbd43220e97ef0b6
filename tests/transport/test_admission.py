"""Which messages reach the application, and what the others are answered."""

from __future__ import annotations

import errno
from typing import Any

import pytest
from upper_layer.cores import CT_STORAGE, IMPLICIT

from leaddicom.dimse import messages as dimse
from leaddicom.dimse.message import Message
from leaddicom.dimse.messages import MessageType
from leaddicom.dimse.sink import ReceivedDataSet
from leaddicom.enums import Status
from leaddicom.errors import DataSetError, DicomErrorCode, ProtocolError
from leaddicom.transport.admission import Refusal, refusal_of
from leaddicom.transport.operations import Operations

from .sessions import ECHO_CLASS

PEER = "192.0.2.1:104"
ID, RESPONDED_TO, SOP_CLASS = 0x0110, 0x0120, 0x0002
UPS_PULL, UPS_PUSH = "1.2.840.10008.5.1.4.34.6.3", "1.2.840.10008.5.1.4.34.6.1"


def kept(error: OSError | None = None) -> ReceivedDataSet:
    return ReceivedDataSet(IMPLICIT, CT_STORAGE, "1.2.3", 4, data=b"data", error=error)


def message(
    message_type: MessageType, dataset: ReceivedDataSet | None = None, **changes: Any
) -> Message:
    """A message that is as it should be, but for what a test changes (`None` leaves out)."""
    has_own_id = message_type.is_request and message_type is not dimse.C_CANCEL_RQ
    command: dict[int, Any] = {0x0100: message_type.command_field, ID if has_own_id else 0x0120: 7}
    values = {"MessageID": 7, "MessageIDBeingRespondedTo": 7, "Status": 0, "Priority": 0}
    for parameter in message_type.parameters:
        keyword, vr = parameter.element.keyword, parameter.element.vr
        if parameter.required:
            default = CT_STORAGE if keyword.endswith("SOPClassUID") else "1.2.3"
            command[parameter.element.element] = values.get(keyword, default if vr == "UI" else 0)
    command.update({int(key[1:], 16): value for key, value in changes.items()})
    command = {element: value for element, value in command.items() if value is not None}
    return Message(1, command, message_type, dataset)


def refused(it: Message, context: str = CT_STORAGE, under_way: Operations | None = None) -> Refusal:
    refusal = refusal_of(it, context, under_way or Operations(), PEER)
    assert refusal is not None
    assert PEER in str(refusal.error)
    assert len(refusal.comment) <= 64  # Error Comment (0000,0902) is LO
    return refusal


@pytest.mark.parametrize(
    ("message_type", "dataset"),
    [
        (dimse.C_ECHO_RQ, None),
        (dimse.C_STORE_RQ, kept()),
        (dimse.C_ECHO_RSP, None),
        (dimse.C_CANCEL_RQ, None),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_good_message_reaches_the_application(
    message_type: MessageType, dataset: ReceivedDataSet | None
) -> None:
    assert refusal_of(message(message_type, dataset), CT_STORAGE, Operations(), PEER) is None


def test_a_command_that_the_standard_does_not_have_reaches_it_too() -> None:
    unknown = Message(1, {0x0100: 0x0999, ID: 7}, None, None)
    assert refusal_of(unknown, CT_STORAGE, Operations(), PEER) is None


@pytest.mark.parametrize(
    ("it", "problem"),
    [
        (message(dimse.C_ECHO_RQ, x0002=None), "C-ECHO-RQ lacks AffectedSOPClassUID (0000,0002)."),
        (message(dimse.C_ECHO_RSP, x0900=None), "C-ECHO-RSP lacks Status (0000,0900)."),
        (message(dimse.C_STORE_RQ), "C-STORE-RQ comes without a data set."),
    ],
)
def test_what_ps3_7_misses(it: Message, problem: str) -> None:
    refusal = refused(it)
    assert refusal.status is Status.MISTYPED_ARGUMENT
    assert refusal.comment == problem
    assert isinstance(refusal.error, ProtocolError)
    assert str(refusal.error) == f"{PEER} sent a malformed message: {problem}"


@pytest.mark.parametrize(
    ("message_type", "status"),
    [
        (dimse.C_STORE_RQ, Status.REFUSED_OUT_OF_RESOURCES),
        (dimse.C_FIND_RQ, Status.RESOURCE_LIMITATION),
    ],
    ids=lambda value: value.name,
)
def test_a_data_set_that_could_not_be_kept(message_type: MessageType, status: Status) -> None:
    refusal = refused(message(message_type, kept(OSError(errno.ENOSPC, "No space left"))))
    assert refusal.status is status
    assert refusal.comment == "There is no room to keep the data set."
    assert isinstance(refusal.error, DataSetError)
    assert refusal.error.code is DicomErrorCode.WRITE
    assert "No space left" in str(refusal.error)


class TestSopClass:
    def test_of_another_context(self) -> None:
        """What negotiation has refused must not come in by another presentation context."""
        refusal = refused(message(dimse.C_STORE_RQ, kept()), ECHO_CLASS)
        assert refusal.status is Status.CLASS_NOT_SUPPORTED
        assert refusal.comment == "The SOP class is not that of the presentation context."
        assert f"{CT_STORAGE} on the context of {ECHO_CLASS}" in str(refusal.error)

    def test_that_is_served_on_the_context_of_another(self) -> None:
        """PS3.4 Annex CC.3.1: UPS Pull works on instances of UPS Push."""
        it = message(dimse.N_GET_RQ, x0003=UPS_PUSH)
        assert refusal_of(it, UPS_PULL, Operations(), PEER) is None
        assert refused(it, ECHO_CLASS).status is Status.CLASS_NOT_SUPPORTED

    def test_of_a_response_does_not_matter(self) -> None:
        it = message(dimse.C_ECHO_RSP, x0002="1.2.3")
        assert refusal_of(it, CT_STORAGE, Operations(), PEER) is None


class TestMessageId:
    def test_of_an_operation_under_way(self) -> None:
        operations, it = Operations(), message(dimse.C_ECHO_RQ)
        operations.owe(it)
        refusal = refused(it, under_way=operations)
        assert refusal.status is Status.DUPLICATE_INVOCATION
        assert refusal.comment == "The message ID is that of an operation under way."
        assert "a second request with message ID 7" in str(refusal.error)

    def test_is_free_again_after_the_answer(self) -> None:
        operations, it = Operations(), message(dimse.C_ECHO_RQ)
        operations.owe(it)
        operations.answered(7)
        assert refusal_of(it, CT_STORAGE, operations, PEER) is None

    @pytest.mark.parametrize("message_type", [dimse.C_CANCEL_RQ, dimse.C_ECHO_RSP])
    def test_of_what_refers_to_an_operation(self, message_type: MessageType) -> None:
        operations = Operations()
        operations.owe(message(dimse.C_ECHO_RQ))
        assert refusal_of(message(message_type), CT_STORAGE, operations, PEER) is None


def test_a_malformed_message_is_not_judged_any_further() -> None:
    """Its SOP class is not that of the context either, but PS3.7 comes first."""
    assert refused(message(dimse.C_STORE_RQ), ECHO_CLASS).status is Status.MISTYPED_ARGUMENT
