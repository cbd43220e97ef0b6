"""LDicomNet over TLS: every way to fail, as both ends tell it."""

from __future__ import annotations

import socket
import ssl
import struct
import warnings
from contextlib import suppress

import pytest
from nets import TLS_LINKS, Nets, associate_request, raw_listener, warnings_of
from OpenSSL import SSL, crypto

from leaddicom import (
    Ciphersuite,
    DicomError,
    DicomErrorCode,
    LDicomNet,
    NetworkError,
    TlsError,
    VerifyMode,
)
from leaddicom.testing.peers import tls_context

Code = DicomErrorCode


def fails(
    nets: Nets, server: LDicomNet, client: LDicomNet, host: str = "127.0.0.1"
) -> tuple[LDicomNet, LDicomNet]:
    """Have a client connect and ask for an association in vain; wait for the end of both."""
    nets.connect(client, server, host)
    with suppress(NetworkError):  # it may have failed already
        client.SendAssociateRequest(associate_request())
    nets.wait_for("OnClose", net=client)
    _, accepted = nets.wait_for("OnClose", net=server)
    return accepted, client


def codes_of(nets: Nets, net: LDicomNet) -> dict[str, int]:
    """The error that each event of the end of a link got."""
    return {
        event.name: event.arguments[0]
        for event in nets.recorder.events
        if event.net is net and event.name in ("OnConnect", "OnSecureLinkReady", "OnClose")
    }


def check_end(nets: Nets, net: LDicomNet, code: int, *words: str) -> None:
    """Check what an end tells about a failure: events, words, and both agreeing."""
    codes = codes_of(nets, net)
    assert codes["OnClose"] == code
    assert codes.get("OnSecureLinkReady", 0) in (0, code)
    assert isinstance(net.error, DicomError)
    assert net.error.code == code
    for word in words:
        assert word in str(net.error)
    assert any(host in str(net.error) for host in (net.connection.peer, "for 127.0.0.1"))


def check_log(caplog: pytest.LogCaptureFixture, accepted: LDicomNet) -> None:
    """Check that the server has logged its error once, with the address of the client."""
    (text,) = warnings_of(caplog, "from")
    assert f"127.0.0.1:{accepted.GetPeerInfo()[1]}" in text
    assert str(accepted.error) in text


class TestTheClientRefusesTheServer:
    @pytest.mark.parametrize("link", TLS_LINKS)
    @pytest.mark.parametrize(
        ("certificate", "code", "words", "alert", "server_words"),
        [
            (
                "other_ca",
                Code.TLS_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
                "not among the trusted",
                48,
                "does not trust the CA",
            ),
            (
                "self_signed",
                Code.TLS_DEPTH_ZERO_SELF_SIGNED_CERT,
                "self-signed",
                48,
                "does not trust the CA",
            ),
            ("expired", Code.TLS_CERT_HAS_EXPIRED, "it has expired", 45, "as expired"),
            (
                "client_only",
                Code.TLS_INVALID_PURPOSE,
                "does not allow serverAuth",
                43,
                "purpose of our certificate",
            ),
            (
                "not_yet_valid",
                Code.TLS_CERT_NOT_YET_VALID,
                "it is not yet valid",
                42,
                "refused our certificate as bad",
            ),
        ],
    )
    def test_certificate(
        self,
        nets: Nets,
        caplog: pytest.LogCaptureFixture,
        link: str,
        certificate: str,
        code: int,
        words: str,
        alert: int,
        server_words: str,
    ) -> None:
        server = nets.server(link=link, certificate=certificate)
        caplog.clear()
        accepted, client = fails(nets, server, nets.make(link=link))
        check_end(nets, client, code, words)
        assert codes_of(nets, client)["OnSecureLinkReady"] == code
        assert client.GetErrorSecure() == code
        check_end(nets, accepted, accepted.GetErrorSecure(), server_words)
        assert isinstance(accepted.error, TlsError)
        assert accepted.error.alert == alert
        check_log(caplog, accepted)

    @pytest.mark.parametrize("link", TLS_LINKS)
    def test_host_name(self, nets: Nets, caplog: pytest.LogCaptureFixture, link: str) -> None:
        """The certificate is good, but for another host."""
        server = nets.server(link=link, certificate="wrong_host")
        accepted, client = fails(nets, server, nets.make(link=link))
        code, words = Code.TLS_CERTIFICATE_VERIFY_FAILED, "for 127.0.0.1, but for DNS name wrong."
        check_end(nets, client, code, words)
        assert codes_of(nets, client)["OnSecureLinkReady"] == code
        assert isinstance(client.error, TlsError)
        assert client.error.stage == "host name"
        assert not client.IsAssociated()
        check_end(nets, accepted, Code.TLS_BAD_CERTIFICATE, "or wrong name")
        assert codes_of(nets, accepted)["OnSecureLinkReady"] == Code.TLS_BAD_CERTIFICATE
        check_log(caplog, accepted)
        assert "OnReceiveAssociateRequest" not in nets.recorder.names(accepted)

    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
    def test_another_name_may_be_asked_for(self, nets: Nets, host: str) -> None:
        server = nets.server(link="TLS 1.3", certificate="wrong_host")
        client = nets.make(link="TLS 1.3", server_name="wrong.example")
        nets.associated(nets.connect(client, server, host))

    def test_the_name_need_not_be_checked(self, nets: Nets) -> None:
        server = nets.server(link="TLS 1.3", certificate="wrong_host")
        nets.associated(nets.client(server, link="TLS 1.3", check_host_name=False))

    @pytest.mark.parametrize("certificate", ["other_ca", "expired", "wrong_host"])
    def test_nothing_is_refused_if_nothing_is_verified(
        self, nets: Nets, caplog: pytest.LogCaptureFixture, certificate: str
    ) -> None:
        """VerifyMode.NONE: LEADTOOLS' default, and ours only on demand, with a warning."""
        server = nets.server(link="TLS 1.3", certificate=certificate)
        caplog.clear()
        client = nets.client(
            server, link="TLS 1.3", verify=VerifyMode.NONE, check_host_name=False, ca_file=None
        )
        nets.associated(client)
        assert "not verified (verification mode NONE)" in caplog.text


