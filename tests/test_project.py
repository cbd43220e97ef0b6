"""The repository's own rules, and proof that the checks behind them check."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import leaddicom

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "leaddicom"
MODULES = sorted(PACKAGE.rglob("*.py"))


def run(*command: str, cwd: Path = ROOT, text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, input=text, capture_output=True, text=True, check=False)


def tool(name: str) -> str:
    path = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed; it comes with leaddicom[dev]")
    return path


def files_in_git() -> list[Path]:
    """Every file that git has, or that the next `git add` would take."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout")
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").stdout
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


class TestRuff:
    def check(self, path: str, code: str) -> set[str]:
        arguments = ["check", "--quiet", "--output-format=concise", "--stdin-filename", path, "-"]
        output = run(tool("ruff"), *arguments, text=code).stdout
        return set(re.findall(r"^\S+:\d+:\d+: ([A-Z]+\d+)", output, re.MULTILINE))

    def test_sees_every_module(self) -> None:
        seen = {Path(line) for line in run(tool("ruff"), "check", "--show-files").stdout.split()}
        assert seen.issuperset(MODULES)

    @pytest.mark.parametrize(
        ("path", "code", "rule"),
        [
            ("leaddicom/dimse/x.py", "assert input()\n", "S101"),
            ("leaddicom/dimse/x.py", "print(1)\n", "T201"),
            ("leaddicom/dimse/x.py", "def MixedCase(): ...\n", "N802"),
            ("leaddicom/dimse/x.py", "def undocumented(): ...\n", "D103"),
            ("leaddicom/dimse/x.py", "# TODO: later\n", "FIX002"),
            ("leaddicom/dimse/x.py", "try:\n    f()\nexcept Exception:\n    g()\n", "BLE001"),
            ("samples/x.py", "try:\n    f()\nexcept:\n    g()\n", "E722"),
        ],
    )
    def test_refuses(self, path: str, code: str, rule: str) -> None:
        assert rule in self.check(path, code)

    @pytest.mark.parametrize(
        ("path", "code", "rule"),
        [
            ("leaddicom/net.py", "def SendCEchoRequest(presentationId): ...\n", "N802"),
            ("leaddicom/scu/x.py", "def OnReceiveAssociateAccept(): ...\n", "N802"),
            ("leaddicom/cli/x.py", "print(1)\n", "T201"),
            ("samples/x.py", "print(1)\n", "T201"),
            ("tests/x.py", "assert input()\n", "S101"),
        ],
    )
    def test_allows(self, path: str, code: str, rule: str) -> None:
        assert rule not in self.check(path, code)


def test_mypy_is_strict_with_package_and_samples() -> None:
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    assert settings.getboolean("mypy", "strict")
    assert {"leaddicom", "samples"} <= set(re.split(r"[,\s]+", settings["mypy"]["files"]))


class TestImportRules:
    @pytest.fixture
    def copy(self, tmp_path: Path) -> Path:
        """A copy of the package with the contracts that hold for it."""
        shutil.copytree(PACKAGE, tmp_path / "leaddicom", ignore=shutil.ignore_patterns("*.pyc"))
        shutil.copy(ROOT / "pyproject.toml", tmp_path)
        return tmp_path

    def check(self, folder: Path) -> subprocess.CompletedProcess[str]:
        return run(tool("lint-imports"), "--no-cache", cwd=folder)

    def test_hold(self, copy: Path) -> None:
        result = self.check(copy)
        assert result.returncode == 0, result.stdout

    @pytest.mark.parametrize(
        ("module", "code", "contract"),
        [
            ("upper_layer/extra.py", "import socket", "The protocol cores have no I/O"),
            ("dimse/extra.py", "def f():\n    import time", "The protocol cores have no I/O"),
            ("dimse/extra.py", "import leaddicom.net", "Imports point downwards only"),
            ("transport/extra.py", "from leaddicom import net", "Imports point downwards only"),
            ("upper_layer/extra.py", "import leaddicom.dimse", "Imports point downwards only"),
            ("homeless.py", "", "Imports point downwards only"),
            ("tls/extra.py", "import leaddicom.testing", "leaddicom.testing stands at the side"),
        ],
    )
    def test_fail_for_a_module_that_breaks_them(
        self, copy: Path, module: str, code: str, contract: str
    ) -> None:
        (copy / "leaddicom" / module).write_text(f"{code}\n")
        result = self.check(copy)
        assert result.returncode == 1
        assert re.search(rf"{contract}.* BROKEN", result.stdout), result.stdout


def test_the_package_imports_without_assertions_and_without_warnings() -> None:
    result = run(sys.executable, "-O", "-W", "error", "-c", "import leaddicom")
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_fits_in_a_head(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 600


def test_no_private_key_is_in_git() -> None:
    # A marker alone is a test or a manual; a marker with a body is a key.
    key = re.compile(rb"-----BEGIN ([A-Z]+ )*PRIVATE KEY-----\s+([\w-]+: .*\s+)*[A-Za-z0-9+/=]{32}")
    files = files_in_git()
    assert files
    assert [path for path in files if path.suffix in {".key", ".p12", ".pfx"}] == []
    assert [path for path in files if key.search(path.read_bytes())] == []


def test_no_certificate_is_in_git() -> None:
    """It would expire."""
    certificate = re.compile(rb"-----BEGIN CERTIFICATE-----\s+[A-Za-z0-9+/=]{32}")
    assert [path for path in files_in_git() if certificate.search(path.read_bytes())] == []


def test_ci_can_be_run() -> None:
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_the_readme_names_only_commands_that_the_makefile_has() -> None:
    named = set(re.findall(r"^\$? *make ([\w-]+)", (ROOT / "README.md").read_text(), re.MULTILINE))
    present = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {"run", "test"} <= named <= present


def test_the_changelog_has_this_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"\n## [{leaddicom.__version__}] - " in changelog
