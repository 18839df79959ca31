"""The last line of the screen: the keys that work here, made from the one table of keys."""

from __future__ import annotations

from collections.abc import Callable

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from tui.keys import Context, KeyAction, for_context
from tui.safe_text import width

Relabel = Callable[[KeyAction], str | None]
"""The label to show now (``Copy 3 →``), or ``None`` where the action means nothing here."""

_EDGE = 20
"""Footer places from here on stand at the right edge; the first two of them are always shown."""


class KeyBar(Widget):
    """As many hints as fit, most useful first; help and quit always."""

    COMPONENT_CLASSES = {"key-bar--key", "key-bar--label"}  # noqa: RUF012  Textual's own declaration

    def __init__(self) -> None:
        super().__init__(id="keys")
        self._hints: list[tuple[KeyAction, str]] = []

    def show(self, context: Context, relabel: Relabel) -> None:
        """Show what works in `context`."""
        entries = [e for e in for_context(context, Context.GLOBAL) if e.footer]
        hints = [(e, label) for e in sorted(entries, key=_place) if (label := relabel(e)) is not None]
        if hints != self._hints:
            self._hints = hints
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """The hints in one line."""
        cells, base = self.size.width, self.rich_style
        room = cells - 1
        kept: set[str] = set()
        for hint in sorted(self._hints, key=_rank):
            if _cells(hint) > room:
                break
            kept.add(hint[0].id)
            room -= _cells(hint)
        segments = [Segment(" ", base)]
        for at_edge in (False, True):
            if at_edge:
                segments.append(Segment(" " * max(room, 0), base))
            for hint in self._hints:
                if hint[0].id in kept and (hint[0].footer >= _EDGE) is at_edge:
                    segments += self._segments(hint, base)
        return Strip(segments).adjust_cell_length(cells, base)

    def _segments(self, hint: tuple[KeyAction, str], base: Style) -> list[Segment]:
        entry, label = hint
        click = Style.from_meta({"@click": entry.action})
        key = self.get_component_rich_style("key-bar--key") + click
        word = self.get_component_rich_style("key-bar--label") + click
        return [Segment(entry.shown_key, key), Segment(f" {label}", word), Segment("  ", base)]


def _place(entry: KeyAction) -> int:
    return entry.footer


def _rank(hint: tuple[KeyAction, str]) -> int:
    """Help and quit first, then what is most useful here."""
    place = hint[0].footer
    return place - 100 if _EDGE <= place < _EDGE + 2 else place


def _cells(hint: tuple[KeyAction, str]) -> int:
    return width(hint[0].shown_key) + 1 + width(hint[1]) + 2
