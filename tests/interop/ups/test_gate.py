"""Which operation belongs on which SOP class (PS3.4 section CC.3), with pynetdicom as the SCU."""

from __future__ import annotations

import pytest
from ups import workitems
from ups.manager.test_gate import cells
from ups.workitems import GLOBAL, data_set, new_uid, state

from interop.ups.theirs import CLASSES, PULL, PUSH, QUERY, WATCH, Answer, Client
from interop.ups.wire import LOCK, Watcher, Wire
from leaddicom.ups.core.terms import SopClass
from leaddicom.ups.manager.gate import Operation


def ask(
    wire: Wire, operation: Operation, context: str, watcher: str = "WATCHER", named: str = PUSH
) -> Answer:
    """Make a request that succeeds where it belongs."""
    client = wire.client()
    if operation is Operation.CREATE:
        return client.create(new_uid(), workitems.workitem(), context, named)
    if operation is Operation.GET:
        return client.get(wire.create(), (), context, named)
    if operation is Operation.MODIFY:
        return client.modify(wire.create(), data_set(ProcedureStepLabel="X"), context, named)
    if operation is Operation.CHANGE_STATE:
        claim = state("IN PROGRESS", LOCK)
        return client.act(wire.create(), operation, claim, context, named)
    if operation is Operation.REQUEST_CANCEL:
        return client.act(wire.create(), operation, workitems.reason(), context, named)
    if operation is Operation.UNKNOWN_ACTION:
        return client.act(wire.create(), 99, None, context, named)
    if operation is Operation.NONE:
        return client.delete(new_uid(), context)
    lock = "FALSE" if operation is Operation.SUBSCRIBE else None
    information = workitems.subscription(watcher, lock)
    return client.act(GLOBAL, operation, information, context, named)


@pytest.mark.parametrize(
    ("operation", "sop_class", "answer"),
    [each for each in cells() if each[0] is not Operation.FIND],
    ids=[f"{each[0].name} on {each[1].name}" for each in cells() if each[0] is not Operation.FIND],
)
def test_each_operation_on_each_context(
    wire: Wire, watcher: Watcher, operation: Operation, sop_class: SopClass, answer: str
) -> None:
    got = ask(wire, operation, sop_class.value, watcher.title)
    if answer == "yes":
        assert (got.status, got.comment) == (0x0000, "")
    else:
        assert got.status == int(answer, 16)
        assert got.comment or operation is Operation.NONE
        assert got.is_bare
    # What it is about is in the response, too (PS3.7 section 10.1): always UPS Push.
    assert got.command.AffectedSOPClassUID == PUSH
    assert wire.client().echo() == 0x0000


@pytest.mark.parametrize(
    ("on", "status"),
    [(each.value, answer) for operation, each, answer in cells() if operation is Operation.FIND],
)
def test_find_on_each_context(client: Client, on: str, status: str) -> None:
    found = client.find(data_set(SOPInstanceUID=new_uid()), on)
    assert found.matches == []
    assert found.status == (0x0000 if status == "yes" else int(status, 16))
    assert bool(found.comment) is (status != "yes")
    assert client.echo() == 0x0000


@pytest.mark.parametrize("on", CLASSES)
def test_event_reports_are_the_manager_s_to_send(client: Client, on: str) -> None:
    assert client.report(new_uid(), on).status == 0x0211
    assert client.echo() == 0x0000


CLASS_IN_THE_COMMAND = [
    (Operation.GET, PULL),
    (Operation.GET, WATCH),
    (Operation.MODIFY, PULL),
    (Operation.CHANGE_STATE, PULL),
    (Operation.REQUEST_CANCEL, WATCH),
    (Operation.SUBSCRIBE, WATCH),
    (Operation.UNSUBSCRIBE, WATCH),
    (Operation.SUSPEND_GLOBAL, WATCH),
]


class TestClassInTheCommand:
    """It is UPS Push, whose instance the workitem is, whatever the context's is (CC.3.1.1)."""

    @pytest.mark.parametrize(("operation", "on"), CLASS_IN_THE_COMMAND)
    def test_may_be_that_of_the_context(
        self, wire: Wire, watcher: Watcher, operation: Operation, on: str
    ) -> None:
        assert ask(wire, operation, on, watcher.title, named=on).status == 0x0000

    @pytest.mark.parametrize("named", [PULL, WATCH, QUERY])
    def test_is_push_of_what_is_created(self, client: Client, named: str) -> None:
        uid = new_uid()
        answer = client.create(uid, workitems.workitem(), PUSH, named)
        assert answer.status == 0x0118
        assert client.get(uid).status == 0xC307

    def test_is_no_other_service_s(self, wire: Wire, client: Client) -> None:
        uid, worklist = new_uid(), "1.2.840.10008.5.1.4.31"
        assert client.create(uid, workitems.workitem(), PUSH, worklist).status == 0x0118
        assert client.get(uid).status == 0xC307
        assert client.get(wire.create(), (), PULL, worklist).status == 0x0118

    def test_has_to_be_push_strictly(self, wire: Wire) -> None:
        uid, strict = wire.create(), wire.client(strict_sop_class=True)
        assert strict.get(uid, (), PULL, PULL).status == 0x0118
        assert strict.get(uid, (), PULL, PUSH).status == 0x0000
        label = data_set(ProcedureStepLabel="X")
        assert strict.modify(uid, label, PULL, PULL).status == 0x0118
        claim = state("IN PROGRESS", LOCK)
        assert strict.act(uid, Operation.CHANGE_STATE, claim, PULL, PULL).status == 0x0118
        assert wire.attributes(uid).ProcedureStepState == "SCHEDULED"

    def test_as_found_is_push(self, wire: Wire, client: Client) -> None:
        uid = wire.create()
        for context in (PULL, WATCH, QUERY):
            found = client.find(data_set(SOPInstanceUID=uid, SOPClassUID=""), context)
            assert [each.SOPClassUID for each in found.matches] == [PUSH]


class TestInstance:
    @pytest.mark.filterwarnings("ignore:.* VR UI:UserWarning")  # of pydicom, about these UIDs
    @pytest.mark.parametrize("uid", ["1.02.3", "1.2.", "../escaped_by_uid", "/tmp/x", "C:\\\\x"])
    def test_that_is_no_uid(self, client: Client, uid: str) -> None:
        assert client.create(uid, workitems.workitem()).status == 0x0117
        assert client.get(uid).status == 0x0117

    def test_that_is_not_named(self, client: Client) -> None:
        assert client.create(None, workitems.workitem()).status == 0x0117
