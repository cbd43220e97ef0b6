"""What a client asks of the worklist service, and who it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from leaddicom.dataset import LDicomDS
from leaddicom.tls.identity import PeerIdentity
from leaddicom.ups.core.terms import SopClass
from leaddicom.ups.manager.gate import Operation

__all__ = ["Caller", "Request"]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    Attributes
    ----------
    ae_title : str
        Calling AE title, which is what the peer says of itself.
    called : str
        Called AE title.
    identity : PeerIdentity or None
        Who it is by its certificate; `None` if it has shown none.
    address : str
        Host from which it asks.
    sop_class : str
        Abstract syntax of the presentation context on which it asks.
    """

    ae_title: str
    called: str = ""
    identity: PeerIdentity | None = None
    address: str = ""
    sop_class: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """A request of a normalized service.

    Attributes
    ----------
    caller : Caller
        Who asks.
    operation : Operation
        For what.
    uid : str
        SOP Instance UID in the command set, as it came.
    sop_class : str
        SOP Class UID in the command set, as it came.
    dataset : LDicomDS or None
        Attribute list, modification list or action information, not decoded.
    tags : sequence of int
        Attribute Identifier List of an N-GET.
    """

    caller: Caller
    operation: Operation
    uid: str
    sop_class: str = SopClass.PUSH.value
    dataset: LDicomDS | None = None
    tags: Sequence[int] = ()

    def __str__(self) -> str:
        # Escaped: it goes to the log, and the peer has written all of it.
        return f"{self.operation} of {self.uid!a} by {self.caller.ae_title!a}"
