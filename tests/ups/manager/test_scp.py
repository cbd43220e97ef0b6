"""The worklist manager over the wire, with our own client on the other end."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset

from leaddicom import LDicomDS, QueryModel
from leaddicom.contexts import VERIFICATION, supported
from leaddicom.dimse.sink import ReceivedDataSet
from leaddicom.errors import AssociationError, StatusError
from leaddicom.ups.core.modification import MOST_ELEMENTS
from leaddicom.ups.core.rules import Rules
from leaddicom.ups.core.terms import SopClass, UpsStatus
from leaddicom.ups.core.workitem import Outcome
from leaddicom.ups.manager import UpsManager
from leaddicom.ups.manager.gate import Operation
from leaddicom.ups.settings.entities import ApplicationEntity
from leaddicom.ups.store import StoreError, Writer
from ups import workitems
from ups.databases import Databases
from ups.manager.test_gate import TABLE
from ups.receivers import PATIENCE
from ups.sites import (
    ALL,
    EVENT,
    LINKS,
    PULL,
    PUSH,
    QUERY,
    WATCH,
    Client,
    Site,
    ask,
    create,
    find,
    uids,
)
from ups.workitems import FILTERED, GLOBAL, code, data_set, new_uid, state, subscription

IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
TUID = "1.2.3"

#: A request that succeeds where it belongs; the instance is a fresh workitem unless it is named.
REQUESTS: dict[Operation, tuple[str | None, Dataset | None]] = {
    Operation.CREATE: (None, workitems.workitem()),
    Operation.GET: (None, None),
    Operation.MODIFY: (None, data_set(ProcedureStepLabel="Other")),
    Operation.CHANGE_STATE: (None, state("IN PROGRESS", TUID)),
    Operation.REQUEST_CANCEL: (None, workitems.reason()),
    Operation.SUBSCRIBE: (GLOBAL, subscription("WATCHER", "TRUE")),
    Operation.UNSUBSCRIBE: (GLOBAL, subscription("WATCHER")),
    Operation.SUSPEND_GLOBAL: (GLOBAL, subscription("WATCHER")),
    Operation.UNKNOWN_ACTION: (None, None),
}


class TestGate:
    @pytest.mark.parametrize("link", LINKS)
    def test_every_cell(self, site: Site, link: str) -> None:
        """PS3.4 Annex CC.3, all of it on one association, which outlives every refusal."""
        site.link = link
        site.start(entities=[ApplicationEntity("WATCHER", "127.0.0.1", 104)])
        heading, *rows = TABLE.strip().splitlines()
        with site.client() as client:
            client.associate((*VERIFICATION, *ALL))
            for name, *answers in map(str.split, rows):
                for column, answer in zip(heading.split(), answers, strict=True):
                    expected = 0x0000 if answer == "yes" else int(answer, 16)
                    status = self.status(client, Operation[name], SopClass[column].value)
                    assert status == expected, (name, column)
            client.echo()

    def status(self, client: Client, operation: Operation, context: str) -> int:
        if operation is Operation.NONE:
            return client.n_delete(PUSH, new_uid(), abstract_syntax=context).status
        if operation is Operation.FIND:
            try:
                find(client, context)
            except StatusError as error:
                return error.status
            return client.statuses[-1]
        uid, dataset = REQUESTS[operation]
        fresh = new_uid() if operation is Operation.CREATE else create(client)
        return ask(client, operation, uid or fresh, dataset, context).status

    @pytest.mark.parametrize("context", [PUSH, PULL, WATCH, EVENT, QUERY])
    def test_other_services(self, scu: Client, context: str) -> None:
        uid = new_uid()
        assert scu.n_event_report(PUSH, uid, 1, abstract_syntax=context).status == 0x0211
        scu.associate((*VERIFICATION, *ALL))
        model = QueryModel(context, context, context)
        for result in (
            scu.get(model, data_set(SOPInstanceUID=uid), lambda _: 0, sop_classes=()),
            scu.move(model, data_set(SOPInstanceUID=uid), "SOMEBODY"),
        ):
            assert (result.status, result.comment[:9]) == (0x0211, "The SOP c")
        scu.echo()

    def test_the_class_that_a_request_names(
        self, site: Site, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        site.start()
        with site.client() as client:
            client.associate(ALL)
            uid = create(client)
            for context, named in ((PULL, PULL), (WATCH, PULL), (PUSH, WATCH)):
                assert ask(client, Operation.GET, uid, None, context, named).status == 0x0000
            created = ask(client, Operation.CREATE, new_uid(), workitems.workitem(), PUSH, PULL)
            assert created.status == 0x0118
        assert caplog.text.count("rather than UPS Push") == 3

    @pytest.mark.parametrize(
        ("link", "told"), [("plain", "without TLS, no certificate"), ("TLS 1.3", "TLSv1.3, ")]
    )
    def test_the_log_tells_who_calls_and_what_became_of_the_state(
        self, site: Site, link: str, told: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        site.link = link
        site.start()
        with site.client() as client:
            client.associate(ALL)
            uid = create(client)
            claimed = ask(client, Operation.CHANGE_STATE, uid, state("IN PROGRESS", TUID), PULL)
            assert claimed.status == 0x0000
        assert f"'CLIENT' calls 'UPSSCP'; {told}" in caplog.text
        assert f"of '{uid}' by 'CLIENT': 0000H IN PROGRESS" in caplog.text

    def test_the_class_that_a_request_names_strictly(self, site: Site) -> None:
        site.start(Rules(strict_sop_class=True))
        with site.client() as client:
            client.associate(ALL)
            uid = create(client)
            assert ask(client, Operation.GET, uid, None, PULL, PULL).status == 0x0118
            assert ask(client, Operation.GET, uid, None, PULL, PUSH).status == 0x0000

    def test_the_class_that_a_query_names(
        self, scu: Client, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Here it has to be that of the context, but which one is meant is clear all the same."""
        caplog.set_level(logging.INFO)
        uid = create(scu)
        scu.associate((*VERIFICATION, *ALL))
        send = scu.SendCFindRequest

        def misnamed(context: int, message: int, _: str, *rest: Any) -> None:
            send(context, message, PUSH, *rest)

        vars(scu)["SendCFindRequest"] = misnamed
        assert uids(find(scu)) == [uid]
        assert f"names the SOP class '{PUSH}'" in caplog.text

    def test_the_class_of_another_service(self, scu: Client) -> None:
        uid, worklist = create(scu), "1.2.840.10008.5.1.4.31"
        assert ask(scu, Operation.GET, uid, None, PULL, worklist).status == 0x0118
        send = scu.SendCFindRequest

        def misnamed(context: int, message: int, _: str, *rest: Any) -> None:
            send(context, message, worklist, *rest)

        vars(scu)["SendCFindRequest"] = misnamed
        with pytest.raises(StatusError) as caught:
            find(scu)
        assert caught.value.status == 0x0122
        scu.echo()

    def test_verification_is_served(self, scu: Client) -> None:
        assert scu.echo() > 0


