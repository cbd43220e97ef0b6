"""C-GET and C-MOVE: their sub-operations, their counts, and what becomes of those that fail."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from nets import LIMITS, Nets, free_port, raw_listener
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.filereader import dcmread
from storage import CT, MR, ROOT, data_set_of, write_instance, write_instances

from leaddicom import DICOM_SECURE_NONE, LDicomDS, Status
from leaddicom.net_tls import Security
from leaddicom.scp import Destination, OperationRefused, Query
from scp.peers import (
    CLIENT,
    CT_CONTEXT,
    FIND,
    GET,
    MOVE,
    PATIENCE,
    Destinations,
    Gate,
    Peers,
    study,
)

PENDING, CANCEL, WARNING = Status.PENDING, Status.CANCEL, Status.WARNING
NONE_PERFORMED = Status.REFUSED_UNABLE_PERFORM_SUB_OPS

#: The numbers of sub-operations in a command set: remaining, completed, failed, warning.
COUNTS = (0x1020, 0x1021, 0x1022, 0x1023)


def uid(number: int) -> str:
    return f"{ROOT}.{number}"


def counts(peers: Peers) -> tuple[int | None, ...]:
    """Those of the last response; `None` for one that it does not have."""
    return tuple(peers.client.commands[-1].get(element) for element in COUNTS)


def failed_uids(answer: tuple[Any, ...]) -> list[str]:
    value = answer[-1].to_pydicom().FailedSOPInstanceUIDList
    return [value] if isinstance(value, str) else list(value)


def read(path: Path) -> Dataset:
    return dcmread(path)


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    return write_instances(tmp_path, 5)


class TestGet:
    def test_stores_on_the_same_association(self, peers: Peers, paths: list[Path]) -> None:
        peers.start(server={"on_retrieve": lambda query: paths}).ask(GET, 7)
        answers = peers.answers("CGet")
        assert peers.client.stored == [
            (uid(number), data_set_of(path)) for number, path in enumerate(paths, 1)
        ]
        assert [each[:6] for each in answers[:-1]] == [
            (7, PENDING, 5 - done, done, 0, 0) for done in range(1, 5)
        ]
        assert answers[-1][1] == 0
        assert answers[-1][-1] is None
        assert counts(peers) == (None, 5, 0, 0)
        peers.echo()

    def test_knows_what_was_asked_for(self, peers: Peers) -> None:
        queries: list[Query] = []
        peers.start(server={"on_retrieve": lambda query: queries.append(query) or []}).ask(GET)
        assert peers.answers("CGet")[0][1] == 0
        assert counts(peers) == (None, 0, 0, 0)
        (query,) = queries
        assert (query.identifier.StudyInstanceUID, query.level) == ("1.2.3.0", "STUDY")
        assert query.move_destination == ""

    @pytest.mark.parametrize("value", [None, ""])
    def test_needs_the_unique_key_of_the_level(self, peers: Peers, value: str | None) -> None:
        keys = study(PatientID="1")
        keys.StudyInstanceUID = value
        if value is None:
            del keys.StudyInstanceUID
        peers.start().ask(GET, identifier=keys)
        assert peers.statuses("CGet") == [0xA900]
        assert peers.comment == "The unique key of the STUDY level is missing."
        assert counts(peers) == (None,) * 4

    def test_sends_data_sets_from_memory(self, peers: Peers, paths: list[Path]) -> None:
        data_sets = [LDicomDS(read(paths[0])), LDicomDS.from_file(paths[1])]
        peers.start(server={"on_retrieve": lambda query: data_sets}).ask(GET)
        assert peers.answers("CGet")[-1][1] == 0
        assert [instance for instance, _ in peers.client.stored] == [uid(1), uid(2)]
        assert peers.client.stored[1][1] == data_set_of(paths[1])

    def test_counts_failures_and_warnings(self, peers: Peers, paths: list[Path]) -> None:
        peers.start(server={"on_retrieve": lambda query: paths})
        peers.client.statuses.update({uid(2): 0xA700, uid(4): 0xB000, uid(5): 0xC000})
        peers.ask(GET)
        *pending, final = peers.answers("CGet")
        assert [each[2:6] for each in pending] == [
            (4, 1, 0, 0),
            (3, 1, 1, 0),
            (2, 2, 1, 0),
            (1, 2, 1, 1),
        ]
        assert final[1] == WARNING
        assert counts(peers) == (None, 2, 2, 1)
        assert failed_uids(final) == [uid(2), uid(5)]

    def test_with_warnings_alone_is_a_warning(self, peers: Peers, paths: list[Path]) -> None:
        peers.start(server={"on_retrieve": lambda query: paths[:1]})
        peers.client.statuses[uid(1)] = 0xB007
        peers.ask(GET)
        (final,) = peers.answers("CGet")
        assert (final[1], final[-1]) == (WARNING, None)
        assert counts(peers) == (None, 0, 0, 1)

    @pytest.mark.parametrize("how", ["statuses", "roles", "contexts"])
    def test_that_performs_nothing_fails(self, peers: Peers, tmp_path: Path, how: str) -> None:
        sop_class = "1.2.840.10008.5.1.4.1.1.1" if how == "contexts" else CT
        paths = write_instances(tmp_path, 3, sop_class=sop_class)
        peers.start(roles=how != "roles", server={"on_retrieve": lambda query: paths})
        peers.client.statuses.update({uid(number): 0xA700 for number in range(1, 4)})
        peers.ask(GET)
        final = peers.answers("CGet")[-1]
        assert final[1] == NONE_PERFORMED
        assert counts(peers) == (None, 0, 3, 0)
        assert failed_uids(final) == [uid(1), uid(2), uid(3)]
        assert len(peers.client.stored) == (3 if how == "statuses" else 0)
        peers.echo()

    def test_goes_on_behind_what_the_peer_does_not_take(self, peers: Peers, tmp_path: Path) -> None:
        paths = [
            write_instance(tmp_path, number, sop_class=sop_class)
            for number, sop_class in enumerate([CT, "1.2.840.10008.5.1.4.1.1.1", MR], 1)
        ]
        peers.start(server={"on_retrieve": lambda query: paths}).ask(GET)
        final = peers.answers("CGet")[-1]
        assert final[1] == WARNING
        assert failed_uids(final) == [uid(2)]
        assert [instance for instance, _ in peers.client.stored] == [uid(1), uid(3)]

    def test_counts_what_cannot_be_read(
        self, peers: Peers, paths: list[Path], caplog: pytest.LogCaptureFixture
    ) -> None:
        some = [paths[0], paths[0].parent / "missing.dcm"]
        peers.start(server={"on_retrieve": lambda query: some}).ask(GET)
        final = peers.answers("CGet")[-1]
        assert (final[1], final[-1]) == (WARNING, None)
        assert counts(peers) == (None, 1, 1, 0)
        assert "missing.dcm: there is no such file" in caplog.text

    def test_counts_what_vanishes_before_its_turn(self, peers: Peers, paths: list[Path]) -> None:
        def retrieve(query: Query) -> Iterator[Path]:
            yield from paths
            paths[1].unlink()

        peers.start(server={"on_retrieve": retrieve}).ask(GET)
        assert failed_uids(peers.answers("CGet")[-1]) == [uid(2)]
        assert counts(peers) == (None, 4, 1, 0)

    def test_lists_instances_that_failed_for_odd_uids(
        self, peers: Peers, paths: list[Path]
    ) -> None:
        data_sets = []
        for odd in ("1.02.3", "no UID", "1.2.3"):
            dataset = read(paths[0])
            dataset.add(DataElement(0x00080018, "UI", odd, validation_mode=0))
            data_sets.append(LDicomDS(dataset))
        peers.start(roles=False, server={"on_retrieve": lambda query: data_sets}).ask(GET)
        final = peers.answers("CGet")[-1]
        assert final[1] == NONE_PERFORMED
        listed = final[-1].to_pydicom().get_item("FailedSOPInstanceUIDList")
        assert listed.value == b"1.02.3\\1.2.3"

    def test_lets_other_answers_pass(self, peers: Peers, paths: list[Path]) -> None:
        """While something else than a C-GET is under way, and when nothing is."""
        gate = Gate()

        def find(query: Query) -> Iterator[Dataset]:
            gate.wait()
            yield study(1)

        peers.start(server={"on_find": find, "on_retrieve": lambda query: paths}).ask(FIND)
        assert gate.reached.wait(PATIENCE)
        server = peers.server.GetClient(0)
        server.SendCStoreRequest(CT_CONTEXT, 77, CT, uid(1), 0, "", 0, paths[0])
        peers.nets.wait_for("OnReceiveCStoreResponse", PATIENCE, net=server)
        gate.opened.set()
        assert peers.statuses() == [PENDING, 0]

    def test_keeps_to_the_window(self, peers: Peers, paths: list[Path]) -> None:
        """PS3.7 Annex D.3.3.3: one request at a time, unless more were negotiated."""
        peers.start(server={"on_retrieve": lambda query: paths})
        peers.client.statuses.update({uid(number): None for number in range(1, 6)})
        peers.ask(GET)
        for _ in paths:
            self.stored(peers, 1)
            assert len(peers.client.outstanding) == 1
            peers.client.SendCStoreResponse(*peers.client.outstanding.pop(), 0)
        assert peers.answers("CGet")[-1][1] == 0

    def test_fills_the_window(self, peers: Peers, paths: list[Path]) -> None:
        peers.start(window=3, server={"on_retrieve": lambda query: paths})
        peers.client.statuses.update({uid(number): None for number in (2, 3, 4)})
        peers.ask(GET)
        self.stored(peers, 4)
        peers.echo()
        assert len(peers.client.stored) == 4
        numbers = [number for _, number, _, _ in peers.client.outstanding]
        assert len(set(numbers)) == 3
        while peers.client.outstanding:
            peers.client.SendCStoreResponse(*peers.client.outstanding.pop(), 0)
        assert peers.answers("CGet")[-1][1] == 0
        assert counts(peers) == (None, 5, 0, 0)

    def test_two_at_once_keep_their_message_ids_apart(self, peers: Peers, tmp_path: Path) -> None:
        sets = {
            "1.2.3.1": write_instances(tmp_path, 5),
            "1.2.3.2": [write_instance(tmp_path, number) for number in range(11, 16)],
        }
        retrieve = lambda query: sets[query.identifier.StudyInstanceUID]  # noqa: E731
        peers.start(window=4, server={"on_retrieve": retrieve})
        peers.client.statuses[uid(13)] = 0xA700
        peers.ask(GET, 1, study(1))
        peers.ask(GET, 2, study(2))
        final: dict[int, int] = {}
        while len(final) < 2:
            number, status, *_ = peers.answer("CGet")
            if status != PENDING:
                final[number] = status
        assert final == {1: 0, 2: WARNING}
        assert sorted(instance for instance, _ in peers.client.stored) == sorted(
            uid(number) for number in (*range(1, 6), *range(11, 16))
        )

    def test_a_long_list_of_failures_is_cut_to_what_an_element_holds(
        self, peers: Peers, paths: list[Path]
    ) -> None:
        long = [f"1.2.3.{10**55 + number}" for number in range(1_200)]
        data_sets = []
        for each in long:
            dataset = read(paths[0])
            dataset.SOPInstanceUID = each
            dataset.SOPClassUID = MR
            data_sets.append(LDicomDS(dataset))
        peers.start(roles=False, server={"on_retrieve": lambda query: data_sets}).ask(GET)
        final = peers.answers("CGet")[-1]
        assert counts(peers) == (None, 0, 1_200, 0)
        listed = failed_uids(final)
        assert listed == long[: len(listed)]
        assert 65_000 < sum(len(each) + 1 for each in listed) <= 65_534

    @staticmethod
    def stored(peers: Peers, count: int) -> None:
        for _ in range(count):
            peers.nets.wait_for("OnReceiveCStoreRequest", PATIENCE, net=peers.client)


class TestCancelOfAGet:
    def test_while_the_matches_are_computed(self, peers: Peers, paths: list[Path]) -> None:
        gate, closed = Gate(), threading.Event()

        def retrieve(query: Query) -> Iterator[Path]:
            try:
                yield paths[0]
                gate.wait()
                yield paths[1]
            finally:
                closed.set()

        peers.start(server={"on_retrieve": retrieve}).ask(GET)
        assert gate.reached.wait(PATIENCE)
        peers.client.SendCCancelRequest(GET, 1)
        assert peers.statuses("CGet") == [CANCEL]
        gate.opened.set()
        assert closed.wait(PATIENCE)
        assert peers.client.stored == []

    def test_while_an_instance_is_on_its_way(self, peers: Peers, paths: list[Path]) -> None:
        peers.start(server={"on_retrieve": lambda query: paths})
        peers.client.statuses.update({uid(1): 0xA700, uid(2): None})
        peers.ask(GET)
        TestGet.stored(peers, 2)
        peers.client.SendCCancelRequest(GET, 1)
        peers.nets.wait_for("OnReceiveCCancelRequest", PATIENCE)
        peers.client.SendCStoreResponse(*peers.client.outstanding.pop(), 0)
        final = peers.answers("CGet")[-1]
        assert final[1] == CANCEL
        assert counts(peers) == (3, 1, 1, 0)
        assert failed_uids(final) == [uid(1)]
        assert len(peers.client.stored) == 2
        peers.echo()


class TestEndOfAGet:
    @pytest.mark.parametrize(
        "end",
        [
            lambda peers: peers.client.SendAbort(),
            lambda peers: peers.client.CloseForced(True),
            lambda peers: peers.server.Close(),
        ],
        ids=["abort", "drop", "close"],
    )
    def test_while_an_instance_is_on_its_way(
        self, peers: Peers, paths: list[Path], end: Callable[[Peers], None]
    ) -> None:
        closed = threading.Event()

        def retrieve(query: Query) -> Iterator[Path]:
            try:
                yield from paths
            finally:
                closed.set()

        peers.start(server={"on_retrieve": retrieve})
        peers.client.statuses[uid(3)] = None
        peers.ask(GET)
        TestGet.stored(peers, 3)
        worker = the_worker("C-GET")
        end(peers)
        worker.join(PATIENCE)
        assert not worker.is_alive()
        assert closed.is_set()

    def test_a_peer_that_does_not_answer(self, peers: Peers, paths: list[Path]) -> None:
        limits = replace(LIMITS, response_timeout=0.3)
        peers.start(server={"on_retrieve": lambda query: paths}, limits=limits)
        peers.client.statuses[uid(1)] = None
        peers.ask(GET)
        peers.nets.wait_for("OnClose", PATIENCE, net=peers.client)


class Place:
    """A destination, and a PACS that knows it as DEST."""

    def __init__(self, peers: Peers, nets: Nets, paths: list[Path]) -> None:
        self.peers, self.nets, self.paths = peers, nets, paths

    def start(
        self, link: str = "plain", kind: type[Destinations] = Destinations, **options: Any
    ) -> Destinations:
        place = self.nets.server(kind, link=link)
        self.move(Destination("localhost", place.GetHostInfo()[1], **options), link)
        return place

    def move(self, destination: Destination, link: str = "plain", **options: Any) -> None:
        server = {
            "on_retrieve": lambda query: self.paths,
            "destinations": {"DEST": destination},
        }
        self.peers.start(link=link, server=server, **options).ask(MOVE, 9)


@pytest.fixture
def place(peers: Peers, nets: Nets, paths: list[Path]) -> Place:
    return Place(peers, nets, paths)


class TestMove:
    @pytest.mark.parametrize("link", ["plain", "TLS 1.2", "TLS 1.3"])
    def test_stores_on_a_second_association_of_the_same_security(
        self, place: Place, peers: Peers, nets: Nets, paths: list[Path], link: str
    ) -> None:
        there = place.start(link)
        *pending, final = peers.answers("CMove")
        assert [each[:6] for each in pending] == [
            (9, PENDING, 5 - done, done, 0, 0) for done in range(1, 5)
        ]
        assert (final[1], final[-1]) == (0, None)
        assert counts(peers) == (None, 5, 0, 0)
        assert [each.data for each in there.received] == [data_set_of(path) for path in paths]
        assert there.origins == [(CLIENT, 9)] * 5
        assert there.titles == [("PACS", "DEST")]
        if link != "plain":
            link_facts = nets.recorder.wait_for_event("OnClose", net=there).arguments[1].link_facts
            assert link_facts.tls_version == link.replace("TLS ", "TLSv")

    def test_can_have_another_title_and_a_window(self, place: Place, peers: Peers) -> None:
        there = place.start(ae_title="ELSEWHERE", window=4)
        assert peers.statuses("CMove")[-1] == 0
        assert there.titles == [("PACS", "ELSEWHERE")]

    def test_to_plain_dicom_is_a_choice(self, place: Place, peers: Peers, nets: Nets) -> None:
        there = nets.server(Destinations, link="plain")
        port = there.GetHostInfo()[1]
        place.move(
            Destination("localhost", port, security=Security(DICOM_SECURE_NONE)), link="TLS 1.3"
        )
        assert peers.statuses("CMove")[-1] == 0
        assert len(there.received) == 5

    def test_does_not_fall_back_to_plain_dicom(
        self, place: Place, peers: Peers, nets: Nets, caplog: pytest.LogCaptureFixture
    ) -> None:
        there = nets.server(Destinations, link="plain")
        place.move(Destination("localhost", there.GetHostInfo()[1]), link="TLS 1.3")
        assert peers.statuses("CMove") == [NONE_PERFORMED]
        assert counts(peers) == (None, 0, 5, 0)
        assert there.received == []
        assert "C-MOVE 9 of 'CLIENT' at 127.0.0.1" in caplog.text

    def test_to_nowhere(self, peers: Peers) -> None:
        peers.start().ask(MOVE)
        assert peers.statuses("CMove") == [Status.REFUSED_MOVE_DESTINATION_UNKNOWN]
        assert peers.comment == "The move destination is unknown."
        assert counts(peers) == (None,) * 4

    def test_may_be_refused_by_who_asks(self, peers: Peers) -> None:
        def retrieve(query: Query) -> list[Path]:
            assert query.move_destination == "DEST"
            raise OperationRefused(Status.REFUSED_NOT_AUTHORIZED)

        place = {"DEST": Destination("localhost", 1)}
        peers.start(server={"on_retrieve": retrieve, "destinations": place}).ask(MOVE)
        assert peers.statuses("CMove") == [0x0124]

    def test_of_nothing_needs_no_association(self, peers: Peers) -> None:
        place = {"DEST": Destination("localhost", 1)}
        server = {"on_retrieve": lambda query: [], "destinations": place}
        peers.start(server=server).ask(MOVE)
        assert peers.statuses("CMove") == [0]
        assert counts(peers) == (None, 0, 0, 0)

    def test_to_a_destination_that_is_down(self, place: Place, peers: Peers) -> None:
        place.move(Destination("127.0.0.1", free_port()))
        final = peers.answers("CMove")[-1]
        assert final[1] == NONE_PERFORMED
        assert counts(peers) == (None, 0, 5, 0)
        assert failed_uids(final) == [uid(number) for number in range(1, 6)]

    def test_counts_failures_and_warnings(self, place: Place, peers: Peers, nets: Nets) -> None:
        there = nets.server(Destinations)
        there.statuses.update({uid(2): 0xA700, uid(4): 0xB000})
        place.move(Destination("localhost", there.GetHostInfo()[1]))
        final = peers.answers("CMove")[-1]
        assert final[1] == WARNING
        assert counts(peers) == (None, 3, 1, 1)
        assert failed_uids(final) == [uid(2)]

    @pytest.mark.parametrize("how", ["abort", "drop"])
    def test_to_a_destination_that_dies_half_way(
        self, place: Place, peers: Peers, how: str
    ) -> None:
        class Dying(Destinations):
            def answer(self, *arguments: Any) -> None:
                if len(self.received) < 3:
                    super().answer(*arguments)
                elif how == "abort":
                    self.SendAbort()
                else:
                    self.CloseForced(True)

        place.start(kind=Dying)
        *pending, final = peers.answers("CMove")
        assert [each[2:6] for each in pending] == [(4, 1, 0, 0), (3, 2, 0, 0)]
        assert final[1] == WARNING
        assert counts(peers) == (None, 2, 3, 0)
        assert failed_uids(final) == [uid(3), uid(4), uid(5)]
        peers.echo()

    def test_counts_what_vanishes_before_its_turn(
        self, place: Place, peers: Peers, paths: list[Path]
    ) -> None:
        class Removing(Destinations):
            def answer(self, *arguments: Any) -> None:
                paths[3].unlink(missing_ok=True)
                super().answer(*arguments)

        place.start(kind=Removing)
        final = peers.answers("CMove")[-1]
        assert failed_uids(final) == [uid(4)]
        assert counts(peers) == (None, 4, 1, 0)


class Withholding(Destinations):
    """Answers from the second instance on only when it is let."""

    gate: Gate

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.gate = Gate()

    def answer(self, *arguments: Any) -> None:
        if len(self.received) == 2:
            self.gate.wait()
        super().answer(*arguments)


class TestCancelOfAMove:
    def test_while_an_instance_is_on_its_way(self, place: Place, peers: Peers) -> None:
        there = place.start(kind=Withholding)
        assert there.gate.reached.wait(PATIENCE)
        peers.client.SendCCancelRequest(MOVE, 9)
        peers.nets.wait_for("OnReceiveCCancelRequest", PATIENCE)
        there.gate.opened.set()
        assert peers.statuses("CMove") == [PENDING, CANCEL]
        assert counts(peers) == (3, 2, 0, 0)
        peers.nets.wait_for("OnReceiveReleaseRequest", PATIENCE)  # in good order
        assert len(there.received) == 2

    def test_while_the_destination_says_nothing(self, place: Place, peers: Peers) -> None:
        with raw_listener() as (listening, port):
            place.move(Destination("127.0.0.1", port))
            deaf, _ = listening.accept()
            with deaf:
                deaf.settimeout(PATIENCE)
                assert deaf.recv(1) == b"\x01"  # the A-ASSOCIATE-RQ
                peers.client.SendCCancelRequest(MOVE, 9)
                assert peers.statuses("CMove") == [CANCEL]
        assert counts(peers) == (5, 0, 0, 0)
        peers.echo()

    def test_while_the_destination_is_looked_up(self, peers: Peers) -> None:
        gate = Gate()

        def destination(ae_title: str) -> None:
            gate.wait()

        peers.start(server={"destination": destination}).ask(MOVE)
        assert gate.reached.wait(PATIENCE)
        peers.client.SendCCancelRequest(MOVE, 1)
        assert peers.statuses("CMove") == [CANCEL]
        gate.opened.set()


class TestEndOfAMove:
    @pytest.mark.parametrize(
        "end",
        [lambda peers: peers.client.SendAbort(), lambda peers: peers.server.Close()],
        ids=["abort", "close"],
    )
    def test_ends_the_second_association(
        self, place: Place, peers: Peers, end: Callable[[Peers], None]
    ) -> None:
        there = place.start(kind=Withholding)
        assert there.gate.reached.wait(PATIENCE)
        worker = the_worker("C-MOVE")
        end(peers)
        worker.join(PATIENCE)
        assert not worker.is_alive()
        there.gate.opened.set()
        peers.nets.wait_for("OnReceiveAbort", PATIENCE, net=None)

    def test_before_there_is_one(self, peers: Peers, paths: list[Path]) -> None:
        gate = Gate()

        def retrieve(query: Query) -> list[Path]:
            gate.wait()
            return paths

        server = {"on_retrieve": retrieve, "destinations": {"DEST": Destination("localhost", 1)}}
        peers.start(server=server).ask(MOVE)
        assert gate.reached.wait(PATIENCE)
        worker = the_worker("C-MOVE")
        peers.client.SendAbort()
        peers.nets.wait_for("OnClose", PATIENCE, net=peers.server)
        gate.opened.set()
        worker.join(PATIENCE)
        assert not worker.is_alive()


def the_worker(name: str) -> threading.Thread:
    return next(each for each in threading.enumerate() if each.name.startswith(f"DICOM {name}"))
