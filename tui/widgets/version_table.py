"""The versions of one object, or of all below a prefix, as lines: what each is, size, date, id."""

from __future__ import annotations

from collections.abc import Sequence

from engine import ObjectVersion
from tui import format
from tui.safe_text import display, middle, pad, wrap
from tui.version_names import what
from tui.widgets.line_table import LineTable, Spans

_MARK = "▌"
_WHAT, _SIZE, _DATE = 9, 7, 21
_LEAST_NAME, _LEAST_ID = 12, 10
_STYLES = {"current": "good", "deleted": "bad", "marker": "dim", "older": ""}


class VersionTable(LineTable):
    """A list of versions with marks. `rows` only grows until `clear`; the UI thread alone writes."""

    def __init__(self, prefix: str, *, named: bool) -> None:
        """
        Args:
            prefix: Of all keys; it is not repeated in each line.
            named: Show names, because there are several keys.
        """
        super().__init__()
        self._prefix, self._named = prefix, named
        self.rows: list[ObjectVersion] = []
        self.marked: set[int] = set()
        """Rows by their number."""
        self.words = ""
        """What to say where there is no row; made safe by whoever sets it."""

    def clear(self) -> None:
        """Forget rows and marks; the cursor stays near where it is."""
        self.rows, self.marked = [], set()
        self.refresh()

    def add(self, versions: Sequence[ObjectVersion]) -> None:
        """More rows, below those there are."""
        self.rows += versions
        self.clamp()
        self.refresh()

    @property
    def current(self) -> ObjectVersion | None:
        """What the cursor is on."""
        return self.rows[self.cursor] if self.cursor < len(self.rows) else None

    @property
    def chosen(self) -> list[ObjectVersion]:
        """The marked rows in their order, else the one under the cursor."""
        if self.marked:
            return [self.rows[row] for row in sorted(self.marked)]
        return [self.current] if self.current is not None else []

    def toggle_mark(self) -> None:
        """Mark the row, or take the mark off, and go down."""
        if self.current is not None:
            self.marked ^= {self.cursor}
            self.refresh_row(self.cursor)
            self.action_cursor_down()

    def mark_all(self, *, on: bool) -> None:
        """All or none."""
        self.marked = set(range(len(self.rows))) if on else set()
        self.refresh()

    # -- as lines ----------------------------------------------------------------------------------

    @property
    def row_count(self) -> int:
        return len(self.rows)

    def header(self, cells: int) -> Spans | None:
        name, id = self._widths(cells - 1)
        line = " " + (pad("Name", name) + " " if name else "") + pad("What", _WHAT)
        line += pad("Size", _SIZE, right=True) + "  " + pad("Date", _DATE - 2) + "  " + pad("Version", id)
        return [(line, "header")]

    def spans(self, row: int, cells: int) -> Spans:
        version = self.rows[row]
        name_cells, id_cells = self._widths(cells)
        marked = row in self.marked
        out: Spans = [(_MARK if marked else " ", "mark")]
        if name_cells:
            # Only the first line of each key needs its name.
            first = row == 0 or self.rows[row - 1].key != version.key or row == self.top
            name = middle(display(version.key.removeprefix(self._prefix) or "."), name_cells)
            out.append((pad(name, name_cells) + " ", "mark" if marked else "folder" if first else "dim"))
        word = what(version)
        out.append((pad(word, _WHAT), "mark" if marked else _STYLES[word]))
        size = "" if version.is_marker else format.size(version.size)
        out.append((pad(size, _SIZE, right=True), "mark" if marked else ""))
        out.append(("  " + pad(format.date_long(version.mtime), _DATE - 2), "mark" if marked else ""))
        out.append(("  " + pad(middle(display(version.version_id), id_cells), id_cells), "dim"))
        return out

    def message(self, cells: int, lines: int) -> list[Spans]:
        if self.rows or not self.words:
            return []
        return [[(f" {line}", "")] for line in wrap(self.words, max(cells - 2, 8))]

    def _widths(self, cells: int) -> tuple[int, int]:
        """Cells for name (0 for none) and version id."""
        room = cells - 1 - _WHAT - _SIZE - _DATE - 2
        if not self._named:
            return 0, max(room, _LEAST_ID)
        return max(room - 1 - _LEAST_ID, _LEAST_NAME), _LEAST_ID
