"""What went wrong lately on this screen, beside what the queue itself remembers. Pure, but for the time."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable

from engine import Problem, Trouble

MOST = 500
"""Problems that are kept."""


class ProblemLog:
    """Problems of panes and answers; written and read by the screen's thread alone."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._own: deque[Trouble] = deque(maxlen=MOST)

    def add(self, problem: Problem) -> None:
        """It came up now; what came up just before, too, is counted."""
        newest = self._own[-1] if self._own else None
        count = 1
        if newest is not None and newest.problem == problem:
            count += self._own.pop().count
        self._own.append(Trouble(self._now(), "", problem, count))

    def with_those(self, troubles: Iterable[Trouble]) -> list[Trouble]:
        """These and those of the queue, newest first."""
        both = [*self._own, *troubles]
        return sorted(both, key=lambda trouble: trouble.at, reverse=True)[:MOST]
