"""Attribute matching, cell by cell (PS3.4 section C.2.2.2)."""

from __future__ import annotations

from typing import Any

import pytest
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from leaddicom import DataSetError, LDicomDS, Limits
from leaddicom.decoding import decode_data_set
from leaddicom.scp import matches, requested
from leaddicom.scp.matching import Comparison

UNKNOWN = object()


def one(vr: str, value: Any, tag: int = 0x00091010) -> Dataset:
    """A data set of one element, of any VR; private, so that pydicom has no other opinion."""
    dataset = Dataset()
    if value is not UNKNOWN:
        dataset.add(DataElement(tag, vr, value, validation_mode=0))
    return dataset


def of(**elements: Any) -> Dataset:
    dataset = Dataset()
    for keyword, value in elements.items():
        dataset.add(_element(keyword, value))
    return dataset


def _element(keyword: str, value: Any) -> DataElement:
    tag = tag_for_keyword(keyword)
    assert tag is not None
    return DataElement(tag, dictionary_VR(tag), value, validation_mode=0)


def decoded(data: bytes) -> Dataset:
    return decode_data_set(data, "1.2.840.10008.1.2.1", Limits())


def match(vr: str, key: Any, value: Any) -> bool:
    return matches(one(vr, key), one(vr, value))


ALL_TEXTS = ["AE", "AS", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UI", "UR", "UT"]
WILDCARDS = ["AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"]


class TestSingleValue:
    """Section C.2.2.2.1."""

    @pytest.mark.parametrize("vr", ALL_TEXTS)
    def test_of_a_text(self, vr: str) -> None:
        assert match(vr, "1.23", "1.23")
        assert not match(vr, "1.23", "1.24")
        assert not match(vr, "1.23", "1.2")
        assert not match(vr, "1.2", "1.23")

    @pytest.mark.parametrize("vr", sorted({*ALL_TEXTS} - {"PN"}))
    def test_is_case_sensitive(self, vr: str) -> None:
        assert not match(vr, "Abc", "abc")

    @pytest.mark.parametrize("vr", ALL_TEXTS)
    def test_ignores_trailing_spaces(self, vr: str) -> None:
        assert match(vr, "AB ", "AB")
        assert match(vr, "AB", "AB  ")

    @pytest.mark.parametrize("vr", ["AE", "CS", "LO", "SH"])
    def test_ignores_leading_spaces(self, vr: str) -> None:
        assert match(vr, " AB", "AB")

    @pytest.mark.parametrize("vr", ["LT", "ST", "UC", "UT"])
    def test_heeds_leading_spaces_where_they_mean_something(self, vr: str) -> None:
        assert not match(vr, " AB", "AB")

    @pytest.mark.parametrize(("key", "value"), [("5", "5"), ("5", "+5"), ("05", "5")])
    def test_of_numbers_in_text_compares_numbers(self, key: str, value: str) -> None:
        assert match("IS", key, value)
        assert match("DS", key + ".0", value)
        assert not match("IS", key, "55")

    @pytest.mark.parametrize("vr", ["US", "SS", "UL", "SL", "UV", "SV", "FL", "FD"])
    def test_of_binary_numbers(self, vr: str) -> None:
        assert match(vr, 5, 5)
        assert match(vr, 0, 0)
        assert not match(vr, 5, 6)

    def test_of_what_should_be_a_number(self) -> None:
        text, other = (decoded(b"\x18\x00\x50\x00DS\x04\x00" + text) for text in (b"abc ", b"abd "))
        assert matches(text, text)
        assert not matches(text, other)

    @pytest.mark.parametrize("vr", ["OB", "UN"])
    def test_of_bytes(self, vr: str) -> None:
        assert match(vr, b"ab", b"ab")
        assert not match(vr, b"ab", b"ac")

    def test_of_a_tag(self) -> None:
        assert match("AT", 0x00100010, 0x00100010)
        assert not match("AT", 0x00100010, 0x00100020)

    def test_of_a_value_with_several_values(self) -> None:
        assert match("CS", "CT", ["MR", "CT"])
        assert not match("CS", "PT", ["MR", "CT"])
        assert match("US", 2, [1, 2])

    def test_of_a_key_with_several_values(self) -> None:
        assert match("CS", ["CT", "PT"], "PT")
        assert not match("CS", ["CT", "PT"], "MR")

    def test_of_all_keys(self) -> None:
        entity = of(PatientID="1", Modality="CT")
        assert matches(of(PatientID="1", Modality="CT"), entity)
        assert not matches(of(PatientID="1", Modality="MR"), entity)
        assert not matches(of(PatientID="2", Modality="CT"), entity)

    def test_with_another_vr_than_the_entity(self) -> None:
        assert matches(one("UN", b""), one("LO", "A"))
        assert not matches(one("UN", b"A"), one("LO", "A"))
        assert not matches(one("LO", "A"), one("SQ", [of(PatientID="A")]))


class TestUniversal:
    """Sections C.2.2.2.3 and C.2.2.1.2."""

    @pytest.mark.parametrize("vr", ["LO", "PN", "UI", "DA", "TM", "DT", "IS", "US", "OB", "UN"])
    @pytest.mark.parametrize("key", [None, ""])
    def test_matches_known_and_unknown_values(self, vr: str, key: str | None) -> None:
        if vr in ("OB", "UN"):
            key = None
        value = {"US": 1, "OB": b"1", "UN": b"1"}.get(vr, "1")
        for known in (value, None, UNKNOWN):
            assert match(vr, key, known)

    def test_is_a_key_of_spaces(self) -> None:
        assert match("LO", "  ", UNKNOWN)

    def test_is_no_identifier_at_all(self) -> None:
        assert matches(Dataset(), Dataset())

    @pytest.mark.parametrize("value", [None, "", UNKNOWN])
    @pytest.mark.parametrize("vr", ["LO", "PN", "UI", "DA", "IS"])
    def test_others_do_not_match_unknown_values(self, vr: str, value: Any) -> None:
        assert not match(vr, "1", value)


class TestWildCard:
    """Section C.2.2.2.4."""

    @pytest.mark.parametrize("vr", WILDCARDS)
    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("*", "ABC"),
            ("A*", "ABC"),
            ("*C", "ABC"),
            ("*B*", "ABC"),
            ("ABC*", "ABC"),
            ("A?C", "ABC"),
            ("???", "ABC"),
            ("*?", "ABC"),
            ("A**C", "ABC"),
            ("A*B*C", "AXBXBC"),
            ("[A]*", "[A]B"),
        ],
    )
    def test_matches(self, vr: str, key: str, value: str) -> None:
        assert match(vr, key, value)

    @pytest.mark.parametrize("vr", WILDCARDS)
    @pytest.mark.parametrize(
        ("key", "value"),
        [("B*", "ABC"), ("*B", "ABC"), ("A?", "ABC"), ("????", "ABC"), ("A*D", "ABC")],
    )
    def test_does_not_match(self, vr: str, key: str, value: str) -> None:
        assert not match(vr, key, value)

    @pytest.mark.parametrize("vr", WILDCARDS)
    def test_of_a_star_alone_is_universal(self, vr: str) -> None:
        assert match(vr, "*", UNKNOWN)
        assert match(vr, "*", "")
        assert not match(vr, "?*", UNKNOWN)

    @pytest.mark.parametrize("vr", sorted({*WILDCARDS} - {"PN"}))
    def test_is_case_sensitive(self, vr: str) -> None:
        assert not match(vr, "a*", "ABC")

    @pytest.mark.parametrize("vr", ["UI", "AS", "DA", "TM", "DT"])
    def test_is_nothing_special_in_other_vrs(self, vr: str) -> None:
        assert not match(vr, "1*", "1")
        assert not match(vr, "*", UNKNOWN)

    def test_crosses_lines(self) -> None:
        assert match("LT", "a*b", "a\r\nb")

    def test_of_a_hostile_pattern_ends(self) -> None:
        """A regular expression made of it would take longer than the universe exists."""
        assert not match("UT", "*a" * 200 + "b", "a" * 2_000)


