"""The DIMSE methods and events of LDicomNet, one by one and under load."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from messages import MESSAGES, REQUESTS, SIGNATURES, VALUES, arguments_of, ask, method, name_of
from nets import ECHO_CLASS, IMPLICIT, Mute, Nets, short, some_dataset, warnings_of
from pydicom.dataset import Dataset

from leaddicom import (
    DataSetError,
    DicomErrorCode,
    LDicomDS,
    LDicomNet,
    ParameterError,
    PduType,
    Priority,
    Status,
)
from leaddicom.dimse.command import encode_command
from leaddicom.dimse.fragmentation import OutgoingMessage
from leaddicom.dimse.messages import DataSetPresence, MessageType
from leaddicom.transport.outbox import QueuedMessage


class TestEveryMessage:
    """What is not the same for all of them, see members/test_messages."""

    @pytest.fixture
    def ends(self, nets: Nets) -> tuple[LDicomNet, LDicomNet]:
        return nets.pair(Mute, Mute)

    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            ((ECHO_CLASS, "1.2.3", 0, "", 0), (ECHO_CLASS, "1.2.3", 0, "", 0)),
            ((ECHO_CLASS, "1.2.3", 0, None, None), (ECHO_CLASS, "1.2.3", 0, "", 0)),
        ],
    )
    def test_a_plain_store_has_no_move_originator(
        self,
        nets: Nets,
        ends: tuple[LDicomNet, LDicomNet],
        arguments: tuple[Any, ...],
        expected: tuple[Any, ...],
    ) -> None:
        _, client = ends
        client.SendCStoreRequest(1, 3, *arguments, some_dataset())
        assert nets.wait_for("OnReceiveCStoreRequest")[2:-1] == expected

    def test_responses_may_leave_class_and_instance_out(
        self, nets: Nets, ends: tuple[LDicomNet, LDicomNet]
    ) -> None:
        accepted, client = ends
        client.SendNSetRequest(1, 3, ECHO_CLASS, "1.2.3", some_dataset())
        nets.wait_for("OnReceiveNSetRequest")
        accepted.SendNSetResponse(1, 3, "", "", 0)
        assert nets.wait_for("OnReceiveNSetResponse") == (1, 3, "", "", 0, None)

    def test_n_get_of_all_attributes(self, nets: Nets, ends: tuple[LDicomNet, LDicomNet]) -> None:
        _, client = ends
        client.SendNGetRequest(1, 3, ECHO_CLASS, "1.2.3", [])
        assert nets.wait_for("OnReceiveNGetRequest") == (1, 3, ECHO_CLASS, "1.2.3", (), 0)

    def test_n_get_of_the_first_attributes(
        self, nets: Nets, ends: tuple[LDicomNet, LDicomNet]
    ) -> None:
        _, client = ends
        client.SendNGetRequest(1, 3, ECHO_CLASS, "1.2.3", [1, 2, 3], 2)
        assert nets.wait_for("OnReceiveNGetRequest")[-2:] == ((1, 2), 2)


class TestDataSets:
    """What methods take as a data set."""

    @pytest.mark.parametrize("kind", [Dataset, LDicomDS, str, Path])
    def test_kinds(self, nets: Nets, tmp_path: Path, kind: type) -> None:
        _, client = nets.pair(Mute, Mute)
        dataset = some_dataset(SOPClassUID="1.2", SOPInstanceUID="1.2.3")
        given: Any = dataset if kind is Dataset else LDicomDS(dataset)
        if kind in (str, Path):
            given.save(tmp_path / "it.dcm")
            given = kind(tmp_path / "it.dcm")
        client.SendCStoreRequest(1, 1, ECHO_CLASS, "1.2.3", Priority.MEDIUM, "", 0, given)
        received = nets.wait_for("OnReceiveCStoreRequest")[-1]
        assert received.to_pydicom() == dataset
        assert received.transfer_syntax_uid == IMPLICIT
        assert received.sop_instance_uid == "1.2.3"

    def test_a_dataset_is_encoded_at_the_call(self, nets: Nets) -> None:
        _, client = nets.pair(Mute, Mute)
        dataset = some_dataset()
        client.SendNSetRequest(1, 1, ECHO_CLASS, "1.2.3", dataset)
        dataset.PatientID = "changed"
        assert nets.wait_for("OnReceiveNSetRequest")[-1].to_pydicom().PatientID == "4711"

    def test_a_file_that_is_not_there_is_refused_at_the_call(
        self, nets: Nets, tmp_path: Path
    ) -> None:
        _, client = nets.pair(Mute, Mute)
        with pytest.raises(DataSetError, match=r"no\.dcm"):
            client.SendCStoreRequest(1, 1, ECHO_CLASS, "1.2.3", 0, "", 0, tmp_path / "no.dcm")
        client.SendCEchoRequest(1, 2, ECHO_CLASS)
        nets.wait_for("OnReceiveCEchoRequest")

    def test_a_large_one_is_spooled_into_the_folder_of_the_object(
        self, nets: Nets, tmp_path: Path
    ) -> None:
        server = nets.make(Mute, limits=short(spool_threshold=1000))
        server.Initialize(tmp_path, server.GetSecureMode())
        server.Listen("127.0.0.1", 0)
        client = nets.associated(nets.client(server))
        client.SendNSetRequest(1, 1, ECHO_CLASS, "1.2.3", some_dataset(PatientComments="x" * 2000))
        received = nets.wait_for("OnReceiveNSetRequest")[-1]
        assert Path(received.path).parent == tmp_path
        assert received.to_pydicom().PatientComments == "x" * 2000


class TestRefusedAtTheCall:
    @pytest.mark.parametrize(
        ("arguments", "reason"),
        [
            ((3, 1, ECHO_CLASS), "context 3 was not accepted"),
            ((1, -1, ECHO_CLASS), "MessageID"),
            ((1, 65_536, ECHO_CLASS), "MessageID"),
            ((1, 1, "1" * 65), "AffectedSOPClassUID"),
            ((1, "one", ECHO_CLASS), "MessageID"),
        ],
    )
    def test_bad_arguments(self, nets: Nets, arguments: Any, reason: str) -> None:
        _, client = nets.pair(Mute, Mute)
        with pytest.raises(ParameterError, match=reason):
            client.SendCEchoRequest(*arguments)
        assert client.IsAssociated()


# ---------------------------------------------------------------------------- what comes back


class TestDefaults:
    @pytest.mark.parametrize(
        "request_type", [each for each in REQUESTS if each.response], ids=name_of
    )
    def test_unhandled_requests_are_answered(self, nets: Nets, request_type: MessageType) -> None:
        expected = {
            "CEchoRequest": Status.SUCCESS,
            **dict.fromkeys(
                ("CStoreRequest", "CFindRequest", "CGetRequest", "CMoveRequest"),
                Status.CLASS_NOT_SUPPORTED,
            ),
        }.get(name_of(request_type), Status.UNRECOGNIZED_OPERATION)
        _, client = nets.pair()
        ask(client, request_type)
        response = request_type.response
        received = nets.wait_for(response.event)
        answer = dict(zip(SIGNATURES[name_of(response)], received[1:], strict=True))
        asked = {name: VALUES.get(name) for name in SIGNATURES[name_of(request_type)]}
        assert answer.pop("status") == expected
        assert answer.pop("dataset", None) is None
        for count in ("remaining", "completed", "failed", "warning"):
            assert answer.pop(count, 0) == 0
        assert answer.items() <= asked.items()

    def test_a_cancel_without_an_operation_is_ignored(self, nets: Nets) -> None:
        _, client = nets.pair()
        client.SendCCancelRequest(1, 99)
        client.SendCEchoRequest(1, 1, ECHO_CLASS)
        assert nets.wait_for("OnReceiveCEchoResponse")[1] == 1

    @pytest.mark.parametrize("response_type", [m for m in MESSAGES if m.is_response], ids=name_of)
    def test_a_response_that_nobody_asked_for_ends_the_association(
        self, nets: Nets, response_type: MessageType
    ) -> None:
        """Whose success it tells is unknown."""
        accepted, client = nets.pair()
        arguments = arguments_of(response_type)
        optional = response_type.dataset is DataSetPresence.OPTIONAL
        method(accepted, response_type)(*arguments, *([None] if optional else []))
        nets.wait_for("OnClose", net=client)
        assert f"sent a {response_type.name} to message {VALUES['message_id']}" in str(client.error)
        assert response_type.event not in nets.recorder.names(client)
        assert nets.wait_for("OnReceiveAbort", net=accepted)[0] == 2


def send_raw(net: LDicomNet, command: dict[int, Any]) -> None:
    """Send a request that no method makes."""
    message = OutgoingMessage(1, encode_command({0x0800: 0x0101, **command}), None)
    net.connection.put(
        QueuedMessage(message, command[0x0110], True, False, command_field=command[0x0100])
    )


class TestUnknown:
    def test_a_request_is_answered(self, nets: Nets) -> None:
        class Client(LDicomNet):
            def OnReceiveUnknown(self, *arguments: Any) -> None:
                """Do not answer."""

        accepted, client = nets.pair(client_kind=Client)
        send_raw(client, {0x0100: 0x0999, 0x0110: 5, 0x0002: ECHO_CLASS})
        context, command, dataset = nets.wait_for("OnReceiveUnknown", net=accepted)
        assert (context, dataset) == (1, None)
        assert command.to_pydicom().CommandField == 0x0999
        assert command.to_pydicom().MessageID == 5
        _, answer, _ = nets.wait_for("OnReceiveUnknown", net=client)
        assert answer.to_pydicom().CommandField == 0x8999
        assert answer.to_pydicom().MessageIDBeingRespondedTo == 5
        assert answer.to_pydicom().Status == Status.UNRECOGNIZED_OPERATION

    def test_a_response_is_not(self, nets: Nets) -> None:
        """Two ends that answered each other's answers would never stop."""
        accepted, client = nets.pair()
        send_raw(client, {0x0100: 0x0999, 0x0110: 5})
        nets.wait_for("OnReceiveUnknown", net=client)
        client.SendCEchoRequest(1, 1, ECHO_CLASS)
        nets.wait_for("OnReceiveCEchoResponse", net=client)
        for net in (accepted, client):
            assert nets.recorder.names(net).count("OnReceiveUnknown") == 1

    def test_called_without_a_message_does_nothing(self) -> None:
        LDicomNet().OnReceiveUnknown(1, None, None)

    def test_a_malformed_request_is_answered(
        self, nets: Nets, caplog: pytest.LogCaptureFixture
    ) -> None:
        accepted, client = nets.pair()
        send_raw(client, {0x0100: 0x0030, 0x0110: 5})  # C-ECHO-RQ without SOP class
        assert nets.wait_for("OnReceiveCEchoResponse")[3] == Status.MISTYPED_ARGUMENT
        assert "OnReceiveCEchoRequest" not in nets.recorder.names(accepted)
        (text,) = warnings_of(caplog, "from")
        assert "C-ECHO-RQ lacks AffectedSOPClassUID" in text
        assert "127.0.0.1" in text
        assert client.IsAssociated()


