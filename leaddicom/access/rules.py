"""One rule of a policy, and why it does not fit a request."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NoReturn

from leaddicom.access.conditions import (
    SettingError,
    checked_addresses,
    checked_dns_name,
    checked_fingerprint,
    checked_flag,
    checked_label,
    checked_name,
    checked_titles,
    checked_uri,
    distinguished_name,
    is_in,
    significant,
)
from leaddicom.errors import ParameterError
from leaddicom.tls.identity import PeerIdentity

__all__ = ["RULE_KEYS", "AccessRequest", "AccessRule", "Condition", "Objection"]

#: The keys of a rule in a file: its attributes, but for the name.
RULE_KEYS: dict[str, Callable[[object], object]] = {
    "calling": checked_titles,
    "called": checked_titles,
    "addresses": checked_addresses,
    "dns_name": checked_dns_name,
    "uri": checked_uri,
    "subject": checked_name,
    "issuer": checked_name,
    "fingerprint": checked_fingerprint,
    "without_certificate": checked_flag,
}
# So many titles or addresses of a rule are named in a log line.
_SHOWN = 8

_OF_CERTIFICATES = ("dns_name", "uri", "subject", "issuer", "fingerprint")


class Condition(IntEnum):
    """The conditions in the order in which they are asked.

    Who does not get past the first two is a stranger, and learns nothing about AE titles.
    """

    CERTIFICATE = 1
    ADDRESS = 2
    CALLING = 3
    CALLED = 4


#: A condition that is not met, and why, for the log.
Objection = tuple[Condition, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRequest:
    """Who asks for an association, and in which name.

    Attributes
    ----------
    address : str
        IP address of the peer.
    identity : PeerIdentity or None
        Who the peer is by its certificate; `None` if it has shown none, as without TLS.
    calling, called : str
        The AE titles of the A-ASSOCIATE-RQ.
    """

    address: str
    identity: PeerIdentity | None = None
    calling: str
    called: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRule:
    """Allows those associations that meet every condition that it states.

    A rule speaks of one certificate, or of peers without one: `dns_name`, `uri`, `subject`,
    `issuer` and `fingerprint` never fit a peer that has shown no certificate, and
    `without_certificate` never fits one that has.

    Attributes
    ----------
    name : str
        For the log.
    calling : sequence of str
        AE titles that the peer may use.
    called : sequence of str, optional
        AE titles that it may call; those of the policy unless given.
    addresses : sequence of str, optional
        IP addresses and networks (``"10.1.0.0/16"``) that it may come from; any unless given.
    dns_name, uri : str, optional
        A subject alternative name of its certificate.  DNS names are compared without regard to
        case, and a wildcard stands only for itself.
    subject, issuer : str, optional
        The whole distinguished names of its certificate as RFC 4514 writes them, compared part
        by part.
    fingerprint : str, optional
        SHA-256 of its certificate.  No other condition is met by a certificate that was
        accepted only because `LDicomNet.OnVerify` has overruled a check.
    without_certificate : bool
        The rule is for peers that show no certificate: plain DICOM, or TLS that asks for none.
        It must state `addresses`.

    Raises
    ------
    ParameterError
        A condition cannot be met, or could be met by accident; the message tells the remedy.
    """

    name: str
    calling: Sequence[str]
    called: Sequence[str] | None = None
    addresses: Sequence[str] | None = None
    dns_name: str | None = None
    uri: str | None = None
    subject: str | None = None
    issuer: str | None = None
    fingerprint: str | None = None
    without_certificate: bool = False

    def __post_init__(self) -> None:
        try:
            checked_label(self.name)
        except ParameterError as error:
            raise SettingError("An access rule", ("rule", self.name), error.message) from None
        for key, check in RULE_KEYS.items():
            value = getattr(self, key)
            if value is None and key == "calling":
                self._refuse(key, "is missing. List the AE titles that the peer may use.")
            try:
                # Frozen is the object for others only.
                object.__setattr__(self, key, None if value is None else check(value))
            except ParameterError as error:
                self._refuse(key, error.message)
        self._check_whole()

    def _refuse(self, key: str, flaw: str) -> NoReturn:
        raise SettingError(f"The access rule {self.name!r}", ("rule", self.name, key), flaw)

    def _check_whole(self) -> None:
        stated = [key for key in _OF_CERTIFICATES if getattr(self, key) is not None]
        if self.without_certificate and stated:
            self._refuse(
                "without_certificate",
                f"contradicts {stated[0]}: a peer without certificate has none. Make two rules.",
            )
        if self.without_certificate and self.addresses is None:
            self._refuse(
                "without_certificate",
                "needs addresses: an AE title alone proves nothing, and everybody could use it. "
                "Add addresses.",
            )
        if not self.without_certificate and not stated:
            self._refuse(
                "dns_name",
                f"is missing, and so is every other condition that tells peers apart. State one of "
                f"{', '.join(_OF_CERTIFICATES)}; or without_certificate, for plain DICOM.",
            )

    # -- deciding ------------------------------------------------------------------------------

    def objections(
        self, request: AccessRequest, called: Sequence[str] | None = None
    ) -> tuple[Objection, ...]:
        """Tell the conditions that are not met, in the order of `Condition`.

        Parameters
        ----------
        request : AccessRequest
            What is asked for.
        called : sequence of str, optional
            AE titles that may be called if the rule states none.
        """
        return tuple(self._objections(request, self.called or called))

    def _objections(
        self, request: AccessRequest, called: Sequence[str] | None
    ) -> Iterator[Objection]:
        if cause := self._certificate_flaw(request.identity):
            yield Condition.CERTIFICATE, cause
        if self.addresses is not None and not is_in(request.address, self.addresses):
            yield Condition.ADDRESS, f"the address is not in {_some(self.addresses)}"
        if significant(request.calling) not in self.calling:
            yield Condition.CALLING, f"the calling AE title is not {_some(self.calling)}"
        if called is not None and significant(request.called) not in called:
            yield Condition.CALLED, f"the called AE title is not {_some(called)}"

    def _certificate_flaw(self, identity: PeerIdentity | None) -> str:
        """Tell why the peer's certificate does not fit; an empty text if it does."""
        if self.without_certificate:
            return "" if identity is None else "it is for peers without certificate"
        if identity is None:
            return "it wants a certificate, and none was shown"
        if self.fingerprint not in (None, identity.fingerprint):
            return "the certificate has another fingerprint"
        by_name = [key for key in _OF_CERTIFICATES[:-1] if getattr(self, key) is not None]
        if by_name and not identity.verified:
            return "the certificate was not verified, so that only its fingerprint counts"
        for key in by_name:
            wanted: str = getattr(self, key)
            if not _names(identity, key, wanted):
                return f"the {key} of the certificate is not {wanted!r}"
        return ""


def _names(identity: PeerIdentity, key: str, wanted: str) -> bool:
    """Tell whether a certificate has what one condition wants."""
    # The texts of an identity show what is not printable as escapes.  No DNS name and no URI of
    # a rule has a backslash, so that no escape passes for one; distinguished names are compared
    # as they are in the certificate.
    if key == "dns_name":
        return wanted in [each.lower() for each in identity.dns_names if each.isascii()]
    if key == "uri":
        return wanted in identity.uris
    certificate = identity.chain[0]
    found = certificate.subject if key == "subject" else certificate.issuer
    return found == distinguished_name(wanted)


def _some(items: Sequence[str]) -> str:
    shown = " or ".join(map(repr, items[:_SHOWN]))
    return shown if len(items) <= _SHOWN else f"{shown} or one of {len(items) - _SHOWN} more"
