"""Date times as periods of UTC (PS3.5 section 6.2, PS3.4 section C.2.2.2.5)."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from leaddicom.ups.core.datetimes import (
    MAXIMUM_INSTANT,
    MINIMUM_INSTANT,
    Instants,
    key_instants,
    value_instants,
    zone_of,
)

UTC = timezone.utc
BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")

SECOND, MINUTE, HOUR, DAY = 10**6, 60 * 10**6, 3_600 * 10**6, 86_400 * 10**6


def at(text: str) -> int:
    """Microseconds of an ISO 8601 moment since 1970."""
    since = datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)
    return since // timedelta(microseconds=1)


def value(text: str, zone: tzinfo = UTC) -> Instants:
    found = value_instants(text, zone)
    assert found is not None
    return found


def key(text: str, zone: tzinfo = UTC) -> Instants:
    found = key_instants(text, zone)
    assert found is not None
    return found


class TestValue:
    @pytest.mark.parametrize(
        ("text", "first", "length"),
        [
            ("2026", "2026-01-01T00:00:00+00:00", 365 * DAY),
            ("2028", "2028-01-01T00:00:00+00:00", 366 * DAY),
            ("202602", "2026-02-01T00:00:00+00:00", 28 * DAY),
            ("202802", "2028-02-01T00:00:00+00:00", 29 * DAY),
            ("20260705", "2026-07-05T00:00:00+00:00", DAY),
            ("2026070512", "2026-07-05T12:00:00+00:00", HOUR),
            ("202607051230", "2026-07-05T12:30:00+00:00", MINUTE),
            ("20260705123045", "2026-07-05T12:30:45+00:00", SECOND),
            ("20260705123045.5", "2026-07-05T12:30:45.500000+00:00", SECOND // 10),
            ("20260705123045.123456", "2026-07-05T12:30:45.123456+00:00", 1),
        ],
    )
    def test_is_as_long_as_it_is_imprecise(self, text: str, first: str, length: int) -> None:
        assert value(text) == (at(first), at(first) + length - 1)

    @pytest.mark.parametrize(
        ("text", "first"),
        [
            ("20260705120000+0200", "2026-07-05T10:00:00+00:00"),
            ("20260705120000-0500", "2026-07-05T17:00:00+00:00"),
            ("20260705120000+0530", "2026-07-05T06:30:00+00:00"),
            ("20260705-1200", "2026-07-05T12:00:00+00:00"),
            ("20260705+1400", "2026-07-04T10:00:00+00:00"),
        ],
    )
    @pytest.mark.parametrize("zone", [UTC, BERLIN])
    def test_heeds_its_offset_before_any_zone(self, text: str, first: str, zone: tzinfo) -> None:
        assert value(text, zone).first == at(first)

    def test_without_offset_is_in_the_local_zone_of_that_day(self) -> None:
        assert value("20260705120000", BERLIN).first == at("2026-07-05T10:00:00+00:00")
        assert value("20260105120000", BERLIN).first == at("2026-01-05T11:00:00+00:00")

    @pytest.mark.parametrize(
        ("day", "hours"), [("20260329", 23), ("20260330", 24), ("20261025", 25)]
    )
    def test_is_a_day_as_long_as_the_clocks_make_it(self, day: str, hours: int) -> None:
        first, last = value(day, BERLIN)
        assert last - first + 1 == hours * HOUR

    def test_that_comes_twice_stands_for_both(self) -> None:
        twice = value("20261025023000", BERLIN)
        assert twice.overlaps(value("20261025023000+0200"))
        assert twice.overlaps(value("20261025023000+0100"))
        assert not twice.overlaps(value("20261025022900+0200"))
        assert not twice.overlaps(value("20261025023100+0100"))

    def test_that_does_not_come_is_about_when_the_clocks_change(self) -> None:
        never = value("20260329023000", BERLIN)
        assert never.overlaps(value("20260329013000+0100"))
        assert never.overlaps(value("20260329033000+0200"))

    def test_may_be_a_leap_second(self) -> None:
        assert value("20161231235960") == value("20170101000000")

    @pytest.mark.parametrize("text", ["9999", "99991231235959-1200", "0001", "00010101+1400"])
    def test_may_be_at_the_end_of_time(self, text: str) -> None:
        first, last = value(text)
        assert MINIMUM_INSTANT < first < last < MAXIMUM_INSTANT

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "noon",
            "202",
            "0000",
            "20260230",
            "20261301",
            "2026070524",
            "202607051260",
            "20260705120061",
            "20260705120000.1234567",
            "20260705120000+1500",
            "20260705-20260706",
            "2026-07-05",
            "\u0662\u0660\u0662\u0666",
        ],
    )
    def test_that_is_malformed_is_none(self, text: str) -> None:
        assert value_instants(text, UTC) is None


class TestKey:
    def test_may_be_a_single_value(self) -> None:
        assert key("20260705", BERLIN) == value("20260705", BERLIN)

    def test_may_be_a_range_with_both_ends_whole(self) -> None:
        assert key("2026-202703") == (value("2026").first, value("202703").last)

    def test_may_be_open(self) -> None:
        assert key("20260705-") == (value("20260705").first, MAXIMUM_INSTANT)
        assert key("-20260705") == (MINIMUM_INSTANT, value("20260705").last)

    def test_may_have_offsets_at_both_ends(self) -> None:
        found = key("20260705-0500-20260706+0100")
        assert found == (value("20260705-0500").first, value("20260706+0100").last)

    def test_takes_an_offset_for_an_offset(self) -> None:
        assert key("2026-0500") == value("2026-0500")
        assert key("2026-2027") == (value("2026").first, value("2027").last)

    def test_may_end_before_it_begins_and_then_meets_nothing(self) -> None:
        assert not key("2027-2026").overlaps(value("2026"))
        assert not key("20260706-20260704").overlaps(value("20260705"))

    @pytest.mark.parametrize(
        "text",
        ["", "-", "--", "noon", "20260230-", "-20260230", "20260230-2027", "2026-x", "9" * 99],
    )
    def test_that_is_malformed_is_none(self, text: str) -> None:
        assert key_instants(text, UTC) is None


class TestOverlap:
    @pytest.mark.parametrize(
        ("one", "other", "expected"),
        [
            ("20260705120000", "20260705", True),
            ("20260705", "20260705120000", True),
            ("202607", "20260705", True),
            ("20260705-", "202607", True),
            ("-20260705", "202607", True),
            ("20260705-", "202606", False),
            ("20260705120000-", "20260705115959.999999", False),
            ("-20260705120000", "20260705120000.999999", True),
            ("-20260705120000", "20260705120001", False),
            ("20260705-20260706", "20260707", False),
        ],
    )
    def test_is_to_have_an_instant_in_common(self, one: str, other: str, expected: bool) -> None:
        assert key(one).overlaps(value(other)) is expected

    def test_is_told_across_zones(self) -> None:
        assert key("20260705", NEW_YORK).overlaps(value("20260706030000", UTC))
        assert not key("20260705", NEW_YORK).overlaps(value("20260706030000", NEW_YORK))


class TestZone:
    @pytest.mark.parametrize(
        ("text", "offset"), [("+0200", 2.0), ("-0330", -3.5), ("+1400", 14.0), (" +0100 ", 1.0)]
    )
    def test_is_that_of_the_data_set(self, text: str, offset: float) -> None:
        dataset = Dataset()
        dataset.TimezoneOffsetFromUTC = text
        assert zone_of(dataset, BERLIN).utcoffset(None) == timedelta(hours=offset)

    @pytest.mark.parametrize("text", ["", "CET", "+1", "+9999", None, ["+0100", "+0200"]])
    def test_is_local_if_the_data_set_has_none(self, text: str | list[str] | None) -> None:
        dataset = Dataset()
        assert zone_of(dataset, BERLIN) is BERLIN
        dataset.TimezoneOffsetFromUTC = text
        assert zone_of(dataset, BERLIN) is BERLIN

    def test_is_local_if_the_data_set_has_another_kind_of_value(self) -> None:
        dataset = Dataset()
        dataset.add(DataElement(0x00080201, "SQ", []))
        assert zone_of(dataset, BERLIN) is BERLIN
