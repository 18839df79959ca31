"""Time that only moves when a test, or a wait, moves it."""

from __future__ import annotations

import threading

from engine.pace.cancel import CancelToken


class StepClock:
    """Waiting costs no time: it moves the clock, by `overshoot` too far, as a busy machine does."""

    def __init__(self, overshoot: float = 0.0) -> None:
        self.now = 1000.0
        self._overshoot = overshoot
        self._lock = threading.Lock()

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.now + 1.7e9

    def wait(self, token: CancelToken, seconds: float) -> bool:
        if not token.cancelled:
            self.advance(seconds + self._overshoot)
        return token.cancelled

    def advance(self, seconds: float) -> None:
        with self._lock:
            self.now += seconds


class StoppedClock(StepClock):
    """Waiting really waits, until the token is cancelled: nothing else happens by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = threading.Event()
        """Somebody has begun to wait."""

    def wait(self, token: CancelToken, seconds: float) -> bool:
        self.waiting.set()
        return token.wait(30)
