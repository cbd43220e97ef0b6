"""Our own client with our server, over mutual TLS."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from nets import Nets, short
from storage import CT, data_set_of, write_instances

from leaddicom import DICOM_SECURE_TLS, STUDY_ROOT, Archive, Scu
from leaddicom.scp import Destination
from leaddicom.testing.certificates import ThrowAwayPki
from scp.peers import PATIENCE, Closing, Destinations, Pacs, study


@pytest.fixture
def pacs(nets: Nets) -> Pacs:
    return nets.make(Pacs, link="TLS 1.3")


@pytest.fixture
def scu(nets: Nets, pki: ThrowAwayPki, pacs: Pacs) -> Callable[[], Scu]:
    """Has the server listen; gives a client of it."""

    def connect() -> Scu:
        pacs.Listen("127.0.0.1", 0)
        good = nets.certificate("good")
        return Scu(
            "localhost",
            pacs.GetHostInfo()[1],
            mode=DICOM_SECURE_TLS,
            ca_file=str(pki.ca_file),
            certificate=str(good.certificate_file),
            key=str(good.key_file),
            limits=short(),
        )

    return connect


def test_finds(pacs: Pacs, scu: Callable[[], Scu]) -> None:
    pacs.on_find = lambda query: map(study, range(300))
    with scu() as client:
        found = [match.StudyInstanceUID for match in client.find(STUDY_ROOT, study())]
    assert found == [study(number).StudyInstanceUID for number in range(300)]


def test_finds_a_few_of_endless_many(pacs: Pacs, scu: Callable[[], Scu]) -> None:
    pacs.on_find = endless = Closing(iter(lambda: study(1), None))
    with scu() as client:
        assert len(list(client.find(STUDY_ROOT, study(), limit=3))) == 3
        assert endless.closed.wait(PATIENCE)
        client.echo()


def test_gets(pacs: Pacs, scu: Callable[[], Scu], tmp_path: Path) -> None:
    paths = write_instances(tmp_path, 5)
    pacs.on_retrieve = lambda query: paths
    archive = tmp_path / "archive"
    archive.mkdir()
    with scu() as client:
        result = client.get(STUDY_ROOT, study(), Archive(archive), sop_classes=[CT])
    assert (result.status, result.completed, result.failed) == (0, 5, 0)
    got = sorted(data_set_of(path) for path in archive.rglob("*.dcm"))
    assert got == sorted(data_set_of(path) for path in paths)


def test_moves(pacs: Pacs, scu: Callable[[], Scu], nets: Nets, tmp_path: Path) -> None:
    paths = write_instances(tmp_path, 5)
    pacs.on_retrieve = lambda query: paths
    there = nets.server(Destinations, link="TLS 1.3")
    pacs.destinations["THERE"] = Destination("localhost", there.GetHostInfo()[1])
    with scu() as client:
        result = client.move(STUDY_ROOT, study(), "THERE")
        assert (result.status, result.completed) == (0, 5)
        assert client.move(STUDY_ROOT, study(), "ELSEWHERE").status == 0xA801
    assert [each.data for each in there.received] == [data_set_of(path) for path in paths]
    assert {title for title, _ in there.origins} == {"LEADDICOM"}
