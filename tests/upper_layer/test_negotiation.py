"""Negotiation of presentation contexts and roles: PS3.8 7.1.1.13, PS3.7 D.3.3.4."""

from __future__ import annotations

import pytest

from leaddicom.enums import AbortReason, ContextResult
from leaddicom.errors import ProtocolError
from leaddicom.limits import Limits
from leaddicom.upper_layer.association import (
    Associate,
    PresentationContext,
    decode_associate,
    encode_associate,
)
from leaddicom.upper_layer.negotiation import (
    AcceptedContext,
    SupportedContext,
    accept_contexts,
    accepted_contexts,
)

CT = "1.2.840.10008.5.1.4.1.1.2"
MR = "1.2.840.10008.5.1.4.1.1.4"
IMPLICIT, EXPLICIT, JPEG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.70"
PRIVATE = "1.3.6.1.4.1.5962.99.2"


def offering(
    *contexts: PresentationContext, roles: dict[str, tuple[bool, bool]] | None = None
) -> Associate:
    return Associate(
        is_request=True,
        called_ae_title="SCP",
        calling_ae_title="SCU",
        presentation_contexts=list(contexts),
        roles=roles or {},
    )


def over_the_wire(associate: Associate) -> Associate:
    return decode_associate(encode_associate(associate), Limits())


def answer(request: Associate, *supported: SupportedContext) -> PresentationContext:
    return accept_contexts(request, supported).presentation_contexts[0]


def test_the_answer_echoes_titles_and_application_context() -> None:
    request = offering(PresentationContext(1, CT, [IMPLICIT]))
    request.application_context = "1.2.3"
    accept = accept_contexts(request, [])
    assert not accept.is_request
    assert (accept.called_ae_title, accept.calling_ae_title) == ("SCP", "SCU")
    assert accept.application_context == "1.2.3"


def test_the_answer_leaves_to_the_caller_what_it_does_not_negotiate() -> None:
    request = offering(PresentationContext(1, CT, [IMPLICIT]))
    request.protocol_version, request.asynchronous_operations = 3, (0, 0)
    accept = accept_contexts(request, [])
    assert accept.protocol_version == 1
    assert accept.maximum_length is None
    assert accept.implementation_class_uid is None
    assert accept.asynchronous_operations is None


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        ([IMPLICIT, EXPLICIT], IMPLICIT),
        ([EXPLICIT, IMPLICIT], EXPLICIT),
        ([JPEG, PRIVATE, EXPLICIT, IMPLICIT], EXPLICIT),
    ],
)
@pytest.mark.parametrize("supported", [(IMPLICIT, EXPLICIT), (EXPLICIT, IMPLICIT)])
def test_the_first_transfer_syntax_of_the_requestor_that_is_supported_is_chosen(
    offered: list[str], chosen: str, supported: tuple[str, ...]
) -> None:
    request = offering(PresentationContext(1, CT, offered))
    result = answer(request, SupportedContext(CT, supported))
    assert (result.result, result.transfer_syntaxes) == (ContextResult.ACCEPTANCE, [chosen])


def test_contexts_of_one_class_are_chosen_for_one_by_one_and_in_the_offered_order() -> None:
    request = offering(
        PresentationContext(5, CT, [EXPLICIT]),
        PresentationContext(1, CT, [IMPLICIT, EXPLICIT]),
        PresentationContext(3, CT, [JPEG]),
    )
    accept = accept_contexts(request, [SupportedContext(CT, (EXPLICIT, IMPLICIT))])
    assert [
        (context.context_id, int(context.result), context.transfer_syntaxes)
        for context in accept.presentation_contexts
    ] == [(5, 0, [EXPLICIT]), (1, 0, [IMPLICIT]), (3, 4, [JPEG])]


def test_an_unknown_class_is_refused_with_abstract_syntax_not_supported() -> None:
    request = offering(PresentationContext(1, MR, [IMPLICIT]))
    expected = ContextResult.ABSTRACT_SYNTAX_NOT_SUPPORTED
    assert answer(request, SupportedContext(CT, (IMPLICIT,))).result == expected
    assert answer(request).result == expected


def test_a_class_whose_transfer_syntaxes_do_not_meet_is_refused_with_that_reason() -> None:
    request = offering(PresentationContext(1, CT, [JPEG]))
    result = answer(request, SupportedContext(CT, (IMPLICIT,)))
    assert result.result == ContextResult.TRANSFER_SYNTAXES_NOT_SUPPORTED


def test_a_private_transfer_syntax_can_be_accepted() -> None:
    request = offering(PresentationContext(1, CT, [PRIVATE]))
    assert answer(request, SupportedContext(CT, (PRIVATE,))).transfer_syntaxes == [PRIVATE]


