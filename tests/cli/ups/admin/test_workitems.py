from __future__ import annotations

import pytest

from cli.ups.conftest import Shell
from leaddicom.ups.core.terms import State


def trail(shell: Shell, uid: str) -> list[tuple[str, str, int]]:
    with shell.site.manager.store.reading() as reader:
        entries = reader.audit(uid)
    return [(each.operation, each.identity, each.status) for each in entries]


class TestList:
    def test_gives_a_line_for_each_workitem_and_who_performs_it(self, shell: Shell) -> None:
        idle, claimed = shell.created(), shell.claimed()
        ended = shell.admin("list")
        assert (ended.code, ended.err) == (0, "")
        assert [row[-2:] for row in ended.cells] == [[idle, ""], [claimed, "PERFORMER"]]

    def test_gives_only_what_is_looked_for(self, shell: Shell) -> None:
        shell.created()
        claimed = shell.claimed()
        (found,) = shell.admin("list", "--state", "in-progress", "--json").json
        assert found["uid"] == claimed
        assert found["performer"] == "PERFORMER"
        assert found["created_at"].endswith("+00:00")

    def test_ends_with_1_if_nothing_is_found(self, shell: Shell) -> None:
        ended = shell.admin("list")
        assert (ended.code, ended.err) == (1, "leaddicom: Nothing was found.\n")

    def test_stops_after_as_many_as_are_wanted(self, shell: Shell) -> None:
        shell.created(), shell.created()
        assert len(shell.admin("list", "--limit", 1).lines) == 1

    def test_tells_what_cannot_be_looked_for(self, shell: Shell) -> None:
        ended = shell.admin("list", "-k", "PatientBirthDate=yesterday")
        assert ended.code == 1
        assert "PatientBirthDate" in ended.err

    def test_shows_a_table_on_a_terminal(self, shell: Shell) -> None:
        uid = shell.created()
        text = shell.on_terminal(*shell.admin_line("list"))
        assert "Performer" in text
        assert uid in text


class TestShow:
    def test_shows_a_workitem_with_its_history_but_not_its_lock(self, shell: Shell) -> None:
        uid = shell.claimed()
        shell("subscribe", uid, "--lock")
        ended = shell.admin("show", uid)
        assert ended.code == 0
        assert "  claimed by: PERFORMER" in ended.lines
        assert "  subscribed: WATCHER with deletion lock" in ended.lines
        assert "  Procedure Step State: IN PROGRESS" in ended.lines
        assert shell.stored(uid).transaction_uid not in ended.out
        document = shell.admin("show", uid, "--json").json
        assert document["performer"] == "PERFORMER"
        assert document["subscriptions"] == [{"ae": "WATCHER", "deletion_lock": True}]

    def test_tells_that_there_is_no_such_workitem(self, shell: Shell) -> None:
        ended = shell.admin("show", "1.2.3")
        assert (ended.code, ended.err) == (1, "leaddicom: There is no workitem 1.2.3.\n")


class TestForceState:
    def test_ends_what_a_performer_has_left_behind(self, shell: Shell) -> None:
        uid = shell.claimed()
        shell("subscribe", uid)
        reason = ("--reason", "Console crashed", "--reason-code", "110501,DCM,Equipment failure")
        ended = shell.admin("force-state", uid, "canceled", *reason)
        assert (ended.code, ended.err) == (0, "")
        workitem = shell.stored(uid)
        item = workitem.dataset.ProcedureStepProgressInformationSequence[0]
        assert workitem.state is State.CANCELED
        assert item.ReasonForCancellation == "Console crashed"
        assert trail(shell, uid)[0] == ("admin force-state", "operator Ada", 0)
        waiting = shell.site.manager.store.pending("WATCHER", 10)
        assert waiting[-1].event.information.ProcedureStepState == "CANCELED"

    def test_takes_a_scheduled_one_through_in_progress(self, shell: Shell) -> None:
        uid = shell.created()
        assert shell.admin("force-state", uid, "canceled", "--json").json["is_done"]
        assert shell.state(uid) is State.CANCELED
        assert shell.stored(uid).transaction_uid

    @pytest.mark.parametrize(
        ("state", "code"), [("completed", "C304"), ("in-progress", "C302"), ("scheduled", "C303")]
    )
    def test_keeps_to_the_rules(self, shell: Shell, state: str, code: str) -> None:
        uid = shell.claimed()
        ended = shell.admin("force-state", uid, state, "--json")
        assert ended.code == 1
        assert (ended.json["is_done"], ended.json["status"]) == (False, code)
        assert f"({code}H)" in ended.err
        assert shell.state(uid) is State.IN_PROGRESS
        assert trail(shell, uid)[0] == ("admin force-state", "operator Ada", int(code, 16))

    def test_needs_a_workitem(self, shell: Shell) -> None:
        assert "C307H" in shell.admin("force-state", "1.2.3", "canceled").err
