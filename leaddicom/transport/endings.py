"""What the peer says at the end of an association, as the error that it means for us."""

from __future__ import annotations

from leaddicom.error_codes import ABORTED, REJECTED
from leaddicom.errors import AssociationError, DicomError, ProtocolError
from leaddicom.upper_layer.protocol import (
    Abort,
    AssociateRejected,
    Indication,
    ProviderAbort,
    UpperLayer,
)
from leaddicom.upper_layer.reasons import abort_text, reject_text
from leaddicom.upper_layer.state_machine import State

__all__ = ["failure_of", "rejection_text"]


def failure_of(indication: Indication, peer: str) -> DicomError | None:
    """Give the error that an indication means, if it ends the association badly.

    Parameters
    ----------
    indication : Indication
        From the upper layer.
    peer : str
        Who said it, for the message.
    """
    if isinstance(indication, ProviderAbort):
        return _named(indication.error, peer)
    if isinstance(indication, Abort):
        return AssociationError(
            ABORTED,
            f"{peer} {abort_text(indication.source, indication.reason)}",
            source=indication.source,
            reason=indication.reason,
        )
    if isinstance(indication, AssociateRejected):
        refusal = (indication.result, indication.source, indication.reason)
        return AssociationError(
            REJECTED,
            f"{peer} {reject_text(*refusal)}",
            result=indication.result,
            source=indication.source,
            reason=indication.reason,
        )
    return None


def rejection_text(upper_layer: UpperLayer) -> str | None:
    """Say whom this end has just rejected, and why; `None` if it has not."""
    request, rejection = upper_layer.request, upper_layer.rejection
    if rejection is None or request is None or upper_layer.state is not State.STA13:
        return None
    titles = f"{request.calling_ae_title!a} calls {request.called_ae_title!a}"
    return f"({titles}): this end {reject_text(*rejection, advise=False)}"


def _named(error: ProtocolError, peer: str) -> ProtocolError:
    """Give the error with the peer's address in it; the upper layer knows none."""
    text = error.message.removeprefix("The peer ")
    between = " " if text != error.message else ": "
    return ProtocolError(f"{peer}{between}{text}", error.reason, error.code)
