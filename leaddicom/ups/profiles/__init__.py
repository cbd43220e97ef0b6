"""Rules beyond the standard's, as domains have agreed on them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from leaddicom.ups.core.profile import Profile
from leaddicom.ups.profiles.tdw_ii import TdwII

__all__ = ["PROFILES", "TdwII"]

#: By the names that a configuration uses.
PROFILES: Mapping[str, Profile] = MappingProxyType({TdwII.name: TdwII()})
