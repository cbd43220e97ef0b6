"""The instances in files and folders, grouped into associations."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator

from pydicom.uid import MediaStorageDirectoryStorage

from leaddicom.contexts import UNCOMPRESSED
from leaddicom.dataset import LDicomDS
from leaddicom.decoding import NATIVE
from leaddicom.errors import DataSetError
from leaddicom.limits import Limits
from leaddicom.scu.results import StoreIssue, StoreResult
from leaddicom.upper_layer.negotiation import SupportedContext
from leaddicom.values import is_uid

__all__ = ["CONTEXTS", "Batch", "Instance", "Paths", "batches", "find_instances"]

Path = str | os.PathLike[str]

_SOP_CLASS, _SOP_INSTANCE = 0x00080016, 0x00080018

#: Presentation context identifiers are odd and one byte long (PS3.8 section 9.3.2.2).
CONTEXTS = 128


class Instance:
    """An instance in a file, of which only the beginning has been read.

    Attributes
    ----------
    path : str
        The file, as the caller knows it; of a data set that is in none, its SOP instance.
    dataset : LDicomDS
        Its data set, not decoded.
    sop_class_uid, sop_instance_uid : str
        From the data set, of which a request has to name them (PS3.7 section 9.1.1.1); where
        it has none, from the File Meta Information.
    """

    __slots__ = ("dataset", "path", "sop_class_uid", "sop_instance_uid")

    def __init__(self, path: str, dataset: LDicomDS) -> None:
        uids = dataset.read_uids(_SOP_CLASS, _SOP_INSTANCE)
        self.path = path
        self.dataset = dataset
        self.sop_class_uid = sys.intern(uids[_SOP_CLASS] or dataset.sop_class_uid)
        self.sop_instance_uid = uids[_SOP_INSTANCE] or dataset.sop_instance_uid

    def syntaxes(self) -> tuple[str, ...]:
        """Give the transfer syntaxes in which it can be sent, best first."""
        own = self.dataset.transfer_syntax_uid
        return (own, *UNCOMPRESSED) if own in NATIVE else (own,)


#: What is to be stored: files, folders, data sets, and instances that were found before.
Paths = Path | Iterable[Path | LDicomDS | Instance]


class Batch:
    """Instances that go over one association.

    Attributes
    ----------
    instances : list of Instance
        In the order in which they were found.
    """

    def __init__(self) -> None:
        self.instances: list[Instance] = []
        self._syntaxes: dict[str, list[str]] = {}
        self._count = 0

    def add(self, instance: Instance) -> bool:
        """Take an instance, unless its presentation contexts have no room any more."""
        sop_class, syntax = instance.sop_class_uid, instance.dataset.transfer_syntax_uid
        known = self._syntaxes.get(sop_class, [])
        if syntax not in known:
            more = [*known, syntax]
            grown = len(_contexts(sop_class, more)) - len(_contexts(sop_class, known))
            if self._count + grown > CONTEXTS:
                return False
            self._syntaxes[sop_class] = more
            self._count += grown
        self.instances.append(instance)
        return True

    def contexts(self) -> list[SupportedContext]:
        """Give the presentation contexts to offer.

        There is one for each SOP class and transfer syntax, so that everything can go as it is,
        and one with those that DICOM applications have in common for what can be re-encoded.
        """
        return [
            context
            for sop_class, syntaxes in self._syntaxes.items()
            for context in _contexts(sop_class, syntaxes)
        ]


def _contexts(sop_class: str, syntaxes: list[str]) -> list[SupportedContext]:
    contexts: list[SupportedContext] = [
        SupportedContext(sop_class, (syntax,)) for syntax in syntaxes
    ]
    others = tuple(syntax for syntax in UNCOMPRESSED if syntax not in syntaxes)
    if others and not NATIVE.isdisjoint(syntaxes):
        contexts.append(SupportedContext(sop_class, others))
    return contexts


def batches(instances: Iterable[Instance]) -> list[Batch]:
    """Distribute instances over as few associations as their presentation contexts need."""
    made: list[Batch] = []
    for instance in instances:
        if not any(batch.add(instance) for batch in made):
            made.append(Batch())
            made[-1].add(instance)
    return made


def find_instances(paths: Paths, limits: Limits, result: StoreResult) -> Iterator[Instance]:
    """Read the header of every file, and give the ones that are instances.

    Parameters
    ----------
    paths : path-like, or iterable of path-like, LDicomDS and Instance
        Files, folders that are walked in alphabetical order, data sets, and what an earlier
        call has found.
    limits : Limits
        What reading a header may cost.
    result : StoreResult
        Where the others are noted: named files as failed, files from folders as skipped.
    """
    for each, is_named in _sources([paths] if isinstance(paths, (str, os.PathLike)) else paths):
        if isinstance(each, Instance):
            yield each
            continue
        others = result.failed if is_named else result.skipped
        name = each if isinstance(each, str) else each.path or each.sop_instance_uid
        try:
            dataset = _read(each, limits) if isinstance(each, str) else each
            if dataset.sop_class_uid == MediaStorageDirectoryStorage:
                others = result.skipped
                raise _NoInstance("it is a DICOMDIR, which is not stored (PS3.4 Annex B)")
            instance = Instance(name, dataset)
            _check(instance)
        except (_NoInstance, DataSetError) as problem:
            others.append(StoreIssue(name, str(problem)))
        else:
            yield instance


def _read(path: str, limits: Limits) -> LDicomDS:
    if not os.path.isfile(path):
        raise _NoInstance("it is no file" if os.path.lexists(path) else "there is no such file")
    return LDicomDS.from_file(path, limits=limits)


class _NoInstance(Exception):
    """A file cannot be stored; the text says why."""


def _check(instance: Instance) -> None:
    """Refuse what has no place in a C-STORE request."""
    if not (instance.sop_class_uid and instance.sop_instance_uid):
        raise _NoInstance("it has no SOP Class UID or no SOP Instance UID")
    for uid in (instance.sop_class_uid, instance.dataset.transfer_syntax_uid):
        if not is_uid(uid):
            raise _NoInstance(f"{uid!a} is no UID (PS3.5 section 9.1)")


def _sources(
    paths: Iterable[Path | LDicomDS | Instance],
) -> Iterator[tuple[str | LDicomDS | Instance, bool]]:
    """Give files and data sets, and whether they were named or found in a folder."""
    for each in paths:
        if isinstance(each, (LDicomDS, Instance)):
            yield each, True
            continue
        path = os.fspath(each)
        if not os.path.isdir(path):
            yield path, True
            continue
        for folder, folders, names in os.walk(path):
            folders.sort()
            for name in sorted(names):
                yield os.path.join(folder, name), False
