from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from leaddicom.cli.main import main
from leaddicom.pki import load_certificate

STEMS = [
    "rootCA/rootCA",
    "servers/worklistmanager/worklistmanager",
    "servers/archive/archive",
    "clients/workitemcreator/workitemcreator",
    "clients/workitemperformer/workitemperformer",
    "clients/workitemwatcher/workitemwatcher",
    "clients/modality/modality",
]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def on_terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Runs the command line on a terminal of 80 columns without colours."""

    def run(*arguments: str) -> str:
        stream = Terminal()
        monkeypatch.setattr(sys, "stdout", stream)
        assert main(arguments) == 0
        return stream.getvalue()

    for name, value in (("COLUMNS", "80"), ("TERM", "dumb"), ("NO_COLOR", "1")):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    return run


def test_the_folder_is_certs_unless_named(
    tmp_path: Path, certs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(certs, tmp_path / "certs")
    monkeypatch.chdir(tmp_path)
    assert main(["pki", "init"]) == 0
    assert capsys.readouterr().out.startswith("kept certs/rootCA/rootCA.pem ")


def test_into_a_pipe_it_writes_a_line_per_certificate(
    certs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["pki", "init", "--dir", str(certs)]) == 0
    captured = capsys.readouterr()
    expiry = load_certificate(certs / "rootCA/rootCA.pem").not_valid_after_utc
    lines = captured.out.splitlines()
    assert lines[0] == f"kept {certs}/rootCA/rootCA.pem valid until {expiry:%Y-%m-%d}"
    assert [line.split()[1] for line in lines] == [f"{certs}/{stem}.pem" for stem in STEMS]
    assert captured.err == ""


def test_the_reason_stands_behind_the_line(
    certs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shutil.copytree(certs, tmp_path / "certs")
    (folder / "servers/archive/archive.pem").unlink()
    assert main(["pki", "init", "--dir", str(folder)]) == 0
    line = capsys.readouterr().out.splitlines()[2]
    assert line.startswith(f"made {folder}/servers/archive/archive.pem valid until ")
    assert line.endswith(" (archive.pem was missing)")


def test_json_tells_everything(certs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pki", "init", "--dir", str(certs), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["folder"] == str(certs)
    assert len(document["certificates"]) == len(STEMS)
    archive = document["certificates"][2]
    expiry = load_certificate(certs / "servers/archive/archive.pem").not_valid_after_utc
    assert datetime.fromisoformat(archive.pop("not_after")) == expiry
    assert archive == {
        "name": "archive",
        "role": "server",
        "state": "kept",
        "reason": "",
        "certificate_file": f"{certs}/servers/archive/archive.pem",
        "key_file": f"{certs}/servers/archive/archive.key",
    }


def test_json_is_the_same_on_a_terminal(certs: Path, on_terminal: Callable[..., str]) -> None:
    text = on_terminal("pki", "init", "--dir", str(certs), "--json")
    assert json.loads(text)["folder"] == str(certs)


def test_on_a_terminal_it_draws_a_table_with_a_row_per_certificate(
    certs: Path, on_terminal: Callable[..., str]
) -> None:
    text = on_terminal("pki", "init", "--dir", str(certs))
    rows = [line.split() for line in text.splitlines() if ".pem" in line]
    assert [row[0] for row in rows] == ["kept"] * 7
    assert [row[1] for row in rows] == ["CA"] + ["server"] * 2 + ["client"] * 4
    assert [row[3] for row in rows] == [f"{stem}.pem" for stem in STEMS]
    assert "Never use in" in text


def test_on_a_terminal_reasons_stand_below_and_brackets_are_no_markup(
    certs: Path,
    tmp_path: Path,
    on_terminal: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(certs, tmp_path / "[bold]certs")
    Path("[bold]certs/servers/archive/archive.key").chmod(0o644)
    text = " ".join(on_terminal("pki", "init", "--dir", "[bold]certs").split())
    assert "Development PKI in [bold]certs" in text
    assert (
        "archive kept: others may read its key; run: chmod 600 "
        "[bold]certs/servers/archive/archive.key"
    ) in text


def test_a_failure_says_what_to_do(
    certs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shutil.copytree(certs, tmp_path / "certs")
    (folder / "rootCA/rootCA.key").unlink()
    assert main(["pki", "init", "--dir", str(folder), "--json"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"leaddicom: The CA certificate {folder}/rootCA/rootCA.pem")
    assert "Put the key back" in captured.err
    assert captured.err.count("\n") == 1


def test_the_help_tells_what_is_made_and_warns(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["pki", "init", "--help"])
    text = capsys.readouterr().out
    for part in ("DIR/rootCA/rootCA.pem", "Run it as often as you like", "Never use in production"):
        assert part in text
