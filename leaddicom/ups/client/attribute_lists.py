"""The data sets of requests as the standard wants them (PS3.4 section CC.2.5).

An attribute list or modification list has no attributes but those that its service allows, in
the value representations of the data dictionary.  What is wrong is said before anything is sent.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from leaddicom.errors import ParameterError
from leaddicom.ups.core.attributes import ATTRIBUTES
from leaddicom.ups.core.character_sets import character_set, settle
from leaddicom.ups.core.received import clean_copy
from leaddicom.ups.core.terms import State

__all__ = ["checked", "creation_list", "fill_in", "modification_list"]

#: Set by the manager, or told by the command set: they may be in a file that is sent.
_NOT_SENT = ("SOPClassUID", "SOPInstanceUID", "ScheduledProcedureStepModificationDateTime")

#: Empty until a workitem is claimed and performed (PS3.4 Table CC.2.5-3).
_EMPTY = (
    "TransactionUID",
    "ProcedureStepProgressInformationSequence",
    "UnifiedProcedureStepPerformedProcedureSequence",
)


def creation_list(dataset: Dataset) -> Dataset:
    """Give the Attribute List of an N-CREATE.

    SOP UIDs are left out, Procedure Step State is SCHEDULED, and attributes of Type 2 that are
    not there are added without value, which some managers insist on.

    Parameters
    ----------
    dataset : pydicom.dataset.Dataset
        A workitem, of which a copy is made.

    Raises
    ------
    ParameterError
        It lacks a value that it needs, or has one that it must not have.
    """
    made = _copied(dataset)
    for keyword in _NOT_SENT:
        made.pop(keyword, None)
    made.ProcedureStepState = made.get("ProcedureStepState") or State.SCHEDULED.value
    if made.ProcedureStepState != State.SCHEDULED:
        raise ParameterError(
            "A workitem is created as SCHEDULED (ProcedureStepState); claim it when it is there."
        )
    filled = [each for each in _EMPTY if each in made and not made[each].is_empty]
    if filled:
        raise ParameterError(
            f"{_listed(filled)} must be empty in a new workitem: they come when it is performed."
        )
    missing = [
        each.keyword
        for each in ATTRIBUTES
        if each.n_create == "1/1" and (each.tag not in made or made[each.tag].is_empty)
    ]
    if missing:
        raise ParameterError(f"A workitem needs a value of {_listed(missing)}.")
    return _settled(fill_in(made))


def fill_in(dataset: Dataset) -> Dataset:
    """Add the attributes of Type 2 that a new workitem lacks, without value; give `dataset`."""
    for each in ATTRIBUTES:
        if each.n_create.startswith("2/") and each.tag not in dataset:
            dataset.add_new(each.tag, each.vr, [] if each.vr == "SQ" else None)
    return dataset


def modification_list(dataset: Dataset, transaction_uid: str = "") -> Dataset:
    """Give the Modification List of an N-SET.

    Parameters
    ----------
    dataset : pydicom.dataset.Dataset
        What is to be changed, of which a copy is made.
    transaction_uid : str
        What the workitem is locked with; "" for one that is not claimed yet.

    Raises
    ------
    ParameterError
        It has attributes that an N-SET cannot change.
    """
    made = _copied(dataset)
    made.pop("TransactionUID", None)
    forbidden = [
        each.keyword
        for each in ATTRIBUTES
        if each.tag in made and (each.n_set == "NA" or each.keyword in _NOT_SENT)
    ]
    if forbidden:
        raise ParameterError(
            f"{_listed(forbidden)} cannot be modified (PS3.4 Table CC.2.5-3); the state changes "
            "by claim, complete and cancel."
        )
    if transaction_uid:
        made.TransactionUID = transaction_uid
    return _settled(made)


def checked(dataset: Dataset) -> Dataset:
    """Give a copy of any other data set that is fit to be sent.

    Raises
    ------
    ParameterError
        An attribute has another VR than in the data dictionary.
    """
    return _settled(_copied(dataset))


def _settled(dataset: Dataset) -> Dataset:
    """Have a character set declared that all texts can be written in."""
    settle(dataset, character_set(dataset))
    return dataset


def _copied(dataset: Dataset) -> Dataset:
    """Copy a data set with the VRs of the data dictionary, as far as values can be read as such.

    Parts of it may be what a manager has sent, in another character set and in whatever VRs.
    """
    made, findings = clean_copy(dataset)
    if findings:
        raise ParameterError("; ".join(each.text for each in findings) + ".")
    for element in _walk(made):
        tag = element.tag
        if not tag.is_private and dictionary_has_tag(tag):
            allowed = dictionary_VR(tag)
            if element.VR not in allowed.split(" or "):
                raise ParameterError(
                    f"{element.keyword} has the value representation {element.VR}, but is "
                    f"{allowed} (PS3.6)."
                )
    return made


def _walk(dataset: Dataset) -> Iterator[DataElement]:
    for element in dataset:
        yield element
        for item in element.value if element.VR == "SQ" else ():
            yield from _walk(item)


def _listed(keywords: list[str]) -> str:
    *others, last = keywords
    return f"{', '.join(others)} and {last}" if others else last
