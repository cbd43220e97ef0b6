"""Connections over real sockets: how they begin, their one thread, and how bytes leave."""

from __future__ import annotations

import errno
import os
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest
from upper_layer.cores import (
    ABORT,
    CT_STORAGE,
    RELEASE_REQUEST,
    RELEASE_RESPONSE,
    REQUESTOR,
    reply,
    request,
)

from leaddicom.dimse import messages as dimse
from leaddicom.dimse.fragmentation import BytesSource
from leaddicom.enums import IpType, PduType
from leaddicom.errors import DicomErrorCode, NetworkError, ParameterError
from leaddicom.transport import connection as module
from leaddicom.transport.opening import SocketOptions
from leaddicom.transport.outbox import QueuedPrimitive

from .ends import ANY, BOTH, PATIENCE, Client, Served, answer, echo, full_socket
from .sessions import ECHO_CLASS, Run, associate_request, ids, messages_in, store_request

Code = DicomErrorCode

pytestmark = pytest.mark.usefixtures("no_threads_left")


# -- a life ------------------------------------------------------------------------------------


class TestAnAcceptedConnection:
    def test_is_one_thread_and_one_order(self, served: Served) -> None:
        connection, owner = served.connection, served.owner
        assert connection.is_connected
        assert connection.is_associated
        assert not connection.is_requestor
        assert not connection.is_secure
        owner.at["on_message"] = lambda message: answer(served, message)
        echo(served, 7)
        assert ids(served.wire.receive_pdu().data) == [7]
        served.wire.send(RELEASE_REQUEST)
        owner.next("on_message")
        owner.next("ReleaseRequested")
        connection.put(QueuedPrimitive(lambda upper_layer: upper_layer.release_response()))
        assert served.wire.receive_pdu().data == RELEASE_RESPONSE
        served.wire.close()
        assert owner.next("on_close") is None
        assert connection.wait_closed(PATIENCE)
        assert connection.is_closed
        assert not connection.is_connected
        assert connection.error is None
        (thread,) = owner.threads
        assert thread.name == f"DICOM from 127.0.0.1:{served.address[1]}"

    def test_knows_both_addresses(self, serve: Callable[..., Served]) -> None:
        served = serve(peer=("::ffff:192.0.2.7", 104))
        assert served.connection.peer_address == ("192.0.2.7", 104)  # as IPv4 hosts have it
        assert served.connection.peer == "192.0.2.7:104"
        assert served.connection.host_address == served.ours.getsockname()

    def test_is_quiet_about_a_health_check(
        self, serve: Callable[..., Served], caplog: pytest.LogCaptureFixture
    ) -> None:
        served = serve()
        served.wire.reset()
        assert served.owner.next("on_close") is None
        assert served.connection.wait_closed(PATIENCE)
        assert caplog.messages == []

    def test_hears_a_peer_out_that_closes_its_side(self, served: Served) -> None:
        """What it had asked before is handed to the application, and answered with an abort."""
        echo(served, 7)
        served.wire.half_close()
        assert served.owner.next("on_message").message_id == 7
        error = served.owner.wait_for("on_close")
        assert error.code == Code.NET_CONNECTION_ABORTED
        assert "closed the connection without releasing the association" in str(error)


