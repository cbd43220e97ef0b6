"""Protocol machines, brought into any state by what happens to real ones."""

from __future__ import annotations

from collections.abc import Callable
from struct import pack

from leaddicom.errors import ProtocolError
from leaddicom.limits import Limits
from leaddicom.testing import ArtimRecorder
from leaddicom.upper_layer.association import Associate, PresentationContext
from leaddicom.upper_layer.negotiation import SupportedContext, accept_contexts
from leaddicom.upper_layer.pdu import PduEnd
from leaddicom.upper_layer.protocol import Indication, ProviderAbort, Role, UpperLayer
from leaddicom.upper_layer.state_machine import State

IMPLICIT = "1.2.840.10008.1.2"
VERIFICATION = "1.2.840.10008.1.1"
CT_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
SUPPORTED = [SupportedContext(uid, (IMPLICIT,)) for uid in (VERIFICATION, CT_STORAGE)]
REQUESTOR, ACCEPTOR = Role.REQUESTOR, Role.ACCEPTOR

RELEASE_REQUEST = bytes.fromhex("05 00 00000004 00000000")
RELEASE_RESPONSE = bytes.fromhex("06 00 00000004 00000000")
ABORT = bytes.fromhex("07 00 00000004 00000203")
REJECT = bytes.fromhex("03 00 00000004 00010107")


def p_data(*values: bytes, context_id: int = 1, control: int = 3) -> bytes:
    """A P-DATA-TF with a PDV for each value."""
    items = [pack(">LBB", len(value) + 2, context_id, control) + value for value in values]
    body = b"".join(items)
    return pack(">BxL", 4, len(body)) + body


def request(maximum_length: int | None = 16384) -> Associate:
    return Associate(
        is_request=True,
        called_ae_title="SCP",
        calling_ae_title="SCU",
        presentation_contexts=[
            PresentationContext(1, VERIFICATION, [IMPLICIT]),
            PresentationContext(3, CT_STORAGE, [IMPLICIT]),
        ],
        maximum_length=maximum_length,
    )


def reply(to: Associate, maximum_length: int | None = 16384) -> Associate:
    answer = accept_contexts(to, SUPPORTED)
    answer.maximum_length = maximum_length
    return answer


def abort_pdu(source: int, reason: int) -> bytes:
    return bytes((7, 0, 0, 0, 0, 4, 0, 0, source, reason))


def reject_pdu(result: int, source: int, reason: int) -> bytes:
    return bytes((3, 0, 0, 0, 0, 4, 0, result, source, reason))


def meaning(indications: list[Indication]) -> list[Indication]:
    return [it for it in indications if not isinstance(it, PduEnd)]


def sole_error(indications: list[Indication]) -> ProtocolError:
    """What a ProviderAbort, and nothing else, was indicated for."""
    (told,) = meaning(indications)
    assert isinstance(told, ProviderAbort)
    return told.error


class Core(UpperLayer):
    """A protocol machine with its timer in view."""

    def __init__(
        self, role: Role, limits: Limits | None = None, *, keep_data: bool = False
    ) -> None:
        self.artim = ArtimRecorder()
        super().__init__(role, limits or Limits(), self.artim, keep_data=keep_data)

    def hear(self, data: bytes) -> list[Indication]:
        return list(self.receive_data(memoryview(data)))

    def forget(self) -> Core:
        """Forget how it came into its state."""
        self.data_to_send()
        self.artim.calls.clear()
        return self


def joined(role: Role, limits: Limits | None = None, *, keep_data: bool = False) -> Core:
    """A core whose transport is up."""
    core = Core(role, limits, keep_data=keep_data)
    if role is ACCEPTOR:
        core.transport_connected()
    return core


def established(
    role: Role,
    *,
    ours: int | None = 16384,
    theirs: int | None = 16384,
    limits: Limits | None = None,
    keep_data: bool = False,
) -> Core:
    """A core with an association; `ours` and `theirs` are the maximum lengths announced."""
    core, peer = joined(role, limits, keep_data=keep_data), joined(_other(role))
    requestor, acceptor = (core, peer) if role is REQUESTOR else (peer, core)
    announced = {core: ours, peer: theirs}
    requestor.associate(request(announced[requestor]))
    acceptor.hear(requestor.data_to_send())
    acceptor.accept(reply(request(), announced[acceptor]))
    requestor.hear(acceptor.data_to_send())
    return core.forget()


def _other(role: Role) -> Role:
    return ACCEPTOR if role is REQUESTOR else REQUESTOR


def _associating(role: Role) -> Core:
    core = Core(role)
    core.associate(request())
    return core


def _requested(role: Role) -> Core:
    requestor, core = _associating(_other(role)), joined(role)
    core.hear(requestor.data_to_send())
    return core


def _connecting(role: Role) -> Core:
    # The driver connects before it associates, so that nobody ever sees this state.
    core = Core(role)
    core.state = State.STA4
    return core


def _releasing(role: Role) -> Core:
    core = established(role)
    core.release()
    return core


def _asked_to_release(role: Role) -> Core:
    core = established(role)
    core.hear(RELEASE_REQUEST)
    return core


def _collided(role: Role) -> Core:
    core = _releasing(role)
    core.hear(RELEASE_REQUEST)
    return core


def _collided_and_answered(role: Role) -> Core:
    core = _collided(role)
    if role is REQUESTOR:
        core.release_response()
    else:
        core.hear(RELEASE_RESPONSE)
    return core


def _ending(role: Role) -> Core:
    if role is REQUESTOR:
        core = established(role)
        core.abort()
    else:
        core = _requested(role)
        core.reject(1, 1, 1)
    return core


_WAYS: dict[State, tuple[Callable[[Role], Core], tuple[Role, ...]]] = {
    State.STA1: (Core, (REQUESTOR, ACCEPTOR)),
    State.STA2: (joined, (ACCEPTOR,)),
    State.STA3: (_requested, (ACCEPTOR,)),
    State.STA4: (_connecting, (REQUESTOR,)),
    State.STA5: (_associating, (REQUESTOR,)),
    State.STA6: (established, (REQUESTOR, ACCEPTOR)),
    State.STA7: (_releasing, (REQUESTOR, ACCEPTOR)),
    State.STA8: (_asked_to_release, (REQUESTOR, ACCEPTOR)),
    State.STA9: (_collided, (REQUESTOR,)),
    State.STA10: (_collided, (ACCEPTOR,)),
    State.STA11: (_collided_and_answered, (REQUESTOR,)),
    State.STA12: (_collided_and_answered, (ACCEPTOR,)),
    State.STA13: (_ending, (REQUESTOR, ACCEPTOR)),
}

#: Every state with the roles that get there.
PLACES = [(state, role) for state, (_, roles) in _WAYS.items() for role in roles]


def core_in(state: State, role: Role | None = None) -> Core:
    """A core in that state, its past forgotten; the first role that gets there by default."""
    way, roles = _WAYS[state]
    core = way(role or roles[0]).forget()
    assert core.state is state
    assert core.artim.is_running == (state in (State.STA2, State.STA13))
    return core
