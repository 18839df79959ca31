"""Rate limits by the hour, as ``config.toml`` sets them. Pure."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from tui.limits import parse_limits

if TYPE_CHECKING:
    from engine import EngineSnapshot

_DAY = 24 * 60
_HOURS = re.compile(r"([0-9]{1,2}):([0-9]{2})\s*-\s*([0-9]{1,2}):([0-9]{2})")

Limits = tuple[int | None, int | None]
"""Bytes per second up and down; ``None`` for no limit."""


@dataclass(frozen=True, slots=True)
class Span:
    """Some hours of every day."""

    begin: int
    """Minutes after midnight."""
    end: int
    """Minutes after midnight, from 1; not above `begin` where it goes on past midnight."""
    limits: Limits

    def holds(self, minute: int) -> bool:
        """It is in force at this minute of the day."""
        if self.begin < self.end:
            return self.begin <= minute < self.end
        return minute >= self.begin or minute < self.end

    @property
    def until(self) -> str:
        """When it ends, as people write it."""
        return f"{self.end % _DAY // 60:02}:{self.end % 60:02}"


@dataclass(frozen=True, slots=True)
class Schedule:
    """Spans that do not overlap; at all other times what was set holds."""

    spans: tuple[Span, ...] = ()

    def at(self, minute: int) -> Span | None:
        """What is in force at a minute of the day."""
        return next((span for span in self.spans if span.holds(minute)), None)


def read_schedule(table: Mapping[str, object]) -> Schedule:
    """From ``{"08:00-18:00": "20M:5M"}``.

    >>> [span.until for span in read_schedule({"22:00-06:30": "off"}).spans]
    ['06:30']

    Raises:
        ValueError: With what is wrong, in words.
    """
    spans: list[Span] = []
    for hours, given in table.items():
        found = _HOURS.fullmatch(hours.strip())
        begin, end = (_minute(found[1], found[2]), _minute(found[3], found[4])) if found else (-1, -1)
        if not (0 <= begin < _DAY and 0 <= end <= _DAY and begin != end):
            raise ValueError(f'{hours!r:.40} are no hours: "08:00-18:00"')
        if not isinstance(given, str | int) or isinstance(given, bool):
            raise ValueError(f'{hours}: a rate is expected: "5M:20M"')
        span = Span(begin, end, parse_limits(str(given)))
        other = next((each for each in spans if _overlap(each, span)), None)
        if other is not None:
            raise ValueError(f"{hours} overlaps what ends at {other.until}")
        spans.append(span)
    return Schedule(tuple(spans))


def _minute(hour: str, minute: str) -> int:
    return int(hour) * 60 + int(minute) if int(minute) < 60 else -1


def _overlap(one: Span, other: Span) -> bool:
    return one.holds(other.begin) or other.holds(one.begin)


def minute_of_day(now: float) -> int:
    """By the clock on the wall here."""
    local = time.localtime(now)
    return local.tm_hour * 60 + local.tm_min


class Pacer(Protocol):
    """What a `Follower` needs of a `TransferManager`."""

    def snapshot(self, first: int = 0, count: int = 50) -> EngineSnapshot:
        """The limits that hold, among others."""
        ...

    def set_limits(self, upload: int | None, download: int | None) -> None:
        """Bytes per second in each direction."""
        ...


class Follower:
    """Sets other limits when they begin to hold. Used by one thread."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.span: Span | None = None
        """What is in force."""
        self._base: Limits = (None, None)
        """What held before it."""
        self._looked_at = -1
        """The minute that was looked at last."""

    def follow(self, manager: Pacer, now: float) -> Limits | None:
        """Called now and then: set the limits of the hours that begin, and those from before at their end.

        Returns:
            The limits, if they were set now.
        """
        minute = int(now // 60)
        if minute == self._looked_at or not self.schedule.spans:
            return None
        self._looked_at = minute
        snapshot = manager.snapshot(0, 0)
        limits = self.due(now, (snapshot.upload_limit, snapshot.download_limit))
        if limits is not None:
            manager.set_limits(*limits)
        return limits

    def due(self, now: float, limits: Limits) -> Limits | None:
        """The limits to set now, ``None`` where they stay: only where a span begins or ends.

        Args:
            limits: Those that hold.
        """
        span = self.schedule.at(minute_of_day(now))
        if span is self.span:
            return None
        if self.span is None:
            self._base = limits
        self.span = span
        return self._base if span is None else span.limits

    def words(self, limits: Limits) -> str:
        """Until when the limits hold; empty where they hold for good, or were changed by hand since."""
        return f"until {self.span.until}" if self.span is not None and limits == self.span.limits else ""
