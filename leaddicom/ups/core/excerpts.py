"""Parts of data sets that stand for themselves: events, answers, arguments."""

from __future__ import annotations

import copy
from collections.abc import Iterable

from pydicom.dataset import Dataset

from leaddicom.ups.core.character_sets import character_set, settle

__all__ = ["excerpt", "text_value", "with_context"]

#: VRs whose values depend on the time zone; a sequence may hold any.
_TEMPORAL = frozenset({"DA", "DT", "SQ", "TM"})


def excerpt(source: Dataset, attributes: Iterable[str | int]) -> Dataset:
    """Copy those of the attributes that are there and have a value.

    Parameters
    ----------
    source : pydicom.dataset.Dataset
        To copy from.
    attributes : iterable of str or int
        Their keywords or tags.

    Returns
    -------
    pydicom.dataset.Dataset
        Which shares nothing with `source`.
    """
    copied = Dataset()
    for attribute in attributes:
        if attribute in source and not source[attribute].is_empty:
            copied.add(copy.deepcopy(source[attribute]))
    return copied


def with_context(copied: Dataset, source: Dataset) -> Dataset:
    """Add the character set and the time zone of `source` if `copied` needs them to be read.

    Parameters
    ----------
    copied : pydicom.dataset.Dataset
        An excerpt of `source`.
    source : pydicom.dataset.Dataset
        Where it is from.

    Returns
    -------
    pydicom.dataset.Dataset
        `copied`.
    """
    if "SpecificCharacterSet" not in copied:
        settle(copied, (), character_set(source))
    if not _TEMPORAL.isdisjoint(element.VR for element in copied):
        copied.update(excerpt(source, ("TimezoneOffsetFromUTC",)))
    return copied


def text_value(arguments: Dataset, keyword: str) -> str:
    """Give the only value of an attribute if that is a text.

    Parameters
    ----------
    arguments : pydicom.dataset.Dataset
        Of a peer, who may have sent values of any number and VR.
    keyword : str
        Of the attribute.

    Returns
    -------
    str
        "" if there is no value, more than one, or one of another type.
    """
    value = arguments.get(keyword)
    return str(value) if isinstance(value, str) else ""