class TestTheServerRefusesTheClient:
    @pytest.mark.parametrize("link", TLS_LINKS)
    @pytest.mark.parametrize(
        ("certificate", "code", "alert", "words", "server_code", "server_words"),
        [
            (
                "other_ca",
                Code.TLS_UNKNOWN_CA,
                48,
                "does not trust the CA of our certificate",
                Code.TLS_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
                "the CA that issued it is not among the trusted ones",
            ),
            (
                "expired",
                Code.TLS_CERTIFICATE_EXPIRED,
                45,
                "refused our certificate, or a revocation list, as expired",
                Code.TLS_CERT_HAS_EXPIRED,
                "it has expired",
            ),
            (
                "server_only",
                Code.TLS_UNSUPPORTED_CERTIFICATE,
                43,
                "clientAuth for a client",
                Code.TLS_INVALID_PURPOSE,
                "does not allow clientAuth",
            ),
        ],
    )
    def test_certificate(
        self,
        nets: Nets,
        caplog: pytest.LogCaptureFixture,
        link: str,
        certificate: str,
        code: int,
        alert: int,
        words: str,
        server_code: int,
        server_words: str,
    ) -> None:
        server, client = nets.server(link=link), nets.make(link=link, certificate=certificate)
        caplog.clear()
        accepted, client = fails(nets, server, client)
        check_end(nets, client, code, words, f"alert {alert}")
        check_end(nets, accepted, server_code, server_words)
        assert codes_of(nets, accepted)["OnSecureLinkReady"] == server_code
        # A client of TLS 1.3 has finished before the server judges (RFC 8446 section 4.4.2.4).
        expected = 0 if link == "TLS 1.3" else code
        assert codes_of(nets, client)["OnSecureLinkReady"] == expected
        assert isinstance(client.error, TlsError)
        assert client.error.stage == "handshake"
        assert client.error.certificate is not None
        check_log(caplog, accepted)

    @pytest.mark.parametrize("link", TLS_LINKS)
    def test_without_a_certificate(
        self, nets: Nets, caplog: pytest.LogCaptureFixture, link: str
    ) -> None:
        server = nets.server(link=link)
        accepted, client = fails(nets, server, nets.make(link=link, certificate=None))
        check_end(nets, client, Code.TLS_HANDSHAKE_FAILURE, "certificate", "Set a certificate")
        words = ("it showed no certificate, and one is required", "Give the client a certificate")
        check_end(nets, accepted, Code.TLS_CERTIFICATE_VERIFY_FAILED, *words)
        check_log(caplog, accepted)

    @pytest.mark.parametrize("certificate", ["other_ca", None])
    @pytest.mark.parametrize("sends", ["at once", "when ready", "never"])
    def test_the_reason_wins_every_race(
        self, nets: Nets, certificate: str | None, sends: str
    ) -> None:
        """With TLS 1.3 the refusal races with what the client sends meanwhile."""

        class Eager(LDicomNet):
            def OnSecureLinkReady(self, error: int) -> None:
                if error == 0 and sends == "when ready":
                    self.SendAssociateRequest(associate_request())

        server = nets.server(link="TLS 1.3")
        reason = Code.TLS_UNKNOWN_CA if certificate else Code.TLS_HANDSHAKE_FAILURE
        for _ in range(20):
            client = nets.client(server, Eager, link="TLS 1.3", certificate=certificate)
            if sends == "at once":
                with suppress(NetworkError):  # it may have been refused already
                    client.SendAssociateRequest(associate_request())
            assert nets.wait_for("OnClose", net=client)[0] == reason
            assert isinstance(client.error, TlsError)
            assert client.error.alert == (48 if certificate else 116)


