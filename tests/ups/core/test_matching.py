"""C-FIND of workitems (PS3.4 section CC.2.8): which match, and what comes back."""

from __future__ import annotations

import copy
from datetime import timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from leaddicom import DataSetError, Limits
from leaddicom.decoding import decode_data_set, encode_data_set
from leaddicom.ups.core.attributes import ATTRIBUTES, walk
from leaddicom.ups.core.findings import Finding
from leaddicom.ups.core.matching import (
    MAXIMUM_KEYS,
    MAXIMUM_LENGTH,
    SINGLE_VALUES,
    Identifier,
    check_identifier,
    matches,
    response,
)
from leaddicom.ups.core.search import search_keys
from leaddicom.ups.core.terms import UpsStatus

from .keys import asked, at, of, refused

UTC = timezone.utc
BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")


def code(value: str, designator: str = "99TEST", keyword: str = "CodeValue") -> Dataset:
    dataset = of(CodingSchemeDesignator=designator, CodeMeaning="A meaning")
    dataset.update(of(**{keyword: value}))
    return dataset


def codes(name: str) -> list[Dataset]:
    """One code of each kind of value."""
    return [
        code(f"{name}1", "99ONE"),
        code(f"{name} with a long value", "99LONG", "LongCodeValue"),
        code(f"urn:test:{name}", "99URN", "URNCodeValue"),
    ]


WORKITEM = of(
    SOPClassUID="1.2.840.10008.5.1.4.34.6.1",
    SOPInstanceUID="1.2.3.4",
    ProcedureStepState="SCHEDULED",
    InputReadinessState="READY",
    ScheduledProcedureStepPriority="HIGH",
    ProcedureStepLabel="Treatment",
    WorklistLabel="Linac",
    ScheduledProcedureStepStartDateTime="20260705120000+0200",
    ScheduledProcedureStepModificationDateTime="20260701080000+0000",
    ScheduledProcedureStepExpirationDateTime="20260801",
    ExpectedCompletionDateTime="20260705123000+0200",
    ScheduledStationNameCodeSequence=codes("Station"),
    ScheduledStationClassCodeSequence=codes("Class"),
    ScheduledStationGeographicLocationCodeSequence=codes("Location"),
    ScheduledWorkitemCodeSequence=codes("Workitem"),
    ScheduledHumanPerformersSequence=[
        of(HumanPerformerCodeSequence=codes("Performer"), HumanPerformerName="Therapist^One"),
        of(HumanPerformerCodeSequence=[code("Second")], HumanPerformerName="Therapist^Two"),
    ],
    StudyInstanceUID="1.2.3.5",
    PatientName="Doe^Jane=\u6771^\u4eac",
    PatientID="4711",
    IssuerOfPatientID="Clinic",
    PatientBirthDate="19700215",
    PatientSex="F",
    AdmissionID="A-1",
    IssuerOfAdmissionIDSequence=[
        of(
            LocalNamespaceEntityID="Ward",
            UniversalEntityID="1.2.3",
            UniversalEntityIDType="ISO",
        )
    ],
    ReferencedRequestSequence=[
        of(
            StudyInstanceUID="1.2.3.6",
            AccessionNumber="ACC1",
            RequestedProcedureID="RP1",
            RequestingService="Oncology",
            IssuerOfAccessionNumberSequence=[
                of(
                    LocalNamespaceEntityID="RIS",
                    UniversalEntityID="ris.example",
                    UniversalEntityIDType="DNS",
                )
            ],
        ),
        of(
            StudyInstanceUID="1.2.3.7",
            AccessionNumber="ACC2",
            RequestedProcedureID="RP2",
            RequestingService="Radiology",
            IssuerOfAccessionNumberSequence=[],
        ),
    ],
    ReplacedProcedureStepSequence=[
        of(
            ReferencedSOPClassUID="1.2.840.10008.5.1.4.34.6.1",
            ReferencedSOPInstanceUID="1.2.3.8",
        )
    ],
    CommentsOnTheScheduledProcedureStep="Bring the mask",
    PregnancyStatus=1,
    ProcedureStepProgressInformationSequence=[of(ProcedureStepProgress="50")],
    TimezoneOffsetFromUTC="+0200",
    SpecificCharacterSet="ISO_IR 192",
)


