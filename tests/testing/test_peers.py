"""The scripted peers, tested against each other: nothing of the SDK's transport takes part."""

from __future__ import annotations

import dataclasses
import ssl
import threading

import pytest

from leaddicom.enums import PduType
from leaddicom.testing.bugs import BuggyScp, BuggyScu, Bugs, Step
from leaddicom.testing.peers import (
    ConnectionOver,
    PeerError,
    Script,
    ScriptedPeer,
    Wire,
    client_hello,
    tls_context,
)

ABORT = b"\x07\0\0\0\0\4\0\0\0\0"
RELEASE = b"\x05\0\0\0\0\4\0\0\0\0"


@pytest.fixture(params=["plain", "tls"])
def contexts(request, pki) -> tuple[ssl.SSLContext | None, ssl.SSLContext | None]:
    """What a server and a client need."""
    if request.param == "plain":
        return None, None
    server, client = pki.issue("peer-server"), pki.issue("peer-client")
    return (
        tls_context(
            server=True,
            ca_file=pki.ca_file,
            certificate_file=server.certificate_file,
            key_file=server.key_file,
        ),
        tls_context(
            server=False,
            ca_file=pki.ca_file,
            certificate_file=client.certificate_file,
            key_file=client.key_file,
        ),
    )


def talk(contexts, server_does, client_does) -> tuple[ScriptedPeer, ScriptedPeer]:
    server = ScriptedPeer(server_does, contexts[0], timeout=5.0)
    client = ScriptedPeer(client_does, contexts[1], timeout=5.0)
    with server, client:
        client.connect(server.listen())
        client.wait()
        server.wait()
    return server, client


class TestScripts:
    def test_what_one_sends_the_other_receives(self, contexts) -> None:
        server, client = talk(
            contexts,
            Script().expect(PduType.RELEASE_REQUEST).send(ABORT).until_end(),
            Script().send(RELEASE).receive(),
        )
        assert server.received == [(PduType.RELEASE_REQUEST, RELEASE)]
        assert client.received == [(PduType.ABORT, ABORT)]

    def test_another_pdu_than_expected_is_an_error(self, contexts) -> None:
        with pytest.raises(PeerError, match=r"Expected ABORT, received b'.x05"):
            talk(contexts, Script().expect(PduType.ABORT), Script().send(RELEASE).until_end())

    def test_an_end_amid_a_pdu_is_an_error(self, contexts) -> None:
        with pytest.raises(ConnectionOver, match="ended after 2 of 4 bytes"):
            talk(contexts, Script().receive(), Script().send(RELEASE[:8]))

    def test_a_reset_is_an_error_while_something_is_expected(self) -> None:
        ready = threading.Event()

        def wait_and_receive(wire: Wire) -> None:
            wire.receive_pdu()
            ready.set()
            wire.receive_pdu()

        def reset(wire: Wire) -> None:
            wire.send(RELEASE)
            assert ready.wait(5.0)
            wire.reset()

        with pytest.raises(ConnectionOver, match="reset by peer"):
            talk((None, None), Script().do(wait_and_receive), Script().do(reset))

    def test_a_half_closed_connection_still_receives(self) -> None:
        _, client = talk(
            (None, None), Script().until_end().send(ABORT), Script().half_close().receive()
        )
        assert [pdu.data for pdu in client.received] == [ABORT]

    def test_a_stall_lasts_until_it_is_let_go(self, contexts) -> None:
        server = ScriptedPeer(Script().stall().send(ABORT), contexts[0])
        with server, ScriptedPeer(Script().receive(), contexts[1]) as client:
            client.connect(server.listen())
            server.wait_stalled()
            assert client.received == []
            server.let_go()
            assert [pdu.type for pdu in client.wait()] == [PduType.ABORT]

    def test_no_wait_is_without_a_limit(self, contexts) -> None:
        server = ScriptedPeer(Script().stall(), contexts[0], timeout=1.2)
        client = ScriptedPeer(Script().receive(), contexts[1], timeout=1.0)
        with server, client:
            client.connect(server.listen())
            with pytest.raises(PeerError, match=r"Nothing came in 1(\.0)? s"):
                client.wait()
            with pytest.raises(PeerError, match=r"Stalled for 1\.2 s, and nobody called let_go"):
                server.wait()

    def test_a_peer_that_nobody_takes_from_gives_up(self) -> None:
        server = ScriptedPeer(Script().stall(), timeout=2.0, receive_buffer=4_096)
        client = ScriptedPeer(Script().send(bytes(32 << 20)), timeout=0.3)
        with server, client:
            client.connect(server.listen())
            with pytest.raises(PeerError, match=r"Nobody took 33554432 bytes in 0\.3 s"):
                client.wait()
            server.let_go()

    def test_bytes_may_leave_in_pieces(self) -> None:
        def in_pieces(wire: Wire) -> None:
            wire.piece_length = 3
            wire.send(RELEASE)

        server, _ = talk((None, None), Script().receive(), Script().do(in_pieces))
        assert [pdu.data for pdu in server.received] == [RELEASE]

    def test_it_is_heard_when_the_other_end_speaks(self, contexts) -> None:
        heard: list[bool] = []

        def listen(wire: Wire) -> None:
            heard.append(wire.hears_within(0.05))
            wire.send(RELEASE)
            heard.append(wire.hears_within(5.0))
            wire.receive_pdu()
            heard.append(wire.hears_within(5.0))

        talk(contexts, Script().receive().send(ABORT), Script().do(listen))
        assert heard == [False, True, True]  # nothing, an A-ABORT, the end


