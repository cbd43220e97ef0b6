"""Who has asked for what, and what was answered; rows are only ever added."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import select

from leaddicom.ups.store import schema
from leaddicom.ups.store.moments import micros, moment
from leaddicom.ups.store.transaction import Transaction

__all__ = ["AuditEntry", "AuditReader", "AuditWriter"]

_audit = schema.audit


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """A request and its answer.

    Attributes
    ----------
    operation : str
        What was asked for, such as ``"N-CREATE"``.
    uid : str
        SOP Instance UID that it was about.
    status : int
        Of the response.
    calling_ae : str
        Calling AE title, which is what the peer says of itself.
    peer : str
        Its address.
    identity : str
        Who it is by its certificate.
    detail : str
        More for the auditor, without values of attributes.
    at : datetime or None
        When, in UTC; `None` is the time of the transaction that stores it.
    """

    operation: str
    uid: str
    status: int
    calling_ae: str = ""
    peer: str = ""
    identity: str = ""
    detail: str = ""
    at: datetime | None = None


class AuditReader(Transaction):
    """Reads the audit trail."""

    def audit(self, uid: str | None = None, limit: int = 1000) -> list[AuditEntry]:
        """List the newest entries, the newest first.

        Parameters
        ----------
        uid : str, optional
            Of this workitem only.
        limit : int
            How many at most.
        """
        statement = select(_audit).order_by(_audit.c.id.desc()).limit(limit)
        if uid is not None:
            statement = statement.where(_audit.c.uid == uid)
        entries = []
        for row in self._connection.execute(statement):
            values = row._asdict()
            del values["id"]
            entries.append(AuditEntry(**{**values, "at": moment(row.at)}))
        return entries


class AuditWriter(AuditReader):
    """Writes the audit trail."""

    def record(self, entry: AuditEntry) -> None:
        """Add an entry."""
        at = self._micros() if entry.at is None else micros(entry.at)
        # A peer can put into texts what PostgreSQL cannot store.
        texts = {key: _clean(value) for key, value in asdict(entry).items()}
        self._connection.execute(_audit.insert().values({**texts, "at": at}))


def _clean(value: object) -> object:
    if not isinstance(value, str):
        return value
    return value.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
