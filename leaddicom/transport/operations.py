"""Which operations are under way on an association, in both directions (PS3.7 section 6.3)."""

from __future__ import annotations

from leaddicom.dimse.composition import is_final
from leaddicom.dimse.message import Message
from leaddicom.dimse.messages import C_CANCEL_RQ, COMMAND_FIELD, RESPONSE
from leaddicom.enums import AbortReason
from leaddicom.errors import ProtocolError
from leaddicom.transport.outbox import QueuedMessage

__all__ = ["Operations"]


class Operations:
    """Requests that wait for their final response: the ones we made, and the ones we got."""

    def __init__(self) -> None:
        self._awaited: dict[int, int] = {}  # message ID to the response's command field
        self._owed: set[int] = set()

    @property
    def are_awaited(self) -> bool:
        """Whether the peer owes us a response."""
        return bool(self._awaited)

    @property
    def are_under_way(self) -> bool:
        """Whether either end owes the other a response."""
        return bool(self._awaited or self._owed)

    def may_start(self, item: QueuedMessage, window: int) -> bool:
        """Tell whether a request may leave now (PS3.7 Annex D.3.3.3).

        The window has room, and no outstanding request has the same message ID, by which
        their responses are told apart (section 9.1.1.1.1).
        """
        has_room = window == 0 or len(self._awaited) < window
        return has_room and item.message_id not in self._awaited

    def start(self, item: QueuedMessage) -> None:
        """A request has begun to leave."""
        self._awaited[item.message_id] = item.command_field | RESPONSE

    def settle(self, response: Message) -> None:
        """A response has come.

        Raises
        ------
        ProtocolError
            No request that it could answer is outstanding; whose success it tells is unknown.
        """
        message_id = response.message_id
        if self._awaited.get(message_id) != response.get(COMMAND_FIELD.element):
            name = response.type.name if response.type is not None else "response"
            raise ProtocolError(
                f"The peer sent a {name} to message {message_id}, which is no request of that "
                "kind that waits for one.",
                AbortReason.NOT_SPECIFIED,
            )
        if is_final(response.command):
            del self._awaited[message_id]

    def owe(self, request: Message) -> None:
        """A request has come."""
        if request.type is not C_CANCEL_RQ:
            self._owed.add(request.message_id)

    def owes(self, request: Message) -> bool:
        """Tell whether a request has not got its final response yet."""
        return request.message_id in self._owed

    def answered(self, message_id: int) -> bool:
        """The final response to a request is queued; tell whether it was owed; from any thread."""
        try:
            self._owed.remove(message_id)
        except KeyError:
            return False
        return True

    def not_answered(self, message_id: int) -> None:
        """The final response could not be queued after all; from any thread."""
        self._owed.add(message_id)
