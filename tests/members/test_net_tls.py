"""The TLS members of an `LDicomNet`, one by one."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from nets import TLS_LINKS, Nets, raw_listener, warnings_of
from OpenSSL import SSL

from leaddicom import (
    DICOM_SECURE_NONE,
    DICOM_SECURE_TLS,
    L_SSL_CTX_CREATE,
    AuthenticationAlgorithm,
    CertificateType,
    Ciphersuite,
    DicomError,
    DicomErrorCode,
    EncryptionAlgorithm,
    IntegrityAlgorithm,
    KeyExchangeAlgorithm,
    LDicomNet,
    ParameterError,
    SslContextFlag,
    SslMethod,
    SslOption,
    TlsError,
    TlsStatus,
    VerifyMode,
)

BEST = Ciphersuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
TLS13 = Ciphersuite.TLS_AES_128_GCM_SHA256


def ready(nets: Nets, link: str = "TLS 1.3") -> tuple[LDicomNet, LDicomNet]:
    """A listener, and a client whose link with it is ready."""
    server = nets.server(link=link)
    client = nets.client(server, link=link)
    assert nets.wait_for("OnSecureLinkReady", net=client) == (0,)
    return server, client


# -- certificate and key -----------------------------------------------------------------------


class TestSetClientCertificateTLS:
    @pytest.mark.parametrize("kind", list(CertificateType))
    def test_SetClientCertificateTLS(
        self, nets: Nets, tmp_path: Path, kind: CertificateType
    ) -> None:
        issued, der = nets.certificate("somebody"), tmp_path / "certificate.der"
        der.write_bytes(issued.certificate.public_bytes(serialization.Encoding.DER))
        file = issued.certificate_file if kind is CertificateType.PEM else der
        client = nets.make(link="TLS 1.3", certificate=None)
        client.SetClientCertificateTLS(str(file), kind, str(issued.key_file))
        server = nets.server(link="TLS 1.3")
        nets.connect(client, server)
        nets.associated(client)
        assert "somebody" in str(server.GetClient(0).peer_identity.subject)

    @pytest.mark.parametrize(
        ("certificate", "key", "code"),
        [
            ("missing.pem", "key", DicomErrorCode.CERTIFICATE_LOAD_FAILED),
            ("certificate", "missing.key", DicomErrorCode.PRIVATE_KEY_LOAD_FAILED),
            ("certificate", "other", DicomErrorCode.KEYS_MISMATCH),
        ],
    )
    def test_what_cannot_be_used_is_refused(
        self, nets: Nets, certificate: str, key: str, code: DicomErrorCode
    ) -> None:
        issued, other = nets.certificate("somebody"), nets.certificate("somebody else")
        files = {
            "certificate": str(issued.certificate_file),
            "key": str(issued.key_file),
            "other": str(other.key_file),
        }
        with pytest.raises(TlsError) as caught:
            nets.make(link="TLS 1.3").SetClientCertificateTLS(
                files.get(certificate, certificate), 1, files.get(key, key)
            )
        assert caught.value.code == code


def test_SetServerCertificateTLS(nets: Nets) -> None:
    """Set on a listener it holds for the connections that it accepts."""
    issued = nets.certificate("the server")
    server = nets.make(link="TLS 1.2", certificate=None)
    with pytest.raises(TlsError, match="server needs a certificate"):
        server.Listen("127.0.0.1", 0)
    server.SetServerCertificateTLS(str(issued.certificate_file), 1, str(issued.key_file))
    server.Listen("127.0.0.1", 0)
    client = nets.client(server, link="TLS 1.2")
    assert nets.wait_for("OnSecureLinkReady", net=client) == (0,)
    assert "the server" in str(client.peer_identity.subject)


def test_OnPrivateKeyPassword(nets: Nets) -> None:
    issued = nets.pki.issue("locked", password="secret")
    asked: list[bool] = []

    class Asking(LDicomNet):
        password: str | None = None

        def OnPrivateKeyPassword(self, encryption: bool) -> str | None:
            asked.append(encryption)
            return self.password

    net = nets.make(Asking, link="TLS 1.3", certificate=None)
    files = (str(issued.certificate_file), 1, str(issued.key_file))
    for password in (None, "wrong"):
        net.password = password
        with pytest.raises(TlsError) as caught:
            net.SetClientCertificateTLS(*files)
        assert caught.value.code == DicomErrorCode.PRIVATE_KEY_LOAD_FAILED
    net.password = "secret"
    net.SetClientCertificateTLS(*files)
    assert asked == [False] * 3


# -- cipher suites -----------------------------------------------------------------------------


@pytest.mark.parametrize("none", [Ciphersuite.NONE, None])
def test_SetCipherToIndexTLS(nets: Nets, none: int | None) -> None:
    """LEADTOOLS' way: clear the table, then fill it, best first."""
    net = nets.make(link="TLS 1.3")
    net.SetCipherToIndexTLS(0, none)
    for index in range(16):
        net.SetCipherToIndexTLS(index, BEST if index else TLS13)
    assert [net.GetCipherFromIndexTLS(each) for each in range(16)] == [TLS13, *[BEST] * 15]
    net.SetCipherToIndexTLS(0, none)
    assert {net.GetCipherFromIndexTLS(each) for each in range(16)} == {Ciphersuite.NONE}
    for index in (-1, 16):
        with pytest.raises(ParameterError) as caught:
            net.SetCipherToIndexTLS(index, BEST)
        assert caught.value.code == DicomErrorCode.RANGE
    with pytest.raises(ParameterError, match="DES"):
        net.SetCipherToIndexTLS(0, 0x12)


