"""``leaddicom doctor``."""

from __future__ import annotations

import argparse
import logging
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import partial
from types import MappingProxyType

from rich.text import Text

from leaddicom.cli.output import write_json, write_line, write_table
from leaddicom.cli.parsers import Commands, add_command
from leaddicom.cli.secrets import add_password_options, password
from leaddicom.doctor import (
    MAXIMUM_CONNECTIONS,
    Finding,
    Report,
    Severity,
    Target,
    diagnose_files,
    diagnose_link,
    observe,
    observe_files,
)
from leaddicom.doctor.document import file_document, link_document
from leaddicom.doctor.files import certificate_type, own_findings
from leaddicom.errors import ParameterError
from leaddicom.tls.credentials import Credentials, load_credentials
from leaddicom.tls.files import certificate_error, read
from leaddicom.values import check_ae_title

__all__ = ["register"]

_DESCRIPTION = f"""\
Find out why a DICOM link over TLS does or does not work, and what to do about it.

With HOST and PORT the peer is asked: does it answer, does it speak TLS, DICOM without TLS or
something else; which TLS versions, cipher suites and groups it accepts; what certificate it
shows, whether that is trusted, for this name, and valid for how long; whether it demands a
certificate of us, and accepts ours; and whether it answers a C-ECHO. It takes at most
{MAXIMUM_CONNECTIONS} connections, one at a time, each with its own time-out.

With -cert alone the files are examined: what they hold, whether the key belongs to the
certificate, whether it is strong enough, for whom it is, and whether its chain is complete.
"""

_EPILOG = """\
examples:
  leaddicom doctor pacs 2762 -ca ca.pem -cert me.pem -key me.key
  leaddicom doctor pacs 2762 -ca ca.pem -cert me.p12 -aec PACS -aet CT1
  leaddicom doctor pacs 11112 --plain
  leaddicom doctor 10.1.2.3 2762 -ca ca.pem --server-name pacs.example
  leaddicom doctor -cert me.pem -key me.key -ca ca.pem
  leaddicom doctor pacs 2762 -ca ca.pem --json | jq -r .verdict

exit codes:
  0  the link can be used: the peer has answered a C-ECHO (the files can be used)
  1  it cannot, and the report says why; or the command failed, and one line on standard
     error says why
  2  the command line was not understood
"""

_STYLES = MappingProxyType(
    {
        Severity.OK: "green",
        Severity.NOTE: "cyan",
        Severity.WARNING: "yellow",
        Severity.PROBLEM: "bold red",
    }
)


def register(commands: Commands) -> None:
    """Add ``doctor``."""
    parser = add_command(
        commands,
        "doctor",
        lambda arguments: _run(parser, arguments),
        summary="find out why a link over TLS does or does not work",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    parser.add_argument("host", metavar="HOST", nargs="?", help="name or address of the peer")
    parser.add_argument("port", metavar="PORT", nargs="?", type=_port, help="its port")
    files = parser.add_argument_group("files")
    files.add_argument("-ca", "--ca", metavar="FILE", help="trusted CAs, a file or a folder")
    files.add_argument(
        "-cert", "--cert", metavar="FILE", help="own certificate (PEM, DER, PKCS#12)"
    )
    files.add_argument("-key", "--key", metavar="FILE", help="its key, if not in the same file")
    add_password_options(parser, "the key")
    peer = parser.add_argument_group("the peer")
    peer.add_argument(
        "-aec", "--aec", metavar="TITLE", type=_title, default="ANY-SCP", help="its AE title"
    )
    peer.add_argument(
        "-aet", "--aet", metavar="TITLE", type=_title, default="LEADDICOM", help="own AE title"
    )
    peer.add_argument("--server-name", metavar="NAME", help="name in its certificate, if not HOST")
    peer.add_argument("--plain", action="store_true", help="without TLS")
    peer.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=_seconds,
        default=5.0,
        help="for each step of each connection (default: 5)",
    )
    parser.add_argument("--json", action="store_true", help="write JSON, for programs")


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise argparse.ArgumentTypeError(f"{text!r} is no port between 1 and 65535")
    return int(text)


def _title(text: str) -> str:
    try:
        check_ae_title(text)
    except ParameterError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 600:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds up to 600")
    return seconds


def _run(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> int:
    if arguments.host is not None and arguments.port is None:
        parser.error("the port of the peer is missing: give HOST and PORT")
    if arguments.key is not None and arguments.cert is None:
        parser.error("-key needs the certificate that it belongs to: -cert")
    if arguments.host is None and arguments.cert is None:
        parser.error("give HOST and PORT of a peer, or -cert and a file")
    with _quiet():
        return (_examine_files if arguments.host is None else _examine_link)(arguments)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep warnings off the standard error: the report says what they say."""
    logger, handler = logging.getLogger("leaddicom"), logging.NullHandler()
    logger.addHandler(handler)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # cryptography's, of odd certificates
            yield
    finally:
        logger.removeHandler(handler)


@dataclass(slots=True)
class _Password:
    """Asks at the terminal once, however often it is needed."""

    arguments: argparse.Namespace
    answers: list[str | None] = field(default_factory=list)

    def __call__(self) -> str | None:
        if not self.answers:
            self.answers.append(password(self.arguments, "the private key"))
        return self.answers[0]


def _examine_link(arguments: argparse.Namespace) -> int:
    target = Target(
        arguments.host,
        arguments.port,
        called_ae_title=arguments.aec,
        calling_ae_title=arguments.aet,
        ca_file=arguments.ca,
        server_name=arguments.server_name,
        plain=arguments.plain,
        timeout=arguments.timeout,
    )
    own = None if arguments.cert is None or arguments.plain else _credentials(arguments)
    facts, now = observe(target, own), datetime.now(timezone.utc)
    chain = () if own is None else (own.certificate, *own.chain)
    report = diagnose_link(facts, now, own_findings(chain, now) if chain else ())
    title = f"{target.host}:{target.port}, {facts.connections} connections"
    return _write(arguments, title, report, partial(link_document, facts, report, now))


def _credentials(arguments: argparse.Namespace) -> Credentials:
    kind = certificate_type(read(arguments.cert, certificate_error))
    return load_credentials(arguments.cert, kind, arguments.key, _Password(arguments))


def _examine_files(arguments: argparse.Namespace) -> int:
    facts = observe_files(arguments.cert, arguments.key, arguments.ca, _Password(arguments))
    now = datetime.now(timezone.utc)
    report = diagnose_files(facts, now)
    return _write(arguments, arguments.cert, report, partial(file_document, facts, report, now))


def _write(
    arguments: argparse.Namespace,
    title: str,
    report: Report,
    document: Callable[[], dict[str, object]],
) -> int:
    if arguments.json:
        write_json(document())
    elif sys.stdout.isatty():
        rows = [
            (Text(each.severity.value, _STYLES[each.severity]), each.check, _text(each))
            for each in report.findings
        ]
        write_table(title, ("", "Check", "What was found, and what to do"), rows, [report.verdict])
    else:
        for each in report.findings:
            write_line(f"{each.severity.value} {each.check}: {each.what} {each.advice}".rstrip())
        write_line(report.verdict)
    return 0 if report.usable else 1


def _text(each: Finding) -> Text:
    text = Text(each.what)
    return text.append(f"\n{each.advice}", "bold") if each.advice else text
