"""A C-ECHO as an application does it, and how far it came."""

from __future__ import annotations

from leaddicom.doctor.facts import Echo, Target
from leaddicom.enums import SecureMode, VerifyMode
from leaddicom.errors import (
    AssociationError,
    DicomError,
    DicomErrorCode,
    StatusError,
    TlsError,
)
from leaddicom.limits import Limits
from leaddicom.scu.client import Scu
from leaddicom.tls.credentials import Credentials
from leaddicom.tls.settings import TlsSettings

__all__ = ["echo"]


def echo(target: Target, credentials: Credentials | None, *, plain: bool) -> Echo:
    """Associate and send a C-ECHO-RQ.

    Parameters
    ----------
    target : Target
        The peer.  Without trusted CAs its certificate is not verified.
    credentials : Credentials or None
        What to show of ourselves.
    plain : bool
        Whether to do without TLS.
    """
    scu = _client(target, credentials, plain)
    try:
        seconds = scu.echo()
    except DicomError as error:
        # With TLS 1.3 the server judges our certificate when we believe to be through already,
        # so that only an answer in DICOM tells that it let us pass.
        answered = _is_answer(error)
        alert = None
        if isinstance(error, TlsError) and error.verify_code is None:  # or it is the one we sent
            alert = error.alert
        return Echo(answered=answered, failure=str(error), code=error.code, alert=alert)
    finally:
        scu.close()
    return Echo(seconds=seconds, answered=True)


def _is_answer(error: DicomError) -> bool:
    """Tell whether the peer has said it: rejected, aborted, or answered with a failure."""
    if not isinstance(error, AssociationError):
        return False
    no_context = error.code is DicomErrorCode.CLASS_NOT_SUPPORTED
    return error.source is not None or no_context or isinstance(error, StatusError)


def _client(target: Target, credentials: Credentials | None, plain: bool) -> Scu:
    mode = SecureMode.NONE if plain else SecureMode.TLS
    scu = Scu(
        target.host,
        target.port,
        called_ae_title=target.called_ae_title,
        calling_ae_title=target.calling_ae_title,
        mode=mode,
        limits=_limits(target.timeout),
    )
    settings = TlsSettings(verify=VerifyMode.NONE, check_host_name=False)
    if target.ca_file is not None:
        settings = TlsSettings(ca_file=target.ca_file, server_name=target.server_name)
    scu.Initialize(None, mode, settings)
    if credentials is not None:
        scu.security.credentials = (credentials,)
    return scu


def _limits(timeout: float) -> Limits:
    return Limits(
        connect_timeout=timeout,
        handshake_timeout=timeout,
        artim_timeout=timeout,
        associate_timeout=timeout,
        pdu_timeout=timeout,
        write_timeout=timeout,
        response_timeout=timeout,
        release_timeout=timeout,
        abort_timeout=min(timeout, 1.0),
    )
