"""Observing real peers over the loopback: what speaks there, and what it shows."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import pytest
from nets import ECHO_CLASS, IMPLICIT, Nets, free_port, raw_listener
from OpenSSL import SSL

from leaddicom import LDicomAssociate, LDicomNet, supported
from leaddicom.doctor import MAXIMUM_CONNECTIONS, Target, observe
from leaddicom.doctor.catalog import LIVE_TLS13, TLS10, TLS12, TLS13, SuiteKind
from leaddicom.doctor.facts import Speech
from leaddicom.doctor.hello import Answer, AnswerKind
from leaddicom.doctor.link import speech
from leaddicom.doctor.scan import MAXIMUM_QUESTIONS
from leaddicom.enums import CertificateType
from leaddicom.errors import DicomErrorCode
from leaddicom.testing.certificates import IssuedCertificate, ThrowAwayPki
from leaddicom.tls import Credentials, load_credentials

Targets = Callable[..., Target]

#: Short: what is waited for here never comes.
SOON = 0.4


def credentials(issued: IssuedCertificate) -> Credentials:
    files = str(issued.certificate_file), CertificateType.PEM, str(issued.key_file)
    return load_credentials(*files, lambda: None)


@pytest.fixture
def own(nets: Nets) -> Credentials:
    return credentials(nets.certificate("good"))


@pytest.fixture
def target(pki: ThrowAwayPki) -> Targets:
    def target(port: int, **changes: object) -> Target:
        options = {"ca_file": str(pki.ca_file), "timeout": 5.0, **changes}
        return Target("127.0.0.1", port, **options)

    return target


@contextmanager
def serving(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """Serve every connection with a function, one after the other; give the port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    sock, _ = listening.accept()
                    with sock, contextlib.suppress(OSError, SSL.Error):
                        sock.settimeout(5)
                        answer(sock)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(5)


@contextmanager
def tls_server(context: SSL.Context) -> Iterator[int]:
    """Serve handshakes, and nothing after them; give the port."""

    def answer(sock: socket.socket) -> None:
        connection = SSL.Connection(context, sock)
        sock.settimeout(None)
        connection.set_accept_state()
        connection.do_handshake()
        connection.recv(1)

    with serving(answer) as port:
        yield port


