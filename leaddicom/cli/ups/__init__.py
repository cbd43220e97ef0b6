"""``leaddicom ups``: the worklist manager, and what clients do with it."""

from __future__ import annotations

import argparse

from leaddicom.cli.parsers import Commands, FreeOrderParser, add_commands
from leaddicom.cli.ups import (
    admin,
    changing,
    claiming,
    create,
    echo,
    finding,
    performing,
    reading,
    serve,
    subscribing,
    watching,
)

__all__ = ["register"]

_EPILOG = """\
A UPS (Unified Procedure Step) is a piece of work that somebody has scheduled and somebody else
performs, such as one treatment session. A worklist manager keeps them, and tells who wants to
know how they get on.

exit codes:
  0  done
  1  failed; one line on standard error says why and what to do
  2  the command line was not understood

examples:
  leaddicom pki init                                       make the certificates, once
  leaddicom ups serve                                      a worklist manager on port 2762
  leaddicom ups create localhost 2762 samples/workitems    some workitems
  leaddicom ups list localhost 2762                        what is to be done
  leaddicom ups claim localhost 2762 UID                   begin with one of them
  leaddicom ups complete localhost 2762 UID --as-scheduled
"""


def register(commands: Commands) -> None:
    """Add ``ups`` and its subcommands to the command line."""
    parser = commands.add_parser(
        "ups",
        help="worklists: Unified Procedure Step",
        description="Worklists: Unified Procedure Step (DICOM PS3.4 Annex CC).",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    own = add_commands(parser, FreeOrderParser)
    for module in (
        serve,
        echo,
        create,
        finding,
        reading,
        claiming,
        performing,
        changing,
        subscribing,
        watching,
        admin,
    ):
        module.register(own)
