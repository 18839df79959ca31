"""The app on the whole engine and the real server, driven by keys and read as drawn lines."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from textual.pilot import Pilot

from engine import LocalRef, Location, ObjectRef
from tests.engine.queue.real import Engine, running
from tests.servers.seaweed import Seaweed
from tui.app import S3TuiApp

PATIENCE = 30.0
"""Seconds after which a test gives up."""


class RealScreen:
    """What is to be seen, and the engine behind it."""

    def __init__(self, pilot: Pilot[int], app: S3TuiApp, engine: Engine) -> None:
        self.pilot, self.app, self.engine = pilot, app, engine

    @property
    def lines(self) -> list[str]:
        """The lines on the screen."""
        strips = self.app.screen._compositor.render_strips()
        return ["".join(segment.text for segment in strip).rstrip() for strip in strips]

    @property
    def text(self) -> str:
        """All of them."""
        return "\n".join(self.lines)

    async def until(self, true: Callable[[str], object]) -> str:
        """Let the app work until the screen is so; what it shows then."""
        end = time.monotonic() + PATIENCE
        while not true(self.text):
            assert time.monotonic() < end, f"never came true; on the screen:\n{self.text}"
            await self.pilot.pause(0.02)
        return self.text

    async def shows(self, *texts: str) -> str:
        """All of them, sooner or later, at the same time."""
        return await self.until(lambda screen: all(text in screen for text in texts))

    async def press(self, *keys: str) -> None:
        """Type."""
        await self.pilot.press(*keys)

    async def idle(self, items: int) -> None:
        """Until so many items are finished and nothing is left to do."""
        await self.until(lambda _: self.engine.manager.is_settled and self._done >= items)

    @property
    def _done(self) -> int:
        totals = self.engine.manager.snapshot(0, 0).totals
        return sum(count for state, count in totals.counts.items() if state.is_final)


@asynccontextmanager
async def on_real_screen(
    seaweed: Seaweed, state: Path, here: Path, bucket: str, prefix: str = ""
) -> AsyncIterator[RealScreen]:
    """Left a folder, right a bucket or a prefix, both read."""
    with running(seaweed, state) as engine:
        left = Location(LocalRef(f"{here}/"))
        right = Location(ObjectRef(bucket, prefix), engine.profile.connection_id)
        app = S3TuiApp(engine.manager, left=left, right=right)
        async with app.run_test(size=(80, 24), notifications=True) as pilot:
            screen = RealScreen(pilot, app, engine)
            await screen.until(lambda _: not (app.main.left.is_reading or app.main.right.is_reading))
            yield screen
