"""The first picture: the frames of the main screen, before anything is known that goes into them."""

from __future__ import annotations

from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

READING = "Reading…"


class Skeleton(Widget):
    """Draws what does not depend on anything: it is there before files, queue and settings are read."""

    COMPONENT_CLASSES = {"skeleton--frame", "skeleton--busy", "skeleton--keys"}  # noqa: RUF012  Textual's own declaration
    DEFAULT_CSS = """
    Skeleton {
        width: 100%;
        height: 100%;
        background: $background;
        color: $foreground;
        & > .skeleton--frame { color: $border-blurred; }
        &:dark > .skeleton--frame { color: $surface-lighten-2; }
        &:ansi > .skeleton--frame { color: ansi_bright_black; }
        & > .skeleton--busy { color: $text-primary; text-style: bold; }
        & > .skeleton--keys { background: $panel; }
    }
    """

    def render_line(self, y: int) -> Strip:
        """One line."""
        cells, lines = self.size
        panes, queue = _divided(cells, lines)
        half = cells // 2
        if y < panes:
            return self._boxes((half, cells - half), y, panes)
        if y < panes + queue:
            return self._boxes((cells,), y - panes, queue)
        style = self.get_component_rich_style("skeleton--keys") if y == lines - 1 else self.rich_style
        return Strip.blank(cells, style)

    def _boxes(self, widths: tuple[int, ...], line: int, lines: int) -> Strip:
        """A line of frames side by side."""
        frame = self.get_component_rich_style("skeleton--frame")
        busy = self.get_component_rich_style("skeleton--busy")
        segments: list[Segment] = []
        for cells in widths:
            room = max(cells - 2, 0)
            if line in (0, lines - 1):
                ends = "╭╮" if line == 0 else "╰╯"
                segments.append(Segment(f"{ends[0]}{'─' * room}{ends[1]}", frame))
                continue
            said = READING if line == (lines - 1) // 2 and room > len(READING) else ""
            before = (room - len(said)) // 2
            segments += [
                Segment("│", frame),
                Segment(" " * before, self.rich_style),
                Segment(said, busy),
                Segment(" " * (room - before - len(said)), self.rich_style),
                Segment("│", frame),
            ]
        return Strip(segments).adjust_cell_length(sum(widths), self.rich_style)


def _divided(cells: int, lines: int) -> tuple[int, int]:
    """Lines for the panes and for the queue, as the styles of the main screen give them."""
    is_tall, is_wide = lines >= 34, cells >= 110
    room = max(lines - (4 if is_tall and is_wide else 2), 0)
    queue = room * 2 // 5 if is_tall else 5 if lines < 18 else 8
    return max(room - queue, 0), min(queue, room)
