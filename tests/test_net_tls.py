"""LDicomNet over TLS: what has to be there, the order of events, and what is known then."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest
from nets import ECHO_CLASS, TLS12, TLS13, TLS_LINKS, Nets

from leaddicom import Ciphersuite, DicomErrorCode, LDicomNet, TlsError, VerifyMode

Code = DicomErrorCode


# ----------------------------------------------------------------------- what must be there


class TestWhatIsMissing:
    def test_a_server_needs_a_certificate(self, nets: Nets) -> None:
        server = nets.make(link="TLS 1.3", certificate=None)
        with pytest.raises(TlsError, match="A TLS server needs a certificate") as caught:
            server.Listen("127.0.0.1", 0)
        assert caught.value.code == Code.CERTIFICATE_LOAD_FAILED
        assert not server.IsActivated()

    def test_who_verifies_needs_trusted_cas(self, nets: Nets) -> None:
        for act in (
            lambda net: net.Listen("127.0.0.1", 0),
            lambda net: net.Connect(None, 0, "127.0.0.1", 104),
        ):
            net = nets.make(link="TLS 1.3", ca_file=None)
            with pytest.raises(TlsError, match="Set the CA file") as caught:
                act(net)
            assert caught.value.code == Code.CERTIFICATE_LOAD_FAILED
            assert not net.IsActivated()

    def test_an_object_without_any_settings_does_not_connect(self) -> None:
        with pytest.raises(TlsError, match="Set the CA file"):
            LDicomNet().Connect(None, 0, "127.0.0.1", 104)

    def test_a_ca_file_that_is_not_there(self, nets: Nets, tmp_path: Path) -> None:
        client = nets.make(link="TLS 1.3", ca_file=str(tmp_path / "no.pem"))
        with pytest.raises(TlsError, match=r"no\.pem cannot be used: No such file"):
            client.Connect(None, 0, "127.0.0.1", 104)

    def test_after_a_refusal_it_may_be_set_and_tried_again(self, nets: Nets) -> None:
        server = nets.make(link="TLS 1.3", certificate=None)
        with pytest.raises(TlsError):
            server.Listen("127.0.0.1", 0)
        good = nets.certificate("good")
        server.SetServerCertificateTLS(str(good.certificate_file), 1, str(good.key_file))
        server.Listen("127.0.0.1", 0)
        nets.associated(nets.client(server, link="TLS 1.3"))

    def test_a_plain_listener_may_accept_tls_objects(self, nets: Nets) -> None:
        """LEADTOOLS' samples: the listener is a socket, what it accepts is secured."""

        class Listener(LDicomNet):
            def OnAccept(self, error: int) -> None:
                self.Accept(nets.make(link="TLS 1.3"))

        server = nets.server(Listener)
        client = nets.associated(nets.client(server, link="TLS 1.3"))
        assert server.GetClient(0).link_facts == client.link_facts

    def test_accepting_without_a_certificate_closes_the_caller(
        self, nets: Nets, caplog: pytest.LogCaptureFixture
    ) -> None:
        class Listener(LDicomNet):
            def OnAccept(self, error: int) -> None:
                self.Accept(nets.make(link="TLS 1.3", certificate=None))

        client = nets.client(nets.server(Listener), link="TLS 1.3")
        assert nets.wait_for("OnSecureLinkReady", net=client)[0] != 0
        (exception,) = nets.recorder.exceptions
        assert "A TLS server needs a certificate" in str(exception)


# -------------------------------------------------------------------------------- it works