class TestListOfUids:
    """Section C.2.2.2.2."""

    def test_matches_each_of_them(self) -> None:
        assert match("UI", ["1.2.3", "1.2.4"], "1.2.4")
        assert not match("UI", ["1.2.3", "1.2.4"], "1.2.5")

    def test_as_it_comes_over_the_wire(self) -> None:
        identifier = decoded(b"\x20\x00\x0d\x00UI\x0c\x001.2.3\\1.2.4\x00")
        assert matches(identifier, of(StudyInstanceUID="1.2.4"))


class TestRange:
    """Section C.2.2.2.5."""

    @pytest.mark.parametrize("day", ["20260705", "20260706", "20260707"])
    @pytest.mark.parametrize("key", ["20260705-20260707", "20260705-", "-20260707"])
    def test_of_dates_is_inclusive(self, key: str, day: str) -> None:
        assert match("DA", key, day)

    @pytest.mark.parametrize(
        ("key", "day"),
        [
            ("20260705-20260707", "20260704"),
            ("20260705-20260707", "20260708"),
            ("20260705-", "20260704"),
            ("-20260707", "20260708"),
            ("20260707-20260705", "20260706"),
            ("20260706", "20260705"),
        ],
    )
    def test_of_dates_ends(self, key: str, day: str) -> None:
        assert not match("DA", key, day)

    def test_of_dates_with_spaces_and_points(self) -> None:
        assert match("DA", "20260705 - 20260707 ", "2026.07.06")

    @pytest.mark.parametrize(
        ("key", "time", "expected"),
        [
            ("100000-180000", "100000", True),
            ("100000-180000", "180000", True),
            ("100000-180000", "180000.000001", True),
            ("100000-180000", "180001", False),
            ("100000-180000", "095959.999999", False),
            ("10-18", "185959", True),
            ("10-18", "190000", False),
            ("10-", "1000", True),
            ("-10", "1059", True),
            ("-10", "11", False),
            ("10:30", "103059", True),
            ("10:30-10:31", "103159.9", True),
            ("1030", "1031", False),
            ("103000", "1030", True),
            ("103001", "1030", False),
        ],
    )
    def test_of_times(self, key: str, time: str, expected: bool) -> None:
        assert match("TM", key, time) is expected

    @pytest.mark.parametrize(
        ("key", "moment", "expected"),
        [
            ("20260705100000-20260705180000", "20260705120000", True),
            ("20260705100000-20260705180000", "20260705180000.5", True),
            ("20260705100000-20260705180000", "20260705180001", False),
            ("20260705-20260707", "20260707235959", True),
            ("20260705-20260707", "20260708", False),
            ("-202606", "20260630235959", True),
            ("-202606", "20260701", False),
            ("2026-", "20260101", True),
            ("2026-", "20251231", False),
            ("2026", "20260705", True),
            ("2026", "2025", False),
            ("2025-2026", "20260705", True),
            ("20260705120000", "20260705", False),
        ],
    )
    def test_of_date_times(self, key: str, moment: str, expected: bool) -> None:
        assert match("DT", key, moment) is expected

    @pytest.mark.parametrize(
        ("key", "moment", "expected"),
        [
            ("20260705120000+0200", "20260705120000+0200", True),
            ("20260705120000+0200", "20260705100000+0000", True),
            ("20260705120000+0200", "20260705120000+0000", False),
            ("20260705-0500", "20260705233000-0500", True),
            ("20260705-0500", "20260706030000+0000", True),
            ("20260705-0500", "20260706060000+0000", False),
            ("20260705-0500-20260706-0500", "20260707040000+0000", True),
            ("20260705-0500-20260706-0500", "20260707060000+0000", False),
            ("-20260705120000+0100", "20260705110000+0000", True),
            ("20260705120000+0100-", "20260705105959+0000", False),
            ("2026-0500", "2026", True),  # a time zone, not a range that ends in the year 500
            ("2025-2026", "2026", True),  # no time zone: there is none beyond +1400
            ("20260705120000+0200", "20260705120000", True),  # nobody knows where
        ],
    )
    def test_of_date_times_heeds_time_zones(self, key: str, moment: str, expected: bool) -> None:
        assert match("DT", key, moment) is expected

    @pytest.mark.parametrize(("key_zone", "zone"), [("+0200", "+0000"), ("+0530", "+0330")])
    def test_takes_a_time_zone_from_the_data_set(self, key_zone: str, zone: str) -> None:
        key, entity = one("DT", "20260705120000"), one("DT", "20260705100000")
        assert not matches(key, entity)
        key.TimezoneOffsetFromUTC, entity.TimezoneOffsetFromUTC = key_zone, zone
        assert matches(key, entity)

    @pytest.mark.parametrize("zone", ["", "CET", "+1"])
    def test_ignores_a_time_zone_that_is_none(self, zone: str) -> None:
        key, entity = one("DT", "20260705120000+0200"), one("DT", "20260705120000")
        entity.TimezoneOffsetFromUTC = zone
        assert matches(key, entity)

    def test_of_a_day_that_does_not_exist(self) -> None:
        assert match("DT", "20260230+0100", "20260230+0200")
        assert match("DT", "00010101-1200", "00010101+1400")  # which begins before there are years

    @pytest.mark.parametrize("vr", ["DA", "TM", "DT"])
    @pytest.mark.parametrize("key", ["-", "--", "A-B", "1-", "20260705-A", "-" * 65, "9" * 70])
    def test_that_is_malformed_matches_nothing_else(self, vr: str, key: str) -> None:
        assert not match(vr, key, "12")
        assert match(vr, key, key)

    @pytest.mark.parametrize("vr", ["DA", "TM", "DT"])
    def test_does_not_match_a_malformed_value(self, vr: str) -> None:
        assert not match(vr, "10-12", "noon")