def match(keys: Dataset, dataset: Dataset = WORKITEM, zone: tzinfo = UTC) -> bool:
    return matches(asked(keys), dataset, zone)


def changed(**changes: Any) -> Dataset:
    """The workitem with other values; `None` takes an attribute away."""
    dataset = copy.deepcopy(WORKITEM)
    for keyword, value in changes.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            dataset.update(of(**{keyword: value}))
    return dataset


def of_codes(sequence: str, name: str) -> list[tuple[str, str, str]]:
    return [
        (f"{sequence} CodeValue", f"{name}1", f"{name}2"),
        (f"{sequence} CodingSchemeDesignator", "99ONE", "99TWO"),
        (f"{sequence} LongCodeValue", f"{name} with a long value", f"{name} with a long"),
        (f"{sequence} URNCodeValue", f"urn:test:{name}", "urn:test:X"),
    ]


#: Each unique and required key of Table CC.2.5-3: a value that matches, and one that does not.
REQUIRED_KEYS = [
    ("SOPInstanceUID", "1.2.3.4", "1.2.3.44"),
    ("ProcedureStepState", "SCHEDULED", "IN PROGRESS"),
    ("InputReadinessState", "READY", "INCOMPLETE"),
    ("ScheduledProcedureStepPriority", "HIGH", "LOW"),
    ("ProcedureStepLabel", "Treatment", "Treat"),
    ("WorklistLabel", "Linac", "CT"),
    ("ScheduledProcedureStepStartDateTime", "20260705", "20260706"),
    ("ExpectedCompletionDateTime", "20260705", "20260704"),
    *of_codes("ScheduledStationNameCodeSequence", "Station"),
    *of_codes("ScheduledStationClassCodeSequence", "Class"),
    *of_codes("ScheduledStationGeographicLocationCodeSequence", "Location"),
    *of_codes("ScheduledWorkitemCodeSequence", "Workitem"),
    *of_codes("ScheduledHumanPerformersSequence HumanPerformerCodeSequence", "Performer"),
    ("PatientName", "Doe^Jane", "Doe^John"),
    ("PatientID", "4711", "4712"),
    ("IssuerOfPatientID", "Clinic", "Hospital"),
    ("PatientBirthDate", "19700215", "19700216"),
    ("PatientSex", "F", "M"),
    ("AdmissionID", "A-1", "A-2"),
    ("IssuerOfAdmissionIDSequence LocalNamespaceEntityID", "Ward", "Gate"),
    ("IssuerOfAdmissionIDSequence UniversalEntityID", "1.2.3", "1.2"),
    ("IssuerOfAdmissionIDSequence UniversalEntityIDType", "ISO", "DNS"),
    ("ReferencedRequestSequence AccessionNumber", "ACC2", "ACC3"),
    ("ReferencedRequestSequence RequestedProcedureID", "RP1", "RP3"),
    ("ReferencedRequestSequence RequestingService", "Radiology", "Surgery"),
    *(
        (f"ReferencedRequestSequence IssuerOfAccessionNumberSequence {keyword}", one, other)
        for keyword, one, other in [
            ("LocalNamespaceEntityID", "RIS", "HIS"),
            ("UniversalEntityID", "ris.example", "his.example"),
            ("UniversalEntityIDType", "DNS", "ISO"),
        ]
    ),
    ("ReplacedProcedureStepSequence ReferencedSOPClassUID", "1.2.840.10008.5.1.4.34.6.1", "1.2"),
    ("ReplacedProcedureStepSequence ReferencedSOPInstanceUID", "1.2.3.8", "1.2.3.9"),
]

OPTIONAL_KEYS = [
    ("SOPClassUID", "1.2.840.10008.5.1.4.34.6.1", "1.2"),
    ("StudyInstanceUID", "1.2.3.5", "1.2.3.6"),
    ("ReferencedRequestSequence StudyInstanceUID", "1.2.3.6", "1.2.3.5"),
    ("ScheduledProcedureStepModificationDateTime", "20260701", "20260702"),
    ("ScheduledProcedureStepExpirationDateTime", "202608", "202606"),
    ("CommentsOnTheScheduledProcedureStep", "*mask", "*shoe"),
    ("ScheduledHumanPerformersSequence HumanPerformerName", "Therapist^Two", "Therapist^Three"),
    ("PregnancyStatus", 1, 4),
]

