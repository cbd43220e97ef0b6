"""Callers that mean harm, or are broken: each gets an answer, and the others notice nothing."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from nets import LIMITS
from pydicom.dataset import Dataset

from leaddicom import AssociationError, LDicomDS, QueryModel
from leaddicom.contexts import VERIFICATION
from leaddicom.dimse.sink import ReceivedDataSet
from leaddicom.errors import StatusError
from leaddicom.testing.peers import Wire, client_hello
from leaddicom.ups.manager import UpsManager
from leaddicom.ups.manager.gate import Operation
from ups import workitems
from ups.receivers import EventReceiver, entity
from ups.sites import ALL, PULL, PUSH, WATCH, Client, Site, ask, create, find, uids
from ups.workitems import GLOBAL, data_set, new_uid, state, subscription

EXPLICIT = "1.2.840.10008.1.2.1"
LIMIT = UpsManager.limits.data_set_length or 0


def started(site: Site) -> Site:
    """A manager with mutual TLS and its own limit of a data set."""
    site.link = "TLS 1.3"
    site.start(limits=replace(LIMITS, data_set_length=LIMIT, handshake_timeout=20.0))
    return site


class TestSilentTls:
    @pytest.mark.parametrize("length", [0, 2, 40, None])
    def test_stops_nobody(self, site: Site, length: int | None) -> None:
        """A TCP connection that says nothing, half a ClientHello, or no more than a whole one."""
        secure = started(site)
        address = secure.manager.GetHostInfo()
        silent = [Wire.connect(address) for _ in range(12)]
        for wire in silent:
            wire.send(client_hello()[:length])
        with secure.client() as client:
            client.associate(ALL)
            uid = create(client)
            assert uids(find(client)) == [uid]
            claim = state("IN PROGRESS", "1.2.3")
            assert ask(client, Operation.CHANGE_STATE, uid, claim, PULL).status == 0x0000
            # All of them are still there, or it would be no wonder.
            assert secure.manager.GetClientCount() == len(silent) + 1
        for wire in silent:
            wire.close()


# -- data sets ---------------------------------------------------------------------------------


def element(tag: int, vr: str, value: bytes) -> bytes:
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr.encode()
    if vr in ("SQ", "OB", "UN", "UT"):
        return head + struct.pack("<HI", 0, len(value)) + value
    return head + struct.pack("<H", len(value)) + value


def nested(depth: int) -> bytes:
    """Sequences of undefined length in one another."""
    opening = struct.pack("<HH2sHI", 0x0040, 0x4018, b"SQ", 0, 0xFFFFFFFF)
    opening += struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    closing = struct.pack("<HHIHHI", 0xFFFE, 0xE00D, 0, 0xFFFE, 0xE0DD, 0)
    return opening * depth + closing * depth


MALFORMED = {
    "no element": b"no use",
    "half a header": b"\x10\x00\x20\x00",
    "longer than it is": struct.pack("<HH2sH", 0x0010, 0x0020, b"LO", 0xFFFF) + b"4711",
    "no VR": struct.pack("<HH2sH", 0x0010, 0x0020, b"\xff\xff", 4) + b"4711",
    "open sequence": nested(1)[:24],
    "sequences in sequences": nested(5_000),
    "more elements than anybody needs": b"".join(
        element(0x00111000 + number, "LO", b"") for number in range(0x1000)
    ) * 60,
}  # fmt: skip


def received(data: bytes) -> LDicomDS:
    return LDicomDS.from_received(ReceivedDataSet(EXPLICIT, "", "", len(data), data=data))


@pytest.fixture
def client(site: Site, database: str) -> Iterator[Client]:
    """On each kind of database: a value that one of them cannot hold is an answer, too."""
    site.database = database
    secure = started(site)
    with secure.client() as made:
        made.associate((*VERIFICATION, *ALL))
        yield made


class TestDataSet:
    @pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED.keys())
    def test_that_is_malformed(self, client: Client, data: bytes) -> None:
        uid = create(client)
        before = ask(client, Operation.GET, uid, None, PULL).dataset
        fresh = new_uid()
        for operation, instance, context in (
            (Operation.CREATE, fresh, PUSH),
            (Operation.MODIFY, uid, PULL),
            (Operation.CHANGE_STATE, uid, PULL),
            (Operation.REQUEST_CANCEL, uid, PUSH),
            (Operation.SUBSCRIBE, GLOBAL, WATCH),
        ):
            result = ask(client, operation, instance, received(data), context)
            assert result.is_failure, (operation, result)
        with pytest.raises(StatusError):
            list(client.find(QueryModel(PULL), received(data)))
        assert ask(client, Operation.GET, fresh, None, PULL).status == 0xC307
        assert ask(client, Operation.GET, uid, None, PULL).dataset == before
        client.echo()

    def test_that_is_too_long(self, site: Site, client: Client) -> None:
        """It is not read to its end, so that the association cannot go on; the others do."""
        uid = create(client)
        long = workitems.workitem()
        long.add_new(0x00091010, "OB", bytes(LIMIT))
        with site.client("ANOTHER") as another, pytest.raises(AssociationError):
            ask(another, Operation.CREATE, new_uid(), long, PUSH)
        assert uids(find(client)) == [uid]

    @pytest.mark.filterwarnings("ignore:The (value|PN component) length")  # of pydicom
    @pytest.mark.parametrize(
        "values",
        [
            {"PatientID": "47\x0011"},
            {"PatientName": "Doe\x00^Jane"},
            {"WorklistLabel": "x" * 60_000},
            {"PatientName": "x" * 60_000},
            {"ScheduledStationNameCodeSequence": [workitems.code("A\x00B")]},
            {"StudyInstanceUID": "../../x"},
            {"ScheduledProcedureStepStartDateTime": "99991231235959.999999+1400"},
        ],
        ids=lambda values: next(iter(values)),
    )
    def test_of_strange_values(self, client: Client, values: dict[str, Any]) -> None:
        """They are refused, or are there."""
        uid = new_uid()
        sent = LDicomDS(workitems.workitem(**values))
        result = ask(client, Operation.CREATE, uid, sent, PUSH)
        assert result.status != 0x0110, result
        there = ask(client, Operation.GET, uid, None, PULL)
        assert result.is_failure is there.is_failure
        client.echo()

    def test_that_is_nearly_too_long(self, client: Client) -> None:
        """What the manager does not keep it says so, and goes on."""
        uid, long = new_uid(), workitems.workitem()
        long.add_new(0x00091010, "OB", bytes(LIMIT - (1 << 20)))
        result = ask(client, Operation.CREATE, uid, long, PUSH)
        there = ask(client, Operation.GET, uid, None, PULL)
        assert result.is_failure is there.is_failure
        client.echo()


class TestIdentifier:
    @pytest.mark.parametrize(
        "keys",
        [
            {"PatientName": "*a" * 30 + "b"},
            {"PatientName": "*?" * 512},
            {"PatientID": "x" * 10_000},
            {"SOPInstanceUID": [f"1.2.{number}" for number in range(5_000)]},
            {"ScheduledStationNameCodeSequence": [data_set(CodeValue="A")] * 1_000},
            {"ProcedureStepLabel": "'; DROP TABLE workitem; --"},
            {"WorklistLabel": "%"},
            {"WorklistLabel": "_" * 5},
            {"PatientID": "4711\x00x"},
            {"PatientName": "a\x00*"},
            {"ScheduledStationNameCodeSequence": [data_set(CodeValue="A\x00B")]},
        ],
        ids=lambda keys: next(iter(keys)),
    )
    def test_of_any_size_and_content_is_answered(
        self, client: Client, keys: dict[str, Any]
    ) -> None:
        uid = create(client, PatientName="a" * 60, WorklistLabel="LINAC")
        with suppress(StatusError):
            assert find(client, **keys) == []
        assert client.statuses[-1] in (0x0000, 0xA700, 0xA900)
        assert uids(find(client)) == [uid]

    def test_of_many_attributes_is_answered(self, client: Client) -> None:
        uid, identifier = create(client), Dataset()
        for number in range(20_000):
            identifier.add_new(0x00111000 + number, "LO", "x")
        identifier.SOPInstanceUID = ""
        with pytest.raises(StatusError) as caught:
            list(client.find(QueryModel(PULL), identifier))
        assert caught.value.status == 0xA700
        assert uids(find(client)) == [uid]


# -- UIDs --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "uid",
    [
        "../escaped_by_uid",
        "..\\escaped",
        "/etc/passwd",
        "1.2/../../3",
        "1.2.%2e%2e",
        "~",
    ],
)
def test_a_uid_makes_no_path(site: Site, tmp_path: Path, uid: str) -> None:
    site.start()
    with site.client() as client:
        client.associate((*VERIFICATION, *ALL))
        before = sorted(tmp_path.parent.rglob("*"))
        for operation, dataset, context in (
            (Operation.CREATE, workitems.workitem(), PUSH),
            (Operation.GET, None, PULL),
            (Operation.MODIFY, data_set(ProcedureStepLabel="X"), PULL),
            (Operation.CHANGE_STATE, state("IN PROGRESS", "1.2.3"), PULL),
            (Operation.SUBSCRIBE, subscription("WATCHER", "FALSE"), WATCH),
        ):
            assert ask(client, operation, uid, dataset, context).status == 0x0117
        inside = workitems.workitem(SOPInstanceUID=uid)
        assert ask(client, Operation.CREATE, new_uid(), inside, PUSH).status in (0x0106, 0xB300)
        client.echo()
        assert sorted(tmp_path.parent.rglob("*")) == before


def test_the_events_go_on(site: Site) -> None:
    """Whoever is told of workitems is told of those of a caller that breaks off, too."""
    watcher = site.nets.server(EventReceiver)
    site.start(entities=[entity(watcher, tls=False)])
    with site.client() as client:
        client.associate(ALL)
        asked = subscription("WATCHER", "FALSE")
        assert ask(client, Operation.SUBSCRIBE, GLOBAL, asked, WATCH).status == 0x0000
    rude = site.client()
    rude.associate(ALL)
    uid = create(rude)
    rude.abort()
    assert [each.uid for each in watcher.inbox.wait_for(1)] == [uid]
