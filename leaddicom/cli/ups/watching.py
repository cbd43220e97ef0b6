"""``leaddicom ups watch`` and ``leaddicom ups listen``: events as they come."""

from __future__ import annotations

import argparse
import json
import math
import select
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING

from leaddicom.cli.output import write_line
from leaddicom.cli.parsers import Commands, add_command
from leaddicom.cli.ups.client import (
    EXIT_CODES,
    RECEIVING_AE,
    WATCHER,
    add_client_options,
    add_link_options,
    connected,
    key_password,
    logged,
    settings_of,
)
from leaddicom.cli.ups.events import document_of_event, row_of_event
from leaddicom.cli.ups.outcome import text_of
from leaddicom.cli.ups.subscribing import RECEIVER, add_subject, filter_of, subscribe
from leaddicom.cli.ups.text import add_json, complain, shown
from leaddicom.cli.ups.uids import read_uid
from leaddicom.enums import SecureMode
from leaddicom.ups.core.terms import ScpStatus
from leaddicom.ups.processes.signals import STOP, Signals
from leaddicom.ups.settings.options import OPTIONS

if TYPE_CHECKING:
    from leaddicom.ups.client.results import UpsResult
    from leaddicom.ups.client.views import UpsEvent

__all__ = ["register"]

_PORT = 2763

_WATCH_DESCRIPTION = """\
Subscribe to workitems, and show what happens to them until Ctrl-C. This computer listens for the
manager, which has to know it under the receiving AE title.

On a terminal events are aligned; elsewhere there are tabs between time, kind, workitem and
details. With --json each event is a line.
"""

_WATCH_EPILOG = f"""\
{RECEIVER}
{EXIT_CODES}
examples:
  leaddicom ups watch localhost 2762 --global
  leaddicom ups watch localhost 2762 1.2.3.4 --count 3 --unsubscribe
  leaddicom ups watch localhost 2762 --station LINAC1 --port 2763 --json
"""

_LISTEN_DESCRIPTION = """\
Show the events that worklist managers report to this computer until Ctrl-C, of subscriptions that
were made before or by others. To subscribe, too: leaddicom ups watch
"""

_LISTEN_EPILOG = f"""\
{EXIT_CODES}
examples:
  leaddicom ups listen
  leaddicom ups listen --port 2763 -aet WATCHER --seconds 60 --json
"""

#: Where to listen, as the manager's own options have it.
_LISTENING = (OPTIONS["port"], OPTIONS["bind_address"])

_END, _ANEW = b"e", b"a"


def register(commands: Commands) -> None:
    """Add ``watch`` and ``listen``."""
    parser = add_command(
        commands, "watch", _watch, summary="subscribe, and show events as they come",
        description=_WATCH_DESCRIPTION, epilog=_WATCH_EPILOG,
    )  # fmt: skip
    add_subject(parser)
    add_client_options(parser, WATCHER, "[UID]", more=(RECEIVING_AE, *_LISTENING))
    parser.add_argument("uid", metavar="UID", nargs="?", type=read_uid, help="of one workitem")
    parser.add_argument(
        "-u", "--unsubscribe", action="store_true", help="end the subscription in the end"
    )
    _add_end(parser)
    parser = add_command(
        commands, "listen", _listen, summary="show events as they come, without subscribing",
        description=_LISTEN_DESCRIPTION, epilog=_LISTEN_EPILOG,
    )  # fmt: skip
    parser.usage = "%(prog)s [OPTION ...]"
    add_link_options(parser, WATCHER, more=_LISTENING)
    add_json(parser)
    _add_end(parser)


