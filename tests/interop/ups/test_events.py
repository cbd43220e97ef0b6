"""Event reports as a receiver of pynetdicom's gets them (PS3.4 section CC.2.4)."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from nets import Nets
from pydicom.dataset import Dataset
from ups import workitems
from ups.databases import Databases
from ups.receivers import Received
from ups.workitems import GLOBAL, code, data_set, reason, state

from interop.ups.conftest import LINKS
from interop.ups.theirs import EVENT, PUSH, Client, Receiver
from interop.ups.wire import LOCK, OTHER, Watcher, Wire, new_title
from leaddicom.ups.manager.gate import Operation
from leaddicom.ups.settings.entities import ApplicationEntity

STATE_REPORT, CANCEL_REQUESTED, PROGRESS, SCP_STATUS, ASSIGNED = range(1, 6)
CHANGE, CANCEL = Operation.CHANGE_STATE, Operation.REQUEST_CANCEL

PROGRESS_SEQUENCE = "ProcedureStepProgressInformationSequence"
STATION = "ScheduledStationNameCodeSequence"
PERFORMERS = "ScheduledHumanPerformersSequence"


def information(report: Received) -> Dataset:
    """What an event tells, after all that is the same in each of them was looked at."""
    assert (report.sop_class, report.abstract_syntax) == (PUSH, EVENT)
    assert report.calling == "UPSSCP"
    assert report.information is not None
    assert "TransactionUID" not in report.information
    assert LOCK not in str(report.information)
    return report.information


def performer(value: str, organization: str = "") -> Dataset:
    return data_set(
        HumanPerformerCodeSequence=[code(value)],
        HumanPerformerName="Therapist^One",
        HumanPerformerOrganization=organization or "Clinic",
    )


@pytest.fixture
def uid(wire: Wire, watcher: Watcher) -> str:
    """A claimed workitem; the watcher has had the initial event."""
    made = wire.claimed()
    watcher.subscribe(made)
    return made


def after(watcher: Watcher, uid: str) -> list[Received]:
    """What has come since the initial event."""
    return watcher.reports(uid)[1:]


def types(reports: list[Received]) -> list[int]:
    return [int(each.type) for each in reports]


class TestStateReport:
    def test_of_each_change_of_state(self, wire: Wire, client: Client, watcher: Watcher) -> None:
        watcher.subscribe(GLOBAL)
        uid = wire.final("COMPLETED")
        reports = watcher.reports(uid)
        assert types(reports) == [STATE_REPORT] * 3
        told = [information(each) for each in reports]
        names = [each.ProcedureStepState for each in told]
        assert names == ["SCHEDULED", "IN PROGRESS", "COMPLETED"]
        assert {each.InputReadinessState for each in told} == {"READY"}

    def test_of_readiness(self, wire: Wire, client: Client, watcher: Watcher) -> None:
        uid = wire.create(InputReadinessState="INCOMPLETE")
        watcher.subscribe(uid)
        for value in ("INCOMPLETE", "READY"):  # the first changes nothing
            wire.done(client.modify(uid, data_set(InputReadinessState=value)))
        [report] = after(watcher, uid)
        told = information(report)
        assert report.type == STATE_REPORT
        assert (told.ProcedureStepState, told.InputReadinessState) == ("SCHEDULED", "READY")

    def test_of_a_cancellation_tells_why(self, client: Client, watcher: Watcher, uid: str) -> None:
        why = data_set(
            ReasonForCancellation="Patient is ill",
            ProcedureStepDiscontinuationReasonCodeSequence=[code("110501", "DCM")],
        )
        report = data_set(TransactionUID=LOCK, **{PROGRESS_SEQUENCE: [why]})
        assert client.modify(uid, report).status == 0x0000
        assert client.act(uid, CHANGE, state("CANCELED", LOCK)).status == 0x0000
        told = information(after(watcher, uid)[-1])
        assert told.ProcedureStepState == "CANCELED"
        assert told.ReasonForCancellation == "Patient is ill"
        assert told.ProcedureStepDiscontinuationReasonCodeSequence[0].CodeValue == "110501"


class TestCancelRequested:
    def test_tells_who_asks_and_why(self, wire: Wire, watcher: Watcher, uid: str) -> None:
        client = wire.new_client("DOCTOR")
        assert client.act(uid, CANCEL, reason("Please stop")).status == 0x0000
        client.close()
        [report] = after(watcher, uid)
        told = information(report)
        assert report.type == CANCEL_REQUESTED
        assert told.RequestingAE == "DOCTOR"
        assert told.ReasonForCancellation == "Please stop"
        assert told.ProcedureStepDiscontinuationReasonCodeSequence[0].CodeValue == "110501"
        assert (told.ContactURI, told.ContactDisplayName) == ("tel:4711", "The desk")

    def test_tells_no_more_than_was_given(self, client: Client, watcher: Watcher, uid: str) -> None:
        assert client.act(uid, CANCEL).status == 0x0000
        [report] = after(watcher, uid)
        assert [each.keyword for each in information(report)] == ["RequestingAE"]


class TestProgress:
    @pytest.mark.parametrize(
        "item",
        [
            {"ProcedureStepProgress": "50"},
            {"ProcedureStepProgressDescription": "Beam 2"},
            {
                "ProcedureStepCommunicationsURISequence": [
                    data_set(ContactURI="tel:1", ContactDisplayName="The room")
                ]
            },
        ],
        ids=lambda item: next(iter(item)),
    )
    def test_is_reported(
        self, client: Client, watcher: Watcher, uid: str, item: dict[str, Any]
    ) -> None:
        changes = data_set(TransactionUID=LOCK, **{PROGRESS_SEQUENCE: [data_set(**item)]})
        assert client.modify(uid, changes).status == 0x0000
        [report] = after(watcher, uid)
        assert report.type == PROGRESS
        [told] = information(report)[PROGRESS_SEQUENCE].value
        assert told == data_set(**item)

    def test_is_all_that_is_reported_of_an_n_set(
        self, client: Client, watcher: Watcher, uid: str
    ) -> None:
        """What was performed, or a label, are reported to nobody."""
        assert client.modify(uid, workitems.performed(LOCK)).status == 0x0000
        label = data_set(TransactionUID=LOCK, ProcedureStepLabel="X")
        assert client.modify(uid, label).status == 0x0000
        assert after(watcher, uid) == []


class TestAssigned:
    def test_at_creation(self, wire: Wire, watcher: Watcher) -> None:
        """Beside the state report, to those who are subscribed globally; one for a performer."""
        watcher.subscribe(GLOBAL)
        uid = wire.create(
            **{STATION: [code("LINAC1")], PERFORMERS: [performer("ONE"), performer("TWO", "Other")]}
        )
        reports = watcher.reports(uid)
        assert types(reports) == [STATE_REPORT, ASSIGNED, ASSIGNED]
        told = [information(each) for each in reports[1:]]
        assert [each[STATION].value[0].CodeValue for each in told] == ["LINAC1", "LINAC1"]
        codes = [each.HumanPerformerCodeSequence[0].CodeValue for each in told]
        assert codes == ["ONE", "TWO"]
        assert [each.HumanPerformerOrganization for each in told] == ["Clinic", "Other"]

    def test_to_nobody_at_creation(self, wire: Wire, watcher: Watcher) -> None:
        watcher.subscribe(GLOBAL)
        assert types(watcher.reports(wire.create())) == [STATE_REPORT]

    @pytest.mark.parametrize(
        ("keyword", "value"), [(STATION, code("LINAC2")), (PERFORMERS, performer("TWO"))]
    )
    def test_later(
        self, client: Client, watcher: Watcher, uid: str, keyword: str, value: Dataset
    ) -> None:
        changes = data_set(TransactionUID=LOCK, **{keyword: [value]})
        for _ in range(2):  # the second time nothing changes
            assert client.modify(uid, changes).status == 0x0000
        [report] = after(watcher, uid)
        assert report.type == ASSIGNED
        told = {each.keyword for each in information(report)}
        person = {"HumanPerformerCodeSequence", "HumanPerformerOrganization"}
        assert told == ({STATION} if keyword == STATION else person)


class TestOrder:
    def test_is_that_of_the_changes(self, client: Client, watcher: Watcher, uid: str) -> None:
        for percent in ("10", "20"):
            assert client.modify(uid, workitems.progress(LOCK, percent)).status == 0x0000
            assert client.act(uid, CANCEL).status == 0x0000
        assert client.act(uid, CHANGE, state("CANCELED", LOCK)).status == 0x0000
        got = types(after(watcher, uid))
        # A newer progress report takes the place of an older one that was not sent yet.
        full = [PROGRESS, CANCEL_REQUESTED, PROGRESS, CANCEL_REQUESTED, STATE_REPORT]
        assert [each for each in got if each != PROGRESS] == [
            each for each in full if each != PROGRESS
        ]
        assert got in (full, full[1:])

    def test_is_the_same_for_all(self, wire: Wire, client: Client, watcher: Watcher) -> None:
        others = [wire.watcher() for _ in range(3)]
        uids = [wire.create() for _ in range(3)]
        for each in (watcher, *others):
            for uid in uids:
                each.subscribe(uid)
        for uid in reversed(uids):
            wire.claim(uid)
        expected = [(1, uid) for uid in (*uids, *reversed(uids))]
        for each in (watcher, *others):
            assert [report.key for report in each.reports(*uids)] == expected


@pytest.mark.parametrize("status", [0x0112, 0x0115, 0x0211])
def test_that_a_receiver_objects_to_is_not_repeated(
    wire: Wire, client: Client, watcher: Watcher, status: int
) -> None:
    """It has got it; what it makes of it is its own affair, and the subscription stays."""
    uid = wire.create()
    watcher.inbox.answer = lambda _: status
    watcher.subscribe(uid)
    assert client.act(uid, CHANGE, state("IN PROGRESS", OTHER)).status == 0x0000
    assert watcher.told(uid) == [(1, "SCHEDULED"), (1, "IN PROGRESS")]


def test_that_a_receiver_cannot_take_now_is_repeated(
    wire: Wire, client: Client, watcher: Watcher
) -> None:
    answers = iter([0x0110])
    watcher.inbox.answer = lambda _: next(answers, 0x0000)
    uid = wire.create()
    watcher.subscribe(uid)
    wire.claim(uid)
    assert watcher.told(uid) == [(1, "SCHEDULED"), (1, "SCHEDULED"), (1, "IN PROGRESS")]


# -- the manager itself ------------------------------------------------------------------------


class Services:
    """Services on one database of a test's own, one after the other."""

    def __init__(self, wires: Callable[[str], Wire], databases: Databases) -> None:
        self.databases = databases
        self.made: list[Wire] = []
        self._wires = wires

    def make(self, url: str) -> Wire:
        self.made.append(self._wires(url))
        return self.made[-1]


