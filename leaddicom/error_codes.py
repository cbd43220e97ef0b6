"""What TLS, X.509, the operating system and the peer report, in LEADTOOLS' error codes.

Every pair of a foreign number and a code stands here, once.  The words for it, what it means and
what to do, stand beside whoever reports it: `tls.alerts`, `tls.verify_codes`,
`transport.failures`, `upper_layer.reasons`.

Two directions are told apart.  A certificate that *this* end refuses gives the code of the check
that it failed (160 to 191); one of ours that the *peer* refuses gives the code of its TLS alert
(128 to 150).
"""

from __future__ import annotations

import errno
from enum import IntEnum
from types import MappingProxyType

from leaddicom.errors import DicomErrorCode

__all__ = [
    "ABORTED",
    "ALERT_CODES",
    "ERRNO_CODES",
    "REJECTED",
    "RESOLVER_CODES",
    "VerifyCode",
    "alert_code",
    "errno_code",
    "resolver_code",
    "verify_code",
    "verify_error",
]

_C = DicomErrorCode

# -- association -----------------------------------------------------------------------------------

#: Of every A-ASSOCIATE-RJ, whatever its result, source and reason are (PS3.8 Table 9-21):
#: LEADTOOLS has one code for who was turned away, and `AssociationError` carries the three fields.
REJECTED = _C.NET_CONNECTION_REFUSED

#: Of every A-ABORT, whatever its source and reason are (PS3.8 Table 9-26).
ABORTED = _C.NET_CONNECTION_ABORTED

# -- TLS alerts ------------------------------------------------------------------------------------

#: TLS alerts by number (RFC 8446 section 6, and older ones).  Those that are younger than
#: LEADTOOLS' table have the code of the alert that an older peer sends for the same.
ALERT_CODES: MappingProxyType[int, DicomErrorCode] = MappingProxyType(
    {
        0: _C.TLS_CLOSE_NOTIFY,
        10: _C.TLS_UNEXPECTED_MESSAGE,
        20: _C.TLS_BAD_RECORD_MAC,
        21: _C.TLS_DECRYPT_FAILED,
        22: _C.TLS_RECORD_OVERFLOW,
        30: _C.TLS_DECOMPRESSION_FAILURE,
        40: _C.TLS_HANDSHAKE_FAILURE,
        41: _C.TLS_HANDSHAKE_FAILURE,  # no_certificate, of SSL 3.0
        42: _C.TLS_BAD_CERTIFICATE,
        43: _C.TLS_UNSUPPORTED_CERTIFICATE,
        44: _C.TLS_CERTIFICATE_REVOKED,
        45: _C.TLS_CERTIFICATE_EXPIRED,
        46: _C.TLS_CERTIFICATE_UNKNOWN,
        47: _C.TLS_ILLEGAL_PARAMETER,
        48: _C.TLS_UNKNOWN_CA,
        49: _C.TLS_ACCESS_DENIED,
        50: _C.TLS_DECODE_ERROR,
        51: _C.TLS_DECRYPT_ERROR,
        60: _C.TLS_EXPORT_RESTRICTION,
        70: _C.TLS_PROTOCOL_VERSION,
        71: _C.TLS_INSUFFICIENT_SECURITY,
        80: _C.TLS_INTERNAL_ERROR,
        86: _C.TLS_PROTOCOL_VERSION,  # inappropriate_fallback
        90: _C.TLS_USER_CANCELED,
        100: _C.TLS_NO_RENEGOTIATION,
        109: _C.TLS_ILLEGAL_PARAMETER,  # missing_extension
        110: _C.TLS_ILLEGAL_PARAMETER,  # unsupported_extension
        112: _C.TLS_HANDSHAKE_FAILURE,  # unrecognized_name
        113: _C.TLS_BAD_CERTIFICATE,  # bad_certificate_status_response
        115: _C.TLS_HANDSHAKE_FAILURE,  # unknown_psk_identity
        116: _C.TLS_HANDSHAKE_FAILURE,  # certificate_required: with TLS 1.2 it is 40
        120: _C.TLS_HANDSHAKE_FAILURE,  # no_application_protocol
    }
)


def alert_code(number: int) -> DicomErrorCode:
    """Give the code of a TLS alert; TLS (66) for one without a name."""
    return ALERT_CODES.get(number, _C.TLS)


# -- certificates ----------------------------------------------------------------------------------


