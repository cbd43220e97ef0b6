"""Resumed sessions: off unless asked for, and no way around a check when they are on."""

from __future__ import annotations

import socket
import ssl
from datetime import datetime, timedelta, timezone

import pytest
from nets import TLS_LINKS, Nets
from OpenSSL import SSL, crypto
from tls.certificates import Issued
from tls.revocation import revoke

from leaddicom import DicomErrorCode, LDicomNet, TlsError, VerifyMode
from leaddicom.tls.sessions import LIFETIME, Sessions
from leaddicom.tls.verification import Role, prepare, verify_again

ON = {"session_resumption": True}

every_link = pytest.mark.parametrize("link", TLS_LINKS)
either_end = pytest.mark.parametrize("role", Role, ids=lambda role: role.value)


def accepted(server: LDicomNet) -> LDicomNet:
    return server.GetClient(server.GetClientCount() - 1)


def visit(nets: Nets, client: LDicomNet, server: LDicomNet) -> tuple[bool, bool]:
    """Connect, associate and release; tell whether client and server have resumed a session."""
    meet(nets, client, server)
    reused = client.link_facts.session_reused, accepted(server).link_facts.session_reused
    part(nets, client, server)
    return reused


def meet(nets: Nets, client: LDicomNet, server: LDicomNet, host: str = "127.0.0.1") -> None:
    nets.associated(nets.connect(client, server, host))
    for net in (client, accepted(server)):
        assert nets.wait_for("OnSecureLinkReady", net=net) == (0,)


def part(nets: Nets, client: LDicomNet, server: LDicomNet) -> None:
    client.SendReleaseRequest()
    for net in (client, server):
        nets.wait_for("OnClose", net=net)


def ends(nets: Nets, link: str, **settings) -> tuple[LDicomNet, LDicomNet]:
    """A client and a server that have met once."""
    settings = ON | settings
    server = nets.server(link=link, **settings)
    client = nets.make(link=link, **settings)
    assert visit(nets, client, server) == (False, False)
    return client, server


def refusal(nets: Nets, client: LDicomNet, server: LDicomNet, role: Role) -> TlsError:
    """Connect again and give why an end refuses the other."""
    nets.connect(client, server)
    nets.wait_for("OnSecureLinkReady", net=client)
    theirs = nets.recorder.wait_for_event("OnSecureLinkReady").net  # that was accepted
    for net in (client, server):
        nets.wait_for("OnClose", net=net)
    error = (client if role is Role.CLIENT else theirs).error
    assert isinstance(error, TlsError)
    return error


# -- when it resumes ---------------------------------------------------------------------------


