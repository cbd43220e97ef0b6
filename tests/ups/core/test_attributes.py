"""Table CC.2.5-3, row by row, against a transcription of its own."""

from __future__ import annotations

import pytest
from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword
from pydicom.dataset import Dataset

from leaddicom.ups.core import attributes
from leaddicom.ups.core.attributes import ATTRIBUTES, Attribute, attribute, find, walk

#: Attribute, tag, N-CREATE, N-SET, final state, N-GET, match, return; macros left out.
TABLE = """
TransactionUID                                    0008,1195 2/2   1C/1C O  NA  - -
SpecificCharacterSet                              0008,0005 1C/1C 1C/1C RC 3/1 - 1C
SOPClassUID                                       0008,0016 NA    NA    R  NA  O 1
SOPInstanceUID                                    0008,0018 NA    NA    R  NA  U 1
ScheduledProcedureStepPriority                    0074,1200 1/1   3/1   R  3/1 R 1
ScheduledProcedureStepStartDateTime               0040,4005 1/1   3/1   R  3/1 R 1
InputReadinessState                               0040,4041 1/1   3/1   R  3/1 R 1
ScheduledProcedureStepModificationDateTime        0040,4010 -/1   -/1   R  3/1 O 3
ProcedureStepLabel                                0074,1204 1/1   3/1   O  3/1 R 1
WorklistLabel                                     0074,1202 2/1   3/1   O  3/1 R 1
ScheduledProcessingParametersSequence             0074,1210 2/2   3/2   O  3/2 - 2
ScheduledStationNameCodeSequence                  0040,4025 2/2   3/2   O  3/2 R 2
ScheduledStationClassCodeSequence                 0040,4026 2/2   3/2   O  3/2 R 2
ScheduledStationGeographicLocationCodeSequence    0040,4027 2/2   3/2   O  3/2 R 2
ScheduledHumanPerformersSequence                  0040,4034 2C/2C 3/2   O  3/2 R 2
>HumanPerformerCodeSequence                       0040,4009 1/1   1/1   O  -/1 R 1
>HumanPerformerName                               0040,4037 1/1   1/1   O  -/1 O 3
>HumanPerformerOrganization                       0040,4036 1/1   1/1   O  -/1 O 3
ExpectedCompletionDateTime                        0040,4011 3/1   3/1   O  3/1 R 3
ScheduledProcedureStepExpirationDateTime          0040,4008 3/3   3/3   O  3/3 O 3
OutputDestinationSequence                         0040,4070 3/3   3/3   O  3/3 O 3
ScheduledWorkitemCodeSequence                     0040,4018 2/2   3/1   O  3/1 R 2
CommentsOnTheScheduledProcedureStep               0040,0400 2/2   3/1   O  3/1 O 3
InputInformationSequence                          0040,4021 2/2   3/2   O  3/2 O 2
StudyInstanceUID                                  0020,000D 1C/2  3/2   O  3/2 O 2
PatientName                                       0010,0010 2/2   NA    O  3/2 R 2
IssuerOfPatientID                                 0010,0021 2/2   NA    O  3/2 R 2
PatientBirthDate                                  0010,0030 2/2   NA    O  3/2 R 2
PatientSex                                        0010,0040 2/2   NA    O  3/2 R 2
AdmissionID                                       0038,0010 2/2   NA    O  3/2 R 2
IssuerOfAdmissionIDSequence                       0038,0014 2/2   NA    O  3/2 R 2
PatientID                                         0010,0020 1C/2  NA    O  3/2 R 2
IssuerOfPatientIDQualifiersSequence               0010,0024 2/2   NA    O  3/2 O 2
AdmittingDiagnosesDescription                     0008,1080 2/2   NA    O  3/2 O 2
AdmittingDiagnosesCodeSequence                    0008,1084 2/2   NA    O  3/2 O 2
OtherPatientIDsSequence                           0010,1002 2/2   3/3   O  3/2 O 2
>PatientID                                        0010,0020 1/1   1/1   O  -/1 O 1
>TypeOfPatientID                                  0010,0022 3/3   3/3   O  3/3 O 3
ReferencedPatientPhotoSequence                    0010,1100 3/3   3/3   O  3/3 - 3
ReferencedRequestSequence                         0040,A370 2/2   NA    O  3/2 R 2
>StudyInstanceUID                                 0020,000D 1/1   NA    O  -/1 O 1
>AccessionNumber                                  0008,0050 2/2   NA    O  -/2 R 2
>IssuerOfAccessionNumberSequence                  0008,0051 2/2   NA    O  -/2 R 2
>RequestedProcedureID                             0040,1001 2/2   NA    O  -/2 R 2
>PlacerOrderNumberImagingServiceRequest           0040,2016 3/1   NA    O  -/1 O 1C
>FillerOrderNumberImagingServiceRequest           0040,2017 3/1   NA    O  -/1 O 1C
>OrderPlacerIdentifierSequence                    0040,0026 2/2   NA    O  -/2 O 2
>OrderFillerIdentifierSequence                    0040,0027 2/2   NA    O  -/2 O 2
>RequestedProcedureDescription                    0032,1060 2/2   NA    O  -/2 O 2
>RequestedProcedureCodeSequence                   0032,1064 2/2   NA    O  -/2 O 2
>ReasonForTheRequestedProcedure                   0040,1002 3/3   3/3   O  -/3 O 3
>ReasonForRequestedProcedureCodeSequence          0040,100A 3/3   3/3   O  -/3 O 3
>ConfidentialityCode                              0040,1008 3/3   3/3   O  -/3 O 3
>NamesOfIntendedRecipientsOfResults               0040,1010 3/3   3/3   O  -/3 O 3
>ImagingServiceRequestComments                    0040,2400 3/3   3/3   O  -/3 O 3
>RequestingPhysician                              0032,1032 3/3   3/3   O  -/3 O 3
>RequestingServiceCodeSequence                    0032,1034 3/3   3/3   O  -/3 O 3
>IssueDateOfImagingServiceRequest                 0040,2004 3/3   3/3   O  -/3 O 3
>IssueTimeOfImagingServiceRequest                 0040,2005 3/3   3/3   O  -/3 O 3
>ReferringPhysicianName                           0008,0090 3/3   3/3   O  -/3 O 3
>RequestedProcedureComments                       0040,1400 3/3   3/3   O  -/3 O 1C
>RequestingService                                0032,1033 3/1   3/1   O  -/3 R 3
ReplacedProcedureStepSequence                     0074,1224 1C/1C NA    O  3/2 R 3
MedicalAlerts                                     0010,2000 3/2   3/2   O  3/2 O 2C
PregnancyStatus                                   0010,21C0 3/2   3/2   O  3/2 O 2C
SpecialNeeds                                      0038,0050 3/2   3/2   O  3/2 O 2C
ProcedureStepState                                0074,1000 1/1   NA    R  3/1 R 1
ProcedureStepProgressInformationSequence          0074,1002 2/2   3/2   X  3/2 - 2
>ProcedureStepProgress                            0074,1004 NA    3/1   O  -/1 - -
>ProcedureStepProgressDescription                 0074,1006 NA    3/1   O  -/1 - -
>ReasonForCancellation                            0074,1238 NA    3/1   O  -/1 - -
>ProcedureStepProgressParametersSequence          0074,1007 NA    3/3   O  -/3 - -
>>ContentItemModifierSequence                     0040,0441 NA    3/3   O  -/3 - -
>ProcedureStepCommunicationsURISequence           0074,1008 NA    3/1   O  -/1 - -
>>ContactURI                                      0074,100A NA    1/1   O  -/1 - -
>>ContactDisplayName                              0074,100C NA    3/1   O  -/1 - -
>ProcedureStepCancellationDateTime                0040,4052 NA    3/1   X  -/1 - -
>ProcedureStepDiscontinuationReasonCodeSequence   0074,100E NA    3/1   X  -/1 - -
UnifiedProcedureStepPerformedProcedureSequence    0074,1216 2/2   3/2   P  3/2 - -
>ActualHumanPerformersSequence                    0040,4035 NA    3/1   RC -/1 O 1C
>>HumanPerformerCodeSequence                      0040,4009 NA    3/1   RC -/1 - -
>>HumanPerformerName                              0040,4037 NA    3/1   RC -/1 - -
>>HumanPerformerOrganization                      0040,4036 NA    3/1   O  -/1 - -
>PerformedStationNameCodeSequence                 0040,4028 NA    3/2   P  -/2 O 3
>PerformedStationClassCodeSequence                0040,4029 NA    3/2   O  -/2 - -
>PerformedStationGeographicLocationCodeSequence   0040,4030 NA    3/2   O  -/2 - -
>PerformedProcedureStepStartDateTime              0040,4050 NA    3/1   P  -/1 - -
>PerformedWorkitemCodeSequence                    0040,4019 NA    3/1   P  -/1 - -
>PerformedProcedureStepDescription                0040,0254 NA    3/1   O  -/1 - -
>CommentsOnThePerformedProcedureStep              0040,0280 NA    3/1   O  -/1 - -
>PerformedProcessingParametersSequence            0074,1212 NA    3/1   O  -/1 - -
>PerformedProcedureStepEndDateTime                0040,4051 NA    3/1   P  -/1 O 1C
>OutputInformationSequence                        0040,4033 NA    2/2   P  -/2 - -
"""

