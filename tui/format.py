"""Numbers in words: sizes, speeds, times, dates, counts. Pure; the clock comes in as an argument.

Sizes are binary everywhere (1 KiB = 1024 bytes). Tables use the short form, ``48.1G``; sentences
the long one, ``48.1 GiB``.
"""

from __future__ import annotations

import math
import time

import humanize

UNKNOWN = "--"

_UNITS = "BKMGTPE"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_HALF_A_YEAR = 182 * 86400


def size(count: float) -> str:
    """A size in at most five characters, three digits that matter.

    >>> size(0), size(999), size(1024), size(51_647_000_000), size(-1)
    ('0B', '999B', '1.0K', '48.1G', '--')
    """
    if count < 0:
        return UNKNOWN
    unit = _unit(count)
    return f"{_in_unit(int(count) if not unit else count, unit)}{_UNITS[unit]}"


def size_long(count: float) -> str:
    """A size for sentences.

    >>> size_long(51_647_000_000), size_long(512)
    ('48.1 GiB', '512 bytes')
    """
    if count < 0:
        return UNKNOWN
    if count < 1024:
        return counted(int(count), "byte")
    value = humanize.naturalsize(count, binary=True, format="%.1f")
    return value.replace(".0 ", " ") if count % 1024 == 0 else value


def size_short(count: float) -> str:
    """A size for lines that programs read too: one number, one unit.

    >>> size_short(0), size_short(2048), size_short(51_647_000_000), size_short(-1)
    ('0 B', '2.0 KiB', '48.1 GiB', '--')
    """
    text = size(count)
    if text == UNKNOWN:
        return text
    return f"{text[:-1]} {text[-1]}" if text[-1] == "B" else f"{text[:-1]} {text[-1]}iB"


def size_exact(count: int) -> str:
    """A size for details: both readable and exact.

    >>> size_exact(51_647_000_000)
    '48.1 GiB (51,647,000,000 bytes)'
    """
    return size_long(count) if count < 1024 else f"{size_long(count)} ({count:,} bytes)"


def speed(bytes_per_second: float) -> str:
    """A speed in at most seven characters.

    >>> speed(96_600_000)
    '92.1M/s'
    """
    return f"{size(bytes_per_second)}/s" if bytes_per_second > 0 else "0B/s"


def speed_long(bytes_per_second: float) -> str:
    """A speed for sentences and totals.

    >>> speed_long(109_100_000)
    '104 MiB/s'
    """
    text = size(bytes_per_second) if bytes_per_second > 0 else "0B"
    number, unit = text[:-1], text[-1]
    return f"{number} {unit}/s" if unit == "B" else f"{number} {unit}iB/s"


def size_of(done: float, total: float) -> str:
    """How much of a whole, in the unit of the whole.

    >>> size_of(54_975_000_000, 143_881_000_000), size_of(3, 900)
    ('51.2/134 GiB', '3/900 bytes')
    """
    unit = _unit(total)
    name = f"{_UNITS[unit]}iB" if unit else "bytes"
    return f"{_in_unit(done, unit)}/{_in_unit(total, unit)} {name}"


def speed_split(up: float, down: float) -> str:
    """The sum of both directions, and each where both are at work, in the unit of the sum.

    >>> speed_split(96_600_000, 12_900_000), speed_split(0, 1024)
    ('104 MiB/s ↑92.1 ↓12.3', '1.0 KiB/s ↓')
    """
    unit = _unit(up + down)
    if up > 0 and down > 0:
        return f"{speed_long(up + down)} ↑{_in_unit(up, unit)} ↓{_in_unit(down, unit)}"
    return speed_long(up + down) + (" ↑" if up > 0 else " ↓" if down > 0 else "")


def _unit(count: float) -> int:
    value, unit = float(count), 0
    while value >= 999.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return unit


def _in_unit(count: float, unit: int) -> str:
    value = count / 1024**unit
    return f"{value:.1f}" if unit and value < 99.95 else f"{value:.0f}"


def limit(bytes_per_second: int | None) -> str:
    """A rate limit; ``off`` where there is none.

    >>> limit(None), limit(10 * 1024 * 1024)
    ('off', '10.0M/s')
    """
    return "off" if bytes_per_second is None else speed(bytes_per_second)


def duration(seconds: float | None) -> str:
    """A span of time in at most two units; never negative.

    >>> [duration(s) for s in (None, 0.4, 40, 95, 660, 3840, 183_600)]
    ['--', '0s', '40s', '1m35s', '11m', '1h04m', '2d03h']
    """
    if seconds is None or not math.isfinite(seconds):
        return UNKNOWN
    total = max(int(seconds), 0)
    if total < 60:
        return f"{total}s"
    if total < 300:
        return f"{total // 60}m{total % 60:02d}s"
    if total < 3600:
        return f"{total // 60}m"
    if total < 86400:
        return f"{total // 3600}h{total % 3600 // 60:02d}m"
    return f"{min(total // 86400, 999)}d{total % 86400 // 3600:02d}h"


def percent(fraction: float, *, done: bool = False) -> str:
    """A fraction in whole percent, rounded down: 100 % is said only of what is done.

    >>> percent(0.387), percent(0.9999), percent(1.0, done=True)
    ('38%', '99%', '100%')
    """
    return "100%" if done else f"{min(max(int(fraction * 100), 0), 99)}%"


def date(when: float, now: float) -> str:
    """A date in at most six characters: the time of day if today, else the day, else the year.

    >>> date(0.0, 1e9)
    ''
    """
    if when <= 0:
        return ""
    try:
        then, today = time.localtime(when), time.localtime(now)
    except (OverflowError, ValueError, OSError):
        return "?"
    if then[:3] == today[:3]:
        return f"{then.tm_hour:02d}:{then.tm_min:02d}"
    if abs(now - when) < _HALF_A_YEAR or then.tm_year == today.tm_year:
        return f"{_MONTHS[then.tm_mon - 1]} {then.tm_mday:2d}"
    return str(then.tm_year)


def date_long(when: float | None) -> str:
    """A date and time of day to the second, local time.

    >>> date_long(None)
    '--'
    """
    if when is None or when <= 0:
        return UNKNOWN
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(when))
    except (OverflowError, ValueError, OSError):
        return "?"


def date_wide(when: float) -> str:
    """A date and time of day to the minute, 16 characters, or nothing.

    >>> date_wide(0.0)
    ''
    """
    return date_long(when)[:16] if when > 0 else ""


def counted(count: int, noun: str, plural: str = "") -> str:
    """A count with its noun.

    >>> counted(1, "object"), counted(12000, "object"), counted(2, "entry", "entries")
    ('1 object', '12,000 objects', '2 entries')
    """
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"
