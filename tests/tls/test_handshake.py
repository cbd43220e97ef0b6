"""Handshakes between two ends that agree, and what is known of the link afterwards."""

from __future__ import annotations

import logging

import pytest
from OpenSSL import SSL

from leaddicom.enums import VerifyMode
from leaddicom.errors import DicomErrorCode
from leaddicom.tls import Ciphersuite, Role, build_context, link_facts, peer_identity

from .certificates import CLIENT_AUTH, issue, rsa_key
from .pairs import careless_context, connect, credentials, end_of, run

TLS12 = (
    Ciphersuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    Ciphersuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
)
TLS13 = (Ciphersuite.TLS_AES_256_GCM_SHA384,)


def both(world, **changes):
    return world.context(Role.CLIENT, **changes), world.context(Role.SERVER, **changes)


@pytest.mark.parametrize(
    ("suites", "version", "expected"),
    [
        ((), "TLSv1.3", Ciphersuite.TLS_AES_128_GCM_SHA256),
        (TLS12, "TLSv1.2", Ciphersuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256),
        (TLS13, "TLSv1.3", Ciphersuite.TLS_AES_256_GCM_SHA384),
    ],
)
def test_mutual_authentication(world, suites, version, expected):
    client, server = connect(*both(world, cipher_suites=suites), host="pacs.example")

    assert client.ready
    assert server.ready
    for end in (client, server):
        facts = link_facts(end.connection)
        assert facts.tls_version == version
        assert facts.suite is not None
        assert facts.suite.constant is expected
        assert facts.cipher_name == facts.suite.openssl_name
        assert facts.group
        assert "25519" in facts.group
        assert facts.alpn == "dicom"
        assert facts.session_reused is False
        assert end.record.failure is None
        assert end.record.alert_sent is None
    assert peer_identity(server.connection).subject == "CN=client"
    identity = peer_identity(client.connection)
    assert identity.subject == "CN=server"
    assert identity.issuer == "CN=Test Intermediate CA"
    assert identity.dns_names == ("pacs.example",)
    assert identity.ip_addresses == ("127.0.0.1",)
    assert [each.subject for each in identity.chain] == [
        each.certificate.subject for each in (world.server, world.intermediate, world.root)
    ]
    assert server.connection.get_servername() == b"pacs.example"


def test_data_flows_after_the_handshake(world):
    client, server = connect(*both(world))
    client.connection.send(b"A-ASSOCIATE-RQ")
    run(client, server)
    assert server.received == [b"A-ASSOCIATE-RQ"]


def test_the_server_prefers_its_own_order(world):
    first, second = Ciphersuite.TLS_AES_256_GCM_SHA384, Ciphersuite.TLS_AES_128_GCM_SHA256
    client = world.context(Role.CLIENT, cipher_suites=(second, first))
    server = world.context(Role.SERVER, cipher_suites=(first, second))
    assert link_facts(connect(client, server)[0].connection).suite.constant is first


def test_an_rsa_server_certificate(world, rsa_server):
    context = build_context(
        world.settings(cipher_suites=TLS12), credentials(rsa_server), Role.SERVER
    )
    client, _ = connect(world.context(Role.CLIENT), context)
    assert link_facts(client.connection).suite.constant is TLS12[0]


@pytest.fixture(scope="module")
def rsa_server(world):
    return issue("rsa", world.root, key=rsa_key())


@pytest.mark.parametrize("host", ["192.0.2.1", "::1", "fe80::1%eth0", "not a name " * 30, None])
def test_only_dns_names_are_sent_as_sni(world, host):
    client = end_of(world.context(Role.CLIENT), Role.CLIENT, host=host)
    server = end_of(world.context(Role.SERVER), Role.SERVER)
    run(client, server)
    assert server.ready
    assert server.connection.get_servername() is None


def test_sni_is_written_as_dns_writes_it(world):
    client = end_of(world.context(Role.CLIENT), Role.CLIENT, host="Bücher.Example.")
    server = end_of(world.context(Role.SERVER), Role.SERVER)
    run(client, server)
    assert server.connection.get_servername() == b"xn--bcher-kva.example"


