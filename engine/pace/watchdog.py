"""Notices a connection that is open and dead, or so slow that a new one is better."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from engine.errors import Retryable
from engine.pace.clock import Clock

IDLE_SECONDS = 30.0
FLOOR_BYTES_PER_SECOND = 1024
WINDOW_SECONDS = 60.0
GAP_SECONDS = 15.0
"""Between two looks, which come once a second or more: after so many it was the process that did not run."""
_BUCKET_SECONDS = 5.0


class StallGuard:
    """Watches one request's body: `idle_seconds` without a byte, or under `floor` for a minute.

    `moved` and `check` belong to the thread that moves the body; a read timeout of the socket must
    bring it back here while nothing comes. Time inside `suspend` does not count: a rate limit or a
    slow disk of ours is not the server's fault. Nor does the time during which nobody could look,
    because the process was stopped or the machine asleep: what came meanwhile is still to be read.
    """

    def __init__(
        self,
        clock: Clock,
        idle_seconds: float = IDLE_SECONDS,
        floor: int = FLOOR_BYTES_PER_SECOND,
        window: float = WINDOW_SECONDS,
    ) -> None:
        self._clock = clock
        self._idle_seconds, self._floor, self._window = idle_seconds, floor, window
        self._suspended_for = 0.0
        self._suspended_at: float | None = None
        self._begun = self._last = self._looked = clock.monotonic()
        self._buckets: deque[tuple[float, int]] = deque()
        """Bytes by the time at which their bucket was begun, oldest first."""
        self._in_window = 0

    def moved(self, count: int) -> None:
        """`count` bytes have just been sent or received."""
        if count <= 0:
            return
        now = self._clock.monotonic() - self._suspended_for
        if now - self._looked > GAP_SECONDS:
            now = self._look()
        self._last = self._looked = now
        if self._buckets and now - self._buckets[-1][0] < _BUCKET_SECONDS:
            begun, earlier = self._buckets[-1]
            self._buckets[-1] = (begun, earlier + count)
        else:
            self._buckets.append((now, count))
        self._in_window += count

    def check(self) -> None:
        """Go on, or not.

        Raises:
            Retryable: ``stalled``; drop the connection and try the part again.
        """
        if self._suspended_at is not None:
            return
        now = self._look()
        if now - self._last >= self._idle_seconds:
            raise Retryable("stalled", detail=f"no byte for {now - self._last:.0f} s")
        if now - self._begun < self._window:
            return
        while self._buckets and now - self._buckets[0][0] > self._window:
            self._in_window -= self._buckets.popleft()[1]
        if self._in_window < self._floor * self._window:
            raise Retryable("stalled", detail=f"{self._in_window} bytes in {self._window:.0f} s")

    @contextmanager
    def suspend(self) -> Iterator[None]:
        """The time inside does not count. May be nested."""
        if self._suspended_at is not None:
            yield
            return
        self.hold()
        try:
            yield
        finally:
            self.resume()

    def hold(self) -> None:
        """From here on time does not count, until `resume`."""
        if self._suspended_at is None:
            self._suspended_at = self._clock.monotonic()

    def resume(self) -> None:
        """Time counts again."""
        if self._suspended_at is not None:
            self._suspended_for += self._clock.monotonic() - self._suspended_at
            self._suspended_at = None

    def _look(self) -> float:
        """The time now, in seconds that count."""
        now = self._clock.monotonic() - self._suspended_for
        gap = now - self._looked
        if gap > GAP_SECONDS:
            self._suspended_for += gap
            now = self._looked
        self._looked = now
        return now
