"""The console command ``leaddicom``.

A subcommand is a module with a function ``register(commands)`` that adds its parser and sets
the default ``run`` to a function from the parsed arguments to the exit code.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import suppress

from leaddicom import __version__
from leaddicom.cli import doctor, pki, ups
from leaddicom.cli.parsers import Commands, add_commands
from leaddicom.errors import DicomError

__all__ = ["build_parser", "main"]

_EPILOG = """\
exit codes:
  0  done
  1  failed; one line on standard error says why and what to do
  2  the command line was not understood

start here:
  leaddicom pki init            make the certificates that the samples use
  leaddicom doctor HOST PORT    find out why a link does or does not work
  leaddicom ups serve           run a worklist manager
"""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line with all its subcommands."""
    parser = argparse.ArgumentParser(
        prog="leaddicom",
        description="DICOM networking over mutual TLS.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"leaddicom {__version__}")
    commands: Commands = add_commands(parser)
    pki.register(commands)
    doctor.register(commands)
    ups.register(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments, without the program's name; those of the process unless given.

    Returns
    -------
    int
        0 if all went well, 1 if not, with one line on standard error, 2 if no subcommand
        was given.

    Raises
    ------
    SystemExit
        With 2 for arguments that are not understood, and 0 after ``--help`` and
        ``--version``.
    """
    arguments = build_parser().parse_args(argv)
    try:
        code: int = arguments.run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:  # who reads has had enough, such as `head`
        with suppress(OSError):  # what is left shall not fail once more when Python ends
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (DicomError, OSError) as error:
        return _fail(str(error))
    except KeyboardInterrupt:
        return _fail("interrupted")
    return code


def _fail(message: str) -> int:
    sys.stderr.write(f"leaddicom: {' '.join(message.split())}\n")
    return 1
