"""Handshakes under each profile: every suite of it, both kinds of certificates, weak peers."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from OpenSSL import SSL

from leaddicom.errors import DicomErrorCode, TlsError
from leaddicom.tls import (
    PROFILES,
    AuthenticationAlgorithm,
    Role,
    build_context,
    link_facts,
    openssl,
    peer_identity,
)
from leaddicom.tls.openssl import set_signature_algorithms
from leaddicom.tls.own_certificates import key_kind

from .certificates import issue, sign_with_sha1
from .pairs import careless_context, connect, credentials
from .worlds import AES, B9, B10, B11, B12, B13, KINDS, TwoKinds, rsa_key

OF_KIND = {AuthenticationAlgorithm.RSA: "RSA", AuthenticationAlgorithm.ECDSA: "EC"}
EACH_SUITE = [
    pytest.param(name, each, id=f"{found.short_name}-{each.iana_name}")
    for name, found in PROFILES.items()
    for each in found.suites
]


@pytest.fixture(scope="module")
def both(tmp_path_factory) -> TwoKinds:
    return TwoKinds(tmp_path_factory.mktemp("both"))


# ------------------------------------------------------------------------------- suites


@pytest.mark.parametrize(("name", "suite"), EACH_SUITE)
def test_every_suite_is_negotiated_with_the_certificate_that_fits(both, name, suite):
    # Without an ECDHE suite a client names no curve, and cannot show an EC certificate.
    client = both.context(Role.CLIENT, name, kinds=("RSA",), cipher_suites=(suite.constant,))
    ours, theirs = connect(client, both.context(Role.SERVER, name), host="localhost")

    assert ours.ready
    assert theirs.ready
    facts = link_facts(ours.connection)
    assert facts.suite is suite
    assert facts.tls_version == ("TLSv1.3" if suite.tls13 else "TLSv1.2")
    # TLS 1.3 leaves the kind to what the client prefers.
    kind = OF_KIND.get(suite.authentication, "EC")
    assert peer_identity(ours.connection).subject == f"CN=server {kind}"
    assert peer_identity(ours.connection).issuer == f"CN={kind} CA"
    assert peer_identity(theirs.connection).subject == "CN=client RSA"
    assert theirs.connection.get_certificate(as_cryptography=True).subject == (
        both.issued[Role.SERVER, kind].certificate.subject
    )


@pytest.mark.parametrize("name", PROFILES)
def test_a_client_offers_what_the_profile_allows_and_nothing_else(both, name):
    context = both.context(Role.CLIENT, name)
    offered = SSL.Connection(context, None).get_cipher_list()
    assert offered == [each.openssl_name for each in PROFILES[name].suites]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", [B12, B13, B10])
def test_a_client_needs_one_certificate_only(both, name, kind):
    client = both.context(Role.CLIENT, name, kinds=(kind,))
    ours, theirs = connect(client, both.context(Role.SERVER, name))
    assert ours.ready
    assert peer_identity(theirs.connection).subject == f"CN=client {kind}"
    assert peer_identity(theirs.connection).chain[1].subject.rfc4514_string() == f"CN={kind} CA"


@pytest.mark.parametrize("version", [SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION])
@pytest.mark.parametrize(("algorithm", "kind"), [("rsa_pss_rsae_sha256", "RSA"),
                                                 ("ecdsa_secp256r1_sha256", "EC")])  # fmt: skip
def test_each_end_shows_the_certificate_that_the_other_can_verify(both, algorithm, kind, version):
    """The peer's signature_algorithms decide, in either role (RFC 8446 section 4.2.3)."""
    for role in Role:
        picky = careless_context(role, both.issued[role, kind], version)
        set_signature_algorithms(picky, algorithm)
        if role is Role.SERVER:
            picky.set_verify(SSL.VERIFY_PEER, lambda *_: True)
        # In TLS 1.2 OpenSSL's client knows only the first one.
        twelve = version == SSL.TLS1_2_VERSION
        order = tuple(sorted(KINDS, key=kind.__ne__, reverse=not twelve))
        contexts = {role: picky, role.peer: both.context(role.peer, B12, kinds=order)}
        ours, theirs = connect(contexts[Role.CLIENT], contexts[Role.SERVER])
        assert ours.error is None, ours.failure
        assert theirs.error is None
        end = ours if role is Role.CLIENT else theirs
        assert peer_identity(end.connection).subject == f"CN={role.peer.value} {kind}"


