"""The storage SCU as it is started from a shell."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from nets import Nets, free_port
from programs import PATIENCE, ROOT, run, sample
from storage import FILES, StorageScp, write_instances

from leaddicom.testing.certificates import PASSWORD, ThrowAwayPki


def scu(server: StorageScp, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    port = str(server.GetHostInfo()[1])
    return run(*sample("secure_scu.py", "localhost", port, *arguments))


@pytest.fixture
def server(nets: Nets) -> StorageScp:
    return nets.server(StorageScp, link="TLS 1.3", certificate="sample")


def test_without_files_is_an_echo(server: StorageScp, tls: list[str], nets: Nets) -> None:
    result = scu(server, *tls)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("C-ECHO: success in 0.")
    assert "(TLSv1.3, TLS_AES_128_GCM_SHA256)" in result.stdout
    (request,) = nets.wait_for("OnReceiveAssociateRequest")
    assert (request.GetCalled(), request.GetCalling()) == ("SECURE_SCP", "SECURE_SCU")


def test_stores_files_and_folders(
    server: StorageScp, tls: list[str], nets: Nets, tmp_path: Path
) -> None:
    write_instances(tmp_path, 3)
    (tmp_path / "notes.txt").write_text("no instance")
    result = scu(server, FILES / "CT_small.dcm", tmp_path, *tls, "-aet", "ME", "-aec", "YOU")
    assert result.returncode == 0, result.stderr
    assert len(server.received) == 4
    assert result.stdout.startswith("4 stored, 0 failed, 1 skipped\n")
    assert "MB/s (TLSv1.3, TLS_AES_128_GCM_SHA256)" in result.stdout
    assert f"skipped: {tmp_path / 'notes.txt'}: " in result.stderr
    (request,) = nets.wait_for("OnReceiveAssociateRequest")
    assert (request.GetCalled(), request.GetCalling()) == ("YOU", "ME")
    nets.wait_for("OnReceiveReleaseRequest")


def test_tells_scripts_in_json(server: StorageScp, tls: list[str], tmp_path: Path) -> None:
    paths = write_instances(tmp_path, 3)
    server.statuses["1.2.826.0.1.3680043.8.498.2"] = 0xA700
    result = scu(server, *paths, *tls, "--json", "--window", "2")
    assert result.returncode == 1
    told = json.loads(result.stdout)
    assert 0 < told.pop("seconds") < PATIENCE
    assert told == {
        "sent": 2,
        "failed": 1,
        "bytes": sum(len(server.received[index].data) for index in (0, 2)),
        "tls_version": "TLSv1.3",
        "cipher_suite": "TLS_AES_128_GCM_SHA256",
    }
    assert result.stderr == (
        f"failed: {paths[1]}: the peer answered A700H, Refused: Out of Resources\n"
    )


def test_fails_if_a_file_is_missing(server: StorageScp, tls: list[str], tmp_path: Path) -> None:
    result = scu(server, tmp_path / "missing.dcm", *tls)
    assert result.returncode == 1
    assert "missing.dcm: there is no such file" in result.stderr
    assert "0 stored, 1 failed" in result.stdout


def test_connects_without_tls(nets: Nets) -> None:
    result = scu(nets.server(StorageScp), FILES / "CT_small.dcm", "--plain", "--json")
    assert result.returncode == 0
    told = json.loads(result.stdout)
    assert (told["sent"], told["tls_version"], told["cipher_suite"]) == (1, None, None)


@pytest.mark.parametrize("files", [[], [str(FILES / "CT_small.dcm")]])
def test_says_in_one_line_why_there_is_no_connection(tls: list[str], files: list[str]) -> None:
    result = run(*sample("secure_scu.py", "localhost", str(free_port()), *files, *tls))
    assert result.returncode == 1
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("secure_scu: Connecting to localhost:")
    assert "Nothing listens there" in line


def test_says_how_to_make_certificates(tmp_path: Path) -> None:
    (tmp_path / "samples").mkdir()
    copied = shutil.copy(ROOT / "samples" / "secure_scu.py", tmp_path / "samples")
    result = run(sys.executable, str(copied), "localhost", "1")
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert line.endswith(f"To make it: leaddicom pki init --dir {tmp_path / 'certs'}")


def test_says_that_nothing_was_there_to_send(tls: list[str], tmp_path: Path) -> None:
    result = run(*sample("secure_scu.py", "localhost", "1", *tls, tmp_path))
    assert result.returncode == 1
    assert "not connected" in result.stdout
    assert "no DICOM file" in result.stderr


def test_refuses_an_impossible_ae_title(tls: list[str]) -> None:
    result = run(*sample("secure_scu.py", "localhost", "1", *tls, "-aec", "A" * 17))
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert "is no AE title" in line


class TestOnATerminal:
    def run(self, *command: str, typed: str = "") -> tuple[int, str]:
        """Run a program on a terminal of its own; give its exit status and what is to be seen."""
        ours, its = pty.openpty()
        with subprocess.Popen(
            command, stdin=its, stdout=its, stderr=its, start_new_session=True
        ) as process:
            os.close(its)
            shown = b""
            try:
                while piece := self.read(ours):
                    shown += piece
                    if typed and b"Password" in shown:
                        os.write(ours, typed.encode() + b"\n")
                        typed = ""
                return process.wait(PATIENCE), shown.decode()
            finally:
                process.kill()
                os.close(ours)

    def read(self, terminal: int) -> bytes:
        try:
            return os.read(terminal, 4096)
        except OSError:  # Linux: nobody has it open at the other end any more
            return b""

    def test_shows_a_progress_bar(self, server: StorageScp, tls: list[str], tmp_path: Path) -> None:
        write_instances(tmp_path, 3)
        port = str(server.GetHostInfo()[1])
        status, shown = self.run(*sample("secure_scu.py", "localhost", port, tmp_path, *tls))
        assert status == 0, shown
        assert "3/3" in shown
        assert "3 stored" in shown

    def test_asks_for_the_password_of_the_key(
        self, server: StorageScp, tls: list[str], pki: ThrowAwayPki
    ) -> None:
        locked = pki.variant("encrypted_key")
        files = ("-cert", locked.certificate_file, "-key", locked.key_file)
        port = str(server.GetHostInfo()[1])
        command = sample("secure_scu.py", "localhost", port, *tls, *files)
        status, shown = self.run(*command, typed=PASSWORD)
        assert status == 0, shown
        assert "Password of the private key: \r\n" in shown  # and not what was typed
        assert "C-ECHO: success" in shown
