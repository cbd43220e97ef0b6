"""Parts of data sets that stand for themselves."""

from __future__ import annotations

from typing import Any

import pytest
from pydicom.config import IGNORE
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from leaddicom.ups.core.excerpts import excerpt, text_value, with_context

from ..workitems import code, data_set


class TestExcerpt:
    def test_has_what_is_there_and_has_a_value(self) -> None:
        source = data_set(PatientID="4711", PatientSex="", ProcedureStepState="SCHEDULED")
        attributes = ["PatientID", 0x00100040, "WorklistLabel", 0x00741000]
        assert excerpt(source, attributes) == data_set(
            PatientID="4711", ProcedureStepState="SCHEDULED"
        )

    def test_shares_nothing(self) -> None:
        source = data_set(ScheduledStationNameCodeSequence=[code("LINAC1")])
        copied = excerpt(source, ["ScheduledStationNameCodeSequence"])
        copied.ScheduledStationNameCodeSequence[0].CodeValue = "LINAC2"
        assert source.ScheduledStationNameCodeSequence[0].CodeValue == "LINAC1"


class TestContext:
    SOURCE = data_set(SpecificCharacterSet="ISO_IR 100", TimezoneOffsetFromUTC="+0100")

    @pytest.mark.parametrize(
        ("attributes", "character_set", "time_zone"),
        [
            ({}, None, None),
            ({"PatientName": "Doe^Jane"}, None, None),
            ({"PatientName": "Müller^Jörg"}, "ISO_IR 100", None),
            ({"PatientName": "李^雷"}, "ISO_IR 192", None),
            ({"PatientBirthDate": "19700101"}, None, "+0100"),
            ({"ScheduledProcedureStepStartDateTime": "2030"}, None, "+0100"),
            ({"IssueTimeOfImagingServiceRequest": "10"}, None, "+0100"),
            ({"ScheduledStationNameCodeSequence": []}, None, "+0100"),
        ],
    )
    def test_is_added_where_it_is_needed(
        self, attributes: dict[str, Any], character_set: str | None, time_zone: str | None
    ) -> None:
        copied = data_set(**attributes)
        assert with_context(copied, self.SOURCE) is copied
        assert copied.get("SpecificCharacterSet") == character_set
        assert copied.get("TimezoneOffsetFromUTC") == time_zone

    def test_is_left_alone_if_it_is_there(self) -> None:
        copied = data_set(SpecificCharacterSet="ISO_IR 192", PatientName="Müller^Jörg")
        assert with_context(copied, self.SOURCE).SpecificCharacterSet == "ISO_IR 192"

    def test_needs_none_at_the_source(self) -> None:
        copied = data_set(ScheduledProcedureStepStartDateTime="2030")
        assert "TimezoneOffsetFromUTC" not in with_context(copied, Dataset())


@pytest.mark.parametrize(
    ("vr", "value", "text"),
    [
        ("AE", "WATCHER", "WATCHER"),
        ("UI", "1.2", "1.2"),
        ("LO", "", ""),
        ("LO", None, ""),
        ("AE", ["ONE", "TWO"], ""),
        ("US", 1, ""),
        ("SQ", [], ""),
    ],
)
def test_text_value(vr: str, value: Any, text: str) -> None:
    dataset = Dataset()
    dataset.add(DataElement("ReceivingAE", vr, value, validation_mode=IGNORE))
    found = text_value(dataset, "ReceivingAE")
    assert (found, type(found)) == (text, str)
    assert text_value(dataset, "DeletionLock") == ""
