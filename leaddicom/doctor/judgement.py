"""Whether what was observed fits the live profiles, PS3.15 B.12 and B.13."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cryptography import x509

from leaddicom.doctor.catalog import (
    B12,
    B13,
    TLS10,
    TLS11,
    TLS12,
    TLS13,
    SuiteKind,
    codes,
    suite_name,
    version_name,
)
from leaddicom.doctor.facts import LinkFacts
from leaddicom.doctor.findings import Judgement
from leaddicom.doctor.hello import EXTENDED_MASTER_SECRET, RENEGOTIATION_INFO
from leaddicom.doctor.scan import Scan
from leaddicom.tls.profiles import Profile, weakness
from leaddicom.tls.suites import Ciphersuite

__all__ = ["RECOMMENDED", "judge_certificates", "judge_link"]

_C = Ciphersuite

#: The four suites of TLS 1.2 that RFC 9325 section 4.2 recommends.
RECOMMENDED = codes(
    (
        _C.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        _C.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        _C.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        _C.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    )
)

_SMALLEST_PRIME = 2048


def judge_link(facts: LinkFacts) -> tuple[Judgement, ...]:
    """Judge a TLS server; of one that does not speak TLS there is nothing to judge."""
    scan = facts.scan
    if scan is None:
        return ()
    chain = () if facts.handshake is None else facts.handshake.chain
    is_known = scan.stopped is None and bool(chain)
    common = list(_common(facts, scan))
    return (
        _judgement(B12, [*common, *_weaknesses(chain, B12)], is_known),
        _judgement(B13, [*common, *_beyond_b12(scan), *_weaknesses(chain, B13)], is_known),
    )


def judge_certificates(certificates: Iterable[x509.Certificate]) -> tuple[Judgement, ...]:
    """Judge keys and signatures of certificates."""
    shown = tuple(certificates)
    return tuple(
        _judgement(each, list(_weaknesses(shown, each)), bool(shown)) for each in (B12, B13)
    )


def _judgement(profile: Profile, lacks: list[str], is_known: bool) -> Judgement:
    conforms = False if lacks else True if is_known else None
    return Judgement(profile.section, profile.name, conforms, tuple(lacks))


def _weaknesses(certificates: Iterable[x509.Certificate], profile: Profile) -> Iterator[str]:
    for each in certificates:
        reason = weakness(each, profile)
        if reason is not None:
            yield f"a certificate is too weak: {reason}"


def _common(facts: LinkFacts, scan: Scan) -> Iterator[str]:
    """Yield what B.12, by RFC 8996 and RFC 9325, and so B.13 rules out."""
    if scan.versions[TLS12] is False:
        yield "TLS 1.2 is missing, which every server has to support"
    for version in (TLS11, TLS10):
        if scan.versions[version]:
            yield f"{version_name(version)} is accepted (RFC 8996)"
    if scan.versions[TLS13] and facts.preferred not in (None, TLS13):
        yield "TLS 1.3 is there, but not preferred (RFC 9325 section 3.1)"
    if scan.versions[TLS12] and not set(RECOMMENDED) & set(scan.suites[TLS12]):
        yield "in TLS 1.2 all suites are missing that RFC 9325 section 4.2 recommends"
    broken = scan.others[SuiteKind.BROKEN]
    if broken is not None:
        yield f"{suite_name(broken)} is accepted (RFC 9325 section 4.1)"
    if scan.extensions is not None:
        if EXTENDED_MASTER_SECRET not in scan.extensions:
            yield "extended_master_secret is missing (RFC 9325 section 3.5)"
        if RENEGOTIATION_INFO not in scan.extensions:
            yield "renegotiation_info is missing (RFC 9325 section 3.5)"
    if scan.dh_bits is not None and scan.dh_bits < _SMALLEST_PRIME:
        yield f"DHE has only {scan.dh_bits} bits (RFC 9325 section 4.5)"


def _beyond_b12(scan: Scan) -> Iterator[str]:
    if scan.versions[TLS13] is False:
        yield "TLS 1.3 is missing, which a server has to support"
    for version, wanted in (
        (TLS13, codes(B13.suites_tls13)),
        (TLS12, codes(B13.suites_tls12)),
    ):
        missing = [suite_name(each) for each in wanted if each not in scan.suites[version]]
        if missing and scan.versions[version]:
            yield f"in {version_name(version)} suites are missing: {', '.join(missing)}"
    for kind in (SuiteKind.CBC, SuiteKind.STATIC_RSA):
        found = scan.others[kind]
        if found is not None:
            yield f"{suite_name(found)} is accepted, which is not among the allowed ones"
