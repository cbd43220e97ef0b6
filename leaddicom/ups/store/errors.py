"""What can go wrong with the store, and how the database's errors become that.

Messages name the database without its password, and never a value: the text of a driver may
quote a row, and with it a patient.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc

from leaddicom.errors import DicomError, DicomErrorCode

__all__ = [
    "DuplicateWorkitem",
    "StaleWorkitem",
    "StoreBusy",
    "StoreError",
    "no_worklist",
    "translated",
]

#: SQLSTATEs of PostgreSQL after which the same request may well succeed: serialization failure,
#: deadlock, lock not available, canceled by statement_timeout, too many connections.
_PASSING = frozenset({"40001", "40P01", "55P03", "57014", "53300"})


class StoreError(DicomError):
    """The database cannot be used, or has failed.

    Nothing of the transaction is kept, unless the connection was lost while it was committed.
    """

    def __init__(self, message: str, code: DicomErrorCode = DicomErrorCode.WRITE) -> None:
        super().__init__(code, message)

    def __reduce__(self) -> tuple[type[StoreError], tuple[str, DicomErrorCode]]:
        return type(self), (self.message, self.code)


class StoreBusy(StoreError):
    """Others held the database for too long; the same request may succeed later."""

    def __init__(self, message: str, code: DicomErrorCode = DicomErrorCode.LOCKED) -> None:
        super().__init__(message, code)


class DuplicateWorkitem(StoreError):
    """There is a workitem with this SOP Instance UID already; the transaction can go on."""

    def __init__(
        self, message: str, code: DicomErrorCode = DicomErrorCode.SOP_INSTANCE_UID_ALREADY_EXISTS
    ) -> None:
        super().__init__(message, code)


class StaleWorkitem(StoreError):
    """The workitem was changed or deleted since it was read; the transaction can go on."""


def no_worklist(place: str) -> StoreError:
    """Tell that there is no worklist where one is looked for."""
    return StoreError(
        f"{place} has no worklist: name another place, or start a manager there, which makes it.",
        DicomErrorCode.OPEN,
    )


@contextmanager
def translated(place: str) -> Iterator[None]:
    """Turn errors of SQLAlchemy and of the driver into the store's.

    Parameters
    ----------
    place : str
        Names the database in messages, without a password.

    Raises
    ------
    StoreBusy
        If the same transaction may succeed later.
    StoreError
        If the database has failed otherwise.
    """
    try:
        yield
    except exc.TimeoutError:
        raise _busy(place, "all its connections are in use") from None
    except exc.DBAPIError as error:
        # The chained exception would be logged with the driver's text, which may quote a row.
        raise _of_driver(place, error) from None
    except exc.SQLAlchemyError as error:
        raise StoreError(f"{place} cannot be used: {type(error).__name__}.") from None


def _of_driver(place: str, error: exc.DBAPIError) -> StoreError:
    driver = error.orig
    state = getattr(driver, "sqlstate", None)
    if state is not None:
        primary = getattr(getattr(driver, "diag", None), "message_primary", None)
        reason = f"{primary or type(driver).__name__} (SQLSTATE {state})"
        busy = state in _PASSING
    else:
        reason = re.sub(r"\s+", " ", str(driver)).strip().rstrip(".?!")
        busy = reason.startswith(("database is locked", "database table is locked"))
    if busy:
        return _busy(place, reason)
    return StoreError(
        f"{place} has failed: {reason}. See to the database; what was asked for can be repeated."
    )


def _busy(place: str, reason: str) -> StoreBusy:
    return StoreBusy(f"{place} is busy: {reason}. Nothing was stored; try again.")
