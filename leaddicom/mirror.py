"""How a member of ours differs from LEADTOOLS' member of the same name.

The note stands at the member, so the porting guide and its table, which are made from it, cannot
drift away from the code.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["difference_of", "differs"]

_Member = TypeVar("_Member", bound=Callable[..., Any])


def differs(how: str) -> Callable[[_Member], _Member]:
    """Note how a member differs, beyond what holds for all of them.

    For all of them holds: what LEADTOOLS returns as error code is raised as `DicomError`, what it
    writes into a buffer is returned, and a request that no override answers is answered with the
    status that PS3.7 has for it.

    Parameters
    ----------
    how : str
        One or two sentences.
    """

    def note(member: _Member) -> _Member:
        member.__leadtools__ = how  # type: ignore[attr-defined]
        return member

    return note


def difference_of(member: object) -> str:
    """Give the note of a member; an empty text if it does not differ."""
    return getattr(member, "__leadtools__", "")
