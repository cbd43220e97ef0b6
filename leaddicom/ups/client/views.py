"""Reading what a worklist manager sends, by name, and whatever it lacks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import TypeVar

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from pydicom.sr.coding import Code
from pydicom.valuerep import DT

from leaddicom.ups.core.terms import EventType, InputReadiness, Priority, ScpStatus, State

__all__ = [
    "InputView",
    "ParameterValue",
    "UpsEvent",
    "WorkitemView",
    "code_of",
    "codes_in",
    "first_item",
    "items_in",
    "member_in",
    "number_in",
    "text_in",
]

_Member = TypeVar("_Member", bound=Enum)

#: What a parameter may have: dates and times are as DICOM writes them, and `None` is what is of
#: another kind, or cannot be read.
ParameterValue = str | float | Code | None

#: Where a content item has its text, by Value Type (PS3.3 Table 10-2).
_TEXTS = {
    "TEXT": "TextValue",
    "DATETIME": "DateTime",
    "DATE": "Date",
    "TIME": "Time",
    "PNAME": "PersonName",
    "UIDREF": "UID",
}


@dataclass(frozen=True, slots=True)
class WorkitemView:
    """A workitem as the manager shows it: the usual attributes by name, all of them in `dataset`.

    What is not there, or is no value that the standard knows, is ``None``, "" or empty.

    Attributes
    ----------
    dataset : pydicom.dataset.Dataset
        The attributes that were asked for.
    requested_uid : str
        The UID that was asked about: an N-GET does not return it.
    """

    dataset: Dataset
    requested_uid: str = ""

    @property
    def uid(self) -> str:
        """SOP Instance UID."""
        return self.requested_uid or text_in(self.dataset, "SOPInstanceUID")

    @property
    def state(self) -> State | None:
        """Procedure Step State."""
        return member_in(State, self.dataset, "ProcedureStepState")

    @property
    def priority(self) -> Priority | None:
        """Scheduled Procedure Step Priority."""
        return member_in(Priority, self.dataset, "ScheduledProcedureStepPriority")

    @property
    def readiness(self) -> InputReadiness | None:
        """Input Readiness State."""
        return member_in(InputReadiness, self.dataset, "InputReadinessState")

    @property
    def label(self) -> str:
        """Procedure Step Label: what is to be done."""
        return text_in(self.dataset, "ProcedureStepLabel")

    @property
    def worklist_label(self) -> str:
        """Worklist Label: on which list it is."""
        return text_in(self.dataset, "WorklistLabel")

    @property
    def patient_name(self) -> str:
        """Patient's Name, as DICOM writes it."""
        return text_in(self.dataset, "PatientName")

    @property
    def patient_id(self) -> str:
        """Patient ID."""
        return text_in(self.dataset, "PatientID")

    @property
    def start(self) -> datetime | None:
        """Scheduled Procedure Step Start DateTime, with a time zone if it has one."""
        text = text_in(self.dataset, "ScheduledProcedureStepStartDateTime")
        try:
            found = DT(text) if text else None
        except (ValueError, OverflowError):
            return None
        return None if found is None else datetime.combine(found.date(), found.timetz())

    @property
    def stations(self) -> tuple[Code, ...]:
        """Scheduled Station Name Code Sequence: where it is to be done."""
        return codes_in(self.dataset, "ScheduledStationNameCodeSequence")

    @property
    def workitem_codes(self) -> tuple[Code, ...]:
        """Scheduled Workitem Code Sequence: what kind of work it is."""
        return codes_in(self.dataset, "ScheduledWorkitemCodeSequence")

    @property
    def inputs(self) -> tuple[InputView, ...]:
        """Input Information Sequence: what is needed for it, and where that is."""
        return tuple(map(InputView, items_in(self.dataset, "InputInformationSequence")))

    @property
    def parameters(self) -> dict[Code, ParameterValue]:
        """Scheduled Processing Parameters Sequence, by name; of several the first counts."""
        found: dict[Code, ParameterValue] = {}
        for item in items_in(self.dataset, "ScheduledProcessingParametersSequence"):
            name = code_of(first_item(item, "ConceptNameCodeSequence"))
            found.setdefault(name, _parameter(item))
        return found

    @property
    def progress(self) -> float | None:
        """Procedure Step Progress in percent."""
        return number_in(self._progress, "ProcedureStepProgress")

    @property
    def progress_description(self) -> str:
        """Procedure Step Progress Description."""
        return text_in(self._progress, "ProcedureStepProgressDescription")

    @property
    def _progress(self) -> Dataset:
        return first_item(self.dataset, "ProcedureStepProgressInformationSequence")

    def __repr__(self) -> str:
        # Without patient data: what is shown of a view ends in logs.
        return f"WorkitemView({self.uid!a}, {self.state})"


