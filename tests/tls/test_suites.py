"""The table of cipher suites."""

from __future__ import annotations

import pytest
from OpenSSL import SSL

from leaddicom.errors import ParameterError
from leaddicom.tls.suites import (
    SUITES,
    AuthenticationAlgorithm,
    Ciphersuite,
    EncryptionAlgorithm,
    IntegrityAlgorithm,
    KeyExchangeAlgorithm,
    suite,
    suite_by_openssl_name,
    unsupported_reason,
)

LEADTOOLS = {
    0x12: ("TLS_DHE_RSA_WITH_DES_CBC_SHA", 0x0015),
    0x13: ("TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA", 0x0016),
    0x14: ("TLS_DHE_RSA_AES256_SHA", 0x0039),
    0x15: ("TLS_RSA_WITH_AES_128_CBC_SHA", 0x002F),
    0x16: ("TLS_RSA_WITH_3DES_EDE_CBC_SHA", 0x000A),
    0x17: ("TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", 0x009E),
    0x18: ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", 0xC02F),
    0x19: ("TLS_DHE_RSA_WITH_AES_256_GCM_SHA384", 0x009F),
    0x1A: ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", 0xC030),
}


@pytest.mark.parametrize("value", LEADTOOLS)
def test_leadtools_suites_keep_their_names_and_values(value):
    name, iana_code = LEADTOOLS[value]
    assert Ciphersuite(value).name == name
    assert suite(value).iana_code == iana_code


def test_every_constant_but_none_is_in_the_table():
    assert set(SUITES) == set(Ciphersuite) - {Ciphersuite.NONE}


@pytest.mark.parametrize("each", SUITES.values(), ids=lambda each: each.iana_name)
def test_the_rows_agree_with_themselves(each):
    if each.constant not in LEADTOOLS:
        assert each.constant == 0x10000 | each.iana_code
        assert each.constant.name == each.iana_name
    assert each.tls13 is (each.iana_code >> 8 == 0x13)
    assert each.tls13 is ("_WITH_" not in each.iana_name)
    if each.encryption is EncryptionAlgorithm.AES:
        assert str(each.key_bits) in each.iana_name
    if each.openssl_name is not None:
        assert suite_by_openssl_name(each.openssl_name) is each
    if unsupported_reason(each) is None:
        context = SSL.Context(SSL.TLS_METHOD)
        context.set_tls13_ciphersuites(each.openssl_name.encode() if each.tls13 else b"")
        context.set_cipher_list(
            b"AES128-SHA:@SECLEVEL=0" if each.tls13 else each.openssl_name.encode()
        )
        assert each.openssl_name in SSL.Connection(context, None).get_cipher_list()


def test_codes_and_names_are_unique():
    for attribute in ("iana_code", "iana_name"):
        assert len({getattr(each, attribute) for each in SUITES.values()}) == len(SUITES)


@pytest.mark.parametrize(
    ("constant", "parts"),
    [
        (0x12, ("RSA_SIGNED_DHE", "RSA", "DES", 56, "SHA1")),
        (0x13, ("RSA_SIGNED_DHE", "RSA", "TRIPLE_DES", 168, "SHA1")),
        (0x15, ("RSA", "RSA", "AES", 128, "SHA1")),
        (0x17, ("RSA_SIGNED_DHE", "RSA", "AES", 128, "AEAD")),
        (0x1A, ("ECDHE", "RSA", "AES", 256, "AEAD")),
        (0x1CCA9, ("ECDHE", "ECDSA", "CHACHA20", 256, "AEAD")),
        (0x1C086, ("ECDHE", "ECDSA", "CAMELLIA", 128, "AEAD")),
        (0x11302, ("TLS13_KEY_SHARE", "CERTIFICATE", "AES", 256, "AEAD")),
    ],
)
def test_parts(constant, parts):
    each = suite(constant)
    assert parts == (
        each.key_exchange.name,
        each.authentication.name,
        each.encryption.name,
        each.key_bits,
        each.integrity.name,
    )


@pytest.mark.parametrize(
    ("algorithms", "highest"),
    [
        (EncryptionAlgorithm, 7),
        (IntegrityAlgorithm, 0x11),
        (AuthenticationAlgorithm, 0x22),
        (KeyExchangeAlgorithm, 0x44),
    ],
)
def test_our_members_lie_outside_leadtools_ranges(algorithms, highest):
    assert max(each for each in algorithms if each < 0x10000) == highest


@pytest.mark.parametrize(
    ("constant", "words"),
    [
        (Ciphersuite.TLS_DHE_RSA_WITH_DES_CBC_SHA, "single DES was removed"),
        (Ciphersuite.TLS_RSA_WITH_3DES_EDE_CBC_SHA, "without 3DES"),
        (Ciphersuite.TLS_ECDHE_RSA_WITH_CAMELLIA_128_GCM_SHA256, "Camellia"),
    ],
)
def test_what_openssl_lacks_is_refused_with_the_reason(constant, words):
    assert words in unsupported_reason(suite(constant))


@pytest.mark.parametrize("each", [each for each in SUITES.values() if each.integrity == 0x10012])
def test_aead_suites_are_supported(each):
    if each.encryption is not EncryptionAlgorithm.CAMELLIA:
        assert unsupported_reason(each) is None


@pytest.mark.parametrize("number", [0, 0x11, 0x1B, 0x1301, -1])
def test_other_numbers_are_no_suites(number):
    with pytest.raises(ParameterError, match="is no cipher suite"):
        suite(number)


def test_unknown_openssl_name():
    assert suite_by_openssl_name("AES256-SHA") is None
