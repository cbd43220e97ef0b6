"""What a worklist manager is started with, and where that comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta, tzinfo
from os import PathLike
from pathlib import Path
from urllib.parse import urlsplit

from leaddicom.access import AccessPolicy
from leaddicom.errors import ParameterError
from leaddicom.limits import Limits
from leaddicom.tls.profiles import DEFAULT_PROFILE
from leaddicom.tls.settings import TlsSettings
from leaddicom.ups.core.rules import Rules
from leaddicom.ups.core.terms import State
from leaddicom.ups.profiles import PROFILES
from leaddicom.ups.settings.entities import ApplicationEntity, load_entities
from leaddicom.ups.settings.ini import IniFile
from leaddicom.ups.settings.options import IGNORED, OPTIONS, Option
from leaddicom.ups.settings.readers import is_url
from leaddicom.ups.settings.text_file import is_unknown
from leaddicom.ups.settings.zones import LOCAL

__all__ = [
    "VARIABLE_PREFIX",
    "Configuration",
    "default_text",
    "load_configuration",
    "read_value",
]

#: What the variables of the environment begin with.
VARIABLE_PREFIX = "LEADDICOM_UPS_"

#: DICOM over TLS (IANA), and the port that is customary for UPS without.
_TLS_PORT, _PLAIN_PORT = 2762, 11114

_LIMITS = Limits()
_RULES = Rules()
_MONTH = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """Everything that a worklist manager is started with.

    Attributes
    ----------
    ae_title : str
        Its AE title.
    port : int
        To listen on; 0 takes a free one.  `None` becomes 2762 with mutual TLS, else 11114.
    bind_address : str
        To listen on; "" is all addresses.
    check_called_ae_title : bool
        Whether associations that call another AE title are rejected.
    max_pdu : int
        Longest PDU to receive, in bytes.
    acse_timeout, dimse_timeout, network_timeout : float
        Seconds to wait for association messages, for answers, and on an idle association.
    max_associations, max_associations_per_address : int
        Connections at a time, of one process.
    mutual_tls : bool
        Whether TLS with certificates on both sides is spoken, or plain DICOM.
    ca_certificate, certificate, private_key : str
        Files; `private_key` is "" if the key is in the same file as the certificate.
    key_password_env, key_password_file : str
        Where the private key's password is.
    key_password : str or None
        That password, once it has been asked for.
    crl : str
        Revocation lists, "" for none.
    tls_profile : str
        Name of the TLS profile.
    access_policy : str
        File of the access policy, "" for none.
    database_location : str
        File or URL.
    worklist_label, timezone, find_limit, profiles, strict_create, strict_final_state, \
