"""The codes against LEADTOOLS' list, and the tables that lead to them."""

from __future__ import annotations

import errno
import socket

import pytest

from leaddicom.error_codes import (
    ABORTED,
    ALERT_CODES,
    ERRNO_CODES,
    REJECTED,
    RESOLVER_CODES,
    VerifyCode,
    alert_code,
    errno_code,
    resolver_code,
    verify_code,
    verify_error,
)
from leaddicom.error_table import NOT_PRODUCED, error_code_rows
from leaddicom.errors import DicomErrorCode
from leaddicom.tls.alerts import ALERTS
from leaddicom.tls.verify_codes import CHECKS

Code = DicomErrorCode

#: DICOM_ERROR_..., with the prefix of each group left out; 307 is DICOM_IPV4_IPV6_CONFLICT.
LEADTOOLS = {
    "": """
        0 SUCCESS, 1 LOCKED, 2 MEMORY, 3 OPEN, 4 READ, 5 WRITE, 9 PARAMETER, 14 RANGE,
        17 PDU_TYPE, 18 PDU_LENGTH, 19 PDU_ID,
        66 TLS, 67 SECURITY_LOCKED, 68 TLS_DLL_NOT_LOADED, 69 BAD_SECURE_MODE,
        216 CRYPTO_LIB_LOAD_FAILED, 218 PRIVATE_KEY_LOAD_FAILED, 219 CERTIFICATE_LOAD_FAILED,
        220 CERTIFICATE_READ_FAILED, 221 KEYS_MISMATCH, 225 CRYPTO_LIB_FAILURE,
        301 PRINTSCU_CLASS_NOT_SUPPORTED, 302 PRINTSCU_TIME_OUT,
        303 PRINTSCU_ASSOCIATE_RQ_REJECTED, 304 PRINTSCU_FAILURE_STATUS,
        305 SOP_INSTANCE_UID_ALREADY_EXISTS, 307 IPV4_IPV6_CONFLICT,
        417 TRANSFER_SYNTAX_NOT_SUPPORTED, 418 CANCELED, 425 CLASS_NOT_SUPPORTED""",
    "NET_": """
        29 FAILURE, 30 ACCESS, 31 ADDRESS_IN_USE, 32 ADDRESS_NOT_AVAILABLE,
        33 ADDRESS_NOT_SUPPORTED, 34 CONNECTION_ABORTED, 35 CONNECTION_REFUSED,
        36 CONNECTION_RESET, 37 DESTINATION_REQUIRED, 38 ARGUMENT_INCORRECT, 39 IN_PROGRESS,
        40 BLOCKING_CANCELED, 41 INVALID, 42 IS_CONNECTED, 43 NO_MORE_FILE, 44 MESSAGE_SIZE,
        45 DOWN, 46 RESET, 47 UN_REACH, 48 NO_BUFFERS, 49 NOT_CONNECTED, 50 NOT_SOCKET,
        51 OPERATION_NOT_SUPPORTED, 52 PROTOCOL_NOT_SUPPORTED, 53 PROTOCOL_TYPE, 54 SHUTDOWN,
        55 SOCKET_NOT_SUPPORTED, 56 TIME_OUT, 57 WOULD_BLOCK, 58 HOST_NOT_FOUND, 59 NO_DATA,
        60 NO_RECOVERY, 61 NOT_INITIALISED, 62 SYSTEM_NOT_READY, 63 TRY_AGAIN,
        64 VERSION_NOT_SUPPORTED, 65 SECURITY_BREACH, 423 HOST_UN_REACH""",
    "ISCL_": """
        100 BAD_OPTION, 101 BAD_LENGTH, 102 LOCAL_ICCARD, 103 REMOTE_ICCARD, 104 BAD_MSGID,
        105 BAD_VERSION, 106 BAD_MUTUAL_AUTH_METHOD, 107 BAD_COMMBLOCK_LENGTH,
        108 RECEIVED_NAK, 109 MSG_TRANSMISSION, 110 PEER_SMALL_LENGTH, 111 LOCAL_SMALL_LENGTH,
        112 DECRYPT, 113 BAD_MAC, 114 RND_NO_FOR_SESSION_KEY_EXPECTED,
        115 PEER_REFUSE_CLOSE""",
    "TLS_": """
        127 CERTIFICATE_VERIFY_FAILED, 128 CLOSE_NOTIFY, 129 UNEXPECTED_MESSAGE,
        130 BAD_RECORD_MAC, 131 DECRYPT_FAILED, 132 RECORD_OVERFLOW, 133 DECOMPRESSION_FAILURE,
        134 HANDSHAKE_FAILURE, 135 BAD_CERTIFICATE, 136 UNSUPPORTED_CERTIFICATE,
        137 CERTIFICATE_REVOKED, 138 CERTIFICATE_EXPIRED, 139 CERTIFICATE_UNKNOWN,
        140 ILLEGAL_PARAMETER, 141 UNKNOWN_CA, 142 ACCESS_DENIED, 143 DECODE_ERROR,
        144 DECRYPT_ERROR, 145 EXPORT_RESTRICTION, 146 PROTOCOL_VERSION,
        147 INSUFFICIENT_SECURITY, 148 INTERNAL_ERROR, 149 USER_CANCELED, 150 NO_RENEGOTIATION,
        151 NO_KEEPALIVE, 152 CLOSED_CONTROLLED,
        160 UNABLE_TO_GET_ISSUER_CERT, 161 UNABLE_TO_GET_CRL,
        162 UNABLE_TO_DECRYPT_CERT_SIGNATURE, 163 UNABLE_TO_DECRYPT_CRL_SIGNATURE,
        164 UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY, 165 CERT_SIGNATURE_FAILURE,
        166 CRL_SIGNATURE_FAILURE, 167 CERT_NOT_YET_VALID, 168 CERT_HAS_EXPIRED,
        169 CRL_NOT_YET_VALID, 170 CRL_HAS_EXPIRED, 171 ERROR_IN_CERT_NOT_BEFORE_FIELD,
        172 ERROR_IN_CERT_NOT_AFTER_FIELD, 173 ERROR_IN_CRL_LAST_UPDATE_FIELD,
        174 ERROR_IN_CRL_NEXT_UPDATE_FIELD, 175 OUT_OF_MEM, 176 DEPTH_ZERO_SELF_SIGNED_CERT,
        177 SELF_SIGNED_CERT_IN_CHAIN, 178 UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
        179 UNABLE_TO_VERIFY_LEAF_SIGNATURE, 180 CERT_CHAIN_TOO_LONG, 181 CERT_REVOKED,
        182 INVALID_CA, 183 PATH_LENGTH_EXCEEDED, 184 INVALID_PURPOSE, 185 CERT_UNTRUSTED,
        186 CERT_REJECTED, 187 SUBJECT_ISSUER_MISMATCH, 188 AKID_SKID_MISMATCH,
        189 AKID_ISSUER_SERIAL_MISMATCH, 190 KEYUSAGE_NO_CERTSIGN, 191 APPLICATION_VERIFICATION,
        192 INVALID_CTX, 193 INVALID_CTX_VERIFY_DEPTH, 194 INVALID_CTX_VERIFY_MODE,
        195 INVALID_CTX_CAFILE, 196 INVALID_CTX_OPTIONS""",
}


