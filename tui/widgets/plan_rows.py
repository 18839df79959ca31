"""The items of one class of a plan: each with its tick, both sides' sizes and dates, and why it is there."""

from __future__ import annotations

import time
from collections.abc import Callable

from engine import Facts, Plan, PlanClass, PlanRow
from tui import format
from tui.plan_words import why
from tui.safe_text import display, middle, pad
from tui.widgets.line_table import LineTable, Spans

C = PlanClass
_TICK, _NO_TICK = "[x]", "[ ]"
_WIDE_FROM = 110
_NEWER = "▴"
_NEWER_BY = 1.0
"""Seconds by which one side must be later to be called newer."""


class PlanRows(LineTable):
    """A window over one class; nothing of it is held here."""

    def __init__(self, *, now: Callable[[], float] = time.time) -> None:
        super().__init__(id="rows")
        self._now = now
        self._plan: Plan | None = None
        self.what = C.NEW
        self.is_chosen_by_class = True
        """The class as a whole is not left out."""
        self.words = ""
        """Said where there are no rows."""

    def show(self, plan: Plan, what: PlanClass) -> None:
        """Look at this class."""
        if what is not self.what or plan is not self._plan:
            self.cursor = self.top = 0
        self._plan, self.what = plan, what
        self.clamp()
        self.refresh()

    @property
    def row_count(self) -> int:
        return self._plan.row_count(self.what) if self._plan is not None else 0

    @property
    def can_tick(self) -> bool:
        """Single items can be left out."""
        return self.what is not C.REFUSED and self.row_count > 0

    def tick(self) -> None:
        """Leave the item under the cursor out, or take it in again, and go down."""
        if self._plan is not None and self.can_tick:
            self._plan.tick(self.what, self.cursor)
            self.refresh_row(self.cursor)
            self.action_cursor_down()

    def tick_all(self, on: bool) -> None:
        """The same for all of the class."""
        if self._plan is not None and self.can_tick:
            self._plan.tick_all(self.what, on)
            self.refresh()

    def message(self, cells: int, lines: int) -> list[Spans]:
        return [] if self.row_count or not self.words else [[(f" {self.words}", "dim")]]

    # -- drawing -----------------------------------------------------------------------------------

    def _columns(self, cells: int) -> tuple[int, int, int, int]:
        """Cells for name, source, target and reason; 0 for what this class does not have."""
        side = 26 if cells >= _WIDE_FROM else 15
        source = 0 if self.what is C.EXTRA else side
        target = 0 if self.what in (C.NEW, C.REFUSED) else side
        reason = {C.REFUSED: min(cells // 2, 64), C.UNTESTED: 12, C.SAME: 11, C.DIFFERS: 13}.get(self.what, 0)
        return max(cells - len(_TICK) - source - target - reason - 1, 8), source, target, reason

    def header(self, cells: int) -> Spans | None:
        name, source, target, reason = self._columns(cells - 1)
        line = pad(" " * (len(_TICK) + 1) + "Name", name + len(_TICK) + 1)
        line += pad("Source", source, right=True) if source else ""
        line += pad("There", target, right=True) if target else ""
        heading = {C.SAME: "same", C.DIFFERS: "differs in"}.get(self.what, "why")
        line += f"  {heading}" if reason else ""
        return [(line, "header")]

    def spans(self, row: int, cells: int) -> Spans:
        assert self._plan is not None
        found = self._plan.rows(self.what, row, 1)
        if not found:
            return []
        item = found[0]
        name, source, target, reason = self._columns(cells)
        taken = item.is_chosen and self.is_chosen_by_class
        style = "" if taken else "dim"
        out: Spans = [
            (self._tick(item), "bad" if taken and self.what is C.EXTRA else "strong" if taken else "dim")
        ]
        out.append((" " + pad(middle(display(self._shown_name(item)), name), name), style))
        one, other = item.spec.source_facts, item.spec.target_facts
        matters = item.what is not C.SAME
        if source:
            out += self._side(one or Facts(item.spec.size), source, newer=matters and _is_newer(one, other))
        if target:
            out += self._side(other, target, newer=matters and _is_newer(other, one))
        if reason:
            out.append(("  " + pad(display(why(item)), reason - 2), "dim" if self.what is C.SAME else "warn"))
        return out

    def _tick(self, item: PlanRow) -> str:
        if self.what is C.REFUSED:
            return " " * len(_TICK)
        return _TICK if item.is_chosen and self.is_chosen_by_class else _NO_TICK

    def _shown_name(self, item: PlanRow) -> str:
        """Below the target, else in full. Raw."""
        assert self._plan is not None
        folder, target = str(self._plan.request.target), str(item.spec.target)
        if item.what is not C.REFUSED and target.startswith(folder) and len(target) > len(folder):
            return target[len(folder) :]
        source = str(item.spec.source)
        for place in self._plan.request.sources:
            above = str(place).rstrip("/").rpartition("/")[0] + "/"
            if source.startswith(above):
                return source[len(above) :]
        return source

    def _side(self, facts: Facts | None, cells: int, *, newer: bool) -> Spans:
        """Size and date of one side; the newer one has a mark."""
        if facts is None:
            return [(pad(format.UNKNOWN, cells, right=True), "dim")]
        wide = cells > 20
        date = ""
        if facts.mtime is not None:
            date = format.date_wide(facts.mtime) if wide else format.date(facts.mtime, self._now())
        date = pad(date, 16 if wide else 6, right=True)
        size = format.size(facts.size) if facts.size >= 0 else format.UNKNOWN
        return [
            (pad(size, cells - len(date) - 2, right=True), ""),
            (f" {date}{_NEWER if newer else ' '}", "strong" if newer else "dim"),
        ]


def _is_newer(one: Facts | None, other: Facts | None) -> bool:
    if one is None or other is None or one.mtime is None or other.mtime is None:
        return False
    return one.mtime > other.mtime + _NEWER_BY
