"""C-FIND of the worklist manager, over the wire."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

import pytest

from leaddicom import QueryModel
from leaddicom.contexts import VERIFICATION
from leaddicom.errors import StatusError
from leaddicom.ups.core.rules import Rules
from leaddicom.ups.manager.gate import Operation
from leaddicom.ups.manager.request import Caller
from leaddicom.ups.manager.service import WorklistService
from leaddicom.ups.store import Reader, Store, StoreBusy
from ups.desk import Desk
from ups.sites import ALL, PULL, QUERY, WATCH, Client, Site, create, find, uids
from ups.workitems import code, data_set

PENDING, UNSUPPORTED, SUCCESS, CANCELLED, TOO_MANY = 0xFF00, 0xFF01, 0x0000, 0xFE00, 0xA700

#: More than two pages.
MANY = 450


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, list[str]]]:
    """A store with many workitems, and their UIDs in the order of their start."""
    store = Store(str(tmp_path_factory.mktemp("many") / "worklist.sqlite"), zone=Rules().zone)
    store.open()
    desk = Desk(store, WorklistService(store))
    made = [
        desk.create(
            ScheduledProcedureStepStartDateTime=f"20300101{number // 60:02}{number % 60:02}",
            PatientName=f"P{number % 2}",
        )
        for number in range(MANY)
    ]
    yield store, made
    store.close()


@contextmanager
def site_of(site: Site, store: Store, rules: Rules | None = None) -> Iterator[Client]:
    """A client of a manager whose workitems are in another store than that of the site."""
    manager = site.start(rules)
    manager.service.store = store
    with site.client() as client:
        yield client


def refusal(client: Client, **keys: Any) -> tuple[int, str]:
    with pytest.raises(StatusError) as caught:
        find(client, **keys)
    return caught.value.status, caught.value.comment


class TestResponse:
    @pytest.mark.parametrize("sop_class", [PULL, WATCH, QUERY])
    def test_of_every_sop_class(self, scu: Client, sop_class: str) -> None:
        uid = create(scu)
        scu.associate((*VERIFICATION, *ALL))
        assert uids(find(scu, sop_class)) == [uid]
        assert scu.statuses == [PENDING, SUCCESS]

    def test_has_what_was_asked_for_and_nothing_else(self, scu: Client) -> None:
        uid = create(scu, CommentsOnTheScheduledProcedureStep="Careful")
        (found,) = find(scu, PatientID="", AdmissionID="", SOPClassUID="", TransactionUID="")
        assert {element.keyword: element.value for element in found} == {
            "SOPClassUID": "1.2.840.10008.5.1.4.34.6.1",
            "SOPInstanceUID": uid,
            "PatientID": "4711",
            "AdmissionID": "",
        }

    def test_says_that_a_key_was_ignored(self, scu: Client) -> None:
        uid = create(scu)
        assert uids(find(scu, AcquisitionNumber="1")) == [uid]
        assert scu.statuses == [UNSUPPORTED, SUCCESS]

    def test_of_what_matches(self, scu: Client) -> None:
        here = create(scu, ScheduledStationNameCodeSequence=[code("LINAC1")], PatientID="1")
        there = create(scu, ScheduledStationNameCodeSequence=[code("LINAC2")], PatientID="2")
        station = [data_set(CodeValue="LINAC1", CodingSchemeDesignator="99TEST")]
        assert uids(find(scu, ScheduledStationNameCodeSequence=station)) == [here]
        assert uids(find(scu, PatientID="2")) == [there]
        assert find(scu, PatientID="3") == []
        assert scu.statuses[-1] == SUCCESS

    def test_of_an_empty_identifier_is_none(self, scu: Client) -> None:
        create(scu)
        assert list(scu.find(QueryModel(PULL), data_set(SpecificCharacterSet="ISO_IR 100"))) == []
        assert scu.statuses == [SUCCESS]

    def test_of_nothing(self, scu: Client) -> None:
        assert find(scu) == []
        assert scu.statuses == [SUCCESS]


class TestPages:
    def test_of_all(self, site: Site, many: tuple[Store, list[str]]) -> None:
        store, made = many
        with site_of(site, store) as client:
            assert uids(find(client)) == made
            assert client.statuses == [PENDING] * MANY + [SUCCESS]

    def test_of_some(self, site: Site, many: tuple[Store, list[str]]) -> None:
        store, made = many
        with site_of(site, store) as client:
            assert uids(find(client, PatientName="p1")) == made[1::2]

    @pytest.mark.parametrize("limit", [1, 200, 449, 450, 451])
    def test_up_to_the_limit(
        self,
        site: Site,
        many: tuple[Store, list[str]],
        limit: int,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        store, made = many
        with site_of(site, store, Rules(find_limit=limit)) as client:
            found = client.find(QueryModel(PULL), data_set(SOPInstanceUID=""))
            assert uids(list(islice(found, limit))) == made[:limit]
            if limit < MANY:  # success would say that these are all (PS3.4 section CC.2.8.3)
                with pytest.raises(StatusError, match=f"More than {limit} workitems match"):
                    next(found)
            assert next(found, None) is None
            assert client.statuses[-1] == (TOO_MANY if limit < MANY else SUCCESS)
        assert ("ends at" in caplog.text) is (limit < MANY)

    def test_of_what_is_put_off_meanwhile(
        self, site: Site, many: tuple[Store, list[str]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A workitem that a later page has again is given once."""
        store, made = many
        candidates, first = Reader.candidates, list[Any]()

        def once_more(reader: Reader, keys: Any, after: Any, limit: int) -> list[Any]:
            page = candidates(reader, keys, after, limit)
            if not first:
                first.extend(page[:1])
            elif len(page) < limit:
                page = [*page, *first]
            return page

        monkeypatch.setattr(Reader, "candidates", once_more)
        with site_of(site, store) as client:
            assert uids(find(client)) == made


