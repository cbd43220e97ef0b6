"""``leaddicom ups progress``, ``start``, ``end``, ``complete`` and ``cancel``: performing."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from leaddicom.cli.parsers import Commands, add_command
from leaddicom.cli.ups import moments
from leaddicom.cli.ups.claiming import KEPT, add_performer_options, performing
from leaddicom.cli.ups.client import EXIT_CODES, refuse
from leaddicom.cli.ups.keys import read_code
from leaddicom.cli.ups.moments import read_moment
from leaddicom.cli.ups.outcome import finish
from leaddicom.errors import ParameterError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset
    from pydicom.sr.coding import Code

    from leaddicom.ups.client import UpsScu
    from leaddicom.ups.client.results import UpsResult

__all__ = ["register"]

_PERFORMED = "UnifiedProcedureStepPerformedProcedureSequence"
_STATIONS, _CODES = "ScheduledStationNameCodeSequence", "ScheduledWorkitemCodeSequence"

_END = f"""
{KEPT}
{EXIT_CODES}
examples:
"""
_TIMED_END = f"\n{moments.HELP}{_END}"

_PROGRESS = """\
  leaddicom ups progress localhost 2762 1.2.3.4 50
  leaddicom ups progress localhost 2762 1.2.3.4 75 --beam 3 --description 'Beam 3 of 4'
"""

_START = """\
  leaddicom ups start localhost 2762 1.2.3.4 --as-scheduled
  leaddicom ups start localhost 2762 1.2.3.4 --station 'LINAC1,99SITE,Linac 1' \\
      --workitem-code '121726,DCM,RT Treatment with Internal Verification'
"""

_FINISH = """\
  leaddicom ups end localhost 2762 1.2.3.4
  leaddicom ups end localhost 2762 1.2.3.4 \\
      --output OST,1.2.3,1.2.3.1,1.2.840.10008.5.1.4.1.1.481.4,1.2.3.1.1
"""

_COMPLETE_DESCRIPTION = """\
End a workitem as COMPLETED. A procedure that was told with "leaddicom ups start" and goes on yet
ends with it. If none was told, it is told here: where it was performed and which work that was,
with --station and --workitem-code, or with --as-scheduled.
"""

_COMPLETE = """\
  leaddicom ups complete localhost 2762 1.2.3.4
  leaddicom ups complete localhost 2762 1.2.3.4 --as-scheduled --started 2030-04-01T10:30
  leaddicom ups complete localhost 2762 1.2.3.4 --station 'LINAC1,99SITE,Linac 1' \\
      --workitem-code '121726,DCM,RT Treatment with Internal Verification'
"""

_CANCEL_DESCRIPTION = """\
End a workitem that was claimed as CANCELED. One that nobody has claimed, or somebody else, is for
"leaddicom ups request-cancel".
"""

_CANCEL = """\
  leaddicom ups cancel localhost 2762 1.2.3.4 --reason 'The patient did not come'
  leaddicom ups cancel localhost 2762 1.2.3.4 --reason-code '110501,DCM,Equipment failure'
