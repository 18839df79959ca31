"""Remembering what went wrong."""

from __future__ import annotations

from engine.errors import Problem
from engine.queue.core import Core
from engine.snapshot import Trouble


def note_trouble(core: Core, source: str, problem: Problem, *, at: float | None = None) -> None:
    """Remember it; what came up just before, too, is counted. With the lock held.

    Args:
        source: Of the item; empty where it concerns a request as a whole.
        at: Wall time; now by default, 0 where it is not known.
    """
    count = 1
    if core.troubles and (core.troubles[-1].source, core.troubles[-1].problem) == (source, problem):
        count += core.troubles.pop().count
    core.troubles.append(Trouble(core.clock.wall() if at is None else at, source, problem, count))
