from __future__ import annotations

import argparse
import getpass
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from leaddicom.cli.secrets import add_password_options, new_password, password
from leaddicom.errors import ParameterError


def parse(*arguments: str, prefix: str = "", ask: bool = False) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_password_options(parser, "the private key", prefix, ask=ask)
    return parser.parse_args(arguments)


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Has somebody sit at a terminal, and gives what they are asked."""

    def sit_down(*answers: str | type[Exception]) -> list[str]:
        asked: list[str] = []
        left = iter(answers)

        def ask(prompt: str) -> str:
            asked.append(prompt)
            answer = next(left)
            if isinstance(answer, str):
                return answer
            raise answer

        monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
        monkeypatch.setattr(getpass, "getpass", ask)
        return asked

    return sit_down


@pytest.fixture(autouse=True)
def no_terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with open(os.devnull, encoding="ascii") as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        yield


class TestGivenPassword:
    @pytest.mark.parametrize("find", [password, partial(new_password, ask=True)])
    def test_comes_from_the_environment_or_the_first_line_of_a_file(
        self,
        find: Callable[[argparse.Namespace, str], str | None],
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
    ) -> None:
        monkeypatch.setenv("SECRET", "from the environment")
        (tmp_path / "secret").write_text(" grüße \r\nnot this\n", encoding="utf-8")
        named = parse("--password-env", "SECRET")
        filed = parse("--password-file", str(tmp_path / "secret"))
        assert find(named, "x") == "from the environment"
        assert find(filed, "x") == " grüße "

    def test_may_have_a_prefix(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SECRET", "hush")
        arguments = parse("--ca-password-env", "SECRET", prefix="ca-")
        assert password(arguments, "the CA's key", "ca-") == "hush"

    def test_goes_before_the_prompt(
        self, monkeypatch: pytest.MonkeyPatch, typed: Callable[..., list[str]]
    ) -> None:
        monkeypatch.setenv("SECRET", "hush")
        asked = typed()
        arguments = parse("--password-env", "SECRET")
        assert password(arguments, "x") == new_password(arguments, "x", ask=True) == "hush"
        assert asked == []

    def test_needs_the_variable(self) -> None:
        with pytest.raises(ParameterError, match="no environment variable NOWHERE, which --pass"):
            password(parse("--password-env", "NOWHERE"), "x")

    def test_needs_the_file(self, tmp_path: Path) -> None:
        (tmp_path / "latin").write_bytes(b"\xfcber\n")
        for name, why in [("missing", "No such file"), ("latin", "it is not UTF-8")]:
            with pytest.raises(ParameterError, match=f"read from .*{name}: {why}"):
                password(parse("--password-file", str(tmp_path / name)), "x")

    def test_is_not_empty_and_not_longer_than_openssl_takes(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        arguments = parse("--password-env", "SECRET")
        (tmp_path / "secret").write_text("\nsecond line\n")
        with pytest.raises(ParameterError, match=r"The first line of .*secret is empty"):
            password(parse("--password-file", str(tmp_path / "secret")), "x")
        monkeypatch.setenv("SECRET", "")
        with pytest.raises(ParameterError, match="The environment variable SECRET is empty"):
            password(arguments, "x")
        monkeypatch.setenv("SECRET", "x" * 1024)
        with pytest.raises(ParameterError, match="SECRET is longer than 1023 bytes"):
            password(arguments, "x")
        monkeypatch.setenv("SECRET", "x" * 1023)
        assert password(arguments, "x") == "x" * 1023

    def test_is_never_an_argument(self, capsys: pytest.CaptureFixture[str]) -> None:
        for arguments in (["--password", "hush"], ["--ask-password=hush"]):
            with pytest.raises(SystemExit):
                parse(*arguments, ask=True)
        assert "usage" in capsys.readouterr().err

    def test_has_one_source(self) -> None:
        with pytest.raises(SystemExit):
            parse("--password-env", "A", "--password-file", "B")


class TestPassword:
    def test_is_asked_for_once(self, typed: Callable[..., list[str]]) -> None:
        asked = typed("hush")
        assert password(parse(), "the private key") == "hush"
        assert asked == ["Password of the private key: "]

    def test_is_none_without_a_terminal(self) -> None:
        assert password(parse(), "x") is None

    @pytest.mark.parametrize(
        ("answer", "said"), [("", "The password is empty"), (EOFError, "No password was typed")]
    )
    def test_has_to_be_typed(
        self, typed: Callable[..., list[str]], answer: str | type[Exception], said: str
    ) -> None:
        typed(answer)
        with pytest.raises(ParameterError, match=said):
            password(parse(), "x")


class TestNewPassword:
    def test_is_asked_for_twice(self, typed: Callable[..., list[str]]) -> None:
        asked = typed("hush", "hush")
        arguments = parse("--ask-password", ask=True)
        assert new_password(arguments, "the new key", ask=arguments.ask_password) == "hush"
        assert asked == ["New password of the new key: ", "The same again: "]

    def test_has_to_be_the_same_twice(self, typed: Callable[..., list[str]]) -> None:
        typed("hush", "hash")
        with pytest.raises(ParameterError, match="The two passwords differ"):
            new_password(parse(), "x", ask=True)

    def test_is_none_if_none_is_wanted(self, typed: Callable[..., list[str]]) -> None:
        asked = typed()
        arguments = parse(ask=True)
        assert new_password(arguments, "x", ask=arguments.ask_password) is None
        assert asked == []

    def test_needs_a_terminal(self) -> None:
        with pytest.raises(ParameterError, match=r"no terminal .* --ca-password-env or --ca-passw"):
            new_password(parse(prefix="ca-"), "x", "ca-", ask=True)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo terminals")
def test_at_a_terminal_nothing_is_shown() -> None:
    program = (
        "import argparse; from leaddicom.cli.secrets import *; p = argparse.ArgumentParser();"
        "add_password_options(p, 'x'); print('got', password(p.parse_args([]), 'x'))"
    )
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", program],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
        start_new_session=True,
    )
    os.close(theirs)
    shown = b""
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        while b"Password of x: " not in shown:
            shown += terminal.read(64)
        os.write(ours, b"hush\n")
        assert process.communicate(timeout=30)[0] == "got hush\n"
        assert b"hush" not in shown
