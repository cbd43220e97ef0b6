"""The folder of a certificate authority: what lies where, and what it knows."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from leaddicom.errors import DicomError, DicomErrorCode, ParameterError, TlsError
from leaddicom.pki.authority import CertificateAuthority
from leaddicom.pki.certificates import issued_by, load_certificate, now, one_line
from leaddicom.pki.files import locked, write_file
from leaddicom.pki.records import ROLES, Record, read_records, write_records
from leaddicom.pki.revocation import crl_number, load_crl, revocations, sign_crl

__all__ = ["CRL_LIFETIME", "LOCK_TIMEOUT", "PkiFolder"]

#: Seconds that a command waits for another one, which may make seven RSA keys.
LOCK_TIMEOUT = 120.0

#: How long a revocation list counts.
CRL_LIFETIME = timedelta(days=30)


class PkiFolder:
    """A certificate authority with everything it has issued.

    Parameters
    ----------
    folder : Path
        Where ``rootCA/``, ``servers/`` and ``clients/`` are.
    lock_timeout : float
        Seconds to wait for another process that changes it.
    """

    def __init__(self, folder: Path, *, lock_timeout: float = LOCK_TIMEOUT) -> None:
        self.folder = folder
        self._lock_timeout = lock_timeout
        self.ca_certificate_file = folder / "rootCA" / "rootCA.pem"
        self.ca_key_file = folder / "rootCA" / "rootCA.key"
        self.crl_file = folder / "rootCA" / "rootCA.crl"
        self.index_file = folder / "rootCA" / "index.jsonl"

    def files(self, role: str, name: str) -> tuple[Path, Path]:
        """Return where the certificate and the key of a program are."""
        stem = self.folder / f"{role}s" / name / name
        return stem.with_name(f"{name}.pem"), stem.with_name(f"{name}.key")

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Keep other processes out, and tell what cannot be written."""
        with self.writing(), locked(self.folder, self._lock_timeout):
            yield

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Tell what cannot be written as a `DicomError`."""
        try:
            yield
        except OSError as error:
            raise DicomError(
                DicomErrorCode.WRITE,
                f"The certificates in {self.folder} cannot be made: {one_line(error)} "
                f"({error.filename or self.folder}). Name a folder that you may write to.",
            ) from error

    def require(self) -> None:
        """Refuse a folder without a certificate authority.

        Raises
        ------
        ParameterError
            If there is none.
        """
        if not self.ca_certificate_file.exists():
            raise ParameterError(
                f"There is no certificate authority in {self.folder}: "
                f"{self.ca_certificate_file} is missing. Name the right folder, or make one "
                "with `leaddicom pki init`."
            )

    def ca_certificate(self) -> x509.Certificate:
        """Return the authority's certificate."""
        self.require()
        return load_certificate(self.ca_certificate_file)

    def authority(
        self, password: str | None = None, at: datetime | None = None
    ) -> CertificateAuthority:
        """Return the authority, able to sign."""
        self.require()
        if not self.ca_key_file.exists():
            raise TlsError(
                DicomErrorCode.PRIVATE_KEY_LOAD_FAILED,
                f"The CA certificate {self.ca_certificate_file} is there but its key "
                f"{self.ca_key_file} is missing; nothing can be issued with it. "
                "Put the key back if you have it.",
                stage="private key",
            )
        return CertificateAuthority.load(
            self.ca_certificate_file, self.ca_key_file, password, at=at
        )

    # ----------------------------------------------------------------------- what it knows

    def crl(self, ca: x509.Certificate) -> x509.CertificateRevocationList | None:
        """Return the revocation list, None if there is none of this authority.

        Raises
        ------
        TlsError
            If the file cannot be read: what it says must not get lost.
        """
        if not self.crl_file.exists():
            return None
        try:
            crl = load_crl(self.crl_file)
        except TlsError as error:
            remedy = (
                "Put a backup of it back. Without one delete it and run `leaddicom pki crl`: the "
                "index of issued certificates knows what was revoked."
            )
            raise TlsError(error.code, f"{error.message} {remedy}", stage=error.stage) from error
        # One of an authority that was here before says nothing about this one.
        key = ca.public_key()
        own = crl.issuer == ca.subject and crl.is_signature_valid(key)  # type: ignore[arg-type]
        return crl if own else None

    def records(self, ca: x509.Certificate) -> list[Record]:
        """Return what the authority has issued, oldest first.

        That is what the index tells, and what it does not know: certificates made without it
        whose files are here, and revocations in the revocation list.
        """
        records = [r for r in read_records(self.index_file) if issued_by(r.certificate, ca)]
        known = {record.serial for record in records}
        records += [r for r in self._found(ca) if r.serial not in known]
        crl = self.crl(ca)
        revoked = {} if crl is None else {each.serial: each for each in revocations(crl)}
        return [
            record if record.revocation else replace(record, revocation=revoked.get(record.serial))
            for record in records
        ]

    def _found(self, ca: x509.Certificate) -> Iterator[Record]:
        for role in ROLES:
            for file in sorted(self.folder.glob(f"{role}s/*/*.pem")):
                # A damaged file is for `init` to renew and for its program to complain about.
                with suppress(TlsError):
                    certificate = load_certificate(file)
                    if file.stem == file.parent.name and issued_by(certificate, ca):
                        yield Record(file.stem, role, certificate)

    # --------------------------------------------------------------------- what it remembers

    def save(self, ca: x509.Certificate, records: Sequence[Record]) -> None:
        """Write the index, with what an authority that was here before has issued."""
        stored = read_records(self.index_file)
        foreign = [record for record in stored if not issued_by(record.certificate, ca)]
        if [*foreign, *records] != stored:
            write_records(self.index_file, [*foreign, *records])

    def write_crl(
        self,
        authority: CertificateAuthority,
        records: Sequence[Record],
        *,
        lifetime: timedelta = CRL_LIFETIME,
        at: datetime | None = None,
    ) -> x509.CertificateRevocationList:
        """Replace the revocation list by one that begins now."""
        time = at or now()
        former = self.crl(authority.certificate)
        # Entries without a record, should the index have been lost, stay.
        revoked = {} if former is None else {each.serial: each for each in revocations(former)}
        revoked |= {each.serial: each.revocation for each in records if each.revocation}
        # Numbers have to grow (RFC 5280 section 5.2.3), even if the former list got lost.
        number = max(int(time.timestamp()), 0 if former is None else crl_number(former) + 1)
        crl = sign_crl(
            authority, revoked.values(), number=number, at=time, next_update=time + lifetime
        )
        write_file(self.crl_file, crl.public_bytes(Encoding.PEM))
        return crl

    def keep(self, *files: Path) -> None:
        """Copy files that are going to be replaced; the copies end in ``.old``.

        What is replaced may be somebody's own key, put here by hand.
        """
        for file in files:
            if file.exists():
                data, others = file.read_bytes(), file.stat().st_mode & 0o077
                private = file.suffix == ".key" or not others or b"PRIVATE KEY" in data
                write_file(file.with_name(f"{file.name}.old"), data, private=private)

    def advice(self, key_file: Path) -> str:
        """Return what others may do with a key or its folders, and how to prevent it."""
        if os.name != "posix" or not key_file.exists():
            return ""
        if key_file.stat().st_mode & 0o077:
            return f"others may read its key; run: chmod 600 {key_file}"
        for folder in key_file.parents:
            own = folder == self.folder or self.folder in folder.parents
            if own and folder.stat().st_mode & 0o022:
                return f"others may replace its files; run: chmod go-w {folder}"
        return ""
