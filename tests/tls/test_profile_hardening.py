"""What no profile lets a peer do: foreign names, compression, renegotiation."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL

from leaddicom.errors import DicomErrorCode, ParameterError
from leaddicom.tls import PROFILES, Role, TlsSettings, link_facts
from leaddicom.tls.dhe import FFDHE2048
from leaddicom.tls.failures import weak_link
from leaddicom.tls.openssl import lacks_extended_master_secret, refuse_server_names

from .pairs import PEER, careless_context, connect, end_of, run
from .policy import parse_hello
from .worlds import AES, B9, B10, B11, B12, B13, TwoKinds


@pytest.fixture(scope="module")
def both(tmp_path_factory) -> TwoKinds:
    return TwoKinds(tmp_path_factory.mktemp("both"))


def stranger(both, version=None, **options):
    """Make a client of OpenSSL's, with a certificate and without our settings."""
    context = careless_context(Role.CLIENT, both.issued[Role.CLIENT, "RSA"], version)
    if options.get("alpn"):
        context.set_alpn_protos(options["alpn"])
    if options.get("dhe"):
        context.set_cipher_list(b"DHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0")
        context.set_tmp_ecdh(ec.SECP256R1())
    return context


# ------------------------------------------------------------------------- server names

NAMES = ("pacs.example", "Bücher.Example")


def ask(both, name: str | None, names=NAMES, version=None):
    client = end_of(stranger(both, version), Role.CLIENT)
    if name is not None:
        client.connection.set_tlsext_host_name(name.encode("latin-1"))
    server = end_of(both.context(Role.SERVER, B12, server_names=names), Role.SERVER)
    run(client, server)
    return client, server


@pytest.mark.parametrize("name", [None, "pacs.example", "PACS.Example", "xn--bcher-kva.example"])
def test_known_names_and_none_are_served(both, name):
    client, server = ask(both, name)
    assert client.ready
    assert server.ready


@pytest.mark.parametrize("version", [SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION])
@pytest.mark.parametrize(
    ("name", "shown"),
    [("wrong.example", "wrong.example"), ("pacs", "pacs"), ("b\xfccher.\x1b", r"b.*cher.\x1b")],
)
def test_an_unknown_name_gets_the_alert(both, capfd, name, shown, version):
    client, server = ask(both, name, version=version)
    assert server.failure.code == DicomErrorCode.TLS_HANDSHAKE_FAILURE
    assert server.failure.alert == 112
    assert "a server name (SNI) that is none of ours (it asks for " in server.failure.message
    assert "\x1b" not in server.failure.message
    assert client.failure.alert == 112
    assert client.failure.stage == "handshake"
    assert capfd.readouterr() == ("", "")


def test_without_a_list_every_name_is_served(both):
    assert ask(both, "wrong.example", names=())[1].ready


@pytest.mark.parametrize("address", ["192.0.2.1", "::1", "", "a..b"])
def test_names_that_nobody_can_ask_for(address):
    with pytest.raises(ParameterError, match="is no DNS name"):
        TlsSettings(server_names=("pacs.example", address))


def test_one_clients_wrong_name_does_not_disturb_another(both):
    context = both.context(Role.SERVER, B12, server_names=NAMES)
    bystander = end_of(context, Role.SERVER)
    good = end_of(stranger(both), Role.CLIENT)
    offender = end_of(stranger(both), Role.CLIENT)
    offender.connection.set_tlsext_host_name(b"wrong.example")
    good.step()
    bystander.give(good.take()[:40])
    bystander.step()
    refused = end_of(context, Role.SERVER)
    run(offender, refused)
    assert refused.failure.alert == 112
    bystander.step()
    assert bystander.error is None
    again = end_of(stranger(both), Role.CLIENT), end_of(context, Role.SERVER)
    run(*again)
    assert again[1].ready


def test_a_check_that_fails_refuses_and_is_logged(both, caplog):
    context = careless_context(Role.SERVER, both.issued[Role.SERVER, "RSA"])

    def broken(connection):
        raise RuntimeError("oops")

    refuse_server_names(context, broken)
    client, _ = connect(stranger(both), context)
    assert client.failure.alert == 112
    assert "oops" in caplog.text


# --------------------------------------------------------------------------------- ALPN


@pytest.mark.parametrize("name", PROFILES)
def test_other_protocols_get_the_alert_under_every_profile(both, name):
    client, server = connect(stranger(both, alpn=[b"h2"]), both.context(Role.SERVER, name))
    assert server.failure.alert == 120
    assert client.failure.alert == 120


@pytest.mark.parametrize("name", PROFILES)
def test_dicom_is_agreed_on_under_every_profile(both, name):
    client, _ = connect(both.context(Role.CLIENT, name), both.context(Role.SERVER, name))
    assert link_facts(client.connection).alpn == "dicom"


# ------------------------------------------------------------------------ server's order


