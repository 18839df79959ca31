"""The list of what is unfinished: items that came back, and uploads with what is kept of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine import TransferState
from tui import format
from tui.safe_text import display, middle, pad, wrap
from tui.unfinished import Heading, ItemRow, Row, UploadRow
from tui.widgets import transfer_rows
from tui.widgets.line_table import LineTable, Spans

MARK = "▌"
_OWNER, _AGE, _PARTS, _BYTES = 16, 8, 7, 8

_STATES = {
    TransferState.QUEUED: "waits its turn",
    TransferState.RUNNING: "runs",
    TransferState.FINISHING: "completing",
    TransferState.WAITING: "waits",
    TransferState.PAUSED: "paused",
    TransferState.ATTENTION: "asks",
    TransferState.FAILED: "failed",
}


class UnfinishedList(LineTable):
    """Shows the rows it was last given, and which of them are marked."""

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__(id="unfinished")
        self._now = now
        self.rows: Sequence[Row] = ()
        self.marks: set[tuple[object, ...]] = set()
        """Keys of rows."""
        self.words = ""
        """What to say where there are no rows; from outside is made safe."""

    def show(self, rows: Sequence[Row]) -> None:
        """Show these; the cursor stays on its row, and marks on theirs."""
        here = self.current
        self.rows = rows
        self.marks &= {row.key for row in rows}
        if here is not None:
            at = next((number for number, row in enumerate(rows) if row.key == here.key), self.cursor)
            self.cursor = at
        self.clamp()
        if isinstance(self.current, Heading) and self.cursor + 1 < len(rows):
            self.cursor += 1
        self.refresh()

    def say(self, words: str) -> None:
        """Say this below the rows, or in their place."""
        if words != self.words:
            self.words = words
            self.refresh()

    @property
    def row_count(self) -> int:
        return len(self.rows)

    @property
    def current(self) -> Row | None:
        """What the cursor stands on."""
        return self.rows[self.cursor] if 0 <= self.cursor < len(self.rows) else None

    @property
    def chosen(self) -> list[ItemRow | UploadRow]:
        """The marked rows, or the one under the cursor."""
        marked = [row for row in self.rows if not isinstance(row, Heading) and row.key in self.marks]
        here = self.current
        return marked or ([here] if here is not None and not isinstance(here, Heading) else [])

    def toggle(self, row: Row | None) -> None:
        """Mark it, or take the mark off."""
        if row is not None and not isinstance(row, Heading):
            self.marks ^= {row.key}
            self.refresh()

    # -- drawing -----------------------------------------------------------------------------------

    def header(self, cells: int) -> Spans | None:
        """The columns of uploads, where there is nothing else."""
        if not self.rows or not all(isinstance(row, UploadRow) for row in self.rows):
            return None
        return [(_columns("  Key", cells - 1), "header")]

    def spans(self, row: int, cells: int) -> Spans:
        """One row."""
        shown = self.rows[row]
        if isinstance(shown, Heading):
            if not shown.has_columns:
                return [(middle(display(shown.text), cells), "dim")]
            return [(_columns(middle(display(shown.text), _key_cells(cells - 2)), cells), "header")]
        is_marked = shown.key in self.marks
        mark = (f"{MARK} " if is_marked else "  ", "mark")
        if isinstance(shown, ItemRow):
            return [mark, *transfer_rows.spans(shown.item, cells - 2)]
        return [mark, *self._upload(shown, cells - 2, "mark" if is_marked else "")]

    def _upload(self, row: UploadRow, cells: int, style: str) -> Spans:
        upload = row.upload
        name = _key_cells(cells)
        key = display(upload.ref.key.removeprefix(row.prefix))
        owner = _STATES.get(row.own.state, "yes") if row.own is not None else ""
        age = format.duration(self._now() - upload.initiated) if upload.initiated else format.UNKNOWN
        if upload.problem is not None:
            parts, size = "?", "denied" if upload.problem.code == "access-denied" else "failed"
        elif upload.bytes is None:
            parts, size = "…", "…"
        else:
            parts, size = f"{upload.parts:,}", format.size(upload.bytes)
        return [
            (pad(middle(key, name - 2), name), style or ("dim" if row.own is not None else "")),
            (pad(owner, _OWNER), "busy" if row.own is not None else ""),
            (pad(age, _AGE, right=True), "dim"),
            (pad(parts, _PARTS, right=True), "dim"),
            (pad(size, _BYTES, right=True), "bad" if upload.problem is not None else style),
        ]

    def message(self, cells: int, lines: int) -> list[Spans]:
        """The words, below the rows."""
        if not self.words or lines < 1:
            return []
        told = [line for part in self.words.split("\n") for line in wrap(display(part), cells - 4) or [""]]
        return [[("  ", ""), (line, "dim")] for line in (["", *told] if self.rows else told)][:lines]


def _key_cells(cells: int) -> int:
    return max(cells - _OWNER - _AGE - _PARTS - _BYTES, 8)


def _columns(first: str, cells: int) -> str:
    """The names of the columns, as wide as a row with its mark."""
    names = pad(first, _key_cells(cells - 2) + 2) + pad("In the queue", _OWNER)
    names += pad("Age", _AGE, right=True) + pad("Parts", _PARTS, right=True)
    return names + pad("Bytes", _BYTES, right=True)
