"""``leaddicom pki``: a small certificate authority for development and tests."""

from __future__ import annotations

import argparse

from leaddicom.cli.parsers import Commands, add_commands
from leaddicom.cli.pki import development, export, issuing, revoking, status

__all__ = ["register"]

_EPILOG = """\
exit codes:
  0  done
  1  failed; one line on standard error says why and what to do
     (status: also if something is due)
  2  the command line was not understood

examples:
  leaddicom pki init                                       a CA, two servers, four clients
  leaddicom pki issue pacs --san pacs.example              one more server
  leaddicom pki renew --all --within 30d                   before they expire
  leaddicom pki revoke modality --reason keyCompromise     if its key was stolen
  leaddicom pki status                                     how it stands with all of them
"""


def register(commands: Commands) -> None:
    """Add ``pki`` and its subcommands to the command line."""
    summary = "make certificates for development and tests"
    parser = commands.add_parser(
        "pki",
        help=summary,
        description=f"{summary.capitalize()}.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    own = add_commands(parser)
    for module in (development, issuing, revoking, export, status):
        module.register(own)
