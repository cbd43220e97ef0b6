"""What all parts of a transaction share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo

from sqlalchemy import Connection

from leaddicom.ups.store.database import Database
from leaddicom.ups.store.moments import micros, moment

__all__ = ["Settings", "Transaction"]


@dataclass(frozen=True, slots=True)
class Settings:
    """What a store hands to its transactions.

    Attributes
    ----------
    database : Database
        Where the transaction runs.
    zone : tzinfo
        Of date times that say nothing about it (PS3.5 section 6.2).
    clock : callable or None
        Gives the time, for tests; `None` is the database's.
    """

    database: Database
    zone: tzinfo
    clock: Callable[[], datetime] | None


class Transaction:
    """A transaction of the store.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        On which it has begun.
    settings : Settings
        The store's.
    """

    def __init__(self, connection: Connection, settings: Settings) -> None:
        self._connection = connection
        self._settings = settings
        self._now: int | None = None

    def now(self) -> datetime:
        """Give the time of the transaction, in UTC: the same whenever it is asked for.

        It is PostgreSQL's own, so that the clocks of several hosts do not matter.
        """
        return moment(self._micros())

    def _micros(self) -> int:
        if self._now is None:
            clock = self._settings.clock
            if clock is not None:
                self._now = micros(clock())
            else:
                self._now = self._settings.database.now(self._connection)
        return self._now