class TestCancel:
    def test_after_a_few(self, site: Site, many: tuple[Store, list[str]]) -> None:
        store, made = many
        with site_of(site, store) as client:
            assert uids(find(client, limit=3)) == made[:3]
            assert client.statuses[-1] in (CANCELLED, SUCCESS)
            client.echo()

    def test_while_nothing_matches(
        self, site: Site, many: tuple[Store, list[str]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nobody needs the pages that are left."""
        store, _ = many
        candidates, pages = Reader.candidates, list[int]()

        def read(reader: Reader, *arguments: Any) -> list[Any]:
            page = candidates(reader, *arguments)
            pages.append(len(page))
            if len(pages) == 1:
                client.cancel()
                site.nets.wait_for("OnReceiveCCancelRequest")
            return page

        monkeypatch.setattr(Reader, "candidates", read)
        with site_of(site, store) as client:
            assert find(client, CommentsOnTheScheduledProcedureStep="none") == []
            assert client.statuses == [CANCELLED]
        assert pages == [100]


class TestFailure:
    def test_of_an_identifier_that_cannot_be(self, scu: Client) -> None:
        create(scu)
        status, comment = refusal(scu, ScheduledProcedureStepStartDateTime="tomorrow")
        assert status == 0xA900
        assert "ScheduledProcedureStepStartDateTime" in comment
        assert "tomorrow" not in comment
        assert len(find(scu)) == 1

    def test_of_the_store(
        self, scu: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        error = RuntimeError("Doe^Jane")

        def fail(*arguments: Any) -> None:
            raise error

        with monkeypatch.context() as patched:
            patched.setattr(Reader, "candidates", fail)
            status, comment = refusal(scu)
        assert (status, "log" in comment) == (0xC001, True)
        assert "RuntimeError" in caplog.text
        assert "Doe" not in caplog.text + comment
        assert find(scu) == []

    def test_of_a_store_that_is_busy(self, scu: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*arguments: Any) -> None:
            raise StoreBusy("Others are at it.")

        monkeypatch.setattr(Reader, "candidates", fail)
        assert refusal(scu) == (0xA700, "The worklist is busy; try again")

    def test_of_who_may_not(self, site: Site) -> None:
        asked: list[tuple[str, Operation, str, str]] = []

        def authorizes(caller: Caller, operation: Operation, uid: str) -> bool:
            asked.append((caller.ae_title, operation, caller.sop_class, uid))
            return False

        site.start().service.authorizes = authorizes
        with site.client() as client:
            assert refusal(client)[0] == 0x0124
        assert asked == [("CLIENT", Operation.FIND, PULL, "")]
