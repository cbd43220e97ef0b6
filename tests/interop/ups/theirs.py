"""pynetdicom on the other end of a worklist manager: the client that asks, and who is told.

What pynetdicom makes difficult is kept here, and in no test:

* Its association has a thread of its own that looks for requests of the peer, and that may take a
  response away from who waits for it.  A client has no requests to expect, so that thread gets
  none.
* It writes command set and data set apart, so that TCP keeps the latter back for 40 ms.
* It chooses a presentation context by itself unless it is told which.
* An empty data set is announced and never sent, so that nobody can answer: it is sent as none.
"""

from __future__ import annotations

import socket
import ssl
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from ups.receivers import PATIENCE, Inbox, Received

from leaddicom.contexts import UNCOMPRESSED
from leaddicom.ups.core.terms import EventType, SopClass
from leaddicom.ups.manager.gate import Operation

PUSH, PULL, WATCH, EVENT, QUERY = (
    SopClass.PUSH.value,
    SopClass.PULL.value,
    SopClass.WATCH.value,
    SopClass.EVENT.value,
    SopClass.QUERY.value,
)
CLASSES = (PUSH, PULL, WATCH, EVENT, QUERY)
VERIFICATION = "1.2.840.10008.1.1"
EXPLICIT = "1.2.840.10008.1.2.1"

#: Command Data Set Type (0000,0800) of a message that has none.
NO_DATA_SET = 0x0101


@dataclass(frozen=True)
class Answer:
    """A response as pynetdicom has understood it, and its command set as it came."""

    status: int
    comment: str
    dataset: Dataset | None
    command: Dataset

    @property
    def is_bare(self) -> bool:
        """Whether it has no data set."""
        return bool(self.command.CommandDataSetType == NO_DATA_SET)


@dataclass
class Found:
    """The responses of a C-FIND."""

    pending: list[int] = field(default_factory=list)
    matches: list[Dataset] = field(default_factory=list)
    status: int = -1
    comment: str = ""

    @property
    def uids(self) -> list[str]:
        return [each.SOPInstanceUID for each in self.matches]


class Client:
    """An association of pynetdicom's that has asked for all five SOP classes."""

    def __init__(self, port: int, security: ssl.SSLContext | None, title: str = "CLIENT") -> None:
        entity = AE(title)
        entity.dimse_timeout = entity.acse_timeout = PATIENCE
        for each in (*CLASSES, VERIFICATION):
            entity.add_requested_context(each, EXPLICIT)
        tls = {} if security is None else {"tls_args": (security, "localhost")}
        handlers = [(evt.EVT_DIMSE_RECV, self._note)]
        self.association = entity.associate(
            "127.0.0.1", port, ae_title="UPSSCP", evt_handlers=handlers, **tls
        )
        assert self.association.is_established
        get = self.association.dimse.get_msg
        self.association.dimse.get_msg = lambda block=False: get(block) if block else (None, None)
        connection = self.association.dul.socket.socket
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._command = Dataset()
        self._message_id = 0

    def _note(self, event: evt.Event) -> None:
        self._command = event.message.command_set

    def close(self) -> None:
        self.association.release()

    # -- services ------------------------------------------------------------------------------

    def create(
        self, uid: str | None, dataset: Dataset | None, context: str = PUSH, named: str = PUSH
    ) -> Answer:
        send = self.association.send_n_create
        return self._answer(*send(dataset, named, uid, self._next, context))

    def get(
        self, uid: str, tags: Sequence[int] = (), context: str = PULL, named: str = PUSH
    ) -> Answer:
        send = self.association.send_n_get
        return self._answer(*send(list(tags), named, uid, self._next, context))

    def modify(self, uid: str, dataset: Dataset, context: str = PULL, named: str = PUSH) -> Answer:
        assert dataset
        send = self.association.send_n_set
        return self._answer(*send(dataset, named, uid, self._next, context))

    def act(
        self,
        uid: str,
        operation: Operation | int,
        information: Dataset | None = None,
        context: str = "",
        named: str = PUSH,
    ) -> Answer:
        """N-ACTION of a type, on the context where it belongs unless another one is given."""
        number = operation if isinstance(operation, int) else operation.action_type
        if not context:
            context = PULL if operation is Operation.CHANGE_STATE else WATCH
        send = self.association.send_n_action
        return self._answer(*send(information or None, number, named, uid, self._next, context))

    def delete(self, uid: str, context: str) -> Answer:
        status = self.association.send_n_delete(PUSH, uid, self._next, context)
        return self._answer(status, None)

    def report(self, uid: str, context: str) -> Answer:
        send = self.association.send_n_event_report
        return self._answer(*send(None, 1, PUSH, uid, self._next, context))

    def echo(self) -> int:
        return int(self.association.send_c_echo(self._next).Status)

    def find(
        self,
        identifier: Dataset,
        context: str = PULL,
        on_match: Callable[[Found, int], None] = lambda found, message_id: None,
    ) -> Found:
        """Find; `on_match` is called for each match with what was found, and the Message ID."""
        found, message_id = Found(), self._next
        for status, match in self.association.send_c_find(identifier, context, message_id):
            if status.Status in (0xFF00, 0xFF01):
                found.pending.append(status.Status)
                found.matches.append(match)
                on_match(found, message_id)
            else:
                found.status = int(status.Status)
                found.comment = status.get("ErrorComment", "")
        return found

    def cancel(self, message_id: int, context: str = PULL) -> None:
        self.association.send_c_cancel(message_id, query_model=context)

    @property
    def _next(self) -> int:
        self._message_id = self._message_id % 0xFFFF + 1
        return self._message_id

    def _answer(self, status: Dataset, dataset: Dataset | None) -> Answer:
        assert status, "no response"
        comment = status.get("ErrorComment", "")
        return Answer(int(status.Status), comment, dataset, self._command)


class Receiver:
    """A server of pynetdicom's that takes event reports for any number of AE titles."""

    def __init__(self, security: ssl.SSLContext) -> None:
        self.inboxes: dict[str, Inbox] = defaultdict(Inbox)
        entity = AE("PYNETDICOM")
        entity.maximum_associations = 100
        for each in CLASSES:  # all of them: the manager has to choose the right one
            entity.add_supported_context(each, list(UNCOMPRESSED), scu_role=True, scp_role=True)
        handlers = [(evt.EVT_N_EVENT_REPORT, self._take)]
        self._server: Any = entity.start_server(
            ("127.0.0.1", 0), block=False, ssl_context=security, evt_handlers=handlers
        )
        self.port: int = self._server.server_address[1]

    def _take(self, event: evt.Event) -> tuple[int, None]:
        received = Received(
            EventType(event.event_type),
            event.request.AffectedSOPInstanceUID,
            event.event_information,
            event.request.AffectedSOPClassUID,
            str(event.context.abstract_syntax),
            event.assoc.requestor.ae_title,
        )
        return self.inboxes[event.assoc.requestor.primitive.called_ae_title].put(received), None

    def close(self) -> None:
        with suppress(OSError):
            self._server.shutdown()