def careless(issued: IssuedCertificate) -> SSL.Context:
    """A server's context that shows anything, and takes anything."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_VERSION)
    context.set_cipher_list(b"ALL:@SECLEVEL=0")
    context.use_certificate(issued.certificate)
    context.use_privatekey(issued.private_key)
    return context


class TestOurServer:
    def test_over_tls_1_3(self, nets: Nets, target: Targets, own: Credentials) -> None:
        port = nets.server(link="TLS 1.3").GetHostInfo()[1]
        facts = observe(target(port), own)
        assert (facts.speech, facts.preferred, facts.unreachable) == (Speech.TLS, TLS13, None)
        shown = facts.handshake
        assert shown is not None
        assert (shown.tls_version, shown.alpn) == ("TLSv1.3", "dicom")
        assert shown.asks_certificate
        assert (shown.flaws, shown.failure) == ((), None)
        assert shown.chain[0] == nets.certificate("good").certificate
        assert facts.echo is not None
        assert facts.echo.seconds is not None
        assert facts.anonymous is not None
        assert facts.anonymous.alert == 116
        assert facts.scan is not None
        assert facts.scan.versions[TLS12] is False
        assert facts.scan.stopped is None
        assert 0 < facts.connections <= MAXIMUM_CONNECTIONS

    def test_over_tls_1_2(self, nets: Nets, target: Targets, own: Credentials) -> None:
        port = nets.server(link="TLS 1.2").GetHostInfo()[1]
        facts = observe(target(port), own)
        assert facts.preferred == TLS12
        assert facts.handshake is not None
        assert facts.handshake.asks_certificate
        assert facts.anonymous is not None
        assert (facts.anonymous.answered, facts.anonymous.alert) == (False, 40)
        assert facts.scan is not None
        assert facts.scan.versions[TLS13] is False

    def test_without_a_certificate_of_ours(self, nets: Nets, target: Targets) -> None:
        """The chain is seen in TLS 1.2, too, although the handshake fails."""
        port = nets.server(link="TLS 1.2").GetHostInfo()[1]
        facts = observe(target(port))
        assert facts.anonymous is None
        assert facts.echo is not None
        assert not facts.echo.answered
        assert facts.handshake is not None
        assert facts.handshake.failure is not None
        assert facts.handshake.chain[0] == nets.certificate("good").certificate

    @pytest.mark.parametrize(
        ("kind", "codes"), [("expired", {10}), ("self_signed", {18}), ("other_ca", {19, 20, 21})]
    )
    def test_flaws_are_seen_and_nothing_is_sent_to_it(
        self,
        nets: Nets,
        target: Targets,
        own: Credentials,
        kind: str,
        codes: set[int],
    ) -> None:
        port = nets.server(link="TLS 1.3", certificate=kind).GetHostInfo()[1]
        facts = observe(target(port), own)
        assert facts.handshake is not None
        assert {each.code for each in facts.handshake.flaws} <= codes
        assert facts.handshake.flaws
        assert facts.echo is not None
        assert (facts.echo.answered, facts.echo.alert) != (True, None)

    def test_without_cas_it_is_asked_all_the_same(
        self, nets: Nets, target: Targets, own: Credentials
    ) -> None:
        port = nets.server(link="TLS 1.3", certificate="self_signed").GetHostInfo()[1]
        facts = observe(target(port, ca_file=None), own)
        assert facts.echo is not None
        assert facts.echo.seconds is not None

    def test_plain(self, nets: Nets, target: Targets) -> None:
        port = nets.server().GetHostInfo()[1]
        for plain, connections in ((True, 2), (False, 2)):
            facts = observe(target(port, plain=plain))
            assert facts.speech is Speech.DICOM
            assert facts.plain_echo is not None
            assert facts.plain_echo.seconds is not None
            assert (facts.handshake, facts.echo, facts.scan) == (None, None, None)
            assert facts.connections == connections

    def test_tls_where_plain_was_asked_for(self, nets: Nets, target: Targets) -> None:
        port = nets.server(link="TLS 1.3").GetHostInfo()[1]
        facts = observe(target(port, plain=True))
        assert facts.speech is Speech.TLS
        assert facts.plain_echo is not None
        assert facts.plain_echo.code is DicomErrorCode.BAD_SECURE_MODE


class Rejecting(LDicomNet):
    """Knows nobody."""

    def OnReceiveAssociateRequest(self, associate: LDicomAssociate) -> None:
        self.SendAssociateReject(1, 1, 3)


class Deaf(LDicomNet):
    """Offers everything but verification."""

    supported_contexts = supported(["1.2.840.10008.5.1.4.1.1.7"], [IMPLICIT])


class TestAssociations:
    @pytest.mark.parametrize(
        ("kind", "said"),
        [(Rejecting, "calling AE title not recognized"), (Deaf, "does not accept")],
    )
    def test_a_refusal_is_an_answer(
        self,
        nets: Nets,
        target: Targets,
        own: Credentials,
        kind: type[LDicomNet],
        said: str,
    ) -> None:
        port = nets.server(kind, link="TLS 1.3").GetHostInfo()[1]
        facts = observe(target(port), own)
        assert facts.echo is not None
        assert (facts.echo.answered, facts.echo.seconds) == (True, None)
        assert said in (facts.echo.failure or "")

    def test_a_rejection_without_tls_is_dicom(self, nets: Nets, target: Targets) -> None:
        port = nets.server(Rejecting).GetHostInfo()[1]
        facts = observe(target(port, plain=True))
        assert facts.speech is Speech.DICOM
        assert facts.plain_echo is not None
        assert facts.plain_echo.seconds is None

    def test_titles_arrive(self, nets: Nets, target: Targets) -> None:
        server = nets.server()
        options = {"called_ae_title": "THEIRS", "calling_ae_title": "OURS", "plain": True}
        observe(target(server.GetHostInfo()[1], **options))
        (associate,) = nets.wait_for("OnReceiveAssociateRequest")
        assert (associate.GetCalled(), associate.GetCalling()) == ("THEIRS", "OURS")
        assert associate.GetAbstract(1) == ECHO_CLASS


class TestOtherServers:
    def test_one_that_takes_everything(self, pki: ThrowAwayPki, target: Targets) -> None:
        weak = pki.variant("rsa_1024")
        with tls_server(careless(weak)) as port:
            facts = observe(target(port, timeout=1.0))
        scan = facts.scan
        assert scan is not None
        assert scan.versions[TLS10]
        assert scan.others[SuiteKind.STATIC_RSA] is not None
        assert scan.own_order[TLS12] is False
        assert facts.handshake is not None
        assert facts.handshake.chain == (weak.certificate,)
        assert not facts.handshake.asks_certificate
        assert facts.connections <= MAXIMUM_CONNECTIONS

    @pytest.mark.parametrize("version", [SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION])
    def test_one_that_names_the_cas_that_it_trusts(
        self, pki: ThrowAwayPki, target: Targets, own: Credentials, version: int
    ) -> None:
        context = careless(pki.issue("names-cas"))
        context.set_max_proto_version(version)
        context.add_client_ca(pki.root.certificate)
        context.set_verify(SSL.VERIFY_PEER, lambda *_: True)
        with tls_server(context) as port:
            shown = observe(target(port, timeout=1.0), own).handshake
        assert shown is not None
        assert shown.trusted_cas == (pki.root.subject,)
        assert shown.own_issuers == (pki.root.subject,)
        assert shown.asks_certificate


class TestHandshakesThatEnd:
    """The first question is answered, and nothing after it."""

    def first(self, then: Callable[[socket.socket], None], context: SSL.Context) -> Any:
        """Answer the first connection as a server of TLS does, and others with a function."""
        connections = []

        def answer(sock: socket.socket) -> None:
            connections.append(sock)
            if len(connections) > 1:
                then(sock)
                return
            server = SSL.Connection(context, None)
            server.set_accept_state()
            server.bio_write(sock.recv(65536))
            with pytest.raises(SSL.WantReadError):
                server.do_handshake()
            sock.sendall(server.bio_read(65536))

        return serving(answer)

    def test_in_silence(self, pki: ThrowAwayPki, target: Targets) -> None:
        over = threading.Event()
        with self.first(lambda _: over.wait(5) and None, careless(pki.issue("silent"))) as port:
            facts = observe(target(port, timeout=SOON))
            over.set()
        assert facts.speech is Speech.TLS
        assert facts.handshake is not None
        assert "ETIMEDOUT" in (facts.handshake.failure or "")
        assert facts.handshake.chain == ()
        assert facts.scan is not None
        assert facts.scan.stopped is not None
        assert facts.connections == 4

    def test_in_something_else(self, pki: ThrowAwayPki, target: Targets) -> None:
        def then(sock: socket.socket) -> None:
            sock.sendall(b"HTTP/1.1 400 Bad Request")
            sock.recv(65536)

        with self.first(then, careless(pki.issue("strange"))) as port:
            facts = observe(target(port, timeout=2.0))
        assert facts.handshake is not None
        assert "it sent HTTP" in (facts.handshake.failure or "")

    def test_before_they_begin(self, pki: ThrowAwayPki, target: Targets) -> None:
        """Between two connections the peer goes away."""
        context = careless(pki.issue("gone"))
        with socket.create_server(("127.0.0.1", 0)) as listening:
            port = listening.getsockname()[1]

            def serve() -> None:
                sock, _ = listening.accept()
                listening.close()
                with sock:
                    server = SSL.Connection(context, None)
                    server.set_accept_state()
                    server.bio_write(sock.recv(65536))
                    with pytest.raises(SSL.WantReadError):
                        server.do_handshake()
                    sock.sendall(server.bio_read(65536))

            thread = threading.Thread(target=serve)
            thread.start()
            facts = observe(target(port, timeout=2.0))
            thread.join(5)
        assert facts.handshake is not None
        assert "Nothing listens there" in (facts.handshake.failure or "")
        assert facts.scan is not None
        assert "Nothing listens there" in (facts.scan.stopped or "")


def test_a_chain_of_ours_is_sent_with_its_issuers(
    pki: ThrowAwayPki, nets: Nets, target: Targets
) -> None:
    middle = pki.issue("middle", ca=True)
    own = credentials(pki.issue("below", issuer=middle))
    facts = observe(target(nets.server(link="TLS 1.2").GetHostInfo()[1]), own)
    assert facts.handshake is not None
    assert facts.handshake.failure is None
    assert facts.handshake.own_issuers == (middle.subject, pki.root.subject)
    assert facts.echo is not None
    assert facts.echo.answered


class TestWhatIsNoTls:
    @pytest.mark.parametrize(
        ("said", "speaks"),
        [
            (b"HTTP/1.1 400 Bad Request\r\n\r\n", Speech.HTTP),
            (b"<!DOCTYPE HTML>\n<html>", Speech.HTTP),
            (b"SSH-2.0-OpenSSH_9.2\r\n", Speech.SSH),
            (b"220 mail.example ESMTP\r\n", Speech.OTHER),
        ],
    )
    @pytest.mark.parametrize("plain", [False, True])
    def test_is_known_by_its_first_bytes(
        self, target: Targets, said: bytes, speaks: Speech, plain: bool
    ) -> None:
        def answer(sock: socket.socket) -> None:
            sock.sendall(said)
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(4096):
                pass

        with serving(answer) as port:
            facts = observe(target(port, plain=plain, timeout=2.0))
        assert facts.speech is speaks
        assert facts.first_bytes == said[:16]

    def test_nothing_within_the_time(self, target: Targets) -> None:
        with raw_listener() as (_, port):
            facts = observe(target(port, timeout=SOON))
        assert facts.speech is Speech.SILENT
        assert facts.plain_echo is not None
        assert facts.plain_echo.code is DicomErrorCode.NET_TIME_OUT
        assert facts.connections == 2

    def test_half_an_answer_within_the_time(self, target: Targets) -> None:
        with ExitStack() as stack:
            over = threading.Event()
            stack.callback(over.set)

            def answer(sock: socket.socket) -> None:
                sock.sendall(b"\x16\x03")
                over.wait(5)

            port = stack.enter_context(serving(answer))
            stack.callback(over.set)
            assert observe(target(port, timeout=SOON)).speech is Speech.CLOSED

    @pytest.mark.parametrize("end", ["close", "reset"])
    def test_the_end_of_the_connection(self, target: Targets, end: str) -> None:
        def answer(sock: socket.socket) -> None:
            sock.recv(1)  # or the reset might come while the connection is made
            if end == "reset":
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

        with serving(answer) as port:
            facts = observe(target(port, timeout=2.0))
        assert facts.speech is Speech.CLOSED
        assert facts.plain_echo is not None
        assert not facts.plain_echo.answered

    def test_an_answer_without_end(self, target: Targets) -> None:
        def answer(sock: socket.socket) -> None:
            sock.sendall(b"\x16\x03\x03\x40\x00\x02\xff\xff\xff")  # a ServerHello of 16 MiB
            while True:
                sock.sendall(bytes(16_384 - 4) + b"\x16\x03\x03\x40\x00" + bytes(4))

        with serving(answer) as port:
            facts = observe(target(port, timeout=2.0))
        assert facts.speech is Speech.CLOSED

    def test_no_room_for_a_connection(self, target: Targets) -> None:
        with ExitStack() as stack:
            listening = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
            for _ in range(3):  # more than the system keeps for who does not accept them
                waiting = stack.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex(listening.getsockname())
            facts = observe(target(listening.getsockname()[1], timeout=SOON))
        assert f"no answer within {SOON:g} s" in (facts.unreachable or "")

    @pytest.mark.parametrize("plain", [False, True])
    def test_nobody(self, target: Targets, plain: bool) -> None:
        facts = observe(target(free_port(), plain=plain))
        assert "Nothing listens there" in (facts.unreachable or "")
        assert (facts.speech, facts.connections) == (None, 1)

    def test_an_unknown_host(self) -> None:
        facts = observe(Target("no-such-host.invalid", 104, timeout=1.0))
        assert facts.unreachable is not None
        assert facts.connections == 1


@pytest.mark.parametrize(
    ("answer", "speaks"),
    [
        (Answer(AnswerKind.HELLO), Speech.TLS),
        (Answer(AnswerKind.ALERT, alert=70), Speech.TLS),
        (Answer(AnswerKind.SILENT), Speech.SILENT),
        (Answer(AnswerKind.CLOSED), Speech.CLOSED),
        (Answer(AnswerKind.FOREIGN, first_bytes=b"\x07\x00\x00\x00"), Speech.DICOM),
        (Answer(AnswerKind.FOREIGN, first_bytes=b"\x03\x00\x00\x00"), Speech.DICOM),
        (Answer(AnswerKind.FOREIGN, first_bytes=b"<HTML>"), Speech.HTTP),
        (Answer(AnswerKind.FOREIGN, first_bytes=b"\x00\x01"), Speech.OTHER),
    ],
)
def test_speech_is_told_by_the_answer(answer: Answer, speaks: Speech) -> None:
    assert speech(answer) is speaks


def test_a_peer_that_is_slow_is_not_asked_for_ever(
    nets: Nets, target: Targets, own: Credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leaddicom.doctor.link._SCAN_STEPS", 0)
    facts = observe(target(nets.server(link="TLS 1.3").GetHostInfo()[1]), own)
    assert facts.scan is not None
    assert facts.scan.stopped == "The peer is slow to answer."
    assert facts.connections == MAXIMUM_CONNECTIONS - MAXIMUM_QUESTIONS


def test_connections_come_one_after_the_other(
    nets: Nets, target: Targets, own: Credentials
) -> None:
    """A peer that serves one association at a time has always only one to serve."""
    limits = replace(nets.server().limits, half_open=1, associations=1)
    server = nets.server(link="TLS 1.3", limits=limits)
    facts = observe(target(server.GetHostInfo()[1]), own)
    assert facts.echo is not None
    assert facts.echo.seconds is not None
    assert facts.scan is not None
    assert facts.scan.suites[TLS13] == (LIVE_TLS13[0],)
    assert facts.scan.groups
