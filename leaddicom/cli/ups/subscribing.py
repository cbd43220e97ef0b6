"""``leaddicom ups subscribe``, ``unsubscribe`` and ``suspend``."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from leaddicom.cli.parsers import Commands, add_command
from leaddicom.cli.ups.client import (
    EXIT_CODES,
    RECEIVING_AE,
    WATCHER,
    add_client_options,
    connected,
    refuse,
)
from leaddicom.cli.ups.keys import data_set_of, read_key
from leaddicom.cli.ups.outcome import finish
from leaddicom.cli.ups.uids import read_uid

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from leaddicom.ups.client import UpsScu
    from leaddicom.ups.client.results import UpsResult

__all__ = ["RECEIVER", "add_subject", "filter_of", "register", "subscribe"]

RECEIVER = """\
receiving AE:
  Events go to the receiving AE, by default the own AE title. The manager has to know its host and
  port: leaddicom ups admin ae add WATCHER HOST 2763
"""

_SUBSCRIBE_DESCRIPTION = """\
Subscribe to the events of a workitem, of all workitems, or of those that match a filter. Those
that are still to be created are among them, except for a single one.
"""

_SUBSCRIBE_EPILOG = f"""\
{RECEIVER}
{EXIT_CODES}
examples:
  leaddicom ups subscribe localhost 2762 1.2.3.4
  leaddicom ups subscribe localhost 2762 --global --lock
  leaddicom ups subscribe localhost 2762 --station LINAC1
  leaddicom ups subscribe localhost 2762 --filter WorklistLabel=TREATMENTS --receiving-aet OTHER
"""

_UNSUBSCRIBE_EPILOG = f"""\
{RECEIVER}
{EXIT_CODES}
examples:
  leaddicom ups unsubscribe localhost 2762 1.2.3.4
  leaddicom ups unsubscribe localhost 2762 --global
"""

_SUSPEND_EPILOG = f"""\
{RECEIVER}
{EXIT_CODES}
example:
  leaddicom ups suspend localhost 2762
"""


def register(commands: Commands) -> None:
    """Add the three commands."""
    parser = add_command(
        commands, "subscribe", _subscribe, summary="have events of workitems reported",
        description=_SUBSCRIBE_DESCRIPTION, epilog=_SUBSCRIBE_EPILOG,
    )  # fmt: skip
    add_subject(parser)
    add_client_options(parser, WATCHER, "[UID]", more=(RECEIVING_AE,))
    parser.add_argument("uid", metavar="UID", nargs="?", type=read_uid, help="of one workitem")
    parser = add_command(
        commands, "unsubscribe", _unsubscribe, summary="have them reported no longer",
        description="End a subscription to one workitem or, however they were subscribed to, to "
        "all.\nDeletion locks end with it.", epilog=_UNSUBSCRIBE_EPILOG,
    )  # fmt: skip
    add_client_options(parser, WATCHER, "[UID]", more=(RECEIVING_AE,))
    parser.add_argument("uid", metavar="UID", nargs="?", type=read_uid, help="of one workitem")
    parser.add_argument(
        "--global", dest="is_global", action="store_true", help="from all workitems"
    )
    parser = add_command(
        commands, "suspend", _suspend, summary="subscribe to no workitems to come",
        description="End a subscription to all workitems or to those that match a filter, but keep "
        "the\nsubscriptions to workitems that are there.", epilog=_SUSPEND_EPILOG,
    )  # fmt: skip
    add_client_options(parser, WATCHER, more=(RECEIVING_AE,))
    # There is nothing else to suspend, yet who has typed it before types it here.
    parser.add_argument("--global", action="store_true", help=argparse.SUPPRESS)


def add_subject(parser: argparse.ArgumentParser) -> None:
    """Add what to subscribe to, and whether to have it kept."""
    group = parser.add_argument_group("subscription")
    add = group.add_argument
    add("--global", dest="is_global", action="store_true", help="to all workitems")
    add(
        "--filter", dest="filters", metavar="KEYWORD=VALUE", type=read_key, action="append",
        default=[], help="to those that match, see 'leaddicom ups list --help'; may be repeated",
    )  # fmt: skip
    add(
        "--station", "-m", "--machine", metavar="CODE",
        help="to those that are scheduled there: VALUE or VALUE,DESIGNATOR",
    )  # fmt: skip
    add(
        "-l", "--lock", action="store_true",
        help="have workitems kept after their end until the subscription ends; of several, also "
        "have their present states reported",
    )  # fmt: skip


def subscribe(ups: UpsScu, arguments: argparse.Namespace) -> UpsResult:
    """Subscribe to what the command line says."""
    matching = filter_of(arguments)
    more = {
        "deletion_lock": arguments.lock,
        "receiving_ae": getattr(arguments, "receiving_ae", ""),
    }
    if arguments.uid is not None:
        return ups.subscribe(arguments.uid, **more)
    return ups.subscribe_globally(matching, **more)


def filter_of(arguments: argparse.Namespace) -> Dataset | None:
    """Make the keys of a filtered subscription; `None` if there are none.

    If it is not clear what to subscribe to, the command ends.
    """
    wanted = [
        arguments.uid is not None,
        arguments.is_global,
        bool(arguments.filters or arguments.station),
    ]
    if sum(wanted) != 1:
        refuse(
            arguments,
            "say what to subscribe to: one UID, or --global for all workitems, or --filter or "
            "--station for those that match",
        )
    if not wanted[2]:
        return None
    matching = data_set_of(arguments.filters)
    if arguments.station:
        value, _, designator = arguments.station.partition(",")
        where = "ScheduledStationNameCodeSequence"
        keys = [f"{where}.CodeValue={value}"]
        keys += [f"{where}.CodingSchemeDesignator={designator}"] if designator else []
        data_set_of(map(read_key, keys), matching)
    return matching


def _subscribe(arguments: argparse.Namespace) -> int:
    filter_of(arguments)  # before there is a connection
    with connected(arguments) as ups:
        result = subscribe(ups, arguments)
        receiver = _receiver(ups, arguments)
    what = "to it" if arguments.uid else "to all workitems" if arguments.is_global else "to those"
    return finish(arguments, result, [f"{receiver} is subscribed {what}."])


def _unsubscribe(arguments: argparse.Namespace) -> int:
    if (arguments.uid is None) is not arguments.is_global:
        refuse(arguments, "say what to unsubscribe from: one UID, or --global")

    def end(ups: UpsScu, receiver: str) -> UpsResult:
        if arguments.is_global:
            return ups.unsubscribe_globally(receiving_ae=receiver)
        return ups.unsubscribe(arguments.uid, receiving_ae=receiver)

    return _end(arguments, end, "is unsubscribed")


def _suspend(arguments: argparse.Namespace) -> int:
    return _end(
        arguments,
        lambda ups, receiver: ups.suspend_globally(receiving_ae=receiver),
        "gets no workitems to come",
    )


def _end(arguments: argparse.Namespace, end: Callable[[UpsScu, str], UpsResult], done: str) -> int:
    with connected(arguments) as ups:
        receiver = _receiver(ups, arguments)
        result = end(ups, receiver)
    return finish(arguments, result, [f"{receiver} {done}."])


def _receiver(ups: UpsScu, arguments: argparse.Namespace) -> str:
    title: str = getattr(arguments, "receiving_ae", ups.net.calling_ae_title)
    return title
