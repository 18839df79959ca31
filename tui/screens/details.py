"""Sheets to read: all that is known of one file, object or transfer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar, Protocol

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from engine import TransferDetail, TransferId
from tui.safe_text import cut, display, pad, width
from tui.screens.dialog import Dialog
from tui.screens.transfer_text import transfer_lines, transfer_title

Pair = tuple[str, str]
"""A name and its value, raw. An empty name continues the value above; two empty ones make a gap."""

_MOST_NAME_CELLS = 22


def sheet(pairs: Iterable[Pair], cells: int) -> str:
    """Names in a column, values beside it, wrapped to `cells`.

    >>> print(sheet([("Size", "3 bytes"), ("ETag", "abc")], 40))
    Size  3 bytes
    ETag  abc
    """
    safe = [(display(name), value) for name, value in pairs]
    column = min(max((width(name) for name, _ in safe), default=0), _MOST_NAME_CELLS)
    lines = []
    for name, value in safe:
        room = max(cells - column - 2, 10)
        parts = [part for line in value.split("\n") for part in _wrap(display(line), room)]
        lines.append(f"{pad(name, column)}  {parts[0]}".rstrip())
        lines += [" " * (column + 2) + part for part in parts[1:]]
    return "\n".join(lines)


def _wrap(text: str, cells: int) -> list[str]:
    """Lines of at most `cells`, broken after a blank if there is one in their second half; nothing is left out."""
    lines = []
    while width(text) > cells:
        head = cut(text, cells + 1)[:-1]
        blank = head.rfind(" ")
        if blank > len(head) // 2:
            head = head[: blank + 1]
        lines.append(head)
        text = text[len(head) :]
    return [*lines, text]


class DetailsScreen(Dialog[None]):
    """Names and values to read and scroll; any of Esc, Enter and q closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,q,i", "close", show=False),
        Binding("j,down", "scroll_by(1)", show=False),
        Binding("k,up", "scroll_by(-1)", show=False),
        Binding("pagedown,space", "scroll_page(1)", show=False),
        Binding("pageup", "scroll_page(-1)", show=False),
        Binding("g,home", "scroll_to_last(False)", show=False),
        Binding("G,end", "scroll_to_last(True)", show=False),
    ]

    DEFAULT_CSS = """
    DetailsScreen {
        & .sheet { height: auto; max-height: 18; }
        & .sheet > Static { height: auto; }
    }
    DetailsScreen.-tall .sheet { max-height: 40; }
    """

    def __init__(self, title: str, pairs: Iterable[Pair]) -> None:
        super().__init__(title, hint="j k: scroll · Esc: back")
        self.VERTICAL_BREAKPOINTS = [(0, "-short"), (46, "-tall")]
        self._pairs = tuple(pairs)
        self._drawn = ""

    def compose_inside(self) -> ComposeResult:
        with VerticalScroll(classes="sheet", can_focus=False):
            yield Static("", markup=False, id="sheet")

    def on_mount(self) -> None:
        """Draw it once the width is known."""
        self.call_after_refresh(self.draw)

    def on_resize(self) -> None:
        """Wrap anew."""
        self.call_after_refresh(self.draw)

    def pairs(self) -> Iterable[Pair]:
        """What is shown."""
        return self._pairs

    def draw(self) -> None:
        """Draw what changed."""
        cells = min(self.app.size.width * 94 // 100, 90) - 6
        text = sheet(self.pairs(), cells)
        if text != self._drawn:
            self._drawn = text
            self.query_one("#sheet", Static).update(Content(text))

    def _scroller(self) -> VerticalScroll:
        return self.query_one(".sheet", VerticalScroll)

    def action_scroll_by(self, lines: int) -> None:
        """Scroll by lines."""
        self._scroller().scroll_relative(y=lines, animate=False)

    def action_scroll_page(self, pages: int) -> None:
        """Scroll by pages."""
        self._scroller().scroll_relative(y=pages * self._scroller().size.height, animate=False)

    def action_scroll_to_last(self, last: bool) -> None:
        """Go to the first or the last line."""
        scroller = self._scroller()
        if last:
            scroller.scroll_end(animate=False)
        else:
            scroller.scroll_home(animate=False)


class KnowsDetails(Protocol):
    """What `TransferDetailsScreen` needs of a `TransferManager`."""

    def detail(self, id: TransferId) -> TransferDetail | None:
        """Everything about one item, or ``None`` if it is gone."""
        ...


class TransferDetailsScreen(DetailsScreen):
    """One item, live: progress, parts, attempts, the last error in full, what was verified, paths."""

    def __init__(
        self, manager: KnowsDetails, id: TransferId, is_held: Callable[[], bool] = lambda: False
    ) -> None:
        self._manager, self._transfer, self._is_held = manager, id, is_held
        detail = manager.detail(id)
        super().__init__(transfer_title(detail.row) if detail else f"Transfer {id}", ())

    def on_mount(self) -> None:
        """Draw now and four times a second."""
        super().on_mount()
        self.set_interval(0.25, self.draw)

    def pairs(self) -> Iterable[Pair]:
        detail = self._manager.detail(self._transfer)
        if detail is None:
            return [("State", "it is no longer in the queue")]
        return transfer_lines(detail, held=self._is_held())
