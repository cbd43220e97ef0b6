"""The states of workitems, with pynetdicom as the performer (PS3.4 sections CC.1.1, CC.2.1-2)."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from pydicom.dataset import Dataset
from ups import workitems
from ups.core.test_states import CELLS, information
from ups.workitems import code, data_set, new_uid, state

from interop.ups.theirs import PULL, PUSH, QUERY, WATCH, Answer, Client
from interop.ups.wire import LOCK, OTHER, Watcher, Wire
from leaddicom.ups.manager.gate import Operation

CHANGE, CANCEL = Operation.CHANGE_STATE, Operation.REQUEST_CANCEL
STATES = ("SCHEDULED", "IN PROGRESS", "COMPLETED", "CANCELED")

Cell = tuple[str, str, int]

ALL: list[Cell] = [each.values for each in CELLS]  # type: ignore[misc]
REFUSED = [each for each in ALL if each[2] != 0x0000]


def ask(wire: Wire, request: str, uid: str) -> Answer:
    if request == "request cancel":
        return wire.client().act(uid, CANCEL, workitems.reason(), PUSH)
    target, transaction_uid = request.split(", ")
    return wire.client().act(uid, CHANGE, information(target, transaction_uid))


@pytest.fixture(scope="module")
def specimens(wire: Wire) -> dict[str, str]:
    """A workitem in each state, and one that is not there."""
    return {name: wire.in_state(name) for name in ("absent", *STATES)}


class TestTable:
    """PS3.4 Table CC.1.1-2; it was written from the standard for the core's tests."""

    @pytest.mark.parametrize(
        ("request_", "before"),
        [each[:2] for each in ALL if each[2] == 0x0000],
        ids=lambda text: str(text),
    )
    def test_what_succeeds(self, wire: Wire, request_: str, before: str) -> None:
        uid = wire.in_state(before)
        answer = ask(wire, request_, uid)
        assert (answer.status, answer.comment) == (0x0000, "")
        assert answer.is_bare  # no Action Reply, least of all with the Transaction UID
        expected = request_.split(", ")[0]
        if request_ == "request cancel":
            expected = "CANCELED" if before == "SCHEDULED" else before
        assert wire.attributes(uid).ProcedureStepState == expected

    @pytest.mark.parametrize(
        ("request_", "before", "status"),
        REFUSED,
        ids=[f"{each[0]}, {each[1]}" for each in REFUSED],
    )
    def test_what_does_not(
        self, wire: Wire, specimens: dict[str, str], request_: str, before: str, status: int
    ) -> None:
        answer = ask(wire, request_, specimens[before])
        assert f"{answer.status:04X}" == f"{status:04X}"
        assert 0 < len(answer.comment) <= 64
        assert answer.is_bare

    def test_what_does_not_changes_nothing_and_is_reported_to_nobody(
        self, wire: Wire, specimens: dict[str, str], watcher: Watcher
    ) -> None:
        there = [specimens[name] for name in STATES]
        before = [wire.attributes(uid) for uid in there]
        for uid in there:
            watcher.subscribe(uid)
        for request, name, _ in REFUSED:
            ask(wire, request, specimens[name])
        assert [wire.attributes(uid) for uid in there] == before
        assert watcher.told(*there) == [(1, name) for name in STATES]  # the initial events


@pytest.mark.parametrize("before", STATES)
def test_what_is_there_cannot_be_created_again(
    wire: Wire, client: Client, specimens: dict[str, str], before: str
) -> None:
    uid = specimens[before]
    there = wire.attributes(uid)
    again = client.create(uid, workitems.workitem(PatientID="0815"))
    assert again.status == 0x0111
    assert wire.attributes(uid) == there


