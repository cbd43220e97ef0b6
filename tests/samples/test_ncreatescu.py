"""The client that creates workitems, as it is started from a shell."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from nets import Nets
from programs import ROOT, run, sample
from ups.sites import Site

from leaddicom.ups.core.terms import State

WORKITEMS = ROOT / "samples" / "workitems"


@pytest.fixture
def site(nets: Nets, tmp_path: Path) -> Iterator[Site]:
    made = Site(nets, tmp_path)
    made.link = "TLS 1.3"
    made.start()
    yield made
    made.close()


@pytest.fixture
def port(site: Site) -> str:
    return str(site.manager.GetHostInfo()[1])


def test_creates_the_workitem_of_a_file(site: Site, port: str, tls: list[str]) -> None:
    path = WORKITEMS / "plan_review.dcm"
    options = ("-mtls", *tls, "localhost", port, str(path), "--debug")
    ended = run(*sample("ncreatescu.py", *options))
    assert ended.returncode == 0
    assert ended.stdout.startswith(f"{path}\t")
    assert "DEBUG" in ended.stderr
    uid = ended.stdout.split("\t")[1]
    with site.manager.store.reading() as reader:
        workitem = reader.workitem(uid)
    assert workitem is not None
    assert workitem.state is State.SCHEDULED


def test_creates_those_of_a_folder(port: str, tls: list[str]) -> None:
    line = sample("ncreatescu.py", *tls, "localhost", port, str(WORKITEMS))
    assert run(*line).returncode == 0
    again = run(*line)
    assert again.returncode == 1
    assert "0111H" in again.stdout


def test_tells_in_a_line_what_is_wrong(port: str, tls: list[str]) -> None:
    ended = run(*sample("ncreatescu.py", *tls, "localhost", port, "missing.dcm"))
    assert ended.returncode == 1
    assert "missing.dcm" in ended.stdout
    assert ended.stderr == "ncreatescu.py: 1 of 1 workitem was not created.\n"
    assert "Traceback" not in ended.stderr
    gone = run(*sample("ncreatescu.py", "-ca", "missing.pem", "localhost", port, "missing.dcm"))
    assert gone.returncode == 1
    assert gone.stderr.startswith("ncreatescu.py: ")
    assert gone.stderr.count("\n") == 1


def test_has_help(tls: list[str]) -> None:
    ended = run(*sample("ncreatescu.py", "--help"))
    assert ended.returncode == 0
    assert "FILE_OR_FOLDER" in ended.stdout
    assert run(*sample("ncreatescu.py", "localhost")).returncode == 2
