"""``leaddicom pki`` but ``init``: what it understands, what it writes, how it ends."""

from __future__ import annotations

import io
import json
import re
import shlex
import shutil
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12

from leaddicom.cli.main import build_parser, main
from leaddicom.pki import (
    CertificateAuthority,
    PkiFolder,
    alternative_names,
    is_encrypted,
    load_certificate,
    load_private_key,
    local_names,
    purpose_names,
    serial_text,
    update_crl,
)
from leaddicom.pki.certificates import new_private_key, now
from leaddicom.pki.revocation import load_crl, revocations

DAY = timedelta(days=1)


class Shell:
    """Runs commands in one folder."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.pki = PkiFolder(folder)
        self._capsys = capsys

    def __call__(self, *words: str, code: int = 0) -> str:
        """Run ``leaddicom pki``; give what it writes, to standard error if it fails."""
        assert main(["pki", *words]) == code
        captured = self._capsys.readouterr()
        if code and not captured.out:
            assert captured.err.count("\n") == 1
            return captured.err
        assert captured.err == ""
        return captured.out

    def json(self, *words: str, code: int = 0) -> Any:
        return json.loads(self(*words, "--json", code=code))

    def refused(self, *words: str) -> str:
        """Run a command that cannot be understood."""
        with pytest.raises(SystemExit) as caught:
            main(["pki", *words])
        assert caught.value.code == 2
        return self._capsys.readouterr().err

    def certificate(self, stem: str) -> x509.Certificate:
        return load_certificate(self.pki.folder / f"{stem}.pem")


@pytest.fixture(scope="module")
def authority() -> CertificateAuthority:
    return CertificateAuthority.create("Test CA", "Test", private_key=new_private_key("ec"))


@pytest.fixture
def pki(
    authority: CertificateAuthority,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Shell:
    """A shell in a folder in which ``certs`` has a CA and its revocation list."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    monkeypatch.setenv("SECRET", "hush")
    monkeypatch.setenv("CA", "the CA's")
    # Days left are whole ones: looked at an hour later they are the same at every run.
    monkeypatch.setattr("leaddicom.pki.status.now", lambda: now() + timedelta(hours=1))
    shell = Shell(Path("certs"), capsys)
    authority.pair.save(shell.pki.ca_certificate_file, shell.pki.ca_key_file)
    update_crl(shell.pki)
    return shell


@pytest.fixture
def encrypted(pki: Shell, authority: CertificateAuthority) -> Shell:
    """The same, with a CA whose key is encrypted."""
    authority.pair.save(pki.pki.ca_certificate_file, pki.pki.ca_key_file, "the CA's")
    return pki


def issue(pki: Shell, name: str = "ct", *more: str) -> str:
    return pki("issue", name, "--client", "--key-type", "ec", *more)


