"""Settings that are refused, and the context that is made of the others."""

from __future__ import annotations

import dataclasses

import pytest
from OpenSSL import SSL

from leaddicom.enums import VerifyMode
from leaddicom.errors import DicomErrorCode, ParameterError, TlsError
from leaddicom.tls import Ciphersuite, Role, TlsSettings, build_context

from .certificates import issue, rsa_key
from .pairs import credentials


def test_defaults_are_mutual_authentication_under_b12():
    settings = TlsSettings()
    assert settings.verify == VerifyMode.PEER | VerifyMode.FAIL_IF_NO_PEER_CERT
    assert settings.check_host_name is True
    assert settings.verify_depth == 9
    assert settings.cipher_suites == ()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"profile": "B.1"}, "no TLS profile"),
        ({"verify": VerifyMode.FAIL_IF_NO_PEER_CERT}, "no effect without PEER"),
        ({"verify": VerifyMode.CLIENT_ONCE}, "no effect without PEER"),
        ({"verify_depth": -1}, "verify_depth is -1"),
        ({"verify_depth": 101}, "verify_depth is 101"),
        ({"cipher_suites": (Ciphersuite.NONE,)}, "is no cipher suite"),
        ({"cipher_suites": (Ciphersuite.TLS_DHE_RSA_WITH_DES_CBC_SHA,)}, "single DES"),
        (
            {"cipher_suites": (Ciphersuite.TLS_RSA_WITH_AES_128_CBC_SHA,)},
            "is not in the profile 'BCP 195.*TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        ),
    ],
)
def test_impossible_settings(change, words):
    with pytest.raises(ParameterError, match=words):
        TlsSettings(**change)


@pytest.mark.parametrize("depth", [0, 100])
def test_bounds_of_the_depth(depth):
    assert TlsSettings(verify_depth=depth).verify_depth == depth


def test_settings_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        TlsSettings().verify_depth = 3


def refused(*arguments) -> TlsError:
    with pytest.raises(TlsError) as caught:
        build_context(*arguments)
    assert caught.value.stage == "certificate"
    assert caught.value.code == DicomErrorCode.CERTIFICATE_LOAD_FAILED
    return caught.value


def test_a_server_needs_a_certificate(world):
    assert "server needs a certificate" in refused(world.settings(), (), Role.SERVER).message


@pytest.mark.parametrize("role", Role)
def test_an_end_that_verifies_needs_trusted_cas(world, role):
    error = refused(TlsSettings(), credentials(world.server), role)
    assert f"certificate of the {role.peer.value} is to be verified" in error.message
    assert "Set the CA file" in error.message


@pytest.mark.parametrize("content", [None, b"", b"nonsense"])
def test_an_unusable_ca_file(world, tmp_path, content):
    path = tmp_path / "roots.pem"
    if content is not None:
        path.write_bytes(content)
    settings = TlsSettings(ca_file=str(path))
    assert "roots.pem" in refused(settings, credentials(world.server), Role.SERVER).message


def test_weak_own_certificates_are_refused(world):
    weak = issue("weak", world.root, key=rsa_key(1024))
    assert "1024 bits" in refused(world.settings(), credentials(weak), Role.CLIENT).message


def test_what_openssl_refuses_is_refused(world):
    (own,) = credentials(world.client)
    mixed = dataclasses.replace(own, private_key=world.server.key)
    error = refused(world.settings(), (mixed,), Role.CLIENT)
    assert "OpenSSL refuses the certificate of own.pem" in error.message


def test_a_client_may_have_no_certificate(world):
    assert build_context(world.settings(), (), Role.CLIENT).get_verify_mode() == 3


@pytest.mark.parametrize(
    ("verify", "mode"),
    [
        (VerifyMode.NONE, 0),
        (VerifyMode.PEER, 1),
        (VerifyMode.PEER | VerifyMode.FAIL_IF_NO_PEER_CERT, 3),
        (VerifyMode.PEER | VerifyMode.CLIENT_ONCE, 5),
        (VerifyMode.ALL, 7),
    ],
)
def test_flags_reach_openssl(world, verify, mode):
    context = world.context(Role.SERVER, verify=verify, verify_depth=4)
    assert context.get_verify_mode() == mode
    assert context.get_verify_depth() == 4


def offered(context):
    return SSL.Connection(context, None).get_cipher_list()


def test_nothing_but_the_profiles_suites(world):
    assert offered(world.context(Role.CLIENT)) == [
        "TLS_AES_128_GCM_SHA256",
        "TLS_AES_256_GCM_SHA384",
        "TLS_CHACHA20_POLY1305_SHA256",
        "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-RSA-CHACHA20-POLY1305",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
    ]


def test_nothing_but_the_chosen_suites(world):
    wanted = (
        Ciphersuite.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        Ciphersuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    )
    assert offered(world.context(Role.CLIENT, cipher_suites=wanted)) == [
        "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES128-GCM-SHA256",
    ]


@pytest.mark.parametrize("role", Role)
def test_dangerous_features_are_off(world, role):
    context = world.context(role)
    options = context.set_options(0)
    for option in (
        SSL.OP_NO_RENEGOTIATION,
        SSL.OP_NO_COMPRESSION,
        SSL.OP_NO_TICKET,
        SSL.OP_CIPHER_SERVER_PREFERENCE,
    ):
        assert options & option
    assert context.get_session_cache_mode() == SSL.SESS_CACHE_OFF
