"""Workitems in DICOM files."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING

from leaddicom.dataset import LDicomDS
from leaddicom.errors import DicomErrorCode, ParameterError
from leaddicom.ups.core.terms import SopClass
from leaddicom.values import is_uid

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["save"]


def save(dataset: Dataset, path: Path, uid: str, *, overwrite: bool) -> None:
    """Write the attributes of a workitem to a DICOM file.

    Parameters
    ----------
    dataset : pydicom.dataset.Dataset
        The attributes, with or without SOP UIDs.
    path : Path
        The file; its folder is made if it is not there.
    uid : str
        SOP Instance UID of the workitem.
    overwrite : bool
        Whether a file that is there is replaced.

    Raises
    ------
    ParameterError
        There is one.
    DataSetError
        It cannot be written.
    """
    if path.exists() and not overwrite:
        raise ParameterError(
            f"{path} is there already: name another place, or add --overwrite to replace it.",
            DicomErrorCode.WRITE,
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    made = copy.copy(dataset)
    made.SOPClassUID = SopClass.PUSH.value
    if is_uid(uid):
        made.SOPInstanceUID = uid
    LDicomDS(made).save(path)
