"""How we identify ourselves to peers (PS3.7 D.3.3.2) and in files (PS3.10 section 7.1)."""

from __future__ import annotations

__all__ = ["IMPLEMENTATION_CLASS_UID", "IMPLEMENTATION_VERSION_NAME", "VERSION"]

#: Of the package; the version name has no room for more than three short numbers.
VERSION = "0.1.0"

#: UUID 439ba30c-4405-41a8-b71e-fcc8c03ff620 as a UID (PS3.5 section B.2).  It stays the same
#: for all versions that behave alike on the network.
IMPLEMENTATION_CLASS_UID = "2.25.89866388735216942523447645120992638496"

#: At most 16 characters.
IMPLEMENTATION_VERSION_NAME = "LEADDICOM_" + VERSION.replace(".", "_")
