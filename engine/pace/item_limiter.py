"""The rate limit of one item, within that of its direction."""

from __future__ import annotations

from engine.pace.cancel import CancelToken
from engine.pace.clock import Clock
from engine.pace.limiter import RateLimiter


class ItemLimiter:
    """As `RateLimiter`: what the item's own limit lets through, and then the one that all share.

    Every method is safe from any thread.
    """

    def __init__(self, shared: RateLimiter, clock: Clock, bytes_per_second: int | None = None) -> None:
        self._shared = shared
        self.own = RateLimiter(clock, bytes_per_second)
        """Its `rate` may be changed at any time, as that of the shared one."""

    @property
    def rate(self) -> int | None:
        """The lower of both limits, in bytes per second, or ``None`` for no limit."""
        own, shared = self.own.rate, self._shared.rate
        return shared if own is None else own if shared is None else min(own, shared)

    def piece(self, n_max: int) -> int:
        """How many bytes to move per `take`."""
        return self.own.piece(self._shared.piece(n_max))

    def take(self, count: int, token: CancelToken) -> None:
        """Return when `count` bytes may be moved.

        Raises:
            Interrupted: `token` was cancelled while waiting.
        """
        self.own.take(count, token)
        self._shared.take(count, token)