class TestIssue:
    def test_tells_where_the_certificate_is(self, pki: Shell) -> None:
        text = issue(pki)
        expiry = pki.certificate("clients/ct/ct").not_valid_after_utc
        assert text == f"issued certs/clients/ct/ct.pem valid until {expiry:%Y-%m-%d}\n"

    def test_tells_scripts_everything(self, pki: Shell) -> None:
        written = pki.json("issue", "a.example", "--key-type", "ec", "--key-size", "384")
        certificate = pki.certificate("servers/a.example/a.example")
        assert written == {
            "folder": "certs",
            "certificates": [
                {
                    "name": "a.example",
                    "role": "server",
                    "state": "issued",
                    "subject": "CN=a.example,O=Test",
                    "serial": serial_text(certificate.serial_number),
                    "purposes": ["server", "client"],
                    "names": ["a.example"],
                    "key": "EC 384",
                    "not_before": certificate.not_valid_before_utc.isoformat(),
                    "not_after": certificate.not_valid_after_utc.isoformat(),
                    "certificate_file": "certs/servers/a.example/a.example.pem",
                    "key_file": "certs/servers/a.example/a.example.key",
                    "former": [],
                }
            ],
        }

    def test_makes_an_rsa_key_for_a_year_unless_told_otherwise(self, pki: Shell) -> None:
        (written,) = pki.json("issue", "ct", "--client")["certificates"]
        assert written["key"] == "RSA 2048"
        certificate = pki.certificate("clients/ct/ct")
        left = certificate.not_valid_after_utc - now()
        assert 364 * DAY < left <= 365 * DAY

    def test_takes_days(self, pki: Shell) -> None:
        issue(pki, "ct", "--days", "9")
        left = pki.certificate("clients/ct/ct").not_valid_after_utc - now()
        assert 8 * DAY < left <= 9 * DAY

    @pytest.mark.parametrize(
        ("options", "names"),
        [
            (["--san", "a.example"], ["a.example"]),
            (["--san", "a.example, 192.0.2.1", "--san", "::1"], ["a.example", "192.0.2.1", "::1"]),
            (["--local"], local_names()),
            (["--san", "a.example,localhost", "--local"],
             ["a.example", "localhost", *local_names()[1:]]),
        ],
    )  # fmt: skip
    def test_names_hosts(self, pki: Shell, options: list[str], names: list[str]) -> None:
        pki("issue", "pacs", "--key-type", "ec", *options)
        assert alternative_names(pki.certificate("servers/pacs/pacs")) == names

    @pytest.mark.parametrize(
        ("name", "names"),
        [
            ("pacs.example", ["pacs.example"]),
            ("192.0.2.1", ["192.0.2.1"]),
            ("localhost", local_names()),
        ],
    )
    def test_needs_no_hosts_if_the_name_is_one(
        self, pki: Shell, name: str, names: list[str]
    ) -> None:
        pki("issue", name, "--server", "--key-type", "ec")
        certificate = pki.certificate(f"servers/{name}/{name}")
        assert alternative_names(certificate) == names
        assert purpose_names(certificate) == ["server"]

    @pytest.mark.parametrize("purpose", [[], ["--server"]])
    def test_guesses_no_host(self, pki: Shell, purpose: list[str]) -> None:
        text = pki("issue", "pacs", *purpose, code=1)
        assert "'pacs' is no complete host name: add --san" in text
        assert "--local" in text
        assert "--client" in text
        assert not (pki.pki.folder / "servers").exists()

    def test_refuses_what_is_there_unless_forced(self, pki: Shell) -> None:
        issue(pki)
        serial = serial_text(pki.certificate("clients/ct/ct").serial_number)
        refusal = pki("issue", "ct", "--client", code=1)
        assert "certs/clients/ct/ct.pem is there already" in refusal
        assert "use --force" in refusal
        first, second = issue(pki, "ct", "--force").splitlines()
        assert first.startswith("issued certs/clients/ct/ct.pem")
        assert re.fullmatch(
            r"  the former one stays valid until \S+; to end that: leaddicom pki revoke " + serial,
            second,
        )

    def test_encrypts_the_key_on_request(self, pki: Shell) -> None:
        issue(pki, "ct", "--password-env", "SECRET")
        key = load_private_key(Path("certs/clients/ct/ct.key"), "hush")
        assert key.public_key() == pki.certificate("clients/ct/ct").public_key()
        assert "no terminal to ask" in pki("issue", "mr", "--client", "--ask-password", code=1)

    @pytest.mark.parametrize(
        "options", [["--server", "--client"], ["--days", "0"], ["--key-type", "dsa"]]
    )
    def test_refuses_what_cannot_be(self, pki: Shell, options: list[str]) -> None:
        assert "usage: leaddicom pki issue" in pki.refused("issue", "ct", *options)

    def test_needs_the_ca(self, pki: Shell) -> None:
        text = pki("issue", "ct", "--client", "--dir", "elsewhere", code=1)
        assert "no certificate authority in elsewhere" in text


