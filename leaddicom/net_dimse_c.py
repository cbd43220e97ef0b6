"""The composite services of `LDicomNet`: C-STORE, C-FIND, C-GET, C-MOVE, C-ECHO, C-CANCEL.

Everything about a message, its fields, their order and whether a data set follows, stands in
``dimse.messages``; these methods give it LEADTOOLS' names.
"""

from __future__ import annotations

from leaddicom.dataset import LDicomDS
from leaddicom.dimse.messages import (
    C_CANCEL_RQ,
    C_ECHO_RQ,
    C_ECHO_RSP,
    C_FIND_RQ,
    C_FIND_RSP,
    C_GET_RQ,
    C_GET_RSP,
    C_MOVE_RQ,
    C_MOVE_RSP,
    C_STORE_RQ,
    C_STORE_RSP,
)
from leaddicom.enums import Status
from leaddicom.net_dimse import DataSet, MessageSender

__all__ = ["CompositeServices"]


class CompositeServices(MessageSender):
    """Methods and events of the DIMSE-C services (PS3.7 section 9); see `MessageSender`."""

    # -- C-STORE (PS3.7 section 9.3.1)

    def SendCStoreRequest(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        sop_instance_uid: str,
        priority: int,
        move_ae: str,
        move_message_id: int,
        dataset: DataSet,
    ) -> None:
        """Send a C-STORE request: store an instance; parameters as in `MessageSender`.

        A request that no C-MOVE has caused has ``""`` and 0 for `move_ae` and
        `move_message_id`; it then names neither (PS3.7 section 9.3.1.1).
        """
        origin = (move_ae, move_message_id) if move_ae else (None, None)
        self._send(
            C_STORE_RQ,
            presentation_id,
            (message_id, sop_class_uid, sop_instance_uid, priority, *origin),
            dataset,
        )

    def SendCStoreResponse(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        sop_instance_uid: str,
        status: int,
    ) -> None:
        """Answer a C-STORE request."""
        self._send(
            C_STORE_RSP,
            presentation_id,
            (message_id, sop_class_uid, sop_instance_uid, status),
        )

    def OnReceiveCStoreRequest(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        sop_instance_uid: str,
        priority: int,
        move_ae: str,
        move_message_id: int,
        dataset: LDicomDS,
    ) -> None:
        """A C-STORE request has arrived; the default answers CLASS_NOT_SUPPORTED."""
        self.SendCStoreResponse(
            presentation_id, message_id, sop_class_uid, sop_instance_uid, Status.CLASS_NOT_SUPPORTED
        )

    def OnReceiveCStoreResponse(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        sop_instance_uid: str,
        status: int,
    ) -> None:
        """A C-STORE response has arrived."""

    # -- C-FIND (PS3.7 section 9.3.2)

    def SendCFindRequest(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        priority: int,
        dataset: DataSet,
    ) -> None:
        """Send a C-FIND request: find matches; parameters as in `MessageSender`."""
        self._send(C_FIND_RQ, presentation_id, (message_id, sop_class_uid, priority), dataset)

    def SendCFindResponse(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        status: int,
        dataset: DataSet | None = None,
    ) -> None:
        """Answer a C-FIND request."""
        self._send(C_FIND_RSP, presentation_id, (message_id, sop_class_uid, status), dataset)

    def OnReceiveCFindRequest(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        priority: int,
        dataset: LDicomDS,
    ) -> None:
        """A C-FIND request has arrived; the default answers CLASS_NOT_SUPPORTED."""
        self.SendCFindResponse(
            presentation_id, message_id, sop_class_uid, Status.CLASS_NOT_SUPPORTED
        )

    def OnReceiveCFindResponse(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        status: int,
        dataset: LDicomDS | None,
    ) -> None:
        """A C-FIND response has arrived."""

    # -- C-GET (PS3.7 section 9.3.3)

    def SendCGetRequest(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        priority: int,
        dataset: DataSet,
    ) -> None:
        """Send a C-GET request: retrieve over this one; parameters as in `MessageSender`."""
        self._send(C_GET_RQ, presentation_id, (message_id, sop_class_uid, priority), dataset)

    def SendCGetResponse(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        status: int,
        remaining: int,
        completed: int,
        failed: int,
        warning: int,
        dataset: DataSet | None = None,
    ) -> None:
        """Answer a C-GET request."""
        self._send(
            C_GET_RSP,
            presentation_id,
            (message_id, sop_class_uid, status, remaining, completed, failed, warning),
            dataset,
        )

    def OnReceiveCGetRequest(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        priority: int,
        dataset: LDicomDS,
    ) -> None:
        """A C-GET request has arrived; the default answers CLASS_NOT_SUPPORTED."""
        self.SendCGetResponse(
            presentation_id, message_id, sop_class_uid, Status.CLASS_NOT_SUPPORTED, 0, 0, 0, 0
        )

    def OnReceiveCGetResponse(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        status: int,
        remaining: int,
        completed: int,
        failed: int,
        warning: int,
        dataset: LDicomDS | None,
    ) -> None:
        """A C-GET response has arrived."""

    # -- C-MOVE (PS3.7 section 9.3.4)

    def SendCMoveRequest(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        priority: int,
        move_ae: str,
        dataset: DataSet,
    ) -> None:
        """Send a C-MOVE request: send instances to another AE; parameters as in `MessageSender`."""
        self._send(
            C_MOVE_RQ,
            presentation_id,
            (message_id, sop_class_uid, priority, move_ae),
            dataset,
        )

    def SendCMoveResponse(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        status: int,
        remaining: int,
        completed: int,
        failed: int,
        warning: int,
        dataset: DataSet | None = None,
    ) -> None:
        """Answer a C-MOVE request."""
        self._send(
            C_MOVE_RSP,
            presentation_id,
            (message_id, sop_class_uid, status, remaining, completed, failed, warning),
            dataset,
        )

    def OnReceiveCMoveRequest(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        priority: int,
        move_ae: str,
        dataset: LDicomDS,
    ) -> None:
        """A C-MOVE request has arrived; the default answers CLASS_NOT_SUPPORTED."""
        self.SendCMoveResponse(
            presentation_id, message_id, sop_class_uid, Status.CLASS_NOT_SUPPORTED, 0, 0, 0, 0
        )

    def OnReceiveCMoveResponse(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        status: int,
        remaining: int,
        completed: int,
        failed: int,
        warning: int,
        dataset: LDicomDS | None,
    ) -> None:
        """A C-MOVE response has arrived."""

    # -- C-ECHO (PS3.7 section 9.3.5)

    def SendCEchoRequest(self, presentation_id: int, message_id: int, sop_class_uid: str) -> None:
        """Send a C-ECHO request: verify the association; parameters as in `MessageSender`."""
        self._send(C_ECHO_RQ, presentation_id, (message_id, sop_class_uid))

    def SendCEchoResponse(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        status: int,
    ) -> None:
        """Answer a C-ECHO request."""
        self._send(C_ECHO_RSP, presentation_id, (message_id, sop_class_uid, status))

    def OnReceiveCEchoRequest(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
    ) -> None:
        """A C-ECHO request has arrived; the default answers SUCCESS."""
        self.SendCEchoResponse(presentation_id, message_id, sop_class_uid, Status.SUCCESS)

    def OnReceiveCEchoResponse(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        status: int,
    ) -> None:
        """A C-ECHO response has arrived."""

    # -- C-CANCEL (PS3.7 section 9.3.2.3)

    def SendCCancelRequest(self, presentation_id: int, message_id: int) -> None:
        """Ask the peer to cancel the operation that `message_id` began; it has no response."""
        self._send(C_CANCEL_RQ, presentation_id, (message_id,))

    def OnReceiveCCancelRequest(self, presentation_id: int, message_id: int) -> None:
        """The peer wants the operation that `message_id` began to be cancelled."""
