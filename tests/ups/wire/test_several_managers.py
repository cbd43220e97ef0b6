"""Two managers on one PostgreSQL database are one service, also behind a load balancer."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timezone
from itertools import cycle
from pathlib import Path

import pytest
from nets import Nets, free_port
from programs import ROOT, Program

from leaddicom import QueryModel, Scu, TlsError, supported
from leaddicom.ups.core.terms import SopClass
from leaddicom.ups.store import Store
from ups import workitems
from ups.receivers import EventReceiver, entity
from ups.wire.services import Serve
from ups.workitems import GLOBAL, data_set, new_uid, state

PUSH, PULL, WATCH = SopClass.PUSH.value, SopClass.PULL.value, SopClass.WATCH.value
TUID = "1.2.3"

Pair = tuple[str, list[Serve]]


@pytest.fixture
def watcher(pair: Pair, nets: Nets) -> Iterator[tuple[str, EventReceiver]]:
    """A receiver that both know, and its AE title."""
    made, title = nets.server(EventReceiver, link="TLS 1.3"), f"W{new_uid()[-12:]}"
    store = Store(pair[0], zone=timezone.utc)
    store.open()
    with store.writing() as writer:
        writer.put_entity(entity(made, title))
    yield title, made
    with store.writing() as writer:
        writer.clear_global(title, and_workitems=True)
        writer.remove_entity(title)
    store.close()


def done(scu: Scu, action: int, uid: str, information: object, context: str) -> None:
    answer = scu.n_action(PUSH, uid, action, information, abstract_syntax=context)
    assert answer.status == 0x0000, answer


class TestService:
    def test_reports_what_one_was_asked_for_and_another_has_done(
        self, pair: Pair, watcher: tuple[str, EventReceiver]
    ) -> None:
        """Subscribed at one, created at the other, claimed at the first again."""
        title, receiver = watcher
        first, second = (each.scu() for each in pair[1])
        with first, second:
            done(first, 3, GLOBAL, workitems.subscription(title, "FALSE"), WATCH)
            uid = new_uid()
            assert second.n_create(PUSH, uid, workitems.workitem()).status == 0x0000
            done(first, 1, uid, state("IN PROGRESS", TUID), PULL)
            progress = workitems.progress(TUID)
            assert second.n_set(PUSH, uid, progress, abstract_syntax=PULL).status == 0x0000
        reports = receiver.inbox.wait_for(3)
        assert [each.key for each in reports] == [(1, uid), (1, uid), (3, uid)]
        states = [each.information.ProcedureStepState for each in reports[:2] if each.information]
        assert states == ["SCHEDULED", "IN PROGRESS"]

    def test_keeps_the_order_whoever_is_asked(
        self, pair: Pair, watcher: tuple[str, EventReceiver]
    ) -> None:
        title, receiver = watcher
        uids = [new_uid() for _ in range(20)]
        clients = [each.scu() for each in pair[1]]
        with clients[0], clients[1]:
            done(clients[0], 3, GLOBAL, workitems.subscription(title, "FALSE"), WATCH)
            for uid, client in zip(uids, cycle(clients)):
                assert client.n_create(PUSH, uid, workitems.workitem()).status == 0x0000
        assert [each.uid for each in receiver.inbox.wait_for(len(uids))] == uids

    def test_has_one_state_of_everything(self, pair: Pair) -> None:
        uid = new_uid()
        first, second = (each.scu() for each in pair[1])
        with first, second:
            assert first.n_create(PUSH, uid, workitems.workitem()).status == 0x0000
            assert second.n_create(PUSH, uid, workitems.workitem()).status == 0x0111
            done(second, 1, uid, state("IN PROGRESS", TUID), PULL)
            for lock, status in ((TUID, 0xC302), ("1.9", 0xC301)):
                claim = state("IN PROGRESS", lock)
                answer = first.n_action(PUSH, uid, 1, claim, abstract_syntax=PULL)
                assert answer.status == status
            got = first.n_get(PUSH, uid, abstract_syntax=PULL).dataset
            assert got is not None
            assert got.ProcedureStepState == "IN PROGRESS"


def test_no_patient_is_in_their_logs(pair: Pair, watcher: tuple[str, EventReceiver]) -> None:
    """Not even at the debug level, whatever succeeds or fails."""
    title, receiver = watcher
    marks = ("Zebra", "ZZ-4711", "19010203", "Ward nine")
    patient = {
        "PatientName": "Zebra^Zoe",
        "PatientID": "ZZ-4711",
        "PatientBirthDate": "19010203",
        "CommentsOnTheScheduledProcedureStep": "Ward nine",
    }
    attributes = workitems.workitem(**patient)
    forbidden = data_set(**patient)
    invalid = workitems.workitem(**patient, InputReadinessState="Zebra")
    for number, serve in enumerate(pair[1], 1):
        uid = new_uid()
        with serve.scu() as scu:
            done(scu, 3, GLOBAL, workitems.subscription(title, "FALSE"), WATCH)
            assert scu.n_create(PUSH, new_uid(), invalid).status == 0x0106
            assert scu.n_create(PUSH, uid, attributes).status == 0x0000
            assert scu.n_set(PUSH, uid, forbidden, abstract_syntax=PULL).status == 0x0106
            identifier = data_set(SOPInstanceUID="", PatientName="Zebra*")
            found = list(scu.find(QueryModel(PULL), identifier))
            assert uid in [each.SOPInstanceUID for each in found]
            done(scu, 2, uid, workitems.reason("Zebra is ill"), WATCH)
        assert uid in [each.uid for each in receiver.inbox.wait_for(4 * number)]
        log = serve.program.wait_for(rf"(?s).*Request UPS Cancel of '{uid}'.*")[0]
        assert [mark for mark in marks if mark in log] == []


# -- behind HAProxy ----------------------------------------------------------------------------


@pytest.fixture
def balancer(pair: Pair, tmp_path: Path) -> Iterator[Serve]:
    """HAProxy as the documentation has it, in front of both."""
    program = shutil.which("haproxy") or shutil.which("/usr/sbin/haproxy")
    if program is None:
        pytest.skip("HAProxy is not installed (Debian package haproxy)")
    text, port = (ROOT / "docs" / "haproxy.cfg").read_text(), free_port()
    changes = {"bind :2762": f"bind 127.0.0.1:{port}"}
    for number, each in enumerate(pair[1], 1):
        changes[f"manager{number}.example:2762"] = f"127.0.0.1:{each.port}"
    for documented, ours in changes.items():
        assert text.count(documented) == 1
        text = text.replace(documented, ours)
    path = tmp_path / "haproxy.cfg"
    path.write_text(text)
    with Program(program, "-db", "-f", str(path)) as running:
        running.wait_until_it_listens(port)
        yield Serve(running, port, pair[1][0].tls)


class TestBalancer:
    def test_passes_on_to_both_and_tls_goes_through(
        self, balancer: Serve, watcher: tuple[str, EventReceiver]
    ) -> None:
        title, receiver = watcher
        clients = [balancer.scu() for _ in range(4)]
        uids = []
        for each in clients:
            each.associate(supported([PUSH, PULL, WATCH]))
            assert each.peer_identity is not None
            assert each.peer_identity.subject.startswith("CN=services")  # the managers' own
        done(clients[0], 3, GLOBAL, workitems.subscription(title, "FALSE"), WATCH)
        for each in clients:
            uids.append(new_uid())
            assert each.n_create(PUSH, uids[-1], workitems.workitem()).status == 0x0000
        statuses = [
            each.n_action(
                PUSH, uids[0], 1, state("IN PROGRESS", f"1.2.{number}"), abstract_syntax=PULL
            ).status
            for number, each in enumerate(clients)
        ]
        assert statuses == [0x0000, 0xC301, 0xC301, 0xC301]
        for each in clients:
            each.close()
        reports = receiver.inbox.wait_for(5)
        assert [each.uid for each in reports] == [*uids, uids[0]]
        balancer.program.wait_for("managers/manager1 ")
        balancer.program.wait_for("managers/manager2 ")

    def test_shows_no_certificate_no_service(self, balancer: Serve) -> None:
        """Who has no certificate of the CA gets no further than the manager's TLS."""
        ca_file = balancer.tls["ca_file"]
        stranger = Scu("localhost", balancer.port, ca_file=ca_file)
        with pytest.raises(TlsError, match="certificate"), stranger:
            stranger.echo()
