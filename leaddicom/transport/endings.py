"""What the peer says at the end of an association, as the error that it means for us."""

from __future__ import annotations

from leaddicom.error_codes import ABORTED, REJECTED
from leaddicom.errors import AssociationError, DicomError, ProtocolError
from leaddicom.upper_layer.protocol import Abort, AssociateRejected, Indication, ProviderAbort
from leaddicom.upper_layer.reasons import abort_text, reject_text

__all__ = ["failure_of"]


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


def _named(error: ProtocolError, peer: str) -> ProtocolError:
    """Give the error with the peer's address in it; the upper layer knows none."""
    text = error.message.removeprefix("The peer ")
    between = " " if text != error.message else ": "
    return ProtocolError(f"{peer}{between}{text}", error.reason, error.code)
