from __future__ import annotations

import io
import os
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from cli.ups.conftest import Shell, Terminal
from leaddicom.ups.core.events import scp_status
from leaddicom.ups.core.terms import ScpStatus


def canceled(shell: Shell) -> str:
    uid = shell.created()
    assert shell("request-cancel", uid).code == 0
    return uid


class TestStatistics:
    def test_counts(self, shell: Shell) -> None:
        shell.created()
        shell.claimed()
        shell("subscribe", "--global")
        found = shell.admin("statistics", "--json").json
        assert found["workitems"] == {
            "SCHEDULED": 1, "IN PROGRESS": 1, "COMPLETED": 0, "CANCELED": 0,
        }  # fmt: skip
        assert (found["subscriptions"], found["global_subscriptions"], found["servers"]) == (
            2,
            1,
            1,
        )
        cells = shell.admin("statistics").cells
        assert ["IN PROGRESS", "1"] in cells

    def test_tells_how_receivers_get_on(self, shell: Shell) -> None:
        shell("subscribe", shell.created())
        receiver = shell.admin("statistics", "--json").json["receivers"]["WATCHER"]
        assert receiver["pending"] == 1
        (row,) = [row for row in shell.admin("statistics").cells if row[0] == "WATCHER"]
        assert row[:4] == ["WATCHER", "1", "0", "0"]


class TestServers:
    def test_lists_processes(self, shell: Shell) -> None:
        (row,) = shell.admin("servers").cells
        assert row[1] == str(os.getpid())
        assert row[-1] == "running"
        (found,) = shell.admin("servers", "--json").json
        assert found["instance"] == shell.site.manager.instance
        assert found["is_silent"] is False

    def test_ends_with_1_if_none_runs(self, shell: Shell) -> None:
        shell.site.manager.stop()
        assert shell.admin("servers").code == 1


class TestAudit:
    def test_lists_who_has_asked_for_what(self, shell: Shell) -> None:
        uid = shell.claimed()
        shell.created()
        ended = shell.admin("audit", "--uid", uid)
        assert [row[1] for row in ended.cells] == ["N-ACTION Change UPS State", "N-CREATE"]
        (found,) = shell.admin("audit", "--uid", uid, "--limit", 1, "--json").json
        assert (found["calling_ae"], found["status"]) == ("PERFORMER", "0000")
        assert "CN=command" in found["identity"]

    def test_ends_with_1_if_there_is_nothing(self, shell: Shell) -> None:
        assert shell.admin("audit").code == 1


class TestResend:
    def test_takes_up_what_was_given_up(self, shell: Shell) -> None:
        store = shell.site.manager.store
        shell("subscribe", shell.created())
        assert store.expire(timedelta()) == 1
        ended = shell.admin("resend", "WATCHER")
        assert (ended.code, ended.lines) == (0, ["1 event goes to WATCHER now."])
        assert len(store.pending("WATCHER", 10)) == 1

    def test_tells_that_nothing_waits(self, shell: Shell) -> None:
        store = shell.site.manager.store
        shell("subscribe", shell.created())
        waiting = store.pending("WATCHER", 10)
        store.delivered("WATCHER", {each.seq: 0 for each in waiting})
        ended = shell.admin("resend", "WATCHER")
        assert (ended.code, ended.lines) == (0, ["No event waits for WATCHER."])

    def test_may_be_for_all_receivers(self, shell: Shell) -> None:
        with shell.site.manager.store.writing() as writer:
            writer.publish(scp_status(ScpStatus.RESTARTED), ["ONE", "TWO"])
        assert shell.admin("resend", "--all", "--json").json == {"ONE": 1, "TWO": 1}
        assert [row[1] for row in shell.admin("audit").cells] == ["admin resend"] * 2

    def test_ends_with_1_for_who_has_no_events(self, shell: Shell) -> None:
        ended = shell.admin("resend", "NOBODY")
        assert (ended.code, ended.err) == (1, "leaddicom: There are no events for NOBODY.\n")

    def test_wants_to_know_to_whom(self, shell: Shell) -> None:
        assert "TITLE, or --all" in shell.usage(*shell.admin_line("resend"))


class TestPurge:
    def test_deletes_what_has_been_final_for_long(self, shell: Shell, tmp_path: Path) -> None:
        kept, gone = shell.created(), canceled(shell)
        assert shell.admin("purge", "--yes").lines == ["0 workitems are deleted."]
        config = tmp_path / "manager.ini"
        config.write_text("[DEFAULT]\nretention_completed: never\nretention_canceled: 1s\n")
        while not (deleted := shell.admin("purge", "-y", "-c", config, "--json").json["deleted"]):
            continue  # until the second is over
        assert deleted == 1
        assert shell.admin("show", gone).code == 1
        assert shell.admin("show", kept).code == 0

    def test_keeps_what_has_a_deletion_lock(self, shell: Shell) -> None:
        uid = canceled(shell)
        shell("subscribe", uid, "--lock")
        assert shell.admin("purge", "--older-than", "1s", "--yes").code == 0
        assert shell.admin("show", uid).code == 0

    @pytest.mark.parametrize(("answer", "code"), [("yes\n", 0), ("no\n", 1), ("", 1)])
    def test_asks_before(
        self, shell: Shell, answer: str, code: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "stdin", Terminal(answer))
        ended = shell.admin("purge")
        assert ended.code == code
        assert "COMPLETED for 30 days or CANCELED for 30 days? (yes/no)" in ended.out
        assert ("Nothing was changed." in ended.out) == bool(code)

    def test_needs_somebody_to_ask(self, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stdin", io.StringIO())
        ended = shell.admin("purge", "--older-than", "12h")
        assert ended.code == 1
        assert "COMPLETED for 12:00:00 hours" in ended.err
        assert "add --yes" in ended.err

    def test_has_nothing_to_do_if_all_is_kept(self, shell: Shell, tmp_path: Path) -> None:
        config = tmp_path / "manager.ini"
        config.write_text("[DEFAULT]\nretention_completed: never\nretention_canceled: never\n")
        ended = shell.admin("purge", "--yes", "-c", config)
        assert ended.code == 1
        assert "keeps everything" in ended.err

    def test_needs_a_time_span(self, shell: Shell) -> None:
        assert "12" in shell.usage(*shell.admin_line("purge", "--older-than", "12"))


class TestDatabase:
    def test_is_not_made_by_the_admin(self, shell: Shell, tmp_path: Path) -> None:
        missing = tmp_path / "missing.sqlite"
        ended = shell.run("ups", "admin", "statistics", "--database", missing)
        assert ended.code == 1
        assert "has no worklist" in ended.err
        assert not missing.exists()

    def test_has_the_time_zone_of_its_manager(self, shell: Shell) -> None:
        """Search columns that were made for another one would be wrong."""
        where = ("--database", shell.site.database, "--timezone", "+05:00")
        ended = shell.run("ups", "admin", "statistics", *where)
        assert ended.code == 1
        assert "was made for the time zone UTC, and not for UTC+05:00" in ended.err

    def test_may_stand_in_the_managers_ini_file(self, shell: Shell, tmp_path: Path) -> None:
        config = tmp_path / "manager.ini"
        config.write_text(
            "[DEFAULT]\ndatabase_location: worklist.sqlite\ntimezone: +00:00\n", encoding="ascii"
        )
        assert shell.run("ups", "admin", "statistics", "-c", config).code == 0