def test_GetCipherFromIndexTLS(nets: Nets) -> None:
    net = nets.make(link="TLS 1.3")
    assert net.GetCipherFromIndexTLS(15) is Ciphersuite.NONE
    net.SetCipherToIndexTLS(15, 0x18)
    assert net.GetCipherFromIndexTLS(15) is BEST
    with pytest.raises(ParameterError):
        net.GetCipherFromIndexTLS(16)


def test_GetCiphersuiteTLS(nets: Nets) -> None:
    assert nets.make(link="TLS 1.3").GetCiphersuiteTLS() is Ciphersuite.NONE
    _, client = ready(nets)
    assert client.GetCiphersuiteTLS() is TLS13


GETTERS: dict[str, tuple[Any, Any]] = {
    "GetEncryptionAlgorithmTLS": (EncryptionAlgorithm.AES, EncryptionAlgorithm.AES),
    "GetIntegrityAlgorithmTLS": (IntegrityAlgorithm.SHA1, IntegrityAlgorithm.AEAD),
    "GetAuthenticationAlgorithmTLS": (AuthenticationAlgorithm.RSA, AuthenticationAlgorithm.RSA),
    "GetKeyExchangeAlgorithmTLS": (
        KeyExchangeAlgorithm.RSA_SIGNED_DHE,
        KeyExchangeAlgorithm.ECDHE,
    ),
    "GetEncryptKeyLengthTLS": (256, 128),
}


@pytest.mark.parametrize("getter", GETTERS)
def test_property_of_a_suite(getter: str) -> None:
    """Of LEADTOOLS' 0x14 (DHE-RSA-AES256-SHA) and 0x18 (ECDHE-RSA-AES128-GCM-SHA256)."""
    get: Callable[[int], Any] = getattr(LDicomNet, getter)
    assert (get(0x14), get(0x18)) == GETTERS[getter]
    with pytest.raises(ParameterError):
        get(0x11)