SINGLE = [
    (path, value)
    for path, value, _ in REQUIRED_KEYS
    if any(row[-1].tag in SINGLE_VALUES and row[-1].keyword == path.split()[-1] for row in walk())
]

WILD = [
    (path, value)
    for path, value, _ in REQUIRED_KEYS
    if (path, value) not in SINGLE and not path.endswith(("UID", "DateTime", "Date"))
]


class TestRequiredKeys:
    def test_are_all_here(self) -> None:
        rows = {
            " ".join(row.keyword for row in path)
            for path in walk()
            if path[-1].match in ("U", "R") and path[-1].vr != "SQ"
        }
        assert rows == {path for path, _, _ in REQUIRED_KEYS}

    @pytest.mark.parametrize(("path", "value", "_"), REQUIRED_KEYS)
    def test_match(self, path: str, value: str, _: str) -> None:
        assert match(at(path, value))

    @pytest.mark.parametrize(("path", "_", "value"), REQUIRED_KEYS)
    def test_do_not_match(self, path: str, _: str, value: str) -> None:
        assert not match(at(path, value))

    @pytest.mark.parametrize(("path", "value", "_"), REQUIRED_KEYS)
    def test_do_not_match_what_is_unknown(self, path: str, value: str, _: str) -> None:
        first = path.split()[0]
        assert not match(at(path, value), changed(**{first: None}))
        assert not match(at(path, value), changed(**{first: [] if " " in path else ""}))

    @pytest.mark.parametrize(("path", "_", "__"), REQUIRED_KEYS)
    def test_match_all_if_they_are_empty(self, path: str, _: str, __: str) -> None:
        assert match(at(path, ""))
        assert match(at(path, ""), Dataset())

    @pytest.mark.parametrize(("path", "value", "_"), REQUIRED_KEYS)
    def test_are_supported(self, path: str, value: str, _: str) -> None:
        assert not asked(at(path, value)).has_unsupported_keys


class TestOptionalKeys:
    @pytest.mark.parametrize(("path", "value", "other"), OPTIONAL_KEYS)
    def test_match_as_well(self, path: str, value: Any, other: Any) -> None:
        assert match(at(path, value))
        assert not match(at(path, other))
        assert not asked(at(path, value)).has_unsupported_keys

    @pytest.mark.parametrize(
        "row",
        [row for row in walk() if row[-1].match == "O" and row[-1].vr in ("LO", "SH", "UI", "UT")],
        ids=lambda row: " ".join(each.keyword for each in row),
    )
    def test_of_the_table_are_all_compared(self, row: tuple[Any, ...]) -> None:
        path = " ".join(each.keyword for each in row)
        assert match(at(path, "1.2.3"), at(path, "1.2.3"))
        assert not match(at(path, "1.2.3"), at(path, "1.2.4"))


class TestSingleValueKeys:
    def test_are_those_of_the_standard(self) -> None:
        keywords = {row[-1].keyword for row in walk() if row[-1].tag in SINGLE_VALUES}
        assert len(keywords) == len(SINGLE_VALUES) == 8

    @pytest.mark.parametrize(("path", "value"), SINGLE)
    def test_know_no_wild_cards(self, path: str, value: str) -> None:
        for pattern in ("*", value[:-1] + "*", value[:-1] + "?", "*" + value[1:]):
            assert not match(at(path, pattern))

    def test_take_a_wild_card_for_what_it_is(self) -> None:
        dataset = of(ScheduledWorkitemCodeSequence=[code("*")])
        assert match(of(ScheduledWorkitemCodeSequence=[code("*")]), dataset)

    @pytest.mark.parametrize(("path", "value"), WILD)
    def test_are_the_only_ones_to_do_so(self, path: str, value: str) -> None:
        for pattern in ("*", value[:-1] + "*", value[:-1] + "?", "*" + value[1:]):
            assert match(at(path, pattern)), pattern
        assert not match(at(path, "Z*"))


