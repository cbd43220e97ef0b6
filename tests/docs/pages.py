"""What the pages of the documentation tell the reader to run, and what it is said to print.

A block is run under the name in the comment before it: ``<!-- run: client.py -->``, its output
compared with the block after ``<!-- output: client.py -->``.
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
DOCS = ROOT / "docs"

_BLOCK = re.compile(
    r"(?:<!-- (?P<use>\w+): (?P<name>.+?) -->\n+)?"
    r"^```(?P<language>\w+)\n(?P<code>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)


def blocks(page: str) -> list[tuple[str, str, str, str]]:
    """Give the code blocks of a page: use ("" if none is noted), name, language and content."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return [
        (found["use"] or "", found["name"] or "", found["language"], found["code"])
        for found in _BLOCK.finditer(text)
    ]


def block(page: str, use: str, name: str) -> str:
    """Give one block of a page."""
    found = [
        code for its_use, its_name, _, code in blocks(page) if (its_use, its_name) == (use, name)
    ]
    if len(found) != 1:
        raise AssertionError(f"docs/{page} has {len(found)} blocks '{use}: {name}', not 1")
    return found[0]