class TestStartOfAScheduledProcedureStep:
    """PS3.4 Table K.6-1: two ranges are one period, from the first moment to the last."""

    @pytest.mark.parametrize(
        ("day", "time", "expected"),
        [
            ("20260705", "0959", False),
            ("20260705", "1000", True),
            ("20260705", "2300", True),
            ("20260706", "0300", True),
            ("20260707", "1800", True),
            ("20260707", "1900", False),
            ("20260708", "1200", False),
            ("20260706", None, False),
            (None, "1200", False),
        ],
    )
    def test_of_two_ranges(self, day: str | None, time: str | None, expected: bool) -> None:
        keys = of(
            ScheduledProcedureStepStartDate="20260705-20260707",
            ScheduledProcedureStepStartTime="10-18",
        )
        entity = of(ScheduledProcedureStepStartDate=day, ScheduledProcedureStepStartTime=time)
        assert matches(keys, entity) is expected
        nested = of(ScheduledProcedureStepSequence=[keys])
        assert matches(nested, of(ScheduledProcedureStepSequence=[entity])) is expected

    @pytest.mark.parametrize(
        ("dates", "times", "day", "time", "expected"),
        [
            ("20260705-", "10-18", "20260706", "2300", True),
            ("20260705-", "10-18", "20260705", "0900", False),
            ("-20260707", "10-18", "20200101", "0000", True),
            ("-20260707", "10-18", "20260707", "1901", False),
            ("20260705-20260707", "10-", "20260707", "2359", True),
            ("20260705-20260707", "-18", "20260705", "0000", True),
        ],
    )
    def test_of_open_ranges(
        self, dates: str, times: str, day: str, time: str, expected: bool
    ) -> None:
        keys = of(ScheduledProcedureStepStartDate=dates, ScheduledProcedureStepStartTime=times)
        entity = of(ScheduledProcedureStepStartDate=day, ScheduledProcedureStepStartTime=time)
        assert matches(keys, entity) is expected

    def test_of_one_day_leaves_the_times_alone(self) -> None:
        keys = of(
            ScheduledProcedureStepStartDate="20260705", ScheduledProcedureStepStartTime="10-18"
        )
        for time, expected in (("0900", False), ("1200", True), ("1900", False)):
            entity = of(
                ScheduledProcedureStepStartDate="20260705", ScheduledProcedureStepStartTime=time
            )
            assert matches(keys, entity) is expected

    def test_of_malformed_ranges(self) -> None:
        keys = of(ScheduledProcedureStepStartDate="A-B", ScheduledProcedureStepStartTime="10-18")
        entity = of(ScheduledProcedureStepStartDate="A", ScheduledProcedureStepStartTime="12")
        assert not matches(keys, entity)

    def test_of_other_dates_and_times_are_two_ranges(self) -> None:
        keys = of(StudyDate="20260705-20260707", StudyTime="10-18")
        assert not matches(keys, of(StudyDate="20260706", StudyTime="0300"))
        assert matches(keys, of(StudyDate="20260706", StudyTime="1200"))


