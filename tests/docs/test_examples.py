"""Every command and every program of the documentation, run as it stands there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import pytest
from nets import free_port
from programs import Program
from pydicom.dataset import Dataset

from docs.examples import Examples
from docs.pages import DOCS, ROOT, block, blocks
from leaddicom import DICOM_SECURE_NONE, AccessPolicy, AccessRule, LDicomNet, Status, supported

PAGES = sorted(str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md"))


class FindScp(LDicomNet):
    """Has one patient."""

    supported_contexts = supported(["1.2.840.10008.5.1.4.1.2.2.1"])

    def OnReceiveCFindRequest(
        self, presentation_id: int, message_id: int, sop_class_uid: str, *_: object
    ) -> None:
        match = Dataset()
        match.PatientName = "Doe^Jane"
        for status, dataset in ((Status.PENDING, match), (Status.SUCCESS, None)):
            self.SendCFindResponse(presentation_id, message_id, sop_class_uid, status, dataset)


@pytest.fixture
def find_scp(examples: Examples) -> Iterator[FindScp]:
    net = FindScp(None, DICOM_SECURE_NONE)
    net.Listen("*", int(examples.ports["11114"]))
    yield net
    net.Close()


class TestEveryBlock:
    @pytest.mark.parametrize("page", PAGES)
    def test_is_run_or_is_the_output_of_one_that_is(self, page: str) -> None:
        loose = [
            code
            for use, _, language, code in blocks(page)
            if language in ("python", "sh", "text") and use not in ("run", "output", "elsewhere")
        ]
        assert loose == []

    def test_has_a_test_here(self) -> None:
        tests = Path(__file__).parent.glob("test_*.py")
        here = "".join(path.read_text(encoding="utf-8") for path in tests)
        named = [
            name for page in PAGES for use, name, *_ in blocks(page) if use in ("run", "output")
        ]
        assert named
        assert [name for name in named if f'"{name}"' not in here] == []


class TestQuickStart:
    PAGE = "quickstart.md"

    def test_the_demonstration_stores_files_and_goes_on(self, tmp_path: Path) -> None:
        """The command as it stands, in a copy whose environment is this one."""
        for name in ("Makefile", "pyproject.toml"):
            shutil.copy(ROOT / name, tmp_path)
        for name in ("leaddicom", "samples", "tools"):
            shutil.copytree(ROOT / name, tmp_path / name)
        programs = tmp_path / ".venv" / "bin"
        programs.mkdir(parents=True)
        (programs / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        (programs / "python").chmod(0o755)
        state = 'echo "$(pwd) $(cksum <pyproject.toml)" >.venv/.made-for; touch .venv/.installed'
        subprocess.run(["sh", "-euc", state], cwd=tmp_path, check=True)
        command = block(self.PAGE, "run", "demonstration").strip()
        command = f"cd '{tmp_path}' && exec {command} PORT={free_port()}"
        with Program("sh", "-euc", command, env={"PYTHONPATH": str(tmp_path)}) as demonstration:
            demonstration.wait_for("Ctrl-C ends it")
        assert len(list((tmp_path / "received").rglob("*.dcm"))) >= 8

    def test_the_package_can_be_installed(self, tmp_path: Path) -> None:
        """The command as it stands, in a new environment, without what it depends on."""
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, tmp_path)
        shutil.copytree(ROOT / "leaddicom", tmp_path / "leaddicom")
        made = subprocess.run(
            [sys.executable, "-m", "venv", "new"], cwd=tmp_path, capture_output=True, check=False
        )
        if made.returncode:
            pytest.skip("this Python cannot make environments (Debian package python3-venv)")
        programs = tmp_path / "new" / "bin"
        installed = self.shell("install", tmp_path, programs, {"PIP_NO_DEPS": "1"})
        if "No matching distribution" in installed.stderr:
            pytest.skip("pip reaches no package index to get setuptools from")
        assert installed.returncode == 0, installed.stderr
        assert (programs / "leaddicom").is_file()

    def test_the_command_makes_the_certificates_of_the_programs(self, tmp_path: Path) -> None:
        made = self.shell("certificates", tmp_path)
        assert made.returncode == 0, made.stderr
        programs = block(self.PAGE, "run", "server.py") + block(self.PAGE, "run", "client.py")
        stems = re.findall(r'"(certs/[^".]*)(?:\.pem)?"', programs)
        assert len(stems) == 4
        assert [stem for stem in stems if not (tmp_path / f"{stem}.pem").is_file()] == []

    def test_the_client_stores_to_the_server(self, examples: Examples) -> None:
        server = examples.serve(self.PAGE, "server.py")
        assert examples.run(self.PAGE, "client.py") == block(self.PAGE, "output", "client.py")
        assert len(list((examples.folder / "received").rglob("*.dcm"))) == 1
        assert examples.end(server) == ""

    def test_a_client_without_certificate_is_told_so(self, examples: Examples) -> None:
        server = examples.serve(self.PAGE, "server.py")
        assert examples.run(self.PAGE, "stranger.py") == block(self.PAGE, "output", "stranger.py")
        said = r"Refused: TLS handshake with the client 127\.0\.0\.1:\d+ failed: it showed no"
        assert re.match(said, examples.end(server))

    def shell(
        self,
        name: str,
        folder: Path,
        programs: Path = Path(sys.executable).parent,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of the page, with the programs of one folder before all others."""
        path = os.pathsep.join([str(programs), *os.get_exec_path()])
        return subprocess.run(
            ["sh", "-euc", block(self.PAGE, "run", name)],
            cwd=folder,
            env={**os.environ, "PATH": path, **environment},
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )


