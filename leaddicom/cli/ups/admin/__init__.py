"""``leaddicom ups admin``: what an operator does with the database of a worklist manager."""

from __future__ import annotations

import argparse

from leaddicom.cli.parsers import Commands, FreeOrderParser, add_commands
from leaddicom.cli.ups.admin import entities, locks, operation, workitems

__all__ = ["register"]

_DESCRIPTION = """\
Look after the database of a worklist manager, on a host that reaches it. The manager may be
running meanwhile; what changes here is reported to subscribers by it, as all changes are.
"""

_EPILOG = """\
The database is the one of the manager's INI file (-c), or of --database, or worklist.sqlite in the
current folder. Whatever changes something is recorded in the audit trail with the operator's name.

exit codes:
  0  done
  1  failed, refused or nothing found; one line on standard error says why and what to do
  2  the command line was not understood

examples:
  leaddicom ups admin list --state in-progress
  leaddicom ups admin force-state 1.2.3.4 canceled --reason 'The performer has crashed'
  leaddicom ups admin subscriptions --locked
  leaddicom ups admin break-lock 1.2.3.4
  leaddicom ups admin statistics --json -c manager.ini
  leaddicom ups admin ae add WATCHER watcher.example 2763
"""


def register(commands: Commands) -> None:
    """Add ``admin`` and its subcommands to the command line."""
    parser = commands.add_parser(
        "admin",
        help="look after the database of a worklist manager",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    own = add_commands(parser, FreeOrderParser)
    for module in (workitems, locks, operation, entities):
        module.register(own)
