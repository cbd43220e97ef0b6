"""When a request is sent again, and when not."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from leaddicom import (
    AssociationError,
    DataSetError,
    DicomError,
    DicomErrorCode,
    NetworkError,
    ParameterError,
    ProtocolError,
    StatusError,
    TlsError,
)
from leaddicom.ups.client.repeating import Repeater, Retry, is_loss

RESET = NetworkError(DicomErrorCode.NET_CONNECTION_RESET, "reset")
REFUSED = NetworkError(DicomErrorCode.NET_CONNECTION_REFUSED, "refused")
ABORTED = DicomErrorCode.NET_CONNECTION_ABORTED


def script(*outcomes: DicomError | str) -> Callable[[], str]:
    """Something that raises and returns one after the other."""
    left: Iterator[DicomError | str] = iter(outcomes)

    def act() -> str:
        outcome = next(left)
        if isinstance(outcome, DicomError):
            raise outcome
        return outcome

    return act


def repeater(connect: Callable[[], object] = lambda: None, **retry: float) -> Repeater:
    return Repeater(Retry(**{"attempts": 4, "delay": 0.0, **retry}), connect)  # type: ignore[arg-type]


class TestLoss:
    @pytest.mark.parametrize(
        "error",
        [
            RESET,
            REFUSED,
            NetworkError(DicomErrorCode.NET_TIME_OUT, "no answer"),
            AssociationError(ABORTED, "aborted", source=0, reason=0),
            AssociationError(ABORTED, "released"),
            AssociationError(DicomErrorCode.NET_FAILURE, "busy", result=2, source=3, reason=2),
            ProtocolError("closed without release", code=ABORTED),
            TlsError(DicomErrorCode.TLS, "cut", stage="transfer"),
        ],
        ids=str,
    )
    def test_is_a_connection_that_has_gone(self, error: DicomError) -> None:
        assert is_loss(error)

    @pytest.mark.parametrize(
        "error",
        [
            StatusError("refused", 0xC301),
            AssociationError(DicomErrorCode.NET_FAILURE, "no", result=1, source=1, reason=7),
            AssociationError(DicomErrorCode.CLASS_NOT_SUPPORTED, "no such class"),
            AssociationError(DicomErrorCode.CANCELED, "given up"),
            ProtocolError("pending"),
            ParameterError("no UID"),
            DataSetError(DicomErrorCode.READ, "damaged"),
            TlsError(DicomErrorCode.TLS_UNKNOWN_CA, "who?"),
        ],
        ids=str,
    )
    def test_is_no_answer_and_no_refusal(self, error: DicomError) -> None:
        assert not is_loss(error)


class TestRepeater:
    def test_sends_once_what_is_answered(self) -> None:
        made = repeater()
        assert made.call(script("answer")) == ("answer", False)
        assert made.attempts == 1

    def test_sends_again_what_was_lost(self) -> None:
        made = repeater()
        assert made.call(script(RESET, RESET, "answer")) == ("answer", True)
        assert made.attempts == 3

    def test_does_not_send_again_what_was_refused(self) -> None:
        made = repeater()
        with pytest.raises(DataSetError):
            made.call(script(DataSetError(DicomErrorCode.READ, "damaged"), "answer"))
        assert made.attempts == 1

    @pytest.mark.parametrize("attempts", [1, 2, 5])
    def test_gives_up_after_so_many_attempts(self, attempts: int) -> None:
        made = repeater(attempts=attempts)
        with pytest.raises(NetworkError, match="reset"):
            made.call(script(*[RESET] * 9))
        assert made.attempts == attempts

    def test_gives_up_before_a_delay_that_passes_the_deadline(self) -> None:
        made = repeater(delay=100.0, longest_delay=100.0, deadline=99.0)
        with pytest.raises(NetworkError):
            made.call(script(RESET, "answer"))
        assert made.attempts == 1

    def test_waits_no_longer_than_the_longest_delay(self) -> None:
        made = repeater(delay=100.0, longest_delay=0.0, deadline=99.0)
        assert made.call(script(RESET, "answer")) == ("answer", True)

    def test_does_not_wait_for_who_was_never_reached(self) -> None:
        made = repeater(script(REFUSED, "connected"))
        with pytest.raises(NetworkError, match="refused"):
            made.call(script("answer"))
        assert (made.attempts, made.was_sent) == (1, False)

    def test_waits_for_who_was_reached_before(self) -> None:
        made = repeater(script("connected", REFUSED, REFUSED, "connected"))
        assert made.call(script("one")) == ("one", False)
        # Nothing was sent by the attempts that have not connected: it is no repetition.
        assert made.call(script("two")) == ("two", False)
        assert made.attempts == 3

    def test_connects_again_for_the_repetition(self) -> None:
        made = repeater(script("connected", REFUSED, "connected"))
        assert made.call(script(RESET, "answer")) == ("answer", True)
        assert made.attempts == 3

    def test_stops_when_it_is_given_up(self) -> None:
        made = repeater(delay=3600.0, longest_delay=3600.0, deadline=1e6)
        timer = threading.Timer(0.1, made.give_up)
        timer.start()
        with pytest.raises(NetworkError):
            made.call(script(RESET, "answer"))
        timer.join()

    def test_does_not_wait_when_the_end_came_by_being_given_up(self) -> None:
        made = repeater(delay=3600.0, longest_delay=3600.0, deadline=1e6)

        def end() -> str:
            made.give_up()
            raise RESET

        with pytest.raises(NetworkError):
            made.call(end)

    def test_goes_on_with_the_next_request_after_that(self) -> None:
        made = repeater()
        made.give_up()
        assert made.call(script(RESET, "answer")) == ("answer", True)
