"""Telling a dead or crawling connection from a slow one."""

from __future__ import annotations

import pytest

from engine.errors import Retryable
from engine.pace.watchdog import StallGuard
from tests.engine.pace.clocks import StepClock


def stalls_within(guard: StallGuard, clock: StepClock, seconds: int, bytes_per_second: int) -> int | None:
    """After how many seconds it stalls, fed like that; ``None`` if it does not."""
    for second in range(1, seconds + 1):
        clock.advance(1)
        guard.moved(bytes_per_second)
        try:
            guard.check()
        except Retryable as error:
            assert error.code == "stalled"
            return second
    return None


def test_thirty_seconds_without_a_byte_are_a_stall() -> None:
    clock = StepClock()
    guard = StallGuard(clock)
    guard.moved(10**9)
    for seconds in (10, 10, 9.9):
        clock.advance(seconds)
        guard.check()
    clock.advance(0.2)
    with pytest.raises(Retryable, match="no byte for 30 s"):
        guard.check()


def test_time_in_which_the_process_did_not_run_is_no_stall() -> None:
    clock = StepClock()
    guard = StallGuard(clock)
    clock.advance(20)
    guard.moved(1)
    for _ in range(3):
        clock.advance(8 * 3600)
        guard.check()
    assert stalls_within(guard, clock, 100, 0) == 30


def test_a_drip_is_a_stall_after_a_minute() -> None:
    clock = StepClock()
    assert stalls_within(StallGuard(clock), clock, 300, 100) == 60


def test_a_slow_line_is_no_stall() -> None:
    clock = StepClock()
    assert stalls_within(StallGuard(clock), clock, 600, 1100) is None


def test_a_fast_start_does_not_hide_a_drip_for_long() -> None:
    clock = StepClock()
    guard = StallGuard(clock)
    assert stalls_within(guard, clock, 30, 10**6) is None
    stalled = stalls_within(guard, clock, 300, 10)
    assert stalled is not None
    assert stalled <= 66


def test_suspended_time_does_not_count() -> None:
    clock = StepClock()
    guard = StallGuard(clock)
    guard.moved(1)
    with guard.suspend(), guard.suspend():
        clock.advance(3600)
        guard.check()
    guard.check()
    assert stalls_within(guard, clock, 100, 0) == 30