#: The corrections since 2020.
LATER = """
GenderIdentitySequence                            0010,0041 3/3   NA    O  3/3 O 3
>GenderIdentityCodeSequence                       0010,0044 1/1   NA    O  -/1 O 3
SexParametersForClinicalUseCategorySequence       0010,0043 3/3   NA    O  3/3 O 3
>SexParametersForClinicalUseCategoryCodeSequence  0010,0046 1/1   NA    O  -/1 O 3
PersonNamesToUseSequence                          0010,0011 3/3   NA    O  3/3 O 3
>NameToUse                                        0010,0012 1/1   NA    O  -/1 O 3
ThirdPersonPronounsSequence                       0010,0014 3/3   NA    O  3/3 O 3
>PronounCodeSequence                              0010,0015 1/1   NA    O  -/1 O 3
"""

#: The macros: attribute and type of both sides.
CODE = """
CodeValue 1C
LongCodeValue 1C
URNCodeValue 1C
CodingSchemeDesignator 1C
CodingSchemeVersion 1C
CodeMeaning 1
"""
CONTENT_ITEM = """
ValueType 1
ConceptNameCodeSequence 1
DateTime 1C
Date 1C
Time 1C
PersonName 1C
UID 1C
TextValue 1C
ConceptCodeSequence 1C
NumericValue 1C
FloatingPointValue 1C
RationalNumeratorValue 1C
RationalDenominatorValue 1C
MeasurementUnitsCodeSequence 1C
"""
INSTANCES = """
TypeOfInstances 1
StudyInstanceUID 1C
SeriesInstanceUID 1C
ReferencedSOPSequence 1
DICOMRetrievalSequence 1C
DICOMMediaRetrievalSequence 1C
WADORetrievalSequence 1C
WADORSRetrievalSequence 1C
XDSRetrievalSequence 1C
"""
DESIGNATOR = """
LocalNamespaceEntityID 1C
UniversalEntityID 1C
UniversalEntityIDType 1C
"""
QUALIFIERS = """
UniversalEntityID 3
UniversalEntityIDType 1C
IdentifierTypeCode 3
AssigningFacilitySequence 3
AssigningJurisdictionCodeSequence 3
AssigningAgencyOrDepartmentCodeSequence 3
"""
REFERENCE = """
ReferencedSOPClassUID 1
ReferencedSOPInstanceUID 1
"""
STORAGE = """
ReferencedSOPClassUID 1C
DICOMStorageSequence 1C
STOWRSStorageSequence 1C
XDSStorageSequence 1C
"""
ISSUED_ID = """
PatientID 1
TypeOfPatientID 3
IssuerOfPatientID 2
IssuerOfPatientIDQualifiersSequence 2
"""

