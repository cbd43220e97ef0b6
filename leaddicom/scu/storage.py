"""The storage service class, as SCU (PS3.4 Annex B)."""

from __future__ import annotations

import time
from collections.abc import Callable

from leaddicom.errors import DicomError, ParameterError
from leaddicom.scu.instances import Paths, batches, find_instances
from leaddicom.scu.requestor import Requestor
from leaddicom.scu.results import StoreProgress, StoreResult
from leaddicom.scu.transfer import Report, Transfer
from leaddicom.values import check_ae_title

__all__ = ["StorageScu"]


class StorageScu(Requestor):
    """Stores instances on the peer."""

    def store(
        self,
        paths: Paths,
        *,
        progress: Callable[[StoreProgress], None] | None = None,
        window: int = 1,
        move_originator: tuple[str, int] | None = None,
    ) -> StoreResult:
        """Store instances (PS3.4 Annex B).

        Every instance is sent as it is, if the peer takes its transfer syntax.  One that is not
        compressed is otherwise re-encoded in Explicit or Implicit VR Little Endian.

        Parameters
        ----------
        paths : path-like or iterable of path-like or LDicomDS
            Files, folders, which are walked in alphabetical order, and data sets.
        progress : Callable[[StoreProgress], None], optional
            Called for every instance, as a rule on the network thread, which waits for it.
            What it raises aborts the association and is raised by this method.
        window : int
            Requests that may be outstanding at a time.  Above 1 an asynchronous operations
            window is offered (PS3.7 Annex D.3.3.3), and used as far as the peer grants it.
        move_originator : tuple of str and int, optional
            Of sub-operations of a C-MOVE: AE title of who has asked for it, and the message ID
            of its request (PS3.7 section 9.1.1.1).

        Returns
        -------
        StoreResult
            What became of the instances.  If the association breaks once something was sent or
            refused, the rest has failed with the reason; nothing is sent a second time.  After
            `cancel` the rest has neither been stored nor failed.

        Raises
        ------
        DicomError
            As a rule a `TlsError`, `NetworkError` or `AssociationError`: there was no
            association at all.
        ParameterError
            The window is not in 1 to 65535, or the originator of the move is none.
        """
        if not 1 <= window <= 0xFFFF:
            raise ParameterError(f"The window is {window}, but must lie between 1 and 65535.")
        if move_originator is not None:
            _check_originator(*move_originator)
        result = StoreResult()
        instances = list(find_instances(paths, self.limits, result))
        report = Report(result, len(instances), progress)
        began = time.perf_counter()
        for batch in batches(instances):
            transfer = Transfer(self, batch, window, report, move_originator)
            if result.error is None:
                result.error = self._transfer(transfer)
            if result.error is not None:
                transfer.give_up(str(result.error))
            result.seconds = time.perf_counter() - began
        return result

    def _transfer(self, transfer: Transfer) -> DicomError | None:
        """Bring a batch to its end; give what broke the association, if it broke."""
        try:
            self._start(transfer)
        except DicomError as error:
            if transfer.report.done:
                return error
            raise
        return self._finish(transfer)


def _check_originator(ae_title: str, message_id: int) -> None:
    check_ae_title(ae_title)
    if not 0 <= message_id <= 0xFFFF:
        raise ParameterError(f"The move's message ID is {message_id}, but has 16 bits.")
