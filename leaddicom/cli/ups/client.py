"""What the commands of clients have in common: how they reach a worklist manager."""

from __future__ import annotations

import argparse
import copy
import logging
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO

from leaddicom import __version__
from leaddicom.cli.parsers import FreeOrderParser
from leaddicom.cli.secrets import password
from leaddicom.cli.ups.options import add_settings, given_settings
from leaddicom.enums import SecureMode
from leaddicom.errors import DicomError, ParameterError
from leaddicom.ups.core.terms import UpsStatus
from leaddicom.ups.settings import readers
from leaddicom.ups.settings.configuration import Configuration
from leaddicom.ups.settings.options import OPTIONS, Option

if TYPE_CHECKING:
    _StreamHandler = logging.StreamHandler[TextIO]
    from leaddicom.tls.credentials import Password
    from leaddicom.ups.client import UpsScu
else:
    _StreamHandler = logging.StreamHandler

__all__ = [
    "CREATOR",
    "EXIT_CODES",
    "PERFORMER",
    "RECEIVING_AE",
    "WATCHER",
    "Role",
    "add_client_options",
    "add_link_options",
    "connected",
    "in_commands",
    "key_password",
    "logged",
    "program",
    "refuse",
    "settings_of",
]

_log = logging.getLogger(__name__)

EXIT_CODES = """\
exit codes:
  0  done, perhaps with warnings, which are shown
  1  failed or refused; one line on standard error says why and what to do
  2  the command line was not understood
"""


@dataclass(frozen=True, slots=True)
class Role:
    """What somebody does with workitems.

    Attributes
    ----------
    certificate : str
        Name of the certificate in the development PKI.
    ae_title : str
        Under which it calls.
    """

    certificate: str
    ae_title: str


CREATOR = Role("workitemcreator", "CREATOR")
PERFORMER = Role("workitemperformer", "PERFORMER")
WATCHER = Role("workitemwatcher", "WATCHER")

_CALLED = Option(
    "called_ae_title", readers.ae_title, "AE title of the worklist manager", "network", "TITLE",
    ("-aec", "--called-aet"), ("--called_ae_title",),
)  # fmt: skip

#: Who is to be told, if it is not who asks.
RECEIVING_AE = Option(
    "receiving_ae", readers.ae_title, "AE title of who gets the events, which the manager has to "
    "know", "network", "TITLE", ("-aer", "--receiving-aet"),
    ("--receiver-aet", "--receiver_ae_title", "--receiving_ae_title"),
)  # fmt: skip

#: The settings that clients share with the worklist manager.
_LINK = tuple(
    OPTIONS[name]
    for name in (
        "max_pdu", "acse_timeout", "dimse_timeout", "network_timeout", "mutual_tls",
        "ca_certificate", "certificate", "private_key", "key_password_env", "key_password_file",
        "crl", "tls_profile", "log_level",
    )
)  # fmt: skip
_OWN_TITLE = replace(OPTIONS["ae_title"], help="own AE title")

_CALLED_DEFAULT = "UPSSCP"
_LOG_LEVEL = "error"

#: Methods of `UpsScu`, which its messages name, and the commands that do the same.
_METHODS = {
    **{name: name for name in ("claim", "resume", "create", "complete", "cancel", "progress")},
    "start_procedure": "start",
    "end_procedure": "end",
    "request_cancel": "request-cancel",
    "modify": "set",
    "find": "list",
    "get": "show",
}
_METHOD = re.compile(rf"\b({'|'.join(_METHODS)})\(\)")

#: What an answer was to, as messages have it, where no command is called so.
_VERBS = {
    **{name: _METHODS[name] for name in ("start_procedure", "end_procedure", "request_cancel")},
    **{f"{name}_globally": name for name in ("subscribe", "unsubscribe", "suspend")},
    "modify": "set",
}
_VERB = re.compile(rf"(?<= answered )({'|'.join(_VERBS)})(?= \()")

