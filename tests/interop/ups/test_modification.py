"""N-SET and N-GET with pynetdicom as the SCU (PS3.4 sections CC.2.6 and CC.2.7)."""

from __future__ import annotations

from typing import Any

import pytest
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from ups import workitems
from ups.workitems import code, data_set, new_uid

from interop.ups.theirs import PULL, PUSH, WATCH, Answer, Client
from interop.ups.wire import LOCK, OTHER, Watcher, Wire

LABEL = {"ProcedureStepLabel": "Changed"}

#: What an N-SET may not touch, with a value that is good otherwise.
FORBIDDEN: dict[str, Any] = {
    "ProcedureStepState": "IN PROGRESS",
    "SOPClassUID": PUSH,
    "SOPInstanceUID": "1.2.3",
    "PatientName": "Doe^John",
    "PatientID": "0815",
    "IssuerOfPatientID": "HOSPITAL",
    "IssuerOfPatientIDQualifiersSequence": [],
    "PatientBirthDate": "19700102",
    "PatientSex": "M",
    "AdmissionID": "A1",
    "IssuerOfAdmissionIDSequence": [],
    "AdmittingDiagnosesDescription": "X",
    "AdmittingDiagnosesCodeSequence": [code("1")],
    "ReferencedRequestSequence": [],
    "ReplacedProcedureStepSequence": [],
}
NEEDS_A_VALUE = (
    "ScheduledProcedureStepPriority",
    "ProcedureStepLabel",
    "ScheduledProcedureStepStartDateTime",
    "InputReadinessState",
)


def modify(wire: Wire, uid: str, transaction_uid: str | None = None, **changes: Any) -> Answer:
    dataset = data_set(**changes)
    if transaction_uid is not None:
        dataset.update(data_set(TransactionUID=transaction_uid))
    return wire.client().modify(uid, dataset)


class TestWhoMay:
    """By state and Transaction UID."""

    @pytest.mark.parametrize(
        ("before", "transaction_uid", "status"),
        [
            ("absent", None, 0xC307),
            ("absent", LOCK, 0xC307),
            ("SCHEDULED", None, 0x0000),
            ("SCHEDULED", LOCK, 0xC310),
            ("IN PROGRESS", LOCK, 0x0000),
            ("IN PROGRESS", None, 0xC301),
            ("IN PROGRESS", "", 0xC301),
            ("IN PROGRESS", OTHER, 0xC301),
            *(
                (final, transaction_uid, 0xC300)
                for final in ("COMPLETED", "CANCELED")
                for transaction_uid in (None, LOCK, OTHER)
            ),
        ],
    )
    def test_modify(
        self, wire: Wire, before: str, transaction_uid: str | None, status: int
    ) -> None:
        uid = wire.in_state(before)
        answer = modify(wire, uid, transaction_uid, **LABEL)
        assert f"{answer.status:04X}" == f"{status:04X}"
        assert bool(answer.comment) is (status != 0x0000)
        if before != "absent":
            expected = "Changed" if status == 0x0000 else "Treatment"
            assert wire.attributes(uid).ProcedureStepLabel == expected

    @pytest.mark.parametrize(
        ("before", "transaction_uid", "status"),
        [("absent", None, 0xC307), ("SCHEDULED", LOCK, 0xC310), ("IN PROGRESS", OTHER, 0xC301),
         ("COMPLETED", LOCK, 0xC300)],
    )  # fmt: skip
    def test_comes_before_what(
        self, wire: Wire, before: str, transaction_uid: str | None, status: int
    ) -> None:
        uid = wire.in_state(before)
        assert modify(wire, uid, transaction_uid, PatientID="0815").status == status


