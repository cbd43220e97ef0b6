"""Findings about certificates, a peer's or one's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from cryptography import x509

from leaddicom.doctor.catalog import B12
from leaddicom.doctor.facts import Flaw
from leaddicom.doctor.findings import Finding, Severity, finding, from_error
from leaddicom.errors import TlsError
from leaddicom.pki import key_text
from leaddicom.tls.identity import check_host_name
from leaddicom.tls.profiles import weakness
from leaddicom.tls.text import name_text, shortened
from leaddicom.tls.verification import Role
from leaddicom.tls.verify_codes import INVALID_PURPOSE, certificate_check

__all__ = [
    "SOON",
    "chain_findings",
    "days_left",
    "description",
    "is_ca",
    "is_readable",
    "lasting_findings",
    "name_finding",
    "purpose_names",
    "role_finding",
    "strength_findings",
]

#: Days before the end of a certificate at which it is time to renew it.
SOON = 30

# OpenSSL's numbers (leaddicom.tls.verify_codes).
_NOT_YET, _EXPIRED, _NO_ISSUER, _UNVERIFIED = 9, 10, 20, 21
_USAGE = {Role.SERVER: "serverAuth", Role.CLIENT: "clientAuth"}


def days_left(certificate: x509.Certificate, now: datetime) -> int:
    """Give whole days until the end of a certificate, negative after it."""
    return (certificate.not_valid_after_utc - now).days


def alternative_names(certificate: x509.Certificate) -> tuple[str, ...]:
    """Give the DNS names and IP addresses of a certificate, as far as they can be read."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except Exception:  # noqa: BLE001 - absent, or garbled by whoever sent it
        return ()
    kinds = (x509.DNSName, x509.IPAddress)
    return tuple(str(each.value) for each in names if isinstance(each, kinds))


