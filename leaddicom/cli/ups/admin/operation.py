"""``leaddicom ups admin statistics``, ``servers``, ``audit``, ``resend`` and ``purge``."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING

from leaddicom.cli.output import write_json, write_line
from leaddicom.cli.parsers import Commands
from leaddicom.cli.ups.admin.common import (
    add_admin_command,
    agrees,
    configuration_of,
    opened,
    record,
)
from leaddicom.cli.ups.client import refuse
from leaddicom.cli.ups.text import complain, counted, local_text, write_rows
from leaddicom.cli.ups.uids import read_uid
from leaddicom.errors import ParameterError
from leaddicom.ups.core.terms import State
from leaddicom.ups.settings.readers import span

if TYPE_CHECKING:
    from leaddicom.ups.store import Statistics, Store

__all__ = ["register"]


def register(commands: Commands) -> None:
    """Add the commands."""
    add_admin_command(
        commands, "statistics", _statistics, "", summary="count workitems, subscriptions, events",
        examples="  leaddicom ups admin statistics --json | jq .receivers\n",
    )  # fmt: skip
    add_admin_command(
        commands, "servers", _servers, "", summary="list the processes of the manager",
        examples="  leaddicom ups admin servers\n",
    )  # fmt: skip
    parser = add_admin_command(
        commands, "audit", _audit, "", summary="list who has asked for what, the newest first",
        examples="  leaddicom ups admin audit --uid 1.2.3.4\n",
    )  # fmt: skip
    parser.add_argument("--uid", type=read_uid, help="of this workitem only")
    parser.add_argument("--limit", type=int, default=100, metavar="N", help="default: 100")
    parser = add_admin_command(
        commands, "resend", _resend, "TITLE | --all",
        summary="send events at once that wait for a receiver, or were given up",
        examples="  leaddicom ups admin resend WATCHER\n",
    )  # fmt: skip
    parser.add_argument("title", metavar="TITLE", nargs="?", help="AE title of the receiver")
    parser.add_argument("--all", action="store_true", help="to all receivers")
    parser = add_admin_command(
        commands, "purge", _purge, "", summary="delete workitems that have been final for long",
        description="Delete workitems that have been final for longer than the manager's "
        "configuration has\nit, but for those with a deletion lock.",
        examples="  leaddicom ups admin purge --yes -c manager.ini\n"
        "  leaddicom ups admin purge --older-than 7d\n",
    )  # fmt: skip
    parser.add_argument("--older-than", metavar="TIME", type=_span, help="such as 12h, 7d or 4w")
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask before")


def _statistics(arguments: argparse.Namespace) -> int:
    with opened(arguments) as store, store.reading() as reader:
        found = reader.statistics()
    if arguments.json:
        write_json(_document(found))
        return 0
    counts = [(state.value, str(count)) for state, count in found.workitems.items()]
    counts += [
        ("final, kept by a deletion lock", str(found.locked)),
        ("subscriptions to single workitems", str(found.subscriptions)),
        ("subscriptions to workitems to come", str(found.global_subscriptions)),
        ("processes of the manager", str(found.servers)),
    ]
    write_rows("Worklist", ("What", "How many"), counts)
    if found.receivers:
        headings = ("Receiver", "Waiting", "Sent", "Given up", "Next attempt", "Last error")
        rows = [
            (ae, *map(str, (each.pending, each.sent, each.expired)), local_text(each.next_try_at),
             each.last_error)
            for ae, each in found.receivers.items()
        ]  # fmt: skip
        write_rows("Events of the last days", headings, rows)
    return 0


def _document(found: Statistics) -> dict[str, object]:
    return {
        "workitems": {state.value: count for state, count in found.workitems.items()},
        "locked": found.locked,
        "subscriptions": found.subscriptions,
        "global_subscriptions": found.global_subscriptions,
        "servers": found.servers,
        "receivers": {
            ae: asdict(each) | {"next_try_at": each.next_try_at and each.next_try_at.isoformat()}
            for ae, each in found.receivers.items()
        },
    }


def _servers(arguments: argparse.Namespace) -> int:
    with opened(arguments) as store, store.reading() as reader:
        found = reader.servers()
    if arguments.json:
        write_json(
            [
                asdict(each)
                | {name: getattr(each, name).isoformat() for name in ("started_at", "heartbeat_at")}
                for each in found
            ]
        )
    else:
        rows = [
            (each.host, str(each.pid), local_text(each.started_at), local_text(each.heartbeat_at),
             "silent" if each.is_silent else "running")
            for each in found
        ]  # fmt: skip
        headings = ("Host", "Process", "Since", "Last sign of life", "State")
        write_rows(counted(len(found), "process", "processes"), headings, rows)
    if not found:
        complain("No process of a manager is registered.")
    return 0 if found else 1


def _audit(arguments: argparse.Namespace) -> int:
    with opened(arguments) as store, store.reading() as reader:
        found = reader.audit(arguments.uid, arguments.limit)
    if arguments.json:
        write_json(
            [
                asdict(each)
                | {"at": each.at and each.at.isoformat(), "status": f"{each.status:04X}"}
                for each in found
            ]
        )
    else:
        rows = [
            (local_text(each.at), each.operation, each.uid, each.calling_ae, each.identity,
             f"{each.status:04X}", each.detail)
            for each in found
        ]  # fmt: skip
        headings = ("When", "What", "Workitem", "AE", "Who", "Status", "Details")
        write_rows(counted(len(found), "entry", "entries"), headings, rows)
    if not found:
        complain("There is nothing in the audit trail.")
    return 0 if found else 1


def _resend(arguments: argparse.Namespace) -> int:
    if (arguments.title is None) is not arguments.all:
        refuse(arguments, "say to whom: TITLE, or --all")
    with opened(arguments) as store:
        with store.reading() as reader:
            receivers = reader.statistics().receivers
        titles = list(receivers) if arguments.all else [arguments.title]
        unknown = [title for title in titles if title not in receivers]
        taken_up = {title: store.retry(title) for title in titles if title in receivers}
        with store.writing() as writer:
            for title, count in taken_up.items():
                given_up = counted(count, "that was given up", "that were given up")
                detail = f"to {title}, {given_up}"
                record(writer, arguments, "resend", detail=detail)
    if arguments.json:
        write_json({title: receivers[title].pending + count for title, count in taken_up.items()})
    else:
        for title, count in taken_up.items():
            waiting = receivers[title].pending + count
            sent = f"{counted(waiting, 'event goes', 'events go')} to {title} now."
            write_line(sent if waiting else f"No event waits for {title}.")
    for title in unknown:
        complain(f"There are no events for {title}.")
    return 1 if unknown else 0


def _purge(arguments: argparse.Namespace) -> int:
    retention = configuration_of(arguments).retention
    if arguments.older_than is not None:
        retention = dict.fromkeys((State.COMPLETED, State.CANCELED), arguments.older_than)
    if not retention:
        raise ParameterError("By its configuration the manager keeps everything: --older-than.")
    with opened(arguments) as store:
        which = " or ".join(f"{state} for {_text(kept)}" for state, kept in retention.items())
        if not agrees(arguments, f"Delete the workitems that have been {which}?"):
            return 1
        count = _purged(store, arguments, retention)
    if arguments.json:
        write_json({"deleted": count})
    else:
        write_line(counted(count, "workitem is deleted.", "workitems are deleted."))
    return 0


def _purged(
    store: Store, arguments: argparse.Namespace, retention: Mapping[State, timedelta]
) -> int:
    total = 0
    while True:  # a transaction for some of them, so that the manager need not wait
        with store.writing() as writer:
            now = writer.now()
            count = writer.purge({state: now - kept for state, kept in retention.items()})
            total += count
            if not count:
                record(writer, arguments, "purge", detail=counted(total, "workitem", "workitems"))
                return total


def _text(kept: timedelta) -> str:
    return f"{kept} hours" if kept % timedelta(days=1) else counted(kept.days, "day", "days")


def _span(text: str) -> timedelta:
    try:
        return span(text)
    except ParameterError as error:
        raise argparse.ArgumentTypeError(error.message) from None
