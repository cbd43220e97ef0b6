"""Who may associate: the policy, and its decision on a request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from os import PathLike

from leaddicom.access.conditions import SettingError, checked_titles
from leaddicom.access.rules import RULE_KEYS, AccessRequest, AccessRule, Condition, Objection
from leaddicom.access.toml_file import TomlFile
from leaddicom.enums import RejectReason, RejectResult, RejectSource
from leaddicom.errors import ParameterError
from leaddicom.tls.identity import PeerIdentity
from leaddicom.tls.text import printable, shortened

__all__ = ["AccessDecision", "AccessPolicy"]

# What the peer is told (PS3.8 Table 9-21): strangers nothing, so that nobody can try out which
# AE titles there are.
_REASONS = {
    Condition.CERTIFICATE: RejectReason.NO_REASON_GIVEN,
    Condition.ADDRESS: RejectReason.NO_REASON_GIVEN,
    Condition.CALLING: RejectReason.CALLING_AE_TITLE_NOT_RECOGNIZED,
    Condition.CALLED: RejectReason.CALLED_AE_TITLE_NOT_RECOGNIZED,
}

_POLICY_KEYS = ("called", "rule")


@dataclass(frozen=True, slots=True)
class AccessDecision:
    """What a policy has decided; true if the association is allowed.

    Attributes
    ----------
    rule : str or None
        Name of the rule that allows it or, if it is refused, of the one that came closest;
        `None` if there is no rule.
    refusal : tuple of RejectResult, RejectSource and RejectReason, or None
        What to answer (PS3.8 Table 9-21); `None` if it is allowed.
    message : str
        Who asked for what, and why it is allowed or refused, printable, on one line.  It is for
        the log, not for the peer.
    """

    rule: str | None
    refusal: tuple[RejectResult, RejectSource, RejectReason] | None
    message: str

    def __bool__(self) -> bool:
        return self.refusal is None


@dataclass(frozen=True, slots=True)
class AccessPolicy:
    """Who may associate: an association is allowed if one of the rules allows it.

    Rules only allow; their order means nothing, and what no rule allows is refused.

    Attributes
    ----------
    rules : sequence of AccessRule
        Of different names.
    called : sequence of str, optional
        AE titles that may be called by whom a rule allows to call; any unless given.  A rule
        that states its own may only choose among them.

    Raises
    ------
    ParameterError
        Two rules have the same name, or an AE title is impossible or cannot be called.
    """

    rules: Sequence[AccessRule] = ()
    called: Sequence[str] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "rules", tuple(self.rules))
        if self.called is not None:
            try:
                object.__setattr__(self, "called", checked_titles(self.called))
            except ParameterError as error:
                raise SettingError("The access policy", ("called",), error.message) from None
        names: set[str] = set()
        for rule in self.rules:
            where = f"The access rule {rule.name!r}"
            if rule.name in names:
                flaw = "is that of another rule, too. Give each its own."
                raise SettingError(where, ("rule", "name"), flaw)
            names.add(rule.name)
            beyond = [each for each in rule.called or () if each not in (self.called or (each,))]
            if beyond:
                raise SettingError(
                    where,
                    ("rule", rule.name, "called"),
                    f"has {beyond[0]!r}, which the policy's own list of called AE titles lacks. "
                    "Add it there, or remove it here.",
                )

    @classmethod
    def load(cls, path: str | PathLike[str]) -> AccessPolicy:
        """Read a policy from a TOML file.

        The file has the attributes of the policy as keys, and a table ``[rule.NAME]`` for each
        rule with its attributes as keys.

        Parameters
        ----------
        path : str or path-like
            The file.

        Raises
        ------
        ParameterError
            It cannot be read (code 2), or something in it cannot be or is unknown; the message
            tells file, line, key and remedy.
        """
        file = TomlFile(path)
        _check_keys(file, (), file.content, _POLICY_KEYS)
        tables = file.content.get("rule", {})
        if not isinstance(tables, dict):
            file.refuse(("rule",), "is no table. Begin each rule with a line [rule.NAME].")
        if not tables:
            file.refuse(("rule",), "is missing, so that nobody could associate. Add [rule.NAME].")
        for name, table in tables.items():
            if not isinstance(table, dict):
                file.refuse(("rule", name), "is no table. Begin a rule with a line [rule.NAME].")
            _check_keys(file, ("rule", name), table, RULE_KEYS)
        try:
            rules = [
                AccessRule(name=name, **({"calling": None} | table))
                for name, table in tables.items()
            ]
            return cls(rules, file.content.get("called"))
        except SettingError as error:
            file.refuse(error.keys, error.flaw)

    def decide(self, request: AccessRequest) -> AccessDecision:
        """Decide whether an association is allowed; nothing is logged or sent.

        If it is not, the peer is told what the rule that came closest has against it: nothing
        about a certificate or an address, (1, 1, 1); that the calling AE title is not
        recognized, (1, 1, 3); or that the called one is not, (1, 1, 7).

        Parameters
        ----------
        request : AccessRequest
            Who asks for what.
        """
        answers = [(rule.objections(request, self.called), rule.name) for rule in self.rules]
        if not answers:
            return _refused(request, None, Condition.CERTIFICATE, "the policy has no rules")
        objections, name = min(answers, key=_distance)
        if not objections:
            return AccessDecision(name, None, f"{_text(request)}: allowed by the rule {name!r}")
        causes = ", and ".join(cause for _, cause in objections)
        return _refused(request, name, objections[0][0], f"closest is the rule {name!r}: {causes}")


def _distance(answer: tuple[tuple[Objection, ...], str]) -> tuple[int, int, str]:
    """Order rules: none is closer than one without objections, whatever the order of the rules."""
    objections, name = answer
    # Among rules for others, the certificate counts no more than the address: a device that has
    # lost its certificate is after its own rule.
    first = max(objections[0][0], Condition.ADDRESS) if objections else Condition.CALLED + 1
    return -first, len(objections), name


def _refused(
    request: AccessRequest, rule: str | None, condition: Condition, cause: str
) -> AccessDecision:
    refusal = (RejectResult.PERMANENT, RejectSource.SERVICE_USER, _REASONS[condition])
    return AccessDecision(rule, refusal, f"{_text(request)}: refused; {cause}")


def _text(request: AccessRequest) -> str:
    return (
        f"association from {request.address!a} with {_identity_text(request.identity)}, calling "
        f"AE title {request.calling!a}, called AE title {request.called!a}"
    )


def _identity_text(identity: PeerIdentity | None) -> str:
    if identity is None:
        return "no certificate"
    # RFC 4514 escapes commas in a name, so that it cannot go on as the rest of the line does.
    subject = shortened(printable(identity.subject)) or "(empty)"
    return f"the certificate {subject}, SHA-256 {identity.fingerprint}"


def _check_keys(
    file: TomlFile, keys: tuple[str, ...], table: dict[str, object], known: Iterable[str]
) -> None:
    for key in table:
        if key not in known:
            file.refuse((*keys, key), f"is unknown. The keys here are {', '.join(known)}.")
