"""Deadlines on a clock that is moved by hand."""

from __future__ import annotations

import time

import pytest

from leaddicom.errors import DicomErrorCode, NetworkError
from leaddicom.testing import MovableClock
from leaddicom.transport.deadlines import Deadline, Deadlines, timed_out


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(1000.0)


@pytest.fixture
def deadlines(clock: MovableClock) -> Deadlines:
    return Deadlines(clock)


def test_without_deadlines_there_is_no_end(deadlines: Deadlines, clock: MovableClock) -> None:
    clock.advance(1e9)
    assert deadlines.timeout() is None
    assert deadlines.expired() is None


@pytest.mark.parametrize(("passed", "expected"), [(9.99, None), (10, Deadline.PDU),
                                                  (11, Deadline.PDU)])  # fmt: skip
def test_a_deadline_passes_when_its_time_has(
    deadlines: Deadlines, clock: MovableClock, passed: float, expected: Deadline | None
) -> None:
    deadlines.start(Deadline.PDU, 10)
    clock.advance(passed)
    assert deadlines.expired() is expected


def test_a_deadline_passes_once(deadlines: Deadlines, clock: MovableClock) -> None:
    deadlines.start(Deadline.PDU, 10)
    clock.advance(10)
    assert deadlines.is_running(Deadline.PDU)
    assert deadlines.expired() is Deadline.PDU
    assert not deadlines.is_running(Deadline.PDU)
    assert deadlines.expired() is None


def test_the_earliest_comes_first(deadlines: Deadlines, clock: MovableClock) -> None:
    for deadline, seconds in [(Deadline.IDLE, 30), (Deadline.PDU, 10), (Deadline.ARTIM, 20)]:
        deadlines.start(deadline, seconds)
    clock.advance(25)
    assert deadlines.expired() is Deadline.PDU
    assert deadlines.expired() is Deadline.ARTIM
    assert deadlines.expired() is None
    assert deadlines.is_running(Deadline.IDLE)


def test_the_time_out_is_that_of_the_nearest(deadlines: Deadlines, clock: MovableClock) -> None:
    deadlines.start(Deadline.IDLE, 30)
    deadlines.start(Deadline.PDU, 10)
    assert deadlines.timeout() == 10
    clock.advance(4)
    assert deadlines.timeout() == 6
    clock.advance(100)
    assert deadlines.timeout() == 0


def test_a_deadline_that_is_started_again_begins_anew(
    deadlines: Deadlines, clock: MovableClock
) -> None:
    deadlines.start(Deadline.IDLE, 10)
    clock.advance(9)
    deadlines.start(Deadline.IDLE, 10)
    clock.advance(9)
    assert deadlines.expired() is None
    clock.advance(1)
    assert deadlines.expired() is Deadline.IDLE


def test_stopped_deadlines_do_not_pass(deadlines: Deadlines, clock: MovableClock) -> None:
    for deadline in Deadline:
        deadlines.start(deadline, 1)
    deadlines.stop(Deadline.PDU)
    deadlines.stop(Deadline.PDU)
    assert not deadlines.is_running(Deadline.PDU)
    clock.advance(2)
    assert {deadlines.expired() for _ in Deadline} == {*Deadline, None} - {Deadline.PDU}
    deadlines.start(Deadline.PDU, 1)
    deadlines.stop_all()
    assert deadlines.timeout() is None


def test_two_of_the_same_moment_both_pass(deadlines: Deadlines, clock: MovableClock) -> None:
    deadlines.start(Deadline.PDU, 5)
    deadlines.start(Deadline.IDLE, 5)
    clock.advance(5)
    assert {deadlines.expired(), deadlines.expired()} == {Deadline.PDU, Deadline.IDLE}


class TestWhileAnEventRuns:
    """The peer is not to blame for what takes long here."""

    def test_no_deadline_comes_nearer(self, deadlines: Deadlines, clock: MovableClock) -> None:
        deadlines.start(Deadline.PDU, 10)
        clock.advance(4)
        deadlines.pause()
        clock.advance(1000)
        assert deadlines.timeout() == 6
        deadlines.resume()
        assert deadlines.timeout() == 6
        assert deadlines.expired() is None
        clock.advance(6)
        assert deadlines.expired() is Deadline.PDU

    def test_a_deadline_that_is_started_has_all_its_time(
        self, deadlines: Deadlines, clock: MovableClock
    ) -> None:
        deadlines.pause()
        clock.advance(100)
        deadlines.start(Deadline.PDU, 10)
        clock.advance(100)
        deadlines.resume()
        assert deadlines.timeout() == 10

    def test_it_may_pause_again_and_again(self, deadlines: Deadlines, clock: MovableClock) -> None:
        deadlines.start(Deadline.PDU, 10)
        for _ in range(3):
            deadlines.pause()
            clock.advance(50)
            deadlines.resume()
            clock.advance(2)
        assert deadlines.timeout() == 4

    def test_resuming_without_a_pause_changes_nothing(
        self, deadlines: Deadlines, clock: MovableClock
    ) -> None:
        deadlines.start(Deadline.PDU, 10)
        clock.advance(3)
        deadlines.resume()
        assert deadlines.timeout() == 7


def test_no_wait_is_longer_than_systems_can(deadlines: Deadlines) -> None:
    deadlines.start(Deadline.IDLE, 1e300)
    assert deadlines.timeout() == 86_400


def test_the_clock_is_monotonic_by_default() -> None:
    deadlines = Deadlines()
    before = time.monotonic()
    deadlines.start(Deadline.PDU, 100)
    left = deadlines.timeout()
    assert left is not None
    assert 100 - (time.monotonic() - before) <= left <= 100


@pytest.mark.parametrize(
    ("deadline", "text"),
    [
        (Deadline.CONNECT, "10.0.0.7:104 did not accept the connection within 2.5 s."),
        (Deadline.WRITE, "10.0.0.7:104 did not take any of what was sent within 2.5 s."),
        (Deadline.ABORT, "10.0.0.7:104 did not take the last bytes within 2.5 s."),
    ],
)
def test_the_error_says_what_was_waited_for(deadline: Deadline, text: str) -> None:
    error = timed_out(deadline, 2.5, "10.0.0.7:104")
    assert isinstance(error, NetworkError)
    assert error.code is DicomErrorCode.NET_TIME_OUT
    assert str(error) == text
