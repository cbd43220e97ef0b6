"""`UpsEventReceiver`: event reports of other toolkits' managers, and what they are answered."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from nets import Nets, short
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE, build_role
from pynetdicom.association import Association
from pynetdicom.sop_class import UnifiedProcedureStepEvent

from leaddicom import DICOM_SECURE_NONE, DICOM_SECURE_TLS, NormalizedResult, Scu
from leaddicom.ups.client import receiver as module
from leaddicom.ups.client.receiver import UpsEventReceiver
from leaddicom.ups.client.views import UpsEvent
from leaddicom.ups.core.terms import EventType, SopClass, State
from leaddicom.ups.core.workitem import Event
from leaddicom.ups.manager.delivery import event_sender
from ups.receivers import entity

PUSH, EVENT = SopClass.PUSH.value, SopClass.EVENT.value
UID = "1.2.826.0.1.3680043.8.498.7"
WAIT = 20.0

MakeReceiver = Callable[..., UpsEventReceiver]
Report = Callable[..., NormalizedResult]


def state(value: str = "SCHEDULED", readiness: str = "READY") -> Dataset:
    dataset = Dataset()
    dataset.ProcedureStepState, dataset.InputReadinessState = value, readiness
    return dataset


@pytest.fixture
def receivers(no_threads_left: None) -> Iterator[MakeReceiver]:
    """Makes receivers that listen."""
    made: list[UpsEventReceiver] = []

    def make(**options: Any) -> UpsEventReceiver:
        receiver = UpsEventReceiver(**{"mode": DICOM_SECURE_NONE} | options)
        made.append(receiver)
        receiver.Listen("127.0.0.1", 0)
        return receiver

    yield make
    for receiver in made:
        receiver.Close()


@pytest.fixture
def receiver(receivers: MakeReceiver) -> UpsEventReceiver:
    return receivers()


@pytest.fixture
def reporting() -> Iterator[Callable[[UpsEventReceiver], Report]]:
    """Makes a manager that reports anything to a receiver, on UPS Event unless told otherwise."""
    made: list[Scu] = []

    def connect(receiver: UpsEventReceiver) -> Report:
        scu = Scu(
            "127.0.0.1",
            receiver.GetHostInfo()[1],
            calling_ae_title="MANAGER",
            mode=DICOM_SECURE_NONE,
            limits=short(),
        )
        made.append(scu)

        def report(
            dataset: Dataset | Path | None, event: int = 1, uid: str = UID, sop_class: str = PUSH
        ) -> NormalizedResult:
            return scu.n_event_report(sop_class, uid, event, dataset, abstract_syntax=EVENT)

        return report

    yield connect
    for scu in made:
        scu.close()


@pytest.fixture
def report(receiver: UpsEventReceiver, reporting: Callable[[UpsEventReceiver], Report]) -> Report:
    return reporting(receiver)


@contextmanager
def pynetdicom_manager(receiver: UpsEventReceiver, *, roles: bool) -> Iterator[Association]:
    """An association of pynetdicom's on which it reports events."""
    ae = AE("THEIRS")
    ae.add_requested_context(UnifiedProcedureStepEvent)
    ext = [build_role(UnifiedProcedureStepEvent, scu_role=False, scp_role=True)] if roles else None
    association = ae.associate("127.0.0.1", receiver.GetHostInfo()[1], ext_neg=ext)
    assert association.is_established
    yield association
    association.release()


