"""Where a received data set goes: memory while it is small, a file beyond.

The file is a complete DICOM file from its first byte on (PS3.10 section 7.1), so that storing
an instance is a rename.
"""

from __future__ import annotations

import errno
import logging
import os
import shutil
import tempfile
import weakref
from dataclasses import dataclass, field
from io import FileIO
from struct import Struct

from leaddicom.errors import DataSetError, DicomErrorCode
from leaddicom.implementation import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME

__all__ = [
    "DataSetSink",
    "ReceivedDataSet",
    "encode_file_meta",
    "flush_folder",
]

_LOGGER = logging.getLogger(__name__)

# Explicit VR Little Endian: group, element, VR, length (PS3.5 section 7.1.2).
_ELEMENT = Struct("<HH2sH")
_LONG_ELEMENT = Struct("<HH2sHI")  # OB: a reserved field, then the length
_UL_ELEMENT = Struct("<HH2sHI")  # UL: the length, then the value
_GROUP = 0x0002

# Only POSIX can open a folder in order to flush it.
_FOLDER_FLAGS = getattr(os, "O_DIRECTORY", None)


def _encode_element(element: int, vr: bytes, text: str, padding: bytes) -> bytes:
    value = text.encode("ascii")
    value += padding * (len(value) & 1)
    return _ELEMENT.pack(_GROUP, element, vr, len(value)) + value


_VERSION = _LONG_ELEMENT.pack(_GROUP, 0x0001, b"OB", 0, 2) + b"\x00\x01"
_IMPLEMENTATION = _encode_element(0x0012, b"UI", IMPLEMENTATION_CLASS_UID, b"\0") + _encode_element(
    0x0013, b"SH", IMPLEMENTATION_VERSION_NAME, b" "
)


def encode_file_meta(sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str) -> bytes:
    """Encode what precedes the data set in a DICOM file.

    Parameters
    ----------
    sop_class_uid, sop_instance_uid, transfer_syntax_uid : str
        Of the data set; ISO 646 characters.

    Returns
    -------
    bytes
        Preamble, prefix and File Meta Information (PS3.10 section 7.1).
    """
    elements = b"".join(
        (
            _VERSION,
            _encode_element(0x0002, b"UI", sop_class_uid, b"\0"),
            _encode_element(0x0003, b"UI", sop_instance_uid, b"\0"),
            _encode_element(0x0010, b"UI", transfer_syntax_uid, b"\0"),
            _IMPLEMENTATION,
        )
    )
    group_length = _UL_ELEMENT.pack(_GROUP, 0x0000, b"UL", 4, len(elements))
    return bytes(128) + b"DICM" + group_length + elements


class _SpoolFile:
    """A temporary file that is removed with its last reference unless it was placed."""

    def __init__(self, directory: str | None) -> None:
        descriptor, self.path = tempfile.mkstemp(".dcm", "leaddicom-", directory)
        self._file = FileIO(descriptor, "wb")
        self._finalizer = weakref.finalize(self, _remove, self._file, self.path)

    def __enter__(self) -> _SpoolFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    @property
    def temporary(self) -> bool:
        return self._finalizer.alive

    def write(self, data: bytes | bytearray | memoryview) -> None:
        # A full disk takes a part at first and reports the error with the next write.
        written = self._file.write(data)
        while written < len(data):
            written += self._file.write(memoryview(data)[written:])

    def close(self) -> None:
        self._file.close()

    def place(self, target: str, durable: bool) -> None:
        """Rename the file, which is temporary no longer then."""
        self.close()
        if durable:
            _flush(self.path, os.O_RDWR)
        os.replace(self.path, target)
        self._finalizer.detach()
        self.path = target

    def remove(self) -> None:
        """Remove the file if it is still temporary."""
        self._finalizer()


def _remove(file: FileIO, path: str) -> None:
    try:
        file.close()
    except OSError:
        _LOGGER.debug("Closing the temporary file %r failed.", path, exc_info=True)
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    except OSError as exc:
        _LOGGER.warning(
            "The temporary file %r cannot be removed (%s). It may hold patient data: remove "
            "it by hand.",
            path,
            exc.strerror,
        )


def flush_folder(folder: str | os.PathLike[str]) -> None:
    """Flush the names in a folder to the disk, where the system can do that."""
    if _FOLDER_FLAGS is not None:
        _flush(folder, _FOLDER_FLAGS)


