"""How moments stand in the database: as microseconds since 1970 in UTC."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import overload

__all__ = ["micros", "moment"]

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)


def micros(at: datetime) -> int:
    """Give an aware date time as it is stored."""
    return (at - _EPOCH) // _MICROSECOND


@overload
def moment(at: int) -> datetime: ...


@overload
def moment(at: int | None) -> datetime | None: ...


def moment(at: int | None) -> datetime | None:
    """Give what is stored as a date time in UTC."""
    return None if at is None else _EPOCH + at * _MICROSECOND
