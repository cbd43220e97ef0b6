"""A JSON file, and on which line of it something stands."""

from __future__ import annotations

import json
import re
from os import PathLike
from pathlib import Path
from typing import Any, NoReturn

from leaddicom.ups.settings.text_file import read_text, refuse_line

__all__ = ["JsonFile"]

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')

_Keys = tuple["str | int", ...]


class JsonFile:
    """A JSON file that was read.

    Parameters
    ----------
    path : str or path-like
        The file.

    Attributes
    ----------
    content
        What it says.
    folder : pathlib.Path
        Where it lies.

    Raises
    ------
    ParameterError
        It cannot be read (code 3), is no JSON, or has a key twice in one object.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self._path = path
        self.folder = Path(path).parent
        text = read_text(path)
        try:
            self.content: Any = json.loads(text)
        except json.JSONDecodeError as error:
            refuse_line(path, error.lineno, f"this is no JSON: {error.msg}.")
        except RecursionError:
            refuse_line(path, 1, "this is nested far too deep.")
        self._lines = self._find_lines(text)

    def refuse(self, keys: _Keys, flaw: str) -> NoReturn:
        """Raise the `ParameterError` that tells what is wrong with a value, and where it stands.

        Parameters
        ----------
        keys : tuple of str and int
            The way to the value; where there is none, the line is that of what should have it.
        flaw : str
            What is wrong and what to do, as the rest of a sentence that begins with the key.
        """
        found = keys
        while found not in self._lines:
            found = found[:-1]
        subject = keys[-1] if keys and isinstance(keys[-1], str) else "this"
        refuse_line(self._path, self._lines[found], f"{subject} {flaw}")

    def _find_lines(self, text: str) -> dict[_Keys, int]:
        """Give the line on which each value, or the key before it, begins."""
        lines: dict[_Keys, int] = {}
        way: list[Any] = []  # an index in a list; in an object a key, None where one has to come
        for token in _TOKEN.finditer(text):
            what = token[0]
            if what in "]}":
                way.pop()
            elif what == ",":
                way[-1] = way[-1] + 1 if isinstance(way[-1], int) else None
            elif what != ":":
                line = text.count("\n", 0, token.start()) + 1
                if way and way[-1] is None:
                    way[-1] = json.loads(what)
                    if tuple(way) in lines:
                        refuse_line(self._path, line, f"{way[-1]} stands here twice. Remove one.")
                lines.setdefault(tuple(way), line)
                if what in "[{":
                    way.append(0 if what == "[" else None)
        return lines
