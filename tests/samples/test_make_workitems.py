"""The example workitems: what the script writes, and what is in the repository."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pydicom
import pytest
from programs import ROOT, run, sample

from leaddicom.ups.client.attribute_lists import creation_list
from leaddicom.ups.core.creation import create
from leaddicom.ups.core.matching import Identifier, check_identifier, matches
from leaddicom.ups.core.rules import Rules
from leaddicom.ups.core.terms import UpsStatus
from leaddicom.ups.profiles import PROFILES

FOLDER = ROOT / "samples"
STEPS = [f"workitems/{name}.dcm" for name in ("plan_review", "rt_continuation", "rt_treatment")]
QUERY = "queries/scheduled.dcm"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("samples")
    done = run(*sample("make_workitems.py", folder))
    assert (done.returncode, done.stderr) == (0, "")
    told = [Path(line).relative_to(folder) for line in done.stdout.splitlines()]
    assert sorted(map(str, told)) == sorted([*STEPS, QUERY])
    return folder


@pytest.mark.parametrize("name", [*STEPS, QUERY])
def test_the_repository_has_what_the_script_writes(written: Path, name: str) -> None:
    assert pydicom.dcmread(FOLDER / name) == pydicom.dcmread(written / name)


@pytest.mark.parametrize("name", STEPS)
def test_workitems_are_taken_by_the_strictest_manager(name: str) -> None:
    step = pydicom.dcmread(FOLDER / name)
    profiles = (PROFILES["tdw-ii"],) if "/rt_" in name else ()
    outcome = create(
        step.SOPInstanceUID,
        creation_list(step),
        calling_ae="ME",
        rules=Rules(strict_create=True, profiles=profiles),
        now=datetime(2030, 1, 1, tzinfo=timezone.utc),
    )
    assert (outcome.status, outcome.comment) == (UpsStatus.SUCCESS, "")


@pytest.mark.parametrize("name", STEPS)
def test_workitems_are_of_nobody(name: str) -> None:
    step = pydicom.dcmread(FOLDER / name)
    assert (step.PatientName, step.PatientID) == ("Example^Anna", "SYNTHETIC1")


@pytest.mark.parametrize("name", STEPS)
def test_the_query_finds_the_treatments(name: str) -> None:
    identifier = check_identifier(pydicom.dcmread(FOLDER / QUERY))
    assert isinstance(identifier, Identifier)
    found = matches(identifier, pydicom.dcmread(FOLDER / name), timezone.utc)
    assert found == ("/rt_" in name)


def test_the_readme_tells_of_each_file() -> None:
    text = (FOLDER / "workitems" / "README.md").read_text()
    assert all(f"`{Path(name).name}`" in text for name in STEPS)
    assert f"`../{QUERY}`" in text
