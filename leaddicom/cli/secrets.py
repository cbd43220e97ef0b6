"""Passwords: from a prompt, a variable of the environment or a file, never from an argument.

What stands on the command line is seen by every user of the computer (``ps``) and stays in the
shell's history.
"""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from pathlib import Path

from leaddicom.errors import ParameterError

__all__ = ["add_password_options", "new_password", "password"]

#: The most that OpenSSL takes.
_MAXIMUM_BYTES = 1023


def add_password_options(
    parser: argparse.ArgumentParser, what: str, prefix: str = "", *, ask: bool = False
) -> None:
    """Add ``--password-env`` and ``--password-file`` to a command.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        The command.
    what : str
        Whose password, for the help: ``"the private key"``.
    prefix : str
        What tells several passwords of one command apart: ``"ca-"`` for ``--ca-password-env``.
    ask : bool
        Whether also to add ``--ask-password``, for a password that is given only on request.
    """
    options = parser.add_mutually_exclusive_group()
    if ask:
        options.add_argument(
            f"--ask-{prefix}password", action="store_true", help=f"ask for a password of {what}"
        )
    options.add_argument(
        f"--{prefix}password-env",
        metavar="NAME",
        help=f"environment variable with the password of {what}",
    )
    options.add_argument(
        f"--{prefix}password-file",
        type=Path,
        metavar="FILE",
        help=f"file whose first line is the password of {what}",
    )


def password(arguments: argparse.Namespace, what: str, prefix: str = "") -> str | None:
    """Return the password of something that is encrypted.

    With its arguments bound it is the callable that `leaddicom.tls.load_credentials` takes.

    Parameters
    ----------
    arguments : argparse.Namespace
        Those of :func:`add_password_options`.
    what : str
        Whose password, for the prompt.
    prefix : str
        As there.

    Returns
    -------
    str or None
        The password; None if none was given and there is no terminal to ask at.

    Raises
    ------
    ParameterError
        If there is no such variable or file, or the password is empty or too long.
    """
    given = _given(arguments, prefix)
    if given is not None or not sys.stdin.isatty():
        return given
    return _checked(_typed(f"Password of {what}: "), "The password")


def new_password(
    arguments: argparse.Namespace, what: str, prefix: str = "", *, ask: bool
) -> str | None:
    """Return the password to encrypt something with; a prompt asks for it twice.

    Parameters
    ----------
    arguments, what, prefix
        As for :func:`password`.
    ask : bool
        Whether one is needed even if no option names it.

    Returns
    -------
    str or None
        The password; None if none was given and none is needed.

    Raises
    ------
    ParameterError
        As for :func:`password`, if the two differ, or there is no terminal to ask at.
    """
    given = _given(arguments, prefix)
    if given is not None or not ask:
        return given
    if not sys.stdin.isatty():
        raise ParameterError(
            f"There is no terminal to ask for the password of {what}: use "
            f"--{prefix}password-env or --{prefix}password-file."
        )
    typed = _checked(_typed(f"New password of {what}: "), "The password")
    if typed != _typed("The same again: "):
        raise ParameterError("The two passwords differ. Try again.")
    return typed


def _given(arguments: argparse.Namespace, prefix: str) -> str | None:
    stem = prefix.replace("-", "_")
    name: str | None = getattr(arguments, f"{stem}password_env")
    file: Path | None = getattr(arguments, f"{stem}password_file")
    if name is not None:
        if name not in os.environ:
            raise ParameterError(
                f"There is no environment variable {name}, which --{prefix}password-env names."
            )
        return _checked(os.environ[name], f"The environment variable {name}")
    if file is not None:
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8"
            raise ParameterError(f"No password can be read from {file}: {reason}.") from error
        return _checked(text.partition("\n")[0].rstrip("\r"), f"The first line of {file}")
    return None


def _typed(prompt: str) -> str:
    try:
        return getpass.getpass(prompt)
    except EOFError as error:
        raise ParameterError("No password was typed.") from error


def _checked(text: str, where: str) -> str:
    if not text:
        raise ParameterError(f"{where} is empty, but is to be a password.")
    if len(text.encode("utf-8", "surrogateescape")) > _MAXIMUM_BYTES:
        raise ParameterError(f"{where} is longer than {_MAXIMUM_BYTES} bytes, as no password is.")
    return text
