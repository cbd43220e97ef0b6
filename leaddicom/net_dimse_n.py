"""The normalized services of `LDicomNet`, from N-EVENT-REPORT to N-DELETE.

Everything about a message, its fields, their order and whether a data set follows, stands in
``dimse.messages``; these methods give it LEADTOOLS' names.
"""

from __future__ import annotations

from collections.abc import Sequence

from leaddicom.dataset import LDicomDS
from leaddicom.dimse.messages import (
    N_ACTION_RQ,
    N_ACTION_RSP,
    N_CREATE_RQ,
    N_CREATE_RSP,
    N_DELETE_RQ,
    N_DELETE_RSP,
    N_EVENT_REPORT_RQ,
    N_EVENT_REPORT_RSP,
    N_GET_RQ,
    N_GET_RSP,
    N_SET_RQ,
    N_SET_RSP,
)
from leaddicom.enums import Status
from leaddicom.mirror import differs
from leaddicom.net_dimse import DataSet, MessageSender

__all__ = ["NormalizedServices"]


class NormalizedServices(MessageSender):
    """Methods and events of the DIMSE-N services (PS3.7 section 10); see `MessageSender`."""

    # -- N-EVENT-REPORT (PS3.7 section 10.3.1)

    def SendNReportRequest(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        sop_instance_uid: str,
        event: int,
        dataset: DataSet | None = None,
    ) -> None:
        """Send an N-EVENT-REPORT request: report an event; parameters as in `MessageSender`."""
        self._send(
            N_EVENT_REPORT_RQ,
            presentation_id,
            (message_id, sop_class_uid, sop_instance_uid, event),
            dataset,
        )

    def SendNReportResponse(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        sop_instance_uid: str,
        status: int,
        event: int,
        dataset: DataSet | None = None,
    ) -> None:
        """Answer an N-EVENT-REPORT request."""
        self._send(
            N_EVENT_REPORT_RSP,
            presentation_id,
            (message_id, sop_class_uid, sop_instance_uid, status, event),
            dataset,
        )

    def OnReceiveNReportRequest(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        sop_instance_uid: str,
        event: int,
        dataset: LDicomDS | None,
    ) -> None:
        """An N-EVENT-REPORT request has arrived; the default answers UNRECOGNIZED_OPERATION."""
        self.SendNReportResponse(
            presentation_id,
            message_id,
            sop_class_uid,
            sop_instance_uid,
            Status.UNRECOGNIZED_OPERATION,
            event,
        )

    def OnReceiveNReportResponse(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        sop_instance_uid: str,
        status: int,
        event: int,
        dataset: LDicomDS | None,
    ) -> None:
        """An N-EVENT-REPORT response has arrived."""

    # -- N-GET (PS3.7 section 10.3.2)

    @differs("`count` may be left out; `attributes` are a sequence of 32-bit tags.")
    def SendNGetRequest(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        sop_instance_uid: str,
        attributes: Sequence[int],
        count: int | None = None,
    ) -> None:
        """Send an N-GET request: get attributes; parameters as in `MessageSender`."""
        self._send(
            N_GET_RQ,
            presentation_id,
            (message_id, sop_class_uid, sop_instance_uid, tuple(attributes[:count])),
        )

    def SendNGetResponse(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        sop_instance_uid: str,
        status: int,
        dataset: DataSet | None = None,
    ) -> None:
        """Answer an N-GET request."""
        self._send(
            N_GET_RSP,
            presentation_id,
            (message_id, sop_class_uid, sop_instance_uid, status),
            dataset,
        )

    def OnReceiveNGetRequest(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        sop_instance_uid: str,
        attributes: Sequence[int],
        count: int,
    ) -> None:
        """An N-GET request has arrived; the default answers UNRECOGNIZED_OPERATION."""
        self.SendNGetResponse(
            presentation_id,
            message_id,
            sop_class_uid,
            sop_instance_uid,
            Status.UNRECOGNIZED_OPERATION,
        )

    def OnReceiveNGetResponse(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        sop_instance_uid: str,
        status: int,
        dataset: LDicomDS | None,
    ) -> None:
        """An N-GET response has arrived."""

    # -- N-SET (PS3.7 section 10.3.3)

    def SendNSetRequest(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        sop_instance_uid: str,
        dataset: DataSet,
    ) -> None:
        """Send an N-SET request: set attributes; parameters as in `MessageSender`."""
        self._send(
            N_SET_RQ,
            presentation_id,
            (message_id, sop_class_uid, sop_instance_uid),
            dataset,
        )

    def SendNSetResponse(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        sop_instance_uid: str,
        status: int,
        dataset: DataSet | None = None,
    ) -> None:
        """Answer an N-SET request."""
        self._send(
            N_SET_RSP,
            presentation_id,
            (message_id, sop_class_uid, sop_instance_uid, status),
            dataset,
        )

    def OnReceiveNSetRequest(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        sop_instance_uid: str,
        dataset: LDicomDS,
    ) -> None:
        """An N-SET request has arrived; the default answers UNRECOGNIZED_OPERATION."""
        self.SendNSetResponse(
            presentation_id,
            message_id,
            sop_class_uid,
            sop_instance_uid,
            Status.UNRECOGNIZED_OPERATION,
        )

    def OnReceiveNSetResponse(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        sop_instance_uid: str,
        status: int,
        dataset: LDicomDS | None,
    ) -> None:
        """An N-SET response has arrived."""

    # -- N-ACTION (PS3.7 section 10.3.4)

    def SendNActionRequest(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        sop_instance_uid: str,
        action: int,
        dataset: DataSet | None = None,
    ) -> None:
        """Send an N-ACTION request: perform an action; parameters as in `MessageSender`."""
        self._send(
            N_ACTION_RQ,
            presentation_id,
            (message_id, sop_class_uid, sop_instance_uid, action),
            dataset,
        )

    def SendNActionResponse(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        sop_instance_uid: str,
        status: int,
        action: int,
        dataset: DataSet | None = None,
    ) -> None:
        """Answer an N-ACTION request."""
        self._send(
            N_ACTION_RSP,
            presentation_id,
            (message_id, sop_class_uid, sop_instance_uid, status, action),
            dataset,
        )

    def OnReceiveNActionRequest(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        sop_instance_uid: str,
        action: int,
        dataset: LDicomDS | None,
    ) -> None:
        """An N-ACTION request has arrived; the default answers UNRECOGNIZED_OPERATION."""
        self.SendNActionResponse(
            presentation_id,
            message_id,
            sop_class_uid,
            sop_instance_uid,
            Status.UNRECOGNIZED_OPERATION,
            action,
        )

    def OnReceiveNActionResponse(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        sop_instance_uid: str,
        status: int,
        action: int,
        dataset: LDicomDS | None,
    ) -> None:
        """An N-ACTION response has arrived."""

    # -- N-CREATE (PS3.7 section 10.3.5)

    def SendNCreateRequest(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        sop_instance_uid: str,
        dataset: DataSet | None = None,
    ) -> None:
        """Send an N-CREATE request: create an instance; parameters as in `MessageSender`."""
        self._send(
            N_CREATE_RQ,
            presentation_id,
            (message_id, sop_class_uid, sop_instance_uid),
            dataset,
        )

    def SendNCreateResponse(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        sop_instance_uid: str,
        status: int,
        dataset: DataSet | None = None,
    ) -> None:
        """Answer an N-CREATE request."""
        self._send(
            N_CREATE_RSP,
            presentation_id,
            (message_id, sop_class_uid, sop_instance_uid, status),
            dataset,
        )

    def OnReceiveNCreateRequest(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        sop_instance_uid: str,
        dataset: LDicomDS | None,
    ) -> None:
        """An N-CREATE request has arrived; the default answers UNRECOGNIZED_OPERATION."""
        self.SendNCreateResponse(
            presentation_id,
            message_id,
            sop_class_uid,
            sop_instance_uid,
            Status.UNRECOGNIZED_OPERATION,
        )

    def OnReceiveNCreateResponse(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        sop_instance_uid: str,
        status: int,
        dataset: LDicomDS | None,
    ) -> None:
        """An N-CREATE response has arrived."""

    # -- N-DELETE (PS3.7 section 10.3.6)

    def SendNDeleteRequest(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        sop_instance_uid: str,
    ) -> None:
        """Send an N-DELETE request: delete an instance; parameters as in `MessageSender`."""
        self._send(N_DELETE_RQ, presentation_id, (message_id, sop_class_uid, sop_instance_uid))

    def SendNDeleteResponse(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        sop_instance_uid: str,
        status: int,
    ) -> None:
        """Answer an N-DELETE request."""
        self._send(
            N_DELETE_RSP,
            presentation_id,
            (message_id, sop_class_uid, sop_instance_uid, status),
        )

    def OnReceiveNDeleteRequest(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        sop_instance_uid: str,
    ) -> None:
        """An N-DELETE request has arrived; the default answers UNRECOGNIZED_OPERATION."""
        self.SendNDeleteResponse(
            presentation_id,
            message_id,
            sop_class_uid,
            sop_instance_uid,
            Status.UNRECOGNIZED_OPERATION,
        )

    def OnReceiveNDeleteResponse(
        self,
        presentation_id: int,
        message_id: int,
        sop_class_uid: str,
        sop_instance_uid: str,
        status: int,
    ) -> None:
        """An N-DELETE response has arrived."""
