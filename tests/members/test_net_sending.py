"""How an `LDicomNet` sends, and what it tells of PDUs and messages, member by member."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from nets import ECHO_CLASS, Mute, Nets, associate_request, some_dataset
from pydicom.dataset import Dataset

from leaddicom import (
    DataSetError,
    DebugInfoOnSend,
    DebugMode,
    DicomErrorCode,
    LDicomDS,
    LDicomNet,
    NetFlag,
    NetworkError,
    ParameterError,
    PduType,
    Status,
)


def command_set(**elements: Any) -> Dataset:
    command = Dataset()
    for keyword, value in elements.items():
        setattr(command, keyword, value)
    return command


# -- SendData ----------------------------------------------------------------------------------


class TestSendData:
    def test_SendData(self, nets: Nets) -> None:
        """A command set of one's own, here a C-FIND request."""
        _, client = nets.pair(Mute)
        command = command_set(
            CommandField=0x0020, MessageID=5, AffectedSOPClassUID=ECHO_CLASS, Priority=1
        )
        client.SendData(1, LDicomDS(command), some_dataset())
        *found, dataset = nets.wait_for("OnReceiveCFindRequest")
        assert found == [1, 5, ECHO_CLASS, 1]
        assert dataset.to_pydicom() == some_dataset()

    def test_a_command_that_the_standard_does_not_have(self, nets: Nets) -> None:
        accepted, client = nets.pair()
        client.SendData(1, command_set(CommandField=0x0999, MessageID=5))
        context, command, dataset = nets.wait_for("OnReceiveUnknown", net=accepted)
        assert (context, command.to_pydicom().CommandField, dataset) == (1, 0x0999, None)

    def test_a_response_with_elements_that_no_method_has(self, nets: Nets) -> None:
        seen: list[Any] = []

        class Client(LDicomNet):
            def OnReceiveCFindResponse(self, *arguments: Any) -> None:
                seen.append(self.GetCommandSet().to_pydicom())

        accepted, client = nets.pair(Mute, Client)
        client.SendCFindRequest(1, 5, ECHO_CLASS, 0, some_dataset())
        nets.wait_for("OnReceiveCFindRequest")
        answer = command_set(
            CommandField=0x8020,
            MessageIDBeingRespondedTo=5,
            AffectedSOPClassUID=ECHO_CLASS,
            Status=0xA900,
            ErrorComment="QueryRetrieveLevel is missing",
            OffendingElement=[0x00080052],
        )
        accepted.SendData(1, answer)
        nets.wait_for("OnReceiveCFindResponse")
        assert seen[0].Status == 0xA900
        assert seen[0].ErrorComment == "QueryRetrieveLevel is missing"
        assert seen[0].OffendingElement == 0x00080052

    def test_its_final_response_frees_the_message_id(self, nets: Nets) -> None:
        accepted, client = nets.pair(Mute)
        for _ in range(2):
            client.SendCEchoRequest(1, 5, ECHO_CLASS)
            nets.wait_for("OnReceiveCEchoRequest")
            answer = command_set(CommandField=0x8030, MessageIDBeingRespondedTo=5, Status=0)
            accepted.SendData(1, answer)
            assert nets.wait_for("OnReceiveCEchoResponse")[1] == 5

    def test_group_length_and_data_set_type_are_filled_in(self, nets: Nets) -> None:
        accepted, client = nets.pair(Mute)
        command = command_set(
            CommandGroupLength=1,
            CommandDataSetType=0x0001,
            CommandField=0x0030,
            MessageID=5,
            AffectedSOPClassUID=ECHO_CLASS,
        )
        client.SendData(1, command)  # which has no data set
        nets.wait_for("OnReceiveCEchoRequest")
        assert accepted.IsAssociated()

    @pytest.mark.parametrize(
        ("command", "reason"),
        [
            (command_set(MessageID=5), "needs a Command Field"),
            (command_set(CommandField=0x0030), "a Message ID"),
            (command_set(CommandField=0x8030, MessageID=5), "Message ID Being Responded To"),
            (command_set(CommandField=0x0FFF, MessageID=5), "Message ID Being Responded To"),
            (command_set(PatientID="4711"), "belongs into the data set"),
        ],
    )
    def test_what_cannot_be_sent_is_refused(
        self, nets: Nets, command: Dataset, reason: str
    ) -> None:
        _, client = nets.pair()
        with pytest.raises(ParameterError, match=reason):
            client.SendData(1, command)
        assert client.GetQueueSend() == 0

    def test_it_needs_a_connection(self, nets: Nets) -> None:
        with pytest.raises(NetworkError) as caught:
            nets.make().SendData(1, command_set(CommandField=0x0030, MessageID=5))
        assert caught.value.code == DicomErrorCode.NET_NOT_CONNECTED


