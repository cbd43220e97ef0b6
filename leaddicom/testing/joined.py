"""Two protocol machines joined back to back, without a socket.

::

    joined = JoinedCores(seed=7)
    joined.requestor.core.associate(request)
    joined.run()
    joined.acceptor.core.accept(accept_contexts(request, supported))
    joined.run()
    joined.requestor.send(OutgoingMessage(1, command, None))
    joined.run()
    assert joined.acceptor.seen == [...]

Whatever the seed, both ends have to see the same: TCP promises no boundaries.
"""

from __future__ import annotations

import random

from leaddicom.dimse.fragmentation import OutgoingMessage
from leaddicom.limits import Limits
from leaddicom.upper_layer.pdu import HEADER_LENGTH, PdvPiece
from leaddicom.upper_layer.protocol import Indication, Role, UpperLayer

__all__ = ["ArtimRecorder", "JoinedCores", "JoinedEnd"]


class ArtimRecorder:
    """An ARTIM timer that never runs out by itself.

    Attributes
    ----------
    is_running : bool
        Whether it runs.
    calls : list of str
        ``"start"`` and ``"stop"``, in order.
    """

    def __init__(self) -> None:
        self.is_running = False
        self.calls: list[str] = []

    def start(self) -> None:
        """Start the timer, or start it again."""
        self.is_running = True
        self.calls.append("start")

    def stop(self) -> None:
        """Stop the timer."""
        self.is_running = False
        self.calls.append("stop")


class JoinedEnd:
    """One end: a protocol machine, and what it has indicated.

    Parameters
    ----------
    role : Role
        Requestor or acceptor.
    limits : Limits
        Of this end.

    Attributes
    ----------
    core : UpperLayer
        The protocol machine.
    artim : ArtimRecorder
        Its timer.
    seen : list of Indication
        What it has indicated.  The pieces of a presentation data value are put together, so
        that it does not matter where the network has cut it.
    wire : bytearray
        What is on the way to the other end.
    """

    def __init__(self, role: Role, limits: Limits) -> None:
        self.artim = ArtimRecorder()
        self.core = UpperLayer(role, limits, self.artim)
        self.seen: list[Indication] = []
        self._limits = limits
        self._value = bytearray()
        self._is_closed = False
        self.wire = bytearray()

    def send(self, message: OutgoingMessage) -> None:
        """Send a DIMSE message.

        Raises
        ------
        AssociationError
            The state of the protocol machine does not allow it (PS3.8 Table 9-10).
        """
        self.collect()
        buffer = memoryview(bytearray(HEADER_LENGTH + self._limits.maximum_pdu_length))
        while not message.done:
            self.core.p_data()
            used = message.fill(buffer, self.core.maximum_length_to_send)
            self.wire += buffer[:used]

    def receive(self, data: bytes) -> None:
        """Take bytes from the network."""
        for indication in self.core.receive_data(memoryview(data)):
            if not isinstance(indication, PdvPiece):
                self.seen.append(indication)
                continue
            self._value += indication.data
            if indication.end:
                value, self._value = bytes(self._value), bytearray()
                self.seen.append(
                    PdvPiece(indication.context_id, indication.control, memoryview(value), True)
                )

    def collect(self) -> None:
        """Put what the protocol machine has to say onto the wire."""
        self.wire += self.core.data_to_send()

    @property
    def wants_to_close(self) -> bool:
        """Whether the transport has to be closed now."""
        return self.core.close_transport and not self.wire and not self._is_closed

    def close(self) -> None:
        """Learn that the transport has closed."""
        self._is_closed = True
        self.wire.clear()
        indication = self.core.transport_closed()
        if indication is not None:
            self.seen.append(indication)


class JoinedCores:
    """A requestor and an acceptor; what one sends the other receives, cut at random.

    Parameters
    ----------
    seed : int or None
        Of the cutting; `None` delivers everything whole.
    requestor_limits, acceptor_limits : Limits, optional
        Of the two ends.

    Attributes
    ----------
    requestor, acceptor : JoinedEnd
        The two ends.
    """

    def __init__(
        self,
        seed: int | None = None,
        *,
        requestor_limits: Limits | None = None,
        acceptor_limits: Limits | None = None,
    ) -> None:
        self.requestor = JoinedEnd(Role.REQUESTOR, requestor_limits or Limits())
        self.acceptor = JoinedEnd(Role.ACCEPTOR, acceptor_limits or Limits())
        self._random = None if seed is None else random.Random(seed)  # noqa: S311
        self.acceptor.core.transport_connected()

    def run(self) -> None:
        """Deliver what is on the way, until nothing is; close where an end asks for it."""
        ends = [(self.requestor, self.acceptor), (self.acceptor, self.requestor)]
        while True:
            for end, _ in ends:
                end.collect()
            if any(end.wants_to_close for end, _ in ends):
                self._close()
            ready = [(end, peer) for end, peer in ends if end.wire]
            if not ready:
                return
            end, peer = self._random.choice(ready) if self._random else ready[0]
            size = self._cut(len(end.wire))
            data = bytes(end.wire[:size])
            del end.wire[:size]
            peer.receive(data)

    def _cut(self, available: int) -> int:
        if self._random is None:
            return available
        return min(available, self._random.choice((1, 2, 5, 6, 7, 12, 100, 1000, available)))

    def _close(self) -> None:
        for end in (self.requestor, self.acceptor):
            end.close()
