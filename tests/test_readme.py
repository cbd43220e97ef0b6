"""The README's example and its DCMTK command, run as they stand there."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from programs import Program, run
from pydicom.data import get_testdata_file

from leaddicom.pki import init_development_pki

README = (Path(__file__).resolve().parent.parent / "README.md").read_text(encoding="utf-8")
PORT = "2762"


def block(name: str) -> str:
    """Give the code between the comments ``<!-- name: begin -->`` and ``<!-- name: end -->``."""
    found = re.search(
        rf"<!-- {name}: begin -->\n+```\w+\n(.*?)```\n+<!-- {name}: end -->", README, re.S
    )
    if found is None:
        pytest.fail(f"README.md has no example {name!r}")
    return found[1]


def dcmtk(name: str) -> str:
    """Give the path of a DCMTK tool; pynetdicom installs others of the same names."""
    own = str(Path(sys.executable).parent)
    path = os.pathsep.join(part for part in os.get_exec_path() if part != own)
    found = shutil.which(name, path=path)
    if found is None:
        pytest.skip("DCMTK is missing (Debian package dcmtk)")
    return found


def free_port() -> str:
    with socket.socket() as sock:
        sock.bind(("", 0))
        return str(sock.getsockname()[1])


def run_client(folder: Path, port: str) -> str:
    (folder / "client.py").write_text(block("client").replace(PORT, port))
    command = [sys.executable, "-W", "error", "client.py"]
    client = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=30)
    assert client.returncode == 0, client.stderr
    return client.stdout


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    init_development_pki(tmp_path / "certs")
    port = free_port()
    (tmp_path / "server.py").write_text(block("example").replace(PORT, port))
    process = subprocess.Popen(
        [sys.executable, "-u", "-W", "error", "server.py"],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    if process.stdout is None:
        pytest.fail("no output")
    assert "Listening" in process.stdout.readline()
    yield process, port
    process.kill()
    process.wait()
    process.stdout.close()
    if process.stdin is not None:
        process.stdin.close()


def test_the_example_has_about_twenty_lines() -> None:
    assert len([line for line in block("example").splitlines() if line.strip()]) <= 21


def test_dcmtk_stores_to_the_example(
    server: tuple[subprocess.Popen[str], str], tmp_path: Path
) -> None:
    storescu = dcmtk("storescu")
    process, port = server
    shutil.copy(get_testdata_file("CT_small.dcm", read=False) or "", tmp_path / "image.dcm")
    _, *arguments = shlex.split(block("dcmtk").replace("\\\n", " ").replace(PORT, port))
    sent = subprocess.run(
        [storescu, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=30
    )
    assert sent.returncode == 0, sent.stderr
    output, _ = process.communicate("\n", timeout=15)
    assert process.returncode == 0
    assert re.search(r"modality.* stored .*received.*\.dcm", output), output
    assert len(list((tmp_path / "received").rglob("*.dcm"))) == 1


def test_the_client_stores_to_the_example(
    server: tuple[subprocess.Popen[str], str], tmp_path: Path
) -> None:
    (tmp_path / "images").mkdir()
    shutil.copy(get_testdata_file("MR_small.dcm", read=False) or "", tmp_path / "images")
    assert re.match(r"1 stored, TLS: TLSv1.3, server: CN=archive", run_client(tmp_path, server[1]))
    assert len(list((tmp_path / "received").rglob("*.dcm"))) == 1


def test_tls_takes_a_minute(tmp_path: Path) -> None:
    port = free_port()
    make, serve, connect = block("minute").replace(PORT, port).splitlines()
    shutil.copytree(Path(__file__).resolve().parent.parent / "samples", tmp_path / "samples")
    path = os.pathsep.join([str(Path(sys.executable).parent), *os.get_exec_path()])
    options: dict[str, Any] = {"cwd": tmp_path, "env": os.environ | {"PATH": path}, "text": True}
    subprocess.run(shlex.split(make), check=True, timeout=30, stdout=subprocess.DEVNULL, **options)
    with subprocess.Popen(["python", "-u", *shlex.split(serve)[1:]], stdout=-1, **options) as scp:
        if scp.stdout is None or "is ready" not in scp.stdout.readline():
            pytest.fail("it does not listen")
        scu = subprocess.run(shlex.split(connect), capture_output=True, timeout=30, **options)
        scp.terminate()
    assert re.match(r"C-ECHO: success in .* s \(TLSv1\.3, TLS_.*\)\npeer: CN=archive", scu.stdout)


def test_a_worklist_takes_five_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    path = os.pathsep.join([str(Path(sys.executable).parent), *os.get_exec_path()])
    monkeypatch.setenv("PATH", path)
    monkeypatch.setenv("TZ", "UTC")
    init_development_pki(tmp_path / "certs")
    shutil.copytree(Path(__file__).resolve().parent.parent / "samples", tmp_path / "samples")
    serve, *rest = block("worklist").replace(PORT, free_port()).splitlines()
    with Program(*shlex.split(serve)) as manager:
        manager.wait_for("is ready on port")
        printed = [run(*shlex.split(line)) for line in rest]
    assert [each.stderr for each in printed] == [""] * len(rest)
    assert printed[-1].stdout.startswith("2030-01-01 08:00\tCOMPLETED\tMEDIUM\tRT treatment\t")