@pytest.mark.parametrize("link", LINKS)
def test_a_workitem_from_the_beginning_to_the_end(
    site: Site, databases: Databases, link: str
) -> None:
    site.link, site.database = link, databases.with_schema()
    site.start()
    with site.client() as client:
        client.associate(ALL)
        uid = create(client, PatientName="Müller^Jörg", SpecificCharacterSet="ISO_IR 192")
        assert uids(find(client, ProcedureStepState="SCHEDULED")) == [uid]
        claim = state("IN PROGRESS", TUID)
        assert ask(client, Operation.CHANGE_STATE, uid, claim, PULL).status == 0x0000
        assert ask(client, Operation.CHANGE_STATE, uid, claim, PULL).status == 0xC302
        progress = workitems.progress(TUID)
        assert ask(client, Operation.MODIFY, uid, progress, PULL).status == 0x0000
        performed = workitems.performed(TUID)
        assert ask(client, Operation.MODIFY, uid, performed, PULL).status == 0x0000
        done = ask(client, Operation.CHANGE_STATE, uid, state("COMPLETED", TUID), PULL)
        assert (done.status, done.dataset) == (0x0000, None)
        got = ask(client, Operation.GET, uid, None, WATCH).dataset
        assert got is not None
        assert (str(got.PatientName), got.ProcedureStepState) == ("Müller^Jörg", "COMPLETED")
        assert TUID not in str(got)
        assert find(client, ProcedureStepState="SCHEDULED") == []


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT])
def test_both_transfer_syntaxes(site: Site, syntax: str) -> None:
    site.start()
    with site.client() as client:
        client.associate(supported([PUSH], [syntax]))
        uid = create(client)
        got = ask(client, Operation.GET, uid, None, PUSH).dataset
        assert got is not None
        assert got.ProcedureStepLabel == "Treatment"


