"""The benchmarks themselves work."""

from __future__ import annotations

from pathlib import Path

from tests.benchmarks.__main__ import bench, memory, speed
from tests.benchmarks.checkpoints import measure, table


def test_the_quick_benchmark_measures_every_row() -> None:
    with bench() as running:
        assert len(speed(running, quick=True)) >= 4
        assert len(memory(running, quick=True, large=False)) == 1


def test_the_checkpoint_benchmark_measures_every_row(tmp_path: Path) -> None:
    costs = [measure(tmp_path / str(count), count, calls=50) for count in (20, 200)]
    lines = table(costs).splitlines()
    assert len(lines) == 10 and all(line.count("|") == 4 for line in lines)
    assert all(cost.open > 0 and cost.confirm > 0 and cost.pause > 0 for cost in costs)
