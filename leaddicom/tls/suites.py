"""Cipher suites: LEADTOOLS' nine, and those that PS3.15 and RFC 9325 ask for, in one table.

LEADTOOLS numbers its suites 12H to 1AH, which are no IANA codes.  Suites that LEADTOOLS does
not know have ``0x10000 | IANA code``.  What LEADTOOLS' getters return keeps LEADTOOLS' numbers;
algorithms that it does not know have numbers from 10000H on.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from types import MappingProxyType

from OpenSSL import SSL

from leaddicom.errors import ParameterError

__all__ = [
    "SUITES",
    "AuthenticationAlgorithm",
    "CipherSuite",
    "Ciphersuite",
    "EncryptionAlgorithm",
    "IntegrityAlgorithm",
    "KeyExchangeAlgorithm",
    "suite",
    "suite_by_openssl_name",
    "unsupported_reason",
]


class Ciphersuite(IntEnum):
    """LEADTOOLS' ``L_CIPHERSUITE``, followed by the suites that are ours.

    The first group has LEADTOOLS' names and values.  The others have their IANA names and the
    project-defined value ``0x10000 | IANA code``.
    """

    NONE = 0
    TLS_DHE_RSA_WITH_DES_CBC_SHA = 0x12
    TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA = 0x13
    TLS_DHE_RSA_AES256_SHA = 0x14
    TLS_RSA_WITH_AES_128_CBC_SHA = 0x15
    TLS_RSA_WITH_3DES_EDE_CBC_SHA = 0x16
    TLS_DHE_RSA_WITH_AES_128_GCM_SHA256 = 0x17
    TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 = 0x18
    TLS_DHE_RSA_WITH_AES_256_GCM_SHA384 = 0x19
    TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 = 0x1A

    TLS_AES_128_GCM_SHA256 = 0x11301
    TLS_AES_256_GCM_SHA384 = 0x11302
    TLS_CHACHA20_POLY1305_SHA256 = 0x11303
    TLS_AES_128_CCM_SHA256 = 0x11304
    TLS_AES_128_CCM_8_SHA256 = 0x11305
    TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA = 0x1C009
    TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA = 0x1C00A
    TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA = 0x1C013
    TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA = 0x1C014
    TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 = 0x1C02B
    TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 = 0x1C02C
    TLS_DHE_RSA_WITH_CAMELLIA_128_GCM_SHA256 = 0x1C07C
    TLS_DHE_RSA_WITH_CAMELLIA_256_GCM_SHA384 = 0x1C07D
    TLS_ECDHE_ECDSA_WITH_CAMELLIA_128_GCM_SHA256 = 0x1C086
    TLS_ECDHE_ECDSA_WITH_CAMELLIA_256_GCM_SHA384 = 0x1C087
    TLS_ECDHE_RSA_WITH_CAMELLIA_128_GCM_SHA256 = 0x1C08A
    TLS_ECDHE_RSA_WITH_CAMELLIA_256_GCM_SHA384 = 0x1C08B
    TLS_ECDHE_ECDSA_WITH_AES_128_CCM = 0x1C0AC
    TLS_ECDHE_ECDSA_WITH_AES_256_CCM = 0x1C0AD
    TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8 = 0x1C0AE
    TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8 = 0x1C0AF
    TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 = 0x1CCA8
    TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 = 0x1CCA9


class EncryptionAlgorithm(IntEnum):
    """LEADTOOLS' ``L_CRYPT_...``; from 10000H on ours."""

    NONE = 0
    DES = 1
    TRIPLE_DES = 2
    RC4 = 3
    RC2 = 4
    IDEA = 5
    FORTEZZA = 6
    AES = 7
    CHACHA20 = 0x10001
    CAMELLIA = 0x10002


class IntegrityAlgorithm(IntEnum):
    """LEADTOOLS' ``L_MAC_...``; from 10000H on ours.

    In an AEAD suite the cipher itself protects the integrity; the hash in its name serves the
    key derivation only.
    """

    NONE = 0
    SHA1 = 0x10
    MD5 = 0x11
    SHA256 = 0x10010
    SHA384 = 0x10011
    AEAD = 0x10012


class AuthenticationAlgorithm(IntEnum):
    """LEADTOOLS' ``L_MUTUALAUTH_...``; from 10000H on ours.

    A TLS 1.3 suite does not name the authentication: the certificate decides.
    """

    NONE = 0
    RSA = 0x20
    DSS = 0x21
    DH = 0x22
    ECDSA = 0x10020
    CERTIFICATE = 0x10021


class KeyExchangeAlgorithm(IntEnum):
    """LEADTOOLS' ``L_KEYEXCHANGE_...``; from 10000H on ours.

    A TLS 1.3 suite does not name the key exchange: it is the key share of the negotiated group.
    """

    NONE = 0
    RSA_SIGNED_DHE = 0x40
    RSA = 0x41
    DH = 0x42
    DH_DSS = 0x43
    FORTEZZA = 0x44
    ECDHE = 0x10040
    TLS13_KEY_SHARE = 0x10041


