"""``leaddicom pki issue`` and ``leaddicom pki renew``."""

from __future__ import annotations

import argparse

from leaddicom.cli.output import write_json, write_line
from leaddicom.cli.parsers import Commands, add_command, days, time_span
from leaddicom.cli.pki.common import (
    EXIT_CODES,
    add_ca_password,
    add_common,
    ca_password,
    command,
    facts,
)
from leaddicom.cli.secrets import add_password_options, new_password
from leaddicom.errors import ParameterError
from leaddicom.pki import (
    CertificateRequest,
    IssuedFiles,
    PkiFolder,
    issue,
    local_names,
    renew,
    serial_text,
)

__all__ = ["register"]

_ISSUE_DESCRIPTION = """\
Issue a certificate with a key of its own.

  DIR/servers/NAME/NAME.pem|key    for a server, or for both (without --server and --client)
  DIR/clients/NAME/NAME.pem|key    with --client

A server's certificate has to name the host that clients connect to: they refuse it otherwise.
Without --san and --local that is NAME, if it is a name with a dot, an IP address, or this
computer's own name; else the command is refused.
"""

_ISSUE_EPILOG = f"""\
examples:
  leaddicom pki issue pacs.example
  leaddicom pki issue pacs --san pacs.example,192.0.2.1 --days 90
  leaddicom pki issue test --local --key-type ec
  leaddicom pki issue ct1 --client --ask-password

{EXIT_CODES}"""

_RENEW_DESCRIPTION = """\
Issue certificates anew, with the same name, host names, purposes and time to live. Keys stay as
they are unless --new-key is given. Files that are replaced are kept with the ending .old. The
former certificates stay valid until they expire or are revoked. Restart the programs.

--all leaves out what was revoked; --within leaves out what has longer to live.
"""

_RENEW_EPILOG = f"""\
examples:
  leaddicom pki renew modality
  leaddicom pki renew modality --new-key --days 90
  leaddicom pki renew --all --within 30d      every night, by cron

{EXIT_CODES}"""


def register(commands: Commands) -> None:
    """Add ``issue`` and ``renew``."""
    parser = add_command(
        commands,
        "issue",
        _issue,
        summary="issue one more certificate",
        description=_ISSUE_DESCRIPTION,
        epilog=_ISSUE_EPILOG,
    )
    parser.add_argument("name", metavar="NAME", help="common name, and name of the files")
    purpose = parser.add_mutually_exclusive_group()
    for each in ("server", "client"):
        purpose.add_argument(
            f"--{each}",
            dest="purpose",
            action="store_const",
            const=each,
            default="both",
            help=f"for a TLS {each} only",
        )
    parser.add_argument(
        "--san",
        action="append",
        default=[],
        metavar="HOST",
        help="host name or IP address; may be repeated, or be several with commas",
    )
    parser.add_argument("--local", action="store_true", help="add this computer's names")
    parser.add_argument(
        "--days", type=days, default="365", metavar="N", help="days it is valid (default: 365)"
    )
    parser.add_argument(
        "--key-type", choices=["rsa", "ec"], default="rsa", help="kind of key (default: rsa)"
    )
    parser.add_argument(
        "--key-size",
        type=int,
        metavar="BITS",
        help="2048 (default) or more for rsa; 256 (default), 384 or 521 for ec",
    )
    parser.add_argument("--force", action="store_true", help="replace files that are there")
    add_common(parser)
    add_password_options(parser, "the new key", ask=True)
    add_ca_password(parser)

    parser = add_command(
        commands,
        "renew",
        _renew,
        summary="issue certificates anew before they expire",
        description=_RENEW_DESCRIPTION,
        epilog=_RENEW_EPILOG,
    )
    chosen = parser.add_mutually_exclusive_group(required=True)
    chosen.add_argument("name", metavar="NAME", nargs="?", help="whose certificate")
    chosen.add_argument("--all", action="store_true", help="everybody's that is not revoked")
    parser.add_argument(
        "--within", type=time_span, metavar="TIME", help="only what expires within, as in 30d, 12h"
    )
    parser.add_argument(
        "--days", type=days, metavar="N", help="days they are valid (default: as before)"
    )
    parser.add_argument("--new-key", action="store_true", help="make new keys as well")
    add_common(parser)
    add_password_options(parser, "the new keys", ask=True)
    add_ca_password(parser)


def _issue(arguments: argparse.Namespace) -> int:
    pki = PkiFolder(arguments.dir)
    pki.require()
    request = CertificateRequest(
        arguments.name,
        arguments.purpose,
        tuple(_names(arguments)),
        arguments.key_type,
        arguments.key_size,
        arguments.days,
    )
    issued = issue(
        pki,
        request,
        password=new_password(arguments, "the new key", ask=arguments.ask_password),
        ca_password=ca_password(arguments),
        force=arguments.force,
    )
    _write(arguments, [issued])
    return 0


def _names(arguments: argparse.Namespace) -> list[str]:
    """Return the host names of a new certificate, or refuse to guess them."""
    given = [name.strip() for each in arguments.san for name in each.split(",")]
    local = local_names()
    if arguments.local:
        given += local
    if given or arguments.purpose == "client":
        return list(dict.fromkeys(given))
    name: str = arguments.name
    if name in local:
        return local
    if "." in name:
        return [name]
    raise ParameterError(
        f"A server's certificate has to name the host that clients connect to, and {name!r} is "
        "no complete host name: add --san with its host names and IP addresses, or --local to "
        "use it on this computer only, or --client if it accepts no connections."
    )


def _renew(arguments: argparse.Namespace) -> int:
    pki = PkiFolder(arguments.dir)
    pki.require()
    ask = arguments.ask_password
    password = new_password(arguments, "the new keys", ask=ask)
    if password is not None and not arguments.new_key:
        raise ParameterError(
            "A password encrypts new keys, and keys are kept here: add --new-key, or leave the "
            "password out."
        )
    renewed = renew(
        pki,
        None if arguments.all else arguments.name,
        within=arguments.within,
        lifetime=arguments.days,
        new_key=arguments.new_key,
        password=password,
        ca_password=ca_password(arguments),
    )
    _write(arguments, renewed)
    return 0


def _write(arguments: argparse.Namespace, certificates: list[IssuedFiles]) -> None:
    verb = "issued" if arguments.run is _issue else "renewed"
    if arguments.json:
        write_json(
            {
                "folder": str(arguments.dir),
                "certificates": [_json(verb, each) for each in certificates],
            }
        )
        return
    for each in certificates:
        what = f"{each.certificate_file} valid until {each.record.not_after:%Y-%m-%d}"
        write_line(f"{verb if each.new else 'kept'} {what}")
        for former in each.former:
            serial = serial_text(former.serial)
            write_line(
                f"  the former one stays valid until {former.not_after:%Y-%m-%d}; to end that: "
                f"{command(arguments, 'revoke', serial)}"
            )


def _json(verb: str, issued: IssuedFiles) -> dict[str, object]:
    record = issued.record
    return {
        "name": record.name,
        "role": record.role,
        "state": verb if issued.new else "kept",
        **facts(record.certificate),
        "certificate_file": str(issued.certificate_file),
        "key_file": str(issued.key_file),
        "former": [serial_text(each.serial) for each in issued.former],
    }
