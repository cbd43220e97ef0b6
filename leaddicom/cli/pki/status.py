"""``leaddicom pki status``."""

from __future__ import annotations

import argparse
import sys
from datetime import timedelta

from rich.text import Text

from leaddicom.cli.output import write_json, write_line, write_table
from leaddicom.cli.parsers import Commands, add_command, time_span
from leaddicom.cli.pki.common import add_common, command, facts, revocation_facts
from leaddicom.cli.pki.revoking import crl_facts
from leaddicom.pki import (
    CertificateStatus,
    Condition,
    CrlStatus,
    PkiFolder,
    PkiStatus,
    key_text,
    pki_status,
    purpose_names,
    serial_text,
)

__all__ = ["register"]

_DESCRIPTION = """\
Tell how it stands with the CA's certificate, with every certificate it has issued, also if
their files are gone, and with the revocation list. Nothing is changed, and no password needed.

  valid       in order
  expiring    it expires within the time that --within gives
  expired     it is over; renew it, or revoke it if it is not to come back
  revoked     it was revoked
  replaced    its program was given another one since, but peers still take this one
"""

_EPILOG = """\
examples:
  leaddicom pki status
  leaddicom pki status --within 60d
  leaddicom pki status --json | jq '.certificates[] | select(.condition == "expiring")'

exit codes:
  0  nothing is due
  1  a certificate is expiring or expired, the revocation list is stale, lacks something or
     is missing; or the command failed, and one line on standard error says why
  2  the command line was not understood
"""

_STYLES = {
    Condition.VALID: "green",
    Condition.EXPIRING: "yellow",
    Condition.EXPIRED: "red",
    Condition.REVOKED: "red",
    Condition.REPLACED: "dim",
}


def register(commands: Commands) -> None:
    """Add ``status``."""
    parser = add_command(
        commands,
        "status",
        _status,
        summary="tell what was issued, what expires and what was revoked",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    parser.add_argument(
        "--within",
        type=time_span,
        default="30d",
        metavar="TIME",
        help="what expires within is due, as in 30d, 12h (default: 30d)",
    )
    add_common(parser)


def _status(arguments: argparse.Namespace) -> int:
    within: timedelta = arguments.within
    status = pki_status(PkiFolder(arguments.dir), within=within)
    if arguments.json:
        _write_json(arguments, status)
    elif sys.stdout.isatty():
        _write_table(arguments, status)
    else:
        for each in status.certificates:
            write_line(_line(each))
        write_line(_crl_line(status.crl))
        for note in _advice(arguments, status):
            write_line(note)
    return int(status.due)


def _write_json(arguments: argparse.Namespace, status: PkiStatus) -> None:
    certificates = [
        {
            "name": each.name,
            "role": each.role,
            "condition": each.condition.value,
            "days_left": each.days_left,
            **facts(each.certificate),
            "revoked": revocation_facts(each.revocation),
            "certificate_file": str(each.certificate_file),
            "key_file": str(each.key_file),
            "note": each.note,
        }
        for each in status.certificates
    ]
    write_json(
        {
            "folder": str(arguments.dir),
            "due": status.due,
            "certificates": certificates,
            "crl": crl_facts(status.crl),
        }
    )


def _write_table(arguments: argparse.Namespace, status: PkiStatus) -> None:
    rows = [
        (
            each.name,
            each.role,
            ", ".join(purpose_names(each.certificate)),
            key_text(each.certificate),
            Text(str(each.days_left), _STYLES[each.condition]),
            Text(each.condition.value, _STYLES[each.condition]),
        )
        for each in status.certificates
    ]
    crl, style = status.crl, "red" if status.crl.flaw else "green"
    left = "" if crl.days_left is None else str(crl.days_left)
    condition = "bad" if crl.flaw else "valid"
    rows.append((crl.file.name, "CRL", "", "", Text(left, style), Text(condition, style)))
    subject = status.certificates[0].certificate.subject.rfc4514_string()
    notes = [f"{each.name}: {each.note}" for each in status.certificates if each.note]
    write_table(
        f"Issued by {subject}",
        ("Name", "Role", "Purposes", "Key", "Days left", ""),
        rows,
        [*notes, *_advice(arguments, status)],
    )


def _line(status: CertificateStatus) -> str:
    certificate = status.certificate
    what = [
        certificate.subject.rfc4514_string(),
        f"{status.role} for {'+'.join(purpose_names(certificate))}",
        key_text(certificate),
        serial_text(certificate.serial_number),
        status.note,
    ]
    kept = "; ".join(each for each in what if each)
    return f"{status.condition.value} {status.days_left}d {status.certificate_file}: {kept}"


def _crl_line(crl: CrlStatus) -> str:
    if crl.flaw:
        return f"bad {crl.file}: {crl.flaw}"
    left = "" if crl.days_left is None else f" {crl.days_left}d"
    return f"valid{left} {crl.file}: {crl.revoked} revoked"


def _advice(arguments: argparse.Namespace, status: PkiStatus) -> list[str]:
    """Return what is to be done."""
    advice = []
    for each in status.certificates:
        if each.condition not in (Condition.EXPIRING, Condition.EXPIRED):
            continue
        if each.role == "CA":
            when = "is over" if each.condition is Condition.EXPIRED else "ends soon"
            advice.append(f"The CA {when}: make a new one, and have every peer trust it.")
        else:
            advice.append(f"{each.name}: {command(arguments, 'renew', each.name)}")
    if status.crl.flaw:
        advice.append(f"The revocation list: {status.crl.flaw}; run: {command(arguments, 'crl')}")
    return advice
