"""What an N-GET reads of a workitem (PS3.4 section CC.2.7)."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from pydicom.dataset import Dataset

from leaddicom.ups.core.attributes import attribute
from leaddicom.ups.core.excerpts import with_context
from leaddicom.ups.core.terms import UpsStatus
from leaddicom.ups.core.workitem import Outcome, Workitem

__all__ = ["get"]

#: As many tags as an Error Comment has room for.
_NAMED_TAGS = 3


def get(workitem: Workitem | None, tags: Sequence[int]) -> Outcome:
    """Carry out an N-GET.

    The Transaction UID is nobody's to read, and the SOP UIDs are in the command set: these three
    are never returned, whether they are asked for or not.  An attribute that a workitem has to
    have (Type 2) comes empty if it has no value; others are left out then.  The character set
    and the time zone come along with what cannot be read without them.

    Parameters
    ----------
    workitem : Workitem or None
        To read; `None` if there is none.
    tags : sequence of int
        Attribute Identifier List; an empty one asks for all attributes.

    Returns
    -------
    Outcome
        With the Attribute List as data set.  Its status is 0001H if an attribute was asked for
        that is not for reading, or that neither the workitem nor Table CC.2.5-3 has.
    """
    if workitem is None:
        return Outcome(UpsStatus.NO_SUCH_WORKITEM, "There is no such workitem")
    stored, answer = workitem.dataset, Dataset()
    unsupported = []
    for tag in tags or list(stored.keys()):
        row = attribute(tag)
        if tag >> 16 == 0 or (row is not None and row.n_get == "NA"):
            unsupported.append(tag)
        elif tag in stored:
            answer.add(copy.deepcopy(stored[tag]))
        elif row is None:
            unsupported.append(tag)
        elif row.n_get.endswith("/2"):
            answer.add_new(tag, row.vr, [] if row.vr == "SQ" else None)
    with_context(answer, stored)
    if unsupported and tags:
        text = f"Not supported: {', '.join(map(_text, unsupported[:_NAMED_TAGS]))}"
        return Outcome(UpsStatus.OPTIONAL_ATTRIBUTES_UNSUPPORTED, text, dataset=answer)
    return Outcome(UpsStatus.SUCCESS, dataset=answer)


def _text(tag: int) -> str:
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
