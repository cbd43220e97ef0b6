"""What a worklist manager decides where the standard leaves it open."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timezone, tzinfo

from leaddicom.ups.core.profile import Profile

__all__ = ["Rules"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The switches of the service.

    Attributes
    ----------
    strict_create : bool
        Refuse an N-CREATE that lacks a Type 2 attribute, fills what has to be empty, or has items
        that lack anything; otherwise the manager mends it and warns with B300H.
    strict_final_state : bool
        Refuse to cancel without a discontinuation reason (C304H); otherwise "Discontinued for
        unspecified reason" is filled in.
    strict_sop_class : bool
        Refuse requests that name another SOP class than UPS Push (0118H).
    worklist_label : str
        What a workitem without a Worklist Label gets.
    deletion_locks : bool
        Grant the deletion locks that subscribers ask for; otherwise they are subscribed without
        one (B301H).
    own_subscriptions_only : bool
        Refuse subscriptions of another AE than the one that asks (0124H).
    profiles : tuple of Profile
        What asks for more than the standard does.
    zone : tzinfo
        Of date times that say nothing about it (PS3.5 section 6.2).
    find_limit : int
        Matches that one C-FIND gets at most; if there are more it ends with A700H.
    """

    strict_create: bool = False
    strict_final_state: bool = False
    strict_sop_class: bool = False
    worklist_label: str = "WORKLIST"
    deletion_locks: bool = True
    own_subscriptions_only: bool = False
    profiles: tuple[Profile, ...] = ()
    zone: tzinfo = timezone.utc
    find_limit: int = 10_000