def purpose_names(certificate: x509.Certificate) -> tuple[str, ...] | None:
    """Give the extended key usages by name; `None` if there is no such extension."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return None
    except Exception:  # noqa: BLE001 - garbled by whoever sent it
        return ()
    return tuple(each._name for each in usage)


def is_ca(certificate: x509.Certificate) -> bool:
    """Tell whether it is that of a CA."""
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except Exception:  # noqa: BLE001 - absent, or garbled by whoever sent it
        return False


def hash_name(certificate: x509.Certificate) -> str:
    """Give the hash that its signature is made with."""
    try:
        algorithm = certificate.signature_hash_algorithm
    except Exception:  # noqa: BLE001 - of a kind that cryptography does not know
        return "unknown"
    return "none of its own" if algorithm is None else algorithm.name.upper()


def key_name(certificate: x509.Certificate) -> str:
    """Give kind and bits of its key."""
    try:
        return key_text(certificate)
    except Exception:  # noqa: BLE001 - of a kind that cryptography does not know
        return "unknown"


def description(certificate: x509.Certificate, now: datetime) -> str:
    """Give all that matters of a certificate in one line."""
    names = shortened(", ".join(alternative_names(certificate))) or "none"
    usages = purpose_names(certificate)
    end = certificate.not_valid_after_utc
    return (
        f"{shortened(name_text(certificate.subject)) or '(empty)'}, "
        f"issued by {shortened(name_text(certificate.issuer)) or '(empty)'}; "
        f"key {key_name(certificate)}, hash {hash_name(certificate)}; names: {names}; "
        f"purposes: {'not stated' if usages is None else ', '.join(usages) or 'none'}; "
        f"valid until {end:%Y-%m-%d} ({days_left(certificate, now)} days left)"
    )


def _whose(which: str, depth: int, certificate: x509.Certificate) -> str:
    return which if depth == 0 else f"The CA {shortened(name_text(certificate.subject))}"


def is_readable(certificate: x509.Certificate) -> bool:
    """Tell whether all can be decoded that is told of a certificate; it is decoded at first use."""
    try:
        description(certificate, certificate.not_valid_before_utc)
        weakness(certificate, B12)
    except Exception:  # noqa: BLE001 - in many ways
        return False
    return True


def lasting_findings(
    check: str, which: str, chain: Sequence[x509.Certificate], now: datetime
) -> Iterator[Finding]:
    """Yield what is to be said about the dates of a certificate and of those above it."""
    is_well = True
    for depth, each in enumerate(chain):
        left = days_left(each, now)
        severity, what, advice = Severity.PROBLEM, "", "Have it renewed."
        if now > each.not_valid_after_utc:
            what = f"has expired on {each.not_valid_after_utc:%Y-%m-%d}"
        elif now < each.not_valid_before_utc:
            what = f"is not valid before {each.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
            advice = "Compare the clocks of both systems."
        elif left < SOON:
            severity = Severity.WARNING
            what = f"will expire in {left} days, on {each.not_valid_after_utc:%Y-%m-%d}"
        if what:
            is_well = False
            yield finding(check, severity, f"{_whose(which, depth, each)} {what}.", advice)
    if chain and is_well:
        left = min(days_left(each, now) for each in chain)
        yield finding(check, Severity.OK, f"{which} has {left} days left.")


def strength_findings(
    check: str, which: str, chain: Sequence[x509.Certificate]
) -> Iterator[Finding]:
    """Yield what is to be said about keys and hashes, by the live profiles."""
    reasons = [weakness(each, B12) for each in chain]
    for depth, (each, reason) in enumerate(zip(chain, reasons, strict=True)):
        if reason is None:
            continue
        yield finding(
            check,
            Severity.PROBLEM,
            f"{_whose(which, depth, each)} is too weak for B.12 and B.13: {reason}.",
            f"Have it issued anew with RSA of {B12.minimum_rsa_bits} bits or EC P-256 and SHA-256 "
            "at least.",
        )
    if chain and not any(reasons):
        what = f"{which} has key {key_name(chain[0])} and hash {hash_name(chain[0])}"
        yield finding(check, Severity.OK, f"{what}, strong enough for B.12 and B.13.")


def role_finding(
    check: str,
    which: str,
    certificate: x509.Certificate,
    role: Role,
    severity: Severity = Severity.PROBLEM,
) -> Finding:
    """Say whether a certificate may be used in a role (RFC 5280 section 4.2.1.12)."""
    wanted, usages = _USAGE[role], purpose_names(certificate)
    if usages is not None and wanted in usages:
        what = f"{which} may be used by a TLS {role.value} ({wanted})."
        return finding(check, Severity.OK, what)
    lacks = "has no extended key usage" if usages is None else f"lacks the purpose {wanted}"
    return finding(
        check,
        severity,
        f"{which} {lacks}, so that it cannot be used by a TLS {role.value}.",
        f"Have it issued with the extended key usage {wanted}, or with both if the device is "
        "client and server.",
    )


def name_finding(check: str, certificate: x509.Certificate, name: str) -> Finding:
    """Say whether a server's certificate is for the name that is connected to."""
    try:
        check_host_name(certificate, name)
    except TlsError:
        shown = shortened(", ".join(alternative_names(certificate))) or "no name at all"
        return finding(
            check,
            Severity.PROBLEM,
            f"The server's certificate was not issued for {name}, but for {shown}.",
            "Connect under a name that it holds, name one with --server-name, or have it issued "
            f"anew with {name} as subject alternative name.",
        )
    except Exception as error:  # noqa: BLE001 - the certificate is the peer's
        return from_error(check, Severity.PROBLEM, f"{error}. Have a correct one issued.")
    return finding(check, Severity.OK, f"The server's certificate is for {name}.")


def chain_findings(
    check: str, which: str, chain: Sequence[x509.Certificate], flaws: Sequence[Flaw]
) -> Iterator[Finding]:
    """Yield what OpenSSL finds wrong, less what has a check of its own."""
    own_checks = {(code, depth) for code in (_EXPIRED, _NOT_YET) for depth in range(len(chain))}
    own_checks.add((INVALID_PURPOSE, 0))
    if any(each.code == _NO_ISSUER for each in flaws):
        own_checks.add((_UNVERIFIED, 0))  # OpenSSL says it twice
    left = [each for each in flaws if (each.code, each.depth) not in own_checks]
    for each in left:
        known = certificate_check(each.code)
        whose = which if each.depth == 0 else "A CA certificate above it"
        yield finding(
            check,
            Severity.PROBLEM,
            f"{whose} ({shortened(each.subject)}) is not trusted: {known.cause}.",
            known.advice,
        )
    if not left:
        yield finding(check, Severity.OK, f"{which} verifies with the given CAs.")