class TestComingFromPynetdicom:
    PAGE = "pynetdicom.md"

    @pytest.mark.parametrize("name", ["pynetdicom_server.py", "server.py"])
    def test_either_client_talks_to_either_server(self, examples: Examples, name: str) -> None:
        server = examples.serve(self.PAGE, name)
        assert examples.run(self.PAGE, "pynetdicom_echo.py") == "it answers\n"
        assert examples.run(self.PAGE, "echo.py") == "it answers\n"
        assert examples.run(self.PAGE, "pynetdicom_store.py") == "stored\n"
        assert examples.run(self.PAGE, "store.py") == "stored\n"
        assert examples.end(server) == "CT Image Storage\n" * 2

    @pytest.mark.parametrize("name", ["pynetdicom_find.py", "find.py"])
    def test_either_client_finds(self, examples: Examples, find_scp: FindScp, name: str) -> None:
        assert examples.run(self.PAGE, name) == "Doe^Jane\n"

    def test_either_client_speaks_tls(self, examples: Examples) -> None:
        server = examples.serve("quickstart.md", "server.py")
        assert examples.run(self.PAGE, "pynetdicom_tls.py") == "it answers\n"
        assert examples.run(self.PAGE, "tls.py") == "it answers\n"
        assert examples.end(server) == ""


class TestComingFromLeadtools:
    PAGE = "leadtools.md"

    def test_the_ported_client_talks_to_the_ported_server(self, examples: Examples) -> None:
        server = examples.serve(self.PAGE, "ported_server.py")
        assert examples.run(self.PAGE, "ported_client.py") == "status 0000\n"
        assert re.match("C-ECHO from .*CN=modality", examples.end(server))


class TestAccess:
    PAGE = "access.md"

    @pytest.fixture
    def files(self, examples: Examples) -> Path:
        for name in ("access.toml", "hospital.toml"):
            text = block(self.PAGE, "file", name)
            (examples.folder / name).write_text(text, encoding="utf-8")
        return examples.folder

    def test_a_device_may_use_its_own_title_only(self, examples: Examples, files: Path) -> None:
        server = examples.serve(self.PAGE, "access_server.py")
        assert examples.run(self.PAGE, "two_titles.py") == block(
            self.PAGE, "output", "two_titles.py"
        )
        said = re.sub(r"127\.0\.0\.1:[0-9]+", "127.0.0.1:50000", examples.end(server))
        said = re.sub(r"SHA-256 [0-9a-f]{64}", "SHA-256 " + "0" * 64, said)
        # What follows is the answer.
        assert said.splitlines(keepends=True)[0] == block(self.PAGE, "output", "access_server.py")

    def test_it_is_decided_from_code(self, examples: Examples) -> None:
        assert examples.run(self.PAGE, "decide.py") == block(self.PAGE, "output", "decide.py")

    def test_the_longer_file_is_good(self, files: Path) -> None:
        names = [rule.name for rule in AccessPolicy.load(files / "hospital.toml").rules]
        assert names == ["ct1", "mr2", "mr2-new", "service, by VPN", "old-ultrasound"]

    def test_the_commands_print_what_a_rule_wants(self, files: Path) -> None:
        if shutil.which("openssl") is None:
            pytest.skip("openssl is not installed")
        printed = self.shell("look", files)
        (subject,) = re.findall("^subject=(.*)$", printed, re.MULTILINE)
        (fingerprint,) = re.findall("(?i)^sha256 Fingerprint=(.*)$", printed, re.MULTILINE)
        rule = AccessRule(name="x", subject=subject, fingerprint=fingerprint, calling=["X"])
        assert rule.subject == AccessPolicy.load(files / "access.toml").rules[0].subject
        assert "DNS:localhost" in printed

    def test_a_file_is_checked(self, files: Path) -> None:
        assert self.shell("check", files) == ""

    def shell(self, name: str, folder: Path) -> str:
        """Run a command of the page; give what it prints."""
        path = os.pathsep.join([str(Path(sys.executable).parent), *os.get_exec_path()])
        return subprocess.run(
            ["sh", "-euc", block(self.PAGE, "run", name)],
            cwd=folder,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        ).stdout


class TestEvents:
    PAGE = "events.md"

    def test_they_come_in_the_order_that_is_shown(self, examples: Examples) -> None:
        assert examples.run(self.PAGE, "order.py") == block(self.PAGE, "output", "order.py")
