"""What is said about versions, suites, groups and extensions."""

from __future__ import annotations

from typing import Any

import pytest

from doctor.observations import B13_SUITES, link, of, only, scanned, troubles
from leaddicom.doctor import Finding, Severity
from leaddicom.doctor.catalog import TLS10, TLS11, TLS12, TLS13, SuiteKind
from leaddicom.doctor.encryption import encryption_findings
from leaddicom.doctor.hello import EXTENDED_MASTER_SECRET, RENEGOTIATION_INFO

NOTHING = {TLS13: (), TLS12: ()}
STATIC_RSA = SuiteKind.STATIC_RSA.codes[-1]


def findings(**changes: Any) -> list[Finding]:
    return list(encryption_findings(link(scanned(**changes))))


def test_a_good_server_has_no_trouble() -> None:
    found = findings()
    assert troubles(found) == []
    assert [each.advice for each in found if each.severity is Severity.OK and each.advice] == []
    assert only("tls-versions", found).what == "The peer accepts TLS 1.3 and TLS 1.2."
    assert "TLSv1.3" in only("negotiated", found).what


def test_without_a_scan_nothing_is_said() -> None:
    assert list(encryption_findings(link(None))) == []


class TestVersions:
    def test_old_ones_beside_new_ones_are_a_warning(self) -> None:
        first, second = of("tls-versions", findings(versions={TLS11: True, TLS10: True}))
        assert first.severity is Severity.WARNING
        assert "TLS 1.1 and TLS 1.0" in first.what
        assert second.severity is Severity.OK

    def test_old_ones_alone_are_a_problem(self) -> None:
        versions = {TLS13: False, TLS12: False, TLS10: True}
        found = only("tls-versions", findings(versions=versions, suites=NOTHING))
        assert found.severity is Severity.PROBLEM
        assert found.advice == "Enable TLS 1.2 and 1.3 at the peer, or update it."

    @pytest.mark.parametrize(("lacks", "named"), [(TLS13, "TLS 1.3"), (TLS12, "TLS 1.2")])
    def test_one_of_the_two_is_a_note(self, lacks: int, named: str) -> None:
        found = only("tls-versions", findings(versions={lacks: False}, suites={lacks: ()}))
        assert found.severity is Severity.NOTE
        assert f"Enable {named}" in found.advice

    def test_none_at_all_is_a_problem(self) -> None:
        versions = dict.fromkeys((TLS13, TLS12, TLS11, TLS10), False)
        found = only("tls-versions", findings(versions=versions, suites=NOTHING))
        assert found.severity is Severity.PROBLEM


class TestSuites:
    def test_are_named_by_version(self) -> None:
        first, second = of("cipher-suites", findings())
        assert "In TLS 1.3 the peer accepts TLS_AES_128_GCM_SHA256, TLS_AES_256" in first.what
        assert "In TLS 1.2 the peer accepts TLS_ECDHE_RSA_WITH_AES_128_GCM" in second.what

    @pytest.mark.parametrize(
        ("kind", "severity"),
        [
            (SuiteKind.DHE, "note"),
            (SuiteKind.CBC, "warning"),
            (SuiteKind.STATIC_RSA, "warning"),
            (SuiteKind.BROKEN, "warning"),
        ],
    )
    def test_of_old_kinds_are_named(self, kind: SuiteKind, severity: str) -> None:
        *_, last = of("cipher-suites", findings(others={kind: kind.codes[0]}))
        assert last.severity.value == severity
        assert kind.what in last.what
        assert "Switch them off" in last.advice

    def test_only_old_ones_are_a_problem_with_a_way_out(self) -> None:
        others = {SuiteKind.STATIC_RSA: STATIC_RSA}
        found = only("cipher-suites", findings(suites=NOTHING, others=others))
        assert found.severity is Severity.PROBLEM
        assert "TLS_RSA_WITH_AES_128_CBC_SHA" in found.what
        assert "until then only the retired profile 'BCP 195' (PS3.15 B.9)" in found.advice

    def test_those_of_no_profile_have_no_way_out(self) -> None:
        others = {SuiteKind.BROKEN: 0x0005}
        found = only("cipher-suites", findings(suites=NOTHING, others=others))
        assert found.advice == "Enable AES-GCM with ECDHE at the peer."

    def test_those_of_b13_are_fine(self) -> None:
        assert troubles(findings(suites=B13_SUITES)) == []

    def test_the_clients_order_is_a_note(self) -> None:
        first, second = of("suite-order", findings(own_order={TLS12: False}))
        assert (first.severity, second.severity) == (Severity.OK, Severity.NOTE)
        assert "the client's order" in second.what

    @pytest.mark.parametrize(("bits", "count"), [(2047, 1), (2048, 0)])
    def test_a_short_prime_is_a_warning(self, bits: int, count: int) -> None:
        found = findings(others={SuiteKind.DHE: 0x9E}, dh_bits=bits)
        assert troubles(found) == [("dhe", "warning")] * count


class TestGroups:
    @pytest.mark.parametrize(
        ("groups", "severity"),
        [
            ((0x1D, 0x17), Severity.OK),
            ((0x17, 0x18), Severity.NOTE),
            ((0x1D,), Severity.NOTE),
            ((0x19,), Severity.WARNING),
        ],
    )
    def test_should_have_what_others_have(
        self, groups: tuple[int, ...], severity: Severity
    ) -> None:
        found = only("groups", findings(groups=groups))
        assert found.severity is severity
        assert bool(found.advice) == (severity is not Severity.OK)

    def test_are_not_named_if_none_is_known(self) -> None:
        assert of("groups", findings(groups=())) == []


class TestExtensions:
    @pytest.mark.parametrize(
        ("there", "check"),
        [
            (RENEGOTIATION_INFO, "extended-master-secret"),
            (EXTENDED_MASTER_SECRET, "renegotiation"),
        ],
    )
    def test_that_are_missing_are_a_warning(self, there: int, check: str) -> None:
        assert troubles(findings(extensions=frozenset({there}))) == [(check, "warning")]

    def test_are_not_judged_without_tls_12(self) -> None:
        assert troubles(findings(extensions=None)) == []

    def test_compression_is_a_warning(self) -> None:
        assert troubles(findings(compression=True)) == [("compression", "warning")]


def test_what_was_not_asked_is_told() -> None:
    found = only("scan", findings(stopped="It fell silent."))
    assert found.severity is Severity.NOTE
    assert "It fell silent." in found.what
    assert "--timeout" in found.advice
