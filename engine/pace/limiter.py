"""One token bucket per direction, shared by all workers, changeable while they wait at it."""

from __future__ import annotations

import threading
from collections import deque
from typing import Protocol

from engine.pace.cancel import CancelToken
from engine.pace.clock import Clock

BURST_SECONDS = 0.25
"""What may pile up while nobody takes: at most this much time's worth."""

PIECE_SECONDS = 0.125
"""What one taker should move at a time, so that the flow is smooth and shared fairly."""

MIN_WAIT = 0.001
"""Seconds; for less it is not worth going to sleep. What that is too long stays in the bucket."""

MIN_PIECE = 4096
"""Bytes; smaller pieces would cost more in system calls than they smooth."""


class _Waiter:
    """A taker in the queue, and how it is woken: its `alarm` is cancelled, then replaced.

    `alarm` and `left` are written by the taker under the limiter's lock; the alarm is cancelled by
    anyone.
    """

    __slots__ = ("alarm", "left")

    def __init__(self, count: int) -> None:
        self.left = float(count)
        self.alarm = CancelToken()

    def wake(self) -> None:
        self.alarm.cancel("woken")


class Limiter(Protocol):
    """What jobs know of a limit."""

    @property
    def rate(self) -> int | None:
        """Bytes per second, or ``None`` for no limit."""

    def piece(self, n_max: int) -> int:
        """How many bytes to move per `take`."""

    def take(self, count: int, token: CancelToken) -> None:
        """Return when they may be moved; raises `Interrupted` where `token` is cancelled."""


class RateLimiter:
    """Lets `bytes_per_second` through, in the order of asking; ``None`` lets everything through.

    Guarantees:
        Every method is safe from any thread. `_lock` guards `_rate`, `_level`, `_stamp` and
        `_queue`; it is a leaf but for the alarms of waiters. `_rate` is also read without it.

        Only the head of the queue waits for time; the others wait to become the head. Who wakes
        late loses nothing: the bucket goes on filling, up to `BURST_SECONDS`.
    """

    def __init__(self, clock: Clock, bytes_per_second: int | None = None) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._rate = _checked(bytes_per_second)
        self._level = 0.0
        """Bytes that may be taken at `_stamp`."""
        self._stamp = clock.monotonic()
        self._queue: deque[_Waiter] = deque()

    @property
    def rate(self) -> int | None:
        """Bytes per second, or ``None`` for no limit."""
        return self._rate

    @rate.setter
    def rate(self, bytes_per_second: int | None) -> None:
        rate = _checked(bytes_per_second)
        with self._lock:
            self._fill()
            self._rate = rate
            # With a rate only the head waits for time; without one nobody has to wait.
            for waiter in self._queue if rate is None else list(self._queue)[:1]:
                waiter.wake()

    @property
    def is_limiting(self) -> bool:
        """There is a limit now."""
        return self._rate is not None

    def piece(self, n_max: int) -> int:
        """How many bytes to move per `take`: all of `n_max` if unlimited, else what keeps it smooth."""
        rate = self._rate
        if rate is None:
            return n_max
        return min(n_max, max(MIN_PIECE, int(rate * PIECE_SECONDS)))

    def take(self, count: int, token: CancelToken) -> None:
        """Return when `count` bytes may be moved.

        Raises:
            Interrupted: `token` was cancelled while waiting; nothing was taken.
        """
        if self._rate is None or count <= 0:
            return
        with self._lock:
            self._fill()
            if not self._queue and self._level >= count:
                self._level -= count
                return
            waiter = _Waiter(count)
            self._queue.append(waiter)
        try:
            self._stand_in_line(waiter, token)
        except BaseException:
            with self._lock:
                if self._rate is not None:
                    paid = count - waiter.left
                    self._level = min(self._level + paid, self._rate * BURST_SECONDS)
            raise
        finally:
            with self._lock:
                self._queue.remove(waiter)
                if self._queue:
                    self._queue[0].wake()

    def _stand_in_line(self, waiter: _Waiter, token: CancelToken) -> None:
        """Pay for `waiter` when its turn comes, as the bucket fills."""
        while True:
            token.check()
            with self._lock:
                waiter.alarm = alarm = CancelToken()
                if self._rate is None:
                    return
                is_head = self._queue[0] is waiter
                if is_head:
                    self._fill()
                    paid = min(waiter.left, max(self._level, 0.0))
                    waiter.left -= paid
                    self._level -= paid
                    if waiter.left <= 0.0:
                        return
                    delay = min(max(waiter.left / self._rate, MIN_WAIT), PIECE_SECONDS)
            with token.hook(lambda alarm=alarm: alarm.cancel("interrupted")):  # type: ignore[misc]
                if is_head:
                    self._clock.wait(alarm, delay)
                else:
                    alarm.wait()

    def _fill(self) -> None:
        """With the lock held: add what has become free since the last look."""
        now = self._clock.monotonic()
        if self._rate is not None:
            capacity = self._rate * BURST_SECONDS
            self._level = min(capacity, self._level + max(now - self._stamp, 0.0) * self._rate)
        self._stamp = now


def _checked(bytes_per_second: int | None) -> int | None:
    if bytes_per_second is not None and bytes_per_second <= 0:
        raise ValueError(f"a rate limit must be above 0 bytes per second: {bytes_per_second}")
    return bytes_per_second
