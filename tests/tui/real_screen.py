"""The screen on the real engine and the real server, driven by keys and read as drawn lines."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from engine import LocalRef, Location, ObjectRef
from tests.engine.queue.real import running as running_engine
from tests.servers.seaweed import Seaweed
from tests.tui.drive import Driver, main, text
from tui.app import S3TuiApp

PATIENCE = 30.0


@asynccontextmanager
async def real_screen(
    seaweed: Seaweed, folder: Path, place: str, *, size: tuple[int, int] = (80, 24), **options: Any
) -> AsyncIterator[Driver]:
    """The app at 80x24: `folder` on the left, ``bucket/prefix/`` on the right and with the keys."""
    here = folder / "here"
    here.mkdir()
    with running_engine(seaweed, folder / "state", start=False) as engine:
        bucket, _, key = place.partition("/")
        app = S3TuiApp(
            engine.manager,
            left=Location(LocalRef(f"{here}/")),
            right=Location(ObjectRef(bucket, key), engine.profile.connection_id),
            **options,
        )
        async with app.run_test(size=size, notifications=True) as pilot:
            panes = (app.main.left, app.main.right)
            await shows(pilot, lambda: not any(pane.is_reading for pane in panes))
            await pilot.press("tab")
            yield pilot


async def shows(pilot: Driver, what: str | Callable[[], Any]) -> None:
    """Wait until the screen shows this text, or until something is so; fails with the screen if it never is."""
    end = time.monotonic() + PATIENCE
    while not (what in text(pilot) if isinstance(what, str) else what()):
        assert time.monotonic() < end, f"{what!r} never came; on the screen:\n{text(pilot)}"
        await asyncio.sleep(0.01)
        await pilot.pause()
    await pilot.pause()


async def put_cursor_on(pilot: Driver, name: str) -> None:
    """Move the cursor of the pane that has the keys to a row."""
    listed = main(pilot).pane.list
    await pilot.press("g")
    for _ in range(listed.row_count):
        if listed.current is not None and listed.current.name == name:
            return
        await pilot.press("j")
    raise AssertionError(f"there is no row {name}:\n{text(pilot)}")
