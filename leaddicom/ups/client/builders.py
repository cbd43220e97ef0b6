"""Data sets of Unified Procedure Step, made of Python values."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import UID
from pydicom.valuerep import DSfloat, PersonName

from leaddicom.errors import ParameterError
from leaddicom.ups.client.attribute_lists import fill_in
from leaddicom.ups.core.terms import InputReadiness, Priority, State
from leaddicom.values import check_ae_title

__all__ = [
    "DISCONTINUED",
    "NO_UNITS",
    "CodeLike",
    "ContentValue",
    "Moment",
    "canceled_item",
    "code_item",
    "code_keyword",
    "content_item",
    "human_performer",
    "instances",
    "moment_text",
    "performed_procedure",
    "progress_item",
    "requested_procedure",
    "workitem",
]

#: A coded concept: pydicom's, or value, coding scheme designator and meaning.
CodeLike = Code | tuple[str, str, str]

#: What a content item may hold.
ContentValue = str | int | float | Decimal | datetime | date | time | PersonName | UID | CodeLike

#: A point in time.  Without a time zone a `datetime` is of this computer's; a text is as DICOM
#: writes it, YYYYMMDDHHMMSS, as far as it is known.
Moment = datetime | str

#: The unit of a number that has none.
NO_UNITS = Code("1", "UCUM", "no units")

#: Why a workitem was canceled, if nobody says more.
DISCONTINUED = Code("110513", "DCM", "Discontinued for unspecified reason")

#: Longest Code Value (0008,0100), a short string; beyond it is a Long Code Value.
_CODE_VALUE_LENGTH = 16

#: Longest decimal string.
_DS_LENGTH = 16


def code_item(code: CodeLike) -> Dataset:
    """Make the item of a code sequence (PS3.3 Table 8.8-1).

    Parameters
    ----------
    code : Code or tuple of str
        Value, coding scheme designator and meaning.

    Raises
    ------
    ParameterError
        One of them is missing.
    """
    value, designator, meaning, *version = code
    keyword = code_keyword(value)
    if not (value and meaning and (designator or keyword == "URNCodeValue")):
        raise ParameterError(
            f"{tuple(code)!a} is no code: value, coding scheme designator and meaning are needed."
        )
    item = Dataset()
    setattr(item, keyword, value)
    if designator:
        item.CodingSchemeDesignator = designator
    if version and version[0]:
        item.CodingSchemeVersion = version[0]
    item.CodeMeaning = meaning
    return item


def code_keyword(value: str) -> str:
    """Tell in which of the three attributes the value of a code is (PS3.3 Table 8.8-1)."""
    if value.startswith(("urn:", "http:", "https:")):
        return "URNCodeValue"
    return "LongCodeValue" if len(value) > _CODE_VALUE_LENGTH else "CodeValue"


def content_item(name: CodeLike, value: ContentValue, *, units: CodeLike = NO_UNITS) -> Dataset:
    """Make a content item, such as a processing parameter (PS3.3 Table 10-2).

    Parameters
    ----------
    name : Code or tuple of str
        What the value is of.
    value : str, number, datetime, date, time, PersonName, UID, Code or tuple of str
        Its type decides on the Value Type: TEXT, NUMERIC and so on.
    units : Code or tuple of str
        Of a number.

    Raises
    ------
    ParameterError
        The value is of another type.

    Examples
    --------
    >>> from leaddicom.ups.client import content_item
    >>> content_item(("2018004", "99IHERO2018", "Referenced Beam Number"), 2).ValueType
    'NUMERIC'
    """
    kind = next((each for each in _VALUES if isinstance(value, each)), None)
    if kind is None or isinstance(value, bool):
        raise ParameterError(f"A content item cannot hold a {type(value).__name__}.")
    value_type, keyword, convert = _VALUES[kind]
    item = Dataset()
    item.ValueType = value_type
    item.ConceptNameCodeSequence = [code_item(name)]
    setattr(item, keyword, convert(value))
    if value_type == "NUMERIC":
        item.MeasurementUnitsCodeSequence = [code_item(units)]
    return item


def moment_text(moment: Moment) -> str:
    """Write a point in time as DICOM does (PS3.5 section 6.2, VR DT), with its time zone."""
    if isinstance(moment, str):
        return moment
    zoned = moment if moment.tzinfo is not None else moment.astimezone()
    return f"{zoned:%Y%m%d%H%M%S.%f%z}"


def _number(value: float | Decimal) -> DSfloat:
    if not math.isfinite(value):
        raise ParameterError(f"{value} is no number that DICOM can write.")
    exact = str(value)
    return DSfloat(exact) if len(exact) <= _DS_LENGTH else DSfloat(float(value), auto_format=True)


# Value Type, attribute and conversion, by the type of the value.  Order matters: a UID is a str,
# a datetime is a date.
_VALUES: dict[type, tuple[str, str, Callable[[Any], Any]]] = {
    UID: ("UIDREF", "UID", str),
    tuple: ("CODE", "ConceptCodeSequence", lambda code: [code_item(code)]),
    str: ("TEXT", "TextValue", str),
    datetime: ("DATETIME", "DateTime", moment_text),
    date: ("DATE", "Date", "{:%Y%m%d}".format),
    time: ("TIME", "Time", "{:%H%M%S.%f}".format),
    PersonName: ("PNAME", "PersonName", str),
    int: ("NUMERIC", "NumericValue", _number),
    float: ("NUMERIC", "NumericValue", _number),
    Decimal: ("NUMERIC", "NumericValue", _number),
}


def instances(
    study_uid: str,
    series_uid: str,
    references: Iterable[tuple[str, str]],
    *,
    retrieve_ae: str = "",
    retrieve_url: str = "",
) -> Dataset:
    """Make an item of input or output information: instances of a series, and where they are.

    Parameters
    ----------
    study_uid, series_uid : str
        Study and Series Instance UID.
    references : iterable of tuple of str
        SOP Class UID and SOP Instance UID of each instance.
    retrieve_ae : str
        AE title from which a C-MOVE retrieves them.
    retrieve_url : str
        Where WADO-RS retrieves them; one of the two is needed.

    Raises
    ------
    ParameterError
        Nothing is referred to, or nothing says where it is.
    """
    item = Dataset()
    item.TypeOfInstances = "DICOM"
    item.StudyInstanceUID, item.SeriesInstanceUID = study_uid, series_uid
    item.ReferencedSOPSequence = [_reference(*each) for each in references]
    if not item.ReferencedSOPSequence:
        raise ParameterError("Input or output information refers to no instance.")
    if retrieve_ae:
        check_ae_title(retrieve_ae)
        item.DICOMRetrievalSequence = [_item(RetrieveAETitle=retrieve_ae)]
    if retrieve_url:
        item.WADORSRetrievalSequence = [_item(RetrieveURL=retrieve_url)]
    if not (retrieve_ae or retrieve_url):
        raise ParameterError(
            "Instances need a place where they can be retrieved: an AE title or a URL."
        )
    return item


def human_performer(code: CodeLike, name: str, organization: str) -> Dataset:
    """Make an item of scheduled or actual human performers.

    Parameters
    ----------
    code : Code or tuple of str
        Who it is.
    name : str
        The same, as DICOM writes it: ``"Doe^Jane"``.
    organization : str
        For whom they work.  Only of actual performers it may be left open, as ""
        (PS3.4 Table CC.2.5-3).
    """
    item = _item(HumanPerformerCodeSequence=[code_item(code)], HumanPerformerName=name)
    if organization:
        item.HumanPerformerOrganization = organization
    return item


def requested_procedure(
    study_uid: str,
    *,
    accession_number: str = "",
    requested_procedure_id: str = "",
    description: str = "",
    codes: Iterable[CodeLike] = (),
    requesting_service: str = "",
) -> Dataset:
    """Make an item of the Referenced Request Sequence: the order behind a workitem.

    What the standard wants to be there is there, without value if there is none.

    Parameters
    ----------
    study_uid : str
        Study Instance UID of the order.
    accession_number, requested_procedure_id, description, requesting_service : str
        What the order says.
    codes : iterable of Code or tuple of str
        Which procedure it asks for.
    """
    item = _item(
        StudyInstanceUID=study_uid,
        AccessionNumber=accession_number,
        IssuerOfAccessionNumberSequence=[],
        RequestedProcedureID=requested_procedure_id,
        OrderPlacerIdentifierSequence=[],
        OrderFillerIdentifierSequence=[],
        RequestedProcedureDescription=description,
        RequestedProcedureCodeSequence=_codes(codes),
    )
    if requesting_service:
        item.RequestingService = requesting_service
    return item


def workitem(
    label: str,
    start: Moment,
    *,
    priority: Priority | str = Priority.MEDIUM,
    readiness: InputReadiness | str = InputReadiness.READY,
    worklist_label: str = "",
    patient_id: str = "",
    patient_name: str = "",
    issuer_of_patient_id: str = "",
    birth_date: str = "",
    sex: str = "",
    admission_id: str = "",
    study_uid: str = "",
    stations: Iterable[CodeLike] = (),
    station_classes: Iterable[CodeLike] = (),
    locations: Iterable[CodeLike] = (),
    codes: Iterable[CodeLike] = (),
    performers: Iterable[Dataset] = (),
    parameters: Iterable[Dataset] = (),
    inputs: Iterable[Dataset] = (),
    requests: Iterable[Dataset] = (),
    expected_completion: Moment | None = None,
    expiration: Moment | None = None,
    comments: str = "",
) -> Dataset:
    """Make a workitem to create, complete as Table CC.2.5-3 wants it.

    Parameters
    ----------
    label : str
        What is to be done, for people.
    start : datetime or str
        When.
    priority, readiness : str
        HIGH, MEDIUM or LOW; INCOMPLETE, UNAVAILABLE or READY.
    worklist_label : str
        The list that it is on; "" leaves that to the manager.
    patient_id, patient_name, issuer_of_patient_id, birth_date, sex, admission_id : str
        Of whom; the date as YYYYMMDD.
    study_uid : str
        Study Instance UID of what will be made.
    stations, station_classes, locations : iterable of Code or tuple of str
        Where.
    codes : iterable of Code or tuple of str
        What kind of work it is.
    performers, parameters, inputs, requests : iterable of pydicom.dataset.Dataset
        See `human_performer`, `content_item`, `instances` and `requested_procedure`.
    expected_completion, expiration : datetime or str, optional
        When it is expected to be done, and when it is no use any more.
    comments : str
        Anything, for people.

    Raises
    ------
    ParameterError
        A performer has no organization.

    Examples
    --------
    >>> from datetime import datetime
    >>> from leaddicom.ups.client import workitem
    >>> dataset = workitem(
    ...     "Head CT, 3D reconstruction",
    ...     datetime(2030, 1, 31, 9, 30),
    ...     patient_id="4711",
    ...     patient_name="Example^Anna",
    ...     stations=[("WS1", "99SITE", "Workstation 1")],
    ... )
    """
    made = _item(
        ProcedureStepState=State.SCHEDULED.value,
        ProcedureStepLabel=label,
        ScheduledProcedureStepStartDateTime=moment_text(start),
        ScheduledProcedureStepPriority=Priority(priority).value,
        InputReadinessState=InputReadiness(readiness).value,
        WorklistLabel=worklist_label,
        PatientName=patient_name,
        IssuerOfPatientID=issuer_of_patient_id,
        PatientBirthDate=birth_date,
        PatientSex=sex,
        AdmissionID=admission_id,
        ScheduledStationNameCodeSequence=_codes(stations),
        ScheduledStationClassCodeSequence=_codes(station_classes),
        ScheduledStationGeographicLocationCodeSequence=_codes(locations),
        ScheduledWorkitemCodeSequence=_codes(codes),
        ScheduledProcessingParametersSequence=list(parameters),
        InputInformationSequence=list(inputs),
        ReferencedRequestSequence=list(requests),
        CommentsOnTheScheduledProcedureStep=comments,
    )
    conditional = {
        "PatientID": patient_id,
        "StudyInstanceUID": study_uid,
        "ScheduledHumanPerformersSequence": _scheduled(performers),
        "ExpectedCompletionDateTime": expected_completion and moment_text(expected_completion),
        "ScheduledProcedureStepExpirationDateTime": expiration and moment_text(expiration),
    }
    for keyword, value in conditional.items():
        if value:
            setattr(made, keyword, value)
    return fill_in(made)


def progress_item(
    previous: Dataset | None = None,
    *,
    percent: float | None = None,
    description: str | None = None,
    parameters: Iterable[Dataset] | None = None,
    contact_uri: str | None = None,
    contact_name: str = "",
) -> Dataset:
    """Make the item of the Procedure Step Progress Information Sequence.

    Parameters
    ----------
    previous : pydicom.dataset.Dataset, optional
        The item that is there: an N-SET replaces the whole sequence, so what is not named here
        is taken from there.
    percent : float, optional
        0 to 100.
    description : str, optional
        What is being done, for people.
    parameters : iterable of pydicom.dataset.Dataset, optional
        See `content_item`.
    contact_uri, contact_name : str, optional
        How to reach the performer, such as ``tel:`` and a number, and who that is.

    Raises
    ------
    ParameterError
        The percentage is none.
    """
    item = Dataset() if previous is None else copy.deepcopy(previous)
    if percent is not None:
        if not 0 <= percent <= 100:
            raise ParameterError(f"The progress is {percent} percent, but must be 0 to 100.")
        item.ProcedureStepProgress = _number(percent)
    if description is not None:
        item.ProcedureStepProgressDescription = description
    if parameters is not None:
        item.ProcedureStepProgressParametersSequence = list(parameters)
    if contact_uri is not None:
        contact = _item(ContactURI=contact_uri)
        if contact_name:
            contact.ContactDisplayName = contact_name
        item.ProcedureStepCommunicationsURISequence = [contact]
    return item


def canceled_item(
    previous: Dataset | None, at: Moment, reason: CodeLike = DISCONTINUED, text: str = ""
) -> Dataset:
    """Make the item of the progress information of a workitem that is about to be canceled.

    Parameters
    ----------
    previous : pydicom.dataset.Dataset or None
        The item that is there, as for `progress_item`.
    at : datetime or str
        When it was discontinued.
    reason : Code or tuple of str
        Why, as a code (PS3.16 CID 9300 and others).
    text : str
        Why, in words.
    """
    item = progress_item(previous)
    item.ProcedureStepCancellationDateTime = moment_text(at)
    item.ProcedureStepDiscontinuationReasonCodeSequence = [code_item(reason)]
    if text:
        item.ReasonForCancellation = text
    return item


def performed_procedure(
    *,
    stations: Iterable[CodeLike],
    codes: Iterable[CodeLike],
    start: Moment,
    end: Moment | None = None,
    outputs: Iterable[Dataset] = (),
    performers: Iterable[Dataset] = (),
    parameters: Iterable[Dataset] = (),
    description: str = "",
) -> Dataset:
    """Make an item of the Unified Procedure Step Performed Procedure Sequence.

    Parameters
    ----------
    stations, codes : iterable of Code or tuple of str
        Where it was performed, and which work that was.
    start, end : datetime or str
        When; without the end it goes on.
    outputs, performers, parameters : iterable of pydicom.dataset.Dataset
        See `instances`, `human_performer` and `content_item`.
    description : str
        What was done, for people.
    """
    item = _item(
        PerformedStationNameCodeSequence=_codes(stations),
        PerformedWorkitemCodeSequence=_codes(codes),
        PerformedProcedureStepStartDateTime=moment_text(start),
        OutputInformationSequence=list(outputs),
    )
    optional = {
        "PerformedProcedureStepEndDateTime": end and moment_text(end),
        "ActualHumanPerformersSequence": list(performers),
        "PerformedProcessingParametersSequence": list(parameters),
        "PerformedProcedureStepDescription": description,
    }
    for keyword, value in optional.items():
        if value:
            setattr(item, keyword, value)
    return item


def _scheduled(performers: Iterable[Dataset]) -> list[Dataset]:
    items = list(performers)
    if not all(item.get("HumanPerformerOrganization") for item in items):
        raise ParameterError("A performer who is scheduled needs a HumanPerformerOrganization.")
    return items


def _reference(sop_class_uid: str, sop_instance_uid: str) -> Dataset:
    return _item(ReferencedSOPClassUID=sop_class_uid, ReferencedSOPInstanceUID=sop_instance_uid)


def _codes(codes: Iterable[CodeLike]) -> list[Dataset]:
    return [code_item(each) for each in codes]


def _item(**elements: object) -> Dataset:
    item = Dataset()
    for keyword, value in elements.items():
        setattr(item, keyword, value)
    return item
