"""``leaddicom ups serve``: its options, and what it does before and instead of serving."""

from __future__ import annotations

import io
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timezone
from pathlib import Path
from typing import Any

import pytest
from logs import log_of_its_own
from programs import Program, run
from ups.databases import register, unregister
from ups.desk import opened

import leaddicom
from leaddicom import AssociationError, Scu, SecureMode
from leaddicom.cli.main import build_parser, main
from leaddicom.cli.ups.options import given_settings
from leaddicom.cli.ups.serve import main as program
from leaddicom.testing.certificates import PASSWORD, ThrowAwayPki
from leaddicom.ups.settings.options import OPTIONS
from leaddicom.ups.store import Store

SERVE = [sys.executable, "-m", "leaddicom", "ups", "serve"]


def settings(line: str) -> dict[str, object]:
    """What a command line sets."""
    return given_settings(build_parser().parse_args(["ups", "serve", *shlex.split(line)]))


class TestOptions:
    @pytest.mark.parametrize(
        ("spellings", "text", "name", "value"),
        [
            ("-a -aet --ae-title --ae_title --calling-aet", "MANAGER", "ae_title", "MANAGER"),
            ("-p --port", "2763", "port", 2763),
            ("-b -ba --bind-address --bind_address", "::1", "bind_address", "::1"),
            ("-ca --ca-certificate", "/ca.pem", "ca_certificate", "/ca.pem"),
            ("-cert --certificate", "/own.pem", "certificate", "/own.pem"),
            ("-key --private-key", "/own.key", "private_key", "/own.key"),
            ("-crl --crl", "/crl.pem", "crl", "/crl.pem"),
            ("--database --database-location", "/w.db", "database_location", "/w.db"),
            ("-pdu --max-pdu", "16382", "max_pdu", 16382),
            ("-ta --acse-timeout", "30", "acse_timeout", 30.0),
            ("-td --dimse-timeout", "30", "dimse_timeout", 30.0),
            ("-tn --network-timeout", "30", "network_timeout", 30.0),
            ("-ll --log-level", "warn", "log_level", "warn"),
            ("-c --config", "manager.ini", "config", "manager.ini"),
        ],
    )
    def test_have_the_spellings_that_people_know(
        self, spellings: str, text: str, name: str, value: object
    ) -> None:
        for spelling in spellings.split():
            assert settings(f"{spelling} {text}") == {name: value}

    @pytest.mark.parametrize(
        ("spellings", "level"),
        [("-q --quiet", "error"), ("-v --verbose", "info"), ("-d --debug", "debug")],
    )
    def test_of_the_log_have_short_cuts(self, spellings: str, level: str) -> None:
        for spelling in spellings.split():
            assert settings(spelling) == {"log_level": level}

    def test_are_there_for_every_setting(self) -> None:
        text = shown_help()
        for option in OPTIONS.values():
            assert option.long_flag in text

    def test_switch_on_and_off(self) -> None:
        for option in OPTIONS.values():
            if option.is_switch:
                assert settings(option.long_flag) == {option.name: True}
                assert settings(f"--no-{option.long_flag[2:]}") == {option.name: False}
        assert settings("-mtls") == {"mutual_tls": True}

    def test_take_an_optional_setting_away(self) -> None:
        line = '--crl "" --ae-table "" --fallback-list "" --access-policy ""'
        assert settings(line) == {
            "crl": "", "ae_table": "", "fallback_list": (), "access_policy": "",
        }  # fmt: skip

    def test_that_are_not_given_leave_other_sources_alone(self) -> None:
        assert settings("") == {}

    def test_of_the_lines_that_people_have_in_their_scripts(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        server = "./certs/servers/worklistmanager/worklistmanager"
        line = f"-mtls -ca ./certs/rootCA/rootCA.pem -cert {server}.pem -key {server}.key "
        folder = tmp_path / "certs" / "servers" / "worklistmanager"
        assert settings(f"{line} --port 2762 --debug") == {
            "mutual_tls": True,
            "ca_certificate": str(tmp_path / "certs" / "rootCA" / "rootCA.pem"),
            "certificate": str(folder / "worklistmanager.pem"),
            "private_key": str(folder / "worklistmanager.key"),
            "port": 2762,
            "log_level": "debug",
        }

    @pytest.mark.parametrize(
        ("line", "flaw"),
        [
            ("--port http", "argument -p/--port: is 'http', but must be a number from 0 to 65535."),
            ("-aet " + "A" * 17, "must be an AE title"),
            ("-d -q", "not allowed with argument"),
            ("--no-such-thing", "unrecognized arguments: --no-such-thing"),
            ("--database postgresql://u:secret@h:x/d", "cannot be. Give a file, or a URL"),
        ],
    )
    def test_that_cannot_be_are_usage_errors(
        self, capsys: pytest.CaptureFixture[str], line: str, flaw: str
    ) -> None:
        with pytest.raises(SystemExit) as caught:
            settings(line)
        assert caught.value.code == 2
        told = capsys.readouterr().err
        assert flaw in told
        assert "secret" not in told


def shown_help() -> str:
    """The help, whose words are not broken off."""
    shown = run(*SERVE, "--help", env={"COLUMNS": "200"})
    assert shown.returncode == 0
    return shown.stdout


def test_the_help_explains_itself() -> None:
    text = shown_help()
    for part in (
        "network:", "security:", "worklist:", "event reports:", "operation:",
        "default: 2762", "default: UPSSCP", "leaddicom pki init", "A relative path in the INI file",
        "LEADDICOM_UPS_AE_TITLE", "SIGHUP", "exit codes:", "examples:",
    ):  # fmt: skip
        assert part in text, part


def test_other_commands_need_no_database() -> None:
    code = "import sys, leaddicom.cli.main; leaddicom.cli.main.build_parser(); "
    shown = run(sys.executable, "-c", code + "print('sqlalchemy' in sys.modules)")
    assert shown.stdout == "False\n"


# -- before it serves --------------------------------------------------------------------------


@pytest.fixture
def tls(pki: ThrowAwayPki) -> list[str]:
    issued = pki.issue("manager")
    return [
        "-ca", str(pki.ca_file), "-cert", str(issued.certificate_file),
        "-key", str(issued.key_file), "-b", "127.0.0.1", "-p", "0",
    ]  # fmt: skip


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Program]]:
    """Starts the command in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    with ExitStack() as stack:

        def start(*options: str, **environment: str) -> Program:
            return stack.enter_context(Program(*SERVE, *options, env=environment))

        yield start


class TestStarting:
    @pytest.fixture
    def fails(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[Callable[..., str]]:
        """Runs the command, which does not get as far as serving; gives its last line."""

        def fail(*options: str, **environment: str) -> str:
            for name, value in environment.items():
                monkeypatch.setenv(name, value)
            assert main(["ups", "serve", "-p", "0", "-b", "127.0.0.1", *options]) == 1
            told = capsys.readouterr().err
            assert "Traceback" not in told
            return str(told.splitlines()[-1])

        with log_of_its_own():
            yield fail

    def test_without_certificates_tells_how_to_make_them(
        self, fails: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        assert fails() == (
            f"leaddicom: {tmp_path}/certs/rootCA/rootCA.pem (ca_certificate) does not exist. Name "
            "your own files with -ca, -cert and -key, or make some for development: leaddicom pki "
            "init"
        )
        assert not (tmp_path / "worklist.sqlite").exists()

    def test_with_a_bad_file_of_settings(self, fails: Callable[..., str], tmp_path: Path) -> None:
        config = tmp_path / "manager.ini"
        config.write_text("[DEFAULT]\nae_titel: X\n")
        assert fails("--config", str(config)) == (
            f"leaddicom: {config}, line 2: ae_titel is unknown. Is ae_title meant?"
        )

    def test_with_a_bad_variable(self, fails: Callable[..., str]) -> None:
        told = fails(LEADDICOM_UPS_MUTUAL_TLS="perhaps")
        assert "The environment variable LEADDICOM_UPS_MUTUAL_TLS is 'perhaps', but" in told

    def test_with_a_bad_ae_table(
        self, fails: Callable[..., str], tls: list[str], tmp_path: Path
    ) -> None:
        table = tmp_path / "ae.json"
        table.write_text('[{"AETitle": "A"}]')
        told = fails(*tls, "--ae-table", str(table))
        assert told == f"leaddicom: {table}, line 1: this entry has no IPAddr. Add it."

    def test_with_an_encrypted_key_and_no_password(
        self, fails: Callable[..., str], tls: list[str], pki: ThrowAwayPki
    ) -> None:
        locked = pki.variant("encrypted_key")
        files = ["-cert", str(locked.certificate_file), "-key", str(locked.key_file)]
        assert str(locked.key_file) in fails(*tls, *files)
        told = fails(*tls, *files, "--key-password-env", "NOT_THERE")
        assert "There is no environment variable NOT_THERE" in told
        assert "password" in fails(*tls, *files, "--key-password-env", "SECRET", SECRET="wrong")

    def test_with_an_encrypted_key_and_its_password(
        self, start: Callable[..., Program], tls: list[str], pki: ThrowAwayPki
    ) -> None:
        locked = pki.variant("encrypted_key")
        files = ["-cert", str(locked.certificate_file), "-key", str(locked.key_file)]
        secret = ["--key-password-env", "SECRET"]
        started = start(*tls, *files, *secret, SECRET=PASSWORD)
        started.wait_for("is ready on port")

    def test_reads_file_environment_and_command_line(
        self, start: Callable[..., Program], tls: list[str], tmp_path: Path
    ) -> None:
        folder = tmp_path / "etc"
        folder.mkdir()
        (folder / "manager.ini").write_text(
            "[DEFAULT]\n    ae_title: FROM_FILE\n    database_location: here.sqlite\n"
            "    log_identifier: True\n    log_level: error\n"
        )
        variables = {"LEADDICOM_UPS_AE_TITLE": "FROM_ENV", "LEADDICOM_UPS_SPEED": "high"}
        started = start("--config", "etc/manager.ini", *tls, "--verbose", **variables)
        started.wait_for(f"INFO FROM_ENV is ready on port .* database {folder}/here.sqlite$")
        assert "WARNING etc/manager.ini, line 4: log_identifier has no effect" in started.text
        assert "WARNING The environment variable LEADDICOM_UPS_SPEED is unknown" in started.text

    def test_serves_plain_dicom_with_a_warning(self, start: Callable[..., Program]) -> None:
        started = start("--no-mutual-tls", "-p", "0", "-b", "127.0.0.1")
        port = int(started.wait_for(r"is ready on port (\d+): WITHOUT TLS; ")[1])
        assert re.search("WARNING Serving WITHOUT TLS: anybody can read", started.text)
        with Scu("127.0.0.1", port, mode=SecureMode.NONE) as client:
            client.echo()

    def test_checks_the_called_ae_title_if_asked_to(self, start: Callable[..., Program]) -> None:
        plain = ("--no-mutual-tls", "-p", "0", "-b", "127.0.0.1")
        started = start(*plain, "--check-called-ae-title")
        port = int(started.wait_for(r"is ready on port (\d+)")[1])
        with Scu("127.0.0.1", port, called_ae_title="UPSSCP", mode=SecureMode.NONE) as client:
            client.echo()
        with (
            Scu("127.0.0.1", port, called_ae_title="OTHER", mode=SecureMode.NONE) as client,
            pytest.raises(AssociationError, match="called AE title"),
        ):
            client.echo()


class TestAsAProgramOfItsOwn:
    """`main`, which a sample is made of."""

    def test_fails_in_its_own_name(
        self, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        with log_of_its_own():
            assert program(["-p", "0"], certs=tmp_path / "pki") == 1
        told = capsys.readouterr().err
        assert told.startswith(f"{Path(sys.argv[0]).name}: {tmp_path}/pki/rootCA/rootCA.pem (ca_")
        assert told.count("\n") == 1

    def test_tells_the_version(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as caught:
            program(["--version"])
        assert caught.value.code == 0
        assert capsys.readouterr().out == f"leaddicom {leaddicom.__version__}\n"


# -- instead of serving ------------------------------------------------------------------------


class TestClean:
    @pytest.fixture
    def database(self, tmp_path: Path) -> Path:
        """A database with two workitems, a subscriber and its events."""
        path = tmp_path / "old.sqlite"
        with opened(str(path)) as desk:
            desk.create()
            desk.subscribe("1.2.840.10008.5.1.4.34.5", lock="TRUE")
            desk.create()
            assert desk.events()
        return path

    def content(self, path: Path) -> tuple[Any, ...]:
        """Subscriptions, events, and known AEs."""
        with opened(str(path)) as desk, desk.store.reading() as reader:
            return (
                len(reader.subscriptions()) + len(reader.global_subscriptions()),
                len(desk.events()),
                len(reader.entities()),
            )

    def clean(self, path: Path, *more: str) -> int:
        return main(["ups", "serve", "--database", str(path), "--clean", *more])

    def test_empties_the_database(self, database: Path, capsys: pytest.CaptureFixture[str]) -> None:
        before = self.content(database)
        assert self.clean(database, "--yes") == 0
        assert capsys.readouterr().out == (
            f"Deleted 2 workitems from {database}, with all subscriptions and events.\n"
        )
        assert self.content(database) == (0, 0, before[2])

    @pytest.mark.parametrize(
        ("answer", "code"), [("yes\n", 0), ("Y\n", 0), ("no\n", 1), ("\n", 1), ("", 1)]
    )
    def test_asks_before(
        self,
        database: Path,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
        answer: str,
        code: int,
    ) -> None:
        before = self.content(database)
        terminal = io.StringIO(answer)
        monkeypatch.setattr(terminal, "isatty", lambda: True)
        monkeypatch.setattr(sys, "stdin", terminal)
        assert self.clean(database) == code
        told = capsys.readouterr().out
        assert told.startswith(
            f"Delete all workitems, subscriptions and events of {database}? (yes/no) "
        )
        assert (self.content(database) == before) is (code == 1)
        assert ("Nothing was deleted." in told) is (code == 1)

    def test_does_not_ask_where_nobody_could_answer(
        self,
        database: Path,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        before = self.content(database)
        monkeypatch.setattr(sys, "stdin", io.StringIO("yes\n"))
        assert self.clean(database) == 1
        assert capsys.readouterr().err == (
            f"leaddicom: There is no terminal to ask at: to empty {database}, add --yes.\n"
        )
        assert self.content(database) == before

    def test_leaves_a_database_alone_that_is_served(
        self, database: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        store = Store(str(database), zone=timezone.utc)
        store.open()
        try:
            register(store, "a manager", "another.example", 7)
            assert self.clean(database, "--yes") == 1
            assert "A worklist manager is running on" in capsys.readouterr().err
            unregister(store, "a manager")
            assert self.clean(database, "--yes") == 0
        finally:
            store.close()