class TestSeveralValues:
    def test_are_a_list_of_uids(self) -> None:
        assert match(of(SOPInstanceUID=["1.2.3.3", "1.2.3.4"]))
        assert not match(of(SOPInstanceUID=["1.2.3.3", "1.2.3.5"]))

    def test_are_alternatives_for_other_keys_too(self) -> None:
        assert match(of(ProcedureStepState=["IN PROGRESS", "SCHEDULED"]))
        assert match(of(ProcedureStepLabel=["Plan*", "Treat*"]))
        assert match(of(ScheduledProcedureStepStartDateTime=["20260704", "20260705-"]))
        assert not match(of(ProcedureStepState=["IN PROGRESS", "COMPLETED"]))


class TestSequence:
    def test_keys_have_to_match_in_the_same_item(self) -> None:
        assert match(of(ScheduledStationNameCodeSequence=[code("Station1", "99ONE")]))
        assert not match(of(ScheduledStationNameCodeSequence=[code("Station1", "99URN")]))
        one = of(AccessionNumber="ACC1", RequestedProcedureID="RP2")
        assert not match(of(ReferencedRequestSequence=[one]))

    @pytest.mark.parametrize("items", [[], [Dataset()], [of(CodeValue="")]])
    def test_is_universal_without_values(self, items: list[Dataset]) -> None:
        for dataset in (WORKITEM, Dataset(), of(ScheduledStationNameCodeSequence=[])):
            assert match(of(ScheduledStationNameCodeSequence=items), dataset)

    @pytest.mark.parametrize("value", ["Anything", "*", ""])
    def test_heeds_no_code_meaning(self, value: str) -> None:
        keys = of(CodeValue="Station1", CodeMeaning=value, CodingSchemeVersion="7")
        identifier = asked(of(ScheduledStationNameCodeSequence=[keys]))
        assert matches(identifier, WORKITEM, UTC)
        assert not identifier.has_unsupported_keys

    @pytest.mark.parametrize(
        "sequence", ["ScheduledStationNameCodeSequence", "ReferencedRequestSequence"]
    )
    def test_with_two_items_is_refused(self, sequence: str) -> None:
        finding = refused(of(**{sequence: [Dataset(), Dataset()]}))
        assert finding.status == 0xA900
        assert finding.text == f"{sequence} has two items"

    def test_with_two_items_is_refused_within_another(self) -> None:
        inner = of(HumanPerformerCodeSequence=[code("A"), code("B")])
        finding = refused(of(ScheduledHumanPerformersSequence=[inner]))
        assert finding.status == 0xA900
        assert finding.tag == 0x00404009


