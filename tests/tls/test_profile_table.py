"""The profiles of PS3.15 Annex B by their names, and what each one allows."""

from __future__ import annotations

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from OpenSSL import SSL

from leaddicom.errors import ParameterError
from leaddicom.tls import TlsSettings
from leaddicom.tls.profiles import PROFILES, profile, weak_signature, weakness
from leaddicom.tls.suites import EncryptionAlgorithm, KeyExchangeAlgorithm, suite

from .certificates import issue, sign_with_sha1
from .worlds import AES, B9, B10, B11, B12, B13

LIVE, RETIRED = (B12, B13), (B9, B10, B11, AES)
TITLE = " TLS Secure Transport Connection Profile"


def test_each_knows_its_section():
    assert {each.name: each.section for each in PROFILES.values()} == {
        B12: "PS3.15 B.12",
        B13: "PS3.15 B.13",
        B9: "PS3.15 B.9",
        B10: "PS3.15 B.10",
        B11: "PS3.15 B.11",
        AES: "PS3.15 B.3",
    }
    assert [each.name for each in PROFILES.values() if not each.is_retired] == list(LIVE)


@pytest.mark.parametrize("name", PROFILES)
def test_each_has_its_title_and_dcmtks_name(name):
    found = PROFILES[name]
    for other in (name + TITLE, name.upper(), found.short_name, "--profile-" + found.short_name):
        assert profile(other) is found
        assert TlsSettings(profile=other).profile == other


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Basic", "3DES, its only cipher, is broken"),
        ("ISCL", "DES and MD5"),
        ("NULL", "without encrypting"),
        ("--profile-null", "without encrypting"),
    ],
)
def test_broken_ones_are_known_and_refused_with_the_reason(name, reason):
    with pytest.raises(ParameterError, match=f"{name}' is not served: .*{reason}.* Served: 'BCP"):
        profile(name)


def test_b13_has_exactly_the_suites_of_its_section():
    assert {suite(each).iana_code for each in PROFILES[B13].suites_tls13} == {
        0x1301, 0x1302, 0x1303, 0x1304, 0x1305,
    }  # fmt: skip
    assert {suite(each).iana_code for each in PROFILES[B13].suites_tls12} == {
        0xC02B, 0xC02C, 0xC02F, 0xC030, 0xCCA8, 0xCCA9, 0xC0AC, 0xC0AD, 0xC0AE, 0xC0AF,
    }  # fmt: skip
    assert len(PROFILES[B13].suites) == 15


@pytest.mark.parametrize("name", [B12, B13])
def test_the_live_ones_propose_first_what_rfc_9325_wants_first(name):
    assert suite(PROFILES[name].suites_tls12[0]).iana_code == 0xC02F


@pytest.mark.parametrize("name", [B12, B13, B10, B11])
def test_all_but_the_oldest_are_forward_secret_and_aead_from_tls12_on(name):
    found = PROFILES[name]
    assert found.minimum_version == SSL.TLS1_2_VERSION
    assert {each.integrity.name for each in found.suites} == {"AEAD"}
    assert KeyExchangeAlgorithm.RSA not in {each.key_exchange for each in found.suites}
    assert (found.minimum_rsa_bits, found.minimum_ec_bits) == (2048, 256)


@pytest.mark.parametrize("name", [B10, B11])
def test_the_suites_that_b10_and_b11_require(name):
    codes = {each.iana_code for each in PROFILES[name].suites}
    assert {0x009E, 0x009F, 0xC02F, 0xC030} <= codes


def test_b11_knows_camellia_and_does_without_where_openssl_has_none():
    wanted = [suite(each) for each in PROFILES[B11].suites_tls12]
    camellia = [each for each in wanted if each.encryption is EncryptionAlgorithm.CAMELLIA]
    assert len(camellia) == 6
    assert not set(camellia) & set(PROFILES[B11].suites)
    assert PROFILES[B11].suites_tls13 == ()
    with pytest.raises(ParameterError, match="OpenSSL never had the Camellia-GCM suites"):
        TlsSettings(profile=B11, cipher_suites=(camellia[0].constant,))


def test_aes_does_without_3des():
    assert [each.iana_code for each in PROFILES[AES].suites] == [0x002F]


def test_dhe_is_only_where_openssl_bounds_its_group():
    for each in PROFILES.values():
        dhe = KeyExchangeAlgorithm.RSA_SIGNED_DHE in {one.key_exchange for one in each.suites}
        assert not dhe or each.security_level >= 2


@pytest.mark.parametrize("name", PROFILES)
def test_suites_of_another_profile_are_refused(name):
    others = {each for other in PROFILES.values() for each in other.suites}
    for each in others - set(PROFILES[name].suites):
        with pytest.raises(ParameterError, match=f"is not in the profile '{name}', which allows"):
            TlsSettings(profile=name, cipher_suites=(each.constant,))


@pytest.mark.parametrize("name", [B11, AES])
def test_what_has_no_tls13_cannot_be_for_tls13_only(name):
    with pytest.raises(ParameterError, match="No cipher suite is left"):
        TlsSettings(profile=name, minimum_version="TLSv1.3")


def test_a_version_that_does_not_exist():
    with pytest.raises(ParameterError, match=r"'TLSv1\.1', but must be 'TLSv1\.2', 'TLSv1\.3' or"):
        TlsSettings(minimum_version="TLSv1.1")


@pytest.mark.parametrize("name", PROFILES)
def test_the_hash_of_a_self_signed_certificate_counts_for_nothing(name, tmp_path):
    root = issue("Root", ca=True)
    leaf = sign_with_sha1(tmp_path, root).certificate
    expected = None if name == AES else "it is signed with SHA1"
    assert weakness(leaf, PROFILES[name]) == expected
    assert weakness(root.certificate, PROFILES[name]) is None


def test_a_signature_of_a_kind_that_is_not_known():
    class Odd:
        @property
        def signature_hash_algorithm(self):
            raise UnsupportedAlgorithm("of tomorrow")

    assert "its signature is of a kind that is not supported (of tomorrow)" in weak_signature(
        Odd(), PROFILES[B12]
    )
