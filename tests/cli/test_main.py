from __future__ import annotations

import argparse
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import leaddicom
from leaddicom.cli import main as module
from leaddicom.cli.main import build_parser, main
from leaddicom.errors import ParameterError


def fails_with(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Replace the command line by one whose only command fails."""

    def run(arguments: argparse.Namespace) -> int:
        raise error

    parser = argparse.ArgumentParser()
    parser.set_defaults(run=run)
    monkeypatch.setattr(module, "build_parser", lambda: parser)


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"leaddicom {leaddicom.__version__}\n"


def test_the_help_names_the_commands_the_exit_codes_and_where_to_start(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    text = capsys.readouterr().out
    assert caught.value.code == 0
    for part in ("mutual TLS", "pki ", "exit codes:", "leaddicom pki init"):
        assert part in text


@pytest.mark.parametrize("arguments", [[], ["pki"]])
def test_without_a_command_the_help_goes_to_standard_error(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(" ".join(["usage: leaddicom", *arguments]))


@pytest.mark.parametrize("arguments", [["nonsense"], ["pki", "nonsense"], ["pki", "init", "--no"]])
def test_what_is_not_understood_is_a_usage_error(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: leaddicom" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ParameterError("Too long:\nshorten it."), "leaddicom: Too long: shorten it.\n"),
        (OSError(13, "Permission denied", "x"), "leaddicom: [Errno 13] Permission denied: 'x'\n"),
        (KeyboardInterrupt(), "leaddicom: interrupted\n"),
    ],
)
def test_a_failure_is_one_line_on_standard_error(
    error: BaseException,
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fails_with(monkeypatch, error)
    assert main([]) == 1
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", line)


def test_an_error_of_our_own_making_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    fails_with(monkeypatch, ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        main([])


def test_every_command_has_a_help(capsys: pytest.CaptureFixture[str]) -> None:
    def check(parser: argparse.ArgumentParser) -> None:
        assert parser.format_help()
        for action in parser._actions:
            assert action.help or isinstance(action, argparse._SubParsersAction)
            if isinstance(action, argparse._SubParsersAction):
                assert len(action._choices_actions) == len(action.choices)
                for child in action.choices.values():
                    check(child)

    check(build_parser())


@pytest.mark.parametrize(("arguments", "code"), [(["--version"], 0), ([], 2)])
def test_the_package_can_be_run_as_a_module(
    arguments: list[str], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["leaddicom", *arguments])
    with pytest.raises(SystemExit) as caught:
        runpy.run_module("leaddicom", run_name="__main__")
    assert caught.value.code == code


def test_the_package_runs_as_a_process_of_its_own_without_warnings() -> None:
    command = [sys.executable, "-W", "error", "-m", "leaddicom", "--version"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (result.stdout, result.stderr) == (f"leaddicom {leaddicom.__version__}\n", "")


def test_who_has_read_enough_is_not_told_of_an_error(certs: Path) -> None:
    """As in ``leaddicom pki status | head -1``."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as stdout:
        ended = subprocess.run(
            [sys.executable, "-m", "leaddicom", "pki", "status", "--dir", str(certs)],
            stdout=stdout,
            stderr=subprocess.PIPE,
            check=False,
            timeout=60,
        )
    assert (ended.returncode, ended.stderr) == (1, b"")
