"""A folder of DICOM files by study and series, into which a storage SCP files what it gets."""

from __future__ import annotations

import os
import re
from pathlib import Path

from leaddicom.dataset import LDicomDS
from leaddicom.dimse.sink import flush_folder
from leaddicom.errors import DataSetError, DicomErrorCode

__all__ = ["Archive"]

_SOP_CLASS, _SOP_INSTANCE = 0x00080016, 0x00080018
_STUDY, _SERIES = 0x0020000D, 0x0020000E

_NAMES = {
    _SOP_INSTANCE: "SOP Instance UID (0008,0018)",
    _STUDY: "Study Instance UID (0020,000D)",
    _SERIES: "Series Instance UID (0020,000E)",
}

#: PS3.5 section 9.1, except that components may begin with 0: real archives are full of them,
#: and as names of files they do no harm.
_UID = re.compile(r"[0-9]+(\.[0-9]+)*", re.ASCII)
_UID_LENGTH = 64


class Archive:
    """Files instances as ``folder/StudyUID/SeriesUID/SOPInstanceUID.dcm``.

    May be used by any number of threads at once.

    Parameters
    ----------
    folder : path-like
        Where the studies go; made with the first instance if it is not there.
    durable : bool
        Whether file and folders are flushed to the disk before `store` returns.
    """

    def __init__(self, folder: str | os.PathLike[str], durable: bool = False) -> None:
        self._folder = Path(os.path.abspath(folder))
        self._durable = durable

    def store(self, dataset: LDicomDS) -> Path:
        """File an instance.

        The file appears under its name complete or not at all, and replaces an earlier one of
        the same instance.  Its data set is, byte for byte, what was received.

        Parameters
        ----------
        dataset : LDicomDS
            The instance.  If it is in a temporary file, that is where it was filed from then on.

        Returns
        -------
        pathlib.Path
            The file.

        Raises
        ------
        DataSetError
            If a UID is missing or is none, if SOP class or instance are not those of the
            request, or if the file cannot be written.  Nothing is left behind then.
        """
        uids = dataset.read_uids(_SOP_CLASS, _SOP_INSTANCE, _STUDY, _SERIES)
        for tag, name in _NAMES.items():
            _check_uid(uids[tag], name)
        _check_same(dataset.sop_class_uid, uids[_SOP_CLASS], "SOP class")
        _check_same(dataset.sop_instance_uid, uids[_SOP_INSTANCE], "SOP instance")
        study = self._folder / uids[_STUDY]
        series = study / uids[_SERIES]
        try:
            series.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise _not_stored(series, exc) from exc
        target = series / f"{uids[_SOP_INSTANCE]}.dcm"
        dataset.save(target, self._durable)
        if self._durable:
            # The folders may be new; even if not by this thread, they must be on the disk.
            for folder in (study, self._folder):
                _flush(folder)
        return target


def _check_uid(uid: str, name: str) -> None:
    if not uid:
        raise DataSetError(
            DicomErrorCode.PARAMETER,
            f"The instance cannot be filed: it has no {name}.",
        )
    if len(uid) > _UID_LENGTH or not _UID.fullmatch(uid):
        raise DataSetError(
            DicomErrorCode.PARAMETER,
            f"The instance cannot be filed: its {name} is {uid[:80]!a}, which is no UID "
            "(PS3.5 section 9.1).",
        )


def _check_same(requested: str, found: str, what: str) -> None:
    if requested != found:
        raise DataSetError(
            DicomErrorCode.PARAMETER,
            f"The instance cannot be filed: the request or the file names {what} "
            f"{requested[:80]!a}, but the data set has {found[:80]!a}.",
        )


def _flush(folder: Path) -> None:
    try:
        flush_folder(folder)
    except OSError as exc:
        raise _not_stored(folder, exc) from exc


def _not_stored(folder: Path, exc: OSError) -> DataSetError:
    return DataSetError(
        DicomErrorCode.WRITE,
        f"The instance cannot be filed in {str(folder)!r}: {exc.strerror}; see to the archive's "
        "folder.",
    )
