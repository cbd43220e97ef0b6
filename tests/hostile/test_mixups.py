"""The wrong protocol on the port, handshakes that fail, and callers that only knock."""

from __future__ import annotations

import logging
import re
import select
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress

import pytest

from leaddicom import DicomErrorCode, NetworkError, TlsError
from leaddicom.enums import PduType
from leaddicom.testing.peers import Script, ScriptedPeer, Wire, client_hello, tls_context
from leaddicom.tls import Role
from leaddicom.transport.stream import TlsStream, WantRead

from .conftest import dicom_threads
from .nets import LONG, Links, Server

C = DicomErrorCode
HTTP = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture
def warnings(caplog) -> Callable[[], list[str]]:
    """What the package has logged at WARNING or above."""
    caplog.set_level(logging.DEBUG, logger="leaddicom")
    return lambda: [
        record.getMessage()
        for record in caplog.records
        if record.levelno >= logging.WARNING and record.name.startswith("leaddicom")
    ]


# -- the wrong protocol ------------------------------------------------------------------------


class TestAPlainClientAndATlsServer:
    def test_both_ends_say_so(self, plain: Links, tls: Links) -> None:
        server, client = tls.server(), plain.client()
        client.Connect(None, 0, *server.GetHostInfo())
        client.associate()
        code, text, _ = server.end()
        assert code == C.BAD_SECURE_MODE
        assert "does not speak TLS; it sent a DICOM association request. Turn TLS on" in text
        code, text, _ = client.end()
        assert code == C.BAD_SECURE_MODE
        assert "speaks TLS (it sent a TLS alert), but this connection is without TLS" in text
        tls.good_association(server)


class TestATlsClientAndAPlainServer:
    def test_both_ends_say_so(self, plain: Links, tls: Links) -> None:
        server, client = plain.server(), tls.client()
        client.Connect(None, 0, *server.GetHostInfo())
        with suppress(NetworkError):  # the handshake may have failed already
            client.associate()
        code, text, _ = server.end()
        assert code == C.BAD_SECURE_MODE
        assert "speaks TLS (it sent a TLS handshake), but this connection is without TLS" in text
        code, text, _ = client.end()
        assert code == C.BAD_SECURE_MODE
        # An answer that comes at once is eaten by OpenSSL before anybody sees it.
        assert re.search(
            "the server does not speak TLS; it sent "
            "(a DICOM abort|something else, perhaps DICOM without TLS)"
            r"\. Ask for the server's TLS port \(usually 2762\)",
            text,
        )
        assert client.secured.get(timeout=LONG)[0] == C.BAD_SECURE_MODE
        plain.good_association(server)

    def test_only_one_answer_goes_out(self, plain: Links) -> None:
        server = plain.server()
        with ScriptedPeer(Script().send(client_hello() * 3).until_end()) as peer:
            peer.connect(server.GetHostInfo())
            assert [pdu.type for pdu in peer.wait()] == [PduType.ABORT]
        assert server.end().code == C.BAD_SECURE_MODE

    def test_a_plain_scp_of_others_that_says_nothing(self, tls: Links) -> None:
        with ScriptedPeer(Script(secure=False).do(lambda wire: None)) as peer:
            client = tls.client()
            client.Connect(None, 0, *peer.listen())
            assert client.secured.get(timeout=LONG)[0] != 0
        end = client.end()
        assert end.code in (C.NET_CONNECTION_ABORTED, C.NET_CONNECTION_RESET)
        assert (
            "Either this port does not speak TLS (plain DICOM), or the server refused" in end.text
        )


class TestHttp:
    def test_on_a_plain_port(self, plain: Links) -> None:
        server = plain.server()
        with ScriptedPeer(Script().send(HTTP).expect(PduType.ABORT).until_end()) as peer:
            peer.connect(server.GetHostInfo())
            peer.wait()
        code, text, _ = server.end()
        assert code == C.PDU_TYPE
        assert "unknown type 47H. It looks like HTTP; this is DICOM." in text

    def test_on_a_tls_port(self, tls: Links) -> None:
        server = tls.server()
        wire = Wire.connect(server.GetHostInfo())
        wire.send(HTTP)
        code, text, _ = server.end()
        wire.close()
        assert code == C.BAD_SECURE_MODE
        assert "does not speak TLS; it sent HTTP" in text

    def test_a_web_server_where_our_client_connects(self, links: Links) -> None:
        answer = b"HTTP/1.1 400 Bad Request\r\n\r\n"
        script = Script(secure=False).do(lambda wire: wire.receive(1)).send(answer).until_end()
        with ScriptedPeer(script) as peer:
            client = links.client()
            client.Connect(None, 0, *peer.listen())
            with suppress(NetworkError):  # the handshake may have failed already
                client.associate()
            code, text, _ = client.end()
        if links.is_secure:
            assert code == C.BAD_SECURE_MODE
            # An answer that comes at once is eaten by OpenSSL before anybody sees it.
            assert re.search("does not speak TLS; it sent (HTTP|something else)", text)
        else:
            assert code == C.PDU_TYPE
            assert "unknown type 48H. It looks like HTTP" in text


# -- handshakes that fail (N2) -----------------------------------------------------------------


def no_certificate(pki) -> ssl.SSLContext:
    return tls_context(server=False)


