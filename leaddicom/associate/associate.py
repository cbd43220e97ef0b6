"""`LDicomAssociate`: the class, its life and the header of the PDU."""

from __future__ import annotations

from copy import deepcopy

from leaddicom.associate.checks import NOT_A_UID, checked_ae_title, checked_uid, checked_uint16
from leaddicom.associate.presentation import PresentationContexts
from leaddicom.associate.user_information import UserInformation
from leaddicom.implementation import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from leaddicom.limits import MAXIMUM_PDU_LENGTH
from leaddicom.mirror import differs
from leaddicom.upper_layer.association import IMPLICIT_VR_LITTLE_ENDIAN, Associate

__all__ = ["LDicomAssociate"]

_VERIFICATION = "1.2.840.10008.1.1"
_EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"

_AE_TITLE = "Refuses what is not an AE title of 1 to 16 characters; LEADTOOLS has room for 64."


class LDicomAssociate(PresentationContexts, UserInformation):
    """Contents of an A-ASSOCIATE-RQ or -AC, as LEADTOOLS' class of that name shows them.

    Methods keep LEADTOOLS' names and order of parameters.  They raise `ParameterError` where
    LEADTOOLS returns a code, and return text and bytes where it fills buffers.  Names in
    snake_case are ours: for user identity and common extended negotiation LEADTOOLS has raw
    bytes only.

    Parameters
    ----------
    request : bool
        True for an A-ASSOCIATE-RQ, false for an A-ASSOCIATE-AC.  Nothing is filled in but the
        version and the application context; see `Default`.

    Attributes
    ----------
    parameters : leaddicom.upper_layer.association.Associate
        The same contents for Python: roles and extended negotiation by SOP class, the
        asynchronous operations window as a pair.

    Notes
    -----
    Role selection and SOP class extended negotiation are asked for by presentation context,
    as in LEADTOOLS, but DICOM negotiates them by SOP class (PS3.7 D.3.3.4 and D.3.3.5).  So
    set the abstract syntax first; what is set for one context holds for all contexts of its
    SOP class; and it goes when the last of them goes.

    An A-ASSOCIATE-AC does not carry abstract syntaxes.  `from_parameters` takes them from the
    request, and `LDicomNet` does so for every answer that it receives.
    """

    def __init__(self, request: bool) -> None:
        self.parameters = Associate(bool(request))

    @classmethod
    def from_parameters(
        cls, parameters: Associate, request: Associate | None = None
    ) -> LDicomAssociate:
        """Wrap what was received.

        Parameters
        ----------
        parameters : Associate
            Wrapped, not copied.
        request : Associate, optional
            The request that `parameters` answer; lends them its abstract syntaxes.
        """
        associate = cls(parameters.is_request)
        associate.parameters = parameters
        for context in parameters.presentation_contexts:
            offered = request.context(context.context_id) if request else None
            if offered is not None:
                context.abstract_syntax = offered.abstract_syntax
        return associate

    # -- life ----------------------------------------------------------------------------------

    def Reset(self, request: bool) -> None:
        """Empty it, as the constructor does."""
        self.parameters = Associate(bool(request))

    @differs(
        "Fills in our maximum length, implementation class and version; a request also offers the "
        "Verification SOP class.  What LEADTOOLS fills in is not documented."
    )
    def Default(self) -> None:
        """Empty it and fill in our defaults.

        They are our maximum length and our implementation's class UID and version name.  A
        request also offers the Verification SOP class with Implicit and Explicit VR Little
        Endian; an answer cannot know what was offered.
        """
        self.Reset(self.parameters.is_request)
        self.parameters.maximum_length = MAXIMUM_PDU_LENGTH
        self.parameters.implementation_class_uid = IMPLEMENTATION_CLASS_UID
        self.parameters.implementation_version_name = IMPLEMENTATION_VERSION_NAME
        if self.parameters.is_request:
            self.AddPresentation(1, 0, _VERIFICATION)
            self.AddTransfer(1, IMPLICIT_VR_LITTLE_ENDIAN)
            self.AddTransfer(1, _EXPLICIT_VR_LITTLE_ENDIAN)

    @differs("Public; in LEADTOOLS an internal part of the class.")
    def Clone(self) -> LDicomAssociate:
        """Return an independent copy."""
        return type(self).from_parameters(deepcopy(self.parameters))

    def IsRequest(self) -> bool:
        """Is it an A-ASSOCIATE-RQ?"""
        return self.parameters.is_request

    def SetRequest(self, request: bool) -> None:
        """Make it an A-ASSOCIATE-RQ or an A-ASSOCIATE-AC, and keep the contents."""
        self.parameters.is_request = bool(request)

    # -- header --------------------------------------------------------------------------------

    def GetVersion(self) -> int:
        """Return the protocol version, one bit for each (PS3.8 Table 9-11)."""
        return self.parameters.protocol_version

    def SetVersion(self, version: int) -> None:
        """Set the protocol version, 16 bits; DICOM has version 1 only."""
        self.parameters.protocol_version = checked_uint16(version, "protocol version")

    def GetCalled(self) -> str:
        """Return the called AE title."""
        return self.parameters.called_ae_title

    @differs(_AE_TITLE)
    def SetCalled(self, called: str) -> None:
        """Set the called AE title: up to 16 characters."""
        self.parameters.called_ae_title = checked_ae_title(called)

    def GetCalling(self) -> str:
        """Return the calling AE title."""
        return self.parameters.calling_ae_title

    @differs(_AE_TITLE)
    def SetCalling(self, calling: str) -> None:
        """Set the calling AE title: up to 16 characters."""
        self.parameters.calling_ae_title = checked_ae_title(calling)

    def GetApplication(self) -> str:
        """Return the application context UID."""
        return self.parameters.application_context

    @differs(NOT_A_UID)
    def SetApplication(self, uid: str) -> None:
        """Set the application context UID."""
        self.parameters.application_context = checked_uid(uid)
