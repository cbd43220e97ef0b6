"""SQLite: one file, for the processes of one host."""

from __future__ import annotations

import os
import re
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine import URL

from leaddicom.errors import DicomErrorCode
from leaddicom.ups.store.database import LOCK_TIMEOUT, POOL_SIZE, Database
from leaddicom.ups.store.errors import StoreError, no_worklist

__all__ = ["Sqlite", "file_system_of"]

_MOUNTS = "/proc/self/mounts"

#: File systems whose locks or shared memory, which WAL needs, do not reach other hosts.
_NETWORK = re.compile(
    r"(nfs\d*|cifs|smb\w*|ncpfs|afs|9p|ceph|lustre|ocfs2|gfs2?|glusterfs|fuse\.(sshfs|\w*gluster\w*"
    r"|\w*ceph\w*|s3fs|rclone|davfs2?))"
)

_WRITES = "leaddicom_writes"


class Sqlite(Database):
    """A database in a file.

    Parameters
    ----------
    path : str
        The file; made if it is not there.

    Raises
    ------
    StoreError
        No file is named.
    """

    def __init__(self, path: str) -> None:
        if not path or path == ":memory:" or path.startswith("file:"):
            raise StoreError(
                "A worklist in SQLite needs a file, which several processes can share. Give its "
                "path.",
                DicomErrorCode.PARAMETER,
            )
        self.path = Path(os.path.abspath(path))
        self.place = f"The SQLite database {str(self.path)!r}"
        engine = create_engine(
            URL.create("sqlite+pysqlite", database=str(self.path)),
            hide_parameters=True,
            pool_size=POOL_SIZE,
            max_overflow=POOL_SIZE,
            pool_timeout=LOCK_TIMEOUT,
            connect_args={"timeout": LOCK_TIMEOUT, "check_same_thread": False},
        )
        event.listen(engine, "connect", _configure)
        event.listen(engine, "begin", _begin)
        self.reading = engine
        self.writing = engine.execution_options(**{_WRITES: True})

    def prepare(self) -> None:
        """Make the file, readable by its owner only, unless it is there."""
        kind = file_system_of(self.path.parent, _MOUNTS)
        if kind is not None and _NETWORK.fullmatch(kind):
            raise StoreError(
                f"{self.place} would be on a network share ({kind}), on which SQLite loses data. "
                "Put it on a local disk, or use PostgreSQL (postgresql://user@host/database).",
                DicomErrorCode.OPEN,
            )
        try:
            # SQLite gives the files of its log the permissions of this one.  One that is there
            # is not touched: to close it would end the locks that this process has on it.
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        except FileExistsError:
            pass
        except OSError as error:
            raise StoreError(
                f"{self.place} cannot be opened: {error.strerror}. Its folder has to be there, "
                "and both have to be this user's to write.",
                DicomErrorCode.OPEN,
            ) from error
        self._switch_to_wal()

    def find(self) -> None:
        """See whether there is a file; connecting would make one."""
        if not self.path.exists():
            raise no_worklist(self.place)

    def _switch_to_wal(self) -> None:
        """Have writers write beside the file, so that they and readers do not wait for another.

        The file keeps it.  Several processes may be about it at the same time, and then SQLite
        does not always wait as long as it is told to.
        """
        deadline = time.monotonic() + LOCK_TIMEOUT
        while True:
            try:
                with closing(sqlite3.connect(self.path, LOCK_TIMEOUT)) as connection:
                    connection.execute("PRAGMA journal_mode=WAL")
                return
            except sqlite3.Error as error:
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise StoreError(
                        f"{self.place} cannot be opened: {error}. See whether the file is whole, "
                        "and who else has it open.",
                        DicomErrorCode.OPEN,
                    ) from error
            time.sleep(0.01)

    def lock(self, connection: Connection) -> None:
        """Do nothing: BEGIN IMMEDIATE has waited."""

    def check(self, connection: Connection) -> None:
        """Do nothing: every file can hold everything."""

    def now(self, connection: Connection) -> int:
        """Give the host's time, as all processes are on it."""
        return time.time_ns() // 1000

    def explain(self, connection: Connection, statement: Any) -> str:
        """Give the answer to EXPLAIN QUERY PLAN."""
        compiled = statement.compile(connection, compile_kwargs={"render_postcompile": True})
        text, parameters = str(compiled), compiled.positiontup or ()
        values = tuple(compiled.params[name] for name in parameters)
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values)
        return "\n".join(str(row[-1]) for row in rows)


def file_system_of(folder: Path, mounts: str) -> str | None:
    """Tell on which kind of file system a folder is.

    Parameters
    ----------
    folder : pathlib.Path
        The folder.
    mounts : str
        The system's list of mounted file systems, as Linux has it.

    Returns
    -------
    str or None
        Such as ``"ext4"``; `None` if the list cannot be read.
    """
    try:
        lines = Path(mounts).read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return None
    real = Path(os.path.realpath(folder))
    best, found = -1, None
    for line in lines:
        _, point, kind, *_ = line.split(" ")
        # Spaces and the like stand there in octal.
        place = Path(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), point))
        # What is mounted later covers what was mounted before.
        if (place == real or place in real.parents) and len(place.parts) >= best:
            best, found = len(place.parts), kind
    return found


def _configure(connection: Any, _record: Any) -> None:
    """Set up a new connection."""
    # The driver would begin transactions where it thinks fit, and not IMMEDIATE.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin(connection: Connection) -> None:
    """Begin a transaction.

    A transaction that writes takes the lock at once: one that has read cannot get it once
    another has written, however long it waits.
    """
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
