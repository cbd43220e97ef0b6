"""``leaddicom ups get`` and ``leaddicom ups show``: a workitem with all its attributes."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from leaddicom.cli.parsers import Commands, add_command
from leaddicom.cli.ups.client import EXIT_CODES, PERFORMER, add_client_options, connected
from leaddicom.cli.ups.describing import dicom_json, lines_of, tree_of
from leaddicom.cli.ups.files import save
from leaddicom.cli.ups.keys import read_keyword
from leaddicom.cli.ups.outcome import finish
from leaddicom.cli.ups.uids import add_uid

if TYPE_CHECKING:
    from leaddicom.ups.client.results import UpsResult

__all__ = ["register"]

_GET_EPILOG = f"""\
{EXIT_CODES}
examples:
  leaddicom ups get localhost 2762 1.2.3.4
  leaddicom ups get localhost 2762 1.2.3.4 ProcedureStepState InputReadinessState
  leaddicom ups get localhost 2762 1.2.3.4 --output workitem.dcm
  leaddicom ups get localhost 2762 1.2.3.4 --json
"""

_SHOW_EPILOG = f"""\
{EXIT_CODES}
example:
  leaddicom ups show localhost 2762 1.2.3.4
"""


def register(commands: Commands) -> None:
    """Add ``show`` and ``get``."""
    parser = add_command(
        commands, "show", _show, summary="show a workitem to people",
        description="Show a workitem, in words and without what has no value.", epilog=_SHOW_EPILOG,
    )  # fmt: skip
    add_client_options(parser, PERFORMER, "UID")
    add_uid(parser)
    parser.set_defaults(keywords=[])
    parser = add_command(
        commands, "get", _get, summary="read the attributes of a workitem",
        description="Read a workitem (N-GET): all its attributes, or some of them, as KEYWORD=VALUE"
        "\nor in the DICOM JSON model. For people: leaddicom ups show", epilog=_GET_EPILOG,
    )  # fmt: skip
    add_client_options(parser, PERFORMER, "UID [KEYWORD ...]")
    add_uid(parser)
    parser.add_argument(
        "keywords", metavar="KEYWORD", nargs="*", type=read_keyword, help="what to read"
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE", type=Path, help="also write it to a DICOM file"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace the file if it is there")


def _read(arguments: argparse.Namespace) -> UpsResult:
    with connected(arguments) as ups:
        return ups.get(arguments.uid, arguments.keywords)


def _show(arguments: argparse.Namespace) -> int:
    result = _read(arguments)
    dataset = result.workitem.dataset
    lines = (f"Workitem {arguments.uid}", *tree_of(dataset, "  "))
    return finish(arguments, result, lines, dicom_json(dataset))


def _get(arguments: argparse.Namespace) -> int:
    result = _read(arguments)
    dataset = result.workitem.dataset
    if arguments.output is not None and not result.is_failure:
        save(dataset, arguments.output, arguments.uid, overwrite=arguments.overwrite)
    return finish(arguments, result, lines_of(dataset), dicom_json(dataset))
