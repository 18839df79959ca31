"""The line below the panes that says how they compare; it is there only while they are compared."""

from __future__ import annotations

from collections.abc import Mapping

from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from tui.comparing import Standing
from tui.safe_text import cut, width
from tui.widgets.line_table import Spans

_STYLES = {f"compare-line--{name}" for name in ("good", "warn", "busy", "bad", "dim", "strong")}


class CompareLine(Widget):
    """Each kind with its glyph, count and word; the words give way where there is no room."""

    COMPONENT_CLASSES = _STYLES

    def __init__(self) -> None:
        super().__init__(id="compare")
        self.display = False
        self._lead, self._hint = "", ""
        self._counts: dict[Standing, int] = {}
        self._problem = ""

    def say(self, lead: str, counts: Mapping[Standing, int], hint: str, *, problem: str = "") -> None:
        """Show these, made safe.

        Args:
            lead: Before the counts: how far it is.
            hint: The keys, at the right edge.
            problem: Why it is not complete.
        """
        said = (lead, dict(counts), hint, problem)
        if said != (self._lead, self._counts, self._hint, self._problem):
            self._lead, self._counts, self._hint, self._problem = said
            self.refresh()
        self.display = True

    def hide(self) -> None:
        """Nothing is compared."""
        self.display = False

    def spans(self, cells: int) -> Spans:
        """What is said, fitting the line."""
        room = cells - width(self._hint) - 2
        lead: Spans = [(f"{self._lead}  ", "strong")] if self._lead else []
        lead += [(f"{self._problem}  ", "bad")] if self._problem else []
        kinds = [(kind, count) for kind in Standing if (count := self._counts.get(kind, 0))]
        parts = lead
        for length in range(3):
            parts = lead + [
                (
                    f"{kind.glyph} {count:,}{(f' {kind.word}', f' {kind.short_word}', '')[length]}  ",
                    kind.style,
                )
                for kind, count in kinds
            ]
            if sum(width(text) for text, _ in parts) <= room:
                break
        return parts

    def render_line(self, y: int) -> Strip:
        """The line."""
        cells, base = self.size.width, self.rich_style
        room = max(cells - width(self._hint) - 2, 0)
        segments = [Segment(" ", base)]
        for text, name in self.spans(cells):
            text = cut(text, room)
            room -= width(text)
            segments.append(Segment(text, self.get_component_rich_style(f"compare-line--{name}")))
        segments.append(Segment(" " * room, base))
        segments.append(Segment(self._hint, self.get_component_rich_style("compare-line--dim")))
        return Strip(segments).adjust_cell_length(cells, base)