class VerifyCode(IntEnum):
    """LEADTOOLS' ``L_X509_V_...``: what a check of a certificate ended with."""

    OK = 0
    UNSPECIFIED = 1
    UNABLE_TO_GET_ISSUER_CERT = 2
    UNABLE_TO_GET_CRL = 3
    UNABLE_TO_DECRYPT_CERT_SIGNATURE = 4
    UNABLE_TO_DECRYPT_CRL_SIGNATURE = 5
    UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY = 6
    CERT_SIGNATURE_FAILURE = 7
    CRL_SIGNATURE_FAILURE = 8
    CERT_NOT_YET_VALID = 9
    CERT_HAS_EXPIRED = 10
    CRL_NOT_YET_VALID = 11
    CRL_HAS_EXPIRED = 12
    ERROR_IN_CERT_NOT_BEFORE_FIELD = 13
    ERROR_IN_CERT_NOT_AFTER_FIELD = 14
    ERROR_IN_CRL_LAST_UPDATE_FIELD = 15
    ERROR_IN_CRL_NEXT_UPDATE_FIELD = 16
    OUT_OF_MEM = 17
    DEPTH_ZERO_SELF_SIGNED_CERT = 18
    SELF_SIGNED_CERT_IN_CHAIN = 19
    UNABLE_TO_GET_ISSUER_CERT_LOCALLY = 20
    UNABLE_TO_VERIFY_LEAF_SIGNATURE = 21
    CERT_CHAIN_TOO_LONG = 22
    CERT_REVOKED = 23
    INVALID_CA = 24
    PATH_LENGTH_EXCEEDED = 25
    INVALID_PURPOSE = 26
    CERT_UNTRUSTED = 27
    CERT_REJECTED = 28
    SUBJECT_ISSUER_MISMATCH = 29
    AKID_SKID_MISMATCH = 30
    AKID_ISSUER_SERIAL_MISMATCH = 31
    KEYUSAGE_NO_CERTSIGN = 32
    UNABLE_TO_GET_CRL_ISSUER = 33
    UNHANDLED_CRITICAL_EXTENSION = 34
    KEYUSAGE_NO_CRL_SIGN = 35
    UNHANDLED_CRITICAL_CRL_EXTENSION = 36
    INVALID_NON_CA = 37
    PROXY_PATH_LENGTH_EXCEEDED = 38
    KEYUSAGE_NO_DIGITAL_SIGNATURE = 39
    PROXY_CERTIFICATES_NOT_ALLOWED = 40
    INVALID_EXTENSION = 41
    INVALID_POLICY_EXTENSION = 42
    NO_EXPLICIT_POLICY = 43
    DIFFERENT_CRL_SCOPE = 44
    UNSUPPORTED_EXTENSION_FEATURE = 45
    UNNESTED_RESOURCE = 46
    PERMITTED_VIOLATION = 47
    EXCLUDED_VIOLATION = 48
    SUBTREE_MINMAX = 49
    APPLICATION_VERIFICATION = 50
    UNSUPPORTED_CONSTRAINT_TYPE = 51
    UNSUPPORTED_CONSTRAINT_SYNTAX = 52
    UNSUPPORTED_NAME_SYNTAX = 53
    CRL_PATH_VALIDATION_ERROR = 54
    HOSTNAME_MISMATCH = 62
    EMAIL_MISMATCH = 63
    IP_ADDRESS_MISMATCH = 64
    INVALID_CALL = 65
    STORE_LOOKUP = 66
    PROXY_SUBJECT_NAME_VIOLATION = 67


_V = VerifyCode

# OpenSSL has renumbered its checks and added some since LEADTOOLS took its numbers over, so they
# meet by name.  These are OpenSSL's own, with the nearest that LEADTOOLS has.
_NEAREST = {
    "NO_ISSUER_PUBLIC_KEY": _V.UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY,
    # Too weak for the security level: it is well-formed and trusted, and rejected all the same.
    "EE_KEY_TOO_SMALL": _V.CERT_REJECTED,
    "CA_KEY_TOO_SMALL": _V.CERT_REJECTED,
    "CA_MD_TOO_WEAK": _V.CERT_REJECTED,
    "UNSUPPORTED_SIGNATURE_ALGORITHM": _V.CERT_SIGNATURE_FAILURE,
    "SIGNATURE_ALGORITHM_MISMATCH": _V.CERT_SIGNATURE_FAILURE,
    "SIGNATURE_ALGORITHM_INCONSISTENCY": _V.CERT_SIGNATURE_FAILURE,
} | dict.fromkeys(
    (  # what X509_STRICT asks for besides
        "PATHLEN_INVALID_FOR_NON_CA",
        "PATHLEN_WITHOUT_KU_KEY_CERT_SIGN",
        "KU_KEY_CERT_SIGN_INVALID_FOR_NON_CA",
        "ISSUER_NAME_EMPTY",
        "SUBJECT_NAME_EMPTY",
        "MISSING_AUTHORITY_KEY_IDENTIFIER",
        "MISSING_SUBJECT_KEY_IDENTIFIER",
        "EMPTY_SUBJECT_ALT_NAME",
        "EMPTY_SUBJECT_SAN_NOT_CRITICAL",
        "CA_BCONS_NOT_CRITICAL",
        "AUTHORITY_KEY_IDENTIFIER_CRITICAL",
        "SUBJECT_KEY_IDENTIFIER_CRITICAL",
        "CA_CERT_MISSING_KEY_USAGE",
        "EXTENSIONS_REQUIRE_VERSION_3",
        "EC_KEY_EXPLICIT_PARAMS",
    ),
    _V.INVALID_EXTENSION,
)


