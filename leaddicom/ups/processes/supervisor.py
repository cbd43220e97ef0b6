"""Runs a worklist manager: in this process, or in several that share the port.

The listening socket is opened once, before anything else, so that a port in use is known at once.
With several processes this one only watches: it hands the socket to the workers, who all accept
from it, and replaces those that die.  While one is replaced no caller is lost, because it is the
socket that keeps who waits, and that stays open here.
"""

from __future__ import annotations

import logging
import multiprocessing
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnContext, SpawnProcess

from leaddicom.enums import IpType
from leaddicom.errors import DicomError, DicomErrorCode
from leaddicom.transport.opening import listening_socket
from leaddicom.ups.processes.serving import Serving
from leaddicom.ups.processes.signals import RELOAD, STOP, Signals
from leaddicom.ups.processes.worker import Order, work
from leaddicom.ups.settings.configuration import Configuration

__all__ = ["serve"]

_log = logging.getLogger(__name__)

#: Seconds that a worker has to stop; a manager needs ten at most.
_PATIENCE = 15.0

#: A worker that has served for so many seconds has died by accident, and not of its start.
_ESTABLISHED = 60.0
_LONGEST_WAIT = 30.0


def serve(configuration: Configuration) -> None:
    """Serve until SIGTERM or SIGINT (Ctrl-C) comes; SIGHUP has files read anew.

    It has to be called in the main thread.

    Parameters
    ----------
    configuration : Configuration
        What to serve.

    Raises
    ------
    DicomError
        It cannot be served: the port is in use, a file or the database cannot be used.  Nothing
        is left running.
    """
    sock = listening_socket(
        configuration.bind_address,
        configuration.listening_port,
        configuration.limits.backlog,
        IpType.IPV4_OR_IPV6,
    )
    with sock, Signals(STOP | RELOAD) as signals:
        if configuration.workers == 1:
            _serve_alone(configuration, sock, signals)
        else:
            _Supervisor(configuration, sock, signals).run()


def _serve_alone(configuration: Configuration, sock: socket.socket, signals: Signals) -> None:
    serving = Serving(configuration, sock)
    try:
        _log.info("%s", _ready_text(configuration, sock))
        while True:
            taken = signals.take()
            if taken & STOP:
                break
            serving.reload()
    finally:
        serving.stop()
    _log.info("%s has stopped", configuration.ae_title)


def _ready_text(configuration: Configuration, sock: socket.socket) -> str:
    tls = f"mutual TLS, {configuration.tls_profile}" if configuration.mutual_tls else "WITHOUT TLS"
    several = f"; {configuration.workers} workers" if configuration.workers > 1 else ""
    return (
        f"{configuration.ae_title} is ready on port {sock.getsockname()[1]}: {tls}; database "
        f"{configuration.database_text}{several}"
    )


# -- several processes -------------------------------------------------------------------------


@dataclass(slots=True)
class _Worker:
    """A worker process, or the place of one.

    Attributes
    ----------
    number : int
        From 1.
    process, pipe
        The process, and the pipe to it; `None` if there is none.
    reason : str
        Why it could not start.
    since : float
        When it began to serve; 0 if it does not yet.
    failures : int
        Times it has died in a row.
    start_at : float
        When it is to be started.
    """

    number: int
    process: SpawnProcess | None = None
    pipe: Connection | None = None
    reason: str = ""
    since: float = 0.0
    failures: int = 0
    start_at: float = 0.0


