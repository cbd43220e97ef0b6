"""The index of issued certificates: a line of JSON for each, oldest first.

The certificate itself is in the line, so that it can be revoked when its files are gone.  What
else stands there twice (``serial``, ``subject``, ``not_after``) is for people who look
something up; it is written and never read.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from leaddicom.errors import DicomError, DicomErrorCode, ParameterError
from leaddicom.pki.certificates import one_line, serial_text
from leaddicom.pki.files import is_file_name, write_file
from leaddicom.pki.revocation import Revocation

__all__ = ["ROLES", "Record", "current", "read_records", "with_name", "write_records"]


#: What a certificate's program is; its files are under the plural.
ROLES = ("server", "client")


@dataclass(frozen=True, slots=True)
class Record:
    """A certificate that was issued.

    Attributes
    ----------
    name : str
        Its common name, and that of its files.
    role : str
        ``"server"`` or ``"client"``: under which folder its files are.
    certificate : x509.Certificate
        The certificate.
    revocation : Revocation or None
        That it is revoked.
    """

    name: str
    role: str
    certificate: x509.Certificate
    revocation: Revocation | None = None

    @property
    def serial(self) -> int:
        """Serial number of the certificate."""
        return self.certificate.serial_number

    @property
    def not_after(self) -> datetime:
        """When the certificate expires."""
        return self.certificate.not_valid_after_utc


def current(records: Iterable[Record]) -> list[Record]:
    """Return the certificate that each program has now: the last one of its name."""
    return list({record.name: record for record in records}.values())


def with_name(records: Iterable[Record], name: str) -> list[Record]:
    """Return the certificates of a program, oldest first.

    Raises
    ------
    ParameterError
        If there is none.
    """
    records = list(records)
    if found := [record for record in records if record.name == name]:
        return found
    names = ", ".join(sorted({record.name for record in records})) or "none"
    raise ParameterError(f"There is no certificate of {name!r}. Those that were issued: {names}.")


def read_records(path: Path) -> list[Record]:
    """Read the index; none if there is no such file.

    Raises
    ------
    DicomError
        If it cannot be read, or a line of it is damaged.
    """
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise DicomError(
            DicomErrorCode.READ,
            f"The index of issued certificates, {path}, cannot be read: {one_line(error)}. "
            "Check the rights on the file.",
        ) from error
    return [_decode(path, number, line) for number, line in enumerate(lines, 1)]


def write_records(path: Path, records: Sequence[Record]) -> None:
    """Write the index, complete from one moment to the next."""
    write_file(path, "".join(_encode(record) for record in records).encode())


def _encode(record: Record) -> str:
    certificate, revocation = record.certificate, record.revocation
    line = {
        "name": record.name,
        "role": record.role,
        "serial": serial_text(record.serial),
        "subject": certificate.subject.rfc4514_string(),
        "not_after": record.not_after.isoformat(),
        "revoked": revocation
        and {"date": revocation.date.isoformat(), "reason": revocation.reason.value},
        "certificate": base64.b64encode(certificate.public_bytes(Encoding.DER)).decode(),
    }
    return json.dumps(line) + "\n"


def _decode(path: Path, number: int, line: bytes) -> Record:
    try:
        fields = json.loads(line)
        certificate = x509.load_der_x509_certificate(base64.b64decode(fields["certificate"]))
        revocation = None
        if (revoked := fields["revoked"]) is not None:
            date = datetime.fromisoformat(revoked["date"])
            reason = x509.ReasonFlags(revoked["reason"])
            revocation = Revocation(certificate.serial_number, date, reason)
        name, role = fields["name"], fields["role"]
        # They become the names of folders.
        if role not in ROLES or not is_file_name(name):
            raise ValueError(f"{role!r} {name!r} names no program")
        return Record(name, role, certificate, revocation)
    except (ValueError, KeyError, TypeError) as error:
        raise DicomError(
            DicomErrorCode.READ,
            f"Line {number} of the index of issued certificates, {path}, is damaged: "
            f"{one_line(error)}. Put a backup of the file back. Without one delete the line: "
            "a certificate whose files are there, and what the revocation list says, are "
            "recorded again.",
        ) from error
