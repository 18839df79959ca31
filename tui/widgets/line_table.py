"""One list widget for panes and queue: it draws only the lines that are seen, and only when they change.

A row is asked for when its line is drawn, as spans of plain text with a style name each. There is no
markup anywhere, so no name can be taken for it; what comes from outside has passed
`safe_text.display` before it becomes a span. A hundred thousand rows cost what twenty do.
"""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.content import Content
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tui import keys
from tui.safe_text import cut, width

Spans = list[tuple[str, str]]
"""Text and style name, left to right; the name is a component class without its prefix, or empty."""

STYLES = (
    "cursor",
    "mark",
    "folder",
    "dim",
    "good",
    "bad",
    "warn",
    "busy",
    "strong",
    "header",
    "thumb",
    "bar",
    "bar-back",
)


def in_border(parts: Spans, cells: int) -> Content:
    """Facts with dots between, for the border around a list; the styles here are Textual's."""
    out: Spans = []
    for part in parts:
        out += [(" · ", ""), part] if out else [part]
    return Content.assemble(*out).truncate(cells, ellipsis=True)


class LineTable(Widget, can_focus=True):
    """A virtual list with a cursor. Subclasses say how many rows there are and what is in one.

    All drawing state is written by the UI thread only.
    """

    BINDINGS = keys.bindings(keys.Context.LIST)
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"line-table--{name}" for name in STYLES}

    class CursorMoved(Message):
        """The cursor stands on another row, by key or mouse."""

        def __init__(self, table: LineTable) -> None:
            self.table = table
            super().__init__()

        @property
        def control(self) -> LineTable:
            """The list."""
            return self.table

    class Opened(CursorMoved):
        """A row was double-clicked."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.cursor = 0
        """The row the cursor is on."""
        self.top = 0
        """The first row that is seen."""
        self._styles: dict[tuple[str, bool], Style] = {}

    # -- for subclasses --------------------------------------------------------------------------

    @property
    def row_count(self) -> int:
        """How many rows there are."""
        raise NotImplementedError

    def spans(self, row: int, cells: int) -> Spans:
        """What to draw in `row`, at most `cells` wide."""
        raise NotImplementedError

    def header(self, cells: int) -> Spans | None:
        """A line above the rows that does not scroll, or ``None``."""
        return None

    def message(self, cells: int, lines: int) -> list[Spans]:
        """What to say below the rows where there is room: why there are none, and what to do."""
        return []

    def scrolled(self) -> None:
        """Another window of rows is about to be drawn."""

    # -- geometry --------------------------------------------------------------------------------

    @property
    def header_lines(self) -> int:
        """Lines taken by the header."""
        return 0 if self.header(max(self.size.width, 1)) is None else 1

    @property
    def page(self) -> int:
        """How many rows are seen at once; at least 1."""
        return max(self.size.height - self.header_lines, 1)

    def clamp(self) -> bool:
        """Bring cursor and window back into the rows there are; true if the window moved."""
        count, top = self.row_count, self.top
        self.cursor = max(0, min(self.cursor, count - 1))
        if self.cursor < self.top:
            self.top = self.cursor
        elif self.cursor >= self.top + self.page:
            self.top = self.cursor - self.page + 1
        self.top = max(0, min(self.top, count - self.page))
        return self.top != top

    def on_resize(self) -> None:
        """Keep the cursor in sight."""
        self.clamp()
        self.scrolled()
        self.refresh()

    # -- cursor ----------------------------------------------------------------------------------

    def move_cursor(self, row: int) -> None:
        """Put the cursor on `row` (or the nearest there is), redrawing two lines where that is enough."""
        before = self.cursor
        self.cursor = row
        if self.clamp():
            self.scrolled()
            self.refresh()
        elif self.cursor != before:
            self.refresh_row(before)
            self.refresh_row(self.cursor)
        if self.cursor != before:
            self.post_message(self.CursorMoved(self))

    def refresh_row(self, row: int) -> None:
        """Redraw one row if it is seen."""
        line = row - self.top
        if 0 <= line < self.page:
            self.refresh(Region(0, line + self.header_lines, self.size.width, 1))

    def action_cursor_up(self) -> None:
        """One row up."""
        self.move_cursor(self.cursor - 1)

    def action_cursor_down(self) -> None:
        """One row down."""
        self.move_cursor(self.cursor + 1)

    def action_cursor_first(self) -> None:
        """To the first row."""
        self.move_cursor(0)

    def action_cursor_last(self) -> None:
        """To the last row."""
        self.move_cursor(self.row_count - 1)

    def action_page_up(self) -> None:
        """One page up."""
        self._turn_page(-max(self.page - 1, 1))

    def action_page_down(self) -> None:
        """One page down."""
        self._turn_page(max(self.page - 1, 1))

    def _turn_page(self, rows: int) -> None:
        self.top = max(0, min(self.top + rows, self.row_count - self.page))
        before, self.cursor = self.cursor, self.cursor + rows
        self.clamp()
        self.scrolled()
        self.refresh()
        if self.cursor != before:
            self.post_message(self.CursorMoved(self))

    # -- mouse -----------------------------------------------------------------------------------

    def on_click(self, event: events.Click) -> None:
        """A click moves the cursor, a double click opens."""
        row = self.top + event.y - self.header_lines
        if not 0 <= row < self.row_count or event.y < self.header_lines:
            return
        self.move_cursor(row)
        if event.chain == 2:
            self.post_message(self.Opened(self))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel moves the window, and takes the cursor along."""
        event.stop()
        self._wheel(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel moves the window, and takes the cursor along."""
        event.stop()
        self._wheel(-3)

    def _wheel(self, rows: int) -> None:
        top = max(0, min(self.top + rows, self.row_count - self.page))
        if top == self.top:
            return
        self.top = top
        self.cursor = max(top, min(self.cursor, top + self.page - 1))
        self.scrolled()
        self.refresh()

    # -- drawing ---------------------------------------------------------------------------------

    def notify_style_update(self) -> None:
        """Forget styles made for another theme or focus state."""
        self._styles.clear()
        super().notify_style_update()

    def style_named(self, name: str, on_cursor: bool = False) -> Style:
        """The style of a span; on the cursor's line the cursor's colours win."""
        found = self._styles.get((name, on_cursor))
        if found is None:
            found = self.get_component_rich_style(f"line-table--{name}") if name else self.rich_style
            if on_cursor:
                found += self._cursor_style()
            self._styles[(name, on_cursor)] = found
        return found

    def _cursor_style(self) -> Style:
        """What the cursor adds: its background, and its text colour where the theme gives it one."""
        full = self.get_component_rich_style("line-table--cursor")
        own = self.get_component_styles("line-table--cursor")
        color = full.color if own.has_rule("color") else None
        dim = None if color is None else False
        return Style(color=color, bgcolor=full.bgcolor, dim=dim) + own.text_style

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        cells = self.size.width
        if cells <= 0:
            return Strip.blank(0)
        header = self.header(cells)
        if header is not None:
            if y == 0:
                return self._strip(header, cells, False)
            y -= 1
        count, room = self.row_count, self.page
        if self.top + y < count:
            row = self.top + y
            on_cursor = row == self.cursor
            inner = max(cells - 1, 0)
            strip = self._strip(self.spans(row, inner), inner, on_cursor)
            return Strip.join([strip, self._edge(y, count, room, on_cursor)])
        below = y - max(count - self.top, 0)
        said = self.message(cells, room - max(count - self.top, 0))
        if below < len(said):
            return self._strip(said[below], cells, False)
        return Strip.blank(cells, self.rich_style)

    def _edge(self, line: int, count: int, room: int, on_cursor: bool) -> Strip:
        """The last column: where this window is in the whole."""
        if count <= room:
            return Strip([Segment(" ", self.style_named("", on_cursor))], 1)
        size = max(1, room * room // count)
        start = round(self.top * (room - size) / max(count - room, 1))
        thumb = start <= line < start + size
        return Strip([Segment("▐" if thumb else " ", self.style_named("thumb"))], 1)

    def _strip(self, spans: Spans, cells: int, on_cursor: bool) -> Strip:
        segments: list[Segment] = []
        left = cells
        for text, name in spans:
            used = width(text)
            if used > left:
                text = cut(text, left)
                used = width(text)
            if text:
                segments.append(Segment(text, self.style_named(name, on_cursor)))
            left -= used
            if left <= 0:
                break
        if left > 0:
            segments.append(Segment(" " * left, self.style_named("", on_cursor)))
        return Strip(segments, cells)

    def shown(self) -> list[str]:
        """The lines as drawn now, without trailing blanks: what a test, or a person, would read."""
        return [self.render_line(y).text.rstrip() for y in range(self.size.height)]
