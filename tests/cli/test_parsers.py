from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from datetime import timedelta

import pytest

from leaddicom.cli.parsers import FreeOrderParser, add_commands, days, time_span


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("30d", timedelta(days=30)),
        ("30", timedelta(days=30)),
        ("12h", timedelta(hours=12)),
        ("2w", timedelta(days=14)),
        ("0d", timedelta()),
    ],
)
def test_a_time_span_is_a_number_with_a_unit(text: str, span: timedelta) -> None:
    assert time_span(text) == span


@pytest.mark.parametrize("text", ["", "d", "-1d", "1.5d", "30m", "30 d", "9999999", "٣d"])
def test_nothing_else_is_a_time_span(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="write for example 30d or 12h"):
        time_span(text)


@pytest.mark.parametrize("number", [1, 365, 36525])
def test_days_are_a_whole_number(number: int) -> None:
    assert days(str(number)) == timedelta(days=number)


@pytest.mark.parametrize("text", ["", "0", "-1", "36526", "1.5", "30d", "x"])
def test_nothing_else_are_days(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="between 1 and 36525"):
        days(text)


class TestFreeOrder:
    @staticmethod
    def parse(*arguments: str) -> Namespace:
        parser = FreeOrderParser(prog="outer")
        inner = add_commands(parser, FreeOrderParser).add_parser("inner")
        inner.add_argument("host")
        inner.add_argument("files", nargs="*")
        inner.add_argument("--debug", action="store_true")
        return parser.parse_args(arguments)

    @pytest.mark.parametrize(
        "arguments",
        [
            ("--debug", "host", "a", "b"),
            ("host", "--debug", "a", "b"),
            ("host", "a", "--debug", "b"),
            ("host", "a", "b", "--debug"),
        ],
    )
    def test_lets_options_stand_anywhere(self, arguments: tuple[str, ...]) -> None:
        found = self.parse("inner", *arguments)
        assert (found.host, found.files, found.debug) == ("host", ["a", "b"], True)

    def test_needs_what_other_parsers_need(self, capsys: pytest.CaptureFixture[str]) -> None:
        for arguments in (["inner"], ["inner", "host", "--no"]):
            with pytest.raises(SystemExit) as caught:
                self.parse(*arguments)
            assert caught.value.code == 2
        assert capsys.readouterr().err.count("usage: outer") == 2

    def test_is_for_those_who_want_it(self) -> None:
        commands = add_commands(ArgumentParser())
        assert type(commands.add_parser("inner")) is ArgumentParser
