"""The last line of the screen: the keys that work here, made from the one table of keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from tui.keys import Context, KeyAction, for_context
from tui.safe_text import display, width

_EDGE = 20
"""Footer places from here on stand at the right edge; the first two of them are always shown."""


@dataclass(frozen=True, slots=True)
class Hint:
    """One key and what it does now."""

    key: str
    label: str
    place: int
    """As `KeyAction.footer`."""
    action: str = ""
    """What a click runs."""
    denied: str = ""
    """Why it cannot be done here, in a word or two; then it is dimmed."""

    @property
    def cells(self) -> int:
        """Room it takes, the gap after it included."""
        return width(self.key) + 1 + width(self.words) + 2

    @property
    def words(self) -> str:
        """What stands behind the key."""
        return f"{self.label} ({self.denied})" if self.denied else self.label

    @property
    def rank(self) -> int:
        """Help and quit first, then what is most useful here."""
        return self.place - 100 if _EDGE <= self.place < _EDGE + 2 else self.place


Relabel = Callable[[KeyAction], str | None]
"""The label to show now (``Copy 3 →``), or ``None`` where the action means nothing here."""

Deny = Callable[[str], str]
"""Why the action with this id cannot be done here, or nothing."""


class KeyBar(Widget):
    """As many hints as fit, most useful first; help and quit always."""

    COMPONENT_CLASSES = {"key-bar--key", "key-bar--label", "key-bar--denied"}  # noqa: RUF012  Textual's own declaration

    def __init__(self) -> None:
        super().__init__(id="keys")
        self._hints: tuple[Hint, ...] = ()

    def show_context(self, context: Context, relabel: Relabel, deny: Deny = lambda _: "") -> None:
        """Show what works in `context`."""
        entries = [e for e in for_context(context, Context.GLOBAL) if e.footer]
        self.show(
            Hint(e.shown_key, label, e.footer, e.action, deny(e.id))
            for e in entries
            if (label := relabel(e)) is not None
        )

    def show(self, hints: Iterable[Hint]) -> None:
        """Show these, redrawing only if they are others."""
        ordered = tuple(sorted(hints, key=_place))
        if ordered != self._hints:
            self._hints = ordered
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """The hints in one line."""
        cells, base = self.size.width, self.rich_style
        room = cells - 1
        kept: list[Hint] = []
        for hint in sorted(self._hints, key=_rank):
            if hint.cells - 2 > room:  # Nothing needs to follow the last one. A shorter one may fit yet.
                continue
            kept.append(hint)
            room -= hint.cells
        segments = [Segment(" ", base)]
        for at_edge in (False, True):
            if at_edge:
                segments.append(Segment(" " * max(room, 0), base))
            for hint in self._hints:
                if hint in kept and (hint.place >= _EDGE) is at_edge:
                    segments += self._segments(hint, base)
        return Strip(segments).adjust_cell_length(cells, base)

    def _segments(self, hint: Hint, base: Style) -> list[Segment]:
        click = Style.from_meta({"@click": hint.action}) if hint.action else Style.null()
        if hint.denied:
            dim = self.get_component_rich_style("key-bar--denied") + click
            return [Segment(f"{hint.key} {hint.label} ({display(hint.denied)})", dim), Segment("  ", base)]
        key = self.get_component_rich_style("key-bar--key") + click
        word = self.get_component_rich_style("key-bar--label") + click
        return [Segment(hint.key, key), Segment(f" {hint.label}", word), Segment("  ", base)]


def _place(hint: Hint) -> int:
    return hint.place


def _rank(hint: Hint) -> int:
    return hint.rank
