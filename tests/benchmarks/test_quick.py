"""The benchmarks themselves work."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.benchmarks import load, million, moving, screen
from tests.benchmarks.__main__ import checkpointing, text_of
from tests.benchmarks.checkpoints import measure, table
from tests.benchmarks.measuring import Bar, Bench, bench


@pytest.fixture(scope="module")
def running() -> Iterator[Bench]:
    with bench() as running:
        yield running


def test_the_quick_benchmark_measures_every_row(running: Bench) -> None:
    assert len(moving.big(running, quick=True)[0]) >= 2
    assert len(moving.small(running, quick=True)[0]) >= 2
    assert len(moving.listing(running, quick=True)[0]) >= 1
    assert len(moving.memory(running, quick=True, large=False)[0]) == 1


def test_the_screen_is_measured_in_a_terminal(running: Bench) -> None:
    assert len(screen.starts(running, quick=True)[0]) >= 2
    assert len(screen.queues(running, quick=True)[1]) == 2
    assert [bar.what for bar in screen.terminal_bytes(running, quick=True)[1]] == [
        "idle",
        "one running transfer",
    ]


def test_the_screen_under_load_is_measured_too(running: Bench) -> None:
    answered = load.keys(running, quick=True)[1]
    assert len(answered) == 2 and answered[0].value < 2000, "no key was answered"
    assert load.cost_of_the_screen(running, quick=True)[1][0].value > 0


def test_what_needs_no_server_is_measured_too() -> None:
    assert len(million.listing(quick=True)[1]) == 2
    assert checkpointing(quick=True).is_passed


def test_a_bar_that_is_missed_is_told() -> None:
    text = text_of([], [], [], [Bar("a", 1.2, 1.0), Bar("b", 0.5, 1.0)])
    assert "1 of 2 met" in text and "| a | 1.2 × | ≤ 1 × | **miss** |" in text


def test_the_checkpoint_benchmark_measures_every_row(tmp_path: Path) -> None:
    costs = [measure(tmp_path / str(count), count, calls=50) for count in (20, 200)]
    lines = table(costs).splitlines()
    assert len(lines) == 10 and all(line.count("|") == 4 for line in lines)
    assert all(cost.open > 0 and cost.confirm > 0 and cost.pause > 0 for cost in costs)
