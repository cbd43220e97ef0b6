"""What OpenSSL finds wrong with a certificate, in LEADTOOLS' numbers and in words.

LEADTOOLS' ``L_X509_V_...`` numbers are those of an old OpenSSL.  OpenSSL 3 gave some of them to
other checks (24 and 65 to 67) and has checks of its own from 65 on, so a code is translated by
its name before an application sees it.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from leaddicom.errors import DicomErrorCode

__all__ = [
    "APPLICATION_VERIFICATION",
    "CHECKS",
    "HOSTNAME_MISMATCH",
    "INVALID_PURPOSE",
    "IP_ADDRESS_MISMATCH",
    "UNSPECIFIED",
    "CertificateCheck",
    "certificate_check",
]

UNSPECIFIED = 1
INVALID_PURPOSE = 26
APPLICATION_VERIFICATION = 50
HOSTNAME_MISMATCH = 62
IP_ADDRESS_MISMATCH = 64


@dataclass(frozen=True, slots=True)
class CertificateCheck:
    """One check of a certificate that can fail.

    Attributes
    ----------
    openssl_code : int
        OpenSSL's number, from release 3 on.
    name : str
        OpenSSL's name without ``X509_V_ERR_``.
    verify_code : int
        LEADTOOLS' number: of the same name where it has one, of the nearest meaning otherwise.
    code : DicomErrorCode
        Of the error that a refused certificate raises.
    cause : str
        What is wrong, as the second half of a sentence about the certificate.
    advice : str
        What to do, one sentence.
    """

    openssl_code: int
    name: str
    verify_code: int
    code: DicomErrorCode
    cause: str
    advice: str


_REISSUE = "Have a correct certificate issued for the peer."
_TRUST = (
    "Add the CA that issued it to the CA file, or have the peer send its intermediate "
    "certificates along, if the CA is the right one."
)
_STRICT = "Have its CA issue it anew with the extensions that RFC 5280 requires."
_CLOCK = "Compare the clocks of both systems, or have the certificate renewed."
_CRL = "Provide a current revocation list of its issuer."
_STRONGER = "Have the peer renew it with RSA of 2048 bits or EC P-256 and SHA-256 at least."

_FAILED = DicomErrorCode.TLS_CERTIFICATE_VERIFY_FAILED
_UNKNOWN_CA = DicomErrorCode.TLS_UNKNOWN_CA

# The checks that fail in practice: OpenSSL's number, name, LEADTOOLS' number, code, cause, advice
_EXPLAINED = (
    (1, "UNSPECIFIED", 1, _FAILED, "it cannot be checked", _REISSUE),
    (2, "UNABLE_TO_GET_ISSUER_CERT", 2, _UNKNOWN_CA, "its issuer is not known", _TRUST),
    (3, "UNABLE_TO_GET_CRL", 3, _FAILED, "there is no revocation list of its issuer", _CRL),
    (7, "CERT_SIGNATURE_FAILURE", 7, _FAILED, "its signature is wrong", _REISSUE),
    (9, "CERT_NOT_YET_VALID", 9, _FAILED, "it is not yet valid", _CLOCK),
    (
        10,
        "CERT_HAS_EXPIRED",
        10,
        DicomErrorCode.TLS_CERTIFICATE_EXPIRED,
        "it has expired",
        "Have it renewed, or compare the clocks of both systems.",
    ),
    (11, "CRL_NOT_YET_VALID", 11, _FAILED, "its revocation list is not yet valid", _CRL),
    (12, "CRL_HAS_EXPIRED", 12, _FAILED, "its revocation list has expired", _CRL),
    (
        18,
        "DEPTH_ZERO_SELF_SIGNED_CERT",
        18,
        _UNKNOWN_CA,
        "it is self-signed and not among the trusted certificates",
        "Have it issued by a trusted CA.",
    ),
    (
        19,
        "SELF_SIGNED_CERT_IN_CHAIN",
        19,
        _UNKNOWN_CA,
        "this root CA of the peer's chain is not among the trusted ones",
        "Add it to the CA file, if it is the right one.",
    ),
    (
        20,
        "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
        20,
        _UNKNOWN_CA,
        "the CA that issued it is not among the trusted ones",
        _TRUST,
    ),
    (
        21,
        "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
        21,
        _UNKNOWN_CA,
        "the peer sent no certificate of its issuer, and none is trusted",
        _TRUST,
    ),
    (
        22,
        "CERT_CHAIN_TOO_LONG",
        22,
        _FAILED,
        "its chain has more intermediate CAs than the verification depth allows",
        "Raise the verification depth, or have the peer use a shorter chain.",
    ),
    (
        23,
        "CERT_REVOKED",
        23,
        DicomErrorCode.TLS_CERTIFICATE_REVOKED,
        "it was revoked",
        "Have a new certificate issued for the peer, and find out why this one was revoked.",
    ),
    (24, "NO_ISSUER_PUBLIC_KEY", 6, _FAILED, "its issuer has no usable public key", _REISSUE),
    (
        25,
        "PATH_LENGTH_EXCEEDED",
        25,
        _FAILED,
        "a CA above it does not allow so many intermediate CAs",
        "Have it issued by a CA that may issue it.",
    ),
    (
        INVALID_PURPOSE,
        "INVALID_PURPOSE",
        26,
        DicomErrorCode.TLS_UNSUPPORTED_CERTIFICATE,
        "it may not be used for this purpose",
        "Have it issued with the extended key usage serverAuth for a TLS server, clientAuth for "
        "a TLS client, and both for a device that is both.",
    ),
    (27, "CERT_UNTRUSTED", 27, _UNKNOWN_CA, "it is not trusted", _TRUST),
    (28, "CERT_REJECTED", 28, _FAILED, "it is marked as rejected", _REISSUE),
    (32, "KEYUSAGE_NO_CERTSIGN", 32, _FAILED, "its key usage lacks keyCertSign", _STRICT),
    (
        34,
        "UNHANDLED_CRITICAL_EXTENSION",
        34,
        _FAILED,
        "it has a critical extension that is not known",
        _REISSUE,
    ),
    (
        APPLICATION_VERIFICATION,
        "APPLICATION_VERIFICATION",
        50,
        _FAILED,
        "the application refused it",
        "See the application's own rules for certificates.",
    ),
    (47, "PERMITTED_VIOLATION", 47, _FAILED, "a CA above it does not allow its names", _REISSUE),
    (48, "EXCLUDED_VIOLATION", 48, _FAILED, "a CA above it excludes its names", _REISSUE),
    (66, "EE_KEY_TOO_SMALL", 28, _FAILED, "its key is too small", _STRONGER),
    (67, "CA_KEY_TOO_SMALL", 28, _FAILED, "the key of this CA is too small", _STRONGER),
    (
        68,
        "CA_MD_TOO_WEAK",
        28,
        _FAILED,
        "it is signed with a hash that is too weak (SHA-1 or MD5)",
        _STRONGER,
    ),
    (79, "INVALID_CA", 24, _FAILED, "it may not act as a CA", _STRICT),
)

# The others.  From 65 on LEADTOOLS has no number for most: 1 UNSPECIFIED, 7 for signature
# algorithms, 41 INVALID_EXTENSION for what X509_STRICT misses.
_OTHERS = (
    (4, "UNABLE_TO_DECRYPT_CERT_SIGNATURE", 4),
    (5, "UNABLE_TO_DECRYPT_CRL_SIGNATURE", 5),
    (6, "UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY", 6),
    (8, "CRL_SIGNATURE_FAILURE", 8),
    (13, "ERROR_IN_CERT_NOT_BEFORE_FIELD", 13),
    (14, "ERROR_IN_CERT_NOT_AFTER_FIELD", 14),
    (15, "ERROR_IN_CRL_LAST_UPDATE_FIELD", 15),
    (16, "ERROR_IN_CRL_NEXT_UPDATE_FIELD", 16),
    (17, "OUT_OF_MEM", 17),
    (29, "SUBJECT_ISSUER_MISMATCH", 29),
    (30, "AKID_SKID_MISMATCH", 30),
    (31, "AKID_ISSUER_SERIAL_MISMATCH", 31),
    (33, "UNABLE_TO_GET_CRL_ISSUER", 33),
    (35, "KEYUSAGE_NO_CRL_SIGN", 35),
    (36, "UNHANDLED_CRITICAL_CRL_EXTENSION", 36),
    (37, "INVALID_NON_CA", 37),
    (38, "PROXY_PATH_LENGTH_EXCEEDED", 38),
    (39, "KEYUSAGE_NO_DIGITAL_SIGNATURE", 39),
    (40, "PROXY_CERTIFICATES_NOT_ALLOWED", 40),
    (41, "INVALID_EXTENSION", 41),
    (42, "INVALID_POLICY_EXTENSION", 42),
    (43, "NO_EXPLICIT_POLICY", 43),
    (44, "DIFFERENT_CRL_SCOPE", 44),
    (45, "UNSUPPORTED_EXTENSION_FEATURE", 45),
    (46, "UNNESTED_RESOURCE", 46),
    (49, "SUBTREE_MINMAX", 49),
    (51, "UNSUPPORTED_CONSTRAINT_TYPE", 51),
    (52, "UNSUPPORTED_CONSTRAINT_SYNTAX", 52),
    (53, "UNSUPPORTED_NAME_SYNTAX", 53),
    (54, "CRL_PATH_VALIDATION_ERROR", 54),
    (55, "PATH_LOOP", 1),
    (HOSTNAME_MISMATCH, "HOSTNAME_MISMATCH", 62),
    (63, "EMAIL_MISMATCH", 63),
    (IP_ADDRESS_MISMATCH, "IP_ADDRESS_MISMATCH", 64),
    (69, "INVALID_CALL", 65),
    (70, "STORE_LOOKUP", 66),
    (72, "PROXY_SUBJECT_NAME_VIOLATION", 67),
    (76, "UNSUPPORTED_SIGNATURE_ALGORITHM", 7),
    (77, "SIGNATURE_ALGORITHM_MISMATCH", 7),
    (78, "SIGNATURE_ALGORITHM_INCONSISTENCY", 7),
    (80, "PATHLEN_INVALID_FOR_NON_CA", 41),
    (81, "PATHLEN_WITHOUT_KU_KEY_CERT_SIGN", 41),
    (82, "KU_KEY_CERT_SIGN_INVALID_FOR_NON_CA", 41),
    (83, "ISSUER_NAME_EMPTY", 41),
    (84, "SUBJECT_NAME_EMPTY", 41),
    (85, "MISSING_AUTHORITY_KEY_IDENTIFIER", 41),
    (86, "MISSING_SUBJECT_KEY_IDENTIFIER", 41),
    (87, "EMPTY_SUBJECT_ALT_NAME", 41),
    (88, "EMPTY_SUBJECT_SAN_NOT_CRITICAL", 41),
    (89, "CA_BCONS_NOT_CRITICAL", 41),
    (90, "AUTHORITY_KEY_IDENTIFIER_CRITICAL", 41),
    (91, "SUBJECT_KEY_IDENTIFIER_CRITICAL", 41),
    (92, "CA_CERT_MISSING_KEY_USAGE", 41),
    (93, "EXTENSIONS_REQUIRE_VERSION_3", 41),
    (94, "EC_KEY_EXPLICIT_PARAMS", 41),
)

#: The checks by OpenSSL's number.
CHECKS: MappingProxyType[int, CertificateCheck] = MappingProxyType(
    {row[0]: CertificateCheck(*row) for row in _EXPLAINED}
    | {
        number: CertificateCheck(
            number,
            name,
            verify_code,
            _FAILED,
            f"it fails a check: {name.lower().replace('_', ' ')}",
            _STRICT if verify_code == 41 else _REISSUE,
        )
        for number, name, verify_code in _OTHERS
    }
)


def certificate_check(openssl_code: int) -> CertificateCheck:
    """Return the check that OpenSSL reports with `openssl_code`, whatever the number is."""
    known = CHECKS.get(openssl_code)
    if known is not None:
        return known
    return CertificateCheck(
        openssl_code,
        f"ERROR_{openssl_code}",
        UNSPECIFIED,
        _FAILED,
        f"it fails OpenSSL's check {openssl_code}",
        _REISSUE,
    )