@every_link
class TestResumes:
    def test_only_if_both_ends_want_it(self, nets: Nets, link: str) -> None:
        for ours, theirs in ((False, True), (True, False), (False, False)):
            server = nets.server(link=link, session_resumption=theirs)
            client = nets.make(link=link, session_resumption=ours)
            for _ in range(2):
                assert visit(nets, client, server) == (False, False)

    def test_again_and_again(self, nets: Nets, link: str) -> None:
        client, server = ends(nets, link)
        for _ in range(3):
            assert visit(nets, client, server) == (True, True)

    def test_the_peer_is_known_as_before(self, nets: Nets, link: str) -> None:
        server = nets.server(link=link, **ON)
        client = nets.make(link=link, **ON)
        known = []
        for _ in range(2):
            meet(nets, client, server)
            known.append((client.peer_identity, accepted(server).peer_identity))
            part(nets, client, server)
        assert client.link_facts.session_reused
        assert known[0] == known[1]
        for identity in known[1]:
            assert identity.verified
            assert [each.subject for each in identity.chain][
                -1
            ] == nets.pki.root.certificate.subject

    def test_another_server_gets_a_full_handshake(self, nets: Nets, link: str) -> None:
        client, _ = ends(nets, link)
        assert visit(nets, client, nets.server(link=link, **ON)) == (False, False)

    def test_another_name_gets_a_full_handshake(self, nets: Nets, link: str) -> None:
        client, server = ends(nets, link)
        meet(nets, client, server, "localhost")
        assert not client.link_facts.session_reused

    def test_a_reload_ends_all_sessions(self, nets: Nets, link: str) -> None:
        client, server = ends(nets, link)
        server.Reload()
        assert visit(nets, client, server) == (False, False)
        assert visit(nets, client, server) == (True, True)
        client.Reload()
        assert visit(nets, client, server) == (False, False)

    def test_a_connection_that_broke_is_not_resumed(self, nets: Nets, link: str) -> None:
        client, server = ends(nets, link)
        meet(nets, client, server)
        client.CloseForced(True)
        nets.wait_for("OnClose", net=server)
        assert visit(nets, client, server) == (False, False)

    def test_without_verification_there_is_nothing_to_check_again(
        self, nets: Nets, link: str
    ) -> None:
        client, server = ends(nets, link, verify=VerifyMode.NONE)
        assert visit(nets, client, server) == (True, True)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_of_another_maker(nets: Nets, version: ssl.TLSVersion) -> None:
    """Python's ssl resumes with a number that it was given, as Java does."""
    server = nets.server(link=f"TLS {version.name[-3:].replace('_', '.')}", **ON)
    good = nets.certificate("good")
    context = ssl.create_default_context(cafile=nets.pki.ca_file)
    context.load_cert_chain(good.certificate_file, good.key_file)
    session = None
    for expected in (False, True):
        with (
            socket.create_connection(server.GetHostInfo()) as caller,
            context.wrap_socket(caller, server_hostname="localhost", session=session) as tls,
        ):
            tls.sendall(b"\x2a\0\0\0\0\4abcd")  # no PDU, and so an A-ABORT answers it
            while tls.recv(100):
                pass
            assert tls.session_reused is expected
            session = tls.session
        served = nets.wait_for("OnClose", net=server)[1]
        assert served.link_facts.session_reused is expected
        assert served.peer_identity.verified


def test_a_server_keeps_sessions_for_a_limited_time(nets: Nets) -> None:
    context = nets.server(link="TLS 1.3", **ON).security.context
    assert context.get_timeout() == LIFETIME
    assert context.set_options(0) & SSL.OP_NO_TICKET


# -- what is checked anew ----------------------------------------------------------------------


def store_of(net: LDicomNet) -> crypto.X509Store:
    return net.security.context.get_cert_store()


@every_link
@either_end
class TestChecksAnew:
    def test_expired_meanwhile(self, nets: Nets, link: str, role: Role) -> None:
        """The handshake that follows is a full one, and is refused as well."""
        client, server = ends(nets, link)
        later = datetime.now(timezone.utc) + timedelta(days=40)
        store_of(client if role is Role.CLIENT else server).set_time(later)
        resumed, full = (refusal(nets, client, server, role) for _ in range(2))
        assert resumed.code == full.code == DicomErrorCode.TLS_CERT_HAS_EXPIRED
        assert (resumed.alert, full.alert) == (None, 45)

    def test_revoked_meanwhile(self, nets: Nets, link: str, role: Role) -> None:
        client, server = ends(nets, link)
        judge, shown = (client, server) if role is Role.CLIENT else (server, client)
        good, root = shown.security.credentials[0], nets.pki.root
        found = revoke(
            Issued(root.certificate, root.private_key), Issued(good.certificate, good.private_key)
        )
        store_of(judge).add_crl(found)
        store_of(judge).set_flags(crypto.X509StoreFlags.CRL_CHECK)
        resumed, full = (refusal(nets, client, server, role) for _ in range(2))
        assert resumed.code == full.code == DicomErrorCode.TLS_CERT_REVOKED
        assert (resumed.alert, full.alert) == (None, 44)

    def test_the_list_has_become_stale(self, nets: Nets, link: str, role: Role) -> None:
        client, server = ends(nets, link)
        judge = client if role is Role.CLIENT else server
        past = datetime.now(timezone.utc) - timedelta(days=2)
        root = Issued(nets.pki.root.certificate, nets.pki.root.private_key)
        store_of(judge).add_crl(revoke(root, begin=past, end=past + timedelta(days=1)))
        store_of(judge).set_flags(crypto.X509StoreFlags.CRL_CHECK)
        error = refusal(nets, client, server, role)
        assert (error.code, error.alert) == (DicomErrorCode.TLS_CRL_HAS_EXPIRED, None)

    def test_the_reason_is_said_and_logged(
        self, nets: Nets, caplog: pytest.LogCaptureFixture, link: str, role: Role
    ) -> None:
        client, server = ends(nets, link)
        later = datetime.now(timezone.utc) + timedelta(days=40)
        store_of(client if role is Role.CLIENT else server).set_time(later)
        caplog.clear()
        assert refusal(nets, client, server, role).alert is None
        refusals = [each for each in caplog.messages if "because it has expired" in each]
        assert len(refusals) == 1
        assert "CN=good" in refusals[0]


