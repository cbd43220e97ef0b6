"""The worklist server as it is started from a shell, and DCMTK's findscu as its client."""

from __future__ import annotations

import re
import shutil
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from interop.conftest import find_dcmtk
from programs import Program, run, sample
from pydicom.dataset import Dataset, FileMetaDataset

from leaddicom import MODALITY_WORKLIST, Scu
from leaddicom.testing.certificates import IssuedCertificate, ThrowAwayPki

Start = Callable[..., tuple[Program, int]]

STEP = "ScheduledProcedureStepSequence"


@pytest.fixture
def start(tls: list[str]) -> Iterator[Start]:
    """Starts the sample on a free port; gives it and the port."""
    with ExitStack() as stack:

        def start(*more: str | Path) -> tuple[Program, int]:
            options = ("--port", "0", "--address", "127.0.0.1", *tls, *more)
            program = stack.enter_context(Program(*sample("worklist_scp.py", *options)))
            return program, int(program.wait_for(r"ready on port (\d+)$")[1])

        yield start


@pytest.fixture
def findscu(pki: ThrowAwayPki) -> Callable[..., str]:
    """Runs findscu; gives what it prints."""
    path = find_dcmtk("findscu")
    if path is None:
        pytest.skip("DCMTK's findscu is not installed (package dcmtk)")
    rsa = pki.issue("findscu", key="rsa")
    security = ["+tls", str(rsa.key_file), str(rsa.certificate_file), "+cf", str(pki.ca_file)]

    def findscu(port: int, *keys: str, plain: bool = False) -> str:
        options = ["-v", "-W", "-aec", "WORKLIST_SCP", *([] if plain else security)]
        asked = [part for key in keys for part in ("-k", key)]
        result = run(path, *options, *asked, "localhost", str(port))
        assert result.returncode == 0, result.stderr
        return result.stdout + result.stderr

    return findscu


def test_serves_entries_of_its_own(start: Start, findscu: Callable[..., str]) -> None:
    program, port = start()
    told = findscu(
        port, "PatientID", f"{STEP}[0].Modality=CT", f"{STEP}[0].ScheduledStationAETitle"
    )
    assert re.findall(r"PatientID|\[(SYNTHETIC\d)", told).count("SYNTHETIC1") == 1
    assert "SYNTHETIC3" in told
    assert "SYNTHETIC2" not in told
    assert "[CT1 ]" in told
    assert "Received Final Find Response (Success)" in told
    program.wait_for("FINDSCU asks$")


def test_serves_the_files_of_a_folder(
    start: Start, findscu: Callable[..., str], tmp_path: Path
) -> None:
    folder = tmp_path / "worklist" / "of today"
    folder.mkdir(parents=True)
    for number in (1, 2):
        step, entry = Dataset(), Dataset()
        step.ScheduledStationAETitle = f"STATION{number}"
        entry.PatientID = f"FROM_FILE{number}"
        entry.ScheduledProcedureStepSequence = [step]
        entry.SOPClassUID, entry.SOPInstanceUID = MODALITY_WORKLIST.find, f"1.2.3.{number}"
        entry.file_meta = FileMetaDataset()
        entry.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
        entry.save_as(folder / f"{number}.wl", enforce_file_format=True)
    (folder / "readme.txt").write_text("no entry")
    program, port = start(folder.parent)
    keys = ("PatientID", f"{STEP}[0].ScheduledStationAETitle=*2")
    told = findscu(port, *keys)
    assert "FROM_FILE2" in told
    assert "FROM_FILE1" not in told
    program.wait_for("WARNING Not in the worklist: .*readme.txt")
    shutil.rmtree(folder)
    assert "FROM_FILE2" not in findscu(port, *keys)  # it is gone, and so is its entry


def test_is_read_by_our_client(start: Start, pki: ThrowAwayPki, good: IssuedCertificate) -> None:
    _, port = start()
    keys = Dataset()
    keys.SpecificCharacterSet, keys.PatientName, keys.PatientID = "ISO_IR 192", "beispiel^j*", ""
    files = {"certificate": str(good.certificate_file), "key": str(good.key_file)}
    options = {"called_ae_title": "WORKLIST_SCP", "ca_file": str(pki.ca_file), **files}
    with Scu("localhost", port, **options) as scu:  # type: ignore[arg-type]
        (match,) = scu.find(MODALITY_WORKLIST, keys)
    assert match.PatientName == "Beispiel^Jürgen"


def test_serves_plain_dicom_with_a_warning(start: Start, findscu: Callable[..., str]) -> None:
    program, port = start("--plain")
    assert re.search("^WARNING .*WITHOUT TLS", program.text, re.MULTILINE)
    assert "SYNTHETIC3" in findscu(port, "PatientID", plain=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ends_cleanly_at_a_signal(start: Start, number: signal.Signals) -> None:
    program, port = start()
    assert program.end(number) == 0
    assert "Traceback" not in program.text
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 5)


class TestStarting:
    def fails(self, *options: str | Path) -> str:
        result = run(*sample("worklist_scp.py", "--port", "0", *options))
        assert result.returncode != 0
        assert "Traceback" not in result.stderr
        return result.stderr

    def test_without_certificates(self, tls: list[str], tmp_path: Path) -> None:
        nothing = str(tmp_path / "nothing.pem")
        error = self.fails(*tls, "-cert", nothing)
        assert error.startswith("worklist_scp: ")
        assert nothing in error

    def test_with_an_impossible_ae_title(self, tls: list[str]) -> None:
        assert "is no AE title" in self.fails("--ae-title", "A" * 17, *tls)

    def test_with_a_folder_that_is_not_there(self, tls: list[str], tmp_path: Path) -> None:
        assert "No such file or directory" in self.fails(*tls, tmp_path / "nowhere")

    def test_says_what_it_is(self) -> None:
        shown = run(*sample("worklist_scp.py", "--help"))
        assert shown.returncode == 0
        for what in ("worklist", "mutual TLS", "2762", "WORKLIST_SCP", "leaddicom pki init"):
            assert what in shown.stdout
