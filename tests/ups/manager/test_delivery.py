"""Event reports over real associations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from nets import Nets, free_port, short, warnings_of
from pydicom.dataset import Dataset

from leaddicom import (
    DICOM_SECURE_NONE,
    AssociationError,
    DataSetError,
    DicomError,
    DicomErrorCode,
    LDicomNet,
    NetworkError,
    TlsError,
)
from leaddicom.testing.certificates import ThrowAwayPki
from leaddicom.testing.peers import Script, ScriptedPeer
from leaddicom.ups.core.terms import EventType, SopClass
from leaddicom.ups.core.workitem import Event
from leaddicom.ups.manager.delivery import EventAssociation, event_sender
from leaddicom.ups.settings.entities import ApplicationEntity
from ups.receivers import EventReceiver, PlainRoles, entity, pynetdicom_receiver

UID = "1.2.826.0.1.3680043.8.498.1"


def event(uid: str = UID, state: str = "SCHEDULED") -> Event:
    information = Dataset()
    information.ProcedureStepState, information.InputReadinessState = state, "READY"
    return Event(EventType.STATE_REPORT, uid, information)


def sender_of(nets: Nets, link: str = "TLS 1.3", **options: Any) -> Any:
    return event_sender(nets.make(link=link, **options), "MANAGER")


def fingerprint(nets: Nets, name: str) -> str:
    return nets.certificate(name).certificate.fingerprint(hashes.SHA256()).hex()


def report(nets: Nets, receiver: ApplicationEntity, **options: Any) -> EventAssociation:
    """Report one event, as a manager with a good certificate does."""
    with sender_of(nets, **options)(receiver) as association:
        association.report(event())
    return association


class TestReport:
    def test_is_of_push_on_the_context_of_event(self, nets: Nets) -> None:
        # PS3.4 section CC.3.1.1
        receiver = nets.server(EventReceiver, link="TLS 1.3")
        report(nets, entity(receiver))
        (received,) = receiver.inbox.wait_for(1)
        assert (received.sop_class, received.abstract_syntax) == (SopClass.PUSH, SopClass.EVENT)
        assert (received.type, received.uid) == (EventType.STATE_REPORT, UID)
        assert received.information == event().information

    def test_proposes_to_be_the_scp_and_not_the_scu(self, nets: Nets) -> None:
        receiver = nets.server(EventReceiver, link="TLS 1.3")
        report(nets, entity(receiver, "WATCHER"))
        (request,) = receiver.inbox.associations
        assert request.parameters.roles == {SopClass.EVENT: (False, True)}
        offered = request.parameters.presentation_contexts
        assert [each.abstract_syntax for each in offered] == [SopClass.EVENT]
        assert (request.GetCalling(), request.GetCalled()) == ("MANAGER", "WATCHER")

    def test_reaches_receivers_that_know_no_role_selection(self, nets: Nets) -> None:
        receiver = nets.server(PlainRoles, link="TLS 1.3")
        report(nets, entity(receiver))
        assert receiver.inbox.uids == [UID]

    @pytest.mark.parametrize("roles", [True, False])
    def test_names_the_context_of_event_where_all_five_are_supported(
        self, nets: Nets, roles: bool
    ) -> None:
        with pynetdicom_receiver(nets, roles=roles) as (port, inbox):
            report(nets, entity(port))
            (received,) = inbox.wait_for(1)
        assert (received.sop_class, received.abstract_syntax) == (SopClass.PUSH, SopClass.EVENT)
        assert received.key == (1, UID)
        assert received.information == event().information

    def test_tells_what_was_answered(self, nets: Nets) -> None:
        receiver = nets.server(EventReceiver, link="TLS 1.3")
        receiver.inbox.answer = lambda _: 0x0112
        with sender_of(nets)(entity(receiver)) as association:
            result = association.report(event())
        assert (result.status, result.meaning) == (0x0112, "No Such SOP Instance")

    def test_follows_others_on_one_association(self, nets: Nets) -> None:
        receiver = nets.server(EventReceiver, link="TLS 1.3")
        uids = [f"{UID}.{number}" for number in range(1, 6)]
        with sender_of(nets)(entity(receiver)) as association:
            for uid in uids:
                association.report(event(uid))
        assert receiver.inbox.uids == uids
        assert len(receiver.inbox.associations) == 1
        assert nets.wait_for("OnReceiveReleaseRequest") == ()

    def test_that_cannot_be_encoded_is_refused_and_others_are_not(self, nets: Nets) -> None:
        receiver = nets.server(EventReceiver, link="TLS 1.3")
        impossible = event()
        impossible.information["InputReadinessState"].VR = "SQ"
        with sender_of(nets)(entity(receiver)) as association:
            with pytest.raises(DataSetError):
                association.report(impossible)
            association.report(event())
        assert receiver.inbox.uids == [UID]


class TestSecurity:
    @pytest.mark.parametrize("link", ["TLS 1.2", "TLS 1.3"])
    def test_is_mutual_tls_with_the_certificate_of_the_manager(self, nets: Nets, link: str) -> None:
        receiver = nets.server(EventReceiver, link=link)
        association = report(nets, entity(receiver), link=link, certificate="manager")
        accepted = nets.recorder.wait_for_event("OnReceiveAssociateRequest").net
        shown = accepted.peer_identity
        assert shown is not None
        assert shown.fingerprint == fingerprint(nets, "manager")
        assert association.link_facts is not None

    def test_is_given_up_only_for_receivers_without_it(self, nets: Nets) -> None:
        receiver = nets.server(EventReceiver, link="plain")
        association = report(nets, entity(receiver, tls=False))
        assert association.security.mode == DICOM_SECURE_NONE
        assert receiver.inbox.uids == [UID]

    def test_is_not_given_up_by_a_manager_without_it(self, nets: Nets) -> None:
        receiver = nets.server(EventReceiver, link="TLS 1.3")
        manager = LDicomNet(None, DICOM_SECURE_NONE)
        with (
            pytest.raises(TlsError, match="CA"),
            event_sender(manager, "MANAGER")(entity(receiver)) as association,
        ):
            association.report(event())
        assert receiver.inbox.received == []

    def test_may_stand_on_a_ca_of_the_receiver(self, nets: Nets, tmp_path: Path) -> None:
        other = ThrowAwayPki(tmp_path)
        shown = other.issue("elsewhere")
        receiver = nets.make(EventReceiver, link="TLS 1.3")
        receiver.SetServerCertificateTLS(str(shown.certificate_file), 1, str(shown.key_file))
        receiver.Listen("127.0.0.1", 0)
        with pytest.raises(TlsError):
            report(nets, entity(receiver))
        report(nets, entity(receiver, ca_file=str(other.ca_file)))
        assert receiver.inbox.uids == [UID]

    def test_leaves_the_manager_as_it_is(self, nets: Nets) -> None:
        manager = nets.make(link="TLS 1.3")
        before = (manager.security.mode, manager.security.settings)
        event_sender(manager, "MANAGER")(entity(1, tls=False))
        event_sender(manager, "MANAGER")(entity(1, ca_file="another.pem"))
        assert (manager.security.mode, manager.security.settings) == before

    @pytest.mark.parametrize("content", [None, "no certificate"])
    def test_fails_with_a_bad_file_of_the_receiver(
        self, nets: Nets, tmp_path: Path, content: str | None
    ) -> None:
        receiver = nets.server(EventReceiver, link="TLS 1.3")
        path = tmp_path / "bad.pem"
        if content is not None:
            path.write_text(content)
        with pytest.raises(TlsError, match=r"bad\.pem"):
            report(nets, entity(receiver, ca_file=str(path)))
        report(nets, entity(receiver))
        assert receiver.inbox.uids == [UID]


class TestPin:
    def test_that_fits(self, nets: Nets) -> None:
        receiver = nets.server(EventReceiver, link="TLS 1.3")
        report(nets, entity(receiver, fingerprint=fingerprint(nets, "good")))
        assert receiver.inbox.uids == [UID]

    @pytest.mark.parametrize("link", ["TLS 1.2", "TLS 1.3"])
    def test_that_does_not_fit_has_nothing_sent(self, nets: Nets, link: str) -> None:
        receiver = nets.server(EventReceiver, link=link)
        with pytest.raises(TlsError, match=f"fingerprint .*, but {'0' * 64} is expected"):
            report(nets, entity(receiver, fingerprint="0" * 64), link=link)
        nets.wait_for("OnClose")
        assert "OnReceiveAssociateRequest" not in nets.recorder.names()


class TestDeadReceiver:
    def test_that_is_not_there(self, nets: Nets) -> None:
        with pytest.raises(NetworkError, match="Nothing listens there"):
            report(nets, entity(free_port()))

    def test_is_logged_by_who_has_tried_not_by_the_connection(
        self, nets: Nets, caplog: pytest.LogCaptureFixture
    ) -> None:
        with pytest.raises(NetworkError):
            report(nets, entity(free_port()))
        with pytest.raises(TlsError):
            report(nets, entity(nets.server(link="TLS 1.3"), fingerprint="0" * 64))
        assert warnings_of(caplog, "to") == []

    def test_that_accepts_tcp_and_stays_silent(self, nets: Nets) -> None:
        with ScriptedPeer(Script(secure=False).stall()) as peer:
            _, port = peer.listen()
            with pytest.raises(DicomError) as caught:
                report(nets, entity(port), limits=short(handshake_timeout=0.1))
            peer.let_go()
        assert caught.value.code is DicomErrorCode.NET_TIME_OUT

    def test_that_does_not_answer_the_report(self, nets: Nets) -> None:
        class Silent(EventReceiver):
            def OnReceiveNReportRequest(self, *arguments: Any) -> None:
                pass

        receiver = nets.server(Silent, link="TLS 1.3")
        with pytest.raises(NetworkError) as caught:
            report(nets, entity(receiver), limits=short(response_timeout=0.1))
        assert caught.value.code is DicomErrorCode.NET_TIME_OUT

    def test_that_speaks_no_tls(self, nets: Nets) -> None:
        receiver = nets.server(EventReceiver, link="plain")
        with pytest.raises(TlsError):
            report(nets, entity(receiver))

    def test_that_takes_no_events(self, nets: Nets) -> None:
        with pytest.raises(AssociationError, match="does not accept Unified Procedure Step"):
            report(nets, entity(nets.server(link="TLS 1.3")))

    def test_has_short_deadlines_whatever_those_of_the_manager_are(self, nets: Nets) -> None:
        patient = nets.make(limits=short(response_timeout=600.0, connect_timeout=0.5))
        limits = event_sender(patient, "MANAGER")(entity(1)).limits
        assert (limits.response_timeout, limits.connect_timeout) == (10.0, 0.5)
