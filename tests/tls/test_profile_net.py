"""The profiles as applications use them: LDicomNet, its certificates, and LEADTOOLS' settings."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from typing import Any

import pytest
from nets import Nets, warnings_of
from OpenSSL import SSL

from leaddicom import (
    DICOM_SECURE_NONE,
    DICOM_SECURE_TLS,
    L_SSL_CTX_CREATE,
    Ciphersuite,
    DicomError,
    DicomErrorCode,
    LDicomNet,
    ParameterError,
    SslOption,
    TlsError,
)
from leaddicom.tls import PROFILES, AuthenticationAlgorithm

from .worlds import AES, B9, B12, B13

Show = Callable[..., LDicomNet]
TLS13 = Ciphersuite.TLS_AES_128_GCM_SHA256


@pytest.fixture
def show(nets: Nets) -> Show:
    """Makes an object with a profile and certificates of some kinds, the first one set first."""

    def make(profile: str, *kinds: str, **settings: Any) -> LDicomNet:
        net = nets.make(
            link="TLS 1.3", certificate=None, cipher_suites=(), profile=profile, **settings
        )
        for number, kind in enumerate(kinds):
            add = net.add_certificate if number else net.SetServerCertificateTLS
            add(*files(nets, kind))
        return net

    return make


def files(nets: Nets, kind: str) -> tuple[str, int, str]:
    key: Any = kind.lower()
    issued = nets.pki.issue(f"of-kind-{kind}", key=key)
    return str(issued.certificate_file), 1, str(issued.key_file)


def listening(net: LDicomNet) -> LDicomNet:
    net.Listen("127.0.0.1", 0)
    return net


# ------------------------------------------------------------------ certificates of two kinds


@pytest.mark.parametrize("suite", PROFILES[B13].suites, ids=lambda suite: suite.iana_name)
def test_a_server_with_both_kinds_serves_all_of_b13(nets: Nets, show: Show, suite: Any) -> None:
    server = listening(show(B13, "RSA", "EC"))
    client = show(B13, "EC")
    client.SetCipherToIndexTLS(0, suite.constant)
    nets.associated(nets.connect(client, server))
    assert client.GetCiphersuiteTLS() is suite.constant
    if suite.authentication is AuthenticationAlgorithm.RSA:
        assert client.peer_identity.subject.startswith("CN=of-kind-RSA,")
    else:
        assert client.peer_identity.subject.startswith("CN=of-kind-EC,")
    assert server.GetClient(0).peer_identity.subject.startswith("CN=of-kind-EC,")


@pytest.mark.parametrize(("kind", "other"), [("RSA", "EC"), ("EC", "RSA")])
def test_a_server_with_one_kind_is_no_server_of_b13(
    nets: Nets, show: Show, kind: str, other: str
) -> None:
    server = show(B13, kind)
    with pytest.raises(TlsError, match=f"has an {kind} key. Add one with an {other} key"):
        server.Listen("127.0.0.1", 0)
    server.add_certificate(*files(nets, other))
    nets.associated(nets.connect(show(B13, kind), listening(server)))


def test_another_one_of_the_same_kind_is_refused(nets: Nets, show: Show) -> None:
    net = show(B12, "EC")
    before = net.security.credentials
    with pytest.raises(ParameterError, match="a certificate with an EC key already"):
        net.add_certificate(*files(nets, "EC"))
    assert net.security.credentials == before


def test_setting_one_replaces_all(nets: Nets, show: Show) -> None:
    net = show(B12, "EC", "RSA")
    net.SetServerCertificateTLS(*files(nets, "RSA"))
    assert [each.key_bits for each in net.security.credentials] == [2048]


def test_the_first_one_may_be_added_too(nets: Nets, show: Show) -> None:
    server = show(B12)
    server.add_certificate(*files(nets, "EC"))
    nets.associated(nets.connect(show(B12, "RSA"), listening(server)))


def test_an_added_one_holds_for_the_next_connection(nets: Nets, show: Show) -> None:
    server = listening(show(B12, "RSA"))
    nets.associated(nets.connect(show(B12, "EC"), server))
    server.add_certificate(*files(nets, "EC"))
    client = show(B12, "EC")
    client.SetCipherToIndexTLS(0, Ciphersuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256)
    nets.associated(nets.connect(client, server))
    assert client.peer_identity.subject.startswith("CN=of-kind-EC,")


def test_accepted_connections_share_them(nets: Nets, show: Show) -> None:
    server = listening(show(B13, "RSA", "EC"))
    nets.associated(nets.connect(show(B13, "EC"), server))
    assert server.GetClient(0).security.credentials == server.security.credentials


def test_needs_tls(nets: Nets) -> None:
    with pytest.raises(DicomError, match="only be set for DICOM_SECURE_TLS"):
        LDicomNet(None, DICOM_SECURE_NONE).add_certificate(*files(nets, "EC"))


def test_the_key_length_is_that_of_the_kind_that_the_suite_shows(show: Show) -> None:
    both = show(B12, "RSA", "EC")
    assert both.GetMutualAuthKeyLengthTLS(TLS13) == 2048  # the first one
    ecdsa = Ciphersuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
    rsa_suite = Ciphersuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
    assert both.GetMutualAuthKeyLengthTLS(ecdsa) == 256
    assert both.GetMutualAuthKeyLengthTLS(rsa_suite) == 2048
    assert show(B12, "EC").GetMutualAuthKeyLengthTLS(rsa_suite) == 256


# ------------------------------------------------------------------------- each profile


@pytest.mark.parametrize("name", PROFILES)
def test_an_association_under_each_profile(
    nets: Nets, show: Show, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "leaddicom")
    server = listening(show(name, "RSA", "EC"))
    for _ in range(2):
        nets.associated(nets.connect(show(name, "RSA"), server))
    expected = PROFILES[name].suites[0].constant
    assert server.GetClient(0).GetCiphersuiteTLS() is expected
    warnings = [each for each in caplog.messages if "is retired, since" in each]
    # one context of the server's, and one of each client's
    assert len(warnings) == (3 if PROFILES[name].is_retired else 0)


@pytest.mark.parametrize("name", PROFILES)
def test_the_table_takes_the_suites_of_the_profile_only(show: Show, name: str) -> None:
    net = show(name)
    ours = {each.constant for each in PROFILES[name].suites}
    for index, each in enumerate(sorted(ours)):
        net.SetCipherToIndexTLS(index, each)
        assert net.GetCipherFromIndexTLS(index) is each
    for each in {one.constant for other in PROFILES.values() for one in other.suites} - ours:
        with pytest.raises(ParameterError, match=f"is not in the profile '{name}'"):
            net.SetCipherToIndexTLS(0, each)


@pytest.mark.parametrize("name", PROFILES)
def test_leadtools_structure_keeps_the_profile(nets: Nets, show: Show, name: str) -> None:
    server = show(name, "RSA", "EC")
    ctx = L_SSL_CTX_CREATE(
        ca_file=str(nets.pki.ca_file), verify_depth=3, options=SslOption.NO_TLSV1
    )
    server.Initialize(None, DICOM_SECURE_TLS, ctx)
    settings = server.security.settings
    assert (settings.profile, settings.verify_depth) == (name, 3)
    assert settings.minimum_version == "TLSv1.2"
    nets.associated(nets.connect(show(name, "RSA"), listening(server)))


def test_leadtools_options_switch_old_versions_off(show: Show, nets: Nets) -> None:
    client = show(B9, "RSA")
    client.CTXSetOptions(SslOption.ALL)
    assert client.security.settings.minimum_version is None
    client.CTXSetOptions(SslOption.NO_TLSV1_1)
    assert client.security.settings.minimum_version == "TLSv1.2"
    client.CTXSetOptions(SslOption.NO_TLSV1_2)
    assert client.security.settings.minimum_version == "TLSv1.3"


def test_weak_certificates_are_judged_by_the_profile_that_is_used(nets: Nets, show: Show) -> None:
    weak = nets.pki.issue("weak", key="rsa", key_size=1024)
    server = show(AES)
    server.SetServerCertificateTLS(str(weak.certificate_file), 1, str(weak.key_file))
    nets.associated(nets.connect(show(AES, "RSA"), listening(server)))

    for name in (B12, B13):
        refused = show(name)
        refused.SetServerCertificateTLS(str(weak.certificate_file), 1, str(weak.key_file))
        with pytest.raises(TlsError, match="1024 bits, fewer than 2048"):
            refused.Connect(None, 0, "127.0.0.1", server.GetHostInfo()[1])


# --------------------------------------------------------------- what the server refuses


def raw_client(
    net: LDicomNet, own: tuple[str, int, str], *, options: int = 0, name: bytes = b""
) -> bytes:
    """Have a TLS 1.2 client without scruples shake hands; give what comes after that."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_max_proto_version(SSL.TLS1_2_VERSION)
    context.set_cipher_list(b"ECDHE+AESGCM:@SECLEVEL=0")
    context.set_options(options)
    context.use_certificate_file(own[0])
    context.use_privatekey_file(own[2])
    with socket.create_connection(("127.0.0.1", net.GetHostInfo()[1]), 5) as sock:
        connection = SSL.Connection(context, sock)
        sock.settimeout(None)
        if name:
            connection.set_tlsext_host_name(name)
        connection.set_connect_state()
        connection.do_handshake()
        try:
            return connection.recv(10)
        except (SSL.ZeroReturnError, SSL.SysCallError):
            return b""


