"""Subscriptions, cell by cell (PS3.4 Table CC.2.3-2), and the actions on them."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from pydicom.config import IGNORE
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from leaddicom.ups.core.subscriptions import (
    GLOBAL_STATES,
    ON_CREATION,
    TRANSITIONS,
    GlobalState,
    SubscriptionAction,
    SubscriptionRequest,
    SubscriptionState,
    parse_subscription,
)
from leaddicom.ups.core.terms import ActionType, UpsStatus
from leaddicom.ups.core.workitem import Outcome

from .. import workitems

UID = "1.2.826.0.1.3680043.8.498.77"
GLOBAL, FILTERED = workitems.GLOBAL, workitems.FILTERED
SUBSCRIBE, UNSUBSCRIBE, SUSPEND = (
    ActionType.SUBSCRIBE,
    ActionType.UNSUBSCRIBE,
    ActionType.SUSPEND_GLOBAL,
)

#: What becomes of Not Subscribed, with Lock ("lock") and w/o Lock ("free"); "+" is an initial
#: event.  Written from the standard; the last column is the global state afterwards.
TABLE = """
action                            none    lock    free    global
CREATED_WHILE_NONE                none    -       -       =
CREATED_WHILE_WITH_LOCK           lock+   -       -       =
CREATED_WHILE_WITHOUT_LOCK        free+   -       -       =
SUBSCRIBE_GLOBALLY_WITH_LOCK      lock+   lock    free    lock
SUBSCRIBE_GLOBALLY_WITHOUT_LOCK   free    lock    free    free
SUBSCRIBE_WITH_LOCK               lock+   lock+   lock+   =
SUBSCRIBE_WITHOUT_LOCK            free+   free+   free+   =
UNSUBSCRIBE                       none    none    none    =
UNSUBSCRIBE_GLOBALLY              none    none    none    none
SUSPEND_GLOBALLY                  none    lock    free    none
"""

ROWS = [row.split() for row in TABLE.strip().splitlines()[1:]]
STATES = {
    "none": SubscriptionState.NOT_SUBSCRIBED,
    "lock": SubscriptionState.WITH_LOCK,
    "free": SubscriptionState.WITHOUT_LOCK,
}
GLOBALS = {
    "none": GlobalState.NONE,
    "lock": GlobalState.WITH_LOCK,
    "free": GlobalState.WITHOUT_LOCK,
}
CELLS = [
    pytest.param(row[0], before, after, id=f"{row[0]}, {before}")
    for row in ROWS
    for before, after in zip(STATES, row[1:4], strict=True)
]


class TestTable:
    @pytest.mark.parametrize(("action", "before", "after"), CELLS)
    def test_each_action_in_each_state(self, action: str, before: str, after: str) -> None:
        transition = TRANSITIONS.get((SubscriptionAction[action], STATES[before]))
        if after == "-":
            assert transition is None
        else:
            assert transition is not None
            assert transition.state is STATES[after.rstrip("+")]
            assert transition.initial_event is after.endswith("+")

    def test_has_a_row_for_each_action(self) -> None:
        assert [row[0] for row in ROWS] == [action.name for action in SubscriptionAction]

    @pytest.mark.parametrize(("action", "after"), [(row[0], row[4]) for row in ROWS])
    def test_global_state(self, action: str, after: str) -> None:
        assert GLOBAL_STATES.get(SubscriptionAction[action]) is GLOBALS.get(after)

    @pytest.mark.parametrize("state", GlobalState)
    def test_a_creation_depends_on_the_global_state(self, state: GlobalState) -> None:
        assert ON_CREATION[state].name == f"CREATED_WHILE_{state.name}"

    @pytest.mark.parametrize("before", SubscriptionState)
    @pytest.mark.parametrize("action", ["SUBSCRIBE_GLOBALLY_WITH_LOCK", "SUSPEND_GLOBALLY"])
    def test_what_is_global_leaves_those_subscribed_as_they_are(
        self, action: str, before: SubscriptionState
    ) -> None:
        """No lock comes, no lock goes."""
        after = TRANSITIONS[SubscriptionAction[action], before].state
        if before is not SubscriptionState.NOT_SUBSCRIBED:
            assert after is before

    @pytest.mark.parametrize("table", [TRANSITIONS, GLOBAL_STATES, ON_CREATION])
    def test_cannot_be_changed(self, table: Any) -> None:
        with pytest.raises(TypeError):
            del table[next(iter(table))]


def parsed(action: ActionType, uid: str, information: Dataset | None) -> SubscriptionRequest:
    request = parse_subscription(action, uid, information)
    assert isinstance(request, SubscriptionRequest)
    return request


def refused(action: ActionType, uid: str, information: Dataset | None) -> Outcome:
    outcome = parse_subscription(action, uid, information)
    assert isinstance(outcome, Outcome)
    assert (outcome.workitem, outcome.events, outcome.dataset) == (None, (), None)
    assert 0 < len(outcome.comment) <= 64
    assert outcome.comment.isascii()
    return outcome


def unchecked(keyword: str, value: Any, vr: str) -> DataElement:
    return DataElement(keyword, vr, value, validation_mode=IGNORE)


@pytest.mark.parametrize(
    ("action", "uid", "lock", "row"),
    [
        (SUBSCRIBE, UID, "TRUE", "SUBSCRIBE_WITH_LOCK"),
        (SUBSCRIBE, UID, "FALSE", "SUBSCRIBE_WITHOUT_LOCK"),
        (SUBSCRIBE, GLOBAL, "TRUE", "SUBSCRIBE_GLOBALLY_WITH_LOCK"),
        (SUBSCRIBE, GLOBAL, "FALSE", "SUBSCRIBE_GLOBALLY_WITHOUT_LOCK"),
        (SUBSCRIBE, FILTERED, "TRUE", "SUBSCRIBE_GLOBALLY_WITH_LOCK"),
        (SUBSCRIBE, FILTERED, "FALSE", "SUBSCRIBE_GLOBALLY_WITHOUT_LOCK"),
        (UNSUBSCRIBE, UID, None, "UNSUBSCRIBE"),
        (UNSUBSCRIBE, GLOBAL, None, "UNSUBSCRIBE_GLOBALLY"),
        (UNSUBSCRIBE, FILTERED, None, None),
        (SUSPEND, UID, None, None),
        (SUSPEND, GLOBAL, None, "SUSPEND_GLOBALLY"),
        (SUSPEND, FILTERED, None, None),
    ],
)
def test_action_and_instance(
    action: ActionType, uid: str, lock: str | None, row: str | None
) -> None:
    information = workitems.subscription("WATCHER", lock, WorklistLabel="Linac")
    if row is None:
        outcome = refused(action, uid, information)
        assert outcome.status is UpsStatus.ACTION_NOT_FOR_INSTANCE
        assert GLOBAL in outcome.comment
    else:
        request = parsed(action, uid, information)
        assert request.action is SubscriptionAction[row]
        assert request.receiving_ae == "WATCHER"
        assert request.deletion_lock is {"TRUE": True, "FALSE": False, None: None}[lock]
        assert (request.keys is not None) is (uid == FILTERED)


EVERY_ACTION = [(SUBSCRIBE, UID), (SUBSCRIBE, GLOBAL), (UNSUBSCRIBE, UID), (SUSPEND, GLOBAL)]


class TestReceivingAe:
    @pytest.mark.parametrize(("action", "uid"), EVERY_ACTION)
    @pytest.mark.parametrize(
        "value",
        ["", "   ", "SEVENTEEN_LETTERS", "NEW\nLINE", "BACK\\SLASH", "GER\xc4T", ["ONE", "TWO"]],
        ids=ascii,
    )
    def test_has_to_be_one_ae_title(self, action: ActionType, uid: str, value: Any) -> None:
        information = workitems.subscription("", "TRUE")
        information.add(unchecked("ReceivingAE", value, "AE"))
        assert refused(action, uid, information).status is UpsStatus.INVALID_ARGUMENT_VALUE

    @pytest.mark.parametrize(("action", "uid"), EVERY_ACTION)
    @pytest.mark.parametrize(
        "information", [None, Dataset(), workitems.data_set(DeletionLock="TRUE")]
    )
    def test_has_to_be_there(
        self, action: ActionType, uid: str, information: Dataset | None
    ) -> None:
        outcome = refused(action, uid, information)
        assert outcome.status is UpsStatus.INVALID_ARGUMENT_VALUE
        assert "ReceivingAE" in outcome.comment

    def test_has_to_be_text(self) -> None:
        information = workitems.subscription("", "TRUE")
        information.add(unchecked("ReceivingAE", 1, "US"))
        assert refused(SUBSCRIBE, UID, information).status is UpsStatus.INVALID_ARGUMENT_VALUE

    def test_has_16_characters_at_most(self) -> None:
        information = workitems.subscription("SIXTEEN_LETTERS_", "TRUE")
        assert parsed(SUBSCRIBE, UID, information).receiving_ae == "SIXTEEN_LETTERS_"

    def test_is_trimmed_but_keeps_its_case(self) -> None:
        information = workitems.subscription("", "TRUE")
        information.add(unchecked("ReceivingAE", "  Watcher A ", "AE"))
        assert parsed(SUBSCRIBE, UID, information).receiving_ae == "Watcher A"

    def test_is_looked_at_before_the_instance(self) -> None:
        assert refused(SUSPEND, UID, Dataset()).status is UpsStatus.INVALID_ARGUMENT_VALUE


class TestDeletionLock:
    @pytest.mark.parametrize("uid", [UID, GLOBAL, FILTERED])
    @pytest.mark.parametrize("value", [None, "", "true", "YES", ["TRUE", "FALSE"]], ids=str)
    def test_is_true_or_false(self, uid: str, value: Any) -> None:
        information = workitems.subscription("WATCHER", WorklistLabel="Linac")
        if value is not None:
            information.add(unchecked("DeletionLock", value, "LO"))
        outcome = refused(SUBSCRIBE, uid, information)
        assert outcome.status is UpsStatus.INVALID_ARGUMENT_VALUE
        assert "DeletionLock" in outcome.comment

    @pytest.mark.parametrize(("action", "uid"), [(UNSUBSCRIBE, UID), (SUSPEND, GLOBAL)])
    def test_is_of_no_account_to_other_actions(self, action: ActionType, uid: str) -> None:
        request = parsed(action, uid, workitems.subscription("WATCHER", "NONSENSE"))
        assert request.deletion_lock is None


class TestFilter:
    def test_keys_are_what_is_no_argument(self) -> None:
        station = [workitems.code("LINAC1")]
        information = workitems.subscription(
            "WATCHER",
            "TRUE",
            SpecificCharacterSet="ISO_IR 100",
            TimezoneOffsetFromUTC="+0100",
            ScheduledStationNameCodeSequence=station,
            WorklistLabel="Lin*",
        )
        assert parsed(SUBSCRIBE, FILTERED, information).keys == workitems.data_set(
            SpecificCharacterSet="ISO_IR 100",
            TimezoneOffsetFromUTC="+0100",
            ScheduledStationNameCodeSequence=station,
            WorklistLabel="Lin*",
        )

    def test_keys_are_a_copy(self) -> None:
        information = workitems.subscription(
            "WATCHER", "TRUE", ScheduledStationNameCodeSequence=[workitems.code("LINAC1")]
        )
        before = copy.deepcopy(information)
        keys = parsed(SUBSCRIBE, FILTERED, information).keys
        assert keys is not None
        keys.ScheduledStationNameCodeSequence[0].CodeValue = "LINAC2"
        assert information == before

    def test_needs_a_key(self) -> None:
        information = workitems.subscription(
            "WATCHER", "TRUE", SpecificCharacterSet="ISO_IR 100", TimezoneOffsetFromUTC="+0100"
        )
        outcome = refused(SUBSCRIBE, FILTERED, information)
        assert outcome.status is UpsStatus.INVALID_ARGUMENT_VALUE
        assert outcome.comment == "A filtered subscription needs a matching key"

    def test_a_universal_key_is_one(self) -> None:
        information = workitems.subscription("WATCHER", "TRUE", WorklistLabel="")
        keys = parsed(SUBSCRIBE, FILTERED, information).keys
        assert keys is not None
        assert "WorklistLabel" in keys

    def test_a_key_that_cannot_be_read_is_named(self) -> None:
        tag = Tag("ScheduledProcedureStepPriority")
        unreadable = Dataset({tag: RawDataElement(tag, "FD", 3, b"abc", 0, False, True)})
        information = workitems.subscription("WATCHER", "TRUE", WorklistLabel="Linac")
        information.update(unreadable)
        outcome = refused(SUBSCRIBE, FILTERED, information)
        assert outcome.status is UpsStatus.INVALID_ARGUMENT_VALUE
        assert "ScheduledProcedureStepPriority" in outcome.comment

    @pytest.mark.parametrize("uid", [UID, GLOBAL])
    def test_is_of_no_account_elsewhere(self, uid: str) -> None:
        information = workitems.subscription("WATCHER", "TRUE", WorklistLabel="Linac")
        assert parsed(SUBSCRIBE, uid, information).keys is None


def test_names_are_those_of_the_standard() -> None:
    assert str(SubscriptionState.WITH_LOCK) == "Subscribed with Lock"
    assert str(GlobalState.NONE) == "None"
    assert str(SubscriptionAction.SUSPEND_GLOBALLY) == "Suspend global subscription"
