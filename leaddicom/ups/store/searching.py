"""From `SearchKeys` to SQL that reads little more than what it finds.

What reads the least is decided here and not left to the planner: SQLite's knows nothing of the
data, and PostgreSQL's takes conditions for independent of another, which state, day and station
are not.  A condition that shall not choose the index is written so that it cannot.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Select,
    and_,
    exists,
    false,
    func,
    literal,
    literal_column,
    or_,
    select,
    tuple_,
    union,
)

from leaddicom.ups.core.search import MINIMUM_INSTANT, CodeKey, Cursor, SearchKeys, TextKey
from leaddicom.ups.store import schema

__all__ = ["longest_start", "page", "prefix_end"]

_ups, _code, _request = schema.ups, schema.code, schema.request

_Columns = Mapping[str, ColumnElement[Any]]
_Conditions = Iterator[ColumnElement[bool]]

#: Columns of which one value has few workitems.
_SELECTIVE = ("uid", "patient_id", "study_uid")
_SELECTIVE_REQUEST = ("accession", "requested_procedure_id")

#: Kinds of codes, from those of which one value has few workitems to those where it has many.
_KINDS = ("station", "performer", "location", "class", "workitem")

#: Ranges of an index that are read one by one; for more values it is left to the planner.
_RANGES = 8

_LAST_CHARACTER = "\U0010ffff"


def page(
    keys: SearchKeys, after: Cursor | None, limit: int | None, longest: int
) -> Select[tuple[int, int]]:
    """Select id and start of the workitems that keys admit, in the order of these.

    Parameters
    ----------
    keys : SearchKeys
        What is looked for.
    after : Cursor or None
        Where the page before has ended.
    limit : int or None
        How many at most.
    longest : int
        What `longest_start` has given.
    """
    driver = _driver(keys)
    columns: _Columns = dict(_ups.c)
    if driver is not None:
        state, start = func.coalesce(_ups.c.state, ""), _ups.c.start + 0
        columns = {**columns, "state": state, "start": start}
    statement = select(_ups.c.id, _ups.c.start).where(*_conditions(keys, columns, driver))
    rows: Select[tuple[int]] | CompoundSelect[tuple[int]] | None = None
    if isinstance(driver, CodeKey):
        rows = _code_rows(driver, keys, after, longest)
    else:
        statement = statement.where(*_state_and_start(keys, columns, longest))
    if driver == "request":
        rows = select(_request.c.ups_id).distinct().where(*_of_request(keys))
    if rows is not None:
        # Planners leave alone what is distinct, and then look up a workitem for each row.
        found = rows.subquery()
        statement = statement.join(found, found.c.ups_id == _ups.c.id)
    order = columns["start"], _ups.c.id
    if after is not None:
        statement = statement.where(tuple_(*order) > tuple_(literal(after.start), after.id))
    return statement.order_by(*order).limit(limit)


def longest_start(connection: Connection) -> int:
    """Give the length of the longest period that a workitem may start in, at least a day."""
    is_long = _ups.c.start_span > literal_column(str(schema.DAY))
    longest = connection.scalar(select(func.max(_ups.c.start_span)).where(is_long))
    return schema.DAY if longest is None else int(longest)


def prefix_end(prefix: str) -> str | None:
    """Give the first text behind all that begin with a prefix, if there is one."""
    kept = prefix.rstrip(_LAST_CHARACTER)
    if not kept:
        return None
    following = ord(kept[-1]) + 1
    # There are no characters between: these numbers are UTF-16's.
    return kept[:-1] + chr(0xE000 if following == 0xD800 else following)


def _conditions(keys: SearchKeys, columns: _Columns, driver: CodeKey | str | None) -> _Conditions:
    """Give what has to be true of a workitem, but for its state and the begin of its start."""
    for name, key in keys.texts.items():
        if name != "state":
            yield _admits(columns[name], key)
    for name, (first, last) in keys.periods.items():
        yield columns[f"{name}_end"] >= first
        if name != "start":
            yield columns[name] <= last
    for code in keys.codes:
        if code is not driver:
            yield exists().where(_code.c.ups_id == _ups.c.id, *_of_code(code))
    if keys.request and driver != "request":
        yield exists().where(_request.c.ups_id == _ups.c.id, *_of_request(keys))


def _state_and_start(keys: SearchKeys, columns: _Columns, longest: int) -> _Conditions:
    if "state" in keys.texts:
        yield _admits(columns["state"], keys.texts["state"])
    if "start" in keys.periods:
        first, last = keys.periods["start"]
        yield columns["start"] <= last
        # What ends late enough does not begin too early.
        yield columns["start"] >= max(first - longest, MINIMUM_INSTANT)


def _driver(keys: SearchKeys) -> CodeKey | Literal["column", "request"] | None:
    """Choose by what workitems are looked up: a selective key, a code, or else their start."""
    if any(_is_exact(keys.texts.get(column)) for column in _SELECTIVE):
        return "column"
    if any(_is_exact(keys.request.get(column)) for column in _SELECTIVE_REQUEST):
        return "request"
    exact = {key.kind: key for key in keys.codes if _is_exact(key.value)}
    return next((exact[kind] for kind in _KINDS if kind in exact), None)


def _code_rows(
    key: CodeKey, keys: SearchKeys, after: Cursor | None, longest: int
) -> CompoundSelect[tuple[int]]:
    """Select what has a code, a state and a start: a range of the index of codes for each value.

    Planners do not see that in a list of values.
    """
    conditions = [
        *_of_code(replace(key, value=None)),
        *_state_and_start(keys, dict(_code.c), longest),
    ]
    if after is not None:
        conditions.append(_code.c.start >= after.start)
    values = () if key.value is None else key.value.values
    several = values[_RANGES:]
    wanted = [_code.c.value == value for value in values[:_RANGES]]
    if several:
        wanted.append(_code.c.value.in_(several))
    return union(*(select(_code.c.ups_id).where(value, *conditions) for value in wanted))


def _of_code(key: CodeKey) -> _Conditions:
    yield _code.c.kind == key.kind
    if key.value is not None:
        yield _admits(_code.c.value, key.value)
    if key.designator is not None:
        yield _admits(_code.c.designator, key.designator)


def _of_request(keys: SearchKeys) -> _Conditions:
    return (_admits(_request.c[column], key) for column, key in keys.request.items())


def _is_exact(key: TextKey | None) -> bool:
    return key is not None and bool(key.values) and not key.prefixes and not key.parts


def _admits(column: ColumnElement[Any], key: TextKey) -> ColumnElement[bool]:
    """Say in SQL what `leaddicom.ups.core.search.admits` says of a text."""
    ways: list[ColumnElement[bool]] = []
    if len(key.values) == 1:
        ways.append(column == key.values[0])
    elif key.values:
        ways.append(column.in_(key.values))
    for prefix in key.prefixes:
        end = prefix_end(prefix)
        ways.append(column >= prefix if end is None else and_(column >= prefix, column < end))
    ways += [column.contains(part, autoescape=True) for part in key.parts]
    return or_(false(), *ways)
