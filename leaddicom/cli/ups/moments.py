"""Points in time on the command line."""

from __future__ import annotations

import argparse
import re
from datetime import datetime, timedelta

__all__ = ["HELP", "read_moment"]

HELP = """\
times:
  2030-04-01, 2030-04-01T10:30, 2030-04-01T10:30+02:00, today, tomorrow, yesterday or now; also
  as DICOM writes them, 203004011030. Without an offset it is in the manager's time zone. A day is
  the whole of it.
"""

_DAYS = {"yesterday": -1, "today": 0, "tomorrow": 1}
_MOMENT = re.compile(
    r"(?P<date>[0-9]{4}-?[0-9]{2}-?[0-9]{2})"
    r"(?:[T ]?(?P<time>[0-9]{2}:?[0-9]{2}(?::?[0-9]{2})?)(?P<offset>[+-][0-9]{2}:?[0-9]{2}|Z)?)?"
)


def read_moment(text: str) -> str:
    """Read a point in time, for a parser of the command line; give it as a DT (PS3.5 6.2)."""
    now = datetime.now().astimezone()
    if text.lower() == "now":
        return f"{now:%Y%m%d%H%M%S%z}"
    if text.lower() in _DAYS:
        return f"{now + timedelta(days=_DAYS[text.lower()]):%Y%m%d}"
    found = _MOMENT.fullmatch(text)
    if found is None:
        raise _refused(text)
    date, time = found["date"].replace("-", ""), (found["time"] or "").replace(":", "")
    offset = (found["offset"] or "").replace(":", "").replace("Z", "+0000")
    try:
        datetime.strptime(f"{date}{time.ljust(6, '0')}", "%Y%m%d%H%M%S")  # noqa: DTZ007
    except ValueError:
        raise _refused(text) from None
    return date + time + offset


def _refused(text: str) -> argparse.ArgumentTypeError:
    return argparse.ArgumentTypeError(
        f"{text!a} is no point in time: write for example 2030-04-01, 2030-04-01T10:30 or today"
    )
