"""A TOML file, and on which line of it something stands."""

from __future__ import annotations

import re
import sys
from bisect import bisect_left
from os import PathLike, fspath
from pathlib import Path
from typing import Any, NoReturn

from leaddicom.errors import DicomErrorCode, ParameterError

if sys.version_info >= (3, 11):
    import tomllib
else:  # pragma: no cover - the standard library has it from Python 3.11 on
    import tomli as tomllib

__all__ = ["TomlFile", "key_text"]

# How the parser ends its messages.
_TOML_LINE = re.compile(r" \(at line ([0-9]+), column [0-9]+\)$")

_BARE = re.compile("[A-Za-z0-9_-]+")


class TomlFile:
    """A TOML file that was read.

    Parameters
    ----------
    path : str or path-like
        The file.

    Attributes
    ----------
    content : dict
        What it says.

    Raises
    ------
    ParameterError
        It cannot be read (code 2), or is no TOML.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self._path = fspath(path)
        try:
            # Editors of Windows begin a file with a byte order mark, which TOML does not know.
            self._text = Path(path).read_bytes().decode("utf-8-sig")
            self.content: dict[str, Any] = tomllib.loads(self._text)
        except OSError as error:
            raise ParameterError(
                f"{self._path} cannot be read: {error.strerror}. Check the path and its rights.",
                DicomErrorCode.OPEN,
            ) from error
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            self._refuse(line, "this is no UTF-8 text. Save the file as UTF-8.")
        except tomllib.TOMLDecodeError as error:
            line_found = _TOML_LINE.search(str(error))
            self._refuse(
                int(line_found[1]) if line_found else 0,
                f"this is no TOML: {_TOML_LINE.sub('', str(error))}. Put texts in quotes and lists "
                "in brackets, and give each name once.",
            )

    def refuse(self, keys: tuple[str, ...], flaw: str) -> NoReturn:
        """Raise the `ParameterError` that tells what is wrong with a value, and where it stands.

        Parameters
        ----------
        keys : tuple of str
            The way to the value; where a key does not exist, the line is that of its table.
        flaw : str
            What is wrong and what to do, as the rest of a sentence that begins with the key.
        """
        self._refuse(self._line(keys), f"{'.'.join(map(key_text, keys))} {flaw}")

    def _refuse(self, line: int, flaw: str) -> NoReturn:
        where = f"{self._path}, line {line}" if line else self._path
        raise ParameterError(f"{where}: {flaw}") from None

    def _line(self, keys: tuple[str, ...]) -> int:
        """Give the number of the line on which a value begins; 0 if it is not there."""
        while keys and not _has(self.content, keys):
            keys = keys[:-1]
        lines = self._text.replace("\r\n", "\n").split("\n")

        def has(number: int) -> bool:
            """Tell whether the value is known once the statement on this line has ended."""
            for end in range(number, len(lines)):
                try:
                    return _has(tomllib.loads("\n".join(lines[:end])), keys)
                except tomllib.TOMLDecodeError:
                    continue  # the line lies inside a list or text of several lines
            return True

        return bisect_left(range(len(lines)), True, key=has) if keys else 0


def key_text(key: object) -> str:
    """Return a key, quoted unless it is plain."""
    return key if isinstance(key, str) and _BARE.fullmatch(key) else repr(key)


def _has(content: object, keys: tuple[str, ...]) -> bool:
    for key in keys:
        if not isinstance(content, dict) or key not in content:
            return False
        content = content[key]
    return True
