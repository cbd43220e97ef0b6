"""An operation: what it sends, and what it makes of the responses until the final one."""

from __future__ import annotations

import contextlib
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from leaddicom.dataset import LDicomDS
from leaddicom.decoding import uid_name
from leaddicom.dimse.command import Value
from leaddicom.dimse.composition import is_final
from leaddicom.dimse.message import Message
from leaddicom.dimse.messages import ERROR_COMMENT, STATUS
from leaddicom.enums import Status
from leaddicom.errors import AssociationError, DicomErrorCode, NetworkError
from leaddicom.upper_layer.negotiation import SupportedContext

if TYPE_CHECKING:
    from leaddicom.scu.requestor import Requestor

__all__ = ["Accepted", "CancellableRequest", "Exchange", "Request", "Response", "as_scp"]

#: Identifiers of accepted presentation contexts by abstract syntax and transfer syntax.
Accepted = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Response:
    """A response that has arrived.

    Attributes
    ----------
    message : Message
        Its command set.
    dataset : LDicomDS or None
        Its data set, not decoded.
    """

    message: Message
    dataset: LDicomDS | None

    @property
    def status(self) -> int:
        """Its Status (0000,0900)."""
        return cast("int", self.message.command[STATUS.element])

    @property
    def comment(self) -> str:
        """Its Error Comment (0000,0902); "" if there is none."""
        return str(self.message.get(ERROR_COMMENT.element, ""))

    @property
    def is_final(self) -> bool:
        """Whether no other response to the same request follows."""
        return is_final(self.message.command)

    def values(self) -> dict[str, Value]:
        """Give what is in the command set, by the names of the ``OnReceive...`` events."""
        parameters = self.message.type.parameters if self.message.type else ()
        return {
            each.name: value
            for each, value in zip(parameters, self.message.arguments(), strict=True)
            if value is not None
        }


class Exchange(ABC):
    """Requests, and their responses up to the last one.

    The caller's thread begins it; after that, all that happens to it happens in events, on the
    network thread, but for `cancel` and `abandon`.

    Attributes
    ----------
    contexts : sequence of SupportedContext
        The presentation contexts that its association has to offer.
    window : int
        How many requests it has outstanding at most.
    done : bool
        Whether nothing more is to come.
    is_abandoned : bool
        Whether the association was closed under it, or its outcome is of no interest.
    """

    def __init__(self, contexts: Sequence[SupportedContext], window: int = 1) -> None:
        self.contexts = contexts
        self.window = window
        self.done = False
        self.is_abandoned = False

    @abstractmethod
    def bind(self, accepted: Accepted) -> None:
        """Choose from the presentation contexts that were accepted.

        Raises
        ------
        AssociationError
            There is none for it.
        """

    @abstractmethod
    def begin(self) -> None:
        """Send the first request; if the association is over, do nothing."""

    @abstractmethod
    def awaits(self, message_id: int) -> bool:
        """Tell whether the request with this message ID is one of its own."""

    @abstractmethod
    def answered(self, response: Response) -> None:
        """A response to a request of its own has arrived."""

    def cancel(self) -> None:  # noqa: B027 - most operations cannot be cancelled
        """Ask the peer to end it early; from any thread."""

    def abandon(self) -> None:
        """Hold nothing up any more, since nobody wants the outcome; from any thread."""
        self.is_abandoned = True


class Request(Exchange):
    """One request, with any number of pending responses and a final one (PS3.7 section 7.5).

    Parameters
    ----------
    net : Requestor
        Who carries it out.
    abstract_syntax : str
        That of the presentation context to send it on.
    contexts : sequence of SupportedContext
        What to offer, that one among them.
    send : Callable[[int, int], None]
        Sends it, given the identifier of the presentation context and the message ID.

    Attributes
    ----------
    final : Response
        The final response; there is one when it is done.
    """

    final: Response

    def __init__(
        self,
        net: Requestor,
        abstract_syntax: str,
        contexts: Sequence[SupportedContext],
        send: Callable[[int, int], None],
    ) -> None:
        super().__init__(contexts)
        self._net = net
        self._abstract_syntax = abstract_syntax
        self._send = send
        self._context_id = self._message_id = 0

    def bind(self, accepted: Accepted) -> None:
        """Take the first of the accepted contexts with the abstract syntax."""
        identifiers = accepted.get(self._abstract_syntax)
        if not identifiers:
            name = uid_name(self._abstract_syntax)
            raise AssociationError(
                DicomErrorCode.CLASS_NOT_SUPPORTED,
                f"{self._net.peer_text} does not accept {name}.",
            )
        self._context_id = next(iter(identifiers.values()))

    def begin(self) -> None:
        """Send the request."""
        self._message_id = self._net.next_message_id()
        with contextlib.suppress(AssociationError, NetworkError):  # its end tells the reason
            self._send(self._context_id, self._message_id)

    def awaits(self, message_id: int) -> bool:
        """Tell whether that is its request."""
        return message_id == self._message_id

    def answered(self, response: Response) -> None:
        """Keep the final response; the others go to `pending`."""
        if response.is_final:
            self._end(response)
        else:
            self.pending(response)

    def pending(self, response: Response) -> None:
        """A response has arrived that others follow."""

    def _end(self, final: Response) -> None:
        self.final = final
        self.done = True


class CancellableRequest(Request):
    """A request that a C-CANCEL ends: C-FIND, C-GET or C-MOVE (PS3.7 section 9.3.2.3)."""

    def __init__(
        self,
        net: Requestor,
        abstract_syntax: str,
        contexts: Sequence[SupportedContext],
        send: Callable[[int, int], None],
    ) -> None:
        super().__init__(net, abstract_syntax, contexts, send)
        self._lock = threading.Lock()
        self._is_sent = self._is_cancelled = False

    def begin(self) -> None:
        """Send the request, unless it was cancelled meanwhile."""
        with self._lock:
            if self._is_cancelled:
                self._end(Response(Message(0, {STATUS.element: Status.CANCEL}, None, None), None))
                return
            super().begin()
            self._is_sent = True

    def cancel(self) -> None:
        """Send a C-CANCEL, once; what the peer has sent before it reads that still arrives."""
        with self._lock:
            if self._is_cancelled or self.done:
                return
            self._is_cancelled = True
            if self._is_sent:
                with contextlib.suppress(AssociationError, NetworkError):  # it is over anyway
                    self._net.SendCCancelRequest(self._context_id, self._message_id)


def as_scp(context: SupportedContext) -> SupportedContext:
    """Give a context on which the requestor asks to be the SCP (PS3.7 section D.3.3.4)."""
    return replace(context, scu=False, scp=True)