def test_the_codes_are_leadtools() -> None:
    listed = {
        int(number): prefix + name
        for prefix, text in LEADTOOLS.items()
        for number, name in (entry.split() for entry in text.split(","))
    }
    assert {code.value: code.name for code in Code} == listed


# -- certificates ----------------------------------------------------------------------------------


@pytest.mark.parametrize("check", VerifyCode, ids=lambda check: check.name)
def test_a_failed_check_has_158_more_where_leadtools_has_a_code(check: VerifyCode) -> None:
    if 2 <= check <= 32:
        expected = check + 158
    else:
        expected = 191 if check is VerifyCode.APPLICATION_VERIFICATION else 127
    assert verify_error(check) == expected


@pytest.mark.parametrize("name", [check.name for check in VerifyCode])
def test_checks_meet_by_name(name: str) -> None:
    assert verify_code(name).name == name


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("NO_ISSUER_PUBLIC_KEY", 6),
        ("EE_KEY_TOO_SMALL", 28),
        ("CA_MD_TOO_WEAK", 28),
        ("SIGNATURE_ALGORITHM_MISMATCH", 7),
        ("MISSING_SUBJECT_KEY_IDENTIFIER", 41),
        ("PATH_LOOP", 1),
        ("NEVER_HEARD_OF", 1),
    ],
)
def test_openssls_own_checks_have_the_nearest_number(name: str, code: int) -> None:
    assert verify_code(name) == code


