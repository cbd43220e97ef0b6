"""Events of workitems, in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from leaddicom.cli.ups.describing import dicom_json
from leaddicom.ups.core.terms import EventType

if TYPE_CHECKING:
    from pydicom.sr.coding import Code

    from leaddicom.ups.client.views import UpsEvent

__all__ = ["document_of_event", "row_of_event"]

_NAMES = {
    EventType.STATE_REPORT: "state",
    EventType.CANCEL_REQUESTED: "cancel requested",
    EventType.PROGRESS_REPORT: "progress",
    EventType.SCP_STATUS_CHANGE: "manager",
    EventType.ASSIGNED: "assigned",
}


def row_of_event(event: UpsEvent) -> tuple[str, str, str, str]:
    """Give time of arrival, kind, workitem and details of an event that has just come."""
    is_of_manager = event.type is EventType.SCP_STATUS_CHANGE
    about = event.manager if is_of_manager else event.uid
    now = datetime.now(timezone.utc).astimezone()
    return f"{now:%H:%M:%S}", _NAMES[event.type], about, ", ".join(filter(None, _details(event)))


def document_of_event(event: UpsEvent) -> dict[str, object]:
    """Give an event for JSON, with the DICOM JSON model of all that it tells."""
    return {
        "received_at": datetime.now(timezone.utc).isoformat(),
        "event": event.type.name,
        "uid": event.uid,
        "manager": event.manager,
        "details": list(filter(None, _details(event))),
        "information": dicom_json(event.dataset),
    }


def _details(event: UpsEvent) -> Iterator[str]:
    if event.type is EventType.PROGRESS_REPORT and event.progress is not None:
        yield f"{event.progress:g} %"
    if event.type is EventType.SCP_STATUS_CHANGE:
        yield event.scp_status.value if event.scp_status else ""
        yield f"subscriptions: {event.subscriptions.value}" if event.subscriptions else ""
        yield f"workitems: {event.worklist.value}" if event.worklist else ""
    yield event.state.value if event.state else ""
    yield event.readiness.value if event.readiness else ""
    yield f"asked for by {event.requesting_ae}" if event.requesting_ae else ""
    yield event.reason
    yield _codes(event.reason_codes)
    yield event.progress_description
    yield event.contact_name
    yield event.contact_uri
    yield f"station: {_codes(event.stations)}" if event.stations else ""
    yield f"performer: {_codes(event.performers)}" if event.performers else ""
    yield event.organization


def _codes(codes: Iterable[Code]) -> str:
    return ", ".join(each.meaning or each.value for each in codes)