class TestPersonName:
    """Left to the implementation by section C.2.2.2.4; what ours does."""

    @pytest.mark.parametrize(
        "key",
        [
            "Yamada^Tarou",
            "YAMADA^TAROU",
            "yamada*",
            "Yamada^T*",
            "Yamada^Tarou^*",
            "Yamada^Tarou^^",
            "Yamada ^ Tarou",
            "山田^太郎",
            "山田*",
            "やまだ*",
            "*^Tarou",
            "Yamada^Tarou=山田^太郎=やまだ^たろう",
            "Yamada*=山田*",
            "=山田*",
            "==やまだ*",
            "Yamada^Tarou==",
        ],
    )
    def test_matches(self, key: str) -> None:
        assert match("PN", key, "Yamada^Tarou=山田^太郎=やまだ^たろう")

    @pytest.mark.parametrize(
        "key",
        ["Yamada", "Tarou", "山田", "Suzuki*", "Yamada*=鈴木*", "=Yamada*", "Yamada^Tarou^X*"],
    )
    def test_does_not_match(self, key: str) -> None:
        assert not match("PN", key, "Yamada^Tarou=山田^太郎=やまだ^たろう")

    def test_matches_a_name_without_given_name(self) -> None:
        assert match("PN", "Doe^*", "Doe")
        assert match("PN", "Doe", "Doe^^^")

    def test_knows_case_beyond_ascii(self) -> None:
        assert match("PN", "MÜLLER*", "Müller^Hans")

    def test_of_character_sets_that_differ(self) -> None:
        """What is compared is text, in whatever character sets it came."""
        latin = b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 100\x10\x00\x10\x00PN\x08\x00M\xfcller^*"
        utf8 = b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 192\x10\x00\x10\x00PN\x0c\x00M\xc3\xbcller^Hans"
        identifier, entity = decoded(latin), decoded(utf8)
        assert matches(identifier, entity)
        assert requested(identifier, entity).SpecificCharacterSet == "ISO_IR 192"


