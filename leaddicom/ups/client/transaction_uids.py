"""Transaction UIDs on disk, so that no crash leaves a workitem locked (PS3.4 section CC.1.1).

Whoever claims a workitem locks it with a Transaction UID, which nobody can read back: without it
the workitem can neither be finished nor canceled.  So it is written before the claim leaves, and
kept until the end of the workitem is confirmed.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

from leaddicom.errors import DicomError, DicomErrorCode, ParameterError
from leaddicom.values import is_uid

__all__ = ["HeldWorkitem", "TransactionUids", "default_path"]

#: Seconds to wait for another process that writes.
_BUSY = 10.0

_VERSION = 1
_TABLE = """
CREATE TABLE claim (
    manager TEXT NOT NULL,
    workitem TEXT NOT NULL,
    transaction_uid TEXT NOT NULL,
    claimed_at TEXT NOT NULL,
    is_confirmed INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (manager, workitem, transaction_uid)
)
"""


@dataclass(frozen=True, slots=True)
class HeldWorkitem:
    """A workitem that was claimed here, and whose end is not confirmed yet.

    Attributes
    ----------
    manager : str
        The worklist manager, see `UpsScu`.
    uid : str
        SOP Instance UID.
    transaction_uid : str
        What it is locked with.
    claimed_at : datetime.datetime
        When it was to be claimed, in UTC.
    is_confirmed : bool
        Whether the manager has granted the claim; otherwise the answer was lost, and
        `UpsScu.resume` finds out.
    """

    manager: str
    uid: str
    transaction_uid: str = field(repr=False)
    claimed_at: datetime
    is_confirmed: bool


def default_path() -> Path:
    """Give the file of this user: in ``$XDG_STATE_HOME``, by default ``~/.local/state``.

    Raises
    ------
    DicomError
        The user has no home folder, as in many a container.
    """
    state = os.environ.get("XDG_STATE_HOME", "")
    try:
        # The specification of the XDG folders wants relative paths ignored.
        folder = Path(state) if os.path.isabs(state) else Path.home() / ".local" / "state"
    except RuntimeError as error:
        raise DicomError(
            DicomErrorCode.WRITE,
            "There is no home folder in which Transaction UIDs could be kept, and without them a "
            "workitem would stay locked after a crash. Name a file for them with transaction_uids "
            "(--transaction-uids), or set XDG_STATE_HOME or HOME.",
        ) from error
    return folder / "leaddicom" / "transaction-uids.sqlite"


class TransactionUids:
    """The Transaction UIDs of this user, in a file that several threads and processes may share.

    Parameters
    ----------
    path : path-like, optional
        The file; by default `default_path`.  It is made when the first claim is written, and
        nobody but its owner may read it.

    Raises
    ------
    DicomError
        By every method: the file cannot be read or written, or is none of ours; or there is no
        home folder for it.

    Examples
    --------
    What a performer that was started again still holds:

    >>> from leaddicom.ups.client import TransactionUids
    >>> for held in TransactionUids().held():
    ...     print(held.uid, held.claimed_at)
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self._path = None if path is None else Path(path).absolute()

    @property
    def path(self) -> Path:
        """The file.  Who only creates and finds workitems needs none, nor a home folder."""
        if self._path is None:
            self._path = default_path()
        return self._path

    def write(self, manager: str, uid: str, transaction_uid: str) -> None:
        """Write that a claim is about to leave; it is on the disk when this returns.

        Raises
        ------
        ParameterError
            The Transaction UID is none.
        """
        if not is_uid(transaction_uid):
            raise ParameterError(f"{transaction_uid!a} is no UID (PS3.5 section 9.1).")
        now = datetime.now(timezone.utc).isoformat()
        with self._changing(create=True) as database:
            database.execute(
                "INSERT OR IGNORE INTO claim VALUES (?, ?, ?, ?, 0)",
                (manager, uid, transaction_uid, now),
            )

    def confirm(self, manager: str, uid: str, transaction_uid: str) -> None:
        """Note that the manager has granted a claim: no other one can have been."""
        with self._changing(create=True) as database:
            database.execute(
                "DELETE FROM claim WHERE manager = ? AND workitem = ? AND transaction_uid <> ?",
                (manager, uid, transaction_uid),
            )
            database.execute(
                "UPDATE claim SET is_confirmed = 1 "
                "WHERE manager = ? AND workitem = ? AND transaction_uid = ?",
                (manager, uid, transaction_uid),
            )

    def forget(self, manager: str, uid: str, transaction_uid: str | None = None) -> None:
        """Forget one claim of a workitem, or all: it is final, or somebody else performs it."""
        with self._changing() as database:
            database.execute(
                "DELETE FROM claim WHERE manager = ? AND workitem = ? "
                "AND transaction_uid = coalesce(?, transaction_uid)",
                (manager, uid, transaction_uid),
            )

    def get(self, manager: str, uid: str) -> str:
        """Give what a workitem is locked with, as far as is known; "" if not claimed here."""
        return next((each.transaction_uid for each in self.held(manager, uid)), "")

    def held(self, manager: str | None = None, uid: str | None = None) -> list[HeldWorkitem]:
        """Give what was claimed, and is not known to be final: the granted first, then the oldest.

        Parameters
        ----------
        manager, uid : str, optional
            Only claims of this manager, or of this workitem.
        """
        with self._open() as database:
            rows = database.execute(
                "SELECT manager, workitem, transaction_uid, claimed_at, is_confirmed FROM claim "
                "WHERE manager = coalesce(?, manager) AND workitem = coalesce(?, workitem) "
                "ORDER BY is_confirmed DESC, claimed_at",
                (manager, uid),
            ).fetchall()
        return [
            HeldWorkitem(of, workitem, lock, datetime.fromisoformat(claimed_at), bool(is_confirmed))
            for of, workitem, lock, claimed_at, is_confirmed in rows
        ]

    # -- the file ------------------------------------------------------------------------------

    @contextmanager
    def _changing(self, *, create: bool = False) -> Iterator[sqlite3.Connection]:
        """Have a transaction; the write lock is taken at once, so that it cannot fail later."""
        if create:
            self._create()
        with self._open() as database:
            database.execute("BEGIN IMMEDIATE")
            try:
                yield database
                database.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    database.execute("ROLLBACK")
                raise

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """Open the file; without one, an empty database in memory stands for it."""
        try:
            where = str(self.path) if self.path.exists() else ":memory:"
            opened = sqlite3.connect(where, timeout=_BUSY, isolation_level=None)
            with closing(opened) as database:
                # EXTRA: also the folder is flushed, in which the journal's removal is the commit.
                database.execute("PRAGMA synchronous = EXTRA")
                self._prepare(database)
                yield database
        except (sqlite3.Error, OSError) as error:
            raise self._failed(str(error)) from error

    def _prepare(self, database: sqlite3.Connection) -> None:
        if self._version(database) == 0:
            database.execute("BEGIN IMMEDIATE")
            if self._version(database) == 0:  # no other process was faster
                database.execute(_TABLE)
                database.execute(f"PRAGMA user_version = {_VERSION}")
            database.execute("COMMIT")
        if self._version(database) != _VERSION:
            raise self._failed("it was written by a newer version of this program")

    @staticmethod
    def _version(database: sqlite3.Connection) -> int:
        return int(database.execute("PRAGMA user_version").fetchone()[0])

    def _create(self) -> None:
        """Make the file for its owner alone; SQLite would make it readable to others."""
        try:
            if not self.path.exists():
                self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                # Never opened under its own name: closing it would drop the locks that SQLite
                # has on it in another thread, as POSIX has them.
                descriptor, empty = tempfile.mkstemp(prefix=".new-", dir=self.path.parent)
                os.close(descriptor)
                with contextlib.suppress(FileExistsError):
                    os.link(empty, self.path)
                os.unlink(empty)
            if stat.S_IMODE(self.path.stat().st_mode) & 0o077:
                self.path.chmod(0o600)
        except OSError as error:
            raise self._failed(error.strerror or str(error)) from error

    def _failed(self, why: str) -> DicomError:
        return DicomError(
            DicomErrorCode.WRITE,
            f"The Transaction UIDs in {self.path} cannot be used: {why}. Without them a workitem "
            "would stay locked after a crash. Repair the file, or name another one.",
        )