class TestPeers:
    def test_a_peer_that_was_never_started_says_so(self) -> None:
        with pytest.raises(PeerError, match="never started"):
            ScriptedPeer(Script()).wait()

    def test_a_peer_that_nobody_connects_to_is_over_in_time(self) -> None:
        with ScriptedPeer(Script(), timeout=0.1) as peer:
            peer.listen()
            with pytest.raises(PeerError, match="no connection"):
                _ = peer.wire
            with pytest.raises(OSError, match="timed out"):
                peer.wait()

    def test_a_peer_can_be_closed_at_any_time(self) -> None:
        with ScriptedPeer(Script()) as peer:
            peer.listen()
        with ScriptedPeer(Script().receive()) as server, ScriptedPeer(Script().stall()) as client:
            client.connect(server.listen())
            client.wait_stalled()

    def test_nobody_listens(self) -> None:
        with ScriptedPeer(Script()) as other:
            address = other.listen()
        with pytest.raises(ConnectionRefusedError):
            ScriptedPeer(Script()).connect(address)

    def test_a_client_hello_begins_a_handshake(self) -> None:
        hello = client_hello()
        assert hello[:2] == b"\x16\x03"
        assert int.from_bytes(hello[3:5], "big") == len(hello) - 5

    def test_a_server_refuses_a_client_without_a_certificate(self, pki) -> None:
        issued = pki.issue("peer-server")
        server_context = tls_context(
            server=True,
            ca_file=pki.ca_file,
            certificate_file=issued.certificate_file,
            key_file=issued.key_file,
        )
        server = ScriptedPeer(Script(), server_context)
        with server, ScriptedPeer(Script().until_end(), tls_context(server=False)) as client:
            client.connect(server.listen())
            with pytest.raises(ssl.SSLError, match="did not return a certificate"):
                server.wait()


#: How many PDUs the SCU has sent by then.
SENT = dict(zip(Step, (0, 0, 1, 2, 3, 5, 6, 6), strict=True))


class TestBuggyPeers:
    """Without bugs they understand each other; with one the innocent notices it or not."""

    CONVERSATION = (
        [PduType.ASSOCIATE_REQUEST, *[PduType.DATA_TRANSFER] * 4, PduType.RELEASE_REQUEST],
        [PduType.ASSOCIATE_ACCEPT, PduType.DATA_TRANSFER, PduType.RELEASE_RESPONSE],
    )

    def test_without_bugs(self, contexts) -> None:
        scp, scu = talk(contexts, BuggyScp(), BuggyScu())
        assert [pdu.type for pdu in scp.received] == self.CONVERSATION[0]
        assert [pdu.type for pdu in scu.received] == self.CONVERSATION[1]

    def test_nothing_is_wrong_by_default(self) -> None:
        assert set(dataclasses.astuple(Bugs())) == {None, False}

    @pytest.mark.parametrize("size", [1, 5, 1000])
    def test_pieces_make_no_difference(self, size: int) -> None:
        bugs = Bugs(split_at=size)
        scp, scu = talk((None, None), BuggyScp(bugs), BuggyScu(bugs))
        assert [pdu.type for pdu in scp.received] == self.CONVERSATION[0]
        assert [pdu.type for pdu in scu.received] == self.CONVERSATION[1]

    @pytest.mark.parametrize("step", list(Step))
    @pytest.mark.parametrize("bug", ["reset_after", "close_after"])
    def test_a_peer_that_breaks_off_goes_no_further(self, step: Step, bug: str) -> None:
        bugs = dataclasses.replace(Bugs(), **{bug: step})
        scp, _ = talk((None, None), BuggyScp(), BuggyScu(bugs))
        # A reset may overtake what was sent before it, so that this is an upper limit.
        sent = SENT[step]
        assert len(scp.received) <= sent
        if bug == "close_after" and step not in (Step.MESSAGE, Step.RELEASE):
            assert len(scp.received) == sent