def test_the_one_that_was_shown_is_named_when_it_is_refused(both):
    """With two certificates it matters which one the peer did not like."""
    stranger = issue("Other CA", ca=True)
    (both.folder / "other.pem").write_bytes(stranger.pem)
    for suite in PROFILES[B13].suites_tls12[:2]:
        picky = both.context(
            Role.CLIENT, B13, cipher_suites=(suite,), ca_file=str(both.folder / "other.pem")
        )
        _, refused = connect(picky, both.context(Role.SERVER, B13))
        kind = "RSA" if "_RSA_" in suite.name else "EC"
        assert refused.failure.alert == 48
        assert f"CN=server {kind}" in refused.failure.certificate


# -------------------------------------------------------------------- what is required


@pytest.mark.parametrize(("kind", "lack"), [("RSA", "EC"), ("EC", "RSA")])
def test_a_server_under_b13_needs_both_kinds(both, kind, lack):
    with pytest.raises(TlsError, match=f"its only certificate has an {kind} key.*an {lack} key"):
        both.context(Role.SERVER, B13, kinds=(kind,))
    for name in set(PROFILES) - {B13}:
        both.context(Role.SERVER, name, kinds=(kind,))


def test_eddsa_is_a_third_kind(both):
    key = ed25519.Ed25519PrivateKey.generate()
    (own,) = credentials(issue("edwards", both.root, key=key))
    assert key_kind(own) == "EdDSA"
    with pytest.raises(TlsError, match=r"an EdDSA key\. Add one with an RSA and EC key"):
        build_context(both.settings(B13), (own,), Role.SERVER)
    server = build_context(both.settings(B12), (own,), Role.SERVER)
    ours, _ = connect(both.context(Role.CLIENT, B12), server)
    assert peer_identity(ours.connection).subject == "CN=edwards"


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("role", Role, ids=lambda role: role.value)
def test_retired_ones_warn_once_for_each_context(both, name, role, caplog):
    caplog.set_level(logging.WARNING, "leaddicom")
    both.context(role, name)
    warnings = [each.getMessage() for each in caplog.records]
    if not PROFILES[name].is_retired:
        assert warnings == []
        return
    (warning,) = warnings
    assert f"The TLS profile '{name}' ({PROFILES[name].section}) is retired, since" in warning
    assert PROFILES[name].weakness in warning
    assert "only until they can speak 'BCP 195 RFC 8996, 9325'" in warning


# ----------------------------------------------------------------------------- versions

