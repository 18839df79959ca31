"""The app on the real engine, at 80 by 24, driven by keys and read as a person would."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from textual.pilot import Pilot

from engine import LocalRef, Location, ObjectRef
from tests.engine.queue.real import Engine
from tui.app import S3TuiApp

PATIENCE = 30.0
"""Seconds after which a test gives up."""


class Screen:
    """What is to be seen."""

    def __init__(self, pilot: Pilot[int]) -> None:
        self._pilot = pilot

    @property
    def text(self) -> str:
        strips = self._pilot.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)

    async def until(self, true: Callable[[str], object]) -> str:
        """Let the app work until the screen is so; what it shows then."""
        end = time.monotonic() + PATIENCE
        while not true(self.text):
            assert time.monotonic() < end, f"never came true; on the screen:\n{self.text}"
            await self._pilot.pause(0.02)
        return self.text

    async def shows(self, *texts: str) -> str:
        """All of them, sooner or later, at the same time."""
        return await self.until(lambda screen: all(text in screen for text in texts))

    async def press(self, *keys: str) -> None:
        """Type."""
        await self._pilot.press(*keys)

    async def details(self, *texts: str) -> None:
        """In the details of the first item of the queue, which are then left."""
        await self._pilot.press("w", "enter")
        await self.until(lambda screen: all(letters(f"   {text}") in letters(screen) for text in texts))
        await self._pilot.press("escape")
        await self.until(lambda screen: "Failed tries" not in screen)


def letters(screen: str) -> str:
    """What is written, without blanks and frames: a dialog wraps its texts anywhere."""
    return re.sub(r"[\s│╭╮╰╯─█▄▀▁▔]", "", "".join(line[3:76] for line in screen.splitlines()))


@asynccontextmanager
async def on_screen(engine: Engine, folder: Path) -> AsyncIterator[Screen]:
    """The app on this engine, at 80 by 24; it closes the engine at its end."""
    here = Location(LocalRef(f"{folder}/"))
    there = Location(ObjectRef("b"), engine.profile.connection_id)
    app = S3TuiApp(engine.manager, left=here, right=there)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        yield Screen(pilot)
