"""Whatever the bytes are, only a `DataSetError` comes out."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import leaddicom.decoding as decoding_package
from leaddicom.decoding import decode_data_set, encode_data_set, read_values, writing
from leaddicom.errors import DataSetError

from .elements import (
    BIG_ENDIAN,
    IMPLICIT,
    ITEM,
    ITEM_END,
    LIMITS,
    SEQUENCE_END,
    UIDS,
    WHOLE,
    data_of,
)

SEEDS = [data_of(path) for path in WHOLE if path.stat().st_size < 3_000]


INSERTS = st.sampled_from(
    [b"SQ", b"UN", b"OB", b"\xff\xff\xff\xff", bytes(4), ITEM, ITEM_END, SEQUENCE_END, b"\x01\0"]
)


@st.composite
def mutations(draw: st.DrawFn) -> tuple[bytes, str]:
    """Draw a small real data set with a few changes."""
    data, syntax = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(1, 4))):
        position = draw(st.integers(0, len(data)))
        change = draw(st.one_of(INSERTS, st.binary(min_size=1, max_size=4)))
        tail = draw(st.sampled_from([0, len(change), len(data)]))
        data = data[:position] + change + data[position + tail :]
    return data, syntax


@settings(max_examples=1_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(mutations())
def test_whatever_comes_only_data_set_errors_escape(mutation: tuple[bytes, str]) -> None:
    data, syntax = mutation
    for attempt in attempts(data, syntax):
        with contextlib.suppress(DataSetError):
            attempt()


def attempts(data: bytes, syntax: str) -> Iterator[Callable[[], object]]:
    yield lambda: decode_data_set(data, syntax, LIMITS)
    yield lambda: read_values(data, syntax, LIMITS, UIDS)
    yield lambda: encode_data_set(decode_data_set(data, syntax, LIMITS), IMPLICIT)
    yield lambda: encode_data_set(decode_data_set(data, syntax, LIMITS), BIG_ENDIAN)


def test_the_package_offers_what_it_says() -> None:
    assert all(hasattr(decoding_package, item) for item in decoding_package.__all__)
    assert writing.encode_data_set is encode_data_set
