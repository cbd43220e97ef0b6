"""How commands tell what a worklist manager has answered."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import TYPE_CHECKING

from leaddicom.cli.output import write_json, write_line
from leaddicom.cli.ups.client import in_commands
from leaddicom.cli.ups.text import complain, shown

if TYPE_CHECKING:
    from leaddicom.ups.client.results import UpsResult

__all__ = ["document_of", "finish", "text_of"]


def document_of(result: UpsResult) -> dict[str, object]:
    """Give an answer for JSON."""
    return {
        "verb": result.verb,
        "uid": result.uid,
        "status": f"{result.status:04X}",
        "category": str(result.category),
        "meaning": result.meaning,
        "comment": result.comment,
        "remedy": in_commands(result.remedy),
        "attempts": result.attempts,
    }


def text_of(result: UpsResult) -> str:
    """Give an answer for people, with what to do about it."""
    return in_commands(str(result))


def finish(
    arguments: argparse.Namespace,
    result: UpsResult,
    lines: Iterable[str],
    document: dict[str, object] | None = None,
) -> int:
    """Tell how a command has ended.

    Parameters
    ----------
    arguments : argparse.Namespace
        Of the command; with `json` it is told in JSON.
    result : UpsResult
        The answer that matters.
    lines : iterable of str
        What to say if it is no failure.
    document : dict, optional
        What to say then in JSON; by default the answer.

    Returns
    -------
    int
        The exit code.
    """
    if arguments.json:
        is_told = document is not None and not result.is_failure
        write_json(document if is_told else document_of(result))
    elif not result.is_failure:
        for line in lines:
            write_line(shown(line))
    if not result.is_success:
        complain(text_of(result))
    return 1 if result.is_failure else 0
