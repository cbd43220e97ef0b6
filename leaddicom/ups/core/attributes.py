"""The attributes of a Unified Procedure Step: PS3.4 Table CC.2.5-3, as data.

What N-CREATE and N-SET check, what a final state needs, which keys a C-FIND may match and which
it returns are all derived from `ATTRIBUTES`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from pydicom.datadict import add_dict_entry, dictionary_VR, keyword_for_tag, tag_for_keyword

from leaddicom.ups.core.macros import MACROS, Macro, Part

__all__ = ["ATTRIBUTES", "Attribute", "attribute", "find", "walk"]

#: In the standard since 2023; pydicom 3.0 does not know them.
_NEWER = (
    (0x00100011, "SQ", "PersonNamesToUseSequence", "Person Names to Use Sequence", "1"),
    (0x00100012, "LT", "NameToUse", "Name to Use", "1"),
    (0x00100013, "UT", "NameToUseComment", "Name to Use Comment", "1"),
    (0x00100014, "SQ", "ThirdPersonPronounsSequence", "Third Person Pronouns Sequence", "1"),
    (0x00100015, "SQ", "PronounCodeSequence", "Pronoun Code Sequence", "1"),
    (0x00100016, "UT", "PronounComment", "Pronoun Comment", "1"),
    (0x00100041, "SQ", "GenderIdentitySequence", "Gender Identity Sequence", "1"),
    (
        0x00100042,
        "UT",
        "SexParametersForClinicalUseCategoryComment",
        "Sex Parameters for Clinical Use Category Comment",
        "1",
    ),
    (
        0x00100043,
        "SQ",
        "SexParametersForClinicalUseCategorySequence",
        "Sex Parameters for Clinical Use Category Sequence",
        "1",
    ),
    (0x00100044, "SQ", "GenderIdentityCodeSequence", "Gender Identity Code Sequence", "1"),
    (0x00100045, "UT", "GenderIdentityComment", "Gender Identity Comment", "1"),
    (
        0x00100046,
        "SQ",
        "SexParametersForClinicalUseCategoryCodeSequence",
        "Sex Parameters for Clinical Use Category Code Sequence",
        "1",
    ),
    (
        0x00100047,
        "UR",
        "SexParametersForClinicalUseCategoryReference",
        "Sex Parameters for Clinical Use Category Reference",
        "1-n",
    ),
)


@dataclass(frozen=True, slots=True)
class Attribute:
    """A row of Table CC.2.5-3.

    Attributes
    ----------
    keyword : str
        As in the data dictionary.
    tag : int
        Of 32 bits.
    vr : str
        Value representation.
    n_create, n_set, n_get : str
        Requirement types of SCU and SCP, such as ``"2/1"``; ``"-"`` for a side of which the
        table says nothing; ``"NA"`` if the attribute is not allowed there.
    final : str
        Whether a final state needs a value: R in both, P in COMPLETED, X in CANCELED, RC under a
        condition, O not.
    match : str
        U unique key, R required, O optional, ``"-"`` none.
    returned : str
        Type in the response of a C-FIND, ``"-"`` where it does not come back.
    macro : Macro or None
        What the items of a sequence consist of, `items` perhaps excepted that follow it.
    items : tuple of Attribute
        The attributes of the items of a sequence, macros included.
    """

    keyword: str
    tag: int
    vr: str
    n_create: str
    n_set: str
    final: str
    n_get: str
    match: str
    returned: str
    macro: Macro | None = None
    items: tuple[Attribute, ...] = ()

    @property
    def is_key(self) -> bool:
        """Whether a C-FIND may match it."""
        return self.match != "-"


def _rows(
    types: str, keywords: str, *items: tuple[Attribute, ...], macro: Macro | None = None
) -> tuple[Attribute, ...]:
    """Give rows that have the same types: N-CREATE, N-SET, final, N-GET, match, return."""
    n_create, n_set, final, n_get, match, returned = types.split()
    rows = []
    for keyword in keywords.split():
        tag, vr = _known(keyword)
        row = Attribute(keyword, tag, vr, n_create, n_set, final, n_get, match, returned, macro)
        included = _included(MACROS[macro], row) if macro else ()
        rows.append(replace(row, items=sum(items, included)))
    return tuple(rows)


def _included(parts: tuple[Part, ...], within: Attribute) -> tuple[Attribute, ...]:
    """Give the attributes of a macro as they are in the sequence that includes it.

    What is not allowed, no key, or does not come back with the sequence is so within it.
    """
    rows = []
    for part in parts:
        tag, vr = _known(part.keyword)
        both = f"{part.type}/{part.type}"
        row = Attribute(
            part.keyword,
            tag,
            vr,
            n_create="NA" if within.n_create == "NA" else both,
            n_set="NA" if within.n_set == "NA" else both,
            final="O",
            n_get=f"-/{part.type}",
            match=within.match if part.is_key else "-",
            returned="-" if within.returned == "-" else part.type,
            macro=part.macro,
        )
        inner = MACROS[part.macro] if part.macro else part.parts
        rows.append(replace(row, items=_included(inner, row)))
    return tuple(rows)


def _known(keyword: str) -> tuple[int, str]:
    """Give the tag and VR of a keyword, which has to be in the data dictionary."""
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise LookupError(f"The data dictionary has no attribute {keyword!a}.")
    return tag, dictionary_VR(tag)


for _tag, _vr, _keyword, _name, _vm in _NEWER:
    if keyword_for_tag(_tag) != _keyword:
        add_dict_entry(_tag, _vr, _keyword, _name, _vm)

_REQUEST_ITEMS = (
    *_rows("1/1 NA O -/1 O 1", "StudyInstanceUID"),
    *_rows("2/2 NA O -/2 R 2", "AccessionNumber RequestedProcedureID"),
    *_rows("2/2 NA O -/2 R 2", "IssuerOfAccessionNumberSequence", macro=Macro.DESIGNATOR),
    *_rows(
        "3/1 NA O -/1 O 1C",
        "PlacerOrderNumberImagingServiceRequest FillerOrderNumberImagingServiceRequest",
    ),
    *_rows(
        "2/2 NA O -/2 O 2",
        "OrderPlacerIdentifierSequence OrderFillerIdentifierSequence",
        macro=Macro.DESIGNATOR,
    ),
    *_rows("2/2 NA O -/2 O 2", "RequestedProcedureDescription"),
    *_rows("2/2 NA O -/2 O 2", "RequestedProcedureCodeSequence", macro=Macro.CODE),
    *_rows(
        "3/3 3/3 O -/3 O 3",
        "ReasonForTheRequestedProcedure ConfidentialityCode NamesOfIntendedRecipientsOfResults "
        "ImagingServiceRequestComments RequestingPhysician IssueDateOfImagingServiceRequest "
        "IssueTimeOfImagingServiceRequest ReferringPhysicianName",
    ),
    *_rows(
        "3/3 3/3 O -/3 O 3",
        "ReasonForRequestedProcedureCodeSequence RequestingServiceCodeSequence",
        macro=Macro.CODE,
    ),
    *_rows("3/3 3/3 O -/3 O 1C", "RequestedProcedureComments"),
    *_rows("3/1 3/1 O -/3 R 3", "RequestingService"),
)

_PROGRESS_ITEMS = (
    *_rows(
        "NA 3/1 O -/1 - -",
        "ProcedureStepProgress ProcedureStepProgressDescription ReasonForCancellation",
    ),
    *_rows(
        "NA 3/3 O -/3 - -",
        "ProcedureStepProgressParametersSequence",
        _rows("NA 3/3 O -/3 - -", "ContentItemModifierSequence", macro=Macro.CONTENT_ITEM),
        macro=Macro.CONTENT_ITEM,
    ),
    *_rows(
        "NA 3/1 O -/1 - -",
        "ProcedureStepCommunicationsURISequence",
        _rows("NA 1/1 O -/1 - -", "ContactURI"),
        _rows("NA 3/1 O -/1 - -", "ContactDisplayName"),
    ),
    *_rows("NA 3/1 X -/1 - -", "ProcedureStepCancellationDateTime"),
    *_rows("NA 3/1 X -/1 - -", "ProcedureStepDiscontinuationReasonCodeSequence", macro=Macro.CODE),
)

_PERFORMED_ITEMS = (
    *_rows(
        "NA 3/1 RC -/1 O 1C",
        "ActualHumanPerformersSequence",
        _rows("NA 3/1 RC -/1 - -", "HumanPerformerCodeSequence", macro=Macro.CODE),
        _rows("NA 3/1 RC -/1 - -", "HumanPerformerName"),
        _rows("NA 3/1 O -/1 - -", "HumanPerformerOrganization"),
    ),
    *_rows("NA 3/2 P -/2 O 3", "PerformedStationNameCodeSequence", macro=Macro.CODE),
    *_rows(
        "NA 3/2 O -/2 - -",
        "PerformedStationClassCodeSequence PerformedStationGeographicLocationCodeSequence",
        macro=Macro.CODE,
    ),
    *_rows("NA 3/1 P -/1 - -", "PerformedProcedureStepStartDateTime"),
    *_rows("NA 3/1 P -/1 - -", "PerformedWorkitemCodeSequence", macro=Macro.CODE),
    *_rows(
        "NA 3/1 O -/1 - -", "PerformedProcedureStepDescription CommentsOnThePerformedProcedureStep"
    ),
    *_rows("NA 3/1 O -/1 - -", "PerformedProcessingParametersSequence", macro=Macro.CONTENT_ITEM),
    *_rows("NA 3/1 P -/1 O 1C", "PerformedProcedureStepEndDateTime"),
    *_rows("NA 2/2 P -/2 - -", "OutputInformationSequence", macro=Macro.INSTANCES),
)

#: All rows of Table CC.2.5-3, with those that corrections have added since 2020.  Attributes of
#: the same modules that are not here are optional everywhere and no keys ("All other attributes").
ATTRIBUTES: tuple[Attribute, ...] = (
    *_rows("2/2 1C/1C O NA - -", "TransactionUID"),
    *_rows("1C/1C 1C/1C RC 3/1 - 1C", "SpecificCharacterSet"),
    *_rows("NA NA R NA O 1", "SOPClassUID"),
    *_rows("NA NA R NA U 1", "SOPInstanceUID"),
    # Scheduled Procedure Information
    *_rows(
        "1/1 3/1 R 3/1 R 1",
        "ScheduledProcedureStepPriority ScheduledProcedureStepStartDateTime InputReadinessState",
    ),
    *_rows("-/1 -/1 R 3/1 O 3", "ScheduledProcedureStepModificationDateTime"),
    *_rows("1/1 3/1 O 3/1 R 1", "ProcedureStepLabel"),
    *_rows("2/1 3/1 O 3/1 R 1", "WorklistLabel"),
    *_rows("2/2 3/2 O 3/2 - 2", "ScheduledProcessingParametersSequence", macro=Macro.CONTENT_ITEM),
    *_rows(
        "2/2 3/2 O 3/2 R 2",
        "ScheduledStationNameCodeSequence ScheduledStationClassCodeSequence "
        "ScheduledStationGeographicLocationCodeSequence",
        macro=Macro.CODE,
    ),
    *_rows(
        "2C/2C 3/2 O 3/2 R 2",
        "ScheduledHumanPerformersSequence",
        _rows("1/1 1/1 O -/1 R 1", "HumanPerformerCodeSequence", macro=Macro.CODE),
        _rows("1/1 1/1 O -/1 O 3", "HumanPerformerName HumanPerformerOrganization"),
    ),
    *_rows("3/1 3/1 O 3/1 R 3", "ExpectedCompletionDateTime"),
    *_rows("3/3 3/3 O 3/3 O 3", "ScheduledProcedureStepExpirationDateTime"),
    *_rows("3/3 3/3 O 3/3 O 3", "OutputDestinationSequence", macro=Macro.STORAGE),
    *_rows("2/2 3/1 O 3/1 R 2", "ScheduledWorkitemCodeSequence", macro=Macro.CODE),
    *_rows("2/2 3/1 O 3/1 O 3", "CommentsOnTheScheduledProcedureStep"),
    *_rows("2/2 3/2 O 3/2 O 2", "InputInformationSequence", macro=Macro.INSTANCES),
    *_rows("1C/2 3/2 O 3/2 O 2", "StudyInstanceUID"),
    # Relationship
    *_rows(
        "2/2 NA O 3/2 R 2",
        "PatientName IssuerOfPatientID PatientBirthDate PatientSex AdmissionID",
    ),
    *_rows("2/2 NA O 3/2 R 2", "IssuerOfAdmissionIDSequence", macro=Macro.DESIGNATOR),
    *_rows("1C/2 NA O 3/2 R 2", "PatientID"),
    *_rows(
        "2/2 NA O 3/2 O 2", "IssuerOfPatientIDQualifiersSequence", macro=Macro.ISSUER_QUALIFIERS
    ),
    *_rows("2/2 NA O 3/2 O 2", "AdmittingDiagnosesDescription"),
    *_rows("2/2 NA O 3/2 O 2", "AdmittingDiagnosesCodeSequence", macro=Macro.CODE),
    *_rows(
        "2/2 3/3 O 3/2 O 2",
        "OtherPatientIDsSequence",
        _rows("1/1 1/1 O -/1 O 1", "PatientID"),
        _rows("3/3 3/3 O 3/3 O 3", "TypeOfPatientID"),
        macro=Macro.ISSUER,
    ),
    *_rows("3/3 3/3 O 3/3 - 3", "ReferencedPatientPhotoSequence", macro=Macro.INSTANCES),
    *_rows(
        "3/3 NA O 3/3 O 3",
        "GenderIdentitySequence",
        _rows("1/1 NA O -/1 O 3", "GenderIdentityCodeSequence", macro=Macro.CODE),
        _rows("3/3 NA O -/3 O 3", "GenderIdentityComment"),
    ),
    *_rows(
        "3/3 NA O 3/3 O 3",
        "SexParametersForClinicalUseCategorySequence",
        _rows(
            "1/1 NA O -/1 O 3",
            "SexParametersForClinicalUseCategoryCodeSequence",
            macro=Macro.CODE,
        ),
        _rows(
            "3/3 NA O -/3 O 3",
            "SexParametersForClinicalUseCategoryComment "
            "SexParametersForClinicalUseCategoryReference",
        ),
    ),
    *_rows(
        "3/3 NA O 3/3 O 3",
        "PersonNamesToUseSequence",
        _rows("1/1 NA O -/1 O 3", "NameToUse"),
        _rows("3/3 NA O -/3 O 3", "NameToUseComment"),
    ),
    *_rows(
        "3/3 NA O 3/3 O 3",
        "ThirdPersonPronounsSequence",
        _rows("1/1 NA O -/1 O 3", "PronounCodeSequence", macro=Macro.CODE),
        _rows("3/3 NA O -/3 O 3", "PronounComment"),
    ),
    *_rows("2/2 NA O 3/2 R 2", "ReferencedRequestSequence", _REQUEST_ITEMS),
    *_rows("1C/1C NA O 3/2 R 3", "ReplacedProcedureStepSequence", macro=Macro.REFERENCE),
    *_rows("3/2 3/2 O 3/2 O 2C", "MedicalAlerts PregnancyStatus SpecialNeeds"),
    # Progress Information
    *_rows("1/1 NA R 3/1 R 1", "ProcedureStepState"),
    *_rows("2/2 3/2 X 3/2 - 2", "ProcedureStepProgressInformationSequence", _PROGRESS_ITEMS),
    # Performed Procedure Information
    *_rows("2/2 3/2 P 3/2 - -", "UnifiedProcedureStepPerformedProcedureSequence", _PERFORMED_ITEMS),
)

_BY_TAG = {each.tag: each for each in ATTRIBUTES}


def attribute(tag: int) -> Attribute | None:
    """Give the row of a top-level attribute; `None` for one that Table CC.2.5-3 does not name."""
    return _BY_TAG.get(tag)


def find(attributes: tuple[Attribute, ...], tag: int) -> Attribute | None:
    """Give the row of a tag among `attributes`, such as `Attribute.items`."""
    return next((each for each in attributes if each.tag == tag), None)


def walk(
    attributes: tuple[Attribute, ...] = ATTRIBUTES, _within: tuple[Attribute, ...] = ()
) -> Iterator[tuple[Attribute, ...]]:
    """Give the path of each row, from the top level down to the row itself."""
    for each in attributes:
        path = (*_within, each)
        yield path
        yield from walk(each.items, path)
