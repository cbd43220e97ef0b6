"""How what the peer says at the end becomes an error."""

from __future__ import annotations

import pytest

from leaddicom.errors import AssociationError, DicomErrorCode, ProtocolError
from leaddicom.transport.endings import failure_of
from leaddicom.upper_layer.protocol import (
    Abort,
    AssociateRejected,
    ProviderAbort,
    ReleaseConfirmed,
    ReleaseRequested,
)

PEER = "192.0.2.1:104"


def test_an_abort() -> None:
    error = failure_of(Abort(2, 6), PEER)
    assert isinstance(error, AssociationError)
    assert error.code == DicomErrorCode.NET_CONNECTION_ABORTED
    assert (error.source, error.reason, error.result) == (2, 6, None)
    assert error.message.startswith(f"{PEER} ")


def test_a_rejection() -> None:
    error = failure_of(AssociateRejected(1, 1, 7), PEER)
    assert isinstance(error, AssociationError)
    assert error.code == DicomErrorCode.NET_CONNECTION_REFUSED
    assert (error.result, error.source, error.reason) == (1, 1, 7)
    assert "called AE title" in error.message


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("The peer sent nonsense.", f"{PEER} sent nonsense."),
        ("PDU type 9 is none.", f"{PEER}: PDU type 9 is none."),
    ],
)
def test_what_the_upper_layer_found(said: str, text: str) -> None:
    """It knows no addresses."""
    found = ProtocolError(said, 1, DicomErrorCode.PDU_LENGTH)
    error = failure_of(ProviderAbort(found), PEER)
    assert isinstance(error, ProtocolError)
    assert (error.message, error.reason, error.code) == (text, 1, DicomErrorCode.PDU_LENGTH)


@pytest.mark.parametrize("indication", [ReleaseRequested(), ReleaseConfirmed()])
def test_a_good_end_is_no_failure(indication: ReleaseRequested | ReleaseConfirmed) -> None:
    assert failure_of(indication, PEER) is None