def verify_code(openssl_name: str) -> VerifyCode:
    """Give LEADTOOLS' number of a check by OpenSSL's name for it.

    Parameters
    ----------
    openssl_name : str
        Without ``X509_V_ERR_``.

    Returns
    -------
    VerifyCode
        Of the same name or, for a check that LEADTOOLS does not have, of the nearest meaning;
        UNSPECIFIED if there is none.
    """
    nearest = _NEAREST.get(openssl_name, _V.UNSPECIFIED)
    return _V.__members__.get(openssl_name, nearest)


def verify_error(code: VerifyCode) -> DicomErrorCode:
    """Give the code of a certificate that this end refuses because of a failed check.

    Parameters
    ----------
    code : VerifyCode
        LEADTOOLS' number of the check.

    Returns
    -------
    DicomErrorCode
        Of the same name with ``TLS_``: 160 to 190 for the checks 2 to 32, and 191.  LEADTOOLS
        has none for the others (1, 33 and above but for 50, and 62 to 64, which are a host that
        the certificate is not for); they are TLS_CERTIFICATE_VERIFY_FAILED (127) here, with the
        check's number in `TlsError.verify_code`.
    """
    return _C.__members__.get(f"TLS_{code.name}", _C.TLS_CERTIFICATE_VERIFY_FAILED)


# -- operating system ------------------------------------------------------------------------------

#: Errors of sockets.  LEADTOOLS' network codes are Winsock's errors, and these are the ones of the
#: same name or meaning that a POSIX system reports for TCP.
ERRNO_CODES: MappingProxyType[int, DicomErrorCode] = MappingProxyType(
    {
        errno.EACCES: _C.NET_ACCESS,
        errno.EPERM: _C.NET_ACCESS,
        errno.EADDRINUSE: _C.NET_ADDRESS_IN_USE,
        errno.EADDRNOTAVAIL: _C.NET_ADDRESS_NOT_AVAILABLE,
        errno.EAFNOSUPPORT: _C.NET_ADDRESS_NOT_SUPPORTED,
        errno.ECONNABORTED: _C.NET_CONNECTION_ABORTED,
        errno.ECONNREFUSED: _C.NET_CONNECTION_REFUSED,
        errno.ECONNRESET: _C.NET_CONNECTION_RESET,
        errno.EPIPE: _C.NET_CONNECTION_RESET,  # a reset that is noticed by writing
        errno.EINVAL: _C.NET_INVALID,
        errno.EMFILE: _C.NET_NO_MORE_FILE,
        errno.ENFILE: _C.NET_NO_MORE_FILE,
        errno.ENETDOWN: _C.NET_DOWN,
        errno.ENETUNREACH: _C.NET_UN_REACH,
        errno.EHOSTDOWN: _C.NET_HOST_UN_REACH,
        errno.EHOSTUNREACH: _C.NET_HOST_UN_REACH,
        errno.ENOBUFS: _C.NET_NO_BUFFERS,
        errno.ENOMEM: _C.NET_NO_BUFFERS,
        errno.EPROTONOSUPPORT: _C.NET_PROTOCOL_NOT_SUPPORTED,
        errno.ETIMEDOUT: _C.NET_TIME_OUT,
    }
)

#: Errors of the name resolution, by their names: the numbers are the system's (RFC 3493 section
#: 6.1) and stand in `socket`, which the protocol core may not import.
RESOLVER_CODES: MappingProxyType[str, DicomErrorCode] = MappingProxyType(
    {
        "EAI_ADDRFAMILY": _C.NET_NO_DATA,
        "EAI_AGAIN": _C.NET_TRY_AGAIN,
        "EAI_FAIL": _C.NET_NO_RECOVERY,
        "EAI_NODATA": _C.NET_NO_DATA,
        "EAI_NONAME": _C.NET_HOST_NOT_FOUND,
    }
)


def errno_code(number: int | None) -> DicomErrorCode:
    """Give the code of a socket's error; NET_FAILURE (29) for one that LEADTOOLS lacks."""
    return ERRNO_CODES.get(number or 0, _C.NET_FAILURE)


def resolver_code(name: str) -> DicomErrorCode:
    """Give the code of an ``EAI_...``; NET_HOST_NOT_FOUND (58) for one that LEADTOOLS lacks."""
    return RESOLVER_CODES.get(name, _C.NET_HOST_NOT_FOUND)
