"""Text from certificates in log lines."""

from __future__ import annotations

import pytest

from leaddicom.tls import describe, printable

from .certificates import NOW, issue


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ü", "plain ü"),
        ("a\nb\x00\x1b[31m", "a\\nb\\x00\\x1b[31m"),
        ("\u202egnp", "\\u202egnp"),
        ("\ud800", "\\ud800"),
        ("", ""),
    ],
)
def test_printable(text, shown):
    assert printable(text) == shown


def test_describe():
    text = describe(issue("pacs", begin=NOW, end=NOW.replace(year=NOW.year + 2)).certificate)
    assert text.startswith(f"subject CN=pacs, issuer CN=pacs, valid {NOW:%Y-%m-%d %H:%M:%S} to ")
    assert text.endswith(" UTC")


def test_describe_is_one_line_of_bounded_length():
    issued = issue("x\ny" * 21)
    text = describe(issued.certificate)
    assert "\n" not in text
    assert len(text) < 700
    assert "..." not in text


def test_describe_shortens_long_names(monkeypatch):
    monkeypatch.setattr("leaddicom.tls.text._LONGEST", 10)
    assert "subject CN=pacs..., issuer" in describe(issue("pacs.example").certificate)


class _Garbled:
    @property
    def subject(self):
        raise ValueError("bad\nname")


def test_describe_never_raises():
    assert describe(_Garbled()) == "a certificate that cannot be decoded (bad\\nname)"
