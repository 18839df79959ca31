"""The rate limit: exact, smooth, fair, changed and interrupted at any time."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import Interrupted
from engine.pace.cancel import CancelToken
from engine.pace.clock import SystemClock
from engine.pace.limiter import Limiter, RateLimiter
from tests.engine.pace.clocks import StepClock, StoppedClock

MIB = 1 << 20


def run_threads(count: int, work: Callable[[int], None]) -> None:
    threads = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)


def flow(limiter: Limiter, clock: StepClock, until: float, threads: int, buffer: int = MIB) -> int:
    """How many bytes `threads` workers get through until the clock shows `until`."""
    taken = [0] * threads

    def work(number: int) -> None:
        token = CancelToken()
        while clock.monotonic() < until:
            piece = limiter.piece(buffer)
            limiter.take(piece, token)
            if clock.monotonic() <= until:
                taken[number] += piece

    run_threads(threads, work)
    return sum(taken)


@pytest.mark.parametrize("threads", [1, 16, 64])
@pytest.mark.parametrize("rate", [50_000, 3_000_000, 400_000_000])
def test_ten_seconds_are_exact_within_five_percent(rate: int, threads: int) -> None:
    clock = StepClock()
    limiter = RateLimiter(clock, rate)
    taken = flow(limiter, clock, clock.now + 10, threads)
    assert taken == pytest.approx(10 * rate, rel=0.05)


def test_waking_late_costs_nothing() -> None:
    clock = StepClock(overshoot=0.08)
    limiter = RateLimiter(clock, 2_000_000)
    assert flow(limiter, clock, clock.now + 10, 16) == pytest.approx(20_000_000, rel=0.05)


def test_the_rate_may_change_midway() -> None:
    clock = StepClock()
    limiter = RateLimiter(clock, 1_000_000)
    first = flow(limiter, clock, clock.now + 5, 8)
    limiter.rate = 3_000_000
    second = flow(limiter, clock, clock.now + 5, 8)
    assert first == pytest.approx(5_000_000, rel=0.05)
    assert second == pytest.approx(15_000_000, rel=0.05)


def test_an_idle_hour_saves_up_a_quarter_of_a_second() -> None:
    clock = StepClock()
    limiter = RateLimiter(clock, 1_000_000)
    clock.advance(3600)
    before, taken = clock.now, 0
    while True:
        limiter.take(10_000, CancelToken())
        if clock.now > before:
            break
        taken += 10_000
    assert taken == 250_000


def test_a_lower_rate_forgets_what_was_saved_up() -> None:
    clock = StepClock()
    limiter = RateLimiter(clock, 100_000_000)
    clock.advance(10)
    limiter.rate = 1_000_000
    before = clock.now
    limiter.take(1_000_000, CancelToken())
    assert clock.now - before == pytest.approx(0.75)


@settings(max_examples=60, deadline=None)
@given(
    rate=st.integers(1, 10**9),
    steps=st.lists(st.tuples(st.floats(0, 2), st.integers(1, 3 * MIB)), min_size=1, max_size=30),
)
def test_no_window_of_time_lets_more_through_than_rate_and_burst(
    rate: int, steps: list[tuple[float, int]]
) -> None:
    clock = StepClock()
    limiter = RateLimiter(clock, rate)
    log = []
    for idle, asked in steps:
        clock.advance(idle)
        count = limiter.piece(asked)
        limiter.take(count, CancelToken())
        log.append((clock.now, count))
    for first, (begin, _) in enumerate(log):
        total = 0
        for end, count in log[first:]:
            total += count
            piece = log[first][1]
            assert total <= (end - begin + 0.25) * rate + piece + 1


def test_a_take_larger_than_the_burst_is_paid_in_full() -> None:
    clock = StepClock()
    limiter = RateLimiter(clock, 1000)
    before = clock.now
    limiter.take(60_000, CancelToken())
    assert clock.now - before == pytest.approx(60, rel=0.01)


@pytest.mark.parametrize(
    ("rate", "asked", "expected"),
    [(None, MIB, MIB), (8_000_000, MIB, 1_000_000), (8_000_000, 5, 5), (100, MIB, 4096), (10**12, MIB, MIB)],
)
def test_pieces_are_an_eighth_of_a_second_and_at_least_a_page(
    rate: int | None, asked: int, expected: int
) -> None:
    assert RateLimiter(StepClock(), rate).piece(asked) == expected


def test_without_a_limit_nothing_waits() -> None:
    clock = StoppedClock()
    limiter = RateLimiter(clock)
    limiter.take(10**15, CancelToken())
    assert not limiter.is_limiting
    assert not clock.waiting.is_set()


@pytest.mark.parametrize("rate", [0, -1])
def test_a_rate_of_nothing_is_refused(rate: int) -> None:
    with pytest.raises(ValueError, match="above 0"):
        RateLimiter(StepClock(), rate)


class Taker(threading.Thread):
    """Takes once and remembers how that ended."""

    def __init__(self, limiter: RateLimiter, count: int, done: list[object] | None = None) -> None:
        super().__init__(daemon=True)
        self.token, self.outcome = CancelToken(), ""
        self._limiter, self._count, self._done = limiter, count, done
        self.start()

    def run(self) -> None:
        try:
            self._limiter.take(self._count, self.token)
            self.outcome = "taken"
        except Interrupted:
            self.outcome = "interrupted"
        if self._done is not None:
            self._done.append(self)

    def ended(self) -> str:
        self.join(10)
        return self.outcome


def until(is_true: Callable[[], bool]) -> None:
    """Return when it is."""
    for _ in range(10_000):
        if is_true():
            return
        threading.Event().wait(0.001)
    raise AssertionError("it never is")


def queued(limiter: RateLimiter, count: int) -> None:
    """Return when `count` takers stand in the queue."""
    until(lambda: len(limiter._queue) == count)


def test_a_small_take_does_not_jump_the_queue() -> None:
    clock = StoppedClock()
    limiter = RateLimiter(clock, 1000)
    first = Taker(limiter, 1000)
    queued(limiter, 1)
    until(clock.waiting.is_set)
    clock.advance(0.1)
    second = Taker(limiter, 50)
    queued(limiter, 2)
    limiter.rate = None
    assert [first.ended(), second.ended()] == ["taken", "taken"]


def test_takers_are_served_in_the_order_of_asking() -> None:
    clock = StoppedClock()
    limiter = RateLimiter(clock, 1000)
    done: list[object] = []
    takers = []
    for number in range(5):
        takers.append(Taker(limiter, 100, done))
        queued(limiter, number + 1)
    for taker in takers:
        # Enough for one; the change of rate makes the head look again.
        clock.advance(0.101)
        limiter.rate = 1000
        assert taker.ended() == "taken"
    assert done == takers


def test_lifting_the_limit_frees_every_blocked_taker_at_once() -> None:
    clock = StoppedClock()
    limiter = RateLimiter(clock, 1)
    takers = [Taker(limiter, MIB) for _ in range(8)]
    queued(limiter, 8)
    limiter.rate = None
    assert [taker.ended() for taker in takers] == ["taken"] * 8


def test_raising_the_limit_frees_a_taker_that_would_have_waited_for_days() -> None:
    limiter = RateLimiter(SystemClock(), 1)
    taker = Taker(limiter, MIB)
    queued(limiter, 1)
    limiter.rate = 100 * MIB
    assert taker.ended() == "taken"


@pytest.mark.parametrize("victim", [0, 1, 2])
def test_cancel_interrupts_a_taker_anywhere_in_the_queue_and_the_rest_move_up(victim: int) -> None:
    clock = StoppedClock()
    limiter = RateLimiter(clock, 1000)
    takers = []
    for number in range(3):
        takers.append(Taker(limiter, 200))
        queued(limiter, number + 1)
    takers[victim].token.cancel("pause")
    assert takers[victim].ended() == "interrupted"
    for taker in takers[:victim] + takers[victim + 1 :]:
        clock.advance(0.201)
        limiter.rate = 1000
        assert taker.ended() == "taken"


def test_an_interrupted_taker_gives_back_what_it_had_paid() -> None:
    clock = StoppedClock()
    limiter = RateLimiter(clock, 1000)
    taker = Taker(limiter, 10_000)
    queued(limiter, 1)
    clock.advance(0.201)
    limiter.rate = 1000  # it looks again, and pays the 200 that are there
    until(lambda: limiter._queue[0].left < 9801)
    taker.token.cancel("pause")
    assert taker.ended() == "interrupted"
    assert Taker(limiter, 200).ended() == "taken"


def test_a_cancelled_token_does_not_queue() -> None:
    limiter, token = RateLimiter(StoppedClock(), 1), CancelToken()
    token.cancel("quit")
    with pytest.raises(Interrupted):
        limiter.take(10, token)
    assert not limiter._queue
