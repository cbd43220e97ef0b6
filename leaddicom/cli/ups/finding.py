"""``leaddicom ups find`` and ``leaddicom ups list``: what is in the worklist."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from leaddicom.cli.output import write_json, write_line
from leaddicom.cli.parsers import Commands, add_command
from leaddicom.cli.ups import keys, moments
from leaddicom.cli.ups.client import EXIT_CODES, PERFORMER, add_client_options, connected
from leaddicom.cli.ups.describing import (
    codes_text,
    dicom_json,
    facts_of,
    lines_of,
    patient_text,
)
from leaddicom.cli.ups.files import save
from leaddicom.cli.ups.filters import add_filters, identifier_of
from leaddicom.cli.ups.text import complain, counted, local_text, write_rows
from leaddicom.ups.core.terms import SopClass
from leaddicom.values import is_uid

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from leaddicom.ups.client.views import WorkitemView

__all__ = ["HEADINGS", "STYLES", "by_start", "register", "row_of"]

_LIST_DESCRIPTION = """\
List workitems as a table, or with tabs between the columns if the output is no terminal.
"""

_LIST_EPILOG = f"""\
{moments.HELP}
{keys.HELP}
exit codes:
  0  done
  1  nothing was found, or it failed; one line on standard error says why
  2  the command line was not understood

examples:
  leaddicom ups list localhost 2762
  leaddicom ups list localhost 2762 --state scheduled --station LINAC1 --from today --to today
  leaddicom ups list localhost 2762 --patient-name 'Doe*' --json
  leaddicom ups list localhost 2762 -k InputReadinessState=READY
"""

_FIND_DESCRIPTION = """\
Find workitems (C-FIND) and show all that the manager returns of them, as KEYWORD=VALUE or in the
DICOM JSON model. For a table: leaddicom ups list
"""

_FIND_EPILOG = f"""\
query file:
  A DICOM file of the matching keys and of what is to be returned; it is sent as it is, with the
  other keys of the command line. Without one, all that managers have to return is asked for.

{moments.HELP}
{keys.HELP}
{EXIT_CODES}
     1 also if nothing was found

examples:
  leaddicom ups find localhost 2762 -k ProcedureStepState=SCHEDULED
  leaddicom ups find localhost 2762 -k ScheduledStationNameCodeSequence.CodeValue=LINAC1
  leaddicom ups find localhost 2762 -k ScheduledProcedureStepStartDateTime=20300401-20300402
  leaddicom ups find -f samples/queries/scheduled.dcm --write found/ localhost 2762
"""

HEADINGS = ("Start", "State", "Priority", "Label", "Station", "Patient", "Workitem")

#: How states and priorities are shown on a terminal.
STYLES = {"IN PROGRESS": "cyan", "COMPLETED": "green", "CANCELED": "dim", "HIGH": "bold red"}

_ON = {"pull": SopClass.PULL, "watch": SopClass.WATCH, "query": SopClass.QUERY}


def register(commands: Commands) -> None:
    """Add ``list`` and ``find``."""
    parser = add_command(
        commands, "list", _list, summary="list workitems",
        description=_LIST_DESCRIPTION, epilog=_LIST_EPILOG,
    )  # fmt: skip
    _add_options(parser)
    parser = add_command(
        commands, "find", _find, summary="find workitems, with all their attributes",
        description=_FIND_DESCRIPTION, epilog=_FIND_EPILOG,
    )  # fmt: skip
    _add_options(parser)
    add = parser.add_argument
    add("-f", "--file", metavar="FILE", help="DICOM file with the query")
    # Users of other clients have -w without a folder.
    where = parser.add_mutually_exclusive_group()
    where.add_argument("-w", dest="write", action="store_const", const=Path(), help="as --write .")
    where.add_argument(
        "--write", "--save", metavar="FOLDER", type=Path,
        help="also write each match to a DICOM file in this folder",
    )  # fmt: skip
    add("--overwrite", action="store_true", help="replace files that are there")


def _add_options(parser: argparse.ArgumentParser) -> None:
    add_filters(parser)  # first: what matters here is not to stand behind all of the link
    add_client_options(parser, PERFORMER)
    parser.add_argument("--limit", type=_limit, metavar="N", help="stop after so many")
    parser.add_argument(
        "--on", choices=_ON, default="pull", help="SOP class to ask on (default: pull)"
    )


def _list(arguments: argparse.Namespace) -> int:
    with connected(arguments) as ups:
        on = _ON[arguments.on]
        found = list(ups.find(identifier_of(arguments), find_on=on, limit=arguments.limit))
    found.sort(key=by_start)
    if arguments.json:
        write_json([facts_of(each) for each in found])
    else:
        write_rows(
            counted(len(found), "workitem", "workitems"), HEADINGS, map(row_of, found), STYLES
        )
    return _code(len(found))


def _find(arguments: argparse.Namespace) -> int:
    identifier = _identifier(arguments)
    documents, count = [], 0
    with connected(arguments) as ups:
        for each in ups.find(identifier, find_on=_ON[arguments.on], limit=arguments.limit):
            count += 1
            if arguments.write is not None:
                path = arguments.write / _file_name(each, count)
                save(each.dataset, path, each.uid, overwrite=arguments.overwrite)
            if arguments.json:
                documents.append(dicom_json(each.dataset))
            else:
                _write_match(each.dataset, is_first=count == 1)
    if arguments.json:
        write_json(documents)
    return _code(count)


def _identifier(arguments: argparse.Namespace) -> Dataset:
    identifier = identifier_of(arguments)
    if arguments.file is None:
        return identifier
    from leaddicom.ups.client.association import as_dataset

    # Of the rest only what is a key: what is to be returned is the file's to say.
    sent = as_dataset(arguments.file)
    for element in identifier:
        if not element.is_empty:
            sent.add(element)
    return sent


def _file_name(match: WorkitemView, number: int) -> str:
    # A UID has digits and dots, so that no name leads anywhere else.
    return f"{match.uid}.dcm" if is_uid(match.uid) else f"match{number:06}.dcm"


def _write_match(dataset: Dataset, *, is_first: bool) -> None:
    if not is_first:
        write_line("")
    for line in lines_of(dataset):
        write_line(line)


def _code(count: int) -> int:
    if not count:
        complain("Nothing was found.")
    return 0 if count else 1


def by_start(workitem: WorkitemView) -> tuple[datetime, str]:
    """Order workitems by their start, those without one last."""
    start = workitem.start or datetime.max.replace(tzinfo=timezone.utc)
    return (start if start.tzinfo else start.astimezone()), workitem.uid


def row_of(workitem: WorkitemView) -> Sequence[str]:
    """Give a workitem for a table with the `HEADINGS`."""
    progress = "" if workitem.progress is None else f" {workitem.progress:g} %"
    state = workitem.state.value if workitem.state else ""
    return (
        local_text(workitem.start),
        state + (progress if state == "IN PROGRESS" else ""),
        workitem.priority.value if workitem.priority else "",
        workitem.label,
        codes_text(workitem),
        patient_text(workitem),
        workitem.uid,
    )


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 10_000_000):
        raise argparse.ArgumentTypeError(f"{text!a} is no number above 0")
    return int(text)
