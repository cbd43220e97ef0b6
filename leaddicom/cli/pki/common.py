"""What the subcommands of ``leaddicom pki`` have in common."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from cryptography import x509

from leaddicom.cli.secrets import add_password_options, password
from leaddicom.errors import ParameterError
from leaddicom.pki import (
    PkiFolder,
    Revocation,
    alternative_names,
    is_encrypted,
    key_text,
    purpose_names,
    serial_text,
)

__all__ = [
    "EXIT_CODES",
    "add_ca_password",
    "add_common",
    "ca_password",
    "command",
    "facts",
    "revocation_facts",
]

_FOLDER = Path("certs")

EXIT_CODES = """\
exit codes:
  0  done
  1  failed; one line on standard error says why and what to do
  2  the command line was not understood
"""


def add_common(parser: argparse.ArgumentParser) -> None:
    """Add ``--dir`` and ``--json``."""
    parser.add_argument(
        "--dir", type=Path, default=_FOLDER, metavar="DIR", help="folder (default: certs)"
    )
    parser.add_argument("--json", action="store_true", help="write JSON, for scripts")


def add_ca_password(parser: argparse.ArgumentParser) -> None:
    """Add where the password of the CA's key comes from, if that is encrypted."""
    add_password_options(parser, "the CA's key", "ca-")


def ca_password(arguments: argparse.Namespace) -> str | None:
    """Return the password of the CA's key, None if that is not encrypted.

    Raises
    ------
    ParameterError
        If there is no way to get it.
    """
    key_file = PkiFolder(arguments.dir).ca_key_file
    if not is_encrypted(key_file):
        return None
    given = password(arguments, str(key_file), "ca-")
    if given is None:
        raise ParameterError(
            f"The CA's key {key_file} is encrypted, and there is no terminal to ask for its "
            "password: use --ca-password-env or --ca-password-file."
        )
    return given


def command(arguments: argparse.Namespace, *words: str) -> str:
    """Return a ``leaddicom pki`` command for the same folder, to be typed."""
    where = [] if arguments.dir == _FOLDER else ["--dir", str(arguments.dir)]
    return shlex.join(["leaddicom", "pki", *words, *where])


def facts(certificate: x509.Certificate) -> dict[str, object]:
    """Return what a certificate says, for JSON."""
    return {
        "subject": certificate.subject.rfc4514_string(),
        "serial": serial_text(certificate.serial_number),
        "purposes": purpose_names(certificate),
        "names": alternative_names(certificate),
        "key": key_text(certificate),
        "not_before": certificate.not_valid_before_utc.isoformat(),
        "not_after": certificate.not_valid_after_utc.isoformat(),
    }


def revocation_facts(revocation: Revocation | None) -> dict[str, str] | None:
    """Return date and reason of a revocation, for JSON."""
    if revocation is None:
        return None
    return {"date": revocation.date.isoformat(), "reason": revocation.reason.value}
