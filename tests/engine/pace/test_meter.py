"""Speeds and times left that a person can believe."""

from __future__ import annotations

import pytest

from engine.pace.meter import SpeedHistory, SpeedMeter
from tests.engine.pace.clocks import StepClock


def run(meter: SpeedMeter, clock: StepClock, start: int, speed: float, seconds: float) -> int:
    total = float(start)
    for _ in range(round(seconds * 4)):
        clock.advance(0.25)
        total += speed / 4
        meter.sample(int(total))
    return int(total)


def test_a_steady_speed_is_right_from_the_first_second() -> None:
    clock = StepClock()
    meter = SpeedMeter(clock)
    meter.sample(0)
    total = run(meter, clock, 0, 1000, 1)
    assert meter.bytes_per_second == pytest.approx(1000)
    run(meter, clock, total, 1000, 60)
    assert meter.bytes_per_second == pytest.approx(1000)
    assert meter.average == pytest.approx(1000)
    assert meter.elapsed == pytest.approx(61)


def test_a_change_of_speed_shows_for_two_thirds_after_ten_seconds() -> None:
    clock = StepClock()
    meter = SpeedMeter(clock)
    meter.sample(0)
    total = run(meter, clock, 0, 1000, 120)
    run(meter, clock, total, 0, 10)
    assert meter.bytes_per_second == pytest.approx(368, rel=0.02)


def test_what_a_checkpoint_brought_is_not_speed() -> None:
    clock = StepClock()
    meter = SpeedMeter(clock)
    meter.sample(50 * 10**9)
    run(meter, clock, 50 * 10**9, 1000, 5)
    assert meter.bytes_per_second == pytest.approx(1000)


def test_no_time_left_is_told_before_three_seconds() -> None:
    clock = StepClock()
    meter = SpeedMeter(clock)
    meter.sample(0)
    total = run(meter, clock, 0, 1000, 2.75)
    assert meter.eta(10_000) is None
    run(meter, clock, total, 1000, 0.25)
    assert meter.eta(10_000) == pytest.approx(10)
    assert meter.eta(0) == 0.0


def test_no_time_left_is_told_while_nothing_moves() -> None:
    clock = StepClock()
    meter = SpeedMeter(clock)
    meter.sample(0)
    run(meter, clock, 0, 0, 60)
    assert meter.eta(10_000) is None


def test_a_part_tried_again_gives_no_negative_speed() -> None:
    clock = StepClock()
    meter = SpeedMeter(clock)
    meter.sample(0)
    run(meter, clock, 0, 1000, 5)
    clock.advance(0.25)
    meter.sample(0)
    assert meter.bytes_per_second > 900
    run(meter, clock, 0, 1000, 5)
    assert meter.bytes_per_second == pytest.approx(1000, rel=0.05)
    assert meter.average > 0


def test_a_pause_counts_for_nothing() -> None:
    clock = StepClock()
    meter = SpeedMeter(clock)
    meter.sample(0)
    total = run(meter, clock, 0, 1000, 10)
    meter.pause()
    clock.advance(3600)
    meter.sample(total)
    assert meter.bytes_per_second == 0.0
    assert meter.elapsed == pytest.approx(10)
    meter.resume()
    meter.sample(total)
    assert meter.eta(1000) is None
    run(meter, clock, total, 500, 10)
    assert meter.bytes_per_second == pytest.approx(500)
    assert meter.elapsed == pytest.approx(20)
    assert meter.average == pytest.approx(750)


def test_two_samples_at_one_moment_lose_nothing() -> None:
    clock = StepClock()
    meter = SpeedMeter(clock)
    meter.sample(0)
    clock.advance(1)
    meter.sample(1000)
    meter.sample(1500)
    clock.advance(1)
    meter.sample(2000)
    assert meter.average == pytest.approx(1000)


def test_the_history_holds_one_value_a_second_for_a_minute() -> None:
    clock = StepClock()
    history = SpeedHistory(clock)
    total = 0
    history.sample(0)
    for second in range(100):
        for _ in range(4):
            clock.advance(0.25)
            total += second * 250
            history.sample(total)
    assert history.values == pytest.approx([second * 1000 for second in range(40, 100)])


def test_the_history_spreads_a_late_sample_and_survives_a_long_gap() -> None:
    clock = StepClock()
    history = SpeedHistory(clock)
    history.sample(0)
    clock.advance(4)
    history.sample(4000)
    assert history.values == pytest.approx([1000] * 4)
    clock.advance(86_400)
    history.sample(3000)
    assert history.values == (0.0,) * 60
