"""What the terminal shows, cell by cell, so that only cells that differ are sent to it.

Textual sends every line that a widget wants drawn anew from the left edge of the widget on, whatever has changed in it:
for two figures that count, over and over, the words around them. Over a slow line that is most of what is sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.cells import get_character_cell_size
from rich.console import Console
from rich.control import Control
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.app import App
from textual.events import Event, Resize
from textual.strip import Strip

_MOVE = 8
"""Bytes that put the cursor elsewhere."""
_STYLE = 28
"""Bytes that set a style and take it back."""

Cell = tuple[object, object]
"""Text and style. Where characters do not take one cell each, all that stands there and the number of the cell in it."""


class Runs(CompositorUpdate):
    """Pieces of lines, each with the place where it begins."""

    def __init__(self, runs: list[tuple[int, int, Strip]]) -> None:
        self.runs = runs

    def render_segments(self, console: Console) -> str:
        """See `CompositorUpdate`."""
        return "".join(
            Control.move_to(x, y).segment.text + strip.simplify().render(console) for x, y, strip in self.runs
        )


class ShownCells:
    """Remembers what was sent. Read and written where the app draws, which is one thread."""

    def __init__(self) -> None:
        self._lines: dict[int, list[Cell | None]] = {}

    def forget(self) -> None:
        """Nothing is known of what the terminal shows."""
        self._lines.clear()

    def took(self, update: LayoutUpdate) -> None:
        """A region was sent whole."""
        for y, strips in enumerate(update.strips, update.region.y):
            x = update.region.x
            for strip in strips:
                self._put(x, y, _cells(strip, _is_narrow(strip)))
                x += strip.cell_length

    def changes(self, update: ChopsUpdate) -> Runs:
        """What of these pieces of lines the terminal does not show yet; it is taken to show it from now on."""
        runs: list[tuple[int, int, Strip]] = []
        for y, first, last in update.spans:
            for end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
                if strip is None or x >= last or end <= first:
                    continue
                is_narrow = _is_narrow(strip)
                new = _cells(strip, is_narrow)
                low, high = max(first - x, 0), min(last - x, len(new))
                if not is_narrow:  # A wide character must not be cut in two.
                    low, high = 0, len(new)
                old = self._lines.get(y, [])[x : x + len(new)]
                old += [None] * (len(new) - len(old))
                found = list(_differing(old, new, low, high))
                if found and not is_narrow:
                    found = [(low, high)]
                runs += [(x + start, y, strip.crop(start, stop)) for start, stop in found]
                self._put(x + low, y, new[low:high])
        return Runs(runs)

    def _put(self, x: int, y: int, cells: list[Cell]) -> None:
        line = self._lines.setdefault(y, [])
        line += [None] * (x - len(line))
        line[x : x + len(cells)] = cells


class FrugalApp(App[int]):
    """An app that sends its terminal only what that does not show yet."""

    def __init__(self) -> None:
        super().__init__()
        self._shown = ShownCells()

    async def on_event(self, event: Event) -> None:
        """See `MessagePump.on_event`. A terminal that was given to somebody else comes back with its size."""
        if isinstance(event, Resize):
            self._shown.forget()
        await super().on_event(event)

    def _display(self, screen: Any, renderable: Any) -> None:
        """See `App._display`, through which all goes that is drawn."""
        if self._batch_count or not self._running or self._closed:
            pass  # Textual draws nothing then.
        elif isinstance(renderable, LayoutUpdate):
            self._shown.took(renderable)
        elif isinstance(renderable, ChopsUpdate):
            renderable = self._shown.changes(renderable)
            cursor = self.screen.outer_size.clamp_offset(self.cursor_position)
            if not renderable.runs and cursor == self._previous_cursor_position:
                renderable = None
        elif renderable is not None:
            self._shown.forget()
        super()._display(screen, renderable)


def _is_narrow(strip: Strip) -> bool:
    """Each of its characters takes one cell."""
    return all(
        (text.isascii() and text.isprintable()) or all(get_character_cell_size(char) == 1 for char in text)
        for text, _, _ in strip
    )


def _cells(strip: Strip, is_narrow: bool) -> list[Cell]:
    """What is in each cell."""
    if is_narrow:
        return [(char, style) for text, style, _ in strip for char in text]
    whole = tuple(strip)
    return [(whole, number) for number in range(strip.cell_length)]


def _differing(old: list[Cell | None], new: list[Cell], low: int, high: int) -> Iterator[tuple[int, int]]:
    """Where the new cells are others, as starts and ends; what lies between is sent too where that is shorter."""
    start = stop = -1
    for number in range(low, high):
        if old[number] == new[number]:
            continue
        if start < 0:
            start = number
        elif not _joins(new, stop, number):
            yield start, stop
            start = number
        stop = number + 1
    if start >= 0:
        yield start, stop


def _joins(cells: list[Cell], stop: int, number: int) -> bool:
    """Sending the cells between costs no more than to begin again after them."""
    if number - stop > _MOVE + _STYLE:
        return False
    changes = sum(cells[at][1] != cells[at - 1][1] for at in range(stop, number + 1))
    return number - stop + _STYLE * changes <= _MOVE + _STYLE
