"""From messages to P-DATA-TF PDUs (PS3.8 section 9.3.5 and Annex E)."""

from __future__ import annotations

import os
from io import FileIO
from pathlib import Path
from struct import Struct
from typing import Protocol

from leaddicom.dimse.reassembly import COMMAND, LAST
from leaddicom.enums import PduType
from leaddicom.errors import DataSetError, DicomErrorCode, ParameterError

__all__ = ["BytesSource", "DataSetSource", "FileSource", "OutgoingMessage", "PaddedSource"]

# PDU type, reserved, PDU length; PDV item length, presentation context ID, message control
# header (PS3.8 Tables 9-22 and 9-23).
_HEADER = Struct(">BBIIBB")
_HEADER_SIZE = _HEADER.size
#: Of the header, what counts in the PDU length and in the PDV item length.
_PDU_OVERHEAD = 6
_PDV_OVERHEAD = 2
_P_DATA_TF = int(PduType.DATA_TRANSFER)


class DataSetSource(Protocol):
    """An encoded data set that is read once, from its beginning to its end."""

    @property
    def size(self) -> int:
        """Bytes of the encoded data set."""

    def readinto(self, view: memoryview) -> None:
        """Fill the whole view with the next bytes, or raise DataSetError."""

    def close(self) -> None:
        """Free what the source holds; it may be called more than once."""


class BytesSource:
    """A data set in memory.

    Parameters
    ----------
    data : bytes-like
        The encoded data set; not to be changed until it is sent.
    """

    __slots__ = ("_data", "_position", "size")

    def __init__(self, data: bytes | bytearray | memoryview) -> None:
        self._data = memoryview(data).cast("B")
        self._position = 0
        self.size = len(self._data)

    def readinto(self, view: memoryview) -> None:
        """Fill the whole view with the next bytes, or raise DataSetError."""
        end = self._position + len(view)
        if end > len(self._data):
            raise DataSetError(
                DicomErrorCode.READ,
                f"A data set of {len(self._data)} bytes was read beyond its end.",
            )
        view[:] = self._data[self._position : end]
        self._position = end

    def close(self) -> None:
        """Let go of the data."""
        self._data = memoryview(b"")


class FileSource:
    """A data set in a file, which is opened when its first byte is due.

    Parameters
    ----------
    path : path-like
        The file; it must not change until it is sent.
    offset : int
        Where the data set begins.
    size : int, optional
        Bytes of the data set; without it, all that follows `offset`.

    Raises
    ------
    DataSetError
        If the size is asked for and the file is not there or ends before `offset`.
    """

    __slots__ = ("_file", "_offset", "_path", "size")

    def __init__(
        self, path: str | os.PathLike[str], offset: int = 0, size: int | None = None
    ) -> None:
        self._path = Path(path)
        self._offset = offset
        self._file: FileIO | None = None
        self.size = self._measure() if size is None else size

    def _measure(self) -> int:
        try:
            size = self._path.stat().st_size - self._offset
        except OSError as exc:
            raise self._failed(exc) from exc
        if size < 0:
            raise self._short()
        return size

    def readinto(self, view: memoryview) -> None:
        """Fill the whole view with the next bytes, or raise DataSetError."""
        try:
            if self._file is None:
                self._file = FileIO(self._path, "rb")
                self._file.seek(self._offset)
            filled = self._file.readinto(view)
            while filled < len(view):
                # Beyond 2 GiB, and on some network file systems, a read may end early.
                count = self._file.readinto(view[filled:])
                if not count:
                    raise self._short()
                filled += count
        except OSError as exc:
            raise self._failed(exc) from exc

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def _failed(self, exc: OSError) -> DataSetError:
        code = DicomErrorCode.OPEN if self._file is None else DicomErrorCode.READ
        return DataSetError(code, f"The file {str(self._path)!r} cannot be read: {exc.strerror}.")

    def _short(self) -> DataSetError:
        return DataSetError(
            DicomErrorCode.READ,
            f"The file {str(self._path)!r} ends before its data set does; was it changed or cut "
            "short while it waited to be sent?",
        )


class PaddedSource:
    """A data set of odd length, and the NUL byte that makes it even.

    Parameters
    ----------
    source : DataSetSource
        The data set.
    """

    __slots__ = ("_left", "_source", "size")

    def __init__(self, source: DataSetSource) -> None:
        self._source = source
        self._left = source.size
        self.size = source.size + 1

    def readinto(self, view: memoryview) -> None:
        """Fill the whole view with the next bytes, or raise DataSetError."""
        count = min(len(view), self._left)
        self._left -= count
        self._source.readinto(view[:count])
        view[count:] = bytes(len(view) - count)

    def close(self) -> None:
        """Close the data set."""
        self._source.close()


class OutgoingMessage:
    """A DIMSE message on its way out.

    Command set and data set go into PDUs of their own, one PDV in each.

    Parameters
    ----------
    context_id : int
        Presentation context ID.
    command : bytes
        The encoded command set.
    source : DataSetSource or None
        The data set, closed when it has been read; `None` if the message has none.  An empty
        one leaves as one empty last fragment, because the command set announces it.

    Attributes
    ----------
    done : bool
        Whether everything was handed out.
    queued_bytes : int
        Bytes of data set that wait in memory; the same from beginning to end.
    """

    __slots__ = ("_context_id", "_control", "_part", "_position", "_source", "done",
                 "queued_bytes")  # fmt: skip

    def __init__(self, context_id: int, command: bytes, source: DataSetSource | None) -> None:
        self._context_id = context_id
        self._source = source
        # The part that is due, how far it has gone, and the control header that goes with it.
        self._part: DataSetSource = BytesSource(command)
        self._position = 0
        self._control = COMMAND
        self.done = False
        self.queued_bytes = source.size if isinstance(source, BytesSource) else 0

    def fill(self, buffer: memoryview, maximum_length: int, *, only_one: bool = False) -> int:
        """Write as many whole PDUs as there is room for.

        Parameters
        ----------
        buffer : memoryview
            Where to write; an empty one of `maximum_length` + 6 bytes takes any PDU.
        maximum_length : int
            The peer's maximum length (PS3.8 section D.1).  Fragments are kept even, so that
            an odd maximum is not used up.
        only_one : bool
            Whether to stop after one PDU.

        Returns
        -------
        int
            Bytes written; 0 if the message is done or its next PDU has no room.

        Raises
        ------
        DataSetError
            If the data set cannot be read.  What this call wrote is not to be sent then.
        ParameterError
            If `maximum_length` has no room for a fragment.
        """
        fragment = (maximum_length - _PDU_OVERHEAD) & ~1
        if fragment < 2:
            raise ParameterError(f"No fragment fits into PDUs of {maximum_length} bytes.")
        used, room = 0, len(buffer)
        while not self.done:
            length = self._part.size - self._position
            control = self._control | LAST
            if length > fragment:
                length, control = fragment, self._control
            begin = used + _HEADER_SIZE
            end = begin + length
            if end > room:
                break
            _HEADER.pack_into(
                buffer, used, _P_DATA_TF, 0, length + _PDU_OVERHEAD, length + _PDV_OVERHEAD,
                self._context_id, control,
            )  # fmt: skip
            if length:
                self._part.readinto(buffer[begin:end])
            self._position += length
            used = end
            if control & LAST:
                self._next_part()
            if only_one:
                break
        return used

    def close(self) -> None:
        """Drop what was not handed out, and free the data set."""
        if self._source is not None:
            self._source.close()
        self.done = True

    def _next_part(self) -> None:
        if self._control and self._source is not None:
            self._part, self._position, self._control = self._source, 0, 0
        else:
            self.close()
