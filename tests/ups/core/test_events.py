"""What events tell (PS3.4 section CC.2.4), and which a modification is worth."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from leaddicom.decoding import decode_data_set, encode_data_set
from leaddicom.limits import Limits
from leaddicom.ups.core.events import (
    assigned,
    cancel_requested,
    events_of_modification,
    progress_report,
    scp_status,
    state_report,
)
from leaddicom.ups.core.terms import EventType, ScpStatus
from leaddicom.ups.core.workitem import Event

from ..workitems import code, data_set, reason, workitem

UID = "1.2.826.0.1.3680043.8.498.77"


def progress(**attributes: Any) -> Dataset:
    """A workitem with one item of progress information."""
    return workitem(ProcedureStepProgressInformationSequence=[data_set(**attributes)])


def performer(name: str, organization: str = "Clinic") -> Dataset:
    return data_set(
        HumanPerformerCodeSequence=[code(name)],
        HumanPerformerName="Somebody",
        HumanPerformerOrganization=organization,
    )


def sent_and_received(event: Event) -> Dataset:
    encoded = encode_data_set(event.information, ExplicitVRLittleEndian)
    return decode_data_set(encoded, ExplicitVRLittleEndian, Limits())


class TestStateReport:
    def test_tells_state_and_readiness_and_nothing_else(self) -> None:
        event = state_report(UID, workitem(InputReadinessState="INCOMPLETE"))
        assert (event.type, event.uid) == (EventType.STATE_REPORT, UID)
        assert event.information == data_set(
            ProcedureStepState="SCHEDULED", InputReadinessState="INCOMPLETE"
        )

    def test_of_a_canceled_workitem_tells_why(self) -> None:
        dataset = workitem(
            ProcedureStepState="CANCELED", ProcedureStepProgressInformationSequence=[reason()]
        )
        assert state_report(UID, dataset).information == data_set(
            ProcedureStepState="CANCELED",
            InputReadinessState="READY",
            ReasonForCancellation="Machine down",
            ProcedureStepDiscontinuationReasonCodeSequence=[
                code("110501", "DCM", "Equipment failure")
            ],
        )

    def test_of_a_canceled_workitem_tells_why_wherever_it_stands(self) -> None:
        items = [data_set(ProcedureStepProgress="50"), reason()]
        dataset = workitem(
            ProcedureStepState="CANCELED", ProcedureStepProgressInformationSequence=items
        )
        assert state_report(UID, dataset).information.ReasonForCancellation == "Machine down"

    def test_of_a_canceled_workitem_without_reason(self) -> None:
        information = state_report(UID, workitem(ProcedureStepState="CANCELED")).information
        assert information == data_set(ProcedureStepState="CANCELED", InputReadinessState="READY")

    def test_of_another_workitem_tells_no_reason(self) -> None:
        dataset = workitem(
            ProcedureStepState="IN PROGRESS", ProcedureStepProgressInformationSequence=[reason()]
        )
        assert "ReasonForCancellation" not in state_report(UID, dataset).information


class TestCancelRequested:
    def test_repeats_what_was_given(self) -> None:
        event = cancel_requested(UID, "HIS", reason("Patient is ill"))
        assert (event.type, event.uid) == (EventType.CANCEL_REQUESTED, UID)
        expected = reason("Patient is ill")
        expected.RequestingAE = "HIS"
        assert event.information == expected

    @pytest.mark.parametrize(
        "information",
        [
            None,
            Dataset(),
            data_set(
                ReasonForCancellation="",
                ProcedureStepDiscontinuationReasonCodeSequence=[],
                ContactURI="",
                ContactDisplayName="",
            ),
            data_set(PatientName="Doe^Jane", ReceivingAE="OTHER", RequestingAE="FORGED"),
        ],
    )
    def test_tells_who_asks_and_nothing_that_was_not_given(
        self, information: Dataset | None
    ) -> None:
        event = cancel_requested(UID, "HIS", information)
        assert event.information == data_set(RequestingAE="HIS")


class TestProgressReport:
    CONTACT = data_set(ContactURI="tel:4711", ContactDisplayName="The desk")

    def test_tells_the_progress_and_whom_to_ask(self) -> None:
        told = {
            "ProcedureStepProgress": "50",
            "ProcedureStepProgressDescription": "Beam 2",
            "ProcedureStepProgressParametersSequence": [data_set(ValueType="TEXT")],
            "ProcedureStepCommunicationsURISequence": [self.CONTACT],
        }
        event = progress_report(UID, progress(**told, ReasonForCancellation="Machine down"))
        assert (event.type, event.uid) == (EventType.PROGRESS_REPORT, UID)
        assert event.information == data_set(
            ProcedureStepProgressInformationSequence=[data_set(**told)]
        )

    def test_leaves_out_what_has_no_value(self) -> None:
        dataset = progress(ProcedureStepProgress="0", ProcedureStepProgressDescription="")
        assert progress_report(UID, dataset).information == data_set(
            ProcedureStepProgressInformationSequence=[data_set(ProcedureStepProgress="0")]
        )

    @pytest.mark.parametrize("dataset", [workitem(), Dataset()])
    def test_has_an_item_in_any_case(self, dataset: Dataset) -> None:
        """The sequence is of Type 1."""
        information = progress_report(UID, dataset).information
        assert list(information.ProcedureStepProgressInformationSequence) == [Dataset()]


class TestScpStatus:
    @pytest.mark.parametrize("status", [ScpStatus.RESTARTED, ScpStatus.GOING_DOWN])
    def test_is_about_all_workitems(self, status: ScpStatus) -> None:
        event = scp_status(status)
        assert (event.type, event.uid) == (EventType.SCP_STATUS_CHANGE, "1.2.840.10008.5.1.4.34.5")
        assert event.information == data_set(
            SCPStatus=status.value,
            SubscriptionListStatus="WARM START",
            UnifiedProcedureStepListStatus="WARM START",
        )

    def test_tells_what_was_lost(self) -> None:
        information = scp_status(
            ScpStatus.RESTARTED, subscriptions=ScpStatus.COLD_START, worklist=ScpStatus.WARM_START
        ).information
        assert information.SubscriptionListStatus == "COLD START"
        assert information.UnifiedProcedureStepListStatus == "WARM START"


class TestAssigned:
    STATION = code("LINAC1")

    def test_to_a_station(self) -> None:
        (event,) = assigned(UID, workitem(ScheduledStationNameCodeSequence=[self.STATION]))
        assert (event.type, event.uid) == (EventType.ASSIGNED, UID)
        assert event.information == data_set(ScheduledStationNameCodeSequence=[self.STATION])

    def test_to_a_performer(self) -> None:
        (event,) = assigned(UID, workitem(ScheduledHumanPerformersSequence=[performer("A")]))
        assert event.information == data_set(
            HumanPerformerCodeSequence=[code("A")], HumanPerformerOrganization="Clinic"
        )

    def test_to_several_performers_is_one_event_for_each(self) -> None:
        events = assigned(
            UID,
            workitem(
                ScheduledStationNameCodeSequence=[self.STATION],
                ScheduledHumanPerformersSequence=[performer("A"), performer("B", "")],
            ),
        )
        assert [event.information for event in events] == [
            data_set(
                ScheduledStationNameCodeSequence=[self.STATION],
                HumanPerformerCodeSequence=[code("A")],
                HumanPerformerOrganization="Clinic",
            ),
            data_set(
                ScheduledStationNameCodeSequence=[self.STATION],
                HumanPerformerCodeSequence=[code("B")],
            ),
        ]

    def test_to_several_stations_is_one_event(self) -> None:
        stations = [self.STATION, code("LINAC2")]
        (event,) = assigned(UID, workitem(ScheduledStationNameCodeSequence=stations))
        assert list(event.information.ScheduledStationNameCodeSequence) == stations

    @pytest.mark.parametrize(
        "dataset",
        [Dataset(), workitem(), workitem(ScheduledHumanPerformersSequence=[Dataset()])],
    )
    def test_to_nobody_is_no_event(self, dataset: Dataset) -> None:
        assert assigned(UID, dataset) == []


def types(before: Dataset, after: Dataset) -> list[int]:
    unchanged = copy.deepcopy((before, after))
    events = events_of_modification(before, after, UID)
    assert (before, after) == unchanged
    assert {event.uid for event in events} <= {UID}
    return [event.type for event in events]


class TestModification:
    """Each change, and the events that it is worth."""

    @pytest.mark.parametrize(
        ("before", "after", "expected"),
        [
            (workitem(), workitem(), []),
            (workitem(), workitem(ProcedureStepLabel="Another"), []),
            (workitem(), workitem(ScheduledWorkitemCodeSequence=[code("1")]), []),
            (workitem(InputReadinessState="INCOMPLETE"), workitem(), [1]),
            (workitem(), progress(ProcedureStepProgress="0"), [3]),
            (progress(ProcedureStepProgress="0"), progress(ProcedureStepProgress="1"), [3]),
            (progress(ProcedureStepProgress="0"), progress(ProcedureStepProgress="0"), []),
            (progress(ProcedureStepProgress="0"), workitem(), [3]),
            (workitem(), progress(ProcedureStepProgressDescription="Beam 1"), [3]),
            (
                workitem(),
                progress(ProcedureStepCommunicationsURISequence=[TestProgressReport.CONTACT]),
                [3],
            ),
            (
                workitem(),
                progress(ProcedureStepProgressParametersSequence=[data_set(ValueType="TEXT")]),
                [3],
            ),
            (workitem(), progress(ReasonForCancellation="Machine down"), []),
            (workitem(), workitem(ScheduledStationNameCodeSequence=[code("LINAC1")]), [5]),
            (
                workitem(ScheduledStationNameCodeSequence=[code("LINAC1")]),
                workitem(ScheduledStationNameCodeSequence=[code("LINAC2")]),
                [5],
            ),
            (workitem(ScheduledStationNameCodeSequence=[code("LINAC1")]), workitem(), []),
            (workitem(), workitem(ScheduledHumanPerformersSequence=[performer("A")]), [5]),
            (
                workitem(ScheduledHumanPerformersSequence=[performer("A")]),
                workitem(ScheduledHumanPerformersSequence=[performer("A"), performer("B")]),
                [5, 5],
            ),
            (workitem(), workitem(ScheduledStationNameCodeSequence=None), []),
        ],
    )
    def test_events(self, before: Dataset, after: Dataset, expected: list[int]) -> None:
        assert types(before, after) == expected

    def test_all_of_them_in_the_order_of_their_types(self) -> None:
        after = progress(ProcedureStepProgress="0")
        after.InputReadinessState = "INCOMPLETE"
        after.ScheduledStationNameCodeSequence = [code("LINAC1")]
        assert types(workitem(), after) == [1, 3, 5]

    def test_they_tell_of_what_is_now(self) -> None:
        (event,) = events_of_modification(
            workitem(), workitem(InputReadinessState="UNAVAILABLE"), UID
        )
        assert event.information.InputReadinessState == "UNAVAILABLE"


BUILDERS: list[Callable[[Dataset], Sequence[Event]]] = [
    lambda dataset: [state_report(UID, dataset)],
    lambda dataset: [
        cancel_requested(UID, "HIS", dataset.ProcedureStepProgressInformationSequence[0])
    ],
    lambda dataset: [progress_report(UID, dataset)],
    lambda dataset: assigned(UID, dataset),
    lambda dataset: events_of_modification(workitem(), dataset, UID),
]


@pytest.mark.parametrize("build", BUILDERS)
def test_events_carry_copies(build: Callable[[Dataset], Sequence[Event]]) -> None:
    item = reason()
    item.ProcedureStepProgress = "50"
    item.ProcedureStepCommunicationsURISequence = [data_set(ContactURI="tel:4711")]
    dataset = workitem(
        ProcedureStepState="CANCELED",
        ProcedureStepProgressInformationSequence=[item],
        ScheduledStationNameCodeSequence=[code("LINAC1")],
        ScheduledHumanPerformersSequence=[performer("A"), performer("B")],
    )
    events = build(dataset)
    told = copy.deepcopy(events)
    for element in dataset.iterall():
        if element.VR != "SQ":
            element.value = None
    assert events == told


class TestCharacterSet:
    """Text is encoded as that of the workitem is, and named so if it has to be."""

    @pytest.mark.parametrize(
        ("character_set", "text"),
        [
            ("ISO_IR 100", "Gerät fällt aus"),
            ("ISO_IR 192", "Gerät fällt aus"),
            ("ISO_IR 192", "装置の故障"),
            (["", "ISO 2022 IR 87"], "装置の故障"),
        ],
    )
    def test_comes_along(self, character_set: str | list[str], text: str) -> None:
        item = reason(text)
        item.ProcedureStepDiscontinuationReasonCodeSequence[0].CodeMeaning = text
        item.SpecificCharacterSet = character_set
        received = sent_and_received(cancel_requested(UID, "HIS", item))
        assert received.SpecificCharacterSet == character_set
        assert received.ReasonForCancellation == text
        assert received.ProcedureStepDiscontinuationReasonCodeSequence[0].CodeMeaning == text

    def test_of_a_workitem_as_it_comes_from_the_wire(self) -> None:
        dataset = progress(ProcedureStepProgressDescription="Gerät fällt aus")
        dataset.SpecificCharacterSet = "ISO_IR 100"
        encoded = encode_data_set(dataset, ExplicitVRLittleEndian)
        decoded = decode_data_set(encoded, ExplicitVRLittleEndian, Limits())
        received = sent_and_received(progress_report(UID, decoded))
        (item,) = received.ProcedureStepProgressInformationSequence
        assert item.ProcedureStepProgressDescription == "Gerät fällt aus"

    def test_stays_away_where_all_is_ascii(self) -> None:
        dataset = workitem(
            SpecificCharacterSet="ISO_IR 100",
            PatientName="Müller^Jörg",
            ProcedureStepState="CANCELED",
            ProcedureStepProgressInformationSequence=[reason()],
        )
        assert "SpecificCharacterSet" not in state_report(UID, dataset).information


def test_the_time_zone_comes_along_with_times() -> None:
    item = data_set(ValueType="DATETIME", DateTime="20300401100000")
    dataset = progress(ProcedureStepProgressParametersSequence=[item])
    dataset.TimezoneOffsetFromUTC = "+0100"
    assert progress_report(UID, dataset).information.TimezoneOffsetFromUTC == "+0100"
    assert "TimezoneOffsetFromUTC" not in state_report(UID, dataset).information
