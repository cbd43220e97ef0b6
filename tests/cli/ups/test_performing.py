from __future__ import annotations

import sys

import pytest
from programs import run
from pydicom.dataset import Dataset
from ups.workitems import code

from cli.ups.conftest import Shell
from leaddicom.cli.main import main
from leaddicom.ups.client.transaction_uids import TransactionUids
from leaddicom.ups.core.terms import State

STATION = ("--station", "LINAC1,99SITE,Linac 1")
WORK = ("--workitem-code", "121726,DCM,RT Treatment")


def performed(shell: Shell, uid: str) -> list[Dataset]:
    return list(shell.stored(uid).dataset.UnifiedProcedureStepPerformedProcedureSequence)


def progress(shell: Shell, uid: str) -> Dataset:
    found: Dataset = shell.stored(uid).dataset.ProcedureStepProgressInformationSequence[0]
    return found


class TestProgress:
    def test_tells_how_far_it_has_come(self, shell: Shell) -> None:
        uid = shell.claimed()
        ended = shell("progress", uid, 50, "--description", "Beam 1", "--contact-uri", "tel:1")
        assert (ended.code, ended.lines) == (0, [f"{uid} is at 50 %."])
        item = progress(shell, uid)
        assert (item.ProcedureStepProgress, item.ProcedureStepProgressDescription) == (50, "Beam 1")
        assert item.ProcedureStepCommunicationsURISequence[0].ContactURI == "tel:1"
        assert shell("progress", uid, "75.5%").code == 0
        item = progress(shell, uid)
        assert (item.ProcedureStepProgress, item.ProcedureStepProgressDescription) == (
            75.5,
            "Beam 1",
        )

    def test_tells_the_beam_as_the_profile_wants_it(self, shell: Shell) -> None:
        uid = shell.claimed()
        ended = shell("progress", uid, 50, "--profiles", "tdw-ii")
        assert (ended.code, "tdw-ii objects" in ended.err) == (1, True)
        assert shell("progress", uid, 50, "--profiles", "tdw-ii", "--beam", 2).code == 0
        (parameter,) = progress(shell, uid).ProcedureStepProgressParametersSequence
        assert parameter.ConceptNameCodeSequence[0].CodeValue == "2018004"
        assert parameter.NumericValue == 2
        assert shell("progress", uid, 75).code == 0
        assert "ProcedureStepProgressParametersSequence" in progress(shell, uid)

    @pytest.mark.parametrize("beam", ["-1", "1.5", "one", "", "1" * 10])
    def test_is_of_a_beam_with_a_number(self, shell: Shell, beam: str) -> None:
        line = shell.line("progress", "1.2.3", 50, f"--beam={beam}")
        assert "no number of a beam" in shell.usage(*line)

    def test_finds_the_claim_of_another_process(self, shell: Shell) -> None:
        """After a crash."""
        uid = shell.created()
        program = [sys.executable, "-m", "leaddicom"]
        assert run(*program, *shell.line("claim", uid)).returncode == 0
        assert shell("progress", uid, 10).code == 0
        assert run(*program, *shell.line("progress", uid, 20)).returncode == 0
        assert progress(shell, uid).ProcedureStepProgress == 20

    def test_is_told_with_the_transaction_uid_of_a_colleague(
        self, shell: Shell, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        uid = shell.claimed()
        lock = shell.stored(uid).transaction_uid
        monkeypatch.setenv("XDG_STATE_HOME", str(shell.folder))
        assert shell("progress", uid, 10).code == 1
        assert shell("progress", uid, 10, "--transaction-uid", lock).code == 0

    @pytest.mark.parametrize("verb", [("progress", "50"), ("start",), ("end",), ("cancel",)])
    def test_and_all_the_rest_need_a_claim(self, shell: Shell, verb: tuple[str, ...]) -> None:
        uid = shell.created()
        before = shell.stored(uid)
        ended = shell(verb[0], uid, *verb[1:])
        assert ended.code == 1
        assert "was not claimed here, or has ended: claim it with 'ups claim'" in ended.err
        assert shell.stored(uid).version == before.version

    @pytest.mark.parametrize("percent", ["101", "nan", "half", ""])
    def test_is_a_percentage(self, shell: Shell, percent: str) -> None:
        assert "no percentage" in shell.usage(*shell.line("progress", "1.2.3", percent))


class TestProcedure:
    def test_starts_and_ends(self, shell: Shell) -> None:
        uid = shell.claimed()
        started = shell(
            "start", uid, *STATION, *WORK, "--started", "2030-04-01T10:00",
            "--performer", "JD,99SITE,Doe^Jane", "--description", "First fraction",
        )  # fmt: skip
        assert (started.code, started.err) == (0, "")
        ended = shell(
            "end", uid, "--ended", "2030-04-01T10:30",
            "--output", "OST,1.2,1.2.1,1.2.840.10008.5.1.4.1.1.481.4,1.2.1.1",
        )  # fmt: skip
        assert (ended.code, ended.err) == (0, "")
        (item,) = performed(shell, uid)
        assert item.PerformedStationNameCodeSequence[0].CodeValue == "LINAC1"
        assert item.PerformedWorkitemCodeSequence[0].CodeValue == "121726"
        assert item.PerformedProcedureStepStartDateTime == "203004011000"
        assert item.PerformedProcedureStepEndDateTime == "203004011030"
        assert item.PerformedProcedureStepDescription == "First fraction"
        assert item.ActualHumanPerformersSequence[0].HumanPerformerName == "Doe^Jane"
        (output,) = item.OutputInformationSequence
        assert output.DICOMRetrievalSequence[0].RetrieveAETitle == "OST"
        assert output.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == "1.2.1.1"

    def test_is_as_it_was_scheduled_if_that_is_said(self, shell: Shell) -> None:
        uid = shell.claimed(ScheduledStationNameCodeSequence=[code("LINAC7")])
        assert shell("start", uid, "--as-scheduled").code == 0
        (item,) = performed(shell, uid)
        assert item.PerformedStationNameCodeSequence[0].CodeValue == "LINAC7"
        assert item.PerformedWorkitemCodeSequence[0].CodeValue == "121726"

    def test_was_perhaps_scheduled_nowhere(self, shell: Shell) -> None:
        ended = shell("start", shell.claimed(), "--as-scheduled")
        assert ended.code == 1
        assert "No station was scheduled for it: give one with --station." in ended.err

    def test_has_a_place_and_a_work(self, shell: Shell) -> None:
        uid = shell.claimed()
        assert "--as-scheduled" in shell.usage(*shell.line("start", uid, *STATION))
        assert "write VALUE,DESIGNATOR" in shell.usage(*shell.line("start", uid, "--station", "1"))
        assert "is no instance" in shell.usage(*shell.line("end", uid, "--output", "1.2.3"))

    def test_is_of_a_workitem_that_is_there(self, shell: Shell) -> None:
        ended = shell("start", "1.2.3", "-T", "1.2", "--as-scheduled")
        assert ended.code == 1
        assert "C307H" in ended.err

    def test_begins_before_it_ends(self, shell: Shell) -> None:
        ended = shell("end", shell.claimed())
        assert ended.code == 1
        assert "'ups start' comes first" in ended.err


@pytest.mark.parametrize("verb", ["start", "end", "complete", "progress", "cancel"])
def test_the_help_has_first_what_matters(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["ups", verb, "--help"])
    text = capsys.readouterr().out
    own = {"start": "--station", "end": "--ended", "complete": "--started"}
    assert text.index(own.get(verb, "--transaction-uids")) < text.index("--ca-certificate")
    assert ("times:" in text) == (" TIME " in text) == (verb in own)


class TestComplete:
    def test_ends_what_was_told(self, shell: Shell) -> None:
        uid = shell.claimed()
        for verb, *rest in (("start", *STATION, *WORK), ("end",), ("complete",)):
            ended = shell(verb, uid, *rest)
            assert (ended.code, ended.err) == (0, "")
        assert shell.state(uid) is State.COMPLETED
        assert len(performed(shell, uid)) == 1
        assert not TransactionUids().held()

    def test_ends_a_procedure_that_goes_on(self, shell: Shell) -> None:
        uid = shell.claimed()
        assert shell("start", uid, *STATION, *WORK).code == 0
        assert shell("complete", uid, "--ended", "2030-04-01T10:30").code == 0
        (item,) = performed(shell, uid)
        assert item.PerformedProcedureStepEndDateTime == "203004011030"
        assert shell.state(uid) is State.COMPLETED

    def test_tells_all_at_once(self, shell: Shell) -> None:
        uid = shell.claimed()
        (held,) = TransactionUids().held()
        ended = shell("complete", uid, *STATION, *WORK)
        assert (ended.code, ended.lines) == (0, [f"{uid} is COMPLETED."])
        (item,) = performed(shell, uid)
        started = item.PerformedProcedureStepStartDateTime
        assert started.startswith(f"{held.claimed_at:%Y%m%d%H%M%S}")  # when it was claimed
        assert item.PerformedProcedureStepEndDateTime > started
        assert shell.state(uid) is State.COMPLETED

    def test_adds_a_procedure_to_those_that_have_ended(self, shell: Shell) -> None:
        uid = shell.claimed()
        assert shell("start", uid, *STATION, *WORK).code == shell("end", uid).code == 0
        assert shell("complete", uid, *STATION, *WORK).code == 0
        assert len(performed(shell, uid)) == 2

    def test_asks_for_what_is_missing(self, shell: Shell) -> None:
        uid = shell.claimed()
        ended = shell("complete", uid)
        assert ended.code == 1
        assert "Nothing of" in ended.err
        assert "--as-scheduled" in ended.err
        assert shell.state(uid) is State.IN_PROGRESS

    def test_is_done_once(self, shell: Shell) -> None:
        uid = shell.claimed()
        lock = shell.stored(uid).transaction_uid
        assert shell("complete", uid, *STATION, *WORK).code == 0
        assert "was not claimed here, or has ended" in shell("complete", uid).err
        again = shell("complete", uid, "-T", lock, "--json")
        assert again.code == 0  # a warning
        assert again.json["status"] == "B306"
        assert "B306H" in again.err

    def test_of_an_unknown_workitem_fails(self, shell: Shell) -> None:
        ended = shell("complete", "1.2.3", "-T", "1.2")
        assert ended.code == 1
        assert "C307H" in ended.err


class TestCancel:
    def test_ends_what_was_claimed_with_a_reason(self, shell: Shell) -> None:
        uid = shell.claimed()
        reason = ("--reason", "No power", "--reason-code", "110501,DCM,Equipment failure")
        ended = shell("cancel", uid, *reason)
        assert (ended.code, ended.lines) == (0, [f"{uid} is CANCELED."])
        assert shell.state(uid) is State.CANCELED
        item = progress(shell, uid)
        assert item.ReasonForCancellation == "No power"
        (found,) = item.ProcedureStepDiscontinuationReasonCodeSequence
        assert found.CodeValue == "110501"

    def test_needs_no_reason(self, shell: Shell) -> None:
        uid = shell.claimed()
        assert shell("cancel", uid).code == 0
        (found,) = progress(shell, uid).ProcedureStepDiscontinuationReasonCodeSequence
        assert found.CodeValue == "110513"
