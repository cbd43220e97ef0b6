"""The queue between the threads that send and the one that is the network's."""

from __future__ import annotations

import threading
from queue import SimpleQueue

import pytest

from leaddicom.dimse import messages as dimse
from leaddicom.errors import DicomErrorCode, NetworkError
from leaddicom.limits import Limits
from leaddicom.transport.outbox import Outbox, QueuedMessage, QueuedPrimitive

from .sessions import outgoing

PATIENCE = 10.0


def response(message_id: int = 1) -> QueuedMessage:
    return outgoing(dimse.C_ECHO_RSP, message_id, "", 0)


def request(message_id: int = 1) -> QueuedMessage:
    return outgoing(dimse.C_ECHO_RQ, message_id, "1.2")


def cancel_of(message_id: int) -> QueuedMessage:
    return outgoing(dimse.C_CANCEL_RQ, message_id)


def store(size: int) -> QueuedMessage:
    return outgoing(dimse.C_STORE_RQ, 1, "1.2", "1.2.3", 0, None, None, data=bytes(size))


def primitive(*, waits: bool = False) -> QueuedPrimitive:
    return QueuedPrimitive(lambda upper_layer: None, waits)


def filled(*items: QueuedMessage | QueuedPrimitive, limits: Limits | None = None) -> Outbox:
    outbox = Outbox(limits or Limits())
    for item in items:
        outbox.put(item, may_wait=False)
    return outbox


class TestOrder:
    def test_responses_leave_in_order(self) -> None:
        first, second = response(1), response(2)
        outbox = filled(first, second)
        assert len(outbox) == 2
        assert [outbox.take(False), outbox.take(False), outbox.take(False)] == [first, second, None]
        assert not outbox

    def test_requests_wait_for_leave(self) -> None:
        first, second = request(1), request(2)
        outbox = filled(first, second)
        assert outbox.take(False) is None
        assert outbox.take(True) is first
        assert outbox.take(False) is None
        assert outbox.take(True) is second
        assert outbox.take(True) is None

    def test_a_cancel_waits_for_nothing(self) -> None:
        other, cancel = request(1), cancel_of(2)
        outbox = filled(other, cancel)
        assert outbox.take(False) is cancel

    def test_a_cancel_does_not_overtake_its_own_request(self) -> None:
        """The peer would not know it yet, and then nothing would cancel it."""
        first, second, third, cancel = request(1), request(2), request(3), cancel_of(2)
        outbox = filled(first, second, third, cancel)
        assert outbox.take(False) is None
        assert [outbox.take(True), outbox.take(True)] == [first, second]
        assert outbox.take(False) is cancel  # which is no operation, and needs no leave
        assert outbox.take(False) is None
        assert outbox.take(True) is third

    def test_an_item_counts_until_it_has_left(self) -> None:
        """Who waits for 0 may close, and loses nothing."""
        outbox = filled(request(1), request(2), response(3))
        outbox.take(True)
        assert outbox.unsent == 3
        outbox.sent(1)
        assert outbox.unsent == 2
        outbox.clear()
        assert outbox.unsent == 0

    def test_dropped_operations_count_no_longer(self) -> None:
        outbox = filled(request(1), response(3))
        outbox.drop_operations()
        assert outbox.unsent == 1
        outbox.close()
        assert outbox.unsent == 0

    def test_responses_overtake_requests(self) -> None:
        asked, answered = request(), response()
        outbox = filled(asked, answered)
        assert outbox.take(True) is answered
        assert outbox.take(True) is asked

    def test_primitives_keep_their_place_among_responses(self) -> None:
        items = [response(1), primitive(), response(2)]
        outbox = filled(*items)
        assert [outbox.take(False) for _ in items] == items

    def test_a_primitive_that_waits_comes_after_requests_and_needs_no_leave(self) -> None:
        asked, release = request(), primitive(waits=True)
        outbox = filled(asked, release)
        assert outbox.take(False) is None
        assert outbox.take(True) is asked
        assert outbox.take(False) is release

    def test_sizes_are_those_of_data_sets_in_memory(self) -> None:
        assert (response().size, store(1000).size, primitive().size) == (0, 1000, 0)


