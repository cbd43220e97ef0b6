"""`UpsManager`, the worklist manager as an LDicomNet server (PS3.4 Annex CC)."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from leaddicom.enums import SecureMode
from leaddicom.errors import DicomErrorCode, NetworkError
from leaddicom.ups.core.rules import Rules
from leaddicom.ups.core.terms import State
from leaddicom.ups.manager.background import Background
from leaddicom.ups.manager.delivery import event_sender
from leaddicom.ups.manager.dispatcher import BackOff
from leaddicom.ups.manager.gate import Operation
from leaddicom.ups.manager.housekeeping import GIVE_UP_AFTER, RETENTION
from leaddicom.ups.manager.request import Caller
from leaddicom.ups.manager.scp import WorklistScp
from leaddicom.ups.manager.service import WorklistService
from leaddicom.ups.settings.entities import ApplicationEntity
from leaddicom.ups.store import Store

if TYPE_CHECKING:
    from leaddicom.ups.settings.configuration import Configuration

__all__ = ["UpsManager"]


class UpsManager(WorklistScp):
    """A worklist manager: the SCP of UPS Push, Pull, Watch, Event and Query.

    Parameters
    ----------
    store : Store
        Where the workitems are; `start` opens it, and `stop` closes it.
    rules : Rules, optional
        What is decided where the standard leaves it open.
    path, mode
        As for `LDicomNet`.

    Attributes
    ----------
    own_ae_title : str
        Its AE title when it reports events; `ae_title`, if that is set, is the one that callers
        have to call.
    entities : sequence of ApplicationEntity or None
        What replaces the AEs that a file has put into the store's table, at each start.
    retention : mapping of State to datetime.timedelta
        How long final workitems are kept, see `Housekeeping`.
    give_up_after : datetime.timedelta
        Age at which an event that nobody takes is given up.
    back_off : BackOff
        When a receiver that has failed is tried again.
    key_password : str or None
        Of the private key.

    Notes
    -----
    * Events go to their receivers from threads of their own, and hold up nobody.
    * Any number of managers, in any number of processes, may share a database.

    Examples
    --------
    >>> manager = UpsManager(Store("worklist.sqlite", zone=timezone.utc))
    >>> manager.Initialize(ctx=TlsSettings(ca_file="ca.pem"))
    >>> manager.SetServerCertificateTLS("manager.pem", key_path="manager.key")
    >>> manager.start("*", 2762)
    """

    own_ae_title: str = "UPSSCP"
    entities: Sequence[ApplicationEntity] | None = None
    retention: Mapping[State, timedelta] = RETENTION
    give_up_after: timedelta = GIVE_UP_AFTER
    back_off: BackOff = BackOff()
    key_password: str | None = None

    def __init__(
        self,
        store: Store,
        rules: Rules | None = None,
        *,
        path: str | os.PathLike[str] | None = None,
        mode: int = SecureMode.TLS,
    ) -> None:
        service = WorklistService(store, rules, authorizes=self.authorizes)
        super().__init__(service, path=path, mode=mode)
        self.store = store
        self._background: Background | None = None

    # -- hooks ---------------------------------------------------------------------------------

    def authorizes(self, caller: Caller, operation: Operation, uid: str) -> bool:
        """Say whether somebody may have something done; override it.

        Parameters
        ----------
        caller : Caller
            Who asks.
        operation : Operation
            For what.
        uid : str
            Of which instance, as it came; "" for `Operation.FIND`.

        Returns
        -------
        bool
            `False` is answered with 0124H; the default is always `True`.  It is called from
            many threads.
        """
        return True

    def OnPrivateKeyPassword(self, encryption: bool) -> str | bytes | None:
        """Give `key_password`."""
        return self.key_password

    # -- lifecycle -----------------------------------------------------------------------------

    @classmethod
    def from_configuration(cls, configuration: Configuration) -> UpsManager:
        """Make a manager as a configuration wants it; it is not started yet.

        Parameters
        ----------
        configuration : Configuration
            Store, rules, TLS and all the rest.

        Raises
        ------
        DicomError
            A file that it names cannot be used.
        """
        store = Store(configuration.database_location, zone=configuration.timezone)
        mode = SecureMode.TLS if configuration.mutual_tls else SecureMode.NONE
        made = cls(store, configuration.rules, mode=mode)
        made.own_ae_title = configuration.ae_title
        made.ae_title = configuration.ae_title if configuration.check_called_ae_title else ""
        made.limits = replace(
            configuration.limits,
            data_set_length=cls.limits.data_set_length,
            data_set_elements=cls.limits.data_set_elements,
        )
        made.access = configuration.policy()
        made.entities = configuration.entities()
        made.retention = configuration.retention
        made.give_up_after = configuration.event_give_up
        made.back_off = BackOff(
            configuration.event_retry_first.total_seconds(),
            configuration.event_retry_longest.total_seconds(),
        )
        made.key_password = configuration.key_password
        if configuration.mutual_tls:
            made.Initialize(None, mode, configuration.tls_settings)
            key = configuration.private_key or None
            made.SetServerCertificateTLS(configuration.certificate, key_path=key)
        return made

    def start(
        self, address: str | None = None, port: int = 0, *, sock: socket.socket | None = None
    ) -> None:
        """Open the store, listen, and tell who has to know that the service is there.

        Parameters
        ----------
        address, port
            As for `Listen`.
        sock : socket.socket, optional
            Instead, a socket that listens already, see `listen_on`.

        Raises
        ------
        DicomError
            The store cannot be used, the port cannot be opened, or TLS lacks something; nothing
            is left running.  Or it has started already (code 42).
        """
        if self._background is not None:
            raise NetworkError(DicomErrorCode.NET_IS_CONNECTED, "The manager has started already.")
        self.store.open()
        self._background = Background(
            self.store,
            event_sender(self, self.own_ae_title),
            retention=self.retention,
            give_up_after=self.give_up_after,
            back_off=self.back_off,
        )
        try:
            if self.entities is not None:
                with self.store.writing() as writer:
                    writer.replace_file_entities(self.entities)
            # Before anybody is told of a service that may not come to be.
            if sock is None:
                self.Listen(address, port)
            else:
                self.listen_on(sock)
            self._background.start()
        except BaseException:
            self.stop(0.0)
            raise

    @property
    def instance(self) -> str:
        """Name of this process in the store, once it has started; else ""."""
        return "" if self._background is None else self._background.instance

    def stop(self, timeout: float = 10.0) -> None:
        """End within a bounded time: no callers any more, then no events, then no store.

        Associations are aborted; a request under way is finished first, as far as `timeout`
        allows.  Events that cannot be delivered now stay in the store for the next start.

        Parameters
        ----------
        timeout : float
            Seconds for the events, that of going down among them.
        """
        self.Close()
        if self._background is not None:
            self._background.stop(timeout)
            self._background = None
        self.store.close()