class TestCaPassword:
    @pytest.mark.parametrize(
        "command", [["issue", "mr", "--client", "--key-type", "ec"], ["renew", "ct"],
                    ["revoke", "ct"], ["crl"]],
    )  # fmt: skip
    def test_is_needed_to_sign(self, encrypted: Shell, command: list[str]) -> None:
        issue(encrypted, "ct", "--ca-password-env", "CA")
        refusal = encrypted(*command, code=1)
        assert "certs/rootCA/rootCA.key is encrypted, and there is no terminal" in refusal
        assert "use --ca-password-env or --ca-password-file" in refusal
        Path("ca.txt").write_text("the CA's\n")
        encrypted(*command, "--ca-password-file", "ca.txt")

    def test_may_be_wrong(self, encrypted: Shell) -> None:
        text = encrypted("crl", "--ca-password-env", "SECRET", code=1)
        assert "Incorrect password, could not decrypt key. Give its password." in text

    def test_does_no_harm_if_the_key_is_not_encrypted(self, pki: Shell) -> None:
        pki("crl", "--ca-password-env", "CA")

    def test_is_not_needed_to_look(self, encrypted: Shell) -> None:
        encrypted("status")

    def test_is_set_by_init(
        self, certs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pki: Shell
    ) -> None:
        folder = shutil.copytree(certs, tmp_path / "new")
        text = pki("init", "--dir", str(folder), "--ca-password-env", "CA")
        assert text.splitlines()[0].endswith("(its key was encrypted)")
        assert is_encrypted(folder / "rootCA/rootCA.key")
        assert "there is no terminal" in pki("init", "--dir", str(folder), code=1)
        again = pki("init", "--dir", str(folder), "--ca-password-env", "CA")
        assert all(line.startswith("kept ") for line in again.splitlines())

    def test_is_asked_for_by_init(self, pki: Shell) -> None:
        assert "no terminal to ask" in pki("init", "--ask-ca-password", code=1)


class TestRenew:
    def test_tells_what_it_renewed_and_what_stays_valid(self, pki: Shell) -> None:
        issue(pki)
        former = pki.certificate("clients/ct/ct")
        first, second = pki("renew", "ct", "--days", "9").splitlines()
        expiry = pki.certificate("clients/ct/ct").not_valid_after_utc
        assert first == f"renewed certs/clients/ct/ct.pem valid until {expiry:%Y-%m-%d}"
        assert second.endswith(f"leaddicom pki revoke {serial_text(former.serial_number)}")

    def test_of_another_folder_names_it_in_the_advice(self, pki: Shell) -> None:
        shutil.move("certs", "my certs")
        issue(pki, "ct", "--dir", "my certs")
        assert pki("renew", "ct", "--dir", "my certs").rstrip().endswith("--dir 'my certs'")

    def test_of_all_within_a_time_keeps_the_others(self, pki: Shell) -> None:
        issue(pki, "long")
        issue(pki, "short", "--days", "9")
        text = pki("renew", "--all", "--within", "30d")
        assert [line.split()[:2] for line in text.splitlines() if line[0] != " "] == [
            ["kept", "certs/clients/long/long.pem"],
            ["renewed", "certs/clients/short/short.pem"],
        ]

    def test_tells_scripts_what_it_renewed(self, pki: Shell) -> None:
        issue(pki, "long")
        issue(pki, "short", "--days", "9")
        former = pki.certificate("clients/short/short")
        written = pki.json("renew", "--all", "--within", "2w")["certificates"]
        assert [(each["name"], each["state"]) for each in written] == [
            ("long", "kept"),
            ("short", "renewed"),
        ]
        assert written[1]["former"] == [serial_text(former.serial_number)]

    def test_makes_a_new_key_on_request(self, pki: Shell) -> None:
        issue(pki)
        former = pki.certificate("clients/ct/ct").public_key()
        pki("renew", "ct", "--new-key", "--password-env", "SECRET")
        key = load_private_key(Path("certs/clients/ct/ct.key"), "hush").public_key()
        assert key == pki.certificate("clients/ct/ct").public_key() != former

    def test_needs_no_password_for_a_key_that_stays(self, pki: Shell) -> None:
        issue(pki)
        assert "add --new-key" in pki("renew", "ct", "--password-env", "SECRET", code=1)

    @pytest.mark.parametrize("words", [[], ["ct", "--all"], ["--all", "--within", "soon"]])
    def test_refuses_what_is_not_clear(self, pki: Shell, words: list[str]) -> None:
        assert "usage: leaddicom pki renew" in pki.refused("renew", *words)


