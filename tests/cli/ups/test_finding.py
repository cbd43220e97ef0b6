from __future__ import annotations

from pathlib import Path

import pydicom
import pytest
from ups.workitems import code, data_set, workitem

from cli.ups.conftest import Shell
from leaddicom import LDicomDS
from leaddicom.cli.ups.finding import by_start, row_of
from leaddicom.ups.client.views import WorkitemView
from leaddicom.ups.core.terms import SopClass


def on(station: str) -> dict[str, object]:
    return {"ScheduledStationNameCodeSequence": [code(station)]}


class TestList:
    def test_gives_a_line_for_each_workitem_by_start(self, shell: Shell) -> None:
        later = shell.created(ScheduledProcedureStepStartDateTime="20300402100000+0000")
        sooner = shell.created(
            ScheduledProcedureStepStartDateTime="20300401100000+0000",
            ScheduledProcedureStepPriority="HIGH",
            **on("LINAC1"),
        )
        ended = shell("list")
        assert (ended.code, ended.err) == (0, "")
        assert [row[-1] for row in ended.cells] == [sooner, later]
        assert ended.cells[0][1:] == [
            "SCHEDULED", "HIGH", "Treatment", "LINAC1", "Doe^Jane (4711)", sooner,
        ]  # fmt: skip

    @pytest.mark.parametrize(
        "options",
        [
            ("--state", "in-progress"),
            ("--state", "IN PROGRESS"),
            ("--station", "LINAC1"),
            ("--machine", "LINAC1,99TEST"),
            ("--code", "CODE1"),
            ("--from", "2030-05-01"),
            ("--from", "2030-05-01T10:00", "--to", "2030-05-01T10:00"),
            ("--start", "20300501", "--end", "20300501"),
            ("--to", "2030-05-01", "--from", "2030-05-01"),
            ("--priority", "low"),
            ("--label", "Plan*"),
            ("--worklist", "PLANS"),
            ("--patient-id", "0815"),
            ("--patient-name", "roe^*"),
            ("--accession-number", "A1"),
            ("-k", "InputReadinessState=INCOMPLETE"),
            ("-k", "ReferencedRequestSequence.RequestedProcedureID=RP1"),
        ],
    )
    def test_gives_only_what_is_looked_for(self, shell: Shell, options: tuple[str, ...]) -> None:
        request = data_set(
            StudyInstanceUID="1.2",
            AccessionNumber="A1",
            IssuerOfAccessionNumberSequence=[],
            OrderPlacerIdentifierSequence=[],
            OrderFillerIdentifierSequence=[],
            RequestedProcedureID="RP1",
            RequestedProcedureDescription="",
            RequestedProcedureCodeSequence=[],
        )
        shell.created(**on("LINAC2"))
        wanted = shell.claimed(
            ScheduledWorkitemCodeSequence=[code("CODE1")],
            ScheduledProcedureStepStartDateTime="20300501100000",
            ScheduledProcedureStepPriority="LOW",
            ProcedureStepLabel="Plan review",
            WorklistLabel="PLANS",
            PatientID="0815",
            PatientName="Roe^Richard",
            InputReadinessState="INCOMPLETE",
            ReferencedRequestSequence=[request],
            **on("LINAC1"),
        )
        assert [row[-1] for row in shell("list", *options).cells] == [wanted]

    def test_ends_with_1_if_nothing_is_found(self, shell: Shell) -> None:
        ended = shell("list", "--state", "canceled")
        assert (ended.code, ended.out) == (1, "")
        assert ended.err == "leaddicom: Nothing was found.\n"
        assert shell("list", "--uid", "1.2.3", "--json").json == []

    def test_writes_json(self, shell: Shell) -> None:
        uid = shell.created(**on("LINAC1"))
        (found,) = shell("list", "--json").json
        expected = {"uid": uid, "state": "SCHEDULED", "label": "Treatment", "patient_id": "4711"}
        assert found | expected == found
        assert found["stations"] == [
            {"value": "LINAC1", "designator": "99TEST", "meaning": "A meaning"}
        ]

    def test_shows_a_table_on_a_terminal(self, shell: Shell) -> None:
        uid = shell.created()
        text = shell.on_terminal(*shell.line("list"))
        for part in ("1 workitem", "Priority", "Treatment", uid):
            assert part in text
        narrow = shell.on_terminal(*shell.line("list"), width=80)
        assert narrow.endswith(f"SCHEDULED  MEDIUM  Treatment  Doe^Jane (4711)\n    {uid}\n")

    def test_stops_after_as_many_as_are_wanted(self, shell: Shell) -> None:
        for _ in range(3):
            shell.created()
        assert len(shell("list", "--limit", 2).lines) == 2

    @pytest.mark.parametrize("on", ["pull", "watch", "query"])
    def test_asks_on_any_sop_class_that_has_it(self, shell: Shell, on: str) -> None:
        shell.created()
        assert len(shell("list", "--on", on).lines) == 1

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            (("--state", "done"), "scheduled, in-progress, completed, canceled"),
            (("--priority", "urgent"), "high, medium, low"),
            (("--limit", "0"), "no number above 0"),
            (("--from", "soon"), "2030-04-01T10:30"),
            (("-k", "Nonsense=1"), "no attribute Nonsense"),
        ],
    )
    def test_says_what_it_does_not_understand(
        self, shell: Shell, options: tuple[str, ...], said: str
    ) -> None:
        assert said in shell.usage(*shell.line("list", *options))


