"""LDicomDS: the data set that events receive and ``Send...`` methods take."""

from __future__ import annotations

import os
from dataclasses import dataclass
from types import TracebackType

from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from leaddicom.decoding import (
    Encoded,
    check_conversion,
    dataset_syntax,
    dataset_uid,
    decode_data_set,
    encode_data_set,
    encoding_of,
    read_header,
    read_values,
    uid_name,
    uid_text,
)
from leaddicom.dimse.fragmentation import BytesSource, DataSetSource, FileSource, PaddedSource
from leaddicom.dimse.sink import DataSetSink, ReceivedDataSet
from leaddicom.errors import DataSetError, DicomErrorCode
from leaddicom.limits import Limits

__all__ = ["LDicomDS"]

_DEFAULT_LIMITS = Limits()
_SOP_CLASS, _SOP_INSTANCE = 0x00080016, 0x00080018
_PIECE = 1 << 20


class LDicomDS:
    """A data set: received, in a file, or pydicom's (LEADTOOLS' ``LDicomDS``).

    A received data set and one in a file stay encoded: they are stored and sent as they are,
    byte for byte, and decoded only by `to_pydicom`.  What is changed in the decoded data set
    does not come back; wrap it anew to send or save it: ``LDicomDS(ds.to_pydicom())``.

    An object may be handed from one thread to another, but only one may use it at a time.

    Parameters
    ----------
    dataset : pydicom.dataset.Dataset, optional
        The data set; without it, an empty one.
    limits : Limits, optional
        What reading an encoded data set may cost.

    Examples
    --------
    >>> with LDicomDS.from_file("ct.dcm") as ds:
    ...     print(ds, ds.to_pydicom().Modality)
    """

    def __init__(self, dataset: Dataset | None = None, *, limits: Limits | None = None) -> None:
        self._limits = limits or _DEFAULT_LIMITS
        self._dataset: Dataset | None = Dataset() if dataset is None else dataset
        self._encoded: ReceivedDataSet | _FileDataSet | None = None

    @classmethod
    def from_file(cls, path: str | os.PathLike[str], *, limits: Limits | None = None) -> LDicomDS:
        """Wrap a DICOM file, of which only the header is read.

        Files without preamble or File Meta Information are accepted (PS3.10 section 7.1).

        Parameters
        ----------
        path : path-like
            The file; it is opened when it is needed, and must not change meanwhile.
        limits : Limits, optional
            What reading the data set may cost.

        Raises
        ------
        DataSetError
            If the file cannot be read, is no DICOM file, or has a damaged header.
        """
        name = os.path.abspath(path)
        header = read_header(name)
        file = _FileDataSet(
            header.transfer_syntax_uid,
            header.sop_class_uid,
            header.sop_instance_uid,
            header.size,
            name,
            header.data_offset,
        )
        result = cls._of(file, limits)
        if not (file.sop_class_uid and file.sop_instance_uid):
            found = result.read_uids(_SOP_CLASS, _SOP_INSTANCE)
            file.sop_class_uid = file.sop_class_uid or found[_SOP_CLASS]
            file.sop_instance_uid = file.sop_instance_uid or found[_SOP_INSTANCE]
        return result

    @classmethod
    def from_received(cls, received: ReceivedDataSet, *, limits: Limits | None = None) -> LDicomDS:
        """Wrap a data set that came over the network, and own it from then on.

        Parameters
        ----------
        received : ReceivedDataSet
            What the connection received.
        limits : Limits, optional
            What reading the data set may cost.
        """
        return cls._of(received, limits)

    @classmethod
    def _of(cls, encoded: ReceivedDataSet | _FileDataSet, limits: Limits | None) -> LDicomDS:
        # Not through the constructor: pydicom's empty data set would cost as much as all else.
        result = cls.__new__(cls)
        result._limits = limits or _DEFAULT_LIMITS
        result._dataset, result._encoded = None, encoded
        return result

    @property
    def transfer_syntax_uid(self) -> str:
        """How the data set is encoded, or would be saved.

        For pydicom's it is the one in its File Meta Information, else the one in which it was
        read, else Implicit VR Little Endian (PS3.5 section 10.1).
        """
        if self._encoded is not None:
            return self._encoded.transfer_syntax_uid
        dataset = self.to_pydicom()
        implicit, little = dataset.original_encoding
        if implicit is not False:
            guess = ImplicitVRLittleEndian
        else:
            guess = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        return dataset_syntax(dataset) or str(guess)

    @property
    def sop_class_uid(self) -> str:
        """SOP class, "" if there is none.

        Of a received data set it is the request's, of a file its File Meta Information's.
        """
        if self._encoded is not None:
            return self._encoded.sop_class_uid
        return dataset_uid(self.to_pydicom(), _SOP_CLASS)

    @property
    def sop_instance_uid(self) -> str:
        """SOP instance, "" if there is none; from the same place as `sop_class_uid`."""
        if self._encoded is not None:
            return self._encoded.sop_instance_uid
        return dataset_uid(self.to_pydicom(), _SOP_INSTANCE)

    @property
    def size(self) -> int | None:
        """Bytes of the encoded data set; `None` for pydicom's, which is not encoded yet."""
        return None if self._encoded is None else self._encoded.size

    @property
    def path(self) -> str | None:
        """The DICOM file that holds the data set, if one does.

        That of a received data set is temporary until `save` gives it a place.
        """
        return None if self._encoded is None else self._encoded.path

    def to_pydicom(self) -> Dataset:
        """Return the data set as pydicom's, decoded at the first call.

        Large values of a data set in a file stay there until they are asked for; the file is
        held open for them, and may be renamed, removed or closed meanwhile.

        Returns
        -------
        pydicom.dataset.Dataset
            Always the same object.

        Raises
        ------
        DataSetError
            If the data set is damaged or cut short, goes beyond a limit, or is not there.
        """
        if self._dataset is None:
            where, offset = self._where()
            syntax = self.transfer_syntax_uid
            self._dataset = decode_data_set(where, syntax, self._limits, offset=offset)
        return self._dataset

    def read_uids(self, *tags: int) -> dict[int, str]:
        """Read UIDs from the top level; of an encoded data set, nothing behind them is read.

        Parameters
        ----------
        *tags : int
            32-bit tags, such as 0x0020000D.

        Returns
        -------
        dict of int to str
            By tag and as they stand, whatever characters that are; "" where there is none.

        Raises
        ------
        DataSetError
            If the data set is damaged up to there, has one of them twice, or is not there.
        """
        if self._encoded is None:
            dataset = self.to_pydicom()
            return {tag: dataset_uid(dataset, tag) for tag in tags}
        where, offset = self._where()
        syntax = self.transfer_syntax_uid
        found = read_values(where, syntax, self._limits, frozenset(tags), offset=offset)
        return {tag: uid_text(found.get(tag, b"")) for tag in tags}

    def source(self, transfer_syntax_uid: str, *, group_lengths: bool = False) -> DataSetSource:
        """Return what a message is sent from.

        An encoded data set that has this transfer syntax is sent as it is, and a file is
        opened with the first byte that is due.  Otherwise the data set is encoded here.

        Parameters
        ----------
        transfer_syntax_uid : str
            The one that was negotiated.
        group_lengths : bool
            Whether to encode it anew with Group Lengths (retired, PS3.5 section 7.2).

        Raises
        ------
        DataSetError
            If the data set cannot be had in this transfer syntax, is not there, or has an odd
            length, which PS3.5 allows no data set.
        """
        encoded = self._encoded
        if encoded is not None:
            own = encoded.transfer_syntax_uid
            if transfer_syntax_uid == own and not group_lengths:
                return self._even(self._as_it_is(encoded))
            check_conversion(own, transfer_syntax_uid)
            where, offset = self._where()
            dataset: Dataset = decode_data_set(where, own, self._limits, offset=offset)
        else:
            dataset = self.to_pydicom()
        return self._even(
            BytesSource(encode_data_set(dataset, transfer_syntax_uid, group_lengths=group_lengths))
        )

    def save(self, path: str | os.PathLike[str], durable: bool = False) -> None:
        """Store the data set as a DICOM file (PS3.10), in its own transfer syntax.

        The file appears under its name complete or not at all, and replaces one that is there.
        A received data set that is in a temporary file is renamed.

        Parameters
        ----------
        path : path-like
            Name of the file; its folder must exist.
        durable : bool
            Whether file and folder are flushed to the disk before this returns.

        Raises
        ------
        DataSetError
            If it cannot be stored; nothing is left behind then.
        """
        try:
            if isinstance(self._encoded, ReceivedDataSet):
                self._encoded.save(path, durable)
            else:
                self._copy(os.path.abspath(path), durable)
        except UnicodeError:
            raise DataSetError(
                DicomErrorCode.WRITE,
                f"The data set cannot be stored as {os.fspath(path)!r}: its SOP class or "
                "instance is no UID (PS3.5 section 9.1).",
            ) from None
        except OSError as exc:
            raise DataSetError(
                DicomErrorCode.WRITE,
                f"The data set cannot be stored as {os.fspath(path)!r}: {exc.strerror}.",
            ) from exc

    def close(self) -> None:
        """Free the memory of a received data set, or its file if it is still temporary."""
        if self._encoded is not None:
            self._encoded.close()

    def __enter__(self) -> LDicomDS:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        sop_class = uid_name(self.sop_class_uid) or "no SOP class"
        size = "not encoded" if self.size is None else f"{self.size} bytes"
        return f"<LDicomDS: {sop_class}, {uid_name(self.transfer_syntax_uid)}, {size}>"

    def _where(self) -> tuple[Encoded, int]:
        """Return where the encoded data set is, and the offset at which it begins there."""
        encoded = self._encoded
        if encoded is not None and encoded.data is not None:
            return encoded.data, encoded.data_offset
        if encoded is not None and encoded.path is not None:
            return encoded.path, encoded.data_offset
        error = getattr(encoded, "error", None)
        why = f"it could not be kept when it was received ({error})" if error else "it was closed"
        raise DataSetError(DicomErrorCode.READ, f"The data set is not there: {why}.")

    def _as_it_is(self, encoded: ReceivedDataSet | _FileDataSet) -> DataSetSource:
        where, offset = self._where()
        if isinstance(where, (bytes, bytearray, memoryview)):
            return BytesSource(where)
        return _OwnedFileSource(where, offset, encoded.size, encoded)

    def _even(self, source: DataSetSource) -> DataSetSource:
        """Refuse or mend an odd length, for which peers abort the whole association."""
        if source.size % 2 == 0:
            return source
        if encoding_of(self.transfer_syntax_uid).deflated:
            return PaddedSource(source)  # many writers leave it out (PS3.5 section A.5)
        raise DataSetError(
            DicomErrorCode.READ,
            f"The data set has an odd number of bytes, {source.size}; it is damaged or was cut "
            "short (PS3.5 section 7.1.1).",
        )

    def _copy(self, target: str, durable: bool) -> None:
        """Write a file that has our File Meta Information and the data set as it is."""
        syntax, folder = self.transfer_syntax_uid, os.path.dirname(target)
        sink = DataSetSink(syntax, self.sop_class_uid, self.sop_instance_uid, 0, folder)
        encoded = self._encoded
        source = self.source(syntax) if encoded is None else self._as_it_is(encoded)
        try:
            buffer = memoryview(bytearray(min(_PIECE, source.size)))
            left = source.size
            while left:
                piece = buffer[:left]
                source.readinto(piece)
                sink.write(piece)
                left -= len(piece)
            sink.finish().save(target, durable)
            if isinstance(self._encoded, _FileDataSet) and self._encoded.path == target:
                self._encoded.data_offset = os.path.getsize(target) - self._encoded.size
        finally:
            source.close()
            sink.discard()


@dataclass(slots=True, eq=False)
class _FileDataSet:
    """A data set in a file that is not ours, described like a `ReceivedDataSet`."""

    transfer_syntax_uid: str
    sop_class_uid: str
    sop_instance_uid: str
    size: int
    path: str
    data_offset: int
    data: None = None

    def close(self) -> None:
        """Leave the file alone."""


class _OwnedFileSource(FileSource):
    """A `FileSource` that keeps the owner of a temporary file alive."""

    __slots__ = ("_owner",)

    def __init__(self, path: str | os.PathLike[str], offset: int, size: int, owner: object) -> None:
        super().__init__(path, offset, size)
        self._owner = owner
