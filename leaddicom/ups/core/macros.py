"""What the items of UPS sequences hold: the macros of PS3.4 section CC.2.5 and PS3.3 section 10.

They are data: `leaddicom.ups.core.attributes` puts them where Table CC.2.5-3 includes them.
What a table of types cannot say, such as that a code needs one of three values, is said by
`leaddicom.ups.core.validation`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

__all__ = ["MACROS", "Macro", "Part"]


class Macro(Enum):
    """The macros that Table CC.2.5-3 includes."""

    CODE = "Code Sequence Macro"
    CONTENT_ITEM = "Content Item Macro"
    INSTANCES = "Referenced Instances and Access Macro"
    DESIGNATOR = "HL7v2 Hierarchic Designator Macro"
    ISSUER = "Issuer of Patient ID Macro"
    ISSUER_QUALIFIERS = "Issuer of Patient ID Qualifiers"
    REFERENCE = "SOP Instance Reference Macro"
    STORAGE = "Storage Macro"


@dataclass(frozen=True, slots=True)
class Part:
    """An attribute of a macro.

    Attributes
    ----------
    keyword : str
        As in the data dictionary.
    type : str
        1, 2, 3, 1C or 2C, of both sides.
    is_key : bool
        Whether a C-FIND may match it, where it may match the sequence.
    macro : Macro or None
        What the items of a sequence consist of.
    parts : tuple of Part
        The same, where it is no macro.
    """

    keyword: str
    type: str
    is_key: bool = True
    macro: Macro | None = None
    parts: tuple[Part, ...] = ()


_CODE = (
    Part("CodeValue", "1C"),
    Part("CodingSchemeDesignator", "1C"),
    Part("CodingSchemeVersion", "1C", is_key=False),
    Part("CodeMeaning", "1", is_key=False),
    Part("LongCodeValue", "1C"),
    Part("URNCodeValue", "1C"),
)

_CONTENT_ITEM = (
    Part("ValueType", "1"),
    Part("ConceptNameCodeSequence", "1", macro=Macro.CODE),
    Part("DateTime", "1C"),
    Part("Date", "1C"),
    Part("Time", "1C"),
    Part("PersonName", "1C"),
    Part("UID", "1C"),
    Part("TextValue", "1C"),
    Part("ConceptCodeSequence", "1C", macro=Macro.CODE),
    Part("NumericValue", "1C"),
    Part("FloatingPointValue", "1C"),
    Part("RationalNumeratorValue", "1C"),
    Part("RationalDenominatorValue", "1C"),
    Part("MeasurementUnitsCodeSequence", "1C", macro=Macro.CODE),
)

_REFERENCE = (
    Part("ReferencedSOPClassUID", "1"),
    Part("ReferencedSOPInstanceUID", "1"),
)

_REPOSITORY = (Part("RepositoryUniqueID", "1"), Part("HomeCommunityID", "3"))

_INSTANCES = (
    Part("TypeOfInstances", "1"),
    Part("StudyInstanceUID", "1C"),
    Part("SeriesInstanceUID", "1C"),
    Part(
        "ReferencedSOPSequence",
        "1",
        parts=(
            *_REFERENCE,
            Part("HL7InstanceIdentifier", "1C"),
            Part("ReferencedFrameNumber", "1C"),
            Part("ReferencedSegmentNumber", "1C"),
        ),
    ),
    Part("DICOMRetrievalSequence", "1C", parts=(Part("RetrieveAETitle", "1"),)),
    Part(
        "DICOMMediaRetrievalSequence",
        "1C",
        parts=(Part("StorageMediaFileSetID", "2"), Part("StorageMediaFileSetUID", "1")),
    ),
    Part("WADORetrievalSequence", "1C", parts=(Part("RetrieveURI", "1"),)),
    Part("XDSRetrievalSequence", "1C", parts=_REPOSITORY),
    Part("WADORSRetrievalSequence", "1C", parts=(Part("RetrieveURL", "1"),)),
)

_DESIGNATOR = (
    Part("LocalNamespaceEntityID", "1C"),
    Part("UniversalEntityID", "1C"),
    Part("UniversalEntityIDType", "1C"),
)

_ISSUER_QUALIFIERS = (
    Part("UniversalEntityID", "3"),
    Part("UniversalEntityIDType", "1C"),
    Part("IdentifierTypeCode", "3"),
    Part("AssigningFacilitySequence", "3", macro=Macro.DESIGNATOR),
    Part("AssigningJurisdictionCodeSequence", "3", macro=Macro.CODE),
    Part("AssigningAgencyOrDepartmentCodeSequence", "3", macro=Macro.CODE),
)

_ISSUER = (
    Part("IssuerOfPatientID", "2"),
    Part("IssuerOfPatientIDQualifiersSequence", "2", macro=Macro.ISSUER_QUALIFIERS),
)

_STORAGE = (
    Part("ReferencedSOPClassUID", "1C"),
    Part("DICOMStorageSequence", "1C", parts=(Part("DestinationAE", "1"),)),
    Part("STOWRSStorageSequence", "1C", parts=(Part("StorageURL", "1"),)),
    Part("XDSStorageSequence", "1C", parts=_REPOSITORY),
)

#: What each macro consists of.
MACROS: Mapping[Macro, tuple[Part, ...]] = MappingProxyType(
    {
        Macro.CODE: _CODE,
        Macro.CONTENT_ITEM: _CONTENT_ITEM,
        Macro.INSTANCES: _INSTANCES,
        Macro.DESIGNATOR: _DESIGNATOR,
        Macro.ISSUER: _ISSUER,
        Macro.ISSUER_QUALIFIERS: _ISSUER_QUALIFIERS,
        Macro.REFERENCE: _REFERENCE,
        Macro.STORAGE: _STORAGE,
    }
)
