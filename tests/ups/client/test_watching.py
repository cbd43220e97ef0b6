"""`UpsScu`: subscribing, unsubscribing, and suspending."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydicom.dataset import Dataset

from leaddicom import ParameterError
from leaddicom.ups.client import UpsScu
from leaddicom.ups.client.queries import query
from leaddicom.ups.client.results import Category, UpsResult
from ups.client.peers import UPS_CLASSES, Answer, Asked, ScriptedManager

PUSH, _, WATCH, _ = (str(each) for each in UPS_CLASSES)
UID = "1.2.826.0.1.3680043.8.498.7"
GLOBAL, FILTERED = "1.2.840.10008.5.1.4.34.5", "1.2.840.10008.5.1.4.34.5.1"


def asked_by(manager: ScriptedManager) -> Asked:
    (asked,) = manager.asked
    assert (asked.service, asked.context, asked.sop_class) == ("N-ACTION", WATCH, PUSH)
    return asked


@pytest.mark.parametrize(
    ("call", "uid", "action", "elements"),
    [
        (lambda ups: ups.subscribe(UID), UID, 3, {"DeletionLock": "FALSE"}),
        (lambda ups: ups.subscribe(UID, deletion_lock=True), UID, 3, {"DeletionLock": "TRUE"}),
        (lambda ups: ups.subscribe_globally(), GLOBAL, 3, {"DeletionLock": "FALSE"}),
        (
            lambda ups: ups.subscribe_globally(query(worklist_label="X"), deletion_lock=True),
            FILTERED,
            3,
            {"DeletionLock": "TRUE", "WorklistLabel": "X"},
        ),
        (lambda ups: ups.unsubscribe(UID), UID, 4, {}),
        (lambda ups: ups.unsubscribe_globally(), GLOBAL, 4, {}),
        (lambda ups: ups.suspend_globally(), GLOBAL, 5, {}),
    ],
)
def test_action_information(
    manager: ScriptedManager,
    ups: UpsScu,
    call: Callable[[UpsScu], UpsResult],
    uid: str,
    action: int,
    elements: dict[str, Any],
) -> None:
    assert call(ups).check().uid == uid
    asked = asked_by(manager)
    assert (asked.uid, asked.argument) == (uid, action)
    assert asked.dataset is not None
    sent = {each.keyword: each.value for each in asked.dataset}
    assert sent == {"ReceivingAE": "PERFORMER", **elements}


class TestReceivingAe:
    @pytest.mark.parametrize(
        "call",
        [
            lambda ups: ups.subscribe(UID, receiving_ae="WATCHER"),
            lambda ups: ups.subscribe_globally(receiving_ae="WATCHER"),
            lambda ups: ups.unsubscribe(UID, receiving_ae="WATCHER"),
            lambda ups: ups.unsubscribe_globally(receiving_ae="WATCHER"),
            lambda ups: ups.suspend_globally(receiving_ae="WATCHER"),
        ],
    )
    def test_may_be_another_one(
        self, manager: ScriptedManager, ups: UpsScu, call: Callable[[UpsScu], UpsResult]
    ) -> None:
        call(ups).check()
        dataset = asked_by(manager).dataset
        assert dataset is not None
        assert dataset.ReceivingAE == "WATCHER"

    def test_is_an_ae_title(self, manager: ScriptedManager, ups: UpsScu) -> None:
        with pytest.raises(ParameterError, match="no AE title"):
            ups.subscribe(UID, receiving_ae="A" * 17)
        assert manager.asked == []


class TestFilter:
    def test_of_everything_is_refused(self, manager: ScriptedManager, ups: UpsScu) -> None:
        for everything in (query(), Dataset()):
            with pytest.raises(ParameterError, match="matches all workitems"):
                ups.subscribe_globally(everything)
        assert manager.asked == []


class TestAnswers:
    def test_a_lock_that_was_not_granted_is_a_warning(
        self, manager: ScriptedManager, ups: UpsScu
    ) -> None:
        manager.will_answer(0xB301)
        result = ups.subscribe(UID, deletion_lock=True).check()
        assert result.category is Category.WARNING
        assert "may be deleted" in result.remedy

    def test_that_are_lost_are_asked_for_again(self, manager: ScriptedManager, ups: UpsScu) -> None:
        manager.will_answer(Answer(loss="break"), 0x0000)
        assert ups.subscribe(UID).check().attempts == 2
        assert manager.asked[0] == manager.asked[1]
