"""Negotiation of presentation contexts and roles (PS3.8 section 7.1.1.13, PS3.7 D.3.3.4)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pydicom.uid import UID
from pynetdicom.presentation import PresentationContext as Negotiable
from pynetdicom.presentation import negotiate_as_acceptor

from leaddicom.enums import AbortReason, ContextResult
from leaddicom.errors import ProtocolError
from leaddicom.upper_layer.association import (
    Associate,
    PresentationContext,
)

__all__ = ["AcceptedContext", "SupportedContext", "accept_contexts", "accepted_contexts"]


@dataclass(frozen=True, slots=True)
class SupportedContext:
    """What an acceptor supports of one SOP class.

    Attributes
    ----------
    abstract_syntax : str
        UID of the SOP class.
    transfer_syntaxes : tuple of str
        UIDs; their order is of no consequence, since the requestor's counts.
    scu, scp : bool or None
        Whether the *requestor* may take that role if it asks for it.  If either is `None`
        role selection is not answered, and the requestor is the SCU.
    """

    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]
    scu: bool | None = None
    scp: bool | None = None


@dataclass(frozen=True, slots=True)
class AcceptedContext:
    """A presentation context that messages may be sent on.

    Attributes
    ----------
    context_id : int
        Presentation context id.
    abstract_syntax, transfer_syntax : str
        UIDs.
    as_scu, as_scp : bool
        Roles of the *requestor*; the acceptor has them the other way round.
    """

    context_id: int
    abstract_syntax: str
    transfer_syntax: str
    as_scu: bool
    as_scp: bool


def accept_contexts(request: Associate, supported: Iterable[SupportedContext]) -> Associate:
    """Return the A-ASSOCIATE-AC that answers a request.

    Each context is accepted with the first transfer syntax of the requestor's list that is
    supported.  The caller adds the maximum length, the implementation, and the asynchronous
    operations window.

    Parameters
    ----------
    request : Associate
        The A-ASSOCIATE-RQ.
    supported : iterable of SupportedContext
        One entry for each SOP class; of two for the same class the later one counts.
    """
    accept = Associate(
        is_request=False,
        called_ae_title=request.called_ae_title,
        calling_ae_title=request.calling_ae_title,
        application_context=request.application_context,
    )
    by_class = {entry.abstract_syntax: entry for entry in supported}
    for offered in request.presentation_contexts:
        entry = by_class.get(offered.abstract_syntax)
        accept.presentation_contexts.append(_answer(offered, entry, request, accept.roles))
    return accept


def _answer(
    offered: PresentationContext,
    entry: SupportedContext | None,
    request: Associate,
    roles: dict[str, tuple[bool, bool]],
) -> PresentationContext:
    """Negotiate one context, and add its role selection to `roles`."""
    answer = PresentationContext(
        offered.context_id, offered.abstract_syntax, offered.transfer_syntaxes[:1]
    )
    if entry is None:
        answer.result = ContextResult.ABSTRACT_SYNTAX_NOT_SUPPORTED
        return answer
    chosen = next(
        (uid for uid in offered.transfer_syntaxes if uid in entry.transfer_syntaxes), None
    )
    if chosen is None:
        answer.result = ContextResult.TRANSFER_SYNTAXES_NOT_SUPPORTED
        return answer
    answer.transfer_syntaxes = [chosen]
    # pynetdicom would take the first of the *acceptor's* list; with the choice made, what it
    # decides are the roles.
    proposed = request.roles.get(offered.abstract_syntax)
    results, selections = negotiate_as_acceptor(
        [_negotiable(answer)],
        [_negotiable(answer, entry.scu, entry.scp)],
        None if proposed is None else {UID(offered.abstract_syntax): proposed},
    )
    answer.result = results[0].result or 0
    for selection in selections:
        scu, scp = bool(selection.scu_role), bool(selection.scp_role)
        roles[offered.abstract_syntax] = (scu, scp)
    return answer


def _negotiable(
    context: PresentationContext, scu: bool | None = None, scp: bool | None = None
) -> Negotiable:
    negotiable = Negotiable()
    negotiable.context_id = context.context_id
    negotiable.abstract_syntax = context.abstract_syntax
    negotiable.transfer_syntax = list(context.transfer_syntaxes)
    negotiable.scu_role, negotiable.scp_role = scu, scp
    return negotiable


def accepted_contexts(request: Associate, accept: Associate) -> dict[int, AcceptedContext]:
    """Return the contexts that both sides agreed on, by context id.

    A context that the acceptor left unanswered counts as rejected.

    Parameters
    ----------
    request, accept : Associate
        The A-ASSOCIATE-RQ, and the A-ASSOCIATE-AC that answered it.

    Raises
    ------
    ProtocolError
        The answer has a context that was not offered, has one twice, or accepts one with a
        transfer syntax that was not offered.
    """
    agreed: dict[int, AcceptedContext] = {}
    answered: set[int] = set()
    for answer in accept.presentation_contexts:
        offered = request.context(answer.context_id)
        if offered is None or answer.context_id in answered:
            what = "was answered twice" if offered else "was not offered"
            raise ProtocolError(
                f"The A-ASSOCIATE-AC has presentation context {answer.context_id}, which {what}.",
                AbortReason.UNEXPECTED_PDU_PARAMETER,
            )
        answered.add(answer.context_id)
        if answer.result == ContextResult.ACCEPTANCE:
            agreed[answer.context_id] = _agreed(offered, answer, request, accept)
    return agreed


def _agreed(
    offered: PresentationContext, answer: PresentationContext, request: Associate, accept: Associate
) -> AcceptedContext:
    syntax = answer.transfer_syntaxes[0] if answer.transfer_syntaxes else None
    if syntax is None or syntax not in offered.transfer_syntaxes:
        raise ProtocolError(
            f"The A-ASSOCIATE-AC accepts presentation context {answer.context_id} with the "
            f"transfer syntax {syntax}, which was not offered.",
            AbortReason.INVALID_PDU_PARAMETER_VALUE,
        )
    uid = offered.abstract_syntax
    scu, scp = True, False
    if uid in request.roles and uid in accept.roles:
        # A role needs both sides: the acceptor cannot give what was not asked for.
        (asked_scu, asked_scp), (given_scu, given_scp) = request.roles[uid], accept.roles[uid]
        scu, scp = asked_scu and given_scu, asked_scp and given_scp
    return AcceptedContext(answer.context_id, uid, syntax, scu, scp)