# ------------------------------------------------------------------------------ ALPN


def offering(world, *protocols):
    context = careless_context(Role.CLIENT, world.client)
    if protocols:
        context.set_alpn_protos(list(protocols))
    return context


def test_a_client_without_alpn_is_accepted(world):
    _, server = connect(offering(world), world.context(Role.SERVER))
    assert server.ready
    assert link_facts(server.connection).alpn is None


def test_dicom_is_selected_among_others(world):
    _, server = connect(offering(world, b"h2", b"dicom"), world.context(Role.SERVER))
    assert link_facts(server.connection).alpn == "dicom"


def test_a_client_that_offers_no_dicom_gets_the_alert(world):
    client, server = connect(offering(world, b"h2", b"http/1.1\n"), world.context(Role.SERVER))
    assert not server.ready
    assert server.failure.code == DicomErrorCode.TLS_HANDSHAKE_FAILURE
    assert server.failure.alert == 120
    assert "(it offers h2, http/1.1\\n)" in server.failure.message
    assert client.failure.alert == 120
    assert "application protocol" in client.failure.message


def test_one_clients_wrong_alpn_does_not_disturb_another(world, monkeypatch):
    """pyOpenSSL raises what a callback raised from whichever connection comes next.

    The bystander comes in between the offender's callback and its return to Python, where
    another thread may get its turn.
    """
    context = world.context(Role.SERVER)
    bystander = end_of(context, Role.SERVER)
    offender = end_of(context, Role.SERVER)
    hello = end_of(offering(world, b"h2"), Role.CLIENT)
    hello.step()
    offender.give(hello.take())
    original = SSL.Connection._raise_ssl_error

    def interrupted(connection, ssl, result):
        if connection is offender.connection:
            bystander.step()
        original(connection, ssl, result)

    monkeypatch.setattr(SSL.Connection, "_raise_ssl_error", interrupted)
    offender.step()
    assert offender.error is not None
    assert bystander.error is None


# ------------------------------------------------------------------- what is asked


def test_an_optional_client_certificate(world):
    server = world.context(Role.SERVER, verify=VerifyMode.PEER)
    client = build_context(world.settings(), (), Role.CLIENT)
    _, end = connect(client, server)
    assert end.ready
    assert peer_identity(end.connection) is None
    assert link_facts(end.connection).session_reused is False


def test_verify_none_on_a_server_asks_for_no_certificate(world, caplog):
    server = world.context(Role.SERVER, verify=VerifyMode.NONE, ca_file=None)
    assert "not verified" in caplog.text
    assert caplog.records[0].levelno == logging.WARNING
    _, end = connect(world.context(Role.CLIENT), server)
    assert end.ready
    assert peer_identity(end.connection) is None


def test_verify_none_on_a_client_notes_what_was_wrong_and_goes_on(world):
    expired = issue("elsewhere", issue("Other CA", ca=True))
    client = world.context(Role.CLIENT, verify=VerifyMode.NONE)
    end, _ = connect(client, careless_context(Role.SERVER, expired))
    assert end.ready
    assert end.record.failure.name == "UNABLE_TO_GET_ISSUER_CERT_LOCALLY"
    assert [each.subject for each in peer_identity(end.connection).chain] == [
        expired.certificate.subject
    ]


# ---------------------------------------------------------------------- resumption


@pytest.mark.parametrize("version", [SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION])
def test_a_server_resumes_no_session(world, version):
    server = world.context(Role.SERVER)
    client = careless_context(Role.CLIENT, world.client, version)
    client.set_session_cache_mode(SSL.SESS_CACHE_CLIENT)
    first, first_server = connect(client, server)
    assert first_server.ready
    session = first.connection.get_session()

    again = end_of(client, Role.CLIENT)
    again.connection.set_session(session)
    end = end_of(server, Role.SERVER)
    run(again, end)

    assert end.ready
    assert end.record.checked
    assert link_facts(end.connection).session_reused is False


