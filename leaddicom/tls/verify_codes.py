"""What OpenSSL finds wrong with a certificate, in words.

LEADTOOLS' ``L_X509_V_...`` numbers are those of an old OpenSSL.  OpenSSL 3 gave some of them to
other checks (24 and 65 to 67) and has checks of its own from 65 on, so a code is translated by
its name before an application sees it (`leaddicom.error_codes`).
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from leaddicom.error_codes import VerifyCode, verify_code, verify_error
from leaddicom.errors import DicomErrorCode

__all__ = [
    "APPLICATION_VERIFICATION",
    "CA_KEY_TOO_SMALL",
    "CA_MD_TOO_WEAK",
    "CHECKS",
    "EE_KEY_TOO_SMALL",
    "INVALID_PURPOSE",
    "UNSPECIFIED",
    "CertificateCheck",
    "certificate_check",
]

UNSPECIFIED = 1
INVALID_PURPOSE = 26
APPLICATION_VERIFICATION = 50
EE_KEY_TOO_SMALL = 66
CA_KEY_TOO_SMALL = 67
CA_MD_TOO_WEAK = 68


@dataclass(frozen=True, slots=True)
class CertificateCheck:
    """One check of a certificate that can fail.

    Attributes
    ----------
    openssl_code : int
        OpenSSL's number, from release 3 on.
    name : str
        OpenSSL's name without ``X509_V_ERR_``.
    cause : str
        What is wrong, as the second half of a sentence about the certificate.
    advice : str
        What to do, one sentence.
    """

    openssl_code: int
    name: str
    cause: str
    advice: str

    @property
    def verify_code(self) -> VerifyCode:
        """LEADTOOLS' number: of the same name where it has one, of the nearest otherwise."""
        return verify_code(self.name)

    @property
    def code(self) -> DicomErrorCode:
        """The code of the error that a refused certificate raises."""
        return verify_error(self.verify_code)


_REISSUE = "Have a correct certificate issued for the peer."
_TRUST = (
    "Add the CA that issued it to the CA file, or have the peer send its intermediate "
    "certificates along, if the CA is the right one."
)
_STRICT = "Have its CA issue it anew with the extensions that RFC 5280 requires."
_CLOCK = "Compare the clocks of both systems, or have the certificate renewed."
_NAME = (
    "Connect under a name that it holds, set server_name to one, or have it issued anew with the "
    "right subject alternative name."
)
_CRL = "Provide a current revocation list of its issuer."
_STRONGER = "Have the peer renew it with RSA of 2048 bits or EC P-256 and SHA-256 at least."

# The checks that fail in practice: OpenSSL's number, name, cause, advice
_EXPLAINED = (
    (1, "UNSPECIFIED", "it cannot be checked", _REISSUE),
    (2, "UNABLE_TO_GET_ISSUER_CERT", "its issuer is not known", _TRUST),
    (3, "UNABLE_TO_GET_CRL", "there is no revocation list of its issuer", _CRL),
    (7, "CERT_SIGNATURE_FAILURE", "its signature is wrong", _REISSUE),
    (8, "CRL_SIGNATURE_FAILURE", "the signature of its revocation list is wrong", _CRL),
    (9, "CERT_NOT_YET_VALID", "it is not yet valid", _CLOCK),
    (
        10,
        "CERT_HAS_EXPIRED",
        "it has expired",
        "Have it renewed, or compare the clocks of both systems.",
    ),
    (11, "CRL_NOT_YET_VALID", "its revocation list is not yet valid", _CRL),
    (12, "CRL_HAS_EXPIRED", "its revocation list has expired", _CRL),
    (
        18,
        "DEPTH_ZERO_SELF_SIGNED_CERT",
        "it is self-signed and not among the trusted certificates",
        "Have it issued by a trusted CA.",
    ),
    (
        19,
        "SELF_SIGNED_CERT_IN_CHAIN",
        "this root CA of the peer's chain is not among the trusted ones",
        "Add it to the CA file, if it is the right one.",
    ),
    (
        20,
        "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
        "the CA that issued it is not among the trusted ones",
        _TRUST,
    ),
    (
        21,
        "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
        "the peer sent no certificate of its issuer, and none is trusted",
        _TRUST,
    ),
    (
        22,
        "CERT_CHAIN_TOO_LONG",
        "its chain has more intermediate CAs than the verification depth allows",
        "Raise the verification depth, or have the peer use a shorter chain.",
    ),
    (
        23,
        "CERT_REVOKED",
        "it was revoked",
        "Have a new certificate issued for the peer, and find out why this one was revoked.",
    ),
    (24, "NO_ISSUER_PUBLIC_KEY", "its issuer has no usable public key", _REISSUE),
    (
        25,
        "PATH_LENGTH_EXCEEDED",
        "a CA above it does not allow so many intermediate CAs",
        "Have it issued by a CA that may issue it.",
    ),
    (
        INVALID_PURPOSE,
        "INVALID_PURPOSE",
        "it may not be used for this purpose",
        "Have it issued with the extended key usage serverAuth for a TLS server, clientAuth for "
        "a TLS client, and both for a device that is both.",
    ),
    (27, "CERT_UNTRUSTED", "it is not trusted", _TRUST),
    (28, "CERT_REJECTED", "it is marked as rejected", _REISSUE),
    (32, "KEYUSAGE_NO_CERTSIGN", "its key usage lacks keyCertSign", _STRICT),
    (33, "UNABLE_TO_GET_CRL_ISSUER", "the issuer of its revocation list is not known", _CRL),
    (
        34,
        "UNHANDLED_CRITICAL_EXTENSION",
        "it has a critical extension that is not known",
        _REISSUE,
    ),
    (
        35,
        "KEYUSAGE_NO_CRL_SIGN",
        "its issuer signs revocation lists, but its key usage lacks cRLSign",
        "Have the CA's certificate issued anew with the key usage cRLSign.",
    ),
    (
        36,
        "UNHANDLED_CRITICAL_CRL_EXTENSION",
        "its revocation list has a critical extension that is not known",
        _CRL,
    ),
    (44, "DIFFERENT_CRL_SCOPE", "its revocation list is for other certificates", _CRL),
    (
        APPLICATION_VERIFICATION,
        "APPLICATION_VERIFICATION",
        "the application refused it",
        "See the application's own rules for certificates.",
    ),
    (47, "PERMITTED_VIOLATION", "a CA above it does not allow its names", _REISSUE),
    (48, "EXCLUDED_VIOLATION", "a CA above it excludes its names", _REISSUE),
    (62, "HOSTNAME_MISMATCH", "it was not issued for this host name", _NAME),
    (64, "IP_ADDRESS_MISMATCH", "it was not issued for this IP address", _NAME),
    (EE_KEY_TOO_SMALL, "EE_KEY_TOO_SMALL", "its key is too small", _STRONGER),
    (CA_KEY_TOO_SMALL, "CA_KEY_TOO_SMALL", "the key of this CA is too small", _STRONGER),
    (
        CA_MD_TOO_WEAK,
        "CA_MD_TOO_WEAK",
        "it is signed with a hash that is too weak (SHA-1 or MD5)",
        _STRONGER,
    ),
    (79, "INVALID_CA", "it may not act as a CA", _STRICT),
)

