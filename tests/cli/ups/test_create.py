from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from nets import Nets
from programs import run
from ups.sites import Site
from ups.workitems import code, new_uid

from cli.ups.conftest import Shell
from leaddicom import SecureMode
from leaddicom.cli.main import main
from leaddicom.cli.ups.create import created
from leaddicom.ups.client import Retry, UpsScu
from leaddicom.ups.core.terms import State
from leaddicom.ups.manager import UpsManager


class TestCreate:
    def test_creates_a_workitem_from_a_file(self, shell: Shell) -> None:
        uid = new_uid()
        path = shell.file(uid)
        ended = shell("create", path)
        assert (ended.code, ended.err) == (0, "")
        assert ended.cells == [[str(path), uid, "created"]]
        assert shell.state(uid) is State.SCHEDULED
        assert shell.stored(uid).creator_ae == "CREATOR"

    def test_takes_the_files_of_a_folder_and_with_r_those_below(self, shell: Shell) -> None:
        files = [shell.file(name=name) for name in ("a.dcm", "b.dcm", "below/c.dcm")]
        (shell.folder / "notes.txt").write_text("no workitem")
        flat = shell("create", shell.folder, "--new-uids")
        deep = shell("create", "-r", shell.folder)
        assert [row[0] for row in flat.cells] == [str(each) for each in files[:2]]
        assert [row[0] for row in deep.cells] == [str(each) for each in files]
        assert "Skipped, as they are no DICOM files: " in flat.err
        assert flat.code == deep.code == 0

    def test_gives_new_uids_if_it_is_told_to(self, shell: Shell) -> None:
        path = shell.file("1.2.3")
        uids = {shell("create", path, "--new-uids").cells[0][1] for _ in range(2)}
        assert len(uids - {"1.2.3"}) == 2

    def test_goes_on_after_failures_and_ends_with_1(self, shell: Shell) -> None:
        shell.file("1.2.3", name="a.dcm")
        shell.file("1.2.3", name="b.dcm")
        shell.file(name="c.dcm", ProcedureStepLabel="")
        (shell.folder / "d.dcm").write_bytes(bytes(128) + b"DICMnonsense")
        last = shell.file(name="e.dcm")
        ended = shell("create", shell.folder)
        texts = [row[-1] for row in ended.cells]
        assert ended.code == 1
        assert (texts[0], texts[4]) == ("created", "created")
        assert "0111H" in texts[1]
        assert "--new-uids" in texts[1]
        assert "A workitem needs a value of ProcedureStepLabel" in texts[2]
        assert "The data set is damaged" in texts[3]
        assert ended.cells[4][0] == str(last)
        assert shell.state(ended.cells[4][1]) is State.SCHEDULED
        assert ended.err == "leaddicom: 3 of 5 workitems were not created.\n"

    def test_tells_of_a_single_failure(self, shell: Shell) -> None:
        ended = shell("create", shell.folder / "missing.dcm")
        assert ended.err == "leaddicom: 1 of 1 workitem was not created.\n"

    def test_writes_json(self, shell: Shell) -> None:
        path, missing = shell.file("1.2.3"), shell.folder / "missing.dcm"
        ended = shell("create", path, missing, "--json")
        made, failed = ended.json["results"]
        assert ended.code == 1
        assert (ended.json["created"], ended.json["failed"]) == (1, 1)
        assert made | {"file": str(path), "uid": "1.2.3", "status": "0000"} == made
        assert failed["file"] == str(missing)
        assert "missing.dcm" in failed["error"]

    def test_shows_a_table_on_a_terminal(self, shell: Shell) -> None:
        path = shell.file("1.2.3")
        text = shell.on_terminal(*shell.line("create", path))
        for part in ("1 created", "What became of it", "1.2.3"):
            assert part in text

    def test_tells_which_files_of_a_folder_cannot_be_read(self, shell: Shell) -> None:
        (shell.folder / "below").mkdir(parents=True)
        (shell.folder / "below" / "x.dcm").symlink_to("nowhere")
        ended = shell("create", shell.folder, "-r")
        assert ended.code == 1
        assert "x.dcm" in ended.cells[0][0]

    def test_needs_a_dicom_file(self, shell: Shell, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        ended = shell("create", tmp_path / "empty")
        assert ended.code == 1
        assert "There is no DICOM file among what was named" in ended.err

    def test_applies_a_profile_before_anything_is_sent(self, shell: Shell) -> None:
        path = shell.file("1.2.3", ScheduledWorkitemCodeSequence=[code("1")])
        ended = shell("create", path, "--profiles", "tdw-ii")
        assert ended.code == 1
        assert "The profile tdw-ii objects" in ended.cells[0][-1]
        assert shell("show", "1.2.3").code == 1

    def test_takes_options_behind_and_between_the_files(self, shell: Shell) -> None:
        one, two = shell.file(), shell.file()
        ended = shell("create", one, "--json", two, "-aec", "UPSSCP", "-q")
        assert ended.json["created"] == 2

    def test_works_as_a_program(self, shell: Shell) -> None:
        ended = run(
            sys.executable, "-W", "error", "-m", "leaddicom", *shell.line("create", shell.file())
        )
        assert (ended.returncode, ended.stderr) == (0, "")


class Leaving(UpsManager):
    """Drops the connection when it is to create a second workitem."""

    def OnReceiveNCreateRequest(self, *arguments: Any) -> None:
        with self.store.reading() as reader:
            is_first = not any(reader.statistics().workitems.values())
        if is_first:
            super().OnReceiveNCreateRequest(*arguments)
        else:
            self.CloseForced(True)


class TestManagerThatIsGone:
    def test_in_the_middle_leaves_the_rest_untried(self, nets: Nets, shell: Shell) -> None:
        site = Site(nets, shell.folder)
        paths = [str(shell.file()) for _ in range(3)]
        try:
            port = site.start(kind=Leaving).GetHostInfo()[1]
            mode, once = SecureMode.NONE, Retry(attempts=1)
            with UpsScu("127.0.0.1", port, mode=mode, retry=once) as ups:
                first, second, third = created(ups, paths, new_uids=False)
        finally:
            site.close()
        assert first.error == ""
        assert "127.0.0.1" in second.error
        assert third.error == "not tried"

    def test_is_told_once_and_nothing_more_is_tried(self, shell: Shell) -> None:
        line = shell.line("create", shell.file(), shell.file())
        shell.site.manager.stop()
        ended = shell.run(*line)
        assert (ended.code, ended.out) == (1, "")
        assert ended.err.count("\n") == 1
        assert "127.0.0.1" in ended.err


def test_the_help_is_for_newcomers(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["ups", "create", "--help"])
    text = capsys.readouterr().out
    for part in ("[OPTION ...] HOST PORT FILE_OR_FOLDER ...", "examples:", "exit codes:",
                 "workitemcreator.pem"):  # fmt: skip
        assert part in text
