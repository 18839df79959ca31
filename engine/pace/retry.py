"""How long to wait before the next attempt, and when to stop trying."""

from __future__ import annotations

import math
import random

RETRY_AFTER_CAP = 900.0
"""Seconds: a server may ask for more, but an hour of silence helps nobody."""


class RetryPolicy:
    """Exponential backoff with full jitter: clients that failed together do not come back together.

    Immutable but for `rng`, whose ``random()`` is atomic: safe from any thread.

    Args:
        attempts: How often a part is tried in all.
        base: Seconds; the first delay is drawn from 0 to this, each later one from twice as much.
        cap: Seconds; the range grows no further than this.
    """

    def __init__(
        self,
        attempts: int = 8,
        base: float = 0.5,
        cap: float = 60.0,
        rng: random.Random | None = None,
    ) -> None:
        self.attempts = max(1, attempts)
        self._base, self._cap = base, cap
        self._rng = rng or random.Random()

    def delay(self, attempt: int, retry_after: float | None = None) -> float:
        """Seconds to wait after failed attempt number `attempt` (from 1).

        Never less than the server asked for in `retry_after`, itself taken up to `RETRY_AFTER_CAP`.
        """
        exponent = min(max(attempt, 1) - 1, 64)
        jittered = self._rng.random() * min(self._cap, self._base * 2.0**exponent)
        if retry_after is None or math.isnan(retry_after):
            return jittered
        return max(jittered, min(retry_after, RETRY_AFTER_CAP))

    def exhausted(self, attempt: int) -> bool:
        """Attempt number `attempt` was the last one."""
        return attempt >= self.attempts