#: What commands have another remedy for than programs.
_REMEDIES = {
    UpsStatus.DUPLICATE_INSTANCE: "Create it with --new-uids to get a new UID, or change what is "
    "there with 'ups set'.",
}


def add_client_options(
    parser: argparse.ArgumentParser, role: Role, rest: str = "", *, more: Sequence[Option] = ()
) -> None:
    """Add HOST and PORT of a worklist manager, and all options of the link to it.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        What gets them.
    role : Role
        Whose command it is.
    rest : str
        What follows HOST and PORT, for the help.
    more : sequence of Option
        Further settings.
    """
    parser.usage = f"%(prog)s [OPTION ...] HOST PORT {rest}".rstrip()
    parser.add_argument("host", metavar="HOST", help="name or address of the worklist manager")
    # Listeners have a port of their own, the option --port.
    parser.add_argument("manager_port", metavar="PORT", type=_port, help="its port, mostly 2762")
    parser.add_argument("--json", action="store_true", help="write JSON, for scripts")
    parser.add_argument(
        "-e", "--echo", action="store_true", help="first see whether it answers (C-ECHO)"
    )
    add_link_options(parser, role, more=(_CALLED, *more))


def add_link_options(
    parser: argparse.ArgumentParser, role: Role, *, more: Sequence[Option] = ()
) -> None:
    """Add the own AE title, and how links are protected."""
    files = f"certs/clients/{role.certificate}/{role.certificate}"
    defaults = {
        "ae_title": role.ae_title,
        "called_ae_title": _CALLED_DEFAULT,
        "receiving_ae": "the own AE title",
        "certificate": f"{files}.pem",
        "private_key": f"{files}.key; with -cert, in the same file",
        "log_level": _LOG_LEVEL,
        "port": "2763",
    }
    add_settings(parser, (_OWN_TITLE, *more, *_LINK), defaults)
    parser.set_defaults(role=role, certs=Path("certs"), parser=parser, program="leaddicom")


def refuse(arguments: argparse.Namespace, text: str) -> NoReturn:
    """End with the exit code 2: what the command line says does not fit together."""
    parser: argparse.ArgumentParser = arguments.parser
    parser.error(text)


def settings_of(arguments: argparse.Namespace) -> Configuration:
    """Give what the command line says of the link, with the defaults of the command's role.

    Raises
    ------
    ParameterError
        A file of mutual TLS does not exist, or two options do not fit together.
    """
    role: Role = arguments.role
    given = given_settings(arguments)
    folder: Path = arguments.certs.absolute()
    own = folder / "clients" / role.certificate / role.certificate
    values: dict[str, object] = {
        "ae_title": role.ae_title,
        "ca_certificate": str(folder / "rootCA" / "rootCA.pem"),
        "certificate": f"{own}.pem",
        # With a certificate of one's own, the key of another one is of no use.
        "private_key": "" if "certificate" in given else f"{own}.key",
        "log_level": _LOG_LEVEL,
    }
    configuration = Configuration(**values | given)  # type: ignore[arg-type]
    missing = configuration.missing_files()
    if missing:
        raise ParameterError(missing)
    return configuration


def key_password(configuration: Configuration) -> Password:
    """Give what knows the password of the private key, or asks for it once that is needed."""
    file = configuration.key_password_file
    sources = argparse.Namespace(
        key_password_env=configuration.key_password_env or None,
        key_password_file=Path(file) if file else None,
    )
    key = configuration.private_key or configuration.certificate
    return partial(password, sources, f"the private key {key}", "key-")