class TestDateTime:
    START = "ScheduledProcedureStepStartDateTime"

    @pytest.mark.parametrize(
        ("key", "expected"),
        [
            ("20260705120000+0200", True),
            ("20260705100000+0000", True),
            ("20260705060000-0400", True),
            ("20260705120000+0000", False),
            ("20260705090000+0000-20260705110000+0000", True),
            ("20260705050000-0400-20260705070000-0400", True),
            ("20260705110000+0200-20260705115959+0200", False),
            ("20260705120000+0200-", True),
            ("20260705120001+0200-", False),
            ("-20260705120000+0200", True),
            ("-20260705115959+0200", False),
            ("-20260705113000+0200", False),
            ("202607", True),
            ("2026", True),
            ("2027-", False),
        ],
    )
    def test_is_compared_as_an_instant(self, key: str, expected: bool) -> None:
        assert match(at(self.START, key)) is expected

    def test_of_the_day_is_a_period(self) -> None:
        dataset = changed(ScheduledProcedureStepStartDateTime="20260705")
        assert match(at(self.START, "20260705150000+0200"), dataset)
        assert not match(at(self.START, "20260706150000+0200"), dataset)

    @pytest.mark.parametrize(
        ("key_zone", "zone", "expected"),
        [("+0200", "+0200", True), ("+0000", "+0200", False), ("+0000", "+0000", True)],
    )
    def test_takes_its_zone_from_the_data_set(
        self, key_zone: str, zone: str, expected: bool
    ) -> None:
        dataset = of(
            ScheduledProcedureStepStartDateTime="20260705120000", TimezoneOffsetFromUTC=zone
        )
        keys = of(
            ScheduledProcedureStepStartDateTime="20260705120000", TimezoneOffsetFromUTC=key_zone
        )
        assert match(keys, dataset, NEW_YORK) is expected

    @pytest.mark.parametrize(
        ("day", "offset"), [("20260705", "+0200"), ("20260105", "+0100"), ("20261025", "+0100")]
    )
    def test_is_local_otherwise_with_summer_time(self, day: str, offset: str) -> None:
        dataset = of(ScheduledProcedureStepStartDateTime=f"{day}120000")
        assert match(at(self.START, f"{day}120000{offset}"), dataset, BERLIN)
        assert not match(at(self.START, f"{day}120000+0300"), dataset, BERLIN)
        assert match(at(self.START, f"{day}120000"), dataset, BERLIN)

    def test_of_the_identifier_is_local_too(self) -> None:
        dataset = of(ScheduledProcedureStepStartDateTime="20260705120000+0200")
        assert match(at(self.START, "20260705120000"), dataset, BERLIN)
        assert not match(at(self.START, "20260705120000"), dataset, NEW_YORK)
        assert match(at(self.START, "20260705060000"), dataset, NEW_YORK)

    @pytest.mark.parametrize("value", ["noon", "20260230", "2026-07-05"])
    def test_of_a_workitem_that_is_none_matches_nothing(self, value: str) -> None:
        dataset = of(ScheduledProcedureStepStartDateTime=value)
        assert not match(at(self.START, "-2100"), dataset)

    @pytest.mark.parametrize(
        ("keyword", "value"),
        [
            ("ScheduledProcedureStepStartDateTime", "noon"),
            ("ScheduledProcedureStepStartDateTime", "20260230"),
            ("ScheduledProcedureStepStartDateTime", "*"),
            ("ScheduledProcedureStepStartDateTime", "-"),
            ("ScheduledProcedureStepStartDateTime", ["2026", "soon"]),
            ("ExpectedCompletionDateTime", "2026070"),
            ("PatientBirthDate", "1970"),
            ("PatientBirthDate", "*"),
        ],
    )
    def test_of_an_identifier_that_is_none_is_refused(self, keyword: str, value: Any) -> None:
        finding = refused(at(keyword, value))
        assert finding.status == UpsStatus.IDENTIFIER_DOES_NOT_MATCH == 0xA900
        assert finding.text == f"{keyword} is malformed"

    def test_of_birth_may_be_a_range(self) -> None:
        assert match(of(PatientBirthDate="19700101-19701231"))
        assert match(of(PatientBirthDate="-19700215"))
        assert not match(of(PatientBirthDate="19700216-"))


class TestPatientName:
    @pytest.mark.parametrize(
        "key", ["doe^jane", "DOE*", "Doe^J?ne", "\u6771*", "=\u6771*", "Doe*=\u6771^\u4eac"]
    )
    def test_matches_without_regard_to_case_and_in_any_group(self, key: str) -> None:
        assert match(of(PatientName=key))

    @pytest.mark.parametrize("key", ["Doe", "Jane", "=Doe*", "Doe*=\u5317*"])
    def test_does_not_match(self, key: str) -> None:
        assert not match(of(PatientName=key))

    @pytest.mark.parametrize(
        ("character_set", "name"),
        [
            (b"ISO_IR 100", "M\u00fcller^J\u00f6rg".encode("latin-1")),
            (b"ISO_IR 192", "M\u00fcller^J\u00f6rg".encode()),
            (b"GB18030 ", "M\u00fcller^J\u00f6rg".encode("gb18030")),
        ],
    )
    def test_is_compared_as_text_whatever_its_character_set(
        self, character_set: bytes, name: bytes
    ) -> None:
        name += b" " * (len(name) % 2)
        identifier = decode_data_set(
            b"\x08\x00\x05\x00CS"
            + len(character_set).to_bytes(2, "little")
            + character_set
            + b"\x10\x00\x10\x00PN"
            + len(name).to_bytes(2, "little")
            + name,
            ExplicitVRLittleEndian,
            Limits(),
        )
        assert match(identifier, of(PatientName="M\u00fcller^J\u00f6rg"))
        assert not match(identifier, of(PatientName="Muller^Jorg"))


