"""What waits to be sent on a connection."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from leaddicom.dimse.fragmentation import OutgoingMessage
from leaddicom.errors import DicomErrorCode, NetworkError
from leaddicom.limits import Limits
from leaddicom.upper_layer.protocol import UpperLayer

__all__ = ["Outbox", "QueuedMessage", "QueuedPrimitive"]


@dataclass(slots=True)
class QueuedMessage:
    """A DIMSE message that waits.

    Attributes
    ----------
    outgoing : OutgoingMessage
        Command set and data set.
    message_id : int
        Message ID, in a response that of the request.
    is_operation : bool
        Whether it is a request that counts against the operations window.
    is_final : bool
        Whether it ends an operation: a response that is not pending.
    """

    outgoing: OutgoingMessage
    message_id: int
    is_operation: bool
    is_final: bool

    @property
    def waits(self) -> bool:
        """Whether it waits for the operations window."""
        return self.is_operation

    @property
    def size(self) -> int:
        """Bytes that it holds in memory."""
        return self.outgoing.queued_bytes


@dataclass(slots=True)
class QueuedPrimitive:
    """A primitive of the upper layer that waits for its turn.

    Attributes
    ----------
    perform : Callable[[UpperLayer], None]
        What to do when its turn has come.
    waits : bool
        Whether its turn is after the requests that wait, rather than after the responses.
    """

    perform: Callable[[UpperLayer], None]
    waits: bool = False

    @property
    def size(self) -> int:
        """Bytes that it holds in memory, as good as none."""
        return 0


class Outbox:
    """Queue between the threads that send and the network thread.

    Requests wait for the asynchronous operations window (PS3.7 Annex D.3.3.3); responses never
    wait for it and so may overtake them.

    Parameters
    ----------
    limits : Limits
        `queued_bytes` and `queued_messages` are the high-water mark.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._changed = threading.Condition()
        self._prompt: deque[QueuedMessage | QueuedPrimitive] = deque()
        self._gated: deque[QueuedMessage | QueuedPrimitive] = deque()
        self._bytes = 0
        self._closed = False

    def __len__(self) -> int:
        return len(self._prompt) + len(self._gated)

    @property
    def is_full(self) -> bool:
        """Whether as many responses wait as may."""
        return len(self._prompt) >= self._limits.queued_messages

    def put(self, item: QueuedMessage | QueuedPrimitive, *, may_wait: bool) -> None:
        """Append an item.

        Parameters
        ----------
        item : QueuedMessage or QueuedPrimitive
            What to send.
        may_wait : bool
            Whether the caller may be held while the queue is above its high-water mark; the
            network thread, which alone empties it, may not.

        Raises
        ------
        NetworkError
            The connection is closed.
        """
        with self._changed:
            if may_wait and isinstance(item, QueuedMessage):
                # Bounded by the connection's own deadlines: it progresses or it closes.
                self._changed.wait_for(self._has_room)
            if self._closed:
                raise NetworkError(
                    DicomErrorCode.NET_NOT_CONNECTED,
                    "Nothing can be sent: the connection is closed.",
                )
            (self._gated if item.waits else self._prompt).append(item)
            self._bytes += item.size

    def take(self, may_start_operation: bool) -> QueuedMessage | QueuedPrimitive | None:
        """Take the next item that may leave now; `None` if there is none."""
        if not self._prompt and not self._gated:
            return None
        with self._changed:
            if self._prompt:
                item = self._prompt.popleft()
            elif self._gated and (
                may_start_operation or isinstance(self._gated[0], QueuedPrimitive)
            ):
                item = self._gated.popleft()
            else:
                return None
            self._bytes -= item.size
            self._changed.notify_all()
            return item

    def clear(self) -> None:
        """Drop everything that waits."""
        with self._changed:
            for item in (*self._prompt, *self._gated):
                if isinstance(item, QueuedMessage):
                    item.outgoing.close()
            self._prompt.clear()
            self._gated.clear()
            self._bytes = 0
            self._changed.notify_all()

    def close(self) -> None:
        """Drop everything and refuse what comes; callers that wait are let go."""
        with self._changed:
            self._closed = True
        self.clear()

    def _has_room(self) -> bool:
        return self._closed or (
            len(self) < self._limits.queued_messages and self._bytes < self._limits.queued_bytes
        )
