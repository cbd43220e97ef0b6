"""Identifiers made of keyword arguments."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from leaddicom import ParameterError
from leaddicom.ups.client.builders import code_item, human_performer, requested_procedure, workitem
from leaddicom.ups.client.queries import RETURNED, query
from leaddicom.ups.core.attributes import ATTRIBUTES
from leaddicom.ups.core.matching import Identifier, check_identifier, matches

AT = datetime(2030, 1, 31, 9, 30, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)
STATION = Code("WS1", "99TEST", "Workstation 1")

STEP = workitem(
    "Plan review",
    AT,
    priority="HIGH",
    worklist_label="PLANNING",
    patient_id="SYN-1",
    patient_name="Example^Anna",
    issuer_of_patient_id="EXAMPLE",
    birth_date="19700101",
    sex="F",
    admission_id="ADM1",
    study_uid="1.2.3",
    stations=[STATION],
    station_classes=[("CL", "99TEST", "Class")],
    locations=[("LO", "99TEST", "Location")],
    codes=[("R1", "99TEST", "Review")],
    performers=[human_performer(("JD", "99TEST", "Jane"), "Doe^Jane", "Clinic")],
    requests=[
        requested_procedure(
            "1.2.4",
            accession_number="ACC1",
            requested_procedure_id="RP1",
            requesting_service="RT",
        )
    ],
    expected_completion=AT + HOUR,
)
STEP.SOPInstanceUID = "1.2.3.4"
STEP.ReplacedProcedureStepSequence = [Dataset()]
STEP.ReplacedProcedureStepSequence[0].ReferencedSOPInstanceUID = "1.2.3.5"

#: Keys that the workitem has, and the same keys with what it has not.
KEYS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"uid": "1.2.3.4"}, {"uid": "1.2.3.9"}),
    ({"uid": ["1.2.3.9", "1.2.3.4"]}, {"uid": ("1.2.3.8", "1.2.3.9")}),
    ({"state": "SCHEDULED"}, {"state": "COMPLETED"}),
    ({"priority": "HIGH"}, {"priority": "LOW"}),
    ({"readiness": "READY"}, {"readiness": "UNAVAILABLE"}),
    ({"label": "Plan*"}, {"label": "Treat*"}),
    ({"worklist_label": "PLANNING"}, {"worklist_label": "TREATMENTS"}),
    ({"start": AT}, {"start": AT + HOUR}),
    ({"start": "20300131"}, {"start": "20300201"}),
    ({"start": (AT - HOUR, AT + HOUR)}, {"start": (AT + HOUR, AT + 2 * HOUR)}),
    ({"start": (AT - HOUR, None)}, {"start": (AT + HOUR, None)}),
    ({"start": (None, AT + HOUR)}, {"start": (None, AT - HOUR)}),
    ({"expected_completion": (AT, None)}, {"expected_completion": (None, AT)}),
    ({"station": "WS1"}, {"station": "WS2"}),
    ({"station": ("WS1", "99TEST")}, {"station": ("WS1", "99OTHER")}),
    ({"station": STATION}, {"station": Code("WS2", "99TEST", "Workstation 1")}),
    ({"station_class": "CL"}, {"station_class": "LO"}),
    ({"location": "LO"}, {"location": "CL"}),
    ({"code": "R1"}, {"code": "R2"}),
    ({"performer": "JD"}, {"performer": "XX"}),
    ({"patient_id": "SYN-1"}, {"patient_id": "SYN-2"}),
    ({"issuer_of_patient_id": "EXAMPLE"}, {"issuer_of_patient_id": "OTHER"}),
    ({"patient_name": "Example^*"}, {"patient_name": "Other^*"}),
    ({"birth_date": "19700101"}, {"birth_date": "19700102"}),
    ({"sex": "F"}, {"sex": "M"}),
    ({"admission_id": "ADM1"}, {"admission_id": "ADM2"}),
    ({"accession_number": "ACC1"}, {"accession_number": "ACC2"}),
    ({"requested_procedure_id": "RP1"}, {"requested_procedure_id": "RP2"}),
    ({"requesting_service": "RT"}, {"requesting_service": "CT"}),
    ({"replaced_uid": "1.2.3.5"}, {"replaced_uid": "1.2.3.6"}),
    ({"study_uid": "1.2.3"}, {"study_uid": "1.2.4"}),
]


def finds(**keys: Any) -> bool:
    """Whether our own matcher finds the workitem, which it need not know anything else of."""
    identifier = check_identifier(query(**keys))
    assert isinstance(identifier, Identifier), identifier
    return matches(identifier, STEP, timezone.utc)


@pytest.mark.parametrize(("there", "elsewhere"), KEYS, ids=lambda keys: "-".join(map(str, keys)))
def test_each_key_matches(there: dict[str, Any], elsewhere: dict[str, Any]) -> None:
    assert finds(**there)
    assert not finds(**elsewhere)


@pytest.mark.parametrize("value", ["LINAC1", "A-CODE-OF-MORE-THAN-16", "urn:oid:1.2.3"])
def test_codes_of_every_length_match(value: str) -> None:
    """Those that are no short string are in another attribute (PS3.3 Table 8.8-1)."""
    step = workitem("Plan review", AT, stations=[(value, "99TEST", "Station")])
    for key in (value, (value, "99TEST"), Code(value, "99TEST", "Station")):
        identifier = check_identifier(query(station=key))
        assert isinstance(identifier, Identifier)
        assert matches(identifier, step, timezone.utc)


def test_all_keys_together_match() -> None:
    assert finds(**{name: value for there, _ in KEYS for name, value in there.items()})


def test_without_keys_everything_matches() -> None:
    assert finds()


class TestReturned:
    def test_is_what_the_standard_wants_returned(self) -> None:
        identifier = query()
        wanted = {each.keyword for each in ATTRIBUTES if each.returned in ("1", "2", "2C")}
        assert {each.keyword for each in identifier} == wanted == set(RETURNED)
        assert all(each.is_empty for each in identifier)

    def test_may_be_less(self) -> None:
        identifier = query(state="SCHEDULED", returned=["ProcedureStepLabel"])
        assert [each.keyword for each in identifier] == ["ProcedureStepState", "ProcedureStepLabel"]

    def test_of_an_unknown_keyword_is_refused(self) -> None:
        with pytest.raises(ParameterError, match="no attribute 'Label'"):
            query(returned=["Label"])

    def test_never_is_the_meaning_of_a_code_a_key(self) -> None:
        item = query(station=STATION).ScheduledStationNameCodeSequence[0]
        assert item.CodeMeaning == ""


def test_further_keys_are_taken_as_they_are() -> None:
    keys = Dataset()
    keys.ScheduledStationNameCodeSequence = [code_item(STATION)]
    keys.CommentsOnTheScheduledProcedureStep = "urgent"
    identifier = query(station="WS9", keys=keys)
    assert identifier.CommentsOnTheScheduledProcedureStep == "urgent"
    assert identifier.ScheduledStationNameCodeSequence[0].CodeValue == "WS1"