# -- options of sending ------------------------------------------------------------------------


GROUPED = NetFlag.SEND_DATA_WITH_GROUP_LENGTH_STANDARD_DATA_ELEMENTS


class TestSetFlags:
    @pytest.mark.parametrize("kind", ["dataset", "file"])
    def test_SetFlags(self, nets: Nets, tmp_path: Path, kind: str) -> None:
        """Group lengths, which are retired, for peers that are older."""
        _, client = nets.pair(Mute)
        dataset: Any = some_dataset()
        if kind == "file":
            LDicomDS(dataset).save(tmp_path / "it.dcm")
            dataset = tmp_path / "it.dcm"
        client.SetFlags(GROUPED)
        client.SendNSetRequest(1, 1, ECHO_CLASS, "1.2.3", dataset)
        received = nets.wait_for("OnReceiveNSetRequest")[-1].to_pydicom()
        assert [each.value for each in received if each.tag.element == 0] == [10, 12]
        del received[0x00080000], received[0x00100000]
        assert received == some_dataset()

    def test_without_it_there_are_none(self, nets: Nets) -> None:
        _, client = nets.pair(Mute)
        client.SetFlags(GROUPED)
        client.SetFlags(NetFlag.NONE)
        client.SendNSetRequest(1, 1, ECHO_CLASS, "1.2.3", some_dataset())
        assert nets.wait_for("OnReceiveNSetRequest")[-1].to_pydicom() == some_dataset()

    def test_a_damaged_file_is_refused_with_it_too(self, nets: Nets, tmp_path: Path) -> None:
        """An odd length would have the peer abort the association."""
        _, client = nets.pair(Mute)
        LDicomDS(some_dataset()).save(tmp_path / "it.dcm")
        (tmp_path / "it.dcm").write_bytes((tmp_path / "it.dcm").read_bytes()[:-1])
        client.SetFlags(GROUPED)
        with pytest.raises(DataSetError):
            client.SendNSetRequest(1, 1, ECHO_CLASS, "1.2.3", tmp_path / "it.dcm")

    def test_unknown_bits_are_refused(self, nets: Nets) -> None:
        with pytest.raises(ParameterError, match="0x6 has bits that NetFlag does not"):
            nets.make().SetFlags(6)


def test_GetFlags(nets: Nets) -> None:
    net = nets.make()
    assert net.GetFlags() == NetFlag.NONE
    net.SetFlags(1)
    assert net.GetFlags() is GROUPED


class Counting(LDicomNet):
    """Notes how many PDUs leave in one go."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.writes: list[int] = []
        self.two_have_left = threading.Event()

    def watch(self) -> None:
        session = self.connection.session
        sent = session.sent

        def noted() -> None:
            data, position, pdus = session._sending, 0, 0
            while position < len(data):
                position += 6 + int.from_bytes(data[position + 2 : position + 6], "big")
                pdus += 1
            self.writes.append(pdus)
            if sum(self.writes) >= 2:
                self.two_have_left.set()
            sent()

        session.sent = noted


class TestEnableOptimizedSend:
    @pytest.mark.parametrize("when", ["before", "later"])
    def test_EnableOptimizedSend(self, nets: Nets, when: str) -> None:
        """Off, every PDU leaves alone."""
        server = nets.server(Mute)
        client = nets.make(Counting)
        if when == "before":
            client.EnableOptimizedSend(False)
        nets.associated(nets.connect(client, server))
        client.watch()
        if when == "later":
            client.EnableOptimizedSend(False)
        client.SendNSetRequest(1, 1, ECHO_CLASS, "1.2.3", some_dataset())
        assert nets.wait_for("OnReceiveNSetRequest")[-1].to_pydicom() == some_dataset()
        assert client.two_have_left.wait(5)
        assert client.writes == [1, 1]

    def test_on_from_the_beginning(self, nets: Nets) -> None:
        server = nets.server(Mute)
        client = nets.associated(nets.client(server, Counting))
        client.watch()
        client.SendNSetRequest(1, 1, ECHO_CLASS, "1.2.3", some_dataset())
        assert client.two_have_left.wait(5)
        assert client.writes == [2]


@pytest.mark.parametrize("enable", [True, False])
def test_EnableOptimizedMemorySend(nets: Nets, tmp_path: Path, enable: bool) -> None:
    """A file that waits takes no memory, whatever is asked for."""
    _, client = nets.pair(Mute)
    client.EnableOptimizedMemorySend(enable)
    LDicomDS(some_dataset()).save(tmp_path / "it.dcm")
    client.SendCEchoRequest(1, 1, ECHO_CLASS)  # is not answered, so that the next one waits
    client.SendNSetRequest(1, 2, ECHO_CLASS, "1.2.3", tmp_path / "it.dcm")
    assert client.connection._outbox._bytes == 0


def test_IsOptimizedMemorySendEnabled(nets: Nets) -> None:
    net = nets.make()
    assert net.IsOptimizedMemorySendEnabled()
    net.EnableOptimizedMemorySend(False)
    assert not net.IsOptimizedMemorySendEnabled()


# -- what is told ------------------------------------------------------------------------------


class Telling(LDicomNet):
    """Notes what its events tell of PDUs and messages, in order."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.told: list[Any] = []

    def OnSend(self, error: int, pdu_type: int, length: int) -> None:
        self.told.append(("OnSend", error, pdu_type, length))

    def OnSendExt(self, info: DebugInfoOnSend) -> None:
        self.told.append(info)

    def OnReceive(self, error: int, pdu_type: int, buffer: bytes, length: int) -> None:
        self.told.append(("OnReceive", error, pdu_type, length, bytes(buffer)))


