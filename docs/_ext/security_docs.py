"""What the pages about TLS take from the code: profiles, suites, alerts, checks, limits.

Everything here is a table that is made from the one that the package itself works with, so that
the pages cannot say anything else than the code does.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator
from dataclasses import fields

from docutils import nodes
from leaddicom_docs import GeneratedDirective, table
from numpydoc.docscrape import NumpyDocString
from OpenSSL import SSL
from pydicom.uid import UID
from sphinx.application import Sphinx

import leaddicom
from leaddicom import Limits
from leaddicom.contexts import SupportedContext
from leaddicom.implementation import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from leaddicom.tls.alerts import ALERTS
from leaddicom.tls.failures import REASONS
from leaddicom.tls.profiles import DEFAULT_PROFILE, PROFILES, Profile
from leaddicom.tls.suites import SUITES, CipherSuite, suite, unsupported_reason
from leaddicom.tls.verify_codes import CHECKS

__all__ = [
    "Row",
    "TableDirective",
    "alert_rows",
    "check_rows",
    "limit_rows",
    "plain",
    "profile_rows",
    "suite_rows",
]

_VERSIONS = {
    SSL.TLS1_VERSION: "1.0",
    SSL.TLS1_1_VERSION: "1.1",
    SSL.TLS1_2_VERSION: "1.2",
    SSL.TLS1_3_VERSION: "1.3",
}

Row = tuple[str, ...]


def plain(text: str) -> str:
    """Write text so that reStructuredText takes no character of it for markup."""
    return re.sub(r"([\\*`|_])", r"\\\1", text)


# -- rows --------------------------------------------------------------------------------------


def profile_rows() -> Iterator[Row]:
    """Give a row for each profile that can be chosen."""
    for each in PROFILES.values():
        limits = [
            f"RSA {each.minimum_rsa_bits}, EC {each.minimum_ec_bits} bits",
            f"no {', '.join(sorted(name.upper() for name in each.forbidden_hashes))}",
        ]
        if each.needs_both_kinds:
            limits.append("a server needs both kinds of key")
        if each.needs_extended_master_secret:
            limits.append("TLS 1.2 with extended_master_secret only")
        state = "live" if each.weakness is None else f"retired: {each.weakness}"
        if each.name == DEFAULT_PROFILE:
            state = "**the default**"
        yield (
            f"``{each.name}``",
            f"``{each.short_name}``",
            each.section,
            _versions(each),
            plain("; ".join(limits)),
            state if each.weakness is None else plain(state),
        )


def _versions(profile: Profile) -> str:
    highest = SSL.TLS1_3_VERSION if profile.suites_tls13 else SSL.TLS1_2_VERSION
    return " ".join(
        text for number, text in _VERSIONS.items() if profile.minimum_version <= number <= highest
    )


def suite_rows() -> Iterator[Row]:
    """Give a row for each suite that a profile has, with the place in the profile's order."""
    for each in sorted(SUITES.values(), key=_suite_order):
        places = [_place(profile, each) for profile in PROFILES.values()]
        if any(places):
            missing = unsupported_reason(each) is not None
            name = f"``{each.iana_name}``" + (" (OpenSSL has it not)" if missing else "")
            yield name, f"{each.iana_code:04X}H", *places


def _suite_order(suite: CipherSuite) -> tuple[bool, int, int]:
    """Order suites by TLS version, by the first profile that has them, and as it prefers them."""
    for rank, profile in enumerate(PROFILES.values()):
        suites = (*profile.suites_tls13, *profile.suites_tls12)
        if suite.constant in suites:
            return not suite.tls13, rank, suites.index(suite.constant)
    return not suite.tls13, len(PROFILES), 0


def _place(profile: Profile, wanted: CipherSuite) -> str:
    """Give the place of a suite among those of its TLS version; "" if the profile lacks it."""
    suites = profile.suites_tls13 if wanted.tls13 else profile.suites_tls12
    usable = [each for each in suites if unsupported_reason(suite(each)) is None]
    if wanted.constant not in suites:
        return ""
    return str(usable.index(wanted.constant) + 1) if wanted.constant in usable else "\N{EN DASH}"


def alert_rows() -> Iterator[Row]:
    """Give a row for each alert: what we say when a peer sends it, its code, what to do."""
    for each in ALERTS.values():
        yield (
            plain(f"{each.meaning} (alert {each.number} {each.name})"),
            _code(each.code),
            plain(each.advice),
        )


def check_rows() -> Iterator[Row]:
    """Give a row for each check that has a sentence of its own."""
    for each in CHECKS.values():
        if not each.cause.startswith("it fails a check: "):
            yield (
                plain(each.cause),
                _code(each.code),
                str(int(each.verify_code)),
                plain(each.advice),
            )


