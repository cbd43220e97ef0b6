"""Peers that send or ask too much: what they cost is bounded, and others are served."""

from __future__ import annotations

import logging
import os
import re
import threading

import pytest
from pydicom.dataset import Dataset

from leaddicom import DicomErrorCode, LDicomDS, NetworkError
from leaddicom.enums import PduType
from leaddicom.limits import MAXIMUM_PDU_LENGTH
from leaddicom.testing.bugs import SOP_CLASS, BuggyScp, BuggyScu, Bugs
from leaddicom.testing.peers import ConnectionOver, Script, ScriptedPeer, Wire
from leaddicom.upper_layer.association import PresentationContext, encode_associate

from .conftest import dicom_threads, need_proc
from .nets import LONG, Links, Server, patient

C = DicomErrorCode
MIB = 1 << 20


def resident() -> int:
    """Give the resident memory of this process in bytes."""
    need_proc()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


# -- N5a: lengths that are announced -----------------------------------------------------------


@pytest.mark.parametrize("pdu_type", PduType)
@pytest.mark.parametrize("associated", [False, True], ids=["first", "associated"])
def test_four_gigabytes_are_refused_on_the_header(
    plain: Links, pdu_type: PduType, associated: bool
) -> None:
    """Six bytes decide: nothing is sent behind them, and no deadline comes up."""
    server = plain.server()
    script = Script()
    if associated:
        script.send(encode_associate(BuggyScu().request())).expect(PduType.ASSOCIATE_ACCEPT)
    script.send(bytes([pdu_type, 0]) + b"\xff" * 4).expect(PduType.ABORT).until_end()
    with ScriptedPeer(script) as peer:
        peer.connect(server.GetHostInfo())
        peer.wait()
    end = server.end()
    if pdu_type is PduType.UNKNOWN:
        assert (end.code, "unknown type 00H" in end.text) == (C.PDU_TYPE, True)
    else:
        assert end.code == C.PDU_LENGTH
        assert "announces 4294967295 bytes" in end.text
    plain.good_association(server)


def send_without_end(wire: Wire) -> None:
    piece = bytes(MIB)
    for _ in range(4096):
        wire.send(piece)


def test_what_follows_a_huge_header_costs_no_memory(plain: Links) -> None:
    server = plain.server()
    plain.good_association(server)
    before = resident()
    wire = Wire.connect(server.GetHostInfo())
    wire.send(b"\x01\0\xff\xff\xff\xff")
    with pytest.raises(ConnectionOver):
        send_without_end(wire)
    wire.close()
    assert resident() - before < 16 * MIB


# -- N5b: the announced maximum ----------------------------------------------------------------


def test_a_pdu_of_exactly_the_announced_maximum_is_accepted(links: Links) -> None:
    data_set = b"\xe0\x7f\x10\x00OB\0\0" + (400_000).to_bytes(4, "little") + bytes(400_000)
    lengths = set()

    class Counting(Server):
        def OnReceive(self, error, pdu_type, buffer, length):
            if pdu_type == PduType.DATA_TRANSFER:
                lengths.add(length)

    server = links.server(kind=Counting)
    with ScriptedPeer(BuggyScu(data_set=data_set), links.peer_tls(server=False)) as peer:
        peer.connect(server.GetHostInfo())
        assert server.end().code == 0
        assert [pdu.type for pdu in peer.wait()][-1] == PduType.RELEASE_RESPONSE
    assert max(lengths) == MAXIMUM_PDU_LENGTH + 6
    links.good_association(server)


# (One byte more: `over_maximum` in test_bugs.)


# -- N5c: fragments without end ----------------------------------------------------------------


def test_a_data_set_without_end_is_spooled_with_flat_memory(plain: Links, tmp_path) -> None:
    """And leaves no file behind when its peer is gone."""
    server = plain.server(patient(data_set_length=256 * MIB), folder=tmp_path)
    plain.good_association(server)
    before, peak = resident(), 0
    with ScriptedPeer(BuggyScu(Bugs(never_last=True)), None, LONG) as peer:
        peer.connect(server.GetHostInfo())
        server.end()  # of the good one
        watched = threading.Thread(target=server.end)
        watched.start()
        while watched.is_alive():
            watched.join(0.02)
            peak = max(peak, resident())
        spooled = list(tmp_path.iterdir())
    assert peak - before < 32 * MIB
    assert spooled == []
    plain.good_association(server)


# -- N6: a peer that stops reading in mid-transfer ---------------------------------------------