class TestOrder:
    @pytest.mark.parametrize("link", TLS_LINKS)
    def test_of_one_association(self, nets: Nets, link: str) -> None:
        accepted, client = nets.pair(link=link)
        client.SendCEchoRequest(1, 1, ECHO_CLASS)
        nets.wait_for("OnReceiveCEchoResponse")
        client.SendReleaseRequest()
        server = accepted.GetServer()
        assert nets.wait_for("OnClose", net=client) == (0, client)
        assert nets.wait_for("OnClose", net=accepted) == (0, accepted)
        assert nets.wait_for("OnClose", net=server) == (0, accepted)
        assert nets.recorder.names(client) == [
            "OnConnect",
            "OnSecureLinkReady",
            "OnReceiveAssociateAccept",
            "OnReceiveCEchoResponse",
            "OnReceiveReleaseResponse",
            "OnClose",
        ]
        assert nets.recorder.names(accepted) == [
            "OnSecureLinkReady",
            "OnReceiveAssociateRequest",
            "OnReceiveCEchoRequest",
            "OnReceiveReleaseRequest",
            "OnClose",
        ]
        assert nets.recorder.names(server) == ["OnAccept", "OnClose"]

    def test_the_link_is_not_ready_when_tcp_is(self, nets: Nets) -> None:
        class Client(LDicomNet):
            def OnConnect(self, error: int) -> None:
                self.early = (error, self.link_facts, self.GetCiphersuiteTLS())

            def OnSecureLinkReady(self, error: int) -> None:
                self.ready = (error, self.link_facts, self.peer_identity)

        server = nets.server(link="TLS 1.3")
        client = nets.associated(nets.client(server, Client, link="TLS 1.3"))
        assert client.early == (0, None, Ciphersuite.NONE)
        error, facts, identity = client.ready
        assert error == 0
        assert facts is not None
        assert identity is not None

    def test_there_is_no_secure_link_without_tls(self, nets: Nets) -> None:
        accepted, client = nets.pair()
        for net in (accepted, client):
            assert "OnSecureLinkReady" not in nets.recorder.names(net)
            assert net.link_facts is None
            assert net.peer_identity is None
            assert net.GetCiphersuiteTLS() is Ciphersuite.NONE


class TestLinkFacts:
    @pytest.mark.parametrize(
        ("link", "version", "suite"),
        [("TLS 1.2", "TLSv1.2", TLS12[0]), ("TLS 1.3", "TLSv1.3", TLS13[0])],
    )
    def test_of_both_ends(self, nets: Nets, link: str, version: str, suite: int) -> None:
        accepted, client = nets.pair(link=link)
        assert accepted.link_facts == client.link_facts
        facts = client.link_facts
        assert facts.tls_version == version
        assert facts.alpn == "dicom"
        assert not facts.session_reused
        assert facts.group
        for net in (accepted, client):
            assert net.GetCiphersuiteTLS() is suite
            assert net.GetErrorSecure() == 0

    def test_who_the_peer_is(self, nets: Nets) -> None:
        server = nets.server(link="TLS 1.3", certificate="archive")
        client = nets.associated(nets.client(server, link="TLS 1.3", certificate="modality"))
        seen_by_client, seen_by_server = client.peer_identity, server.GetClient(0).peer_identity
        assert "CN=archive" in seen_by_client.subject
        assert "CN=modality" in seen_by_server.subject

    def test_a_client_without_a_certificate_if_the_server_allows_it(self, nets: Nets) -> None:
        server = nets.server(link="TLS 1.3", verify=VerifyMode.PEER)
        nets.associated(nets.client(server, link="TLS 1.3", certificate=None))
        assert server.GetClient(0).peer_identity is None


class TestOtherTlsClients:
    """Python's own TLS as the peer."""

    def context(self, nets: Nets, version: ssl.TLSVersion) -> ssl.SSLContext:
        good = nets.certificate("good")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = context.maximum_version = version
        context.load_verify_locations(nets.pki.ca_file)
        context.load_cert_chain(good.certificate_file, good.key_file)
        return context

    @pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
    def test_connects(self, nets: Nets, version: ssl.TLSVersion) -> None:
        server = nets.server(link=f"TLS {version.name[-3:].replace('_', '.')}")
        with (
            socket.create_connection(server.GetHostInfo()) as caller,
            self.context(nets, version).wrap_socket(caller, server_hostname="localhost"),
        ):
            while not (clients := server.GetClientCount()):
                pass
            assert clients == 1
            accepted = server.GetClient(0)
            assert nets.wait_for("OnSecureLinkReady", net=accepted) == (0,)
        assert accepted.link_facts.alpn is None
