"""Looking for workitems: the store narrows, the matcher decides."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import tzinfo

from leaddicom.ups.core.matching import Identifier, matches
from leaddicom.ups.core.search import search_keys
from leaddicom.ups.core.workitem import Workitem
from leaddicom.ups.store import Candidate, Reader

__all__ = ["Verdicts", "judge", "search", "uids_of_matches"]

#: Whether the workitem of a UID, in a version, matches.
Verdicts = Mapping[tuple[str, int], bool]

#: Workitems that are read at a time: enough to be quick, and few enough that neither memory nor a
#: snapshot of the database is held for long while a client reads slowly.
_PAGE = 100


def search(
    reading: Callable[[], AbstractContextManager[Reader]],
    identifier: Identifier,
    zone: tzinfo,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Workitem]:
    """Give the workitems that match, ordered by their start.

    Parameters
    ----------
    reading : Callable[[], AbstractContextManager[Reader]]
        Opens a snapshot of the store, for one page.
    identifier : Identifier
        What to look for.
    zone : tzinfo
        Of date times that say nothing about it.
    is_cancelled : Callable[[], bool]
        Whether nobody wants the rest; asked before each page.

    Yields
    ------
    Workitem
        Each once, as it was when its page was read.
    """
    given = set[str]()
    for workitem in _candidates(reading, identifier, zone, is_cancelled):
        # One that is put off while the pages are read comes twice.
        if workitem.uid not in given and matches(identifier, workitem.dataset, zone):
            given.add(workitem.uid)
            yield workitem


def judge(
    reading: Callable[[], AbstractContextManager[Reader]], identifier: Identifier, zone: tzinfo
) -> Verdicts:
    """Find out beforehand what matches, for `uids_of_matches`.

    That takes its time with many workitems, in which others should be able to write.

    Parameters
    ----------
    reading, identifier, zone
        As for `search`.
    """
    return {
        (workitem.uid, workitem.version): matches(identifier, workitem.dataset, zone)
        for workitem in _candidates(reading, identifier, zone)
    }


def uids_of_matches(
    reader: Reader, identifier: Identifier, zone: tzinfo, verdicts: Verdicts
) -> list[str]:
    """Give the UIDs of the workitems that match in a transaction.

    Parameters
    ----------
    reader : Reader
        The transaction.
    identifier, zone
        As for `search`.
    verdicts : Verdicts
        What was found out beforehand; what has been created or changed since is looked at now.
    """

    def is_match(uid: str, version: int) -> bool:
        known = verdicts.get((uid, version))
        if known is not None:
            return known
        workitem = reader.workitem(uid)
        return workitem is not None and matches(identifier, workitem.dataset, zone)

    if not identifier.has_keys:
        return []
    versions = reader.versions(search_keys(identifier, zone))
    return [uid for uid, version in versions if is_match(uid, version)]


def _candidates(
    reading: Callable[[], AbstractContextManager[Reader]],
    identifier: Identifier,
    zone: tzinfo,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Candidate]:
    """Read page after page what may match."""
    keys, cursor = search_keys(identifier, zone), None
    while identifier.has_keys and not is_cancelled():
        with reading() as reader:
            page = reader.candidates(keys, cursor, _PAGE)
        yield from page
        if len(page) < _PAGE:
            return
        cursor = page[-1].cursor
