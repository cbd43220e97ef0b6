"""Peers that are silent or slow: each is cut at its deadline, and others are served meanwhile."""

from __future__ import annotations

import queue
from collections.abc import Callable

import pytest

from leaddicom import DicomErrorCode
from leaddicom.enums import PduType
from leaddicom.testing.bugs import BuggyScp, BuggyScu, Bugs, Step
from leaddicom.testing.peers import Script, ScriptedPeer, Wire, client_hello
from leaddicom.upper_layer.association import encode_associate

from .nets import LONG, Links, Server, patient

TIME_OUT = DicomErrorCode.NET_TIME_OUT


def ends_so_far(server: Server) -> list[int]:
    codes = []
    while True:
        try:
            codes.append(server.ends.get_nowait().code)
        except queue.Empty:
            return codes


class TestSilentTlsClients:
    """N1: the handshake has a thread and a deadline of its own."""

    @pytest.mark.parametrize("said", [b"", client_hello()[:40]], ids=["silent", "half-a-hello"])
    def test_one_is_dropped_at_its_deadline(self, tls: Links, said: bytes) -> None:
        server = tls.server(patient(handshake_timeout=0.6))
        wire = Wire.connect(server.GetHostInfo())
        wire.send(said)
        server.accepted.get(timeout=LONG)
        tls.good_association(server)
        ends = [server.end(), server.end()]
        (cut,) = (end for end in ends if end.code)
        assert cut.code == TIME_OUT
        assert "did not complete the TLS handshake within 0.6 s" in cut.text
        codes = {server.secured.get_nowait()[0] for _ in ends}
        assert codes == {0, TIME_OUT}
        wire.raw_to_end()  # the server has closed
        wire.close()

    def test_five_hundred_are_no_hindrance(self, tls: Links, many_descriptors) -> None:
        server = tls.server(patient(handshake_timeout=5.0, backlog=512))
        hello = client_hello()[:100]
        wires = [Wire.connect(server.GetHostInfo()) for _ in range(500)]
        for wire in wires[::2]:
            wire.send(hello)
        for _ in wires:
            assert server.accepted.get(timeout=LONG) == 0
        tls.good_association(server)
        assert set(ends_so_far(server)) <= {0}  # it was served while they were held
        assert server.GetClientCount() >= 500
        cut = [end for end in (server.end() for _ in wires) if end.code]
        assert {end.code for end in cut} == {TIME_OUT}
        assert len(cut) >= 499
        for wire in wires:
            wire.raw_to_end()
            wire.close()
        tls.good_association(server)


#: Where a peer stops, as bytes behind a good beginning, and the deadline that watches over it.
STOPS = [
    pytest.param(b"", "artim_timeout", "send an A-ASSOCIATE-RQ", id="nothing"),
    pytest.param(b"\x01", "artim_timeout", "send an A-ASSOCIATE-RQ", id="one byte"),
    pytest.param(b"\x01\0\0\0\0", "artim_timeout", "send an A-ASSOCIATE-RQ", id="5 bytes"),
    pytest.param(b"\x01\0\0\0\0\xff", "artim_timeout", "send an A-ASSOCIATE-RQ", id="a header"),
    pytest.param(b"\x01", "pdu_timeout", "send the rest of a PDU", id="one byte of a PDU"),
    pytest.param(b"\x01\0\0\0\0\xff", "pdu_timeout", "send the rest of a PDU", id="no body"),
]


@pytest.mark.parametrize(("data", "deadline", "text"), STOPS)
def test_a_request_that_stops_is_cut(links: Links, data: bytes, deadline: str, text: str) -> None:
    server = links.server(patient(**{deadline: 0.5}))
    with ScriptedPeer(Script().send(data).until_end(), links.peer_tls(server=False)) as peer:
        peer.connect(server.GetHostInfo())
        server.accepted.get(timeout=LONG)
        links.good_association(server)
        ends = [server.end(), server.end()]
        (cut,) = (end for end in ends if end.code)
        assert cut.code == TIME_OUT
        assert f"did not {text}" in cut.text
        peer.wait()


def trickle(data: bytes) -> Callable[[Wire], None]:
    def send(wire: Wire) -> None:
        for position in range(len(data)):
            if wire.hears_within(0.02):
                break
            wire.send(data[position : position + 1])

    return send


@pytest.mark.parametrize("deadline", ["artim_timeout", "pdu_timeout"])
def test_a_request_at_a_trickle_is_cut(links: Links, deadline: str) -> None:
    """It makes progress all the time, so only a deadline for the whole cuts it."""
    request = encode_associate(BuggyScu().request())
    server = links.server(patient(**{deadline: 0.5}))
    script = Script().do(trickle(request)).until_end()
    with ScriptedPeer(script, links.peer_tls(server=False)) as peer:
        peer.connect(server.GetHostInfo())
        links.good_association(server)
        codes = sorted(server.end().code for _ in range(2))
        assert codes == [0, TIME_OUT]
        peer.wait()


def test_a_handshake_at_a_trickle_is_cut(tls: Links) -> None:
    server = tls.server(patient(handshake_timeout=0.5))
    with ScriptedPeer(Script(secure=False).do(trickle(client_hello()))) as peer:
        peer.connect(server.GetHostInfo())
        tls.good_association(server)
        codes = sorted(server.end().code for _ in range(2))
        assert codes == [0, TIME_OUT]
        peer.wait()


def test_twelve_clients_of_one_byte_lock_nobody_out(links: Links) -> None:
    """N3 with the default limits on their number: pynetdicom was deaf after eleven."""
    server = links.server(patient(artim_timeout=1.5, half_open=64, associations_per_address=16))
    wires = [Wire.connect(server.GetHostInfo(), links.peer_tls(server=False)) for _ in range(12)]
    for wire in wires:
        wire.secure()
        wire.send(b"\x01")
    links.good_association(server)
    assert set(ends_so_far(server)) <= {0}
    cut = [end for end in (server.end() for _ in wires) if end.code]
    assert {end.code for end in cut} == {TIME_OUT}
    assert len(cut) >= 11
    for wire in wires:
        wire.raw_to_end()
        wire.close()


def test_a_slow_peer_does_not_slow_others_in_the_middle_of_its_transfer(links: Links) -> None:
    server = links.server()
    scu = BuggyScu(Bugs(stall_after=Step.DATA_SET))
    with ScriptedPeer(scu, links.peer_tls(server=False), LONG) as peer:
        peer.connect(server.GetHostInfo())
        peer.wait_stalled()
        for _ in range(5):
            links.good_association(server)
        assert set(ends_so_far(server)) <= {0}
        peer.let_go()


def test_a_client_survives_a_server_that_sends_byte_by_byte(links: Links) -> None:
    with ScriptedPeer(BuggyScp(Bugs(split_at=1)), links.peer_tls(server=True)) as peer:
        client = links.client().associated_with(peer.listen())
        assert client.echo() == 0
        client.SendReleaseRequest()
        assert client.end().code == 0
        assert [pdu.type for pdu in peer.wait()] == [
            PduType.ASSOCIATE_REQUEST,
            PduType.DATA_TRANSFER,
            PduType.RELEASE_REQUEST,
        ]
