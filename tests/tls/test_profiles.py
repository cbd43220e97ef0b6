"""The TLS profiles."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa

from leaddicom.errors import ParameterError
from leaddicom.tls.profiles import DEFAULT_PROFILE, PROFILES, profile, weakness
from leaddicom.tls.suites import Ciphersuite, KeyExchangeAlgorithm, suite, unsupported_reason

from .certificates import issue

B12 = profile(DEFAULT_PROFILE)


def test_the_default_is_b12():
    assert B12.name == "BCP 195 RFC 8996, 9325"
    assert B12.section == "PS3.15 B.12"
    assert next(iter(PROFILES)) == DEFAULT_PROFILE


def test_an_unknown_profile_is_refused_and_the_known_ones_named():
    with pytest.raises(ParameterError, match=r"'B\.99' is no TLS profile.*'BCP 195 RFC 8996"):
        profile("B.99")


def test_b12_holds_the_suites_that_rfc_9325_recommends_in_its_order():
    assert B12.suites_tls12[0] is Ciphersuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
    recommended = {0xC02B, 0xC02C, 0xC02F, 0xC030}
    assert recommended <= {suite(each).iana_code for each in B12.suites_tls12}


@pytest.mark.parametrize("constant", B12.suites_tls12 + B12.suites_tls13)
def test_b12_suites_are_supported_and_forward_secret(constant):
    each = suite(constant)
    assert unsupported_reason(each) is None
    assert each.key_bits >= 128
    assert each.tls13 is (constant in B12.suites_tls13)
    assert each.key_exchange in (KeyExchangeAlgorithm.ECDHE, KeyExchangeAlgorithm.TLS13_KEY_SHARE)


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (rsa.generate_private_key(65537, 2048), None),
        (rsa.generate_private_key(65537, 2047), "2047 bits, fewer than 2048"),
        (ec.generate_private_key(ec.SECP256R1()), None),
        (ec.generate_private_key(ec.SECP224R1()), "224 bits, fewer than 256"),
    ],
)
def test_smallest_keys(key, words):
    reason = weakness(issue("own", key=key).certificate, B12)
    assert reason is None if words is None else words in reason


class _Certificate:
    """Stands for what cryptography would not sign."""

    signature_hash_algorithm = None

    def __init__(self, key, signature_hash_algorithm=None):
        self.key = key
        self.signature_hash_algorithm = signature_hash_algorithm

    def public_key(self):
        if isinstance(self.key, Exception):
            raise self.key
        return self.key


def test_ed25519_is_strong_enough():
    assert weakness(_Certificate(ed25519.Ed25519PrivateKey.generate().public_key()), B12) is None


def test_dsa_is_refused():
    key = dsa.DSAPublicNumbers(
        y=4, parameter_numbers=dsa.DSAParameterNumbers(p=2**2047 + 1, q=2**255 + 1, g=2)
    )
    assert "neither RSA nor EC" in weakness(_Certificate(key), B12)


def test_an_undecodable_key_is_refused():
    assert "not supported (bad point)" in weakness(_Certificate(ValueError("bad point")), B12)


@pytest.mark.parametrize(("name", "weak"), [("sha1", True), ("md5", True), ("sha256", False)])
def test_weak_hashes(name, weak):
    class Hash:
        pass

    Hash.name = name
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    certificate = _Certificate(key, Hash())
    reason = weakness(certificate, B12)
    assert reason == (f"it is signed with {name.upper()}" if weak else None)
    certificate.verify_directly_issued_by = lambda issuer: None  # self-signed
    assert weakness(certificate, B12) is None
