"""``leaddicom pki``: certificates for development and tests."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from leaddicom.cli.parsers import Commands, add_commands
from leaddicom.pki import PkiEntry, init_development_pki

__all__ = ["register"]

_WARNING = "For development and tests only: the keys are not encrypted. Never use in production."

_INIT_DESCRIPTION = """\
Make a root CA and the certificates of two servers and four clients, so that mutual TLS works
on this computer at once. Run it as often as you like: what is there and valid is kept, what is
missing is made, a certificate that expired or that another CA issued is renewed. The root CA
itself is made once and never replaced.

  DIR/rootCA/rootCA.pem            what every peer has to trust
  DIR/servers/NAME/NAME.pem|key    worklistmanager, archive
  DIR/clients/NAME/NAME.pem|key    workitemcreator, workitemperformer, workitemwatcher, modality
"""

_INIT_EPILOG = f"""\
{_WARNING}

examples:
  leaddicom pki init
  leaddicom pki init --dir /tmp/certs --json
"""


def register(commands: Commands) -> None:
    """Add ``pki`` and its subcommands to the command line."""
    summary = "make certificates for development and tests"
    parser = commands.add_parser("pki", help=summary, description=f"{summary.capitalize()}.")
    init = add_commands(parser).add_parser(
        "init",
        help="make the development PKI, or what is missing of it",
        description=_INIT_DESCRIPTION,
        epilog=_INIT_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    init.add_argument(
        "--dir", type=Path, default=Path("certs"), metavar="DIR", help="folder (default: certs)"
    )
    init.add_argument("--json", action="store_true", help="write JSON, for scripts")
    init.set_defaults(run=_init)


def _init(arguments: argparse.Namespace) -> int:
    folder: Path = arguments.dir
    entries = init_development_pki(folder)
    if arguments.json:
        _write_json(folder, entries)
    elif sys.stdout.isatty():
        _write_table(folder, entries)
    else:
        sys.stdout.writelines(_line(entry) for entry in entries)
    return 0


def _write_json(folder: Path, entries: list[PkiEntry]) -> None:
    document = {
        "folder": str(folder),
        "certificates": [
            {
                "name": entry.name,
                "role": entry.role,
                "state": entry.state.value,
                "reason": entry.reason,
                "certificate_file": str(entry.certificate_file),
                "key_file": str(entry.key_file),
                "not_after": entry.not_after.isoformat(),
            }
            for entry in entries
        ],
    }
    sys.stdout.write(json.dumps(document, indent=2) + "\n")


def _write_table(folder: Path, entries: list[PkiEntry]) -> None:
    # Paths go in as Text: a bracket in a folder's name is not rich's markup.
    table = Table(title=Text(f"Development PKI in {folder}"), box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("", "Role", "Valid until", "Certificate, its .key beside it"):
        table.add_column(heading, overflow="fold")
    for entry in entries:
        file = entry.certificate_file.relative_to(folder)
        date = f"{entry.not_after:%Y-%m-%d}"
        table.add_row(entry.state.value, entry.role, date, Text(str(file)))
    console = Console(file=sys.stdout, highlight=False)
    console.print(table)
    for entry in entries:
        if entry.reason:
            console.print(f"{entry.name} {entry.state.value}: {entry.reason}", markup=False)
    console.print(_WARNING)


def _line(entry: PkiEntry) -> str:
    reason = f" ({entry.reason})" if entry.reason else ""
    valid = f"valid until {entry.not_after:%Y-%m-%d}"
    return f"{entry.state.value} {entry.certificate_file} {valid}{reason}\n"