class TestFailure:
    """Every path has one response, and the association goes on (PS3.7 section 9.1)."""

    def test_of_whatever_kind(self, scu: Client) -> None:
        uid, claimed, nobody = create(scu), create(scu), new_uid()
        claim = state("IN PROGRESS", TUID)
        completed = workitems.workitem(ProcedureStepState="COMPLETED")
        assert ask(scu, Operation.CHANGE_STATE, claimed, claim, PULL).status == 0x0000
        label, change = data_set(ProcedureStepLabel="X"), Operation.CHANGE_STATE
        wrong = data_set(ProcedureStepLabel="X", TransactionUID="1.9")
        garbage = LDicomDS.from_received(ReceivedDataSet(EXPLICIT, "", "", 6, data=b"no use"))
        cases: list[tuple[int, Operation, str, Any, str]] = [
            (0xC307, Operation.GET, nobody, None, PULL),
            (0xC307, Operation.MODIFY, nobody, label, PULL),
            (0xC307, change, nobody, claim, PULL),
            (0xC307, Operation.REQUEST_CANCEL, nobody, None, PUSH),
            (0xC307, Operation.SUBSCRIBE, nobody, subscription("WATCHER", "TRUE"), WATCH),
            (0xC301, Operation.MODIFY, claimed, wrong, PULL),
            (0xC301, change, claimed, state("COMPLETED", "1.9"), PULL),
            (0x0115, change, uid, state("FOO", TUID), PULL),
            (0x0115, change, uid, None, PULL),
            (0x0106, Operation.MODIFY, uid, data_set(PatientBirthDate="19700101"), PULL),
            (0x0106, Operation.MODIFY, uid, data_set(ProcedureStepState="COMPLETED"), PULL),
            (0x0111, Operation.CREATE, uid, workitems.workitem(), PUSH),
            (0x0120, Operation.CREATE, new_uid(), None, PUSH),
            (0xC309, Operation.CREATE, new_uid(), completed, PUSH),
            (0xC308, Operation.SUBSCRIBE, uid, subscription("STRANGER", "TRUE"), WATCH),
            (0xC314, Operation.SUSPEND_GLOBAL, uid, subscription("WATCHER"), WATCH),
            (0x0115, Operation.SUBSCRIBE, FILTERED, subscription("WATCHER", "TRUE"), WATCH),
            (0x0110, Operation.CREATE, new_uid(), garbage, PUSH),
            (0x0110, Operation.MODIFY, uid, garbage, PULL),
            (0x0110, change, uid, garbage, PULL),
        ]
        for status, operation, instance, dataset, context in cases:
            result = ask(scu, operation, instance, dataset, context)
            assert result.status == status, (operation, result)
            assert 0 < len(result.comment) <= 64
            assert (result.sop_class_uid, result.sop_instance_uid) == (PUSH, instance)
            assert result.dataset is None
        scu.echo()

    def test_of_too_many_elements(self, site: Site) -> None:
        """They would take seconds, in which nobody else could write."""
        site.start(limits=UpsManager.limits)
        items = [code(str(number)) for number in range(MOST_ELEMENTS // 4)]
        dataset = workitems.workitem(ScheduledWorkitemCodeSequence=items)
        with site.client() as client:
            client.associate(ALL)
            assert ask(client, Operation.CREATE, new_uid(), dataset, PUSH).status == 0x0110
            create(client)

    @pytest.mark.parametrize("uid", ["", "../escaped_by_uid", "C:\\x", "1.02", "x" * 64])
    def test_of_a_uid_that_is_none(self, scu: Client, uid: str, tmp_path: Path) -> None:
        before = sorted(tmp_path.parent.rglob("*"))
        assert ask(scu, Operation.CREATE, uid, workitems.workitem(), PUSH).status == 0x0117
        assert sorted(tmp_path.parent.rglob("*")) == before
        scu.echo()

    def test_of_the_store(self, scu: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*arguments: Any) -> None:
            raise StoreError("The disk is full.")

        uid = new_uid()
        with monkeypatch.context() as patched:
            patched.setattr(Writer, "insert", fail)
            result = ask(scu, Operation.CREATE, uid, workitems.workitem(), PUSH)
        assert result.status == 0x0110
        assert "log" in result.comment
        assert ask(scu, Operation.CREATE, uid, workitems.workitem(), PUSH).status == 0x0000

    def test_of_an_answer_that_cannot_be_encoded(
        self, scu: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        uid = create(scu)
        answer = data_set(PatientID="4711", ProcedureStepProgress="1")
        answer["PatientID"].VR = "FL"
        unencodable = Outcome(UpsStatus.SUCCESS, dataset=answer)
        monkeypatch.setattr("leaddicom.ups.manager.service.get", lambda *_: unencodable)
        result = ask(scu, Operation.GET, uid, None, PULL)
        assert (result.status, result.comment) == (0x0110, "The answer cannot be encoded")
        scu.echo()

    def test_of_a_caller_that_has_gone(
        self, site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """What it has asked for is done all the same, and that it does not hear of it no fault."""
        site.start()
        client, insert, uid = site.client(), Writer.insert, new_uid()

        def leave(writer: Writer, workitem: Any) -> Any:
            client.abort()
            return insert(writer, workitem)

        with monkeypatch.context() as patched:
            patched.setattr(Writer, "insert", leave)
            with pytest.raises(AssociationError):
                create(client, uid)
            site.nets.wait_for("OnClose", PATIENCE, net=site.manager)
        with site.client() as another:
            assert ask(another, Operation.GET, uid, None, PULL).status == 0x0000
        assert not [each for each in caplog.records if each.levelno >= logging.ERROR]
