from __future__ import annotations

import io
import sys
from datetime import datetime, timezone

import pytest

from leaddicom.cli.ups.text import complain, local_text, shown, write_rows


class TestShown:
    @pytest.mark.parametrize(
        ("text", "safe"),
        [
            ("Müller 山田 [bold]", "Müller 山田 [bold]"),
            ("\x1b[2J", r"\x1b[2J"),
            ("a\nb\tc\r\0", r"a\nb\tc\r\x00"),
            ("\u202egnp", r"\u202egnp"),
            ("\x9b31m", r"\x9b31m"),
            ("\udcff", r"\udcff"),
        ],
    )
    def test_has_nothing_that_a_terminal_obeys(self, text: str, safe: str) -> None:
        assert shown(text) == safe

    def test_can_be_written_whatever_the_terminal_knows(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), "ascii"))
        assert shown("山") == r"\u5c71"


def test_rows_in_a_pipe_are_lines_whatever_is_in_them(capsys: pytest.CaptureFixture[str]) -> None:
    write_rows("Title", ("A", "B"), [("1\t2", "3\n4")])
    assert capsys.readouterr().out == "1\\t2\t3\\n4\n"


def test_a_complaint_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    complain("a\nb\x1b")
    assert capsys.readouterr().err == "leaddicom: a\\nb\\x1b\n"


def test_times_are_local_if_they_have_a_zone() -> None:
    aware = datetime(2030, 4, 1, 10, 30, tzinfo=timezone.utc)
    assert local_text(aware) == f"{aware.astimezone():%Y-%m-%d %H:%M}"
    assert local_text(aware.replace(tzinfo=None)) == "2030-04-01 10:30"
    assert local_text(None) == ""
