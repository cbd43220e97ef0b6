"""What the readers of settings files have in common: reading the text, and naming flaws."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from os import PathLike, fspath
from pathlib import Path
from typing import NoReturn

from leaddicom.errors import DicomErrorCode, ParameterError

__all__ = ["is_unknown", "read_text", "refuse_line"]


def read_text(path: str | PathLike[str]) -> str:
    """Read a settings file, which is UTF-8, with or without a byte order mark.

    Raises
    ------
    ParameterError
        It cannot be read (code 3), or is not UTF-8.
    """
    try:
        return Path(path).read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ParameterError(
            f"{fspath(path)} cannot be read: {error.strerror}. Check the path and its rights.",
            DicomErrorCode.OPEN,
        ) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        refuse_line(path, line, "this is no UTF-8 text. Save the file as UTF-8.")


def refuse_line(path: str | PathLike[str], line: int, flaw: str) -> NoReturn:
    """Raise the `ParameterError` that tells what is wrong on a line of a file."""
    raise ParameterError(f"{fspath(path)}, line {line}: {flaw}") from None


def is_unknown(key: str, known: Iterable[str], write: Callable[[str], str] = str) -> str:
    """Give the rest of a sentence that begins with a key which is none of `known`.

    Parameters
    ----------
    key : str
        The key.
    known : iterable of str
        Those that there are.
    write : Callable[[str], str]
        How a key is written here.
    """
    folded = {each.casefold(): each for each in known}
    near = get_close_matches(key.casefold(), folded, 1, 0.7)
    if near:
        return f"is unknown. Is {write(folded[near[0]])} meant?"
    return f"is unknown. The keys here are {', '.join(map(write, folded.values()))}."
