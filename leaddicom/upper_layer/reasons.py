"""What the numbers of A-ASSOCIATE-RJ and A-ABORT mean, in words (PS3.8 Tables 9-21 and 9-26)."""

from __future__ import annotations

from leaddicom.enums import AbortReason, AbortSource, RejectResult, RejectSource

__all__ = ["abort_text", "reject_text"]

_REJECT_REASONS = {
    (RejectSource.SERVICE_USER, 1): "no reason given",
    (RejectSource.SERVICE_USER, 2): "application context name not supported",
    (RejectSource.SERVICE_USER, 3): "calling AE title not recognized",
    (RejectSource.SERVICE_USER, 7): "called AE title not recognized",
    (RejectSource.SERVICE_PROVIDER_ACSE, 1): "no reason given",
    (RejectSource.SERVICE_PROVIDER_ACSE, 2): "protocol version not supported",
    (RejectSource.SERVICE_PROVIDER_PRESENTATION, 1): "temporary congestion",
    (RejectSource.SERVICE_PROVIDER_PRESENTATION, 2): "local limit exceeded",
}

_REJECT_ADVICE = {
    (RejectSource.SERVICE_USER, 3): "Ask its administrator to register this calling AE title.",
    (RejectSource.SERVICE_USER, 7): "Check the called AE title.",
    (RejectSource.SERVICE_PROVIDER_PRESENTATION, 1): "Try again later.",
    (RejectSource.SERVICE_PROVIDER_PRESENTATION, 2): (
        "It has reached a limit, such as its number of associations; try again later."
    ),
}

_ABORT_REASONS = {
    AbortReason.NOT_SPECIFIED: "reason not specified",
    AbortReason.UNRECOGNIZED_PDU: "unrecognized PDU",
    AbortReason.UNEXPECTED_PDU: "unexpected PDU",
    AbortReason.UNRECOGNIZED_PDU_PARAMETER: "unrecognized PDU parameter",
    AbortReason.UNEXPECTED_PDU_PARAMETER: "unexpected PDU parameter",
    AbortReason.INVALID_PDU_PARAMETER_VALUE: "invalid PDU parameter value",
}


def reject_text(result: int, source: int, reason: int, *, advise: bool = True) -> str:
    """Say what an A-ASSOCIATE-RJ means and, if `advise`, what the requestor can do about it."""
    lasting = "permanently" if result == RejectResult.PERMANENT else "for now"
    known = (RejectSource(source), reason) if source in (1, 2, 3) else None
    why = _REJECT_REASONS.get(known, "an unknown reason") if known else "an unknown reason"
    text = f"rejected the association {lasting}: {why} ({result}, {source}, {reason})."
    advice = _REJECT_ADVICE.get(known, "") if known and advise else ""
    return f"{text} {advice}".rstrip()


def abort_text(source: int, reason: int) -> str:
    """Say what an A-ABORT means."""
    if source != AbortSource.SERVICE_PROVIDER:
        return f"aborted the association on its user's behalf ({source}, {reason})."
    words = {value.value: text for value, text in _ABORT_REASONS.items()}
    why = words.get(reason, "an unknown reason")
    return f"aborted the association because of the protocol: {why} ({source}, {reason})."