class TestHighWaterMark:
    LIMITS = Limits(queued_messages=3, queued_bytes=1000)

    def held(
        self, outbox: Outbox, item: QueuedMessage
    ) -> tuple[threading.Thread, SimpleQueue[str]]:
        """A thread that wants to send; the queue tells what became of it."""
        outcome: SimpleQueue[str] = SimpleQueue()
        waits = threading.Event()
        changed = outbox._changed

        def wait(timeout: float | None = None) -> bool:
            waits.set()
            return type(changed).wait(changed, timeout)

        changed.wait = wait  # type: ignore[method-assign]

        def send() -> None:
            try:
                outbox.put(item, may_wait=True)
                outcome.put("sent")
            except NetworkError as error:
                outcome.put(str(error))

        thread = threading.Thread(target=send)
        thread.start()
        assert waits.wait(PATIENCE)
        with changed:  # from here on the thread waits, for it has let go of the lock
            assert outcome.empty()
        return thread, outcome

    def test_callers_wait_for_room_in_number(self) -> None:
        outbox = filled(response(), response(), request(), limits=self.LIMITS)
        thread, outcome = self.held(outbox, response())
        outbox.take(False)
        assert outcome.get(timeout=PATIENCE) == "sent"
        thread.join(PATIENCE)
        assert len(outbox) == 3

    def test_callers_wait_for_room_in_bytes(self) -> None:
        outbox = filled(store(1000), limits=self.LIMITS)
        thread, outcome = self.held(outbox, store(1))
        outbox.take(True)
        assert outcome.get(timeout=PATIENCE) == "sent"
        thread.join(PATIENCE)

    @pytest.mark.parametrize("size", [0, 999])
    def test_below_it_nobody_waits(self, size: int) -> None:
        outbox = filled(store(size), response(), limits=self.LIMITS)
        outbox.put(store(5000), may_wait=True)
        assert len(outbox) == 3

    def test_the_network_thread_never_waits(self) -> None:
        outbox = filled(*(response(n) for n in range(10)), limits=self.LIMITS)
        outbox.put(store(5000), may_wait=False)
        assert len(outbox) == 11

    def test_primitives_never_wait(self) -> None:
        outbox = filled(*(response(n) for n in range(10)), limits=self.LIMITS)
        outbox.put(primitive(), may_wait=True)
        assert len(outbox) == 11

    def test_clearing_lets_callers_go_on(self) -> None:
        outbox = filled(store(1000), response(), limits=self.LIMITS)
        thread, outcome = self.held(outbox, response())
        outbox.clear()
        assert outcome.get(timeout=PATIENCE) == "sent"
        thread.join(PATIENCE)
        assert len(outbox) == 1

    def test_closing_lets_callers_go(self) -> None:
        outbox = filled(store(1000), limits=self.LIMITS)
        thread, outcome = self.held(outbox, response())
        outbox.close()
        assert "the connection is closed" in outcome.get(timeout=PATIENCE)
        thread.join(PATIENCE)
        assert not outbox

    def test_responses_that_wait_make_it_full(self) -> None:
        outbox = filled(request(), request(), request(), response(), response(), limits=self.LIMITS)
        assert not outbox.is_full
        outbox.put(response(), may_wait=False)
        assert outbox.is_full

    @pytest.mark.parametrize(("size", "is_full"), [(999, False), (1000, True), (1001, True)])
    def test_large_responses_that_wait_make_it_full(self, size: int, is_full: bool) -> None:
        answer = outgoing(dimse.C_FIND_RSP, 1, "", 0xFF00, data=bytes(size))
        outbox = filled(store(5000), answer, limits=self.LIMITS)
        assert outbox.is_full is is_full
        outbox.take(False)
        assert not outbox.is_full