@pytest.fixture(params=LINKS)
def services(
    request: pytest.FixtureRequest,
    nets: Nets,
    receiver: Receiver,
    context: Callable[[str, ssl.Purpose], Any],
) -> Iterator[Services]:
    link = LINKS[request.param]
    security = context(link, ssl.Purpose.SERVER_AUTH)
    made = Services(
        lambda url: Wire(nets, url, link, security, receiver),
        request.getfixturevalue(f"{request.param}_databases"),
    )
    yield made
    for each in made.made:
        each.close()


def told_of_the_service(watcher: Watcher, count: int) -> list[tuple[str, str, str]]:
    """What has come of the service itself, once so many reports of that have come."""

    def of_the_service(reports: list[Received]) -> list[Received]:
        return [each for each in reports if each.type == SCP_STATUS]

    received = watcher.wait_until(lambda reports: len(of_the_service(reports)) >= count)
    reports = of_the_service(received)
    assert {each.uid for each in reports} == {GLOBAL}
    return [
        (told.SCPStatus, told.SubscriptionListStatus, told.UnifiedProcedureStepListStatus)
        for told in map(information, reports)
    ]


def test_whoever_is_subscribed_hears_of_the_end_and_of_the_start_once(
    services: Services,
) -> None:
    url = services.databases.with_schema()
    wire = services.make(url)
    watchers = {name: wire.watcher() for name in ("all", "one", "both", "nothing")}
    listed = wire.watcher(fallback_list=True)
    uid = wire.create()
    watchers["all"].subscribe(GLOBAL)
    watchers["one"].subscribe(uid)
    watchers["both"].subscribe(GLOBAL)
    watchers["both"].subscribe(uid, "TRUE")
    for each in watchers.values():
        assert SCP_STATUS not in types(each.reports(GLOBAL))
    wire.close()
    wire = services.make(url)
    wire.client()
    warm = ("WARM START", "WARM START")
    expected = [("GOING DOWN", *warm), ("RESTARTED", *warm)]
    # "nothing" is subscribed, too: to the workitem that `reports` has made for it.
    for each in (*watchers.values(), listed):
        assert told_of_the_service(each, 2) == expected
    for each in (*watchers.values(), listed):
        each.wire = wire
        assert [report.uid for report in each.reports(GLOBAL)] == [GLOBAL, GLOBAL]


def test_the_fallback_list_hears_of_a_new_database(services: Services, receiver: Receiver) -> None:
    """In it nobody can be subscribed to anything (COLD START)."""
    wire = services.make(services.databases.empty())
    listed, other = (Watcher(wire, new_title()) for _ in range(2))
    wire.entities = [
        ApplicationEntity(each.title, "127.0.0.1", receiver.port, fallback_list=each is listed)
        for each in (listed, other)
    ]
    wire.client()
    assert told_of_the_service(listed, 1) == [("RESTARTED", "COLD START", "COLD START")]
    assert SCP_STATUS not in types(other.reports(GLOBAL))
