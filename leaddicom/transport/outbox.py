"""What waits to be sent on a connection."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from leaddicom.dimse.fragmentation import OutgoingMessage
from leaddicom.dimse.messages import C_CANCEL_RQ
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
    command_field : int
        Its command field, by which the response of an operation is recognized.
    """

    outgoing: OutgoingMessage
    message_id: int
    is_operation: bool
    is_final: bool
    command_field: int = 0

    @property
    def waits(self) -> bool:
        """Whether it waits for the operations window."""
        return self.is_operation

    @property
    def is_cancel(self) -> bool:
        """Whether it is a C-CANCEL request; the message ID is that of the request it is about."""
        return self.command_field == C_CANCEL_RQ.command_field

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
    answers_release : bool
        Whether it is the answer to a release request.
    """

    perform: Callable[[UpperLayer], None]
    waits: bool = False
    answers_release: bool = False

    @property
    def size(self) -> int:
        """Bytes that it holds in memory, as good as none."""
        return 0


class Outbox:
    """Queue between the threads that send and the network thread.

    Requests wait for the asynchronous operations window (PS3.7 Annex D.3.3.3); responses never
    wait for it and so may overtake them.  A C-CANCEL does not overtake its own request, which
    the peer would not know yet.

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
        self._unsent = 0
        self._bytes = 0
        self._prompt_bytes = 0
        self._refusing = False  # who would have to wait
        self._releasing = False
        self._closed = False

    def __len__(self) -> int:
        return len(self._prompt) + len(self._gated)

    @property
    def unsent(self) -> int:
        """How many items were put, and neither dropped nor reported to `sent`."""
        return self._unsent

    @property
    def is_full(self) -> bool:
        """Whether as many responses wait as may, or as large ones."""
        return (
            len(self._prompt) >= self._limits.queued_messages
            or self._prompt_bytes >= self._limits.queued_bytes
        )

    @property
    def next_operation(self) -> QueuedMessage | None:
        """The request that would be the next one to leave."""
        first = self._gated[0] if self._gated else None
        return first if isinstance(first, QueuedMessage) and first.is_operation else None

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
            The connection is closed or being released, or the caller has waited for
            `Limits.write_timeout`.
        """
        with self._changed:
            if may_wait and isinstance(item, QueuedMessage):
                self._wait_for_room()
            if self._closed:
                raise _refusal("the connection is closed")
            if self._releasing and isinstance(item, QueuedMessage) and item.waits:
                raise _refusal("the release of the association was requested")
            place = self._place_behind(item)
            if place is not None:
                self._gated.insert(place, item)
            elif item.waits:
                self._gated.append(item)
                self._releasing = self._releasing or isinstance(item, QueuedPrimitive)
            else:
                self._prompt.append(item)
                self._prompt_bytes += item.size
            self._bytes += item.size
            self._unsent += 1

    def sent(self, count: int) -> None:
        """Items that were taken have left, or will not leave any more."""
        with self._changed:
            self._unsent = max(0, self._unsent - count)

    def _place_behind(self, item: QueuedMessage | QueuedPrimitive) -> int | None:
        """Give the place behind the request that a C-CANCEL is about, if that still waits."""
        if isinstance(item, QueuedMessage) and item.is_cancel:
            for index, each in enumerate(self._gated):
                if isinstance(each, QueuedMessage) and each.message_id == item.message_id:
                    return index + 1
        return None

    def _wait_for_room(self) -> None:
        # The thread that empties the queue may itself be waiting here, for another connection.
        limit = self._limits.write_timeout
        if not self._changed.wait_for(self._has_room, min(limit, threading.TIMEOUT_MAX)):
            raise NetworkError(
                DicomErrorCode.NET_TIME_OUT,
                f"The message was not queued: the queue has been full for {limit:g} s.",
            )
        if self._refusing and not self._closed:
            raise _refusal("the connection is being closed")

    def take(self, may_start_operation: bool) -> QueuedMessage | QueuedPrimitive | None:
        """Take the next item that may leave now; `None` if there is none."""
        if not self._prompt and not self._gated:
            return None
        with self._changed:
            if self._prompt:
                item = self._prompt.popleft()
                self._prompt_bytes -= item.size
            elif self._gated and (may_start_operation or self.next_operation is None):
                item = self._gated.popleft()
            else:
                return None
            self._bytes -= item.size
            self._changed.notify_all()
            return item

    def clear(self) -> None:
        """Drop everything that waits."""
        with self._changed:
            self._unsent -= len(self)
            self._drop(self._prompt)
            self._drop(self._gated)
            self._bytes = self._prompt_bytes = 0
            self._changed.notify_all()

    def refuse(self) -> None:
        """Let callers that wait go, with an error; answers that events give are still taken."""
        with self._changed:
            self._refusing = True
            self._changed.notify_all()

    def drop_operations(self) -> None:
        """Drop the requests that wait for the operations window."""
        with self._changed:
            self._bytes -= sum(item.size for item in self._gated)
            self._unsent -= len(self._gated)
            self._drop(self._gated)
            self._changed.notify_all()

    def close(self) -> None:
        """Drop everything and refuse what comes; callers that wait are let go."""
        with self._changed:
            self._closed = True
        self.clear()
        self._unsent = 0

    @staticmethod
    def _drop(items: deque[QueuedMessage | QueuedPrimitive]) -> None:
        for item in items:
            if isinstance(item, QueuedMessage):
                item.outgoing.close()
        items.clear()

    def _has_room(self) -> bool:
        if self._closed or self._refusing:
            return True
        limits = self._limits
        return len(self) < limits.queued_messages and self._bytes < limits.queued_bytes


def _refusal(reason: str) -> NetworkError:
    return NetworkError(DicomErrorCode.NET_NOT_CONNECTED, f"Nothing can be sent: {reason}.")