def test_GetMutualAuthKeyLengthTLS(nets: Nets) -> None:
    net = nets.make(link="TLS 1.3", certificate=None)
    assert net.GetMutualAuthKeyLengthTLS(BEST) == 0
    issued = nets.pki.issue("with rsa", key="rsa")
    net.SetClientCertificateTLS(str(issued.certificate_file), 1, str(issued.key_file))
    assert net.GetMutualAuthKeyLengthTLS(BEST) == 2048


# -- what is -----------------------------------------------------------------------------------


def test_GetSecureMode() -> None:
    assert LDicomNet().GetSecureMode() == DICOM_SECURE_TLS
    assert LDicomNet(None, DICOM_SECURE_NONE).GetSecureMode() == DICOM_SECURE_NONE


def test_GetErrorSecure(nets: Nets) -> None:
    server = nets.server(link="TLS 1.3", certificate="other_ca")
    client = nets.make(link="TLS 1.3")
    assert client.GetErrorSecure() == 0
    nets.connect(client, server)
    (code,) = nets.wait_for("OnSecureLinkReady", net=client)
    assert code != 0
    assert client.GetErrorSecure() == code


def test_OnSecureLinkReady(nets: Nets) -> None:
    server, _ = ready(nets)
    assert nets.wait_for("OnSecureLinkReady", net=server.GetClient(0)) == (0,)
    refusing = nets.client(server, link="TLS 1.3", server_name="somebody-else.example")
    code = DicomErrorCode.TLS_CERTIFICATE_VERIFY_FAILED
    assert nets.wait_for("OnSecureLinkReady", net=refusing) == (code,)
    assert nets.wait_for("OnClose", net=refusing) == (code, refusing)


def test_GetTLSStatus(nets: Nets) -> None:
    plain = nets.client(nets.server())
    nets.wait_for("OnConnect", net=plain)
    assert plain.GetTLSStatus() is TlsStatus.NOT_CONNECTED
    with raw_listener() as (_, port):
        client = nets.make(link="TLS 1.3")
        assert client.GetTLSStatus() is TlsStatus.NOT_CONNECTED
        client.Connect(None, 0, "127.0.0.1", port)
        nets.wait_for("OnConnect", net=client)
        assert client.GetTLSStatus() is TlsStatus.CLIENT_HANDSHAKE
        client.CloseForced(True)
        assert client.GetTLSStatus() is TlsStatus.NOT_CONNECTED
    server = nets.server(link="TLS 1.3")
    with socket.create_connection(server.GetHostInfo()):
        nets.wait_for("OnAccept", net=server)
        assert server.GetClient(0).GetTLSStatus() is TlsStatus.SERVER_HANDSHAKE
    _, ready_client = ready(nets)
    assert ready_client.GetTLSStatus() is TlsStatus.CONNECTED


def test_GetIsSecureConnected(nets: Nets) -> None:
    assert not nets.make(link="TLS 1.3").GetIsSecureConnected()
    _, client = ready(nets)
    assert client.GetIsSecureConnected()
    client.CloseForced(True)
    assert not client.GetIsSecureConnected()
    assert not nets.pair()[1].GetIsSecureConnected()


@pytest.mark.parametrize("member", ["SetIsSecureConnected", "SetTLSStatus"])
def test_only_the_handshake_decides(member: str) -> None:
    with pytest.raises(DicomError, match="only the handshake decides") as caught:
        getattr(LDicomNet(), member)(True)
    assert caught.value.code == DicomErrorCode.NET_OPERATION_NOT_SUPPORTED


def test_GetOpenSslVersion() -> None:
    version = LDicomNet.GetOpenSslVersion()
    assert version.installed_version.startswith("OpenSSL ")
    assert version.required_version == "OpenSSL 3.0"
    assert (version.is_available, version.download_message) == (True, "")


# -- OnVerify ----------------------------------------------------------------------------------


class Judge(LDicomNet):
    """Notes what it is shown, and says what it was told to say."""

    verdict: Any = None

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.shown: list[tuple[int, str, int, str]] = []

    def OnVerify(self, ok: int, certificate_text: str, error: int, error_text: str) -> int:
        self.shown.append((ok, certificate_text, error, error_text))
        if isinstance(self.verdict, BaseException):
            raise self.verdict
        return ok if self.verdict is None else self.verdict


