"""``leaddicom ups claim``, ``resume`` and ``claims``: who performs a workitem."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from leaddicom.cli.output import write_json
from leaddicom.cli.parsers import Commands, add_command
from leaddicom.cli.ups.client import EXIT_CODES, PERFORMER, add_client_options, connected
from leaddicom.cli.ups.outcome import document_of, finish
from leaddicom.cli.ups.text import add_json, complain, counted, local_text, write_rows
from leaddicom.cli.ups.uids import add_uid, read_uid
from leaddicom.errors import ParameterError
from leaddicom.ups.settings.options import OPTIONS

if TYPE_CHECKING:
    from leaddicom.ups.client import UpsScu
    from leaddicom.ups.client.results import UpsResult
    from leaddicom.ups.client.transaction_uids import TransactionUids

__all__ = ["KEPT", "add_performer_options", "performing", "register"]

KEPT = """\
Transaction UID:
  What a workitem is locked with when it is claimed. It is kept in a file of yours (see
  --transaction-uids), so that the other commands find it, also after a crash; who is to go on
  elsewhere gives it with -T. It belongs to AE title, host and port of the manager as they were
  typed: if that is reached at another address, name it with --manager.
"""

_CLAIM_EPILOG = f"""\
{KEPT}
{EXIT_CODES}
examples:
  leaddicom ups claim localhost 2762 1.2.3.4
  leaddicom ups progress localhost 2762 1.2.3.4 50
  leaddicom ups complete localhost 2762 1.2.3.4 --as-scheduled
"""

_RESUME_EPILOG = f"""\
{EXIT_CODES}
examples:
  leaddicom ups claims
  leaddicom ups resume localhost 2762 1.2.3.4
"""

_CLAIMS_EPILOG = """\
exit codes:
  0  done
  1  there is none, or it failed; one line on standard error says why
  2  the command line was not understood
"""


def register(commands: Commands) -> None:
    """Add ``claim``, ``resume`` and ``claims``."""
    parser = add_command(
        commands, "claim", _claim, summary="claim a workitem, to perform it",
        description="Claim a workitem: it becomes IN PROGRESS, and nobody else may change it.",
        epilog=_CLAIM_EPILOG,
    )  # fmt: skip
    add_performer_options(parser)
    parser = add_command(
        commands, "resume", _resume, summary="go on with a workitem that was claimed before",
        description="Find out whether a workitem was claimed here, of which the answer was lost, "
        "and go on\nwith it. No other program may be performing it any more.",
        epilog=_RESUME_EPILOG,
    )  # fmt: skip
    add_performer_options(parser, gives_transaction=False)
    parser = add_command(
        commands, "claims", _claims, summary="list what was claimed here, of all managers",
        description="List the workitems that were claimed here and whose end is not confirmed.",
        epilog=_CLAIMS_EPILOG,
    )  # fmt: skip
    _add_file(parser)
    add_json(parser)
    parser.add_argument("--secrets", action="store_true", help="show the Transaction UIDs, too")


def add_performer_options(
    parser: argparse.ArgumentParser, rest: str = "", *, gives_transaction: bool = True
) -> None:
    """Add what the commands of performers have in common: link, UID and Transaction UID."""
    add_client_options(parser, PERFORMER, f"UID {rest}", more=(OPTIONS["profiles"],))
    add_uid(parser)
    if gives_transaction:
        parser.add_argument(
            "-T", "--transaction-uid", "--transaction_uid", metavar="UID", type=read_uid,
            help="what the workitem is locked with, if it was claimed elsewhere",
        )  # fmt: skip
    parser.add_argument(
        "--manager", metavar="NAME", help="by which name Transaction UIDs of this manager are kept"
    )
    _add_file(parser)


@contextmanager
def performing(arguments: argparse.Namespace) -> Iterator[UpsScu]:
    """Have a client that can lock what it sends: the workitem was claimed.

    Raises
    ------
    ParameterError
        It was not claimed here, and no Transaction UID is given.
    """
    with connected(arguments) as ups:
        # Before anything is sent: the manager would take it for a change of the schedule.
        if not (arguments.transaction_uid or ups.transaction_uids.get(ups.manager, arguments.uid)):
            raise ParameterError(
                f"{arguments.uid} of {ups.manager} was not claimed here, or has ended: claim it "
                "with 'ups claim', or give the Transaction UID that it was claimed with (-T)."
            )
        yield ups


def _add_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--transaction-uids", metavar="FILE", type=Path,
        help="where Transaction UIDs are kept (default: a file of yours, in ~/.local/state)",
    )  # fmt: skip


def _claim(arguments: argparse.Namespace) -> int:
    with connected(arguments) as ups:
        result = ups.claim(arguments.uid, transaction_uid=arguments.transaction_uid or "")
        return _finish(arguments, result, ups.transaction_uids)


def _resume(arguments: argparse.Namespace) -> int:
    with connected(arguments) as ups:
        return _finish(arguments, ups.resume(arguments.uid), ups.transaction_uids)


def _finish(arguments: argparse.Namespace, result: UpsResult, kept: TransactionUids) -> int:
    lock = result.transaction_uid
    lines = (f"{result.uid} is claimed.", f"Its Transaction UID {lock} is kept in {kept.path}")
    return finish(arguments, result, lines, document_of(result) | {"transaction_uid": lock})


def _claims(arguments: argparse.Namespace) -> int:
    from leaddicom.ups.client.transaction_uids import TransactionUids

    held = TransactionUids(arguments.transaction_uids).held()
    if arguments.json:
        write_json(
            [
                {
                    "manager": each.manager,
                    "uid": each.uid,
                    "claimed_at": each.claimed_at.isoformat(),
                    "is_confirmed": each.is_confirmed,
                }
                | ({"transaction_uid": each.transaction_uid} if arguments.secrets else {})
                for each in held
            ]
        )
    else:
        headings = ("Manager", "Workitem", "Claimed", "Answer", "Transaction UID")
        rows = [
            (
                each.manager,
                each.uid,
                local_text(each.claimed_at),
                "granted" if each.is_confirmed else "lost: resume it",
                each.transaction_uid,
            )
            for each in held
        ]
        shown = len(headings) - (not arguments.secrets)
        title = counted(len(held), "claim", "claims")
        write_rows(title, headings[:shown], [row[:shown] for row in rows])
    if not held:
        complain("Nothing is claimed.")
    return 0 if held else 1
