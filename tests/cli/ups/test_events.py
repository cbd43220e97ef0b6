from __future__ import annotations

import pytest
from ups.workitems import code, data_set

from leaddicom.cli.ups.events import document_of_event, row_of_event
from leaddicom.ups.client.views import UpsEvent
from leaddicom.ups.core.terms import EventType

ALL = "1.2.840.10008.5.1.4.34.5"


@pytest.mark.parametrize(
    ("kind", "information", "row"),
    [
        (
            EventType.STATE_REPORT,
            {"ProcedureStepState": "IN PROGRESS", "InputReadinessState": "READY"},
            ("state", "1.2.3", "IN PROGRESS, READY"),
        ),
        (
            EventType.CANCEL_REQUESTED,
            {
                "RequestingAE": "DESK",
                "ReasonForCancellation": "No power",
                "ProcedureStepDiscontinuationReasonCodeSequence": [code("1", meaning="Power")],
                "ContactDisplayName": "Ada",
                "ContactURI": "tel:1",
            },
            ("cancel requested", "1.2.3", "asked for by DESK, No power, Power, Ada, tel:1"),
        ),
        (
            EventType.PROGRESS_REPORT,
            {
                "ProcedureStepProgressInformationSequence": [
                    data_set(
                        ProcedureStepProgress="50.5", ProcedureStepProgressDescription="Beam 1"
                    )
                ]
            },
            ("progress", "1.2.3", "50.5 %, Beam 1"),
        ),
        (
            EventType.SCP_STATUS_CHANGE,
            {
                "SCPStatus": "RESTARTED",
                "SubscriptionListStatus": "WARM START",
                "UnifiedProcedureStepListStatus": "COLD START",
            },
            ("manager", "UPSSCP", "RESTARTED, subscriptions: WARM START, workitems: COLD START"),
        ),
        (
            EventType.ASSIGNED,
            {
                "ScheduledStationNameCodeSequence": [code("LINAC1", meaning="Linac 1")],
                "HumanPerformerCodeSequence": [code("JD", meaning="Doe, Jane")],
                "HumanPerformerOrganization": "Clinic",
            },
            ("assigned", "1.2.3", "station: Linac 1, performer: Doe, Jane, Clinic"),
        ),
        (EventType.STATE_REPORT, {}, ("state", "1.2.3", "")),
    ],
)
def test_is_told_in_words(
    kind: EventType, information: dict[str, object], row: tuple[str, ...]
) -> None:
    event = UpsEvent(kind, "1.2.3", data_set(**information), "UPSSCP")
    assert row_of_event(event)[1:] == row


def test_is_told_with_all_that_came_in_json() -> None:
    event = UpsEvent(
        EventType.STATE_REPORT, "1.2.3", data_set(ProcedureStepState="CANCELED"), "UPSSCP"
    )
    document = document_of_event(event)
    expected = {"event": "STATE_REPORT", "uid": "1.2.3", "manager": "UPSSCP"}
    assert document | expected == document
    assert document["details"] == ["CANCELED"]
    assert document["information"] == {"00741000": {"vr": "CS", "Value": ["CANCELED"]}}
