"""Our SCU with archives of other toolkits: DCMTK's dcmqrscp, plain, and Orthanc over mutual TLS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from nets import TLS12, TLS13, Nets, free_port
from programs import Program
from pydicom.dataset import Dataset
from storage import CT, StorageScp, data_set_of, write_instances

from interop.archives import CLIENT, DESTINATION, STUDIES, ArchivePeer, running
from leaddicom import (
    DICOM_SECURE_NONE,
    DICOM_SECURE_TLS,
    MODALITY_WORKLIST,
    PATIENT_ROOT,
    STUDY_ROOT,
    Archive,
    AssociationError,
    DicomErrorCode,
    LDicomDS,
    QueryModel,
    RetrieveProgress,
    Scu,
    Status,
    StatusError,
)
from leaddicom.testing.certificates import IssuedCertificate, ThrowAwayPki
from leaddicom.testing.recorder import Recorder

LARGE, SMALL = STUDIES


@pytest.fixture(scope="module", params=["dcmqrscp", "Orthanc"])
def archive(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    pki: ThrowAwayPki,
    rsa: IssuedCertificate,
) -> Iterator[ArchivePeer]:
    """An archive that holds the studies."""
    folder = tmp_path_factory.mktemp(request.param)
    with running(request.param, folder, pki, rsa) as peer:
        with peer.connect() as scu:
            result = scu.store(peer.files)
        assert (result.sent, result.failed, result.error) == (len(peer.files), [], None)
        yield peer


@pytest.fixture
def scu(archive: ArchivePeer, no_threads_left: None) -> Iterator[Scu]:
    with archive.connect() as scu:
        yield scu
        assert scu.error is None  # it can be used to the end


def keys(level: str, **values: str) -> Dataset:
    identifier = Dataset()
    identifier.QueryRetrieveLevel = level
    for keyword, value in values.items():
        setattr(identifier, keyword, value)
    return identifier


def instances(study: str) -> list[str]:
    return [f"{study}.1.{number}" for number in range(1, STUDIES[study] + 1)]


def most_outstanding(recorder: Recorder) -> tuple[int, int]:
    """How many C-STORE requests a client had outstanding at most, and at the end."""
    outstanding = most = 0
    for event in recorder.events:
        # A P-DATA-TF that is as long as this holds a data set.
        if event.name == "OnSend" and event.arguments[1] == 4 and event.arguments[2] > 1000:
            outstanding += 1
        outstanding -= event.name == "OnReceiveCStoreResponse"
        most = max(most, outstanding)
    return most, outstanding


class TestStoring:
    def test_waits_for_each_answer_where_no_window_is_granted(self, archive: ArchivePeer) -> None:
        recorder = Recorder(pdus=True)
        with recorder.watch(archive.connect()) as scu:
            result = scu.store(archive.files, window=16)
        assert (result.sent, result.failed) == (len(archive.files), [])
        assert most_outstanding(recorder) == (1, 0)

    def test_waits_for_storescp_too(self, dcmtk: Callable[[str], str], tmp_path: Path) -> None:
        paths = write_instances(tmp_path, 20, size=2000)
        (tmp_path / "in").mkdir()
        port, recorder = free_port(), Recorder(pdus=True)
        with Program(dcmtk("storescp"), "-od", str(tmp_path / "in"), str(port)) as program:
            program.wait_until_it_listens(port)
            with recorder.watch(Scu("localhost", port, mode=DICOM_SECURE_NONE)) as scu:
                result = scu.store(paths, window=16)
        assert (result.sent, result.failed) == (20, [])
        assert most_outstanding(recorder) == (1, 0)


class TestFinding:
    @pytest.mark.parametrize("model", [PATIENT_ROOT, STUDY_ROOT])
    def test_studies(self, scu: Scu, model: QueryModel) -> None:
        # In the Patient Root model a study has a patient (PS3.4 section C.4.1.2.1).
        patient = "P31" if model is PATIENT_ROOT else ""
        wanted = keys("STUDY", PatientID=patient, StudyInstanceUID="", AccessionNumber="31")
        (found,) = scu.find(model, wanted)
        assert (found.PatientID, found.StudyInstanceUID) == ("P31", LARGE)

    def test_instances(self, scu: Scu) -> None:
        series = {"StudyInstanceUID": LARGE, "SeriesInstanceUID": f"{LARGE}.1"}
        found = scu.find(STUDY_ROOT, keys("IMAGE", **series, SOPInstanceUID="", InstanceNumber=""))
        by_number = sorted(found, key=lambda each: int(each.InstanceNumber))
        assert [each.SOPInstanceUID for each in by_number] == instances(LARGE)

    def test_nothing(self, scu: Scu) -> None:
        assert list(scu.find(STUDY_ROOT, keys("STUDY", PatientID="NOBODY"))) == []

    def test_only_some_leaves_the_association_usable(self, scu: Scu) -> None:
        series = {"StudyInstanceUID": LARGE, "SeriesInstanceUID": f"{LARGE}.1"}
        wanted = keys("IMAGE", **series, SOPInstanceUID="")
        with closing(scu.find(STUDY_ROOT, wanted)) as found:  # type: ignore[type-var]
            next(found)
        assert len(list(scu.find(STUDY_ROOT, wanted, limit=3))) == 3
        assert len(list(scu.find(STUDY_ROOT, wanted))) == 12

    def test_what_the_peer_does_not_offer(self, scu: Scu) -> None:
        with pytest.raises(AssociationError, match="does not accept Modality Work") as caught:
            list(scu.find(MODALITY_WORKLIST, keys("")))
        assert caught.value.code is DicomErrorCode.CLASS_NOT_SUPPORTED

    def test_with_an_identifier_that_is_wrong(self, scu: Scu) -> None:
        with pytest.raises(StatusError, match="answered the C-FIND with C000H, ") as caught:
            list(scu.find(STUDY_ROOT, keys("GALAXY")))
        assert caught.value.status == 0xC000

    @pytest.mark.parametrize("archive", ["Orthanc"], indirect=True)
    @pytest.mark.parametrize("suites", [TLS12, TLS13], ids=["TLS 1.2", "TLS 1.3"])
    def test_over_one_tls_version(self, archive: ArchivePeer, suites: tuple[int, ...]) -> None:
        with archive.connect(*suites) as scu:
            assert len(list(scu.find(STUDY_ROOT, keys("STUDY", StudyInstanceUID="")))) == 2
        assert scu.link_facts is not None
        assert scu.link_facts.suite is not None
        assert scu.link_facts.suite.constant in suites


class TestGetting:
    def test_into_an_archive(self, archive: ArchivePeer, scu: Scu, tmp_path: Path) -> None:
        told: list[RetrieveProgress] = []
        wanted = keys("STUDY", StudyInstanceUID=LARGE)
        result = scu.get(STUDY_ROOT, wanted, Archive(tmp_path), progress=told.append)
        assert (result.status, result.completed, result.failed) == (0, 12, 0)
        assert [(each.remaining, each.completed) for each in told] == [
            (12 - number, number) for number in range(1, 13)
        ]
        got = {path.stem: data_set_of(path) for path in tmp_path.rglob("*.dcm")}
        assert sorted(got) == sorted(instances(LARGE))
        sent = {path.stem: path for path in archive.files}
        pixels = data_set_of(sent[f"{LARGE}.1"])[-2048:]
        assert {data[-2048:] for data in got.values()} == {pixels}

    def test_of_what_we_cannot_store(self, scu: Scu) -> None:
        refused = f"{SMALL}.1.2"

        def store(dataset: LDicomDS) -> int:
            return 0xA700 if dataset.sop_instance_uid == refused else 0

        result = scu.get(STUDY_ROOT, keys("STUDY", StudyInstanceUID=SMALL), store)
        assert (result.completed, result.failed) == (2, 1)
        assert result.status in (Status.WARNING, Status.REFUSED_UNABLE_PERFORM_SUB_OPS)
        assert result.failed_instances in ((), (refused,))

    def test_that_is_cancelled(self, scu: Scu, tmp_path: Path) -> None:
        wanted = keys("STUDY", StudyInstanceUID=LARGE)
        result = scu.get(STUDY_ROOT, wanted, Archive(tmp_path), progress=lambda _: scu.cancel())
        assert result.status == Status.CANCEL
        assert 0 < result.completed < 12
        assert result.remaining == 12 - result.completed
        # Orthanc does not count the one that was on its way.
        assert len(list(tmp_path.rglob("*.dcm"))) - result.completed in (0, 1)

    def test_of_a_sop_class_that_was_not_offered(self, scu: Scu, tmp_path: Path) -> None:
        wanted = keys("STUDY", StudyInstanceUID=SMALL)
        other = ["1.2.840.10008.5.1.4.1.1.4"]
        result = scu.get(STUDY_ROOT, wanted, Archive(tmp_path), sop_classes=other)
        assert result.completed == 0
        assert result.failed in (1, 3)  # Orthanc gives up after the first
        assert result.status != Status.SUCCESS


class TestMoving:
    def test_to_a_server_of_ours(self, archive: ArchivePeer, scu: Scu, nets: Nets) -> None:
        server = archive.destination(nets)
        told: list[RetrieveProgress] = []
        wanted = keys("STUDY", StudyInstanceUID=LARGE)
        result = scu.move(STUDY_ROOT, wanted, DESTINATION, progress=told.append)
        assert (result.status, result.completed, result.failed) == (0, 12, 0)
        assert told[-1].completed in (11, 12)
        assert sorted(each.instance for each in server.received) == sorted(instances(LARGE))
        assert {each.sop_class for each in server.received} == {CT}
        stores = [each for each in nets.recorder.events if each.name == "OnReceiveCStoreRequest"]
        assert {each.arguments[5] for each in stores} == {CLIENT}
        assert len({each.arguments[6] for each in stores}) == 1
        version = nets.recorder.wait_for_event("OnReceiveAssociateRequest").net.link_facts
        assert (version is not None) == (archive.mode == DICOM_SECURE_TLS)

    def test_to_a_destination_that_fails(self, archive: ArchivePeer, scu: Scu, nets: Nets) -> None:
        server = archive.destination(nets)
        server.statuses.update(dict.fromkeys(instances(SMALL), 0xA700))
        result = scu.move(STUDY_ROOT, keys("STUDY", StudyInstanceUID=SMALL), DESTINATION)
        assert result.completed == 0
        assert result.status != Status.SUCCESS

    def test_to_nobody_knows_where(self, scu: Scu) -> None:
        result = scu.move(STUDY_ROOT, keys("STUDY", StudyInstanceUID=SMALL), "NOWHERE")
        assert result.is_failure
        assert result.completed == 0
        with pytest.raises(StatusError, match="answered the C-MOVE with"):
            result.check()

    def test_that_is_cancelled(self, archive: ArchivePeer, scu: Scu, nets: Nets) -> None:
        recorder = Recorder(pdus=True)
        recorder.watch(scu)

        class Waiting(StorageScp):
            def answer(self, *arguments: Any) -> None:
                if len(self.received) == 3:
                    for _ in range(4):  # A-ASSOCIATE-RQ, both parts of the C-MOVE, C-CANCEL
                        recorder.wait_for("OnSend")
                super().answer(*arguments)

        server = archive.destination(nets, Waiting)
        wanted = keys("STUDY", StudyInstanceUID=LARGE)
        result = scu.move(STUDY_ROOT, wanted, DESTINATION, progress=lambda _: scu.cancel())
        assert result.status == Status.CANCEL
        assert 0 < result.completed < 12
        assert len(server.received) == result.completed

    def test_follows_a_query_on_the_same_association(
        self, archive: ArchivePeer, scu: Scu, nets: Nets
    ) -> None:
        archive.destination(nets)
        (found,) = scu.find(STUDY_ROOT, keys("STUDY", PatientID="P32", StudyInstanceUID=""))
        connection = scu.connection
        wanted = keys("STUDY", StudyInstanceUID=found.StudyInstanceUID)
        assert scu.move(STUDY_ROOT, wanted, DESTINATION).completed == 3
        assert scu.connection is connection
