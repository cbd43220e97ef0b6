"""Presentation contexts that applications commonly support or propose."""

from __future__ import annotations

from collections.abc import Iterable

from pydicom.uid import (
    JPEG2000,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)
from pynetdicom.presentation import AllStoragePresentationContexts

from leaddicom.upper_layer.negotiation import SupportedContext

__all__ = [
    "STORAGE",
    "TRANSFER_SYNTAXES",
    "UNCOMPRESSED",
    "VERIFICATION",
    "supported",
]

#: The transfer syntaxes that every DICOM product knows, the mandatory one (PS3.5 section 10.1)
#: last, because peers prefer what comes first.
UNCOMPRESSED: tuple[str, ...] = (str(ExplicitVRLittleEndian), str(ImplicitVRLittleEndian))

#: The transfer syntaxes in which images are commonly kept.  A receiver that stores data sets as
#: they come can support all of them, whether it can decode them or not.
TRANSFER_SYNTAXES: tuple[str, ...] = (
    *UNCOMPRESSED,
    *map(
        str,
        (
            DeflatedExplicitVRLittleEndian,
            ExplicitVRBigEndian,
            JPEGBaseline8Bit,
            JPEGExtended12Bit,
            JPEGLossless,
            JPEGLosslessSV1,
            JPEGLSLossless,
            JPEGLSNearLossless,
            JPEG2000Lossless,
            JPEG2000,
            RLELossless,
        ),
    ),
)


def supported(
    sop_classes: Iterable[str], transfer_syntaxes: Iterable[str] = UNCOMPRESSED
) -> tuple[SupportedContext, ...]:
    """Give what an acceptor supports: every SOP class in any of the transfer syntaxes.

    Parameters
    ----------
    sop_classes, transfer_syntaxes : iterable of str
        UIDs.
    """
    syntaxes = tuple(map(str, transfer_syntaxes))
    return tuple(SupportedContext(str(uid), syntaxes) for uid in sop_classes)


#: The Verification SOP class (PS3.4 Annex A).
VERIFICATION: tuple[SupportedContext, ...] = supported(["1.2.840.10008.1.1"])

#: Every storage SOP class that pynetdicom's tables know, in all of `TRANSFER_SYNTAXES`.
STORAGE: tuple[SupportedContext, ...] = supported(
    [str(context.abstract_syntax) for context in AllStoragePresentationContexts],
    TRANSFER_SYNTAXES,
)
