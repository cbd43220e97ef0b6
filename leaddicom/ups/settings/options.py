"""The settings of a worklist manager: what each is called, how it is read and what it means.

Declared once: the keys of the INI file, the variables of the environment, the options of the
command line, their help and the documentation all derive from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from leaddicom.ups.profiles import PROFILES
from leaddicom.ups.settings import readers
from leaddicom.ups.settings.readers import Reader

__all__ = ["IGNORED", "OPTIONS", "Option"]


@dataclass(frozen=True, slots=True)
class Option:
    """A setting.

    Attributes
    ----------
    name : str
        Attribute of `Configuration`, and key of the INI file.
    read : Reader
        From its text to its value.
    help : str
        What it means, for newcomers; the default is told by `Configuration`.
    group : str
        Heading in the help.
    metavar : str
        What stands for the value in the help.
    flags : tuple of str
        Spellings on the command line beside the name with hyphens.
    hidden : tuple of str
        More of them, which the help does not show.
    is_path : bool
        Whether the value is a path, to which the path rule applies.
    is_optional : bool
        Whether an empty text takes it away again.
    """

    name: str
    read: Reader
    help: str
    group: str
    metavar: str = ""
    flags: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    is_path: bool = False
    is_optional: bool = False

    @property
    def is_switch(self) -> bool:
        """Whether it is on or off."""
        return self.read is readers.switch

    @property
    def long_flag(self) -> str:
        """The spelling that every setting has."""
        return f"--{self.name.replace('_', '-')}"


_LEVELS = ("critical", "error", "warn", "info", "debug")
_path = readers.text(4096)

_NETWORK = (
    Option(
        "ae_title", readers.ae_title, "the name under which clients call the manager", "network",
        "TITLE", ("-a", "-aet"), ("--ae_title", "--calling-aet"),
    ),
    Option(
        "port", readers.number(0, 65535), "TCP port to listen on; 0 takes a free one", "network",
        "PORT", ("-p",),
    ),
    Option(
        "bind_address", readers.text(255), "address of this computer to listen on; all unless "
        "given", "network", "ADDRESS", ("-b", "-ba"), ("--bind_address",), is_optional=True,
    ),
    Option(
        "check_called_ae_title", readers.switch, "refuse clients that call another AE title",
        "network",
    ),
    Option(
        "max_pdu", readers.pdu_length, "longest PDU to receive, in bytes; 0 for no wish", "network",
        "BYTES", ("-pdu",),
    ),
    Option(
        "acse_timeout", readers.seconds, "to wait for association messages", "network",
        "SECONDS", ("-ta",),
    ),
    Option(
        "dimse_timeout", readers.seconds, "to wait for the answer to a message", "network",
        "SECONDS", ("-td",),
    ),
    Option(
        "network_timeout", readers.seconds, "after which an idle association is aborted",
        "network", "SECONDS", ("-tn",),
    ),
    Option(
        "max_associations", readers.number(1, 10_000), "connections at a time, in each worker",
        "network", "N",
    ),
    Option(
        "max_associations_per_address", readers.number(1, 10_000), "of which from one address",
        "network", "N",
    ),
)  # fmt: skip

_SECURITY = (
    Option(
        "mutual_tls", readers.switch, "TLS with certificates on both sides, without which anybody "
        "can read and change what is sent", "security", flags=("-mtls",),
    ),
    Option(
        "ca_certificate", _path, "the CA whose certificates are trusted; PEM, or a folder of such",
        "security", "FILE", ("-ca",), is_path=True,
    ),
    Option(
        "certificate", _path, "own certificate with its chain: PEM or PKCS#12", "security",
        "FILE", ("-cert",), is_path=True,
    ),
    Option(
        "private_key", _path, "its private key; empty if it is in the same file", "security",
        "FILE", ("-key",), is_path=True, is_optional=True,
    ),
    Option(
        "key_password_env", readers.text(255), "environment variable with the password of the "
        "private key, if that is encrypted", "security", "NAME", is_optional=True,
    ),
    Option(
        "key_password_file", _path, "file whose first line is that password", "security", "FILE",
        is_path=True, is_optional=True,
    ),
    Option(
        "crl", _path, "list of revoked certificates, or a folder of such", "security", "FILE",
        ("-crl",), is_path=True, is_optional=True,
    ),
    Option(
        "tls_profile", readers.tls_profile, "TLS profile of DICOM PS3.15 Annex B", "security",
        "NAME",
    ),
    Option(
        "access_policy", _path, "TOML file that says which certificate may be which AE title",
        "security", "FILE", is_path=True, is_optional=True,
    ),
)  # fmt: skip

_WORKLIST = (
    Option(
        "database_location", readers.database, "where workitems are kept: a file (SQLite), or "
        "postgresql://USER@HOST/NAME", "worklist", "FILE|URL", ("--database",),
    ),
    Option(
        "worklist_label", readers.text(64), "label of workitems that come without one",
        "worklist", "LABEL",
    ),
    Option(
        "timezone", readers.time_zone, "of times that come without an offset: local, +01:00 or "
        "Europe/Berlin", "worklist", "ZONE",
    ),
    Option(
        "find_limit", readers.number(1, 10_000_000), "matches that one query gets at most",
        "worklist", "N",
    ),
    Option(
        "profiles", readers.choices(PROFILES), "rules beyond the standard's, separated by commas: "
        + ", ".join(PROFILES), "worklist", "NAMES", is_optional=True,
    ),
    Option(
        "strict_create", readers.switch, "refuse incomplete workitems instead of completing them",
        "worklist",
    ),
    Option(
        "strict_final_state", readers.switch, "refuse to cancel without a reason instead of "
        "filling it in", "worklist",
    ),
    Option(
        "strict_sop_class", readers.switch, "refuse requests that name another SOP class than "
        "UPS Push", "worklist",
    ),
    Option(
        "deletion_locks", readers.switch, "let subscribers keep final workitems beyond their time",
        "worklist",
    ),
    Option(
        "own_subscriptions_only", readers.switch, "refuse to subscribe other AEs than the one "
        "that asks", "worklist",
    ),
    Option(
        "retention_completed", readers.retention, "how long COMPLETED workitems are kept; or "
        "never, to delete none", "worklist", "TIME",
    ),
    Option(
        "retention_canceled", readers.retention, "the same for CANCELED ones", "worklist", "TIME",
    ),
)  # fmt: skip

_EVENTS = (
    Option(
        "ae_table", _path, "ApplicationEntities.json: where those listen who subscribe to events",
        "event reports", "FILE", is_path=True, is_optional=True,
    ),
    Option(
        "fallback_list", readers.ae_titles, "AE titles, separated by commas, that hear of restarts "
        "and shutdowns without a subscription", "event reports", "TITLES", is_optional=True,
    ),
    Option(
        "event_retry_first", readers.span, "to wait before a failed delivery is tried again",
        "event reports", "TIME",
    ),
    Option(
        "event_retry_longest", readers.span, "to which that wait grows, doubling", "event reports",
        "TIME",
    ),
    Option(
        "event_give_up", readers.span, "after which an event that cannot be delivered is dropped",
        "event reports", "TIME",
    ),
)  # fmt: skip

_OPERATION = (
    Option(
        "workers", readers.number(1, 64), "processes that serve the port together", "operation",
        "N",
    ),
    Option(
        "log_level", readers.choice(_LEVELS), f"how much is logged: {', '.join(_LEVELS)}",
        "operation", "LEVEL", ("-ll",),
    ),
)  # fmt: skip

#: Every setting by its name, in the order of the help.
OPTIONS: Mapping[str, Option] = MappingProxyType(
    {each.name: each for each in (*_NETWORK, *_SECURITY, *_WORKLIST, *_EVENTS, *_OPERATION)}
)

#: Keys of other managers' INI files that mean nothing here, and why.
IGNORED: Mapping[str, str] = MappingProxyType(
    {
        "instance_location": "all of a workitem is in the database",
        "log_identifier": "data sets are never logged",
    }
)
