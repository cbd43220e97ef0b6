"""A policy at work: real associations, over mutual TLS and without."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from nets import LIMITS, LINKS, TLS_LINKS, Nets, associate_request

from access.identities import issue, name
from leaddicom import (
    DICOM_SECURE_TLS,
    VERIFICATION,
    AccessPolicy,
    AccessRequest,
    AccessRule,
    AssociationError,
    LDicomAssociate,
    LDicomNet,
    NetworkError,
    Scu,
    TlsSettings,
    VerifyMode,
)
from leaddicom.tls.identity import identify

ACCEPTED = "accepted"
NO_REASON, CALLING, CALLED = (1, 1, 1), (1, 1, 3), (1, 1, 7)
HERE = ["127.0.0.1"]

# What a client shows: the name of a certificate, its files, or nothing.
Shown = str | tuple[Path, Path] | None


def subject(common_name: str) -> str:
    return f"CN={common_name},O=leaddicom throw-away PKI"


def policy(*rules: dict[str, Any], **more: Any) -> AccessPolicy:
    numbered = [AccessRule(**{"name": f"rule {n}"} | rule) for n, rule in enumerate(rules, 1)]
    return AccessPolicy(numbered, **more)


CT = {"name": "ct", "subject": subject("ct"), "calling": ["CT1", "CT2"]}
MR = {"name": "mr", "subject": subject("mr"), "calling": ["MR1"]}
DEVICES = policy(CT, MR, called=["ARCHIVE"])


class Access:
    """Makes servers with a policy, and tries to associate with them."""

    def __init__(self, nets: Nets) -> None:
        self.nets = nets

    def server(
        self,
        access: AccessPolicy | None,
        kind: type[LDicomNet] = LDicomNet,
        address: str = "127.0.0.1",
        **options: Any,
    ) -> LDicomNet:
        server = self.nets.make(kind, **{"link": "TLS 1.3"} | options)
        server.access = access
        server.Listen(address, 0)
        return server

    def attempt(
        self,
        server: LDicomNet,
        shown: Shown = "ct",
        calling: str = "CT1",
        called: str = "ARCHIVE",
        *,
        link: str = "TLS 1.3",
        host: str = "127.0.0.1",
    ) -> str | tuple[int | None, int | None, int | None]:
        """Give "accepted", or the A-ASSOCIATE-RJ."""
        mode, suites = LINKS[link]
        scu = Scu(
            host,
            server.GetHostInfo()[1],
            mode=mode,
            calling_ae_title=calling,
            called_ae_title=called,
            limits=LIMITS,
        )
        if mode == DICOM_SECURE_TLS:
            ca_file = str(self.nets.pki.ca_file)
            scu.Initialize(None, mode, TlsSettings(ca_file=ca_file, cipher_suites=suites))
        if isinstance(shown, str):
            issued = self.nets.certificate(shown)
            shown = issued.certificate_file, issued.key_file
        if mode == DICOM_SECURE_TLS and shown is not None:
            scu.SetClientCertificateTLS(str(shown[0]), 1, str(shown[1]))
        try:
            with scu:
                scu.associate(VERIFICATION)
        except AssociationError as error:
            return error.result, error.source, error.reason
        return ACCEPTED


@pytest.fixture
def access(nets: Nets) -> Access:
    return Access(nets)


def reasons(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the policy has logged; each line at WARNING, by the server."""
    found = [each for each in caplog.records if "association from" in each.getMessage()]
    assert {each.levelname for each in found} <= {"WARNING"}
    return [each.getMessage() for each in found]


# -------------------------------------------------------------------------------- mutual TLS


