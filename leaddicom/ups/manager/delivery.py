"""Event reports on their way to one application entity (PS3.4 section CC.2.4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import cast

from leaddicom.enums import SecureMode
from leaddicom.errors import DicomErrorCode, TlsError
from leaddicom.limits import Limits
from leaddicom.net import LDicomNet
from leaddicom.scu.normalized import NormalizedScu
from leaddicom.scu.results import NormalizedResult
from leaddicom.security import Security
from leaddicom.transport.connection import Connection
from leaddicom.ups.core.terms import SopClass
from leaddicom.ups.core.workitem import Event
from leaddicom.ups.settings.entities import ApplicationEntity

__all__ = ["EventAssociation", "event_sender"]

#: Seconds that a step may take at most.  A receiver is a program that answers at once, and one
#: that does not is tried again later.
_SHORT = {
    "connect_timeout": 5.0,
    "handshake_timeout": 5.0,
    "artim_timeout": 5.0,
    "associate_timeout": 5.0,
    "pdu_timeout": 10.0,
    "write_timeout": 5.0,
    "response_timeout": 10.0,
    "release_timeout": 2.0,
    "abort_timeout": 0.5,
}


class EventAssociation(NormalizedScu):
    """An association on which a worklist manager reports events.

    It offers UPS Event alone, in the role of the SCP: whoever requests an association is the SCU
    unless it asks for the other role (PS3.7 section D.3.3.4).  It begins with the first report
    and lasts to the end of the ``with`` block.

    Attributes
    ----------
    fingerprint : str or None
        What the SHA-256 fingerprint of the receiver's certificate has to be; `None` for any.

    Notes
    -----
    The deadlines are short: a receiver that is dead costs seconds.  Any thread may call `abort`.
    """

    logs_failures = False  # a receiver that is away would fill the log
    fingerprint: str | None = None

    def report(self, event: Event) -> NormalizedResult:
        """Report an event, and wait for the answer.

        The class of the message is UPS Push, whose instance the workitem is, on the context of
        UPS Event (PS3.4 section CC.3.1.1).

        Parameters
        ----------
        event : Event
            What has happened.

        Returns
        -------
        NormalizedResult
            What the receiver has answered; it has got the event, whatever the status is.

        Raises
        ------
        ParameterError, DataSetError
            The event cannot be encoded, or the answer cannot be decoded.
        DicomError
            There is no answer.
        """
        return self.n_event_report(
            SopClass.PUSH.value,
            event.uid,
            int(event.type),
            event.information,
            abstract_syntax=SopClass.EVENT.value,
        )

    def OnConnect(self, error: int) -> None:
        """Request the association; with TLS not before the receiver's certificate was seen."""
        if error or self.security.mode is SecureMode.NONE:
            super().OnConnect(error)

    def OnSecureLinkReady(self, error: int) -> None:
        """Request the association, if the certificate is the right one."""
        if error:
            return
        shown = "" if self.peer_identity is None else self.peer_identity.fingerprint
        if self.fingerprint in (None, shown):
            super().OnConnect(error)
        else:
            cast("Connection", self.connection).expel(self._is_another(shown))

    def _is_another(self, shown: str) -> TlsError:
        advice = "Correct the fingerprint in the table of AEs if the receiver's is new."
        return TlsError(
            DicomErrorCode.TLS_CERTIFICATE_VERIFY_FAILED,
            f"{self.called_ae_title} at {self.peer_text} shows a certificate with the SHA-256 "
            f"fingerprint {shown}, but {self.fingerprint} is expected; nothing was sent. {advice}",
            peer=self.peer_text,
            advice=advice,
        )


def event_sender(net: LDicomNet, ae_title: str) -> Callable[[ApplicationEntity], EventAssociation]:
    """Give what makes associations for reporting events.

    Parameters
    ----------
    net : LDicomNet
        The worklist manager, whose certificate, CA and TLS settings hold at the time of each
        association.
    ae_title : str
        Its AE title.

    Returns
    -------
    Callable[[ApplicationEntity], EventAssociation]
        Makes an association with a receiver; it begins with the first report.  A file of the
        receiver that cannot be used fails there, too.
    """

    def sender(entity: ApplicationEntity) -> EventAssociation:
        made = EventAssociation.like(
            net,
            entity.host,
            entity.port,
            called_ae_title=entity.title,
            calling_ae_title=ae_title,
            limits=_shortened(net.limits),
        )
        made.security = _security(made.security, entity)
        made.fingerprint = entity.fingerprint
        return made

    return sender


def _shortened(limits: Limits) -> Limits:
    return replace(
        limits, **{name: min(value, getattr(limits, name)) for name, value in _SHORT.items()}
    )


def _security(own: Security, entity: ApplicationEntity) -> Security:
    """Give the manager's own security as far as the receiver wants no other."""
    # A manager without TLS has no certificate to show: that is said when the context is built.
    own.mode = SecureMode.TLS if entity.tls else SecureMode.NONE
    if entity.ca_file is not None:
        with own.changing():
            own.settings = replace(own.settings, ca_file=entity.ca_file)
    return own
