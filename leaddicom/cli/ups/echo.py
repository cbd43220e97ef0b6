"""``leaddicom ups echo``: whether a worklist manager answers."""

from __future__ import annotations

import argparse

from leaddicom.cli.output import write_json, write_line
from leaddicom.cli.parsers import Commands, add_command
from leaddicom.cli.ups.client import EXIT_CODES, PERFORMER, add_client_options, connected
from leaddicom.cli.ups.text import shown

__all__ = ["register"]

_EPILOG = f"""\
{EXIT_CODES}
example:
  leaddicom ups echo localhost 2762
"""


def register(commands: Commands) -> None:
    """Add ``echo``."""
    parser = add_command(
        commands, "echo", _echo, summary="see whether a worklist manager answers",
        description="See whether a worklist manager answers (C-ECHO).", epilog=_EPILOG,
    )  # fmt: skip
    add_client_options(parser, PERFORMER)


def _echo(arguments: argparse.Namespace) -> int:
    with connected(arguments) as ups:
        seconds = ups.echo()
    if arguments.json:
        write_json({"manager": ups.manager, "seconds": seconds})
    else:
        write_line(shown(f"{ups.manager} answers."))
    return 0
