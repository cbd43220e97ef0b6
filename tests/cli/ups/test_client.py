"""How the commands of clients reach a manager: what each option of the link does."""

from __future__ import annotations

import functools
import shlex
from argparse import Namespace
from pathlib import Path

import pytest
from nets import Nets
from ups.sites import Site

from cli.ups.conftest import Shell
from leaddicom.cli.main import build_parser, main
from leaddicom.cli.ups.client import in_commands, settings_of
from leaddicom.testing.certificates import PASSWORD, ThrowAwayPki
from leaddicom.ups.settings.configuration import Configuration

#: Commands with HOST and PORT, and what has to follow.
CLIENTS = {
    "create": "x.dcm", "list": "", "find": "", "show": "1.2", "get": "1.2", "claim": "1.2",
    "resume": "1.2", "progress": "1.2 5", "start": "1.2", "end": "1.2", "complete": "1.2",
    "cancel": "1.2", "set": "1.2 WorklistLabel=X", "request-cancel": "1.2", "subscribe": "1.2",
    "unsubscribe": "1.2", "suspend": "", "watch": "1.2", "echo": "",
}  # fmt: skip

ROLES = {
    "workitemcreator": ("create", "request-cancel"),
    "workitemwatcher": ("subscribe", "unsubscribe", "suspend", "watch", "listen"),
}


#: Making it takes longer than parsing.
parser = functools.cache(build_parser)


def parsed(line: str) -> Namespace:
    return parser().parse_args(["ups", *shlex.split(line)])


def settings(line: str) -> Configuration:
    return settings_of(parsed(line))


