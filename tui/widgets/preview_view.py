"""The inside of a file or an object on the screen: as text, as hexadecimal numbers, as rows, as a picture."""

from __future__ import annotations

from itertools import groupby
from typing import ClassVar

from engine import Preview
from tui.looking import lexing
from tui.looking.hexadecimal import hex_line, line_count
from tui.looking.picture import format_of
from tui.looking.rows import Structure, Table, structure_of
from tui.looking.text import decoded, lines_in, marked_lines
from tui.safe_text import cut, display, pad, width, wrap
from tui.widgets.line_table import Spans
from tui.widgets.picture_view import PictureView

_MOST_COLUMN_CELLS = 30
_MOST_CELL = 200
"""Characters of a value that are looked at: no column shows more."""


class PreviewView(PictureView):
    """Shows a `Preview` in one of its views. It has no cursor: the keys of a list move the window."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"line-table--{name}" for name in ("keyword", "number", "string", "name", "comment")
    }

    def __init__(self) -> None:
        super().__init__()
        self.views: tuple[str, ...] = ()
        """Names of the views there are, the best first."""
        self.words = ""
        """What to say while there is nothing to show; from outside is made safe."""
        self._found: Preview | None = None
        self._text: str | None = None
        self._structure: Structure | None = None
        self._what = ""
        self._lines: list[tuple[str, str]] = []
        """Each with its roles; see `marked_lines`."""
        self._roles: dict[str, list[str] | None] = {}
        """By view, of what was asked for; ``None`` until it is known, and where nothing is found."""
        self._widths: list[int] = []
        self._first_column = 0

    # -- what is shown -----------------------------------------------------------------------------

    def show(self, name: str, found: Preview) -> None:
        """Show this, in the view that was chosen if it still can be, else in the best."""
        self._what, self._found, self.words, self._structure = name, found, "", None
        self._roles.clear()
        if found.offset == 0 and not found.gzip and not self.image_format:
            self.image_format = format_of(found.data)
        at_end = found.is_whole or found.offset + found.fetched == found.size
        self._text = decoded(found.data, at_start=found.offset == 0, at_end=at_end)
        if self._text is not None and found.offset == 0:
            self._structure = structure_of(name, found.content_type, self._text, whole=found.is_whole)
        self.choose()

    def choose(self) -> None:
        """Show the view that was chosen, or the best there is now."""
        if self._found is None:
            return
        self.views = (*(("image",) if self.is_image else ()), *self._views())
        self.look(self.view if self.view in self.views else self.views[0])

    def _views(self) -> tuple[str, ...]:
        if self._text is None:
            return ("hex",)
        if self._structure is None:
            return ("text", "hex")
        return ("rows" if self._structure.table is not None else "indented", "text", "hex")

    def say(self, words: str) -> None:
        """Show these words and nothing else."""
        self.view = "" if self.view == "image" else self.view
        self._found, self.words = None, words
        self.refresh()

    def next_view(self) -> None:
        """The view after this one."""
        if self.views:
            self.look(self.views[(self.views.index(self.view) + 1) % len(self.views)])

    def look(self, view: str) -> None:
        """Show it so, from its beginning."""
        self.view, self.top, self._first_column = view, 0, 0
        self._lay_out()
        self.refresh()

    def _lay_out(self) -> None:
        """Make the lines for the present width."""
        self._lines, self._widths = [], []
        cells = max(self.size.width - 1, 8)
        if self._found is None:
            return
        if self.view == "rows":
            table = self._table
            cells_of = [[table.header[n] if n < len(table.header) else ""] for n in range(_columns(table))]
            for row in table.rows:
                for column, value in enumerate(row):
                    cells_of[column].append(value)
            self._widths = [
                min(max(width(_cell(value)) for value in column), _MOST_COLUMN_CELLS) for column in cells_of
            ]
        elif self.view in ("text", "indented"):
            lines = self._text_lines()
            self._lines = marked_lines(lines, self._roles.get(self.view), cells)
            if self.view not in self._roles and not self.app.no_color:
                self._roles[self.view] = None
                self.run_worker(self._find_roles(self.view, lines), group=self.view, exclusive=True)

    def _text_lines(self) -> list[str]:
        document = self._structure.document if self._structure is not None else ""
        return lines_in(document if self.view == "indented" else self._text or "")

    async def _find_roles(self, view: str, lines: list[str]) -> None:
        """Give the lines their colours, when they are known; they are read without them till then."""
        found, name, kind = self._found, self._what, self._found.content_type if self._found else ""
        if view == "indented":
            name, kind = "document.json", ""
        roles = lexing.roles_of(await self.made_by(lexing.lexing(name, kind, lines)), lines)
        if roles is None or self._found is not found:
            return
        self._roles[view] = roles
        if self.view == view:
            self._lay_out()
            self.refresh()

    @property
    def _table(self) -> Table:
        table = self._structure.table if self._structure is not None else None
        return table if table is not None else Table((), ())

    # -- as a list ---------------------------------------------------------------------------------

    @property
    def row_count(self) -> int:
        if self._found is None:
            return 0
        if self.view == "image":
            return self.picture_rows
        if self.view == "hex":
            return line_count(self._found.data)
        return len(self._table.rows) if self.view == "rows" else len(self._lines)

    def header(self, cells: int) -> Spans | None:
        if self._found is None or self.view != "rows":
            return None
        return [(self._joined(self._table.header), "header")]

    def spans(self, row: int, cells: int) -> Spans:
        if self.view == "hex" and self._found is not None:
            where, numbers, characters = hex_line(self._found.data, row, self._found.offset)
            return [(f"{where}  ", "dim"), (f"{numbers}  ", ""), (characters, "strong")]
        if self.view == "rows":
            return [(self._joined(self._table.rows[row]), "")]
        line, roles = self._lines[row]
        if not roles:
            return [(line, "")]
        spans: Spans = []
        at = 0
        for letter, same in groupby(roles):
            length = len(list(same))
            spans.append((line[at : at + length], lexing.ROLES[letter]))
            at += length
        return [*spans, (line[at:], "")]

    def _joined(self, values: tuple[str, ...]) -> str:
        return "  ".join(
            pad(_cell(values[column]) if column < len(values) else "", self._widths[column])
            for column in range(self._first_column, len(self._widths))
        )

    def message(self, cells: int, lines: int) -> list[Spans]:
        if self._found is not None and not self._found.data:
            return [[(" It is empty.", "dim")]]
        words = self.image_words if self._found is not None and self.view == "image" else self.words
        return [[(f" {line}", "")] for line in wrap(words, max(cells - 2, 8))] if words else []

    def on_resize(self) -> None:
        """Wrap anew."""
        self._lay_out()
        super().on_resize()

    # -- moving ------------------------------------------------------------------------------------

    def clamp(self) -> bool:
        """The window within what there is; no row is ever the current one."""
        top, self.cursor = self.top, -1
        self.top = max(0, min(self.top, self.row_count - self.page))
        return self.top != top

    def move_window(self, top: int) -> None:
        """Let the window begin at this row, or the nearest there is."""
        before, self.top = self.top, top
        self.clamp()
        if self.top != before:
            self.refresh()

    def move_columns(self, by: int) -> None:
        """Show the columns further right, or further left."""
        before = self._first_column
        self._first_column = max(0, min(before + by, len(self._widths) - 1))
        if self._first_column != before:
            self.refresh()

    def action_cursor_up(self) -> None:
        """One line up."""
        self.move_window(self.top - 1)

    def action_cursor_down(self) -> None:
        """One line down."""
        self.move_window(self.top + 1)

    def action_cursor_first(self) -> None:
        """To the beginning."""
        self.move_window(0)

    def action_cursor_last(self) -> None:
        """To the last line that is here."""
        self.move_window(self.row_count)

    def _turn_page(self, rows: int) -> None:
        self.move_window(self.top + rows)

    def _wheel(self, rows: int) -> None:
        self.move_window(self.top + rows)

    def move_cursor(self, row: int) -> None:
        """A click changes nothing."""


def _columns(table: Table) -> int:
    return max([len(table.header), *(len(row) for row in table.rows)])


def _cell(value: str) -> str:
    return cut(display(value[:_MOST_CELL]), _MOST_COLUMN_CELLS)
