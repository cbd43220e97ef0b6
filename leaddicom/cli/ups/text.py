"""What others have written, fit to be shown; and tables of it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from leaddicom.cli.output import write_line, write_table

__all__ = ["add_json", "complain", "counted", "local_text", "shown", "write_rows"]


def shown(text: str) -> str:
    """Escape what is not to reach a terminal, or would break a line in two.

    Control characters, and those that change the direction of the text, can make a terminal show
    what is not there; what the terminal cannot show at all is escaped, too.
    """
    plain = "".join(each if each.isprintable() else _escaped(each) for each in text)
    encoding = sys.stdout.encoding or "utf-8"
    return plain.encode(encoding, "backslashreplace").decode(encoding)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def complain(text: str, program: str = "leaddicom") -> None:
    """Write a line on standard error."""
    sys.stderr.write(f"{program}: {shown(text)}\n")


def counted(count: int, one: str, several: str) -> str:
    """Write a number, and what there is of it."""
    return f"{count} {one if count == 1 else several}"


def local_text(moment: datetime | None) -> str:
    """Write a point in time for people, in this computer's time zone if it has one."""
    if moment is None:
        return ""
    local = moment.astimezone() if moment.tzinfo is not None else moment
    return f"{local:%Y-%m-%d %H:%M}"


def write_rows(
    title: str,
    headings: Sequence[str],
    rows: Iterable[Sequence[str]],
    styles: dict[str, str] | None = None,
) -> None:
    """Write a table on a terminal, and elsewhere a line for each row, with tabs between the cells.

    If the terminal is too narrow for the table, the last cell of a row gets a line of its own.

    Parameters
    ----------
    title : str
        Of the table.
    headings : sequence of str
        Of the columns; they and the title do not reach a pipe.
    rows : iterable of sequence of str
        The cells, as others have written them.
    styles : dict of str to str, optional
        How rich shows certain cells, by their text.
    """
    cells = [[shown(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for row in cells:
            write_line("\t".join(row))
    elif _fits(headings, cells):
        known = styles or {}
        write_table(
            title, headings, [[Text(cell, known.get(cell, "")) for cell in row] for row in cells]
        )
    else:
        # Columns of a few letters would be of no use, least of all for UIDs.
        write_line(f"{title}\n")
        for *others, last in cells:
            write_line("  ".join(filter(None, others)))
            write_line(f"    {last}")


def _fits(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Tell whether the terminal is wide enough for a table."""
    columns = zip(headings, *rows, strict=True)
    gaps = 3 * (len(headings) - 1) + 2  # as rich draws them
    return sum(max(map(cell_len, each)) for each in columns) + gaps <= Console().width


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add ``--json``."""
    parser.add_argument("--json", action="store_true", help="write JSON, for scripts")