def judged(nets: Nets, link: str, verdict: Any, **server: Any) -> tuple[Judge, int]:
    """A client that judges the server's certificate, and how its handshake ended."""
    client = nets.make(Judge, link=link)
    client.verdict = verdict
    nets.connect(client, nets.server(link=link, **server), "localhost")
    return client, nets.wait_for("OnSecureLinkReady", net=client)[0]


class TestOnVerify:
    @pytest.mark.parametrize("link", TLS_LINKS)
    def test_OnVerify(self, nets: Nets, link: str) -> None:
        """Once for every certificate, from the root down, before `OnSecureLinkReady`."""
        client, code = judged(nets, link, None)
        assert code == 0
        assert [(ok, error, text) for ok, _, error, text in client.shown] == [(1, 0, "")] * 2
        root, leaf = (text for _, text, _, _ in client.shown)
        assert "Basic constraints: a CA" in root
        assert "Basic constraints: no CA" in leaf
        assert "TLS server" in leaf
        assert nets.recorder.names(client)[:3] == ["OnConnect", "OnVerify", "OnVerify"]

    @pytest.mark.parametrize("link", TLS_LINKS)
    @pytest.mark.parametrize(
        ("variant", "error", "words"),
        [("expired", 10, "it has expired"), ("self_signed", 18, "it is self-signed")],
    )
    def test_may_overrule_a_failure(
        self, nets: Nets, link: str, variant: str, error: int, words: str
    ) -> None:
        """The certificate is shown once; OpenSSL's last word on it is not shown again."""
        client, code = judged(nets, link, 1, certificate=variant)
        assert code == 0
        (failure,) = [each for each in client.shown if not each[0]]
        assert failure[2] == error
        assert failure[3].startswith(words)
        texts = [text for _, text, _, _ in client.shown]
        assert len(texts) == len(set(texts))

    @pytest.mark.parametrize("link", TLS_LINKS)
    def test_without_a_say_the_failure_stands(self, nets: Nets, link: str) -> None:
        client, code = judged(nets, link, None, certificate="expired")
        assert code == client.GetErrorSecure() != 0
        assert client.error.verify_code == 10
        assert [each[2] for each in client.shown if not each[0]] == [10]

    @pytest.mark.parametrize("link", TLS_LINKS)
    def test_may_refuse_what_is_in_order(self, nets: Nets, link: str) -> None:
        client, code = judged(nets, link, 0)
        assert code == DicomErrorCode.TLS_APPLICATION_VERIFICATION
        assert client.error.verify_code == 50

    def test_another_failure_of_the_same_certificate_is_not_allowed_unseen(
        self, nets: Nets
    ) -> None:
        """Who allows an expired certificate has not allowed another host's."""
        client = nets.make(Judge, link="TLS 1.3", server_name="somebody-else.example")
        shown = client.shown

        def only_expired(ok: int, text: str, error: int, error_text: str) -> int:
            shown.append((ok, text, error, error_text))
            return ok or error == 10

        client.OnVerify = only_expired
        nets.connect(client, nets.server(link="TLS 1.3", certificate="expired"), "localhost")
        assert nets.wait_for("OnSecureLinkReady", net=client)[0] != 0
        assert [each[2] for each in shown if not each[0]] == [10, 62]
        assert client.error.verify_code == 62

    @pytest.mark.parametrize("link", TLS_LINKS)
    @pytest.mark.parametrize("purpose", ["client_only", "no_eku"])
    def test_who_allows_another_purpose_has_not_allowed_another_host(
        self, nets: Nets, link: str, purpose: str
    ) -> None:
        client = nets.make(Judge, link=link, server_name="somebody-else.example")
        shown = client.shown

        def any_purpose(ok: int, text: str, error: int, error_text: str) -> int:
            shown.append((ok, text, error, error_text))
            return ok or error == 26

        client.OnVerify = any_purpose
        nets.connect(client, nets.server(link=link, certificate=purpose), "localhost")
        assert nets.wait_for("OnSecureLinkReady", net=client)[0] != 0
        assert [(each[2], each[3]) for each in shown if not each[0]][1:] == [
            (62, "it was not issued for this host name")
        ]
        assert client.error.verify_code == 62

    @pytest.mark.parametrize("verdict", [0, RuntimeError("deliberate")], ids=["0", "raises"])
    def test_its_verdict_counts_although_nothing_is_verified(
        self, nets: Nets, verdict: Any
    ) -> None:
        """LEADTOOLS' own default verifies nothing, so that ports may do so."""
        client = nets.make(Judge, link="TLS 1.3", verify=VerifyMode.NONE)
        client.verdict = verdict
        nets.connect(client, nets.server(link="TLS 1.3"), "localhost")
        code = nets.wait_for("OnSecureLinkReady", net=client)[0]
        assert code == DicomErrorCode.TLS_APPLICATION_VERIFICATION

    def test_with_nothing_verified_it_may_allow_everything(self, nets: Nets) -> None:
        client = nets.make(Judge, link="TLS 1.3", verify=VerifyMode.NONE)
        client.verdict = 1
        nets.connect(client, nets.server(link="TLS 1.3", certificate="self_signed"))
        assert nets.wait_for("OnSecureLinkReady", net=client) == (0,)

    def test_it_can_tell_a_certificate_by_its_fingerprint(self, nets: Nets) -> None:
        """Everything else in it may be the same in another one."""
        client, _ = judged(nets, "TLS 1.3", None)
        fingerprint = nets.certificate("good").certificate.fingerprint(hashes.SHA256()).hex()
        assert f"SHA-256: {fingerprint}" in client.shown[-1][1]

    def test_closing_inside_it_ends_the_handshake(self, nets: Nets) -> None:
        client = nets.make(Judge, link="TLS 1.3")

        def close(ok: int, *_: Any) -> int:
            client.CloseForced(True)
            return ok

        client.OnVerify = close
        nets.connect(client, nets.server(link="TLS 1.3"))
        nets.wait_for("OnClose", net=client)
        assert "OnSecureLinkReady" not in nets.recorder.names(client)

    def test_its_exception_refuses_on_this_connection_and_no_other(
        self, nets: Nets, caplog: pytest.LogCaptureFixture
    ) -> None:
        """pyOpenSSL would raise it from whichever connection fails next."""
        client, code = judged(nets, "TLS 1.3", RuntimeError("deliberate"))
        assert code == DicomErrorCode.TLS_APPLICATION_VERIFICATION
        assert "deliberate" in caplog.text
        nets.wait_for("OnClose", net=client)
        client.verdict = None
        nets.connect(client, nets.server(link="TLS 1.3"), "localhost")
        assert nets.wait_for("OnSecureLinkReady", net=client) == (0,)

    def test_on_a_server_it_belongs_to_the_accepted_object(self, nets: Nets) -> None:
        server = nets.server(Judge, link="TLS 1.3")
        client = nets.associated(nets.client(server, link="TLS 1.3"))
        accepted = server.GetClient(0)
        names = nets.recorder.names(accepted)
        assert names[:3] == ["OnVerify", "OnVerify", "OnSecureLinkReady"]
        assert client.IsAssociated()

    def test_a_server_may_overrule_too(self, nets: Nets) -> None:
        server = nets.make(Judge, link="TLS 1.2")
        server.verdict = 1
        server.Listen("127.0.0.1", 0)
        client = nets.client(server, link="TLS 1.2", certificate="other_ca")
        nets.associated(client)

    def test_the_time_it_takes_is_not_the_peers(self, nets: Nets) -> None:
        """A user who has to be asked may take longer than a handshake."""
        client = nets.make(Judge, link="TLS 1.2")  # in which the handshake goes on after it

        def slow(ok: int, *_: Any) -> int:
            deadlines = client.connection._deadlines
            clock, late = deadlines._clock, client.limits.handshake_timeout + 1
            deadlines._clock = lambda: clock() + late
            return ok

        client.OnVerify = slow
        nets.connect(client, nets.server(link="TLS 1.2"))
        assert nets.wait_for("OnSecureLinkReady", net=client) == (0,)


