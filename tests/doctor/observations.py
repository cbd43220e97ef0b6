"""Observations made up for the tests of what they mean."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Any

from tls.certificates import DAY, NOW, issue

from leaddicom.doctor import Finding, LinkFacts, Severity, Target
from leaddicom.doctor.catalog import B12, B13, TLS10, TLS11, TLS12, TLS13, SuiteKind, codes
from leaddicom.doctor.facts import Echo, Handshake, Speech
from leaddicom.doctor.hello import EXTENDED_MASTER_SECRET, RENEGOTIATION_INFO
from leaddicom.doctor.scan import Scan

CERTIFICATE = issue("pacs", sans=("pacs.example",), end=NOW + 365 * DAY).certificate

ANSWERED = Echo(seconds=0.002, answered=True)

GOOD_SCAN = Scan(
    versions=MappingProxyType({TLS13: True, TLS12: True, TLS11: False, TLS10: False}),
    suites=MappingProxyType({TLS13: codes(B12.suites_tls13), TLS12: codes(B12.suites_tls12)}),
    own_order=MappingProxyType({TLS13: True, TLS12: True}),
    others=MappingProxyType(dict.fromkeys(SuiteKind)),
    groups=(0x1D, 0x17),
    extensions=frozenset({EXTENDED_MASTER_SECRET, RENEGOTIATION_INFO}),
)

#: What B.13 has and B.12 has not.
B13_SUITES = MappingProxyType({TLS13: codes(B13.suites_tls13), TLS12: codes(B13.suites_tls12)})


def target(**changes: Any) -> Target:
    """A peer that is asked with certificate and trusted CA."""
    return Target("pacs.example", 2762, **{"ca_file": "ca.pem", **changes})


def scanned(**changes: Any) -> Scan:
    """A good server's answers, with changes; mappings are added to."""
    for name in ("versions", "suites", "own_order", "others"):
        if name in changes:
            changes[name] = MappingProxyType({**getattr(GOOD_SCAN, name), **changes[name]})
    return replace(GOOD_SCAN, **changes)


def link(scan: Scan | None = GOOD_SCAN, **changes: Any) -> LinkFacts:
    """A good link, with changes."""
    handshake = Handshake("TLSv1.3", "TLS_AES_128_GCM_SHA256", "X25519", "dicom", (CERTIFICATE,))
    good: dict[str, Any] = {
        "speech": Speech.TLS,
        "preferred": TLS13,
        "handshake": replace(handshake, asks_certificate=True),
        "echo": ANSWERED,
        "anonymous": Echo(failure="Refused. Show one.", alert=116),
        "scan": scan,
    }
    return LinkFacts(changes.pop("target", target()), **{**good, **changes})


def of(check: str, findings: Any) -> list[Finding]:
    """The findings of one check."""
    return [each for each in findings if each.check == check]


def only(check: str, findings: Any) -> Finding:
    """The one finding of a check."""
    (found,) = of(check, findings)
    return found


def troubles(findings: Any) -> list[tuple[str, str]]:
    """Checks with a warning or a problem, and which of both."""
    bad = (Severity.WARNING, Severity.PROBLEM)
    return [(each.check, each.severity.value) for each in findings if each.severity in bad]
