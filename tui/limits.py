"""Rate limits as people give them, and the steps of the keys that change them. Pure."""

from __future__ import annotations

import re

from tui.sizes import MOST_DIGITS

_KIB = 1024
_MIB = 1024 * 1024
STEPS = tuple(n * _KIB for n in (128, 256, 512)) + tuple(
    n * _MIB for n in (1, 2, 5, 10, 20, 50, 100, 200, 500)
)
"""Bytes per second; beyond the last there is no limit."""

_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([kmgt]?)(?:i?b)?(?:/s)?", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


def step(limit: int | None, direction: int) -> int | None:
    """The next step below (-1) or above (1).

    >>> step(None, -1) == STEPS[-1], step(STEPS[-1], 1), step(10 * 1024 * 1024, -1) // 1024
    (True, None, 5120)
    """
    if direction > 0:
        return None if limit is None else next((s for s in STEPS if s > limit), None)
    if limit is None:
        return STEPS[-1]
    return next((s for s in reversed(STEPS) if s < limit), STEPS[0])


def parse_limits(text: str) -> tuple[int | None, int | None]:
    """Upload and download limit from ``10M``, ``5M:20M`` or ``off``.

    >>> parse_limits("1M"), parse_limits("1K:off")
    ((1048576, 1048576), (1024, None))

    Raises:
        ValueError: With what is expected, in words.
    """
    up, colon, down = text.strip().partition(":")
    return (_parse(up), _parse(down)) if colon else (_parse(up), _parse(up))


def _parse(text: str) -> int | None:
    text = text.strip().lower()
    if text in ("", "off", "none", "0"):
        return None
    found = _SIZE.fullmatch(text) if len(text) <= MOST_DIGITS else None
    rate = int(float(found[1]) * 1024 ** _POWERS[found[2].lower()]) if found else 0
    if rate < _KIB:
        raise ValueError(f"{text!r:.40} is not a rate: 10M, 512K, 5M:20M or off")
    return rate
