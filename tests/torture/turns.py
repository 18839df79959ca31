"""Virtual time: threads that take turns, one at a time, in the order of a clock that nobody waits for."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable
from contextlib import nullcontext

from engine.pace.cancel import CancelToken

EPOCH = 1_790_000_000.0
"""Wall time at which a simulation begins."""


class Gone(BaseException):
    """The process was killed; whoever was in it is no more."""


class VirtualClock:
    """An `engine.pace.clock.Clock` that moves only when everybody sleeps.

    Written by `Turns` and by whoever disturbs the time; with turns taken, no two threads look at once.
    """

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept = 0.0
        """Seconds for which the machine was suspended: the monotonic clock did not see them."""
        self.error = 0.0
        """Seconds by which the machine's wall clock is ahead of the truth."""
        self.turns: Turns | None = None

    def monotonic(self) -> float:
        return self.now

    def true(self) -> float:
        """Seconds since the epoch, as the rest of the world has it."""
        return EPOCH + self.now + self.slept

    def wall(self) -> float:
        return self.true() + self.error

    def wait(self, token: CancelToken, seconds: float) -> bool:
        assert self.turns is not None
        self.turns.sleep(seconds, token)
        return token.cancelled


class Hand:
    """A thread that does one task after the other, while it is its turn."""

    def __init__(self, turns: Turns, name: str) -> None:
        self._turns = turns
        self.go = threading.Lock()
        self.go.acquire()
        self.task: Callable[[], None] | None = None
        self.turn = 0
        """Number of the entry that wakes it; older entries are void."""
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        while True:
            self.go.acquire()
            if self.task is None:
                self._turns.back.release()
                return
            try:
                self.task()
            except Gone:
                pass
            except BaseException as error:  # Told by who gave the task.
                self.error = error
            self.task = None
            self._turns.back.release()


class Turns:
    """Hands, and what is to happen when. Exactly one thread runs at any moment, so that a run can be had again."""

    def __init__(self, clock: VirtualClock, hands: int) -> None:
        self.clock, clock.turns = clock, self
        self.back = threading.Lock()
        self.back.acquire()
        self.hands = [Hand(self, f"torture-hand-{n}") for n in range(hands)]
        self._current: Hand | None = None
        self._heap: list[tuple[float, int, Hand | Callable[[], None]]] = []
        self._number = 0
        self.is_over = False
        """Whoever wakes finds that the process is gone."""

    def idle(self) -> Hand | None:
        return next((hand for hand in self.hands if hand.task is None), None)

    @property
    def busy(self) -> int:
        return sum(hand.task is not None for hand in self.hands)

    # -- by the hands ------------------------------------------------------------------------------

    def sleep(self, seconds: float, token: CancelToken | None = None) -> None:
        """Let others go on; returns later, or when `token` is cancelled."""
        hand = self._current
        assert hand is not None, "only hands sleep"
        if self.is_over:
            raise Gone
        self._wake(hand, self.clock.now + max(0.0, seconds))
        with token.hook(lambda: self._wake(hand, self.clock.now)) if token is not None else nullcontext():
            self.back.release()
            hand.go.acquire()
        if self.is_over:
            raise Gone

    def _wake(self, hand: Hand, when: float) -> None:
        self._number += 1
        hand.turn = self._number
        heapq.heappush(self._heap, (when, self._number, hand))

    # -- by who moves time -------------------------------------------------------------------------

    def at(self, when: float, call: Callable[[], None]) -> None:
        """Call it then, between two turns."""
        self._number += 1
        heapq.heappush(self._heap, (when, self._number, call))

    def give(self, hand: Hand, task: Callable[[], None]) -> None:
        """Let an idle hand do something, until it sleeps or is done."""
        hand.task = task
        self._turn(hand)

    def _turn(self, hand: Hand) -> None:
        self._current = hand
        hand.go.release()
        self.back.acquire()
        self._current = None
        if hand.error is not None:
            error, hand.error = hand.error, None
            raise error

    def step(self, until: float) -> bool:
        """Go to what happens next, if it does before `until`, and let it happen; false if nothing does."""
        if not self._heap or self._heap[0][0] > until:
            return False
        when, number, what = heapq.heappop(self._heap)
        self.clock.now = max(self.clock.now, when)
        if not isinstance(what, Hand):
            what()
        elif what.turn == number and what.task is not None:
            self._turn(what)
        return True

    def next_at(self) -> float:
        """When something happens next."""
        return self._heap[0][0] if self._heap else float("inf")

    def bury(self) -> None:
        """The process is killed: what was asleep in it never wakes, and what was to happen does not."""
        self.is_over = True
        for hand in self.hands:
            while hand.task is not None:
                self._turn(hand)
        self._heap = []
        self.is_over = False

    def end(self) -> None:
        """Let the threads end."""
        self.bury()
        for hand in self.hands:
            hand.go.release()
            self.back.acquire()
            hand.thread.join()
