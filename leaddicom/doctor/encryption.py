"""Findings about TLS versions, suites, groups and extensions."""

from __future__ import annotations

from collections.abc import Iterator

from leaddicom.doctor.catalog import (
    TLS10,
    TLS11,
    TLS12,
    TLS13,
    SuiteKind,
    codes,
    group_name,
    suite_name,
    version_name,
)
from leaddicom.doctor.facts import Handshake, LinkFacts
from leaddicom.doctor.findings import Finding, Severity, finding
from leaddicom.doctor.hello import EXTENDED_MASTER_SECRET, RENEGOTIATION_INFO
from leaddicom.doctor.scan import Scan
from leaddicom.tls.profiles import PROFILES

__all__ = ["encryption_findings"]

_OK, _NOTE, _WARNING, _PROBLEM = Severity

_NEWER = "Enable TLS 1.2 and 1.3 at the peer, or update it."
_OFF = "Switch them off at the peer, unless an old device needs them."
_SMALLEST_PRIME = 2048


def encryption_findings(facts: LinkFacts) -> Iterator[Finding]:
    """Yield all of them, for a peer that speaks TLS."""
    scan, handshake = facts.scan, facts.handshake
    if scan is None:
        return
    yield from _versions(scan)
    yield from _suites(scan)
    yield from _order(scan)
    yield from _groups(scan)
    yield from _extensions(scan)
    if handshake is not None and handshake.tls_version is not None:
        yield _negotiated(handshake)
    if scan.stopped is not None:
        yield finding(
            "scan",
            _NOTE,
            f"Not all was asked: {scan.stopped}",
            "Try again with a longer --timeout when the peer is less busy.",
        )


def _versions(scan: Scan) -> Iterator[Finding]:
    check = "tls-versions"
    accepted = [version_name(each) for each, takes in scan.versions.items() if takes]
    modern = [each for each in (TLS13, TLS12) if scan.versions[each]]
    old = [version_name(each) for each in (TLS11, TLS10) if scan.versions[each]]
    if accepted and not modern:
        what = f"The peer accepts only {' and '.join(accepted)}, which RFC 8996 forbids."
        yield finding(check, _PROBLEM, what, _NEWER)
    elif old:
        what = f"The peer also accepts {' and '.join(old)}, which RFC 8996 forbids."
        yield finding(check, _WARNING, what, "Switch them off at the peer.")
    if modern:
        what = f"The peer accepts {' and '.join(version_name(each) for each in modern)}."
        advice = ""
        if scan.versions[TLS13] is False:
            advice = "Enable TLS 1.3 at the peer, if it can; B.13 requires it."
        elif scan.versions[TLS12] is False:
            advice = "Enable TLS 1.2 too, which B.12 requires of every server."
        yield finding(check, _NOTE if advice else _OK, what, advice)
    elif not accepted:
        what = "The peer speaks TLS, but accepts no version and suite that was offered."
        yield finding(check, _PROBLEM, what, "See the peer's log for the reason.")


def _suites(scan: Scan) -> Iterator[Finding]:
    check = "cipher-suites"
    for version, accepted in scan.suites.items():
        if accepted:
            names = ", ".join(suite_name(each) for each in accepted)
            yield finding(check, _OK, f"In {version_name(version)} the peer accepts {names}.")
    others = {kind: found for kind, found in scan.others.items() if found is not None}
    if others and not any(scan.suites.values()):
        yield finding(
            check,
            _PROBLEM,
            "The peer accepts no suite of the profiles B.12 and B.13, but "
            f"{', '.join(map(suite_name, others.values()))}.",
            f"Enable AES-GCM with ECDHE at the peer{_retired(tuple(others.values()))}.",
        )
        return
    for kind, found in others.items():
        severity = _NOTE if kind is SuiteKind.DHE else _WARNING
        what = f"The peer also accepts suites with {kind.what}, for example {suite_name(found)}."
        yield finding(check, severity, what, _OFF)
    if scan.dh_bits is not None and scan.dh_bits < _SMALLEST_PRIME:
        yield finding(
            "dhe",
            _WARNING,
            f"For DHE the peer uses {scan.dh_bits} bits, fewer than {_SMALLEST_PRIME}.",
            "Switch DHE off at the peer, or give it a longer prime.",
        )


def _retired(accepted: tuple[int, ...]) -> str:
    """Name the retired profile by which such a peer can be reached."""
    for profile in PROFILES.values():
        if profile.is_retired and set(accepted) & set(codes(profile.suites_tls12)):
            return (
                f"; until then only the retired profile {profile.name!r} ({profile.section}) "
                "reaches it"
            )
    return ""


def _order(scan: Scan) -> Iterator[Finding]:
    for version, own in scan.own_order.items():
        whose = "its own order" if own else "the client's order"
        yield finding(
            "suite-order",
            _OK if own else _NOTE,
            f"In {version_name(version)} the peer chooses suites by {whose}.",
            "" if own else "Have the peer keep to its own order (RFC 9325 section 4.2.1).",
        )


def _groups(scan: Scan) -> Iterator[Finding]:
    if not scan.groups:
        return
    names = [group_name(each) for each in scan.groups]
    lacks = [each for each in ("P-256", "X25519") if each not in names]
    advice = ""
    if len(lacks) == 2:
        advice = "Enable P-256 or X25519 at the peer: nearly all others offer only these."
    elif lacks:
        advice = f"Nothing needs doing; RFC 9325 section 4.2.1 also recommends {lacks[0]}."
    severity = _WARNING if len(lacks) == 2 else _NOTE if lacks else _OK
    yield finding("groups", severity, f"The peer accepts the groups {', '.join(names)}.", advice)


def _extensions(scan: Scan) -> Iterator[Finding]:
    if scan.compression:
        what = "The peer compresses, by which secrets can be guessed (RFC 9325 section 3.3)."
        yield finding("compression", _WARNING, what, "Switch compression off at the peer.")
    if scan.extensions is None:
        return
    if EXTENDED_MASTER_SECRET not in scan.extensions:
        yield finding(
            "extended-master-secret",
            _WARNING,
            "In TLS 1.2 the peer has no extended_master_secret (RFC 7627), which B.12 requires.",
            "Update the peer's TLS library, or have both sides use TLS 1.3.",
        )
    if RENEGOTIATION_INFO not in scan.extensions:
        yield finding(
            "renegotiation",
            _WARNING,
            "In TLS 1.2 the peer does not know secure renegotiation (RFC 5746).",
            "Update the peer's TLS library.",
        )


def _negotiated(handshake: Handshake) -> Finding:
    group = f", group {handshake.group}" if handshake.group else ""
    alpn = f"ALPN {handshake.alpn}" if handshake.alpn else "no ALPN"
    return finding(
        "negotiated",
        _OK,
        f"Together with OpenSSL the peer chooses {handshake.tls_version}, "
        f"{handshake.cipher_name}{group}, {alpn}.",
    )