# The others, whose names say as much as there is to say.
_OTHERS = (
    (4, "UNABLE_TO_DECRYPT_CERT_SIGNATURE"),
    (5, "UNABLE_TO_DECRYPT_CRL_SIGNATURE"),
    (6, "UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY"),
    (13, "ERROR_IN_CERT_NOT_BEFORE_FIELD"),
    (14, "ERROR_IN_CERT_NOT_AFTER_FIELD"),
    (15, "ERROR_IN_CRL_LAST_UPDATE_FIELD"),
    (16, "ERROR_IN_CRL_NEXT_UPDATE_FIELD"),
    (17, "OUT_OF_MEM"),
    (29, "SUBJECT_ISSUER_MISMATCH"),
    (30, "AKID_SKID_MISMATCH"),
    (31, "AKID_ISSUER_SERIAL_MISMATCH"),
    (37, "INVALID_NON_CA"),
    (38, "PROXY_PATH_LENGTH_EXCEEDED"),
    (39, "KEYUSAGE_NO_DIGITAL_SIGNATURE"),
    (40, "PROXY_CERTIFICATES_NOT_ALLOWED"),
    (41, "INVALID_EXTENSION"),
    (42, "INVALID_POLICY_EXTENSION"),
    (43, "NO_EXPLICIT_POLICY"),
    (45, "UNSUPPORTED_EXTENSION_FEATURE"),
    (46, "UNNESTED_RESOURCE"),
    (49, "SUBTREE_MINMAX"),
    (51, "UNSUPPORTED_CONSTRAINT_TYPE"),
    (52, "UNSUPPORTED_CONSTRAINT_SYNTAX"),
    (53, "UNSUPPORTED_NAME_SYNTAX"),
    (54, "CRL_PATH_VALIDATION_ERROR"),
    (55, "PATH_LOOP"),
    (63, "EMAIL_MISMATCH"),
    (69, "INVALID_CALL"),
    (70, "STORE_LOOKUP"),
    (72, "PROXY_SUBJECT_NAME_VIOLATION"),
    (76, "UNSUPPORTED_SIGNATURE_ALGORITHM"),
    (77, "SIGNATURE_ALGORITHM_MISMATCH"),
    (78, "SIGNATURE_ALGORITHM_INCONSISTENCY"),
    (80, "PATHLEN_INVALID_FOR_NON_CA"),
    (81, "PATHLEN_WITHOUT_KU_KEY_CERT_SIGN"),
    (82, "KU_KEY_CERT_SIGN_INVALID_FOR_NON_CA"),
    (83, "ISSUER_NAME_EMPTY"),
    (84, "SUBJECT_NAME_EMPTY"),
    (85, "MISSING_AUTHORITY_KEY_IDENTIFIER"),
    (86, "MISSING_SUBJECT_KEY_IDENTIFIER"),
    (87, "EMPTY_SUBJECT_ALT_NAME"),
    (88, "EMPTY_SUBJECT_SAN_NOT_CRITICAL"),
    (89, "CA_BCONS_NOT_CRITICAL"),
    (90, "AUTHORITY_KEY_IDENTIFIER_CRITICAL"),
    (91, "SUBJECT_KEY_IDENTIFIER_CRITICAL"),
    (92, "CA_CERT_MISSING_KEY_USAGE"),
    (93, "EXTENSIONS_REQUIRE_VERSION_3"),
    (94, "EC_KEY_EXPLICIT_PARAMS"),
)

#: The checks by OpenSSL's number.
CHECKS: MappingProxyType[int, CertificateCheck] = MappingProxyType(
    {row[0]: CertificateCheck(*row) for row in _EXPLAINED}
    | {
        number: CertificateCheck(
            number,
            name,
            f"it fails a check: {name.lower().replace('_', ' ')}",
            _STRICT if verify_code(name) is VerifyCode.INVALID_EXTENSION else _REISSUE,
        )
        for number, name in _OTHERS
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
        f"it fails OpenSSL's check {openssl_code}",
        _REISSUE,
    )
