"""C-FIND: the hook, its matches, and every way in which an operation ends."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from nets import IMPLICIT, LIMITS, Nets
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from leaddicom import MODALITY_WORKLIST, STUDY_ROOT, LDicomDS, LDicomNet, Limits, QueryModel, Status
from leaddicom.scp import (
    OperationRefused,
    Query,
    QueryRetrieveScp,
    find_contexts,
    matches,
    requested,
)
from leaddicom.scp.operation import Workers
from leaddicom.transport.outbox import QueuedPrimitive
from scp.peers import (
    CLIENT,
    FIND,
    GET,
    MOVE,
    PATIENCE,
    SOP_CLASSES,
    WORKLIST,
    Closing,
    Gate,
    Pacs,
    Peers,
    request,
    study,
)

PENDING, CANCEL = Status.PENDING, Status.CANCEL


def test_matches_leave_as_they_are_found(peers: Peers) -> None:
    gate = Gate()

    def find(query: Query) -> Iterator[Dataset]:
        yield study(1)
        gate.wait()
        yield study(2)

    peers.start(server={"on_find": find}).ask(FIND, 7)
    number, status, match = peers.answer()
    assert (number, status) == (7, PENDING)
    assert match.to_pydicom() == study(1)
    gate.opened.set()
    (_, status, match), final = peers.answers()
    assert (status, match.to_pydicom()) == (PENDING, study(2))
    assert final == (7, 0, None)
    peers.echo()  # the association is in order, and nothing came after the final response
    assert peers.nets.recorder.names(peers.client).count("OnReceiveCFindResponse") == 3


@pytest.mark.parametrize("link", ["plain", "TLS 1.3"])
def test_a_query_tells_who_asks_for_what(peers: Peers, link: str) -> None:
    queries: list[Query] = []

    def find(query: Query) -> list[Dataset]:
        queries.append(query)
        return []

    peers.start(link=link, server={"on_find": find})
    peers.client.SendCFindRequest(FIND, 1, SOP_CLASSES[FIND], 2, study(PatientID="4711"))
    assert peers.statuses() == [0]
    (query,) = queries
    assert query.sop_class_uid == SOP_CLASSES[FIND]
    assert (query.model, query.level) == (STUDY_ROOT, "STUDY")
    assert query.levels == ("STUDY", "SERIES", "IMAGE")
    assert query.identifier.PatientID == "4711"
    assert (query.calling_ae_title, query.called_ae_title) == (CLIENT, "PACS")
    assert (query.priority, query.move_destination) == (2, "")
    if link == "plain":
        assert query.peer_identity is None
    else:
        assert query.peer_identity is not None
        assert "good" in query.peer_identity.subject


def test_unsupported_keys_are_told_with_each_match(peers: Peers) -> None:
    def find(query: Query) -> Iterator[Dataset]:
        query.has_unsupported_keys = True
        yield study(1)
        yield study(2)

    peers.start(server={"on_find": find}).ask(FIND)
    assert peers.statuses() == [0xFF01, 0xFF01, 0]


def test_the_level_is_added_to_matches_that_lack_it(peers: Peers) -> None:
    match = study(1)
    del match.QueryRetrieveLevel
    peers.start(server={"on_find": lambda query: [match]}).ask(FIND)
    assert peers.answer()[2].to_pydicom().QueryRetrieveLevel == "STUDY"
    assert "QueryRetrieveLevel" not in match


def test_a_worklist_needs_no_level_and_gets_none(peers: Peers) -> None:
    entry = Dataset()
    entry.PatientID = "4711"

    def find(query: Query) -> Iterator[Dataset]:
        assert query.model is MODALITY_WORKLIST
        assert (query.level, query.levels) == ("", ())
        if matches(query.identifier, entry):
            yield requested(query.identifier, entry)

    keys = Dataset()
    keys.PatientID, keys.PatientName = "47*", ""
    peers.start(server={"on_find": find}).ask(WORKLIST, identifier=keys)
    match, final = peers.answers()
    assert [element.keyword for element in match[2].to_pydicom()] == ["PatientName", "PatientID"]
    assert final[1] == 0


class TestIdentifier:
    @pytest.mark.parametrize("context", [FIND, MOVE, GET])
    @pytest.mark.parametrize(
        ("level", "comment"),
        [
            (None, "Query/Retrieve Level (0008,0052) is missing."),
            ("", "Query/Retrieve Level (0008,0052) is missing."),
            ("PATIENT", "Query/Retrieve Level (0008,0052) is none of the model."),
            ("FRAME", "Query/Retrieve Level (0008,0052) is none of the model."),
        ],
    )
    def test_has_to_have_a_level_of_the_model(
        self, peers: Peers, context: int, level: str | None, comment: str
    ) -> None:
        keys = study()
        keys.QueryRetrieveLevel = level
        if level is None:
            del keys.QueryRetrieveLevel
        peers.start().ask(context, identifier=keys)
        name = {FIND: "CFind", MOVE: "CMove", GET: "CGet"}[context]
        assert peers.statuses(name) == [0xA900]
        assert peers.comment == comment

    def test_that_cannot_be_decoded(self, peers: Peers, caplog: pytest.LogCaptureFixture) -> None:
        keys = study(ReferencedStudySequence=[study(ReferencedSeriesSequence=[study()])])
        peers.start(limits=replace(LIMITS, sequence_depth=1)).ask(FIND, identifier=keys)
        assert peers.statuses() == [0xC000]
        assert peers.comment == "The identifier cannot be decoded."
        assert "The identifier of C-FIND 1 of 'CLIENT' at 127.0.0.1" in caplog.text
        peers.echo()


@pytest.mark.parametrize(("count", "told"), [(0, "0 matches"), (1, "1 match"), (2, "2 matches")])
def test_the_log_tells_who_has_found_how_many(
    peers: Peers, caplog: pytest.LogCaptureFixture, count: int, told: str
) -> None:
    caplog.set_level(logging.INFO, "leaddicom.scp")
    peers.start(server={"on_find": lambda query: map(study, range(count))}).ask(FIND)
    assert peers.statuses()[-1] == 0x0000
    (line,) = [each for each in caplog.messages if "ends with" in each]
    assert line.startswith("C-FIND 1 of 'CLIENT' at 127.0.0.1:")
    assert line.endswith(f" ends with 0000H, {told}")


class TestFailure:
    def test_an_exception_is_logged_and_answered(
        self, peers: Peers, caplog: pytest.LogCaptureFixture
    ) -> None:
        def find(query: Query) -> Iterator[Dataset]:
            yield study(1)
            raise RuntimeError("the database is gone")

        peers.start(server={"on_find": find}).ask(FIND)
        assert peers.statuses() == [PENDING, 0xC000]
        assert peers.comment == "The application failed; its log tells more."
        (record,) = [each for each in caplog.records if each.levelno == logging.ERROR]
        assert record.getMessage().startswith("C-FIND 1 of 'CLIENT' at 127.0.0.1:")
        assert "the database is gone" in str(record.exc_text)
        peers.echo()

    def test_before_the_first_match(self, peers: Peers) -> None:
        def find(query: Query) -> list[Dataset]:
            raise SystemExit  # nothing that a hook raises ends a thread silently

        peers.start(server={"on_find": find}).ask(FIND)
        assert peers.statuses() == [0xC000]

    @pytest.mark.parametrize("result", [None, [1]])
    def test_of_a_hook_that_gives_something_else(self, peers: Peers, result: Any) -> None:
        peers.start(server={"on_find": lambda query: result}).ask(FIND)
        assert peers.statuses() == [0xC000]

    def test_of_a_match_that_cannot_be_encoded(self, peers: Peers) -> None:
        bad = study(1)
        bad.add(DataElement(0x00280010, "US", 0x10000, validation_mode=0))
        closing = Closing([study(0), bad, study(2)])
        peers.start(server={"on_find": closing}).ask(FIND)
        assert peers.statuses() == [PENDING, 0xC000]
        assert closing.closed.wait(PATIENCE)

    @pytest.mark.parametrize(
        ("comment", "sent"),
        [("", ""), ("Not today.", "Not today."), ("x" * 65, "x" * 64), ("Mühe", "M?he")],
    )
    def test_may_be_chosen(self, peers: Peers, comment: str, sent: str) -> None:
        def find(query: Query) -> Iterator[Dataset]:
            raise OperationRefused(Status.REFUSED_NOT_AUTHORIZED, comment)

        peers.start(server={"on_find": find}).ask(FIND)
        assert peers.statuses() == [0x0124]
        assert peers.comment == sent

    @pytest.mark.parametrize(("context", "name"), [(FIND, "CFind"), (GET, "CGet")])
    def test_of_hooks_that_are_not_overridden(self, peers: Peers, context: int, name: str) -> None:
        class Nothing(Pacs):
            find, retrieve = QueryRetrieveScp.find, QueryRetrieveScp.retrieve
            destination = QueryRetrieveScp.destination

        peers.start(kind=Nothing).ask(context)
        assert peers.statuses(name) == [Status.CLASS_NOT_SUPPORTED]
        assert peers.comment == "This operation is not supported."

    def test_of_a_destination_that_is_not_overridden(self, peers: Peers) -> None:
        class Nothing(Pacs):
            destination = QueryRetrieveScp.destination

        peers.start(kind=Nothing).ask(MOVE)
        assert peers.statuses("CMove") == [Status.REFUSED_MOVE_DESTINATION_UNKNOWN]

    def test_of_what_happens_to_the_final_response_aborts(
        self, peers: Peers, caplog: pytest.LogCaptureFixture
    ) -> None:
        class Failing(Pacs):
            def OnBeforeSendCommandSet(self, command_set: LDicomDS) -> None:
                raise RuntimeError("in an event")

        peers.start(kind=Failing, server={"on_find": lambda query: []}).ask(FIND)
        peers.nets.wait_for("OnReceiveAbort", PATIENCE, net=peers.client)
        assert "C-FIND 1 of 'CLIENT' at 127.0.0.1" in caplog.text
        assert "cannot be answered" in caplog.text

    def test_of_closing_a_generator_is_logged(
        self, peers: Peers, caplog: pytest.LogCaptureFixture
    ) -> None:
        gate = Gate()

        def find(query: Query) -> Iterator[Dataset]:
            try:
                yield study(1)
                gate.wait()
                yield study(2)
            finally:
                raise ValueError("and this, too")

        peers.start(server={"on_find": find}).ask(FIND)
        assert gate.reached.wait(PATIENCE)
        peers.client.SendCCancelRequest(FIND, 1)
        assert peers.statuses() == [PENDING, CANCEL]
        worker = next(each for each in threading.enumerate() if "C-FIND" in each.name)
        gate.opened.set()
        worker.join(PATIENCE)
        assert "Closing an iterator raised" in caplog.text


class TestCancel:
    def test_is_answered_at_once_though_the_hook_computes(self, peers: Peers) -> None:
        gate, closed = Gate(), threading.Event()

        def find(query: Query) -> Iterator[Dataset]:
            try:
                yield study(1)
                gate.wait()
                assert query.cancelled.is_set()
                yield study(2)
            finally:
                closed.set()

        peers.start(server={"on_find": find}).ask(FIND)
        assert gate.reached.wait(PATIENCE)
        peers.client.SendCCancelRequest(FIND, 1)
        assert peers.statuses() == [PENDING, CANCEL]
        assert not closed.is_set()
        gate.opened.set()
        assert closed.wait(PATIENCE)
        peers.echo()
        assert peers.nets.recorder.names(peers.client).count("OnReceiveCFindResponse") == 2

    def test_between_matches(self, peers: Peers) -> None:
        endless = Closing(iter(lambda: study(1), None))
        peers.start(server={"on_find": endless}).ask(FIND)
        assert peers.answer()[1] == PENDING
        peers.client.SendCCancelRequest(FIND, 1)
        assert peers.statuses()[-1] == CANCEL
        assert endless.closed.wait(PATIENCE)

    def test_that_comes_before_the_hook_is_called(self, peers: Peers) -> None:
        called: list[Query] = []
        waiting: list[Callable[[], None]] = []

        class Busy(Workers):
            """The system lets its threads wait."""

            def start(self, run: Callable[[], None], name: str, limit: int) -> bool:
                waiting.append(run)
                return True

        peers.start(server={"_workers": Busy(), "on_find": called.append}).ask(FIND)
        peers.arrived()
        peers.client.SendCCancelRequest(FIND, 1)
        assert peers.statuses() == [CANCEL]
        waiting.pop()()
        assert not called
        peers.echo()

    @pytest.mark.parametrize("number", [1, 2])
    def test_that_comes_late_or_names_nothing(self, peers: Peers, number: int) -> None:
        peers.start(server={"on_find": lambda query: []}).ask(FIND)
        assert peers.statuses() == [0]
        peers.client.SendCCancelRequest(FIND, number)
        peers.echo()
        peers.ask(FIND)  # the same message ID again
        assert peers.statuses() == [0]

    def test_a_storm_of_them(self, peers: Peers) -> None:
        gate = Gate()

        def find(query: Query) -> Iterator[Dataset]:
            gate.wait()
            yield study(1)

        peers.start(server={"on_find": find}).ask(FIND, 1)
        peers.arrived()
        for _ in range(300):
            for number in (1, 2, 0xFFFF):
                peers.client.SendCCancelRequest(FIND, number)
        assert peers.statuses() == [CANCEL]
        gate.opened.set()
        peers.echo()
        assert peers.nets.recorder.names(peers.client).count("OnReceiveCFindResponse") == 1

    def test_storms_of_operations_that_are_cancelled(self, peers: Peers) -> None:
        peers.start(window=8, server={"on_find": lambda query: iter(lambda: study(1), None)})
        for number in range(1, 41):
            peers.ask(FIND, number)
            peers.arrived()
            peers.client.SendCCancelRequest(FIND, number)
        final: list[int] = []
        while len(final) < 40:
            number, status, _ = peers.answer()
            if status != PENDING:
                assert status == CANCEL
                final.append(number)
        assert sorted(final) == list(range(1, 41))
        peers.echo()

    def test_the_message_id_is_free_though_the_hook_computes(self, peers: Peers) -> None:
        gate = Gate()
        hooks = iter([lambda: gate.wait(), lambda: None])

        def find(query: Query) -> list[Dataset]:
            next(hooks)()
            return [study(1)]

        peers.start(server={"on_find": find}).ask(FIND, 1)
        assert gate.reached.wait(PATIENCE)
        peers.client.SendCCancelRequest(FIND, 1)
        assert peers.statuses() == [CANCEL]
        peers.ask(FIND, 1)
        assert peers.statuses() == [PENDING, 0]
        gate.opened.set()
        peers.echo()

    def test_wins_over_what_the_hook_raises_then(
        self, peers: Peers, caplog: pytest.LogCaptureFixture
    ) -> None:
        computing, raised = threading.Event(), threading.Event()

        def find(query: Query) -> Iterator[Dataset]:
            yield study(1)
            computing.set()
            query.cancelled.wait(PATIENCE)
            raised.set()
            raise RuntimeError("cancelled")

        peers.start(server={"on_find": find}).ask(FIND)
        assert computing.wait(PATIENCE)
        peers.client.SendCCancelRequest(FIND, 1)
        assert peers.statuses() == [PENDING, CANCEL]
        assert raised.wait(PATIENCE)
        peers.echo()


class TestSeveralOperations:
    def test_at_once_on_one_association(self, peers: Peers) -> None:
        gates = {"A": Gate(), "B": Gate()}

        def find(query: Query) -> Iterator[Dataset]:
            gates[query.identifier.PatientID].wait()
            yield study(1, PatientID=query.identifier.PatientID)

        peers.start(window=2, server={"on_find": find})
        peers.ask(FIND, 1, study(PatientID="A"))
        peers.ask(FIND, 2, study(PatientID="B"))
        assert all(gate.reached.wait(PATIENCE) for gate in gates.values())
        for number, name in ((2, "B"), (1, "A")):
            gates[name].opened.set()
            match, final = peers.answers()
            assert match[2].to_pydicom().PatientID == name
            assert (match[0], final[0], final[1]) == (number, number, 0)

    def test_one_of_which_is_cancelled(self, peers: Peers) -> None:
        gate = Gate()

        def find(query: Query) -> Iterator[Dataset]:
            gate.wait()
            yield study(1)

        peers.start(window=2, server={"on_find": find})
        peers.ask(FIND, 1)
        peers.ask(FIND, 2)
        peers.arrived(2)
        peers.client.SendCCancelRequest(FIND, 2)
        assert peers.answers() == [(2, CANCEL, None)]
        gate.opened.set()
        assert [each[:2] for each in peers.answers()] == [(1, PENDING), (1, 0)]

    @pytest.mark.parametrize(
        ("context", "name", "status"),
        [(FIND, "CFind", 0xA700), (GET, "CGet", 0xA701), (MOVE, "CMove", 0xA701)],
    )
    def test_too_many_are_refused(self, peers: Peers, context: int, name: str, status: int) -> None:
        gate = Gate()

        def find(query: Query) -> Iterator[Dataset]:
            gate.wait()
            yield study(1)

        peers.start(window=2, server={"on_find": find, "maximum_operations": 1})
        peers.ask(FIND, 1)
        assert gate.reached.wait(PATIENCE)
        peers.ask(context, 2)
        assert [each[:2] for each in peers.answers(name)] == [(2, status)]
        assert peers.comment == "Too many operations are under way."
        worker = next(each for each in threading.enumerate() if "C-FIND 1" in each.name)
        gate.opened.set()
        assert peers.statuses() == [PENDING, 0]
        worker.join(PATIENCE)
        peers.ask(FIND, 3)  # there is room again
        assert peers.statuses() == [PENDING, 0]

    def test_the_limit_holds_for_all_connections(self, peers: Peers, nets: Nets) -> None:
        gate = Gate()

        def find(query: Query) -> Iterator[Dataset]:
            gate.wait()
            yield study(1)

        peers.start(server={"on_find": find, "maximum_operations": 1})
        other = Peers(nets)
        other.client = nets.client(peers.server, type(peers.client))
        nets.associated(other.client, request())
        peers.ask(FIND)
        assert gate.reached.wait(PATIENCE)
        other.ask(FIND)
        assert other.statuses() == [0xA700]
        gate.opened.set()
        assert peers.statuses() == [PENDING, 0]

    def test_without_a_thread_to_be_had(
        self, peers: Peers, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        peers.start(server={"on_find": lambda query: []})
        start = threading.Thread.start

        def fail(thread: threading.Thread) -> None:
            if "C-FIND" in thread.name:
                raise RuntimeError("can't start new thread")
            start(thread)

        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", fail)
            peers.ask(FIND)
            assert peers.statuses() == [0xA700]
        peers.ask(FIND)
        assert peers.statuses() == [0]


class TestSlowConsumer:
    LIMITS = replace(LIMITS, queued_messages=4)

    def test_bounds_what_is_computed_ahead(self, peers: Peers) -> None:
        many = Closing(study(1, TextValue="x" * 60_000) for _ in range(1_000))
        gate = Gate()
        peers.start(server={"on_find": many}, limits=self.LIMITS)
        peers.client.OnReceiveCFindResponse = lambda *_: gate.wait()  # type: ignore[method-assign]
        peers.ask(FIND)
        assert gate.reached.wait(PATIENCE)
        # The client reads no more.  What fits into the buffers of both systems is far less than
        # all of it, and then nothing leaves the queue, and the hook is not asked for more.
        server = peers.server.GetClient(0)
        wait_until(lambda: server.GetQueueSend() >= self.LIMITS.queued_messages)
        assert many.given < 500
        gate.opened.set()
        assert peers.statuses() == [PENDING] * 1_000 + [0]

    def test_that_takes_nothing_is_dropped(self, peers: Peers) -> None:
        endless = Closing(iter(lambda: study(1, TextValue="x" * 60_000), None))
        gate = Gate()
        limits = replace(self.LIMITS, write_timeout=0.5)
        peers.start(server={"on_find": endless}, limits=limits)
        server = peers.server.GetClient(0)
        peers.client.OnReceiveCFindResponse = lambda *_: gate.wait()  # type: ignore[method-assign]
        peers.ask(FIND)
        peers.nets.wait_for("OnClose", PATIENCE, net=server)
        assert endless.closed.wait(PATIENCE)
        gate.opened.set()


class TestEnd:
    """What ends the association ends the operations, and nothing is left of them."""

    def start(self, peers: Peers) -> Closing:
        endless = Closing(iter(lambda: study(1), None))
        peers.start(server={"on_find": endless}).ask(FIND)
        assert peers.answer()[1] == PENDING
        return endless

    def test_the_peer_aborts(self, peers: Peers) -> None:
        endless = self.start(peers)
        peers.client.SendAbort()
        assert endless.closed.wait(PATIENCE)

    def test_the_peer_drops_the_connection(self, peers: Peers) -> None:
        endless = self.start(peers)
        peers.client.CloseForced(True)
        assert endless.closed.wait(PATIENCE)

    def test_the_peer_releases(self, peers: Peers) -> None:
        gate, closed = Gate(), threading.Event()

        def find(query: Query) -> Iterator[Dataset]:
            try:
                yield study(1)
                gate.reached.set()
                assert query.cancelled.wait(PATIENCE)
                yield study(2)
            finally:
                closed.set()

        peers.start(server={"on_find": find}).ask(FIND)
        assert peers.answer()[1] == PENDING
        assert gate.reached.wait(PATIENCE)
        peers.client.connection.put(_release())
        peers.nets.wait_for("OnReceiveReleaseResponse", PATIENCE, net=peers.client)
        assert closed.wait(PATIENCE)

    def test_the_server_closes(self, peers: Peers) -> None:
        endless = self.start(peers)
        peers.server.Close()
        assert endless.closed.wait(PATIENCE)

    def test_the_server_closes_while_the_hook_computes(self, peers: Peers) -> None:
        closed = threading.Event()

        def find(query: Query) -> Iterator[Dataset]:
            try:
                yield study(1)
                assert query.cancelled.wait(PATIENCE)
                yield study(2)
            finally:
                closed.set()

        peers.start(server={"on_find": find}).ask(FIND)
        assert peers.answer()[1] == PENDING
        peers.server.CloseForced(True)
        assert closed.wait(PATIENCE)

    def test_another_connection_goes_on(self, peers: Peers, nets: Nets) -> None:
        endless = self.start(peers)
        other = Peers(nets)
        other.client = nets.client(peers.server, type(peers.client))
        nets.associated(other.client, request())
        peers.client.SendAbort()
        assert endless.closed.wait(PATIENCE)
        nets.wait_for("OnClose", PATIENCE, net=peers.server)
        other.echo()


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait for what no event tells."""
    pause, end = threading.Event(), time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < end
        pause.wait(0.005)