class TestOrder:
    """What is wrong in several ways is refused for the first of them."""

    @pytest.mark.parametrize(
        ("status", "name", "on", "named", "target", "transaction_uid"),
        [
            (0x0123, "absent", WATCH, PUSH, "FOO", ""),  # the class gate, before everything
            (0x0211, "absent", QUERY, PUSH, "FOO", ""),
            (0x0118, "absent", PULL, WATCH, "FOO", ""),  # the class, which is strict here
            (0x0115, "absent", PULL, PUSH, "FOO", ""),  # the arguments
            (0xC307, "absent", PULL, PUSH, "SCHEDULED", ""),  # whether it is there
            (0xC303, "COMPLETED", PULL, PUSH, "SCHEDULED", ""),  # the target
            (0xC301, "SCHEDULED", PULL, PUSH, "COMPLETED", ""),  # the Transaction UID
            (0xC301, "COMPLETED", PULL, PUSH, "IN PROGRESS", OTHER),
            (0xC310, "SCHEDULED", PULL, PUSH, "COMPLETED", LOCK),  # the state
        ],
    )
    def test_of_a_change_of_state(
        self,
        wire: Wire,
        specimens: dict[str, str],
        status: int,
        name: str,
        on: str,
        named: str,
        target: str,
        transaction_uid: str,
    ) -> None:
        asked, client = state(target, transaction_uid), wire.client(strict_sop_class=True)
        answer = client.act(specimens[name], CHANGE, asked, on, named)
        assert f"{answer.status:04X}" == f"{status:04X}"

    def test_what_a_final_state_needs_comes_last(self, wire: Wire, client: Client) -> None:
        uid = wire.claimed()
        assert client.act(uid, CHANGE, state("COMPLETED", OTHER)).status == 0xC301
        assert client.act(uid, CHANGE, state("COMPLETED", LOCK)).status == 0xC304

    def test_of_what_there_is_no_access_to(self, wire: Wire) -> None:
        """The policy is asked behind the class gate, and before the arguments."""
        manager = wire.manager(strict_sop_class=True, find_limit=77)
        client = wire.client(strict_sop_class=True, find_limit=77)
        vars(manager)["service"].authorizes = lambda *_: False
        for context, named, status in (
            (WATCH, PUSH, 0x0123),
            (PULL, PULL, 0x0118),
            (PULL, PUSH, 0x0124),
        ):
            answer = client.act(new_uid(), CHANGE, state("FOO"), context, named)
            assert answer.status == status
        assert client.find(data_set(SOPInstanceUID=new_uid())).status == 0x0124


class TestLock:
    def test_of_the_first_is_in_the_way_of_the_second(self, wire: Wire, client: Client) -> None:
        """A second performer gets C301H; C302H is for the first who asks again."""
        uid = wire.claimed()
        assert client.act(uid, CHANGE, state("IN PROGRESS", OTHER)).status == 0xC301
        assert client.act(uid, CHANGE, state("IN PROGRESS", LOCK)).status == 0xC302

    def test_is_all_that_counts(self, wire: Wire) -> None:
        """Who knows it may finish what another AE has begun."""
        uid, another = wire.performed(), wire.new_client("ANOTHER")
        assert another.act(uid, CHANGE, state("COMPLETED", LOCK)).status == 0x0000
        another.close()

    def test_stays_after_the_end(self, client: Client, specimens: dict[str, str]) -> None:
        for name, status in (("COMPLETED", 0xB306), ("CANCELED", 0xB304)):
            assert client.act(specimens[name], CHANGE, state(name, LOCK)).status == status
            assert client.act(specimens[name], CHANGE, state(name, OTHER)).status == 0xC301


# -- what a final state needs ------------------------------------------------------------------

COMPLETION = (
    "PerformedStationNameCodeSequence",
    "PerformedWorkitemCodeSequence",
    "PerformedProcedureStepStartDateTime",
    "PerformedProcedureStepEndDateTime",
    "OutputInformationSequence",
)
PROCEDURE = "UnifiedProcedureStepPerformedProcedureSequence"
PROGRESS = "ProcedureStepProgressInformationSequence"
CANCELLATION, REASON = (
    "ProcedureStepCancellationDateTime",
    "ProcedureStepDiscontinuationReasonCodeSequence",
)


@dataclass
class Ending:
    """A claimed workitem, and what becomes of it."""

    wire: Wire
    uid: str
    strict: bool = False

    def set(self, **elements: object) -> None:
        changes = data_set(TransactionUID=LOCK, **elements)
        self.wire.done(self.wire.client().modify(self.uid, changes))

    def to(self, name: str) -> Answer:
        client = self.wire.client(strict_final_state=True) if self.strict else self.wire.client()
        return client.act(self.uid, CHANGE, state(name, LOCK))

    @property
    def progress(self) -> Dataset:
        [item] = self.wire.attributes(self.uid)[PROGRESS].value
        assert isinstance(item, Dataset)
        return item


@pytest.fixture
def ending(wire: Wire) -> Ending:
    return Ending(wire, wire.claimed())


def performed(**changes: object) -> Dataset:
    item = workitems.performed(LOCK)[PROCEDURE].value[0]
    for keyword, value in changes.items():
        if value is None:
            del item[keyword]
        else:
            item[keyword].value = value
    assert isinstance(item, Dataset)
    return item