@every_link
def test_a_server_that_is_told_its_names_resumes_nothing(nets: Nets, link: str) -> None:
    """In TLS 1.2 a resumed session tells the name that was asked for at its beginning."""
    server = nets.server(link=link, server_names=("localhost",), **ON)
    client = nets.make(link=link, **ON)
    for _ in range(2):
        assert visit(nets, client, server) == (False, False)


@every_link
class TestOnVerify:
    def test_who_overrides_it_resumes_nothing(self, nets: Nets, link: str) -> None:
        """What it has overruled could not be overruled again."""

        class Judge(LDicomNet):
            def OnVerify(self, ok, certificate_text, error, error_text) -> int:
                return ok

        for kinds in ((Judge, LDicomNet), (LDicomNet, Judge)):
            server = nets.server(kinds[0], link=link, **ON)
            client = nets.make(kinds[1], link=link, **ON)
            for _ in range(2):
                assert visit(nets, client, server) == (False, False)

    def test_a_server_whose_object_gets_one_later_asks_it(self, nets: Nets, link: str) -> None:
        client, server = ends(nets, link)
        shown = []

        def on_verify(ok: int, text: str, error: int, error_text: str) -> int:
            shown.append((ok, text.splitlines()[0]))
            return ok

        server.OnVerify = on_verify
        assert visit(nets, client, server) == (True, True)
        assert [ok for ok, _ in shown] == [1, 1]
        assert "CN=root" in shown[0][1]
        assert "CN=good" in shown[1][1]

    def test_and_it_may_refuse(self, nets: Nets, link: str) -> None:
        client, server = ends(nets, link)
        server.OnVerify = lambda *_: 0
        error = refusal(nets, client, server, Role.SERVER)
        assert (error.code, error.alert) == (DicomErrorCode.TLS_APPLICATION_VERIFICATION, None)

    def test_but_it_may_allow_nothing(self, nets: Nets, link: str) -> None:
        """Another object without it would resume what it had allowed."""
        _, server = ends(nets, link)
        server.OnVerify = lambda *_: 1
        stranger = nets.make(link=link, certificate="other_ca")
        error = refusal(nets, stranger, server, Role.SERVER)
        assert error.code == DicomErrorCode.TLS_UNABLE_TO_GET_ISSUER_CERT_LOCALLY


def test_a_connection_without_checks_of_ours_is_left_alone() -> None:
    connection = SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD))
    record = prepare(connection, Role.CLIENT)
    verify_again(connection)
    assert not record.checked


# -- what a client keeps -----------------------------------------------------------------------


class TestSessions:
    def test_each_is_taken_once(self) -> None:
        sessions, session = Sessions(), SSL.Session.__new__(SSL.Session)
        sessions.keep("pacs", session)
        assert sessions.take("other") is None
        assert sessions.take("pacs") is session
        assert sessions.take("pacs") is None

    def test_of_too_many_the_oldest_goes(self) -> None:
        sessions = Sessions()
        made = [SSL.Session.__new__(SSL.Session) for _ in range(102)]
        for number, session in enumerate(made[:100]):
            sessions.keep(number, session)
        sessions.keep(0, made[100])  # which makes it the youngest
        sessions.keep(100, made[101])
        assert sessions.take(1) is None
        assert sessions.take(0) is made[100]
        assert sessions.take(100) is made[101]
        assert sessions.take(2) is made[2]
