"""What observations of a peer mean: findings with advice, and the verdict."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import pytest
from tls.certificates import issue

from doctor.observations import ANSWERED, GOOD_SCAN, link, of, only, scanned, target, troubles
from leaddicom.doctor import LinkFacts, Report, Severity, diagnose_link
from leaddicom.doctor.catalog import TLS12, TLS13, SuiteKind
from leaddicom.doctor.facts import Echo, Flaw, Handshake, Speech
from leaddicom.doctor.findings import finding
from leaddicom.errors import DicomErrorCode

NOW = datetime.now(timezone.utc)
REFUSED = Echo(failure="Handshake failed. Ask.", alert=48)


def diagnosed(facts: LinkFacts) -> Report:
    return diagnose_link(facts, NOW)


def asking(**changes: Any) -> Handshake:
    return replace(Handshake(asks_certificate=True), **changes)


def test_a_good_link_is_usable() -> None:
    report = diagnosed(link())
    assert report.usable
    assert report.verdict == "The link is usable: C-ECHO over TLS took 2.0 ms."
    assert troubles(report.findings) == []


def test_nobody_there() -> None:
    facts = LinkFacts(target(), unreachable="Connecting to x failed: REFUSED. Look there.")
    report = diagnosed(facts)
    assert not report.usable
    assert report.verdict == "Not usable. Connecting to x failed: REFUSED."
    (found,) = report.findings
    assert (found.check, found.advice) == ("reachable", "Look there.")
    assert report.judgements == ()


class TestProtocol:
    @pytest.mark.parametrize(
        ("speech", "what"),
        [
            (Speech.HTTP, "a web server"),
            (Speech.SSH, "speaks SSH"),
            (Speech.OTHER, "speaks neither TLS nor DICOM"),
            (Speech.SILENT, "answers neither TLS nor DICOM in time"),
            (Speech.CLOSED, "closes them without a word"),
        ],
    )
    @pytest.mark.parametrize("plain", [False, True])
    def test_others_are_named(self, speech: Speech, what: str, plain: bool) -> None:
        facts = LinkFacts(target(plain=plain), speech=speech, first_bytes=b"\x1b[2J")
        report = diagnosed(facts)
        found = only("protocol", report.findings)
        assert not report.usable
        assert found.severity is Severity.PROBLEM
        assert what in found.what
        assert found.advice
        assert found.what.isprintable()

    def test_plain_dicom_is_no_link_over_tls(self) -> None:
        facts = LinkFacts(target(), speech=Speech.DICOM, plain_echo=ANSWERED)
        report = diagnosed(facts)
        assert not report.usable
        assert report.verdict == "Not usable. The peer speaks DICOM without TLS."
        assert "--plain" in only("protocol", report.findings).advice
        assert only("echo", report.findings).severity is Severity.OK

    def test_plain_dicom_is_usable_if_asked_for_but_a_warning(self) -> None:
        facts = LinkFacts(target(plain=True), speech=Speech.DICOM, plain_echo=ANSWERED)
        report = diagnosed(facts)
        assert report.usable
        assert "without TLS" in report.verdict
        assert troubles(report.findings) == [("protocol", "warning")]

    def test_tls_is_no_plain_link(self) -> None:
        failed = Echo(failure="It speaks TLS. Turn it on.", code=DicomErrorCode.BAD_SECURE_MODE)
        facts = LinkFacts(target(plain=True), speech=Speech.TLS, plain_echo=failed)
        report = diagnosed(facts)
        assert not report.usable
        assert only("protocol", report.findings).advice == "Leave --plain out."


class TestClientCertificate:
    def test_that_is_demanded_and_accepted_is_well(self) -> None:
        report = diagnosed(link())
        assert "alert certificate_required" in only("client-certificate", report.findings).what
        assert only("own-certificate", report.findings).severity is Severity.OK

    def test_that_is_demanded_and_not_given_is_a_problem(self) -> None:
        failed = Echo(failure="It requires one. Set one.", alert=116)
        report = diagnosed(link(echo=failed, anonymous=None))
        assert not report.usable
        found = only("client-certificate", report.findings)
        assert report.verdict == f"Not usable. {found.what}"
        assert found.advice == "Show it one with -cert and -key."

    @pytest.mark.parametrize("alert", [40, 42, 43, 44, 45, 46, 48, 49])
    def test_that_is_refused_is_a_problem_with_the_reason(self, alert: int) -> None:
        report = diagnosed(link(echo=replace(REFUSED, alert=alert)))
        found = only("own-certificate", report.findings)
        assert found.severity is Severity.PROBLEM
        assert "(alert " in found.what
        assert found.advice

    def test_a_dropped_connection_is_a_refusal_too(self) -> None:
        bare = Echo(failure="It closed. See.", code=DicomErrorCode.NET_CONNECTION_RESET)
        report = diagnosed(link(echo=bare, anonymous=None))
        assert only("client-certificate", report.findings).severity is Severity.PROBLEM

    def test_is_not_blamed_if_there_is_no_common_suite(self) -> None:
        scan = scanned(suites={TLS13: (), TLS12: ()}, others={SuiteKind.STATIC_RSA: 0x2F})
        refused = replace(REFUSED, alert=40)
        report = diagnosed(link(scan, echo=refused, anonymous=refused))
        assert of("own-certificate", report.findings) == []
        assert only("client-certificate", report.findings).severity is Severity.NOTE
        assert report.verdict.startswith("Not usable. The peer accepts no suite")

    def test_whether_it_is_demanded_stays_open_if_we_refuse_the_server(self) -> None:
        ours = Echo(failure="We refuse its certificate. Renew it.")
        report = diagnosed(link(echo=ours, anonymous=ours))
        assert only("client-certificate", report.findings).severity is Severity.NOTE

    @pytest.mark.parametrize("asks", [True, False])
    def test_that_is_not_demanded_is_a_warning(self, asks: bool) -> None:
        report = diagnosed(link(handshake=Handshake(asks_certificate=asks), anonymous=ANSWERED))
        found = only("client-certificate", report.findings)
        assert report.usable
        assert found.severity is Severity.WARNING
        assert ("though it asks for one" in found.what) == asks
        assert bool(of("own-certificate", report.findings)) == asks

    def test_trusted_cas_without_ours_explain_a_refusal(self) -> None:
        handshake = asking(trusted_cas=("CN=Theirs",), own_issuers=("CN=Ours",))
        report = diagnosed(link(handshake=handshake, echo=REFUSED))
        found = only("trusted-cas", report.findings)
        assert found.severity is Severity.PROBLEM
        assert "CN=Theirs. None of them has issued our certificate." in found.what

    def test_trusted_cas_are_a_note_if_all_is_well(self) -> None:
        handshake = asking(trusted_cas=("CN=Theirs", "CN=Ours"), own_issuers=("CN=Ours",))
        found = only("trusted-cas", diagnosed(link(handshake=handshake)).findings)
        assert found.severity is Severity.NOTE
        assert found.what == "The peer says that it trusts CN=Theirs; CN=Ours."


class TestServerCertificate:
    CERTIFICATE = issue("server", sans=("pacs.example",)).certificate

    def test_is_described_and_checked(self) -> None:
        report = diagnosed(link(handshake=asking(chain=(self.CERTIFICATE,))))
        checks = [each.check for each in report.findings]
        for check in ("server-certificate", "certificate-purpose", "server-name"):
            assert check in checks
        assert only("certificate-chain", report.findings).severity is Severity.OK

    def test_with_flaws_is_not_trusted(self) -> None:
        handshake = asking(chain=(self.CERTIFICATE,), flaws=(Flaw(18, 0, "CN=server"),))
        report = diagnosed(link(handshake=handshake, echo=Echo(failure="Refused. Mend it.")))
        assert only("certificate-chain", report.findings).severity is Severity.PROBLEM
        assert "self-signed" in report.verdict

    def test_without_cas_is_not_verified(self) -> None:
        facts = link(target=target(ca_file=None), handshake=asking(chain=(self.CERTIFICATE,)))
        report = diagnosed(facts)
        assert report.usable
        found = only("certificate-chain", report.findings)
        assert (found.severity, found.advice) == (
            Severity.WARNING,
            "Name the CA's certificate with -ca.",
        )

    def test_is_judged_by_the_name_that_was_given(self) -> None:
        facts = link(
            target=target(server_name="other.example"),
            handshake=asking(chain=(self.CERTIFICATE,)),
        )
        assert "other.example" in only("server-name", diagnosed(facts).findings).what

    def test_that_cannot_be_decoded_is_a_problem(self) -> None:
        report = diagnosed(link(handshake=asking(), echo=Echo(failure="Refused. Mend it.")))
        assert only("server-certificate", report.findings).severity is Severity.PROBLEM
        assert report.verdict.endswith("or one that cannot be decoded.")

    def test_that_never_came_is_explained_by_the_handshake(self) -> None:
        handshake = Handshake(failure="The handshake failed. Compare.")
        report = diagnosed(link(None, handshake=handshake, echo=REFUSED, anonymous=None))
        assert only("handshake", report.findings).advice == "Compare."


class TestEcho:
    def test_a_rejection_has_its_reason_and_advice(self) -> None:
        failed = Echo(
            answered=True,
            failure="PACS rejected the association permanently: called AE title not recognized "
            "(1, 1, 7). Check the called AE title.",
        )
        report = diagnosed(link(echo=failed))
        found = only("echo", report.findings)
        assert report.verdict.endswith("called AE title not recognized (1, 1, 7).")
        assert found.advice == "Check the called AE title."
        assert only("own-certificate", report.findings).severity is Severity.OK

    def test_an_error_without_advice_sends_to_the_log(self) -> None:
        failed = Echo(failure="pacs.example:2762 did not answer within 5 s.")
        found = only("echo", diagnosed(link(echo=failed)).findings)
        assert found.what == failed.failure
        assert found.advice == "See the peer's log for the reason."

    def test_text_of_the_peer_is_escaped(self) -> None:
        failed = Echo(answered=True, failure="It said \x1b[31m\u202e. See its log.")
        report = diagnosed(link(echo=failed))
        assert report.verdict.isprintable()
        assert all(each.what.isprintable() for each in report.findings)


class TestProfiles:
    def test_are_part_of_the_findings(self) -> None:
        found = diagnosed(link(replace(GOOD_SCAN, stopped="Silence."))).findings
        assert only("profile-b12", found).severity is Severity.NOTE
        assert "Not enough was seen" in only("profile-b12", found).what
        assert "suites are missing" in only("profile-b13", found).what

    def test_that_fit_are_ok(self) -> None:
        chain = (TestServerCertificate.CERTIFICATE,)
        found = diagnosed(link(handshake=asking(chain=chain))).findings
        assert only("profile-b12", found).severity is Severity.OK


def test_findings_about_our_certificate_stand_with_the_others() -> None:
    own = finding("own-certificate", Severity.PROBLEM, "Our certificate is old.", "Renew it.")
    assert diagnose_link(link(), NOW, [own]).usable
    report = diagnose_link(link(echo=REFUSED), NOW, [own])
    assert own in report.findings
    assert report.verdict == "Not usable. Our certificate is old."
