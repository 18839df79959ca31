"""Progress without a screen: a block of lines on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from typing import TextIO

from engine import Outcome, Totals, TransferSnapshot, TransferState
from tui import format
from tui.bars import bar
from tui.safe_text import cut, display, middle, pad

_EVERY = 0.25
"""Seconds between two drawings."""
_MOST_ROWS = 6


class Progress:
    """Used by one thread.

    On a terminal the block is drawn over itself with plain cursor movements; finished items scroll
    away above it. In a pipe each finished item is one line.
    """

    def __init__(self, *, quiet: bool = False, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._quiet = quiet
        self.is_live = not quiet and self._out.isatty() and os.environ.get("TERM", "") != "dumb"
        """There is something to draw."""
        self._drawn = 0
        self._next = 0.0
        self._waiting: list[str] = []

    @property
    def room(self) -> int:
        """Items that are shown at a time."""
        return _MOST_ROWS

    def finished(self, row: TransferSnapshot) -> None:
        """One item is done."""
        if self._quiet:
            return
        line = finished_line(row)
        if self.is_live:
            self._waiting.append(line)
        else:
            self._out.write(line + "\n")

    def show(self, rows: Sequence[TransferSnapshot], totals: Totals) -> None:
        """Draw what is under way, not more than four times a second."""
        now = time.monotonic()
        if not self.is_live or now < self._next:
            return
        self._next = now + _EVERY
        self._draw([item_line(row, self._columns()) for row in rows] + [total_line(totals)])

    def _columns(self) -> int:
        try:
            return os.get_terminal_size(self._out.fileno()).columns
        except (OSError, ValueError):
            return 80

    def _draw(self, lines: list[str]) -> None:
        columns = self._columns() - 1
        parts = [f"\x1b[{self._drawn}A\r" if self._drawn else "\r"]
        for line in [*self._waiting, *lines]:
            parts.append(f"{cut(line, columns)}\x1b[K\n")
        if len(self._waiting) + len(lines) < self._drawn:
            parts.append("\x1b[J")
        self._waiting = []
        self._drawn = len(lines)
        self._out.write("".join(parts))
        self._out.flush()

    def end(self) -> None:
        """Leave what is finished on the terminal, and nothing else."""
        if self.is_live:
            self._draw([])
            self._out.write("\x1b[J")
        if not self._quiet:
            self._out.flush()


def finished_line(row: TransferSnapshot) -> str:
    """``done  2.0K  crc  source -> target``."""
    word = {Outcome.IDENTICAL: "same", Outcome.SKIPPED: "skip", Outcome.DELETED: "gone"}.get(
        row.outcome or Outcome.TRANSFERRED, "done"
    )
    size = format.size(row.size) if row.size >= 0 else ""
    proof = row.verified.value if row.verified is not None else "-"
    return f"{word}  {size:>7}  {proof:<4}  {display(row.source)} -> {display(row.target)}"


def item_line(row: TransferSnapshot, columns: int) -> str:
    """One item under way."""
    name = middle(display(row.source.rstrip("/").rpartition("/")[2]), 28)
    if row.state is TransferState.WAITING and row.waiting is not None:
        return f"{pad(name, 28)}  waiting: {row.waiting.reason} {display(row.waiting.text)}"
    done, rest = bar(row.fraction, 12)
    speed = format.speed(row.bytes_per_second)
    return f"{pad(name, 28)} {done}{rest} {row.fraction:4.0%} {speed:>9} {format.duration(row.eta):>6}"


def total_line(totals: Totals) -> str:
    """The whole."""
    states = TransferState
    done, all_items = totals.count(states.DONE), sum(totals.counts.values())
    fraction = totals.bytes_done / totals.bytes_total if totals.bytes_total else 0.0
    return (
        f"total {done:,}/{all_items:,}  {format.size(totals.bytes_done)} of {format.size(totals.bytes_total)}"
        f"  {fraction:.0%}  {format.speed(totals.bytes_per_second)}  ETA {format.duration(totals.eta)}"
    )