class TestEnd:
    def test_what_is_dropped_is_closed(self) -> None:
        waiting, asked = response(), store(10)
        outbox = filled(waiting, primitive(), asked)
        outbox.clear()
        assert not outbox
        assert outbox.take(True) is None
        assert waiting.outgoing.done
        assert asked.outgoing.done

    def test_what_is_dropped_does_not_count_any_more(self) -> None:
        answer = outgoing(dimse.C_FIND_RSP, 1, "", 0xFF00, data=bytes(10))
        outbox = filled(store(10), answer, limits=Limits(queued_bytes=1, write_timeout=0.05))
        outbox.clear()
        assert not outbox.is_full
        outbox.put(response(), may_wait=True)
        assert len(outbox) == 1

    def test_nothing_is_taken_after_closing(self) -> None:
        outbox = filled(response())
        outbox.close()
        for item in (response(), primitive()):
            with pytest.raises(NetworkError, match="Nothing can be sent") as caught:
                outbox.put(item, may_wait=True)
            assert caught.value.code is DicomErrorCode.NET_NOT_CONNECTED
        assert not outbox


class TestRefusals:
    LIMITS = Limits(queued_messages=1, write_timeout=0.05)

    def test_who_has_waited_too_long_is_told(self) -> None:
        outbox = filled(response(), limits=self.LIMITS)
        with pytest.raises(NetworkError, match=r"the queue has been full for 0\.05 s") as caught:
            outbox.put(response(), may_wait=True)
        assert caught.value.code is DicomErrorCode.NET_TIME_OUT
        assert len(outbox) == 1

    def test_a_limit_beyond_what_systems_can_wait_is_no_fault(self) -> None:
        outbox = filled(limits=Limits(write_timeout=1e300))
        outbox.put(response(), may_wait=True)
        assert len(outbox) == 1

    def test_while_closing_callers_are_refused_and_events_are_not(self) -> None:
        outbox = filled(response(), limits=TestHighWaterMark.LIMITS)
        outbox.refuse()
        with pytest.raises(NetworkError, match="the connection is being closed") as caught:
            outbox.put(response(), may_wait=True)
        assert caught.value.code is DicomErrorCode.NET_NOT_CONNECTED
        outbox.put(response(), may_wait=False)
        outbox.put(primitive(), may_wait=True)
        assert len(outbox) == 3

    def test_closing_lets_callers_that_wait_go(self) -> None:
        outbox = filled(store(1000), limits=TestHighWaterMark.LIMITS)
        thread, outcome = TestHighWaterMark().held(outbox, response())
        outbox.refuse()
        assert "the connection is being closed" in outcome.get(timeout=PATIENCE)
        thread.join(PATIENCE)
        assert len(outbox) == 1

    def test_after_a_release_requests_are_refused_and_responses_are_not(self) -> None:
        outbox = filled(request(1), primitive(waits=True))
        with pytest.raises(NetworkError, match="the release of the association was requested"):
            outbox.put(request(2), may_wait=True)
        outbox.put(response(), may_wait=False)
        assert len(outbox) == 3

    def test_requests_that_wait_can_be_dropped(self) -> None:
        asked, answered = store(1000), response()
        outbox = filled(asked, answered, primitive(waits=True), limits=TestHighWaterMark.LIMITS)
        outbox.drop_operations()
        assert asked.outgoing.done
        assert outbox.take(False) is answered
        assert not outbox
        outbox.put(response(), may_wait=True)  # nor do their bytes count any more


class TestWhatIsNext:
    def test_the_next_operation_is_the_first_that_waits(self) -> None:
        first = request(1)
        assert filled(response(), first, request(2)).next_operation is first

    def test_there_may_be_none(self) -> None:
        assert filled(response()).next_operation is None
        assert filled(primitive(waits=True)).next_operation is None