class TestRevoke:
    def test_tells_what_it_revoked(self, pki: Shell) -> None:
        issue(pki)
        serial = pki.certificate("clients/ct/ct").serial_number
        first, second = pki("revoke", "ct", "--reason", "keyCompromise").splitlines()
        (revocation,) = revocations(load_crl(pki.pki.crl_file))
        assert first == f"revoked ct {serial_text(serial)} (keyCompromise)"
        assert re.fullmatch(
            r"made certs/rootCA/rootCA\.crl valid until \S+, 1 revoked; give it to every peer",
            second,
        )
        assert (revocation.serial, revocation.reason.value) == (serial, "keyCompromise")
        again = pki("revoke", "ct").splitlines()[0]
        assert again == f"{first[:-1]}, already on {revocation.date:%Y-%m-%d})"

    def test_tells_scripts_what_it_revoked(self, pki: Shell) -> None:
        issue(pki)
        written = pki.json("revoke", "certs/clients/ct/ct.pem", "--days", "9")
        (revocation,) = revocations(load_crl(pki.pki.crl_file))
        (certificate,) = written["certificates"]
        assert (certificate["name"], certificate["state"]) == ("ct", "revoked")
        assert certificate["revoked"] == {
            "date": revocation.date.isoformat(),
            "reason": "unspecified",
        }
        assert written["crl"]["file"] == "certs/rootCA/rootCA.crl"
        assert (written["crl"]["revoked"], written["crl"]["flaw"]) == (1, "")
        assert pki.json("revoke", "ct")["certificates"][0]["state"] == "kept"

    def test_refuses_reasons_that_are_none(self, pki: Shell) -> None:
        assert "invalid choice" in pki.refused("revoke", "ct", "--reason", "boredom")

    def test_of_what_is_not_there_fails(self, pki: Shell) -> None:
        assert "There is no certificate of 'ct'" in pki("revoke", "ct", code=1)


class TestCrl:
    def test_tells_how_long_it_counts(self, pki: Shell) -> None:
        text = pki("crl", "--days", "9")
        expiry = load_crl(pki.pki.crl_file).next_update_utc
        assert text == (
            f"made certs/rootCA/rootCA.crl valid until {expiry:%Y-%m-%d}, 0 revoked; "
            "give it to every peer\n"
        )

    def test_tells_scripts_its_number(self, pki: Shell) -> None:
        first, second = (pki.json("crl")["crl"]["number"] for _ in range(2))
        assert second > first