#: Which sequence has which macro in its items; "/" separates the levels.
INCLUDED = {
    "ScheduledProcessingParametersSequence": CONTENT_ITEM,
    "ScheduledProcessingParametersSequence/ConceptNameCodeSequence": CODE,
    "ScheduledProcessingParametersSequence/ConceptCodeSequence": CODE,
    "ScheduledProcessingParametersSequence/MeasurementUnitsCodeSequence": CODE,
    "ScheduledStationNameCodeSequence": CODE,
    "ScheduledStationClassCodeSequence": CODE,
    "ScheduledStationGeographicLocationCodeSequence": CODE,
    "ScheduledHumanPerformersSequence/HumanPerformerCodeSequence": CODE,
    "OutputDestinationSequence": STORAGE,
    "ScheduledWorkitemCodeSequence": CODE,
    "InputInformationSequence": INSTANCES,
    "IssuerOfAdmissionIDSequence": DESIGNATOR,
    "IssuerOfPatientIDQualifiersSequence": QUALIFIERS,
    "IssuerOfPatientIDQualifiersSequence/AssigningFacilitySequence": DESIGNATOR,
    "IssuerOfPatientIDQualifiersSequence/AssigningJurisdictionCodeSequence": CODE,
    "IssuerOfPatientIDQualifiersSequence/AssigningAgencyOrDepartmentCodeSequence": CODE,
    "AdmittingDiagnosesCodeSequence": CODE,
    "OtherPatientIDsSequence": ISSUED_ID,
    "OtherPatientIDsSequence/IssuerOfPatientIDQualifiersSequence": QUALIFIERS,
    "ReferencedPatientPhotoSequence": INSTANCES,
    "ReferencedRequestSequence/IssuerOfAccessionNumberSequence": DESIGNATOR,
    "ReferencedRequestSequence/OrderPlacerIdentifierSequence": DESIGNATOR,
    "ReferencedRequestSequence/OrderFillerIdentifierSequence": DESIGNATOR,
    "ReferencedRequestSequence/RequestedProcedureCodeSequence": CODE,
    "ReferencedRequestSequence/ReasonForRequestedProcedureCodeSequence": CODE,
    "ReferencedRequestSequence/RequestingServiceCodeSequence": CODE,
    "ReplacedProcedureStepSequence": REFERENCE,
    "ProcedureStepProgressInformationSequence/ProcedureStepDiscontinuationReasonCodeSequence": CODE,
    "ProcedureStepProgressInformationSequence/ProcedureStepProgressParametersSequence/"
    "ContentItemModifierSequence": CONTENT_ITEM,
    "UnifiedProcedureStepPerformedProcedureSequence/ActualHumanPerformersSequence/"
    "HumanPerformerCodeSequence": CODE,
    "UnifiedProcedureStepPerformedProcedureSequence/PerformedStationNameCodeSequence": CODE,
    "UnifiedProcedureStepPerformedProcedureSequence/PerformedStationClassCodeSequence": CODE,
    "UnifiedProcedureStepPerformedProcedureSequence/"
    "PerformedStationGeographicLocationCodeSequence": CODE,
    "UnifiedProcedureStepPerformedProcedureSequence/PerformedWorkitemCodeSequence": CODE,
    "UnifiedProcedureStepPerformedProcedureSequence/"
    "PerformedProcessingParametersSequence": CONTENT_ITEM,
    "UnifiedProcedureStepPerformedProcedureSequence/OutputInformationSequence": INSTANCES,
    "GenderIdentitySequence/GenderIdentityCodeSequence": CODE,
    "SexParametersForClinicalUseCategorySequence/"
    "SexParametersForClinicalUseCategoryCodeSequence": CODE,
    "ThirdPersonPronounsSequence/PronounCodeSequence": CODE,
}


