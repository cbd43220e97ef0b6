"""One process of a worklist manager: it starts, serves until it is told to stop, and reloads."""

from __future__ import annotations

import logging
import socket
import sys
import warnings
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path

from leaddicom.errors import DicomError
from leaddicom.tls.files import parse_certificates
from leaddicom.tls.text import describe
from leaddicom.ups.manager import UpsManager
from leaddicom.ups.settings.configuration import Configuration

__all__ = ["Serving", "log_to_standard_error"]

_log = logging.getLogger(__name__)

#: How long before it expires a certificate is worth a warning.
_SOON = timedelta(days=30)
_EXPIRING = "A certificate in %s expires soon, or has expired; renew it: %s"


def log_to_standard_error(level: str) -> None:
    """Set the log of this process up; other libraries tell no more than their warnings.

    pydicom tells nothing at all: its warnings quote values that are not well-formed, such as the
    name of a patient in the wrong attribute.
    """
    logging.basicConfig(
        stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s", force=True
    )
    chosen = {"warn": "WARNING"}.get(level, level.upper())
    logging.getLogger("leaddicom").setLevel(chosen)
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", module="pydicom")


class Serving:
    """A worklist manager that serves a listening socket.

    Parameters
    ----------
    configuration : Configuration
        What it is started with.
    sock : socket.socket
        A socket that listens; it is closed in the end.

    Raises
    ------
    DicomError
        Something of the configuration cannot be used; nothing is left running.
    """

    def __init__(self, configuration: Configuration, sock: socket.socket) -> None:
        self._configuration = configuration
        self.manager = UpsManager.from_configuration(configuration)
        if configuration.mutual_tls:
            self._warn_of_expiry()
        self.manager.start(sock=sock)

    def reload(self) -> None:
        """Read certificates, AE table and access policy anew, each of them if it is in order."""
        manager, configuration = self.manager, self._configuration
        if configuration.mutual_tls:
            with suppress(
                DicomError, OSError
            ):  # the library logs the reason and goes on with the old ones
                manager.Reload()
                self._warn_of_expiry()
        try:
            policy, entities = configuration.policy(), configuration.entities()
            with manager.store.writing() as writer:
                writer.replace_file_entities(entities)
            manager.access = policy
        except Exception as error:  # noqa: BLE001 - whatever is in the files, the service goes on
            _log.warning("AE table and access policy stay as they were: %s", error)
        else:
            _log.info("AE table and access policy were read anew")

    def stop(self) -> None:
        """Stop within a bounded time."""
        self.manager.stop()

    def _warn_of_expiry(self) -> None:
        """Tell which certificates expire soon; the library tells which of ours have expired."""
        now = datetime.now(timezone.utc)
        for each in self.manager.security.credentials:
            for certificate in (each.certificate, *each.chain):
                if now <= certificate.not_valid_after_utc <= now + _SOON:
                    _log.warning(_EXPIRING, each.certificate_path, describe(certificate))
        trusted = Path(self._configuration.ca_certificate)
        if trusted.is_file():
            for certificate in parse_certificates(str(trusted), trusted.read_bytes()):
                if certificate.not_valid_after_utc <= now + _SOON:
                    _log.warning(_EXPIRING, trusted, describe(certificate))