def test_callers_wait_at_the_high_water_mark_and_are_let_go(links: Links) -> None:
    """The queue holds no more than it may, and ends in an error at the write deadline."""
    limits = patient(write_timeout=0.5, queued_bytes=16 * MIB, queued_messages=1_000)
    dataset = Dataset()
    dataset.add_new(0x7FE00010, "OB", bytes(8 * MIB))  # more than the sockets hold
    scp = BuggyScp(Bugs(stops_reading=True))
    with ScriptedPeer(scp, links.peer_tls(server=True), LONG, 16_384) as peer:
        client = links.client(limits).associated_with(peer.listen())
        sent: list[int] = []

        def store_without_end() -> None:
            while True:
                client.store(LDicomDS(dataset), message_id=len(sent))
                sent.append(1)

        with pytest.raises(NetworkError) as caught:
            store_without_end()
        end = client.end()
        peer.let_go()
    # Both have the same patience: the caller with the queue, the connection with the peer.
    assert re.search(
        "The message was not queued: the queue has been full for 0.5 s"
        "|the connection is closed.* did not take any of what was sent within 0.5 s",
        caught.value.message,
    )
    assert end.code == C.NET_TIME_OUT
    assert "did not take any of what was sent within 0.5 s" in end.text
    assert 2 <= len(sent) <= 4  # one that is leaving, two in the queue


def test_a_peer_that_only_asks_is_not_listened_to_either(links: Links) -> None:
    """Its answers wait, up to `queued_messages` and what one read brings; memory is flat."""
    limits = patient(write_timeout=0.5, queued_messages=100)
    server = links.server(limits)
    links.good_association(server)
    server.end()
    before = resident()
    scu = BuggyScu(Bugs(stops_reading=True))
    with ScriptedPeer(scu, links.peer_tls(server=False), LONG, 16_384) as peer:
        peer.connect(server.GetHostInfo())
        end = server.end()
    assert end.code == C.NET_TIME_OUT
    assert "did not take any of what was sent within 0.5 s" in end.text
    assert resident() - before < 32 * MIB


# -- N7: how many ------------------------------------------------------------------------------


def associated_wire(links: Links, server: Server) -> Wire:
    wire = Wire.connect(server.GetHostInfo(), links.peer_tls(server=False))
    wire.secure()
    wire.send(encode_associate(BuggyScu().request()))
    wire.expect(PduType.ASSOCIATE_ACCEPT)
    return wire


@pytest.mark.parametrize("limit", ["associations", "associations_per_address"])
def test_one_too_many_is_refused_at_accept_and_costs_no_thread(
    links: Links, limit: str, caplog
) -> None:
    server = links.server(patient(**{limit: 3}))
    wires = [associated_wire(links, server) for _ in range(3)]
    threads = set(dicom_threads())
    assert len(threads) == 1 + 3
    with caplog.at_level(logging.WARNING, logger="leaddicom"):
        refused = [Wire.connect(server.GetHostInfo()) for _ in range(5)]
        assert [wire.raw_to_end() for wire in refused] == [b""] * 5
    assert set(dicom_threads()) == threads
    expected = "3 connections from one address" if limit.endswith("address") else "3 connections"
    messages = [record.getMessage() for record in caplog.records]
    assert [f"the limit of {expected} is reached." in text for text in messages] == [True] * 5
    for wire, text in zip(refused, messages, strict=True):
        assert f"127.0.0.1:{wire.address[1]}" in text
        wire.close()
    wires.pop().close()  # as soon as there is room again the next one is served
    server.end()
    links.good_association(server)
    for wire in wires:
        wire.close()


@pytest.mark.parametrize("limit", ["half_open", "associations", "associations_per_address"])
def test_the_oldest_half_open_connection_gives_way(tls: Links, limit: str) -> None:
    server = tls.server(patient(**{limit: 4}))
    silent = [Wire.connect(server.GetHostInfo()) for _ in range(4)]
    for _ in silent:
        server.accepted.get(timeout=LONG)
    tls.good_association(server)
    end = server.end()
    assert end.net.GetPeerInfo() == silent[0].address
    assert end.code == C.NET_CONNECTION_ABORTED
    assert "gave way to a new one before its association was established" in end.text
    assert silent[0].raw_to_end() == b""
    assert server.end().code == 0  # the good one; the other silent ones are still held
    assert {net.GetPeerInfo() for net in map(server.GetClient, range(3))} == {
        wire.address for wire in silent[1:]
    }
    for wire in silent:
        wire.close()


def test_an_association_does_not_give_way_to_half_open_ones(tls: Links) -> None:
    server = tls.server(patient(half_open=2, associations=6, associations_per_address=5))
    good = [associated_wire(tls, server) for _ in range(4)]
    silent = [Wire.connect(server.GetHostInfo()) for _ in range(10)]
    ends = [server.end() for _ in silent[:-1]]
    assert {end.net.GetPeerInfo() for end in ends} == {wire.address for wire in silent[:-1]}
    assert len(dicom_threads()) <= 1 + 4 + 2
    for wire in (*good, *silent):
        wire.close()


def test_a_flood_of_silent_callers_with_the_default_limits(tls: Links) -> None:
    """They shed each other, never more than 16 at a time from one address."""
    defaults = {"half_open": 64, "associations": 100, "associations_per_address": 16}
    server = tls.server(patient(**defaults))
    silent = [Wire.connect(server.GetHostInfo()) for _ in range(200)]
    for _ in silent:
        server.accepted.get(timeout=LONG)
    shed = [server.end() for _ in silent[:-16]]
    assert {end.code for end in shed} == {C.NET_CONNECTION_ABORTED}
    assert server.GetClientCount() == 16
    tls.good_association(server)
    for wire in silent:
        wire.close()


