"""DCMTK's findscu, getscu and movescu with our SCP; of these only findscu speaks TLS."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from nets import LINKS, Nets, free_port
from programs import run
from pydicom.dataset import Dataset
from pydicom.filereader import dcmread
from storage import StorageScp, data_set_of, write_instance, write_instances

from interop.conftest import check_version
from leaddicom import (
    DICOM_SECURE_TLS,
    MODALITY_WORKLIST,
    PATIENT_ROOT,
    STUDY_ROOT,
    VERIFICATION,
)
from leaddicom.scp import (
    Destination,
    OperationRefused,
    Query,
    QueryRetrieveScp,
    find_contexts,
    matches,
    requested,
    retrieve_contexts,
)
from leaddicom.testing.certificates import IssuedCertificate

Find = Callable[[str], str]
Serve = Callable[..., "Pacs"]

STUDY = ["-k", "QueryRetrieveLevel=STUDY"]
ONE_STUDY = [*STUDY, "-k", "StudyInstanceUID=1.2.3"]


class Pacs(QueryRetrieveScp):
    supported_contexts = (
        *VERIFICATION,
        *find_contexts(PATIENT_ROOT, STUDY_ROOT, MODALITY_WORKLIST),
        *retrieve_contexts(PATIENT_ROOT, STUDY_ROOT),
    )

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.entities: Any = []
        self.instances: list[Path] = []
        self.destinations: dict[str, Destination] = {}
        self.ended = threading.Event()

    def find(self, query: Query) -> Iterator[Dataset]:
        try:
            for entity in self.entities:
                if matches(query.identifier, entity):
                    yield requested(query.identifier, entity)
        finally:
            self.ended.set()

    def retrieve(self, query: Query) -> list[Path]:
        if query.identifier.StudyInstanceUID != "1.2.3":
            raise OperationRefused(0xC123, "There is no such study.")
        return self.instances

    def destination(self, ae_title: str) -> Destination | None:
        return self.destinations.get(ae_title)


@pytest.fixture
def pacs(nets: Nets, rsa: IssuedCertificate) -> Serve:
    """Starts a PACS of ours that speaks plain DICOM or one TLS version; gives it, too."""

    def serve(link: str = "plain", **attributes: Any) -> Pacs:
        server = nets.make(Pacs, link=link)
        if server.GetSecureMode() == DICOM_SECURE_TLS:
            server.SetServerCertificateTLS(str(rsa.certificate_file), key_path=str(rsa.key_file))
        vars(server).update(attributes)
        server.Listen("127.0.0.1", 0)
        return server

    return serve


@pytest.fixture
def ask(dcmtk: Find) -> Callable[..., str]:
    """Runs one of the programs; gives what it has printed."""

    def ask(name: str, server: Pacs, *options: str) -> str:
        port = str(server.GetHostInfo()[1])
        result = run(dcmtk(name), "-v", *options, "localhost", port)
        return result.stdout + result.stderr

    return ask


def study(number: int, **elements: Any) -> Dataset:
    dataset = Dataset()
    dataset.StudyInstanceUID = f"1.2.3.{number}"
    dataset.StudyDate = f"2026070{number}"
    dataset.PatientName = f"Doe^{'John' if number % 2 else 'Jane'}"
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


class TestFindscu:
    @pytest.mark.parametrize("link", LINKS)
    def test_gets_what_matches(
        self,
        pacs: Serve,
        ask: Callable[..., str],
        nets: Nets,
        their_tls: list[str],
        tmp_path: Path,
        link: str,
    ) -> None:
        server = pacs(link, entities=[study(number) for number in range(1, 6)])
        security = [] if link == "plain" else [*their_tls, "--require-peer-cert"]
        keys = ["-k", "PatientName=doe^j?hn", "-k", "StudyDate=20260702-", "-k", "StudyInstanceUID"]
        told = ask("findscu", server, "-S", *security, *STUDY, *keys, "-X", "-od", str(tmp_path))
        assert "Received Final Find Response (Success)" in told
        found = [dcmread(path, force=True) for path in sorted(tmp_path.iterdir())]
        assert [each.StudyInstanceUID for each in found] == ["1.2.3.3", "1.2.3.5"]
        assert {each.QueryRetrieveLevel for each in found} == {"STUDY"}
        assert {len(each) for each in found} == {4}
        check_version(nets.recorder.wait_for_event("OnReceiveReleaseRequest").net, link)

    @pytest.mark.parametrize("link", ["plain", "TLS 1.3"])
    def test_cancels(
        self, pacs: Serve, ask: Callable[..., str], their_tls: list[str], link: str
    ) -> None:
        server = pacs(link, entities=map(study, itertools.repeat(1)))
        security = [] if link == "plain" else their_tls
        told = ask("findscu", server, "-S", *security, *STUDY, "--cancel", "3")
        assert "Sending Cancel Request" in told
        assert "Received Final Find Response (Cancel" in told
        assert server.ended.wait(5)

    def test_gets_a_worklist(
        self, pacs: Serve, ask: Callable[..., str], their_tls: list[str]
    ) -> None:
        step = Dataset()
        step.Modality, step.ScheduledStationAETitle = "MR", "MR1"
        entry = study(1, PatientID="4711", ScheduledProcedureStepSequence=[step])
        server = pacs("TLS 1.3", entities=[entry])
        steps = "ScheduledProcedureStepSequence[0]"
        keys = ["-k", f"{steps}.Modality=MR", "-k", f"{steps}.ScheduledStationAETitle", "-k",
                "PatientID"]  # fmt: skip
        told = ask("findscu", server, "-W", *their_tls, *keys)
        assert "Received Final Find Response (Success)" in told
        assert "[4711]" in told
        assert "[MR1 ]" in told
        told = ask("findscu", server, "-W", *their_tls, "-k", f"{steps}.Modality=CT")
        assert "Find Response: 1 (Pending)" not in told

    def test_is_told_what_is_wrong_with_its_identifier(
        self, pacs: Serve, ask: Callable[..., str]
    ) -> None:
        told = ask("findscu", pacs(), "-S", "-k", "PatientID=1", "-d")
        assert "Query/Retrieve Level (0008,0052) is missing." in told
        assert "0xa900" in told


class TestGetscu:
    def test_gets_the_instances(self, pacs: Serve, ask: Callable[..., str], tmp_path: Path) -> None:
        there = tmp_path / "there"
        there.mkdir()
        paths = write_instances(tmp_path, 5)
        told = ask("getscu", pacs(instances=paths), "-S", *ONE_STUDY, "-od", str(there), "+B")
        assert "Received C-GET Response (Success)" in told
        assert "Number of Completed Suboperations : 5" in told
        got = sorted(data_set_of(path) for path in there.iterdir())
        assert got == sorted(data_set_of(path) for path in paths)

    def test_is_told_what_failed(
        self, pacs: Serve, ask: Callable[..., str], tmp_path: Path
    ) -> None:
        paths = write_instances(tmp_path, 2)
        # Digital Mammography X-Ray Image Storage in JPEG Baseline, which is not offered
        other = "1.2.840.10008.5.1.4.1.1.1.2"
        paths.append(write_instance(tmp_path, 3, sop_class=other, syntax="1.2.840.10008.1.2.4.50"))
        told = ask("getscu", pacs(instances=paths), "-S", *ONE_STUDY, "--ignore")
        assert "Number of Completed Suboperations : 2" in told
        assert "Number of Failed Suboperations    : 1" in told
        assert "SubOperationsCompleteOneOrMoreFailures" in told.replace("(Warning: ", "")

    def test_is_told_why(self, pacs: Serve, ask: Callable[..., str]) -> None:
        told = ask("getscu", pacs(), "-S", *STUDY, "-k", "StudyInstanceUID=1.2.4", "-d")
        assert "There is no such study." in told
        assert "0xc123" in told


class TestMovescu:
    def test_moves_to_itself(self, pacs: Serve, ask: Callable[..., str], tmp_path: Path) -> None:
        there, port = tmp_path / "there", free_port()
        there.mkdir()
        paths = write_instances(tmp_path, 5)
        server = pacs(instances=paths, destinations={"ME": Destination("localhost", port)})
        options = ["-aem", "ME", "+P", str(port), "-od", str(there)]
        told = ask("movescu", server, "-S", *options, *ONE_STUDY)
        assert "Received Move Response 4 (Pending)" in told
        assert "Received Final Move Response (Success)" in told
        got = [dcmread(path) for path in sorted(there.iterdir())]
        assert got == [dcmread(path) for path in paths]

    def test_cancels(self, pacs: Serve, ask: Callable[..., str], tmp_path: Path) -> None:
        port = free_port()
        paths = write_instances(tmp_path, 50)
        server = pacs(instances=paths, destinations={"ME": Destination("localhost", port)})
        options = ["-aem", "ME", "+P", str(port), "--ignore", "--cancel", "2"]
        told = ask("movescu", server, "-S", *options, *ONE_STUDY)
        assert "Received Final Move Response (Cancel" in told

    def test_moves_to_a_destination_that_is_unknown(
        self, pacs: Serve, ask: Callable[..., str]
    ) -> None:
        told = ask("movescu", pacs(), "-S", "-aem", "NOBODY", *ONE_STUDY)
        assert "MoveDestinationUnknown" in told

    @pytest.mark.parametrize("link", LINKS)
    def test_moves_to_a_storage_scp_of_ours(
        self,
        pacs: Serve,
        ask: Callable[..., str],
        nets: Nets,
        serve: Callable[[str], StorageScp],
        tmp_path: Path,
        link: str,
    ) -> None:
        """The security of the second association is chosen, since the first has none."""
        paths = write_instances(tmp_path, 3)
        there, like = serve(link), nets.make(link=link)
        where = Destination("localhost", there.GetHostInfo()[1], security=like.security)
        server = pacs(instances=paths, destinations={"THERE": where})
        told = ask("movescu", server, "-S", "-aem", "THERE", *ONE_STUDY)
        assert "Received Final Move Response (Success)" in told
        assert [each.data for each in there.received] == [data_set_of(path) for path in paths]
        net = nets.recorder.wait_for("OnClose", net=there)[1]
        check_version(net, link)
        if link != "plain":
            assert net.peer_identity is not None
            assert "good" in net.peer_identity.subject