class _Supervisor:
    """Keeps the workers running."""

    def __init__(self, configuration: Configuration, sock: socket.socket, signals: Signals) -> None:
        self._configuration = configuration
        self._sock = sock
        self._signals = signals
        self._context: SpawnContext = multiprocessing.get_context("spawn")
        self._workers = [_Worker(1)]
        self._is_ready = False
        self._stopping = False

    def run(self) -> None:
        """Start the first worker, then the others, and watch them all until the end."""
        try:
            while not self._stopping:
                self._start_due()
                self._wait(self._until_next_start())
        finally:
            self._stop_all()
        _log.info("%s has stopped", self._configuration.ae_title)

    def _start_due(self) -> None:
        now = time.monotonic()
        for worker in self._workers:
            if worker.process is None and worker.start_at <= now:
                self._start(worker)

    def _start(self, worker: _Worker) -> None:
        ours, theirs = self._context.Pipe()
        worker.process = self._context.Process(
            target=work,
            args=(self._configuration, self._sock, theirs),
            name=f"UPS worker {worker.number}",
        )
        worker.pipe, worker.reason, worker.since = ours, "", 0.0
        with theirs, _signals_held():
            worker.process.start()

    def _until_next_start(self) -> float | None:
        waiting = [each.start_at for each in self._workers if each.process is None]
        return max(0.0, min(waiting) - time.monotonic()) if waiting else None

    def _wait(self, timeout: float | None) -> None:
        """Wait until something happens, and deal with it."""
        pipes = {each.pipe: each for each in self._workers if each.pipe}
        ends = {each.process.sentinel: each for each in self._workers if each.process}
        happened = wait([self._signals.reader, *pipes, *ends], timeout)
        for each in happened:
            if each is self._signals.reader:
                self._obey(self._signals.take())
            elif isinstance(each, Connection):
                self._listen(pipes[each])
        for sentinel in ends.keys() & set(happened):
            self._replace(ends[sentinel])

    def _obey(self, signals: frozenset[signal.Signals]) -> None:
        if signals & STOP:
            self._stopping = True
        elif signals & RELOAD:
            self._tell(Order.RELOAD)

    def _tell(self, order: Order) -> None:
        for worker in self._workers:
            if worker.pipe is not None:
                with suppress(OSError):  # it has just died, which the sentinel tells, too
                    worker.pipe.send(order)

    def _listen(self, worker: _Worker) -> None:
        """Hear whether a worker serves now, or why it cannot."""
        pipe = worker.pipe
        try:
            worker.reason = pipe.recv() if pipe else ""
        except (EOFError, OSError):
            worker.pipe = None
            return
        if worker.reason:
            return
        worker.since, process = time.monotonic(), worker.process
        _log.info("Worker %d serves, process %s", worker.number, process.pid if process else "")
        if not self._is_ready and len(self._workers) == 1:
            # The first has shown that the configuration is good, and has made the database.
            self._workers += map(_Worker, range(2, self._configuration.workers + 1))
        elif not self._is_ready and all(each.since for each in self._workers):
            self._is_ready = True
            _log.info("%s", _ready_text(self._configuration, self._sock))

    def _replace(self, worker: _Worker) -> None:
        """A worker has died: take note, and have another one started."""
        process = worker.process
        if process is None or self._stopping:
            return
        if worker.pipe is not None and worker.pipe.poll():
            self._listen(worker)  # its last words
        process.join()
        reason = worker.reason or _ending(process.exitcode or 0)
        if len(self._workers) == 1:
            raise DicomError(DicomErrorCode.NET_FAILURE, reason)
        served = time.monotonic() - worker.since if worker.since else 0.0
        worker.failures = 1 if served > _ESTABLISHED else worker.failures + 1
        delay = min(_LONGEST_WAIT, 2.0 ** (worker.failures - 1))
        _log.error(
            "Worker %d, process %s, has ended: %s Another is started in %g s.",
            worker.number, process.pid, reason, delay,
        )  # fmt: skip
        worker.process, worker.start_at = None, time.monotonic() + delay

    def _stop_all(self) -> None:
        self._tell(Order.STOP)
        deadline = time.monotonic() + _PATIENCE
        for worker in self._workers:
            if worker.process is not None:
                worker.process.join(max(0.0, deadline - time.monotonic()))
                if worker.process.exitcode is None:
                    _log.error("Worker %d does not stop, and is killed", worker.number)
                    worker.process.kill()
                    worker.process.join()


def _ending(code: int) -> str:
    if code < 0:
        return f"it was ended by the signal {signal.Signals(-code).name}."
    return f"it has left with {code}."


@contextmanager
def _signals_held() -> Iterator[None]:
    """Have a process inherit that it does not hear Ctrl-C: it is told through its pipe."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, *RELOAD})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