@dataclass(frozen=True, slots=True)
class CipherSuite:
    """One cipher suite under all its names.

    Attributes
    ----------
    constant : Ciphersuite
        What the API calls it.
    iana_code : int
        Its number on the wire.
    iana_name : str
        Its name in the IANA registry.
    openssl_name : str or None
        OpenSSL's name; `None` when OpenSSL never had it.
    tls13 : bool
        Whether it is a suite of TLS 1.3; otherwise it is one of TLS 1.2 (or older).
    key_exchange, authentication, encryption, integrity
        Its parts.
    key_bits : int
        Length of the encryption key in bits.
    """

    constant: Ciphersuite
    iana_code: int
    iana_name: str
    openssl_name: str | None
    tls13: bool
    key_exchange: KeyExchangeAlgorithm
    authentication: AuthenticationAlgorithm
    encryption: EncryptionAlgorithm
    key_bits: int
    integrity: IntegrityAlgorithm


_DES56 = (EncryptionAlgorithm.DES, 56)
_3DES168 = (EncryptionAlgorithm.TRIPLE_DES, 168)
_AES128 = (EncryptionAlgorithm.AES, 128)
_AES256 = (EncryptionAlgorithm.AES, 256)
_CAMELLIA128 = (EncryptionAlgorithm.CAMELLIA, 128)
_CAMELLIA256 = (EncryptionAlgorithm.CAMELLIA, 256)
_CHACHA20 = (EncryptionAlgorithm.CHACHA20, 256)

# IANA code, IANA name, OpenSSL name, encryption with its key length
_Row = tuple[int, str, str | None, tuple[EncryptionAlgorithm, int]]

