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
from tui.streams import complain, through_a_hangup
from tui.waiting import waiting_text

_EVERY = 0.25
"""Seconds between two drawings."""
_MOST_ROWS = 6
_NAME_CELLS = 28


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
        self._is_ascii = (self._out.encoding or "ascii").lower().replace("-", "") != "utf8"
        self._drawn = 0
        self._next = 0.0
        self._waiting: list[str] = []

    @property
    def room(self) -> int:
        """Items that are shown at a time."""
        return _MOST_ROWS

    def say(self, text: str) -> None:
        """One line between the others, about what is no item."""
        if self.is_live:
            self._waiting.append(display(text))
        elif not self._quiet:
            complain(text)

    def finished(self, row: TransferSnapshot) -> None:
        """One item is done."""
        if self._quiet:
            return
        line = finished_line(row)
        if self.is_live:
            self._waiting.append(line)
        else:
            with through_a_hangup():
                self._out.write(line + "\n")

    def show(self, rows: Sequence[TransferSnapshot], totals: Totals) -> None:
        """Draw what is under way, not more than four times a second."""
        now = time.monotonic()
        if not self.is_live or now < self._next:
            return
        self._next = now + _EVERY
        self._draw([item_line(row, is_ascii=self._is_ascii) for row in rows] + [total_line(totals)])

    def _columns(self) -> int:
        try:
            return os.get_terminal_size(self._out.fileno()).columns
        except (OSError, ValueError):
            return 80

    def _draw(self, lines: list[str]) -> None:
        columns = self._columns() - 1
        parts = [f"\x1b[{self._drawn}A\r" if self._drawn else "\r"]
        # What scrolls away may take two lines: nothing of it is cut.
        parts += [f"{line}\x1b[K\n" for line in self._waiting]
        parts += [f"{cut(line, columns)}\x1b[K\n" for line in lines]
        if len(self._waiting) + len(lines) < self._drawn:
            parts.append("\x1b[J")
        self._waiting = []
        self._drawn = len(lines)
        with through_a_hangup():
            self._out.write("".join(parts))
            self._out.flush()

    def end(self) -> None:
        """Leave what is finished on the terminal, and nothing else."""
        if self.is_live:
            self._draw([])
        if not self._quiet:
            with through_a_hangup():
                self._out.write("\x1b[J" if self.is_live else "")
                self._out.flush()


_WORDS = {Outcome.IDENTICAL: "same", Outcome.SKIPPED: "skip", Outcome.DELETED: "gone"}


def finished_line(row: TransferSnapshot) -> str:
    """``done    2.0 KiB  crc   source -> target``; ``same`` where nothing had to be moved."""
    word = _WORDS.get(row.outcome or Outcome.TRANSFERRED, "done")
    size = format.size_short(row.size)
    proof = row.verified.value if row.verified is not None else "-"
    return f"{word}  {size:>9}  {proof:<4}  {display(row.source)} -> {display(row.target)}"


def item_line(row: TransferSnapshot, *, is_ascii: bool = False) -> str:
    """One item under way; the end is the least that is missed where it does not fit."""
    name = pad(middle(display(row.source.rstrip("/").rpartition("/")[2]), _NAME_CELLS), _NAME_CELLS)
    if row.waiting is not None and row.state is TransferState.WAITING:
        return f"{name} waiting: {display(waiting_text(row.waiting))}"
    if row.state is TransferState.FINISHING:
        return f"{name} finishing"
    done, rest = bar(row.fraction, 12)
    if is_ascii:
        done, rest = "#" * len(done), "." * len(rest)
    speed, eta = format.speed(row.bytes_per_second), format.duration(row.eta)
    return f"{name} {done}{rest} {format.percent(row.fraction):>4} {speed:>8} {eta:>6}"


def total_line(totals: Totals) -> str:
    """The whole."""
    done, items = totals.count(TransferState.DONE), sum(totals.counts.values())
    fraction = totals.bytes_done / totals.bytes_total if totals.bytes_total else 0.0
    is_done = items > 0 and done == items
    return (
        f"total {done:,}/{items:,}  {format.size_of(totals.bytes_done, totals.bytes_total)}"
        f"  {format.percent(fraction, done=is_done)}  {format.speed_long(totals.bytes_per_second)}"
        f"  ETA {format.duration(totals.eta)}"
    )