strict_sop_class, deletion_locks, own_subscriptions_only
        See `Rules`.
    retention_completed, retention_canceled : timedelta or None
        How long final workitems are kept; `None` is for ever.
    ae_table : str
        File of application entities, "" for none.
    fallback_list : tuple of str
        AE titles that hear of restarts and shutdowns without a subscription, beside those of
        which `ae_table` says so.
    event_retry_first, event_retry_longest, event_give_up : timedelta
        Of the delivery of events.
    workers : int
        Processes.
    log_level : str
        ``"critical"``, ``"error"``, ``"warn"``, ``"info"`` or ``"debug"``.
    notices : tuple of str
        What is worth a line in the log at the start.
    """

    ae_title: str = "UPSSCP"
    port: int | None = None
    bind_address: str = ""
    check_called_ae_title: bool = False
    max_pdu: int = _LIMITS.maximum_pdu_length
    acse_timeout: float = _LIMITS.associate_timeout
    dimse_timeout: float = _LIMITS.response_timeout
    network_timeout: float = _LIMITS.idle_timeout
    max_associations: int = _LIMITS.associations
    max_associations_per_address: int = _LIMITS.associations_per_address
    mutual_tls: bool = True
    ca_certificate: str = "certs/rootCA/rootCA.pem"
    certificate: str = "certs/servers/worklistmanager/worklistmanager.pem"
    private_key: str = "certs/servers/worklistmanager/worklistmanager.key"
    key_password_env: str = ""
    key_password_file: str = ""
    key_password: str | None = field(default=None, repr=False)
    crl: str = ""
    tls_profile: str = DEFAULT_PROFILE
    access_policy: str = ""
    database_location: str = field(default="worklist.sqlite", repr=False)
    worklist_label: str = _RULES.worklist_label
    timezone: tzinfo = LOCAL
    find_limit: int = _RULES.find_limit
    profiles: tuple[str, ...] = ()
    strict_create: bool = False
    strict_final_state: bool = False
    strict_sop_class: bool = False
    deletion_locks: bool = True
    own_subscriptions_only: bool = False
    retention_completed: timedelta | None = _MONTH
    retention_canceled: timedelta | None = _MONTH
    ae_table: str = ""
    fallback_list: tuple[str, ...] = ()
    event_retry_first: timedelta = timedelta(seconds=1)
    event_retry_longest: timedelta = timedelta(minutes=5)
    event_give_up: timedelta = timedelta(hours=24)
    workers: int = 1
    log_level: str = "info"
    notices: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        if self.event_retry_first > self.event_retry_longest:
            raise ParameterError(
                "event_retry_first is longer than event_retry_longest. Make it shorter."
            )
        if self.key_password_env and self.key_password_file:
            raise ParameterError(
                "key_password_env and key_password_file are both given. Take one of them away."
            )
        if self.fallback_list and not self.ae_table:
            raise ParameterError(
                "fallback_list has AE titles, but there is no ae_table that says where they are."
            )

    @property
    def listening_port(self) -> int:
        """The port to listen on."""
        if self.port is None:
            return _TLS_PORT if self.mutual_tls else _PLAIN_PORT
        return self.port

    @property
    def database_text(self) -> str:
        """The database for people to read: without password and options."""
        if not is_url(self.database_location):
            return self.database_location
        url = urlsplit(self.database_location)
        user = f"{url.username}@" if url.username else ""
        port = f":{url.port}" if url.port else ""
        return f"{url.scheme}://{user}{url.hostname or ''}{port}{url.path}"

    @property
    def limits(self) -> Limits:
        """Deadlines and limits of the connections."""
        return replace(
            _LIMITS,
            maximum_pdu_length=self.max_pdu,
            artim_timeout=self.acse_timeout,
            associate_timeout=self.acse_timeout,
            response_timeout=self.dimse_timeout,
            idle_timeout=self.network_timeout,
            associations=self.max_associations,
            associations_per_address=self.max_associations_per_address,
        )

    @property
    def tls_settings(self) -> TlsSettings:
        """How connections are protected, if `mutual_tls` says so."""
        return TlsSettings(
            profile=self.tls_profile, ca_file=self.ca_certificate, crl_file=self.crl or None
        )

    @property
    def rules(self) -> Rules:
        """What the service decides where the standard leaves it open."""
        return Rules(
            strict_create=self.strict_create,
            strict_final_state=self.strict_final_state,
            strict_sop_class=self.strict_sop_class,
            deletion_locks=self.deletion_locks,
            own_subscriptions_only=self.own_subscriptions_only,
            worklist_label=self.worklist_label,
            profiles=tuple(PROFILES[name] for name in self.profiles),
            zone=self.timezone,
            find_limit=self.find_limit,
        )

    @property
    def retention(self) -> Mapping[State, timedelta]:
        """How long workitems of a final state are kept; a state that is not there, for ever."""
        kept = {
            State.COMPLETED: self.retention_completed,
            State.CANCELED: self.retention_canceled,
        }
        return {state: span for state, span in kept.items() if span is not None}

    def entities(self) -> tuple[ApplicationEntity, ...]:
        """Read the table of application entities anew; empty without `ae_table`.

        Raises
        ------
        ParameterError
            See `load_entities`; or an AE title of `fallback_list` is not in the table.
        """
        if not self.ae_table:
            return ()
        table = {each.title: each for each in load_entities(self.ae_table, tls=self.mutual_tls)}
        for title in self.fallback_list:
            if title not in table:
                raise ParameterError(
                    f"fallback_list has {title!a}, which {self.ae_table} lacks. Add it there."
                )
            table[title] = replace(table[title], fallback_list=True)
        return tuple(table.values())

    def policy(self) -> AccessPolicy | None:
        """Read the access policy anew; `None` without one.

        Raises
        ------
        ParameterError
            See `AccessPolicy.load`.
        """
        return AccessPolicy.load(self.access_policy) if self.access_policy else None

    def missing_files(self) -> str | None:
        """Tell in a sentence which file of mutual TLS does not exist; `None` if none is missing."""
        if not self.mutual_tls:
            return None
        for name in ("ca_certificate", "certificate", "private_key"):
            path = getattr(self, name)
            if path and not Path(path).exists():
                return (
                    f"{path} ({name}) does not exist. Name your own files with -ca, -cert and "
                    "-key, or make some for development: leaddicom pki init"
                )
        return None


def load_configuration(
    arguments: Mapping[str, object],
    environment: Mapping[str, str],
    *,
    certs: str | PathLike[str] = "certs",
) -> Configuration:
    """Put the configuration together: what comes later wins over what comes earlier.

    1. the defaults, with the files of `certs`;
    2. the INI file that the argument ``config`` or the variable ``LEADDICOM_UPS_CONFIG`` names;
    3. the variables ``LEADDICOM_UPS_...`` of the environment, named as the keys of that file;
    4. the arguments of the command line.

    A relative path in the INI file is relative to the folder of that file; everywhere else it is
    relative to the current directory.

    Parameters
    ----------
    arguments : mapping of str to object
        Values by name of option, as `read_value` gives them; and ``config``.
    environment : mapping of str to str
        Variables.
    certs : str or path-like
        Folder of the default certificates, as ``leaddicom pki init`` makes it.

    Raises
    ------
    ParameterError
        The file cannot be read, something is unknown, stands there twice or cannot be, or two
        settings do not fit together; the message tells where, what and the remedy.
    """
    notices: list[str] = []
    config = str(arguments.get("config", environment.get(f"{VARIABLE_PREFIX}CONFIG", "")))
    given = {key: value for key, value in arguments.items() if key != "config"}
    layers = (
        _of_file(Path(config), notices) if config else {},
        _of_environment(environment, notices),
        given,
    )
    values = _defaults(Path(certs))
    for layer in layers:
        for one, other in (_PASSWORD_SOURCES, _PASSWORD_SOURCES[::-1]):
            if layer.get(one) and other not in layer:
                values[other] = ""  # the later source of the password takes the earlier one away
        values |= layer
    return Configuration(**values, notices=tuple(notices))  # type: ignore[arg-type]


def read_value(option: Option, text: str, folder: Path) -> object:
    """Read a setting from its text.

    Parameters
    ----------
    option : Option
        The setting.
    text : str
        What was written.
    folder : Path
        To which a relative path is relative.

    Raises
    ------
    ParameterError
        It cannot be; the message is the rest of a sentence.
    """
    if option.is_optional and not text:
        return () if isinstance(_DEFAULTS[option.name], tuple) else ""
    value = option.read(text)
    if option.is_path or (option.name == "database_location" and not is_url(str(value))):
        return str(folder.absolute() / Path(str(value)).expanduser())
    return value


_DEFAULTS = {each.name: each.default for each in fields(Configuration)}
_PASSWORD_SOURCES = ("key_password_env", "key_password_file")
_CERTIFICATES = ("ca_certificate", "certificate", "private_key")


def default_text(option: Option) -> str:
    """Give the default of a setting as help and documentation write it; "" if there is none."""
    value = _DEFAULTS[option.name]
    if option.name == "port":
        return f"{_TLS_PORT}, without TLS {_PLAIN_PORT}"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, timedelta):
        return _span_text(value)
    if value is LOCAL:
        return "local"
    return f"{value:g}" if isinstance(value, float) else str(value or "")


def _span_text(span: timedelta) -> str:
    for unit, length in _UNITS.items():
        if not span % length:
            return f"{span // length}{unit}"
    return f"{span.total_seconds():g}s"


_UNITS = {"d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1)}


def _defaults(certs: Path) -> dict[str, object]:
    """Give the defaults whose paths are resolved."""
    here = Path.cwd()
    values: dict[str, object] = {
        name: str(here / certs / Path(str(_DEFAULTS[name])).relative_to("certs"))
        for name in _CERTIFICATES
    }
    return values | {"database_location": str(here / str(_DEFAULTS["database_location"]))}


def _of_file(path: Path, notices: list[str]) -> dict[str, object]:
    file = IniFile(path, {**OPTIONS, **IGNORED})
    for key, why in IGNORED.items():
        if key in file.settings:
            line = file.settings[key].line
            notices.append(f"{path}, line {line}: {key} has no effect here: {why}.")
    for section, line in file.destinations.items():
        notices.append(
            f"{path}, line {line}: [{section}] has no effect here: a worklist manager moves "
            "nothing, and its subscribers stand in ae_table."
        )

    def read(key: str, text: str) -> object:
        try:
            return read_value(OPTIONS[key], text, path.parent)
        except ParameterError as error:
            file.refuse(key, error.message)

    return {key: read(key, each.text) for key, each in file.settings.items() if key in OPTIONS}


def _variable(key: str) -> str:
    return f"{VARIABLE_PREFIX}{key.upper()}"


def _of_environment(environment: Mapping[str, str], notices: list[str]) -> dict[str, object]:
    values: dict[str, object] = {}
    for variable, text in environment.items():
        key = variable.removeprefix(VARIABLE_PREFIX).lower()
        if not variable.startswith(VARIABLE_PREFIX) or key in ("config", *IGNORED):
            continue
        if key not in OPTIONS:  # container platforms set variables of such names by themselves
            unknown = is_unknown(key, OPTIONS, _variable)
            notices.append(f"The environment variable {variable} {unknown}")
            continue
        try:
            values[key] = read_value(OPTIONS[key], text, Path.cwd())
        except ParameterError as error:
            raise ParameterError(f"The environment variable {variable} {error.message}") from None
    return values
