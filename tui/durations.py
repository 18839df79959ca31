"""Spans of time as people type and read them. Pure."""

from __future__ import annotations

import re

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_WORDS = ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
_PIECE = re.compile(r"(\d{1,9})\s*([smhd])[a-z]*", re.IGNORECASE)


def parse(text: str) -> int | None:
    """Seconds; ``None`` for what is no span of time.

    >>> parse("90m"), parse("1h30m"), parse("2 days"), parse("soon"), parse("5")
    (5400, 5400, 172800, None, None)
    """
    text = text.strip()
    pieces = list(_PIECE.finditer(text))
    if not pieces or _PIECE.sub("", text).strip():
        return None
    return sum(int(piece[1]) * _UNITS[piece[2].lower()] for piece in pieces)


def in_words(seconds: int) -> str:
    """A span in the largest unit that it is a whole number of.

    >>> in_words(900), in_words(3600), in_words(5400), in_words(604_800)
    ('15 minutes', '1 hour', '90 minutes', '7 days')
    """
    for unit, name in _WORDS:
        if seconds % unit == 0:
            count = seconds // unit
            return f"{count:,} {name}" + ("" if count == 1 else "s")
    return ""