# -------------------------------------------------------------------------------- tracing


class Tracing(LDicomNet):
    """Everything about PDUs and messages."""

    def OnSend(self, error: int, pdu_type: int, length: int) -> None:
        """Recorded."""

    def OnReceive(self, error: int, pdu_type: int, buffer: bytes, length: int) -> None:
        """Recorded."""

    def OnReceiveData(
        self, presentation_id: int, command_set: LDicomDS | None, dataset: LDicomDS | None
    ) -> None:
        """Recorded."""


class TestTracing:
    def test_the_order(self, nets: Nets) -> None:
        accepted, client = nets.pair(Tracing)
        client.SendNSetRequest(1, 1, ECHO_CLASS, "1.2.3", some_dataset())
        nets.wait_for("OnReceiveNSetResponse")
        client.SendReleaseRequest()
        nets.wait_for("OnClose", net=accepted)
        assert nets.recorder.names(accepted) == [
            "OnReceive",
            "OnReceiveAssociateRequest",
            "OnSend",
            "OnReceive",  # the command set and the data set in PDUs of their own
            "OnReceive",
            "OnReceiveData",
            "OnReceiveNSetRequest",
            "OnSend",
            "OnReceive",
            "OnReceiveReleaseRequest",
            "OnSend",
            "OnClose",
        ]

    def test_types_and_lengths_of_both_ends_agree(self, nets: Nets) -> None:
        accepted, client = nets.pair(Tracing, Tracing)
        client.SendCEchoRequest(1, 1, ECHO_CLASS)
        nets.wait_for("OnReceiveCEchoResponse")
        client.SendReleaseRequest()
        for net in (accepted, client):
            nets.wait_for("OnClose", net=net)

        def seen(net: LDicomNet, name: str) -> list[tuple[int, int]]:
            return [
                (event.arguments[1], event.arguments[-1])
                for event in nets.recorder.events
                if event.net is net and event.name == name
            ]

        assert seen(accepted, "OnReceive") == seen(client, "OnSend")
        assert seen(client, "OnReceive") == seen(accepted, "OnSend")
        assert [kind for kind, _ in seen(client, "OnSend")] == [
            PduType.ASSOCIATE_REQUEST,
            PduType.DATA_TRANSFER,
            PduType.RELEASE_REQUEST,
        ]
        assert [kind for kind, _ in seen(client, "OnReceive")] == [
            PduType.ASSOCIATE_ACCEPT,
            PduType.DATA_TRANSFER,
            PduType.RELEASE_RESPONSE,
        ]
        for event in nets.recorder.events:
            if event.name == "OnReceive":
                error, pdu_type, buffer, length = event.arguments
                assert (error, buffer[0], len(buffer)) == (0, pdu_type, length)
                assert int.from_bytes(buffer[2:6], "big") == length - 6

    def test_an_abort_is_seen_too(self, nets: Nets) -> None:
        accepted, client = nets.pair(Tracing, Tracing)
        client.SendAbort(2, 4)
        nets.wait_for("OnClose", net=accepted)
        assert nets.recorder.names(accepted)[-3:] == ["OnReceive", "OnReceiveAbort", "OnClose"]

    def test_the_message_before_its_event(self, nets: Nets) -> None:
        accepted, client = nets.pair(Tracing)
        client.SendNSetRequest(1, 8, ECHO_CLASS, "1.2.3", some_dataset())
        context, command, dataset = nets.wait_for("OnReceiveData", net=accepted)
        *_, given = nets.wait_for("OnReceiveNSetRequest", net=accepted)
        assert (context, dataset) == (1, given)
        shown = command.to_pydicom()
        assert (shown.CommandField, shown.MessageID) == (0x0120, 8)
        assert shown.RequestedSOPInstanceUID == "1.2.3"
        assert "CommandGroupLength" not in shown


