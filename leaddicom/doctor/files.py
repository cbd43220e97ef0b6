"""Findings about files of certificates and keys."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_der_private_key, pkcs12
from OpenSSL import crypto

from leaddicom.doctor.certificates import (
    alternative_names,
    chain_findings,
    description,
    is_ca,
    is_readable,
    lasting_findings,
    purpose_names,
    role_finding,
    strength_findings,
)
from leaddicom.doctor.facts import Flaw
from leaddicom.doctor.findings import Finding, Judgement, Report, Severity, finding, from_error
from leaddicom.doctor.judgement import judge_certificates
from leaddicom.enums import CertificateType
from leaddicom.errors import TlsError
from leaddicom.pki.certificates import issued_by
from leaddicom.tls.credentials import Password, load_credentials
from leaddicom.tls.files import (
    PEM,
    REEXPORT,
    certificate_error,
    is_pkcs12,
    parse_certificates,
    read,
)
from leaddicom.tls.text import name_text
from leaddicom.tls.trust import fill_store
from leaddicom.tls.verification import Role

__all__ = ["FileFacts", "certificate_type", "diagnose_files", "observe_files", "own_findings"]

_OK, _NOTE, _WARNING, _PROBLEM = Severity

_PEM_LABEL = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,40})-----")
_LABELS = {
    "CERTIFICATE": "certificate",
    "X509 CERTIFICATE": "certificate",
    "TRUSTED CERTIFICATE": "certificate",
    "CERTIFICATE REQUEST": "certificate request",
    "NEW CERTIFICATE REQUEST": "certificate request",
    "X509 CRL": "revocation list",
    "PUBLIC KEY": "public key",
    "DH PARAMETERS": "block of DH parameters",
    "EC PARAMETERS": "block of EC parameters",
}
_THIS = "The certificate"
_KEY, _REQUEST = "private key", "certificate request"


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What a file of a certificate holds.

    Attributes
    ----------
    path : str
        The file.
    encoding : str
        ``"PEM"``, ``"DER"``, ``"PKCS#12"``, or "" for neither.
    contents : mapping of str to int
        How many there are of what.
    certificates : tuple of cryptography.x509.Certificate
        In the order of the file.
    own : cryptography.x509.Certificate or None
        The one that belongs to the key; without a key the one that is most likely meant.
    key_fits : bool or None
        Whether the key belongs to a certificate of the file; `None` if there is no key.
    error : str or None
        Why the file or the key cannot be used.
    flaws : tuple of Flaw or None
        What OpenSSL finds wrong, given trusted CAs; `None` without them.
    """

    path: str
    encoding: str
    contents: dict[str, int]
    certificates: tuple[x509.Certificate, ...] = ()
    own: x509.Certificate | None = None
    key_fits: bool | None = None
    error: str | None = None
    flaws: tuple[Flaw, ...] | None = None


# ------------------------------------------------------------------------ observing


def certificate_type(data: bytes) -> CertificateType:
    """Tell as what a certificate's file is to be loaded."""
    return CertificateType.PEM if PEM in data else CertificateType.ASN1


def observe_files(
    path: str, key_path: str | None, ca_file: str | None, password: Password
) -> FileFacts:
    """Read a certificate's file, and that of its key.

    Parameters
    ----------
    path, key_path : str
        The files; the key may be in the certificate's file.
    ca_file : str or None
        Trusted CAs; a file or a folder.
    password : callable
        Is asked for the password of an encrypted file.

    Raises
    ------
    TlsError
        A file cannot be read, or those of the trusted CAs cannot be used.
    """
    data = read(path, certificate_error)
    encoding, contents = _contents(data)
    try:
        certificates = _certificates(path, data, password) if contents.get("certificate") else ()
        if not all(map(is_readable, certificates)):
            raise certificate_error(path, "a certificate in it cannot be decoded", REEXPORT)
    except TlsError as error:
        return FileFacts(path, encoding, contents, error=str(error))
    if not certificates:
        return FileFacts(path, encoding, contents)
    own, fits, failure = _likely_own(certificates), None, None
    if key_path is not None or contents.get(_KEY):
        try:
            kind = certificate_type(data)
            own = load_credentials(path, kind, key_path, password).certificate
            fits = True
        except TlsError as error:
            fits, failure = False, str(error)
    flaws = None if ca_file is None else _verify(own, certificates, ca_file)
    return FileFacts(path, encoding, contents, certificates, own, fits, failure, flaws)


