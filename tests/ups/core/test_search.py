"""What a database narrows: never more than what matches, and as much as it can."""

from __future__ import annotations

from datetime import datetime, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from leaddicom.ups.core.matching import Identifier, check_identifier, matches
from leaddicom.ups.core.search import (
    MAXIMUM_INSTANT,
    MINIMUM_INSTANT,
    SEVERAL,
    CodeEntry,
    CodeKey,
    IndexEntry,
    RequestEntry,
    SearchKeys,
    TextKey,
    admits,
    index_entry,
    search_keys,
)

from .keys import UID, asked, at, of, workitem

UTC = timezone.utc
BERLIN = ZoneInfo("Europe/Berlin")


def entry(dataset: Dataset, zone: tzinfo = UTC) -> IndexEntry:
    return index_entry(workitem(dataset), zone)


def keys(identifier: Dataset, zone: tzinfo = UTC) -> SearchKeys:
    return search_keys(asked(identifier), zone)


def micros(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 10**6


TEXTS = {
    "priority": "ScheduledProcedureStepPriority",
    "readiness": "InputReadinessState",
    "label": "ProcedureStepLabel",
    "worklist_label": "WorklistLabel",
    "study_uid": "StudyInstanceUID",
    "patient_id": "PatientID",
    "issuer": "IssuerOfPatientID",
    "sex": "PatientSex",
    "admission_id": "AdmissionID",
    "replaced_uid": "ReplacedProcedureStepSequence ReferencedSOPInstanceUID",
}
WILD = ["label", "worklist_label", "patient_id", "issuer", "sex", "admission_id"]
REQUESTS = {
    "accession": "AccessionNumber",
    "requested_procedure_id": "RequestedProcedureID",
    "requesting_service": "RequestingService",
    "study_uid": "StudyInstanceUID",
}
CODES = {
    "station": "ScheduledStationNameCodeSequence",
    "class": "ScheduledStationClassCodeSequence",
    "location": "ScheduledStationGeographicLocationCodeSequence",
    "workitem": "ScheduledWorkitemCodeSequence",
    "performer": "ScheduledHumanPerformersSequence HumanPerformerCodeSequence",
}
PERIODS = {
    "start": "ScheduledProcedureStepStartDateTime",
    "expected": "ExpectedCompletionDateTime",
    "expiration": "ScheduledProcedureStepExpirationDateTime",
}


class TestEntry:
    def test_of_a_workitem_that_says_nothing_is_empty(self) -> None:
        assert entry(Dataset()) == IndexEntry(
            uid=UID,
            state="SCHEDULED",
            patient_name="",
            birth_date="",
            **dict.fromkeys(TEXTS, ""),
            start=MAXIMUM_INSTANT,
            start_end=MINIMUM_INSTANT,
            expected=None,
            expected_end=None,
            expiration=None,
            expiration_end=None,
            codes=(),
            requests=(),
        )

    @pytest.mark.parametrize(("column", "path"), TEXTS.items())
    def test_has_each_text(self, column: str, path: str) -> None:
        assert getattr(entry(at(path, " 1.2 ")), column) == "1.2"
        assert getattr(entry(at(path, "")), column) == ""

    @pytest.mark.parametrize(("column", "path"), TEXTS.items())
    def test_says_where_a_text_is_several(self, column: str, path: str) -> None:
        assert getattr(entry(at(path, ["1.2", "1.3"])), column) == SEVERAL

    def test_says_where_a_text_has_another_vr(self) -> None:
        dataset = Dataset()
        dataset.add_new(0x00100020, "PN", "A")
        assert entry(dataset).patient_id == SEVERAL

    def test_says_where_several_steps_are_replaced(self) -> None:
        items = [of(ReferencedSOPInstanceUID=uid) for uid in ("1.2", "", "1.2")]
        assert entry(of(ReplacedProcedureStepSequence=items)).replaced_uid == "1.2"
        items.append(of(ReferencedSOPInstanceUID="1.3"))
        assert entry(of(ReplacedProcedureStepSequence=items)).replaced_uid == SEVERAL

    def test_has_texts_that_every_database_takes(self) -> None:
        assert entry(of(ProcedureStepLabel="x" * 70)).label == "x" * 64
        assert entry(of(ProcedureStepLabel="a\0b")).label == "a?b"
        assert entry(of(ProcedureStepLabel="a\ud800b")).label == "a?b"

    def test_has_the_groups_of_a_name_in_lower_case(self) -> None:
        found = entry(of(PatientName="DOE ^Jane^^=\u6771^\u4eac"))
        assert found.patient_name == "=doe^jane=\u6771^\u4eac"
        assert entry(of(PatientName="")).patient_name == ""
        assert entry(of(PatientName="a=b=c=d")).patient_name == SEVERAL

    def test_has_digits_of_a_birth_date(self) -> None:
        assert entry(of(PatientBirthDate="19700215")).birth_date == "19700215"
        assert entry(of(PatientBirthDate="1970.02.15")).birth_date == "19700215"
        assert entry(of(PatientBirthDate="in spring")).birth_date == SEVERAL

    @pytest.mark.parametrize(("column", "keyword"), PERIODS.items())
    def test_has_each_date_time_as_a_period(self, column: str, keyword: str) -> None:
        found = entry(at(keyword, "20260705"), BERLIN)
        assert getattr(found, column) == micros("2026-07-05T00:00:00+02:00")
        assert getattr(found, f"{column}_end") == micros("2026-07-06T00:00:00+02:00") - 1

    def test_has_several_date_times_as_one_period(self) -> None:
        found = entry(of(ScheduledProcedureStepStartDateTime=["2026", "2024", "soon"]))
        assert found.start == micros("2024-01-01T00:00:00+00:00")
        assert found.start_end == micros("2027-01-01T00:00:00+00:00") - 1

    def test_takes_the_zone_of_the_workitem(self) -> None:
        dataset = of(ScheduledProcedureStepStartDateTime="20260705", TimezoneOffsetFromUTC="-0500")
        assert entry(dataset, BERLIN).start == micros("2026-07-05T00:00:00-05:00")

    def test_puts_what_does_not_begin_to_the_end(self) -> None:
        found = entry(of(ScheduledProcedureStepStartDateTime="soon"))
        assert (found.start, found.start_end) == (MAXIMUM_INSTANT, MINIMUM_INSTANT)

    def test_has_a_date_time_with_another_vr_at_any_time(self) -> None:
        dataset = Dataset()
        dataset.add_new(0x00404005, "LO", "soon")
        found = entry(dataset)
        assert found.start < entry(of(ScheduledProcedureStepStartDateTime="0001")).start
        assert found.start_end > entry(of(ScheduledProcedureStepStartDateTime="9999")).start_end
        assert found.start_end - found.start < MAXIMUM_INSTANT

    @pytest.mark.parametrize(("kind", "path"), CODES.items())
    def test_has_each_code(self, kind: str, path: str) -> None:
        items = [
            of(CodeValue="A", CodingSchemeDesignator="99X"),
            of(LongCodeValue="Long", CodingSchemeDesignator="99X"),
            of(URNCodeValue="urn:x"),
            of(CodingSchemeDesignator="99Y"),
            of(CodeValue="A", CodingSchemeDesignator="99X", CodeMeaning="again"),
        ]
        assert entry(at(path, items)).codes == (
            CodeEntry(kind, "A", "99X"),
            CodeEntry(kind, "Long", "99X"),
            CodeEntry(kind, "urn:x", ""),
            CodeEntry(kind, "", "99Y"),
        )

    def test_has_each_request(self) -> None:
        items = [
            of(AccessionNumber="A", RequestedProcedureID="P", RequestingService="S"),
            of(StudyInstanceUID="1.2"),
        ]
        assert entry(of(ReferencedRequestSequence=items)).requests == (
            RequestEntry(accession="A", requested_procedure_id="P", requesting_service="S"),
            RequestEntry(study_uid="1.2"),
        )


class TestKeys:
    def test_of_universal_keys_are_none(self) -> None:
        universal = of(
            PatientID="",
            PatientName="*",
            ProcedureStepLabel="*x",
            ScheduledStationNameCodeSequence=[of(CodeValue="")],
            ReferencedRequestSequence=[],
            ScheduledProcedureStepStartDateTime="",
        )
        assert keys(universal) == SearchKeys()

    def test_of_a_state_is_the_state(self) -> None:
        assert keys(of(ProcedureStepState="SCHEDULED")).texts == {"state": TextKey(("SCHEDULED",))}

    def test_of_uids_are_a_list(self) -> None:
        assert keys(of(SOPInstanceUID=["1.2", "1.3"])).texts == {"uid": TextKey(("1.2", "1.3"))}

    @pytest.mark.parametrize(("column", "path"), TEXTS.items())
    def test_of_a_text_is_the_text(self, column: str, path: str) -> None:
        assert keys(at(path, "1.2")).texts == {column: TextKey((SEVERAL, "1.2"))}

    @pytest.mark.parametrize("column", WILD)
    def test_of_a_pattern_is_what_stands_before_it(self, column: str) -> None:
        assert keys(at(TEXTS[column], "AB*C?")).texts == {column: TextKey((SEVERAL,), ("AB",))}
        assert keys(at(TEXTS[column], "?B")).texts == {}

    def test_of_several_values_are_all(self) -> None:
        found = keys(of(ProcedureStepLabel=["A", "B*", "C"])).texts["label"]
        assert found == TextKey((SEVERAL, "A", "C"), ("B",))
        assert keys(of(ProcedureStepLabel=["A", "*B"])).texts == {}

    def test_of_more_patterns_than_sql_can_take_are_none(self) -> None:
        patterns = [f"A{number}*" for number in range(101)]
        assert len(keys(of(ProcedureStepLabel=patterns[:100])).texts["label"].prefixes) == 100
        assert keys(of(ProcedureStepLabel=patterns, PatientName=patterns)).texts == {}

    @pytest.mark.parametrize(
        ("name", "part"),
        [
            ("DOE^Jane", "=doe^jane"),
            ("Doe^*", "=doe"),
            ("Doe^J*", "=doe^j"),
            ("=\u6771*", "=\u6771"),
            ("*^Jane", None),
            ("=", None),
        ],
    )
    def test_of_a_name_is_how_a_group_begins(self, name: str, part: str | None) -> None:
        expected = {} if part is None else {"patient_name": TextKey((SEVERAL,), (), (part,))}
        assert keys(of(PatientName=name)).texts == expected

    @pytest.mark.parametrize(
        ("date", "prefix"),
        [
            ("19700215", "19700215"),
            ("1970.02.15", "19700215"),
            ("19700101-19701231", "1970"),
            ("19700101-", None),
            ("19700101-20000101", None),
        ],
    )
    def test_of_a_birth_date_is_what_its_ends_have_in_common(
        self, date: str, prefix: str | None
    ) -> None:
        expected = {} if prefix is None else {"birth_date": TextKey((SEVERAL,), (prefix,))}
        assert keys(of(PatientBirthDate=date)).texts == expected

    @pytest.mark.parametrize(("column", "keyword"), PERIODS.items())
    def test_of_a_date_time_is_a_period(self, column: str, keyword: str) -> None:
        day = micros("2026-07-05T00:00:00+02:00")
        assert keys(at(keyword, "20260705-"), BERLIN).periods == {column: (day, MAXIMUM_INSTANT)}

    def test_of_a_code_is_a_row(self) -> None:
        item = of(CodeValue="A", CodingSchemeDesignator="99X")
        one, other = TextKey((SEVERAL, "A")), TextKey((SEVERAL, "99X"))
        for kind, path in CODES.items():
            assert keys(at(path, [item])).codes == (CodeKey(kind, one, other),)
            assert keys(at(f"{path} CodingSchemeDesignator", "99X")).codes == (
                CodeKey(kind, None, other),
            )
            for keyword in ("CodeValue", "LongCodeValue", "URNCodeValue"):
                assert keys(at(f"{path} {keyword}", "A")).codes == (CodeKey(kind, one),)

    def test_of_a_request_are_a_row(self) -> None:
        for column, keyword in REQUESTS.items():
            found = keys(at(f"ReferencedRequestSequence {keyword}", "1.2"))
            assert found == SearchKeys(request={column: TextKey((SEVERAL, "1.2"))})


class TestAdmits:
    """Each condition lets pass what it has to, and holds up the rest."""

    @pytest.mark.parametrize(
        ("key", "value", "expected"),
        [
            (at(path, key), at(path, "1.2"), expected)
            for path in [
                *TEXTS.values(),
                *(f"ReferencedRequestSequence {keyword}" for keyword in REQUESTS.values()),
                *(f"{path} CodeValue" for path in CODES.values()),
                *(f"{path} CodingSchemeDesignator" for path in CODES.values()),
            ]
            for key, expected in [("1.2", True), ("1.3", False), (["1.2", "1.3"], True)]
        ],
    )
    def test_a_text(self, key: Dataset, value: Dataset, expected: bool) -> None:
        assert admits(keys(key), entry(value)) is expected
        assert not admits(keys(key), entry(Dataset()))

    @pytest.mark.parametrize(
        ("key", "expected"),
        [("2026", True), ("20260705-", True), ("-20260704", False), ("20260706-", False)],
    )
    @pytest.mark.parametrize("keyword", PERIODS.values())
    def test_a_period(self, keyword: str, key: str, expected: bool) -> None:
        assert admits(keys(at(keyword, key)), entry(at(keyword, "20260705"))) is expected
        assert not admits(keys(at(keyword, key)), entry(Dataset()))

    @pytest.mark.parametrize(
        ("key", "expected"), [("Doe^J*", True), ("\u6771^\u4eac", True), ("Smith*", False)]
    )
    def test_a_name(self, key: str, expected: bool) -> None:
        name = of(PatientName="Doe^Jane=\u6771^\u4eac")
        assert admits(keys(of(PatientName=key)), entry(name)) is expected

    def test_a_state_and_a_uid(self) -> None:
        scheduled = entry(of(ProcedureStepState="SCHEDULED"))
        assert admits(keys(of(ProcedureStepState="SCHEDULED", SOPInstanceUID=UID)), scheduled)
        assert not admits(keys(of(ProcedureStepState="COMPLETED")), scheduled)
        assert not admits(keys(of(SOPInstanceUID="1.2")), scheduled)

    def test_one_row_with_both_halves_of_a_code(self) -> None:
        items = [
            of(CodeValue="A", CodingSchemeDesignator="99X"),
            of(CodeValue="B", CodingSchemeDesignator="99Y"),
        ]
        for path in CODES.values():
            found = entry(at(path, items))
            assert admits(keys(at(path, [items[1]])), found)
            mixed = of(CodeValue="A", CodingSchemeDesignator="99Y")
            assert not admits(keys(at(path, [mixed])), found)

    def test_one_row_with_all_of_a_request(self) -> None:
        items = [
            of(AccessionNumber="A", RequestedProcedureID="P"),
            of(AccessionNumber="B", RequestedProcedureID="Q"),
        ]
        found = entry(of(ReferencedRequestSequence=items))
        assert admits(keys(of(ReferencedRequestSequence=[items[1]])), found)
        mixed = of(AccessionNumber="A", RequestedProcedureID="Q")
        assert not admits(keys(of(ReferencedRequestSequence=[mixed])), found)

    def test_what_is_several(self) -> None:
        several = of(PatientID=["A", "B"], PatientName=["C", "D"])
        assert admits(keys(of(PatientID="B", PatientName="D")), entry(several))


# -- the guarantee -----------------------------------------------------------------------------

WORDS = st.text("aA1.^=\u00df\u0130\u6771 \0", max_size=5) | st.sampled_from(["x" * 70, "1.2", "A"])
MOMENTS = st.builds(
    lambda stem, offset: stem + offset,
    st.sampled_from(
        [
            "2026",
            "202610",
            "20261025",
            "2026102502",
            "202610250230",
            "20261025013000",
            "20261025023000",
            "20261025023000.5",
            "20260329023000",
            "20261231235960",
            "99991231235959",
            "00010101",
            "20260230",
            "soon",
        ]
    ),
    st.sampled_from(["", "", "+0000", "+0100", "+0200", "-0500", "+1400", "-1200"]),
)
DATES = st.sampled_from(["19700215", "1970.02.15", "19701231", "20000101", "spring"])
ZONES = st.sampled_from([UTC, BERLIN, ZoneInfo("America/New_York"), ZoneInfo("Asia/Kolkata")])
OFFSETS = st.sampled_from([None, "", "+0100", "-0500"])

SIMPLE = {
    "SOPInstanceUID": st.just(UID),
    "ProcedureStepState": st.sampled_from(["SCHEDULED", "COMPLETED"]),
    **{path: WORDS for path in TEXTS.values() if " " not in path},
    "PatientName": WORDS,
    "PatientBirthDate": DATES,
    **dict.fromkeys(PERIODS.values(), MOMENTS),
}
CODE = dict.fromkeys(
    ("CodeValue", "LongCodeValue", "URNCodeValue", "CodingSchemeDesignator"), WORDS
)
NESTED = {
    **{path: CODE for path in CODES.values() if " " not in path},
    "ReferencedRequestSequence": dict.fromkeys(REQUESTS.values(), WORDS),
    "ReplacedProcedureStepSequence": {"ReferencedSOPInstanceUID": WORDS},
}
#: Words that do not fit their VR; it is the sender's business what VR an attribute has.
OTHER_VRS = {"PatientID": 0x00100020, "ProcedureStepLabel": 0x00741204, "WorklistLabel": 0x00741202}


def values(one: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    return st.one_of(one, one, one, st.lists(one, min_size=2, max_size=3))


def datasets(parts: dict[str, st.SearchStrategy[str]]) -> st.SearchStrategy[Dataset]:
    optional = {keyword: values(one) for keyword, one in parts.items()}
    return st.fixed_dictionaries({}, optional=optional).map(lambda found: of(**found))


@st.composite
def workitems(draw: st.DrawFn) -> Dataset:
    dataset = draw(datasets(SIMPLE))
    dataset.update(of(ProcedureStepState=draw(SIMPLE["ProcedureStepState"])))
    for keyword, parts in NESTED.items():
        dataset.update(of(**{keyword: draw(st.lists(datasets(parts), max_size=3))}))
    performer = datasets(CODE).map(lambda item: of(HumanPerformerCodeSequence=[item]))
    dataset.update(of(ScheduledHumanPerformersSequence=draw(st.lists(performer, max_size=2))))
    for tag in OTHER_VRS.values():
        if draw(st.integers(0, 15)) == 0:
            vr = draw(st.sampled_from(["PN", "UI", "UT", "SQ"]))
            value = [] if vr == "SQ" else draw(WORDS)
            dataset.add(DataElement(tag, vr, value, validation_mode=0))
    offset = draw(OFFSETS)
    if offset is not None:
        dataset.update(of(TimezoneOffsetFromUTC=offset))
    return dataset


@st.composite
def keys_for(draw: st.DrawFn, dataset: Dataset, sparse: int = 2) -> Dataset:
    """Some keys of which most match: what is stored, as it is or as a pattern, or a bit more."""
    found = Dataset()
    for element in dataset:
        if element.keyword == "TimezoneOffsetFromUTC" or draw(st.integers(0, sparse)) < 2:
            continue
        if element.VR == "SQ":
            item = st.sampled_from(list(element.value)) if element.value else st.just(Dataset())
            items = [draw(keys_for(draw(item), 3))]
            found.update(of(**{element.keyword: items}))
        else:
            found.update(of(**{element.keyword: draw(key_for(element))}))
    return found


@st.composite
def key_for(draw: st.DrawFn, element: DataElement) -> Any:
    value = element.value
    text = str(
        draw(st.sampled_from(list(value))) if not isinstance(value, str) and value else value
    )
    if element.VR == "PN":
        text = draw(st.sampled_from([text, *text.split("=")]))
        text = draw(st.sampled_from([text, text.upper(), text + "^", text + "^*", "=" + text]))
    if element.VR in ("DT", "DA"):
        return draw(st.sampled_from([text, f"{text}-", f"-{text}", f"{text}-{text}", ""]))
    cut = draw(st.integers(0, len(text)))
    patterns = [text, text, text[:cut] + "*", text[:cut] + "?" + text[cut + 1 :], "*" + text[cut:]]
    return draw(st.sampled_from([*patterns, "", [text, "other"]]))


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data(), workitems(), ZONES, OFFSETS)
def test_a_workitem_that_matches_is_always_admitted(
    data: st.DataObject, dataset: Dataset, zone: tzinfo, offset: str | None
) -> None:
    stored = workitem(dataset)
    query = data.draw(keys_for(stored.dataset))
    if offset is not None:
        query.update(of(TimezoneOffsetFromUTC=offset))
    identifier = check_identifier(query)
    if isinstance(identifier, Identifier) and matches(identifier, stored.dataset, zone):
        assert admits(search_keys(identifier, zone), index_entry(stored, zone))