def test_no_renegotiation_no_old_version(world):
    client = careless_context(Role.CLIENT, world.client, SSL.TLS1_1_VERSION)
    end, server = connect(client, world.context(Role.SERVER))
    assert server.failure.code == DicomErrorCode.TLS_PROTOCOL_VERSION
    assert "no TLS version in common" in server.failure.message
    assert end.failure.code == DicomErrorCode.TLS_PROTOCOL_VERSION
    assert end.failure.alert == 70


def test_no_common_suite(world):
    client = careless_context(Role.CLIENT, world.client, SSL.TLS1_2_VERSION)
    server = world.context(Role.SERVER, cipher_suites=TLS12[:1])  # the certificate is EC
    end, other = connect(client, server)
    assert other.failure.code == DicomErrorCode.TLS_HANDSHAKE_FAILURE
    assert "no cipher suite in common" in other.failure.message
    assert end.failure.alert == 40


# ------------------------------------------------------------------------ on_verify


def test_on_verify_sees_every_certificate_from_the_root_down(world):
    seen = []

    def on_verify(ok, certificate, code, cause):
        seen.append((ok, certificate.subject.rfc4514_string(), code))
        return ok

    client, _ = connect(*both(world), on_verify=on_verify)
    assert client.ready
    assert seen == [
        (True, "CN=Test Root CA", 0),
        (True, "CN=Test Intermediate CA", 0),
        (True, "CN=server", 0),
    ]


def test_on_verify_may_overrule_a_failure(world):
    stranger = careless_context(Role.SERVER, issue("stranger", issue("Other CA", ca=True)))
    codes = []

    def on_verify(ok, certificate, code, cause):
        codes.append(code)
        return True

    client, _ = connect(world.context(Role.CLIENT), stranger, on_verify=on_verify)
    assert client.ready
    assert client.record.failure is None
    assert 20 in codes


def test_on_verify_may_overrule_the_purpose(world):
    """OpenSSL's check comes first, ours when the chain is complete."""
    stranger = issue("client only", world.root, usages=(CLIENT_AUTH,))
    failures = []

    def on_verify(ok, certificate, code, cause):
        if not ok:
            failures.append(code)
        return True

    client, _ = connect(
        world.context(Role.CLIENT), careless_context(Role.SERVER, stranger), on_verify=on_verify
    )
    assert client.ready
    assert failures == [26]  # which is the same, and asked once


def test_on_verify_sees_every_weakness(world, monkeypatch):
    """Who allows a weak key has not allowed a weak hash."""
    for name, cause in (("weak_key", "a weak key"), ("weak_signature", "a weak hash")):
        monkeypatch.setattr(f"leaddicom.tls.verification.{name}", lambda *_, cause=cause: cause)
    causes = []

    def on_verify(ok, certificate, code, cause):
        causes.append(cause)
        return cause == "a weak key"

    client, _ = connect(*both(world), on_verify=on_verify)
    assert not client.ready
    assert causes == ["a weak key", "a weak hash"]
    assert "a weak hash" in client.failure.message


def test_on_verify_may_refuse_what_is_fine(world):
    client, _ = connect(*both(world), on_verify=lambda ok, certificate, code, cause: False)
    assert client.failure.code == DicomErrorCode.TLS_APPLICATION_VERIFICATION
    assert client.failure.verify_code == 50
    assert "the application refused it" in client.failure.message


def test_an_exception_in_on_verify_refuses_and_is_logged(world, caplog):
    def on_verify(ok, certificate, code, cause):
        raise RuntimeError("oops")

    client, _ = connect(*both(world), on_verify=on_verify)
    assert client.failure.verify_code == 50
    assert "oops" in caplog.text


def test_a_connection_that_was_not_prepared_is_still_verified(world):
    stranger = end_of(
        careless_context(Role.SERVER, issue("stranger", issue("Other CA", ca=True))), Role.SERVER
    )
    client = end_of(world.context(Role.CLIENT), Role.CLIENT)
    client.connection.set_app_data(None)
    run(client, stranger)
    assert client.error is not None
    assert client.failure.code == DicomErrorCode.TLS_CERTIFICATE_VERIFY_FAILED