def test_SetDebugMode(nets: Nets) -> None:
    net = nets.make()
    assert net.SetDebugMode(DebugMode.SEND | DebugMode.RECEIVE) == DebugMode.NORMAL
    assert net.SetDebugMode(0) == DebugMode.SEND | DebugMode.RECEIVE
    with pytest.raises(ParameterError, match="0x4 has bits that DebugMode does not"):
        net.SetDebugMode(4)


def test_OnSend(nets: Nets) -> None:
    server = nets.server()
    client = nets.associated(nets.client(server, Telling))
    client.SendReleaseRequest()
    nets.wait_for("OnClose", net=client)
    sent = [each for each in client.told if each[0] == "OnSend"]
    assert [each[2] for each in sent] == [PduType.ASSOCIATE_REQUEST, PduType.RELEASE_REQUEST]
    assert sent[-1] == ("OnSend", 0, PduType.RELEASE_REQUEST, 10)


class TestOnSendExt:
    def test_OnSendExt(self, nets: Nets) -> None:
        """It fires beside `OnSend`, once debugging was switched on."""
        server = nets.server()
        client = nets.associated(nets.client(server, Telling))
        assert not any(isinstance(each, DebugInfoOnSend) for each in client.told)
        client.SetDebugMode(DebugMode.SEND)
        client.told.clear()
        client.SendReleaseRequest()
        nets.wait_for("OnClose", net=client)
        assert client.told[0] == ("OnSend", 0, PduType.RELEASE_REQUEST, 10)
        whole = bytes.fromhex("05 00 00000004 00000000")
        assert client.told[1] == DebugInfoOnSend(0, PduType.RELEASE_REQUEST, 10, whole)

    def test_it_needs_no_on_send(self, nets: Nets) -> None:
        class Debugging(LDicomNet):
            def __init__(self, *arguments: Any) -> None:
                super().__init__(*arguments)
                self.SetDebugMode(1)
                self.types: list[int] = []

            def OnSendExt(self, info: DebugInfoOnSend) -> None:
                self.types.append(info.pdu_type)

        _, client = nets.pair(LDicomNet, Debugging)
        assert client.types == [PduType.ASSOCIATE_REQUEST]


def test_OnReceive(nets: Nets) -> None:
    server = nets.server()
    client = nets.associated(nets.client(server, Telling))
    client.SendReleaseRequest()
    nets.wait_for("OnClose", net=client)
    received = [each for each in client.told if each[0] == "OnReceive"]
    assert received[0][2] == PduType.ASSOCIATE_ACCEPT
    whole = bytes.fromhex("06 00 00000004 00000000")
    assert received[-1] == ("OnReceive", 0, PduType.RELEASE_RESPONSE, 10, whole)


def test_OnReceiveData(nets: Nets) -> None:
    """It comes before the message's own event."""
    told: list[Any] = []

    class Server(LDicomNet):
        def OnReceiveData(
            self, presentation_id: int, command_set: LDicomDS | None, dataset: LDicomDS | None
        ) -> None:
            told.append((presentation_id, command_set.to_pydicom().MessageID, dataset))

        def OnReceiveCEchoRequest(self, *arguments: Any) -> None:
            told.append("OnReceiveCEchoRequest")
            super().OnReceiveCEchoRequest(*arguments)

    _, client = nets.pair(Server)
    client.SendCEchoRequest(1, 77, ECHO_CLASS)
    nets.wait_for("OnReceiveCEchoResponse")
    assert told == [(1, 77, None), "OnReceiveCEchoRequest"]


