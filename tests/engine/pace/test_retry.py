"""When to try again."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.pace.retry import RetryPolicy


@given(attempt=st.integers(-5, 10**6), seed=st.integers())
def test_a_delay_lies_between_nothing_and_the_cap(attempt: int, seed: int) -> None:
    delay = RetryPolicy(rng=random.Random(seed)).delay(attempt)
    assert 0 <= delay <= min(60.0, 0.5 * 2 ** min(max(attempt - 1, 0), 10))


def test_delays_use_the_whole_range_and_the_range_doubles() -> None:
    policy = RetryPolicy(rng=random.Random(1))
    for attempt, top in [(1, 0.5), (2, 1.0), (3, 2.0), (8, 60.0), (60, 60.0)]:
        delays = [policy.delay(attempt) for _ in range(2000)]
        assert min(delays) < 0.02 * top
        assert 0.98 * top < max(delays) <= top


@pytest.mark.parametrize(
    ("asked", "least", "most"),
    [
        (10.0, 10, 10),
        (0.0, 0, 0.5),
        (-5.0, 0, 0.5),
        (1e9, 900, 900),
        (float("nan"), 0, 0.5),
    ],
)
def test_what_the_server_asked_for_is_the_least(asked: float, least: float, most: float) -> None:
    assert least <= RetryPolicy().delay(1, asked) <= most


def test_the_last_attempt_is_the_last() -> None:
    policy = RetryPolicy(attempts=3)
    assert [policy.exhausted(attempt) for attempt in (1, 2, 3, 4)] == [False, False, True, True]
    assert RetryPolicy(attempts=0).exhausted(1)
