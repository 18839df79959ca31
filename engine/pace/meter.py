"""Speed, time left and the last minute, from absolute byte counts looked at now and then."""

from __future__ import annotations

import math
from collections import deque

from engine.pace.clock import Clock

EMA_SECONDS = 10.0
"""Time constant of the speed: what happened this long ago still weighs 37 %."""

ETA_AFTER_SECONDS = 3.0
"""An estimate from less would jump about and be wrong."""

HISTORY_SECONDS = 60


class SpeedMeter:
    """The speed of one counter. Owned by one lock or thread: its methods do not lock.

    A counter that falls (a part is tried again) gives no negative speed; what is moved twice counts
    twice, because this measures the line. The first sample, and the first after a pause, only sets
    where to count from.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._moved = 0
        self._elapsed = 0.0
        """Seconds of running, up to `_stamp`."""
        self._total: int | None = None
        self._stamp = 0.0
        self._smooth = 0.0
        self._observed = 0.0
        """Seconds that are in `_smooth`."""
        self._paused_at: float | None = None

    def sample(self, total_bytes: int) -> None:
        """The counter stands at `total_bytes` now. Ignored while paused."""
        if self._paused_at is not None:
            return
        now = self._clock.monotonic()
        if self._total is None:
            self._total, self._stamp = total_bytes, now
            return
        seconds = now - self._stamp
        if seconds <= 0.0:
            return
        moved = max(0, total_bytes - self._total)
        decay = math.exp(-seconds / EMA_SECONDS)
        self._smooth = self._smooth * decay + moved / seconds * (1.0 - decay)
        self._observed += seconds
        self._moved += moved
        self._elapsed += seconds
        self._total, self._stamp = total_bytes, now

    @property
    def bytes_per_second(self) -> float:
        """Smoothed over about ten seconds, and right from the first one; 0 while paused."""
        if self._paused_at is not None or self._observed <= 0.0:
            return 0.0
        # The mean starts from 0; dividing by the weight it has so far takes that start out again.
        return self._smooth / -math.expm1(-self._observed / EMA_SECONDS)

    @property
    def average(self) -> float:
        """Bytes per second over all the time it ran."""
        return self._moved / self._elapsed if self._elapsed > 0.0 else 0.0

    @property
    def elapsed(self) -> float:
        """Seconds it ran, pauses left out."""
        if self._paused_at is not None or self._total is None:
            return self._elapsed
        return self._elapsed + max(0.0, self._clock.monotonic() - self._stamp)

    def eta(self, bytes_left: int) -> float | None:
        """Seconds until `bytes_left` have moved; ``None`` where there is no telling."""
        if bytes_left <= 0:
            return 0.0
        speed = self.bytes_per_second
        if self._observed < ETA_AFTER_SECONDS or speed < 1.0:
            return None
        return bytes_left / speed

    def pause(self) -> None:
        """Time stands still until `resume`."""
        if self._paused_at is None:
            self._elapsed = self.elapsed
            self._paused_at = self._clock.monotonic()
            self._total = None

    def resume(self) -> None:
        """Go on. After a long pause the speed is measured afresh: the old one tells nothing."""
        if self._paused_at is None:
            return
        if self._clock.monotonic() - self._paused_at > EMA_SECONDS:
            self._smooth = self._observed = 0.0
        self._paused_at = None


class SpeedHistory:
    """One speed a second for the last minute, for a sparkline. Its methods do not lock."""

    def __init__(self, clock: Clock, seconds: int = HISTORY_SECONDS) -> None:
        self._clock = clock
        self._values: deque[float] = deque(maxlen=seconds)
        self._total: int | None = None
        self._begun = 0.0
        """When the second that is being filled began."""
        self._pending = 0

    def sample(self, total_bytes: int) -> None:
        """The counter stands at `total_bytes` now; call it at least once a second."""
        now = self._clock.monotonic()
        if self._total is None:
            self._total, self._begun = total_bytes, now
            return
        self._pending += max(0, total_bytes - self._total)
        self._total = total_bytes
        seconds = int(now - self._begun)
        if seconds < 1:
            return
        # Late samples: what moved is spread over the time it took.
        speed = self._pending / (now - self._begun)
        self._values.extend([speed] * min(seconds, self._values.maxlen or seconds))
        self._pending = 0
        self._begun = now

    @property
    def values(self) -> tuple[float, ...]:
        """Bytes per second, oldest first; at most one per second of the last minute."""
        return tuple(self._values)
