"""Why an item waits, and until when, in words. Pure; what comes from outside is still raw."""

from __future__ import annotations

import math

from engine import Waiting
from tui import format

_REASONS = {
    "undo": "not begun",
    "offline": "offline",
    "throttled": "server busy",
    "credentials": "sign in again",
    "disk-full": "disk full",
    "clock": "clock wrong",
    "not-saved": "progress is not saved",
}


def reason_words(waiting: Waiting) -> str:
    """What it waits for, in a word or two."""
    return _REASONS.get(waiting.reason, waiting.reason)


def waiting_text(waiting: Waiting) -> str:
    """Short, and what matters first: a narrow screen cuts its end.

    >>> waiting_text(Waiting("retry", "503 SlowDown", 12.0, 2, 8))
    'retry 2/8 in 12s (503 SlowDown)'
    >>> waiting_text(Waiting("offline", "connection refused", 8.9))
    'offline, retry in 8s (connection refused)'
    >>> waiting_text(Waiting("undo", "", 7.2))
    'deletes in 8s · z undoes'
    >>> waiting_text(Waiting("clock", "21 min fast", 0.4))
    'clock 21 min fast, retry now'
    >>> waiting_text(Waiting("throttled", "asks 1 request at a time: SlowDown", 12.0))
    'server busy, retry in 12s (asks 1 request at a time: SlowDown)'
    """
    if waiting.reason == "undo":
        from tui.undo import undo_hint  # Knows the keys, and with them Textual: only a screen shows this.

        left = math.ceil(waiting.seconds_left)
        return f"deletes {f'in {format.duration(left)}' if left else 'next'} · {undo_hint()}"
    when = "now" if waiting.seconds_left < 1 else f"in {format.duration(waiting.seconds_left)}"
    if waiting.reason == "clock" and waiting.text:
        return f"clock {waiting.text}, retry {when}"
    if waiting.reason == "restoring":
        return f"restoring from its archive, looks again {when}"
    if waiting.reason == "retry":
        what = f"retry {waiting.attempt}/{waiting.attempts}" if waiting.attempts else "retry"
    else:
        what = reason_words(waiting) + ", retry"
    why = f" ({waiting.text})" if waiting.text else ""
    return f"{what} {when}{why}"
