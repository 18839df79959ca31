"""The whole app on a fake engine, driven by keys and read as drawn lines."""

from __future__ import annotations

import unicodedata
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from textual.pilot import Pilot

from engine import Location
from tests.tui import example
from tests.tui.fake_engine import FakeManager
from tui.app import S3TuiApp
from tui.safe_text import display
from tui.screens.main import MainScreen

Driver = Pilot[int]


@asynccontextmanager
async def running(
    manager: FakeManager | None = None,
    *,
    size: tuple[int, int] = (80, 24),
    left: Location | None = example.HERE,
    right: Location | None = example.THERE,
    **options: Any,
) -> AsyncIterator[Driver]:
    """The app, both panes read."""
    manager = manager or example.example_manager()
    app = S3TuiApp(manager, left=left, right=right, now=lambda: example.NOW, **options)
    async with app.run_test(size=size, notifications=True) as pilot:
        await settled(pilot)
        yield pilot


def main(pilot: Driver) -> MainScreen:
    """The main screen, whatever is over it."""
    app = pilot.app
    assert isinstance(app, S3TuiApp)
    return app.main


def engine(pilot: Driver) -> FakeManager:
    """The fake."""
    manager = main(pilot).manager
    assert isinstance(manager, FakeManager)
    return manager


async def until(pilot: Driver, true: Callable[[], bool]) -> None:
    """Let the app work until something is so; fails if it never is."""
    for _ in range(500):
        if true():
            await pilot.pause()
            return
        await pilot.pause(0.01)
    raise AssertionError(f"never came true; on the screen:\n{text(pilot)}")


async def settled(pilot: Driver) -> None:
    """Both panes have read, sorted and filtered what there is, unless the browser holds it back."""
    screen = main(pilot)
    panes = (screen.left, screen.right)
    held = engine(pilot).browser.hold
    await until(pilot, lambda: held or not any(p.is_reading or p.model.is_busy for p in panes))
    await pilot.pause()
    screen.tick()
    await pilot.pause()


async def press(pilot: Driver, *keys: str) -> None:
    """Press keys and let everything they set in motion happen."""
    await pilot.press(*keys)
    await settled(pilot)


def drawn(pilot: Driver) -> list[str]:
    """The lines on the screen, right-stripped."""
    strips = pilot.app.screen._compositor.render_strips()
    return ["".join(segment.text for segment in strip).rstrip() for strip in strips]


def text(pilot: Driver) -> str:
    """The whole screen as one text."""
    return "\n".join(drawn(pilot))


def left(pilot: Driver) -> list[str]:
    """The left pane's lines, without its frame and trailing blanks."""
    return main(pilot).left.list.shown()


def right(pilot: Driver) -> list[str]:
    """The right pane's lines."""
    return main(pilot).right.list.shown()


def queue(pilot: Driver) -> list[str]:
    """The queue's lines."""
    return main(pilot).queue.table.shown()


def assert_harmless(pilot: Driver) -> None:
    """Nothing on the screen is anything a terminal would act on, and every line is as wide as the screen."""
    for strip in pilot.app.screen._compositor.render_strips():
        line = "".join(segment.text for segment in strip)
        bad = [c for c in line if display(c) != c and unicodedata.category(c) not in ("Mn", "Me")]
        assert not bad, (bad, line)
        assert strip.cell_length == pilot.app.size.width


def told(pilot: Driver) -> list[str]:
    """The notices on the screen, newest last."""
    return [notice.message for notice in pilot.app._notifications]


async def tells(pilot: Driver, notice: str) -> None:
    """Wait for a notice; it must be the newest then."""
    await until(pilot, lambda: told(pilot)[-1:] == [notice])
