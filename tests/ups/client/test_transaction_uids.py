"""Transaction UIDs on disk: there before the claim leaves, for every process, after every crash."""

from __future__ import annotations

import sqlite3
import stat
import sys
import threading
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from programs import PATIENCE, Program, run

from leaddicom import DicomError, ParameterError
from leaddicom.ups.client.transaction_uids import TransactionUids, default_path

MANAGER, UID, LOCK = "UPSSCP@localhost:2762", "1.2.3", "1.2.3.99"


@pytest.fixture
def uids(tmp_path: Path) -> TransactionUids:
    return TransactionUids(tmp_path / "state" / "uids.sqlite")


class TestFile:
    def test_is_in_the_state_folder_of_the_user(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
        assert default_path() == tmp_path / "leaddicom" / "transaction-uids.sqlite"
        assert TransactionUids().path == default_path()

    @pytest.mark.parametrize("state", ["", "relative/folder"])
    def test_is_in_the_home_folder_without_one(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str
    ) -> None:
        monkeypatch.setenv("XDG_STATE_HOME", state)
        monkeypatch.setenv("HOME", str(tmp_path))
        assert default_path().parent == tmp_path / ".local" / "state" / "leaddicom"

    @pytest.mark.usefixtures("homeless")
    def test_is_named_by_who_has_no_home_folder(self) -> None:
        uids = TransactionUids()
        for use in (uids.held, lambda: uids.write(MANAGER, UID, LOCK)):
            with pytest.raises(DicomError, match=r"no home folder .* set XDG_STATE_HOME or HOME"):
                use()

    def test_is_not_made_by_reading(self, uids: TransactionUids) -> None:
        assert (uids.held(), uids.get(MANAGER, UID)) == ([], "")
        uids.forget(MANAGER, UID)
        assert not uids.path.parent.exists()

    def test_is_its_owners_alone(self, uids: TransactionUids) -> None:
        uids.write(MANAGER, UID, LOCK)
        assert stat.S_IMODE(uids.path.stat().st_mode) == 0o600
        assert stat.S_IMODE(uids.path.parent.stat().st_mode) == 0o700
        assert [each.name for each in uids.path.parent.iterdir()] == [uids.path.name]

    def test_is_closed_to_others_again(self, uids: TransactionUids) -> None:
        uids.write(MANAGER, UID, LOCK)
        uids.path.chmod(0o644)
        uids.write(MANAGER, UID, f"{LOCK}.1")
        assert stat.S_IMODE(uids.path.stat().st_mode) == 0o600

    def test_that_is_none_is_named(self, tmp_path: Path) -> None:
        path = tmp_path / "uids.sqlite"
        path.write_bytes(b"This is no database." * 100)
        for use in (lambda it: it.held(), lambda it: it.write(MANAGER, UID, LOCK)):
            with pytest.raises(DicomError, match=r"uids\.sqlite cannot be used"):
                use(TransactionUids(path))

    def test_of_a_newer_version_is_left_alone(self, uids: TransactionUids) -> None:
        uids.write(MANAGER, UID, LOCK)
        with closing(sqlite3.connect(uids.path)) as database:
            database.execute("PRAGMA user_version = 2")
        with pytest.raises(DicomError, match="newer version"):
            uids.held()

    def test_that_was_tampered_with_is_named(self, uids: TransactionUids) -> None:
        uids.write(MANAGER, UID, LOCK)
        with closing(sqlite3.connect(uids.path)) as database:
            database.execute("DROP TABLE claim")
        with pytest.raises(DicomError, match="no such table"):
            uids.write(MANAGER, UID, LOCK)

    def test_that_cannot_be_made_says_why(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(DicomError, match="would stay locked"):
            TransactionUids(tmp_path / "file" / "uids.sqlite").write(MANAGER, UID, LOCK)


class TestClaims:
    def test_are_there_for_the_next_program(self, uids: TransactionUids) -> None:
        before = datetime.now(timezone.utc)
        uids.write(MANAGER, UID, LOCK)
        (held,) = TransactionUids(uids.path).held(MANAGER)
        assert (held.manager, held.uid, held.transaction_uid) == (MANAGER, UID, LOCK)
        assert not held.is_confirmed
        assert timedelta(0) <= held.claimed_at - before
        assert LOCK not in repr(held)

    def test_are_told_apart_by_manager_and_workitem(self, uids: TransactionUids) -> None:
        uids.write(MANAGER, UID, LOCK)
        uids.write("OTHER@localhost:2762", UID, f"{LOCK}.1")
        uids.write(MANAGER, f"{UID}.1", f"{LOCK}.2")
        assert uids.get(MANAGER, UID) == LOCK
        assert uids.get("OTHER@localhost:2762", UID) == f"{LOCK}.1"
        assert [each.uid for each in uids.held(MANAGER)] == [UID, f"{UID}.1"]
        assert len(uids.held(uid=UID)) == 2

    def test_that_are_granted_leave_no_others(self, uids: TransactionUids) -> None:
        for number in range(3):
            uids.write(MANAGER, UID, f"{LOCK}.{number}")
        uids.confirm(MANAGER, UID, f"{LOCK}.1")
        (held,) = uids.held()
        assert (held.transaction_uid, held.is_confirmed) == (f"{LOCK}.1", True)

    def test_that_are_granted_come_first_then_the_oldest(self, uids: TransactionUids) -> None:
        uids.write(MANAGER, UID, f"{LOCK}.1")
        uids.confirm(MANAGER, UID, f"{LOCK}.1")
        uids.write(MANAGER, UID, f"{LOCK}.2")
        uids.write(MANAGER, UID, f"{LOCK}.3")
        assert [each.transaction_uid[-1] for each in uids.held()] == ["1", "2", "3"]
        uids.forget(MANAGER, UID, f"{LOCK}.1")
        assert uids.get(MANAGER, UID) == f"{LOCK}.2"

    def test_are_forgotten_together_at_the_end(self, uids: TransactionUids) -> None:
        uids.write(MANAGER, UID, f"{LOCK}.1")
        uids.write(MANAGER, UID, f"{LOCK}.2")
        uids.write(MANAGER, "1.9", LOCK)
        uids.forget(MANAGER, UID)
        assert [each.uid for each in uids.held()] == ["1.9"]

    def test_that_are_written_again_stay_granted(self, uids: TransactionUids) -> None:
        uids.write(MANAGER, UID, LOCK)
        uids.confirm(MANAGER, UID, LOCK)
        uids.write(MANAGER, UID, LOCK)
        assert [each.is_confirmed for each in uids.held()] == [True]

    @pytest.mark.parametrize("text", ["", "x", "1.2.", "1" * 65])
    def test_have_a_uid(self, uids: TransactionUids, text: str) -> None:
        with pytest.raises(ParameterError, match="no UID"):
            uids.write(MANAGER, UID, text)


WRITER = """
import sys
from leaddicom.ups.client.transaction_uids import TransactionUids
path, first = sys.argv[1], int(sys.argv[2])
for number in range(first, first + 20):
    TransactionUids(path).write("M", f"1.{number}", "1.2.3")
"""

CRASH = """
import sys, signal
from leaddicom.ups.client.transaction_uids import TransactionUids
TransactionUids(sys.argv[1]).write("M", "1.1", "1.2.3")
print("written")
signal.pause()
"""


class TestSharing:
    def test_by_processes_loses_nothing(self, uids: TransactionUids) -> None:
        commands = [
            (sys.executable, "-c", WRITER, str(uids.path), str(100 * each)) for each in (1, 2, 3)
        ]
        ended: list[int] = []

        def write(command: tuple[str, ...]) -> None:
            ended.append(run(*command).returncode)

        threads = [threading.Thread(target=write, args=(each,)) for each in commands]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(2 * PATIENCE)
        assert ended == [0, 0, 0]
        assert len(uids.held("M")) == 60

    def test_by_threads_loses_nothing(self, uids: TransactionUids) -> None:
        def write(first: int) -> None:
            for number in range(first, first + 20):
                uids.write(MANAGER, f"1.{number}", LOCK)

        threads = [threading.Thread(target=write, args=(100 * each,)) for each in range(1, 5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        assert len(uids.held()) == 80

    def test_outlives_a_process_that_is_killed(self, uids: TransactionUids) -> None:
        with Program(sys.executable, "-c", CRASH, str(uids.path)) as program:
            program.wait_for("written")
            program.end(9)
        assert uids.get("M", "1.1") == "1.2.3"