# -- N14, N15: what an A-ASSOCIATE-RQ may ask for ----------------------------------------------


@pytest.mark.parametrize("length", [1, 6, 7, 1017])
def test_a_maximum_length_below_our_floor_is_rejected(links: Links, length: int) -> None:
    server = links.server()
    scu = BuggyScu(Bugs(maximum_length=length))
    with ScriptedPeer(scu, links.peer_tls(server=False)) as peer:
        peer.connect(server.GetHostInfo())
        received = peer.wait()
    # Rejected permanently, by the presentation provider: local limit exceeded.
    assert [pdu.data for pdu in received] == [b"\x03\0\0\0\0\x04\0\x01\x03\x02"]
    assert server.end().code == 0
    links.good_association(server)


@pytest.mark.parametrize("length", [0, 1018, 1019])
def test_our_floor_and_unlimited_work_in_both_roles(links: Links, length: int) -> None:
    bugs = Bugs(maximum_length=length)
    server = links.server()
    with ScriptedPeer(BuggyScu(bugs), links.peer_tls(server=False)) as peer:
        peer.connect(server.GetHostInfo())
        assert peer.wait()[-1].type == PduType.RELEASE_RESPONSE
    dataset = Dataset()
    dataset.add_new(0x7FE00010, "OB", bytes(300_000))
    with ScriptedPeer(BuggyScp(bugs), links.peer_tls(server=True)) as peer:
        client = links.client().associated_with(peer.listen())
        client.store(LDicomDS(dataset))
        assert client.answers.get(timeout=LONG) == (1, 0)
        client.SendReleaseRequest()
        lengths = {len(pdu.data) - 6 for pdu in peer.wait() if pdu.type == PduType.DATA_TRANSFER}
    # Fragments are kept even (PS3.8 has it so for P-DATA values), so 1019 is not used up.
    assert max(lengths) == {0: MAXIMUM_PDU_LENGTH, 1018: 1018, 1019: 1018}[length]


def test_a_huge_legal_request_is_counted_before_it_is_decoded(links: Links) -> None:
    """N15: 16 contexts of 9,300 transfer syntaxes; pynetdicom takes seconds for it."""
    syntax = b"\x40\0\0\x03" + b"1.2"
    abstract = b"\x30\0\0\x11" + b"1.2.840.10008.1.1"
    body = b"".join(
        b"\x20\0"
        + (4 + len(abstract) + 7 * 9_300).to_bytes(2, "big")
        + bytes([number, 0, 0, 0])
        + abstract
        + syntax * 9_300
        for number in range(101, 132, 2)
    )
    small = encode_associate(BuggyScu().request())
    request = small[:2] + (len(small) - 6 + len(body)).to_bytes(4, "big") + small[6:] + body
    assert len(request) < MIB
    server = links.server()
    with ScriptedPeer(Script().send(request).until_end(), links.peer_tls(server=False)) as peer:
        peer.connect(server.GetHostInfo())
        assert [pdu.type for pdu in peer.wait()] == [PduType.ABORT]
    end = server.end()
    assert end.code == C.PDU_TYPE
    assert "transfer syntaxes" in end.text or "items" in end.text
    links.good_association(server)


def test_the_most_that_is_allowed_is_answered(links: Links) -> None:
    """128 contexts with 29 transfer syntaxes each, which is just below `associate_items`."""
    request = BuggyScu().request()
    syntaxes = [f"1.2.840.10008.1.2.{number}" for number in range(29)]
    request.presentation_contexts = [
        PresentationContext(number, SOP_CLASS, syntaxes) for number in range(1, 256, 2)
    ]
    server = links.server()
    script = Script().send(encode_associate(request)).expect(PduType.ASSOCIATE_ACCEPT).stall()
    with ScriptedPeer(script, links.peer_tls(server=False)) as peer:
        peer.connect(server.GetHostInfo())
        peer.wait_stalled()
        peer.let_go()
    assert server.end().code == C.NET_CONNECTION_ABORTED


# -- malformed requests do not pile up ---------------------------------------------------------


def test_broken_requests_leak_nothing(plain: Links) -> None:
    """CVE-2021-41687 and the like: the same broken request, over and over."""
    server = plain.server()
    good = encode_associate(BuggyScu().request())
    broken = [good[:cut] + b"\xff\xff" + good[cut + 2 :] for cut in range(74, len(good) - 2, 7)]

    def round_of_requests() -> None:
        for request in broken:
            wire = Wire.connect(server.GetHostInfo())
            wire.send(request)
            wire.half_close()
            wire.raw_to_end()
            wire.close()
            server.end()
        while not server.associated.empty():  # some cuts fall where nobody looks
            server.associated.get_nowait()

    round_of_requests()
    before = resident()
    for _ in range(10):
        round_of_requests()
    assert resident() - before < 8 * MIB
    plain.good_association(server)
