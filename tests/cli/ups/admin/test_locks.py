from __future__ import annotations

from cli.ups.conftest import Shell


def locks(shell: Shell) -> dict[str, bool]:
    found = shell.admin("subscriptions", "--json").json
    return {each["uid"]: each["deletion_lock"] for each in found}


class TestSubscriptions:
    def test_lists_who_is_subscribed_to_what(self, shell: Shell) -> None:
        uid = shell.created()
        shell("subscribe", "--filter", "WorklistLabel=Linac", "--lock")
        ended = shell.admin("subscriptions")
        assert ended.cells == [
            ["WATCHER", uid, "locked"],
            ["WATCHER", "workitems to come with WorklistLabel=Linac", "locked"],
        ]
        document = shell.admin("subscriptions", "--json").json
        assert document[1]["filter"] == ["WorklistLabel=Linac"]

    def test_may_be_narrowed(self, shell: Shell) -> None:
        one, other = shell.created(), shell.created()
        shell("subscribe", one, "--lock")
        shell("subscribe", other)
        shell("subscribe", "--global")
        assert [row[1] for row in shell.admin("subscriptions", "--locked").cells] == [one]
        assert [row[1] for row in shell.admin("subscriptions", "--uid", other).cells] == [other]
        assert "all workitems to come" in shell.admin("subscriptions", "--ae", "WATCHER").out
        ended = shell.admin("subscriptions", "--ae", "NOBODY")
        assert (ended.code, ended.err) == (1, "leaddicom: Nobody is subscribed.\n")


class TestBreakLock:
    def test_removes_those_of_a_workitem_but_not_the_subscription(self, shell: Shell) -> None:
        one, other = shell.created(), shell.created()
        shell("subscribe", "--global", "--lock")
        ended = shell.admin("break-lock", one)
        assert (ended.code, ended.lines) == (0, ["1 deletion lock is removed."])
        assert locks(shell) == {one: False, other: True, None: True}
        with shell.site.manager.store.reading() as reader:
            (entry, *_) = reader.audit(one)
        assert (entry.operation, entry.identity, entry.detail) == (
            "admin break-lock",
            "operator Ada",
            "of WATCHER",
        )

    def test_removes_all_of_an_ae_also_for_workitems_to_come(self, shell: Shell) -> None:
        uid = shell.created()
        shell("subscribe", "--global", "--lock")
        broken = shell.admin("break-lock", "--ae", "WATCHER", "--json").json
        assert broken == [{"ae": "WATCHER", "uid": uid}, {"ae": "WATCHER", "uid": None}]
        assert locks(shell) == {uid: False, None: False}
        later = shell.created()
        assert locks(shell)[later] is False

    def test_ends_with_1_if_there_is_none(self, shell: Shell) -> None:
        ended = shell.admin("break-lock", "1.2.3", "--ae", "WATCHER")
        assert (ended.code, ended.err) == (1, "leaddicom: There is no such deletion lock.\n")

    def test_wants_to_know_whose(self, shell: Shell) -> None:
        assert "a UID, or --ae TITLE" in shell.usage(*shell.admin_line("break-lock"))
