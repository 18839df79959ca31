"""The classes of a plan, a line each: how many, how much, and what is done with them."""

from __future__ import annotations

from engine import Plan, PlanChoice, PlanClass, PlanCount, PlanTally
from tui import format
from tui.plan_words import WORDS, chosen_way, proven, reasons
from tui.safe_text import pad
from tui.widgets.line_table import LineTable, Spans

C = PlanClass
_ALWAYS = (C.NEW, C.DIFFERS, C.SAME)
_GAP = "─"
_SIZES_FROM = 64
"""Cells from which on sizes have a column; what is done needs the room more."""


class PlanClasses(LineTable):
    """Shows the classes that have something in them, and those everybody looks for.

    What is only at the target comes last, below a line: it is about deleting, not about copying.
    """

    def __init__(self, plan_of: Plan | None = None, *, move: bool, sync: bool) -> None:
        super().__init__(id="classes")
        self._plan, self._move, self._sync = plan_of, move, sync
        self._tally: PlanTally | None = None
        self._choice = PlanChoice()
        self._reasons = ""
        self.rows: list[PlanClass | None] = list(_ALWAYS)
        """What stands where; ``None`` is the line."""

    def show(self, plan: Plan, tally: PlanTally, choice: PlanChoice) -> bool:
        """Take new numbers; true if there are other lines than before."""
        current = self.what
        if (self._tally, self._choice) == (tally, choice) and self._plan is plan:
            return False
        refused = tally.count(C.REFUSED).items
        if self._tally is None or self._tally.count(C.REFUSED).items != refused:
            self._reasons = reasons(plan) if refused else ""
        self._plan, self._tally, self._choice = plan, tally, choice
        before, self.rows = self.rows, self._lines(tally)
        if current in self.rows:
            self.cursor = self.rows.index(current)
        self.clamp()
        self.refresh()
        return self.rows != before

    def _lines(self, tally: PlanTally) -> list[PlanClass | None]:
        lines: list[PlanClass | None] = [
            what for what in WORDS if what is not C.EXTRA and (what in _ALWAYS or tally.count(what).items)
        ]
        return [*lines, None, C.EXTRA] if self._sync else lines

    @property
    def what(self) -> PlanClass:
        """The class under the cursor."""
        return self.rows[min(self.cursor, len(self.rows) - 1)] or C.EXTRA

    @property
    def row_count(self) -> int:
        return len(self.rows)

    def move_cursor(self, row: int) -> None:
        """The line between is stepped over."""
        row = max(0, min(row, len(self.rows) - 1))
        if self.rows[row] is None:
            row += 1 if row > self.cursor else -1
        super().move_cursor(row)

    # -- drawing -----------------------------------------------------------------------------------

    def header(self, cells: int) -> Spans | None:
        size = pad("Size", 9, right=True) if cells >= _SIZES_FROM else ""
        return [(f"   {pad('What', 18)}{pad('Items', 9, right=True)}{size}   Then", "header")]

    def spans(self, row: int, cells: int) -> Spans:
        what = self.rows[row]
        if what is None:
            return [(" " + _GAP * (cells - 1), "dim")]
        words = WORDS[what]
        count = self._tally.count(what) if self._tally is not None else PlanCount()
        style = words.style if count.items else "dim"
        then, then_style = self._then(what, count)
        size = pad(format.size(count.bytes), 9, right=True) if cells + 1 >= _SIZES_FROM else ""
        return [
            (f" {words.glyph} {pad(words.label, 18)}", style),
            (pad(f"{count.items:,}", 9, right=True), "" if count.items else "dim"),
            (size, "" if count.items else "dim"),
            (f"   {then}", then_style),
        ]

    def _then(self, what: PlanClass, count: PlanCount) -> tuple[str, str]:
        """What is done with it, and the style of that."""
        if not count.items:
            return "", "dim"
        if what is C.REFUSED:
            return f"left out: {self._reasons}", "bad"
        taken = count.items - count.left_out
        if what is C.EXTRA:
            return (f"delete {taken:,} of {count.items:,}", "bad") if taken else ("keep", "")
        way = chosen_way(what, self._choice, move=self._move)
        said = way.words if way is not None else ""
        if what is C.SAME and self._tally is not None:
            said += f" · {proven(self._tally)}"
        return said + (f" · {count.left_out:,} unticked" if count.left_out else ""), ""
