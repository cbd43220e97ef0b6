from __future__ import annotations

from pathlib import Path

import pytest
from ups.workitems import data_set

from cli.ups.conftest import Shell
from leaddicom import LDicomDS
from leaddicom.ups.core.terms import State


class TestSet:
    def test_changes_the_schedule(self, shell: Shell) -> None:
        uid = shell.created()
        ended = shell(
            "set", uid, "ProcedureStepLabel=Plan review", "ScheduledProcedureStepPriority=HIGH",
            "ScheduledStationNameCodeSequence=LINAC2,99SITE,Linac 2",
        )  # fmt: skip
        assert (ended.code, ended.lines, ended.err) == (0, [f"{uid} is changed."], "")
        dataset = shell.stored(uid).dataset
        assert dataset.ProcedureStepLabel == "Plan review"
        assert dataset.ScheduledProcedureStepPriority == "HIGH"
        assert dataset.ScheduledStationNameCodeSequence[0].CodeMeaning == "Linac 2"

    def test_changes_what_was_claimed_here(self, shell: Shell) -> None:
        uid = shell.claimed()
        assert shell("set", uid, "InputReadinessState=UNAVAILABLE").code == 0
        assert shell.stored(uid).dataset.InputReadinessState == "UNAVAILABLE"

    def test_takes_a_file_and_more_on_the_command_line(self, shell: Shell, tmp_path: Path) -> None:
        uid, path = shell.created(), tmp_path / "changes.dcm"
        changes = data_set(ProcedureStepLabel="From the file", WorklistLabel="FILE")
        changes.update(data_set(SOPClassUID="1.2", SOPInstanceUID="1.2.3"))
        LDicomDS(changes).save(path)
        assert shell("set", uid, "-f", path, "--json", "WorklistLabel=LINE").json["uid"] == uid
        dataset = shell.stored(uid).dataset
        assert (dataset.ProcedureStepLabel, dataset.WorklistLabel) == ("From the file", "LINE")

    def test_tells_what_cannot_be_changed(self, shell: Shell) -> None:
        ended = shell("set", shell.created(), "PatientID=1")
        assert ended.code == 1
        assert "PatientID cannot be modified" in ended.err

    def test_tells_what_the_manager_refuses(self, shell: Shell) -> None:
        ended = shell("set", shell.created(), "ProcedureStepLabel=", "--json")
        assert ended.code == 1
        assert ended.json["status"] == "0121"
        assert "ProcedureStepLabel" in ended.json["comment"]

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [((), "there is nothing to change"), (("Label=1",), "no attribute Label")],
    )
    def test_says_what_it_does_not_understand(
        self, shell: Shell, arguments: tuple[str, ...], said: str
    ) -> None:
        assert said in shell.usage(*shell.line("set", "1.2.3", *arguments))


class TestRequestCancel:
    @pytest.mark.parametrize("on", ["push", "watch"])
    def test_cancels_what_nobody_has_claimed(self, shell: Shell, on: str) -> None:
        uid = shell.created()
        ended = shell(
            "request-cancel", uid, "--on", on, "--reason", "No power",
            "--reason-code", "110501,DCM,Equipment failure",
        )  # fmt: skip
        assert (ended.code, ended.err) == (0, "")
        assert "'leaddicom ups show'" in ended.out
        assert shell.state(uid) is State.CANCELED
        item = shell.stored(uid).dataset.ProcedureStepProgressInformationSequence[0]
        assert item.ReasonForCancellation == "No power"

    def test_leaves_the_rest_to_the_performer(self, shell: Shell) -> None:
        uid = shell.claimed()
        contact = ("--contact-uri", "tel:1", "--contact-name", "Desk")
        assert shell("request-cancel", uid, *contact).code == 0
        assert shell.state(uid) is State.IN_PROGRESS

    def test_that_comes_twice_is_a_warning(self, shell: Shell) -> None:
        uid = shell.created()
        shell("request-cancel", uid)
        again = shell("request-cancel", uid)
        assert again.code == 0
        assert "B304H" in again.err
