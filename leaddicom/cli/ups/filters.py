"""What workitems to look for: options that make the identifier of a query."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from leaddicom.cli.ups.keys import data_set_of, read_key
from leaddicom.cli.ups.moments import read_moment
from leaddicom.ups.core.terms import Priority, State

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["add_filters", "identifier_of", "read_state"]


def add_filters(parser: argparse.ArgumentParser) -> None:
    """Add the options; what is not given matches everything."""
    group = parser.add_argument_group(
        "what to look for", "texts may have the wildcards * and ?; UIDs and codes may not"
    )
    add = group.add_argument
    add("--state", type=read_state, help="scheduled, in-progress, completed or canceled")
    add(
        "--station", "-m", "--machine", metavar="CODE",
        help="where it is scheduled: VALUE or VALUE,DESIGNATOR",
    )  # fmt: skip
    add("--code", metavar="CODE", help="what kind of work it is: VALUE or VALUE,DESIGNATOR")
    add(
        "--from", "--start", dest="begin", metavar="TIME", type=read_moment,
        help="scheduled for this time or later: 2030-04-01, 2030-04-01T10:30, today or now",
    )  # fmt: skip
    add(
        "--to", "--end", dest="end", metavar="TIME", type=read_moment,
        help="scheduled for this time or earlier; a day is the whole of it",
    )  # fmt: skip
    add("--priority", type=_priority, help="high, medium or low")
    add("--label", help="what is to be done")
    add("--worklist", metavar="LABEL", help="on which list it is")
    add("--patient-id", metavar="ID", help="of whom")
    add("--patient-name", metavar="NAME", help="such as 'Doe^J*'")
    add("--accession-number", metavar="NUMBER", help="of the order behind it")
    add("--uid", "--ups_uid", action="append", metavar="UID", help="may be repeated")
    add(
        "-k", "--keyword", dest="keys", action="append", default=[], type=read_key,
        metavar="KEYWORD=VALUE", help="any other attribute; may be repeated",
    )  # fmt: skip


def identifier_of(arguments: argparse.Namespace) -> Dataset:
    """Make the identifier: keys, and all that a manager returns of a workitem."""
    from leaddicom.ups.client.queries import query

    period = (arguments.begin, arguments.end)
    return query(
        uid=arguments.uid,
        state=arguments.state,
        priority=arguments.priority,
        label=arguments.label,
        worklist_label=arguments.worklist,
        start=period if any(period) else None,
        station=_code(arguments.station),
        code=_code(arguments.code),
        patient_id=arguments.patient_id,
        patient_name=arguments.patient_name,
        accession_number=arguments.accession_number,
        keys=data_set_of(arguments.keys),
    )


def read_state(text: str) -> str:
    """Read a state, for a parser of the command line: ``in-progress`` or as DICOM has it."""
    return _member(text, State)


def _priority(text: str) -> str:
    return _member(text, Priority)


def _member(text: str, kind: type[State] | type[Priority]) -> str:
    name = text.upper().replace("-", " ").replace("_", " ")
    known = [str(each.value) for each in kind]
    if name not in known:
        names = ", ".join(each.lower().replace(" ", "-") for each in known)
        raise argparse.ArgumentTypeError(f"{text!a} is none of {names}")
    return name


def _code(text: str | None) -> tuple[str, str] | str | None:
    if text is None:
        return None
    value, comma, designator = text.partition(",")
    return (value.strip(), designator.strip()) if comma else value.strip()
