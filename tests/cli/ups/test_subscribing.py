from __future__ import annotations

import pytest
from ups.workitems import code

from cli.ups.conftest import Shell
from leaddicom.ups.store import GlobalSubscription


def subscriptions(shell: Shell, ae: str = "WATCHER") -> dict[str, str]:
    with shell.site.manager.store.reading() as reader:
        return {each.uid: each.state.name for each in reader.subscriptions(ae=ae)}


def lasting(shell: Shell, ae: str = "WATCHER") -> GlobalSubscription | None:
    with shell.site.manager.store.reading() as reader:
        return reader.global_subscription(ae)


class TestSubscribe:
    def test_to_one_workitem(self, shell: Shell) -> None:
        uid = shell.created()
        ended = shell("subscribe", uid)
        assert (ended.code, ended.err) == (0, "")
        assert ended.lines == ["WATCHER is subscribed to it."]
        assert subscriptions(shell) == {uid: "WITHOUT_LOCK"}

    def test_to_all_workitems_and_have_them_kept(self, shell: Shell) -> None:
        uid = shell.created()
        assert shell("subscribe", "--global", "--lock").code == 0
        assert subscriptions(shell) == {uid: "WITH_LOCK"}
        assert lasting(shell) == GlobalSubscription("WATCHER", True)

    @pytest.mark.parametrize(
        "options",
        [
            ("--filter", "ScheduledStationNameCodeSequence.CodeValue=LINAC1"),
            ("--station", "LINAC1"),
            ("-m", "LINAC1,99TEST"),
        ],
    )
    def test_to_those_that_match(self, shell: Shell, options: tuple[str, ...]) -> None:
        shell.created()
        wanted = shell.created(ScheduledStationNameCodeSequence=[code("LINAC1")])
        assert shell("subscribe", *options).code == 0
        assert list(subscriptions(shell)) == [wanted]
        found = lasting(shell)
        assert found is not None
        assert found.keys is not None

    def test_for_somebody_else_whom_the_manager_has_to_know(self, shell: Shell) -> None:
        uid = shell.created()
        for spelling in ("-aer", "--receiver-aet", "--receiving-aet", "--receiving-ae"):
            ended = shell("subscribe", uid, spelling, "NOBODY")
            assert ended.code == 1
            assert "C308H" in ended.err
            assert "'leaddicom ups admin ae add'" in ended.err
            assert "ae_table" in ended.err
        ended = shell("subscribe", "--global", "-aer", "NOBODY")
        assert "answered subscribe (N-ACTION)" in ended.err
        ended = shell("subscribe", uid, "-aet", "OTHER", "-aer", "WATCHER", "--json")
        assert ended.json["status"] == "0000"
        assert list(subscriptions(shell)) == [uid]

    @pytest.mark.parametrize("arguments", [(), ("1.2.3", "--global"), ("--global", "-m", "X")])
    def test_has_one_subject(self, shell: Shell, arguments: tuple[str, ...]) -> None:
        assert "say what to subscribe to" in shell.usage(*shell.line("subscribe", *arguments))


class TestUnsubscribe:
    def test_from_one_workitem(self, shell: Shell) -> None:
        one, other = shell.created(), shell.created()
        shell("subscribe", "--global")
        ended = shell("unsubscribe", one)
        assert (ended.code, ended.lines) == (0, ["WATCHER is unsubscribed."])
        assert list(subscriptions(shell)) == [other]
        assert lasting(shell) is not None

    def test_from_all(self, shell: Shell) -> None:
        shell.created()
        shell("subscribe", "--global")
        assert shell("unsubscribe", "--global").code == 0
        assert (subscriptions(shell), lasting(shell)) == ({}, None)

    @pytest.mark.parametrize("arguments", [(), ("1.2.3", "--global")])
    def test_has_one_subject(self, shell: Shell, arguments: tuple[str, ...]) -> None:
        assert "one UID, or --global" in shell.usage(*shell.line("unsubscribe", *arguments))


class TestSuspend:
    @pytest.mark.parametrize("options", [(), ("--global",)])
    def test_keeps_the_subscriptions_that_there_are(
        self, shell: Shell, options: tuple[str, ...]
    ) -> None:
        uid = shell.created()
        shell("subscribe", "--global")
        ended = shell("suspend", *options)
        assert (ended.code, ended.lines) == (0, ["WATCHER gets no workitems to come."])
        assert (list(subscriptions(shell)), lasting(shell)) == ([uid], None)
