"""How much may be asked at a time of servers that said they are busy: halved at once, raised again slowly.

A server that refuses even one request at a time is left alone for a while, longer each time; then one
request tries whether it is still busy.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from engine.model import ConnectionId

_RAISE_EVERY = 2.0
"""Seconds without a complaint after which a busy server is asked for one more thing at a time."""
_ONE_COMPLAINT = 1.0
"""Seconds within which several refusals are one: they were under way together."""
_LEFT_ALONE, _LEFT_ALONE_MOST = 1.0, 60.0
"""Seconds: the first time that nothing is asked, and the longest, where the server names none."""
RETRY_AFTER_MOST = 300.0
"""Seconds that a busy server may ask for, at most: who waits a quarter of an hour has tried three times."""


@dataclass(slots=True)
class _Busy:
    """One busy server."""

    ceiling: float
    """Requests at a time, at the time `since`; more of them since."""
    since: float
    heard: float
    """When it complained last."""
    refusals: int = 0
    """Complaints in a row about a single request; 0 as soon as one gets through."""
    until: float = 0.0
    """With `refusals`: nothing is asked before."""

    def at(self, now: float) -> float:
        """Requests at a time."""
        return 1.0 if self.refusals else self.ceiling + (now - self.since) / _RAISE_EVERY


class Ceilings:
    """Part of the scheduler: written and read under the queue's lock, and pure. All times are monotonic.

    Args:
        workers: How many requests there can be at a time; no server's ceiling matters above that.
    """

    def __init__(self, workers: Callable[[], int], rng: random.Random) -> None:
        self._workers, self._rng = workers, rng
        self._under_way: dict[ConnectionId | None, int] = {}
        self._busy: dict[ConnectionId | None, _Busy] = {}

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

    # -- what servers say --------------------------------------------------------------------------

    def is_busy(self, connection: ConnectionId, now: float, retry_after: float | None = None) -> float:
        """The server asked to slow down: half as much at a time. Returns the time before which it is left alone."""
        busy = self._lower(connection, now)
        if busy.ceiling < 1.0:
            if busy.heard == now or not busy.refusals:
                pause = min(_LEFT_ALONE * 2.0 ** min(busy.refusals, 10), _LEFT_ALONE_MOST)
                busy.refusals += 1
                busy.until = now + pause * (0.75 + self._rng.random() / 4)
            busy.until = max(busy.until, now + min(retry_after or 0.0, RETRY_AFTER_MOST))
        return busy.until if busy.refusals else now

    def is_short(self, connection: ConnectionId, now: float) -> None:
        """This machine cannot ask for so much at a time."""
        self._lower(connection, now)

    def answered(self, connection: ConnectionId | None, now: float) -> None:
        """It did what it was asked for: where it refused everything, that is over."""
        busy = self._busy.get(connection)
        if busy is not None and busy.refusals:
            self._busy[connection] = _Busy(1.0, now, busy.heard)

    def ask_now(self, connection: ConnectionId | None, now: float) -> None:
        """Somebody wants to know whether it is still busy."""
        busy = self._busy.get(connection)
        if busy is not None:
            busy.until = min(busy.until, now)

    def _lower(self, connection: ConnectionId, now: float) -> _Busy:
        """Half as much at a time, at most once a second."""
        busy = self._busy.get(connection)
        if busy is None:
            busy = self._busy[connection] = _Busy(float(self._workers()), now, now - _ONE_COMPLAINT)
        if now - busy.heard >= _ONE_COMPLAINT:
            under_way = float(self._under_way.get(connection, 1))
            busy.ceiling = max(1.0, min(busy.at(now), under_way)) / 2
            busy.since = busy.heard = now
        return busy

    # -- what may be asked -------------------------------------------------------------------------

    def refuses(self, connection: ConnectionId | None) -> bool:
        """Not even one request at a time has got through since the last complaint."""
        busy = self._busy.get(connection)
        return busy is not None and busy.refusals > 0

    @property
    def any_refuses(self) -> bool:
        """One of the servers does so."""
        return any(busy.refusals for busy in self._busy.values())

    def left_alone_until(self, connection: ConnectionId | None) -> float:
        """When it is asked again; 0 where it does not refuse."""
        busy = self._busy.get(connection)
        return busy.until if busy is not None and busy.refusals else 0.0

    def at_a_time(self, connection: ConnectionId | None, now: float) -> int:
        """How much is asked of it at a time, one at least."""
        busy, workers = self._busy.get(connection), self._workers()
        return workers if busy is None else max(1, min(int(busy.at(now)), workers))

    def slowed_to(self, now: float) -> int:
        """How much is asked at a time of the busiest server; 0 if none is busy."""
        lowest = min((self.at_a_time(connection, now) for connection in self._busy), default=0)
        return lowest if lowest < self._workers() or self.any_refuses else 0

    def may_ask(self, connection: ConnectionId | None, now: float) -> bool:
        """One thing more may be asked of this endpoint now."""
        busy = self._busy.get(connection)
        if connection is None or busy is None:
            return True
        under_way = self._under_way.get(connection, 0)
        if busy.refusals:
            return now >= busy.until and not under_way
        ceiling = busy.at(now)
        if ceiling >= self._workers():
            del self._busy[connection]
            return True
        return under_way < int(ceiling)

    def due(self, now: float) -> list[float]:
        """Times, later than now, from which one thing more may be asked of the busy servers."""
        times = [
            busy.until
            if busy.refusals
            else busy.since + (self._under_way.get(connection, 0) + 1.01 - busy.ceiling) * _RAISE_EVERY
            for connection, busy in self._busy.items()
        ]
        return [when for when in times if when > now]
