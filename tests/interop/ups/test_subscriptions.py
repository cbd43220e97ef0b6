"""Subscriptions as a receiver of pynetdicom's lives them (PS3.4 section CC.2.3)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ups import workitems
from ups.core.test_subscriptions import CELLS, ROWS
from ups.workitems import FILTERED, GLOBAL, code, data_set, new_uid, state

from interop.ups.theirs import Client
from interop.ups.wire import LOCK, Watcher, Wire
from leaddicom.ups.manager.gate import Operation

SUBSCRIBE, UNSUBSCRIBE, SUSPEND = (
    Operation.SUBSCRIBE,
    Operation.UNSUBSCRIBE,
    Operation.SUSPEND_GLOBAL,
)

STATES = {"NOT_SUBSCRIBED": "none", "WITH_LOCK": "lock", "WITHOUT_LOCK": "free"}

#: What to ask for each action of Table CC.2.3-2 on what there is already: whether it is of one
#: workitem, the action, and the lock.
REQUESTS: dict[str, tuple[bool, Operation, str | None]] = {
    "SUBSCRIBE_GLOBALLY_WITH_LOCK": (False, SUBSCRIBE, "TRUE"),
    "SUBSCRIBE_GLOBALLY_WITHOUT_LOCK": (False, SUBSCRIBE, "FALSE"),
    "SUBSCRIBE_WITH_LOCK": (True, SUBSCRIBE, "TRUE"),
    "SUBSCRIBE_WITHOUT_LOCK": (True, SUBSCRIBE, "FALSE"),
    "UNSUBSCRIBE": (True, UNSUBSCRIBE, None),
    "UNSUBSCRIBE_GLOBALLY": (False, UNSUBSCRIBE, None),
    "SUSPEND_GLOBALLY": (False, SUSPEND, None),
}
GLOBAL_STATE = {row[0]: row[4] for row in ROWS}
#: What a later creation is to an AE in each global state: the rows about creations.
CREATIONS = {"none": "none", "lock": "lock+", "free": "free+"}

CREATED, CLAIMED = (1, "SCHEDULED"), (1, "IN PROGRESS")


def subscription(wire: Wire, watcher: Watcher, uid: str) -> str:
    """How the manager says that a watcher is subscribed: locks show nowhere else."""
    with wire.manager().store.reading() as reader:
        return STATES[reader.subscription(watcher.title, uid).name]


@pytest.fixture
def second(wire: Wire) -> Iterator[Watcher]:
    made = wire.watcher()
    yield made
    made.leave()


class TestTable:
    """Each action in each state, with the events that come (PS3.4 Table CC.2.3-2)."""

    @pytest.mark.parametrize(
        ("action", "before", "after"), [each for each in CELLS if each.values[0] in REQUESTS]
    )
    def test_of_what_is_there(
        self, wire: Wire, watcher: Watcher, action: str, before: str, after: str
    ) -> None:
        uid, expected = wire.create(), []
        if before != "none":
            watcher.subscribe(uid, {"lock": "TRUE", "free": "FALSE"}[before])
            expected.append(CREATED)
        is_of_one, operation, lock = REQUESTS[action]
        answer = watcher.act(uid if is_of_one else GLOBAL, operation, lock)
        assert (answer.status, answer.comment) == (0x0000, "")
        assert answer.is_bare
        assert subscription(wire, watcher, uid) == after.rstrip("+")
        later = wire.create()
        wire.claim(uid)
        if after.endswith("+"):
            expected.append(CREATED)
        if after != "none":
            expected.append(CLAIMED)
        global_state = GLOBAL_STATE[action].replace("=", "none")
        on_creation = CREATIONS[global_state]
        assert subscription(wire, watcher, later) == on_creation.rstrip("+")
        assert watcher.told(uid) == expected
        assert watcher.told(later) == ([CREATED] if on_creation != "none" else [])

    @pytest.mark.parametrize(
        "first", ["SUBSCRIBE_GLOBALLY_WITH_LOCK", "SUBSCRIBE_GLOBALLY_WITHOUT_LOCK"]
    )
    @pytest.mark.parametrize("then", [each for each in REQUESTS if not REQUESTS[each][0]])
    def test_of_the_global_state(self, wire: Wire, watcher: Watcher, first: str, then: str) -> None:
        """What is created between two global actions, and after them."""
        watcher.act(GLOBAL, *REQUESTS[first][1:])
        between = wire.create()
        wire.done(watcher.act(GLOBAL, *REQUESTS[then][1:]))
        after = wire.create()
        kept = "none" if then == "UNSUBSCRIBE_GLOBALLY" else GLOBAL_STATE[first]
        assert subscription(wire, watcher, between) == kept
        assert subscription(wire, watcher, after) == GLOBAL_STATE[then]
        assert watcher.told(between) == [CREATED]
        assert watcher.told(after) == ([] if GLOBAL_STATE[then] == "none" else [CREATED])

    def test_all_that_is_there_is_reported_to_who_subscribes_globally_with_lock(
        self, wire: Wire, watcher: Watcher
    ) -> None:
        """In the state where it is; but not what was subscribed to before."""
        uids = {name: wire.in_state(name) for name in ("SCHEDULED", "IN PROGRESS", "CANCELED")}
        known = wire.create()
        watcher.subscribe(known)
        watcher.subscribe(GLOBAL, "TRUE")
        assert {(1, name) for name in uids} == set(watcher.told(*uids.values()))
        assert watcher.told(known) == [CREATED]


class TestReceivingAE:
    def test_need_not_be_the_calling_one(self, wire: Wire, watcher: Watcher) -> None:
        uid, client = wire.create(), wire.new_client("SOMEBODY")
        information = workitems.subscription(watcher.title, "FALSE")
        wire.done(client.act(uid, SUBSCRIBE, information))
        assert watcher.told(uid) == [CREATED]
        wire.done(client.act(uid, UNSUBSCRIBE, workitems.subscription(watcher.title)))
        client.close()
        wire.claim(uid)
        assert watcher.told(uid) == [CREATED]

    def test_is_who_is_told_and_nobody_else(
        self, wire: Wire, watcher: Watcher, second: Watcher
    ) -> None:
        uid = wire.create()
        watcher.subscribe(uid)
        wire.claim(uid)
        assert watcher.told(uid) == [CREATED, CLAIMED]
        assert second.told(uid) == []

    @pytest.mark.parametrize("padding", [" {}", "{} ", " {} "])
    def test_has_no_padding(self, wire: Wire, watcher: Watcher, padding: str) -> None:
        uid, title = wire.create(), padding.format(watcher.title)
        asked = workitems.subscription(title, "FALSE")
        wire.done(wire.client().act(uid, SUBSCRIBE, asked))
        assert watcher.told(uid) == [CREATED]

    def test_keeps_its_case(self, wire: Wire, client: Client, watcher: Watcher) -> None:
        asked = workitems.subscription(watcher.title.lower(), "FALSE")
        assert client.act(wire.create(), SUBSCRIBE, asked).status == 0xC308

    def test_that_takes_no_events(self, wire: Wire) -> None:
        deaf = wire.watcher(event_scu=False)
        for uid in (wire.create(), GLOBAL):
            assert deaf.act(uid, SUBSCRIBE, "FALSE").status == 0xC315

    def test_that_is_somebody_else_may_be_forbidden(self, wire: Wire, watcher: Watcher) -> None:
        uid, rules = wire.create(), {"own_subscriptions_only": True}
        wire.manager(**rules)
        own = wire.new_client(watcher.title, **rules)
        asked = workitems.subscription(watcher.title, "FALSE")
        wire.done(own.act(uid, SUBSCRIBE, asked))
        own.close()
        assert wire.client(**rules).act(uid, SUBSCRIBE, asked).status == 0x0124
        assert watcher.told(uid) == [CREATED]


UID = "a workitem"
NOBODY = "1.2.826.0.1.3680043.8.498.4712"

REFUSALS: list[tuple[Operation, str, dict[str, Any], int]] = [
    (SUBSCRIBE, UID, {}, 0x0115),
    (SUBSCRIBE, UID, {"ReceivingAE": "WATCHER"}, 0x0115),
    (SUBSCRIBE, UID, {"DeletionLock": "TRUE"}, 0x0115),
    (SUBSCRIBE, UID, {"ReceivingAE": "", "DeletionLock": "TRUE"}, 0x0115),
    (SUBSCRIBE, UID, {"ReceivingAE": "WATCHER", "DeletionLock": "MAYBE"}, 0x0115),
    (SUBSCRIBE, UID, {"ReceivingAE": "WATCHER", "DeletionLock": ""}, 0x0115),
    (SUBSCRIBE, FILTERED, {"ReceivingAE": "WATCHER", "DeletionLock": "TRUE"}, 0x0115),
    (UNSUBSCRIBE, UID, {}, 0x0115),
    (SUSPEND, GLOBAL, {}, 0x0115),
    (SUBSCRIBE, NOBODY, {"ReceivingAE": "WATCHER", "DeletionLock": "TRUE"}, 0xC307),
    (UNSUBSCRIBE, NOBODY, {"ReceivingAE": "WATCHER"}, 0xC307),
    (SUBSCRIBE, UID, {"ReceivingAE": "STRANGER", "DeletionLock": "TRUE"}, 0xC308),
    (SUBSCRIBE, GLOBAL, {"ReceivingAE": "STRANGER", "DeletionLock": "TRUE"}, 0xC308),
    (UNSUBSCRIBE, UID, {"ReceivingAE": "STRANGER"}, 0xC308),
    (UNSUBSCRIBE, GLOBAL, {"ReceivingAE": "STRANGER"}, 0xC308),
    (SUSPEND, GLOBAL, {"ReceivingAE": "STRANGER"}, 0xC308),
    (SUSPEND, UID, {"ReceivingAE": "WATCHER"}, 0xC314),
    (SUSPEND, FILTERED, {"ReceivingAE": "WATCHER"}, 0xC314),
    (UNSUBSCRIBE, FILTERED, {"ReceivingAE": "WATCHER"}, 0xC314),
]


@pytest.mark.parametrize(
    ("operation", "uid", "information", "status"),
    REFUSALS,
    ids=[f"{each[0].name} {each[1][-7:]} {each[2]}" for each in REFUSALS],
)
def test_refusal(
    wire: Wire,
    watcher: Watcher,
    operation: Operation,
    uid: str,
    information: dict[str, Any],
    status: int,
) -> None:
    if information.get("ReceivingAE") == "WATCHER":
        information = information | {"ReceivingAE": watcher.title}
    there = wire.create()
    asked = data_set(**information)
    answer = wire.client().act(there if uid == UID else uid, operation, asked)
    assert f"{answer.status:04X}" == f"{status:04X}"
    assert 0 < len(answer.comment) <= 64
    assert watcher.told(there) == []


def test_a_deletion_lock_may_be_refused(wire: Wire, watcher: Watcher) -> None:
    """The subscription is made all the same (B301H)."""
    uid, client = wire.create(), wire.client(deletion_locks=False)
    asked = workitems.subscription(watcher.title, "TRUE")
    for each in (uid, GLOBAL):
        answer = client.act(each, SUBSCRIBE, asked)
        assert (answer.status, bool(answer.comment)) == (0xB301, True)
    later = wire.create()
    assert [subscription(wire, watcher, each) for each in (uid, later)] == ["free", "free"]
    assert watcher.told(uid, later) == [CREATED, CREATED]
    asked = workitems.subscription(watcher.title, "FALSE")
    assert client.act(uid, SUBSCRIBE, asked).status == 0x0000


class TestFilter:
    def test_is_asked_at_once_and_at_each_creation(self, wire: Wire, watcher: Watcher) -> None:
        label = f"FILTER {new_uid()[-8:]}"
        there, other = wire.create(WorklistLabel=label), wire.create()
        watcher.subscribe(FILTERED, "TRUE", WorklistLabel=label)
        later, another = wire.create(WorklistLabel=label), wire.create()
        for uid in (there, other, later, another):
            wire.claim(uid)
        assert watcher.told(there, later) == [CREATED, CREATED, CLAIMED, CLAIMED]
        assert watcher.told(other, another) == []

    def test_without_lock_has_no_initial_events(self, wire: Wire, watcher: Watcher) -> None:
        label = f"FILTER {new_uid()[-8:]}"
        there = wire.create(WorklistLabel=label)
        watcher.subscribe(FILTERED, "FALSE", WorklistLabel=label)
        wire.claim(there)
        assert watcher.told(there) == [CLAIMED]

    def test_is_not_asked_when_a_workitem_changes(
        self, wire: Wire, client: Client, watcher: Watcher
    ) -> None:
        label = f"FILTER {new_uid()[-8:]}"
        watcher.subscribe(FILTERED, "FALSE", WorklistLabel=label)
        inside, outside = wire.create(WorklistLabel=label), wire.create()
        wire.done(client.modify(inside, data_set(WorklistLabel="OTHER")))
        wire.done(client.modify(outside, data_set(WorklistLabel=label)))
        wire.claim(inside)
        wire.claim(outside)
        assert watcher.told(inside, outside) == [CREATED, CLAIMED]

    def test_replaces_the_subscription_before(self, wire: Wire, watcher: Watcher) -> None:
        """One global or filtered subscription for an AE: the last one."""
        label = f"FILTER {new_uid()[-8:]}"
        watcher.subscribe(GLOBAL, "FALSE")
        watcher.subscribe(FILTERED, "FALSE", WorklistLabel=label)
        assert watcher.told(wire.create()) == []
        watcher.subscribe(GLOBAL, "FALSE")
        uid = wire.create()
        assert watcher.told(uid) == [CREATED]

    def test_is_that_of_a_c_find(self, wire: Wire, watcher: Watcher) -> None:
        """With sequences, wild cards and ranges."""
        machine = f"M{new_uid()[-8:]}"
        watcher.subscribe(
            FILTERED,
            "FALSE",
            ScheduledStationNameCodeSequence=[data_set(CodeValue=machine)],
            PatientName="D?e*",
            ScheduledProcedureStepStartDateTime="2030-2031",
        )
        station = {"ScheduledStationNameCodeSequence": [code(machine)]}
        uids = [
            wire.create(**station),
            wire.create(),
            wire.create(**station, PatientName="Roe^Jane"),
            wire.create(**station, ScheduledProcedureStepStartDateTime="20320101"),
        ]
        assert watcher.told(*uids) == [CREATED, (5, "")]

    @pytest.mark.parametrize("end", [UNSUBSCRIBE, SUSPEND])
    def test_ends_through_the_global_instance(
        self, wire: Wire, watcher: Watcher, end: Operation
    ) -> None:
        label = f"FILTER {new_uid()[-8:]}"
        watcher.subscribe(FILTERED, "TRUE", WorklistLabel=label)
        uid = wire.create(WorklistLabel=label)
        wire.done(watcher.act(GLOBAL, end))
        later = wire.create(WorklistLabel=label)
        wire.claim(uid)
        told = [CREATED] if end is UNSUBSCRIBE else [CREATED, CLAIMED]
        assert watcher.told(uid, later) == told

    def test_that_cannot_be(self, wire: Wire, watcher: Watcher) -> None:
        keys = {"ScheduledProcedureStepStartDateTime": "tomorrow"}
        assert watcher.act(FILTERED, SUBSCRIBE, "FALSE", **keys).status == 0x0115


def test_what_nobody_is_subscribed_to_ends_well(wire: Wire, watcher: Watcher) -> None:
    uid = wire.create()
    for each, operation in ((uid, UNSUBSCRIBE), (GLOBAL, UNSUBSCRIBE), (GLOBAL, SUSPEND)):
        for _ in range(2):
            assert watcher.act(each, operation).status == 0x0000
    wire.done(wire.client().act(uid, Operation.CHANGE_STATE, state("IN PROGRESS", LOCK)))
    assert watcher.told(uid) == []
