"""Storing: what is sent, and what is told about it."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest
from nets import LINKS, Nets, free_port, short
from storage import (
    CT,
    EXPLICIT,
    FILES,
    MR,
    ROOT,
    StorageScp,
    data_set_of,
    write_instance,
    write_instances,
)

from leaddicom import (
    STORAGE,
    AssociationError,
    LDicomDS,
    NetworkError,
    ParameterError,
    ProtocolError,
    StoreProgress,
    StoreResult,
)
from leaddicom.dimse.command import encode_command
from leaddicom.dimse.composition import compose
from leaddicom.dimse.fragmentation import OutgoingMessage
from leaddicom.dimse.messages import C_STORE_RSP
from leaddicom.scu import instances, requestor
from leaddicom.transport.outbox import QueuedMessage
from scu.conftest import MakeScu, offered, requests
from scu.servers import instance

ECHO = "1.2.840.10008.1.1"


class TestStoring:
    def test_a_file(self, nets: Nets, scu: MakeScu) -> None:
        server = nets.server(StorageScp)
        path = FILES / "CT_small.dcm"
        told: list[StoreProgress] = []
        with scu(server) as client:
            result = client.store(path, progress=told.append)
        (got,) = server.received
        assert (got.sop_class, got.syntax) == (CT, EXPLICIT)
        assert got.data == data_set_of(path)
        assert result == StoreResult(sent=1, bytes=len(got.data), seconds=result.seconds)
        assert 0 < result.seconds < 5
        assert told == [StoreProgress(str(path), None, 1, 1, len(got.data))]

    @pytest.mark.parametrize("link", LINKS)
    @pytest.mark.parametrize("window", [1, 4])
    def test_many_files(
        self, nets: Nets, scu: MakeScu, tmp_path: Path, link: str, window: int
    ) -> None:
        server = nets.server(StorageScp, link=link)
        paths = write_instances(tmp_path, 20, size=3000)
        told: list[StoreProgress] = []
        with scu(server, link) as client:
            result = client.store(paths, window=window, progress=told.append)
        assert result.sent == 20
        assert [got.data for got in server.received] == [data_set_of(path) for path in paths]
        assert [each.path for each in told] == [str(path) for path in paths]
        assert [each.done for each in told] == list(range(1, 21))
        assert {each.total for each in told} == {20}
        assert told[-1].bytes == result.bytes == sum(len(got.data) for got in server.received)

    def test_names_what_the_data_set_holds(self, nets: Nets, scu: MakeScu, tmp_path: Path) -> None:
        # PS3.7 section 9.1.1.1; this file's File Meta Information names another instance.
        path = FILES / "rtplan.dcm"
        server = nets.server(StorageScp)
        scu(server).store(path)
        (got,) = server.received
        assert got.instance == "1.2.777.777.77.7.7777.7777.20030903150023"

    def test_names_no_move_that_did_not_happen(self, nets: Nets, scu: MakeScu) -> None:
        class Looking(StorageScp):
            def answer(self, *arguments: Any) -> None:
                assert self.message is not None
                assert self.message.get(0x0700) == 0  # the priority, which is there
                assert not {0x1030, 0x1031} & self.message.command.keys()
                super().answer(*arguments)

        assert scu(nets.server(Looking)).store(FILES / "CT_small.dcm").sent == 1
        assert nets.recorder.exceptions == []

    def test_names_the_move_that_it_is_part_of(self, nets: Nets, scu: MakeScu) -> None:
        # PS3.7 section 9.1.1.1
        client = scu(nets.server(StorageScp))
        path = FILES / "CT_small.dcm"
        assert client.store(path, move_originator=("ASKER", 0)).sent == 1
        assert client.store(path, move_originator=("ASKER", 65535)).sent == 1
        events = nets.recorder.events
        stores = [each.arguments for each in events if each.name == "OnReceiveCStoreRequest"]
        assert [each[5:7] for each in stores] == [("ASKER", 0), ("ASKER", 65535)]

    @pytest.mark.parametrize(
        ("originator", "reason"),
        [(("", 1), "no AE title"), (("ASKER", 65536), "message ID"), (("ASKER", -1), "message ID")],
    )
    def test_for_an_impossible_move_is_refused(
        self, scu: MakeScu, originator: tuple[str, int], reason: str
    ) -> None:
        with pytest.raises(ParameterError, match=reason):
            scu(1).store([], move_originator=originator)

    def test_data_sets_that_are_in_no_file(self, nets: Nets, scu: MakeScu) -> None:
        server = nets.server(StorageScp)
        result = scu(server).store([LDicomDS(instance(7)), FILES / "CT_small.dcm"])
        assert (result.sent, result.failed) == (2, [])
        assert server.received[0].instance == f"{ROOT}.7"

    def test_over_the_same_association_twice(
        self, nets: Nets, scu: MakeScu, tmp_path: Path
    ) -> None:
        client = scu(nets.server(StorageScp))
        paths = write_instances(tmp_path, 2)
        client.store(paths[0])
        client.store(paths[1])
        assert len(requests(nets)) == 1

    def test_over_another_association_that_fits(
        self, nets: Nets, scu: MakeScu, tmp_path: Path
    ) -> None:
        client = scu(nets.server(StorageScp))
        client.echo()
        assert client.store(write_instance(tmp_path, 1)).sent == 1
        assert client.store(write_instance(tmp_path, 1, sop_class=MR)).sent == 1
        assert client.store(write_instance(tmp_path, 1, sop_class=MR), window=2).sent == 1
        assert [offered(each)[0][0] for each in requests(nets)] == [ECHO, CT, MR, MR]
        assert nets.recorder.names(client).count("OnReceiveReleaseResponse") == 3

    @pytest.mark.parametrize("window", [0, 0x10000])
    def test_with_an_impossible_window(self, scu: MakeScu, window: int) -> None:
        with pytest.raises(ParameterError, match="between 1 and 65535"):
            scu(1).store([], window=window)

    def test_inside_an_event_is_refused(self, nets: Nets, scu: MakeScu, tmp_path: Path) -> None:
        client = scu(nets.server(StorageScp))
        with pytest.raises(ParameterError, match="an event must not do"):
            client.store(write_instance(tmp_path, 1), progress=lambda _: client.echo())  # type: ignore[arg-type,return-value]

    def test_survives_the_end_of_all_message_ids(
        self, nets: Nets, scu: MakeScu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(requestor, "_MESSAGE_IDS", 3)
        result = scu(nets.server(StorageScp)).store(write_instances(tmp_path, 7), window=2)
        assert result.sent == 7
        requests = [each for each in nets.recorder.events if each.name == "OnReceiveCStoreRequest"]
        assert [each.arguments[1] for each in requests] == [1, 2, 3, 1, 2, 3, 1]


class Holding(StorageScp):
    """Answers only when `batch` requests have arrived, in the opposite order."""

    batch = 4

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.held: list[tuple[int, int, str, str, int]] = []
        self.most: list[int] = []

    def answer(self, *arguments: Any) -> None:
        self.held.append(arguments)
        self.most.append(len(self.held))
        if len(self.held) == self.batch:
            while self.held:
                self.SendCStoreResponse(*self.held.pop())


class TestWindow:
    def test_is_not_offered_unless_asked_for(
        self, nets: Nets, scu: MakeScu, tmp_path: Path
    ) -> None:
        client = scu(nets.server(StorageScp))
        path = write_instance(tmp_path, 1)
        client.store(path)
        client.store(path, window=3)
        first, second = requests(nets)
        assert not first.IsAsyncOperations()
        assert (second.GetInvokedOperations(), second.GetPerformedOperations()) == (3, 1)

    def test_is_kept_full(self, nets: Nets, scu: MakeScu, tmp_path: Path) -> None:
        # The first goes alone; would fewer than four follow together, there were no answer.
        class AfterTheFirst(Holding):
            def answer(self, *arguments: Any) -> None:
                if len(self.received) == 1:
                    self.SendCStoreResponse(*arguments)
                else:
                    super().answer(*arguments)

        server = nets.server(AfterTheFirst)
        result = scu(server).store(write_instances(tmp_path, 13), window=4)
        assert (result.sent, result.failed) == (13, [])
        assert max(server.most) == 4

    def test_is_no_more_than_the_peer_grants(
        self, nets: Nets, scu: MakeScu, tmp_path: Path
    ) -> None:
        class TwoAtATime(Holding):
            batch = 2

            def answer(self, *arguments: Any) -> None:
                if len(self.received) == 1:
                    self.SendCStoreResponse(*arguments)
                else:
                    super().answer(*arguments)

        server = nets.server(TwoAtATime, limits=short(operations=2))
        result = scu(server).store(write_instances(tmp_path, 9), window=8)
        assert result.sent == 9
        assert max(server.most) == 2


class TestAnswers:
    def test_are_success_warning_or_failure(self, nets: Nets, scu: MakeScu, tmp_path: Path) -> None:
        server = nets.server(StorageScp)
        statuses = [0x0000, 0xB000, 0xA700, 0xC123, 0x0122, 0xB006]
        server.statuses.update({f"{ROOT}.{n}": each for n, each in enumerate(statuses, 1)})
        told: list[StoreProgress] = []
        result = scu(server).store(write_instances(tmp_path, 6), progress=told.append)
        assert result.sent == 3
        assert [issue.status for issue in result.warnings] == [0xB000, 0xB006]
        assert [issue.status for issue in result.failed] == [0xA700, 0xC123, 0x0122]
        assert result.failed[0].reason == "the peer answered A700H, Refused: Out of Resources"
        assert [each.issue and each.issue.status for each in told] == [None, *statuses[1:]]
        assert result.bytes == sum(len(server.received[index].data) for index in (0, 1, 5))
        assert result.error is None

    def test_come_with_the_peer_s_comment(self, nets: Nets, scu: MakeScu, tmp_path: Path) -> None:
        class Talkative(StorageScp):
            def answer(self, *arguments: Any) -> None:
                context_id, *values = arguments
                command = compose(C_STORE_RSP, [*values[:-1], 0xC000], False)
                encoded = encode_command({**command, 0x0902: "the disk said \\ no"})
                message = OutgoingMessage(context_id, encoded, None)
                assert self.connection is not None
                self.connection.put(QueuedMessage(message, values[0], False, True))

        result = scu(nets.server(Talkative)).store(write_instance(tmp_path, 1))
        (issue,) = result.failed
        assert issue.reason == (
            r"the peer answered C000H, Cannot Understand, and said 'the disk said \\ no'"
        )

    def test_to_what_was_not_asked(self, nets: Nets, scu: MakeScu, tmp_path: Path) -> None:
        class Confused(StorageScp):
            def answer(self, *arguments: Any) -> None:
                context_id, message_id, *rest = arguments
                if len(self.received) == 2:
                    message_id += 5
                self.SendCStoreResponse(context_id, message_id, *rest)

        result = scu(nets.server(Confused)).store(write_instances(tmp_path, 3))
        assert result.sent == 1
        assert isinstance(result.error, ProtocolError)
        assert [issue.reason for issue in result.failed] == [str(result.error)] * 2
        assert "sent a C-STORE-RSP to message 7, which is no request" in str(result.error)
        nets.wait_for("OnReceiveAbort")


class TestBreaking:
    @pytest.mark.parametrize("window", [1, 3])
    @pytest.mark.parametrize("end", ["SendAbort", "SendReleaseRequest"])
    def test_in_the_middle_fails_the_rest(
        self, nets: Nets, scu: MakeScu, tmp_path: Path, end: str, window: int
    ) -> None:
        class Leaving(StorageScp):
            def answer(self, *arguments: Any) -> None:
                if len(self.received) < 3:
                    super().answer(*arguments)
                elif len(self.received) == 3:
                    getattr(self, end)()

        server = nets.server(Leaving)
        told: list[StoreProgress] = []
        client = scu(server)
        result = client.store(write_instances(tmp_path, 6), window=window, progress=told.append)
        # An abort overtakes an answer that has not left yet.
        assert result.sent == 2 or (result.sent, window, end) == (1, 3, "SendAbort")
        assert isinstance(result.error, AssociationError)
        assert {issue.reason for issue in result.failed} == {str(result.error)}
        assert [Path(issue.path).stem for issue in result.failed] == [
            f"{number:05}" for number in range(result.sent + 1, 7)
        ]
        assert "aborted" in str(result.error) or "the peer released it" in str(result.error)
        assert [each.done for each in told] == list(range(1, 7))
        assert len(requests(nets)) == 1
        instances_sent = [got.instance for got in server.received]
        assert len(instances_sent) == len(set(instances_sent))

    def test_before_anything_was_sent_raises(self, scu: MakeScu, tmp_path: Path) -> None:
        with pytest.raises(NetworkError, match="Nothing listens there"):
            scu(free_port()).store(write_instance(tmp_path, 1))

    def test_before_the_second_association_fails_its_instances(
        self, nets: Nets, scu: MakeScu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Once(StorageScp):
            def OnReceiveAssociateRequest(self, associate: Any) -> None:
                if self.received:
                    self.SendAssociateReject(2, 3, 1)
                else:
                    super().OnReceiveAssociateRequest(associate)

        monkeypatch.setattr(instances, "CONTEXTS", 2)
        paths = [
            write_instance(tmp_path, number, sop_class=each.abstract_syntax)
            for number, each in enumerate(STORAGE[:3])
        ]
        result = scu(nets.server(Once)).store(paths)
        assert (result.sent, len(result.failed)) == (1, 2)
        assert isinstance(result.error, AssociationError)
        assert "temporary congestion" in result.failed[-1].reason
        assert len(requests(nets)) == 2  # none for the third batch

    def test_by_progress_raises_what_it_raised(
        self, nets: Nets, scu: MakeScu, tmp_path: Path
    ) -> None:
        class Cancelled(BaseException):
            pass

        def cancel(progress: StoreProgress) -> None:
            if progress.done == 2:
                raise Cancelled

        server = nets.server(StorageScp)
        client = scu(server)
        with pytest.raises(Cancelled):
            client.store(write_instances(tmp_path, 9), progress=cancel)
        nets.wait_for("OnReceiveAbort")
        assert len(server.received) == 2
        assert client.store(write_instance(tmp_path, 1)).sent == 1  # and it can be used again

    def test_by_a_release_of_this_end_fails_the_rest(
        self, nets: Nets, scu: MakeScu, tmp_path: Path
    ) -> None:
        arrived = threading.Event()

        class Late(StorageScp):
            """Answers when the release is requested already."""

            def __init__(self, *arguments: Any) -> None:
                super().__init__(*arguments)
                self.held: list[tuple[Any, ...]] = []

            def answer(self, *arguments: Any) -> None:
                self.held.append(arguments)
                arrived.set()

            def OnReceiveReleaseRequest(self) -> None:
                self.SendCStoreResponse(*self.held.pop())
                super().OnReceiveReleaseRequest()

        client = scu(nets.server(Late))
        thread = threading.Thread(target=lambda: arrived.wait(5) and client.SendReleaseRequest())
        thread.start()
        result = client.store(write_instances(tmp_path, 3))
        thread.join()
        assert (result.sent, len(result.failed)) == (1, 2)
        assert isinstance(result.error, AssociationError)
        assert "this program closed it" in str(result.error)

    def test_by_cancelling_sends_no_more(self, nets: Nets, scu: MakeScu, tmp_path: Path) -> None:
        server = nets.server(StorageScp)
        client = scu(server)
        paths = write_instances(tmp_path, 9)
        result = client.store(paths, progress=lambda _: client.cancel())
        assert (result.sent, result.failed, result.error) == (1, [], None)
        assert len(server.received) == 1
        assert client.store(paths).sent == 9
        assert len(requests(nets)) == 1

    def test_from_another_thread(self, nets: Nets, scu: MakeScu, tmp_path: Path) -> None:
        arrived = threading.Event()

        class Silent(StorageScp):
            def answer(self, *arguments: Any) -> None:
                arrived.set()

        client = scu(nets.server(Silent))
        closer = threading.Thread(target=lambda: arrived.wait(5) and client.abort())
        closer.start()
        result = client.store(write_instances(tmp_path, 2))
        closer.join()
        assert (result.sent, len(result.failed)) == (0, 2)
        assert "this program closed it" in str(result.error)

    def test_off_a_file_that_has_gone(self, nets: Nets, scu: MakeScu, tmp_path: Path) -> None:
        paths = write_instances(tmp_path, 3)

        def remove(progress: StoreProgress) -> None:
            paths[1].unlink(missing_ok=True)

        result = scu(nets.server(StorageScp)).store(paths, progress=remove)
        assert result.sent == 2
        (issue,) = result.failed
        assert (issue.path, issue.status) == (str(paths[1]), None)
        assert "removed before its turn came" in issue.reason

    def test_off_a_file_that_was_cut_short(self, nets: Nets, scu: MakeScu, tmp_path: Path) -> None:
        # Its command set has been announced already, so this costs the association.
        paths = write_instances(tmp_path, 3, size=100)

        def cut(progress: StoreProgress) -> None:
            os.truncate(paths[1], paths[1].stat().st_size - 50)

        result = scu(nets.server(StorageScp)).store(paths, progress=cut)
        assert (result.sent, len(result.failed)) == (1, 2)
        assert "ends before its data set does" in str(result.error)

    def test_off_an_odd_data_set_costs_that_one_only(
        self, nets: Nets, scu: MakeScu, tmp_path: Path
    ) -> None:
        paths = write_instances(tmp_path, 2)
        with paths[0].open("ab") as file:
            file.write(b"\0")
        result = scu(nets.server(StorageScp)).store(paths)
        assert result.sent == 1
        assert "odd number of bytes" in result.failed[0].reason
