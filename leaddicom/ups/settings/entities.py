"""The application entities that a worklist manager knows, and the file that lists them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from os import PathLike
from types import MappingProxyType
from typing import Literal

from leaddicom.errors import ParameterError
from leaddicom.ups.settings.json_file import JsonFile
from leaddicom.ups.settings.text_file import is_unknown
from leaddicom.values import check_ae_title

__all__ = ["ApplicationEntity", "load_entities", "load_machines"]

_FINGERPRINT = re.compile("[0-9a-f]{64}")

#: Keys of ApplicationEntities.json; the first five are those that files of old have.
_KEYS = MappingProxyType(
    {
        "AETitle": "title",
        "IPAddr": "host",
        "Port": "port",
        "mTLS": "tls",
        "CACertificate": "ca_file",
        "Fingerprint": "fingerprint",
        "EventSCU": "event_scu",
        "FallbackList": "fallback_list",
    }
)
_REQUIRED = ("AETitle", "IPAddr", "Port")
_KINDS: Mapping[str, tuple[type, str]] = MappingProxyType(
    {"Port": (int, "a number without quotes")}
    | dict.fromkeys(("mTLS", "EventSCU", "FallbackList"), (bool, "true or false without quotes"))
)
_TEXT = (str, "a text in quotes")
_TWICE = "is {!a}, which another entry has, too. Remove one of them."

#: What an entity needs besides the one attribute that is checked.
_SAMPLE: Mapping[str, object] = MappingProxyType({"title": "X", "host": "localhost", "port": 1})


@dataclass(frozen=True, slots=True)
class ApplicationEntity:
    """A system that may receive event reports, and where it listens.

    Attributes
    ----------
    title : str
        AE title, without padding; upper and lower case differ.
    host : str
        Host name or address.
    port : int
        TCP port, 1 to 65535.
    tls : bool
        Whether it is reached over mutual TLS.
    ca_file : str or None
        The CA to trust for it; `None` is the manager's own.
    fingerprint : str or None
        SHA-256 fingerprint that its certificate has to have, 64 lower-case hexadecimal digits
        (colons and upper case are taken away); `None` is any that the CA has issued.
    event_scu : bool
        Whether it may receive event reports at all.  If not, a subscription for it is answered
        with C315H.
    fallback_list : bool
        Whether it hears of restarts and shutdowns without a subscription (PS3.4 section
        CC.2.4.3).
    origin : str
        Who has put it into the table: the "admin", or the "file" that is read at each start.

    Raises
    ------
    ParameterError
        An attribute cannot be.
    """

    title: str
    host: str
    port: int
    tls: bool = True
    ca_file: str | None = None
    fingerprint: str | None = None
    event_scu: bool = True
    fallback_list: bool = False
    origin: Literal["admin", "file"] = "admin"

    def __post_init__(self) -> None:
        object.__setattr__(self, "title", self.title.strip(" "))
        check_ae_title(self.title)
        if not self.host or not self.host.isprintable() or " " in self.host:
            raise ParameterError(f"{self.host!a} is no host name or address.")
        if not 0 < self.port < 65536:
            raise ParameterError(f"{self.port} is no port between 1 and 65535.")
        if self.fingerprint is not None:
            plain = self.fingerprint.replace(":", "").lower()
            if not _FINGERPRINT.fullmatch(plain):
                raise ParameterError(
                    f"{self.fingerprint!a} is no SHA-256 fingerprint: 64 hexadecimal digits."
                )
            if not self.tls:
                raise ParameterError(
                    "A fingerprint is of a certificate, which is shown in TLS only: "
                    "switch TLS on, or leave the fingerprint out."
                )
            object.__setattr__(self, "fingerprint", plain)


def load_entities(path: str | PathLike[str], *, tls: bool = True) -> tuple[ApplicationEntity, ...]:
    """Read the table of application entities, ``ApplicationEntities.json``.

    It is a list of objects with ``AETitle``, ``IPAddr`` and ``Port``, and as far as wanted
    ``mTLS``, ``CACertificate`` (relative to the folder of the file), ``Fingerprint``,
    ``EventSCU`` and ``FallbackList``.

    Parameters
    ----------
    path : str or path-like
        The file.
    tls : bool
        For entities without ``mTLS``.

    Raises
    ------
    ParameterError
        It cannot be read (code 3), something in it cannot be or is unknown, or an AE title
        stands there twice; the message tells file, line, key and remedy.
    """
    file = JsonFile(path)
    entities: dict[str, ApplicationEntity] = {}
    for index, entry in enumerate(_entries(file, _KEYS, _REQUIRED)):
        entity = _entity(file, index, entry, tls)
        if entity.title in entities:
            file.refuse((index, "AETitle"), _TWICE.format(entity.title))
        entities[entity.title] = entity
    return tuple(entities.values())


def load_machines(path: str | PathLike[str]) -> Mapping[str, str]:
    """Read the map of treatment machines, ``MachineMap.json``.

    It is a list of objects with ``machine``, the machine's name, and ``AETitle``, that of the
    application entity that performs its workitems.

    Parameters
    ----------
    path : str or path-like
        The file.

    Returns
    -------
    mapping
        AE titles by name of machine.

    Raises
    ------
    ParameterError
        As for :func:`load_entities`; several machines may share an AE title.
    """
    file = JsonFile(path)
    machines: dict[str, str] = {}
    keys = ("machine", "AETitle")
    for index, entry in enumerate(_entries(file, keys, keys)):
        name, title = str(entry["machine"]), str(entry["AETitle"]).strip(" ")
        if not name:
            file.refuse((index, "machine"), "is empty. Give the machine's name.")
        if name in machines:
            file.refuse((index, "machine"), _TWICE.format(name))
        try:
            check_ae_title(title)
        except ParameterError as error:
            file.refuse((index, "AETitle"), f"cannot be: {error.message}")
        machines[name] = title
    return MappingProxyType(machines)


def _entries(
    file: JsonFile, known: Collection[str], required: Collection[str]
) -> Iterator[Mapping[str, object]]:
    """Give the objects of a list, of which every key is known and every value of its kind."""
    if not isinstance(file.content, list):
        file.refuse((), "is no list. Put the entries in square brackets.")
    for index, entry in enumerate(file.content):
        if not isinstance(entry, dict):
            file.refuse((index,), "is no object. Put the entry in braces.")
        for key, value in entry.items():
            if key not in known:
                file.refuse((index, key), is_unknown(key, known))
            kind, how = _KINDS.get(key, _TEXT)
            if type(value) is not kind:
                file.refuse((index, key), f"is {value!r}. Write {how}.")
        for key in required:
            if key not in entry:
                file.refuse((index,), f"entry has no {key}. Add it.")
        yield entry


def _entity(
    file: JsonFile, index: int, entry: Mapping[str, object], tls: bool
) -> ApplicationEntity:
    fields = {_KEYS[key]: value for key, value in entry.items()}
    for key, value in entry.items():  # one by one, so that the message names line and key
        try:
            ApplicationEntity(**{**_SAMPLE, _KEYS[key]: value})  # type: ignore[arg-type]
        except ParameterError as error:
            file.refuse((index, key), f"cannot be: {error.message}")
    if "ca_file" in fields:
        fields["ca_file"] = str(file.folder / str(fields["ca_file"]))
    try:
        return ApplicationEntity(**{"tls": tls, **fields, "origin": "file"})  # type: ignore[arg-type]
    except ParameterError as error:  # its attributes do not go together
        file.refuse((index,), f"entry cannot be: {error.message}")
