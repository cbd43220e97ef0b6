"""Workitems and events, read by name, whatever a manager sends."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from nets import Nets, short
from pydicom.config import IGNORE
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.tag import Tag
from pydicom.uid import UID as UIDValue
from pydicom.uid import RTPlanStorage
from pydicom.valuerep import PersonName
from scp.peers import Destinations, Pacs

from leaddicom import STUDY_ROOT, Scu, SecureMode
from leaddicom.scp import Destination, Query
from leaddicom.ups.client.builders import ContentValue, code_item, content_item, instances
from leaddicom.ups.client.views import (
    InputView,
    ParameterValue,
    UpsEvent,
    WorkitemView,
    code_of,
    text_in,
)
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
FRACTION = Code("2018002", "99IHERO2018", "Current Fraction Number")


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
            "inputs": (),
            "parameters": {},
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

    def test_shows_no_patient_data(self) -> None:
        dataset = data_set(PatientName="Example^Anna", ProcedureStepState="IN PROGRESS")
        assert repr(WorkitemView(dataset, UID)) == f"WorkitemView('{UID}', IN PROGRESS)"

    def test_of_a_sequence_that_is_none_is_empty(self) -> None:
        dataset = Dataset()
        dataset.add(DataElement(Tag("ScheduledStationNameCodeSequence"), "LO", "x"))
        assert WorkitemView(dataset).stations == ()


class TestParameters:
    @pytest.mark.parametrize(
        ("written", "read"),
        [
            ("PLAN 1", "PLAN 1"),
            (3, 3.0),
            (Decimal("0.5"), 0.5),
            (date(2030, 1, 31), "20300131"),
            (UIDValue("1.2.3"), "1.2.3"),
            (PersonName("Doe^Jane"), "Doe^Jane"),
            (STATION, STATION),
        ],
    )
    def test_are_values_by_name(self, written: ContentValue, read: ParameterValue) -> None:
        items = [content_item(FRACTION, written)]
        view = WorkitemView(data_set(ScheduledProcessingParametersSequence=items))
        assert view.parameters == {FRACTION: read}
        other_words = Code(FRACTION.value, FRACTION.scheme_designator, "Fraktion")
        assert view.parameters[other_words] == read

    def test_of_the_same_name_are_the_first(self) -> None:
        items = [content_item(FRACTION, each) for each in (1, 2)]
        view = WorkitemView(data_set(ScheduledProcessingParametersSequence=items))
        assert view.parameters == {FRACTION: 1}

    @pytest.mark.parametrize("kind", ["IMAGE", "NUMERIC", "CODE", ""])
    def test_that_cannot_be_read_are_none(self, kind: str) -> None:
        item = data_set(ValueType=kind, ConceptNameCodeSequence=[code_item(FRACTION)])
        view = WorkitemView(data_set(ScheduledProcessingParametersSequence=[item]))
        assert view.parameters == {FRACTION: None}


class TestInputs:
    def view(self, *items: Dataset) -> tuple[InputView, ...]:
        return WorkitemView(data_set(InputInformationSequence=list(items))).inputs

    def test_are_instances_and_where_they_are(self) -> None:
        references = [(RTPlanStorage, "1.5"), (RTPlanStorage, "1.6")]
        url = "https://ost.example/studies/1.2"
        item = instances("1.2", "1.3", references, retrieve_ae="OST", retrieve_url=url)
        item.WADORetrievalSequence = [data_set(RetrieveURI="https://ost.example/wado?x=1")]
        medium = data_set(StorageMediaFileSetID="PLANS", StorageMediaFileSetUID="1.9")
        item.DICOMMediaRetrievalSequence = [medium]
        (view,) = self.view(item)
        told = {name: getattr(view, name) for name in properties(InputView)}
        identifier = told.pop("identifier")
        assert told == {
            "type": "DICOM",
            "study_uid": "1.2",
            "series_uid": "1.3",
            "references": tuple(references),
            "retrieve_aes": ("OST",),
            "media": (("PLANS", "1.9"),),
            "wado_uris": ("https://ost.example/wado?x=1",),
            "wado_rs_urls": (url,),
        }
        assert identifier == data_set(
            QueryRetrieveLevel="IMAGE",
            StudyInstanceUID="1.2",
            SeriesInstanceUID="1.3",
            SOPInstanceUID=["1.5", "1.6"],
        )

    def test_may_be_at_several_aes(self) -> None:
        here = [data_set(RetrieveAETitle=["A", "B"]), data_set(RetrieveAETitle="C"), Dataset()]
        (view,) = self.view(data_set(DICOMRetrievalSequence=here))
        assert view.retrieve_aes == ("A", "B", "C")

    def test_of_nothing_are_empty(self) -> None:
        (view,) = self.view(Dataset())
        found = {name for name in properties(InputView) if getattr(view, name)}
        assert found == {"identifier"}

    def test_show_uids_and_titles_only(self) -> None:
        item = instances("1.2", "1.3", [("1.4", "1.5")], retrieve_ae="OST", retrieve_url="x:Anna")
        (view,) = self.view(item)
        assert repr(view) == "InputView((('1.4', '1.5'),) at ('OST',))"

    def test_are_what_an_archive_is_asked_for(self, nets: Nets) -> None:
        """With the archive and the storage SCP of this package."""
        asked: list[Dataset] = []

        def retrieve(query: Query) -> list[Dataset]:
            asked.append(query.identifier)
            return []

        pacs = nets.server(Pacs, link="plain")
        pacs.on_retrieve = retrieve
        there = nets.server(Destinations, link="plain")
        pacs.destinations["LINAC1"] = Destination("127.0.0.1", there.GetHostInfo()[1])
        (view,) = self.view(instances("1.2", "1.3", [("1.4", "1.5")], retrieve_ae="OST"))
        port = pacs.GetHostInfo()[1]
        with Scu("127.0.0.1", port, mode=SecureMode.NONE, limits=short()) as scu:
            scu.move(STUDY_ROOT, view.identifier, "LINAC1").check()
        (told,) = asked
        assert (told.QueryRetrieveLevel, told.SOPInstanceUID) == ("IMAGE", "1.5")


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

    def test_shows_no_patient_data(self) -> None:
        dataset = data_set(ProcedureStepState="CANCELED", ReasonForCancellation="Anna is ill")
        event = UpsEvent(EventType.STATE_REPORT, UID, dataset, "UPSSCP")
        assert repr(event) == f"UpsEvent(STATE_REPORT, '{UID}', CANCELED)"

    @pytest.mark.parametrize("kind", EventType)
    def test_without_information_tells_nothing(self, kind: EventType) -> None:
        event = UpsEvent(kind, UID, Dataset())
        assert not any(getattr(event, name) for name in properties(UpsEvent))