class TestMutualTls:
    @pytest.mark.parametrize("link", TLS_LINKS)
    @pytest.mark.parametrize(
        ("certificate", "calling", "called", "outcome"),
        [
            ("ct", "CT1", "ARCHIVE", ACCEPTED),
            ("ct", "CT2", "ARCHIVE", ACCEPTED),
            ("mr", "MR1", "ARCHIVE", ACCEPTED),
            ("ct", "MR1", "ARCHIVE", CALLING),
            ("mr", "CT1", "ARCHIVE", CALLING),
            ("ct", "ct1", "ARCHIVE", CALLING),
            ("ct", "CT1", "OTHER", CALLED),
            ("ct", "MR1", "OTHER", CALLING),
            ("stranger", "CT1", "ARCHIVE", NO_REASON),
            ("stranger", "NOBODY", "OTHER", NO_REASON),
        ],
    )
    def test_table(
        self,
        access: Access,
        link: str,
        certificate: str,
        calling: str,
        called: str,
        outcome: object,
    ) -> None:
        server = access.server(DEVICES, link=link)
        assert access.attempt(server, certificate, calling, called, link=link) == outcome

    def test_the_title_of_another_device_is_told_with_who_took_it(
        self, access: Access, caplog: pytest.LogCaptureFixture
    ) -> None:
        assert access.attempt(access.server(DEVICES), "ct", "MR1") == CALLING
        (text,) = reasons(caplog)
        peer, _, rest = text.partition(": ")
        assert peer.startswith("127.0.0.1:")
        fingerprint = identify(access.nets.certificate("ct").certificate).fingerprint
        assert rest == (
            f"association from '127.0.0.1' with the certificate {subject('ct')}, SHA-256 "
            f"{fingerprint}, calling AE title 'MR1', called AE title 'ARCHIVE': refused; closest "
            "is the rule 'ct': the calling AE title is not 'CT1' or 'CT2'"
        )

    def test_what_is_allowed_is_no_warning(
        self, access: Access, caplog: pytest.LogCaptureFixture
    ) -> None:
        assert access.attempt(access.server(DEVICES)) == ACCEPTED
        assert reasons(caplog) == []

    def test_a_network(self, access: Access) -> None:
        at_home = access.server(policy(CT | {"addresses": ["127.0.0.0/8"]}))
        assert access.attempt(at_home) == ACCEPTED
        elsewhere = access.server(policy(CT | {"addresses": ["10.0.0.0/8", "::1"]}))
        assert access.attempt(elsewhere) == NO_REASON

    def test_an_ipv4_peer_of_a_server_for_both_families(self, access: Access) -> None:
        server = access.server(policy(CT | {"addresses": HERE}), address="*")
        assert access.attempt(server) == ACCEPTED

    def test_two_connections_with_one_certificate(
        self, access: Access, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Each A-ASSOCIATE-RQ is judged by itself, at the same time too."""
        server, nets = access.server(policy(CT | {"calling": ["CT1", "CLIENT"]})), access.nets
        first = nets.associated(nets.client(server, link="TLS 1.3", certificate="ct"))
        assert access.attempt(server, "ct", "CT1") == ACCEPTED
        assert access.attempt(server, "ct", "CT3") == CALLING
        assert first.IsAssociated()
        assert len(reasons(caplog)) == 1

    def test_a_certificate_with_several_names(self, access: Access, tmp_path: Path) -> None:
        names = ["ct1.example", "CT2.Example", "localhost"]
        sans: list[x509.GeneralName] = [x509.DNSName(each) for each in names]
        sans.append(x509.UniformResourceIdentifier("urn:oid:1.2.3"))
        *files, _ = issue(access.nets.pki, tmp_path, name(CN="several"), sans)
        shown = (files[0], files[1])
        server = access.server(
            policy(
                {"dns_name": "ct1.example", "calling": ["CT1"]},
                {"dns_name": "ct2.example", "calling": ["CT2"]},
                {"dns_name": "several", "calling": ["CT3"]},
                {"uri": "urn:oid:1.2.3", "calling": ["CT4"]},
                {"uri": "urn:oid:1.2.3", "dns_name": "ct1.example", "calling": ["CT5"]},
                {"uri": "urn:oid:1.2.3", "dns_name": "mr.example", "calling": ["CT6"]},
            )
        )
        outcomes = {title: access.attempt(server, shown, title) for title in ("CT1", "CT2", "CT3")}
        outcomes |= {title: access.attempt(server, shown, title) for title in ("CT4", "CT5", "CT6")}
        assert outcomes == dict.fromkeys(["CT1", "CT2", "CT4", "CT5"], ACCEPTED) | {
            "CT3": CALLING,
            "CT6": CALLING,
        }

    def test_an_intermediate_ca(self, access: Access) -> None:
        """The issuer is who has signed the certificate, not the root above."""
        pki = access.nets.pki
        device_ca = pki.issue("Device CA", ca=True)
        by_device_ca = pki.issue("ct", issuer=device_ca)
        shown = (by_device_ca.certificate_file, by_device_ca.key_file)
        issuer = {"issuer": subject("Device CA")}
        server = access.server(policy(CT | issuer, {"calling": ["ANY1"], **issuer}))
        assert access.attempt(server, shown, "CT1") == ACCEPTED
        assert access.attempt(server, shown, "ANY1") == ACCEPTED
        # The same subject from the root, which is trusted as well.
        assert access.attempt(server, "ct", "CT1") == NO_REASON
        by_root = access.server(policy(CT | {"issuer": subject("root")}))
        assert access.attempt(by_root, "ct", "CT1") == ACCEPTED
        assert access.attempt(by_root, shown, "CT1") == NO_REASON

    def test_a_fingerprint(self, access: Access) -> None:
        old, new = (access.nets.pki.issue("ct") for _ in range(2))
        fingerprint = identify(old.certificate).fingerprint
        server = access.server(policy({"fingerprint": fingerprint, "calling": ["CT1"]}))
        assert access.attempt(server, (old.certificate_file, old.key_file)) == ACCEPTED
        assert access.attempt(server, (new.certificate_file, new.key_file)) == NO_REASON

    @pytest.mark.parametrize("link", TLS_LINKS)
    def test_a_resumed_session(self, access: Access, link: str) -> None:
        """The certificate is that of the session, and its AE titles are too."""
        nets = access.nets
        server = access.server(DEVICES, link=link, session_resumption=True)
        client = nets.make(link=link, certificate="ct", session_resumption=True)
        outcomes = []
        for calling in ("CT1", "CT2", "MR1"):
            request = associate_request(called="ARCHIVE")
            request.SetCalling(calling)
            nets.connect(client, server).SendAssociateRequest(request)
            if calling == "MR1":
                outcomes.append(nets.wait_for("OnReceiveAssociateReject", net=client))
            else:
                nets.wait_for("OnReceiveAssociateAccept", net=client)
                client.SendReleaseRequest()
            nets.wait_for("OnClose", net=client)
            outcomes.append(client.link_facts.session_reused)
        assert outcomes == [False, True, CALLING, True]

    def test_a_hostile_certificate_forges_no_log_line(
        self, access: Access, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        hostile = name(O="x, SHA-256 00", CN="Dr\r\n2026-01-01 INFO forged\x1b[2J\u202e")
        certificate, key, _ = issue(access.nets.pki, tmp_path, hostile, [])
        shown = (certificate, key)
        assert access.attempt(access.server(DEVICES), shown, "%s{0}'\"; $(x)") == NO_REASON
        (text,) = reasons(caplog)
        assert text.isprintable()
        assert r"CN=Dr\r\n2026-01-01 INFO forged\x1b[2J\u202e,O=x\, SHA-256 00, SHA-256 " in text
        assert r"""calling AE title '%s{0}\'"; $(x)'""" in text


class TestOverruledCertificates:
    """Who is let in by `OnVerify` although a check failed has proved no name."""

    class Lenient(LDicomNet):
        def OnVerify(self, ok: int, *_: object) -> int:
            return 1

    @pytest.mark.parametrize("variant", ["expired", "self_signed", "other_ca"])
    def test_are_known_by_their_fingerprint_only(
        self, access: Access, variant: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        issued = access.nets.certificate(variant)
        by_name = {"subject": subject(variant), "calling": ["CT1"]}
        server = access.server(policy(by_name), self.Lenient)
        assert access.attempt(server, variant) == NO_REASON
        assert reasons(caplog)[0].endswith("not verified, so that only its fingerprint counts")
        by_print = {"fingerprint": identify(issued.certificate).fingerprint, "calling": ["CT1"]}
        server = access.server(policy(by_print), self.Lenient)
        assert access.attempt(server, variant) == ACCEPTED

    def test_a_good_one_is_verified_all_the_same(self, access: Access) -> None:
        assert access.attempt(access.server(DEVICES, self.Lenient)) == ACCEPTED


class TestVerified:
    """`PeerIdentity.verified`, on which the names of a certificate depend."""

    @pytest.mark.parametrize("link", TLS_LINKS)
    def test_on_both_ends_of_mutual_tls(self, nets: Nets, link: str) -> None:
        accepted, client = nets.pair(link=link)
        assert accepted.peer_identity.verified
        assert client.peer_identity.verified

    def test_not_after_a_failure_that_was_not_heeded(self, nets: Nets) -> None:
        server = nets.server(link="TLS 1.3", certificate="self_signed")
        client = nets.client(server, link="TLS 1.3", verify=VerifyMode.NONE)
        nets.wait_for("OnSecureLinkReady", net=client)
        assert not client.peer_identity.verified

    def test_not_if_nothing_was_checked(self, nets: Nets) -> None:
        """In a resumed session OpenSSL checks nothing, and with NONE nobody else does."""
        options: dict[str, Any] = {"link": "TLS 1.2", "session_resumption": True}
        server = nets.server(**options)
        client = nets.make(verify=VerifyMode.NONE, **options)
        for resumed in (False, True):
            nets.associated(nets.connect(client, server))
            assert client.link_facts.session_reused is resumed
            client.SendReleaseRequest()
            nets.wait_for("OnClose", net=client)
        assert not client.peer_identity.verified


# ------------------------------------------------------------------------ without certificate


PLAIN = {"name": "old", "without_certificate": True, "addresses": HERE, "calling": ["US7"]}


class TestWithoutCertificate:
    def test_rules_for_certificates_never_match(
        self, access: Access, caplog: pytest.LogCaptureFixture
    ) -> None:
        server = access.server(DEVICES, link="plain")
        assert access.attempt(server, None, link="plain") == NO_REASON
        (text,) = reasons(caplog)
        assert "from '127.0.0.1' with no certificate" in text
        assert text.endswith("rule 'ct': it wants a certificate, and none was shown")

    def test_peers_may_be_allowed_by_address_and_title(self, access: Access) -> None:
        server = access.server(policy(CT, PLAIN), link="plain")
        assert access.attempt(server, None, "US7", link="plain") == ACCEPTED
        assert access.attempt(server, None, "CT1", link="plain") == CALLING
        elsewhere = access.server(policy(PLAIN | {"addresses": ["10.0.0.1"]}), link="plain")
        assert access.attempt(elsewhere, None, "US7", link="plain") == NO_REASON

    def test_one_policy_serves_both_ports(self, access: Access) -> None:
        both = policy(CT, PLAIN)
        plain, secure = access.server(both, link="plain"), access.server(both)
        assert access.attempt(plain, None, "US7", link="plain") == ACCEPTED
        assert access.attempt(secure, "ct", "CT1") == ACCEPTED
        # A certificate gives nobody the title of a peer that has none.
        assert access.attempt(secure, "ct", "US7") == CALLING
        assert access.attempt(secure, "stranger", "US7") == NO_REASON

    @pytest.mark.parametrize("verify", [VerifyMode.NONE, VerifyMode.PEER], ids=str)
    def test_tls_that_asks_for_none(self, access: Access, verify: VerifyMode) -> None:
        server = access.server(policy(CT, PLAIN), verify=verify)
        assert access.attempt(server, None, "US7") == ACCEPTED
        assert access.attempt(server, None, "CT1") == CALLING
        # Unasked for, a certificate is not shown.
        shown = ACCEPTED if verify else CALLING
        assert access.attempt(server, "ct", "CT1") == shown


# ------------------------------------------------------------------------------ applications


class TestApplications:
    def test_an_override_cannot_forget_to_ask(
        self, access: Access, caplog: pytest.LogCaptureFixture
    ) -> None:
        class Forgetful(LDicomNet):
            def OnReceiveAssociateRequest(self, associate: LDicomAssociate) -> None:
                reply = LDicomAssociate(False)
                reply.SetCalled(associate.GetCalled())
                reply.SetCalling("MR1")  # whom it pretends to have heard
                reply.AddPresentation(1, 0, associate.GetAbstract(1))
                reply.AddTransfer(1, associate.GetTransfer(1, 0))
                self.SendAssociateAccept(reply)

        server = access.server(DEVICES, Forgetful)
        assert access.attempt(server, "mr", "CT1") == CALLING
        assert access.attempt(server, "ct", "CT1") == ACCEPTED
        assert len(reasons(caplog)) == 1

    def test_an_override_asks_in_one_line(
        self, access: Access, caplog: pytest.LogCaptureFixture
    ) -> None:
        class Asking(LDicomNet):
            asked: list[str] = []  # noqa: RUF012

            def OnReceiveAssociateRequest(self, associate: LDicomAssociate) -> None:
                if not self.admits():
                    return
                self.asked.append(associate.GetCalling())
                super().OnReceiveAssociateRequest(associate)

        server = access.server(DEVICES, Asking)
        assert access.attempt(server, "ct", "MR1") == CALLING
        assert access.attempt(server, "ct", "CT1") == ACCEPTED
        assert Asking.asked == ["CT1"]
        assert len(reasons(caplog)) == 1

    def test_an_override_may_decide_by_itself(self, access: Access) -> None:
        class Deciding(LDicomNet):
            rules: list[str | None] = []  # noqa: RUF012

            def OnReceiveAssociateRequest(self, associate: LDicomAssociate) -> None:
                decision = DEVICES.decide(
                    AccessRequest(
                        address=self.GetPeerInfo()[0],
                        identity=self.peer_identity,
                        calling=associate.GetCalling(),
                        called=associate.GetCalled(),
                    )
                )
                self.rules.append(decision.rule)
                super().OnReceiveAssociateRequest(associate)

        assert access.attempt(access.server(None, Deciding), "mr", "MR1") == ACCEPTED
        assert Deciding.rules == ["mr"]

    def test_objects_of_the_applications_own_are_under_the_listeners_policy(
        self, access: Access
    ) -> None:
        """LEADTOOLS' samples make the object for a caller themselves."""
        nets = access.nets

        class Listener(LDicomNet):
            own: AccessPolicy | None = None

            def OnAccept(self, error: int) -> None:
                client = nets.make(link="TLS 1.3")
                client.access = self.own
                self.Accept(client)

        server = access.server(DEVICES, Listener)
        assert access.attempt(server, "ct", "MR1") == CALLING
        Listener.own = policy(CT | {"calling": ["MR1"]})
        assert access.attempt(server, "ct", "MR1") == ACCEPTED

    def test_a_policy_is_replaced_while_the_server_runs(self, access: Access) -> None:
        server, nets = access.server(DEVICES), access.nets
        assert access.attempt(server, "mr", "MR1") == ACCEPTED
        server.access = policy(CT)
        assert access.attempt(server, "mr", "MR1") == NO_REASON
        assert access.attempt(server, "ct", "CT1") == ACCEPTED
        server.access = AccessPolicy()
        assert access.attempt(server, "ct", "CT1") == NO_REASON
        server.access = None
        nets.associated(nets.client(server, link="TLS 1.3"))

    def test_the_ae_title_of_the_server_is_asked_after_it(self, access: Access) -> None:
        class Named(LDicomNet):
            ae_title = "ARCHIVE"

        server = access.server(policy(CT), Named)
        assert access.attempt(server, "ct", "CT1", "ARCHIVE") == ACCEPTED
        assert access.attempt(server, "ct", "CT1", "OTHER") == CALLED
        assert access.attempt(server, "stranger", "CT1", "OTHER") == NO_REASON

    def test_without_a_request_nobody_is_admitted(self, access: Access) -> None:
        nets = access.nets
        with pytest.raises(NetworkError):
            nets.make().admits()
        client = nets.client(access.server(DEVICES), link="TLS 1.3", certificate="ct")
        nets.wait_for("OnSecureLinkReady", net=client)
        assert client.admits()
        client.access = DEVICES
        assert not client.admits()
