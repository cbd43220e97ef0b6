"""Making the search columns of all workitems anew when they were made in another way."""

from __future__ import annotations

from datetime import tzinfo

from sqlalchemy import Connection, delete, insert, select, update

from leaddicom.errors import DicomErrorCode
from leaddicom.ups.core.search import index_entry
from leaddicom.ups.core.workitem import Workitem
from leaddicom.ups.store import schema
from leaddicom.ups.store.encoding import decoded
from leaddicom.ups.store.errors import StoreError
from leaddicom.ups.store.workitems import index_columns, replace_rows

__all__ = ["check_projection", "project"]

#: To be raised whenever `index_entry` gives something else for the same workitem.
_VERSION = 1

_ups, _projection = schema.ups, schema.projection

_PAGE = 500


def project(connection: Connection, zone: tzinfo) -> bool:
    """Make the search columns anew, unless they were made like this already.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction that is the only one that writes.
    zone : tzinfo
        Of date times that say nothing about it: they stand in the columns as instants.

    Returns
    -------
    bool
        Whether they were made anew.
    """
    made_by = _made_by(zone)
    before = connection.scalar(select(_projection.c.made_by))
    if before == made_by:
        return False
    connection.execute(delete(_projection))
    connection.execute(insert(_projection).values(id=1, made_by=made_by))
    last: int | None = 0
    while last is not None and before is not None:
        last = _project_page(connection, zone, last)
    return before is not None


def check_projection(connection: Connection, zone: tzinfo, place: str) -> None:
    """See whether the search columns were made in this way, and change nothing.

    Raises
    ------
    StoreError
        They were made in another.
    """
    made_by = connection.scalar(select(_projection.c.made_by)) or ""
    if made_by != _made_by(zone):
        raise StoreError(
            f"{place} was made for the time zone {made_by.partition(' ')[2]}, and not for {zone}. "
            "Give the one that its manager has (--timezone).",
            DicomErrorCode.OPEN,
        )


def _made_by(zone: tzinfo) -> str:
    return f"{_VERSION} {zone}"


def _project_page(connection: Connection, zone: tzinfo, after: int) -> int | None:
    """Do it for some workitems; give the id of the last one, or `None` behind the last page."""
    statement = select(_ups.c.id, _ups.c.uid, _ups.c.dataset).where(_ups.c.id > after)
    rows = connection.execute(statement.order_by(_ups.c.id).limit(_PAGE)).all()
    for row in rows:
        entry = index_entry(Workitem(row.uid, decoded(row.dataset)), zone)
        values = index_columns(entry)
        connection.execute(update(_ups).where(_ups.c.id == row.id).values(values))
        replace_rows(connection, row.id, entry)
    return rows[-1].id if rows else None
