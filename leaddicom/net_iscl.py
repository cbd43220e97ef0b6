"""The ISCL members of `LDicomNet`: known by name, and refused."""

from __future__ import annotations

from typing import NoReturn

from leaddicom.errors import DicomError, DicomErrorCode
from leaddicom.mirror import differs

__all__ = ["Iscl"]

_REFUSED = differs("Raises code 51: ISCL knows only DES and MD5, which protect nothing any more.")
_SILENT = differs("Never fires: there is no ISCL.")


def _refuse(member: str) -> NoReturn:
    raise DicomError(
        DicomErrorCode.NET_OPERATION_NOT_SUPPORTED,
        f"{member} belongs to ISCL, which is not supported: it knows only DES and MD5, which "
        "protect nothing any more. Use DICOM_SECURE_TLS.",
    )


class Iscl:
    """Members of the Integrated Secure Communication Layer 1.00 (MEDIS-DC, Japan).

    LEADTOOLS has them in its Windows builds.  Here every method raises code 51, and no event
    ever fires; they exist so that a port says at once what it must do without.
    """

    # -- methods -------------------------------------------------------------------------------

    @_REFUSED
    def SetMutualAuthAlgISCL(self, algorithm: int) -> None:
        """Set the algorithm of mutual authentication."""
        _refuse("SetMutualAuthAlgISCL")

    @_REFUSED
    def SetAuthDataISCL(self, data: bytes, length: int) -> None:
        """Set the own authentication data."""
        _refuse("SetAuthDataISCL")

    @_REFUSED
    def GetPeerAuthDataISCL(self) -> bytes:
        """Give the peer's authentication data."""
        _refuse("GetPeerAuthDataISCL")

    @_REFUSED
    def SetMutualAuthKeyISCL(self, index: int, key: int) -> None:
        """Set a key of mutual authentication."""
        _refuse("SetMutualAuthKeyISCL")

    @_REFUSED
    def SetIndexForMutualAuthISCL(self, index: int) -> None:
        """Choose the key of mutual authentication."""
        _refuse("SetIndexForMutualAuthISCL")

    @_REFUSED
    def GetIndexForMutualAuthISCL(self) -> int:
        """Give the index of the key of mutual authentication."""
        _refuse("GetIndexForMutualAuthISCL")

    @_REFUSED
    def SetEncryptKeyISCL(self, index: int, key: int) -> None:
        """Set a key of encryption."""
        _refuse("SetEncryptKeyISCL")

    @_REFUSED
    def SetIndexForEncryptISCL(self, index: int) -> None:
        """Choose the key of encryption."""
        _refuse("SetIndexForEncryptISCL")

    @_REFUSED
    def GetIndexForEncryptISCL(self) -> int:
        """Give the index of the key of encryption."""
        _refuse("GetIndexForEncryptISCL")

    @_REFUSED
    def SetDefaultEncryptionISCL(self, algorithm: int) -> None:
        """Set the algorithm of encryption."""
        _refuse("SetDefaultEncryptionISCL")

    @_REFUSED
    def SetDefaultSigningISCL(self, algorithm: int) -> None:
        """Set the algorithm of signing."""
        _refuse("SetDefaultSigningISCL")

    @_REFUSED
    def GetPeerEncryptionISCL(self) -> int:
        """Give the algorithm with which the peer encrypts."""
        _refuse("GetPeerEncryptionISCL")

    @_REFUSED
    def GetPeerMACISCL(self) -> int:
        """Give the algorithm with which the peer signs."""
        _refuse("GetPeerMACISCL")

    @_REFUSED
    def SetMaxCommBlockLengthISCL(self, length: int) -> None:
        """Set the longest communication block."""
        _refuse("SetMaxCommBlockLengthISCL")

    @_REFUSED
    def GetCommBlockLengthISCL(self) -> int:
        """Give the length of communication blocks that was negotiated."""
        _refuse("GetCommBlockLengthISCL")

    @_REFUSED
    def SetMaxMessageLengthISCL(self, length: int) -> None:
        """Set the longest message."""
        _refuse("SetMaxMessageLengthISCL")

    @_REFUSED
    def GetPeerRequestedMessageLengthISCL(self) -> int:
        """Give the message length that was refused to the peer."""
        _refuse("GetPeerRequestedMessageLengthISCL")

    @_REFUSED
    def SendNonSecureISCL(self, buffer: bytes, length: int) -> None:
        """Send data without protection."""
        _refuse("SendNonSecureISCL")

    @_REFUSED
    def GetStatusISCL(self) -> int:
        """Give the state of the ISCL link."""
        _refuse("GetStatusISCL")

    @_REFUSED
    def IsISCLQueueEmpty(self) -> bool:
        """Tell whether nothing waits to be sent."""
        _refuse("IsISCLQueueEmpty")

    # -- hooks and events ----------------------------------------------------------------------

    @_REFUSED
    def GetChallengeISCL(self, parameter: int) -> int:
        """Make a challenge for the peer."""
        _refuse("GetChallengeISCL")

    @_REFUSED
    def InternalAuthenticateISCL(self, challenge: int, parameter: int) -> int:
        """Answer the peer's challenge."""
        _refuse("InternalAuthenticateISCL")

    @_REFUSED
    def ExternalAuthenticateISCL(self, challenge: int, response: int, parameter: int) -> int:
        """Check the peer's answer."""
        _refuse("ExternalAuthenticateISCL")

    @_SILENT
    def OnNonSecureSendISCL(self, error: int, item_type: int, length: int) -> None:
        """Unprotected data have left."""

    @_SILENT
    def OnNonSecureReceivedISCL(self, error: int, buffer: bytes, length: int) -> None:
        """Unprotected data have arrived."""

    @_SILENT
    def OnReceivedISCLPacket(self, error: int, buffer: bytes, length: int) -> None:
        """A packet has arrived."""