# -- the context -------------------------------------------------------------------------------


class TestOnCreateCTX:
    def test_OnCreateCTX(self, nets: Nets) -> None:
        """Once for a listener and all its clients, before the first connection."""
        made: list[SSL.Context] = []

        class Server(LDicomNet):
            def OnCreateCTX(self, context: SSL.Context) -> None:
                context.set_max_proto_version(SSL.TLS1_2_VERSION)
                made.append(context)

        server = nets.server(Server, link="TLS 1.2")
        clients = [nets.client(server, link="TLS 1.2") for _ in range(2)]
        for client in clients:
            assert nets.wait_for("OnSecureLinkReady", net=client) == (0,)
        assert len(made) == 1
        assert made[0] is server.GetCTX()

    @pytest.mark.parametrize("certificate", ["wrong_host", "no_eku", "self_signed"])
    def test_it_cannot_take_the_checks_away(self, nets: Nets, certificate: str) -> None:
        class Client(LDicomNet):
            def OnCreateCTX(self, context: SSL.Context) -> None:
                context.set_verify(SSL.VERIFY_NONE, lambda *_: True)

        client = nets.make(Client, link="TLS 1.3")
        nets.connect(client, nets.server(link="TLS 1.3", certificate=certificate), "localhost")
        assert nets.wait_for("OnSecureLinkReady", net=client)[0] != 0

    def test_nor_does_the_context_of_a_listener(self, nets: Nets) -> None:
        server = nets.server(link="TLS 1.2")
        server.GetCTX().set_verify(SSL.VERIFY_NONE, lambda *_: True)
        nets.client(server, link="TLS 1.2", certificate=None)
        code, _ = nets.wait_for("OnClose", net=server)
        assert code == DicomErrorCode.TLS_CERTIFICATE_VERIFY_FAILED

    def test_its_exception_reaches_the_caller(self, nets: Nets) -> None:
        class Client(LDicomNet):
            def OnCreateCTX(self, context: SSL.Context) -> None:
                raise RuntimeError("deliberate")

        client = nets.make(Client, link="TLS 1.3")
        with pytest.raises(RuntimeError, match="deliberate"):
            client.Connect(None, 0, "127.0.0.1", 1)
        assert not client.IsActivated()


