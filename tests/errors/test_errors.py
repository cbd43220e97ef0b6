"""The error tree: what every error carries, also to another process."""

from __future__ import annotations

import pickle

import pytest

from leaddicom.errors import (
    AssociationError,
    DataSetError,
    DicomError,
    DicomErrorCode,
    NetworkError,
    ParameterError,
    ProtocolError,
    StatusError,
    TlsError,
    code_of,
)

Code = DicomErrorCode

ERRORS = [
    DicomError(Code.NET_FAILURE, "It failed."),
    ParameterError("It cannot be.", Code.RANGE),
    NetworkError(Code.NET_TIME_OUT, "It was late."),
    TlsError(Code.TLS_CERT_HAS_EXPIRED, "Old.", stage="handshake", alert=45, verify_code=10),
    AssociationError(Code.NET_CONNECTION_REFUSED, "No.", result=1, source=2, reason=2),
    StatusError("Out of space.", 0xA700, "full"),
    ProtocolError("It is forbidden.", 6, Code.PDU_LENGTH),
    DataSetError(Code.READ, "It is cut short."),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_has_a_code_and_a_sentence(error: DicomError) -> None:
    assert isinstance(error, DicomError)
    assert str(error) == error.message
    assert code_of(error) is error.code


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_goes_to_another_process(error: DicomError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert vars(copy) == vars(error)
    assert str(copy) == str(error)


def test_no_error_is_success() -> None:
    assert code_of(None) is Code.SUCCESS


def test_a_parameter_error_is_a_value_error() -> None:
    assert ParameterError("It cannot be.").code is Code.PARAMETER
    assert isinstance(ParameterError("It cannot be."), ValueError)
