"""The command ``leaddicom doctor``: its options, its three kinds of output, its exit status."""

from __future__ import annotations

import io
import json
import logging
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from nets import Nets, free_port, raw_listener

from leaddicom.cli import doctor
from leaddicom.cli.main import main
from leaddicom.doctor import MAXIMUM_CONNECTIONS
from leaddicom.doctor.document import VERSION
from leaddicom.testing.certificates import PASSWORD, ThrowAwayPki


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, list[str]]]:
    """Runs the command; gives its exit status and the lines that it writes."""

    def run(*arguments: object) -> tuple[int, list[str]]:
        status = main(["doctor", *map(str, arguments)])
        captured = capsys.readouterr()
        assert captured.err == ""
        return status, captured.out.splitlines()

    return run


Run = Callable[..., tuple[int, list[str]]]


@pytest.fixture
def port(nets: Nets) -> int:
    """That of a server that demands a certificate."""
    return nets.server(link="TLS 1.3").GetHostInfo()[1]


@pytest.fixture
def ca(pki: ThrowAwayPki) -> tuple[str, str]:
    return "-ca", str(pki.ca_file)


@pytest.fixture
def own(nets: Nets) -> tuple[str, ...]:
    issued = nets.certificate("good")
    return "-cert", str(issued.certificate_file), "-key", str(issued.key_file)


class TestALink:
    def test_that_works_gives_0(
        self, run: Run, port: int, ca: tuple[str, ...], own: tuple[str, ...]
    ) -> None:
        status, lines = run("localhost", port, *ca, *own)
        assert status == 0
        assert lines[0] == f"ok reachable: localhost:{port} takes connections."
        assert lines[-1].startswith("The link is usable: C-ECHO over TLS took ")
        assert [line for line in lines if line.startswith("problem")] == []

    def test_options_may_have_two_dashes(
        self, run: Run, port: int, ca: tuple[str, ...], own: tuple[str, ...]
    ) -> None:
        options = [f"-{each}" if each in ("-ca", "-cert", "-key") else each for each in (*ca, *own)]
        assert run(*options, "--aec", "A", "--aet", "B", "localhost", port)[0] == 0

    def test_that_lacks_a_certificate_gives_1_and_says_so(
        self, run: Run, port: int, ca: tuple[str, ...]
    ) -> None:
        status, lines = run("localhost", port, *ca)
        assert status == 1
        (line,) = (each for each in lines if " client-certificate: " in each)
        assert line.startswith("problem client-certificate: The peer demands a client certificate")
        assert line.endswith("Show it one with -cert and -key.")
        assert lines[-1].startswith("Not usable. The peer demands a client certificate")

    def test_to_nobody_gives_1(self, run: Run) -> None:
        status, lines = run("127.0.0.1", free_port())
        assert status == 1
        assert lines[0].startswith("problem reachable: Connecting to 127.0.0.1:")
        assert "Nothing listens there" in lines[0]

    def test_to_a_silent_peer_ends_in_time(self, run: Run) -> None:
        with raw_listener() as (_, silent):
            status, lines = run("127.0.0.1", silent, "--timeout", "0.3")
        assert status == 1
        assert "answers neither TLS nor DICOM in time" in lines[-1]

    def test_without_tls_needs_a_word(self, run: Run, nets: Nets, own: tuple[str, ...]) -> None:
        plain = nets.server().GetHostInfo()[1]
        status, lines = run("127.0.0.1", plain)
        assert (status, lines[-1]) == (1, "Not usable. The peer speaks DICOM without TLS.")
        status, lines = run("127.0.0.1", plain, "--plain", *own)
        assert status == 0
        assert any(line.startswith("warning protocol: The link is without TLS") for line in lines)

    def test_the_name_can_be_given(
        self, run: Run, nets: Nets, ca: tuple[str, ...], own: tuple[str, ...]
    ) -> None:
        wrong = nets.server(link="TLS 1.3", certificate="wrong_host").GetHostInfo()[1]
        status, lines = run("localhost", wrong, *ca, *own)
        assert status == 1
        assert "not issued for localhost, but for wrong.example" in lines[-1]
        assert run("localhost", wrong, *ca, *own, "--server-name", "wrong.example")[0] == 0

    def test_what_is_wrong_with_our_certificate_is_said(
        self, run: Run, nets: Nets, port: int, ca: tuple[str, ...]
    ) -> None:
        old = nets.certificate("expired")
        files = ("-cert", str(old.certificate_file), "-key", str(old.key_file))
        status, lines = run("localhost", port, *ca, *files)
        assert status == 1
        said = [line for line in lines if line.startswith("problem own-certificate: ")]
        assert any("(alert certificate_expired)" in line for line in said)
        assert any("Our certificate has expired on" in line for line in said)


