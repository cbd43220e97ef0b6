"""Waiting for the next event."""

from __future__ import annotations

import threading

from leaddicom.pulse import Pulse


def test_a_beat_ends_the_wait() -> None:
    pulse, waiting, results = Pulse(), threading.Event(), []

    def wait() -> None:
        waiting.set()
        results.append(pulse.wait(30))

    thread = threading.Thread(target=wait)
    thread.start()
    assert waiting.wait(5)
    pulse.beat()
    thread.join(5)
    assert results == [True]


def test_the_wait_has_an_end_without_a_beat() -> None:
    assert Pulse().wait(0.001) is False


def test_a_beat_before_the_wait_is_not_missed() -> None:
    pulse = Pulse()
    pulse.beat()
    assert pulse.wait(30)
    assert not pulse.wait(0.001)  # but seen only once


def test_every_thread_sees_every_beat() -> None:
    pulse, results = Pulse(), []
    pulse.beat()
    threads = [threading.Thread(target=lambda: results.append(pulse.wait(30))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert results == [True] * 3
