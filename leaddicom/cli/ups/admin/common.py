"""What the subcommands of ``leaddicom ups admin`` have in common."""

from __future__ import annotations

import argparse
import getpass
import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from leaddicom.cli.output import write_line
from leaddicom.cli.parsers import Commands, add_command
from leaddicom.cli.ups.options import add_settings, given_settings
from leaddicom.cli.ups.text import add_json
from leaddicom.errors import ParameterError
from leaddicom.ups.settings.configuration import Configuration, load_configuration
from leaddicom.ups.settings.options import OPTIONS

if TYPE_CHECKING:
    from leaddicom.ups.store import Store, Writer

__all__ = ["add_admin_command", "agrees", "configuration_of", "opened", "record"]

_EPILOG = """\
exit codes:
  0  done
  1  failed, refused or nothing found; one line on standard error says why and what to do
  2  the command line was not understood

"""


def add_admin_command(
    commands: Commands,
    name: str,
    run: Callable[[argparse.Namespace], int],
    usage: str,
    *,
    summary: str,
    examples: str,
    description: str = "",
) -> argparse.ArgumentParser:
    """Add a subcommand that works on the database.

    Parameters
    ----------
    commands : Commands
        What gets it.
    name : str
        How it is called.
    run : Callable[[argparse.Namespace], int]
        Does it, and gives the exit code.
    usage : str
        What follows the options on the command line.
    summary, description : str
        What it does, on one line and on more.
    examples : str
        Lines that begin with two spaces.
    """
    plural = "s" if examples.count("\n") > 1 else ""
    parser = add_command(
        commands,
        name,
        run,
        summary=summary,
        description=description or f"{summary[0].upper()}{summary[1:]}.",
        epilog=f"{_EPILOG}example{plural}:\n{examples}",
    )
    parser.usage = f"%(prog)s [OPTION ...] {usage}".rstrip()
    parser.add_argument(
        "-c", "--config", metavar="FILE", default=argparse.SUPPRESS,
        help="INI file of the manager",
    )  # fmt: skip
    add_settings(parser, (OPTIONS["database_location"], OPTIONS["timezone"]))
    add_json(parser)
    parser.add_argument(
        "--operator", metavar="NAME", help="who does it, for the audit trail (default: the user)"
    )
    parser.set_defaults(parser=parser)
    return parser


def configuration_of(arguments: argparse.Namespace) -> Configuration:
    """Read the manager's configuration, as far as the database is concerned."""
    return load_configuration(given_settings(arguments), os.environ)


@contextmanager
def opened(arguments: argparse.Namespace) -> Iterator[Store]:
    """Have the store that a manager uses; none is made.

    Raises
    ------
    DicomError
        There is none, or it cannot be used.
    """
    # Not at the top: the database's library takes its time.
    from leaddicom.ups.store import Store

    configuration = configuration_of(arguments)
    store = Store(configuration.database_location, zone=configuration.timezone)
    store.open_existing()
    try:
        yield store
    finally:
        store.close()


def record(
    writer: Writer,
    arguments: argparse.Namespace,
    operation: str,
    *,
    uid: str = "",
    status: int = 0,
    detail: str = "",
) -> None:
    """Put into the audit trail what the operator has done, or was refused."""
    from leaddicom.ups.store import AuditEntry

    writer.record(
        AuditEntry(
            operation=f"admin {operation}",
            uid=uid,
            status=status,
            peer=socket.gethostname(),
            identity=f"operator {arguments.operator or _user()}",
            detail=detail,
        )
    )


def agrees(arguments: argparse.Namespace, question: str) -> bool:
    """Ask whether to go on, unless ``--yes`` is given.

    Raises
    ------
    ParameterError
        There is no terminal to ask at.
    """
    if arguments.yes:
        return True
    if not sys.stdin.isatty():
        raise ParameterError(f"There is no terminal to ask at. {question} Then add --yes.")
    sys.stdout.write(f"{question} (yes/no) ")
    sys.stdout.flush()
    if sys.stdin.readline().strip().lower() in ("y", "yes"):
        return True
    write_line("Nothing was changed.")
    return False


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return f"user {os.getuid()}" if hasattr(os, "getuid") else "unknown"
