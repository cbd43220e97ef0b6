"""Observing a peer: one short connection after the other, in a fixed order."""

from __future__ import annotations

import time
from dataclasses import replace

from leaddicom.doctor.association import echo
from leaddicom.doctor.facts import Handshake, LinkFacts, Speech, Target
from leaddicom.doctor.handshake import inspect
from leaddicom.doctor.hello import Answer, AnswerKind, Hello
from leaddicom.doctor.scan import EVERYTHING, MAXIMUM_QUESTIONS, Ask, scan
from leaddicom.doctor.sounding import Line
from leaddicom.errors import DicomErrorCode, NetworkError
from leaddicom.tls.credentials import Credentials
from leaddicom.tls.failures import foreign_protocol
from leaddicom.tls.verification import host_name

__all__ = ["MAXIMUM_CONNECTIONS", "observe", "speech"]

#: With TLS: the first question, a handshake, a C-ECHO with and one without certificate, the scan.
MAXIMUM_CONNECTIONS = 4 + MAXIMUM_QUESTIONS

# The time for all questions together, in time-outs.
_SCAN_STEPS = 12

# How web servers answer to what they do not understand, beside a status line.
_HTML = (b"<!do", b"<htm", b"<?xm")


def observe(target: Target, credentials: Credentials | None = None) -> LinkFacts:
    """Find out all about a peer, with at most `MAXIMUM_CONNECTIONS` connections.

    Parameters
    ----------
    target : Target
        Whom to examine.
    credentials : Credentials or None
        Our own certificate.

    Raises
    ------
    TlsError
        The files of the trusted CAs cannot be used.
    """
    line = Line(target.host, target.port, target.timeout)
    facts = (_plain if target.plain else _secure)(line, LinkFacts(target), credentials)
    return replace(facts, connections=line.connections)


def speech(answer: Answer) -> Speech:
    """Tell what somebody speaks, by what was answered to a ClientHello."""
    if answer.kind in (AnswerKind.HELLO, AnswerKind.ALERT):
        return Speech.TLS
    if answer.kind is AnswerKind.SILENT:
        return Speech.SILENT
    if answer.kind is AnswerKind.CLOSED:
        return Speech.CLOSED
    protocol = foreign_protocol(answer.first_bytes) or ""
    if protocol.startswith("a DICOM"):
        return Speech.DICOM
    if protocol == "HTTP" or answer.first_bytes[:4].lower() in _HTML:
        return Speech.HTTP
    return Speech.SSH if protocol == "SSH" else Speech.OTHER


def _first_answer(line: Line, facts: LinkFacts) -> LinkFacts:
    hello = replace(EVERYTHING, server_name=host_name(facts.target.name))
    try:
        answer = line.ask(hello)
    except NetworkError as error:
        return replace(facts, unreachable=str(error))
    return replace(
        facts,
        speech=speech(answer),
        first_bytes=answer.first_bytes,
        preferred=answer.version,
    )


def _plain_echo(line: Line, facts: LinkFacts) -> LinkFacts:
    line.connections += 1
    found = echo(facts.target, None, plain=True)
    if found.answered:
        return replace(facts, plain_echo=found, speech=Speech.DICOM)
    if found.code is DicomErrorCode.BAD_SECURE_MODE and facts.target.plain:
        return replace(facts, plain_echo=found, speech=Speech.TLS)
    return replace(facts, plain_echo=found)


def _plain(line: Line, facts: LinkFacts, _: Credentials | None) -> LinkFacts:
    try:
        line.connect().close()
    except NetworkError as error:
        return replace(facts, unreachable=str(error))
    facts = _plain_echo(line, facts)
    return facts if facts.speech is not None else _first_answer(line, facts)


def _secure(line: Line, facts: LinkFacts, credentials: Credentials | None) -> LinkFacts:
    facts = _first_answer(line, facts)
    if facts.speech in (Speech.DICOM, Speech.SILENT, Speech.CLOSED):
        return _plain_echo(line, facts)
    if facts.speech is not Speech.TLS:
        return facts
    target = facts.target
    try:
        handshake = inspect(line, target, credentials)
    except NetworkError as error:
        handshake = Handshake(failure=str(error))
    line.connections += 1
    with_ours, anonymous = echo(target, credentials, plain=False), None
    if credentials is not None:
        line.connections += 1
        anonymous = echo(target, None, plain=False)
    return replace(
        facts,
        handshake=handshake,
        echo=with_ours,
        anonymous=anonymous,
        scan=scan(_within(_SCAN_STEPS * target.timeout, line.ask), host_name(target.name)),
    )


def _within(seconds: float, ask: Ask) -> Ask:
    """Have questions end when the time is over: a peer may be slow to answer each."""
    end = time.monotonic() + seconds

    def ask_in_time(hello: Hello) -> Answer:
        if time.monotonic() >= end:
            raise NetworkError(DicomErrorCode.NET_TIME_OUT, "The peer is slow to answer.")
        return ask(hello)

    return ask_in_time
