"""The query and retrieval as it is started from a shell, against Orthanc over mutual TLS."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from interop.archives import DESTINATION, STUDIES, ArchivePeer, running
from nets import Nets, free_port
from programs import run, sample

from leaddicom.testing.certificates import IssuedCertificate, ThrowAwayPki

LARGE, SMALL = STUDIES


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory, pki: ThrowAwayPki) -> Iterator[ArchivePeer]:
    folder = tmp_path_factory.mktemp("archive")
    certificate: IssuedCertificate = pki.issue("sample query", key="rsa")
    with running("Orthanc", folder, pki, certificate) as peer:
        with peer.connect() as scu:
            assert scu.store(peer.files).sent == len(peer.files)
        yield peer


@pytest.fixture
def query(archive: ArchivePeer, tls: list[str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the sample; Orthanc knows who may ask by the calling AE title."""
    command = ["localhost", str(archive.port), *tls, "-aet", "LEADDICOM", "-aec", "ARCHIVE"]
    return lambda *arguments: run(*sample("query_retrieve.py", *command, *arguments))


Query = Callable[..., subprocess.CompletedProcess[str]]


def test_shows_a_table_of_studies(query: Query) -> None:
    result = query()
    assert result.returncode == 0, result.stderr
    for text in ("Patient ID", "P31", "P32", "Query^Retrieve", "20260102"):
        assert text in result.stdout
    assert "retrieved" not in result.stdout


def test_finds_by_keys(query: Query) -> None:
    result = query("--patient", "P3*", "--study", SMALL, "--json")
    assert result.returncode == 0, result.stderr
    (study,) = json.loads(result.stdout)
    assert (study["PatientID"], study["StudyInstanceUID"]) == ("P32", SMALL)
    assert study["ModalitiesInStudy"] == "CT"


def test_finds_nothing_without_failing(query: Query) -> None:
    result = query("--patient", "NOBODY", "--get", "nowhere", "--json")
    assert (result.returncode, json.loads(result.stdout)) == (0, [])


def test_stops_at_a_limit(query: Query) -> None:
    assert len(json.loads(query("--limit", "1", "--json").stdout)) == 1


def test_retrieves_into_a_folder(query: Query, tmp_path: Path) -> None:
    result = query("--study", SMALL, "--get", str(tmp_path))
    assert result.returncode == 0, result.stderr
    assert f"{SMALL}: 3 retrieved, 0 failed (0000H, Success)" in result.stdout
    names = sorted(path.stem for path in tmp_path.rglob("*.dcm"))
    assert names == [f"{SMALL}.1.{number}" for number in (1, 2, 3)]


def test_has_studies_sent_to_a_server(archive: ArchivePeer, query: Query, nets: Nets) -> None:
    server = archive.destination(nets)
    result = query("--study", SMALL, "--move", DESTINATION, "--json")
    assert result.returncode == 0, result.stderr
    (study,) = json.loads(result.stdout)
    assert (study["completed"], study["failed"], study["complete"]) == (3, 0, True)
    assert study["answer"] == "0000H, Success"
    assert len(server.received) == 3


def test_fails_if_something_was_not_retrieved(query: Query) -> None:
    result = query("--study", SMALL, "--move", "NOWHERE")
    assert result.returncode == 1
    assert f"{SMALL}: 0 retrieved, " in result.stdout


def test_says_in_one_line_why_there_is_no_connection(tls: list[str]) -> None:
    result = run(*sample("query_retrieve.py", "localhost", str(free_port()), *tls))
    assert (result.returncode, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("query_retrieve: Connecting to localhost:")


def test_says_how_it_is_used() -> None:
    result = run(*sample("query_retrieve.py", "--help"))
    assert result.returncode == 0
    for text in ("--move AE", "--get DIR", "StudyInstanceUID", "Exit status"):
        assert text in result.stdout
    result = run(*sample("query_retrieve.py", "localhost", "1", "--get", "x", "--move", "y"))
    assert result.returncode == 2
