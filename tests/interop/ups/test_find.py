"""C-FIND of workitems with pynetdicom as the SCU (PS3.4 sections CC.2.8 and C.2.2.2)."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from pydicom.dataset import Dataset
from ups.core.keys import at
from ups.receivers import PATIENCE
from ups.workitems import code, data_set, new_uid

from interop.ups.theirs import PULL, PUSH, QUERY, WATCH, Client, Found
from interop.ups.wire import LOCK, Wire
from leaddicom.ups.core.attributes import walk
from leaddicom.ups.manager import scp

PENDING, WITH_UNSUPPORTED_KEYS, CANCELED, MISMATCH = 0xFF00, 0xFF01, 0xFE00, 0xA900


def item(**elements: Any) -> list[Dataset]:
    return [data_set(**elements)]


ISSUER = item(
    LocalNamespaceEntityID="WARD", UniversalEntityID="ward.example", UniversalEntityIDType="DNS"
)
REQUEST = {
    "StudyInstanceUID": "1.2.3.6",
    "AccessionNumber": "ACC1",
    "IssuerOfAccessionNumberSequence": ISSUER,
    "RequestedProcedureID": "RP1",
    "RequestingService": "ONCOLOGY",
    "PlacerOrderNumberImagingServiceRequest": "P1",
    "FillerOrderNumberImagingServiceRequest": "F1",
    "OrderPlacerIdentifierSequence": [],
    "OrderFillerIdentifierSequence": [],
    "RequestedProcedureDescription": "",
    "RequestedProcedureCodeSequence": [],
}
REPLACED = "1.2.826.0.1.3680043.8.498.4711"
CODE = ("LongCodeValue", "URNCodeValue", "CodingSchemeDesignator")

#: A workitem with a value for each required key.
KNOWN: dict[str, Any] = {
    "ScheduledProcedureStepPriority": "HIGH",
    "InputReadinessState": "INCOMPLETE",
    "ProcedureStepLabel": "Plan review",
    "WorklistLabel": "PHYSICS",
    "ScheduledProcedureStepStartDateTime": "20310705120000+0200",
    "ExpectedCompletionDateTime": "20310705130000+0200",
    "ScheduledProcedureStepExpirationDateTime": "20310801",
    "ScheduledStationNameCodeSequence": [code("LINAC1"), code("LINAC2")],
    "ScheduledStationClassCodeSequence": [code("CLASS1")],
    "ScheduledStationGeographicLocationCodeSequence": [code("ROOM1")],
    "ScheduledWorkitemCodeSequence": [code("121726", "DCM", "RT Treatment")],
    "ScheduledHumanPerformersSequence": item(
        HumanPerformerCodeSequence=[code("PERFORMER1")],
        HumanPerformerName="Therapist^One",
        HumanPerformerOrganization="Clinic",
    ),
    "PatientName": "Doe^Jane",
    "PatientID": "FIND-4711",
    "IssuerOfPatientID": "CLINIC",
    "PatientBirthDate": "19700215",
    "PatientSex": "F",
    "AdmissionID": "A-1",
    "IssuerOfAdmissionIDSequence": ISSUER,
    "ReferencedRequestSequence": item(**REQUEST),
    "ReplacedProcedureStepSequence": item(
        ReferencedSOPClassUID=PUSH, ReferencedSOPInstanceUID=REPLACED
    ),
    "StudyInstanceUID": "1.2.3.5",
    "CommentsOnTheScheduledProcedureStep": "Bring the mask",
}


@pytest.fixture(scope="module")
def known(wire: Wire) -> str:
    return wire.create(**copy.deepcopy(KNOWN))


#: Keys that match `KNOWN`, and keys that do not; ">" is in a sequence.
KEYS = """
ScheduledProcedureStepPriority                   HIGH                        LOW
InputReadinessState                              INCOMPLETE                  READY
ProcedureStepState                               SCHEDULED                   COMPLETED
ProcedureStepLabel                               Plan review                 Plan
ProcedureStepLabel                               Plan*                       Other*
WorklistLabel                                    PHYSICS                     LINAC
WorklistLabel                                    PH?SICS                     PH?S
PatientName                                      Doe^Jane                    Doe^John
PatientName                                      doe^j*                      roe*
PatientID                                        FIND-4711                   4711
PatientID                                        FIND-*                      LOSE-*
IssuerOfPatientID                                CLINIC                      OTHER
PatientBirthDate                                 19700215                    19700216
PatientBirthDate                                 19700101-19700301           19700301-
PatientSex                                       F                           M
AdmissionID                                      A-1                         A-2
StudyInstanceUID                                 1.2.3.5                     1.2.3.6
StudyInstanceUID                                 1.2.3.4\\1.2.3.5            1.2.3.4\\1.2.3.6
CommentsOnTheScheduledProcedureStep              Bring*                      Leave*
ScheduledProcedureStepStartDateTime              20310705120000+0200         20310705120000+0100
ScheduledProcedureStepStartDateTime              20310705100000+0000         20310705120000+0000
ScheduledProcedureStepStartDateTime              20310705                    20310706
ScheduledProcedureStepStartDateTime              20310705100000-20310705100000  20310705100001-
ScheduledProcedureStepStartDateTime  20310705040000-0600-20310705040000-0600  20310705060000-0500-
ScheduledProcedureStepStartDateTime              -2031                       -2030
ScheduledProcedureStepStartDateTime              203107-203107               203108-203109
ExpectedCompletionDateTime                       20310705                    20310704
ExpectedCompletionDateTime                       20310705110000-             -20310705105959
ScheduledProcedureStepExpirationDateTime         20310801                    20310802
ScheduledProcedureStepModificationDateTime       2024-                       -2024
ScheduledStationNameCodeSequence>CodeValue       LINAC1                      LINAC3
ScheduledStationNameCodeSequence>CodeValue       LINAC2                      LINAC*
ScheduledStationNameCodeSequence>CodingSchemeDesignator  99TEST              DCM
ScheduledStationClassCodeSequence>CodeValue      CLASS1                      LINAC1
ScheduledStationGeographicLocationCodeSequence>CodeValue  ROOM1              LINAC1
ScheduledWorkitemCodeSequence>CodeValue          121726                      NOSUCH
ScheduledWorkitemCodeSequence>CodingSchemeDesignator  DCM                    99TEST
ScheduledHumanPerformersSequence>HumanPerformerName  Therapist*              Doctor*
ScheduledHumanPerformersSequence>HumanPerformerOrganization  Clinic          Other
ScheduledHumanPerformersSequence>HumanPerformerCodeSequence>CodeValue  PERFORMER1  PERFORMER2
IssuerOfAdmissionIDSequence>LocalNamespaceEntityID  WARD                     OTHER
IssuerOfAdmissionIDSequence>UniversalEntityID    ward.example                OTHER
IssuerOfAdmissionIDSequence>UniversalEntityIDType  DNS                       ISO
ReferencedRequestSequence>StudyInstanceUID       1.2.3.6                     1.2.3.5
ReferencedRequestSequence>AccessionNumber        ACC1                        ACC2
ReferencedRequestSequence>IssuerOfAccessionNumberSequence>LocalNamespaceEntityID  WARD  OTHER
ReferencedRequestSequence>IssuerOfAccessionNumberSequence>UniversalEntityID  ward.example  OTHER
ReferencedRequestSequence>IssuerOfAccessionNumberSequence>UniversalEntityIDType  DNS  ISO
ReferencedRequestSequence>RequestedProcedureID   RP1                         RP2
ReferencedRequestSequence>RequestingService      ONC*                        RAD*
ReferencedRequestSequence>PlacerOrderNumberImagingServiceRequest  P1         P2
ReferencedRequestSequence>FillerOrderNumberImagingServiceRequest  F1         F2
ReplacedProcedureStepSequence>ReferencedSOPClassUID  1.2.840.10008.5.1.4.34.6.1  1.2.3
ReplacedProcedureStepSequence>ReferencedSOPInstanceUID  REPLACED             1.2.3
"""
CASES = [
    [part.strip() for part in line.replace("REPLACED", REPLACED).split("  ") if part]
    for line in KEYS.strip().splitlines()
]


def key(path: str, text: str) -> Dataset:
    """An identifier with one key, and all that is needed to recognize what is found."""
    identifier = at(path.replace(">", " "), text)
    identifier.update(data_set(SOPInstanceUID=""))
    return identifier


class TestKeys:
    @pytest.mark.parametrize(
        ("path", "matching", "other"), CASES, ids=[" ".join(each[:2]) for each in CASES]
    )
    def test_select(self, client: Client, known: str, path: str, matching: str, other: str) -> None:
        found = client.find(key(path, matching))
        assert known in found.uids
        assert set(found.pending) == {PENDING}
        assert found.status == 0x0000
        missed = client.find(key(path, other))
        assert known not in missed.uids
        assert missed.status == 0x0000

    @pytest.mark.parametrize("path", [each[0] for each in CASES])
    def test_are_universal_if_empty(self, client: Client, known: str, path: str) -> None:
        found = client.find(key(path, ""))
        assert known in found.uids
        assert set(found.pending) == {PENDING}

    def test_are_those_that_the_table_requires(self) -> None:
        """The other forms of a code have a test of their own."""
        required = {
            ">".join(each.keyword for each in path)
            for path in walk()
            if path[-1].match == "R" and not path[-1].items and path[-1].keyword not in CODE
        }
        assert required <= {each[0] for each in CASES}

    def test_have_all_to_match(self, wire: Wire, known: str) -> None:
        both = {"SOPInstanceUID": known, "PatientID": "FIND-4711"}
        assert wire.find(**both, PatientSex="F").uids == [known]
        assert wire.find(**both, PatientSex="M").uids == []

    def test_of_a_code_have_to_match_in_one_item(self, wire: Wire) -> None:
        uid = wire.create(ScheduledStationNameCodeSequence=[code("A", "99ONE"), code("B", "99TWO")])

        def found(value: str, designator: str) -> bool:
            one = item(CodeValue=value, CodingSchemeDesignator=designator)
            return uid in wire.find(SOPInstanceUID=uid, ScheduledStationNameCodeSequence=one).uids

        assert found("A", "99ONE")
        assert found("B", "99TWO")
        assert not found("A", "99TWO")

    @pytest.mark.parametrize(
        "value", [{"LongCodeValue": "A code with a long value"}, {"URNCodeValue": "urn:test:1"}]
    )
    def test_of_a_code_may_have_another_form(self, wire: Wire, value: dict[str, str]) -> None:
        one = data_set(CodingSchemeDesignator="99TEST", CodeMeaning="X", **value)
        uid = wire.create(ScheduledStationNameCodeSequence=[one])
        assert uid in wire.find(ScheduledStationNameCodeSequence=item(**value)).uids
        [keyword] = value
        other = item(**{keyword: "other"})
        assert uid not in wire.find(ScheduledStationNameCodeSequence=other).uids

    def test_of_uids_may_be_lists(self, wire: Wire) -> None:
        uids = [wire.create() for _ in range(3)]
        found = wire.find(SOPInstanceUID=uids[:2])
        assert sorted(found.uids) == sorted(uids[:2])

    def test_match_no_empty_value(self, wire: Wire) -> None:
        uid = wire.create(PatientID="", AdmissionID="", ScheduledStationNameCodeSequence=[])
        assert wire.find(SOPInstanceUID=uid).uids == [uid]
        for keys in (
            {"PatientID": "4711"},
            {"AdmissionID": "A*"},
            {"ScheduledStationNameCodeSequence": item(CodeValue="LINAC1")},
        ):
            assert wire.find(SOPInstanceUID=uid, **keys).uids == []

    def test_of_date_times_have_the_offset_of_the_identifier(self, wire: Wire, known: str) -> None:
        start = "20310705120000"
        for offset, expected in (("+0200", [known]), ("+0000", [])):
            keys = {"ScheduledProcedureStepStartDateTime": start, "TimezoneOffsetFromUTC": offset}
            assert wire.find(SOPInstanceUID=known, **keys).uids == expected

    def test_of_names_in_other_characters(self, wire: Wire) -> None:
        uid = wire.create(SpecificCharacterSet="ISO_IR 192", PatientName="Müller^Jörg=山田^太郎")
        keys = {"SOPInstanceUID": uid, "SpecificCharacterSet": "ISO_IR 192"}
        for pattern in ("Müller*", "müller^jörg", "*山田*"):
            assert wire.find(**keys, PatientName=pattern).uids == [uid]
        assert wire.find(**keys, PatientName="Mueller*").uids == []


class TestNoKeys:
    def test_an_empty_identifier_finds_nothing(self, client: Client, known: str) -> None:
        """PS3.4 section CC.2.8: no matching keys, no matches."""
        found = client.find(data_set(SpecificCharacterSet="ISO_IR 100"))
        assert (found.matches, found.status) == ([], 0x0000)

    def test_universal_keys_find_everything(self, wire: Wire, client: Client, known: str) -> None:
        uids = [known, wire.create()]
        found = client.find(data_set(SOPInstanceUID="", PatientID=""))
        assert set(uids) <= set(found.uids)

    def test_universal_keys_find_so_many_at_most(self, wire: Wire, known: str) -> None:
        for _ in range(2):
            wire.create()
        found = wire.client(find_limit=2).find(data_set(SOPInstanceUID=""))
        assert (len(found.matches), found.status) == (2, 0xA700)

    def test_an_attribute_that_is_no_key_is_told(self, client: Client, known: str) -> None:
        asked = data_set(SOPInstanceUID=known, PatientComments="no key of a worklist")
        found = client.find(asked)
        assert (found.uids, found.pending) == ([known], [WITH_UNSUPPORTED_KEYS])

    def test_an_attribute_that_is_no_key_alone_finds_nothing(self, client: Client) -> None:
        found = client.find(data_set(PatientComments="x"))
        assert (found.matches, found.status) == ([], 0x0000)


class TestResponse:
    def test_has_what_was_asked_for_and_no_more(self, wire: Wire, known: str) -> None:
        found = wire.find(SOPInstanceUID=known, PatientID="", WorklistLabel="", AdmissionID="")
        [match] = found.matches
        expected = {"SOPInstanceUID", "PatientID", "WorklistLabel", "AdmissionID"}
        assert {each.keyword for each in match} - {"SpecificCharacterSet"} == expected
        assert match.PatientID == "FIND-4711"

    def test_has_empty_what_is_unknown(self, wire: Wire) -> None:
        [match] = wire.find(SOPInstanceUID=wire.create(AdmissionID=""), AdmissionID="").matches
        assert "AdmissionID" in match
        assert match["AdmissionID"].is_empty

    def test_has_sequences_whole(self, wire: Wire, known: str) -> None:
        [match] = wire.find(SOPInstanceUID=known, ScheduledStationNameCodeSequence=[]).matches
        values = [each.CodeValue for each in match.ScheduledStationNameCodeSequence]
        assert values == ["LINAC1", "LINAC2"]

    def test_never_has_the_transaction_uid(self, wire: Wire) -> None:
        uid = wire.claimed()
        for value in ("", LOCK):
            found = wire.find(SOPInstanceUID=uid, TransactionUID=value)
            for match in found.matches:
                assert "TransactionUID" not in match
                assert LOCK not in str(match)

    @pytest.mark.parametrize("on", [PULL, WATCH, QUERY])
    def test_is_the_same_on_each_sop_class(self, client: Client, known: str, on: str) -> None:
        found = client.find(data_set(SOPInstanceUID=known, SOPClassUID=""), on)
        [match] = found.matches
        assert (match.SOPInstanceUID, match.SOPClassUID) == (known, PUSH)

    def test_comes_in_the_order_of_the_start(self, wire: Wire) -> None:
        label = f"ORDER {new_uid()[-8:]}"
        starts = ["20320103", "20320101120000+0200", "20320101110000+0000"]
        uids = [
            wire.create(WorklistLabel=label, ScheduledProcedureStepStartDateTime=each)
            for each in starts
        ]
        assert wire.find(WorklistLabel=label).uids == [uids[1], uids[2], uids[0]]


class TestCancel:
    def test_ends_it(self, wire: Wire, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        """The manager looks for the second match only when it has been told to stop."""
        uids = [wire.create() for _ in range(3)]
        found_first, search = threading.Event(), scp.search

        def slowly(*arguments: Any) -> Iterator[Any]:
            for each in search(*arguments):
                if found_first.is_set():
                    assert arguments[-1].__self__.wait(PATIENCE)  # the event that it was cancelled
                found_first.set()
                yield each

        def cancel(found: Found, message_id: int) -> None:
            if len(found.matches) == 1:
                client.cancel(message_id)

        asked = data_set(SOPInstanceUID=uids)
        with monkeypatch.context() as patched:
            patched.setattr(scp, "search", slowly)
            found = client.find(asked, on_match=cancel)
        assert found.status == CANCELED
        assert len(found.matches) < len(uids)
        assert client.find(asked).status == 0x0000

    def test_may_come_too_late(self, wire: Wire, client: Client) -> None:
        asked = data_set(SOPInstanceUID=wire.create())
        found = client.find(asked, on_match=lambda _, message_id: client.cancel(message_id))
        assert (len(found.matches), found.status) in ((1, 0x0000), (1, CANCELED))
        assert client.echo() == 0x0000


class TestRefusal:
    @pytest.mark.parametrize(
        "keys",
        [
            {"ScheduledProcedureStepStartDateTime": "tomorrow"},
            {"ScheduledProcedureStepStartDateTime": "20319999"},
            {"ScheduledProcedureStepStartDateTime": "20310101-20300101-20290101"},
            {"PatientBirthDate": "1970-02-15"},
            {"ScheduledStationNameCodeSequence": [code("A"), code("B")]},
        ],
        ids=str,
    )
    def test_of_what_cannot_be_a_key(self, client: Client, keys: dict[str, Any]) -> None:
        found = client.find(data_set(SOPInstanceUID="", **keys))
        assert (found.matches, found.status) == ([], MISMATCH)
        assert found.comment
        assert client.echo() == 0x0000