def rows(table: str) -> list[tuple[str, list[str]]]:
    """The path of each row, and its other columns."""
    path: list[str] = []
    found = []
    for line in table.strip().splitlines():
        name, *columns = line.split()
        depth = len(name) - len(name.lstrip(">"))
        path = [*path[:depth], name.lstrip(">")]
        found.append(("/".join(path), columns))
    return found


def at(path: str) -> Attribute:
    first, *others = (tag_for_keyword(keyword) or 0 for keyword in path.split("/"))
    row = attribute(first)
    for tag in others:
        assert row is not None, path
        row = find(row.items, tag)
    assert row is not None, path
    return row


@pytest.mark.parametrize(("path", "columns"), rows(TABLE) + rows(LATER))
def test_a_row_is_as_in_the_standard(path: str, columns: list[str]) -> None:
    row = at(path)
    tag = f"{row.tag >> 16:04X},{row.tag & 0xFFFF:04X}"
    assert columns == [
        tag, row.n_create, row.n_set, row.final, row.n_get, row.match, row.returned
    ]  # fmt: skip


@pytest.mark.parametrize(("path", "macro"), INCLUDED.items())
def test_items_have_the_attributes_of_their_macro(path: str, macro: str) -> None:
    sequence = at(path)
    types = {keyword: each[0] for keyword, each in rows(macro)}
    assert {each.keyword: each.n_get.partition("/")[2] for each in sequence.items} == types
    for each in sequence.items:
        type_ = types[each.keyword]
        for requirement, of_sequence in (
            (each.n_create, sequence.n_create),
            (each.n_set, sequence.n_set),
        ):
            assert requirement == ("NA" if of_sequence == "NA" else f"{type_}/{type_}")
        if sequence.match == "-":
            assert each.match == "-"