def test_every_nearest_check_is_one_of_openssls() -> None:
    from leaddicom.error_codes import _NEAREST

    assert {*_NEAREST} <= {check.name for check in CHECKS.values()} - {*VerifyCode.__members__}


# -- alerts ----------------------------------------------------------------------------------------


def test_every_alert_with_words_has_a_code_and_the_reverse() -> None:
    assert set(ALERT_CODES) == set(ALERTS)


def test_leadtools_alerts_are_in_the_order_of_their_codes() -> None:
    older = [number for number in ALERT_CODES if number not in (41, 86) and number <= 100]
    assert [ALERT_CODES[number] for number in sorted(older)] == [*range(128, 151)]


@pytest.mark.parametrize("number", [1, 111, 255])
def test_an_alert_without_a_name(number: int) -> None:
    assert alert_code(number) is Code.TLS


# -- operating system ------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [None, 0, errno.EIO])
def test_an_errno_without_a_code(number: int | None) -> None:
    assert errno_code(number) is Code.NET_FAILURE


def test_every_resolver_error_with_a_code_is_one_of_the_systems() -> None:
    assert all(hasattr(socket, name) for name in RESOLVER_CODES)


@pytest.mark.parametrize("name", ["", "EAI_SERVICE"])
def test_a_resolver_error_without_a_code(name: str) -> None:
    assert resolver_code(name) is Code.NET_HOST_NOT_FOUND


# -- association -----------------------------------------------------------------------------------


def test_an_association_that_ends_badly() -> None:
    assert (REJECTED, ABORTED) == (35, 34)


# -- the table -------------------------------------------------------------------------------------


def test_the_table_has_every_code_once() -> None:
    assert [row.code for row in error_code_rows()] == sorted(Code)


def test_the_table_says_what_brings_each_code_about_or_why_nothing_does() -> None:
    for row in error_code_rows():
        assert row.is_produced is (row.code not in NOT_PRODUCED)
        assert row.text
        assert not row.text.endswith(".")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (Code.NET_CONNECTION_REFUSED, "an A-ASSOCIATE-RJ; the system reports ECONNREFUSED"),
        (Code.NET_NO_DATA, "the system reports EAI_ADDRFAMILY or EAI_NODATA"),
        (Code.TLS_BAD_CERTIFICATE, "the peer sends the TLS alert 42 or 113"),
        (Code.TLS_CERT_HAS_EXPIRED, "the peer's certificate fails check 10"),
        (Code.LOCKED, "there is no licence to unlock"),
    ],
)
def test_rows_of_the_table(code: Code, words: str) -> None:
    (row,) = [row for row in error_code_rows() if row.code is code]
    assert row.text == words


@pytest.mark.parametrize("code", [*{*ERRNO_CODES.values()}, *{*RESOLVER_CODES.values()}])
def test_what_the_system_reports_is_in_the_table(code: Code) -> None:
    if code not in NOT_PRODUCED:
        (row,) = [row for row in error_code_rows() if row.code is code]
        assert "the system reports" in row.text
