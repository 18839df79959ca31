"""The queue on the screen: a window of it, asked for anew four times a second, drawn where it changed."""

from __future__ import annotations

from collections.abc import Callable, Collection

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content

from engine import EngineSnapshot, OperationId, TransferId, TransferSnapshot, TransferState, View
from tui import keys
from tui.safe_text import cut, display
from tui.widgets import queue_tabs
from tui.widgets.answer_bar import AnswerBar
from tui.widgets.filter_line import FilterBar, FilterLine
from tui.widgets.group_rows import row_spans
from tui.widgets.line_table import LineTable, Spans, in_border

S = TransferState
Source = Callable[[int, int, View, str, Collection[OperationId]], EngineSnapshot]
"""Takes first, count, view, text to find and the operations that are opened; returns at once."""

_COUNTED = (
    (S.RUNNING, "running", ""),
    (S.FINISHING, "finishing", ""),
    (S.WAITING, "waiting", ""),
    (S.ATTENTION, "asking", "$text-warning"),
    (S.PAUSED, "paused", ""),
    (S.FAILED, "failed", "$text-error"),
    (S.DONE, "done", ""),
    (S.QUEUED, "queued", ""),
    (S.CANCELLED, "cancelled", ""),
)
"""States, the word for many in them, and the style of what wants to be looked at."""