class TestSequence:
    """Section C.2.2.2.6."""

    ENTITY = of(
        ScheduledProcedureStepSequence=[
            of(Modality="CT", ScheduledStationAETitle="CT1"),
            of(Modality="MR", ScheduledStationAETitle="MR1"),
        ]
    )

    def keys(self, **keys: Any) -> Dataset:
        return of(ScheduledProcedureStepSequence=[of(**keys)])

    def test_matches_one_item(self) -> None:
        assert matches(self.keys(Modality="MR"), self.ENTITY)
        assert not matches(self.keys(Modality="PT"), self.ENTITY)

    def test_matches_all_keys_in_the_same_item(self) -> None:
        assert matches(self.keys(Modality="MR", ScheduledStationAETitle="MR1"), self.ENTITY)
        assert not matches(self.keys(Modality="MR", ScheduledStationAETitle="CT1"), self.ENTITY)

    @pytest.mark.parametrize("items", [[], [Dataset()], [of(Modality="")], [of(Modality="*")]])
    def test_is_universal_without_values(self, items: list[Dataset]) -> None:
        keys = of(ScheduledProcedureStepSequence=items)
        assert matches(keys, self.ENTITY)
        assert matches(keys, Dataset())
        assert matches(keys, of(ScheduledProcedureStepSequence=[]))

    def test_does_not_match_a_sequence_that_is_not_there(self) -> None:
        assert not matches(self.keys(Modality="CT"), Dataset())
        assert not matches(self.keys(Modality="CT"), of(ScheduledProcedureStepSequence=[]))
        assert not matches(one("SQ", [of(Modality="CT")]), one("LO", "CT"))

    def test_nests(self) -> None:
        def entity(code: str) -> Dataset:
            return self.keys(ScheduledProtocolCodeSequence=[of(CodeValue=code)])

        assert matches(entity("A"), entity("A"))
        assert not matches(entity("A"), entity("B"))

    def test_may_have_one_item(self) -> None:
        keys = of(ScheduledProcedureStepSequence=[of(Modality="CT"), of(Modality="MR")])
        with pytest.raises(DataSetError, match="is a sequence of 2 items, but may have one"):
            matches(keys, self.ENTITY)
        with pytest.raises(DataSetError, match="may have one"):
            requested(keys, self.ENTITY)


class TestNoKeys:
    def test_are_what_says_how_the_query_is_meant(self) -> None:
        keys = of(
            SpecificCharacterSet="ISO_IR 100",
            QueryRetrieveLevel="STUDY",
            QueryRetrieveView="CLASSIC",
            TimezoneOffsetFromUTC="+0100",
        )
        assert matches(keys, Dataset())

    def test_are_group_lengths_and_private_creators(self) -> None:
        keys = Dataset()
        keys.add_new(0x00100000, "UL", 20)
        keys.add_new(0x00090010, "LO", "SOMEBODY")
        assert matches(keys, Dataset())
        assert list(requested(keys, Dataset()).keys()) == [0x00090010]


