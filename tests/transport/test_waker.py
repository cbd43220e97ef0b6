"""Waking a thread that waits for descriptors: with an eventfd, and where there is none."""

from __future__ import annotations

import os
import selectors
import socket
import threading
from collections.abc import Iterator

import pytest

from leaddicom.transport.waker import Waker

PATIENCE = 10.0


@pytest.fixture(params=["eventfd", "socket pair"])
def waker(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Waker]:
    if request.param == "socket pair":
        monkeypatch.delattr(os, "eventfd", raising=False)
    elif not hasattr(os, "eventfd"):
        pytest.skip("this system has no eventfd")
    waker = Waker()
    yield waker
    waker.close()


def is_awake(waker: Waker) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(waker, selectors.EVENT_READ)
        return bool(selector.select(0))


def test_a_waker_sleeps_until_it_is_woken(waker: Waker) -> None:
    assert not is_awake(waker)
    waker.wake()
    assert is_awake(waker)
    assert is_awake(waker)


def test_one_clear_takes_back_any_number_of_wakes(waker: Waker) -> None:
    for _ in range(5000):
        waker.wake()
    waker.clear()
    assert not is_awake(waker)
    waker.clear()
    waker.wake()
    assert is_awake(waker)


def test_wakes_without_number_never_block(waker: Waker, monkeypatch: pytest.MonkeyPatch) -> None:
    if isinstance(waker._receive, int):
        os.eventfd_write(waker.fileno(), 0xFFFF_FFFF_FFFF_FFFE)  # as many as it can count
        waker.wake()
    else:
        for _ in range(300_000):
            waker.wake()
            if not waker._send:
                break
            try:
                waker._send.send(b"\0" * 4096)
            except BlockingIOError:
                break
        waker.wake()
    assert is_awake(waker)
    waker.clear()
    assert not is_awake(waker)


def test_another_thread_wakes_the_one_that_waits(waker: Waker) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(waker, selectors.EVENT_READ)
        thread = threading.Thread(target=waker.wake)
        thread.start()
        assert selector.select(PATIENCE)
        thread.join(PATIENCE)


def test_after_closing_waking_does_nothing(waker: Waker) -> None:
    waker.close()
    # Another descriptor may have got the number: nothing may be written to it.
    reader, writer = socket.socketpair()
    with reader, writer:
        reader.setblocking(False)
        writer.setblocking(False)
        waker.wake()
        for end in (reader, writer):
            with pytest.raises(BlockingIOError):
                end.recv(1)
    waker.close()
