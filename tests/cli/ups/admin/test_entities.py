from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.ups.conftest import Shell
from leaddicom.cli.main import main
from leaddicom.ups.settings.entities import ApplicationEntity


def entity(shell: Shell, title: str) -> ApplicationEntity | None:
    with shell.site.manager.store.reading() as reader:
        return reader.entity(title)


class TestAe:
    def test_has_help_with_examples(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit):
            main(["ups", "admin", "ae", "--help"])
        assert "leaddicom ups admin ae add WATCHER" in capsys.readouterr().out

    def test_is_added_and_then_receives_events(self, shell: Shell) -> None:
        uid = shell.created()
        assert shell("subscribe", uid, "-aer", "DESK").code == 1
        ended = shell.admin("ae", "add", "DESK", "desk.example", 2763)
        assert (ended.code, ended.lines) == (0, ["DESK receives events at desk.example:2763."])
        assert entity(shell, "DESK") == ApplicationEntity("DESK", "desk.example", 2763)
        assert shell("subscribe", uid, "-aer", "DESK").code == 0

    def test_has_all_that_the_table_has(self, shell: Shell, tmp_path: Path) -> None:
        ended = shell.admin(
            "ae", "add", "DESK", "10.0.0.1", 11115, "--fallback-list", "--no-events",
            "-ca", tmp_path / "ca.pem", "--fingerprint", "ab" * 32, "--json",
        )  # fmt: skip
        assert ended.code == 0
        assert entity(shell, "DESK") == ApplicationEntity(
            "DESK", "10.0.0.1", 11115, ca_file=str(tmp_path / "ca.pem"),
            fingerprint="ab" * 32, event_scu=False, fallback_list=True,
        )  # fmt: skip
        rows = {row[0]: row[1:] for row in shell.admin("ae", "list").cells}
        assert rows["DESK"] == [
            "10.0.0.1", "11115", "TLS", "no events, fallback list, own CA, fingerprint", "admin",
        ]  # fmt: skip
        assert rows["WATCHER"][-1] == "file"

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (("A" * 17, "host", "2763"), "is no AE title"),
            (("DESK", "ho st", "2763"), "is no host name"),
            (("DESK", "host", "65536"), "is no port"),
            (("DESK", "host", "2763", "--fingerprint", "ab"), "is no SHA-256 fingerprint"),
        ],
    )
    def test_is_one(self, shell: Shell, arguments: tuple[str, ...], said: str) -> None:
        ended = shell.admin("ae", "add", *arguments)
        assert ended.code == 1
        assert said in ended.err

    def test_is_removed(self, shell: Shell) -> None:
        shell.admin("ae", "add", "DESK", "host", 2763)
        assert shell.admin("ae", "remove", "DESK").lines == ["DESK is removed."]
        assert entity(shell, "DESK") is None
        again = shell.admin("ae", "remove", "DESK", "--json")
        assert (again.code, again.json["is_removed"]) == (1, False)
        assert "There is no application entity DESK" in again.err

    def test_of_the_managers_file_comes_back_with_it(self, shell: Shell) -> None:
        ended = shell.admin("ae", "remove", "WATCHER")
        assert ended.code == 0
        assert "comes from the manager's file" in ended.err

    def test_is_imported_from_a_file(self, shell: Shell, tmp_path: Path) -> None:
        path = tmp_path / "ApplicationEntities.json"
        entries = [{"AETitle": each, "IPAddr": each.lower(), "Port": 1} for each in ("A", "B")]
        path.write_text(json.dumps(entries))
        assert shell.admin("ae", "import", path).code == 0
        assert entity(shell, "A") == ApplicationEntity("A", "a", 1)
        path.write_text("{}")
        ended = shell.admin("ae", "import", path)
        assert (ended.code, "is no list" in ended.err) == (1, True)

    def test_changes_are_recorded_with_the_operators_name(self, shell: Shell) -> None:
        shell.admin("ae", "add", "DESK", "host", 2763)
        shell.admin("ae", "remove", "DESK")
        found = shell.admin("audit", "--json").json
        assert [(each["operation"], each["identity"], each["detail"]) for each in found] == [
            ("admin ae remove", "operator Ada", "DESK"),
            ("admin ae add", "operator Ada", "DESK at host:2763"),
        ]

    def test_may_be_in_nobodys_table(self, shell: Shell) -> None:
        shell.admin("ae", "remove", "WATCHER")
        ended = shell.admin("ae", "list")
        assert ended.code == 1
        assert "The table is empty" in ended.err
        assert shell.admin("ae", "list", "--json").json == []
