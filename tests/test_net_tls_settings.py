"""The TLS settings of LDicomNet: certificate, key, password, and cipher suites."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from nets import TLS12, TLS13, Nets, associate_request

from leaddicom import (
    DICOM_SECURE_NONE,
    DICOM_SECURE_TLS,
    AuthenticationAlgorithm,
    CertificateType,
    Ciphersuite,
    DicomError,
    DicomErrorCode,
    EncryptionAlgorithm,
    IntegrityAlgorithm,
    KeyExchangeAlgorithm,
    LDicomNet,
    NetworkError,
    ParameterError,
    TlsError,
    TlsSettings,
    VerifyMode,
)
from leaddicom.testing.certificates import PASSWORD, ThrowAwayPki

Code = DicomErrorCode


# --------------------------------------------------------------------- certificate and key


class Keeper(LDicomNet):
    """Counts how often its password is asked for."""

    password: str | bytes | None = PASSWORD
    asked = 0

    def OnPrivateKeyPassword(self, encryption: bool) -> str | bytes | None:
        assert encryption is False
        self.asked += 1
        return self.password


class TestCertificate:
    def set(self, net: LDicomNet, nets: Nets, name: str, key: str | None = None) -> None:
        issued, other = nets.certificate(name), nets.certificate(key or name)
        net.SetClientCertificateTLS(str(issued.certificate_file), 1, str(other.key_file))

    @pytest.mark.parametrize("password", [PASSWORD, PASSWORD.encode()])
    def test_encrypted_key(self, nets: Nets, password: str | bytes) -> None:
        keeper = Keeper()
        keeper.password = password
        self.set(keeper, nets, "encrypted_key")
        assert keeper.asked == 1

    def test_the_password_is_not_asked_for_a_plain_key(self, nets: Nets) -> None:
        keeper = Keeper()
        self.set(keeper, nets, "good")
        assert keeper.asked == 0

    @pytest.mark.parametrize(
        ("password", "reason"),
        [
            ("wrong", "the password is wrong, or the key is damaged"),
            (b"wrong", "the password is wrong, or the key is damaged"),
            ("", "the password is empty"),
            (None, "it is encrypted and no password was given"),
        ],
    )
    def test_bad_password(self, nets: Nets, password: str | bytes | None, reason: str) -> None:
        keeper = Keeper()
        keeper.password = password
        with pytest.raises(TlsError, match=reason) as caught:
            self.set(keeper, nets, "encrypted_key")
        assert caught.value.code == Code.PRIVATE_KEY_LOAD_FAILED
        assert keeper.asked == 1
        assert "encrypted_key" in str(caught.value)

    def test_the_default_refuses(self, nets: Nets) -> None:
        with pytest.raises(TlsError, match="no password was given"):
            self.set(LDicomNet(), nets, "encrypted_key")

    def test_an_exception_of_the_password_event_reaches_the_caller(self, nets: Nets) -> None:
        class Broken(LDicomNet):
            def OnPrivateKeyPassword(self, encryption: bool) -> str:
                raise KeyError("vault")

        with pytest.raises(KeyError, match="vault"):
            self.set(Broken(), nets, "encrypted_key")

    def test_a_refused_certificate_leaves_the_one_before(self, nets: Nets) -> None:
        net = nets.make(link="TLS 1.3")
        with pytest.raises(TlsError):
            self.set(net, nets, "encrypted_key")
        net.Listen("127.0.0.1", 0)
        nets.associated(nets.client(net, link="TLS 1.3"))

    def test_both_in_one_file(self, nets: Nets, tmp_path: Path) -> None:
        good, both = nets.certificate("good"), tmp_path / "both.pem"
        both.write_bytes(good.certificate_file.read_bytes() + good.key_file.read_bytes())
        for key in (None, str(both)):
            net = LDicomNet()
            net.SetServerCertificateTLS(str(both), CertificateType.PEM, key)
            assert net.GetMutualAuthKeyLengthTLS(TLS13[0]) == 256

    def test_der(self, nets: Nets, tmp_path: Path) -> None:
        good, der = nets.certificate("good"), tmp_path / "good.der"
        der.write_bytes(good.certificate.public_bytes(serialization.Encoding.DER))
        LDicomNet().SetServerCertificateTLS(str(der), CertificateType.ASN1, str(good.key_file))
        with pytest.raises(TlsError, match="Load it as PEM"):
            LDicomNet().SetServerCertificateTLS(
                str(good.certificate_file), CertificateType.ASN1, str(good.key_file)
            )

    def test_a_certificate_type_that_is_none(self, nets: Nets) -> None:
        with pytest.raises(ParameterError, match="3 is no CertificateType"):
            LDicomNet().SetServerCertificateTLS("x.pem", 3)

    def test_a_weak_key(self, nets: Nets) -> None:
        net = nets.make(link="TLS 1.3", certificate="rsa_1024")
        with pytest.raises(TlsError, match="1024 bits, fewer than 2048") as caught:
            net.Listen("127.0.0.1", 0)
        assert caught.value.code == Code.CERTIFICATE_LOAD_FAILED

    def test_one_that_has_expired_is_told_at_once(
        self, nets: Nets, caplog: pytest.LogCaptureFixture
    ) -> None:
        self.set(LDicomNet(), nets, "expired")
        assert "has expired, and peers will refuse it" in caplog.text

    def test_needs_tls(self, nets: Nets) -> None:
        with pytest.raises(DicomError, match="only be set for DICOM_SECURE_TLS") as caught:
            self.set(LDicomNet(None, DICOM_SECURE_NONE), nets, "good")
        assert caught.value.code == Code.BAD_SECURE_MODE

    def test_a_new_one_holds_for_the_next_connection(self, nets: Nets) -> None:
        """Certificates are renewed while the server runs."""
        server = nets.server(link="TLS 1.3", certificate="old")
        nets.associated(nets.client(server, link="TLS 1.3"))
        self.set(server, nets, "new")
        second = nets.associated(nets.client(server, link="TLS 1.3"))
        assert "CN=new" in second.peer_identity.subject


class TestKeyLength:
    def test_of_an_elliptic_key(self, nets: Nets) -> None:
        issued, net = nets.certificate("good"), LDicomNet()
        net.SetClientCertificateTLS(str(issued.certificate_file), 1, str(issued.key_file))
        assert net.GetMutualAuthKeyLengthTLS(TLS13[0]) == 256

    def test_of_an_eddsa_key(self, pki: ThrowAwayPki, tmp_path: Path) -> None:
        key, root = ed25519.Ed25519PrivateKey.generate(), pki.root
        subject = root.certificate.subject
        validity = (root.certificate.not_valid_before_utc, root.certificate.not_valid_after_utc)
        certificate = x509.CertificateBuilder(
            subject, subject, key.public_key(), 1, *validity
        ).sign(root.private_key, root.certificate.signature_hash_algorithm)
        file = tmp_path / "ed25519.pem"
        file.write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        net = LDicomNet()
        net.SetClientCertificateTLS(str(file))
        assert net.GetMutualAuthKeyLengthTLS(TLS13[0]) == 256

    def test_needs_a_suite(self) -> None:
        with pytest.raises(ParameterError, match="0x99 is no cipher suite"):
            LDicomNet().GetMutualAuthKeyLengthTLS(0x99)


# ----------------------------------------------------------------------------- cipher suites


class TestTable:
    @pytest.mark.parametrize("index", [-1, 16])
    def test_ends_at_15(self, index: int) -> None:
        net = LDicomNet()
        for act in (
            lambda: net.SetCipherToIndexTLS(index, TLS12[0]),
            lambda: net.GetCipherFromIndexTLS(index),
        ):
            with pytest.raises(ParameterError, match=f"indices 0 to 15, not {index}") as caught:
                act()
            assert caught.value.code == Code.RANGE

    def test_none_at_index_0_clears_it(self) -> None:
        net = LDicomNet()
        for index in range(3):
            net.SetCipherToIndexTLS(index, TLS12[0])
        net.SetCipherToIndexTLS(2, Ciphersuite.NONE)
        assert net.GetCipherFromIndexTLS(1) is TLS12[0]
        net.SetCipherToIndexTLS(0, 0)
        assert [net.GetCipherFromIndexTLS(index) for index in range(3)] == [0, 0, 0]

    @pytest.mark.parametrize(
        ("suite", "reason"),
        [
            (Ciphersuite.TLS_DHE_RSA_WITH_DES_CBC_SHA, "single DES was removed from OpenSSL"),
            (Ciphersuite.TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA, "built without 3DES"),
            (Ciphersuite.TLS_RSA_WITH_3DES_EDE_CBC_SHA, "built without 3DES"),
            (Ciphersuite.TLS_DHE_RSA_AES256_SHA, "is not in the profile"),
            (Ciphersuite.TLS_RSA_WITH_AES_128_CBC_SHA, "is not in the profile"),
        ],
    )
    def test_dead_suites_are_refused_with_the_reason(self, suite: int, reason: str) -> None:
        net = LDicomNet()
        with pytest.raises(ParameterError, match=reason) as caught:
            net.SetCipherToIndexTLS(0, suite)
        assert caught.value.code == Code.PARAMETER
        assert "TLS_AES_128_GCM_SHA256" in str(caught.value)  # what can be used
        assert net.GetCipherFromIndexTLS(0) is Ciphersuite.NONE

    def test_a_number_that_is_no_suite(self) -> None:
        with pytest.raises(ParameterError, match="0xc02f is no cipher suite"):
            LDicomNet().SetCipherToIndexTLS(0, 0xC02F)  # IANA's number is not LEADTOOLS'

    def test_needs_tls(self) -> None:
        with pytest.raises(DicomError, match="DICOM_SECURE_NONE") as caught:
            LDicomNet(None, DICOM_SECURE_NONE).SetCipherToIndexTLS(0, TLS13[0])
        assert caught.value.code == Code.BAD_SECURE_MODE

    @pytest.mark.parametrize("best", [0, 1])
    def test_the_servers_first_common_one_is_negotiated(self, nets: Nets, best: int) -> None:
        suites = [
            Ciphersuite.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
            Ciphersuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        ]
        server = nets.make(link="TLS 1.2", cipher_suites=())
        for index, suite in enumerate([suites[best], suites[1 - best]]):
            server.SetCipherToIndexTLS(index, suite)
        server.Listen("127.0.0.1", 0)
        client = nets.associated(nets.client(server, link="TLS 1.2", cipher_suites=tuple(suites)))
        assert client.GetCiphersuiteTLS() is suites[best]
        assert server.GetClient(0).GetCiphersuiteTLS() is suites[best]
        assert server.GetClient(0).GetCipherFromIndexTLS(0) is suites[best]

    def test_cleared_it_stands_for_the_whole_profile(self, nets: Nets) -> None:
        net = nets.make(link="TLS 1.3", cipher_suites=())
        net.SetCipherToIndexTLS(0, TLS12[0])
        net.SetCipherToIndexTLS(0, Ciphersuite.NONE)
        net.Listen("127.0.0.1", 0)
        client = nets.associated(nets.client(net, link="TLS 1.3"))
        assert client.GetCiphersuiteTLS() is TLS13[0]

    def test_a_client_of_a_listener_has_a_table_of_its_own(self, nets: Nets) -> None:
        server = nets.server(link="TLS 1.3")
        client = server.CreateClient()
        client.SetCipherToIndexTLS(0, TLS12[0])
        assert server.GetCipherFromIndexTLS(0) is Ciphersuite.NONE


E_, I_, A_, K_ = (
    EncryptionAlgorithm,
    IntegrityAlgorithm,
    AuthenticationAlgorithm,
    KeyExchangeAlgorithm,
)

# LEADTOOLS' value, then encryption, its bits, integrity, authentication and key exchange.
PROPERTIES: dict[int, tuple[int, int, int, int, int]] = {
    0x12: (E_.DES, 56, I_.SHA1, A_.RSA, K_.RSA_SIGNED_DHE),
    0x13: (E_.TRIPLE_DES, 168, I_.SHA1, A_.RSA, K_.RSA_SIGNED_DHE),
    0x14: (E_.AES, 256, I_.SHA1, A_.RSA, K_.RSA_SIGNED_DHE),
    0x15: (E_.AES, 128, I_.SHA1, A_.RSA, K_.RSA),
    0x16: (E_.TRIPLE_DES, 168, I_.SHA1, A_.RSA, K_.RSA),
    0x17: (E_.AES, 128, I_.AEAD, A_.RSA, K_.RSA_SIGNED_DHE),
    0x18: (E_.AES, 128, I_.AEAD, A_.RSA, K_.ECDHE),
    0x19: (E_.AES, 256, I_.AEAD, A_.RSA, K_.RSA_SIGNED_DHE),
    0x1A: (E_.AES, 256, I_.AEAD, A_.RSA, K_.ECDHE),
    Ciphersuite.TLS_AES_128_GCM_SHA256: (E_.AES, 128, I_.AEAD, A_.CERTIFICATE, K_.TLS13_KEY_SHARE),
    Ciphersuite.TLS_AES_256_GCM_SHA384: (E_.AES, 256, I_.AEAD, A_.CERTIFICATE, K_.TLS13_KEY_SHARE),
    Ciphersuite.TLS_CHACHA20_POLY1305_SHA256: (
        E_.CHACHA20,
        256,
        I_.AEAD,
        A_.CERTIFICATE,
        K_.TLS13_KEY_SHARE,
    ),
    Ciphersuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: (E_.AES, 128, I_.AEAD, A_.ECDSA, K_.ECDHE),
    Ciphersuite.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: (
        E_.CHACHA20,
        256,
        I_.AEAD,
        A_.ECDSA,
        K_.ECDHE,
    ),
}

# The numbers of LEADTOOLS' header files.
LEADTOOLS_NUMBERS = {
    E_.DES: 1,
    E_.TRIPLE_DES: 2,
    E_.AES: 7,
    I_.SHA1: 0x10,
    A_.RSA: 0x20,
    K_.RSA_SIGNED_DHE: 0x40,
    K_.RSA: 0x41,
}

GETTERS: tuple[Callable[[int], int], ...] = (
    LDicomNet.GetEncryptionAlgorithmTLS,
    LDicomNet.GetEncryptKeyLengthTLS,
    LDicomNet.GetIntegrityAlgorithmTLS,
    LDicomNet.GetAuthenticationAlgorithmTLS,
    LDicomNet.GetKeyExchangeAlgorithmTLS,
)


class TestProperties:
    @pytest.mark.parametrize("suite", PROPERTIES, ids=lambda suite: Ciphersuite(suite).name)
    def test_of_a_suite(self, suite: int) -> None:
        assert tuple(getter(suite) for getter in GETTERS) == PROPERTIES[suite]

    def test_the_constants_have_leadtools_numbers(self) -> None:
        for constant, number in LEADTOOLS_NUMBERS.items():
            assert constant == number

    def test_none_of_ours_takes_a_number_of_leadtools(self) -> None:
        ours = {value for row in PROPERTIES.values() for value in (row[0], *row[2:])}
        assert all(value > 0xFFFF for value in ours - set(LEADTOOLS_NUMBERS))

    @pytest.mark.parametrize("getter", GETTERS)
    @pytest.mark.parametrize("number", [0, 0x11, 0x1B, 0x1301])
    def test_of_a_number_that_is_no_suite(self, getter: Callable[[int], int], number: int) -> None:
        with pytest.raises(ParameterError, match=f"{number:#x} is no cipher suite"):
            getter(number)

    def test_need_no_object_of_mode_tls(self) -> None:
        assert LDicomNet(None, DICOM_SECURE_NONE).GetEncryptKeyLengthTLS(0x1A) == 256


class TestErrorSecure:
    def test_is_0_before_anything_happened(self) -> None:
        assert LDicomNet().GetErrorSecure() == 0

    def test_is_forgotten_with_the_next_connection(self, nets: Nets) -> None:
        bad, good = nets.server(link="TLS 1.3", certificate="other_ca"), nets.server(link="TLS 1.3")
        client = nets.client(bad, link="TLS 1.3")
        nets.wait_for("OnClose", net=client)
        assert client.GetErrorSecure() == Code.TLS_UNABLE_TO_GET_ISSUER_CERT_LOCALLY
        nets.associated(nets.connect(client, good))
        assert client.GetErrorSecure() == 0

    def test_is_known_inside_the_event(self, nets: Nets) -> None:
        class Client(LDicomNet):
            def OnSecureLinkReady(self, error: int) -> None:
                self.seen = (error, self.GetErrorSecure(), str(self.error))

        client = nets.client(
            nets.server(link="TLS 1.3", certificate="expired"), Client, link="TLS 1.3"
        )
        nets.wait_for("OnClose", net=client)
        assert client.seen[0] == client.seen[1] == Code.TLS_CERT_HAS_EXPIRED
        assert "it has expired" in client.seen[2]


class TestSettings:
    def test_initialize_without_settings_keeps_them(self, nets: Nets) -> None:
        net = nets.make(link="TLS 1.3")
        before = net.security.settings
        net.Initialize(None, DICOM_SECURE_TLS)
        assert net.security.settings is before

    def test_what_is_impossible_is_refused_when_it_is_said(self) -> None:
        with pytest.raises(ParameterError, match="no effect without PEER"):
            TlsSettings(verify=VerifyMode.FAIL_IF_NO_PEER_CERT)

    def test_mode_changes_with_initialize(self, nets: Nets) -> None:
        net = nets.make()
        net.Initialize(None, DICOM_SECURE_TLS)
        with pytest.raises(TlsError, match="needs a certificate"):
            net.Listen("127.0.0.1", 0)

    def test_nothing_secret_is_sent_before_the_link_is_ready(self, nets: Nets) -> None:
        """What was queued too early never leaves if the server is not who it should be."""
        server = nets.server(link="TLS 1.3", certificate="other_ca")
        client = nets.make(link="TLS 1.3")
        released = threading.Event()
        client.OnConnect = lambda error: released.wait(5)
        nets.connect(client, server)
        client.SendAssociateRequest(associate_request())
        released.set()
        nets.wait_for("OnClose", net=client)
        _, accepted = nets.wait_for("OnClose", net=server)
        assert "OnReceiveAssociateRequest" not in nets.recorder.names(accepted)
        with pytest.raises(NetworkError):
            client.SendReleaseRequest()
