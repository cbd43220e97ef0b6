"""Transfer syntaxes, as far as the encoding of the data set goes (PS3.5 Annex A)."""

from __future__ import annotations

from dataclasses import dataclass

from pydicom import config
from pydicom import uid as uids
from pydicom.uid import UID

from leaddicom.errors import DataSetError, DicomErrorCode
from leaddicom.values import is_uid

__all__ = ["NATIVE", "Encoding", "check_conversion", "encoding_of", "syntax_text", "uid_name"]

#: The transfer syntaxes with pixel data in native format (PS3.5 section 8.2), between which a
#: data set can be turned without touching its pixels.
NATIVE = frozenset(
    str(uid)
    for uid in (
        uids.ImplicitVRLittleEndian,
        uids.ExplicitVRLittleEndian,
        uids.ExplicitVRBigEndian,
        uids.DeflatedExplicitVRLittleEndian,
    )
)

#: JPIP's two deflate the data set like the first (PS3.5 Annex A).
_DEFLATED = frozenset(
    {
        str(uids.DeflatedExplicitVRLittleEndian),
        "1.2.840.10008.1.2.4.95",
        "1.2.840.10008.1.2.4.205",
    }
)


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a transfer syntax encodes the data set."""

    implicit: bool
    little: bool
    deflated: bool


def encoding_of(transfer_syntax_uid: str) -> Encoding:
    """Return how a transfer syntax encodes the data set.

    Every transfer syntax that the standard may still define, and every private one that pydicom
    was not told about, is taken for Explicit VR Little Endian (PS3.5 section A.4).

    Raises
    ------
    DataSetError
        If `transfer_syntax_uid` is no UID.
    """
    if not is_uid(transfer_syntax_uid):
        raise DataSetError(
            DicomErrorCode.TRANSFER_SYNTAX_NOT_SUPPORTED,
            f"{transfer_syntax_uid[:80]!a} is no transfer syntax UID; name one such as "
            f"{uids.ExplicitVRLittleEndian} (Explicit VR Little Endian).",
        )
    for private in uids.PrivateTransferSyntaxes:
        if private == transfer_syntax_uid:
            return Encoding(private.is_implicit_VR, private.is_little_endian, private.is_deflated)
    return Encoding(
        transfer_syntax_uid == uids.ImplicitVRLittleEndian,
        transfer_syntax_uid != uids.ExplicitVRBigEndian,
        transfer_syntax_uid in _DEFLATED,
    )


def uid_name(uid: str) -> str:
    """Return the standard's name of a UID, or the UID, for messages: whatever it is."""
    return ascii(UID(uid, validation_mode=config.IGNORE).name)[1:-1]


def syntax_text(transfer_syntax_uid: str) -> str:
    """Return name and UID of a transfer syntax, for messages."""
    name = uid_name(transfer_syntax_uid)
    return name if name == transfer_syntax_uid else f"{name} ({transfer_syntax_uid})"


def check_conversion(source_uid: str, target_uid: str) -> None:
    """Refuse to turn one transfer syntax into another if pixel data would have to be recoded.

    Raises
    ------
    DataSetError
        If the two differ and one of them is not an uncompressed one of the standard.
    """
    if source_uid == target_uid or {source_uid, target_uid} <= NATIVE:
        return
    raise DataSetError(
        DicomErrorCode.TRANSFER_SYNTAX_NOT_SUPPORTED,
        f"The data set is in {syntax_text(source_uid)} and is not recoded into "
        f"{syntax_text(target_uid)}: offer the first in a presentation context of its own, or "
        "compress or decompress the data set with pydicom before it is sent.",
    )