def test_GetCTX(nets: Nets) -> None:
    net = nets.make(link="TLS 1.3")
    assert net.GetCTX() is None
    net.Listen("127.0.0.1", 0)
    assert isinstance(net.GetCTX(), SSL.Context)


def test_CTXSetOptions(nets: Nets) -> None:
    """LEADTOOLS' bits, by name: here, no TLS 1.2."""
    server = nets.server(link="TLS 1.2")
    client = nets.make(link="TLS 1.2")
    client.security.settings = nets.make(link="TLS 1.3").security.settings
    assert client.CTXSetOptions(SslOption.NO_TLSV1_2 | SslOption.ALL) == 0x88000BFF
    assert client.security.settings.minimum_version == "TLSv1.3"
    nets.connect(client, server)
    assert nets.wait_for("OnSecureLinkReady", net=client)[0] != 0  # nothing in common
    assert client.CTXSetOptions(SslOption.NO_SSLV3) == 0x8A000BFF  # options only add
    assert client.security.settings.minimum_version == "TLSv1.3"
    with pytest.raises(ParameterError) as caught:
        client.CTXSetOptions(0x40000000)
    assert caught.value.code == DicomErrorCode.TLS_INVALID_CTX_OPTIONS
    with pytest.raises(DicomError) as refused:
        nets.make().CTXSetOptions(0)
    assert refused.value.code == DicomErrorCode.BAD_SECURE_MODE