class TestComparison:
    """What a service class may compare in a way of its own."""

    def test_may_take_wild_cards_from_a_key_at_any_depth(self) -> None:
        keys, entity = of(CodeValue="A*", CodeMeaning="B*"), of(CodeValue="AB", CodeMeaning="BC")
        own = Comparison(single_values=frozenset({0x00080100}))
        assert matches(keys, entity)
        assert not matches(keys, entity, own)
        assert matches(keys, of(CodeValue="A*", CodeMeaning="BC"), own)
        nested = of(ProcedureCodeSequence=[keys])
        assert not matches(nested, of(ProcedureCodeSequence=[entity]), own)
        assert requested(nested, of(ProcedureCodeSequence=[entity]), own) == of(
            ProcedureCodeSequence=[]
        )

    @pytest.mark.parametrize("key", ["*", "A?"])
    def test_leaves_nothing_but_the_text_then(self, key: str) -> None:
        own = Comparison(single_values=frozenset({0x00080100}))
        assert not matches(of(CodeValue=key), of(CodeValue="AB"), own)
        assert matches(of(CodeValue=key), of(CodeValue=key), own)
        assert matches(of(CodeValue=""), of(CodeValue="AB"), own)

    def test_may_compare_date_times_otherwise(self) -> None:
        own = Comparison(date_times=lambda key, found: found.startswith(key))
        assert matches(of(AcquisitionDateTime="202607"), of(AcquisitionDateTime="20260705"), own)
        assert not matches(of(AcquisitionDateTime="2025-"), of(AcquisitionDateTime="2026"), own)
        assert not matches(of(AcquisitionDateTime="2026"), Dataset(), own)
        assert matches(of(StudyDate="20260701-"), of(StudyDate="20260705"), own)


class TestWhatCannotBeConverted:
    ENTITY = b"\x10\x00\x20\x00LO\x02\x001 \x10\x00\xc0\x21US\x03\x00abc"

    def test_is_unknown(self) -> None:
        entity = decoded(self.ENTITY)
        assert matches(of(PatientID="1", PregnancyStatus=None), entity)
        assert not matches(of(PregnancyStatus=1), entity)
        assert requested(of(PatientID="", PregnancyStatus=None), entity) == of(
            PatientID="1", PregnancyStatus=None
        )


class TestRequested:
    def test_gives_what_was_asked_for_and_nothing_else(self) -> None:
        entity = of(PatientName="Doe^John", PatientID="1", Modality="CT")
        response = requested(of(PatientName="", PatientID="1"), entity)
        assert response == of(PatientName="Doe^John", PatientID="1")

    def test_gives_what_is_unknown_empty(self) -> None:
        response = requested(of(PatientID="", StudyInstanceUID="", Modality="*"), Dataset())
        assert [element.is_empty for element in response] == [True, True, True]

    def test_gives_an_unknown_sequence_empty(self) -> None:
        keys = of(ScheduledProcedureStepSequence=[of(Modality="")])
        assert requested(keys, Dataset()) == of(ScheduledProcedureStepSequence=[])

    def test_gives_of_a_sequence_the_items_that_match(self) -> None:
        keys = of(
            ScheduledProcedureStepSequence=[
                of(Modality="MR", CommentsOnTheScheduledProcedureStep="")
            ]
        )
        expected = of(Modality="MR", CommentsOnTheScheduledProcedureStep=None)
        response = requested(keys, TestSequence.ENTITY)
        (item,) = response.ScheduledProcedureStepSequence
        assert item == expected

    @pytest.mark.parametrize("items", [[], [Dataset()]])
    def test_gives_a_whole_sequence(self, items: list[Dataset]) -> None:
        response = requested(of(ScheduledProcedureStepSequence=items), TestSequence.ENTITY)
        assert response == TestSequence.ENTITY
        first = response.ScheduledProcedureStepSequence[0]
        assert first is not TestSequence.ENTITY.ScheduledProcedureStepSequence[0]

    def test_repeats_the_level(self) -> None:
        response = requested(of(QueryRetrieveLevel="STUDY", PatientID=""), of(PatientID="1"))
        assert response == of(QueryRetrieveLevel="STUDY", PatientID="1")

    @pytest.mark.parametrize("asked", [True, False])
    def test_has_the_character_set_and_time_zone_of_the_entity(self, asked: bool) -> None:
        about = of(SpecificCharacterSet="ISO_IR 192", TimezoneOffsetFromUTC="+0100")
        keys = of(PatientID="")
        if asked:
            keys.SpecificCharacterSet, keys.TimezoneOffsetFromUTC = "ISO_IR 100", "+0200"
        entity = of(PatientID="1")
        assert requested(keys, entity) == entity
        entity.update(about)
        assert requested(keys, entity) == entity

    def test_can_be_sent(self) -> None:
        keys = of(PatientName="", Rows="", SmallestImagePixelValue="", PixelData="", StudyDate="")
        LDicomDS(requested(keys, Dataset())).source("1.2.840.10008.1.2")
