"""What the subcommands' parsers have in common."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]
else:
    Commands = object

__all__ = ["Commands", "FreeOrderParser", "add_command", "add_commands", "days", "time_span"]

_UNITS = {"h": "hours", "d": "days", "w": "weeks"}

#: A hundred years: nothing that is issued here is to live longer.
_MAXIMUM = timedelta(days=36525)


class FreeOrderParser(argparse.ArgumentParser):
    """Takes options and positional arguments in any order: ``a.dcm --debug b.dcm``, too."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._is_parsing = False

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse what belongs to this parser, and give the rest."""
        # The method of Python for this calls this one, and knows no subcommands.
        has_commands = any(each.nargs == argparse.PARSER for each in self._actions)
        if self._is_parsing or has_commands:
            return super().parse_known_args(args, namespace)
        self._is_parsing = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._is_parsing = False


def add_commands(
    parser: argparse.ArgumentParser,
    kind: type[argparse.ArgumentParser] = argparse.ArgumentParser,
) -> Commands:
    """Let `parser` take subcommands; without one it shows its help and exits with 2.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        What takes them.
    kind : type
        Of the parsers of the subcommands.
    """

    def show_help(arguments: argparse.Namespace) -> int:
        parser.print_help(sys.stderr)
        return 2

    parser.set_defaults(run=show_help)
    return parser.add_subparsers(title="commands", metavar="COMMAND", parser_class=kind)


def add_command(
    commands: Commands,
    name: str,
    run: Callable[[argparse.Namespace], int],
    *,
    summary: str,
    description: str,
    epilog: str,
) -> argparse.ArgumentParser:
    """Add a subcommand that does something, with its help laid out as it is written."""
    parser = commands.add_parser(
        name,
        help=summary,
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    return parser


def time_span(text: str) -> timedelta:
    """Read ``30d``, ``12h``, ``2w``, or a number of days."""
    found = re.fullmatch(r"(\d{1,6})([hdw]?)", text, re.ASCII)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no time span: write for example 30d or 12h")
    return timedelta(**{_UNITS[found[2] or "d"]: int(found[1])})


def days(text: str) -> timedelta:
    """Read a number of days, at least one."""
    span = timedelta(days=int(text)) if re.fullmatch(r"\d{1,6}", text, re.ASCII) else timedelta()
    if not timedelta() < span <= _MAXIMUM:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no number of days between 1 and {_MAXIMUM.days}"
        )
    return span
