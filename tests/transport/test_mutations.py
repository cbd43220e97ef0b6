"""A whole association, recorded and damaged, played to an acceptor.

Whatever the damage: nothing raises but a deadline, what leaves is well-formed, there is one
A-ABORT at most before and one after the end of the association, and the session comes to its end.
"""

from __future__ import annotations

import functools
import logging
import random
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import pytest
from upper_layer.cores import ABORT, CT_STORAGE, RELEASE_REQUEST, Core, reply, request

from leaddicom.dimse import messages as dimse
from leaddicom.dimse.composition import compose
from leaddicom.dimse.message import Message
from leaddicom.enums import PduType, Status
from leaddicom.errors import DicomError, NetworkError
from leaddicom.limits import Limits
from leaddicom.upper_layer.protocol import AssociateRequested, Indication, ReleaseRequested

from .sessions import ACCEPTOR, REQUESTOR, Run, outgoing, pdus_in

LIMITS = Limits(
    associate_pdu_length=4000,
    maximum_pdu_length=4000,
    command_set_length=2000,
    data_set_length=20_000,
    queued_messages=50,
)


@functools.cache
def associate_request() -> bytes:
    core = Core(REQUESTOR)
    core.associate(request(4000))
    return core.data_to_send()


@functools.cache
def recorded() -> bytes:
    """Associate, echo, store, find, N-GET and release, as one stream."""
    stream = associate_request()
    arguments = (2, CT_STORAGE, "1.2.3", 0, None, None)
    for item in (
        outgoing(dimse.C_ECHO_RQ, 1, "1.2.840.10008.1.1"),
        outgoing(dimse.C_STORE_RQ, *arguments, data=bytes(9000), context_id=3),
        outgoing(dimse.C_FIND_RQ, 3, CT_STORAGE, 0, data=b"keys", context_id=3),
        outgoing(dimse.N_GET_RQ, 4, CT_STORAGE, "1.2.3", (0x00100010,), context_id=3),
        outgoing(dimse.C_CANCEL_RQ, 3, context_id=3),
    ):
        stream += Run.message_bytes(item, 4000)
    return stream + RELEASE_REQUEST


def application(run: Run) -> None:
    """Let the owner of a session answer as applications do."""

    def on_indication(told: Indication) -> None:
        if isinstance(told, AssociateRequested):
            answer = reply(told.request, 4000)
            run.primitive(lambda upper_layer: upper_layer.accept(answer))
        elif isinstance(told, ReleaseRequested):
            run.primitive(lambda upper_layer: upper_layer.release_response())

    def on_message(message: Message) -> None:
        if message.type is None or message.type.response is None:
            run.session.answer(message, Status.UNRECOGNIZED_OPERATION)
            return
        response = message.type.response
        arguments = [7 if it.element.vr == "US" else None for it in response.parameters]
        arguments[0] = message.message_id
        command = compose(response, arguments, False)
        run.put(
            outgoing(response, *[command.get(it.element.element) for it in response.parameters])
        )

    run.owner.at_indication = on_indication
    run.owner.at_message = on_message


def damage(data: bytes, chance: random.Random) -> bytes:
    damaged = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 5))):
        # Half of it into the first 700 bytes, where most of the structure is.
        position = chance.randrange(len(damaged) if chance.random() < 0.5 else 700)
        kind = chance.randrange(6)
        if kind == 0:
            damaged[position] = chance.randrange(256)
        elif kind == 1:
            damaged[position] ^= 1 << chance.randrange(8)
        elif kind == 2:
            del damaged[position : position + chance.randrange(1, 20)]
        elif kind == 3:
            damaged[position:position] = chance.randbytes(chance.randrange(1, 20))
        elif kind == 4:
            damaged[position : position + 4] = b"\xff\xff\xff\xff"
        else:
            length = chance.randrange(1, 2000)
            damaged[position:position] = damaged[position : position + length]
    if chance.random() < 0.1:
        del damaged[chance.randrange(len(damaged)) :]
    return bytes(damaged)


def chunks(data: bytes, chance: random.Random) -> Iterator[bytes]:
    cuts = [chance.randrange(len(data) + 1) for _ in range(chance.randrange(8))]
    # A requestor waits for the answer to its A-ASSOCIATE-RQ.
    cuts = sorted([*cuts, min(len(data), len(associate_request()))])
    for begin, end in pairwise([0, *cuts, len(data)]):
        yield data[begin:end]


def play(data: bytes, chance: random.Random) -> tuple[str, list[PduType]]:
    """Play to a new session; give how it ended and what left."""
    run = Run(ACCEPTOR, LIMITS)
    application(run)
    left = b""
    for chunk in chunks(data, chance):
        if run.session.is_over:
            break
        run.hear(chunk)
        left += run.flush()
    if not run.session.is_over and chance.random() < 0.5:
        run.session.end_of_stream()
    try:
        for _ in range(10):  # the peer is silent from here on
            if run.session.is_over:
                break
            run.pass_time(600)
            left += run.flush()
    except NetworkError:
        run.session.upper_layer.close_transport = True
    assert run.session.is_over
    run.session.close()
    assert run.session.is_idle
    error = run.session.error
    assert error is None or isinstance(error, DicomError)
    assert error is None or error.message.startswith(("the peer", "A data set from the peer"))
    return ("none" if error is None else type(error).__name__), pdus_in(left)


@pytest.mark.parametrize("seed", range(12))
def test_damaged_associations_end_in_documented_ways(
    seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    chance = random.Random(seed)
    outcomes: Counter[str] = Counter()
    with caplog.at_level(logging.CRITICAL):
        for _ in range(300):
            outcome, sent = play(damage(recorded(), chance), chance)
            outcomes[outcome] += 1
            assert sent.count(PduType.ABORT) <= 2
            if PduType.ABORT in sent:
                assert {*sent[sent.index(PduType.ABORT) :]} == {PduType.ABORT}
            assert sent.count(PduType.ASSOCIATE_ACCEPT) <= 1
            assert sent.count(PduType.RELEASE_RESPONSE) <= 1
    # What breaks a rule and what runs into a deadline both occur, else nothing was tried.
    assert outcomes["ProtocolError"] > 10
    assert outcomes["NetworkError"] > 0
    assert {*outcomes} <= {"none", "ProtocolError", "NetworkError", "AssociationError"}


def test_the_undamaged_association_ends_well() -> None:
    outcome, sent = play(recorded(), random.Random(0))
    assert outcome == "none"
    assert sent[0] is PduType.ASSOCIATE_ACCEPT
    assert sent.count(PduType.DATA_TRANSFER) == 4
    assert sent[-1] is PduType.RELEASE_RESPONSE


def test_a_good_association_after_a_bad_one_works() -> None:
    play(recorded()[:3000] + ABORT + recorded(), random.Random(1))
    self_contained = play(recorded(), random.Random(1))
    assert self_contained[0] == "none"
