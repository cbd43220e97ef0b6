"""The worklist manager as users of other managers start it, and DCMTK's echoscu as its client."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from interop.conftest import find_dcmtk
from programs import Program, run, sample

from leaddicom import Scu
from leaddicom.testing.certificates import IssuedCertificate, ThrowAwayPki

Start = Callable[..., tuple[Program, int]]


@pytest.fixture
def start(tls: list[str], tmp_path: Path) -> Iterator[Start]:
    """Starts the sample on a free port; gives it and the port."""
    with ExitStack() as stack:

        def start(*more: str | Path) -> tuple[Program, int]:
            database = ("--database", tmp_path / "worklist.sqlite")
            options = ("-mtls", "--port", "0", "-b", "127.0.0.1", *tls, *database, *more)
            program = stack.enter_context(Program(*sample("upsscp.py", *options)))
            return program, int(program.wait_for(r"UPSSCP is ready on port (\d+)")[1])

        yield start


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serves_until_it_is_told_to_stop(
    start: Start, pki: ThrowAwayPki, good: IssuedCertificate, number: signal.Signals
) -> None:
    program, port = start("--debug")
    files = {"certificate": str(good.certificate_file), "key": str(good.key_file)}
    with Scu("localhost", port, ca_file=str(pki.ca_file), **files) as client:
        client.echo()
    assert program.end(number) == 0
    assert "Traceback" not in program.text
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 5)


def test_serves_with_several_processes(start: Start, pki: ThrowAwayPki) -> None:
    path = find_dcmtk("echoscu")
    if path is None:
        pytest.skip("DCMTK's echoscu is not installed (package dcmtk)")
    _, port = start("--workers", "2")
    rsa = pki.issue("echoscu", key="rsa")
    files = ("+tls", str(rsa.key_file), str(rsa.certificate_file), "+cf", str(pki.ca_file))
    echoed = run(path, *files, "-aec", "ANYSCP", "localhost", str(port))
    assert echoed.returncode == 0, echoed.stderr


class TestWithoutStarting:
    def test_looks_for_the_repository_s_certificates(self, tmp_path: Path) -> None:
        nothing = tmp_path / "nothing.pem"
        result = run(*sample("upsscp.py", "-mtls", "--port", "0", "-ca", nothing))
        assert result.returncode == 1
        (line,) = result.stderr.splitlines()
        assert line.startswith(f"upsscp.py: {nothing} (ca_certificate) does not exist.")

    def test_the_help_has_its_name_and_its_version_the_library_s(self) -> None:
        shown = run(*sample("upsscp.py", "--help"))
        assert shown.returncode == 0
        for what in ("mutual TLS", "2762", "UPSSCP", "upsscp.py --config manager.ini"):
            assert what in shown.stdout
        assert run(*sample("upsscp.py", "--version")).stdout.startswith("leaddicom ")

    def test_clean(self, tmp_path: Path) -> None:
        database = ("--database", tmp_path / "worklist.sqlite")
        cleaned = run(*sample("upsscp.py", *database, "--clean", "--yes"))
        assert cleaned.returncode == 0
        assert "Deleted 0 workitems" in cleaned.stdout
        asked = run(*sample("upsscp.py", *database, "--clean"))
        assert asked.returncode == 1
        assert asked.stderr.startswith("upsscp.py: There is no terminal to ask at")