class TestWhatAnErrorCarries:
    @pytest.mark.parametrize("link", TLS_LINKS)
    @pytest.mark.parametrize("certificate", ["expired", "wrong_host"])
    def test_peer_and_advice(self, nets: Nets, link: str, certificate: str) -> None:
        server = nets.server(link=link, certificate=certificate)
        accepted, client = fails(nets, server, nets.make(link=link))
        for net in (accepted, client):
            assert isinstance(net.error, TlsError)
            assert net.error.peer == "{}:{}".format(*net.GetPeerInfo())
            assert net.error.advice
            assert net.error.message.endswith(net.error.advice)

    @pytest.mark.parametrize("link", TLS_LINKS)
    def test_whom_a_server_trusts_if_it_says_so(self, nets: Nets, link: str) -> None:
        root = crypto.X509.from_cryptography(nets.pki.root.certificate)

        class Telling(LDicomNet):
            def OnCreateCTX(self, context: SSL.Context) -> None:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", DeprecationWarning)
                    context.add_client_ca(root)

        server = nets.server(Telling, link=link)
        client = nets.client(server, link=link, certificate="other_ca")
        client.SendAssociateRequest(associate_request())
        nets.wait_for("OnClose", net=client)
        assert isinstance(client.error, TlsError)
        assert client.error.code == Code.TLS_UNKNOWN_CA
        name = nets.pki.root.certificate.subject.rfc4514_string()
        assert f" It trusts: {name}. {client.error.advice}" in client.error.message


class TestNothingInCommon:
    def test_no_version(self, nets: Nets, caplog: pytest.LogCaptureFixture) -> None:
        server = nets.server(link="TLS 1.3")
        accepted, client = fails(nets, server, nets.make(link="TLS 1.2"))
        check_end(nets, client, Code.TLS_PROTOCOL_VERSION, "alert 70")
        check_end(nets, accepted, Code.TLS_PROTOCOL_VERSION, "no TLS version in common")
        check_log(caplog, accepted)

    def test_no_suite(self, nets: Nets, caplog: pytest.LogCaptureFixture) -> None:
        server = nets.server(link="TLS 1.2")
        suites = (Ciphersuite.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,)
        accepted, client = fails(nets, server, nets.make(link="TLS 1.2", cipher_suites=suites))
        check_end(nets, client, Code.TLS_HANDSHAKE_FAILURE, "alert 40")
        check_end(nets, accepted, Code.TLS_HANDSHAKE_FAILURE, "no cipher suite in common")
        check_log(caplog, accepted)

    def test_no_application_protocol(self, nets: Nets, caplog: pytest.LogCaptureFixture) -> None:
        server, good = nets.server(link="TLS 1.3"), nets.certificate("good")
        files = {"certificate_file": good.certificate_file, "key_file": good.key_file}
        context = tls_context(server=False, ca_file=nets.pki.ca_file, **files)
        context.set_alpn_protocols(["h2"])
        with (
            socket.create_connection(server.GetHostInfo()) as caller,
            pytest.raises(ssl.SSLError, match=r"(?i)no.application.protocol"),
        ):
            context.wrap_socket(caller, server_hostname="localhost")
        _, accepted = nets.wait_for("OnClose", net=server)
        words = "the client asks for another application protocol (ALPN) than 'dicom'"
        check_end(nets, accepted, Code.TLS_HANDSHAKE_FAILURE, words, "h2")
        check_log(caplog, accepted)


