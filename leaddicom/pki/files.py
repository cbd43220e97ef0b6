"""Files that are complete as soon as they are there, and a lock between processes."""

from __future__ import annotations

import os
import re
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from leaddicom.errors import DicomError, DicomErrorCode

if sys.platform == "win32":  # pragma: no cover
    import msvcrt
else:
    import fcntl

__all__ = ["is_file_name", "locked", "make_folder", "write_file"]


# Neither a path, nor hidden, nor an option, nor what Windows refuses.
_FILE_NAME = re.compile(r"\w(?:[\w. -]*\w)?", re.ASCII)


def is_file_name(text: str) -> bool:
    """Whether a text can name a folder on every system.

    It consists of ASCII letters, digits, ``_``, and inside it also dots, hyphens and spaces.
    """
    return _FILE_NAME.fullmatch(text) is not None


def write_file(path: Path, data: bytes, *, private: bool = False) -> None:
    """Write a file that is complete from the moment its name exists.

    Parameters
    ----------
    path : Path
        Where; missing folders are made, what is there is replaced.
    data : bytes
        The content.
    private : bool
        Whether only the owner may read it.  The mode is given when the file is created: a
        later chmod would leave a moment in which others can open it.
    """
    make_folder(path.parent)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    mode = 0o600 if private else 0o644
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def make_folder(folder: Path) -> None:
    """Make a folder and its parents, writable by the owner only whatever the umask is."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(mode=0o755, exist_ok=True)


@contextmanager
def locked(folder: Path, timeout: float) -> Iterator[None]:
    """Keep other processes out of `folder`, as far as they ask in the same way.

    Raises
    ------
    DicomError
        If another process holds the lock for longer than `timeout` seconds.
    """
    # The operating system drops this lock with the process, so a killed one leaves none
    # behind.  The file stays: removing it would let two processes lock two different files.
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        deadline = time.monotonic() + timeout
        while not _try_lock(descriptor):
            if time.monotonic() >= deadline:
                raise DicomError(
                    DicomErrorCode.OPEN,
                    f"Another process has been making certificates in {folder} for more than "
                    f"{timeout:g} seconds. Wait until it ends, or end it, and try again.",
                )
            time.sleep(0.05)
        yield
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":  # pragma: no cover
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True
