"""`Scu`, the blocking client."""

from __future__ import annotations

import time

from leaddicom.contexts import VERIFICATION
from leaddicom.scu.exchange import Request
from leaddicom.scu.normalized import NormalizedScu
from leaddicom.scu.query import QueryRetrieveScu
from leaddicom.scu.results import Outcome
from leaddicom.scu.storage import StorageScu

__all__ = ["Scu"]

_VERIFICATION = VERIFICATION[0].abstract_syntax


class Scu(StorageScu, QueryRetrieveScu, NormalizedScu):
    """A client whose methods return when the peer has answered.

    It associates when an operation needs it, and keeps the association for the next operation
    that its presentation contexts fit.  At the end of a ``with`` block it releases the
    association, or aborts it if the block has raised.

    Parameters
    ----------
    host : str
        Name or address of the peer.  With TLS its certificate has to have it.
    port : int
        Port of the peer.
    called_ae_title, calling_ae_title : str
        AE title of the peer, and the own one.
    ca_file : str, path-like or tuple of them, optional
        The CAs that are trusted to have issued the peer's certificate: file or folder, or several.
    certificate, key : str, optional
        PEM files of the own certificate and its key; a key that is not given is in the
        certificate's file, PEM or PKCS#12.
    mode : int
        `DICOM_SECURE_TLS` (the default) or `DICOM_SECURE_NONE`.
    limits : Limits, optional
        Deadlines and limits.
    password : str, bytes or callable, optional
        Of the key; or what asks for it, if the key is encrypted: ``getpass.getpass`` for example.

    Raises
    ------
    TlsError
        Certificate or key cannot be used.
    ParameterError
        An AE title is none (PS3.5 section 6.2).

    Notes
    -----
    It is an `LDicomNet`: `link_facts` and `peer_identity` tell about the connection, also when
    it is over; and `Initialize` sets TLS options before the first operation.  Of the events,
    overrides of `OnConnect`, `OnClose`, `OnReceiveAssociateAccept`, `OnReceiveCStoreRequest` and
    of the responses have to call their originals.  One thread at a time may call the operations;
    not one inside events.  Any thread, and any event, may call `cancel` and `abort`.

    Examples
    --------
    >>> with Scu("pacs", 2762, ca_file="ca.pem", certificate="me.pem", key="me.key") as scu:
    ...     scu.echo()
    ...     result = scu.store("images/", window=16)
    >>> print(result.sent, result.failed)

    A query, whose matches come one by one:

    >>> query = Dataset()
    >>> query.QueryRetrieveLevel, query.PatientID, query.StudyInstanceUID = "STUDY", "4711", ""
    >>> with Scu("pacs", 2762, ca_file="ca.pem", certificate="me.pem", key="me.key") as scu:
    ...     for study in scu.find(STUDY_ROOT, query):
    ...         print(study.StudyInstanceUID)
    """

    def echo(self) -> float:
        """Verify that the peer answers (PS3.4 Annex A).

        Returns
        -------
        float
            Seconds from the request to the response.

        Raises
        ------
        DicomError
            What went wrong, as a rule a `TlsError`, `NetworkError` or `AssociationError`.
        """
        sent = 0.0

        def send(context_id: int, message_id: int) -> None:
            nonlocal sent
            sent = time.perf_counter()
            self.SendCEchoRequest(context_id, message_id, _VERIFICATION)

        response = self._call(Request(self, _VERIFICATION, VERIFICATION, send))
        seconds = time.perf_counter() - sent
        self._outcome(Outcome, "C-ECHO", response).check()
        return seconds
