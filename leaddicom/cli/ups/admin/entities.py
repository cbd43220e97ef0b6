"""``leaddicom ups admin ae``: who may receive events, and where."""

from __future__ import annotations

import argparse
from dataclasses import asdict, replace
from pathlib import Path

from leaddicom.cli.output import write_json, write_line
from leaddicom.cli.parsers import Commands, FreeOrderParser, add_commands
from leaddicom.cli.ups.admin.common import add_admin_command, opened, record
from leaddicom.cli.ups.text import complain, counted, write_rows
from leaddicom.ups.settings.entities import ApplicationEntity, load_entities

__all__ = ["register"]

_DESCRIPTION = """\
The table of application entities: who may receive events, and where. What is added here stays; it
goes before an entity of the same title in the manager's file (ae_table), which is read at each of
its starts.
"""

_EPILOG = """\
examples:
  leaddicom ups admin ae list
  leaddicom ups admin ae add WATCHER watcher.example 2763
  leaddicom ups admin ae remove WATCHER
  leaddicom ups admin ae import ApplicationEntities.json -c manager.ini
"""


def register(commands: Commands) -> None:
    """Add ``ae`` and its subcommands."""
    parser = commands.add_parser(
        "ae",
        help="say who may receive events, and where",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    own = add_commands(parser, FreeOrderParser)
    add_admin_command(
        own, "list", _list, "", summary="list the application entities",
        examples="  leaddicom ups admin ae list\n",
    )  # fmt: skip
    _register_add(own)
    parser = add_admin_command(
        own, "remove", _remove, "TITLE", summary="remove an application entity",
        examples="  leaddicom ups admin ae remove WATCHER\n",
    )  # fmt: skip
    parser.add_argument("title", metavar="TITLE", help="its AE title")
    parser = add_admin_command(
        own, "import", _import, "FILE", summary="add those of an ApplicationEntities.json",
        examples="  leaddicom ups admin ae import ApplicationEntities.json\n",
    )  # fmt: skip
    parser.add_argument("file", metavar="FILE", help="list of objects with AETitle, IPAddr, Port")


def _register_add(own: Commands) -> None:
    parser = add_admin_command(
        own, "add", _add, "TITLE HOST PORT", summary="add or change an application entity",
        examples="  leaddicom ups admin ae add WATCHER watcher.example 2763\n"
        "  leaddicom ups admin ae add OLD 10.1.2.3 11115 --no-tls --fallback-list\n",
    )  # fmt: skip
    add = parser.add_argument
    add("title", metavar="TITLE", help="its AE title")
    add("host", metavar="HOST", help="name or address at which it listens")
    add("receiver_port", metavar="PORT", type=int, help="and port, mostly 2763")
    add(
        "--tls", action=argparse.BooleanOptionalAction, default=argparse.SUPPRESS,
        help="whether it is reached over mutual TLS (default: it is)",
    )  # fmt: skip
    add(
        "-ca", "--ca-certificate", dest="ca_file", metavar="FILE", type=Path,
        help="the CA to trust for it (default: the manager's)",
    )  # fmt: skip
    add("--fingerprint", metavar="HEX", help="SHA-256 fingerprint that its certificate has to have")
    add("--no-events", action="store_true", help="refuse subscriptions for it")
    # Not called as the manager's setting, which it is not.
    add(
        "--fallback-list", dest="on_fallback_list", action="store_true",
        help="tell it of restarts without a subscription",
    )  # fmt: skip


def _list(arguments: argparse.Namespace) -> int:
    with opened(arguments) as store, store.reading() as reader:
        found = reader.entities()
    if arguments.json:
        write_json([asdict(each) for each in found])
    else:
        rows = [
            (
                each.title,
                each.host,
                str(each.port),
                "TLS" if each.tls else "plain",
                ", ".join(filter(None, _notes(each))),
                each.origin,
            )
            for each in found
        ]
        headings = ("AE title", "Host", "Port", "Link", "Notes", "From")
        title = counted(len(found), "application entity", "application entities")
        write_rows(title, headings, rows)
    if not found:
        complain("The table is empty: 'leaddicom ups admin ae add' adds to it.")
    return 0 if found else 1


def _notes(entity: ApplicationEntity) -> tuple[str, ...]:
    return (
        "" if entity.event_scu else "no events",
        "fallback list" if entity.fallback_list else "",
        "own CA" if entity.ca_file else "",
        "fingerprint" if entity.fingerprint else "",
    )


def _add(arguments: argparse.Namespace) -> int:
    entity = ApplicationEntity(
        arguments.title,
        arguments.host,
        arguments.receiver_port,
        tls=getattr(arguments, "tls", True),
        ca_file=None if arguments.ca_file is None else str(arguments.ca_file.absolute()),
        fingerprint=arguments.fingerprint,
        event_scu=not arguments.no_events,
        fallback_list=arguments.on_fallback_list,
    )
    return _put(arguments, [entity], "ae add")


def _import(arguments: argparse.Namespace) -> int:
    found = [replace(each, origin="admin") for each in load_entities(arguments.file)]
    return _put(arguments, found, "ae import")


def _put(arguments: argparse.Namespace, entities: list[ApplicationEntity], operation: str) -> int:
    with opened(arguments) as store, store.writing() as writer:
        for each in entities:
            writer.put_entity(each)
            record(writer, arguments, operation, detail=f"{each.title} at {each.host}:{each.port}")
    if arguments.json:
        write_json([asdict(each) for each in entities])
    else:
        for each in entities:
            write_line(f"{each.title} receives events at {each.host}:{each.port}.")
    return 0


def _remove(arguments: argparse.Namespace) -> int:
    title = arguments.title
    with opened(arguments) as store, store.writing() as writer:
        entity = writer.entity(title)
        if writer.remove_entity(title):
            record(writer, arguments, "ae remove", detail=title)
    if arguments.json:
        write_json({"title": title, "is_removed": entity is not None})
    elif entity is not None:
        write_line(f"{title} is removed.")
    if entity is None:
        complain(f"There is no application entity {title}.")
    elif entity.origin == "file":
        complain(f"{title} comes from the manager's file, and with it at its next start.")
    return 0 if entity is not None else 1
