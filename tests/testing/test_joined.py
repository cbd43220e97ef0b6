"""Two protocol machines joined back to back."""

from __future__ import annotations

import pytest

from leaddicom.dimse.command import encode_command
from leaddicom.dimse.fragmentation import BytesSource, OutgoingMessage
from leaddicom.errors import AssociationError
from leaddicom.limits import Limits
from leaddicom.testing import ArtimRecorder, JoinedCores
from leaddicom.upper_layer.association import Associate, PresentationContext
from leaddicom.upper_layer.negotiation import SupportedContext, accept_contexts
from leaddicom.upper_layer.pdu import PdvPiece
from leaddicom.upper_layer.protocol import (
    Abort,
    AssociateRejected,
    ProviderAbort,
    ReleaseConfirmed,
)
from leaddicom.upper_layer.state_machine import State

ECHO_CLASS, IMPLICIT = "1.2.840.10008.1.1", "1.2.840.10008.1.2"
ECHO = encode_command({0x0002: ECHO_CLASS, 0x0100: 0x30, 0x0110: 1, 0x0800: 0x0101})


def request() -> Associate:
    return Associate(
        is_request=True,
        called_ae_title="SCP",
        calling_ae_title="SCU",
        presentation_contexts=[PresentationContext(1, ECHO_CLASS, [IMPLICIT])],
        maximum_length=16384,
    )


def associated(seed: int | None = None) -> JoinedCores:
    joined = JoinedCores(seed)
    joined.requestor.core.associate(request())
    joined.run()
    reply = accept_contexts(request(), [SupportedContext(ECHO_CLASS, (IMPLICIT,))])
    reply.maximum_length = 2000
    joined.acceptor.core.accept(reply)
    joined.run()
    return joined


@pytest.mark.parametrize("seed", [None, 0, 1, 2])
def test_a_message_arrives_however_it_is_cut(seed: int | None) -> None:
    joined = associated(seed)
    joined.acceptor.seen.clear()
    data = bytes(range(250)) * 20
    joined.requestor.send(OutgoingMessage(1, ECHO, BytesSource(data)))
    joined.run()
    values = [it for it in joined.acceptor.seen if isinstance(it, PdvPiece)]
    assert [value.control for value in values] == [3, 0, 0, 2]
    assert values[0].data == ECHO
    assert b"".join(value.data for value in values[1:]) == data


def test_bytes_are_cut_by_the_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    def sizes(seed: int | None) -> list[int]:
        joined, found = JoinedCores(seed), []
        receive = joined.acceptor.receive
        monkeypatch.setattr(
            joined.acceptor, "receive", lambda data: (found.append(len(data)), receive(data))
        )
        joined.requestor.core.associate(request())
        joined.run()
        return found

    assert len(sizes(None)) == 1
    assert len(sizes(1)) > 1
    assert sizes(1) == sizes(1)
    assert len({tuple(sizes(seed)) for seed in range(10)}) > 5


def test_control_pdus_leave_before_a_message_that_follows_them() -> None:
    joined = JoinedCores()
    joined.requestor.core.associate(request())
    joined.run()
    reply = accept_contexts(request(), [SupportedContext(ECHO_CLASS, (IMPLICIT,))])
    joined.acceptor.core.accept(reply)
    joined.acceptor.send(OutgoingMessage(1, ECHO, None))
    assert [joined.acceptor.wire[0], joined.acceptor.wire[-len(ECHO) - 12]] == [2, 4]
    joined.run()
    assert joined.requestor.core.state is State.STA6


def test_the_state_says_whether_a_message_may_be_sent() -> None:
    joined = JoinedCores()
    with pytest.raises(AssociationError, match="P_DATA_REQUEST is not possible in state STA1"):
        joined.requestor.send(OutgoingMessage(1, ECHO, None))


def test_the_transport_closes_for_both_when_one_asks_for_it() -> None:
    joined = associated(3)
    joined.requestor.core.release()
    joined.run()
    joined.acceptor.core.release_response()
    joined.run()
    assert joined.requestor.seen[-1] == ReleaseConfirmed()
    assert (joined.requestor.core.state, joined.acceptor.core.state) == (State.STA1, State.STA1)
    joined.run()


def test_an_end_that_hangs_up_surprises_the_other() -> None:
    joined = associated()
    joined.requestor.core.close_transport = True
    joined.run()
    told = joined.acceptor.seen[-1]
    assert isinstance(told, ProviderAbort)
    assert "without releasing" in told.error.message


def test_aborts_and_rejections_are_seen() -> None:
    joined = associated(4)
    joined.acceptor.core.abort(2, 6)
    joined.run()
    assert joined.requestor.seen[-1] == Abort(2, 6)
    joined = JoinedCores(5)
    joined.requestor.core.associate(request())
    joined.run()
    joined.acceptor.core.reject(1, 1, 7)
    joined.run()
    assert joined.requestor.seen[-1] == AssociateRejected(1, 1, 7)


def test_limits_are_those_of_each_end() -> None:
    joined = JoinedCores(acceptor_limits=Limits(associate_pdu_length=100))
    joined.requestor.core.associate(request())
    joined.run()
    told = joined.acceptor.seen[-1]
    assert isinstance(told, ProviderAbort)
    assert "68 to 100 are allowed" in told.error.message


def test_the_timer_of_each_end_is_in_view() -> None:
    joined = JoinedCores()
    assert joined.acceptor.artim.is_running
    assert joined.acceptor.artim.calls == ["start"]
    timer = ArtimRecorder()
    timer.start()
    timer.stop()
    assert not timer.is_running
    assert timer.calls == ["start", "stop"]