"""


def register(commands: Commands) -> None:
    """Add the commands."""
    parser = add_command(
        commands, "progress", _progress, summary="tell how far a workitem has come",
        description="Tell how far a workitem has come that was claimed.", epilog=_END + _PROGRESS,
    )  # fmt: skip
    add_performer_options(parser, "PERCENT")
    add = parser.add_argument
    add("percent", metavar="PERCENT", type=_percent, help="0 to 100")
    add("--description", metavar="TEXT", help="what is being done, for people")
    add(
        "--beam", metavar="NUMBER", type=_beam,
        help="number of the beam that is being delivered, as in the plan; for the profile tdw-ii",
    )  # fmt: skip
    add("--contact-uri", metavar="URI", help="how to reach the performer, such as tel:4711")
    add("--contact-name", metavar="NAME", default="", help="and who that is")
    parser = add_command(
        commands, "start", _start, summary="tell that its procedure has started",
        description="Tell that a procedure of a workitem has started, by default now.",
        epilog=_TIMED_END + _START,
    )  # fmt: skip
    _add_procedure(parser)  # first: what matters here is not to stand behind all of the link
    add_performer_options(parser)
    parser = add_command(
        commands, "end", _finish_procedure, summary="tell that its procedure has ended",
        description="Tell that a procedure of a workitem has ended, by default now.",
        epilog=_TIMED_END + _FINISH,
    )  # fmt: skip
    _add_end(parser)
    add_performer_options(parser)
    parser = add_command(
        commands, "complete", _complete, summary="end a workitem as COMPLETED",
        description=_COMPLETE_DESCRIPTION, epilog=_TIMED_END + _COMPLETE,
    )  # fmt: skip
    _add_procedure(parser)
    _add_end(parser)
    add_performer_options(parser)
    parser = add_command(
        commands, "cancel", _cancel, summary="end a workitem as CANCELED",
        description=_CANCEL_DESCRIPTION, epilog=_END + _CANCEL,
    )  # fmt: skip
    add_performer_options(parser)
    add = parser.add_argument
    add("--reason", metavar="TEXT", default="", help="why, in words")
    add("--reason-code", metavar="CODE", type=read_code, help="why: VALUE,DESIGNATOR,MEANING")


def _add_procedure(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the procedure")
    add = group.add_argument
    add(
        "--station", metavar="CODE", type=read_code, action="append",
        help="where it is performed: VALUE,DESIGNATOR,MEANING; may be repeated",
    )  # fmt: skip
    add(
        "--workitem-code", metavar="CODE", type=read_code, action="append",
        help="which work that is: VALUE,DESIGNATOR,MEANING; may be repeated",
    )  # fmt: skip
    add("--as-scheduled", action="store_true", help="station and work that were scheduled")
    add(
        "--started", metavar="TIME", type=read_moment,
        help="when; of 'complete' by default when the workitem was claimed here",
    )  # fmt: skip
    add(
        "--performer", metavar="CODE", type=read_code, action="append", default=[],
        help="who performs it: VALUE,DESIGNATOR,NAME; may be repeated",
    )  # fmt: skip
    add("--description", metavar="TEXT", default="", help="what is done, for people")


def _add_end(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("its end")
    add = group.add_argument
    add("--ended", metavar="TIME", type=read_moment, help="when (default: now)")
    add(
        "--output", metavar="WHERE,STUDY,SERIES,CLASS,INSTANCE", type=_output, action="append",
        default=[], help="an instance that it has made: the AE title that it can be retrieved "
        "from, and its UIDs; may be repeated",
    )  # fmt: skip


def _progress(arguments: argparse.Namespace) -> int:
    from leaddicom.ups.client.treatments import beam_number

    parameters = None if arguments.beam is None else [beam_number(arguments.beam)]
    with performing(arguments) as ups:
        result = ups.progress(
            arguments.uid,
            arguments.percent,
            arguments.description,
            parameters=parameters,
            contact_uri=arguments.contact_uri,
            contact_name=arguments.contact_name,
            transaction_uid=arguments.transaction_uid,
        )
    return finish(arguments, result, [f"{arguments.uid} is at {arguments.percent:g} %."])


def _start(arguments: argparse.Namespace) -> int:
    with performing(arguments) as ups:
        result = _started(ups, arguments, arguments.started)
    return finish(arguments, result, [f"A procedure of {arguments.uid} has started."])


def _finish_procedure(arguments: argparse.Namespace) -> int:
    with performing(arguments) as ups:
        result = _ended(ups, arguments)
    return finish(arguments, result, [f"The procedure of {arguments.uid} has ended."])


def _complete(arguments: argparse.Namespace) -> int:
    with performing(arguments) as ups:
        result = _told(ups, arguments)
        if result is None or not result.is_failure:
            result = ups.complete(arguments.uid, transaction_uid=arguments.transaction_uid)
    return finish(arguments, result, [f"{arguments.uid} is COMPLETED."])


def _told(ups: UpsScu, arguments: argparse.Namespace) -> UpsResult | None:
    """Have the procedures told, as far as they are not; `None` if nothing was left to tell."""
    from leaddicom.ups.client.views import items_in

    read = ups.get(arguments.uid, [_PERFORMED, "ProcedureStepState"])
    state = read.workitem.state
    if read.is_failure or (state is not None and state.is_final):
        return read if read.is_failure else None  # of a final one, the change of state tells
    performed = items_in(read.workitem.dataset, _PERFORMED)
    wants_one = arguments.as_scheduled or arguments.station or arguments.workitem_code
    is_open = bool(performed) and not performed[-1].get("PerformedProcedureStepEndDateTime")
    if is_open or (performed and not wants_one):
        return _ended(ups, arguments) if is_open else None
    if not wants_one:
        raise ParameterError(
            f"Nothing of {arguments.uid} has been performed yet, as far as the manager knows: tell "
            "where and what with --station and --workitem-code, or with --as-scheduled."
        )
    result = _started(ups, arguments, arguments.started or _claimed_at(ups, arguments.uid))
    return result if result.is_failure else _ended(ups, arguments)


def _started(ups: UpsScu, arguments: argparse.Namespace, start: datetime | str | None) -> UpsResult:
    from leaddicom.ups.client.builders import human_performer

    stations, codes = arguments.station or [], arguments.workitem_code or []
    if arguments.as_scheduled and not (stations and codes):
        read = ups.get(arguments.uid, [_STATIONS, _CODES])
        if read.is_failure:
            return read
        stations = stations or _scheduled(read.workitem.stations, "station", "--station")
        codes = codes or _scheduled(read.workitem.workitem_codes, "work", "--workitem-code")
    if not (stations and codes):
        refuse(
            arguments,
            "tell where it is performed and which work that is: with --station and "
            "--workitem-code, or with --as-scheduled",
        )
    return ups.start_procedure(
        arguments.uid,
        stations=stations,
        codes=codes,
        start=start,
        performers=[human_performer(code, code[2], "") for code in arguments.performer],
        description=arguments.description,
        transaction_uid=arguments.transaction_uid,
    )


def _ended(ups: UpsScu, arguments: argparse.Namespace) -> UpsResult:
    from leaddicom.ups.client.builders import instances

    outputs: Iterable[Dataset] = [
        instances(study, series, [(sop_class, uid)], retrieve_ae=where)
        for where, study, series, sop_class, uid in arguments.output
    ]
    return ups.end_procedure(
        arguments.uid,
        outputs=outputs,
        end=arguments.ended,
        transaction_uid=arguments.transaction_uid,
    )


def _cancel(arguments: argparse.Namespace) -> int:
    from leaddicom.ups.client.builders import DISCONTINUED

    with performing(arguments) as ups:
        result = ups.cancel(
            arguments.uid,
            arguments.reason_code or DISCONTINUED,
            arguments.reason,
            transaction_uid=arguments.transaction_uid,
        )
    return finish(arguments, result, [f"{arguments.uid} is CANCELED."])


def _scheduled(codes: tuple[Code, ...], what: str, option: str) -> tuple[Code, ...]:
    if not codes:
        raise ParameterError(f"No {what} was scheduled for it: give one with {option}.")
    return codes


def _claimed_at(ups: UpsScu, uid: str) -> datetime | None:
    return next((each.claimed_at for each in ups.held() if each.uid == uid), None)


def _percent(text: str) -> float:
    try:
        percent = float(text.rstrip("%"))
    except ValueError:
        percent = -1.0
    if not 0 <= percent <= 100:
        raise argparse.ArgumentTypeError(f"{text!a} is no percentage from 0 to 100")
    return percent


def _beam(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise argparse.ArgumentTypeError(f"{text!a} is no number of a beam")
    return int(text)


def _output(text: str) -> tuple[str, ...]:
    parts = tuple(each.strip() for each in text.split(","))
    if len(parts) != 5 or not all(parts):
        raise argparse.ArgumentTypeError(
            f"{text!a} is no instance: write AE_TITLE,STUDY_UID,SERIES_UID,CLASS_UID,INSTANCE_UID"
        )
    return parts
