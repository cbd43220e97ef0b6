"""Identifiers and workitems for the tests of matching, of any value that a peer might send."""

from __future__ import annotations

from typing import Any

from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from leaddicom.ups.core.findings import Finding
from leaddicom.ups.core.matching import Identifier, check_identifier
from leaddicom.ups.core.workitem import Workitem

UID = "1.2.826.0.1.3680043.8.498.1"


def of(**elements: Any) -> Dataset:
    """A data set; whether the values are valid is nobody's concern."""
    dataset = Dataset()
    for keyword, value in elements.items():
        tag = tag_for_keyword(keyword)
        assert tag is not None
        dataset.add(DataElement(tag, dictionary_VR(tag), value, validation_mode=IGNORE))
    return dataset


def at(path: str, value: Any) -> Dataset:
    """A data set with one value: ``"ReferencedRequestSequence AccessionNumber"`` is nested."""
    first, *inner = path.split()
    return of(**{first: [at(" ".join(inner), value)] if inner else value})


def asked(identifier: Dataset) -> Identifier:
    found = check_identifier(identifier)
    assert isinstance(found, Identifier)
    return found


def refused(identifier: Dataset) -> Finding:
    found = check_identifier(identifier)
    assert isinstance(found, Finding)
    return found


def workitem(dataset: Dataset) -> Workitem:
    dataset.SOPInstanceUID = UID
    if "ProcedureStepState" not in dataset:
        dataset.ProcedureStepState = "SCHEDULED"
    return Workitem(UID, dataset)