@pytest.mark.parametrize("method", list(SslMethod))
def test_SetSLLMethodType(method: SslMethod) -> None:
    net = LDicomNet()
    if method in (SslMethod.SSLV23, SslMethod.TLS):
        assert net.SetSLLMethodType(method) is method
        return
    with pytest.raises(ParameterError, match=f"{method.name} is broken") as caught:
        net.SetSLLMethodType(method)
    assert caught.value.code == DicomErrorCode.TLS_INVALID_CTX


def test_SetHandshakeDebug(nets: Nets, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "leaddicom.tls")
    server = nets.server(link="TLS 1.3")
    for enable in (True, False):
        caplog.clear()
        client = nets.make(link="TLS 1.3")
        client.SetHandshakeDebug(enable)
        nets.associated(nets.connect(client, server))
        steps = [each for each in caplog.messages if each.startswith("TLS handshake: ")]
        assert bool(steps) is enable


# -- L_SSL_CTX_CREATE --------------------------------------------------------------------------


class TestContextStructure:
    def test_every_field_is_taken(self, nets: Nets) -> None:
        ctx = L_SSL_CTX_CREATE(
            flags=SslContextFlag.ALL,
            method_type=SslMethod.SSLV23,
            ca_file=str(nets.pki.ca_file),
            verify_mode=VerifyMode.PEER | VerifyMode.FAIL_IF_NO_PEER_CERT,
            verify_depth=2,
            options=SslOption.NO_SSLV2 | SslOption.ALL | SslOption.NO_TLSV1_2,
        )
        net = LDicomNet(None, DICOM_SECURE_TLS, False)
        net.Initialize(None, DICOM_SECURE_TLS, ctx)
        settings = net.security.settings
        assert settings.ca_file == str(nets.pki.ca_file)
        assert settings.verify == VerifyMode.PEER | VerifyMode.FAIL_IF_NO_PEER_CERT
        assert (settings.verify_depth, settings.minimum_version) == (2, "TLSv1.3")
        assert ctx.success == DicomErrorCode.SUCCESS

    def test_a_server_and_a_client_as_leadtools_samples_make_them(self, nets: Nets) -> None:
        issued = nets.certificate("good")
        nets_made = []
        for _ in range(2):
            net = nets.make(link="TLS 1.3")
            ctx = L_SSL_CTX_CREATE(ca_file=str(nets.pki.ca_file), verify_depth=2)
            net.Initialize(None, DICOM_SECURE_TLS, ctx)
            net.SetClientCertificateTLS(str(issued.certificate_file), 1, str(issued.key_file))
            nets_made.append(net)
        server, client = nets_made
        server.Listen("127.0.0.1", 0)
        nets.associated(nets.connect(client, server))

    @pytest.mark.parametrize("flag", list(SslContextFlag)[:5])
    def test_only_flagged_fields_count(self, nets: Nets, flag: SslContextFlag) -> None:
        before = nets.make(link="TLS 1.3").security.settings
        ctx = L_SSL_CTX_CREATE(
            flag, SslMethod.TLS, str(nets.pki.ca_file), VerifyMode.NONE, 3, SslOption.NO_TLSV1_2
        )
        after = ctx.applied_to(before)
        changed = {
            name
            for name in ("ca_file", "verify", "verify_depth", "minimum_version")
            if getattr(before, name) != getattr(after, name)
        }
        expected = {
            SslContextFlag.VERIFY_DEPTH: {"verify_depth"},
            SslContextFlag.VERIFY_MODE: {"verify"},
            SslContextFlag.OPTIONS: {"minimum_version"},
        }
        assert changed == expected.get(flag, set())

    @pytest.mark.parametrize(
        ("fields", "code", "reason"),
        [
            ({"flags": 0x20}, 192, "flags is 0x20"),
            ({"method_type": SslMethod.SSLV2}, 192, "SSLV2 is broken"),
            ({"method_type": SslMethod.TLSV1}, 192, "TLSV1 is broken"),
            ({"method_type": 6}, 192, "6 is no SslMethod"),
            ({"verify_depth": -1}, 193, "verify_depth is -1"),
            ({"verify_depth": 101}, 193, "verify_depth is 101"),
            ({"verify_mode": 8}, 194, "verify_mode is 0x8"),
            ({"verify_mode": VerifyMode.FAIL_IF_NO_PEER_CERT}, 194, "no effect without PEER"),
            ({"ca_file": "missing.pem"}, 195, "missing.pem"),
            ({"options": 0x40000000}, 196, "options has the bits 0x40000000"),
        ],
    )
    def test_what_cannot_be_has_a_code_of_its_own(
        self, fields: dict[str, Any], code: int, reason: str
    ) -> None:
        """Also in `success`, where LEADTOOLS has it, and the object is as before."""
        ctx = L_SSL_CTX_CREATE(**fields)
        net = LDicomNet(None, DICOM_SECURE_TLS, False)
        before = net.security.settings
        with pytest.raises(ParameterError, match=reason) as caught:
            net.Initialize(None, DICOM_SECURE_TLS, ctx)
        assert caught.value.code == ctx.success == code
        assert net.security.settings is before
        with pytest.raises(ParameterError):
            net.Initialize(None, DICOM_SECURE_NONE, ctx)
        assert net.GetSecureMode() == DICOM_SECURE_TLS

    def test_a_ca_file_without_certificates(self, tmp_path: Path) -> None:
        (tmp_path / "ca.pem").write_text("nothing")
        ctx = L_SSL_CTX_CREATE(ca_file=str(tmp_path / "ca.pem"))
        with pytest.raises(ParameterError) as caught:
            LDicomNet(None, DICOM_SECURE_TLS, False).Initialize(None, DICOM_SECURE_TLS, ctx)
        assert caught.value.code == DicomErrorCode.TLS_INVALID_CTX_CAFILE

    def test_success_is_that_of_the_last_use(self, nets: Nets) -> None:
        ctx = L_SSL_CTX_CREATE(verify_depth=-1)
        settings = nets.make(link="TLS 1.3").security.settings
        with pytest.raises(ParameterError):
            ctx.applied_to(settings)
        ctx.verify_depth, ctx.ca_file = 1, str(nets.pki.ca_file)
        ctx.applied_to(settings)
        assert ctx.success == 0

    def test_options_that_leave_no_suite_are_refused(self, nets: Nets) -> None:
        ctx = L_SSL_CTX_CREATE(SslContextFlag.OPTIONS, options=SslOption.NO_TLSV1_2)
        with pytest.raises(ParameterError, match="No cipher suite is left") as caught:
            ctx.applied_to(nets.make(link="TLS 1.2").security.settings)
        assert caught.value.code == DicomErrorCode.TLS_INVALID_CTX_OPTIONS

    def test_verification_can_be_switched_off_and_that_is_logged(
        self, nets: Nets, caplog: pytest.LogCaptureFixture
    ) -> None:
        client = nets.make(link="TLS 1.3")
        ctx = L_SSL_CTX_CREATE(SslContextFlag.VERIFY_MODE, verify_mode=VerifyMode.NONE)
        client.Initialize(None, DICOM_SECURE_TLS, ctx)
        nets.connect(client, nets.server(link="TLS 1.3", certificate="self_signed"))
        assert nets.wait_for("OnSecureLinkReady", net=client) == (0,)
        assert "is not verified" in caplog.text
        assert not warnings_of(caplog, "to")