def _flush(path: str | os.PathLike[str], flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@dataclass(slots=True, eq=False)
class ReceivedDataSet:
    """A received data set, still encoded.

    Attributes
    ----------
    transfer_syntax_uid : str
        Of the presentation context on which it came.
    sop_class_uid, sop_instance_uid : str
        From the command set; empty where it has none.
    size : int
        Bytes that were received, without File Meta Information.
    data : bytes-like or None
        The data set, if it is in memory; not to be changed.
    data_offset : int
        Where the data set begins in the file; 0 if it is in memory.
    error : OSError or None
        Why the data set could not be kept, for example a full disk.  There are no data then.
    """

    transfer_syntax_uid: str
    sop_class_uid: str
    sop_instance_uid: str
    size: int = 0
    data: bytes | bytearray | None = field(default=None, repr=False)
    data_offset: int = 0
    error: OSError | None = None
    _file: _SpoolFile | None = field(default=None, repr=False)

    @property
    def path(self) -> str | None:
        """The DICOM file, if there is one.

        It is temporary, and removed by `close` or with the last reference to this object,
        until `save` has given it a place.
        """
        return self._file.path if self._file else None

    def meta(self) -> bytes:
        """Return preamble, prefix and File Meta Information (PS3.10 section 7.1)."""
        return encode_file_meta(self.sop_class_uid, self.sop_instance_uid, self.transfer_syntax_uid)

    def save(self, path: str | os.PathLike[str], durable: bool = False) -> None:
        """Store the data set as a DICOM file that only its owner may read and write.

        The file appears under its name complete or not at all, and replaces one that is
        there.  A temporary file is renamed, or copied to another file system; `path` is its
        new place from then on.  A data set in memory stays there.

        Parameters
        ----------
        path : path-like
            Name of the file.
        durable : bool
            Whether file and folder are flushed to the disk before this returns.

        Raises
        ------
        DataSetError
            If there are no data: `close` was called, or `error` says why they were lost.
        OSError
            If the file cannot be written; nothing is left behind then.
        """
        target = os.path.abspath(path)
        if self._file is None and self.data is None:
            reason = f"it was lost ({self.error})" if self.error else "it was closed before"
            raise DataSetError(
                DicomErrorCode.WRITE, f"The data set cannot be saved as {target!r}: {reason}."
            )
        if not self._renamed(target, durable):
            self._copy(target, durable)
        if durable:
            flush_folder(os.path.dirname(target))

    def close(self) -> None:
        """Free the memory, and remove the file if it is still temporary."""
        if self._file is not None:
            self._file.remove()
        self._file = self.data = None

    def _renamed(self, target: str, durable: bool) -> bool:
        """Rename the temporary file, if there is one and its file system is the target's."""
        if self._file is None or not self._file.temporary:
            return False
        try:
            self._file.place(target, durable)
        except OSError as exc:
            if exc.errno != errno.EXDEV:
                raise
            return False
        return True

    def _copy(self, target: str, durable: bool) -> None:
        with _SpoolFile(os.path.dirname(target)) as copy:
            if self._file is not None:
                shutil.copyfile(self._file.path, copy.path)
            else:
                copy.write(self.meta())
                copy.write(self.data or b"")
            copy.place(target, durable)
        if self._file is not None:
            self._file.remove()
            self._file = copy


class DataSetSink:
    """Takes the pieces of one data set as they arrive.

    An error of the file system is kept and not raised: the rest is taken and dropped, and the
    message can be answered like any other, with the status for it (A700H or 0213H).

    Parameters
    ----------
    transfer_syntax_uid : str
        Of the presentation context.
    sop_class_uid, sop_instance_uid : str
        Of the message, for the File Meta Information.
    threshold : int
        Bytes that are kept in memory; a longer data set goes to a temporary file.
    directory : str or None
        Folder for the temporary file; `None` is the system's.

    Attributes
    ----------
    size : int
        Bytes taken so far.
    """

    __slots__ = ("_data", "_dataset", "_directory", "_file", "_threshold", "size")

    def __init__(
        self,
        transfer_syntax_uid: str,
        sop_class_uid: str,
        sop_instance_uid: str,
        threshold: int,
        directory: str | None,
    ) -> None:
        self._dataset = ReceivedDataSet(transfer_syntax_uid, sop_class_uid, sop_instance_uid)
        self._threshold = threshold
        self._directory = directory
        self._data: bytearray | None = bytearray()
        self._file: _SpoolFile | None = None
        self.size = 0

    def write(self, view: memoryview) -> None:
        """Take a piece; it is copied before this returns."""
        self.size += len(view)
        if self._data is not None and self.size <= self._threshold:
            self._data += view
        elif self._dataset.error is None:
            try:
                self._spool(view)
            except OSError as exc:
                self._fail(exc)

    def finish(self) -> ReceivedDataSet:
        """Return the data set; the sink takes nothing more."""
        if self._file is not None:
            try:
                # Network file systems report a full disk or quota as late as this.
                self._file.close()
            except OSError as exc:
                self._fail(exc)
        dataset = self._dataset
        dataset.size = self.size
        dataset.data = self._data
        dataset._file = self._file
        return dataset

    def discard(self) -> None:
        """Drop everything, and remove the temporary file."""
        if self._file is not None:
            self._file.remove()
        self._file = self._data = None

    def _spool(self, view: memoryview) -> None:
        if self._file is None:
            self._file = _SpoolFile(self._directory)
            meta = self._dataset.meta()
            self._file.write(meta)
            self._file.write(self._data or b"")
            self._dataset.data_offset = len(meta)
            self._data = None
        self._file.write(view)

    def _fail(self, exc: OSError) -> None:
        # The traceback would keep the caller's view alive.
        self._dataset.error = exc.with_traceback(None)
        self._dataset.data_offset = 0
        self.discard()