@pytest.mark.parametrize(
    ("name", "tls13"),
    [(name, tls13) for name in (B12, B13, B9, B10) for tls13 in (True, False)] + [(B11, False)],
)
def test_the_server_takes_its_own_order(both, name, tls13):
    suites = [each for each in PROFILES[name].suites if each.tls13 is tls13]
    backwards = tuple(each.constant for each in reversed(suites))
    client = both.context(Role.CLIENT, name, cipher_suites=backwards)
    ours, _ = connect(client, both.context(Role.SERVER, name))
    assert link_facts(ours.connection).suite is suites[0]


# -------------------------------------------------------------------------- compression


def _hello_with_compression(hello: bytes) -> bytes:
    """Have a ClientHello offer DEFLATE (RFC 3749) before no compression."""
    at = 5 + 4 + 2 + 32
    at += 1 + hello[at]
    at += 2 + int.from_bytes(hello[at : at + 2], "big")
    assert hello[at : at + 2] == b"\x01\x00"
    body = hello[9:at] + b"\x02\x01\x00" + hello[at + 2 :]
    message = hello[5:6] + len(body).to_bytes(3, "big") + body
    return hello[:3] + len(message).to_bytes(2, "big") + message


@pytest.mark.parametrize("name", [B9, B10, B11, B12, B13])
def test_offered_compression_is_not_taken(both, name):
    client = end_of(stranger(both, SSL.TLS1_2_VERSION), Role.CLIENT)
    server = end_of(both.context(Role.SERVER, name), Role.SERVER)
    client.step()
    server.give(_hello_with_compression(client.take()))
    server.step()
    assert server.error is None
    answer = server.take()
    at = 5 + 4 + 2 + 32
    at += 1 + answer[at] + 2
    assert answer[5] == 2  # ServerHello
    assert answer[at] == 0


# ------------------------------------------------------------------------ renegotiation


@pytest.mark.parametrize("role", Role, ids=lambda role: role.value)
@pytest.mark.parametrize("name", PROFILES)
def test_a_peer_that_renegotiates_is_told_no(both, name, role):
    peer_role = role.peer
    careless = careless_context(peer_role, both.issued[peer_role, "RSA"], SSL.TLS1_2_VERSION)
    contexts = {role: both.context(role, name), peer_role: careless}
    client, server = connect(contexts[Role.CLIENT], contexts[Role.SERVER])
    ours, theirs = (client, server) if role is Role.CLIENT else (server, client)
    assert ours.ready
    assert theirs.ready

    assert theirs.connection.renegotiate()
    theirs.ready = False
    theirs.step()
    ours.give(theirs.take())
    ours.step()

    assert ours.error is None
    assert ours.record.alert_sent == 100  # no_renegotiation (RFC 5246 section 7.2.2)
    assert ours.connection.total_renegotiations() == 0
    ours.connection.send(b"still here")


# -------------------------------------------------------------- extended master secret

NO_EXTENDED_MASTER_SECRET = 1  # OpenSSL's SSL_OP_NO_EXTENDED_MASTER_SECRET, bit 0


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("without", [False, True])
def test_tls12_without_extended_master_secret_is_refused_by_the_live_profiles(both, name, without):
    context = stranger(both, SSL.TLS1_2_VERSION)
    if without:
        context.set_options(NO_EXTENDED_MASTER_SECRET)
    _, server = connect(context, both.context(Role.SERVER, name))
    assert server.ready
    assert lacks_extended_master_secret(server.connection) is without
    error = weak_link(server.connection, name, role=Role.SERVER, peer=PEER)
    if not without or name in (AES, B9, B10, B11):
        assert error is None
        return
    assert error.code == DicomErrorCode.TLS_HANDSHAKE_FAILURE
    assert error.stage == "handshake"
    assert f"without extended_master_secret (RFC 7627), which the profile '{name}'" in error.message


def test_tls13_needs_no_such_extension(both):
    _, server = connect(stranger(both, SSL.TLS1_3_VERSION), both.context(Role.SERVER, B12))
    assert weak_link(server.connection, B12, role=Role.SERVER, peer=PEER) is None


# ---------------------------------------------------------------------------------- DHE


@pytest.mark.parametrize("name", [B10, B11])
def test_clients_that_name_no_group_get_the_one_of_rfc_7919(both, name):
    """Old ones know nothing of it, and name none."""
    client = end_of(stranger(both, SSL.TLS1_2_VERSION, dhe=True), Role.CLIENT)
    server = end_of(both.context(Role.SERVER, name), Role.SERVER)
    client.step()
    hello = client.take()
    assert 10 not in parse_hello(hello)[2]  # supported_groups
    server.give(hello)
    server.step()
    assert server.error is None
    der = base64.b64decode(b"".join(FFDHE2048.splitlines()[1:-1]))
    modulus = der[9 : 9 + 256]
    assert modulus[:8] == modulus[-8:] == b"\xff" * 8
    assert b"\x01\x00" + modulus in server.take()  # in its ServerKeyExchange