class TestContent:
    @pytest.mark.parametrize("keyword", FORBIDDEN)
    def test_that_is_forbidden_has_everything_refused(self, wire: Wire, keyword: str) -> None:
        uid = wire.create()
        before = wire.attributes(uid)
        answer = modify(wire, uid, **LABEL, **{keyword: FORBIDDEN[keyword]})
        assert answer.status == 0x0106
        assert keyword[:40] in answer.comment
        assert wire.attributes(uid) == before

    @pytest.mark.parametrize("keyword", NEEDS_A_VALUE)
    def test_that_is_empty_and_may_not_be(self, wire: Wire, keyword: str) -> None:
        uid = wire.create()
        before = wire.attributes(uid)
        answer = modify(wire, uid, WorklistLabel="Other", **{keyword: ""})
        assert answer.status == 0x0121
        assert keyword in answer.comment
        assert wire.attributes(uid) == before

    def test_of_a_code_that_is_empty(self, wire: Wire) -> None:
        uid = wire.create()
        empty = data_set(CodeValue="", CodingSchemeDesignator="99TEST", CodeMeaning="X")
        assert modify(wire, uid, ScheduledStationNameCodeSequence=[empty]).status == 0x0121

    @pytest.mark.parametrize(
        ("keyword", "value"),
        [("ScheduledProcedureStepPriority", "STAT"), ("InputReadinessState", "FOO")],
    )
    def test_that_is_no_value(self, wire: Wire, keyword: str, value: str) -> None:
        assert modify(wire, wire.create(), **{keyword: value}).status == 0x0106

    def test_of_a_sequence_replaces_the_whole(self, wire: Wire) -> None:
        """No merge, no append (PS3.4 section CC.2.6.2)."""
        uid = wire.claimed()
        sequence = "ProcedureStepProgressInformationSequence"
        first = data_set(ProcedureStepProgress="10", ProcedureStepProgressDescription="Beam 1")
        wire.done(modify(wire, uid, LOCK, **{sequence: [first]}))
        wire.done(modify(wire, uid, LOCK, **{sequence: [data_set(ProcedureStepProgress="20")]}))
        [item] = wire.attributes(uid)[sequence].value
        assert item.ProcedureStepProgress == "20"
        assert "ProcedureStepProgressDescription" not in item

    def test_tells_when_it_was(self, wire: Wire) -> None:
        uid = wire.create()
        keyword = "ScheduledProcedureStepModificationDateTime"
        before = str(wire.attributes(uid)[keyword].value)
        wire.done(modify(wire, uid, **LABEL))
        assert str(wire.attributes(uid)[keyword].value) > before

    def test_selects_nothing(self, wire: Wire) -> None:
        """It is what to change, not what to look for: another start date moves the workitem."""
        uid, keyword = wire.create(), "ScheduledProcedureStepStartDateTime"
        wire.done(modify(wire, uid, **{keyword: "20330101100000"}))
        assert str(wire.attributes(uid)[keyword].value) == "20330101100000"
        assert wire.find(SOPInstanceUID=uid, **{keyword: "20330101"}).uids == [uid]
        assert wire.find(SOPInstanceUID=uid, **{keyword: "20300401"}).uids == []

    def test_in_another_character_set(self, wire: Wire) -> None:
        """What was there and what comes are in one character set afterwards."""
        uid = wire.create(PatientName="Müller^Jörg", SpecificCharacterSet="ISO_IR 100")
        wire.done(
            modify(wire, uid, SpecificCharacterSet="ISO_IR 192", ProcedureStepLabel="Täglich 山田")
        )
        got = wire.attributes(uid)
        assert (str(got.PatientName), got.ProcedureStepLabel) == ("Müller^Jörg", "Täglich 山田")

    def test_twice_is_the_same_as_once(self, wire: Wire, watcher: Watcher) -> None:
        uid = wire.claimed()
        watcher.subscribe(uid)
        first = workitems.progress(LOCK)
        for _ in range(2):
            wire.done(wire.client().modify(uid, first))
        assert watcher.told(uid) == [(1, "IN PROGRESS"), (3, "")]

    def test_that_is_refused_is_reported_to_nobody(self, wire: Wire, watcher: Watcher) -> None:
        uid = wire.claimed()
        watcher.subscribe(uid)
        assert modify(wire, uid, LOCK, InputReadinessState="FOO").status == 0x0106
        assert modify(wire, uid, OTHER, InputReadinessState="INCOMPLETE").status == 0xC301
        assert watcher.told(uid) == [(1, "IN PROGRESS")]


class TestReading:
    @pytest.mark.parametrize("on", [PUSH, PULL, WATCH])
    def test_of_what_is_not_there(self, client: Client, on: str) -> None:
        answer = client.get(new_uid(), (), on)
        assert answer.status == 0xC307
        assert answer.comment
        assert answer.is_bare

    def test_gives_everything_if_nothing_is_named(self, wire: Wire) -> None:
        got = wire.attributes(wire.performed())
        sent = workitems.workitem()
        del sent.TransactionUID
        assert set(sent.keys()) <= set(got.keys())
        assert len(got.UnifiedProcedureStepPerformedProcedureSequence) == 1

    def test_gives_what_is_named_and_no_more(self, wire: Wire, client: Client) -> None:
        uid = wire.create()
        keywords = ("PatientID", "ScheduledWorkitemCodeSequence", "ProcedureStepState")
        got = client.get(uid, [tag_for_keyword(each) for each in keywords]).dataset
        assert got is not None
        assert {each.keyword for each in got} == set(keywords)
        [item] = got.ScheduledWorkitemCodeSequence
        assert (item.CodeValue, item.CodeMeaning) == ("121726", "RT Treatment")

    @pytest.mark.parametrize("tags", [[], ["TransactionUID"], ["TransactionUID", "PatientID"]])
    @pytest.mark.parametrize("before", ["IN PROGRESS", "COMPLETED"])
    def test_never_gives_the_transaction_uid(
        self, wire: Wire, client: Client, tags: list[str], before: str
    ) -> None:
        uid = wire.in_state(before)
        for on in (PUSH, PULL, WATCH):
            answer = client.get(uid, [tag_for_keyword(each) for each in tags], on)
            assert answer.status in (0x0000, 0x0001)
            assert "TransactionUID" not in (answer.dataset or Dataset())
            assert LOCK not in str(answer.dataset)

    def test_gives_no_sop_uids(self, wire: Wire, client: Client) -> None:
        """They stand in the command set."""
        uid = wire.create()
        answer = client.get(uid)
        assert answer.dataset is not None
        assert answer.command.AffectedSOPInstanceUID == uid
        assert not {"SOPInstanceUID"} & {each.keyword for each in answer.dataset}

    def test_tells_of_attributes_that_are_not_supported(self, wire: Wire, client: Client) -> None:
        uid = wire.create()
        tags = [tag_for_keyword("PatientID"), 0x7FE00010]
        answer = client.get(uid, tags)
        assert answer.status == 0x0001
        assert answer.dataset is not None
        assert [each.keyword for each in answer.dataset] == ["PatientID"]
