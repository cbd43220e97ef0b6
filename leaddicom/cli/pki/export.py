"""``leaddicom pki export``."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from leaddicom.cli.output import write_json, write_line
from leaddicom.cli.parsers import Commands, add_command
from leaddicom.cli.pki.common import EXIT_CODES, add_common
from leaddicom.cli.secrets import add_password_options, new_password, password
from leaddicom.pki import PkiFolder, export_pkcs12

__all__ = ["register"]

_DESCRIPTION = """\
Write the key of a program, its certificate and the CA's into one PKCS#12 file, as Java, Windows
and browsers want it. It is encrypted with AES-256; only its owner can read it. Without an option
for its password a prompt asks for it twice.

For Java it is a key store. A trust store has to be made by Java's own tool:

  keytool -importcert -alias ca -file certs/rootCA/rootCA.pem -keystore trust.p12
"""

_EPILOG = f"""\
examples:
  leaddicom pki export modality --pkcs12 modality.p12
  leaddicom pki export modality --pkcs12 modality.p12 --password-file secret.txt

{EXIT_CODES}"""


def register(commands: Commands) -> None:
    """Add ``export``."""
    parser = add_command(
        commands,
        "export",
        _export,
        summary="write key and certificates into one file, for Java and Windows",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    parser.add_argument("name", metavar="NAME", help="whose key and certificate")
    parser.add_argument(
        "--pkcs12", type=Path, required=True, metavar="FILE", help="the file to write"
    )
    parser.add_argument("--force", action="store_true", help="replace a file that is there")
    add_common(parser)
    add_password_options(parser, "the file to write")
    add_password_options(parser, "the key, if that is encrypted", "key-")


def _export(arguments: argparse.Namespace) -> int:
    file: Path = arguments.pkcs12
    name: str = arguments.name
    export_pkcs12(
        PkiFolder(arguments.dir),
        name,
        file,
        partial(new_password, arguments, str(file), ask=True),
        key_password=partial(password, arguments, f"the key of {name}", "key-"),
        force=arguments.force,
    )
    if arguments.json:
        write_json({"name": name, "file": str(file)})
    else:
        write_line(f"exported {file}, with the key of {name}")
    return 0