def test_progress_parameters_may_have_modifiers_besides() -> None:
    parameters = at(
        "ProcedureStepProgressInformationSequence/ProcedureStepProgressParametersSequence"
    )
    expected = {keyword for keyword, _ in rows(CONTENT_ITEM)} | {"ContentItemModifierSequence"}
    assert {each.keyword for each in parameters.items} == expected


def test_nothing_else_is_in_the_table() -> None:
    known = {path for path, _ in rows(TABLE) + rows(LATER)}
    known |= {f"{path}/{each}" for path, macro in INCLUDED.items() for each, _ in rows(macro)}
    others = {"/".join(each.keyword for each in path) for path in walk()} - known
    # Comments of the later attributes, and what is deeper in macros.
    assert {path.rpartition("/")[2] for path in others} - {
        name for macro in (CODE, CONTENT_ITEM) for name, _ in rows(macro)
    } == {
        "GenderIdentityComment",
        "SexParametersForClinicalUseCategoryComment",
        "SexParametersForClinicalUseCategoryReference",
        "NameToUseComment",
        "PronounComment",
        "ReferencedSOPClassUID",
        "ReferencedSOPInstanceUID",
        "HL7InstanceIdentifier",
        "ReferencedFrameNumber",
        "ReferencedSegmentNumber",
        "RetrieveAETitle",
        "StorageMediaFileSetID",
        "StorageMediaFileSetUID",
        "RetrieveURI",
        "RetrieveURL",
        "RepositoryUniqueID",
        "HomeCommunityID",
        "DestinationAE",
        "StorageURL",
        "LocalNamespaceEntityID",
        "UniversalEntityID",
        "UniversalEntityIDType",
    }


@pytest.mark.parametrize(
    ("keyword", "match", "returned"),
    [
        ("CodeValue", "R", "1C"),
        ("LongCodeValue", "R", "1C"),
        ("URNCodeValue", "R", "1C"),
        ("CodingSchemeDesignator", "R", "1C"),
        ("CodingSchemeVersion", "-", "1C"),
        ("CodeMeaning", "-", "1"),
    ],
)
def test_of_a_code_the_value_and_the_scheme_are_keys(
    keyword: str, match: str, returned: str
) -> None:
    row = at(f"ScheduledStationNameCodeSequence/{keyword}")
    assert (row.match, row.returned, row.is_key) == (match, returned, match != "-")


@pytest.mark.parametrize("path", list(walk()), ids=lambda path: path[-1].keyword)
def test_every_attribute_is_in_the_dictionary(path: tuple[Attribute, ...]) -> None:
    row = path[-1]
    assert row.keyword.isascii()
    assert row.keyword.isalnum()
    assert tag_for_keyword(row.keyword) == row.tag
    assert keyword_for_tag(row.tag) == row.keyword
    assert dictionary_VR(row.tag) == row.vr
    assert (row.vr == "SQ") == bool(row.items)
    assert attribute(path[0].tag) is path[0]


@pytest.mark.parametrize(("path", "columns"), rows(LATER))
def test_what_pydicom_does_not_know_is_known_to_it(path: str, columns: list[str]) -> None:
    dataset = Dataset()
    keyword = path.rpartition("/")[2]
    setattr(dataset, keyword, [] if keyword.endswith("Sequence") else "Jo")
    assert f"{dataset[keyword].tag:08X}" == columns[0].replace(",", "")


def test_other_attributes_have_no_row() -> None:
    assert attribute(0x00104000) is None
    assert find(ATTRIBUTES, 0x00091001) is None


def test_a_keyword_that_no_dictionary_has_is_an_error() -> None:
    with pytest.raises(LookupError, match=r"WorklistLabel\\u200b"):
        attributes._rows("3/3 3/3 O 3/3 O 3", "WorklistLabel\u200b")
