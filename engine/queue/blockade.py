"""What keeps a whole group of items from moving: an endpoint out of reach, a full disk, expired credentials."""

from __future__ import annotations

import random

from engine.errors import Condition
from engine.model import TransferId
from engine.transfer import Transfer

Scope = tuple[str, str]

_DELAYS: dict[str, tuple[float, float]] = {
    "offline": (0.5, 30.0),
    "credentials": (5.0, 30.0),
    "disk-full": (5.0, 15.0),
    "clock-skew": (15.0, 60.0),
    "state-unsaved": (1.0, 5.0),
}
"""Seconds by code: the first wait, and the longest."""

REASONS = {"clock-skew": "clock", "state-unsaved": "not-saved"}
"""Codes that `snapshot.Waiting.reason` calls otherwise."""


class Blockade:
    """One condition, for all items in its scope; one of them at a time probes whether it is over.

    Used with the queue's lock held.
    """

    __slots__ = ("attempt", "code", "items", "probe", "scope", "text", "until")

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.code = ""
        self.text = ""
        self.attempt = 0
        self.until = 0.0
        """Monotonic time of the next probe."""
        self.probe: TransferId | None = None
        """Who is trying now."""
        self.items: dict[TransferId, Transfer] = {}
        """Those that wait for it."""

    def hit(self, error: Condition, now: float, rng: random.Random) -> None:
        """The condition holds (still)."""
        first, longest = _DELAYS.get(error.code, (1.0, 30.0))
        if error.code != self.code:
            self.attempt = 0
        self.code, self.text = error.code, error.detail
        delay = min(longest, first * 2.0 ** min(self.attempt, 10))
        delay *= 0.75 + rng.random() / 4
        if error.retry_after is not None:
            delay = max(delay, min(error.retry_after, 300.0))
        self.attempt += 1
        self.until = now + delay
        self.probe = None

    def put_off(self, now: float) -> None:
        """It is known to hold still, without anybody's trying."""
        self.until = now + _DELAYS.get(self.code, (1.0, 30.0))[0]

    @property
    def reason(self) -> str:
        """As `snapshot.Waiting.reason`."""
        return REASONS.get(self.code, self.code)

    def is_due(self, now: float) -> bool:
        """Somebody may try."""
        return self.probe is None and now >= self.until

    def first(self) -> Transfer | None:
        """Who is to try."""
        return min(self.items.values(), key=lambda item: (item.rank, item.id), default=None)
