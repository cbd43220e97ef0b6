"""Options of the command line, made from the settings of a worklist manager."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from leaddicom.errors import ParameterError
from leaddicom.ups.settings.configuration import default_text, read_value
from leaddicom.ups.settings.options import OPTIONS, Option

__all__ = ["add_settings", "given_settings"]

_CONFIG = "config"

_NONE: Mapping[str, str] = MappingProxyType({})


def add_settings(
    parser: argparse.ArgumentParser,
    options: Iterable[Option],
    defaults: Mapping[str, str] = _NONE,
) -> None:
    """Add an option for each setting, grouped as the settings are.

    A switch gets a spelling with ``--no-``, too.  What is not given on the command line is not
    in the parsed arguments either, see :func:`given_settings`.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        What gets them.
    options : iterable of Option
        The settings.
    defaults : mapping of str to str
        Defaults for the help, by name, where they are not those of the worklist manager.
    """
    groups: dict[str, argparse._ArgumentGroup] = {}
    for option in options:
        if option.group not in groups:
            groups[option.group] = parser.add_argument_group(option.group)
        group = groups[option.group]
        if option.name == "log_level":
            _add_log_level(group, option, defaults)
        elif option.is_switch:
            group.add_argument(
                *option.flags, option.long_flag, dest=option.name, help=_help(option, defaults),
                action=argparse.BooleanOptionalAction, default=argparse.SUPPRESS,
            )  # fmt: skip
        else:
            _add_value(group, option, defaults)


def given_settings(arguments: argparse.Namespace) -> dict[str, object]:
    """Return the settings that the command line has, by name."""
    known = {_CONFIG, *OPTIONS}
    return {name: value for name, value in vars(arguments).items() if name in known}


def _add_value(group: argparse._ArgumentGroup, option: Option, defaults: Mapping[str, str]) -> None:
    spellings = [((*option.flags, option.long_flag), _help(option, defaults))]
    spellings += [((each,), argparse.SUPPRESS) for each in option.hidden]
    for flags, help_text in spellings:
        group.add_argument(
            *flags, dest=option.name, metavar=option.metavar, type=_reader(option),
            default=argparse.SUPPRESS, help=help_text,
        )  # fmt: skip


def _add_log_level(
    group: argparse._ArgumentGroup, option: Option, defaults: Mapping[str, str]
) -> None:
    levels = group.add_mutually_exclusive_group()
    _add_value(levels, option, defaults)
    shortcuts = (
        (("-q", "--quiet"), "error", "log errors only"),
        (("-v", "--verbose"), "info", "log what happens"),
        (("-d", "--debug"), "debug", "log all details"),
    )
    for flags, level, help_text in shortcuts:
        levels.add_argument(
            *flags, dest=option.name, action="store_const", const=level,
            default=argparse.SUPPRESS, help=help_text,
        )  # fmt: skip


def _help(option: Option, defaults: Mapping[str, str]) -> str:
    default = defaults[option.name] if option.name in defaults else default_text(option)
    return f"{option.help} (default: {default})" if default else option.help


def _reader(option: Option) -> Callable[[str], object]:
    def read(text: str) -> object:
        try:
            return read_value(option, text, Path.cwd())
        except ParameterError as error:
            raise argparse.ArgumentTypeError(error.message) from None

    return read