class TestFiles:
    def test_that_are_good_give_0(
        self, run: Run, ca: tuple[str, ...], own: tuple[str, ...]
    ) -> None:
        status, lines = run(*own, *ca)
        assert (status, lines[-1]) == (0, "The certificate can be used.")

    def test_that_are_bad_give_1(self, run: Run, own: tuple[str, ...]) -> None:
        status, lines = run("-cert", own[3])
        assert status == 1
        assert "but no certificate" in lines[-1]

    def test_passwords_come_from_the_environment_or_a_file(
        self, run: Run, nets: Nets, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        issued = nets.certificate("encrypted_key")
        files = ("-cert", str(issued.certificate_file), "-key", str(issued.key_file))
        monkeypatch.setenv("SECRET", PASSWORD)
        (tmp_path / "password").write_text(f"{PASSWORD}\n")
        assert run(*files, "--password-env", "SECRET")[0] == 0
        assert run(*files, "--password-file", tmp_path / "password")[0] == 0
        monkeypatch.setattr(sys, "stdin", io.StringIO())
        assert run(*files)[0] == 1

    def test_one_is_asked_for_a_password_once(
        self,
        run: Run,
        nets: Nets,
        port: int,
        ca: tuple[str, ...],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        asked = []

        def answer(*_: object) -> str:
            asked.append(1)
            return PASSWORD

        issued = nets.certificate("encrypted_key")
        files = ("-cert", str(issued.certificate_file), "-key", str(issued.key_file))
        monkeypatch.setattr(doctor, "password", answer)
        assert run("localhost", port, *ca, *files)[0] == 0
        assert asked == [1]


class TestJson:
    def test_of_a_link_has_all_that_was_found(
        self, run: Run, port: int, ca: tuple[str, ...], own: tuple[str, ...]
    ) -> None:
        status, lines = run("localhost", port, *ca, *own, "--json", "-aec", "PACS")
        document = json.loads("\n".join(lines))
        assert status == 0
        assert document["version"] == VERSION == 1
        assert (document["kind"], document["usable"]) == ("link", True)
        assert document["peer"] == {"host": "localhost", "port": port, "ae_title": "PACS"}
        assert document["speaks"] == "tls"
        assert 0 < document["connections"] <= MAXIMUM_CONNECTIONS
        assert document["echo_seconds"] > 0
        tls = document["tls"]
        assert tls["negotiated"]["version"] == "TLSv1.3"
        assert tls["versions"]["TLS 1.3"] is True
        assert tls["versions"]["TLS 1.2"] is False
        assert tls["suites"]["TLS 1.3"] == ["TLS_AES_128_GCM_SHA256"]
        assert tls["other_suites"]["broken"] is None
        assert (tls["asks_certificate"], tls["works_without_certificate"]) == (True, False)
        assert "P-256" in tls["groups"]
        assert tls["complete"] is True
        leaf = document["certificates"][0]
        assert leaf["subject"].startswith("CN=good,")
        assert leaf["names"] == ["localhost", "127.0.0.1", "::1"]
        assert leaf["days_left"] == 29
        sections = [each["section"] for each in document["profiles"]]
        assert sections == ["PS3.15 B.12", "PS3.15 B.13"]
        assert document["findings"][0] == {
            "check": "reachable",
            "severity": "ok",
            "what": f"localhost:{port} takes connections.",
            "advice": "",
        }

    def test_of_a_link_that_does_not_exist_has_the_same_members(self, run: Run, port: int) -> None:
        good = json.loads("\n".join(run("localhost", port, "--json")[1]))
        status, lines = run("localhost", free_port(), "--json")
        none = json.loads("\n".join(lines))
        assert status == 1
        assert none.keys() == good.keys()
        assert (none["tls"], none["speaks"], none["certificates"]) == (None, None, [])

    def test_of_files(self, run: Run, own: tuple[str, ...]) -> None:
        document = json.loads("\n".join(run(*own, "--json")[1]))
        assert (document["kind"], document["encoding"]) == ("file", "PEM")
        assert document["contents"] == {"certificate": 1}
        assert document["key_fits"] is True
        assert document["certificates"][0]["purposes"] == ["serverAuth", "clientAuth"]

    def test_is_the_same_on_a_terminal(
        self, own: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stream = Terminal()
        monkeypatch.setattr(sys, "stdout", stream)
        assert main(["doctor", *own, "--json"]) == 0
        assert json.loads(stream.getvalue())["usable"] is True


def test_on_a_terminal_there_is_a_table(
    port: int, ca: tuple[str, ...], own: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stdout", stream)
    for name, value in (("COLUMNS", "100"), ("TERM", "dumb"), ("NO_COLOR", "1")):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    assert main(["doctor", "localhost", str(port), *ca, *own]) == 0
    lines = [line.strip() for line in stream.getvalue().splitlines()]
    assert f"localhost:{port}, " in lines[0]
    assert any(line.split()[:2] == ["ok", "echo"] for line in lines)
    assert lines[-1].startswith("The link is usable")
    assert all(len(line) <= 100 for line in lines)


class TestTheCommandLine:
    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            ("", "give HOST and PORT of a peer, or -cert and a file"),
            ("pacs", "the port of the peer is missing"),
            ("pacs 0", "'0' is no port"),
            ("pacs 65536", "'65536' is no port"),
            ("pacs 104 --timeout 0", "'0' is no number of seconds"),
            ("pacs 104 --timeout x", "'x' is no number of seconds"),
            ("pacs 104 -aec 12345678901234567", "AE title"),
            ("-key me.key", "-key needs the certificate"),
            ("pacs 104 --password-env A --password-file B", "not allowed with"),
        ],
    )
    def test_that_makes_no_sense_gives_2(
        self, arguments: str, said: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit) as caught:
            main(["doctor", *shlex.split(arguments)])
        assert caught.value.code == 2
        error = capsys.readouterr().err
        assert error.startswith("usage: leaddicom doctor")
        assert said in error

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (("localhost", "104", "-cert", "nowhere.pem"), "nowhere.pem"),
            (("-cert", "nowhere.pem"), "nowhere.pem"),
        ],
    )
    def test_that_cannot_be_followed_gives_1(
        self, arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["doctor", *arguments]) == 1
        captured = capsys.readouterr()
        assert captured.out == ""
        assert said in captured.err
        assert captured.err.count("\n") == 1

    def test_cas_that_cannot_be_read_give_1(
        self, port: int, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["doctor", "localhost", str(port), "-ca", "nowhere.pem"]) == 1
        assert "nowhere.pem" in capsys.readouterr().err

    def test_has_help_for_beginners(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit):
            main(["doctor", "--help"])
        text = capsys.readouterr().out
        for part in (
            f"{MAXIMUM_CONNECTIONS} connections",
            "examples:",
            "exit codes:",
            "-ca ca.pem",
        ):
            assert part in text

    def test_leaves_logging_as_it_was(self, run: Run, own: tuple[str, ...]) -> None:
        before = list(logging.getLogger("leaddicom").handlers)
        run(*own)
        assert logging.getLogger("leaddicom").handlers == before
