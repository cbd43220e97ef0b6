"""Which processes of the worklist manager run: whether the service as a whole does."""

from __future__ import annotations

import os
import socket
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Row, delete, func, select

from leaddicom.ups.store import schema
from leaddicom.ups.store.database import insert
from leaddicom.ups.store.moments import moment
from leaddicom.ups.store.outbox import Transactions, end_leases
from leaddicom.ups.store.transaction import Transaction

__all__ = ["SILENCE", "Server", "ServerReader", "ServerWriter", "Servers"]

_server = schema.server

#: A process that has given no sign of life for so long is taken for dead.
SILENCE = timedelta(seconds=60)
_SILENCE = SILENCE // timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Server:
    """A process of the worklist manager.

    Attributes
    ----------
    instance : str
        Names this run of it.
    host : str
        Name of its host.
    pid : int
        Number of the process there.
    started_at, heartbeat_at : datetime
        When it began, and gave its last sign of life, in UTC.
    is_silent : bool
        Whether it is taken for dead, because it has given none for `SILENCE`.
    """

    instance: str
    host: str
    pid: int
    started_at: datetime
    heartbeat_at: datetime
    is_silent: bool


class ServerReader(Transaction):
    """Reads the register."""

    def servers(self) -> list[Server]:
        """List the processes that are registered, the oldest first."""
        now = self._micros()
        rows = self._connection.execute(select(_server).order_by(_server.c.started_at))
        return [
            Server(
                row.instance,
                row.host,
                row.pid,
                moment(row.started_at),
                moment(row.heartbeat_at),
                row.heartbeat_at <= now - _SILENCE,
            )
            for row in rows
        ]


class ServerWriter(ServerReader):
    """Keeps the register."""

    def register(self, instance: str, host: str, pid: int) -> frozenset[str]:
        """Add a process, and remove those that have ended without a word, with their leases.

        Parameters
        ----------
        instance : str
            Names this run of this process.
        host : str
            Name of its host.
        pid : int
            Number of the process there.

        Returns
        -------
        frozenset of str
            The other processes that run, or have run less than `SILENCE` ago on another host:
            whether these had ended is known later, see `had_ended`.  Without any, the whole
            service was down.
        """
        now = self._micros()
        statement = select(_server).where(_server.c.instance != instance)
        others = self._connection.execute(statement).all()
        ended = {each.instance for each in others if _has_ended(each, host, pid, now)}
        self._bury(ended)
        _put(self, instance, host, pid)
        return frozenset(each.instance for each in others) - ended

    def had_ended(self, others: frozenset[str], instance: str) -> bool | None:
        """Tell whether the whole service was down when a process has registered.

        Parameters
        ----------
        others : frozenset of str
            The processes that `register` has given then.
        instance : str
            The process.

        Returns
        -------
        bool or None
            `True` once: they are removed with their leases.  `None` if it is not known yet.
        """
        rows = self._connection.execute(select(_server)).all()
        found = [each for each in rows if each.instance in others]
        since = [each.started_at for each in rows if each.instance == instance]
        if len(found) < len(others) or not since:
            return False  # it has taken its leave, or another process has found it dead
        if any(each.heartbeat_at > since[0] for each in found):
            return False
        if any(each.heartbeat_at > self._micros() - _SILENCE for each in found):
            return None
        self._bury(others)
        return True

    def _bury(self, instances: Collection[str]) -> None:
        """Remove processes that were killed; others would have unregistered."""
        self._connection.execute(delete(_server).where(_server.c.instance.in_(instances)))
        end_leases(self, instances)

    def unregister(self, instance: str) -> bool:
        """Remove a process that ends.

        Returns
        -------
        bool
            Whether it was the last one: the whole service goes down.
        """
        self._connection.execute(delete(_server).where(_server.c.instance == instance))
        alive = _server.c.heartbeat_at > self._micros() - _SILENCE
        statement = select(func.count()).select_from(_server).where(alive)
        return self._connection.scalar(statement) == 0


class Servers(Transactions):
    """The signs of life, each a transaction of its own."""

    def heartbeat(self, instance: str) -> None:
        """Show that this process lives; if it was taken for dead, it is added again."""
        with self._short(writes=True) as transaction:
            _put(transaction, instance, socket.gethostname(), os.getpid())


def _put(transaction: Transaction, instance: str, host: str, pid: int) -> None:
    now = transaction._micros()
    values = {"host": host, "pid": pid, "started_at": now, "heartbeat_at": now}
    transaction._connection.execute(
        insert(transaction._connection, _server)
        .values(instance=instance, **values)
        .on_conflict_do_update(index_elements=["instance"], set_={"heartbeat_at": now})
    )


def _has_ended(row: Row[tuple[object, ...]], host: str, pid: int, now: int) -> bool:
    """Tell whether a process has ended, as seen by another on `host` with the number `pid`."""
    if row.heartbeat_at <= now - _SILENCE:
        return True
    # In a container every run has the same number.
    return row.host == host and (row.pid == pid or not _is_running(row.pid))


def _is_running(pid: int) -> bool:
    if os.name == "nt":  # where 0 is no question, but Ctrl-C; the silence tells
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
