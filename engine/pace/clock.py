"""Time as the engine sees it, handed in so that tests own it."""

from __future__ import annotations

import time
from typing import Protocol

from engine.pace.cancel import CancelToken


class Clock(Protocol):
    """Three readings of time. Every method is safe from any thread."""

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never goes back. For durations and deadlines."""
        ...

    def wall(self) -> float:
        """Seconds since the epoch; may jump. For records and file times only."""
        ...

    def wait(self, token: CancelToken, seconds: float) -> bool:
        """Sleep for `seconds`, or until `token` is cancelled; true if it is cancelled."""
        ...


class SystemClock:
    """The real time. Its clocks are the system's own functions: they are read a dozen times for each small file."""

    monotonic = staticmethod(time.monotonic)
    wall = staticmethod(time.time)

    def wait(self, token: CancelToken, seconds: float) -> bool:
        """See `Clock.wait`."""
        return token.wait(seconds)
