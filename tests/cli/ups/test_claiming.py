from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from cli.ups.conftest import Shell
from leaddicom.cli.main import main
from leaddicom.ups.client.transaction_uids import TransactionUids, default_path
from leaddicom.ups.core.terms import State


class TestClaim:
    def test_claims_a_workitem_and_keeps_its_transaction_uid(self, shell: Shell) -> None:
        uid = shell.created()
        ended = shell("claim", uid)
        lock = shell.stored(uid).transaction_uid
        assert (ended.code, ended.err) == (0, "")
        assert ended.lines == [
            f"{uid} is claimed.",
            f"Its Transaction UID {lock} is kept in {default_path()}",
        ]
        assert shell.state(uid) is State.IN_PROGRESS
        (held,) = TransactionUids().held()
        assert (held.uid, held.transaction_uid, held.is_confirmed) == (uid, lock, True)
        assert stat.S_IMODE(os.stat(default_path()).st_mode) == 0o600

    def test_takes_a_transaction_uid_and_a_file_for_it(self, shell: Shell, tmp_path: Path) -> None:
        uid, kept = shell.created(), tmp_path / "kept"
        ended = shell("claim", uid, "-T", "1.2.3", "--transaction-uids", kept, "--json")
        assert ended.json["transaction_uid"] == shell.stored(uid).transaction_uid == "1.2.3"
        assert TransactionUids(kept).held()
        assert not TransactionUids().held()

    def test_is_refused_if_somebody_else_was_faster(self, shell: Shell, tmp_path: Path) -> None:
        uid = shell.claimed()
        ended = shell("claim", uid, "--transaction-uids", tmp_path / "of somebody else")
        assert (ended.code, ended.out) == (1, "")
        assert "C301H" in ended.err
        assert "Somebody else performs it" in ended.err
        assert "'ups request-cancel'" in ended.err
        assert "()" not in ended.err  # commands, not methods

    def test_is_refused_if_it_was_claimed_here_already(self, shell: Shell) -> None:
        uid = shell.claimed()
        ended = shell("claim", uid)
        assert ended.code == 1
        assert "It was claimed here already" in ended.err
        for command in ("progress", "complete", "resume"):
            assert f"'ups {command}'" in ended.err
        assert "Somebody else" not in ended.err
        assert "claimed here already" in shell("claim", uid, "--json").json["remedy"]
        assert len(TransactionUids().held()) == 1


class TestResume:
    def test_goes_on_with_what_was_claimed_here(self, shell: Shell) -> None:
        uid = shell.claimed()
        ended = shell("resume", uid)
        assert (ended.code, ended.err) == (0, "")
        assert ended.lines[0] == f"{uid} is claimed."

    def test_finds_out_whether_a_lost_claim_was_granted(self, shell: Shell) -> None:
        """The program was killed between the claim and its answer."""
        uid = shell.created()
        manager = f"UPSSCP@127.0.0.1:{shell.port}"
        TransactionUids().write(manager, uid, "1.2.3")
        assert shell.run("ups", "claims").cells[0][3] == "lost: resume it"
        assert shell("resume", uid).code == 0
        assert shell.stored(uid).transaction_uid == "1.2.3"
        assert shell.run("ups", "claims").cells[0][3] == "granted"

    def test_needs_a_claim(self, shell: Shell) -> None:
        ended = shell("resume", shell.created())
        assert ended.code == 1
        assert "was not claimed here" in ended.err


class TestClaims:
    def test_lists_what_is_claimed_but_not_the_secret(self, shell: Shell) -> None:
        uid = shell.claimed()
        lock = shell.stored(uid).transaction_uid
        ended = shell.run("ups", "claims")
        assert ended.code == 0
        assert ended.cells[0][:2] == [f"UPSSCP@127.0.0.1:{shell.port}", uid]
        assert lock not in ended.out + shell.run("ups", "claims", "--json").out
        assert shell.run("ups", "claims", "--secrets").cells[0][-1] == lock
        (found,) = shell.run("ups", "claims", "--secrets", "--json").json
        assert found["transaction_uid"] == lock

    def test_ends_with_1_if_there_are_none(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
        assert main(["ups", "claims"]) == 1
        assert capsys.readouterr().err == "leaddicom: Nothing is claimed.\n"