class TransferTable(LineTable):
    """The lines. Knows only the rows of its window; asks for others when it is scrolled."""

    def __init__(self, source: Source) -> None:
        super().__init__(id="transfers")
        self._source = source
        self.view, self.find = View.ALL, ""
        self.opened: set[OperationId] = set()
        """Operations whose items are shown."""
        self.snapshot: EngineSnapshot | None = None
        self._drawn: dict[int, Spans] = {}

    @property
    def row_count(self) -> int:
        """Items in this view."""
        return self.snapshot.total if self.snapshot is not None else 0

    def row(self, index: int) -> TransferSnapshot | None:
        """An item of the window."""
        if self.snapshot is None:
            return None
        at = index - self.snapshot.first
        return self.snapshot.rows[at] if 0 <= at < len(self.snapshot.rows) else None

    @property
    def current(self) -> TransferSnapshot | None:
        """The item under the cursor."""
        return self.row(self.cursor)

    def _look(self) -> EngineSnapshot:
        return self._source(self.top, self.page, self.view, self.find, self.opened)

    def toggle(self, operation: OperationId) -> None:
        """Show the items of an operation, or hide them again."""
        self.opened ^= {operation}
        self.scrolled()
        self.clamp()
        self.scrolled()
        self.refresh()

    def fetch(self) -> EngineSnapshot:
        """Ask for the rows of the window and redraw the lines that differ."""
        before = self.snapshot
        snapshot = self._look()
        if before is not None and _is_same(before, snapshot):
            return before
        held = self.current.id if self.current is not None and self.cursor > 0 else None
        self.snapshot = snapshot
        if held is not None:
            self._follow(held)
        if self.clamp():
            self.snapshot = self._look()
            self.refresh()
        elif before is None or before.total != snapshot.total:
            self.refresh()
        else:
            self._refresh_changed()
        return self.snapshot

    def _follow(self, id: TransferId) -> None:
        """Keep the cursor on its item while that stays in sight."""
        assert self.snapshot is not None
        for at, row in enumerate(self.snapshot.rows):
            if row.id == id:
                place = self.snapshot.first + at
                if place != self.cursor:
                    self.refresh_row(self.cursor)
                    self.cursor = place
                    self.refresh_row(place)
                return

    def put_cursor_on(self, id: TransferId, near: int) -> None:
        """Look anew and put the cursor on this item, which is at or beside row `near`."""
        self.cursor = near
        self.clamp()
        self.scrolled()
        self._follow(id)
        self.refresh()

    def _refresh_changed(self) -> None:
        cells = max(self.size.width - 1, 0)
        for row in range(self.top, min(self.top + self.page, self.row_count)):
            item = self.row(row)
            drawn = row_spans(item, cells) if item is not None else []
            if self._drawn.get(row) != drawn:
                self.refresh_row(row)

    def scrolled(self) -> None:
        """Another window: its rows are needed now."""
        if self.is_mounted:
            self.snapshot = self._look()

    def show(self, view: View, find: str) -> None:
        """Look at other items."""
        if (view, find) != (self.view, self.find):
            self.view, self.find = view, find
            self.cursor = self.top = 0
            self.scrolled()
            self.refresh()

    def spans(self, row: int, cells: int) -> Spans:
        """One item."""
        item = self.row(row)
        drawn = row_spans(item, cells) if item is not None else []
        if len(self._drawn) > 4 * self.page:
            self._drawn.clear()
        self._drawn[row] = drawn
        return drawn

    def message(self, cells: int, lines: int) -> list[Spans]:
        """Why there is nothing to see."""
        if self.row_count:
            return []
        if self.find:
            said = ("No item matches", f"{keys.key_of('queue.back')} shows all")
        elif self.view is not View.ALL:
            nothing = f"Nothing {queue_tabs.WORDS[self.view]}"
            said = (nothing, f"{keys.key_of('queue.view-all')} shows all")
        else:
            said = ("Nothing queued", _how_to_begin())
        above = max((lines - len(said)) // 2, 0)
        out: list[Spans] = [[] for _ in range(above)]
        for text, style in zip(said, ("strong", "dim"), strict=True):
            text = cut(text, cells)
            out.append([(" " * ((cells - len(text)) // 2), ""), (text, style)])
        return out


def _how_to_begin() -> str:
    mark, copy = keys.key_of("pane.mark"), keys.key_of("pane.copy")
    return f"Mark files with {mark}, press {copy} to copy them to the other pane"


def _is_same(before: EngineSnapshot, after: EngineSnapshot) -> bool:
    """Nothing to draw; countdowns run without a change of revision."""
    window = (before.revision, before.first, len(before.rows), before.total)
    return window == (after.revision, after.first, len(after.rows), after.total) and not any(
        row.waiting for row in after.rows
    )


class QueuePane(Vertical):
    """The queue in its frame: counts above, tabs below, a line to find things."""

    BINDINGS = keys.bindings(keys.Context.QUEUE)

    def __init__(self, source: Source) -> None:
        super().__init__(id="queue")
        self.table = TransferTable(source)
        self.find_line = FilterLine(self.table, self._find, "part of a name")
        self.answers = AnswerBar()
        self._said: tuple[tuple[tuple[str, str], ...], str] = ((), "")

    def compose(self) -> ComposeResult:
        """The list, and the line to find things while it is in use."""
        yield self.table
        yield FilterBar(self.find_line)
        yield self.answers

    def tick(self) -> EngineSnapshot:
        """Look at the queue and redraw what changed."""
        snapshot = self.table.fetch()
        self.describe()
        return snapshot

    def show(self, view: View) -> None:
        """Choose a tab."""
        self.table.show(view, self.table.find)
        self.describe()

    def show_asking(self) -> None:
        """What wants an answer."""
        self.show(View.ASKING)

    def describe(self) -> None:
        """Set the words in the border, only if they are others."""
        snapshot = self.table.snapshot
        if snapshot is None:
            return
        counts = snapshot.totals.counts
        parts = [(f"queue {sum(counts.values()):,}", "")]
        if snapshot.held:
            parts.append((f"ALL PAUSED ({keys.key_of('app.pause-all')} goes on)", "$text-warning"))
        if snapshot.health.planning:
            parts.append(("looking for files…", ""))
        parts += [
            (f"{word} {counts[state]:,}", style) for state, word, style in _COUNTED if counts.get(state)
        ]
        room = max(self.size.width - 4, 8)
        while len(parts) > 1 and sum(len(text) + 3 for text, _ in parts) - 3 > room:
            parts.pop()  # a count that was cut in two would be another number
        said = tuple(parts), self._tabs(room)
        if said != self._said:
            self._said = said
            self.border_title = in_border(parts, room)
            self.border_subtitle = Content(cut(said[1], room))

    def _tabs(self, room: int) -> str:
        table = self.table
        if not self.has_focus_within and table.view is View.ALL and not table.find:
            return ""
        found = f" · / {display(table.find)}" if table.find else ""
        snapshot = table.snapshot
        counts = snapshot.totals.counts if snapshot is not None else {}
        held = snapshot is not None and snapshot.held
        return queue_tabs.line(table.view, counts, max(room - len(found), 8), held=held) + found

    def escape(self) -> bool:
        """Leave what narrows the view; false if there was nothing to leave."""
        if self.find_line.is_open or self.table.find:
            self.find_line.close()
            self.table.show(self.table.view, "")
        elif self.table.view is not View.ALL:
            self.table.show(View.ALL, "")
        else:
            return False
        self.describe()
        return True

    def on_filter_line_typed(self, event: FilterLine.Typed) -> None:
        """Find while it is being typed."""
        event.stop()
        self._find(event.text)

    def _find(self, text: str) -> None:
        self.table.show(self.table.view, text)
        self.describe()

    def on_filter_line_stepped(self, event: FilterLine.Stepped) -> None:
        """Arrow keys move the list."""
        event.stop()
        getattr(self.table, f"action_{event.action}")()

    def on_filter_line_left(self, event: FilterLine.Left) -> None:
        """Back to the list."""
        event.stop()
        if not event.keep:
            self.escape()
        elif not self.find_line.value:
            self.find_line.close()

    def on_resize(self) -> None:
        """Titles are cut to the new width."""
        self._said = ((), "")
        self.describe()

    def on_descendant_focus(self) -> None:
        """The tabs show their keys while they work."""
        self.describe()

    def on_descendant_blur(self) -> None:
        """The tabs hide their keys when they do not work."""
        self.call_later(self.describe)
