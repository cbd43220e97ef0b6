"""From encoded data sets to pydicom's."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader, BytesIO
from typing import Any, BinaryIO, cast

from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.filereader import read_dataset
from pydicom.uid import UID

from leaddicom.decoding.scanner import Scanner, Window
from leaddicom.decoding.syntaxes import Encoding, encoding_of
from leaddicom.errors import DataSetError, DicomErrorCode
from leaddicom.limits import Limits

__all__ = ["Encoded", "decode_data_set", "read_values"]

#: An encoded data set: in memory, or in the file of this name.
Encoded = bytes | bytearray | memoryview | str | os.PathLike[str]

_PIECE = 65_536

#: How much of a deflated data set is inflated at first, to read what stands at its beginning.
_PREFIX = 1 << 20

#: What may follow a deflate stream: some writers leave gzip's check value and length there, and
#: one byte makes the whole even (PS3.5 section A.5).
_TRAILER = 9


def decode_data_set(
    source: Encoded, transfer_syntax_uid: str, limits: Limits, *, offset: int = 0
) -> FileDataset:
    """Decode a data set that may be damaged or hostile.

    May be called from any thread.

    Parameters
    ----------
    source : bytes-like or path-like
        The encoded data set, or the name of a file that holds it.
    transfer_syntax_uid : str
        How it is encoded.
    limits : Limits
        ``sequence_depth``, ``data_set_elements`` and ``inflated_length`` bound it; with a file,
        values of the top level above ``spool_threshold`` bytes stay there until they are asked
        for, and the data set keeps the file open.
    offset : int
        Where the data set begins in `source`.

    Returns
    -------
    pydicom.dataset.FileDataset
        The data set.  Its ``file_meta`` has the transfer syntax and nothing else.

    Raises
    ------
    DataSetError
        If the data set is damaged or cut short, goes beyond a limit, or cannot be read.
    """
    encoding = encoding_of(transfer_syntax_uid)
    with _opened(source, offset) as (window, file):
        if encoding.deflated:
            stream, _ = _inflate(window, limits.inflated_length, whole=True)
            scanner = _scan(Window(stream.getvalue()), encoding, limits)
            return _read(stream, scanner, encoding, transfer_syntax_uid)
        scanner = _scan(window, encoding, limits)
        if file is None:
            stream = BytesIO(window.read(0, window.size))
            return _read(stream, scanner, encoding, transfer_syntax_uid)
        file.seek(offset)
        if scanner.patches:
            stream = BytesIO(file.read())
            return _read(stream, scanner, encoding, transfer_syntax_uid)
        held = _HeldFile(file)
        defer_size = limits.spool_threshold if scanner.largest > limits.spool_threshold else None
        return _read(held, scanner, encoding, transfer_syntax_uid, defer_size)


def read_values(
    source: Encoded,
    transfer_syntax_uid: str,
    limits: Limits,
    tags: frozenset[int],
    *,
    offset: int = 0,
) -> dict[int, bytes]:
    """Read UIDs and the like from the top level without decoding the data set.

    May be called from any thread.  Nothing behind the last of the tags is read or checked.

    Parameters
    ----------
    source, transfer_syntax_uid, limits, offset
        As for `decode_data_set`.
    tags : frozenset of int
        32-bit tags of the elements.

    Returns
    -------
    dict of int to bytes
        The encoded values, as they stand, by tag; tags that do not occur are left out.

    Raises
    ------
    DataSetError
        If the data set is damaged up to there, goes beyond a limit, or cannot be read; if one of
        the elements occurs twice or is longer than 256 bytes.
    """
    encoding = encoding_of(transfer_syntax_uid)
    with _opened(source, offset) as (window, _):
        if not encoding.deflated:
            return _scan(window, encoding, limits, tags).values
        prefix, complete = _inflate(window, min(_PREFIX, limits.inflated_length), whole=False)
        try:
            return _scan(Window(prefix.getvalue()), encoding, limits, tags).values
        except DataSetError:
            if complete:
                raise
        stream, _ = _inflate(window, limits.inflated_length, whole=True)
        return _scan(Window(stream.getvalue()), encoding, limits, tags).values


@contextmanager
def _opened(source: Encoded, offset: int) -> Iterator[tuple[Window, BufferedReader | None]]:
    """Open `source` for reading; anything that goes wrong with a file is a DataSetError."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        yield Window(memoryview(source).cast("B")[offset:]), None
        return
    try:
        with open(source, "rb") as file:
            size = os.fstat(file.fileno()).st_size - offset
            if size < 0:
                raise DataSetError(
                    DicomErrorCode.READ,
                    f"The file {os.fspath(source)!r} ends before its data set begins.",
                )
            yield Window(file=file, start=offset, size=size), file
    except OSError as exc:
        raise DataSetError(
            DicomErrorCode.OPEN,
            f"The file {os.fspath(source)!r} cannot be read: {exc.strerror}.",
        ) from exc