@pytest.fixture
def in_pki_folder(certs: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder has the development PKI."""
    monkeypatch.chdir(certs.parent)
    return certs


class TestDefaults:
    @pytest.mark.parametrize("verb", [*CLIENTS, "listen"])
    def test_are_mutual_tls_with_the_certificate_of_the_role(
        self, verb: str, in_pki_folder: Path
    ) -> None:
        name = next((role for role, verbs in ROLES.items() if verb in verbs), "workitemperformer")
        own = in_pki_folder / "clients" / name / name
        found = settings(verb if verb == "listen" else f"{verb} host 2762 {CLIENTS[verb]}")
        assert found.mutual_tls
        assert found.ca_certificate == str(in_pki_folder / "rootCA" / "rootCA.pem")
        assert (found.certificate, found.private_key) == (f"{own}.pem", f"{own}.key")
        assert found.ae_title == name.removeprefix("workitem").upper()

    def test_of_the_key_is_the_file_of_the_own_certificate(
        self, in_pki_folder: Path, tmp_path: Path
    ) -> None:
        both = tmp_path / "both.pem"
        both.touch()
        assert settings(f"list host 2762 -cert {both}").private_key == ""

    def test_that_are_not_there_are_made_by_pki_init(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        monkeypatch.chdir(tmp_path)
        assert main(["ups", "list", "localhost", "2762"]) == 1
        error = capsys.readouterr().err
        assert "rootCA.pem" in error
        assert "leaddicom pki init" in error


@pytest.mark.parametrize("verb", CLIENTS)
@pytest.mark.parametrize(
    ("spellings", "text", "name", "value"),
    [
        ("-a -aet --ae-title --ae_title --calling-aet", "ME", "ae_title", "ME"),
        ("-aec --called-aet --called_ae_title --called-ae-title", "YOU", "called_ae_title", "YOU"),
        ("-ca --ca-certificate", "/ca.pem", "ca_certificate", "/ca.pem"),
        ("-cert --certificate", "/own.pem", "certificate", "/own.pem"),
        ("-key --private-key", "/own.key", "private_key", "/own.key"),
        ("-mtls --mutual-tls", "", "mutual_tls", True),
        ("--no-mutual-tls", "", "mutual_tls", False),
        ("-d --debug", "", "log_level", "debug"),
        ("-v --verbose", "", "log_level", "info"),
        ("-q --quiet", "", "log_level", "error"),
        ("-e --echo", "", "echo", True),
        ("--json", "", "json", True),
    ],
)
def test_every_client_has_the_spellings_that_people_know(
    verb: str, spellings: str, text: str, name: str, value: object
) -> None:
    for spelling in spellings.split():
        for line in (
            f"{verb} {spelling} {text} host 2762 {CLIENTS[verb]}",
            f"{verb} host 2762 {CLIENTS[verb]} {spelling} {text}",
        ):
            found = parsed(line)
            assert getattr(found, name) == value
            assert (found.host, found.manager_port) == ("host", 2762)


@pytest.mark.parametrize("verb", [*CLIENTS, "listen", "claims"])
def test_every_command_has_help_with_examples_or_exit_codes(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["ups", verb, "--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert "exit codes:" in text
    assert f"leaddicom ups {verb}" in text


class TestLink:
    def test_has_the_titles_that_are_given(self, shell: Shell) -> None:
        shell.site.manager.ae_title = "MINE"
        assert "called AE title" in shell("list").err
        ended = shell("create", shell.file("1.2.3"), "-aec", "MINE", "-aet", "HERE")
        assert ended.code == 0
        assert shell.stored("1.2.3").creator_ae == "HERE"

    def test_may_be_tried_before_anything_else(self, shell: Shell) -> None:
        uid = shell.created()
        assert shell("show", uid, "--echo").code == 0

    def test_may_be_tried_alone(self, shell: Shell) -> None:
        name = f"UPSSCP@127.0.0.1:{shell.port}"
        ended = shell("echo")
        assert (ended.code, ended.lines, ended.err) == (0, [f"{name} answers."], "")
        told = shell("echo", "--json").json
        assert told.pop("seconds") > 0
        assert told == {"manager": name}
        shell.site.manager.ae_title = "OTHER"
        assert shell("echo").code == 1

    def test_trusts_nobody_but_the_ca_that_is_given(
        self, shell: Shell, certs: Path, tmp_path: Path
    ) -> None:
        ended = shell("list", "-ca", certs / "rootCA" / "rootCA.pem")
        assert (ended.code, ended.out) == (1, "")
        assert "certificate" in ended.err

    def test_needs_a_certificate_that_the_manager_trusts(self, shell: Shell, certs: Path) -> None:
        own = certs / "clients" / "workitemperformer" / "workitemperformer"
        ended = shell("list", "-cert", f"{own}.pem", "-key", f"{own}.key")
        assert ended.code == 1
        assert ended.err.count("\n") == 1

    def test_can_go_without_tls(self, nets: Nets, shell: Shell, tmp_path: Path) -> None:
        assert shell("list", "--no-mutual-tls").code == 1
        plain = Site(nets, tmp_path / "plain")
        (tmp_path / "plain").mkdir()
        try:
            port = plain.start().GetHostInfo()[1]
            line = ["ups", "list", "--no-mutual-tls", "127.0.0.1", str(port)]
            assert shell.run(*line).err == "leaddicom: Nothing was found.\n"
        finally:
            plain.close()

    def test_may_use_an_encrypted_key(
        self,
        shell: Shell,
        pki: ThrowAwayPki,
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
    ) -> None:
        issued = pki.variant("encrypted_key")
        own = ("-cert", issued.certificate_file, "-key", issued.key_file)
        monkeypatch.setenv("SECRET", PASSWORD)
        (tmp_path / "secret").write_text(PASSWORD)
        shell.created()
        assert shell("list", *own, "--key-password-env", "SECRET").code == 0
        assert shell("list", *own, "--key-password-file", tmp_path / "secret").code == 0
        assert shell("list", *own).code == 1

    def test_logs_what_happens_if_it_is_told_to(self, shell: Shell) -> None:
        shell.created()
        assert shell("list").err == ""
        debug = shell("list", "--debug").err
        assert "DEBUG The manager was reached by TLSv1.3, TLS_AES_128_GCM_SHA256" in debug
        assert "Doe" not in debug
        assert shell("list").err == ""  # the log is as it was

    @pytest.mark.parametrize("port", ["0", "65536", "x", "-1"])
    def test_has_a_port(self, port: str, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as caught:
            main(["ups", "list", "localhost", port])
        assert caught.value.code == 2
        capsys.readouterr()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("claim() it first", "'ups claim' it first"),
        ("start_procedure() comes first", "'ups start' comes first"),
        ("request_cancel()", "'ups request-cancel'"),
        ("x answered subscribe_globally (N-ACTION)", "x answered subscribe (N-ACTION)"),
        ("x answered start_procedure (N-SET)", "x answered start (N-SET)"),
        ("Initialize() and other() stay", "Initialize() and other() stay"),
    ],
)
def test_messages_name_commands_rather_than_methods(text: str, told: str) -> None:
    assert in_commands(text) == told
