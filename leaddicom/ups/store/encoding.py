"""Data sets in columns: Explicit VR Little Endian, without a Transaction UID."""

from __future__ import annotations

from io import BytesIO

from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.uid import ExplicitVRLittleEndian

from leaddicom.decoding import encode_data_set
from leaddicom.errors import DicomErrorCode
from leaddicom.ups.store.errors import StoreError

__all__ = ["MAXIMUM_LENGTH", "decoded", "encoded"]

_TRANSACTION_UID = 0x00081195

#: Bytes of a data set.  Workitems have some thousands; who searches holds a page of them in memory,
#: and should not have to find room for images.
MAXIMUM_LENGTH = 2 << 20


def encoded(dataset: Dataset) -> bytes:
    """Encode a data set.

    Raises
    ------
    DataSetError
        It cannot be encoded.
    StoreError
        It is too long.
    """
    kept = dataset
    if _TRANSACTION_UID in dataset:
        kept = dataset[:]
        del kept[_TRANSACTION_UID]
    blob = encode_data_set(kept, ExplicitVRLittleEndian)
    if len(blob) > MAXIMUM_LENGTH:
        raise StoreError(
            f"A data set of {len(blob)} bytes is not stored: {MAXIMUM_LENGTH} is the limit. Refer "
            "to large objects instead of including them.",
        )
    return blob


def decoded(blob: bytes) -> Dataset:
    """Decode what `encoded` has made.

    Nothing that a peer has sent gets here without having been decoded with bounds and encoded
    again, so that the fast way will do; values are converted when they are asked for.

    Raises
    ------
    StoreError
        It is damaged.
    """
    try:
        return read_dataset(BytesIO(blob), is_implicit_VR=False, is_little_endian=True)
    except Exception as error:  # noqa: BLE001 - pydicom may raise anything
        raise StoreError(
            f"A data set in the database is damaged ({type(error).__name__}); restore the "
            "database from a backup.",
            DicomErrorCode.READ,
        ) from None
