"""What the doctor says: findings, and the report that they are part of."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from leaddicom.tls.text import printable

__all__ = ["Finding", "Judgement", "Report", "Severity", "finding", "from_error"]


class Severity(Enum):
    """How bad something is."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found.

    Attributes
    ----------
    check : str
        What was checked; the documentation lists the checks.
    severity : Severity
        How bad it is.
    what : str
        What was found, printable.
    advice : str
        What to do, printable; "" if nothing needs doing.
    """

    check: str
    severity: Severity
    what: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether a peer, or a certificate, fits a profile of PS3.15 Annex B.

    Attributes
    ----------
    section, name : str
        The profile.
    conforms : bool or None
        `None` if not enough is known.
    lacks : tuple of str
        Why it does not.
    """

    section: str
    name: str
    conforms: bool | None
    lacks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """The end of an examination.

    Attributes
    ----------
    usable : bool
        Whether the link, or the certificate, can be used.
    verdict : str
        That in a sentence.
    findings : tuple of Finding
        In the order of the checks.
    judgements : tuple of Judgement
        For the live profiles.
    """

    usable: bool
    verdict: str
    findings: tuple[Finding, ...]
    judgements: tuple[Judgement, ...] = ()


def finding(check: str, severity: Severity, what: str, advice: str = "") -> Finding:
    """Make a finding of text that a peer may have had a hand in."""
    return Finding(check, severity, printable(what), printable(advice))


def from_error(check: str, severity: Severity, message: str) -> Finding:
    """Make a finding of an error's message, whose last sentence is the advice, if there are two."""
    what, _, last = " ".join(message.split()).rpartition(". ")
    if not what:
        return finding(check, severity, last, "See the peer's log for the reason.")
    return finding(check, severity, f"{what}.", last)
