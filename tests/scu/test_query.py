"""C-FIND: matches as they come, and what ends a query."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from nets import LINKS, Nets, some_dataset
from pydicom.dataset import Dataset
from storage import StorageScp

from leaddicom import (
    MODALITY_WORKLIST,
    STUDY_ROOT,
    AssociationError,
    DataSetError,
    DicomErrorCode,
    ParameterError,
    ProtocolError,
    QueryModel,
    Scu,
    Status,
    StatusError,
)
from leaddicom.dimse.messages import C_FIND_RSP
from scu.conftest import MakeScu, offered, requests
from scu.servers import FindScp, respond

QUERY = some_dataset(QueryRetrieveLevel="STUDY")


def numbers(found: Iterator[Dataset]) -> list[int]:
    return [int(match.PatientID) for match in found]


class TestMatches:
    @pytest.mark.parametrize("link", LINKS)
    def test_are_given_in_order(self, nets: Nets, scu: MakeScu, link: str) -> None:
        with scu(nets.server(FindScp, link=link), link) as client:
            assert numbers(client.find(STUDY_ROOT, QUERY)) == [1, 2, 3]

    def test_come_while_the_query_is_under_way(self, nets: Nets, scu: MakeScu) -> None:
        class Slow(FindScp):
            final = None
            count = 1

        server = nets.server(Slow)
        client = scu(server)
        found = client.find(STUDY_ROOT, QUERY)
        assert next(found).PatientID == "1"
        server.GetClient(0).match(2)  # type: ignore[attr-defined]
        assert next(found).PatientID == "2"
        server.GetClient(0).end(0)  # type: ignore[attr-defined]
        assert list(found) == []

    def test_are_asked_for_with_the_identifier(self, nets: Nets, scu: MakeScu) -> None:
        server = nets.server(FindScp)
        list(scu(server).find(MODALITY_WORKLIST, QUERY))
        ((_, message_id, uid, priority, identifier),) = server.requests
        assert (message_id, uid, priority) == (1, MODALITY_WORKLIST.find, 0)
        assert identifier == QUERY

    def test_may_be_none(self, nets: Nets, scu: MakeScu) -> None:
        class Empty(FindScp):
            count = 0

        assert list(scu(nets.server(Empty)).find(STUDY_ROOT, QUERY)) == []

    def test_are_asked_for_when_the_first_is_wanted(self, nets: Nets, scu: MakeScu) -> None:
        client = scu(nets.server(FindScp))
        found = client.find(STUDY_ROOT, QUERY)
        assert client.connection is None
        found.close()  # type: ignore[attr-defined]
        assert client.connection is None

    def test_without_an_identifier_are_none(self, nets: Nets, scu: MakeScu) -> None:
        class Vague(FindScp):
            def match(self, number: int) -> None:
                self.SendCFindResponse(*self.open[-1], Status.PENDING)

        assert list(scu(nets.server(Vague)).find(STUDY_ROOT, QUERY)) == []

    def test_that_are_damaged_end_the_query(self, nets: Nets, scu: MakeScu) -> None:
        class Damaged(FindScp):
            final = None

            def match(self, number: int) -> None:
                context_id, message_id, uid = self.open[-1]
                arguments = (message_id, uid, Status.PENDING)
                respond(self, context_id, C_FIND_RSP, *arguments, data=b"\x10\0\x20\0LO\xff\x7f")

        server = nets.server(Damaged)
        client = scu(server)
        with pytest.raises(DataSetError):
            next(client.find(STUDY_ROOT, QUERY))
        assert server.cancelled == [1]
        assert client.IsAssociated()

    def test_wait_while_nobody_reads(self, nets: Nets, scu: MakeScu) -> None:
        class Many(FindScp):
            count = 200

        client = scu(nets.server(Many))
        found = client.find(STUDY_ROOT, QUERY)
        next(found)
        nets.wait_for("OnReceiveCFindRequest")  # all of them have been queued
        for _ in range(17):  # the one that was read, and those that are held
            nets.wait_for("OnReceiveCFindResponse")
        assert nets.recorder.names(client).count("OnReceiveCFindResponse") <= 18
        assert numbers(found) == list(range(2, 201))


class TestFailure:
    def test_is_raised(self, nets: Nets, scu: MakeScu) -> None:
        class Refusing(FindScp):
            def end(self, status: int) -> None:
                context_id, message_id, uid = self.open.pop()
                arguments = (message_id, uid, 0xA700)
                respond(self, context_id, C_FIND_RSP, *arguments, comment="too many")

        client = scu(nets.server(Refusing))
        found = client.find(STUDY_ROOT, QUERY)
        assert numbers(islice(found, 3)) == [1, 2, 3]
        with pytest.raises(StatusError) as caught:
            next(found)
        assert (caught.value.status, caught.value.comment) == (0xA700, "too many")
        assert str(caught.value) == (
            f"{client.host}:{client.port} answered the C-FIND with A700H, Refused: Out of "
            "Resources, and said 'too many'."
        )
        assert client.IsAssociated()
        assert numbers(islice(client.find(STUDY_ROOT, QUERY), 3)) == [1, 2, 3]
        assert len(requests(nets)) == 1

    def test_is_no_warning(self, nets: Nets, scu: MakeScu) -> None:
        class Limited(FindScp):
            final = 0xB001

        assert len(list(scu(nets.server(Limited)).find(STUDY_ROOT, QUERY))) == 3

    def test_of_the_association_comes_after_the_matches(self, nets: Nets, scu: MakeScu) -> None:
        class Leaving(FindScp):
            def end(self, status: int) -> None:
                self.SendReleaseRequest()

        found = scu(nets.server(Leaving)).find(STUDY_ROOT, QUERY)
        assert numbers(islice(found, 3)) == [1, 2, 3]
        with pytest.raises(AssociationError, match="the peer released it"):
            next(found)

    def test_to_answer_the_right_request_ends_the_association(
        self, nets: Nets, scu: MakeScu
    ) -> None:
        class Confused(FindScp):
            def end(self, status: int) -> None:
                context_id, message_id, uid = self.open.pop()
                self.SendCFindResponse(context_id, message_id + 1, uid, status)

        with pytest.raises(ProtocolError, match="no request of that kind"):
            list(scu(nets.server(Confused)).find(STUDY_ROOT, QUERY))

    def test_to_be_accepted(self, nets: Nets, scu: MakeScu) -> None:
        client = scu(nets.server(StorageScp))
        with pytest.raises(AssociationError, match="does not accept Study Root") as caught:
            list(client.find(STUDY_ROOT, QUERY))
        assert caught.value.code is DicomErrorCode.CLASS_NOT_SUPPORTED

    def test_to_encode_the_identifier_sends_nothing(
        self, nets: Nets, scu: MakeScu, tmp_path: Path
    ) -> None:
        server = nets.server(FindScp)
        client = scu(server)
        with pytest.raises(DataSetError):
            list(client.find(STUDY_ROOT, tmp_path / "missing.dcm"))
        assert len(list(client.find(STUDY_ROOT, QUERY))) == 3
        assert len(server.requests) == 1


class Endless(FindScp):
    """Goes on until it is cancelled."""

    final = None


class TestStoppingEarly:
    def check(self, nets: Nets, server: FindScp, client: Scu) -> None:
        """The peer was told, and the association can be used."""
        assert server.cancelled == [1]
        assert server.open == []
        assert numbers(client.find(STUDY_ROOT, QUERY, limit=2)) == [1, 2]
        assert len(requests(nets)) == 1

    def test_cancels(self, nets: Nets, scu: MakeScu) -> None:
        server = nets.server(Endless)
        client = scu(server)
        for _ in client.find(STUDY_ROOT, QUERY):
            break
        self.check(nets, server, client)

    def test_after_a_limit(self, nets: Nets, scu: MakeScu) -> None:
        server = nets.server(Endless)
        client = scu(server)
        assert numbers(client.find(STUDY_ROOT, QUERY, limit=3)) == [1, 2, 3]
        self.check(nets, server, client)

    @pytest.mark.parametrize("limit", [0, -1])
    def test_at_an_impossible_limit_is_refused(self, scu: MakeScu, limit: int) -> None:
        with pytest.raises(ParameterError, match=f"The limit is {limit}"):
            scu(1).find(STUDY_ROOT, QUERY, limit=limit)

    def test_of_a_peer_that_is_full_of_matches(self, nets: Nets, scu: MakeScu) -> None:
        class Many(Endless):
            count = 200

        server = nets.server(Many)
        client = scu(server)
        next(client.find(STUDY_ROOT, QUERY))
        self.check(nets, server, client)

    def test_when_the_association_has_ended(self, nets: Nets, scu: MakeScu) -> None:
        server = nets.server(Endless)
        client = scu(server)
        found = client.find(STUDY_ROOT, QUERY)
        next(found)
        server.GetClient(0).SendAbort()
        nets.wait_for("OnClose", net=client)
        found.close()  # type: ignore[attr-defined]
        assert client.error is not None
        assert next(client.find(STUDY_ROOT, QUERY)).PatientID == "1"

    def test_with_the_program(self, nets: Nets) -> None:
        # The network thread is gone when the iterator is disposed of.
        port = nets.server(Endless).GetHostInfo()[1]
        program = (
            "from pydicom.dataset import Dataset; import leaddicom as L\n"
            f"scu = L.Scu('localhost', {port}, mode=L.DICOM_SECURE_NONE)\n"
            "query = Dataset(); query.PatientID = ''\n"
            "found = scu.find(L.STUDY_ROOT, query)\n"
            "print(next(found).PatientID)\n"
        )
        command = [sys.executable, "-W", "error", "-c", program]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, "1\n", "")


class TestCancel:
    def test_from_another_thread_ends_the_iteration(self, nets: Nets, scu: MakeScu) -> None:
        server = nets.server(Endless)
        client = scu(server)
        found = client.find(STUDY_ROOT, QUERY)
        assert numbers(islice(found, 3)) == [1, 2, 3]
        thread = threading.Thread(target=client.cancel)
        thread.start()
        assert list(found) == []
        thread.join()
        assert server.cancelled == [1]

    def test_twice_is_sent_once(self, nets: Nets, scu: MakeScu) -> None:
        server = nets.server(Endless)
        client = scu(server)
        found = client.find(STUDY_ROOT, QUERY)
        next(found)
        client.cancel()
        client.cancel()
        assert len(list(found)) == 2
        assert server.cancelled == [1]

    def test_before_the_request_has_left_sends_nothing(self, nets: Nets, scu: MakeScu) -> None:
        class Impatient(Scu):
            def OnReceiveAssociateAccept(self, associate: Any) -> None:
                self.cancel()
                super().OnReceiveAssociateAccept(associate)

        server = nets.server(Endless)
        client = scu(server, kind=Impatient)
        assert list(client.find(STUDY_ROOT, QUERY)) == []
        assert server.requests == []
        assert client.IsAssociated()

    def test_of_nothing_is_allowed(self, nets: Nets, scu: MakeScu) -> None:
        client = scu(nets.server(FindScp))
        client.cancel()
        client.echo()
        client.cancel()

    def test_of_an_association_that_has_ended(self, nets: Nets, scu: MakeScu) -> None:
        server = nets.server(Endless)
        client = scu(server)
        found = client.find(STUDY_ROOT, QUERY)
        numbers(islice(found, 3))
        server.GetClient(0).SendAbort()
        nets.wait_for("OnClose", net=client)
        client.cancel()
        with pytest.raises(AssociationError, match="aborted"):
            next(found)


class TestAQueryThatWaits:
    def test_lets_no_other_operation_begin(self, nets: Nets, scu: MakeScu) -> None:
        client = scu(nets.server(FindScp))
        found = client.find(STUDY_ROOT, QUERY)
        next(found)
        with pytest.raises(ParameterError, match="Another operation of this Scu is under way"):
            client.echo()
        assert numbers(found) == [2, 3]
        client.echo()

    @pytest.mark.parametrize("count", [3, 200])
    @pytest.mark.parametrize("end", ["release", "close", "abort", "Close"])
    def test_does_not_hold_up_the_end(self, nets: Nets, scu: MakeScu, end: str, count: int) -> None:
        server = nets.server(Endless)
        server.count = count
        client = scu(server)
        found = client.find(STUDY_ROOT, QUERY)
        next(found)
        getattr(client, end)()
        assert not client.IsConnected()
        assert (server.cancelled == [1]) == (end in ("release", "close"))
        assert client.echo() > 0
        with pytest.raises(AssociationError, match="given up"):
            next(found)
        assert client.echo() > 0

    def test_is_cancelled_by_the_end_of_a_block(self, nets: Nets, scu: MakeScu) -> None:
        server = nets.server(Endless)
        with scu(server) as client:
            found = client.find(STUDY_ROOT, QUERY)
            next(found)
        assert server.cancelled == [1]
        assert "OnReceiveReleaseResponse" in nets.recorder.names(client)
        found.close()  # type: ignore[attr-defined]


def test_a_model_without_c_move_offers_its_find_only(nets: Nets, scu: MakeScu) -> None:
    client = scu(nets.server(FindScp))
    list(client.find(QueryModel(STUDY_ROOT.find), QUERY))
    list(client.find(STUDY_ROOT, QUERY))
    assert [[uid for uid, _ in offered(each)] for each in requests(nets)] == [
        [STUDY_ROOT.find],
        [STUDY_ROOT.find, STUDY_ROOT.move],
    ]
