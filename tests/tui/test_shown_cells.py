"""Only cells that differ are sent, and the terminal shows what it would have shown."""

from __future__ import annotations

import random

import pyte
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.app import ComposeResult
from textual.events import Resize
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widgets import Static

from tui.shown_cells import FrugalApp, Runs, ShownCells

COLUMNS, ROWS = 24, 4
CUT = 11
"""Where the left part of the screen ends."""
STYLES = (Style(color="red"), Style(bold=True, bgcolor="blue"), Style(color="green", underline=True))
WORDS = ("ab", "34%", "→ s3://b", "日本", "x\u0301y", "é", "   ", "▁▂▃", "🙂", "1.2M/s", "語z")
CONSOLE = Console(force_terminal=True, color_system="256", width=COLUMNS)


def strip(rng: random.Random, cells: int) -> Strip:
    """A piece of a line of so many cells."""
    segments = [Segment(rng.choice(WORDS), rng.choice(STYLES)) for _ in range(rng.randint(0, 6))]
    return Strip(segments).adjust_cell_length(cells, STYLES[0])


def changed(rng: random.Random, before: Strip) -> Strip:
    """The same piece, or one that differs from some cell on, or in a few cells."""
    kind, cells = rng.randint(0, 3), before.cell_length
    if kind == 0:
        return before
    if kind == 1 or "\u0301" in before.text:  # An accent is not to be parted from its letter.
        return strip(rng, cells)
    at = rng.randint(0, cells)
    to = cells if kind == 2 else min(at + rng.randint(1, 3), cells)
    fresh = Strip([Segment("7" * (to - at), rng.choice(STYLES))], to - at)
    return Strip.join([before.crop(0, at), fresh, before.crop(to, cells)])


class Terminal:
    """Reads what is sent to it."""

    def __init__(self) -> None:
        self.screen = pyte.Screen(COLUMNS, ROWS)
        self.stream = pyte.Stream(self.screen)
        self.stream.feed("\x1b[?7l")  # As Textual has it: no line goes on in the next.

    def cells(self) -> list[list[tuple[object, ...]]]:
        """All that is to be seen."""
        return [[tuple(self.screen.buffer[y][x]) for x in range(COLUMNS)] for y in range(ROWS)]


def whole(lines: list[list[Strip]]) -> LayoutUpdate:
    return LayoutUpdate(list(lines), Region(0, 0, COLUMNS, ROWS))


def pieces(lines: list[list[Strip]]) -> ChopsUpdate:
    """An update of all lines, each in two pieces."""
    return ChopsUpdate(
        [{0: left, CUT: right} for left, right in lines],
        [(y, 0, COLUMNS) for y in range(ROWS)],
        [[CUT, COLUMNS] for _ in range(ROWS)],
    )


def test_the_terminal_shows_what_it_would_have_shown_if_all_had_been_sent() -> None:
    for seed in range(60):
        rng = random.Random(seed)
        shown, frugal = ShownCells(), Terminal()
        lines = [[strip(rng, CUT), strip(rng, COLUMNS - CUT)] for _ in range(ROWS)]
        shown.took(whole(lines))
        frugal.stream.feed(whole(lines).render_segments(CONSOLE))
        for step in range(12):
            lines = [[changed(rng, part) for part in line] for line in lines]
            frugal.stream.feed(shown.changes(pieces(lines)).render_segments(CONSOLE))
            everything = Terminal()
            everything.stream.feed(whole(lines).render_segments(CONSOLE))
            assert frugal.cells() == everything.cells(), f"seed {seed}, step {step}"


def update_of(text: str, first: int = 0, last: int = COLUMNS) -> ChopsUpdate:
    line = Strip([Segment(text, STYLES[0])]).adjust_cell_length(COLUMNS, STYLES[0])
    return ChopsUpdate([{0: line}], [(0, first, last)], [[COLUMNS]])


def sent(runs: Runs) -> str:
    return runs.render_segments(CONSOLE)


def test_what_is_shown_already_is_not_sent_again() -> None:
    shown = ShownCells()
    first = sent(shown.changes(update_of("RUN 34% 991K/s")))
    assert "RUN 34% 991K/s" in first
    assert sent(shown.changes(update_of("RUN 34% 991K/s"))) == ""


def test_of_a_line_only_the_figure_that_changed_is_sent() -> None:
    shown = ShownCells()
    shown.changes(update_of("RUN 34% 991K/s"))
    now = sent(shown.changes(update_of("RUN 34% 998K/s")))
    assert now.startswith("\x1b[1;11H"), now
    assert "8" in now and "998" not in now


def test_what_was_forgotten_is_sent_whole() -> None:
    shown = ShownCells()
    shown.changes(update_of("RUN 34% 991K/s"))
    shown.forget()
    assert "RUN 34% 991K/s" in sent(shown.changes(update_of("RUN 34% 991K/s")))


def test_only_the_part_of_a_line_that_is_to_be_drawn_is_taken_as_shown() -> None:
    shown = ShownCells()
    shown.changes(update_of("aaaaaaaa"))
    assert "bb" in sent(shown.changes(update_of("bbbbbbbb", 2, 4)))
    rest = sent(shown.changes(update_of("bbbbbbbb")))
    assert rest.count("b") > 2


class Words(FrugalApp):
    """Shows one line."""

    def compose(self) -> ComposeResult:
        yield Static("some words", id="words")


async def test_after_a_terminal_comes_back_with_its_size_nothing_is_taken_as_shown() -> None:
    app = Words()
    async with app.run_test(size=(COLUMNS, ROWS)) as pilot:
        await pilot.pause()
        app._shown.changes(update_of("RUN 34% 991K/s"))
        assert sent(app._shown.changes(update_of("RUN 34% 991K/s"))) == ""
        app._batch_count = 1  # What is drawn for the new size is not taken into account.
        size = Size(COLUMNS, ROWS)
        await app.on_event(Resize(size, size))
        again = sent(app._shown.changes(update_of("RUN 34% 991K/s")))
        app._batch_count = 0
    assert "RUN 34% 991K/s" in again