@dataclass(frozen=True, slots=True)
class InputView:
    """Instances of one series that a workitem needs, and where they are (PS3.3 Table 10-3b).

    What is not there is "" or empty.

    Attributes
    ----------
    dataset : pydicom.dataset.Dataset
        The item of the Input Information Sequence.

    Examples
    --------
    What a treatment machine has sent to itself before it treats:

    >>> from leaddicom import STUDY_ROOT, Scu
    >>> from leaddicom.ups.client import UpsScu
    >>> tls = {"ca_file": "ca.pem", "certificate": "me.pem", "key": "me.key"}
    >>> with UpsScu("manager", 2762, **tls) as ups:
    ...     for work in ups.find(state="SCHEDULED", station="LINAC1"):
    ...         for needed in work.inputs:
    ...             archive = needed.retrieve_aes[0]
    ...             with Scu("archive", 2762, called_ae_title=archive, **tls) as scu:
    ...                 scu.move(STUDY_ROOT, needed.identifier, "LINAC1").check()
    """

    dataset: Dataset

    @property
    def type(self) -> str:
        """Type of Instances: DICOM or CDA."""
        return text_in(self.dataset, "TypeOfInstances")

    @property
    def study_uid(self) -> str:
        """Study Instance UID."""
        return text_in(self.dataset, "StudyInstanceUID")

    @property
    def series_uid(self) -> str:
        """Series Instance UID."""
        return text_in(self.dataset, "SeriesInstanceUID")

    @property
    def references(self) -> tuple[tuple[str, str], ...]:
        """SOP Class UID and SOP Instance UID of each instance."""
        keywords = "ReferencedSOPClassUID", "ReferencedSOPInstanceUID"
        return self._pairs("ReferencedSOPSequence", *keywords)

    @property
    def retrieve_aes(self) -> tuple[str, ...]:
        """AE titles from which a C-MOVE retrieves them."""
        found = self._each("DICOMRetrievalSequence", "RetrieveAETitle")
        return tuple(title for titles in found for title in titles.split("\\"))

    @property
    def media(self) -> tuple[tuple[str, str], ...]:
        """Storage Media File-Set ID and UID of the media that they are on."""
        keywords = "StorageMediaFileSetID", "StorageMediaFileSetUID"
        return self._pairs("DICOMMediaRetrievalSequence", *keywords)

    @property
    def wado_uris(self) -> tuple[str, ...]:
        """Where WADO-URI retrieves them, mostly one by one."""
        return self._each("WADORetrievalSequence", "RetrieveURI")

    @property
    def wado_rs_urls(self) -> tuple[str, ...]:
        """Where WADO-RS retrieves them."""
        return self._each("WADORSRetrievalSequence", "RetrieveURL")

    @property
    def identifier(self) -> Dataset:
        """What a C-MOVE or C-GET of the study root is to retrieve: `Scu.move`, `Scu.get`."""
        made = Dataset()
        made.QueryRetrieveLevel = "IMAGE"
        made.StudyInstanceUID, made.SeriesInstanceUID = self.study_uid, self.series_uid
        made.SOPInstanceUID = [uid for _, uid in self.references]
        return made

    def _each(self, sequence: str, keyword: str) -> tuple[str, ...]:
        found = (text_in(item, keyword) for item in items_in(self.dataset, sequence))
        return tuple(filter(None, found))

    def _pairs(self, sequence: str, first: str, second: str) -> tuple[tuple[str, str], ...]:
        items = items_in(self.dataset, sequence)
        return tuple((text_in(item, first), text_in(item, second)) for item in items)

    def __repr__(self) -> str:
        return f"InputView({self.references!a} at {self.retrieve_aes!a})"


