"""What the subcommands' parsers have in common."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]
else:
    Commands = object

__all__ = ["Commands", "add_commands"]


def add_commands(parser: argparse.ArgumentParser) -> Commands:
    """Let `parser` take subcommands; without one it shows its help and exits with 2."""

    def show_help(arguments: argparse.Namespace) -> int:
        parser.print_help(sys.stderr)
        return 2

    parser.set_defaults(run=show_help)
    return parser.add_subparsers(title="commands", metavar="COMMAND")
