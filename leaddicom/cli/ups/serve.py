"""``leaddicom ups serve``: the worklist manager."""

from __future__ import annotations

import argparse
import logging
import os
import socket
import sys
import uuid
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from leaddicom import __version__
from leaddicom.cli.output import write_line
from leaddicom.cli.parsers import Commands, add_command
from leaddicom.cli.secrets import password
from leaddicom.cli.ups.options import add_settings, given_settings
from leaddicom.cli.ups.text import counted
from leaddicom.errors import DicomError, ParameterError
from leaddicom.pki import is_encrypted
from leaddicom.ups.settings.configuration import Configuration, load_configuration
from leaddicom.ups.settings.options import OPTIONS

if TYPE_CHECKING:
    from leaddicom.ups.store import Store

__all__ = ["main", "register"]

_log = logging.getLogger(__name__)

_DESCRIPTION = """\
Run a worklist manager: the SCP of the UPS Push, Pull, Watch, Event and Query SOP classes, over
mutual TLS.

Without any option it listens on port 2762 with the certificates that "leaddicom pki init" has
made in the folder certs, and keeps the workitems in the file worklist.sqlite.
"""

_EPILOG = """\
settings:
  Each of them may also stand in an INI file (--config) under [DEFAULT], named as the long option
  is with underscores, such as "ae_title: MANAGER"; and in a variable of the environment, such as
  LEADDICOM_UPS_AE_TITLE=MANAGER. The command line wins over the environment, that over the file,
  and that over the defaults. A switch is on with "true" and off with "false"; an empty value
  takes an optional setting away.

paths:
  A relative path in the INI file is relative to the folder of that file. Everywhere else it is
  relative to the current directory.

signals:
  SIGTERM and Ctrl-C stop it; subscribers are told that it goes down. SIGHUP has it read
  certificates, revocation list, AE table and access policy anew, without losing a connection.

exit codes:
  0  stopped as it was told to
  1  failed; one line on standard error says why and what to do
  2  the command line was not understood

examples:
  leaddicom ups serve
  leaddicom ups serve -mtls -ca ca.pem -cert manager.pem -key manager.key --port 2762 --debug
  leaddicom ups serve --config manager.ini --workers 4
  leaddicom ups serve --database postgresql://manager@dbhost/worklist
  leaddicom ups serve --no-mutual-tls --port 11114      (only where nobody listens in)
  leaddicom ups serve --database old.sqlite --clean     (delete all workitems)
"""


def register(commands: Commands) -> None:
    """Add ``serve``."""
    parser = add_command(
        commands,
        "serve",
        _run,
        summary="run a worklist manager",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    _add_options(parser)


def main(argv: Sequence[str] | None = None, *, certs: Path = Path("certs")) -> int:
    """Run the worklist manager as a program of its own.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments, without the program's name; those of the process unless given.
    certs : Path
        Folder of the default certificates.

    Returns
    -------
    int
        0 if it was told to stop, 1 if it failed, with one line on standard error.
    """
    parser = argparse.ArgumentParser(
        description=_DESCRIPTION,
        epilog=_EPILOG.replace("leaddicom ups serve", Path(sys.argv[0]).name),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"leaddicom {__version__}")
    _add_options(parser)
    try:
        return _run(parser.parse_args(argv), certs)
    except (DicomError, OSError) as error:
        sys.stderr.write(f"{parser.prog}: {' '.join(str(error).split())}\n")
    except KeyboardInterrupt:
        sys.stderr.write(f"{parser.prog}: interrupted\n")
    return 1


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.usage = "%(prog)s [OPTION ...]"
    parser.add_argument(
        "-c", "--config", metavar="FILE", default=argparse.SUPPRESS, help="INI file of settings"
    )
    parser.add_argument(
        "--clean", action="store_true",
        help="delete all workitems, subscriptions and events of the database, and end",
    )  # fmt: skip
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask before --clean")
    add_settings(parser, OPTIONS.values())


def _run(arguments: argparse.Namespace, certs: Path = Path("certs")) -> int:
    # Not at the top: the database's library takes its time, and other commands do not need it.
    from leaddicom.ups.processes.serving import log_to_standard_error
    from leaddicom.ups.processes.supervisor import serve

    configuration = load_configuration(given_settings(arguments), os.environ, certs=certs)
    log_to_standard_error(configuration.log_level)
    for notice in configuration.notices:
        _log.warning("%s", notice)
    if arguments.clean:
        return _clean(configuration, arguments.yes)
    missing = configuration.missing_files()
    if missing:
        raise ParameterError(missing)
    if not configuration.mutual_tls:
        _log.warning("Serving WITHOUT TLS: anybody can read and change what is sent.")
    serve(replace(configuration, key_password=_key_password(configuration)))
    return 0


def _key_password(configuration: Configuration) -> str | None:
    """Return the password of the private key, if that has one."""
    key = Path(configuration.private_key or configuration.certificate)
    file = configuration.key_password_file
    sources = argparse.Namespace(
        key_password_env=configuration.key_password_env or None,
        key_password_file=Path(file) if file else None,
    )
    is_given = configuration.key_password_env or file
    if configuration.mutual_tls and (is_given or is_encrypted(key)):
        return password(sources, f"the private key {key}", "key-")
    return None


def _clean(configuration: Configuration, is_sure: bool) -> int:
    from leaddicom.ups.store import Store

    where = configuration.database_text
    if not is_sure:
        if not sys.stdin.isatty():
            raise ParameterError(f"There is no terminal to ask at: to empty {where}, add --yes.")
        sys.stdout.write(f"Delete all workitems, subscriptions and events of {where}? (yes/no) ")
        sys.stdout.flush()
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            write_line("Nothing was deleted.")
            return 1
    store = Store(configuration.database_location, zone=configuration.timezone)
    store.open()
    try:
        count = _emptied(store, where)
    finally:
        store.close()
    workitems = counted(count, "workitem", "workitems")
    write_line(f"Deleted {workitems} from {where}, with all subscriptions and events.")
    return 0


def _emptied(store: Store, where: str) -> int:
    """Empty a database that nobody serves; give the number of workitems that it had."""
    name = f"clean {uuid.uuid4().hex}"
    with store.writing() as writer:
        if writer.register(name, socket.gethostname(), os.getpid()):
            raise ParameterError(f"A worklist manager is running on {where}. Stop it first.")
        writer.unregister(name)
        return writer.clear()