def test_tls12_without_extended_master_secret(
    nets: Nets, show: Show, caplog: pytest.LogCaptureFixture
) -> None:
    server = listening(show(B12, "EC"))
    assert raw_client(server, files(nets, "EC"), options=1) == b""
    (error,) = nets.recorder.wait_for("OnSecureLinkReady")
    assert error == DicomErrorCode.TLS_HANDSHAKE_FAILURE
    nets.wait_for("OnClose")
    (warning,) = warnings_of(caplog, "from")
    assert "TLS 1.2 is without extended_master_secret (RFC 7627)" in warning


def test_an_unknown_server_name(
    nets: Nets, show: Show, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    server = listening(show(B12, "EC", server_names=("localhost",)))
    with pytest.raises(SSL.Error, match="unrecognized name"):
        raw_client(server, files(nets, "EC"), name=b"wrong.example")
    nets.wait_for("OnClose")
    (warning,) = warnings_of(caplog, "from")
    assert "a server name (SNI) that is none of ours (it asks for wrong.example)" in warning
    assert "Traceback" not in "".join(capfd.readouterr())
    nets.associated(nets.connect(show(B12, "EC"), server, "localhost"))
    nets.associated(nets.connect(show(B12, "EC"), server, "127.0.0.1"))  # asks for none


def test_a_weak_key_of_a_peer_under_b13(
    nets: Nets, show: Show, caplog: pytest.LogCaptureFixture
) -> None:
    """OpenSSL lets it pass there."""
    server = listening(show(B13, "RSA", "EC"))
    weak = nets.pki.issue("weak", key="rsa", key_size=1024)
    with pytest.raises(SSL.Error, match="alert"):
        raw_client(server, (str(weak.certificate_file), 1, str(weak.key_file)))
    nets.wait_for("OnClose")
    (warning,) = warnings_of(caplog, "from")
    assert "its RSA key has 1024 bits, fewer than 2048" in warning
