"""What becomes of an answer, what the log tells, and how long a receiver is left alone."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from nets import free_port

from leaddicom.ups.manager.reporting import BackOff
from leaddicom.ups.store import Store
from ups.mail import ROOT, Mail, event, uids
from ups.receivers import PATIENCE, EventReceiver, entity

LOG = "leaddicom.ups.manager.reporting"

#: Final answers that PS3.4 section CC.2.4 allows, and some that it does not.
OF_EVENTS = (0x0000, 0x0112, 0x0113, 0x0114, 0x0115, 0x0117, 0x0118, 0x0119, 0x0211, 0x0212)
OF_NO_EVENTS = (0x0001, 0x0105, 0x0122, 0x0124, 0xB000, 0xC000, 0x7777)


class TestAnswer:
    @pytest.mark.parametrize("status", [*OF_EVENTS, *OF_NO_EVENTS])
    def test_that_is_final(self, mail: Mail, status: int) -> None:
        receiver = mail.receiver()
        receiver.inbox.answer = lambda _: status
        mail.publish(event(1), event(2))
        assert mail.dispatcher().drain(PATIENCE)
        assert (receiver.inbox.uids, mail.pending()) == (uids(1, 2), [])
        assert len(receiver.inbox.associations) == 1

    @pytest.mark.parametrize("status", [0x0110, 0x0210, 0x0213])
    def test_that_means_not_now(self, mail: Mail, status: int) -> None:
        receiver = mail.receiver()
        receiver.inbox.answer = lambda _: status
        mail.publish(event(1), event(2))
        dispatcher = mail.dispatcher()
        assert dispatcher.drain(PATIENCE)
        assert (receiver.inbox.uids, mail.pending()) == (uids(1), uids(1, 2))
        receiver.inbox.answer = lambda _: 0x0000
        mail.clock.advance(seconds=1)
        assert dispatcher.drain(PATIENCE)
        assert (receiver.inbox.uids, mail.pending()) == (uids(1, 1, 2), [])

    def test_that_means_never_in_the_end(self, mail: Mail) -> None:
        # A receiver that fails over one event shall get the others.
        receiver = mail.receiver()
        receiver.inbox.answer = lambda it: 0x0110 if it.uid == f"{ROOT}.1" else 0x0000
        mail.publish(event(1), event(2))
        dispatcher = mail.dispatcher()
        for _ in range(10):
            assert dispatcher.drain(PATIENCE)
            mail.clock.advance(minutes=5)
        assert (receiver.inbox.uids, mail.pending()) == (uids(*[1] * 10, 2), [])

    def test_is_not_needed_for_what_cannot_be_encoded(self, mail: Mail) -> None:
        class Spoiling(Store):
            def pending(self, ae: str, limit: int) -> Any:
                found = super().pending(ae, limit)
                for each in found:
                    if each.event.uid == f"{ROOT}.1":
                        each.event.information["ProcedureStepState"].VR = "SQ"
                return found

        receiver = mail.receiver()
        mail.publish(event(1), event(2))
        assert mail.dispatcher(mail.open(Spoiling)).drain(PATIENCE)
        assert (receiver.inbox.uids, mail.pending()) == (uids(2), [])


class TestLog:
    def test_has_each_report_at_debug(self, mail: Mail, caplog: pytest.LogCaptureFixture) -> None:
        mail.receiver()
        mail.publish(event())
        with caplog.at_level(logging.DEBUG, LOG):
            assert mail.dispatcher().drain(PATIENCE)
        (record,) = [each for each in caplog.records if each.name == LOG]
        expected = f"STATE_REPORT of {ROOT}.1 was reported to WATCHER: 0000H"
        assert record.getMessage().startswith(expected)
        assert record.levelno == logging.DEBUG

    def test_tells_of_an_outage_once(self, mail: Mail, caplog: pytest.LogCaptureFixture) -> None:
        port = free_port()
        mail.know(entity(port))
        dispatcher = mail.dispatcher()
        mail.publish(event())
        for _ in range(5):
            assert dispatcher.drain(PATIENCE)
            mail.clock.advance(minutes=5)
        assert len(mail.tries.titles) == 5
        with caplog.at_level(logging.INFO, LOG):
            receiver = mail.nets.make(EventReceiver, link="TLS 1.3")
            receiver.Listen("127.0.0.1", port)
            assert dispatcher.drain(PATIENCE)
        told = [each.getMessage() for each in caplog.records if each.levelno >= logging.INFO]
        assert len(told) == 2
        assert told[0].startswith("Event reports to WATCHER wait, and are tried again: ")
        assert "Nothing listens there" in told[0]
        assert told[1] == "WATCHER takes event reports again."

    def test_has_nothing_of_the_information(
        self, mail: Mail, caplog: pytest.LogCaptureFixture
    ) -> None:
        receiver = mail.receiver()
        mail.publish(event(1, ReasonForCancellation="Mrs. Doe is late"))
        with caplog.at_level(logging.DEBUG, "leaddicom"):
            assert mail.dispatcher().drain(PATIENCE)
        assert receiver.inbox.uids == uids(1)
        assert "Doe" not in caplog.text

    def test_warns_of_a_refused_event(self, mail: Mail, caplog: pytest.LogCaptureFixture) -> None:
        receiver = mail.receiver()
        receiver.inbox.answer = lambda _: 0x0112
        mail.publish(event())
        assert mail.dispatcher().drain(PATIENCE)
        (record,) = [each for each in caplog.records if each.levelno >= logging.WARNING]
        assert "reported to WATCHER: 0112H, No Such" in record.getMessage()


class TestBackOff:
    def test_doubles_up_to_its_end(self) -> None:
        back_off = BackOff(first=1.0, longest=300.0, jitter=0.0)
        seconds = [back_off.delay(failures).total_seconds() for failures in (1, 2, 3, 9, 10, 11)]
        assert seconds == [1.0, 2.0, 4.0, 256.0, 300.0, 300.0]
        assert back_off.delay(1_000_000).total_seconds() == 300.0

    def test_leaves_something_to_chance(self) -> None:
        delays = {BackOff(longest=100.0, jitter=0.5).delay(20) for _ in range(100)}
        assert len(delays) > 1
        assert all(50.0 <= each.total_seconds() <= 100.0 for each in delays)
