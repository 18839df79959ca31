"""The benchmarks themselves work."""

from __future__ import annotations

from tests.benchmarks.__main__ import bench, memory, speed


def test_the_quick_benchmark_measures_every_row() -> None:
    with bench() as running:
        assert len(speed(running, quick=True)) >= 4
        assert len(memory(running, quick=True, large=False)) == 1
