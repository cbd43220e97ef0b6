from __future__ import annotations

from pathlib import Path

import pydicom
from ups.workitems import code

from cli.ups.conftest import Shell


class TestShow:
    def test_shows_a_workitem_in_words(self, shell: Shell) -> None:
        uid = shell.created(ScheduledStationNameCodeSequence=[code("LINAC1")])
        ended = shell("show", uid)
        assert (ended.code, ended.err) == (0, "")
        assert ended.lines[0] == f"Workitem {uid}"
        for line in (
            "  Patient ID: 4711",
            "  Procedure Step State: SCHEDULED",
            "  Scheduled Station Name Code Sequence: A meaning (LINAC1, 99TEST)",
        ):
            assert line in ended.lines

    def test_writes_the_dicom_json_model(self, shell: Shell) -> None:
        found = shell("show", shell.created(), "--json").json
        assert found["00741000"] == {"vr": "CS", "Value": ["SCHEDULED"]}

    def test_escapes_what_a_terminal_would_obey(self, shell: Shell) -> None:
        uid = shell.created(CommentsOnTheScheduledProcedureStep="two\r\nlines\b\f")
        assert "\b" not in shell("show", uid).out
        assert r"Step: two\r\nlines\x08\x0c" in shell("show", uid).out

    def test_tells_that_there_is_no_such_workitem(self, shell: Shell) -> None:
        ended = shell("show", "1.2.3")
        assert (ended.code, ended.out) == (1, "")
        assert "C307H" in ended.err
        assert "Check the UID" in ended.err
        assert ended.err.count("\n") == 1

    def test_tells_it_in_json_too(self, shell: Shell) -> None:
        ended = shell("show", "1.2.3", "--json")
        assert ended.code == 1
        expected = {"uid": "1.2.3", "status": "C307", "category": "failure"}
        assert ended.json | expected == ended.json

    def test_needs_a_uid(self, shell: Shell) -> None:
        assert "'1.02' is no UID" in shell.usage(*shell.line("show", "1.02"))


class TestGet:
    def test_gives_the_attributes_that_are_named(self, shell: Shell) -> None:
        uid = shell.created()
        ended = shell("get", uid, "ProcedureStepState", "0010,0020")
        assert ended.lines == ["PatientID=4711", "ProcedureStepState=SCHEDULED"]

    def test_gives_all_of_them_but_what_locks_it(self, shell: Shell) -> None:
        ended = shell("get", shell.claimed())
        assert "ProcedureStepState=IN PROGRESS" in ended.lines
        assert "PatientID=4711" in ended.lines
        assert "TransactionUID" not in ended.out

    def test_writes_a_file(self, shell: Shell, tmp_path: Path) -> None:
        uid, path = shell.created(), tmp_path / "deep" / "workitem.dcm"
        assert shell("get", uid, "--output", path).code == 0
        assert pydicom.dcmread(path).SOPInstanceUID == uid
        again = shell("get", uid, "--output", path)
        assert (again.code, "is there already" in again.err) == (1, True)
        assert shell("get", uid, "--output", path, "--overwrite").code == 0

    def test_writes_no_file_of_nothing(self, shell: Shell, tmp_path: Path) -> None:
        assert shell("get", "1.2.3", "-o", tmp_path / "x.dcm").code == 1
        assert not (tmp_path / "x.dcm").exists()
