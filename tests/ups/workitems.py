"""Data sets of requests about workitems, written out as the standard wants them.

They are made without the package's own builders, which so are not tested with themselves.
"""

from __future__ import annotations

from typing import Any

from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

GLOBAL, FILTERED = "1.2.840.10008.5.1.4.34.5", "1.2.840.10008.5.1.4.34.5.1"

#: Attributes of Type 2 of an N-CREATE (PS3.4 Table CC.2.5-3) that are empty here.
_EMPTY_TEXTS = (
    "TransactionUID",
    "CommentsOnTheScheduledProcedureStep",
    "IssuerOfPatientID",
    "AdmissionID",
    "AdmittingDiagnosesDescription",
)
_EMPTY_SEQUENCES = (
    "ScheduledProcessingParametersSequence",
    "ScheduledStationNameCodeSequence",
    "ScheduledStationClassCodeSequence",
    "ScheduledStationGeographicLocationCodeSequence",
    "InputInformationSequence",
    "IssuerOfPatientIDQualifiersSequence",
    "OtherPatientIDsSequence",
    "IssuerOfAdmissionIDSequence",
    "AdmittingDiagnosesCodeSequence",
    "ReferencedRequestSequence",
    "ProcedureStepProgressInformationSequence",
    "UnifiedProcedureStepPerformedProcedureSequence",
)


def new_uid() -> str:
    return str(generate_uid())


def data_set(**elements: Any) -> Dataset:
    """A data set; its values may be any, as those of peers may."""
    dataset = Dataset()
    for keyword, value in elements.items():
        tag = tag_for_keyword(keyword)
        assert tag is not None, keyword
        element = DataElement(tag, dictionary_VR(tag), value, validation_mode=IGNORE)
        dataset.add(element)
    return dataset


def code(value: str, designator: str = "99TEST", meaning: str = "A meaning") -> Dataset:
    return data_set(CodeValue=value, CodingSchemeDesignator=designator, CodeMeaning=meaning)


def workitem(**changes: Any) -> Dataset:
    """The Attribute List of an N-CREATE with every attribute of Type 1 and 2.

    `changes` replace attributes; `None` takes one away.
    """
    elements: dict[str, Any] = dict.fromkeys(_EMPTY_TEXTS, "")
    elements |= {each: [] for each in _EMPTY_SEQUENCES}
    elements |= {
        "ProcedureStepState": "SCHEDULED",
        "InputReadinessState": "READY",
        "ScheduledProcedureStepPriority": "MEDIUM",
        "ProcedureStepLabel": "Treatment",
        "WorklistLabel": "Linac",
        "ScheduledProcedureStepStartDateTime": "20300401100000",
        "ScheduledWorkitemCodeSequence": [code("121726", "DCM", "RT Treatment")],
        "StudyInstanceUID": "1.2.826.0.1.3680043.8.498.1",
        "PatientName": "Doe^Jane",
        "PatientID": "4711",
        "PatientBirthDate": "19700101",
        "PatientSex": "F",
    }
    elements |= changes
    return data_set(**{each: value for each, value in elements.items() if value is not None})


def state(name: str, transaction_uid: str | None = None) -> Dataset:
    """The Action Information of Change UPS State."""
    information = data_set(ProcedureStepState=name)
    if transaction_uid is not None:
        information.TransactionUID = transaction_uid
    return information


def reason(text: str = "Machine down") -> Dataset:
    """The Action Information of Request UPS Cancel."""
    return data_set(
        ReasonForCancellation=text,
        ProcedureStepDiscontinuationReasonCodeSequence=[code("110501", "DCM", "Equipment failure")],
        ContactURI="tel:4711",
        ContactDisplayName="The desk",
    )


def subscription(receiving_ae: str, lock: str | None = None, **keys: Any) -> Dataset:
    """The Action Information of the three actions on subscriptions."""
    information = data_set(ReceivingAE=receiving_ae, **keys)
    if lock is not None:
        information.DeletionLock = lock
    return information


def progress(transaction_uid: str, percent: str = "50") -> Dataset:
    """The Modification List of an N-SET that reports progress."""
    item = data_set(ProcedureStepProgress=percent, ProcedureStepProgressDescription="Beam 1")
    return data_set(TransactionUID=transaction_uid, ProcedureStepProgressInformationSequence=[item])


def performed(transaction_uid: str) -> Dataset:
    """The Modification List of an N-SET with what a COMPLETED workitem needs."""
    item = data_set(
        PerformedStationNameCodeSequence=[code("LINAC1")],
        PerformedWorkitemCodeSequence=[code("121726", "DCM", "RT Treatment")],
        PerformedProcedureStepStartDateTime="20300401100000",
        PerformedProcedureStepEndDateTime="20300401101500",
        OutputInformationSequence=[],
    )
    return data_set(
        TransactionUID=transaction_uid, UnifiedProcedureStepPerformedProcedureSequence=[item]
    )