class TestFind:
    def test_gives_all_that_comes_back(self, shell: Shell) -> None:
        first, second = shell.created(**on("LINAC1")), shell.created()
        ended = shell("find", "-k", f"SOPInstanceUID={first}")
        assert ended.code == 0
        for line in (
            f"SOPInstanceUID={first}",
            "ProcedureStepState=SCHEDULED",
            "ScheduledStationNameCodeSequence[0].CodeValue=LINAC1",
        ):
            assert line in ended.lines
        assert shell("find").out.count("\n\n") == 1
        assert second in shell("find").out

    def test_sends_a_query_file_as_it_is_and_more_keys(self, shell: Shell, tmp_path: Path) -> None:
        shell.created(ProcedureStepLabel="Other")
        shell.created()
        path = tmp_path / "query.dcm"
        LDicomDS(data_set(ProcedureStepState="SCHEDULED", ProcedureStepLabel="")).save(path)
        both = shell("find", "-f", path)
        one = shell("find", "-f", path, "-k", "ProcedureStepLabel=Oth*")
        assert sorted(both.lines) == sorted(
            ["ProcedureStepLabel=Other", "ProcedureStepLabel=Treatment", ""]
            + 2 * ["ProcedureStepState=SCHEDULED"]
        )
        assert one.lines == ["ProcedureStepState=SCHEDULED", "ProcedureStepLabel=Other"]

    def test_writes_matches_to_files_that_are_named_by_their_uids(
        self, shell: Shell, tmp_path: Path
    ) -> None:
        uid, folder = shell.created(), tmp_path / "found"
        assert shell("find", "--write", folder).code == 0
        (path,) = folder.iterdir()
        written = pydicom.dcmread(path)
        assert path.name == f"{uid}.dcm"
        assert written.SOPInstanceUID == written.file_meta.MediaStorageSOPInstanceUID == uid
        assert written.SOPClassUID == SopClass.PUSH
        assert shell("create", path, "--new-uids").code == 0

    def test_replaces_no_file_unless_it_is_told_to(self, shell: Shell, tmp_path: Path) -> None:
        uid = shell.created()
        (tmp_path / f"{uid}.dcm").write_text("mine")
        ended = shell("find", "--save", tmp_path)
        assert ended.code == 1
        assert "is there already" in ended.err
        assert (tmp_path / f"{uid}.dcm").read_text() == "mine"
        assert shell("find", "--save", tmp_path, "--overwrite").code == 0
        assert pydicom.dcmread(tmp_path / f"{uid}.dcm").SOPInstanceUID == uid

    def test_writes_to_the_current_folder_with_w_alone(
        self, shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As users of other clients have it: ``find ... -f query.dcm -w localhost 2762``."""
        uid = shell.created()
        (tmp_path / "here").mkdir()
        monkeypatch.chdir(tmp_path / "here")
        LDicomDS(data_set(SOPInstanceUID="")).save("query.dcm")
        line = ["ups", "find", *shell.tls, "-f", "query.dcm", "-w", "127.0.0.1", shell.port]
        assert shell.run(*line).code == 0
        assert Path(f"{uid}.dcm").exists()

    def test_writes_the_dicom_json_model(self, shell: Shell) -> None:
        uid = shell.created()
        (found,) = shell("find", "--json").json
        assert found["00080018"] == {"vr": "UI", "Value": [uid]}

    def test_ends_with_1_if_nothing_is_found(self, shell: Shell) -> None:
        ended = shell("find", "-k", "PatientID=nobody", "--json")
        assert (ended.code, ended.json) == (1, [])

    def test_tells_what_the_manager_refuses(self, shell: Shell) -> None:
        ended = shell("find", "-k", "ScheduledProcedureStepStartDateTime=tomorrow")
        assert ended.code == 1
        assert "A900H" in ended.err


class TestRow:
    def test_shows_progress_beside_the_state_that_has_one(self) -> None:
        item = data_set(ProcedureStepProgress="50")
        view = WorkitemView(
            workitem(
                ProcedureStepState="IN PROGRESS", ProcedureStepProgressInformationSequence=[item]
            )
        )
        assert row_of(view)[1] == "IN PROGRESS 50 %"

    def test_lives_with_whatever_is_missing(self) -> None:
        assert row_of(WorkitemView(data_set())) == ("",) * 7

    def test_is_sorted_last_without_a_start(self) -> None:
        without = WorkitemView(data_set(SOPInstanceUID="1.1"))
        with_one = WorkitemView(workitem(SOPInstanceUID="1.2"))
        assert sorted([without, with_one], key=by_start) == [with_one, without]
