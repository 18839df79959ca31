"""A queue lives through seven days of outages, restarts, jumping clocks and a restless user."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.queue.core import Core
from engine.scheduler import Scheduler
from engine.state.store import FinishedItem, Store
from tests.torture.week import WeekResult, run_week


def a_day_like_that() -> WeekResult:
    """A week with little to do."""
    return run_week(3, items=400, restarts=16)


@pytest.mark.timeout(300)
@pytest.mark.fault(48)
def test_ten_thousand_items_survive_a_week_of_everything() -> None:
    week = run_week(seed=2026)
    assert week.broken == ()
    assert week.items == 10_000 and week.done + week.cancelled == 10_000
    assert week.restarts == 50 and week.crashes == 25 and week.outages == 8
    assert week.lost == week.duplicates == week.revived == week.unpaused == week.illegal_transitions == 0
    assert week.longest_backoff <= 60 and week.oldest_signature <= 900


def test_the_same_seed_gives_the_same_week() -> None:
    first, second = a_day_like_that(), a_day_like_that()
    assert first.is_good, first.broken
    assert replace(first, real_seconds=0) == replace(second, real_seconds=0)


def test_a_week_notices_a_pause_that_is_not_written_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Core, "save", lambda self, transfer: None)
    week = a_day_like_that()
    assert week.lost and "items were lost or changed" in week.broken


def test_a_week_notices_an_end_that_is_not_written_down(monkeypatch: pytest.MonkeyPatch) -> None:
    def forget(self: Store, items: list[FinishedItem]) -> int:
        return 0

    monkeypatch.setattr(Store, "finish", forget)
    week = a_day_like_that()
    assert week.revived and week.lost and week.duplicates


def test_a_week_notices_workers_that_nobody_wakes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Scheduler, "next_due", lambda self, now: None)
    week = a_day_like_that()
    assert not week.is_good