def test_the_answer_can_be_sent() -> None:
    request = over_the_wire(
        offering(
            PresentationContext(1, CT, [JPEG, EXPLICIT]),
            PresentationContext(3, MR, [IMPLICIT]),
            roles={CT: (True, True)},
        )
    )
    accept = accept_contexts(request, [SupportedContext(CT, (EXPLICIT,), scu=True, scp=True)])
    received = over_the_wire(accept)
    assert accepted_contexts(request, received) == {
        1: AcceptedContext(1, CT, EXPLICIT, as_scu=True, as_scp=True)
    }


# -- roles -------------------------------------------------------------------------------------

PROPOSALS = [None, (True, True), (True, False), (False, True), (False, False)]


@pytest.mark.parametrize("proposed", PROPOSALS)
@pytest.mark.parametrize("scp", [None, True, False])
@pytest.mark.parametrize("scu", [None, True, False])
def test_roles(proposed: tuple[bool, bool] | None, scu: bool | None, scp: bool | None) -> None:
    """A role needs a proposal and an acceptor that decides; else the requestor is the SCU."""
    request = offering(
        PresentationContext(1, CT, [IMPLICIT]), roles={CT: proposed} if proposed else None
    )
    accept = accept_contexts(request, [SupportedContext(CT, (IMPLICIT,), scu, scp)])
    agreed = accepted_contexts(request, accept)
    if proposed is None or scu is None or scp is None:
        assert accept.roles == {}
        assert agreed == {1: AcceptedContext(1, CT, IMPLICIT, as_scu=True, as_scp=False)}
        return
    roles = (proposed[0] and scu, proposed[1] and scp)
    if not any(roles):
        assert accept.presentation_contexts[0].result == ContextResult.USER_REJECTION
        assert (accept.roles, agreed) == ({}, {})
        return
    assert accept.roles == {CT: roles}
    assert agreed == {1: AcceptedContext(1, CT, IMPLICIT, *roles)}


def test_roles_that_were_not_asked_for_are_not_given() -> None:
    request = offering(PresentationContext(1, CT, [IMPLICIT]))
    accept = accept_contexts(request, [SupportedContext(CT, (IMPLICIT,))])
    accept.roles[CT] = (True, True)
    assert not accepted_contexts(request, accept)[1].as_scp

    request.roles[CT] = (True, False)
    assert not accepted_contexts(request, accept)[1].as_scp


def test_roles_that_were_not_answered_are_the_default() -> None:
    request = offering(PresentationContext(1, CT, [IMPLICIT]), roles={CT: (False, True)})
    accept = accept_contexts(request, [SupportedContext(CT, (IMPLICIT,))])
    agreed = accepted_contexts(request, accept)[1]
    assert (agreed.as_scu, agreed.as_scp) == (True, False)


# -- what an acceptor answers ------------------------------------------------------------------


def answered(*contexts: PresentationContext) -> dict[int, AcceptedContext]:
    request = offering(
        PresentationContext(1, CT, [IMPLICIT, EXPLICIT]), PresentationContext(3, MR, [IMPLICIT])
    )
    return accepted_contexts(request, Associate(False, presentation_contexts=list(contexts)))


def test_rejected_and_unanswered_contexts_are_left_out() -> None:
    assert answered(PresentationContext(1, result=3)) == {}
    agreed = answered(PresentationContext(1, "", [EXPLICIT]))
    assert agreed == {1: AcceptedContext(1, CT, EXPLICIT, as_scu=True, as_scp=False)}


@pytest.mark.parametrize("result", [0, 3])
def test_a_context_that_was_not_offered_is_unexpected(result: int) -> None:
    with pytest.raises(ProtocolError, match="context 5, which was not offered") as caught:
        answered(PresentationContext(5, "", [IMPLICIT], result))
    assert caught.value.reason == AbortReason.UNEXPECTED_PDU_PARAMETER


@pytest.mark.parametrize("result", [0, 3])
def test_a_context_that_is_answered_twice_is_unexpected(result: int) -> None:
    first = PresentationContext(1, "", [IMPLICIT])
    with pytest.raises(ProtocolError, match="context 1, which was answered twice") as caught:
        answered(first, PresentationContext(1, "", [IMPLICIT], result))
    assert caught.value.reason == AbortReason.UNEXPECTED_PDU_PARAMETER


@pytest.mark.parametrize("syntaxes", [[], [JPEG], [PRIVATE]])
def test_a_transfer_syntax_that_was_not_offered_is_invalid(syntaxes: list[str]) -> None:
    with pytest.raises(ProtocolError, match="was not offered") as caught:
        answered(PresentationContext(1, "", syntaxes))
    assert caught.value.reason == AbortReason.INVALID_PDU_PARAMETER_VALUE


def test_the_transfer_syntax_of_a_rejected_context_is_not_tested() -> None:
    assert answered(PresentationContext(1, "", [JPEG], result=4)) == {}
