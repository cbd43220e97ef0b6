"""Errors of the operating system in LEADTOOLS' codes and in words."""

from __future__ import annotations

import errno
import os
import socket

import pytest

from leaddicom import DicomErrorCode
from leaddicom.error_codes import ERRNO_CODES
from leaddicom.transport.failures import network_error

DOING = "Connecting to pacs:104"


@pytest.mark.parametrize("number", ERRNO_CODES, ids=errno.errorcode.get)
def test_an_error_of_the_system_says_what_to_do(number: int) -> None:
    error = network_error(OSError(number, os.strerror(number)), DOING)
    assert error.code is ERRNO_CODES[number]
    text, advice = str(error).split(f"{os.strerror(number)}. ")
    assert text == f"{DOING} failed: "
    assert advice.endswith(".")


def test_an_error_without_advice() -> None:
    error = network_error(OSError(errno.EIO, "Input/output error"), DOING)
    assert error.code is DicomErrorCode.NET_FAILURE
    assert str(error) == f"{DOING} failed: Input/output error."


def test_an_error_without_a_number() -> None:
    error = network_error(OSError("odd"), DOING)
    assert error.code is DicomErrorCode.NET_FAILURE
    assert str(error) == f"{DOING} failed: odd."


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (socket.EAI_NONAME, DicomErrorCode.NET_HOST_NOT_FOUND),
        (socket.EAI_AGAIN, DicomErrorCode.NET_TRY_AGAIN),
        (socket.EAI_FAIL, DicomErrorCode.NET_NO_RECOVERY),
        (socket.EAI_NODATA, DicomErrorCode.NET_NO_DATA),
        (socket.EAI_ADDRFAMILY, DicomErrorCode.NET_NO_DATA),
        (socket.EAI_SERVICE, DicomErrorCode.NET_HOST_NOT_FOUND),
        (12345, DicomErrorCode.NET_HOST_NOT_FOUND),
    ],
)
def test_a_name_that_cannot_be_resolved(number: int, code: DicomErrorCode) -> None:
    error = network_error(socket.gaierror(number, "Try later"), DOING)
    assert error.code is code
    assert str(error) == f"{DOING} failed: Try later. Check the host name and the name server."
