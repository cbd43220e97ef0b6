"""``leaddicom ups admin subscriptions`` and ``break-lock``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from leaddicom.cli.output import write_json, write_line
from leaddicom.cli.parsers import Commands
from leaddicom.cli.ups.admin.common import add_admin_command, opened, record
from leaddicom.cli.ups.client import refuse
from leaddicom.cli.ups.describing import lines_of
from leaddicom.cli.ups.text import complain, counted, write_rows
from leaddicom.cli.ups.uids import read_uid

if TYPE_CHECKING:
    from leaddicom.ups.store import GlobalSubscription, Reader, Subscription, Writer

__all__ = ["register"]

_BREAK_DESCRIPTION = """\
Remove deletion locks: of a workitem, of an AE, or of an AE on a workitem. The subscriptions stay,
but the workitems may be deleted once they have been final for long enough. Of an AE without a
workitem, that of its subscription to workitems to come is removed, too.
"""


def register(commands: Commands) -> None:
    """Add the commands."""
    parser = add_admin_command(
        commands, "subscriptions", _subscriptions, "", summary="list who is subscribed to what",
        examples="  leaddicom ups admin subscriptions --locked\n"
        "  leaddicom ups admin subscriptions --ae WATCHER --json\n",
    )  # fmt: skip
    parser.add_argument("--ae", metavar="TITLE", help="of this receiving AE only")
    parser.add_argument("--uid", type=read_uid, help="to this workitem only")
    parser.add_argument("--locked", action="store_true", help="with a deletion lock only")
    parser = add_admin_command(
        commands, "break-lock", _break_lock, "[UID] [--ae TITLE]",
        summary="remove the deletion locks of who does not come back",
        description=_BREAK_DESCRIPTION,
        examples="  leaddicom ups admin break-lock 1.2.3.4\n"
        "  leaddicom ups admin break-lock --ae WATCHER\n",
    )  # fmt: skip
    parser.add_argument("uid", metavar="UID", nargs="?", type=read_uid, help="of the workitem")
    parser.add_argument("--ae", metavar="TITLE", help="of this receiving AE only")


def _subscriptions(arguments: argparse.Namespace) -> int:
    with opened(arguments) as store, store.reading() as reader:
        single = _locked(reader, arguments) if arguments.locked else _of(reader, arguments)
        lasting = [] if arguments.uid else _lasting(reader, arguments.ae, arguments.locked)
    if arguments.json:
        write_json(
            [{"ae": each.ae, "uid": each.uid, "deletion_lock": _has_lock(each)} for each in single]
            + [
                {
                    "ae": each.ae,
                    "uid": None,
                    "deletion_lock": each.deletion_lock,
                    "filter": None if each.keys is None else list(lines_of(each.keys)),
                }
                for each in lasting
            ]
        )
    else:
        rows = [(each.ae, each.uid, "locked" if _has_lock(each) else "") for each in single]
        rows += [
            (each.ae, _subject(each), "locked" if each.deletion_lock else "") for each in lasting
        ]
        title = counted(len(rows), "subscription", "subscriptions")
        write_rows(title, ("Receiving AE", "To", "Deletion"), rows)
    if not (single or lasting):
        complain("Nobody is subscribed.")
    return 0 if single or lasting else 1


def _subject(subscription: GlobalSubscription) -> str:
    if subscription.keys is None:
        return "all workitems to come"
    return f"workitems to come with {', '.join(lines_of(subscription.keys))}"


def _break_lock(arguments: argparse.Namespace) -> int:
    if arguments.uid is None and arguments.ae is None:
        refuse(arguments, "say whose locks to remove: a UID, or --ae TITLE, or both")
    with opened(arguments) as store, store.writing() as writer:
        broken = _broken(writer, arguments)
        for ae, uid in broken:
            record(writer, arguments, "break-lock", uid=uid, detail=f"of {ae}")
    if arguments.json:
        write_json([{"ae": ae, "uid": uid or None} for ae, uid in broken])
    elif broken:
        write_line(counted(len(broken), "deletion lock is removed.", "deletion locks are removed."))
    if not broken:
        complain("There is no such deletion lock.")
    return 0 if broken else 1


def _broken(writer: Writer, arguments: argparse.Namespace) -> list[tuple[str, str]]:
    """Remove the locks, and give AE and workitem of each, "" for the workitems to come."""
    from leaddicom.ups.core.subscriptions import GlobalState, SubscriptionState

    broken = []
    for single in _locked(writer, arguments):
        writer.set_subscription(single.ae, single.uid, SubscriptionState.WITHOUT_LOCK)
        broken.append((single.ae, single.uid))
    for lasting in [] if arguments.uid else _lasting(writer, arguments.ae, True):
        writer.set_global_subscription(lasting.ae, GlobalState.WITHOUT_LOCK, lasting.keys)
        broken.append((lasting.ae, ""))
    return broken


def _of(reader: Reader, arguments: argparse.Namespace) -> list[Subscription]:
    return reader.subscriptions(ae=arguments.ae, uid=arguments.uid)


def _locked(reader: Reader, arguments: argparse.Namespace) -> list[Subscription]:
    return list(filter(_has_lock, _of(reader, arguments)))


def _lasting(reader: Reader, ae: str | None, locked: bool) -> list[GlobalSubscription]:
    return [
        each
        for each in reader.global_subscriptions()
        if (ae is None or each.ae == ae) and (each.deletion_lock or not locked)
    ]


def _has_lock(subscription: Subscription) -> bool:
    from leaddicom.ups.core.subscriptions import SubscriptionState

    return subscription.state is SubscriptionState.WITH_LOCK
