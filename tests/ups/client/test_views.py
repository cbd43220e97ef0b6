"""Workitems and events, read by name, whatever a manager sends."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from pydicom.config import IGNORE
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.tag import Tag

from leaddicom.ups.client.builders import code_item
from leaddicom.ups.client.views import UpsEvent, WorkitemView, code_of, text_in
from leaddicom.ups.core.events import assigned, cancel_requested, progress_report, scp_status
from leaddicom.ups.core.terms import (
    EventType,
    InputReadiness,
    Priority,
    ScpStatus,
    State,
)
from leaddicom.ups.core.workitem import Event

UID = "1.2.826.0.1.3680043.8.498.7"
STATION = Code("WS1", "99TEST", "Workstation 1")


def data_set(**elements: Any) -> Dataset:
    dataset = Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def seen(event: Event) -> UpsEvent:
    return UpsEvent(event.type, event.uid, event.information)


def properties(kind: type) -> list[str]:
    return [name for name, it in vars(kind).items() if isinstance(it, property) and name[0] != "_"]


class TestWorkitemView:
    def test_has_the_usual_attributes(self) -> None:
        progress = data_set(ProcedureStepProgress="12.5", ProcedureStepProgressDescription="Beam 1")
        view = WorkitemView(
            data_set(
                SOPInstanceUID=UID,
                ProcedureStepState="IN PROGRESS",
                ScheduledProcedureStepPriority="HIGH",
                InputReadinessState="READY",
                ProcedureStepLabel="Plan review",
                WorklistLabel="PLANNING",
                PatientName="Example^Anna",
                PatientID="SYN-1",
                ScheduledProcedureStepStartDateTime="20300131093000-0500",
                ScheduledStationNameCodeSequence=[code_item(STATION)],
                ScheduledWorkitemCodeSequence=[],
                ProcedureStepProgressInformationSequence=[progress],
            )
        )
        told = {name: getattr(view, name) for name in properties(WorkitemView)}
        assert told == {
            "uid": UID,
            "state": State.IN_PROGRESS,
            "priority": Priority.HIGH,
            "readiness": InputReadiness.READY,
            "label": "Plan review",
            "worklist_label": "PLANNING",
            "patient_name": "Example^Anna",
            "patient_id": "SYN-1",
            "start": datetime(2030, 1, 31, 9, 30, tzinfo=timezone(timedelta(hours=-5))),
            "stations": (STATION,),
            "workitem_codes": (),
            "progress": 12.5,
            "progress_description": "Beam 1",
        }

    def test_is_of_the_uid_that_was_asked_about(self) -> None:
        assert WorkitemView(Dataset(), UID).uid == UID

    def test_of_nothing_is_empty(self) -> None:
        view = WorkitemView(Dataset())
        assert not any(getattr(view, name) for name in properties(WorkitemView))

    @pytest.mark.parametrize("start", ["20301399", "soon", "", "99999999999999999999"])
    def test_of_an_impossible_start_has_none(self, start: str) -> None:
        dataset = Dataset()
        tag = Tag("ScheduledProcedureStepStartDateTime")
        dataset.add(DataElement(tag, "DT", start, validation_mode=IGNORE))
        assert WorkitemView(dataset).start is None

    def test_of_unknown_terms_has_none(self) -> None:
        dataset = data_set(ProcedureStepState="DONE", ScheduledProcedureStepPriority="")
        assert (WorkitemView(dataset).state, WorkitemView(dataset).priority) == (None, None)

    def test_of_values_that_pydicom_cannot_convert_is_empty(self) -> None:
        dataset, item = Dataset(), Dataset()
        tag = Tag("ProcedureStepProgress")
        item[tag] = RawDataElement(tag, "FD", 3, b"abc", 0, False, True)
        dataset.ProcedureStepProgressInformationSequence = [item]
        assert WorkitemView(dataset).progress is None

    def test_of_several_values_shows_them_all(self) -> None:
        assert text_in(data_set(PatientID=["A", "B"]), "PatientID") == "A\\B"

    def test_of_a_sequence_that_is_none_is_empty(self) -> None:
        dataset = Dataset()
        dataset.add(DataElement(Tag("ScheduledStationNameCodeSequence"), "LO", "x"))
        assert WorkitemView(dataset).stations == ()


class TestCodeOf:
    @pytest.mark.parametrize(
        "code",
        [
            Code("WS1", "99TEST", "Workstation 1"),
            Code("WS1", "99TEST", "Workstation 1", "2"),
            Code("a-code-value-that-is-long", "99TEST", "Long"),
            Code("urn:oid:1.2.3", "", "URN"),
        ],
    )
    def test_reads_what_code_item_writes(self, code: Code) -> None:
        read = code_of(code_item(code))
        assert tuple(read) == tuple(code)

    def test_of_nothing_is_empty(self) -> None:
        assert tuple(code_of(Dataset())) == ("", "", "", None)


class TestUpsEvent:
    def test_state_report(self) -> None:
        reason = data_set(ProcedureStepDiscontinuationReasonCodeSequence=[code_item(STATION)])
        reason.ProcedureStepState, reason.InputReadinessState = "CANCELED", "READY"
        reason.ReasonForCancellation = "It burns"
        event = UpsEvent(EventType.STATE_REPORT, UID, reason)
        assert (event.state, event.readiness) == (State.CANCELED, InputReadiness.READY)
        assert (event.reason, event.reason_codes) == ("It burns", (STATION,))

    def test_cancel_requested(self) -> None:
        action = data_set(ContactURI="tel:1", ContactDisplayName="Desk")
        action.ReasonForCancellation = "It burns"
        event = seen(cancel_requested(UID, "DESK", action))
        assert (event.type, event.requesting_ae) == (EventType.CANCEL_REQUESTED, "DESK")
        assert (event.contact_uri, event.contact_name) == ("tel:1", "Desk")
        assert event.reason == "It burns"

    def test_progress_report(self) -> None:
        contact = data_set(ContactURI="tel:2", ContactDisplayName="Room 2")
        item = data_set(
            ProcedureStepProgress="50",
            ProcedureStepProgressDescription="Half",
            ProcedureStepCommunicationsURISequence=[contact],
        )
        event = seen(
            progress_report(UID, data_set(ProcedureStepProgressInformationSequence=[item]))
        )
        assert (event.progress, event.progress_description) == (50.0, "Half")
        assert (event.contact_uri, event.contact_name) == ("tel:2", "Room 2")

    def test_scp_status_change(self) -> None:
        event = seen(scp_status(ScpStatus.RESTARTED, worklist=ScpStatus.COLD_START))
        assert event.scp_status is ScpStatus.RESTARTED
        assert (event.subscriptions, event.worklist) == (
            ScpStatus.WARM_START,
            ScpStatus.COLD_START,
        )

    def test_assigned(self) -> None:
        performer = data_set(HumanPerformerCodeSequence=[code_item(("JD", "99TEST", "Jane"))])
        performer.HumanPerformerOrganization = "Clinic"
        workitem = data_set(
            ScheduledStationNameCodeSequence=[code_item(STATION)],
            ScheduledHumanPerformersSequence=[performer],
        )
        (event,) = map(seen, assigned(UID, workitem))
        assert (event.stations, event.organization) == ((STATION,), "Clinic")
        assert [each.value for each in event.performers] == ["JD"]

    @pytest.mark.parametrize("kind", EventType)
    def test_without_information_tells_nothing(self, kind: EventType) -> None:
        event = UpsEvent(kind, UID, Dataset())
        assert not any(getattr(event, name) for name in properties(UpsEvent))
