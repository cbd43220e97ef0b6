"""C-GET and C-MOVE: what is offered, what is stored, and what is told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from nets import LINKS, Nets, some_dataset
from pydicom.dataset import Dataset
from storage import CT, EXPLICIT, FILES, IMPLICIT, MR, ROOT

from leaddicom import (
    COMMON_STORAGE,
    MODALITY_WORKLIST,
    PATIENT_ROOT,
    STORAGE,
    STUDY_ROOT,
    TRANSFER_SYNTAXES,
    UNCOMPRESSED,
    VERIFICATION,
    Archive,
    AssociationError,
    DataSetError,
    DicomErrorCode,
    LDicomDS,
    ParameterError,
    QueryModel,
    RetrieveProgress,
    Scu,
    Status,
    StatusError,
    supported,
)
from leaddicom.dimse.messages import C_GET_RSP, C_MOVE_RSP
from leaddicom.scu.retrieval import storage_contexts
from scu.conftest import MakeScu, offered, requests
from scu.servers import GetScp, Server, instance, respond

QUERY = some_dataset(QueryRetrieveLevel="STUDY")
UIDS = [f"{ROOT}.{number}" for number in range(1, 5)]


def take(dataset: LDicomDS) -> int:
    return 0


class TestGetting:
    @pytest.mark.parametrize("link", LINKS)
    def test_into_an_archive(self, nets: Nets, scu: MakeScu, tmp_path: Path, link: str) -> None:
        server = nets.server(GetScp, link=link)
        told: list[RetrieveProgress] = []
        with scu(server, link) as client:
            result = client.get(STUDY_ROOT, QUERY, Archive(tmp_path), progress=told.append)
        assert sorted(path.stem for path in tmp_path.rglob("*.dcm")) == UIDS
        assert (result.operation, result.status, result.meaning) == ("C-GET", 0, "Success")
        assert (result.remaining, result.completed, result.failed, result.warning) == (0, 4, 0, 0)
        assert result.is_success
        assert not result.is_failure
        assert 0 < result.seconds < 5
        assert told == [RetrieveProgress(3 - number, number + 1, 0, 0) for number in range(4)]

    def test_into_a_function(self, nets: Nets, scu: MakeScu) -> None:
        got: list[tuple[str, str]] = []

        def store(dataset: LDicomDS) -> int:
            got.append((dataset.sop_class_uid, dataset.sop_instance_uid))
            return 0xB000 if len(got) == 2 else 0xA700 if len(got) == 3 else 0

        server = nets.server(GetScp)
        result = scu(server).get(STUDY_ROOT, QUERY, store)
        assert got == [(CT, uid) for uid in UIDS]
        assert server.statuses == [0, 0xB000, 0xA700, 0]
        assert (result.status, result.completed, result.failed) == (Status.WARNING, 2, 2)
        assert not result.is_failure
        result.check()

    def test_asks_with_the_identifier(self, nets: Nets, scu: MakeScu) -> None:
        server = nets.server(GetScp)
        scu(server).get(PATIENT_ROOT, QUERY, take)
        ((_, message_id, uid, priority, identifier),) = server.requests
        assert (message_id, uid, priority) == (1, PATIENT_ROOT.get, 0)
        assert identifier == QUERY

    def test_of_what_cannot_be_filed(
        self, nets: Nets, scu: MakeScu, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        server = nets.server(GetScp)
        server.instances = [instance(1, StudyInstanceUID=None)]
        result = scu(server).get(STUDY_ROOT, QUERY, Archive(tmp_path))
        assert server.statuses == [0xA900]
        assert result.failed == 1
        assert f"Answered A900H for instance '{UIDS[0]}'" in caplog.text

    def test_to_a_folder_that_cannot_be_written(
        self, nets: Nets, scu: MakeScu, tmp_path: Path
    ) -> None:
        (tmp_path / "file").touch()
        server = nets.server(GetScp)
        scu(server).get(STUDY_ROOT, QUERY, Archive(tmp_path / "file"))
        assert server.statuses == [0xA700] * 4

    def test_of_a_data_set_that_the_function_cannot_read(self, nets: Nets, scu: MakeScu) -> None:
        def store(dataset: LDicomDS) -> int:
            raise DataSetError(DicomErrorCode.READ, "It is damaged.")

        server = nets.server(GetScp)
        scu(server).get(STUDY_ROOT, QUERY, store)
        assert server.statuses == [0xC000] * 4

    def test_leaves_the_association_to_the_next_query(self, nets: Nets, scu: MakeScu) -> None:
        client = scu(nets.server(GetScp))
        client.get(STUDY_ROOT, QUERY, take)
        client.get(STUDY_ROOT, QUERY, take)
        assert len(requests(nets)) == 1

    def test_tells_nothing_if_the_peer_does_not(self, nets: Nets, scu: MakeScu) -> None:
        server = nets.server(GetScp)
        server.tells = False
        told: list[RetrieveProgress] = []
        result = scu(server).get(STUDY_ROOT, QUERY, take, progress=told.append)
        assert (result.completed, told) == (4, [])

    def test_with_a_model_that_has_none(self, scu: MakeScu) -> None:
        with pytest.raises(ParameterError, match="no SOP class for C-GET"):
            scu(1).get(MODALITY_WORKLIST, QUERY, take)


class TestPresentationContexts:
    def test_ask_for_the_role_of_the_scp(self, nets: Nets, scu: MakeScu) -> None:
        client = scu(nets.server(GetScp))
        client.get(STUDY_ROOT, QUERY, take, sop_classes=[CT])
        (request,) = requests(nets)
        assert request.parameters.roles == {CT: (False, True)}
        compressed = [each for each in TRANSFER_SYNTAXES if each not in UNCOMPRESSED]
        assert offered(request) == [
            *((uid, UNCOMPRESSED) for uid in (STUDY_ROOT.find, STUDY_ROOT.move, STUDY_ROOT.get)),
            (CT, UNCOMPRESSED),
            *((CT, (syntax,)) for syntax in compressed),
        ]
        accepted = client.GetAssociate()
        assert accepted is not None
        assert accepted.parameters.roles == {CT: (False, True)}

    def test_are_those_of_common_sop_classes_by_default(self, nets: Nets, scu: MakeScu) -> None:
        scu(nets.server(GetScp)).get(STUDY_ROOT, QUERY, take)
        (request,) = requests(nets)
        assert len(offered(request)) == 3 + 2 * len(COMMON_STORAGE) <= 128
        assert {uid for uid, _ in offered(request)[3:]} == set(COMMON_STORAGE)

    @pytest.mark.parametrize(
        ("classes", "count"),
        [(1, 12), (10, 120), (11, 22), (62, 124), (63, 63), (125, 125)],
    )
    def test_fit_into_an_association(self, classes: int, count: int) -> None:
        uids = [each.abstract_syntax for each in STORAGE[:classes]]
        contexts = storage_contexts(uids, 125)
        assert len(contexts) == count
        assert {each.abstract_syntax for each in contexts} == set(uids)
        assert all(each.scp and each.scu is False for each in contexts)

    def test_name_a_sop_class_once(self) -> None:
        assert len(storage_contexts([CT, CT, MR], 4)) == 4

    def test_of_too_many_sop_classes_are_refused(self, scu: MakeScu) -> None:
        uids = [each.abstract_syntax for each in STORAGE[:126]]
        with pytest.raises(ParameterError, match=r"126 SOP classes .* room for 125"):
            scu(1).get(STUDY_ROOT, QUERY, take, sop_classes=uids)

    def test_let_compressed_instances_come_as_they_are(
        self, nets: Nets, scu: MakeScu, tmp_path: Path
    ) -> None:
        class Compressed(GetScp):
            def next(self) -> None:
                if self.statuses:
                    self.end()
                    return
                dataset = LDicomDS.from_file(FILES / "693_J2KI.dcm")
                associate = self.GetAssociate()
                assert associate is not None
                wanted = dataset.transfer_syntax_uid
                context_id = next(
                    each.context_id
                    for each in associate.parameters.presentation_contexts
                    if each.transfer_syntaxes == [wanted]
                )
                names = (dataset.sop_class_uid, dataset.sop_instance_uid)
                self.SendCStoreRequest(context_id, 100, *names, 0, "", 0, dataset)

        got: list[str] = []

        def store(dataset: LDicomDS) -> int:
            got.append(dataset.transfer_syntax_uid)
            return 0

        scu(nets.server(Compressed)).get(STUDY_ROOT, QUERY, store, sop_classes=[CT])
        assert got == ["1.2.840.10008.1.2.4.91"]


class TestCancelling:
    def test_by_progress(self, nets: Nets, scu: MakeScu) -> None:
        server = nets.server(GetScp)
        client = scu(server)
        result = client.get(STUDY_ROOT, QUERY, take, progress=lambda _: client.cancel())
        assert server.cancelled == [1]
        assert (result.status, result.meaning) == (Status.CANCEL, "Cancel")
        assert result.completed + result.remaining == 4
        assert not result.is_success
        assert not result.is_failure

    def test_from_another_thread(self, nets: Nets, scu: MakeScu) -> None:
        server = nets.server(GetScp)
        client = scu(server)
        arrived, goes_on = threading.Event(), threading.Event()

        def store(dataset: LDicomDS) -> int:
            arrived.set()
            assert goes_on.wait(5)
            return 0

        def cancel() -> None:
            assert arrived.wait(5)
            client.cancel()
            goes_on.set()

        thread = threading.Thread(target=cancel)
        thread.start()
        result = client.get(STUDY_ROOT, QUERY, store)
        thread.join()
        # The C-CANCEL was queued before the first response to a sub-operation.
        assert server.cancelled == [1]
        assert result.status == Status.CANCEL

    def test_before_the_request_has_left(self, nets: Nets, scu: MakeScu) -> None:
        class Impatient(Scu):
            def OnReceiveAssociateAccept(self, associate: Any) -> None:
                self.cancel()
                super().OnReceiveAssociateAccept(associate)

        server = nets.server(GetScp)
        result = scu(server, kind=Impatient).get(STUDY_ROOT, QUERY, take)
        assert (result.status, result.completed, result.comment) == (Status.CANCEL, 0, "")
        assert server.requests == []


class TestBreaking:
    @pytest.mark.parametrize("where", ["store", "progress"])
    def test_by_the_caller_raises_what_was_raised(
        self, nets: Nets, scu: MakeScu, where: str
    ) -> None:
        class Stop(BaseException):
            pass

        def stop(_: object) -> int:
            raise Stop

        client = scu(nets.server(GetScp))
        functions: dict[str, Callable[..., Any]] = {"store": take, "progress": lambda _: None}
        functions[where] = stop
        with pytest.raises(Stop):
            client.get(STUDY_ROOT, QUERY, functions["store"], progress=functions["progress"])
        nets.wait_for("OnReceiveAbort")
        assert client.get(STUDY_ROOT, QUERY, take).completed == 4

    def test_by_the_caller_with_an_error_of_another_association(
        self, nets: Nets, scu: MakeScu
    ) -> None:
        def fail(_: RetrieveProgress) -> None:
            raise AssociationError(DicomErrorCode.NET_NOT_CONNECTED, "Another one is over.")

        client = scu(nets.server(GetScp))
        with pytest.raises(AssociationError, match="Another one is over"):
            client.get(STUDY_ROOT, QUERY, take, progress=fail)

    @pytest.mark.parametrize("end", ["SendAbort", "SendReleaseRequest"])
    def test_by_the_peer_raises_why(self, nets: Nets, scu: MakeScu, end: str) -> None:
        class Leaving(GetScp):
            def next(self) -> None:
                if self.statuses:
                    getattr(self, end)()
                else:
                    super().next()

        got: list[str] = []

        def store(dataset: LDicomDS) -> int:
            got.append(dataset.sop_instance_uid)
            return 0

        with pytest.raises(AssociationError, match=r"aborted|the peer released it"):
            scu(nets.server(Leaving)).get(STUDY_ROOT, QUERY, store)
        assert got == UIDS[:1]


class TestFailedInstances:
    def result(self, nets: Nets, scu: MakeScu, failed: Dataset | bytes) -> Any:
        class Failing(GetScp):
            def next(self) -> None:
                context_id, message_id, uid = self.open.pop()
                counts = (0, 2, 2, 0)
                arguments = (message_id, uid, Status.REFUSED_UNABLE_PERFORM_SUB_OPS, *counts)
                if isinstance(failed, bytes):
                    comment = "disk full"
                    respond(self, context_id, C_GET_RSP, *arguments, comment=comment, data=failed)
                else:
                    self.SendCGetResponse(context_id, *arguments, failed)

        return scu(nets.server(Failing)).get(STUDY_ROOT, QUERY, take)

    @pytest.mark.parametrize("uids", [UIDS[:1], UIDS[:2], []])
    def test_are_listed(self, nets: Nets, scu: MakeScu, uids: list[str]) -> None:
        result = self.result(nets, scu, some_dataset(FailedSOPInstanceUIDList=uids))
        assert result.failed_instances == tuple(uids)
        assert (result.completed, result.failed) == (2, 2)
        with pytest.raises(StatusError, match=r"the C-GET with A702H, Refused: Out of resources"):
            result.check()

    def test_of_a_damaged_list_are_none(
        self, nets: Nets, scu: MakeScu, caplog: pytest.LogCaptureFixture
    ) -> None:
        result = self.result(nets, scu, b"\x08\0\x58\0UI\xff\x7f")
        assert result.failed_instances == ()
        assert (result.failed, result.comment) == (2, "disk full")
        assert "list of failed instances cannot be read" in caplog.text


class MoveScp(Server):
    def OnReceiveCMoveRequest(self, *arguments: Any) -> None:
        context_id, message_id, uid, priority, move_ae, identifier = arguments
        self.requests.append((message_id, uid, priority, move_ae, identifier.to_pydicom()))
        names = (message_id, uid)
        respond(self, context_id, C_MOVE_RSP, *names, Status.PENDING, None, 1, None, None)
        self.SendCMoveResponse(context_id, *names, 0, 0, 2, 0, 0)


class TestMoving:
    def test_names_the_destination(self, nets: Nets, scu: MakeScu) -> None:
        server = nets.server(MoveScp)
        told: list[RetrieveProgress] = []
        result = scu(server).move(STUDY_ROOT, QUERY, "THERE", progress=told.append)
        assert server.requests == [(1, STUDY_ROOT.move, 0, "THERE", QUERY)]
        assert (result.operation, result.status, result.completed) == ("C-MOVE", 0, 2)
        assert told == [RetrieveProgress(0, 1, 0, 0)]  # what was not told is 0

    def test_to_a_destination_that_is_refused(self, nets: Nets, scu: MakeScu) -> None:
        class Refusing(Server):
            def OnReceiveCMoveRequest(self, *arguments: Any) -> None:
                respond(self, arguments[0], C_MOVE_RSP, *arguments[1:3], 0xA801, *[None] * 4)

        result = scu(nets.server(Refusing)).move(STUDY_ROOT, QUERY, "THERE")
        assert (result.status, result.meaning) == (0xA801, "Move destination unknown")
        assert result.failed_instances == ()

    def test_to_no_ae_title(self, scu: MakeScu) -> None:
        with pytest.raises(ParameterError, match="no AE title"):
            scu(1).move(STUDY_ROOT, QUERY, "")

    def test_with_a_model_that_has_none(self, scu: MakeScu) -> None:
        with pytest.raises(ParameterError, match="no SOP class for C-MOVE"):
            scu(1).move(QueryModel("1.2.3"), QUERY, "THERE")


class TestInstancesThatNobodyAskedFor:
    def test_are_refused(self, nets: Nets, scu: MakeScu) -> None:
        class Pushing(GetScp):
            def OnReceiveCEchoRequest(self, *arguments: Any) -> None:
                self.SendCStoreRequest(3, 1, CT, UIDS[0], 0, "", 0, instance(1))
                super().OnReceiveCEchoRequest(*arguments)

            def OnReceiveCStoreResponse(self, *arguments: Any) -> None:
                self.statuses.append(arguments[-1])

        server = nets.server(Pushing)
        client = scu(server)
        client.associate([*VERIFICATION, *supported([CT], [EXPLICIT, IMPLICIT])])
        client.echo()
        nets.wait_for("OnReceiveCStoreResponse")
        assert server.statuses == [Status.CLASS_NOT_SUPPORTED]

    def test_are_refused_during_a_move(self, nets: Nets, scu: MakeScu) -> None:
        class Pushing(MoveScp):
            def OnReceiveCMoveRequest(self, *arguments: Any) -> None:
                self.SendCStoreRequest(5, 1, CT, UIDS[0], 0, "", 0, instance(1))
                self.open.append(arguments)  # type: ignore[arg-type]

            def OnReceiveCStoreResponse(self, *arguments: Any) -> None:
                self.cancelled.append(arguments[-1])
                super().OnReceiveCMoveRequest(*self.open.pop())

        server = nets.server(Pushing)
        client = scu(server)
        client.associate(supported([STUDY_ROOT.find, STUDY_ROOT.move, CT]))
        client.move(STUDY_ROOT, QUERY, "THERE")
        assert server.cancelled == [Status.CLASS_NOT_SUPPORTED]