def of_variant(name: str) -> Callable[..., ssl.SSLContext]:
    def make(pki) -> ssl.SSLContext:
        issued = pki.variant(name)
        return tls_context(
            server=False, certificate_file=issued.certificate_file, key_file=issued.key_file
        )

    return make


def no_common_suite(pki) -> ssl.SSLContext:
    context = no_certificate(pki)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AES256-SHA256")
    return context


def other_alpn(pki) -> ssl.SSLContext:
    context = no_certificate(pki)
    context.set_alpn_protocols(["http/1.1"])
    return context


@pytest.mark.parametrize(
    ("make_context", "code", "reason"),
    [
        pytest.param(
            no_certificate, C.TLS_CERTIFICATE_VERIFY_FAILED, "showed no certificate", id="none"
        ),
        pytest.param(
            of_variant("other_ca"),
            C.TLS_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
            "certificate.* was refused",
            id="CA",
        ),
        pytest.param(
            of_variant("expired"), C.TLS_CERT_HAS_EXPIRED, "was refused.*expired", id="expired"
        ),
        pytest.param(
            of_variant("server_only"),
            None,
            "was refused.*(purpose|clientAuth)",
            id="purpose",
        ),
        pytest.param(
            no_common_suite, C.TLS_HANDSHAKE_FAILURE, "no cipher suite in common", id="suite"
        ),
        pytest.param(
            other_alpn,
            C.TLS_HANDSHAKE_FAILURE,
            r"another application protocol .*http/1\.1",
            id="alpn",
        ),
    ],
)
def test_a_failed_handshake_is_one_warning_with_address_and_reason(
    tls: Links, pki, warnings, make_context, code: int | None, reason: str
) -> None:
    server = tls.server()
    wire = Wire.connect(server.GetHostInfo(), make_context(pki))
    with suppress(ssl.SSLError, ConnectionError):  # TLS 1.3: the client learns of it later
        wire.secure()
    end = server.end()
    assert (end.code == code) if code else end.code >= C.TLS
    assert re.search(reason, end.text)
    assert server.secured.get_nowait() == (end.code, end.net)
    (warning,) = warnings()
    assert f"127.0.0.1:{wire.address[1]}" in warning
    assert re.search(reason, warning)
    wire.close()
    tls.good_association(server)
    assert server.secured.get_nowait()[0] == 0


@pytest.mark.parametrize("data", [HTTP, b"\x01\x00\x00\x00\x00\xd0", bytes(100)])
def test_no_handshake_at_all_is_one_warning_too(tls: Links, warnings, data: bytes) -> None:
    server = tls.server()
    wire = Wire.connect(server.GetHostInfo())
    wire.send(data)
    end = server.end()
    assert end.code == C.BAD_SECURE_MODE
    assert server.secured.get_nowait() == (end.code, end.net)
    (warning,) = warnings()
    assert f"127.0.0.1:{wire.address[1]}" in warning
    assert "does not speak TLS" in warning
    wire.close()


def test_openssl_reads_nothing_before_we_have_seen_how_it_begins(tls: Links) -> None:
    """What it has eaten it does not tell, and that is what names a mix-up."""
    end = tls.net(Server).security.end(Role.SERVER)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        stream = TlsStream(ours, end.context, end.settings, Role.SERVER, "", "the peer")
        begin = stream._connection.do_handshake
        stream._connection.do_handshake = lambda: theirs.send(HTTP) and begin()
        with pytest.raises(WantRead):
            stream.handshake()
        theirs.send(HTTP)
        with pytest.raises(TlsError, match="it sent HTTP"):
            stream.handshake()


@pytest.mark.parametrize("leave", [Wire.close, Wire.reset], ids=["close", "reset"])
def test_a_client_tells_when_its_server_hangs_up(tls: Links, warnings, leave) -> None:
    """What is a health check at a server is a failure at a client."""
    script = Script(secure=False).do(lambda wire: wire.receive(1)).do(leave)
    with ScriptedPeer(script) as peer:
        client = tls.client()
        client.Connect(None, 0, *peer.listen())
        end = client.end()
    assert end.code in (C.NET_CONNECTION_ABORTED, C.NET_CONNECTION_RESET)
    assert client.secured.get_nowait() == (end.code, client)
    (warning,) = warnings()
    assert "TLS handshake with the server 127.0.0.1:" in warning


# -- callers that only knock -------------------------------------------------------------------


def knock(address: tuple[str, int], leave: Callable[[Wire], None]) -> None:
    # Not blocking, because handing the GIL over at each of so many calls takes ages.
    sock = socket.socket()
    sock.setblocking(False)
    sock.connect_ex(address)
    assert select.select([], [sock], [], LONG)[1] == [sock]
    leave(Wire(sock, is_server=False))


@pytest.mark.parametrize("leave", [Wire.close, Wire.reset], ids=["close", "reset"])
def test_connecting_and_leaving_leaves_no_trace(links: Links, warnings, leave) -> None:
    server = links.server()
    for _ in range(40):  # fewer at a time than the backlog
        for _ in range(50):
            knock(server.GetHostInfo(), leave)
        codes = {server.end().code for _ in range(50)}
        assert codes <= {0, C.NET_CONNECTION_ABORTED, C.NET_CONNECTION_RESET}
    assert warnings() == []
    assert server.GetClientCount() == 0
    links.good_association(server)
    server.end()
    assert len(dicom_threads()) <= 3  # of the listener, and those whose OnClose has just returned
