"""What is wrong with the attributes of a request."""

from __future__ import annotations

from dataclasses import dataclass

from leaddicom.ups.core.terms import UpsStatus

__all__ = ["Finding"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong with an attribute.

    Attributes
    ----------
    status : UpsStatus
        What a request with it is answered with.
    tag : int
        Of the attribute.
    text : str
        What is wrong, for an Error Comment (0000,0902): at most 64 characters of ASCII.  It
        names the attribute and never has a value, which may be about a patient.
    """

    status: UpsStatus
    tag: int
    text: str
