"""When a peer fits PS3.15 B.12 and B.13, and what it lacks if it does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from tls.certificates import issue

from doctor.observations import B13_SUITES, link, scanned
from leaddicom.doctor import Judgement
from leaddicom.doctor.catalog import TLS10, TLS11, TLS12, TLS13, SuiteKind
from leaddicom.doctor.facts import Handshake
from leaddicom.doctor.hello import EXTENDED_MASTER_SECRET, RENEGOTIATION_INFO
from leaddicom.doctor.judgement import judge_certificates, judge_link

CERTIFICATE = issue("server").certificate
WEAK = issue("weak", key=rsa.generate_private_key(65537, 1024)).certificate


def judged(certificate: Any = CERTIFICATE, *, preferred: int = TLS13, **changes: Any) -> Any:
    """Judge a server that has the suites of B.13, with changes."""
    scan = scanned(**{**changes, "suites": {**B13_SUITES, **changes.get("suites", {})}})
    facts = link(scan, handshake=Handshake(chain=(certificate,)), preferred=preferred)
    return judge_link(facts)


def test_a_server_may_fit_both() -> None:
    assert [(each.section, each.conforms, each.lacks) for each in judged()] == [
        ("PS3.15 B.12", True, ()),
        ("PS3.15 B.13", True, ()),
    ]


def test_without_tls_there_is_nothing_to_judge() -> None:
    assert judge_link(link(None)) == ()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"versions": {TLS12: False}, "suites": {TLS12: ()}}, "TLS 1.2 is missing"),
        ({"versions": {TLS11: True}}, "TLS 1.1 is accepted (RFC 8996)"),
        ({"versions": {TLS10: True}}, "TLS 1.0 is accepted (RFC 8996)"),
        ({"preferred": TLS12}, "TLS 1.3 is there, but not preferred"),
        ({"suites": {TLS12: (0xCCA8,)}}, "in TLS 1.2 all suites are missing that RFC 9325"),
        ({"others": {SuiteKind.BROKEN: 1}}, "TLS_RSA_WITH_NULL_MD5 is accepted"),
        ({"extensions": frozenset({RENEGOTIATION_INFO})}, "extended_master_secret is missing"),
        ({"extensions": frozenset({EXTENDED_MASTER_SECRET})}, "renegotiation_info is missing"),
        ({"others": {SuiteKind.DHE: 0x9E}, "dh_bits": 1024}, "DHE has only 1024 bits"),
        ({"certificate": WEAK}, "a certificate is too weak: its RSA key has 1024 bits"),
    ],
)
def test_neither_allows(changes: dict[str, Any], reason: str) -> None:
    for judgement in judged(**changes):
        assert judgement.conforms is False
        assert any(each.startswith(reason) for each in judgement.lacks), judgement.lacks


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"versions": {TLS13: False}, "suites": {TLS13: ()}}, "TLS 1.3 is missing"),
        ({"suites": {TLS13: B13_SUITES[TLS13][:4]}}, "in TLS 1.3 suites are missing: TLS_AES_128"),
        ({"suites": {TLS12: B13_SUITES[TLS12][:9]}}, "in TLS 1.2 suites are missing: TLS_ECDHE_E"),
        ({"others": {SuiteKind.CBC: 0xC014}}, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA is accepted"),
        ({"others": {SuiteKind.STATIC_RSA: 0x2F}}, "TLS_RSA_WITH_AES_128_CBC_SHA is accepted"),
    ],
)
def test_only_b13_forbids(changes: dict[str, Any], reason: str) -> None:
    b12, b13 = judged(**changes)
    assert b12.conforms
    assert b13.conforms is False
    assert [each.startswith(reason) for each in b13.lacks] == [True]


def test_dhe_of_2048_bits_is_allowed() -> None:
    assert all(each.conforms for each in judged(others={SuiteKind.DHE: 0x9E}, dh_bits=2048))


class TestWhatWasNotSeen:
    def test_leaves_it_open(self) -> None:
        verdicts = [each.conforms for each in judged(stopped="Silence.", versions={TLS10: None})]
        assert verdicts == [None, None]

    def test_does_not_excuse_what_was_seen(self) -> None:
        assert [each.conforms for each in judged(stopped="Silence.", versions={TLS11: True})] == [
            False,
            False,
        ]

    def test_includes_the_certificate(self) -> None:
        facts = link(scanned(suites=B13_SUITES))
        assert [each.conforms for each in judge_link(replace(facts, handshake=None))] == [None] * 2


class TestCertificates:
    def test_that_are_strong_fit_both(self) -> None:
        assert [each.conforms for each in judge_certificates([CERTIFICATE])] == [True, True]

    def test_that_are_weak_fit_none(self) -> None:
        found: tuple[Judgement, ...] = judge_certificates([CERTIFICATE, WEAK])
        assert [each.conforms for each in found] == [False, False]

    def test_none_is_nothing_to_judge(self) -> None:
        assert [each.conforms for each in judge_certificates([])] == [None, None]
