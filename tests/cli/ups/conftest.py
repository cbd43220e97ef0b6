"""A worklist manager over mutual TLS, and the commands that talk to it."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from nets import Nets
from ups.sites import Site
from ups.workitems import data_set, new_uid, workitem

from leaddicom import LDicomDS
from leaddicom.cli.main import main
from leaddicom.testing.certificates import IssuedCertificate, ThrowAwayPki
from leaddicom.ups.core.terms import State
from leaddicom.ups.core.workitem import Workitem
from leaddicom.ups.settings.entities import ApplicationEntity


@dataclass
class Ended:
    """How a command has ended."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def cells(self) -> list[list[str]]:
        return [line.split("\t") for line in self.lines]

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@dataclass
class Shell:
    """Runs commands about one manager, with the options of the link to it."""

    site: Site
    tls: list[str]
    folder: Path
    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch

    @property
    def port(self) -> str:
        return str(self.site.manager.GetHostInfo()[1])

    def line(self, verb: str, *arguments: object) -> list[str]:
        return ["ups", verb, *self.tls, "127.0.0.1", self.port, *map(str, arguments)]

    def __call__(self, verb: str, *arguments: object) -> Ended:
        """Run a command of a client."""
        return self.run(*self.line(verb, *arguments))

    def run(self, *arguments: object) -> Ended:
        code = main(list(map(str, arguments)))
        captured = self.capsys.readouterr()
        return Ended(code, captured.out, captured.err)

    def usage(self, *arguments: object) -> str:
        """Run what is not understood; give what is said about it."""
        with pytest.raises(SystemExit) as caught:
            main(list(map(str, arguments)))
        assert caught.value.code == 2
        return self.capsys.readouterr().err

    def on_terminal(self, *arguments: object, width: int = 200) -> str:
        """Run a command on a terminal; give what that shows."""
        for name, value in {"COLUMNS": str(width), "TERM": "xterm", "NO_COLOR": "1"}.items():
            self.monkeypatch.setenv(name, value)
        with self.monkeypatch.context() as patch:
            stream = Terminal()
            patch.setattr(sys, "stdout", stream)
            assert main(list(map(str, arguments))) == 0
        return stream.getvalue()

    def admin(self, *arguments: object) -> Ended:
        return self.run(*self.admin_line(*arguments))

    def admin_line(self, *arguments: object) -> list[str]:
        words = list(map(str, arguments))
        verbs = 2 if words[0] == "ae" else 1
        where = ["--database", self.site.database, "--timezone", "+00:00", "--operator", "Ada"]
        return ["ups", "admin", *words[:verbs], *where, *words[verbs:]]

    # -- the worklist ----------------------------------------------------------------------------

    def file(self, uid: str = "", name: str = "", **changes: Any) -> Path:
        """Write a workitem into a file."""
        uid = uid or new_uid()
        dataset = workitem(**changes)
        dataset.update(data_set(SOPClassUID="1.2.840.10008.5.1.4.34.6.1", SOPInstanceUID=uid))
        path = self.folder / (name or f"{uid}.dcm")
        path.parent.mkdir(parents=True, exist_ok=True)
        LDicomDS(dataset).save(path)
        return path

    def created(self, **changes: Any) -> str:
        """Have a workitem created, and give its UID."""
        uid = new_uid()
        assert self("create", self.file(uid, **changes)).code == 0
        return uid

    def claimed(self, **changes: Any) -> str:
        """Have a workitem created and claimed, and give its UID."""
        uid = self.created(**changes)
        assert self("claim", uid).code == 0
        return uid

    def stored(self, uid: str) -> Workitem:
        with self.site.manager.store.reading() as reader:
            found = reader.workitem(uid)
        assert found is not None
        return found

    def state(self, uid: str) -> State:
        return self.stored(uid).state


@pytest.fixture(scope="session")
def good(pki: ThrowAwayPki) -> IssuedCertificate:
    return pki.issue("command")


@pytest.fixture
def site(nets: Nets, tmp_path: Path) -> Iterator[Site]:
    made = Site(nets, tmp_path)
    made.link = "TLS 1.3"
    made.start(entities=[ApplicationEntity("WATCHER", "127.0.0.1", 104)])
    yield made
    made.close()


@pytest.fixture
def shell(
    site: Site,
    pki: ThrowAwayPki,
    good: IssuedCertificate,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Shell:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    tls = ["-mtls", "-ca", pki.ca_file, "-cert", good.certificate_file, "-key", good.key_file]
    return Shell(site, list(map(str, tls)), tmp_path / "files", capsys, monkeypatch)