class TestStatus:
    def test_is_0_if_nothing_is_due(self, pki: Shell) -> None:
        issue(pki)
        serial = serial_text(pki.certificate("clients/ct/ct").serial_number)
        ca = serial_text(pki.certificate("rootCA/rootCA").serial_number)
        assert pki("status").splitlines() == [
            f"valid 3651d certs/rootCA/rootCA.pem: CN=Test CA,O=Test; CA for CA; EC 256; {ca}",
            "valid 364d certs/clients/ct/ct.pem: CN=ct,O=Test; client for client; EC 256; "
            + serial,
            "valid 29d certs/rootCA/rootCA.crl: 0 revoked",
        ]

    def test_is_1_if_something_expires(self, pki: Shell) -> None:
        issue(pki, "ct", "--days", "9")
        lines = pki("status", code=1).splitlines()
        assert lines[1].startswith("expiring 8d certs/clients/ct/ct.pem")
        assert lines[-1] == "ct: leaddicom pki renew ct"
        pki("status", "--within", "1w")

    def test_is_1_if_the_list_is_missing_or_stale(self, pki: Shell) -> None:
        update_crl(pki.pki, lifetime=-DAY / 48)
        lines = pki("status", code=1).splitlines()
        assert re.fullmatch(r"bad certs/rootCA/rootCA\.crl: it is stale since .* UTC", lines[-2])
        assert lines[-1].endswith("; run: leaddicom pki crl")
        pki.pki.crl_file.unlink()
        assert "bad certs/rootCA/rootCA.crl: there is none of this CA" in pki("status", code=1)

    def test_is_1_if_the_ca_itself_ends(self, pki: Shell, authority: CertificateAuthority) -> None:
        assert "The CA ends soon: make a new one" in pki("status", "--within", "5000d", code=1)
        ended = CertificateAuthority.create(
            "Test CA", "Test", private_key=authority.pair.private_key, lifetime=-DAY / 48
        )
        ended.pair.save(pki.pki.ca_certificate_file, pki.pki.ca_key_file)
        assert "The CA is over: make a new one" in pki("status", code=1)

    def test_tells_scripts_everything(self, pki: Shell) -> None:
        issue(pki)
        pki("revoke", "ct", "--reason", "superseded")
        written = pki.json("status")
        certificate = pki.certificate("clients/ct/ct")
        (revocation,) = revocations(load_crl(pki.pki.crl_file))
        assert (written["folder"], written["due"]) == ("certs", False)
        assert written["certificates"][0]["role"] == "CA"
        date = revocation.date
        assert written["certificates"][1] == {
            "name": "ct",
            "role": "client",
            "condition": "revoked",
            "days_left": 364,
            "subject": "CN=ct,O=Test",
            "serial": serial_text(certificate.serial_number),
            "purposes": ["client"],
            "names": [],
            "key": "EC 256",
            "not_before": certificate.not_valid_before_utc.isoformat(),
            "not_after": certificate.not_valid_after_utc.isoformat(),
            "revoked": {"date": date.isoformat(), "reason": "superseded"},
            "certificate_file": "certs/clients/ct/ct.pem",
            "key_file": "certs/clients/ct/ct.key",
            "note": f"since {date:%Y-%m-%d}, superseded",
        }
        crl = load_crl(pki.pki.crl_file)
        assert crl.next_update_utc
        assert written["crl"].pop("number") > 0
        assert written["crl"] == {
            "file": "certs/rootCA/rootCA.crl",
            "next_update": crl.next_update_utc.isoformat(),
            "days_left": 29,
            "revoked": 1,
            "flaw": "",
        }

    def test_tells_scripts_what_is_due(self, pki: Shell) -> None:
        pki.pki.crl_file.unlink()
        written = pki.json("status", code=1)
        assert written["due"]
        assert (written["crl"]["next_update"], written["crl"]["number"]) == (None, None)

    def test_fails_without_a_ca(self, pki: Shell) -> None:
        text = pki("status", "--dir", "elsewhere", code=1)
        assert text.startswith("leaddicom: There is no certificate authority in elsewhere")


