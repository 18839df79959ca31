"""How much may be asked at a time of servers that said they are busy: halved at once, raised again slowly."""

from __future__ import annotations

from collections.abc import Callable

from engine.model import ConnectionId

_RAISE_EVERY = 2.0
"""Seconds without a complaint after which a busy server is asked for one more thing at a time."""


class Ceilings:
    """Part of the scheduler: written and read under the queue's lock, and pure.

    Args:
        workers: How many requests there can be at a time; no server's ceiling matters above that.
    """

    def __init__(self, workers: Callable[[], int]) -> None:
        self._workers = workers
        self._under_way: dict[ConnectionId | None, int] = {}
        self._ceilings: dict[ConnectionId, tuple[float, float]] = {}
        """Of busy servers: how much is asked at a time, and since when (monotonic)."""

    @property
    def is_nobody_inside(self) -> bool:
        """No request is under way."""
        return not any(self._under_way.values())

    def entered(self, connection: ConnectionId | None) -> None:
        """A worker asks this endpoint for something."""
        self._under_way[connection] = self._under_way.get(connection, 0) + 1

    def left(self, connection: ConnectionId | None) -> None:
        """It has its answer."""
        self._under_way[connection] -= 1

    def is_busy(self, connection: ConnectionId, now: float) -> None:
        """The server asked to slow down: half as much at a time, at most once a second."""
        ceiling, since = self._ceilings.get(connection, (float(self._workers()), -10.0))
        if now - since >= 1.0:
            under_way = float(self._under_way.get(connection, 1))
            self._ceilings[connection] = (max(1.0, min(ceiling, under_way) / 2), now)

    def slowed_to(self, now: float) -> int:
        """How much is asked at a time of the busiest server; 0 if none is busy."""
        workers = self._workers()
        ceilings = [ceiling + (now - since) / _RAISE_EVERY for ceiling, since in self._ceilings.values()]
        lowest = min(ceilings, default=float(workers))
        return int(lowest) if lowest < workers else 0

    def may_ask(self, connection: ConnectionId | None, now: float) -> bool:
        """One thing more may be asked of this endpoint now."""
        if connection is None or connection not in self._ceilings:
            return True
        ceiling, since = self._ceilings[connection]
        ceiling += (now - since) / _RAISE_EVERY
        if ceiling >= self._workers():
            del self._ceilings[connection]
            return True
        return self._under_way.get(connection, 0) < int(ceiling)

    def due(self, now: float) -> list[float]:
        """Monotonic times, later than now, from which one thing more may be asked of the busy servers."""
        times = [
            since + (self._under_way.get(connection, 0) + 1.01 - ceiling) * _RAISE_EVERY
            for connection, (ceiling, since) in self._ceilings.items()
        ]
        return [when for when in times if when > now]