def test_OnReceiveUnknown(nets: Nets) -> None:
    """The default answers a command that nobody knows."""

    class Client(LDicomNet):
        def OnReceiveUnknown(self, *arguments: Any) -> None:
            """Do not answer an answer."""

    _, client = nets.pair(client_kind=Client)
    client.SendData(1, command_set(CommandField=0x0999, MessageID=5))
    _, answer, _ = nets.wait_for("OnReceiveUnknown", net=client)
    assert answer.to_pydicom().Status == Status.UNRECOGNIZED_OPERATION


class TestOnBeforeSendCommandSet:
    class Commenting(LDicomNet):
        """Says why."""

        def OnBeforeSendCommandSet(self, command_set: LDicomDS) -> None:
            if command_set.to_pydicom().Status:
                command_set.to_pydicom().ErrorComment = "no"

    class Listening(LDicomNet):
        """Notes the comments of answers."""

        def OnReceiveCEchoResponse(self, *arguments: Any) -> None:
            self.answer = self.GetCommandSet().to_pydicom()

        OnReceiveCStoreResponse = OnReceiveCFindResponse = OnReceiveCEchoResponse

    def test_OnBeforeSendCommandSet(self, nets: Nets) -> None:
        """It sees a response before it is queued, and may add to it."""

        class Server(self.Commenting):
            def OnReceiveCEchoRequest(self, *arguments: Any) -> None:
                self.SendCEchoResponse(*arguments, Status.PROCESSING_FAILURE)

        _, client = nets.pair(Server, self.Listening)
        client.SendCEchoRequest(1, 1, ECHO_CLASS)
        nets.wait_for("OnReceiveCEchoResponse")
        assert (client.answer.Status, client.answer.ErrorComment) == (0x0110, "no")

    def test_it_sees_what_the_library_answers_in_the_applications_place(self, nets: Nets) -> None:
        class Server(self.Commenting):
            def OnReceiveCEchoRequest(self, *arguments: Any) -> None:
                raise RuntimeError("deliberate")

        _, client = nets.pair(Server, self.Listening)
        client.SendCEchoRequest(1, 1, ECHO_CLASS)
        nets.wait_for("OnReceiveCEchoResponse")
        assert (client.answer.Status, client.answer.ErrorComment) == (0x0110, "no")

    def test_without_it_the_library_comments_itself(self, nets: Nets) -> None:
        _, client = nets.pair(LDicomNet, self.Listening)
        client.SendCStoreRequest(1, 1, "1.2.3", "1.2.3.4", 0, "", 0, some_dataset())
        nets.wait_for("OnReceiveCStoreResponse")
        assert client.answer.Status == Status.CLASS_NOT_SUPPORTED
        assert client.answer.ErrorComment == (
            "The SOP class is not that of the presentation context."
        )

    def test_requests_pass_it_by(self, nets: Nets) -> None:
        class Client(self.Listening):
            def OnBeforeSendCommandSet(self, command_set: LDicomDS) -> None:
                raise AssertionError("this is a request")

        _, client = nets.pair(LDicomNet, Client)
        client.SendCEchoRequest(1, 1, ECHO_CLASS)
        nets.wait_for("OnReceiveCEchoResponse")
        assert client.answer.Status == 0

    def test_which_request_is_answered_cannot_be_changed(self, nets: Nets) -> None:
        class Server(LDicomNet):
            def OnBeforeSendCommandSet(self, command_set: LDicomDS) -> None:
                command = command_set.to_pydicom()
                command.MessageIDBeingRespondedTo = 99
                command.CommandDataSetType = 1
                del command.CommandField

        _, client = nets.pair(Server, self.Listening)
        client.SendCEchoRequest(1, 7, ECHO_CLASS)
        nets.wait_for("OnReceiveCEchoResponse")
        assert client.answer.MessageIDBeingRespondedTo == 7

    @pytest.mark.parametrize("status", [None, Status.PENDING])
    def test_a_final_response_stays_final(self, nets: Nets, status: int | None) -> None:
        """The peer would wait for ever."""

        class Server(Mute):
            def OnBeforeSendCommandSet(self, command_set: LDicomDS) -> None:
                command_set.to_pydicom().Status = status

        accepted, client = nets.pair(Server)
        client.SendCEchoRequest(1, 5, ECHO_CLASS)
        nets.wait_for("OnReceiveCEchoRequest")
        with pytest.raises(ParameterError, match="has to leave a status"):
            accepted.SendCEchoResponse(1, 5, ECHO_CLASS, 0)
        assert accepted.connection.session.answered(5)  # it is owed still

    def test_it_sees_what_send_data_sends(self, nets: Nets) -> None:
        class Server(self.Commenting, Mute):
            """Answers by hand."""

        accepted, client = nets.pair(Server, self.Listening)
        client.SendCEchoRequest(1, 5, ECHO_CLASS)
        nets.wait_for("OnReceiveCEchoRequest")
        answer = command_set(CommandField=0x8030, MessageIDBeingRespondedTo=5, Status=0x0110)
        accepted.SendData(1, answer)
        nets.wait_for("OnReceiveCEchoResponse")
        assert client.answer.ErrorComment == "no"

    def test_a_status_that_is_made_final_ends_the_operation(self, nets: Nets) -> None:
        """What leaves counts, not what was asked for."""

        class Server(Mute):
            def OnBeforeSendCommandSet(self, command_set: LDicomDS) -> None:
                command_set.to_pydicom().Status = Status.CANCEL

        accepted, client = nets.pair(Server, self.Listening)
        for _ in range(2):  # the message ID is free again
            client.SendCFindRequest(1, 5, ECHO_CLASS, 0, some_dataset())
            nets.wait_for("OnReceiveCFindRequest")
            accepted.SendCFindResponse(1, 5, ECHO_CLASS, Status.PENDING, some_dataset())
            nets.wait_for("OnReceiveCFindResponse")
            assert client.answer.Status == Status.CANCEL

    def test_its_exception_reaches_who_answers(self, nets: Nets) -> None:
        class Server(Mute):
            def OnBeforeSendCommandSet(self, command_set: LDicomDS) -> None:
                command_set.to_pydicom().PatientID = "4711"

        accepted, client = nets.pair(Server)
        client.SendCEchoRequest(1, 5, ECHO_CLASS)
        nets.wait_for("OnReceiveCEchoRequest")
        with pytest.raises(ParameterError, match="belongs into the data set"):
            accepted.SendCEchoResponse(1, 5, ECHO_CLASS, 0)
        assert accepted.IsAssociated()

    def test_its_exception_about_the_librarys_answer_ends_the_association(
        self, nets: Nets, caplog: pytest.LogCaptureFixture
    ) -> None:
        class Server(LDicomNet):
            def OnReceiveCEchoRequest(self, *arguments: Any) -> None:
                raise RuntimeError("deliberate")

            def OnBeforeSendCommandSet(self, command_set: LDicomDS) -> None:
                raise RuntimeError("deliberate")

        _, client = nets.pair(Server)
        client.SendCEchoRequest(1, 5, ECHO_CLASS)
        nets.wait_for("OnReceiveAbort", net=client)
        assert "The event for a response to 127.0.0.1" in caplog.text