_DHE_RSA_SHA1: tuple[_Row, ...] = (
    (0x0015, "TLS_DHE_RSA_WITH_DES_CBC_SHA", "EDH-RSA-DES-CBC-SHA", _DES56),
    (0x0016, "TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA", "EDH-RSA-DES-CBC3-SHA", _3DES168),
    (0x0039, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA", "DHE-RSA-AES256-SHA", _AES256),
)
_RSA_SHA1: tuple[_Row, ...] = (
    (0x002F, "TLS_RSA_WITH_AES_128_CBC_SHA", "AES128-SHA", _AES128),
    (0x000A, "TLS_RSA_WITH_3DES_EDE_CBC_SHA", "DES-CBC3-SHA", _3DES168),
)
_ECDHE_RSA_SHA1: tuple[_Row, ...] = (
    (0xC013, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "ECDHE-RSA-AES128-SHA", _AES128),
    (0xC014, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", "ECDHE-RSA-AES256-SHA", _AES256),
)
_ECDHE_ECDSA_SHA1: tuple[_Row, ...] = (
    (0xC009, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "ECDHE-ECDSA-AES128-SHA", _AES128),
    (0xC00A, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", "ECDHE-ECDSA-AES256-SHA", _AES256),
)
_DHE_RSA_AEAD: tuple[_Row, ...] = (
    (0x009E, "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", "DHE-RSA-AES128-GCM-SHA256", _AES128),
    (0x009F, "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384", "DHE-RSA-AES256-GCM-SHA384", _AES256),
    (0xC07C, "TLS_DHE_RSA_WITH_CAMELLIA_128_GCM_SHA256", None, _CAMELLIA128),
    (0xC07D, "TLS_DHE_RSA_WITH_CAMELLIA_256_GCM_SHA384", None, _CAMELLIA256),
)
_ECDHE_RSA_AEAD: tuple[_Row, ...] = (
    (0xC02F, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256", _AES128),
    (0xC030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384", _AES256),
    (
        0xCCA8,
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        "ECDHE-RSA-CHACHA20-POLY1305",
        _CHACHA20,
    ),
    (0xC08A, "TLS_ECDHE_RSA_WITH_CAMELLIA_128_GCM_SHA256", None, _CAMELLIA128),
    (0xC08B, "TLS_ECDHE_RSA_WITH_CAMELLIA_256_GCM_SHA384", None, _CAMELLIA256),
)
_ECDHE_ECDSA_AEAD: tuple[_Row, ...] = (
    (0xC02B, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256", _AES128),
    (0xC02C, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384", _AES256),
    (0xC0AC, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM", "ECDHE-ECDSA-AES128-CCM", _AES128),
    (0xC0AD, "TLS_ECDHE_ECDSA_WITH_AES_256_CCM", "ECDHE-ECDSA-AES256-CCM", _AES256),
    (0xC0AE, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8", "ECDHE-ECDSA-AES128-CCM8", _AES128),
    (0xC0AF, "TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8", "ECDHE-ECDSA-AES256-CCM8", _AES256),
    (
        0xCCA9,
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        _CHACHA20,
    ),
    (0xC086, "TLS_ECDHE_ECDSA_WITH_CAMELLIA_128_GCM_SHA256", None, _CAMELLIA128),
    (0xC087, "TLS_ECDHE_ECDSA_WITH_CAMELLIA_256_GCM_SHA384", None, _CAMELLIA256),
)
_TLS13_AEAD: tuple[_Row, ...] = (
    (0x1301, "TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256", _AES128),
    (0x1302, "TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384", _AES256),
    (0x1303, "TLS_CHACHA20_POLY1305_SHA256", "TLS_CHACHA20_POLY1305_SHA256", _CHACHA20),
    (0x1304, "TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_SHA256", _AES128),
    (0x1305, "TLS_AES_128_CCM_8_SHA256", "TLS_AES_128_CCM_8_SHA256", _AES128),
)

# LEADTOOLS' one name that is not IANA's.
_LEADTOOLS_NAMES = {"TLS_DHE_RSA_WITH_AES_256_CBC_SHA": "TLS_DHE_RSA_AES256_SHA"}


def _group(
    key_exchange: KeyExchangeAlgorithm,
    authentication: AuthenticationAlgorithm,
    integrity: IntegrityAlgorithm,
    rows: tuple[_Row, ...],
) -> list[CipherSuite]:
    return [
        CipherSuite(
            constant=Ciphersuite[_LEADTOOLS_NAMES.get(name, name)],
            iana_code=code,
            iana_name=name,
            openssl_name=openssl_name,
            tls13=key_exchange is KeyExchangeAlgorithm.TLS13_KEY_SHARE,
            key_exchange=key_exchange,
            authentication=authentication,
            encryption=encryption,
            key_bits=key_bits,
            integrity=integrity,
        )
        for code, name, openssl_name, (encryption, key_bits) in rows
    ]


_KX = KeyExchangeAlgorithm
_AUTH = AuthenticationAlgorithm
_SHA1 = IntegrityAlgorithm.SHA1
_AEAD = IntegrityAlgorithm.AEAD

#: Every suite that has a name here, by its constant.
SUITES: MappingProxyType[int, CipherSuite] = MappingProxyType(
    {
        each.constant: each
        for each in (
            *_group(_KX.RSA_SIGNED_DHE, _AUTH.RSA, _SHA1, _DHE_RSA_SHA1),
            *_group(_KX.RSA, _AUTH.RSA, _SHA1, _RSA_SHA1),
            *_group(_KX.ECDHE, _AUTH.RSA, _SHA1, _ECDHE_RSA_SHA1),
            *_group(_KX.ECDHE, _AUTH.ECDSA, _SHA1, _ECDHE_ECDSA_SHA1),
            *_group(_KX.RSA_SIGNED_DHE, _AUTH.RSA, _AEAD, _DHE_RSA_AEAD),
            *_group(_KX.ECDHE, _AUTH.RSA, _AEAD, _ECDHE_RSA_AEAD),
            *_group(_KX.ECDHE, _AUTH.ECDSA, _AEAD, _ECDHE_ECDSA_AEAD),
            *_group(_KX.TLS13_KEY_SHARE, _AUTH.CERTIFICATE, _AEAD, _TLS13_AEAD),
        )
    }
)

_BY_OPENSSL_NAME = {each.openssl_name: each for each in SUITES.values() if each.openssl_name}

# Why a suite is missing, by what OpenSSL does not have.
_MISSING = {
    EncryptionAlgorithm.DES: "single DES was removed from OpenSSL; its 56-bit keys can be searched",
    EncryptionAlgorithm.TRIPLE_DES: "OpenSSL is built without 3DES, whose 64-bit blocks leak "
    "data on long connections (RFC 9325 section 4.1)",
    EncryptionAlgorithm.CAMELLIA: "OpenSSL never had the Camellia-GCM suites",
}


def suite(constant: int) -> CipherSuite:
    """Return what is known about a suite.

    Parameters
    ----------
    constant : int
        A `Ciphersuite`.

    Raises
    ------
    ParameterError
        For ``NONE`` and for numbers that are no suite's.
    """
    found = SUITES.get(constant)
    if found is None:
        raise ParameterError(
            f"{constant:#x} is no cipher suite; use a member of Ciphersuite other than NONE."
        )
    return found


def suite_by_openssl_name(name: str) -> CipherSuite | None:
    """Return the suite that OpenSSL calls `name`, or `None`."""
    return _BY_OPENSSL_NAME.get(name)


@cache
def unsupported_reason(suite: CipherSuite) -> str | None:
    """Return why the linked OpenSSL cannot use `suite`, or `None` if it can.

    Level 0 lets every suite through that the library has at all.
    """
    if suite.openssl_name is not None:
        context = SSL.Context(SSL.TLS_METHOD)
        name = suite.openssl_name.encode("ascii")
        try:
            if suite.tls13:
                context.set_tls13_ciphersuites(name)
            else:
                context.set_cipher_list(name + b":@SECLEVEL=0")
            return None
        except SSL.Error:
            pass
    return _MISSING.get(suite.encryption, "the linked OpenSSL is built without it")
