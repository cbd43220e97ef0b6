"""Connections with TLS."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from upper_layer.cores import CT_STORAGE, IMPLICIT

from leaddicom.dimse import messages as dimse
from leaddicom.dimse.fragmentation import BytesSource
from leaddicom.errors import DicomErrorCode
from leaddicom.testing.certificates import ThrowAwayPki
from leaddicom.tls import Ciphersuite, Role, TlsSettings, build_context
from leaddicom.transport.connection import SecureEnd
from leaddicom.upper_layer.protocol import Abort

from .ends import ANY, BOTH, PATIENCE, TLS12, Client, Served, certificate_of

Code = DicomErrorCode

pytestmark = pytest.mark.usefixtures("no_threads_left")


def secure(pki: ThrowAwayPki, role: Role, suites: tuple[Ciphersuite, ...] = ()) -> SecureEnd:
    settings = TlsSettings(ca_file=str(pki.ca_file), cipher_suites=suites)
    return SecureEnd(build_context(settings, certificate_of(pki, "good"), role), settings)


class TestSecureConnections:
    @pytest.fixture
    def both(
        self, pki: ThrowAwayPki, serve: Callable[..., Served], client_of: Callable[..., Client]
    ) -> tuple[Served, Client]:
        """A server and a client of this library with a link between them."""
        client = client_of(secure=secure(pki, Role.CLIENT))
        served = serve(secure=secure(pki, Role.SERVER), adopt=False)
        client.connection.connect(client.listening.getsockname(), ANY, BOTH)
        served.connection.adopt(*client.listening.accept())
        for owner in (client.owner, served.owner):
            assert owner.wait_for("on_secure_link_ready") is None
        return served, client

    def test_know_their_link_and_their_peer(self, both: tuple[Served, Client]) -> None:
        for each in both:
            assert each.connection.is_secure
            assert each.connection.link is not None
            assert each.connection.link.alpn == "dicom"
            assert each.connection.identity is not None
            assert "CN=good" in each.connection.identity.subject

    def test_associate_transfer_and_end(self, both: tuple[Served, Client]) -> None:
        served, client = both
        client.associate()
        client.owner.next("AssociateAccepted")
        data = os.urandom(1 << 20)
        arguments = (1, CT_STORAGE, "1.2.3", 0, None, None)
        client.connection.send(dimse.C_STORE_RQ, 3, arguments, BytesSource(data))
        message = served.owner.wait_for("on_message")
        assert bytes(message.dataset.data) == data
        assert message.dataset.transfer_syntax_uid == IMPLICIT
        client.connection.close(wait=False)
        assert served.owner.next("Abort") == Abort(0, 0)
        assert served.owner.next("on_close").code == Code.NET_CONNECTION_ABORTED
        assert client.owner.next("on_close") is None

    def test_have_a_deadline_for_the_handshake(
        self, pki: ThrowAwayPki, client_of: Callable[..., Client]
    ) -> None:
        client = client_of(secure=secure(pki, Role.CLIENT), handshake_timeout=0.05)
        client.connect()
        client.owner.next("on_connect")
        error = client.owner.next("on_secure_link_ready")
        assert error.code == Code.NET_TIME_OUT
        assert "did not complete the TLS handshake within 0.05 s" in str(error)
        assert client.owner.next("on_close") is error
        assert client.connection.link is None

    @pytest.mark.parametrize("end", ["close", "abort"])
    def test_may_be_ended_in_the_middle_of_the_handshake(
        self, pki: ThrowAwayPki, client_of: Callable[..., Client], end: str
    ) -> None:
        client = client_of(secure=secure(pki, Role.CLIENT))
        wire = client.connect()
        assert wire.receive(1) == b"\x16"  # the hello is there
        client.owner.next("on_connect")
        client.connection.close(wait=False) if end == "close" else client.connection.abort(0, 0)
        wire.raw_to_end()
        wire.close()
        assert client.owner.next("on_close") is None
        assert client.owner.rest == []

    def test_are_quiet_about_a_health_check(
        self, pki: ThrowAwayPki, serve: Callable[..., Served], caplog: pytest.LogCaptureFixture
    ) -> None:
        served = serve(secure=secure(pki, Role.SERVER))
        served.wire.close()
        error = served.owner.next("on_secure_link_ready")
        assert "closed the connection without a word" in str(error)
        assert served.owner.next("on_close") is error
        assert served.connection.wait_closed(PATIENCE)
        assert caplog.messages == []

    def test_let_the_application_judge_in_its_own_time(
        self, pki: ThrowAwayPki, client_of: Callable[..., Client], serve: Callable[..., Served]
    ) -> None:
        # With TLS 1.2 the handshake is not over when the server's certificate has been judged.
        client = client_of(secure=secure(pki, Role.CLIENT, TLS12), handshake_timeout=PATIENCE)
        asked: list[tuple[bool, bool]] = []

        def judge(ok: bool, *_: Any) -> bool:
            deadlines = client.connection._deadlines
            clock = deadlines._clock
            deadlines._clock = lambda: clock() + 2 * PATIENCE
            asked.append((ok, client.connection.in_network_thread))
            return ok

        client.connection._on_verify = judge
        served = serve(secure=secure(pki, Role.SERVER, TLS12), adopt=False)
        client.connection.connect(client.listening.getsockname(), ANY, BOTH)
        served.connection.adopt(*client.listening.accept())
        assert client.owner.wait_for("on_secure_link_ready") is None
        assert asked == [(True, True)] * 2