def _contents(data: bytes) -> tuple[str, dict[str, int]]:
    labels = [each.decode("ascii") for each in _PEM_LABEL.findall(data)]
    if labels:
        kinds = (
            _KEY if each.endswith("PRIVATE KEY") else _LABELS.get(each, f"block {each!r}")
            for each in labels
        )
        return "PEM", dict(Counter(kinds))
    if is_pkcs12(data):
        return "PKCS#12", {"certificate": 1, _KEY: 1}  # as a rule; it may be encrypted
    loaders: tuple[tuple[Callable[[bytes], object], str], ...] = (
        (x509.load_der_x509_certificate, "certificate"),
        (x509.load_der_x509_csr, _REQUEST),
        (x509.load_der_x509_crl, "revocation list"),
        (lambda each: load_der_private_key(each, None), _KEY),
    )
    for load, kind in loaders:
        try:
            load(data)
        except TypeError:  # an encrypted key
            return "DER", {kind: 1}
        except Exception:  # noqa: BLE001, S112 - cryptography's parsers raise many kinds
            continue
        return "DER", {kind: 1}
    return "", {}


def _certificates(path: str, data: bytes, password: Password) -> tuple[x509.Certificate, ...]:
    if not is_pkcs12(data):
        return tuple(parse_certificates(path, data))
    for secret in (lambda: None, password):
        given = secret()
        try:
            found = pkcs12.load_pkcs12(data, given.encode() if isinstance(given, str) else given)
        except Exception:  # noqa: BLE001, S112 - encrypted or damaged: no telling which
            continue
        holders = (*([] if found.cert is None else [found.cert]), *found.additional_certs)
        return tuple(each.certificate for each in holders)
    reason = "it is encrypted and the password is missing or wrong, or it is damaged"
    raise certificate_error(path, reason, "Give the right password.")


def _likely_own(certificates: Sequence[x509.Certificate]) -> x509.Certificate:
    return next((each for each in certificates if not is_ca(each)), certificates[0])


def _verify(
    own: x509.Certificate, certificates: Sequence[x509.Certificate], ca_file: str
) -> tuple[Flaw, ...]:
    store = crypto.X509Store()
    fill_store(store, ca_file, None, leaf_only=False)
    others = [crypto.X509.from_cryptography(each) for each in certificates if each != own]
    context = crypto.X509StoreContext(store, crypto.X509.from_cryptography(own), others)
    try:
        context.verify_certificate()
    except crypto.X509StoreContextError as error:
        code, depth, _ = error.errors
        return (Flaw(code, depth, name_text(error.certificate.to_cryptography().subject)),)
    return ()


# -------------------------------------------------------------------------- judging


def diagnose_files(facts: FileFacts, now: datetime) -> Report:
    """Say whether a file can be used as one's own certificate, and what to do.

    Parameters
    ----------
    facts : FileFacts
        What it holds.
    now : datetime.datetime
        The time, with a time zone.
    """
    found = [_kind(facts)]
    judgements: tuple[Judgement, ...] = ()
    if facts.own is not None:
        line = _issuers(facts.own, facts.certificates)
        found += [*_certificate(facts, facts.own, line, now), *_order(facts, line)]
        judgements = judge_certificates(line)
    if facts.error is not None:
        check = "file" if facts.own is None else "key"
        found.append(from_error(check, _PROBLEM, facts.error))
    worst = next((each for each in found if each.severity is _PROBLEM), None)
    verdict = "The certificate can be used." if worst is None else f"Not usable. {worst.what}"
    return Report(worst is None, verdict, tuple(found), judgements)


def own_findings(chain: Sequence[x509.Certificate], now: datetime) -> Iterator[Finding]:
    """Yield what is wrong with one's own certificate as that of a client."""
    check = "own-certificate"
    found = [
        *lasting_findings(check, "Our certificate", chain, now),
        *strength_findings(check, "Our certificate", chain),
        role_finding(check, "Our certificate", chain[0], Role.CLIENT, _WARNING),
    ]
    return (each for each in found if each.severity is not _OK)


