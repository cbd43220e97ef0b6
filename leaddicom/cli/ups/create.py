"""``leaddicom ups create``: workitems from DICOM files."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from leaddicom.cli.output import write_json
from leaddicom.cli.parsers import Commands, add_command
from leaddicom.cli.ups.client import (
    CREATOR,
    EXIT_CODES,
    add_client_options,
    connected,
    in_commands,
    program,
)
from leaddicom.cli.ups.outcome import document_of, text_of
from leaddicom.cli.ups.text import complain, counted, write_rows
from leaddicom.errors import DataSetError, DicomError, ParameterError
from leaddicom.ups.settings.options import OPTIONS

if TYPE_CHECKING:
    from leaddicom.ups.client import UpsScu
    from leaddicom.ups.client.results import UpsResult

__all__ = ["Row", "created", "main", "register"]

_DESCRIPTION = """\
Create workitems on a worklist manager (N-CREATE), each from a DICOM file that holds its
attributes. Of a folder, the DICOM files in it are taken; with -r those in its folders, too.

What fails does not keep the others from being created.
"""

_EPILOG = f"""\
{EXIT_CODES}
examples:
  leaddicom ups create localhost 2762 samples/workitems/plan_review.dcm
  leaddicom ups create localhost 2762 samples/workitems --new-uids
  leaddicom ups create manager 2762 monday/ -r -ca ca.pem -cert me.pem -key me.key
  leaddicom ups create manager 2762 monday/ -r --json | jq '.results[] | select(.error)'
"""

#: Where DICOM files have their mark (PS3.10 section 7.1).
_MARK_AT, _MARK = 128, b"DICM"

#: Files that were skipped, and are named.
_NAMED = 3


@dataclass(slots=True)
class Row:
    """What became of a file; `error` is "" if the workitem is there now."""

    path: str
    result: UpsResult | None = None
    error: str = ""

    @property
    def text(self) -> str:
        """What became of it, in a few words."""
        if self.error or self.result is None or self.result.is_success:
            return self.error or "created"
        return f"created, with a warning: {self.result.meaning}"


def register(commands: Commands) -> None:
    """Add ``create``."""
    parser = add_command(
        commands,
        "create",
        _run,
        summary="create workitems from DICOM files",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    _add_options(parser)


def main(argv: Sequence[str] | None = None, *, certs: Path = Path("certs")) -> int:
    """Create workitems as a program of its own.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments, without the program's name; those of the process unless given.
    certs : Path
        Folder of the default certificates.

    Returns
    -------
    int
        0 if all workitems were created.
    """
    return program(_add_options, _run, argv, certs, _DESCRIPTION)


def _add_options(parser: argparse.ArgumentParser) -> None:
    add_client_options(parser, CREATOR, "FILE_OR_FOLDER ...", more=(OPTIONS["profiles"],))
    parser.add_argument("paths", metavar="FILE_OR_FOLDER", nargs="+", help="what to create")
    parser.add_argument(
        "-r", "--recurse", action="store_true", help="also take folders within folders"
    )
    parser.add_argument(
        "--new-uids",
        action="store_true",
        help="give each workitem a new UID, whatever its file says",
    )


def _run(arguments: argparse.Namespace) -> int:
    skipped: list[str] = []
    paths = list(_files(arguments.paths, arguments.recurse, skipped))
    if not paths:
        raise ParameterError(
            "There is no DICOM file among what was named. Name files, or folders that have some; "
            "-r takes the folders within folders, too."
        )
    with connected(arguments) as ups:
        rows = created(ups, paths, arguments.new_uids)
    _write(arguments, rows, skipped)
    failed = sum(bool(row.error) for row in rows)
    if failed:
        verb = "was" if failed == 1 else "were"
        total = counted(len(rows), "workitem", "workitems")
        complain(f"{failed} of {total} {verb} not created.", arguments.program)
    return 1 if failed else 0


def created(ups: UpsScu, paths: Sequence[str], new_uids: bool) -> list[Row]:
    """Create workitems, one after the other, and go on where one fails.

    Parameters
    ----------
    ups : UpsScu
        Client of the manager.
    paths : sequence of str
        Files.
    new_uids : bool
        Whether to give them new UIDs.

    Raises
    ------
    DicomError
        The manager could not be reached at all.
    """
    rows: list[Row] = []
    with _progress(len(paths)) as advance:
        for path in paths:
            row = Row(path)
            rows.append(row)
            try:
                row.result = _create(ups, path, new_uids)
                row.error = text_of(row.result) if row.result.is_failure else ""
            except (ParameterError, DataSetError) as error:
                row.error = in_commands(str(error))
            except DicomError as error:
                # The manager is gone: each further file would only wait for it in vain.
                if len(rows) == 1:
                    raise
                row.error = in_commands(str(error))
                rows += [Row(each, error="not tried") for each in paths[len(rows) :]]
                break
            advance()
    return rows


def _create(ups: UpsScu, path: str, new_uids: bool) -> UpsResult:
    from pydicom.uid import generate_uid

    return ups.create(path, str(generate_uid(prefix=None)) if new_uids else "")


def _files(paths: Iterable[str], recurse: bool, skipped: list[str]) -> Iterator[str]:
    """Give the files to take, and note those of folders that are none of DICOM."""
    for path in paths:
        if not os.path.isdir(path):
            yield path  # whatever it is: it was named
            continue
        for folder, folders, names in os.walk(path):
            folders[:] = sorted(folders) if recurse else []
            for name in sorted(names):
                found = os.path.join(folder, name)
                if _is_dicom(found):
                    yield found
                else:
                    skipped.append(found)


def _is_dicom(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(_MARK_AT + len(_MARK))[_MARK_AT:] == _MARK
    except OSError:
        return True  # so that it is told why it cannot be read


@contextmanager
def _progress(total: int) -> Iterator[Callable[[], None]]:
    """Show on a terminal how far it has come; gives what to call after each file."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    is_shown = console.is_terminal and total > 1
    with Progress(*columns, console=console, disable=not is_shown, transient=True) as bar:
        task = bar.add_task("create", total=total)
        yield lambda: bar.advance(task)


def _write(arguments: argparse.Namespace, rows: Sequence[Row], skipped: Sequence[str]) -> None:
    failed = sum(bool(row.error) for row in rows)
    if arguments.json:
        results = [
            {
                "file": row.path,
                **(document_of(row.result) if row.result else {}),
                "error": row.error,
            }
            for row in rows
        ]
        counts = {"created": len(rows) - failed, "failed": failed}
        write_json({**counts, "results": results, "skipped": list(skipped)})
        return
    cells = [(row.path, row.result.uid if row.result else "", row.text) for row in rows]
    write_rows(f"{len(rows) - failed} created", ("File", "Workitem", "What became of it"), cells)
    if skipped:
        names = ", ".join(skipped[:_NAMED]) + (" and others" if len(skipped) > _NAMED else "")
        complain(f"Skipped, as they are no DICOM files: {names}", arguments.program)
