"""What to look for in a worklist: the identifier of a C-FIND (PS3.4 section CC.2.8)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset

from leaddicom.errors import ParameterError
from leaddicom.ups.client.builders import CodeLike, Moment, code_keyword, moment_text
from leaddicom.ups.core.attributes import ATTRIBUTES

__all__ = ["RETURNED", "CodeKey", "Period", "query"]

#: A point in time, or two of them; `None` leaves an end open.
Period = Moment | tuple[Moment | None, Moment | None]

#: A code to look for: the value alone, the value and its designator, or a whole code.
CodeKey = str | tuple[str, str] | CodeLike

#: What comes back of every match: all that the standard wants a manager to return.
RETURNED: tuple[str, ...] = tuple(
    each.keyword for each in ATTRIBUTES if each.returned in ("1", "2", "2C")
)

_REQUEST = "ReferencedRequestSequence"


def query(
    *,
    uid: str | Iterable[str] | None = None,
    state: str | None = None,
    priority: str | None = None,
    readiness: str | None = None,
    label: str | None = None,
    worklist_label: str | None = None,
    start: Period | None = None,
    expected_completion: Period | None = None,
    station: CodeKey | None = None,
    station_class: CodeKey | None = None,
    location: CodeKey | None = None,
    code: CodeKey | None = None,
    performer: CodeKey | None = None,
    patient_id: str | None = None,
    issuer_of_patient_id: str | None = None,
    patient_name: str | None = None,
    birth_date: str | None = None,
    sex: str | None = None,
    admission_id: str | None = None,
    accession_number: str | None = None,
    requested_procedure_id: str | None = None,
    requesting_service: str | None = None,
    replaced_uid: str | None = None,
    study_uid: str | None = None,
    keys: Dataset | None = None,
    returned: Iterable[str] = RETURNED,
) -> Dataset:
    """Make the identifier of a query.

    What is not named matches everything.  Texts may have the wildcards ``*`` and ``?``, but for
    `state`, `priority`, `readiness`, UIDs and codes.

    Parameters
    ----------
    uid : str or iterable of str, optional
        Of the workitem, or of several.
    state, priority, readiness : str, optional
        As in `State`, `Priority` and `InputReadiness`.
    label, worklist_label : str, optional
        What is to be done, and on which list it is.
    start, expected_completion : datetime, str or tuple of them, optional
        When: a point in time, or from when until when, with `None` for an open end.
    station, station_class, location : str, Code or tuple of str, optional
        Where it is scheduled.
    code : str, Code or tuple of str, optional
        What kind of work it is.
    performer : str, Code or tuple of str, optional
        For whom it is scheduled.
    patient_id, issuer_of_patient_id, patient_name, birth_date, sex, admission_id : str, optional
        Of whom.
    accession_number, requested_procedure_id, requesting_service : str, optional
        Of the order behind it.
    replaced_uid : str, optional
        Of the procedure step that it replaces.
    study_uid : str, optional
        Of the study that it contributes to.
    keys : pydicom.dataset.Dataset, optional
        Further keys.
    returned : iterable of str
        Keywords of what comes back with each match beside the keys.

    Raises
    ------
    ParameterError
        A keyword is not in the data dictionary.

    Examples
    --------
    What is to be done at a machine from today on:

    >>> from datetime import datetime
    >>> from leaddicom.ups.client import query
    >>> keys = query(state="SCHEDULED", station="LINAC1", start=(datetime.now(), None))
    """
    identifier = Dataset()
    for keyword in returned:
        _return(identifier, keyword)
    values = {
        "SOPInstanceUID": uid if uid is None or isinstance(uid, str) else list(uid),
        "ProcedureStepState": state,
        "ScheduledProcedureStepPriority": priority,
        "InputReadinessState": readiness,
        "ProcedureStepLabel": label,
        "WorklistLabel": worklist_label,
        "ScheduledProcedureStepStartDateTime": _period(start),
        "ExpectedCompletionDateTime": _period(expected_completion),
        "ScheduledStationNameCodeSequence": _code(station),
        "ScheduledStationClassCodeSequence": _code(station_class),
        "ScheduledStationGeographicLocationCodeSequence": _code(location),
        "ScheduledWorkitemCodeSequence": _code(code),
        "ScheduledHumanPerformersSequence": _items(HumanPerformerCodeSequence=_code(performer)),
        "PatientID": patient_id,
        "IssuerOfPatientID": issuer_of_patient_id,
        "PatientName": patient_name,
        "PatientBirthDate": birth_date,
        "PatientSex": sex,
        "AdmissionID": admission_id,
        _REQUEST: _items(
            AccessionNumber=accession_number,
            RequestedProcedureID=requested_procedure_id,
            RequestingService=requesting_service,
        ),
        "ReplacedProcedureStepSequence": _items(ReferencedSOPInstanceUID=replaced_uid),
        "StudyInstanceUID": study_uid,
    }
    for keyword, value in values.items():
        if value is not None:
            setattr(identifier, keyword, str(value) if isinstance(value, str) else value)
    if keys is not None:
        identifier.update(keys)
    return identifier


def _return(identifier: Dataset, keyword: str) -> None:
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise ParameterError(f"The data dictionary has no attribute {keyword!a}.")
    vr = dictionary_VR(tag)
    identifier.add_new(tag, vr, [] if vr == "SQ" else None)


def _period(period: Period | None) -> str | None:
    if not isinstance(period, tuple):
        return None if period is None else moment_text(period)
    first, last = ("" if each is None else moment_text(each) for each in period)
    return f"{first}-{last}"


def _code(code: CodeKey | None) -> list[Dataset] | None:
    """Make the item of a code key; the meaning is none (PS3.4 section CC.2.8.1), but comes back."""
    if code is None:
        return None
    value, designator = (code, "") if isinstance(code, str) else code[:2]
    item = Dataset()
    setattr(item, code_keyword(value), value)
    item.CodingSchemeDesignator, item.CodeMeaning = designator, ""
    return [item]


def _items(**values: Any) -> list[Dataset] | None:
    """Make an item of the keys that have a value; `None` if there is none."""
    item = Dataset()
    for keyword, value in values.items():
        if value is not None:
            setattr(item, keyword, value)
    return [item] if item else None