def _issuers(
    own: x509.Certificate, certificates: Sequence[x509.Certificate]
) -> tuple[x509.Certificate, ...]:
    """Give a certificate and those above it, as far as a file has them."""
    line = [own]
    while True:
        above = (each for each in certificates if each not in line and issued_by(line[-1], each))
        issuer = next(above, None)
        if issuer is None:
            return tuple(line)
        line.append(issuer)


def _kind(facts: FileFacts) -> Finding:
    if not facts.contents:
        return finding(
            "file",
            _PROBLEM,
            f"{facts.path} holds neither PEM nor DER nor PKCS#12.",
            "Check that it is the right file.",
        )
    parts = [f"{n} {what}{'s' * (n > 1)}" for what, n in facts.contents.items()]
    if facts.encoding == "PKCS#12":
        count = len(facts.certificates)
        parts = [f"{count} certificate{'s' * (count != 1)}"] * bool(count)
    what = f"{facts.path} is {facts.encoding} with {', '.join(parts) or 'unknown contents'}."
    if facts.contents.get("certificate"):
        return finding("file", _OK, what)
    if facts.contents.get(_REQUEST):
        advice = "Have a CA answer the request, and name the certificate that it issues."
    elif facts.contents.get(_KEY):
        advice = "Name the certificate's file with -cert, and this one with -key."
    else:
        advice = "Name the file of the certificate."
    return finding("file", _PROBLEM, f"{what[:-1]}, but no certificate.", advice)


def _certificate(
    facts: FileFacts, own: x509.Certificate, line: Sequence[x509.Certificate], now: datetime
) -> Iterator[Finding]:
    yield finding("certificate", _OK, f"The certificate is {description(own, now)}.")
    yield from lasting_findings("certificate-validity", _THIS, line, now)
    yield from strength_findings("certificate-strength", _THIS, line)
    if is_ca(own):
        yield finding(
            "certificate-purpose",
            _WARNING,
            "The certificate is that of a CA.",
            "Give it to peers as a trusted CA (-ca); as one's own use one that it has issued.",
        )
    else:
        usages = purpose_names(own) or ()
        either = "serverAuth" in usages or "clientAuth" in usages
        for role in Role:
            yield role_finding(
                "certificate-purpose", _THIS, own, role, _NOTE if either else _PROBLEM
            )
        yield _names(own)
    if facts.key_fits:
        yield finding("key", _OK, "The private key belongs to the certificate.")
    elif facts.key_fits is None:
        what = "Whether a private key belongs to it was not checked, since none was given."
        yield finding("key", _NOTE, what, "Name the key's file with -key.")
    if facts.flaws is None:
        what = "The chain was not verified, since no trusted CA was given."
        yield finding("certificate-chain", _NOTE, what, "Name the CA's certificate with -ca.")
    else:
        yield from chain_findings("certificate-chain", _THIS, line, facts.flaws)


def _names(own: x509.Certificate) -> Finding:
    names = alternative_names(own)
    if names:
        return finding("certificate-names", _OK, f"It is for {', '.join(names)}.")
    return finding(
        "certificate-names",
        _NOTE,
        "The certificate has no DNS name and no IP address, so that no client will take it for a "
        "server's.",
        "For a server have it issued with them as subject alternative names.",
    )


def _order(facts: FileFacts, line: Sequence[x509.Certificate]) -> Iterator[Finding]:
    rest = [each for each in facts.certificates if each not in line]
    if rest:
        shown = "; ".join(name_text(each.subject) for each in rest)
        what = f"The file also holds certificates that are not of the chain: {shown}."
        yield finding("chain-order", _WARNING, what, "Take them out; peers may stumble over them.")
    elif facts.encoding == "PEM" and tuple(facts.certificates) != tuple(line):
        yield finding(
            "chain-order",
            _WARNING,
            "The certificates are out of order; leaddicom sorts them, other programs do not.",
            "Put one's own first, and behind each the one that has issued it.",
        )
    elif len(line) > 1:
        yield finding("chain-order", _OK, "The chain is in order: one's own certificate first.")
