"""What holds for any bytes, in any state, cut anywhere."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from leaddicom.dimse.command import encode_command
from leaddicom.dimse.fragmentation import BytesSource, OutgoingMessage
from leaddicom.enums import PduType
from leaddicom.errors import AssociationError, ProtocolError
from leaddicom.limits import Limits
from leaddicom.testing import JoinedCores, JoinedEnd
from leaddicom.upper_layer.pdu import PduEnd, PduReader, PdvPiece
from leaddicom.upper_layer.protocol import Indication, ProviderAbort, Role, UpperLayer
from leaddicom.upper_layer.state_machine import State

from . import associate_pdus
from .cores import (
    ABORT,
    PLACES,
    REJECT,
    RELEASE_REQUEST,
    RELEASE_RESPONSE,
    Core,
    core_in,
    p_data,
    reply,
    request,
)

GOOD_PDUS = [
    associate_pdus.request(),
    associate_pdus.accept(),
    REJECT,
    p_data(b"value"),
    p_data(b"first", b"", b"third", control=0),
    RELEASE_REQUEST,
    RELEASE_RESPONSE,
    ABORT,
]
SMALL = Limits(associate_pdu_length=2000, maximum_pdu_length=2000, minimum_pdu_length=100)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A PDU of which some bytes are wrong, missing or too many."""
    data = bytearray(draw(st.sampled_from(GOOD_PDUS)))
    for _ in range(draw(st.integers(1, 3))):
        position = draw(st.integers(0, len(data)))
        length = draw(st.integers(0, 3))
        data[position : position + length] = draw(st.binary(max_size=3))
    return bytes(data)


noise = st.one_of(st.sampled_from(GOOD_PDUS), damaged(), st.binary(max_size=30))
local: list[Callable[[Core], object]] = [
    UpperLayer.transport_connected,
    lambda core: core.associate(request()),
    lambda core: core.accept(reply(core.request or request())),
    lambda core: core.reject(1, 1, 1),
    UpperLayer.p_data,
    UpperLayer.release,
    UpperLayer.release_response,
    UpperLayer.abort,
    UpperLayer.artim_expired,
]


def pdus_sent(core: Core) -> list[PduType]:
    reader = PduReader(Limits())
    data = core.data_to_send()
    sent = [it.pdu_type for it in reader.feed(memoryview(data)) if isinstance(it, PduEnd)]
    assert not reader.in_pdu
    return sent


@settings(max_examples=1000, deadline=None)
@given(st.sampled_from(PLACES), st.lists(noise, max_size=5), st.integers(1, 200))
@example((State.STA13, Role.REQUESTOR), [associate_pdus.request()] * 5, 1)
@example((State.STA13, Role.ACCEPTOR), [b"\x08\0\0\0\0\0"] * 5, 200)
def test_bytes_never_raise_and_are_answered_by_aborts_only(
    place: tuple[State, Role], pdus: list[bytes], size: int
) -> None:
    core = core_in(*place)
    data = b"".join(pdus)
    complaints = 0
    for begin in range(0, len(data), size):
        for told in core.receive_data(memoryview(data)[begin : begin + size]):
            complaints += isinstance(told, ProviderAbort)
            assert not isinstance(told, PdvPiece) or core.state in (State.STA6, State.STA7)
    assert core.state in State
    assert complaints <= 1
    # One for what has no place or form, one more for who goes on after that; or a reject.
    sent = pdus_sent(core)
    assert sent in ([], [PduType.ABORT], [PduType.ABORT] * 2, [PduType.ASSOCIATE_REJECT],
                    [PduType.ASSOCIATE_REJECT, PduType.ABORT])  # fmt: skip
    assert core.aborted or PduType.ABORT not in sent
    if core.close_transport:
        assert core.hear(b"".join(GOOD_PDUS)) == []
    assert core.state in (State.STA1, State.STA13) or not core.aborted


def test_nothing_is_requested_on_a_transport_that_is_to_be_closed() -> None:
    core = core_in(State.STA2, Role.ACCEPTOR)
    core.artim_expired()
    assert (core.state, core.close_transport) == (State.STA1, True)
    with pytest.raises(AssociationError, match="to be closed"):
        core.associate(request())
    assert pdus_sent(core) == []


@settings(max_examples=1000, deadline=None)
@given(
    st.sampled_from(PLACES),
    st.lists(st.one_of(noise, st.sampled_from(local)), max_size=12),
)
def test_bytes_and_primitives_in_any_order_raise_nothing_but_misuse(
    place: tuple[State, Role], steps: list[bytes | Callable[[Core], object]]
) -> None:
    core = core_in(*place)
    for step in steps:
        if isinstance(step, bytes):
            core.hear(step)
            continue
        before = core.state
        with contextlib.suppress(AssociationError):
            step(core)
            continue
        assert core.state is before
    assert core.state in State
    assert pdus_sent(core).count(PduType.ABORT) <= 2
    core.artim_expired()
    core.transport_closed()
    assert core.state is State.STA1