class TestIdentifier:
    def test_without_attributes_matches_nothing(self) -> None:
        identifier = asked(Dataset())
        assert not identifier.has_keys
        assert not matches(identifier, WORKITEM, UTC)

    @pytest.mark.parametrize(
        "keys",
        [
            of(SpecificCharacterSet="ISO_IR 192"),
            of(TimezoneOffsetFromUTC="+0100"),
            of(TransactionUID="1.2.3"),
            of(StudyDate="20260101"),
            of(QueryRetrieveLevel="STUDY"),
            of(ScheduledProcessingParametersSequence=[]),
        ],
    )
    def test_without_keys_matches_nothing(self, keys: Dataset) -> None:
        assert not match(keys)

    def test_of_universal_keys_matches_everything(self) -> None:
        keys = of(PatientID="", ScheduledWorkitemCodeSequence=[], PatientName="*")
        assert match(keys)
        assert match(keys, Dataset())

    @pytest.mark.parametrize(
        "keys",
        [
            of(StudyDate="20260101"),
            of(StudyDate=""),
            of(TransactionUID="1.2.3"),
            of(TransactionUID=""),
            of(QueryRetrieveLevel="STUDY"),
            at("ProcedureStepProgressInformationSequence ProcedureStepProgress", "50"),
            at("ScheduledProcessingParametersSequence ValueType", "TEXT"),
            at("ScheduledWorkitemCodeSequence PatientID", "1"),
        ],
    )
    def test_with_what_is_no_key_ignores_and_tells_it(self, keys: Dataset) -> None:
        keys.update(of(PatientID="4711"))
        identifier = asked(keys)
        assert identifier.has_unsupported_keys
        assert matches(identifier, WORKITEM, UTC)
        keys.update(of(PatientID="4712"))
        assert not match(keys)

    def test_with_private_attributes_ignores_and_tells_it(self) -> None:
        keys = of(PatientID="4711")
        keys.add_new(0x00090010, "LO", "SOMEBODY")
        keys.add_new(0x00091001, "LO", "x")
        identifier = asked(keys)
        assert identifier.has_unsupported_keys
        assert response(identifier, of(PatientID="4711"), UTC) == of(PatientID="4711")

    def test_may_ask_for_what_is_no_key(self) -> None:
        keys = of(PatientID="", ProcedureStepProgressInformationSequence=[])
        assert not asked(keys).has_unsupported_keys

    def test_is_not_changed(self) -> None:
        keys = of(PatientID=" 4711 ", StudyDate="20260101", TransactionUID="1.2.3")
        before = copy.deepcopy(keys)
        asked(keys)
        assert keys == before

    def test_may_write_texts_with_another_vr(self) -> None:
        keys = Dataset()
        keys.add_new(0x00741204, "SH", "Treat*")
        assert match(keys)

    def test_may_have_spaces_around_its_values(self) -> None:
        assert match(of(PatientID=" 4711 ", ProcedureStepState="SCHEDULED "))