class TestAnswer:
    def test_to_an_event_is_success(self, receiver: UpsEventReceiver, report: Report) -> None:
        assert report(state("IN PROGRESS")).status == 0x0000
        event = receiver.next_event(WAIT)
        assert event is not None
        assert (event.type, event.uid, event.manager) == (EventType.STATE_REPORT, UID, "MANAGER")
        assert event.state is State.IN_PROGRESS

    @pytest.mark.parametrize("sop_class", [EVENT, SopClass.PULL.value])
    def test_to_another_class_than_push(
        self, receiver: UpsEventReceiver, report: Report, sop_class: str
    ) -> None:
        assert report(state(), sop_class=sop_class).status == 0x0118
        assert receiver.next_event(0) is None

    @pytest.mark.parametrize("event", [0, 6, 0xFFFF])
    def test_to_an_unknown_type(
        self, receiver: UpsEventReceiver, report: Report, event: int
    ) -> None:
        assert report(state(), event).status == 0x0113
        assert receiver.next_event(0) is None

    @pytest.mark.parametrize("event", EventType)
    def test_to_each_type_without_information(
        self, receiver: UpsEventReceiver, report: Report, event: EventType
    ) -> None:
        assert report(None, event).status == 0x0000
        got = receiver.next_event(WAIT)
        assert got is not None
        assert (got.type, got.dataset) == (event, Dataset())

    def test_to_no_instance(self, receiver: UpsEventReceiver, report: Report) -> None:
        assert report(state(), uid="1.02").status == 0x0117
        assert receiver.next_event(0) is None

    def test_to_what_cannot_be_decoded(
        self,
        receiver: UpsEventReceiver,
        report: Report,
        tmp_path: Path,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        assert report(damaged(tmp_path)).status == 0x0110
        assert f"An event of {UID} cannot be decoded" in caplog.text
        assert receiver.next_event(0) is None

    def test_to_what_the_callback_does_not_take(
        self,
        receivers: MakeReceiver,
        reporting: Callable[[UpsEventReceiver], Report],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        taken: list[UpsEvent] = []

        def callback(event: UpsEvent) -> None:
            taken.append(event)
            if len(taken) == 1:
                raise RuntimeError("The application has failed")

        report = reporting(receivers(callback=callback))
        assert report(state()).status == 0x0110
        assert "The callback has failed for STATE_REPORT" in caplog.text
        # The manager tries again, and this is no repetition.
        assert report(state()).status == 0x0000
        assert len(taken) == 2

    def test_when_too_many_wait(
        self, receiver: UpsEventReceiver, report: Report, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "_WAITING", 1)
        assert report(state()).status == 0x0000
        assert report(state("IN PROGRESS")).status == 0x0213
        assert receiver.next_event(WAIT) is not None
        assert report(state("IN PROGRESS")).status == 0x0000

    def test_when_too_much_waits(
        self, receiver: UpsEventReceiver, report: Report, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "_WAITING_LENGTH", 64)
        assert report(state()).status == 0x0000
        assert report(state("IN PROGRESS")).status == 0x0213
        assert receiver.next_event(WAIT) is not None
        assert report(state("IN PROGRESS")).status == 0x0000


def damaged(folder: Path) -> Path:
    """A DICOM file whose data set says that it is longer than it is."""
    dataset = state()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = PUSH  # type: ignore[assignment]
    dataset.file_meta.MediaStorageSOPInstanceUID = UID  # type: ignore[assignment]
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    path = folder / "damaged.dcm"
    dataset.save_as(path, enforce_file_format=True)
    with path.open("ab") as file:
        file.write(b"\x74\0\x36\x12AE\xff\x7f")
    return path


class TestRepetition:
    def test_is_given_once(self, receiver: UpsEventReceiver, report: Report) -> None:
        for _ in range(3):
            assert report(state()).status == 0x0000
        assert [each.state for each in receiver.events(0)] == [State.SCHEDULED]

    def test_is_none_if_something_else_was_between(
        self, receiver: UpsEventReceiver, report: Report
    ) -> None:
        for readiness in ("READY", "UNAVAILABLE", "READY"):
            report(state(readiness=readiness))
        assert [each.readiness for each in receiver.events(0)] == ["READY", "UNAVAILABLE", "READY"]

    def test_is_of_the_same_workitem_and_type(
        self, receiver: UpsEventReceiver, report: Report
    ) -> None:
        report(state())
        report(state(), uid=f"{UID}.1")
        report(state(), event=3)
        report(state())
        assert len(list(receiver.events(0))) == 3

    @pytest.mark.parametrize("event", [2, 4])
    def test_is_none_of_what_happens_again(
        self, receiver: UpsEventReceiver, report: Report, event: int
    ) -> None:
        """Cancel Requested, perhaps more urgently, and SCP Status Change: it restarts once more."""
        for _ in range(2):
            assert report(state(), event=event).status == 0x0000
        assert [int(each.type) for each in receiver.events(0)] == [event] * 2

    def test_is_seen_across_associations(
        self, receiver: UpsEventReceiver, reporting: Callable[[UpsEventReceiver], Report]
    ) -> None:
        for _ in range(2):
            reporting(receiver)(state())
        assert len(list(receiver.events(0))) == 1

    def test_is_none_of_a_restart_or_a_request_to_cancel(
        self, receiver: UpsEventReceiver, report: Report
    ) -> None:
        """A manager that was killed, and killed again, has restarted twice."""
        for number in (4, 2):
            for _ in range(2):
                assert report(state(), event=number).status == 0x0000
        assert [int(each.type) for each in receiver.events(0)] == [4, 4, 2, 2]

    def test_has_to_come_again_while_it_is_open_whether_the_first_is_taken(
        self, receivers: MakeReceiver, reporting: Callable[[UpsEventReceiver], Report]
    ) -> None:
        begun, may_end, statuses = threading.Event(), threading.Event(), list[int]()

        def callback(_: UpsEvent) -> None:
            begun.set()
            assert may_end.wait(WAIT)
            raise RuntimeError

        receiver = receivers(callback=callback)
        first = threading.Thread(
            target=lambda: statuses.append(reporting(receiver)(state()).status)
        )
        first.start()
        assert begun.wait(WAIT)
        assert reporting(receiver)(state()).status == 0x0213
        may_end.set()
        first.join(WAIT)
        assert statuses == [0x0110]

    def test_is_remembered_of_so_many_workitems(
        self, receiver: UpsEventReceiver, report: Report, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "_REMEMBERED", 2)
        for uid in ("1.1", "1.2", "1.3", "1.2", "1.1"):
            report(state(), uid=uid)
        assert [each.uid for each in receiver.events(0)] == ["1.1", "1.2", "1.3", "1.1"]


class TestManagers:
    @pytest.mark.parametrize("roles", [True, False])
    def test_of_either_opinion_on_roles(self, receiver: UpsEventReceiver, roles: bool) -> None:
        with pynetdicom_manager(receiver, roles=roles) as association:
            status, _ = association.send_n_event_report(
                state(), 1, PUSH, UID, meta_uid=UnifiedProcedureStepEvent
            )
        assert status.Status == 0x0000
        event = receiver.next_event(WAIT)
        assert event is not None
        assert (event.manager, event.state) == ("THEIRS", State.SCHEDULED)

    @pytest.mark.parametrize("link", ["TLS 1.2", "TLS 1.3"])
    def test_of_ours_over_mutual_tls(self, nets: Nets, receivers: MakeReceiver, link: str) -> None:
        good = nets.certificate("good")
        receiver = receivers(
            mode=DICOM_SECURE_TLS,
            ae_title="WATCHER",
            ca_file=str(nets.pki.ca_file),
            certificate=str(good.certificate_file),
            key=str(good.key_file),
        )
        net = nets.make(link=link)
        with event_sender(net, "UPSSCP")(entity(receiver, tls=True)) as association:
            result = association.report(Event(EventType.STATE_REPORT, UID, state()))
        assert result.status == 0x0000
        event = receiver.next_event(WAIT)
        assert event is not None
        assert event.manager == "UPSSCP"

    def test_with_an_encrypted_key(self, nets: Nets, receivers: MakeReceiver) -> None:
        locked = nets.certificate("encrypted_key")
        files = {"certificate": str(locked.certificate_file), "key": str(locked.key_file)}
        for password in (locked.password, lambda: locked.password):
            receiver = receivers(
                mode=DICOM_SECURE_TLS, ca_file=str(nets.pki.ca_file), password=password, **files
            )
            assert receiver.IsActivated()


class TestReading:
    def test_waits_until_something_comes(self, receiver: UpsEventReceiver, report: Report) -> None:
        got: list[UpsEvent | None] = []
        reader = threading.Thread(target=lambda: got.append(receiver.next_event(WAIT)))
        reader.start()
        report(state())
        reader.join(WAIT)
        assert [each and each.uid for each in got] == [UID]

    def test_ends_with_the_time(self, receiver: UpsEventReceiver) -> None:
        assert receiver.next_event(0) is None
        assert list(receiver.events(0.01)) == []

    def test_ends_with_the_receiver_after_what_is_there(
        self, receiver: UpsEventReceiver, report: Report
    ) -> None:
        report(state())
        receiver.Close()
        assert [each.uid for each in receiver.events()] == [UID]

    def test_that_waits_ends_with_the_receiver(self, receiver: UpsEventReceiver) -> None:
        got: list[UpsEvent] = []
        reader = threading.Thread(target=lambda: got.extend(receiver.events()))
        reader.start()
        receiver.Close()
        reader.join(WAIT)
        assert not reader.is_alive()
        assert got == []

    def test_goes_on_when_it_listens_again(
        self, receiver: UpsEventReceiver, reporting: Callable[[UpsEventReceiver], Report]
    ) -> None:
        receiver.Close()
        receiver.Listen("127.0.0.1", 0)
        reporting(receiver)(state())
        event = receiver.next_event(WAIT)
        assert event is not None

    def test_is_over_with_the_block(self) -> None:
        with UpsEventReceiver(mode=DICOM_SECURE_NONE) as receiver:
            receiver.Listen("127.0.0.1", 0)
            assert receiver.IsActivated()
        assert not receiver.IsActivated()


class TestCallback:
    def test_runs_on_the_thread_of_the_connection(
        self, receivers: MakeReceiver, reporting: Callable[[UpsEventReceiver], Report]
    ) -> None:
        names: list[str] = []
        receiver = receivers(callback=lambda _: names.append(threading.current_thread().name))
        reporting(receiver)(state())
        assert len(names) == 1
        assert names[0].startswith("DICOM ")
        assert receiver.next_event(0) is None

    def test_logs_no_event_information(
        self,
        receivers: MakeReceiver,
        reporting: Callable[[UpsEventReceiver], Report],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        def fail(event: UpsEvent) -> None:
            raise RuntimeError

        dataset = state()
        dataset.ReasonForCancellation = "Anna cannot come"
        with caplog.at_level(logging.DEBUG):
            reporting(receivers(callback=fail))(dataset)
        assert "Anna" not in caplog.text
