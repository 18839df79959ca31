"""Numbers read as people say them, and never wider than their column."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui import format

NOW = time.mktime((2026, 11, 24, 12, 0, 0, 0, 0, -1))


@given(st.integers(-1, 2**62))
def test_a_size_fits_its_column(count: int) -> None:
    assert len(format.size(count)) <= 5


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0B"),
        (999, "999B"),
        (1000, "1.0K"),
        (1023, "1.0K"),
        (1048524, "1.0M"),
        (10**12, "931G"),
        (-1, "--"),
    ],
)
def test_sizes_keep_the_digits_that_matter(count: int, shown: str) -> None:
    assert format.size(count) == shown


@given(st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True)))
def test_a_duration_is_short_and_never_negative(seconds: float | None) -> None:
    shown = format.duration(seconds)
    assert len(shown) <= 7
    assert not shown.startswith("-") or shown == format.UNKNOWN


@given(st.floats(0, 1))
def test_hundred_percent_is_said_only_of_what_is_done(fraction: float) -> None:
    assert format.percent(fraction) != "100%"
    assert format.percent(fraction, done=True) == "100%"


def test_dates_grow_coarser_with_age() -> None:
    assert format.date(NOW - 3600, NOW) == "11:00"
    assert format.date(NOW - 4 * 86400, NOW) == "Nov 20"
    assert format.date(NOW - 3 * 365 * 86400, NOW) == "2023"
    assert format.date(1e20, NOW) == "?"


def test_counts_agree_with_their_noun() -> None:
    assert format.counted(1, "object") == "1 object"
    assert format.counted(0, "object") == "0 objects"