def test_a_request_that_is_refused_says_why(nets: Nets) -> None:
    """The reason is not only in the server's log."""
    seen: list[Any] = []

    class Client(LDicomNet):
        def OnReceiveCEchoResponse(self, *arguments: Any) -> None:
            seen.append(self.GetCommandSet().to_pydicom())

    _, client = nets.pair(LDicomNet, Client, associate_request())
    client.SendData(1, command_set(CommandField=0x0030, MessageID=5))
    nets.wait_for("OnReceiveCEchoResponse")
    assert seen[0].Status == Status.MISTYPED_ARGUMENT
    assert seen[0].ErrorComment == "C-ECHO-RQ lacks AffectedSOPClassUID (0000,0002)."


def test_a_response_that_could_not_be_queued_is_owed_still(
    nets: Nets, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the library answers in the application's place, if that gives up."""
    accepted, client = nets.pair(Mute)
    client.SendCEchoRequest(1, 5, ECHO_CLASS)
    nets.wait_for("OnReceiveCEchoRequest")

    def full(*_: Any, **__: Any) -> None:
        raise NetworkError(DicomErrorCode.NET_TIME_OUT, "The queue is full.")

    monkeypatch.setattr(accepted.connection._outbox, "put", full)
    with pytest.raises(NetworkError, match="The queue is full"):
        accepted.SendCEchoResponse(1, 5, ECHO_CLASS, 0)
    assert accepted.connection.session.answered(5)
    assert not accepted.connection.session.answered(5)
