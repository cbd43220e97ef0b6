"""Which SOP classes a message may name on a presentation context.

As a rule it is the context's abstract syntax.  Some service classes negotiate one SOP class for
the instances of others.
"""

from __future__ import annotations

__all__ = ["belongs"]

_PRINTER = "1.2.840.10008.5.1.1.16"
_FILM = ("1.2.840.10008.5.1.1.1", "1.2.840.10008.5.1.1.2", _PRINTER)

#: All UPS SOP classes work on instances of UPS Push (PS3.4 section CC.3.1), and clients name the
#: class that comes to their mind: an SCP of these says itself what it makes of the name.
_UPS = frozenset(f"1.2.840.10008.5.1.4.34.6.{number}" for number in range(1, 6))

_MPPS = "1.2.840.10008.3.1.2.3.3"

_MEMBERS: dict[str, frozenset[str]] = {
    # Basic Grayscale and Color Print Management Meta SOP classes (PS3.4 Annex H.3.2.2)
    "1.2.840.10008.5.1.1.9": frozenset((*_FILM, "1.2.840.10008.5.1.1.4")),
    "1.2.840.10008.5.1.1.18": frozenset((*_FILM, "1.2.840.10008.5.1.1.4.1")),
    # MPPS Retrieve and Notification work on instances of MPPS (PS3.4 Annexes F.8 and F.9)
    "1.2.840.10008.3.1.2.3.4": frozenset((_MPPS,)),
    "1.2.840.10008.3.1.2.3.5": frozenset((_MPPS,)),
}


def belongs(sop_class_uid: str, abstract_syntax: str) -> bool:
    """Tell whether a message may name a SOP class on a context with that abstract syntax."""
    if sop_class_uid == abstract_syntax or abstract_syntax in _UPS:
        return True
    return sop_class_uid in _MEMBERS.get(abstract_syntax, frozenset())