class TestRefusal:
    @pytest.mark.parametrize(
        ("element", "text"),
        [
            (DataElement(0x00404018, "LO", "A"), "ScheduledWorkitemCodeSequence is a sequence"),
            (DataElement(0x00100020, "SQ", [Dataset()]), "PatientID is no LO"),
            (DataElement(0x00100020, "OB", b"12"), "PatientID is no LO"),
            (DataElement(0x001021C0, "LO", "1"), "PregnancyStatus is no US"),
        ],
    )
    def test_is_of_another_kind_of_value(self, element: DataElement, text: str) -> None:
        keys = Dataset()
        keys.add(element)
        assert refused(keys) == Finding(UpsStatus(0xA900), element.tag, text)

    @pytest.mark.parametrize("vr", ["LO", "OB", "UN"])
    def test_is_not_of_an_empty_value_of_another_kind(self, vr: str) -> None:
        keys = Dataset()
        keys.add(DataElement(0x00404018, vr, None))
        assert match(keys)

    def test_is_of_what_cannot_be_read(self) -> None:
        data = b"\x10\x00\xc0\x21US\x03\x00abc"
        finding = refused(decode_data_set(data, ExplicitVRLittleEndian, Limits()))
        assert finding.status == 0xA900
        assert finding.tag == 0x001021C0

    def test_is_of_too_many_values(self) -> None:
        # The attribute itself counts as well.
        uids = [f"1.2.{number}" for number in range(MAXIMUM_KEYS - 1)]
        assert match(of(SOPInstanceUID=[*uids[1:], "1.2.3.4"]))
        finding = refused(of(SOPInstanceUID=[*uids, "1.2.3.4"]))
        assert finding.status == UpsStatus.OUT_OF_RESOURCES == 0xA700
        assert finding.text == "SOPInstanceUID is one too many"

    def test_is_of_too_many_attributes(self) -> None:
        keys = Dataset()
        for number in range(MAXIMUM_KEYS + 1):
            keys.add_new(0x00090000 + 0x1000 + number, "LO", "")
        assert refused(keys).status == 0xA700

    def test_is_of_a_value_that_is_too_long(self) -> None:
        longest = "x" * MAXIMUM_LENGTH
        assert match(of(ProcedureStepLabel=longest), of(ProcedureStepLabel=longest))
        assert refused(of(ProcedureStepLabel=longest + "x")).status == 0xA700

    def test_names_the_attribute_in_an_error_comment(self) -> None:
        for path in walk():
            row = path[-1]
            keys = Dataset()
            if row.vr == "SQ":
                keys.add(DataElement(row.tag, "SQ", [Dataset(), Dataset()]))
            else:
                keys.add(DataElement(row.tag, "OB", b"12"))
            found = check_identifier(keys)
            if isinstance(found, Finding):
                assert found.text.startswith(row.keyword)
                assert len(found.text) <= 64

    def test_goes_no_deeper_than_the_table(self) -> None:
        keys = of(PatientID="4711")
        for _ in range(60):
            keys = of(PatientID="4711", ReferencedStudySequence=[keys])
        identifier = asked(keys)
        assert identifier.keys.ReferencedStudySequence == []
        assert matches(identifier, WORKITEM, UTC)

    def test_is_of_what_nests_without_end(self) -> None:
        keys = of(PatientID="4711")
        for _ in range(5_000):
            keys = of(PatientID="4711", ScheduledHumanPerformersSequence=[keys])
        assert refused(keys).status == 0xA900


