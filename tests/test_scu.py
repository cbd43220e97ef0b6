"""`Scu`: what it offers, sends and reports, against servers of this package."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from nets import LINKS, TLS_LINKS, Nets, free_port, short
from storage import (
    BIG_ENDIAN,
    CT,
    DEFLATED,
    EXPLICIT,
    FILES,
    IMPLICIT,
    JPEG,
    MR,
    ROOT,
    StorageScp,
    data_set_of,
    write_instance,
    write_instances,
)

from leaddicom import (
    DICOM_SECURE_NONE,
    DICOM_SECURE_TLS,
    STORAGE,
    AssociationError,
    DicomError,
    DicomErrorCode,
    LDicomNet,
    Limits,
    NetworkError,
    ParameterError,
    ProtocolError,
    Scu,
    StoreIssue,
    StoreProgress,
    StoreResult,
    TlsError,
    TlsSettings,
    supported,
)
from leaddicom.dimse.command import encode_command
from leaddicom.dimse.composition import compose
from leaddicom.dimse.fragmentation import OutgoingMessage
from leaddicom.dimse.messages import C_STORE_RSP
from leaddicom.scu import instances, transfer
from leaddicom.scu.results import status_text
from leaddicom.transport.outbox import QueuedMessage

ECHO = "1.2.840.10008.1.1"

MakeScu = Callable[..., Scu]


@pytest.fixture
def scu(nets: Nets) -> Iterator[MakeScu]:
    """Makes clients of a server, recorded and closed after the test."""
    made: list[Scu] = []

    def make(
        server: LDicomNet | int, link: str = "plain", kind: type[Scu] = Scu, **more: Any
    ) -> Scu:
        port = server if isinstance(server, int) else server.GetHostInfo()[1]
        mode, suites = LINKS[link]
        options: dict[str, Any] = {"mode": mode, "limits": short()}
        if mode == DICOM_SECURE_TLS:
            good = nets.certificate("good")
            options |= {
                "ca_file": str(nets.pki.ca_file),
                "certificate": str(good.certificate_file),
                "key": str(good.key_file),
            }
        client = kind("localhost", port, **{**options, **more})
        if suites:
            ca_file = str(nets.pki.ca_file)
            client.Initialize(ctx=TlsSettings(ca_file=ca_file, cipher_suites=suites))
        made.append(nets.recorder.watch(client))
        return client

    yield make
    for client in made:
        client.CloseForced(True)


def requests(nets: Nets) -> list[Any]:
    """The A-ASSOCIATE-RQs that servers have received so far."""
    events = nets.recorder.events
    return [each.arguments[0] for each in events if each.name == "OnReceiveAssociateRequest"]


def offered(request: Any) -> list[tuple[str, tuple[str, ...]]]:
    contexts = request.parameters.presentation_contexts
    return [(each.abstract_syntax, tuple(each.transfer_syntaxes)) for each in contexts]


class TestEcho:
    @pytest.mark.parametrize("link", LINKS)
    def test_takes_some_time(self, nets: Nets, scu: MakeScu, link: str) -> None:
        with scu(nets.server(link=link), link) as client:
            assert 0 < client.echo() < 5
        facts = client.link_facts
        assert (
            facts is None if link == "plain" else facts.tls_version == link.replace("TLS ", "TLSv")
        )
        nets.wait_for("OnReceiveReleaseRequest")

    def test_offers_the_verification_sop_class(self, nets: Nets, scu: MakeScu) -> None:
        client = scu(nets.server(), called_ae_title="CALLED", calling_ae_title="CALLING")
        client.echo()
        (request,) = requests(nets)
        assert offered(request) == [(ECHO, (EXPLICIT, IMPLICIT))]
        assert (request.GetCalled(), request.GetCalling()) == ("CALLED", "CALLING")
        assert not request.IsAsyncOperations()

    def test_uses_an_association_again(self, nets: Nets, scu: MakeScu) -> None:
        client = scu(nets.server())
        client.echo()
        client.echo()
        assert len(requests(nets)) == 1

    def test_associates_anew_when_the_peer_has_ended_the_association(
        self, nets: Nets, scu: MakeScu
    ) -> None:
        server = nets.server()
        client = scu(server)
        client.echo()
        server.GetClient(0).SendAbort()
        nets.wait_for("OnClose", net=client)
        client.echo()
        assert len(requests(nets)) == 2

    def test_is_refused_without_the_sop_class(self, nets: Nets, scu: MakeScu) -> None:
        server = nets.server()
        server.supported_contexts = STORAGE
        with pytest.raises(AssociationError, match="does not accept the Verification SOP class"):
            scu(server).echo()

    def test_fails_with_the_status_of_the_peer(self, nets: Nets, scu: MakeScu) -> None:
        class Refusing(LDicomNet):
            def OnReceiveCEchoRequest(
                self, presentation_id: int, message_id: int, uid: str
            ) -> None:
                self.SendCEchoResponse(presentation_id, message_id, uid, 0x0122)

        with pytest.raises(AssociationError, match="answered the C-ECHO with status 0122H"):
            scu(nets.server(Refusing)).echo()

    @pytest.mark.parametrize("end", ["SendAbort", "SendReleaseRequest"])
    def test_says_why_the_association_ended(self, nets: Nets, scu: MakeScu, end: str) -> None:
        class Leaving(LDicomNet):
            def OnReceiveCEchoRequest(
                self, presentation_id: int, message_id: int, uid: str
            ) -> None:
                getattr(self, end)()

        with pytest.raises(AssociationError, match=r"aborted|the peer released it"):
            scu(nets.server(Leaving)).echo()


class TestConnecting:
    def test_to_nobody(self, scu: MakeScu) -> None:
        client = scu(free_port())
        with pytest.raises(NetworkError, match="Nothing listens there") as caught:
            client.echo()
        assert caught.value.code is DicomErrorCode.NET_CONNECTION_REFUSED
        assert client.error is caught.value

    def test_under_a_wrong_title(self, nets: Nets, scu: MakeScu) -> None:
        server = nets.server()
        server.ae_title = "RIGHT"
        with pytest.raises(AssociationError, match="called AE title not recognized") as caught:
            scu(server, called_ae_title="WRONG").echo()
        assert (caught.value.result, caught.value.source, caught.value.reason) == (1, 1, 7)

    @pytest.mark.parametrize("link", TLS_LINKS)
    def test_to_a_server_of_another_ca(self, nets: Nets, scu: MakeScu, link: str) -> None:
        server = nets.server(link=link, certificate="other_ca")
        with pytest.raises(TlsError) as caught:
            scu(server, link).echo()
        assert caught.value.code is DicomErrorCode.TLS_UNKNOWN_CA
        assert caught.value.stage == "handshake"

    @pytest.mark.parametrize("link", TLS_LINKS)
    def test_without_a_certificate(self, nets: Nets, scu: MakeScu, link: str) -> None:
        # With TLS 1.3 the client has finished before the server misses the certificate.
        client = scu(nets.server(link=link), link, certificate=None, key=None)
        with pytest.raises(TlsError, match="certificate"):
            client.echo()

    def test_with_a_certificate_that_is_not_there(self, nets: Nets, scu: MakeScu) -> None:
        with pytest.raises(TlsError, match=r"nowhere\.pem"):
            scu(1, "TLS 1.3", certificate="nowhere.pem")

    def test_with_an_encrypted_key(self, nets: Nets, scu: MakeScu) -> None:
        locked = nets.certificate("encrypted_key")
        files = {"certificate": str(locked.certificate_file), "key": str(locked.key_file)}
        scu(nets.server(link="TLS 1.3"), "TLS 1.3", password=locked.password, **files).echo()
        with pytest.raises(TlsError) as caught:
            scu(1, "TLS 1.3", **files)
        assert caught.value.code is DicomErrorCode.PRIVATE_KEY_LOAD_FAILED

    def test_plain_with_a_certificate(self) -> None:
        with pytest.raises(DicomError, match="DICOM_SECURE_NONE"):
            Scu("localhost", 1, mode=DICOM_SECURE_NONE, certificate="some.pem")

    def test_to_a_peer_that_does_not_answer(self, nets: Nets, scu: MakeScu) -> None:
        class Silent(LDicomNet):
            def OnReceiveCEchoRequest(
                self, presentation_id: int, message_id: int, uid: str
            ) -> None:
                pass

        with pytest.raises(NetworkError) as caught:
            scu(nets.server(Silent), limits=short(response_timeout=0.2)).echo()
        assert caught.value.code is DicomErrorCode.NET_TIME_OUT

    def test_has_limits_of_its_class_without_others(self) -> None:
        assert Scu("localhost", 1, mode=DICOM_SECURE_NONE).limits == Limits()


class TestReleasing:
    def test_happens_at_the_end_of_a_block(self, nets: Nets, scu: MakeScu) -> None:
        with scu(nets.server()) as client:
            client.echo()
        assert not client.IsConnected()
        assert "OnReceiveReleaseResponse" in nets.recorder.names(client)
        assert client.error is None

    def test_becomes_an_abort_if_the_block_raises(self, nets: Nets, scu: MakeScu) -> None:
        client = scu(nets.server())
        client.echo()
        with pytest.raises(KeyError), client:
            raise KeyError
        nets.wait_for("OnReceiveAbort")
        assert "OnReceiveReleaseRequest" not in nets.recorder.names()

    def test_leaves_no_association_that_was_dropped(self, nets: Nets, scu: MakeScu) -> None:
        client = scu(nets.server())
        client.echo()
        client.CloseForced(True)
        assert not client.IsAssociated()
        client.release()  # of nothing, therefore
        assert client.echo() > 0

    def test_of_nothing_is_allowed(self, scu: MakeScu) -> None:
        client = scu(1)
        client.release()
        client.close()
        client.abort()

    def test_that_the_peer_does_not_confirm(self, nets: Nets, scu: MakeScu) -> None:
        class Stubborn(LDicomNet):
            def OnReceiveReleaseRequest(self) -> None:
                pass

        server = nets.server(Stubborn)
        client = scu(server, limits=short(release_timeout=0.1))
        client.echo()
        with pytest.raises(NetworkError) as caught:
            client.release()
        assert caught.value.code is DicomErrorCode.NET_TIME_OUT
        client.echo()
        client.close()  # the same, but it does not raise
        assert client.error is not None
        assert client.error.code is DicomErrorCode.NET_TIME_OUT


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
        monkeypatch.setattr(transfer, "_MESSAGE_IDS", 3)
        result = scu(nets.server(StorageScp)).store(write_instances(tmp_path, 7), window=2)
        assert result.sent == 7


class TestFinding:
    def names(self, issues: list[StoreIssue]) -> list[str]:
        return [Path(issue.path).name for issue in issues]

    def test_walks_folders_in_order(self, nets: Nets, scu: MakeScu, tmp_path: Path) -> None:
        (tmp_path / "b").mkdir()
        (tmp_path / "a").mkdir()
        for folder, number in (("b", 5), ("a", 4), (".", 2), (".", 1)):
            write_instance(tmp_path / folder, number)
        (tmp_path / "a" / "notes.txt").write_text("no instance")
        (tmp_path / "a" / "empty").touch()
        server = nets.server(StorageScp)
        result = scu(server).store(tmp_path)
        assert [got.instance[len(ROOT) + 1 :] for got in server.received] == ["1", "2", "4", "5"]
        assert result.failed == []
        assert self.names(result.skipped) == ["empty", "notes.txt"]
        assert all("no DICOM file" in issue.reason for issue in result.skipped)

    def test_skips_a_dicomdir_even_if_it_is_named(self, scu: MakeScu) -> None:
        path = FILES / "dicomdirtests" / "DICOMDIR"
        result = scu(free_port()).store(path)
        assert result.skipped == [
            StoreIssue(str(path), "it is a DICOMDIR, which is not stored (PS3.4 Annex B)")
        ]
        assert (result.failed, result.seconds) == ([], 0.0)

    def test_fails_for_a_named_file(self, scu: MakeScu, tmp_path: Path) -> None:
        (tmp_path / "notes.txt").write_text("no instance")
        os.mkfifo(tmp_path / "pipe")  # opening it would block
        paths = [tmp_path / "notes.txt", tmp_path / "pipe", tmp_path / "missing"]
        result = scu(free_port()).store(paths)  # which does not connect
        assert self.names(result.failed) == ["notes.txt", "pipe", "missing"]
        reasons = [issue.reason for issue in result.failed]
        assert "no DICOM file" in reasons[0]
        assert reasons[1:] == ["it is no file", "there is no such file"]
        assert str(result.failed[2]) == f"{tmp_path / 'missing'}: there is no such file"

    @pytest.mark.parametrize(
        ("uid", "reason"), [("", "it has no SOP Class UID"), ("1.02", "'1.02' is no UID")]
    )
    def test_fails_for_what_cannot_be_requested(
        self, scu: MakeScu, tmp_path: Path, uid: str, reason: str
    ) -> None:
        path = write_instance(tmp_path, 1, sop_class=MR)
        data = path.read_bytes()
        path.write_bytes(data.replace(MR.encode() + b"\0", uid.encode().ljust(26, b"\0")))
        (issue,) = scu(1).store(path).failed
        assert issue.reason.startswith(reason)

    def test_holds_no_file_open(self, tmp_path: Path) -> None:
        folder = Path("/proc/self/fd")
        if not folder.exists():
            pytest.skip("only Linux tells open files")
        write_instances(tmp_path, 50)
        result = StoreResult()
        before = len(list(folder.iterdir()))
        found = list(instances.find_instances(tmp_path, Limits(), result))
        assert len(found) == 50
        assert len(list(folder.iterdir())) == before


class TestPresentationContexts:
    def contexts(self, *pairs: tuple[str, str], tmp_path: Path) -> list[Any]:
        paths = [
            write_instance(tmp_path, number, sop_class=sop_class, syntax=syntax)
            for number, (sop_class, syntax) in enumerate(pairs)
        ]
        found = instances.find_instances(paths, Limits(), StoreResult())
        return [batch.contexts() for batch in instances.batches(found)]

    @pytest.mark.parametrize(
        ("syntaxes", "expected"),
        [
            ([EXPLICIT], [(EXPLICIT,), (IMPLICIT,)]),
            ([IMPLICIT], [(IMPLICIT,), (EXPLICIT,)]),
            ([IMPLICIT, EXPLICIT], [(IMPLICIT,), (EXPLICIT,)]),
            ([BIG_ENDIAN], [(BIG_ENDIAN,), (EXPLICIT, IMPLICIT)]),
            ([DEFLATED, IMPLICIT], [(DEFLATED,), (IMPLICIT,), (EXPLICIT,)]),
            ([JPEG], [(JPEG,)]),
            ([JPEG, EXPLICIT], [(JPEG,), (EXPLICIT,), (IMPLICIT,)]),
        ],
    )
    def test_are_what_the_files_need(
        self, tmp_path: Path, syntaxes: list[str], expected: list[tuple[str, ...]]
    ) -> None:
        (contexts,) = self.contexts(*((CT, each) for each in syntaxes), tmp_path=tmp_path)
        assert contexts == [(CT, each) for each in expected]

    def test_are_offered_for_every_sop_class(self, tmp_path: Path) -> None:
        (contexts,) = self.contexts((CT, JPEG), (MR, JPEG), (CT, JPEG), tmp_path=tmp_path)
        assert contexts == [(CT, (JPEG,)), (MR, (JPEG,))]

    @pytest.mark.parametrize(("classes", "sizes"), [(64, [128]), (65, [128, 2])])
    def test_are_not_more_than_an_association_can_have(
        self, tmp_path: Path, classes: int, sizes: list[int]
    ) -> None:
        pairs = [(each.abstract_syntax, EXPLICIT) for each in STORAGE[:classes]]
        batches = self.contexts(*pairs, pairs[0], tmp_path=tmp_path)
        assert [len(contexts) for contexts in batches] == sizes

    def test_beyond_128_take_a_second_association(
        self, nets: Nets, scu: MakeScu, tmp_path: Path
    ) -> None:
        server = nets.server(StorageScp)
        for number, context in enumerate(STORAGE[:70]):
            write_instance(tmp_path, number + 1, sop_class=context.abstract_syntax)
        with scu(server) as client:
            result = client.store(tmp_path)
        assert (result.sent, result.failed) == (70, [])
        assert [len(offered(request)) for request in requests(nets)] == [128, 12]

    @pytest.mark.parametrize("taken", [IMPLICIT, EXPLICIT])
    @pytest.mark.parametrize("name", ["MR_small.dcm", "MR_small_expb.dcm", "image_dfl.dcm"])
    def test_of_a_peer_that_takes_one_only(
        self, nets: Nets, scu: MakeScu, name: str, taken: str
    ) -> None:
        server = nets.server(StorageScp)
        server.supported_contexts = supported([each.abstract_syntax for each in STORAGE], [taken])
        result = scu(server).store(FILES / name)
        assert (result.sent, result.failed) == (1, [])
        (got,) = server.received
        assert got.syntax == taken

    def test_that_are_not_accepted(self, nets: Nets, scu: MakeScu, tmp_path: Path) -> None:
        server = nets.server(StorageScp)
        server.supported_contexts = supported([CT])
        paths = [
            write_instance(tmp_path, 1, syntax=JPEG),
            write_instance(tmp_path, 2, sop_class=MR),
            write_instance(tmp_path, 3),
        ]
        result = scu(server).store(paths)
        assert result.sent == 1
        assert [issue.reason for issue in result.failed] == [
            "the peer takes CT Image Storage in Explicit VR Little Endian, Implicit VR Little "
            "Endian, but not in JPEG Baseline (Process 1), and compressed pixel data are not "
            "decompressed here",
            "the peer does not take MR Image Storage",
        ]
        assert result.error is None

    def test_that_are_all_refused(self, nets: Nets, scu: MakeScu, tmp_path: Path) -> None:
        told: list[StoreProgress] = []
        client = scu(nets.server())
        result = client.store(write_instance(tmp_path, 1), progress=told.append)
        assert (result.sent, len(result.failed), len(told)) == (0, 1, 1)
        assert client.IsAssociated()


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

    def test_with_a_status_that_the_standard_does_not_know(self) -> None:
        assert status_text(0x7777) == (
            "the peer answered 7777H, a status that PS3.4 does not define"
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
