"""What the subcommands write: JSON for scripts, tables for people, lines for pipes."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

__all__ = ["write_json", "write_line", "write_table"]


def write_json(document: object) -> None:
    """Write a JSON document."""
    sys.stdout.write(json.dumps(document, indent=2) + "\n")


def write_line(text: str) -> None:
    """Write a line as it is, however wide the terminal."""
    sys.stdout.write(f"{text}\n")


def write_table(
    title: str,
    headings: Sequence[str],
    rows: Iterable[Sequence[str | Text]],
    notes: Iterable[str] = (),
) -> None:
    """Write a table, and lines below it, as wide as the terminal.

    Texts are taken as they are: a bracket in a folder's name is not rich's markup.
    """
    table = Table(title=Text(title), box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row))
    console = Console(file=sys.stdout, highlight=False)
    console.print(table)
    for note in notes:
        console.print(note, markup=False)
