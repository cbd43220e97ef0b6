"""A worker process of a worklist manager that has several."""

from __future__ import annotations

import logging
import signal
import socket
from enum import Enum
from multiprocessing.connection import Connection, wait

from leaddicom.errors import DicomError
from leaddicom.ups.processes.serving import Serving, log_to_standard_error
from leaddicom.ups.processes.signals import RELOAD, Signals
from leaddicom.ups.settings.configuration import Configuration

__all__ = ["Order", "work"]

_log = logging.getLogger(__name__)


class Order(Enum):
    """What a supervisor tells its workers."""

    RELOAD = "reload"
    STOP = "stop"


def work(configuration: Configuration, sock: socket.socket, pipe: Connection) -> None:
    """Serve until the supervisor says so, or is gone, or SIGTERM comes.

    Parameters
    ----------
    configuration, sock
        As for `Serving`.
    pipe : Connection
        To the supervisor.  It brings orders, and first takes why this process cannot serve, or
        "" if it does.
    """
    log_to_standard_error(configuration.log_level)
    # Ctrl-C reaches all processes of a terminal, but it is the supervisor who says when to stop.
    with pipe, Signals({signal.SIGTERM}, ignored={signal.SIGINT, *RELOAD}) as signals:
        try:
            serving = Serving(configuration, sock)
        except (DicomError, OSError) as error:
            pipe.send(str(error))
            return
        try:
            pipe.send("")
            while signals.reader not in wait([signals.reader, pipe]):
                if pipe.recv() is Order.STOP:
                    break
                serving.reload()
        except (EOFError, OSError):
            _log.error("The supervisor is gone: this worker stops, too")
        finally:
            serving.stop()
