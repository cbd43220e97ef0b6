"""OpenSSL's checks in LEADTOOLS' numbers."""

from __future__ import annotations

import pytest
from OpenSSL.SSL import X509VerificationCodes

from leaddicom.errors import DicomErrorCode
from leaddicom.tls.verify_codes import CHECKS, certificate_check


@pytest.mark.parametrize(
    "name", [each for each in vars(X509VerificationCodes) if each.startswith("ERR_")]
)
def test_numbers_and_names_are_openssls(name):
    code = getattr(X509VerificationCodes, name)
    assert certificate_check(code).name == name.removeprefix("ERR_")


@pytest.mark.parametrize(
    ("openssl", "leadtools"),
    [
        *[(10, 10), (18, 18), (26, 26), (62, 62), (64, 64)],  # the same in both
        *[(79, 24), (69, 65), (70, 66), (72, 67)],  # renumbered
        *[(24, 6), (66, 28), (67, 28), (68, 28), (85, 41), (92, 41), (76, 7)],  # OpenSSL's own
    ],
)
def test_translation(openssl, leadtools):
    assert certificate_check(openssl).verify_code == leadtools


def test_every_result_is_a_number_that_leadtools_has():
    for check in CHECKS.values():
        assert 1 <= check.verify_code <= 67
        assert check.cause
        assert check.advice.endswith(".")


@pytest.mark.parametrize(
    ("openssl", "code"),
    [
        (9, DicomErrorCode.TLS_CERT_NOT_YET_VALID),
        (10, DicomErrorCode.TLS_CERT_HAS_EXPIRED),
        (18, DicomErrorCode.TLS_DEPTH_ZERO_SELF_SIGNED_CERT),
        (23, DicomErrorCode.TLS_CERT_REVOKED),
        (26, DicomErrorCode.TLS_INVALID_PURPOSE),
        (50, DicomErrorCode.TLS_APPLICATION_VERIFICATION),
        # Renumbered, and OpenSSL's own.
        (24, DicomErrorCode.TLS_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY),
        (66, DicomErrorCode.TLS_CERT_REJECTED),
        (79, DicomErrorCode.TLS_INVALID_CA),
        # Those without a number of LEADTOOLS'.
        (1, DicomErrorCode.TLS_CERTIFICATE_VERIFY_FAILED),
        (62, DicomErrorCode.TLS_CERTIFICATE_VERIFY_FAILED),
        (85, DicomErrorCode.TLS_CERTIFICATE_VERIFY_FAILED),
    ],
)
def test_error_codes(openssl, code):
    assert certificate_check(openssl).code == code


def test_a_check_of_a_later_openssl():
    check = certificate_check(12345)
    assert check.verify_code == 1
    assert check.code == DicomErrorCode.TLS_CERTIFICATE_VERIFY_FAILED
    assert "12345" in check.cause
