"""The information models of Query/Retrieve, and the presentation contexts of their SCPs."""

from __future__ import annotations

from collections.abc import Mapping

from leaddicom.contexts import (
    MODALITY_WORKLIST,
    PATIENT_ROOT,
    STORAGE,
    STUDY_ROOT,
    QueryModel,
    supported,
)
from leaddicom.upper_layer.negotiation import SupportedContext

__all__ = ["LEVELS", "UNIQUE_KEYS", "find_contexts", "model_of", "retrieve_contexts"]

#: The unique key of each level, the highest level first (PS3.4 section C.6.1.1).
UNIQUE_KEYS: Mapping[str, int] = {
    "PATIENT": 0x00100020,
    "STUDY": 0x0020000D,
    "SERIES": 0x0020000E,
    "IMAGE": 0x00080018,
}

#: The values of Query/Retrieve Level (0008,0052) of the models that have levels.
LEVELS: Mapping[QueryModel, tuple[str, ...]] = {
    PATIENT_ROOT: tuple(UNIQUE_KEYS),
    STUDY_ROOT: tuple(UNIQUE_KEYS)[1:],
}

_MODELS: Mapping[str, QueryModel] = {
    sop_class: model
    for model in (PATIENT_ROOT, STUDY_ROOT, MODALITY_WORKLIST)
    for sop_class in (model.find, model.move, model.get)
    if sop_class
}


def model_of(sop_class_uid: str) -> QueryModel | None:
    """Give the information model to which a SOP class belongs; `None` for unknown ones."""
    return _MODELS.get(sop_class_uid)


def find_contexts(*models: QueryModel) -> tuple[SupportedContext, ...]:
    """Give what an SCP supports that finds in these models (C-FIND).

    Parameters
    ----------
    *models : QueryModel
        `PATIENT_ROOT`, `STUDY_ROOT`, `MODALITY_WORKLIST` or others.
    """
    return supported(model.find for model in models)


def retrieve_contexts(*models: QueryModel) -> tuple[SupportedContext, ...]:
    """Give what an SCP supports that retrieves in these models (C-MOVE and C-GET).

    Parameters
    ----------
    *models : QueryModel
        `PATIENT_ROOT`, `STUDY_ROOT` or others.

    Returns
    -------
    tuple of SupportedContext
        Among them the storage SOP classes, for which the requestor may be the SCP: that is how
        the instances of a C-GET come to it (PS3.4 section C.5.3).
    """
    sop_classes = [each for model in models for each in (model.move, model.get) if each]
    storage = (
        SupportedContext(each.abstract_syntax, each.transfer_syntaxes, scu=True, scp=True)
        for each in STORAGE
    )
    return (*supported(sop_classes), *storage)