@dataclass(frozen=True, slots=True)
class UpsEvent:
    """Something has happened to a workitem, or to the manager (PS3.4 section CC.2.4).

    It is a hint: what counts is what `UpsScu.get` tells.

    Attributes
    ----------
    type : EventType
        What kind of event it is.
    uid : str
        SOP Instance UID of the workitem; of an SCP Status Change, that of all.
    dataset : pydicom.dataset.Dataset
        Event Information.
    manager : str
        Calling AE title of who has reported it.

    Notes
    -----
    What an event of its type does not tell is ``None``, "" or empty.
    """

    type: EventType
    uid: str
    dataset: Dataset
    manager: str = ""

    @property
    def state(self) -> State | None:
        """Procedure Step State, of a State Report."""
        return member_in(State, self.dataset, "ProcedureStepState")

    @property
    def readiness(self) -> InputReadiness | None:
        """Input Readiness State, of a State Report."""
        return member_in(InputReadiness, self.dataset, "InputReadinessState")

    @property
    def reason(self) -> str:
        """Reason for Cancellation, in words; of a State Report or Cancel Requested."""
        return text_in(self.dataset, "ReasonForCancellation")

    @property
    def reason_codes(self) -> tuple[Code, ...]:
        """The same, as codes."""
        return codes_in(self.dataset, "ProcedureStepDiscontinuationReasonCodeSequence")

    @property
    def requesting_ae(self) -> str:
        """AE title of who asks for the cancellation, of Cancel Requested."""
        return text_in(self.dataset, "RequestingAE")

    @property
    def contact_uri(self) -> str:
        """How to reach who asks for the cancellation, or who performs the workitem."""
        return text_in(self._contact, "ContactURI")

    @property
    def contact_name(self) -> str:
        """Who that is."""
        return text_in(self._contact, "ContactDisplayName")

    @property
    def progress(self) -> float | None:
        """Procedure Step Progress in percent, of a Progress Report."""
        return number_in(self._progress, "ProcedureStepProgress")

    @property
    def progress_description(self) -> str:
        """Procedure Step Progress Description, of a Progress Report."""
        return text_in(self._progress, "ProcedureStepProgressDescription")

    @property
    def stations(self) -> tuple[Code, ...]:
        """Where it is scheduled, of Assigned."""
        return codes_in(self.dataset, "ScheduledStationNameCodeSequence")

    @property
    def performers(self) -> tuple[Code, ...]:
        """For whom it is scheduled, of Assigned."""
        return codes_in(self.dataset, "HumanPerformerCodeSequence")

    @property
    def organization(self) -> str:
        """Human Performer's Organization, of Assigned."""
        return text_in(self.dataset, "HumanPerformerOrganization")

    @property
    def scp_status(self) -> ScpStatus | None:
        """Whether the manager has started or stops, of an SCP Status Change."""
        return member_in(ScpStatus, self.dataset, "SCPStatus")

    @property
    def subscriptions(self) -> ScpStatus | None:
        """Whether the subscriptions have outlived that: WARM START or COLD START."""
        return member_in(ScpStatus, self.dataset, "SubscriptionListStatus")

    @property
    def worklist(self) -> ScpStatus | None:
        """Whether the workitems have outlived that: WARM START or COLD START."""
        return member_in(ScpStatus, self.dataset, "UnifiedProcedureStepListStatus")

    @property
    def _progress(self) -> Dataset:
        return first_item(self.dataset, "ProcedureStepProgressInformationSequence")

    @property
    def _contact(self) -> Dataset:
        if self.type is EventType.PROGRESS_REPORT:
            return first_item(self._progress, "ProcedureStepCommunicationsURISequence")
        return self.dataset

    def __repr__(self) -> str:
        return f"UpsEvent({self.type.name}, {self.uid!a}, {self.state})"


def text_in(dataset: Dataset, keyword: str) -> str:
    """Read a text, several of them with a backslash between; "" if there is none."""
    value = _value(dataset, keyword)
    if isinstance(value, MultiValue):
        return "\\".join(map(str, value))
    return "" if value is None else str(value).strip()


def number_in(dataset: Dataset, keyword: str) -> float | None:
    """Read a number; `None` if there is none."""
    try:
        return float(text_in(dataset, keyword))
    except ValueError:
        return None


def member_in(kind: type[_Member], dataset: Dataset, keyword: str) -> _Member | None:
    """Read an enumerated value; `None` if there is none that is defined."""
    try:
        return kind(text_in(dataset, keyword))
    except ValueError:
        return None


def items_in(dataset: Dataset, keyword: str) -> list[Dataset]:
    """Read the items of a sequence."""
    value = _value(dataset, keyword)
    return list(value) if isinstance(value, Sequence) else []


def first_item(dataset: Dataset, keyword: str) -> Dataset:
    """Read the first item of a sequence; an empty one if there is none."""
    items = items_in(dataset, keyword)
    return items[0] if items else Dataset()


def codes_in(dataset: Dataset, keyword: str) -> tuple[Code, ...]:
    """Read a code sequence."""
    return tuple(map(code_of, items_in(dataset, keyword)))


def code_of(item: Dataset) -> Code:
    """Read an item of a code sequence (PS3.3 Table 8.8-1)."""
    values = (text_in(item, each) for each in ("CodeValue", "LongCodeValue", "URNCodeValue"))
    rest = ("CodingSchemeDesignator", "CodeMeaning", "CodingSchemeVersion")
    designator, meaning, version = (text_in(item, each) for each in rest)
    return Code(next(filter(None, values), ""), designator, meaning, version or None)


def _parameter(item: Dataset) -> ParameterValue:
    """Read the value of a content item (PS3.3 Table 10-2)."""
    kind = text_in(item, "ValueType")
    if kind == "NUMERIC":
        return number_in(item, "NumericValue")
    if kind == "CODE":
        return next(iter(codes_in(item, "ConceptCodeSequence")), None)
    return text_in(item, _TEXTS[kind]) if kind in _TEXTS else None


def _value(dataset: Dataset, keyword: str) -> object:
    # pydicom converts at the access, and what a peer sends as a value may be anything.
    try:
        return dataset.get(keyword)
    except Exception:  # noqa: BLE001 - pydicom raises whatever comes up where a value does not fit
        return None