class TestMixUps:
    """The two classic ones, named as such on both sides."""

    @pytest.mark.parametrize(
        ("linger", "code"),
        [(False, Code.NET_CONNECTION_ABORTED), (True, Code.NET_CONNECTION_RESET)],
    )
    def test_plain_on_the_tls_port_of_others(self, nets: Nets, linger: bool, code: int) -> None:
        """They close without a word; what that often means is said."""
        with raw_listener() as (listening, port):
            client = nets.make()
            client.Connect(None, 0, "127.0.0.1", port)
            client.SendAssociateRequest(associate_request())
            caller, _ = listening.accept()
            caller.settimeout(5)
            caller.recv(5 if linger else 65536)  # unread bytes make it a reset
            caller.close()
            nets.wait_for("OnClose")
        check_end(nets, client, code, "It may expect TLS: turn TLS on here")

    @pytest.mark.parametrize(
        ("first", "protocol"),
        [
            (b"GET / HTTP/1.1\r\n\r\n", "HTTP"),
            (b"SSH-2.0-OpenSSH_9.6\r\n", "SSH"),
            (b"\x00\x01\x02\x03nonsense", "bytes that are not TLS (00 01 02 03)"),
        ],
    )
    def test_something_else_on_a_tls_port(
        self, nets: Nets, caplog: pytest.LogCaptureFixture, first: bytes, protocol: str
    ) -> None:
        server = nets.server(link="TLS 1.3")
        with socket.create_connection(server.GetHostInfo()) as caller:
            caller.sendall(first)
            caller.shutdown(socket.SHUT_WR)
            _, accepted = nets.wait_for("OnClose", net=server)
        check_end(nets, accepted, Code.BAD_SECURE_MODE, f"it sent {protocol}")
        check_log(caplog, accepted)


class TestBrokenHandshakes:
    def test_the_server_closes_in_the_middle(self, nets: Nets) -> None:
        with raw_listener() as (listening, port):
            client = nets.make(link="TLS 1.3")
            client.Connect(None, 0, "127.0.0.1", port)
            caller, _ = listening.accept()
            caller.settimeout(5)
            caller.recv(65536)
            caller.shutdown(socket.SHUT_RDWR)
            caller.close()
            nets.wait_for("OnClose")
        words = "this port does not speak TLS (plain DICOM), or the server refused us"
        check_end(nets, client, Code.NET_CONNECTION_ABORTED, words)

    def test_the_client_resets_in_the_middle(
        self, nets: Nets, caplog: pytest.LogCaptureFixture
    ) -> None:
        server = nets.server(link="TLS 1.3")
        caller = socket.create_connection(server.GetHostInfo())
        caller.sendall(b"\x16\x03\x01\x02\x00\x01")  # the beginning of a ClientHello
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        nets.wait_for("OnAccept")
        caller.close()
        _, accepted = nets.wait_for("OnClose", net=server)
        check_end(nets, accepted, Code.NET_CONNECTION_RESET, "ECONNRESET")
        check_log(caplog, accepted)


class TestBadEnds:
    @pytest.mark.parametrize("link", TLS_LINKS)
    def test_the_peer_aborts(self, nets: Nets, caplog: pytest.LogCaptureFixture, link: str) -> None:
        accepted, client = nets.pair(link=link)
        client.SendAbort(2, 6)
        assert nets.wait_for("OnReceiveAbort", net=accepted) == (2, 6)
        nets.wait_for("OnClose", net=accepted)
        check_end(nets, accepted, Code.NET_CONNECTION_ABORTED, "invalid PDU parameter value")
        check_log(caplog, accepted)
        assert accepted.GetErrorSecure() == 0

    @pytest.mark.parametrize("link", TLS_LINKS)
    def test_the_peer_vanishes(
        self, nets: Nets, caplog: pytest.LogCaptureFixture, link: str
    ) -> None:
        accepted, client = nets.pair(link=link)
        client.connection._socket.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        client.CloseForced(True)
        nets.wait_for("OnClose", net=accepted)
        check_end(nets, accepted, Code.NET_CONNECTION_RESET, "ECONNRESET")
        check_log(caplog, accepted)

    @pytest.mark.parametrize("link", TLS_LINKS)
    def test_the_peer_cuts_the_line(
        self, nets: Nets, caplog: pytest.LogCaptureFixture, link: str
    ) -> None:
        """The end of TCP without close_notify, as anybody on the way can bring it about."""
        accepted, client = nets.pair(link=link)
        client.connection._socket.shutdown(socket.SHUT_WR)
        nets.wait_for("OnClose", net=accepted)
        words = "closed the connection without releasing the association"
        check_end(nets, accepted, Code.NET_CONNECTION_ABORTED, words)
        check_log(caplog, accepted)

    @pytest.mark.parametrize("link", TLS_LINKS)
    def test_the_association_is_rejected(self, nets: Nets, link: str) -> None:
        class Named(LDicomNet):
            ae_title = "ARCHIVE"

        client = nets.client(nets.server(Named, link=link), link=link)
        client.SendAssociateRequest(associate_request(called="WRONG"))
        assert nets.wait_for("OnReceiveAssociateReject") == (1, 1, 7)
        nets.wait_for("OnClose", net=client)
        check_end(nets, client, Code.NET_CONNECTION_REFUSED, "called AE title not recognized")
        assert client.GetErrorSecure() == 0