class TestCompleted:
    def test_needs_what_was_performed(self, ending: Ending) -> None:
        answer = ending.to("COMPLETED")
        assert answer.status == 0xC304
        assert answer.comment
        ending.set(**{PROCEDURE: [performed()]})
        assert ending.to("COMPLETED").status == 0x0000

    @pytest.mark.parametrize("keyword", COMPLETION)
    def test_needs_each_attribute(self, ending: Ending, keyword: str) -> None:
        ending.set(**{PROCEDURE: [performed(**{keyword: None})]})
        answer = ending.to("COMPLETED")
        assert answer.status == 0xC304
        assert ending.wire.attributes(ending.uid).ProcedureStepState == "IN PROGRESS"

    @pytest.mark.parametrize("keyword", COMPLETION[:1])
    def test_needs_their_values(self, ending: Ending, keyword: str) -> None:
        """Those of Type 2 in an N-SET may be empty until now."""
        ending.set(**{PROCEDURE: [performed(**{keyword: []})]})
        assert ending.to("COMPLETED").status == 0xC304

    def test_needs_them_in_each_item(self, ending: Ending) -> None:
        ending.set(**{PROCEDURE: [performed(), performed(PerformedStationNameCodeSequence=[])]})
        assert ending.to("COMPLETED").status == 0xC304

    def test_may_have_no_output(self, ending: Ending) -> None:
        ending.set(**{PROCEDURE: [performed(OutputInformationSequence=[])]})
        assert ending.to("COMPLETED").status == 0x0000


class TestCanceled:
    def test_gets_a_date_and_a_reason(self, ending: Ending) -> None:
        assert ending.to("CANCELED").status == 0x0000
        item = ending.progress
        assert item[CANCELLATION].value
        assert [each.CodeValue for each in item[REASON].value] == ["110513"]

    def test_keeps_those_that_it_has(self, ending: Ending) -> None:
        date, why = "20300401100000", [code("110501", "DCM", "Equipment failure")]
        item = data_set(ProcedureStepProgress="10", **{CANCELLATION: date, REASON: why})
        ending.set(**{PROGRESS: [item]})
        assert ending.to("CANCELED").status == 0x0000
        assert str(ending.progress[CANCELLATION].value) == date
        assert ending.progress[REASON].value == why
        assert ending.progress.ProcedureStepProgress == "10"

    def test_needs_a_reason_strictly(self, ending: Ending) -> None:
        ending.strict = True
        assert ending.to("CANCELED").status == 0xC304
        ending.set(**{PROGRESS: [data_set(**{REASON: [code("110501", "DCM")]})]})
        assert ending.to("CANCELED").status == 0x0000
        assert ending.progress[CANCELLATION].value


# -- request for cancellation ------------------------------------------------------------------


class TestRequestCancel:
    @pytest.mark.parametrize("on", [PUSH, WATCH])
    def test_of_what_nobody_has_claimed(
        self, wire: Wire, client: Client, watcher: Watcher, on: str
    ) -> None:
        """The manager does it: event 2, then both changes of state (PS3.4 section CC.2.2)."""
        uid = wire.create()
        watcher.subscribe(uid)
        assert client.act(uid, CANCEL, workitems.reason(), on).status == 0x0000
        assert watcher.told(uid) == [(1, "SCHEDULED"), (2, ""), (1, "IN PROGRESS"), (1, "CANCELED")]
        [item] = wire.attributes(uid)[PROGRESS].value
        assert item.ReasonForCancellation == "Machine down"
        assert item[REASON].value[0].CodeValue == "110501"
        assert item[CANCELLATION].value
        assert item.ProcedureStepCommunicationsURISequence[0].ContactURI == "tel:4711"
        # Of what the manager has locked, nobody knows the Transaction UID.
        assert client.act(uid, CHANGE, state("IN PROGRESS", LOCK)).status == 0xC301

    def test_of_what_nobody_has_claimed_without_a_reason(self, wire: Wire, client: Client) -> None:
        uid = wire.create()
        assert client.act(uid, CANCEL, None, PUSH).status == 0x0000
        [item] = wire.attributes(uid)[PROGRESS].value
        assert item[REASON].value[0].CodeValue == "110513"

    def test_of_what_somebody_performs(self, wire: Wire, client: Client, watcher: Watcher) -> None:
        uid = wire.claimed()
        watcher.subscribe(uid)
        before = wire.attributes(uid)
        assert client.act(uid, CANCEL, workitems.reason(), PUSH).status == 0x0000
        assert wire.attributes(uid) == before
        assert watcher.told(uid) == [(1, "IN PROGRESS"), (2, "")]

    def test_too_late(self, client: Client, watcher: Watcher, specimens: dict[str, str]) -> None:
        for name, status in (("COMPLETED", 0xC311), ("CANCELED", 0xB304)):
            watcher.subscribe(specimens[name])
            assert client.act(specimens[name], CANCEL, None, PUSH).status == status
        names = [specimens[name] for name in ("COMPLETED", "CANCELED")]
        assert watcher.told(*names) == [(1, "COMPLETED"), (1, "CANCELED")]