def reason_rows() -> Iterator[Row]:
    """Give a row for each reason for which this end gives up a handshake or a connection."""
    for each in dict.fromkeys(REASONS.values()):
        yield plain(each.cause), _code(each.code), plain(each.advice)


def limit_rows() -> Iterator[Row]:
    """Give a row for each limit: name, default, meaning."""
    described = {
        each.name: " ".join(" ".join(each.desc).split())
        for each in NumpyDocString(inspect.getdoc(Limits) or "")["Attributes"]
    }
    for field in fields(Limits):
        is_time = isinstance(field.default, float)
        value = "none" if field.default is None else f"{field.default:g}" if is_time else ""
        value = f"{value} s" if is_time else value or f"{field.default:,}"
        yield f"``{field.name}``", value, described[field.name]


def sop_class_rows(name: str) -> Iterator[Row]:
    """Give a row for each SOP class of one of the package's lists of presentation contexts."""
    contexts: Iterable[SupportedContext | str] = getattr(leaddicom, name)
    for each in contexts:
        uid = each if isinstance(each, str) else each.abstract_syntax
        yield plain(UID(uid).name), f"``{uid}``"


def _code(code: int) -> str:
    return f"{int(code)} ``{leaddicom.DicomErrorCode(code).name}``"


# -- directives --------------------------------------------------------------------------------


class TableDirective(GeneratedDirective):
    """A table without arguments."""

    heads: Row = ()
    widths = ""

    def rows(self) -> Iterable[Row]:
        """Give the rows."""
        raise NotImplementedError

    def run(self) -> list[nodes.Node]:
        """Make the nodes."""
        return self.parsed(table(self.heads, self.rows(), self.widths))


class TlsProfiles(TableDirective):
    """The profiles that can be chosen."""

    heads = ("Profile", "Short name", "Section", "TLS", "Certificates and more", "State")
    widths = "20 10 10 8 24 28"

    def rows(self) -> Iterable[Row]:
        """Give the rows."""
        return profile_rows()


class TlsSuites(TableDirective):
    """The cipher suites of the profiles, in order of preference."""

    heads = ("Suite", "Code", *(f"``{each.short_name}``" for each in PROFILES.values()))
    widths = " ".join(["40", "8", *["10"] * len(PROFILES)])

    def rows(self) -> Iterable[Row]:
        """Give the rows."""
        return suite_rows()


class TlsAlerts(TableDirective):
    """What leaddicom says when a peer sends an alert."""

    heads = ("leaddicom says", "Code", "Remedy")
    widths = "40 25 35"

    def rows(self) -> Iterable[Row]:
        """Give the rows."""
        return alert_rows()


class TlsChecks(TableDirective):
    """What leaddicom says about a certificate that it refuses."""

    heads = ("leaddicom says", "Code", "Check", "Remedy")
    widths = "35 25 8 32"

    def rows(self) -> Iterable[Row]:
        """Give the rows."""
        return check_rows()


class TlsReasons(TlsAlerts):
    """Why leaddicom itself gives up a handshake."""

    def rows(self) -> Iterable[Row]:
        """Give the rows."""
        return reason_rows()


class LimitsTable(TableDirective):
    """Deadlines and limits, with their defaults."""

    heads = ("Field of ``Limits``", "Default", "Meaning")
    widths = "28 14 58"

    def rows(self) -> Iterable[Row]:
        """Give the rows."""
        return limit_rows()


class Implementation(TableDirective):
    """How the package names itself to peers."""

    heads = ("Implementation Class UID", "Implementation Version Name")
    widths = "60 40"

    def rows(self) -> Iterable[Row]:
        """Give the row."""
        return [(f"``{IMPLEMENTATION_CLASS_UID}``", f"``{IMPLEMENTATION_VERSION_NAME}``")]


class SopClasses(GeneratedDirective):
    """The SOP classes of one of the package's lists."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Make the nodes."""
        heads = ("SOP class", "UID")
        return self.parsed(table(heads, sop_class_rows(self.arguments[0]), "60 40"))


class TransferSyntaxes(GeneratedDirective):
    """The transfer syntaxes of one of the package's lists."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Make the nodes."""
        found = getattr(leaddicom, self.arguments[0])
        rows = [(plain(UID(uid).name), f"``{uid}``") for uid in found]
        return self.parsed(table(("Transfer syntax", "UID"), rows, "60 40"))


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx what is here."""
    for name, directive in (
        ("tls-profiles", TlsProfiles),
        ("tls-suites", TlsSuites),
        ("tls-alerts", TlsAlerts),
        ("tls-checks", TlsChecks),
        ("tls-reasons", TlsReasons),
        ("limits", LimitsTable),
        ("implementation", Implementation),
        ("sop-classes", SopClasses),
        ("transfer-syntaxes", TransferSyntaxes),
    ):
        app.add_directive(name, directive)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
