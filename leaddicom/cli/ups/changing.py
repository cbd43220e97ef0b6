"""``leaddicom ups set`` and ``leaddicom ups request-cancel``: workitems of others."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from leaddicom.cli.parsers import Commands, add_command
from leaddicom.cli.ups import keys
from leaddicom.cli.ups.claiming import KEPT, add_performer_options
from leaddicom.cli.ups.client import CREATOR, EXIT_CODES, add_client_options, connected, refuse
from leaddicom.cli.ups.keys import data_set_of, read_code, read_key
from leaddicom.cli.ups.outcome import finish
from leaddicom.cli.ups.uids import add_uid
from leaddicom.ups.core.terms import SopClass

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["register"]

_SET_DESCRIPTION = """\
Change attributes of a workitem (N-SET): of one that is SCHEDULED its schedule, and whatever may
change of one that was claimed here.

A sequence replaces the one that is there, with all of its items.
"""

_SET_EPILOG = f"""\
{keys.HELP}
{KEPT}
{EXIT_CODES}
examples:
  leaddicom ups set localhost 2762 1.2.3.4 ScheduledProcedureStepPriority=HIGH
  leaddicom ups set localhost 2762 1.2.3.4 'ProcedureStepLabel=Review of the plan' \\
      ScheduledProcedureStepStartDateTime=20300401103000
  leaddicom ups set localhost 2762 1.2.3.4 'ScheduledStationNameCodeSequence=LINAC2,99SITE,Linac 2'
  leaddicom ups set localhost 2762 1.2.3.4 -f changes.dcm
"""

_REQUEST_DESCRIPTION = """\
Ask for the cancellation of a workitem (Request UPS Cancel). One that nobody has claimed is
canceled; of one that is IN PROGRESS the performer is told, who is free to go on.
"""

_REQUEST_EPILOG = f"""\
{EXIT_CODES}
examples:
  leaddicom ups request-cancel localhost 2762 1.2.3.4 --reason 'The machine is down'
  leaddicom ups request-cancel localhost 2762 1.2.3.4 --contact-uri tel:4711 --contact-name 'Desk'
"""

_ON = {"push": SopClass.PUSH, "watch": SopClass.WATCH}


def register(commands: Commands) -> None:
    """Add ``set`` and ``request-cancel``."""
    parser = add_command(
        commands, "set", _set, summary="change attributes of a workitem",
        description=_SET_DESCRIPTION, epilog=_SET_EPILOG,
    )  # fmt: skip
    add_performer_options(parser, "[KEYWORD=VALUE ...]")
    parser.add_argument(
        "keys", metavar="KEYWORD=VALUE", nargs="*", type=read_key, help="what to change"
    )
    parser.add_argument("-f", "--file", metavar="FILE", help="DICOM file with what to change")
    parser = add_command(
        commands, "request-cancel", _request_cancel, summary="ask for the end of a workitem",
        description=_REQUEST_DESCRIPTION, epilog=_REQUEST_EPILOG,
    )  # fmt: skip
    add_client_options(parser, CREATOR, "UID")
    add_uid(parser)
    add = parser.add_argument
    add("--reason", metavar="TEXT", default="", help="why, in words")
    add("--reason-code", metavar="CODE", type=read_code, help="why: VALUE,DESIGNATOR,MEANING")
    add("--contact-uri", metavar="URI", default="", help="whom to ask, such as tel:4711")
    add("--contact-name", metavar="NAME", default="", help="and who that is")
    add("--on", choices=_ON, default="push", help="SOP class to ask on (default: push)")


def _set(arguments: argparse.Namespace) -> int:
    changes = _changes(arguments)
    with connected(arguments) as ups:
        result = ups.modify(arguments.uid, changes, transaction_uid=arguments.transaction_uid)
    return finish(arguments, result, [f"{arguments.uid} is changed."])


def _changes(arguments: argparse.Namespace) -> Dataset:
    if not (arguments.keys or arguments.file):
        refuse(arguments, "there is nothing to change: give KEYWORD=VALUE, or a file with -f")
    if arguments.file is None:
        return data_set_of(arguments.keys)
    from leaddicom.ups.client.association import as_dataset

    changes = as_dataset(arguments.file)
    # Every DICOM file has them, and they are no change.
    for keyword in ("SOPClassUID", "SOPInstanceUID"):
        changes.pop(keyword, None)
    return data_set_of(arguments.keys, changes)


def _request_cancel(arguments: argparse.Namespace) -> int:
    with connected(arguments) as ups:
        result = ups.request_cancel(
            arguments.uid,
            arguments.reason,
            reason=arguments.reason_code,
            contact_uri=arguments.contact_uri,
            contact_name=arguments.contact_name,
            sop_class=_ON[arguments.on],
        )
    done = (
        f"The cancellation of {arguments.uid} is asked for. Whether it is canceled tells "
        f"'leaddicom ups show'."
    )
    return finish(arguments, result, [done])