def _add_end(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("end")
    group.add_argument("--count", metavar="N", type=_count, help="after so many events")
    group.add_argument("--seconds", metavar="S", type=_seconds, help="after so many seconds")


def _watch(arguments: argparse.Namespace) -> int:
    filter_of(arguments)  # before anything is opened
    with _receiving(arguments) as watch:
        if not _subscribe(arguments):
            return 1
        while watch.wait() == _ANEW:
            _subscribe(arguments)  # the manager has lost its subscriptions
        if arguments.unsubscribe:
            _tell(_unsubscribe(arguments))
    return watch.code()


def _listen(arguments: argparse.Namespace) -> int:
    with _receiving(arguments) as watch:
        while watch.wait() == _ANEW:
            continue
    return watch.code()


def _subscribe(arguments: argparse.Namespace) -> bool:
    with connected(arguments) as ups:
        return _tell(subscribe(ups, arguments))


def _unsubscribe(arguments: argparse.Namespace) -> UpsResult:
    receiver = getattr(arguments, "receiving_ae", "")
    with connected(arguments) as ups:
        if arguments.uid is not None:
            return ups.unsubscribe(arguments.uid, receiving_ae=receiver)
        return ups.unsubscribe_globally(receiving_ae=receiver)


def _tell(result: UpsResult) -> bool:
    if not result.is_success:
        complain(text_of(result))
    return not result.is_failure


@contextmanager
def _receiving(arguments: argparse.Namespace) -> Iterator[_Watch]:
    """Listen for events, and show them as they come."""
    from leaddicom.ups.client.receiver import UpsEventReceiver

    configuration = settings_of(arguments)
    mode = SecureMode.TLS if configuration.mutual_tls else SecureMode.NONE
    title = getattr(arguments, "receiving_ae", configuration.ae_title)
    with (
        logged(configuration.log_level),
        Signals(STOP) as signals,
        _Watch(arguments, signals) as watch,
        UpsEventReceiver(
            None,
            mode,
            callback=watch.show,
            ae_title=title,
            password=key_password(configuration),
        ) as receiver,
    ):
        receiver.limits = configuration.limits
        if configuration.mutual_tls:
            receiver.Initialize(None, mode, configuration.tls_settings)
            key = configuration.private_key or None
            receiver.SetServerCertificateTLS(configuration.certificate, key_path=key)
        port = _PORT if configuration.port is None else configuration.port
        receiver.Listen(configuration.bind_address or None, port)
        complain(f"{title} is listening on port {receiver.GetHostInfo()[1]}; Ctrl-C ends it.")
        yield watch


class _Watch:
    """Shows events, which arrive on many threads, until it is to end.

    Parameters
    ----------
    arguments : argparse.Namespace
        How to show them, and when to end.
    signals : Signals
        One of them ends it, too.
    """

    def __init__(self, arguments: argparse.Namespace, signals: Signals) -> None:
        self._as_json: bool = arguments.json
        self._count: int | None = arguments.count
        self._ends = math.inf
        if arguments.seconds is not None:
            self._ends = time.monotonic() + arguments.seconds
        self._signals = signals
        self._lock = threading.Lock()
        self._shown = 0
        self._is_over = False
        self._failure: OSError | None = None
        self._reader, self._writer = socket.socketpair()

    def __enter__(self) -> _Watch:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._reader.close()
        with self._lock:
            self._is_over = True
            self._writer.close()

    def show(self, event: UpsEvent) -> None:
        """Show an event, unless it is one too many."""
        with self._lock:
            if self._is_over:
                return
            try:
                self._write(event)
            except OSError as error:  # who reads has gone
                self._failure = error
                self._end()
                raise
            self._shown += 1
            if self._shown == self._count:
                self._end()
            elif event.subscriptions is ScpStatus.COLD_START:
                self._writer.send(_ANEW)

    def wait(self) -> bytes:
        """Wait until it is to end, or to be subscribed anew."""
        seconds = self._ends - time.monotonic()
        timeout = None if math.isinf(seconds) else max(seconds, 0.0)
        ready, _, _ = select.select([self._reader, self._signals.reader], [], [], timeout)
        return self._reader.recv(1) if ready == [self._reader] else _END

    def code(self) -> int:
        """Give the exit code.

        Raises
        ------
        OSError
            Nothing could be shown any more.
        """
        if self._failure is not None:
            raise self._failure
        lacking = 0 if self._count is None else self._count - self._shown
        if lacking:
            complain(f"{lacking} of {self._count} events did not come.")
        return 1 if lacking else 0

    def _end(self) -> None:
        self._is_over = True
        self._writer.send(_END)

    def _write(self, event: UpsEvent) -> None:
        if self._as_json:
            sys.stdout.write(json.dumps(document_of_event(event)) + "\n")
        else:
            at, kind, about, details = map(shown, row_of_event(event))
            if sys.stdout.isatty():
                write_line(f"{at}  {kind:16}  {about:<44}  {details}")
            else:
                write_line("\t".join((at, kind, about, details)))
        sys.stdout.flush()


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 10_000_000):
        raise argparse.ArgumentTypeError(f"{text!a} is no number above 0")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 10_000_000:
        raise argparse.ArgumentTypeError(f"{text!a} is no number of seconds above 0")
    return seconds
