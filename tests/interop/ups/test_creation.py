"""N-CREATE with pynetdicom as the SCU (PS3.4 section CC.2.5 and Table CC.2.5-3)."""

from __future__ import annotations

import pytest
from ups import workitems
from ups.workitems import FILTERED, GLOBAL, code, data_set, new_uid

from interop.ups.theirs import PUSH, Answer, Client
from interop.ups.wire import OTHER, Wire

TYPE_1 = (
    "InputReadinessState",
    "ScheduledProcedureStepPriority",
    "ProcedureStepLabel",
    "ScheduledProcedureStepStartDateTime",
)
HAS_TO_BE_EMPTY = {
    "TransactionUID": OTHER,
    "ProcedureStepProgressInformationSequence": [data_set(ProcedureStepProgress="50")],
    "UnifiedProcedureStepPerformedProcedureSequence": [
        data_set(PerformedProcedureStepDescription="X")
    ],
}
TYPE_2 = (
    *HAS_TO_BE_EMPTY,
    "WorklistLabel",
    "ScheduledProcessingParametersSequence",
    "ScheduledStationNameCodeSequence",
    "ScheduledStationClassCodeSequence",
    "ScheduledStationGeographicLocationCodeSequence",
    "ScheduledWorkitemCodeSequence",
    "CommentsOnTheScheduledProcedureStep",
    "InputInformationSequence",
    "PatientName",
    "IssuerOfPatientID",
    "IssuerOfPatientIDQualifiersSequence",
    "OtherPatientIDsSequence",
    "PatientBirthDate",
    "PatientSex",
    "AdmissionID",
    "IssuerOfAdmissionIDSequence",
    "AdmittingDiagnosesDescription",
    "AdmittingDiagnosesCodeSequence",
    "ReferencedRequestSequence",
)

LENIENT, STRICT = pytest.param({}, id="lenient"), pytest.param({"strict_create": True}, id="strict")


def create(wire: Wire, rules: dict[str, bool], **changes: object) -> tuple[str, Answer]:
    uid = new_uid()
    return uid, wire.client(**rules).create(uid, workitems.workitem(**changes))


def is_there(wire: Wire, uid: str) -> bool:
    return wire.client().get(uid).status == 0x0000