# ----------------------------------------------------------------------- exceptions in events


class Failing(LDicomNet):
    """Raises in every event for a message that it is asked to."""

    when: frozenset[str] = frozenset()
    answers_first = False

    def OnReceiveCEchoRequest(self, presentation_id: int, message_id: int, uid: str) -> None:
        if self.answers_first:
            self.SendCEchoResponse(presentation_id, message_id, uid, Status.WARNING)
        if message_id == 1:
            raise ZeroDivisionError("division by zero")
        super().OnReceiveCEchoRequest(presentation_id, message_id, uid)

    def OnReceiveCCancelRequest(self, presentation_id: int, message_id: int) -> None:
        raise ZeroDivisionError

    def OnReceiveCFindRequest(self, p: int, m: int, uid: str, *_: Any) -> None:
        self.SendCFindResponse(p, m, uid, Status.PENDING, some_dataset())
        raise ZeroDivisionError

    def OnReceiveUnknown(self, *_: Any) -> None:
        raise ZeroDivisionError


class TestExceptions:
    def test_in_a_request_are_answered_and_the_association_lives_on(
        self, nets: Nets, caplog: pytest.LogCaptureFixture
    ) -> None:
        _, client = nets.pair(Failing)
        for number, status in ((1, Status.PROCESSING_FAILURE), (2, Status.SUCCESS)):
            client.SendCEchoRequest(1, number, ECHO_CLASS)
            answer = (1, number, ECHO_CLASS, status)
            assert nets.wait_for("OnReceiveCEchoResponse") == answer
        assert "ZeroDivisionError: division by zero" in caplog.text

    def test_after_the_answer_no_second_one_is_sent(
        self, nets: Nets, caplog: pytest.LogCaptureFixture
    ) -> None:
        class AnswersFirst(Failing):
            answers_first = True

        _, client = nets.pair(AnswersFirst)
        client.SendCEchoRequest(1, 1, ECHO_CLASS)
        assert nets.wait_for("OnReceiveCEchoResponse")[3] == Status.WARNING
        client.SendCCancelRequest(1, 1)
        client.SendCMoveRequest(1, 3, ECHO_CLASS, 0, "AE", some_dataset())
        nets.wait_for("OnReceiveCMoveResponse")
        assert nets.recorder.names(client).count("OnReceiveCEchoResponse") == 1

    def test_after_a_pending_answer_the_final_one_follows(
        self, nets: Nets, caplog: pytest.LogCaptureFixture
    ) -> None:
        _, client = nets.pair(Failing)
        client.SendCFindRequest(1, 1, ECHO_CLASS, 0, some_dataset())
        statuses = [nets.wait_for("OnReceiveCFindResponse")[3] for _ in range(2)]
        assert statuses == [Status.PENDING, Status.PROCESSING_FAILURE]

    def test_in_a_cancel_are_logged(self, nets: Nets, caplog: pytest.LogCaptureFixture) -> None:
        _, client = nets.pair(Failing)
        client.SendCCancelRequest(1, 1)
        client.SendCEchoRequest(1, 2, ECHO_CLASS)
        nets.wait_for("OnReceiveCEchoResponse")
        assert "ZeroDivisionError" in caplog.text

    def test_in_an_unknown_request_are_answered(
        self, nets: Nets, caplog: pytest.LogCaptureFixture
    ) -> None:
        class Client(LDicomNet):
            def OnReceiveUnknown(self, *_: Any) -> None:
                """Only recorded."""

        _, client = nets.pair(Failing, Client)
        send_raw(client, {0x0100: 0x0777, 0x0110: 5})
        _, answer, _ = nets.wait_for("OnReceiveUnknown", net=client)
        assert answer.to_pydicom().Status == Status.PROCESSING_FAILURE

    def test_in_on_receive_data_count_as_in_the_request(
        self, nets: Nets, caplog: pytest.LogCaptureFixture
    ) -> None:
        class Server(LDicomNet):
            def OnReceiveData(self, *_: Any) -> None:
                raise ZeroDivisionError

        accepted, client = nets.pair(Server)
        client.SendCEchoRequest(1, 1, ECHO_CLASS)
        assert nets.wait_for("OnReceiveCEchoResponse")[3] == Status.PROCESSING_FAILURE
        assert "OnReceiveCEchoRequest" not in nets.recorder.names(accepted)

    @pytest.mark.parametrize("event", ["OnReceiveCEchoResponse", "OnReceive", "OnSend"])
    def test_in_another_event_abort_the_association(
        self, nets: Nets, caplog: pytest.LogCaptureFixture, event: str
    ) -> None:
        class Client(LDicomNet):
            armed = False

        def fail(self: Client, *_: Any) -> None:
            if self.armed:
                raise ZeroDivisionError("in the event")

        setattr(Client, event, fail)
        accepted, client = nets.pair(client_kind=Client)
        client.armed = True
        client.SendCEchoRequest(1, 1, ECHO_CLASS)
        assert nets.wait_for("OnReceiveAbort", net=accepted) == (0, 0)
        assert nets.wait_for("OnClose", net=client)[0] == DicomErrorCode.NET_FAILURE
        assert "raised ZeroDivisionError." in str(client.error)
        assert "in the event" in caplog.text
        assert "Traceback" in caplog.text