class TestResponse:
    def found(self, keys: Dataset, dataset: Dataset = WORKITEM) -> Dataset:
        return response(asked(keys), dataset, UTC)

    def plain(self, **elements: Any) -> Dataset:
        """What a response has besides: this workitem says what its time zone is."""
        return of(**elements, TimezoneOffsetFromUTC="+0200")

    def test_has_what_was_asked_for_and_nothing_else(self) -> None:
        assert self.found(of(PatientID="", ProcedureStepLabel="Treat*")) == self.plain(
            PatientID="4711", ProcedureStepLabel="Treatment"
        )

    def test_is_empty_where_nothing_is_known(self) -> None:
        keys = of(PatientID="", StudyDate="20260101", InputInformationSequence=[])
        for dataset in (Dataset(), of(PatientID="")):
            found = self.found(keys, dataset)
            assert [element.keyword for element in found] == [
                "StudyDate",
                "PatientID",
                "InputInformationSequence",
            ]
            assert all(element.is_empty for element in found)

    def test_has_of_a_sequence_the_items_that_match(self) -> None:
        keys = of(AccessionNumber="ACC2", RequestedProcedureID="")
        found = self.found(of(ReferencedRequestSequence=[keys]))
        expected = of(AccessionNumber="ACC2", RequestedProcedureID="RP2")
        assert found.ReferencedRequestSequence == [expected]

    def test_has_a_whole_sequence(self) -> None:
        found = self.found(of(ScheduledStationNameCodeSequence=[]))
        assert found.ScheduledStationNameCodeSequence == WORKITEM.ScheduledStationNameCodeSequence

    def test_returns_a_code_meaning_that_was_asked_for(self) -> None:
        keys = of(CodeValue="Station1", CodeMeaning="Another meaning")
        found = self.found(of(ScheduledStationNameCodeSequence=[keys]))
        (item,) = found.ScheduledStationNameCodeSequence
        assert item == of(CodeValue="Station1", CodeMeaning="A meaning")

    def test_returns_what_is_no_key(self) -> None:
        keys = at("ProcedureStepProgressInformationSequence ProcedureStepProgress", "")
        keys.update(of(PatientID=""))
        (item,) = self.found(keys).ProcedureStepProgressInformationSequence
        assert item.ProcedureStepProgress == 50

    @pytest.mark.parametrize("value", ["", "1.2.3"])
    def test_never_has_a_transaction_uid(self, value: str) -> None:
        dataset = changed(TransactionUID="1.2.3")
        assert "TransactionUID" not in self.found(of(PatientID="", TransactionUID=value), dataset)

    def test_has_no_level(self) -> None:
        found = self.found(of(PatientID="", QueryRetrieveLevel="STUDY", QueryRetrieveView=""))
        assert found == self.plain(PatientID="4711")

    def test_has_a_character_set_only_where_texts_need_it(self) -> None:
        assert "SpecificCharacterSet" not in self.found(of(PatientID=""))
        assert self.found(of(PatientName="")).SpecificCharacterSet == "ISO_IR 192"

    @pytest.mark.parametrize("character_set", ["ISO_IR 100", "ISO_IR 192", "GB18030"])
    def test_has_the_character_set_of_the_workitem(self, character_set: str) -> None:
        dataset = changed(PatientName="M\u00fcller", SpecificCharacterSet=character_set)
        keys = of(PatientName="", SpecificCharacterSet="ISO_IR 144")
        found = self.found(keys, dataset)
        assert found.SpecificCharacterSet == character_set
        encoded = encode_data_set(found, ExplicitVRLittleEndian)
        decoded = decode_data_set(encoded, ExplicitVRLittleEndian, Limits())
        assert decoded.PatientName == "M\u00fcller"

    def test_has_a_time_zone_only_with_a_value(self) -> None:
        keys = of(PatientID="", TimezoneOffsetFromUTC="+0500")
        assert self.found(keys).TimezoneOffsetFromUTC == "+0200"
        for dataset in (changed(TimezoneOffsetFromUTC=None), changed(TimezoneOffsetFromUTC="")):
            assert "TimezoneOffsetFromUTC" not in self.found(keys, dataset)

    def test_can_be_sent_whatever_was_asked_for(self) -> None:
        keys = Dataset()
        for row in ATTRIBUTES:
            keys.add(DataElement(row.tag, row.vr, [] if row.vr == "SQ" else None))
        keys.update(of(PixelData=None, SmallestImagePixelValue=None, Rows=None))
        for dataset in (WORKITEM, Dataset()):
            encode_data_set(self.found(keys, dataset), ExplicitVRLittleEndian)

    def test_leaves_the_workitem_alone(self) -> None:
        before = copy.deepcopy(WORKITEM)
        self.found(of(PatientName="", ReferencedRequestSequence=[]))
        assert before == WORKITEM


SEEDS = [
    encode_data_set(each, ExplicitVRLittleEndian)
    for each in (
        WORKITEM,
        of(
            PatientName="*",
            ScheduledProcedureStepStartDateTime="20260101-",
            ScheduledStationNameCodeSequence=[code("A")],
        ),
        of(ReferencedRequestSequence=[of(AccessionNumber="ACC*")], PregnancyStatus=1),
    )
]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """An encoded data set in which some bytes are others."""
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(0, 6))):
        at_ = draw(st.integers(0, len(data) - 1))
        data[at_] = draw(st.one_of(st.sampled_from(b"*?\\-^=\0\x1b \xffZ0"), st.integers(0, 255)))
    return bytes(data)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(damaged(), damaged())
def test_whatever_comes_is_answered(keys: bytes, stored: bytes) -> None:
    """Nothing is raised but by the decoder, before an identifier gets here."""
    try:
        identifier = decode_data_set(keys, ExplicitVRLittleEndian, Limits())
        dataset = decode_data_set(stored, ExplicitVRLittleEndian, Limits())
    except DataSetError:
        return
    found = check_identifier(identifier)
    if isinstance(found, Identifier):
        search_keys(found, BERLIN)
        matches(found, dataset, BERLIN)
        response(found, WORKITEM, BERLIN)
    else:
        assert found.status in (0xA700, 0xA900)
        assert found.text.isascii()
        assert len(found.text) <= 64
