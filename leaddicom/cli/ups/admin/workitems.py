"""``leaddicom ups admin list``, ``show`` and ``force-state``."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from leaddicom.cli.output import write_json, write_line
from leaddicom.cli.parsers import Commands
from leaddicom.cli.ups.admin.common import add_admin_command, configuration_of, opened, record
from leaddicom.cli.ups.describing import dicom_json, facts_of, tree_of
from leaddicom.cli.ups.filters import add_filters, identifier_of, read_state
from leaddicom.cli.ups.finding import HEADINGS, STYLES, row_of
from leaddicom.cli.ups.keys import read_code
from leaddicom.cli.ups.text import complain, counted, local_text, shown, write_rows
from leaddicom.cli.ups.uids import add_uid
from leaddicom.errors import ParameterError
from leaddicom.ups.core.terms import State, UpsStatus

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from leaddicom.ups.core.workitem import Outcome, Workitem
    from leaddicom.ups.store import Store, Subscription

__all__ = ["register"]

_FORCE_DESCRIPTION = """\
Change the state of a workitem as the manager itself, without its Transaction UID: when whoever has
claimed it will never come back. Subscribers are told. No workitem leaves COMPLETED or CANCELED,
and COMPLETED needs what was performed.
"""


def register(commands: Commands) -> None:
    """Add the commands."""
    parser = add_admin_command(
        commands, "list", _list, "", summary="list workitems",
        examples="  leaddicom ups admin list --state in-progress --to yesterday\n",
    )  # fmt: skip
    add_filters(parser)
    parser.add_argument("--limit", type=int, default=1000, metavar="N", help="default: 1000")
    parser = add_admin_command(
        commands, "show", _show, "UID", summary="show a workitem, and who is subscribed to it",
        examples="  leaddicom ups admin show 1.2.3.4\n",
    )  # fmt: skip
    add_uid(parser)
    parser = add_admin_command(
        commands, "force-state", _force_state, "UID STATE",
        summary="change the state of a workitem that is stuck", description=_FORCE_DESCRIPTION,
        examples="  leaddicom ups admin force-state 1.2.3.4 canceled --reason 'Console crashed'\n",
    )  # fmt: skip
    add_uid(parser)
    parser.add_argument(
        "state", metavar="STATE", type=read_state, help="in-progress, completed or canceled"
    )
    parser.add_argument("--reason", metavar="TEXT", help="of a cancellation, in words")
    parser.add_argument(
        "--reason-code", metavar="CODE", type=read_code, help="VALUE,DESIGNATOR,MEANING"
    )


def _list(arguments: argparse.Namespace) -> int:
    from leaddicom.ups.client.views import WorkitemView

    with opened(arguments) as store:
        found = list(islice(_found(store, arguments), arguments.limit))
    views = [WorkitemView(each.dataset) for each in found]
    if arguments.json:
        write_json(
            [facts_of(view) | _history(each) for each, view in zip(found, views, strict=True)]
        )
    else:
        rows = [(*row_of(view), each.performer_ae) for each, view in zip(found, views, strict=True)]
        title = counted(len(found), "workitem", "workitems")
        write_rows(title, (*HEADINGS, "Performer"), rows, STYLES)
    if not found:
        complain("Nothing was found.")
    return 0 if found else 1


def _found(store: Store, arguments: argparse.Namespace) -> Iterator[Workitem]:
    from leaddicom.ups.core.findings import Finding
    from leaddicom.ups.core.matching import check_identifier
    from leaddicom.ups.manager.finding import search

    identifier = check_identifier(identifier_of(arguments))
    if isinstance(identifier, Finding):
        raise ParameterError(f"{identifier.text}. Correct what to look for.")
    return search(store.reading, identifier, configuration_of(arguments).timezone)


def _show(arguments: argparse.Namespace) -> int:
    with opened(arguments) as store, store.reading() as reader:
        workitem = reader.workitem(arguments.uid)
        subscriptions = reader.subscriptions(uid=arguments.uid)
    if workitem is None:
        complain(f"There is no workitem {arguments.uid}.")
        return 1
    if arguments.json:
        write_json(
            {
                "uid": workitem.uid,
                **_history(workitem),
                "subscriptions": [
                    {"ae": each.ae, "deletion_lock": _is_locked(each)} for each in subscriptions
                ],
                "attributes": dicom_json(workitem.dataset),
            }
        )
        return 0
    write_line(f"Workitem {workitem.uid}")
    for name, value in _history_lines(workitem, subscriptions):
        write_line(shown(f"  {name}: {value}"))
    write_line("Attributes")
    for line in tree_of(workitem.dataset, "  "):
        write_line(line)
    return 0


def _history(workitem: Workitem) -> dict[str, object]:
    times = {name: getattr(workitem, name) for name in ("created_at", "modified_at", "final_at")}
    return {
        "creator": workitem.creator_ae,
        "performer": workitem.performer_ae,
        "version": workitem.version,
        **{name: at and at.isoformat() for name, at in times.items()},
    }


def _history_lines(
    workitem: Workitem, subscriptions: list[Subscription]
) -> Iterator[tuple[str, str]]:
    yield "created", f"{local_text(workitem.created_at)} by {workitem.creator_ae}"
    if workitem.performer_ae:
        yield "claimed by", workitem.performer_ae
    yield "last changed", f"{local_text(workitem.modified_at)}, version {workitem.version}"
    if workitem.final_at is not None:
        yield "final since", local_text(workitem.final_at)
    for each in subscriptions:
        yield "subscribed", f"{each.ae}{' with deletion lock' if _is_locked(each) else ''}"


def _is_locked(subscription: Subscription) -> bool:
    from leaddicom.ups.core.subscriptions import SubscriptionState

    return subscription.state is SubscriptionState.WITH_LOCK


def _force_state(arguments: argparse.Namespace) -> int:
    uid, target = arguments.uid, State(arguments.state)
    with opened(arguments) as store:
        outcome = _forced(store, arguments, target)
    is_done = outcome.status == UpsStatus.SUCCESS
    if arguments.json:
        status = {"status": f"{outcome.status:04X}", "comment": outcome.comment}
        write_json({"uid": uid, "state": target.value, "is_done": is_done, **status})
    elif is_done:
        write_line(f"{uid} is {target.value}; subscribers are told by the manager.")
    if not is_done:
        complain(
            f"{uid} does not become {target.value}: {outcome.comment} ({outcome.status:04X}H)."
        )
    return 0 if is_done else 1


def _forced(store: Store, arguments: argparse.Namespace, target: State) -> Outcome:
    from pydicom.uid import generate_uid

    from leaddicom.ups.core.states import force_state

    rules = configuration_of(arguments).rules
    with store.writing() as writer:
        outcome = force_state(
            writer.workitem(arguments.uid),
            target,
            new_transaction_uid=str(generate_uid(prefix=None)),
            rules=rules,
            now=writer.now(),
            reason=_reason(arguments),
        )
        if outcome.workitem is not None:
            writer.update(outcome.workitem)
        for event in outcome.events:
            writer.publish(event, None)
        detail = outcome.comment or f"to {target.value}"
        record(
            writer, arguments, "force-state",
            uid=arguments.uid, status=outcome.status, detail=detail,
        )  # fmt: skip
    return outcome


def _reason(arguments: argparse.Namespace) -> Dataset | None:
    from pydicom.dataset import Dataset

    from leaddicom.ups.client.builders import code_item

    reason = Dataset()
    if arguments.reason:
        reason.ReasonForCancellation = arguments.reason
    if arguments.reason_code:
        item = code_item(arguments.reason_code)
        reason.ProcedureStepDiscontinuationReasonCodeSequence = [item]
    return reason or None