def _scan(
    window: Window, encoding: Encoding, limits: Limits, tags: frozenset[int] = frozenset()
) -> Scanner:
    scanner = Scanner(
        window,
        implicit=encoding.implicit,
        little=encoding.little,
        limits=limits,
        wanted=tags,
        stop_after=max(tags, default=None),
    )
    scanner.run()
    return scanner


def _inflate(window: Window, limit: int, *, whole: bool) -> tuple[BytesIO, bool]:
    """Inflate a data set (PS3.5 section A.5), up to `limit` bytes.

    Returns the inflated bytes, and whether they are all.  With `whole`, more than `limit` bytes
    and a stream that does not end are errors.
    """
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    out = BytesIO()
    position = 0
    try:
        while not inflater.eof and position < window.size:
            piece = window.read(position, min(_PIECE, window.size - position))
            position += len(piece)
            filled = False
            while (piece or filled) and not inflater.eof:
                # One byte more than is allowed tells too many from just enough.
                room = min(_PIECE, limit - out.tell() + 1)
                filled = out.write(inflater.decompress(piece, room)) == room
                piece = inflater.unconsumed_tail
                if out.tell() > limit:
                    if not whole:
                        return out, False
                    raise _inflates_too_far(limit)
    except zlib.error as exc:
        raise _not_deflated(position) from exc
    rest = len(inflater.unused_data) + window.size - position
    if not inflater.eof or rest > _TRAILER:
        raise _not_deflated(window.size - rest)
    return out, True


def _inflates_too_far(limit: int) -> DataSetError:
    return DataSetError(
        DicomErrorCode.RANGE,
        f"The deflated data set inflates to more than {limit} bytes; raise "
        "Limits.inflated_length if it may.",
    )


def _not_deflated(position: int) -> DataSetError:
    return DataSetError(
        DicomErrorCode.READ,
        "The deflated data set is damaged or was cut short: its bytes are not one whole deflate "
        f"stream (RFC 1951) (at about byte {position}). Get it from its source again.",
    )


class _HeldFile:
    """The file from which a Dataset reads its large values, closed with the Dataset.

    It has no name, because pydicom would then read from whatever has that name later; the file
    of a received data set is renamed or removed.
    """

    def __init__(self, file: BufferedReader) -> None:
        own = open(os.dup(file.fileno()), "rb")  # noqa: SIM115 - closed by __del__
        own.seek(file.tell())
        self.read, self.seek, self.tell, self._close = own.read, own.seek, own.tell, own.close

    def __deepcopy__(self, memo: dict[int, Any]) -> _HeldFile:
        return self

    def __del__(self) -> None:
        self._close()


def _read(
    stream: BytesIO | _HeldFile,
    scanner: Scanner,
    encoding: Encoding,
    transfer_syntax_uid: str,
    defer_size: int | None = None,
) -> FileDataset:
    """Have pydicom read what the scanner has found to be whole."""
    if isinstance(stream, BytesIO):
        for position, value in scanner.patches.items():
            stream.seek(position)
            stream.write(value)
        stream.seek(0)
    implicit, little = scanner.implicit, encoding.little
    try:
        dataset = read_dataset(cast(BinaryIO, stream), implicit, little, defer_size=defer_size)
    except Exception as exc:  # noqa: BLE001 - pydicom may raise anything
        # pydicom's text may hold values, and a chained exception would be logged with it.
        raise DataSetError(
            DicomErrorCode.READ,
            f"pydicom cannot read the data set ({type(exc).__name__}), although its structure "
            "is whole; look at its Specific Character Set.",
        ) from None
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = UID(transfer_syntax_uid)
    result = FileDataset(
        cast(BinaryIO, stream if defer_size else BytesIO()),
        dataset,
        preamble=bytes(128),
        file_meta=meta,
        is_implicit_VR=implicit,
        is_little_endian=little,
    )
    result.set_original_encoding(implicit, little, dataset.original_character_set)
    return result
