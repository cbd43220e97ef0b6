"""Sessions: messages that arrive, are answered, refused, or too much for the application."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from upper_layer.cores import (
    CT_STORAGE,
    RELEASE_REQUEST,
    p_data,
)

from leaddicom.dimse import messages as dimse
from leaddicom.dimse.message import Message
from leaddicom.enums import Status
from leaddicom.errors import (
    DataSetError,
    DicomErrorCode,
    ProtocolError,
)
from leaddicom.limits import Limits
from leaddicom.transport.outbox import QueuedMessage
from leaddicom.upper_layer.protocol import (
    Role,
)

from .sessions import (
    ABORT_PDU,
    ACCEPTOR,
    ECHO_CLASS,
    REQUESTOR,
    USER_ABORT,
    Run,
    echo_request,
    echo_response,
    fail,
    find_response,
    ids,
    messages_in,
    outgoing,
    pdus_in,
    raw,
    store_request,
)


class TestMessages:
    def test_they_are_told_after_the_pdu_that_ended_them(self) -> None:
        run = Run(ACCEPTOR, trace=True).establish()
        data = run.message_bytes(store_request(1))
        run.hear(data)
        assert run.owner.order == ["DATA_TRANSFER", "DATA_TRANSFER", "C-STORE-RQ"]
        assert b"".join(pdu.data for pdu in run.owner.received) == data

    def test_several_in_one_pdu_are_told_in_order(self) -> None:
        run = Run(ACCEPTOR).establish()
        values = [run.message_bytes(echo_request(n))[12:] for n in (1, 2, 3)]
        run.hear(p_data(*values))
        assert [message.message_id for message in run.owner.messages] == [1, 2, 3]

    def test_data_sets_come_with_their_transfer_syntax(self) -> None:
        run = Run(ACCEPTOR).establish()
        run.hear_message(store_request(1, b"some data set"))
        (message,) = run.owner.messages
        assert message.dataset is not None
        assert message.dataset.data == b"some data set"
        assert message.dataset.transfer_syntax_uid == "1.2.840.10008.1.2"

    @pytest.mark.parametrize(
        ("command", "problem"),
        [
            ({0x0100: 0x0030, 0x0110: 1}, "C-ECHO-RQ lacks AffectedSOPClassUID (0000,0002)."),
            ({0x0100: 0x0130, 0x0110: 1, 0x0003: "1.2", 0x1001: "1.3"},
             "N-ACTION-RQ lacks ActionTypeID (0000,1008)."),
            ({0x0100: 0x0001, 0x0110: 1, 0x0002: "1.2", 0x0700: 0, 0x1000: "1.3"},
             "C-STORE-RQ comes without a data set."),
        ],
    )  # fmt: skip
    def test_malformed_requests_are_answered_with_0212(
        self, command: dict[int, Any], problem: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        run = Run(ACCEPTOR).establish()
        run.hear_message(raw(command))
        (answer,) = messages_in(run.flush())
        assert answer.get(0x0100) == command[0x0100] | 0x8000
        assert answer.get(0x0900) == Status.MISTYPED_ARGUMENT == 0x0212
        assert f"the peer sent a malformed message: {problem}" in caplog.text
        assert run.owner.messages == []
        assert run.session.error is None

    def test_malformed_responses_end_it(self) -> None:
        run = Run(REQUESTOR).establish()
        run.put(echo_request(1))
        run.flush()
        run.hear_message(raw({0x0100: 0x8030, 0x0120: 1}))
        assert run.flush() == USER_ABORT
        assert isinstance(run.session.error, ProtocolError)
        assert "malformed message: C-ECHO-RSP lacks Status (0000,0900)" in str(run.session.error)
        assert run.owner.messages == []

    def test_a_cancel_with_a_data_set_is_ignored(self) -> None:
        run = Run(ACCEPTOR).establish()
        run.hear_message(raw({0x0100: 0x0FFF, 0x0120: 1}, b"what for"))
        assert run.flush() == b""
        assert run.owner.messages == []
        assert run.session.error is None

    def test_command_sets_that_cannot_be_decoded_are_aborted(self) -> None:
        run = Run(ACCEPTOR).establish()
        run.hear(p_data(b"no command set"))
        assert isinstance(run.session.error, ProtocolError)
        assert pdus_in(run.flush()) == [ABORT_PDU]
        assert run.owner.messages == []

    def test_contexts_that_were_not_accepted_are_aborted(self) -> None:
        run = Run(ACCEPTOR).establish()
        good = run.message_bytes(echo_request(1))
        run.hear(p_data(good[12:], context_id=5) + good)
        assert run.flush() == bytes.fromhex("07 00 00000004 00000206")
        assert "presentation context 5, which was not accepted" in str(run.session.error)
        assert run.owner.messages == []


class TestDataSetsThatCannotBeKept:
    def running(self, role: Role, tmp_path: Path) -> Run:
        missing = tmp_path / "no such folder"
        return Run(role, Limits(spool_threshold=10), directory=str(missing)).establish()

    def test_a_store_is_answered_with_a700(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        run = self.running(ACCEPTOR, tmp_path)
        run.hear_message(store_request(1, bytes(5000)))
        (answer,) = messages_in(run.flush())
        assert answer.get(0x0900) == Status.REFUSED_OUT_OF_RESOURCES == 0xA700
        assert "A data set from the peer could not be kept" in caplog.text
        assert run.owner.messages == []
        run.hear_message(echo_request(2))  # the association goes on
        assert [message.message_id for message in run.owner.messages] == [2]

    def test_others_are_answered_with_0213(self, tmp_path: Path) -> None:
        run = self.running(ACCEPTOR, tmp_path)
        run.hear_message(outgoing(dimse.N_SET_RQ, 1, "1.2", "1.2.3", data=bytes(5000)))
        (answer,) = messages_in(run.flush())
        assert answer.get(0x0900) == Status.RESOURCE_LIMITATION == 0x0213

    def test_responses_end_it(self, tmp_path: Path) -> None:
        run = self.running(REQUESTOR, tmp_path)
        run.hear_message(find_response(1, Status.PENDING, bytes(5000)))
        assert run.flush() == USER_ABORT
        assert isinstance(run.session.error, DataSetError)
        assert run.session.error.code is DicomErrorCode.WRITE
        assert run.owner.messages == []


class TestAnswers:
    def test_an_n_get_is_answered_for_the_instance(self) -> None:
        run = Run(ACCEPTOR).establish()
        run.owner.at_message = lambda it: run.session.answer(it, Status.NO_SUCH_OBJECT_INSTANCE)
        attributes = (0x00100010, 0x00100020)
        run.hear_message(outgoing(dimse.N_GET_RQ, 4, ECHO_CLASS, "1.2.3", attributes))
        (told,) = run.owner.messages
        assert told.arguments() == [4, ECHO_CLASS, "1.2.3", attributes]
        (answer,) = messages_in(run.flush())
        assert answer.type is dimse.N_GET_RSP
        assert answer.arguments() == [4, ECHO_CLASS, "1.2.3", 0x0112]

    def test_unknown_requests_can_be_answered(self) -> None:
        run = Run(ACCEPTOR).establish()
        run.owner.at_message = lambda it: run.session.answer(it, Status.UNRECOGNIZED_OPERATION)
        run.hear_message(raw({0x0100: 0x0777, 0x0110: 9}))
        (answer,) = messages_in(run.flush())
        assert (answer.get(0x0100), answer.message_id, answer.get(0x0900)) == (0x8777, 9, 0x0211)

    def test_responses_and_cancels_have_no_answer(self) -> None:
        run = Run(ACCEPTOR).establish()
        run.owner.at_message = lambda it: run.session.answer(it, Status.UNRECOGNIZED_OPERATION)
        run.put(echo_request(1))
        run.flush()
        run.hear_message(echo_response(1))
        run.hear_message(outgoing(dimse.C_CANCEL_RQ, 9))
        assert [message.message_id for message in run.owner.messages] == [1, 9]
        assert run.flush() == b""

    @pytest.mark.parametrize(
        ("command", "name"),
        [
            ({0x0100: 0x8777, 0x0120: 9, 0x0900: 0}, "response"),
            ({0x0100: 0x8001, 0x0120: 9, 0x0900: 0}, "C-STORE-RSP"),
            ({0x0100: 0x8030, 0x0120: 8, 0x0900: 0}, "C-ECHO-RSP"),
        ],
        ids=["of an unknown kind", "of another kind", "to another request"],
    )
    def test_responses_that_answer_nothing_end_it(self, command: dict[int, Any], name: str) -> None:
        run = Run(REQUESTOR).establish()
        run.put(echo_request(9), echo_request(10))
        run.flush()
        run.hear_message(raw(command))
        assert run.flush() == bytes.fromhex("07 00 00000004 00000200")
        assert f"the peer sent a {name} to message {command[0x0120]}" in str(run.session.error)
        assert run.owner.messages == []

    def test_a_second_answer_ends_it(self) -> None:
        run = Run(REQUESTOR).establish()
        run.put(echo_request(9))
        run.flush()
        run.hear(run.sequence([echo_response(9), echo_response(9)]))
        assert [message.message_id for message in run.owner.messages] == [9]
        assert isinstance(run.session.error, ProtocolError)

    def test_a_second_request_of_the_same_id_is_answered_with_0210(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        run = Run(ACCEPTOR).establish()
        run.hear(run.sequence([echo_request(9), echo_request(9), echo_request(10)]))
        assert [message.message_id for message in run.owner.messages] == [9, 10]
        (answer,) = messages_in(run.flush())
        assert (answer.message_id, answer.get(0x0900)) == (9, Status.DUPLICATE_INVOCATION)
        assert "second request with message ID 9" in caplog.text

    def test_a_message_id_is_free_again_once_it_was_answered(self) -> None:
        run = Run(ACCEPTOR).establish()
        run.owner.at_message = lambda it: run.put(echo_response(it.message_id))
        run.hear(run.sequence([echo_request(9), echo_request(9)]))
        assert [message.message_id for message in run.owner.messages] == [9, 9]

    def test_a_cancel_names_a_request_that_is_not_answered_yet(self) -> None:
        run = Run(ACCEPTOR).establish()
        find = outgoing(dimse.C_FIND_RQ, 1, CT_STORAGE, 0, data=b"keys", context_id=3)
        run.hear(run.sequence([find, outgoing(dimse.C_CANCEL_RQ, 1, context_id=3)]))
        assert [message.type for message in run.owner.messages] == [
            dimse.C_FIND_RQ, dimse.C_CANCEL_RQ,
        ]  # fmt: skip
        assert run.flush() == b""

    @pytest.mark.parametrize(
        ("item", "shown"),
        [
            (lambda: store_request(1), None),
            (lambda: outgoing(dimse.C_ECHO_RQ, 1, CT_STORAGE), CT_STORAGE),
            (lambda: outgoing(dimse.N_GET_RQ, 1, "1.2.3", "1.2", ()), "1.2.3"),
        ],
    )
    def test_a_sop_class_that_is_not_the_contexts_is_refused_with_0122(
        self, item: Callable[[], QueuedMessage], shown: str | None, caplog: pytest.LogCaptureFixture
    ) -> None:
        run = Run(ACCEPTOR).establish()
        run.hear_message(item())
        if shown is None:
            assert len(run.owner.messages) == 1
            return
        (answer,) = messages_in(run.flush())
        assert answer.get(0x0900) == Status.CLASS_NOT_SUPPORTED == 0x0122
        assert f"the peer sent a request for {shown} on the context of {ECHO_CLASS}" in caplog.text
        assert run.owner.messages == []


class TestFaultsInEvents:
    @pytest.mark.parametrize(
        "make",
        [echo_request, store_request, lambda n: raw({0x0100: 0x0777, 0x0110: n})],
        ids=["C-ECHO-RQ", "C-STORE-RQ", "unknown"],
    )
    def test_a_request_is_answered_with_0110(
        self, make: Callable[[int], QueuedMessage], caplog: pytest.LogCaptureFixture
    ) -> None:
        run = Run(ACCEPTOR).establish()
        run.owner.at_message = fail
        run.hear_message(make(3))
        (answer,) = messages_in(run.flush())
        assert answer.get(0x0900) == Status.PROCESSING_FAILURE == 0x0110
        assert answer.message_id == 3
        assert "RuntimeError: deliberate" in caplog.text
        assert run.session.error is None

    def test_a_request_that_was_answered_before_is_not_answered_again(self) -> None:
        run = Run(ACCEPTOR).establish()

        def answer_and_fail(message: Message) -> None:
            run.put(echo_response(message.message_id))
            fail()

        run.owner.at_message = answer_and_fail
        run.hear_message(echo_request(1))
        (answer,) = messages_in(run.flush())
        assert answer.get(0x0900) == Status.SUCCESS
        run.owner.at_message = fail
        run.hear_message(echo_request(2))
        assert [it.get(0x0900) for it in messages_in(run.flush())] == [Status.PROCESSING_FAILURE]

    def test_a_cancel_has_no_answer(self) -> None:
        run = Run(ACCEPTOR).establish()
        run.owner.at_message = fail
        run.hear_message(outgoing(dimse.C_CANCEL_RQ, 1))
        assert run.flush() == b""
        assert run.session.error is None

    def test_a_response_ends_it(self) -> None:
        run = Run(REQUESTOR).establish()
        run.put(echo_request(1))
        run.flush()
        run.owner.at_message = fail
        run.hear_message(echo_response(1))
        assert run.flush() == USER_ABORT
        self.check_error(run)

    def test_an_indication_ends_it(self, caplog: pytest.LogCaptureFixture) -> None:
        run = Run(ACCEPTOR).establish()
        run.owner.at_indication = fail
        run.hear(RELEASE_REQUEST)
        assert run.flush() == USER_ABORT
        self.check_error(run)
        assert "RuntimeError: deliberate" in caplog.text

    def test_a_received_pdu_ends_it(self) -> None:
        run = Run(ACCEPTOR, trace=True).establish()
        run.owner.at_received = fail
        run.hear_message(echo_request(1))
        assert run.flush() == USER_ABORT
        self.check_error(run)
        assert run.owner.messages == []

    def test_a_sent_pdu_ends_it(self) -> None:
        run = Run(ACCEPTOR, trace=True).establish()
        run.put(echo_response(1))
        run.owner.at_sent = fail
        data = run.session.next_bytes()
        assert ids(bytes(data)) == [1]
        run.session.sent()
        run.owner.at_sent = lambda pdu_type, length: None
        assert run.flush() == USER_ABORT
        self.check_error(run)

    def check_error(self, run: Run) -> None:
        assert run.session.error is not None
        assert run.session.error.code is DicomErrorCode.NET_FAILURE
        text = "A fault in this program: an event of the connection with the peer raised"
        assert str(run.session.error) == f"{text} RuntimeError."
