"""What the observations of a peer mean: findings, the judgement of the profiles, the verdict."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from leaddicom.doctor.certificates import (
    chain_findings,
    description,
    lasting_findings,
    name_finding,
    role_finding,
    strength_findings,
)
from leaddicom.doctor.encryption import encryption_findings
from leaddicom.doctor.facts import Echo, Handshake, LinkFacts, Speech, Target
from leaddicom.doctor.findings import Finding, Judgement, Report, Severity, finding, from_error
from leaddicom.doctor.judgement import judge_link
from leaddicom.errors import DicomErrorCode
from leaddicom.tls.alerts import alert_by_number
from leaddicom.tls.verification import Role

__all__ = ["diagnose_link"]

_OK, _NOTE, _WARNING, _PROBLEM = Severity

_SERVERS = "The server's certificate"
_NOT_DICOM = "Check host and port: this is no DICOM application."
_MISMATCH = {
    Speech.HTTP: ("speaks HTTP: a web server", _NOT_DICOM),
    Speech.SSH: ("speaks SSH", _NOT_DICOM),
    Speech.OTHER: ("speaks neither TLS nor DICOM", _NOT_DICOM),
    Speech.SILENT: (
        "takes connections, but answers neither TLS nor DICOM in time",
        "Check that it is a DICOM port and that the peer is not stuck; or try a longer --timeout.",
    ),
    Speech.CLOSED: (
        "takes connections, but closes them without a word, whether one speaks TLS or DICOM",
        "Check host and port, and whether the peer or a firewall admits only certain addresses; "
        "see the peer's log.",
    ),
}

# How a peer that sends no alert refuses.
_DROPPED = (DicomErrorCode.NET_CONNECTION_ABORTED, DicomErrorCode.NET_CONNECTION_RESET)


def diagnose_link(facts: LinkFacts, now: datetime, own: Iterable[Finding] = ()) -> Report:
    """Say what is wrong with a link, and what to do.

    Parameters
    ----------
    facts : LinkFacts
        What was observed.
    now : datetime.datetime
        The time, with a time zone.
    own : iterable of Finding
        What is to be said about our own certificate.
    """
    judgements = judge_link(facts)
    findings = (*_findings(facts, now), *own, *_association(facts), *_profiles(judgements))
    echo = facts.plain_echo if facts.target.plain else facts.echo
    seconds = None if echo is None else echo.seconds
    if seconds is not None:
        how = "without TLS" if facts.target.plain else "over TLS"
        verdict = f"The link is usable: C-ECHO {how} took {1000 * seconds:.1f} ms."
    else:
        worst = next((each for each in findings if each.severity is _PROBLEM), None)
        verdict = "The link is not usable." if worst is None else f"Not usable. {worst.what}"
    return Report(seconds is not None, verdict, findings, judgements)


def _findings(facts: LinkFacts, now: datetime) -> Iterator[Finding]:
    target = facts.target
    if facts.unreachable is not None:
        yield from_error("reachable", _PROBLEM, facts.unreachable)
        return
    yield finding("reachable", _OK, f"{target.host}:{target.port} takes connections.")
    yield from _protocol(facts)
    if facts.handshake is not None:
        yield from _handshake(facts.handshake, facts, now)
        yield from encryption_findings(facts)


def _association(facts: LinkFacts) -> Iterator[Finding]:
    if facts.echo is not None:
        yield from _client_certificate(facts, facts.echo)
        yield _echo(facts.echo)
    if facts.plain_echo is not None and facts.plain_echo.answered:
        yield _echo(facts.plain_echo)


# ------------------------------------------------------------------------- protocol


def _protocol(facts: LinkFacts) -> Iterator[Finding]:
    check, speech, plain = "protocol", facts.speech, facts.target.plain
    if speech is None:
        return
    if speech in _MISMATCH:
        what, advice = _MISMATCH[speech]
        shown = ""
        if facts.first_bytes and speech in (Speech.OTHER, Speech.HTTP, Speech.SSH):
            shown = f" (it sent {facts.first_bytes.decode('latin-1')!r})"
        yield finding(check, _PROBLEM, f"The peer {what}{shown}.", advice)
    elif speech is Speech.TLS and plain:
        what = "The peer speaks TLS, and a link without TLS was asked for."
        yield finding(check, _PROBLEM, what, "Leave --plain out.")
    elif speech is Speech.DICOM and not plain:
        yield finding(
            check,
            _PROBLEM,
            "The peer speaks DICOM without TLS.",
            "Ask for its TLS port (usually 2762) or turn TLS on there; if the site allows a link "
            "without protection, use --plain.",
        )
    elif plain:
        yield finding(
            check,
            _WARNING,
            "The link is without TLS: everybody on the network can read and alter what is sent.",
            "Use TLS if the peer can.",
        )
    else:
        yield finding(check, _OK, "The peer speaks TLS.")


# ---------------------------------------------------------------------- certificate


def _handshake(handshake: Handshake, facts: LinkFacts, now: datetime) -> Iterator[Finding]:
    if handshake.failure is not None and not handshake.chain:
        yield from_error("handshake", _PROBLEM, handshake.failure)
    elif not handshake.chain:
        what = "The server shows no certificate, or one that cannot be decoded."
        yield finding("server-certificate", _PROBLEM, what, "Have a correct one issued.")
    if not handshake.chain:
        return
    chain, leaf = handshake.chain, handshake.chain[0]
    yield finding("server-certificate", _OK, f"The server shows {description(leaf, now)}.")
    yield from lasting_findings("certificate-validity", _SERVERS, chain, now)
    yield from strength_findings("certificate-strength", _SERVERS, chain)
    yield role_finding("certificate-purpose", _SERVERS, leaf, Role.SERVER)
    yield name_finding("server-name", leaf, facts.target.name)
    yield from _trust(handshake, facts.target)


def _trust(handshake: Handshake, target: Target) -> Iterator[Finding]:
    if target.ca_file is None:
        yield finding(
            "certificate-chain",
            _WARNING,
            "Nobody has verified who the server is, since no trusted CA was given.",
            "Name the CA's certificate with -ca.",
        )
    else:
        yield from chain_findings("certificate-chain", _SERVERS, handshake.chain, handshake.flaws)


# --------------------------------------------------------------- client certificate


def _client_certificate(facts: LinkFacts, echo: Echo) -> Iterator[Finding]:
    handshake, check = facts.handshake or Handshake(), "client-certificate"
    bare = echo if facts.anonymous is None else facts.anonymous
    needed = facts.anonymous is None
    if bare.answered:
        yield finding(
            check,
            _WARNING,
            "The peer lets clients in without a certificate"
            f"{', though it asks for one' if handshake.asks_certificate else ''}.",
            "Have it require one: B.12 and B.13 leave that open, most sites do not.",
        )
    elif handshake.asks_certificate and (echo.answered or _is_refusal(facts, bare)):
        said = "" if bare.alert is None else f" (alert {alert_by_number(bare.alert).name})"
        yield finding(
            check,
            _PROBLEM if needed else _OK,
            f"The peer demands a client certificate: without one it refuses{said}.",
            "Show it one with -cert and -key." if needed else "",
        )
    elif handshake.asks_certificate:
        what = "The peer asks for a client certificate; whether it insists could not be seen."
        yield finding(check, _NOTE, what, "Mend what else is wrong, and try again.")
    if not needed and handshake.asks_certificate:
        yield from _own_certificate(facts, echo)
    yield from _trusted_cas(handshake, echo)


def _is_refusal(facts: LinkFacts, echo: Echo) -> bool:
    """Whether it is our certificate, or that there is none, that a peer refuses."""
    if facts.scan is not None and not any(facts.scan.suites.values()):
        return False  # it is because of the suites
    if echo.alert is None:
        return echo.code in _DROPPED
    return alert_by_number(echo.alert).about_certificate


def _own_certificate(facts: LinkFacts, echo: Echo) -> Iterator[Finding]:
    check = "own-certificate"
    if echo.answered:
        yield finding(check, _OK, "The peer accepts our certificate.")
    elif _is_refusal(facts, echo) and echo.alert is not None:
        alert = alert_by_number(echo.alert)
        what = f"The peer refuses our certificate: {alert.meaning} (alert {alert.name})."
        yield finding(check, _PROBLEM, what, alert.advice)


def _trusted_cas(handshake: Handshake, echo: Echo) -> Iterator[Finding]:
    named = handshake.trusted_cas
    if not named:
        return
    what = f"The peer says that it trusts {'; '.join(named)}"[:1024]
    stranger = bool(handshake.own_issuers) and not set(named) & set(handshake.own_issuers)
    if stranger and not echo.answered:
        yield finding(
            "trusted-cas",
            _PROBLEM,
            f"{what}. None of them has issued our certificate.",
            "Have the peer trust our CA, or have a certificate issued by one of these.",
        )
    else:
        yield finding("trusted-cas", _NOTE, f"{what}.")


# ----------------------------------------------------------------------------- DICOM


def _echo(echo: Echo) -> Finding:
    if echo.seconds is not None:
        what = f"The peer answers a C-ECHO, in {1000 * echo.seconds:.1f} ms."
        return finding("echo", _OK, what)
    return from_error("echo", _PROBLEM, echo.failure or "")


def _profiles(judgements: Iterable[Judgement]) -> Iterator[Finding]:
    for each in judgements:
        check = f"profile-{each.section.rpartition(' ')[2].lower().replace('.', '')}"
        title = f"{each.section} ({each.name})"
        if each.conforms:
            yield finding(check, _OK, f"As far as it can be seen, the peer fits {title}.")
        elif each.conforms is None:
            what = f"Not enough was seen to say whether the peer fits {title}."
            yield finding(check, _NOTE, what, "Try again with a longer --timeout.")
        else:
            yield finding(
                check,
                _NOTE,
                f"The peer does not fit {title}: {'; '.join(each.lacks)}.",
                "Nothing needs doing for a link; it counts where a site requires the profile.",
            )
