"""Rejects and aborts in words."""

from __future__ import annotations

import pytest

from leaddicom.enums import AbortReason, RejectSource
from leaddicom.upper_layer.reasons import abort_text, reject_text

# PS3.8 Table 9-21.
REJECT_REASONS = [
    (1, 1, "no reason given"),
    (1, 2, "application context name not supported"),
    (1, 3, "calling AE title not recognized"),
    (1, 7, "called AE title not recognized"),
    (2, 1, "no reason given"),
    (2, 2, "protocol version not supported"),
    (3, 1, "temporary congestion"),
    (3, 2, "local limit exceeded"),
]
# PS3.8 Table 9-26.
ABORT_REASONS = [
    (0, "reason not specified"),
    (1, "unrecognized PDU"),
    (2, "unexpected PDU"),
    (4, "unrecognized PDU parameter"),
    (5, "unexpected PDU parameter"),
    (6, "invalid PDU parameter value"),
]


@pytest.mark.parametrize(("source", "reason", "words"), REJECT_REASONS)
def test_a_reject_says_why(source: int, reason: int, words: str) -> None:
    text = reject_text(1, source, reason)
    assert text.startswith(f"rejected the association permanently: {words} (1, {source}, {reason})")
    assert text == text.strip()


@pytest.mark.parametrize(("result", "word"), [(1, "permanently"), (2, "for now"), (0, "for now")])
def test_a_reject_says_for_how_long(result: int, word: str) -> None:
    assert f"the association {word}:" in reject_text(result, 1, 1)


@pytest.mark.parametrize(("source", "reason"), [(1, 4), (2, 7), (3, 0), (0, 1), (4, 1), (255, 255)])
def test_a_reject_with_unknown_numbers_shows_them(source: int, reason: int) -> None:
    expected = f"rejected the association permanently: an unknown reason (1, {source}, {reason})."
    assert reject_text(1, source, reason) == expected


@pytest.mark.parametrize(
    ("source", "reason", "advice"),
    [
        (1, 3, "Ask its administrator to register this calling AE title."),
        (1, 7, "Check the called AE title."),
        (3, 1, "Try again later."),
        (3, 2, "It has reached a limit, such as its number of associations; try again later."),
        (1, 1, "(1, 1, 1)."),
    ],
)
def test_a_reject_says_what_to_do_if_there_is_anything(
    source: int, reason: int, advice: str
) -> None:
    assert reject_text(1, source, reason).endswith(advice)


@pytest.mark.parametrize(("reason", "words"), ABORT_REASONS)
def test_an_abort_by_the_provider_says_why(reason: int, words: str) -> None:
    expected = f"aborted the association because of the protocol: {words} (2, {reason})."
    assert abort_text(2, reason) == expected


@pytest.mark.parametrize("reason", [3, 7, 255])
def test_an_abort_with_an_unknown_reason_shows_it(reason: int) -> None:
    expected = f"aborted the association because of the protocol: an unknown reason (2, {reason})."
    assert abort_text(2, reason) == expected


@pytest.mark.parametrize(("source", "reason"), [(0, 0), (0, 6), (1, 2), (3, 3)])
def test_an_abort_by_the_user_has_no_reason(source: int, reason: int) -> None:
    expected = f"aborted the association on its user's behalf ({source}, {reason})."
    assert abort_text(source, reason) == expected


def test_every_number_that_has_a_name_has_words() -> None:
    assert [reason for reason, _ in ABORT_REASONS] == [*AbortReason]
    assert {source for source, _, _ in REJECT_REASONS} == {*RejectSource}