VERSIONS = {
    "TLSv1": SSL.TLS1_VERSION,
    "TLSv1.1": SSL.TLS1_1_VERSION,
    "TLSv1.2": SSL.TLS1_2_VERSION,
    "TLSv1.3": SSL.TLS1_3_VERSION,
}
ALLOWED = {
    B12: {"TLSv1.2", "TLSv1.3"},
    B13: {"TLSv1.2", "TLSv1.3"},
    B9: set(VERSIONS),
    B10: {"TLSv1.2", "TLSv1.3"},
    B11: {"TLSv1.2"},
    AES: {"TLSv1", "TLSv1.1", "TLSv1.2"},
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("role", Role, ids=lambda role: role.value)
def test_versions(both, name, version, role):
    careless = careless_context(role, both.issued[role, "RSA"], VERSIONS[version])
    contexts = {role: careless, role.peer: both.context(role.peer, name)}
    ours, theirs = connect(contexts[Role.CLIENT], contexts[Role.SERVER])
    careful = ours if role is Role.SERVER else theirs
    if version in ALLOWED[name]:
        assert careful.ready, careful.failure
        assert link_facts(careful.connection).tls_version == version
    else:
        # That it has no suite for B.11's client is what a server of TLS 1.0 finds first.
        codes = (DicomErrorCode.TLS_PROTOCOL_VERSION, DicomErrorCode.TLS_HANDSHAKE_FAILURE)
        assert careful.failure.code in codes


@pytest.mark.parametrize("name", [B9, B10, B12, B13])
def test_the_newest_version_is_taken(both, name):
    ours, _ = connect(both.context(Role.CLIENT, name), both.context(Role.SERVER, name))
    assert link_facts(ours.connection).tls_version == "TLSv1.3"


@pytest.mark.parametrize("name", [B9, AES])
def test_old_versions_can_be_switched_off(both, name):
    old = careless_context(Role.CLIENT, both.issued[Role.CLIENT, "RSA"], SSL.TLS1_1_VERSION)
    server = both.context(Role.SERVER, name, minimum_version="TLSv1.2")
    assert connect(old, server)[1].failure.code == DicomErrorCode.TLS_PROTOCOL_VERSION


# ------------------------------------------------------------------- weak certificates


@pytest.fixture(scope="module")
def weak(both, tmp_path_factory):
    """What a CA that both ends trust has issued too weak: EE or CA key, and hash."""
    small_ca = issue("Small CA", both.root, ca=True, key=rsa_key(1024))
    curve = ec.generate_private_key(ec.SECP224R1())  # of 112 bits of strength, OpenSSL's level 2
    small_curve_ca = issue("Small curve CA", both.root, ca=True, key=curve)
    folder = tmp_path_factory.mktemp("sha1")
    return {
        "RSA 1024": issue("small", both.root, key=rsa_key(1024)),
        "RSA 1024 CA": issue("below small CA", small_ca, key=rsa_key()),
        "EC 224 CA": issue("below small curve", small_curve_ca, key=rsa_key()),
        "SHA-1": sign_with_sha1(folder, both.root),
    }


# Our sentence, and OpenSSL's where its level 2 comes first
WEAK = {
    "RSA 1024": ("1024 bits, fewer than 2048", "key is too small"),
    "RSA 1024 CA": ("1024 bits, fewer than 2048", "key of this CA is too small"),
    "EC 224 CA": ("224 bits, fewer than 256", "224 bits, fewer than 256"),
    "SHA-1": ("it is signed with SHA1", "hash that is too weak (SHA-1 or MD5)"),
}


@pytest.mark.parametrize("role", Role, ids=lambda role: role.value)
@pytest.mark.parametrize("what", WEAK)
@pytest.mark.parametrize("name", [B12, B13, B9, B10, B11])
def test_own_weak_certificates_are_refused_at_the_start(both, weak, name, what, role):
    own = credentials(weak[what], *(both.issued[role, kind] for kind in KINDS))
    with pytest.raises(TlsError, match="too weak for the profile") as caught:
        build_context(both.settings(name), own, role)
    assert caught.value.code == DicomErrorCode.CERTIFICATE_LOAD_FAILED
    assert WEAK[what][0] in caught.value.message
    assert f"profile '{name}'" in caught.value.message


@pytest.mark.parametrize("role", Role, ids=lambda role: role.value)
@pytest.mark.parametrize("what", WEAK)
@pytest.mark.parametrize("name", [B12, B13, B9, B10, B11])
def test_weak_certificates_of_peers_are_refused(both, weak, name, what, role):
    """By OpenSSL at its level 2, by our own code below."""
    careless = careless_context(role, weak[what])
    contexts = {role: careless, role.peer: both.context(role.peer, name)}
    ours, theirs = connect(contexts[Role.CLIENT], contexts[Role.SERVER])
    judge = ours if role is Role.SERVER else theirs
    assert not judge.ready
    assert judge.failure.code == DicomErrorCode.TLS_CERT_REJECTED
    assert judge.failure.verify_code == 28
    assert WEAK[what][PROFILES[name].security_level == 2] in judge.failure.message
    assert judge.failure.alert is not None


@pytest.mark.parametrize("what", ["RSA 1024", "RSA 1024 CA", "SHA-1"])
@pytest.mark.parametrize("role", Role, ids=lambda role: role.value)
def test_the_aes_profile_takes_certificates_as_old_as_its_peers(both, weak, what, role):
    if what == "SHA-1":  # an EC key: only the client can show it with a suite of static RSA
        role = Role.CLIENT
    own = build_context(both.settings(AES), credentials(weak[what]), role)
    contexts = {role: own, role.peer: both.context(role.peer, AES)}
    ours, theirs = connect(contexts[Role.CLIENT], contexts[Role.SERVER])
    assert ours.ready
    assert theirs.ready


@pytest.mark.parametrize("name", [B13, B9])
@pytest.mark.parametrize("role", Role, ids=lambda role: role.value)
def test_no_handshake_is_signed_with_sha1(both, name, role):
    """OpenSSL's level 0 would allow it."""
    careless = careless_context(role, both.issued[role, "RSA"], SSL.TLS1_2_VERSION)
    set_signature_algorithms(careless, "rsa_pkcs1_sha1")
    contexts = {role: careless, role.peer: both.context(role.peer, name)}
    ours, theirs = connect(contexts[Role.CLIENT], contexts[Role.SERVER])
    assert not (ours.ready and theirs.ready)
    both_ends = (ours.error, theirs.error)
    assert any("signature" in str(each) or "cipher" in str(each) for each in both_ends)


def test_signature_algorithms_that_openssl_does_not_know():
    with pytest.raises(TlsError, match="signature algorithms nonsense cannot be set"):
        set_signature_algorithms(SSL.Context(SSL.TLS_METHOD), "nonsense")


def test_a_release_of_the_bindings_without_them(both, monkeypatch):
    """B.13 does not go on without; the others have OpenSSL's level."""
    kept = {
        name: getattr(openssl.lib, name)
        for name in (
            "ERR_clear_error",
            "SSL_set_verify",
            "X509_STORE_CTX_get_current_cert",
            "X509_STORE_CTX_get_error",
            "X509_STORE_CTX_get_error_depth",
            "X509_STORE_CTX_set_error",
            "X509_up_ref",
        )  # which pyOpenSSL itself uses
    }
    monkeypatch.setattr(openssl, "lib", SimpleNamespace(**kept))
    with pytest.raises(TlsError, match="cannot be set, as the TLS profile needs it"):
        both.context(Role.SERVER, B13)
    ours, theirs = connect(both.context(Role.CLIENT, B12), both.context(Role.SERVER, B12))
    assert ours.ready
    assert openssl.lacks_extended_master_secret(theirs.connection) is False


# ------------------------------------------------------------------------------- groups


@pytest.mark.parametrize(
    ("name", "version"),
    [
        (name, version)
        for name in PROFILES
        for version in ("TLSv1.2", "TLSv1.3")
        if version in ALLOWED[name] and name != AES
    ],
)
def test_p256_alone_is_enough(both, name, version):
    """All that DCMTK has of what RFC 9325 section 4.2.1 wants."""
    client = careless_context(Role.CLIENT, both.issued[Role.CLIENT, "EC"], VERSIONS[version])
    client.set_cipher_list(b"ECDHE+AESGCM")
    client.set_tmp_ecdh(ec.SECP256R1())
    ours, _ = connect(client, both.context(Role.SERVER, name))
    assert ours.error is None
    assert link_facts(ours.connection).group in ("secp256r1", "prime256v1")


@pytest.mark.parametrize("name", [B9, B10, B11, B12, B13])
def test_x25519_in_tls12(both, name):
    client = both.context(Role.CLIENT, name, cipher_suites=(PROFILES[name].suites_tls12[0],))
    ours, _ = connect(client, both.context(Role.SERVER, name))
    assert link_facts(ours.connection).group == "x25519"