class TestStatusOnATerminal:
    @pytest.fixture
    def shown(self, pki: Shell, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
        class Terminal(io.StringIO):
            def isatty(self) -> bool:
                return True

        def run(code: int, **environment: str) -> str:
            for name in ("NO_COLOR", "FORCE_COLOR"):
                monkeypatch.delenv(name, raising=False)
            for name, value in {"COLUMNS": "100", "TERM": "dumb", **environment}.items():
                monkeypatch.setenv(name, value)
            with monkeypatch.context() as patch:
                stream = Terminal()
                patch.setattr(sys, "stdout", stream)
                assert main(["pki", "status"]) == code
            return stream.getvalue()

        return run

    def test_is_a_table(self, pki: Shell, shown: Callable[..., str]) -> None:
        issue(pki, "good")
        issue(pki, "soon", "--days", "9")
        issue(pki, "lost")
        pki("revoke", "lost", "--reason", "keyCompromise")
        lines = [" ".join(line.split()) for line in shown(1).splitlines()]
        assert "Issued by CN=Test CA,O=Test" in lines
        for line in (
            "Name Role Purposes Key Days left",
            "rootCA CA CA EC 256 3651 valid",
            "good client client EC 256 364 valid",
            "soon client client EC 256 8 expiring",
            "lost client client EC 256 364 revoked",
            "rootCA.crl CRL 29 valid",
            "soon: leaddicom pki renew soon",
        ):
            assert line in lines
        assert any(re.fullmatch("lost: since .*, keyCompromise", line) for line in lines)

    def test_has_colours(self, pki: Shell, shown: Callable[..., str]) -> None:
        issue(pki, "soon", "--days", "9")
        text = shown(1, TERM="xterm")
        assert re.search("\x1b\\[33m8 *\x1b.*\x1b\\[33mexpiring", text)
        assert re.search("\x1b\\[32m3651 *\x1b.*\x1b\\[32mvalid", text)

    def test_shows_a_list_that_is_missing(self, pki: Shell, shown: Callable[..., str]) -> None:
        pki.pki.crl_file.unlink()
        lines = [" ".join(line.split()) for line in shown(1).splitlines()]
        assert "rootCA.crl CRL bad" in lines


class TestExport:
    def test_writes_a_file(self, pki: Shell) -> None:
        issue(pki)
        text = pki("export", "ct", "--pkcs12", "ct.p12", "--password-env", "SECRET")
        assert text == "exported ct.p12, with the key of ct\n"
        held = pkcs12.load_pkcs12(Path("ct.p12").read_bytes(), b"hush")
        assert held.cert
        assert held.cert.certificate == pki.certificate("clients/ct/ct")

    def test_tells_scripts_where(self, pki: Shell) -> None:
        issue(pki, "ct", "--password-env", "CA")
        written = pki.json(
            "export", "ct", "--pkcs12", "ct.p12",
            "--password-env", "SECRET", "--key-password-env", "CA",
        )  # fmt: skip
        assert written == {"name": "ct", "file": "ct.p12"}

    def test_needs_a_password(self, pki: Shell) -> None:
        issue(pki)
        assert "no terminal" in pki("export", "ct", "--pkcs12", "ct.p12", code=1)
        assert not Path("ct.p12").exists()

    def test_needs_the_keys_password(self, pki: Shell) -> None:
        issue(pki, "ct", "--password-env", "CA")
        words = ("export", "ct", "--pkcs12", "ct.p12", "--password-env", "SECRET")
        assert "ct.key cannot be read" in pki(*words, code=1)
        assert "Incorrect password" in pki(*words, "--key-password-env", "SECRET", code=1)


@pytest.mark.parametrize("name", ["init", "issue", "renew", "revoke", "crl", "status", "export"])
def test_every_help_has_examples_and_exit_codes(pki: Shell, name: str, capsys: Any) -> None:
    with pytest.raises(SystemExit):
        main(["pki", name, "--help"])
    text = capsys.readouterr().out
    assert "examples:\n" in text
    assert re.search(r"exit codes:\n  0  .*\n  1  .*\n(?:     .*\n)?  2  ", text)
    assert f"  leaddicom pki {name}" in text
    assert "--json" in text
    understand(text)


def test_the_page_on_the_certificates_names_commands_that_exist() -> None:
    page = Path(__file__).parents[2] / "certs" / "certs.md"
    assert understand(page.read_text(encoding="utf-8")) > 15


def understand(text: str) -> int:
    """Parse every command of a text that stands on a line of its own; give their number."""
    commands = re.findall(r"^ +leaddicom (pki .*?)(?:   .*| \|.*)?$", text, re.MULTILINE)
    for each in commands:
        assert build_parser().parse_args(shlex.split(each, comments=True)).run
    return len(commands)
