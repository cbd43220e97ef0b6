"""The clients with the manager of this package, over mutual TLS and a network that breaks."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from nets import Nets, short
from programs import Program
from pydicom.dataset import Dataset

from leaddicom import DICOM_SECURE_TLS, StatusError
from leaddicom.ups.client import UpsScu
from leaddicom.ups.client.builders import performed_procedure, workitem
from leaddicom.ups.client.queries import query
from leaddicom.ups.client.receiver import UpsEventReceiver
from leaddicom.ups.client.results import Category, UpsResult
from leaddicom.ups.client.transaction_uids import TransactionUids
from leaddicom.ups.client.views import UpsEvent
from leaddicom.ups.core.rules import Rules
from leaddicom.ups.core.terms import EventType, State
from leaddicom.ups.manager import UpsManager
from leaddicom.ups.settings.entities import ApplicationEntity
from leaddicom.ups.store import Store
from ups.client.conftest import AT_ONCE
from ups.client.proxy import LossyProxy, lossy_proxy

WAIT = 20.0
STATION, REVIEW = ("WS1", "99TEST", "Workstation 1"), ("R1", "99TEST", "Plan review")
STEP = workitem(
    "Plan review",
    datetime(2030, 1, 31, 9, 30, tzinfo=timezone.utc),
    patient_id="SYN-1",
    patient_name="Example^Änna",
    stations=[STATION],
    codes=[REVIEW],
)
STRICT = Rules(strict_create=True, strict_final_state=True, strict_sop_class=True)

Perform = Callable[[UpsScu, str], UpsResult]


@pytest.fixture
def tls(nets: Nets) -> dict[str, Any]:
    good = nets.certificate("good")
    return {
        "ca_file": str(nets.pki.ca_file),
        "certificate": str(good.certificate_file),
        "key": str(good.key_file),
        "mode": DICOM_SECURE_TLS,
    }


@pytest.fixture
def receiver(tls: dict[str, Any]) -> Iterator[UpsEventReceiver]:
    with UpsEventReceiver(ae_title="WATCHER", **tls) as made:
        made.Listen("127.0.0.1", 0)
        yield made


@pytest.fixture
def manager(tmp_path: Path, nets: Nets, receiver: UpsEventReceiver) -> Iterator[UpsManager]:
    """The strictest manager, which knows the receiver."""
    made = UpsManager(Store(str(tmp_path / "worklist.sqlite"), zone=timezone.utc), STRICT)
    settings = nets.make(link="TLS 1.3").security
    made.security = settings.copy()
    port = receiver.GetHostInfo()[1]
    made.entities = [ApplicationEntity("WATCHER", "127.0.0.1", port)]
    made.start("127.0.0.1", 0)
    yield made
    made.stop()


@pytest.fixture
def proxy(manager: UpsManager) -> Iterator[LossyProxy]:
    with lossy_proxy(manager.GetHostInfo()[1]) as made:
        yield made


@pytest.fixture
def connect(tls: dict[str, Any], tmp_path: Path) -> Iterator[Callable[..., UpsScu]]:
    made: list[UpsScu] = []

    def connect(port: int, **options: Any) -> UpsScu:
        defaults: dict[str, Any] = {
            "limits": short(),
            "calling_ae_title": "WATCHER",
            "transaction_uids": tmp_path / "uids.sqlite",
            "retry": AT_ONCE,
        }
        made.append(UpsScu("127.0.0.1", port, **tls, **defaults | options))
        return made[-1]

    yield connect
    for each in made:
        each.net.CloseForced(True)


@pytest.fixture
def ups(manager: UpsManager, connect: Callable[..., UpsScu]) -> UpsScu:
    return connect(manager.GetHostInfo()[1])


def perform(ups: UpsScu, uid: str) -> None:
    ups.start_procedure(uid, stations=[STATION], codes=[REVIEW]).check()
    ups.end_procedure(uid).check()


def taken(receiver: UpsEventReceiver, count: int) -> list[UpsEvent]:
    events = [receiver.next_event(WAIT) for _ in range(count)]
    return [each for each in events if each is not None]


class TestLife:
    def test_of_a_workitem(self, ups: UpsScu, receiver: UpsEventReceiver) -> None:
        ups.subscribe_globally().check()
        uid = ups.create(STEP).check().uid
        (found,) = ups.find(state="SCHEDULED", station="WS1", start=("20300131", None))
        assert (found.uid, found.patient_name) == (uid, "Example^Änna")
        ups.claim(uid).check()
        ups.progress(uid, 50, "Half of it").check()
        assert ups.complete(uid).status == 0xC304
        perform(ups, uid)
        ups.complete(uid).check()
        assert ups.get(uid).workitem.state is State.COMPLETED
        assert ups.held() == []
        told = [(each.type.value, each.state, each.progress) for each in taken(receiver, 5)]
        assert told == [
            (1, State.SCHEDULED, None),
            (5, None, None),
            (1, State.IN_PROGRESS, None),
            (3, None, 50.0),
            (1, State.COMPLETED, None),
        ]

    def test_that_is_canceled_by_its_performer(self, ups: UpsScu) -> None:
        uid = ups.create(STEP).check().uid
        ups.claim(uid).check()
        ups.progress(uid, 10, "Begun").check()
        ups.cancel(uid, ("110501", "DCM", "Equipment failure"), "It burns").check()
        view = ups.get(uid).workitem
        assert (view.state, view.progress_description) == (State.CANCELED, "Begun")
        assert ups.held() == []

    def test_that_somebody_wants_canceled(self, ups: UpsScu, receiver: UpsEventReceiver) -> None:
        uid = ups.create(STEP).check().uid
        ups.claim(uid).check()
        ups.subscribe(uid).check()
        ups.request_cancel(uid, "Not needed", contact_uri="tel:+1-555-0100").check()
        report, request = taken(receiver, 2)
        assert (report.type, report.state) == (EventType.STATE_REPORT, State.IN_PROGRESS)
        assert (request.requesting_ae, request.reason) == ("WATCHER", "Not needed")
        assert ups.get(uid).workitem.state is State.IN_PROGRESS

    def test_with_a_filtered_subscription(self, ups: UpsScu, receiver: UpsEventReceiver) -> None:
        ups.subscribe_globally(query(station="WS1")).check()
        elsewhere = workitem("Elsewhere", "20300131", stations=[("WS2", "99TEST", "Another")])
        ups.create(elsewhere).check()
        uid = ups.create(STEP).check().uid
        assert {each.uid for each in taken(receiver, 2)} == {uid}
        ups.suspend_globally().check()
        ups.unsubscribe(uid).check()
        ups.unsubscribe_globally().check()

    def test_without_any_right_to_it(self, ups: UpsScu) -> None:
        uid = ups.create(STEP).check().uid
        ups.claim(uid).check()
        other = ups.claim(uid)
        assert other.status == 0xC301
        with pytest.raises(StatusError, match="It was claimed here already"):
            other.check()
        perform(ups, uid)  # the refused claim has not taken the place of the first one
        ups.complete(uid).check()


class TestClaims:
    def test_at_once_are_granted_to_one(
        self, manager: UpsManager, ups: UpsScu, connect: Callable[..., UpsScu], tmp_path: Path
    ) -> None:
        uid = ups.create(STEP).check().uid
        clients = [
            connect(manager.GetHostInfo()[1], transaction_uids=tmp_path / "shared.sqlite")
            for _ in range(4)
        ]
        barrier = threading.Barrier(len(clients))
        results: list[UpsResult] = []

        def claim(client: UpsScu) -> None:
            client.echo()
            barrier.wait(WAIT)
            results.append(client.claim(uid))

        threads = [threading.Thread(target=claim, args=(each,)) for each in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(WAIT)
        assert sorted(each.status for each in results) == [0x0000, 0xC301, 0xC301, 0xC301]
        # They share a file: what is left there is the claim that was granted.
        (winner,) = (each for each in results if each.is_success)
        assert clients[0].transaction_uids.get(clients[0].manager, uid) == winner.transaction_uid


class TestLostAnswers:
    """Each verb does what it has to, once, though the answer to its last request was lost."""

    @pytest.fixture
    def ups(self, proxy: LossyProxy, connect: Callable[..., UpsScu]) -> UpsScu:
        """A client with an association through the proxy."""
        made = connect(proxy.port)
        made.echo()
        return made

    @pytest.mark.parametrize("uid", ["", "1.2.826.0.1.3680043.8.498.7"])
    def test_create(self, ups: UpsScu, proxy: LossyProxy, uid: str) -> None:
        proxy.lose()
        result = ups.create(STEP, uid).check()
        assert (result.status, result.category) == (0x0111, Category.SUCCESS)
        assert proxy.losses == 1
        assert [each.uid for each in ups.find()] == [result.uid]

    @pytest.mark.parametrize(
        ("verb", "status"),
        [
            (lambda ups, uid: ups.claim(uid), 0xC302),
            (lambda ups, uid: ups.subscribe(uid), 0x0000),
            (lambda ups, uid: ups.request_cancel(uid), 0xB304),
            (lambda ups, uid: ups.get(uid), 0x0000),
        ],
        ids=["claim", "subscribe", "request_cancel", "get"],
    )
    def test_of_what_is_scheduled(
        self, ups: UpsScu, proxy: LossyProxy, verb: Perform, status: int
    ) -> None:
        uid = ups.create(STEP).check().uid
        proxy.lose()
        result = verb(ups, uid).check()
        assert (result.status, result.category) == (status, Category.SUCCESS)
        assert (result.attempts, proxy.losses) == (2, 1)

    def test_complete(self, ups: UpsScu, proxy: LossyProxy) -> None:
        uid = ups.create(STEP).check().uid
        ups.claim(uid).check()
        perform(ups, uid)
        proxy.lose()
        result = ups.complete(uid).check()
        assert (result.status, result.category) == (0xB306, Category.SUCCESS)
        assert ups.held() == []

    def test_modify(self, ups: UpsScu, proxy: LossyProxy) -> None:
        uid = ups.create(STEP).check().uid
        ups.claim(uid).check()
        done = performed_procedure(stations=[STATION], codes=[REVIEW], start="2030", end="2030")
        changes = Dataset()
        changes.UnifiedProcedureStepPerformedProcedureSequence = [done]
        proxy.lose()
        assert ups.modify(uid, changes).check().attempts == 2
        ups.complete(uid).check()

    def test_each_of_a_whole_life(self, ups: UpsScu, proxy: LossyProxy) -> None:
        def lossy(verb: Callable[..., UpsResult], *arguments: Any, **more: Any) -> UpsResult:
            proxy.lose()
            return verb(*arguments, **more).check()

        uid = lossy(ups.create, STEP).uid
        lossy(ups.claim, uid)
        lossy(ups.progress, uid, 50)
        lossy(ups.start_procedure, uid, stations=[STATION], codes=[REVIEW])
        lossy(ups.end_procedure, uid)
        lossy(ups.cancel, uid)
        assert proxy.losses == 6
        view = ups.get(uid).workitem
        assert (view.state, view.progress) == (State.CANCELED, 50.0)


CRASH = """
import sys, json, signal
from leaddicom.ups.client import UpsScu
options = json.loads(sys.argv[1])
uid = sys.argv[2]
ups = UpsScu(**options)
print(ups.claim(uid).check(), flush=True)
signal.pause()
"""


class TestCrash:
    def test_of_a_performer_leaves_no_workitem_locked(
        self,
        manager: UpsManager,
        ups: UpsScu,
        connect: Callable[..., UpsScu],
        tls: dict[str, Any],
        tmp_path: Path,
    ) -> None:
        uid = ups.create(STEP).check().uid
        port = manager.GetHostInfo()[1]
        path = tmp_path / "performer.sqlite"
        options = {"host": "127.0.0.1", "port": port, "transaction_uids": str(path), **tls}
        with Program(sys.executable, "-c", CRASH, json.dumps(options), uid) as program:
            program.wait_for("0000H")
            program.end(9)
        again = connect(port, transaction_uids=TransactionUids(path))
        assert [each.uid for each in again.held()] == [uid]
        again.resume(uid).check()
        perform(again, uid)
        again.complete(uid).check()
        assert again.get(uid).workitem.state is State.COMPLETED