def _release() -> Any:
    """A release request that does not wait until all is answered, as a bad client sends it."""
    return QueuedPrimitive(lambda upper_layer: upper_layer.release())


def test_the_application_sees_final_responses_before_they_leave(peers: Peers) -> None:
    class Marking(Pacs):
        def OnBeforeSendCommandSet(self, command_set: LDicomDS) -> None:
            command = command_set.to_pydicom()
            if command.Status == 0xC000:
                command.ErrorID = 42

    def find(query: Query) -> list[Dataset]:
        raise RuntimeError

    peers.start(kind=Marking, server={"on_find": find}).ask(FIND)
    assert peers.statuses() == [0xC000]
    assert peers.client.commands[-1][0x0903] == 42


def test_a_client_that_is_made_otherwise_is_served_too(peers: Peers) -> None:
    """`OnAccept` may accept with an object of its own, and `CreateClient` give another class."""

    class Mixed(Pacs):
        def CreateClient(self) -> LDicomNet:
            client = Pacs(None, self.GetSecureMode())
            client.on_find = lambda query: [study(1)]  # type: ignore[method-assign]
            client.limits = Limits()
            return client

    peers.start(kind=Mixed).ask(FIND)
    assert peers.statuses() == [PENDING, 0]


def test_a_model_of_the_application_is_left_to_it(peers: Peers) -> None:
    """UPS Pull, for example, has neither levels nor unique keys."""

    def find(query: Query) -> list[Dataset]:
        assert (query.model, query.levels) == (None, ())
        return []

    pull = "1.2.840.10008.5.1.4.34.6.3"
    contexts = (*Pacs.supported_contexts, *find_contexts(QueryModel(pull)))
    asked = request()
    asked.AddPresentation(99, 0, pull)
    asked.AddTransfer(99, IMPLICIT)
    server = {"on_find": find, "supported_contexts": contexts}
    peers.start(server=server, request=asked)
    peers.client.SendCFindRequest(99, 1, pull, 0, Dataset())
    assert peers.statuses() == [0]


def test_a_refusal_says_what_it_is() -> None:
    assert str(OperationRefused(0xA700)) == "A700H"
    assert str(OperationRefused(0x0124, "Not you.")) == "0124H Not you."
