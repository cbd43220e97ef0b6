"""``leaddicom pki init``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from leaddicom.cli.output import write_json, write_line, write_table
from leaddicom.cli.parsers import Commands, add_command
from leaddicom.cli.pki.common import EXIT_CODES, add_common, ca_password
from leaddicom.cli.secrets import add_password_options, new_password
from leaddicom.pki import PkiEntry, PkiFolder, init_development_pki, is_encrypted

__all__ = ["register"]

_WARNING = "For development and tests only: the keys are not encrypted. Never use in production."

_DESCRIPTION = """\
Make a root CA and the certificates of two servers and four clients, so that mutual TLS works
on this computer at once. Run it as often as you like: what is there and valid is kept, what is
missing is made, a certificate that expired or that another CA issued is renewed. The root CA
itself is made once and never replaced.

  DIR/rootCA/rootCA.pem            what every peer has to trust
  DIR/rootCA/rootCA.crl            which certificates are revoked
  DIR/rootCA/index.jsonl           which were issued
  DIR/servers/NAME/NAME.pem|key    worklistmanager, archive
  DIR/clients/NAME/NAME.pem|key    workitemcreator, workitemperformer, workitemwatcher, modality

With a password the CA's key is encrypted, also one that is there already; every command that
signs then asks for it.
"""

_EPILOG = f"""\
{_WARNING}

examples:
  leaddicom pki init
  leaddicom pki init --dir /tmp/certs --json
  leaddicom pki init --ask-ca-password

{EXIT_CODES}"""


def register(commands: Commands) -> None:
    """Add ``init``."""
    parser = add_command(
        commands,
        "init",
        _init,
        summary="make the development PKI, or what is missing of it",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    add_common(parser)
    add_password_options(parser, "the CA's key", "ca-", ask=True)


def _init(arguments: argparse.Namespace) -> int:
    folder: Path = arguments.dir
    key_file = PkiFolder(folder).ca_key_file
    if is_encrypted(key_file):
        password = ca_password(arguments)
    else:
        password = new_password(arguments, str(key_file), "ca-", ask=arguments.ask_ca_password)
    entries = init_development_pki(folder, ca_password=password)
    if arguments.json:
        _write_json(folder, entries)
    elif sys.stdout.isatty():
        _write_table(folder, entries)
    else:
        for entry in entries:
            write_line(_line(entry))
    return 0


def _write_json(folder: Path, entries: list[PkiEntry]) -> None:
    certificates = [
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
    ]
    write_json({"folder": str(folder), "certificates": certificates})


def _write_table(folder: Path, entries: list[PkiEntry]) -> None:
    rows = [
        (
            entry.state.value,
            entry.role,
            f"{entry.not_after:%Y-%m-%d}",
            str(entry.certificate_file.relative_to(folder)),
        )
        for entry in entries
    ]
    notes = [f"{each.name} {each.state.value}: {each.reason}" for each in entries if each.reason]
    headings = ("", "Role", "Valid until", "Certificate, its .key beside it")
    write_table(f"Development PKI in {folder}", headings, rows, [*notes, _WARNING])


def _line(entry: PkiEntry) -> str:
    reason = f" ({entry.reason})" if entry.reason else ""
    valid = f"valid until {entry.not_after:%Y-%m-%d}"
    return f"{entry.state.value} {entry.certificate_file} {valid}{reason}"