class TestSuccess:
    @pytest.mark.parametrize("rules", [LENIENT, STRICT])
    def test_has_nothing_to_say(self, wire: Wire, rules: dict[str, bool]) -> None:
        uid, answer = create(wire, rules)
        assert (answer.status, answer.comment) == (0x0000, "")
        assert answer.command.AffectedSOPInstanceUID == uid
        assert is_there(wire, uid)

    def test_stores_what_was_sent(self, wire: Wire) -> None:
        sent = workitems.workitem(ScheduledStationNameCodeSequence=[code("LINAC1")])
        uid = new_uid()
        wire.done(wire.client().create(uid, sent))
        got = wire.attributes(uid)
        del sent.TransactionUID
        for element in sent:
            assert got[element.tag] == element
        assert "TransactionUID" not in got

    def test_tells_when_it_was(self, wire: Wire) -> None:
        got = wire.attributes(wire.create(ScheduledProcedureStepModificationDateTime="19990101"))
        assert str(got.ScheduledProcedureStepModificationDateTime)[:4] >= "2024"

    def test_fills_the_worklist_label(self, wire: Wire) -> None:
        uid, answer = create(wire, {}, WorklistLabel="")
        assert answer.status in (0x0000, 0xB300)
        assert wire.attributes(uid).WorklistLabel == "WORKLIST"

    @pytest.mark.parametrize(
        ("character_set", "name"),
        [
            ("ISO_IR 192", "Müller^Jörg=山田^太郎"),
            ("ISO_IR 100", "Müller^Jörg"),
            (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎"),
        ],
    )
    def test_keeps_characters(self, wire: Wire, character_set: str | list[str], name: str) -> None:
        uid = new_uid()
        sent = workitems.workitem(SpecificCharacterSet=character_set, PatientName=name)
        wire.done(wire.client().create(uid, sent))
        assert str(wire.attributes(uid).PatientName) == name
        [found] = wire.find(SOPInstanceUID=uid, PatientName="").matches
        assert str(found.PatientName) == name


class TestInstance:
    @pytest.mark.parametrize("uid", [GLOBAL, FILTERED])
    def test_that_stands_for_many_is_there_already(self, client: Client, uid: str) -> None:
        assert client.create(uid, workitems.workitem()).status == 0x0111

    @pytest.mark.parametrize("rules", [LENIENT, STRICT])
    @pytest.mark.parametrize("keyword", ["SOPInstanceUID", "SOPClassUID"])
    def test_is_named_by_the_command_alone(
        self, wire: Wire, rules: dict[str, bool], keyword: str
    ) -> None:
        inside = new_uid()
        uid, answer = create(wire, rules, **{keyword: inside})
        assert answer.status == (0x0106 if rules else 0xB300)
        assert is_there(wire, uid) is not bool(rules)
        assert not is_there(wire, inside)
        if not rules:
            [found] = wire.find(SOPInstanceUID=uid, SOPClassUID="").matches
            assert found.SOPClassUID == PUSH


class TestRefusal:
    @pytest.mark.parametrize("rules", [LENIENT, STRICT])
    @pytest.mark.parametrize(
        ("keyword", "value", "status"),
        [
            ("ProcedureStepState", None, 0x0120),
            ("ProcedureStepState", "IN PROGRESS", 0xC309),
            ("ProcedureStepState", "COMPLETED", 0xC309),
            ("ProcedureStepState", "CANCELED", 0xC309),
            ("ProcedureStepState", "FOO", 0xC309),
            *((keyword, None, 0x0120) for keyword in TYPE_1),
            *((keyword, "", 0x0121) for keyword in TYPE_1),
            ("ScheduledProcedureStepPriority", "STAT", 0x0106),
            ("InputReadinessState", "FOO", 0x0106),
        ],
    )
    def test_of_what_no_workitem_may_be(
        self, wire: Wire, rules: dict[str, bool], keyword: str, value: str | None, status: int
    ) -> None:
        uid, answer = create(wire, rules, **{keyword: value})
        assert f"{answer.status:04X}" == f"{status:04X}"
        assert keyword in answer.comment or status == 0xC309
        assert len(answer.comment) <= 64
        assert answer.is_bare
        assert not is_there(wire, uid)

    def test_of_nothing(self, client: Client) -> None:
        assert client.create(new_uid(), None).status == 0x0120
        assert client.echo() == 0x0000

    def test_of_an_empty_state(self, wire: Wire) -> None:
        assert create(wire, {}, ProcedureStepState="")[1].status in (0x0121, 0xC309)


@pytest.mark.parametrize("rules", [LENIENT, STRICT])
@pytest.mark.parametrize("keyword", TYPE_2)
def test_what_is_of_type_2_may_be_forgotten(
    wire: Wire, rules: dict[str, bool], keyword: str
) -> None:
    uid, answer = create(wire, rules, **{keyword: None})
    assert answer.status == (0x0120 if rules else 0xB300)
    assert is_there(wire, uid) is not bool(rules)
    if not rules and keyword != "TransactionUID":
        got = wire.attributes(uid)
        assert keyword in got
        assert got[keyword].is_empty is (keyword != "WorklistLabel")


@pytest.mark.parametrize("rules", [LENIENT, STRICT])
@pytest.mark.parametrize("keyword", HAS_TO_BE_EMPTY)
def test_what_has_to_be_empty_may_be_blanked(
    wire: Wire, rules: dict[str, bool], keyword: str
) -> None:
    uid, answer = create(wire, rules, **{keyword: HAS_TO_BE_EMPTY[keyword]})
    assert answer.status == (0x0106 if rules else 0xB300)
    assert is_there(wire, uid) is not bool(rules)
    if not rules:
        got = wire.attributes(uid)
        assert not got.get(keyword)
        # It was locked by nobody: anybody may claim it.
        wire.claim(uid)


def test_empty_values_are_stored_and_found(wire: Wire) -> None:
    """All of Type 2 may be empty, and then is matched by what matches everything."""
    sequences = ("ScheduledStationNameCodeSequence", "ScheduledWorkitemCodeSequence")
    uid = wire.create(
        **dict.fromkeys(("PatientID", "PatientName", "PatientBirthDate", "PatientSex"), ""),
        **{each: [] for each in sequences},
    )
    found = wire.find(SOPInstanceUID=uid, PatientID="", **{each: [] for each in sequences})
    assert found.uids == [uid]
    assert is_there(wire, uid)
