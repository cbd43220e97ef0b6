"""``leaddicom pki revoke`` and ``leaddicom pki crl``."""

from __future__ import annotations

import argparse

from leaddicom.cli.output import write_json, write_line
from leaddicom.cli.parsers import Commands, add_command, days
from leaddicom.cli.pki.common import (
    EXIT_CODES,
    add_ca_password,
    add_common,
    ca_password,
    facts,
    revocation_facts,
)
from leaddicom.pki import (
    REASONS,
    CrlStatus,
    PkiFolder,
    RevokedCertificate,
    pki_status,
    revoke,
    serial_text,
    update_crl,
)

__all__ = ["register"]

_REVOKE_DESCRIPTION = """\
Revoke certificates, and write a new revocation list, DIR/rootCA/rootCA.crl. It has effect where
peers are given the new list.

NAME revokes all certificates of a program that have not expired, as a renewed one may have the
same key. To revoke one of them, name its serial number (`leaddicom pki status --json`, or
`openssl x509 -serial`) or its file.
"""

_REVOKE_EPILOG = f"""\
examples:
  leaddicom pki revoke modality --reason keyCompromise
  leaddicom pki revoke 4A3F09C1E2
  leaddicom pki revoke certs/clients/modality/modality.pem.old --reason superseded

{EXIT_CODES}"""

_CRL_DESCRIPTION = """\
Write a new revocation list, DIR/rootCA/rootCA.crl, before the former one gets stale: peers that
check a stale list refuse everybody.
"""

_CRL_EPILOG = f"""\
examples:
  leaddicom pki crl
  leaddicom pki crl --days 7

{EXIT_CODES}"""


def register(commands: Commands) -> None:
    """Add ``revoke`` and ``crl``."""
    parser = add_command(
        commands,
        "revoke",
        _revoke,
        summary="revoke certificates",
        description=_REVOKE_DESCRIPTION,
        epilog=_REVOKE_EPILOG,
    )
    parser.add_argument("what", metavar="NAME|SERIAL|FILE", help="what to revoke")
    parser.add_argument(
        "--reason",
        choices=list(REASONS),
        default="unspecified",
        metavar="REASON",
        help=f"why (default: unspecified): {', '.join(REASONS)}",
    )
    _add_common(parser)
    parser = add_command(
        commands,
        "crl",
        _crl,
        summary="write a new revocation list",
        description=_CRL_DESCRIPTION,
        epilog=_CRL_EPILOG,
    )
    _add_common(parser)


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--days", type=days, default="30", metavar="N", help="days the list counts (default: 30)"
    )
    add_common(parser)
    add_ca_password(parser)


def _revoke(arguments: argparse.Namespace) -> int:
    pki = PkiFolder(arguments.dir)
    pki.require()
    revoked = revoke(
        pki,
        arguments.what,
        reason=REASONS[arguments.reason],
        lifetime=arguments.days,
        ca_password=ca_password(arguments),
    )
    crl = pki_status(pki).crl
    if arguments.json:
        write_json({"certificates": [_json(each) for each in revoked], "crl": crl_facts(crl)})
        return 0
    for each in revoked:
        name, serial = each.record.name, serial_text(each.record.serial)
        already = "" if each.new else f", already on {each.revocation.date:%Y-%m-%d}"
        write_line(f"revoked {name} {serial} ({each.revocation.reason.value}{already})")
    _write_crl(crl)
    return 0


def _json(revoked: RevokedCertificate) -> dict[str, object]:
    record = revoked.record
    return {
        "name": record.name,
        "role": record.role,
        "state": "revoked" if revoked.new else "kept",
        **facts(record.certificate),
        "revoked": revocation_facts(revoked.revocation),
    }


def _crl(arguments: argparse.Namespace) -> int:
    pki = PkiFolder(arguments.dir)
    pki.require()
    update_crl(pki, lifetime=arguments.days, ca_password=ca_password(arguments))
    crl = pki_status(pki).crl
    if arguments.json:
        write_json({"crl": crl_facts(crl)})
    else:
        _write_crl(crl)
    return 0


def crl_facts(crl: CrlStatus) -> dict[str, object]:
    """Return how it stands with a revocation list, for JSON."""
    return {
        "file": str(crl.file),
        "number": crl.number,
        "next_update": crl.next_update and crl.next_update.isoformat(),
        "days_left": crl.days_left,
        "revoked": crl.revoked,
        "flaw": crl.flaw,
    }


def _write_crl(crl: CrlStatus) -> None:
    until = "" if crl.next_update is None else f" valid until {crl.next_update:%Y-%m-%d}"
    write_line(f"made {crl.file}{until}, {crl.revoked} revoked; give it to every peer")
