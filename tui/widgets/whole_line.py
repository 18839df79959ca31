"""What a row had no room for: the whole name under the cursor, or why an item failed, over the frame of the panes."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from engine import ItemKind, TransferSnapshot, TransferState
from tui.places import home
from tui.safe_text import display, middle, wrap
from tui.widgets.file_list import FileList
from tui.widgets.group_rows import row_spans
from tui.widgets.transfer_rows import name_of, state_words
from tui.widgets.transfer_table import TransferTable

S = TransferState

MOST_LINES = 4
"""Of a longer name the middle is left out: the details of the row show all of it."""
_SPEAKING = (S.FAILED, S.WAITING, S.ATTENTION)
"""States whose words say more than a row has room for."""


class WholeLine(Static):
    """Hidden where the row under the cursor says all. Covers the lower edge of the panes, or the upper one."""

    def __init__(self) -> None:
        super().__init__("", markup=False, id="whole")
        self.display = False
        self._said: tuple[str, ...] = ()

    def say(
        self, text: str, cells: int, *, rows: tuple[int, int] | None = None, is_edge_taken: bool = False
    ) -> None:
        """Show a text, which is raw; an empty one hides the line.

        Args:
            cells: Of a line of the screen.
            rows: Between the cursor and the upper and the lower edge, where the line stands over the cursor's own list.
            is_edge_taken: The lower edge says more than how much is listed.
        """
        lines = lines_of(text, cells - 2)
        covered = len(lines) - 1
        is_above = rows is not None and (rows[1] < covered or (is_edge_taken and rows[0] >= covered))
        self.set_class(is_above, "-above")
        if lines != self._said:
            is_as_tall = len(lines) == len(self._said)
            self._said = lines
            self.update(Content("\n".join(lines)), layout=not is_as_tall)
            self.display = bool(lines)


def lines_of(text: str, cells: int) -> tuple[str, ...]:
    """A raw text made safe, in at most `MOST_LINES` lines.

    >>> lines_of("", 20)
    ()
    >>> lines_of("x" * 45, 20)
    ('xxxxxxxxxxxxxxxxxxxx', 'xxxxxxxxxxxxxxxxxxxx', 'xxxxx')
    """
    cells = max(cells, 8)
    return tuple(wrap(middle(display(text), cells * MOST_LINES), cells)[:MOST_LINES]) if text else ()


def whole_name(listed: FileList) -> str:
    """The raw name under the cursor, if its row cuts it."""
    row = listed.current
    if row is None:
        return ""
    name = display(row.name)
    drawn = "".join(text for text, _ in listed.spans(listed.cursor, max(listed.size.width - 1, 0)))
    return "" if name in drawn else row.name + "/" * row.is_folder


def whole_item(table: TransferTable) -> str:
    """What the row of the queue under the cursor cuts, raw: why it stands as it does, else what moves where."""
    row = table.current
    if row is None:
        return ""
    spans = row_spans(row, max(table.size.width - 1, 0))
    if row.group is not None:
        return _way(row) if "…" in spans[2][0] else ""
    drawn = "".join(text for text, _ in spans)
    is_named = display(name_of(row)) in drawn
    if row.state in _SPEAKING:
        said = state_words(row)
        return "" if said in drawn and is_named else f"{name_of(row)}: {said}"
    return "" if is_named else _way(row)


def _way(row: TransferSnapshot) -> str:
    if row.kind is ItemKind.DELETE or not row.target:
        return home(row.source)
    return f"{home(row.source)} → {home(row.target)}"
