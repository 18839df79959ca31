"""Progress bars as text. Pure."""

from __future__ import annotations


def bar(fraction: float, cells: int) -> tuple[str, str]:
    """Done and remaining part of a progress bar, in half cells.

    >>> bar(0.5, 5)
    ('━━╸', '──')
    """
    halves = int(max(0.0, min(fraction, 1.0)) * cells * 2)
    done = "━" * (halves // 2) + "╸" * (halves % 2)
    return done, "─" * (cells - len(done))
