"""`Scu`: C-ECHO, and what happens on the way to it."""

from __future__ import annotations

import pytest
from nets import LINKS, TLS_LINKS, Nets, free_port, short
from storage import EXPLICIT, IMPLICIT

from leaddicom import (
    DICOM_SECURE_NONE,
    STORAGE,
    AssociationError,
    DicomError,
    DicomErrorCode,
    LDicomNet,
    Limits,
    NetworkError,
    Scu,
    TlsError,
)
from scu.conftest import MakeScu, offered, requests

ECHO = "1.2.840.10008.1.1"


class TestEcho:
    @pytest.mark.parametrize("link", LINKS)
    def test_takes_some_time(self, nets: Nets, scu: MakeScu, link: str) -> None:
        with scu(nets.server(link=link), link) as client:
            assert 0 < client.echo() < 5
        facts = client.link_facts
        assert (
            facts is None if link == "plain" else facts.tls_version == link.replace("TLS ", "TLSv")
        )
        nets.wait_for("OnReceiveReleaseRequest")

    def test_offers_the_verification_sop_class(self, nets: Nets, scu: MakeScu) -> None:
        client = scu(nets.server(), called_ae_title="CALLED", calling_ae_title="CALLING")
        client.echo()
        (request,) = requests(nets)
        assert offered(request) == [(ECHO, (EXPLICIT, IMPLICIT))]
        assert (request.GetCalled(), request.GetCalling()) == ("CALLED", "CALLING")
        assert not request.IsAsyncOperations()

    def test_uses_an_association_again(self, nets: Nets, scu: MakeScu) -> None:
        client = scu(nets.server())
        client.echo()
        client.echo()
        assert len(requests(nets)) == 1

    def test_associates_anew_when_the_peer_has_ended_the_association(
        self, nets: Nets, scu: MakeScu
    ) -> None:
        server = nets.server()
        client = scu(server)
        client.echo()
        server.GetClient(0).SendAbort()
        nets.wait_for("OnClose", net=client)
        client.echo()
        assert len(requests(nets)) == 2

    def test_is_refused_without_the_sop_class(self, nets: Nets, scu: MakeScu) -> None:
        server = nets.server()
        server.supported_contexts = STORAGE
        with pytest.raises(AssociationError, match="does not accept Verification SOP Class"):
            scu(server).echo()

    def test_fails_with_the_status_of_the_peer(self, nets: Nets, scu: MakeScu) -> None:
        class Refusing(LDicomNet):
            def OnReceiveCEchoRequest(
                self, presentation_id: int, message_id: int, uid: str
            ) -> None:
                self.SendCEchoResponse(presentation_id, message_id, uid, 0x0122)

        with pytest.raises(AssociationError, match=r"answered the C-ECHO with 0122H, Refused: SOP"):
            scu(nets.server(Refusing)).echo()

    @pytest.mark.parametrize("end", ["SendAbort", "SendReleaseRequest"])
    def test_says_why_the_association_ended(self, nets: Nets, scu: MakeScu, end: str) -> None:
        class Leaving(LDicomNet):
            def OnReceiveCEchoRequest(
                self, presentation_id: int, message_id: int, uid: str
            ) -> None:
                getattr(self, end)()

        with pytest.raises(AssociationError, match=r"aborted|the peer released it"):
            scu(nets.server(Leaving)).echo()


class TestConnecting:
    def test_to_nobody(self, scu: MakeScu) -> None:
        client = scu(free_port())
        with pytest.raises(NetworkError, match="Nothing listens there") as caught:
            client.echo()
        assert caught.value.code is DicomErrorCode.NET_CONNECTION_REFUSED
        assert client.error is caught.value

    def test_under_a_wrong_title(self, nets: Nets, scu: MakeScu) -> None:
        server = nets.server()
        server.ae_title = "RIGHT"
        with pytest.raises(AssociationError, match="called AE title not recognized") as caught:
            scu(server, called_ae_title="WRONG").echo()
        assert (caught.value.result, caught.value.source, caught.value.reason) == (1, 1, 7)

    @pytest.mark.parametrize("link", TLS_LINKS)
    def test_to_a_server_of_another_ca(self, nets: Nets, scu: MakeScu, link: str) -> None:
        server = nets.server(link=link, certificate="other_ca")
        with pytest.raises(TlsError) as caught:
            scu(server, link).echo()
        assert caught.value.code is DicomErrorCode.TLS_UNABLE_TO_GET_ISSUER_CERT_LOCALLY
        assert caught.value.stage == "handshake"

    @pytest.mark.parametrize("link", TLS_LINKS)
    def test_without_a_certificate(self, nets: Nets, scu: MakeScu, link: str) -> None:
        # With TLS 1.3 the client has finished before the server misses the certificate.
        client = scu(nets.server(link=link), link, certificate=None, key=None)
        with pytest.raises(TlsError, match="certificate"):
            client.echo()

    def test_with_a_certificate_that_is_not_there(self, nets: Nets, scu: MakeScu) -> None:
        with pytest.raises(TlsError, match=r"nowhere\.pem"):
            scu(1, "TLS 1.3", certificate="nowhere.pem")

    def test_with_an_encrypted_key(self, nets: Nets, scu: MakeScu) -> None:
        locked = nets.certificate("encrypted_key")
        files = {"certificate": str(locked.certificate_file), "key": str(locked.key_file)}
        for password in (locked.password, lambda: locked.password):
            scu(nets.server(link="TLS 1.3"), "TLS 1.3", password=password, **files).echo()
        with pytest.raises(TlsError) as caught:
            scu(1, "TLS 1.3", **files)
        assert caught.value.code is DicomErrorCode.PRIVATE_KEY_LOAD_FAILED

    def test_plain_with_a_certificate(self) -> None:
        with pytest.raises(DicomError, match="DICOM_SECURE_NONE"):
            Scu("localhost", 1, mode=DICOM_SECURE_NONE, certificate="some.pem")

    def test_to_a_peer_that_does_not_answer(self, nets: Nets, scu: MakeScu) -> None:
        class Silent(LDicomNet):
            def OnReceiveCEchoRequest(
                self, presentation_id: int, message_id: int, uid: str
            ) -> None:
                pass

        with pytest.raises(NetworkError) as caught:
            scu(nets.server(Silent), limits=short(response_timeout=0.2)).echo()
        assert caught.value.code is DicomErrorCode.NET_TIME_OUT

    def test_has_limits_of_its_class_without_others(self) -> None:
        assert Scu("localhost", 1, mode=DICOM_SECURE_NONE).limits == Limits()
