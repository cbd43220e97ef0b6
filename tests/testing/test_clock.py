"""The clock that tests move."""

from __future__ import annotations

import pytest

from leaddicom.errors import ParameterError
from leaddicom.testing import MovableClock


def test_time_stands_still_until_it_is_moved() -> None:
    clock = MovableClock()
    assert (clock(), clock()) == (0.0, 0.0)
    clock.advance(1.5)
    clock.advance(0)
    assert clock() == 1.5


def test_it_begins_where_the_test_wants() -> None:
    assert MovableClock(100)() == 100


def test_it_never_goes_back() -> None:
    clock = MovableClock(10)
    with pytest.raises(ParameterError, match=r"cannot go back by 0\.5 s"):
        clock.advance(-0.5)
    assert clock() == 10