class TestAConnectionThatConnects:
    def test_tells_when_it_is_there(self, client_of: Callable[..., Client]) -> None:
        client = client_of()
        wire = client.connect()
        assert client.owner.next("on_connect") is None
        connection = client.connection
        assert connection.is_requestor
        assert connection.peer_address == client.listening.getsockname()
        assert connection.host_address[1] > 0
        client.associate()
        wire.expect(PduType.ASSOCIATE_REQUEST)
        core = Run(REQUESTOR).peer
        core.hear(associate_request())
        core.accept(reply(request()))
        wire.send(core.data_to_send())
        client.owner.next("AssociateAccepted")
        assert connection.is_associated

    def test_what_is_queued_before_waits_for_it(self, client_of: Callable[..., Client]) -> None:
        client = client_of()
        client.associate()
        assert client.connect().receive_pdu().type == PduType.ASSOCIATE_REQUEST

    def test_tells_when_it_cannot_and_nothing_else(
        self, client_of: Callable[..., Client], caplog: pytest.LogCaptureFixture
    ) -> None:
        client = client_of()
        address = client.listening.getsockname()
        client.listening.close()
        client.connection.connect(address, ANY, BOTH)
        error = client.owner.next("on_connect")
        assert error.code == Code.NET_CONNECTION_REFUSED
        assert client.connection.wait_closed(PATIENCE)
        assert client.connection.is_closed
        assert client.connection.error is error
        assert client.owner.rest == []
        assert caplog.messages == [str(error)]

    @pytest.mark.parametrize(("addresses", "shares"), [(1, ["0.3"]), (3, ["0.1", "0.15"])])
    def test_every_address_has_its_share_of_the_deadline(
        self,
        client_of: Callable[..., Client],
        monkeypatch: pytest.MonkeyPatch,
        addresses: int,
        shares: list[str],
    ) -> None:
        client = client_of(connect_timeout=0.3)
        said: list[str] = []

        def deaf(peer: Any, host: Any, ip_type: IpType, wait: Any) -> None:
            """Addresses from which nothing ever comes."""
            with full_socket() as ours:
                for left in range(addresses, 0, -1):
                    with pytest.raises(OSError, match="no answer within") as caught:
                        wait(ours, left)
                    assert caught.value.errno == errno.ETIMEDOUT
                    said.append(str(caught.value).split()[-2])
            raise OSError(errno.ETIMEDOUT, "nothing")

        monkeypatch.setattr(module, "connect_socket", deaf)
        client.connection.connect(("pacs.example", 104), ANY, BOTH)
        assert client.owner.next("on_connect").code == Code.NET_TIME_OUT
        assert said[0] == shares[0]  # of all that there is, in equal parts
        assert len(said) == addresses

    def test_may_be_given_up(
        self, client_of: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        client, begun = client_of(), threading.Event()

        def deaf(peer: Any, host: Any, ip_type: IpType, wait: Any) -> None:
            with full_socket() as ours:
                begun.set()
                wait(ours, 1)

        monkeypatch.setattr(module, "connect_socket", deaf)
        client.connection.connect(("pacs.example", 104), ANY, BOTH)
        assert begun.wait(PATIENCE)
        client.connection.close()
        error = client.owner.next("on_connect")
        assert error.code == Code.CANCELED
        assert "given up, because this end was closed" in str(error)
        assert client.owner.rest == []


# -- sending -----------------------------------------------------------------------------------


class TestSending:
    def test_what_an_event_queues_leaves_together(
        self, served: Served, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        writes: list[int] = []
        write = module.Link.write

        def noted(self: module.Link, data: memoryview) -> memoryview:
            writes.append(len(data))
            return write(self, data)

        monkeypatch.setattr(module.Link, "write", noted)
        served.owner.at["on_message"] = lambda it: [answer(served, it) for _ in range(5)]
        echo(served, 7)
        data = b"".join(served.wire.receive_pdu().data for _ in range(5))
        assert ids(data) == [7] * 5
        assert writes == [len(data)]

    def test_of_another_thread_wakes_the_connections(self, served: Served) -> None:
        echo(served, 7)
        answer(served, served.owner.next("on_message"))
        assert ids(served.wire.receive_pdu().data) == [7]

    def test_with_a_data_set_larger_than_any_buffer(self, serve: Callable[..., Served]) -> None:
        """The network takes it in parts, and each of them is whole."""
        served = serve(buffer=4096).associated()
        data = os.urandom(1 << 20)
        arguments = (1, CT_STORAGE, "1.2.3", 0, None, None)
        served.connection.send(dimse.C_STORE_RQ, 3, arguments, BytesSource(data))
        found = b""
        while not found.endswith(data[-100:]):
            found += served.wire.receive_pdu().data
        (message,) = messages_in(found)
        assert message.dataset is not None
        assert bytes(message.dataset.data or b"") == data

    def test_what_cannot_be_encoded_is_refused_at_the_call(self, served: Served) -> None:
        with pytest.raises(ParameterError, match="MessageID"):
            served.connection.send(dimse.C_ECHO_RQ, 1, (-1, ECHO_CLASS), None)
        assert served.connection.is_associated

    def test_the_owner_sees_a_response_before_it_leaves(self, served: Served) -> None:
        served.owner.on_response = lambda command: {**command, 0x0900: 0x0110}
        echo(served, 7)
        answer(served, served.owner.next("on_message"))
        (message,) = messages_in(served.wire.receive_pdu().data)
        assert message.get(0x0900) == 0x0110

    def test_behind_the_end_says_why_it_ended(self, served: Served) -> None:
        served.wire.send(ABORT)
        served.owner.wait_for("on_close")
        assert served.connection.wait_closed(PATIENCE)
        with pytest.raises(NetworkError, match=r"the connection is closed.* aborted the") as caught:
            served.connection.send(dimse.C_ECHO_RQ, 1, (1, ECHO_CLASS), None)
        assert caught.value.code == Code.NET_NOT_CONNECTED

    def test_only_other_threads_wait_for_room(self, serve: Callable[..., Served]) -> None:
        """The connection's own, which alone makes room, would wait for itself."""
        served = serve(queued_messages=1, write_timeout=0.01).associated()
        connection, asked = served.connection, []

        def ask(_: Any) -> None:
            for number in range(3):
                connection.send(dimse.C_ECHO_RQ, 1, (number, ECHO_CLASS), None)
                asked.append(number)

        served.owner.at["on_message"] = ask
        echo(served, 7)
        served.wire.receive_pdu()
        assert asked == [0, 1, 2]
        with pytest.raises(NetworkError, match=r"the queue has been full for 0\.01 s") as caught:
            connection.send(dimse.C_ECHO_RQ, 1, (9, ECHO_CLASS), None)
        assert caught.value.code == Code.NET_TIME_OUT


def test_who_only_asks_is_not_listened_to(serve: Callable[..., Served]) -> None:
    """Until it takes the answers."""
    served = serve(buffer=4096, queued_messages=4).associated()
    asked: list[int] = []
    full, data = threading.Event(), bytes(100_000)

    def ask_back(message: Any) -> None:
        asked.append(message.message_id)
        arguments = (message.message_id, CT_STORAGE, 0xFF00)
        served.connection.send(dimse.C_FIND_RSP, 1, arguments, BytesSource(data))
        if len(asked) == 4:
            full.set()

    served.owner.at["on_message"] = ask_back
    count, requests = 60, b""
    for number in range(count):
        requests += Run.message_bytes(store_request(number, bytes(2000)))
    sender = threading.Thread(target=served.wire.send, args=(requests,))
    sender.start()
    assert full.wait(PATIENCE)
    sender.join(0.05)
    assert sender.is_alive()  # its requests are stuck: nobody reads them
    assert len(asked) < count
    found = 0
    while found < count:
        pdu = served.wire.receive_pdu()
        found += pdu.data[11] == 2  # the last fragment of a data set
    sender.join(PATIENCE)
    assert sorted(asked) == list(range(count))


# -- options -----------------------------------------------------------------------------------


def test_options_of_the_socket_may_change_at_any_time(serve: Callable[..., Served]) -> None:
    served = serve(adopt=False)
    connection, sock = served.connection, served.ours
    connection.set_socket_options(SocketOptions(no_delay=False))
    connection.adopt(sock, served.address)
    assert not sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    connection.set_socket_options(SocketOptions())
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    connection.close(forced=True)
    connection.set_socket_options(SocketOptions(no_delay=False))  # too late, and no harm
