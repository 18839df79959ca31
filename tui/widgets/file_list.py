"""The rows of a pane as drawn: mark, name, size, date."""

from __future__ import annotations

from collections.abc import Callable

from engine import EntryKind
from tui import format
from tui.safe_text import display, middle, pad
from tui.widgets.line_table import LineTable, Spans
from tui.widgets.pane_model import PaneModel, Row
from tui.widgets.pane_order import SortKey

MARK = "▌"
RANGE = "┊"
_HEADER_FROM = 14
"""Lines from which on a header is worth one of them."""


class FileList(LineTable):
    """One pane's list: ``..`` where there is a parent, then what the model shows."""

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__()
        self._now = now
        self.model = PaneModel()
        self.has_up = False
        self.range_start: int | None = None
        """Where a range began, as the row's number of arrival."""
        self.flag: Callable[[Row], tuple[str, str]] | None = None
        """A glyph and its style before each name: how the row compares with the other pane."""
        self.say: Callable[[int, int], list[Spans]] = lambda cells, room: []
        """What to say where there are no rows."""

    @property
    def row_count(self) -> int:
        """Rows of the model, and the way up."""
        return len(self.model) + self.has_up

    def position(self, row: int) -> int | None:
        """The model's position of a row; ``None`` for ``..`` and where there is none."""
        position = row - self.has_up
        return position if 0 <= position < len(self.model) else None

    @property
    def current(self) -> Row | None:
        """What the cursor stands on; ``None`` on ``..``."""
        position = self.position(self.cursor)
        return None if position is None else self.model.row(position)

    @property
    def current_index(self) -> int | None:
        """Its number of arrival."""
        position = self.position(self.cursor)
        return None if position is None else self.model.index(position)

    def range(self) -> range:
        """The positions between the range's beginning and the cursor."""
        if self.range_start is None:
            return range(0)
        begin, here = self.model.position(self.range_start), self.position(self.cursor)
        ends = sorted((begin or 0, here or 0))
        return range(ends[0], ends[1] + 1)

    def toggle_mark(self) -> None:
        """Mark or unmark the current row and go down."""
        position = self.position(self.cursor)
        if position is not None:
            self.model.set_mark(self.model.index(position), not self.model.is_marked(position))
        self.refresh_row(self.cursor)
        self.action_cursor_down()

    def toggle_range(self) -> None:
        """Begin a range here, or mark what is between its beginning and the cursor."""
        if self.range_start is None:
            self.range_start = self.current_index
        else:
            self.model.mark_positions(self.range())
            self.range_start = None

    def move_cursor(self, row: int) -> None:
        """While a range is open, the rows between change too."""
        super().move_cursor(row)
        if self.range_start is not None:
            self.refresh()

    def header(self, cells: int) -> Spans | None:
        """Column titles with the sort order, where there is room for them."""
        if self.size.height < _HEADER_FROM:
            return None
        name, size, date = _widths(cells - 1)
        arrow = "▾" if self.model.descending else "▴"

        def title(text: str, key: SortKey) -> str:
            return f"{text} {arrow}" if self.model.sort is key else text

        line = " " + pad(("  " if self.flag else "") + title("Name", SortKey.NAME), name)
        if size:
            line += pad(title("Size", SortKey.SIZE), size, right=True)
        if date:
            line += "  " + pad(title("Changed" if date > 12 else "Date", SortKey.DATE), date - 2)
        return [(line, "header")]

    def spans(self, row: int, cells: int) -> Spans:
        """Mark, name, size, date."""
        name_cells, size_cells, date_cells = _widths(cells)
        position = self.position(row)
        if position is None:
            return [(" " + pad("..", name_cells), "folder")]
        item = self.model.row(position)
        marked = self.model.is_marked(position)
        in_range = self.range_start is not None and position in self.range()
        out: Spans = [(RANGE if in_range and not marked else MARK if marked else " ", "mark")]
        style = "mark" if marked or in_range else "folder" if item.is_folder else ""
        if self.flag is not None and name_cells > 8:
            glyph, flag_style = self.flag(item)
            out.append((pad(glyph, 2), flag_style))
            name_cells -= 2
        out.append((pad(_name(item, name_cells), name_cells), style))
        rest = "mark" if marked else ""
        if size_cells:
            out.append((pad(_size(item), size_cells, right=True), rest))
        if date_cells:
            wide = date_cells > 12
            date = format.date_wide(item.mtime) if wide else format.date(item.mtime, self._now())
            out.append(("  " + pad(date, date_cells - 2), rest or "dim"))
        return out

    def message(self, cells: int, lines: int) -> list[Spans]:
        """Why there is nothing."""
        return self.say(cells, lines) if not len(self.model) else []


def _widths(cells: int) -> tuple[int, int, int]:
    """Cells for name, size and date beside the mark."""
    if cells < 22:
        return max(cells - 1, 1), 0, 0
    if cells < 32:
        return cells - 8, 7, 0
    date = 18 if cells >= 62 else 8
    return cells - 1 - 7 - date, 7, date


def _name(item: Row, cells: int) -> str:
    shown = display(item.name)
    if item.is_folder:
        return middle(shown, cells - 2) + "/"
    return middle(shown, cells - 1)


def _size(item: Row) -> str:
    if item.is_folder:
        return format.size(item.size) if item.size >= 0 else ""
    if item.kind is EntryKind.LINK:
        return "link"
    if item.kind is EntryKind.SPECIAL:
        return "other"
    return format.size(item.size)
