"""An INI file of settings, and on which line of it something stands."""

from __future__ import annotations

import configparser
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from os import PathLike
from typing import NoReturn

from leaddicom.ups.settings.text_file import is_unknown, read_text, refuse_line

__all__ = ["IniFile", "Setting"]

#: What a section for a C-MOVE destination has.
_DESTINATION = frozenset({"address", "port"})


@dataclass(frozen=True, slots=True)
class Setting:
    """A value as it stands in the file.

    Attributes
    ----------
    text : str
        The value.
    line : int
        Its line.
    """

    text: str
    line: int


class IniFile:
    """An INI file that was read: ``key: value`` or ``key = value`` under ``[DEFAULT]``.

    Parameters
    ----------
    path : str or path-like
        The file.
    known : collection of str
        The keys that there may be.

    Attributes
    ----------
    settings : mapping of str to Setting
        By key.
    destinations : mapping of str to int
        Names of sections that describe nothing but a C-MOVE destination, and their lines.  Other
        managers' files have them.

    Raises
    ------
    ParameterError
        It cannot be read (code 3) or is no INI file; a key is unknown or stands there twice.
    """

    def __init__(self, path: str | PathLike[str], known: Collection[str]) -> None:
        self._path = path
        lines = _Lines(read_text(path))
        parser = configparser.ConfigParser(interpolation=None, default_section="DEFAULT")
        parser.optionxform = lines.note_key  # type: ignore[assignment, method-assign]
        try:
            parser.read_file(lines)
        except configparser.MissingSectionHeaderError as error:
            self._refuse(error.lineno, "a section is missing. Begin the file with [DEFAULT].")
        except configparser.DuplicateOptionError as error:
            self._refuse(error.lineno or 0, f"{error.option} stands here twice. Remove one.")
        except configparser.DuplicateSectionError as error:
            self._refuse(
                error.lineno or 0, f"[{error.section}] stands here twice. Make one of them."
            )
        except configparser.ParsingError as error:
            self._refuse(error.errors[0][0], "this is no setting. Write it as key: value.")
        self.settings: Mapping[str, Setting] = {
            key: Setting(value, lines.keys["DEFAULT", key])
            for key, value in parser.defaults().items()
        }
        self.destinations = self._other_sections(parser, lines)
        for key, setting in self.settings.items():
            if key not in known:
                self._refuse(setting.line, f"{key} {is_unknown(key, known)}")

    def refuse(self, key: str, flaw: str) -> NoReturn:
        """Raise the `ParameterError` that tells what is wrong with a value, and where it stands."""
        self._refuse(self.settings[key].line, f"{key} {flaw}")

    def _refuse(self, line: int, flaw: str) -> NoReturn:
        refuse_line(self._path, line, flaw)

    def _other_sections(
        self, parser: configparser.ConfigParser, lines: _Lines
    ) -> Mapping[str, int]:
        for section, key in lines.keys:
            if section != "DEFAULT" and key not in _DESTINATION:
                self._refuse(
                    lines.keys[section, key],
                    f"{key} stands in the section [{section}], where it means nothing. Move it to "
                    "[DEFAULT].",
                )
        return {section: lines.sections[section] for section in parser.sections()}


class _Lines:
    """The lines of a text; it knows on which of them the parser finds what."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._number = 0
        self._section = ""
        self.sections: dict[str, int] = {}
        self.keys: dict[tuple[str, str], int] = {}

    def __iter__(self) -> Iterator[str]:
        for line in self._text.splitlines(keepends=True):
            self._number += 1
            header = configparser.ConfigParser.SECTCRE.match(line.strip())
            if header:
                self._section = header["header"]
                self.sections.setdefault(self._section, self._number)
            yield line

    def note_key(self, key: str) -> str:
        """Take a key for the same in upper and lower case, as INI files do."""
        key = key.lower()
        self.keys.setdefault((self._section, key), self._number)
        return key