@contextmanager
def connected(arguments: argparse.Namespace) -> Iterator[UpsScu]:
    """Have a client of the worklist manager that the command line names.

    Raises
    ------
    DicomError
        Whatever goes wrong, with the commands that help rather than the methods.
    """
    # Not at the top: other commands shall not wait for what only this one needs.
    from leaddicom.ups.client import UpsScu

    configuration = settings_of(arguments)
    mode = SecureMode.TLS if configuration.mutual_tls else SecureMode.NONE
    more = {
        name: value
        for name in ("transaction_uids", "profiles", "manager")
        if (value := getattr(arguments, name, None)) is not None
    }
    with (
        logged(configuration.log_level),
        _told_in_commands(),
        UpsScu(
            arguments.host,
            arguments.manager_port,
            called_ae_title=getattr(arguments, "called_ae_title", _CALLED_DEFAULT),
            calling_ae_title=configuration.ae_title,
            mode=mode,
            limits=configuration.limits,
            password=key_password(configuration),
            **more,
        ) as ups,
    ):
        if configuration.mutual_tls:
            ups.net.Initialize(None, mode, configuration.tls_settings)
            key = configuration.private_key or None
            ups.net.SetClientCertificateTLS(configuration.certificate, key_path=key)
        try:
            if arguments.echo:
                ups.echo()
            yield ups
        finally:
            _log_link(ups)


def _log_link(ups: UpsScu) -> None:
    """Tell how the manager was reached, if it was."""
    if ups.net.link_facts is not None:
        facts, peer = ups.net.link_facts, ups.net.peer_identity
        subject = "unknown" if peer is None else peer.subject
        link = f"{facts.tls_version}, {facts.cipher_name}"
        _log.debug("The manager was reached by %s; its certificate is of %s", link, subject)


class _Log(_StreamHandler):
    """What the library logs, on standard error; where a fault comes from only if all is logged."""

    def format(self, record: logging.LogRecord) -> str:
        if record.exc_info and not logging.getLogger("leaddicom").isEnabledFor(logging.DEBUG):
            record = copy.copy(record)
            record.exc_info = record.exc_text = None
        return super().format(record)


@contextmanager
def logged(level: str) -> Iterator[None]:
    """Have what the library logs on standard error, from a level on, unless that is so already."""
    logger = logging.getLogger("leaddicom")
    if any(isinstance(each, _Log) for each in logger.handlers):
        yield
        return
    handler = _Log(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel({"warn": "WARNING"}.get(level, level.upper()))
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


def in_commands(text: str) -> str:
    """Have a message of the library name commands where it names methods of its own."""
    from leaddicom.ups.client.results import REMEDIES

    for status, remedy in _REMEDIES.items():
        text = text.replace(REMEDIES[status], remedy)
    text = _VERB.sub(lambda found: _VERBS[found[1]], text)
    return _METHOD.sub(lambda found: f"'ups {_METHODS[found[1]]}'", text)


@contextmanager
def _told_in_commands() -> Iterator[None]:
    try:
        yield
    except DicomError as error:
        raise DicomError(error.code, in_commands(str(error))) from error


def program(
    add: Callable[[argparse.ArgumentParser], None],
    run: Callable[[argparse.Namespace], int],
    argv: Sequence[str] | None,
    certs: Path,
    description: str,
) -> int:
    """Run a command as a program of its own.

    Parameters
    ----------
    add : Callable[[argparse.ArgumentParser], None]
        Adds the options.
    run : Callable[[argparse.Namespace], int]
        Does it, and gives the exit code.
    argv : sequence of str or None
        The arguments, without the program's name; `None` takes those of the process.
    certs : Path
        Folder of the default certificates.
    description : str
        What it does.

    Returns
    -------
    int
        The exit code.
    """
    parser = FreeOrderParser(
        description=description,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"leaddicom {__version__}")
    add(parser)
    parser.set_defaults(certs=certs, program=parser.prog)
    try:
        return run(parser.parse_args(argv))
    except (DicomError, OSError) as error:
        sys.stderr.write(f"{parser.prog}: {' '.join(str(error).split())}\n")
    except KeyboardInterrupt:
        sys.stderr.write(f"{parser.prog}: interrupted\n")
    return 1


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise argparse.ArgumentTypeError(f"{text!a} is no port between 1 and 65535")
    return int(text)
