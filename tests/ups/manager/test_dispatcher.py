"""The dispatcher, with real receivers over mutual TLS and a real store."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from nets import Nets, free_port

from leaddicom.testing.peers import Script, ScriptedPeer
from leaddicom.ups.core.terms import EventType
from leaddicom.ups.manager.delivery import EventAssociation
from leaddicom.ups.manager.dispatcher import BackOff, Dispatcher
from leaddicom.ups.manager.housekeeping import Housekeeping
from leaddicom.ups.settings.entities import ApplicationEntity
from leaddicom.ups.store import Store, StoreError
from ups.mail import Mail, OnEachDatabase, event, progress, uids
from ups.receivers import PATIENCE, EventReceiver, entity


@pytest.fixture
def silent() -> Iterator[ScriptedPeer]:
    """A system that accepts TCP and never says a word."""
    with ScriptedPeer(Script(secure=False).stall()) as peer:
        yield peer
        peer.let_go()


class TestDelivery(OnEachDatabase):
    def test_is_in_the_order_of_the_commits_on_one_association(self, mail: Mail) -> None:
        receiver = mail.receiver()
        mail.publish(*(event(number) for number in range(1, 6)))
        assert mail.dispatcher().drain(PATIENCE)
        assert receiver.inbox.uids == uids(1, 2, 3, 4, 5)
        assert len(receiver.inbox.associations) == 1
        assert mail.pending() == []

    def test_follows_a_commit(self, mail: Mail) -> None:
        receiver = mail.receiver()
        mail.dispatcher()
        for number in range(1, 4):
            mail.publish(event(number))
            receiver.inbox.wait_for(number)
        assert receiver.inbox.uids == uids(1, 2, 3)

    def test_is_to_each_receiver(self, mail: Mail) -> None:
        receivers = [mail.receiver(title) for title in ("ONE", "TWO", "THREE")]
        mail.publish(event(1), event(2), to=("ONE", "TWO", "THREE"))
        mail.publish(event(3), to=("TWO",))
        assert mail.dispatcher().drain(PATIENCE)
        expected = [uids(1, 2), uids(1, 2, 3), uids(1, 2)]
        assert [each.inbox.uids for each in receivers] == expected

    def test_has_type_and_information(self, mail: Mail) -> None:
        receiver = mail.receiver()
        mail.publish(progress(1, 50))
        mail.dispatcher()
        (received,) = receiver.inbox.wait_for(1)
        assert received.type is EventType.PROGRESS_REPORT
        assert received.information == progress(1, 50).information

    def test_of_more_than_is_read_at_a_time(self, mail: Mail) -> None:
        receiver = mail.receiver()
        with mail.store.writing() as writer:
            for number in range(1, 251):
                writer.publish(event(number), ["WATCHER"])
        assert mail.dispatcher().drain(PATIENCE)
        assert receiver.inbox.uids == uids(*range(1, 251))
        assert len(receiver.inbox.associations) == 1

    def test_leaves_no_thread_behind(self, mail: Mail) -> None:
        mail.receiver()
        mail.publish(event())
        assert mail.dispatcher().drain(PATIENCE)
        names = [each.name for each in threading.enumerate() if " UPS " in each.name]
        assert names == ["DICOM UPS dispatcher"]

    def test_serves_as_many_at_a_time_as_it_may(self, mail: Mail) -> None:
        titles = ("ONE", "TWO", "THREE")
        receivers = [mail.receiver(title) for title in titles]
        lock, served, most = threading.Lock(), [0], [0]

        class Counting(EventAssociation):
            def __enter__(self) -> Any:
                with lock:
                    served[0] += 1
                    most[0] = max(most[0], served[0])
                return super().__enter__()

            def __exit__(self, *arguments: Any) -> None:
                super().__exit__(*arguments)
                with lock:
                    served[0] -= 1

        def sender(receiver: ApplicationEntity) -> EventAssociation:
            made = mail.tries(receiver)
            made.__class__ = Counting
            return made

        mail.publish(event(), to=titles)
        assert mail.dispatcher(sender=sender, concurrency=1).drain(PATIENCE)
        assert [each.inbox.uids for each in receivers] == [uids(1)] * 3
        assert most == [1]


class TestFailedReceiver:
    def test_gets_all_in_order_when_it_is_back(self, mail: Mail) -> None:
        port = free_port()
        mail.know(entity(port))
        mail.publish(event(1), event(2))
        dispatcher = mail.dispatcher()
        assert dispatcher.drain(PATIENCE)
        mail.publish(event(3))
        receiver = mail.nets.make(EventReceiver, link="TLS 1.3")
        receiver.Listen("127.0.0.1", port)
        mail.clock.advance(seconds=1)
        dispatcher.wake()
        assert [each.uid for each in receiver.inbox.wait_for(3)] == uids(1, 2, 3)

    def test_is_left_alone_for_longer_and_longer(self, mail: Mail) -> None:
        mail.know(entity(free_port()))
        dispatcher = mail.dispatcher(back_off=BackOff(jitter=0.0))
        mail.publish(event())
        assert dispatcher.drain(PATIENCE)
        for failures, seconds in enumerate((1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300), 1):
            mail.clock.advance(seconds=seconds - 0.001)
            assert dispatcher.drain(PATIENCE)
            assert len(mail.tries.titles) == failures
            mail.clock.advance(seconds=0.001)
            assert dispatcher.drain(PATIENCE)
            assert len(mail.tries.titles) == failures + 1

    def test_is_not_tried_for_what_is_new(self, mail: Mail) -> None:
        mail.know(entity(free_port()))
        dispatcher = mail.dispatcher()
        for number in (1, 2, 3):
            mail.publish(event(number))
            assert dispatcher.drain(PATIENCE)
        assert mail.tries.titles == ["WATCHER"]
        assert mail.pending() == uids(1, 2, 3)

    def test_is_tried_in_real_time_without_being_woken(self, nets: Nets, url: str) -> None:
        mail = Mail(nets, url)
        mail.clock = lambda: datetime.now(timezone.utc)  # type: ignore[assignment]
        try:
            mail.know(entity(free_port()))
            store = mail.open()
            mail.publish(event())
            mail.dispatcher(store, back_off=BackOff(first=0.01))
            mail.tries.wait_for("WATCHER", 4)
        finally:
            mail.close()

    def test_that_is_silent_holds_up_nobody(self, mail: Mail, silent: ScriptedPeer) -> None:
        # T22 of the reference's traps
        receivers = [mail.receiver(title) for title in ("ONE", "TWO")]
        mail.know(entity(silent.listen()[1], "SILENT"))
        mail.dispatcher(sender=mail.sender(handshake_timeout=PATIENCE))
        mail.publish(event(1), to=("SILENT",))
        silent.wait_stalled()
        mail.publish(event(2), event(3), to=("ONE", "SILENT", "TWO"))
        for receiver in receivers:
            receiver.inbox.wait_for(2)
        assert mail.pending("SILENT") == uids(1, 2, 3)

    def test_that_refuses_tls(self, mail: Mail) -> None:
        plain = mail.nets.server(EventReceiver, link="plain")
        mail.know(entity(plain, "PLAIN"))
        receiver = mail.receiver()
        mail.publish(event(), to=("PLAIN", "WATCHER"))
        assert mail.dispatcher().drain(PATIENCE)
        assert receiver.inbox.uids == uids(1)
        assert (plain.inbox.received, mail.pending("PLAIN")) == ([], uids(1))

    def test_with_a_bad_file_harms_only_itself(self, mail: Mail, tmp_path: Path) -> None:
        bad = tmp_path / "bad.pem"
        bad.write_text("no certificate")
        spoilt = mail.receiver("SPOILT", ca_file=str(bad))
        receiver = mail.receiver()
        mail.publish(event(), to=("SPOILT", "WATCHER"))
        dispatcher = mail.dispatcher()
        assert dispatcher.drain(PATIENCE)
        assert (receiver.inbox.uids, spoilt.inbox.uids) == (uids(1), [])
        bad.write_bytes(mail.nets.pki.ca_file.read_bytes())
        mail.clock.advance(seconds=1)
        dispatcher.wake()
        spoilt.inbox.wait_for(1)

    def test_that_the_table_does_not_have(self, mail: Mail) -> None:
        mail.publish(event())
        dispatcher = mail.dispatcher()
        assert dispatcher.drain(PATIENCE)
        assert (mail.tries.titles, mail.pending()) == ([], uids(1))
        receiver = mail.receiver()
        mail.clock.advance(seconds=1)
        dispatcher.wake()
        receiver.inbox.wait_for(1)

    def test_by_a_fault_of_this_program_is_not_tried_without_end(
        self, mail: Mail, caplog: pytest.LogCaptureFixture
    ) -> None:
        def broken(_: ApplicationEntity) -> EventAssociation:
            raise KeyError("Doe^Jane".upper())

        mail.receiver()
        mail.publish(event())
        assert mail.dispatcher(sender=broken).drain(PATIENCE)
        assert [each.levelno for each in caplog.records] == [logging.ERROR, logging.WARNING]
        assert "a fault in this program: KeyError" in caplog.messages[1]
        assert "DOE^JANE" not in caplog.text

    def test_that_takes_no_events_by_the_table(self, mail: Mail) -> None:
        receiver = mail.receiver(event_scu=False)
        mail.publish(event())
        assert mail.dispatcher().drain(PATIENCE)
        assert (receiver.inbox.uids, mail.pending()) == ([], uids(1))

    def test_is_given_up_after_a_day(self, mail: Mail, caplog: pytest.LogCaptureFixture) -> None:
        port = free_port()
        mail.know(entity(port))
        housekeeping = Housekeeping(mail.store, "process 0")
        mail.publish(event(1))
        assert mail.dispatcher().drain(PATIENCE)
        mail.clock.advance(hours=23)
        mail.publish(event(2))
        housekeeping.expire()
        assert mail.pending() == uids(1, 2)
        mail.clock.advance(hours=1, seconds=1)
        with caplog.at_level(logging.WARNING, "leaddicom.ups.manager.housekeeping"):
            housekeeping.expire()
        assert mail.pending() == uids(2)
        assert "1 event reports were given up" in caplog.text

    def test_hears_only_of_the_newest_progress(self, mail: Mail) -> None:
        port = free_port()
        mail.know(entity(port))
        dispatcher = mail.dispatcher()
        mail.publish(event(1), progress(1, 10), progress(2, 20), progress(1, 30), event(1))
        assert dispatcher.drain(PATIENCE)
        receiver = mail.nets.make(EventReceiver, link="TLS 1.3")
        receiver.Listen("127.0.0.1", port)
        mail.clock.advance(seconds=1)
        assert dispatcher.drain(PATIENCE)
        assert receiver.inbox.keys == [(1, *uids(1)), (3, *uids(2)), (3, *uids(1)), (1, *uids(1))]
        reported = receiver.inbox.received[2].information
        assert reported == progress(1, 30).information


class TestRestart(OnEachDatabase):
    def test_goes_on_with_what_is_pending(self, mail: Mail) -> None:
        port = free_port()
        mail.know(entity(port))
        first = mail.dispatcher()
        mail.publish(event(1), event(2))
        assert first.drain(PATIENCE)
        assert first.stop(PATIENCE)
        receiver = mail.nets.make(EventReceiver, link="TLS 1.3")
        receiver.Listen("127.0.0.1", port)
        mail.clock.advance(seconds=1)
        mail.dispatcher(mail.open())
        assert [each.uid for each in receiver.inbox.wait_for(2)] == uids(1, 2)

    def test_after_a_crash_between_report_and_mark_repeats(self, mail: Mail) -> None:
        class Crashing(Store):
            def delivered(self, *_: Any) -> None:
                raise StoreError("The power is off.")

            release = delivered

        receiver = mail.receiver()
        mail.publish(event(1), event(2))
        crashing = mail.dispatcher(mail.open(Crashing), lease=60.0)
        receiver.inbox.wait_for(2)
        assert crashing.stop(PATIENCE)
        mail.clock.advance(seconds=59)
        second = mail.dispatcher(mail.open())
        assert second.drain(PATIENCE)
        assert receiver.inbox.uids == uids(1, 2)  # the lease has not run out
        mail.clock.advance(seconds=2)
        assert second.drain(PATIENCE)
        assert receiver.inbox.uids == uids(1, 2, 1, 2)

    def test_survives_a_store_that_fails(
        self, mail: Mail, caplog: pytest.LogCaptureFixture
    ) -> None:
        class Shaky(Store):
            failures = 2

            def due_receivers(self) -> list[str]:
                if self.failures:
                    self.failures -= 1
                    raise StoreError("The database is away.")
                return super().due_receivers()

        receiver = mail.receiver()
        mail.publish(event())
        mail.dispatcher(mail.open(Shaky), poll=0.01)
        receiver.inbox.wait_for(1)
        told = [each for each in caplog.records if "The database is away" in each.getMessage()]
        assert [each.levelno for each in told if each.levelno > logging.DEBUG] == [logging.ERROR]


class TestSeveralDispatchers(OnEachDatabase):
    def test_deliver_each_event_once_and_in_order(self, mail: Mail) -> None:
        titles = ("ONE", "TWO", "THREE", "FOUR")
        receivers = [mail.receiver(title) for title in titles]
        dispatchers = [mail.dispatcher(mail.open()) for _ in range(3)]
        for number in range(1, 41):
            mail.publish(event(number), to=titles)
            for dispatcher in dispatchers:
                dispatcher.wake()
        for receiver in receivers:
            receiver.inbox.wait_for(40)
        for dispatcher in dispatchers:
            assert dispatcher.drain(PATIENCE)
        assert [each.inbox.uids for each in receivers] == [uids(*range(1, 41))] * 4
        assert [mail.pending(title) for title in titles] == [[]] * 4

    def test_take_over_what_a_dead_process_has_left(self, mail: Mail) -> None:
        receiver = mail.receiver()
        mail.publish(event())
        assert mail.store.lease("WATCHER", "dead process", 60.0)
        dispatcher = mail.dispatcher()
        assert dispatcher.drain(PATIENCE)
        assert receiver.inbox.received == []
        mail.clock.advance(seconds=61)
        dispatcher.wake()
        receiver.inbox.wait_for(1)

    def test_stop_when_the_lease_is_lost(self, mail: Mail) -> None:
        # A process that was suspended comes back.
        receiver = mail.receiver()

        def lose(_: Any) -> int:
            mail.clock.advance(seconds=61)
            assert other.lease("WATCHER", "another process", 60.0)
            return 0x0000

        other = mail.open()
        receiver.inbox.answer = lose
        mail.publish(event(1), event(2))
        assert mail.dispatcher(lease=1e-6).drain(PATIENCE)
        assert (receiver.inbox.uids, mail.pending()) == (uids(1), uids(2))

    def test_look_again_after_a_lease(self, mail: Mail) -> None:
        # Who commits while the receiver is leased is told nothing else.
        class Late(Store):
            def release(self, *arguments: Any) -> None:
                if not receiver.inbox.keys[1:]:
                    mail.publish(event(2))
                super().release(*arguments)

        receiver = mail.receiver()
        mail.publish(event(1))
        mail.dispatcher(mail.open(Late))
        receiver.inbox.wait_for(2)


class TestStop:
    def test_is_bounded_and_keeps_what_is_not_delivered(
        self, mail: Mail, silent: ScriptedPeer
    ) -> None:
        mail.know(entity(silent.listen()[1]))
        mail.publish(event())
        dispatcher = mail.dispatcher(sender=mail.sender(handshake_timeout=PATIENCE))
        silent.wait_stalled()
        assert dispatcher.stop(1.0)
        (delivery,) = mail.store.pending("WATCHER", 10)
        assert delivery.attempts == 0  # the receiver is not to blame
        assert mail.store.lease("WATCHER", "another process", 60.0)
        assert not [each for each in threading.enumerate() if " UPS " in each.name]

    def test_drops_an_association_whose_report_is_not_answered(self, mail: Mail) -> None:
        class Mute(EventReceiver):
            def OnReceiveNReportRequest(self, *arguments: Any) -> None:
                pass

        receiver = mail.nets.server(Mute, link="TLS 1.3")
        mail.know(entity(receiver))
        mail.publish(event())
        dispatcher = mail.dispatcher(sender=mail.sender(response_timeout=PATIENCE))
        mail.nets.wait_for("OnReceiveNReportRequest")
        assert dispatcher.stop(1.0)
        mail.nets.wait_for("OnClose")
        assert mail.pending() == uids(1)

    def test_lets_the_report_under_way_be_answered(self, mail: Mail) -> None:
        receiver = mail.receiver()
        stopping, stopped = threading.Event(), threading.Event()

        def answer(_: Any) -> int:
            stopping.set()
            assert not stopped.wait(0.05)  # it is still waiting for this
            return 0x0000

        receiver.inbox.answer = answer
        mail.publish(event(1), event(2))
        dispatcher = mail.dispatcher()
        assert stopping.wait(PATIENCE)
        assert dispatcher.stop(PATIENCE)
        stopped.set()
        assert (receiver.inbox.uids, mail.pending()) == (uids(1), uids(2))

    def test_of_what_was_never_started(self, mail: Mail) -> None:
        assert Dispatcher(mail.store, mail.tries, owner="nobody").stop(1.0)


class TestDrain:
    def test_ends_in_time_whoever_is_silent(self, mail: Mail, silent: ScriptedPeer) -> None:
        mail.know(entity(silent.listen()[1], "SILENT"))
        receiver = mail.receiver()
        dispatcher = mail.dispatcher(sender=mail.sender(handshake_timeout=PATIENCE))
        mail.publish(event(), to=("SILENT", "WATCHER"))
        silent.wait_stalled()
        receiver.inbox.wait_for(1)
        assert not dispatcher.drain(0.05)