@settings(max_examples=600, deadline=None)
@given(st.lists(noise, max_size=6), st.lists(st.integers(1, 50), min_size=1, max_size=20))
def test_the_reader_finds_the_same_however_bytes_are_cut(
    pdus: list[bytes], sizes: list[int]
) -> None:
    data = b"".join(pdus)

    def read(*chunks: bytes) -> list[object]:
        reader, seen, value = PduReader(SMALL, keep_data=True), [], b""
        try:
            for chunk in chunks:
                for event in reader.feed(memoryview(chunk)):
                    if not isinstance(event, PdvPiece):
                        seen.append(event)
                        continue
                    value += event.data
                    if event.end:
                        seen.append((event.context_id, event.control, value))
                        value = b""
        except ProtocolError as error:
            seen.append(str(error))
        return [*seen, value, reader.begun]

    chunks, position = [], 0
    while position < len(data):
        size = sizes[len(chunks) % len(sizes)]
        chunks.append(data[position : position + size])
        position += size
    assert read(*chunks) == read(data)


# -- two protocol machines back to back ----------------------------------------------------------

ECHO = encode_command({0x0002: "1.2.840.10008.1.1", 0x0100: 0x30, 0x0110: 1, 0x0800: 0x0101})
STORE = encode_command({0x0002: "1.2", 0x0100: 1, 0x0110: 2, 0x0800: 1, 0x1000: "1.2.3"})


def send(end: JoinedEnd, size: int | None) -> None:
    source = None if size is None else BytesSource(bytes(i % 251 for i in range(size)))
    end.send(OutgoingMessage(1 if size is None else 3, ECHO if size is None else STORE, source))


def release_both(pair: JoinedCores) -> None:
    pair.requestor.core.release()
    pair.acceptor.core.release()
    pair.run()
    pair.requestor.core.release_response()
    pair.run()
    pair.acceptor.core.release_response()


def release_one(pair: JoinedCores) -> None:
    pair.requestor.core.release()
    pair.run()
    pair.acceptor.core.release_response()


ENDINGS: dict[str, Callable[[JoinedCores], object]] = {
    "release": release_one,
    "collision": release_both,
    "abort of the requestor": lambda pair: pair.requestor.core.abort(),
    "abort of the acceptor": lambda pair: pair.acceptor.core.abort(2, 6),
    "broken framing": lambda pair: pair.requestor.wire.extend(b"\x09\0\0\0\0\0 and more"),
    "no end": lambda pair: None,
}
messages = st.lists(st.tuples(st.booleans(), st.none() | st.integers(0, 6000)), max_size=6)


def play(
    seed: int | None, script: list[tuple[bool, int | None]], ending: str
) -> tuple[list[object], ...]:
    pair = JoinedCores(
        seed, requestor_limits=Limits(maximum_pdu_length=1018), acceptor_limits=SMALL
    )
    pair.requestor.core.associate(request(1018))
    pair.run()
    pair.acceptor.core.accept(reply(request(), 2000))
    pair.run()
    for from_requestor, size in script:
        send(pair.requestor if from_requestor else pair.acceptor, size)
    pair.run()
    ENDINGS[ending](pair)
    pair.run()
    return tuple(
        [*map(comparable, end.seen), end.core.state, end.core.aborted, end.artim.calls]
        for end in (pair.requestor, pair.acceptor)
    )


def comparable(told: Indication) -> object:
    if isinstance(told, PdvPiece):
        return told.context_id, told.control, bytes(told.data)
    return str(told.error) if isinstance(told, ProviderAbort) else told


@pytest.mark.parametrize("ending", ENDINGS)
@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 1 << 32), script=messages)
def test_cutting_changes_nothing_for_either_end(
    ending: str, seed: int, script: list[tuple[bool, int | None]]
) -> None:
    assert play(seed, script, ending) == play(None, script, ending)


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 1 << 32), size=st.integers(0, 6000))
def test_values_arrive_as_they_left(seed: int, size: int) -> None:
    pair = JoinedCores(seed, acceptor_limits=SMALL)
    pair.requestor.core.associate(request())
    pair.run()
    pair.acceptor.core.accept(reply(request(), 2000))
    pair.run()
    send(pair.requestor, size)
    pair.run()
    pieces = [it for it in pair.acceptor.seen if isinstance(it, PdvPiece)]
    assert pieces[0].data == STORE
    assert b"".join(piece.data for piece in pieces[1:]) == bytes(i % 251 for i in range(size))
    assert [piece.control & 2 for piece in pieces[1:]] == [0] * (len(pieces) - 2) + [2]
